//! The report on an RDB file.

use crate::error::Error;
use crate::input::open::Input;
use crate::model::kind::{Encoding, Kind};
use crate::model::slot;
use crate::model::target::{self, TARGETS, Target};
use crate::rdb::compat::Used;
use crate::rdb::frame::{Ending, Header};
use crate::rdb::types::TypeRow;

/// Things of one sort that are listed.
pub(super) const LISTED: usize = 1000;
/// Bytes of a name or a value that are kept.
pub(super) const CUT: usize = 4096;

/// What is in an RDB file.
#[derive(Debug)]
pub struct RdbInfo {
    /// The file's name.
    pub name: String,
    /// Its size as it lies on disk (compressed, where it is), if that is known.
    pub size: Option<u64>,
    /// Envelopes that were undone, outermost first.
    pub codecs: Vec<&'static str>,
    /// Magic and version; `None` where not even they could be read.
    pub header: Option<Header>,
    /// Auxiliary fields in file order; those of [`RdbInfo::scripts`] and [`RdbInfo::slots`] are not among them.
    pub aux: Listed<Aux>,
    /// Databases, ascending.
    pub dbs: Listed<Db>,
    /// Types and their encodings, by type code; strings by how they are packed.
    pub types: Vec<TypeCount>,
    /// Keys with an expiry.
    pub expiries: Expiries,
    /// Idle times of keys, in seconds.
    pub idle: Spread,
    /// Access frequencies of keys (the LFU counter).
    pub freq: Spread,
    /// Keys that eviction must spare.
    pub noevict: u64,
    /// The biggest serialized values, biggest first.
    pub biggest: Vec<Big>,
    /// Function libraries.
    pub functions: Listed<Function>,
    /// Lua scripts.
    pub scripts: Bulk,
    /// Modules whose types keys have.
    pub modules: Listed<Module>,
    /// Modules that left data outside the keys.
    pub module_aux: Listed<Module>,
    /// What the file says of cluster slots.
    pub slots: Option<Slots>,
    /// Slot imports under way: their job names.
    pub slot_imports: Listed<Name>,
    /// Keys with metadata of modules.
    pub metadata: u64,
    /// The classes of that metadata.
    pub metadata_classes: Listed<Class>,
    /// Hash templates.
    pub templates: Bulk,
    /// Bytes of the serialized values.
    pub value_bytes: u64,
    /// Bytes of the keys, with their type codes and attributes.
    pub key_bytes: u64,
    /// How far reading came, in expanded bytes; behind the end of a whole file, its tail included.
    pub read_bytes: u64,
    /// How the file ended; `None` where reading stopped before.
    pub ending: Option<Ending>,
    /// What is wrong, as far as frames and the checksum tell, at most two: the first record (not a value) that was
    /// framed but cannot be read, and what stopped the reading or that the checksum is wrong.
    pub problems: Vec<Error>,
    /// What stands in the file that not every server knows.
    pub(super) used: Used,
}

/// Things that are listed up to a limit.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    /// The first of them.
    pub list: Vec<T>,
    /// How many there are that are not listed: all of them, or (databases and modules) the keys they have.
    pub more: u64,
}

impl<T> Default for Listed<T> {
    fn default() -> Listed<T> {
        Listed {
            list: Vec::new(),
            more: 0,
        }
    }
}

/// How many, and how many bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bulk {
    /// How many.
    pub count: u64,
    /// Their bytes as stored.
    pub bytes: u64,
}

/// A byte string that may be cut.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Name {
    /// Its bytes, at most 4096.
    pub bytes: Vec<u8>,
    /// How many bytes it has.
    pub len: u64,
}

/// An auxiliary field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aux {
    /// Where it is in the file.
    pub offset: u64,
    /// Its name and value; `None` for one over 1 MiB in an input that cannot be read again.
    pub field: Option<(Name, Name)>,
}

/// A database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Db {
    /// Its number.
    pub db: u64,
    /// Its keys.
    pub keys: u64,
    /// Those with an expiry.
    pub expires: u64,
    /// Bytes of their serialized values.
    pub bytes: u64,
    /// Keys and expiries as the file announces them (a hint to loaders).
    pub claimed: Option<(u64, u64)>,
}

/// Keys of one type, encoded alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeCount {
    /// The type.
    pub row: &'static TypeRow,
    /// The encoding; of strings, how they are packed.
    pub encoding: Encoding,
    /// How many keys.
    pub keys: u64,
    /// Bytes of their serialized values.
    pub bytes: u64,
    /// Bytes of the largest.
    pub largest: u64,
}

/// Keys with an expiry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expiries {
    /// How many.
    pub keys: u64,
    /// Those whose time has come.
    pub passed: u64,
    /// The first time and the last, in Unix milliseconds.
    pub range: Option<(i64, i64)>,
}

/// A number that some keys have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many keys.
    pub keys: u64,
    /// The least and the greatest.
    pub range: Option<(u64, u64)>,
}

/// A big value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Big {
    /// Bytes of the serialized value.
    pub bytes: u64,
    /// Offset of its record in the file.
    pub offset: u64,
    /// Its database.
    pub db: u64,
    /// Its key; `None` where it is compressed and cannot be expanded.
    pub key: Option<Name>,
    /// Its type.
    pub row: &'static TypeRow,
    /// Its encoding.
    pub encoding: Encoding,
}

/// A function library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Where it is in the file.
    pub offset: u64,
    /// The engine, from its first line.
    pub engine: Option<Name>,
    /// The library's name, from its first line.
    pub name: Option<Name>,
    /// Bytes of its source; `None` for one over 1 MiB in an input that cannot be read again.
    pub bytes: Option<u64>,
}

/// A module type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// The type's id: name and encoding version.
    pub id: u64,
    /// How many keys (or records outside the keys).
    pub count: u64,
    /// Bytes of the serialized values.
    pub bytes: u64,
}

/// A class of key metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// The class specification as the file holds it.
    pub spec: u32,
    /// How many keys.
    pub keys: u64,
}

/// Cluster slots, as records between the keys tell of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// How many such records.
    pub records: u64,
    /// Keys in those slots, by what they say.
    pub keys: u64,
    /// Keys with an expiry, by what they say.
    pub expires: u64,
    /// Records of slots above 16383.
    pub invalid: u64,
    pub(super) set: Box<[u64; 256]>,
}

impl RdbInfo {
    pub(super) fn new(input: &Input) -> RdbInfo {
        RdbInfo {
            name: input.name.clone(),
            size: input.size,
            codecs: input.codecs.clone(),
            header: None,
            aux: Listed::default(),
            dbs: Listed::default(),
            types: Vec::new(),
            expiries: Expiries::default(),
            idle: Spread::default(),
            freq: Spread::default(),
            noevict: 0,
            biggest: Vec::new(),
            functions: Listed::default(),
            scripts: Bulk::default(),
            modules: Listed::default(),
            module_aux: Listed::default(),
            slots: None,
            slot_imports: Listed::default(),
            metadata: 0,
            metadata_classes: Listed::default(),
            templates: Bulk::default(),
            value_bytes: 0,
            key_bytes: 0,
            read_bytes: 0,
            ending: None,
            problems: Vec::new(),
            used: Used::default(),
        }
    }

    /// The value of an auxiliary field: the first with that name, unless it is cut.
    #[must_use]
    pub fn aux(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.aux.list.iter().filter_map(|aux| aux.field.as_ref());
        let (_, value) = fields.find(|(n, _)| n.bytes == name.as_bytes())?;
        value.whole()
    }

    /// The value of an auxiliary field that is a number.
    #[must_use]
    pub fn aux_number(&self, name: &str) -> Option<i64> {
        crate::model::number::parse_i64(self.aux(name)?)
    }

    /// Which server says that it wrote the file: `redis` or `valkey`, and its version. None did before 3.2.
    #[must_use]
    pub fn writer(&self) -> Option<(&'static str, &[u8])> {
        [("valkey", "valkey-ver"), ("redis", "redis-ver")]
            .into_iter()
            .find_map(|(server, name)| Some((server, self.aux(name)?)))
    }

    /// The servers that write this version of the format, in words; empty where it is none that a server writes.
    #[must_use]
    pub fn writers_of_version(&self) -> String {
        let writes = |t: &Target| {
            self.header
                .is_some_and(|h| h.version == t.rdb && t.opens(h.flavour, h.version))
        };
        if TARGETS.iter().any(writes) {
            target::ranges(writes)
        } else {
            String::new()
        }
    }

    /// When the server began to write it, in Unix milliseconds.
    #[must_use]
    pub fn created_ms(&self) -> Option<i64> {
        self.aux_number("ctime")?.checked_mul(1000)
    }

    /// What the file is for, by what it says: `aof-base`, `aof-preamble`, else `snapshot`.
    #[must_use]
    pub fn role(&self) -> &'static str {
        if self.aux("aof-base") == Some(b"1") {
            "aof-base"
        } else if self.aux("aof-preamble") == Some(b"1") {
            "aof-preamble"
        } else {
            "snapshot"
        }
    }

    /// Bytes of the RDB, expanded, as far as it was read; without what follows it.
    #[must_use]
    pub fn rdb_bytes(&self) -> u64 {
        self.ending.as_ref().map_or(self.read_bytes, |e| e.end)
    }

    /// Bytes of the RDB that belong to no key.
    #[must_use]
    pub fn other_bytes(&self) -> u64 {
        self.rdb_bytes()
            .saturating_sub(self.value_bytes)
            .saturating_sub(self.key_bytes)
    }

    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.types.iter().map(|t| t.keys).sum()
    }

    /// Keys of one kind, and the bytes of their values.
    #[must_use]
    pub fn of_kind(&self, kind: Kind) -> Bulk {
        let of = self.types.iter().filter(|t| t.row.kind == kind);
        of.fold(Bulk::default(), |sum, t| Bulk {
            count: sum.count + t.keys,
            bytes: sum.bytes + t.bytes,
        })
    }

    /// Whether that server knows the version, the types and the opcodes of all that was read. It may refuse the file
    /// all the same: for damage, or for want of a module.
    #[must_use]
    pub fn known_by(&self, target: &Target) -> bool {
        self.header.is_some_and(|h| self.used.read_by(target, h))
    }

    /// Whether commands of an AOF seem to follow the RDB.
    #[must_use]
    pub fn commands_follow(&self) -> bool {
        let tail = self.ending.as_ref().map(|e| e.tail_head.as_slice());
        matches!(tail, Some([b'*' | b'#', ..]))
    }
}

impl Name {
    pub(super) fn of(bytes: &[u8], len: u64) -> Name {
        Name {
            bytes: bytes.get(..CUT).unwrap_or(bytes).to_vec(),
            len,
        }
    }

    /// All of it, unless it is cut.
    #[must_use]
    pub fn whole(&self) -> Option<&[u8]> {
        (self.bytes.len() as u64 == self.len).then_some(&self.bytes)
    }
}

impl From<&[u8]> for Name {
    fn from(bytes: &[u8]) -> Name {
        Name::of(bytes, bytes.len() as u64)
    }
}

impl Slots {
    pub(super) fn new() -> Slots {
        Slots {
            records: 0,
            keys: 0,
            expires: 0,
            invalid: 0,
            set: Box::new([0; 256]),
        }
    }

    /// The slots, as ranges with both ends.
    #[must_use]
    pub fn ranges(&self) -> Vec<(u16, u16)> {
        let has = |slot: u16| {
            let word = self.set.get(usize::from(slot >> 6));
            word.is_some_and(|word| word & (1 << (slot & 63)) != 0)
        };
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for slot in (0..slot::SLOTS).filter(|slot| has(*slot)) {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == slot => *last = slot,
                _ => ranges.push((slot, slot)),
            }
        }
        ranges
    }
}

impl Bulk {
    pub(super) fn add(&mut self, other: Bulk) {
        self.count += other.count;
        self.bytes += other.bytes;
    }
}

impl<T> Listed<T> {
    pub(super) fn push(&mut self, item: T) {
        if self.list.len() < LISTED {
            self.list.push(item);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn merge(&mut self, other: Listed<T>, offset: impl Fn(&T) -> u64) {
        self.more += other.more;
        self.list.extend(other.list);
        self.list.sort_by_key(offset);
        self.more += self.list.len().saturating_sub(LISTED) as u64;
        self.list.truncate(LISTED);
    }
}

impl Spread {
    pub(super) fn see(&mut self, n: u64) {
        self.keys += 1;
        self.range = Some(span(self.range, (n, n)));
    }

    pub(super) fn merge(&mut self, other: Spread) {
        self.keys += other.keys;
        if let Some(range) = other.range {
            self.range = Some(span(self.range, range));
        }
    }
}

pub(super) fn span<T: Ord>(range: Option<(T, T)>, (low, high): (T, T)) -> (T, T) {
    match range {
        Some((least, greatest)) => (least.min(low), greatest.max(high)),
        None => (low, high),
    }
}

impl Db {
    pub(super) fn merge(&mut self, other: Db) {
        self.db = other.db;
        self.keys += other.keys;
        self.expires += other.expires;
        self.bytes += other.bytes;
        self.claimed = sum(self.claimed, other.claimed);
    }
}

/// A database that is selected twice is announced in parts.
pub(super) fn sum(a: Option<(u64, u64)>, b: Option<(u64, u64)>) -> Option<(u64, u64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.saturating_add(b.0), a.1.saturating_add(b.1))),
        (a, b) => a.or(b),
    }
}

impl Slots {
    pub(super) fn merge(&mut self, other: &Slots) {
        self.records += other.records;
        self.keys = self.keys.saturating_add(other.keys);
        self.expires = self.expires.saturating_add(other.expires);
        self.invalid += other.invalid;
        for (a, b) in self.set.iter_mut().zip(other.set.iter()) {
            *a |= b;
        }
    }
}
