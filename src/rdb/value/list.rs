//! Lists: plain, ziplist, and quicklists of ziplists or listpacks.
//!
//! ```text
//!   LIST              <len n> n × <string>
//!   LIST_ZIPLIST      <string: ziplist>
//!   LIST_QUICKLIST    <len nodes> nodes × <string: ziplist>
//!   LIST_QUICKLIST_2  <len nodes> nodes × <len container> <string>      1: one element, 2: a listpack
//! ```
//! Source: redis `src/rdb.c`, `rdbLoadObject`. Empty nodes are passed over, as servers do.

use super::super::length;
use super::super::string;
use super::super::visit::Visit;
use super::super::walk::{Scratch, over_blob};
use super::counted;
use crate::error::Result;
use crate::input::bytes::Bytes;
use crate::packed::{listpack, ziplist};

pub(in crate::rdb) fn plain<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<u64> {
    if !v.reads() {
        return counted(b, "element", |b, _| string::check(b, &mut sc.a));
    }
    counted(b, "element", |b, _| v.element(string::read(b, &mut sc.a)?))
}

pub(in crate::rdb) fn ziplist<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<u64> {
    over_blob!(string::blob(b, &mut sc.blob)?, bytes => ziplist_elements(bytes, &mut sc.a, v))
}

pub(in crate::rdb) fn quicklist<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<u64> {
    let mut elements = 0;
    counted(b, "node", |b, _| {
        elements += ziplist(b, sc, v)?;
        Ok(())
    })?;
    Ok(elements)
}

pub(in crate::rdb) fn quicklist2<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<u64> {
    let mut elements = 0;
    counted(b, "node", |b, _| {
        let at = b.at();
        elements += match length::number(b)? {
            1 => {
                v.element(string::read(b, &mut sc.a)?)?;
                1
            }
            2 => {
                over_blob!(string::blob(b, &mut sc.blob)?, bytes => listpack_elements(bytes, &mut sc.a, v))?
            }
            other => {
                return Err(at.corrupt(format!(
                    "container {other} is neither plain (1) nor packed (2)"
                )));
            }
        };
        Ok(())
    })?;
    Ok(elements)
}

#[inline]
fn ziplist_elements<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    bytes: B,
    scratch: &mut Vec<u8>,
    v: &mut V,
) -> Result<u64> {
    let mut reader = ziplist::Reader::new(bytes)?;
    while let Some(s) = reader.next(scratch)? {
        v.element(s)?;
    }
    let seen = reader.seen();
    reader.finish().map_or(Ok(()), |f| v.finding(f))?;
    Ok(seen)
}

#[inline]
fn listpack_elements<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    bytes: B,
    scratch: &mut Vec<u8>,
    v: &mut V,
) -> Result<u64> {
    let mut reader = listpack::Reader::new(bytes)?;
    while let Some(s) = reader.next(scratch)? {
        v.element(s)?;
    }
    let seen = reader.seen();
    reader.finish().map_or(Ok(()), |f| v.finding(f))?;
    Ok(seen)
}
