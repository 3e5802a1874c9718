//! The filter language, held against what a whole dump says.

use super::run::*;
use serde_json::Value;
use std::collections::BTreeSet;

/// Keys as (db, name) of a dump with these options.
fn keys(file: &str, more: &[&str]) -> Vec<(u64, String)> {
    let args = [&["dump", "--data-only", "--binary", "hex"], more, &[file]].concat();
    let ran = redisk(&args).exits(0);
    let key = |line: &&str| {
        let v: Value = serde_json::from_str(line).unwrap();
        (
            v["db"].as_u64().unwrap(),
            v["key"].as_str().unwrap().to_owned(),
        )
    };
    ran.lines().iter().map(key).collect()
}

/// The objects of a whole dump.
fn all(file: &str) -> Vec<Value> {
    let ran = redisk(&["dump", "--data-only", "--binary", "hex", file]).exits(0);
    ran.lines()
        .iter()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect()
}

/// Asserts that an option takes those for which `holds` does, and its opposite the others.
#[track_caller]
fn takes(file: &str, values: &[&str], option: &str, holds: impl Fn(&Value) -> bool) {
    let key = |v: &Value| {
        (
            v["db"].as_u64().unwrap(),
            v["key"].as_str().unwrap().to_owned(),
        )
    };
    let (yes, no): (Vec<Value>, Vec<Value>) = all(file).into_iter().partition(holds);
    let with = |prefix: &str| {
        let options: Vec<String> = values
            .iter()
            .map(|v| format!("--{prefix}{option}={v}"))
            .collect();
        keys(
            file,
            &options.iter().map(String::as_str).collect::<Vec<_>>(),
        )
    };
    assert!(
        !yes.is_empty() && !no.is_empty(),
        "{option} {values:?} tells nothing apart"
    );
    assert_eq!(
        with(""),
        yes.iter().map(key).collect::<Vec<_>>(),
        "--{option} {values:?}"
    );
    assert_eq!(
        with("not-"),
        no.iter().map(key).collect::<Vec<_>>(),
        "--not-{option} {values:?}"
    );
}

fn name(v: &Value) -> Vec<u8> {
    let hex = v["key"].as_str().unwrap();
    redisk::sink::bytes::from_hex(hex.as_bytes()).unwrap()
}

fn len(v: &Value) -> Option<usize> {
    match v["type"].as_str().unwrap() {
        "string" => Some(v["value"].as_str().unwrap().len() / 2),
        "stream" => Some(v["value"]["entries"].as_array().unwrap().len()),
        "module" => None,
        _ => Some(v["value"].as_array().unwrap().len()),
    }
}

#[test]
fn every_option_and_its_opposite() {
    let file = &std_rdb();
    takes(file, &["1"], "db", |v| v["db"] == 1);
    takes(file, &["0,1", "2"], "db", |v| v["db"].as_u64() < Some(3));
    takes(file, &["*list*"], "key", |v| {
        String::from_utf8_lossy(&name(v)).contains("list")
    });
    takes(file, &["*list*", "*set*"], "key", |v| {
        let name = String::from_utf8_lossy(&name(v)).into_owned();
        name.contains("list") || name.contains("set")
    });
    let one = all(file).iter().map(name).find(|n| n.is_ascii()).unwrap();
    let one = String::from_utf8(one).unwrap();
    takes(file, &[&one], "key-exact", |v| name(v) == one.as_bytes());
    takes(file, &["(list|hash).*[0-9]$"], "key-regex", |v| {
        let name = String::from_utf8_lossy(&name(v)).into_owned();
        (name.contains("list") || name.contains("hash"))
            && name.ends_with(|c: char| c.is_ascii_digit())
    });
    takes(file, &["hash"], "type", |v| v["type"] == "hash");
    takes(file, &["hash,Stream", "set"], "type", |v| {
        ["hash", "stream", "set"].contains(&v["type"].as_str().unwrap())
    });
    takes(file, &["intset,listpack"], "encoding", |v| {
        ["intset", "listpack"].contains(&v["encoding"].as_str().unwrap())
    });
    takes(file, &["20"], "min-len", |v| len(v) >= Some(20));
    takes(file, &["1"], "max-len", |v| len(v) <= Some(1));
    takes(file, &["none"], "ttl", |v| v["expire_ms"].is_null());
    takes(file, &["any"], "ttl", |v| !v["expire_ms"].is_null());
    let slot = |v: &Value| redisk::model::slot::key_slot(&name(v));
    takes(file, &["0-8191"], "slot", |v| slot(v) < 8192);
    takes(file, &["0-99,16000-16383"], "slot", |v| {
        slot(v) < 100 || slot(v) >= 16000
    });
    let lru = &data("rdb/redis-7.2.6-lru.rdb");
    let idle: BTreeSet<u64> = all(lru).iter().filter_map(|v| v["idle"].as_u64()).collect();
    let middle = idle.iter().nth(idle.len() / 2).copied().unwrap();
    if idle.len() > 1 {
        takes(lru, &[&format!("<{middle}s")], "idle", |v| {
            v["idle"].as_u64() < Some(middle)
        });
    }
    let lfu = &data("rdb/redis-7.0.15-lfu.rdb");
    let freq: BTreeSet<u64> = all(lfu).iter().filter_map(|v| v["freq"].as_u64()).collect();
    let middle = freq.iter().nth(freq.len() / 2).copied().unwrap();
    takes(lfu, &[&format!("<{middle}")], "freq", |v| {
        v["freq"].as_u64() < Some(middle)
    });
}

#[test]
fn sizes_are_those_of_the_stored_value() {
    let folder = Folder::new();
    let file = folder.file(
        "x",
        &rdb(&[(b"a", b""), (b"b", b"123456789"), (b"c", b"1234567890")]),
    );
    let file = file.to_str().unwrap();
    let names = |more: &[&str]| {
        keys(file, more)
            .into_iter()
            .map(|(_, k)| k)
            .collect::<String>()
    };
    // One byte of length comes before the text.
    assert_eq!(names(&["--min-size", "10"]), "6263");
    assert_eq!(names(&["--min-size", "11b"]), "63");
    assert_eq!(names(&["--max-size", "1kb"]), "616263");
    assert_eq!(names(&["--max-size", "10", "--min-size", "2"]), "62");
    assert_eq!(names(&["--not-max-size", "10"]), "63");
}

#[test]
fn the_clock_can_be_set() {
    let folder = Folder::new();
    // Expires at 2000-01-01T00:00:00Z.
    let mut file = b"REDIS0011\xfe\0\xfc".to_vec();
    file.extend_from_slice(&946_684_800_000_u64.to_le_bytes());
    file.extend_from_slice(b"\0\x01k\x01v\xff\0\0\0\0\0\0\0\0");
    let path = folder.file("x", &file);
    let path = path.to_str().unwrap();
    let there = |ttl: &str, now: &str| keys(path, &["--ttl", ttl, "--now", now]).len() == 1;
    assert!(keys(path, &["--ttl", "expired"]).len() == 1);
    assert!(there("expired", "2000-01-01"));
    assert!(!there("expired", "1999-12-31T23:59:59Z"));
    assert!(there("<2h", "1999-12-31T23:00:00Z"));
    assert!(!there("<30m", "1999-12-31T23:00:00Z"));
    assert!(there(">30m", "1999-12-31T23:00:00Z"));
}

#[test]
fn what_is_no_filter_is_said() {
    for (option, value, says) in [
        ("db", "x", "\"x\" is no database number"),
        ("db", "-1", "\"-1\" is no database number"),
        ("key-regex", "(", "unclosed group"),
        ("type", "lists", "there are string, list, set"),
        ("encoding", "zip", "there are raw, int, lzf"),
        ("min-size", "10q", "is no size"),
        ("max-size", "", "is no size"),
        ("min-len", "many", "is no number of elements"),
        ("ttl", "1h", "'<1h'"),
        ("ttl", ">soon", "is no duration"),
        ("slot", "16384", "the last is 16383"),
        ("slot", "9-1", "is no slot"),
        ("idle", "1h", "'>1h'"),
        ("freq", ">256", "255"),
    ] {
        for prefix in ["", "not-"] {
            let option = format!("--{prefix}{option}");
            let ran = redisk(&["dump", &format!("{option}={value}"), &std_rdb()]).exits(2);
            assert!(ran.out.is_empty(), "{option}");
            let start = format!("error: {option}: ");
            assert!(
                ran.err.starts_with(&start) && ran.err.contains(says),
                "{}",
                ran.err
            );
        }
    }
    let ran = redisk(&["dump", "--now", "soon", &std_rdb()]).exits(2);
    assert!(ran.err.contains("is no time"), "{}", ran.err);
    let ran = redisk(&[
        "dump",
        "--key-format",
        "hex",
        "--key-exact",
        "xyz",
        &std_rdb(),
    ])
    .exits(2);
    assert!(ran.err.contains("is not hex"), "{}", ran.err);
}
