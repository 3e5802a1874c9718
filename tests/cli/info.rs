//! What `info` says, and a path alone.

use super::run::*;
use serde_json::Value;
use std::path::Path;

const NOW: &str = "--now=2026-11-20T00:00:00Z";

fn json(args: &[&str]) -> Value {
    let args = [&["info", "--json", NOW], args].concat();
    serde_json::from_slice(&redisk(&args).out).unwrap()
}

#[test]
fn a_report_for_people() {
    let file = data("rdb/redis-7.2.6-modules.rdb");
    let ran = redisk(&["info", NOW, "--top", "2", &file]).exits(0);
    let want = r#": RDB version 11 (REDIS)
  written by     redis 7.2.6, 64 bit, at 2023-08-20T03:25:45Z
  server memory  1.2 MiB
  size           517 B
  of that        values 275 B, keys 102 B, all else 140 B
  checksum       right (533caec8b6f8490b)
  servers        redis-7.2 to redis-8.10, valkey-7.2 to valkey-9.1, where they have the modules below
  keys           8 in 2 databases
  expiries       1, none passed at 2026-11-20T00:00:00Z; 2100-01-01T00:00:00Z
  modules        hellotype version 0 (2 keys, 100 B), test__rdb version 1 (1 key, 68 B), test___dt version 1 (2 keys, 87 B)
  module data    test__rdb version 1 (1 record, 41 B)

  database  keys  expiries  values
         0     6         1   210 B
         5     2         0    65 B

  type    encoding    code  keys  values   share  mean  largest
  string  raw            0     1     2 B   0.7 %   2 B      2 B
  string  int            0     1     2 B   0.7 %   2 B      2 B
  module  module         7     5   255 B  92.7 %  51 B     86 B
  list    quicklist2    18     1    16 B   5.8 %  16 B     16 B

  biggest  type    encoding  db  offset  key
     86 B  module  module     0    0xa9  "zegu|hello"
     68 B  module  module     0   0x132  "zegu|trdb"
"#;
    assert_eq!(ran.text(), format!("{file}{want}"));
    assert_eq!(ran.err, "");
}

#[test]
fn a_path_alone() {
    let file = data("rdb/redis-7.0.15-funcs.rdb");
    let ran = redisk(&[&file]).exits(0);
    let (report, verdict) = ran.text().split_once("\n\n").unwrap();
    assert!(report.ends_with(
        "functions      nogi_lib2 (lua, 603 B), nogi_lib1 (lua, 603 B), nogi_lib0 (lua, 2.6 KiB)"
    ));
    let pad = " ".repeat(4);
    assert_eq!(
        verdict,
        format!(
            "whole: the checksum matches (ea7338dc96b1bb96); values are not looked into\n  \
             redisk verify {file}{pad}# look into every value\n  \
             redisk dump {file}{pad}  # the contents, an object a line\n  \
             redisk get {file} KEY   # one key, and where it lies\n"
        )
    );
    let quiet = redisk(&["-q", &file]).exits(0);
    assert!(quiet.text().ends_with("are not looked into\n"));

    let ran = redisk(&[damaged_rdb()]).exits(1);
    assert!(
        ran.text()
            .contains("\ndamaged: checksum at offset 0x1ed2\n"),
        "{}",
        ran.text()
    );
    assert!(
        ran.err.contains("offset 0x1ed2: the checksum is"),
        "{}",
        ran.err
    );

    let folder = Folder::new();
    let newer = folder.file("it's newer", b"REDIS0999\xff\0\0\0\0\0\0\0\0");
    let ran = redisk(&[newer.to_str().unwrap()]).exits(2);
    let text = ran.text();
    assert!(
        text.contains("not read to its end: unsupported at offset 0x5\n"),
        "{text}"
    );
    assert!(text.contains(r"it'\''s newer'"), "{text}");
}

#[test]
fn damage_does_not_hide_what_stands_before() {
    let file = data("corrupt/redis-7.0.15-trunc-midzset.rdb");
    let ran = redisk(&["info", &file]).exits(1);
    assert!(
        ran.text()
            .contains("damage         reading stopped at offset 0x")
    );
    assert!(
        ran.text()
            .contains("servers        none loads it for its damage; known to")
    );
    assert!(ran.text().contains("hash    listpack"));
    assert!(ran.err.contains("zsetbig-pubi-71"), "{}", ran.err);
    let report = json(&[&file]);
    assert_eq!(report["keys"], 4);
    assert_eq!(report["checksum"]["state"], "unread");
    let problem = &report["problems"][0];
    assert_eq!(problem["kind"], "truncated");
    assert_eq!(problem["key"], "zsetbig-pubi-71");
}

#[test]
fn json_names_are_stable() {
    let report = json(&[&data("rdb/redis-7.4.1-cluster.rdb"), "--top=1"]);
    assert_eq!(
        names(&report),
        [
            "aux",
            "biggest",
            "bytes",
            "checksum",
            "codecs",
            "databases",
            "expires",
            "expiry",
            "file",
            "freq",
            "functions",
            "hash_templates",
            "idle",
            "key_bytes",
            "key_metadata",
            "keys",
            "kind",
            "known_to",
            "magic",
            "module_aux",
            "modules",
            "noevict",
            "other_bytes",
            "problems",
            "replication",
            "role",
            "scripts",
            "size",
            "slot_imports",
            "slots",
            "tail_bytes",
            "tail_commands",
            "types",
            "unlisted",
            "value_bytes",
            "version",
            "writer",
        ]
    );
    for (part, wanted) in [
        (
            "/databases/0",
            "bytes claimed_expires claimed_keys db expires keys",
        ),
        (
            "/types/0",
            "bytes encoding keys largest type type_code type_name",
        ),
        ("/expiry", "any earliest_ms latest_ms none now_ms passed"),
        ("/biggest/0", "bytes db encoding key offset type type_code"),
        ("/functions/0", "bytes engine name offset"),
        ("/slots", "expires invalid keys ranges records"),
        (
            "/writer",
            "bits created created_ms server used_memory version",
        ),
        ("/key_metadata", "classes keys"),
        ("/hash_templates", "bytes count"),
    ] {
        let part = report.pointer(part).unwrap();
        assert_eq!(names(part).join(" "), wanted);
    }
    assert_eq!(report["slots"]["records"], 57);
    assert_eq!(report["writer"]["version"], "7.4.1");
    assert_eq!(report["functions"][0]["name"], "ropo_lib0");
    assert_eq!(report["expiry"]["now_ms"], 1_795_132_800_000_u64);
    let with = |file: &str| json(&[&data(file)]);
    assert_eq!(
        with("rdb/redis-7.2.6-repl.rdb")["replication"]["offset"],
        124
    );
    assert_eq!(with("rdb/redis-5.0.14-lru.rdb")["idle"]["keys"], 130);
    assert_eq!(with("rdb/redis-6.0.20-lfu.rdb")["freq"]["keys"], 127);
}

#[test]
fn several_files_are_an_array() {
    let all = json(&[&std_rdb(), "missing", &damaged_rdb()]);
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(all[0]["keys"], 374);
    assert_eq!(all[1]["error"]["kind"], "io");
    redisk(&["info", &std_rdb(), &damaged_rdb()]).exits(1);
    redisk(&["info", &damaged_rdb(), "missing"]).exits(2);
    let ran = redisk(&["info", &std_rdb(), &std_rdb()]).exits(0);
    let (one, two) = ran.text().split_at(ran.text().len() / 2);
    assert_eq!(format!("\n{one}").trim(), two.trim());
}

/// The RDB files of a folder.
fn rdbs(folder: &Path, found: &mut Vec<String>) {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|e| e.unwrap().path());
    found.extend(
        paths
            .filter(|p| p.extension().is_some_and(|x| x == "rdb"))
            .map(|p| p.to_str().unwrap().to_owned()),
    );
}

#[test]
fn everything_agrees_with_dump_and_verify() {
    let mut files = Vec::new();
    rdbs(Path::new(&data("rdb")), &mut files);
    if let Some(corpus) = std::env::var_os("REDISK_CORPUS") {
        for entry in std::fs::read_dir(corpus).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            // The other folders hold damaged and odd files, too.
            if name.starts_with("redis-") || name.starts_with("valkey-") {
                rdbs(&path, &mut files);
            }
        }
    }
    files.sort();
    let args = |command| {
        [
            &[command, "--json"],
            &*files.iter().map(String::as_str).collect::<Vec<_>>(),
        ]
        .concat()
    };
    let documents = |command| -> Value {
        serde_json::from_slice(&redisk(&args(command)).exits(0).out).unwrap()
    };
    let (infos, verdicts) = (documents("info"), documents("verify"));
    for (file, (info, verdict)) in files.iter().zip(
        infos
            .as_array()
            .unwrap()
            .iter()
            .zip(verdicts.as_array().unwrap()),
    ) {
        assert_eq!(info["keys"], verdict["keys"], "{file}");
        assert_eq!(info["known_to"], verdict["loads_in"], "{file}");
        assert_eq!(info["bytes"], verdict["bytes"], "{file}");
        assert_eq!(info["checksum"], verdict["checksum"], "{file}");
        // What there is of each kind and encoding, and the biggest keys, by a dump.
        let dump = redisk(&["dump", "--data-only", file]).exits(0);
        let mut counts = std::collections::BTreeMap::<(String, String), u64>::new();
        let mut expires = 0;
        for line in dump.lines() {
            let key: Value = serde_json::from_str(line).unwrap();
            let word = |name: &str| key[name].as_str().unwrap().to_owned();
            *counts.entry((word("type"), word("encoding"))).or_default() += 1;
            expires += u64::from(!key["expire_ms"].is_null());
        }
        let mut told = std::collections::BTreeMap::new();
        for row in info["types"].as_array().unwrap() {
            let word = |name: &str| row[name].as_str().unwrap().to_owned();
            *told.entry((word("type"), word("encoding"))).or_default() +=
                row["keys"].as_u64().unwrap();
        }
        assert_eq!(told, counts, "{file}");
        assert_eq!(info["expires"], expires, "{file}");
        let sum = |list: &str, field: &str| -> u64 {
            let rows = info[list].as_array().unwrap().iter();
            rows.map(|r| r[field].as_u64().unwrap()).sum()
        };
        assert_eq!(sum("databases", "keys"), info["keys"], "{file}");
        assert_eq!(sum("databases", "bytes"), info["value_bytes"], "{file}");
        assert_eq!(sum("databases", "expires"), info["expires"], "{file}");
    }
}

#[test]
fn the_input_and_the_threads_do_not_show() {
    for file in [std_rdb(), damaged_rdb(), data("rdb/redis-8.6.3-tiny.rdb")] {
        let bytes = std::fs::read(&file).unwrap();
        let with = |n| redisk_in(&["info", "--json", NOW, "--threads", n, "-"], &bytes);
        let (one, four) = (with("1"), with("4"));
        assert_eq!((one.code, &one.out), (four.code, &four.out));
        let from_file = json(&[&file]);
        let from_pipe: Value = serde_json::from_slice(&one.out).unwrap();
        for field in [
            "keys",
            "types",
            "databases",
            "biggest",
            "aux",
            "functions",
            "checksum",
        ] {
            assert_eq!(from_file[field], from_pipe[field]);
        }
        assert_eq!(from_pipe["size"], Value::Null);
    }
}

#[test]
fn nothing_paints_the_terminal() {
    let evil = b"\x1b[31mred\x1b]0;title\x07\r\n\xc2\x9b1m\xe2\x80\xae";
    let mut file = b"REDIS0011".to_vec();
    let text = |file: &mut Vec<u8>, s: &[u8]| {
        file.push(s.len() as u8);
        file.extend_from_slice(s);
    };
    for name in [&b"redis-ver"[..], evil, b"repl-id"] {
        file.push(0xfa);
        text(&mut file, name);
        text(&mut file, evil);
    }
    file.push(0xf5);
    text(&mut file, &[b"#!lua name=", &evil[..10]].concat());
    file.extend_from_slice(b"\xfe\0\0");
    text(&mut file, evil);
    text(&mut file, evil);
    file.extend_from_slice(b"\xff\0\0\0\0\0\0\0\0");
    let folder = Folder::new();
    let path = folder.file("\x1b[31mred", &file);
    for args in [
        &["info"][..],
        &["info", "--json"],
        &[],
        &["info", "--key-format", "escape"],
    ] {
        let mut args: Vec<&std::ffi::OsStr> = args.iter().map(std::ffi::OsStr::new).collect();
        args.push(path.as_os_str());
        let ran = redisk(&args).exits(0);
        harmless(&ran.out).unwrap();
        harmless(ran.err.as_bytes()).unwrap();
    }
}

/// What a log leads to, beside what it holds: the same that its state says as an RDB.
#[test]
fn deep_tells_of_the_state() {
    let log = data("multipart/redis-7.0.15-session");
    let shallow = json(&[&log]);
    assert!(shallow.get("state").is_none());
    let deep = json(&["--deep", &log]);
    let keys = redisk(&["dump", "--format", "keys", &log]).exits(0);
    assert_eq!(deep["state"]["keys"], keys.lines().len());
    assert_eq!(deep["state"]["biggest"][0]["offset"], Value::Null);
    assert_eq!(deep["commands"], shallow["commands"]);
    let text = redisk(&["info", NOW, "--deep", &log]).exits(0);
    let (_, state) = text.text().split_once("\nWhat it leads to\n").unwrap();
    assert!(state.contains("  keys "), "{state}");
    let rdb = data("rdb/redis-7.2.6-modules.rdb");
    assert_eq!(json(&["--deep", &rdb]), json(&[&rdb]));
    redisk(&["info", "--deep", "-"]).exits(2);
}
