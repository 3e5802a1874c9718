//! Sorted sets. What waits in a server answers at once here, as inside `MULTI`.

use super::Family;
use super::list::{MultiPop, span};
use super::scan::Scan;
use super::set::sample;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{
    at, clamped, count, double, int, int_in, is, is_blank, symmetric, timeout,
};
use crate::engine::entry::ValueRef;
use crate::engine::keys::Keys;
use crate::engine::reply::{Done, Out, Refusal, texts};
use crate::engine::value::set::SetRef;
use crate::engine::value::zset::{Zset, ZsetRef};
use crate::model::kind::Kind;
use crate::model::number::{self, DoubleText, strtod};
use crate::packed::string::Str;

pub(super) const COMMANDS: Family = &[
    ("bzmpop", bzmpop),
    ("bzpopmax", bzpopmax),
    ("bzpopmin", bzpopmin),
    ("zadd", zadd),
    ("zcard", zcard),
    ("zcount", zcount),
    ("zdiff", zdiff),
    ("zdiffstore", zdiffstore),
    ("zincrby", zincrby),
    ("zinter", zinter),
    ("zintercard", zintercard),
    ("zinterstore", zinterstore),
    ("zlexcount", zlexcount),
    ("zmpop", zmpop),
    ("zmscore", zmscore),
    ("zpopmax", zpopmax),
    ("zpopmin", zpopmin),
    ("zrandmember", zrandmember),
    ("zrange", zrange),
    ("zrangebylex", zrangebylex),
    ("zrangebyscore", zrangebyscore),
    ("zrangestore", zrangestore),
    ("zrank", zrank),
    ("zrem", zrem),
    ("zremrangebylex", zremrangebylex),
    ("zremrangebyrank", zremrangebyrank),
    ("zremrangebyscore", zremrangebyscore),
    ("zrevrange", zrevrange),
    ("zrevrangebylex", zrevrangebylex),
    ("zrevrangebyscore", zrevrangebyscore),
    ("zrevrank", zrevrank),
    ("zscan", zscan),
    ("zscore", zscore),
    ("zunion", zunion),
    ("zunionstore", zunionstore),
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
    if is_plain {
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

fn zrank(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    rank(cx, args, "zrank", false)
}

fn zrevrank(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    rank(cx, args, "zrevrank", true)
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

// ---- ranges

/// An end of a range of scores.
#[derive(Debug, Clone, Copy)]
struct Bound {
    score: f64,
    excluded: bool,
}

impl Bound {
    /// `1.5`, `(1.5`, `-inf`: as C's `strtod` reads it, whatever that makes of it. Redis since 8.0 and Valkey since 9.0
    /// read it without C, so without blanks and hexadecimal digits.
    fn read(cx: &Cx<'_>, arg: &[u8]) -> Option<Bound> {
        let excluded = arg.first() == Some(&b'(');
        let text = if excluded { arg.get(1..)? } else { arg };
        // For C a text ends with its first NUL.
        let text = text.split(|b| *b == 0).next().unwrap_or_default();
        let is_odd = text.first().is_some_and(|b| is_blank(*b)) || is_hexadecimal(text);
        if is_odd && (cx.is_redis((8, 0)) || cx.is_valkey() && cx.dialect.version >= (9, 0)) {
            return None;
        }
        let number = strtod(text);
        (number.read == text.len() && !number.value.is_nan()).then_some(Bound {
            score: number.value,
            excluded,
        })
    }
}

/// An end of a range of members with the same score.
#[derive(Debug, Clone, Copy)]
enum Lex<'a> {
    Lowest,
    Highest,
    At(&'a [u8], bool),
}

impl<'a> Lex<'a> {
    fn read(arg: &'a [u8]) -> Option<Lex<'a>> {
        match arg {
            [b'-'] | [b'-', 0, ..] => Some(Lex::Lowest),
            [b'+'] | [b'+', 0, ..] => Some(Lex::Highest),
            [b'(', rest @ ..] => Some(Lex::At(rest, true)),
            [b'[', rest @ ..] => Some(Lex::At(rest, false)),
            _ => None,
        }
    }

    /// Whether a member stands behind this lower end.
    fn lets_in(&self, member: &[u8]) -> bool {
        match self {
            Lex::Lowest => true,
            Lex::Highest => false,
            Lex::At(bound, true) => member > *bound,
            Lex::At(bound, false) => member >= *bound,
        }
    }

    /// Whether a member stands before this upper end.
    fn lets_out(&self, member: &[u8]) -> bool {
        match self {
            Lex::Lowest => false,
            Lex::Highest => true,
            Lex::At(bound, true) => member < *bound,
            Lex::At(bound, false) => member <= *bound,
        }
    }

    /// Whether a range can hold anything at all.
    fn is_range(min: &Lex<'_>, max: &Lex<'_>) -> bool {
        match (min, max) {
            (Lex::Highest, Lex::Highest) | (Lex::Lowest, Lex::Lowest) => true,
            (Lex::Highest, _) | (_, Lex::Lowest) => false,
            (Lex::At(a, ax), Lex::At(b, bx)) => a < b || a == b && !ax && !bx,
            _ => true,
        }
    }
}

/// Part of a sorted set.
#[derive(Debug, Clone, Copy)]
enum Range<'a> {
    Rank(i64, i64),
    Score(Bound, Bound),
    Lex(Lex<'a>, Lex<'a>),
}

/// What a range is given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

impl<'a> Range<'a> {
    fn read(cx: &Cx<'_>, by: By, min: &'a [u8], max: &'a [u8]) -> Result<Range<'a>, Refusal> {
        match by {
            By::Rank => Ok(Range::Rank(int(min)?, int(max)?)),
            By::Score => Bound::read(cx, min)
                .zip(Bound::read(cx, max))
                .map(|(min, max)| Range::Score(min, max))
                .ok_or(Refusal::new("ERR min or max is not a float")),
            By::Lex => Lex::read(min)
                .zip(Lex::read(max))
                .map(|(min, max)| Range::Lex(min, max))
                .ok_or(Refusal::new("ERR min or max not valid string range item")),
        }
    }

    /// The ranks `from..to` that it covers. Ranks count from the end where it is reversed.
    fn ranks(&self, zset: ZsetRef<'_>, reverse: bool) -> (usize, usize) {
        let len = zset.len();
        match self {
            Range::Rank(start, end) => {
                let (from, n) = span(*start, *end, len);
                if reverse && n > 0 {
                    (len - from - n, len - from)
                } else {
                    (from, from + n)
                }
            }
            Range::Score(min, max) => {
                let from =
                    zset.count_before(|_, s| s < min.score || min.excluded && s <= min.score);
                let to = zset.count_before(|_, s| s < max.score || !max.excluded && s <= max.score);
                (from, to.max(from))
            }
            Range::Lex(min, max) => {
                if !Lex::is_range(min, max) {
                    return (0, 0);
                }
                let lets_in = |m: Str<'_>| m.with(|m| min.lets_in(m.unwrap_or_default()));
                let lets_out = |m: Str<'_>| m.with(|m| max.lets_out(m.unwrap_or_default()));
                let ZsetRef::Packed(_) = zset else {
                    let from = zset.count_before(|m, _| !lets_in(m));
                    let to = zset.count_before(|m, _| lets_out(m));
                    return (from, to.max(from));
                };
                // Where scores differ this means nothing, but servers walk, and come to this.
                let first = zset.iter().next().is_some_and(|(m, _)| lets_out(m));
                let last = zset
                    .iter_back_from(0)
                    .next()
                    .is_some_and(|(m, _)| lets_in(m));
                if !first || !last {
                    return (0, 0);
                }
                if reverse {
                    let skip = zset
                        .iter_back_from(0)
                        .take_while(|(m, _)| !lets_out(*m))
                        .count();
                    let run = zset
                        .iter_back_from(skip)
                        .take_while(|(m, _)| lets_in(*m))
                        .count();
                    (len - skip - run, len - skip)
                } else {
                    let from = zset.iter().take_while(|(m, _)| !lets_in(*m)).count();
                    let run = zset
                        .iter_from(from)
                        .take_while(|(m, _)| lets_out(*m))
                        .count();
                    (from, from + run)
                }
            }
        }
    }
}

/// A range command, read.
#[derive(Debug)]
struct Ask<'a> {
    range: Range<'a>,
    reverse: bool,
    offset: i64,
    limit: i64,
    with_scores: bool,
    /// Whether a negative offset counts from the other end of the range, in a table.
    counts_back: bool,
}

impl<'a> Ask<'a> {
    /// Reads what stands from the ends of the range on. `by` and `reverse` where the command's name says them.
    fn read(
        cx: &Cx<'_>,
        args: &Args<'a>,
        first: usize,
        by: Option<By>,
        reverse: Option<bool>,
        store: bool,
    ) -> Result<Ask<'a>, Refusal> {
        let (fixed_by, fixed_reverse) = (by, reverse);
        let (mut by, mut reverse) = (by, reverse);
        let (mut offset, mut limit, mut with_scores) = (0, -1, false);
        let mut rest = args.iter().skip(first + 2);
        while let Some(option) = rest.next() {
            if !store && is(option, "WITHSCORES") {
                with_scores = true;
            } else if is(option, "LIMIT") && rest.len() >= 2 {
                offset = int(rest.next().unwrap_or_default())?;
                limit = int(rest.next().unwrap_or_default())?;
            } else if reverse.is_none() && fixed_reverse.is_none() && is(option, "REV") {
                reverse = Some(true);
            } else if by.is_none() && fixed_by.is_none() && is(option, "BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && fixed_by.is_none() && is(option, "BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(texts::SYNTAX);
            }
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            return Err(Refusal::new(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(Refusal::new(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let (min, max) = (at(args, first), at(args, first + 1));
        let range = if reverse && by != By::Rank {
            Range::read(cx, by, max, min)?
        } else {
            Range::read(cx, by, min, max)?
        };
        Ok(Ask {
            range,
            reverse,
            offset,
            limit,
            with_scores,
            counts_back: cx.is_redis((7, 4)) && cx.is_redis_before((8, 6))
                || cx.is_valkey() && cx.dialect.version >= (8, 0),
        })
    }

    /// The members asked for, in the order asked for, and how many.
    fn of<'k>(&self, zset: ZsetRef<'k>) -> (impl Iterator<Item = (Str<'k>, f64)>, usize) {
        let (from, to) = self.range.ranks(zset, self.reverse);
        let skip = match usize::try_from(self.offset) {
            _ if matches!(self.range, Range::Rank(..)) => 0,
            Ok(offset) => offset,
            Err(_) if self.counts_back && matches!(zset, ZsetRef::Big(_)) => (to - from)
                .checked_sub(usize::try_from(self.offset.unsigned_abs()).unwrap_or(usize::MAX))
                .unwrap_or(usize::MAX),
            Err(_) => usize::MAX,
        };
        let found = (to - from).saturating_sub(skip);
        let n = match usize::try_from(self.limit) {
            Ok(limit) => found.min(limit),
            Err(_) => found,
        };
        let iter = match (self.reverse, n) {
            (_, 0) => zset.iter_from(usize::MAX),
            (true, _) => zset.iter_back_from(zset.len() - to + skip),
            (false, _) => zset.iter_from(from + skip),
        };
        (iter.take(n), n)
    }
}

fn range(cx: &mut Cx<'_>, args: &Args<'_>, by: Option<By>, reverse: Option<bool>) -> Done {
    let ask = Ask::read(cx, args, 2, by, reverse, false)?;
    let Some(zset) = zset(cx.keys, cx.db, at(args, 1))? else {
        cx.out.array(0);
        return Ok(());
    };
    if cx.out.listens() {
        let (members, n) = ask.of(zset);
        show(cx.out, members, n, ask.with_scores);
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

fn zrange(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    range(cx, args, None, None)
}

fn zrevrange(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    range(cx, args, Some(By::Rank), Some(true))
}

fn zrangebyscore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    range(cx, args, Some(By::Score), Some(false))
}

fn zrevrangebyscore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    range(cx, args, Some(By::Score), Some(true))
}

fn zrangebylex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    range(cx, args, Some(By::Lex), Some(false))
}

fn zrevrangebylex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    range(cx, args, Some(By::Lex), Some(true))
}

fn zrangestore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let ask = Ask::read(cx, args, 3, None, None, true)?;
    let mut result = Zset::default();
    if let Some(zset) = zset(cx.keys, cx.db, at(args, 2))? {
        let (members, n) = ask.of(zset);
        result.reserve(n);
        for (member, score) in members {
            member.with(|m| result.set(m.unwrap_or_default(), score));
        }
    }
    let len = put(cx, at(args, 1), result);
    cx.out.count(len);
    Ok(())
}

fn count_range(cx: &mut Cx<'_>, args: &Args<'_>, by: By) -> Done {
    let range = Range::read(cx, by, at(args, 2), at(args, 3))?;
    let n = zset(cx.keys, cx.db, at(args, 1))?.map_or(0, |zset| {
        let (from, to) = range.ranks(zset, false);
        to - from
    });
    cx.out.count(n);
    Ok(())
}

fn zcount(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    count_range(cx, args, By::Score)
}

fn zlexcount(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    count_range(cx, args, By::Lex)
}

fn remove_range(cx: &mut Cx<'_>, args: &Args<'_>, by: By) -> Done {
    let range = Range::read(cx, by, at(args, 2), at(args, 3))?;
    let mut gone = 0;
    if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) {
        let mut zset = edit.entry.zset(edit.limits)?;
        let (from, to) = range.ranks(zset.view(), false);
        zset.remove_ranks(from, to);
        gone = to - from;
        edit.changed(gone);
    }
    cx.out.count(gone);
    Ok(())
}

fn zremrangebyrank(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    remove_range(cx, args, By::Rank)
}

fn zremrangebyscore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    remove_range(cx, args, By::Score)
}

fn zremrangebylex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    remove_range(cx, args, By::Lex)
}

// ---- pops

fn zpopmin(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    pop(cx, args, false)
}

fn zpopmax(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    pop(cx, args, true)
}

fn pop(cx: &mut Cx<'_>, args: &Args<'_>, highest: bool) -> Done {
    if args.len() > 3 {
        return Err(texts::SYNTAX);
    }
    let n = args.get(2).map(count).transpose()?;
    if n == Some(0) && cx.is_redis_before((7, 0)) {
        cx.out.array(0);
        return Ok(());
    }
    let Some(len) = zset(cx.keys, cx.db, at(args, 1))?.map(ZsetRef::len) else {
        cx.out.array(0);
        return Ok(());
    };
    let nested = n.is_some() && cx.out.resp3();
    let n = n.unwrap_or(1).min(len);
    cx.out.array(if nested { n } else { n * 2 });
    take(cx, at(args, 1), highest, n, nested);
    Ok(())
}

/// Answers with up to `n` members of one end and their scores, and takes them out.
fn take(cx: &mut Cx<'_>, name: &[u8], highest: bool, n: usize, nested: bool) {
    let Some(mut edit) = cx.keys.edit(cx.db, name) else {
        return;
    };
    let Ok(mut zset) = edit.entry.zset(edit.limits) else {
        return;
    };
    let len = zset.view().len();
    let n = n.min(len);
    if cx.out.listens() {
        let members = if highest {
            zset.view().iter_back_from(0)
        } else {
            zset.view().iter_from(0)
        };
        for (member, score) in members.take(n) {
            if nested {
                cx.out.array(2);
            }
            cx.out.str(&member);
            cx.out.double(score);
        }
    }
    if highest {
        zset.remove_ranks(len - n, len);
    } else {
        zset.remove_ranks(0, n);
    }
    edit.changed(n);
}

/// Checks a timeout.
fn wait(cx: &Cx<'_>, arg: &[u8]) -> Done {
    timeout(arg, cx.keys.clock.now_ms, cx.is_redis_before((7, 2)))
}

fn bzpopmin(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    pop_first(cx, args, false)
}

fn bzpopmax(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    pop_first(cx, args, true)
}

fn pop_first(cx: &mut Cx<'_>, args: &Args<'_>, highest: bool) -> Done {
    let last = args.len() - 1;
    wait(cx, at(args, last))?;
    for name in args.iter().take(last).skip(1) {
        if zset(cx.keys, cx.db, name)?.is_some() {
            cx.out.array(3);
            cx.out.bulk(name);
            take(cx, name, highest, 1, false);
            return Ok(());
        }
    }
    cx.out.nil_array();
    Ok(())
}

fn zmpop(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    pop_many(cx, args, 1)
}

fn bzmpop(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    pop_many(cx, args, 2)
}

fn pop_many(cx: &mut Cx<'_>, args: &Args<'_>, keys_at: usize) -> Done {
    let many = MultiPop::read(args, keys_at)?;
    let highest = if is(many.end, "MAX") {
        true
    } else if is(many.end, "MIN") {
        false
    } else {
        return Err(texts::SYNTAX);
    };
    let n = many.count(args)?;
    if keys_at == 2 {
        wait(cx, at(args, 1))?;
    }
    for name in many.keys(args) {
        if let Some(zset) = zset(cx.keys, cx.db, name)? {
            cx.out.array(2);
            cx.out.bulk(name);
            cx.out.array(n.min(zset.len()));
            take(cx, name, highest, n, true);
            return Ok(());
        }
    }
    cx.out.nil_array();
    Ok(())
}

// ---- several sorted sets

/// What is put together: a plain set counts as one with scores of 1.
#[derive(Debug, Clone, Copy)]
enum Source<'k> {
    None,
    Set(SetRef<'k>),
    Zset(ZsetRef<'k>),
}

impl<'k> Source<'k> {
    fn len(&self) -> usize {
        match self {
            Source::None => 0,
            Source::Set(set) => set.len(),
            Source::Zset(zset) => zset.len(),
        }
    }

    fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Source::None => None,
            Source::Set(set) => set.contains(member).then_some(1.0),
            Source::Zset(zset) => zset.score(member),
        }
    }

    fn for_each(&self, mut f: impl FnMut(Str<'k>, f64) -> bool) {
        match self {
            Source::None => {}
            Source::Set(set) => {
                set.iter().all(|m| f(m, 1.0));
            }
            Source::Zset(zset) => {
                zset.iter().all(|(m, s)| f(m, s));
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

/// How the scores of one member are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
    Count,
}

impl Aggregate {
    /// What a source gives for a score.
    fn weigh(self, score: f64, weight: f64) -> f64 {
        if self == Aggregate::Count {
            weight
        } else {
            score * weight
        }
    }

    fn join(self, a: f64, b: f64) -> f64 {
        match self {
            Aggregate::Sum | Aggregate::Count => or_zero(a + b),
            Aggregate::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Aggregate::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

/// There are no NaNs here: 0 · ∞ and ∞ - ∞ are 0.
fn or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// A command over several sorted sets, read.
struct Several<'k> {
    /// With their weights; ascending by length where the order means nothing.
    sources: Vec<(Source<'k>, f64)>,
    operation: Operation,
    aggregate: Aggregate,
    with_scores: bool,
    limit: usize,
}

/// Whether it answers with members, stores them, or counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Show,
    Store,
    Count,
}

impl<'k> Several<'k> {
    fn read(
        cx: &'k Cx<'_>,
        args: &Args<'_>,
        name: &str,
        operation: Operation,
        purpose: Purpose,
    ) -> Result<Several<'k>, Refusal> {
        let keys_at = if purpose == Purpose::Store { 2 } else { 1 };
        let n = int(at(args, keys_at))?;
        if n < 1 {
            return Err(Refusal::of(if cx.is_redis_before((7, 0)) {
                format!("ERR at least 1 input key is needed for {name}")
            } else {
                format!("ERR at least 1 input key is needed for '{name}' command")
            }));
        }
        let n = clamped(n);
        if n > args.len() - keys_at - 1 {
            return Err(texts::SYNTAX);
        }
        let mut sources = Vec::with_capacity(n);
        for name in args.iter().skip(keys_at + 1).take(n) {
            let source = match cx.keys.find(cx.db, name) {
                None => Source::None,
                Some(ValueRef::Set(set)) => Source::Set(set),
                Some(ValueRef::Zset(zset)) => Source::Zset(zset),
                Some(_) => return Err(texts::WRONGTYPE),
            };
            sources.push((source, 1.0));
        }
        let mut several = Several {
            sources,
            operation,
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
        };
        several.options(cx, args, keys_at + 1 + n, purpose)?;
        if operation != Operation::Diff {
            several.sources.sort_by_key(|(source, _)| source.len());
        }
        Ok(several)
    }

    fn options(&mut self, cx: &Cx<'_>, args: &Args<'_>, first: usize, purpose: Purpose) -> Done {
        let weighs = self.operation != Operation::Diff && purpose != Purpose::Count;
        let mut rest = args.iter().skip(first);
        while let Some(option) = rest.next() {
            if weighs && rest.len() >= self.sources.len() && is(option, "WEIGHTS") {
                for (_, weight) in &mut self.sources {
                    *weight = rest
                        .next()
                        .and_then(|arg| real(cx, arg))
                        .ok_or(Refusal::new("ERR weight value is not a float"))?;
                }
            } else if weighs && rest.len() >= 1 && is(option, "AGGREGATE") {
                let word = rest.next().unwrap_or_default();
                self.aggregate = if is(word, "SUM") {
                    Aggregate::Sum
                } else if is(word, "MIN") {
                    Aggregate::Min
                } else if is(word, "MAX") {
                    Aggregate::Max
                } else if is(word, "COUNT") && cx.is_redis((8, 8)) {
                    Aggregate::Count
                } else {
                    return Err(texts::SYNTAX);
                };
            } else if purpose == Purpose::Show && is(option, "WITHSCORES") {
                self.with_scores = true;
            } else if purpose == Purpose::Count && rest.len() >= 1 && is(option, "LIMIT") {
                let arg = rest.next().unwrap_or_default();
                self.limit =
                    int_in(arg, 0, i64::MAX, "ERR LIMIT can't be negative").map(clamped)?;
            } else {
                return Err(texts::SYNTAX);
            }
        }
        Ok(())
    }

    /// Gives the members of the intersection with their scores to `take`, until it has enough.
    fn intersect(&self, mut take: impl FnMut(&[u8], f64) -> bool) {
        let Some(((first, weight), others)) = self.sources.split_first() else {
            return;
        };
        first.for_each(|member, score| {
            member.with(|m| {
                let m = m.unwrap_or_default();
                let mut result = or_zero(self.aggregate.weigh(score, *weight));
                for (source, weight) in others {
                    let Some(other) = source.score(m) else {
                        return true;
                    };
                    result = self
                        .aggregate
                        .join(result, self.aggregate.weigh(other, *weight));
                }
                take(m, result)
            })
        });
    }

    fn combine(&self) -> Zset {
        let mut result = Zset::default();
        match self.operation {
            Operation::Inter => self.intersect(|m, score| {
                result.set(m, score);
                true
            }),
            Operation::Union => {
                for (source, weight) in &self.sources {
                    source.for_each(|member, score| {
                        let score = or_zero(self.aggregate.weigh(score, *weight));
                        member.with(|m| {
                            let m = m.unwrap_or_default();
                            let joined = match ZsetRef::Big(&result).score(m) {
                                Some(old) => self.aggregate.join(old, score),
                                None => score,
                            };
                            result.set_exactly(m, joined);
                        });
                        true
                    });
                }
            }
            Operation::Diff => {
                if let Some(((first, _), others)) = self.sources.split_first() {
                    first.for_each(|member, score| {
                        member.with(|m| {
                            let m = m.unwrap_or_default();
                            if others.iter().all(|(s, _)| s.score(m).is_none()) {
                                result.set(m, score);
                            }
                        });
                        true
                    });
                }
            }
        }
        result
    }
}

fn show_several(cx: &mut Cx<'_>, args: &Args<'_>, name: &str, operation: Operation) -> Done {
    let several = Several::read(cx, args, name, operation, Purpose::Show)?;
    if cx.out.listens() {
        let result = several.combine();
        let with_scores = several.with_scores;
        let zset = ZsetRef::Big(&result);
        show(cx.out, zset.iter(), zset.len(), with_scores);
    }
    Ok(())
}

fn store_several(cx: &mut Cx<'_>, args: &Args<'_>, name: &str, operation: Operation) -> Done {
    let result = Several::read(cx, args, name, operation, Purpose::Store)?.combine();
    let len = put(cx, at(args, 1), result);
    cx.out.count(len);
    Ok(())
}

fn zunion(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    show_several(cx, args, "zunion", Operation::Union)
}

fn zinter(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    show_several(cx, args, "zinter", Operation::Inter)
}

fn zdiff(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    show_several(cx, args, "zdiff", Operation::Diff)
}

fn zunionstore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    store_several(cx, args, "zunionstore", Operation::Union)
}

fn zinterstore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    store_several(cx, args, "zinterstore", Operation::Inter)
}

fn zdiffstore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    store_several(cx, args, "zdiffstore", Operation::Diff)
}

fn zintercard(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let several = Several::read(cx, args, "zintercard", Operation::Inter, Purpose::Count)?;
    let mut n = 0;
    several.intersect(|_, _| {
        n += 1;
        n != several.limit
    });
    cx.out.count(n);
    Ok(())
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
