//! Framing: where each record of an RDB file begins and ends, found by its lengths alone.
//!
//! ```text
//!   <magic and version: 9 bytes> <record>… |FF| <CRC-64: u64 le, since version 5>
//!   record:  |FA| aux   |FE| selectdb   |FB| resizedb   |F5| function   …
//!            [|FC| expiry] [|F8| idle, |F9| freq] [|F1|] [|F3| metadata] <type> <string key> <value>
//! ```
//! Source: redis and valkey `src/rdb.c`, `rdbLoadRioWithLoadingCtx`: one flat loop that takes opcodes in any order.
//!
//! The reader gives [`Block`]s of whole records, each about [`limits::BLOCK`] bytes. A record above
//! [`limits::BIG_RECORD`] bytes comes alone: its head in the block, its body to be read by ranges from the file, or from
//! a spool file where the input cannot be read again.

mod again;
mod ending;
mod feed;
mod header;
mod record;

pub use again::Seen;
pub use ending::{Checksum, Ending};
pub(super) use header::NEWEST;
pub use header::{HEADER_LEN, Header};
pub use record::{Attrs, BigBody, Block, Frame, Record, What};

use super::length;
use super::opcode as op;
use super::skip;
use super::string;
use super::template::{Template, Templates};
use super::types::{self, TypeRow};
use crate::error::{Error, ErrorKind, Result};
use crate::input::bytes::{At, Bytes, ReadAt, Slice};
use crate::input::checksum::Crc64;
use crate::input::spool::Spool;
use crate::limits::{self, Sizes};
use crate::model::kind::Flavour;
use feed::{Feed, fill};
use record::{BODY_HEAD, key_bytes};
use std::io::Read;
use std::sync::Arc;

/// Reads blocks out of a stream.
pub struct Reader {
    input: Box<dyn Read + Send>,
    /// The same bytes by range, where the input can be read again.
    source: Option<Arc<dyn ReadAt + Send + Sync>>,
    /// Whether big bodies will be looked at.
    bodies: bool,
    sizes: Sizes,
    carry: Vec<u8>,
    /// Offset of the next block.
    offset: u64,
    input_ended: bool,
    /// Why there is no more to read, where that is not the end of the file. What was read before comes first.
    broken: Option<Error>,
    ordinal: u64,
    header: Header,
    templates: Templates,
    db: u64,
    attrs: Attrs,
    crc: Crc64,
    failed: Option<Error>,
    ending: Option<Ending>,
    keep_tail: bool,
}

/// How many attributes in a row belong to their key's record: many times what a writer has. Those before are kept, too,
/// but it begins behind them.
const ATTRIBUTES: u32 = 64;

/// How much is read at once of a key's name that is longer than a block.
const STEP: usize = 4 << 20;

/// Why framing of a block stopped.
enum Stop {
    More,
    Eof,
    Failed(Error),
}

impl Reader {
    /// Reads magic and version. `source` gives the same bytes by range; without it, big bodies are spooled if `bodies`
    /// asks for them.
    pub fn new(
        input: Box<dyn Read + Send>,
        source: Option<Arc<dyn ReadAt + Send + Sync>>,
        bodies: bool,
    ) -> Result<Reader> {
        Reader::with_sizes(input, source, bodies, Sizes::default())
    }

    /// The same, with other sizes of blocks and pages.
    pub fn with_sizes(
        mut input: Box<dyn Read + Send>,
        source: Option<Arc<dyn ReadAt + Send + Sync>>,
        bodies: bool,
        sizes: Sizes,
    ) -> Result<Reader> {
        let mut carry = Vec::with_capacity(sizes.block);
        let input_ended = fill(&mut *input, &mut carry, HEADER_LEN, 0)?;
        let header = Header::parse(carry.get(..HEADER_LEN.min(carry.len())).unwrap_or_default())?;
        Ok(Reader {
            input,
            source,
            bodies,
            sizes,
            carry,
            offset: 0,
            input_ended,
            broken: None,
            ordinal: 0,
            header,
            templates: Templates::default(),
            db: 0,
            attrs: Attrs::default(),
            crc: Crc64::new(),
            failed: None,
            ending: None,
            keep_tail: false,
        })
    }

    /// Leaves what stands behind the checksum unread, for [`Reader::into_tail`]: the RDB is the base of an append-only
    /// file. Otherwise the tail is read over, to count it.
    pub fn keep_tail(&mut self) {
        self.keep_tail = true;
    }

    /// The bytes behind the RDB and their offset in the file, where it was read to its end and its tail was kept.
    #[must_use]
    pub fn into_tail(self) -> Option<(Box<dyn Read + Send>, u64)> {
        let end = self.ending.filter(|_| self.keep_tail)?.end;
        let rest = std::io::Cursor::new(self.carry).chain(self.input);
        Some((Box::new(rest), end))
    }

    /// Magic and version.
    #[must_use]
    pub fn header(&self) -> Header {
        self.header
    }

    /// The sizes it was made with.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// How the file ended, once [`Reader::next_block`] has given `None`.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// How far reading has come, in bytes.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.offset
    }

    /// The next block; `None` at the end. `spare` is a block that is not needed any more.
    pub fn next_block(&mut self, spare: Option<Block>) -> Result<Option<Block>> {
        match self.read_block(spare) {
            // It ends there because nothing more could be read.
            Err(e) if e.kind() == ErrorKind::Truncated => Err(self.broken.take().unwrap_or(e)),
            done => done,
        }
    }

    /// Reads until `bytes`, which begin at that offset, are so many.
    fn fill(&mut self, bytes: &mut Vec<u8>, want: usize, offset: u64) {
        match fill(&mut *self.input, bytes, want, offset) {
            Ok(ended) => self.input_ended = ended,
            Err(e) => {
                self.input_ended = true;
                self.broken = Some(e);
            }
        }
    }

    fn read_block(&mut self, spare: Option<Block>) -> Result<Option<Block>> {
        if let Some(e) = self.failed.take() {
            return Err(e);
        }
        if self.ending.is_some() {
            return Ok(None);
        }
        let (mut bytes, mut frames) = match spare {
            Some(b) => (b.bytes, b.frames),
            None => (Vec::new(), Vec::new()),
        };
        bytes.clear();
        frames.clear();
        std::mem::swap(&mut bytes, &mut self.carry);
        let mut want = self.sizes.block;
        loop {
            if !self.input_ended && bytes.len() < want {
                self.fill(&mut bytes, want, self.offset);
            }
            let (consumed, stop) = self.frame(&bytes, &mut frames);
            match stop {
                Stop::Eof => {
                    self.crc.update(bytes.get(..consumed).unwrap_or_default());
                    self.carry = bytes.get(consumed..).unwrap_or_default().to_vec();
                    if let Err(e) = self.finish(consumed as u64) {
                        self.failed = Some(e);
                    }
                    bytes.truncate(consumed);
                    if frames.is_empty() {
                        self.offset += consumed as u64;
                        return self.failed.take().map_or(Ok(None), Err);
                    }
                    return Ok(Some(self.block(bytes, frames, None)));
                }
                Stop::Failed(e) => {
                    if frames.is_empty() {
                        return Err(e);
                    }
                    self.failed = Some(e);
                    bytes.truncate(consumed);
                    return Ok(Some(self.block(bytes, frames, None)));
                }
                Stop::More if consumed > 0 => {
                    let done = bytes.get(..consumed).unwrap_or_default();
                    self.crc.update(done);
                    self.carry.clear();
                    self.carry
                        .extend_from_slice(bytes.get(consumed..).unwrap_or_default());
                    bytes.truncate(consumed);
                    return Ok(Some(self.block(bytes, frames, None)));
                }
                Stop::More if bytes.len() < self.held_at_once(&bytes) => want = bytes.len() * 2,
                Stop::More => return self.big(bytes, frames).map(Some),
            }
        }
    }

    /// Up to how many bytes the record at the start of `bytes` is held in memory as a whole.
    fn held_at_once(&self, bytes: &[u8]) -> usize {
        match bytes.first() {
            // Later records need it.
            Some(&op::HASH_TEMPLATE) if self.header.flavour == Flavour::Redis => limits::TEMPLATE,
            _ => self.sizes.big_record,
        }
    }

    fn block(&mut self, bytes: Vec<u8>, frames: Vec<Frame>, big: Option<BigBody>) -> Block {
        let block = Block {
            ordinal: self.ordinal,
            base: self.offset,
            bytes,
            frames,
            big,
            templates: self.templates.clone(),
            header: self.header,
            made: None,
        };
        self.ordinal += 1;
        self.offset += block.bytes.len() as u64 + block.big.as_ref().map_or(0, |b| b.len);
        block
    }

    /// Frames what is whole in `bytes`; gives how many bytes that is, and why it stopped.
    fn frame(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> (usize, Stop) {
        let len = bytes.len();
        let mut b = Slice::open(bytes, self.offset);
        let mut consumed = 0;
        if self.offset == 0 {
            // Reader::new has seen the header.
            if b.skip(HEADER_LEN as u64).is_err() {
                return (0, Stop::More);
            }
            consumed = HEADER_LEN;
        }
        loop {
            if b.left() == 0 && !self.input_ended {
                return (consumed, Stop::More);
            }
            let start = len - b.rest().len();
            match self.record(&mut b, len, start, frames) {
                Ok(true) => consumed = len - b.rest().len(),
                Ok(false) => return (len - b.rest().len(), Stop::Eof),
                Err(e) if e.kind() == ErrorKind::Truncated && !self.input_ended => {
                    return (consumed, Stop::More);
                }
                Err(e) => return (consumed, Stop::Failed(e)),
            }
        }
    }

    /// Frames one record, or a run of attributes and the key behind them; `false` at the end of the file.
    #[inline]
    fn record(
        &mut self,
        b: &mut Slice<'_>,
        len: usize,
        start: usize,
        frames: &mut Vec<Frame>,
    ) -> Result<bool> {
        let mut attrs = self.attrs;
        let mut run = 0;
        let valkey = self.header.flavour == Flavour::Valkey;
        loop {
            let before = *b;
            let code = b.byte()?;
            if let Some(row) = types::by_code(self.header.flavour, code) {
                let key = len - b.rest().len();
                let key_start = *b;
                if let Err(e) = string::skip(b) {
                    return Err(in_key_name(e, row));
                }
                let body = len - b.rest().len();
                if let Err(e) = skip::value(b, row.layout, &self.templates) {
                    return Err(name_key(e, key_start, self.db));
                }
                frames.push(Frame {
                    what: What::Key(row),
                    start: small(start),
                    key: small(key),
                    body: small(body),
                    end: small(len - b.rest().len()),
                    db: self.db,
                    attrs,
                });
                self.attrs = Attrs::default();
                return Ok(true);
            }
            let at = before.at();
            let pos = len - before.rest().len();
            if attribute(b, code, pos, len, valkey, &mut attrs)? {
                run += 1;
                if run == ATTRIBUTES && attrs.meta.is_none() {
                    // A run without end must not be held until its key comes.
                    self.attrs = attrs;
                    return Ok(true);
                }
                continue;
            }
            if pos != start {
                // A record between attributes and their key: the attributes wait, as in servers.
                if attrs.meta.is_some() {
                    return Err(no_key(at));
                }
                self.attrs = attrs;
                *b = before;
                return Ok(true);
            }
            match code {
                op::EOF => return Ok(false),
                op::SELECTDB => {
                    self.db = length::number(b)?;
                    return Ok(true);
                }
                op::HASH_TEMPLATE if !valkey => {
                    let body = *b;
                    skip::record(b, code, valkey)?;
                    self.template(body).map_err(|e| e.at(at.offset))?;
                }
                _ => {
                    if !skip::record(b, code, valkey)? {
                        return Err(unknown(at, code, valkey));
                    }
                }
            }
            frames.push(Frame {
                what: What::Record(code),
                start: small(start),
                key: small(start + 1),
                body: small(start + 1),
                end: small(len - b.rest().len()),
                db: self.db,
                attrs: Attrs::default(),
            });
            return Ok(true);
        }
    }

    #[cold]
    fn template(&mut self, mut b: Slice<'_>) -> Result<()> {
        let id = length::number(&mut b)?;
        let n = length::number(&mut b)?;
        let mut template = Template::default();
        let mut scratch = Vec::new();
        for _ in 0..n {
            let name = string::read(&mut b, &mut scratch)?;
            template.push(&name.to_vec(limits::TEMPLATE as u64)?)?;
        }
        self.templates.define(id, template)
    }

    /// A record that does not fit: its head from `bytes`, its body from the stream behind.
    fn big(&mut self, mut bytes: Vec<u8>, mut frames: Vec<Frame>) -> Result<Block> {
        let (frame, body) = loop {
            let mut in_name = false;
            match self.big_head(&bytes, &mut in_name) {
                Ok(found) => break found,
                Err(e) if e.kind() == ErrorKind::Truncated && !self.input_ended => {
                    let (what, most) = if in_name {
                        ("a key", limits::KEY)
                    } else {
                        ("metadata", limits::KEY_META as u64)
                    };
                    if bytes.len() as u64 > most {
                        return Err(
                            Error::limit(format!("{what} of over {most} bytes")).at(self.offset)
                        );
                    }
                    // In steps: a name is as long as it says or as the file is, and no memory is taken beyond.
                    let want = bytes.len() + (bytes.len() / 8).min(STEP).max(self.sizes.block);
                    self.fill(&mut bytes, want, self.offset);
                }
                Err(e) => return Err(e),
            }
        };
        if bytes.len() < body + BODY_HEAD && !self.input_ended {
            self.fill(&mut bytes, body + BODY_HEAD, self.offset);
        }
        let rest = bytes.split_off(body);
        let head = rest
            .get(..BODY_HEAD.min(rest.len()))
            .unwrap_or_default()
            .to_vec();
        self.crc.update(&bytes);
        let offset = self.offset + body as u64;
        let spool = (self.bodies && self.source.is_none()).then(Spool::default);
        let mut feed = Feed {
            input: &mut *self.input,
            page: rest,
            next: 0,
            offset,
            crc: &mut self.crc,
            spool,
            block: self.sizes.block,
        };
        let valkey = self.header.flavour == Flavour::Valkey;
        let skipped = match frame.what {
            What::Key(row) => skip::value(&mut feed, row.layout, &self.templates),
            What::Record(code) => skip::record(&mut feed, code, valkey).map(|_| ()),
        };
        if let Err(e) = skipped {
            return Err(match frame.what {
                What::Key(_) => {
                    let key = bytes.get(frame.key as usize..).unwrap_or_default();
                    name_key(
                        e,
                        Slice::new(key, self.offset + u64::from(frame.key)),
                        frame.db,
                    )
                }
                What::Record(_) => e,
            });
        }
        let (spool, left, end) = feed.finish()?;
        let len = end - offset;
        self.carry = left;
        let big = match (spool, &self.source) {
            (Some(spool), _) => BigBody {
                source: Some(Arc::new(spool)),
                start: 0,
                offset,
                head,
                len,
                page: self.sizes.page,
            },
            (None, source) => BigBody {
                source: source.clone().filter(|_| self.bodies),
                start: offset,
                offset,
                head,
                len,
                page: self.sizes.page,
            },
        };
        if let What::Record(op::HASH_TEMPLATE) = frame.what
            && !valkey
        {
            let most = limits::TEMPLATE;
            return Err(Error::limit(format!("a hash template of over {most} bytes")).at(offset));
        }
        if let What::Key(_) = frame.what {
            self.attrs = Attrs::default();
        }
        frames.push(frame);
        Ok(self.block(bytes, frames, Some(big)))
    }

    /// Attributes, code and key of the record at the start of `bytes`, and where its body begins. `in_name` tells whether
    /// it came as far as the key's name.
    fn big_head(&self, bytes: &[u8], in_name: &mut bool) -> Result<(Frame, usize)> {
        let len = bytes.len();
        let mut b = Slice::open(bytes, self.offset);
        let valkey = self.header.flavour == Flavour::Valkey;
        let mut attrs = self.attrs;
        loop {
            let at = b.at();
            let pos = len - b.rest().len();
            let code = b.byte()?;
            if attribute(&mut b, code, pos, len, valkey, &mut attrs)? {
                continue;
            }
            let key = len - b.rest().len();
            let what = match types::by_code(self.header.flavour, code) {
                Some(row) => {
                    *in_name = true;
                    string::skip(&mut b).map_err(|e| in_key_name(e, row))?;
                    What::Key(row)
                }
                None if pos == 0 => What::Record(code),
                None if attrs.meta.is_some() => return Err(no_key(at)),
                None => return Err(unknown(at, code, valkey)),
            };
            let body = len - b.rest().len();
            return Ok((
                Frame {
                    what,
                    start: 0,
                    key: small(key),
                    body: small(body),
                    end: small(body),
                    db: self.db,
                    attrs,
                },
                body,
            ));
        }
    }

    /// Behind FF, which is `consumed` bytes into the block: checksum and tail.
    fn finish(&mut self, consumed: u64) -> Result<()> {
        let mut end = self.offset + consumed;
        let mut carry = std::mem::take(&mut self.carry);
        let mut checksum = Checksum::Absent;
        if self.header.version >= 5 {
            if !self.input_ended && carry.len() < 8 {
                self.fill(&mut carry, 8, end);
            }
            let Some(stored) = carry.first_chunk::<8>() else {
                return Err(Error::truncated(
                    end,
                    format!(
                        "the file ends within its checksum ({} of 8 bytes)",
                        carry.len()
                    ),
                ));
            };
            let stored = u64::from_le_bytes(*stored);
            let computed = self.crc.value();
            checksum = Checksum::of(stored, computed);
            carry.drain(..8);
            end += 8;
        }
        // What the tail begins with is told wherever the blocks end. Who keeps it may be waiting for more of it.
        let wanted = if self.keep_tail { 1 } else { TAIL_HEAD };
        if !self.input_ended && carry.len() < wanted {
            self.fill(&mut carry, wanted, end);
        }
        let tail_head = carry
            .get(..carry.len().min(TAIL_HEAD))
            .unwrap_or_default()
            .to_vec();
        let mut tail_len = carry.len() as u64;
        while !self.input_ended && !self.keep_tail {
            carry.clear();
            self.fill(&mut carry, self.sizes.block, end + tail_len);
            tail_len += carry.len() as u64;
        }
        if self.keep_tail {
            self.carry = carry;
        }
        self.ending = Some(Ending {
            end,
            checksum,
            tail_len,
            tail_head,
        });
        self.broken.take().map_or(Ok(()), Err)
    }
}

/// Bytes of a tail that are told.
const TAIL_HEAD: usize = 64;

/// Reads an attribute of the next key; `false` where `code` is none.
#[inline]
fn attribute(
    b: &mut Slice<'_>,
    code: u8,
    pos: usize,
    len: usize,
    valkey: bool,
    attrs: &mut Attrs,
) -> Result<bool> {
    match code {
        // Servers take -1 for a key that does not expire.
        op::EXPIRETIME_MS => {
            attrs.expire_ms = Some(i64::from_le_bytes(b.array()?)).filter(|ms| *ms != -1);
        }
        op::EXPIRETIME => {
            attrs.expire_ms = Some(i64::from(i32::from_le_bytes(b.array()?)) * 1000);
        }
        op::IDLE => attrs.idle = Some(length::number(b)?),
        op::FREQ => attrs.freq = Some(b.byte()?),
        op::KEY_NOEVICT if !valkey => attrs.noevict = true,
        op::KEY_META if !valkey => {
            skip::key_meta(b)?;
            attrs.meta = Some((small(pos), small(len - b.rest().len())));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Positions in a block fit: blocks are a few MiB, keys up to 512.
#[inline]
fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cold]
fn in_key_name(e: Error, row: &TypeRow) -> Error {
    e.within("the key's name")
        .within(format!("a key of type {} ({})", row.name, row.code))
}

#[cold]
fn name_key(e: Error, mut key: Slice<'_>, db: u64) -> Error {
    match key_bytes(&mut key) {
        Ok(name) => e.in_key(db, &name),
        Err(_) => e,
    }
}

#[cold]
fn no_key(at: At) -> Error {
    at.corrupt("metadata of a key with no key behind it")
}

#[cold]
fn unknown(at: At, code: u8, valkey: bool) -> Error {
    let flavour = if valkey {
        Flavour::Valkey
    } else {
        Flavour::Redis
    };
    at.corrupt(match code {
        op::FUNCTION_PRE_GA => format!(
            "opcode {code:#04x}: a function as the release candidates of Redis 7.0 wrote it, which no server loads"
        ),
        op::HASH_TEMPLATE if valkey => {
            format!("opcode {code:#04x} of Valkey 9.2 (an inline command) is not known")
        }
        8 => "type 8 stands for no value".to_owned(),
        0xf1.. => format!("unknown opcode {code:#04x} ({flavour})"),
        _ => format!("unknown value type {code} ({code:#04x}, {flavour})"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(bytes: &[u8]) -> Result<(Vec<Vec<u8>>, Ending)> {
        let mut reader = Reader::new(Box::new(std::io::Cursor::new(bytes.to_vec())), None, true)?;
        let mut keys = Vec::new();
        let mut spare = None;
        while let Some(block) = reader.next_block(spare.take())? {
            for record in block.records() {
                if record.row().is_some() {
                    keys.push(record.key(&mut Vec::new())?.to_vec());
                }
            }
            spare = Some(block);
        }
        Ok((keys, reader.ending().cloned().unwrap()))
    }

    #[test]
    fn versions_with_and_without_a_checksum() {
        let (keys, ending) = ends(b"REDIS0003\xfe\x00\x00\x01a\x01b\xff").unwrap();
        assert_eq!(keys, [b"a"]);
        assert_eq!(ending.checksum, Checksum::Absent);
        assert_eq!(ending.tail_len, 0);
        let (_, ending) = ends(b"REDIS0003\xfftail").unwrap();
        assert_eq!(
            (ending.end, ending.tail_len, ending.tail_head.as_slice()),
            (10, 4, &b"tail"[..])
        );
        let (_, ending) = ends(b"REDIS0011\xff\0\0\0\0\0\0\0\0").unwrap();
        assert_eq!(ending.checksum, Checksum::Disabled);
        let (_, ending) = ends(b"REDIS0011\xff\x01\0\0\0\0\0\0\0").unwrap();
        assert!(matches!(
            ending.checksum,
            Checksum::Mismatch { stored: 1, .. }
        ));
    }

    #[test]
    fn headers() {
        for (bytes, kind) in [
            (&b"REDIS0000"[..], ErrorKind::Corrupt),
            (b"REDIS00x1", ErrorKind::Corrupt),
            (b"REDIS0017", ErrorKind::Unsupported),
            (b"VALKEY011", ErrorKind::Unsupported),
            (b"REDIS0080", ErrorKind::Unsupported),
            (b"VALKEY082", ErrorKind::Unsupported),
            (b"REDIS00", ErrorKind::Truncated),
            (b"RED", ErrorKind::Truncated),
            (b"", ErrorKind::Truncated),
            (b"*3\r\n$3\r\nSET", ErrorKind::Corrupt),
        ] {
            assert_eq!(Header::parse(bytes).unwrap_err().kind(), kind, "{bytes:?}");
        }
        assert_eq!(Header::parse(b"VALKEY080").unwrap().version, 80);
    }

    #[test]
    fn attributes_wait_for_their_key() {
        let bytes = b"REDIS0009\xfc\x01\0\0\0\0\0\0\0\xfa\x01x\x01y\x00\x01a\x01b\x00\x01c\x01d\xff\0\0\0\0\0\0\0\0";
        let mut reader = Reader::new(Box::new(&bytes[..]), None, true).unwrap();
        let block = reader.next_block(None).unwrap().unwrap();
        let expiries: Vec<_> = block
            .records()
            .map(|r| (r.row().is_some(), r.frame.attrs.expire_ms))
            .collect();
        assert_eq!(expiries, [(false, None), (true, Some(1)), (true, None)]);
    }

    #[test]
    fn unknown_bytes_are_named() {
        for (code, word) in [
            (8u8, "type 8"),
            (34, "value type 34"),
            (0xf0, "type 240"),
            (0xf6, "0xf6"),
            (6, "type 6"),
        ] {
            let bytes = [b"REDIS0012".as_slice(), &[code], b"\x01k\x01v\xff"].concat();
            let e = ends(&bytes).unwrap_err().to_string();
            assert!(e.contains(word) && e.contains("offset 0x"), "{e}");
        }
    }

    #[test]
    fn big_records_come_alone_and_whole() {
        let mut bytes = b"REDIS0003\x00\x01a\x01b\x02\x03big".to_vec();
        let n = 400_000u32;
        bytes.push(0x80);
        bytes.extend_from_slice(&n.to_be_bytes());
        for i in 0..n {
            bytes.push(4);
            bytes.extend_from_slice(&i.to_le_bytes());
        }
        bytes.extend_from_slice(b"\x00\x01c\x01d\xff");
        let (keys, _) = ends(&bytes).unwrap();
        assert_eq!(keys, [b"a".to_vec(), b"big".to_vec(), b"c".to_vec()]);
        bytes.truncate(bytes.len() / 2);
        let e = ends(&bytes).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Truncated);
        assert!(e.to_string().contains("key \"big\""), "{e}");
    }
}
