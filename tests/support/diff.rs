//! Runs the same commands on a real server and on the engine, and finds where they part.

use crate::support::server::{Kind, Server};
use crate::support::shapes::{Argv, typed};
use redisk::engine::args::Kept;
use redisk::engine::entry::ValueRef;
use redisk::engine::keys::Clock;
use redisk::engine::reply::{Out, Proto};
use redisk::engine::value::Limits;
use redisk::engine::{Engine, Session};
use redisk::model::kind::Flavour;
use redisk::model::number::DoubleText;
use redisk::model::target::{TARGETS, Target};
use redisk::packed::string::Str;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A reply, as far as comparing needs it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Reply {
    /// All but those below, as it came.
    One(Vec<u8>),
    /// What is inside, behind the mark.
    Many(u8, Vec<Reply>),
}

impl Reply {
    /// Reads one off the front.
    fn read(bytes: &mut &[u8]) -> Option<Reply> {
        let end = bytes.windows(2).position(|w| w == b"\r\n")? + 2;
        let (line, rest) = bytes.split_at(end);
        let number = || {
            std::str::from_utf8(&line[1..end - 2])
                .ok()?
                .parse::<i64>()
                .ok()
        };
        match line[0] {
            b'$' | b'=' | b'!' if number()? >= 0 => {
                let len = end + number()? as usize + 2;
                let (all, rest) = bytes.split_at_checked(len)?;
                *bytes = rest;
                Some(Reply::One(all.to_vec()))
            }
            b'*' | b'~' | b'%' if number()? >= 0 => {
                *bytes = rest;
                let n = number()? * if line[0] == b'%' { 2 } else { 1 };
                let items = (0..n).map(|_| Reply::read(bytes)).collect::<Option<_>>()?;
                Some(Reply::Many(line[0], items))
            }
            _ => {
                *bytes = rest;
                Some(Reply::One(line.to_vec()))
            }
        }
    }

    fn of(mut bytes: &[u8]) -> Option<Reply> {
        Reply::read(&mut bytes).filter(|_| bytes.is_empty())
    }

    fn items(&self) -> &[Reply] {
        match self {
            Reply::One(_) => &[],
            Reply::Many(_, items) => items,
        }
    }

    /// The bytes of a bulk string.
    fn bulk(&self) -> Option<&[u8]> {
        let Reply::One(bytes) = self else { return None };
        let head = bytes.iter().position(|b| *b == b'\n')? + 1;
        if bytes[0] != b'$' || bytes.len() < head + 2 {
            return None;
        }
        Some(&bytes[head..bytes.len() - 2])
    }

    fn int(&self) -> Option<i64> {
        let Reply::One(bytes) = self else { return None };
        std::str::from_utf8(bytes.strip_prefix(b":")?)
            .ok()?
            .trim_end()
            .parse()
            .ok()
    }

    /// All strings in it.
    fn leaves<'r>(&'r self, into: &mut Vec<&'r [u8]>) {
        into.extend(self.bulk());
        for item in self.items() {
            item.leaves(into);
        }
    }

    /// Its form without the strings: marks and numbers of elements.
    fn form(&self) -> Vec<u8> {
        match self {
            Reply::One(bytes) if bytes[0] == b'$' && bytes.get(1) != Some(&b'-') => b"$".to_vec(),
            Reply::One(bytes) => bytes.clone(),
            Reply::Many(mark, items) => {
                let mut out = vec![*mark];
                out.extend(items.len().to_string().bytes());
                out.extend(items.iter().flat_map(Reply::form));
                out
            }
        }
    }

    fn sorted(&self) -> Reply {
        match self {
            Reply::One(_) => self.clone(),
            Reply::Many(mark, items) => {
                let mut items = items.clone();
                items.sort();
                Reply::Many(*mark, items)
            }
        }
    }

    /// Elements two by two, sorted.
    fn pairs(&self) -> Vec<(Reply, Option<Reply>)> {
        let mut pairs: Vec<_> = self
            .items()
            .chunks(2)
            .map(|p| (p[0].clone(), p.get(1).cloned()))
            .collect();
        pairs.sort();
        pairs
    }
}

/// What may differ between two replies that are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    /// Nothing.
    Exact,
    /// The order of the elements.
    Multiset,
    /// The order of the pairs.
    Pairs,
    /// A cursor (only whether it is 0), and the order of what comes with it.
    Scan,
    /// The same, of pairs.
    ScanPairs,
    /// Integers, by so much.
    Near(i64),
    /// Instants and idle times.
    Times,
    /// Which elements: the numbers of them are the same, and each is one of those that the reading command gives.
    Random(&'static [&'static str]),
}

/// How the replies of a command are compared.
fn how(argv: &Argv) -> Compare {
    let Some(name) = argv.first() else {
        return Compare::Exact;
    };
    match name.to_ascii_uppercase().as_slice() {
        b"SMEMBERS" | b"SUNION" | b"SINTER" | b"SDIFF" | b"KEYS" | b"HKEYS" | b"HVALS" => {
            Compare::Multiset
        }
        b"HGETALL" => Compare::Pairs,
        b"SCAN" | b"SSCAN" => Compare::Scan,
        b"HSCAN" if argv.iter().any(|arg| arg.eq_ignore_ascii_case(b"NOVALUES")) => Compare::Scan,
        b"HSCAN" | b"ZSCAN" => Compare::ScanPairs,
        b"TTL" | b"EXPIRETIME" | b"HTTL" | b"HEXPIRETIME" => Compare::Near(3),
        b"PTTL" | b"PEXPIRETIME" | b"HPTTL" | b"HPEXPIRETIME" => Compare::Near(3000),
        b"XINFO" | b"XPENDING" | b"XREADGROUP" => Compare::Times,
        b"SPOP" | b"SRANDMEMBER" => Compare::Random(&["SMEMBERS"]),
        b"HRANDFIELD" => Compare::Random(&["HGETALL"]),
        b"ZRANDMEMBER" => Compare::Random(&["ZRANGE", "", "0", "-1", "WITHSCORES"]),
        b"RANDOMKEY" => Compare::Random(&["KEYS", "*"]),
        _ => Compare::Exact,
    }
}

fn near(a: &Reply, b: &Reply, by: i64) -> bool {
    match (a, b) {
        (Reply::Many(x, a), Reply::Many(y, b)) => {
            x == y && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b, by))
        }
        _ => match (a.int(), b.int()) {
            // -1 and -2 mean something.
            (Some(a), Some(b)) if a >= 0 && b >= 0 => a.abs_diff(b) <= by as u64,
            _ => a == b,
        },
    }
}

/// Whether instants are the same by some seconds, and so are idle times: the third of the four that are told of a pending
/// entry, and what is called one.
fn times(a: &Reply, b: &Reply) -> bool {
    let (Reply::Many(x, a), Reply::Many(y, b)) = (a, b) else {
        return a == b
            || match (a.int(), b.int()) {
                (Some(a), Some(b)) => a.min(b) > 1_000_000_000_000 && a.abs_diff(b) < 3000,
                _ => false,
            };
    };
    let idle = |i: usize| match a.as_slice() {
        [_, _, time, count] if i == 2 => time.int().is_some() && count.int().is_some(),
        _ => {
            let name = i
                .checked_sub(1)
                .and_then(|i| a.get(i))
                .and_then(Reply::bulk);
            matches!(name, Some(b"idle" | b"inactive"))
        }
    };
    let both = a.iter().zip(b).enumerate();
    x == y
        && a.len() == b.len()
        && both
            .into_iter()
            .all(|(i, (a, b))| times(a, b) || idle(i) && near(a, b, 3000))
}

fn same(compare: Compare, server: &[u8], engine: &[u8]) -> bool {
    if server == engine {
        return true;
    }
    if refused(server) && refused(engine) {
        // A refusal that quotes bytes outside of UTF-8 has marks in their place.
        return String::from_utf8_lossy(server) == String::from_utf8_lossy(engine);
    }
    let (Some(a), Some(b)) = (Reply::of(server), Reply::of(engine)) else {
        return false;
    };
    match compare {
        Compare::Exact => false,
        Compare::Multiset => a.sorted() == b.sorted(),
        Compare::Pairs => a.form().first() == b.form().first() && a.pairs() == b.pairs(),
        Compare::Near(by) => near(&a, &b, by),
        Compare::Times => times(&a, &b),
        Compare::Random(_) => a.form() == b.form(),
        Compare::Scan | Compare::ScanPairs => {
            let ([from, items], [to, others]) = (a.items(), b.items()) else {
                return false;
            };
            let ends = |cursor: &Reply| cursor.bulk() == Some(b"0");
            if !ends(from) || !ends(to) {
                return true;
            }
            match compare {
                Compare::Scan => items.sorted() == others.sorted(),
                _ => items.pairs() == others.pairs(),
            }
        }
    }
}

/// Where the two part.
#[derive(Debug, Clone)]
pub(crate) struct Differs {
    /// After so many commands.
    pub(crate) after: usize,
    pub(crate) what: String,
}

/// A server and what the engine has to be like.
pub(crate) struct Pair {
    server: Server,
    /// `redis 7.0.15`
    pub(crate) name: String,
    dialect: &'static Target,
    resp3: bool,
    /// How many commands ran.
    pub(crate) ran: u64,
    /// By name: how many were answered, how many refused.
    pub(crate) answered: BTreeMap<String, (u64, u64)>,
}

/// Limits that a server begins with, or so small that values soon pass them.
const LIMITS: [(&str, [u32; 2]); 10] = [
    ("hash-max-listpack-entries", [512, 4]),
    ("hash-max-listpack-value", [64, 20]),
    ("set-max-intset-entries", [512, 4]),
    ("set-max-listpack-entries", [128, 4]),
    ("set-max-listpack-value", [64, 20]),
    ("zset-max-listpack-entries", [128, 4]),
    ("zset-max-listpack-value", [64, 20]),
    ("hll-sparse-max-bytes", [3000, 60]),
    ("stream-node-max-entries", [100, 5]),
    ("list-max-listpack-size", [128, 4]),
];

pub(crate) fn limits(tight: bool) -> Limits {
    let of = |name: &str| {
        let row = LIMITS.iter().find(|(n, _)| *n == name).unwrap();
        row.1[usize::from(tight)] as usize
    };
    Limits {
        hash_entries: of("hash-max-listpack-entries"),
        hash_value: of("hash-max-listpack-value"),
        set_ints: of("set-max-intset-entries"),
        set_entries: of("set-max-listpack-entries"),
        set_value: of("set-max-listpack-value"),
        zset_entries: of("zset-max-listpack-entries"),
        zset_value: of("zset-max-listpack-value"),
        list_size: of("list-max-listpack-size") as i64,
        hll_sparse: of("hll-sparse-max-bytes"),
        stream_entries: of("stream-node-max-entries"),
        ..Limits::default()
    }
}

/// The engine, and who talks to it.
pub(crate) struct Side {
    pub(crate) engine: Engine,
    pub(crate) session: Session,
    pub(crate) proto: Proto,
}

impl Side {
    /// The reply, or what it said when it panicked.
    pub(crate) fn run(&mut self, argv: &[Vec<u8>]) -> Result<Vec<u8>, String> {
        let kept: Kept = argv.iter().map(Vec::as_slice).collect();
        let dialect = self.engine.dialect();
        let g17 = dialect.flavour == Flavour::Redis && dialect.version < (7, 2);
        let text = if g17 {
            DoubleText::G17
        } else {
            DoubleText::Fpconv
        };
        let mut out = Out::new(self.proto, text);
        let done = catch_unwind(AssertUnwindSafe(|| {
            if let Err(refusal) = self.engine.run(&mut self.session, &kept.args(), &mut out) {
                out.error(&refusal);
            }
        }));
        match done {
            Ok(()) => Ok(out.buf),
            Err(panic) => Err(panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
                .unwrap_or_default()),
        }
    }

    /// Whether one of these keys, or of their fields, goes within a minute.
    pub(crate) fn is_soon(&self, names: &[Vec<u8>]) -> bool {
        let keys = &self.engine.keys;
        let now = keys.clock.now_ms;
        let soon = |ms: Option<i64>| ms.is_some_and(|ms| (now - 10..now + 60_000).contains(&ms));
        names
            .iter()
            .filter_map(|name| keys.slot(self.session.db, name))
            .any(|slot| {
                soon(slot.head().expire_ms)
                    || matches!(slot.value(), ValueRef::Str(Str::Bytes(s)) if is_cut_off(s))
                    || matches!(slot.value(), ValueRef::Hash(hash)
                        if hash.expires() > 0 && hash.iter().any(|f| soon(f.expire_ms)))
            })
    }

    fn words(&mut self, argv: &[&str]) -> Option<Reply> {
        let argv: Argv = argv.iter().map(|a| a.as_bytes().to_vec()).collect();
        Reply::of(&self.run(&argv).ok()?)
    }
}

/// Whether a sparse HyperLogLog ends within a run of two bytes: servers then read what stands behind it.
fn is_cut_off(s: &[u8]) -> bool {
    if !s.starts_with(b"HYLL\x01") || s.len() < 16 {
        return false;
    }
    let mut rest = &s[16..];
    while let Some(first) = rest.first() {
        let Some(after) = rest.get(if first >> 6 == 1 { 2 } else { 1 }..) else {
            return true;
        };
        rest = after;
    }
    false
}

fn refused(reply: &[u8]) -> bool {
    reply.first() == Some(&b'-')
}

fn shown(reply: &[u8]) -> String {
    let text = reply.escape_ascii().to_string();
    if text.len() > 3000 {
        format!("{}… ({} bytes)", &text[..3000], reply.len())
    } else {
        text
    }
}

/// Whether the server cannot cope with a command, so that nothing behind it can be compared: Redis 8.4 to 8.6
/// answers `SET k v IFDEQ x GET` twice where x is no digest, and dies of an `HSETEX` that names a field twice in a
/// table whose fields have had no expiry yet.
pub(crate) fn is_too_much(dialect: &Target, argv: &Argv) -> bool {
    let is = |arg: &[u8], word: &str| arg.eq_ignore_ascii_case(word.as_bytes());
    if dialect.flavour != Flavour::Redis || dialect.version < (8, 0) {
        return false;
    }
    let name = argv.first().map(Vec::as_slice).unwrap_or_default();
    if is(name, "SET") {
        let digest = |arg: &[u8]| is(arg, "IFDEQ") || is(arg, "IFDNE");
        return argv.iter().any(|arg| is(arg, "GET"))
            && argv
                .windows(2)
                .any(|pair| digest(&pair[0]) && pair[1].len() != 16);
    }
    let mut seen = BTreeSet::new();
    is(name, "HSETEX") && !argv.iter().skip(2).step_by(2).all(|arg| seen.insert(arg))
        || is(name, "HSETEX") && {
            let mut seen = BTreeSet::new();
            !argv.iter().skip(3).step_by(2).all(|arg| seen.insert(arg))
        }
}

impl Pair {
    /// The program of that kind, if there is one.
    pub(crate) fn start(kind: Kind, resp3: bool) -> Option<Pair> {
        let program = kind.program()?;
        Some(Pair::of(&program, resp3))
    }

    /// Any program.
    pub(crate) fn of(program: &std::path::Path, resp3: bool) -> Pair {
        let dir = || tempfile::tempdir().unwrap();
        let place = dir();
        let debug = ["--enable-debug-command", "yes"];
        // Before 7.0 DEBUG asks for no permission.
        let mut server = Server::run(program, dir(), place.path(), &debug)
            .or_else(|_| Server::run(program, dir(), place.path(), &[]))
            .unwrap_or_else(|r| panic!("{program:?}: {r:?}"));
        let (kind, version) = server.version();
        let (flavour, word) = match kind {
            Kind::Redis => (Flavour::Redis, "redis"),
            Kind::Valkey => (Flavour::Valkey, "valkey"),
        };
        let dialect = TARGETS
            .iter()
            .rfind(|t| t.flavour == flavour && t.version <= (version.0, version.1))
            .unwrap();
        server.cmd(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
        if resp3 {
            server.send(b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n").unwrap();
            server.raw_reply().unwrap();
        }
        let (a, b, c) = version;
        Pair {
            server,
            name: format!("{word} {a}.{b}.{c}{}", if resp3 { " resp3" } else { "" }),
            dialect,
            resp3,
            ran: 0,
            answered: BTreeMap::new(),
        }
    }

    fn ask(&mut self, commands: &[Argv]) -> Vec<Vec<u8>> {
        let mut bytes = Vec::new();
        for argv in commands {
            let args: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
            redisk::resp::encode::command(&args, &mut bytes);
        }
        self.server
            .send(&bytes)
            .unwrap_or_else(|e| self.died(&e, commands));
        let mut replies = Vec::new();
        for _ in commands {
            match self.server.raw_reply() {
                Ok(reply) => replies.push(reply),
                Err(e) => self.died(&e, commands),
            }
        }
        replies
    }

    fn died(&self, e: &std::io::Error, commands: &[Argv]) -> ! {
        let lines: Vec<String> = commands.iter().map(|c| typed(c)).collect();
        panic!(
            "{}: {e}, while it ran\n{}\n{}",
            self.name,
            lines.join("\n"),
            self.server.log()
        )
    }

    /// See [`is_too_much`].
    pub(crate) fn is_too_much(&self, argv: &Argv) -> bool {
        is_too_much(self.dialect, argv)
    }

    /// Runs the commands on both, from nothing. `None` if they agree.
    pub(crate) fn compare(&mut self, commands: &[Argv], tight: bool) -> Option<Differs> {
        if commands.iter().any(|argv| self.is_too_much(argv)) {
            return None;
        }
        let words = |text: &str| {
            text.split(' ')
                .map(|w| w.as_bytes().to_vec())
                .collect::<Argv>()
        };
        let mut before: Vec<Argv> = ["DISCARD", "FLUSHALL", "SELECT 0"].map(words).to_vec();
        for (name, values) in LIMITS {
            before.push(words(&format!(
                "CONFIG SET {name} {}",
                values[usize::from(tight)]
            )));
        }
        before.push(words("TIME"));
        let n = before.len();
        before.extend_from_slice(commands);
        let mut replies = self.ask(&before);
        let replies = replies.split_off(n - 1);
        let (time, replies) = replies.split_first().unwrap();
        let now: Vec<i64> = Reply::of(time)
            .unwrap()
            .items()
            .iter()
            .map(|i| {
                std::str::from_utf8(i.bulk().unwrap())
                    .unwrap()
                    .parse()
                    .unwrap()
            })
            .collect();
        assert_eq!(now.len(), 2, "{}: TIME answers {}", self.name, shown(time));
        let mut engine = Engine::new(self.dialect);
        engine.keys.clock = Clock {
            now_ms: now[0] * 1000 + now[1] / 1000,
            expires: true,
        };
        engine.keys.limits = limits(tight);
        let proto = if self.resp3 {
            Proto::Resp3
        } else {
            Proto::Resp2
        };
        let mut side = Side {
            engine,
            session: Session::default(),
            proto,
        };
        for (i, (argv, reply)) in commands.iter().zip(replies).enumerate() {
            self.ran += 1;
            if let Some(name) = argv.first() {
                let name = String::from_utf8_lossy(name).to_uppercase();
                let (answered, refusals) = self.answered.entry(name).or_default();
                *if refused(reply) { refusals } else { answered } += 1;
            }
            if let Some(what) = one(&mut side, argv, reply) {
                return Some(Differs { after: i + 1, what });
            }
            if side.is_soon(argv) {
                // The server's clock goes on.
                return None;
            }
        }
        if side.session.in_multi() {
            return None;
        }
        self.state(&mut side).map(|what| Differs {
            after: commands.len(),
            what,
        })
    }

    /// Compares all that can be read.
    fn state(&mut self, side: &mut Side) -> Option<String> {
        let argv = |words: &[&[u8]]| words.iter().map(|w| w.to_vec()).collect::<Argv>();
        let has = |name: &str| {
            redisk::model::commands::lookup(name.as_bytes(), b"")
                .is_some_and(|row| row.known_to(self.dialect))
        };
        let (field_ttls, expiretime) = (has("hpexpiretime"), has("pexpiretime"));
        for db in 0..3u32 {
            let select = argv(&[b"SELECT", db.to_string().as_bytes()]);
            let replies = self.ask(&[select.clone(), argv(&[b"KEYS", b"*"])]);
            side.run(&select).ok();
            let all = Reply::of(&replies[1]).unwrap();
            let mut theirs: Vec<Vec<u8>> = all
                .items()
                .iter()
                .map(|k| k.bulk().unwrap().to_vec())
                .collect();
            theirs.sort();
            let keys = &side.engine.keys;
            let mut ours: Vec<Vec<u8>> = keys
                .db(db)
                .iter()
                .flat_map(|db| db.iter())
                .map(|slot| slot.head().name.to_vec())
                .filter(|name| keys.exists(db, name))
                .collect();
            ours.sort();
            if ours != theirs {
                return Some(format!(
                    "the keys of db {db}\n  server: {}\n  engine: {}",
                    typed(&theirs),
                    typed(&ours)
                ));
            }
            let types: Vec<Argv> = ours.iter().map(|key| argv(&[b"TYPE", key])).collect();
            let types = self.ask(&types);
            let mut reads: Vec<Argv> = Vec::new();
            for (key, kind) in ours.iter().zip(&types) {
                if expiretime {
                    reads.push(argv(&[b"PEXPIRETIME", key]));
                }
                match &kind[1..kind.len() - 2] {
                    b"string" => reads.push(argv(&[b"GET", key])),
                    b"list" => reads.push(argv(&[b"LRANGE", key, b"0", b"-1"])),
                    b"set" => reads.push(argv(&[b"SMEMBERS", key])),
                    b"zset" => reads.push(argv(&[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"])),
                    b"stream" => {
                        reads.push(argv(&[b"XRANGE", key, b"-", b"+"]));
                        reads.push(argv(&[b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"]));
                    }
                    b"hash" => {
                        reads.push(argv(&[b"HGETALL", key]));
                        let mut fields = argv(&[b"HPEXPIRETIME", key, b"FIELDS"]);
                        let found = side
                            .run(&argv(&[b"HGETALL", key]))
                            .ok()
                            .and_then(|r| Reply::of(&r));
                        let names: Vec<Vec<u8>> = found
                            .iter()
                            .flat_map(|r| r.items().chunks(2))
                            .filter_map(|pair| Some(pair[0].bulk()?.to_vec()))
                            .collect();
                        if field_ttls && !names.is_empty() {
                            fields.push(names.len().to_string().into_bytes());
                            fields.extend(names);
                            reads.push(fields);
                        }
                    }
                    other => return Some(format!("a type: {}", other.escape_ascii())),
                }
                if std::env::var_os("REDISK_DIFF_ENCODINGS").is_some() {
                    reads.push(argv(&[b"OBJECT", b"ENCODING", key]));
                }
            }
            let replies = self.ask(&reads);
            for (read, reply) in reads.iter().zip(&replies) {
                let ours = match side.run(read) {
                    Ok(reply) => reply,
                    Err(panic) => {
                        return Some(format!("{}: the engine panicked: {panic}", typed(read)));
                    }
                };
                if ours.starts_with(b"-ERR unknown command") {
                    // What reads this comes later.
                    continue;
                }
                if !same(how(read), reply, &ours) {
                    return Some(format!(
                        "{} (in the state it leaves)\n  server: {}\n  engine: {}",
                        typed(read),
                        shown(reply),
                        shown(&ours)
                    ));
                }
            }
        }
        let keys = &side.engine.keys;
        let past = keys
            .dbs()
            .any(|(n, db)| db.iter().any(|slot| !keys.exists(n, slot.head().name)));
        if !past {
            let digest = argv(&[b"DEBUG", b"DIGEST"]);
            let reply = self.ask(std::slice::from_ref(&digest)).remove(0);
            let ours = side.run(&digest).unwrap_or_default();
            if !refused(&reply) && !refused(&ours) && reply != ours {
                return Some(format!(
                    "DEBUG DIGEST\n  server: {}\n  engine: {}",
                    shown(&reply),
                    shown(&ours)
                ));
            }
        }
        None
    }

    /// Leaves out what is not needed for a difference.
    pub(crate) fn shrink(
        &mut self,
        commands: &[Argv],
        tight: bool,
        found: &Differs,
    ) -> (Vec<Argv>, bool, Differs) {
        let (ran, answered) = (self.ran, self.answered.clone());
        let mut tight = tight;
        let mut best = commands[..found.after].to_vec();
        let mut differs = found.clone();
        if tight && let Some(d) = self.compare(&best, false) {
            best.truncate(d.after);
            (tight, differs) = (false, d);
        }
        let mut size = best.len() / 2;
        while size > 0 {
            let mut at = 0;
            while at < best.len() {
                let mut fewer = best.clone();
                fewer.drain(at..(at + size).min(best.len()));
                match self.compare(&fewer, tight) {
                    Some(d) => {
                        fewer.truncate(d.after);
                        (best, differs) = (fewer, d);
                    }
                    None => at += size,
                }
            }
            size /= 2;
        }
        // Then arguments.
        for i in (0..best.len()).rev() {
            let mut arg = best[i].len();
            while arg > 2 {
                arg -= 1;
                let mut fewer = best.clone();
                fewer[i].remove(arg);
                if let Some(d) = self
                    .compare(&fewer, tight)
                    .filter(|d| d.after == best.len())
                {
                    (best, differs) = (fewer, d);
                }
            }
        }
        (self.ran, self.answered) = (ran, answered);
        (best, tight, differs)
    }
}

/// Runs one command on the engine; what is wrong with it.
fn one(side: &mut Side, argv: &Argv, reply: &[u8]) -> Option<String> {
    let compare = how(argv);
    let before = match compare {
        // Taken back where the server chose otherwise.
        Compare::Random(read) if !side.session.in_multi() => {
            let mut read: Vec<String> = read.iter().map(|w| (*w).to_owned()).collect();
            let key = argv
                .get(1)
                .map(|k| String::from_utf8_lossy(k).into_owned())
                .unwrap_or_default();
            match read.get_mut(1) {
                Some(word) if word.is_empty() => *word = key,
                None => read.push(key),
                Some(_) => {}
            }
            let read: Vec<&str> = read.iter().map(String::as_str).collect();
            Some((side.engine.keys.clone(), side.words(&read)))
        }
        _ => None,
    };
    if let Some(now_ms) = told_time(argv, reply) {
        let clock = &mut side.engine.keys.clock;
        if (clock.now_ms..clock.now_ms + 60_000).contains(&now_ms) {
            clock.now_ms = now_ms;
        }
    }
    let ours = side.run(argv);
    let ours = match ours {
        Ok(ours) => ours,
        Err(panic) => return Some(format!("the engine panicked: {panic}")),
    };
    let differs = || {
        Some(format!(
            "{}\n  server: {}\n  engine: {}",
            typed(argv),
            shown(reply),
            shown(&ours)
        ))
    };
    if !same(compare, reply, &ours) {
        return differs();
    }
    if let Some((keys, Some(all))) = before {
        let (mut members, mut chosen) = (Vec::new(), Vec::new());
        all.leaves(&mut members);
        let (server, engine) = (Reply::of(reply)?, Reply::of(&ours)?);
        server.leaves(&mut chosen);
        engine.leaves(&mut chosen);
        if let Some(stray) = chosen.iter().find(|c| !members.contains(c)) {
            return Some(format!(
                "{}: {} was not in it",
                typed(argv),
                stray.escape_ascii()
            ));
        }
        if argv[0].eq_ignore_ascii_case(b"SPOP") && !refused(reply) {
            let mut popped = Vec::new();
            server.leaves(&mut popped);
            side.engine.keys = keys;
            if !popped.is_empty() {
                let mut removal: Argv = vec![b"SREM".to_vec(), argv[1].clone()];
                removal.extend(popped.iter().map(|p| p.to_vec()));
                side.run(&removal).ok();
            }
        }
    }
    None
}

/// The server's time, out of the id that it has made of it: that of an `XADD` with `*`.
fn told_time(argv: &Argv, reply: &[u8]) -> Option<i64> {
    if !argv.first()?.eq_ignore_ascii_case(b"XADD") || !argv.iter().any(|a| a == b"*") {
        return None;
    }
    let id = Reply::of(reply)?;
    let text = std::str::from_utf8(id.bulk()?).ok()?;
    text.split_once('-')?.0.parse().ok()
}
