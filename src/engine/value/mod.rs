//! What a key holds: values of parts, the limits up to which they are packed, and their types' own files.
//!
//! Each type has three faces: `List` (the parts), `ListRef` (to read: packed or not), `ListMut` (to change: begins
//! packed, and grows into parts when it passes the limits).

pub mod array;
pub mod hash;
pub mod hyperloglog;
pub mod ints;
pub mod list;
pub mod set;
pub mod stream;
pub mod string;
pub mod zset;

use crate::model::kind::Kind;

/// Strings longer than this stand in an allocation of their own, so that they grow without copying and a new expiry
/// does not move them.
pub const LARGE_STRING: usize = 64 << 10;

/// Up to where values stay packed, named as in `redis.conf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `hash-max-listpack-entries`
    pub hash_entries: usize,
    /// `hash-max-listpack-value`, bytes
    pub hash_value: usize,
    /// `set-max-intset-entries`
    pub set_ints: usize,
    /// `set-max-listpack-entries`
    pub set_entries: usize,
    /// `set-max-listpack-value`, bytes
    pub set_value: usize,
    /// `zset-max-listpack-entries`
    pub zset_entries: usize,
    /// `zset-max-listpack-value`, bytes
    pub zset_value: usize,
    /// Whether a packed score of -0 keeps its sign: in ziplists, up to 6.2. Listpacks hold it as the integer 0.
    pub zset_negative_zero: bool,
    /// `list-max-listpack-size`: so many elements; negative: -1 to -5 for 4, 8, 16, 32, 64 KiB
    pub list_size: i64,
    /// `stream-node-max-bytes`; 0: no limit
    pub stream_bytes: usize,
    /// `stream-node-max-entries`; 0: no limit
    pub stream_entries: usize,
    /// `hll-sparse-max-bytes`
    pub hll_sparse: usize,
}

impl Default for Limits {
    /// Those of a server without a configuration file, since 7.2.
    fn default() -> Limits {
        Limits {
            hash_entries: 512,
            hash_value: 64,
            set_ints: 512,
            set_entries: 128,
            set_value: 64,
            zset_entries: 128,
            zset_value: 64,
            zset_negative_zero: false,
            list_size: -2,
            stream_bytes: 4096,
            stream_entries: 100,
            hll_sparse: 3000,
        }
    }
}

impl Limits {
    /// Whether a list of so many elements is too much for one listpack of so many bytes.
    #[must_use]
    pub(super) fn list_exceeds(&self, elements: usize, bytes: usize) -> bool {
        if self.list_size >= 0 {
            let max = usize::try_from(self.list_size).unwrap_or(usize::MAX);
            elements > max.max(1) || bytes > list::NODE
        } else {
            bytes > 2048 << self.list_size.unsigned_abs().clamp(1, 5)
        }
    }
}

/// A value of parts.
#[derive(Debug, Clone)]
pub enum Value {
    /// A string above [`LARGE_STRING`].
    String(Vec<u8>),
    /// A list.
    List(list::List),
    /// A set.
    Set(set::Set),
    /// A sorted set.
    Zset(zset::Zset),
    /// A hash.
    Hash(hash::Hash),
    /// A stream.
    Stream(Box<stream::Stream>),
    /// An array that commands have looked into.
    Array(Box<array::Array>),
    /// A value that no command has looked into (a module's, a rate limiter, an array): kept as an RDB file holds it.
    Opaque(Opaque),
}

/// A value as it stands in an RDB file.
#[derive(Debug, Clone)]
pub struct Opaque {
    /// What it is.
    pub kind: Kind,
    /// The type code.
    pub code: u8,
    /// The bytes behind the key.
    pub body: Box<[u8]>,
}

impl Value {
    /// An empty value of a kind that is never packed; an empty string for the others.
    #[must_use]
    pub fn empty(kind: Kind) -> Value {
        match kind {
            Kind::Stream => Value::Stream(Box::default()),
            Kind::Array => Value::Array(Box::default()),
            _ => Value::String(Vec::new()),
        }
    }
}

/// Names, remembered roughly: what it calls new is new; what it does not may be so all the same.
///
/// A listpack is searched from end to end, which for each of its own elements is work by the square. So whoever adds
/// many asks here first.
#[derive(Debug, Clone)]
struct Sieve {
    bits: [u64; 64],
}

impl Sieve {
    /// With the names that are there already.
    fn of<'a>(names: impl Iterator<Item = crate::packed::string::Str<'a>>) -> Sieve {
        let mut sieve = Sieve { bits: [0; 64] };
        for name in names {
            name.with(|name| sieve.is_new(name.unwrap_or_default()));
        }
        sieve
    }

    /// Whether a name is surely new; from now on it is not.
    #[inline]
    fn is_new(&mut self, name: &[u8]) -> bool {
        let hash = super::table::hash(name);
        let bit = 1 << (hash & 63);
        match self.bits.get_mut((hash >> 6 & 63) as usize) {
            Some(word) => {
                let new = *word & bit == 0;
                *word |= bit;
                new
            }
            None => false,
        }
    }
}

/// From so many on, what is added goes through a [`Sieve`].
const MANY: usize = 4;
