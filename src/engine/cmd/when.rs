//! When EXPIRE, HEXPIRE and their kin set an expiry: `NX`, `XX`, `GT`, `LT`.

use crate::engine::args::{c_text, is};
use crate::engine::reply::Refusal;

/// When an expiry is set.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct When {
    pub(super) nx: bool,
    pub(super) xx: bool,
    pub(super) gt: bool,
    pub(super) lt: bool,
}

impl When {
    /// Takes a word of it; whether it was one.
    pub(super) fn take(&mut self, word: &[u8]) -> bool {
        let flag = if is(word, "NX") {
            &mut self.nx
        } else if is(word, "XX") {
            &mut self.xx
        } else if is(word, "GT") {
            &mut self.gt
        } else if is(word, "LT") {
            &mut self.lt
        } else {
            return false;
        };
        *flag = true;
        true
    }

    /// How many of them were said.
    pub(super) fn count(self) -> usize {
        [self.nx, self.xx, self.gt, self.lt]
            .into_iter()
            .filter(|f| *f)
            .count()
    }

    /// No expiry is later than any.
    pub(super) fn holds(self, old: Option<i64>, new: i64) -> bool {
        !(self.nx && old.is_some()
            || self.xx && old.is_none()
            || self.gt && old.is_none_or(|old| new <= old)
            || self.lt && old.is_some_and(|old| new >= old))
    }

    /// Takes words that are all of it.
    pub(super) fn read<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<When, Refusal> {
        let mut when = When::default();
        for word in words {
            if !when.take(word) {
                return Err(Refusal::of(format!(
                    "ERR Unsupported option {}",
                    String::from_utf8_lossy(c_text(word))
                )));
            }
        }
        if when.nx && (when.xx || when.gt || when.lt) {
            return Err(Refusal::new(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if when.gt && when.lt {
            return Err(Refusal::new(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(when)
    }
}
