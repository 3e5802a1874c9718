//! The decoder in pieces.

use super::{LzfError, MAX_DISTANCE, MAX_MATCH, SLACK, claim_is_possible, copy_back};
use crate::error::Result;

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
pub(super) const PIECE: usize = 64 << 10;

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
    /// An [`LzfError`] as [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), or the error of `emit`.
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
    /// [`LzfError::Truncated`] or [`LzfError::Short`] as [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), or the error of `emit`.
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
