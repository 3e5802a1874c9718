//! Which servers know everything that stands in a file: its magic and version, its type codes, its opcodes.
//!
//! Type codes are not tied to versions: a server that accepts the version of a file still stops at a type it does not
//! have, and one that has the type takes it behind any version it accepts.

use super::frame::{Header, Record};
use super::opcode;
use super::types::{self, TypeRow};
use crate::model::kind::Flavour;
use crate::model::target::{Since, Target};

/// Type codes and opcodes that stand in a file.
#[derive(Debug, Default, Clone, Copy)]
pub struct Used {
    types: u64,
    opcodes: [u64; 4],
}

impl Used {
    /// A key of that type.
    #[inline]
    pub fn row(&mut self, row: &TypeRow) {
        self.types |= 1 << (row.code & 63);
    }

    /// A record with that opcode.
    #[inline]
    pub fn op(&mut self, op: u8) {
        if let Some(word) = self.opcodes.get_mut(usize::from(op >> 6)) {
            *word |= 1 << (op & 63);
        }
    }

    /// The opcodes in front of a key that not every server knows.
    #[inline]
    pub fn attributes(&mut self, record: &Record<'_>) {
        let attrs = &record.frame.attrs;
        if attrs.meta.is_some() {
            self.op(opcode::KEY_META);
        }
        if attrs.noevict {
            self.op(opcode::KEY_NOEVICT);
        }
        if attrs.idle.is_some() {
            self.op(opcode::IDLE);
        }
        if attrs.freq.is_some() {
            self.op(opcode::FREQ);
        }
    }

    fn has(&self, op: u8) -> bool {
        self.opcodes
            .get(usize::from(op >> 6))
            .is_some_and(|word| word & (1 << (op & 63)) != 0)
    }

    /// Adds what another has seen of the same file.
    pub fn merge(&mut self, other: &Used) {
        self.types |= other.types;
        for (a, b) in self.opcodes.iter_mut().zip(other.opcodes) {
            *a |= b;
        }
    }

    /// Whether that server accepts the header and knows all that was used.
    #[must_use]
    pub fn read_by(&self, target: &Target, header: Header) -> bool {
        target.opens(header.flavour, header.version)
            && types::rows(header.flavour)
                .filter(|row| self.types & (1 << row.code) != 0)
                .all(|row| target.has(row.since))
            && (opcode::KEY_NOEVICT..=opcode::SELECTDB)
                .filter(|op| self.has(*op))
                .all(|op| target.has(since(header.flavour, op)))
    }
}

/// Who knows the records that are no keys, and the attributes of keys that came after the first versions.
fn since(flavour: Flavour, op: u8) -> Since {
    match (op, flavour) {
        (opcode::AUX | opcode::RESIZEDB, _) => Since::both((3, 2)),
        (opcode::MODULE_AUX | opcode::IDLE | opcode::FREQ, _) => Since::both((5, 0)),
        (opcode::FUNCTION2, _) => Since::both((7, 0)),
        (opcode::SLOT_INFO, _) => Since {
            redis: Some((7, 4)),
            valkey: Some((8, 0)),
        },
        (opcode::SLOT_IMPORT, Flavour::Valkey) => Since::valkey((9, 0)),
        (opcode::KEY_META, Flavour::Redis) => Since::redis((8, 6)),
        (opcode::HASH_TEMPLATE, Flavour::Redis) => Since::redis((8, 10)),
        _ => Since::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::target;

    fn readers(header: Header, used: &Used) -> String {
        target::ranges(|t| used.read_by(t, header))
    }

    #[test]
    fn the_version_the_types_and_the_opcodes_must_be_known() {
        let header = Header {
            flavour: Flavour::Redis,
            version: 6,
        };
        let mut used = Used::default();
        assert_eq!(
            readers(header, &used),
            "redis-2.8 to redis-8.10, valkey-7.2 to valkey-9.1"
        );
        used.op(opcode::FREQ);
        assert_eq!(
            readers(header, &used),
            "redis-5.0 to redis-8.10, valkey-7.2 to valkey-9.1"
        );
        let mut other = Used::default();
        if let Some(row) = types::by_code(Flavour::Redis, 24) {
            other.row(row);
        }
        used.merge(&other);
        assert_eq!(readers(header, &used), "redis-7.4 to redis-8.10");
        used.op(opcode::KEY_NOEVICT);
        assert_eq!(readers(header, &used), "none");
    }

    #[test]
    fn the_same_opcode_differs_by_flavour() {
        let mut used = Used::default();
        used.op(0xf3);
        let valkey = Header {
            flavour: Flavour::Valkey,
            version: 80,
        };
        assert_eq!(readers(valkey, &used), "valkey-9.0 to valkey-9.1");
        let redis = Header {
            flavour: Flavour::Redis,
            version: 13,
        };
        assert_eq!(readers(redis, &used), "redis-8.6 to redis-8.10");
    }
}
