//! File after file of a log, in the order in which servers load them.

use crate::aof::check::Check;
use crate::aof::manifest::Role;
use crate::aof::multipart::Set;
use crate::aof::reader::{End, Reader};
use crate::error::{Error, ErrorKind, Result};
use crate::input::open::Content;
use crate::model::finding::{Finding, Severity};
use crate::pipe::log as pipe;
use crate::rdb::frame;
use crate::source::aof::{Opened, Part, Source, foreign, says_aof, unread};
use crate::text::quoted;
use std::io::Read;

/// One file as it was read.
#[derive(Debug, Clone)]
pub struct File {
    /// The file.
    pub part: Part,
    /// Magic and version of the RDB at its head, and its size in bytes.
    pub rdb: Option<(frame::Header, u64)>,
    /// The end of its commands; `None` where they were not reached.
    pub end: Option<End>,
}

/// A file, or nothing, and what a user should know about it.
pub type Note = (String, String);

/// What was read, and what was wrong with it.
#[derive(Debug, Default)]
pub struct Walked {
    /// The files in the order of loading.
    pub files: Vec<File>,
    /// Commands that were wanted.
    pub shown: u64,
    /// What a user should know.
    pub notes: Vec<Note>,
    /// What is damaged or missing; the rest was read all the same.
    pub problems: Vec<Error>,
    /// Whether reading stopped because enough was found.
    pub stopped: bool,
}

impl Walked {
    /// Commands in all files, as far as they were read.
    #[must_use]
    pub fn commands(&self) -> u64 {
        let ends = self.files.iter().filter_map(|f| f.end);
        ends.map(|end| end.state.commands).sum()
    }

    pub(in crate::ops) fn note(&mut self, file: &str, note: impl Into<String>) {
        self.notes.push((file.to_owned(), note.into()));
    }
}

/// What is done with the files. RDBs are read over unless something is said about them.
pub(in crate::ops) trait Visit {
    /// A file begins. The stream may be wrapped.
    fn begin(&mut self, _: &Part, _: &mut Opened) -> Result<()> {
        Ok(())
    }
    /// All records of the RDB at its head. By default block by block.
    fn records(&mut self, mut reader: frame::Reader) -> Result<frame::Reader> {
        let mut spare = None;
        while let Some(block) = reader.next_block(spare.take())? {
            self.rdb(&block)?;
            spare = Some(block);
        }
        Ok(reader)
    }
    /// A block of the RDB at its head.
    fn rdb(&mut self, _: &frame::Block) -> Result<()> {
        Ok(())
    }
    /// The RDB ends at this offset.
    fn rdb_end(&mut self, _: u64) -> Result<()> {
        Ok(())
    }
    /// Its commands. `None` where enough was found.
    fn commands(&mut self, part: &Part, reader: &mut pipe::Source) -> Result<Option<End>>;
    /// Whether files behind a damaged one are of use.
    fn goes_on(&self) -> bool {
        true
    }
    /// Whether an RDB that is no part of a log is welcome.
    fn takes_rdb(&self) -> bool {
        false
    }
    /// Whether the bodies of big records will be looked at.
    fn bodies(&self) -> bool {
        false
    }
}

/// Reads a source. Damage is in the result; an error is what makes it impossible to go on.
pub(in crate::ops) fn walk(
    source: Source,
    files: &[Vec<u8>],
    visit: &mut dyn Visit,
) -> Result<Walked> {
    let mut walked = Walked::default();
    match source {
        Source::File(input) => {
            let part = Part::of_input(&input);
            let alone = match input.content() {
                Content::Rdb => !says_aof(&input.head),
                Content::Commands | Content::Empty => false,
                _ => {
                    let message = format!("is no append-only file: {}", foreign(&input.head));
                    return Err(Error::new(ErrorKind::Unsupported, message).in_file(&part.name));
                }
            };
            named(files, &[&part.short], &part.name)?;
            let name = part.name.clone();
            one(part, Opened::of(input), alone, &mut walked, visit)
                .map_err(|e| e.in_file(&name))?;
        }
        Source::Set(set) => members(&set, files, &mut walked, visit)?,
    }
    Ok(walked)
}

/// Refuses names of files that the log does not have.
fn named(files: &[Vec<u8>], names: &[&[u8]], log: &str) -> Result<()> {
    match files.iter().find(|file| !names.contains(&&file[..])) {
        Some(file) => {
            let message = format!("the log has no file {}", quoted(file));
            Err(Error::usage(message).in_file(log))
        }
        None => Ok(()),
    }
}

fn members(set: &Set, files: &[Vec<u8>], walked: &mut Walked, visit: &mut dyn Visit) -> Result<()> {
    let manifest = set.manifest.to_string_lossy();
    if let Some(problem) = &set.reading.fatal {
        walked.problems.push(problem.error().in_file(&manifest));
    }
    let parts = Part::of_set(set);
    let names: Vec<&[u8]> = parts.iter().map(|(part, _)| &part.short[..]).collect();
    named(files, &names, &manifest)?;
    for (mut part, member) in parts {
        if !files.is_empty() && !files.contains(&part.short) {
            continue;
        }
        let name = part.name.clone();
        if let Some(e) = unread(&part, member) {
            walked.problems.push(e);
        } else {
            let opened = part.open()?;
            one(part, opened, false, walked, visit).map_err(|e| e.in_file(&name))?;
        }
        if walked.stopped || (!walked.problems.is_empty() && !visit.goes_on()) {
            break;
        }
    }
    Ok(())
}

/// Reads one file. `alone`: it may be an RDB that is no part of a log.
fn one(
    part: Part,
    mut opened: Opened,
    alone: bool,
    walked: &mut Walked,
    visit: &mut dyn Visit,
) -> Result<()> {
    visit.begin(&part, &mut opened)?;
    let mut file = File {
        part,
        rdb: None,
        end: None,
    };
    let tail = if opened.rdb {
        rdb(opened, alone, &mut file, walked, visit)?
    } else {
        Some((opened.input.stream, 0))
    };
    if let Some((stream, at)) = tail {
        let mut reader = Reader::new(stream, at);
        match visit.commands(&file.part, &mut reader)? {
            None => walked.stopped = true,
            Some(end) => {
                file.end = Some(end);
                if let Some(e) = damage(end) {
                    walked.problems.push(e.in_file(&file.part.name));
                }
            }
        }
    }
    if let Some(changed) = file.part.changed() {
        walked.note(&file.part.name, changed);
    }
    walked.files.push(file);
    Ok(())
}

type Tail = (Box<dyn Read + Send>, u64);

fn rdb(
    opened: Opened,
    alone: bool,
    file: &mut File,
    walked: &mut Walked,
    visit: &mut dyn Visit,
) -> Result<Option<Tail>> {
    let name = file.part.name.clone();
    let input = opened.input;
    let read = (|| {
        let mut reader = frame::Reader::new(input.stream, input.file, visit.bodies())?;
        reader.keep_tail();
        visit.records(reader)
    })();
    let reader = match read {
        Ok(reader) => reader,
        Err(e) => {
            let e: Error = e;
            if !e.kind().is_damage() {
                return Err(e);
            }
            walked.problems.push(e.in_file(&name));
            return Ok(None);
        }
    };
    let Some(ending) = reader.ending().cloned() else {
        return Ok(None);
    };
    if let Some(e) = crate::ops::dump::checksum_error(&ending) {
        walked.problems.push(e.in_file(&name));
    }
    if alone && !matches!(ending.tail_head.first(), Some(b'*' | b'#')) {
        if visit.takes_rdb() {
            file.rdb = Some((reader.header(), ending.end));
            if !ending.tail_head.is_empty() {
                walked.note(&name, "bytes follow the RDB: servers do not look at them");
            }
            visit.rdb_end(ending.end)?;
            return Ok(None);
        }
        let message = "is an RDB file: it has no commands (dump shows its keys)";
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    file.rdb = Some((reader.header(), ending.end));
    visit.rdb_end(ending.end)?;
    Ok(reader.into_tail())
}

/// What is wrong with the end of a file.
fn damage(end: End) -> Option<Error> {
    let report = Check::default().end(end);
    let damage = |f: &Finding| f.severity == Severity::Damage;
    report
        .findings
        .into_iter()
        .find(damage)
        .map(Finding::into_error)
}

impl File {
    /// `base`, `incr`, or nothing for a file of its own.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.part.member.map(|(role, _)| role)
    }
}
