//! The commands of Redis and Valkey, as data: [`COMMANDS`] is the one place that knows them.
//!
//! ```text
//! find(["XGROUP", "create", "s", "g", "$"])  ─▶  row xgroup|create, arity -5, write, key at 2
//! find(["JSON.SET", "doc", …])               ─▶  Module: no row, key at 1
//! find(["NOSUCH"])                           ─▶  Unknown
//! ```
//!
//! A row carries what COMMAND answers: arity (negative: at least so many, the name included), flags, groups, the versions
//! that brought it, and [`keys::KeySpec`]s, from which [`Command::keys`] finds the keys of any argv. Names are matched
//! without regard to case, without allocating, through a hash table that is made at compile time. The rows' arguments and
//! prose are not here. Source: the servers' own COMMAND and COMMAND DOCS.

pub mod keys;
mod table;

use super::kind::Flavour;
use super::target::Target;
use table::{DIFFERENCES, ROWS};

/// All commands, sorted by name, subcommands behind their container.
pub static COMMANDS: &[Command] = &NUMBERED;

static NUMBERED: [Command; ROWS.len()] = numbered();

#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "runs at compile time, where either would be a compile error"
)]
const fn numbered() -> [Command; ROWS.len()] {
    let mut rows = [ROWS[0]; ROWS.len()];
    let mut i = 0;
    while i < rows.len() {
        rows[i] = ROWS[i];
        rows[i].index = i as u16;
        i += 1;
    }
    rows
}

/// Bits of [`Command::flags`], named as COMMAND names them.
#[allow(missing_docs, reason = "the servers' own words")]
pub mod flags {
    pub const NONE: u32 = 0;
    pub const ADMIN: u32 = 1;
    pub const ALLOW_BUSY: u32 = 1 << 1;
    pub const ASKING: u32 = 1 << 2;
    pub const BLOCKING: u32 = 1 << 3;
    pub const DENYOOM: u32 = 1 << 4;
    pub const FAST: u32 = 1 << 5;
    pub const LOADING: u32 = 1 << 6;
    pub const MODULE: u32 = 1 << 7;
    pub const MOVABLEKEYS: u32 = 1 << 8;
    pub const NOSCRIPT: u32 = 1 << 9;
    pub const NO_ASYNC_LOADING: u32 = 1 << 10;
    pub const NO_AUTH: u32 = 1 << 11;
    pub const NO_MANDATORY_KEYS: u32 = 1 << 12;
    pub const NO_MULTI: u32 = 1 << 13;
    pub const PUBSUB: u32 = 1 << 14;
    pub const READONLY: u32 = 1 << 15;
    pub const SKIP_COMMANDLOG: u32 = 1 << 16;
    pub const SKIP_MONITOR: u32 = 1 << 17;
    pub const SKIP_SLOWLOG: u32 = 1 << 18;
    pub const STALE: u32 = 1 << 19;
    pub const WRITE: u32 = 1 << 20;

    /// Every flag with the word that COMMAND has for it, in order.
    pub const NAMES: &[(u32, &str)] = &[
        (ADMIN, "admin"),
        (ALLOW_BUSY, "allow_busy"),
        (ASKING, "asking"),
        (BLOCKING, "blocking"),
        (DENYOOM, "denyoom"),
        (FAST, "fast"),
        (LOADING, "loading"),
        (MODULE, "module"),
        (MOVABLEKEYS, "movablekeys"),
        (NOSCRIPT, "noscript"),
        (NO_ASYNC_LOADING, "no_async_loading"),
        (NO_AUTH, "no_auth"),
        (NO_MANDATORY_KEYS, "no_mandatory_keys"),
        (NO_MULTI, "no_multi"),
        (PUBSUB, "pubsub"),
        (READONLY, "readonly"),
        (SKIP_COMMANDLOG, "skip_commandlog"),
        (SKIP_MONITOR, "skip_monitor"),
        (SKIP_SLOWLOG, "skip_slowlog"),
        (STALE, "stale"),
        (WRITE, "write"),
    ];
}

/// Bits of [`Command::acl`]: the ACL categories that a row names itself. See [`Command::acl_categories`] for all.
#[allow(missing_docs, reason = "the servers' own words")]
pub mod acl {
    pub const ACL_ADMIN: u32 = 1;
    pub const BITMAP: u32 = 1 << 1;
    pub const CONNECTION: u32 = 1 << 2;
    pub const DANGEROUS: u32 = 1 << 3;
    pub const GEO: u32 = 1 << 4;
    pub const HASH: u32 = 1 << 5;
    pub const HYPERLOGLOG: u32 = 1 << 6;
    pub const KEYSPACE: u32 = 1 << 7;
    pub const LIST: u32 = 1 << 8;
    pub const SCRIPTING: u32 = 1 << 9;
    pub const SET: u32 = 1 << 10;
    pub const SORTEDSET: u32 = 1 << 11;
    pub const STREAM: u32 = 1 << 12;
    pub const STRING: u32 = 1 << 13;
    pub const TRANSACTION: u32 = 1 << 14;
    /// The command has no category at all, not even those that follow from its flags (module commands).
    pub const NO_ACL: u32 = 1 << 31;

    /// Every category with its word.
    pub const NAMES: &[(u32, &str)] = &[
        (ACL_ADMIN, "admin"),
        (BITMAP, "bitmap"),
        (CONNECTION, "connection"),
        (DANGEROUS, "dangerous"),
        (GEO, "geo"),
        (HASH, "hash"),
        (HYPERLOGLOG, "hyperloglog"),
        (KEYSPACE, "keyspace"),
        (LIST, "list"),
        (SCRIPTING, "scripting"),
        (SET, "set"),
        (SORTEDSET, "sortedset"),
        (STREAM, "stream"),
        (STRING, "string"),
        (TRANSACTION, "transaction"),
    ];
}

/// A version of a server: major, minor, patch.
pub type Version = (u8, u8, u8);

/// A server whose COMMAND went into the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seen {
    /// Redis 7.0.
    Redis70 = 1,
    /// Redis 8.6.
    Redis86 = 2,
    /// Valkey 9.1.
    Valkey91 = 4,
}

const R70: u8 = Seen::Redis70 as u8;
const R86: u8 = Seen::Redis86 as u8;
const V91: u8 = Seen::Valkey91 as u8;
const ALL: u8 = R70 | R86 | V91;
const UNSEEN: u8 = 0;

/// What a command is about, as COMMAND DOCS groups them.
#[allow(missing_docs, reason = "the servers' own words")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    Array,
    Bitmap,
    Cluster,
    Connection,
    Generic,
    Geo,
    Hash,
    Hyperloglog,
    List,
    Module,
    Pubsub,
    Scripting,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// The name in lower case.
    pub name: &'static str,
    /// The subcommand, or empty.
    pub sub: &'static str,
    /// How many arguments, the name (and subcommand) included; negative: at least so many.
    pub arity: i8,
    /// See [`flags`].
    pub flags: u32,
    /// What it is about.
    pub group: Group,
    /// The first Redis that has it.
    pub since_redis: Option<Version>,
    /// The first Valkey that has it; versions before 7.2 are those of the Redis it comes from.
    pub since_valkey: Option<Version>,
    /// In whose COMMAND it was seen: bits of [`Seen`].
    pub seen: u8,
    /// First key, last key and step, as COMMAND gives them beside the key specs.
    pub range: (i8, i8, i8),
    /// See [`acl`].
    pub acl: u32,
    /// Where its keys are.
    pub keys: &'static [keys::KeySpec],
    /// Its own place in [`COMMANDS`], for tables beside it.
    pub index: u16,
}

/// A server's own idea of a row, where it is not the row's.
struct Difference {
    name: &'static str,
    sub: &'static str,
    seen: Seen,
    arity: i8,
    flags: u32,
    acl: u32,
}

#[allow(
    clippy::too_many_arguments,
    reason = "a table is read by its columns, and one line a row"
)]
const fn row(
    name: &'static str,
    sub: &'static str,
    arity: i8,
    flags: u32,
    group: Group,
    since_redis: Option<Version>,
    since_valkey: Option<Version>,
    seen: u8,
    range: (i8, i8, i8),
    acl: u32,
    keys: &'static [keys::KeySpec],
) -> Command {
    Command {
        name,
        sub,
        arity,
        flags,
        group,
        since_redis,
        since_valkey,
        seen,
        range,
        acl,
        keys,
        index: 0,
    }
}

const fn v(major: u8, minor: u8, patch: u8) -> Option<Version> {
    Some((major, minor, patch))
}

/// What [`find`] knows about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A command of this table (the subcommand, where there are any and one is named).
    Command(&'static Command),
    /// A container, without such a subcommand. Servers from 7.0 on call that an unknown command.
    NoSuchSub(&'static Command),
    /// `name.sub`: a module's command.
    Module,
    /// No server known here has it.
    Unknown,
}

impl Found {
    /// The row, if there is one.
    #[must_use]
    pub fn command(self) -> Option<&'static Command> {
        match self {
            Found::Command(c) => Some(c),
            Found::NoSuchSub(_) | Found::Module | Found::Unknown => None,
        }
    }
}

/// Finds the row for an argv, whatever the case of its name.
#[must_use]
pub fn find(argv: &(impl keys::Argv + ?Sized)) -> Found {
    let name = argv.arg(0).unwrap_or_default();
    let Some((command, container)) = slot(name, b"") else {
        return if name.contains(&b'.') {
            Found::Module
        } else {
            Found::Unknown
        };
    };
    match argv.arg(1) {
        Some(sub) if container => match lookup(name, sub) {
            Some(found) if !found.sub.is_empty() => Found::Command(found),
            _ => Found::NoSuchSub(command),
        },
        _ => Found::Command(command),
    }
}

/// Finds the row of a command, or of a subcommand if `sub` is not empty.
#[must_use]
pub fn lookup(name: &[u8], sub: &[u8]) -> Option<&'static Command> {
    slot(name, sub).map(|(command, _)| command)
}

/// The same, and whether it has subcommands.
fn slot(name: &[u8], sub: &[u8]) -> Option<(&'static Command, bool)> {
    let mut slot = hash(name, sub);
    loop {
        let index = *SLOTS.get(slot)?;
        let command = COMMANDS.get(usize::from(index & !CONTAINER))?;
        if command.name.as_bytes().eq_ignore_ascii_case(name)
            && command.sub.as_bytes().eq_ignore_ascii_case(sub)
        {
            return Some((command, index & CONTAINER != 0));
        }
        slot = (slot + 1) % SLOTS.len();
    }
}

/// Free slots hold this: no row has it, with or without the bit of a container.
const FREE: u16 = CONTAINER - 1;

/// Marks the slot of a command with subcommands.
const CONTAINER: u16 = 1 << 15;

/// Rows by the hash of their name: open addressing, less than half full.
static SLOTS: [u16; 1024] = slots();

#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "runs at compile time, where either would be a compile error"
)]
const fn slots() -> [u16; 1024] {
    let mut slots = [FREE; 1024];
    let mut i = 0;
    while i < COMMANDS.len() {
        let mut slot = hash(COMMANDS[i].name.as_bytes(), COMMANDS[i].sub.as_bytes());
        while slots[slot] != FREE {
            slot = (slot + 1) % slots.len();
        }
        // A container's subcommands stand right behind it.
        let container =
            i + 1 < COMMANDS.len() && COMMANDS[i].sub.is_empty() && !COMMANDS[i + 1].sub.is_empty();
        slots[slot] = i as u16 | if container { CONTAINER } else { 0 };
        i += 1;
    }
    slots
}

/// The same for upper and lower case. Long names only by their first 32 bytes.
const fn hash(name: &[u8], sub: &[u8]) -> usize {
    let mut h = mix(17, name);
    if !sub.is_empty() {
        h = mix(h ^ 0x7c00, sub);
    }
    (h.wrapping_mul(0x9e37_79b1) >> 22) as usize
}

const fn mix(mut h: u32, mut text: &[u8]) -> u32 {
    let mut left = 32;
    while let [b, rest @ ..] = text
        && left > 0
    {
        h = h.wrapping_mul(31).wrapping_add((*b | 0x20) as u32);
        text = rest;
        left -= 1;
    }
    h
}

impl Command {
    /// Whether it has subcommands.
    #[must_use]
    pub fn is_container(&self) -> bool {
        slot(self.name.as_bytes(), self.sub.as_bytes()).is_some_and(|(_, container)| container)
    }

    /// Whether it has all of these [`flags`].
    #[must_use]
    pub fn has(&self, flags: u32) -> bool {
        self.flags & flags == flags
    }

    /// Whether it changes data.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.has(flags::WRITE)
    }

    /// Whether nothing but its arguments and the keys that they name (of the selected database) says what it does and
    /// what it changes, so that it can run beside commands that are about other keys.
    #[must_use]
    pub fn stays_with_its_keys(&self) -> bool {
        let about_keys = match self.group {
            // They have a second database.
            Group::Generic => !matches!(self.name, "copy" | "move"),
            Group::Array
            | Group::Bitmap
            | Group::Geo
            | Group::Hash
            | Group::Hyperloglog
            | Group::List
            | Group::Set
            | Group::SortedSet
            | Group::Stream
            | Group::String => true,
            _ => false,
        };
        about_keys && self.keys.iter().all(keys::KeySpec::is_complete)
    }

    /// Whether so many arguments, the name included, are right.
    #[must_use]
    pub fn takes(&self, argc: usize) -> bool {
        takes(self.arity, argc)
    }

    /// The same as the nearest of the servers in [`Seen`] has it.
    #[must_use]
    pub fn takes_in(&self, target: &Target, argc: usize) -> bool {
        let seen = match target.flavour {
            Flavour::Valkey => Seen::Valkey91,
            Flavour::Redis if target.version < (7, 2) => Seen::Redis70,
            Flavour::Redis => Seen::Redis86,
        };
        let arity = self.as_in(seen).map_or(self.arity, |(arity, _)| arity);
        takes(arity, argc)
    }

    /// Arity and flags as one of the servers has them; `None` if it does not know the command.
    #[must_use]
    pub fn as_in(&self, seen: Seen) -> Option<(i8, u32)> {
        if self.seen & seen as u8 == 0 {
            return None;
        }
        let difference = self.difference(seen);
        Some(difference.map_or((self.arity, self.flags), |d| (d.arity, d.flags)))
    }

    /// The ACL categories, those included that follow from the flags.
    pub fn acl_categories(&self, seen: Seen) -> impl Iterator<Item = &'static str> {
        use flags::{ADMIN, BLOCKING, FAST, PUBSUB, READONLY, WRITE};
        let difference = self.difference(seen);
        let flags = difference.map_or(self.flags, |d| d.flags);
        let acl = difference.map_or(self.acl, |d| d.acl);
        let has = move |flag| flags & flag != 0;
        let implied = [
            ("write", has(WRITE)),
            ("read", has(READONLY) && acl & acl::SCRIPTING == 0),
            ("admin", has(ADMIN)),
            ("dangerous", has(ADMIN)),
            ("pubsub", has(PUBSUB)),
            ("blocking", has(BLOCKING)),
            ("fast", has(FAST)),
            ("slow", !has(FAST)),
        ];
        let own = acl::NAMES
            .iter()
            .filter(move |(bit, _)| acl & bit != 0)
            .map(|(_, name)| *name);
        implied
            .into_iter()
            .filter(move |(_, on)| *on && acl & acl::NO_ACL == 0)
            .map(|(name, _)| name)
            .chain(own)
    }

    /// Whether a server of this flavour and version knows it.
    #[must_use]
    pub fn is_in(&self, flavour: Flavour, version: Version) -> bool {
        let since = match flavour {
            Flavour::Redis => self.since_redis,
            Flavour::Valkey => self.since_valkey,
        };
        since.is_some_and(|since| since <= version)
    }

    /// Whether that server knows it, at least in its last patch.
    #[must_use]
    pub fn known_to(&self, target: &Target) -> bool {
        let (major, minor) = target.version;
        self.is_in(target.flavour, (major, minor, u8::MAX))
    }

    fn difference(&self, seen: Seen) -> Option<&'static Difference> {
        DIFFERENCES
            .iter()
            .find(|d| d.seen == seen && d.name == self.name && d.sub == self.sub)
    }
}

/// A negative arity is the least number of arguments.
fn takes(arity: i8, argc: usize) -> bool {
    let n = usize::from(arity.unsigned_abs());
    if arity < 0 { argc >= n } else { argc == n }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_in_any_case() {
        for command in COMMANDS {
            for (name, sub) in [
                (command.name.to_owned(), command.sub.to_owned()),
                (command.name.to_uppercase(), command.sub.to_uppercase()),
            ] {
                let found = lookup(name.as_bytes(), sub.as_bytes()).unwrap();
                assert!(std::ptr::eq(found, command), "{name} {sub}");
            }
            let mut argv = vec![command.name.as_bytes()];
            if !command.sub.is_empty() {
                argv.push(command.sub.as_bytes());
            }
            assert_eq!(find(&argv[..]), Found::Command(command));
        }
        assert_eq!(COMMANDS.len(), 443);
    }

    #[test]
    fn the_table_is_in_order_and_has_no_holes() {
        assert!(COMMANDS.is_sorted_by(|a, b| (a.name, a.sub) < (b.name, b.sub)));
        for (i, c) in COMMANDS.iter().enumerate() {
            assert_eq!(usize::from(c.index), i);
            let subs = COMMANDS
                .iter()
                .filter(|s| s.name == c.name && !s.sub.is_empty());
            assert_eq!(c.is_container(), c.sub.is_empty() && subs.count() > 0);
            assert!(c.sub.is_empty() || lookup(c.name.as_bytes(), b"").is_some());
            assert!(c.since_redis.is_some() || c.since_valkey.is_some());
            assert!(c.arity != 0);
        }
        for d in DIFFERENCES {
            let row = lookup(d.name.as_bytes(), d.sub.as_bytes()).unwrap();
            assert_eq!(row.as_in(d.seen), Some((d.arity, d.flags)));
            assert!((row.arity, row.flags, row.acl) != (d.arity, d.flags, d.acl));
        }
        let full = SLOTS.iter().filter(|&&s| s != FREE).count();
        assert_eq!(full, COMMANDS.len());
    }

    #[test]
    fn names_that_are_none() {
        for name in [&b""[..], b"nosuch", b"get ", b"ge", b"\0", &[b'a'; 5000]] {
            assert_eq!(find(&[name][..]), Found::Unknown);
        }
        assert_eq!(find(&[&b"JSON.SET"[..]][..]), Found::Module);
        assert!(matches!(
            find(&[&b"xgroup"[..], b"nosuch"][..]),
            Found::NoSuchSub(_)
        ));
        assert!(matches!(
            find(&[&b"xgroup"[..], b""][..]),
            Found::NoSuchSub(_)
        ));
        let find = |name: &[u8]| lookup(name, b"").unwrap();
        assert_eq!(find(b"ZRank").as_in(Seen::Redis70).unwrap().0, 3);
        assert!(find(b"zrank").takes(4) && !find(b"zrank").takes(2) && !find(b"get").takes(3));
        assert_eq!(find(b"delifeq").as_in(Seen::Redis86), None);
        assert!(find(b"hexpire").is_in(Flavour::Valkey, (9, 0, 0)));
        assert!(!find(b"hexpire").is_in(Flavour::Valkey, (8, 1, 0)));
        assert!(!find(b"delifeq").is_in(Flavour::Redis, (9, 9, 9)));
        assert!(find(b"set").is_write() && !find(b"get").is_write());
    }
}
