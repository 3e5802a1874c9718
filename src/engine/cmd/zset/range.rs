//! Ranges of ranks, scores and members: ZRANGE and its kin, ZCOUNT, ZREMRANGE….

use super::super::list::span;
use super::{is_hexadecimal, put, show, zset};
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, int, is, is_blank};
use crate::engine::reply::{Done, Refusal, texts};
use crate::engine::value::zset::{Zset, ZsetRef};
use crate::model::number::strtod;
use crate::packed::string::Str;
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
pub(super) enum By {
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

pub(super) fn answer(
    cx: &mut Cx<'_>,
    args: &Args<'_>,
    by: Option<By>,
    reverse: Option<bool>,
) -> Done {
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

pub(super) fn zrangestore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
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

pub(super) fn count(cx: &mut Cx<'_>, args: &Args<'_>, by: By) -> Done {
    let range = Range::read(cx, by, at(args, 2), at(args, 3))?;
    let n = zset(cx.keys, cx.db, at(args, 1))?.map_or(0, |zset| {
        let (from, to) = range.ranks(zset, false);
        to - from
    });
    cx.out.count(n);
    Ok(())
}

pub(super) fn remove(cx: &mut Cx<'_>, args: &Args<'_>, by: By) -> Done {
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
