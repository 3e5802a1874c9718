//! Logs that are all commands, and do not tell their server: what they become is for that one, too.

use super::{NOW, options};
use crate::support::server::{Kind, Server, Value};
use redisk::disk::layer::Real;
use redisk::ops::compact::{self, Options, To};
use std::path::Path;

/// A server with a log that is all commands.
fn started(kind: Kind, dir: &Path, args: &[&str]) -> Server {
    let log = ["--appendonly", "yes", "--aof-use-rdb-preamble", "no"];
    Server::start_in(kind, dir, &[&log, args].concat())
        .unwrap()
        .unwrap()
}

/// What commands carry only in part, or servers not in the same form: entries that are pending and gone; whatever the
/// server knows of newer types.
const COMMANDS: [&str; 13] = [
    "SET a 1",
    "XADD x 1-1 a b",
    "XADD x 2-2 a b",
    "XGROUP CREATE x g 0",
    "XREADGROUP GROUP g c STREAMS x >",
    "XDEL x 2-2",
    "XADD y 1-1 a b",
    "XGROUP CREATE y g 0",
    "XREADGROUP GROUP g c STREAMS y >",
    "HSET h f v g w",
    "HPEXPIREAT h 4000000000000 FIELDS 1 f",
    "PEXPIREAT h 4100000000000",
    "ARSET t 5 x",
];

fn starts_again(kind: Kind) {
    let Some(mut server) = Server::start(kind, &[]) else {
        return;
    };
    let (_, (major, minor, _)) = server.version();
    drop(server);
    let mut args = Vec::new();
    if (major, minor) >= (7, 0) {
        args.extend(["--enable-debug-command", "local"]);
    }
    let dir = tempfile::tempdir().unwrap();
    let mut server = started(kind, dir.path(), &args);
    let taken = COMMANDS.iter().filter(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        !matches!(server.cmd(&words), Value::Error(_))
    });
    assert!(taken.count() >= 11);
    let held = |server: &mut Server| {
        let all = [
            "DBSIZE",
            "DEBUG DIGEST",
            "XPENDING y g",
            "HTTL h FIELDS 2 f g",
        ];
        all.map(|line| format!("{:?}", server.cmd(&line.split(' ').collect::<Vec<_>>())))
    };
    let before = held(&mut server);
    drop(server);
    let path = if (major, minor) < (7, 0) {
        dir.path().join("appendonly.aof")
    } else {
        dir.path().to_owned()
    };
    let options = Options {
        now_ms: NOW,
        ..options(&Real)
    };
    let report = compact::compact(&path, To::Place, &options).unwrap();
    assert!(
        report.target.version <= (major, minor),
        "{} for {major}.{minor}",
        report.target
    );
    assert_eq!(
        held(&mut started(kind, dir.path(), &args))[..3],
        before[..3]
    );
}

#[test]
fn redis_starts_with_its_commands() {
    starts_again(Kind::Redis);
}

#[test]
fn valkey_starts_with_its_commands() {
    starts_again(Kind::Valkey);
}
