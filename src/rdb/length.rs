//! The length encoding: how an RDB file writes counts, lengths and small numbers.
//!
//! ```text
//!   |00xxxxxx|                       0 to 63
//!   |01xxxxxx|xxxxxxxx|              0 to 16383, high bits first
//!   |10000000| u32 be                up to 2^32-1
//!   |10000001| u64 be                up to 2^64-1 (since RDB 8)
//!   |11xxxxxx|                       no length: a string in a special form x (see `string`)
//!   [41 00]                          256
//! ```
//! Source: redis `src/rdb.c`, `rdbLoadLenByRef`. Readers accept forms longer than needed.

use crate::error::Result;
use crate::input::bytes::Bytes;

/// A length, or the mark of a special string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Len {
    /// A number.
    Plain(u64),
    /// The six bits of a special string form.
    Special(u8),
}

/// Reads either.
#[inline(always)]
pub fn read<'a, B: Bytes<'a>>(b: &mut B) -> Result<Len> {
    let first = b.byte()?;
    match first >> 6 {
        0 => Ok(Len::Plain(u64::from(first))),
        1 => {
            let low = b.byte()?;
            Ok(Len::Plain((u64::from(first & 0x3f) << 8) | u64::from(low)))
        }
        2 => long(b, first),
        _ => Ok(Len::Special(first & 0x3f)),
    }
}

#[inline(never)]
fn long<'a, B: Bytes<'a>>(b: &mut B, first: u8) -> Result<Len> {
    match first {
        0x80 => Ok(Len::Plain(u64::from(u32::from_be_bytes(b.array()?)))),
        0x81 => Ok(Len::Plain(u64::from_be_bytes(b.array()?))),
        other => Err(b.at().corrupt(format!(
            "{other:#04x} begins no length (80 and 81 are the long forms)"
        ))),
    }
}

/// Reads a number where no string may stand.
#[inline]
pub fn number<'a, B: Bytes<'a>>(b: &mut B) -> Result<u64> {
    match read(b)? {
        Len::Plain(n) => Ok(n),
        Len::Special(x) => Err(b.at().corrupt(format!(
            "a number was expected, found the special string form {x}"
        ))),
    }
}

/// Appends a number in its shortest form.
pub fn write(n: u64, out: &mut Vec<u8>) {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the bounds are in the patterns"
    )]
    match n {
        0..0x40 => out.push(n as u8),
        0x40..0x4000 => out.extend_from_slice(&[0x40 | (n >> 8) as u8, n as u8]),
        0x4000..=0xffff_ffff => {
            out.push(0x80);
            out.extend_from_slice(&(n as u32).to_be_bytes());
        }
        _ => {
            out.push(0x81);
            out.extend_from_slice(&n.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::bytes::Slice;

    fn len(bytes: &[u8]) -> Result<Len> {
        read(&mut Slice::new(bytes, 0))
    }

    #[test]
    fn all_forms_and_their_borders() {
        for (bytes, want) in [
            (&[0x00][..], 0),
            (&[0x3f], 63),
            (&[0x40, 0x40], 64),
            (&[0x41, 0x00], 256),
            (&[0x7f, 0xff], 16383),
            (&[0x80, 0, 0, 0x40, 0], 16384),
            (&[0x80, 0xff, 0xff, 0xff, 0xff], u64::from(u32::MAX)),
            (&[0x81, 0, 0, 0, 1, 0, 0, 0, 0], 1 << 32),
            (
                &[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                u64::MAX,
            ),
            (&[0x80, 0, 0, 0, 1], 1),
        ] {
            assert_eq!(len(bytes).unwrap(), Len::Plain(want), "{bytes:x?}");
        }
        assert_eq!(len(&[0xc3]).unwrap(), Len::Special(3));
        for first in 0x82..=0xbf {
            assert!(len(&[first, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
        }
        assert!(len(&[]).is_err());
        assert!(len(&[0x80, 0, 0]).is_err());
        assert!(number(&mut Slice::new(&[0xc0, 1], 0)).is_err());
    }

    #[test]
    fn what_is_written_reads_back_in_its_shortest_form() {
        for (n, width) in [
            (0, 1),
            (63, 1),
            (64, 2),
            (16383, 2),
            (16384, 5),
            (u64::from(u32::MAX), 5),
            (1 << 32, 9),
            (u64::MAX, 9),
        ] {
            let mut out = Vec::new();
            write(n, &mut out);
            assert_eq!(out.len(), width);
            assert_eq!(len(&out).unwrap(), Len::Plain(n));
        }
    }
}
