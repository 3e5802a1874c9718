//! Sets: plain, intset, listpack.
//!
//! ```text
//!   SET           <len n> n × <string>
//!   SET_INTSET    <string: intset>
//!   SET_LISTPACK  <string: listpack>
//! ```

use super::super::length;
use super::super::string;
use super::super::visit::Visit;
use super::super::walk::{Distinct, Scratch, over_blob};
use crate::error::Result;
use crate::input::bytes::Bytes;
use crate::packed::string::Str;

pub(in crate::rdb) fn plain<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    distinct: bool,
    v: &mut V,
) -> Result<u64> {
    let n = length::number(b)?;
    let mut distinct = Distinct::begin(distinct, &mut sc.seen)?;
    for i in 0..n {
        let step = string::read(b, &mut sc.a).and_then(|member| {
            distinct.add(&member)?;
            v.member(member)
        });
        if let Err(e) = step {
            return Err(e.within(format!("member {i} of {n}")));
        }
    }
    Ok(n)
}

pub(in crate::rdb) fn intset<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<u64> {
    over_blob!(string::blob(b, &mut sc.blob)?, bytes => {
        let mut reader = crate::packed::intset::Reader::new(bytes)?;
        let n = reader.count();
        while let Some(member) = reader.next()? {
            v.member(Str::Int(member))?;
        }
        reader.finish().map_or(Ok(()), |f| v.finding(f))?;
        Ok(n)
    })
}

pub(in crate::rdb) fn listpack<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    distinct: bool,
    v: &mut V,
) -> Result<u64> {
    over_blob!(string::blob(b, &mut sc.blob)?, bytes => {
        let mut reader = crate::packed::listpack::Reader::new(bytes)?;
        let mut distinct =
            Distinct::begin(distinct, &mut sc.seen)?;
        while let Some(member) = reader.next(&mut sc.a)? {
            distinct.add(&member)?;
            v.member(member)?;
        }
        let seen = reader.seen();
        reader.finish().map_or(Ok(()), |f| v.finding(f))?;
        Ok(seen)
    })
}
