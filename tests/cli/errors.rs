//! Exit codes, and how errors are told.

use super::run::*;
use serde_json::Value;
use std::ffi::OsString;

fn preamble() -> Vec<u8> {
    let mut file = rdb(&[(b"k", b"v")]);
    file.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    file
}

#[test]
fn exit_codes() {
    let folder = Folder::new();
    let path = |name: &str, bytes: &[u8]| folder.file(name, bytes).to_str().unwrap().to_owned();
    let good = path("good", &rdb(&[(b"k", b"v")]));
    let cut = path("cut", &rdb(&[(b"k", b"v")])[..13]);
    let newer = path("newer", b"REDIS0999\xff\0\0\0\0\0\0\0\0");
    let text = path("text", b"some text\n");
    let empty = path("empty", b"");
    let aof = path("aof", b"*1\r\n$4\r\nPING\r\n");
    let manifest = path("manifest", b"file a.aof seq 1 type i\n");
    let json = path("json", b"{\"db\":0}\n");
    let missing = folder.path("missing").to_str().unwrap().to_owned();
    let inside = folder.0.path().to_str().unwrap().to_owned();

    // verify, dump
    for (file, verify, dump) in [
        (&good, 0, 0),
        (&cut, 1, 1),
        (&newer, 2, 2),
        (&text, 1, 2),
        (&missing, 2, 2),
        (&inside, 2, 2),
        // A key without a value: a source of dump, and damaged.
        (&json, 2, 1),
        (&path("preamble", &preamble()), 0, 0),
        (&std_rdb(), 0, 0),
        (&damaged_rdb(), 1, 1),
    ] {
        redisk(&["verify", file]).exits(verify);
        redisk(&["dump", file]).exits(dump);
    }
    // An empty file is an empty log, but no RDB.
    redisk(&["dump", &empty]).exits(0);
    redisk(&["dump", &path("empty.rdb", b"")]).exits(1);
    // Of a log, the state that it leads to; the manifest lists a file that is not there.
    redisk(&["dump", &aof]).exits(0);
    redisk(&["dump", &manifest]).exits(1);
    // The worst of several counts.
    redisk(&["verify", &good, &cut]).exits(1);
    redisk(&["verify", &cut, &missing, &good]).exits(2);
    redisk(&["verify", &good, &good]).exits(0);

    redisk(&["verify", "--target", "redis-7.2", &good]).exits(0);
    redisk(&["verify", "--target", "redis-7.0", &good]).exits(1);
    redisk(&["verify", "--checksum-only", &std_rdb()]).exits(0);
    redisk(&["verify", "--checksum-only", &damaged_rdb()]).exits(1);
    redisk(&["verify", "--checksum-only", &cut]).exits(1);
    redisk(&["verify", "--checksum-only", &good]).exits(2);

    redisk(&[&good]).exits(0);
    redisk(&[&cut]).exits(1);
    redisk(&[&missing]).exits(2);
    redisk(&[&good, "-q", "--color=never"]).exits(0);
    redisk(&["-q", &good]).exits(0);
    redisk(&["--help"]).exits(0);
    redisk(&["dump", "-h"]).exits(0);
    redisk(&["help", "verify"]).exits(0);
    redisk(&["--version"]).exits(0);

    let usage: &[&[&str]] = &[
        &[],
        &["dump"],
        &["verify"],
        &["frobnicate", &good],
        &["frobnicate"],
        &[&good, "dump"],
        &[&good, "--frobnicate"],
        &["dump", "--frobnicate", &good],
        &["dump", "--format", "xml", &good],
        &["dump", "-0", &good],
        &["dump", "--threads", "0", &good],
        &["dump", "--limit", "-1", &good],
        &["dump", "--max-memory", "1mb", &good],
        &["verify", "--target", "redis-1.0", &good],
        &["verify", "--target", "redis-7.0", "--checksum-only", &good],
        &["completions", "tcsh"],
        &["man", "frobnicate"],
    ];
    for args in usage {
        let ran = redisk(args).exits(2);
        assert!(
            ran.out.is_empty() && ran.err.starts_with("error: "),
            "{args:?}: {ran:?}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for args in [
        &["dump", &std_rdb()][..],
        &["dump", "--format", "json", "--threads", "3", &std_rdb()],
        &["verify", &std_rdb()],
        &["man", "dump"],
        &["dump", "--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let done = command(args)
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        let err = String::from_utf8_lossy(&done.stderr);
        assert_eq!((done.status.code(), &*err), (Some(0), ""), "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let done = command(&["dump", &std_rdb()])
        .stdout(full)
        .status()
        .unwrap();
    assert_eq!(done.code(), Some(2));
}

#[test]
fn errors_as_json() {
    let folder = Folder::new();
    let bad = folder.file("bad\x1b", &std::fs::read(damaged_rdb()).unwrap());
    let args: [OsString; 4] = [
        "dump".into(),
        "--error-format".into(),
        "json".into(),
        bad.into(),
    ];
    let ran = redisk(&args).exits(1);
    let e: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(e["kind"], "corrupt");
    assert!(e["file"].as_str().unwrap().ends_with("bad\x1b"));
    assert_eq!((&e["offset"], &e["db"]), (&0x83.into(), &0.into()));
    assert_eq!(e["key"], "hashbig-pubi-71");
    assert!(e["message"].as_str().unwrap().contains("LZF"), "{e}");
    harmless(ran.err.as_bytes()).unwrap();

    for (args, kind) in [
        (&["--error-format=json", "dump", "missing"][..], "io"),
        (
            &["dump", "--error-format=json", "--key-regex", "(", "x"],
            "usage",
        ),
        (&["dump", "--error-format", "json", "--frobnicate"], "usage"),
        (
            &["verify", "--error-format=json", &data("rdb")],
            "unsupported",
        ),
    ] {
        let ran = redisk(args).exits(2);
        let e: Value = serde_json::from_str(&ran.err).unwrap();
        assert_eq!(e["kind"], kind, "{e}");
        for field in ["file", "offset", "db", "key", "path", "message"] {
            assert!(e.get(field).is_some(), "{field}: {e}");
        }
    }
}

#[test]
fn warnings_go_to_stderr() {
    let folder = Folder::new();
    let file = folder.file("aof", &preamble());
    let ran = redisk(&["dump".as_ref(), "--data-only".as_ref(), file.as_os_str()]).exits(0);
    assert_eq!(ran.lines().len(), 1);
    assert!(
        ran.err.starts_with("warning: ")
            && ran.err.contains(
                "14 bytes of commands follow the RDB, left out as servers leave them out"
            ),
        "{}",
        ran.err
    );
    // An empty set is left out, as servers leave it out.
    let mut empty = b"REDIS0011\xfe\0\x02\x03set\0\0\x01k\x01v\xff".to_vec();
    empty.extend_from_slice(&[0; 8]);
    // So is a list of 30 empty nodes.
    let mut nodes = b"REDIS0011\xfe\0\x12\x03set\x1e".to_vec();
    nodes.extend_from_slice(&b"\x02\x07\x07\0\0\0\0\0\xff".repeat(30));
    nodes.extend_from_slice(b"\0\x01k\x01v\xff\0\0\0\0\0\0\0\0");
    for (name, bytes) in [("empty", empty), ("nodes", nodes)] {
        let file = folder.file(name, &bytes);
        for format in ["jsonl", "keys"] {
            let args = ["dump", "--data-only", "--format", format];
            let args = args.iter().map(OsString::from).chain([file.clone().into()]);
            let ran = redisk(&args.collect::<Vec<_>>()).exits(0);
            assert_eq!(ran.lines().len(), 1, "{ran:?}");
            assert!(ran.err.contains("key \"set\": left out"), "{}", ran.err);
        }
    }
}

#[test]
fn nothing_paints_the_terminal() {
    let folder = Folder::new();
    let evil: &[u8] = b"\x1b[31mred\x07\x9b\r\n\xff\xe2\x80\xaex";
    let file = folder.file(
        "\x1b[2Jname\u{202e}\u{9b}",
        &rdb(&[(evil, evil), (b"cut", b"")])[..40],
    );
    let file = file.into_os_string();
    for args in [
        &["verify"][..],
        &["verify", "--json"],
        &["verify", "--target", "redis-6.0"],
        &["verify", "--error-format", "json"],
        &["dump"],
        &["dump", "--format", "keys"],
        &["dump", "--format", "keys", "--key-format", "hex"],
        &["dump", "--binary", "escape"],
        &["dump", "--binary", "hex"],
        &["dump", "--limit", "x"],
        &["dump", "--type"],
        &[],
    ] {
        let mut args: Vec<OsString> = args.iter().map(OsString::from).collect();
        args.push(file.clone());
        let ran = redisk(&args);
        harmless(&ran.out).unwrap_or_else(|e| panic!("{args:?}: stdout {e}"));
        harmless(ran.err.as_bytes()).unwrap_or_else(|e| panic!("{args:?}: stderr {e}"));
    }
    // clap repeats what it does not know.
    let ran = redisk(&["dump", "x", "\x1b]0;title\x07"]).exits(2);
    harmless(ran.err.as_bytes()).unwrap();
    assert!(ran.err.contains(r"\x1b]0;title\x07"), "{}", ran.err);
}

#[test]
fn colours_when_asked_for() {
    let args = |when| {
        [
            "verify".to_owned(),
            format!("--color={when}"),
            damaged_rdb(),
        ]
    };
    assert!(!redisk(&args("auto")).text().contains('\x1b'));
    assert!(!redisk(&args("never")).text().contains('\x1b'));
    let ran = redisk(&args("always"));
    assert!(
        ran.text().contains("\x1b[1;31mdamaged\x1b[0m"),
        "{}",
        ran.text()
    );
    let ran = redisk(&["dump", "--color=always", "missing"]);
    assert!(
        ran.err.starts_with("\x1b[1;31merror\x1b[0m: missing"),
        "{}",
        ran.err
    );
    // The flag is asked for by hand, the variable is not.
    let done = command(&args("always"))
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(String::from_utf8(done.stdout).unwrap().contains('\x1b'));
}

/// What cannot be done is said before any file is looked at.
#[test]
fn arguments_come_first() {
    let filters = [
        ["--db", "x"],
        ["--type", "strin"],
        ["--encoding", "zip"],
        ["--key-regex", "("],
        ["--slot", "16384"],
        ["--ttl", "soon"],
        ["--idle", "1h"],
        ["--freq", ">256"],
        ["--min-size", "much"],
        ["--max-len", "-1"],
        ["--now", "noon"],
        ["--limit", "few"],
        ["--threads", "0"],
        ["--max-memory", "1mb"],
        ["--format", "xml"],
        ["--target", "redis-1.0"],
        ["--target", "redis-7.0"],
        ["--binary", "raw"],
    ];
    let wrong = |args: &[&str]| {
        let ran = redisk(args).exits(2);
        assert!(!ran.err.contains("missing.rdb"), "{args:?}: {}", ran.err);
        assert!(ran.out.is_empty());
    };
    for [option, value] in filters {
        wrong(&["dump", option, value, "missing.rdb"]);
    }
    wrong(&["dump", "-0", "missing.rdb"]);
    wrong(&["dump", "--csv-safe", "missing.rdb"]);
    for option in [
        "--db=x",
        "--raw=1",
        "--binary=raw",
        "--now=noon",
        "--key-format=rot13",
    ] {
        wrong(&["get", option, "missing.rdb", "k"]);
    }
    wrong(&["get", "--raw", "missing.rdb", "a", "b"]);
    wrong(&["get", "--key-format=hex", "missing.rdb", "0g"]);
    for command in ["info", "verify"] {
        for option in [
            "--threads=0",
            "--max-memory=1mb",
            "--max-memory=much",
            "--color=red",
        ] {
            wrong(&[command, option, "missing.rdb"]);
        }
    }
    wrong(&["verify", "--target=redis-1.0", "missing.rdb"]);
    wrong(&[
        "verify",
        "--checksum-only",
        "--target=redis-7.0",
        "missing.rdb",
    ]);
    wrong(&["info", "--now=noon", "missing.rdb"]);
    wrong(&["info", "--top=few", "missing.rdb"]);
}
