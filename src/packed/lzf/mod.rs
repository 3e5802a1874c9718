//! LZF, the compression of long strings inside an RDB file: a decoder, a decoder in pieces, and an encoder.
//!
//! ```text
//!   |000LLLLL| <L + 1 bytes>                          literal run of 1..=32 bytes
//!   |LLLooooo|oooooooo|               L = 1..=6       copy L + 2 bytes from o + 1 bytes back
//!   |111ooooo|EEEEEEEE|oooooooo|                      copy 7 + E + 2 bytes from o + 1 bytes back
//!   [01 61 61] [e0 0a 00]                             21 times "a": two literal, 19 copied from one back
//! ```
//! The distance, 1..=8192, may be shorter than the length: the copy then repeats what it has just written. The
//! extension byte E stands *before* the low byte of the distance. There is no header, no checksum and no end mark: the
//! RDB string around it says how many bytes go in and how many come out.
//!
//! Source: libLZF as servers carry it (`lzf_c.c`, `lzf_d.c`). Bounds: output exactly as promised; no reference before
//! the start; a promise above [`limits::LZF_RATIO`] times the input is refused before memory is taken.
//! Two encoders rarely agree byte for byte, and need not: only the decoded bytes count.

mod encode;
mod stream;

pub use encode::Encoder;
pub use stream::Stream;

use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use std::fmt;
use std::hint::select_unpredictable;

/// The farthest a reference reaches back.
pub const MAX_DISTANCE: usize = 1 << 13;
/// The longest reference: 7 + 255 + 2.
pub const MAX_MATCH: usize = 264;
/// The longest run of literal bytes.
pub const MAX_LITERAL: usize = 32;
/// The shortest reference.
const MIN_MATCH: usize = 3;

/// Copies are made in chunks of fixed size that may write this much past their end, into slack that is cut off later.
const SLACK: usize = 32;

/// What is wrong with compressed bytes. Offsets count from their first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LzfError {
    /// More is promised than this much input can ever expand to.
    Claim {
        /// Length of the compressed bytes.
        input: u64,
        /// The length promised.
        expected: u64,
    },
    /// A reference reaches before the first byte of output.
    Distance {
        /// Offset of the item.
        at: u64,
        /// How far back it reaches.
        distance: u64,
        /// How much output there was.
        have: u64,
    },
    /// An item gives more than what was promised.
    Overrun {
        /// Offset of the item.
        at: u64,
        /// The length promised.
        expected: u64,
    },
    /// The input ends inside the item.
    Truncated {
        /// Offset of the item.
        at: u64,
    },
    /// The input ends well, but has given less than what was promised.
    Short {
        /// Length of the compressed bytes.
        at: u64,
        /// The length that came out.
        have: u64,
        /// The length promised.
        expected: u64,
    },
}

impl LzfError {
    /// Where in the compressed bytes.
    #[must_use]
    pub fn offset(self) -> u64 {
        match self {
            LzfError::Claim { .. } => 0,
            LzfError::Distance { at, .. }
            | LzfError::Overrun { at, .. }
            | LzfError::Truncated { at }
            | LzfError::Short { at, .. } => at,
        }
    }
}

impl fmt::Display for LzfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            LzfError::Claim { input, expected } => write!(
                f,
                "LZF: {input} compressed bytes cannot give the {expected} promised"
            ),
            LzfError::Distance { at, distance, have } => write!(
                f,
                "LZF byte {at}: reference {distance} bytes back, with {have} bytes of output so far"
            ),
            LzfError::Overrun { at, expected } => {
                write!(f, "LZF byte {at}: more than the {expected} bytes promised")
            }
            LzfError::Truncated { at } => {
                write!(
                    f,
                    "LZF byte {at}: the compressed bytes end inside this item"
                )
            }
            LzfError::Short { at, have, expected } => write!(
                f,
                "LZF: {at} compressed bytes give {have} bytes, {expected} promised"
            ),
        }
    }
}

impl std::error::Error for LzfError {}

impl From<LzfError> for Error {
    /// The place stays open: only the caller knows where in the file the compressed bytes stand.
    fn from(e: LzfError) -> Error {
        Error::new(ErrorKind::Corrupt, e.to_string())
    }
}

fn claim_is_possible(input: u64, expected: u64) -> bool {
    expected <= input.saturating_mul(limits::LZF_RATIO)
}

/// Decodes `input` in `room`, whose former content goes and whose memory is kept (it is longer than the result: what is
/// behind is of no meaning, and leaving it there spares clearing it each time).
///
/// # Errors
/// Any [`LzfError`].
///
/// ```
/// let mut room = Vec::new();
/// let out = redisk::packed::lzf::decode(b"\x01aa\xe0\x0a\x00", 21, &mut room)?;
/// assert_eq!(out, [b'a'; 21]);
/// # Ok::<(), redisk::packed::lzf::LzfError>(())
/// ```
pub fn decode<'o>(
    input: &[u8],
    expected: usize,
    room: &'o mut Vec<u8>,
) -> Result<&'o [u8], LzfError> {
    if !claim_is_possible(input.len() as u64, expected as u64) {
        return Err(LzfError::Claim {
            input: input.len() as u64,
            expected: expected as u64,
        });
    }
    // Output, slack, input, slack in one buffer: all copies may then be of fixed size.
    let start = expected.saturating_add(SLACK);
    let whole = start.saturating_add(input.len()).saturating_add(SLACK);
    if room.len() < whole {
        room.resize(whole, 0);
    }
    if let Some(to) = room.get_mut(start..).and_then(|b| b.get_mut(..input.len())) {
        to.copy_from_slice(input);
    }
    decode_into(room, start, start + input.len(), expected)?;
    Ok(room.get(..expected).unwrap_or_default())
}

/// `buf` is room for `expected` bytes, the slack, the input (`start..end`), and the slack again.
///
/// Whether a literal run stands before the next reference is anybody's guess, so each turn takes both: a run, which may
/// be of no bytes, then a reference. Only two runs in a row, as long ones are, cost a turn without one.
fn decode_into(buf: &mut [u8], start: usize, end: usize, expected: usize) -> Result<(), LzfError> {
    let mut i = start;
    let mut o = 0usize;
    while i < end {
        let Some(&control) = buf.get(i) else { break };
        let literal = control < 32;
        let n = select_unpredictable(literal, usize::from(control) + 1, 0);
        let next = i + select_unpredictable(literal, usize::from(control) + 2, 0);
        if (next > end) | (n > expected - o) {
            return Err(judge(i - start, true, next > end, 0, o, expected, n));
        }
        copy(buf, i + 1, o);
        i = next;
        o += n;
        if i == end {
            break;
        }
        let Some(&[control, second, third]) = buf.get(i..).and_then(|b| b.first_chunk::<3>())
        else {
            break;
        };
        if control < 32 {
            continue;
        }
        let control = usize::from(control);
        let long = control >= 0xe0;
        let extra = usize::from(select_unpredictable(long, second, 0));
        let low = usize::from(select_unpredictable(long, third, second));
        let distance = ((control & 31) << 8 | low) + 1;
        let n = (control >> 5) + 2 + extra;
        let next = i + 2 + usize::from(long);
        // One branch that is never taken in sound data.
        if (next > end) | (n > expected - o) | (distance > o) {
            let truncated = next > end;
            return Err(judge(i - start, false, truncated, distance, o, expected, n));
        }
        if (n <= SLACK) & (n <= distance) {
            copy(buf, o - distance, o);
        } else {
            copy_back(buf, o, distance, n);
        }
        i = next;
        o += n;
    }
    if o != expected {
        return Err(LzfError::Short {
            at: (end - start) as u64,
            have: o as u64,
            expected: expected as u64,
        });
    }
    Ok(())
}

/// Copies [`SLACK`] bytes, however few count. The slacks see to it that there is room.
#[inline(always)]
fn copy(buf: &mut [u8], from: usize, to: usize) {
    if let Some(&chunk) = buf.get(from..).and_then(|b| b.first_chunk::<SLACK>())
        && let Some(room) = buf.get_mut(to..).and_then(|b| b.first_chunk_mut::<SLACK>())
    {
        *room = chunk;
    }
}

/// Which of the rules was broken, in the order in which a reader that goes byte by byte finds it.
#[cold]
fn judge(
    at: usize,
    literal: bool,
    truncated: bool,
    distance: usize,
    have: usize,
    expected: usize,
    n: usize,
) -> LzfError {
    let at = at as u64;
    let overrun = n > expected - have;
    if truncated && !(literal && overrun) {
        LzfError::Truncated { at }
    } else if !literal && distance > have {
        LzfError::Distance {
            at,
            distance: distance as u64,
            have: have as u64,
        }
    } else {
        LzfError::Overrun {
            at,
            expected: expected as u64,
        }
    }
}

/// What stands in front of the first item that does not hold, of at most `most` bytes: for salvage, byte by byte. Compressed
/// bytes have no sums, so what went before may be wrong, too; who takes it has to look at what it says.
#[must_use]
pub fn prefix(input: &[u8], most: usize) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    let mut rest = input.iter().copied();
    while let Some(control) = rest.next() {
        let (length, high) = (usize::from(control >> 5), usize::from(control & 31));
        if length == 0 {
            let n = (high + 1).min(most - out.len());
            out.extend(rest.by_ref().take(n));
        } else {
            let more = if length == 7 { rest.next() } else { Some(0) };
            let (Some(more), Some(low)) = (more, rest.next()) else {
                break;
            };
            let Some(from) = out.len().checked_sub((high << 8 | usize::from(low)) + 1) else {
                break;
            };
            let n = (length + 2 + usize::from(more)).min(most - out.len());
            for at in from..from + n {
                out.extend(out.get(at).copied());
            }
        }
        if out.len() >= most {
            break;
        }
    }
    out
}

/// Whether `input` decodes to exactly `expected` bytes, without decoding it.
///
/// # Errors
/// The same as of [`decode`].
pub fn check(input: &[u8], expected: u64) -> Result<(), LzfError> {
    if !claim_is_possible(input.len() as u64, expected) {
        return Err(LzfError::Claim {
            input: input.len() as u64,
            expected,
        });
    }
    let mut i = 0;
    let mut o = 0u64;
    while let Some(&control) = input.get(i) {
        let at = i as u64;
        if control < 32 {
            let n = usize::from(control) + 1;
            i += 1 + n;
            o += n as u64;
            if i > input.len() && o <= expected {
                return Err(LzfError::Truncated { at });
            }
        } else {
            let long = control >= 0xe0;
            let rest = input.get(i + 1..).unwrap_or_default();
            let (more, low, width) = match rest {
                [more, low, ..] if long => (u64::from(*more), *low, 3),
                [low, ..] if !long => (0, *low, 2),
                _ => return Err(LzfError::Truncated { at }),
            };
            let distance = (u64::from(control & 31) << 8 | u64::from(low)) + 1;
            if distance > o {
                return Err(LzfError::Distance {
                    at,
                    distance,
                    have: o,
                });
            }
            i += width;
            o += u64::from(control >> 5) + 2 + more;
        }
        if o > expected {
            return Err(LzfError::Overrun { at, expected });
        }
    }
    if o != expected {
        return Err(LzfError::Short {
            at: input.len() as u64,
            have: o,
            expected,
        });
    }
    Ok(())
}

/// `REPEAT[d][k]` is k mod d: how a pattern of d bytes fills 16.
const REPEAT: [[u8; 16]; 8] = {
    let mut table = [[0; 16]; 8];
    let mut d = 1;
    while d < 8 {
        let mut k = 0;
        let mut phase = 0;
        while k < 16 {
            #[allow(
                clippy::indexing_slicing,
                reason = "evaluated while compiling, where a bad index is a compile error"
            )]
            {
                table[d][k] = phase;
            }
            phase += 1;
            if phase as usize == d {
                phase = 0;
            }
            k += 1;
        }
        d += 1;
    }
    table
};

/// Copies `n` bytes to `o` from `distance` before, byte after byte in effect. Writes up to 15 bytes too many.
/// `None` only where the slack is missing, which the callers rule out.
#[inline]
fn copy_back(dst: &mut [u8], o: usize, distance: usize, n: usize) -> Option<()> {
    let from = o.checked_sub(distance)?;
    // From `from` on, all positions are relative to this slice, which spares a check of the start.
    let s = dst.get_mut(from..)?;
    if distance >= 16 {
        let mut k = 0;
        while k < n {
            let chunk = *s.get(k..)?.first_chunk::<16>()?;
            *s.get_mut(k + distance..)?.first_chunk_mut::<16>()? = chunk;
            k += 16;
        }
    } else if distance >= 8 {
        let mut k = 0;
        while k < n {
            let chunk = *s.get(k..)?.first_chunk::<8>()?;
            *s.get_mut(k + distance..)?.first_chunk_mut::<8>()? = chunk;
            k += 8;
        }
    } else {
        let pattern = *s.first_chunk::<8>()?;
        let repeat = REPEAT.get(distance)?;
        let mut chunk = [0; 16];
        for (to, &k) in chunk.iter_mut().zip(repeat) {
            *to = *pattern.get(usize::from(k & 7))?;
        }
        // Only whole periods count, so that the next chunk starts in phase again.
        let step = *STEP.get(distance)?;
        let mut k = 0;
        while k < n {
            *s.get_mut(k + distance..)?.first_chunk_mut::<16>()? = chunk;
            k += step;
        }
    }
    Some(())
}

/// The largest multiple of each distance that 16 bytes hold.
const STEP: [usize; 8] = [16, 16, 16, 15, 16, 15, 12, 14];

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "made-up data")]
mod tests;
