//! Differences as JSON Lines.

use super::super::doc::{self, Doc};
use super::super::text::KeyFormat;
use super::{broken, word};
use crate::error::Result;
use crate::ops::diff::{Change, Counts, Datum, Facts, Item, Report, Text, What};
use crate::sink::bytes::{self, Binary};
use serde_json::{Map, Value};
use std::io::Write;

/// Writes them.
pub(super) struct Json<W: Write> {
    pub(super) out: W,
    pub(super) binary: Binary,
    pub(super) key_format: Option<KeyFormat>,
}

/// Prefixes in a summary.
const PREFIXES: usize = 1000;

impl<W: Write> Json<W> {
    fn line(&mut self, doc: &Doc) -> Result<()> {
        let line = doc.line() + "\n";
        self.out.write_all(line.as_bytes()).map_err(broken)
    }

    fn text(&self, text: &[u8]) -> Value {
        let mut out = Vec::new();
        bytes::json_bytes(text, self.binary, &mut out);
        serde_json::from_slice(&out).unwrap_or_default()
    }

    fn string(&self, text: &Text) -> Value {
        match text {
            Text::Whole(bytes) => self.text(bytes),
            Text::Giant { head, len, .. } => self.piece(0, head, *len),
        }
    }

    fn piece(&self, from: u64, bytes: &[u8], len: u64) -> Value {
        let mut map = Map::new();
        map.insert("from".to_owned(), from.into());
        map.insert("piece".to_owned(), self.text(bytes));
        map.insert("length".to_owned(), len.into());
        Value::Object(map)
    }

    fn datum(&self, datum: &Datum) -> Value {
        match datum {
            Datum::None => Value::Null,
            Datum::There => true.into(),
            Datum::Word(word) => word.as_str().into(),
            Datum::Text(text) => self.string(text),
            Datum::Piece { from, bytes, len } => self.piece(*from, bytes, *len),
            Datum::Number(n) => match (i64::try_from(*n), u64::try_from(*n)) {
                (Ok(n), _) => n.into(),
                (_, Ok(n)) => n.into(),
                _ => n.to_string().into(),
            },
            Datum::Score(score) if score.is_finite() => (*score).into(),
            Datum::Score(score) if score.is_nan() => "nan".into(),
            Datum::Score(score) => if *score > 0.0 { "inf" } else { "-inf" }.into(),
            Datum::Time(ms) => (*ms).into(),
            Datum::Id(id) => id.to_string().into(),
            Datum::Fields(fields) => fields
                .iter()
                .map(|(f, v)| Value::Array(vec![self.string(f), self.string(v)]))
                .collect(),
            Datum::Facts(facts) => {
                let facts = facts.iter();
                let facts = facts.map(|(name, fact)| ((*name).to_owned(), self.datum(fact)));
                Value::Object(facts.collect())
            }
        }
    }

    fn item(&self, item: &Item) -> Doc {
        let mut fields: Vec<(&'static str, Doc)> = vec![("part", item.part.into())];
        fields.extend(
            item.at
                .iter()
                .map(|(name, at)| (*name, self.datum(at).into())),
        );
        fields.push(("a", self.datum(&item.a).into()));
        fields.push(("b", self.datum(&item.b).into()));
        Doc::Fields(fields)
    }

    pub(super) fn function(
        &mut self,
        name: &[u8],
        a: Option<&[u8]>,
        b: Option<&[u8]>,
    ) -> Result<()> {
        let what = match (a, b) {
            (Some(_), Some(_)) => What::Changed,
            (Some(_), None) => What::Removed,
            _ => What::Added,
        };
        let code = |code: Option<&[u8]>| code.map_or(Value::Null, |code| self.text(code));
        let doc = Doc::Fields(vec![
            ("function", self.text(name).into()),
            ("change", word(what).into()),
            ("a", code(a).into()),
            ("b", code(b).into()),
        ]);
        self.line(&doc)
    }

    pub(super) fn key(&mut self, change: &Change<'_>) -> Result<()> {
        let facts = |facts: &Option<Facts>| {
            facts.as_ref().map_or(Doc::NULL, |facts| {
                Doc::Fields(vec![
                    ("type", facts.kind.name().into()),
                    ("len", facts.len.into()),
                    ("expire_ms", facts.expire_ms.into()),
                ])
            })
        };
        let key = match self.key_format {
            None => self.text(change.key).into(),
            format => doc::key(change.key, format),
        };
        let items = change.items.iter().map(|item| self.item(item));
        let doc = Doc::Fields(vec![
            ("change", word(change.what).into()),
            ("db", change.db.into()),
            ("key", key),
            ("a", facts(&change.a)),
            ("b", facts(&change.b)),
            ("differences", Doc::List(items.collect())),
            ("more", change.more.into()),
        ]);
        self.line(&doc)
    }

    pub(super) fn end(&mut self, report: &Report) -> Result<()> {
        let by_db = report.by_db.iter();
        let by_db = by_db.map(|(db, counts)| of("db", (*db).into(), counts));
        let by_type = report.by_type.iter();
        let by_type = by_type.map(|(kind, counts)| of("type", (*kind).into(), counts));
        let by_prefix = report
            .by_prefix
            .iter()
            .take(PREFIXES)
            .map(|(prefix, counts)| {
                let prefix = prefix.as_deref().map_or(Value::Null, |p| self.text(p));
                of("prefix", prefix.into(), counts)
            });
        let [keys_a, keys_b] = report.keys;
        let mut fields = vec![
            ("same", report.is_same().into()),
            ("keys_a", keys_a.into()),
            ("keys_b", keys_b.into()),
            ("keys_same", report.same.into()),
        ];
        fields.extend(counts(&report.counts));
        fields.push(("functions", Doc::Fields(counts(&report.functions))));
        fields.push(("stopped", report.stopped.into()));
        fields.push(("by_db", Doc::List(by_db.collect())));
        fields.push(("by_type", Doc::List(by_type.collect())));
        fields.push(("by_prefix", Doc::List(by_prefix.collect())));
        self.line(&Doc::Fields(vec![("summary", Doc::Fields(fields))]))
    }
}

fn counts(counts: &Counts) -> Vec<(&'static str, Doc)> {
    vec![
        ("removed", counts.removed.into()),
        ("added", counts.added.into()),
        ("changed", counts.changed.into()),
    ]
}

fn of(what: &'static str, which: Doc, each: &Counts) -> Doc {
    let mut fields = vec![(what, which)];
    fields.extend(counts(each));
    Doc::Fields(fields)
}
