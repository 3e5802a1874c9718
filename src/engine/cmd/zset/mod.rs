//! Sorted sets. What waits in a server answers at once here, as inside `MULTI`.

mod pop;
mod range;
mod several;

use super::Family;
use super::scan::Scan;
use super::set::sample;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, clamped, double, is, symmetric};
use crate::engine::entry::ValueRef;
use crate::engine::keys::Keys;
use crate::engine::reply::{Done, Out, Refusal, texts};
use crate::engine::value::zset::{Zset, ZsetRef};
use crate::model::kind::Kind;
use crate::model::number::{self, DoubleText};
use crate::packed::string::Str;
use range::By;
use several::Operation::{Diff, Inter, Union};

pub(super) const COMMANDS: Family = &[
    ("bzmpop", |cx, args| pop::of_many(cx, args, 2)),
    ("bzpopmax", |cx, args| pop::first(cx, args, true)),
    ("bzpopmin", |cx, args| pop::first(cx, args, false)),
    ("zadd", zadd),
    ("zcard", zcard),
    ("zcount", |cx, args| range::count(cx, args, By::Score)),
    ("zdiff", |cx, args| several::answer(cx, args, "zdiff", Diff)),
    ("zdiffstore", |cx, args| {
        several::store(cx, args, "zdiffstore", Diff)
    }),
    ("zincrby", zincrby),
    ("zinter", |cx, args| {
        several::answer(cx, args, "zinter", Inter)
    }),
    ("zintercard", several::zintercard),
    ("zinterstore", |cx, args| {
        several::store(cx, args, "zinterstore", Inter)
    }),
    ("zlexcount", |cx, args| range::count(cx, args, By::Lex)),
    ("zmpop", |cx, args| pop::of_many(cx, args, 1)),
    ("zmscore", zmscore),
    ("zpopmax", |cx, args| pop::pop(cx, args, true)),
    ("zpopmin", |cx, args| pop::pop(cx, args, false)),
    ("zrandmember", zrandmember),
    ("zrange", |cx, args| range::answer(cx, args, None, None)),
    ("zrangebylex", |cx, args| {
        range::answer(cx, args, Some(By::Lex), Some(false))
    }),
    ("zrangebyscore", |cx, args| {
        range::answer(cx, args, Some(By::Score), Some(false))
    }),
    ("zrangestore", range::zrangestore),
    ("zrank", |cx, args| rank(cx, args, "zrank", false)),
    ("zrem", zrem),
    ("zremrangebylex", |cx, args| {
        range::remove(cx, args, By::Lex)
    }),
    ("zremrangebyrank", |cx, args| {
        range::remove(cx, args, By::Rank)
    }),
    ("zremrangebyscore", |cx, args| {
        range::remove(cx, args, By::Score)
    }),
    ("zrevrange", |cx, args| {
        range::answer(cx, args, Some(By::Rank), Some(true))
    }),
    ("zrevrangebylex", |cx, args| {
        range::answer(cx, args, Some(By::Lex), Some(true))
    }),
    ("zrevrangebyscore", |cx, args| {
        range::answer(cx, args, Some(By::Score), Some(true))
    }),
    ("zrevrank", |cx, args| rank(cx, args, "zrevrank", true)),
    ("zscan", zscan),
    ("zscore", zscore),
    ("zunion", |cx, args| {
        several::answer(cx, args, "zunion", Union)
    }),
    ("zunionstore", |cx, args| {
        several::store(cx, args, "zunionstore", Union)
    }),
];

/// The sorted set under that name, to be read.
pub(super) fn zset<'k>(
    keys: &'k Keys,
    db: u32,
    name: &[u8],
) -> Result<Option<ZsetRef<'k>>, Refusal> {
    match keys.find(db, name) {
        None => Ok(None),
        Some(ValueRef::Zset(zset)) => Ok(Some(zset)),
        Some(_) => Err(texts::WRONGTYPE),
    }
}

/// A score or a coordinate. Valkey reads no hexadecimal ones since 9.0.
#[inline]
pub(super) fn score_of(cx: &Cx<'_>, arg: &[u8]) -> Result<f64, Refusal> {
    real(cx, arg).ok_or(texts::NOT_FLOAT)
}

/// The same, without a word where it is none.
#[inline]
pub(super) fn real(cx: &Cx<'_>, arg: &[u8]) -> Option<f64> {
    double(arg).filter(|_| !(is_hexadecimal(arg) && cx.is_valkey() && cx.dialect.version >= (9, 0)))
}

fn is_hexadecimal(arg: &[u8]) -> bool {
    arg.iter().take(3).any(|b| matches!(b, b'x' | b'X'))
}

/// Puts a sorted set in the place of whatever stands under that name, or nothing if it is empty. How many members.
pub(super) fn put(cx: &mut Cx<'_>, name: &[u8], zset: Zset) -> usize {
    let len = ZsetRef::Big(&zset).len();
    if len > 0 {
        let entry = zset.into_entry(name, &cx.keys.limits);
        cx.keys.put(cx.db, entry.into_slot());
    } else {
        cx.keys.remove(cx.db, name);
    }
    len
}

// ---- ZADD

/// What stands in front of the scores.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
    ch: bool,
    incr: bool,
}

fn zadd(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    add(cx, args, Flags::default())
}

fn zincrby(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let flags = Flags {
        incr: true,
        ..Flags::default()
    };
    add(cx, args, flags)
}

fn add(cx: &mut Cx<'_>, args: &Args<'_>, mut flags: Flags) -> Done {
    let mut first = 2;
    while let Some(option) = args.get(first) {
        // No option looks like a number.
        match option.first() {
            Some(b'n' | b'N') if is(option, "NX") => flags.nx = true,
            Some(b'x' | b'X') if is(option, "XX") => flags.xx = true,
            Some(b'c' | b'C') if is(option, "CH") => flags.ch = true,
            Some(b'i' | b'I') if is(option, "INCR") => flags.incr = true,
            Some(b'g' | b'G') if is(option, "GT") => flags.gt = true,
            Some(b'l' | b'L') if is(option, "LT") => flags.lt = true,
            _ => break,
        }
        first += 1;
    }
    let rest = args.len() - first;
    if rest == 0 || !rest.is_multiple_of(2) {
        return Err(texts::SYNTAX);
    }
    if flags.nx && flags.xx {
        return Err(Refusal::new(
            "ERR XX and NX options at the same time are not compatible",
        ));
    }
    if [flags.nx, flags.gt, flags.lt]
        .iter()
        .filter(|f| **f)
        .count()
        > 1
    {
        return Err(Refusal::new(
            "ERR GT, LT, and/or NX options at the same time are not compatible",
        ));
    }
    if flags.incr && rest > 2 {
        return Err(Refusal::new(
            "ERR INCR option supports a single increment-element pair",
        ));
    }
    let mut pairs = Vec::with_capacity(rest / 2);
    let mut all = args.iter().skip(first);
    while let (Some(score), Some(member)) = (all.next(), all.next()) {
        pairs.push((member, score_of(cx, score)?));
    }
    add_pairs(cx, at(args, 1), &pairs, flags)
}

/// As `ZADD` with `NX`, `XX` and `CH`, for scores that are no text.
pub(super) fn add_scores(
    cx: &mut Cx<'_>,
    name: &[u8],
    pairs: &[(&[u8], f64)],
    nx: bool,
    xx: bool,
    ch: bool,
) -> Done {
    let flags = Flags {
        nx,
        xx,
        ch,
        ..Flags::default()
    };
    add_pairs(cx, name, pairs, flags)
}

fn add_pairs(cx: &mut Cx<'_>, name: &[u8], pairs: &[(&[u8], f64)], flags: Flags) -> Done {
    let foresees = !cx.is_redis_before((7, 2));
    let looks_at_all = cx.is_valkey() && cx.dialect.version >= (8, 1);
    if flags.xx && zset(cx.keys, cx.db, name)?.is_none() {
        if flags.incr {
            cx.out.nil();
        } else {
            cx.out.int(0);
        }
        return Ok(());
    }
    let mut edit = cx.keys.edit_or_new(cx.db, name, Kind::Zset);
    let mut zset = edit.entry.zset(edit.limits)?;
    if foresees {
        // Valkey looks at the members' lengths for a set that is there, too.
        let is_looked_at = looks_at_all || zset.view().is_empty();
        let longest = pairs.iter().map(|(m, _)| m.len()).filter(|_| is_looked_at);
        zset.foresee(pairs.len(), longest.max().unwrap_or(0));
    }
    let is_plain = !(flags.nx || flags.xx || flags.gt || flags.lt || flags.ch || flags.incr);
    // Whether it changes anything at all is known there, and one asks who writes a log.
    if is_plain && !cx.log.is_kept() {
        let added = zset.set_all(pairs);
        edit.changed(pairs.len());
        cx.out.count(added);
        return Ok(());
    }
    let (mut added, mut updated, mut last) = (0, 0, None);
    for (member, score) in pairs {
        let old = zset.view().score(member);
        let mut score = *score;
        if let Some(old) = old {
            if flags.nx {
                continue;
            }
            if flags.incr {
                score += old;
                if score.is_nan() {
                    return Err(Refusal::new("ERR resulting score is not a number (NaN)"));
                }
            }
            if flags.lt && score >= old || flags.gt && score <= old {
                continue;
            }
        } else if flags.xx {
            continue;
        }
        last = Some(score);
        #[allow(clippy::float_cmp, reason = "as servers compare")]
        match old {
            None => added += 1,
            Some(old) if old != score => updated += 1,
            Some(_) => continue,
        }
        zset.set(member, score);
    }
    edit.changed(added + updated);
    if flags.incr {
        match last {
            Some(score) => cx.out.double(score),
            None => cx.out.nil(),
        }
    } else {
        cx.out.count(if flags.ch { added + updated } else { added });
    }
    Ok(())
}

// ---- one member, or all of them

fn zrem(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let mut gone = 0;
    if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) {
        let mut zset = edit.entry.zset(edit.limits)?;
        for member in args.iter().skip(2) {
            gone += usize::from(zset.remove(member).is_some());
        }
        edit.changed(gone);
    }
    cx.out.count(gone);
    Ok(())
}

fn zscore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let zset = zset(cx.keys, cx.db, at(args, 1))?;
    double_or_nil(cx.out, zset.and_then(|z| z.score(at(args, 2))));
    Ok(())
}

fn zmscore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let zset = zset(cx.keys, cx.db, at(args, 1))?;
    cx.out.array(args.len() - 2);
    for member in args.iter().skip(2) {
        double_or_nil(cx.out, zset.and_then(|z| z.score(member)));
    }
    Ok(())
}

fn double_or_nil(out: &mut Out, score: Option<f64>) {
    match score {
        Some(score) => out.double(score),
        None => out.nil(),
    }
}

fn zcard(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let len = zset(cx.keys, cx.db, at(args, 1))?.map_or(0, ZsetRef::len);
    cx.out.count(len);
    Ok(())
}

fn rank(cx: &mut Cx<'_>, args: &Args<'_>, name: &str, reverse: bool) -> Done {
    let most = if cx.is_redis_before((7, 2)) { 3 } else { 4 };
    if args.len() > most {
        return Err(Refusal::of(format!(
            "ERR wrong number of arguments for '{name}' command"
        )));
    }
    let with_score = match args.get(3) {
        Some(word) if is(word, "WITHSCORE") => true,
        Some(_) => return Err(texts::SYNTAX),
        None => false,
    };
    let found = zset(cx.keys, cx.db, at(args, 1))?.and_then(|zset| {
        let rank = zset.rank(at(args, 2))?;
        let rank = if reverse { zset.len() - 1 - rank } else { rank };
        Some((rank, zset.score(at(args, 2)).filter(|_| with_score)))
    });
    match found {
        Some((rank, Some(score))) => {
            cx.out.array(2);
            cx.out.count(rank);
            cx.out.double(score);
        }
        Some((rank, None)) => cx.out.count(rank),
        None if with_score => cx.out.nil_array(),
        None => cx.out.nil(),
    }
    Ok(())
}

/// Answers with members, and their scores if asked for: pairs in RESP3, one flat array before it.
fn show<'k>(
    out: &mut Out,
    members: impl Iterator<Item = (Str<'k>, f64)>,
    n: usize,
    with_scores: bool,
) {
    let nested = with_scores && out.resp3();
    out.array(if with_scores && !nested { n * 2 } else { n });
    for (member, score) in members {
        if nested {
            out.array(2);
        }
        out.str(&member);
        if with_scores {
            out.double(score);
        }
    }
}

// ---- chance, and walks

fn zrandmember(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let n = args.get(2).map(symmetric).transpose()?;
    let with_scores = args.len() == 4 && is(at(args, 3), "WITHSCORES");
    if args.len() > 4 || args.len() == 4 && !with_scores {
        return Err(texts::SYNTAX);
    }
    if with_scores && n.is_some_and(|n| n.unsigned_abs() > i64::MAX as u64 / 2) {
        return Err(Refusal::new("ERR value is out of range"));
    }
    let mut random = cx.keys.random.clone();
    let Some(zset) = zset(cx.keys, cx.db, at(args, 1))? else {
        match n {
            Some(_) => cx.out.array(0),
            None => cx.out.nil(),
        }
        return Ok(());
    };
    let len = zset.len();
    match n {
        None => {
            let member = zset.nth(random.below(len)).map(|(m, _)| m);
            cx.out.str_or_nil(member.as_ref());
        }
        Some(n) if n < 0 => {
            let n = clamped(n.saturating_abs());
            if cx.out.listens() {
                let members = (0..n).filter_map(|_| zset.nth(random.below(len)));
                show(cx.out, members, n, with_scores);
            }
        }
        Some(n) => {
            let n = clamped(n).min(len);
            let mut chosen = Vec::with_capacity(n);
            sample(&mut random, zset.iter(), len, n, |m| chosen.push(m));
            show(cx.out, chosen.into_iter(), n, with_scores);
        }
    }
    cx.keys.random = random;
    Ok(())
}

fn zscan(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let cursor = Scan::cursor(cx, at(args, 2))?;
    let Some(zset) = zset(cx.keys, cx.db, at(args, 1))? else {
        Scan::nothing(cx.out);
        return Ok(());
    };
    let scan = Scan::read(cx, cursor, args.iter().skip(3), false)?;
    let is_table = matches!(zset, ZsetRef::Big(_));
    let mut text = Vec::new();
    let get = |n: usize| zset.nth(n);
    scan.answer(
        cx.out,
        zset.len(),
        is_table,
        2,
        get,
        |out, (member, score)| {
            if !member.with(|m| scan.wants(m.unwrap_or_default())) {
                return false;
            }
            out.str(member);
            text.clear();
            if is_table {
                number::format_double(*score, DoubleText::G17, &mut text);
            } else {
                number::format_score(*score, out.score_text(), &mut text);
            }
            out.bulk(&text);
            true
        },
    );
    Ok(())
}
