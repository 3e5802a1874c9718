//! Function libraries in `merge`, `verify` and `diff`.

use super::run::{Folder, Ran, redisk};
use serde_json::{Value, json};

/// An RDB with such libraries: name and function.
fn libraries(folder: &Folder, name: &str, all: &[(&str, &str)]) -> String {
    let mut lines = "{\"rdb\":{\"magic\":\"REDIS\",\"version\":10}}\n".to_owned();
    for (library, function) in all {
        let code = format!(
            "#!lua name={library}\nredis.register_function('{function}', function() return '{name}' end)"
        );
        lines += &format!("{}\n", json!({ "function": code }));
    }
    let source = folder.file(format!("{name}.jsonl"), lines.as_bytes());
    let out = folder
        .path(format!("{name}.rdb"))
        .to_str()
        .unwrap()
        .to_owned();
    redisk(&[
        "convert",
        source.to_str().unwrap(),
        &out,
        "--target",
        "redis-7.0",
    ])
    .exits(0);
    out
}

fn merged(folder: &Folder, sources: &[&str], rule: &str) -> Ran {
    let out = folder
        .path(format!("{rule}.rdb"))
        .to_str()
        .unwrap()
        .to_owned();
    let args = ["--out", &out, "--on-conflict", rule, "--force", "--json"];
    redisk(&[&["merge"], sources, &args[..]].concat())
}

/// The functions of an RDB, as its libraries register them.
fn held(folder: &Folder, name: &str) -> Vec<String> {
    let path = folder.path(name);
    let out = redisk(&["dump", path.to_str().unwrap()]).exits(0);
    let lines = out
        .lines()
        .into_iter()
        .map(|line| -> Value { serde_json::from_str(line).unwrap() });
    let code = lines.filter_map(|line| line["function"].as_str().map(str::to_owned));
    code.map(|code| {
        let name = code
            .split("name=")
            .nth(1)
            .unwrap()
            .split('\n')
            .next()
            .unwrap();
        format!("{name} {}", code.split('\'').nth(1).unwrap())
    })
    .collect()
}

#[test]
fn a_function_is_of_one_library() {
    let folder = Folder::new();
    let a = libraries(&folder, "a", &[("one", "f"), ("two", "g")]);
    let b = libraries(&folder, "b-is-larger", &[("three", "F"), ("four", "h")]);
    let refused = merged(&folder, &[&a, &b], "error").exits(2);
    assert!(
        refused.err.contains(
            "\"one\" and \"three\", of different sources, both register the function \"f\""
        ),
        "{}",
        refused.err
    );
    for (rule, want) in [
        ("first", ["four h", "one f", "two g"]),
        ("last", ["four h", "three F", "two g"]),
        ("newest-ttl", ["four h", "one f", "two g"]),
        ("largest", ["four h", "three F", "two g"]),
    ] {
        let report = merged(&folder, &[&a, &b], rule).exits(0);
        let report: Value = serde_json::from_slice(&report.out).unwrap();
        assert_eq!(report["function_conflicts"], json!(["three"]), "{rule}");
        assert_eq!(held(&folder, &format!("{rule}.rdb")), want, "{rule}");
    }
    // The same library twice is no conflict.
    merged(&folder, &[&a, &a], "error").exits(0);
}

#[test]
fn verify_sees_what_no_server_loads() {
    let folder = Folder::new();
    for (name, all, code) in [
        (
            "functions",
            [("one", "f"), ("two", "F")],
            "duplicate-function",
        ),
        (
            "libraries",
            [("one", "f"), ("one", "g")],
            "duplicate-library",
        ),
    ] {
        let file = libraries(&folder, name, &all);
        let report = redisk(&["verify", "--json", &file]).exits(1);
        assert!(report.text().contains(code), "{}", report.text());
        redisk(&["verify", "--target", "redis-7.2", &file]).exits(1);
    }
    let file = libraries(&folder, "good", &[("one", "f"), ("two", "g")]);
    redisk(&["verify", &file]).exits(0);
}

#[test]
fn patches_move_functions() {
    let folder = Folder::new();
    let a = libraries(&folder, "a", &[("one", "f"), ("two", "g"), ("old", "x")]);
    let b = libraries(&folder, "b", &[("one", "g"), ("two", "f"), ("new", "x")]);
    let patch = folder.path("p.resp");
    let args = ["--patch", patch.to_str().unwrap(), "--force"];
    let diff = |more: &[&str]| {
        let all = [&["diff", &a, &b], &args[..], more].concat();
        (redisk(&all), std::fs::read_to_string(&patch).unwrap())
    };
    let (ran, text) = diff(&[]);
    ran.exits(1);
    let last = text.rfind("DELETE").unwrap();
    assert!(last < text.find("LOAD").unwrap(), "{text}");
    assert_eq!(
        (text.matches("DELETE").count(), text.matches("LOAD").count()),
        (3, 3)
    );
    // Who asks for some keys does not ask for functions.
    let (ran, text) = diff(&["--key", "*"]);
    assert_eq!((ran.exits(0).err.as_str(), text.as_str()), ("", ""));
}

fn lines(folder: &Folder, name: &str, lines: &str) -> String {
    folder
        .file(name, lines.as_bytes())
        .to_str()
        .unwrap()
        .to_owned()
}

#[test]
fn filters_look_at_either_side() {
    let folder = Folder::new();
    let head = "{\"rdb\":{\"magic\":\"REDIS\",\"version\":10}}\n";
    let key = |name: &str, kind: &str, expire: &str, value: &str| {
        format!(
            "{{\"db\":0,\"key\":\"{name}\",\"type\":\"{kind}\",\"encoding\":null,\"expire_ms\":{expire},\"value\":{value}}}\n"
        )
    };
    let a = [
        head,
        &key("k", "string", "null", "\"v\""),
        &key("j", "string", "null", "\"v\""),
        &key("gone", "string", "null", "\"v\""),
        &key("list", "list", "null", "[\"x\"]"),
    ];
    let b = [
        head,
        &key("k", "list", "null", "[\"v\"]"),
        &key("j", "string", "4000000000000", "\"v\""),
        &key("list", "list", "null", "[\"y\"]"),
        &key("new", "string", "null", "\"v\""),
    ];
    let (a, b) = (
        lines(&folder, "a", &a.concat()),
        lines(&folder, "b", &b.concat()),
    );
    let told = |a: &str, b: &str, more: &[&str]| -> Vec<String> {
        let ran = redisk(&[&["diff", "--json", a, b], more].concat()).exits(1);
        let lines = ran
            .lines()
            .into_iter()
            .map(|l| -> Value { serde_json::from_str(l).unwrap() });
        let mut told: Vec<String> = lines
            .map(|l| match l["summary"].as_object() {
                Some(s) => format!("{} {}", s["keys_a"], s["keys_b"]),
                None => format!(
                    "{} {}",
                    l["change"].as_str().unwrap(),
                    l["key"].as_str().unwrap()
                ),
            })
            .collect();
        told.sort();
        told
    };
    let strings = ["3 3", "added new", "changed j", "changed k", "removed gone"];
    assert_eq!(told(&a, &b, &["--type", "string"]), strings);
    let lists = ["2 2", "changed k", "changed list"];
    assert_eq!(told(&a, &b, &["--type", "list"]), lists);
    assert_eq!(told(&b, &a, &["--type", "list"]), lists);
    assert_eq!(told(&a, &b, &["--ttl", "any"]), ["1 1", "changed j"]);
    assert_eq!(
        told(&a, &b, &["--type", "string", "--key", "k"]),
        ["1 1", "changed k"]
    );
}

#[test]
fn what_may_have_expired_is_made_anew() {
    let folder = Folder::new();
    let key = |name: &str, expire: &str| {
        format!(
            "{{\"db\":0,\"key\":\"{name}\",\"type\":\"list\",\"encoding\":null,\"expire_ms\":{expire},\"value\":[\"v\"]}}\n"
        )
    };
    // 1795132800000 is the moment; within the hour, and two hours later.
    let a = [
        key("past", "1795132700000"),
        key("soon", "1795134000000"),
        key("late", "1795140000000"),
    ];
    let b = [
        key("past", "null"),
        key("soon", "1800000000000"),
        key("late", "1800000000000"),
    ];
    let head = "{\"rdb\":{\"magic\":\"REDIS\",\"version\":10}}\n".to_owned();
    let (a, b) = (
        lines(&folder, "a", &(head.clone() + &a.concat())),
        lines(&folder, "b", &(head + &b.concat())),
    );
    let patch = folder.path("p.resp");
    let args = [
        "diff",
        &a,
        &b,
        "--now",
        "2026-11-20T00:00:00Z",
        "--patch",
        patch.to_str().unwrap(),
    ];
    redisk(&args).exits(1);
    let text = std::fs::read_to_string(&patch)
        .unwrap()
        .replace("\r\n", " ");
    for want in [
        "DEL $4 past *3 $5 RPUSH $4 past $1 v ",
        "DEL $4 soon *3 $5 RPUSH $4 soon $1 v *3 $9 PEXPIREAT $4 soon $13 1800000000000 ",
        "PEXPIREAT $4 late $13 1800000000000 ",
    ] {
        assert!(text.contains(want), "{want}: {text}");
    }
    assert!(
        !text.contains("DEL $4 late") && !text.contains("PERSIST"),
        "{text}"
    );
}
