//! Patches, put into real servers that hold the first file: then they hold the second.

use super::brute::{Dice, changed};
use super::{Told, compared, file, options};
use crate::support::run;
use crate::support::server::{Kind, Server, Value};
use crate::written::{lines, open, options as for_server};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use redisk::input::open::Input;
use redisk::model::loss::Loss;
use redisk::model::target::Target;
use redisk::ops::convert;
use redisk::ops::diff::{self, Patch};
use redisk::rdb::choose::Thresholds;
use redisk::sink::rdb::Role;
use std::path::Path;
use std::sync::Arc;

/// The moment that expiries count from.
const NOW: i64 = 1_795_000_000_000;

/// An RDB for that server, of lines.
fn rdb(lines: &[u8], target: &'static Target) -> Arc<[u8]> {
    let options = for_server(target, Thresholds::default(), true);
    let (_, out) = convert::rdb(open(lines), Role::Snapshot, &options, Vec::new());
    out.unwrap().into()
}

fn input(bytes: &Arc<[u8]>) -> Input {
    run::as_file("x.rdb", bytes).unwrap()
}

fn patch(a: &Arc<[u8]>, b: &Arc<[u8]>, target: &'static Target) -> Vec<u8> {
    let mut out = Vec::new();
    let mut patch = Patch::new(target, NOW, &mut out);
    let b = || Ok(file(input(b)));
    let mut told = Told::default();
    diff::diff(file(input(a)), b, &options(), &mut told, Some(&mut patch)).unwrap();
    let losses = patch.finish().unwrap();
    // No command says when a consumer was seen.
    let lost = losses
        .iter()
        .filter(|(loss, _)| *loss != Loss::ConsumerTimes);
    assert_eq!(lost.count(), 0, "{losses:?}");
    out
}

fn started(kind: Kind, dir: &Path, bytes: &[u8], args: &[&str]) -> Server {
    std::fs::write(dir.join("dump.rdb"), bytes).unwrap();
    Server::start_in(kind, dir, args).unwrap().unwrap()
}

/// Sends commands and reads all replies; none may be an error.
fn apply(server: &mut Server, commands: &[u8]) {
    server.send(commands).unwrap();
    server
        .send(b"*2\r\n$4\r\nECHO\r\n$9\r\nall there\r\n")
        .unwrap();
    loop {
        match server.reply().unwrap() {
            Value::Bulk(text) if text == b"all there" => return,
            Value::Error(e) => panic!("{e} to {}", String::from_utf8_lossy(commands)),
            _ => {}
        }
    }
}

fn patched(kind: Kind) {
    let Some(mut server) = Server::start(kind, &[]) else {
        return;
    };
    let (family, (major, minor, _)) = server.version();
    let family = if family == Kind::Redis {
        "redis"
    } else {
        "valkey"
    };
    let target = Target::from_name(&format!("{family}-{major}.{minor}")).unwrap();
    drop(server);
    let mut args = Vec::new();
    if target.version >= (7, 0) {
        args.extend(["--enable-debug-command", "local"]);
    }
    // The functions change places between the libraries.
    let libraries = |one: &str, other: &str| {
        [("lib1", one), ("lib2", other)].map(|(name, function)| {
            format!(
                "{{\"function\":\"#!lua name={name}\\nredis.register_function('{function}', function() return 1 end)\"}}\n"
            )
        }).concat()
    };
    let mut runner = TestRunner::deterministic();
    for round in 0..12u64 {
        let mut a = lines().new_tree(&mut runner).unwrap().current();
        let mut dice = Dice(round);
        let mut b = changed(&a, &mut dice);
        if target.version >= (7, 0) {
            let at = a.iter().position(|b| *b == b'\n').unwrap() + 1;
            a.splice(at..at, libraries("f", "g").bytes());
            let turned = if round % 2 == 0 {
                libraries("f", "g")
            } else {
                libraries("g", "f")
            };
            b.splice(at..at, turned.bytes());
        }
        let (a, b) = (rdb(&a, target), rdb(&b, target));
        let commands = patch(&a, &b, target);
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let mut one = started(kind, dirs[0].path(), &a, &args);
        let mut other = started(kind, dirs[1].path(), &b, &args);
        apply(&mut one, &commands);
        let digest = |server: &mut Server| server.cmd(&["DEBUG", "DIGEST"]).text();
        assert_eq!(digest(&mut one), digest(&mut other), "round {round}");
        // The digest says nothing of times and groups: what it saves does.
        assert_eq!(one.cmd(&["SAVE"]), Value::Simple("OK".to_owned()));
        let saved = run::read(&dirs[0].path().join("dump.rdb"));
        let (report, told) = compared(input(&saved), input(&b), &options()).unwrap();
        assert!(
            report.is_same(),
            "round {round}: {:?} {:?}",
            told.keys,
            told.functions
        );
    }
}

#[test]
fn redis_with_the_patch_holds_the_other() {
    patched(Kind::Redis);
}

#[test]
fn valkey_with_the_patch_holds_the_other() {
    patched(Kind::Valkey);
}
