//! Module values: a type id, then marked fields that can be passed over and copied without understanding them.
//!
//! ```text
//!   <len id> (<len mark> <data>)… <len 0>         1, 2: len   3: 4 bytes   4: 8 bytes   5: string
//!   id: 54 bits of name (9 characters of 6 bits, first highest), 10 bits of encoding version
//! ```
//! Source: redis `src/module.c`, `moduleTypeNameByID`, `RDB_MODULE_OPCODE_*`.

use super::super::length;
use super::super::skip;
use super::super::string;
use super::super::visit::Visit;
use super::super::walk::Scratch;
use crate::error::Result;
use crate::input::bytes::{Bytes, Data};
use crate::packed::string::{Giant, Str};

pub(in crate::rdb) fn walk<'a, B: Bytes<'a> + Clone, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<()> {
    let id = length::number(b)?;
    let mut end = b.clone();
    skip::module_fields_with(&mut end, |b| string::check(b, &mut sc.a))?;
    let at = b.at();
    let n = b.left() - end.left();
    let fields = match b.take(n, &mut sc.a)? {
        Data::Slice(bytes) => Str::Bytes(bytes),
        Data::Far(far, len) => Str::Giant(Giant {
            far,
            stored: len,
            len,
            lzf: false,
            offset: at.offset,
        }),
    };
    v.module(id, fields)
}

/// The characters of a type name.
const NAME: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The name and encoding version in a module's type id.
#[must_use]
pub fn name(id: u64) -> (String, u64) {
    let name = (0..9)
        .map(|i| {
            let c = (id >> (10 + 6 * (8 - i))) & 0x3f;
            let c = usize::try_from(c).unwrap_or_default();
            char::from(NAME.get(c).copied().unwrap_or(b'?'))
        })
        .collect();
    (name, id & 0x3ff)
}

/// The type id of a name and an encoding version; `None` where they are no module's.
#[must_use]
pub fn id(name: &[u8], version: u64) -> Option<u64> {
    if name.len() != 9 || version > 0x3ff {
        return None;
    }
    name.iter()
        .try_fold(0u64, |id, c| {
            let at = NAME.iter().position(|known| known == c)?;
            Some(id << 6 | at as u64)
        })
        .map(|name| name << 10 | version)
}

/// The name, version and flags in a class specification of key metadata: 4 characters of 6 bits, 5 bits, 3 bits. Bit 0 of
/// the flags: a loader that does not know the class may drop it.
///
/// The last two characters of the alphabet stand the other way round than in names of types.
#[must_use]
pub fn metadata_class(spec: u32) -> (String, u32, u32) {
    let name = (0..4)
        .map(|i| {
            let c = (spec >> (8 + 6 * (3 - i))) & 0x3f;
            let c = usize::try_from(c).unwrap_or_default();
            match NAME.get(c) {
                Some(b'-') => '_',
                Some(b'_') => '-',
                c => char::from(c.copied().unwrap_or(b'?')),
            }
        })
        .collect();
    (name, spec >> 3 & 31, spec & 7)
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_metadata_classes() {
        let class = super::metadata_class;
        assert_eq!(
            class(u32::from_le_bytes([0x18, 0x83, 0x10, 0])),
            ("ABCD".to_owned(), 3, 0)
        );
        let odd = u32::from_le_bytes([0xf9, 0xfd, 0xef, 0x6b]);
        assert_eq!(class(odd), ("a_-9".to_owned(), 31, 1));
    }

    #[test]
    fn names_of_modules() {
        assert_eq!(
            super::name(0xB5EB_2DFF_FADD_6C01),
            ("test__rdb".to_owned(), 1)
        );
        assert_eq!(
            super::name(0xBDE7_2DA2_BB1E_B400),
            ("vectorset".to_owned(), 0)
        );
        for id in [0xB5EB_2DFF_FADD_6C01, 0xBDE7_2DA2_BB1E_B400, 0, u64::MAX] {
            let (name, version) = super::name(id);
            assert_eq!(super::id(name.as_bytes(), version), Some(id));
        }
        assert_eq!(super::id(b"vectorset", 1024), None);
        assert_eq!(super::id(b"vectorse", 0), None);
        assert_eq!(super::id(b"vector et", 0), None);
    }
}
