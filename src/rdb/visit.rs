//! What a walk over a value tells: one call an element, in file order. Everything borrows and is gone after the call.

use crate::error::Result;
use crate::model::finding::{Finding, Severity};
use crate::model::kind::StreamId;
use crate::packed::string::Str;

/// Receives the parts of a value. A method that is not overridden ignores its part.
#[allow(unused_variables, reason = "the defaults do nothing")]
pub trait Visit {
    /// Whether it looks at strings that need not be compared (values of strings and fields, elements of lists). If not,
    /// they are checked without being expanded, and may come out empty.
    #[inline]
    fn reads(&self) -> bool {
        true
    }
    /// The value of a string.
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        Ok(())
    }
    /// An element of a list, head first.
    fn element(&mut self, element: Str<'_>) -> Result<()> {
        Ok(())
    }
    /// A member of a set.
    fn member(&mut self, member: Str<'_>) -> Result<()> {
        Ok(())
    }
    /// A member of a sorted set.
    fn scored(&mut self, member: Str<'_>, score: f64) -> Result<()> {
        Ok(())
    }
    /// A field of a hash, with its expiry in Unix milliseconds.
    fn field(&mut self, field: Str<'_>, value: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        Ok(())
    }
    /// A part of a stream.
    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        Ok(())
    }
    /// A node of a stream begins: the id that its entries' are counted from, and its listpack, where it is short enough to
    /// be at hand. Its entries follow.
    fn stream_node(&mut self, id: StreamId, listpack: Option<&[u8]>) -> Result<()> {
        Ok(())
    }
    /// How many fields the entry that has just begun says it has: a claim until they have come.
    fn entry_fields(&mut self, n: u64) -> Result<()> {
        Ok(())
    }
    /// A module's value: its id, and the fields up to and with the end mark as they stand in the file.
    fn module(&mut self, id: u64, fields: Str<'_>) -> Result<()> {
        Ok(())
    }
    /// The insertion cursor of an array, before its elements.
    fn array_cursor(&mut self, cursor: Option<u64>) -> Result<()> {
        Ok(())
    }
    /// An element of an array.
    fn array_element(&mut self, index: u64, value: ArrayValue<'_>) -> Result<()> {
        Ok(())
    }
    /// A rate limiter's theoretical arrival time.
    fn gcra(&mut self, tat: u64) -> Result<()> {
        Ok(())
    }
    /// The value was an aggregate without elements: servers since 6.2 leave such a key out when they load it.
    fn empty(&mut self) -> Result<()> {
        Ok(())
    }
    /// A problem that did not stop the walk. By default damage does stop it.
    fn finding(&mut self, finding: Finding) -> Result<()> {
        if finding.severity == Severity::Damage {
            Err(finding.into_error())
        } else {
            Ok(())
        }
    }
}

/// An element of an array (type 28). All are strings to commands; files keep numbers as numbers.
#[derive(Debug, Clone, Copy)]
pub enum ArrayValue<'a> {
    /// A string, or an integer.
    Text(Str<'a>),
    /// A number whose shortest text, with `.0` where it has no point or exponent, is the string.
    Float(f64),
}

/// The numbers of a stream. `None`: the version does not hold it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamMeta {
    /// The stored number of live entries.
    pub length: u64,
    /// The highest id ever.
    pub last_id: StreamId,
    /// The first live id.
    pub first_id: Option<StreamId>,
    /// The highest id ever deleted.
    pub max_deleted_id: Option<StreamId>,
    /// How many entries were ever added.
    pub entries_added: Option<u64>,
}

/// A part of a stream, in this order: entries, then `Meta`, then groups, then the idempotence state.
#[derive(Debug, Clone, Copy)]
pub enum StreamPart<'a> {
    /// An entry begins.
    Entry(StreamId),
    /// A field of it.
    Field(Str<'a>, Str<'a>),
    /// All entries are done.
    Meta(&'a StreamMeta),
    /// A group begins.
    Group {
        /// Its name.
        name: Str<'a>,
        /// The last id delivered.
        last_id: StreamId,
        /// How many entries it has read: -1 for unknown; `None` where the version does not hold it.
        entries_read: Option<i64>,
    },
    /// A pending entry of the group.
    Pending {
        /// The entry.
        id: StreamId,
        /// When it was delivered last, Unix milliseconds.
        time: i64,
        /// How often.
        count: u64,
    },
    /// A consumer of the group begins, after all pending entries.
    Consumer {
        /// Its name.
        name: Str<'a>,
        /// When it was seen last, Unix milliseconds.
        seen_time: i64,
        /// When it got something last; -1 for never.
        active_time: Option<i64>,
    },
    /// A pending entry that this consumer owns; time and count are those of the group's pending entry.
    Owned {
        /// The entry.
        id: StreamId,
        /// When it was delivered last, Unix milliseconds.
        time: i64,
        /// How often.
        count: u64,
    },
    /// A pending entry that nobody owns, given back (v5).
    Nacked {
        /// The entry.
        id: StreamId,
        /// When it was delivered last, Unix milliseconds.
        time: i64,
        /// How often.
        count: u64,
    },
    /// The group is complete.
    GroupEnd,
    /// All groups are done. The idempotence state begins: seconds, entries (v4).
    Idmp {
        /// How long an id is remembered, in seconds.
        duration: u64,
        /// How many are remembered a producer.
        max_entries: u64,
    },
    /// A producer begins.
    Producer(Str<'a>),
    /// An id of it that is remembered, and the entry it made.
    ProducerId(Str<'a>, StreamId),
    /// All producers are done: ids added, duplicates refused.
    IdmpEnd {
        /// Ids ever added.
        added: u64,
        /// Duplicates ever refused.
        duplicates: u64,
    },
}
