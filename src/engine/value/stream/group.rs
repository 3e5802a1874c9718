//! Consumer groups: who has what pending.
//!
//! ```text
//!   pending   chunks of up to 64, ascending by id:  │ id 16 │ time 8 │ count 8 │ owner 4 │ turn 4 │      40 bytes each
//!   consumers slots, found by name, owners by place
//! ```
//! A consumer's own entries are those of the group that it owns: they are found by going over the group's.

use crate::model::kind::StreamId;
use std::collections::VecDeque;

/// The owner of an entry that nobody owns.
pub const NOBODY: u32 = u32::MAX;
/// The owner of an entry out of a file, until the owner is known.
pub(super) const UNDECIDED: u32 = NOBODY - 1;
/// The number of entries a group has read, where that is not known.
pub const UNKNOWN: i64 = -1;

/// A pending entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The entry.
    pub id: StreamId,
    /// When it was delivered last, Unix milliseconds.
    pub time: i64,
    /// How often.
    pub count: u64,
    /// The place of the consumer that owns it, or [`NOBODY`].
    pub owner: u32,
    /// Which of two entries that were delivered in the same millisecond was the first: the lower number.
    pub turn: u32,
}

impl Pending {
    /// An entry that is to be [put](Group::put).
    #[must_use]
    pub fn new(id: StreamId, time: i64, count: u64, owner: u32) -> Pending {
        Pending {
            id,
            time,
            count,
            owner,
            turn: 0,
        }
    }
}

const _: () = assert!(size_of::<Pending>() == 40);

/// Entries a chunk has at most.
const CHUNK: usize = 64;

/// Pending entries, ascending by id.
#[derive(Debug, Clone, Default)]
pub struct Pel {
    chunks: VecDeque<Vec<Pending>>,
    len: usize,
}

impl Pel {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The chunk that an id belongs into, and its place there if it is there.
    fn seek(&self, id: StreamId) -> (usize, Result<usize, usize>) {
        let chunk = self
            .chunks
            .partition_point(|c| c.last().is_some_and(|p| p.id < id));
        let place = self
            .chunks
            .get(chunk)
            .map_or(Err(0), |c| c.binary_search_by_key(&id, |p| p.id));
        (chunk, place)
    }

    /// The entry with that id.
    #[must_use]
    pub fn get(&self, id: StreamId) -> Option<&Pending> {
        let (chunk, place) = self.seek(id);
        self.chunks.get(chunk)?.get(place.ok()?)
    }

    /// The first.
    #[must_use]
    pub fn first(&self) -> Option<&Pending> {
        self.chunks.front()?.first()
    }

    /// The last.
    #[must_use]
    pub fn last(&self) -> Option<&Pending> {
        self.chunks.back()?.last()
    }

    /// All from that id on.
    pub fn from(&self, id: StreamId) -> impl Iterator<Item = &Pending> {
        let (chunk, place) = self.seek(id);
        let (Ok(place) | Err(place)) = place;
        self.chunks.iter().skip(chunk).flatten().skip(place)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.chunks.iter().flatten()
    }

    /// Puts one in, in the place of the one with its id if there is one, which is given back.
    fn insert(&mut self, pending: Pending) -> Option<Pending> {
        let (at, place) = self.seek(pending.id);
        if let Ok(place) = place {
            let old = self.chunks.get_mut(at)?.get_mut(place)?;
            return Some(std::mem::replace(old, pending));
        }
        self.len += 1;
        let place = place.unwrap_or_else(|p| p);
        if at == self.chunks.len() {
            match self.chunks.back_mut() {
                Some(last) if last.len() < CHUNK => last.push(pending),
                _ => self.chunks.push_back(vec![pending]),
            }
            return None;
        }
        let chunk = self.chunks.get_mut(at)?;
        if chunk.len() < CHUNK {
            chunk.insert(place, pending);
            return None;
        }
        let mut rest = chunk.split_off(CHUNK / 2);
        if place <= CHUNK / 2 {
            chunk.insert(place, pending);
        } else {
            rest.insert(place - CHUNK / 2, pending);
        }
        chunk.shrink_to_fit();
        self.chunks.insert(at + 1, rest);
        None
    }

    fn remove(&mut self, id: StreamId) -> Option<Pending> {
        let (at, place) = self.seek(id);
        let chunk = self.chunks.get_mut(at)?;
        let place = place.ok()?;
        let gone = chunk.remove(place);
        self.len -= 1;
        let len = chunk.len();
        if len == 0 {
            self.chunks.remove(at);
        } else if len < CHUNK / 4
            && self
                .chunks
                .get(at + 1)
                .is_some_and(|next| next.len() + len <= CHUNK / 2)
            && let Some(next) = self.chunks.remove(at + 1)
            && let Some(chunk) = self.chunks.get_mut(at)
        {
            chunk.extend(next);
        }
        Some(gone)
    }

    /// Keeps those that `keep` wants.
    fn retain(&mut self, mut keep: impl FnMut(&Pending) -> bool) {
        for chunk in &mut self.chunks {
            chunk.retain(&mut keep);
        }
        self.chunks.retain(|c| !c.is_empty());
        self.len = self.chunks.iter().map(Vec::len).sum();
    }

    fn size(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(Vec::capacity).sum();
        chunks * size_of::<Pending>() + self.chunks.capacity() * size_of::<Vec<Pending>>()
    }
}

/// A consumer.
#[derive(Debug, Clone)]
pub struct Consumer {
    /// Its name.
    pub name: Box<[u8]>,
    /// When it was seen last, Unix milliseconds.
    pub seen_time: i64,
    /// When it got something last; -1 for never.
    pub active_time: i64,
    /// How many pending entries it owns.
    pub pending: usize,
}

/// A consumer group.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// The last id delivered.
    pub last_id: StreamId,
    /// How many entries it has read: [`UNKNOWN`] where that is not known.
    pub entries_read: i64,
    pel: Pel,
    slots: Vec<Option<Consumer>>,
    /// The places of the consumers, ascending by name.
    order: Vec<u32>,
    /// Pending entries that nobody owns, in the order they were given back.
    zone: VecDeque<StreamId>,
    turn: u32,
}

impl Group {
    /// A group without consumers.
    #[must_use]
    pub fn new(last_id: StreamId, entries_read: i64) -> Group {
        Group {
            last_id,
            entries_read,
            ..Group::default()
        }
    }

    /// The pending entries.
    #[must_use]
    pub fn pel(&self) -> &Pel {
        &self.pel
    }

    /// The pending entries that nobody owns, in the order they were given back.
    pub fn zone(&self) -> impl ExactSizeIterator<Item = StreamId> {
        self.zone.iter().copied()
    }

    /// How many consumers.
    #[must_use]
    pub fn consumers_len(&self) -> usize {
        self.order.len()
    }

    /// The consumers with their places, ascending by name.
    pub fn consumers(&self) -> impl Iterator<Item = (u32, &Consumer)> {
        self.order
            .iter()
            .filter_map(|&at| Some((at, self.consumer(at)?)))
    }

    /// The consumer at a place.
    #[must_use]
    pub fn consumer(&self, at: u32) -> Option<&Consumer> {
        self.slots.get(at as usize)?.as_ref()
    }

    /// The same, to change its times.
    pub fn consumer_mut(&mut self, at: u32) -> Option<&mut Consumer> {
        self.slots.get_mut(at as usize)?.as_mut()
    }

    fn search(&self, name: &[u8]) -> Result<usize, usize> {
        self.order
            .binary_search_by(|&at| self.consumer(at).map_or(&[][..], |c| &c.name).cmp(name))
    }

    /// The place of the consumer with that name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<u32> {
        self.search(name)
            .ok()
            .and_then(|i| self.order.get(i).copied())
    }

    /// The place of the consumer with that name, which is made if there is none: true then.
    pub fn find_or_create(&mut self, name: &[u8], now_ms: i64) -> (u32, bool) {
        let i = match self.search(name) {
            Ok(i) => return (self.order.get(i).copied().unwrap_or(NOBODY), false),
            Err(i) => i,
        };
        let consumer = Consumer {
            name: name.into(),
            seen_time: now_ms,
            active_time: -1,
            pending: 0,
        };
        let free = if self.slots.len() > self.order.len() {
            self.slots.iter().position(Option::is_none)
        } else {
            None
        };
        let at = free.unwrap_or(self.slots.len());
        match self.slots.get_mut(at) {
            Some(slot) => *slot = Some(consumer),
            None => self.slots.push(Some(consumer)),
        }
        // More than 2^32 consumers do not fit into memory.
        let at = u32::try_from(at).unwrap_or(UNDECIDED - 1);
        self.order.insert(i, at);
        (at, true)
    }

    /// Takes out a consumer with all it has pending: how much that was.
    pub fn delete(&mut self, name: &[u8]) -> Option<usize> {
        let i = self.search(name).ok()?;
        let at = self.order.remove(i);
        let gone = self.slots.get_mut(at as usize)?.take()?;
        if gone.pending > 0 {
            self.pel.retain(|p| p.owner != at);
        }
        Some(gone.pending)
    }

    fn count_owner(&mut self, at: u32, by: isize) {
        if let Some(consumer) = self.consumer_mut(at) {
            consumer.pending = consumer.pending.saturating_add_signed(by);
        }
    }

    /// Makes an entry pending, or changes what is known of it.
    pub fn put(&mut self, mut pending: Pending) {
        self.turn = self.turn.wrapping_add(1);
        pending.turn = self.turn;
        let old = self.pel.insert(pending).map(|old| old.owner);
        if old == Some(pending.owner) {
            return;
        }
        match old {
            Some(NOBODY) => self.zone.retain(|id| *id != pending.id),
            Some(owner) => self.count_owner(owner, -1),
            None => {}
        }
        if pending.owner == NOBODY {
            self.zone.push_back(pending.id);
        } else {
            self.count_owner(pending.owner, 1);
        }
    }

    /// All owners are known: what has none is nobody's.
    pub(super) fn decide(&mut self) {
        for pending in self.pel.chunks.iter_mut().flatten() {
            if pending.owner == UNDECIDED {
                pending.owner = NOBODY;
                self.zone.push_back(pending.id);
            }
        }
    }

    /// An entry is no longer pending: false if it was not.
    pub fn ack(&mut self, id: StreamId) -> bool {
        match self.pel.remove(id) {
            None => return false,
            Some(gone) if gone.owner == NOBODY => self.zone.retain(|other| *other != id),
            Some(gone) => self.count_owner(gone.owner, -1),
        }
        true
    }

    /// Bytes it takes beside its own fields.
    pub(super) fn size(&self) -> usize {
        let names: usize = self.slots.iter().flatten().map(|c| c.name.len()).sum();
        self.pel.size()
            + names
            + self.slots.capacity() * size_of::<Option<Consumer>>()
            + self.order.capacity() * 4
            + self.zone.capacity() * 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn pending_entries_are_an_ordered_map(ops in prop::collection::vec((0u8..4, 0u64..300, 0u64..9), 0..1200)) {
            let mut group = Group::default();
            let (a, _) = group.find_or_create(b"a", 0);
            let (b, _) = group.find_or_create(b"b", 0);
            let mut model: BTreeMap<u64, (u64, u32)> = BTreeMap::new();
            for (op, ms, count) in ops {
                let id = StreamId { ms, seq: 0 };
                if op == 0 {
                    prop_assert_eq!(group.ack(id), model.remove(&ms).is_some());
                } else {
                    let owner = [a, b, NOBODY][usize::from(op - 1)];
                    group.put(Pending::new(id, 5, count, owner));
                    model.insert(ms, (count, owner));
                }
            }
            let held: Vec<_> = group.pel().iter().map(|p| (p.id.ms, (p.count, p.owner))).collect();
            let expected: Vec<_> = model.clone().into_iter().collect();
            prop_assert_eq!(&held, &expected);
            prop_assert_eq!(group.pel().len(), model.len());
            for (at, name) in [(a, &b"a"[..]), (b, b"b")] {
                let owned = model.values().filter(|v| v.1 == at).count();
                prop_assert_eq!(group.consumer(at).unwrap().pending, owned);
                prop_assert_eq!(group.find(name), Some(at));
            }
            prop_assert_eq!(group.zone().len(), model.values().filter(|v| v.1 == NOBODY).count());
            let from: Vec<_> = group.pel().from(StreamId { ms: 150, seq: 0 }).map(|p| p.id.ms).collect();
            let expected: Vec<_> = model.range(150..).map(|(ms, _)| *ms).collect();
            prop_assert_eq!(from, expected);
            let gone = group.delete(b"a").unwrap();
            prop_assert_eq!(group.pel().len(), model.len() - gone);
        }
    }

    #[test]
    fn a_pending_entry_takes_41_bytes() {
        let mut group = Group::default();
        let (owner, _) = group.find_or_create(b"c", 0);
        for ms in 0..100_000 {
            group.put(Pending::new(StreamId { ms, seq: 0 }, 0, 1, owner));
        }
        assert!(group.size() < 100_000 * 42, "{}", group.size());
    }
}
