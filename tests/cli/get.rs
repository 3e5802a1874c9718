//! What `get` finds and how it shows it.

use super::run::*;
use crate::support::rdb::{Put, Rdb};
use serde_json::Value;

const NOW: &str = "--now=2026-11-20T00:00:00Z";

fn two_dbs() -> Vec<u8> {
    [
        &b"REDIS0011\xfe\0"[..],
        b"\xfc\0\x20\x4a\xa9\xd1\x01\0\0\0\x01k\x03one",
        b"\0\x01n\xc0\x2a",
        b"\xfe\x03\0\x01k\x03two\x01\x01l\x00",
        b"\xff\0\0\0\0\0\0\0\0",
    ]
    .concat()
}

#[test]
fn a_key_for_people() {
    let file = data("rdb/redis-7.2.6-repl.rdb");
    let ran = redisk(&["get", NOW, &file, "zide|hash|bigvalue"]).exits(0);
    let want = r#"key         "zide|hash|bigvalue"
database    0
type        hash of 4 fields
encoding    hashtable (type code 4, HASH)
expires     never
serialized  870 bytes
offset      0x25c3, its value 0x25d7
value
  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"  ""
  "c"  "quartz\nprairie\nfjord kelp zephyr ember\nfjord iris quartz,fjord harbor,umber fjord juniper ridge,mesa ember,glade,iris\ndrift\nvale sable fjord sable harbor\namber quartz\nglade,cedar\niris,prairie,umber qu"… (the first 200 of 2,000 bytes)
  "a"  "1"
"#;
    assert!(ran.text().starts_with(want), "{}", ran.text());
    assert_eq!(ran.lines().len(), 12);
    let ran = redisk(&["get", NOW, &file, "zide|ttl|hash"]).exits(0);
    let ttl = "expires     2023-09-19T03:25:45.679Z, passed 1157d 20h ago\n";
    assert!(ran.text().contains(ttl), "{}", ran.text());
    let full = redisk(&["get", "--full", &file, "zide|hash|bigvalue"]).exits(0);
    assert!(!full.text().contains('…'));
    assert!(full.text().len() > 2500);
}

#[test]
fn a_stream_for_people() {
    let file = data("rdb/redis-8.6.3-idmp.rdb");
    let ran = redisk(&["dump", "-f", "keys", &file]);
    for key in ran.lines() {
        let ran = redisk(&["get", "--full", &file, key]).exits(0);
        let text = ran.text();
        assert!(text.contains("\ntype        stream"), "{text}");
        assert!(text.contains("\n  length "), "{text}");
        assert!(text.contains("\n  ids of producers: kept "), "{text}");
    }
}

#[test]
fn databases() {
    let file = two_dbs();
    let get = |args: &[&str]| redisk_in(&[&["get", NOW, "-"], args].concat(), &file);
    let both = get(&["k", "n"]).exits(0);
    let text = both.text();
    assert_eq!(text.matches("key         \"k\"").count(), 2, "{text}");
    assert!(
        text.contains("expires     2033-05-18T03:33:20Z, in 2371d 3h"),
        "{text}"
    );
    assert!(text.contains("value       \"42\"\n"), "{text}");
    let one = get(&["--db", "3", "k"]).exits(0);
    assert!(one.text().contains("database    3") && !one.text().contains("database    0"));
    get(&["--db", "0,3", "n"]).exits(0);
    let ran = get(&["--db", "3", "n"]).exits(1);
    assert_eq!(ran.err, "error: -: db 3, key \"n\": the key is not there\n");
    let ran = get(&["--db", "3,4", "n", "k"]).exits(1);
    assert_eq!(
        ran.err,
        "error: -: key \"n\": the key is in none of the databases 3, 4\n"
    );
    assert!(ran.text().contains("\"two\""));
    let empty = get(&["l"]).exits(0);
    assert!(
        empty
            .text()
            .contains("type        list without elements: servers since 6.2")
    );
}

#[test]
fn json_is_that_of_dumps_with_places() {
    for name in ["rdb/redis-8.6.3-tiny.rdb", "rdb/valkey-9.1.2-lfu.rdb"] {
        let file = data(name);
        let dump = redisk(&["dump", "--data-only", &file]).exits(0);
        let bytes = std::fs::read(&file).unwrap();
        let mut asked = 0;
        for line in dump.lines() {
            let wanted: Value = serde_json::from_str(line).unwrap();
            let Some(key) = wanted["key"].as_str().filter(|key| !key.contains('\0')) else {
                continue;
            };
            asked += 1;
            if asked % 8 != 0 {
                continue;
            }
            let db = wanted["db"].to_string();
            let ran = redisk(&["get", "--json", "--db", &db, &file, "--", key]).exits(0);
            let mut got: Value = serde_json::from_slice(&ran.out).unwrap();
            let object = got.as_object_mut().unwrap();
            let mut number = |name: &str| object.remove(name).unwrap().as_u64().unwrap();
            let code = number("type_code");
            let [offset, value, len] =
                ["offset", "value_offset", "bytes"].map(|name| number(name) as usize);
            assert_eq!(got, wanted);
            assert!(offset < value && value + len < bytes.len());
            assert!(bytes[offset..value].contains(&(code as u8)));
        }
        assert!(asked > 50, "{name}: {asked}");
    }
}

#[test]
fn exact_bytes() {
    let file = rdb(&[(b"k", b"a\0\xff\n"), (b"\0\xff", b"")]);
    let ran = redisk_in(&["get", "--raw", "-", "k"], &file).exits(0);
    assert_eq!(ran.out, b"a\0\xff\n");
    let args = ["get", "--raw", "--key-format", "hex", "-", "00ff"];
    assert_eq!(redisk_in(&args, &file).exits(0).out, b"");
    redisk_in(&["get", "--raw", "-", "k", "l"], &file).exits(2);
    let ran = redisk_in(&["get", "--raw", "-", "k"], &two_dbs()).exits(0);
    assert_eq!(ran.out, b"one");
    assert!(
        ran.err.contains("db 3, key \"k\": the key is here, too"),
        "{}",
        ran.err
    );
    let ran = redisk_in(&["get", "--raw", "-", "l"], &two_dbs()).exits(2);
    assert!(
        ran.err.contains("this is a list, and --raw writes strings"),
        "{}",
        ran.err
    );
    let folder = Folder::new();
    let out = folder.path("out");
    let to = |key: &str| {
        redisk_in(
            &["get", "--raw", "-o", out.to_str().unwrap(), "-", key],
            &file,
        )
    };
    to("nope").exits(1);
    assert!(folder.names().is_empty());
    to("k").exits(0);
    assert_eq!(std::fs::read(&out).unwrap(), b"a\0\xff\n");
}

#[test]
fn damage() {
    let file = data("corrupt/redis-7.0.15-trunc-midzset.rdb");
    // Before the damage, in it, behind it.
    let ran = redisk(&["get", &file, "hashbig-pubi-71"]).exits(1);
    assert!(ran.text().contains("type        hash of"), "{}", ran.text());
    assert!(
        ran.err.contains("truncated") || ran.err.contains("offset 0x"),
        "{}",
        ran.err
    );
    redisk(&["get", "--db", "0", &file, "hashbig-pubi-71"]).exits(0);
    let ran = redisk(&["get", "--db", "0", &file, "setht-pubi-71"]).exits(1);
    assert!(
        ran.err
            .contains("not there, as far as the file could be read"),
        "{}",
        ran.err
    );
    // A value that is damaged inside its frame.
    let file = data("corrupt/redis-7.0.15-flip-listsmall-mid.rdb");
    let ran = redisk(&["get", "--db", "0", &file, "listsmall-pubi-71"]);
    assert!(ran.text().contains("type        list"), "{}", ran.text());
    let ran = redisk(&["get", "--json", "--db", "0", &file, "listsmall-pubi-71"]);
    for line in ran.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

#[test]
fn giants_are_shortened_or_streamed() {
    let mut file = b"REDIS0003\0\x03big\x80".to_vec();
    let n = (3 << 20) + 1;
    file.extend_from_slice(&(n as u32).to_be_bytes());
    // Three bytes a character: no piece ends at a border of one.
    let value = "€".repeat(n / 3) + "!";
    assert_eq!(value.len(), n);
    file.extend_from_slice(value.as_bytes());
    file.extend_from_slice(b"\x02\x03set\x80\0\x01\0\0");
    for i in 0..65_536u32 {
        file.push(4);
        file.extend_from_slice(&i.to_be_bytes());
    }
    file.push(0xff);
    let get = |args: &[&str]| redisk_in(&[&["get", "-"], args].concat(), &file).exits(0);
    let cut = get(&["big"]);
    let end = format!(
        "value       \"{}\"… (the first 1,998 of 3,145,729 bytes)\n",
        "€".repeat(666)
    );
    assert!(cut.text().ends_with(&end), "{}", &cut.text()[..200]);
    let full = get(&["--full", "big"]);
    assert!(full.text().ends_with(&format!("value       \"{value}\"\n")));
    assert_eq!(get(&["--raw", "big"]).out, value.as_bytes());
    let set = get(&["set"]);
    assert!(set.text().contains("type        set of 65,536 members\n"));
    assert!(
        set.text()
            .ends_with("\n  … and 65,436 members more (--full shows all)\n")
    );
    assert_eq!(set.lines().len(), 109);
    let json = get(&["--json", "set"]);
    let json: Value = serde_json::from_slice(&json.out).unwrap();
    assert_eq!(json["value"].as_array().unwrap().len(), 65_536);
}

/// Of a value that is too long to wait in memory some has left before the damage is met: it is closed, and says so.
#[test]
fn a_giant_that_breaks_off_is_valid_json() {
    let noise: Vec<u8> = (0..3_000_000u32)
        .map(|i| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8)
        .collect();
    let broken = |f: Rdb| {
        let packed = [&b"\x1f"[..], &noise[..32], b"\xe0\xff\xff"].concat();
        f.raw(&[0xc3])
            .num(packed.len() as u64)
            .num(264 + 32)
            .raw(&packed)
    };
    let f = Rdb::new("REDIS0011").key(1, "list").num(3).text(&noise);
    let f = broken(f.text(b"b"));
    let f = f.key(4, "hash").num(2).text(b"f").text(&noise).text(b"g");
    let f = broken(f).key(0, "last").text(b"v");
    let file = f.end();
    for (key, value) in [("list", r#"},"b"]"#), ("hash", "},null]]")] {
        let ran = redisk_in(&["get", "--json", "-", key], &file).exits(1);
        assert!(
            ran.out
                .ends_with(format!("{value},\"damaged\":true}}\n").as_bytes())
        );
        let json: Value = serde_json::from_slice(&ran.out).unwrap();
        assert_eq!(json["key"], key);
        assert!(ran.err.contains("LZF byte 33"), "{}", ran.err);
        assert!(ran.err.contains(&format!("key \"{key}\"")), "{}", ran.err);
    }
    let ran = redisk_in(&["dump", "--data-only", "-"], &file).exits(1);
    let json: Value = serde_json::from_slice(&ran.out).unwrap();
    assert_eq!(json["damaged"], true);
}

#[test]
fn forms_of_bytes() {
    let file = rdb(&[(b"k\xff", b"\x1b[31m\xc2\x9b")]);
    let get = |args: &[&str]| {
        redisk_in(
            &[&["get", "--key-format", "hex", "-", "6bff"], args].concat(),
            &file,
        )
    };
    for (how, value) in [
        ("auto", r#""\x1b[31m\xc2\x9b""#),
        ("escape", r#""\x1b[31m\xc2\x9b""#),
        ("hex", "1b5b33316dc29b"),
        ("base64", "G1szMW3Cmw=="),
    ] {
        let ran = get(&["--binary", how]).exits(0);
        harmless(&ran.out).unwrap();
        assert!(
            ran.text().ends_with(&format!("value       {value}\n")),
            "{}",
            ran.text()
        );
        assert!(ran.text().starts_with("key         6bff\n"));
    }
    get(&["--raw", "--binary", "hex"]).exits(2);
}

/// Of a log it is the state; where a key lies in a file there is none to say.
#[test]
fn the_state_of_a_log() {
    let log = data("multipart/redis-7.0.15-session");
    let ran = redisk(&["get", &log, "user:1"]).exits(0);
    assert!(ran.text().contains("\"nobody\""), "{ran:?}");
    assert!(!ran.text().contains("offset"), "{ran:?}");
    let ran = redisk(&["get", "--json", &log, "user:1"]).exits(0);
    assert!(ran.text().contains("\"value\":\"nobody\""), "{ran:?}");
    assert!(!ran.text().contains("offset"), "{ran:?}");
    redisk(&["get", &log, "user:3"]).exits(1);
}
