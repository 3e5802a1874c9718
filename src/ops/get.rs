//! `get`: keys by their exact names. One pass over the frames finds them; no other value is decoded.
//!
//! Where databases are named, reading stops as soon as every key was found in each of them. Otherwise any database may
//! hold the key, so the file is read to its end. Damage behind the place where reading stopped is not seen.

use crate::error::{Error, ErrorKind, Result};
use crate::input::open::Input;
use crate::model::kind::Kind;
use crate::pipe::{self, Flow, Out};
use crate::rdb::frame::{Block, Ending, Reader, Record};
use crate::rdb::types::TypeRow;
use crate::rdb::walk::Scratch;
use crate::sink::{Key, Render};
use foldhash::fast::FixedState;
use std::collections::{HashMap, HashSet};
use std::io::Write;

/// What to look for.
pub struct Options<'a> {
    /// The names, exact bytes.
    pub keys: Vec<Vec<u8>>,
    /// The databases to look in; none given: all of them.
    pub dbs: Vec<u64>,
    /// Is told how many bytes were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// The keys found, in file order: the first 65,536.
    pub found: Vec<Found>,
    /// How many were found; a key counts once for each database that has it.
    pub count: u64,
    /// The names that none of the databases has as far as they were read, in the order of the options.
    pub missing: Vec<Vec<u8>>,
    /// How the file ended; `None` where reading stopped before.
    pub ending: Option<Ending>,
    /// What is wrong, as far as it was noticed: a key that could not be read or is there twice, a file that breaks off,
    /// a wrong checksum. At most one of each.
    pub problems: Vec<Error>,
}

/// A key that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Which of the names.
    pub key: usize,
    /// In which database.
    pub db: u64,
    /// Offset of its record.
    pub offset: u64,
    /// Its type.
    pub kind: Kind,
}

/// Finds that are remembered.
const HELD: usize = 1 << 16;

/// The names, and how to pass over others quickly.
struct Wanted<'a> {
    names: HashMap<&'a [u8], usize, FixedState>,
    /// Whether a name has that many bytes, for the first 256 lengths.
    lengths: [bool; 256],
    dbs: &'a [u64],
    /// Finds after which there is nothing more to look for.
    all: Option<usize>,
}

impl<'a> Wanted<'a> {
    fn new(options: &'a Options<'_>) -> Wanted<'a> {
        let mut names = HashMap::with_hasher(FixedState::default());
        let mut lengths = [false; 256];
        for (i, key) in options.keys.iter().enumerate() {
            names.entry(key.as_slice()).or_insert(i);
            if let Some(length) = lengths.get_mut(key.len()) {
                *length = true;
            }
        }
        let dbs: HashSet<u64> = options.dbs.iter().copied().collect();
        Wanted {
            all: (!dbs.is_empty()).then_some(dbs.len() * names.len()),
            names,
            lengths,
            dbs: &options.dbs,
        }
    }

    #[inline]
    fn find(&self, db: u64, name: &[u8]) -> Option<usize> {
        if !self.lengths.get(name.len()).copied().unwrap_or(true) {
            return None;
        }
        let key = self.names.get(name).copied()?;
        (self.dbs.is_empty() || self.dbs.contains(&db)).then_some(key)
    }
}

struct Worker<'a, R> {
    render: R,
    wanted: &'a Wanted<'a>,
    sc: Scratch,
    name: Vec<u8>,
    report: Report,
    held: HashSet<(usize, u64)>,
    seen: Vec<bool>,
    /// All is found.
    stopped: bool,
    unreadable: Option<Error>,
    twice: Option<Error>,
}

impl<R: Render> pipe::Work for Worker<'_, R> {
    fn block(&mut self, block: &Block, out: &mut Out<'_, '_>) -> Result<Flow> {
        let mut name = std::mem::take(&mut self.name);
        self.render.block(block);
        for record in block.records() {
            let Some(row) = record.row() else { continue };
            match record.key(&mut name) {
                Ok(name) => {
                    if let Some(key) = self.wanted.find(record.frame.db, name) {
                        self.found(record, row, name, key, out)?;
                        self.stopped = self.wanted.all.is_some_and(|all| self.held.len() >= all);
                        if self.stopped {
                            return Ok(Flow::Stop);
                        }
                    }
                }
                // It may be one of those that are looked for.
                Err(e) => {
                    self.unreadable.get_or_insert(e);
                }
            }
        }
        self.name = name;
        Ok(Flow::More)
    }
}

impl<R: Render> Worker<'_, R> {
    fn found(
        &mut self,
        record: Record<'_>,
        row: &'static TypeRow,
        name: &[u8],
        key: usize,
        out: &mut Out<'_, '_>,
    ) -> Result<()> {
        let (db, offset) = (record.frame.db, record.offset());
        if let Some(seen) = self.seen.get_mut(key) {
            *seen = true;
        }
        self.report.count += 1;
        if self.held.len() < HELD {
            self.report.found.push(Found {
                key,
                db,
                offset,
                kind: row.kind,
            });
            if !self.held.insert((key, db)) {
                let e = Error::corrupt(offset, "the key is in the file twice").in_key(db, name);
                self.twice.get_or_insert(e);
            }
        }
        let key = Key { record, row, name };
        match self.render.key(&key, &mut self.sc, out) {
            Ok(_) => Ok(()),
            // What has left cannot be taken back: nothing sensible can follow it.
            Err(e) if out.spilled() || !e.kind().is_damage() => Err(e),
            Err(e) => {
                self.unreadable.get_or_insert(e);
                Ok(())
            }
        }
    }
}

/// Looks for keys and renders what it finds, in file order.
pub fn get<R: Render>(
    input: Input,
    make: impl Fn() -> R,
    options: &Options<'_>,
    sink: &mut (dyn Write + Send),
) -> Report {
    let name = input.name.clone();
    let wanted = Wanted::new(options);
    let mut report = run(input, make, &wanted, options, sink).unwrap_or_else(|e| Report {
        missing: options.keys.clone(),
        problems: vec![e],
        ..Report::default()
    });
    let problems = std::mem::take(&mut report.problems);
    report.problems = problems.into_iter().map(|e| e.in_file(&name)).collect();
    report
}

fn run<R: Render>(
    input: Input,
    make: impl Fn() -> R,
    wanted: &Wanted<'_>,
    options: &Options<'_>,
    sink: &mut (dyn Write + Send),
) -> Result<Report> {
    let reader = Reader::new(input.stream, input.file, true)?;
    let mut head = Vec::new();
    make().head(reader.header(), &mut head)?;
    sink.write_all(&head)
        .map_err(|e| Error::from_io(e, "write the output"))?;
    let worker = || Worker {
        render: make(),
        wanted,
        sc: Scratch::default(),
        name: Vec::new(),
        report: Report::default(),
        held: HashSet::new(),
        seen: vec![false; options.keys.len()],
        stopped: false,
        unreadable: None,
        twice: None,
    };
    // One worker, which sees the keys in file order and knows when it has seen them all. Framing is what takes time.
    let outcome = pipe::run(reader, 1, worker, sink, options.progress);
    let mut report = Report::default();
    let mut stopped = false;
    for worker in outcome.workers {
        let there = |key: &[u8]| {
            let first = wanted.names.get(key);
            first.is_some_and(|i| worker.seen.get(*i) == Some(&true))
        };
        let missing = options.keys.iter().filter(|key| !there(key));
        report = worker.report;
        stopped = worker.stopped;
        report.missing = missing.cloned().collect();
        report.problems.extend(worker.unreadable);
        report.problems.extend(worker.twice);
    }
    if stopped {
        // How the file goes on is not looked at, however much of it happens to be read already.
        return Ok(report);
    }
    report.ending = outcome.reader.ending().cloned();
    let ending = report.ending.as_ref();
    let wrong = outcome
        .error
        .or_else(|| super::dump::checksum_error(ending?));
    report.problems.extend(wrong);
    Ok(report)
}

impl Report {
    /// That a name is in none of the databases, as an error.
    #[must_use]
    pub fn missing_error(&self, input: &str, key: &[u8], dbs: &[u64]) -> Error {
        let mut message = "the key is not there".to_owned();
        if dbs.len() > 1 {
            let dbs: Vec<String> = dbs.iter().map(u64::to_string).collect();
            message = format!("the key is in none of the databases {}", dbs.join(", "));
        }
        if self.ending.is_none() {
            message += ", as far as the file could be read";
        }
        let e = Error::new(ErrorKind::Missing, message).in_file(input);
        match dbs {
            [db] => e.in_key(*db, key),
            _ => e.of_key(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::bytes::Binary;
    use crate::sink::json::Json;

    fn look(bytes: &[u8], keys: &[&str], dbs: &[u64]) -> (Report, String) {
        let stream = Box::new(std::io::Cursor::new(bytes.to_vec()));
        let input = Input::of("x.rdb", stream, None, None).unwrap();
        let options = Options {
            keys: keys.iter().map(|k| k.as_bytes().to_vec()).collect(),
            dbs: dbs.to_vec(),
            progress: &|_| (),
        };
        let json = Json {
            binary: Binary::Auto,
            data_only: true,
            array: false,
            places: true,
        };
        let mut out = Vec::new();
        let report = get(input, || json.clone(), &options, &mut out);
        (report, String::from_utf8(out).unwrap())
    }

    const TWO_DBS: &[u8] = b"REDIS0003\xfe\x00\x00\x01a\x01x\x02\x01s\x00\x00\x01b\x01y\xfe\x03\x00\x01a\x01z\x00\x02aa\x01w\xff";

    #[test]
    fn keys_are_exact_and_come_in_file_order() {
        let (report, out) = look(TWO_DBS, &["b", "a", "nope", "nope"], &[]);
        let a = r#"{"db":0,"key":"a","type":"string","encoding":"raw","expire_ms":null,"type_code":0,"offset":11,"value_offset":14,"bytes":2,"value":"x"}"#;
        let lines: Vec<_> = out.lines().collect();
        assert_eq!(lines[0], a);
        assert_eq!(lines.len(), 3);
        let found: Vec<_> = report.found.iter().map(|f| (f.key, f.db)).collect();
        assert_eq!(found, [(1, 0), (0, 0), (1, 3)]);
        assert_eq!(report.missing, [b"nope", b"nope"]);
        assert!(report.problems.is_empty() && report.ending.is_some());
        let e = report.missing_error("x.rdb", b"nope", &[]);
        assert_eq!(e.to_string(), "x.rdb: key \"nope\": the key is not there");
        let e = report.missing_error("x.rdb", b"nope", &[0]);
        assert_eq!(
            e.to_string(),
            "x.rdb: db 0, key \"nope\": the key is not there"
        );
    }

    #[test]
    fn named_databases_alone_are_searched_and_reading_stops() {
        let (report, out) = look(TWO_DBS, &["a"], &[3, 3]);
        assert_eq!(report.found[0].db, 3);
        assert_eq!(out.lines().count(), 1);
        assert!(report.ending.is_none());
        let (report, _) = look(TWO_DBS, &["b"], &[3]);
        assert_eq!(report.missing, [b"b"]);
        // Behind the last find nothing is looked at, not even that the file is cut.
        let (report, _) = look(&TWO_DBS[..17], &["a"], &[0]);
        assert!(report.problems.is_empty());
        let (report, _) = look(&TWO_DBS[..17], &["a"], &[]);
        assert_eq!(report.problems[0].kind(), ErrorKind::Truncated);
        assert_eq!(report.found.len(), 1);
    }

    #[test]
    fn empty_keys_are_shown() {
        let (report, out) = look(TWO_DBS, &["s"], &[]);
        assert_eq!(report.count, 1);
        assert!(out.ends_with("\"value\":[]}\n"), "{out}");
    }

    #[test]
    fn damage_is_told_and_the_rest_is_found() {
        let bytes = b"REDIS0003\x0b\x01i\x05\x02\x00\x00\x00\x01\x00\x01a\x01x\x00\x01a\x01y\xff";
        let (report, out) = look(bytes, &["a", "i"], &[]);
        assert_eq!(out.lines().count(), 2);
        assert_eq!((report.count, report.found.len()), (3, 3));
        let problems: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
        assert!(problems[0].contains("key \"i\""), "{problems:?}");
        assert!(problems[1].contains("twice"), "{problems:?}");
        assert!(report.missing.is_empty());
    }
}
