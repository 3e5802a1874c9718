//! Hashes.

mod expiry;

use super::Family;
use super::scan::Scan;
use super::set::sample;
use super::string::NOT_FINITE;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, bytes_from, clamped, int, is, symmetric};
use crate::engine::entry::ValueRef;
use crate::engine::keys::{Clock, Keys};
use crate::engine::reply::{Done, Refusal, texts};
use crate::engine::value::hash::{Field, HashMut, HashRef};
use crate::model::extended::{Extended, Parsed, parse};
use crate::model::kind::Kind;
use crate::packed::string::{Digits, Str};

pub(super) const COMMANDS: Family = &[
    ("hdel", hdel),
    ("hexists", hexists),
    ("hexpire", expiry::hexpire),
    ("hexpireat", expiry::hexpireat),
    ("hexpiretime", expiry::hexpiretime),
    ("hget", hget),
    ("hgetall", hgetall),
    ("hgetdel", expiry::hgetdel),
    ("hgetex", expiry::hgetex),
    ("hincrby", hincrby),
    ("hincrbyfloat", hincrbyfloat),
    ("hkeys", hkeys),
    ("hlen", hlen),
    ("hmget", hmget),
    ("hmset", hmset),
    ("hpersist", expiry::hpersist),
    ("hpexpire", expiry::hpexpire),
    ("hpexpireat", expiry::hpexpireat),
    ("hpexpiretime", expiry::hpexpiretime),
    ("hpttl", expiry::hpttl),
    ("hrandfield", hrandfield),
    ("hscan", hscan),
    ("hset", hset),
    ("hsetc", hsetc),
    ("hsetex", expiry::hsetex),
    ("hsetnx", hsetnx),
    ("hstrlen", hstrlen),
    ("httl", expiry::httl),
    ("hvals", hvals),
];

/// The hash under that name, to be read.
fn hash<'k>(keys: &'k Keys, db: u32, name: &[u8]) -> Result<Option<HashRef<'k>>, Refusal> {
    match keys.find(db, name) {
        None => Ok(None),
        Some(ValueRef::Hash(hash)) => Ok(Some(hash)),
        Some(_) => Err(texts::WRONGTYPE),
    }
}

/// Whether a field's time has not passed.
fn is_live(field: &Field<'_>, clock: Clock) -> bool {
    !clock.expires || field.expire_ms.is_none_or(|ms| ms >= clock.now_ms)
}

/// A field that is there.
fn get<'a>(hash: HashRef<'a>, name: &[u8], clock: Clock) -> Option<Field<'a>> {
    hash.get(name).filter(|field| is_live(field, clock))
}

/// The fields that are there.
fn fields<'a>(hash: HashRef<'a>, clock: Clock) -> impl Iterator<Item = Field<'a>> {
    hash.iter().filter(move |field| is_live(field, clock))
}

/// How many.
fn len(hash: HashRef<'_>, clock: Clock) -> usize {
    if clock.expires && hash.expires() > 0 {
        fields(hash, clock).count()
    } else {
        hash.len()
    }
}

/// Takes out the fields whose time has passed, before a change.
fn purge(hash: &mut HashMut<'_>, clock: Clock) {
    let view = hash.view();
    if !clock.expires || view.expires() == 0 {
        return;
    }
    let gone: Vec<Vec<u8>> = view
        .iter()
        .filter(|field| !is_live(field, clock))
        .map(|field| field.name.with(|n| n.unwrap_or_default().to_vec()))
        .collect();
    for name in gone {
        hash.remove(&name);
    }
}

// ── Writing ────────────────────────────────────────────────────────────────────────────────────────────────────────

fn set_pairs(cx: &mut Cx<'_>, args: &Args<'_>, name: &str) -> Result<usize, Refusal> {
    if !args.len().is_multiple_of(2) {
        return Err(super::string::arity(name));
    }
    let clock = cx.keys.clock;
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::Hash);
    let mut hash = edit.entry.hash(edit.limits)?;
    purge(&mut hash, clock);
    hash.expect(args.len() / 2 - 1, bytes_from(args, 2));
    let mut added = 0;
    let mut rest = args.iter().skip(2);
    while let (Some(field), Some(value)) = (rest.next(), rest.next()) {
        added += usize::from(hash.set(field, value));
    }
    edit.changed(args.len() / 2 - 1);
    Ok(added)
}

fn hset(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let added = set_pairs(cx, args, "hset")?;
    cx.out.count(added);
    Ok(())
}

fn hmset(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    set_pairs(cx, args, "hmset")?;
    cx.out.ok();
    Ok(())
}

/// `HSETC key field… value…`, which builds of 8.10 before its release logged for HIMPORT SET: the hash in the place of
/// what is there. No client could send it, so nobody has seen a reply of it.
fn hsetc(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    if !args.len().is_multiple_of(2) {
        return Err(super::string::arity("hsetc"));
    }
    let n = (args.len() - 2) / 2;
    cx.keys.remove(cx.db, at(args, 1));
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::Hash);
    let mut hash = edit.entry.hash(edit.limits)?;
    hash.expect(n, bytes_from(args, 2));
    for (field, value) in args.iter().skip(2).zip(args.iter().skip(2 + n)) {
        hash.set(field, value);
    }
    edit.changed(n);
    cx.out.ok();
    Ok(())
}

fn hsetnx(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let clock = cx.keys.clock;
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::Hash);
    let mut hash = edit.entry.hash(edit.limits)?;
    purge(&mut hash, clock);
    let new = hash.view().get(at(args, 2)).is_none();
    if new {
        hash.set(at(args, 2), at(args, 3));
        edit.changed(1);
    }
    cx.out.yes(new);
    Ok(())
}

fn hdel(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let clock = cx.keys.clock;
    let mut gone = 0;
    if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) {
        let mut hash = edit.entry.hash(edit.limits)?;
        purge(&mut hash, clock);
        for field in args.iter().skip(2) {
            gone += usize::from(hash.remove(field));
        }
        edit.changed(gone);
    }
    cx.out.count(gone);
    Ok(())
}

fn hincrby(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (name, by) = (at(args, 2), int(at(args, 3))?);
    let clock = cx.keys.clock;
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::Hash);
    let mut hash = edit.entry.hash(edit.limits)?;
    purge(&mut hash, clock);
    let old = match hash.view().get(name) {
        None => 0,
        Some(field) => match field.value {
            Str::Int(v) => v,
            value => value
                .with(|text| int(text.unwrap_or_default()))
                .map_err(|_| Refusal::new("ERR hash value is not an integer"))?,
        },
    };
    let sum = old
        .checked_add(by)
        .ok_or(Refusal::new("ERR increment or decrement would overflow"))?;
    hash.set_keeping_expiry(name, Digits::new(sum).as_bytes());
    edit.changed(1);
    drop(edit);
    if cx.is_valkey() && cx.dialect.version >= (9, 0) {
        log_until(cx, at(args, 1), name, Digits::new(sum).as_bytes());
    }
    cx.out.int(sum);
    Ok(())
}

fn hincrbyfloat(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 2);
    let by = match parse(at(args, 3)).ok_or(texts::NOT_FLOAT)? {
        Parsed::Finite(by) => by,
        Parsed::Infinite => return Err(Refusal::new("ERR value is NaN or Infinity")),
    };
    let clock = cx.keys.clock;
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::Hash);
    let mut hash = edit.entry.hash(edit.limits)?;
    purge(&mut hash, clock);
    let old = match hash.view().get(name) {
        None => Parsed::Finite(Extended::of(0)),
        Some(field) => match field.value {
            Str::Int(v) => Parsed::Finite(Extended::of(v)),
            value => value
                .with(|text| parse(text.unwrap_or_default()))
                .ok_or(Refusal::new("ERR hash value is not a float"))?,
        },
    };
    let Parsed::Finite(old) = old else {
        return Err(NOT_FINITE);
    };
    let mut text = Vec::new();
    old.plus(by).ok_or(NOT_FINITE)?.push(&mut text);
    hash.set_keeping_expiry(name, &text);
    edit.changed(1);
    drop(edit);
    let key = at(args, 1);
    if cx.is_redis((8, 0)) {
        cx.log.put(
            cx.db,
            [
                &b"HSETEX"[..],
                key,
                b"KEEPTTL",
                b"FIELDS",
                b"1",
                name,
                &text,
            ],
        );
    } else if !(cx.is_valkey() && cx.dialect.version >= (9, 0) && log_until(cx, key, name, &text)) {
        cx.log.put(cx.db, [&b"HSET"[..], key, name, &text]);
    }
    cx.out.bulk(&text);
    Ok(())
}

/// How Valkey since 9.0 writes a new value of a field that has an expiry. False where it has none.
fn log_until(cx: &mut Cx<'_>, key: &[u8], field: &[u8], value: &[u8]) -> bool {
    if !cx.log.is_kept() {
        return false;
    }
    let Ok(Some(hash)) = hash(cx.keys, cx.db, key) else {
        return false;
    };
    let Some(ms) = hash.get(field).and_then(|f| f.expire_ms) else {
        return false;
    };
    let ms = Digits::new(ms);
    let argv = [
        &b"HSETEX"[..],
        key,
        b"PXAT",
        ms.as_bytes(),
        b"FIELDS",
        b"1",
        field,
        value,
    ];
    cx.log.put(cx.db, argv);
    true
}

// ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────────

fn hget(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let hash = hash(cx.keys, cx.db, at(args, 1))?;
    let field = hash.and_then(|hash| get(hash, at(args, 2), cx.keys.clock));
    cx.out.str_or_nil(field.map(|f| f.value).as_ref());
    Ok(())
}

fn hmget(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let hash = hash(cx.keys, cx.db, at(args, 1))?;
    cx.out.array(args.len() - 2);
    for name in args.iter().skip(2) {
        let field = hash.and_then(|hash| get(hash, name, cx.keys.clock));
        cx.out.str_or_nil(field.map(|f| f.value).as_ref());
    }
    Ok(())
}

fn hgetall(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let Some(hash) = hash(cx.keys, cx.db, at(args, 1))? else {
        cx.out.map(0);
        return Ok(());
    };
    cx.out.map(len(hash, cx.keys.clock));
    if cx.out.listens() {
        for field in fields(hash, cx.keys.clock) {
            cx.out.str(&field.name);
            cx.out.str(&field.value);
        }
    }
    Ok(())
}

fn one_side(cx: &mut Cx<'_>, args: &Args<'_>, side: fn(Field<'_>) -> Str<'_>) -> Done {
    let Some(hash) = hash(cx.keys, cx.db, at(args, 1))? else {
        cx.out.array(0);
        return Ok(());
    };
    cx.out.array(len(hash, cx.keys.clock));
    if cx.out.listens() {
        for field in fields(hash, cx.keys.clock) {
            cx.out.str(&side(field));
        }
    }
    Ok(())
}

fn hkeys(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    one_side(cx, args, |field| field.name)
}

fn hvals(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    one_side(cx, args, |field| field.value)
}

fn hlen(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let hash = hash(cx.keys, cx.db, at(args, 1))?;
    let n = hash.map_or(0, |hash| len(hash, cx.keys.clock));
    cx.out.count(n);
    Ok(())
}

fn hexists(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let hash = hash(cx.keys, cx.db, at(args, 1))?;
    let found = hash.is_some_and(|hash| get(hash, at(args, 2), cx.keys.clock).is_some());
    cx.out.yes(found);
    Ok(())
}

fn hstrlen(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let hash = hash(cx.keys, cx.db, at(args, 1))?;
    let field = hash.and_then(|hash| get(hash, at(args, 2), cx.keys.clock));
    let n = field.map_or(0, |field| field.value.len());
    cx.out.int(n.cast_signed());
    Ok(())
}

fn hrandfield(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let n = args.get(2).map(symmetric).transpose()?;
    let values = match args.len() {
        ..=3 => false,
        4 if is(at(args, 3), "WITHVALUES") => true,
        _ => return Err(texts::SYNTAX),
    };
    if values && n.is_some_and(|n| n.unsigned_abs() > i64::MAX.unsigned_abs() / 2) {
        return Err(Refusal::new("ERR value is out of range"));
    }
    let clock = cx.keys.clock;
    let mut random = cx.keys.random.clone();
    let Some(hash) = hash(cx.keys, cx.db, at(args, 1))? else {
        match n {
            Some(_) => cx.out.array(0),
            None => cx.out.nil(),
        }
        return Ok(());
    };
    let len = len(hash, clock);
    // Where some have expired, places do not count.
    let nth = |n: usize| {
        if len == hash.len() {
            hash.nth(n)
        } else {
            fields(hash, clock).nth(n)
        }
    };
    let Some(n) = n else {
        let field = nth(random.below(len));
        cx.out.str_or_nil(field.map(|f| f.name).as_ref());
        cx.keys.random = random;
        return Ok(());
    };
    let many = n < 0 && len > 0;
    let n = clamped(n.saturating_abs());
    let n = if many { n } else { n.min(len) };
    let pairs = values && cx.out.resp3();
    let width = if values && !pairs { 2 } else { 1 };
    cx.out.array(n * width);
    let out = &mut *cx.out;
    let mut show = |field: Field<'_>| {
        if pairs {
            out.array(2);
        }
        out.str(&field.name);
        if values {
            out.str(&field.value);
        }
    };
    if many {
        for _ in 0..n {
            if let Some(field) = nth(random.below(len)) {
                show(field);
            }
        }
    } else {
        sample(&mut random, fields(hash, clock), len, n, show);
    }
    cx.keys.random = random;
    Ok(())
}

fn hscan(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let cursor = Scan::cursor(cx, at(args, 2))?;
    let Some(hash) = hash(cx.keys, cx.db, at(args, 1))? else {
        Scan::nothing(cx.out);
        return Ok(());
    };
    let may = cx.is_redis((7, 4)) || (cx.is_valkey() && cx.dialect.version >= (8, 0));
    // The words that stand where an option does.
    let mut silent = Vec::new();
    let mut i = 3;
    while let Some(word) = args.get(i) {
        let is_named = is(word, "COUNT") || is(word, "MATCH");
        if may && is(word, "NOVALUES") {
            silent.push(i);
        } else if is_named {
            i += 1;
        }
        i += 1;
    }
    let names_only = !silent.is_empty();
    let options = (3..args.len())
        .filter(|i| !silent.contains(i))
        .map(|i| at(args, i));
    let scan = Scan::read(cx, cursor, options, false)?;
    let clock = cx.keys.clock;
    let is_table = matches!(hash, HashRef::Big(_));
    scan.answer(
        cx.out,
        hash.len(),
        is_table,
        if names_only { 1 } else { 2 },
        |n| hash.nth(n),
        |out, field| {
            let wanted = is_live(field, clock)
                && field.name.with(|name| scan.wants(name.unwrap_or_default()));
            if wanted {
                out.str(&field.name);
                if !names_only {
                    out.str(&field.value);
                }
            }
            wanted
        },
    );
    Ok(())
}
