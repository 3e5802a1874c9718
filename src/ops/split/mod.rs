//! `split`: one source as several RDBs, whose sum it is.
//!
//! ```text
//!   RDB ──────────────┐                              ┌─▶ slots-0-5460.rdb
//!   log ─▶ engine ────┼─▶ record ─▶ which part? ─▶ ──┼─▶ slots-5461-10921.rdb
//!   JSON Lines ───────┘                              └─▶ …                     index.json
//! ```
//! Workers copy records as they stand (or write them anew for another server) and say which part each belongs to;
//! behind the gate that puts their output in order, each goes to its file. Functions and aux fields go into every part.
//! Nothing is held but blocks at work and a buffer a part, 16 MiB in all.

pub mod by;
mod parts;

use super::dump::{self, Report as Dumped};
use crate::disk::StagedFolder;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::filter::transform::Transform;
use crate::input::open::Input;
use crate::model::loss::Losses;
use crate::pipe::Out;
use crate::pipe::sort::Place;
use crate::rdb::encode;
use crate::rdb::frame::{Header, Record};
use crate::rdb::walk::Scratch;
use crate::sink::bytes::{self, Binary};
use crate::sink::rdb::{Rdb, Role};
use crate::sink::{Key, Render, Rendered};
use by::{By, REST};
pub use parts::Part;
use parts::Parts;
use std::io::Write;

/// Parts that are written at most: each is an open file.
pub const PARTS: usize = 900;

/// The name of the index.
pub const INDEX: &str = "index.json";

/// How to split.
pub struct Options<'a> {
    /// Into which parts.
    pub by: By,
    /// Workers.
    pub threads: usize,
    /// For which server, and how.
    pub encode: encode::Options,
    /// Is told how many bytes were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// The parts, in the order in which they came into being.
    pub parts: Vec<Part>,
    /// What was read and lost.
    pub dumped: Dumped,
}

/// Renders keys as pieces that say where they belong.
struct Split<'a> {
    rdb: Rdb,
    by: &'a By,
    id: Vec<u8>,
}

impl Render for Split<'_> {
    fn head(&mut self, _: Header, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn key(&mut self, key: &Key<'_>, sc: &mut Scratch, out: &mut Out<'_, '_>) -> Result<Rendered> {
        let frame = key.record.frame;
        let head = u64::from(frame.body.saturating_sub(frame.start));
        self.by
            .id(key.name, head + key.record.body_len(), &mut self.id);
        out.begin_piece(Place::Key(frame.db, &self.id));
        let rendered = self.rdb.key(key, sc, out)?;
        out.end_piece();
        Ok(rendered)
    }

    fn record(&mut self, record: &Record<'_>, out: &mut Out<'_, '_>) -> Result<()> {
        out.begin_piece(Place::Front);
        self.rdb.record(record, out)?;
        out.end_piece();
        Ok(())
    }

    fn losses(&self) -> Losses {
        self.rdb.losses()
    }
}

/// Splits an RDB into the files of a folder, and writes the index beside them. `source` is what the index calls it.
/// After an error the report is as far as the work came.
pub fn split(
    input: Input,
    source: &str,
    options: &Options<'_>,
    folder: &StagedFolder,
) -> (Report, Result<()>) {
    let mut report = Report::default();
    let done = run(input, source, options, folder, &mut report);
    (report, done)
}

fn run(
    input: Input,
    source: &str,
    options: &Options<'_>,
    folder: &StagedFolder,
    report: &mut Report,
) -> Result<()> {
    let rdb = || Rdb::new(options.encode, Role::Snapshot, false);
    let mut common = Vec::new();
    rdb().head(Header::of(options.encode.target), &mut common)?;
    let mut parts = Parts::new(&options.by, folder, common)?;
    let make = || Split {
        rdb: rdb(),
        by: &options.by,
        id: Vec::new(),
    };
    let dump_options = dump::Options {
        filter: Filter::default(),
        transform: Transform::default(),
        limit: None,
        sort: false,
        threads: options.threads,
        progress: options.progress,
    };
    let (dumped, error) = dump::dump(input, make, &dump_options, &mut parts);
    report.dumped = dumped;
    if let Some(e) = error {
        return Err(e);
    }
    report.parts = parts.finish()?;
    let mut index = folder.file(INDEX)?;
    index
        .write_all(index_json(source, options, report).as_bytes())
        .map_err(|e| Error::from_io(e, "write").in_file(INDEX))
}

/// A string of any bytes, as dumps write it.
fn text(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    bytes::json_bytes(bytes, Binary::Auto, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// What a part holds, as a field of its object.
#[must_use]
pub fn holds(by: &By, part: &Part) -> String {
    match by {
        By::Slots(table) => {
            let number = part
                .id
                .first_chunk()
                .map_or(REST, |n| u16::from_le_bytes(*n));
            let ranges = table.parts.get(usize::from(number));
            let ranges = ranges.map(|p| {
                let ranges = p.ranges.iter().map(|(a, b)| format!("[{a},{b}]"));
                format!("[{}]", ranges.collect::<Vec<_>>().join(","))
            });
            format!("\"slots\":{}", ranges.unwrap_or("null".to_owned()))
        }
        By::Db => format!("\"db\":{}", part.db),
        By::Prefix(_) => {
            let prefix = part.id.split_first().map(|(_, prefix)| text(prefix));
            format!("\"prefix\":{}", prefix.unwrap_or("null".to_owned()))
        }
        By::Size(_) => "\"in_order\":true".to_owned(),
    }
}

/// The index: what was split how, and a line a part.
fn index_json(source: &str, options: &Options<'_>, report: &Report) -> String {
    let mut out = format!(
        "{{\"source\":{},\"by\":\"{}\",\"target\":\"{}\",\"keys\":{},\"parts\":[",
        text(source.as_bytes()),
        options.by.name(),
        options.encode.target,
        report.dumped.keys,
    );
    let parts = report.parts.iter().map(|part| {
        format!(
            "\n{{\"file\":{},{},\"keys\":{},\"bytes\":{}}}",
            text(part.file.as_bytes()),
            holds(&options.by, part),
            part.keys,
            part.bytes
        )
    });
    out += &parts.collect::<Vec<_>>().join(",");
    out + "\n]}\n"
}
