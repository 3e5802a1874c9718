//! Sets.

use super::Family;
use super::scan::Scan;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, bytes_from, clamped, count, int_in, is, symmetric};
use crate::engine::entry::{Entry, ValueRef};
use crate::engine::keys::Keys;
use crate::engine::reply::{Done, Refusal, texts};
use crate::engine::value::Limits;
use crate::engine::value::set::SetRef;
use crate::model::kind::Kind;
use crate::packed::string::Str;

pub(super) const COMMANDS: Family = &[
    ("sadd", sadd),
    ("scard", scard),
    ("sdiff", sdiff),
    ("sdiffstore", sdiffstore),
    ("sinter", sinter),
    ("sintercard", sintercard),
    ("sinterstore", sinterstore),
    ("sismember", sismember),
    ("smembers", smembers),
    ("smismember", smismember),
    ("smove", smove),
    ("spop", spop),
    ("srandmember", srandmember),
    ("srem", srem),
    ("sscan", sscan),
    ("sunion", sunion),
    ("sunionstore", sunionstore),
];

/// The set under that name, to be read.
fn set<'k>(keys: &'k Keys, db: u32, name: &[u8]) -> Result<Option<SetRef<'k>>, Refusal> {
    match keys.find(db, name) {
        None => Ok(None),
        Some(ValueRef::Set(set)) => Ok(Some(set)),
        Some(_) => Err(texts::WRONGTYPE),
    }
}

fn sadd(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let foresees = !cx.is_redis_before((7, 2));
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::Set);
    let mut set = edit.entry.set(edit.limits)?;
    if foresees {
        set.foresee(args.len() - 2);
    }
    set.expect(args.len() - 2, bytes_from(args, 2));
    let mut added = 0;
    for member in args.iter().skip(2) {
        added += usize::from(set.add(member));
    }
    edit.changed(added);
    cx.out.count(added);
    Ok(())
}

fn srem(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let mut gone = 0;
    if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) {
        let mut set = edit.entry.set(edit.limits)?;
        for member in args.iter().skip(2) {
            gone += usize::from(set.remove(member));
        }
        edit.changed(gone);
    }
    cx.out.count(gone);
    Ok(())
}

fn smembers(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    match set(cx.keys, cx.db, at(args, 1))? {
        Some(set) => {
            cx.out.set(set.len());
            if cx.out.listens() {
                set.iter().for_each(|m| cx.out.str(&m));
            }
        }
        None => cx.out.set(0),
    }
    Ok(())
}

fn sismember(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let set = set(cx.keys, cx.db, at(args, 1))?;
    cx.out.yes(set.is_some_and(|s| s.contains(at(args, 2))));
    Ok(())
}

fn smismember(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let set = set(cx.keys, cx.db, at(args, 1))?;
    cx.out.array(args.len() - 2);
    for member in args.iter().skip(2) {
        cx.out.yes(set.is_some_and(|s| s.contains(member)));
    }
    Ok(())
}

fn scard(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let len = set(cx.keys, cx.db, at(args, 1))?.map_or(0, SetRef::len);
    cx.out.count(len);
    Ok(())
}

fn smove(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (source, target, member) = (at(args, 1), at(args, 2), at(args, 3));
    if !cx.keys.exists(cx.db, source) {
        cx.out.int(0);
        return Ok(());
    }
    let is_there = set(cx.keys, cx.db, source)?.is_some_and(|s| s.contains(member));
    set(cx.keys, cx.db, target)?;
    if is_there && source != target {
        if let Some(mut edit) = cx.keys.edit(cx.db, source) {
            edit.entry.set(edit.limits)?.remove(member);
            edit.changed(1);
        }
        let mut edit = cx.keys.edit_or_new(cx.db, target, Kind::Set);
        let added = edit.entry.set(edit.limits)?.add(member);
        edit.changed(usize::from(added));
    }
    cx.out.yes(is_there);
    Ok(())
}

fn spop(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    if args.len() > 3 {
        return Err(texts::SYNTAX);
    }
    let n = args.get(2).map(count).transpose()?;
    let Some(len) = set(cx.keys, cx.db, at(args, 1))?.map(SetRef::len) else {
        match n {
            Some(_) => cx.out.set(0),
            None => cx.out.nil(),
        }
        return Ok(());
    };
    if let Some(n) = n {
        cx.out.set(n.min(len));
    }
    let counted = n.is_some();
    let n = n.unwrap_or(1).min(len);
    let mut popped = Vec::new();
    let mut random = cx.keys.random.clone();
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::Set);
    let mut set = edit.entry.set(edit.limits)?;
    for left in (len - n + 1..=len).rev() {
        let place = if n == len {
            left - 1
        } else {
            random.below(left)
        };
        let Some(member) = set.view().nth(place) else {
            break;
        };
        cx.out.str(&member);
        let member = member.with(|m| m.unwrap_or_default().to_vec());
        set.remove(&member);
        if cx.log.is_kept() {
            popped.push(member);
        }
    }
    edit.changed(n);
    drop(edit);
    cx.keys.random = random;
    log_pops(cx, at(args, 1), &popped, counted && n == len);
    Ok(())
}

/// Members that SPOP took, as an SREM of each (up to 1024 in one of them since Redis 7.2), or the whole key, where a count
/// has taken all.
fn log_pops(cx: &mut Cx<'_>, name: &[u8], popped: &[Vec<u8>], all: bool) {
    if popped.is_empty() {
        return;
    }
    if all {
        // By `lazyfree-lazy-server-del`, which goes with the other one.
        let word = cx.expiry_word();
        cx.log.put(cx.db, [word, name]);
        return;
    }
    let batch = if cx.is_redis_before((7, 2)) { 1 } else { 1024 };
    for members in popped.chunks(batch) {
        let members = members.iter().map(Vec::as_slice);
        cx.log
            .put(cx.db, [&b"SREM"[..], name].into_iter().chain(members));
    }
}

fn srandmember(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    if args.len() > 3 {
        return Err(texts::SYNTAX);
    }
    let n = args.get(2).map(symmetric).transpose()?;
    let mut random = cx.keys.random.clone();
    let Some(set) = set(cx.keys, cx.db, at(args, 1))? else {
        match n {
            Some(_) => cx.out.array(0),
            None => cx.out.nil(),
        }
        return Ok(());
    };
    let len = set.len();
    match n {
        None => cx.out.str_or_nil(set.nth(random.below(len)).as_ref()),
        Some(n) if n < 0 => {
            let n = clamped(n.saturating_abs());
            cx.out.array(n);
            if cx.out.listens() {
                for _ in 0..n {
                    cx.out.str_or_nil(set.nth(random.below(len)).as_ref());
                }
            }
        }
        Some(n) => {
            let n = clamped(n).min(len);
            cx.out.array(n);
            sample(&mut random, set.iter(), len, n, |m| cx.out.str(&m));
        }
    }
    cx.keys.random = random;
    Ok(())
}

/// Gives `n` of `len` things to `take`, each as likely as any other, in their order.
pub(super) fn sample<T>(
    random: &mut crate::engine::random::Random,
    all: impl Iterator<Item = T>,
    len: usize,
    n: usize,
    mut take: impl FnMut(T),
) {
    let mut wanted = n;
    for (i, thing) in all.enumerate() {
        if wanted == 0 {
            return;
        }
        if random.below(len - i) < wanted {
            wanted -= 1;
            take(thing);
        }
    }
}

/// How sets are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

/// The sets under those names; an inner `None` where there is no such key.
fn sources<'k>(
    cx: &'k Cx<'_>,
    names: impl Iterator<Item = &'k [u8]>,
    operation: Operation,
) -> Result<Vec<Option<SetRef<'k>>>, Refusal> {
    let mut sets = Vec::new();
    for name in names {
        let set = set(cx.keys, cx.db, name)?;
        sets.push(set);
        // What comes behind a set that is not there was not looked at before 7.0.
        if set.is_none() && operation == Operation::Inter && cx.is_redis_before((7, 0)) {
            break;
        }
    }
    Ok(sets)
}

/// Gives the members of an intersection to `take`, until it has enough.
fn intersect<'k>(sets: &[Option<SetRef<'k>>], mut take: impl FnMut(Str<'k>) -> bool) {
    let Some(mut sets) = sets.iter().copied().collect::<Option<Vec<SetRef<'k>>>>() else {
        return;
    };
    sets.sort_by_key(|set| set.len());
    let Some((first, others)) = sets.split_first() else {
        return;
    };
    for member in first.iter() {
        let in_all = member.with(|m| {
            let m = m.unwrap_or_default();
            others.iter().all(|set| set.contains(m))
        });
        if in_all && !take(member) {
            return;
        }
    }
}

/// A new set under that name, out of others.
fn combine(
    sets: &[Option<SetRef<'_>>],
    operation: Operation,
    name: &[u8],
    limits: &Limits,
) -> Result<Entry, Refusal> {
    let mut entry = Entry::empty(name, Kind::Set);
    let mut result = entry.set(limits)?;
    let mut add = |member: Str<'_>| {
        member.with(|m| result.add(m.unwrap_or_default()));
        true
    };
    match operation {
        Operation::Union => sets.iter().flatten().flat_map(|s| s.iter()).for_each(|m| {
            add(m);
        }),
        Operation::Inter => intersect(sets, add),
        Operation::Diff => {
            let mut sets = sets.iter();
            let Some(Some(first)) = sets.next() else {
                return Ok(entry);
            };
            let others: Vec<&SetRef<'_>> = sets.flatten().collect();
            for member in first.iter() {
                let in_another = member.with(|m| {
                    let m = m.unwrap_or_default();
                    others.iter().any(|set| set.contains(m))
                });
                if !in_another {
                    add(member);
                }
            }
        }
    }
    Ok(entry)
}

fn show(cx: &mut Cx<'_>, args: &Args<'_>, operation: Operation) -> Done {
    let sets = sources(cx, args.iter().skip(1), operation)?;
    if !cx.out.listens() {
        return Ok(());
    }
    let entry = combine(&sets, operation, b"", &cx.keys.limits)?;
    if let ValueRef::Set(set) = entry.value() {
        cx.out.set(set.len());
        set.iter().for_each(|m| cx.out.str(&m));
    }
    Ok(())
}

fn store(cx: &mut Cx<'_>, args: &Args<'_>, operation: Operation) -> Done {
    let target = at(args, 1);
    let sets = sources(cx, args.iter().skip(2), operation)?;
    let entry = combine(&sets, operation, target, &cx.keys.limits)?;
    let len = match entry.value() {
        ValueRef::Set(set) => set.len(),
        _ => 0,
    };
    if len > 0 {
        cx.keys.put(cx.db, entry.into_slot());
    } else {
        cx.keys.remove(cx.db, target);
    }
    cx.out.count(len);
    Ok(())
}

fn sunion(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    show(cx, args, Operation::Union)
}

fn sinter(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    show(cx, args, Operation::Inter)
}

fn sdiff(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    show(cx, args, Operation::Diff)
}

fn sunionstore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    store(cx, args, Operation::Union)
}

fn sinterstore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    store(cx, args, Operation::Inter)
}

fn sdiffstore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    store(cx, args, Operation::Diff)
}

fn sintercard(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let keys = int_in(
        at(args, 1),
        1,
        i64::MAX,
        "ERR numkeys should be greater than 0",
    )
    .map(clamped)?;
    if keys > args.len() - 2 {
        return Err(Refusal::new(
            "ERR Number of keys can't be greater than number of args",
        ));
    }
    let mut limit = 0;
    let mut rest = args.iter().skip(2 + keys);
    while let Some(option) = rest.next() {
        match rest.next() {
            Some(arg) if is(option, "LIMIT") => {
                limit = int_in(arg, 0, i64::MAX, "ERR LIMIT can't be negative").map(clamped)?;
            }
            _ => return Err(texts::SYNTAX),
        }
    }
    let sets = sources(cx, args.iter().skip(2).take(keys), Operation::Inter)?;
    let mut n = 0;
    intersect(&sets, |_| {
        n += 1;
        n != limit
    });
    cx.out.count(n);
    Ok(())
}

fn sscan(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let cursor = Scan::cursor(cx, at(args, 2))?;
    let Some(set) = set(cx.keys, cx.db, at(args, 1))? else {
        Scan::nothing(cx.out);
        return Ok(());
    };
    let scan = Scan::read(cx, cursor, args.iter().skip(3), false)?;
    let is_table = matches!(set, SetRef::Big(_));
    scan.answer(
        cx.out,
        set.len(),
        is_table,
        1,
        |n| set.nth(n),
        |out, m| {
            m.with(|m| scan.wants(m.unwrap_or_default())) && {
                out.str(m);
                true
            }
        },
    );
    Ok(())
}
