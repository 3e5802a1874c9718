//! The tables of a report. They are short, and keys in them are escaped and cut.

use super::text::shown;
use crate::cli::Context;
use crate::cli::text::{count, grouped};
use crate::model::units::format_bytes;
use crate::ops::info::{Big, RdbInfo};
use comfy_table::{CellAlignment, Table, presets};

/// A table under a blank line; columns whose title begins with `>` are numbers.
fn table(titles: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(titles.iter().map(|t| t.trim_start_matches('>')));
    table.add_rows(rows);
    for (i, title) in titles.iter().enumerate() {
        if let Some(column) = table.column_mut(i) {
            column.set_padding((1, 1));
            if title.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    let lines: Vec<String> = table
        .lines()
        .map(|l| format!(" {}\n", l.trim_end()))
        .collect();
    format!("\n{}", lines.concat())
}

/// Rows of databases.
const DATABASES: usize = 16;

pub(super) fn databases(info: &RdbInfo) -> String {
    let [only] = info.dbs.list.as_slice() else {
        return all_databases(info);
    };
    // One database that holds what it announces is said already.
    if only.db == 0 && claims(only.claimed, only.keys, only.expires).is_empty() {
        return String::new();
    }
    all_databases(info)
}

/// What the file announces, where it is not what it holds.
fn claims(claimed: Option<(u64, u64)>, keys: u64, expires: u64) -> String {
    match claimed {
        Some((k, e)) if (k, e) != (keys, expires) => {
            format!(
                "announced: {}, {} with an expiry",
                count(k, "key", "keys"),
                grouped(e)
            )
        }
        _ => String::new(),
    }
}

fn all_databases(info: &RdbInfo) -> String {
    let shown = info.dbs.list.iter().take(DATABASES);
    let rows = shown.map(|db| {
        vec![
            db.db.to_string(),
            grouped(db.keys),
            grouped(db.expires),
            format_bytes(db.bytes),
            claims(db.claimed, db.keys, db.expires),
        ]
    });
    let mut out = table(
        &[">database", ">keys", ">expiries", ">values", ""],
        rows.collect(),
    );
    let rest = info.dbs.list.iter().skip(DATABASES);
    let keys = info.dbs.more + rest.map(|db| db.keys).sum::<u64>();
    if keys > 0 {
        out += &format!("  … and others, with {}\n", count(keys, "key", "keys"));
    }
    out
}

pub(super) fn types(info: &RdbInfo) -> String {
    let all = u128::from(info.value_bytes.max(1));
    let rows = info.types.iter().map(|t| {
        let tenths = u128::from(t.bytes) * 1000 / all;
        vec![
            t.row.kind.name().to_owned(),
            t.encoding.name().to_owned(),
            t.row.code.to_string(),
            grouped(t.keys),
            format_bytes(t.bytes),
            format!("{}.{} %", tenths / 10, tenths % 10),
            format_bytes(t.bytes / t.keys.max(1)),
            format_bytes(t.largest),
        ]
    });
    table(
        &[
            "type", "encoding", ">code", ">keys", ">values", ">share", ">mean", ">largest",
        ],
        rows.collect(),
    )
}

/// The biggest values; `lies`: each at its place in a file.
pub(super) fn biggest(biggest: &[Big], lies: bool, cx: &Context) -> String {
    if biggest.is_empty() {
        return String::new();
    }
    let rows = biggest.iter().map(|b| {
        vec![
            format_bytes(b.bytes),
            b.row.kind.name().to_owned(),
            b.encoding.name().to_owned(),
            b.db.to_string(),
            if lies {
                format!("{:#x}", b.offset)
            } else {
                "-".to_owned()
            },
            b.key
                .as_ref()
                .map_or("?".to_owned(), |name| shown(name, cx)),
        ]
    });
    table(
        &[">biggest", "type", "encoding", ">db", ">offset", "key"],
        rows.collect(),
    )
}
