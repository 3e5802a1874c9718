//! `log`: what its transcripts (`log.md`) cannot show.

use super::run::*;
use crate::support::server::{Kind, Server};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

const SESSION: &str = "multipart/redis-7.0.15-session";

fn resp(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let mut out = format!("*{}\r\n", words.len());
    for word in words {
        out += &format!("${}\r\n{word}\r\n", word.len());
    }
    out
}

fn all(lines: &str) -> Vec<u8> {
    lines.split('|').map(resp).collect::<String>().into_bytes()
}

/// The commands that are shown, words alone.
fn shown(args: &[&str], log: &[u8]) -> Vec<String> {
    let ran = redisk_in(&[&["log", "--json"], args, &["-"]].concat(), log).exits(0);
    let lines = ran.lines();
    let values = lines
        .iter()
        .map(|l| serde_json::from_str::<Value>(l).unwrap());
    let words = |v: Value| -> Option<String> {
        let words = v["argv"].as_array()?.iter();
        Some(
            words
                .map(|w| w.as_str().unwrap())
                .collect::<Vec<_>>()
                .join(" "),
        )
    };
    values.filter_map(words).collect()
}

#[test]
fn every_filter_and_its_opposite() {
    let log = all(
        "SET a 1|MSET a 1 b 2|SELECT 2|DEL b|XGROUP CREATE b g 0|FLUSHALL|RENAME ab bc|incr a|SELECT 0|COPY q a|PING",
    );
    let whole = shown(&[], &log);
    assert_eq!(whole.len(), 11);
    for (option, values, commands) in [
        (
            "key",
            &["a*"][..],
            &[
                "SET a 1",
                "MSET a 1 b 2",
                "RENAME ab bc",
                "incr a",
                "COPY q a",
            ][..],
        ),
        ("key", &["q", "bc"], &["RENAME ab bc", "COPY q a"]),
        (
            "key-exact",
            &["b"],
            &["MSET a 1 b 2", "DEL b", "XGROUP CREATE b g 0"],
        ),
        (
            "key-regex",
            &["^.$"],
            &[
                "SET a 1",
                "MSET a 1 b 2",
                "DEL b",
                "XGROUP CREATE b g 0",
                "incr a",
                "COPY q a",
            ],
        ),
        (
            "slot",
            &["3300"],
            &["MSET a 1 b 2", "DEL b", "XGROUP CREATE b g 0"],
        ),
        (
            "db",
            &["2"],
            &[
                "DEL b",
                "XGROUP CREATE b g 0",
                "FLUSHALL",
                "RENAME ab bc",
                "incr a",
                "SELECT 0",
            ],
        ),
        (
            "command",
            &["xgroup|create,INCR", "flushall"],
            &["XGROUP CREATE b g 0", "FLUSHALL", "incr a"],
        ),
    ] {
        let with = |not: &str| -> Vec<String> {
            values
                .iter()
                .map(|v| format!("--{not}{option}={v}"))
                .collect()
        };
        let run = |not: &str| {
            let options = with(not);
            shown(
                &options.iter().map(String::as_str).collect::<Vec<_>>(),
                &log,
            )
        };
        let (yes, mut no) = (run(""), run("not-"));
        assert_eq!(yes, commands, "{option}");
        no.extend(yes);
        let (mut all, mut both) = (whole.clone(), no);
        all.sort();
        both.sort();
        assert_eq!(both, all, "--not-{option} is not the opposite");
    }
    // Different ones must all hold.
    assert_eq!(
        shown(&["--key", "a", "--not-key-exact", "b"], &log),
        ["SET a 1", "incr a", "COPY q a"]
    );
    assert_eq!(
        shown(&["--key", "a", "--key-exact", "b"], &log),
        ["MSET a 1 b 2"]
    );
    for bad in [
        &["--key-regex", "("][..],
        &["--slot", "16384"],
        &["--not-slot", "x"],
    ] {
        redisk_in(&[&["log"], bad, &["-"]].concat(), &log).exits(2);
    }
}

/// A file that is asked for by name has to be one of the log.
#[test]
fn a_file_of_the_set_is_chosen_by_its_name() {
    let set = data("multipart/redis-7.0.15-session");
    let name = "appendonly.aof.2.incr.aof";
    let ran = redisk(&["log", "--file", name, &set]).exits(0);
    assert_eq!(ran.lines().len(), 24);
    let ran = redisk(&[
        "log",
        "--file",
        name,
        "--file",
        "appendonly.aof.9.incr.aof",
        &set,
    ])
    .exits(2);
    assert!(ran.out.is_empty());
    let words = "the log has no file \"appendonly.aof.9.incr.aof\"\n";
    assert!(ran.err.ends_with(words), "{}", ran.err);
    let alone = format!("{set}/{name}");
    assert_eq!(
        redisk(&["log", "--file", name, &alone])
            .exits(0)
            .lines()
            .len(),
        24
    );
    redisk(&["log", "--file", "other", &alone]).exits(2);
}

#[test]
fn every_form_keeps_to_the_limit() {
    let log = all("SET k 1|SET k 2|GET q|SET k 3|DEL k");
    for limit in [0, 1, 3] {
        let run = |way: &[&str]| {
            let limit = limit.to_string();
            let args = [&["log", "--limit", &limit][..], way, &["-"]].concat();
            redisk_in(&args, &log).exits(0)
        };
        assert_eq!(run(&[]).lines().len(), limit);
        // Without the GET of another key.
        let history = run(&["--history", "k"]);
        let shown = history.lines().into_iter().filter(|l| l.contains(" db 0 "));
        assert_eq!(shown.count(), limit);
        let cut = run(&["--resp", "--not-command", "select"]).out;
        let cut = redisk_in(&["log", "--not-command", "select", "-"], &cut).exits(0);
        assert_eq!(cut.lines().len(), limit);
        let stats: Value = serde_json::from_slice(&run(&["--stats", "--json"]).out).unwrap();
        let counts = stats["names"].as_array().unwrap().iter();
        let counts = counts.map(|n| n["count"].as_u64().unwrap());
        assert_eq!(counts.sum::<u64>(), limit as u64);
    }
}

/// The summary of a history, and the commands.
fn history(key: &str, log: &str) -> (Vec<String>, Value) {
    let ran = redisk_in(&["log", "--json", "--history", key, "-"], &all(log)).exits(0);
    let summary: Value = serde_json::from_str(ran.lines().last().unwrap()).unwrap();
    (
        shown(&["--history", key], &all(log)),
        summary["summary"].clone(),
    )
}

fn names(summary: &Value) -> Vec<&str> {
    let also = summary["also_named"].as_array().unwrap().iter();
    also.map(|n| n["key"].as_str().unwrap()).collect()
}

#[test]
fn a_history_asks_whether_a_name_was_taken() {
    for (log, also, took_effect) in [
        // Its own name is known from the log.
        (
            "SET a 1|RENAME a b|RENAMENX x a|SET b 2",
            &["b"][..],
            &[][..],
        ),
        ("SET a 1|SET x 1|RENAMENX x a", &[], &["false"]),
        ("SET a 1|SET x 1|COPY x a", &[], &["false"]),
        ("SET a 1|SET x 1|COPY x a REPLACE", &[], &[]),
        ("SET a 1|DEL a|RENAMENX x a", &[], &[]),
        ("RPUSH a 1|LPOP a|RENAMENX x a", &[], &["null"]),
        ("SET a 1 XX|RENAMENX x a", &[], &["null"]),
        ("SET a 1|FLUSHDB|COPY x a", &[], &[]),
        ("SET a 1|SELECT 1|MOVE a 0", &[], &["false"]),
        ("SET a 1|UNLINK a|SELECT 1|MOVE a 0", &[], &[]),
        ("SET a 1|SWAPDB 0 1|RENAMENX x a", &[], &[]),
        // Another name is known once it is followed.
        ("SET a 1|RENAMENX a b", &["b"], &["null"]),
        ("SET a 1|COPY a b", &["b"], &["null"]),
        (
            "SET a 1|RENAME a b|SET a 2|RENAMENX a b",
            &["b"],
            &["false"],
        ),
        (
            "SET a 1|RENAME a b|DEL b|SET a 2|RENAMENX a b",
            &["b"],
            &["null"],
        ),
    ] {
        let (_, summary) = history("a", log);
        assert_eq!(names(&summary), also, "{log}");
        let doubts = summary["doubts"].as_array().unwrap().iter();
        let doubts: Vec<String> = doubts.map(|d| d["took_effect"].to_string()).collect();
        assert_eq!(doubts, took_effect, "{log}");
    }
    // What did nothing is shown, and not followed.
    let (shown, _) = history(
        "a",
        "SET a 1|SET b 1|RENAME b c|RENAMENX c a|APPEND c x|RENAMENX a d|APPEND a x|APPEND d x",
    );
    let wanted = [
        "SET a 1",
        "RENAMENX c a",
        "RENAMENX a d",
        "APPEND a x",
        "APPEND d x",
    ];
    assert_eq!(shown, wanted);
}

/// A base of the set counts, too.
#[test]
fn a_history_knows_the_base() {
    let folder = Folder::new();
    for name in [
        "appendonly.aof.2.base.rdb",
        "appendonly.aof.manifest",
        "appendonly.aof.3.incr.aof",
    ] {
        std::fs::copy(data(&format!("{SESSION}/{name}")), folder.path(name)).unwrap();
    }
    folder.file(
        "appendonly.aof.2.incr.aof",
        &all("SET x 1|RENAMENX x user:2"),
    );
    let path = folder.0.path().to_str().unwrap();
    let ran = redisk(&["log", "--history", "user:2", path]).exits(0);
    assert!(
        ran.text()
            .contains("RENAMENX took no effect: \"user:2\" was in db 0"),
        "{}",
        ran.text()
    );
}

/// The lines of a log are followed as it grows, into the new incr and past the new base of a rewrite.
#[test]
fn a_log_is_followed_across_a_rewrite() {
    let folder = Folder::new();
    let append = |name: &str, text: &str| {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .append(true)
            .create(true)
            .open(folder.path(name))
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    // As servers do: beside, then renamed.
    let manifest = |text: &str| {
        folder.file("temp-a.manifest", text.as_bytes());
        std::fs::rename(folder.path("temp-a.manifest"), folder.path("a.manifest")).unwrap();
    };
    append("a.1.incr.aof", &resp("SET k 1"));
    manifest("file a.1.incr.aof seq 1 type i\n");
    let path = folder.0.path().to_str().unwrap();
    let mut child = command(&["log", "--follow", "--limit", "5", path])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = |wanted: &str| assert_eq!(lines.next().unwrap().unwrap(), wanted);
    next("a.1.incr.aof:0x0 db 0 SET k 1");
    // Half a command is nothing yet.
    let (half, rest) = ("*2\r\n$4\r\nIN", "CR\r\n$1\r\nk\r\n");
    append("a.1.incr.aof", half);
    append("a.1.incr.aof", rest);
    next("a.1.incr.aof:0x1b db 0 INCR k");
    append("a.2.incr.aof", &resp("SELECT 2"));
    manifest("file a.1.incr.aof seq 1 type i\nfile a.2.incr.aof seq 2 type i\n");
    next("a.2.incr.aof:0x0 db 0 SELECT 2");
    // The rewrite ends: a base that holds what was shown already, and the old incr is history, then gone.
    append("a.1.base.aof", &resp("SET k 2"));
    manifest(
        "file a.1.base.aof seq 1 type b\nfile a.1.incr.aof seq 1 type h\nfile a.2.incr.aof seq 2 type i\n",
    );
    std::fs::remove_file(folder.path("a.1.incr.aof")).unwrap();
    manifest("file a.1.base.aof seq 1 type b\nfile a.2.incr.aof seq 2 type i\n");
    append("a.2.incr.aof", &resp("DEL k"));
    next("a.2.incr.aof:0x17 db 2 DEL k");
    append("a.2.incr.aof", &resp("DEL l"));
    next("a.2.incr.aof:0x2b db 2 DEL l");
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
}

/// What `log --resp` cuts out by key, the base's keys among them, is a log that servers load to what these keys were.
#[test]
fn a_cut_by_key_loads_in_a_server() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let path = data(SESSION);
        let cut = redisk(&["log", "--resp", "--key", "cart:*", "--key", "board", &path]).exits(0);
        assert!(cut.err.is_empty(), "{}", cut.err);
        let folder = Folder::new();
        folder.file("appendonly.aof", &cut.out);
        let Some(server) = Server::start_in(kind, folder.0.path(), &["--appendonly", "yes"]) else {
            continue;
        };
        let mut server = server.unwrap_or_else(|e| panic!("{e:?}"));
        // Transactions are whole, so that `orders` came along. What flushed it all names no key.
        assert_eq!(server.cmd(&["DBSIZE"]).int(), 3);
        assert_eq!(server.cmd(&["GET", "orders"]).text(), "1");
        assert_eq!(server.cmd(&["HGET", "cart:1", "apple"]).text(), "3");
        assert_eq!(server.cmd(&["HGET", "cart:1", "plum"]).text(), "4");
        assert_eq!(server.cmd(&["ZSCORE", "board", "bob"]).text(), "12");
        assert_eq!(server.cmd(&["ZSCORE", "board", "ann"]).text(), "10");
    }
}

/// A set in one piece, which begins with an RDB that calls itself a base: its state is that of the set. The base alone
/// is an RDB, whose keys lie in it.
#[test]
fn a_set_in_one_piece_has_the_state_of_the_set() {
    let path = data(SESSION);
    let set = redisk(&["dump", "--sort", &path]).exits(0);
    let cut = redisk(&["log", "--resp", &path]).exits(0);
    let folder = Folder::new();
    folder.file("all.aof", &cut.out);
    let all = folder.0.path().join("all.aof");
    let one = redisk(&["dump", "--sort", all.to_str().unwrap()]).exits(0);
    assert!(one.err.is_empty(), "{}", one.err);
    assert_eq!(one.text(), set.text());
    let piped = redisk_in(&["dump", "--sort", "-"], &cut.out).exits(0);
    assert_eq!(piped.text(), set.text());
    let base = format!("{path}/appendonly.aof.2.base.rdb");
    let alone = redisk(&["get", &base, "user:1"]).exits(0);
    assert!(alone.text().contains("offset"), "{}", alone.text());
}

/// All but the FLUSHALL, or all up to it: base and log as one file, which servers load.
#[test]
fn a_flush_is_undone() {
    let path = data(SESSION);
    for (options, user) in [
        (&["--not-command", "flushall"][..], "nobody"),
        (&["--until", "1795210354"], ""),
        (&["--limit", "18"], ""),
    ] {
        let cut = redisk(&[&["log", "--resp"], options, &[&path]].concat()).exits(0);
        assert!(
            cut.out.starts_with(b"REDIS") && cut.err.is_empty(),
            "{}",
            cut.err
        );
        for kind in [Kind::Redis, Kind::Valkey] {
            let folder = Folder::new();
            folder.file("appendonly.aof", &cut.out);
            let Some(server) = Server::start_in(kind, folder.0.path(), &["--appendonly", "yes"])
            else {
                continue;
            };
            let mut server = server.unwrap_or_else(|e| panic!("{e:?}"));
            assert_eq!(server.cmd(&["GET", "user:01"]).text(), "Ann Lee, Esq.");
            assert_eq!(server.cmd(&["ZSCORE", "board", "bob"]).text(), "12");
            assert_eq!(
                server.cmd(&["EXISTS", "user:1"]).int(),
                i64::from(!user.is_empty())
            );
        }
    }
    let cut = redisk(&["log", "--resp", "--since", "1795210354", &path]).exits(0);
    assert!(
        cut.out.starts_with(b"#TS:1795210354") && cut.err.contains("left out"),
        "{}",
        cut.err
    );
}
