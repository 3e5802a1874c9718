//! Blocks of whole records, and looks into one of them.

use super::super::string;
use super::super::template::Templates;
use super::super::types::{Layout, TypeRow};
use super::{Header, name_key};
use crate::error::{Error, Place, Result};
use crate::input::bytes::{Far, Paged, ReadAt, Slice};
use crate::limits;
use crate::model::kind::Encoding;
use std::sync::Arc;

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
    pub(super) source: Option<Arc<dyn ReadAt + Send + Sync>>,
    /// Its position in the source.
    pub(super) start: u64,
    /// Its offset in the file.
    pub(super) offset: u64,
    /// Its first bytes, kept even where the body is not.
    pub(super) head: Vec<u8>,
    /// Its length.
    pub len: u64,
    /// How much of it is read at a time.
    pub(super) page: usize,
}

impl BigBody {
    /// `len` bytes at the start of `source`, which stand for those at that offset of the file.
    pub(in crate::rdb) fn new(
        source: Arc<dyn ReadAt + Send + Sync>,
        len: u64,
        offset: u64,
    ) -> Result<BigBody> {
        let few = usize::try_from(len).unwrap_or(BODY_HEAD).min(BODY_HEAD);
        let mut head = vec![0; few];
        source.read_exact_at(&mut head, 0)?;
        Ok(BigBody {
            source: Some(source),
            start: 0,
            offset,
            head,
            len,
            page: limits::PAGE,
        })
    }
}

/// Bytes of a big body that stay with its record: enough for the form of a string and the id of a module.
pub(super) const BODY_HEAD: usize = 32;

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
    /// Of a record that stands in the place of another one, with another value: the encoding that the value had. How it
    /// is packed now is no server's choice.
    pub made: Option<Encoding>,
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

    /// The key's string as it stands in the file.
    #[must_use]
    pub fn raw_key(&self) -> &'b [u8] {
        self.cut(self.frame.key, self.frame.body)
    }

    /// Where it is: its offset, and of a key db and name.
    #[must_use]
    pub fn place(&self) -> Place {
        let key = self.row().and_then(|_| {
            let mut held = Vec::new();
            self.key(&mut held).map(<[u8]>::to_vec).ok()
        });
        Place {
            offset: Some(self.offset()),
            db: key.is_some().then_some(self.frame.db),
            key,
            ..Place::default()
        }
    }

    /// How a key's value is encoded: the type's encoding, or for strings how this one is packed.
    #[must_use]
    pub fn encoding(&self) -> Option<Encoding> {
        let row = self.row()?;
        if row.layout != Layout::Text {
            return Some(self.block.made.unwrap_or(row.encoding));
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
pub(super) fn key_bytes(b: &mut Slice<'_>) -> Result<Vec<u8>> {
    let mut scratch = Vec::new();
    let key = string::read(b, &mut scratch)?;
    key.to_vec(limits::KEY)
}
