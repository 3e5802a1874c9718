//! Fields that expire.
//!
//! Redis and Valkey have the same commands with the same effects, and read their arguments each in its own order and
//! with its own words; Redis changed both between 8.0 and 8.6.

use super::{get, hash, is_live, purge};
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, c_text, int, is};
use crate::engine::cmd::string::{Unit, arity, bad_expire};
use crate::engine::cmd::when::When;
use crate::engine::keys::Clock;
use crate::engine::reply::{Done, Refusal, texts};
use crate::engine::value::hash::HashMut;
use crate::model::kind::Kind;
use crate::model::number;
use crate::packed::string::Digits;

const NUMFIELDS: Refusal =
    Refusal::new("ERR numfields should be greater than 0 and match the provided number of fields");
const NO_FIELDS: Refusal =
    Refusal::new("ERR Mandatory argument FIELDS is missing or not at the right position");
const NOT_POSITIVE: Refusal = Refusal::new("ERR Number of fields must be a positive integer");
const MISMATCH: Refusal =
    Refusal::new("ERR The `numfields` parameter must match the number of arguments");
const TOO_FEW: Refusal = Refusal::new("ERR wrong number of arguments");
const TWICE: Refusal = Refusal::new("ERR FIELDS keyword specified multiple times");
const BAD_NUMBER: Refusal = Refusal::new("ERR invalid number of fields");
const NEGATIVE: Refusal = Refusal::new("ERR invalid expire time, must be >= 0");
const ONE_CONDITION: Refusal =
    Refusal::new("ERR Only one of FXX or FNX arguments can be specified");

/// The latest instant that Redis takes, in milliseconds.
const REDIS_MAX: i64 = (1 << 46) - 1;

#[cold]
fn unknown(word: &[u8]) -> Refusal {
    Refusal::of(format!(
        "ERR unknown argument: {}",
        String::from_utf8_lossy(c_text(word))
    ))
}

/// Whether options may stand in any order, before and behind the fields.
fn is_free(cx: &Cx<'_>) -> bool {
    cx.is_redis((8, 4))
}

/// The instant that `arg` means, in Unix milliseconds.
fn instant(cx: &Cx<'_>, unit: Unit, arg: &[u8], command: &str) -> Result<i64, Refusal> {
    let n = int(arg)?;
    let valkey = cx.is_valkey();
    if n < 0 {
        return Err(if valkey {
            bad_expire(command)
        } else {
            NEGATIVE
        });
    }
    let now = if unit.is_relative() {
        cx.keys.clock.now_ms
    } else {
        0
    };
    let scale = if unit.is_seconds() { 1000 } else { 1 };
    n.checked_mul(scale)
        .and_then(|ms| ms.checked_add(now))
        .filter(|ms| valkey || *ms <= REDIS_MAX)
        .ok_or_else(|| bad_expire(command))
}

/// Whether what expires then goes at once.
fn is_over(ms: i64, clock: Clock) -> bool {
    clock.expires && ms <= clock.now_ms
}

/// Fields among the arguments, or fields and values.
#[derive(Debug, Clone, Copy)]
struct Fields {
    from: usize,
    n: usize,
}

impl Fields {
    fn iter<'a>(self, args: &Args<'a>) -> impl Iterator<Item = &'a [u8]> {
        args.iter().skip(self.from).take(self.n)
    }
}

/// `key FIELDS n field …`, nothing else. Redis looks at the key's type first, Valkey last.
fn plain_fields(cx: &Cx<'_>, args: &Args<'_>, is_ttl: bool) -> Result<Fields, Refusal> {
    let name = at(args, 1);
    let left = args.len().saturating_sub(4);
    if cx.is_valkey() {
        if !is(at(args, 2), "FIELDS") {
            return Err(texts::SYNTAX);
        }
        let n = int(at(args, 3))?;
        if n < 1 || usize::try_from(n) != Ok(left) {
            return Err(if is_ttl { texts::SYNTAX } else { NUMFIELDS });
        }
        hash(cx.keys, cx.db, name)?;
    } else {
        hash(cx.keys, cx.db, name)?;
        if !is(at(args, 2), "FIELDS") {
            return Err(NO_FIELDS);
        }
        let n = number::parse_i64(at(args, 3))
            .filter(|n| *n > 0)
            .ok_or(NOT_POSITIVE)?;
        if usize::try_from(n) != Ok(left) {
            return Err(MISMATCH);
        }
    }
    Ok(Fields { from: 4, n: left })
}

// ── HTTL and its kin ───────────────────────────────────────────────────────────────────────────────────────────────

pub(super) fn httl(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let now = cx.keys.clock.now_ms;
    show(cx, args, |ms| (ms - now).max(0).saturating_add(999) / 1000)
}

pub(super) fn hpttl(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let now = cx.keys.clock.now_ms;
    show(cx, args, |ms| (ms - now).max(0))
}

pub(super) fn hexpiretime(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    show(cx, args, |ms| ms.saturating_add(999) / 1000)
}

pub(super) fn hpexpiretime(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    show(cx, args, |ms| ms)
}

fn show(cx: &mut Cx<'_>, args: &Args<'_>, text: impl Fn(i64) -> i64) -> Done {
    let fields = plain_fields(cx, args, true)?;
    let hash = hash(cx.keys, cx.db, at(args, 1))?;
    cx.out.array(fields.n);
    for name in fields.iter(args) {
        let field = hash.and_then(|hash| get(hash, name, cx.keys.clock));
        cx.out.int(match field {
            None => -2,
            Some(field) => field.expire_ms.map_or(-1, &text),
        });
    }
    Ok(())
}

pub(super) fn hpersist(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let fields = plain_fields(cx, args, false)?;
    answer_each(cx, args, &fields, |hash, name, old| match old {
        None => -1,
        Some(_) => {
            hash.set_expire(name, None);
            1
        }
    })
}

/// Answers with what is done to each of the fields, whose expiry `change` is told: above 0 it has changed the hash. -2
/// where there is no such field.
fn answer_each(
    cx: &mut Cx<'_>,
    args: &Args<'_>,
    fields: &Fields,
    mut change: impl FnMut(&mut HashMut<'_>, &[u8], Option<i64>) -> i64,
) -> Done {
    let clock = cx.keys.clock;
    cx.out.array(fields.n);
    let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) else {
        fields.iter(args).for_each(|_| cx.out.int(-2));
        return Ok(());
    };
    let mut hash = edit.entry.hash(edit.limits)?;
    purge(&mut hash, clock);
    let mut changed = 0;
    for name in fields.iter(args) {
        let old = hash.view().get(name).map(|field| field.expire_ms);
        let result = old.map_or(-2, |old| change(&mut hash, name, old));
        changed += usize::from(result > 0);
        cx.out.int(result);
    }
    edit.changed(changed);
    Ok(())
}

// ── HEXPIRE and its kin ────────────────────────────────────────────────────────────────────────────────────────────

pub(super) fn hexpire(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    expire(cx, args, Unit::Ex, "hexpire")
}

pub(super) fn hpexpire(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    expire(cx, args, Unit::Px, "hpexpire")
}

pub(super) fn hexpireat(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    expire(cx, args, Unit::ExAt, "hexpireat")
}

pub(super) fn hpexpireat(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    expire(cx, args, Unit::PxAt, "hpexpireat")
}

struct Expire {
    ms: i64,
    when: When,
    fields: Fields,
}

fn expire(cx: &mut Cx<'_>, args: &Args<'_>, unit: Unit, command: &str) -> Done {
    let Expire { ms, when, fields } = if cx.is_valkey() {
        expire_valkey(cx, args, unit, command)?
    } else {
        hash(cx.keys, cx.db, at(args, 1))?;
        let ms = instant(cx, unit, at(args, 2), command)?;
        let (when, fields) = if is_free(cx) {
            expire_free(args)?
        } else {
            expire_fixed(args)?
        };
        Expire { ms, when, fields }
    };
    let clock = cx.keys.clock;
    let logs = cx.log.is_kept();
    let mut hit = Vec::new();
    answer_each(cx, args, &fields, |hash, name, old| {
        let result = if !when.holds(old, ms) {
            0
        } else if is_over(ms, clock) {
            hash.remove(name);
            2
        } else {
            hash.set_expire(name, Some(ms));
            1
        };
        if logs && result > 0 {
            hit.push(name.to_vec());
        }
        result
    })?;
    if hit.is_empty() {
        return Ok(());
    }
    let hit: Vec<&[u8]> = hit.iter().map(Vec::as_slice).collect();
    if is_over(ms, clock) {
        log_hdel(cx, at(args, 1), &hit);
    } else {
        // Valkey keeps the fields that it did not find, too.
        let all: Vec<&[u8]> = fields.iter(args).collect();
        let written = if cx.is_valkey() { all } else { hit };
        let Fields { from, n } = fields;
        let before = args.iter().take(from - 2).skip(3);
        let said = before.chain(args.iter().skip(from + n));
        let said: Vec<&[u8]> = said.collect();
        log_hpexpireat(cx, args, ms, &said, at(args, from - 2), &written);
    }
    Ok(())
}

fn log_hdel(cx: &mut Cx<'_>, key: &[u8], fields: &[&[u8]]) {
    let argv = [&b"HDEL"[..], key];
    cx.log
        .put(cx.db, argv.into_iter().chain(fields.iter().copied()));
}

/// With the words in front of the fields as they were sent.
fn log_hpexpireat(
    cx: &mut Cx<'_>,
    args: &Args<'_>,
    ms: i64,
    words: &[&[u8]],
    fields_word: &[u8],
    fields: &[&[u8]],
) {
    let (ms, n) = (Digits::new(ms), count_of(fields));
    let argv = [&b"HPEXPIREAT"[..], at(args, 1), ms.as_bytes()].into_iter();
    let argv = argv.chain(words.iter().copied());
    let argv = argv.chain([fields_word, n.as_bytes()]);
    cx.log.put(cx.db, argv.chain(fields.iter().copied()));
}

fn count_of(fields: &[&[u8]]) -> Digits {
    Digits::new(i64::try_from(fields.len()).unwrap_or(i64::MAX))
}

/// `key time [NX|XX|GT|LT] FIELDS n field …`
fn expire_fixed(args: &Args<'_>) -> Result<(When, Fields), Refusal> {
    let mut when = When::default();
    let place = 3 + usize::from(when.take(at(args, 3)));
    if !is(at(args, place), "FIELDS") {
        return Err(NO_FIELDS);
    }
    let n = number::parse_i64(at(args, place + 1))
        .filter(|n| *n > 0)
        .ok_or(Refusal::new(
            "ERR Parameter `numFields` should be greater than 0",
        ))?;
    let left = args.len().saturating_sub(place + 2);
    if usize::try_from(n) != Ok(left) {
        return Err(MISMATCH);
    }
    let from = place + 2;
    Ok((when, Fields { from, n: left }))
}

/// The same in any order.
fn expire_free(args: &Args<'_>) -> Result<(When, Fields), Refusal> {
    let mut when = When::default();
    let mut fields = None;
    let mut i = 3;
    while let Some(word) = args.get(i) {
        i += 1;
        if when.take(word) {
            continue;
        }
        if is(word, "FIELDS") {
            if fields.is_some() {
                return Err(TWICE);
            }
            if args.len() < i + 2 {
                return Err(Refusal::new(
                    "ERR FIELDS requires at least numfields and one field argument",
                ));
            }
            let n = number::parse_i64(at(args, i))
                .and_then(|n| i32::try_from(n).ok())
                .and_then(|n| usize::try_from(n).ok())
                .filter(|n| *n > 0)
                .ok_or(Refusal::new(
                    "ERR Parameter `numFields` should be greater than 0",
                ))?;
            i += 1;
            if args.len() < i + n {
                return Err(TOO_FEW);
            }
            fields = Some(Fields { from: i, n });
            i += n;
        } else {
            return Err(unknown(word));
        }
    }
    let fields = fields.ok_or(Refusal::new("ERR missing FIELDS argument"))?;
    if when.count() > 1 {
        return Err(Refusal::new("ERR Multiple condition flags specified"));
    }
    Ok((when, fields))
}

fn expire_valkey(
    cx: &Cx<'_>,
    args: &Args<'_>,
    unit: Unit,
    command: &str,
) -> Result<Expire, Refusal> {
    let place = fields_place(args, 3)?;
    let when = When::read(args.iter().take(place).skip(3))?;
    let fields = counted(args, place, 1)?;
    let ms = instant(cx, unit, at(args, 2), command)?;
    hash(cx.keys, cx.db, at(args, 1))?;
    Ok(Expire { ms, when, fields })
}

/// Where `FIELDS` stands, with a number behind it.
fn fields_place(args: &Args<'_>, from: usize) -> Result<usize, Refusal> {
    let place = args
        .iter()
        .skip(from)
        .position(|word| is(word, "FIELDS"))
        .map(|n| n + from);
    place.filter(|n| n + 1 < args.len()).ok_or(NUMFIELDS)
}

/// The fields behind `FIELDS n`, `width` arguments each, which are all that is left.
fn counted(args: &Args<'_>, place: usize, width: usize) -> Result<Fields, Refusal> {
    let n = int(at(args, place + 1))?;
    let from = place + 2;
    let left = args.len().saturating_sub(from);
    usize::try_from(n)
        .ok()
        .filter(|n| *n > 0 && n.checked_mul(width) == Some(left))
        .map(|n| Fields { from, n })
        .ok_or(NUMFIELDS)
}

// ── HSETEX, HGETEX, HGETDEL ────────────────────────────────────────────────────────────────────────────────────────

/// What becomes of the fields' expiries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ttl {
    Unsaid,
    /// `KEEPTTL`
    Keep,
    /// `PERSIST`
    Persist,
    At(i64),
}

#[derive(Debug, Clone, Copy)]
struct Options {
    ttl: Ttl,
    fnx: bool,
    fxx: bool,
    nx: bool,
    xx: bool,
    fields: Fields,
}

/// Which of the two commands, where their words differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Set,
    Get,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Which::Set => "hsetex",
            Which::Get => "hgetex",
        }
    }

    /// Arguments a field.
    fn width(self) -> usize {
        match self {
            Which::Set => 2,
            Which::Get => 1,
        }
    }

    fn one_ttl(self) -> Refusal {
        Refusal::new(match self {
            Which::Set => {
                "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"
            }
            Which::Get => {
                "ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified"
            }
        })
    }

    /// `KEEPTTL` of the one, `PERSIST` of the other.
    fn word(self, word: &[u8]) -> Option<Ttl> {
        match self {
            Which::Set if is(word, "KEEPTTL") => Some(Ttl::Keep),
            Which::Get if is(word, "PERSIST") => Some(Ttl::Persist),
            _ => None,
        }
    }
}

/// As Redis reads them. What comes behind the fields is read too where options are free.
fn redis_options(cx: &Cx<'_>, args: &Args<'_>, which: Which) -> Result<Options, Refusal> {
    let free = is_free(cx);
    let mut ttl = Ttl::Unsaid;
    let (mut fnx, mut fxx) = (false, false);
    let mut fields = None;
    let mut i = 2;
    while let Some(word) = args.get(i) {
        i += 1;
        if which == Which::Set && (is(word, "FNX") || is(word, "FXX")) {
            if fnx || fxx {
                return Err(ONE_CONDITION);
            }
            (fnx, fxx) = (is(word, "FNX"), is(word, "FXX"));
        } else if let Some(said) = which.word(word) {
            if ttl != Ttl::Unsaid {
                return Err(which.one_ttl());
            }
            ttl = said;
        } else if let Some(unit) = Unit::of(word) {
            if ttl != Ttl::Unsaid {
                return Err(which.one_ttl());
            }
            let arg = args.get(i).ok_or(Refusal::new("ERR missing expire time"))?;
            ttl = Ttl::At(instant(cx, unit, arg, which.name())?);
            i += 1;
        } else if is(word, "FIELDS") {
            if fields.is_some() {
                return Err(TWICE);
            }
            let n = args.get(i).ok_or_else(|| arity(which.name()))?;
            let n = number::parse_i64(n)
                .and_then(|n| i32::try_from(n).ok())
                .and_then(|n| usize::try_from(n).ok())
                .filter(|n| *n > 0)
                .ok_or(BAD_NUMBER)?;
            i += 1;
            let left = args.len() - i;
            let needed = n * which.width();
            if !free && needed != left {
                return Err(arity(which.name()));
            }
            if needed > left {
                return Err(TOO_FEW);
            }
            fields = Some(Fields { from: i, n });
            i += needed;
        } else {
            return Err(unknown(word));
        }
    }
    Ok(Options {
        ttl,
        fnx,
        fxx,
        nx: false,
        xx: false,
        fields: fields.ok_or(Refusal::new("ERR missing FIELDS argument"))?,
    })
}

/// `HGETEX` as the first Redis with it reads it: one option at most, then the fields.
fn hgetex_fixed(cx: &Cx<'_>, args: &Args<'_>) -> Result<Options, Refusal> {
    let word = at(args, 2);
    let (ttl, place) = if let Some(unit) = Unit::of(word) {
        (Ttl::At(instant(cx, unit, at(args, 3), "hgetex")?), 4)
    } else if is(word, "PERSIST") {
        (Ttl::Persist, 3)
    } else {
        (Ttl::Unsaid, 2)
    };
    if args.len() < place + 2 {
        return Err(arity("hgetex"));
    }
    if !is(at(args, place), "FIELDS") {
        return Err(NO_FIELDS);
    }
    let n = number::parse_i64(at(args, place + 1))
        .filter(|n| *n > 0)
        .ok_or(NOT_POSITIVE)?;
    let left = args.len().saturating_sub(place + 2);
    if usize::try_from(n) != Ok(left) {
        return Err(MISMATCH);
    }
    Ok(Options {
        ttl,
        fnx: false,
        fxx: false,
        nx: false,
        xx: false,
        fields: Fields {
            from: place + 2,
            n: left,
        },
    })
}

/// As Valkey reads them: the options in front of the fields, the time when the key has been looked at.
fn valkey_options(cx: &Cx<'_>, args: &Args<'_>, which: Which) -> Result<Options, Refusal> {
    // The key itself may be called so.
    let place = fields_place(args, 1)?;
    let mut word_ttl = Ttl::Unsaid;
    let mut time: Option<(Unit, &[u8])> = None;
    let (mut fnx, mut fxx, mut nx, mut xx) = (false, false, false, false);
    let mut i = 2;
    while i < place {
        let word = at(args, i);
        i += 1;
        let set = which == Which::Set;
        if set && is(word, "FNX") && !fxx {
            fnx = true;
        } else if set && is(word, "FXX") && !fnx {
            fxx = true;
        } else if set && is(word, "NX") && !xx {
            nx = true;
        } else if set && is(word, "XX") && !nx {
            xx = true;
        } else if time.is_none()
            && let Some(said) = which.word(word)
        {
            word_ttl = said;
        } else if word_ttl == Ttl::Unsaid
            && i < place
            && let Some(unit) = Unit::of(word)
            && time.is_none_or(|(before, _)| before == unit)
        {
            time = Some((unit, at(args, i)));
            i += 1;
        } else {
            return Err(texts::SYNTAX);
        }
    }
    let fields = counted(args, place, which.width())?;
    let found = hash(cx.keys, cx.db, at(args, 1))?;
    let ttl = match time {
        // Where the key itself stands in the way, nobody looks at the time.
        Some(_) if nx && found.is_some() || xx && found.is_none() => Ttl::Unsaid,
        Some((unit, arg)) => Ttl::At(instant(cx, unit, arg, which.name())?),
        None => word_ttl,
    };
    Ok(Options {
        ttl,
        fnx,
        fxx,
        nx,
        xx,
        fields,
    })
}

pub(super) fn hsetex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let options = if cx.is_valkey() {
        valkey_options(cx, args, Which::Set)?
    } else {
        redis_options(cx, args, Which::Set)?
    };
    let clock = cx.keys.clock;
    let name = at(args, 1);
    let found = hash(cx.keys, cx.db, name)?;
    let pairs = || {
        let mut rest = args
            .iter()
            .skip(options.fields.from)
            .take(options.fields.n * 2);
        std::iter::from_fn(move || Some((rest.next()?, rest.next()?)))
    };
    let has = |field: &[u8]| found.is_some_and(|hash| get(hash, field, clock).is_some());
    let holds = !(options.nx && found.is_some()
        || options.xx && found.is_none()
        || options.fnx && pairs().any(|(field, _)| has(field))
        || options.fxx && !pairs().all(|(field, _)| has(field)));
    if holds {
        let mut edit = cx.keys.edit_or_new(cx.db, name, Kind::Hash);
        let mut hash = edit.entry.hash(edit.limits)?;
        purge(&mut hash, clock);
        for (field, value) in pairs() {
            set_with(&mut hash, field, value, options.ttl, clock);
        }
        edit.changed(options.fields.n);
        drop(edit);
        log_hsetex(cx, args, &options);
    }
    cx.out.yes(holds);
    Ok(())
}

fn log_hsetex(cx: &mut Cx<'_>, args: &Args<'_>, options: &Options) {
    let Ttl::At(ms) = options.ttl else {
        return;
    };
    let Fields { from, n } = options.fields;
    let pairs = args.iter().skip(from).take(n * 2);
    if is_over(ms, cx.keys.clock) {
        let fields: Vec<&[u8]> = pairs.step_by(2).collect();
        log_hdel(cx, at(args, 1), &fields);
        return;
    }
    // Valkey drops the condition.
    let condition = match () {
        () if cx.is_valkey() => None,
        () => args.iter().skip(2).find(|a| is(a, "FNX") || is(a, "FXX")),
    };
    let condition = condition.filter(|_| options.fnx || options.fxx);
    let (ms, n) = (
        Digits::new(ms),
        Digits::new(i64::try_from(n).unwrap_or(i64::MAX)),
    );
    let argv = [args.name(), at(args, 1)].into_iter().chain(condition);
    let argv = argv.chain([
        &b"PXAT"[..],
        ms.as_bytes(),
        at(args, from - 2),
        n.as_bytes(),
    ]);
    cx.log.put(cx.db, argv.chain(pairs));
}

fn set_with(hash: &mut HashMut<'_>, field: &[u8], value: &[u8], ttl: Ttl, clock: Clock) {
    match ttl {
        Ttl::Keep => {
            hash.set_keeping_expiry(field, value);
        }
        Ttl::At(ms) if is_over(ms, clock) => {
            hash.remove(field);
        }
        Ttl::At(ms) => {
            hash.set(field, value);
            hash.set_expire(field, Some(ms));
        }
        Ttl::Unsaid | Ttl::Persist => {
            hash.set(field, value);
        }
    }
}

pub(super) fn hgetex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let options = if cx.is_valkey() {
        valkey_options(cx, args, Which::Get)?
    } else {
        hash(cx.keys, cx.db, at(args, 1))?;
        if is_free(cx) {
            redis_options(cx, args, Which::Get)?
        } else {
            hgetex_fixed(cx, args)?
        }
    };
    let changed = take(
        cx,
        args,
        options.fields,
        |hash, field, clock| match options.ttl {
            Ttl::Unsaid | Ttl::Keep => false,
            Ttl::Persist => hash.set_expire(field, None),
            Ttl::At(ms) if is_over(ms, clock) => hash.remove(field),
            Ttl::At(ms) => hash.set_expire(field, Some(ms)),
        },
    )?;
    if changed.is_empty() {
        return Ok(());
    }
    // Redis names all fields that were asked for.
    let all: Vec<&[u8]> = options.fields.iter(args).collect();
    let fields = if cx.is_valkey() { changed } else { all };
    match options.ttl {
        Ttl::At(ms) if is_over(ms, cx.keys.clock) => log_hdel(cx, at(args, 1), &fields),
        Ttl::At(ms) => log_hpexpireat(cx, args, ms, &[], b"FIELDS", &fields),
        Ttl::Persist => {
            let n = count_of(&fields);
            let argv = [&b"HPERSIST"[..], at(args, 1), b"FIELDS", n.as_bytes()];
            cx.log.put(cx.db, argv.into_iter().chain(fields));
        }
        Ttl::Unsaid | Ttl::Keep => {}
    }
    Ok(())
}

pub(super) fn hgetdel(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let fields = plain_fields(cx, args, false)?;
    let changed = take(cx, args, fields, |hash, field, _| hash.remove(field))?;
    if !changed.is_empty() && !cx.is_valkey() {
        let all: Vec<&[u8]> = fields.iter(args).collect();
        log_hdel(cx, at(args, 1), &all);
    }
    Ok(())
}

/// Answers with the values of fields, and does something to each that is there. Where a log is kept: the fields that it
/// has changed.
fn take<'a>(
    cx: &mut Cx<'_>,
    args: &Args<'a>,
    fields: Fields,
    then: impl Fn(&mut HashMut<'_>, &[u8], Clock) -> bool,
) -> Result<Vec<&'a [u8]>, Refusal> {
    let mut hit = Vec::new();
    let clock = cx.keys.clock;
    cx.out.array(fields.n);
    let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) else {
        fields.iter(args).for_each(|_| cx.out.nil());
        return Ok(hit);
    };
    let mut hash = edit.entry.hash(edit.limits)?;
    purge(&mut hash, clock);
    let mut changed = 0;
    for name in fields.iter(args) {
        let field = hash.view().get(name).filter(|f| is_live(f, clock));
        cx.out.str_or_nil(field.map(|f| f.value).as_ref());
        if field.is_some() && then(&mut hash, name, clock) {
            changed += 1;
            if cx.log.is_kept() {
                hit.push(name);
            }
        }
    }
    edit.changed(changed);
    Ok(hit)
}
