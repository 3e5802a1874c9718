//! A zipmap: the packed hash of Redis 2.0 to 2.4.
//!
//! ```text
//!   <count: u8> <pair>… <0xFF>              count 254 and 255: unknown
//!   pair:    <length> <field> <length> <free: u8> <value> <free unused bytes>
//!   length:  |0..253|  or  |FE| u32 le
//!   [01] [01] 61 [01] [00] 62 [ff]          the hash of a: b
//! ```
//! Source: redis `src/zipmap.c`. Some other readers take 253 for the long form, or big-endian; both are wrong.

use super::string::Str;
use crate::error::Result;
use crate::input::bytes::Bytes;
use crate::model::finding::{Finding, Refused, Severity};
use crate::model::target::Since;

/// Reads the pairs one by one.
#[derive(Debug, Clone)]
pub struct Reader<B> {
    bytes: B,
    claimed: u8,
    seen: u64,
    ended: bool,
}

impl<'a, B: Bytes<'a>> Reader<B> {
    /// Reads the header. `bytes` is the whole zipmap.
    pub fn new(mut bytes: B) -> Result<Reader<B>> {
        let claimed = bytes.byte()?;
        Ok(Reader {
            bytes,
            claimed,
            seen: 0,
            ended: false,
        })
    }

    /// How many pairs were read.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    fn length(&mut self) -> Result<Option<u64>> {
        Ok(match self.bytes.byte()? {
            0xff => None,
            0xfe => Some(u64::from(u32::from_le_bytes(self.bytes.array()?))),
            n => Some(u64::from(n)),
        })
    }

    /// The next pair; `None` at the end.
    pub fn next<'s>(
        &mut self,
        field: &'s mut Vec<u8>,
        value: &'s mut Vec<u8>,
    ) -> Result<Option<(Str<'s>, Str<'s>)>>
    where
        'a: 's,
    {
        if self.ended {
            return Ok(None);
        }
        let Some(n) = self.length()? else {
            self.ended = true;
            return Ok(None);
        };
        let field = super::text(&mut self.bytes, n, field)?;
        let at = self.bytes.at();
        let Some(n) = self.length()? else {
            return Err(at.corrupt("the zipmap ends behind a field without a value"));
        };
        let free = self.bytes.byte()?;
        let value = super::text(&mut self.bytes, n, value)?;
        self.bytes.skip(u64::from(free))?;
        self.seen += 1;
        Ok(Some((field, value)))
    }

    /// What was wrong though it could be read, after the last pair. Servers since 6.2 refuse all of it
    /// (`zipmapValidateIntegrity`): to them only 254 means unknown, though older ones wrote 255 too.
    pub fn finish(self) -> Option<Finding> {
        let left = self.bytes.left();
        let (code, severity, message) = if left > 0 {
            let message = format!("the end mark stands {left} bytes before the end of the zipmap");
            ("zipmap-end", Severity::Damage, message)
        } else if self.claimed == 255 {
            let message = "zipmap whose count is 255, for unknown, as only old servers read it";
            ("zipmap-count", Severity::Warning, message.to_owned())
        } else if self.claimed != 254 && u64::from(self.claimed) != self.seen {
            let message = format!("zipmap says {} pairs and has {}", self.claimed, self.seen);
            ("zipmap-count", Severity::Damage, message)
        } else {
            return None;
        };
        Some(Finding {
            severity,
            refused: Refused::With(Since::both((6, 2))),
            ..super::unnoticed(self.bytes.at(), code, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::bytes::Slice;

    type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

    fn read(bytes: &[u8]) -> Result<(Pairs, Option<Finding>)> {
        let mut reader = Reader::new(Slice::new(bytes, 0))?;
        let mut out = Vec::new();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        while let Some((f, v)) = reader.next(&mut a, &mut b)? {
            out.push((f.to_vec(1 << 20)?, v.to_vec(1 << 20)?));
        }
        Ok((out, reader.finish()))
    }

    #[test]
    fn short_long_and_free() {
        let (pairs, odd) = read(b"\x01\x01a\x01\x00b\xff").unwrap();
        assert_eq!(pairs, [(b"a".to_vec(), b"b".to_vec())]);
        assert!(odd.is_none());
        let mut bytes = vec![2, 253];
        bytes.extend(vec![b'f'; 253]);
        bytes.extend_from_slice(&[0xfe, 254, 0, 0, 0, 3]);
        bytes.extend(vec![b'v'; 254 + 3]);
        bytes.extend_from_slice(b"\x01x\x00\x00\xff");
        let (pairs, odd) = read(&bytes).unwrap();
        assert_eq!(pairs[0].0.len(), 253);
        assert_eq!(pairs[0].1.len(), 254);
        assert_eq!(pairs[1], (b"x".to_vec(), Vec::new()));
        assert!(odd.is_none());
    }

    #[test]
    fn lies_are_found() {
        assert_eq!(
            read(b"\x02\x01a\x01\x00b\xff").unwrap().1.unwrap().code,
            "zipmap-count"
        );
        assert_eq!(
            read(b"\x01\x01a\x01\x00b\xff\xff").unwrap().1.unwrap().code,
            "zipmap-end"
        );
        for bad in [
            &b""[..],
            b"\x01",
            b"\x01\x01a\xff",
            b"\x01\x01a\x05\x00b\xff",
            b"\x01\x01a\x01\x09b\xff",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
