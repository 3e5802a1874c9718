//! Arrays (Redis 8.8): sparse, strings by index.
//!
//! ```text
//!   <len n> <len has cursor: 0 or 1> [<len cursor>] n × (<len index> <len tag> <payload>)
//!   tag 0 and 3: string (3 of at most 7 bytes)   1: i64 le   2: f64 le
//! ```
//! Source: redis `src/rdb.c`, `RDB_TYPE_ARRAY`; n is at least 1, indexes ascend.

use super::super::length;
use super::super::string;
use super::super::visit::{ArrayValue, Visit};
use super::super::walk::Scratch;
use crate::error::Result;
use crate::input::bytes::Bytes;
use crate::model::finding::Finding;
use crate::packed::string::Str;

pub(in crate::rdb) fn walk<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<()> {
    let at = b.at();
    let n = length::number(b)?;
    if n == 0 {
        v.finding(Finding::refused(
            "empty-array",
            at.offset,
            "an array without elements",
        ))?;
    }
    let cursor = match length::number(b)? {
        0 => None,
        _ => Some(length::number(b)?),
    };
    v.array_cursor(cursor)?;
    let mut last = None;
    for i in 0..n {
        let at = b.at();
        let step = element(b, sc, v);
        let index = step.map_err(|e| e.within(format!("element {i} of {n}")))?;
        if last.is_some_and(|last| last >= index) {
            v.finding(Finding::unnoticed(
                "array-order",
                at.offset,
                format!(
                    "index {index} stands behind index {}",
                    last.unwrap_or_default()
                ),
            ))?;
        }
        last = Some(index);
    }
    Ok(())
}

fn element<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<u64> {
    let index = length::number(b)?;
    let at = b.at();
    let value = match length::number(b)? {
        0 => ArrayValue::Text(string::read(b, &mut sc.a)?),
        1 => ArrayValue::Text(Str::Int(i64::from_le_bytes(b.array()?))),
        2 => ArrayValue::Float(f64::from_le_bytes(b.array()?)),
        3 => {
            let s = string::read(b, &mut sc.a)?;
            if s.len() > 7 {
                return Err(at.corrupt(format!("a small string of {} bytes (7 at most)", s.len())));
            }
            ArrayValue::Text(s)
        }
        other => return Err(at.corrupt(format!("{other} is no element tag (0 to 3)"))),
    };
    v.array_element(index, value)?;
    Ok(index)
}

/// The string that a float element is: its shortest text, with `.0` where that has no point and no exponent.
pub fn float_text(v: f64, out: &mut Vec<u8>) {
    let start = out.len();
    crate::model::number::format_fpconv(v, out);
    let text = out.get(start..).unwrap_or_default();
    if !text.iter().any(|c| matches!(c, b'.' | b'e' | b'n')) {
        out.extend_from_slice(b".0");
    }
}
