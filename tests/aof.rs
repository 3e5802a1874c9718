//! Append-only files of real servers, intact and damaged, against what those servers did with them.

use crate::support::server::{Kind, Server};
use crate::support::{self, files, golden, name, testdata};
use redisk::aof::verdict::Verdict;
use redisk::model::target::Target;
use redisk::ops::log::{self, Form, Options, Select};
use redisk::ops::verify::aof::{Outcome, Report, Verified};
use redisk::ops::{info, verify};
use redisk::sink::bytes::Binary;
use redisk::source::aof::Source;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn options() -> Options<'static> {
    Options {
        select: Select::default(),
        files: Vec::new(),
        limit: None,
        threads: 2,
        progress: &|_| (),
    }
}

fn verified(path: &Path) -> redisk::Result<Verified> {
    let options = verify::Options {
        threads: 2,
        progress: &|_| (),
    };
    verify::aof::open(path, &options)
}

fn report(path: &Path) -> Option<Report> {
    match verified(path) {
        Ok(Verified::Aof(report)) => Some(report),
        _ => None,
    }
}

/// The commands that `log` gives: file, offset and words of each.
type Commands = Vec<(String, u64, Vec<Vec<u8>>)>;

fn listed(path: &Path) -> (Commands, Vec<String>) {
    let mut out = Vec::new();
    let form = Form::Json(Binary::Base64);
    let walked = log::list(Source::open(path).unwrap(), form, &options(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let commands = text.lines().map(|line| {
        let o: Value = serde_json::from_str(line).unwrap();
        let words = o["argv"].as_array().unwrap().iter();
        let words = words.map(|w| base64(w.as_str().unwrap())).collect();
        let file = o["file"].as_str().unwrap().to_owned();
        (file, o["offset"].as_u64().unwrap(), words)
    });
    let problems = walked.problems.iter().map(ToString::to_string);
    (commands.collect(), problems.collect())
}

fn base64(text: &str) -> Vec<u8> {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

/// The number behind the byte at `at`, and the offset behind its line; strictly as servers write it.
fn line(bytes: &[u8], at: usize, first: u8) -> Option<(usize, usize)> {
    let rest = bytes.get(at..)?;
    let end = rest.windows(2).position(|w| w == b"\r\n")?;
    let digits = rest.get(..end)?.strip_prefix(&[first])?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((number, at + end + 2))
}

/// Offset and words of each command.
type Plain = Vec<(u64, Vec<Vec<u8>>)>;

/// Reads commands in the simplest way; also where that ends.
fn plainly(bytes: &[u8], mut at: usize) -> (Plain, usize) {
    let mut all = Vec::new();
    'commands: while at < bytes.len() {
        if bytes[at] == b'#' {
            match bytes[at..].iter().position(|b| *b == b'\n') {
                Some(n) => at += n + 1,
                None => break,
            }
            continue;
        }
        let Some((n, mut next)) = line(bytes, at, b'*') else {
            break;
        };
        let mut words = Vec::new();
        for _ in 0..n {
            let Some((len, start)) = line(bytes, next, b'$') else {
                break 'commands;
            };
            let Some(word) = bytes.get(start..start + len) else {
                break 'commands;
            };
            words.push(word.to_vec());
            next = start + len + 2;
        }
        if next > bytes.len() {
            break;
        }
        all.push((at as u64, words));
        at = next;
    }
    (all, at)
}

/// Where an RDB ends, found without knowing anything about it: an FF, 8 bytes, and from there on nothing but commands.
fn behind_rdb(bytes: &[u8]) -> usize {
    if !bytes.starts_with(b"REDIS") && !bytes.starts_with(b"VALKEY") {
        return 0;
    }
    (9..bytes.len())
        .filter(|&i| bytes[i] == 0xff)
        .map(|i| i + 9)
        .find(|&end| end <= bytes.len() && plainly(bytes, end).1 == bytes.len())
        .expect("an intact file")
}

/// The folder, file or manifest of a corpus entry, and the files that its manifest lists as base or incr.
fn members(corpus: &Path, file: &Value) -> (PathBuf, Vec<PathBuf>) {
    let path = corpus.join(file["file"].as_str().unwrap());
    if file["kind"] == "aof" {
        return (path.clone(), vec![path]);
    }
    let folder = path.join(file["dir"].as_str().unwrap_or("appendonlydir"));
    let manifest = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.extension().is_some_and(|e| e == "manifest"))
        .unwrap();
    let text = String::from_utf8_lossy(&std::fs::read(&manifest).unwrap()).into_owned();
    // History is never read; names that are quoted need more than this, so everything else in the folder is taken.
    let is_history = |name: &str| {
        let line = text.lines().find(|l| l.contains(name));
        line.is_some_and(|l| l.ends_with("type h") || l.contains("type h "))
    };
    let mut all: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| *p != manifest && !is_history(&name(p)))
        .collect();
    all.sort();
    (path, all)
}

/// The logs of the corpus.
fn corpus() -> Option<(PathBuf, Vec<Value>)> {
    let (corpus, mut all) = support::corpus()?;
    all.retain(|f| f["kind"] != "rdb");
    Some((corpus, all))
}

#[test]
fn the_corpus_is_read_to_its_end() {
    let Some((corpus, all)) = corpus() else {
        return;
    };
    let (mut passed, mut commands) = (0, 0);
    for file in all.iter().filter(|f| !f["damage"].is_object()) {
        let (path, members) = members(&corpus, file);
        let (got, problems) = listed(&path);
        assert!(problems.is_empty(), "{path:?}: {problems:?}");
        let mut wanted = Vec::new();
        for member in &members {
            let bytes = std::fs::read(member).unwrap();
            let (found, end) = plainly(&bytes, behind_rdb(&bytes));
            assert_eq!(end, bytes.len(), "{member:?}");
            wanted.extend(
                found
                    .into_iter()
                    .map(|(at, words)| (name(member), at, words)),
            );
        }
        // The order of the files is the manifest's; within a file it is the file's.
        let mut sorted = got.clone();
        sorted.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        wanted.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        assert!(
            sorted == wanted,
            "{path:?}: {} commands, not {}",
            got.len(),
            wanted.len()
        );
        let counted = match info::aof::open(&path, &info_options()).unwrap() {
            info::aof::Info::Aof(info) => info.commands(),
            info::aof::Info::Rdb(_) => panic!("{path:?} is no RDB"),
        };
        assert_eq!(counted, got.len() as u64, "{path:?}");
        let verified = verified(&path).unwrap();
        assert!(!verified.damaged(), "{path:?}");
        commands += got.len();
        passed += 1;
    }
    eprintln!("{passed} logs with {commands} commands");
    assert!(passed > 0);
}

fn info_options() -> info::Options<'static> {
    info::Options {
        now_ms: 0,
        biggest: 3,
        threads: 2,
        progress: &|_| (),
    }
}

/// Where a server's record and our verdict part, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    // The recorded message is that of an allocation: 512 MB and more were there, or were not.
    (
        "huge-len",
        "a length of many bytes: whether it can be allocated depends on the machine",
    ),
    (
        "bad-arity",
        "Redis runs the command with what lies behind its arguments: that it went well is luck",
    ),
];

/// What a server did against what we say it does.
fn agrees(outcome: &Outcome, server: &Value) -> bool {
    let log = server["log"].as_array();
    let logged = |words: &str| {
        log.is_some_and(|l| l.iter().any(|line| line.as_str().unwrap().contains(words)))
    };
    match (&outcome.verdict, server["loads"].as_bool()) {
        (Some(Verdict::Loads), Some(true)) => !logged("Truncating"),
        (Some(Verdict::Truncates { to, .. }), Some(true)) => {
            logged(&format!("at offset {to} !!!")) || server.get("aof_sizes_after").is_none()
        }
        (Some(Verdict::Refuses { words, .. }), Some(false)) => {
            let start: String = words.chars().take(60).collect();
            logged(&start) || log.is_none_or(Vec::is_empty)
        }
        (Some(Verdict::Crashes { .. }), Some(false)) => {
            server["exit"].as_i64().is_none_or(|exit| exit < 0)
        }
        (Some(Verdict::Undefined { .. }), _) => true,
        _ => false,
    }
}

#[test]
fn damage_is_judged_as_servers_do() {
    let Some((corpus, all)) = corpus() else {
        return;
    };
    let (mut judged, mut wrong) = (0, Vec::new());
    for file in all.iter().filter(|f| f["damage"].is_object()) {
        let path = corpus.join(file["file"].as_str().unwrap());
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let damage = &file["damage"];
        let verified = verified(&path);
        let code = match &verified {
            Ok(v) => u64::from(v.damaged()),
            Err(e) if e.kind().is_damage() => 1,
            Err(_) => 2,
        };
        if damage["want"].as_u64().is_some_and(|want| want != code) {
            wrong.push(format!(
                "{path:?}: verify says {code}, not {}",
                damage["want"]
            ));
        }
        let Ok(Verified::Aof(report)) = verified else {
            // A folder without a manifest: nothing to judge.
            assert!(stem.contains("missing-manifest"), "{path:?}");
            continue;
        };
        let server = file["server"].as_str().unwrap();
        let short = server.rsplit_once('.').unwrap().0;
        let target = Target::from_name(short).unwrap();
        for (truncated, field) in [(true, "server"), (false, "server_aof_load_truncated_no")] {
            let recorded = &damage[field];
            if !recorded.is_object() {
                continue;
            }
            let outcome = report.outcome(target, truncated);
            judged += 1;
            if !agrees(&outcome, recorded) && !DIFFERENCES.iter().any(|(n, _)| *n == stem) {
                wrong.push(format!("{path:?} {field}: {outcome:?}, but {recorded}"));
            }
        }
    }
    for line in &wrong {
        eprintln!("{}", line.chars().take(1500).collect::<String>());
    }
    assert!(wrong.is_empty(), "{} wrong", wrong.len());
    eprintln!("{judged} runs of servers on damaged logs are as we say");
}

/// Everything that `verify` and `log` say, with nothing of where the project lies.
fn said(path: &Path) -> String {
    let mut out = String::new();
    match verified(path) {
        Err(e) => _ = writeln!(out, "error: {e}"),
        Ok(Verified::Rdb(_)) => out.push_str("an RDB\n"),
        Ok(Verified::Aof(report)) => {
            for f in report.all_findings() {
                _ = writeln!(
                    out,
                    "{} {} {}: {}",
                    f.severity.name(),
                    f.code,
                    f.place,
                    f.message
                );
            }
            for target in ["redis-6.2", "redis-7.0", "redis-8.6", "valkey-9.1"] {
                let target = Target::from_name(target).unwrap();
                let [yes, no] = [true, false].map(|t| report.outcome(target, t));
                _ = writeln!(out, "{target}: {}", verdict(&yes));
                if no != yes {
                    _ = writeln!(out, "{target}, aof-load-truncated no: {}", verdict(&no));
                }
            }
        }
    }
    let mut text = Vec::new();
    match Source::open(path).and_then(|s| log::list(s, Form::Text, &options(), &mut text)) {
        Err(e) => _ = writeln!(out, "log: {e}"),
        Ok(walked) => {
            _ = writeln!(out, "log: {} commands", walked.shown);
            for e in &walked.problems {
                _ = writeln!(out, "log: {e}");
            }
        }
    }
    let root = path.parent().unwrap().to_string_lossy().into_owned() + "/";
    out.replace(&root, "")
}

fn verdict(outcome: &Outcome) -> String {
    match &outcome.verdict {
        None => "does not look at it".to_owned(),
        Some(Verdict::Refuses { at, words, cuts_to }) => match cuts_to {
            None => format!("refuses at {at:#x}: {words}"),
            Some(to) => format!("refuses at {at:#x}, after a cut to {to}: {words}"),
        },
        Some(Verdict::Truncates { to, leaves_multi }) => match leaves_multi {
            None => format!("cuts to {to}"),
            Some(multi) => format!("cuts to {to}, leaving the MULTI at {multi:#x}"),
        },
        Some(Verdict::Crashes { at, why } | Verdict::Undefined { at, why }) => {
            let what = outcome.verdict.as_ref().map_or("", Verdict::name);
            format!("{what} at {at:#x}: {why}")
        }
        Some(Verdict::Loads) => "loads".to_owned(),
    }
}

#[test]
fn testdata_is_judged_word_for_word() {
    for path in files("aof", ".aof") {
        golden(&path.with_extension("err"), said(&path).as_bytes());
    }
    for path in folders() {
        let golden_file = PathBuf::from(format!("{}.err", path.display()));
        golden(&golden_file, said(&path).as_bytes());
    }
}

fn folders() -> Vec<PathBuf> {
    let mut all = files("multipart", "");
    all.retain(|p| p.is_dir());
    all
}

#[test]
fn testdata_says_where_it_comes_from() {
    let readme = std::fs::read_to_string(testdata("README.md")).unwrap();
    let known = |stem: &str| readme.contains(&format!("`{stem}`"));
    for path in files("aof", ".aof") {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(known(stem), "{path:?}");
    }
    for path in folders() {
        assert!(known(&name(&path)), "{path:?}");
    }
}

/// Every way of reading it, to see that none panics; what `verify` finds lies inside the file.
fn survives(path: &Path, len: u64) {
    if let Some(report) = report(path) {
        for f in report.all_findings() {
            assert!(
                f.place.offset.is_none_or(|at| at <= len),
                "{f:?} in {len} bytes"
            );
        }
        for target in &redisk::model::target::TARGETS {
            let _ = (report.outcome(target, true), report.outcome(target, false));
        }
    }
    let _ = info::aof::open(path, &info_options());
    let source = || Source::open(path);
    let mut out = Vec::new();
    let _ = source().and_then(|s| log::list(s, Form::Text, &options(), &mut out));
    let mut cut = Vec::new();
    let _ = source().and_then(|s| log::cut(s, &options(), &mut cut));
    let _ = source().and_then(|s| log::history(s, b"k", Form::Text, &options(), &mut out));
    let _ = source().and_then(|s| log::stats(s, 5, &options()));
    // What was cut out is a log without fault, or an RDB that was damaged before.
    if cut.starts_with(b"*") {
        assert_eq!(plainly(&cut, 0).1, cut.len());
    }
}

#[test]
fn cut_and_flipped_files_are_survived() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("appendonly.aof");
    for file in ["redis-6.2.14-preamble-only", "redis-6.2.14-multi-torn"] {
        let bytes = std::fs::read(testdata(&format!("aof/{file}.aof"))).unwrap();
        for at in (0..bytes.len()).step_by(3) {
            std::fs::write(&path, &bytes[..at]).unwrap();
            survives(&path, at as u64);
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            std::fs::write(&path, &flipped).unwrap();
            survives(&path, bytes.len() as u64);
        }
    }
}

/// The digest of what a server holds that has loaded `dir`.
fn digest(kind: Kind, dir: &Path, args: &[String]) -> Option<String> {
    let mut all = vec!["--appendonly", "yes", "--enable-debug-command", "yes"];
    all.extend(args.iter().map(String::as_str));
    let server = Server::start_in(kind, dir, &all)?;
    let mut server = server.unwrap_or_else(|e| panic!("{dir:?}: {e:?}"));
    // Keys whose time has passed are loaded, and deleted bit by bit from then on: while that goes on, the digest
    // depends on the moment. SCAN deletes those that it meets.
    for db in 0..16 {
        server.cmd(&["SELECT", &db.to_string()]);
        let mut cursor = "0".to_owned();
        loop {
            let reply = server.cmd(&["SCAN", &cursor, "COUNT", "10000"]);
            cursor = reply.array()[0].text();
            if cursor == "0" {
                break;
            }
        }
    }
    Some(server.cmd(&["DEBUG", "DIGEST"]).text())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            copy(&path, &to.join(name(&path)));
        } else {
            std::fs::copy(&path, to.join(name(&path))).unwrap();
        }
    }
}

/// `log --resp` of a whole set gives a log that a server loads to the same data.
#[test]
fn what_is_cut_out_loads_to_the_same_digest() {
    let Some((corpus, all)) = corpus() else {
        return;
    };
    let mut compared = 0;
    for (kind, families) in [
        (Kind::Redis, &["redis-5", "redis-6.2", "redis-7.0"][..]),
        (
            Kind::Valkey,
            &["valkey-8", "valkey-9", "redis-7.0", "redis-7.2"],
        ),
    ] {
        if kind.program().is_none() {
            continue;
        }
        for file in all.iter().filter(|f| !f["damage"].is_object()) {
            let path = corpus.join(file["file"].as_str().unwrap());
            let server = file["server"].as_str().unwrap_or_default();
            if !families.iter().any(|f| server.starts_with(f)) {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let (before, after) = (folder.path().join("a"), folder.path().join("b"));
            let mut args = Vec::new();
            if file["kind"] == "aof" {
                std::fs::create_dir_all(&before).unwrap();
                std::fs::copy(&path, before.join("appendonly.aof")).unwrap();
            } else {
                copy(&path, &before);
                if let Some(dir) = file["dir"].as_str() {
                    args.extend(["--appenddirname".to_owned(), dir.to_owned()]);
                }
                if let Some(manifest) = file["manifest"].as_str() {
                    let name = manifest.strip_suffix(".manifest").unwrap_or(manifest);
                    args.extend(["--appendfilename".to_owned(), name.to_owned()]);
                }
            }
            std::fs::create_dir_all(&after).unwrap();
            let mut out = Vec::new();
            let walked = log::cut(Source::open(&path).unwrap(), &options(), &mut out).unwrap();
            assert!(
                walked.problems.is_empty() && walked.notes.is_empty(),
                "{path:?}"
            );
            std::fs::write(after.join("appendonly.aof"), out).unwrap();
            let before = digest(kind, &before, &args);
            assert_eq!(before, digest(kind, &after, &[]), "{path:?} in {kind:?}");
            compared += 1;
        }
    }
    eprintln!("{compared} logs cut out and loaded");
}

fn command(words: &[&str]) -> String {
    let mut out = format!("*{}\r\n", words.len());
    for word in words {
        _ = write!(out, "${}\r\n{word}\r\n", word.len());
    }
    out
}

/// A rewrite gives the log a new incr; half a command waits for the rest of it.
#[test]
fn a_log_is_followed_as_it_grows() {
    let folder = tempfile::tempdir().unwrap();
    let path = |file: &str| folder.path().join(file);
    let append = |file: &str, text: &str| {
        let mut all = std::fs::read(path(file)).unwrap_or_default();
        all.extend_from_slice(text.as_bytes());
        std::fs::write(path(file), all).unwrap();
    };
    let manifest = |incrs: &[u32]| {
        let lines = incrs.iter();
        let lines = lines.map(|n| format!("file a.{n}.incr.aof seq {n} type i\n"));
        std::fs::write(path("a.manifest"), lines.collect::<String>()).unwrap();
    };
    manifest(&[1]);
    let select = command(&["SELECT", "3"]);
    append(
        "a.1.incr.aof",
        &(select.clone() + &command(&["SET", "k", "1"])),
    );
    let set = command(&["SET", "k", "2"]);
    let (half, rest) = set.split_at(9);
    let mut step = 0;
    let mut told = Vec::new();
    let mut wait = |notes: &mut Vec<log::Note>| {
        told.append(notes);
        step += 1;
        match step {
            1 => append("a.1.incr.aof", half),
            2 => append("a.1.incr.aof", rest),
            3 => {
                append(
                    "a.2.incr.aof",
                    &(select.clone() + &command(&["SET", "k", "4"])),
                );
                append("a.1.incr.aof", &command(&["SET", "k", "3"]));
                manifest(&[1, 2]);
            }
            6 => append("a.2.incr.aof", &command(&["DEL", "k"])),
            // A rewrite that ends between two looks: the old file is gone when its last command has not been seen.
            8 => {
                append("a.2.incr.aof", &command(&["SET", "k", "5"]));
                append("a.3.incr.aof", &command(&["SET", "k", "6"]));
                manifest(&[3]);
                std::fs::remove_file(path("a.2.incr.aof")).unwrap();
            }
            // And two of them.
            12 => {
                append("a.5.incr.aof", &command(&["SET", "k", "7"]));
                manifest(&[5]);
                std::fs::remove_file(path("a.3.incr.aof")).unwrap();
            }
            _ => {}
        }
        step < 16
    };
    let mut out = Vec::new();
    let walked = log::follow(folder.path(), Form::Text, &options(), &mut out, &mut wait).unwrap();
    assert!(walked.problems.is_empty(), "{:?}", walked.problems);
    let text = String::from_utf8(out).unwrap();
    let shown: Vec<&str> = text
        .lines()
        .map(|l| l.split_once(" db ").unwrap().1)
        .collect();
    let wanted = [
        "0 SELECT 3",
        "3 SET k 1",
        "3 SET k 2",
        "3 SET k 3",
        "0 SELECT 3",
        "3 SET k 4",
        "3 DEL k",
        "3 SET k 5",
        "0 SET k 6",
        "0 SET k 7",
    ];
    assert_eq!(shown, wanted);
    assert_eq!(walked.shown, 10);
    // Said as soon as it is known.
    assert!(walked.notes.is_empty(), "{:?}", walked.notes);
    let [(file, note)] = &told[..] else {
        panic!("{told:?}");
    };
    assert!(file.ends_with("a.5.incr.aof"), "{file}");
    assert!(note.contains("between numbers 3 and 5 were gone"), "{note}");
}

/// The value goes on under other names, and in other databases.
#[test]
fn a_key_is_followed_through_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let lines = [
        "SET a 1",
        "SET b 1",
        "RENAME a c",
        "APPEND c x",
        "MOVE c 2",
        "APPEND c no",
        "SELECT 2",
        "APPEND c y",
        "SWAPDB 2 5",
        "SELECT 5",
        "APPEND c z",
        "COPY c d DB 7",
        "SELECT 7",
        "INCR d",
        "DEL d",
        "INCR d",
        "SELECT 0",
        "SET a 2",
        "FLUSHALL",
    ];
    let words = |line: &str| command(&line.split(' ').collect::<Vec<_>>());
    std::fs::write(&path, lines.iter().map(|l| words(l)).collect::<String>()).unwrap();
    let mut out = Vec::new();
    let source = Source::open(&path).unwrap();
    let report = log::history(source, b"a", Form::Text, &options(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let shown: Vec<&str> = text
        .lines()
        .map(|l| &l.split_once(" db ").unwrap().1[2..])
        .collect();
    let wanted = [
        "SET a 1",
        "RENAME a c",
        "APPEND c x",
        "MOVE c 2",
        "APPEND c y",
        "SWAPDB 2 5",
        "APPEND c z",
        "COPY c d DB 7",
        "INCR d",
        "DEL d",
        "SET a 2",
        "FLUSHALL",
    ];
    assert_eq!(shown, wanted);
    assert!(!report.has_base && report.also.is_empty());
}

#[test]
fn a_cut_keeps_blocks_and_selects() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let lines = "SET k 0|SELECT 3|SET a 1|MULTI|SET b 1|SELECT 4|SET k 1|EXEC|SET c 1|MULTI|SET b 2|EXEC|SET k 2|MULTI|SET k 3";
    let all = |lines: &str| -> String {
        let words = |line: &str| command(&line.split(' ').collect::<Vec<_>>());
        lines.split('|').map(words).collect()
    };
    std::fs::write(&path, all(lines)).unwrap();
    let mut options = options();
    options.select.keys = vec![log::KeyTest {
        any_of: vec![log::KeyRule::Exact(b"k".to_vec())],
        not: false,
    }];
    let mut out = Vec::new();
    let walked = log::cut(Source::open(&path).unwrap(), &options, &mut out).unwrap();
    let wanted = "SELECT 0|SET k 0|SELECT 3|MULTI|SET b 1|SELECT 4|SET k 1|EXEC|SET k 2";
    assert_eq!(String::from_utf8(out).unwrap(), all(wanted));
    // The block without an end is left out, and that is said.
    assert_eq!((walked.notes.len(), walked.problems.len()), (1, 1));
    assert_eq!(walked.shown, 6);
}

#[test]
fn counts_are_bounded_and_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut text = String::from("#TS:1700000000\r\n");
    for i in 0..40_000 {
        text += &command(&["SET", &format!("u:{i}"), "x"]);
        if i % 4 == 0 {
            text += &command(&["INCR", "hot"]);
        }
    }
    std::fs::write(&path, text).unwrap();
    let stats = log::stats(Source::open(&path).unwrap(), 2, &options()).unwrap();
    assert_eq!(stats.commands, 50_000);
    let hot = &stats.keys[0];
    assert_eq!(hot.key, b"hot");
    assert!(
        hot.count - hot.error <= 10_000 && hot.count >= 10_000,
        "{hot:?}"
    );
    assert_eq!(
        (stats.prefixes[0].prefix.as_slice(), stats.prefixes[0].count),
        (&b"u:"[..], 40_000)
    );
    assert_eq!(stats.timeline.len(), 1);
    match info::aof::open(&path, &info_options()).unwrap() {
        info::aof::Info::Aof(info) => assert_eq!((info.keys, info.commands()), (40_001, 50_000)),
        info::aof::Info::Rdb(_) => panic!(),
    }
}

/// Chosen keys of an RDB come as commands in front of the log's.
#[test]
fn a_cut_by_key_asks_the_base() {
    let mut options = options();
    options.select.dbs = vec![2];
    let path = testdata("aof/redis-6.2.14-preamble-only.aof");
    let mut out = Vec::new();
    let walked = log::cut(Source::open(&path).unwrap(), &options, &mut out).unwrap();
    assert!(walked.notes.is_empty() && walked.problems.is_empty());
    let (commands, end) = plainly(&out, 0);
    assert_eq!(end, out.len());
    assert_eq!(commands[0].1, [b"SELECT".to_vec(), b"2".to_vec()]);
    assert_eq!(commands.len(), 2, "the one key of db 2");
}

/// A log is written to while it is read: it is read to the size that it had, and that is said.
#[test]
fn a_log_that_grows_is_read_to_the_size_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let before = command(&["SET", "k", "v"]);
    let grow = || {
        // Half a command, which would be a torn one.
        std::fs::write(&path, before.clone() + &before[..9]).unwrap();
    };
    let start = || std::fs::write(&path, &before).unwrap();
    let said = "the file has grown by 9 bytes while it was read: read to the 27 bytes that it had";

    start();
    let input = redisk::input::open::Input::open(&path).unwrap();
    grow();
    let options = verify::Options {
        threads: 1,
        progress: &|_| (),
    };
    let Verified::Aof(report) = verify::aof::file(input, &options).unwrap() else {
        panic!("a log")
    };
    assert!(!report.damaged() && report.commands() == 1);
    let findings: Vec<&str> = report.all_findings().map(|f| f.message.as_str()).collect();
    assert_eq!(findings, [said]);

    start();
    let source = Source::open(&path).unwrap();
    grow();
    let mut out = Vec::new();
    let walked = log::list(source, Form::Text, &self::options(), &mut out).unwrap();
    assert_eq!((walked.shown, walked.problems.len()), (1, 0));
    assert_eq!(
        walked
            .notes
            .iter()
            .map(|n| n.1.as_str())
            .collect::<Vec<_>>(),
        [said]
    );
}
