//! Strings.

mod lcs;
mod set;

pub(super) use set::Unit;

use super::Family;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, int};
use crate::engine::entry::{Form, Slot, ValueRef};
use crate::engine::keys::Keys;
use crate::engine::reply::{Done, Refusal, texts};
use crate::model::extended::{Extended, Parsed, parse};
use crate::model::kind::Kind;
use crate::packed::string::{Digits, Str};
use std::borrow::Cow;
use twox_hash::XxHash3_64;

pub(super) const COMMANDS: Family = &[
    ("append", append),
    ("decr", decr),
    ("decrby", decrby),
    ("delex", set::delex),
    ("delifeq", set::delifeq),
    ("digest", digest),
    ("get", get),
    ("getdel", set::getdel),
    ("getex", set::getex),
    ("getrange", getrange),
    ("getset", set::getset),
    ("incr", incr),
    ("incrby", incrby),
    ("incrbyfloat", incrbyfloat),
    ("lcs", lcs::lcs),
    ("mget", mget),
    ("mset", set::mset),
    ("msetex", set::msetex),
    ("msetnx", set::msetnx),
    ("psetex", set::psetex),
    ("set", set::set),
    ("setex", set::setex),
    ("setnx", set::setnx),
    ("setrange", setrange),
    ("strlen", strlen),
    ("substr", getrange),
];

/// `proto-max-bulk-len` of a server without a configuration file.
pub(super) const MAX_LEN: u64 = 512 << 20;

const TOO_LONG: Refusal =
    Refusal::new("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
const OVERFLOW: Refusal = Refusal::new("ERR increment or decrement would overflow");
pub(super) const NOT_FINITE: Refusal = Refusal::new("ERR increment would produce NaN or Infinity");

#[cold]
pub(super) fn arity(name: &str) -> Refusal {
    Refusal::of(format!(
        "ERR wrong number of arguments for '{name}' command"
    ))
}

#[cold]
pub(super) fn bad_expire(name: &str) -> Refusal {
    Refusal::of(format!("ERR invalid expire time in '{name}' command"))
}

/// The string under that name, if there is one.
pub(super) fn string<'a>(keys: &'a Keys, db: u32, name: &[u8]) -> Result<Option<Str<'a>>, Refusal> {
    match keys.find(db, name) {
        None => Ok(None),
        Some(ValueRef::Str(s)) => Ok(Some(s)),
        Some(_) => Err(texts::WRONGTYPE),
    }
}

/// The bytes of a string, made where it is an integer.
pub(super) fn bytes<'a>(s: Option<&Str<'a>>) -> Cow<'a, [u8]> {
    match s {
        Some(Str::Bytes(bytes)) => Cow::Borrowed(bytes),
        Some(Str::Int(v)) => Cow::Owned(Digits::new(*v).as_bytes().to_vec()),
        Some(Str::Giant(_)) | None => Cow::Borrowed(&[]),
    }
}

/// The length of a string in bytes.
fn len(s: &Str<'_>) -> usize {
    usize::try_from(s.len()).unwrap_or(usize::MAX)
}

fn within_limit(len: usize, more: usize) -> Result<(), Refusal> {
    if (len as u64).saturating_add(more as u64) > MAX_LEN {
        return Err(TOO_LONG);
    }
    Ok(())
}

// ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────────

fn get(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    reply_value(cx, at(args, 1))
}

fn reply_value(cx: &mut Cx<'_>, name: &[u8]) -> Done {
    match cx.keys.find(cx.db, name) {
        None => cx.out.nil(),
        Some(ValueRef::Str(s)) => cx.out.str(&s),
        Some(_) => return Err(texts::WRONGTYPE),
    }
    Ok(())
}

fn mget(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    cx.out.array(args.len() - 1);
    for name in args.iter().skip(1) {
        match cx.keys.find(cx.db, name) {
            Some(ValueRef::Str(s)) => cx.out.str(&s),
            _ => cx.out.nil(),
        }
    }
    Ok(())
}

fn strlen(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let length = string(cx.keys, cx.db, at(args, 1))?.map_or(0, |s| len(&s));
    cx.out.count(length);
    Ok(())
}

/// The bytes from `start` to `end`, both included, negative ones from the end.
fn range(len: usize, start: i64, end: i64) -> std::ops::Range<usize> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    if len == 0 || (start < 0 && end < 0 && start > end) {
        return 0..0;
    }
    let place = |n: i64| if n < 0 { (len + n).max(0) } else { n };
    let (start, end) = (place(start), place(end).min(len - 1));
    if start > end {
        return 0..0;
    }
    usize::try_from(start).unwrap_or(0)..usize::try_from(end + 1).unwrap_or(0)
}

fn getrange(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (start, end) = (int(at(args, 2))?, int(at(args, 3))?);
    let s = string(cx.keys, cx.db, at(args, 1))?;
    let s = bytes(s.as_ref());
    let part = s.get(range(s.len(), start, end)).unwrap_or_default();
    cx.out.bulk(part);
    Ok(())
}

fn digest_of(s: &[u8]) -> [u8; 16] {
    let mut hash = XxHash3_64::oneshot(s);
    let mut text = [0; 16];
    for digit in &mut text {
        hash = hash.rotate_left(4);
        *digit = b"0123456789abcdef"
            .get((hash & 15) as usize)
            .copied()
            .unwrap_or(b'0');
    }
    text
}

fn digest(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    match string(cx.keys, cx.db, at(args, 1))? {
        None => cx.out.nil(),
        Some(s) => {
            let digest = digest_of(&bytes(Some(&s)));
            cx.out.bulk(&digest);
        }
    }
    Ok(())
}

// ── In place ───────────────────────────────────────────────────────────────────────────────────────────────────────

fn append(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (name, more) = (at(args, 1), at(args, 2));
    let Some(mut edit) = cx.keys.edit(cx.db, name) else {
        cx.keys.put(cx.db, Slot::string(name, None, more));
        cx.out.count(more.len());
        return Ok(());
    };
    let ValueRef::Str(s) = edit.entry.value() else {
        return Err(texts::WRONGTYPE);
    };
    within_limit(len(&s), more.len())?;
    let mut string = edit.entry.string()?;
    string.append(more);
    let length = string.len();
    edit.changed(1);
    cx.out.count(length);
    Ok(())
}

fn setrange(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (name, with) = (at(args, 1), at(args, 3));
    let offset = int(at(args, 2))?;
    let offset = usize::try_from(offset).map_err(|_| Refusal::new("ERR offset is out of range"))?;
    let old = string(cx.keys, cx.db, name)?;
    if with.is_empty() {
        cx.out.count(old.map_or(0, |s| len(&s)));
        return Ok(());
    }
    within_limit(offset, with.len())?;
    let mut edit = cx.keys.edit_or_new(cx.db, name, Kind::String);
    let mut string = edit.entry.string()?;
    string.write(offset, with);
    let length = string.len();
    edit.changed(1);
    cx.out.count(length);
    Ok(())
}

fn incr(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    add(cx, at(args, 1), 1)
}

fn decr(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    add(cx, at(args, 1), -1)
}

fn incrby(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let by = int(at(args, 2))?;
    add(cx, at(args, 1), by)
}

fn decrby(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let by = int(at(args, 2))?;
    let by = by
        .checked_neg()
        .ok_or(Refusal::new("ERR decrement would overflow"))?;
    add(cx, at(args, 1), by)
}

/// The integer that a string is.
fn int_of(s: Option<&Str<'_>>) -> Result<i64, Refusal> {
    match s {
        None => Ok(0),
        Some(Str::Int(v)) => Ok(*v),
        Some(Str::Bytes(text)) => int(text),
        Some(Str::Giant(_)) => Err(texts::NOT_INT),
    }
}

fn add(cx: &mut Cx<'_>, name: &[u8], by: i64) -> Done {
    let Some(mut edit) = cx.keys.edit(cx.db, name) else {
        let slot = Slot::packed(Form::Int, name, None, &[], &by.to_le_bytes());
        cx.keys.put(cx.db, slot);
        cx.out.int(by);
        return Ok(());
    };
    let ValueRef::Str(s) = edit.entry.value() else {
        return Err(texts::WRONGTYPE);
    };
    let sum = int_of(Some(&s))?.checked_add(by).ok_or(OVERFLOW)?;
    edit.entry.set_int(sum);
    edit.changed(1);
    cx.out.int(sum);
    Ok(())
}

fn incrbyfloat(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    let slot = cx.keys.slot(cx.db, name);
    let expire_ms = slot.and_then(|s| s.head().expire_ms);
    let old = match slot.map(Slot::value) {
        None => Parsed::Finite(Extended::of(0)),
        Some(ValueRef::Str(Str::Int(v))) => Parsed::Finite(Extended::of(v)),
        Some(ValueRef::Str(s)) => parse(&bytes(Some(&s))).ok_or(texts::NOT_FLOAT)?,
        Some(_) => return Err(texts::WRONGTYPE),
    };
    let by = parse(at(args, 2)).ok_or(texts::NOT_FLOAT)?;
    let (Parsed::Finite(old), Parsed::Finite(by)) = (old, by) else {
        return Err(NOT_FINITE);
    };
    let mut text = Vec::new();
    old.plus(by).ok_or(NOT_FINITE)?.push(&mut text);
    // Servers keep the text, even where it is an integer's.
    cx.keys
        .put(cx.db, Slot::packed(Form::Raw, name, expire_ms, &[], &text));
    cx.log.put(cx.db, [&b"SET"[..], name, &text, b"KEEPTTL"]);
    cx.out.bulk(&text);
    Ok(())
}
