//! What is repaired, loaded by real servers: with at least the keys that they would have saved by themselves.

use super::{damaged, plan, repaired};
use crate::support::server::{Kind, Server};
use crate::support::{corpus, name, run};
use redisk::filter::Filter;
use redisk::filter::transform::Transform;
use redisk::model::target::Target;
use redisk::ops::convert::{self, Options};
use redisk::ops::repair::{FilePlan, write};
use redisk::rdb::choose::Thresholds;
use redisk::rdb::encode;
use redisk::sink::rdb::Role;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A damaged file, and what is known of it.
struct Case {
    name: String,
    path: PathBuf,
    is_log: bool,
    /// How many keys the server that wrote it had after loading it.
    keys: Option<i64>,
}

/// All of `testdata`, and those of the corpus that the environment names.
fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = Vec::new();
    for path in damaged() {
        let is_log = path.is_dir() || name(&path).ends_with(".aof");
        all.push(Case {
            name: name(&path),
            path,
            is_log,
            keys: None,
        });
    }
    let Some((corpus, files)) = corpus() else {
        return all;
    };
    for file in files.iter().filter(|f| f["damage"].is_object()) {
        let label = file["file"].as_str().unwrap();
        let mut path = corpus.join(label);
        if file["kind"] == "aofdir" {
            path.push(file["dir"].as_str().unwrap_or("appendonlydir"));
        }
        // It runs SET with one word, and takes what lies behind it in memory for the other.
        let invents = label == "damaged/aof-redis-6.2.14-plain/bad-arity.aof";
        let keys = file["damage"]["server"]["keys"].as_i64();
        all.push(Case {
            name: label.to_owned(),
            path,
            is_log: file["kind"] != "rdb",
            keys: keys.filter(|_| !invents),
        });
    }
    all
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(name(&path))).unwrap();
    }
}

/// The keys that a server has after loading it, by database; or its log.
fn loaded(kind: Kind, path: &Path, is_log: bool) -> Result<BTreeSet<(i64, String)>, String> {
    let dir = tempfile::tempdir().unwrap();
    let mut args = vec!["--databases", "1000"];
    if !is_log {
        std::fs::copy(path, dir.path().join("dump.rdb")).unwrap();
    } else if path.is_dir() {
        copy(path, &dir.path().join("appendonlydir"));
        args.extend(["--appendonly", "yes"]);
    } else {
        std::fs::copy(path, dir.path().join("appendonly.aof")).unwrap();
        args.extend(["--appendonly", "yes"]);
    }
    let mut server = match Server::start_in(kind, dir.path(), &args).unwrap() {
        Ok(server) => server,
        Err(refused) => return Err(refused.log),
    };
    let info = server.cmd(&["INFO", "keyspace"]).text();
    let mut keys = BTreeSet::new();
    for line in info.lines().filter_map(|l| l.strip_prefix("db")) {
        let db = line.split(':').next().unwrap();
        server.cmd(&["SELECT", db]);
        let db = db.parse().unwrap();
        let reply = server.cmd(&["KEYS", "*"]);
        keys.extend(reply.array().iter().map(|key| (db, key.text())));
    }
    Ok(keys)
}

/// The repaired RDB for a server, and whether all of it can be there.
fn converted(file: &FilePlan, target: &'static Target) -> redisk::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    write::file(file, &mut bytes)?;
    let options = Options {
        filter: Filter::new(Vec::new(), 0),
        transform: Transform::default(),
        threads: 1,
        encode: encode::Options {
            target,
            thresholds: Thresholds::default(),
            compress: true,
            packer: encode::Packer::Server,
            drop_modules: true,
            one_by_one: false,
        },
        checksum: true,
        progress: &|_| (),
    };
    let input = run::as_file("x", &bytes.into())?;
    let (report, out) = convert::rdb(input, Role::Snapshot, &options, Vec::new());
    Ok((out?, report.losses.is_empty()))
}

fn loads(kind: Kind) {
    let Some(mut server) = Server::start(kind, &[]) else {
        return;
    };
    let (_, (major, minor, _)) = server.version();
    drop(server);
    let family = if kind == Kind::Redis {
        "redis"
    } else {
        "valkey"
    };
    let target = Target::from_name(&format!("{family}-{major}.{minor}")).unwrap();
    let (mut bad, mut tried) = (Vec::new(), BTreeMap::new());
    for case in cases() {
        let dir = tempfile::tempdir().unwrap();
        let Ok(plan) = plan(&case.path) else {
            // Of a version that nobody knows.
            continue;
        };
        let mut out = repaired(&case.path, dir.path()).unwrap();
        let is_rdb = plan.files.len() == 1 && plan.files[0].has == (true, false);
        let mut all = true;
        if is_rdb && plan.set.is_none() {
            match converted(&plan.files[0], target) {
                Ok((bytes, whole)) => {
                    out = dir.path().join("converted.rdb");
                    std::fs::write(&out, bytes).unwrap();
                    all = whole;
                }
                // A module, or a type that this server has never heard of.
                Err(e) if e.kind() == redisk::ErrorKind::Unsupported => continue,
                Err(e) => {
                    bad.push(format!("{}: is not converted: {e}", case.name));
                    continue;
                }
            }
        } else if !case.is_log {
            // Commands behind an RDB.
            continue;
        }
        *tried.entry((case.is_log, case.path.is_dir())).or_insert(0) += 1;
        let after = match loaded(kind, &out, case.is_log) {
            Ok(keys) => keys,
            Err(log) => {
                bad.push(format!("{}: refused\n{log}", case.name));
                continue;
            }
        };
        // Servers shorten what they load: it is a copy that they get.
        let before = loaded(kind, &case.path, case.is_log).unwrap_or_default();
        let gone: Vec<_> = before.difference(&after).collect();
        if all && !gone.is_empty() {
            bad.push(format!("{}: the server itself keeps {gone:?}", case.name));
        }
        if case.keys.is_some_and(|keys| keys > after.len() as i64) {
            let (keys, after) = (case.keys.unwrap(), after.len());
            bad.push(format!("{}: {after} keys, not {keys}", case.name));
        }
    }
    assert!(
        bad.is_empty(),
        "{} of {tried:?}:\n{}",
        bad.len(),
        bad.join("\n")
    );
    // RDB files, single logs and sets.
    assert!(
        tried.len() == 3 && tried.values().all(|n| *n >= 10),
        "{tried:?}"
    );
}

#[test]
fn redis_loads_what_is_repaired() {
    loads(Kind::Redis);
}

#[test]
fn valkey_loads_what_is_repaired() {
    loads(Kind::Valkey);
}

/// Every damaged file of the corpus has a plan, and its repaired copy is sound.
#[test]
fn all_of_the_corpus_is_repaired() {
    let Some((_, files)) = corpus() else {
        return;
    };
    let damaged = files.iter().filter(|f| f["damage"].is_object()).count();
    let (mut tried, mut bad) = (0, Vec::new());
    for case in cases().iter().filter(|c| c.name.starts_with("damaged/")) {
        tried += 1;
        let dir = tempfile::tempdir().unwrap();
        match repaired(&case.path, dir.path()) {
            Ok(out) => {
                bad.extend(super::damage(&out).map(|why| format!("{}: {why}", case.name)));
                if !plan(&out).unwrap().is_sound() {
                    bad.push(format!("{}: repairing it again changes it", case.name));
                }
            }
            Err(e) => bad.push(format!("{}: {e}", case.name)),
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert_eq!(tried, damaged);
}
