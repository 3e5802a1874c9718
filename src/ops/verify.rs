//! `verify`: every problem that can be reached, where it is, and which servers would load the file.

use crate::error::{Error, ErrorKind, Result};
use crate::input::checksum::Crc64;
use crate::input::open::Input;
use crate::limits;
use crate::model::finding::{Finding, Severity};
use crate::model::kind::Flavour;
use crate::model::target::{Since, TARGETS, Target};
use crate::pipe::{self, Flow, Out};
use crate::rdb::frame::{Block, Checksum, Ending, Header, Reader, Record, What};
use crate::rdb::keys::{Batch, Keys};
use crate::rdb::types::{self, TypeRow};
use crate::rdb::visit::Visit;
use crate::rdb::walk::{self, Scratch};
use crate::rdb::{check, opcode};
use std::io::Read;

pub mod aof;

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
    /// Keys read.
    pub keys: u64,
    /// Databases with keys.
    pub dbs: u64,
    /// The problems, in the order of the file.
    pub findings: Vec<Finding>,
    /// Problems beyond those listed.
    pub more: u64,
    /// How the file ended; `None` where reading stopped before.
    pub ending: Option<Ending>,
    /// Which servers know everything that stands in the file.
    reads: Vec<bool>,
}

impl Report {
    /// Whether the file is damaged.
    #[must_use]
    pub fn damaged(&self) -> bool {
        self.more > 0 || self.findings.iter().any(|f| f.severity == Severity::Damage)
    }

    /// Whether that server would load the file.
    #[must_use]
    pub fn loads(&self, target: &Target) -> bool {
        let known = TARGETS.iter().position(|t| t.name == target.name);
        known
            .and_then(|i| self.reads.get(i))
            .copied()
            .unwrap_or(false)
            && !self.findings.iter().any(|f| f.refused.by(target))
    }
}

/// Type codes and opcodes that stand in a file.
#[derive(Debug, Default, Clone, Copy)]
struct Used {
    types: u64,
    opcodes: [u64; 4],
}

impl Used {
    fn row(&mut self, row: &TypeRow) {
        self.types |= 1 << (row.code & 63);
    }

    fn op(&mut self, op: u8) {
        if let Some(word) = self.opcodes.get_mut(usize::from(op >> 6)) {
            *word |= 1 << (op & 63);
        }
    }

    fn has(&self, op: u8) -> bool {
        self.opcodes
            .get(usize::from(op >> 6))
            .is_some_and(|word| word & (1 << (op & 63)) != 0)
    }

    fn merge(&mut self, other: &Used) {
        self.types |= other.types;
        for (a, b) in self.opcodes.iter_mut().zip(other.opcodes) {
            *a |= b;
        }
    }
}

struct Worker<'a> {
    keys: Batch<'a>,
    sc: Scratch,
    name: Vec<u8>,
    seen: u64,
    used: Used,
    dbs: Vec<u64>,
    found: Found,
}

/// Findings, listed up to a limit.
#[derive(Default)]
struct Found {
    list: Vec<Finding>,
    more: u64,
}

impl Found {
    fn push(&mut self, finding: Finding) {
        if self.list.len() < limits::FINDINGS_LISTED {
            self.list.push(finding);
        } else {
            self.more += 1;
        }
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
        self.found.push(finding);
        Ok(())
    }

    fn empty(&mut self) -> Result<()> {
        self.finding(Finding::warning(
            "empty-key",
            self.record.offset(),
            "a key without elements: servers since 6.2 leave it out when they load the file",
        ))
    }
}

impl pipe::Work for Worker<'_> {
    fn block(&mut self, block: &Block, _out: &mut Out<'_, '_>) -> Result<Flow> {
        for record in block.records() {
            match record.frame.what {
                What::Key(row) => self.key(&record, row)?,
                What::Record(op) => {
                    self.used.op(op);
                    if let Err(e) = check::record(&record, op, &mut self.sc) {
                        self.found.push(Finding::from_error(e));
                    }
                }
            }
        }
        self.keys.flush()?;
        Ok(Flow::More)
    }
}

impl Worker<'_> {
    #[inline]
    fn key(&mut self, record: &Record<'_>, row: &'static TypeRow) -> Result<()> {
        self.seen += 1;
        self.used.row(row);
        let db = record.frame.db;
        if self.dbs.last() != Some(&db) {
            self.dbs.push(db);
            self.dbs.sort_unstable();
            self.dbs.dedup();
        }
        let name = match record.key(&mut self.name) {
            Ok(name) => name,
            Err(e) => {
                self.found.push(Finding::from_error(e));
                return Ok(());
            }
        };
        self.keys.add(db, name);
        if record.meta().is_some() {
            self.used.op(opcode::KEY_META);
        }
        if record.frame.attrs.noevict {
            self.used.op(opcode::KEY_NOEVICT);
        }
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
            self.found.push(finding);
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
fn run(
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
        findings: Vec::new(),
        more: 0,
        ending: None,
        reads: vec![false; TARGETS.len()],
    };
    let mut reader = match Reader::new(input.stream, input.file, true) {
        Ok(reader) => reader,
        Err(e) if e.kind().is_damage() => {
            report.findings.push(Finding::from_error(e));
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
        dbs: Vec::new(),
        found: Found::default(),
    };
    let outcome = pipe::run(
        reader,
        options.threads,
        make,
        &mut std::io::sink(),
        options.progress,
    );
    let mut found = Found::default();
    let mut used = Used::default();
    let mut dbs = Vec::new();
    for worker in outcome.workers {
        report.keys += worker.seen;
        used.merge(&worker.used);
        dbs.extend(worker.dbs);
        found.list.extend(worker.found.list);
        found.more += worker.found.more;
    }
    dbs.sort_unstable();
    dbs.dedup();
    report.dbs = dbs.len() as u64;
    found.list.sort_by_key(|f| f.place.offset);
    if let Some(e) = outcome.error {
        if !e.kind().is_damage() && e.kind() != ErrorKind::Unsupported {
            return Err(e);
        }
        found.push(Finding::from_error(e));
    }
    report.ending = outcome.reader.ending().cloned();
    let suspects = keys.suspects()?;
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
                found.push(finding);
            }
        }
        Err(e) if e.kind() == ErrorKind::Io => return Err(e),
        Err(e) => {
            let mut finding = Finding::from_error(e);
            finding.code = "duplicate-key";
            found.push(finding);
        }
    }
    if let Some(ending) = &report.ending {
        judge_ending(ending, keep_tail, &mut found);
    }
    *tail = outcome.reader.into_tail();
    report.findings = found.list;
    report.more = found.more;
    for (target, reads) in TARGETS.iter().zip(&mut report.reads) {
        *reads = reads_all(target, header, &used);
    }
    Ok(report)
}

fn judge_ending(ending: &Ending, keep_tail: bool, found: &mut Found) {
    if let Some(e) = super::dump::checksum_error(ending) {
        found.push(Finding::from_error(e));
    }
    let commands = matches!(ending.tail_head.first(), Some(b'*' | b'#'));
    if !keep_tail && ending.tail_len > 0 && !commands {
        found.push(trailing_bytes(ending.end, ending.tail_len));
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
    if len > 0 {
        report.findings.push(trailing_bytes(end, len));
    }
}

/// Who knows the records that are no keys.
fn opcode_since(flavour: Flavour, op: u8) -> Since {
    match (op, flavour) {
        (opcode::AUX | opcode::RESIZEDB, _) => Since::both((3, 2)),
        (opcode::MODULE_AUX, _) => Since::both((5, 0)),
        (opcode::FUNCTION2, _) => Since::both((7, 0)),
        (opcode::SLOT_INFO, _) => Since {
            redis: Some((7, 4)),
            valkey: Some((8, 0)),
        },
        (opcode::SLOT_IMPORT, Flavour::Valkey) => Since::valkey((9, 0)),
        (opcode::KEY_META, Flavour::Redis) => Since::redis((8, 6)),
        (opcode::HASH_TEMPLATE, Flavour::Redis) => Since::redis((8, 10)),
        _ => Since::NONE,
    }
}

fn reads_all(target: &Target, header: Header, used: &Used) -> bool {
    target.opens(header.flavour, header.version)
        && types::rows(header.flavour)
            .filter(|row| used.types & (1 << row.code) != 0)
            .all(|row| target.has(row.since))
        && (opcode::KEY_NOEVICT..=opcode::SELECTDB)
            .filter(|op| used.has(*op))
            .all(|op| target.has(opcode_since(header.flavour, op)))
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
    let mut reader = Reader::new(input.stream, input.file, false)?;
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
