//! What `redisk verify` says about append-only files.

use super::Context;
use super::doc::{self, Doc};
use super::exit::Exit;
use super::text::{self, Paint};
use crate::aof::check;
use crate::aof::verdict::Verdict;
use crate::error::Place;
use crate::model::finding::{Finding, Refused, Severity};
use crate::model::target::Target;
use crate::ops::verify::aof::{File, Outcome, Report};
use crate::text::escaped;
use std::fmt::Write;

/// The servers that are spoken of unless one is asked for: one of each behaviour.
const USUAL: [&str; 4] = ["redis-6.2", "redis-7.0", "redis-8.6", "valkey-9.1"];

/// How the command ends.
pub(super) fn exit(report: &Report, target: Option<&Target>) -> Exit {
    let refused = target.is_some_and(|t| !report.outcome(t, true).loads());
    if report.damaged() || refused {
        Exit::No
    } else {
        Exit::Done
    }
}

/// The servers that are spoken of.
fn targets(target: Option<&Target>) -> Vec<&Target> {
    match target {
        Some(target) => vec![target],
        None => USUAL.iter().filter_map(|t| Target::from_name(t)).collect(),
    }
}

/// A report for people.
pub(super) fn text(report: &Report, target: Option<&Target>, paint: Paint) -> String {
    let mut lines: Vec<String> = report.files.iter().map(summary).collect();
    let alone = report.set.is_none();
    for finding in report.all_findings() {
        lines.extend(finding_text(finding, alone, paint));
    }
    let more: u64 = report.files.iter().map(File::more).sum();
    if more > 0 {
        lines.push(format!("{more} problems more"));
    }
    let said: Vec<(&str, String)> = targets(target)
        .iter()
        .map(|t| (t.name, both(report, t)))
        .collect();
    for alike in said.chunk_by(|a, b| a.1 == b.1) {
        let names: Vec<&str> = alike.iter().map(|(name, _)| *name).collect();
        let words = alike.first().map_or("", |(_, words)| words);
        lines.push(format!("{}: {words}", names.join(", ")));
    }
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

/// What and where; what servers make of it is said of the whole.
fn finding_text(finding: &Finding, alone: bool, paint: Paint) -> Vec<String> {
    let mut place = finding.place.clone();
    let file = place.file.take().filter(|_| !alone);
    if file.is_none() || place.key.is_some() {
        let mut lines = super::verify::finding_text(finding, paint);
        if finding.refused == Refused::Always {
            // "No server" would be too much: some cut such a tail if they are told to, as the lines about them say.
            lines.truncate(1);
        }
        return lines;
    }
    let short = file.as_deref().map(std::path::Path::new);
    let short = short
        .and_then(|f| f.file_name())
        .map(|f| f.to_string_lossy().into_owned());
    let place = Place {
        file: short.or(file),
        ..place
    };
    let what = text::safe(&format!("{place}: {}", finding.message));
    let colour = match finding.severity {
        Severity::Damage => text::RED,
        Severity::Warning => text::YELLOW,
        Severity::Note => text::BOLD,
    };
    vec![format!(
        "{}: {what}",
        paint.with(colour, finding.severity.name())
    )]
}

/// A report for scripts.
pub(super) fn json(
    report: &Report,
    target: Option<&Target>,
    cx: &Context,
    fields: &mut Vec<(&'static str, Doc)>,
) {
    let set = report.set.as_ref();
    fields.push(("kind", if set.is_some() { "aof-set" } else { "aof" }.into()));
    let manifest = set.map(|s| s.manifest.to_string_lossy().into_owned());
    fields.push(("manifest", manifest.into()));
    fields.push(("commands", report.commands().into()));
    let files = report.files.iter().map(file_json);
    fields.push(("files", Doc::List(files.collect())));
    let findings = report.all_findings().map(|f| {
        let mut finding = super::verify::finding_json(f, cx);
        if let Doc::Fields(fields) = &mut finding {
            fields.insert(2, ("file", f.place.file.clone().into()));
        }
        finding
    });
    fields.push(("findings", Doc::List(findings.collect())));
    let more: u64 = report.files.iter().map(File::more).sum();
    fields.push(("more", more.into()));
    let servers = targets(target).into_iter().map(|t| {
        Doc::Fields(vec![
            ("name", t.name.into()),
            ("loads", report.outcome(t, true).loads().into()),
            (
                "load_truncated_yes",
                outcome_json(report, &report.outcome(t, true)),
            ),
            (
                "load_truncated_no",
                outcome_json(report, &report.outcome(t, false)),
            ),
            (
                "corrupt_tail_above",
                report.with_corrupt_tail(t).map(|(_, size)| size).into(),
            ),
            (
                "load_corrupt_tail",
                match report.with_corrupt_tail(t) {
                    Some((outcome, _)) => outcome_json(report, &outcome),
                    None => None::<u64>.into(),
                },
            ),
        ])
    });
    fields.push(("servers", Doc::List(servers.collect())));
}

fn file_json(file: &File) -> Doc {
    let member = file.part.member;
    let log = file.log.as_ref();
    let end = log.map(|l| &l.end);
    let mut fields: Vec<(&str, Doc)> = vec![
        ("file", file.part.name.as_str().into()),
        ("role", member.map(|(role, _)| role.name()).into()),
        ("seq", member.map(|(_, seq)| seq).into()),
        ("bytes", file.size.into()),
        ("last", file.part.last.into()),
        (
            "rdb_version",
            file.rdb
                .as_ref()
                .and_then(|r| r.header)
                .map(|h| h.version)
                .into(),
        ),
        ("keys", file.rdb.as_ref().map(|r| r.keys).into()),
        ("commands", end.map(|e| e.state.commands).into()),
    ];
    fields.extend(doc::log_end(end));
    Doc::Fields(fields)
}

fn outcome_json(report: &Report, outcome: &Outcome) -> Doc {
    let file = outcome.file.and_then(|i| report.files.get(i));
    let (what, at, to, message) = match &outcome.verdict {
        None => ("ignores", None, None, None),
        Some(v @ Verdict::Loads) => (v.name(), None, None, None),
        Some(v @ Verdict::Truncates { to, leaves_multi }) => {
            (v.name(), *leaves_multi, Some(*to), None)
        }
        Some(v @ Verdict::Refuses { at, words, cuts_to }) => {
            (v.name(), Some(*at), *cuts_to, Some(words))
        }
        Some(v @ (Verdict::Crashes { at, why } | Verdict::Undefined { at, why })) => {
            (v.name(), Some(*at), None, Some(why))
        }
    };
    Doc::Fields(vec![
        ("does", what.into()),
        ("file", file.map(|f| f.part.name.as_str()).into()),
        ("offset", at.into()),
        ("cuts_to", to.into()),
        ("message", message.map(String::as_str).into()),
    ])
}

/// One line on a file.
fn summary(file: &File) -> String {
    let mut out = escaped(&file.part.short).to_string();
    if let Some((role, seq)) = file.part.member {
        let _ = write!(out, ": {} {seq}", role.name());
    }
    if file.rdb.is_none() && file.log.is_none() {
        return out + ": not read";
    }
    let _ = write!(out, ": {} bytes", file.size);
    if let Some(rdb) = &file.rdb {
        match rdb.header {
            Some(header) => {
                let _ = write!(
                    out,
                    ", RDB version {} with {}",
                    header.version,
                    text::count(rdb.keys, "key", "keys")
                );
            }
            None => out.push_str(", an RDB that cannot be read"),
        }
    }
    if let Some(log) = &file.log
        && (file.rdb.is_none() || log.end.state.commands > 0)
    {
        let commands = text::count(log.end.state.commands, "command", "commands");
        let _ = write!(out, ", {commands}{}", tail(log));
    }
    if file.part.member.is_some() && file.part.last {
        out.push_str(", the last file");
    }
    out
}

fn tail(log: &check::Report) -> String {
    let end = &log.end;
    match (end.size - end.valid_up_to, end.state.multi) {
        (0, None) => String::new(),
        (0, Some(_)) => format!(
            ", {} bytes after an open MULTI",
            end.size - end.before_multi
        ),
        (n, _) if end.read_up_to == end.size => format!(", {n} bytes of annotations at the end"),
        (n, _) => format!(", {n} bytes behind the last whole one"),
    }
}

/// What a server does with `aof-load-truncated yes` and `no`, and if it cuts tails that are no commands.
fn both(report: &Report, target: &Target) -> String {
    let yes = report.outcome(target, true);
    let no = report.outcome(target, false);
    let mut out = sentence(report, &yes);
    if yes != no {
        let no = sentence(report, &no);
        let _ = write!(out, "; with aof-load-truncated no it {no}");
    }
    if let Some((outcome, size)) = report.with_corrupt_tail(target) {
        let cut = sentence(report, &outcome);
        let _ = write!(
            out,
            "; with an aof-load-corrupt-tail-max-size above {size} it {cut}"
        );
    }
    out
}

fn sentence(report: &Report, outcome: &Outcome) -> String {
    let file = outcome.file.and_then(|i| report.files.get(i));
    let of = |file: Option<&File>| match file {
        Some(file) if report.set.is_some() => format!(" {}", escaped(&file.part.short)),
        _ => String::new(),
    };
    match &outcome.verdict {
        None => "knows no manifests, and does not look at these files".to_owned(),
        Some(Verdict::Loads) => "loads".to_owned(),
        Some(Verdict::Truncates { to, leaves_multi }) => {
            let multi = match leaves_multi {
                Some(at) => format!(
                    ", leaving the MULTI at {at:#x} open for the next run's writes to fall into"
                ),
                None => String::new(),
            };
            format!("cuts{} to {to} bytes and loads{multi}", of(file))
        }
        Some(Verdict::Refuses { words, cuts_to, .. }) => {
            let cut = match cuts_to {
                Some(to) => format!(", after cutting{} to {to} bytes", of(file)),
                None => String::new(),
            };
            format!("refuses{cut}: \"{}\"", text::safe(words))
        }
        Some(Verdict::Crashes { at, why }) => {
            format!("crashes at {at:#x}{}: {}", of(file), text::safe(why))
        }
        Some(Verdict::Undefined { at, why }) => {
            format!(
                "may do anything at {at:#x}{}: {}",
                of(file),
                text::safe(why)
            )
        }
    }
}
