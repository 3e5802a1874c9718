//! Packed values that do not hold: what stands in front of the first bad byte.
//!
//! ```text
//!   C3 stored len │ LZF … ✗ …                  decoded up to there
//!                    └▶ total │ count │ entry … │ ✗     the whole entries, as a listpack of their own
//! ```
//! Compressed bytes have no sums: an entry in front of the place where decoding stops may be wrong, so its key is named in
//! the plan. An entry that contradicts itself is the last that is looked at.

use super::super::length;
use super::super::string::{self, Form};
use super::super::types::Layout;
use crate::error::Result;
use crate::input::bytes::{Bytes, Data};
use crate::packed::{listpack, lzf, ziplist};

/// The longest blob that is looked at; servers write ones of some KiB.
const MOST: u64 = 64 << 20;

/// How the blobs of a layout are packed.
#[derive(Clone, Copy)]
enum Pack {
    Zip,
    List,
    Int,
    Map,
}

/// The value of a record once more, with its blobs cut to what holds in them; `None` where it has none.
pub(super) fn mended<'a, B: Bytes<'a> + Clone>(mut b: B, layout: Layout) -> Option<Vec<u8>> {
    let (pack, ahead) = match layout {
        Layout::ListZiplist | Layout::ZsetZiplist | Layout::HashZiplist => (Pack::Zip, 0),
        Layout::SetListpack | Layout::ZsetListpack | Layout::HashListpack => (Pack::List, 0),
        Layout::HashListpackTtl { min } => (Pack::List, if min { 8 } else { 0 }),
        Layout::SetIntset => (Pack::Int, 0),
        Layout::HashZipmap => (Pack::Map, 0),
        Layout::Quicklist | Layout::Quicklist2 => return Some(nodes(b, layout)),
        _ => return None,
    };
    let mut out = Vec::new();
    for _ in 0..ahead {
        out.push(b.byte().ok()?);
    }
    string::write(&blob(&mut b, pack)?, &mut out);
    Some(out)
}

/// The nodes of a list that can be told from each other, each cut to what holds in it.
fn nodes<'a, B: Bytes<'a> + Clone>(mut b: B, layout: Layout) -> Vec<u8> {
    let (mut out, mut n) = (Vec::new(), 0u64);
    let claimed = length::number(&mut b).unwrap_or_default();
    while n < claimed && (out.len() as u64) < MOST {
        let mut ahead = b.clone();
        // A node as a list of one.
        let packed = match layout {
            Layout::Quicklist => true,
            _ => match length::number(&mut b) {
                Ok(1) => false,
                Ok(2) => true,
                _ => break,
            },
        };
        let pack = if layout == Layout::Quicklist {
            Pack::Zip
        } else {
            Pack::List
        };
        let found = if packed {
            blob(&mut b, pack)
        } else {
            string::read(&mut b, &mut Vec::new())
                .and_then(|s| s.to_vec(MOST))
                .ok()
        };
        if let Some(bytes) = found {
            if layout == Layout::Quicklist2 {
                length::write(if packed { 2 } else { 1 }, &mut out);
            }
            string::write(&bytes, &mut out);
            n += 1;
        }
        // Where the next one begins is known, even if this one is not.
        let framed = match layout {
            Layout::Quicklist => string::skip(&mut ahead),
            _ => length::number(&mut ahead).and_then(|_| string::skip(&mut ahead)),
        };
        if framed.is_err() {
            break;
        }
        b = ahead;
    }
    let mut list = Vec::new();
    length::write(n, &mut list);
    list.append(&mut out);
    list
}

/// A listpack that does not hold, cut to what does.
pub(super) fn listpack<'a, B: Bytes<'a>>(b: &mut B) -> Option<Vec<u8>> {
    blob(b, Pack::List)
}

fn blob<'a, B: Bytes<'a>>(b: &mut B, pack: Pack) -> Option<Vec<u8>> {
    let bytes = match string::form(b).ok()? {
        Form::Raw(n) => some(b, n.min(b.left())).ok()?,
        Form::Lzf(stored, len) => {
            let packed = some(b, stored.min(b.left())).ok()?;
            lzf::prefix(&packed, usize::try_from(len.min(MOST)).ok()?)
        }
        Form::Int(_) => return None,
    };
    Some(match pack {
        Pack::Zip => ziplist::sound(&bytes),
        Pack::List => listpack::sound(&bytes),
        Pack::Int => ints(bytes)?,
        Pack::Map => bytes,
    })
}

/// So many bytes, if they are not too many.
fn some<'a, B: Bytes<'a>>(b: &mut B, n: u64) -> Result<Vec<u8>> {
    if n > MOST {
        return Err(b.at().corrupt("too long a blob"));
    }
    let mut held = Vec::new();
    let mut out = Vec::new();
    match b.take(n, &mut held)? {
        Data::Slice(bytes) => out.extend_from_slice(bytes),
        Data::Far(far, len) => far.chunks(len, &mut |piece| {
            out.extend_from_slice(piece);
            Ok(())
        })?,
    }
    Ok(out)
}

/// The whole members of an intset, of which there are to be as many as its header says, or fewer.
fn ints(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let (head, members) = bytes.split_first_chunk::<8>()?;
    let [a, b, c, d, e, f, g, h] = *head;
    let width = usize::try_from(u32::from_le_bytes([a, b, c, d]))
        .ok()
        .filter(|w| matches!(w, 2 | 4 | 8))?;
    let claimed = usize::try_from(u32::from_le_bytes([e, f, g, h])).ok()?;
    let n = (members.len() / width).min(claimed);
    bytes.truncate(8 + n * width);
    let count = u32::try_from(n).ok()?.to_le_bytes();
    bytes.get_mut(4..8)?.copy_from_slice(&count);
    Some(bytes)
}
