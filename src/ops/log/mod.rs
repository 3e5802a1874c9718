//! `log`: the commands of an append-only file in their order, all or some of them.
//!
//! ```text
//! walk ─▶ file after file: the RDB at its head, then its commands ─▶ one of
//!   list     text or JSON Lines, by several workers
//!   cut      a piece as a log of its own, transactions whole
//!   history  what happened to one key, through its renamings
//!   stats    what the log is made of
//! ```

mod cut;
mod event;
mod follow;
mod history;
mod list;
mod presence;
mod render;
mod select;
mod stats;
pub(in crate::ops) mod walk;

pub use cut::cut;
pub use follow::follow;
pub use history::{BaseKey, Doubt, HistoryReport, history};
pub use list::list;
pub use render::Form;
pub use select::{KeyRule, KeyTest, Select};
pub use stats::{Heat, NameCount, Prefix, Slice, Stats, stats};
pub use walk::{File, Note, Walked};

/// How to read a log.
pub struct Options<'a> {
    /// Which commands.
    pub select: Select,
    /// Only these files of a set, by their names.
    pub files: Vec<Vec<u8>>,
    /// At most so many commands.
    pub limit: Option<u64>,
    /// Workers, where several can share the work.
    pub threads: usize,
    /// Is told how many bytes were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl Options<'_> {
    /// Whether what is wanted is a log from its start, up to a time or place or but for some commands: then what it
    /// starts from belongs to it.
    fn is_a_beginning(&self) -> bool {
        let select = &self.select;
        let keys = select.keys.is_empty() && select.commands.is_empty();
        let dbs = select.dbs.is_empty() && select.not_dbs.is_empty();
        let start = select.from.is_none() && select.since.is_none();
        keys && dbs && start && self.files.is_empty() && self.limit != Some(0)
    }

    /// Whether keys or databases are all that is chosen by, so that an RDB can be asked for the same.
    fn only_keys(&self) -> bool {
        let select = &self.select;
        let by_keys =
            !(select.keys.is_empty() && select.dbs.is_empty() && select.not_dbs.is_empty());
        let others = select.since.or(select.until).is_some()
            || select.from.or(select.to).is_some()
            || !(select.commands.is_empty() && select.not_commands.is_empty())
            || !self.files.is_empty()
            || self.limit.is_some();
        by_keys && !others
    }
}
