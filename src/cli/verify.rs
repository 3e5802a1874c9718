//! `redisk verify`.
//!
//! A [`Verdict`] is what came of one path, as a line of text, a report for people or a JSON object.

use super::Context;
use super::doc::{self, Doc};
use super::exit::{CODES, Exit};
use super::input::{self, Machine};
use super::output;
use super::progress::Progress;
use super::text::{self, Paint};
use super::verify_aof;
use crate::error::{Error, Place, Result};
use crate::input::open::Content;
use crate::model::finding::{Finding, Refused, Severity};
use crate::model::target::{self, TARGETS, Target};
use crate::model::units;
use crate::ops::verify::aof::{self, Verified};
use crate::ops::verify::{self, Options, Report, Sum};
use crate::rdb::frame::{Checksum, Header};
use crate::source::aof::{Source, foreign};
use std::path::{Path, PathBuf};

/// The fields of the JSON document, for the manual.
const FIELDS: &str = r#"JSON document:
  An object, or an array of them for several files; what is not known is null:
    "file", "verdict": intact, damaged, unsummed (--checksum-only), foreign, error; "kind": rdb, aof, aof-set
    "message" (foreign), "error":{"kind","file","offset","db","key","path","message"}
    "findings":[{"code","severity","offset","db","key","path","message","refused_by"}], of an append-only file with
    "file"; severity: damage, warning, note; refused_by: names of servers
  Of an RDB file:
    "magic", "version", "codecs", "bytes", "keys", "databases", "checksum":{"state","stored","computed"}, "tail_bytes",
    "damage", "warnings", "notes" (how many of each), "loads_in":[servers], "target":{"name","loads","reasons"}
  Of an append-only file:
    "manifest", "commands", "files":[{"file","role","seq","bytes","last","rdb_version","keys","commands","valid_up_to",
    "valid_before_multi","zeros_from"}], "more" (findings that are not listed)
    "servers":[{"name","loads","load_truncated_yes","load_truncated_no","corrupt_tail_above","load_corrupt_tail"}]: what
    each does with aof-load-truncated yes and no, and with an aof-load-corrupt-tail-max-size above so many bytes, as
    {"does","file","offset","cuts_to","message"}; does: loads, truncates, refuses, crashes, undefined, ignores"#;

/// Whether a file is whole, down to the last element, and which servers would load it.
///
/// Checks the checksum and every structure, looks for keys and members that occur twice, and names each problem with
/// its place and with what servers make of it. A file without a checksum is checked all the same, and called unsummed.
///
/// Of an append-only file or a set of files: the framing, every command by its name and arity, transactions, the
/// manifest and what lies beside it, the RDB base, and what servers do with the whole, with aof-load-truncated yes and no.
///
/// --target asks about one server: exit code 1 where it would not load the file, with the reasons.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{FIELDS}\n\n{CODES}"))]
pub(super) struct Args {
    /// The files, compressed or not, or the folders of multi-part AOFs; `-` is standard input. The worst exit code counts.
    #[arg(required = true, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
    /// One JSON document: an object, or an array of them for several files.
    #[arg(long)]
    json: bool,
    /// Whether this server would load it: redis-2.8 to redis-8.10, valkey-7.2 to valkey-9.1.
    #[arg(long, value_name = "SERVER", hide_possible_values = true, value_parser = super::input::servers())]
    target: Option<String>,
    /// The checksum alone, many times faster. A file without one cannot be judged so: exit code 2.
    #[arg(long, conflicts_with = "target")]
    checksum_only: bool,
    #[command(flatten)]
    machine: Machine,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    let threads = args.machine.threads()?;
    let target = args.target.as_deref().and_then(Target::from_name);
    let mut worst = Exit::Done;
    let mut documents = Vec::new();
    for path in &args.paths {
        let verdict = judge(path, threads, args.checksum_only, cx);
        worst = worst.max(verdict.exit(target));
        if let Outcome::Failed(e) = &verdict.outcome {
            cx.error(e);
        }
        if args.json {
            documents.push(verdict.json(target, cx));
        } else {
            let mut text = verdict.text(target, cx.paint(&std::io::stdout()));
            if verdict.word() == "damaged" {
                text.extend(super::repair::hint(&verdict.name, cx));
            }
            output::print(&text)?;
        }
    }
    if args.json {
        output::print(&doc::document(documents).pretty())?;
    }
    Ok(worst)
}

/// What came of one path.
struct Verdict {
    name: String,
    outcome: Outcome,
}

enum Outcome {
    /// An RDB file, looked through.
    Report(Box<Report>),
    /// An append-only file.
    Aof(Box<aof::Report>),
    /// Its checksum alone.
    Sum(Sum),
    /// No persistence file; what is there instead.
    Foreign(&'static str),
    /// It could not be judged.
    Failed(Error),
}

fn judge(path: &Path, threads: usize, checksum_only: bool, cx: &Context) -> Verdict {
    let outcome = look(path, threads, checksum_only, cx);
    Verdict {
        name: path.to_string_lossy().into_owned(),
        outcome: outcome.unwrap_or_else(Outcome::Failed),
    }
}

fn look(path: &Path, threads: usize, checksum_only: bool, cx: &Context) -> Result<Outcome> {
    let source = Source::open(path)?;
    let size = match &source {
        Source::File(input) => input.size.filter(|_| input.codecs.is_empty()),
        Source::Set(set) => set.in_load_order().map(|m| m.size()).sum(),
    };
    let progress = Progress::new(cx, size, false);
    let options = Options {
        threads,
        progress: &|bytes| progress.at(bytes),
    };
    let input = match source {
        Source::Set(_) if checksum_only => {
            return Err(Error::usage("--checksum-only goes with RDB files"));
        }
        Source::Set(set) => {
            let report = aof::set(&path.to_string_lossy(), set, &options)?;
            return Ok(Outcome::Aof(Box::new(report)));
        }
        Source::File(input) => input,
    };
    match input.content() {
        Content::Unknown => return Ok(Outcome::Foreign(foreign(&input.head))),
        Content::Jsonl | Content::Manifest => input::only_rdb(&input, "verify")?,
        _ if checksum_only => {
            input::only_rdb(&input, "verify")?;
            return verify::checksum_only(input, &options).map(Outcome::Sum);
        }
        _ => {}
    }
    Ok(match aof::file(input, &options)? {
        Verified::Rdb(report) => Outcome::Report(Box::new(report)),
        Verified::Aof(report) => Outcome::Aof(Box::new(report)),
    })
}

impl Verdict {
    fn exit(&self, target: Option<&Target>) -> Exit {
        match &self.outcome {
            Outcome::Report(report) => {
                let loads = target.is_none_or(|t| report.loads(t));
                if report.damaged() || !loads {
                    Exit::No
                } else {
                    Exit::Done
                }
            }
            Outcome::Aof(report) => verify_aof::exit(report, target),
            Outcome::Sum(sum) => match sum.checksum {
                Checksum::Match(_) => Exit::Done,
                Checksum::Mismatch { .. } => Exit::No,
                Checksum::Absent | Checksum::Disabled => Exit::Failed,
            },
            Outcome::Foreign(_) => Exit::No,
            Outcome::Failed(e) => Exit::of(e),
        }
    }

    /// One word for scripts.
    fn word(&self) -> &'static str {
        match &self.outcome {
            Outcome::Report(report) if report.damaged() => "damaged",
            Outcome::Report(_) => "intact",
            Outcome::Aof(report) if report.damaged() => "damaged",
            Outcome::Aof(_) => "intact",
            Outcome::Sum(sum) => match sum.checksum {
                Checksum::Match(_) => "intact",
                Checksum::Mismatch { .. } => "damaged",
                Checksum::Absent | Checksum::Disabled => "unsummed",
            },
            Outcome::Foreign(_) => "foreign",
            Outcome::Failed(e) if e.kind().is_damage() => "damaged",
            Outcome::Failed(_) => "error",
        }
    }

    /// The report for people.
    fn text(&self, target: Option<&Target>, paint: Paint) -> String {
        let name = text::name(&self.name);
        let word = |colour: &str, word: &str| format!("{name}: {}", paint.with(colour, word));
        let judged = |damaged, warnings| match (damaged, warnings) {
            (true, _) => word(text::RED, "damaged"),
            (false, 0) => word(text::GREEN, "intact"),
            (false, n) => {
                let warnings = text::count(n, "warning", "warnings");
                format!("{}, {warnings}", word(text::GREEN, "intact"))
            }
        };
        match &self.outcome {
            Outcome::Report(report) => {
                let verdict = judged(report.damaged(), report.counts.warnings);
                verdict + "\n" + &report_text(report, target, paint)
            }
            Outcome::Aof(report) => {
                let verdict = judged(report.damaged(), report.warnings());
                verdict + "\n" + &verify_aof::text(report, target, paint)
            }
            Outcome::Sum(sum) => {
                let verdict = match sum.checksum {
                    Checksum::Match(_) => word(text::GREEN, "intact"),
                    Checksum::Mismatch { .. } => word(text::RED, "damaged"),
                    Checksum::Absent | Checksum::Disabled => word(text::YELLOW, "unsummed"),
                };
                let tail = match sum.tail_len {
                    0 => String::new(),
                    n => format!("; {} follow", text::count(n, "byte", "bytes")),
                };
                format!("{verdict}: {}{tail}\n", checksum_text(sum.checksum))
            }
            Outcome::Foreign(found) => {
                let verdict = word(text::RED, "not a persistence file");
                format!("{verdict}: {found}\n")
            }
            // The error stands on stderr.
            Outcome::Failed(_) => String::new(),
        }
    }

    /// The object for scripts.
    fn json(&self, target: Option<&Target>, cx: &Context) -> Doc {
        let mut fields = vec![
            ("file", self.name.as_str().into()),
            ("verdict", self.word().into()),
        ];
        match &self.outcome {
            Outcome::Report(report) => report_json(report, target, cx, &mut fields),
            Outcome::Aof(report) => verify_aof::json(report, target, cx, &mut fields),
            Outcome::Sum(sum) => {
                fields.push(("kind", "rdb".into()));
                header_json(Some(sum.header), &mut fields);
                fields.push(("bytes", sum.bytes.into()));
                fields.push(("checksum", checksum_json(Some(sum.checksum))));
                fields.push(("tail_bytes", sum.tail_len.into()));
            }
            Outcome::Foreign(found) => fields.push(("message", (*found).into())),
            Outcome::Failed(e) => {
                fields.push(("error", cx.object(e.kind().name(), e.place(), e.message())));
            }
        }
        Doc::Fields(fields)
    }
}

pub(super) fn checksum_text(checksum: Checksum) -> String {
    match checksum {
        Checksum::Match(sum) => format!("the checksum matches ({sum:016x})"),
        Checksum::Mismatch { stored, computed } => {
            format!("the checksum is {stored:016x}, and the bytes give {computed:016x}")
        }
        Checksum::Absent => "this version has no checksum".to_owned(),
        Checksum::Disabled => "written without a checksum (rdbchecksum no)".to_owned(),
    }
}

fn report_text(report: &Report, target: Option<&Target>, paint: Paint) -> String {
    let mut lines = Vec::new();
    if let Some(header) = report.header {
        let codecs = match report.codecs.as_slice() {
            [] => String::new(),
            codecs => format!(", {} undone", codecs.join(" and ")),
        };
        lines.push(format!(
            "RDB version {} ({}), {} in {}, {}{codecs}",
            header.version,
            header.flavour.magic(),
            text::count(report.keys, "key", "keys"),
            text::count(report.dbs, "database", "databases"),
            units::format_bytes(report.bytes),
        ));
    }
    match &report.ending {
        Some(ending) => {
            match ending.checksum {
                // It is among the findings.
                Checksum::Mismatch { .. } => {}
                Checksum::Match(_) => lines.push(checksum_text(ending.checksum)),
                Checksum::Absent | Checksum::Disabled => lines.push(format!(
                    "unsummed: {}, so changed data can look sound",
                    checksum_text(ending.checksum)
                )),
            }
            // A tail that is no AOF is among the findings, too.
            if matches!(ending.tail_head.first(), Some(b'*' | b'#')) {
                lines.extend(input::tail_text(ending));
            }
        }
        None => lines.push("the end was not reached; that is what stands before it".to_owned()),
    }
    for finding in &report.findings {
        lines.extend(finding_text(finding, paint));
    }
    match report.more() {
        0 => {}
        n => lines.push(format!("{n} problems more")),
    }
    lines.push(format!("loads in: {}", target::ranges(|t| report.loads(t))));
    if let Some(target) = target {
        if report.loads(target) {
            lines.push(format!("{target} would load it"));
        } else {
            lines.push(paint.with(text::RED, &format!("{target} would not load it:")));
            let reasons = report.reasons(target);
            lines.extend(reasons.iter().map(|r| format!("  {}", text::safe(r))));
        }
    }
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

/// A finding: what and where, then what servers make of it.
pub(super) fn finding_text(finding: &Finding, paint: Paint) -> Vec<String> {
    let colour = match finding.severity {
        Severity::Damage => text::RED,
        Severity::Warning => text::YELLOW,
        Severity::Note => text::BOLD,
    };
    let place = Place {
        file: None,
        ..finding.place.clone()
    };
    let sep = if place == Place::default() { "" } else { ": " };
    let what = text::safe(&format!("{place}{sep}{}", finding.message));
    let mut lines = vec![format!(
        "{}: {what}",
        paint.with(colour, finding.severity.name())
    )];
    match (finding.severity, finding.refused) {
        (_, Refused::Always) => lines.push("  no server loads the file".to_owned()),
        (Severity::Damage, Refused::Never) => {
            lines.push("  servers load it without noticing (sanitize-dump-payload no)".to_owned());
        }
        (_, Refused::Never) => {}
        (_, refused) => lines.push(format!(
            "  refused by {}",
            target::ranges(|t| refused.by(t))
        )),
    }
    lines
}

pub(super) fn header_json(header: Option<Header>, fields: &mut Vec<(&'static str, Doc)>) {
    fields.push(("magic", header.map(|h| h.flavour.magic()).into()));
    fields.push(("version", header.map(|h| h.version).into()));
}

pub(super) fn checksum_json(checksum: Option<Checksum>) -> Doc {
    let hex = |sum: u64| Doc::from(format!("{sum:016x}"));
    let (state, stored, computed) = match checksum {
        None => ("unread", Doc::NULL, Doc::NULL),
        Some(Checksum::Absent) => ("absent", Doc::NULL, Doc::NULL),
        Some(Checksum::Disabled) => ("disabled", Doc::NULL, Doc::NULL),
        Some(Checksum::Match(sum)) => ("match", hex(sum), hex(sum)),
        Some(Checksum::Mismatch { stored, computed }) => ("mismatch", hex(stored), hex(computed)),
    };
    Doc::Fields(vec![
        ("state", state.into()),
        ("stored", stored),
        ("computed", computed),
    ])
}

/// Names of the servers for which something holds.
pub(super) fn servers(holds: impl Fn(&Target) -> bool) -> Doc {
    Doc::list(TARGETS.iter().filter(|t| holds(t)).map(|t| t.name))
}

/// A finding as an object.
pub(super) fn finding_json(f: &Finding, cx: &Context) -> Doc {
    let mut fields = vec![
        ("code", f.code.into()),
        ("severity", f.severity.name().into()),
    ];
    fields.extend(doc::place(&f.place, cx.global.key_format));
    fields.push(("message", f.message.as_str().into()));
    fields.push(("refused_by", servers(|t| f.refused.by(t))));
    Doc::Fields(fields)
}

fn report_json(
    report: &Report,
    target: Option<&Target>,
    cx: &Context,
    fields: &mut Vec<(&'static str, Doc)>,
) {
    fields.push(("kind", "rdb".into()));
    header_json(report.header, fields);
    fields.push(("codecs", Doc::list(report.codecs.iter().copied())));
    fields.push(("bytes", report.bytes.into()));
    fields.push(("keys", report.keys.into()));
    fields.push(("databases", report.dbs.into()));
    let ending = report.ending.as_ref();
    fields.push(("checksum", checksum_json(ending.map(|e| e.checksum))));
    fields.push(("tail_bytes", ending.map(|e| e.tail_len).into()));
    fields.push(("damage", report.counts.damage.into()));
    fields.push(("warnings", report.counts.warnings.into()));
    fields.push(("notes", report.counts.notes.into()));
    let findings = report.findings.iter().map(|f| finding_json(f, cx));
    fields.push(("findings", Doc::List(findings.collect())));
    fields.push(("loads_in", servers(|t| report.loads(t))));
    if let Some(target) = target {
        fields.push((
            "target",
            Doc::Fields(vec![
                ("name", target.name.into()),
                ("loads", report.loads(target).into()),
                ("reasons", Doc::list(report.reasons(target))),
            ]),
        ));
    }
}
