//! JSON: one object a record, as JSON Lines or as one array. The forms are those of the manual (`man/redisk-dump.1`).
//!
//! ```text
//!   {"db":0,"key":"user:1","type":"hash","encoding":"listpack","expire_ms":null,"value":[["name","ann",null]]}
//! ```

use super::bytes::{self, Binary};
use super::{Key, Render, Rendered};
use crate::error::Result;
use crate::input::bytes::Bytes;
use crate::model::kind::{Flavour, Kind, StreamId};
use crate::model::number;
use crate::packed::string::Str;
use crate::pipe::Out;
use crate::rdb::frame::{Header, Record, What};
use crate::rdb::value::module;
use crate::rdb::visit::{ArrayValue, StreamPart, Visit};
use crate::rdb::walk::{self, Scratch};
use crate::rdb::{length, opcode, string};

/// Renders records as JSON objects.
#[derive(Debug, Clone)]
pub struct Json {
    /// How byte strings are written.
    pub binary: Binary,
    /// Keys only, no other records.
    pub data_only: bool,
    /// One array instead of lines.
    pub array: bool,
    /// Where each key lies in the file, too: `type_code`, `offset`, `value_offset`, `bytes`. Keys without elements are
    /// not left out then.
    pub places: bool,
}

impl Json {
    fn end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.array { b"},\n" } else { b"}\n" });
    }
}

fn uint(n: u64, out: &mut Vec<u8>) {
    number::push_u64(n, out);
}

fn int(n: i64, out: &mut Vec<u8>) {
    number::push_i64(n, out);
}

fn opt_uint(n: Option<u64>, out: &mut Vec<u8>) {
    match n {
        Some(n) => uint(n, out),
        None => out.extend_from_slice(b"null"),
    }
}

fn opt_int(n: Option<i64>, out: &mut Vec<u8>) {
    match n {
        Some(n) => int(n, out),
        None => out.extend_from_slice(b"null"),
    }
}

fn id(id: StreamId, out: &mut Vec<u8>) {
    out.push(b'"');
    uint(id.ms, out);
    out.push(b'-');
    uint(id.seq, out);
    out.push(b'"');
}

fn opt_id(x: Option<StreamId>, out: &mut Vec<u8>) {
    match x {
        Some(x) => id(x, out),
        None => out.extend_from_slice(b"null"),
    }
}

/// The double as a whole number of hundredths that reads back to it, as most scores are.
#[inline]
fn hundredths(v: f64) -> Option<i64> {
    let n = v * 100.0;
    // Without a call, where what the sum rounds away cannot be a hundredth.
    let n = if n.abs() < 1e14 {
        whole(n + 0.5f64.copysign(n))
    } else {
        whole(n.round())
    };
    #[allow(clippy::cast_precision_loss, reason = "below 2^53")]
    (n != 0 && n.unsigned_abs() < 9_000_000_000_000_000 && n as f64 / 100.0 == v).then_some(n)
}

/// Whether the double is an integer below 2^53, and not -0.
#[inline]
fn is_int(v: f64) -> bool {
    #[allow(clippy::cast_precision_loss, reason = "compared")]
    let same = whole(v) as f64 == v;
    same && v.abs() < 9e15 && !(v == 0.0 && v.is_sign_negative())
}

/// The double without what is behind the point, as far as integers reach.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "asked for")]
fn whole(v: f64) -> i64 {
    v as i64
}

/// A double as JSON: a number that reads back to the same double, or a word.
fn double(v: f64, out: &mut Vec<u8>) {
    if v.is_nan() {
        out.extend_from_slice(b"\"nan\"");
    } else if v.is_infinite() {
        out.extend_from_slice(if v > 0.0 { b"\"inf\"" } else { b"\"-inf\"" });
    } else if is_int(v) {
        int(whole(v), out);
    } else if let Some(hundredths) = hundredths(v) {
        if hundredths < 0 {
            out.push(b'-');
        }
        number::push_hundredths(hundredths.unsigned_abs(), out);
    } else {
        // Writing into memory cannot fail.
        let _ = serde_json::to_writer(out, &v);
    }
}

impl Render for Json {
    fn head(&mut self, header: Header, out: &mut Vec<u8>) -> Result<()> {
        if self.array {
            out.extend_from_slice(b"[\n");
        }
        if !self.data_only {
            let magic = match header.flavour {
                Flavour::Redis => "REDIS",
                Flavour::Valkey => "VALKEY",
            };
            out.extend_from_slice(
                format!(
                    "{{\"rdb\":{{\"magic\":\"{magic}\",\"version\":{}}}",
                    header.version
                )
                .as_bytes(),
            );
            // Whoever reads it back is told what the strings are.
            if self.binary != Binary::Auto {
                let binary = self.binary.name();
                out.extend_from_slice(format!(",\"binary\":\"{binary}\"").as_bytes());
            }
            self.end(out);
        }
        Ok(())
    }

    fn key(&mut self, key: &Key<'_>, sc: &mut Scratch, out: &mut Out<'_, '_>) -> Result<Rendered> {
        let start = out.mark();
        let record = &key.record;
        let frame = record.frame;
        let kind = key.row.kind;
        out.buf.extend_from_slice(b"{\"db\":");
        uint(frame.db, &mut out.buf);
        out.buf.extend_from_slice(b",\"key\":");
        bytes::json_bytes(key.name, self.binary, &mut out.buf);
        out.buf.extend_from_slice(b",\"type\":\"");
        out.buf.extend_from_slice(kind.name().as_bytes());
        out.buf.extend_from_slice(b"\",\"encoding\":\"");
        let encoding = record.encoding().unwrap_or(key.row.encoding);
        out.buf.extend_from_slice(encoding.name().as_bytes());
        out.buf.extend_from_slice(b"\",\"expire_ms\":");
        opt_int(frame.attrs.expire_ms, &mut out.buf);
        if let Some(idle) = frame.attrs.idle {
            out.buf.extend_from_slice(b",\"idle\":");
            uint(idle, &mut out.buf);
        }
        if let Some(freq) = frame.attrs.freq {
            out.buf.extend_from_slice(b",\"freq\":");
            uint(u64::from(freq), &mut out.buf);
        }
        if frame.attrs.noevict {
            out.buf.extend_from_slice(b",\"noevict\":true");
        }
        if let Some(meta) = record.meta() {
            out.buf.extend_from_slice(b",\"meta\":\"");
            bytes::base64(meta, &mut out.buf);
            out.buf.push(b'"');
        }
        if self.places {
            out.buf.extend_from_slice(b",\"type_code\":");
            uint(u64::from(key.row.code), &mut out.buf);
            out.buf.extend_from_slice(b",\"offset\":");
            uint(record.offset(), &mut out.buf);
            out.buf.extend_from_slice(b",\"value_offset\":");
            uint(record.body_offset(), &mut out.buf);
            out.buf.extend_from_slice(b",\"bytes\":");
            uint(record.body_len(), &mut out.buf);
        }
        out.buf.extend_from_slice(b",\"value\":");
        let (open, close): (&[u8], &[u8]) = match kind {
            Kind::List | Kind::Set | Kind::Zset | Kind::Hash => (b"[", b"]"),
            Kind::Stream => (b"{\"entries\":[", b"}"),
            Kind::Array => (b"{", b"]}"),
            Kind::String | Kind::Module | Kind::Gcra => (b"", b""),
        };
        out.buf.extend_from_slice(open);
        let mut value = Value {
            out,
            binary: self.binary,
            first: true,
            inner: true,
            stream: At::Entries,
            empty: false,
        };
        let walked = walk::record(record, key.row, true, sc, &mut value);
        let (empty, stream) = (value.empty && !self.places, value.stream);
        if let Err(e) = walked {
            if out.is_whole(start) {
                out.take_back(start);
            } else {
                self.cut(kind, stream, &mut out.buf);
            }
            return Err(e);
        }
        if empty {
            out.take_back(start);
            return Ok(Rendered::Empty);
        }
        if kind == Kind::Stream {
            value_end(stream, out);
        }
        out.buf.extend_from_slice(close);
        self.end(&mut out.buf);
        out.relieve()?;
        Ok(Rendered::Done)
    }

    fn record(&mut self, record: &Record<'_>, out: &mut Out<'_, '_>) -> Result<()> {
        if self.data_only {
            return Ok(());
        }
        let What::Record(op) = record.frame.what else {
            return Ok(());
        };
        let start = out.mark();
        let done = match record.body() {
            Some(mut b) => self.other(op, record, &mut b, out),
            None => record
                .big_body()
                .and_then(|mut b| self.other(op, record, &mut b, out)),
        };
        if let Err(e) = done {
            if out.is_whole(start) {
                out.take_back(start);
            } else {
                let close: &[u8] = match op {
                    opcode::AUX => b"]",
                    opcode::FUNCTION2 => b"",
                    opcode::SLOT_IMPORT => b"}",
                    opcode::HASH_TEMPLATE => b"]}",
                    opcode::MODULE_AUX => b"\"}",
                    _ => b"\"",
                };
                out.buf.extend_from_slice(close);
                self.damaged(&mut out.buf);
            }
            return Err(e);
        }
        self.end(&mut out.buf);
        out.relieve()
    }

    fn tail(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if self.array {
            out.extend_from_slice(b"]\n");
        }
        Ok(())
    }
}

impl Json {
    /// Ends an object of which a part has left already: it says of itself that it is not whole.
    #[cold]
    fn damaged(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"damaged\":true");
        self.end(out);
    }

    /// Closes what is open between two elements of a value, and ends its object.
    #[cold]
    fn cut(&self, kind: Kind, stream: At, out: &mut Vec<u8>) {
        let close: &[u8] = match (kind, stream) {
            (Kind::String | Kind::Module | Kind::Gcra, _) => b"",
            (Kind::List | Kind::Set | Kind::Zset | Kind::Hash, _) => b"]",
            (Kind::Array, _) => b"]}",
            (Kind::Stream, At::Entries | At::Groups) => b"]}",
            (Kind::Stream, At::Entry) => b"]]]}",
            (Kind::Stream, At::Pending | At::Nacked) => b"]}]}",
            (Kind::Stream, At::Consumer) => b"]}]}]}",
            (Kind::Stream, At::Idmp) => b"]}}",
            (Kind::Stream, At::Producer) => b"]}]}}",
            (Kind::Stream, At::Done) => b"}",
        };
        out.extend_from_slice(close);
        self.damaged(out);
    }

    /// A record that is no key, without its closing brace.
    fn other<'a, B: Bytes<'a>>(
        &self,
        op: u8,
        record: &Record<'_>,
        b: &mut B,
        out: &mut Out<'_, '_>,
    ) -> Result<()> {
        let mut held = Vec::new();
        let valkey = record.block().header.flavour == Flavour::Valkey;
        let numbers = |b: &mut B, names: &[&str], out: &mut Vec<u8>| -> Result<()> {
            for (i, name) in names.iter().enumerate() {
                let n = length::number(b)?;
                let comma = if i == 0 { "" } else { "," };
                out.extend_from_slice(format!("{comma}\"{name}\":{n}").as_bytes());
            }
            Ok(())
        };
        match op {
            opcode::AUX => {
                out.buf.extend_from_slice(b"{\"aux\":[");
                bytes::json(&string::read(b, &mut held)?, self.binary, out)?;
                out.buf.push(b',');
                bytes::json(&string::read(b, &mut held)?, self.binary, out)?;
                out.buf.push(b']');
            }
            opcode::FUNCTION2 => {
                out.buf.extend_from_slice(b"{\"function\":");
                bytes::json(&string::read(b, &mut held)?, self.binary, out)?;
            }
            opcode::RESIZEDB => {
                out.buf.extend_from_slice(b"{\"resizedb\":{\"db\":");
                uint(record.frame.db, &mut out.buf);
                out.buf.push(b',');
                numbers(b, &["keys", "expires"], &mut out.buf)?;
                out.buf.push(b'}');
            }
            opcode::SLOT_INFO => {
                out.buf.extend_from_slice(b"{\"slot_info\":{");
                numbers(b, &["slot", "keys", "expires"], &mut out.buf)?;
                out.buf.push(b'}');
            }
            opcode::MODULE_AUX => {
                let id = length::number(b)?;
                length::number(b)?;
                let when = length::number(b)?;
                let (name, version) = module::name(id);
                out.buf.extend_from_slice(b"{\"module_aux\":{\"module\":");
                bytes::json_text(&name, &mut out.buf);
                out.buf.extend_from_slice(
                    format!(",\"version\":{version},\"when\":{when},\"payload\":\"").as_bytes(),
                );
                self.rest(b, out)?;
                out.buf.extend_from_slice(b"\"}");
            }
            opcode::SLOT_IMPORT if valkey => {
                out.buf.extend_from_slice(b"{\"slot_import\":{\"job\":");
                bytes::json(&string::read(b, &mut held)?, self.binary, out)?;
                out.buf.extend_from_slice(b",\"slots\":[");
                for i in 0..length::number(b)? {
                    let (first, last) = (length::number(b)?, length::number(b)?);
                    let comma = if i == 0 { "" } else { "," };
                    out.buf
                        .extend_from_slice(format!("{comma}[{first},{last}]").as_bytes());
                }
                out.buf.extend_from_slice(b"]}");
            }
            opcode::HASH_TEMPLATE => {
                out.buf.extend_from_slice(b"{\"hash_template\":{\"id\":");
                uint(length::number(b)?, &mut out.buf);
                out.buf.extend_from_slice(b",\"fields\":[");
                for i in 0..length::number(b)? {
                    if i > 0 {
                        out.buf.push(b',');
                    }
                    bytes::json(&string::read(b, &mut held)?, self.binary, out)?;
                }
                out.buf.extend_from_slice(b"]}");
            }
            other => {
                out.buf
                    .extend_from_slice(format!("{{\"opcode\":{other},\"raw\":\"").as_bytes());
                self.rest(b, out)?;
                out.buf.push(b'"');
            }
        }
        Ok(())
    }

    /// What is left, as base64.
    #[allow(clippy::unused_self, reason = "reads as one of the family")]
    fn rest<'a, B: Bytes<'a>>(&self, b: &mut B, out: &mut Out<'_, '_>) -> Result<()> {
        let mut stream = bytes::Base64Stream::default();
        let mut held = Vec::new();
        while b.left() > 0 {
            let n = b.left().min(48 << 10);
            if let crate::input::bytes::Data::Slice(piece) = b.take(n, &mut held)? {
                stream.push(piece, &mut out.buf);
            }
            out.relieve()?;
        }
        stream.finish(&mut out.buf);
        Ok(())
    }
}

/// Where in a stream's object the output stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Entries,
    Entry,
    Groups,
    Pending,
    Consumer,
    Nacked,
    Idmp,
    Producer,
    Done,
}

struct Value<'o, 'g, 's> {
    out: &'o mut Out<'g, 's>,
    binary: Binary,
    /// Nothing stands in the list under way yet.
    first: bool,
    /// The same for the list inside.
    inner: bool,
    stream: At,
    empty: bool,
}

impl Value<'_, '_, '_> {
    /// Opens an array that is an element.
    #[inline]
    fn open(&mut self) {
        if self.first {
            self.first = false;
            self.out.buf.push(b'[');
        } else {
            self.out.buf.extend_from_slice(b",[");
        }
    }

    #[inline]
    fn comma(&mut self) {
        if self.first {
            self.first = false;
        } else {
            self.out.buf.push(b',');
        }
    }

    #[inline]
    fn inner_comma(&mut self) {
        if self.inner {
            self.inner = false;
        } else {
            self.out.buf.push(b',');
        }
    }

    /// Writes a string; where a giant one breaks off it is closed, and `close` written behind it: what is open around it
    /// up to the list.
    #[inline]
    fn text(&mut self, s: &Str<'_>, close: &[u8]) -> Result<()> {
        bytes::json(s, self.binary, self.out).inspect_err(|_| self.out.buf.extend_from_slice(close))
    }

    #[inline]
    fn put(&mut self, text: &[u8]) {
        self.out.buf.extend_from_slice(text);
    }
}

impl Visit for Value<'_, '_, '_> {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        self.text(&value, b"")
    }

    #[inline]
    fn element(&mut self, element: Str<'_>) -> Result<()> {
        self.comma();
        self.text(&element, b"")?;
        self.out.relieve()
    }

    #[inline]
    fn member(&mut self, member: Str<'_>) -> Result<()> {
        self.element(member)
    }

    #[inline]
    fn scored(&mut self, member: Str<'_>, score: f64) -> Result<()> {
        self.open();
        self.text(&member, b"]")?;
        self.out.buf.push(b',');
        double(score, &mut self.out.buf);
        self.out.buf.push(b']');
        self.out.relieve()
    }

    #[inline]
    fn field(&mut self, field: Str<'_>, value: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        self.open();
        self.text(&field, b"]")?;
        self.out.buf.push(b',');
        self.text(&value, b"]")?;
        match expire_ms {
            None => self.put(b",null]"),
            Some(ms) => {
                self.put(b",");
                uint(ms, &mut self.out.buf);
                self.put(b"]");
            }
        }
        self.out.relieve()
    }

    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Entry(entry) => {
                if self.stream == At::Entry {
                    self.put(b"]]");
                }
                self.stream = At::Entry;
                self.comma();
                self.put(b"[");
                id(entry, &mut self.out.buf);
                self.put(b",[");
                self.inner = true;
            }
            StreamPart::Field(field, value) => {
                self.inner_comma();
                self.put(b"[");
                self.text(&field, b"]")?;
                self.put(b",");
                self.text(&value, b"]")?;
                self.put(b"]");
            }
            StreamPart::Meta(meta) => {
                if self.stream == At::Entry {
                    self.put(b"]]");
                }
                self.put(b"],\"length\":");
                uint(meta.length, &mut self.out.buf);
                self.put(b",\"last_id\":");
                id(meta.last_id, &mut self.out.buf);
                self.put(b",\"first_id\":");
                opt_id(meta.first_id, &mut self.out.buf);
                self.put(b",\"max_deleted_id\":");
                opt_id(meta.max_deleted_id, &mut self.out.buf);
                self.put(b",\"entries_added\":");
                opt_uint(meta.entries_added, &mut self.out.buf);
                self.put(b",\"groups\":[");
                self.first = true;
                self.stream = At::Groups;
            }
            StreamPart::Group {
                name,
                last_id,
                entries_read,
            } => {
                self.comma();
                self.put(b"{\"name\":");
                self.text(&name, b"}")?;
                self.put(b",\"last_id\":");
                id(last_id, &mut self.out.buf);
                self.put(b",\"entries_read\":");
                opt_int(entries_read, &mut self.out.buf);
                self.put(b",\"pel\":[");
                self.inner = true;
                self.stream = At::Pending;
            }
            StreamPart::Pending {
                id: entry,
                time,
                count,
            } => {
                self.inner_comma();
                self.put(b"[");
                id(entry, &mut self.out.buf);
                self.put(b",");
                int(time, &mut self.out.buf);
                self.put(b",");
                uint(count, &mut self.out.buf);
                self.put(b"]");
            }
            StreamPart::Consumer {
                name,
                seen_time,
                active_time,
            } => {
                self.put(if self.stream == At::Consumer {
                    b"]},"
                } else {
                    b"],\"consumers\":["
                });
                self.put(b"{\"name\":");
                // Until its own list is open, what is around it is closed like the list of pending entries.
                self.stream = At::Pending;
                self.text(&name, b"}")?;
                self.put(b",\"seen_time\":");
                int(seen_time, &mut self.out.buf);
                self.put(b",\"active_time\":");
                opt_int(active_time, &mut self.out.buf);
                self.put(b",\"pending\":[");
                self.inner = true;
                self.stream = At::Consumer;
            }
            StreamPart::Owned { id: entry, .. } => {
                self.inner_comma();
                id(entry, &mut self.out.buf);
            }
            StreamPart::Nacked { id: entry, .. } => {
                if self.stream != At::Nacked {
                    self.close_consumers();
                    self.put(b",\"nacked\":[");
                    self.inner = true;
                    self.stream = At::Nacked;
                }
                self.inner_comma();
                id(entry, &mut self.out.buf);
            }
            StreamPart::GroupEnd => {
                if self.stream == At::Nacked {
                    self.put(b"]}");
                } else {
                    self.close_consumers();
                    self.put(b",\"nacked\":[]}");
                }
                self.stream = At::Groups;
            }
            StreamPart::Idmp {
                duration,
                max_entries,
            } => {
                self.put(b"],\"idmp\":{\"duration\":");
                uint(duration, &mut self.out.buf);
                self.put(b",\"max_entries\":");
                uint(max_entries, &mut self.out.buf);
                self.put(b",\"producers\":[");
                self.first = true;
                self.stream = At::Idmp;
            }
            StreamPart::Producer(pid) => {
                if self.stream == At::Producer {
                    self.put(b"]}");
                }
                self.comma();
                self.put(b"{\"pid\":");
                self.stream = At::Idmp;
                self.text(&pid, b"}")?;
                self.put(b",\"ids\":[");
                self.inner = true;
                self.stream = At::Producer;
            }
            StreamPart::ProducerId(iid, entry) => {
                self.inner_comma();
                self.put(b"[");
                self.text(&iid, b"]")?;
                self.put(b",");
                id(entry, &mut self.out.buf);
                self.put(b"]");
            }
            StreamPart::IdmpEnd { added, duplicates } => {
                if self.stream == At::Producer {
                    self.put(b"]}");
                }
                self.put(b"],\"added\":");
                uint(added, &mut self.out.buf);
                self.put(b",\"duplicates\":");
                uint(duplicates, &mut self.out.buf);
                self.put(b"}");
                self.stream = At::Done;
            }
        }
        self.out.relieve()
    }

    fn module(&mut self, module: u64, fields: Str<'_>) -> Result<()> {
        let (name, version) = module::name(module);
        self.put(b"{\"module\":");
        bytes::json_text(&name, &mut self.out.buf);
        self.put(format!(",\"version\":{version},\"payload\":").as_bytes());
        let done = bytes::json(&fields, Binary::Base64, self.out);
        self.put(b"}");
        done
    }

    fn array_cursor(&mut self, cursor: Option<u64>) -> Result<()> {
        self.put(b"\"cursor\":");
        opt_uint(cursor, &mut self.out.buf);
        self.put(b",\"elements\":[");
        Ok(())
    }

    fn array_element(&mut self, index: u64, value: ArrayValue<'_>) -> Result<()> {
        self.comma();
        self.put(b"[");
        uint(index, &mut self.out.buf);
        self.put(b",");
        match value {
            ArrayValue::Text(s) => self.text(&s, b"]")?,
            ArrayValue::Float(v) => {
                let mut text = Vec::new();
                crate::rdb::value::array::float_text(v, &mut text);
                bytes::json_bytes(&text, self.binary, &mut self.out.buf);
            }
        }
        self.put(b"]");
        self.out.relieve()
    }

    fn gcra(&mut self, tat: u64) -> Result<()> {
        uint(tat, &mut self.out.buf);
        Ok(())
    }

    fn empty(&mut self) -> Result<()> {
        self.empty = true;
        Ok(())
    }
}

impl Value<'_, '_, '_> {
    fn close_consumers(&mut self) {
        self.put(if self.stream == At::Consumer {
            b"]}]"
        } else {
            b"],\"consumers\":[]"
        });
    }
}

/// Closes what a stream's last part left open.
fn value_end(at: At, out: &mut Out<'_, '_>) {
    if at != At::Done {
        out.buf.extend_from_slice(b"],\"idmp\":null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_read_back_to_the_same_double() {
        let text = |v: f64| {
            let mut out = Vec::new();
            double(v, &mut out);
            String::from_utf8(out).unwrap()
        };
        for (v, want) in [
            (0.0, "0"),
            (-0.0, "-0.0"),
            (1.5, "1.5"),
            (-0.25, "-0.25"),
            (0.07, "0.07"),
            (123.45, "123.45"),
            (1e17, "1e+17"),
            (f64::INFINITY, "\"inf\""),
            (f64::NEG_INFINITY, "\"-inf\""),
            (f64::NAN, "\"nan\""),
            (-1e300, "-1e+300"),
            (0.005, "0.005"),
            (-89_999_999_999.99, "-89999999999.99"),
            (9e15 - 1.0, "8999999999999999"),
        ] {
            assert_eq!(text(v), want);
        }
        let mut x = 1u64;
        for i in 0..200_000u64 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            #[allow(clippy::cast_precision_loss, reason = "any double will do")]
            let v = match i % 3 {
                0 => f64::from_bits(x),
                1 => (x >> 40) as f64 / 100.0,
                _ => (x >> 20) as f64 / 1000.0,
            };
            if v.is_finite() {
                let back: f64 = text(v).parse().unwrap();
                assert_eq!(back.to_bits(), v.to_bits(), "{v:e}");
            }
        }
    }
}
