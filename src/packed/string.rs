//! A string out of a value: bytes at hand, an integer, or something giant to be read in chunks.

use crate::error::{Error, Result};
use crate::input::bytes::Far;
use crate::model::number;
use crate::packed::lzf;

/// A string as files hold it.
#[derive(Debug, Clone, Copy)]
pub enum Str<'a> {
    /// The bytes.
    Bytes(&'a [u8]),
    /// Stored as an integer; the string is its decimal text.
    Int(i64),
    /// Longer than [`crate::limits::GIANT`].
    Giant(Giant<'a>),
}

/// A long string that is read in chunks.
#[derive(Debug, Clone, Copy)]
pub struct Giant<'a> {
    /// The stored bytes.
    pub far: Far<'a>,
    /// How many bytes are stored.
    pub stored: u64,
    /// How many bytes the string has.
    pub len: u64,
    /// Whether the stored bytes are LZF.
    pub lzf: bool,
    /// Where the stored bytes begin in the file.
    pub offset: u64,
}

impl Giant<'_> {
    /// Calls `sink` with the string's bytes, piece by piece. Bad LZF is found on the way.
    pub fn chunks(&self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if !self.lzf {
            return self.far.chunks(self.stored, sink);
        }
        let mut stream = lzf::Stream::new(self.stored, self.len)
            .map_err(|e| Error::corrupt(self.offset, e.to_string()))?;
        self.far
            .chunks(self.stored, &mut |piece| stream.push(piece, sink))
            .and_then(|()| stream.finish(sink))
            .map_err(|e| e.at(self.offset))
    }
}

/// The digits of an `i64`, on the stack.
#[derive(Debug, Clone, Copy)]
pub struct Digits {
    buf: [u8; 20],
    len: usize,
}

impl Digits {
    /// The decimal text of `v`.
    #[must_use]
    #[inline]
    pub fn new(v: i64) -> Digits {
        let mut text = [0u8; 20];
        let mut buf = [0u8; 20];
        let digits = number::write_i64(v, &mut text);
        let len = digits.len();
        if let Some(head) = buf.get_mut(..len) {
            head.copy_from_slice(digits);
        }
        Digits { buf, len }
    }

    /// The text.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.buf.get(..self.len).unwrap_or_default()
    }
}

impl<'a> Str<'a> {
    /// Length of the string in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Str::Bytes(b) => b.len() as u64,
            Str::Int(v) => Digits::new(*v).as_bytes().len() as u64,
            Str::Giant(g) => g.len,
        }
    }

    /// Whether it is the empty string.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Str::Bytes([]))
    }

    /// Calls `f` with the bytes in one piece where they are at hand, else with `None`.
    #[inline]
    pub fn with<T>(&self, f: impl FnOnce(Option<&[u8]>) -> T) -> T {
        match self {
            Str::Bytes(b) => f(Some(b)),
            Str::Int(v) => f(Some(Digits::new(*v).as_bytes())),
            Str::Giant(_) => f(None),
        }
    }

    /// Calls `sink` with all bytes, in one piece or in many.
    pub fn chunks(&self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        match self {
            Str::Bytes(b) => sink(b),
            Str::Int(v) => sink(Digits::new(*v).as_bytes()),
            Str::Giant(g) => g.chunks(sink),
        }
    }

    /// The bytes, owned. Fails with `Limit` above `max` bytes.
    pub fn to_vec(&self, max: u64) -> Result<Vec<u8>> {
        if self.len() > max {
            return Err(Error::limit(format!(
                "a string of {} bytes is over the limit of {max}",
                self.len()
            )));
        }
        let mut out = Vec::new();
        self.chunks(&mut |piece| {
            out.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(out)
    }
}
