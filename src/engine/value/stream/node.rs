//! A node of a stream: a listpack of entries behind a master entry, as servers and RDB files hold it.
//!
//! ```text
//!   live deleted n name… 0                  the master entry: counts, the names of the first entry's fields
//!   flags ms-diff seq-diff body lp-count    each entry; ids are differences to the node's, flags: 1 deleted,
//!                                           2 the body is n values; else it is a count and pairs
//! ```
//! What is here was appended here or has been checked by [`Node::adopt`].

use crate::model::kind::StreamId;
use crate::packed::pack::{self, Pack, View};
use crate::packed::string::Str;

const DELETED: u8 = 1;
const SAME: u8 = 2;
/// Where the first element of a listpack begins: the count of live entries.
const FIRST: usize = 6;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// The id that those of the entries are differences to: that of the first entry, even if it is deleted.
    pub(super) id: StreamId,
    bytes: Vec<u8>,
}

/// What the master entry says.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Head {
    /// Entries that are not deleted.
    pub(super) live: u64,
    /// Entries that are.
    pub(super) deleted: u64,
    /// How many field names it has.
    names: usize,
    names_at: usize,
    entries_at: usize,
}

/// An entry of a stream.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    /// Its fields.
    pub fields: Fields<'a>,
    flags: u8,
    at: usize,
}

impl Entry<'_> {
    pub(super) fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    /// Where it begins in its node.
    pub(super) fn at(&self) -> usize {
        self.at
    }
}

/// The fields of an entry: name and value.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    left: usize,
    /// The master's names, unless they stand in front of each value.
    names: Option<pack::Iter<'a>>,
    body: pack::Iter<'a>,
}

impl Fields<'_> {
    /// How many fields are left.
    #[must_use]
    pub fn len(&self) -> usize {
        self.left
    }

    /// Whether none are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Str<'a>, Str<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => names.next()?,
            None => self.body.next()?,
        };
        Some((name.value, self.body.next()?.value))
    }
}

fn int(iter: &mut pack::Iter<'_>) -> Option<i64> {
    match iter.next()?.value {
        Str::Int(v) => Some(v),
        _ => None,
    }
}

fn count(iter: &mut pack::Iter<'_>) -> Option<usize> {
    int(iter).and_then(|n| usize::try_from(n).ok())
}

/// The entries of a node, deleted ones included.
#[derive(Debug, Clone)]
pub(super) struct Entries<'a> {
    id: StreamId,
    names: pack::Iter<'a>,
    n: usize,
    iter: pack::Iter<'a>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        let at = self.iter.at();
        let flags = u8::try_from(int(&mut self.iter)?).ok()?;
        let ms = int(&mut self.iter)?.cast_unsigned();
        let seq = int(&mut self.iter)?.cast_unsigned();
        let same = flags & SAME != 0;
        let n = if same { self.n } else { count(&mut self.iter)? };
        let fields = Fields {
            left: n,
            names: same.then(|| self.names.clone()),
            body: self.iter.clone(),
        };
        // The fields, and the count behind them.
        for _ in 0..(if same { n } else { n.saturating_mul(2) }) {
            self.iter.skip_one();
        }
        self.iter.skip_one();
        Some(Entry {
            id: StreamId {
                ms: self.id.ms.wrapping_add(ms),
                seq: self.id.seq.wrapping_add(seq),
            },
            fields,
            flags,
            at,
        })
    }
}

impl Node {
    /// A node that begins with that entry.
    pub(super) fn begin<'f, F>(id: StreamId, fields: F, n: usize, bytes: usize) -> Node
    where
        F: Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
    {
        let mut vec = Vec::with_capacity(24 + 3 * n + bytes);
        vec.extend_from_slice(&pack::EMPTY);
        let mut pack = Pack::new(&mut vec, 0);
        pack.push_int(1);
        pack.push_int(0);
        pack.push_int(n as i64);
        for (name, _) in fields.clone() {
            pack.push(name);
        }
        pack.push_int(0);
        let mut node = Node { id, bytes: vec };
        node.push(id, fields, n, true);
        node
    }

    /// A node of a file, if all of it is as it would have been written here: `None` where counts or ids do not agree, or
    /// an entry is not above `last`. Servers that count lengths differently at 16383 bytes and its like are among those.
    pub(super) fn adopt(id: StreamId, bytes: &[u8], last: Option<StreamId>) -> Option<Node> {
        let node = Node {
            id,
            bytes: bytes.to_vec(),
        };
        node.is_sound(last).then_some(node)
    }

    fn is_sound(&self, mut last: Option<StreamId>) -> bool {
        let Some(head) = self.parse_head() else {
            return false;
        };
        // Every element in its place, and the end mark behind the last.
        let (mut elements, mut end) = (0usize, FIRST);
        for element in self.view().iter() {
            elements += 1;
            end = element.end;
        }
        let whole = end + 1 == self.bytes.len()
            && self.bytes.last() == Some(&0xff)
            && self.view().len() == elements
            && u32::try_from(self.bytes.len())
                .is_ok_and(|n| self.bytes.first_chunk() == Some(&n.to_le_bytes()));
        if !whole || self.view().iter_back().count() != elements {
            return false;
        }
        let (mut live, mut deleted) = (0, 0);
        let mut iter = self.view().iter_from(head.entries_at);
        let mut entries = self.entries();
        while iter.at() + 1 < self.bytes.len() {
            let Some(entry) = entries.next() else {
                return false;
            };
            let n = entry.fields.len();
            let elements = if entry.flags & SAME != 0 {
                n + 3
            } else {
                n.saturating_mul(2).saturating_add(4)
            };
            if entry.flags > DELETED | SAME || elements > self.bytes.len() {
                return false;
            }
            for _ in 0..elements {
                iter.skip_one();
            }
            if int(&mut iter) != i64::try_from(elements).ok() || iter.at() != entries.iter.at() {
                return false;
            }
            if last.is_some_and(|last| entry.id <= last) || entry.id < self.id {
                return false;
            }
            last = Some(entry.id);
            if entry.is_deleted() {
                deleted += 1;
            } else {
                live += 1;
            }
        }
        (head.live, head.deleted) == (live, deleted) && live > 0
    }

    /// All of its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn view(&self) -> View<'_> {
        View::new(&self.bytes)
    }

    fn parse_head(&self) -> Option<Head> {
        let mut iter = self.view().iter();
        let live = u64::try_from(int(&mut iter)?).ok()?;
        let deleted = u64::try_from(int(&mut iter)?).ok()?;
        let names = count(&mut iter).filter(|n| *n <= self.bytes.len())?;
        let names_at = iter.at();
        for _ in 0..names {
            iter.skip_one();
        }
        (int(&mut iter)? == 0).then_some(Head {
            live,
            deleted,
            names,
            names_at,
            entries_at: iter.at(),
        })
    }

    pub(super) fn head(&self) -> Head {
        self.parse_head().unwrap_or_default()
    }

    /// Entries that are not deleted.
    pub(super) fn live(&self) -> u64 {
        match self.view().iter().next().map(|e| e.value) {
            Some(Str::Int(n)) => u64::try_from(n).unwrap_or(0),
            _ => 0,
        }
    }

    /// All entries, deleted ones included.
    pub(super) fn entries(&self) -> Entries<'_> {
        let head = self.head();
        Entries {
            id: self.id,
            names: self.view().iter_from(head.names_at),
            n: head.names,
            iter: self.view().iter_from(head.entries_at),
        }
    }

    /// The id of the last entry, even if it is deleted.
    pub(super) fn last_id(&self) -> StreamId {
        self.entries().last().map_or(self.id, |e| e.id)
    }

    /// Whether another entry of so many bytes is to go into it.
    pub(super) fn takes(&self, bytes: usize, max_bytes: usize, max_entries: usize) -> bool {
        if self.bytes.len() + bytes >= max_bytes {
            return false;
        }
        if max_entries == 0 {
            return true;
        }
        let mut iter = self.view().iter();
        let live = int(&mut iter).unwrap_or(0);
        let deleted = int(&mut iter).unwrap_or(0);
        live.saturating_add(deleted) < i64::try_from(max_entries).unwrap_or(i64::MAX)
    }

    /// Appends an entry, whose id is above all others.
    pub(super) fn append<'f, F>(&mut self, id: StreamId, fields: F, n: usize)
    where
        F: Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
    {
        match self.bytes.get_mut(FIRST) {
            // A count below 127 is a byte, and stays one.
            Some(live @ 0..=0x7e) => *live += 1,
            _ => {
                let live = self.live() + 1;
                self.put_int(0, live);
            }
        }
        let head = self.head();
        let same = head.names == n && {
            let names = self.view().iter_from(head.names_at);
            fields
                .clone()
                .zip(names)
                .all(|((name, _), known)| known.value.with(|b| b == Some(name)))
        };
        self.push(id, fields, n, same);
    }

    /// Writes an entry behind the last.
    #[inline]
    fn push<'f, F>(&mut self, id: StreamId, fields: F, n: usize, same: bool)
    where
        F: Iterator<Item = (&'f [u8], &'f [u8])>,
    {
        let mut pack = Pack::new(&mut self.bytes, 0);
        pack.push_int(if same { i64::from(SAME) } else { 0 });
        pack.push_int(id.ms.wrapping_sub(self.id.ms).cast_signed());
        pack.push_int(id.seq.wrapping_sub(self.id.seq).cast_signed());
        let n = n as i64;
        if !same {
            pack.push_int(n);
        }
        for (name, value) in fields {
            if !same {
                pack.push(name);
            }
            pack.push(value);
        }
        pack.push_int(if same { n + 3 } else { 2 * n + 4 });
    }

    /// Writes one of the two counts.
    fn put_int(&mut self, which: usize, v: u64) {
        let place = self.view().iter().nth(which).map(|e| (e.at, e.end));
        if let Some((at, end)) = place {
            Pack::new(&mut self.bytes, 0).replace_int(at, end, v.cast_signed());
        }
    }

    /// Marks the entries that begin there as deleted. The counts follow.
    pub(super) fn delete(&mut self, at: &[usize]) {
        let head = self.head();
        let n = at.len() as u64;
        for &at in at {
            if let Some(flags) = self.bytes.get_mut(at) {
                *flags |= DELETED;
            }
        }
        self.put_int(0, head.live.saturating_sub(n));
        self.put_int(1, head.deleted + n);
    }

    /// Gives back what it does not need.
    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Bytes it takes, what it holds in reserve included.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}
