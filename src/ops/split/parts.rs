//! The files of the parts: takes pieces as they come, in the order of the input, and puts each where it belongs.
//!
//! Pieces are those of [`crate::pipe::sort`]: `<class> <db> <length> <id> (<length> <bytes>)… <0>`, the id being what
//! [`By::id`] says. What belongs to all parts (functions, aux fields) goes into each, those to come as well.

use super::PARTS;
use super::by::By;
use crate::disk::StagedFolder;
use crate::error::{Error, Result};
use crate::pipe::sort::{HEAD, head};
use crate::rdb::{length, opcode};
use crate::sink::rdb::Summed;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};

/// A part that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its file's name.
    pub file: String,
    /// What it is by: the database of its keys, if they were split by that, and what [`By::id`] said.
    pub(super) db: u64,
    pub(super) id: Vec<u8>,
    /// Keys.
    pub keys: u64,
    /// Bytes.
    pub bytes: u64,
}

struct Open {
    part: Part,
    out: Summed<File>,
    buf: Vec<u8>,
    /// The database of the key before.
    db: Option<u64>,
}

/// Bytes of all buffers together.
const BUFFERS: usize = 16 << 20;
/// Bytes of the buffer of a part, at most and at least.
const BUFFER: std::ops::RangeInclusive<usize> = 4 << 10..=256 << 10;
/// Bytes that may belong to all parts.
const COMMON: usize = 64 << 20;
/// The end of a file: its opcode and checksum.
const END: u64 = 9;

/// Where in a piece the input stands.
enum At {
    Head,
    Length,
    Chunk(u64),
}

/// Where the bytes of a piece go.
#[derive(Clone, Copy)]
enum To {
    All,
    One(usize),
}

/// Writes parts into a folder. See the module.
pub(super) struct Parts<'a> {
    by: &'a By,
    folder: &'a StagedFolder,
    /// What stands at the head of each file, and in front of its keys.
    common: Vec<u8>,
    open: Vec<Open>,
    numbers: HashMap<Vec<u8>, usize>,
    at: At,
    to: To,
    /// A head or length that is not whole.
    held: Vec<u8>,
}

impl Open {
    fn flush(&mut self) -> Result<()> {
        self.out
            .write_all(&self.buf)
            .map_err(|e| Error::from_io(e, "write").in_file(&self.part.file))?;
        self.buf.clear();
        Ok(())
    }

    fn push(&mut self, bytes: &[u8], most: usize) -> Result<()> {
        self.part.bytes += bytes.len() as u64;
        if self.buf.len() + bytes.len() > most {
            self.flush()?;
        }
        if bytes.len() > most {
            return self
                .out
                .write_all(bytes)
                .map_err(|e| Error::from_io(e, "write").in_file(&self.part.file));
        }
        self.buf.extend_from_slice(bytes);
        Ok(())
    }
}

impl<'a> Parts<'a> {
    /// Parts whose files begin with `common`. Those that are known beforehand come into being now.
    pub(super) fn new(by: &'a By, folder: &'a StagedFolder, common: Vec<u8>) -> Result<Parts<'a>> {
        let mut parts = Parts {
            by,
            folder,
            common,
            open: Vec::new(),
            numbers: HashMap::new(),
            at: At::Head,
            to: To::All,
            held: Vec::new(),
        };
        if let By::Slots(table) = by {
            for number in (0u16..).take(table.parts.len()) {
                parts.number(0, &number.to_le_bytes())?;
            }
        }
        Ok(parts)
    }

    fn most(&self) -> usize {
        (BUFFERS / self.open.len().max(1)).clamp(*BUFFER.start(), *BUFFER.end())
    }

    /// Makes a file.
    fn begin(&mut self, db: u64, id: &[u8]) -> Result<usize> {
        let number = self.open.len();
        if number >= PARTS {
            return Err(Error::limit(format!("this makes more than {PARTS} parts")));
        }
        let file = self.by.file(db, id, number) + ".rdb";
        let out = Summed::new(self.folder.file(&file)?, true);
        self.open.push(Open {
            part: Part {
                file,
                db,
                id: id.to_vec(),
                keys: 0,
                bytes: self.common.len() as u64,
            },
            out,
            buf: self.common.clone(),
            db: None,
        });
        let most = self.most();
        // With more parts, each has less room.
        for open in self.open.iter_mut().filter(|open| open.buf.len() > most) {
            open.flush()?;
        }
        Ok(number)
    }

    /// The number of the part that an id belongs to.
    fn number(&mut self, db: u64, id: &[u8]) -> Result<usize> {
        if let By::Size(max) = self.by {
            let len = id.first_chunk().map_or(0, |n| u64::from_le_bytes(*n));
            let full = |open: &Open| {
                open.part.keys > 0 && open.part.bytes.saturating_add(len).saturating_add(END) > *max
            };
            return match self.open.last() {
                Some(open) if !full(open) => Ok(self.open.len() - 1),
                _ => self.begin(db, &[]),
            };
        }
        let by_db;
        let key = if matches!(self.by, By::Db) {
            by_db = db.to_le_bytes();
            &by_db[..]
        } else {
            id
        };
        if let Some(number) = self.numbers.get(key) {
            return Ok(*number);
        }
        let key = key.to_vec();
        let number = self.begin(db, id)?;
        self.numbers.insert(key, number);
        Ok(number)
    }

    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let most = self.most();
        match self.to {
            To::One(number) => match self.open.get_mut(number) {
                Some(open) => open.push(bytes, most),
                None => Ok(()),
            },
            To::All => {
                if self.common.len() + bytes.len() > COMMON {
                    return Err(Error::limit(format!(
                        "functions and other records that go into every part of more than {COMMON} bytes"
                    )));
                }
                self.common.extend_from_slice(bytes);
                self.open
                    .iter_mut()
                    .try_for_each(|open| open.push(bytes, most))
            }
        }
    }

    /// A piece begins.
    fn piece(&mut self, class: u8, db: u64, id: &[u8]) -> Result<()> {
        if class == 0 {
            self.to = To::All;
            return Ok(());
        }
        let number = self.number(db, id)?;
        self.to = To::One(number);
        if let Some(open) = self.open.get_mut(number) {
            open.part.keys += 1;
            if open.db != Some(db) {
                open.db = Some(db);
                let mut select = vec![opcode::SELECTDB];
                length::write(db, &mut select);
                return self.push(&select);
            }
        }
        Ok(())
    }

    /// Takes what `buf` has of the part under way that is `want` bytes long; whether it is whole.
    fn hold(&mut self, buf: &mut &[u8], want: usize) -> bool {
        let n = want.saturating_sub(self.held.len()).min(buf.len());
        let (now, rest) = buf.split_at_checked(n).unwrap_or((buf, &[]));
        self.held.extend_from_slice(now);
        *buf = rest;
        self.held.len() >= want
    }

    fn take(&mut self, mut buf: &[u8]) -> Result<()> {
        while !buf.is_empty() {
            match self.at {
                At::Head => {
                    let key = head(&self.held).map_or(0, |(_, _, len)| len);
                    if !self.hold(&mut buf, HEAD + key) {
                        continue;
                    }
                    // The head may just have told that there is an id behind it.
                    if let Some((class, db, len)) =
                        head(&self.held).filter(|h| self.held.len() >= HEAD + h.2)
                    {
                        let held = std::mem::take(&mut self.held);
                        self.piece(class, db, held.get(HEAD..HEAD + len).unwrap_or_default())?;
                        self.held = held;
                        self.held.clear();
                        self.at = At::Length;
                    }
                }
                At::Length => {
                    if self.hold(&mut buf, 8) {
                        let n = self
                            .held
                            .first_chunk()
                            .map_or(0, |n| u64::from_le_bytes(*n));
                        self.held.clear();
                        self.at = if n == 0 { At::Head } else { At::Chunk(n) };
                    }
                }
                At::Chunk(left) => {
                    let n = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
                    let (now, rest) = buf.split_at_checked(n).unwrap_or((buf, &[]));
                    buf = rest;
                    self.push(now)?;
                    let left = left - n as u64;
                    self.at = if left == 0 {
                        At::Length
                    } else {
                        At::Chunk(left)
                    };
                }
            }
        }
        Ok(())
    }

    /// All is written: each file gets its end.
    pub(super) fn finish(mut self) -> Result<Vec<Part>> {
        if self.open.is_empty() {
            // Nothing to split is one part without keys.
            self.begin(0, &[])?;
        }
        let mut parts = Vec::new();
        for mut open in self.open {
            open.push(&[opcode::EOF], usize::MAX)?;
            open.flush()?;
            let ended = open.out.end();
            ended.map_err(|e| Error::from_io(e, "write").in_file(&open.part.file))?;
            open.part.bytes += END - 1;
            parts.push(open.part);
        }
        Ok(parts)
    }
}

impl Write for Parts<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.take(buf).map_err(io::Error::other)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
