//! `verify` of append-only files: one file, or a whole set with its manifest.
//!
//! ```text
//! set ─▶ manifest and folder: aof::multipart
//!     ─▶ each file in the order of loading
//!           RDB: everything that verify knows about an RDB ─▶ its tail ┐
//!           commands ──────────────────────────────────────────────────┴▶ aof::check
//! report + target + aof-load-truncated ─▶ outcome: the first file that stops a server decides
//! ```

use super::{Options, Report as Rdb};
use crate::aof::check::{self, Check};
use crate::aof::multipart::{FOLDER, Set};
use crate::aof::reader::{Reader, Step, Tail};
use crate::aof::verdict::{Loading, Verdict, verdict};
use crate::error::{ErrorKind, Result};
use crate::input::open::{Content, Input};
use crate::limits::FINDINGS_LISTED;
use crate::model::finding::{Finding, Refused, Severity};
use crate::model::kind::Flavour;
use crate::model::target::{Since, Target};
use crate::source::aof::{Opened, Part, Source, says_aof, unread};
use std::io::Read;
use std::path::Path;

/// What was verified.
pub enum Verified {
    /// An RDB file.
    Rdb(Rdb),
    /// An append-only file.
    Aof(Report),
}

impl Verified {
    /// Whether it is damaged.
    #[must_use]
    pub fn damaged(&self) -> bool {
        match self {
            Verified::Rdb(report) => report.damaged(),
            Verified::Aof(report) => report.damaged(),
        }
    }
}

/// What was found in one file of a log.
pub struct File {
    /// The file.
    pub part: Part,
    /// Bytes of it, expanded.
    pub size: u64,
    /// Envelopes that were undone.
    pub codecs: Vec<&'static str>,
    /// The RDB at its head.
    pub rdb: Option<Rdb>,
    /// The commands; `None` where they could not be reached.
    pub log: Option<check::Report>,
    /// What concerns the file as a whole.
    pub findings: Vec<Finding>,
}

/// What was found.
pub struct Report {
    /// What the user named.
    pub name: String,
    /// The set, where it is one.
    pub set: Option<Box<Set>>,
    /// The files in the order in which servers load them.
    pub files: Vec<File>,
    /// What concerns the manifest and the folder.
    pub findings: Vec<Finding>,
}

/// What a server does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Which file decides, by its index; `None` for the manifest, or where all is well.
    pub file: Option<usize>,
    /// What happens; `None` where the server knows no manifests, and so does not look at the files.
    pub verdict: Option<Verdict>,
}

impl Outcome {
    /// Whether the server comes up with the data.
    #[must_use]
    pub fn loads(&self) -> bool {
        self.verdict.as_ref().is_some_and(Verdict::loads)
    }
}

/// Verifies what a path leads to, whatever it is.
///
/// # Errors
/// What makes it impossible to judge: unreadable, a limit, a directory without data.
pub fn open(path: &Path, options: &Options<'_>) -> Result<Verified> {
    match Source::open(path)? {
        Source::File(input) => file(input, options),
        Source::Set(set) => self::set(&path.to_string_lossy(), set, options).map(Verified::Aof),
    }
}

/// Verifies one file, or a stream.
///
/// # Errors
/// See [`open`].
pub fn file(input: Input, options: &Options<'_>) -> Result<Verified> {
    let part = Part::of_input(&input);
    let name = part.name.clone();
    let content = input.content();
    let preamble = says_aof(&input.head);
    if !matches!(content, Content::Rdb | Content::Commands | Content::Empty) {
        return super::verify(input, options).map(Verified::Rdb);
    }
    let mut file = File::new(part);
    let tail = file.read(Opened::of(input), options, |head| {
        preamble || matches!(head.first(), Some(b'*' | b'#'))
    });
    match tail.map_err(|e| e.in_file(&name))? {
        Kind::Log => {
            let mut report = Report {
                name,
                set: None,
                files: vec![file],
                findings: Vec::new(),
            };
            report.settle();
            Ok(Verified::Aof(report))
        }
        Kind::Rdb => match file.rdb {
            Some(rdb) => Ok(Verified::Rdb(rdb)),
            None => unreachable_report(name),
        },
    }
}

/// A file of [`Kind::Rdb`] has a report; this stands for the case that it had none.
#[cold]
fn unreachable_report(name: String) -> Result<Verified> {
    Err(crate::error::Error::new(ErrorKind::Unsupported, "nothing was read").in_file(&name))
}

/// Verifies a set.
///
/// # Errors
/// See [`open`].
pub fn set(name: &str, set: Box<Set>, options: &Options<'_>) -> Result<Report> {
    let (mut files, mut listed) = (Vec::new(), 0);
    let read = std::sync::atomic::AtomicU64::new(0);
    for (mut part, member) in Part::of_set(&set) {
        if unread(&part, member).is_some() {
            files.push(File::new(part));
            continue;
        }
        let before = read.load(std::sync::atomic::Ordering::Relaxed);
        let progress = |n: u64| (options.progress)(before + n);
        let options = Options {
            progress: &progress,
            ..*options
        };
        let opened = part.open()?;
        let name = part.name.clone();
        let mut file = File::new(part);
        file.read(opened, &options, |_| true)
            .map_err(|e| e.in_file(&name))?;
        read.fetch_add(file.size, std::sync::atomic::Ordering::Relaxed);
        if listed > LISTED {
            file.shorten();
        }
        listed += file.all_findings().count();
        files.push(file);
    }
    let mut report = Report {
        name: name.to_owned(),
        findings: set.findings(),
        set: Some(set),
        files,
    };
    report.settle();
    Ok(report)
}

/// Findings of all files of a set that are listed, before those that follow are cut down to what decides.
const LISTED: usize = 10 * FINDINGS_LISTED;

/// What a file turned out to be.
enum Kind {
    Rdb,
    Log,
}

impl File {
    fn new(part: Part) -> File {
        File {
            part,
            size: 0,
            codecs: Vec::new(),
            rdb: None,
            log: None,
            findings: Vec::new(),
        }
    }

    /// Reads it to its end. `is_log` decides by the first bytes behind an RDB whether they are commands.
    fn read(
        &mut self,
        opened: Opened,
        options: &Options<'_>,
        is_log: impl Fn(&[u8]) -> bool,
    ) -> Result<Kind> {
        self.codecs.clone_from(&opened.input.codecs);
        let (stream, at) = if opened.rdb {
            let mut tail = None;
            let mut rdb = super::run(opened.input, options, true, &mut tail)?;
            let ending = rdb.ending.clone();
            let head = ending.as_ref().map(|e| e.tail_head.as_slice());
            let log = is_log(head.unwrap_or_default());
            match &mut tail {
                Some((stream, at)) if !log => {
                    self.size = *at + drain(stream)?;
                    super::trailing(*at, self.size - *at, &mut rdb);
                    tail = None;
                }
                _ => self.size = ending.map_or(0, |e| e.end),
            }
            self.rdb = Some(rdb);
            match tail {
                Some(tail) => tail,
                // Where an RDB ends in damage, nobody knows what stands behind it.
                None if log => return Ok(Kind::Log),
                None => return Ok(Kind::Rdb),
            }
        } else {
            (opened.input.stream, 0)
        };
        let mut reader = Reader::new(stream, at);
        let mut block = Default::default();
        let mut check = Check::default();
        let end = loop {
            match reader.next(&mut block)? {
                Step::Block => {
                    check.block(&block);
                    (options.progress)(block.at);
                }
                Step::Big(big) => check.big(big)?,
                Step::End(end) => break end,
            }
        };
        self.size = end.size;
        self.log = Some(check.end(end));
        if let Some(changed) = self.part.changed() {
            let mut finding = Finding::warning("changed", end.size, changed);
            finding.severity = Severity::Note;
            self.findings.push(finding);
        }
        Ok(Kind::Log)
    }

    /// Keeps of its findings the first damage, and the first that makes a server refuse it.
    fn shorten(&mut self) {
        let keep = |findings: &mut Vec<Finding>| {
            let damage = |f: &Finding| f.severity == Severity::Damage;
            let refused = |f: &Finding| f.refused != Refused::Never;
            let (mut damaged, mut refuses) = (false, false);
            findings.retain(|f| {
                let new = (damage(f) && !damaged) || (refused(f) && !refuses);
                damaged |= damage(f);
                refuses |= refused(f);
                new
            });
            findings.shrink_to_fit();
        };
        if let Some(rdb) = &mut self.rdb {
            keep(&mut rdb.findings);
        }
        if let Some(log) = &mut self.log {
            keep(&mut log.findings);
        }
    }

    /// Everything that was found, in the order of the file.
    pub fn all_findings(&self) -> impl Iterator<Item = &Finding> {
        let rdb = self.rdb.iter().flat_map(|r| &r.findings);
        let log = self.log.iter().flat_map(|l| &l.findings);
        rdb.chain(log).chain(&self.findings)
    }

    /// Findings beyond those listed.
    #[must_use]
    pub fn more(&self) -> u64 {
        let listed = |log: &check::Report| log.findings.len() as u64;
        let counted = |log: &check::Report| log.counts.values().sum::<u64>();
        self.rdb.as_ref().map_or(0, |r| r.more())
            + self.log.as_ref().map_or(0, |l| counted(l) - listed(l))
    }
}

/// Reads over what is left and counts it.
fn drain(stream: &mut dyn Read) -> Result<u64> {
    std::io::copy(stream, &mut std::io::sink()).map_err(|e| crate::error::Error::from_io(e, "read"))
}

impl Report {
    /// Names the files in the findings, and looks at what concerns several of them.
    fn settle(&mut self) {
        let mut time = None;
        for file in &mut self.files {
            let name = &file.part.name;
            let log = file.log.as_ref();
            let first = log.and_then(|l| l.first_time);
            if let (Some((before, at_end_of)), Some(first)) = (&time, first)
                && *before > first
            {
                let message = format!(
                    "the time goes back from {before} at the end of {at_end_of} to {first} at the start of this file"
                );
                file.findings
                    .push(Finding::warning("timestamp-order", 0, message));
            }
            if let Some(last) = log.and_then(|l| l.end.state.time) {
                time = Some((last, name.clone()));
            }
            if !file.part.last
                && let Some(log) = log
                && log.end.is_cut()
            {
                let mut finding = Finding::warning(
                    "damaged-before-last",
                    log.end.valid_up_to,
                    "this is not the last file: servers do not start, but cut it all the same, and what the files after \
                     it hold does not follow from what is left",
                );
                finding.refused = Refused::With(Since::both((7, 0)));
                file.findings.push(finding);
            }
            let findings = file
                .rdb
                .iter_mut()
                .flat_map(|r| &mut r.findings)
                .chain(file.log.iter_mut().flat_map(|l| &mut l.findings))
                .chain(&mut file.findings);
            for finding in findings {
                finding.place.file.get_or_insert_with(|| name.clone());
            }
        }
    }

    /// Everything that was found.
    pub fn all_findings(&self) -> impl Iterator<Item = &Finding> {
        let files = self.files.iter().flat_map(File::all_findings);
        self.findings.iter().chain(files)
    }

    /// Whether anything is damaged.
    #[must_use]
    pub fn damaged(&self) -> bool {
        self.all_findings().any(|f| f.severity == Severity::Damage)
            || self
                .files
                .iter()
                .any(|f| f.rdb.as_ref().is_some_and(Rdb::damaged))
    }

    /// How many warnings there are.
    #[must_use]
    pub fn warnings(&self) -> u64 {
        let is_warning = |f: &&Finding| f.severity == Severity::Warning;
        self.all_findings().filter(is_warning).count() as u64
    }

    /// Commands in all files.
    #[must_use]
    pub fn commands(&self) -> u64 {
        let logs = self.files.iter().filter_map(|f| f.log.as_ref());
        logs.map(|log| log.end.state.commands).sum()
    }

    /// What a server that has `aof-load-corrupt-tail-max-size` does if it allows for the tail that decides: the outcome,
    /// and the size that the setting has to be above. `None` where it changes nothing.
    #[must_use]
    pub fn with_corrupt_tail(&self, target: &Target) -> Option<(Outcome, u64)> {
        let outcome = self.outcome_with(target, true, u64::MAX);
        if outcome == self.outcome(target, true) {
            return None;
        }
        let corrupt = |f: &&File| {
            let end = f.log.as_ref().map(|l| &l.end);
            end.is_some_and(|e| matches!(e.tail, Tail::Fault { .. }))
        };
        let sizes = self.files.iter().filter(corrupt).filter_map(|f| {
            let end = &f.log.as_ref()?.end;
            Some(end.size - end.valid_up_to)
        });
        sizes.max().map(|size| (outcome, size))
    }

    /// The name of the folder that a server has the files in.
    fn folder(&self) -> Vec<u8> {
        let name = |folder: &Path| folder.file_name().map(|n| n.as_encoded_bytes().to_vec());
        let set = self.set.as_ref();
        // `.` and what ends in `..` have no name of their own.
        let real = |set: &Set| name(&std::fs::canonicalize(&set.folder).ok()?);
        set.and_then(|set| name(&set.folder).or_else(|| real(set)))
            .unwrap_or_else(|| FOLDER.as_bytes().to_vec())
    }

    /// What that server does, with `aof-load-truncated` as given.
    #[must_use]
    pub fn outcome(&self, target: &Target, truncated: bool) -> Outcome {
        self.outcome_with(target, truncated, 0)
    }

    /// The same with `aof-load-corrupt-tail-max-size` as given.
    #[must_use]
    pub fn outcome_with(&self, target: &Target, truncated: bool, corrupt_tail: u64) -> Outcome {
        let decided = |file, verdict| Outcome {
            file,
            verdict: Some(verdict),
        };
        if let Some(set) = &self.set {
            if target.version < (7, 0) {
                return Outcome {
                    file: None,
                    verdict: None,
                };
            }
            if let Some(verdict) = manifest_verdict(set) {
                return decided(None, verdict);
            }
        }
        let folder = self.folder();
        let mut cut = None;
        for (index, file) in self.files.iter().enumerate() {
            let verdict = file.verdict(target, truncated, corrupt_tail, &folder);
            if verdict.loads() {
                if verdict != Verdict::Loads {
                    cut = Some((index, verdict));
                }
                continue;
            }
            return decided(Some(index), verdict);
        }
        match cut {
            Some((index, verdict)) => decided(Some(index), verdict),
            None => decided(None, Verdict::Loads),
        }
    }
}

/// What stops a server before it opens the first file.
fn manifest_verdict(set: &Set) -> Option<Verdict> {
    let refuses = |at, words| Verdict::Refuses {
        at,
        words,
        cuts_to: None,
    };
    let fatal = set.reading.fatal.as_ref();
    if let Some((at, words)) = fatal.and_then(|p| Some((p.at, p.kind.server_words()?))) {
        return Some(refuses(at, words.to_owned()));
    }
    // The sizes of all files are asked for first: incr files behind the base.
    let gone = set
        .in_load_order()
        .find(|m| m.found == crate::aof::multipart::Found::Missing)?;
    let name = crate::text::escaped(&gone.record.name);
    let words =
        format!("Unable to obtain the AOF file {name} length. stat: No such file or directory");
    Some(refuses(0, words))
}

impl File {
    /// What that server does with this file.
    fn verdict(
        &self,
        target: &Target,
        truncated: bool,
        corrupt_tail: u64,
        folder: &[u8],
    ) -> Verdict {
        let loading = Loading {
            truncated,
            last: self.part.last,
            corrupt_tail,
            file: &self.part.short,
            folder,
        };
        if let Some(rdb) = &self.rdb
            && !rdb.loads(target)
        {
            return self.rdb_verdict(rdb, target);
        }
        match &self.log {
            Some(log) => verdict(log, target, &loading),
            None => Verdict::Loads,
        }
    }

    fn rdb_verdict(&self, rdb: &Rdb, target: &Target) -> Verdict {
        let refused = rdb.findings.iter().find(|f| f.refused.by(target));
        let at = refused.and_then(|f| f.place.offset).unwrap_or_default();
        let words = match (rdb.header, refused) {
            (Some(header), _)
                if header.flavour == Flavour::Valkey && target.flavour == Flavour::Redis =>
            {
                // Only REDIS makes it an RDB to Redis; anything else is taken for commands.
                let file = crate::text::escaped(&self.part.short);
                format!("Bad file format reading the append only file {file}")
            }
            (Some(header), _) if !target.opens(header.flavour, header.version) => {
                format!("Can't handle RDB format version {}", header.version)
            }
            (_, Some(f)) if f.code == "checksum" => "RDB CRC error".to_owned(),
            (_, Some(f)) if f.code == "truncated" => {
                "Short read or OOM loading DB. Unrecoverable error, aborting now.".to_owned()
            }
            (_, Some(f)) => format!("Internal error in RDB reading: {}", f.message),
            (_, None) => {
                "Internal error in RDB reading: a type or record that it does not know".to_owned()
            }
        };
        Verdict::Refuses {
            at,
            words,
            cuts_to: None,
        }
    }
}
