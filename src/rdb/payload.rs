//! The DUMP form of a value, as `RESTORE` takes it: what a file holds of it, and a footer. [`Payload`] makes it, [`Dump`]
//! reads it.
//!
//! ```text
//!   [|F3| metadata] <type> <value> <u16 le RDB version> <u64 le CRC-64 of all before>
//!   [00 c0 80] [0c 00] [52 10 06 ad d5 26 c5 90]            the string -128, from Redis 7.4
//! ```
//! Source: redis `src/cluster.c`, `createDumpPayload`, `verifyDumpPayload`. A server refuses a version above its own, and
//! Valkey 9 those from 12 to 79, so the version here is that of the server it is for.
//!
//! The value is copied as it stands, of any size, without holding it. Types that refer to the templates of their file
//! (30, 32) get the field names in front and become those that stand alone (29, 31).

use super::frame::{Checksum, NEWEST, Record};
use super::length;
use super::opcode;
use super::skip;
use super::string;
use super::template::{Template, Templates};
use super::types::{self, Layout, TypeRow};
use super::visit::Visit;
use super::walk::{self, Scratch, Walk};
use crate::error::{Error, ErrorKind, Result};
use crate::input::bytes::{At, Bytes, Far, Slice};
use crate::input::checksum::Crc64;
use crate::model::finding::Finding;
use crate::model::kind::Flavour;
use crate::model::target::{Since, Target};
use crate::packed::listpack;
use std::sync::Arc;

/// Who takes metadata in front of the type.
pub const KEY_META: Since = Since::redis((8, 6));

/// Bytes behind the value.
const FOOTER: u64 = 10;

/// A value on its way into its DUMP form.
#[derive(Debug)]
pub struct Payload<'r> {
    /// What stands in front of the copied bytes.
    head: Vec<u8>,
    body: Far<'r>,
    len: u64,
    version: u16,
}

impl<'r> Payload<'r> {
    /// Of a key's value, for that server. `Unsupported`, naming the key, where the server does not have the type.
    /// Metadata comes along where `meta` asks for it.
    pub fn of_key(
        record: &Record<'r>,
        row: &'static TypeRow,
        meta: bool,
        target: &Target,
    ) -> Result<Payload<'r>> {
        Payload::build(record, row, meta, target).map_err(|e| record.name(e))
    }

    fn build(
        record: &Record<'r>,
        row: &'static TypeRow,
        meta: bool,
        target: &Target,
    ) -> Result<Payload<'r>> {
        let alone = standalone(record, row);
        let since = since(record, row)?;
        if !target.has(since) {
            return Err(refused(record, alone, since, target));
        }
        let mut head = Vec::new();
        if let Some(meta) = record.meta().filter(|_| meta) {
            head.extend_from_slice(meta);
        }
        head.push(alone.code);
        let (body, len) = record.raw()?;
        let mut payload = Payload {
            head,
            body,
            len,
            version: target.rdb,
        };
        match row.layout {
            Layout::TemplateListpackRef => {
                let id = match record.body() {
                    Some(mut b) => listpack_id(&mut b)?,
                    None => listpack_id(&mut record.big_body()?)?,
                };
                names(&*template(record, id)?, &mut payload.head);
            }
            Layout::TemplateArrayRef => {
                // The id goes; the values stay.
                let (id, left) = match record.body() {
                    Some(mut b) => (length::number(&mut b)?, b.left()),
                    None => {
                        let mut b = record.big_body()?;
                        (length::number(&mut b)?, b.left())
                    }
                };
                names(&*template(record, id)?, &mut payload.head);
                payload.skip(len - left);
            }
            _ => {}
        }
        Ok(payload)
    }

    /// Of a function library's record: what `FUNCTION RESTORE` takes.
    pub fn of_function(record: &Record<'r>, target: &Target) -> Result<Payload<'r>> {
        let (body, len) = record.raw()?;
        Ok(Payload {
            head: vec![opcode::FUNCTION2],
            body,
            len,
            version: target.rdb,
        })
    }

    fn skip(&mut self, n: u64) {
        self.body = match self.body {
            Far::Mem(bytes) => {
                let n = usize::try_from(n).unwrap_or(usize::MAX);
                Far::Mem(bytes.get(n..).unwrap_or_default())
            }
            Far::File(file, at) => Far::File(file, at + n),
        };
        self.len -= n;
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.head.len() as u64 + self.len + FOOTER
    }

    /// Never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Hands out its bytes, piece by piece.
    pub fn chunks(&self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut crc = Crc64::new();
        crc.update(&self.head);
        sink(&self.head)?;
        self.body.chunks(self.len, &mut |piece| {
            crc.update(piece);
            sink(piece)
        })?;
        let version = self.version.to_le_bytes();
        crc.update(&version);
        sink(&version)?;
        sink(&crc.value().to_le_bytes())
    }
}

/// A value in its DUMP form, taken apart. Nothing of the value has been looked at yet.
#[derive(Debug, Clone, Copy)]
pub struct Dump<'a> {
    /// Whose server made it: there is no magic, but Valkey's versions begin at 80.
    pub flavour: Flavour,
    /// The RDB version in the footer.
    pub version: u16,
    /// The checksum in the footer. Servers since Redis 8.6 take 0 as none; others refuse it.
    pub checksum: Checksum,
    /// The metadata in front of the type, from the F3 byte on.
    pub meta: Option<&'a [u8]>,
    /// The type.
    pub row: &'static TypeRow,
    body: Slice<'a>,
}

impl<'a> Dump<'a> {
    /// Takes a payload apart.
    ///
    /// # Errors
    /// `Truncated` below the length of type and footer, `Unsupported` for a version not known here, `Corrupt` for what
    /// is no type, and for the types that refer to the templates of a file. A wrong checksum is no error yet.
    pub fn parse(bytes: &'a [u8]) -> Result<Dump<'a>> {
        let len = bytes.len() as u64;
        let too_short = || {
            let least = FOOTER + 1;
            Error::truncated(
                len,
                format!("a payload of {len} bytes; {least} is the least"),
            )
        };
        let (value, footer) = bytes.split_last_chunk::<10>().ok_or_else(too_short)?;
        let [v0, v1, stored @ ..] = *footer;
        let version = u16::from_le_bytes([v0, v1]);
        let flavour = if version >= 80 {
            Flavour::Valkey
        } else {
            Flavour::Redis
        };
        let [redis, valkey] = NEWEST;
        if version == 0 || version > redis && version < 80 || version > valkey {
            let message = format!(
                "RDB version {version} is not known (1 to {redis} of Redis and 80 to {valkey} of Valkey are)"
            );
            return Err(Error::unsupported(len - FOOTER, message));
        }
        let mut crc = Crc64::new();
        crc.update(value);
        crc.update(&[v0, v1]);
        let checksum = Checksum::of(u64::from_le_bytes(stored), crc.value());
        let mut body = Slice::new(value, 0);
        if value.is_empty() {
            return Err(too_short());
        }
        let mut at = body.at();
        let mut code = body.byte()?;
        let mut meta = None;
        if code == opcode::KEY_META && flavour == Flavour::Redis {
            skip::key_meta(&mut body)?;
            meta = value.get(..value.len() - body.rest().len());
            at = body.at();
            code = body.byte()?;
        }
        let Some(row) = types::by_code(flavour, code) else {
            return Err(at.corrupt(format!("{code:#04x} is no value type ({flavour})")));
        };
        if matches!(
            row.layout,
            Layout::TemplateListpackRef | Layout::TemplateArrayRef
        ) {
            let name = row.name;
            return Err(at.corrupt(format!(
                "type {code} ({name}) refers to the templates of a file; a payload has none"
            )));
        }
        Ok(Dump {
            flavour,
            version,
            checksum,
            meta,
            row,
            body,
        })
    }

    /// The value as stored, with whatever stands behind it.
    #[must_use]
    pub fn body(&self) -> Slice<'a> {
        self.body
    }

    /// The wrong checksum as an error, with its offset in the payload.
    #[must_use]
    pub fn checksum_error(&self) -> Option<Error> {
        self.checksum
            .error(self.body.at().offset + self.body.left() + 2)
    }

    /// Walks over the value. Bytes between it and the footer, which servers ignore, are a warning.
    ///
    /// # Errors
    /// What is wrong with the value and cannot be read past, with its offset in the payload; and what `v` gives.
    pub fn walk<V: Visit + ?Sized>(
        &self,
        distinct: bool,
        sc: &mut Scratch,
        v: &mut V,
    ) -> Result<()> {
        let mut b = self.body;
        let w = Walk {
            row: self.row,
            templates: &Templates::default(),
            distinct,
        };
        walk::slice(&w, &mut b, sc, v)?;
        match b.left() {
            0 => Ok(()),
            n => v.finding(Finding::warning(
                "payload-rest",
                b.at().offset,
                format!("{n} bytes between the value and the footer: servers ignore them"),
            )),
        }
    }
}

/// Which servers take a key's value in its DUMP form.
pub fn since(record: &Record<'_>, row: &'static TypeRow) -> Result<Since> {
    let mut id = None;
    if row.layout == Layout::Module {
        id = Some(match record.body() {
            Some(mut b) => length::number(&mut b)?,
            None => length::number(&mut record.big_body()?)?,
        });
    }
    Ok(since_of(standalone(record, row), id))
}

/// Which servers have a type; of a module's, with its id.
#[must_use]
pub fn since_of(row: &'static TypeRow, module: Option<u64>) -> Since {
    match module {
        Some(VECTOR_SET) => Since::redis((8, 0)),
        _ => row.since,
    }
}

/// The type id of vector sets: a module's type, but built into Redis 8 and into no other server.
const VECTOR_SET: u64 = 0xbde7_2da2_bb1e_b400;

/// The type that stands in the payload: references to templates cannot.
fn standalone(record: &Record<'_>, row: &'static TypeRow) -> &'static TypeRow {
    let code = match row.layout {
        Layout::TemplateListpackRef => 29,
        Layout::TemplateArrayRef => 31,
        _ => return row,
    };
    types::by_code(record.block().header.flavour, code).unwrap_or(row)
}

#[cold]
fn refused(record: &Record<'_>, row: &TypeRow, since: Since, target: &Target) -> Error {
    let what = if row.layout == Layout::Module && since != row.since {
        "vector sets"
    } else {
        row.name
    };
    let who = if since == Since::NONE {
        "no server does".to_owned()
    } else {
        format!("{} do", crate::model::target::ranges(|t| t.has(since)))
    };
    let message = format!("{target} does not load {what} (type {}; {who})", row.code);
    Error::new(ErrorKind::Unsupported, message).at(record.offset())
}

fn template(record: &Record<'_>, id: u64) -> Result<Arc<Template>> {
    record.block().templates.get(id).ok_or_else(|| {
        let at = At {
            offset: record.body_offset(),
            inner: None,
        };
        at.corrupt(format!("hash template {id} was not defined before"))
    })
}

/// The template id that stands first in a listpack of values.
fn listpack_id<'a, B: Bytes<'a>>(b: &mut B) -> Result<u64> {
    let mut scratch = string::BlobScratch::default();
    let mut held = Vec::new();
    let at = b.at();
    let id = super::walk::over_blob!(string::blob(b, &mut scratch)?, bytes => {
        listpack::Reader::new(bytes)?.int("template id", &mut held)?
    });
    u64::try_from(id).map_err(|_| at.corrupt(format!("{id} is no template id")))
}

/// Field names one by one: `1`, their number, strings.
fn names(template: &Template, out: &mut Vec<u8>) {
    length::write(1, out);
    length::write(template.len() as u64, out);
    for name in template.fields() {
        string::write(name, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdb::frame::{Block, Reader};

    fn block(bytes: &[u8]) -> Block {
        let bytes = bytes.to_vec();
        let mut reader = Reader::new(Box::new(std::io::Cursor::new(bytes)), None, true).unwrap();
        reader.next_block(None).unwrap().unwrap()
    }

    fn payload(block: &Block, target: &str) -> Result<Vec<u8>> {
        let record = block.records().find(|r| r.row().is_some()).unwrap();
        let target = Target::from_name(target).unwrap();
        let payload = Payload::of_key(&record, record.row().unwrap(), true, target)?;
        let mut out = Vec::new();
        payload.chunks(&mut |piece| {
            out.extend_from_slice(piece);
            Ok(())
        })?;
        assert_eq!(out.len() as u64, payload.len());
        assert_eq!(
            out[out.len() - 8..],
            crate::input::checksum::crc64(&out[..out.len() - 8]).to_le_bytes()
        );
        Ok(out)
    }

    #[test]
    fn the_example_of_the_header() {
        let block = block(b"REDIS0006\x00\x01k\xc0\x80\xff");
        assert_eq!(
            payload(&block, "redis-7.4").unwrap(),
            b"\x00\xc0\x80\x0c\x00\x52\x10\x06\xad\xd5\x26\xc5\x90"
        );
    }

    #[test]
    fn what_a_server_does_not_have_is_refused_by_name() {
        let block = block(b"REDIS0012\x1c\x01k\x01\x00\x00\x00\x01a\xff");
        let e = payload(&block, "valkey-9.1").unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Unsupported);
        assert_eq!(
            e.to_string(),
            "offset 0x9: db 0, key \"k\": valkey-9.1 does not load ARRAY (type 28; redis-8.8 to redis-8.10 do)"
        );
        assert!(payload(&block, "redis-8.8").is_ok());
        let block = self::block(b"REDIS0012\x07\x01k\x81\xbd\xe7\x2d\xa2\xbb\x1e\xb4\x00\x00\xff");
        let e = payload(&block, "redis-7.4").unwrap_err();
        assert_eq!(
            e.message(),
            "redis-7.4 does not load vector sets (type 7; redis-8.0 to redis-8.10 do)"
        );
        assert!(payload(&block, "redis-8.0").is_ok());
    }

    #[test]
    fn references_to_templates_become_self_contained() {
        // Template 5 has the fields a and bb; k has the values 1 and 2 behind a listpack's id, m behind a number.
        let template = b"\xf2\x05\x02\x01a\x02bb";
        let listpack = b"\x0d\x0d\x00\x00\x00\x03\x00\x05\x01\x01\x01\x02\x01\xff";
        let file = [b"REDIS0015", &template[..], b"\x1e\x01k", listpack, b"\xff"].concat();
        let want = [b"\x1d\x01\x02\x01a\x02bb", &listpack[..]].concat();
        let got = payload(&block(&file), "redis-8.10").unwrap();
        assert_eq!(got[..got.len() - 10], want);
        let file = [
            b"REDIS0015",
            &template[..],
            b"\x20\x01m\x05\xc0\x01\x01x\xff",
        ]
        .concat();
        let got = payload(&block(&file), "redis-8.10").unwrap();
        assert_eq!(
            got[..got.len() - 10],
            b"\x1f\x01\x02\x01a\x02bb\xc0\x01\x01x"[..]
        );
        assert!(payload(&block(&file), "redis-8.8").is_err());
    }

    #[test]
    fn metadata_stands_in_front() {
        let file = b"REDIS0013\xf3\x01\x18\x83\x10\x00\x02\x07\x00\x00\x01a\xc0\x01\xff";
        let got = payload(&block(file), "redis-8.6").unwrap();
        assert_eq!(
            got[..got.len() - 10],
            b"\xf3\x01\x18\x83\x10\x00\x02\x07\x00\x00\xc0\x01"[..]
        );
    }
}
