//! An intset: distinct integers, ascending.
//!
//! ```text
//!   <width: u32 le: 2, 4 or 8> <count: u32 le> count × <signed integer of width bytes, le>
//!   [02 00 00 00] [02 00 00 00] [ff ff] [05 00]            the set of -1 and 5
//! ```
//! Source: redis `src/intset.c`, `intsetValidateIntegrity`: the size must be 8 + count × width and count at least 1.

use crate::error::Result;
use crate::input::bytes::Bytes;
use crate::model::finding::Finding;

/// Reads the members one by one.
#[derive(Debug, Clone)]
pub struct Reader<B> {
    bytes: B,
    width: u32,
    last: Option<i64>,
    left: u32,
    odd: Option<Finding>,
}

impl<'a, B: Bytes<'a>> Reader<B> {
    /// Reads the header. `bytes` is the whole intset.
    pub fn new(mut bytes: B) -> Result<Reader<B>> {
        let at = bytes.at();
        let size = bytes.left();
        let width = u32::from_le_bytes(bytes.array()?);
        let count = u32::from_le_bytes(bytes.array()?);
        if !matches!(width, 2 | 4 | 8) {
            return Err(at.corrupt(format!(
                "intset of integers of {width} bytes (2, 4 and 8 are known)"
            )));
        }
        if count == 0 {
            return Err(at.corrupt("an intset without members"));
        }
        if 8 + u64::from(count) * u64::from(width) != size {
            return Err(at.corrupt(format!(
                "intset of {count} integers of {width} bytes in {size} bytes"
            )));
        }
        Ok(Reader {
            bytes,
            width,
            last: None,
            left: count,
            odd: None,
        })
    }

    /// The count in the header, which agrees with the size.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::from(self.left)
    }

    /// The next member; `None` at the end.
    #[inline]
    #[allow(clippy::should_implement_trait, reason = "it can fail")]
    pub fn next(&mut self) -> Result<Option<i64>> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        let at = self.bytes.at();
        let v = match self.width {
            2 => i64::from(i16::from_le_bytes(self.bytes.array()?)),
            4 => i64::from(i32::from_le_bytes(self.bytes.array()?)),
            _ => i64::from_le_bytes(self.bytes.array()?),
        };
        if self.last.is_some_and(|last| last >= v) && self.odd.is_none() {
            self.odd = Some(super::unnoticed(
                at,
                "intset-order",
                format!(
                    "intset member {v} stands behind {}",
                    self.last.unwrap_or_default()
                ),
            ));
        }
        self.last = Some(v);
        Ok(Some(v))
    }

    /// What was wrong though it could be read, after the last member.
    pub fn finish(self) -> Option<Finding> {
        self.odd
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::bytes::Slice;

    fn read(bytes: &[u8]) -> Result<(Vec<i64>, Option<Finding>)> {
        let mut reader = Reader::new(Slice::new(bytes, 0))?;
        let mut out = Vec::new();
        while let Some(v) = reader.next()? {
            out.push(v);
        }
        Ok((out, reader.finish()))
    }

    #[test]
    fn widths_and_lies() {
        assert_eq!(
            read(&[2, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 5, 0]).unwrap().0,
            [-1, 5]
        );
        assert_eq!(
            read(&[4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x80]).unwrap().0,
            [-2_147_483_648]
        );
        assert_eq!(
            read(&[8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80])
                .unwrap()
                .0,
            [i64::MIN]
        );
        for (a, b) in [(5, 5), (6, 5)] {
            let (_, odd) = read(&[2, 0, 0, 0, 2, 0, 0, 0, a, 0, b, 0]).unwrap();
            assert_eq!(odd.unwrap().code, "intset-order");
        }
        assert!(read(&[2, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(read(&[3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0]).is_err());
        assert!(read(&[2, 0, 0, 0, 2, 0, 0, 0, 1, 0]).is_err());
    }
}
