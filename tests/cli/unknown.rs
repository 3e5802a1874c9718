//! Logs that are all commands, and do not tell which server they are of: for whom output is that is made of them.

use super::run::{Folder, Ran, data, redisk, std_rdb};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A set of commands.
fn set(folder: &Folder, name: &str, lines: &[&str]) -> PathBuf {
    let mut log = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        log.extend(format!("*{}\r\n", words.len()).into_bytes());
        for word in words {
            log.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
        }
    }
    std::fs::create_dir(folder.path(name)).unwrap();
    folder.file(format!("{name}/a.aof.1.incr.aof"), &log);
    folder.file(
        format!("{name}/a.aof.manifest"),
        b"file a.aof.1.incr.aof seq 1 type i\n",
    );
    folder.path(name)
}

/// A stream with an entry that is pending and gone, which commands do not carry.
const DANGLING: [&str; 5] = [
    "XADD x 1-1 a b",
    "XADD x 2-2 a b",
    "XGROUP CREATE x g 0",
    "XCLAIM x g c 0 2-2 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 2-2",
    "XDEL x 2-2",
];

fn ran(words: &str, folder: &Folder) -> Ran {
    let args: Vec<String> = words
        .split(' ')
        .map(|word| match word.strip_prefix('@') {
            Some(name) => folder.path(name).to_str().unwrap().to_owned(),
            None => word.to_owned(),
        })
        .collect();
    redisk(&args)
}

fn object(ran: &Ran) -> Value {
    serde_json::from_slice(&ran.out).unwrap()
}

const GUESSED: &str = "the log does not tell which server it is of";

#[test]
fn the_oldest_that_holds_all_of_it() {
    let folder = Folder::new();
    set(&folder, "plain", &["SET a 1"]);
    set(
        &folder,
        "fields",
        &["HSET h f v", "HPEXPIREAT h 4000000000000 FIELDS 1 f"],
    );
    for (name, target) in [("plain", "redis-7.0"), ("fields", "redis-7.4")] {
        let merged = ran(&format!("merge @{name} --out @{name}.rdb --json"), &folder).exits(0);
        assert_eq!(object(&merged)["target"], target);
        assert!(merged.err.contains(GUESSED), "{}", merged.err);
        let split = ran(
            &format!("split @{name} --by-db --out @{name}.parts --json"),
            &folder,
        );
        assert_eq!(object(&split.exits(0))["target"], target);
        let converted = ran(&format!("convert @{name} @{name}.c.rdb --json"), &folder).exits(0);
        assert_eq!(object(&converted)["target"], target);
        assert!(converted.err.contains(GUESSED), "{}", converted.err);
        let compacted = ran(&format!("compact @{name} --dry-run --json"), &folder).exits(0);
        assert_eq!(object(&compacted)["target"], target);
    }
    let head = std::fs::read(folder.path("plain.rdb")).unwrap();
    assert_eq!(&head[..9], b"REDIS0010");
    // A set is for a server that has sets, though a single file is of one that has none.
    let log = data("replay/redis-6.2.14-log.aof");
    let converted = ran(
        &format!("convert {log} @a.set --to aof-dir --json"),
        &folder,
    )
    .exits(0);
    assert_eq!(object(&converted)["target"], "redis-7.0");
    let converted = ran(&format!("convert {log} @a.rdb --json"), &folder).exits(0);
    assert_eq!(object(&converted)["target"], "redis-6.2");
    // Who is asked for a server says nothing of it.
    let named = ran("convert @plain @n.rdb --target redis-7.2 --json", &folder).exits(0);
    assert!(named.err.is_empty(), "{}", named.err);
}

#[test]
fn it_does_not_raise_the_others() {
    let folder = Folder::new();
    set(&folder, "plain", &["SET a-new-key 1"]);
    set(
        &folder,
        "fields",
        &[
            "HSET a-new-hash f v",
            "HPEXPIREAT a-new-hash 4000000000000 FIELDS 1 f",
        ],
    );
    let merged = |name: &str| {
        let args = format!("merge {} @{name} --out @{name}.rdb --json", std_rdb());
        let ran = ran(&args, &folder).exits(0);
        (object(&ran)["target"].clone(), ran.err.contains(GUESSED))
    };
    assert_eq!(merged("plain"), (json!("redis-7.0"), false));
    assert_eq!(merged("fields"), (json!("redis-7.4"), true));
}

#[test]
fn no_payload_that_its_server_may_refuse() {
    let folder = Folder::new();
    set(&folder, "empty", &["SELECT 0"]);
    set(&folder, "dangling", &DANGLING);
    for words in [
        "convert @dangling @out.aof",
        "diff @empty @dangling --patch @out.aof",
        "dump @dangling --format resp -o @out.aof",
    ] {
        let more = if words.starts_with("dump") {
            ""
        } else {
            " --force"
        };
        let code = i32::from(words.starts_with("diff"));
        let done = ran(&format!("{words}{more}"), &folder).exits(code);
        let text = std::fs::read_to_string(folder.path("out.aof")).unwrap();
        assert!(
            text.contains("XADD") && !text.contains("RESTORE"),
            "{words}: {text}"
        );
        assert!(done.err.contains("pending"), "{words}: {}", done.err);
        std::fs::remove_file(folder.path("out.aof")).unwrap();
    }
    ran("compact @dangling", &folder).exits(0);
    let base = std::fs::read_to_string(folder.path("dangling/a.aof.2.base.aof"));
    let base = base.or_else(|_| std::fs::read_to_string(folder.path("dangling/a.aof.1.base.aof")));
    let base = base.unwrap();
    assert!(base.contains("XADD") && !base.contains("RESTORE"), "{base}");
}

#[test]
fn a_base_tells() {
    let folder = Folder::new();
    let log = data("multipart/redis-7.0.15-session");
    let converted = ran(&format!("convert {log} @c.rdb --json"), &folder).exits(0);
    assert_eq!(object(&converted)["target"], "redis-7.0");
    assert!(!converted.err.contains(GUESSED), "{}", converted.err);
}

#[test]
fn nothing_is_an_empty_log() {
    let folder = Folder::new();
    folder.file("zero", b"");
    folder.file("zero.aof", b"");
    folder.file("zero.rdb", b"");
    for name in ["zero", "zero.aof"] {
        ran(&format!("diff @{name} @zero.aof"), &folder).exits(0);
        ran(&format!("merge @{name} --out @{name}.merged"), &folder).exits(0);
        ran(
            &format!("split @{name} --by-db --out @{name}.parts"),
            &folder,
        )
        .exits(0);
        ran(&format!("compact @{name} --dry-run"), &folder).exits(0);
    }
    let told = ran("diff @zero @zero.aof", &folder);
    assert!(told.err.contains("is empty: taken for"), "{}", told.err);
    // A server does not load an RDB of nothing, and a pipe may have failed.
    ran("diff @zero.rdb @zero.aof", &folder).exits(2);
    ran("merge @zero.rdb --out @x", &folder).exits(1);
    ran("merge - --out @x", &folder).exits(1);
    // There is but one standard input.
    let twice = ran("merge - - --out @x", &folder).exits(2);
    assert!(
        twice.err.contains("standard input can be one"),
        "{}",
        twice.err
    );
}

#[test]
fn a_log_with_scripts_is_for_replay() {
    let folder = Folder::new();
    let log = set(
        &folder,
        "scripts",
        &["SET a 1", "EVAL return 0", "NOSUCHCOMMAND a"],
    );
    set(&folder, "other", &["SET a 1"]);
    for words in [
        "diff @scripts @other",
        "compact @scripts",
        "convert @scripts @x.rdb",
        "merge @scripts --out @x.rdb",
        "split @scripts --by-db --out @x",
        "dump @scripts",
    ] {
        let ran = ran(words, &folder).exits(2);
        assert!(
            ran.err
                .contains("replay --skip-scripts steps over it; --out"),
            "{words}: {}",
            ran.err
        );
    }
    // Which does what it says.
    let out = folder.path("x.rdb");
    let args = [
        "--skip-scripts",
        "--skip-unknown",
        "--out",
        out.to_str().unwrap(),
    ];
    redisk(&[&["replay", log.to_str().unwrap()], &args[..]].concat()).exits(0);
    ran("diff @x.rdb @other", &folder).exits(0);
}

#[test]
fn keys_of_commands_that_are_not_run_here_stay() {
    let folder = Folder::new();
    let log = set(&folder, "vectors", &["SET a 1", "VADD v VALUES 2 1 1 a"]);
    let before = std::fs::read(log.join("a.aof.1.incr.aof")).unwrap();
    let refused = ran("compact @vectors", &folder).exits(2);
    assert!(
        refused
            .err
            .contains("\"vadd\" is a command that only servers run"),
        "{}",
        refused.err
    );
    assert_eq!(std::fs::read(log.join("a.aof.1.incr.aof")).unwrap(), before);
    let stepped = ran("replay @vectors --skip-unknown --out @x.rdb", &folder);
    assert!(stepped.exits(0).text().contains("vadd"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_at_work_is_not_disturbed() {
    use crate::support::server::{Kind, Server};
    let Some(server) = Server::start(Kind::Redis, &[]) else {
        return;
    };
    let there = |name: &str| server.dir.join(name).to_str().unwrap().to_owned();
    let folder = Folder::new();
    set(&folder, "log", &["SET a 1"]);
    let (file, log) = (std_rdb(), folder.path("log").to_str().unwrap().to_owned());
    for (args, out) in [
        (vec!["convert", &file, &there("c.rdb")], "c.rdb"),
        (
            vec!["convert", &file, &there("set"), "--to", "aof-dir"],
            "set",
        ),
        (vec!["merge", &file, "--out", &there("m.rdb")], "m.rdb"),
        (
            vec!["split", &file, "--by-db", "--out", &there("parts")],
            "parts",
        ),
        (
            vec!["compact", &log, "--out", &there("compacted")],
            "compacted",
        ),
        (
            vec!["diff", &file, &log, "--patch", &there("p.resp")],
            "p.resp",
        ),
        (
            vec!["dump", &file, "--output", &there("d.jsonl")],
            "d.jsonl",
        ),
        (vec!["replay", &log, "--out", &there("r.rdb")], "r.rdb"),
    ] {
        let refused = redisk(&args).exits(2);
        assert!(
            refused.err.contains("works here"),
            "{args:?}: {}",
            refused.err
        );
        assert!(refused.err.contains("--force"), "{args:?}: {}", refused.err);
        assert!(!server.dir.join(out).exists(), "{args:?}");
        let forced = redisk(&[&args[..], &["--force"]].concat());
        assert!(
            matches!(forced.code, Some(0 | 1)),
            "{args:?}: {}",
            forced.err
        );
        assert!(server.dir.join(out).exists(), "{args:?}");
    }
    // Elsewhere nobody minds.
    redisk(&["convert", &file, folder.path("c.rdb").to_str().unwrap()]).exits(0);
}
