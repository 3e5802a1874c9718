//! The bridge from entries to commands: a key as a server's AOF rewrite writes it, for the server that is to read it.
//!
//! ```text
//!   string  SET key value                     list  RPUSH key element…          set  SADD key member…
//!   zset    ZADD key score member …           hash  HMSET key field value …     at most 64 a command
//!   field with an expiry   Redis: HMSET key field value, HPEXPIREAT key ms FIELDS 1 field
//!                          Valkey: HSETEX key PXAT ms FIELDS 1 field value
//!   array   ARMSET key index value …, at most 32 a command, then ARSEEK key cursor+1
//!   stream  see [`stream`]                    module  RESTORE key 0 payload
//!   then    PEXPIREAT key ms, where the key has an expiry
//! ```
//! Source: redis and valkey `src/aof.c`, `rewriteAppendOnlyFileRio` and the functions it calls.
//!
//! A key or field whose expiry has passed is written like any other, its expiry behind it, as servers do. A server that
//! loads the commands as an AOF keeps it (its deletion is for the log to say); one that is sent them as a client drops
//! it at once, as it would drop it from an RDB file. Both end with the data they would have had themselves.
//!
//! Where the commands of a server cannot carry what the file holds, the key goes as `RESTORE` with the value as it stands
//! in the file: module types, keys with metadata, streams with pending entries whose stream entry is gone (a
//! server's own rewrite loses those). What the target cannot take in any form is counted in [`Losses`].
//!
//! Other than servers: scores are the shortest text that reads back to the same double, whatever the target; a command
//! also ends above 256 KiB; expiring fields of a hash follow each batch of the others instead of parting them; hashes
//! that share templates are written as hashes.

mod stream;

pub use stream::{IDMP, NACK, STREAMS};

use crate::error::Result;
use crate::model::kind::{Flavour, Kind};
use crate::model::loss::{Loss, Losses};
use crate::model::number::{self, DoubleText};
use crate::model::target::{Since, Target};
use crate::packed::string::Str;
use crate::rdb::frame::{Record, What};
use crate::rdb::opcode;
use crate::rdb::payload::{self, Payload};
use crate::rdb::string;
use crate::rdb::types::TypeRow;
use crate::rdb::value::array;
use crate::rdb::visit::{ArrayValue, StreamPart, Visit};
use crate::rdb::walk::{self, Scratch};
use crate::resp::encode::{self, Open, Output};

/// Items of a command, as servers batch them (`AOF_REWRITE_ITEMS_PER_CMD`).
const ITEMS: u32 = 64;
/// Pairs of an ARMSET.
const ARRAY_ITEMS: u32 = 32;
/// A command that has so many bytes takes no more items.
const BATCH: usize = 256 << 10;
/// The latest expiry that Redis takes for a field (`HFE_MAX_ABS_TIME_MSEC`); Valkey takes any.
const REDIS_FIELD_EXPIRY: u64 = (1 << 46) - 1;

/// Since when servers have functions.
pub const FUNCTIONS: Since = Since::both((7, 0));
/// Since when they have expiries of fields.
pub const FIELD_EXPIRY: Since = Since {
    redis: Some((7, 4)),
    valkey: Some((9, 0)),
};
/// Since when they have arrays.
pub const ARRAYS: Since = Since::redis((8, 8));

/// Writes keys as commands for one server, and counts what it cannot carry.
#[derive(Debug)]
pub struct Rewrite {
    target: &'static Target,
    losses: Losses,
    /// Commands that follow the batch under way.
    later: Vec<u8>,
    text: Vec<u8>,
    stream: stream::State,
}

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is written.
    Done,
    /// It has no elements, and is left out as servers leave it out.
    Empty,
    /// The target has no such type; it is counted as lost.
    Left,
}

/// In which form a key goes.
enum Form {
    Commands,
    Restore,
    Left,
}

impl Rewrite {
    /// For that server.
    #[must_use]
    pub fn new(target: &'static Target) -> Rewrite {
        Rewrite {
            target,
            losses: Losses::default(),
            later: Vec::new(),
            text: Vec::new(),
            stream: stream::State::default(),
        }
    }

    /// The server.
    #[must_use]
    pub fn target(&self) -> &'static Target {
        self.target
    }

    /// What could not be carried so far.
    #[must_use]
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// A record that is no key: functions become commands, what is about the file or a cluster's node does not.
    pub fn record<O: Output>(&mut self, record: &Record<'_>, out: &mut O) -> Result<()> {
        let What::Record(op) = record.frame.what else {
            return Ok(());
        };
        let valkey = record.block().header.flavour == Flavour::Valkey;
        match op {
            opcode::FUNCTION2 if self.target.has(FUNCTIONS) => {
                let buf = out.bytes();
                buf.extend_from_slice(b"*3\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n");
                let mut held = Vec::new();
                match record.body() {
                    Some(mut b) => encode::string(&string::read(&mut b, &mut held)?, out)?,
                    None => {
                        let mut b = record.big_body()?;
                        encode::string(&string::read(&mut b, &mut held)?, out)?;
                    }
                }
                return out.relieve();
            }
            opcode::FUNCTION2 => self.lose(Loss::Function, 1, record),
            opcode::MODULE_AUX => self.lose(Loss::ModuleAux, 1, record),
            opcode::SLOT_IMPORT if valkey => self.lose(Loss::SlotImport, 1, record),
            _ => {}
        }
        Ok(())
    }

    /// Writes a key. After an error what was written of it is not to be used.
    pub fn key<O: Output>(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        name: &[u8],
        sc: &mut Scratch,
        out: &mut O,
    ) -> Result<Written> {
        let attrs = &record.frame.attrs;
        let written = match self.form(record, row, sc)? {
            Form::Commands => {
                if attrs.meta.is_some() {
                    self.lose(Loss::KeyMeta, 1, record);
                }
                self.commands(record, row, name, sc, out)?
            }
            Form::Restore => self.restore(record, row, name, sc, out)?,
            Form::Left => {
                // The value is looked at all the same: damage is damage.
                walk::record(record, row, true, sc, &mut Empty(false))?;
                self.lose(Loss::Key, 1, record);
                return Ok(Written::Left);
            }
        };
        if !written {
            return Ok(Written::Empty);
        }
        if attrs.noevict {
            self.lose(Loss::NoEvict, 1, record);
        }
        if attrs.idle.is_some() || attrs.freq.is_some() {
            self.lose(Loss::Usage, 1, record);
        }
        if let Some(ms) = attrs.expire_ms {
            let buf = out.bytes();
            buf.extend_from_slice(b"*3\r\n$9\r\nPEXPIREAT\r\n");
            encode::bulk(name, buf);
            encode::bulk_int(ms, buf);
        }
        out.relieve()?;
        Ok(Written::Done)
    }

    fn form(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        sc: &mut Scratch,
    ) -> Result<Form> {
        let loads = self.target.has(payload::since(record, row)?);
        if loads && record.frame.attrs.meta.is_some() && self.target.has(payload::KEY_META) {
            return Ok(Form::Restore);
        }
        Ok(match row.kind {
            Kind::String | Kind::List | Kind::Set | Kind::Zset | Kind::Hash => Form::Commands,
            Kind::Stream if !self.target.has(stream::STREAMS) => Form::Left,
            Kind::Stream if self.dangling(record, row, loads, sc)? => Form::Restore,
            Kind::Stream => Form::Commands,
            Kind::Array if self.target.has(ARRAYS) => Form::Commands,
            Kind::Module if loads => Form::Restore,
            Kind::Array | Kind::Module | Kind::Gcra => Form::Left,
        })
    }

    fn commands<O: Output>(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        name: &[u8],
        sc: &mut Scratch,
        out: &mut O,
    ) -> Result<bool> {
        self.later.clear();
        let mut v = Commands {
            rewrite: self,
            out,
            record,
            key: name,
            batch: None,
            items: 0,
            cursor: None,
            empty: false,
        };
        walk::record(record, row, true, sc, &mut v)?;
        v.close()?;
        if let Some(cursor) = v.cursor {
            let buf = v.out.bytes();
            buf.extend_from_slice(b"*3\r\n$6\r\nARSEEK\r\n");
            encode::bulk(name, buf);
            encode::bulk_uint(cursor.wrapping_add(1), buf);
        }
        Ok(!v.empty)
    }

    fn restore<O: Output>(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        name: &[u8],
        sc: &mut Scratch,
        out: &mut O,
    ) -> Result<bool> {
        let mut empty = Empty(false);
        walk::record(record, row, true, sc, &mut empty)?;
        if empty.0 {
            return Ok(false);
        }
        let meta = self.target.has(payload::KEY_META);
        if record.frame.attrs.meta.is_some() && !meta {
            self.lose(Loss::KeyMeta, 1, record);
        }
        let payload = Payload::of_key(record, row, meta, self.target)?;
        let buf = out.bytes();
        buf.extend_from_slice(b"*4\r\n$7\r\nRESTORE\r\n");
        encode::bulk(name, buf);
        encode::bulk(b"0", buf);
        payload_argument(&payload, out)?;
        Ok(true)
    }

    #[cold]
    fn lose(&mut self, loss: Loss, n: u64, record: &Record<'_>) {
        self.losses.add(loss, n, || record.place());
    }
}

/// Appends `SELECT db`.
pub fn select(db: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"*2\r\n$6\r\nSELECT\r\n");
    encode::bulk_uint(db, out);
}

/// Appends a DUMP payload as an argument.
pub fn payload_argument<O: Output>(payload: &Payload<'_>, out: &mut O) -> Result<()> {
    encode::head(b'$', payload.len(), out.bytes());
    payload.chunks(&mut |piece| {
        out.bytes().extend_from_slice(piece);
        out.relieve()
    })?;
    out.bytes().extend_from_slice(b"\r\n");
    Ok(())
}

/// Looks whether a value has elements.
struct Empty(bool);

impl Visit for Empty {
    fn empty(&mut self) -> Result<()> {
        self.0 = true;
        Ok(())
    }
}

/// Turns what a walk tells into commands.
struct Commands<'a, 'r, O> {
    rewrite: &'a mut Rewrite,
    out: &'a mut O,
    record: &'a Record<'r>,
    key: &'a [u8],
    /// The command that takes items now.
    batch: Option<Open>,
    items: u32,
    cursor: Option<u64>,
    empty: bool,
}

/// A command's name, framed.
type Verb = &'static [u8];
const RPUSH: Verb = b"$5\r\nRPUSH\r\n";
const SADD: Verb = b"$4\r\nSADD\r\n";
const ZADD: Verb = b"$4\r\nZADD\r\n";
const HMSET: Verb = b"$5\r\nHMSET\r\n";
const ARMSET: Verb = b"$6\r\nARMSET\r\n";

fn is_giant(s: &Str<'_>) -> bool {
    matches!(s, Str::Giant(_))
}

impl<O: Output> Commands<'_, '_, O> {
    /// The buffer, behind a command that takes one more item.
    #[inline]
    fn item(&mut self, verb: Verb) -> &mut Vec<u8> {
        let buf = self.out.bytes();
        if self.batch.is_none() {
            self.batch = Some(encode::open(buf));
            self.items = 0;
            buf.extend_from_slice(verb);
            encode::bulk(self.key, buf);
        }
        self.items += 1;
        buf
    }

    /// An item is in.
    #[inline]
    fn done(&mut self, args: u32, most: u32) -> Result<()> {
        let Some(open) = self.batch else {
            return Ok(());
        };
        let buf = self.out.bytes();
        if self.items < most && buf.len() - open.at() < BATCH {
            return Ok(());
        }
        open.close(u64::from(2 + args * self.items), buf);
        self.batch = None;
        self.later()
    }

    /// Ends the command under way. `args` of an item are known by the type of the key.
    fn close(&mut self) -> Result<()> {
        let args = match self.record.row().map(|row| row.kind) {
            Some(Kind::List | Kind::Set) => 1,
            _ => 2,
        };
        if let Some(open) = self.batch.take() {
            open.close(2 + args * u64::from(self.items), self.out.bytes());
        }
        self.later()
    }

    /// What was to follow the batch, and the buffer is relieved.
    fn later(&mut self) -> Result<()> {
        let later = &mut self.rewrite.later;
        if !later.is_empty() {
            self.out.bytes().append(later);
        }
        self.out.relieve()
    }

    /// A command of its own for an item with a giant string, which is too long to be held.
    #[cold]
    fn alone(&mut self, verb: Verb, args: &[&Str<'_>]) -> Result<()> {
        self.close()?;
        let buf = self.out.bytes();
        encode::head(b'*', 2 + args.len() as u64, buf);
        buf.extend_from_slice(verb);
        encode::bulk(self.key, buf);
        for arg in args {
            encode::string(arg, self.out)?;
        }
        self.out.relieve()
    }

    #[inline]
    fn single(&mut self, verb: Verb, s: &Str<'_>) -> Result<()> {
        if is_giant(s) {
            return self.alone(verb, &[s]);
        }
        let buf = self.item(verb);
        encode::string(s, buf)?;
        self.done(1, ITEMS)
    }

    #[inline]
    fn pair(&mut self, verb: Verb, most: u32, a: &Str<'_>, b: &Str<'_>) -> Result<()> {
        if is_giant(a) || is_giant(b) {
            return self.alone(verb, &[a, b]);
        }
        let buf = self.item(verb);
        encode::string(a, buf)?;
        encode::string(b, buf)?;
        self.done(2, most)
    }

    #[cold]
    fn lose(&mut self, loss: Loss, n: u64) {
        self.rewrite.lose(loss, n, self.record);
    }

    /// A field with an expiry.
    #[inline(never)]
    fn expiring(&mut self, field: &Str<'_>, value: &Str<'_>, ms: u64) -> Result<()> {
        let redis = self.rewrite.target.flavour == Flavour::Redis;
        if !self.rewrite.target.has(FIELD_EXPIRY) || (redis && ms > REDIS_FIELD_EXPIRY) {
            self.lose(Loss::FieldExpiry, 1);
            return self.pair(HMSET, ITEMS, field, value);
        }
        if is_giant(field) || is_giant(value) {
            self.close()?;
            expiring(self.key, redis, field, value, ms, self.out)?;
            return self.out.relieve();
        }
        let later = &mut self.rewrite.later;
        expiring(self.key, redis, field, value, ms, later)?;
        if later.len() >= BATCH || self.batch.is_none() {
            self.close()?;
        }
        Ok(())
    }
}

fn expiring<O: Output + ?Sized>(
    key: &[u8],
    redis: bool,
    field: &Str<'_>,
    value: &Str<'_>,
    ms: u64,
    out: &mut O,
) -> Result<()> {
    // A 0 is past like a 1, and servers do not take it everywhere.
    let ms = ms.max(1);
    let buf = out.bytes();
    if redis {
        encode::head(b'*', 4, buf);
        buf.extend_from_slice(HMSET);
        encode::bulk(key, buf);
        encode::string(field, out)?;
        encode::string(value, out)?;
        let buf = out.bytes();
        buf.extend_from_slice(b"*6\r\n$10\r\nHPEXPIREAT\r\n");
        encode::bulk(key, buf);
        encode::bulk_uint(ms, buf);
        buf.extend_from_slice(b"$6\r\nFIELDS\r\n$1\r\n1\r\n");
        encode::string(field, out)
    } else {
        buf.extend_from_slice(b"*8\r\n$6\r\nHSETEX\r\n");
        encode::bulk(key, buf);
        buf.extend_from_slice(b"$4\r\nPXAT\r\n");
        encode::bulk_uint(ms, buf);
        buf.extend_from_slice(b"$6\r\nFIELDS\r\n$1\r\n1\r\n");
        encode::string(field, out)?;
        encode::string(value, out)
    }
}

impl<O: Output> Visit for Commands<'_, '_, O> {
    #[inline]
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        let buf = self.out.bytes();
        buf.extend_from_slice(b"*3\r\n$3\r\nSET\r\n");
        encode::bulk(self.key, buf);
        encode::string(&value, self.out)
    }

    #[inline]
    fn element(&mut self, element: Str<'_>) -> Result<()> {
        self.single(RPUSH, &element)
    }

    #[inline]
    fn member(&mut self, member: Str<'_>) -> Result<()> {
        self.single(SADD, &member)
    }

    #[inline]
    fn scored(&mut self, member: Str<'_>, score: f64) -> Result<()> {
        let mut text = std::mem::take(&mut self.rewrite.text);
        text.clear();
        number::format_reply(score, DoubleText::Fpconv, &mut text);
        let done = self.pair(ZADD, ITEMS, &Str::Bytes(&text), &member);
        self.rewrite.text = text;
        done
    }

    #[inline]
    fn field(&mut self, field: Str<'_>, value: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        match expire_ms {
            None => self.pair(HMSET, ITEMS, &field, &value),
            Some(ms) => self.expiring(&field, &value, ms),
        }
    }

    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        self.stream_part(part)
    }

    fn entry_fields(&mut self, n: u64) -> Result<()> {
        self.entry(n)
    }

    fn array_cursor(&mut self, cursor: Option<u64>) -> Result<()> {
        self.cursor = cursor;
        Ok(())
    }

    fn array_element(&mut self, index: u64, value: ArrayValue<'_>) -> Result<()> {
        let index = index.to_string();
        let index = Str::Bytes(index.as_bytes());
        match value {
            ArrayValue::Text(s) => self.pair(ARMSET, ARRAY_ITEMS, &index, &s),
            ArrayValue::Float(v) => {
                let mut text = Vec::new();
                array::float_text(v, &mut text);
                self.pair(ARMSET, ARRAY_ITEMS, &index, &Str::Bytes(&text))
            }
        }
    }

    fn empty(&mut self) -> Result<()> {
        self.empty = true;
        Ok(())
    }
}
