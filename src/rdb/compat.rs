//! Which servers know everything that stands in a file: its magic and version, its type codes, its opcodes.
//!
//! Type codes are not tied to versions: a server that accepts the version of a file still stops at a type it does not
//! have, and one that has the type takes it behind any version it accepts.

use super::frame::{Header, Record, What};
use super::opcode;
use super::types::TypeRow;
use crate::model::kind::Flavour;
use crate::model::target::{Since, Target};

/// Type codes and opcodes that stand in a file, each with the offset where it stands first.
#[derive(Debug, Default, Clone)]
pub struct Used {
    types: u64,
    opcodes: [u64; 4],
    first: Vec<(What, u64)>,
}

impl Used {
    /// A key of that type, in a record at `offset`.
    #[inline]
    pub fn row(&mut self, row: &'static TypeRow, offset: u64) {
        let bit = 1 << (row.code & 63);
        if self.types & bit == 0 {
            self.types |= bit;
            self.first.push((What::Key(row), offset));
        }
    }

    /// A record with that opcode at `offset`, or a key's record with it in front.
    #[inline]
    pub fn op(&mut self, op: u8, offset: u64) {
        if let Some(word) = self.opcodes.get_mut(usize::from(op >> 6))
            && *word & (1 << (op & 63)) == 0
        {
            *word |= 1 << (op & 63);
            self.first.push((What::Record(op), offset));
        }
    }

    /// The opcodes in front of a key that not every server knows.
    #[inline]
    pub fn attributes(&mut self, record: &Record<'_>) {
        let attrs = &record.frame.attrs;
        for (is_there, op) in [
            (attrs.meta.is_some(), opcode::KEY_META),
            (attrs.noevict, opcode::KEY_NOEVICT),
            (attrs.idle.is_some(), opcode::IDLE),
            (attrs.freq.is_some(), opcode::FREQ),
        ] {
            if is_there {
                self.op(op, record.offset());
            }
        }
    }

    /// Adds what another has seen of the same file.
    pub fn merge(&mut self, other: &Used) {
        for (what, offset) in &other.first {
            match self.first.iter_mut().find(|(w, _)| w == what) {
                Some((_, first)) => *first = (*first).min(*offset),
                None => self.first.push((*what, *offset)),
            }
        }
        self.first.sort_by_key(|(_, offset)| *offset);
        self.types |= other.types;
        for (a, b) in self.opcodes.iter_mut().zip(other.opcodes) {
            *a |= b;
        }
    }

    /// What that server does not know, in the order of the file.
    fn unknown(&self, target: &Target, flavour: Flavour) -> impl Iterator<Item = &(What, u64)> {
        self.first.iter().filter(move |(what, _)| {
            !target.has(match what {
                What::Key(row) => row.since,
                What::Record(op) => since(flavour, *op),
            })
        })
    }

    /// Whether that server accepts the header and knows all that was used.
    #[must_use]
    pub fn read_by(&self, target: &Target, header: Header) -> bool {
        target.opens(header.flavour, header.version)
            && self.unknown(target, header.flavour).next().is_none()
    }

    /// What that server does not know, in words; empty where [`Used::read_by`] holds.
    #[must_use]
    pub fn unknown_to(&self, target: &Target, header: Header) -> Vec<String> {
        let mut unknown = Vec::new();
        if !target.opens(header.flavour, header.version) {
            unknown.push(format!(
                "it does not read {} version {}",
                header.flavour.magic(),
                header.version
            ));
        }
        for (what, offset) in self.unknown(target, header.flavour) {
            let words = match what {
                What::Key(row) => {
                    let (code, name, kind) = (row.code, row.name, row.kind.name());
                    format!("type code {code} ({name}, a {kind})")
                }
                What::Record(op) => format!("opcode {op:#04x}"),
            };
            unknown.push(format!(
                "it does not know {words}, first at offset {offset:#x}"
            ));
        }
        unknown
    }
}

/// Who knows the records that are no keys, and the attributes of keys that came after the first versions.
#[must_use]
pub fn since(flavour: Flavour, op: u8) -> Since {
    match (op, flavour) {
        (opcode::AUX | opcode::RESIZEDB, _) => Since::both((3, 2)),
        (opcode::MODULE_AUX | opcode::IDLE | opcode::FREQ, _) => Since::both((5, 0)),
        (opcode::FUNCTION2, _) => Since::both((7, 0)),
        (opcode::SLOT_INFO, _) => Since {
            redis: Some((7, 4)),
            valkey: Some((9, 0)),
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
    use crate::rdb::types;

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
        used.op(opcode::FREQ, 9);
        assert_eq!(
            readers(header, &used),
            "redis-5.0 to redis-8.10, valkey-7.2 to valkey-9.1"
        );
        let mut other = Used::default();
        if let Some(row) = types::by_code(Flavour::Redis, 24) {
            other.row(row, 7);
        }
        used.merge(&other);
        assert_eq!(readers(header, &used), "redis-7.4 to redis-8.10");
        assert_eq!(
            used.unknown_to(Target::from_name("redis-4.0").unwrap(), header),
            [
                "it does not know type code 24 (HASH_METADATA, a hash), first at offset 0x7",
                "it does not know opcode 0xf9, first at offset 0x9",
            ]
        );
        used.op(opcode::KEY_NOEVICT, 5);
        assert_eq!(readers(header, &used), "none");
    }

    #[test]
    fn the_same_opcode_differs_by_flavour() {
        let mut used = Used::default();
        used.op(0xf3, 9);
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
