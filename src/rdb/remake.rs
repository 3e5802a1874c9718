//! A record in the place of another one: with another name, database or expiry, or with other strings in its value.
//!
//! ```text
//!   record of the file ─▶ [new name] [value as it stands, or made anew by a Change] ─▶ record of a block of its own
//! ```
//! Whoever handles records handles these like those of the file; offsets are those of the record in whose place it
//! stands. A value that is made anew has the plainest layout that holds it:
//!
//! | | |
//! |---|---|
//! | list, set, sorted set | `<len n>` n × string, with a score of eight bytes |
//! | hash | the same, of pairs; with expiries as HASH_METADATA (24), in files of Valkey HASH_2 (22) |
//! | stream | its nodes with other strings in them, and all else as it stands |
//! | array | its elements |
//!
//! Memory: up to a megabyte a value, more goes to an unlinked file; of a stream one node at a time.

use super::encode::strings::Strings;
use super::frame::{Attrs, BigBody, Block, Frame, Record, What};
use super::length;
use super::string::{self, Blob};
use super::types::{self, Layout, TypeRow};
use super::visit::{ArrayValue, Visit};
use super::walk::{self, Scratch};
use crate::error::{Error, Result};
use crate::input::bytes::{Bytes, ReadAt};
use crate::input::spool::Spool;
use crate::limits::{self, LAST_FIELD_EXPIRY};
use crate::model::kind::{Encoding, Flavour, Kind};
use crate::packed::listpack as lp;
use crate::packed::pack::{self, Pack};
use crate::packed::string::{Giant, Str};
use crate::resp::encode::Output;
use std::sync::Arc;

/// What becomes of a value.
pub trait Change {
    /// The string in the place of another: itself, or one that `held` holds. `None` of a giant one that
    /// [`Change::giant`] gives.
    fn text<'m>(&self, text: Str<'m>, held: &'m mut Vec<u8>) -> Option<Str<'m>>;
    /// The string in the place of a giant one, of the same length, piece by piece.
    ///
    /// # Errors
    /// What reading it, or the sink, says.
    fn giant(&self, giant: &Giant<'_>, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>;
    /// The expiry of a field in the place of another; an error of it is that the field goes.
    fn expiry(&self, ms: u64) -> std::result::Result<Option<u64>, Gone>;
}

/// The field goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// What a record is to be.
#[derive(Debug, Clone, Copy)]
pub struct New<'n> {
    /// The key's name; `None` for the one it has.
    pub name: Option<&'n [u8]>,
    /// Its database.
    pub db: u64,
    /// Its expiry, Unix milliseconds.
    pub expire_ms: Option<i64>,
    /// Whether the metadata in front of it stays.
    pub meta: bool,
}

/// A value that was made anew.
#[derive(Debug, Clone, Copy)]
pub struct Value {
    row: &'static TypeRow,
    encoding: Encoding,
    /// Fields that went.
    pub gone: u64,
    /// Whether nothing is left, though there was something.
    pub all_gone: bool,
}

/// The bytes of a value in the making.
#[derive(Default)]
struct Body {
    /// What stands in front, and is known in the end.
    head: Vec<u8>,
    held: Vec<u8>,
    spool: Spool,
    most: usize,
}

impl Output for Body {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.held
    }

    fn relieve(&mut self) -> Result<()> {
        if self.held.len() >= self.most {
            self.spool.write(&self.held)?;
            self.held.clear();
        }
        Ok(())
    }
}

/// A long value: its head, and what was spooled.
struct Spooled {
    head: Vec<u8>,
    rest: Spool,
}

impl ReadAt for Spooled {
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        let len = self.head.len() as u64;
        let Some(here) = len.checked_sub(at).filter(|n| *n > 0) else {
            return self.rest.read_exact_at(buf, at - len);
        };
        let here = usize::try_from(here).unwrap_or(usize::MAX).min(buf.len());
        let (front, behind) = buf.split_at_mut(here);
        let start = usize::try_from(at).unwrap_or(usize::MAX);
        for (place, byte) in front.iter_mut().zip(self.head.iter().skip(start)) {
            *place = *byte;
        }
        self.rest.read_exact_at(behind, 0)
    }
}

/// Makes records; one a worker.
pub struct Remaker {
    body: Body,
    strings: Strings,
    block: Option<Block>,
    held: Vec<u8>,
}

impl Default for Remaker {
    fn default() -> Remaker {
        Remaker::spooling(limits::BIG_RECORD)
    }
}

impl Remaker {
    /// One that holds values of so many bytes in memory.
    #[must_use]
    pub fn spooling(most: usize) -> Remaker {
        Remaker {
            body: Body {
                most,
                ..Body::default()
            },
            // Whoever writes the record compresses it.
            strings: Strings::new(false),
            block: None,
            held: Vec::new(),
        }
    }

    /// Makes the value of a record anew. Of modules and rate limiters there is nothing to be made.
    ///
    /// # Errors
    /// Damage of the value, naming the key.
    pub fn value(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        change: &impl Change,
        sc: &mut Scratch,
    ) -> Result<Value> {
        self.body.head.clear();
        self.body.held.clear();
        self.body.spool = Spool::default();
        if row.kind == Kind::Stream {
            return self.stream(record, row, change, sc);
        }
        let flavour = record.block().header.flavour;
        let mut least = None;
        if row.kind == Kind::Hash && expires(row.layout) {
            let mut survey = Least(change, None);
            walk::record(record, row, false, sc, &mut survey)?;
            let most = match flavour {
                Flavour::Redis => LAST_FIELD_EXPIRY,
                Flavour::Valkey => u64::MAX,
            };
            least = survey.1.map(|ms| ms.min(most));
        }
        let mut build = Build {
            change,
            body: &mut self.body,
            strings: &mut self.strings,
            held: &mut self.held,
            least,
            valkey: flavour == Flavour::Valkey,
            count: 0,
            gone: 0,
            cursor: None,
        };
        walk::record(record, row, true, sc, &mut build)?;
        let (count, gone, cursor) = (build.count, build.gone, build.cursor);
        let head = &mut self.body.head;
        let code = match row.kind {
            Kind::List => 1,
            Kind::Set => 2,
            Kind::Zset => 5,
            Kind::Hash => match least {
                None => 4,
                Some(_) if flavour == Flavour::Valkey => 22,
                Some(least) => {
                    head.extend_from_slice(&least.to_le_bytes());
                    24
                }
            },
            _ => row.code,
        };
        if row.kind != Kind::String {
            length::write(count, head);
        }
        if row.kind == Kind::Array {
            length::write(cursor.is_some().into(), head);
            if let Some(cursor) = cursor {
                length::write(cursor, head);
            }
        }
        let row = types::by_code(flavour, code).unwrap_or(row);
        Ok(Value {
            row,
            encoding: record.encoding().unwrap_or(row.encoding),
            gone,
            all_gone: gone > 0 && count == 0,
        })
    }

    fn stream(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        change: &impl Change,
        sc: &mut Scratch,
    ) -> Result<Value> {
        // Damage is told with the offsets of the file.
        walk::record(record, row, true, sc, &mut Sound)?;
        let done = match record.body() {
            Some(mut b) => self.nodes(record, &mut b, change, sc),
            None => self.nodes(record, &mut record.big_body()?, change, sc),
        };
        done.map_err(|e| record.name(e))?;
        Ok(Value {
            row,
            encoding: row.encoding,
            gone: 0,
            all_gone: false,
        })
    }

    fn nodes<'a, B: Bytes<'a>>(
        &mut self,
        record: &Record<'_>,
        b: &mut B,
        change: &impl Change,
        sc: &mut Scratch,
    ) -> Result<()> {
        let whole = b.left();
        let n = length::number(b)?;
        length::write(n, &mut self.body.head);
        let body = &mut self.body;
        let mut node = Vec::new();
        for _ in 0..n {
            self.strings.any(&string::read(b, &mut sc.a)?, body)?;
            node.clear();
            node.extend_from_slice(&pack::EMPTY);
            let mut entries = Entries {
                change,
                out: &mut node,
                held: &mut self.held,
            };
            match string::blob(b, &mut sc.blob)? {
                Blob::Slice(bytes) => entries.all(&mut lp::Reader::new(bytes)?, &mut sc.a)?,
                Blob::Paged(bytes) => entries.all(&mut lp::Reader::new(bytes)?, &mut sc.a)?,
            }
            self.strings.blob(&node, body.bytes());
            body.relieve()?;
        }
        let (far, len) = record.raw()?;
        let mut skip = whole - b.left();
        far.chunks(len, &mut |piece| {
            let passed = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
            skip -= passed as u64;
            let rest = piece.get(passed..).unwrap_or_default();
            body.bytes().extend_from_slice(rest);
            body.relieve()
        })
    }

    /// The record in the place of another, with the value that was made last, or its own. It lives until the next.
    ///
    /// # Errors
    /// Trouble with the file that a long value went to.
    pub fn record(
        &mut self,
        from: &Record<'_>,
        new: &New<'_>,
        value: Option<&Value>,
    ) -> Result<Option<Record<'_>>> {
        let Some(mut row) = from.row() else {
            return Ok(None);
        };
        let old = from.block();
        let mut block = self.block.take().unwrap_or_else(|| Block {
            ordinal: 0,
            base: 0,
            bytes: Vec::new(),
            frames: Vec::new(),
            big: None,
            templates: old.templates.clone(),
            header: old.header,
            made: None,
        });
        block.ordinal = old.ordinal;
        block.templates.clone_from(&old.templates);
        block.header = old.header;
        block.big = None;
        block.made = value.map(|value| value.encoding);
        let bytes = &mut block.bytes;
        bytes.clear();
        // As much as stood in front of the value, so that its offset can be that in the file.
        let front = from.body_offset() - from.offset();
        bytes.resize(usize::try_from(front).unwrap_or_default(), 0);
        let meta = from.meta().filter(|_| new.meta).map(|meta| {
            let at = position(bytes.len());
            bytes.extend_from_slice(meta);
            at.and_then(|at| Ok((at, position(bytes.len())?)))
        });
        let meta = meta.transpose()?;
        let key = position(bytes.len())?;
        match new.name {
            Some(name) => self.strings.text(name, bytes),
            None => bytes.extend_from_slice(from.raw_key()),
        }
        let body = position(bytes.len())?;
        block.base = from.body_offset().saturating_sub(body.into());
        match value {
            Some(value) => {
                row = value.row;
                let made = &mut self.body;
                if made.spool.is_empty() {
                    bytes.extend_from_slice(&made.head);
                    bytes.extend_from_slice(&made.held);
                } else {
                    made.spool.write(&made.held)?;
                    let source = Spooled {
                        head: std::mem::take(&mut made.head),
                        rest: std::mem::take(&mut made.spool),
                    };
                    let len = source.head.len() as u64 + source.rest.len();
                    let offset = block.base + u64::from(body);
                    block.big = Some(BigBody::new(Arc::new(source), len, offset)?);
                }
            }
            None => match &old.big {
                Some(big) => block.big = Some(big.clone()),
                None => {
                    let rest = from.body();
                    bytes.extend_from_slice(rest.as_ref().map_or(&[], |b| b.rest()));
                }
            },
        }
        let attrs = Attrs {
            expire_ms: new.expire_ms,
            meta,
            ..from.frame.attrs
        };
        block.frames.clear();
        block.frames.push(Frame {
            what: What::Key(row),
            start: u32::try_from(from.offset().saturating_sub(block.base))
                .unwrap_or(key)
                .min(key),
            key,
            body,
            end: position(bytes.len())?,
            db: new.db,
            attrs,
        });
        let block = self.block.insert(block);
        Ok(block.records().next())
    }
}

fn position(n: usize) -> Result<u32> {
    u32::try_from(n)
        .map_err(|_| Error::limit("a name and what stands in front of it are over 4 GiB"))
}

/// Whether fields of such a hash may have expiries.
#[must_use]
pub fn expires(layout: Layout) -> bool {
    matches!(
        layout,
        Layout::HashTtlFirst
            | Layout::HashTtlLast
            | Layout::HashTtlRelative
            | Layout::HashListpackTtl { .. }
    )
}

/// Whether such a value refers to what stands elsewhere in the file.
#[must_use]
pub fn refers(layout: Layout) -> bool {
    matches!(
        layout,
        Layout::TemplateListpackRef | Layout::TemplateArrayRef
    )
}

/// Looks for damage.
struct Sound;

impl Visit for Sound {}

/// Looks for the first expiry that stays.
struct Least<'c, C>(&'c C, Option<u64>);

impl<C: Change> Visit for Least<'_, C> {
    fn reads(&self) -> bool {
        false
    }

    fn field(&mut self, _: Str<'_>, _: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        let stays = expire_ms.and_then(|ms| self.0.expiry(ms).ok().flatten());
        self.1 = match (self.1, stays) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Ok(())
    }
}

/// The first expiry of a hash's fields, if any has one.
///
/// # Errors
/// Damage of the value, naming the key.
pub fn first_expiry(
    record: &Record<'_>,
    row: &'static TypeRow,
    sc: &mut Scratch,
) -> Result<Option<u64>> {
    struct Itself;
    impl Change for Itself {
        fn text<'m>(&self, text: Str<'m>, _: &'m mut Vec<u8>) -> Option<Str<'m>> {
            Some(text)
        }
        fn giant(
            &self,
            giant: &Giant<'_>,
            sink: &mut dyn FnMut(&[u8]) -> Result<()>,
        ) -> Result<()> {
            giant.chunks(sink)
        }
        fn expiry(&self, ms: u64) -> std::result::Result<Option<u64>, Gone> {
            Ok(Some(ms))
        }
    }
    let mut least = Least(&Itself, None);
    walk::record(record, row, false, sc, &mut least)?;
    Ok(least.1)
}

/// Writes a string in the place of another.
fn put<C: Change, O: Output>(
    change: &C,
    text: &Str<'_>,
    held: &mut Vec<u8>,
    strings: &mut Strings,
    out: &mut O,
) -> Result<()> {
    match (change.text(*text, held), text) {
        (Some(text), _) => strings.any(&text, out)?,
        (None, Str::Giant(giant)) => {
            length::write(giant.len, out.bytes());
            change.giant(giant, &mut |piece| {
                out.bytes().extend_from_slice(piece);
                out.relieve()
            })?;
        }
        (None, text) => strings.any(text, out)?,
    }
    out.relieve()
}

/// Writes elements as they come.
struct Build<'b, C> {
    change: &'b C,
    body: &'b mut Body,
    strings: &'b mut Strings,
    held: &'b mut Vec<u8>,
    /// The first expiry of a field; `None` where no field has one.
    least: Option<u64>,
    valkey: bool,
    count: u64,
    gone: u64,
    cursor: Option<u64>,
}

impl<C: Change> Build<'_, C> {
    fn put(&mut self, text: &Str<'_>) -> Result<()> {
        put(self.change, text, self.held, self.strings, self.body)
    }

    fn one(&mut self, text: &Str<'_>) -> Result<()> {
        self.count += 1;
        self.put(text)
    }
}

impl<C: Change> Visit for Build<'_, C> {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        self.put(&value)
    }

    fn element(&mut self, element: Str<'_>) -> Result<()> {
        self.one(&element)
    }

    fn member(&mut self, member: Str<'_>) -> Result<()> {
        self.one(&member)
    }

    fn scored(&mut self, member: Str<'_>, score: f64) -> Result<()> {
        self.one(&member)?;
        self.body.bytes().extend_from_slice(&score.to_le_bytes());
        Ok(())
    }

    fn field(&mut self, field: Str<'_>, value: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        let expiry = match expire_ms.map(|ms| self.change.expiry(ms)) {
            Some(Err(Gone)) => {
                self.gone += 1;
                return Ok(());
            }
            Some(Ok(expiry)) => expiry,
            None => None,
        };
        if let Some(least) = self.least.filter(|_| !self.valkey) {
            let after = expiry.map_or(0, |ms| ms.min(LAST_FIELD_EXPIRY).saturating_sub(least) + 1);
            length::write(after, self.body.bytes());
        }
        self.one(&field)?;
        self.put(&value)?;
        if self.least.is_some() && self.valkey {
            let ms = expiry.map_or(-1, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
            self.body.bytes().extend_from_slice(&ms.to_le_bytes());
        }
        Ok(())
    }

    fn array_cursor(&mut self, cursor: Option<u64>) -> Result<()> {
        self.cursor = cursor;
        Ok(())
    }

    fn array_element(&mut self, index: u64, value: ArrayValue<'_>) -> Result<()> {
        let mut digits = Vec::new();
        let text = match value {
            ArrayValue::Text(text) => text,
            ArrayValue::Float(v) => {
                super::value::array::float_text(v, &mut digits);
                Str::Bytes(&digits)
            }
        };
        self.count += 1;
        let out = self.body.bytes();
        length::write(index, out);
        if let Some(Str::Int(v)) = self.change.text(text, self.held) {
            length::write(1, out);
            out.extend_from_slice(&v.to_le_bytes());
            return self.body.relieve();
        }
        length::write(if text.len() <= 7 { 3 } else { 0 }, out);
        self.put(&text)
    }
}

/// Rewrites the entries of a stream's node. The numbers around the strings stay; so do entries that are deleted, whose
/// strings are there still.
struct Entries<'e, C> {
    change: &'e C,
    out: &'e mut Vec<u8>,
    held: &'e mut Vec<u8>,
}

impl<C: Change> Entries<'_, C> {
    fn all<'a, B: Bytes<'a>>(
        &mut self,
        reader: &mut lp::Reader<B>,
        scratch: &mut Vec<u8>,
    ) -> Result<()> {
        self.number(reader, "entry count", scratch)?;
        self.number(reader, "deleted count", scratch)?;
        let fields = self.number(reader, "field count", scratch)?;
        self.texts(reader, fields, scratch)?;
        self.number(reader, "master entry's end", scratch)?;
        while let Some(flags) = reader.next(scratch)? {
            let Str::Int(flags) = flags else {
                return Err(reader.at().corrupt("an entry's flags are a string"));
            };
            Pack::new(self.out, 0).push_int(flags);
            self.number(reader, "ms-diff", scratch)?;
            self.number(reader, "seq-diff", scratch)?;
            let texts = if flags & 2 != 0 {
                fields
            } else {
                self.number(reader, "field count", scratch)?
                    .saturating_mul(2)
            };
            self.texts(reader, texts, scratch)?;
            self.number(reader, "lp-count", scratch)?;
        }
        Ok(())
    }

    fn number<'a, B: Bytes<'a>>(
        &mut self,
        reader: &mut lp::Reader<B>,
        what: &str,
        scratch: &mut Vec<u8>,
    ) -> Result<i64> {
        let n = reader.int(what, scratch)?;
        Pack::new(self.out, 0).push_int(n);
        Ok(n)
    }

    fn texts<'a, B: Bytes<'a>>(
        &mut self,
        reader: &mut lp::Reader<B>,
        n: i64,
        scratch: &mut Vec<u8>,
    ) -> Result<()> {
        for _ in 0..n {
            let at = reader.at();
            let Some(text) = reader.next(scratch)? else {
                return Err(at.corrupt("the listpack ends among an entry's strings"));
            };
            let mut pack = Pack::new(self.out, 0);
            match (self.change.text(text, self.held), text) {
                (Some(Str::Int(v)), _) => pack.push_int(v),
                (Some(Str::Bytes(bytes)), _) => pack.push(bytes),
                (Some(Str::Giant(giant)), _) => {
                    let mut whole = Vec::new();
                    giant.chunks(&mut |piece| {
                        whole.extend_from_slice(piece);
                        Ok(())
                    })?;
                    pack.push(&whole);
                }
                (None, Str::Giant(giant)) => {
                    let mut whole = Vec::new();
                    self.change.giant(&giant, &mut |piece| {
                        whole.extend_from_slice(piece);
                        Ok(())
                    })?;
                    pack.push(&whole);
                }
                (None, text) => pack.push(&text.to_vec(limits::KEY)?),
            }
        }
        Ok(())
    }
}
