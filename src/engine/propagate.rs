//! What a server writes to its log for the commands that it runs.
//!
//! ```text
//!   SET k v EX 100   ─▶  SET k v PXAT 1700000100000        what is relative becomes absolute
//!   SPOP s 2         ─▶  SREM s a b                        what is chance becomes what it hit
//!   BLPOP a b 0      ─▶  LPOP b                            what waits becomes what it did
//!   SADD s a         ─▶  SADD s a, or nothing where it was there
//! ```
//! A command that changes something and says nothing stands in the log as it came. One whose effect is written in another
//! way hands that to the log; its [`Effect`] in a list of names says that it does. Nothing of this is done, and nothing
//! is paid for it but one look at an empty slot, where nobody keeps a log: a replay does not.
//!
//! What is beside the commands is done here: a key that is past its expiry gets its `DEL` (`UNLINK` on Valkey from 8.0
//! on, by its `lazyfree-lazy-expire`) before a command that names it, `SELECT` stands in front of what happens in another
//! database, and `MULTI` and `EXEC` around several commands that are one. Source: `propagatePendingCommands`,
//! `feedAppendOnlyFile` and the commands' own calls of `rewriteClientCommandVector`; servers from 7.0 on. Older ones
//! write a few of the commands in another way and put no `MULTI` around what a command alone leads to.
//!
//! Source of the forms: what Redis 7.0 and Valkey 9.1 wrote, which a test compares.

use super::Cx;
use super::args::Kept;
use super::keys::Keys;
use crate::aof::block::Args;
use crate::model::commands::Command;
use crate::model::kind::Flavour;
use crate::model::target::Target;
use crate::packed::string::Digits;

/// The commands of a log, and what a command under way has said of itself.
#[derive(Debug, Default)]
pub struct Effects {
    log: Vec<Kept>,
    /// The database that the log is in, once it has said so.
    selected: Option<u32>,
    /// What belongs together: of one command, or of one `EXEC`.
    together: Vec<(u32, Kept)>,
    /// Of the command that runs: how much of `together` was there before it, and whether it has said what to write.
    start: usize,
    said: bool,
    instead: Option<(u32, Kept)>,
}

impl Effects {
    /// What is to be written since it was asked last, in order.
    pub fn take(&mut self) -> Vec<Kept> {
        std::mem::take(&mut self.log)
    }

    /// The file goes on elsewhere: its first command has to be a `SELECT`.
    pub fn begin_file(&mut self) {
        self.selected = None;
    }

    /// A command is about to run: the keys that it names and that are past their expiry go.
    pub(super) fn expire(
        &mut self,
        keys: &mut Keys,
        db: u32,
        row: &'static Command,
        args: &Args<'_>,
        dialect: &Target,
    ) {
        self.said = false;
        self.instead = None;
        let word = expiry_word(dialect);
        let places: Vec<usize> = row.keys(args).flat_map(|keys| keys.indexes()).collect();
        for place in places {
            let Some(name) = args.get(place) else {
                continue;
            };
            let home = keys.db(db);
            if home.is_some_and(|home| home.find(name).is_some()) && !keys.exists(db, name) {
                keys.delete(db, name);
                self.say(db, Kept::from_iter([word, name]));
            } else if row.name == "msetnx" && keys.exists(db, name) {
                // It looks no further.
                break;
            }
        }
        self.start = self.together.len();
    }

    fn say(&mut self, db: u32, argv: Kept) {
        self.together.push((db, argv));
    }

    /// The command that ran has changed something (or nothing, or has failed).
    pub(super) fn end(&mut self, db: u32, args: &Args<'_>, changed: bool, failed: bool) {
        if failed {
            self.together.truncate(self.start);
        } else if changed && !self.said {
            let argv = self.instead.take();
            let (db, argv) = argv.unwrap_or_else(|| (db, args.iter().collect()));
            self.say(db, argv);
        }
    }

    /// Everything that belongs together is there.
    pub(super) fn close(&mut self) {
        let together = std::mem::take(&mut self.together);
        let is_many = together.len() > 1;
        let word = |word: &'static str| Kept::from_iter([word.as_bytes()]);
        if is_many {
            self.log.push(word("MULTI"));
        }
        for (db, argv) in together {
            if self.selected != Some(db) {
                self.selected = Some(db);
                let number = Digits::new(i64::from(db));
                self.log
                    .push(Kept::from_iter([&b"SELECT"[..], number.as_bytes()]));
            }
            self.log.push(argv);
        }
        if is_many {
            self.log.push(word("EXEC"));
        }
    }
}

/// Where a command's effects go, if anyone wants them.
pub(crate) struct Log<'a>(pub(super) Option<&'a mut Effects>);

impl Log<'_> {
    /// Whether anyone does. A command that would have to work for its effect alone asks first.
    #[inline]
    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// The command is written like this, in that database. Several times: all of them, in order.
    pub(crate) fn put<'b>(&mut self, db: u32, argv: impl IntoIterator<Item = &'b [u8]>) {
        if let Some(effects) = &mut self.0 {
            effects.said = true;
            effects.say(db, argv.into_iter().collect());
        }
    }

    /// The same where the command has changed something, and nothing where it has not.
    pub(crate) fn instead<'b>(&mut self, db: u32, argv: impl IntoIterator<Item = &'b [u8]>) {
        if let Some(effects) = &mut self.0 {
            effects.instead = Some((db, argv.into_iter().collect()));
        }
    }

    /// The command is written as it came, even if it has changed nothing.
    pub(crate) fn as_it_came(&mut self, db: u32, args: &Args<'_>) {
        self.put(db, args.iter());
    }

    /// The same with one argument in the place of what came, where `with` has one.
    pub(crate) fn replaced<'b>(
        &mut self,
        db: u32,
        args: &Args<'b>,
        with: impl Fn(usize) -> Option<&'b [u8]>,
    ) {
        self.put(
            db,
            args.iter()
                .enumerate()
                .map(|(i, arg)| with(i).unwrap_or(arg)),
        );
    }
}

impl Cx<'_> {
    /// The word with which a key goes whose time has come.
    pub(crate) fn expiry_word(&self) -> &'static [u8] {
        expiry_word(self.dialect)
    }
}

/// `lazyfree-lazy-expire` is on in Valkey since 8.0, and off in Redis.
fn expiry_word(dialect: &Target) -> &'static [u8] {
    if dialect.flavour == Flavour::Valkey && dialect.version >= (8, 0) {
        b"UNLINK"
    } else {
        b"DEL"
    }
}

/// How a server writes a command that has changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It never changes anything.
    None,
    /// As it came.
    AsIs,
    /// In another way, at least sometimes: what its function hands to the log.
    Rewritten,
}

/// How a server writes what the command of that row has done. `PFCOUNT` reads and is written: it renews what its key
/// remembers of the count.
#[must_use]
pub fn effect(row: &Command) -> Effect {
    if REWRITTEN.binary_search(&row.name).is_ok() {
        Effect::Rewritten
    } else if row.flags & crate::model::commands::flags::WRITE != 0 || row.name == "pfcount" {
        Effect::AsIs
    } else {
        Effect::None
    }
}

/// The commands that are written in another way, sorted.
const REWRITTEN: &[&str] = &[
    "blmove",
    "blmovem",
    "blmpop",
    "blpop",
    "brpop",
    "brpoplpush",
    "bzmpop",
    "bzpopmax",
    "bzpopmin",
    "delex",
    "delifeq",
    "expire",
    "expireat",
    "flushall",
    "flushdb",
    "geoadd",
    "getdel",
    "getex",
    "getset",
    "hexpire",
    "hexpireat",
    "hgetdel",
    "hgetex",
    "hincrby",
    "hincrbyfloat",
    "hpexpire",
    "hpexpireat",
    "hsetex",
    "incrbyfloat",
    "lmpop",
    "msetex",
    "pexpire",
    "pexpireat",
    "psetex",
    "restore",
    "restore-asking",
    "set",
    "setex",
    "spop",
    "swapdb",
    "xadd",
    "xautoclaim",
    "xclaim",
    "xreadgroup",
    "xtrim",
    "zmpop",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::commands;

    #[test]
    fn the_table_is_sorted_and_names_commands() {
        assert!(REWRITTEN.is_sorted());
        for name in REWRITTEN {
            let row = commands::lookup(name.as_bytes(), b"").unwrap();
            assert_eq!(effect(row), Effect::Rewritten);
        }
        let of = |name: &str| effect(commands::lookup(name.as_bytes(), b"").unwrap());
        assert_eq!(of("get"), Effect::None);
        assert_eq!(of("append"), Effect::AsIs);
        assert_eq!(of("pfcount"), Effect::AsIs);
    }
}
