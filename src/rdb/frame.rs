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

use super::length;
use super::opcode as op;
use super::skip;
use super::string;
use super::template::{Template, Templates};
use super::types::{self, Layout, TypeRow};
use crate::error::{Error, ErrorKind, Result};
use crate::input::bytes::{At, Bytes, Data, Far, Paged, ReadAt, Slice, past_the_end};
use crate::input::checksum::Crc64;
use crate::input::spool::Spool;
use crate::limits::{self, Sizes};
use crate::model::kind::{Encoding, Flavour};
use std::io::Read;
use std::sync::Arc;

/// Magic and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// From the magic.
    pub flavour: Flavour,
    /// The RDB version.
    pub version: u16,
}

/// Bytes of magic and version.
pub const HEADER_LEN: usize = 9;

/// The newest version of each flavour that is known here.
pub(super) const NEWEST: [u16; 2] = [16, 81];

impl Header {
    /// Reads magic and version, and judges whether they are known.
    pub fn parse(bytes: &[u8]) -> Result<Header> {
        let (flavour, digits) = if let Some(rest) = bytes.strip_prefix(b"VALKEY") {
            (Flavour::Valkey, rest.get(..3))
        } else if let Some(rest) = bytes.strip_prefix(b"REDIS") {
            (Flavour::Redis, rest.get(..4))
        } else if b"REDIS".starts_with(bytes) || b"VALKEY".starts_with(bytes) {
            (Flavour::Redis, None)
        } else {
            return Err(Error::corrupt(
                0,
                "no RDB file: it does not begin with REDIS or VALKEY",
            ));
        };
        let Some(digits) = digits else {
            return Err(Error::truncated(
                bytes.len() as u64,
                "the file ends within its first 9 bytes",
            ));
        };
        let version = digits
            .iter()
            .try_fold(0u16, |n, d| {
                d.is_ascii_digit().then(|| n * 10 + u16::from(d - b'0'))
            })
            .filter(|n| *n > 0)
            .ok_or_else(|| {
                Error::corrupt(
                    5,
                    format!("{} is no RDB version", crate::text::quoted(digits)),
                )
            })?;
        let [redis, valkey] = NEWEST;
        let known = match flavour {
            Flavour::Redis => 1..=redis,
            Flavour::Valkey => 80..=valkey,
        };
        if !known.contains(&version) {
            return Err(Error::unsupported(
                5,
                format!(
                    "RDB version {version} of {flavour} is not known ({} to {} are)",
                    known.start(),
                    known.end()
                ),
            ));
        }
        Ok(Header { flavour, version })
    }
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A key with a value of this type.
    Key(&'static TypeRow),
    /// A record with this opcode.
    Record(u8),
}

/// One record: positions in its block.
#[derive(Debug, Clone)]
pub struct Frame {
    /// What it is.
    pub what: What,
    /// First byte: of the first attribute, or the opcode.
    pub start: u32,
    /// First byte of the key's string.
    pub key: u32,
    /// First byte behind the key or the opcode.
    pub body: u32,
    /// The byte behind the record.
    pub end: u32,
    /// The database.
    pub db: u64,
    /// What stood in front of the key.
    pub attrs: Attrs,
}

/// Attributes of a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attrs {
    /// Expiry, Unix milliseconds.
    pub expire_ms: Option<i64>,
    /// Seconds since it was used.
    pub idle: Option<u64>,
    /// How often it was used, 0 to 255.
    pub freq: Option<u8>,
    /// Position and end of the metadata in the block, from the F3 byte on.
    pub meta: Option<(u32, u32)>,
    /// Marked to be kept by eviction.
    pub noevict: bool,
}

/// A body too big for a block.
#[derive(Clone)]
pub struct BigBody {
    /// Where it can be read; `None` when bodies were not asked for.
    source: Option<Arc<dyn ReadAt + Send + Sync>>,
    /// Its position in the source.
    start: u64,
    /// Its offset in the file.
    offset: u64,
    /// Its first bytes, kept even where the body is not.
    head: Vec<u8>,
    /// Its length.
    pub len: u64,
    /// How much of it is read at a time.
    page: usize,
}

/// Bytes of a big body that stay with its record: enough for the form of a string and the id of a module.
const BODY_HEAD: usize = 32;

/// Some whole records, in file order.
pub struct Block {
    /// 0 for the first block of the file.
    pub ordinal: u64,
    /// Offset of `bytes` in the file.
    pub base: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The records in them.
    pub frames: Vec<Frame>,
    /// The body of the only record, where it is big.
    pub big: Option<BigBody>,
    /// The hash templates defined so far.
    pub templates: Templates,
    /// Magic and version of the file.
    pub header: Header,
}

impl Block {
    /// The records, each with its bytes.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.frames
            .iter()
            .map(move |frame| Record { frame, block: self })
    }
}

/// A record and the block that holds it.
#[derive(Clone, Copy)]
pub struct Record<'b> {
    /// Where its parts are.
    pub frame: &'b Frame,
    block: &'b Block,
}

impl<'b> Record<'b> {
    fn cut(&self, from: u32, to: u32) -> &'b [u8] {
        self.block
            .bytes
            .get(from as usize..to as usize)
            .unwrap_or_default()
    }

    /// The block it is in.
    #[must_use]
    pub fn block(&self) -> &'b Block {
        self.block
    }

    /// The type, where it is a key.
    #[must_use]
    pub fn row(&self) -> Option<&'static TypeRow> {
        match self.frame.what {
            What::Key(row) => Some(row),
            What::Record(_) => None,
        }
    }

    /// Offset of its first byte in the file.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.block.base + u64::from(self.frame.start)
    }

    /// Offset of the key's string in the file.
    #[must_use]
    pub fn key_offset(&self) -> u64 {
        self.block.base + u64::from(self.frame.key)
    }

    /// Offset of the first byte of its body in the file.
    #[must_use]
    pub fn body_offset(&self) -> u64 {
        self.block.base + u64::from(self.frame.body)
    }

    /// Offset of the byte behind it in the file.
    #[must_use]
    pub fn end_offset(&self) -> u64 {
        self.block.base
            + u64::from(self.frame.end)
            + self.block.big.as_ref().map_or(0, |big| big.len)
    }

    /// Bytes of its body: of a key, the serialized value.
    #[must_use]
    pub fn body_len(&self) -> u64 {
        self.end_offset() - self.body_offset()
    }

    /// The key; `scratch` holds it where it is not stored as it is.
    #[inline]
    pub fn key<'s>(&self, scratch: &'s mut Vec<u8>) -> Result<&'s [u8]>
    where
        'b: 's,
    {
        let mut b = Slice::new(self.cut(self.frame.key, self.frame.body), self.key_offset());
        let rest = b.rest();
        // Nearly every key is a raw string of up to 63 bytes: no need to look further.
        if let [first @ 0..=0x3f, key @ ..] = rest
            && key.len() == usize::from(*first)
        {
            return Ok(key);
        }
        let within = |e: Error| e.within("the key's name");
        // However long it is: no copy of it is made.
        if let string::Form::Raw(n) = string::form(&mut b).map_err(within)? {
            return b.bytes(n).map_err(within);
        }
        let mut b = Slice::new(rest, self.key_offset());
        *scratch = key_bytes(&mut b).map_err(within)?;
        Ok(scratch)
    }

    /// Adds db and key to an error's place.
    #[cold]
    #[must_use]
    pub fn name(&self, e: Error) -> Error {
        if self.row().is_none() {
            return e;
        }
        name_key(
            e,
            Slice::new(self.cut(self.frame.key, self.frame.body), self.key_offset()),
            self.frame.db,
        )
    }

    /// How a key's value is encoded: the type's encoding, or for strings how this one is packed.
    #[must_use]
    pub fn encoding(&self) -> Option<Encoding> {
        let row = self.row()?;
        if row.layout != Layout::Text {
            return Some(row.encoding);
        }
        Some(match string::form(&mut self.body_head()) {
            Ok(string::Form::Int(_)) => Encoding::Int,
            Ok(string::Form::Lzf(..)) => Encoding::Lzf,
            _ => Encoding::Raw,
        })
    }

    /// The metadata in front of the key as it stands in the file, from the F3 byte on.
    #[must_use]
    pub fn meta(&self) -> Option<&'b [u8]> {
        self.frame.attrs.meta.map(|(from, to)| self.cut(from, to))
    }

    /// A cursor over the metadata, from the F3 byte on.
    #[must_use]
    pub fn meta_cursor(&self) -> Option<Slice<'b>> {
        let (from, to) = self.frame.attrs.meta?;
        let offset = self.block.base + u64::from(from);
        Some(Slice::new(self.cut(from, to), offset))
    }

    /// A cursor over the body, where it is in the block.
    #[must_use]
    #[inline]
    pub fn body(&self) -> Option<Slice<'b>> {
        if self.block.big.is_some() {
            return None;
        }
        Some(Slice::new(
            self.cut(self.frame.body, self.frame.end),
            self.body_offset(),
        ))
    }

    /// A cursor over the first bytes of the body, wherever it is: over all of it in a block, over 32 of a big one.
    #[must_use]
    #[inline]
    pub fn body_head(&self) -> Slice<'b> {
        match self.block.big.as_ref() {
            None => Slice::new(
                self.cut(self.frame.body, self.frame.end),
                self.body_offset(),
            ),
            Some(big) => Slice::new(&big.head, self.body_offset()),
        }
    }

    /// A cursor over the body, where it is big.
    pub fn big_body(&self) -> Result<Paged<'b>> {
        let big = self.block.big.as_ref();
        match big.and_then(|b| b.source.as_deref().map(|s| (b, s))) {
            Some((big, source)) => Ok(Paged::new(
                source,
                big.start,
                big.start + big.len,
                big.offset.wrapping_sub(big.start),
            )
            .in_pages_of(big.page)),
            None => {
                Err(Error::usage("the bodies of big records were not kept").at(self.body_offset()))
            }
        }
    }

    /// The body as stored.
    pub fn raw(&self) -> Result<(Far<'b>, u64)> {
        let len = self.body_len();
        match self.block.big.as_ref() {
            None => Ok((Far::Mem(self.cut(self.frame.body, self.frame.end)), len)),
            Some(big) => {
                match big.source.as_deref() {
                    Some(source) => Ok((Far::File(source, big.start), len)),
                    None => Err(Error::usage("the bodies of big records were not kept")
                        .at(self.body_offset())),
                }
            }
        }
    }
}

/// The bytes of a key's string, expanded.
fn key_bytes(b: &mut Slice<'_>) -> Result<Vec<u8>> {
    let mut scratch = Vec::new();
    let key = string::read(b, &mut scratch)?;
    key.to_vec(limits::KEY)
}

/// What the last 8 bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// Versions below 5 have none.
    Absent,
    /// Stored as 0: the server was told not to compute it.
    Disabled,
    /// Right.
    Match(u64),
    /// Wrong.
    Mismatch {
        /// In the file.
        stored: u64,
        /// Of the bytes.
        computed: u64,
    },
}

impl Checksum {
    pub(super) fn of(stored: u64, computed: u64) -> Checksum {
        match stored {
            0 => Checksum::Disabled,
            n if n == computed => Checksum::Match(n),
            _ => Checksum::Mismatch { stored, computed },
        }
    }

    /// A wrong one, which stands at `offset`, as an error.
    #[must_use]
    pub fn error(self, offset: u64) -> Option<Error> {
        match self {
            Checksum::Mismatch { stored, computed } => Some(
                Error::new(
                    ErrorKind::Checksum,
                    format!("the checksum is {stored:016x}; the bytes give {computed:016x}"),
                )
                .at(offset),
            ),
            _ => None,
        }
    }
}

/// How the file ended.
#[derive(Debug, Clone)]
pub struct Ending {
    /// Offset of the byte behind the RDB: behind the checksum, or behind FF where there is none.
    pub end: u64,
    /// The checksum.
    pub checksum: Checksum,
    /// Bytes that follow; where the tail is kept ([`Reader::keep_tail`]), as many of them as were read already.
    pub tail_len: u64,
    /// The first of them.
    pub tail_head: Vec<u8>,
}

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
                self.input_ended = fill(&mut *self.input, &mut bytes, want, self.offset)?;
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
                    self.input_ended = fill(&mut *self.input, &mut bytes, want, self.offset)?;
                }
                Err(e) => return Err(e),
            }
        };
        if bytes.len() < body + BODY_HEAD && !self.input_ended {
            self.input_ended = fill(&mut *self.input, &mut bytes, body + BODY_HEAD, self.offset)?;
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
        let mut checksum = Checksum::Absent;
        if self.header.version >= 5 {
            if !self.input_ended && self.carry.len() < 8 {
                self.input_ended = fill(&mut *self.input, &mut self.carry, 8, end)?;
            }
            let Some(stored) = self.carry.first_chunk::<8>() else {
                return Err(Error::truncated(
                    end,
                    format!(
                        "the file ends within its checksum ({} of 8 bytes)",
                        self.carry.len()
                    ),
                ));
            };
            let stored = u64::from_le_bytes(*stored);
            let computed = self.crc.value();
            checksum = Checksum::of(stored, computed);
            self.carry.drain(..8);
            end += 8;
        }
        if self.keep_tail && !self.input_ended && self.carry.is_empty() {
            self.input_ended = fill(&mut *self.input, &mut self.carry, 1, end)?;
        }
        let tail_head = self
            .carry
            .get(..self.carry.len().min(64))
            .unwrap_or_default()
            .to_vec();
        let mut tail_len = self.carry.len() as u64;
        while !self.input_ended && !self.keep_tail {
            self.carry.clear();
            self.input_ended = fill(
                &mut *self.input,
                &mut self.carry,
                self.sizes.block,
                end + tail_len,
            )?;
            tail_len += self.carry.len() as u64;
        }
        if !self.keep_tail {
            self.carry.clear();
        }
        self.ending = Some(Ending {
            end,
            checksum,
            tail_len,
            tail_head,
        });
        Ok(())
    }
}

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
        op::EXPIRETIME_MS => attrs.expire_ms = Some(i64::from_le_bytes(b.array()?)),
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

/// Reads until `buf` holds `want` bytes; `true` where the input ended.
fn fill(input: &mut dyn Read, buf: &mut Vec<u8>, want: usize, offset: u64) -> Result<bool> {
    let mut have = buf.len();
    buf.resize(want.max(have), 0);
    let mut ended = false;
    while have < want {
        match input.read(buf.get_mut(have..).unwrap_or_default()) {
            Ok(0) => {
                ended = true;
                break;
            }
            Ok(n) => have += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => {
                buf.truncate(have);
                return Err(Error::from_io(e, "read").at(offset + have as u64));
            }
        }
    }
    buf.truncate(have);
    Ok(ended)
}

/// The body of a big record as it arrives: every byte goes into the checksum, and to the spool file where there is one.
struct Feed<'i> {
    input: &'i mut dyn Read,
    page: Vec<u8>,
    next: usize,
    /// Offset of `page` in the file.
    offset: u64,
    crc: &'i mut Crc64,
    spool: Option<Spool>,
    /// How much is read at a time.
    block: usize,
}

impl Feed<'_> {
    /// Hands on what was read and gets a new page.
    #[cold]
    fn turn(&mut self) -> Result<()> {
        let done = self.page.get(..self.next).unwrap_or_default();
        self.crc.update(done);
        if let Some(spool) = &mut self.spool {
            spool.write(done)?;
        }
        self.offset += self.next as u64;
        self.page.drain(..self.next);
        self.next = 0;
        if self.page.len() < self.block {
            fill(self.input, &mut self.page, self.block, self.offset)?;
        }
        Ok(())
    }

    /// The spool, what was read too far, and the offset where the body ends.
    fn finish(mut self) -> Result<(Option<Spool>, Vec<u8>, u64)> {
        let done = self.page.get(..self.next).unwrap_or_default();
        self.crc.update(done);
        if let Some(spool) = &mut self.spool {
            spool.write(done)?;
        }
        let left = self.page.split_off(self.next);
        Ok((self.spool, left, self.offset + self.next as u64))
    }

    /// At least `n` bytes (at most a block) that were not read yet.
    #[inline]
    fn window(&mut self, n: usize) -> Result<&[u8]> {
        if self.page.len() - self.next < n {
            self.turn()?;
            if self.page.len() < n {
                return Err(self.short(n as u64));
            }
        }
        Ok(self.page.get(self.next..).unwrap_or_default())
    }

    #[cold]
    fn short(&self, n: u64) -> Error {
        let left = self.page.len() - self.next;
        self.at().truncated(past_the_end(n, left as u64))
    }
}

impl<'a> Bytes<'a> for Feed<'_> {
    fn at(&self) -> At {
        At {
            offset: self.offset + self.next as u64,
            inner: None,
        }
    }

    fn left(&self) -> u64 {
        u64::MAX
    }

    #[inline]
    fn byte(&mut self) -> Result<u8> {
        let b = self.window(1)?.first().copied().unwrap_or_default();
        self.next += 1;
        Ok(b)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let found = self.window(N)?.first_chunk::<N>().copied();
        self.next += N;
        Ok(found.unwrap_or([0; N]))
    }

    fn take<'s>(&mut self, n: u64, scratch: &'s mut Vec<u8>) -> Result<Data<'s>>
    where
        'a: 's,
    {
        if n > limits::GIANT as u64 {
            return Err(
                Error::limit(format!("{n} bytes where a small string was expected"))
                    .at(self.at().offset),
            );
        }
        scratch.clear();
        let mut need = usize::try_from(n).unwrap_or(limits::GIANT);
        while need > 0 {
            let part = need.min(self.block);
            let window = self.window(part)?;
            scratch.extend_from_slice(window.get(..part).unwrap_or(window));
            self.next += part;
            need -= part;
        }
        Ok(Data::Slice(scratch))
    }

    #[inline]
    fn skip(&mut self, n: u64) -> Result<()> {
        let start = self.at();
        let mut need = n;
        loop {
            let have = (self.page.len() - self.next) as u64;
            if need <= have {
                self.next += usize::try_from(need).unwrap_or_default();
                return Ok(());
            }
            need -= have;
            self.next = self.page.len();
            self.turn()?;
            if self.page.is_empty() {
                return Err(start.truncated(past_the_end(n, n - need)));
            }
        }
    }
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
