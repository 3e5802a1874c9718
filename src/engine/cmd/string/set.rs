//! Strings are put in place and taken out, under conditions and for a time: SET and its kin, DELEX, DELIFEQ.

use super::{arity, bad_expire, bytes, digest_of, reply_value, string};
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, int, is};
use crate::engine::entry::{Slot, ValueRef};
use crate::engine::reply::{Done, Refusal, texts};
use crate::packed::string::Digits;

const BAD_DIGEST: Refusal = Refusal::new("ERR must be exactly 16 hexadecimal characters");

/// Takes a key out.
fn remove(cx: &mut Cx<'_>, name: &[u8]) {
    cx.keys.remove(cx.db, name);
}

/// Whether an instant has passed, where that means that a key goes at once.
fn is_past(cx: &Cx<'_>, ms: i64) -> bool {
    cx.keys.clock.expires && ms <= cx.keys.clock.now_ms
}

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
pub(in crate::engine::cmd) enum Unit {
    Ex,
    Px,
    ExAt,
    PxAt,
}

impl Unit {
    pub(in crate::engine::cmd) fn of(word: &[u8]) -> Option<Unit> {
        [
            ("EX", Unit::Ex),
            ("PX", Unit::Px),
            ("EXAT", Unit::ExAt),
            ("PXAT", Unit::PxAt),
        ]
        .into_iter()
        .find_map(|(name, unit)| is(word, name).then_some(unit))
    }

    pub(in crate::engine::cmd) fn is_seconds(self) -> bool {
        matches!(self, Unit::Ex | Unit::ExAt)
    }

    pub(in crate::engine::cmd) fn is_relative(self) -> bool {
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

pub(super) fn set(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
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
    // Valkey does not keep a key that is past its time when it comes.
    let knows = cx.is_valkey() && cx.dialect.version >= (9, 0);
    let is_over = matches!(options.expiry, Expiry::At(..))
        && expire_ms.is_some_and(|ms| knows && is_past(cx, ms));
    if holds && is_over {
        if cx.keys.remove(cx.db, name).is_some() {
            let word = cx.expiry_word();
            cx.log.put(cx.db, [word, name]);
        }
    } else if holds {
        cx.keys.put(cx.db, Slot::string(name, expire_ms, value));
        log_set(cx, args, &options, expire_ms);
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

/// What SET leaves in a log: an instant in place of its conditions and of a time to live, and no GET.
fn log_set(cx: &mut Cx<'_>, args: &Args<'_>, options: &SetOptions<'_>, expire_ms: Option<i64>) {
    if !cx.log.is_kept() {
        return;
    }
    let is_old = cx.is_redis_before((8, 0)) || cx.is_valkey() && cx.dialect.version < (8, 0);
    match (options.expiry, expire_ms) {
        // An instant is left as it is, with all that stands beside it, and a time that is alone is replaced in place.
        (Expiry::At(Unit::PxAt, _), _) if !is_old => {}
        (Expiry::At(..), Some(ms)) if !is_old && args.len() == 5 => {
            let ms = Digits::new(ms);
            cx.log.replaced(cx.db, args, |i| match i {
                3 => Some(b"PXAT"),
                4 => Some(ms.as_bytes()),
                _ => None,
            });
        }
        (Expiry::At(..), Some(ms)) => log_set_until(cx, at(args, 1), at(args, 2), ms),
        _ if options.get => {
            // What stands behind IFEQ and its like may read GET, too.
            let mut behind = &b""[..];
            let kept = args.iter().enumerate().filter(|(i, arg)| {
                let is_value = Condition::on_value(behind, b"").is_some();
                behind = if is_value { b"" } else { arg };
                *i < 3 || is_value || !is(arg, "GET")
            });
            cx.log.put(cx.db, kept.map(|(_, arg)| arg));
        }
        _ => {}
    }
}

fn log_set_until(cx: &mut Cx<'_>, name: &[u8], value: &[u8], ms: i64) {
    let ms = Digits::new(ms);
    cx.log
        .put(cx.db, [&b"SET"[..], name, value, b"PXAT", ms.as_bytes()]);
}

pub(super) fn setnx(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    let new = !cx.keys.exists(cx.db, name);
    if new {
        cx.keys.put(cx.db, Slot::string(name, None, at(args, 2)));
    }
    cx.out.yes(new);
    Ok(())
}

pub(super) fn setex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    set_for(cx, args, Unit::Ex, "setex")
}

pub(super) fn psetex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    set_for(cx, args, Unit::Px, "psetex")
}

fn set_for(cx: &mut Cx<'_>, args: &Args<'_>, unit: Unit, command: &str) -> Done {
    let ms = instant(unit, at(args, 2), cx.keys.clock.now_ms, command)?;
    cx.keys
        .put(cx.db, Slot::string(at(args, 1), Some(ms), at(args, 3)));
    log_set_until(cx, at(args, 1), at(args, 3), ms);
    cx.out.ok();
    Ok(())
}

pub(super) fn getset(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    reply_value(cx, name)?;
    cx.keys.put(cx.db, Slot::string(name, None, at(args, 2)));
    cx.log.put(cx.db, [&b"SET"[..], name, at(args, 2)]);
    Ok(())
}

pub(super) fn getdel(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    reply_value(cx, name)?;
    if cx.keys.remove(cx.db, name).is_some() {
        cx.log.put(cx.db, [&b"DEL"[..], name]);
    }
    Ok(())
}

pub(super) fn getex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
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
        Some(ms) if absolute && is_past(cx, ms) => {
            remove(cx, name);
            let word = cx.expiry_word();
            cx.log.put(cx.db, [word, name]);
        }
        None if expiry != Expiry::Persist => {}
        ms => {
            if let Some(ms) = ms {
                let ms = Digits::new(ms);
                cx.log.put(cx.db, [&b"PEXPIREAT"[..], name, ms.as_bytes()]);
            } else if cx
                .keys
                .slot(cx.db, name)
                .is_some_and(|s| s.head().expire_ms.is_some())
            {
                cx.log.put(cx.db, [&b"PERSIST"[..], name]);
            }
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

pub(super) fn mset(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    if args.len().is_multiple_of(2) {
        return Err(arity("mset"));
    }
    put_pairs(cx, args, 1, args.len(), None);
    cx.out.ok();
    Ok(())
}

pub(super) fn msetnx(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
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

pub(super) fn msetex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
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
        log_msetex(cx, args, end, expiry, ms);
    }
    cx.out.yes(holds);
    Ok(())
}

/// MSETEX with its instant. Redis leaves `EXAT` as it is.
fn log_msetex(cx: &mut Cx<'_>, args: &Args<'_>, end: usize, expiry: Expiry<'_>, ms: Option<i64>) {
    let (Expiry::At(unit, _), Some(ms)) = (expiry, ms) else {
        return;
    };
    if unit == Unit::PxAt || unit == Unit::ExAt && !cx.is_valkey() || !cx.log.is_kept() {
        return;
    }
    let ms = Digits::new(ms);
    let mut argv: Vec<&[u8]> = args.iter().collect();
    // Where it is said twice, the last one counts, and only that one is replaced.
    let (mut i, mut last) = (end, None);
    while let Some(word) = args.get(i) {
        i += 1;
        if Unit::of(word).is_some() {
            last = Some(i - 1);
            i += 1;
        }
    }
    if let Some([word, time, ..]) = last.and_then(|at| argv.get_mut(at..)) {
        (*word, *time) = (b"PXAT", ms.as_bytes());
    }
    cx.log.put(cx.db, argv);
}

pub(super) fn delex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
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
        if args.len() > 2 {
            cx.log.put(cx.db, [&b"DEL"[..], name]);
        }
    }
    cx.out.yes(gone);
    Ok(())
}

pub(super) fn delifeq(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    let s = string(cx.keys, cx.db, name)?;
    let gone = s.is_some() && *bytes(s.as_ref()) == *at(args, 2);
    if gone {
        remove(cx, name);
        cx.log.put(cx.db, [&b"DEL"[..], name]);
    }
    cx.out.yes(gone);
    Ok(())
}
