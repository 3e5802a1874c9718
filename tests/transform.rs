//! What becomes of keys on their way, in every kind of output; judged by our own reader, and loaded by a real server.

use crate::support::canonical::{Contents, Value, contents, differences};
use crate::support::server::{Kind, Server};
use crate::support::{now_ms, run};
use redisk::engine::digest::{self, FieldExpiry};
use redisk::filter::Filter;
use redisk::filter::glob::Glob;
use redisk::filter::mask::{self, Mask};
use redisk::filter::rename::Rename;
use redisk::filter::transform::{Dropped, Transform, Ttl};
use redisk::input::open::Input;
use redisk::model::kind::Flavour;
use redisk::model::target::Target;
use redisk::ops::convert::{self, Options};
use redisk::ops::dump::{self, Report};
use redisk::rdb::choose::Thresholds;
use redisk::rdb::{encode, length};
use redisk::sink::bytes::Binary;
use redisk::sink::rdb::Role;
use serde_json::Value as Json;
use std::process::Command;
use std::sync::Arc;

const KEY: &str = "000102030405060708090a0b0c0d0e0f";

fn masking(glob: &str) -> Transform {
    let globs = vec![Glob::new(glob.as_bytes())];
    Transform {
        mask: Some(Mask::new(globs, mask::key_from_hex(KEY).unwrap())),
        ..Transform::default()
    }
}

fn options(target: &'static Target, transform: Transform) -> Options<'static> {
    Options {
        filter: Filter::default(),
        transform,
        threads: 2,
        encode: encode::Options {
            target,
            thresholds: Thresholds::default(),
            compress: false,
            packer: encode::Packer::Server,
            drop_modules: false,
            one_by_one: false,
        },
        checksum: true,
        progress: &|_| (),
    }
}

/// An RDB for a target.
fn rdb(bytes: &Arc<[u8]>, target: &'static Target, transform: Transform) -> (Arc<[u8]>, Report) {
    let input = run::as_file("x", bytes).unwrap();
    let options = options(target, transform);
    let (report, out) = convert::rdb(input, Role::Snapshot, &options, Vec::new());
    (out.unwrap().into(), report)
}

/// The state that commands for a target lead to.
fn replayed(bytes: &Arc<[u8]>, target: &'static Target, transform: Transform) -> Contents {
    let input = run::as_file("x", bytes).unwrap();
    let (_, out) = convert::aof(input, &options(target, transform), Vec::new());
    let out = out.unwrap();
    let mut engine = run::replayed(out, target);
    let input = Input::of("y", Box::new(engine.drain()), None, None);
    let dumped = run::dumped(input, Binary::Base64, true, 1);
    assert_eq!(dumped.error, None);
    contents(&dumped.out)
}

/// JSON Lines, with all byte strings as base64, and what was left out.
fn dumped(bytes: &Arc<[u8]>, transform: Transform) -> (Vec<u8>, Report) {
    let json = run::json(Binary::Base64, true);
    let options = dump::Options {
        filter: Filter::default(),
        transform,
        limit: None,
        sort: false,
        threads: 2,
        progress: &|_| (),
    };
    let input = run::as_file("x", bytes).unwrap();
    let mut out = Vec::new();
    let (report, error) = dump::dump(input, || json.clone(), &options, &mut out);
    assert!(error.is_none(), "{error:?}");
    (out, report)
}

fn state(bytes: &Arc<[u8]>) -> Contents {
    contents(&dumped(bytes, Transform::default()).0)
}

fn target_of(bytes: &[u8]) -> &'static Target {
    let head = bytes.get(..9).unwrap();
    let header = redisk::rdb::frame::Header::parse(head).unwrap();
    Target::of_file(header.flavour, header.version)
}

fn parsed(lines: &[u8]) -> Vec<Json> {
    let lines = std::str::from_utf8(lines).unwrap().lines();
    lines.map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// What is wrong about a value in the place of another: all as long as it was, and numbers what they were.
fn unlike(was: &Json, now: &Json, path: &str, wrong: &mut Vec<String>) {
    match (was, now) {
        (Json::String(was), Json::String(now)) if was.len() == now.len() => {}
        (Json::Array(was), Json::Array(now)) if was.len() == now.len() => {
            for (i, (was, now)) in was.iter().zip(now).enumerate() {
                unlike(was, now, &format!("{path}[{i}]"), wrong);
            }
        }
        (Json::Object(was), Json::Object(now)) if was.len() == now.len() => {
            for (name, was) in was {
                unlike(was, &now[name], &format!("{path}.{name}"), wrong);
            }
        }
        (was, now) if was == now => {}
        _ => wrong.push(format!("{path}: {was} became {now}")),
    }
}

#[test]
fn nothing_set_changes_nothing() {
    for (name, bytes) in run::intact() {
        let target = target_of(&bytes);
        // What touches no key leaves every key as it is.
        let idle = Transform {
            databases: vec![(1 << 40, 1)],
            strip: Some(b"no key begins like this".to_vec()),
            rename: vec![Rename::parse("s/no key is called so/x/").unwrap()],
            expired_by: Some(i64::MIN),
            ..Transform::default()
        };
        let (out, report) = dumped(&bytes, idle.clone());
        assert!(report.dropped.is_empty());
        assert_eq!(contents(&out), state(&bytes), "{name}: as JSON");
        let input = run::as_file("x", &bytes).unwrap();
        let (_, plain) = convert::rdb(
            input,
            Role::Snapshot,
            &options(target, Transform::default()),
            Vec::new(),
        );
        let Ok(plain) = plain else { continue };
        let (out, _) = rdb(&bytes, target, idle);
        // Hints about all of it went.
        assert!(out.len() <= plain.len(), "{name}");
        assert_eq!(state(&out), state(&plain.into()), "{name}: as RDB");
    }
}

#[test]
fn masks_keep_types_and_sizes() {
    let (mut keys, mut strings) = (0, 0);
    for (name, bytes) in run::intact() {
        let was: Vec<Json> = parsed(&dumped(&bytes, Transform::default()).0);
        let (out, report) = dumped(&bytes, masking("*"));
        let now = parsed(&out);
        let was: Vec<Json> = was.into_iter().filter(|k| k["type"] != "module").collect();
        assert_eq!(was.len(), now.len(), "{name}");
        assert_eq!(report.dropped.expired_keys, 0);
        let mut wrong = Vec::new();
        for (was, now) in was.iter().zip(&now) {
            keys += 1;
            for field in ["db", "key", "type", "expire_ms", "idle", "freq"] {
                assert_eq!(was[field], now[field], "{name}");
            }
            if was["type"] != "string" {
                assert_eq!(was["encoding"], now["encoding"], "{name}: {}", was["key"]);
            }
            unlike(
                &was["value"],
                &now["value"],
                &was["key"].to_string(),
                &mut wrong,
            );
            if let (Some(was), Some(now)) = (was["value"].as_str(), now["value"].as_str())
                && was.len() > 8
            {
                strings += 1;
                assert_ne!(was, now, "{name}");
            }
        }
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }
    assert!(keys > 1000 && strings > 300, "{keys} {strings}");
}

/// Bytes of no value that is long enough to be told are left.
#[test]
fn no_plain_text_is_left() {
    let mut looked_for = 0;
    for (name, bytes) in run::intact() {
        let target = target_of(&bytes);
        let input = run::as_file("x", &bytes).unwrap();
        let (_, out) = convert::rdb(
            input,
            Role::Snapshot,
            &options(target, masking("*")),
            Vec::new(),
        );
        let Ok(out) = out else { continue };
        let keys = state(&bytes);
        for ((_, key), value) in &keys {
            let texts: Vec<&Vec<u8>> = match &value.value {
                Value::Text(text) => vec![text],
                Value::Strings(texts) => texts.iter().collect(),
                Value::Scores(pairs) => pairs.iter().map(|(member, _)| member).collect(),
                Value::Fields(fields) => fields.iter().flat_map(|(f, v, _)| [f, v]).collect(),
                Value::Stream(stream) => {
                    let entries = stream.entries.iter().flat_map(|(_, fields)| fields);
                    entries.flat_map(|(f, v)| [f, v]).collect()
                }
                Value::Opaque => Vec::new(),
            };
            for text in texts.into_iter().take(20) {
                let is_name = keys.keys().any(|(_, key)| {
                    key.windows(text.len().max(1))
                        .any(|part| part == text.as_slice())
                });
                if text.len() < 12 || text.len() > 1000 || is_name {
                    continue;
                }
                looked_for += 1;
                let left = out.windows(text.len()).any(|part| part == text.as_slice());
                assert!(!left, "{name}: {key:?} holds {text:?} still");
            }
        }
    }
    assert!(looked_for > 300, "{looked_for}");
}

#[test]
fn every_output_has_the_same_masks() {
    for (name, bytes) in run::intact() {
        // What a target cannot hold is not the question here.
        if !name.contains("tiny") && !name.contains("std") {
            continue;
        }
        let target = target_of(&bytes);
        let transform = || Transform {
            add: Some(b"x:".to_vec()),
            databases: vec![(0, 3)],
            ttl: Ttl::Shift(1000),
            ..masking("*")
        };
        let want = contents(&dumped(&bytes, transform()).0);
        let (out, report) = rdb(&bytes, target, transform());
        assert!(report.losses.is_empty(), "{name}");
        let verified = run::verify(run::as_file("y", &out).unwrap(), 1).unwrap();
        assert!(!verified.damaged() && verified.loads(target), "{name}");
        let got = state(&out);
        assert_eq!(differences(&got, &want), Vec::<String>::new(), "{name}");
        assert!(
            want.keys()
                .all(|(db, key)| *db != 0 && key.starts_with(b"x:"))
        );
        let got = replayed(&bytes, target, transform());
        assert_eq!(got.len(), want.len(), "{name}");
        for (id, key) in &want {
            // Commands do not carry consumers' times, nor how a value is packed.
            if !matches!(key.value, Value::Stream(_) | Value::Opaque) {
                assert_eq!(got[id].value, key.value, "{name}: {id:?}");
                assert_eq!(got[id].expire_ms, key.expire_ms, "{name}: {id:?}");
            }
        }
    }
}

/// The expiries of keys, and of fields.
fn expiries(keys: &Contents) -> (Vec<i64>, Vec<i64>) {
    let of_keys = keys.values().filter_map(|k| k.expire_ms).collect();
    let of_fields = keys.values().flat_map(|k| match &k.value {
        Value::Fields(fields) => fields.iter().filter_map(|f| f.2).collect(),
        _ => Vec::new(),
    });
    (of_keys, of_fields.collect())
}

#[test]
fn expiries_go_or_move() {
    let (mut with_keys, mut with_fields) = (0, 0);
    for (name, bytes) in run::intact() {
        let target = target_of(&bytes);
        let was = state(&bytes);
        let (keys, fields) = expiries(&was);
        with_keys += keys.len();
        with_fields += fields.len();
        let with = |ttl| Transform {
            ttl,
            ..Transform::default()
        };
        let stripped = contents(&dumped(&bytes, with(Ttl::Strip)).0);
        assert_eq!(expiries(&stripped), (vec![], vec![]), "{name}");
        assert_eq!(stripped.len(), was.len());
        for by in [86_400_000, -86_400_000] {
            let moved = |all: &[i64]| -> Vec<i64> {
                let shift = |ms: &i64| ms.saturating_add(by).max(1);
                all.iter().map(shift).collect()
            };
            let mut want = (moved(&keys), moved(&fields));
            if target.flavour == Flavour::Redis {
                // The last that files of Redis hold.
                want.1
                    .iter_mut()
                    .for_each(|ms| *ms = (*ms).min((1 << 48) - 1));
            }
            let shifted = contents(&dumped(&bytes, with(Ttl::Shift(by))).0);
            assert_eq!(expiries(&shifted), want, "{name}");
            let input = run::as_file("x", &bytes).unwrap();
            let options = options(target, with(Ttl::Shift(by)));
            let (report, out) = convert::rdb(input, Role::Snapshot, &options, Vec::new());
            if let Ok(out) = out
                && report.losses.is_empty()
            {
                assert_eq!(expiries(&state(&out.into())), want, "{name}");
            }
        }
    }
    assert!(
        with_keys > 20 && with_fields > 5,
        "{with_keys} {with_fields}"
    );
}

#[test]
fn what_is_past_its_time_goes() {
    let mut total = Dropped::default();
    for (name, bytes) in run::intact() {
        let was = state(&bytes);
        // All, half of them, none.
        let (keys, fields) = expiries(&was);
        let mut all = [keys, fields].concat();
        all.sort_unstable();
        let middle = all.get(all.len() / 2).copied().unwrap_or(0);
        for now in [i64::MAX, middle, 0] {
            let transform = Transform {
                expired_by: Some(now),
                ..Transform::default()
            };
            let past = |ms: Option<i64>| ms.is_some_and(|ms| ms <= now);
            let mut dropped = Dropped::default();
            let mut want = was.clone();
            want.retain(|_, key| {
                let mut gone = past(key.expire_ms);
                if let Value::Fields(fields) = &mut key.value
                    && !gone
                {
                    let before = fields.len();
                    fields.retain(|(_, _, ms)| !past(*ms));
                    gone = fields.is_empty() && before > 0;
                    if !gone {
                        dropped.expired_fields += (before - fields.len()) as u64;
                    }
                }
                dropped.expired_keys += u64::from(gone);
                !gone
            });
            let (out, report) = dumped(&bytes, transform);
            assert_eq!(contents(&out), want, "{name} at {now}");
            assert_eq!(report.dropped, dropped, "{name} at {now}");
            total.add(dropped);
        }
    }
    assert!(
        total.expired_keys > 20 && total.expired_fields > 5,
        "{total:?}"
    );
}

fn text(bytes: &[u8], out: &mut Vec<u8>) {
    length::write(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Values of more than is held in memory, of every type that is written element by element.
fn giants() -> Arc<[u8]> {
    let mut out = b"REDIS0010\xfe\x00".to_vec();
    let member = |i: u32| format!("member {i} of a long value");
    for (code, key, n) in [
        (1, "list", 200_000u32),
        (2, "set", 90_000),
        (5, "zset", 60_000),
        (4, "hash", 50_000),
    ] {
        out.push(code);
        text(key.as_bytes(), &mut out);
        length::write(n.into(), &mut out);
        for i in 0..n {
            text(member(i).as_bytes(), &mut out);
            match code {
                5 => out.extend_from_slice(&f64::from(i).to_le_bytes()),
                4 => text(i.to_string().as_bytes(), &mut out),
                _ => {}
            }
        }
    }
    out.push(0);
    text(b"string", &mut out);
    text(&b"0123456789".repeat(300_000), &mut out);
    out.push(0xff);
    let sum = redisk::input::checksum::crc64(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    out.into()
}

#[test]
fn giant_values_are_masked_and_moved() {
    let bytes = giants();
    let target = Target::from_name("redis-7.0").unwrap();
    let was = state(&bytes);
    let (plain, _) = rdb(&bytes, target, Transform::default());
    assert_eq!(state(&plain), was);
    // Written anew, as for a target that does not read it: a long list gets as many nodes as it says.
    let mut again = options(target, Transform::default());
    again.encode.packer = encode::Packer::Other;
    let input = run::as_file("x", &bytes).unwrap();
    let (_, out) = convert::rdb(input, Role::Snapshot, &again, Vec::new());
    let values =
        |keys: &Contents| -> Vec<Value> { keys.values().map(|k| k.value.clone()).collect() };
    assert_eq!(values(&state(&out.unwrap().into())), values(&was));
    let transform = || Transform {
        strip: Some(b"s".to_vec()),
        ..masking("*")
    };
    let want = contents(&dumped(&bytes, transform()).0);
    assert_eq!(
        want.keys()
            .map(|(_, key)| key.as_slice())
            .collect::<Vec<_>>(),
        [&b"et"[..], b"hash", b"list", b"tring", b"zset"]
    );
    let (out, report) = rdb(&bytes, target, transform());
    assert_eq!(report.keys, 5);
    assert_eq!(values(&state(&out)), values(&want));
    for ((_, was), now) in was.iter().filter(|((_, key), _)| key[0] != b's').zip(
        want.iter()
            .filter(|((_, key), _)| matches!(key[0], b'h' | b'l' | b'z'))
            .map(|(_, k)| k),
    ) {
        assert_ne!(was.value, now.value);
    }
}

#[test]
fn two_keys_that_become_one_are_an_error() {
    let mut out = b"REDIS0009\xfe\x00\x00\x03a:k\x01v\x00\x03b:k\x01w\xff".to_vec();
    let sum = redisk::input::checksum::crc64(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("in.rdb");
    std::fs::write(&path, &out).unwrap();
    let redisk = |args: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_redisk"))
            .args(["convert", "in.rdb", "out.jsonl"])
            .args(args)
            .current_dir(dir.path())
            .output()
            .unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        let there = std::fs::read_to_string(dir.path().join("out.jsonl")).ok();
        let _ = std::fs::remove_file(dir.path().join("out.jsonl"));
        (done.status.code(), said, there)
    };
    let (code, said, there) = redisk(&["--rename", "s/^[ab]://"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains(r#""a:k" of db 0 and "b:k" of db 0 both become "k" of db 0"#),
        "{said}"
    );
    assert_eq!(there, None);
    // One of them alone may have the name; and names may be swapped.
    let (code, said, there) = redisk(&["--rename", "s/^[ab]://", "--key", "b:*"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        there
            .unwrap()
            .contains(r#""key":"k","type":"string","encoding":"raw","expire_ms":null,"value":"w""#)
    );
    let (code, said, there) = redisk(&[
        "--rename", "s/^a/c/", "--rename", "s/^b/a/", "--rename", "s/^c/b/",
    ]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        there.unwrap().contains(
            r#""key":"b:k","type":"string","encoding":"raw","expire_ms":null,"value":"v""#
        )
    );
    for (args, why) in [
        (&["--rename", "s/a"][..], "--rename"),
        (&["--db-map", "0:1,0:2"], "database 0 is there twice"),
        (&["--ttl", "strip", "--ttl", "keep"], "--ttl"),
        (&["--ttl", "shift=x"], "--ttl"),
        (&["--mask", "*", "--mask-key", "12"], "32 hex digits"),
        (&["--mask-key", KEY], "--mask"),
    ] {
        let (code, said, there) = redisk(args);
        assert_eq!((code, there), (Some(2), None), "{args:?}");
        assert!(said.contains(why), "{args:?}: {said}");
    }
}

/// A real server loads what was masked and moved, and has the state that our engine has.
#[test]
fn redis_loads_what_is_masked() {
    let Some(mut server) = Server::start(Kind::Redis, &[]) else {
        return;
    };
    let (_, (major, minor, _)) = server.version();
    let target = Target::from_name(&format!("redis-{major}.{minor}")).unwrap();
    let mut args = vec!["--databases", "3000"];
    if target.version >= (7, 0) {
        args.extend(["--enable-debug-command", "local"]);
    }
    let now_ms = now_ms();
    let mut tried = 0;
    for (name, bytes) in run::intact() {
        // Modules are not there.
        if name.contains("modul") || name.contains("key-meta") || name.contains("order") {
            continue;
        }
        let transform = Transform {
            add: Some(b"dev:".to_vec()),
            databases: vec![(0, 9)],
            ttl: Ttl::Shift(86_400_000),
            // What a server would drop as it loads; nothing expires while it is looked at.
            expired_by: Some(now_ms),
            ..masking("*")
        };
        let input = run::as_file("x", &bytes).unwrap();
        let (_, out) = convert::rdb(
            input,
            Role::Snapshot,
            &options(target, transform),
            Vec::new(),
        );
        let Ok(out) = out else { continue };
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("dump.rdb"), &out).unwrap();
        let mut server = match Server::start_in(Kind::Redis, dir.path(), &args).unwrap() {
            Ok(server) => server,
            Err(refused) => panic!("{name}: {}", refused.log),
        };
        let seen = server.cmd(&["DEBUG", "DIGEST"]).text();
        let engine = run::replayed(out, target);
        let ours = digest::digest(&engine.keys, FieldExpiry::Counts, 1);
        let ours = [ours.fpconv.to_string(), ours.g17.to_string()];
        assert!(ours.contains(&seen), "{name}: {seen}, ours {ours:?}");
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}
