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

use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use std::fmt;

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
    // Output, slack, input, slack in one buffer: literals and references are then copies from a place that is computed,
    // not chosen by a branch that nobody can predict.
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
fn decode_into(buf: &mut [u8], start: usize, end: usize, expected: usize) -> Result<(), LzfError> {
    let mut i = start;
    let mut o = 0usize;
    while i < end {
        let Some(&[control, second, third]) = buf.get(i..).and_then(|b| b.first_chunk::<3>())
        else {
            break;
        };
        let control = usize::from(control);
        let literal = control < 32;
        let long = control >= 0xe0;
        let (extra, low) = if long {
            (usize::from(second), usize::from(third))
        } else {
            (0, usize::from(second))
        };
        let distance = ((control & 31) << 8 | low) + 1;
        let n = if literal {
            control + 1
        } else {
            (control >> 5) + 2 + extra
        };
        let next = i + if literal {
            1 + n
        } else {
            2 + usize::from(long)
        };
        // One branch that is never taken in sound data.
        if (next > end) | (n > expected - o) | (!literal & (distance > o)) {
            return Err(judge(
                i - start,
                literal,
                next > end,
                distance,
                o,
                expected,
                n,
            ));
        }
        let from = if literal { i + 1 } else { o - distance };
        if (n <= SLACK) & (literal | (n <= distance)) {
            if let Some(&chunk) = buf.get(from..).and_then(|b| b.first_chunk::<SLACK>())
                && let Some(to) = buf.get_mut(o..).and_then(|b| b.first_chunk_mut::<SLACK>())
            {
                *to = chunk;
            }
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

/// The decoder for strings too long for memory: takes compressed bytes in pieces of any size, gives pieces of output,
/// and holds no more than the window and one piece.
#[derive(Debug)]
pub struct Stream {
    /// Up to a window of what went out already, then what is to go out, then room.
    buf: Vec<u8>,
    /// End of the output in `buf`.
    end: usize,
    /// What has gone out, in `buf`.
    sent: usize,
    /// Output in all.
    total: u64,
    expected: u64,
    /// Input in all.
    taken: u64,
    /// Where the item under way began.
    item: u64,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Control,
    Literal { left: usize },
    Extension { high: u8 },
    Low { high: u8, len: usize },
}

/// Output is handed on in pieces of about this size.
const PIECE: usize = 64 << 10;

impl Stream {
    /// A decoder for `input` compressed bytes that promise `expected`.
    ///
    /// # Errors
    /// [`LzfError::Claim`] when that is more than they can give.
    pub fn new(input: u64, expected: u64) -> Result<Stream, LzfError> {
        if !claim_is_possible(input, expected) {
            return Err(LzfError::Claim { input, expected });
        }
        Ok(Stream {
            buf: vec![0; MAX_DISTANCE + PIECE + MAX_MATCH + SLACK],
            end: 0,
            sent: 0,
            total: 0,
            expected,
            taken: 0,
            item: 0,
            state: State::Control,
        })
    }

    /// Decodes one more piece of input and hands on what comes out.
    ///
    /// # Errors
    /// An [`LzfError`] as [`ErrorKind::Corrupt`], or the error of `emit`.
    pub fn push(&mut self, input: &[u8], emit: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut rest = input;
        let start = self.taken;
        let length = input.len() as u64;
        while let Some((&byte, after)) = rest.split_first() {
            match self.state {
                State::Control => {
                    self.item = start + (length - rest.len() as u64);
                    self.state = if byte < 32 {
                        let left = usize::from(byte) + 1;
                        self.room(left)?;
                        State::Literal { left }
                    } else if byte >> 5 == 7 {
                        State::Extension { high: byte & 31 }
                    } else {
                        State::Low {
                            high: byte & 31,
                            len: usize::from(byte >> 5) + 2,
                        }
                    };
                    rest = after;
                }
                State::Literal { left } => {
                    let n = left.min(rest.len());
                    let (now, later) = rest.split_at(n);
                    let overrun = self.overrun();
                    self.buf
                        .get_mut(self.end..self.end + n)
                        .ok_or(overrun)?
                        .copy_from_slice(now);
                    self.advance(n, emit)?;
                    self.state = if n == left {
                        State::Control
                    } else {
                        State::Literal { left: left - n }
                    };
                    rest = later;
                }
                State::Extension { high } => {
                    self.state = State::Low {
                        high,
                        len: 9 + usize::from(byte),
                    };
                    rest = after;
                }
                State::Low { high, len } => {
                    let distance = (usize::from(high) << 8 | usize::from(byte)) + 1;
                    if distance as u64 > self.total {
                        return Err(LzfError::Distance {
                            at: self.item,
                            distance: distance as u64,
                            have: self.total,
                        }
                        .into());
                    }
                    self.room(len)?;
                    let overrun = self.overrun();
                    copy_back(&mut self.buf, self.end, distance, len).ok_or(overrun)?;
                    self.advance(len, emit)?;
                    self.state = State::Control;
                    rest = after;
                }
            }
        }
        self.taken = start + length;
        Ok(())
    }

    /// Hands on the last piece and checks that input and output ended together.
    ///
    /// # Errors
    /// [`LzfError::Truncated`] or [`LzfError::Short`] as [`ErrorKind::Corrupt`], or the error of `emit`.
    pub fn finish(mut self, emit: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if !matches!(self.state, State::Control) {
            return Err(LzfError::Truncated { at: self.item }.into());
        }
        self.flush(emit)?;
        if self.total != self.expected {
            return Err(LzfError::Short {
                at: self.taken,
                have: self.total,
                expected: self.expected,
            }
            .into());
        }
        Ok(())
    }

    fn overrun(&self) -> LzfError {
        LzfError::Overrun {
            at: self.item,
            expected: self.expected,
        }
    }

    fn room(&self, n: usize) -> Result<(), LzfError> {
        if n as u64 > self.expected - self.total {
            return Err(self.overrun());
        }
        Ok(())
    }

    /// Counts `n` bytes written at the end. A full piece goes out, and the window slides to the front.
    fn advance(&mut self, n: usize, emit: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.end += n;
        self.total += n as u64;
        if self.end >= MAX_DISTANCE + PIECE {
            self.flush(emit)?;
            let keep = self.end - MAX_DISTANCE;
            self.buf.copy_within(keep..self.end, 0);
            self.end = MAX_DISTANCE;
            self.sent = MAX_DISTANCE;
        }
        Ok(())
    }

    fn flush(&mut self, emit: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let fresh = self.buf.get(self.sent..self.end).unwrap_or_default();
        if !fresh.is_empty() {
            emit(fresh)?;
        }
        self.sent = self.end;
        Ok(())
    }
}

const HASH_BITS: u32 = 14;

/// The encoder. Its table is kept from call to call, so that a short string costs no more than its length.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// For each hash of three bytes, where they were last seen: `base` plus the position.
    table: Box<[u32; 1 << HASH_BITS]>,
    /// Entries below are left from earlier calls and mean nothing, so the output depends on the input alone.
    base: u32,
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder::new()
    }
}

impl Encoder {
    /// A fresh encoder; makes its table of 64 KiB.
    #[must_use]
    pub fn new() -> Encoder {
        Encoder {
            table: Box::new([0; 1 << HASH_BITS]),
            base: 1,
        }
    }

    /// Compresses `input` into `out`, whose former content goes. False, with `out` empty, when the result would be
    /// longer than `max_out` (servers pass the length less four, and keep the string raw otherwise), or when the input
    /// is longer than 2 GiB.
    pub fn encode(&mut self, input: &[u8], max_out: usize, out: &mut Vec<u8>) -> bool {
        out.clear();
        let Some(length) = u32::try_from(input.len()).ok().filter(|&n| n <= 1 << 31) else {
            return false;
        };
        let base = match self.base.checked_add(length) {
            Some(next) => std::mem::replace(&mut self.base, next),
            None => {
                self.table.fill(0);
                self.base = 1 + length;
                1
            }
        };
        let done = self.compress(input, base, max_out, out).is_some() && out.len() <= max_out;
        if !done {
            out.clear();
        }
        done
    }

    fn compress(
        &mut self,
        input: &[u8],
        base: u32,
        max_out: usize,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let mut ip = 0;
        let mut literal = 0;
        while let Some(head) = input.get(ip..).and_then(<[u8]>::first_chunk::<4>) {
            let head = u32::from_le_bytes(*head);
            let slot = self.slot(head)?;
            #[allow(
                clippy::cast_possible_truncation,
                reason = "encode() lets no input of 4 GiB or more come here"
            )]
            let seen = std::mem::replace(slot, base + ip as u32).wrapping_sub(base) as usize;
            // An entry of an earlier call wraps around to something huge.
            if seen >= ip || ip - seen > MAX_DISTANCE || !same3(input, seen, head) {
                ip += 1;
                continue;
            }
            literals(input.get(literal..ip)?, max_out, out)?;
            let distance = ip - seen - 1;
            let len = match_length(input, seen, ip);
            // At most 8191 and 262: the parts fit their bytes by construction.
            let [low, high] = two_bytes(distance);
            match len - 2 {
                l @ 0..7 => out.extend_from_slice(&[(two_bytes(l)[0] << 5) | high, low]),
                l => {
                    out.extend_from_slice(&[0xe0 | high, two_bytes(l - 7)[0], low]);
                }
            }
            if out.len() > max_out {
                return None;
            }
            ip += len;
            literal = ip;
            // The two positions before the next search: cheap, and they find most of what a full update would.
            for back in [2, 1] {
                let at = ip - back;
                if let Some(head) = input.get(at..).and_then(<[u8]>::first_chunk::<4>) {
                    #[allow(clippy::cast_possible_truncation, reason = "as above")]
                    {
                        *self.slot(u32::from_le_bytes(*head))? = base + at as u32;
                    }
                }
            }
        }
        literals(input.get(literal..)?, max_out, out)
    }

    /// The table's place for the first three bytes of `head`.
    #[inline]
    fn slot(&mut self, head: u32) -> Option<&mut u32> {
        let hash = (head << 8).wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS);
        self.table.get_mut(hash as usize)
    }
}

/// The low 16 bits of a distance or length, low byte first.
#[allow(
    clippy::cast_possible_truncation,
    reason = "distances end at 8192, lengths at 264"
)]
fn two_bytes(n: usize) -> [u8; 2] {
    (n as u16).to_le_bytes()
}

#[inline]
fn same3(input: &[u8], at: usize, head: u32) -> bool {
    input
        .get(at..)
        .and_then(<[u8]>::first_chunk::<4>)
        .is_some_and(|four| (u32::from_le_bytes(*four) ^ head) << 8 == 0)
}

/// How many bytes agree, the first three being known to; never above [`MAX_MATCH`].
#[inline]
fn match_length(input: &[u8], seen: usize, ip: usize) -> usize {
    let most = MAX_MATCH.min(input.len() - ip);
    let old = input.get(seen..).unwrap_or_default();
    let new = input.get(ip..).unwrap_or_default();
    let mut n = MIN_MATCH;
    while n < most {
        let (Some(a), Some(b)) = (
            old.get(n..).and_then(<[u8]>::first_chunk::<8>),
            new.get(n..).and_then(<[u8]>::first_chunk::<8>),
        ) else {
            break;
        };
        let differ = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differ != 0 {
            return most.min(n + (differ.trailing_zeros() / 8) as usize);
        }
        n += 8;
    }
    while n < most && old.get(n) == new.get(n) {
        n += 1;
    }
    n.min(most)
}

fn literals(mut bytes: &[u8], max_out: usize, out: &mut Vec<u8>) -> Option<()> {
    if out.len() + bytes.len() > max_out {
        return None;
    }
    while !bytes.is_empty() {
        let (now, later) = bytes.split_at(bytes.len().min(MAX_LITERAL));
        out.push(two_bytes(now.len() - 1)[0]);
        out.extend_from_slice(now);
        bytes = later;
    }
    Some(())
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "made-up data")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(input: &[u8], expected: usize) -> Result<Vec<u8>, LzfError> {
        let mut out = vec![7; 3];
        decode(input, expected, &mut out).map(<[u8]>::to_vec)
    }

    /// The same by way of `Stream`, in pieces of `size` bytes.
    fn streamed(input: &[u8], expected: usize, size: usize) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut emit = |piece: &[u8]| {
            out.extend_from_slice(piece);
            Ok(())
        };
        let mut stream = Stream::new(input.len() as u64, expected as u64)?;
        for piece in input.chunks(size) {
            stream.push(piece, &mut emit)?;
        }
        stream.finish(&mut emit)?;
        Ok(out)
    }

    fn check_both(input: &[u8], expected: usize) -> Result<Vec<u8>, LzfError> {
        let whole = decoded(input, expected);
        assert_eq!(check(input, expected as u64), whole.clone().map(|_| ()));
        for size in [1, 2, 7, 4096] {
            match (&whole, streamed(input, expected, size)) {
                (Ok(a), Ok(b)) => assert_eq!(*a, b),
                (Err(a), Err(b)) => assert_eq!(a.to_string(), b.message()),
                (a, b) => panic!("{a:?} whole, {b:?} in pieces of {size}"),
            }
        }
        whole
    }

    /// The plainest reading of the format, byte by byte.
    fn plain(input: &[u8], expected: usize) -> Option<Vec<u8>> {
        let mut out: Vec<u8> = Vec::new();
        let mut i = 0;
        while i < input.len() {
            let c = usize::from(input[i]);
            i += 1;
            if c < 32 {
                out.extend_from_slice(input.get(i..i + c + 1)?);
                i += c + 1;
            } else {
                let mut n = (c >> 5) + 2;
                if c >> 5 == 7 {
                    n += usize::from(*input.get(i)?);
                    i += 1;
                }
                let distance = ((c & 31) << 8 | usize::from(*input.get(i)?)) + 1;
                i += 1;
                for _ in 0..n {
                    out.push(*out.get(out.len().checked_sub(distance)?)?);
                }
            }
            if out.len() > expected {
                return None;
            }
        }
        (out.len() == expected).then_some(out)
    }

    #[test]
    fn vectors() {
        assert_eq!(check_both(b"", 0), Ok(vec![]));
        assert_eq!(check_both(b"\x01aa\xe0\x0a\x00", 21), Ok(vec![b'a'; 21]));
        assert_eq!(check_both(b"\x02abc\x20\x02", 6), Ok(b"abcabc".to_vec()));
        assert_eq!(
            check_both(b"\x02abc\xe0\x00\x02", 12),
            Ok(b"abcabcabcabc".to_vec())
        );
        // 264 from one reference, at the distance 1; and the largest expansion that is no lie.
        assert_eq!(check_both(b"\x00x\xe0\xff\x00", 265), Ok(vec![b'x'; 265]));
    }

    #[test]
    fn every_distance_and_length() {
        let start: Vec<u8> = (0..9000u32).map(|i| (i * 7 + i / 256) as u8).collect();
        let mut head = Vec::new();
        for run in start.chunks(32) {
            head.push((run.len() - 1) as u8);
            head.extend_from_slice(run);
        }
        for distance in (1..=40).chain([255, 256, 257, 4096, 8191, 8192]) {
            for len in (3..=50).chain([255, 256, 263, 264]) {
                let back = distance - 1;
                let mut input = head.clone();
                if len < 9 {
                    input.push(((len - 2) << 5 | back >> 8) as u8);
                } else {
                    input.push((0xe0 | back >> 8) as u8);
                    input.push((len - 9) as u8);
                }
                input.push(back as u8);
                let size = start.len() + len;
                let got = decoded(&input, size).unwrap();
                assert_eq!(Some(&got), plain(&input, size).as_ref());
                assert_eq!(streamed(&input, size, 1000).unwrap(), got);
                // And followed by one literal, which must stand right behind.
                input.extend_from_slice(b"\x00!");
                let got = decoded(&input, size + 1).unwrap();
                assert_eq!(Some(&got), plain(&input, size + 1).as_ref());
            }
        }
    }

    #[test]
    fn errors_say_where() {
        let e = |input: &[u8], n| check_both(input, n).unwrap_err().to_string();
        assert_eq!(
            e(b"\x00a\x20\x01", 4),
            "LZF byte 2: reference 2 bytes back, with 1 bytes of output so far"
        );
        assert_eq!(
            e(b"\x02abc", 2),
            "LZF byte 0: more than the 2 bytes promised"
        );
        assert_eq!(
            e(b"\x02abc\x20\x00", 5),
            "LZF byte 4: more than the 5 bytes promised"
        );
        assert_eq!(
            e(b"\x02abc", 5),
            "LZF: 4 compressed bytes give 3 bytes, 5 promised"
        );
        assert_eq!(
            e(b"\x02abc", 353),
            "LZF: 4 compressed bytes cannot give the 353 promised"
        );
        assert_eq!(
            e(b"", 1),
            "LZF: 0 compressed bytes cannot give the 1 promised"
        );
        for cut in [
            &b"\x02ab"[..],
            b"\x02abc\x20",
            b"\x02abc\xe0",
            b"\x02abc\xe0\x00",
        ] {
            let at = if cut.len() < 4 { 0 } else { 4 };
            assert_eq!(
                e(cut, 40),
                format!("LZF byte {at}: the compressed bytes end inside this item")
            );
        }
        assert_eq!(LzfError::Truncated { at: 9 }.offset(), 9);
        assert!(size_of::<LzfError>() <= 32);
        // Nothing is allocated for a lie.
        let mut out = Vec::new();
        decode(b"\x00a", usize::MAX, &mut out).unwrap_err();
        assert_eq!(out.capacity(), 0);
    }

    #[test]
    fn stream_slides_its_window() {
        let data: Vec<u8> = (0..2_000_000u32)
            .flat_map(|i| (i / 5 % 977 * (i / 9000)).to_le_bytes())
            .collect();
        let mut packed = Vec::new();
        assert!(Encoder::new().encode(&data, data.len(), &mut packed));
        let mut pieces = Vec::new();
        let mut stream = Stream::new(packed.len() as u64, data.len() as u64).unwrap();
        let mut at = 0;
        let mut emit = |piece: &[u8]| {
            assert_eq!(piece, &data[at..at + piece.len()]);
            at += piece.len();
            pieces.push(piece.len());
            Ok(())
        };
        for piece in packed.chunks(1013) {
            stream.push(piece, &mut emit).unwrap();
        }
        stream.finish(&mut emit).unwrap();
        assert_eq!(at, data.len());
        assert!(
            pieces
                .iter()
                .all(|&n| n <= PIECE + MAX_DISTANCE + MAX_MATCH)
        );
        // An error of the taker comes back as it is.
        let mut stream = Stream::new(2, 1).unwrap();
        stream.push(b"\x00a", &mut |_| Ok(())).unwrap();
        let e = stream
            .finish(&mut |_| Err(Error::limit("enough")))
            .unwrap_err();
        assert_eq!(e.message(), "enough");
    }

    #[test]
    fn encoder_keeps_to_its_room() {
        let mut encoder = Encoder::new();
        let mut out = Vec::new();
        let data = b"aaaaaaaaaaaaaaaaaaaaa";
        assert!(encoder.encode(data, 17, &mut out));
        let needs = out.len();
        assert_eq!(decoded(&out, data.len()).unwrap(), data);
        for room in 0..30 {
            assert_eq!(encoder.encode(data, room, &mut out), room >= needs);
            assert_eq!(out.len(), if room >= needs { needs } else { 0 });
        }
        assert!(encoder.encode(b"", 0, &mut out));
        assert!(!encoder.encode(b"a", 1, &mut out));
        assert!(encoder.encode(b"a", 2, &mut out));
    }

    #[test]
    fn encoder_forgets_earlier_calls() {
        let mut used = Encoder::new();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for i in 0..200u32 {
            let data: Vec<u8> = (0..i * 3).map(|k| (k % (i % 17 + 1)) as u8).collect();
            used.encode(&data, data.len() * 2, &mut a);
            Encoder::new().encode(&data, data.len() * 2, &mut b);
            assert_eq!(a, b);
        }
        used.base = u32::MAX - 5;
        assert!(used.encode(&[b'z'; 100], 100, &mut a));
        assert_eq!(used.base, 101);
        assert_eq!(decoded(&a, 100).unwrap(), [b'z'; 100]);
    }

    fn repetitive() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..600),
            prop::collection::vec(0u8..3, 0..3000),
            (
                prop::collection::vec(any::<u8>(), 1..300),
                1usize..60,
                any::<u8>()
            )
                .prop_map(|(part, times, extra)| {
                    let mut v = part.repeat(times);
                    v.push(extra);
                    v.extend_from_slice(&part);
                    v
                }),
        ]
    }

    proptest! {
        #[test]
        fn round_trip_and_oracle(data in repetitive()) {
            let mut packed = Vec::new();
            let worst = data.len() + data.len().div_ceil(32);
            prop_assert!(Encoder::new().encode(&data, worst, &mut packed));
            prop_assert_eq!(check_both(&packed, data.len()), Ok(data.clone()));
            if !data.is_empty() {
                prop_assert_eq!(lzf::decompress(&packed, data.len()).unwrap(), &data[..]);
            }
            // The oracle's encoder indexes out of bounds on some legal input.
            let theirs = std::panic::catch_unwind(|| lzf::compress(&data));
            if let Ok(Ok(theirs)) = theirs {
                prop_assert_eq!(check_both(&theirs, data.len()), Ok(data.clone()));
            }
            for cut in [1, packed.len() / 2, packed.len().saturating_sub(1)] {
                if cut < packed.len() {
                    prop_assert!(check_both(&packed[..cut], data.len()).is_err());
                }
            }
        }

        #[test]
        fn garbage_agrees_with_the_plainest_reading(
            input in prop::collection::vec(prop_oneof![any::<u8>(), 0u8..4, 32u8..36], 0..60),
            guess in 0usize..2000,
        ) {
            for expected in (0..=80).chain([guess]) {
                let got = check_both(&input, expected);
                prop_assert_eq!(got.clone().ok(), plain(&input, expected));
                if let (Ok(got), false) = (got, input.is_empty()) {
                    prop_assert_eq!(lzf::decompress(&input, expected).unwrap(), got);
                }
            }
        }
    }
}
