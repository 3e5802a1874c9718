//! Logs, run through the engine, against what the servers held that wrote or loaded them.

use crate::support::canonical::{contents, differences, expected, without_clocks};
use crate::support::{corpus, name, run, testdata};
use redisk::engine::Engine;
use redisk::engine::digest::{self, Digests, FieldExpiry};
use redisk::filter::glob::Glob;
use redisk::input::open::Input;
use redisk::ops::replay::{self, Options, Report, Until};
use redisk::resp::encode;
use redisk::sink::bytes::Binary;
use redisk::source::aof::Source;
use std::path::{Path, PathBuf};

/// The state as JSON Lines, what came of the replay, and the digests: with field expiries, and without.
fn replayed(
    path: &Path,
    until: Until,
    now_ms: i64,
) -> redisk::Result<(Vec<u8>, Report, [Digests; 2])> {
    let source = Source::open(path)?;
    let mut engine = replay::engine(&source, None);
    let report = replay::replay(source, &mut engine, &options(until.clone(), now_ms))?;
    let digested = |engine: &Engine| {
        [FieldExpiry::Counts, FieldExpiry::Ignored]
            .map(|fields| digest::digest(&engine.keys, fields, 2))
    };
    let digests = digested(&engine);
    // The same by two threads from the first command on.
    let source = Source::open(path)?;
    let mut parted = replay::engine(&source, None);
    let options = Options {
        parted_from: 0,
        ..options(until, now_ms)
    };
    let again = replay::replay(source, &mut parted, &options)?;
    assert_eq!(
        (again.commands, again.refused),
        (report.commands, report.refused)
    );
    assert_eq!(digested(&parted), digests, "{}", path.display());
    let input = Input::of("state", Box::new(engine.drain()), None, None);
    let dumped = run::dumped(input, Binary::Base64, true, 2);
    assert!(dumped.error.is_none(), "{:?}", dumped.error);
    Ok((dumped.out, report, digests))
}

fn options(until: Until, now_ms: i64) -> Options<'static> {
    Options {
        until,
        skip_unknown: false,
        skip_scripts: false,
        now_ms,
        threads: 2,
        parted_from: replay::PARTED_FROM,
        max_memory: None,
        progress: &|_| (),
    }
}

/// When the server loaded the log: spans of time count from there.
fn clock(meta: &serde_json::Value) -> i64 {
    meta["read_clock_ms"].as_i64().unwrap_or(0)
}

/// What is wrong with the replay of a log.
fn wrong(path: &Path, wanted: &Path, meta: &serde_json::Value) -> Vec<String> {
    let (out, report, digests) = match replayed(path, Until::default(), clock(meta)) {
        Ok(done) => done,
        Err(e) => return vec![format!("replay fails: {e}")],
    };
    let mut wrong: Vec<String> = Vec::new();
    wrong.extend(report.walked.problems.iter().map(ToString::to_string));
    let got = without_clocks(contents(&out));
    wrong.extend(differences(&got, &without_clocks(expected(wanted))));
    // Redis counts a field's expiry, Valkey does not; without a base nothing tells whose a log is.
    let said = digests.map(|d| [d.fpconv.to_string(), d.g17.to_string()]);
    if let Some(seen) = meta["digest"].as_str()
        && digests.iter().all(|d| d.opaque == 0)
        && !said.iter().flatten().any(|d| d == seen)
    {
        wrong.push(format!("the digest is {said:?}, the server's {seen}"));
    }
    wrong
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn settle(passed: usize, wrong: &[String]) {
    for line in wrong {
        eprintln!("{}", line.chars().take(600).collect::<String>());
    }
    assert!(
        wrong.is_empty(),
        "{} of {} logs lead to another state",
        wrong.len(),
        passed + wrong.len()
    );
    assert!(passed > 0);
}

#[test]
fn testdata_leads_to_what_servers_said() {
    let (mut passed, mut all) = (0, Vec::new());
    for entry in std::fs::read_dir(testdata("replay")).unwrap() {
        let meta = entry.unwrap().path();
        let Some(path) = name(&meta)
            .strip_suffix(".meta.json")
            .map(|log| meta.with_file_name(log))
        else {
            continue;
        };
        let wanted = ["expected.jsonl", "expected.jsonl.gz"]
            .map(|end| PathBuf::from(format!("{}.{end}", path.display())))
            .into_iter()
            .find(|p| p.exists())
            .unwrap();
        match wrong(&path, &wanted, &json(&meta)) {
            found if found.is_empty() => passed += 1,
            found => all.push(format!("{}: {}", name(&path), found.join("; "))),
        }
    }
    settle(passed, &all);
}

/// A log that was cut at a time by the server's own checker holds what a replay until then leads to.
#[test]
fn until_a_time() {
    let log = testdata("replay/redis-8.6.3-ts.aofdir");
    for (seconds, wanted) in [(1_692_761_745, "upto0"), (1_692_762_946, "upto1")] {
        let until = Until {
            time_ms: Some(seconds * 1000),
            ..Until::default()
        };
        let (out, report, _) = replayed(&log, until, 0).unwrap();
        assert!(report.stopped.is_some());
        let wanted = testdata(&format!("replay/redis-8.6.3-ts.{wanted}.jsonl"));
        let got = without_clocks(contents(&out));
        let found = differences(&got, &without_clocks(expected(&wanted)));
        assert!(found.is_empty(), "{found:?}");
    }
}

/// Stopping by count, by offset and by a command comes to the same.
#[test]
fn until_a_command() {
    let log = testdata("replay/redis-6.2.14-log.aof");
    let all = replayed(&log, Until::default(), 0).unwrap();
    let before = |glob: &[u8]| Until {
        before: Some(Glob::new(glob)),
        ..Until::default()
    };
    let (out, report, _) = replayed(&log, before(b"flushdb*"), 0).unwrap();
    let (_, at, _) = report.stopped.clone().unwrap();
    assert!(report.commands > 0 && report.commands < all.1.commands);
    let by_count = Until {
        commands: Some(report.commands),
        ..Until::default()
    };
    let by_offset = Until {
        offset: Some(at),
        ..Until::default()
    };
    for until in [by_count, by_offset] {
        let (same, again, _) = replayed(&log, until, 0).unwrap();
        assert!(same == out);
        assert_eq!(again.stopped.unwrap().1, at);
    }
    let (none, report, _) = replayed(&log, before(b"*"), 0).unwrap();
    assert!(none.is_empty());
    assert_eq!(report.commands, 0);
}

/// A log of so many bytes that its framing runs far ahead of what is run, with something at its end.
fn long_log(last: &[&str]) -> Vec<u8> {
    let mut log = Vec::new();
    let value = [b'v'; 4000];
    for i in 0..8000 {
        encode::command(
            &[b"SET", format!("key {}", i % 100).as_bytes(), &value],
            &mut log,
        );
    }
    let last: Vec<&[u8]> = last.iter().map(|arg| arg.as_bytes()).collect();
    encode::command(&last, &mut log);
    log
}

fn replay_bytes(
    log: Vec<u8>,
    until: Until,
    skip_unknown: bool,
) -> redisk::Result<(Report, redisk::engine::Engine)> {
    let source = Source::File(Input::of(
        "log",
        Box::new(std::io::Cursor::new(log)),
        None,
        None,
    )?);
    let mut engine = replay::engine(&source, None);
    let options = Options {
        skip_unknown,
        ..options(until, 0)
    };
    let report = replay::replay(source, &mut engine, &options)?;
    Ok((report, engine))
}

/// Whoever frames ahead is let go when the replay ends early.
#[test]
fn an_early_end_of_a_long_log_is_an_end() {
    let ten = Until {
        commands: Some(10),
        ..Until::default()
    };
    let mut log = long_log(&["SET", "a", "b"]);
    let (report, _) = replay_bytes(log.clone(), ten, false).unwrap();
    assert_eq!(report.commands, 10);
    let mut first = Vec::new();
    encode::command(&[b"NO-SUCH", b"thing"], &mut first);
    log.splice(..0, first);
    let e = replay_bytes(log.clone(), Until::default(), false).unwrap_err();
    assert!(e.to_string().contains("is no command of any server"), "{e}");
    let (report, _) = replay_bytes(log, Until::default(), true).unwrap();
    assert_eq!((report.commands, report.skipped.len()), (8002, 1));
}

/// What would need more memory than it may have ends with an error, be it a log or an RDB.
#[test]
fn memory_that_is_not_allowed_is_not_taken() {
    if redisk::limits::resident().is_none() {
        eprintln!("skipped: this system does not tell how much memory is resident");
        return;
    }
    for file in ["replay/redis-6.2.14-log.aof", "rdb/redis-7.0.15-funcs.rdb"] {
        let source = Source::open(&testdata(file)).unwrap();
        let mut engine = replay::engine(&source, None);
        let options = Options {
            max_memory: Some(1 << 20),
            ..options(Until::default(), 0)
        };
        let e = replay::replay(source, &mut engine, &options).unwrap_err();
        assert_eq!(e.kind(), redisk::ErrorKind::Limit);
        assert!(
            e.place().offset.is_some() && e.place().file.is_some(),
            "{e}"
        );
    }
}

/// What `EXEC` runs in vain is told as what runs in vain outside of it.
#[test]
fn refusals_inside_a_transaction_are_told() {
    let mut log = Vec::new();
    let commands: [&[&str]; 8] = [
        &["SET", "s", "1"],
        &["MULTI"],
        &["SET", "t", "1"],
        &["LPUSH", "s", "x"],
        &["SET", "u", "1"],
        &["EXEC"],
        &["LPUSH", "t", "y"],
        &["SET", "v", "1"],
    ];
    let mut offsets = Vec::new();
    for command in commands {
        offsets.push(log.len() as u64);
        let argv: Vec<&[u8]> = command.iter().map(|arg| arg.as_bytes()).collect();
        encode::command(&argv, &mut log);
    }
    let (report, engine) = replay_bytes(log, Until::default(), false).unwrap();
    let told: Vec<_> = report.refusals.iter().map(|r| (r.number, r.at)).collect();
    assert_eq!(told, [(4, offsets[3]), (7, offsets[6])]);
    assert_eq!(report.refused, 2);
    assert!(report.refusals[0].command.contains("LPUSH s x"));
    assert_eq!(engine.keys.dbs().map(|(_, db)| db.len()).sum::<usize>(), 4);
}

#[test]
fn the_corpus_that_the_environment_names() {
    let Some((corpus, files)) = corpus() else {
        return;
    };
    let (mut passed, mut all) = (0, Vec::new());
    for file in &files {
        let log = file["file"].as_str().unwrap();
        let Some(wanted) = file["expected"].as_str() else {
            continue;
        };
        let mut path = corpus.join(log);
        match file["kind"].as_str().unwrap() {
            "aof" => {}
            "aofdir" => path.push(file["dir"].as_str().unwrap_or("appendonlydir")),
            _ => continue,
        }
        if file["damage"].is_object() {
            continue;
        }
        // Scripts that were logged as such can only be run by a server with Lua.
        let scripts = [
            "redis-2.8.24/log",
            "redis-3.2.13/log",
            "redis-4.0.14/log",
            "redis-4.0.14/preamble",
        ];
        if scripts.iter().any(|s| log.starts_with(s)) {
            let e = replayed(&path, Until::default(), 0)
                .unwrap_err()
                .to_string();
            assert!(e.contains("was logged as a script"), "{e}");
            continue;
        }
        match wrong(&path, &corpus.join(wanted), file) {
            found if found.is_empty() => passed += 1,
            found => all.push(format!("{log}: {}", found.join("; "))),
        }
    }
    eprintln!("{passed} logs of the corpus lead to what servers said");
    settle(passed, &all);
}

/// A log without a manifest may come from a rewrite of any server: what newer ones say of streams is taken.
#[test]
fn a_log_alone_may_be_of_a_new_server() {
    let mut log = Vec::new();
    let commands: [&[&str]; 3] = [
        &["XADD", "s", "1-1", "a", "b"],
        &[
            "XSETID",
            "s",
            "5-0",
            "ENTRIESADDED",
            "3",
            "MAXDELETEDID",
            "4-0",
        ],
        &["XGROUP", "CREATE", "s", "g", "1-1", "ENTRIESREAD", "1"],
    ];
    for command in commands {
        let argv: Vec<&[u8]> = command.iter().map(|arg| arg.as_bytes()).collect();
        encode::command(&argv, &mut log);
    }
    let (report, mut engine) = replay_bytes(log, Until::default(), false).unwrap();
    assert_eq!((report.commands, report.refused), (3, 0));
    let input = Input::of("state", Box::new(engine.drain()), None, None);
    let state = run::dumped(input, Binary::Auto, true, 1);
    let line = String::from_utf8(state.out).unwrap();
    for told in [
        "\"max_deleted_id\":\"4-0\"",
        "\"entries_added\":3",
        "\"entries_read\":1",
    ] {
        assert!(line.contains(told), "{line}");
    }
}
