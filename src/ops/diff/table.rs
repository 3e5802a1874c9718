//! The first look: every key of the one source in a table, every key of the other looked up in it.
//!
//! ```text
//!   A ─▶ 256 parts by the first bits of the key's hash, each sorted        48 bytes a key
//!   B ─▶ looked up: the same (one mark) · not there · to be looked at again (16 bytes)
//! ```
//! Of a key the table has a hash of database and name, one of the value as it stands in the file, its expiry and where it
//! is. A key is compared where the filter wants it as it is in either source: what became of it may be what it does not want.
//!
//! So the values of two snapshots of one server are compared at the speed of the hash, and none is decoded.

use super::hash::Key;
use super::side::Side;
use crate::engine::functions::Functions;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::Filter;
use crate::limits;
use crate::model::units::format_bytes;
use crate::ops::dump::checksum_error;
use crate::packed::string::Str;
use crate::pipe::{self, Flow, Out};
use crate::rdb::frame::{Block, Reader, Record, What};
use crate::rdb::types::{Layout, TypeRow};
use crate::rdb::visit::Visit;
use crate::rdb::walk::{self, Scratch};
use crate::rdb::{check, opcode, string};
use crate::sink;
use crate::text::quoted;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Parts of the table.
const PARTS: usize = 256;
/// In the place of an expiry: there is none.
pub(super) const NEVER: i64 = i64::MIN;

/// Purposes of hashes.
const NAME: u64 = 1;
const RAW: u64 = 2;

/// A key of the first source.
#[derive(Debug, Clone, Copy)]
struct Entry {
    name: u128,
    raw: u128,
    expire_ms: i64,
    /// Of its record; with [`UNWANTED`] where the filter does not want it.
    at: u64,
}

/// The key of the first source is not wanted as it is there. Whether it is in the second is to be seen.
const UNWANTED: u64 = 1 << 63;

impl Entry {
    fn offset(&self) -> u64 {
        self.at & !UNWANTED
    }

    fn is_wanted(&self) -> bool {
        self.at & UNWANTED == 0
    }
}

/// The expiry of a record.
pub(super) fn expiry(record: &Record<'_>) -> i64 {
    record.frame.attrs.expire_ms.unwrap_or(NEVER)
}

/// Which keys are read, and how.
pub(super) struct Reading<'a> {
    pub(super) key: Key,
    pub(super) filter: &'a Filter,
    pub(super) threads: usize,
    /// Bytes of memory that the table may take.
    pub(super) max_memory: Option<u64>,
    pub(super) progress: &'a (dyn Fn(u64) + Sync),
}

/// Hashes keys and raw values.
struct Hasher {
    key: Key,
    /// Makes the hashes of values that mean nothing outside of their file differ from those of the other file.
    salt: u64,
}

impl Hasher {
    fn name(&self, db: u64, name: &[u8]) -> u128 {
        let mut sip = self.key.hasher(NAME);
        sip.number(db);
        sip.write(name);
        sip.finish()
    }

    /// The value as it stands in the file, and what else of a key counts besides its expiry.
    fn raw(&self, record: &Record<'_>, row: &TypeRow) -> Result<u128> {
        let mut sip = self.key.hasher(RAW);
        let bound = matches!(
            row.layout,
            Layout::TemplateListpackRef | Layout::TemplateArrayRef
        );
        // Codes up to 21 mean the same in both flavours.
        let foreign = row.code > 21 && record.block().header.flavour.magic() == "VALKEY";
        let meta = record.meta().unwrap_or_default();
        sip.number(
            u64::from(row.code)
                | u64::from(foreign) << 8
                | u64::from(record.frame.attrs.noevict) << 9
                | (if bound { self.salt } else { 0 }) << 10
                | (meta.len() as u64) << 16,
        );
        sip.write(meta);
        match record.body() {
            Some(body) => sip.write(body.rest()),
            None => {
                let (far, len) = record.raw()?;
                far.chunks(len, &mut |piece| {
                    sip.write(piece);
                    Ok(())
                })?;
            }
        }
        Ok(sip.finish())
    }
}

/// What a worker does with a key that is asked for.
trait Take: Send {
    fn take(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        name: &[u8],
        wanted: bool,
        sc: &mut Scratch,
    ) -> Result<Flow>;
}

struct Worker<'a, T> {
    /// What database and name decide, and what the value does.
    filters: &'a (Filter, Filter),
    take: T,
    sc: Scratch,
    name: Vec<u8>,
    keys: u64,
    dbs: Vec<(u64, u64)>,
    stopped: bool,
    /// Sources of functions, each with its offset.
    functions: Vec<(u64, Vec<u8>)>,
}

impl<T: Take> pipe::Work for Worker<'_, T> {
    fn block(&mut self, block: &Block, _: &mut Out<'_, '_>) -> Result<Flow> {
        let mut db = None;
        for record in block.records() {
            let Some(row) = record.row() else {
                if let What::Record(op) = record.frame.what {
                    check::record(&record, op, &mut self.sc)?;
                    if op == opcode::FUNCTION2 {
                        let code = source(&record)?;
                        self.functions.push((record.offset(), code));
                    }
                }
                continue;
            };
            let name = record.key(&mut self.name)?;
            let (by_name, by_value) = self.filters;
            let key = sink::Key { record, row, name };
            if !by_name.is_empty() && !by_name.wants(&key, &mut self.sc)? {
                continue;
            }
            let wanted = by_value.is_empty() || by_value.wants(&key, &mut self.sc)?;
            let sink::Key { record, row, name } = key;
            if db != Some(record.frame.db) {
                db = Some(record.frame.db);
                self.dbs.push((record.offset(), record.frame.db));
            }
            self.keys += u64::from(wanted);
            if self.take.take(&record, row, name, wanted, &mut self.sc)? == Flow::Stop {
                self.stopped = true;
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::More)
    }
}

fn source(record: &Record<'_>) -> Result<Vec<u8>> {
    let mut held = Vec::new();
    match record.body() {
        Some(mut b) => string::read(&mut b, &mut held)?.to_vec(limits::KEY),
        None => string::read(&mut record.big_body()?, &mut held)?.to_vec(limits::KEY),
    }
}

/// Function libraries: their sources by name.
pub(super) type Libraries = BTreeMap<Vec<u8>, Vec<u8>>;

/// The name that a library's first line says; of one that says none, the line.
fn library_name(code: &[u8]) -> Vec<u8> {
    Functions::default().load(code, false).unwrap_or_else(|_| {
        let line = code.split(|b| *b == b'\n').next();
        line.unwrap_or_default().to_vec()
    })
}

/// What reading a source gave.
pub(super) struct Read {
    pub(super) side: Side,
    pub(super) keys: u64,
    pub(super) functions: Libraries,
}

/// Reads a source to its end, or until a worker says that it is enough (true then).
fn read<T: Take>(
    (mut side, reader): (Side, Reader),
    reading: &Reading<'_>,
    make: impl Fn() -> T,
) -> Result<(Read, Vec<T>, bool)> {
    let filters = reading.filter.split();
    let worker = || Worker {
        filters: &filters,
        take: make(),
        sc: Scratch::default(),
        name: Vec::new(),
        keys: 0,
        dbs: Vec::new(),
        stopped: false,
        functions: Vec::new(),
    };
    let mut nowhere = std::io::sink();
    let outcome = pipe::run(
        reader,
        reading.threads,
        worker,
        &mut nowhere,
        reading.progress,
    );
    let named = |e: Error| e.in_file(&side.name);
    if let Some(e) = outcome.error {
        return Err(named(e));
    }
    let stopped = outcome.workers.iter().any(|worker| worker.stopped);
    if !stopped && let Some(e) = outcome.reader.ending().and_then(checksum_error) {
        return Err(named(e));
    }
    let (mut keys, mut dbs, mut sources) = (0, Vec::new(), Vec::new());
    let mut takes = Vec::new();
    for worker in outcome.workers {
        keys += worker.keys;
        dbs.extend(worker.dbs);
        sources.extend(worker.functions);
        takes.push(worker.take);
    }
    sources.sort_unstable_by_key(|(offset, _)| *offset);
    let mut functions = Libraries::new();
    for (offset, code) in sources {
        let name = library_name(&code);
        if functions.contains_key(&name) {
            let message = format!("the function library {} is there twice", quoted(&name));
            return Err(named(Error::corrupt(offset, message)));
        }
        functions.insert(name, code);
    }
    side.was_read(&outcome.reader, dbs);
    let read = Read {
        side,
        keys,
        functions,
    };
    Ok((read, takes, stopped))
}

/// Collects the keys of the first source.
struct Collect<'a> {
    hasher: Hasher,
    parts: Vec<Vec<Entry>>,
    /// Keys since the others were told.
    keys: u64,
    held: &'a AtomicU64,
    max_memory: Option<u64>,
}

/// Bytes of memory a key.
const KEY_MEMORY: u64 = 64;
/// How many keys a worker takes before it tells the others.
const TOLD: u64 = 256;

impl Collect<'_> {
    /// Refuses what takes too much memory.
    fn room(&mut self) -> Result<()> {
        self.keys += 1;
        let Some(max) = self.max_memory.filter(|_| self.keys == TOLD) else {
            return Ok(());
        };
        self.keys = 0;
        let more = TOLD * KEY_MEMORY;
        let held = self.held.fetch_add(more, Ordering::Relaxed) + more;
        if held <= max {
            return Ok(());
        }
        Err(Error::limit(format!(
            "its keys take more than {} of memory, which is what --max-memory leaves for them",
            format_bytes(max)
        )))
    }
}

fn part_of(name: u128) -> usize {
    usize::try_from(name >> 120).unwrap_or_default()
}

impl Take for Collect<'_> {
    fn take(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        name: &[u8],
        wanted: bool,
        _: &mut Scratch,
    ) -> Result<Flow> {
        let name = self.hasher.name(record.frame.db, name);
        let entry = Entry {
            name,
            raw: self.hasher.raw(record, row)?,
            expire_ms: expiry(record),
            at: record.offset() | if wanted { 0 } else { UNWANTED },
        };
        if let Some(part) = self.parts.get_mut(part_of(name)) {
            part.push(entry);
        }
        self.room()?;
        Ok(Flow::More)
    }
}

/// The keys of the first source.
pub(super) struct Table {
    parts: Vec<Vec<Entry>>,
    /// Whether the other source has the key.
    marks: Vec<Vec<AtomicU8>>,
}

impl Table {
    /// Reads the first source.
    pub(super) fn read(opened: (Side, Reader), reading: &Reading<'_>) -> Result<(Table, Read)> {
        let held = AtomicU64::new(0);
        let make = || Collect {
            hasher: Hasher {
                key: reading.key,
                salt: 1,
            },
            parts: vec![Vec::new(); PARTS],
            keys: 0,
            held: &held,
            max_memory: reading.max_memory,
        };
        let (read, mut takes, _) = read(opened, reading, make)?;
        let mut parts = Vec::with_capacity(PARTS);
        for i in 0..PARTS {
            let pieces: Vec<Vec<Entry>> = takes
                .iter_mut()
                .filter_map(|take| take.parts.get_mut(i))
                .map(std::mem::take)
                .collect();
            let mut part = Vec::with_capacity(pieces.iter().map(Vec::len).sum());
            pieces
                .iter()
                .for_each(|piece| part.extend_from_slice(piece));
            parts.push(part);
        }
        let share = PARTS.div_ceil(reading.threads.max(1));
        std::thread::scope(|scope| {
            for share in parts.chunks_mut(share) {
                scope.spawn(|| {
                    for part in share {
                        part.sort_unstable_by_key(|e| (e.name, e.offset()));
                    }
                });
            }
        });
        let twice = parts.iter().flat_map(|part| {
            part.windows(2)
                .filter_map(|w| w.first_chunk::<2>())
                .filter(|[a, b]| a.name == b.name)
                .map(|[_, b]| b.offset())
        });
        if let Some(offset) = twice.min() {
            return Err(twice_at(&read.side, offset));
        }
        let marks = parts
            .iter()
            .map(|part| {
                std::iter::repeat_with(AtomicU8::default)
                    .take(part.len())
                    .collect()
            })
            .collect();
        Ok((Table { parts, marks }, read))
    }

    /// Finds a key and its mark: hashes are spread evenly, so it is near where its share of the part says.
    fn find(&self, name: u128) -> Option<(&AtomicU8, &Entry)> {
        let at = part_of(name);
        let part = self.parts.get(at)?;
        let len = part.len();
        let share = (name << 8) >> 72;
        let guess = usize::try_from((share * len as u128) >> 56)
            .ok()?
            .min(len.checked_sub(1)?);
        let before = |i: usize| part.get(i).is_some_and(|e| e.name < name);
        let (mut low, mut high, mut step) = (guess, guess, 4);
        // Entries below `low` come before it, those from `high` on do not.
        if before(guess) {
            while before(high) {
                low = high + 1;
                high = (high + step).min(len);
                step *= 2;
            }
        } else {
            while low > 0 && !before(low - 1) {
                high = low;
                low = low.saturating_sub(step);
                step *= 2;
            }
        }
        let window = part.get(low..high.min(len))?;
        let index = low + window.partition_point(|e| e.name < name);
        let entry = part.get(index).filter(|e| e.name == name)?;
        Some((self.marks.get(at)?.get(index)?, entry))
    }

    /// Reads the second source and says what is not plainly the same.
    pub(super) fn compare(
        self,
        opened: (Side, Reader),
        reading: &Reading<'_>,
        ttl: Ttl,
        first: bool,
    ) -> Result<(Look, Read)> {
        let make = || Probe {
            hasher: Hasher {
                key: reading.key,
                salt: 2,
            },
            table: &self,
            ttl,
            first,
            same: 0,
            unwanted: [0; 2],
            again: Vec::new(),
            added: Vec::new(),
            twice: u64::MAX,
        };
        let (read, takes, stopped) = read(opened, reading, make)?;
        let mut look = Look {
            stopped,
            ..Look::default()
        };
        let mut added = Vec::new();
        let mut twice = u64::MAX;
        for mut probe in takes {
            look.same += probe.same;
            for (all, n) in look.unwanted.iter_mut().zip(probe.unwanted) {
                *all += n;
            }
            twice = twice.min(probe.twice);
            // What the first worker has is taken over as it is.
            if look.again.is_empty() {
                look.again = probe.again;
            } else {
                look.again.append(&mut probe.again);
            }
            added.append(&mut probe.added);
        }
        if stopped {
            return Ok((look, read));
        }
        added.sort_unstable();
        let pairs = added.windows(2).filter_map(|w| w.first_chunk::<2>());
        let again = pairs.filter(|[a, b]| a.0 == b.0).map(|[_, b]| b.1);
        twice = again.min().unwrap_or(u64::MAX).min(twice);
        if twice != u64::MAX {
            return Err(twice_at(&read.side, twice));
        }
        look.added = added.into_iter().map(|(_, offset)| offset).collect();
        look.added.sort_unstable();
        for (part, marks) in self.parts.iter().zip(&self.marks) {
            let gone = part.iter().zip(marks);
            let gone =
                gone.filter(|(entry, mark)| entry.is_wanted() && mark.load(Ordering::Relaxed) == 0);
            look.removed.extend(gone.map(|(entry, _)| entry.offset()));
        }
        look.removed.sort_unstable();
        look.again.sort_unstable();
        Ok((look, read))
    }
}

#[cold]
fn twice_at(side: &Side, offset: u64) -> Error {
    let e = side
        .look(offset, |record| {
            let e = Error::new(ErrorKind::Corrupt, "the key is in the file twice");
            Ok(record.name(e.at(record.offset())))
        })
        .unwrap_or_else(|e| e);
    e.in_file(&side.name)
}

/// How expiries are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ttl {
    /// Not at all.
    pub ignored: bool,
    /// Milliseconds by which they may differ.
    pub tolerance_ms: u64,
}

impl Ttl {
    /// Whether two expiries count as the same.
    #[must_use]
    pub fn same(self, a: Option<i64>, b: Option<i64>) -> bool {
        self.ignored
            || match (a, b) {
                (Some(a), Some(b)) => a.abs_diff(b) <= self.tolerance_ms,
                (a, b) => a == b,
            }
    }

    fn same_raw(self, a: i64, b: i64) -> bool {
        self.same(some(a), some(b))
    }
}

/// An expiry out of its place in the table.
pub(super) fn some(expire_ms: i64) -> Option<i64> {
    (expire_ms != NEVER).then_some(expire_ms)
}

/// What the first look leaves to be looked at. All are offsets of records, ascending by the first.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Keys that are plainly the same.
    pub(super) same: u64,
    /// Keys that the filter does not want as they are in the first source, but as they are in the second, and the other
    /// way round: they are compared, too.
    pub(super) unwanted: [u64; 2],
    /// Keys whose stored values or expiries differ: in the first source, in the second.
    pub(super) again: Vec<(u64, u64)>,
    /// Keys of the first source alone.
    pub(super) removed: Vec<u64>,
    /// Keys of the second alone.
    pub(super) added: Vec<u64>,
    /// Reading stopped at a key that the first source has not.
    pub(super) stopped: bool,
}

/// Looks the keys of the second source up.
struct Probe<'t> {
    hasher: Hasher,
    table: &'t Table,
    ttl: Ttl,
    /// Whether a key that is not there is enough.
    first: bool,
    same: u64,
    unwanted: [u64; 2],
    again: Vec<(u64, u64)>,
    added: Vec<(u128, u64)>,
    /// Offset of the first key that came twice.
    twice: u64,
}

impl Take for Probe<'_> {
    fn take(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        name: &[u8],
        wanted: bool,
        sc: &mut Scratch,
    ) -> Result<Flow> {
        let name = self.hasher.name(record.frame.db, name);
        let Some((mark, entry)) = self.table.find(name) else {
            if !wanted {
                return Ok(Flow::More);
            }
            if self.first && !is_empty(record, row, sc)? {
                return Ok(Flow::Stop);
            }
            self.added.push((name, record.offset()));
            return Ok(Flow::More);
        };
        if mark.swap(1, Ordering::Relaxed) != 0 {
            self.twice = self.twice.min(record.offset());
        }
        let [in_a, in_b] = &mut self.unwanted;
        match (entry.is_wanted(), wanted) {
            (false, false) => return Ok(Flow::More),
            (false, true) => *in_a += 1,
            (true, false) => *in_b += 1,
            (true, true) => {}
        }
        if self.ttl.same_raw(entry.expire_ms, expiry(record))
            && self.hasher.raw(record, row)? == entry.raw
        {
            self.same += 1;
        } else {
            self.again.push((entry.offset(), record.offset()));
        }
        Ok(Flow::More)
    }
}

/// Whether a key has no elements, and is left out by servers.
fn is_empty(record: &Record<'_>, row: &'static TypeRow, sc: &mut Scratch) -> Result<bool> {
    struct Empty(bool);
    impl Visit for Empty {
        fn empty(&mut self) -> Result<()> {
            self.0 = true;
            Ok(())
        }
        fn string(&mut self, _: Str<'_>) -> Result<()> {
            Ok(())
        }
    }
    let mut empty = Empty(false);
    walk::record(record, row, false, sc, &mut empty)?;
    Ok(empty.0)
}
