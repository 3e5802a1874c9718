//! Zeros: what a crash leaves of pages that were never written.

use super::Salvage;
use crate::error::Result;
use crate::limits::PAGE;
use crate::model::patch::Fate;
use std::hash::BuildHasher;

impl Salvage<'_> {
    /// Three zeros read as a string without a name and without bytes. A run of them is no data, and so is a single one that
    /// another one follows.
    pub(super) fn zero_record(&mut self, start: u64, end: u64) -> Result<()> {
        let why = "zero bytes: they read as keys without a name";
        match self.zeros.filter(|(_, to)| *to == start) {
            Some((from, _)) => {
                self.zeros = Some((from, end));
                let last = self.found.patches.last_mut();
                if let Some(run) = last.filter(|p| (p.from, p.code) == (from, "zeros")) {
                    run.to = end;
                    return Ok(());
                }
                self.found.keys = self.found.keys.saturating_sub(1);
                self.seen
                    .remove(&self.hasher.hash_one((self.db, Vec::<u8>::new())));
                self.recent.pop();
                self.found.doubtful.pop_if(|(at, _)| *at == from);
                self.patch(
                    from,
                    end,
                    Fate::Quarantine,
                    "zeros",
                    why.to_owned(),
                    Vec::new(),
                )
            }
            None if self
                .seen
                .insert(self.hasher.hash_one((self.db, Vec::<u8>::new()))) =>
            {
                self.zeros = Some((start, end));
                self.found.keys += 1;
                self.recent.push((start, self.db, Vec::new()));
                self.doubt(
                    start,
                    format!("db {}, key \"\": nothing but zeros", self.db),
                );
                Ok(())
            }
            None => {
                self.zeros = Some((start, end));
                self.patch(
                    start,
                    end,
                    Fate::Quarantine,
                    "zeros",
                    why.to_owned(),
                    Vec::new(),
                )
            }
        }
    }

    pub(super) fn is_zero(&self, at: u64) -> Result<bool> {
        let mut bytes = [1; 3];
        self.src.read_exact_at(&mut bytes, at)?;
        Ok(bytes == [0; 3])
    }

    /// Where the zeros begin that reach to the end of the file.
    pub(super) fn zero_tail(&self) -> Result<u64> {
        let mut end = self.size;
        let mut page = vec![0; PAGE];
        while end > 0 {
            let n = usize::try_from(end).map_or(PAGE, |n| n.min(PAGE));
            let start = end - n as u64;
            let space = page.get_mut(..n).unwrap_or_default();
            self.src.read_exact_at(space, start)?;
            if let Some(last) = space.iter().rposition(|b| *b != 0) {
                return Ok(start + last as u64 + 1);
            }
            end = start;
        }
        Ok(0)
    }
}
