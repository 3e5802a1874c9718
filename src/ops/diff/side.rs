//! One of the two sources: read once from end to end, then again where it differs.
//!
//! A plain file is read again where it lies. What cannot be (standard input, what is compressed, the state of a log, JSON
//! Lines) is copied on its way into a temporary file without a name.

use crate::error::{Error, Result};
use crate::input::bytes::ReadAt;
use crate::input::open::Input;
use crate::limits::{self, Sizes};
use crate::rdb::frame::{Block, Reader, Record, Seen};
use std::fs::File;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

type Source = Arc<dyn ReadAt + Send + Sync>;

/// A source that can be read again.
pub(super) struct Side {
    /// What the user calls it.
    pub(super) name: String,
    pub(super) source: Source,
    sizes: Sizes,
    /// Set when it has been read to its end.
    end: u64,
    seen: Option<Seen>,
    /// Where which database begins: offset of the first record, number.
    dbs: Vec<(u64, u64)>,
    near: Mutex<Near>,
}

/// How much is read at once around a single record; most have less.
const NEAR: usize = 4 << 10;

impl Side {
    /// Opens a source for its first reading.
    pub(super) fn open(input: Input) -> Result<(Side, Reader)> {
        let Input {
            name,
            stream,
            file,
            sizes,
            ..
        } = input;
        let (source, stream) = match file {
            Some(file) => (file, stream),
            None => {
                let file = tempfile::tempfile()
                    .map_err(|e| Error::from_io(e, "make a temporary file").in_file(&name))?;
                let file = Arc::new(file);
                let copied = Copied {
                    stream,
                    file: file.clone(),
                };
                (file as Source, Box::new(copied) as _)
            }
        };
        let reader = Reader::with_sizes(stream, Some(source.clone()), true, sizes)
            .map_err(|e| e.in_file(&name))?;
        let side = Side {
            name,
            source,
            sizes,
            end: 0,
            seen: None,
            dbs: Vec::new(),
            near: Mutex::default(),
        };
        Ok((side, reader))
    }

    /// It was read to its end. `dbs` need not be in order.
    pub(super) fn was_read(&mut self, reader: &Reader, mut dbs: Vec<(u64, u64)>) {
        dbs.sort_unstable();
        dbs.dedup_by_key(|(_, db)| *db);
        self.dbs = dbs;
        self.end = reader.ending().map_or(reader.position(), |e| e.end);
        self.seen = Some(reader.seen());
    }

    /// The database of the record at that offset.
    pub(super) fn db(&self, offset: u64) -> u64 {
        let after = self.dbs.partition_point(|(from, _)| *from <= offset);
        let before = after.checked_sub(1).and_then(|i| self.dbs.get(i));
        before.map_or(0, |(_, db)| *db)
    }

    fn range(&self, at: u64) -> Box<Range> {
        Box::new(Range {
            source: self.source.clone(),
            at,
            end: self.end,
        })
    }

    /// Reads all of it once more.
    pub(super) fn again(&self) -> Result<Reader> {
        Reader::with_sizes(self.range(0), Some(self.source.clone()), true, self.sizes)
            .map_err(|e| e.in_file(&self.name))
    }

    /// Looks at the record at that offset. What `look` says is handed on as it is: it may be about something else.
    pub(super) fn look<T>(
        &self,
        offset: u64,
        look: impl FnOnce(&Record<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut near = self.near.lock().unwrap_or_else(PoisonError::into_inner);
        if !near.holds(offset) {
            near.read(self, offset).map_err(|e| self.named(e))?;
        }
        let record = near.record(offset);
        look(&record.ok_or_else(|| self.named(moved(offset)))?)
    }

    /// An error in this source.
    pub(super) fn named(&self, e: Error) -> Error {
        e.in_file(&self.name)
    }
}

fn moved(offset: u64) -> Error {
    Error::corrupt(
        offset,
        "there is no key here any more: the file has changed",
    )
}

/// The records around the one that was looked at last: looks often go from one to the next.
#[derive(Default)]
struct Near {
    block: Option<Block>,
    /// How much is read at once.
    window: usize,
}

impl Near {
    /// The bytes of the block, in the file.
    fn range(&self) -> std::ops::Range<u64> {
        let block = self.block.as_ref();
        block.map_or(0..0, |b| b.base..b.base + b.bytes.len() as u64)
    }

    fn holds(&self, offset: u64) -> bool {
        self.range().contains(&offset)
    }

    fn record(&self, offset: u64) -> Option<Record<'_>> {
        let block = self.block.as_ref()?;
        let at = u32::try_from(offset.checked_sub(block.base)?).ok()?;
        let index = block.frames.partition_point(|frame| frame.start < at);
        let record = block.records().nth(index)?;
        (record.offset() == offset && record.row().is_some()).then_some(record)
    }

    fn read(&mut self, side: &Side, offset: u64) -> Result<()> {
        // The nearer to the last one, the more of what follows will be wanted, too.
        let end = self.range().end;
        let on = (end..end + 2 * self.window as u64).contains(&offset);
        let most = side.sizes.block;
        self.window = if on { self.window * 2 } else { NEAR }.clamp(NEAR.min(most), most);
        let sizes = Sizes {
            block: self.window,
            ..side.sizes
        };
        let seen = side.seen.as_ref().ok_or_else(|| moved(offset))?;
        let at = (offset, side.db(offset));
        let source = side.source.clone();
        let mut reader = Reader::resume(seen, side.range(offset), source, at, sizes);
        self.block = reader.next_block(self.block.take())?;
        Ok(())
    }
}

/// Puts what is read into a file, too.
struct Copied {
    stream: Box<dyn Read + Send>,
    file: Arc<File>,
}

impl Read for Copied {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.stream.read(buf)?;
        (&*self.file).write_all(buf.get(..n).unwrap_or_default())?;
        Ok(n)
    }
}

/// Reads a source from one place to another.
struct Range {
    source: Source,
    at: u64,
    end: u64,
}

impl Read for Range {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let n = buf.len().min(left).min(limits::BLOCK);
        let part = buf.get_mut(..n).unwrap_or_default();
        self.source
            .read_exact_at(part, self.at)
            .map_err(|e| std::io::Error::other(e.to_string()))?;
        self.at += n as u64;
        Ok(n)
    }
}
