//! A table for eyes: a line a key, in columns that stand from the first line on, because it is written as it is read.
//!
//! ```text
//!   DB KEY            TYPE       LEN EXPIRES              VALUE
//!   0  user:1         hash         2 -                    name=ann, age=3
//! ```
//! LEN counts elements; of a string, bytes. Control characters are escaped, so that nothing in the data can paint the
//! terminal; keys and values are cut to their columns, with `…` where something is missing.

use super::{Key, Render, Rendered};
use crate::error::Result;
use crate::model::number::{self, DoubleText};
use crate::model::units;
use crate::packed::string::{Digits, Str};
use crate::pipe::Out;
use crate::rdb::frame::{Header, Record};
use crate::rdb::value::{array, module};
use crate::rdb::visit::{ArrayValue, StreamPart, Visit};
use crate::rdb::walk::{self, Scratch};
use crate::text;

/// The width where nobody says one.
pub const WIDTH: usize = 120;
/// Below this it would show nothing.
const NARROWEST: usize = 72;

const DB: usize = 3;
const TYPE: usize = 6;
const LEN: usize = 8;
const EXPIRES: usize = 20;

/// Renders keys as lines of a table.
#[derive(Debug, Clone)]
pub struct Table {
    key: usize,
    value: usize,
    preview: String,
}

impl Table {
    /// For so many columns of text.
    #[must_use]
    pub fn new(width: usize) -> Table {
        let rest = width.max(NARROWEST) - (DB + TYPE + LEN + EXPIRES + 5);
        let key = rest * 2 / 5;
        Table {
            key,
            value: rest - key,
            preview: String::new(),
        }
    }
}

/// The columns a character takes: East Asian characters and pictures two, combining marks none.
fn columns(c: char) -> usize {
    match u32::from(c) {
        0x20..=0x7e => 1,
        0x300..=0x36f
        | 0x483..=0x489
        | 0x591..=0x5bd
        | 0x610..=0x61a
        | 0x64b..=0x65f
        | 0xe31
        | 0xe34..=0xe3a
        | 0xe47..=0xe4e
        | 0x1ab0..=0x1aff
        | 0x1dc0..=0x1dff
        | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f
        | 0xfe20..=0xfe2f
        | 0xe0100..=0xe01ef => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xa960..=0xa97c
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x1fa70..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Appends text in a column of that width; the last column is not filled up.
fn column(text: &str, width: usize, last: bool, out: &mut Vec<u8>) {
    let mut used = 0;
    // What stands before the place where the sign for a cut would go.
    let mut fits = 0;
    let mut cut = false;
    for (at, c) in text.char_indices() {
        let w = columns(c);
        if used + w > width {
            cut = true;
            break;
        }
        used += w;
        if used < width {
            fits = at + c.len_utf8();
        }
    }
    if cut {
        let text = text.get(..fits).unwrap_or_default();
        used = text.chars().map(columns).sum::<usize>() + 1;
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice("…".as_bytes());
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    if !last {
        out.resize(out.len() + (width + 1).saturating_sub(used), b' ');
    }
}

/// Bytes of a string that are looked at for a column: no character takes more than four.
fn head(b: &[u8], width: usize) -> &[u8] {
    b.get(..width.saturating_mul(4)).unwrap_or(b)
}

impl Render for Table {
    fn head(&mut self, _: Header, out: &mut Vec<u8>) -> Result<()> {
        column("DB", DB, false, out);
        column("KEY", self.key, false, out);
        column("TYPE", TYPE, false, out);
        column(&format!("{:>LEN$}", "LEN"), LEN, false, out);
        column("EXPIRES", EXPIRES, false, out);
        column("VALUE", self.value, true, out);
        out.push(b'\n');
        Ok(())
    }

    fn key(&mut self, key: &Key<'_>, sc: &mut Scratch, out: &mut Out<'_, '_>) -> Result<Rendered> {
        let record = &key.record;
        let mut preview = std::mem::take(&mut self.preview);
        preview.clear();
        let mut value = Value {
            preview,
            // One more than fits says that there is more.
            most: (self.value + 1) * 4,
            width: self.value + 1,
            count: 0,
            empty: false,
        };
        walk::record(record, key.row, true, sc, &mut value)?;
        let Value {
            preview,
            count,
            empty,
            ..
        } = value;
        self.preview = preview;
        if empty {
            return Ok(Rendered::Empty);
        }
        let buf = &mut out.buf;
        column(&record.frame.db.to_string(), DB, false, buf);
        let name = head(key.name, self.key + 1);
        column(&text::escaped(name).to_string(), self.key, false, buf);
        column(key.row.kind.name(), TYPE, false, buf);
        column(
            &format!("{count:>LEN$}"),
            LEN.max(count.to_string().len()),
            false,
            buf,
        );
        let expires = match record.frame.attrs.expire_ms {
            Some(ms) => units::format_time_ms(ms.saturating_sub(ms.rem_euclid(1000))),
            None => "-".to_owned(),
        };
        column(&expires, EXPIRES, false, buf);
        column(&self.preview, self.value, true, buf);
        buf.push(b'\n');
        out.relieve()?;
        Ok(Rendered::Done)
    }

    fn record(&mut self, _: &Record<'_>, _: &mut Out<'_, '_>) -> Result<()> {
        Ok(())
    }
}

/// Counts, and collects the beginning of a value.
struct Value {
    preview: String,
    most: usize,
    width: usize,
    count: u64,
    empty: bool,
}

impl Value {
    #[inline]
    fn full(&self) -> bool {
        self.preview.len() >= self.most
    }

    /// An element begins; `false` where it would not be seen.
    #[inline]
    fn next(&mut self) -> bool {
        self.count += 1;
        if self.full() {
            return false;
        }
        if self.count > 1 {
            self.preview.push_str(", ");
        }
        true
    }

    fn put(&mut self, s: &Str<'_>) -> Result<()> {
        use std::fmt::Write;
        let width = self.width;
        let preview = &mut self.preview;
        // Writing into a string cannot fail.
        let mut write = |b: &[u8]| {
            let _ = write!(preview, "{}", text::escaped(head(b, width)));
        };
        match s {
            Str::Bytes(b) => write(b),
            Str::Int(n) => write(Digits::new(*n).as_bytes()),
            Str::Giant(_) => {
                let mut first = true;
                // All of it is read, because it may be damaged further on.
                s.chunks(&mut |piece| {
                    if std::mem::take(&mut first) {
                        write(piece);
                    }
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    fn pair(&mut self, a: &Str<'_>, b: &Str<'_>) -> Result<()> {
        self.put(a)?;
        self.preview.push('=');
        self.put(b)
    }
}

impl Visit for Value {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        self.count = value.len();
        self.put(&value)
    }

    #[inline]
    fn element(&mut self, element: Str<'_>) -> Result<()> {
        if self.next() {
            return self.put(&element);
        }
        Ok(())
    }

    #[inline]
    fn member(&mut self, member: Str<'_>) -> Result<()> {
        self.element(member)
    }

    #[inline]
    fn scored(&mut self, member: Str<'_>, score: f64) -> Result<()> {
        if self.next() {
            let mut text = Vec::new();
            number::format_reply(score, DoubleText::Fpconv, &mut text);
            return self.pair(&member, &Str::Bytes(&text));
        }
        Ok(())
    }

    #[inline]
    fn field(&mut self, field: Str<'_>, value: Str<'_>, _: Option<u64>) -> Result<()> {
        if self.next() {
            return self.pair(&field, &value);
        }
        Ok(())
    }

    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Entry(id) if self.next() => self.preview.push_str(&id.to_string()),
            StreamPart::Field(field, value) if !self.full() => {
                self.preview.push(' ');
                return self.pair(&field, &value);
            }
            _ => {}
        }
        Ok(())
    }

    fn module(&mut self, id: u64, fields: Str<'_>) -> Result<()> {
        let (name, version) = module::name(id);
        self.count = fields.len();
        self.preview.push_str(&format!("{name} version {version}"));
        Ok(())
    }

    fn array_element(&mut self, index: u64, value: ArrayValue<'_>) -> Result<()> {
        if !self.next() {
            return Ok(());
        }
        let index = index.to_string();
        let index = Str::Bytes(index.as_bytes());
        match value {
            ArrayValue::Text(s) => self.pair(&index, &s),
            ArrayValue::Float(v) => {
                let mut text = Vec::new();
                array::float_text(v, &mut text);
                self.pair(&index, &Str::Bytes(&text))
            }
        }
    }

    fn gcra(&mut self, tat: u64) -> Result<()> {
        self.count = 1;
        self.preview.push_str(&tat.to_string());
        Ok(())
    }

    fn empty(&mut self) -> Result<()> {
        self.empty = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str, width: usize) -> String {
        let mut out = Vec::new();
        column(text, width, false, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_have_their_width() {
        assert_eq!(cell("abc", 5), "abc   ");
        assert_eq!(cell("abcde", 5), "abcde ");
        assert_eq!(cell("abcdef", 5), "abcd… ");
        assert_eq!(cell("日本語", 6), "日本語 ");
        assert_eq!(cell("日本語", 5), "日本… ");
        assert_eq!(cell("日本語", 4), "日…  ");
        assert_eq!(cell("e\u{301}e\u{301}", 2), "e\u{301}e\u{301} ");
        for width in 1..8 {
            for text in ["", "a", "abcdefgh", "日本語", "a日b本", "e\u{301}abcdef"] {
                let got = cell(text, width);
                assert_eq!(
                    got.chars().map(columns).sum::<usize>(),
                    width + 1,
                    "{got:?}"
                );
            }
        }
    }
}
