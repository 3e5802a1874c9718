//! An unlinked temporary file for what is too long for memory and cannot be read again from its source.
//!
//! It has no name, so nothing is left behind whatever happens. Made at the first write, under `TMPDIR`.

use super::bytes::ReadAt;
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{Seek, Write};

/// A file that grows at its end and is read anywhere.
#[derive(Debug, Default)]
pub struct Spool {
    file: Option<File>,
    len: u64,
}

impl Spool {
    /// How many bytes it holds.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets what it held.
    pub fn clear(&mut self) -> Result<()> {
        if let Some(file) = &mut self.file {
            file.rewind()
                .and_then(|()| file.set_len(0))
                .map_err(|e| Error::from_io(e, "empty a temporary file"))?;
        }
        self.len = 0;
        Ok(())
    }

    /// Appends.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(
                tempfile::tempfile().map_err(|e| Error::from_io(e, "make a temporary file"))?,
            ),
        };
        file.write_all(bytes)
            .map_err(|e| Error::from_io(e, "write a temporary file"))?;
        self.len += bytes.len() as u64;
        Ok(())
    }
}

impl ReadAt for Spool {
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        match &self.file {
            Some(file) => file.read_exact_at(buf, at),
            None if buf.is_empty() => Ok(()),
            None => Err(Error::truncated(at, "nothing was spooled")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_read_back() {
        let mut spool = Spool::default();
        spool.write(b"hello ").unwrap();
        spool.write(b"world").unwrap();
        let mut buf = [0; 5];
        spool.read_exact_at(&mut buf, 6).unwrap();
        assert_eq!(&buf, b"world");
        spool.clear().unwrap();
        assert!(spool.read_exact_at(&mut buf, 0).is_err());
        spool.write(b"again").unwrap();
        spool.read_exact_at(&mut buf, 0).unwrap();
        assert_eq!(&buf, b"again");
    }
}
