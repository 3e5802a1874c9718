//! Where a command's keys are.
//!
//! ```text
//! one(1, …)                      SET key value                            the argument at 1
//! range(1, -1, 2, …)             MSET key value key value                 from 1 to the last, every second
//! counted(2, 1, …)               EVAL script numkeys key key arg          the number stands at 2, the keys behind it
//! after("STORE", 6, …)           GEORADIUS key … STORE key                behind a word, looked for from 6 on
//! rest_after("STREAMS", 4, 2, …) XREADGROUP … STREAMS key key id id       from a word on, the first half
//! rest_after("KEYS", -2, 1, …)   MIGRATE host port "" 0 1000 KEYS key     a word looked for from the end
//! unknown(…)                     SORT key … STORE key                     only code can tell: `sort_store`
//! ```
//!
//! This is what servers do in `getKeysUsingKeySpecs`, with their exceptions: `SORT` (`sortGetKeys`), and `MIGRATE`, whose
//! first key is none when it is empty (`migrateGetKeys`). Commands of modules have no row; [`module_keys`] knows where
//! the well-known ones have their keys.

use super::{Command, Found};

/// Bits of [`KeySpec::flags`], named as COMMAND names them.
#[allow(missing_docs, reason = "the servers' own words")]
pub mod flags {
    /// Reads the value and changes nothing.
    pub const RO: u16 = 1;
    /// Reads and changes the value.
    pub const RW: u16 = 1 << 1;
    /// Overwrites the value whatever it was.
    pub const OW: u16 = 1 << 2;
    /// Removes the key.
    pub const RM: u16 = 1 << 3;
    pub const ACCESS: u16 = 1 << 4;
    pub const UPDATE: u16 = 1 << 5;
    pub const INSERT: u16 = 1 << 6;
    pub const DELETE: u16 = 1 << 7;
    /// Not a key: a channel, or something that only hashes like one.
    pub const NOT_KEY: u16 = 1 << 8;
    /// The spec does not find all of them.
    pub const INCOMPLETE: u16 = 1 << 9;
    /// Other flags may apply with some arguments.
    pub const VARIABLE_FLAGS: u16 = 1 << 10;
}

/// How to find some keys of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    /// See [`flags`].
    pub flags: u16,
    /// Where they begin.
    pub begin: Begin,
    /// How far they go.
    pub find: Find,
}

/// Where the keys begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At this argument.
    Index(u8),
    /// Behind a word (in any case), looked for from this argument on; negative: from so many before the end, backwards.
    Keyword(&'static str, i8),
    /// Only code can tell.
    Unknown,
}

/// How far the keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// To `last` behind the first, or before the end if negative; every `step`. `limit` above 1: only the first of so many
    /// equal parts of what is left.
    Range {
        /// The last, counted from the first, or from the end: -1 is the last argument.
        last: i8,
        /// From one to the next.
        step: u8,
        /// The divisor, or 0.
        limit: u8,
    },
    /// The first argument is their number, they stand behind it, every `step`.
    Count {
        /// From one to the next.
        step: u8,
    },
    /// Only code can tell.
    Unknown,
}

pub(super) const fn one(index: u8, flags: u16) -> KeySpec {
    range(index, 0, 1, flags)
}

pub(super) const fn range(index: u8, last: i8, step: u8, flags: u16) -> KeySpec {
    KeySpec {
        flags,
        begin: Begin::Index(index),
        find: Find::Range {
            last,
            step,
            limit: 0,
        },
    }
}

pub(super) const fn counted(index: u8, step: u8, flags: u16) -> KeySpec {
    KeySpec {
        flags,
        begin: Begin::Index(index),
        find: Find::Count { step },
    }
}

pub(super) const fn after(word: &'static str, from: i8, flags: u16) -> KeySpec {
    KeySpec {
        flags,
        begin: Begin::Keyword(word, from),
        find: Find::Range {
            last: 0,
            step: 1,
            limit: 0,
        },
    }
}

pub(super) const fn rest_after(word: &'static str, from: i8, parts: u8, flags: u16) -> KeySpec {
    KeySpec {
        flags,
        begin: Begin::Keyword(word, from),
        find: Find::Range {
            last: -1,
            step: 1,
            limit: if parts > 1 { parts } else { 0 },
        },
    }
}

pub(super) const fn unknown(flags: u16) -> KeySpec {
    KeySpec {
        flags,
        begin: Begin::Unknown,
        find: Find::Unknown,
    }
}

/// Arguments by index, the name at 0: whatever form a command has where it is looked at.
pub trait Argv {
    /// How many, the name included.
    fn argc(&self) -> usize;
    /// One of them.
    fn arg(&self, index: usize) -> Option<&[u8]>;
}

impl<T: AsRef<[u8]>> Argv for [T] {
    fn argc(&self) -> usize {
        self.len()
    }

    fn arg(&self, index: usize) -> Option<&[u8]> {
        self.get(index).map(AsRef::as_ref)
    }
}

impl<T: AsRef<[u8]>> Argv for Vec<T> {
    fn argc(&self) -> usize {
        self.len()
    }

    fn arg(&self, index: usize) -> Option<&[u8]> {
        self.get(index).map(AsRef::as_ref)
    }
}

/// Keys of a command: arguments `first`, `first + step`, … below `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key's index.
    pub first: usize,
    /// All indexes are below this.
    pub end: usize,
    /// From one to the next; at least 1.
    pub step: usize,
    /// See [`flags`].
    pub flags: u16,
}

impl KeyRange {
    /// The indexes.
    pub fn indexes(self) -> impl ExactSizeIterator<Item = usize> + Clone {
        (self.first..self.end).step_by(self.step)
    }
}

/// The key ranges of any argv, its command known or not.
pub fn keys_of<'a, A: Argv + ?Sized>(
    found: Found,
    argv: &'a A,
) -> impl Iterator<Item = KeyRange> + use<'a, A> {
    let specs: &'static [KeySpec] = match found {
        Found::Command(command) => command.keys,
        Found::Module => module_keys(argv.arg(0).unwrap_or_default()),
        Found::NoSuchSub(_) | Found::Unknown => &[],
    };
    specs.iter().filter_map(|spec| spec.range(argv))
}

impl Command {
    /// The ranges of arguments that are keys. A command's name must be its own: this does not look at it.
    pub fn keys<'a, A: Argv + ?Sized>(
        &'static self,
        argv: &'a A,
    ) -> impl Iterator<Item = KeyRange> + use<'a, A> {
        keys_of(Found::Command(self), argv)
    }
}

impl KeySpec {
    /// Whether it finds all of its keys, and nothing else.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.begin != Begin::Unknown && self.flags & (flags::NOT_KEY | flags::INCOMPLETE) == 0
    }

    /// The keys that it finds in an argv; none if it finds no key, or there are fewer arguments than it takes.
    fn range(&self, argv: &(impl Argv + ?Sized)) -> Option<KeyRange> {
        if self.flags & flags::NOT_KEY != 0 {
            return None;
        }
        let argc = argv.argc();
        let mut first = match self.begin {
            Begin::Index(index) => usize::from(index),
            Begin::Keyword(word, from) => keyword(argv, word, from)? + 1,
            Begin::Unknown => sort_store(argv, self.flags)?,
        };
        let (end, step) = match self.find {
            Find::Range { last, step, limit } => {
                let from_end = usize::from(last.unsigned_abs());
                let end = match (last, limit) {
                    (0.., _) => first + from_end + 1,
                    (_, 0) => (argc + 1).checked_sub(from_end)?,
                    // What servers compute: (argc - first) / limit + last, and one more for an end.
                    (_, limit) => (first + argc.checked_sub(first)? / usize::from(limit) + 1)
                        .checked_sub(from_end)?,
                };
                (end, usize::from(step))
            }
            Find::Count { step } => {
                let n = number(argv.arg(first)?)?;
                first += 1;
                let step = usize::from(step);
                let span = n.checked_sub(1)?.checked_mul(step)?;
                (first.checked_add(span)?.checked_add(1)?, step)
            }
            Find::Unknown => (first + 1, 1),
        };
        // MIGRATE with KEYS has an empty argument in the place of the one key.
        let hollow = self.begin == Begin::Index(3) && argv.arg(3).is_some_and(<[u8]>::is_empty);
        (first < end && end <= argc && !hollow).then_some(KeyRange {
            first,
            end,
            step: step.max(1),
            flags: self.flags,
        })
    }
}

/// A count of keys, as strictly as servers parse it.
fn number(text: &[u8]) -> Option<usize> {
    if text.first() == Some(&b'0') || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The index of a word. Neither search looks at the last argument behind which nothing could follow.
fn keyword(argv: &(impl Argv + ?Sized), word: &str, from: i8) -> Option<usize> {
    let is = |index: &usize| {
        argv.arg(*index)
            .is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    let argc = argv.argc();
    let distance = usize::from(from.unsigned_abs());
    if from >= 0 {
        (distance..argc.saturating_sub(1)).find(is)
    } else {
        (2..=argc.checked_sub(distance)?).rev().find(is)
    }
}

/// The index of the key that SORT stores to: behind the last `STORE`, past the arguments of other options.
fn sort_store(argv: &(impl Argv + ?Sized), flags: u16) -> Option<usize> {
    if flags & flags::OW == 0 {
        return None;
    }
    let mut found = None;
    let mut index = 2;
    while let Some(word) = argv.arg(index) {
        let is = |option: &[u8]| word.eq_ignore_ascii_case(option);
        index += if is(b"limit") {
            3
        } else if is(b"get") || is(b"by") {
            2
        } else if is(b"store") && argv.argc() > index + 1 {
            found = Some(index + 1);
            2
        } else {
            1
        };
    }
    found
}

/// Where the commands of the modules that come with Redis have their keys: at 1, but for a few.
#[must_use]
pub fn module_keys(name: &[u8]) -> &'static [KeySpec] {
    use flags::{ACCESS, OW, RO, RW, UPDATE};
    const WRITES: u16 = RW | ACCESS | UPDATE;
    const AT_1: &[KeySpec] = &[one(1, WRITES)];
    const TRIPLES: &[KeySpec] = &[range(1, -1, 3, WRITES)];
    const PAIR: &[KeySpec] = &[one(1, WRITES), one(2, WRITES)];
    const MERGE: &[KeySpec] = &[one(1, OW | UPDATE), counted(2, 1, RO | ACCESS)];
    const MGET: &[KeySpec] = &[range(1, -2, 1, RO | ACCESS)];
    let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
    let starts = |prefix: &[u8]| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if is(b"json.mset") || is(b"ts.madd") {
        TRIPLES
    } else if is(b"ts.createrule") || is(b"ts.deleterule") {
        PAIR
    } else if is(b"cms.merge") || is(b"tdigest.merge") {
        MERGE
    } else if is(b"json.mget") {
        MGET
    } else if starts(b"ft.") {
        &[]
    } else {
        AT_1
    }
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    fn keys(line: &str) -> Vec<String> {
        let argv: Vec<&[u8]> = line
            .split(' ')
            .map(|w| if w == "''" { &b""[..] } else { w.as_bytes() })
            .collect();
        keys_of(find(&argv), &argv)
            .flat_map(KeyRange::indexes)
            .map(|i| String::from_utf8(argv[i].to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn keys_of_every_form() {
        for (line, expected) in [
            ("SET a b", "a"),
            ("ping", ""),
            ("DEL a b c", "a b c"),
            ("mset a 1 b 2", "a b"),
            ("BLPOP a b 0", "a b"),
            ("RENAME a b", "a b"),
            ("BITOP AND d a b", "d a b"),
            ("XGROUP CREATE s g $", "s"),
            ("OBJECT freq k", "k"),
            ("EVAL s 2 a b x", "a b"),
            ("EVAL s 0 x", ""),
            ("EVAL s 02 a b", ""),
            ("EVAL s 3 a b", ""),
            ("EVAL s 18446744073709551615 a", ""),
            ("FCALL f 1 a x", "a"),
            ("ZUNIONSTORE d 2 a b WEIGHTS 1 2", "d a b"),
            ("ZINTER 2 a b", "a b"),
            ("LMPOP 2 a b LEFT", "a b"),
            ("BLMPOP 0 1 a LEFT", "a"),
            ("MSETEX 2 a 1 b 2 PX 5", "a b"),
            ("SORT a", "a"),
            ("SORT a BY STORE GET STORE STORE x LIMIT 0 1 store d", "a d"),
            ("SORT a STORE", "a"),
            ("GEORADIUS g 1 2 3 m STORE d", "g d"),
            ("GEORADIUS g 1 2 3 m WITHDIST STOREDIST d", "g d"),
            ("GEORADIUSBYMEMBER g m 3 km COUNT 5 store d", "g d"),
            ("GEOSEARCHSTORE d s FROMMEMBER m BYRADIUS 1 m ASC", "d s"),
            ("XREADGROUP GROUP g c COUNT 1 STREAMS a b > 0", "a b"),
            ("XREAD STREAMS a 0", "a"),
            ("MIGRATE h 1 k 0 5", "k"),
            ("MIGRATE h 1 '' 0 5 KEYS a b", "a b"),
            ("MIGRATE h 1 '' 0 5 COPY REPLACE keys a", "a"),
            ("COPY a b DB 3", "a b"),
            ("RESTORE k 0 x REPLACE", "k"),
            ("MEMORY USAGE k", "k"),
            ("SPUBLISH ch m", ""),
            ("SELECT 1", ""),
            ("VADD v VALUES 1 0.5 e", "v"),
            ("JSON.SET d $ 1", "d"),
            ("JSON.MSET a $ 1 b $ 2", "a b"),
            ("TS.CREATERULE a b AGGREGATION avg 5", "a b"),
            ("CMS.MERGE d 2 a b", "d a b"),
            ("FT.CREATE i", ""),
            ("NOSUCH k", ""),
            ("SET", ""),
            ("EVAL", ""),
            ("XREADGROUP", ""),
            ("MIGRATE", ""),
        ] {
            assert_eq!(keys(line).join(" "), expected, "{line}");
        }
    }

    #[test]
    fn any_argv_is_survived() {
        let words: &[&[u8]] = &[
            b"",
            b"0",
            b"1",
            b"2",
            b"STORE",
            b"KEYS",
            b"STREAMS",
            b"k",
            b"99999999999999999999",
        ];
        let mut seed = 7usize;
        for command in super::super::COMMANDS {
            for _ in 0..50 {
                let mut argv = vec![command.name.as_bytes()];
                if !command.sub.is_empty() {
                    argv.push(command.sub.as_bytes());
                }
                for _ in 0..seed % 9 {
                    seed = seed
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1442);
                    argv.push(words[(seed >> 33) % words.len()]);
                }
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1442)
                    >> 1;
                for range in command.keys(&argv) {
                    assert!(range.indexes().all(|i| i > 0 && i < argv.len()));
                }
            }
        }
    }
}
