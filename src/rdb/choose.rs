//! Which encoding a value gets: up to where servers keep it packed, and what each of them writes.
//!
//! Source: `redis.conf` of the versions, and `rdbSaveObjectType` of `src/rdb.c`.

use crate::model::kind::Flavour;
use crate::model::target::{Since, Target};

/// Who writes listpacks; older ones have ziplists.
pub const LISTPACKS: Since = Since::both((7, 0));
/// Who packs small sets of other things than integers.
pub const SET_LISTPACKS: Since = Since::both((7, 2));
/// Who writes lists as nodes; older ones write one ziplist, or the elements.
pub const QUICKLISTS: Since = Since::both((3, 2));
/// Who writes scores as 8 bytes; older ones as text.
pub const BINARY_SCORES: Since = Since::both((4, 0));
/// Who writes the shortest text of a score; older ones 17 digits.
pub const SHORT_SCORES: Since = Since::both((7, 2));
/// Who puts an element above the limit of a node in a node of its own, as it is.
pub const PLAIN_NODES: Since = Since {
    redis: Some((7, 4)),
    valkey: Some((8, 0)),
};
/// Who keeps expiries of fields as Redis does.
pub const FIELD_EXPIRIES: Since = Since::redis((7, 4));
/// Who keeps expiries of fields as Valkey does.
pub const VALKEY_FIELD_EXPIRIES: Since = Since::valkey((9, 0));

/// Up to where values stay packed, named as in `redis.conf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// `hash-max-listpack-entries`
    pub hash_entries: usize,
    /// `hash-max-listpack-value`, bytes
    pub hash_value: u64,
    /// `zset-max-listpack-entries`
    pub zset_entries: usize,
    /// `zset-max-listpack-value`, bytes
    pub zset_value: u64,
    /// `set-max-intset-entries`
    pub set_ints: usize,
    /// `set-max-listpack-entries`
    pub set_entries: usize,
    /// `set-max-listpack-value`, bytes
    pub set_value: u64,
    /// `list-max-listpack-size`: so many elements a node; negative: -1 to -5 for 4, 8, 16, 32, 64 KiB
    pub list_size: i64,
    /// `list-max-ziplist-entries`, up to 3.0
    pub list_entries: usize,
    /// `list-max-ziplist-value`, up to 3.0, bytes
    pub list_value: u64,
}

impl Default for Thresholds {
    /// Those of a server without a configuration file.
    fn default() -> Thresholds {
        Thresholds {
            hash_entries: 512,
            hash_value: 64,
            zset_entries: 128,
            zset_value: 64,
            set_ints: 512,
            set_entries: 128,
            set_value: 64,
            list_size: -2,
            list_entries: 512,
            list_value: 64,
        }
    }
}

impl Thresholds {
    /// Sets one by its name in `redis.conf`, as before 7.0 or since. False where there is none of that name, or the
    /// number is out of its range.
    pub fn set(&mut self, name: &str, value: i64) -> bool {
        let name = name.to_ascii_lowercase().replace("-ziplist-", "-listpack-");
        if name == "list-max-listpack-size" {
            self.list_size = value;
            return (-5..=1 << 20).contains(&value) && value != 0;
        }
        let (Ok(count), Ok(bytes)) = (usize::try_from(value), u64::try_from(value)) else {
            return false;
        };
        // More than this would not fit into one packed value.
        if value > 1 << 20 {
            return false;
        }
        match name.as_str() {
            "hash-max-listpack-entries" => self.hash_entries = count,
            "hash-max-listpack-value" => self.hash_value = bytes,
            "zset-max-listpack-entries" => self.zset_entries = count,
            "zset-max-listpack-value" => self.zset_value = bytes,
            "set-max-intset-entries" => self.set_ints = count,
            "set-max-listpack-entries" => self.set_entries = count,
            "set-max-listpack-value" => self.set_value = bytes,
            "list-max-listpack-entries" => self.list_entries = count,
            "list-max-listpack-value" => self.list_value = bytes,
            _ => return false,
        }
        true
    }

    /// Bytes and elements that a node of a list may have.
    #[must_use]
    pub fn node(&self) -> (usize, usize) {
        if self.list_size < 0 {
            (
                2048 << self.list_size.unsigned_abs().clamp(1, 5),
                usize::MAX,
            )
        } else {
            let count = usize::try_from(self.list_size).unwrap_or(usize::MAX);
            (8 << 10, count.max(1))
        }
    }
}

/// The version of the stream type that a server writes; `None` where it has no streams.
#[must_use]
pub fn stream_version(target: &Target) -> Option<u8> {
    let v = target.version;
    match target.flavour {
        Flavour::Valkey => Some(3),
        Flavour::Redis if v < (5, 0) => None,
        Flavour::Redis if v < (7, 0) => Some(1),
        Flavour::Redis if v < (7, 2) => Some(2),
        Flavour::Redis if v < (8, 6) => Some(3),
        Flavour::Redis if v < (8, 8) => Some(4),
        Flavour::Redis => Some(5),
    }
}

/// The type code of a stream of that version.
#[must_use]
pub fn stream_code(version: u8) -> u8 {
    match version {
        1 => 15,
        2 => 19,
        3 => 21,
        4 => 26,
        _ => 27,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::target::TARGETS;
    use crate::rdb::types;

    #[test]
    fn what_is_written_can_be_read() {
        for target in &TARGETS {
            let Some(version) = stream_version(target) else {
                continue;
            };
            let row = types::by_code(target.flavour, stream_code(version)).unwrap();
            assert!(target.has(row.since), "{target}");
        }
    }

    #[test]
    fn names_of_all_ages_set() {
        let mut t = Thresholds::default();
        assert!(t.set("hash-max-ziplist-entries", 7) && t.hash_entries == 7);
        assert!(t.set("list-max-ziplist-size", -5) && t.node() == (65_536, usize::MAX));
        assert!(t.set("list-max-listpack-size", 3) && t.node() == (8192, 3));
        assert!(t.set("list-max-ziplist-entries", 9) && t.list_entries == 9);
        assert!(!t.set("hash-max-listpack-entries", -1));
        assert!(!t.set("maxmemory", 1));
        assert!(!t.set("list-max-listpack-size", 0));
    }
}
