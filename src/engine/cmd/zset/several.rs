//! Several sorted sets at once: ZUNION, ZINTER, ZDIFF.

use super::{put, real, show};
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, clamped, int, int_in, is};
use crate::engine::entry::ValueRef;
use crate::engine::reply::{Done, Refusal, texts};
use crate::engine::value::set::SetRef;
use crate::engine::value::zset::{Zset, ZsetRef};
use crate::packed::string::Str;
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
pub(super) enum Operation {
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

pub(super) fn answer(cx: &mut Cx<'_>, args: &Args<'_>, name: &str, operation: Operation) -> Done {
    let several = Several::read(cx, args, name, operation, Purpose::Show)?;
    if cx.out.listens() {
        let result = several.combine();
        let with_scores = several.with_scores;
        let zset = ZsetRef::Big(&result);
        show(cx.out, zset.iter(), zset.len(), with_scores);
    }
    Ok(())
}

pub(super) fn store(cx: &mut Cx<'_>, args: &Args<'_>, name: &str, operation: Operation) -> Done {
    let result = Several::read(cx, args, name, operation, Purpose::Store)?.combine();
    let len = put(cx, at(args, 1), result);
    cx.out.count(len);
    Ok(())
}

pub(super) fn zintercard(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let several = Several::read(cx, args, "zintercard", Operation::Inter, Purpose::Count)?;
    let mut n = 0;
    several.intersect(|_, _| {
        n += 1;
        n != several.limit
    });
    cx.out.count(n);
    Ok(())
}
