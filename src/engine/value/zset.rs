//! Sorted sets: a listpack of member and score in order, or a table beside an order.

use super::super::entry::{Entry, ValueRef};
use super::super::small::Small;
use super::super::table::{Named, Table};
use super::set::MAX_PACK;
use super::{Limits, Sieve, Value};
use crate::model::kind::Kind;
use crate::model::number::{self, DoubleText};
use crate::packed::pack::{self, Pack};
use crate::packed::string::Str;
use std::cmp::Ordering;

#[derive(Debug, Clone)]
struct Member {
    score: f64,
    name: Small<22>,
}

impl Named for Member {
    #[inline]
    fn name(&self) -> &[u8] {
        &self.name
    }
}

/// A member's place in the order.
#[derive(Debug, Clone, Copy)]
struct Rung {
    score: f64,
    /// Its place in the table.
    at: u32,
}

/// Rungs of one chunk at most: an insertion moves half of them at worst.
const CHUNK: usize = 256;

/// A sorted set of parts.
#[derive(Debug, Clone, Default)]
pub struct Zset {
    members: Table<Member>,
    /// By score, then by name. No chunk is empty.
    order: Vec<Vec<Rung>>,
}

impl Zset {
    /// Whether it has no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// As a key: packed where it fits.
    #[must_use]
    pub fn into_entry(self, name: &[u8], limits: &Limits) -> Entry {
        let mut entry = Entry::empty(name, Kind::Zset);
        let longest = self.members.iter().map(|m| m.name.len()).max();
        let bytes: usize = self.members.iter().map(|m| m.name.len()).sum();
        let fits = self.members.len() <= limits.zset_entries
            && longest.unwrap_or(0) <= limits.zset_value
            && bytes < MAX_PACK;
        if let Some((_, vec, at)) = entry.packed_parts().filter(|_| fits) {
            let mut pack = Pack::new(vec, at);
            for (member, score) in ZsetRef::Big(&self).iter() {
                member.with(|m| pack.push(m.unwrap_or_default()));
                push_score(score, limits, &mut pack);
            }
        } else {
            entry.become_big(Value::Zset(self));
        }
        entry
    }

    /// Room for so many more members.
    pub fn reserve(&mut self, more: usize) {
        self.members.reserve(more);
    }

    /// How a rung stands to that score and name. Scores are no NaNs.
    fn compare(&self, rung: Rung, score: f64, name: &[u8]) -> Ordering {
        match rung.score.partial_cmp(&score) {
            Some(Ordering::Equal) | None => self
                .members
                .get(rung.at as usize)
                .map_or(Ordering::Less, |m| (*m.name).cmp(name)),
            Some(order) => order,
        }
    }

    /// The chunk and the place in it where the score and name stand or would stand.
    fn place(&self, score: f64, name: &[u8]) -> (usize, usize) {
        let after = |rung: Option<&Rung>| {
            rung.is_some_and(|r| self.compare(*r, score, name) == Ordering::Less)
        };
        let chunk = self
            .order
            .partition_point(|chunk| after(chunk.last()))
            .min(self.order.len().saturating_sub(1));
        let place = self
            .order
            .get(chunk)
            .map_or(0, |rungs| rungs.partition_point(|r| after(Some(r))));
        (chunk, place)
    }

    fn link(&mut self, score: f64, at: usize) {
        let rung = Rung {
            score,
            // A table has no more than 2^32 places.
            at: u32::try_from(at).unwrap_or(u32::MAX),
        };
        let (chunk, place) = match self.members.get(at) {
            Some(member) => self.place(score, &member.name),
            None => return,
        };
        let last = chunk + 1 == self.order.len();
        let Some(rungs) = self.order.get_mut(chunk) else {
            self.order.push(vec![rung]);
            return;
        };
        if rungs.len() < CHUNK {
            rungs.insert(place, rung);
        } else if last && place == rungs.len() {
            // What comes in order fills its chunks.
            let mut fresh = Vec::with_capacity(CHUNK);
            fresh.push(rung);
            self.order.push(fresh);
        } else {
            let mut upper = Vec::with_capacity(CHUNK);
            upper.extend_from_slice(rungs.get(CHUNK / 2..).unwrap_or_default());
            rungs.truncate(CHUNK / 2);
            if place <= CHUNK / 2 {
                rungs.insert(place, rung);
            } else {
                upper.insert(place - CHUNK / 2, rung);
            }
            self.order.insert(chunk + 1, upper);
        }
    }

    fn unlink(&mut self, score: f64, name: &[u8]) {
        let (chunk, place) = self.place(score, name);
        let Some(rungs) = self.order.get_mut(chunk) else {
            return;
        };
        if place < rungs.len() {
            rungs.remove(place);
        }
        let left = rungs.len();
        if left == 0 {
            self.order.remove(chunk);
            return;
        }
        // Neighbours that have become small are put together.
        let next = self.order.get(chunk + 1).map_or(CHUNK, Vec::len);
        if left + next < CHUNK / 2 {
            let mut upper = self.order.remove(chunk + 1);
            if let Some(rungs) = self.order.get_mut(chunk) {
                rungs.append(&mut upper);
            }
        }
    }

    /// The same, where a -0 takes the place of a 0 too.
    pub fn set_exactly(&mut self, name: &[u8], score: f64) {
        self.set(name, score);
        if let Some(at) = self.members.find(name)
            && let Some(member) = self.members.get_mut(at)
        {
            // To the order they are the same.
            member.score = score;
        }
    }

    /// Gives a member a score; the one it had before.
    pub fn set(&mut self, name: &[u8], score: f64) -> Option<f64> {
        if let Some(at) = self.members.find(name) {
            let old = self.members.get(at)?.score;
            #[allow(
                clippy::float_cmp,
                reason = "as servers compare: a -0 does not move a 0"
            )]
            if old != score {
                self.unlink(old, name);
                self.members.get_mut(at)?.score = score;
                self.link(score, at);
            }
            return Some(old);
        }
        let (at, _) = self.members.insert(Member {
            score,
            name: name.into(),
        });
        self.link(score, at);
        None
    }

    /// Takes a member out; its score.
    pub fn remove(&mut self, name: &[u8]) -> Option<f64> {
        let at = self.members.find(name)?;
        let score = self.members.get(at)?.score;
        self.unlink(score, name);
        // The last one moves into the gap: its rung has to know.
        let last = self.members.len() - 1;
        if at != last
            && let Some(moved) = self.members.get(last)
        {
            let (chunk, place) = self.place(moved.score, &moved.name);
            if let Some(rung) = self.order.get_mut(chunk).and_then(|c| c.get_mut(place)) {
                rung.at = u32::try_from(at).unwrap_or(u32::MAX);
            }
        }
        self.members.swap_remove(at);
        Some(score)
    }

    /// Takes out the members of the ranks `from..to`: no more work than the order of what goes or of what stays.
    fn remove_ranks(&mut self, from: usize, to: usize) {
        let to = to.min(self.members.len());
        if from >= to {
            return;
        }
        let mut gone: Vec<u32> = Vec::with_capacity(to - from);
        let (mut chunk, mut place) = self.at_rank(from);
        let first = chunk + usize::from(place > 0);
        let mut left = to - from;
        let mut whole = first..first;
        while left > 0
            && let Some(rungs) = self.order.get_mut(chunk)
        {
            let here = left.min(rungs.len() - place);
            gone.extend(rungs.iter().skip(place).take(here).map(|r| r.at));
            if here == rungs.len() {
                whole.end = chunk + 1;
            } else {
                rungs.drain(place..place + here);
            }
            left -= here;
            chunk += 1;
            place = 0;
        }
        self.order.drain(whole);
        if gone.len() > self.members.len() / 2 {
            self.keep_ordered();
            return;
        }
        // From the last place on, so that what moves into a gap is never one of those that go.
        gone.sort_unstable();
        for at in gone.into_iter().rev() {
            let last = self.members.len() - 1;
            if at as usize != last
                && let Some(moved) = self.members.get(last)
            {
                let (chunk, place) = self.place(moved.score, &moved.name);
                if let Some(rung) = self.order.get_mut(chunk).and_then(|c| c.get_mut(place)) {
                    rung.at = at;
                }
            }
            self.members.swap_remove(at as usize);
        }
    }

    /// Makes the table anew out of what stands in the order.
    fn keep_ordered(&mut self) {
        let mut old: Vec<Option<Member>> = std::mem::take(&mut self.members)
            .into_items()
            .into_iter()
            .map(Some)
            .collect();
        self.members.reserve(self.order.iter().map(Vec::len).sum());
        for rung in self.order.iter_mut().flatten() {
            if let Some(member) = old.get_mut(rung.at as usize).and_then(Option::take) {
                let (at, _) = self.members.insert(member);
                rung.at = u32::try_from(at).unwrap_or(u32::MAX);
            }
        }
    }

    fn rung(&self, rung: &Rung) -> Option<(Str<'_>, f64)> {
        let member = self.members.get(rung.at as usize)?;
        Some((Str::Bytes(&member.name), member.score))
    }

    /// The chunk and the place in it of the rank.
    fn at_rank(&self, mut rank: usize) -> (usize, usize) {
        for (i, chunk) in self.order.iter().enumerate() {
            if rank < chunk.len() {
                return (i, rank);
            }
            rank -= chunk.len();
        }
        (self.order.len(), 0)
    }

    fn before(&self, chunk: usize) -> usize {
        self.order.iter().take(chunk).map(Vec::len).sum()
    }
}

/// A sorted set to be read.
#[derive(Debug, Clone, Copy)]
pub enum ZsetRef<'a> {
    /// A listpack.
    Packed(pack::View<'a>),
    /// A table and an order.
    Big(&'a Zset),
}

/// The score in a listpack entry.
fn packed_score(score: Str<'_>) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "as servers read it")]
    match score {
        Str::Int(v) => v as f64,
        Str::Bytes(text) => number::parse_double(text).unwrap_or(0.0),
        Str::Giant(_) => 0.0,
    }
}

/// Members with their scores, in order. See [`ZsetRef::iter`].
#[derive(Debug, Clone)]
pub enum Iter<'a> {
    /// Of a listpack, from the front.
    Packed(pack::Iter<'a>),
    /// Of a listpack, from the back.
    PackedBack(pack::IterBack<'a>),
    /// Of an order: the next chunk and place.
    Big(&'a Zset, usize, usize),
    /// The same backwards: the chunk, and one more than the next place.
    BigBack(&'a Zset, usize, usize),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Str<'a>, f64);

    fn next(&mut self) -> Option<(Str<'a>, f64)> {
        match self {
            Iter::Packed(iter) => {
                let member = iter.next()?.value;
                Some((member, packed_score(iter.next()?.value)))
            }
            Iter::PackedBack(iter) => {
                let score = packed_score(iter.next()?.value);
                Some((iter.next()?.value, score))
            }
            Iter::Big(zset, chunk, place) => {
                let zset = *zset;
                let rungs = zset.order.get(*chunk)?;
                let rung = rungs.get(*place)?;
                *place += 1;
                if *place == rungs.len() {
                    (*chunk, *place) = (*chunk + 1, 0);
                }
                zset.rung(rung)
            }
            Iter::BigBack(zset, chunk, place) => {
                let zset = *zset;
                if *place == 0 {
                    *chunk = chunk.checked_sub(1)?;
                    *place = zset.order.get(*chunk)?.len();
                }
                *place -= 1;
                zset.rung(zset.order.get(*chunk)?.get(*place)?)
            }
        }
    }
}

impl<'a> ZsetRef<'a> {
    /// How many members.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            ZsetRef::Packed(view) => view.len() / 2,
            ZsetRef::Big(zset) => zset.members.len(),
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        match self {
            ZsetRef::Packed(view) => view.is_empty(),
            ZsetRef::Big(zset) => zset.is_empty(),
        }
    }

    /// A member's score.
    #[must_use]
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            ZsetRef::Packed(view) => {
                let at = view.find(member, 2)?;
                Some(packed_score(view.iter_from(at.end).next()?.value))
            }
            ZsetRef::Big(zset) => Some(zset.members.get(zset.members.find(member)?)?.score),
        }
    }

    /// The n-th member as it is held: in order in a listpack, in none in a table, where a removal moves the last one into
    /// the gap.
    #[must_use]
    pub fn nth(self, n: usize) -> Option<(Str<'a>, f64)> {
        match self {
            ZsetRef::Packed(_) => self.iter_from(n).next(),
            ZsetRef::Big(zset) => {
                let member = zset.members.get(n)?;
                Some((Str::Bytes(&member.name), member.score))
            }
        }
    }

    /// A member's place in the order, from 0.
    #[must_use]
    pub fn rank(self, member: &[u8]) -> Option<usize> {
        match self {
            ZsetRef::Packed(view) => {
                let at = view.find(member, 2)?.at;
                Some(view.iter().take_while(|e| e.at < at).count() / 2)
            }
            ZsetRef::Big(zset) => {
                let score = zset.members.get(zset.members.find(member)?)?.score;
                let (chunk, place) = zset.place(score, member);
                Some(zset.before(chunk) + place)
            }
        }
    }

    /// Members in order from a rank on.
    #[must_use]
    pub fn iter_from(self, rank: usize) -> Iter<'a> {
        match self {
            ZsetRef::Packed(view) => {
                let mut iter = view.iter();
                for _ in 0..rank.saturating_mul(2).min(view.len()) {
                    iter.skip_one();
                }
                Iter::Packed(iter)
            }
            ZsetRef::Big(zset) => {
                let (chunk, place) = zset.at_rank(rank);
                Iter::Big(zset, chunk, place)
            }
        }
    }

    /// Members in reverse order; `rank` 0 begins with the last one.
    #[must_use]
    pub fn iter_back_from(self, rank: usize) -> Iter<'a> {
        match self {
            ZsetRef::Packed(view) => {
                let mut iter = view.iter_back();
                for _ in 0..rank.saturating_mul(2).min(view.len()) {
                    iter.next();
                }
                Iter::PackedBack(iter)
            }
            ZsetRef::Big(zset) => match zset.members.len().checked_sub(rank + 1) {
                Some(from_front) => {
                    let (chunk, place) = zset.at_rank(from_front);
                    Iter::BigBack(zset, chunk, place + 1)
                }
                None => Iter::BigBack(zset, 0, 0),
            },
        }
    }

    /// All members in order.
    #[must_use]
    pub fn iter(self) -> Iter<'a> {
        self.iter_from(0)
    }

    /// How many members at the front `is_before` holds for. It must hold for a member wherever it holds for one behind
    /// it.
    #[must_use]
    pub fn count_before(self, mut is_before: impl FnMut(Str<'_>, f64) -> bool) -> usize {
        match self {
            ZsetRef::Packed(_) => self.iter().take_while(|(m, s)| is_before(*m, *s)).count(),
            ZsetRef::Big(zset) => {
                let mut before = |rung: Option<&Rung>| {
                    rung.and_then(|r| zset.rung(r))
                        .is_some_and(|(m, s)| is_before(m, s))
                };
                let chunk = zset.order.partition_point(|chunk| before(chunk.last()));
                let place = zset
                    .order
                    .get(chunk)
                    .map_or(0, |rungs| rungs.partition_point(|r| before(Some(r))));
                zset.before(chunk) + place
            }
        }
    }
}

/// Appends a score as servers store it: an integer where it is one.
pub(in super::super) fn push_score(score: f64, limits: &Limits, pack: &mut Pack<'_>) {
    match number::integral(score) {
        Some(0) if limits.zset_negative_zero && score.is_sign_negative() => pack.push(b"-0"),
        Some(whole) => pack.push_int(whole),
        None => {
            let mut text = Vec::with_capacity(32);
            number::format_score(score, DoubleText::Fpconv, &mut text);
            pack.push(&text);
        }
    }
}

/// A sorted set to be changed.
#[derive(Debug)]
pub struct ZsetMut<'e> {
    entry: &'e mut Entry,
    limits: &'e Limits,
}

impl<'e> ZsetMut<'e> {
    pub(in super::super) fn new(entry: &'e mut Entry, limits: &'e Limits) -> ZsetMut<'e> {
        ZsetMut { entry, limits }
    }

    /// To look at.
    #[must_use]
    pub fn view(&self) -> ZsetRef<'_> {
        match self.entry.value() {
            ValueRef::Zset(zset) => zset,
            _ => ZsetRef::Packed(pack::View::new(&[])),
        }
    }

    /// So many members of so many bytes in all are about to be set.
    pub fn expect(&mut self, members: usize, bytes: usize) {
        if let Some((_, vec, _)) = self.entry.packed_parts() {
            if members <= self.limits.zset_entries {
                vec.reserve_exact(bytes + members * 5);
            }
        } else if let Some(Value::Zset(zset)) = self.entry.big_value()
            && members > 8
        {
            zset.reserve(members);
        }
    }

    /// Gives a member a score, which is no NaN; the one it had before.
    pub fn set(&mut self, name: &[u8], score: f64) -> Option<f64> {
        let limits = self.limits;
        if let Some(Value::Zset(zset)) = self.entry.big_value() {
            return zset.set(name, score);
        }
        let (_, vec, at) = self.entry.packed_parts()?;
        let mut pack = Pack::new(vec, at);
        let found = pack.view().find(name, 2).map(|e| (e.at, e.end));
        let mut old = None;
        if let Some((from, value)) = found {
            let entry = pack.view().iter_from(value).next();
            let had = entry.map_or(0.0, |e| packed_score(e.value));
            let to = entry.map_or(value, |e| e.end);
            old = Some(had);
            #[allow(clippy::float_cmp, reason = "as servers compare: nothing to move")]
            if had == score {
                return old;
            }
            pack.remove(from, to, 2);
        } else if pack.view().len() / 2 >= limits.zset_entries
            || name.len() > limits.zset_value
            || pack.view().bytes().len() > MAX_PACK
        {
            self.spread(1);
            return self.set(name, score);
        }
        // From the back: what comes in order is appended.
        let mut place = pack.view().bytes().len() - 1;
        let mut back = pack.view().iter_back();
        while let Some(other_score) = back.next() {
            let Some(other) = back.next() else { break };
            let before = match packed_score(other_score.value).partial_cmp(&score) {
                Some(Ordering::Less) => true,
                Some(Ordering::Greater) => false,
                _ => other.value.with(|m| m.unwrap_or_default() < name),
            };
            if before {
                break;
            }
            place = other.at;
        }
        if place == pack.view().bytes().len() - 1 {
            pack.push(name);
            push_score(score, limits, &mut pack);
        } else {
            let mut text = Vec::with_capacity(32);
            if limits.zset_negative_zero && score == 0.0 && score.is_sign_negative() {
                text.extend_from_slice(b"-0");
            } else {
                number::format_score(score, DoubleText::Fpconv, &mut text);
            }
            pack.insert(place, [name, &text]);
        }
        old
    }

    /// Gives many members their scores, one after the other. How many are new. A new listpack is written in one go.
    pub fn set_all(&mut self, pairs: &[(&[u8], f64)]) -> usize {
        if self.build(pairs) {
            return pairs.len();
        }
        if pairs.len() > self.limits.zset_entries && self.view().is_empty() {
            // More than a listpack holds, unless they are twice there: no need to fill one first.
            let mut zset = Zset::default();
            zset.reserve(pairs.len());
            for (name, score) in pairs {
                zset.set(name, *score);
            }
            if zset.members.len() > self.limits.zset_entries {
                let added = zset.members.len();
                self.entry.become_big(Value::Zset(zset));
                return added;
            }
        }
        self.expect(
            pairs.len(),
            pairs.iter().map(|(name, _)| name.len() + 9).sum(),
        );
        pairs
            .iter()
            .filter(|(name, score)| self.set(name, *score).is_none())
            .count()
    }

    /// Writes an empty listpack anew, where the members are few, small and distinct.
    fn build(&mut self, pairs: &[(&[u8], f64)]) -> bool {
        let limits = self.limits;
        let mut sieve = Sieve::of(std::iter::empty());
        let fits = pairs.len() <= limits.zset_entries
            && self.view().is_empty()
            && pairs
                .iter()
                .all(|(name, _)| name.len() <= limits.zset_value && sieve.is_new(name));
        let Some((_, vec, at)) = self.entry.packed_parts().filter(|_| fits) else {
            return false;
        };
        let mut sorted: Vec<&(&[u8], f64)> = pairs.iter().collect();
        sorted.sort_unstable_by(|a, b| {
            let scores = a.1.partial_cmp(&b.1).unwrap_or(Ordering::Equal);
            scores.then_with(|| a.0.cmp(b.0))
        });
        vec.reserve_exact(pairs.iter().map(|(name, _)| name.len() + 14).sum());
        let mut pack = Pack::new(vec, at);
        for (name, score) in sorted {
            pack.push(name);
            push_score(*score, limits, &mut pack);
        }
        true
    }

    /// Takes a member out; its score.
    pub fn remove(&mut self, name: &[u8]) -> Option<f64> {
        if let Some(Value::Zset(zset)) = self.entry.big_value() {
            return zset.remove(name);
        }
        let (_, vec, at) = self.entry.packed_parts()?;
        let mut pack = Pack::new(vec, at);
        let (from, value) = pack.view().find(name, 2).map(|e| (e.at, e.end))?;
        let score = pack.view().iter_from(value).next()?;
        let (old, to) = (packed_score(score.value), score.end);
        pack.remove(from, to, 2);
        Some(old)
    }

    /// Takes out the members of the ranks `from..to`.
    pub fn remove_ranks(&mut self, from: usize, to: usize) {
        if let Some(Value::Zset(zset)) = self.entry.big_value() {
            zset.remove_ranks(from, to);
        } else if let Some((_, vec, at)) = self.entry.packed_parts() {
            let mut pack = Pack::new(vec, at);
            let view = pack.view();
            let end = view.bytes().len().saturating_sub(1);
            let (from, to) = (from * 2, to.saturating_mul(2).min(view.len()));
            if from < to
                && let Some(begin) = view.nth(from).map(|e| e.at)
            {
                let end = view.nth(to).map_or(end, |e| e.at);
                pack.remove(begin, end, to - from);
            }
        }
    }

    /// As many members were named in one command as that, the longest of so many bytes: if they do not fit, distinct or
    /// not, servers since 7.2 do not even begin packed.
    pub fn foresee(&mut self, members: usize, longest: usize) {
        if let ZsetRef::Packed(_) = self.view()
            && (members > self.limits.zset_entries || longest > self.limits.zset_value)
        {
            self.spread(members);
        }
    }

    /// To a table and an order, with room for so many more.
    fn spread(&mut self, more: usize) {
        let mut zset = Zset::default();
        let view = self.view();
        zset.reserve(view.len() + more);
        for (member, score) in view.iter() {
            member.with(|m| zset.set(m.unwrap_or_default(), score));
        }
        self.entry.become_big(Value::Zset(zset));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_ordered(small in any::<bool>(), ops in prop::collection::vec((0u8..5, 0u16..600, -3i32..40), 0..1500)) {
            let limits = Limits { zset_entries: if small { 128 } else { 3 }, ..Limits::default() };
            let mut entry = Entry::empty(b"k", Kind::Zset);
            let mut zset = entry.zset(&limits).unwrap();
            let mut model: Vec<(f64, Vec<u8>)> = Vec::new();
            for (op, name, score) in ops {
                let name = name.to_string().into_bytes();
                let score = f64::from(score) / 2.0;
                let had = model.iter().position(|(_, n)| *n == name);
                if op < 3 {
                    let old = zset.set(&name, score);
                    prop_assert_eq!(old, had.map(|i| model[i].0));
                    if let Some(i) = had { model.remove(i); }
                    model.push((score, name));
                    model.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                } else if op == 3 {
                    prop_assert_eq!(zset.remove(&name), had.map(|i| model.remove(i).0));
                } else if let Some(from) = had.filter(|_| score > 0.0) {
                    // Few, or most of them.
                    let n = if score > 19.0 { model.len() / 4 * 3 } else { usize::from(name.len() > 2) * 7 + 1 };
                    let to = (from + n).min(model.len());
                    zset.remove_ranks(from, from + n);
                    model.drain(from..to);
                }
            }
            let view = zset.view();
            prop_assert_eq!(view.len(), model.len());
            let all: Vec<_> = view.iter().map(|(m, s)| (s, m.to_vec(100).unwrap())).collect();
            prop_assert_eq!(&all, &model);
            let mut back: Vec<_> = view.iter_back_from(0).map(|(m, s)| (s, m.to_vec(100).unwrap())).collect();
            back.reverse();
            prop_assert_eq!(&back, &model);
            for (i, (score, name)) in model.iter().enumerate() {
                prop_assert_eq!(view.rank(name), Some(i));
                prop_assert_eq!(view.score(name), Some(*score));
                prop_assert_eq!(view.iter_from(i).next().map(|(_, s)| s), Some(*score));
                prop_assert_eq!(view.count_before(|_, s| s < *score), model.iter().filter(|(s, _)| s < score).count());
            }
        }
    }
}
