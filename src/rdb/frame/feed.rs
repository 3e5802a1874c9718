//! Bytes as they arrive.

use crate::error::{Error, ErrorKind, Result};
use crate::input::bytes::{At, Bytes, Data, past_the_end};
use crate::input::checksum::Crc64;
use crate::input::spool::Spool;
use crate::limits;
use std::io::Read;

/// Reads until `buf` holds `want` bytes; `true` where the input ended.
pub(super) fn fill(
    input: &mut dyn Read,
    buf: &mut Vec<u8>,
    want: usize,
    offset: u64,
) -> Result<bool> {
    let mut have = buf.len();
    buf.resize(want.max(have), 0);
    let mut ended = false;
    while have < want {
        match input.read(buf.get_mut(have..).unwrap_or_default()) {
            Ok(0) => {
                ended = true;
                break;
            }
            Ok(n) => have += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => {
                buf.truncate(have);
                return Err(Error::from_io(e, "read").at(offset + have as u64));
            }
        }
    }
    buf.truncate(have);
    Ok(ended)
}

/// The body of a big record as it arrives: every byte goes into the checksum, and to the spool file where there is one.
pub(super) struct Feed<'i> {
    pub(super) input: &'i mut dyn Read,
    pub(super) page: Vec<u8>,
    pub(super) next: usize,
    /// Offset of `page` in the file.
    pub(super) offset: u64,
    pub(super) crc: &'i mut Crc64,
    pub(super) spool: Option<Spool>,
    /// How much is read at a time.
    pub(super) block: usize,
}

impl Feed<'_> {
    /// Hands on what was read and gets a new page.
    #[cold]
    fn turn(&mut self) -> Result<()> {
        let done = self.page.get(..self.next).unwrap_or_default();
        self.crc.update(done);
        if let Some(spool) = &mut self.spool {
            spool.write(done)?;
        }
        self.offset += self.next as u64;
        self.page.drain(..self.next);
        self.next = 0;
        if self.page.len() < self.block {
            fill(self.input, &mut self.page, self.block, self.offset)?;
        }
        Ok(())
    }

    /// The spool, what was read too far, and the offset where the body ends.
    pub(super) fn finish(mut self) -> Result<(Option<Spool>, Vec<u8>, u64)> {
        let done = self.page.get(..self.next).unwrap_or_default();
        self.crc.update(done);
        if let Some(spool) = &mut self.spool {
            spool.write(done)?;
        }
        let left = self.page.split_off(self.next);
        Ok((self.spool, left, self.offset + self.next as u64))
    }

    /// At least `n` bytes (at most a block) that were not read yet.
    #[inline]
    fn window(&mut self, n: usize) -> Result<&[u8]> {
        if self.page.len() - self.next < n {
            self.turn()?;
            if self.page.len() < n {
                return Err(self.short(n as u64));
            }
        }
        Ok(self.page.get(self.next..).unwrap_or_default())
    }

    #[cold]
    fn short(&self, n: u64) -> Error {
        let left = self.page.len() - self.next;
        self.at().truncated(past_the_end(n, left as u64))
    }
}

impl<'a> Bytes<'a> for Feed<'_> {
    fn at(&self) -> At {
        At {
            offset: self.offset + self.next as u64,
            inner: None,
        }
    }

    fn left(&self) -> u64 {
        u64::MAX
    }

    #[inline]
    fn byte(&mut self) -> Result<u8> {
        let b = self.window(1)?.first().copied().unwrap_or_default();
        self.next += 1;
        Ok(b)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let found = self.window(N)?.first_chunk::<N>().copied();
        self.next += N;
        Ok(found.unwrap_or([0; N]))
    }

    fn take<'s>(&mut self, n: u64, scratch: &'s mut Vec<u8>) -> Result<Data<'s>>
    where
        'a: 's,
    {
        if n > limits::GIANT as u64 {
            return Err(
                Error::limit(format!("{n} bytes where a small string was expected"))
                    .at(self.at().offset),
            );
        }
        scratch.clear();
        let start = self.at();
        let mut need = usize::try_from(n).unwrap_or(limits::GIANT);
        while need > 0 {
            let part = need.min(self.block);
            // What is missing is missing from all of it, wherever the pages end.
            let window = match self.window(part) {
                Ok(window) => window,
                Err(e) if e.kind() == ErrorKind::Truncated => {
                    let left = scratch.len() + self.page.len() - self.next;
                    return Err(start.truncated(past_the_end(n, left as u64)));
                }
                Err(e) => return Err(e),
            };
            scratch.extend_from_slice(window.get(..part).unwrap_or(window));
            self.next += part;
            need -= part;
        }
        Ok(Data::Slice(scratch))
    }

    #[inline]
    fn skip(&mut self, n: u64) -> Result<()> {
        let start = self.at();
        let mut need = n;
        loop {
            let have = (self.page.len() - self.next) as u64;
            if need <= have {
                self.next += usize::try_from(need).unwrap_or_default();
                return Ok(());
            }
            need -= have;
            self.next = self.page.len();
            self.turn()?;
            if self.page.is_empty() {
                return Err(start.truncated(past_the_end(n, n - need)));
            }
        }
    }
}
