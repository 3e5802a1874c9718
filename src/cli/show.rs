//! One key for people: facts, then its value, shortened unless all of it is asked for.
//!
//! Written piece by piece as the value is walked over, so a giant takes no memory.

use super::text::{self, KeyFormat, count, grouped};
use crate::error::{Error, Result};
use crate::filter;
use crate::model::kind::{Kind, StreamId};
use crate::model::number;
use crate::model::units::{format_bytes, format_duration_ms, format_time_ms};
use crate::packed::string::Str;
use crate::pipe::Out;
use crate::rdb::frame::{Header, Record};
use crate::rdb::value::{array, module};
use crate::rdb::visit::{ArrayValue, StreamPart, Visit};
use crate::rdb::walk::{self, Scratch};
use crate::sink::bytes::{self, Base64Stream, Binary};
use crate::sink::{Key, Render, Rendered};
use crate::text::quoted;

/// Elements of a value that are shown.
const ELEMENTS: u64 = 100;
/// Bytes of an element that are shown.
const ELEMENT: u64 = 200;
/// Bytes of a string's value that are shown.
const STRING: u64 = 2000;

/// Renders keys for people.
#[derive(Debug, Clone)]
pub(super) struct Show {
    /// How byte strings are written: hex, base64, or (any other) between quotes with escapes.
    pub(super) binary: Binary,
    /// How keys are written.
    pub(super) key_format: Option<KeyFormat>,
    /// Whether all of a value is shown.
    pub(super) full: bool,
    /// What expiries are measured against.
    pub(super) now_ms: i64,
    /// Whether it lies in a file that the user has.
    pub(super) places: bool,
    /// Whether a key was shown already.
    pub(super) again: bool,
}

/// What the elements of a kind are called.
fn words(kind: Kind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        Kind::String => ("byte", "bytes"),
        Kind::List | Kind::Array => ("element", "elements"),
        Kind::Set | Kind::Zset => ("member", "members"),
        Kind::Hash => ("field", "fields"),
        Kind::Stream => ("entry", "entries"),
        Kind::Module | Kind::Gcra => return None,
    })
}

impl Render for Show {
    fn head(&mut self, _: Header, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn key(&mut self, key: &Key<'_>, sc: &mut Scratch, out: &mut Out<'_, '_>) -> Result<Rendered> {
        let (record, row) = (&key.record, key.row);
        let attrs = &record.frame.attrs;
        let mut facts = vec![
            ("key", text::key(key.name, self.key_format)),
            ("database", record.frame.db.to_string()),
        ];
        let words = words(row.kind);
        // What is wrong with the value is said when it is walked over once more.
        let len = filter::len(key, sc).ok().filter(|_| words.is_some());
        let kind = row.kind.name();
        facts.push((
            "type",
            match (len, words) {
                (Some(0), Some((_, more))) if row.kind != Kind::String => {
                    let note = if row.kind == Kind::Stream {
                        ""
                    } else {
                        ": servers since 6.2 leave such a key out when they load the file"
                    };
                    format!("{kind} without {more}{note}")
                }
                (Some(n), Some((one, more))) => format!("{kind} of {}", count(n, one, more)),
                _ => kind.to_owned(),
            },
        ));
        let encoding = record.encoding().unwrap_or(row.encoding).name();
        facts.push((
            "encoding",
            format!("{encoding} (type code {}, {})", row.code, row.name),
        ));
        facts.push((
            "expires",
            attrs
                .expire_ms
                .map_or("never".to_owned(), |at| self.time(at)),
        ));
        if let Some(idle) = attrs.idle {
            let ms = i64::try_from(idle).ok().and_then(|s| s.checked_mul(1000));
            facts.push((
                "idle time",
                ms.map_or(format!("{idle}s"), format_duration_ms),
            ));
        }
        if let Some(freq) = attrs.freq {
            facts.push(("frequency", freq.to_string()));
        }
        if attrs.noevict {
            facts.push(("eviction", "spares it".to_owned()));
        }
        if let Some(meta) = record.meta() {
            facts.push(("metadata", count(meta.len() as u64, "byte", "bytes")));
        }
        let size = record.body_len();
        facts.push((
            "serialized",
            match size {
                0..1024 => count(size, "byte", "bytes"),
                _ => format!("{} ({})", count(size, "byte", "bytes"), format_bytes(size)),
            },
        ));
        let (start, value) = (record.offset(), record.body_offset());
        if self.places {
            facts.push(("offset", format!("{start:#x}, its value {value:#x}")));
        }
        if std::mem::replace(&mut self.again, true) {
            out.buf.push(b'\n');
        }
        for (label, fact) in facts {
            put(out, &format!("{label:10}  {fact}\n"));
        }
        put(out, "value");
        let mut view = View {
            show: self,
            out,
            lines: 0,
            pending: 0,
            words: words.unwrap_or(("line", "lines")),
        };
        let walked = walk::record(record, row, true, sc, &mut view);
        view.more();
        out.buf.push(b'\n');
        // What is there is sound: it stays, and the error follows.
        walked?;
        out.relieve()?;
        Ok(Rendered::Done)
    }

    fn record(&mut self, _: &Record<'_>, _: &mut Out<'_, '_>) -> Result<()> {
        Ok(())
    }
}

impl Show {
    /// A moment, and how far it is from now.
    fn time(&self, at: i64) -> String {
        let left = at.saturating_sub(self.now_ms);
        let distance = format_duration_ms(left.saturating_abs());
        let time = format_time_ms(at);
        if left > 0 {
            format!("{time}, in {distance}")
        } else {
            format!("{time}, passed {distance} ago")
        }
    }
}

fn put(out: &mut Out<'_, '_>, text: &str) {
    out.buf.extend_from_slice(text.as_bytes());
}

/// Writes a string; of a long one its first bytes, and how many there are.
fn string(show: &Show, s: &Str<'_>, max: u64, out: &mut Out<'_, '_>) -> Result<()> {
    let whole = show.full || s.len() <= max;
    let (open, close) = match show.binary {
        Binary::Hex | Binary::Base64 => ("", ""),
        Binary::Auto | Binary::Escape => ("\"", "\""),
    };
    put(out, open);
    let mut left = if whole { u64::MAX } else { max };
    let mut base64 = Base64Stream::default();
    let mut held = Vec::new();
    let walked = s.chunks(&mut |piece| {
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        let piece = piece.get(..n).unwrap_or(piece);
        left -= n as u64;
        match show.binary {
            Binary::Hex => bytes::hex(piece, &mut out.buf),
            Binary::Base64 => base64.push(piece, &mut out.buf),
            Binary::Auto | Binary::Escape => {
                held.extend_from_slice(piece);
                let (ready, rest) = held
                    .split_at_checked(held.len() - unfinished(&held))
                    .unwrap_or_default();
                escape(ready, out);
                held = rest.to_vec();
            }
        }
        if left == 0 {
            return Err(Error::usage("enough"));
        }
        out.relieve()
    });
    if left > 0 {
        walked?;
    }
    base64.finish(&mut out.buf);
    if whole {
        escape(&held, out);
    }
    put(out, close);
    if !whole {
        // A character that the cut would go through is left out.
        let n = grouped(max - held.len() as u64);
        let all = count(s.len(), "byte", "bytes");
        put(out, &format!("… (the first {n} of {all})"));
    }
    Ok(())
}

fn escape(bytes: &[u8], out: &mut Out<'_, '_>) {
    let text = quoted(bytes).to_string();
    put(
        out,
        text.get(1..text.len().saturating_sub(1))
            .unwrap_or_default(),
    );
}

/// How many bytes at the end begin a character of UTF-8 that the next piece may complete.
fn unfinished(bytes: &[u8]) -> usize {
    for (n, byte) in (1..4).zip(bytes.iter().rev()) {
        let len = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            _ => 1,
        };
        return if len > n { n } else { 0 };
    }
    0
}

/// Writes the value of one key.
struct View<'v, 'o, 'g, 's> {
    show: &'v Show,
    out: &'o mut Out<'g, 's>,
    /// Lines of this part of the value, shown or not.
    lines: u64,
    /// Pending entries of the group under way.
    pending: u64,
    words: (&'static str, &'static str),
}

impl View<'_, '_, '_, '_> {
    /// Begins a line, unless there are enough.
    fn line(&mut self, indent: &str) -> bool {
        self.lines += 1;
        let shown = self.show.full || self.lines <= ELEMENTS;
        if shown {
            put(self.out, "\n");
            put(self.out, indent);
        }
        shown
    }

    /// Says how much was not shown.
    fn more(&mut self) {
        if !self.show.full && self.lines > ELEMENTS {
            let more = count(self.lines - ELEMENTS, self.words.0, self.words.1);
            put(
                self.out,
                &format!("\n  … and {more} more (--full shows all)"),
            );
        }
        self.lines = 0;
    }

    fn put(&mut self, text: &str) {
        put(self.out, text);
    }

    fn text(&mut self, s: &Str<'_>) -> Result<()> {
        string(self.show, s, ELEMENT, self.out)?;
        self.out.relieve()
    }

    /// The end of a group's pending entries, which come before its consumers.
    fn pending(&mut self) {
        let n = std::mem::take(&mut self.pending);
        if n > 0 && self.line("    ") {
            self.put(&format!("{} pending", count(n, "entry", "entries")));
        }
    }

    fn delivery(&mut self, id: StreamId, time: i64, times: u64) {
        if self.line("      ") {
            let times = count(times, "time", "times");
            self.put(&format!(
                "{id}  delivered {times}, last {}",
                format_time_ms(time)
            ));
        }
    }
}

fn opt_id(id: Option<StreamId>) -> String {
    id.map_or("unknown".to_owned(), |id| id.to_string())
}

fn opt(n: Option<impl ToString>) -> String {
    n.map_or("unknown".to_owned(), |n| n.to_string())
}

impl Visit for View<'_, '_, '_, '_> {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        self.put("       ");
        string(self.show, &value, STRING, self.out)
    }

    fn element(&mut self, element: Str<'_>) -> Result<()> {
        let index = self.lines;
        if self.line("  ") {
            self.put(&format!("{index}  "));
            self.text(&element)?;
        }
        Ok(())
    }

    fn member(&mut self, member: Str<'_>) -> Result<()> {
        if self.line("  ") {
            self.text(&member)?;
        }
        Ok(())
    }

    fn scored(&mut self, member: Str<'_>, score: f64) -> Result<()> {
        if self.line("  ") {
            self.text(&member)?;
            self.put("  ");
            number::format_fpconv(score, &mut self.out.buf);
        }
        Ok(())
    }

    fn field(&mut self, field: Str<'_>, value: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        if self.line("  ") {
            self.text(&field)?;
            self.put("  ");
            self.text(&value)?;
            if let Some(at) = expire_ms {
                let time = match i64::try_from(at) {
                    Ok(at) => self.show.time(at),
                    Err(_) => format!("{at}ms"),
                };
                self.put(&format!("  expires {time}"));
            }
        }
        Ok(())
    }

    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Entry(id) => {
                if self.line("  ") {
                    self.put(&id.to_string());
                }
            }
            StreamPart::Field(field, value) => {
                if self.show.full || self.lines <= ELEMENTS {
                    self.put("  ");
                    self.text(&field)?;
                    self.put(" ");
                    self.text(&value)?;
                }
            }
            StreamPart::Meta(meta) => {
                self.more();
                self.words = ("line", "lines");
                self.line("  ");
                self.put(&format!(
                    "length {}, last id {}, first id {}, highest deleted id {}, ever added {}",
                    meta.length,
                    meta.last_id,
                    opt_id(meta.first_id),
                    opt_id(meta.max_deleted_id),
                    opt(meta.entries_added),
                ));
            }
            StreamPart::Group {
                name,
                last_id,
                entries_read,
            } => {
                if self.line("  ") {
                    self.put("group ");
                    self.text(&name)?;
                    let read = entries_read.filter(|n| *n >= 0);
                    self.put(&format!(": last id {last_id}, entries read {}", opt(read)));
                }
            }
            StreamPart::Pending { .. } => self.pending += 1,
            StreamPart::Consumer {
                name,
                seen_time,
                active_time,
            } => {
                self.pending();
                if self.line("    ") {
                    self.put("consumer ");
                    self.text(&name)?;
                    let active = match active_time {
                        None => "unknown".to_owned(),
                        Some(-1) => "never".to_owned(),
                        Some(ms) => format_time_ms(ms),
                    };
                    let seen = format_time_ms(seen_time);
                    self.put(&format!(": seen {seen}, active {active}"));
                }
            }
            StreamPart::Owned { id, time, count } => {
                self.delivery(id, time, count);
                self.out.relieve()?;
            }
            StreamPart::Nacked { id, time, count } => {
                self.pending();
                self.delivery(id, time, count);
                self.put(", given back");
                self.out.relieve()?;
            }
            StreamPart::GroupEnd => self.pending(),
            StreamPart::Idmp {
                duration,
                max_entries,
            } => {
                if self.line("  ") {
                    self.put(&format!(
                        "ids of producers: kept {duration}s, {max_entries} of each"
                    ));
                }
            }
            StreamPart::Producer(pid) => {
                if self.line("    ") {
                    self.put("producer ");
                    self.text(&pid)?;
                }
            }
            StreamPart::ProducerId(iid, entry) => {
                if self.line("      ") {
                    self.text(&iid)?;
                    self.put(&format!("  {entry}"));
                }
            }
            StreamPart::IdmpEnd { added, duplicates } => {
                if self.line("    ") {
                    self.put(&format!("added {added}, duplicates {duplicates}"));
                }
            }
        }
        Ok(())
    }

    fn module(&mut self, id: u64, fields: Str<'_>) -> Result<()> {
        let (name, version) = module::name(id);
        self.line("  ");
        let bytes = count(fields.len(), "byte", "bytes");
        self.put(&format!("{name} version {version}, {bytes}: "));
        self.text(&fields)
    }

    fn array_cursor(&mut self, cursor: Option<u64>) -> Result<()> {
        if let Some(cursor) = cursor {
            self.put(&format!("\n  cursor {cursor}"));
        }
        Ok(())
    }

    fn array_element(&mut self, index: u64, value: ArrayValue<'_>) -> Result<()> {
        if self.line("  ") {
            self.put(&format!("{index}  "));
            match value {
                ArrayValue::Text(s) => self.text(&s)?,
                ArrayValue::Float(v) => {
                    let mut text = Vec::new();
                    array::float_text(v, &mut text);
                    self.text(&Str::Bytes(&text))?;
                }
            }
        }
        Ok(())
    }

    fn gcra(&mut self, tat: u64) -> Result<()> {
        self.put(&format!("       {tat}"));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::open::Input;
    use crate::ops::get::{Options, Report, get};
    use crate::rdb::frame::Reader;

    const FILE: &[u8] = include_bytes!("../../testdata/rdb/redis-8.6.3-tiny.rdb");

    fn input(bytes: &[u8]) -> Box<std::io::Cursor<Vec<u8>>> {
        Box::new(std::io::Cursor::new(bytes.to_vec()))
    }

    fn names() -> Vec<Vec<u8>> {
        let mut reader = Reader::new(input(FILE), None, true).unwrap();
        let mut names = Vec::new();
        while let Some(block) = reader.next_block(None).unwrap() {
            let keys = block.records().filter(|r| r.row().is_some());
            names.extend(keys.map(|r| r.key(&mut Vec::new()).unwrap().to_vec()));
        }
        names
    }

    fn shown(bytes: &[u8], keys: &[Vec<u8>], full: bool) -> (Report, Vec<u8>) {
        let show = Show {
            binary: Binary::Auto,
            key_format: None,
            full,
            now_ms: 0,
            places: true,
            again: false,
        };
        let options = Options {
            keys: keys.to_vec(),
            dbs: Vec::new(),
            progress: &|_| (),
        };
        let mut out = Vec::new();
        let input = Input::of("x", input(bytes), None, None).unwrap();
        let report = get(input, || show.clone(), &options, &mut out);
        (report, out)
    }

    #[test]
    fn every_kind_of_value_is_shown() {
        let keys = names();
        let (report, out) = shown(FILE, &keys, true);
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        assert_eq!(report.count, keys.len() as u64);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("\nserialized  ").count(), keys.len());
        for word in [
            "\n  group ",
            "\n      1",
            "\n  ids of producers",
            "  expires 2",
        ] {
            assert!(text.contains(word), "{word}");
        }
    }

    #[test]
    fn damage_is_no_panic_and_nothing_that_a_terminal_obeys() {
        let keys = names();
        for at in (9..FILE.len()).step_by(7) {
            let mut bytes = FILE.to_vec();
            bytes[at] ^= [0xff, 1, 0x80][at % 3];
            if at % 5 == 0 {
                bytes.truncate(at);
            }
            let (_, out) = shown(&bytes, &keys, at % 2 == 0);
            let text = String::from_utf8(out).unwrap();
            assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{at}");
        }
    }

    #[test]
    fn characters_are_not_cut_between_pieces() {
        let text = "aż€😀";
        for n in 0..=text.len() {
            let (head, _) = text.as_bytes().split_at(n);
            let keep = unfinished(head);
            assert!(std::str::from_utf8(&head[..n - keep]).is_ok(), "{n}");
            assert!(keep < 4);
        }
        assert_eq!(unfinished(b"\x80\x80\x80\x80"), 0);
        assert_eq!(unfinished(b"\xff"), 1);
        assert_eq!(unfinished(b""), 0);
    }
}
