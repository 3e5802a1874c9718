//! Are all these strings different? Asked of the members of a set, the fields of a hash, the keys of a file.
//!
//! Strings are remembered as 64-bit hashes, seeded anew in each process so that nobody can prepare collisions: in a
//! table while they are few, in sorted runs in an unlinked file when they are many. Equal hashes are only a suspicion;
//! the asker looks a second time.

use crate::error::Result;
use crate::input::bytes::ReadAt;
use crate::input::checksum::Crc64;
use crate::input::spool::Spool;
use crate::packed::string::Str;
use foldhash::fast::RandomState;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

/// Hashes strings; an integer and its decimal text give the same.
#[derive(Debug, Clone)]
pub struct Hash64 {
    state: RandomState,
}

impl Default for Hash64 {
    fn default() -> Hash64 {
        // One seed a process: what one worker hashed is compared with what another did.
        static STATE: OnceLock<RandomState> = OnceLock::new();
        Hash64 {
            state: STATE.get_or_init(RandomState::default).clone(),
        }
    }
}

impl Hash64 {
    /// The hash of a key and its database.
    #[must_use]
    #[inline]
    pub fn key(&self, db: u64, key: &[u8]) -> u64 {
        let mut hasher = self.state.build_hasher();
        hasher.write_u64(db);
        hasher.write(key);
        hasher.finish()
    }

    /// The hash of bytes.
    #[must_use]
    #[inline]
    pub fn bytes(&self, bytes: &[u8]) -> u64 {
        if let Some(first) = bytes.first()
            && (first.is_ascii_digit() || *first == b'-')
            && let Some(v) = crate::model::number::parse_i64(bytes)
        {
            return self.int(v);
        }
        // Without the length that `hash_one` would mix in: one string a hash, so it tells nothing more.
        let mut hasher = self.state.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }

    #[inline]
    fn int(&self, v: i64) -> u64 {
        self.state.hash_one(v)
    }

    /// The hash of a string; a giant one is read in chunks.
    pub fn string(&self, s: &Str<'_>) -> Result<u64> {
        match s {
            Str::Bytes(b) => Ok(self.bytes(b)),
            Str::Int(v) => Ok(self.int(*v)),
            Str::Giant(g) => {
                let mut crc = Crc64::new();
                g.chunks(&mut |piece| {
                    crc.update(piece);
                    Ok(())
                })?;
                Ok(self.state.hash_one((g.len, crc.value())))
            }
        }
    }
}

/// How many hashes are held before they go to the file as a sorted run.
const HELD: usize = 1 << 19;

/// How many suspects are named where hashes went to the file.
const SUSPECTS: usize = 1 << 18;

/// The strings of one collection.
///
/// Nothing is looked up while they come: hashes are put in a row, and compared when all are there, part by part, so
/// that what is compared stays in the processor's nearest memory.
#[derive(Debug)]
pub struct Seen {
    hash: Hash64,
    held: usize,
    row: Vec<u64>,
    runs: Runs,
    table: Table,
    suspects: Vec<u64>,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen::holding(HELD)
    }
}

impl Seen {
    /// One that holds so many hashes in memory, 16 bytes each at most.
    #[must_use]
    pub fn holding(held: usize) -> Seen {
        Seen {
            hash: Hash64::default(),
            held,
            row: Vec::new(),
            runs: Runs::default(),
            table: Table::default(),
            suspects: Vec::new(),
        }
    }

    /// Forgets everything.
    pub fn begin(&mut self) -> Result<()> {
        self.row.clear();
        self.suspects.clear();
        self.runs.clear()
    }

    /// Remembers a string.
    #[inline]
    pub fn add(&mut self, s: &Str<'_>) -> Result<()> {
        let h = self.hash.string(s)?;
        self.add_hash(h)
    }

    /// Remembers a hash that [`Hash64`] gave.
    #[inline]
    pub fn add_hash(&mut self, h: u64) -> Result<()> {
        self.row.push(h.max(1));
        if self.row.len() < self.held {
            return Ok(());
        }
        self.flush()
    }

    #[cold]
    fn flush(&mut self) -> Result<()> {
        self.row.sort_unstable();
        self.runs.push(&self.row)?;
        self.row.clear();
        Ok(())
    }

    /// The hashes that came more than once, ascending; none for nearly everything. Of a great many, the first ones.
    pub fn suspects(&mut self) -> Result<&[u64]> {
        if !self.runs.is_empty() {
            self.flush()?;
            let suspects = &mut self.suspects;
            let mut last = None;
            self.runs.merge(|h| {
                if last == Some(h) && suspects.last() != Some(&h) && suspects.len() < SUSPECTS {
                    suspects.push(h);
                }
                last = Some(h);
            })?;
            self.runs.clear()?;
        } else if self.row.len() <= PART * 2 {
            self.table.twice(&self.row, &mut self.suspects);
        } else {
            for part in &mut parts(&self.row) {
                self.table.twice(part, &mut self.suspects);
            }
        }
        // A collection of unusual size must not be paid for to the end.
        if self.row.capacity() > HELD / 8 {
            self.row = Vec::new();
        }
        self.row.clear();
        self.suspects.sort_unstable();
        self.suspects.dedup();
        Ok(&self.suspects)
    }

    /// The hashing used here, for the second look.
    #[must_use]
    pub fn hash(&self) -> &Hash64 {
        &self.hash
    }
}

/// Hashes that are compared at once.
const PART: usize = 512;

/// Puts hashes with equal middle bits together, in parts of about [`PART`].
fn parts(row: &[u64]) -> Vec<Vec<u64>> {
    let n = (row.len() / PART).next_power_of_two();
    let part = |h: u64| usize::try_from(h >> 20).unwrap_or_default() & (n - 1);
    let mut parts: Vec<Vec<u64>> = (0..n)
        .map(|_| Vec::with_capacity(PART + PART / 2))
        .collect();
    for &h in row {
        if let Some(p) = parts.get_mut(part(h)) {
            p.push(h);
        }
    }
    parts
}

/// Finds what is twice in a row of hashes.
#[derive(Debug, Default)]
struct Table {
    slots: Vec<u64>,
    gone: Vec<u64>,
}

impl Table {
    /// Adds to `suspects` what is twice in `hashes`, once or oftener.
    ///
    /// Each hash takes its slot, whoever has it; who had it goes to a list. There is nothing to predict in that. Of two
    /// equal ones the first has gone from the slot when all are done, and the second is there or has gone, too: so only
    /// the few that are gone are looked at again.
    fn twice(&mut self, hashes: &[u64], suspects: &mut Vec<u64>) {
        /// Compared each with each.
        const FEW: usize = 8;
        if hashes.len() < 2 {
            return;
        }
        let size = (hashes.len() * 4).next_power_of_two();
        #[allow(clippy::cast_possible_truncation, reason = "masked")]
        let slot_of = |h: u64| h as usize & (size - 1);
        self.slots.clear();
        self.slots.resize(size, 0);
        if self.gone.len() < hashes.len() {
            self.gone.resize(hashes.len(), 0);
        }
        let (slots, gone) = (self.slots.as_mut_slice(), self.gone.as_mut_slice());
        let mut n = 0;
        for &h in hashes {
            if let (Some(slot), Some(last)) = (slots.get_mut(slot_of(h)), gone.get_mut(n)) {
                *last = *slot;
                n += usize::from(*slot != 0);
                *slot = h;
            }
        }
        let gone = gone.get(..n).unwrap_or_default();
        let there = |h: &&u64| slots.get(slot_of(**h)) == Some(h);
        suspects.extend(gone.iter().filter(there));
        if n <= FEW {
            let mut rest = gone;
            while let Some((h, behind)) = rest.split_first() {
                suspects.extend(behind.iter().find(|other| *other == h));
                rest = behind;
            }
            return;
        }
        self.slots.clear();
        self.slots.resize((n * 2).next_power_of_two(), 0);
        for &h in gone {
            if !insert(&mut self.slots, h) {
                suspects.push(h);
            }
        }
    }
}

/// Puts a hash (never 0) into an open table whose size is a power of two; `false` where it is there already.
#[inline]
pub(super) fn insert(table: &mut [u64], h: u64) -> bool {
    let mask = table.len() - 1;
    #[allow(clippy::cast_possible_truncation, reason = "masked")]
    let mut i = h as usize & mask;
    loop {
        match table.get_mut(i) {
            Some(slot) if *slot == 0 => {
                *slot = h;
                return true;
            }
            Some(slot) if *slot == h => return false,
            _ => i = (i + 1) & mask,
        }
    }
}

/// Sorted runs of hashes in an unlinked file, merged at the end.
#[derive(Debug, Default)]
pub(super) struct Runs {
    spool: Spool,
    ends: Vec<u64>,
}

/// Bytes that are read or written of a run at a time.
const PAGE: usize = 64 << 10;
/// Bytes of a hash.
const WORD: usize = 8;

impl Runs {
    fn clear(&mut self) -> Result<()> {
        if !self.ends.is_empty() {
            self.ends.clear();
            self.spool.clear()?;
        }
        Ok(())
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Adds a run; the hashes must ascend.
    pub(super) fn push(&mut self, hashes: &[u64]) -> Result<()> {
        let mut page = Vec::with_capacity(PAGE);
        for part in hashes.chunks(PAGE / WORD) {
            page.clear();
            page.extend(part.iter().flat_map(|h| h.to_le_bytes()));
            self.spool.write(&page)?;
        }
        self.ends.push(self.spool.len());
        Ok(())
    }

    /// Calls `each` with all hashes of all runs, ascending.
    pub(super) fn merge(&self, mut each: impl FnMut(u64)) -> Result<()> {
        let mut start = 0;
        let mut cursors = Vec::with_capacity(self.ends.len());
        let mut heap = BinaryHeap::new();
        for (i, &end) in self.ends.iter().enumerate() {
            let mut cursor = RunCursor {
                pos: start,
                end,
                page: Vec::new(),
                next: 0,
            };
            start = end;
            if let Some(h) = cursor.next(&self.spool)? {
                heap.push(Reverse((h, i)));
            }
            cursors.push(cursor);
        }
        while let Some(Reverse((h, i))) = heap.pop() {
            each(h);
            if let Some(cursor) = cursors.get_mut(i)
                && let Some(h) = cursor.next(&self.spool)?
            {
                heap.push(Reverse((h, i)));
            }
        }
        Ok(())
    }
}

struct RunCursor {
    pos: u64,
    end: u64,
    page: Vec<u8>,
    next: usize,
}

impl RunCursor {
    fn next(&mut self, spool: &Spool) -> Result<Option<u64>> {
        if self.next >= self.page.len() {
            let left = usize::try_from(self.end - self.pos).unwrap_or(usize::MAX);
            if left == 0 {
                return Ok(None);
            }
            self.page.resize(left.min(PAGE), 0);
            spool.read_exact_at(&mut self.page, self.pos)?;
            self.pos += self.page.len() as u64;
            self.next = 0;
        }
        let word = self
            .page
            .get(self.next..)
            .and_then(|p| p.first_chunk::<WORD>());
        self.next += WORD;
        Ok(word.map(|w| u64::from_le_bytes(*w)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many() {
        let mut seen = Seen::default();
        for n in [10u64, 1000, 600_000, 2_500_000] {
            seen.begin().unwrap();
            for i in 0..n {
                seen.add(&Str::Bytes(format!("m{i}").as_bytes())).unwrap();
            }
            assert!(seen.suspects().unwrap().is_empty(), "{n}");
            seen.begin().unwrap();
            for i in 0..n {
                seen.add(&Str::Bytes(format!("m{i}").as_bytes())).unwrap();
            }
            seen.add(&Str::Bytes(b"m7")).unwrap();
            let h = seen.hash().bytes(b"m7").max(1);
            assert_eq!(seen.suspects().unwrap(), [h], "{n}");
        }
    }

    /// Against sorting, with slots that are hotly disputed.
    #[test]
    fn twice_is_found_wherever_it_stands() {
        let mut table = Table::default();
        let mut x = 3u64;
        for round in 0..20_000u64 {
            let n = round % 70;
            let (spread, shift) = (1 + round % 97, round % 3 * 4);
            let hashes: Vec<u64> = (0..n)
                .map(|_| {
                    x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (1 + (x >> 33) % (spread * spread)) << shift
                })
                .collect();
            let mut found = Vec::new();
            table.twice(&hashes, &mut found);
            found.sort_unstable();
            found.dedup();
            let mut sorted = hashes.clone();
            sorted.sort_unstable();
            let mut want: Vec<u64> = sorted
                .windows(2)
                .filter(|pair| pair[0] == pair[1])
                .map(|pair| pair[0])
                .collect();
            want.dedup();
            assert_eq!(found, want, "{hashes:?}");
        }
    }

    #[test]
    fn a_number_is_its_text() {
        let h = Hash64::default();
        for v in [0, 5, -17, i64::MAX, i64::MIN] {
            assert_eq!(
                h.string(&Str::Int(v)).unwrap(),
                h.bytes(v.to_string().as_bytes())
            );
        }
        assert_ne!(h.bytes(b"007"), h.bytes(b"7"));
    }
}
