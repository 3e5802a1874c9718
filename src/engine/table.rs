//! Things found by a name that they hold themselves, kept in the order they came in.
//!
//! ```text
//!   items  │ thing │ thing │ thing │ …                16 bytes each for a key
//!   index    hash table of (place in items, 32 bits of hash): 8 bytes and a byte of control
//! ```
//! The things stand in one vector, so going over them is fast and always gives the same order, and a place is a random
//! element. Growing the table never touches the things themselves: their hashes stand in the index. Removing puts the
//! last thing into the gap.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::{BuildHasher, Hasher};

/// Has a name that it can be found by.
pub trait Named {
    /// The name.
    fn name(&self) -> &[u8];
}

/// How many names [`Table::touch`] takes.
pub const TOUCHED: usize = 16;

#[derive(Debug, Clone, Copy)]
struct Link {
    at: u32,
    hash: u32,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Table<T> {
    items: Vec<T>,
    index: HashTable<Link>,
}

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table {
            items: Vec::new(),
            index: HashTable::new(),
        }
    }
}

/// The hash of a name: the same for all tables of this process, another one in the next.
#[must_use]
#[inline]
pub fn hash(name: &[u8]) -> u32 {
    static STATE: std::sync::LazyLock<foldhash::fast::RandomState> =
        std::sync::LazyLock::new(foldhash::fast::RandomState::default);
    let mut hasher = STATE.build_hasher();
    hasher.write(name);
    #[allow(
        clippy::cast_possible_truncation,
        reason = "half of the hash is kept, folded"
    )]
    {
        let h = hasher.finish();
        (h ^ (h >> 32)) as u32
    }
}

/// The hash that the index wants: both its ends are used.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<T: Named> Table<T> {
    /// How many things.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The place of the thing with that name.
    #[must_use]
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        self.find_hashed(name, hash(name))
    }

    /// The same, with the name's [`hash`] at hand.
    #[must_use]
    #[inline]
    pub fn find_hashed(&self, name: &[u8], hash: u32) -> Option<usize> {
        self.index
            .find(spread(hash), |link| {
                link.hash == hash
                    && self
                        .items
                        .get(link.at as usize)
                        .is_some_and(|t| t.name() == name)
            })
            .map(|link| link.at as usize)
    }

    /// Looks at the things that these names may belong to, so that they are in the processor's caches when they are
    /// looked up in earnest. In steps, each over all names: so the waits for memory overlap instead of adding up.
    #[inline]
    pub fn touch(&self, names: &[&[u8]; TOUCHED]) {
        let mut places = [u32::MAX; TOUCHED];
        let mut hashes = [0; TOUCHED];
        for (hash_of, name) in hashes.iter_mut().zip(names) {
            *hash_of = hash(name);
        }
        for (place, hash) in places.iter_mut().zip(hashes) {
            if let Some(link) = self.index.find(spread(hash), |link| link.hash == hash) {
                *place = link.at;
            }
        }
        let mut seen = 0;
        for place in places {
            if let Some(thing) = self.items.get(place as usize) {
                seen += thing.name().first().map_or(0, |b| usize::from(*b));
            }
        }
        std::hint::black_box(seen);
    }

    /// The thing at a place.
    #[must_use]
    #[inline]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.items.get(at)
    }

    /// The thing at a place. Its name must stay what it is.
    #[inline]
    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.items.get_mut(at)
    }

    /// Adds a thing, or puts it in the place of the one with the same name. Its place, and the one it replaces.
    pub fn insert(&mut self, thing: T) -> (usize, Option<T>) {
        let hash = hash(thing.name());
        self.insert_hashed(thing, hash)
    }

    /// The same, with the [`hash`] of the thing's name at hand.
    pub fn insert_hashed(&mut self, thing: T, hash: u32) -> (usize, Option<T>) {
        let items = &mut self.items;
        let entry = self.index.entry(
            spread(hash),
            |link| {
                link.hash == hash
                    && items
                        .get(link.at as usize)
                        .is_some_and(|t| t.name() == thing.name())
            },
            |link| spread(link.hash),
        );
        match entry {
            Entry::Occupied(entry) => {
                let at = entry.get().at as usize;
                let old = items.get_mut(at).map(|old| std::mem::replace(old, thing));
                (at, old)
            }
            Entry::Vacant(entry) => {
                // More than 2^32 things do not fit into memory.
                let at = u32::try_from(items.len()).unwrap_or(u32::MAX);
                entry.insert(Link { at, hash });
                if items.len() == items.capacity() {
                    // By a quarter: doubling would leave a third of large tables empty.
                    items.reserve_exact((items.len() / 4).max(8));
                }
                items.push(thing);
                (at as usize, None)
            }
        }
    }

    /// Takes out the thing at a place; the last one comes into its place.
    pub fn swap_remove(&mut self, at: usize) -> Option<T> {
        let hash = hash(self.items.get(at)?.name());
        self.swap_remove_hashed(at, hash)
    }

    /// The same, with the [`hash`] of its name at hand.
    pub fn swap_remove_hashed(&mut self, at: usize, gone: u32) -> Option<T> {
        let last = self.items.len().checked_sub(1)?;
        if at > last {
            return None;
        }
        if let Ok(entry) = self
            .index
            .find_entry(spread(gone), |link| link.at as usize == at)
        {
            entry.remove();
        }
        if at != last
            && let Some(moved) = self.items.get(last)
        {
            let hash = hash(moved.name());
            if let Some(link) = self
                .index
                .find_mut(spread(hash), |link| link.at as usize == last)
            {
                link.at = u32::try_from(at).unwrap_or(u32::MAX);
            }
        }
        let gone = self.items.swap_remove(at);
        // What shrinks to a quarter gives back what it held.
        if self.items.capacity() > 64 && self.items.len() < self.items.capacity() / 4 {
            self.items.shrink_to(self.items.len() * 2);
            self.index
                .shrink_to(self.items.len() * 2, |link| spread(link.hash));
        }
        Some(gone)
    }

    /// All things in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }

    /// All things in order.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.items
    }

    /// All things in order, to be changed. Their names must stay what they are.
    pub fn for_each_mut(&mut self, change: impl FnMut(&mut T)) {
        self.items.iter_mut().for_each(change);
    }

    /// Room for so many more things.
    pub fn reserve(&mut self, more: usize) {
        self.items.reserve_exact(more.max(self.items.len() / 4));
        self.index.reserve(more, |link| spread(link.hash));
    }

    /// All things, out of the table.
    #[must_use]
    pub fn into_items(self) -> Vec<T> {
        self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone, PartialEq)]
    struct Pair(Vec<u8>, u32);

    impl Named for Pair {
        fn name(&self) -> &[u8] {
            &self.0
        }
    }

    proptest! {
        #[test]
        fn it_is_a_map(ops in prop::collection::vec((any::<bool>(), 0u8..40, any::<u32>()), 0..400)) {
            let mut table = Table::default();
            let mut model = BTreeMap::new();
            for (add, name, value) in ops {
                let name = vec![b'k', name];
                if add {
                    let old = table.insert(Pair(name.clone(), value)).1;
                    prop_assert_eq!(old.map(|p| p.1), model.insert(name, value));
                } else {
                    let gone = table.find(&name).and_then(|at| table.swap_remove(at));
                    prop_assert_eq!(gone.map(|p| p.1), model.remove(&name));
                }
            }
            prop_assert_eq!(table.len(), model.len());
            for (name, value) in &model {
                let at = table.find(name).unwrap();
                prop_assert_eq!(table.get(at).unwrap().1, *value);
            }
            prop_assert!(table.find(b"nosuch").is_none());
        }
    }
}
