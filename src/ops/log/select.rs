//! Which commands of a log are wanted.

use super::event::{Event, Words};
use crate::error::Result;
use crate::filter::glob::Glob;
use crate::model::commands::keys::Argv;
use crate::model::slot::key_slot;

/// A condition on a key.
#[derive(Debug, Clone)]
pub enum KeyRule {
    /// The name matches a server's glob.
    Glob(Glob),
    /// The name is exactly this.
    Exact(Vec<u8>),
    /// The expression matches somewhere in the name.
    Regex(regex::bytes::Regex),
    /// The name's slot in a cluster is among these.
    Slot(u16, u16),
}

impl KeyRule {
    /// Whether a key meets it.
    #[must_use]
    #[inline]
    pub fn holds(&self, key: &[u8]) -> bool {
        match self {
            KeyRule::Glob(glob) => glob.matches(key),
            KeyRule::Exact(exact) => exact == key,
            KeyRule::Regex(regex) => regex.is_match(key),
            KeyRule::Slot(first, last) => (*first..=*last).contains(&key_slot(key)),
        }
    }
}

/// Conditions of which a key has to meet one; or none, if it is a `not`.
#[derive(Debug, Clone)]
pub struct KeyTest {
    /// The conditions.
    pub any_of: Vec<KeyRule>,
    /// Whether it takes what it would not take otherwise: commands without a key that meets one of them, those without
    /// keys among them.
    pub not: bool,
}

impl KeyTest {
    /// Whether a key meets one of the conditions.
    #[inline]
    fn meets(&self, key: &[u8]) -> bool {
        self.any_of.iter().any(|rule| rule.holds(key))
    }
}

/// What is wanted: every condition that is given must hold; of several values of one, any.
#[derive(Debug, Clone, Default)]
pub struct Select {
    /// What the command's keys are like: all of these.
    pub keys: Vec<KeyTest>,
    /// Its name, in any case; `xgroup|create` for a subcommand.
    pub commands: Vec<String>,
    /// None of these names.
    pub not_commands: Vec<String>,
    /// The database it stands in.
    pub dbs: Vec<u32>,
    /// None of these databases.
    pub not_dbs: Vec<u32>,
    /// Not before this second.
    pub since: Option<i64>,
    /// Not after this second. What has no time stands before everything that has one.
    pub until: Option<i64>,
    /// Starting at this offset of its file, or behind it.
    pub from: Option<u64>,
    /// Starting before this offset of its file.
    pub to: Option<u64>,
}

impl Select {
    /// Whether everything is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.by_content() && self.since.or(self.until).is_none() && self.from.or(self.to).is_none()
    }

    /// Whether it depends on what a command does, not only on where it stands.
    #[must_use]
    pub fn by_content(&self) -> bool {
        let names = self.commands.is_empty() && self.not_commands.is_empty();
        let dbs = self.dbs.is_empty() && self.not_dbs.is_empty();
        !(self.keys.is_empty() && names && dbs)
    }

    /// Whether the database is right.
    #[must_use]
    #[inline]
    pub fn db(&self, db: u32) -> bool {
        (self.dbs.is_empty() || self.dbs.contains(&db)) && !self.not_dbs.contains(&db)
    }

    /// Whether a single key is right.
    #[must_use]
    pub fn key(&self, key: &[u8]) -> bool {
        self.keys.iter().all(|test| test.meets(key) != test.not)
    }

    /// Whether time and offset are right.
    #[must_use]
    #[inline]
    pub fn place(&self, at: u64, time: Option<i64>) -> bool {
        let since = self.since.is_none_or(|s| time.is_some_and(|t| t >= s));
        let until = self.until.is_none_or(|u| time.is_none_or(|t| t <= u));
        let from = self.from.is_none_or(|from| at >= from);
        since && until && from && self.to.is_none_or(|to| at < to)
    }

    /// Whether the command is wanted.
    ///
    /// # Errors
    /// What reading a big command's words gives.
    #[inline]
    pub fn wants(&self, event: &Event<'_>) -> Result<bool> {
        if !self.place(event.at, event.time) {
            return Ok(false);
        }
        if !self.db(event.db) {
            return Ok(false);
        }
        if !self.commands.is_empty() && !self.commands.iter().any(|name| named(event, name)) {
            return Ok(false);
        }
        if self.not_commands.iter().any(|name| named(event, name)) {
            return Ok(false);
        }
        for test in &self.keys {
            if event.any_key(|key| test.meets(key))? == test.not {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn named(event: &Event<'_>, name: &str) -> bool {
    let (name, sub) = name.split_once('|').unwrap_or((name, ""));
    let is = |index, word: &str| {
        let arg = match event.words {
            Words::Args(args) => args.get(index),
            Words::Held(_) => event.arg(index),
        };
        arg.is_some_and(|a| a.eq_ignore_ascii_case(word.as_bytes()))
    };
    is(0, name) && (sub.is_empty() || is(1, sub))
}
