//! Where the bytes of one value come from: a slice of a block (nearly always), or pages of a file.
//!
//! Everything that decodes is generic over [`Bytes`]: a record inside a block is read through [`Slice`] and borrows from
//! it; a record too big for a block is read through [`Paged`], which holds one page and copies small pieces out. What is
//! longer than [`limits::GIANT`] is never copied: it comes out as [`Data::Far`], to be read in chunks.

use crate::error::{Error, Result};
use crate::limits::{self, PAGE};

/// Random access to bytes that are somewhere else: a file, a spool file, memory.
pub trait ReadAt: Sync {
    /// Fills `buf` from `at`, or fails: `Truncated` where the source ends.
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()>;
}

impl ReadAt for std::fs::File {
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buf, at).map_err(|e| {
            if e.kind() == std::io::ErrorKind::UnexpectedEof {
                Error::truncated(at, "the file ends here; it was longer before")
            } else {
                Error::from_io(e, "read").at(at)
            }
        })
    }
}

/// Bytes that can be read again by range.
#[derive(Clone, Copy)]
pub enum Far<'a> {
    /// In memory.
    Mem(&'a [u8]),
    /// In a file, from this offset.
    File(&'a dyn ReadAt, u64),
}

impl std::fmt::Debug for Far<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Far::Mem(m) => write!(f, "Mem({} bytes)", m.len()),
            Far::File(_, at) => write!(f, "File(at {at})"),
        }
    }
}

impl Far<'_> {
    /// Calls `sink` with `len` bytes in pieces of at most 64 KiB.
    pub fn chunks(&self, len: u64, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        match *self {
            Far::Mem(m) => {
                let n = usize::try_from(len).unwrap_or(usize::MAX).min(m.len());
                m.get(..n).unwrap_or(m).chunks(PAGE).try_for_each(sink)
            }
            Far::File(file, start) => {
                let mut buf = vec![0; PAGE];
                let mut done = 0u64;
                while done < len {
                    let n = usize::try_from(len - done).unwrap_or(PAGE).min(PAGE);
                    let page = buf.get_mut(..n).unwrap_or_default();
                    file.read_exact_at(page, start + done)?;
                    sink(page)?;
                    done += n as u64;
                }
                Ok(())
            }
        }
    }
}

/// A piece of bytes: at hand, or far away because it is long.
#[derive(Debug, Clone, Copy)]
pub enum Data<'s> {
    /// At hand.
    Slice(&'s [u8]),
    /// `len` bytes to be read in chunks.
    Far(Far<'s>, u64),
}

/// Where a cursor stands, for errors: an offset in the file, and inside an expanded blob also the position there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// Offset in the file; for expanded bytes that of the blob they come from.
    pub offset: u64,
    /// Position inside expanded bytes.
    pub inner: Option<u64>,
}

impl At {
    /// An error of kind `Corrupt` here.
    #[cold]
    pub fn corrupt(self, message: impl Into<String>) -> Error {
        self.mark(Error::corrupt(self.offset, message))
    }

    /// An error of kind `Truncated` here.
    #[cold]
    pub fn truncated(self, message: impl Into<String>) -> Error {
        self.mark(Error::truncated(self.offset, message))
    }

    fn mark(self, e: Error) -> Error {
        match self.inner {
            Some(n) => e.within(format!("byte {n} of the expanded blob")),
            None => e,
        }
    }
}

/// What all cursors say when `n` bytes are asked for and only `left` are there.
pub(crate) fn past_the_end(n: u64, left: u64) -> String {
    if n == 1 {
        "the data ends here; a byte was expected".to_owned()
    } else {
        format!("{n} bytes run past the end ({left} left)")
    }
}

/// A cursor over the bytes of one value, forwards only.
pub trait Bytes<'a> {
    /// Where the next byte is.
    fn at(&self) -> At;
    /// How many bytes are left; for a stream of unknown length, `u64::MAX`.
    fn left(&self) -> u64;
    /// The next byte.
    fn byte(&mut self) -> Result<u8>;
    /// The next `N` bytes.
    fn array<const N: usize>(&mut self) -> Result<[u8; N]>;
    /// The next `n` bytes; `scratch` may be used to hold them.
    fn take<'s>(&mut self, n: u64, scratch: &'s mut Vec<u8>) -> Result<Data<'s>>
    where
        'a: 's;
    /// Passes over `n` bytes.
    fn skip(&mut self, n: u64) -> Result<()>;
}

/// A cursor over a slice.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    rest: &'a [u8],
    /// Offset in the file of the end of `rest` (`inflated`: of the blob).
    end: u64,
    /// Length of the whole slice, where it was expanded from a blob at `end`.
    inflated: Option<u64>,
    /// What ends here when bytes run out: a block that goes on in the file, or a closed value.
    open: bool,
}

impl<'a> Slice<'a> {
    /// A closed value that stands in the file at `offset`.
    #[must_use]
    pub fn new(bytes: &'a [u8], offset: u64) -> Slice<'a> {
        Slice {
            rest: bytes,
            end: offset + bytes.len() as u64,
            inflated: None,
            open: false,
        }
    }

    /// Bytes of a file that go on where the slice ends: running out is `Truncated`, not `Corrupt`.
    #[must_use]
    pub fn open(bytes: &'a [u8], offset: u64) -> Slice<'a> {
        Slice {
            open: true,
            ..Slice::new(bytes, offset)
        }
    }

    /// Bytes expanded from a compressed blob at `offset`.
    #[must_use]
    pub fn inflated(bytes: &'a [u8], offset: u64) -> Slice<'a> {
        Slice {
            rest: bytes,
            end: offset,
            inflated: Some(bytes.len() as u64),
            open: false,
        }
    }

    /// What has not been read yet.
    #[must_use]
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `n` bytes, with the lifetime of the slice.
    #[inline]
    pub fn bytes(&mut self, n: u64) -> Result<&'a [u8]> {
        match usize::try_from(n)
            .ok()
            .and_then(|n| self.rest.split_at_checked(n))
        {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(self.short(n)),
        }
    }

    #[cold]
    #[inline(never)]
    fn short(&self, n: u64) -> Error {
        let message = past_the_end(n, self.rest.len() as u64);
        if self.open {
            self.at().truncated(message)
        } else {
            self.at().corrupt(message)
        }
    }
}

impl<'a> Bytes<'a> for Slice<'a> {
    #[inline]
    fn at(&self) -> At {
        match self.inflated {
            None => At {
                offset: self.end - self.rest.len() as u64,
                inner: None,
            },
            Some(whole) => At {
                offset: self.end,
                inner: Some(whole - self.rest.len() as u64),
            },
        }
    }

    #[inline]
    fn left(&self) -> u64 {
        self.rest.len() as u64
    }

    #[inline]
    fn byte(&mut self) -> Result<u8> {
        match self.rest.split_first() {
            Some((&b, rest)) => {
                self.rest = rest;
                Ok(b)
            }
            None => Err(self.short(1)),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(*head)
            }
            None => Err(self.short(N as u64)),
        }
    }

    #[inline]
    fn take<'s>(&mut self, n: u64, _scratch: &'s mut Vec<u8>) -> Result<Data<'s>>
    where
        'a: 's,
    {
        let bytes = self.bytes(n)?;
        if bytes.len() > limits::GIANT {
            return Ok(Data::Far(Far::Mem(bytes), n));
        }
        Ok(Data::Slice(bytes))
    }

    #[inline]
    fn skip(&mut self, n: u64) -> Result<()> {
        self.bytes(n).map(|_| ())
    }
}

/// A cursor over a range of a file, with one page in memory.
#[derive(Clone)]
pub struct Paged<'a> {
    source: &'a dyn ReadAt,
    /// Position of the next byte in `source`.
    pos: u64,
    end: u64,
    page: Vec<u8>,
    /// Position of `page[0]` in `source`.
    page_at: u64,
    /// How much is read at a time.
    page_size: usize,
    /// What `pos` means to the user.
    meaning: Meaning,
}

#[derive(Clone, Copy)]
enum Meaning {
    /// An offset in the file, after adding this.
    File(u64),
    /// Bytes expanded from the blob at this offset.
    Inflated(u64),
}

impl<'a> Paged<'a> {
    /// The range `start..end` of `source`, whose position 0 stands in the file at `base`.
    #[must_use]
    pub fn new(source: &'a dyn ReadAt, start: u64, end: u64, base: u64) -> Paged<'a> {
        Paged {
            source,
            pos: start,
            end,
            page: Vec::new(),
            page_at: start,
            page_size: PAGE,
            meaning: Meaning::File(base),
        }
    }

    /// The same, read in pages of that size.
    #[must_use]
    pub fn in_pages_of(self, bytes: usize) -> Paged<'a> {
        Paged {
            page_size: bytes.max(1),
            ..self
        }
    }

    /// A source of `len` bytes that were expanded from the blob at `offset`.
    #[must_use]
    pub fn inflated(source: &'a dyn ReadAt, len: u64, offset: u64) -> Paged<'a> {
        Paged {
            meaning: Meaning::Inflated(offset),
            ..Paged::new(source, 0, len, 0)
        }
    }

    /// The next `n` bytes as a cursor of their own, passing over them here.
    pub fn sub(&mut self, n: u64) -> Result<Paged<'a>> {
        let start = self.pos;
        self.skip(n)?;
        Ok(Paged {
            source: self.source,
            pos: start,
            end: self.pos,
            page: Vec::new(),
            page_at: start,
            page_size: self.page_size,
            meaning: self.meaning,
        })
    }

    /// At least `n` (at most a page) bytes at `pos`, from the page.
    fn window(&mut self, n: usize) -> Result<&[u8]> {
        if n as u64 > self.left() {
            return Err(self.short(n as u64));
        }
        let inside = usize::try_from(self.pos.wrapping_sub(self.page_at)).unwrap_or(usize::MAX);
        if inside
            .checked_add(n)
            .is_none_or(|end| end > self.page.len())
        {
            let len = usize::try_from(self.left())
                .unwrap_or(usize::MAX)
                .min(self.page_size.max(n));
            self.page.resize(len, 0);
            self.page_at = self.pos;
            self.source.read_exact_at(&mut self.page, self.pos)?;
            return Ok(&self.page);
        }
        Ok(self.page.get(inside..).unwrap_or_default())
    }

    #[cold]
    fn short(&self, n: u64) -> Error {
        self.at().corrupt(past_the_end(n, self.left()))
    }
}

impl<'a> Bytes<'a> for Paged<'a> {
    fn at(&self) -> At {
        match self.meaning {
            Meaning::File(base) => At {
                offset: base + self.pos,
                inner: None,
            },
            Meaning::Inflated(offset) => At {
                offset,
                inner: Some(self.pos),
            },
        }
    }

    fn left(&self) -> u64 {
        self.end - self.pos
    }

    fn byte(&mut self) -> Result<u8> {
        let b = self.window(1)?.first().copied().unwrap_or_default();
        self.pos += 1;
        Ok(b)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let found = self.window(N)?.first_chunk::<N>().copied();
        self.pos += N as u64;
        Ok(found.unwrap_or([0; N]))
    }

    fn take<'s>(&mut self, n: u64, scratch: &'s mut Vec<u8>) -> Result<Data<'s>>
    where
        'a: 's,
    {
        if n > self.left() {
            return Err(self.short(n));
        }
        let at = self.pos;
        if n > limits::GIANT as u64 {
            self.pos += n;
            return Ok(Data::Far(Far::File(self.source, at), n));
        }
        scratch.clear();
        let mut need = usize::try_from(n).unwrap_or(limits::GIANT);
        while need > 0 {
            let part = need.min(self.page_size);
            let window = self.window(part)?;
            scratch.extend_from_slice(window.get(..part).unwrap_or(window));
            self.pos += part as u64;
            need -= part;
        }
        Ok(Data::Slice(scratch))
    }

    fn skip(&mut self, n: u64) -> Result<()> {
        if n > self.left() {
            return Err(self.short(n));
        }
        self.pos += n;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl ReadAt for Vec<u8> {
        fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
            let at = usize::try_from(at).unwrap();
            buf.copy_from_slice(&self[at..at + buf.len()]);
            Ok(())
        }
    }

    #[test]
    fn slice_and_pages_give_the_same() {
        let bytes: Vec<u8> = (0..300_000u32).map(|i| (i * 7 % 251) as u8).collect();
        let mut s = Slice::new(&bytes, 100);
        let mut p = Paged::new(&bytes, 0, bytes.len() as u64, 100);
        let (mut a, mut b) = (Vec::new(), Vec::new());
        let mut i = 0u64;
        while s.left() > 1000 {
            i += 1;
            assert_eq!(s.at(), p.at());
            match i % 4 {
                0 => assert_eq!(s.byte().unwrap(), p.byte().unwrap()),
                1 => assert_eq!(s.array::<8>().unwrap(), p.array::<8>().unwrap()),
                2 => {
                    let (Data::Slice(x), Data::Slice(y)) = (
                        s.take(i % 997, &mut a).unwrap(),
                        p.take(i % 997, &mut b).unwrap(),
                    ) else {
                        panic!("far");
                    };
                    assert_eq!(x, y);
                }
                _ => {
                    s.skip(i % 313).unwrap();
                    p.skip(i % 313).unwrap();
                }
            }
        }
        assert_eq!(
            s.skip(2000).unwrap_err().to_string(),
            p.skip(2000).unwrap_err().to_string()
        );
    }

    #[test]
    fn the_long_is_far() {
        let bytes = vec![5u8; limits::GIANT + 1];
        for data in [
            Slice::new(&bytes, 0)
                .take(bytes.len() as u64, &mut Vec::new())
                .unwrap(),
            Paged::new(&bytes, 0, bytes.len() as u64, 0)
                .take(bytes.len() as u64, &mut Vec::new())
                .unwrap(),
        ] {
            let Data::Far(far, len) = data else {
                panic!("near")
            };
            let mut n = 0;
            far.chunks(len, &mut |c| {
                n += c.len();
                Ok(())
            })
            .unwrap();
            assert_eq!(n, bytes.len());
        }
    }
}
