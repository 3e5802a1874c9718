//! `info` of append-only files: which files there are, what is in them, and in what state their ends are.
//!
//! One pass over every file that servers load: an RDB at its head goes through [`super::rdb`]'s counting, commands are
//! framed and counted by several workers.

use super::{Options, RdbInfo, Tail};
use crate::aof::annotation::Annotation;
use crate::aof::block::{Block, Command};
use crate::aof::multipart::Set;
use crate::aof::reader::{End, Reader};
use crate::error::{Error, ErrorKind, Result};
use crate::input::open::Content;
use crate::model::commands::keys::{Argv, KeyRange, keys_of};
use crate::model::commands::{COMMANDS, Found, find};
use crate::ops::log::NameCount;
use crate::pipe::Flow;
use crate::pipe::log::{self, BigCommand, Work};
use crate::rdb::distinct::{Batch, Distinct};
use crate::resp::decode::Mark;
use crate::source::aof::{Opened, Part, Source, foreign, says_aof, unread};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// What a path leads to.
pub enum Info {
    /// An RDB file.
    Rdb(Box<RdbInfo>),
    /// An append-only file, or a set of files.
    Aof(Box<AofInfo>),
}

/// What is in an append-only file.
pub struct AofInfo {
    /// What the user named.
    pub name: String,
    /// The set, where it is one: its manifest, its folder and what is left over there.
    pub set: Option<Box<Set>>,
    /// The files in the order in which servers load them.
    pub files: Vec<LogFile>,
    /// Different keys that the commands of all files name, each database's apart.
    pub keys: u64,
}

/// One file.
pub struct LogFile {
    /// The file.
    pub part: Part,
    /// Envelopes that were undone.
    pub codecs: Vec<&'static str>,
    /// The RDB at its head.
    pub rdb: Option<RdbInfo>,
    /// The commands.
    pub log: Option<LogInfo>,
    /// Why it was not read, or not to its end.
    pub problem: Option<Error>,
    /// That it changed while it was read.
    pub changed: Option<String>,
}

/// The commands of a file.
#[derive(Debug, Default)]
pub struct LogInfo {
    /// By name, the most frequent first.
    pub names: Vec<NameCount>,
    /// Commands and bytes by database.
    pub dbs: Vec<(u32, u64, u64)>,
    /// The lowest and the highest time of `#TS:` lines, in seconds since 1970.
    pub times: Option<(i64, i64)>,
    /// How many `MULTI` there are.
    pub transactions: u64,
    /// The end.
    pub end: Option<End>,
}

impl AofInfo {
    /// Commands in all files.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.ends().map(|end| end.state.commands).sum()
    }

    fn ends(&self) -> impl Iterator<Item = &End> {
        let logs = self.files.iter().filter_map(|f| f.log.as_ref());
        logs.filter_map(|log| log.end.as_ref())
    }

    /// The first and last time of all files.
    #[must_use]
    pub fn times(&self) -> Option<(i64, i64)> {
        let logs = self.files.iter().filter_map(|f| f.log.as_ref()?.times);
        logs.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Commands of all files by name, the most frequent first.
    #[must_use]
    pub fn names(&self) -> Vec<NameCount> {
        let mut all: BTreeMap<&[u8], (u64, u64)> = BTreeMap::new();
        for n in self
            .files
            .iter()
            .filter_map(|f| f.log.as_ref())
            .flat_map(|l| &l.names)
        {
            let sum = all.entry(&n.name).or_default();
            sum.0 += n.count;
            sum.1 += n.bytes;
        }
        sorted(all.into_iter().map(|(name, sums)| (name.to_vec(), sums)))
    }

    /// Commands and bytes of all files by database.
    #[must_use]
    pub fn dbs(&self) -> Vec<(u32, u64, u64)> {
        let mut all: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for (db, count, bytes) in self
            .files
            .iter()
            .filter_map(|f| f.log.as_ref())
            .flat_map(|l| &l.dbs)
        {
            let sum = all.entry(*db).or_default();
            sum.0 += count;
            sum.1 += bytes;
        }
        all.into_iter().map(|(db, (n, b))| (db, n, b)).collect()
    }
}

fn sorted(all: impl Iterator<Item = (Vec<u8>, (u64, u64))>) -> Vec<NameCount> {
    let mut names: Vec<NameCount> = all
        .filter(|(_, (count, _))| *count > 0)
        .map(|(name, (count, bytes))| NameCount { name, count, bytes })
        .collect();
    names.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    names
}

/// Looks at what a path leads to, whatever it is.
///
/// # Errors
/// What makes it impossible: unreadable, no persistence file, a directory without data.
pub fn open(path: &Path, options: &Options<'_>) -> Result<Info> {
    match Source::open(path)? {
        Source::File(input) => {
            let mut part = Part::of_input(&input);
            let content = input.content();
            let alone = match content {
                Content::Rdb => !says_aof(&input.head),
                Content::Commands | Content::Empty => false,
                Content::Manifest | Content::Jsonl | Content::Unknown => {
                    let message = format!("is no persistence file: {}", foreign(&input.head));
                    return Err(Error::new(ErrorKind::Unsupported, message).in_file(&part.name));
                }
            };
            let distinct = Distinct::default();
            let name = part.name.clone();
            part.last = true;
            let mut file = LogFile::new(part);
            file.read(Opened::of(input), alone, &distinct, options)
                .map_err(|e| e.in_file(&name))?;
            match file.rdb.take_if(|_| file.log.is_none() && alone) {
                Some(rdb) => Ok(Info::Rdb(Box::new(rdb))),
                None => Ok(Info::Aof(Box::new(AofInfo {
                    name,
                    set: None,
                    files: vec![file],
                    keys: distinct.count()?,
                }))),
            }
        }
        Source::Set(set) => {
            let distinct = Distinct::default();
            let mut files = Vec::new();
            for (mut part, member) in Part::of_set(&set) {
                if let Some(e) = unread(&part, member) {
                    let mut file = LogFile::new(part);
                    file.problem = Some(e);
                    files.push(file);
                    continue;
                }
                let opened = part.open()?;
                let name = part.name.clone();
                let mut file = LogFile::new(part);
                file.read(opened, false, &distinct, options)
                    .map_err(|e| e.in_file(&name))?;
                files.push(file);
            }
            Ok(Info::Aof(Box::new(AofInfo {
                name: path.to_string_lossy().into_owned(),
                set: Some(set),
                files,
                keys: distinct.count()?,
            })))
        }
    }
}

impl LogFile {
    fn new(part: Part) -> LogFile {
        LogFile {
            part,
            codecs: Vec::new(),
            rdb: None,
            log: None,
            problem: None,
            changed: None,
        }
    }

    /// `alone`: it may be an RDB that is no part of a log.
    fn read(
        &mut self,
        opened: Opened,
        alone: bool,
        distinct: &Distinct,
        options: &Options<'_>,
    ) -> Result<()> {
        self.codecs.clone_from(&opened.input.codecs);
        let (stream, at) = if opened.rdb {
            let mut tail: Option<Tail> = None;
            let mut rdb = super::part(opened.input, options, true, &mut tail);
            let ending = rdb.ending.as_mut();
            let commands = ending
                .as_ref()
                .is_some_and(|e| matches!(e.tail_head.first(), Some(b'*' | b'#')));
            if alone && !commands {
                if let (Some((mut stream, _)), Some(ending)) = (tail.take(), ending) {
                    ending.tail_len = std::io::copy(&mut stream, &mut std::io::sink())
                        .map_err(|e| Error::from_io(e, "read"))?;
                    rdb.read_bytes = ending.end + ending.tail_len;
                }
            } else if let Some(ending) = ending {
                // It is no part of the RDB, and said by the log.
                ending.tail_len = 0;
                rdb.read_bytes = ending.end;
            }
            self.rdb = Some(rdb);
            match tail {
                Some(tail) => tail,
                None => return Ok(()),
            }
        } else {
            (opened.input.stream, 0)
        };
        let mut reader = Reader::new(stream, at);
        let make = || Fold {
            keys: distinct.batch(),
            usage: vec![(0, 0); COMMANDS.len()],
            others: BTreeMap::new(),
            dbs: BTreeMap::new(),
            times: None,
            transactions: 0,
        };
        let mut folds: Vec<Fold<'_>> = (0..options.threads.max(1)).map(|_| make()).collect();
        let end = log::run(
            &mut reader,
            &mut folds,
            &mut std::io::sink(),
            options.progress,
        )?;
        let mut all = make();
        for fold in folds {
            all.merge(fold);
        }
        let mut log = all.report();
        log.end = end;
        self.log = Some(log);
        self.changed = self.part.changed();
        Ok(())
    }
}

/// Names of no table that are told apart, and databases.
const DISTINCT: usize = 1000;

struct Fold<'d> {
    keys: Batch<'d>,
    usage: Vec<(u64, u64)>,
    others: BTreeMap<Vec<u8>, (u64, u64)>,
    dbs: BTreeMap<u32, (u64, u64)>,
    times: Option<(i64, i64)>,
    transactions: u64,
}

impl Fold<'_> {
    fn merge(&mut self, other: Fold<'_>) {
        for (a, b) in self.usage.iter_mut().zip(other.usage) {
            a.0 += b.0;
            a.1 += b.1;
        }
        for (name, (count, bytes)) in other.others {
            let sum = self.others.entry(name).or_default();
            sum.0 += count;
            sum.1 += bytes;
        }
        for (db, (count, bytes)) in other.dbs {
            let sum = self.dbs.entry(db).or_default();
            sum.0 += count;
            sum.1 += bytes;
        }
        for time in [other.times.map(|t| t.0), other.times.map(|t| t.1)] {
            self.time(time);
        }
        self.transactions += other.transactions;
    }

    fn time(&mut self, time: Option<i64>) {
        let Some(time) = time else { return };
        let (first, last) = self.times.unwrap_or((time, time));
        self.times = Some((first.min(time), last.max(time)));
    }

    fn report(self) -> LogInfo {
        let known = COMMANDS.iter().zip(self.usage).map(|(row, usage)| {
            let name = match row.sub {
                "" => row.name.to_owned(),
                sub => format!("{}|{sub}", row.name),
            };
            (name.into_bytes(), usage)
        });
        LogInfo {
            names: sorted(known.chain(self.others)),
            dbs: self
                .dbs
                .into_iter()
                .map(|(db, (n, b))| (db, n, b))
                .collect(),
            times: self.times,
            transactions: self.transactions,
            end: None,
        }
    }

    #[inline]
    fn count(&mut self, found: Found, name: &[u8], bytes: u64) {
        if let Found::Command(row) = found
            && let Some((n, b)) = self.usage.get_mut(usize::from(row.index))
        {
            *n += 1;
            *b += bytes;
            return;
        }
        let name = name.get(..64).unwrap_or(name).to_ascii_lowercase();
        if self.others.len() < DISTINCT || self.others.contains_key(&name) {
            let (n, b) = self.others.entry(name).or_default();
            *n += 1;
            *b += bytes;
        }
    }

    fn db(&mut self, db: u32, count: u64, bytes: u64) {
        if self.dbs.len() < DISTINCT || self.dbs.contains_key(&db) {
            let sum = self.dbs.entry(db).or_default();
            sum.0 += count;
            sum.1 += bytes;
        }
    }

    fn command(&mut self, command: &Command<'_>) {
        let argv = &command.argv;
        let found = find(argv);
        self.count(found, argv.name(), command.end - command.at);
        for index in keys_of(found, argv).flat_map(KeyRange::indexes) {
            if let Some(key) = argv.get(index) {
                self.keys.add(u64::from(command.state.db), key);
            }
        }
    }
}

impl Work for Fold<'_> {
    fn block(&mut self, block: &Block, _: &mut Vec<u8>) -> Result<Flow> {
        // The database changes rarely: what it gets is counted from one change to the next.
        let (mut db, mut commands, mut bytes) = (block.state.db, 0, 0);
        for command in block.commands() {
            match command.mark {
                Some(Mark::Annotation) => {
                    if let Some(Annotation::Timestamp(time)) = command.annotation() {
                        self.time(Some(time));
                    }
                    continue;
                }
                Some(Mark::Multi) => self.transactions += 1,
                _ => {}
            }
            if command.state.db != db {
                self.db(db, commands, bytes);
                (db, commands, bytes) = (command.state.db, 0, 0);
            }
            commands += 1;
            bytes += command.end - command.at;
            self.command(&command);
        }
        if commands > 0 {
            self.db(db, commands, bytes);
        }
        self.keys.flush()?;
        Ok(Flow::More)
    }

    fn big(&mut self, mut big: BigCommand<'_>, _: &mut dyn Write) -> Result<Flow> {
        let state = big.state();
        let mut words = Words {
            argc: big.argc() as usize,
            first: Vec::new(),
        };
        let at = big.at();
        let mut end = at;
        while let Some(piece) = big.next_piece()? {
            end = piece.at + piece.bytes.len() as u64 + 2;
            let index = piece.arg as usize;
            if index == words.first.len() && index < WORDS {
                words.first.push(Vec::new());
            }
            if let Some(word) = words.first.get_mut(index) {
                let room = WORD.saturating_sub(word.len());
                word.extend(piece.bytes.iter().take(room));
            }
        }
        if !big.is_complete() {
            return Ok(Flow::More);
        }
        let found = find(&words);
        self.count(found, words.arg(0).unwrap_or_default(), end - at);
        self.db(state.db, 1, end - at);
        for index in keys_of(found, &words).flat_map(KeyRange::indexes) {
            // Of a command with a million keys, the first ones.
            let Some(key) = words.arg(index) else { break };
            self.keys.add(u64::from(state.db), key);
        }
        self.keys.flush()?;
        Ok(Flow::More)
    }
}

/// Words of a big command that are kept, and bytes of each: keys behind them are not counted.
const WORDS: usize = 4096;
const WORD: usize = 4096;

struct Words {
    argc: usize,
    first: Vec<Vec<u8>>,
}

impl Argv for Words {
    fn argc(&self) -> usize {
        self.argc
    }

    fn arg(&self, index: usize) -> Option<&[u8]> {
        self.first.get(index).map(Vec::as_slice)
    }
}
