//! `redisk compact`: what it says, what it refuses, and what it leaves.

use super::run::{Folder, data, names, redisk};
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A set in a data directory.
fn session(folder: &Folder) -> PathBuf {
    let place = folder.path("appendonlydir");
    std::fs::create_dir(&place).unwrap();
    for entry in std::fs::read_dir(data("multipart/redis-7.0.15-session")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, place.join(path.file_name().unwrap())).unwrap();
    }
    place
}

fn compact(path: &Path, more: &[&str]) -> super::run::Ran {
    let mut args: Vec<OsString> = vec!["compact".into(), path.into()];
    args.extend(more.iter().map(OsString::from));
    redisk(&args)
}

fn json(path: &Path, more: &[&str]) -> Value {
    let ran = compact(path, &[more, &["--json"]].concat()).exits(0);
    serde_json::from_slice(&ran.out).unwrap()
}

fn listed(place: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(place)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn says_before_and_after() {
    let folder = Folder::new();
    let place = session(&folder);
    let before = listed(&place);
    let text = compact(&place, &["--dry-run"]).exits(0);
    assert!(
        text.text().contains("would be  2 files, 96 B, 2 keys\n"),
        "{}",
        text.text()
    );
    assert_eq!(listed(&place), before);
    let report = json(&place, &[]);
    assert_eq!(
        names(&report),
        [
            "after",
            "base",
            "before",
            "dropped",
            "dry_run",
            "kept",
            "leftovers",
            "losses",
            "problems",
            "refused",
            "removed",
            "set",
            "target",
            "written"
        ]
    );
    assert_eq!(report["before"]["commands"], 24);
    assert_eq!(report["after"]["keys"], 2);
    assert_eq!(report["target"], "redis-7.0");
    assert_eq!(report["removed"].as_array().unwrap().len(), 3);
    let after = [
        "appendonly.aof.3.base.rdb",
        "appendonly.aof.4.incr.aof",
        "appendonly.aof.manifest",
    ];
    assert_eq!(listed(&place), after);
}

#[test]
fn out_leaves_the_old_one() {
    let folder = Folder::new();
    let place = session(&folder);
    let before = listed(&place);
    let out = folder.path("out");
    let out_arg = out.to_str().unwrap();
    compact(&place, &["--out", out_arg]).exits(0);
    assert_eq!(listed(&place), before);
    let files = [
        "appendonly.aof.1.base.rdb",
        "appendonly.aof.1.incr.aof",
        "appendonly.aof.manifest",
    ];
    assert_eq!(listed(&out), files);
    compact(&place, &["--out", out_arg]).exits(2);
    // A single file stays one, and becomes a set where the server has them.
    let log = data("replay/redis-6.2.14-log.aof");
    let one = folder.path("one");
    compact(log.as_ref(), &["--out", one.to_str().unwrap()]).exits(0);
    assert_eq!(listed(&one), ["redis-6.2.14-log.aof"]);
    let set = folder.path("set");
    compact(
        log.as_ref(),
        &[
            "--target",
            "redis-7.2",
            "--base",
            "rdb",
            "--out",
            set.to_str().unwrap(),
        ],
    )
    .exits(0);
    assert_eq!(listed(&set).len(), 3);
}

#[test]
fn an_old_file_becomes_a_set() {
    let folder = Folder::new();
    let log = folder.path("appendonly.aof");
    std::fs::copy(data("replay/redis-6.2.14-preamble.aof"), &log).unwrap();
    let report = json(&log, &["--target", "redis-7.0"]);
    assert_eq!(report["set"], true);
    assert_eq!(folder.names(), ["appendonlydir"]);
    assert_eq!(listed(&folder.path("appendonlydir")).len(), 3);
    // Once more by the data directory; and a file that is there already is in nobody's way.
    assert_eq!(
        json(&folder.path(""), &[])["after"]["keys"],
        report["after"]["keys"]
    );
    let base = folder.path("appendonlydir/appendonly.aof.3.base.rdb");
    let ran = compact(&base, &[]).exits(2);
    assert!(ran.err.contains("is one file of a set"), "{}", ran.err);
    std::fs::copy(data("replay/redis-6.2.14-preamble.aof"), &log).unwrap();
    let ran = compact(&log, &["--target", "redis-7.0"]).exits(2);
    assert!(ran.err.contains("is there already"), "{}", ran.err);
    assert!(log.exists());
}

#[test]
fn what_cannot_be_done_changes_nothing() {
    let folder = Folder::new();
    let place = session(&folder);
    let before = listed(&place);
    for (args, why) in [
        (&["--target", "redis-6.2"][..], "has no multi-part sets"),
        (&["--out", "x", "--dry-run"], "cannot be used with"),
        (&["--max-memory", "1mb"], "--max-memory allows"),
    ] {
        let ran = compact(&place, args).exits(2);
        assert!(ran.err.contains(why), "{}", ran.err);
    }
    assert_eq!(listed(&place), before);
    let rdb = data("rdb/redis-7.0.15-std.rdb");
    let ran = compact(rdb.as_ref(), &[]).exits(2);
    assert!(ran.err.contains("nothing to compact"), "{}", ran.err);
    let ran = compact(
        data("replay/redis-6.2.14-log.aof").as_ref(),
        &["--keep-history"],
    )
    .exits(2);
    assert!(ran.err.contains("no history"), "{}", ran.err);
    let ran = super::run::redisk_in(&["compact", "-"], b"*1\r\n$8\r\nFLUSHALL\r\n").exits(2);
    assert!(ran.err.contains("--out"), "{}", ran.err);
    super::run::redisk_in(&["compact", "-", "--dry-run"], b"*1\r\n$8\r\nFLUSHALL\r\n").exits(0);
    // A torn end is damage: exit code 1.
    let incr = place.join("appendonly.aof.3.incr.aof");
    std::fs::write(&incr, b"*2\r\n$3\r\nDEL").unwrap();
    let ran = compact(&place, &["--json"]).exits(1);
    let report: Value = serde_json::from_slice(&ran.out).unwrap();
    assert!(report["after"].is_null());
    assert_eq!(report["problems"].as_array().unwrap().len(), 1);
    assert_eq!(listed(&place), before);
}

#[cfg(target_os = "linux")]
#[test]
fn who_works_there_is_named() {
    use std::process::{Command, Stdio};
    let folder = Folder::new();
    let place = session(&folder);
    let before = listed(&place);
    let incr = std::fs::File::options()
        .append(true)
        .open(place.join("appendonly.aof.3.incr.aof"))
        .unwrap();
    let mut child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(incr)
        .spawn()
        .unwrap();
    let pid = child.id();
    let ran = compact(&place, &[]);
    let seen = listed(&place);
    let out = compact(&place, &["--out", folder.path("out").to_str().unwrap()]);
    let forced = compact(&place, &["--force"]);
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = ran.exits(2);
    let who = format!("(process {pid}) works here: ");
    assert!(ran.err.contains(&who), "{}", ran.err);
    assert!(ran.err.contains("--force goes on"), "{}", ran.err);
    assert_eq!(seen, before);
    out.exits(0);
    forced.exits(0);
    // Another of us.
    let lock = redisk::disk::live::Lock::take(&place).unwrap();
    let ran = compact(&place, &["--force"]).exits(2);
    assert!(ran.err.contains("another redisk"), "{}", ran.err);
    drop(lock);
    compact(&place, &[]).exits(0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_stands_there_is_seen() {
    use crate::support::server::{Kind, Server};
    let folder = Folder::new();
    let place = session(&folder);
    let Some(server) = Server::start_in(Kind::Redis, folder.0.path(), &["--appendonly", "yes"])
    else {
        return;
    };
    let server = server.unwrap();
    let ran = compact(&place, &[]).exits(2);
    assert!(ran.err.contains("works here"), "{}", ran.err);
    drop(server);
    compact(&place, &[]).exits(0);
}
