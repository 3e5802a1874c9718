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

/// A text as C sees it: a NUL ends it.
pub(super) fn c_text(bytes: &[u8]) -> &[u8] {
    bytes.split(|b| *b == 0).next().unwrap_or_default()
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

/// An integer from `min` to `max`; `refusal` where it is none, or another one.
pub(super) fn int_in(
    arg: &[u8],
    min: i64,
    max: i64,
    refusal: &'static str,
) -> Result<i64, Refusal> {
    number::parse_i64(arg)
        .filter(|n| (min..=max).contains(n))
        .ok_or(Refusal::new(refusal))
}

/// An integer that has a negative.
pub(super) fn symmetric(arg: &[u8]) -> Result<i64, Refusal> {
    let n = int(arg)?;
    if n == i64::MIN {
        return Err(Refusal::new(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    Ok(n)
}

/// A count: 0 and up.
pub(super) fn count(arg: &[u8]) -> Result<usize, Refusal> {
    int_in(
        arg,
        0,
        i64::MAX,
        "ERR value is out of range, must be positive",
    )
    .map(clamped)
}

/// A number of things that is not negative, and no more than fit into memory.
pub(super) fn clamped(n: i64) -> usize {
    usize::try_from(n).unwrap_or(if n < 0 { 0 } else { usize::MAX })
}

/// A finite or infinite number as `strtod` reads it, with nothing around it; `None` where it is none.
#[inline]
pub(super) fn double(arg: &[u8]) -> Option<f64> {
    if arg.len() <= 15
        && let Some(value) = number::parse_double(arg)
        && value.is_finite()
        && (value != 0.0 || arg.len() == 1)
    {
        return Some(value);
    }
    let number = number::strtod(arg);
    let is_whole = number.read == arg.len() && !arg.first().is_some_and(|b| is_blank(*b));
    (is_whole && number.read > 0 && !number.out_of_range && !number.value.is_nan())
        .then_some(number.value)
}

/// What C calls a space.
pub(super) fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | 0x09..=0x0d)
}

/// How long a command is ready to wait, seconds: only checked, as nothing waits here.
pub(super) fn timeout(arg: &[u8], now_ms: i64, is_old: bool) -> Result<(), Refusal> {
    const NEGATIVE: Refusal = Refusal::new("ERR timeout is negative");
    let number = number::strtod(arg);
    let is_whole =
        number.read == arg.len() && number.read > 0 && !arg.first().is_some_and(|b| is_blank(*b));
    if !is_whole || number.value.is_nan() {
        return Err(Refusal::new("ERR timeout is not a float or out of range"));
    }
    // Servers read it as C's `long double`, which goes on to 10^4932.
    let exponent = arg
        .iter()
        .position(|b| matches!(b, b'e' | b'E'))
        .and_then(|e| arg.get(e + 1..))
        .and_then(|e| number::parse_i64(e.strip_prefix(b"+").unwrap_or(e)));
    if number.out_of_range && exponent.is_some_and(|e| e.unsigned_abs() > 4932) {
        return Err(Refusal::new("ERR timeout is not a float or out of range"));
    }
    let ms = match number::parse_i64(arg) {
        Some(seconds) => seconds.checked_mul(1000),
        // The sign of what is less than a millisecond is lost; what is too large is none.
        None if number.value <= -0.001 => Some((number.value < -0.001).into()).map(|n: i64| -n),
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "compared"
        )]
        None => {
            let ms = number.value * 1000.0;
            (ms < i64::MAX as f64).then_some(ms as i64)
        }
    };
    match ms {
        Some(ms) if ms < 0 => Err(NEGATIVE),
        Some(ms) if is_old || ms <= i64::MAX - now_ms.max(0) => Ok(()),
        None if is_old || number.value < 0.0 => Err(NEGATIVE),
        _ => Err(Refusal::new("ERR timeout is out of range")),
    }
}

/// The number of a database: 0 and up.
pub(super) fn database(arg: &[u8]) -> Option<u32> {
    number::parse_i64(arg).and_then(|n| u32::try_from(n).ok())
}

/// Bytes of the arguments from `from` on, every `step`-th.
pub(super) fn bytes_from(args: &Args<'_>, from: usize) -> usize {
    args.iter().skip(from).map(<[u8]>::len).sum()
}
