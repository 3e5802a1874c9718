//! The string encoding: keys, fields, values, members, and whole packed blobs.
//!
//! ```text
//!   <len> <bytes>                     as it is
//!   |C0| i8   |C1| i16 le   |C2| i32 le        the decimal text of that number
//!   |C3| <stored len> <len> <LZF bytes>        compressed
//!   [c0 7b]                           the string "123"
//! ```
//! Source: redis `src/rdb.c`, `rdbGenericLoadStringObject`.

use super::length::{self, Len};
use crate::error::Result;
use crate::input::bytes::{At, Bytes, Data, Far, Paged, Slice};
use crate::input::spool::Spool;
use crate::limits;
use crate::packed::lzf;
use crate::packed::string::{Giant, Str};

/// How a string is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it is, so many bytes.
    Raw(u64),
    /// A number of so many bytes.
    Int(u8),
    /// Compressed: stored bytes, bytes when expanded.
    Lzf(u64, u64),
}

/// Reads what stands in front of a string's bytes.
#[inline(always)]
pub fn form<'a, B: Bytes<'a>>(b: &mut B) -> Result<Form> {
    match length::read(b)? {
        Len::Plain(n) => Ok(Form::Raw(n)),
        Len::Special(x) => special(b, x),
    }
}

fn special<'a, B: Bytes<'a>>(b: &mut B, x: u8) -> Result<Form> {
    match x {
        0 => Ok(Form::Int(1)),
        1 => Ok(Form::Int(2)),
        2 => Ok(Form::Int(4)),
        3 => {
            let stored = length::number(b)?;
            let len = length::number(b)?;
            if len > stored.saturating_mul(limits::LZF_RATIO) {
                return Err(b
                    .at()
                    .corrupt(format!("{stored} bytes of LZF cannot expand to {len}")));
            }
            Ok(Form::Lzf(stored, len))
        }
        other => Err(b.at().corrupt(format!("unknown string form {other}"))),
    }
}

/// Passes over a string.
#[inline]
pub fn skip<'a, B: Bytes<'a>>(b: &mut B) -> Result<()> {
    match form(b)? {
        Form::Raw(n) => b.skip(n),
        Form::Int(n) => b.skip(u64::from(n)),
        Form::Lzf(stored, _) => b.skip(stored),
    }
}

fn int<'a, B: Bytes<'a>>(b: &mut B, width: u8) -> Result<i64> {
    Ok(match width {
        1 => i64::from(i8::from_le_bytes(b.array()?)),
        2 => i64::from(i16::from_le_bytes(b.array()?)),
        _ => i64::from(i32::from_le_bytes(b.array()?)),
    })
}

/// Reads a string; `scratch` holds what must be expanded or copied.
#[inline(always)]
pub fn read<'a, 's, B: Bytes<'a>>(b: &mut B, scratch: &'s mut Vec<u8>) -> Result<Str<'s>>
where
    'a: 's,
{
    match form(b)? {
        Form::Raw(n) => {
            let at = b.at();
            Ok(match b.take(n, scratch)? {
                Data::Slice(bytes) => Str::Bytes(bytes),
                Data::Far(far, len) => Str::Giant(Giant {
                    far,
                    stored: len,
                    len,
                    lzf: false,
                    offset: at.offset,
                }),
            })
        }
        Form::Int(n) => Ok(Str::Int(int(b, n)?)),
        Form::Lzf(stored, len) => expand(b, stored, len, scratch),
    }
}

/// Passes over a string and checks what would be expanded, without expanding it.
#[inline]
pub fn check<'a, B: Bytes<'a>>(b: &mut B, scratch: &mut Vec<u8>) -> Result<()> {
    match form(b)? {
        Form::Raw(n) => b.skip(n),
        Form::Int(n) => b.skip(u64::from(n)),
        Form::Lzf(stored, len) => {
            let at = b.at();
            match b.take(stored, scratch)? {
                Data::Slice(bytes) => lzf::check(bytes, len).map_err(|e| bad_lzf(at, e)),
                Data::Far(far, _) => Giant {
                    far,
                    stored,
                    len,
                    lzf: true,
                    offset: at.offset,
                }
                .chunks(&mut |_| Ok(())),
            }
        }
    }
}

fn expand<'a, 's, B: Bytes<'a>>(
    b: &mut B,
    stored: u64,
    len: u64,
    scratch: &'s mut Vec<u8>,
) -> Result<Str<'s>>
where
    'a: 's,
{
    let at = b.at();
    let mut held = Vec::new();
    if len > limits::GIANT as u64 {
        // The stored bytes are handed on, even where they are few.
        let far = match b.take(stored, scratch)? {
            Data::Far(far, _) => far,
            Data::Slice(bytes) => Far::Mem(bytes),
        };
        return Ok(Str::Giant(Giant {
            far,
            stored,
            len,
            lzf: true,
            offset: at.offset,
        }));
    }
    let len = usize::try_from(len).unwrap_or(limits::GIANT);
    match b.take(stored, &mut held)? {
        Data::Slice(bytes) => match lzf::decode(bytes, len, scratch) {
            Ok(bytes) => Ok(Str::Bytes(bytes)),
            Err(e) => Err(bad_lzf(at, e)),
        },
        // Literals cost more than they give, so this is longer than it needs to be: no server writes it.
        Data::Far(..) => Err(at.corrupt(format!("{stored} bytes of LZF for a string of {len}"))),
    }
}

#[cold]
fn bad_lzf(at: At, e: lzf::LzfError) -> crate::Error {
    at.corrupt(e.to_string())
}

/// A packed blob: its bytes in one piece, or pages of it.
pub enum Blob<'s> {
    /// In one piece.
    Slice(Slice<'s>),
    /// Long: read page by page.
    Paged(Paged<'s>),
}

/// What holds a blob that must be expanded or copied: memory, or an unlinked file for the long ones.
#[derive(Default)]
pub struct BlobScratch {
    bytes: Vec<u8>,
    spool: Spool,
}

/// Reads a string that holds a packed encoding.
#[inline]
pub fn blob<'a, 's, B: Bytes<'a>>(b: &mut B, scratch: &'s mut BlobScratch) -> Result<Blob<'s>>
where
    'a: 's,
{
    let (stored, len) = match form(b)? {
        Form::Raw(n) => {
            let at = b.at();
            return Ok(match b.take(n, &mut scratch.bytes)? {
                Data::Slice(bytes) | Data::Far(Far::Mem(bytes), _) => {
                    Blob::Slice(Slice::new(bytes, at.offset))
                }
                Data::Far(Far::File(source, pos), len) => {
                    Blob::Paged(Paged::new(source, pos, pos + len, at.offset - pos))
                }
            });
        }
        Form::Int(n) => {
            let at = b.at();
            int(b, n)?;
            return Err(at.corrupt("a packed blob was expected, found an integer"));
        }
        Form::Lzf(stored, len) => (stored, len),
    };
    let at = b.at();
    let mut held = Vec::new();
    let data = b.take(stored, &mut held)?;
    if len <= limits::INFLATE as u64
        && let Data::Slice(bytes) = data
    {
        let len = usize::try_from(len).unwrap_or(limits::INFLATE);
        let bytes = lzf::decode(bytes, len, &mut scratch.bytes).map_err(|e| bad_lzf(at, e))?;
        return Ok(Blob::Slice(Slice::inflated(bytes, at.offset)));
    }
    let far = match data {
        Data::Far(far, _) => far,
        Data::Slice(bytes) => Far::Mem(bytes),
    };
    let giant = Giant {
        far,
        stored,
        len,
        lzf: true,
        offset: at.offset,
    };
    scratch.spool.clear()?;
    giant.chunks(&mut |piece| scratch.spool.write(piece))?;
    Ok(Blob::Paged(Paged::inflated(&scratch.spool, len, at.offset)))
}

/// Appends a string as it is.
#[inline]
pub fn write(bytes: &[u8], out: &mut Vec<u8>) {
    length::write(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends an integer in its short form; `false` where it is too large for one, and nothing is written.
#[inline]
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "each arm checks its range")]
pub fn write_int(v: i64, out: &mut Vec<u8>) -> bool {
    if i8::try_from(v).is_ok() {
        out.extend_from_slice(&[0xc0, v as u8]);
    } else if i16::try_from(v).is_ok() {
        out.push(0xc1);
        out.extend_from_slice(&(v as i16).to_le_bytes());
    } else if i32::try_from(v).is_ok() {
        out.push(0xc2);
        out.extend_from_slice(&(v as i32).to_le_bytes());
    } else {
        return false;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Result<Vec<u8>> {
        let mut b = Slice::new(bytes, 0);
        read(&mut b, &mut Vec::new())?.to_vec(1 << 20)
    }

    #[test]
    fn forms() {
        assert_eq!(text(b"\x03abc").unwrap(), b"abc");
        assert_eq!(text(b"\xc0\x80").unwrap(), b"-128");
        assert_eq!(text(b"\xc1\x00\x80").unwrap(), b"-32768");
        assert_eq!(text(b"\xc2\x00\x00\x00\x80").unwrap(), b"-2147483648");
        assert_eq!(
            text(b"\xc3\x06\x15\x01\x61\x61\xe0\x0a\x00").unwrap(),
            b"aaaaaaaaaaaaaaaaaaaaa"
        );
        assert!(text(b"\xc4\x00").is_err());
        assert!(text(b"\xc3\x01\x80\x00\x10\x00\x00\x00").is_err());
        assert!(text(b"\x05abc").is_err());
    }
}
