//! Passing over a value by its lengths alone: no LZF, no text, no packed encoding is looked into.
//!
//! One function for all layouts, over any [`Bytes`]: slices of a block, and the stream a big record arrives on.

use super::length;
use super::opcode;
use super::string;
use super::template::Templates;
use super::types::Layout;
use crate::error::{Error, Result};
use crate::input::bytes::Bytes;

/// Passes over a value of that layout.
pub fn value<'a, B: Bytes<'a>>(b: &mut B, layout: Layout, templates: &Templates) -> Result<()> {
    match layout {
        Layout::Text
        | Layout::HashZipmap
        | Layout::ListZiplist
        | Layout::SetIntset
        | Layout::ZsetZiplist
        | Layout::HashZiplist
        | Layout::HashListpack
        | Layout::ZsetListpack
        | Layout::SetListpack
        | Layout::TemplateListpackRef => string::skip(b),
        Layout::List | Layout::Set | Layout::Quicklist => {
            counted(b, "element", |b| string::skip(b))
        }
        Layout::Hash => counted(b, "field", |b| {
            string::skip(b)?;
            string::skip(b)
        }),
        Layout::ZsetBinary => counted(b, "member", |b| {
            string::skip(b)?;
            b.skip(8)
        }),
        Layout::ZsetText => counted(b, "member", |b| {
            string::skip(b)?;
            let n = b.byte()?;
            if n < 253 {
                b.skip(u64::from(n))
            } else {
                Ok(())
            }
        }),
        Layout::HashTtlFirst => counted(b, "field", ttl_first),
        Layout::HashTtlRelative => {
            b.skip(8)?;
            counted(b, "field", ttl_first)
        }
        Layout::HashTtlLast => counted(b, "field", |b| {
            string::skip(b)?;
            string::skip(b)?;
            b.skip(8)
        }),
        Layout::Quicklist2 => counted(b, "node", |b| {
            let container = length::number(b)?;
            if !(1..=2).contains(&container) {
                return Err(b.at().corrupt(format!(
                    "container {container} is neither plain (1) nor packed (2)"
                )));
            }
            string::skip(b)
        }),
        Layout::HashListpackTtl { min } => {
            if min {
                b.skip(8)?;
            }
            string::skip(b)
        }
        Layout::Stream(version) => stream(b, version),
        Layout::Module => {
            length::number(b)?;
            module_fields(b)
        }
        Layout::ModuleOld => Err(Error::unsupported(
            b.at().offset,
            "a module value of the release candidates of 4.0 (type 6) has no end mark and cannot be passed over",
        )),
        Layout::Array => array(b),
        Layout::TemplateListpack => {
            field_names(b)?;
            string::skip(b)
        }
        Layout::TemplateArray => {
            let n = field_names(b)?;
            strings(b, n, "value")
        }
        Layout::TemplateArrayRef => {
            let at = b.at();
            let id = length::number(b)?;
            let Some(template) = templates.get(id) else {
                return Err(at.corrupt(format!("hash template {id} was not defined before")));
            };
            strings(b, template.len() as u64, "value")
        }
        Layout::Gcra => length::number(b).map(|_| ()),
        Layout::Unknown => Err(Error::unsupported(
            b.at().offset,
            "the layout of this type is not known",
        )),
    }
}

#[inline]
fn ttl_first<'a, B: Bytes<'a>>(b: &mut B) -> Result<()> {
    length::number(b)?;
    string::skip(b)?;
    string::skip(b)
}

/// `len` n, then n times `each`; an error says which one it was.
#[inline]
fn counted<'a, B: Bytes<'a>>(
    b: &mut B,
    what: &str,
    each: impl Fn(&mut B) -> Result<()>,
) -> Result<()> {
    let n = length::number(b)?;
    times(b, n, what, each)
}

#[inline]
fn times<'a, B: Bytes<'a>>(
    b: &mut B,
    n: u64,
    what: &str,
    each: impl Fn(&mut B) -> Result<()>,
) -> Result<()> {
    for i in 0..n {
        if let Err(e) = each(b) {
            return Err(e.within(format!("{what} {i} of {n}")));
        }
    }
    Ok(())
}

fn strings<'a, B: Bytes<'a>>(b: &mut B, n: u64, what: &str) -> Result<()> {
    times(b, n, what, |b| string::skip(b))
}

/// The field names in front of a self-contained template hash; gives their number where they stand one by one.
fn field_names<'a, B: Bytes<'a>>(b: &mut B) -> Result<u64> {
    let at = b.at();
    match length::number(b)? {
        0 => {
            // The names are a listpack: only its header tells how many they are.
            super::template::listpack_len(b)
        }
        1 => {
            let n = length::number(b)?;
            strings(b, n, "field name")?;
            Ok(n)
        }
        other => Err(at.corrupt(format!(
            "field names in format {other}; 0 (listpack) and 1 (strings) are known"
        ))),
    }
}

/// Marked fields of a module, up to and with the end mark.
pub fn module_fields<'a, B: Bytes<'a>>(b: &mut B) -> Result<()> {
    module_fields_with(b, string::skip)
}

/// The same, with something else to pass over strings.
pub(super) fn module_fields_with<'a, B: Bytes<'a>>(
    b: &mut B,
    mut text: impl FnMut(&mut B) -> Result<()>,
) -> Result<()> {
    loop {
        let at = b.at();
        match length::number(b)? {
            0 => return Ok(()),
            1 | 2 => {
                length::number(b)?;
            }
            3 => b.skip(4)?,
            4 => b.skip(8)?,
            5 => text(b)?,
            other => {
                return Err(at.corrupt(format!("{other} is no mark of a module's field (0 to 5)")));
            }
        }
    }
}

fn stream<'a, B: Bytes<'a>>(b: &mut B, version: u8) -> Result<()> {
    counted(b, "node", |b| {
        string::skip(b)?;
        string::skip(b)
    })?;
    let numbers = |b: &mut B, n: u32| (0..n).try_for_each(|_| length::number(b).map(|_| ()));
    numbers(b, if version >= 2 { 8 } else { 3 })?;
    counted(b, "group", |b| {
        string::skip(b)?;
        numbers(b, if version >= 2 { 3 } else { 2 })?;
        counted(b, "pending entry", |b| {
            b.skip(24)?;
            length::number(b).map(|_| ())
        })?;
        counted(b, "consumer", |b| {
            string::skip(b)?;
            b.skip(if version >= 3 { 16 } else { 8 })?;
            counted(b, "pending id", |b| b.skip(16))
        })?;
        if version >= 5 {
            counted(b, "nacked id", |b| b.skip(16))?;
        }
        Ok(())
    })?;
    if version >= 4 {
        numbers(b, 2)?;
        counted(b, "producer", |b| {
            string::skip(b)?;
            counted(b, "id", |b| {
                string::skip(b)?;
                length::number(b)?;
                length::number(b).map(|_| ())
            })
        })?;
        numbers(b, 2)?;
    }
    Ok(())
}

fn array<'a, B: Bytes<'a>>(b: &mut B) -> Result<()> {
    let n = length::number(b)?;
    let at = b.at();
    match length::number(b)? {
        0 => {}
        1 => {
            length::number(b)?;
        }
        other => return Err(at.corrupt(format!("the cursor's flag is {other}, not 0 or 1"))),
    }
    times(b, n, "element", |b| {
        length::number(b)?;
        let at = b.at();
        match length::number(b)? {
            0 | 3 => string::skip(b),
            1 | 2 => b.skip(8),
            other => Err(at.corrupt(format!("{other} is no element tag (0 to 3)"))),
        }
    })
}

/// Passes over the attributes in front of a key that metadata classes wrote (behind the F3 byte).
pub fn key_meta<'a, B: Bytes<'a>>(b: &mut B) -> Result<()> {
    let at = b.at();
    let n = length::number(b)?;
    if n > 7 {
        return Err(at.corrupt(format!("{n} metadata classes on one key; 7 is the most")));
    }
    times(b, n, "metadata class", |b| {
        b.skip(4)?;
        module_fields(b)
    })
}

/// Passes over a record that is no key, behind its opcode; `false` where the opcode is none of those.
pub fn record<'a, B: Bytes<'a>>(b: &mut B, op: u8, valkey: bool) -> Result<bool> {
    match op {
        opcode::AUX => {
            string::skip(b)?;
            string::skip(b)?;
        }
        opcode::FUNCTION2 => string::skip(b)?,
        opcode::RESIZEDB => {
            length::number(b)?;
            length::number(b)?;
        }
        opcode::SLOT_INFO => {
            length::number(b)?;
            length::number(b)?;
            length::number(b)?;
        }
        opcode::MODULE_AUX => {
            length::number(b)?;
            let at = b.at();
            let mark = length::number(b)?;
            if mark != 2 {
                return Err(at.corrupt(format!("module aux: mark {mark} where 2 must stand")));
            }
            length::number(b)?;
            module_fields(b)?;
        }
        opcode::SLOT_IMPORT if valkey => {
            string::skip(b)?;
            counted(b, "slot range", |b| {
                length::number(b)?;
                length::number(b).map(|_| ())
            })?;
        }
        opcode::HASH_TEMPLATE if !valkey => {
            length::number(b)?;
            counted(b, "field name", |b| string::skip(b))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}
