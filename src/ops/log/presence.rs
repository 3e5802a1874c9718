//! Whether keys are there, as far as a log and its base tell.
//!
//! ```text
//! SET a 1      a is there
//! LPOP l       perhaps l was the last element's
//! DEL a        a is not there
//! ```
//!
//! What is not noted is not there: a log begins with its base, or with nothing.

use super::event::Event;
use crate::error::Result;
use crate::model::commands::Command;
use crate::model::commands::keys::Argv;
use std::collections::HashMap;

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is there.
    There,
    /// It is not.
    Gone,
    /// One or the other.
    Unknown,
}

/// Names that are noted at a time.
const NAMES: usize = 20_000;

/// The keys that are there, or may be.
#[derive(Debug, Default)]
pub(super) struct Presence {
    noted: HashMap<(u32, Vec<u8>), State>,
    /// There were more names than are noted: then nothing is known of the others.
    full: bool,
}

impl Presence {
    pub(super) fn of(&self, db: u32, key: &[u8]) -> State {
        match self.noted.get(&(db, key.to_vec())) {
            Some(state) => *state,
            None if self.full => State::Unknown,
            None => State::Gone,
        }
    }

    pub(super) fn set(&mut self, db: u32, key: &[u8], state: State) {
        let name = (db, key.to_vec());
        if state == State::Gone && !self.full {
            self.noted.remove(&name);
        } else if self.noted.len() < NAMES || self.noted.contains_key(&name) {
            self.noted.insert(name, state);
        } else {
            self.full = true;
        }
    }

    pub(super) fn swap(&mut self, a: u32, b: u32) {
        let noted = std::mem::take(&mut self.noted).into_iter();
        let swapped = noted.map(|((db, key), state)| match db {
            db if db == a => ((b, key), state),
            db if db == b => ((a, key), state),
            db => ((db, key), state),
        });
        self.noted = swapped.collect();
    }

    pub(super) fn flush(&mut self, db: Option<u32>) {
        match db {
            Some(db) => self.noted.retain(|(n, _), _| *n != db),
            None => *self = Presence::default(),
        }
    }

    /// Notes what a command does to those of its keys that are `ours`.
    pub(super) fn step(
        &mut self,
        event: &Event<'_>,
        row: &Command,
        ours: impl Fn(&[u8]) -> bool,
    ) -> Result<()> {
        let Some(change) = change(event, row) else {
            return Ok(());
        };
        event.any_key(|key| {
            if ours(key) {
                self.set(event.db, key, change);
            }
            false
        })?;
        Ok(())
    }
}

/// What is known of the keys of a command behind it; `None` for what was known before.
fn change(event: &Event<'_>, row: &Command) -> Option<State> {
    const CREATE: &[&str] = &[
        "append",
        "bitfield",
        "decr",
        "decrby",
        "geoadd",
        "getset",
        "hincrby",
        "hincrbyfloat",
        "hmset",
        "hset",
        "hsetex",
        "hsetnx",
        "incr",
        "incrby",
        "incrbyfloat",
        "lpush",
        "mset",
        "pfadd",
        "psetex",
        "restore",
        "rpush",
        "sadd",
        "set",
        "setbit",
        "setex",
        "setnx",
        "vadd",
        "xadd",
        "zadd",
        "zincrby",
    ];
    const KEEP: &[&str] = &[
        "expire",
        "expireat",
        "hexpire",
        "hexpireat",
        "hpersist",
        "hpexpire",
        "hpexpireat",
        "lset",
        "persist",
        "pexpire",
        "pexpireat",
        "touch",
        "xack",
        "xclaim",
        "xdel",
        "xgroup",
        "xsetid",
        "xtrim",
    ];
    match row.name {
        "del" | "unlink" | "getdel" => Some(State::Gone),
        // With a condition it may not have made the key.
        name if CREATE.contains(&name) => Some(match (2..9).any(|i| is_condition(event.arg(i))) {
            true => State::Unknown,
            false => State::There,
        }),
        name if KEEP.contains(&name) || !row.is_write() => None,
        _ => Some(State::Unknown),
    }
}

fn is_condition(word: Option<&[u8]>) -> bool {
    let words = ["xx", "fxx", "nomkstream", "ifeq", "ifne", "ifdeq", "ifdne"];
    word.is_some_and(|word| {
        words
            .iter()
            .any(|w| word.eq_ignore_ascii_case(w.as_bytes()))
    })
}
