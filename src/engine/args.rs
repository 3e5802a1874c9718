//! Arguments: borrowed and owned, and what they mean, with the servers' words where they mean nothing.

use super::reply::{Refusal, texts};
use crate::aof::block::Args;
use crate::model::number;
use crate::resp::decode::Span;

/// Arguments that are kept: a command that waits for `EXEC`, or one that is put together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl Kept {
    /// Appends an argument. False where all of them would pass 4 GiB.
    pub fn push(&mut self, arg: &[u8]) -> bool {
        let (Ok(start), Ok(len)) = (u32::try_from(self.bytes.len()), u32::try_from(arg.len()))
        else {
            return false;
        };
        if start.checked_add(len).is_none() {
            return false;
        }
        self.bytes.extend_from_slice(arg);
        self.spans.push(Span { start, len });
        true
    }

    /// Appends bytes to the last argument. False as in [`Kept::push`].
    pub fn grow(&mut self, more: &[u8]) -> bool {
        let total = self.bytes.len() as u64 + more.len() as u64;
        let Some(span) = self.spans.last_mut() else {
            return false;
        };
        let Ok(len) = u32::try_from(more.len()) else {
            return false;
        };
        if total > u64::from(u32::MAX) {
            return false;
        }
        span.len += len;
        self.bytes.extend_from_slice(more);
        true
    }

    /// To run.
    #[must_use]
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.spans)
    }
}

impl<'a> FromIterator<&'a [u8]> for Kept {
    /// What would pass 4 GiB is left out.
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(args: I) -> Kept {
        let mut kept = Kept::default();
        for arg in args {
            kept.push(arg);
        }
        kept
    }
}

/// The argument at `index`; arity has been checked, so there is one.
#[inline]
pub(super) fn at<'a>(args: &Args<'a>, index: usize) -> &'a [u8] {
    args.get(index).unwrap_or_default()
}

/// Whether `arg` is that option word, in any case.
#[inline]
pub(super) fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

/// An integer of 64 bits in canonical form.
#[inline]
pub(super) fn int(arg: &[u8]) -> Result<i64, Refusal> {
    number::parse_i64(arg).ok_or(texts::NOT_INT)
}

/// A double that is no NaN.
pub(super) fn float(arg: &[u8]) -> Result<f64, Refusal> {
    number::parse_double(arg)
        .filter(|d| !d.is_nan())
        .ok_or(texts::NOT_FLOAT)
}

/// The number of a database: 0 and up.
pub(super) fn database(arg: &[u8]) -> Option<u32> {
    number::parse_i64(arg).and_then(|n| u32::try_from(n).ok())
}

/// Bytes of the arguments from `from` on, every `step`-th.
pub(super) fn bytes_from(args: &Args<'_>, from: usize) -> usize {
    args.iter().skip(from).map(<[u8]>::len).sum()
}
