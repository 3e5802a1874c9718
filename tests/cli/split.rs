//! `redisk split` and `redisk merge`: arguments, reports, and what is left.

use super::run::{Folder, data, harmless, names, rdb, redisk, std_rdb};
use serde_json::Value;

fn listed(folder: &Folder, name: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder.path(name))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn split(folder: &Folder, out: &str, file: &str, more: &[&str]) -> super::run::Ran {
    let out = folder.path(out);
    let args = [&["split", file, "--out", out.to_str().unwrap()], more].concat();
    redisk(&args)
}

#[test]
fn a_part_a_node() {
    let folder = Folder::new();
    let conf = folder.file(
        "nodes.conf",
        b"a 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-8191\n\
          b 10.0.0.2:7000@17000 master - 0 0 2 connected 8192-16000\nvars currentEpoch 2 lastVoteEpoch 0\n",
    );
    let conf = conf.to_str().unwrap();
    let ran = split(&folder, "out", &std_rdb(), &["--nodes", conf, "--json"]).exits(0);
    let index: Value = serde_json::from_slice(&ran.out).unwrap();
    assert_eq!(names(&index), ["by", "keys", "parts", "source", "target"]);
    assert_eq!(index["target"], "redis-7.0");
    let parts = index["parts"].as_array().unwrap();
    assert_eq!(names(&parts[0]), ["bytes", "file", "keys", "slots"]);
    assert_eq!(parts[1]["slots"], serde_json::json!([[8192, 16000]]));
    assert_eq!(parts[2]["slots"], Value::Null);
    assert!(
        ran.err.contains("in slots that no part has: see rest.rdb"),
        "{}",
        ran.err
    );
    let sum: u64 = parts.iter().map(|p| p["keys"].as_u64().unwrap()).sum();
    assert_eq!(index["keys"].as_u64().unwrap(), sum);
    let files = [
        "index.json",
        "node-10.0.0.1%3A7000.rdb",
        "node-10.0.0.2%3A7000.rdb",
        "rest.rdb",
    ];
    assert_eq!(listed(&folder, "out"), files);
    assert_eq!(
        std::fs::read(folder.path("out/index.json")).unwrap(),
        ran.out
    );
    // What is there is not touched.
    split(&folder, "out", &std_rdb(), &["--by-db"]).exits(2);
    let bad = folder.file(
        "bad.conf",
        b"a 10.0.0.1:7000@17000 master - 0 0 1 connected x\n",
    );
    let ran = split(
        &folder,
        "no",
        &std_rdb(),
        &["--nodes", bad.to_str().unwrap()],
    )
    .exits(2);
    assert!(
        ran.err.contains("is no line of a nodes.conf"),
        "{}",
        ran.err
    );
    assert!(!folder.path("no").exists());
}

#[test]
fn arguments_are_judged_first() {
    let folder = Folder::new();
    for (args, why) in [
        (&[][..], "required"),
        (&["--by-db", "--parts", "3"], "cannot be used with"),
        (&["--slots", "0-100,50-60"], "slot 50 is in two parts"),
        (&["--slots", "5-3"], "slots are expected"),
        (&["--slots", "16384"], "there is no slot 16384"),
        (&["--parts", "0"], "between 1 and 16384"),
        (&["--parts", "1000"], "more than 900 parts"),
        (&["--by-prefix", ""], "at least one byte"),
        (&["--nodes", "/nonexistent/nodes.conf"], "open"),
    ] {
        let ran = split(&folder, "out", "/nonexistent.rdb", args).exits(2);
        assert!(ran.err.contains(why), "{args:?}: {}", ran.err);
    }
    assert!(folder.names().is_empty());
}

#[test]
fn names_of_parts_are_harmless() {
    let folder = Folder::new();
    let keys: &[(&[u8], &[u8])] = &[
        (b"\x1b[31m/../:1", b"v"),
        (b":2", b"v"),
        (b"x", b"v"),
        (b"a b:3", b"v"),
    ];
    let file = folder.file("in.rdb", &rdb(keys));
    let ran = split(
        &folder,
        "out",
        file.to_str().unwrap(),
        &["--by-prefix", ":"],
    )
    .exits(0);
    harmless(&ran.out).unwrap();
    let files = [
        "index.json",
        "no-prefix.rdb",
        "prefix-%1B%5B31m%2F..%2F.rdb",
        "prefix-.rdb",
        "prefix-a%20b.rdb",
    ];
    assert_eq!(listed(&folder, "out"), files);
    let index = std::fs::read_to_string(folder.path("out/index.json")).unwrap();
    let index: Value = serde_json::from_str(&index).unwrap();
    let prefixes: Vec<&Value> = index["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["prefix"])
        .collect();
    assert_eq!(
        prefixes,
        [
            &Value::from("\x1b[31m/../"),
            &Value::from(""),
            &Value::Null,
            &Value::from("a b")
        ]
    );
    let ran = split(&folder, "sizes", &std_rdb(), &["--max-size", "4kb"]).exits(0);
    assert!(ran.lines().len() > 3);
    assert_eq!(listed(&folder, "sizes")[1], "part-0001.rdb");
}

/// Of a log and of lines; a damaged one leaves nothing.
#[test]
fn any_source() {
    let folder = Folder::new();
    let log = data("multipart/redis-7.0.15-session");
    let ran = split(&folder, "log", &log, &["--by-db", "--json"]).exits(0);
    let index: Value = serde_json::from_slice(&ran.out).unwrap();
    assert_eq!(
        (&index["keys"], &index["target"]),
        (&2.into(), &"redis-7.0".into())
    );
    let lines = folder.file("x.jsonl", &redisk(&["dump", &std_rdb()]).exits(0).out);
    let ran = split(
        &folder,
        "lines",
        lines.to_str().unwrap(),
        &["--parts", "2", "--json"],
    )
    .exits(0);
    let index: Value = serde_json::from_slice(&ran.out).unwrap();
    assert_eq!(index["target"], "redis-7.0");
    split(&folder, "torn", &super::run::damaged_rdb(), &["--by-db"]).exits(1);
    assert!(!folder.path("torn").exists());
    let ran = split(
        &folder,
        "old",
        &std_rdb(),
        &["--by-db", "--target", "redis-6.2", "--strict"],
    )
    .exits(2);
    assert!(ran.err.contains("cannot hold all of it"), "{}", ran.err);
    assert!(!folder.path("old").exists());
}

#[test]
fn shards_into_one() {
    let folder = Folder::new();
    split(&folder, "parts", &std_rdb(), &["--parts", "3"]).exits(0);
    let parts: Vec<String> = listed(&folder, "parts")
        .iter()
        .filter(|n| n.ends_with(".rdb"))
        .map(|n| {
            folder
                .path(format!("parts/{n}"))
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let out = folder.path("one.rdb");
    let merge = |more: &[&str]| {
        let mut args: Vec<&str> = vec!["merge", "--out", out.to_str().unwrap()];
        args.extend(more);
        redisk(&args)
    };
    let all: Vec<&str> = parts.iter().map(String::as_str).collect();
    let ran = merge(&[&all[..], &["--json"]].concat()).exits(0);
    let report: Value = serde_json::from_slice(&ran.out).unwrap();
    assert_eq!(
        names(&report),
        [
            "conflicts",
            "function_conflicts",
            "functions",
            "keys",
            "losses",
            "named",
            "sources",
            "target"
        ]
    );
    assert_eq!(
        (&report["conflicts"], &report["target"]),
        (&0.into(), &"redis-7.0".into())
    );
    let dump = |file: &str| {
        let ran = redisk(&["dump", "--data-only", "--sort", file]).exits(0);
        ran.out
    };
    assert!(dump(out.to_str().unwrap()) == dump(&std_rdb()));
    merge(&all).exits(2);

    // Against one more that has some of them.
    let again = [&all[..], &all[..1], &["--force"]].concat();
    let ran = merge(&again).exits(2);
    assert!(
        ran.err.contains("are in more than one source"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("--on-conflict"), "{}", ran.err);
    let ran = merge(&[&again[..], &["--on-conflict", "last"]].concat()).exits(0);
    assert!(ran.text().contains("left out"), "{}", ran.text());
    assert!(dump(out.to_str().unwrap()) == dump(&std_rdb()));
    // Moved out of each other's way.
    let ran = merge(
        &[
            &again[..],
            &[
                "--db-map",
                "4/0:100,4/1:101,4/2:102,4/3:103,4/9:109,4/15:115",
                "--json",
            ],
        ]
        .concat(),
    );
    let report: Value = serde_json::from_slice(&ran.exits(0).out).unwrap();
    let first = &report["sources"][0]["keys"];
    assert_eq!(first, &report["sources"][3]["keys"]);
    for (args, why) in [
        (&["--db-map", "9/0:1"][..], "there is no source 9"),
        (&["--db-map", "0/0:1"], "from 1"),
        (&["--db-map", "0:1,0:2"], "is there twice"),
    ] {
        let ran = merge(&[&all[..], &["--force"], args].concat()).exits(2);
        assert!(ran.err.contains(why), "{args:?}: {}", ran.err);
    }
    let valkey = data("rdb/valkey-9.1.2-tiny.rdb");
    if std::path::Path::new(&valkey).exists() {
        let ran = merge(&[all[0], &valkey, "--force"]).exits(2);
        assert!(ran.err.contains("--target says"), "{}", ran.err);
    }
    // A log is a source like any other, and a damaged one ends it.
    let log = data("multipart/redis-7.0.15-session");
    merge(&[all[0], &log, "--force", "--on-conflict", "first"]).exits(0);
    let before = std::fs::read(&out).unwrap();
    merge(&[
        all[0],
        &super::run::damaged_rdb(),
        "--force",
        "--on-conflict",
        "first",
    ])
    .exits(1);
    assert!(std::fs::read(&out).unwrap() == before);
}
