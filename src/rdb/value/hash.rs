//! Hashes: plain, with field expiries in three plain forms, zipmap, ziplist, listpack, listpack with expiries, templates.
//!
//! ```text
//!   HASH                  <len n> n × (<string field> <string value>)
//!   HASH_METADATA_PRE_GA  <len n> n × (<len expiry ms or 0> <field> <value>)
//!   HASH_2 (Valkey)       <len n> n × (<field> <value> <i64 le expiry ms or -1>)
//!   HASH_METADATA         <u64 le minimum> <len n> n × (<len t> <field> <value>)     t = 0 none, else minimum + t - 1
//!   HASH_LISTPACK_EX      <u64 le minimum> <string: listpack of field, value, expiry ms or 0, …>
//!   HASH_TMPL_LP          <field names> <string: listpack of source id, values>
//!   HASH_TMPL_ARRAY       <field names> n × <string value>
//!   HASH_TMPL_LP_REF      <string: listpack of template id, values>
//!   HASH_TMPL_ARRAY_REF   <len template id> n × <string value>
//!   field names:          <len 0> <string: listpack>  or  <len 1> <len n> n × <string>
//! ```
//! Source: redis `src/rdb.c` (`rdbLoadObject`), valkey `src/rdb.c` (`RDB_TYPE_HASH_2`).

use super::super::length;
use super::super::string::{self, BlobScratch};
use super::super::template::{Template, Templates};
use super::super::visit::Visit;
use super::super::walk::{Distinct, Scratch, over_blob};
use crate::error::Result;
use crate::input::bytes::{At, Bytes};
use crate::limits::{self, LAST_FIELD_EXPIRY};
use crate::model::finding::{Finding, Refused};
use crate::model::target::Since;
use crate::packed::string::Str;
use crate::packed::{listpack as lp, ziplist as zl, zipmap as zm};
use std::ops::Deref;
use std::sync::Arc;

/// `len` n, then n fields; `each` reads what stands around field and value.
fn fields<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    distinct: bool,
    v: &mut V,
    most: u64,
    before: impl Fn(&mut B) -> Result<Option<u64>>,
    after: impl Fn(&mut B) -> Result<Option<u64>>,
) -> Result<u64> {
    let n = length::number(b)?;
    let reads = v.reads();
    let mut distinct = Distinct::begin(distinct, &mut sc.seen)?;
    for i in 0..n {
        let mut step = || {
            let at = b.at();
            let first = before(b)?;
            let field = string::read(b, &mut sc.a)?;
            distinct.add(&field)?;
            let value = if reads {
                string::read(b, &mut sc.b)?
            } else {
                string::check(b, &mut sc.b)?;
                Str::Bytes(&[])
            };
            let expire = after(b)?.or(first);
            if let Some(ms) = expire
                && ms > most
            {
                let mut finding = bad_expire(at, ms);
                if ms == u64::MAX {
                    // Servers add without a look at the overflow.
                    finding.refused = Refused::Never;
                }
                v.finding(finding)?;
            }
            v.field(field, value, expire)
        };
        if let Err(e) = step() {
            return Err(e.within(format!("field {i} of {n}")));
        }
    }
    Ok(n)
}

/// Loaders put it into their order of expiries, and stop there.
#[cold]
fn expire_text(at: At, field: u64) -> Finding {
    let message = format!("the expiry of field {field} is a string, not an integer");
    Finding::refused("field-expiry", at.offset, message)
}

#[cold]
fn bad_expire(at: At, ms: impl std::fmt::Display) -> Finding {
    Finding::refused(
        "field-expiry",
        at.offset,
        format!("a field expires at {ms} ms, not between 0 and 2^48-1"),
    )
}

pub(in crate::rdb) fn plain<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    distinct: bool,
    v: &mut V,
) -> Result<u64> {
    let none = |_: &mut B| Ok(None);
    fields(b, sc, distinct, v, LAST_FIELD_EXPIRY, none, none)
}

pub(in crate::rdb) fn ttl_first<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    distinct: bool,
    v: &mut V,
) -> Result<u64> {
    let expiry = |b: &mut B| Ok(Some(length::number(b)?).filter(|ms| *ms > 0));
    fields(b, sc, distinct, v, LAST_FIELD_EXPIRY, expiry, |_| Ok(None))
}

pub(in crate::rdb) fn ttl_last<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    distinct: bool,
    v: &mut V,
) -> Result<u64> {
    let expiry = |b: &mut B| Ok(u64::try_from(i64::from_le_bytes(b.array()?)).ok());
    // -1 is none; servers take any other negative number for it too.
    // Valkey knows no limit.
    fields(b, sc, distinct, v, u64::MAX, |_| Ok(None), expiry)
}

pub(in crate::rdb) fn ttl_relative<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    distinct: bool,
    v: &mut V,
) -> Result<u64> {
    let min = u64::from_le_bytes(b.array()?);
    let expiry = move |b: &mut B| {
        let t = length::number(b)?;
        Ok(t.checked_sub(1).map(|t| min.saturating_add(t)))
    };
    fields(b, sc, distinct, v, LAST_FIELD_EXPIRY, expiry, |_| Ok(None))
}

pub(in crate::rdb) fn zipmap<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    distinct: bool,
    v: &mut V,
) -> Result<u64> {
    over_blob!(string::blob(b, &mut sc.blob)?, bytes => {
        let mut reader = zm::Reader::new(bytes)?;
        let mut distinct = Distinct::begin(distinct, &mut sc.seen)?;
        while let Some((field, value)) = reader.next(&mut sc.a, &mut sc.b)? {
            distinct.add(&field)?;
            v.field(field, value, None)?;
        }
        let seen = reader.seen();
        reader.finish().map_or(Ok(()), |f| v.finding(f))?;
        Ok(seen)
    })
}

macro_rules! pairs {
    ($name:ident, $reader:ident) => {
        pub(in crate::rdb) fn $name<'a, B: Bytes<'a>, V: Visit + ?Sized>(
            b: &mut B,
            sc: &mut Scratch,
            distinct: bool,
            v: &mut V,
        ) -> Result<u64> {
            over_blob!(string::blob(b, &mut sc.blob)?, bytes => {
                let mut reader = $reader::Reader::new(bytes)?;
                let mut distinct = Distinct::begin(distinct, &mut sc.seen)?;
                let mut n = 0u64;
                while let Some(field) = reader.next(&mut sc.a)? {
                    let at = reader.at();
                    let Some(value) = reader.next(&mut sc.b)? else {
                        return Err(at.corrupt(format!("field {n} has no value")));
                    };
                    distinct.add(&field)?;
                    v.field(field, value, None)?;
                    n += 1;
                }
                reader.finish().map_or(Ok(()), |f| v.finding(f))?;
                Ok(n)
            })
        }
    };
}
pairs!(ziplist, zl);
pairs!(listpack, lp);

pub(in crate::rdb) fn listpack_ttl<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    min: bool,
    sc: &mut Scratch,
    distinct: bool,
    v: &mut V,
) -> Result<u64> {
    if min {
        // The minimum is a hint for servers; the fields say it themselves.
        b.skip(8)?;
    }
    over_blob!(string::blob(b, &mut sc.blob)?, bytes => {
        let mut reader = lp::Reader::new(bytes)?;
        let mut distinct = Distinct::begin(distinct, &mut sc.seen)?;
        let mut n = 0u64;
        let mut last = Some(0);
        let mut broken = None;
        let mut held = Vec::new();
        while let Some(field) = reader.next(&mut sc.a)? {
            let at = reader.at();
            let Some(value) = reader.next(&mut sc.b)? else {
                return Err(at.corrupt(format!("field {n} has no value")));
            };
            let at = reader.at();
            let ms = match reader.next(&mut held)? {
                Some(Str::Int(ms)) => ms,
                Some(_) => {
                    v.finding(expire_text(at, n))?;
                    0
                }
                None => return Err(at.corrupt(format!("field {n} has no expiry"))),
            };
            let expire = u64::try_from(ms).ok().filter(|ms| *ms > 0);
            if ms < 0 {
                v.finding(Finding {
                    refused: Refused::With(Since::redis((8, 6))),
                    ..bad_expire(at, ms)
                })?;
            } else if expire.is_some_and(|ms| ms > LAST_FIELD_EXPIRY) {
                v.finding(bad_expire(at, expire.unwrap_or_default()))?;
            }
            // Ascending, and those without an expiry last.
            let ascending = match (last, expire) {
                (Some(last), Some(ms)) => last <= ms,
                (_, None) => true,
                (None, Some(_)) => false,
            };
            if !ascending && broken.is_none() {
                broken = Some(Finding::unnoticed(
                    "field-expiry-order",
                    at.offset,
                    format!("the expiry of field {n} stands behind a later one"),
                ));
            }
            last = expire;
            distinct.add(&field)?;
            v.field(field, value, expire)?;
            n += 1;
        }
        reader.finish().map_or(Ok(()), |f| v.finding(f))?;
        broken.map_or(Ok(()), |f| v.finding(f))?;
        Ok(n)
    })
}

/// The field names in front of a self-contained template hash.
fn names<'a, B: Bytes<'a>>(b: &mut B, sc: &mut Scratch) -> Result<Template> {
    let at = b.at();
    let mut template = Template::default();
    match length::number(b)? {
        0 => over_blob!(string::blob(b, &mut sc.blob)?, bytes => {
            let mut reader = lp::Reader::new(bytes)?;
            while let Some(name) = reader.next(&mut sc.a)? {
                template.push(&name.to_vec(limits::TEMPLATES as u64)?)?;
            }
        }),
        1 => {
            let n = length::number(b)?;
            for _ in 0..n {
                let name = string::read(b, &mut sc.a)?;
                template.push(&name.to_vec(limits::TEMPLATES as u64)?)?;
            }
        }
        other => {
            return Err(at.corrupt(format!(
                "field names in format {other}; 0 (listpack) and 1 (strings) are known"
            )));
        }
    }
    Ok(template)
}

pub(in crate::rdb) fn template_array<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<u64> {
    let template = names(b, sc)?;
    string_values(b, &template, sc, v)
}

pub(in crate::rdb) fn template_array_ref<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    templates: &Templates,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<u64> {
    let at = b.at();
    let id = length::number(b)?;
    string_values(b, &*find(templates, id, at)?, sc, v)
}

fn string_values<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    template: &Template,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<u64> {
    for (i, name) in template.fields().enumerate() {
        let value = string::read(b, &mut sc.b).map_err(|e| e.within(format!("value {i}")))?;
        v.field(Str::Bytes(name), value, None)?;
    }
    Ok(template.len() as u64)
}

pub(in crate::rdb) fn template_listpack<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<u64> {
    let template = names(b, sc)?;
    let Scratch {
        a, b: values, blob, ..
    } = sc;
    listpack_values(b, |_, _| Ok(&template), a, values, blob, v)
}

pub(in crate::rdb) fn template_listpack_ref<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    templates: &Templates,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<u64> {
    let Scratch {
        a, b: values, blob, ..
    } = sc;
    let of = |id: i64, at: At| {
        let Ok(id) = u64::try_from(id) else {
            return Err(at.corrupt(format!("{id} is no template id")));
        };
        find(templates, id, at)
    };
    listpack_values(b, of, a, values, blob, v)
}

fn find(templates: &Templates, id: u64, at: At) -> Result<Arc<Template>> {
    templates
        .get(id)
        .ok_or_else(|| at.corrupt(format!("hash template {id} was not defined before")))
}

fn listpack_values<'a, B: Bytes<'a>, T: Deref<Target = Template>, V: Visit + ?Sized>(
    b: &mut B,
    template: impl FnOnce(i64, At) -> Result<T>,
    scratch: &mut Vec<u8>,
    held: &mut Vec<u8>,
    blob: &mut BlobScratch,
    v: &mut V,
) -> Result<u64> {
    over_blob!(string::blob(b, blob)?, bytes => {
        let mut reader = lp::Reader::new(bytes)?;
        let at = reader.at();
        let template = template(reader.int("template id", scratch)?, at)?;
        for (i, name) in template.fields().enumerate() {
            let at = reader.at();
            let Some(value) = reader.next(held)? else {
                return Err(at.corrupt(format!(
                    "the listpack has {i} values and its template {} fields",
                    template.len()
                )));
            };
            v.field(Str::Bytes(name), value, None)?;
        }
        let at = reader.at();
        if reader.next(held)?.is_some() {
            return Err(at.corrupt(format!(
                "the listpack has more values than the {} fields of its template",
                template.len()
            )));
        }
        reader.finish().map_or(Ok(()), |f| v.finding(f))?;
        Ok(template.len() as u64)
    })
}
