//! Keys: removal, expiries, names, going over them.

use super::Family;
use super::scan::Scan;
use super::when::When;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, database, int, is};
use crate::engine::entry::{Slot, ValueRef};
use crate::engine::reply::{Done, Refusal, texts};
use crate::engine::value::hash::HashRef;
use crate::engine::value::list::ListRef;
use crate::engine::value::set::SetRef;
use crate::engine::value::zset::ZsetRef;
use crate::filter::glob::Glob;
use crate::model::kind::Kind;
use crate::packed::string::{Digits, Str};
use crate::rdb::opcode;

pub(super) const COMMANDS: Family = &[
    ("del", del),
    ("unlink", del),
    ("exists", exists),
    ("touch", exists),
    ("type", kind),
    ("expire", expire),
    ("pexpire", pexpire),
    ("expireat", expireat),
    ("pexpireat", pexpireat),
    ("persist", persist),
    ("ttl", ttl),
    ("pttl", pttl),
    ("expiretime", expiretime),
    ("pexpiretime", pexpiretime),
    ("rename", rename),
    ("renamenx", renamenx),
    ("copy", copy),
    ("move", move_key),
    ("keys", keys),
    ("scan", scan),
    ("randomkey", randomkey),
    ("object|encoding", encoding),
    ("object|freq", freq),
    ("object|idletime", idletime),
    ("object|refcount", refcount),
    ("bless|set", bless),
];

const SAME: Refusal = Refusal::new("ERR source and destination objects are the same");
const NO_DB: Refusal = Refusal::new("ERR DB index is out of range");

fn del(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let mut gone = 0;
    for name in args.iter().skip(1) {
        gone += usize::from(cx.keys.remove(cx.db, name).is_some());
    }
    cx.out.count(gone);
    Ok(())
}

/// `BLESS SET key NO-EVICT`: advice on eviction, of which there is none here. Of a log: nobody has seen its reply.
fn bless(cx: &mut Cx<'_>, _args: &Args<'_>) -> Done {
    cx.out.ok();
    Ok(())
}

fn exists(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let found = args
        .iter()
        .skip(1)
        .filter(|name| cx.keys.exists(cx.db, name))
        .count();
    cx.out.count(found);
    Ok(())
}

/// The word that `TYPE` answers for a value.
fn type_name(value: &ValueRef<'_>) -> &'static str {
    match value {
        // A module names its type itself; files hold only its id.
        ValueRef::Opaque(opaque) if opaque.kind == Kind::Module => "module",
        value => value.kind().name(),
    }
}

fn kind(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = cx
        .keys
        .find(cx.db, at(args, 1))
        .map_or("none", |v| type_name(&v));
    cx.out.simple(name);
    Ok(())
}

fn expire_at(
    cx: &mut Cx<'_>,
    args: &Args<'_>,
    command: &str,
    seconds: bool,
    relative: bool,
) -> Done {
    let when = When::read(args.iter().skip(3))?;
    let mut ms = int(at(args, 2))?;
    let invalid = || Refusal::of(format!("ERR invalid expire time in '{command}' command"));
    if seconds {
        ms = ms.checked_mul(1000).ok_or_else(invalid)?;
    }
    if relative {
        ms = ms.checked_add(cx.keys.clock.now_ms).ok_or_else(invalid)?;
    }
    let name = at(args, 1);
    let Some(mut edit) = cx.keys.edit(cx.db, name) else {
        cx.out.int(0);
        return Ok(());
    };
    if !when.holds(edit.entry.head().expire_ms, ms) {
        cx.out.int(0);
        return Ok(());
    }
    edit.entry.set_expire(Some(ms));
    edit.changed(1);
    drop(edit);
    let clock = cx.keys.clock;
    if clock.expires && ms <= clock.now_ms {
        cx.keys.delete(cx.db, name);
        let word = cx.expiry_word();
        cx.log.put(cx.db, [word, name]);
    } else if cx.log.is_kept() {
        let text = Digits::new(ms);
        let is_it = command == "pexpireat";
        cx.log.replaced(cx.db, args, |i| match i {
            0 if !is_it => Some(b"PEXPIREAT"),
            2 if seconds || relative => Some(text.as_bytes()),
            _ => None,
        });
    }
    cx.out.int(1);
    Ok(())
}

fn expire(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    expire_at(cx, args, "expire", true, true)
}

fn pexpire(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    expire_at(cx, args, "pexpire", false, true)
}

fn expireat(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    expire_at(cx, args, "expireat", true, false)
}

fn pexpireat(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    expire_at(cx, args, "pexpireat", false, false)
}

fn persist(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let mut had = false;
    if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) {
        had = edit.entry.head().expire_ms.is_some();
        if had {
            edit.entry.set_expire(None);
            edit.changed(1);
        }
    }
    cx.out.yes(had);
    Ok(())
}

fn answer_ttl(cx: &mut Cx<'_>, args: &Args<'_>, seconds: bool, relative: bool) -> Done {
    let now = cx.keys.clock.now_ms;
    let answer = match cx.keys.slot(cx.db, at(args, 1)) {
        None => -2,
        Some(slot) => match slot.head().expire_ms {
            None => -1,
            Some(ms) => {
                let ms = if relative { (ms - now).max(0) } else { ms };
                if seconds { (ms + 500) / 1000 } else { ms }
            }
        },
    };
    cx.out.int(answer);
    Ok(())
}

fn ttl(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    answer_ttl(cx, args, true, true)
}

fn pttl(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    answer_ttl(cx, args, false, true)
}

fn expiretime(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    answer_ttl(cx, args, true, false)
}

fn pexpiretime(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    answer_ttl(cx, args, false, false)
}

/// Gives a key another name; false where the name is taken and must not be.
fn rename_to(cx: &mut Cx<'_>, args: &Args<'_>, only_new: bool) -> Result<bool, Refusal> {
    let (from, to) = (at(args, 1), at(args, 2));
    if !cx.keys.exists(cx.db, from) {
        return Err(texts::NO_KEY);
    }
    if from == to {
        return Ok(!only_new);
    }
    if only_new && cx.keys.exists(cx.db, to) {
        return Ok(false);
    }
    if let Some(slot) = cx.keys.remove(cx.db, from) {
        let expire_ms = slot.head().expire_ms;
        cx.keys.put(cx.db, slot.renamed(to, expire_ms));
    }
    Ok(true)
}

fn rename(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    rename_to(cx, args, false)?;
    cx.out.ok();
    Ok(())
}

fn renamenx(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let renamed = rename_to(cx, args, true)?;
    cx.out.yes(renamed);
    Ok(())
}

/// The number of a database that exists.
pub(super) fn db_of(cx: &Cx<'_>, arg: &[u8]) -> Result<u32, Refusal> {
    int(arg)?;
    database(arg)
        .filter(|db| *db < cx.keys.databases)
        .ok_or(NO_DB)
}

fn copy(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (from, to) = (at(args, 1), at(args, 2));
    let mut db = cx.db;
    let mut replace = false;
    let mut i = 3;
    while i < args.len() {
        let option = at(args, i);
        if is(option, "REPLACE") {
            replace = true;
        } else if is(option, "DB") && i + 1 < args.len() {
            db = db_of(cx, at(args, i + 1))?;
            i += 1;
        } else {
            return Err(texts::SYNTAX);
        }
        i += 1;
    }
    if db == cx.db && from == to {
        return Err(SAME);
    }
    let copied = match cx.keys.slot(cx.db, from) {
        Some(_) if !replace && cx.keys.exists(db, to) => false,
        Some(slot) => {
            let expire_ms = slot.head().expire_ms;
            let copy = slot.clone().renamed(to, expire_ms);
            cx.keys.put(db, copy);
            true
        }
        None => false,
    };
    cx.out.yes(copied);
    Ok(())
}

fn move_key(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    let db = db_of(cx, at(args, 2))?;
    if db == cx.db {
        return Err(SAME);
    }
    let mut moved = false;
    if cx.keys.exists(cx.db, name)
        && !cx.keys.exists(db, name)
        && let Some(slot) = cx.keys.remove(cx.db, name)
    {
        cx.keys.put(db, slot);
        moved = true;
    }
    cx.out.yes(moved);
    Ok(())
}

fn keys(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let glob = Glob::new(at(args, 1));
    let deferred = cx.out.defer();
    let mut n = 0;
    if let Some(db) = cx.keys.db(cx.db) {
        for slot in db.iter() {
            let head = slot.head();
            if !cx.keys.is_past(&head) && glob.matches(head.name) {
                cx.out.bulk(head.name);
                n += 1;
            }
        }
    }
    cx.out.close(deferred, n);
    Ok(())
}

fn scan(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let cursor = Scan::cursor(cx, at(args, 1))?;
    let scan = Scan::read(cx, cursor, args.iter().skip(2), true)?;
    if let Some(kind) = &scan.kind
        && cx.is_valkey()
        && cx.dialect.version >= (9, 0)
        && !Kind::ALL.iter().any(|k| k.name().as_bytes() == kind)
    {
        return Err(Refusal::of(format!(
            "ERR unknown type name '{}'",
            String::from_utf8_lossy(kind)
        )));
    }
    let Some(db) = cx.keys.db(cx.db) else {
        Scan::nothing(cx.out);
        return Ok(());
    };
    let of_kind = |slot: &Slot| match &scan.kind {
        Some(kind) => type_name(&slot.value()).as_bytes() == kind,
        None => true,
    };
    let keys = &*cx.keys;
    scan.answer(
        cx.out,
        db.len(),
        true,
        1,
        |place| db.at(place),
        |out, slot| {
            let head = slot.head();
            let wanted = scan.wants(head.name) && !keys.is_past(&head) && of_kind(slot);
            if wanted {
                out.bulk(head.name);
            }
            wanted
        },
    );
    Ok(())
}

fn randomkey(cx: &mut Cx<'_>, _args: &Args<'_>) -> Done {
    let len = cx.keys.db(cx.db).map_or(0, |db| db.len());
    for _ in 0..100.min(len) {
        let place = cx.keys.random.below(len);
        if let Some(slot) = cx.keys.db(cx.db).and_then(|db| db.at(place))
            && !cx.keys.is_past(&slot.head())
        {
            cx.out.bulk(slot.head().name);
            return Ok(());
        }
    }
    cx.out.nil();
    Ok(())
}

/// What `OBJECT ENCODING` answers.
fn encoding_name(cx: &Cx<'_>, slot: &Slot) -> &'static str {
    let listpacks = cx.is_valkey() || cx.is_redis((7, 2));
    match slot.value() {
        ValueRef::Str(Str::Int(_)) => "int",
        ValueRef::Str(s) if s.len() <= 44 && !slot.head().is_edited() => "embstr",
        ValueRef::Str(_) => "raw",
        ValueRef::List(ListRef::Packed(_)) if listpacks => "listpack",
        ValueRef::List(_) => "quicklist",
        ValueRef::Set(SetRef::Ints(_)) => "intset",
        ValueRef::Set(SetRef::Packed(_)) if listpacks => "listpack",
        ValueRef::Set(_) | ValueRef::Array(_) | ValueRef::Opaque(_) => "hashtable",
        ValueRef::Zset(ZsetRef::Packed(_)) => "listpack",
        ValueRef::Zset(ZsetRef::Big(_)) => "skiplist",
        ValueRef::Hash(HashRef::Packed(_)) => "listpack",
        ValueRef::Hash(HashRef::Big(hash)) if !hash.spread && !cx.is_valkey() => "listpackex",
        ValueRef::Hash(HashRef::Big(_)) => "hashtable",
        ValueRef::Stream(_) => "stream",
    }
}

fn encoding(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    match cx.keys.slot(cx.db, at(args, 2)) {
        None => cx.out.nil(),
        Some(slot) => {
            let name = encoding_name(cx, slot);
            cx.out.bulk(name.as_bytes());
        }
    }
    Ok(())
}

fn freq(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    match cx.keys.slot(cx.db, at(args, 2)) {
        None => cx.out.nil(),
        Some(slot) => match slot.head().attributes {
            [opcode::FREQ, freq, ..] => cx.out.int(i64::from(*freq)),
            _ => {
                return Err(Refusal::new(
                    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
                ));
            }
        },
    }
    Ok(())
}

fn idletime(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    match cx.keys.slot(cx.db, at(args, 2)) {
        None => cx.out.nil(),
        Some(slot) => match slot.head().attributes {
            [opcode::IDLE, idle @ 0..=0x3f, ..] => cx.out.int(i64::from(*idle)),
            _ => cx.out.int(0),
        },
    }
    Ok(())
}

fn refcount(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    match cx.keys.exists(cx.db, at(args, 2)) {
        true => cx.out.int(1),
        false => cx.out.nil(),
    }
    Ok(())
}
