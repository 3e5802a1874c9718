//! What `verify` finds in one RESP file.
//!
//! ```text
//! framing      torn-command, bad-format, zero-tail                 the end of the file, with both offsets of recovery
//! malformed    malformed-number, malformed-lf, malformed-separator loads, but no server wrote it
//! commands     unknown-command, unknown-subcommand, module-command, wrong-arity
//! blocks       open-multi, nested-multi, stale-multi, exec-without-multi, discard-in-multi
//! the rest     select-range, bad-select, timestamp, timestamp-order, torn-annotation
//! ```
//!
//! [`Check`] is fed with blocks and gives a [`Report`]; [`crate::aof::verdict`] turns a report into what a server does
//! with the file. A finding names the file offset and the number of the command, from 1. At most
//! [`FINDINGS_LISTED`] findings of a kind are listed; all are counted.
//!
//! What a value means (`WRONGTYPE`, an id that is too small) needs the keyspace, and is not judged here.

use crate::aof::annotation::Annotation;
use crate::aof::block::{Block, Command, State};
use crate::aof::reader::{Big, End, Reader, Step};
use crate::error::Result;
use crate::limits::FINDINGS_LISTED;
use crate::model::commands::{COMMANDS, Found, find};
use crate::model::finding::{Finding, Refused, Severity};
use crate::model::target::{Since, Target};
use crate::resp::decode::{FlawKind, Mark};
use crate::text::quoted;
use std::collections::BTreeMap;
use std::io::Read;

mod tail;

/// Databases that a server has unless it is told otherwise: `SELECT` of a higher one fails, and what follows goes to the
/// database that was selected before.
pub const DATABASES: u32 = 16;

/// Something that makes some servers stop reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StopKind {
    /// An annotation, to servers before 7.0.
    Annotation,
    /// A name that no server here knows.
    Unknown,
    /// A module's command.
    Module,
    /// A subcommand that no server here knows.
    UnknownSub,
    /// Too many or too few arguments.
    Arity,
    /// `DISCARD` inside a block: every loader crashes at its end.
    Discard,
}

/// The first command of a [`StopKind`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopAt {
    /// Offset of the command.
    pub at: u64,
    /// Its name (and, for an unknown subcommand, that), as it stands in the file; shortened if it is long.
    pub name: Vec<u8>,
    /// The subcommand.
    pub sub: Vec<u8>,
}

/// How a command of the table occurs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Its index in the table.
    pub row: usize,
    /// How often.
    pub count: u64,
    /// In how many bytes of the file.
    pub bytes: u64,
    /// Offset of the first one.
    pub first_at: u64,
}

/// What was found in a file.
#[derive(Debug, Clone)]
pub struct Report {
    /// The findings in the order of the file.
    pub findings: Vec<Finding>,
    /// How many there are of each code.
    pub counts: BTreeMap<&'static str, u64>,
    /// The commands of [`COMMANDS`] that occur, in the order of the table.
    pub usage: Vec<Usage>,
    /// The first command of each kind that stops some servers.
    pub stops: BTreeMap<StopKind, StopAt>,
    /// The time of its first `#TS:` line.
    pub first_time: Option<i64>,
    /// The end of the file.
    pub end: End,
}

impl Report {
    /// Whether the file is damaged (as opposed to: has something worth knowing).
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Damage)
    }

    /// The first command that a server does not know, by its table: the offset and the row's index.
    #[must_use]
    pub fn first_unknown_to(&self, target: &Target) -> Option<(u64, usize)> {
        self.usage
            .iter()
            .filter(|usage| COMMANDS.get(usage.row).is_some_and(|c| !c.known_to(target)))
            .map(|usage| (usage.first_at, usage.row))
            .min()
    }
}

/// Judges a file as its blocks go by.
#[derive(Debug)]
pub struct Check {
    findings: Vec<Finding>,
    counts: BTreeMap<&'static str, u64>,
    usage: Vec<Usage>,
    stops: BTreeMap<StopKind, StopAt>,
    /// Where the first `SELECT` stands that an open block did not start with: there a server may have been restarted.
    boundary: Option<u64>,
    /// Whether the command before was a `MULTI`.
    after_multi: bool,
    first_time: Option<i64>,
    databases: u32,
}

impl Default for Check {
    fn default() -> Check {
        Check {
            findings: Vec::new(),
            counts: BTreeMap::new(),
            usage: vec![Usage::default(); COMMANDS.len()],
            stops: BTreeMap::new(),
            boundary: None,
            after_multi: false,
            first_time: None,
            databases: DATABASES,
        }
    }
}

/// Reads a RESP file to its end and judges it. `at` is the offset of the first byte in the file.
///
/// # Errors
/// Only what the operating system reports.
pub fn check(src: impl Read, at: u64) -> Result<Report> {
    let mut reader = Reader::new(src, at);
    let mut block = Block::default();
    let mut check = Check::default();
    loop {
        match reader.next(&mut block)? {
            Step::Block => check.block(&block),
            Step::Big(big) => check.big(big)?,
            Step::End(end) => return Ok(check.end(end)),
        }
    }
}

impl Check {
    /// A check that stands at the start of a file.
    #[must_use]
    pub fn new() -> Check {
        Check::default()
    }

    /// Judges the commands of a block.
    pub fn block(&mut self, block: &Block) {
        let mut flaws = block.table.flaws.iter().peekable();
        for command in block.commands() {
            if command.mark == Some(Mark::Annotation) {
                self.annotation(&command);
            } else {
                let argv = command.argv;
                let found = find(&argv);
                let arg = |index| argv.get(index).unwrap_or_default();
                let size = command.end - command.at;
                self.command(
                    command.at,
                    size,
                    &command.state,
                    found,
                    arg(0),
                    arg(1),
                    argv.len(),
                );
                self.mark(&command);
            }
            while let Some(flaw) = flaws.next_if(|f| f.item == command.index) {
                let at = block.at + u64::from(flaw.at);
                self.flaw(at, &command.state, flaw.kind, flaw.arg);
            }
        }
    }

    /// Judges a big command, reading it to its end.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn big<R: Read>(&mut self, mut big: Big<'_, R>) -> Result<()> {
        let (at, argc, state) = (big.at(), big.argc(), big.state());
        let mut words: [Vec<u8>; 2] = [Vec::new(), Vec::new()];
        let mut end = at;
        let mut flaws = Vec::new();
        while let Some(piece) = big.next_piece()? {
            end = piece.at + piece.bytes.len() as u64;
            if let Some(word) = words.get_mut(piece.arg as usize)
                && word.len() < SHOWN
            {
                word.extend(piece.bytes.iter().take(SHOWN));
            }
            if big.flaws().len() > flaws.len() {
                flaws = big.flaws().to_vec();
            }
        }
        if !big.is_complete() {
            return Ok(());
        }
        let [name, sub] = words;
        let mut argv: Vec<&[u8]> = vec![&name];
        if argc > 1 {
            argv.push(&sub);
        }
        self.command(
            at,
            end - at,
            &state,
            find(&argv),
            &name,
            &sub,
            argc as usize,
        );
        self.after_multi = false;
        for flaw in flaws {
            self.flaw(flaw.at, &state, flaw.kind, flaw.arg);
        }
        Ok(())
    }

    /// Settles the report.
    #[must_use]
    pub fn end(mut self, end: End) -> Report {
        self.tail(&end);
        let usage = self.used();
        Report {
            findings: self.findings,
            counts: self.counts,
            usage,
            stops: self.stops,
            first_time: self.first_time,
            end,
        }
    }

    /// What was used of the table: of a log in many files every one has a report, and most use little.
    fn used(&mut self) -> Vec<Usage> {
        let used = self.usage.iter().enumerate().filter(|(_, u)| u.count > 0);
        used.map(|(row, usage)| Usage { row, ..*usage }).collect()
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "a command in its parts, whether it is in a block or big"
    )]
    fn command(
        &mut self,
        at: u64,
        bytes: u64,
        state: &State,
        found: Found,
        name: &[u8],
        sub: &[u8],
        argc: usize,
    ) {
        match found {
            Found::Command(row) => {
                if let Some(usage) = self.usage.get_mut(usize::from(row.index)) {
                    if usage.count == 0 {
                        usage.first_at = at;
                    }
                    usage.count += 1;
                    usage.bytes += bytes;
                }
                if !row.takes(argc) {
                    self.stop(StopKind::Arity, at, name, sub);
                    let message = format!(
                        "{} with {argc} {}, where it takes {}{}",
                        quoted(name),
                        if argc == 1 { "word" } else { "words" },
                        if row.arity < 0 { "at least " } else { "" },
                        row.arity.unsigned_abs(),
                    );
                    // Valkey looks, from 8.1 on at the latest; Redis runs the command with whatever lies behind its
                    // arguments, and crashes if it is unlucky.
                    let refused = Refused::With(Since {
                        redis: None,
                        valkey: Some((8, 0)),
                    });
                    self.add("wrong-arity", Severity::Damage, at, state, refused, message);
                }
                if row.name == "discard" && state.multi.is_some() {
                    self.stop(StopKind::Discard, at, name, b"");
                    let message = "DISCARD inside a MULTI: servers crash at its end";
                    self.add(
                        "discard-in-multi",
                        Severity::Damage,
                        at,
                        state,
                        Refused::Always,
                        message,
                    );
                }
            }
            Found::Module => {
                self.stop(StopKind::Module, at, name, b"");
                let message = format!(
                    "{}: a module's command, which a server without it does not load",
                    shown(name)
                );
                self.add(
                    "module-command",
                    Severity::Warning,
                    at,
                    state,
                    Refused::Never,
                    message,
                );
            }
            Found::Unknown => {
                self.stop(StopKind::Unknown, at, name, b"");
                let message = format!("no server has a command {}", shown(name));
                self.add(
                    "unknown-command",
                    Severity::Damage,
                    at,
                    state,
                    Refused::Always,
                    message,
                );
            }
            Found::NoSuchSub(row) => {
                self.stop(StopKind::UnknownSub, at, name, sub);
                let message = format!("{} has no subcommand {}", row.name, shown(sub));
                let refused = Refused::With(Since::both((7, 0)));
                self.add(
                    "unknown-subcommand",
                    Severity::Damage,
                    at,
                    state,
                    refused,
                    message,
                );
            }
        }
    }

    /// MULTI, EXEC and SELECT.
    fn mark(&mut self, command: &Command<'_>) {
        let Command { at, state, .. } = *command;
        let after_multi =
            std::mem::replace(&mut self.after_multi, command.mark == Some(Mark::Multi));
        match command.mark {
            Some(Mark::Multi) => {
                if let Some(open) = state.multi {
                    let message = match self.boundary.take() {
                        Some(boundary) => format!(
                            "a MULTI while the one at {open:#x} is open; that one seems to have been cut short by a \
                             restart at {boundary:#x}, and servers will run its half with this block"
                        ),
                        None => format!(
                            "a MULTI while the one at {open:#x} is open: servers run all of it at the next EXEC"
                        ),
                    };
                    self.add(
                        "nested-multi",
                        Severity::Damage,
                        at,
                        &state,
                        Refused::Never,
                        message,
                    );
                }
                self.boundary = None;
            }
            Some(Mark::Exec) => {
                if state.multi.is_none() {
                    let message = "an EXEC without MULTI, which servers pass over";
                    self.add(
                        "exec-without-multi",
                        Severity::Damage,
                        at,
                        &state,
                        Refused::Never,
                        message,
                    );
                }
                self.boundary = None;
            }
            Some(Mark::Select(db)) => {
                if state.multi.is_some() && !after_multi {
                    self.boundary.get_or_insert(at);
                }
                match db {
                    None => {
                        let db = command.argv.get(1).unwrap_or_default();
                        let message =
                            format!("SELECT {}: servers stay in db {}", shown(db), state.db);
                        self.add(
                            "bad-select",
                            Severity::Damage,
                            at,
                            &state,
                            Refused::Never,
                            message,
                        );
                    }
                    Some(db) if db >= self.databases => {
                        let message = format!(
                            "SELECT {db}: a server with {} databases stays in db {} and writes what follows there",
                            self.databases, state.db
                        );
                        self.add(
                            "select-range",
                            Severity::Warning,
                            at,
                            &state,
                            Refused::Never,
                            message,
                        );
                    }
                    Some(_) => {}
                }
            }
            Some(Mark::Annotation) | None => {}
        }
    }

    fn annotation(&mut self, command: &Command<'_>) {
        let Command { at, state, .. } = *command;
        self.stop(StopKind::Annotation, at, b"#", b"");
        match command.annotation() {
            Some(Annotation::BadTimestamp(text)) => {
                let message = format!("a timestamp of {}", shown(text));
                self.add(
                    "timestamp",
                    Severity::Warning,
                    at,
                    &state,
                    Refused::Never,
                    message,
                );
            }
            Some(Annotation::Timestamp(time)) => {
                self.first_time.get_or_insert(time);
                if let Some(before) = state.time.filter(|&before| before > time) {
                    let message = format!("the time goes back from {before} to {time}");
                    self.add(
                        "timestamp-order",
                        Severity::Warning,
                        at,
                        &state,
                        Refused::Never,
                        message,
                    );
                }
            }
            Some(Annotation::Other(_)) | None => {}
        }
    }

    fn flaw(&mut self, at: u64, state: &State, kind: FlawKind, arg: Option<u32>) {
        let (code, severity, message) = match kind {
            FlawKind::Number => (
                "malformed-number",
                Severity::Warning,
                "a number that is not written as servers do; it loads",
            ),
            FlawKind::BareLf => (
                "malformed-lf",
                Severity::Warning,
                "a line that ends in LF without CR; it loads",
            ),
            FlawKind::Separator => (
                "malformed-separator",
                Severity::Damage,
                "an argument is not followed by CRLF; servers skip two bytes and load it",
            ),
        };
        self.add(code, severity, at, state, Refused::Never, message);
        if let Some(arg) = arg
            && let Some(last) = self.findings.last_mut().filter(|f| f.code == code)
        {
            last.place.path.push(argument(arg));
        }
    }

    fn stop(&mut self, kind: StopKind, at: u64, name: &[u8], sub: &[u8]) {
        let short = |text: &[u8]| text.get(..SHOWN).unwrap_or(text).to_vec();
        self.stops.entry(kind).or_insert_with(|| StopAt {
            at,
            name: short(name),
            sub: short(sub),
        });
    }

    fn add(
        &mut self,
        code: &'static str,
        severity: Severity,
        at: u64,
        state: &State,
        refused: Refused,
        message: impl Into<String>,
    ) {
        let count = self.counts.entry(code).or_default();
        *count += 1;
        if *count > FINDINGS_LISTED as u64 {
            return;
        }
        let mut finding = Finding::warning(code, at, message);
        finding.severity = severity;
        finding.refused = refused;
        finding.place.db = Some(u64::from(state.db));
        finding
            .place
            .path
            .push(format!("command {}", state.commands + 1));
        self.findings.push(finding);
    }
}

/// How much of a name is kept and shown.
const SHOWN: usize = 128;

fn shown(text: &[u8]) -> String {
    match text.get(..SHOWN) {
        Some(start) if text.len() > SHOWN => format!("{}… ({} bytes)", quoted(start), text.len()),
        _ => quoted(text).to_string(),
    }
}

fn argument(arg: u32) -> String {
    match arg {
        0 => "the command's name".to_owned(),
        arg => format!("argument {arg}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(args: &[&str]) -> Vec<u8> {
        let mut out = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            out.extend_from_slice(format!("${}\r\n{arg}\r\n", arg.len()).as_bytes());
        }
        out
    }

    fn log(lines: &str) -> Vec<u8> {
        let mut out = Vec::new();
        for line in lines.split('|') {
            if line.starts_with('#') {
                out.extend_from_slice(format!("{line}\r\n").as_bytes());
            } else {
                out.extend(command(&line.split(' ').collect::<Vec<_>>()));
            }
        }
        out
    }

    fn codes(bytes: &[u8]) -> Vec<&'static str> {
        let report = check(bytes, 0).unwrap();
        for f in &report.findings {
            assert!(f.place.offset.unwrap() <= bytes.len() as u64);
        }
        report.findings.iter().map(|f| f.code).collect()
    }

    #[test]
    fn a_healthy_log_has_no_findings() {
        let bytes = log(
            "SELECT 0|#TS:5|set a b|MULTI|SELECT 3|INCR n|EXEC|#TS:5|XGROUP CREATE s g $ MKSTREAM|#x",
        );
        let report = check(&bytes[..], 0).unwrap();
        assert!(report.findings.is_empty() && !report.is_damaged());
        let used: u64 = report.usage.iter().map(|u| u.count).sum();
        let bytes_used: u64 = report.usage.iter().map(|u| u.bytes).sum();
        assert_eq!((used, bytes_used), (7, bytes.len() as u64 - 7 - 7 - 4));
        assert!(codes(b"").is_empty());
    }

    #[test]
    fn commands_are_judged() {
        for (lines, expected) in [
            ("NOSUCH a", "unknown-command"),
            ("JSON.SET a $ 1", "module-command"),
            ("XGROUP NOSUCH a", "unknown-subcommand"),
            ("SET a", "wrong-arity"),
            ("GET a b", "wrong-arity"),
            ("SELECT 16", "select-range"),
            ("SELECT 01", "bad-select"),
            ("SELECT -1", "bad-select"),
            ("EXEC", "exec-without-multi"),
            ("MULTI|SET a b", "open-multi"),
            ("MULTI|SELECT 0|SET a b", "open-multi"),
            ("MULTI|SET a b|SELECT 0|SET c d", "stale-multi"),
            ("MULTI|SET a b|SELECT 0|SET c d|EXEC", ""),
            ("MULTI|SET a b|MULTI|SET c d|EXEC", "nested-multi"),
            ("MULTI|DISCARD|EXEC", "discard-in-multi"),
            ("#TS:x", "timestamp"),
            ("#TS:5|#TS:4", "timestamp-order"),
        ] {
            assert_eq!(codes(&log(lines)).join(" "), expected, "{lines}");
        }
    }

    #[test]
    fn tails_are_judged() {
        let good = log("SELECT 0|SET a b");
        for (tail, expected) in [
            (&b"\0\0\0"[..], "zero-tail"),
            (b"junk", "bad-format"),
            (b"*2\r\n$3\r\nGE", "torn-command"),
            (b"#TS:5", "torn-annotation"),
            (b"*1\r\n$5\r\nMULTI\r\n*1\r", "open-multi torn-command"),
            (b"*1\r\n$-1\r\n", "bad-format"),
            (
                b"*+1\r\n$04\r\nPING\r\n",
                "malformed-number malformed-number",
            ),
            (
                b"*1\n$4\nPING??",
                "malformed-lf malformed-separator malformed-lf",
            ),
        ] {
            let bytes = [&good[..], tail].concat();
            assert_eq!(codes(&bytes).join(" "), expected, "{tail:?}");
        }
        let report = check(&[&good[..], b"*2\r\n$3\r\nGE"].concat()[..], 0).unwrap();
        let f = &report.findings[0];
        assert_eq!(f.place.offset, Some(good.len() as u64));
        assert_eq!(
            f.message,
            "the file ends inside a command, in the command's name, which claims 3 bytes; 10 bytes after the last whole command"
        );
        assert_eq!(f.place.path, ["command 3"]);
    }

    #[test]
    fn findings_are_bounded() {
        let bytes = b"*1\r\n$2\r\nNO\r\n".repeat(FINDINGS_LISTED + 5);
        let report = check(&bytes[..], 0).unwrap();
        assert_eq!(report.findings.len(), FINDINGS_LISTED);
        assert_eq!(report.counts["unknown-command"], FINDINGS_LISTED as u64 + 5);
        let name = "x".repeat(2 << 20);
        let report = check(&command(&[&name, "y"])[..], 0).unwrap();
        assert_eq!(report.findings[0].code, "unknown-command");
        assert!(report.findings[0].message.len() < 300);
    }
}
