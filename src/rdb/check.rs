//! What servers' loaders would say of a value that does not hold, and checks of the records that are no keys.
//!
//! Source: `rdbLoadObject` with `sanitize-dump-payload no`, the default: of a listpack only the header and the end mark
//! are looked at, so damage inside goes unnoticed until the value is used. Valkey 9.1 looks at everything.

use super::frame::Record;
use super::length;
use super::opcode;
use super::skip;
use super::string::{self, Blob};
use super::types::{Layout, TypeRow};
use super::walk::Scratch;
use crate::error::{Error, Result};
use crate::input::bytes::Bytes;
use crate::model::finding::Refused;
use crate::model::target::Since;

/// Who refuses a value whose walk ended in `error`.
pub fn refused(record: &Record<'_>, row: &TypeRow, error: &Error, sc: &mut Scratch) -> Refused {
    let shallow = match record.body() {
        Some(mut b) => shallow(&mut b, row.layout, sc),
        None => record
            .big_body()
            .and_then(|mut b| shallow(&mut b, row.layout, sc)),
    };
    if shallow.is_err() {
        return Refused::Always;
    }
    let in_node = || {
        error
            .place()
            .path
            .first()
            .is_some_and(|step| step.starts_with("node"))
    };
    match row.layout {
        Layout::HashListpack
        | Layout::ZsetListpack
        | Layout::SetListpack
        | Layout::HashListpackTtl { .. }
        | Layout::Quicklist2 => Refused::With(Since::DEEP),
        Layout::Stream(_) if in_node() => Refused::With(Since::DEEP),
        // Walked to make a quicklist of it; 6.2 stops at what it cannot read.
        Layout::ListZiplist => Refused::With(Since::both((6, 2))),
        // Walked, and converted to listpacks, since 7.0.
        Layout::HashZiplist | Layout::ZsetZiplist | Layout::Quicklist => {
            Refused::With(Since::both((7, 0)))
        }
        _ => Refused::Always,
    }
}

/// A library's source of more bytes is refused.
const LIBRARY: u64 = 512 << 20;

/// The source of a function library, of its record.
///
/// # Errors
/// What is wrong with the string; a limit on its length.
pub fn library(record: &Record<'_>) -> Result<Vec<u8>> {
    let mut scratch = Vec::new();
    match record.body() {
        Some(mut b) => string::read(&mut b, &mut scratch)?.to_vec(LIBRARY),
        None => {
            let mut b = record.big_body()?;
            string::read(&mut b, &mut scratch)?.to_vec(LIBRARY)
        }
    }
}

/// The look that loaders take at the blobs of a value.
fn shallow<'a, B: Bytes<'a>>(b: &mut B, layout: Layout, sc: &mut Scratch) -> Result<()> {
    match layout {
        Layout::HashListpack
        | Layout::ZsetListpack
        | Layout::SetListpack
        | Layout::ListZiplist
        | Layout::HashZiplist
        | Layout::ZsetZiplist => blob(b, sc),
        Layout::HashListpackTtl { min } => {
            if min {
                b.skip(8)?;
            }
            blob(b, sc)
        }
        Layout::Quicklist => {
            for _ in 0..length::number(b)? {
                blob(b, sc)?;
            }
            Ok(())
        }
        Layout::Quicklist2 => {
            for _ in 0..length::number(b)? {
                if length::number(b)? == 1 {
                    string::read(b, &mut sc.a)?.chunks(&mut |_| Ok(()))?;
                } else {
                    blob(b, sc)?;
                }
            }
            Ok(())
        }
        Layout::Stream(_) => {
            for _ in 0..length::number(b)? {
                let at = b.at();
                let id = string::read(b, &mut sc.a)?.len();
                if id != 16 {
                    return Err(at.corrupt(format!("a node's id of {id} bytes")));
                }
                blob(b, sc)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Size and end mark of a listpack or ziplist.
fn blob<'a, B: Bytes<'a>>(b: &mut B, sc: &mut Scratch) -> Result<()> {
    match string::blob(b, &mut sc.blob)? {
        Blob::Slice(bytes) => header(bytes),
        Blob::Paged(bytes) => header(bytes),
    }
}

fn header<'a, B: Bytes<'a>>(mut bytes: B) -> Result<()> {
    let at = bytes.at();
    let size = bytes.left();
    let total = u32::from_le_bytes(bytes.array()?);
    let last = size
        .checked_sub(5)
        .map(|n| bytes.skip(n).and_then(|()| bytes.byte()));
    match last {
        Some(Ok(0xff)) if u64::from(total) == size => Ok(()),
        _ => Err(at.corrupt("the header does not fit")),
    }
}

/// Checks a record that is no key as far as framing has not: its compressed strings.
pub fn record(record: &Record<'_>, op: u8, sc: &mut Scratch) -> Result<()> {
    match record.body() {
        Some(mut b) => strings(&mut b, op, sc),
        None => record.big_body().and_then(|mut b| strings(&mut b, op, sc)),
    }
}

fn strings<'a, B: Bytes<'a>>(b: &mut B, op: u8, sc: &mut Scratch) -> Result<()> {
    match op {
        opcode::AUX => {
            string::check(b, &mut sc.a)?;
            string::check(b, &mut sc.a)
        }
        opcode::FUNCTION2 => string::check(b, &mut sc.a),
        opcode::MODULE_AUX => {
            for _ in 0..3 {
                length::number(b)?;
            }
            skip::module_fields_with(b, |b| string::check(b, &mut sc.a))
        }
        opcode::SLOT_IMPORT => {
            let at = b.at();
            let name = string::read(b, &mut sc.a)?;
            name.chunks(&mut |_| Ok(()))?;
            // As long as a node's name.
            if name.len() != 40 {
                let n = name.len();
                return Err(at.corrupt(format!("a slot import's name of {n} bytes, not 40")));
            }
            Ok(())
        }
        // Framing has read the strings of templates.
        _ => Ok(()),
    }
}

/// Checks the metadata in front of a key.
pub fn meta(record: &Record<'_>, sc: &mut Scratch) -> Result<()> {
    let Some(mut b) = record.meta_cursor() else {
        return Ok(());
    };
    // The opcode.
    b.skip(1)?;
    for _ in 0..length::number(&mut b)? {
        b.skip(4)?;
        skip::module_fields_with(&mut b, |b| string::check(b, &mut sc.a))?;
    }
    Ok(())
}
