//! One command on its way to the user, whether it came in a block or was too big for one.

use crate::aof::block::{Args, Command, State};
use crate::error::{Error, Result};
use crate::input::bytes::Far;
use crate::input::spool::Spool;
use crate::model::commands::keys::{Argv, KeyRange, keys_of};
use crate::model::commands::{Found, find};
use crate::pipe::log::BigCommand;
use std::io::Write;

/// A command and where it stands.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    /// Offset of its first byte.
    pub at: u64,
    /// Offset behind its last byte.
    pub end: u64,
    /// The database.
    pub db: u32,
    /// Whether it stands in a `MULTI` block (`EXEC` does, `MULTI` itself does not).
    pub multi: bool,
    /// The time of the last `#TS:` line, in seconds since 1970.
    pub time: Option<i64>,
    /// Its number in the file, from 1.
    pub number: u64,
    /// Name and arguments.
    pub words: Words<'a>,
}

/// Name and arguments.
#[derive(Clone, Copy)]
pub enum Words<'a> {
    /// In a block.
    Args(Args<'a>),
    /// In a temporary file.
    Held(&'a Held),
}

impl<'a> Event<'a> {
    /// A command of a block. `time` is what counts where the file has not said any yet.
    #[must_use]
    pub fn of(command: &Command<'a>, time: Option<i64>) -> Event<'a> {
        Event {
            at: command.at,
            end: command.end,
            db: command.state.db,
            multi: command.state.multi.is_some(),
            time: command.state.time.or(time),
            number: command.state.commands + 1,
            words: Words::Args(command.argv),
        }
    }

    /// What the table knows about its name.
    #[must_use]
    pub fn found(&self) -> Found {
        find(self)
    }

    /// Calls `each` with every key until it says true; whether it did.
    ///
    /// # Errors
    /// What reading a big command's words gives.
    pub fn any_key(&self, mut each: impl FnMut(&[u8]) -> bool) -> Result<bool> {
        let found = self.found();
        match self.words {
            Words::Args(args) => Ok(keys_of(found, self)
                .flat_map(KeyRange::indexes)
                .any(|index| args.get(index).is_some_and(&mut each))),
            Words::Held(held) => {
                let ranges: Vec<KeyRange> = keys_of(found, self).collect();
                let is_key = |index: usize| {
                    ranges.iter().any(|r| {
                        (r.first..r.end).contains(&index)
                            && (index - r.first).is_multiple_of(r.step)
                    })
                };
                let mut any = false;
                held.each(|index, len, far| {
                    if !any && is_key(index as usize) && len <= KEY {
                        let mut key = Vec::new();
                        far.chunks(len, &mut |piece| {
                            key.extend_from_slice(piece);
                            Ok(())
                        })?;
                        any = each(&key);
                    }
                    Ok(())
                })?;
                Ok(any)
            }
        }
    }
}

/// The longest key of a big command that is compared with anything.
const KEY: u64 = 1 << 20;

impl Argv for Event<'_> {
    fn argc(&self) -> usize {
        match self.words {
            Words::Args(args) => args.len(),
            Words::Held(held) => held.argc as usize,
        }
    }

    fn arg(&self, index: usize) -> Option<&[u8]> {
        match self.words {
            Words::Args(args) => args.get(index),
            Words::Held(held) => held.first.get(index).map(Vec::as_slice),
        }
    }
}

/// How many words of a big command are kept at hand, and how much of each: enough to know it and where its keys are.
const FIRST: usize = 1024;
const FIRST_BYTES: usize = 512;

/// A command too big for a block, in a temporary file: each word behind its length.
pub struct Held {
    argc: u32,
    spool: Spool,
    first: Vec<Vec<u8>>,
    at: u64,
    end: u64,
    state: State,
    time: Option<i64>,
}

impl Held {
    /// Reads a big command; `None` where the file ends inside it. `time` is what counts where the file has not said any.
    ///
    /// # Errors
    /// What reading, or writing the temporary file, gives.
    pub fn read(mut big: BigCommand<'_>, time: Option<i64>) -> Result<Option<Held>> {
        let state = big.state();
        let mut held = Held {
            argc: big.argc(),
            spool: Spool::default(),
            first: Vec::new(),
            at: big.at(),
            end: big.at(),
            state,
            time: state.time.or(time),
        };
        let mut buffer = Vec::new();
        while let Some(piece) = big.next_piece()? {
            if piece.from == 0 {
                buffer.extend_from_slice(&piece.len.to_le_bytes());
                if held.first.len() < FIRST {
                    held.first.push(Vec::new());
                }
            }
            buffer.extend_from_slice(piece.bytes);
            if let Some(word) = held.first.get_mut(piece.arg as usize)
                && word.len() < FIRST_BYTES
            {
                word.extend(piece.bytes.iter().take(FIRST_BYTES - word.len()));
            }
            held.end = piece.at + piece.bytes.len() as u64 + 2;
            if buffer.len() >= PAGE {
                held.spool.write(&buffer)?;
                buffer.clear();
            }
        }
        held.spool.write(&buffer)?;
        Ok(big.is_complete().then_some(held))
    }

    /// The command.
    #[must_use]
    pub fn event(&self) -> Event<'_> {
        Event {
            at: self.at,
            end: self.end,
            db: self.state.db,
            multi: self.state.multi.is_some(),
            time: self.time,
            number: self.state.commands + 1,
            words: Words::Held(self),
        }
    }

    /// Calls `each` with the index, the length and the bytes of every word.
    ///
    /// # Errors
    /// What `each` returns, and what reading the temporary file gives.
    pub fn each(&self, mut each: impl FnMut(u32, u64, Far<'_>) -> Result<()>) -> Result<()> {
        let mut at = 0;
        for index in 0..self.argc {
            let mut len = [0; 8];
            crate::input::bytes::ReadAt::read_exact_at(&self.spool, &mut len, at)?;
            let len = u64::from_le_bytes(len);
            each(index, len, Far::File(&self.spool, at + 8))?;
            at += 8 + len;
        }
        Ok(())
    }
}

const PAGE: usize = 64 << 10;

/// Writes to the user.
pub(super) fn write(sink: &mut dyn Write, bytes: &[u8]) -> Result<()> {
    sink.write_all(bytes)
        .map_err(|e| Error::from_io(e, "write the output"))
}
