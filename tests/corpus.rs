//! Files of real servers against what those servers said they hold.
//!
//! `testdata/` always; a whole corpus where `REDISK_CORPUS` names its folder: a `MANIFEST.json` whose `files` have `file`,
//! `kind`, `expected` (contents in the canonical form) and, for damaged copies, `damage.want`: 1 where `verify` has to
//! object, 0 where it must not, absent where either can be defended.

use crate::support::canonical::{contents, differences, expected};
use crate::support::{corpus, files, golden, name, run, testdata};
use redisk::input::open::Input;
use redisk::sink::bytes::Binary;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn gzip(bytes: &[u8]) -> Arc<[u8]> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap().into()
}

/// What is wrong with the reading of an intact file, from file, pipe and gzip.
fn intact(path: &Path, wanted: &Path) -> Vec<String> {
    let bytes = run::read(path);
    let from_file = run::dumped(Input::open(path), Binary::Base64, true, 2);
    if let Some(e) = from_file.error {
        return vec![format!("dump fails: {e}")];
    }
    let mut wrong = differences(&contents(&from_file.out), &expected(wanted));
    let inputs = [
        ("a pipe", run::as_pipe("-", &bytes, 10_000)),
        ("gzip", run::as_file("x", &gzip(&bytes))),
    ];
    for (what, input) in inputs {
        let got = run::dumped(input, Binary::Base64, true, 1);
        if got.out != from_file.out || got.error.is_some() {
            wrong.push(format!(
                "from {what} it is something else ({:?})",
                got.error
            ));
        }
    }
    match Input::open(path).and_then(|input| run::verify(input, 2)) {
        Ok(report) if !report.damaged() => {}
        Ok(report) => wrong.push(format!("verify objects: {:?}", report.findings)),
        Err(e) => wrong.push(format!("verify fails: {e}")),
    }
    wrong
}

/// What is wrong with the judgement of a damaged file.
fn damaged(path: &Path, want: Option<u64>) -> Vec<String> {
    let verified = Input::open(path).and_then(|input| run::verify(input, 2));
    let code = match &verified {
        Ok(report) => u64::from(report.damaged()),
        Err(e) if e.kind().is_damage() => 1,
        Err(_) => 2,
    };
    let dumped = run::dumped(Input::open(path), Binary::Base64, false, 2);
    let mut wrong = Vec::new();
    match want {
        Some(want) if want != code => {
            wrong.push(format!("verify says {code}, not {want}: {verified:?}"))
        }
        Some(1) if dumped.error.is_none() => wrong.push("dump succeeds".to_owned()),
        Some(0) if dumped.error.is_some() => wrong.push(format!("dump fails: {:?}", dumped.error)),
        _ => {}
    }
    wrong
}

fn report(passed: usize, wrong: &[String]) {
    for line in wrong {
        let short: String = line.chars().take(600).collect();
        eprintln!("{short}");
    }
    assert!(
        wrong.is_empty(),
        "{} of {} files are read wrongly",
        wrong.len(),
        passed + wrong.len()
    );
}

/// The expected contents beside a file, if it has some.
fn beside(path: &Path) -> Option<PathBuf> {
    let ends = ["expected.jsonl", "expected.jsonl.gz"];
    ends.map(|end| path.with_extension(end))
        .into_iter()
        .find(|p| p.exists())
}

#[test]
fn testdata_is_what_servers_said() {
    let (mut passed, mut wrong) = (0, Vec::new());
    for path in files("rdb", ".rdb") {
        let Some(wanted) = beside(&path) else {
            continue;
        };
        match intact(&path, &wanted) {
            found if found.is_empty() => passed += 1,
            found => wrong.push(format!("{}: {}", name(&path), found.join("; "))),
        }
    }
    report(passed, &wrong);
}

/// What verify and dump say of a damaged file, word for word.
#[test]
fn testdata_damage_is_named() {
    for path in files("corrupt", ".rdb") {
        let open = || {
            let mut input = Input::open(&path)?;
            // Texts must not depend on where the project lies.
            input.name = name(&path);
            Ok(input)
        };
        let dump = run::dumped(open(), Binary::Auto, true, 2);
        let mut text = run::verified(open(), 2);
        let (keys, lines) = (dump.keys, dump.out.iter().filter(|b| **b == b'\n').count());
        let ending = dump.error.unwrap_or_else(|| "complete".to_owned());
        text.push_str(&format!("dump: {keys} keys, {lines} lines; {ending}\n"));
        golden(&path.with_extension("err"), text.as_bytes());
    }
}

#[test]
fn the_corpus_that_the_environment_names() {
    let Some((corpus, files)) = corpus() else {
        return;
    };
    let (mut passed, mut wrong) = (0, Vec::new());
    for file in &files {
        let name = file["file"].as_str().unwrap();
        if file["kind"] != "rdb" {
            continue;
        }
        let path = corpus.join(name);
        let found = if file["damage"].is_object() {
            damaged(&path, file["damage"]["want"].as_u64())
        } else if let Some(wanted) = file["expected"].as_str() {
            intact(&path, &corpus.join(wanted))
        } else {
            // No server said what it holds: it has to be read, or refused with a reason.
            damaged(&path, None)
        };
        match found {
            found if found.is_empty() => passed += 1,
            found => wrong.push(format!("{name}: {}", found.join("; "))),
        }
    }
    eprintln!("{passed} files of the corpus are read rightly");
    report(passed, &wrong);
}

/// The README of `testdata/` names every file in it.
#[test]
fn every_file_has_its_origin() {
    let readme = std::fs::read_to_string(testdata("README.md")).unwrap();
    for folder in ["rdb", "corrupt"] {
        for path in files(folder, "") {
            let name = name(&path);
            let stem = [".gz", ".jsonl", ".expected", ".err", ".rdb"]
                .iter()
                .fold(name.as_str(), |stem, end| {
                    stem.strip_suffix(end).unwrap_or(stem)
                });
            let known = readme.contains(&format!("`{stem}`"));
            assert!(
                known,
                "testdata/README.md does not say where {folder}/{name} comes from"
            );
        }
    }
}
