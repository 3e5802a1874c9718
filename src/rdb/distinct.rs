//! How many different keys are there? Counted exactly, in bounded memory: see [`super::seen`] for how.

use super::seen::{Hash64, Runs, insert};
use crate::error::Result;
use std::sync::{Mutex, PoisonError};

/// Parts that are locked one by one, so that workers rarely meet.
const SHARDS: usize = 16;
/// Hashes that a part holds in memory: all together about a million, in 16 MiB.
const HELD: usize = 1 << 16;

/// The keys of a log.
pub struct Distinct {
    shards: [Mutex<Shard>; SHARDS],
}

impl Default for Distinct {
    fn default() -> Distinct {
        Distinct {
            shards: std::array::from_fn(|_| Mutex::new(Shard::holding(HELD))),
        }
    }
}

/// Hashes in a table, each once; when it is full it goes to a file as a sorted run.
struct Shard {
    table: Vec<u64>,
    used: usize,
    held: usize,
    runs: Runs,
}

impl Shard {
    fn holding(held: usize) -> Shard {
        Shard {
            table: vec![0; 64],
            used: 0,
            held,
            runs: Runs::default(),
        }
    }

    #[inline]
    fn add(&mut self, h: u64) -> Result<()> {
        if insert(&mut self.table, h) {
            self.used += 1;
            if self.used * 2 > self.table.len() {
                self.make_room()?;
            }
        }
        Ok(())
    }

    #[cold]
    fn make_room(&mut self) -> Result<()> {
        if self.used < self.held {
            let size = self.table.len() * 2;
            let old = std::mem::replace(&mut self.table, vec![0; size]);
            for h in old.into_iter().filter(|h| *h != 0) {
                insert(&mut self.table, h);
            }
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        let mut run: Vec<u64> = self.table.iter().copied().filter(|h| *h != 0).collect();
        run.sort_unstable();
        self.table.fill(0);
        self.used = 0;
        self.runs.push(&run)
    }

    fn count(&mut self) -> Result<u64> {
        if self.runs.is_empty() {
            return Ok(self.used as u64);
        }
        self.flush()?;
        let (mut n, mut last) = (0, None);
        self.runs.merge(|h| {
            n += u64::from(last != Some(h));
            last = Some(h);
        })?;
        Ok(n)
    }
}

impl Distinct {
    /// For a worker.
    #[must_use]
    pub fn batch(&self) -> Batch<'_> {
        Batch {
            distinct: self,
            hash: Hash64::default(),
            parts: Default::default(),
        }
    }

    /// How many there were. (Two keys with the same 64-bit hash count as one.)
    ///
    /// # Errors
    /// What reading the temporary files gives.
    pub fn count(&self) -> Result<u64> {
        let mut n = 0;
        for shard in &self.shards {
            n += shard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .count()?;
        }
        Ok(n)
    }
}

/// One worker's hashes on their way into [`Distinct`].
pub struct Batch<'d> {
    distinct: &'d Distinct,
    hash: Hash64,
    parts: [Vec<u64>; SHARDS],
}

impl Batch<'_> {
    /// Adds a key.
    #[inline]
    pub fn add(&mut self, db: u64, key: &[u8]) {
        let h = self.hash.key(db, key).max(1);
        let shard = usize::try_from(h >> 60).unwrap_or_default();
        if let Some(part) = self.parts.get_mut(shard) {
            part.push(h);
        }
    }

    /// Hands over what was added. To be called after each block.
    ///
    /// # Errors
    /// What writing a temporary file gives.
    pub fn flush(&mut self) -> Result<()> {
        for (part, shard) in self.parts.iter_mut().zip(&self.distinct.shards) {
            if part.is_empty() {
                continue;
            }
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for h in part.drain(..) {
                shard.add(h)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_once() {
        let distinct = Distinct::default();
        let mut batch = distinct.batch();
        for round in 0..3 {
            for i in 0..5000u32 {
                batch.add(u64::from(i % 2), &(i / 2).to_le_bytes());
                if i % 100 == round {
                    batch.flush().unwrap();
                }
            }
        }
        batch.flush().unwrap();
        assert_eq!(distinct.count().unwrap(), 5000);
    }

    #[test]
    fn counts_through_runs() {
        let mut shard = Shard::holding(100);
        for round in 0..4u64 {
            for i in 1..=1000u64 {
                shard
                    .add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15 + round % 2))
                    .unwrap();
            }
        }
        assert!(!shard.runs.is_empty());
        assert_eq!(shard.count().unwrap(), 2000);
    }
}
