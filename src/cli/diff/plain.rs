//! Differences for people, as `git diff` lays them out: `-` is A's, `+` is B's.

use super::super::text::{self, BOLD, GREEN, KeyFormat, Paint, RED, count};
use super::broken;
use crate::error::Result;
use crate::model::kind::Kind;
use crate::model::number::{self, DoubleText};
use crate::model::units::format_time_ms;
use crate::ops::diff::{Change, Counts, Datum, Facts, Item, Report, Text, What};
use crate::sink::bytes::{self, Binary};
use crate::text::quoted;
use std::io::Write;

/// Bytes of a string that are shown.
const SHOWN: usize = 120;
/// Bytes that are shown in front of the first that differs.
const BEFORE: usize = 24;
/// Lines of a table by prefix.
const PREFIXES: usize = 20;

const CYAN: &str = "\x1b[36m";

/// Writes them.
pub(super) struct Plain<W: Write> {
    out: W,
    names: [String; 2],
    paint: Paint,
    binary: Binary,
    key_format: Option<KeyFormat>,
    /// Whether the heading stands.
    headed: bool,
    db: Option<u64>,
    told: u64,
}

impl<W: Write> Plain<W> {
    pub(super) fn new(
        out: W,
        names: [String; 2],
        paint: Paint,
        binary: Binary,
        key_format: Option<KeyFormat>,
    ) -> Plain<W> {
        Plain {
            out,
            names,
            paint,
            binary,
            key_format,
            headed: false,
            db: None,
            told: 0,
        }
    }

    fn put(&mut self, line: &str, colour: Option<&str>) -> Result<()> {
        let line = match colour {
            Some(colour) => self.paint.with(colour, line),
            None => line.to_owned(),
        };
        writeln!(self.out, "{line}").map_err(broken)
    }

    fn line(&mut self, mark: char, text: &str) -> Result<()> {
        let colour = match mark {
            '-' => Some(RED),
            '+' => Some(GREEN),
            _ => None,
        };
        self.put(&format!("{mark}{text}"), colour)
    }

    fn head(&mut self) -> Result<()> {
        if !std::mem::replace(&mut self.headed, true) {
            let [a, b] = self.names.clone();
            self.put(&format!("--- {a}"), Some(BOLD))?;
            self.put(&format!("+++ {b}"), Some(BOLD))?;
        }
        Ok(())
    }

    pub(super) fn function(
        &mut self,
        name: &[u8],
        a: Option<&[u8]>,
        b: Option<&[u8]>,
    ) -> Result<()> {
        self.head()?;
        let name = quoted(name).to_string();
        let (Some(a), Some(b)) = (a, b) else {
            let mark = if a.is_some() { '-' } else { '+' };
            return self.line(mark, &format!("function library {name}"));
        };
        self.line(' ', &format!("function library {name}"))?;
        let same = match a.len().max(b.len()) {
            0..=SHOWN => 0,
            _ => a.iter().zip(b).take_while(|(a, b)| a == b).count(),
        };
        for (mark, code) in [('-', a), ('+', b)] {
            let shown = self.cut(code, 0, code.len() as u64, same);
            self.line(mark, &format!("    {shown}"))?;
        }
        Ok(())
    }

    pub(super) fn key(&mut self, change: &Change<'_>) -> Result<()> {
        self.head()?;
        if self.db != Some(change.db) {
            self.db = Some(change.db);
            self.put(&format!("@@ db {} @@", change.db), Some(CYAN))?;
        }
        self.told += 1;
        let key = text::key(change.key, self.key_format);
        let (mark, facts) = match change.what {
            What::Removed => ('-', &change.a),
            What::Added => ('+', &change.b),
            What::Changed => (' ', &change.b),
        };
        let facts = facts.as_ref();
        let facts = facts.map_or(String::new(), |facts| self.facts(facts, mark != ' '));
        self.line(mark, &format!("{key}  {facts}"))?;
        for item in change.items {
            self.item(item)?;
        }
        if change.more > 0 {
            let more = count(change.more, "more difference", "more differences");
            self.line(' ', &format!("    … and {more} (--full shows all)"))?;
        }
        Ok(())
    }

    /// What a key is; `all`: with its string and its expiry.
    fn facts(&self, facts: &Facts, all: bool) -> String {
        let kind = facts.kind.name();
        let mut out = match (&facts.head, facts.kind) {
            (Some(head), _) if all => format!("{kind} {}", self.cut(head.head(), 0, head.len(), 0)),
            (_, Kind::String | Kind::Module | Kind::Gcra) => kind.to_owned(),
            (_, kind) => {
                let (one, more) = match kind {
                    Kind::Hash => ("field", "fields"),
                    Kind::Set | Kind::Zset => ("member", "members"),
                    Kind::Stream => ("entry", "entries"),
                    _ => ("element", "elements"),
                };
                format!("{kind} of {}", count(facts.len, one, more))
            }
        };
        if let Some(ms) = facts.expire_ms.filter(|_| all) {
            out += &format!(", expires {}", format_time_ms(ms));
        }
        out
    }

    fn item(&mut self, item: &Item) -> Result<()> {
        let label = self.label(item);
        // Of two strings what is shown lies around the place where they begin to differ.
        let same = match (&item.a, &item.b) {
            (Datum::Text(a), Datum::Text(b)) if a.len().max(b.len()) > SHOWN as u64 => {
                let pairs = a.head().iter().zip(b.head());
                pairs.take_while(|(a, b)| a == b).count()
            }
            _ => 0,
        };
        for (mark, side) in [('-', &item.a), ('+', &item.b)] {
            let shown = match side {
                Datum::None => continue,
                Datum::There => label.clone(),
                side => {
                    let value = self.datum(side, same);
                    if label.is_empty() {
                        value
                    } else {
                        format!("{label}{}{value}", separator(item.part))
                    }
                }
            };
            self.line(mark, &format!("    {shown}"))?;
        }
        Ok(())
    }

    /// What stands in front of a value.
    fn label(&self, item: &Item) -> String {
        let at = |i: usize| {
            let at = item.at.get(i).map(|(_, at)| at);
            at.map_or(String::new(), |at| self.datum(at, 0))
        };
        match item.part {
            "value" => String::new(),
            "member" | "field" | "entry" => at(0),
            "element" => format!("[{}]", at(0)),
            "expire_ms" => "expires".to_owned(),
            "field_expire_ms" => format!("{} expires", at(0)),
            "group" => format!("group {}", at(0)),
            "group_last_id" => format!("group {} last_id", at(0)),
            "group_entries_read" => format!("group {} entries_read", at(0)),
            "consumer" => format!("group {} consumer {}", at(0), at(1)),
            "pending" => format!("group {} pending {}", at(0), at(1)),
            "producer_id" => format!("producer {} id {}", at(0), at(1)),
            part => part.to_owned(),
        }
    }

    fn datum(&self, datum: &Datum, same: usize) -> String {
        match datum {
            Datum::None | Datum::There => String::new(),
            Datum::Word(word) => word.clone(),
            Datum::Text(text) => self.cut(text.head(), 0, text.len(), same),
            Datum::Piece { from, bytes, len } => self.cut(bytes, *from, *len, 0),
            Datum::Number(n) => n.to_string(),
            Datum::Score(score) => {
                let mut out = Vec::new();
                number::format_reply(*score, DoubleText::Fpconv, &mut out);
                String::from_utf8(out).unwrap_or_default()
            }
            Datum::Time(ms) => format_time_ms(*ms),
            Datum::Id(id) => id.to_string(),
            Datum::Fields(fields) => {
                let text = |text: &Text| self.cut(text.head(), 0, text.len(), 0);
                let fields = fields
                    .iter()
                    .map(|(f, v)| format!("{} {}", text(f), text(v)));
                fields.collect::<Vec<_>>().join(" ")
            }
            Datum::Facts(facts) => {
                let facts = facts.iter();
                let facts = facts.map(|(name, fact)| format!("{name} {}", self.datum(fact, 0)));
                facts.collect::<Vec<_>>().join(", ")
            }
        }
    }

    /// A string, or of a long one a part: `bytes` begin at `from` of `len`, and the first `same` of them are nothing new.
    fn cut(&self, bytes: &[u8], from: u64, len: u64, same: usize) -> String {
        let skip = same.saturating_sub(BEFORE).min(bytes.len());
        let rest = bytes.get(skip..).unwrap_or_default();
        let part = rest.get(..rest.len().min(SHOWN)).unwrap_or(rest);
        let shown = match self.binary {
            Binary::Auto | Binary::Escape => quoted(part).to_string(),
            Binary::Hex => {
                let mut out = Vec::new();
                bytes::hex(part, &mut out);
                String::from_utf8(out).unwrap_or_default()
            }
            Binary::Base64 => {
                let mut out = Vec::new();
                bytes::base64(part, &mut out);
                String::from_utf8(out).unwrap_or_default()
            }
        };
        let start = from + skip as u64;
        let end = start + part.len() as u64;
        let before = if start > 0 { "…" } else { "" };
        if start == 0 && end == len {
            return shown;
        }
        let after = if end < len { "…" } else { "" };
        let all = count(len, "byte", "bytes");
        format!("{before}{shown}{after} (bytes {start} to {end} of {all})")
    }

    pub(super) fn end(&mut self, report: &Report, summary: bool) -> Result<()> {
        let untold = report.counts.all().saturating_sub(self.told);
        if !summary && untold > 0 {
            let more = count(untold, "more key", "more keys");
            self.put(&format!("… and {more} (--limit)"), None)?;
        }
        if report.is_same() {
            let keys = count(report.same, "key", "keys");
            return self.put(&format!("the same: {keys}"), None);
        }
        if summary {
            self.tables(report)?;
        }
        let mut parts = vec![counts(&report.counts)];
        if report.counts.all() == 0 {
            parts.clear();
        }
        if report.functions.all() > 0 {
            parts.push(format!("function libraries: {}", counts(&report.functions)));
        }
        let keys = count(report.same, "key is", "keys are");
        self.put(&format!("{}; {keys} the same", parts.join("; ")), None)
    }

    fn tables(&mut self, report: &Report) -> Result<()> {
        let row = |name: String, counts: &Counts| (name, *counts);
        let by_db = report.by_db.iter();
        let by_db: Vec<_> = by_db
            .map(|(db, counts)| row(db.to_string(), counts))
            .collect();
        self.table("database", &by_db)?;
        let by_type = report.by_type.iter();
        let by_type: Vec<_> = by_type
            .map(|(kind, counts)| row((*kind).to_owned(), counts))
            .collect();
        self.table("type", &by_type)?;
        let mut by_prefix: Vec<_> = report
            .by_prefix
            .iter()
            .map(|(prefix, counts)| match prefix {
                Some(prefix) => row(text::key(prefix, self.key_format), counts),
                None => row("none".to_owned(), counts),
            })
            .collect();
        by_prefix.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.all()));
        let mut others = report.other_prefixes;
        for (_, counts) in by_prefix.iter().skip(PREFIXES) {
            others.removed += counts.removed;
            others.added += counts.added;
            others.changed += counts.changed;
        }
        by_prefix.truncate(PREFIXES);
        if others.all() > 0 {
            by_prefix.push(("others".to_owned(), others));
        }
        self.table("prefix", &by_prefix)
    }

    fn table(&mut self, heading: &str, rows: &[(String, Counts)]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let names = rows.iter().map(|(name, _)| name.chars().count());
        let width = names.max().unwrap_or(0).max(heading.len());
        let head = format!(
            "{heading:width$}  {:>9}  {:>9}  {:>9}",
            "removed", "added", "changed"
        );
        self.put(&head, Some(BOLD))?;
        for (name, counts) in rows {
            let [removed, added, changed] =
                [counts.removed, counts.added, counts.changed].map(text::grouped);
            let line = format!("{name:width$}  {removed:>9}  {added:>9}  {changed:>9}");
            self.put(&line, None)?;
        }
        self.put("", None)
    }
}

/// What stands between a label and its value.
fn separator(part: &str) -> &'static str {
    match part {
        "expire_ms" | "field_expire_ms" | "entry" => " ",
        _ => ": ",
    }
}

/// `1 removed, 2 added, 3 changed`.
fn counts(counts: &Counts) -> String {
    let all = [
        (counts.removed, "removed"),
        (counts.added, "added"),
        (counts.changed, "changed"),
    ];
    let said = all.iter().filter(|(n, _)| *n > 0);
    let said: Vec<String> = said
        .map(|(n, word)| format!("{} {word}", text::grouped(*n)))
        .collect();
    said.join(", ")
}
