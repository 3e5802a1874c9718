//! `diff`: is it the same data, and where not?
//!
//! ```text
//!   A ─▶ table: hash of the key, hash of the stored value, expiry, offset      (table)
//!   B ─▶ looked up: the same, or not there, or
//!         stored otherwise ─▶ many of them: digests by meaning, both read once more   (settle, digest)
//!                             few, or still not the same: both values side by side    (second, value, compare)
//! ```
//! Equal stored values need no decoding: two snapshots of one server are compared at the speed of a hash. Encoding, the
//! order of what has none, when a key or a consumer was last used, and how often, do not count. What only one of two
//! versions can hold (counters of a stream) does not, either.
//!
//! Differences come in the order of the first source; what only the second has follows, in its order.
//!
//! Damage of either source is an error: the question was not answered. Of values that are stored alike in both, what
//! stands inside is not looked at (`verify` does).

mod compare;
mod digest;
mod giant;
mod hash;
mod list;
mod patch;
mod second;
mod settle;
mod side;
mod table;
mod value;

pub use compare::{Datum, Item};
pub use patch::Patch;
pub use table::Ttl;
pub use value::Text;

use crate::error::Result;
use crate::filter::Filter;
use crate::input::open::Input;
use crate::model::kind::Kind;
use crate::rdb::walk::Scratch;
use hash::Key;
use second::Second;
use settle::Digests;
use side::Side;
use std::collections::{BTreeMap, BTreeSet};
use table::{Libraries, Reading, Table};

/// How to compare.
pub struct Options<'a> {
    /// Which keys.
    pub filter: Filter,
    /// Whether it counts how values are stored.
    pub encoding: bool,
    /// Whether expiries count, of keys and of fields.
    pub ttl: Ttl,
    /// Whether the first difference is enough.
    pub first: bool,
    /// Differences that are told of each key; more are counted.
    pub items: usize,
    /// Keys that are told; more are counted.
    pub limit: u64,
    /// From where on it works otherwise.
    pub bounds: Bounds,
    /// Workers.
    pub threads: usize,
    /// Bytes of memory that the table of keys may take; `Limit` above it.
    pub max_memory: Option<u64>,
    /// Is told how many bytes of a source were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// A source, as an RDB.
pub struct From {
    /// The RDB.
    pub input: Input,
    /// Whether it was made from a log, which does not say when entries of streams were delivered.
    pub replayed: bool,
}

/// Where the work changes its ways. What differs does not depend on it: tests make them small, so that small sources take
/// the paths of big ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// So many keys are looked at one by one; of more, digests are taken first.
    pub singly: usize,
    /// Memory that two values side by side may take, in bytes; larger ones are compared in shares, long lists run by run.
    pub held: u64,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            singly: 256,
            held: 24 << 20,
        }
    }
}

/// What counts.
#[derive(Debug, Clone, Copy)]
struct Count {
    /// How values are stored.
    encoding: bool,
    /// Expiries.
    ttl: Ttl,
    /// When pending entries were delivered.
    delivery: bool,
}

/// What became of a key between the two sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Only the first has it.
    Removed,
    /// Only the second has it.
    Added,
    /// Both have it, and it is not the same.
    Changed,
}

/// What is to be said of a key in one of the sources.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Its type.
    pub kind: Kind,
    /// Elements; of a string, bytes.
    pub len: u64,
    /// Its expiry, Unix milliseconds.
    pub expire_ms: Option<i64>,
    /// Of a string, how it begins.
    pub head: Option<Text>,
}

/// A key that is not the same.
#[derive(Debug)]
pub struct Change<'a> {
    /// What became of it.
    pub what: What,
    /// The database.
    pub db: u64,
    /// Its name.
    pub key: &'a [u8],
    /// The key in the first source.
    pub a: Option<Facts>,
    /// The key in the second.
    pub b: Option<Facts>,
    /// What differs within it: the first ones.
    pub items: &'a [Item],
    /// How many more there are.
    pub more: u64,
}

/// Is told of differences as they are found.
pub trait Tell {
    /// A function library: its source in either of them.
    fn function(&mut self, name: &[u8], a: Option<&[u8]>, b: Option<&[u8]>) -> Result<()>;
    /// A key.
    fn key(&mut self, change: &Change<'_>) -> Result<()>;
}

/// Keys of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Only in the first source.
    pub removed: u64,
    /// Only in the second.
    pub added: u64,
    /// In both, and not the same.
    pub changed: u64,
}

impl Counts {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.removed + self.added + self.changed
    }

    fn add(&mut self, what: What) {
        match what {
            What::Removed => self.removed += 1,
            What::Added => self.added += 1,
            What::Changed => self.changed += 1,
        }
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Keys of the first and of the second source that were compared.
    pub keys: [u64; 2],
    /// Keys that are the same in both.
    pub same: u64,
    /// Those that are not.
    pub counts: Counts,
    /// Function libraries that are not.
    pub functions: Counts,
    /// By database.
    pub by_db: BTreeMap<u64, Counts>,
    /// By type.
    pub by_type: BTreeMap<&'static str, Counts>,
    /// By what stands in front of the first colon of the key, with it; keys without one under `None`. Of a great many
    /// prefixes, the first ones.
    pub by_prefix: BTreeMap<Option<Vec<u8>>, Counts>,
    /// Keys whose prefix is not among them.
    pub other_prefixes: Counts,
    /// Whether it was given up at the first difference: then there are no counts.
    pub stopped: bool,
}

impl Report {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_same(&self) -> bool {
        !self.stopped && self.counts.all() == 0 && self.functions.all() == 0
    }

    fn count(&mut self, what: What, db: u64, key: &[u8], kind: Kind) {
        self.counts.add(what);
        self.by_db.entry(db).or_default().add(what);
        self.by_type.entry(kind.name()).or_default().add(what);
        let colon = key.iter().position(|b| *b == b':');
        let prefix = colon.and_then(|at| key.get(..=at)).map(<[u8]>::to_vec);
        if self.by_prefix.len() < PREFIXES || self.by_prefix.contains_key(&prefix) {
            self.by_prefix.entry(prefix).or_default().add(what);
        } else {
            self.other_prefixes.add(what);
        }
    }
}

/// Prefixes that are told apart.
const PREFIXES: usize = 10_000;

/// A share of the keys that is read by single looks: reading all once more takes longer than so many of them.
const FEW: u64 = 50;
/// Compares two sources. The second is opened when the first has been read. With a patch, commands that make the first
/// what the second is are written.
///
/// # Errors
/// Damage of either source, a key that is there twice, and what telling or the patch's output say.
pub fn diff(
    a: From,
    open_b: impl FnOnce() -> Result<From>,
    options: &Options<'_>,
    tell: &mut dyn Tell,
    mut patch: Option<&mut Patch<'_>>,
) -> Result<Report> {
    let key = Key::random();
    let reading = Reading {
        key,
        filter: &options.filter,
        threads: options.threads,
        max_memory: options.max_memory,
        progress: options.progress,
    };
    let replayed_a = a.replayed;
    let (table, a) = Table::read(Side::open(a.input)?, &reading)?;
    let b = open_b()?;
    let count = Count {
        encoding: options.encoding,
        ttl: options.ttl,
        delivery: !replayed_a && !b.replayed,
    };
    let (mut look, b) =
        table.compare(Side::open(b.input)?, &reading, options.ttl, options.first)?;
    let mut report = Report {
        keys: {
            let [in_a, in_b] = look.unwanted;
            [a.keys + in_a, b.keys + in_b]
        },
        same: look.same,
        ..Report::default()
    };
    if look.stopped {
        report.stopped = true;
        return Ok(report);
    }
    // Functions belong to no key: who asks for some keys does not ask for them.
    if options.filter.is_empty() {
        functions(&a.functions, &b.functions, &mut report, tell, &mut patch)?;
    }
    let many = look.again.len() as u64 > a.keys / FEW && look.again.len() > options.bounds.singly;
    if many && (report.is_same() || !options.first) {
        let digests = Digests {
            key,
            options,
            count,
            sides: [&a.side, &b.side],
        };
        report.same += digests.settle(&mut look.again)?;
    }
    let mut second = Second {
        key,
        options,
        count,
        sides: [&a.side, &b.side],
        report,
        tell,
        patch,
        sc: Scratch::default(),
    };
    second.all(&look)?;
    Ok(second.report)
}

fn functions(
    a: &Libraries,
    b: &Libraries,
    report: &mut Report,
    tell: &mut dyn Tell,
    patch: &mut Option<&mut Patch<'_>>,
) -> Result<()> {
    let names: BTreeSet<&Vec<u8>> = a.keys().chain(b.keys()).collect();
    let differing: Vec<&Vec<u8>> = names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name))
        .collect();
    for name in &differing {
        let (a, b) = (a.get(*name), b.get(*name));
        report.functions.add(match (a, b) {
            (Some(_), Some(_)) => What::Changed,
            (Some(_), None) => What::Removed,
            _ => What::Added,
        });
        tell.function(name, a.map(Vec::as_slice), b.map(Vec::as_slice))?;
    }
    let Some(patch) = patch else {
        return Ok(());
    };
    // All that change go before any comes: a function may move from one library to another, and servers refuse a name
    // that another library has.
    for name in differing.iter().filter(|name| a.contains_key(**name)) {
        patch.function(name, None)?;
    }
    for name in differing {
        if let Some(code) = b.get(name) {
            patch.function(name, Some(code))?;
        }
    }
    Ok(())
}
