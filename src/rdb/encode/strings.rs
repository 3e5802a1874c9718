//! Strings as servers write them: integers in short, long ones compressed where that saves something.
//!
//! Source: redis `src/rdb.c`, `rdbSaveRawString`: integers of up to 32 bits in canonical form; LZF above 20 bytes, where
//! it saves at least four.

use crate::error::Result;
use crate::packed::lzf;
use crate::packed::string::{Digits, Giant, Str};
use crate::rdb::{length, string};
use crate::resp::encode::Output;

/// Strings of up to so many bytes are not compressed.
const SHORT: usize = 20;
/// The longest text that may be an integer of 32 bits.
const INTEGER: usize = 11;

/// Writes strings.
pub(in crate::rdb) struct Strings {
    /// Whether long ones are compressed.
    compress: bool,
    lzf: lzf::Encoder,
    held: Vec<u8>,
}

impl Strings {
    pub(in crate::rdb) fn new(compress: bool) -> Strings {
        Strings {
            compress,
            lzf: lzf::Encoder::new(),
            held: Vec::new(),
        }
    }

    /// A string that may be an integer.
    pub(in crate::rdb) fn text(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let int = (bytes.len() <= INTEGER)
            .then(|| crate::model::number::parse_i64(bytes))
            .flatten();
        if !int.is_some_and(|v| string::write_int(v, out)) {
            self.blob(bytes, out);
        }
    }

    /// A string that is none, or a packed value.
    pub(in crate::rdb) fn blob(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.compress
            && bytes.len() > SHORT
            && self.lzf.encode(bytes, bytes.len() - 4, &mut self.held)
        {
            out.push(0xc3);
            length::write(self.held.len() as u64, out);
            length::write(bytes.len() as u64, out);
            out.extend_from_slice(&self.held);
        } else {
            string::write(bytes, out);
        }
    }

    /// Any string. A giant one goes as it is stored, compressed or not.
    pub(in crate::rdb) fn any<O: Output + ?Sized>(
        &mut self,
        s: &Str<'_>,
        out: &mut O,
    ) -> Result<()> {
        match s {
            Str::Bytes(bytes) => self.text(bytes, out.bytes()),
            Str::Int(v) => {
                if !string::write_int(*v, out.bytes()) {
                    self.blob(Digits::new(*v).as_bytes(), out.bytes());
                }
            }
            Str::Giant(giant) => return stored(giant, out),
        }
        Ok(())
    }
}

fn stored<O: Output + ?Sized>(giant: &Giant<'_>, out: &mut O) -> Result<()> {
    if giant.lzf {
        out.bytes().push(0xc3);
        length::write(giant.stored, out.bytes());
    }
    length::write(giant.len, out.bytes());
    giant.far.chunks(giant.stored, &mut |piece| {
        out.bytes().extend_from_slice(piece);
        out.relieve()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::bytes::Slice;

    #[test]
    fn as_servers_write_them() {
        let long = "abcdefgh".repeat(100);
        let digits = "9".repeat(30);
        for text in [
            "",
            "0",
            "-1",
            "127",
            "128",
            "-32769",
            "2147483647",
            "2147483648",
            "-0",
            "007",
            &long,
            &digits,
        ] {
            for compress in [false, true] {
                let mut out = Vec::new();
                Strings::new(compress).text(text.as_bytes(), &mut out);
                let mut held = Vec::new();
                let mut b = Slice::new(&out, 0);
                let back = string::read(&mut b, &mut held).unwrap();
                assert_eq!(back.to_vec(1 << 20).unwrap(), text.as_bytes());
                assert!(b.rest().is_empty());
                let integer = text.parse::<i32>().is_ok_and(|v| v.to_string() == text);
                assert_eq!(matches!(back, Str::Int(_)), integer, "{text}");
                assert_eq!(out.first() == Some(&0xc3), compress && text.len() > SHORT);
            }
        }
    }
}
