//! JSON Lines read back: what `dump` wrote, as an RDB again, gives the same lines.

use crate::support::run::{self, Dumped, Trickle};
use crate::support::server::{self, Server};
use crate::support::{corpus, files, name};
use proptest::prelude::*;
use redisk::ErrorKind;
use redisk::input::open::Input;
use redisk::model::target::Target;
use redisk::ops::verify;
use redisk::sink::bytes::Binary;
use redisk::sink::json::Json;
use redisk::source::jsonl::{self, Jsonl};
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const WAYS: [Binary; 4] = [Binary::Auto, Binary::Base64, Binary::Escape, Binary::Hex];

fn input(text: &[u8], binary: Option<Binary>) -> redisk::Result<Input> {
    jsonl::open(run::as_pipe("x.jsonl", &text.into(), usize::MAX)?, binary)
}

/// The RDB that a text makes.
fn rdb(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Jsonl::new(text).read_to_end(&mut out).unwrap();
    out
}

/// The text of a text that was read back.
fn again(text: &[u8], binary: Option<Binary>) -> Dumped {
    run::dumped(input(text, binary), Binary::Auto, false, 2)
}

/// What a line becomes: the forms of older versions are written in those of today.
fn today(line: &str) -> String {
    if line.starts_with("{\"rdb\":") {
        return "header".to_owned();
    }
    // A word between quotes that are not escaped is no part of a string.
    let list = line.contains("\"type\":\"list\"");
    let packed = if list { "quicklist2" } else { "listpack" };
    [
        ("ziplist", packed),
        ("zipmap", packed),
        ("quicklist", "quicklist2"),
        ("lzf", "raw"),
    ]
    .iter()
    .fold(line.to_owned(), |line, (old, new)| {
        line.replacen(
            &format!("\"encoding\":\"{old}\""),
            &format!("\"encoding\":\"{new}\""),
            1,
        )
    })
}

fn lines(text: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(text).unwrap();
    text.lines().map(today).collect()
}

fn shorter(line: Option<&String>) -> String {
    line.map_or_else(|| "nothing".to_owned(), |l| l.chars().take(300).collect())
}

/// Where two texts differ first.
fn difference(want: &[String], got: &[String]) -> Option<String> {
    let at = (0..want.len().max(got.len())).find(|i| want.get(*i) != got.get(*i))?;
    let (want, got) = (shorter(want.get(at)), shorter(got.get(at)));
    Some(format!("line {}: not {want} but {got}", at + 1))
}

/// What is wrong with a file's way there and back.
fn wrong(path: &Path) -> Option<String> {
    let open = || Input::open(path);
    let first = run::dumped(open(), Binary::Auto, false, 2);
    if first.error.is_some() {
        return None;
    }
    let want = lines(&first.out);
    for binary in WAYS {
        let text = run::dumped(open(), binary, false, 2).out;
        let back = again(&text, Some(binary));
        if let Some(e) = back.error {
            return Some(format!("{binary:?}: {e}"));
        }
        if let Some(d) = difference(&want, &lines(&back.out)) {
            return Some(format!("{binary:?}: {d}"));
        }
        if back.empty > 0 {
            return Some(format!("{binary:?}: {} keys are empty", back.empty));
        }
    }
    let json = Json {
        array: true,
        ..run::json(Binary::Auto, false)
    };
    let mut array = Vec::new();
    if let (_, Some(e)) = run::dump_to(open().unwrap(), &json, 2, &mut array) {
        return Some(format!("as an array: {e}"));
    }
    // The command puts no comma behind the last.
    if array.ends_with(b",\n]\n") {
        array.truncate(array.len() - 4);
        array.extend_from_slice(b"\n]\n");
    }
    let parsed: Value = serde_json::from_slice(&array).unwrap();
    let forms = [
        ("an array", array),
        ("an array on one line", parsed.to_string().into_bytes()),
        (
            "an indented array",
            serde_json::to_vec_pretty(&parsed).unwrap(),
        ),
    ];
    for (what, text) in forms {
        let back = again(&text, None);
        if let Some(e) = back.error {
            return Some(format!("{what}: {e}"));
        }
        if let Some(d) = difference(&want, &lines(&back.out)) {
            return Some(format!("{what}: {d}"));
        }
    }
    // What was sound is sound again, to the last entry of a listpack.
    let sound = |report: redisk::Result<verify::Report>| match report {
        Ok(report) if !report.damaged() => Ok(()),
        Ok(report) => Err(format!("{:?}", report.findings)),
        Err(e) => Err(e.to_string()),
    };
    let verified = input(&first.out, None).and_then(|input| run::verify(input, 2));
    if let (Ok(()), Err(e)) = (
        sound(open().and_then(|input| run::verify(input, 2))),
        sound(verified),
    ) {
        return Some(format!("verify: {e}"));
    }
    None
}

fn all_right(paths: impl Iterator<Item = PathBuf>) {
    let mut n = 0;
    let wrong: Vec<String> = paths
        .inspect(|_| n += 1)
        .filter_map(|path| wrong(&path).map(|w| format!("{}: {w}", path.display())))
        .collect();
    assert!(n > 0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn dumps_of_testdata_read_back() {
    all_right(files("rdb", ".rdb").into_iter());
}

#[test]
fn dumps_of_the_corpus_that_the_environment_names_read_back() {
    let Some((corpus, files)) = corpus() else {
        return;
    };
    let rdbs = files
        .iter()
        .filter(|f| f["kind"] == "rdb" && !f["damage"].is_object());
    all_right(rdbs.map(|f| corpus.join(f["file"].as_str().unwrap())));
}

/// The same file for a server that opens that version at most.
fn of_version(mut rdb: Vec<u8>, most: u16) -> Option<Vec<u8>> {
    if rdb.starts_with(b"REDIS") {
        let own: u16 = std::str::from_utf8(&rdb[5..9]).ok()?.parse().ok()?;
        rdb[5..9].copy_from_slice(format!("{:04}", own.min(most)).as_bytes());
        let end = rdb.len().checked_sub(8).filter(|_| own >= 5)?;
        let crc = redisk::input::checksum::crc64(&rdb[..end]);
        rdb[end..].copy_from_slice(&crc.to_le_bytes());
    }
    Some(rdb)
}

/// What a server has loaded: a digest of all, and of each key its type, encoding, and all about a stream but its nodes.
fn loaded(program: &Path, rdb: &[u8]) -> Option<(String, Vec<String>)> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("dump.rdb"), rdb).unwrap();
    let args = ["--enable-debug-command", "yes"];
    let server = Server::run(program, tempfile::tempdir().unwrap(), dir.path(), &args);
    let mut server = server.ok()?;
    server.cmd(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
    let digest = server.cmd(&["DEBUG", "DIGEST"]).text();
    let mut keys = Vec::new();
    for key in server.cmd(&["KEYS", "*"]).array() {
        let server::Value::Bulk(name) = key else {
            continue;
        };
        let kind = server.cmd(&[&b"TYPE"[..], name]).text();
        let encoding = server.cmd(&[&b"OBJECT"[..], b"ENCODING", name]).text();
        // Node borders are no data, and a list is packed where it is one node.
        let encoding = if kind == "list" {
            String::new()
        } else {
            encoding
        };
        let mut line = format!("{key:?} {kind} {encoding}");
        if kind == "stream" {
            let info = server.cmd(&[&b"XINFO"[..], b"STREAM", name, b"FULL", b"COUNT", b"0"]);
            let mut fields = info.array().chunks(2);
            let tree = |name: &str| name.starts_with("radix-tree");
            line += &format!(
                "{:?}",
                fields
                    .by_ref()
                    .filter(|pair| !tree(&pair[0].text()))
                    .collect::<Vec<_>>()
            );
        }
        keys.push(line);
    }
    keys.sort();
    Some((digest, keys))
}

/// A server loads the same data from a file and from what its dump makes.
fn loads_the_same(kind: server::Kind) {
    let (Some(program), Some(mut server)) = (kind.program(), Server::start(kind, &[])) else {
        return;
    };
    let (kind, (major, minor, _)) = server.version();
    drop(server);
    if major < 7 {
        eprintln!("SKIPPED: listpacks are not for a server of version {major}.{minor}");
        return;
    }
    let most = match kind {
        server::Kind::Valkey => 11,
        server::Kind::Redis => {
            let target = Target::from_name(&format!("redis-{major}.{minor}"));
            target.map_or(9, |target| target.rdb)
        }
    };
    let mut n = 0;
    for path in files("rdb", ".rdb") {
        let file = name(&path);
        let known = |prefix: &str| file.starts_with(prefix);
        if !(known("redis-") || known("valkey-")) || file.contains("modules") {
            continue;
        }
        let text = run::dumped(Input::open(&path), Binary::Auto, false, 1).out;
        // Files of newer servers are not opened as they are.
        let Some(want) = loaded(&program, &run::read(&path)) else {
            continue;
        };
        let made = of_version(rdb(&text), most).unwrap();
        let got = loaded(&program, &made).unwrap_or_else(|| panic!("{file} is refused"));
        assert!(got == want, "{file}: {:?}", difference(&want.1, &got.1));
        n += 1;
    }
    eprintln!("{n} files load the same");
    assert!(n > 5);
}

#[test]
fn redis_loads_the_same() {
    loads_the_same(server::Kind::Redis);
}

#[test]
fn valkey_loads_the_same() {
    loads_the_same(server::Kind::Valkey);
}

/// What servers said of their files is in a related form.
#[test]
fn what_servers_said_reads_as_well() {
    let mut n = 0;
    for path in files("rdb", ".expected.jsonl") {
        let text = run::read(&path);
        let of_modules = ["vectorset", "modules"];
        if of_modules.iter().any(|m| name(&path).contains(m)) {
            // They hold a summary of what only a module can tell.
            continue;
        }
        let back = again(&text, Some(Binary::Base64));
        let keys = text.iter().filter(|b| **b == b'\n').count() as u64;
        assert_eq!((back.error, back.keys), (None, keys), "{}", name(&path));
        n += 1;
    }
    assert!(n > 2);
}

#[test]
fn nothing_is_a_file_without_keys() {
    for text in ["", " \n\r\n", "[]", "[\n]\n"] {
        let bytes = rdb(text.as_bytes());
        assert_eq!(bytes[..10], *b"REDIS0015\xff", "{text:?}");
        let back = again(text.as_bytes(), None);
        assert_eq!((back.error, back.keys), (None, 0));
    }
    let bytes = rdb(b"{\"rdb\":{\"magic\":\"VALKEY\",\"version\":80}}");
    assert_eq!(bytes[..10], *b"VALKEY080\xff");
}

/// The bytes between the first key's type code and the end, behind `REDIS0015` and the selection of database 0.
fn record(line: &str) -> Vec<u8> {
    let bytes = rdb(line.as_bytes());
    let rest = bytes.strip_prefix(b"REDIS0015\xfe\x00").unwrap();
    rest[..rest.len() - 9].to_vec()
}

fn key(kind: &str, encoding: &str, value: &str) -> Vec<u8> {
    record(&format!(
        r#"{{"db":0,"key":"k","type":"{kind}","encoding":"{encoding}","expire_ms":null,"value":{value}}}"#
    ))
}

#[test]
fn the_encoding_picks_the_form() {
    for (kind, encoding, value, code) in [
        ("string", "raw", r#""1""#, 0),
        ("list", "linkedlist", r#"["a"]"#, 1),
        ("list", "ziplist", r#"["a"]"#, 18),
        ("list", "quicklist", r#"["a"]"#, 18),
        ("set", "hashtable", r#"["1"]"#, 2),
        ("set", "intset", r#"["-1","300"]"#, 11),
        ("set", "listpack", r#"["1"]"#, 20),
        ("zset", "skiplist", r#"[["a",1]]"#, 5),
        ("zset", "ziplist", r#"[["a",1],["b",1],["a",1.5]]"#, 17),
        ("hash", "hashtable", r#"[["f","v",null]]"#, 4),
        ("hash", "zipmap", r#"[["f","v",null]]"#, 16),
        ("hash", "hashtable", r#"[["f","v",5],["g","v",null]]"#, 24),
        ("hash", "listpackex", r#"[["f","v",5],["g","v",null]]"#, 25),
        ("hash", "listpack", r#"[["f","v",5],["g","v",null]]"#, 25),
        ("hash", "listpackex", r#"[["f","v",null]]"#, 25),
        (
            "hash",
            "template",
            r#"[["b","v",null],["aa","v",null]]"#,
            29,
        ),
        // Those that do not fit.
        ("string", "int", r#""01""#, 0),
        ("set", "intset", r#"["2","1"]"#, 2),
        ("set", "intset", r#"["01"]"#, 2),
        ("zset", "listpack", r#"[["b",1],["a",1]]"#, 5),
        ("zset", "listpack", r#"[["a","nan"]]"#, 5),
        ("hash", "listpackex", r#"[["f","v",6],["g","v",5]]"#, 24),
        ("hash", "listpackex", r#"[["f","v",0]]"#, 24),
        ("hash", "template", r#"[["aa","v",null],["b","v",null]]"#, 4),
        ("hash", "template", r#"[["a","v",null],["a","v",null]]"#, 4),
        // Without elements there is nothing to pack.
        ("set", "intset", "[]", 2),
        ("hash", "listpack", "[]", 4),
        ("zset", "listpack", "[]", 5),
    ] {
        let made = key(kind, encoding, value);
        assert_eq!(made[0], code, "{kind} {encoding} {value}");
    }
    assert_eq!(key("string", "int", "\"-129\""), b"\0\x01k\xc1\x7f\xff");
    assert_eq!(key("string", "raw", "\"-129\""), b"\0\x01k\x04-129");
    assert_eq!(
        key("string", "int", "\"2147483648\""),
        b"\0\x01k\x0a2147483648"
    );
}

#[test]
fn names_come_in_any_order_and_attributes_in_front() {
    let line = r#"{"value":"v","freq":255,"meta":"8wA=","noevict":true,"idle":70,"expire_ms":-1,"type":"string","key":{"base64":"/w=="},"db":0}"#;
    let want =
        b"\xfc\xff\xff\xff\xff\xff\xff\xff\xff\xf8\x40\x46\xf9\xff\xf1\xf3\x00\x00\x01\xff\x01v";
    assert_eq!(record(line), want);
    // The database is selected where it changes.
    let two = |db| format!(r#"{{"db":{db},"key":"k","type":"string","value":""}}"#);
    let text = format!("{}\n{}{}", two(7), two(7), two(0));
    let bytes = rdb(text.as_bytes());
    let want = b"REDIS0015\xfe\x07\0\x01k\0\0\x01k\0\xfe\x00\0\x01k\0\xff";
    assert_eq!(bytes[..bytes.len() - 8], *want);
}

/// A dump with `--binary base64` is known by its first aux field.
#[test]
fn the_way_of_byte_strings_is_seen() {
    for binary in [Binary::Base64, Binary::Hex] {
        for path in ["redis-7.2.6-tiny.rdb", "valkey-9.1.2-funcs.rdb"] {
            let path = crate::support::testdata("rdb").join(path);
            let text = run::dumped(Input::open(&path), binary, false, 1).out;
            let want = run::dumped(Input::open(&path), Binary::Auto, false, 1).out;
            let back = again(&text, None);
            assert_eq!(back.error, None);
            assert_eq!(difference(&lines(&want), &lines(&back.out)), None);
        }
    }
}

fn error(text: &str) -> redisk::Error {
    let mut out = Vec::new();
    let e = Jsonl::new(text.as_bytes())
        .read_to_end(&mut out)
        .unwrap_err();
    redisk::Error::from_io(e, "read")
}

#[test]
fn errors_say_where() {
    let mut wrong = Vec::new();
    let mut same = |text: &str, kind: ErrorKind, want: &str| {
        let e = error(text);
        if e.to_string() != want || e.kind() != kind {
            wrong.push(format!("{e} ({})\n  not {want}", e.kind().name()));
        }
    };
    let ok = r#"{"db":0,"key":"a","type":"string","encoding":"raw","expire_ms":null,"value":"1"}"#;
    for (line, want) in [
        (
            r#"{"db":3,"key":"b\n","type":"zset","encoding":"skiplist","expire_ms":null,"value":[["m",1],["n",true]]}"#,
            r#"offset 0xb0: db 3, key "b\n", line 2, element 1: the score was expected: a number"#,
        ),
        (
            r#"{"db":0,"key":"b","type":"strin","value":"1"}"#,
            r#"offset 0x6a: db 0, key "b", line 2: "strin" is no type"#,
        ),
        (
            r#"{"db":0,"key":"b","type":"string"}"#,
            r#"offset 0x51: db 0, key "b", line 2: a key needs value"#,
        ),
        (
            r#"{"db":0,"type":"string","value":"v","encoding":null}"#,
            "offset 0x51: line 2: a key needs key",
        ),
        (
            r#"{"db":0,"key":"b","ttl":7}"#,
            r#"offset 0x69: db 0, key "b", line 2: "ttl" is no name in a key"#,
        ),
        (
            r#"{"key":"b","db":-1}"#,
            r#"offset 0x61: key "b", line 2: the database was expected: a whole number"#,
        ),
        (
            r#"{"rdb":{"magic":"REDIS","version":11}}"#,
            "offset 0x58: line 2: a header that is not the first record: two dumps in one?",
        ),
        (
            r#"{"opcode":241,"raw":""}"#,
            "offset 0x65: line 2: the record with opcode 241 is of no kind that is known",
        ),
        (
            r#"{"opcode":245,"raw":"AXh4"}"#,
            "offset 0x65: line 2: the record with opcode 245 has 1 bytes too many",
        ),
        (
            r#"{"module_aux":{"module":"short","version":1,"when":2,"payload":"AA=="}}"#,
            r#"offset 0x5f: line 2: "short" with version 1 is no module's type: 9 characters of A-Z, a-z, 0-9, - and _, and below 1024"#,
        ),
        (
            r#"{"db":0,"key":"m","type":"module","encoding":"module","value":{"module":"vectorset","version":0,"payload":"Bg=="}}"#,
            r#"offset 0xbb: db 0, key "m", line 2: the payload, byte 0: 6 is no mark of a module's field (0 to 5)"#,
        ),
        (
            r#"{"db":0,"key":"s","type":"stream","encoding":"stream","value":{"entries":[["2-0",[]],["1-0",[]]],"last_id":"2-0"}}"#,
            r#"offset 0xa7: db 0, key "s", line 2: entry 1-0 stands behind entry 2-0"#,
        ),
        (
            "hello",
            "offset 0x51: line 2: an object was expected, found \"h\"",
        ),
        (
            "{\"db\":0,\u{1}}",
            "offset 0x59: line 2: a name was expected: a string",
        ),
    ] {
        same(&format!("{ok}\n{line}\n"), ErrorKind::Corrupt, want);
    }
    for (text, want) in [
        (
            &ok[..34],
            r#"offset 0x22: db 0, key "a", line 1: the text ends within an object"#,
        ),
        (
            &format!("[{ok}"),
            "offset 0x51: line 1: the text ends within its array",
        ),
        (
            &format!("[{ok},"),
            "offset 0x52: line 1: the text ends within its array",
        ),
    ] {
        same(text, ErrorKind::Truncated, want);
    }
    for (text, want) in [
        (
            format!("{}\n{ok}", &ok[..34]),
            "offset 0x23: line 1: the object before has no end: a new one begins here",
        ),
        (
            format!("{}\n{ok}", &ok[..16]),
            r#"offset 0x10: line 1: "\n" must not stand in a JSON string as it is"#,
        ),
        (
            format!("[{ok} {ok}]"),
            "offset 0x52: line 1: a comma or the array's end was expected, found \"{\"",
        ),
        (
            format!("[{ok}],"),
            "offset 0x52: line 1: nothing more was expected, found \",\"",
        ),
        (
            format!("{ok},"),
            "offset 0x50: line 1: an object was expected, found \",\"",
        ),
    ] {
        same(&text, ErrorKind::Corrupt, want);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What is sound is given before the error.
    let text = format!("{ok}\n{ok}x");
    let (mut jsonl, mut got, mut page) = (Jsonl::new(text.as_bytes()), Vec::new(), [0; 10]);
    let e = loop {
        match jsonl.read(&mut page) {
            Ok(n) => got.extend_from_slice(&page[..n]),
            Err(e) => break e,
        }
    };
    assert_eq!(got, b"REDIS0015\xfe\x00\0\x01a\x011\0\x01a\x011");
    assert_eq!(
        redisk::Error::from_io(e, "read").to_string(),
        "offset 0xa1: line 2: an object was expected, found \"x\""
    );
    assert_eq!(jsonl.read(&mut page).unwrap(), 0);
}

#[test]
fn bytes_that_are_no_text_are_an_error() {
    let mut text = br#"{"db":0,"key":"a"#.to_vec();
    text.extend_from_slice(b"\xff\",\"type\":\"string\",\"value\":\"\"}");
    let back = again(&text, None);
    let want = "offset 0x10: line 1: the text is not UTF-8, as JSON has to be";
    assert!(back.error.unwrap().ends_with(want));
}

/// Lines longer than all buffers, and reads of a few bytes.
#[test]
fn long_lines_come_in_pieces() {
    let long = "x".repeat(3_000_000);
    let values = vec!["\"element\""; 300_000].join(",");
    let text = format!(
        "{{\"db\":0,\"key\":\"a\",\"type\":\"string\",\"encoding\":\"raw\",\"expire_ms\":null,\"value\":\"{long}\"}}\n\
         {{\"db\":0,\"key\":\"b\",\"type\":\"list\",\"encoding\":\"quicklist2\",\"expire_ms\":null,\"value\":[{values},\"{}\"]}}\n",
        "y".repeat(8193)
    );
    let want = rdb(text.as_bytes());
    let bytes: Arc<[u8]> = text.as_bytes().into();
    for step in [1000, 4096, 300_000] {
        let mut got = Vec::new();
        Jsonl::new(Trickle::new(&bytes, step))
            .read_to_end(&mut got)
            .unwrap();
        assert!(got == want, "{step}");
    }
    let back = run::dumped(input(text.as_bytes(), None), Binary::Auto, true, 1);
    assert_eq!(back.error, None);
    // A giant comes out as base64, whatever it holds.
    let lines: Vec<&[u8]> = back.out.split(|b| *b == b'\n').collect();
    assert!(text.as_bytes().split(|b| *b == b'\n').nth(1) == lines.get(1).copied());
}

/// Entries fill nodes as servers fill them: 100 a node, or 4096 bytes.
#[test]
fn streams_have_nodes_as_servers_make_them() {
    let entries = |n: u64, value: &str| {
        let entries: Vec<String> = (0..n)
            .map(|i| {
                format!(
                    r#"["{}-1",[["field","{value}"],["f{}","1"]]]"#,
                    i / 2 + 7,
                    i % 3
                )
            })
            .enumerate()
            .map(|(i, e)| e.replacen("-1\"", &format!("-{i}\""), 1))
            .collect();
        format!(
            r#"{{"entries":[{}],"length":{n},"last_id":"900-900"}}"#,
            entries.join(",")
        )
    };
    for (n, value, nodes) in [
        (1, "v", 1),
        (100, "v", 1),
        (101, "v", 2),
        (250, "v", 3),
        (8, &"x".repeat(900)[..], 2),
    ] {
        let made = key("stream", "stream", &entries(n, value));
        assert_eq!(
            (made[0], made[3]),
            (15, nodes),
            "{n} of {} bytes",
            value.len()
        );
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        "[a-c]{0,3}".prop_map(String::into_bytes),
        any::<i64>().prop_map(|v| v.to_string().into_bytes()),
        "\\PC{0,6}".prop_map(String::into_bytes),
    ]
}

fn text(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    redisk::sink::bytes::json_bytes(bytes, Binary::Auto, &mut out);
    String::from_utf8(out).unwrap()
}

fn joined<T>(all: &[T], each: impl Fn(&T) -> String) -> String {
    let all: Vec<String> = all.iter().map(each).collect();
    format!("[{}]", all.join(","))
}

fn number(v: f64) -> String {
    if v.is_infinite() {
        return format!("\"{v}\"");
    }
    format!("{v:?}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the encoding says, the value is the one of the line.
    #[test]
    fn values_are_kept_whatever_their_encoding(
        all in prop::collection::hash_map(bytes(), (bytes(), any::<f64>(), prop::option::of(0..1u64 << 48)), 1..30),
        encoding in prop::sample::select(vec!["raw", "int", "intset", "listpack", "listpackex", "hashtable", "skiplist", "template", "linkedlist", "quicklist2"]),
        magic in prop::sample::select(vec!["REDIS", "VALKEY"]),
        sorted: bool,
    ) {
        let mut all: Vec<_> = all.into_iter().filter(|(_, (_, score, _))| !score.is_nan()).collect();
        prop_assume!(!all.is_empty());
        if sorted {
            all.sort_by(|a, b| a.1.1.total_cmp(&b.1.1).then(a.0.cmp(&b.0)));
        }
        let members = joined(&all, |(m, _)| text(m));
        let scored = joined(&all, |(m, (_, s, _))| format!("[{},{}]", text(m), number(*s)));
        let fields = joined(&all, |(f, (v, _, e))| {
            let e = e.map_or("null".to_owned(), |e| e.to_string());
            format!("[{},{},{e}]", text(f), text(v))
        });
        let whole = format!("{{\"rdb\":{{\"magic\":\"{magic}\",\"version\":1}}}}\n");
        let whole = [("list", &members), ("set", &members), ("zset", &scored), ("hash", &fields)]
            .iter()
            .fold(whole, |whole, (kind, value)| {
                format!("{whole}{{\"db\":1,\"key\":\"{kind}\",\"type\":\"{kind}\",\"encoding\":\"{encoding}\",\"expire_ms\":5,\"value\":{value}}}\n")
            });
        let back = again(whole.as_bytes(), None);
        prop_assert_eq!(back.error, None);
        let parse = |text: &[u8]| -> Vec<Value> {
            text.split(|b| *b == b'\n')
                .skip(1)
                .filter(|line| !line.is_empty())
                .map(|line| {
                    let mut v: Value = serde_json::from_slice(line).unwrap();
                    v["encoding"] = Value::Null;
                    v
                })
                .collect()
        };
        let (want, got) = (parse(whole.as_bytes()), parse(&back.out));
        // Whole doubles are written without a point.
        let scores = |v: &Value| -> Vec<(Value, Option<u64>, Value)> {
            v["value"].as_array().unwrap().iter().map(|pair| {
                let s = &pair[1];
                (pair[0].clone(), s.as_f64().map(f64::to_bits), if s.is_string() { s.clone() } else { Value::Null })
            }).collect()
        };
        prop_assert_eq!(&want[..2], &got[..2]);
        prop_assert_eq!(scores(&want[2]), scores(&got[2]));
        prop_assert_eq!(&want[3], &got[3]);
        let report = input(whole.as_bytes(), None).and_then(|i| run::verify(i, 1)).unwrap();
        let damage = report.findings.iter().filter(|f| f.code != "field-expiry").count();
        prop_assert_eq!(damage, 0, "{:?}", report.findings);
    }
}
