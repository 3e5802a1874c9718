//! Ids of producers that are remembered, so that an entry that is sent twice is added once.

use crate::model::kind::StreamId;
use hashbrown::HashTable;
use std::collections::{BTreeMap, VecDeque};

/// For how many seconds an id is remembered, unless the stream says otherwise.
pub const DURATION: u64 = 100;
/// How many are remembered a producer, unless the stream says otherwise.
pub const MAX: u64 = 100;

/// What a stream remembers of its producers.
#[derive(Debug, Clone)]
pub struct Idmp {
    /// For how long, in seconds.
    pub duration: u64,
    /// How many ids a producer.
    pub max: u64,
    /// How many were ever added.
    pub added: u64,
    /// How many duplicates there were.
    pub duplicates: u64,
    producers: BTreeMap<Box<[u8]>, Producer>,
}

impl Default for Idmp {
    fn default() -> Idmp {
        Idmp {
            duration: DURATION,
            max: MAX,
            added: 0,
            duplicates: 0,
            producers: BTreeMap::new(),
        }
    }
}

/// A producer's ids, the oldest first.
#[derive(Debug, Clone, Default)]
pub struct Producer {
    ids: VecDeque<(Box<[u8]>, StreamId)>,
    /// Numbers of the ids, counted from the first that ever was.
    index: HashTable<u64>,
    /// The number of the oldest that is left.
    first: u64,
}

fn hash(iid: &[u8]) -> u64 {
    u64::from(crate::engine::table::hash(iid)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Producer {
    /// Its ids with their entries, the oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], StreamId)> {
        self.ids.iter().map(|(iid, id)| (&**iid, *id))
    }

    fn get(&self, iid: &[u8]) -> Option<StreamId> {
        let n = self.index.find(hash(iid), |n| {
            self.at(*n).is_some_and(|(known, _)| **known == *iid)
        })?;
        self.at(*n).map(|(_, id)| *id)
    }

    fn at(&self, n: u64) -> Option<&(Box<[u8]>, StreamId)> {
        self.ids
            .get(usize::try_from(n.checked_sub(self.first)?).ok()?)
    }

    fn push(&mut self, iid: &[u8], id: StreamId) {
        let n = self.first + self.ids.len() as u64;
        self.ids.push_back((iid.into(), id));
        let (ids, first) = (&self.ids, self.first);
        self.index.insert_unique(hash(iid), n, |n| {
            usize::try_from(n.wrapping_sub(first))
                .ok()
                .and_then(|i| ids.get(i))
                .map_or(0, |(iid, _)| hash(iid))
        });
    }

    fn pop(&mut self) {
        if let Some((iid, _)) = self.ids.pop_front() {
            let first = self.first;
            if let Ok(entry) = self.index.find_entry(hash(&iid), |n| *n == first) {
                entry.remove();
            }
            self.first += 1;
        }
    }
}

impl Idmp {
    /// The producers, ascending by name.
    pub fn producers(&self) -> impl ExactSizeIterator<Item = (&[u8], &Producer)> {
        self.producers.iter().map(|(pid, p)| (&**pid, p))
    }

    /// Whether it is as that of a stream that never heard of it.
    pub(super) fn is_unused(&self) -> bool {
        (self.duration, self.max, self.added, self.duplicates) == (DURATION, MAX, 0, 0)
            && self.producers.is_empty()
    }

    /// How many ids are remembered.
    #[must_use]
    pub fn ids(&self) -> usize {
        self.producers.values().map(|p| p.ids.len()).sum()
    }

    /// The entry that a producer's id made.
    #[must_use]
    pub fn get(&self, pid: &[u8], iid: &[u8]) -> Option<StreamId> {
        self.producers.get(pid)?.get(iid)
    }

    /// Remembers an id, as the newest of its producer; the oldest go where there are too many.
    pub fn add(&mut self, pid: &[u8], iid: &[u8], id: StreamId) {
        self.added = self.added.wrapping_add(1);
        self.push(pid, iid, id);
        let max = usize::try_from(self.max).unwrap_or(usize::MAX);
        if let Some(producer) = self.producers.get_mut(pid) {
            while producer.ids.len() > max {
                producer.pop();
            }
        }
    }

    /// Remembers an id that a file holds, as many as there are. Of two that are equal the first stays.
    pub(super) fn push(&mut self, pid: &[u8], iid: &[u8], id: StreamId) {
        self.producer(pid);
        if let Some(producer) = self.producers.get_mut(pid)
            && producer.get(iid).is_none()
        {
            producer.push(iid, id);
        }
    }

    /// A producer that may have no ids.
    pub(super) fn producer(&mut self, pid: &[u8]) {
        if !self.producers.contains_key(pid) {
            self.producers.insert(pid.into(), Producer::default());
        }
    }

    /// An id goes, so that it can be remembered anew.
    pub fn forget(&mut self, pid: &[u8], iid: &[u8]) {
        if let Some(producer) = self.producers.get_mut(pid)
            && producer.get(iid).is_some()
        {
            let rest = std::mem::take(producer);
            for (known, id) in rest.ids {
                if *known != *iid {
                    producer.push(&known, id);
                }
            }
        }
    }

    /// Forgets what is older than the duration.
    pub fn expire(&mut self, now_ms: i64) {
        let now = u64::try_from(now_ms).unwrap_or(0);
        let Some(oldest) = now.checked_sub(self.duration.saturating_mul(1000)) else {
            return;
        };
        self.producers.retain(|_, producer| {
            while producer.ids.front().is_some_and(|(_, id)| id.ms < oldest) {
                producer.pop();
            }
            !producer.ids.is_empty()
        });
    }

    /// Forgets all producers.
    pub fn clear(&mut self) {
        self.producers.clear();
    }

    /// Bytes it takes.
    pub(super) fn size(&self) -> usize {
        self.producers
            .iter()
            .map(|(pid, p)| {
                let ids: usize = p.ids.iter().map(|(iid, _)| iid.len()).sum();
                pid.len() + ids + p.ids.capacity() * 32 + p.index.capacity() * 9 + 96
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64) -> StreamId {
        StreamId { ms, seq: 0 }
    }

    #[test]
    fn the_oldest_go_first() {
        let mut idmp = Idmp {
            max: 2,
            ..Idmp::default()
        };
        for (iid, ms) in [("a", 1000), ("b", 2000), ("c", 3000)] {
            idmp.add(b"p", iid.as_bytes(), id(ms));
        }
        assert_eq!(idmp.get(b"p", b"a"), None);
        assert_eq!(idmp.get(b"p", b"c"), Some(id(3000)));
        assert_eq!((idmp.ids(), idmp.added), (2, 3));
        idmp.expire(102_500);
        assert_eq!(idmp.get(b"p", b"b"), None);
        assert_eq!(idmp.get(b"p", b"c"), Some(id(3000)));
        idmp.expire(200_000);
        assert_eq!(idmp.producers().len(), 0);
    }
}
