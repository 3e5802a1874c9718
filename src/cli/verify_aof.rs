//! What `redisk verify` says about append-only files.

use super::exit::Exit;
use super::{output, text};
use crate::aof::check;
use crate::aof::verdict::Verdict;
use crate::error::Result;
use crate::model::target::Target;
use crate::ops::verify::aof::{File, Outcome, Report};
use crate::text::escaped;
use std::fmt::Write;

/// The servers that are spoken of unless one is asked for: one of each behaviour.
const USUAL: [&str; 4] = ["redis-6.2", "redis-7.0", "redis-8.6", "valkey-9.1"];

/// Prints a report, for the target that was asked for or for the usual ones.
pub(super) fn print(report: &Report, target: Option<&'static Target>) -> Result<Exit> {
    let mut out = String::new();
    for f in report.all_findings() {
        let sep = if f.place == Default::default() {
            ""
        } else {
            ": "
        };
        let _ = writeln!(
            out,
            "{} {}{sep}{}",
            f.severity.name(),
            f.place,
            text::safe(&f.message)
        );
    }
    let more: u64 = report.files.iter().map(File::more).sum();
    if more > 0 {
        let _ = writeln!(out, "and {more} more");
    }
    for file in &report.files {
        let _ = writeln!(out, "{}", summary(file));
    }
    let targets: Vec<&Target> = match target {
        Some(target) => vec![target],
        None => USUAL.iter().filter_map(|t| Target::from_name(t)).collect(),
    };
    let said: Vec<(&str, String)> = targets
        .iter()
        .map(|t| (t.name, both(report, t)))
        .collect();
    for alike in said.chunk_by(|a, b| a.1 == b.1) {
        let names: Vec<&str> = alike.iter().map(|(name, _)| *name).collect();
        let words = alike.first().map_or("", |(_, words)| words);
        let _ = writeln!(out, "{}: {words}", names.join(", "));
    }
    output::print(&out)?;
    let refused = target.is_some_and(|t| !report.outcome(t, true).loads());
    Ok(if report.damaged() || refused {
        Exit::No
    } else {
        Exit::Done
    })
}

/// One line on a file.
fn summary(file: &File) -> String {
    let mut out = escaped(file.part.name.as_bytes()).to_string();
    if let Some((role, seq)) = file.part.member {
        let _ = write!(out, ": {} {seq}", role.name());
    }
    let _ = write!(out, ": {} bytes", file.size);
    if let Some(rdb) = &file.rdb {
        match rdb.header {
            Some(header) => {
                let _ = write!(
                    out,
                    ", RDB version {} with {} keys",
                    header.version, rdb.keys
                );
            }
            None => out.push_str(", an RDB that cannot be read"),
        }
    }
    if let Some(log) = &file.log {
        let _ = write!(out, ", {} commands{}", log.end.state.commands, tail(log));
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

/// What a server does with `aof-load-truncated yes` and `no`.
fn both(report: &Report, target: &Target) -> String {
    let yes = report.outcome(target, true);
    let no = report.outcome(target, false);
    if yes == no {
        return sentence(report, &yes);
    }
    format!(
        "{}; with aof-load-truncated no it {}",
        sentence(report, &yes),
        sentence(report, &no)
    )
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
