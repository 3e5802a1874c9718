//! The values, one file a kind. Each function walks over one layout and gives the number of elements.

pub(super) mod array;
pub(super) mod hash;
pub(super) mod list;
pub mod module;
pub(super) mod set;
pub(super) mod stream;
pub(super) mod zset;

use super::length;
use crate::error::Result;
use crate::input::bytes::Bytes;

/// `len` n, then n times `each`; an error says which one it was.
#[inline]
fn counted<'a, B: Bytes<'a>>(
    b: &mut B,
    what: &str,
    mut each: impl FnMut(&mut B, u64) -> Result<()>,
) -> Result<u64> {
    let n = length::number(b)?;
    for i in 0..n {
        if let Err(e) = each(b, i) {
            return Err(e.within(format!("{what} {i} of {n}")));
        }
    }
    Ok(n)
}
