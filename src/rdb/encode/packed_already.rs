//! Values of the engine: packed as servers since 7.0 pack them, and nothing in them is compressed.
//!
//! Their blobs become smaller, and their strings integers, without a look inside.

use super::strings::Strings;
use crate::error::Result;
use crate::input::bytes::Slice;
use crate::model::target::Target;
use crate::rdb::choose::{self, Thresholds};
use crate::rdb::length;
use crate::rdb::string;
use crate::rdb::types::{Layout, TypeRow};

/// Container of a node that is one element as it is.
const PLAIN: u64 = 1;

/// Writes a value that the target would pack no other way, behind the key. `false`: this is none, and what is in the
/// output of it is to be taken back.
pub(super) fn write(
    row: &TypeRow,
    mut body: Slice<'_>,
    target: &Target,
    thresholds: &Thresholds,
    strings: &mut Strings,
    out: &mut Vec<u8>,
) -> Result<bool> {
    let b = &mut body;
    let (each, score) = match row.layout {
        Layout::Text => {
            element(b, strings, out)?;
            return Ok(b.rest().is_empty());
        }
        Layout::SetIntset | Layout::HashListpack | Layout::ZsetListpack | Layout::SetListpack => {
            blob(b, strings, out)?;
            return Ok(b.rest().is_empty());
        }
        Layout::Quicklist2 => return nodes(b, target, thresholds, strings, out),
        Layout::Set => (1, false),
        Layout::Hash => (2, false),
        Layout::ZsetBinary => (1, true),
        _ => return Ok(false),
    };
    let count = length::number(b)?;
    // What has become small again is packed.
    let packed = match row.layout {
        Layout::Set => thresholds.set_entries.max(thresholds.set_ints),
        Layout::Hash => thresholds.hash_entries,
        _ => thresholds.zset_entries,
    };
    if count <= packed as u64 {
        return Ok(false);
    }
    length::write(count, out);
    for _ in 0..count {
        for _ in 0..each {
            element(b, strings, out)?;
        }
        if score {
            out.extend_from_slice(b.bytes(8)?);
        }
    }
    Ok(b.rest().is_empty())
}

fn nodes(
    b: &mut Slice<'_>,
    target: &Target,
    thresholds: &Thresholds,
    strings: &mut Strings,
    out: &mut Vec<u8>,
) -> Result<bool> {
    let count = length::number(b)?;
    length::write(count, out);
    for _ in 0..count {
        let container = length::number(b)?;
        length::write(container, out);
        let len = blob(b, strings, out)?;
        let as_theirs = if container == PLAIN {
            target.has(choose::PLAIN_NODES)
        } else {
            len <= thresholds.node().0
        };
        if !as_theirs {
            return Ok(false);
        }
    }
    Ok(b.rest().is_empty())
}

/// A string that may be an integer.
fn element(b: &mut Slice<'_>, strings: &mut Strings, out: &mut Vec<u8>) -> Result<()> {
    strings.any(&string::read(b, &mut Vec::new())?, out)
}

/// A packed value; its bytes.
fn blob(b: &mut Slice<'_>, strings: &mut Strings, out: &mut Vec<u8>) -> Result<usize> {
    let len = length::number(b)?;
    let bytes = b.bytes(len)?;
    strings.blob(bytes, out);
    Ok(bytes.len())
}
