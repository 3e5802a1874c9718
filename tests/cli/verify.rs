//! What `verify` says.

use super::run::*;
use serde_json::Value;

fn json(args: &[&str]) -> Value {
    let args = [&["verify", "--json"], args].concat();
    serde_json::from_slice(&redisk(&args).out).unwrap()
}

#[test]
fn an_intact_file() {
    let file = std_rdb();
    let ran = redisk(&["verify", &file]).exits(0);
    assert_eq!(
        ran.text(),
        format!(
            "{file}: intact\n  RDB version 10 (REDIS), 374 keys in 5 databases, 127.2 KiB\n  \
             the checksum matches (1f430292901ab662)\n  loads in: redis-7.0 to redis-8.10, valkey-7.2 to valkey-9.1\n"
        )
    );
}

#[test]
fn json_names_are_stable() {
    let intact = json(&[&std_rdb()]);
    assert_eq!(
        names(&intact),
        [
            "bytes",
            "checksum",
            "codecs",
            "damage",
            "databases",
            "file",
            "findings",
            "keys",
            "kind",
            "loads_in",
            "magic",
            "notes",
            "tail_bytes",
            "verdict",
            "version",
            "warnings",
        ]
    );
    assert_eq!(intact["verdict"], "intact");
    assert_eq!(intact["checksum"]["state"], "match");
    let damaged = json(&[&damaged_rdb()]);
    assert_eq!(damaged["verdict"], "damaged");
    assert_eq!(damaged["checksum"]["state"], "mismatch");
    assert_eq!(damaged["loads_in"], Value::Array(Vec::new()));
    let first = &damaged["findings"][0];
    assert_eq!(
        names(first),
        [
            "code",
            "db",
            "key",
            "message",
            "offset",
            "path",
            "refused_by",
            "severity"
        ]
    );
    assert_eq!(first["key"], "hashbig-pubi-71");
    assert_eq!(first["severity"], "damage");
}

#[test]
fn several_files_are_an_array() {
    let all = json(&[
        &std_rdb(),
        &damaged_rdb(),
        "missing",
        &data("number/scores.tsv"),
    ]);
    let verdicts: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["intact", "damaged", "error", "foreign"]);
    assert_eq!(all[2]["error"]["kind"], "io");
    let ran = redisk(&["verify", &data("number/scores.tsv")]).exits(1);
    assert!(
        ran.text().contains("not a persistence file"),
        "{}",
        ran.text()
    );
}

#[test]
fn a_target_says_why_not() {
    let file = data("rdb/redis-7.4.1-smallenc.rdb");
    let ran = redisk(&["verify", "--target", "redis-7.2", &file]).exits(1);
    assert!(
        ran.text().contains("redis-7.2 would not load it:"),
        "{}",
        ran.text()
    );
    assert!(
        ran.text().contains("it does not read REDIS version 12"),
        "{}",
        ran.text()
    );
    let v = json(&["--target", "redis-7.2", &file]);
    assert_eq!(v["verdict"], "intact");
    assert_eq!(v["target"]["loads"], false);
    assert!(!v["target"]["reasons"].as_array().unwrap().is_empty());
    let v = json(&["--target", "redis-7.4", &file]);
    assert_eq!(v["target"]["loads"], true);
    assert_eq!(v["target"]["reasons"], Value::Array(Vec::new()));
    // Damage that no server accepts is a reason, too.
    let v = json(&["--target", "redis-7.0", &damaged_rdb()]);
    let reasons = v["target"]["reasons"].to_string();
    assert!(
        reasons.contains("LZF") && reasons.contains("checksum"),
        "{reasons}"
    );
}

#[test]
fn files_without_a_checksum_are_called_unsummed() {
    let file = data("rdb/redis-7.0.15-nocrc.rdb");
    let ran = redisk(&["verify", &file]).exits(0);
    assert!(ran.text().contains("\n  unsummed: "), "{}", ran.text());
    assert_eq!(json(&[&file])["checksum"]["state"], "disabled");
    let ran = redisk(&["verify", "--checksum-only", &file]).exits(2);
    assert!(ran.text().contains(": unsummed: "), "{}", ran.text());
    // Versions below 5 have none.
    let folder = Folder::new();
    let old = folder.file("old", b"REDIS0004\xfe\0\0\x01k\x01v\xff");
    let old = old.to_str().unwrap();
    assert_eq!(json(&[old])["checksum"]["state"], "absent");
    redisk(&["verify", old]).exits(0);
}

#[test]
fn the_checksum_alone() {
    let v = json(&["--checksum-only", &std_rdb()]);
    assert_eq!(
        (&v["verdict"], &v["checksum"]["state"]),
        (&"intact".into(), &"match".into())
    );
    assert_eq!(v["bytes"], std::fs::metadata(std_rdb()).unwrap().len());
    // Behind a preamble the checksum is not at the end of the file.
    let folder = Folder::new();
    let mut file = std::fs::read(std_rdb()).unwrap();
    file.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    let path = folder.file("aof", &file);
    let path = path.to_str().unwrap();
    let v = json(&["--checksum-only", path]);
    assert_eq!(
        (&v["verdict"], &v["tail_bytes"]),
        (&"intact".into(), &14.into())
    );
    let ran = redisk(&["verify", "--checksum-only", path]).exits(0);
    assert!(ran.text().contains("14 bytes follow"), "{}", ran.text());
    let last = file.len() - 15;
    file[last] ^= 1;
    let path = folder.file("bad", &file);
    redisk(&["verify", "--checksum-only", path.to_str().unwrap()]).exits(1);
}
