//! `dump`: the keys of an RDB file, rendered.
//!
//! What is sound is written; then the first damage is an error. A file whose checksum is wrong, or that holds a key
//! twice, is written as a whole and is an error all the same.

use crate::error::{Error, ErrorKind, Result};
use crate::filter::Filter;
use crate::filter::transform::{Dropped, Fate, Transform, Transformer};
use crate::input::open::Input;
use crate::model::loss::Losses;
use crate::pipe::sort::{Place, Sorter};
use crate::pipe::{self, Flow, Out};
use crate::rdb::check;
use crate::rdb::frame::{Block, Ending, Header, Reader, What};
use crate::rdb::keys::{self, Batch, Duplicate, Keys};
use crate::rdb::seen::Hash64;
use crate::rdb::walk::Scratch;
use crate::sink::{Key, Render, Rendered};
use crate::text::quoted;
use std::collections::HashMap;
use std::io::Write;

/// How to dump.
pub struct Options<'a> {
    /// Which keys.
    pub filter: Filter,
    /// What becomes of them.
    pub transform: Transform,
    /// At most so many keys.
    pub limit: Option<u64>,
    /// Order by database and key; the limit counts in that order.
    pub sort: bool,
    /// Workers.
    pub threads: usize,
    /// Is told how many bytes were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// What a dump did.
#[derive(Debug, Default)]
pub struct Report {
    /// Magic and version; `None` where not even they could be read.
    pub header: Option<Header>,
    /// Keys written.
    pub keys: u64,
    /// Keys left out because they have no elements, as servers leave them out.
    pub empty: u64,
    /// The first of them.
    pub empty_keys: Vec<(u64, Vec<u8>)>,
    /// What the format could not carry.
    pub losses: Losses,
    /// What went because a transform drops it.
    pub dropped: Dropped,
    /// How the file ended; `None` where the dump stopped before.
    pub ending: Option<Ending>,
}

/// Empty keys that are named.
const NAMED: usize = 10;

struct Worker<'a, R> {
    render: R,
    filter: &'a Filter,
    transformer: Transformer<'a>,
    limit: Option<u64>,
    sort: bool,
    keys: Batch<'a>,
    sc: Scratch,
    name: Vec<u8>,
    new_name: Vec<u8>,
    /// Keys written, for the limit.
    written: u64,
    /// What each block gave.
    tallies: Vec<Tally>,
    /// Keys without elements, each with the ordinal of its block.
    empty_keys: Vec<(u64, (u64, Vec<u8>))>,
}

/// What was done with the keys of a block.
struct Tally {
    block: u64,
    keys: u64,
    empty: u64,
    dropped: Dropped,
}

impl<R: Render> pipe::Work for Worker<'_, R> {
    fn block(&mut self, block: &Block, out: &mut Out<'_, '_>) -> Result<Flow> {
        self.render.block(block);
        let mut tally = Tally {
            block: block.ordinal,
            keys: 0,
            empty: 0,
            dropped: Dropped::default(),
        };
        let result = self.records(block, &mut tally, out);
        tally.dropped = std::mem::take(&mut self.transformer.dropped);
        self.tallies.push(tally);
        result
    }
}

impl<R: Render> Worker<'_, R> {
    fn records(&mut self, block: &Block, tally: &mut Tally, out: &mut Out<'_, '_>) -> Result<Flow> {
        let mut db = None;
        let idle = self.transformer.is_idle();
        for record in block.records() {
            let mark = out.mark();
            let Some(row) = record.row() else {
                if let What::Record(op) = record.frame.what {
                    check::record(&record, op, &mut self.sc)?;
                }
                if !idle && !self.transformer.keeps(&record)? {
                    continue;
                }
                if self.sort {
                    out.begin_piece(Place::Front);
                }
                if let Err(e) = self.render.record(&record, out) {
                    out.take_back(mark);
                    return Err(e);
                }
                out.end_piece();
                continue;
            };
            let name = record.key(&mut self.name)?;
            if idle {
                self.keys.add(record.frame.db, name);
            }
            let mut key = Key { record, row, name };
            if !self.filter.is_empty() && !self.filter.wants(&key, &mut self.sc)? {
                continue;
            }
            check::meta(&record, &mut self.sc).map_err(|e| record.name(e))?;
            if !idle {
                match self.transformer.key(&record, row, name, &mut self.sc)? {
                    Fate::Same => {}
                    Fate::Dropped => continue,
                    Fate::Changed(record) => {
                        key = Key {
                            record,
                            row: record.row().unwrap_or(row),
                            name: record.key(&mut self.new_name)?,
                        };
                    }
                }
                // Of names that change, those count that are written.
                self.keys.add(key.record.frame.db, key.name);
            }
            let in_db = key.record.frame.db;
            if self.sort {
                out.begin_piece(Place::Key(in_db, key.name));
            } else if db != Some(in_db) {
                self.render.database(in_db, &mut out.buf);
            }
            let rendered = self.render.key(&key, &mut self.sc, out);
            match rendered {
                Ok(Rendered::Done) => {
                    out.end_piece();
                    db = Some(in_db);
                    self.written += 1;
                    tally.keys += 1;
                }
                Ok(Rendered::Empty | Rendered::Left) | Err(_) => out.take_back(mark),
            }
            if rendered? == Rendered::Empty {
                tally.empty += 1;
                if self.empty_keys.len() < NAMED {
                    let key = (in_db, key.name.to_vec());
                    self.empty_keys.push((tally.block, key));
                }
            }
            if self.limit.is_some_and(|limit| self.written >= limit) {
                return Ok(Flow::Stop);
            }
        }
        self.keys.flush()?;
        Ok(Flow::More)
    }
}

/// Dumps an RDB file through renderers that `make` makes, one a worker. The report is whole as far as the work came,
/// with the error that ended it.
pub fn dump<R: Render>(
    input: Input,
    make: impl Fn() -> R,
    options: &Options<'_>,
    sink: &mut (dyn Write + Send),
) -> (Report, Option<Error>) {
    let name = input.name.clone();
    let path = input.path.clone();
    let mut report = Report::default();
    let result = run(input, make, options, sink, &mut report, path.as_deref());
    (report, result.err().map(|e| e.in_file(&name)))
}

fn run<R: Render>(
    input: Input,
    make: impl Fn() -> R,
    options: &Options<'_>,
    sink: &mut (dyn Write + Send),
    report: &mut Report,
    path: Option<&std::path::Path>,
) -> Result<()> {
    let reader = Reader::with_sizes(input.stream, input.file, true, input.sizes)?;
    report.header = Some(reader.header());
    let mut frame = Vec::new();
    make().head(reader.header(), &mut frame)?;
    write(sink, &frame)?;
    let keys = Keys::default();
    let limit = options.limit.filter(|_| !options.sort);
    // The first keys of the file are those of the first blocks only when one worker reads them all.
    let threads = if limit.is_some() { 1 } else { options.threads };
    let mut sorter = options.sort.then(Sorter::default);
    let outcome = if options.limit == Some(0) {
        None
    } else {
        let worker = || Worker {
            render: make(),
            filter: &options.filter,
            transformer: Transformer::new(&options.transform),
            limit,
            sort: options.sort,
            keys: keys.batch(),
            sc: Scratch::default(),
            name: Vec::new(),
            new_name: Vec::new(),
            written: 0,
            tallies: Vec::new(),
            empty_keys: Vec::new(),
        };
        let sink: &mut (dyn Write + Send) = match &mut sorter {
            Some(sorter) => sorter,
            None => &mut *sink,
        };
        Some(pipe::run(reader, threads, worker, sink, options.progress))
    };
    if let Some(outcome) = outcome {
        let mut empty_keys = Vec::new();
        for worker in outcome.workers {
            // Whatever came behind an error was dropped: how much that was depends on the workers.
            let passed = worker.tallies.iter().filter(|t| t.block < outcome.blocks);
            for tally in passed {
                report.keys += tally.keys;
                report.empty += tally.empty;
                report.dropped.add(tally.dropped);
            }
            empty_keys.extend(worker.empty_keys);
            report.losses.merge(worker.render.losses());
        }
        empty_keys.retain(|(block, _)| *block < outcome.blocks);
        // Those of one block are in file order.
        empty_keys.sort_by_key(|(block, _)| *block);
        let named = empty_keys.into_iter().take(NAMED);
        report.empty_keys = named.map(|(_, key)| key).collect();
        if let Some(sorter) = sorter {
            let mut render = make();
            let mut database = |db, out: &mut Vec<u8>| render.database(db, out);
            report.keys = sorter.finish(options.limit, &mut database, sink)?;
        }
        if let Some(e) = outcome.error {
            return Err(e);
        }
        report.ending = outcome.reader.ending().cloned();
    }
    frame.clear();
    make().tail(&mut frame)?;
    write(sink, &frame)?;
    if let Some(ending) = &report.ending {
        if let Some(e) = checksum_error(ending) {
            return Err(e);
        }
        let suspects = keys.suspects(options.threads)?;
        if !options.transform.is_empty() {
            return collision(path, options, &suspects);
        }
        if let Some(duplicate) = duplicates(path, &suspects)?.first() {
            let [_, second, ..] = duplicate.offsets.as_slice() else {
                return Ok(());
            };
            return Err(twice(*second, duplicate.db, &duplicate.key));
        }
    }
    Ok(())
}

/// The wrong checksum of a file as an error.
#[must_use]
pub fn checksum_error(ending: &Ending) -> Option<Error> {
    ending.checksum.error(ending.end.saturating_sub(8))
}

/// Looks a second time at hashes of keys that came twice.
pub fn duplicates(path: Option<&std::path::Path>, suspects: &[u64]) -> Result<Vec<Duplicate>> {
    if suspects.is_empty() {
        return Ok(Vec::new());
    }
    let Some(path) = path else {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!(
                "{} keys seem to be in the input twice (equal 64-bit hashes; a pipe cannot be read again to compare)",
                suspects.len()
            ),
        ));
    };
    let again = Input::open(path)?;
    keys::confirm(Reader::new(again.stream, again.file, false)?, suspects)
}

/// Looks a second time at hashes of names that came twice, though not all of them may be in the file twice: two keys
/// that became one.
fn collision(
    path: Option<&std::path::Path>,
    options: &Options<'_>,
    suspects: &[u64],
) -> Result<()> {
    if suspects.is_empty() {
        return Ok(());
    }
    let Some(path) = path else {
        return Err(Error::usage(format!(
            "{} names of the output seem to come from more than one key each (equal 64-bit hashes; the input cannot be read again to name them)",
            suspects.len()
        )));
    };
    let again = Input::open(path)?;
    let mut reader = Reader::new(again.stream, again.file, true)?;
    let hash = Hash64::default();
    let mut sc = Scratch::default();
    let mut held = Vec::new();
    let mut found: HashMap<(u64, Vec<u8>), (u64, Vec<u8>)> = HashMap::new();
    let mut spare = None;
    while let Some(block) = reader.next_block(spare.take())? {
        for record in block.records() {
            let Some(row) = record.row() else { continue };
            let name = record.key(&mut held)?;
            let db = record.frame.db;
            let (to_db, to) = options.transform.place(db, name);
            if suspects
                .binary_search(&hash.key(to_db, &to).max(1))
                .is_err()
                || options.transform.drops(record.frame.attrs.expire_ms)
            {
                continue;
            }
            let key = Key { record, row, name };
            if !options.filter.wants(&key, &mut sc)? {
                continue;
            }
            let Some((from_db, from)) = found.insert((to_db, to.to_vec()), (db, name.to_vec()))
            else {
                continue;
            };
            if (from_db, from.as_slice()) == (db, name) {
                return Err(twice(record.offset(), db, name));
            }
            return Err(Error::usage(format!(
                "{} of db {from_db} and {} of db {db} both become {} of db {to_db}",
                quoted(&from),
                quoted(name),
                quoted(&to),
            ))
            .at(record.offset()));
        }
        spare = Some(block);
    }
    Ok(())
}

fn twice(offset: u64, db: u64, key: &[u8]) -> Error {
    Error::corrupt(offset, "the key is in the file twice").in_key(db, key)
}

fn write(sink: &mut (dyn Write + Send), bytes: &[u8]) -> Result<()> {
    sink.write_all(bytes)
        .map_err(|e| Error::from_io(e, "write the output"))
}
