//! Commands as bytes.
//!
//! ```text
//!   *<number of arguments>\r\n ($<length>\r\n<bytes>\r\n)…
//!   [*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n]          SELECT 3
//! ```
//! Source: redis `src/rio.c` (`rioWriteBulkCount`, `rioWriteBulkString`): decimal numbers without leading zeros.

use crate::error::Result;
use crate::model::kind::StreamId;
use crate::packed::string::{Digits, Str};

/// Where bytes go: a buffer that can pass on what it holds.
pub trait Output {
    /// The bytes so far, to append to.
    fn bytes(&mut self) -> &mut Vec<u8>;
    /// Passes on what is too much to hold. Called only where nothing of it will be taken back or changed.
    fn relieve(&mut self) -> Result<()>;
}

impl Output for Vec<u8> {
    fn bytes(&mut self) -> &mut Vec<u8> {
        self
    }

    fn relieve(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Appends a mark (`*` or `$`), a number and the line's end.
#[inline]
pub fn head(mark: u8, n: u64, out: &mut Vec<u8>) {
    #[allow(clippy::cast_possible_truncation, reason = "one digit each")]
    let digit = |n: u64| b'0' + (n % 10) as u8;
    if n < 10 {
        out.extend_from_slice(&[mark, digit(n), b'\r', b'\n']);
    } else if n < 100 {
        out.extend_from_slice(&[mark, digit(n / 10), digit(n), b'\r', b'\n']);
    } else if n < 1000 {
        out.extend_from_slice(&[mark, digit(n / 100), digit(n / 10), digit(n), b'\r', b'\n']);
    } else {
        out.push(mark);
        push_uint(n, out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends a number's digits.
pub fn push_uint(n: u64, out: &mut Vec<u8>) {
    match i64::try_from(n) {
        Ok(n) => out.extend_from_slice(Digits::new(n).as_bytes()),
        Err(_) => out.extend_from_slice(n.to_string().as_bytes()),
    }
}

/// Appends an argument.
#[inline]
pub fn bulk(bytes: &[u8], out: &mut Vec<u8>) {
    head(b'$', bytes.len() as u64, out);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Appends a number as an argument.
#[inline]
pub fn bulk_int(n: i64, out: &mut Vec<u8>) {
    bulk(Digits::new(n).as_bytes(), out);
}

/// The same without a sign.
pub fn bulk_uint(n: u64, out: &mut Vec<u8>) {
    match i64::try_from(n) {
        Ok(n) => bulk_int(n, out),
        Err(_) => bulk(n.to_string().as_bytes(), out),
    }
}

/// Appends the id of a stream's entry as an argument: `ms-seq`.
pub fn bulk_id(id: StreamId, out: &mut Vec<u8>) {
    let (Ok(ms), Ok(seq)) = (i64::try_from(id.ms), i64::try_from(id.seq)) else {
        return bulk(id.to_string().as_bytes(), out);
    };
    let (ms, seq) = (Digits::new(ms), Digits::new(seq));
    let (ms, seq) = (ms.as_bytes(), seq.as_bytes());
    head(b'$', (ms.len() + 1 + seq.len()) as u64, out);
    out.extend_from_slice(ms);
    out.push(b'-');
    out.extend_from_slice(seq);
    out.extend_from_slice(b"\r\n");
}

/// Appends a string as an argument. A giant one is passed on piece by piece, so the command must be such that nothing
/// before it will be changed.
#[inline]
pub fn string<O: Output + ?Sized>(s: &Str<'_>, out: &mut O) -> Result<()> {
    match s {
        Str::Bytes(b) => {
            bulk(b, out.bytes());
            Ok(())
        }
        Str::Int(n) => {
            bulk_int(*n, out.bytes());
            Ok(())
        }
        Str::Giant(_) => giant(s, out),
    }
}

#[cold]
fn giant<O: Output + ?Sized>(s: &Str<'_>, out: &mut O) -> Result<()> {
    head(b'$', s.len(), out.bytes());
    s.chunks(&mut |piece| {
        out.bytes().extend_from_slice(piece);
        out.relieve()
    })?;
    out.bytes().extend_from_slice(b"\r\n");
    Ok(())
}

/// Appends a whole command.
pub fn command(args: &[&[u8]], out: &mut Vec<u8>) {
    head(b'*', args.len() as u64, out);
    for arg in args {
        bulk(arg, out);
    }
}

/// Room for the digits of an argument count that is known only later.
const ROOM: usize = 2;

/// A command whose number of arguments is not known when it begins.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    at: usize,
}

/// Begins such a command; its arguments follow.
pub fn open(out: &mut Vec<u8>) -> Open {
    let at = out.len();
    // Two digits are right for most; see `close`.
    out.extend_from_slice(b"*00\r\n");
    Open { at }
}

impl Open {
    /// Where it begins.
    #[must_use]
    pub fn at(self) -> usize {
        self.at
    }

    /// Writes the number of arguments in front of them. They move where it has not two digits.
    pub fn close(self, args: u64, out: &mut Vec<u8>) {
        let digits = Digits::new(i64::try_from(args).unwrap_or(i64::MAX));
        let digits = digits.as_bytes();
        let first = self.at + 1;
        let end = out.len();
        if digits.len() < ROOM {
            let by = ROOM - digits.len();
            if first + by <= end {
                out.copy_within(first + by.., first);
                out.truncate(end - by);
            }
        } else if digits.len() > ROOM {
            let by = digits.len() - ROOM;
            out.resize(end + by, 0);
            out.copy_within(first..end, first + by);
        }
        if let Some(room) = out.get_mut(first..first + digits.len()) {
            room.copy_from_slice(digits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_every_width() {
        for n in [0, 9, 10, 99, 100, 999, 1000, 4096, 1 << 40, u64::MAX] {
            let mut out = Vec::new();
            head(b'$', n, &mut out);
            assert_eq!(out, format!("${n}\r\n").as_bytes());
        }
    }

    #[test]
    fn the_example_of_the_header() {
        let mut out = Vec::new();
        command(&[b"SELECT", b"3"], &mut out);
        assert_eq!(out, b"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n");
    }

    #[test]
    fn counts_fit_whatever_their_width() {
        for n in [1u64, 9, 10, 99, 100, 130, 1234] {
            let mut out = b"before".to_vec();
            let open = open(&mut out);
            let mut want = format!("before*{n}\r\n").into_bytes();
            for i in 0..n {
                bulk_uint(i, &mut out);
                bulk_uint(i, &mut want);
            }
            open.close(n, &mut out);
            assert_eq!(out, want);
        }
    }

    #[test]
    fn ids_and_giants() {
        let mut out = Vec::new();
        bulk_id(
            StreamId {
                ms: u64::MAX,
                seq: 7,
            },
            &mut out,
        );
        assert_eq!(out, b"$22\r\n18446744073709551615-7\r\n");
        let long = vec![b'x'; crate::limits::GIANT + 5];
        let giant = Str::Giant(crate::packed::string::Giant {
            far: crate::input::bytes::Far::Mem(&long),
            stored: long.len() as u64,
            len: long.len() as u64,
            lzf: false,
            offset: 0,
        });
        let (mut a, mut b) = (Vec::new(), Vec::new());
        string(&giant, &mut a).unwrap();
        bulk(&long, &mut b);
        assert!(a == b);
    }
}
