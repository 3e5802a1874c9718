//! Summaries of `redisk log`: as text, and as JSON.

use crate::model::units::{format_bytes, format_time_ms};
use crate::ops::log::{HistoryReport, Stats, Walked};
use crate::sink::bytes::{Binary, json_bytes, json_text};
use crate::text::{escaped, quoted};
use std::fmt::Write;

fn json(text: &str) -> String {
    let mut out = Vec::new();
    json_text(text, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn json_key(key: &[u8], binary: Binary) -> String {
    let mut out = Vec::new();
    json_bytes(key, binary, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn list<T>(items: &[T], mut one: impl FnMut(&T) -> String) -> String {
    let items: Vec<String> = items.iter().map(&mut one).collect();
    format!("[{}]", items.join(","))
}

fn or_null<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "null".to_owned(), |v| v.to_string())
}

/// The fields that every summary has.
fn common(walked: &Walked) -> String {
    let files = list(&walked.files, |file| {
        let end = file.end.as_ref();
        format!(
            "{{\"file\":{},\"role\":{},\"bytes\":{},\"rdb_version\":{},\"commands\":{},\"sound_bytes\":{}}}",
            json(&String::from_utf8_lossy(&file.part.short)),
            or_null(file.role().map(|role| json(role.name()))),
            or_null(end.map(|e| e.size).or(file.part.size)),
            or_null(file.rdb.map(|(header, _)| header.version)),
            or_null(end.map(|e| e.state.commands)),
            or_null(end.map(|e| e.read_up_to)),
        )
    });
    format!(
        "\"commands\":{},\"shown\":{},\"stopped\":{},\"damaged\":{},\"files\":{files}",
        walked.commands(),
        walked.shown,
        walked.stopped,
        !walked.problems.is_empty()
    )
}

/// The last line of a list.
pub(super) fn summary(walked: &Walked) -> String {
    format!("{{\"summary\":{{{}}}}}\n", common(walked))
}

/// The last line of a history.
pub(super) fn history_json(report: &HistoryReport, binary: Binary) -> String {
    let also = list(&report.also, |(db, key)| {
        format!("{{\"db\":{db},\"key\":{}}}", json_key(key, binary))
    });
    let doubts = list(&report.doubts, |doubt| {
        format!(
            "{{\"file\":{},\"offset\":{},\"command\":\"{}\",\"db\":{},\"key\":{},\"took_effect\":{}}}",
            json(&doubt.file),
            doubt.at,
            doubt.command,
            doubt.db,
            json_key(&doubt.key, binary),
            if doubt.certain { "false" } else { "null" }
        )
    });
    let base = if report.has_base {
        (!report.base.is_empty()).to_string()
    } else {
        "null".to_owned()
    };
    format!(
        "{{\"summary\":{{{},\"in_base\":{base},\"also_named\":{also},\"doubts\":{doubts}}}}}\n",
        common(&report.walked)
    )
}

/// The last lines of a history, for people.
pub(super) fn history(report: &HistoryReport, key: &[u8]) -> String {
    let mut out = String::new();
    if report.has_base && report.base.is_empty() {
        let _ = writeln!(out, "the base does not hold {}", quoted(key));
    }
    for doubt in &report.doubts {
        let (file, at, db) = (escaped(doubt.file.as_bytes()), doubt.at, doubt.db);
        let command = doubt.command.to_uppercase();
        let key = quoted(&doubt.key);
        let _ = match doubt.certain {
            true => writeln!(
                out,
                "{file}:0x{at:x} {command} took no effect: {key} was in db {db}"
            ),
            false => writeln!(
                out,
                "{file}:0x{at:x} {command} may not have taken effect: whether {key} was in db {db} is not known \
                 (servers log it only where it took effect)"
            ),
        };
    }
    for (db, name) in &report.also {
        let _ = writeln!(out, "followed to the end as {} in db {db}", quoted(name));
    }
    let looked = !report.walked.files.is_empty();
    if looked && report.walked.shown == 0 && report.base.is_empty() {
        let _ = writeln!(out, "no command names {}", quoted(key));
    }
    out
}

/// Statistics as one document.
pub(super) fn stats_json(stats: &Stats, binary: Binary) -> String {
    let names = list(&stats.names, |n| {
        format!(
            "{{\"command\":{},\"count\":{},\"bytes\":{}}}",
            json(&escaped(&n.name).to_string()),
            n.count,
            n.bytes
        )
    });
    let dbs = list(&stats.dbs, |(db, n)| {
        format!("{{\"db\":{db},\"count\":{n}}}")
    });
    let keys = list(&stats.keys, |k| {
        format!(
            "{{\"db\":{},\"key\":{},\"count\":{},\"error\":{}}}",
            k.db,
            json_key(&k.key, binary),
            k.count,
            k.error
        )
    });
    let prefixes = list(&stats.prefixes, |p| {
        format!(
            "{{\"prefix\":{},\"count\":{},\"error\":{}}}",
            json_key(&p.prefix, binary),
            p.count,
            p.error
        )
    });
    let timeline = list(&stats.timeline, |s| {
        format!(
            "{{\"time\":{},\"count\":{},\"bytes\":{}}}",
            s.start, s.count, s.bytes
        )
    });
    format!(
        "{{{},\"bytes\":{},\"writes\":{},\"names\":{names},\"dbs\":{dbs},\"keys\":{keys},\"prefixes\":{prefixes},\
         \"slice_seconds\":{},\"timeline\":{timeline},\"timeless\":{}}}\n",
        common(&stats.walked),
        stats.bytes,
        stats.writes,
        stats.slice_seconds,
        stats.timeless
    )
}

/// Rows of a timeline that text shows.
const ROWS: usize = 24;

/// Statistics for people.
pub(super) fn stats(stats: &Stats) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} commands in {}, {} of them write",
        stats.commands,
        format_bytes(stats.bytes),
        stats.writes
    );
    let _ = writeln!(
        out,
        "\ncommands\n{:>12} {:>10} {:>8}",
        "count", "bytes", "each"
    );
    for n in &stats.names {
        let _ = writeln!(
            out,
            "{:>12} {:>10} {:>8}  {}",
            n.count,
            format_bytes(n.bytes),
            n.bytes / n.count.max(1),
            escaped(&n.name)
        );
    }
    if stats.dbs.len() > 1 {
        out.push_str("\ndatabases\n");
        for (db, n) in &stats.dbs {
            let _ = writeln!(out, "{n:>12}  db {db}");
        }
    }
    let heat = |out: &mut String, title: &str, rows: Vec<(u64, u64, String)>| {
        if rows.is_empty() {
            return;
        }
        let _ = writeln!(out, "\n{title}");
        for (count, error, name) in rows {
            let sure = count - error;
            let count = if error > 0 {
                format!("{sure}–{count}")
            } else {
                count.to_string()
            };
            let _ = writeln!(out, "{count:>12}  {name}");
        }
    };
    let keys = stats.keys.iter();
    let keys = keys.map(|k| (k.count, k.error, format!("db {} {}", k.db, quoted(&k.key))));
    heat(&mut out, "keys written most", keys.collect());
    let prefixes = stats.prefixes.iter();
    let prefixes = prefixes.map(|p| (p.count, p.error, quoted(&p.prefix).to_string()));
    heat(&mut out, "prefixes written most", prefixes.collect());
    timeline(stats, &mut out);
    out
}

fn timeline(stats: &Stats, out: &mut String) {
    let (Some(first), Some(last)) = (stats.timeline.first(), stats.timeline.last()) else {
        out.push_str("\nno timestamps (aof-timestamp-enabled), so no timeline\n");
        return;
    };
    // Wider rows than the slices, so that they fit on a screen.
    let mut width = stats.slice_seconds;
    while last.start / width - first.start / width >= ROWS as i64 {
        width = width.saturating_mul(2);
    }
    let mut rows: Vec<(i64, u64, u64)> = Vec::new();
    for slice in &stats.timeline {
        let start = slice.start.div_euclid(width).saturating_mul(width);
        match rows.last_mut() {
            Some((at, count, bytes)) if *at == start => {
                *count += slice.count;
                *bytes += slice.bytes;
            }
            _ => rows.push((start, slice.count, slice.bytes)),
        }
    }
    let most = rows.iter().map(|r| r.1).max().unwrap_or(1).max(1);
    let _ = writeln!(out, "\ntimeline, {width} s a row");
    for (start, count, bytes) in rows {
        let bar = usize::try_from(count.saturating_mul(30) / most).unwrap_or(0);
        let _ = writeln!(
            out,
            "{:>12} {:>10}  {}  {}",
            count,
            format_bytes(bytes),
            format_time_ms(start.saturating_mul(1000)),
            "#".repeat(bar)
        );
    }
    if stats.timeless > 0 {
        let _ = writeln!(out, "{:>12} before the first timestamp", stats.timeless);
    }
}
