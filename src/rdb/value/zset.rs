//! Sorted sets: plain with scores as text or as doubles, ziplist, listpack.
//!
//! ```text
//!   ZSET           <len n> n × (<string member> <u8 length> <score text>)     length 253 NaN, 254 +inf, 255 -inf
//!   ZSET_2         <len n> n × (<string member> <f64 le>)
//!   ZSET_ZIPLIST   <string: ziplist of member, score, …>
//!   ZSET_LISTPACK  <string: listpack of member, score, …>
//! ```
//! Packed ones ascend by score, then by member; loaders do not sort, so a wrong order is a broken sorted set in memory.

use super::super::length;
use super::super::string;
use super::super::visit::Visit;
use super::super::walk::{Distinct, Scratch, over_blob};
use crate::error::Result;
use crate::input::bytes::{At, Bytes};
use crate::model::finding::Finding;
use crate::model::number;
use crate::packed::string::Str;
use crate::packed::{listpack as lp, ziplist as zl};
use std::cmp::Ordering;

pub(in crate::rdb) fn binary<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    distinct: bool,
    v: &mut V,
) -> Result<u64> {
    plain(b, sc, distinct, v, |b| {
        Ok((f64::from_le_bytes(b.array()?), None))
    })
}

pub(in crate::rdb) fn text<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    distinct: bool,
    v: &mut V,
) -> Result<u64> {
    let mut digits = Vec::new();
    plain(b, sc, distinct, v, move |b| {
        let at = b.at();
        match b.byte()? {
            253 => Ok((f64::NAN, None)),
            254 => Ok((f64::INFINITY, None)),
            255 => Ok((f64::NEG_INFINITY, None)),
            n => {
                let crate::input::bytes::Data::Slice(bytes) = b.take(u64::from(n), &mut digits)?
                else {
                    return Err(at.corrupt("score text too long"));
                };
                if let Some(score) = number::parse_double(bytes) {
                    return Ok((score, None));
                }
                let text = Str::Bytes(bytes);
                let score = leading(bytes).ok_or_else(|| at.corrupt(no_score(&text)))?;
                let message = format!("{}: servers take it for {score}", no_score(&text));
                Ok((
                    score,
                    Some(Finding::unnoticed("score-text", at.offset, message)),
                ))
            }
        }
    })
}

fn plain<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut Scratch,
    distinct: bool,
    v: &mut V,
    mut score: impl FnMut(&mut B) -> Result<(f64, Option<Finding>)>,
) -> Result<u64> {
    let n = length::number(b)?;
    let mut distinct = Distinct::begin(distinct, &mut sc.seen)?;
    for i in 0..n {
        let mut step = || {
            let member = string::read(b, &mut sc.a)?;
            let at = b.at();
            let (score, odd) = score(b)?;
            if let Some(odd) = odd {
                v.finding(odd)?;
            }
            if score.is_nan() {
                v.finding(Finding::refused(
                    "nan-score",
                    at.offset,
                    "the score is not a number",
                ))?;
            }
            distinct.add(&member)?;
            v.scored(member, score)
        };
        if let Err(e) = step() {
            return Err(e.within(format!("member {i} of {n}")));
        }
    }
    Ok(n)
}

/// The number that a text begins with, as `sscanf` of `%lg` takes it (`rdbLoadDoubleValue`) where something else follows;
/// an exponent that is begun must be whole.
#[cold]
fn leading(text: &[u8]) -> Option<f64> {
    let text = text.trim_ascii_start();
    (1..=text.len()).rev().find_map(|n| {
        let (number, rest) = text.split_at_checked(n)?;
        let score = number::parse_double(number)?;
        (!matches!(rest, [b'e' | b'E', ..])).then_some(score)
    })
}

#[cold]
fn no_score(text: &Str<'_>) -> String {
    format!("{} is no score", shown(text))
}

/// A score out of a packed encoding.
#[inline]
fn packed_score(s: &Str<'_>) -> Option<f64> {
    match s {
        #[allow(clippy::cast_precision_loss, reason = "servers convert the same way")]
        Str::Int(v) => Some(*v as f64),
        Str::Bytes(bytes) => number::parse_double(bytes),
        Str::Giant(_) => None,
    }
}

/// Watches that members ascend by score, then by bytes.
#[derive(Default)]
struct Order {
    last: Option<f64>,
    member: Vec<u8>,
    broken: Option<Finding>,
}

impl Order {
    #[inline]
    fn look(&mut self, at: At, member: &Str<'_>, score: f64) {
        let ordering = match self.last {
            Some(last) => last.partial_cmp(&score).unwrap_or(Ordering::Greater),
            None => Ordering::Less,
        };
        // The member before is only needed on a tie; most have none, so it is kept only then.
        let ascending = match ordering {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => member.with(|m| m.is_none_or(|m| self.member.as_slice() < m)),
        };
        if !ascending && self.broken.is_none() {
            self.broken = Some(Finding::unnoticed(
                "zset-order",
                at.offset,
                format!(
                    "member {} with score {score} stands behind a higher one",
                    shown(member)
                ),
            ));
        }
        self.last = Some(score);
        self.member.clear();
        member.with(|m| self.member.extend_from_slice(m.unwrap_or_default()));
    }
}

#[cold]
fn shown(member: &Str<'_>) -> String {
    member.with(|m| match m {
        Some(m) => crate::text::quoted(m.get(..64).unwrap_or(m)).to_string(),
        None => "(giant)".to_owned(),
    })
}

macro_rules! packed {
    ($name:ident, $reader:ident) => {
        pub(in crate::rdb) fn $name<'a, B: Bytes<'a>, V: Visit + ?Sized>(
            b: &mut B,
            sc: &mut Scratch,
            distinct: bool,
            v: &mut V,
        ) -> Result<u64> {
            over_blob!(string::blob(b, &mut sc.blob)?, bytes => {
                let mut reader = $reader::Reader::new(bytes)?;
                let mut distinct = Distinct::begin(distinct, &mut sc.seen)?;
                let mut order = Order::default();
                let mut n = 0u64;
                loop {
                    let at = reader.at();
                    let Some(member) = reader.next(&mut sc.a)? else { break };
                    let score_at = reader.at();
                    let Some(score) = reader.next(&mut sc.b)? else {
                        return Err(score_at.corrupt(format!("member {n} has no score")));
                    };
                    let score = match packed_score(&score) {
                        Some(score) => score,
                        // Servers load it, and read it as what its first digits say.
                        None => {
                            v.finding(
                                Finding::unnoticed("bad-score", score_at.offset, no_score(&score))
                                    .within(format!("member {n}")),
                            )?;
                            0.0
                        }
                    };
                    order.look(at, &member, score);
                    distinct.add(&member)?;
                    v.scored(member, score)?;
                    n += 1;
                }
                reader.finish().map_or(Ok(()), |f| v.finding(f))?;
                order.broken.map_or(Ok(()), |f| v.finding(f))?;
                Ok(n)
            })
        }
    };
}
packed!(ziplist, zl);
packed!(listpack, lp);
