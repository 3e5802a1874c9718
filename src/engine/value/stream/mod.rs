//! Streams: nodes of entries as servers and files hold them, groups, and the ids of producers.
//!
//! ```text
//!   nodes   │ id, listpack of up to 100 entries │ …      ascending; the last one grows, the others are shrunk to fit
//!   groups  name ─▶ last id, entries read, pending entries, consumers
//!   idmp    producer ─▶ its ids with their entries      where there ever was one
//! ```
//! An RDB file holds the same nodes: loading takes them as they are, encoding copies them. Where a node ends decides
//! what `~` trims, so nodes are cut where servers cut them.
//!
//! Source: redis and valkey `src/t_stream.c`.

mod encode;
pub mod group;
pub mod idmp;
mod load;
mod node;

use super::Limits;
use crate::model::kind::StreamId;
use group::{Group, UNKNOWN};
use idmp::Idmp;
pub use load::Builder;
use node::Node;
pub use node::{Entry, Fields};
use std::collections::{BTreeMap, VecDeque};

/// The lowest id.
pub const MIN_ID: StreamId = StreamId { ms: 0, seq: 0 };
/// The highest id.
pub const MAX_ID: StreamId = StreamId {
    ms: u64::MAX,
    seq: u64::MAX,
};

/// What all names and values of an entry may have together, in bytes; a node's listpack as well.
pub const MAX_ENTRY: usize = 1 << 30;

/// A stream.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    nodes: VecDeque<Node>,
    length: u64,
    /// The highest id ever.
    pub last_id: StreamId,
    /// The first id that is not deleted; 0-0 without entries.
    pub first_id: StreamId,
    /// The highest id that was ever deleted by name.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
    groups: BTreeMap<Box<[u8]>, Box<Group>>,
    /// The ids of producers, where that was ever used.
    pub idmp: Option<Box<Idmp>>,
}

/// Up to where a stream is trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until it has so many entries.
    Len(u64),
    /// Until the first entry is this one, or a later one.
    Id(StreamId),
}

/// What happens to pending entries of what is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refs {
    /// They stay.
    #[default]
    Keep,
    /// They go too.
    Delete,
    /// Only what all groups have read and acknowledged is deleted.
    Acked,
}

/// How a stream is trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trim {
    /// Up to where.
    pub until: Until,
    /// Only whole nodes.
    pub approx: bool,
    /// How many entries at most; 0: no limit.
    pub limit: u64,
    /// What happens to pending entries.
    pub refs: Refs,
}

/// The id after this one.
#[must_use]
pub fn next_id(id: StreamId) -> Option<StreamId> {
    match id.seq.checked_add(1) {
        Some(seq) => Some(StreamId { ms: id.ms, seq }),
        None => Some(StreamId {
            ms: id.ms.checked_add(1)?,
            seq: 0,
        }),
    }
}

/// The id before this one.
#[must_use]
pub fn previous_id(id: StreamId) -> Option<StreamId> {
    match id.seq.checked_sub(1) {
        Some(seq) => Some(StreamId { ms: id.ms, seq }),
        None => Some(StreamId {
            ms: id.ms.checked_sub(1)?,
            seq: u64::MAX,
        }),
    }
}

impl Stream {
    /// How many entries.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether it has no entries. It may have groups.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends an entry of `n` fields, which together have so many bytes. `id` must be above [`Stream::last_id`].
    pub fn append<'f, F>(
        &mut self,
        id: StreamId,
        fields: F,
        n: usize,
        bytes: usize,
        limits: &Limits,
    ) where
        F: Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
    {
        let max = match limits.stream_bytes {
            0 => MAX_ENTRY,
            max => max.min(MAX_ENTRY),
        };
        match self.nodes.back_mut() {
            Some(node) if node.takes(bytes, max, limits.stream_entries) => {
                node.append(id, fields, n);
            }
            last => {
                if let Some(full) = last {
                    full.shrink();
                } else {
                    // Most streams are short.
                    self.nodes.reserve_exact(1);
                }
                self.nodes.push_back(Node::begin(id, fields, n, bytes));
            }
        }
        self.length += 1;
        self.entries_added = self.entries_added.wrapping_add(1);
        self.last_id = id;
        if self.length == 1 {
            self.first_id = id;
        }
    }

    /// The node that an id would be in.
    fn node_of(&self, id: StreamId) -> Option<usize> {
        self.nodes.partition_point(|n| n.id <= id).checked_sub(1)
    }

    /// The entries from `from` to `to`, both included.
    #[must_use]
    pub fn range(&self, from: StreamId, to: StreamId) -> Range<'_> {
        Range {
            stream: self,
            node: self.node_of(from).unwrap_or(0),
            entries: None,
            from,
            to,
        }
    }

    /// The same, the last one first.
    #[must_use]
    pub fn range_back(&self, from: StreamId, to: StreamId) -> RangeBack<'_> {
        RangeBack {
            stream: self,
            nodes: self.nodes.partition_point(|n| n.id <= to),
            entries: Vec::new(),
            from,
            to,
        }
    }

    /// All entries.
    #[must_use]
    pub fn iter(&self) -> Range<'_> {
        self.range(MIN_ID, MAX_ID)
    }

    /// The first entry.
    #[must_use]
    pub fn first(&self) -> Option<Entry<'_>> {
        self.iter().next()
    }

    /// The last entry.
    #[must_use]
    pub fn last(&self) -> Option<Entry<'_>> {
        self.range_back(MIN_ID, MAX_ID).next()
    }

    /// The entry with that id.
    #[must_use]
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id, id).next()
    }

    /// Deletes an entry: false if there is none. [`Stream::first_id`] is for the caller to set again, with
    /// [`Stream::set_first`].
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some(i) = self.node_of(id) else {
            return false;
        };
        let Some(node) = self.nodes.get_mut(i) else {
            return false;
        };
        let found = node
            .entries()
            .take_while(|e| e.id <= id)
            .find(|e| e.id == id && !e.is_deleted())
            .map(|e| e.at());
        let Some(at) = found else {
            return false;
        };
        if node.live() <= 1 {
            self.nodes.remove(i);
        } else {
            node.delete(&[at]);
        }
        self.length = self.length.saturating_sub(1);
        true
    }

    /// Looks for the first entry again, after entries went.
    pub fn set_first(&mut self) {
        self.first_id = self.first().map_or(MIN_ID, |e| e.id);
    }

    /// Deletes entries by name, as `XDEL` does: how many there were.
    pub fn delete_all(&mut self, ids: &[StreamId]) -> usize {
        let mut deleted = 0;
        let mut first_gone = false;
        for &id in ids {
            if self.delete(id) {
                first_gone |= id == self.first_id;
                self.max_deleted_id = self.max_deleted_id.max(id);
                deleted += 1;
            }
        }
        if first_gone || self.length == 0 && deleted > 0 {
            self.set_first();
        }
        deleted
    }

    /// Trims from the front: how many entries went.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let mut gone = 0;
        let mut i = 0;
        while let Some(node) = self.nodes.get(i) {
            if matches!(trim.until, Until::Len(max) if self.length <= max) {
                break;
            }
            let live = node.live();
            if trim.limit != 0 && gone + live > trim.limit {
                break;
            }
            let whole = match trim.until {
                Until::Len(max) => self.length.saturating_sub(live) >= max,
                Until::Id(id) => node.last_id() < id,
            };
            if whole && trim.refs == Refs::Keep {
                self.nodes.remove(i);
                self.length = self.length.saturating_sub(live);
                gone += live;
                continue;
            }
            // With references to look at, servers go on within the node, `~` or not.
            if !whole && trim.approx && trim.refs == Refs::Keep {
                break;
            }
            let removed = self.trim_within(i, trim);
            gone += removed;
            if self.nodes.get(i).is_some_and(|n| n.live() == 0) && trim.refs != Refs::Keep {
                self.nodes.remove(i);
            } else {
                i += 1;
            }
            if !whole {
                break;
            }
        }
        if gone > 0 {
            self.set_first();
        }
        gone
    }

    /// Trims within a node.
    fn trim_within(&mut self, i: usize, trim: &Trim) -> u64 {
        let Some(node) = self.nodes.get(i) else {
            return 0;
        };
        let mut left = match trim.until {
            Until::Len(max) => self.length.saturating_sub(max),
            Until::Id(_) => u64::MAX,
        };
        let mut places = Vec::new();
        let mut ids = Vec::new();
        for entry in node.entries() {
            if left == 0 || matches!(trim.until, Until::Id(id) if entry.id >= id) {
                break;
            }
            if entry.is_deleted() || trim.refs == Refs::Acked && self.is_referenced(entry.id) {
                continue;
            }
            left -= 1;
            places.push(entry.at());
            ids.push(entry.id);
        }
        if let Some(node) = self.nodes.get_mut(i) {
            node.delete(&places);
        }
        if trim.refs != Refs::Keep {
            for id in ids {
                self.drop_refs(id);
            }
        }
        let gone = places.len() as u64;
        self.length = self.length.saturating_sub(gone);
        gone
    }

    /// Whether a group still needs an entry: it has not read it yet, or has it pending.
    #[must_use]
    pub fn is_referenced(&self, id: StreamId) -> bool {
        self.groups
            .values()
            .any(|g| g.last_id < id || g.pel().get(id).is_some())
    }

    /// No group has the entry pending from now on.
    pub fn drop_refs(&mut self, id: StreamId) {
        for group in self.groups.values_mut() {
            group.ack(id);
        }
    }

    /// The groups, ascending by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, g)| (&**name, &**g))
    }

    /// The group with that name.
    #[must_use]
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name).map(|g| &**g)
    }

    /// The same, to change it.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.groups.get_mut(name).map(|g| &mut **g)
    }

    /// Puts a group in: false if there is one of that name.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        if self.groups.contains_key(name) {
            return false;
        }
        self.groups.insert(name.into(), Box::new(group));
        true
    }

    /// Takes a group out.
    pub fn remove_group(&mut self, name: &[u8]) -> Option<Group> {
        self.groups.remove(name).map(|g| *g)
    }

    /// How many nodes, and how many nodes a radix tree of their ids has: what `XINFO STREAM` tells.
    #[must_use]
    pub fn tree(&self) -> (usize, usize) {
        let keys: Vec<u128> = self
            .nodes
            .iter()
            .map(|n| (u128::from(n.id.ms) << 64) | u128::from(n.id.seq))
            .collect();
        (keys.len(), radix_nodes(&keys, 0).max(1))
    }

    /// Bytes it takes, roughly: what it has allocated.
    #[must_use]
    pub fn size(&self) -> usize {
        let nodes: usize = self.nodes.iter().map(Node::capacity).sum();
        let groups: usize = self
            .groups
            .iter()
            .map(|(name, g)| name.len() + size_of::<Group>() + 24 + g.size())
            .sum();
        size_of::<Stream>()
            + nodes
            + self.nodes.capacity() * size_of::<Node>()
            + groups
            + self.idmp.as_ref().map_or(0, |i| i.size() + 64)
    }

    /// How many entries were added up to `id`; [`UNKNOWN`] where that cannot be told. (The estimate that servers make in
    /// `streamEstimateDistanceFromFirstEverEntry`. `strict`: an id below the highest that was deleted tells nothing.)
    #[must_use]
    pub fn entries_until(&self, id: StreamId, strict: bool) -> i64 {
        if self.entries_added == 0 {
            return 0;
        }
        let added = self.entries_added.cast_signed();
        if self.length == 0 && id <= self.last_id {
            return added;
        }
        if strict && id != MIN_ID && id < self.max_deleted_id {
            return UNKNOWN;
        }
        if id == self.last_id {
            return added;
        }
        if id > self.last_id {
            return UNKNOWN;
        }
        if self.max_deleted_id == MIN_ID || self.max_deleted_id < self.first_id {
            let before = added.wrapping_sub(self.length.cast_signed());
            if id < self.first_id {
                return before;
            }
            if id == self.first_id {
                return before.wrapping_add(1);
            }
        }
        UNKNOWN
    }

    /// Whether an entry that was deleted by name may stand from `from` on; `outside`: also where it stood in front of
    /// all that is left.
    #[must_use]
    pub fn has_tombstones(&self, from: StreamId, outside: bool) -> bool {
        if self.length == 0 || self.max_deleted_id == MIN_ID {
            return false;
        }
        (outside || self.first_id <= self.max_deleted_id) && from <= self.max_deleted_id
    }
}

/// How many nodes a radix tree of those keys of 16 bytes has: a node for each run of bytes without a choice, for each
/// choice, and for each end. The keys agree in their first `depth` bytes and are ascending.
fn radix_nodes(keys: &[u128], depth: u32) -> usize {
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else {
        return 0;
    };
    if first == last {
        return if depth < 16 { 2 } else { 1 };
    }
    let common = (first ^ last).leading_zeros() / 8;
    let mut nodes = 1 + usize::from(common > depth);
    let byte = |key: &u128| (key >> (8 * (15 - common.min(15)))) & 0xff;
    for group in keys.chunk_by(|a, b| byte(a) == byte(b)) {
        nodes += radix_nodes(group, common + 1);
    }
    nodes
}

/// See [`Stream::range`].
#[derive(Debug, Clone)]
pub struct Range<'a> {
    stream: &'a Stream,
    node: usize,
    entries: Option<node::Entries<'a>>,
    from: StreamId,
    to: StreamId,
}

impl<'a> Iterator for Range<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if let Some(entries) = &mut self.entries {
                for entry in entries {
                    if entry.id > self.to {
                        self.node = usize::MAX;
                        self.entries = None;
                        return None;
                    }
                    if entry.id >= self.from && !entry.is_deleted() {
                        return Some(entry);
                    }
                }
                self.node = self.node.saturating_add(1);
            }
            let node = self.stream.nodes.get(self.node)?;
            self.entries = Some(node.entries());
        }
    }
}

/// See [`Stream::range_back`].
#[derive(Debug, Clone)]
pub struct RangeBack<'a> {
    stream: &'a Stream,
    /// So many nodes are still to come.
    nodes: usize,
    /// Entries of the node under way, to be given from the back.
    entries: Vec<Entry<'a>>,
    from: StreamId,
    to: StreamId,
}

impl<'a> Iterator for RangeBack<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if let Some(entry) = self.entries.pop() {
                if entry.id < self.from {
                    self.nodes = 0;
                    self.entries = Vec::new();
                    return None;
                }
                return Some(entry);
            }
            self.nodes = self.nodes.checked_sub(1)?;
            let node = self.stream.nodes.get(self.nodes)?;
            let to = self.to;
            self.entries.extend(
                node.entries()
                    .take_while(|e| e.id <= to)
                    .filter(|e| !e.is_deleted()),
            );
        }
    }
}

#[cfg(test)]
mod tests;
