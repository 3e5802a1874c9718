//! A command of more than a MiB, streamed: its arguments come in pieces, none of which is kept.

use super::Reader;
use crate::aof::block::State;
use crate::error::Result;
use crate::resp::decode::{FaultKind, FlawKind, Rest, end_of_line};
use crate::resp::line::{Line, argc, length};
use std::io::Read;

/// Where a big command stands.
#[derive(Debug, Clone)]
pub(super) struct BigState {
    at: u64,
    argc: u32,
    /// Arguments done.
    arg: u32,
    /// Length of the argument that is being given out, once its line is read.
    len: Option<u64>,
    given: u64,
    flaws: Vec<BigFlaw>,
}

/// What is malformed about a big command that a server loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BigFlaw {
    /// What.
    pub kind: FlawKind,
    /// Offset in the file.
    pub at: u64,
    /// The argument, or `None` for the first line.
    pub arg: Option<u32>,
}

impl BigState {
    /// One that starts at this offset, of which nothing has been read.
    pub(super) fn new(at: u64) -> BigState {
        BigState {
            at,
            argc: 0,
            arg: 0,
            len: None,
            given: 0,
            flaws: Vec::new(),
        }
    }

    fn flaw(&mut self, kind: Option<FlawKind>, at: u64) {
        if let Some(kind) = kind
            && self.flaws.len() < FLAWS_KEPT
        {
            let arg = Some(self.arg);
            self.flaws.push(BigFlaw { kind, at, arg });
        }
    }
}

/// Only so many flaws of one command are kept.
const FLAWS_KEPT: usize = 16;

impl<R: Read> Reader<R> {
    /// The first line of a big command. False if that is already the end.
    pub(super) fn big_head(&mut self) -> Result<bool> {
        let Some(found) = self.line()? else {
            let rest = end_of_line(self.rest(), 0, None);
            self.rest_is(rest)?;
            return Ok(false);
        };
        let second = self.rest().get(1).copied();
        let at = self.at;
        match found {
            Line::Is(value, next, flaw) => match argc(value, second.as_ref()) {
                Ok(argc) => {
                    if let Some(big) = &mut self.big {
                        big.argc = argc;
                        big.flaws.extend(flaw.map(|kind| BigFlaw {
                            kind,
                            at,
                            arg: None,
                        }));
                    }
                    self.skip(next);
                    return Ok(true);
                }
                Err(kind) => self.fault(kind, at, None)?,
            },
            _ => self.fault(FaultKind::LongLine, at, None)?,
        }
        Ok(false)
    }

    /// Makes the next piece of a big command available at the front of `carry`: argument, its length, how far into it,
    /// and how many bytes. `None` behind the last one; `self.big` is gone then, and `self.end` is set if the file ended.
    pub(super) fn piece(&mut self) -> Result<Option<(u32, u64, u64, usize)>> {
        let Some(mut big) = self.big.take() else {
            return Ok(None);
        };
        loop {
            if big.arg == big.argc {
                self.valid_up_to = self.at;
                self.read_up_to = self.at;
                self.state.commands += 1;
                return Ok(None);
            }
            let arg = Some(big.arg);
            let Some(len) = big.len else {
                let Some(found) = self.line()? else {
                    let rest = end_of_line(self.rest(), 0, arg);
                    self.rest_is(rest)?;
                    return Ok(None);
                };
                let at = self.at;
                let bad = match (self.rest().first(), found) {
                    (Some(&b), _) if b != b'$' => FaultKind::NotAnArgument(b),
                    (_, Line::Is(value, next, flaw)) => match length(value) {
                        Ok(len) => {
                            big.flaw(flaw, at);
                            big.len = Some(len);
                            big.given = 0;
                            self.skip(next);
                            if len == 0 {
                                self.big = Some(big.clone());
                                return Ok(Some((big.arg, 0, 0, 0)));
                            }
                            continue;
                        }
                        Err(kind) => kind,
                    },
                    _ => FaultKind::LongLine,
                };
                self.fault(bad, at, arg)?;
                return Ok(None);
            };
            let left = len - big.given;
            let missing = if left == 0 { 2 } else { 1 };
            while self.rest().len() < missing {
                if !self.more()? {
                    self.rest_is(Rest::Truncated(arg, Some(len)))?;
                    return Ok(None);
                }
            }
            if left == 0 {
                let crlf = self.rest().starts_with(b"\r\n");
                big.flaw((!crlf).then_some(FlawKind::Separator), self.at);
                self.skip(2);
                big.arg += 1;
                big.len = None;
                continue;
            }
            let n = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.rest().len());
            let given = big.given;
            big.given += n as u64;
            let index = big.arg;
            self.big = Some(big);
            return Ok(Some((index, len, given, n)));
        }
    }
}

/// A command that is streamed. Dropping it reads over the rest.
#[derive(Debug)]
pub struct Big<'r, R> {
    pub(super) reader: &'r mut Reader<R>,
}

/// A piece of an argument of a big command. Every argument gives at least one, an empty argument an empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Which argument; 0 is the name.
    pub arg: u32,
    /// Length of the whole argument.
    pub len: u64,
    /// How far into the argument the piece starts.
    pub from: u64,
    /// Offset of the piece in the file.
    pub at: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl<R: Read> Big<'_, R> {
    /// Offset of the command in the file.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.reader
            .big
            .as_ref()
            .map_or(self.reader.at, |big| big.at)
    }

    /// How many arguments it claims to have.
    #[must_use]
    pub fn argc(&self) -> u32 {
        self.reader.big.as_ref().map_or(0, |big| big.argc)
    }

    /// The state in front of it.
    #[must_use]
    pub fn state(&self) -> State {
        self.reader.state
    }

    /// What is malformed so far (the first few).
    #[must_use]
    pub fn flaws(&self) -> &[BigFlaw] {
        self.reader.big.as_ref().map_or(&[], |big| &big.flaws)
    }

    /// Whether all of it has been read; false at its end means that the file ends inside it, or breaks the format.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.reader.big.is_none() && self.reader.end.is_none()
    }

    /// The next piece, or `None` when the command is at its end, or the file is: see [`Big::is_complete`].
    ///
    /// # Errors
    /// What [`Reader::next`] returns.
    pub fn next_piece(&mut self) -> Result<Option<Piece<'_>>> {
        let Some((arg, len, from, n)) = self.reader.piece()? else {
            return Ok(None);
        };
        let start = self.reader.start;
        let at = self.reader.at;
        self.reader.skip(n);
        Ok(Some(Piece {
            arg,
            len,
            from,
            at,
            bytes: self.reader.carry.get(start..start + n).unwrap_or_default(),
        }))
    }
}
