//! `repair`: what can be kept of a damaged file or set, and writing that.
//!
//! ```text
//!   path ─▶ plan ─────────────────────────▶ text, JSON            nothing is opened for writing
//!            │ a list of patches a file,
//!            │ which files make up the set
//!            ├─▶ write::out ──────────────▶ a repaired copy, and beside it what was left out
//!            └─▶ write::in_place ─────────▶ the same in the place of the old, which stays beside it
//! ```
//! A plan names ranges of bytes: all that it does not name is copied as it stands. See [`crate::aof::salvage`] for what
//! becomes of a log, [`crate::rdb::salvage`] for an RDB, [`set`] for a manifest.

use super::replay::Until;
use super::verify;
use crate::aof::salvage::{self, Salvaged};
use crate::error::{Error, ErrorKind, Result};
use crate::input::bytes::ReadAt;
use crate::input::open::{Content, Input};
use crate::input::spool::Spool;
use crate::model::finding::Severity;
use crate::model::patch::{Fate, Patch};
use crate::rdb::salvage as rdb;
use crate::source::aof::{Part, foreign};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub mod set;
pub mod write;

pub use set::Rebuilt;

/// How to repair.
#[derive(Clone)]
pub struct Options<'a> {
    /// What becomes of logs.
    pub log: salvage::Options,
    /// Where the log is to end.
    pub until: Until,
    /// Workers that look for damage in RDB files.
    pub threads: usize,
    /// Is told how many bytes were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// Bytes by range, from wherever they come.
pub type Source = Arc<dyn ReadAt + Send + Sync>;

/// What is to be done with one file.
pub struct FilePlan {
    /// The file.
    pub part: Part,
    /// Its bytes.
    pub src: Source,
    /// How many there are.
    pub size: u64,
    /// Envelopes that were undone to read it.
    pub codecs: Vec<&'static str>,
    /// What does not stay as it is, in the order of the file.
    pub patches: Vec<Patch>,
    /// What stays, but may not be what it was: offset and reason.
    pub doubtful: Vec<(u64, String)>,
    /// Commands that are kept.
    pub commands: u64,
    /// Keys of its RDB that are kept.
    pub keys: u64,
    /// Whether it has an RDB at its head, and commands.
    pub has: (bool, bool),
    /// Its stored checksum and that of its bytes, where they differ.
    pub checksum: Option<(u64, u64)>,
    /// Where the log was to end, and why, if that is in this file.
    pub stopped: Option<(u64, String)>,
    /// The time of its last `#TS:` line, in seconds since 1970.
    pub time: Option<i64>,
    /// Why it is no part of the set any more.
    pub dropped: Option<String>,
}

impl FilePlan {
    /// Whether it stays as it is.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.patches.is_empty() && self.dropped.is_none()
    }

    /// Bytes that are left out.
    #[must_use]
    pub fn lost_bytes(&self) -> u64 {
        if self.dropped.is_some() {
            return self.size;
        }
        let lost = self.patches.iter().filter(|p| p.fate.is_loss());
        lost.map(|p| p.to - p.from).sum()
    }

    /// Commands that are left out, as far as they can be told.
    #[must_use]
    pub fn lost_commands(&self) -> u64 {
        self.patches.iter().map(|p| p.commands).sum()
    }

    /// Keys that are left out or cut.
    #[must_use]
    pub fn lost_keys(&self) -> u64 {
        self.patches.iter().map(|p| p.keys.len() as u64).sum()
    }
}

/// What is to be done.
pub struct Plan {
    /// The name that the user gave.
    pub name: String,
    /// The files that servers load, in that order; and those that are left out.
    pub files: Vec<FilePlan>,
    /// The set that they make up, where it is one.
    pub set: Option<Rebuilt>,
}

impl Plan {
    /// Whether there is nothing to be done.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.files.iter().all(FilePlan::is_sound)
            && self.set.as_ref().is_none_or(|set| !set.changed)
    }

    /// The first file whose checksum is not that of its bytes.
    #[must_use]
    pub fn checksum(&self) -> Option<&FilePlan> {
        let mut kept = self.files.iter().filter(|f| f.dropped.is_none());
        kept.find(|f| f.checksum.is_some())
    }
}

/// Looks at what is at a path, and says what can be done.
///
/// # Errors
/// What the operating system reports; what is no persistence file, or nothing of it can be read.
pub fn plan(path: &Path, options: &Options<'_>) -> Result<Plan> {
    let name = path.to_string_lossy().into_owned();
    if let Some(found) = set::find(path, options.log.stop_at_damage)? {
        let plan = plan_set(name, found, options)?;
        return timed(plan, options);
    }
    let input = Input::open(&single(path))?;
    match input.content() {
        Content::Rdb | Content::Commands | Content::Empty => {}
        Content::Jsonl => {
            let message = "is JSON: a damaged line is told by its number when it is read";
            return Err(Error::new(ErrorKind::Unsupported, message).in_file(&name));
        }
        Content::Manifest => {
            let message = "is the manifest of a set: name it by its path, uncompressed";
            return Err(Error::usage(message).in_file(&name));
        }
        Content::Unknown if !looks_like(&input.head) => {
            let message = format!("is no persistence file: {}", foreign(&input.head));
            return Err(Error::new(ErrorKind::Unsupported, message).in_file(&name));
        }
        Content::Unknown => {}
    }
    let part = Part::of_input(&input);
    let file = plan_file(part, input, 0, options).map_err(|e| e.in_file(&name))?;
    let plan = Plan {
        name,
        files: vec![file],
        set: None,
    };
    timed(plan, options)
}

/// A moment can only be told where the log tells the time.
fn timed(plan: Plan, options: &Options<'_>) -> Result<Plan> {
    let told = |f: &FilePlan| f.time.is_some() || f.stopped.is_some();
    if options.until.time_ms.is_some() && !plan.files.iter().any(told) {
        let message = "has no timestamps (aof-timestamp-enabled), so --until-time finds no place in it: --until-offset, \
                       --until-command and --before do";
        return Err(Error::usage(message).in_file(&plan.name));
    }
    Ok(plan)
}

/// The log that a data directory of an old server holds.
fn single(path: &Path) -> PathBuf {
    let old = path.join("appendonly.aof");
    if path.is_dir() && old.is_file() {
        old
    } else {
        path.to_owned()
    }
}

/// Whether a file that begins like nothing may be a log or an RDB whose first bytes are damaged.
fn looks_like(head: &[u8]) -> bool {
    let line = |w: &[u8]| matches!(w, [b'\r', b'\n', b'$', b'0'..=b'9']);
    rdb::header_of(head).is_some() || head.windows(4).filter(|w| line(w)).count() > 1
}

fn plan_set(name: String, mut found: Rebuilt, options: &Options<'_>) -> Result<Plan> {
    let mut files: Vec<FilePlan> = Vec::new();
    let mut commands = 0;
    let mut ended: Option<String> = None;
    let parts: Vec<(Part, _)> = Part::of_set(&found.set)
        .into_iter()
        .map(|(part, member)| (part, member.record.clone()))
        .collect();
    for (mut part, _) in parts {
        let opened = part.open()?;
        let short = part.short.clone();
        let label = part.name.clone();
        let mut file = if let Some(why) = &ended {
            dropped(part, opened.input, why)?
        } else {
            plan_file(part, opened.input, commands, options).map_err(|e| e.in_file(&label))?
        };
        if file.dropped.is_some() {
            found.drop(&short);
        }
        commands += file.commands;
        if let Some((_, why)) = &file.stopped {
            ended = Some(format!(
                "it follows the place where the log is to end: {why}"
            ));
        }
        file.part.last = false;
        files.push(file);
    }
    let whole = |f: &FilePlan| f.lost_bytes() == 0 || f.stopped.is_some();
    for file in files
        .iter_mut()
        .rev()
        .skip(1)
        .filter(|f| !whole(f) && f.dropped.is_none())
    {
        let why = "the files behind this one follow on what is lost here, and are kept: --stop-at-damage does without them";
        file.doubtful.push((file.size, why.to_owned()));
    }
    if let Some(last) = files.iter_mut().rfind(|f| f.dropped.is_none()) {
        last.part.last = true;
    }
    Ok(Plan {
        name,
        files,
        set: Some(found),
    })
}

/// A file that is left out as a whole.
fn dropped(part: Part, input: Input, why: &str) -> Result<FilePlan> {
    let rdb = rdb::header_of(&input.head).is_some();
    let (src, size, codecs, _) = bytes(input)?;
    let mut file = FilePlan::new(part, src, size, codecs);
    if !rdb {
        let all = salvage::Options::default();
        let found = salvage::salvage(&*file.src, 0, size, &all, &mut |_| None, &|_| ())?;
        let mut patch = Patch::new(0, size, Fate::Cut, "dropped", why);
        patch.commands = found.commands + found.patches.iter().map(|p| p.commands).sum::<u64>();
        file.patches.push(patch);
    }
    file.dropped = Some(why.to_owned());
    Ok(file)
}

impl FilePlan {
    fn new(part: Part, src: Source, size: u64, codecs: Vec<&'static str>) -> FilePlan {
        FilePlan {
            part,
            src,
            size,
            codecs,
            patches: Vec::new(),
            doubtful: Vec::new(),
            commands: 0,
            keys: 0,
            has: (false, false),
            checksum: None,
            stopped: None,
            time: None,
            dropped: None,
        }
    }
}

/// The bytes of an input by range, how many, and what was undone; compressed ones go through a file without a name.
fn bytes(input: Input) -> Result<(Source, u64, Vec<&'static str>, Option<PathBuf>)> {
    let Input {
        file,
        size,
        codecs,
        path,
        mut stream,
        ..
    } = input;
    if let (Some(file), Some(size), true) = (file, size, codecs.is_empty()) {
        return Ok((file, size, codecs, path));
    }
    let mut spool = Spool::default();
    let mut page = vec![0; crate::limits::BLOCK];
    loop {
        match stream.read(&mut page) {
            Ok(0) => break,
            Ok(n) => spool.write(page.get(..n).unwrap_or_default())?,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => {
                let e = Error::from_io(e, "read");
                // What could be expanded of a damaged envelope is worth having.
                if e.kind().is_damage() && !spool.is_empty() {
                    break;
                }
                return Err(e);
            }
        }
    }
    let size = spool.len();
    Ok((Arc::new(spool), size, codecs, None))
}

/// Bytes by range as a stream.
struct Stream {
    src: Source,
    at: u64,
    size: u64,
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.size - self.at).unwrap_or(usize::MAX);
        let n = left.min(buf.len());
        let space = buf.get_mut(..n).unwrap_or_default();
        self.src
            .read_exact_at(space, self.at)
            .map_err(std::io::Error::other)?;
        self.at += n as u64;
        Ok(n)
    }
}

/// Bytes by range as an input.
///
/// # Errors
/// What the operating system reports.
pub fn input(name: &str, src: &Source, size: u64, path: Option<&Path>) -> Result<Input> {
    let stream = Stream {
        src: src.clone(),
        at: 0,
        size,
    };
    let mut input = Input::of(name, Box::new(stream), Some(src.clone()), Some(size))?;
    input.path = path.map(Path::to_owned);
    Ok(input)
}

/// Plans one file. So many commands stand in the files before it.
fn plan_file(part: Part, opened: Input, before: u64, options: &Options<'_>) -> Result<FilePlan> {
    let rdb_head = rdb::header_of(&opened.head).is_some();
    let is_log = |head: &[u8]| matches!(head.first(), Some(b'*' | b'#'));
    let (src, size, codecs, path) = bytes(opened)?;
    let mut file = FilePlan::new(part, src, size, codecs);
    let mut start = 0;
    if rdb_head {
        file.has.0 = true;
        let (end, sound) = plan_rdb(&mut file, path.as_deref(), options)?;
        let head = head_at(&*file.src, end, size)?;
        let in_set = file.part.member.is_some();
        if end == size || (!is_log(&head) && !sound) {
            return Ok(file);
        }
        if !is_log(&head) && !in_set && !says_preamble(&*file.src, size)? {
            // Bytes behind a snapshot, which servers do not look at.
            let only_zeros = head.iter().all(|b| *b == 0);
            let why = if only_zeros {
                "zero bytes behind the end of the RDB, which servers do not read"
            } else {
                "bytes behind the end of the RDB, which servers do not read"
            };
            let mut patch = Patch::new(end, size, Fate::Cut, "trailing", why);
            patch.sample = head;
            file.patches.push(patch);
            return Ok(file);
        }
        start = end;
    }
    file.has.1 = true;
    let last = file.part.last;
    let until = &options.until;
    let mut count = before;
    let mut stop = |command: &crate::aof::block::Command<'_>| {
        let why = until.stops(count, last, command);
        count += u64::from(why.is_none());
        why
    };
    let mut none = |_: &crate::aof::block::Command<'_>| None;
    let progress = |at| (options.progress)(at);
    let Salvaged {
        patches,
        commands,
        doubtful,
        stopped,
        time,
    } = salvage::salvage(
        &*file.src,
        start,
        size,
        &options.log,
        if until.is_set() { &mut stop } else { &mut none },
        &progress,
    )?;
    file.patches.extend(patches);
    file.doubtful.extend(doubtful);
    file.commands = commands;
    file.stopped = stopped;
    file.time = time;
    Ok(file)
}

/// The bytes at an offset, a few of them.
fn head_at(src: &dyn ReadAt, at: u64, size: u64) -> Result<Vec<u8>> {
    let n = usize::try_from(size.saturating_sub(at)).map_or(96, |n| n.min(96));
    let mut head = vec![0; n];
    src.read_exact_at(&mut head, at)?;
    Ok(head)
}

fn says_preamble(src: &dyn ReadAt, size: u64) -> Result<bool> {
    let n = usize::try_from(size).map_or(4096, |n| n.min(4096));
    let mut head = vec![0; n];
    src.read_exact_at(&mut head, 0)?;
    Ok(crate::source::aof::says_preamble(&head))
}

/// Plans the RDB at the head of a file. Gives where it ends, and whether that end is its own.
fn plan_rdb(
    file: &mut FilePlan,
    path: Option<&Path>,
    options: &Options<'_>,
) -> Result<(u64, bool)> {
    let (src, size) = (file.src.clone(), file.size);
    let verify = verify::Options {
        threads: options.threads,
        progress: options.progress,
    };
    let mut tail = None;
    let whole = input(&file.part.name, &src, size, path)?;
    let report = verify::run(whole, &verify, true, &mut tail)?;
    file.keys = report.keys;
    if let Some(ending) = &report.ending
        && let crate::rdb::frame::Checksum::Mismatch { stored, computed } = ending.checksum
    {
        file.checksum = Some((stored, computed));
    }
    let other = |code: &str| !matches!(code, "checksum" | "trailing");
    let damaged = report.counts.damage > u64::from(file.checksum.is_some())
        || report
            .findings
            .iter()
            .any(|f| f.severity == Severity::Damage && other(f.code));
    // A byte that was damaged into FF seems to end it early: its checksum is wrong, and something follows.
    let early = match &report.ending {
        Some(ending) if file.checksum.is_some() && ending.end < size => {
            !rdb::begins_log(&*src, ending.end)?
        }
        _ => false,
    };
    if let (Some(ending), false) = (&report.ending, damaged || early) {
        if file.checksum.is_some() {
            let why = "every record holds, but the checksum does not: a byte inside a plain string may be wrong, and which \
                       one cannot be told";
            file.doubtful
                .push((ending.end.saturating_sub(8), why.to_owned()));
            file.patches.push(Patch::new(
                ending.end - 8,
                ending.end,
                Fate::Checksum,
                "checksum",
                "a checksum of what is there",
            ));
        }
        return Ok((ending.end, true));
    }
    let found = rdb::salvage(&src, size, options.progress)?;
    // A sum of the bytes as they are says nothing about those that were changed on the way.
    let is_crlf = found.patches.iter().any(|p| p.code == "crlf");
    let sum = found.patches.iter().rfind(|p| p.fate == Fate::Checksum);
    file.checksum = match sum.filter(|p| found.ended && !is_crlf && p.to - p.from == 8) {
        Some(sum) => rdb::stored_and_computed(&*src, sum.to)?.filter(|(a, b)| a != b),
        None => None,
    };
    if file.checksum.is_some() {
        let why = "the checksum is not that of these bytes: besides what is named here a byte inside a plain string may be \
                   wrong, and which one cannot be told";
        file.doubtful
            .push((found.end.saturating_sub(8), why.to_owned()));
    }
    file.patches.extend(found.patches);
    file.doubtful.extend(found.doubtful);
    file.keys = found.keys;
    Ok((found.end, found.ended))
}
