//! `redisk diff`: every source against every other, what is written and the exit codes.

use super::run::{Folder, data, redisk, redisk_in, std_rdb};
use crate::support::rdb::{Put, Rdb, lp};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

fn diff(a: impl AsRef<Path>, b: impl AsRef<Path>, more: &[&str]) -> super::run::Ran {
    let mut args = vec![
        "diff".into(),
        a.as_ref().as_os_str().to_owned(),
        b.as_ref().into(),
    ];
    args.extend(
        ["--now", "2026-11-20T00:00:00Z"]
            .iter()
            .chain(more)
            .map(Into::into),
    );
    redisk(&args)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// The same data in every form.
fn forms(folder: &Folder) -> Vec<(&'static str, PathBuf)> {
    let file = std_rdb();
    let dumped = |args: &[&str]| redisk(args).exits(0).out;
    let folder_of = folder.path("set");
    let set = folder_of.to_str().unwrap().to_owned();
    redisk(&[
        "convert",
        &file,
        &set,
        "--to",
        "aof-dir",
        "--base",
        "aof",
        "--target",
        "redis-7.0",
    ])
    .exits(0);
    vec![
        ("rdb", file.clone().into()),
        (
            "gzip",
            folder.file("packed", &gzip(&std::fs::read(&file).unwrap())),
        ),
        ("jsonl", folder.file("lines", &dumped(&["dump", &file]))),
        (
            "aof",
            folder.file(
                "log.aof",
                &dumped(&[
                    "convert",
                    &file,
                    "-",
                    "--to",
                    "aof",
                    "--target",
                    "redis-7.0",
                ]),
            ),
        ),
        ("aof-dir", folder_of),
    ]
}

#[test]
fn every_form_against_every_other() {
    let folder = Folder::new();
    let forms = forms(&folder);
    for (name_a, a) in &forms {
        for (name_b, b) in &forms {
            let ran = diff(a, b, &[]);
            assert_eq!(
                ran.code,
                Some(0),
                "{name_a} {name_b}: {} {}",
                ran.text(),
                ran.err
            );
            assert!(ran.text().starts_with("the same: "), "{}", ran.text());
        }
    }
    // One side from standard input.
    let bytes = std::fs::read(std_rdb()).unwrap();
    let ran = redisk_in(&["diff", "-", &std_rdb()], &bytes).exits(0);
    assert!(ran.text().starts_with("the same: "));
    redisk_in(&["diff", &std_rdb(), "-"], &bytes).exits(0);
    let ran = redisk(&["diff", "-", "-"]).exits(2);
    assert!(ran.err.contains("one of the two"), "{}", ran.err);
}

fn pair(folder: &Folder) -> (PathBuf, PathBuf) {
    let a = Rdb::new("REDIS0011")
        .hex("FE 00")
        .key(0, "gone")
        .text(b"bye")
        .key(16, "user:1")
        .text(&lp().all(&["name", "ann", "age", "3"]).end())
        .hex("FC 0000000080010000")
        .key(0, "session")
        .text(b"same")
        .key(2, "tags")
        .num(2)
        .text(b"a")
        .text(b"b")
        .key(1, "queue")
        .num(3)
        .text(b"x")
        .text(b"y")
        .text(b"z")
        .hex("FE 03")
        .key(0, "n")
        .text(b"1")
        .end();
    let long = [vec![b'-'; 5000], b"end".to_vec()].concat();
    let b = Rdb::new("REDIS0009")
        .hex("FE 00")
        .key(1, "queue")
        .num(3)
        .text(b"x")
        .text(b"z")
        .text(b"w")
        .key(4, "user:1")
        .num(3)
        .text(b"name")
        .text(b"ann")
        .text(b"age")
        .text(b"4")
        .text(b"new\x1b")
        .text(b"f")
        .key(0, "session")
        .text(b"same")
        .key(2, "tags")
        .num(2)
        .text(b"b")
        .text(b"a")
        .hex("FE 03")
        .key(0, "n")
        .text(&long)
        .end();
    (folder.file("a.rdb", &a), folder.file("b.rdb", &b))
}

#[test]
fn what_people_read() {
    let folder = Folder::new();
    let (a, b) = pair(&folder);
    let ran = diff(&a, &b, &[]).exits(1);
    let lines = ran.lines();
    let want = [
        "@@ db 0 @@",
        "-\"gone\"  string \"bye\"",
        " \"user:1\"  hash of 3 fields",
        "-    \"age\": \"3\"",
        "+    \"age\": \"4\"",
        "+    \"new\\x1b\": \"f\"",
        " \"session\"  string",
        "-    expires 2022-05-21T08:56:17.280Z",
        " \"queue\"  list of 3 elements",
        "-    [1]: \"y\"",
        "+    [2]: \"w\"",
        "@@ db 3 @@",
        " \"n\"  string",
        "-    \"1\"",
    ];
    assert!(lines[0].starts_with("--- ") && lines[1].starts_with("+++ "));
    let got: Vec<&str> = lines[2..].iter().copied().take(want.len()).collect();
    let expires = got.iter().find(|l| l.contains("expires")).unwrap();
    assert_eq!(
        got.iter()
            .filter(|l| !l.contains("expires"))
            .collect::<Vec<_>>(),
        want.iter()
            .filter(|l| !l.contains("expires"))
            .collect::<Vec<_>>()
    );
    assert!(expires.starts_with("-    expires 20"), "{expires}");
    // A long value is cut.
    assert!(
        lines[lines.len() - 2].ends_with("… (bytes 0 to 120 of 5,003 bytes)"),
        "{}",
        lines[lines.len() - 2]
    );
    assert_eq!(
        *lines.last().unwrap(),
        "1 removed, 4 changed; 1 key is the same"
    );

    // With colours each line keeps its mark, and nothing of the data can paint.
    let coloured = diff(&a, &b, &["--color", "always"]).exits(1);
    assert!(
        coloured
            .text()
            .contains("\x1b[1;31m-    \"age\": \"3\"\x1b[0m")
    );
    assert!(
        coloured
            .text()
            .contains("\x1b[1;32m+    \"age\": \"4\"\x1b[0m")
    );
    assert!(!ran.text().contains('\x1b'));
    // As many threads as one likes.
    for threads in ["1", "3"] {
        assert_eq!(diff(&a, &b, &["--threads", threads]).out, ran.out);
    }

    let some = diff(&a, &b, &["--limit", "1"]).exits(1);
    assert!(
        some.text().contains("… and 4 more keys (--limit)"),
        "{}",
        some.text()
    );
    let summary = diff(&a, &b, &["--summary"]).exits(1);
    assert!(
        summary
            .text()
            .contains("\n3                 0          0          1\n"),
        "{}",
        summary.text()
    );
    assert!(!summary.text().contains("age"));
    assert!(diff(&a, &b, &["--exit-code-only"]).exits(1).out.is_empty());
    assert!(diff(&a, &a, &["--exit-code-only"]).exits(0).out.is_empty());
    diff(&a, &b, &["--key", "tags"]).exits(0);
    diff(&a, &b, &["--key", "session", "--ignore-ttl"]).exits(0);
    diff(&a, &b, &["--key", "tags", "--encoding"]).exits(0);
    let chosen = diff(&a, &b, &["--encoding=hashtable", "--json"]).exits(1);
    let keys: Vec<&str> = chosen.lines();
    // It has this encoding in the one of them only.
    assert!(keys[0].contains("changed") && keys[0].contains("user:1") && keys.len() == 2);
    let ran = diff(&a, &b, &["--key", "user:1", "--encoding"]).exits(1);
    assert!(
        ran.text()
            .contains("-    encoding: listpack\n+    encoding: hashtable"),
        "{}",
        ran.text()
    );
}

#[test]
fn what_programs_read() {
    let folder = Folder::new();
    let (a, b) = pair(&folder);
    let ran = diff(&a, &b, &["--json"]).exits(1);
    let lines: Vec<Value> = ran
        .lines()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(
        lines[0],
        json!({"change": "removed", "db": 0, "key": "gone", "a": {"type": "string", "len": 3, "expire_ms": null},
            "b": null, "differences": [], "more": 0})
    );
    assert_eq!(
        lines[1]["differences"],
        json!([{"part": "field", "field": "age", "a": "3", "b": "4"},
            {"part": "field", "field": "new\u{1b}", "a": null, "b": "f"}])
    );
    assert_eq!(
        lines[2]["differences"],
        json!([{"part": "expire_ms", "a": 1_649_267_441_664u64, "b": null}])
    );
    assert_eq!(
        lines[3]["differences"],
        json!([{"part": "element", "index": 1, "a": "y", "b": null},
            {"part": "element", "index": 2, "a": null, "b": "w"}])
    );
    let summary = &lines[5]["summary"];
    assert_eq!(
        [
            &summary["removed"],
            &summary["added"],
            &summary["changed"],
            &summary["keys_same"]
        ],
        [&json!(1), &json!(0), &json!(4), &json!(1)]
    );
    assert_eq!(
        summary["by_db"],
        json!([{"db": 0, "removed": 1, "added": 0, "changed": 3}, {"db": 3, "removed": 0, "added": 0, "changed": 1}])
    );
    let one = diff(&a, &b, &["--json", "--limit", "1"]).exits(1);
    assert_eq!(one.lines().len(), 2);
    assert_eq!(one.lines()[1], ran.lines()[5]);
    // All is told as JSON when nothing differs, too.
    let same = diff(&a, &a, &["--json"]).exits(0);
    assert_eq!(same.lines().len(), 1);
    assert!(same.text().contains("\"same\":true"));
}

#[test]
fn a_tolerance_for_expiries() {
    let folder = Folder::new();
    let at = |name: &str, ms: i64| {
        let rdb = Rdb::new("REDIS0011")
            .hex("FE 00")
            .raw(&[0xfc])
            .raw(&ms.to_le_bytes());
        folder.file(name, &rdb.key(0, "k").text(b"v").end())
    };
    let (a, b) = (at("a", 1_900_000_000_000), at("b", 1_900_000_001_500));
    diff(&a, &b, &[]).exits(1);
    diff(&a, &b, &["--ttl-tolerance", "1s"]).exits(1);
    diff(&a, &b, &["--ttl-tolerance", "2s"]).exits(0);
    diff(&a, &b, &["--ignore-ttl"]).exits(0);
    diff(&a, &b, &["--ignore-ttl", "--ttl-tolerance", "2s"]).exits(2);
}

#[test]
fn trouble_is_no_answer() {
    let folder = Folder::new();
    let whole = std::fs::read(std_rdb()).unwrap();
    let cut = folder.file("cut.rdb", &whole[..whole.len() / 2]);
    for (a, b) in [
        (&std_rdb(), cut.to_str().unwrap()),
        (&cut.to_str().unwrap().to_owned(), &std_rdb()),
    ] {
        let ran = diff(a, b, &[]).exits(2);
        assert!(ran.err.contains("cut.rdb"), "{}", ran.err);
        let ran = diff(a, b, &["--error-format", "json"]).exits(2);
        let error: Value = serde_json::from_str(ran.err.trim()).unwrap();
        assert_eq!(error["kind"], "truncated");
    }
    let torn = std::fs::read(data("replay/redis-6.2.14-log.aof")).unwrap();
    let torn = folder.file("torn.aof", &torn[..torn.len() - 3]);
    diff(&torn, std_rdb(), &["--summary"]).exits(2);
    diff(std_rdb(), folder.path("none"), &[]).exits(2);
    diff(std_rdb(), folder.file("text", b"hello"), &[]).exits(2);
    // No patch out of half the truth.
    let patch = folder.path("patch.resp");
    let name = patch.to_str().unwrap();
    diff(std_rdb(), &cut, &["--patch", name]).exits(2);
    diff(std_rdb(), &torn, &["--patch", name]).exits(2);
    assert!(!patch.exists());
    let ran = diff(std_rdb(), std_rdb(), &["--patch", "-"]).exits(2);
    assert!(ran.err.contains("needs a file"), "{}", ran.err);
}

#[test]
fn a_patch_makes_the_one_the_other() {
    let folder = Folder::new();
    let (a, b) = pair(&folder);
    let patch = folder.path("patch.resp");
    let name = patch.to_str().unwrap();
    diff(&a, &b, &["--patch", name]).exits(1);
    diff(&a, &b, &["--patch", name]).exits(2);
    diff(
        &a,
        &b,
        &["--patch", name, "--force", "--target", "redis-7.0"],
    )
    .exits(1);
    // The commands of the first, and those of the patch behind them.
    let mut log = redisk(&["convert", a.to_str().unwrap(), "-", "--to", "resp"])
        .exits(0)
        .out;
    log.extend_from_slice(&std::fs::read(&patch).unwrap());
    let both = folder.file("both.resp", &log);
    diff(&both, &b, &[]).exits(0);
    // The server that holds the first may have dropped what has expired.
    let text = redisk(&["log", name]).exits(0);
    assert!(text.text().contains("SET session same"), "{}", text.text());
    let before = ["diff", a.to_str().unwrap(), b.to_str().unwrap()];
    let more = ["--now", "2022-01-01T00:00:00Z", "--patch", name, "--force"];
    redisk(&[&before[..], &more].concat()).exits(1);
    let text = redisk(&["log", name]).exits(0);
    assert!(text.text().contains("PERSIST session"), "{}", text.text());
}
