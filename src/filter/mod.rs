//! Choosing keys: the one filter language of all commands that read keys.
//!
//! A filter is a list of tests that must all hold; a test holds when any of its rules does (or, negated, when none
//! does). Rules look at a record's head first; only the number of elements needs the value.

pub mod glob;
pub mod mask;
pub mod rename;
mod siphash;
pub mod transform;

use crate::error::Result;
use crate::model::finding::Finding;
use crate::model::kind::{Encoding, Kind, StreamId};
use crate::model::slot;
use crate::packed::string::Str;
use crate::rdb::visit::{ArrayValue, StreamPart, Visit};
use crate::rdb::walk::{self, Scratch};
use crate::sink::Key;
use glob::Glob;

/// One condition.
#[derive(Debug, Clone)]
pub enum Rule {
    /// In this database.
    Db(u64),
    /// The name matches a server's glob.
    Key(Glob),
    /// The name is exactly this.
    KeyExact(Vec<u8>),
    /// The name has a match of this expression.
    KeyRegex(regex::bytes::Regex),
    /// Of this type.
    Kind(Kind),
    /// Stored like this.
    Encoding(Encoding),
    /// The serialized value has at least so many bytes.
    MinSize(u64),
    /// The serialized value has at most so many bytes.
    MaxSize(u64),
    /// The value has at least so many elements (a string: bytes).
    MinLen(u64),
    /// The value has at most so many elements (a string: bytes).
    MaxLen(u64),
    /// About its expiry.
    Ttl(Ttl),
    /// In this range of cluster slots.
    Slot(u16, u16),
    /// Not used for more than so many seconds.
    IdleOver(u64),
    /// Not used for less than so many seconds.
    IdleUnder(u64),
    /// Used more often than this (the LFU counter).
    FreqOver(u8),
    /// Used less often than this.
    FreqUnder(u8),
}

/// A condition on a key's expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// It has none.
    None,
    /// It has one.
    Any,
    /// It has passed.
    Expired,
    /// It has one, less than so many milliseconds from now (also one that has passed).
    Under(i64),
    /// It has one, more than so many milliseconds from now.
    Over(i64),
}

/// Rules of which one must hold, or none.
#[derive(Debug, Clone)]
pub struct Test {
    /// The rules.
    pub any_of: Vec<Rule>,
    /// Whether none may hold.
    pub not: bool,
}

/// Which keys are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    tests: Vec<Test>,
    now_ms: i64,
}

impl Filter {
    /// All tests must hold; `now_ms` is what expiries are measured against, in Unix milliseconds.
    #[must_use]
    pub fn new(tests: Vec<Test>, now_ms: i64) -> Filter {
        let mut tests: Vec<Test> = tests.into_iter().filter(|t| !t.any_of.is_empty()).collect();
        // Tests that need the value come last.
        tests.sort_by_key(|t| {
            t.any_of
                .iter()
                .any(|r| matches!(r, Rule::MinLen(_) | Rule::MaxLen(_)))
        });
        Filter { tests, now_ms }
    }

    /// The tests that database and name alone decide, and the others. A key whose value changes passes the first for ever.
    #[must_use]
    pub fn split(&self) -> (Filter, Filter) {
        let by_name = |test: &&Test| {
            test.any_of.iter().all(|rule| match rule {
                Rule::Db(_)
                | Rule::Key(_)
                | Rule::KeyExact(_)
                | Rule::KeyRegex(_)
                | Rule::Slot(..) => true,
                Rule::Kind(_)
                | Rule::Encoding(_)
                | Rule::MinSize(_)
                | Rule::MaxSize(_)
                | Rule::MinLen(_)
                | Rule::MaxLen(_)
                | Rule::Ttl(_)
                | Rule::IdleOver(_)
                | Rule::IdleUnder(_)
                | Rule::FreqOver(_)
                | Rule::FreqUnder(_) => false,
            })
        };
        let part = |named: bool| Filter {
            tests: self
                .tests
                .iter()
                .filter(|t| by_name(t) == named)
                .cloned()
                .collect(),
            now_ms: self.now_ms,
        };
        (part(true), part(false))
    }

    /// Whether it lets everything pass.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// Whether the key is wanted.
    #[inline]
    pub fn wants(&self, key: &Key<'_>, sc: &mut Scratch) -> Result<bool> {
        for test in &self.tests {
            let mut holds = false;
            for rule in &test.any_of {
                if self.holds(rule, key, sc)? {
                    holds = true;
                    break;
                }
            }
            if holds == test.not {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn holds(&self, rule: &Rule, key: &Key<'_>, sc: &mut Scratch) -> Result<bool> {
        let attrs = &key.record.frame.attrs;
        Ok(match rule {
            Rule::Db(db) => key.record.frame.db == *db,
            Rule::Key(glob) => glob.matches(key.name),
            Rule::KeyExact(name) => key.name == name.as_slice(),
            Rule::KeyRegex(re) => re.is_match(key.name),
            Rule::Kind(kind) => key.row.kind == *kind,
            Rule::Encoding(encoding) => key.record.encoding() == Some(*encoding),
            Rule::MinSize(n) => key.record.body_len() >= *n,
            Rule::MaxSize(n) => key.record.body_len() <= *n,
            Rule::MinLen(n) => len(key, sc)? >= *n,
            Rule::MaxLen(n) => len(key, sc)? <= *n,
            Rule::Ttl(ttl) => self.ttl(*ttl, attrs.expire_ms),
            Rule::Slot(first, last) => (*first..=*last).contains(&slot::key_slot(key.name)),
            Rule::IdleOver(n) => attrs.idle.is_some_and(|idle| idle > *n),
            Rule::IdleUnder(n) => attrs.idle.is_some_and(|idle| idle < *n),
            Rule::FreqOver(n) => attrs.freq.is_some_and(|freq| freq > *n),
            Rule::FreqUnder(n) => attrs.freq.is_some_and(|freq| freq < *n),
        })
    }

    fn ttl(&self, ttl: Ttl, expire_ms: Option<i64>) -> bool {
        let Some(at) = expire_ms else {
            return ttl == Ttl::None;
        };
        let left = at.saturating_sub(self.now_ms);
        match ttl {
            Ttl::None => false,
            Ttl::Any => true,
            Ttl::Expired => left <= 0,
            Ttl::Under(ms) => left < ms,
            Ttl::Over(ms) => left > ms,
        }
    }
}

/// How many elements the value has; of a string, how many bytes.
pub fn len(key: &Key<'_>, sc: &mut Scratch) -> Result<u64> {
    let mut count = Count(0);
    walk::record(&key.record, key.row, false, sc, &mut count)?;
    Ok(count.0)
}

struct Count(u64);

impl Visit for Count {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        self.0 = value.len();
        Ok(())
    }
    fn element(&mut self, _: Str<'_>) -> Result<()> {
        self.0 += 1;
        Ok(())
    }
    fn member(&mut self, _: Str<'_>) -> Result<()> {
        self.0 += 1;
        Ok(())
    }
    fn scored(&mut self, _: Str<'_>, _: f64) -> Result<()> {
        self.0 += 1;
        Ok(())
    }
    fn field(&mut self, _: Str<'_>, _: Str<'_>, _: Option<u64>) -> Result<()> {
        self.0 += 1;
        Ok(())
    }
    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        if let StreamPart::Entry(StreamId { .. }) = part {
            self.0 += 1;
        }
        Ok(())
    }
    fn array_element(&mut self, _: u64, _: ArrayValue<'_>) -> Result<()> {
        self.0 += 1;
        Ok(())
    }
    fn finding(&mut self, _: Finding) -> Result<()> {
        Ok(())
    }
}
