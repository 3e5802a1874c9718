//! Is any key there twice? All workers put the hashes of their keys here; what comes twice is looked at again.

use super::frame::Reader;
use super::seen::{Hash64, Seen};
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};

/// Parts that are locked one by one, so that workers rarely meet.
const SHARDS: usize = 16;
/// Hashes a shard holds in memory: all of them together two million, in 16 MiB.
const HELD: usize = 1 << 17;

/// The keys of a file.
pub struct Keys {
    shards: [Mutex<Seen>; SHARDS],
}

impl Default for Keys {
    fn default() -> Keys {
        Keys {
            shards: std::array::from_fn(|_| Mutex::new(Seen::holding(HELD))),
        }
    }
}

/// One worker's hashes on their way into [`Keys`].
pub struct Batch<'k> {
    keys: &'k Keys,
    hash: Hash64,
    parts: [Vec<u64>; SHARDS],
}

fn shard(h: u64) -> usize {
    usize::try_from(h >> 60).unwrap_or_default()
}

impl Keys {
    /// For a worker.
    #[must_use]
    pub fn batch(&self) -> Batch<'_> {
        Batch {
            keys: self,
            hash: Hash64::default(),
            parts: Default::default(),
        }
    }

    /// The hashes that came more than once, ascending. That many threads look.
    ///
    /// # Errors
    /// What reading the temporary files gives.
    pub fn suspects(&self, threads: usize) -> Result<Vec<u64>> {
        let threads = threads.clamp(1, SHARDS);
        let look = |first: usize| -> Result<Vec<u64>> {
            let mut found = Vec::new();
            for shard in self.shards.iter().skip(first).step_by(threads) {
                let mut seen = shard.lock().unwrap_or_else(PoisonError::into_inner);
                found.extend_from_slice(seen.suspects()?);
            }
            Ok(found)
        };
        let mut all = if threads == 1 {
            look(0)?
        } else {
            std::thread::scope(|scope| {
                let look = &look;
                let others: Vec<_> = (1..threads).map(|n| scope.spawn(move || look(n))).collect();
                let mut all = look(0)?;
                for other in others {
                    all.extend(other.join().unwrap_or_else(|e| resume_unwind(e))?);
                }
                Ok::<_, Error>(all)
            })?
        };
        all.sort_unstable();
        Ok(all)
    }
}

impl Batch<'_> {
    /// Adds a key.
    #[inline]
    pub fn add(&mut self, db: u64, key: &[u8]) {
        let h = self.hash.key(db, key).max(1);
        if let Some(part) = self.parts.get_mut(shard(h)) {
            part.push(h);
        }
    }

    /// Hands over what was added. To be called after each block.
    pub fn flush(&mut self) -> Result<()> {
        for (part, shard) in self.parts.iter_mut().zip(&self.keys.shards) {
            if part.is_empty() {
                continue;
            }
            let mut seen = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for h in part.drain(..) {
                seen.add_hash(h)?;
            }
        }
        Ok(())
    }
}

/// A key that is in the file more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The database.
    pub db: u64,
    /// The key.
    pub key: Vec<u8>,
    /// Offsets of its records, ascending; at most 16 of them.
    pub offsets: Vec<u64>,
    /// How many there are.
    pub times: u64,
}

/// Bytes of keys that are held while suspects are compared.
const COMPARED: usize = 8 << 20;

/// The second look: reads the file again and compares the keys whose hashes came twice.
pub fn confirm(mut reader: Reader, suspects: &[u64]) -> Result<Vec<Duplicate>> {
    let hash = Hash64::default();
    let mut found: HashMap<(u64, Vec<u8>), Duplicate> = HashMap::new();
    let mut held = 0;
    let mut spare = None;
    let mut scratch = Vec::new();
    // Damage further on has been found before: what was read until then counts.
    while let Ok(Some(block)) = reader.next_block(spare.take()) {
        for record in block.records() {
            if record.row().is_none() {
                continue;
            }
            let db = record.frame.db;
            let key = record.key(&mut scratch)?;
            if suspects.binary_search(&hash.key(db, key).max(1)).is_err() {
                continue;
            }
            let seen = (db, key.to_vec());
            if !found.contains_key(&seen) {
                held += key.len() * 2 + 128;
                if held > COMPARED {
                    return Err(Error::limit(
                        "too many keys are there twice to name them all",
                    ));
                }
            }
            let entry = found.entry(seen).or_insert_with(|| Duplicate {
                db,
                key: key.to_vec(),
                offsets: Vec::new(),
                times: 0,
            });
            entry.times += 1;
            if entry.offsets.len() < 16 {
                entry.offsets.push(record.offset());
            }
        }
        spare = Some(block);
    }
    let mut all: Vec<Duplicate> = found.into_values().filter(|d| d.times > 1).collect();
    all.sort_by(|a, b| a.offsets.cmp(&b.offsets));
    Ok(all)
}
