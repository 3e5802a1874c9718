//! All databases, and the one gate through which they change.
//!
//! ```text
//!   find ─▶ ValueRef        to read
//!   edit ─▶ Edit            to change in place; what is left empty goes when the edit ends
//!   put, remove, flush …    whole keys
//!   part, lend, take_back   keys in two lanes, one of which another thread may work on
//! ```
//! Whoever has to know of changes (transactions that watch, blocked clients, notifications, a snapshot under way) is
//! told here and nowhere else.

use super::entry::{Entry, Head, Slot, ValueRef};
use super::random::Random;
use super::table::{self, TOUCHED, Table};
use super::value::Limits;
use crate::model::kind::Kind;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};

/// A half of the keys of a database, or all of them: see [`Keys::part`].
#[derive(Debug, Clone, Default)]
struct Lane {
    slots: Table<Slot>,
    expires: usize,
}

impl Lane {
    fn put(&mut self, ready: Ready) -> Option<Slot> {
        self.expires += usize::from(ready.expires);
        let (_, old) = self.slots.insert_hashed(ready.slot, ready.hash);
        let expired = old.as_ref().is_some_and(|o| o.head().expire_ms.is_some());
        self.expires -= usize::from(expired);
        old
    }

    fn take(&mut self, place: usize, hash: u32) -> Option<Slot> {
        let gone = self.slots.swap_remove_hashed(place, hash)?;
        self.expires -= usize::from(gone.head().expire_ms.is_some());
        Some(gone)
    }
}

/// A key and what has to be known of it to put it in: so whoever makes it, maybe in another thread, looks at it, and not
/// all threads one after the other.
#[derive(Debug)]
pub struct Ready {
    slot: Slot,
    hash: u32,
    lane: usize,
    expires: bool,
}

impl Ready {
    /// Looks at a key.
    #[must_use]
    #[inline]
    pub fn of(slot: Slot) -> Ready {
        let head = slot.head();
        Ready {
            hash: table::hash(head.name),
            lane: lane_of(head.name),
            expires: head.expire_ms.is_some(),
            slot,
        }
    }
}

/// How many lanes there are where keys are parted.
pub const LANES: usize = 2;

/// The lane of a key where keys are parted: the same in every process, as the order of keys hangs on it.
#[must_use]
#[inline]
pub fn lane_of(name: &[u8]) -> usize {
    const STATE: foldhash::fast::FixedState = foldhash::fast::FixedState::with_seed(LANES as u64);
    let mut hasher = STATE.build_hasher();
    hasher.write(name);
    usize::from(hasher.finish() & 1 == 1)
}

/// The keys of one database.
#[derive(Debug, Clone, Default)]
pub struct Db {
    lanes: [Lane; LANES],
    parted: bool,
}

/// All keys of a database, out of it.
pub type Slots = std::iter::Flatten<std::array::IntoIter<Vec<Slot>, LANES>>;

impl Db {
    fn new(parted: bool) -> Db {
        Db {
            parted,
            ..Db::default()
        }
    }

    /// How many keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.slots.len()).sum()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many keys have an expiry.
    #[must_use]
    pub fn expires(&self) -> usize {
        self.lanes.iter().map(|lane| lane.expires).sum()
    }

    /// All keys, lane by lane in the order they came (a removal moves the last one into the gap).
    pub fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots().into_iter().flatten()
    }

    /// The same, in a slice for each lane.
    #[must_use]
    pub fn slots(&self) -> [&[Slot]; LANES] {
        self.lanes.each_ref().map(|lane| lane.slots.as_slice())
    }

    /// The key with that name, even past its expiry.
    #[must_use]
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<&Slot> {
        let slots = &self.lane(name).slots;
        slots.get(slots.find(name)?)
    }

    /// The key at a place of that order.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<&Slot> {
        let [first, second] = self.slots();
        match place.checked_sub(first.len()) {
            None => first.get(place),
            Some(place) => second.get(place),
        }
    }

    /// All keys, out of the database, in that order.
    pub fn into_slots(self) -> Slots {
        self.lanes
            .map(|lane| lane.slots.into_items())
            .into_iter()
            .flatten()
    }

    #[inline]
    fn lane(&self, name: &[u8]) -> &Lane {
        let [first, second] = &self.lanes;
        if self.parted && lane_of(name) == 1 {
            second
        } else {
            first
        }
    }

    #[inline]
    fn lane_mut(&mut self, name: &[u8]) -> &mut Lane {
        let lane = if self.parted { lane_of(name) } else { 0 };
        self.lane_at(lane)
    }

    #[inline]
    fn lane_at(&mut self, lane: usize) -> &mut Lane {
        let [first, second] = &mut self.lanes;
        if self.parted && lane == 1 {
            second
        } else {
            first
        }
    }

    /// Brings every key into its lane.
    fn part(&mut self) {
        let slots = std::mem::take(self).into_slots();
        self.parted = true;
        for slot in slots {
            let ready = Ready::of(slot);
            self.lane_at(ready.lane).put(ready);
        }
    }
}

/// The time that commands see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Unix milliseconds.
    pub now_ms: i64,
    /// Whether what is past its expiry is gone. A log says itself when that happened, so a replay does not look.
    pub expires: bool,
}

/// All databases. See the module.
#[derive(Debug, Clone)]
pub struct Keys {
    dbs: BTreeMap<u32, Db>,
    parted: bool,
    /// Up to where values stay packed.
    pub limits: Limits,
    /// The time.
    pub clock: Clock,
    /// How many changes there were.
    pub dirty: u64,
    /// How many databases there are: `SELECT` refuses others.
    pub databases: u32,
    /// For commands that choose by chance.
    pub random: Random,
}

impl Default for Keys {
    fn default() -> Keys {
        Keys {
            dbs: BTreeMap::new(),
            parted: false,
            limits: Limits::default(),
            clock: Clock {
                now_ms: 0,
                expires: false,
            },
            dirty: 0,
            databases: u32::MAX,
            random: Random::default(),
        }
    }
}

/// Whether a key with that head is past its expiry.
fn is_past(head: &Head<'_>, clock: Clock) -> bool {
    clock.expires && head.expire_ms.is_some_and(|ms| ms < clock.now_ms)
}

impl Keys {
    /// The databases that ever held a key, ascending.
    pub fn dbs(&self) -> impl Iterator<Item = (u32, &Db)> {
        self.dbs.iter().map(|(n, db)| (*n, db))
    }

    /// One of them.
    #[must_use]
    pub fn db(&self, db: u32) -> Option<&Db> {
        self.dbs.get(&db)
    }

    /// The key with that name, unless it is past its expiry.
    #[must_use]
    pub fn slot(&self, db: u32, name: &[u8]) -> Option<&Slot> {
        let slot = self.dbs.get(&db)?.find(name)?;
        (!is_past(&slot.head(), self.clock)).then_some(slot)
    }

    /// Whether a key with that head is past its expiry.
    #[must_use]
    pub fn is_past(&self, head: &Head<'_>) -> bool {
        is_past(head, self.clock)
    }

    /// The value under that name, to be read.
    #[must_use]
    pub fn find(&self, db: u32, name: &[u8]) -> Option<ValueRef<'_>> {
        self.slot(db, name).map(Slot::value)
    }

    /// Looks at keys that are about to be used, of all lanes or of one: see [`Table::touch`].
    #[inline]
    pub fn touch(&self, db: u32, names: &[&[u8]; TOUCHED]) {
        for lane in self.dbs.get(&db).iter().flat_map(|db| &db.lanes) {
            if !lane.slots.is_empty() {
                lane.slots.touch(names);
            }
        }
    }

    /// Parts the keys, those that will come too, into two lanes by their names. Nothing changes but the order of
    /// [`Db::iter`]: first all of one lane, then all of the other. It lets two threads work, each on the keys of its
    /// lane: see [`Keys::lend`].
    pub fn part(&mut self) {
        if !self.parted {
            self.parted = true;
            self.dbs.values_mut().for_each(Db::part);
        }
    }

    /// Whether keys are parted.
    #[must_use]
    pub fn is_parted(&self) -> bool {
        self.parted
    }

    /// Gives all keys of the second lane away, to come back by [`Keys::take_back`]. Until then, only what is about keys
    /// of the first lane may be done here, and what is about keys of the second there.
    #[must_use]
    pub fn lend(&mut self) -> Keys {
        let second = |db: &mut Db| {
            let [_, second] = &mut db.lanes;
            Db {
                lanes: [Lane::default(), std::mem::take(second)],
                parted: true,
            }
        };
        Keys {
            dbs: self
                .dbs
                .iter_mut()
                .map(|(n, db)| (*n, second(db)))
                .collect(),
            dirty: 0,
            random: self.random.clone(),
            ..*self
        }
    }

    /// Puts what is packed into memory that the calling thread has asked for. An allocator that keeps its memory by
    /// thread has others wait for each other otherwise, each time that a key grows in memory of the other.
    pub fn rehome(&mut self) {
        for lane in self.dbs.values_mut().flat_map(|db| &mut db.lanes) {
            lane.slots.for_each_mut(|slot| {
                if let Slot::Packed(bytes) = slot {
                    *bytes = bytes.clone();
                }
            });
        }
    }

    /// Takes back what was lent, as it is now.
    pub fn take_back(&mut self, lent: Keys) {
        self.dirty += lent.dirty;
        for (n, db) in lent.dbs {
            let [_, lane] = db.lanes;
            let [_, second] = &mut self.home(n).lanes;
            *second = lane;
        }
    }

    /// A database, made where there is none.
    #[inline]
    fn home(&mut self, db: u32) -> &mut Db {
        let parted = self.parted;
        self.dbs.entry(db).or_insert_with(|| Db::new(parted))
    }

    /// Whether there is such a key.
    #[must_use]
    pub fn exists(&self, db: u32, name: &[u8]) -> bool {
        self.slot(db, name).is_some()
    }

    /// The key with that name, to be changed; `None` if there is none.
    pub fn edit(&mut self, db: u32, name: &[u8]) -> Option<Edit<'_>> {
        self.drop_if_past(db, name);
        let hash = table::hash(name);
        let home = self.dbs.get_mut(&db)?.lane_mut(name);
        let place = home.slots.find_hashed(name, hash)?;
        let entry = Entry::of(std::mem::take(home.slots.get_mut(place)?));
        let (limits, dirty) = (&self.limits, &mut self.dirty);
        Some(Edit::begin(home, Some(place), hash, entry, limits, dirty))
    }

    /// The key with that name, to be changed. Where there is none, an empty value of that kind; if it is still empty
    /// when the edit ends, nothing has happened.
    pub fn edit_or_new(&mut self, db: u32, name: &[u8], kind: Kind) -> Edit<'_> {
        self.drop_if_past(db, name);
        let hash = table::hash(name);
        let parted = self.parted;
        let db = self.dbs.entry(db).or_insert_with(|| Db::new(parted));
        let home = db.lane_mut(name);
        let place = home.slots.find_hashed(name, hash);
        let entry = match place.and_then(|at| home.slots.get_mut(at)) {
            Some(slot) => Entry::of(std::mem::take(slot)),
            None => Entry::empty(name, kind),
        };
        Edit::begin(home, place, hash, entry, &self.limits, &mut self.dirty)
    }

    /// Takes out a key whose time has passed, before it is written to.
    fn drop_if_past(&mut self, db: u32, name: &[u8]) {
        let clock = self.clock;
        if !clock.expires {
            return;
        }
        let hash = table::hash(name);
        let Some(home) = self.dbs.get_mut(&db).map(|db| db.lane_mut(name)) else {
            return;
        };
        if let Some(place) = home.slots.find_hashed(name, hash)
            && home
                .slots
                .get(place)
                .is_some_and(|s| is_past(&s.head(), clock))
        {
            home.take(place, hash);
        }
    }

    /// Puts a key in, in the place of the one with its name if there is one, which comes back.
    #[inline]
    pub fn put(&mut self, db: u32, slot: Slot) -> Option<Slot> {
        self.put_ready(db, Ready::of(slot))
    }

    /// The same with a key that was looked at before.
    #[inline]
    pub fn put_ready(&mut self, db: u32, ready: Ready) -> Option<Slot> {
        self.dirty += 1;
        self.home(db).lane_at(ready.lane).put(ready)
    }

    /// Takes a key out, whole. One that is past its expiry goes too, but counts as not there.
    pub fn remove(&mut self, db: u32, name: &[u8]) -> Option<Slot> {
        let hash = table::hash(name);
        let clock = self.clock;
        let home = self.dbs.get_mut(&db)?.lane_mut(name);
        let place = home.slots.find_hashed(name, hash)?;
        let gone = home.take(place, hash)?;
        if is_past(&gone.head(), clock) {
            return None;
        }
        self.dirty += 1;
        Some(gone)
    }

    /// Takes out a key whose time has come, which is part of the change that brought it.
    pub fn delete(&mut self, db: u32, name: &[u8]) {
        let hash = table::hash(name);
        if let Some(home) = self.dbs.get_mut(&db).map(|db| db.lane_mut(name))
            && let Some(place) = home.slots.find_hashed(name, hash)
        {
            home.take(place, hash);
        }
    }

    /// Empties a database. How many keys went.
    pub fn flush(&mut self, db: u32) -> usize {
        let gone = self.dbs.remove(&db).map_or(0, |db| db.len());
        self.dirty += gone as u64;
        gone
    }

    /// Empties all of them. How many keys went.
    pub fn flush_all(&mut self) -> usize {
        let gone = std::mem::take(&mut self.dbs).values().map(Db::len).sum();
        self.dirty += gone as u64;
        gone
    }

    /// Swaps two databases.
    pub fn swap(&mut self, a: u32, b: u32) {
        if a == b {
            return;
        }
        let (first, second) = (self.dbs.remove(&a), self.dbs.remove(&b));
        self.dbs.extend(first.map(|db| (b, db)));
        self.dbs.extend(second.map(|db| (a, db)));
        self.dirty += 1;
    }

    /// All databases, out of the engine.
    pub fn take_dbs(&mut self) -> BTreeMap<u32, Db> {
        std::mem::take(&mut self.dbs)
    }
}

/// A key under work. When it ends the key is back in its place, or gone if nothing is left of it.
#[derive(Debug)]
pub struct Edit<'k> {
    home: &'k mut Lane,
    place: Option<usize>,
    hash: u32,
    /// The key.
    pub entry: Entry,
    /// Up to where values stay packed.
    pub limits: &'k Limits,
    had_expiry: bool,
    abandoned: bool,
    dirty: &'k mut u64,
}

impl<'k> Edit<'k> {
    fn begin(
        home: &'k mut Lane,
        place: Option<usize>,
        hash: u32,
        entry: Entry,
        limits: &'k Limits,
        dirty: &'k mut u64,
    ) -> Edit<'k> {
        Edit {
            had_expiry: entry.head().expire_ms.is_some(),
            home,
            place,
            hash,
            entry,
            limits,
            abandoned: false,
            dirty,
        }
    }

    /// Nothing came of it: a key that was not there before will not be there after. (Collections without elements go
    /// by themselves; this is for strings and streams, which may stay empty.)
    pub fn abandon(&mut self) {
        self.abandoned = self.place.is_none();
    }

    /// So much has changed.
    pub fn changed(&mut self, by: usize) {
        *self.dirty += by as u64;
    }
}

impl Drop for Edit<'_> {
    #[inline]
    fn drop(&mut self) {
        let entry = std::mem::take(&mut self.entry);
        let gone = self.abandoned || entry.is_gone();
        let slot = entry.into_slot();
        let has_expiry = !gone && slot.head().expire_ms.is_some();
        self.home.expires += usize::from(has_expiry);
        self.home.expires -= usize::from(self.had_expiry);
        match self.place {
            Some(place) if gone => {
                self.home.slots.swap_remove_hashed(place, self.hash);
            }
            Some(place) => {
                if let Some(to) = self.home.slots.get_mut(place) {
                    *to = slot;
                }
            }
            None if gone => {}
            None => {
                self.home.slots.insert_hashed(slot, self.hash);
            }
        }
    }
}
