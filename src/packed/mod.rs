//! The packed encodings: collections as one run of bytes.
//!
//! Each reader is generic over [`crate::input::bytes::Bytes`] and goes forwards only. What cannot be read on is an
//! error; what a server would read past without noticing (a wrong count, a lying backlen) is remembered and given by
//! `finish` as a finding.

pub mod intset;
pub mod listpack;
pub mod lzf;
pub mod pack;
pub mod string;
pub mod zip;
pub mod ziplist;
pub mod zipmap;

use crate::error::Result;
use crate::input::bytes::{At, Bytes, Data};
use crate::model::finding::Finding;
use string::{Giant, Str};

/// The next `n` bytes as a string.
#[inline(always)]
fn text<'a, 's, B: Bytes<'a>>(b: &mut B, n: u64, scratch: &'s mut Vec<u8>) -> Result<Str<'s>>
where
    'a: 's,
{
    let at = b.at();
    Ok(match b.take(n, scratch)? {
        Data::Slice(bytes) => Str::Bytes(bytes),
        Data::Far(far, len) => Str::Giant(Giant {
            far,
            stored: len,
            len,
            lzf: false,
            offset: at.offset,
        }),
    })
}

/// Damage at a place where most servers do not look when they load it.
#[cold]
fn deep(at: At, code: &'static str, message: String) -> Finding {
    let f = Finding::deep(code, at.offset, message);
    match at.inner {
        Some(n) => f.within(format!("byte {n} of the expanded blob")),
        None => f,
    }
}
