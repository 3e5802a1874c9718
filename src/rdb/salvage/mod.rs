//! What can be kept of a damaged RDB, and what becomes of the rest.
//!
//! ```text
//! REDIS0011 │ aux … │ FE 0 │ key │ key: 12 of 40 fields hold │ ?????????? │ key │ key │ FF checksum
//!   kept      kept    kept   kept  replaced by a plain hash    quarantine   kept  kept  made anew
//!                                                                          ▲ the next place from which records chain
//! ```
//! | what is there | what becomes of it |
//! |---|---|
//! | a value that does not hold, or in which the file ends | cut to the elements that hold, or left out |
//! | bytes that are no record | quarantine up to the next boundary (`chain`) |
//! | the record in front of them, where its length led there | goes with them |
//! | a key that is there already in its database | left out |
//! | the end of the file before the end of the RDB | closed with FF |
//! | an end of the RDB in its middle | passed over, where records follow |
//! | zeros, in the middle or up to the end of the file | quarantine, cut: they read as keys without a name |
//! | a wrong checksum | made anew; that a byte inside a plain string may be wrong is said |
//! | every LF made CRLF by a transfer | undone, where the checksum then is right |
//! | magic or version with a damaged byte | mended, where the rest tells what they were |
//!
//! The records on both sides of a gap are named as doubtful: bytes of a value may read as a record.

use super::frame::{HEADER_LEN, Header, Reader, Record, What};
use super::types::{self, TypeRow};
use super::walk::Scratch;
use super::{check, opcode};
use crate::error::{Error, ErrorKind, Result};
use crate::input::bytes::{Far, Paged, ReadAt};
use crate::input::checksum::Crc64;
use crate::limits::FINDINGS_LISTED;
use crate::model::patch::{self, Fate, Patch};
use crate::text::quoted;
use chain::{AT_LEAST, AT_LEAST_IN_VALUE, ENOUGH, Search};
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::sync::Arc;
use value::Judged;

mod chain;
mod crlf;
mod head;
mod packed;
mod stream;
mod torn;
mod value;
mod zeros;

pub use head::header_of;
use torn::front;

/// What was found.
#[derive(Debug, Default)]
pub struct Salvaged {
    /// What does not stay as it is, in the order of the file.
    pub patches: Vec<Patch>,
    /// What is kept, but may not be what it was: offset and reason.
    pub doubtful: Vec<(u64, String)>,
    /// Keys that are kept.
    pub keys: u64,
    /// Where the RDB ends.
    pub end: u64,
    /// Whether it ends so itself, and the file does not end before.
    pub ended: bool,
}

/// Records on each side of a gap that are named as doubtful: bytes of a value may read as one or two, with a name of no
/// bytes among them.
const CLOSE: usize = 3;

/// Bytes of values that are held to be written anew, of all.
const HELD: u64 = 256 << 20;

/// Zeros at the end of a file that are more than a sum of zeros and some of a value.
const ZEROS: u64 = 64;

/// Keys that are remembered to find those that are there twice.
const KEYS: usize = 64 << 20;

type Source = Arc<dyn ReadAt + Send + Sync>;

/// The bytes of a file from an offset on, behind a head that says how to read them.
struct Segment {
    src: Source,
    head: Vec<u8>,
    from: u64,
    size: u64,
}

impl Segment {
    fn len(&self) -> u64 {
        self.head.len() as u64 + self.size.saturating_sub(self.from)
    }

    /// The offset in the file.
    fn of(&self, at: u64) -> u64 {
        (self.from + at)
            .saturating_sub(self.head.len() as u64)
            .max(self.from)
    }
}

impl ReadAt for Segment {
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        let head = usize::try_from(at).unwrap_or(usize::MAX);
        let head = self.head.get(head..).unwrap_or_default();
        let n = head.len().min(buf.len());
        let (front, back) = buf.split_at_mut(n);
        front.copy_from_slice(head.get(..n).unwrap_or_default());
        if back.is_empty() {
            return Ok(());
        }
        let at = at + n as u64 - self.head.len() as u64;
        self.src.read_exact_at(back, self.from + at)
    }
}

struct Stream {
    segment: Arc<Segment>,
    at: u64,
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.segment.len() - self.at).unwrap_or(usize::MAX);
        let n = left.min(buf.len());
        let space = buf.get_mut(..n).unwrap_or_default();
        let read = self.segment.read_exact_at(space, self.at);
        read.map_err(std::io::Error::other)?;
        self.at += n as u64;
        Ok(n)
    }
}

/// Whether commands begin at an offset.
///
/// # Errors
/// What the operating system reports.
pub fn begins_log(src: &dyn ReadAt, at: u64) -> Result<bool> {
    let mut head = [0; 5];
    Ok(match src.read_exact_at(&mut head, at) {
        Ok(()) => matches!(&head, [b'*', b'1'..=b'9', ..] | [b'#', b'T', b'S', b':', _]),
        Err(e) if e.kind() == ErrorKind::Io => return Err(e),
        Err(_) => false,
    })
}

/// The checksum that an RDB which ends at an offset has, and that of its bytes; `None` where it has none.
///
/// # Errors
/// What the operating system reports.
pub fn stored_and_computed(src: &dyn ReadAt, end: u64) -> Result<Option<(u64, u64)>> {
    let Some(at) = end.checked_sub(8) else {
        return Ok(None);
    };
    let mut stored = [0; 8];
    src.read_exact_at(&mut stored, at)?;
    let stored = u64::from_le_bytes(stored);
    if stored == 0 {
        return Ok(None);
    }
    let mut sum = Crc64::new();
    Far::File(src, 0).chunks(at, &mut |piece| {
        sum.update(piece);
        Ok(())
    })?;
    Ok(Some((stored, sum.value())))
}

/// Reads an RDB and says what can be kept of it. `progress` is told how far it has come.
///
/// # Errors
/// What the operating system reports; what is no RDB; a file that is damaged in more places than can be told.
pub fn salvage(src: &Source, size: u64, progress: &dyn Fn(u64)) -> Result<Salvaged> {
    let n = usize::try_from(size).map_or(HEAD, |n| n.min(HEAD));
    let mut head = vec![0; n];
    src.read_exact_at(&mut head, 0)?;
    let header = header_of(&head)
        .ok_or_else(|| Error::corrupt(0, "neither magic nor version can be told"))?;
    let mut run = Salvage {
        src: src.clone(),
        size,
        header,
        found: Salvaged::default(),
        db: 0,
        hasher: RandomState::new(),
        seen: HashSet::new(),
        recent: Vec::new(),
        after_gap: 0,
        zeros: None,
        room: HELD,
        sc: Scratch::default(),
        search: Search::new(&**src, size, header),
    };
    let mut right = Vec::new();
    header.write(&mut right);
    if head.get(..HEADER_LEN) != Some(&right[..]) {
        let why = format!(
            "this is no magic and version: {} is what the rest tells",
            quoted(&right)
        );
        let to = size.min(HEADER_LEN as u64);
        run.patch(0, to, Fate::Replace(right), "header", why, Vec::new())?;
    }
    if run.found.patches.is_empty() && run.undo_crlf()? {
        return Ok(run.found);
    }
    let zeros = run.zero_tail()?;
    if size - zeros > ZEROS {
        // What the RDB has of them stays, and what of its checksum was zero is made anew.
        run.size = zeros;
        run.search.size = zeros;
    }
    run.all(progress)?;
    if run.found.end == run.size && run.size < size {
        let why = format!("{} zero bytes up to the end of the file", size - run.size);
        run.patch(run.size, size, Fate::Cut, "zero-tail", why, Vec::new())?;
        run.found.end = size;
    }
    Ok(run.found)
}

/// Where aux fields are looked for.
const HEAD: usize = 4096;

/// The key that was read last: where its record begins.
type Last = (u64, u64, Vec<u8>);

struct Salvage<'a> {
    src: Source,
    size: u64,
    header: Header,
    found: Salvaged,
    db: u64,
    hasher: RandomState,
    seen: HashSet<u64>,
    /// The keys that were read last, the very last one behind the others.
    recent: Vec<Last>,
    /// How many of the next records stand close behind a gap.
    after_gap: usize,
    /// Where a run of records begins and ends that are nothing but zeros.
    zeros: Option<(u64, u64)>,
    /// Bytes of values that may still be held.
    room: u64,
    sc: Scratch,
    search: Search<'a>,
}

/// How far behind an end of the RDB records are looked for.
const EARLY: u64 = 64 << 20;

/// How the reading of a segment ended.
enum End {
    /// With the RDB, which ends at this offset.
    Whole(u64),
    /// At this offset, with an error.
    At(u64, Error),
}

impl Salvage<'_> {
    fn all(&mut self, progress: &dyn Fn(u64)) -> Result<()> {
        let mut from = self.size.min(HEADER_LEN as u64);
        loop {
            match self.segment(from, progress)? {
                End::Whole(end) => {
                    // A byte that was damaged into FF ends it too early.
                    if self.is_early(end)? {
                        let below = self.size.min(end.saturating_add(EARLY));
                        let found = self.search.records(end.saturating_sub(8), below)?;
                        if let Some(next) = found {
                            let at = end - 9;
                            from = self.gap(at, next, "an end of the RDB in its middle")?;
                            continue;
                        }
                    }
                    return self.close(end);
                }
                End::At(at, e) => {
                    if self.is_cut_checksum(at, &e)? {
                        self.found.end = self.size;
                        self.found.ended = true;
                        let why = "the file ends inside the checksum".to_owned();
                        return self.patch(
                            at,
                            self.size,
                            Fate::Checksum,
                            "checksum",
                            why,
                            Vec::new(),
                        );
                    }
                    match self.beyond(at, &e)? {
                        Some(next) => from = next,
                        None => return self.cut_off(),
                    }
                }
            }
        }
    }

    /// Reads records from an offset on.
    fn segment(&mut self, from: u64, progress: &dyn Fn(u64)) -> Result<End> {
        let mut head = Vec::new();
        self.header.write(&mut head);
        head.push(opcode::SELECTDB);
        super::length::write(self.db, &mut head);
        let segment = Arc::new(Segment {
            src: self.src.clone(),
            head,
            from,
            size: self.size,
        });
        let stream = Stream {
            segment: segment.clone(),
            at: 0,
        };
        let mut reader = Reader::new(Box::new(stream), Some(segment.clone()), true)?;
        reader.keep_tail();
        let mut spare = None;
        loop {
            match reader.next_block(spare.take()) {
                Ok(Some(block)) => {
                    for record in block.records() {
                        self.db = record.frame.db;
                        match record.frame.what {
                            What::Key(row) => self.key(&record, row, &segment)?,
                            What::Record(op) => self.record(&record, op, &segment)?,
                        }
                    }
                    progress(segment.of(reader.position()));
                    spare = Some(block);
                }
                Ok(None) => {
                    let end = reader.ending().map_or(reader.position(), |e| e.end);
                    return Ok(End::Whole(segment.of(end)));
                }
                Err(e) if e.kind() == ErrorKind::Io => return Err(e),
                Err(e) => return Ok(End::At(segment.of(reader.position()), e)),
            }
        }
    }

    fn key(&mut self, record: &Record<'_>, row: &'static TypeRow, segment: &Segment) -> Result<()> {
        let (start, end) = (segment.of(record.offset()), segment.of(record.end_offset()));
        let db = record.frame.db;
        let mut scratch = Vec::new();
        let name = match record.key(&mut scratch) {
            Ok(name) => name.to_vec(),
            Err(e) => {
                let why = format!("the key's name: {}", e.message());
                return self.patch(start, end, Fate::Quarantine, "bad-name", why, Vec::new());
            }
        };
        if name.is_empty() && end - start == 3 && self.is_zero(start)? {
            return self.zero_record(start, end);
        }
        let shown = quoted(&name).to_string();
        if self.after_gap > 0 {
            self.after_gap -= 1;
            self.doubt(start, format!("db {db}, key {shown}: close behind a gap"));
        }
        let key = vec![(db, name.clone())];
        if self.seen.len() < KEYS && !self.seen.insert(self.hasher.hash_one((db, &name))) {
            let why = "the key is in the file already: the first one stays".to_owned();
            return self.patch(start, end, Fate::Cut, "duplicate-key", why, key);
        }
        if self.recent.len() > CLOSE {
            self.recent.remove(0);
        }
        self.recent.push((start, db, name));
        match value::judge(record, row, self.header, self.room, &mut self.sc)? {
            Judged::Sound | Judged::Empty => self.found.keys += 1,
            Judged::Cut(bytes, n, why) => {
                self.found.keys += 1;
                self.room = self.room.saturating_sub(bytes.len() as u64);
                let mut with = bytes.get(..1).unwrap_or_default().to_vec();
                with.extend_from_slice(record.raw_key());
                with.extend_from_slice(bytes.get(1..).unwrap_or_default());
                let at = segment.of(record.key_offset()) - 1;
                let why = format!("{why}: cut to the {n} elements that hold");
                self.patch(at, end, Fate::Replace(with), "bad-value", why, key)?;
            }
            Judged::Lost(why) => {
                self.patch(start, end, Fate::Quarantine, "bad-value", why, key)?;
            }
        }
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>, op: u8, segment: &Segment) -> Result<()> {
        let (start, end) = (segment.of(record.offset()), segment.of(record.end_offset()));
        if start < segment.from || end <= segment.from {
            return Ok(());
        }
        match check::record(record, op, &mut self.sc) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::Io => Err(e),
            Err(e) => {
                let why = e.message().to_owned();
                self.patch(start, end, Fate::Quarantine, "bad-record", why, Vec::new())
            }
        }
    }

    fn doubt(&mut self, at: u64, why: String) {
        if self.found.doubtful.len() < FINDINGS_LISTED {
            self.found.doubtful.push((at, why));
        }
    }

    /// Whether an RDB may end before its end: something follows, and the checksum is not that of what stands in front.
    fn is_early(&self, end: u64) -> Result<bool> {
        if self.header.version < 5 || end < 9 || end >= self.size || begins_log(&*self.src, end)? {
            return Ok(false);
        }
        Ok(stored_and_computed(&*self.src, end)?
            .is_none_or(|(stored, computed)| stored != computed))
    }

    /// Whether the file ends inside the checksum that begins at an offset.
    fn is_cut_checksum(&self, at: u64, e: &Error) -> Result<bool> {
        let says = e.kind() == ErrorKind::Truncated && e.message().contains("checksum");
        if !says
            || self.header.version < 5
            || at <= HEADER_LEN as u64
            || self.size - at.min(self.size) >= 8
        {
            return Ok(false);
        }
        let mut before = [0; 1];
        self.src.read_exact_at(&mut before, at - 1)?;
        Ok(before == [opcode::EOF])
    }

    /// What stands at `at` is no record. Gives where reading goes on.
    fn beyond(&mut self, at: u64, e: &Error) -> Result<Option<u64>> {
        let mut bytes = [0; 3];
        let n = usize::try_from(self.size.saturating_sub(at)).map_or(3, |n| n.min(3));
        let space = bytes.get_mut(..n).unwrap_or_default();
        self.src.read_exact_at(space, at)?;
        let flavour = self.header.flavour;
        let [code, _, behind] = bytes;
        // The choice of a database is damaged where its sizes follow.
        let is_code =
            types::by_code(flavour, code).is_some() || code >= 0xf1 || behind == opcode::RESIZEDB;
        let mut recent = std::mem::take(&mut self.recent);
        // One that ends with the file may have swallowed what stood behind it.
        let last = (at < self.size).then(|| recent.pop()).flatten();
        let mut from = at;
        let mut next = None;
        if let Some((start, db, name)) = last.filter(|(start, ..)| *start < at) {
            if is_code || self.search.is_record_but_type(at)? {
                recent.push((start, db, name));
            } else {
                // Its length led to a place where nothing begins.
                from = start;
                next = self.search.next(start + 1, at, ENOUGH)?;
            }
        }
        for (start, db, name) in recent {
            let name = quoted(&name);
            self.doubt(
                start,
                format!("db {db}, key {name}: close in front of a gap"),
            );
        }
        if next.is_none() {
            let least = match e.kind() {
                ErrorKind::Truncated => AT_LEAST_IN_VALUE,
                _ => AT_LEAST,
            };
            next = self.search.next(at + 1, self.size, least)?;
        }
        match next {
            Some(next) => self.gap(from, next, e.message()).map(Some),
            None => {
                if from == at && e.kind() == ErrorKind::Truncated && self.torn(at, e)? {
                    return Ok(None);
                }
                let why = format!("{}: nothing that reads as a record follows", e.message());
                self.leave(from, self.size, why)?;
                Ok(None)
            }
        }
    }

    /// Leaves bytes out between records.
    fn gap(&mut self, from: u64, to: u64, why: &str) -> Result<u64> {
        self.leave(from, to, why.to_owned())?;
        self.after_gap = CLOSE;
        self.database(from, to)?;
        Ok(to)
    }

    /// Says which database the records behind a gap are in. Behind a damaged SELECTDB the sizes of its database stand,
    /// and in front of them its number.
    fn database(&mut self, from: u64, to: u64) -> Result<()> {
        let mut bytes = [0; 2];
        if to < from + 2 || to >= self.size {
            return Ok(());
        }
        self.src.read_exact_at(&mut bytes, to - 1)?;
        let [db, code] = bytes;
        if code != opcode::RESIZEDB || db >= 64 {
            return Ok(());
        }
        self.db = u64::from(db);
        let select = Fate::Replace(vec![opcode::SELECTDB, db]);
        if let Some(gap) = self.found.patches.last_mut().filter(|p| p.to == to) {
            gap.to = to - 2;
            if gap.from == gap.to {
                self.found.patches.pop();
            }
        }
        let why =
            format!("the sizes of a database follow, so this was the choice of database {db}");
        self.doubt(to - 2, why.clone());
        self.patch(to - 2, to, select, "selectdb", why, Vec::new())
    }

    fn leave(&mut self, from: u64, to: u64, why: String) -> Result<()> {
        // A record that is cut itself may reach beyond the place where the next one really begins.
        let inside = patch::cut(&mut self.found.patches, from);
        let mut keys: Vec<(u64, Vec<u8>)> = inside.into_iter().flat_map(|p| p.keys).collect();
        if let Some(name) = self.name_at(from)? {
            let key = (self.db, name);
            // It was counted where it was read as a whole.
            let counted = self.seen.remove(&self.hasher.hash_one((key.0, &key.1)));
            if counted && !keys.contains(&key) {
                self.found.keys = self.found.keys.saturating_sub(1);
            }
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        self.patch(from, to, Fate::Quarantine, "bad-format", why, keys)
    }

    /// The name of the key whose record begins at an offset, if it can be read.
    fn name_at(&self, at: u64) -> Result<Option<Vec<u8>>> {
        let mut b = Paged::new(&*self.src, at, self.size, 0).in_pages_of(HEAD);
        match front(&mut b, self.header.flavour, false) {
            Ok(front) => Ok(front.map(|f| f.name).filter(|n| !n.is_empty())),
            Err(e) if e.kind() == ErrorKind::Io => Err(e),
            Err(_) => Ok(None),
        }
    }

    /// The RDB ends here by itself: its checksum is made anew, if anything was changed.
    fn close(&mut self, end: u64) -> Result<()> {
        self.found.end = end;
        self.found.ended = true;
        if self.header.version < 5 {
            return Ok(());
        }
        let why = "a checksum of what is kept".to_owned();
        self.patch(end - 8, end, Fate::Checksum, "checksum", why, Vec::new())
    }

    /// The file ends, and the RDB has not: it is closed.
    fn cut_off(&mut self) -> Result<()> {
        let size = self.size;
        self.found.end = size;
        let end = Fate::Replace(vec![opcode::EOF]);
        let why = "the end that is missing".to_owned();
        self.patch(size, size, end, "end", why, Vec::new())?;
        if self.header.version >= 5 {
            let why = "a checksum of what is kept".to_owned();
            self.patch(size, size, Fate::Checksum, "checksum", why, Vec::new())?;
        }
        Ok(())
    }

    fn patch(
        &mut self,
        from: u64,
        to: u64,
        fate: Fate,
        code: &'static str,
        why: String,
        keys: Vec<(u64, Vec<u8>)>,
    ) -> Result<()> {
        let mut new = Patch::new(from, to, fate, code, why);
        new.keys = keys;
        let src = &self.src;
        patch::add(&mut self.found.patches, new, "RDB", |sample, at| {
            src.read_exact_at(sample, at)
        })
    }
}

#[cfg(test)]
mod tests;
