//! The words for what a key holds.

use std::fmt;

/// Whose server: the same byte means different things in their files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flavour {
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
}

impl Flavour {
    /// `redis` or `valkey`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Flavour::Redis => "redis",
            Flavour::Valkey => "valkey",
        }
    }

    /// What its RDB files begin with: `REDIS` or `VALKEY`.
    #[must_use]
    pub fn magic(self) -> &'static str {
        match self {
            Flavour::Redis => "REDIS",
            Flavour::Valkey => "VALKEY",
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The word that outputs and filters use.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// The one with that word, whatever its case.
            #[must_use]
            pub fn from_name(name: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|x| x.name().eq_ignore_ascii_case(name))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

words! {
    /// The type of a key, as `TYPE` would say it.
    Kind {
        /// Bytes.
        String = "string",
        /// A sequence of strings.
        List = "list",
        /// Distinct strings.
        Set = "set",
        /// Distinct strings with scores.
        Zset = "zset",
        /// Fields with values.
        Hash = "hash",
        /// A log of entries with consumer groups.
        Stream = "stream",
        /// A module's own type.
        Module = "module",
        /// A sparse array (Redis 8.8).
        Array = "array",
        /// A rate limiter's state (Redis 8.8, feature builds).
        Gcra = "gcra",
    }
}

words! {
    /// How a value is stored, in the file's words.
    Encoding {
        /// A string as it is (the type itself does not say how it is packed).
        Raw = "raw",
        /// A string stored as an integer.
        Int = "int",
        /// A string compressed with LZF.
        Lzf = "lzf",
        /// Plain elements, one after the other.
        LinkedList = "linkedlist",
        /// Plain members or pairs.
        HashTable = "hashtable",
        /// Members with scores, plain.
        SkipList = "skiplist",
        /// Zipmap (Redis 2.0 to 2.4).
        Zipmap = "zipmap",
        /// Ziplist (until 6.2).
        Ziplist = "ziplist",
        /// Sorted integers.
        Intset = "intset",
        /// Listpack (since 7.0).
        Listpack = "listpack",
        /// Listpack of field, value and expiry.
        ListpackEx = "listpackex",
        /// Nodes that are ziplists.
        Quicklist = "quicklist",
        /// Nodes that are listpacks or plain elements.
        Quicklist2 = "quicklist2",
        /// Nodes that are listpacks, and groups.
        Stream = "stream",
        /// A module's own bytes.
        Module = "module",
        /// Index and value, one after the other.
        Array = "array",
        /// Values whose field names stand in a template.
        Template = "template",
    }
}

/// The id of a stream's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct StreamId {
    /// Unix milliseconds, usually.
    pub ms: u64,
    /// Number within the millisecond.
    pub seq: u64,
}

impl StreamId {
    /// From the 16 raw bytes that files hold: two big-endian numbers.
    #[must_use]
    pub fn from_be_bytes(raw: [u8; 16]) -> StreamId {
        let both = u128::from_be_bytes(raw);
        StreamId {
            ms: u64::try_from(both >> 64).unwrap_or_default(),
            seq: u64::try_from(both & u128::from(u64::MAX)).unwrap_or_default(),
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}
