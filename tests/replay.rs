//! Logs, run through the engine, against what the servers held that wrote or loaded them.

use crate::support::canonical::{contents, differences, expected, without_clocks};
use crate::support::{name, run, testdata};
use redisk::engine::digest::{self, Digests, FieldExpiry};
use redisk::filter::glob::Glob;
use redisk::input::open::Input;
use redisk::model::kind::Flavour;
use redisk::ops::replay::{self, Options, Report, Until};
use redisk::sink::bytes::Binary;
use redisk::source::aof::Source;
use std::path::{Path, PathBuf};

/// The state as JSON Lines, what came of the replay, and the digests.
fn replayed(path: &Path, until: Until, now_ms: i64) -> redisk::Result<(Vec<u8>, Report, Digests)> {
    let source = Source::open(path)?;
    let mut engine = replay::engine(&source, None);
    let options = Options {
        until,
        skip_unknown: false,
        skip_scripts: false,
        now_ms,
        threads: 2,
        progress: &|_| (),
    };
    let report = replay::replay(source, &mut engine, &options)?;
    // The magic of a base tells the family; where there is none, a field without an expiry makes no difference.
    let fields = match engine.dialect().flavour {
        Flavour::Redis => FieldExpiry::Counts,
        Flavour::Valkey => FieldExpiry::Ignored,
    };
    let digests = digest::digest(&engine.keys, fields, 2);
    let input = Input::of("state", Box::new(engine.drain()), None, None);
    let dumped = run::dumped(input, Binary::Base64, true, 2);
    assert!(dumped.error.is_none(), "{:?}", dumped.error);
    Ok((dumped.out, report, digests))
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
    let seen = meta["digest"].as_str();
    let said = [digests.fpconv.to_string(), digests.g17.to_string()];
    if let Some(seen) = seen
        && digests.opaque == 0
        && !said.iter().any(|d| d == seen)
        // Without a base nothing tells that a log is Valkey's, which leaves field expiries out of its digest.
        && meta["server"] != "valkey"
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

#[test]
fn the_corpus_that_the_environment_names() {
    let Some(corpus) = std::env::var_os("REDISK_CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: REDISK_CORPUS names no corpus");
        return;
    };
    let (mut passed, mut all) = (0, Vec::new());
    let manifest = json(&corpus.join("MANIFEST.json"));
    for file in manifest["files"].as_array().unwrap() {
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
        let mut meta = file.clone();
        meta["server"] = (if log.starts_with("valkey") {
            "valkey"
        } else {
            "redis"
        })
        .into();
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
        match wrong(&path, &corpus.join(wanted), &meta) {
            found if found.is_empty() => passed += 1,
            found => all.push(format!("{log}: {}", found.join("; "))),
        }
    }
    eprintln!("{passed} logs of the corpus lead to what servers said");
    settle(passed, &all);
}
