//! Strings.

use super::Family;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, int, is};
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
    ("delex", delex),
    ("delifeq", delifeq),
    ("digest", digest),
    ("get", get),
    ("getdel", getdel),
    ("getex", getex),
    ("getrange", getrange),
    ("getset", getset),
    ("incr", incr),
    ("incrby", incrby),
    ("incrbyfloat", incrbyfloat),
    ("lcs", lcs),
    ("mget", mget),
    ("mset", mset),
    ("msetex", msetex),
    ("msetnx", msetnx),
    ("psetex", psetex),
    ("set", set),
    ("setex", setex),
    ("setnx", setnx),
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
const BAD_DIGEST: Refusal = Refusal::new("ERR must be exactly 16 hexadecimal characters");

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

/// Takes a key out.
fn remove(cx: &mut Cx<'_>, name: &[u8]) {
    cx.keys.remove(cx.db, name);
}

/// Whether an instant has passed, where that means that a key goes at once.
fn is_past(cx: &Cx<'_>, ms: i64) -> bool {
    cx.keys.clock.expires && ms <= cx.keys.clock.now_ms
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

// ── SET and its kin ────────────────────────────────────────────────────────────────────────────────────────────────

/// When a key goes, as options say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expiry<'a> {
    /// Nothing was said.
    Unsaid,
    /// `KEEPTTL`
    Keep,
    /// `PERSIST`
    Persist,
    /// `EX`, `PX`, `EXAT` or `PXAT`.
    At(Unit, &'a [u8]),
}

/// What an expiry is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Ex,
    Px,
    ExAt,
    PxAt,
}

impl Unit {
    pub(super) fn of(word: &[u8]) -> Option<Unit> {
        [
            ("EX", Unit::Ex),
            ("PX", Unit::Px),
            ("EXAT", Unit::ExAt),
            ("PXAT", Unit::PxAt),
        ]
        .into_iter()
        .find_map(|(name, unit)| is(word, name).then_some(unit))
    }

    pub(super) fn is_seconds(self) -> bool {
        matches!(self, Unit::Ex | Unit::ExAt)
    }

    pub(super) fn is_relative(self) -> bool {
        matches!(self, Unit::Ex | Unit::Px)
    }
}

impl<'a> Expiry<'a> {
    /// Takes `EX n` and its like where they may stand; whether it did.
    fn take(&mut self, word: &[u8], next: Option<&'a [u8]>) -> bool {
        let (Some(unit), Some(next)) = (Unit::of(word), next) else {
            return false;
        };
        match self {
            Expiry::Unsaid => {}
            Expiry::At(before, _) if *before == unit => {}
            _ => return false,
        }
        *self = Expiry::At(unit, next);
        true
    }

    /// The instant in Unix milliseconds, if one was given.
    fn instant(self, now_ms: i64, command: &str) -> Result<Option<i64>, Refusal> {
        let Expiry::At(unit, arg) = self else {
            return Ok(None);
        };
        instant(unit, arg, now_ms, command).map(Some)
    }
}

fn instant(unit: Unit, arg: &[u8], now_ms: i64, command: &str) -> Result<i64, Refusal> {
    let n = int(arg)?;
    let ms = if unit.is_seconds() {
        n.checked_mul(1000)
    } else {
        Some(n)
    };
    ms.filter(|_| n > 0)
        .and_then(|ms| {
            if unit.is_relative() {
                ms.checked_add(now_ms)
            } else {
                Some(ms)
            }
        })
        .filter(|ms| *ms > 0)
        .ok_or_else(|| bad_expire(command))
}

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition<'a> {
    None,
    Nx,
    Xx,
    IfEq(&'a [u8]),
    IfNe(&'a [u8]),
    IfDeq(&'a [u8]),
    IfDne(&'a [u8]),
}

impl<'a> Condition<'a> {
    /// `IFEQ` and its like.
    fn on_value(word: &[u8], with: &'a [u8]) -> Option<Condition<'a>> {
        if is(word, "IFEQ") {
            Some(Condition::IfEq(with))
        } else if is(word, "IFNE") {
            Some(Condition::IfNe(with))
        } else if is(word, "IFDEQ") {
            Some(Condition::IfDeq(with))
        } else if is(word, "IFDNE") {
            Some(Condition::IfDne(with))
        } else {
            None
        }
    }

    /// Whether a digest is as long as one. Servers ask only where there is a value to compare with.
    fn check(self) -> Done {
        match self {
            Condition::IfDeq(digest) | Condition::IfDne(digest) if digest.len() != 16 => {
                Err(BAD_DIGEST)
            }
            _ => Ok(()),
        }
    }

    /// Whether it is the same condition, whatever the value.
    fn is_like(self, other: Condition<'_>) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }

    /// Whether it holds for that value.
    fn holds(self, value: Option<&[u8]>) -> bool {
        let digest_is = |value: &[u8], digest: &[u8]| digest_of(value).eq_ignore_ascii_case(digest);
        match (self, value) {
            (Condition::None, _) => true,
            (Condition::Nx, value) => value.is_none(),
            (Condition::Xx, value) => value.is_some(),
            (Condition::IfEq(_) | Condition::IfDeq(_), None) => false,
            (Condition::IfNe(_) | Condition::IfDne(_), None) => true,
            (Condition::IfEq(with), Some(value)) => value == with,
            (Condition::IfNe(with), Some(value)) => value != with,
            (Condition::IfDeq(digest), Some(value)) => digest_is(value, digest),
            (Condition::IfDne(digest), Some(value)) => !digest_is(value, digest),
        }
    }
}

struct SetOptions<'a> {
    /// `NX` or `XX`.
    exists: Condition<'a>,
    /// On the value.
    condition: Condition<'a>,
    expiry: Expiry<'a>,
    get: bool,
}

fn set_options<'a>(cx: &Cx<'_>, args: &Args<'a>) -> Result<SetOptions<'a>, Refusal> {
    let mut options = SetOptions {
        exists: Condition::None,
        condition: Condition::None,
        expiry: Expiry::Unsaid,
        get: false,
    };
    // Redis takes NX and XX behind a condition on the value, but not in front of it.
    let all = cx.is_redis((8, 4));
    let eq = all || (cx.is_valkey() && cx.dialect.version >= (8, 1));
    let mut i = 3;
    while let Some(word) = args.get(i) {
        let next = args.get(i + 1);
        i += 1;
        let may_exist = all || options.condition == Condition::None;
        if is(word, "NX") && options.exists != Condition::Xx && may_exist {
            options.exists = Condition::Nx;
        } else if is(word, "XX") && options.exists != Condition::Nx && may_exist {
            options.exists = Condition::Xx;
        } else if is(word, "GET") {
            options.get = true;
        } else if is(word, "KEEPTTL") && matches!(options.expiry, Expiry::Unsaid | Expiry::Keep) {
            options.expiry = Expiry::Keep;
        } else if options.expiry.take(word, next) {
            i += 1;
        } else if eq
            && options.exists == Condition::None
            && let Some(with) = next
            && let Some(condition) = Condition::on_value(word, with)
            && (all || matches!(condition, Condition::IfEq(_)))
            && (options.condition == Condition::None
                || (all && options.condition.is_like(condition)))
        {
            options.condition = condition;
            i += 1;
        } else {
            return Err(texts::SYNTAX);
        }
    }
    let old = !cx.is_valkey() && !cx.is_redis((7, 0));
    if old && options.get && options.exists == Condition::Nx {
        return Err(texts::SYNTAX);
    }
    Ok(options)
}

fn set(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    if args.len() > 3 {
        return set_with_options(cx, args);
    }
    cx.keys.put(cx.db, Slot::string(name, None, at(args, 2)));
    cx.out.ok();
    Ok(())
}

fn set_with_options(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (name, value) = (at(args, 1), at(args, 2));
    let options = set_options(cx, args)?;
    let mut expire_ms = options.expiry.instant(cx.keys.clock.now_ms, "set")?;
    let slot = cx.keys.slot(cx.db, name);
    if options.expiry == Expiry::Keep {
        expire_ms = slot.and_then(|s| s.head().expire_ms);
    }
    let old = match slot.map(Slot::value) {
        None => None,
        Some(ValueRef::Str(s)) => Some(s),
        Some(_) if options.get => return Err(texts::WRONGTYPE),
        Some(_) => None,
    };
    let mut holds = match options.exists {
        Condition::Nx => slot.is_none(),
        Condition::Xx => slot.is_some(),
        _ => true,
    };
    if holds && options.condition != Condition::None {
        if slot.is_some() {
            if old.is_none() {
                return Err(texts::WRONGTYPE);
            }
            options.condition.check()?;
        }
        holds = options
            .condition
            .holds(old.map(|s| bytes(Some(&s))).as_deref());
    }
    if options.get {
        cx.out.str_or_nil(old.as_ref());
    }
    if holds {
        cx.keys.put(cx.db, Slot::string(name, expire_ms, value));
    }
    if !options.get {
        if holds {
            cx.out.ok();
        } else {
            cx.out.nil();
        }
    }
    Ok(())
}

fn setnx(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    let new = !cx.keys.exists(cx.db, name);
    if new {
        cx.keys.put(cx.db, Slot::string(name, None, at(args, 2)));
    }
    cx.out.yes(new);
    Ok(())
}

fn setex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    set_for(cx, args, Unit::Ex, "setex")
}

fn psetex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    set_for(cx, args, Unit::Px, "psetex")
}

fn set_for(cx: &mut Cx<'_>, args: &Args<'_>, unit: Unit, command: &str) -> Done {
    let ms = instant(unit, at(args, 2), cx.keys.clock.now_ms, command)?;
    cx.keys
        .put(cx.db, Slot::string(at(args, 1), Some(ms), at(args, 3)));
    cx.out.ok();
    Ok(())
}

fn getset(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    reply_value(cx, name)?;
    cx.keys.put(cx.db, Slot::string(name, None, at(args, 2)));
    Ok(())
}

fn getdel(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    reply_value(cx, name)?;
    remove(cx, name);
    Ok(())
}

fn getex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    let mut expiry = Expiry::Unsaid;
    let mut i = 2;
    while let Some(word) = args.get(i) {
        i += 1;
        if is(word, "PERSIST") && matches!(expiry, Expiry::Unsaid | Expiry::Persist) {
            expiry = Expiry::Persist;
        } else if expiry.take(word, args.get(i)) {
            i += 1;
        } else {
            return Err(texts::SYNTAX);
        }
    }
    let now = cx.keys.clock.now_ms;
    let first = cx.is_valkey() && cx.dialect.version >= (9, 0);
    if first {
        expiry.instant(now, "getex")?;
    }
    if string(cx.keys, cx.db, name)?.is_none() {
        cx.out.nil();
        return Ok(());
    }
    let ms = expiry.instant(now, "getex")?;
    reply_value(cx, name)?;
    let absolute = matches!(expiry, Expiry::At(unit, _) if !unit.is_relative());
    match ms {
        Some(ms) if absolute && is_past(cx, ms) => remove(cx, name),
        None if expiry != Expiry::Persist => {}
        ms => {
            if let Some(mut edit) = cx.keys.edit(cx.db, name)
                && edit.entry.head().expire_ms != ms
            {
                edit.entry.set_expire(ms);
                edit.changed(1);
            }
        }
    }
    Ok(())
}

fn mset(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    if args.len().is_multiple_of(2) {
        return Err(arity("mset"));
    }
    put_pairs(cx, args, 1, args.len(), None);
    cx.out.ok();
    Ok(())
}

fn msetnx(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    if args.len().is_multiple_of(2) {
        return Err(arity("msetnx"));
    }
    let mut names = args.iter().skip(1).step_by(2);
    let new = !names.any(|name| cx.keys.exists(cx.db, name));
    if new {
        put_pairs(cx, args, 1, args.len(), None);
    }
    cx.out.yes(new);
    Ok(())
}

fn put_pairs(cx: &mut Cx<'_>, args: &Args<'_>, from: usize, to: usize, expire_ms: Option<i64>) {
    let mut rest = args.iter().skip(from).take(to - from);
    while let (Some(name), Some(value)) = (rest.next(), rest.next()) {
        cx.keys.put(cx.db, Slot::string(name, expire_ms, value));
    }
}

fn msetex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let valkey = cx.is_valkey();
    let n = int(at(args, 1))
        .ok()
        .and_then(|n| i32::try_from(n).ok())
        .and_then(|n| usize::try_from(n).ok())
        .filter(|n| *n > 0)
        .ok_or(Refusal::new(if valkey {
            "ERR invalid numkeys value or out of range"
        } else {
            "ERR invalid numkeys value"
        }))?;
    let end = 2 + n * 2;
    if args.len() < end {
        return Err(if valkey {
            texts::SYNTAX
        } else {
            Refusal::new("ERR wrong number of key-value pairs")
        });
    }
    let mut condition = Condition::None;
    let mut expiry = Expiry::Unsaid;
    let mut i = end;
    while let Some(word) = args.get(i) {
        i += 1;
        if is(word, "NX") && condition != Condition::Xx {
            condition = Condition::Nx;
        } else if is(word, "XX") && condition != Condition::Nx {
            condition = Condition::Xx;
        } else if is(word, "KEEPTTL") && matches!(expiry, Expiry::Unsaid | Expiry::Keep) {
            expiry = Expiry::Keep;
        } else if expiry.take(word, args.get(i)) {
            i += 1;
        } else {
            return Err(texts::SYNTAX);
        }
    }
    let ms = expiry.instant(cx.keys.clock.now_ms, "msetex")?;
    let mut names = args.iter().skip(2).take(n * 2).step_by(2);
    let holds = match condition {
        Condition::Nx => !names.any(|name| cx.keys.exists(cx.db, name)),
        Condition::Xx => names.all(|name| cx.keys.exists(cx.db, name)),
        _ => true,
    };
    if holds && expiry == Expiry::Keep {
        let mut rest = args.iter().skip(2).take(n * 2);
        while let (Some(name), Some(value)) = (rest.next(), rest.next()) {
            let kept = cx.keys.slot(cx.db, name).and_then(|s| s.head().expire_ms);
            cx.keys.put(cx.db, Slot::string(name, kept, value));
        }
    } else if holds {
        put_pairs(cx, args, 2, end, ms);
    }
    cx.out.yes(holds);
    Ok(())
}

// ── DELEX, DELIFEQ ─────────────────────────────────────────────────────────────────────────────────────────────────

fn delex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    if args.len() != 2 && args.len() != 4 {
        return Err(arity("delex"));
    }
    let gone = match (cx.keys.find(cx.db, name), args.get(3)) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(ValueRef::Str(s)), Some(with)) => {
            let condition = Condition::on_value(at(args, 2), with).ok_or(Refusal::new(
                "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE",
            ))?;
            condition.check()?;
            condition.holds(Some(&bytes(Some(&s))))
        }
        (Some(_), Some(_)) => {
            return Err(Refusal::new(
                "ERR Key should be of string type if conditions are specified",
            ));
        }
    };
    if gone {
        remove(cx, name);
    }
    cx.out.yes(gone);
    Ok(())
}

fn delifeq(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    let s = string(cx.keys, cx.db, name)?;
    let gone = s.is_some() && *bytes(s.as_ref()) == *at(args, 2);
    if gone {
        remove(cx, name);
    }
    cx.out.yes(gone);
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
    cx.out.bulk(&text);
    Ok(())
}

// ── LCS ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// A run of equal bytes: where it begins and ends in the one string and in the other, both included.
#[derive(Debug, Clone, Copy)]
struct Match {
    a: (usize, usize),
    b: (usize, usize),
}

impl Match {
    fn len(&self) -> usize {
        self.a.1 + 1 - self.a.0
    }
}

/// The table of lengths: that of the first `i` bytes of the one string and the first `j` of the other.
struct Lengths {
    row: usize,
    cells: Vec<u32>,
}

impl Lengths {
    fn of(a: &[u8], b: &[u8]) -> Lengths {
        let row = b.len() + 1;
        let mut cells = vec![0u32; row];
        for x in a {
            let start = cells.len() - row;
            let mut last = 0;
            cells.push(0);
            for (j, y) in b.iter().enumerate() {
                let above = |j: usize| cells.get(start + j).copied().unwrap_or(0);
                last = if x == y {
                    above(j) + 1
                } else {
                    last.max(above(j + 1))
                };
                cells.push(last);
            }
        }
        Lengths { row, cells }
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells.get(i * self.row + j).copied().unwrap_or(0)
    }
}

fn lcs(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let wrong = |_| Refusal::new("ERR The specified keys must contain string values");
    let a = string(cx.keys, cx.db, at(args, 1)).map_err(wrong)?;
    let b = string(cx.keys, cx.db, at(args, 2)).map_err(wrong)?;
    let (a, b) = (bytes(a.as_ref()), bytes(b.as_ref()));
    let (mut only_len, mut ranges, mut with_len, mut shortest) = (false, false, false, 0);
    let mut i = 3;
    while let Some(word) = args.get(i) {
        i += 1;
        if is(word, "IDX") {
            ranges = true;
        } else if is(word, "LEN") {
            only_len = true;
        } else if is(word, "WITHMATCHLEN") {
            with_len = true;
        } else if is(word, "MINMATCHLEN")
            && let Some(n) = args.get(i)
        {
            shortest = usize::try_from(int(n)?.max(0)).unwrap_or(usize::MAX);
            i += 1;
        } else {
            return Err(texts::SYNTAX);
        }
    }
    if ranges && only_len {
        return Err(Refusal::new(
            "ERR If you want both the length and indexes, please just use IDX.",
        ));
    }
    let cells = (a.len() as u64 + 1).saturating_mul(b.len() as u64 + 1);
    if cells.saturating_mul(4) > MAX_LEN {
        return Err(Refusal::new(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    let table = Lengths::of(&a, &b);
    let length = table.at(a.len(), b.len());
    if only_len {
        cx.out.int(i64::from(length));
        return Ok(());
    }
    let (result, matches) = walk(&table, &a, &b);
    if !ranges {
        cx.out.bulk(&result);
        return Ok(());
    }
    let matches: Vec<&Match> = matches
        .iter()
        .filter(|m| shortest == 0 || m.len() >= shortest)
        .collect();
    cx.out.map(2);
    cx.out.bulk(b"matches");
    cx.out.array(matches.len());
    for m in matches {
        cx.out.array(2 + usize::from(with_len));
        for (from, to) in [m.a, m.b] {
            cx.out.array(2);
            cx.out.count(from);
            cx.out.count(to);
        }
        if with_len {
            cx.out.count(m.len());
        }
    }
    cx.out.bulk(b"len");
    cx.out.int(i64::from(length));
    Ok(())
}

/// The common string and its runs, last first. A byte that matches without continuing the run before it ends that run
/// and begins none: so do servers.
fn walk(table: &Lengths, a: &[u8], b: &[u8]) -> (Vec<u8>, Vec<Match>) {
    let (mut i, mut j) = (a.len(), b.len());
    let mut result = Vec::new();
    let mut matches = Vec::new();
    let mut run: Option<Match> = None;
    while i > 0 && j > 0 {
        let (x, y) = (a.get(i - 1), b.get(j - 1));
        let mut ends = false;
        if x == y {
            result.extend(x);
            match &mut run {
                None => {
                    run = Some(Match {
                        a: (i - 1, i - 1),
                        b: (j - 1, j - 1),
                    });
                }
                Some(run) if run.a.0 == i && run.b.0 == j => {
                    run.a.0 -= 1;
                    run.b.0 -= 1;
                }
                Some(_) => ends = true,
            }
            ends |= run.is_some_and(|run| run.a.0 == 0 || run.b.0 == 0);
            i -= 1;
            j -= 1;
        } else {
            if table.at(i - 1, j) > table.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
            ends = run.is_some();
        }
        if ends {
            matches.extend(run.take());
        }
    }
    result.reverse();
    (result, matches)
}
