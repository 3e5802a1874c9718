//! What `redisk info` says about append-only files.

use crate::aof::check::Check;
use crate::aof::multipart::Set;
use crate::aof::reader::{End, Tail};
use crate::cli::Context;
use crate::cli::doc::{self, Doc};
use crate::cli::text;
use crate::error::Error;
use crate::model::finding::Severity;
use crate::model::units::{format_bytes, format_time_ms};
use crate::ops::info::RdbInfo;
use crate::ops::info::aof::{AofInfo, LogFile};
use crate::ops::log::NameCount;
use crate::text::escaped;
use std::fmt::Write;

/// Commands that text lists.
const NAMES: usize = 20;

/// What is wrong, as far as reading it told, taken out of the report.
pub(super) fn problems(info: &mut AofInfo) -> Vec<Error> {
    let mut all = Vec::new();
    if let Some(set) = &info.set
        && let Some(problem) = &set.reading.fatal
    {
        all.push(problem.error().in_file(&set.manifest.to_string_lossy()));
    }
    for file in &mut info.files {
        let rdb = file.rdb.iter_mut().flat_map(|r| r.problems.drain(..));
        all.extend(rdb.chain(file.problem.take()));
        if let Some(end) = file.log.as_ref().and_then(|l| l.end) {
            let findings = Check::default().end(end).findings.into_iter();
            let damage = findings.filter(|f| f.severity == Severity::Damage);
            all.extend(damage.map(|f| f.into_error().in_file(&file.part.name)));
        }
    }
    all
}

/// One word on the end of a file.
fn state(end: &End) -> &'static str {
    match end.tail {
        Tail::Truncated { .. } => "torn",
        Tail::Fault { at, .. } if end.zeros_from == Some(at) => "zeros",
        Tail::Fault { .. } => "garbage",
        Tail::TornAnnotation => "torn-annotation",
        Tail::Clean if end.state.multi.is_some() => "open-multi",
        Tail::Clean => "clean",
    }
}

/// The report for people.
pub(super) fn text(info: &AofInfo) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", text::name(&info.name));
    match &info.set {
        Some(set) => {
            let _ = writeln!(
                out,
                "  multi-part AOF, {}, manifest {}",
                text::count(info.files.len() as u64, "file", "files"),
                text::name(&set.manifest.to_string_lossy())
            );
        }
        None => out.push_str("  AOF in one file\n"),
    }
    let _ = writeln!(
        out,
        "  {}, {} named",
        text::count(info.commands(), "command", "commands"),
        text::count(info.keys, "key", "keys")
    );
    if let Some((first, last)) = info.times() {
        let at = |s: i64| format_time_ms(s.saturating_mul(1000));
        let _ = writeln!(out, "  from {} to {}", at(first), at(last));
    }
    out.push_str("  files\n");
    for file in &info.files {
        let _ = writeln!(out, "    {}", file_text(file));
    }
    if let Some(set) = &info.set {
        set_text(set, &mut out);
    }
    let names = info.names();
    if !names.is_empty() {
        let _ = writeln!(out, "  commands\n    {:>12} {:>10}", "count", "bytes");
        for NameCount { name, count, bytes } in names.iter().take(NAMES) {
            let _ = writeln!(
                out,
                "    {count:>12} {:>10}  {}",
                format_bytes(*bytes),
                escaped(name)
            );
        }
        let more = names.len().saturating_sub(NAMES);
        if more > 0 {
            let _ = writeln!(out, "    and {more} more (--json has them)");
        }
    }
    let dbs = info.dbs();
    if dbs.len() > 1 || dbs.first().is_some_and(|d| d.0 != 0) {
        out.push_str("  databases\n");
        for (db, count, bytes) in dbs {
            let _ = writeln!(out, "    {count:>12} {:>10}  db {db}", format_bytes(bytes));
        }
    }
    for changed in info.files.iter().filter_map(|f| f.changed.as_ref()) {
        let _ = writeln!(out, "  note: {changed}");
    }
    out
}

fn file_text(file: &LogFile) -> String {
    let mut parts = Vec::new();
    if let Some((role, seq)) = file.part.member {
        parts.push(format!("{} {seq}", role.name()));
    }
    if let Some(size) = file.part.size {
        parts.push(format_bytes(size));
    }
    parts.extend(file.codecs.iter().map(|c| format!("{c} undone")));
    if let Some(rdb) = &file.rdb {
        let version = rdb.header.map_or(0, |h| h.version);
        parts.push(format!(
            "RDB version {version} with {}",
            text::count(rdb.keys(), "key", "keys")
        ));
    }
    if let Some(log) = &file.log {
        let commands = log.end.map_or(0, |e| e.state.commands);
        if commands > 0 || file.rdb.is_none() {
            parts.push(text::count(commands, "command", "commands"));
        }
        if log.transactions > 0 {
            parts.push(text::count(log.transactions, "transaction", "transactions"));
        }
        if let Some(end) = log.end.filter(|e| state(e) != "clean") {
            parts.push(format!(
                "end: {}, sound to {:#x} of {:#x}",
                state(&end),
                end.read_up_to,
                end.size
            ));
        }
    }
    if file.rdb.is_none() && file.log.is_none() {
        parts.push("not read".to_owned());
    }
    if file.part.member.is_some() && file.part.last {
        parts.push("servers append here".to_owned());
    }
    format!("{}: {}", escaped(&file.part.short), parts.join(", "))
}

fn set_text(set: &Set, out: &mut String) {
    for member in set.history() {
        let _ = writeln!(
            out,
            "    {}: history, {}, obsolete",
            escaped(&member.record.name),
            format_bytes(member.size().unwrap_or_default())
        );
    }
    for leftover in &set.leftovers {
        let name = leftover.path.file_name().unwrap_or_default();
        let _ = writeln!(
            out,
            "    {}: not listed ({}), {}",
            escaped(name.as_encoded_bytes()),
            leftover.kind.name(),
            format_bytes(leftover.size)
        );
    }
    let more = set
        .leftover_count
        .saturating_sub(set.leftovers.len() as u64);
    if more > 0 {
        let _ = writeln!(out, "    and {more} more files that are not listed");
    }
}

/// The fields for scripts.
pub(super) fn json(info: &AofInfo, cx: &Context, fields: &mut Vec<(&'static str, Doc)>) {
    let set = info.set.as_deref();
    fields.push(("kind", if set.is_some() { "aof-set" } else { "aof" }.into()));
    fields.push(("commands", info.commands().into()));
    fields.push(("keys_named", info.keys.into()));
    let times = info.times();
    fields.push(("first_time", times.map(|t| t.0).into()));
    fields.push(("last_time", times.map(|t| t.1).into()));
    let files = info.files.iter().map(|f| file_json(f, cx));
    fields.push(("files", Doc::List(files.collect())));
    fields.push(("names", names_json(&info.names(), cx)));
    fields.push(("databases", dbs_json(&info.dbs())));
    fields.push(("manifest", set.map_or(Doc::NULL, |s| set_json(s, cx))));
}

fn names_json(names: &[NameCount], cx: &Context) -> Doc {
    let names = names.iter().map(|n| {
        Doc::Fields(vec![
            ("command", doc::key(&n.name, cx.global.key_format)),
            ("count", n.count.into()),
            ("bytes", n.bytes.into()),
        ])
    });
    Doc::List(names.collect())
}

fn dbs_json(dbs: &[(u32, u64, u64)]) -> Doc {
    let dbs = dbs.iter().map(|(db, count, bytes)| {
        Doc::Fields(vec![
            ("db", (*db).into()),
            ("count", (*count).into()),
            ("bytes", (*bytes).into()),
        ])
    });
    Doc::List(dbs.collect())
}

fn file_json(file: &LogFile, cx: &Context) -> Doc {
    let member = file.part.member;
    let log = file.log.as_ref();
    let end = log.and_then(|l| l.end.as_ref());
    let rdb = |rdb: &RdbInfo| {
        Doc::Fields(vec![
            ("version", rdb.header.map(|h| h.version).into()),
            ("magic", rdb.header.map(|h| h.flavour.magic()).into()),
            ("keys", rdb.keys().into()),
            ("bytes", rdb.read_bytes.into()),
        ])
    };
    let mut fields: Vec<(&str, Doc)> = vec![
        ("file", file.part.name.as_str().into()),
        ("role", member.map(|(role, _)| role.name()).into()),
        ("seq", member.map(|(_, seq)| seq).into()),
        ("size", file.part.size.into()),
        ("codecs", Doc::list(file.codecs.iter().copied())),
        ("last", file.part.last.into()),
        ("rdb", file.rdb.as_ref().map_or(Doc::NULL, rdb)),
        ("commands", end.map(|e| e.state.commands).into()),
        ("transactions", log.map(|l| l.transactions).into()),
        ("first_time", log.and_then(|l| l.times).map(|t| t.0).into()),
        ("last_time", log.and_then(|l| l.times).map(|t| t.1).into()),
        ("names", log.map_or(Doc::NULL, |l| names_json(&l.names, cx))),
        ("databases", log.map_or(Doc::NULL, |l| dbs_json(&l.dbs))),
        ("tail", end.map(state).into()),
        ("bytes", end.map(|e| e.size).into()),
    ];
    fields.extend(doc::log_end(end));
    fields.push(("changed", file.changed.clone().into()));
    Doc::Fields(fields)
}

fn set_json(set: &Set, cx: &Context) -> Doc {
    let format = cx.global.key_format;
    let records = set.members.iter().map(|m| {
        let r = &m.record;
        Doc::Fields(vec![
            ("name", doc::key(&r.name, format)),
            ("role", r.role.name().into()),
            ("seq", r.seq.into()),
            ("startoffset", r.start_offset.into()),
            ("endoffset", r.end_offset.into()),
            ("size", m.size().into()),
        ])
    });
    let leftovers = set.leftovers.iter().map(|l| {
        Doc::Fields(vec![
            ("file", l.path.to_string_lossy().into_owned().into()),
            ("kind", l.kind.name().into()),
            ("size", l.size.into()),
        ])
    });
    Doc::Fields(vec![
        ("file", set.manifest.to_string_lossy().into_owned().into()),
        ("records", Doc::List(records.collect())),
        ("not_listed", Doc::List(leftovers.collect())),
        ("not_listed_count", set.leftover_count.into()),
    ])
}
