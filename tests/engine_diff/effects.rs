//! What the engine says that a server writes to its log, against the log that the server writes.
//!
//! ```text
//! commands ─▶ server with appendonly ─▶ incr file ─╮
//!         ╰─▶ engine that keeps effects ─▶ effects ┴▶ equal, command by command?
//!                                          ╰─▶ a fresh engine ─▶ the digest of the first one?
//! ```
//! A `SET` of a key of its own stands behind each command, so that one knows what belongs to which. `SELECT` is left out
//! on both sides, and each command is compared with the database that it ran in.

use super::{ALL, FAMILIES, FOUND, SEQUENCE, list, number, stream};
use crate::support::diff::{Side, is_too_much, limits};
use crate::support::server::{Kind, Server};
use crate::support::shapes::{Argv, Family, Shapes, typed};
use redisk::engine::args::Kept;
use redisk::engine::reply::{Out, Proto};
use redisk::engine::{Engine, Session};
use redisk::model::number::DoubleText;
use redisk::model::target::Target;
use redisk::resp::encode;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[test]
fn redis_writes_the_same() {
    if let Some(program) = Kind::Redis.program() {
        against(&program);
    }
}

#[test]
fn valkey_writes_the_same() {
    if let Some(program) = Kind::Valkey.program() {
        against(&program);
    }
}

#[test]
fn redis_8_writes_the_same() {
    match std::env::var_os("REDISK_REDIS8_SERVER").filter(|p| !p.is_empty()) {
        Some(program) => against(&PathBuf::from(program)),
        None => eprintln!("SKIPPED: REDISK_REDIS8_SERVER is not set"),
    }
}

/// A command of a log, with the database it runs in; `MULTI` and `EXEC` run in none.
type Logged = (Option<u32>, Argv);

/// Leaves out `SELECT`, and says what it said.
fn placed(all: impl IntoIterator<Item = Argv>, db: &mut Option<u32>) -> Vec<Logged> {
    let mut out = Vec::new();
    for argv in all {
        match argv[0].to_ascii_uppercase().as_slice() {
            b"SELECT" => *db = Some(String::from_utf8_lossy(&argv[1]).parse().unwrap()),
            b"MULTI" | b"EXEC" => out.push((None, argv)),
            _ => out.push((*db, argv)),
        }
    }
    out
}

/// Whether they are the same, or two instants or ids made of them that are near.
fn alike(a: &[u8], b: &[u8]) -> bool {
    let instant = |text: &[u8]| -> Option<(i64, String)> {
        let text = std::str::from_utf8(text).ok()?;
        let (ms, rest) = text.split_at(text.find('-').unwrap_or(text.len()));
        Some((
            ms.parse().ok().filter(|ms| *ms > 1_000_000_000_000)?,
            rest.to_owned(),
        ))
    };
    a == b
        || match (instant(a), instant(b)) {
            (Some(a), Some(b)) => a.0.abs_diff(b.0) < 3000 && a.1 == b.1,
            _ => false,
        }
}

fn same(server: &[Logged], engine: &[Logged]) -> bool {
    server.len() == engine.len()
        && server.iter().zip(engine).all(|(s, e)| {
            s.0 == e.0 && s.1.len() == e.1.len() && s.1.iter().zip(&e.1).all(|(a, b)| alike(a, b))
        })
}

fn shown(all: &[Logged]) -> String {
    let one = |(db, argv): &Logged| match db {
        Some(db) => format!("  [{db}] {}", typed(argv)),
        None => format!("  {}", typed(argv)),
    };
    all.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// Commands of a log in RESP.
fn parsed(mut bytes: &[u8]) -> Vec<Argv> {
    fn number(bytes: &mut &[u8], mark: u8) -> usize {
        let end = bytes.windows(2).position(|w| w == b"\r\n").unwrap();
        let (line, rest) = bytes.split_at(end);
        assert_eq!(line[0], mark, "{}", bytes.escape_ascii());
        *bytes = &rest[2..];
        std::str::from_utf8(&line[1..]).unwrap().parse().unwrap()
    }
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let n = number(&mut bytes, b'*');
        let argv = (0..n).map(|_| {
            let len = number(&mut bytes, b'$');
            let (arg, rest) = bytes.split_at(len);
            bytes = &rest[2..];
            arg.to_vec()
        });
        out.push(argv.collect());
    }
    out
}

/// Whether it is that command.
fn is(argv: &Argv, name: &str) -> bool {
    argv[0].eq_ignore_ascii_case(name.as_bytes())
}

/// Whether servers write what they do not read: an `MSETEX` with its time twice has one of them replaced.
fn is_unloadable(argv: &Argv) -> bool {
    let is_time = |arg: &&Vec<u8>| {
        let arg = arg.to_ascii_uppercase();
        [&b"EX"[..], b"PX", b"EXAT", b"PXAT"].contains(&arg.as_slice())
    };
    is(argv, "MSETEX") && argv.iter().filter(is_time).count() > 1
}

/// Whether it may change a string in a way that servers do not write: a `BITFIELD` that fails has grown it already.
fn is_unwritten(argv: &Argv) -> bool {
    is(argv, "BITFIELD") && argv.iter().any(|arg| arg.eq_ignore_ascii_case(b"FAIL"))
}

fn words(text: &str) -> Argv {
    text.split(' ').map(|w| w.as_bytes().to_vec()).collect()
}

/// What stands behind each command.
const MARK: &str = "SET \u{1}mark 1";

struct Log {
    server: Server,
    name: String,
    dialect: &'static Target,
    file: PathBuf,
    read: usize,
    db: Option<u32>,
    ran: u64,
}

impl Log {
    fn start(program: &Path) -> Log {
        let dir = || tempfile::tempdir().unwrap();
        let (own, data) = (dir(), dir());
        let path = data.keep();
        let mut server = Server::run(
            program,
            own,
            &path,
            &[
                "--appendonly",
                "yes",
                "--appendfsync",
                "no",
                "--auto-aof-rewrite-percentage",
                "0",
                "--enable-debug-command",
                "yes",
            ],
        )
        .unwrap_or_else(|r| panic!("{program:?}: {r:?}"));
        let (kind, version) = server.version();
        let word = match kind {
            Kind::Redis => "redis",
            Kind::Valkey => "valkey",
        };
        let (a, b, _) = version;
        let dialect = Target::from_name(&format!("{word}-{a}.{b}")).unwrap();
        server.cmd(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
        let file = path.join("appendonlydir/appendonly.aof.1.incr.aof");
        Log {
            server,
            name: dialect.name.to_owned(),
            dialect,
            file,
            read: 0,
            db: None,
            ran: 0,
        }
    }

    /// Sends all of it and waits for the replies.
    fn ask(&mut self, commands: &[Argv]) -> Vec<Vec<u8>> {
        let mut bytes = Vec::new();
        for argv in commands {
            let args: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
            encode::command(&args, &mut bytes);
        }
        self.server.send(&bytes).unwrap();
        let replies = commands.iter().map(|_| self.server.raw_reply().unwrap());
        replies.collect()
    }

    /// What was written since this was asked last.
    fn written(&mut self) -> Vec<Argv> {
        let bytes = std::fs::read(&self.file).unwrap();
        let new = parsed(&bytes[self.read..]);
        self.read = bytes.len();
        new
    }

    /// Runs the commands on both, from nothing; where they part goes into `wrong`, by name of the command.
    fn compare(&mut self, commands: &[Argv], wrong: &mut BTreeMap<String, String>) {
        self.ask(&["DISCARD", "FLUSHALL", "SELECT 0"].map(words));
        let time = String::from_utf8(self.ask(&[words("TIME")]).remove(0)).unwrap();
        let time: Vec<i64> = time.lines().filter_map(|l| l.parse().ok()).collect();
        let mut all = Vec::new();
        let mut in_multi = false;
        let mark = words(MARK);
        for argv in commands {
            all.push(argv.clone());
            in_multi = match argv[0].to_ascii_uppercase().as_slice() {
                b"MULTI" => true,
                b"EXEC" | b"DISCARD" => false,
                _ => in_multi,
            };
            if !in_multi {
                all.push(mark.clone());
            }
        }
        self.written();
        self.db = Some(0);
        let replies = self.ask(&all);
        let mut db = self.db;
        // The first of a file, and of what follows here, may be in any database: the mark says so anew.
        let written = placed(self.written(), &mut db);
        self.db = db;
        let mut written: Vec<&[Logged]> = written.split(|(_, argv)| *argv == mark).collect();
        written.pop();
        let mut written = written.into_iter();

        let mut engine = Engine::new(self.dialect);
        engine.keys.clock.now_ms = time[0] * 1000 + time[1] / 1000;
        engine.keys.clock.expires = true;
        engine.keys.limits = limits(false);
        engine.keep_effects();
        let mut side = Side {
            engine,
            session: Session::default(),
            proto: Proto::Resp2,
        };
        let mut log: Vec<Kept> = Vec::new();
        let mut at = Some(0);
        let mut replies = replies.into_iter();
        for (i, argv) in commands.iter().enumerate() {
            let reply = replies.next().unwrap();
            let before = argv[0]
                .eq_ignore_ascii_case(b"SPOP")
                .then(|| side.engine.keys.clone());
            if let Err(panic) = side.run(argv) {
                panic!("{}: {panic}", typed(argv));
            }
            self.ran += 1;
            if side.session.in_multi() {
                continue;
            }
            replies.next();
            let ours = side.engine.effects().unwrap().take();
            let argvs = ours
                .iter()
                .map(|k| k.args().iter().map(<[u8]>::to_vec).collect());
            let mut effects = placed(argvs.collect::<Vec<_>>(), &mut at);
            let theirs = written.next().unwrap();
            if let Some(keys) = before
                && theirs.len() == effects.len()
            {
                // The server has chosen others.
                let form = |all: &[Logged]| -> Vec<(Vec<u8>, usize)> {
                    let one = |l: &Logged| (l.1[0].clone(), l.1.len());
                    all.iter().map(one).collect()
                };
                if form(theirs) == form(&effects) {
                    let is_select = |k: &Kept| k.args().name() == b"SELECT";
                    log.extend(ours.into_iter().filter(is_select));
                    side.engine.keys = keys;
                    effects = theirs.to_vec();
                    for (_, argv) in theirs {
                        side.run(argv).unwrap();
                        log.extend(side.engine.effects().unwrap().take());
                    }
                }
            } else {
                log.extend(ours);
            }
            if !same(theirs, &effects) {
                let name = String::from_utf8_lossy(&argv[0]).to_uppercase();
                let about = |before: &&Argv| before[1..].iter().any(|a| argv[1..].contains(a));
                // Of an EXEC all that it ran.
                let block = commands[..i]
                    .iter()
                    .rposition(|c| is(c, "MULTI"))
                    .filter(|_| is(argv, "EXEC"))
                    .unwrap_or(i);
                let before: Vec<String> = commands[..block]
                    .iter()
                    .filter(about)
                    .chain(&commands[block..i])
                    .map(|c| typed(c))
                    .collect();
                let what = format!(
                    "{}\n{} -> {}\n server:\n{}\n engine:\n{}",
                    before.join("\n"),
                    typed(argv),
                    reply.escape_ascii(),
                    shown(theirs),
                    shown(&effects)
                );
                wrong.entry(name).or_insert(what);
            }
            if side.is_soon(argv) {
                // The server's clock goes on.
                return;
            }
        }
        if side.session.in_multi() {
            return;
        }
        let keys = &side.engine.keys;
        if keys
            .dbs()
            .any(|(n, db)| db.iter().any(|slot| !keys.exists(n, slot.head().name)))
            || commands.iter().any(is_unwritten)
        {
            return;
        }
        let mut fresh = Engine::new(self.dialect);
        fresh.any_server = true;
        let mut session = Session::default();
        let mut out = Out::new(Proto::Discard, DoubleText::Fpconv);
        for argv in &log {
            if let Err(refusal) = fresh.run(&mut session, &argv.args(), &mut out) {
                let argv: Argv = argv.args().iter().map(<[u8]>::to_vec).collect();
                let what = format!("{}: {}", typed(&argv), refusal.0);
                wrong.entry("(replayed)".to_owned()).or_insert(what);
            }
        }
        let mut replayed = Side {
            engine: fresh,
            session,
            proto: Proto::Resp2,
        };
        let digest = words("DEBUG DIGEST");
        if side.run(&digest) != replayed.run(&digest) {
            let lines: Vec<String> = commands.iter().map(|c| typed(c)).collect();
            wrong
                .entry("(digest)".to_owned())
                .or_insert(lines.join("\n"));
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let dir = self.file.parent().and_then(Path::parent);
        let _ = dir.map(std::fs::remove_dir_all);
    }
}

/// Families that are compared. What a hash or a stream leaves in a log is not held against servers yet.
const COMPARED: &[&str] = &["str", "bit", "hll", "list", "set", "zset", "geo"];

fn against(program: &Path) {
    if std::env::var_os("REDISK_DIFF_EFFECTS").is_none_or(|v| v == "0") {
        eprintln!("SKIPPED: REDISK_DIFF_EFFECTS is not set");
        return;
    }
    let mut log = Log::start(program);
    let only = std::env::var("REDISK_DIFF_FAMILY").unwrap_or_default();
    let families: Vec<&&Family> = FAMILIES
        .iter()
        .filter(|f| !only.is_empty() || COMPARED.contains(&f.name))
        .filter(|f| only.is_empty() || only.split(',').any(|o| o == f.name))
        .collect();
    let each = number("REDISK_DIFF_COMMANDS").unwrap_or(20_000) / families.len().max(1) as u64;
    let seed = number("REDISK_DIFF_SEED").unwrap_or(1);
    let mut wrong = BTreeMap::new();
    for family in families {
        let mut shapes = Shapes::new(seed, family);
        let mut others = Shapes::new(seed, &ALL);
        for _ in 0..each.div_ceil(SEQUENCE) {
            let mut commands: Vec<Argv> = (0..SEQUENCE)
                .map(|_| match others.below(100) {
                    0..8 => others.plain(),
                    8..10 => vec![b"SELECT".to_vec(), others.number(0, 2)],
                    10 => vec![b"FLUSHALL".to_vec()],
                    _ => shapes.command(),
                })
                .filter(|argv| !is_too_much(log.dialect, argv))
                .filter(|argv| !list::waits(argv) && !stream::waits(argv))
                .filter(|argv| !is_unloadable(argv))
                .collect();
            for _ in 0..others.below(4) {
                let from = others.below(commands.len());
                let to = (from + 1 + others.below(5)).min(commands.len());
                // What is popped by chance can be told from the log only where it stands alone.
                if !commands[from..to].iter().any(|argv| is(argv, "SPOP")) {
                    commands.insert(to, words("EXEC"));
                    commands.insert(from, words("MULTI"));
                }
            }
            log.compare(&commands, &mut wrong);
            if wrong.len() >= FOUND {
                break;
            }
        }
    }
    eprintln!("{}: {} commands", log.name, log.ran);
    let wrong: Vec<String> = wrong.into_values().collect();
    assert!(
        wrong.is_empty(),
        "{} writes otherwise:\n\n{}\n",
        log.name,
        wrong.join("\n\n")
    );
}
