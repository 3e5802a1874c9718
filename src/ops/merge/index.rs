//! Which keys are in more than one source, in bounded memory.
//!
//! ```text
//!   name ─▶ (128-bit keyed hash, source and offset, what the choice goes by): 32 bytes a key
//!        ─▶ one of 256 partitions by its first byte, in memory while all are few, then in an unlinked file
//!        ─▶ partition by partition: sorted, equal hashes side by side, all but one of them lose
//! ```
//! Two names with the same hash are taken for the same: with 128 bits, and keys drawn anew in each run, that would be a
//! wrong guess once in 10^20 runs over a hundred million keys. What loses is kept by source and offset, 16 bytes each.

use super::OnConflict;
use crate::error::{Error, Result};
use crate::input::bytes::ReadAt;
use crate::input::spool::Spool;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// A key of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    hash: [u64; 2],
    /// The number of the source in the upper 16 bits, below it the offset of the record.
    at: u64,
    /// What the choice goes by; the greatest wins.
    weight: u64,
}

const ENTRY: usize = 32;
/// Bits of an offset: files of up to 256 TiB.
const OFFSET: u32 = 48;
/// Entries that are held in memory, 24 MiB of them.
const HELD: usize = (24 << 20) / ENTRY;
const PARTITIONS: usize = 256;

/// Hashes names. SipHash, so that nobody can prepare collisions.
#[derive(Clone, Default)]
pub(super) struct Names {
    keys: [RandomState; 2],
}

impl Names {
    /// An entry for a key.
    pub(super) fn entry(
        &self,
        db: u64,
        name: &[u8],
        source: u16,
        offset: u64,
        weight: u64,
    ) -> Result<Entry> {
        if offset >> OFFSET != 0 {
            return Err(Error::limit("a source of more than 256 TiB").at(offset));
        }
        let hash = |key: &RandomState| {
            let mut hasher = key.build_hasher();
            hasher.write_u64(db);
            hasher.write(name);
            hasher.finish()
        };
        let [a, b] = &self.keys;
        Ok(Entry {
            hash: [hash(a), hash(b)],
            at: u64::from(source) << OFFSET | offset,
            weight,
        })
    }
}

impl Entry {
    fn source(&self) -> usize {
        usize::try_from(self.at >> OFFSET).unwrap_or_default()
    }

    fn offset(&self) -> u64 {
        self.at & ((1 << OFFSET) - 1)
    }

    fn partition(&self) -> usize {
        let [first, ..] = self.hash;
        usize::try_from(first >> 56).unwrap_or_default()
    }

    fn write(&self, out: &mut Vec<u8>) {
        let [a, b] = self.hash;
        for n in [a, b, self.at, self.weight] {
            out.extend_from_slice(&n.to_le_bytes());
        }
    }

    fn read(bytes: &[u8]) -> Option<Entry> {
        let mut words = bytes
            .chunks_exact(8)
            .map(|w| w.first_chunk().map(|w| u64::from_le_bytes(*w)));
        let mut word = || words.next().flatten();
        Some(Entry {
            hash: [word()?, word()?],
            at: word()?,
            weight: word()?,
        })
    }
}

/// A record that is left out, because another source has the key, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Loser {
    /// The offset of its record.
    pub(super) offset: u64,
    /// The number of the source whose key is taken.
    pub(super) winner: usize,
}

/// All keys of all sources.
#[derive(Default)]
pub(super) struct Index {
    held: Vec<Entry>,
    spool: Spool,
    /// By partition: position and length of what is in the spool.
    spilled: Vec<Vec<(u64, usize)>>,
    most: Option<usize>,
}

impl Index {
    /// One that holds so many entries in memory.
    #[cfg(test)]
    fn holding(most: usize) -> Index {
        Index {
            most: Some(most),
            ..Index::default()
        }
    }

    /// Takes the keys of a block.
    pub(super) fn add(&mut self, entries: &[Entry]) -> Result<()> {
        self.held.extend_from_slice(entries);
        if self.held.len() >= self.most.unwrap_or(HELD) {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        self.held.sort_unstable_by_key(Entry::partition);
        self.spilled.resize(PARTITIONS, Vec::new());
        let mut bytes = Vec::new();
        for run in self.held.chunk_by(|a, b| a.partition() == b.partition()) {
            let Some(places) = run
                .first()
                .and_then(|e| self.spilled.get_mut(e.partition()))
            else {
                continue;
            };
            bytes.clear();
            run.iter().for_each(|entry| entry.write(&mut bytes));
            places.push((self.spool.len(), bytes.len()));
            self.spool.write(&bytes)?;
        }
        self.held.clear();
        Ok(())
    }

    /// Who loses: by source, in the order of the file.
    pub(super) fn losers(mut self, sources: usize, rule: OnConflict) -> Result<Vec<Vec<Loser>>> {
        let mut losers = vec![Vec::new(); sources];
        if self.spilled.is_empty() {
            settle(&mut self.held, rule, &mut losers);
        } else {
            self.spill()?;
            let (mut entries, mut bytes) = (Vec::new(), Vec::new());
            for places in &self.spilled {
                entries.clear();
                for (at, len) in places {
                    bytes.resize(*len, 0);
                    self.spool.read_exact_at(&mut bytes, *at)?;
                    entries.extend(bytes.chunks_exact(ENTRY).filter_map(Entry::read));
                }
                settle(&mut entries, rule, &mut losers);
            }
        }
        for of_source in &mut losers {
            of_source.sort_unstable();
        }
        Ok(losers)
    }
}

/// Finds the keys that are there more than once, and chooses.
fn settle(entries: &mut [Entry], rule: OnConflict, losers: &mut [Vec<Loser>]) {
    entries.sort_unstable_by_key(|e| (e.hash, e.at));
    for same in entries
        .chunk_by(|a, b| a.hash == b.hash)
        .filter(|same| same.len() > 1)
    {
        // Among equals the first.
        let first = same.iter().rev();
        let chosen = match rule {
            OnConflict::Error | OnConflict::First => same.first(),
            OnConflict::Last => same.last(),
            OnConflict::NewestTtl | OnConflict::Largest => first.max_by_key(|e| e.weight),
        };
        let Some(chosen) = chosen else { continue };
        for entry in same.iter().filter(|e| *e != chosen) {
            if let Some(of_source) = losers.get_mut(entry.source()) {
                of_source.push(Loser {
                    offset: entry.offset(),
                    winner: chosen.source(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three sources of 1000 keys each, of which neighbours share a hundred.
    fn losers(mut index: Index, rule: OnConflict) -> Vec<Vec<Loser>> {
        let names = Names::default();
        for source in 0u16..3 {
            let mut block = Vec::new();
            for i in 0..1000u64 {
                let name = format!("key:{}", u64::from(source) * 900 + i);
                let weight = if source == 1 { 5 } else { 4 };
                block.push(
                    names
                        .entry(0, name.as_bytes(), source, i * 10, weight)
                        .unwrap(),
                );
                // The same name elsewhere is another key.
                block.push(
                    names
                        .entry(u64::from(source) + 1, b"x", source, i * 10 + 1, 0)
                        .unwrap(),
                );
                if i > 0 {
                    block.pop();
                }
            }
            index.add(&block).unwrap();
        }
        index.losers(3, rule).unwrap()
    }

    #[test]
    fn the_rule_chooses() {
        for index in [
            Index::default,
            || Index::holding(7),
            || Index::holding(1500),
        ] {
            let offsets = |from: u64| (from..from + 100).map(|i| i * 10).collect::<Vec<_>>();
            let of = |rule| -> Vec<Vec<u64>> {
                let losers = losers(index(), rule);
                losers
                    .iter()
                    .map(|of| of.iter().map(|l| l.offset).collect())
                    .collect()
            };
            assert_eq!(of(OnConflict::First), [vec![], offsets(0), offsets(0)]);
            assert_eq!(of(OnConflict::Last), [offsets(900), offsets(900), vec![]]);
            assert_eq!(of(OnConflict::Largest), [offsets(900), vec![], offsets(0)]);
            let winners = losers(index(), OnConflict::Last);
            assert!(winners[0].iter().all(|l| l.winner == 1));
            assert!(winners[1].iter().all(|l| l.winner == 2));
        }
    }

    #[test]
    fn among_equals_the_first() {
        let names = Names::default();
        let mut index = Index::default();
        for source in 0..3 {
            index
                .add(&[names.entry(0, b"k", source, 9, 1).unwrap()])
                .unwrap();
        }
        let losers = index.losers(3, OnConflict::NewestTtl).unwrap();
        let loser = Loser {
            offset: 9,
            winner: 0,
        };
        assert_eq!(losers, [vec![], vec![loser], vec![loser]]);
    }
}
