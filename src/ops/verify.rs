//! `verify`: every problem that can be reached, where it is, and which servers would load the file.

use crate::error::{Error, ErrorKind, Place, Result};
use crate::input::checksum::Crc64;
use crate::input::open::Input;
use crate::limits;
use crate::model::finding::{Finding, Severity};
use crate::model::kind::Kind;
use crate::model::target::{TARGETS, Target};
use crate::packed::string::Str;
use crate::pipe::{self, Flow, Out};
use crate::rdb::compat::Used;
use crate::rdb::frame::{Block, Checksum, Ending, Header, Reader, Record, What};
use crate::rdb::keys::{Batch, Keys};
use crate::rdb::types::TypeRow;
use crate::rdb::value::module;
use crate::rdb::visit::{ArrayValue, StreamPart, Visit};
use crate::rdb::walk::{self, Scratch};
use crate::rdb::{check, length, opcode};
use functions::Libraries;
use std::collections::BTreeSet;
use std::io::Read;

pub mod aof;
mod functions;

/// How to verify.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Workers.
    pub threads: usize,
    /// Is told how many bytes were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// What was found in one RDB file.
#[derive(Debug)]
pub struct Report {
    /// The file's name.
    pub name: String,
    /// Envelopes that were undone.
    pub codecs: Vec<&'static str>,
    /// Magic and version; `None` where not even they could be read.
    pub header: Option<Header>,
    /// Bytes read, expanded: of the RDB alone, where its end was reached.
    pub bytes: u64,
    /// Keys read.
    pub keys: u64,
    /// Databases with keys; counted up to [`limits::DATABASES`].
    pub dbs: u64,
    /// The problems, in the order of the file: the first [`limits::FINDINGS_LISTED`].
    pub findings: Vec<Finding>,
    /// Problems of any number.
    pub counts: Counts,
    /// How the file ended; `None` where reading stopped before.
    pub ending: Option<Ending>,
    /// What stands in the file that not every server knows.
    used: Used,
}

/// How many problems there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// That make the file a damaged one.
    pub damage: u64,
    /// That are worth a look.
    pub warnings: u64,
    /// That are worth knowing.
    pub notes: u64,
    /// The servers that refuse the file for one of them: a bit for each of [`TARGETS`].
    refused: u32,
}

impl Counts {
    fn add(&mut self, finding: &Finding) {
        match finding.severity {
            Severity::Damage => self.damage += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Note => self.notes += 1,
        }
        for (i, target) in TARGETS.iter().enumerate() {
            self.refused |= u32::from(finding.refused.by(target)) << i;
        }
    }

    fn merge(&mut self, other: Counts) {
        self.damage += other.damage;
        self.warnings += other.warnings;
        self.notes += other.notes;
        self.refused |= other.refused;
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.damage + self.warnings + self.notes
    }
}

impl Report {
    /// Whether the file is damaged.
    #[must_use]
    pub fn damaged(&self) -> bool {
        self.counts.damage > 0
    }

    /// Problems beyond those listed.
    #[must_use]
    pub fn more(&self) -> u64 {
        self.counts
            .total()
            .saturating_sub(self.findings.len() as u64)
    }

    /// Whether that server would load the file.
    #[must_use]
    pub fn loads(&self, target: &Target) -> bool {
        let refused = TARGETS
            .iter()
            .position(|t| t.name == target.name)
            .is_none_or(|i| self.counts.refused >> i & 1 == 1);
        self.header
            .is_some_and(|header| !refused && self.used.read_by(target, header))
    }

    /// Why that server would not load the file; empty where it would.
    #[must_use]
    pub fn reasons(&self, target: &Target) -> Vec<String> {
        let mut reasons = Vec::new();
        if let Some(header) = self.header {
            reasons.extend(self.used.unknown_to(target, header));
        }
        let refusing = || self.findings.iter().filter(|f| f.refused.by(target));
        let listed = refusing().count();
        reasons.extend(refusing().take(REASONS).map(|f| {
            let sep = if f.place == Place::default() {
                ""
            } else {
                ": "
            };
            format!("{}{sep}{}", f.place, f.message)
        }));
        if listed > REASONS {
            reasons.push(format!("and {} problems more", listed - REASONS));
        }
        if reasons.is_empty() && !self.loads(target) {
            reasons.push("for one of the problems that are not listed".to_owned());
        }
        reasons
    }
}

/// Databases that servers have unless told otherwise.
const DATABASES: u64 = 16;

/// Problems that are named as reasons.
const REASONS: usize = 5;

/// Adds to a set that a file cannot make bigger than memory. A file has too many whatever the number of workers: so the
/// size of their union is the same.
fn tell_apart(set: &mut BTreeSet<u64>, n: u64) {
    if set.len() < limits::DATABASES {
        set.insert(n);
    }
}

struct Worker<'a> {
    keys: Batch<'a>,
    sc: Scratch,
    name: Vec<u8>,
    seen: u64,
    used: Used,
    dbs: BTreeSet<u64>,
    highest_db: u64,
    last_db: Option<u64>,
    modules: BTreeSet<u64>,
    libraries: Libraries,
    found: Found,
}

/// Findings: all counted, the first ones listed. Each worker lists its first ones, so the first ones of the file are
/// among them whatever the number of workers.
#[derive(Default)]
struct Found {
    /// Each with the offset of its record.
    list: Vec<(u64, Finding)>,
    bytes: usize,
    full: bool,
    counts: Counts,
}

impl Found {
    fn push(&mut self, record: u64, finding: Finding) {
        self.counts.add(&finding);
        self.list(record, finding);
    }

    fn list(&mut self, record: u64, finding: Finding) {
        let place = &finding.place;
        let bytes = finding.message.len()
            + place.key.as_ref().map_or(0, Vec::len)
            + place.path.iter().map(String::len).sum::<usize>();
        if !self.full
            && self.list.len() < limits::FINDINGS_LISTED
            && self.bytes + bytes <= limits::FINDINGS_BYTES
        {
            self.bytes += bytes;
            self.list.push((record, finding));
        } else {
            self.full = true;
        }
    }

    /// What several workers found. Those of the file that are to be listed are among those that each of them listed.
    fn merged(parts: Vec<Found>) -> Found {
        let mut all = Found::default();
        let mut lists = Vec::new();
        for part in parts {
            all.counts.merge(part.counts);
            lists.extend(part.list);
        }
        lists.sort_by_key(|(record, _)| *record);
        for (record, finding) in lists {
            all.list(record, finding);
        }
        all
    }
}

/// Looks at nothing but problems.
struct Judge<'f, 'r> {
    found: &'f mut Found,
    record: &'r Record<'r>,
    name: &'r [u8],
}

impl Judge<'_, '_> {
    fn place(&self, mut f: Finding) -> Finding {
        f.place.db.get_or_insert(self.record.frame.db);
        f.place.key.get_or_insert_with(|| self.name.to_vec());
        f
    }
}

impl Visit for Judge<'_, '_> {
    #[inline]
    fn reads(&self) -> bool {
        false
    }

    fn finding(&mut self, finding: Finding) -> Result<()> {
        let finding = self.place(finding);
        self.found.push(self.record.offset(), finding);
        Ok(())
    }

    // Giants are not expanded unless somebody reads them.
    fn element(&mut self, element: Str<'_>) -> Result<()> {
        giant(&element)
    }

    fn field(&mut self, _field: Str<'_>, value: Str<'_>, _expire_ms: Option<u64>) -> Result<()> {
        giant(&value)
    }

    fn array_element(&mut self, _index: u64, value: ArrayValue<'_>) -> Result<()> {
        match value {
            ArrayValue::Text(s) => giant(&s),
            ArrayValue::Float(_) => Ok(()),
        }
    }

    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Group { name: s, .. }
            | StreamPart::Consumer { name: s, .. }
            | StreamPart::Producer(s)
            | StreamPart::ProducerId(s, _) => giant(&s),
            _ => Ok(()),
        }
    }

    fn empty(&mut self) -> Result<()> {
        self.finding(Finding::warning(
            "empty-key",
            self.record.offset(),
            "a key without elements: servers since 6.2 leave it out when they load the file",
        ))
    }
}

/// Expands a compressed giant, which shows whether it is whole. Members and field names are read to be compared.
#[inline]
fn giant(s: &Str<'_>) -> Result<()> {
    match s {
        Str::Giant(g) if g.lzf => g.chunks(&mut |_| Ok(())),
        _ => Ok(()),
    }
}

impl pipe::Work for Worker<'_> {
    fn block(&mut self, block: &Block, _out: &mut Out<'_, '_>) -> Result<Flow> {
        for record in block.records() {
            match record.frame.what {
                What::Key(row) => self.key(&record, row)?,
                What::Record(op) => {
                    self.used.op(op, record.offset());
                    if op == opcode::MODULE_AUX {
                        self.module(&record);
                    }
                    let checked = check::record(&record, op, &mut self.sc);
                    let checked = checked.and_then(|()| match op {
                        opcode::FUNCTION2 => self.libraries.add(&record),
                        _ => Ok(()),
                    });
                    if let Err(e) = checked {
                        self.found.push(record.offset(), Finding::from_error(e));
                    }
                }
            }
        }
        self.keys.flush()?;
        Ok(Flow::More)
    }
}

/// Modules that are named; hostile files could name any number.
const MODULES: usize = 64;

impl Worker<'_> {
    /// Remembers the module whose id stands at the start of the body.
    #[cold]
    fn module(&mut self, record: &Record<'_>) {
        let id = match record.body() {
            Some(mut b) => length::number(&mut b),
            None => record.big_body().and_then(|mut b| length::number(&mut b)),
        };
        if let Ok(id) = id
            && self.modules.len() < MODULES
        {
            self.modules.insert(id);
        }
    }

    #[inline]
    fn key(&mut self, record: &Record<'_>, row: &'static TypeRow) -> Result<()> {
        self.seen += 1;
        self.used.row(row, record.offset());
        let db = record.frame.db;
        if self.last_db != Some(db) {
            self.last_db = Some(db);
            self.highest_db = self.highest_db.max(db);
            tell_apart(&mut self.dbs, db);
        }
        if row.kind == Kind::Module {
            self.module(record);
        }
        let name = match record.key(&mut self.name) {
            Ok(name) => name,
            Err(e) => {
                self.found.push(record.offset(), Finding::from_error(e));
                return Ok(());
            }
        };
        self.keys.add(db, name);
        self.used.attributes(record);

        if record.meta().is_some()
            && let Err(e) = check::meta(record, &mut self.sc)
        {
            let e = e.in_key(db, name);
            self.found.push(record.offset(), Finding::from_error(e));
        }
        let before = self.found.list.len();
        let mut judge = Judge {
            found: &mut self.found,
            record,
            name,
        };
        if let Err(e) = walk::record(record, row, true, &mut self.sc, &mut judge) {
            if e.kind() == ErrorKind::Io || e.kind() == ErrorKind::Limit {
                return Err(e);
            }
            let refused = check::refused(record, row, &e, &mut self.sc);
            let mut finding = Finding::from_error(e);
            finding.refused = refused;
            self.found.push(record.offset(), finding);
        }
        if self.found.list.len() > before {
            self.locate(record, row, before);
        }
        Ok(())
    }

    /// Gives the findings of a key, listed from `first` on, the way down to them. Walks do not know where they are
    /// until something ends them: so each finding ends one.
    #[cold]
    fn locate(&mut self, record: &Record<'_>, row: &'static TypeRow, first: usize) {
        let small = record.body_len() <= limits::BIG_RECORD as u64;
        let most = if small { LOCATED } else { 1 };
        let listed = self.found.list.iter_mut().skip(first).take(most);
        for (skip, (_, finding)) in listed.enumerate() {
            let mut stop = Stop { skip };
            if let Err(e) = walk::record(record, row, false, &mut self.sc, &mut stop)
                && e.message() == finding.message
            {
                finding.place.path = e.into_parts().2.path;
            }
        }
    }
}

/// Findings of a key whose place in it is looked up; of a big record only the first.
const LOCATED: usize = 16;

/// Ends a walk at a finding.
struct Stop {
    skip: usize,
}

impl Visit for Stop {
    #[inline]
    fn reads(&self) -> bool {
        false
    }

    fn finding(&mut self, finding: Finding) -> Result<()> {
        match self.skip.checked_sub(1) {
            Some(skip) => self.skip = skip,
            None => return Err(finding.into_error()),
        }
        Ok(())
    }
}

/// Verifies one RDB file. An error means that it could not be judged.
pub fn verify(input: Input, options: &Options<'_>) -> Result<Report> {
    let name = input.name.clone();
    let mut tail = None;
    run(input, options, false, &mut tail).map_err(|e| e.in_file(&name))
}

/// What stands behind an RDB: the bytes, and their offset in the file.
type Tail = (Box<dyn Read + Send>, u64);

/// Verifies the RDB; where its tail is to be kept, that is put into `tail`.
pub(in crate::ops) fn run(
    input: Input,
    options: &Options<'_>,
    keep_tail: bool,
    tail: &mut Option<Tail>,
) -> Result<Report> {
    let path = input.path.clone();
    let mut report = Report {
        name: input.name,
        codecs: input.codecs,
        header: None,
        keys: 0,
        dbs: 0,
        bytes: 0,
        findings: Vec::new(),
        counts: Counts::default(),
        ending: None,
        used: Used::default(),
    };
    let mut reader = match Reader::with_sizes(input.stream, input.file, true, input.sizes) {
        Ok(reader) => reader,
        Err(e) if e.kind().is_damage() => {
            let finding = Finding::from_error(e);
            report.counts.add(&finding);
            report.findings.push(finding);
            return Ok(report);
        }
        Err(e) => return Err(e),
    };
    if keep_tail {
        reader.keep_tail();
    }
    let header = reader.header();
    report.header = Some(header);
    let keys = Keys::default();
    let make = || Worker {
        keys: keys.batch(),
        sc: Scratch::default(),
        name: Vec::new(),
        seen: 0,
        used: Used::default(),
        dbs: BTreeSet::new(),
        highest_db: 0,
        last_db: None,
        modules: BTreeSet::new(),
        libraries: Libraries::default(),
        found: Found::default(),
    };
    let outcome = pipe::run(
        reader,
        options.threads,
        make,
        &mut std::io::sink(),
        options.progress,
    );
    let mut parts = Vec::new();
    let mut used = Used::default();
    let mut dbs = BTreeSet::new();
    let mut highest_db = 0;
    let mut modules = BTreeSet::new();
    let mut libraries = Libraries::default();
    for worker in outcome.workers {
        report.keys += worker.seen;
        used.merge(&worker.used);
        for db in worker.dbs {
            tell_apart(&mut dbs, db);
        }
        highest_db = highest_db.max(worker.highest_db);
        modules.extend(worker.modules);
        libraries.merge(worker.libraries);
        parts.push(worker.found);
    }
    report.dbs = dbs.len() as u64;
    let mut found = Found::merged(parts);
    // What concerns the file as a whole is listed whatever else there is.
    let mut whole = Found::default();
    if let Some(e) = outcome.error {
        if !e.kind().is_damage() && e.kind() != ErrorKind::Unsupported {
            return Err(e);
        }
        whole.push(u64::MAX, Finding::from_error(e));
    }
    report.ending = outcome.reader.ending().cloned();
    report.bytes = report
        .ending
        .as_ref()
        .map_or(outcome.reader.position(), |e| e.end);
    let suspects = keys.suspects(options.threads)?;
    match super::dump::duplicates(path.as_deref(), &suspects) {
        Ok(duplicates) => {
            for d in duplicates {
                let mut finding = Finding::refused(
                    "duplicate-key",
                    d.offsets.get(1).copied().unwrap_or_default(),
                    format!(
                        "the key is in the file {} times, at {}",
                        d.times,
                        d.offsets
                            .iter()
                            .map(|o| format!("{o:#x}"))
                            .collect::<Vec<_>>()
                            .join(", ")
                    ),
                );
                finding.place.db = Some(d.db);
                finding.place.key = Some(d.key);
                found.push(u64::MAX, finding);
            }
        }
        Err(e) if e.kind() == ErrorKind::Io => return Err(e),
        Err(e) => {
            let mut finding = Finding::from_error(e);
            finding.code = "duplicate-key";
            whole.push(u64::MAX, finding);
        }
    }
    for finding in libraries.findings() {
        found.push(u64::MAX, finding);
    }
    if let Some(ending) = &report.ending {
        judge_ending(ending, keep_tail, &mut whole);
    }
    *tail = outcome.reader.into_tail();
    if highest_db >= DATABASES {
        whole.push(
            u64::MAX,
            Finding {
                severity: Severity::Note,
                ..Finding::warning(
                    "database",
                    0,
                    format!(
                        "keys in database {highest_db}: a server loads the file only with room for so many (databases; {DATABASES} by default)"
                    ),
                )
            },
        );
    }
    for id in modules {
        let (name, version) = module::name(id);
        whole.push(u64::MAX, Finding::needs_module(&name, version));
    }
    let listed = found.list.into_iter().chain(whole.list).map(|(_, f)| f);
    report.findings = listed.collect();
    report.findings.sort_by_key(|f| f.place.offset);
    report.counts = found.counts;
    report.counts.merge(whole.counts);
    report.used = used;
    Ok(report)
}

fn judge_ending(ending: &Ending, keep_tail: bool, found: &mut Found) {
    if let Some(e) = super::dump::checksum_error(ending) {
        found.push(u64::MAX, Finding::from_error(e));
    }
    let commands = matches!(ending.tail_head.first(), Some(b'*' | b'#'));
    if !keep_tail && ending.tail_len > 0 && !commands {
        found.push(u64::MAX, trailing_bytes(ending.end, ending.tail_len));
    }
}

fn trailing_bytes(end: u64, len: u64) -> Finding {
    let message = format!("{len} bytes behind the end of the RDB: servers ignore them");
    Finding::warning("trailing-bytes", end, message)
}

/// The same, where the tail was kept and turned out to be nothing.
fn trailing(end: u64, len: u64, report: &mut Report) {
    if let Some(ending) = &mut report.ending {
        ending.tail_len = len;
    }
    report.bytes = end + len;
    if len > 0 {
        let mut found = Found::default();
        found.push(u64::MAX, trailing_bytes(end, len));
        report.counts.merge(found.counts);
        report
            .findings
            .extend(found.list.into_iter().map(|(_, f)| f));
    }
}

/// What the checksum alone says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Magic and version.
    pub header: Header,
    /// The checksum.
    pub checksum: Checksum,
    /// Bytes of the RDB, checksum included.
    pub bytes: u64,
    /// Bytes that follow.
    pub tail_len: u64,
}

/// Checks the checksum alone.
///
/// The last 8 bytes of nearly every file are its checksum, so nothing is framed at first. Only where they are not, the
/// file is read again record by record, to find out where the RDB ends.
pub fn checksum_only(mut input: Input, options: &Options<'_>) -> Result<Sum> {
    let name = input.name.clone();
    let path = input.path.clone();
    let result = (|| {
        let header = Header::parse(
            input
                .head
                .get(..9.min(input.head.len()))
                .unwrap_or_default(),
        )?;
        if header.version >= 5 && path.is_some() {
            if let Some(sum) = whole_file(&mut input, header, options)? {
                return Ok(sum);
            }
            input = Input::open(path.as_deref().unwrap_or_else(|| std::path::Path::new("-")))?;
        }
        framed(input, options)
    })();
    result.map_err(|e: Error| e.in_file(&name))
}

fn whole_file(input: &mut Input, header: Header, options: &Options<'_>) -> Result<Option<Sum>> {
    let mut crc = Crc64::new();
    let mut buf = vec![0u8; limits::BLOCK];
    let mut held = 0usize;
    let mut bytes = 0u64;
    loop {
        let n = match input.stream.read(buf.get_mut(held..).unwrap_or_default()) {
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Error::from_io(e, "read").at(bytes)),
        };
        bytes += n as u64;
        (options.progress)(bytes);
        let have = held + n;
        if n == 0 {
            break;
        }
        // Nine bytes are held back: FF and the checksum, if the file ends here.
        let done = have.saturating_sub(9);
        crc.update(buf.get(..done).unwrap_or_default());
        buf.copy_within(done..have, 0);
        held = have - done;
    }
    let Some((&[eof], stored)) = buf.get(..held).and_then(|b| b.split_first_chunk::<1>()) else {
        return Ok(None);
    };
    let Ok(stored) = <[u8; 8]>::try_from(stored) else {
        return Ok(None);
    };
    crc.update(&[eof]);
    let stored = u64::from_le_bytes(stored);
    let good = eof == opcode::EOF && stored != 0 && stored == crc.value();
    Ok(good.then_some(Sum {
        header,
        checksum: Checksum::Match(stored),
        bytes,
        tail_len: 0,
    }))
}

fn framed(input: Input, options: &Options<'_>) -> Result<Sum> {
    let mut reader = Reader::with_sizes(input.stream, input.file, false, input.sizes)?;
    let mut spare = None;
    while let Some(block) = reader.next_block(spare.take())? {
        (options.progress)(reader.position());
        spare = Some(block);
    }
    let Some(ending) = reader.ending() else {
        return Err(Error::truncated(
            reader.position(),
            "the file has no end mark",
        ));
    };
    Ok(Sum {
        header: reader.header(),
        checksum: ending.checksum,
        bytes: ending.end,
        tail_len: ending.tail_len,
    })
}
