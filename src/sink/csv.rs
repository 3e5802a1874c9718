//! CSV (RFC 4180): a row an element, for spreadsheets and databases.
//!
//! ```text
//!   db,key,type,encoding,expire_ms,field,value,extra
//!   string  , value,              list    index, element,        set    member, ,
//!   zset    member, , score       hash    field, value, field expiry in ms
//!   stream  id, value, field      array   index, element,        module  name, payload, version      gcra  , number,
//! ```
//! A stream has a row for each field of each entry; one without entries has a row without them. Lines end with CR LF. A
//! cell with a comma, a quote, CR or LF stands between quotes, in which a quote is doubled.
//!
//! Byte strings (keys, fields, members, values) by `--binary`: auto writes UTF-8 text as it is and other bytes as
//! `base64:` and their base64. Text with control characters (but for TAB, LF and CR LF), text that begins with `base64:`
//! itself and anything over 1 MiB goes that way too, so that cells read back to the bytes and cannot paint a terminal.
//! The other forms are bare base64, hex, or escapes.
//!
//! With `safe`, a cell that a spreadsheet would run gets a `'` in front: one that begins with `=`, `+`, `-`, `@` (or
//! their wide forms), TAB or CR and is no plain number. So does one that begins with `'`, which makes it readable again.

use super::bytes::{self, Base64Stream, Binary};
use super::{Key, Render, Rendered};
use crate::error::Result;
use crate::model::kind::StreamId;
use crate::model::loss::{Loss, Losses};
use crate::model::number::{self, DoubleText};
use crate::packed::string::{Digits, Str};
use crate::pipe::Out;
use crate::rdb::frame::{Header, Record, What};
use crate::rdb::opcode;
use crate::rdb::value::{array, module};
use crate::rdb::visit::{ArrayValue, StreamPart, Visit};
use crate::rdb::walk::{self, Scratch};
use crate::text;

/// Renders keys as rows.
#[derive(Debug, Clone, Default)]
pub struct Csv {
    /// How byte strings are written.
    pub binary: Binary,
    /// Whether to guard against spreadsheets that run cells.
    pub safe: bool,
    /// What rows cannot say.
    losses: Losses,
    /// The cells that all rows of a key share.
    front: Vec<u8>,
    text: Vec<u8>,
}

impl Csv {
    /// In that form.
    #[must_use]
    pub fn new(binary: Binary, safe: bool) -> Csv {
        Csv {
            binary,
            safe,
            ..Csv::default()
        }
    }
}

impl Render for Csv {
    fn head(&mut self, _: Header, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(b"db,key,type,encoding,expire_ms,field,value,extra\r\n");
        Ok(())
    }

    fn key(&mut self, key: &Key<'_>, sc: &mut Scratch, out: &mut Out<'_, '_>) -> Result<Rendered> {
        let record = &key.record;
        let attrs = &record.frame.attrs;
        let mut front = std::mem::take(&mut self.front);
        front.clear();
        front.extend_from_slice(record.frame.db.to_string().as_bytes());
        front.push(b',');
        self.cell(key.name, &mut front);
        front.push(b',');
        front.extend_from_slice(key.row.kind.name().as_bytes());
        front.push(b',');
        let encoding = record.encoding().unwrap_or(key.row.encoding);
        front.extend_from_slice(encoding.name().as_bytes());
        front.push(b',');
        if let Some(ms) = attrs.expire_ms {
            number::push_i64(ms, &mut front);
        }
        front.push(b',');
        self.front = front;
        if attrs.meta.is_some() {
            self.lose(Loss::KeyMeta, 1, record);
        }
        let mut rows = Rows {
            csv: self,
            out,
            record,
            index: 0,
            id: StreamId::default(),
            pairs: 0,
            entries: 0,
            producers: false,
            empty: false,
        };
        walk::record(record, key.row, true, sc, &mut rows)?;
        let empty = rows.empty;
        out.relieve()?;
        Ok(if empty {
            Rendered::Empty
        } else {
            Rendered::Done
        })
    }

    fn record(&mut self, record: &Record<'_>, _: &mut Out<'_, '_>) -> Result<()> {
        match record.frame.what {
            What::Record(opcode::FUNCTION2) => self.lose(Loss::Function, 1, record),
            What::Record(opcode::MODULE_AUX) => self.lose(Loss::ModuleAux, 1, record),
            _ => {}
        }
        Ok(())
    }

    fn losses(&self) -> Losses {
        self.losses.clone()
    }
}

/// What marks base64 in `--binary auto`.
const MARK: &[u8] = b"base64:";

impl Csv {
    #[cold]
    fn lose(&mut self, loss: Loss, n: u64, record: &Record<'_>) {
        self.losses.add(loss, n, || record.place());
    }

    /// A cell with a byte string.
    #[inline]
    fn cell(&mut self, b: &[u8], out: &mut Vec<u8>) {
        let plain = matches!(self.binary, Binary::Auto | Binary::Escape)
            && b.iter()
                .all(|c| (0x20..0x7f).contains(c) && !matches!(c, b',' | b'"' | b'\\'))
            && !(self.binary == Binary::Auto && b.starts_with(MARK))
            && !(self.safe && runs(b));
        if plain {
            out.extend_from_slice(b);
        } else {
            self.awkward(b, out);
        }
    }

    #[inline(never)]
    fn awkward(&mut self, b: &[u8], out: &mut Vec<u8>) {
        let text = &mut self.text;
        text.clear();
        match self.binary {
            Binary::Auto if is_text(b) => text.extend_from_slice(b),
            Binary::Auto => {
                text.extend_from_slice(MARK);
                bytes::base64(b, text);
            }
            Binary::Base64 => bytes::base64(b, text),
            Binary::Hex => bytes::hex(b, text),
            Binary::Escape => text::push_escaped(b, text),
        }
        let guard = self.safe && runs(text);
        let quote = text
            .iter()
            .any(|c| matches!(c, b',' | b'"' | b'\r' | b'\n'));
        if quote {
            out.push(b'"');
        }
        if guard {
            out.push(b'\'');
        }
        if quote {
            for part in text.split_inclusive(|c| *c == b'"') {
                out.extend_from_slice(part);
                if part.ends_with(b"\"") {
                    out.push(b'"');
                }
            }
            out.push(b'"');
        } else {
            out.extend_from_slice(text);
        }
    }

    fn string(&mut self, s: &Str<'_>, out: &mut Out<'_, '_>) -> Result<()> {
        match s {
            Str::Bytes(b) => self.cell(b, &mut out.buf),
            Str::Int(n) => self.cell(Digits::new(*n).as_bytes(), &mut out.buf),
            Str::Giant(_) => return self.giant(s, out),
        }
        Ok(())
    }

    #[cold]
    fn giant(&mut self, s: &Str<'_>, out: &mut Out<'_, '_>) -> Result<()> {
        match self.binary {
            Binary::Auto | Binary::Base64 => {
                if self.binary == Binary::Auto {
                    out.buf.extend_from_slice(MARK);
                }
                let mut stream = Base64Stream::default();
                // Only the first character decides, and the rest needs no quotes.
                let start = (self.safe && self.binary == Binary::Base64).then_some(out.buf.len());
                let mut first = true;
                s.chunks(&mut |piece| {
                    stream.push(piece, &mut out.buf);
                    if let Some(start) = start.filter(|_| first)
                        && out.buf.get(start) == Some(&b'+')
                    {
                        out.buf.insert(start, b'\'');
                    }
                    first = false;
                    out.relieve()
                })?;
                stream.finish(&mut out.buf);
                Ok(())
            }
            Binary::Hex => s.chunks(&mut |piece| {
                bytes::hex(piece, &mut out.buf);
                out.relieve()
            }),
            Binary::Escape => {
                // For eyes: a character cut by a chunk's border comes as escaped bytes.
                out.buf.push(b'"');
                let mut first = true;
                s.chunks(&mut |piece| {
                    let shown = text::escaped(piece).to_string();
                    if std::mem::take(&mut first) && self.safe && runs(shown.as_bytes()) {
                        out.buf.push(b'\'');
                    }
                    out.buf
                        .extend_from_slice(shown.replace('"', "\"\"").as_bytes());
                    out.relieve()
                })?;
                out.buf.push(b'"');
                Ok(())
            }
        }
    }
}

/// Whether bytes go into a cell as they are.
fn is_text(b: &[u8]) -> bool {
    if b.starts_with(MARK) {
        return false;
    }
    let Ok(text) = std::str::from_utf8(b) else {
        return false;
    };
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let fine = match c {
            '\t' | '\n' => true,
            '\r' => chars.peek() == Some(&'\n'),
            c => !c.is_control() && !text::is_invisible(c),
        };
        if !fine {
            return false;
        }
    }
    true
}

/// Whether a spreadsheet would take a cell for more than text or a number, or the guard for part of it.
fn runs(cell: &[u8]) -> bool {
    const WIDE: [&[u8]; 4] = [
        "\u{ff1d}".as_bytes(),
        "\u{ff0b}".as_bytes(),
        "\u{ff0d}".as_bytes(),
        "\u{ff20}".as_bytes(),
    ];
    match cell {
        [b'=' | b'@' | b'\t' | b'\r' | b'\n' | b'\'', ..] => true,
        [b'+' | b'-', rest @ ..] => {
            let mut points = 0;
            let digits = rest.iter().all(|c| {
                points += usize::from(*c == b'.');
                c.is_ascii_digit() || *c == b'.'
            });
            !(digits && points <= 1 && rest.len() > points)
        }
        _ => WIDE.iter().any(|wide| cell.starts_with(wide)),
    }
}

/// Turns what a walk tells into rows.
struct Rows<'a, 'r, 'g, 's> {
    csv: &'a mut Csv,
    out: &'a mut Out<'g, 's>,
    record: &'a Record<'r>,
    /// Of the next element of a list.
    index: u64,
    /// Of the entry under way.
    id: StreamId,
    /// Rows of the entry under way.
    pairs: u64,
    entries: u64,
    producers: bool,
    empty: bool,
}

impl Rows<'_, '_, '_, '_> {
    /// A row; what is none of the file's bytes comes as text.
    #[inline]
    fn row(&mut self, field: Cell<'_>, value: Cell<'_>, extra: Cell<'_>) -> Result<()> {
        self.out.buf.extend_from_slice(&self.csv.front);
        self.cell(field)?;
        self.out.buf.push(b',');
        self.cell(value)?;
        self.out.buf.push(b',');
        self.cell(extra)?;
        self.out.buf.extend_from_slice(b"\r\n");
        self.out.relieve()
    }

    #[inline]
    fn cell(&mut self, cell: Cell<'_>) -> Result<()> {
        match cell {
            Cell::No => {}
            Cell::Of(s) => return self.csv.string(s, self.out),
            Cell::Uint(n) => self.out.buf.extend_from_slice(n.to_string().as_bytes()),
            Cell::Id(id) => self.out.buf.extend_from_slice(id.to_string().as_bytes()),
            Cell::Score(v) => number::format_reply(v, DoubleText::Fpconv, &mut self.out.buf),
        }
        Ok(())
    }

    fn entry_end(&mut self) -> Result<()> {
        if self.entries > 0 && self.pairs == 0 {
            return self.row(Cell::Id(self.id), Cell::No, Cell::No);
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Cell<'c> {
    No,
    Of(&'c Str<'c>),
    Uint(u64),
    Id(StreamId),
    Score(f64),
}

impl Visit for Rows<'_, '_, '_, '_> {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        self.row(Cell::No, Cell::Of(&value), Cell::No)
    }

    fn element(&mut self, element: Str<'_>) -> Result<()> {
        self.index += 1;
        self.row(Cell::Uint(self.index - 1), Cell::Of(&element), Cell::No)
    }

    fn member(&mut self, member: Str<'_>) -> Result<()> {
        self.row(Cell::Of(&member), Cell::No, Cell::No)
    }

    fn scored(&mut self, member: Str<'_>, score: f64) -> Result<()> {
        self.row(Cell::Of(&member), Cell::No, Cell::Score(score))
    }

    fn field(&mut self, field: Str<'_>, value: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        let extra = expire_ms.map_or(Cell::No, Cell::Uint);
        self.row(Cell::Of(&field), Cell::Of(&value), extra)
    }

    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Entry(id) => {
                self.entry_end()?;
                self.id = id;
                self.pairs = 0;
                self.entries += 1;
            }
            StreamPart::Field(field, value) => {
                self.pairs += 1;
                return self.row(Cell::Id(self.id), Cell::Of(&value), Cell::Of(&field));
            }
            StreamPart::Meta(_) => {
                self.entry_end()?;
                if self.entries == 0 {
                    return self.row(Cell::No, Cell::No, Cell::No);
                }
            }
            StreamPart::Group { .. } => self.csv.lose(Loss::Group, 1, self.record),
            StreamPart::Producer(_) if !self.producers => {
                self.producers = true;
                self.csv.lose(Loss::Idmp, 1, self.record);
            }
            _ => {}
        }
        Ok(())
    }

    fn module(&mut self, id: u64, fields: Str<'_>) -> Result<()> {
        let (name, version) = module::name(id);
        // Never text, whatever its bytes happen to be.
        let buf = &mut self.out.buf;
        buf.extend_from_slice(&self.csv.front);
        buf.extend_from_slice(name.as_bytes());
        buf.push(b',');
        if self.csv.binary == Binary::Auto {
            buf.extend_from_slice(MARK);
        }
        let mut stream = Base64Stream::default();
        fields.chunks(&mut |piece| {
            stream.push(piece, &mut self.out.buf);
            self.out.relieve()
        })?;
        stream.finish(&mut self.out.buf);
        self.out.buf.push(b',');
        self.cell(Cell::Uint(version))?;
        self.out.buf.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn array_element(&mut self, index: u64, value: ArrayValue<'_>) -> Result<()> {
        match value {
            ArrayValue::Text(s) => self.row(Cell::Uint(index), Cell::Of(&s), Cell::No),
            ArrayValue::Float(v) => {
                let mut text = Vec::new();
                array::float_text(v, &mut text);
                self.row(Cell::Uint(index), Cell::Of(&Str::Bytes(&text)), Cell::No)
            }
        }
    }

    fn gcra(&mut self, tat: u64) -> Result<()> {
        self.row(Cell::No, Cell::Uint(tat), Cell::No)
    }

    fn empty(&mut self) -> Result<()> {
        self.empty = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(b: &[u8], binary: Binary, safe: bool) -> String {
        let mut out = Vec::new();
        Csv::new(binary, safe).cell(b, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_that_need_quotes_or_base64() {
        for (bytes, want) in [
            (&b"plain text"[..], "plain text"),
            (b"", ""),
            (b"a,b", "\"a,b\""),
            (b"say \"hi\"", "\"say \"\"hi\"\"\""),
            (b"\"", "\"\"\"\""),
            (b"two\r\nlines", "\"two\r\nlines\""),
            ("żółw".as_bytes(), "żółw"),
            (b"over\rwritten", "base64:b3Zlcg13cml0dGVu"),
            (b"C:\\dir", "C:\\dir"),
            (b"\x1b[31m", "base64:G1szMW0="),
            (b"\xff", "base64:/w=="),
            (b"base64:eA==", "base64:YmFzZTY0OmVBPT0="),
        ] {
            assert_eq!(cell(bytes, Binary::Auto, false), want);
        }
        assert_eq!(cell(b"a\xff,", Binary::Escape, false), "\"a\\xff,\"");
        assert_eq!(cell(b"a,", Binary::Hex, false), "612c");
        assert_eq!(cell(b"a,", Binary::Base64, false), "YSw=");
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_guarded() {
        for (bytes, want) in [
            (&b"=1+1"[..], "'=1+1"),
            (b"@SUM(A1)", "'@SUM(A1)"),
            (b"+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            (b"-2+3", "'-2+3"),
            (b"-2.5", "-2.5"),
            (b"+5", "+5"),
            (b"-", "'-"),
            (b"-.", "'-."),
            (b"1e5", "1e5"),
            (b"'quoted", "''quoted"),
            (b"=a,b", "\"'=a,b\""),
            ("＝1".as_bytes(), "'＝1"),
        ] {
            assert_eq!(cell(bytes, Binary::Auto, true), want);
            assert_eq!(
                cell(bytes, Binary::Auto, false),
                want.replacen(
                    '\'',
                    "",
                    usize::from(want != String::from_utf8_lossy(bytes))
                )
            );
        }
    }
}
