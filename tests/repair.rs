//! Repairing: every damaged file here, against `verify`, and what the file held before it was damaged.

mod crash;
mod loads;
mod streams;

use crate::support::{files, name, run, testdata};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use redisk::ops::repair::{self, Options, Plan, write};
use redisk::ops::replay::Until;
use redisk::ops::verify::{self, aof::Verified};
use redisk::sink::bytes::Binary;
use redisk::source::aof::Source;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

fn plan(path: &Path) -> redisk::Result<Plan> {
    let options = Options {
        log: Default::default(),
        until: Until::default(),
        threads: 1,
        progress: &|_| (),
    };
    repair::plan(path, &options)
}

/// The repaired file, or folder, below `dir`.
fn repaired(path: &Path, dir: &Path) -> redisk::Result<PathBuf> {
    let plan = plan(path)?;
    let out = dir.join("out");
    if plan.set.is_some() {
        let folder = redisk::disk::StagedFolder::create(&out)?;
        write::folder(&plan, &folder)?;
        folder.commit()?;
    } else {
        let mut bytes = Vec::new();
        write::file(&plan.files[0], &mut bytes)?;
        std::fs::write(&out, bytes).unwrap();
    }
    Ok(out)
}

/// Whether `verify` finds damage, with its words.
fn damage(path: &Path) -> Option<String> {
    let options = verify::Options {
        threads: 1,
        progress: &|_| (),
    };
    let name = path.to_string_lossy();
    match Source::open(path).unwrap() {
        Source::Set(set) => {
            let report = verify::aof::set(&name, set, &options).unwrap();
            let findings: Vec<_> = report.all_findings().map(|f| &f.message).collect();
            report.damaged().then(|| format!("{findings:?}"))
        }
        Source::File(input) => match verify::aof::file(input, &options).unwrap() {
            Verified::Aof(report) => {
                let findings: Vec<_> = report.all_findings().map(|f| &f.message).collect();
                report.damaged().then(|| format!("{findings:?}"))
            }
            Verified::Rdb(report) => report.damaged().then(|| format!("{:?}", report.findings)),
        },
    }
}

/// All that is damaged in `testdata`.
fn damaged() -> Vec<PathBuf> {
    let mut all = files("corrupt", ".rdb");
    all.extend(files("aof", ".aof"));
    let folders = std::fs::read_dir(testdata("multipart")).unwrap();
    let folders = folders.map(|e| e.unwrap().path());
    all.extend(folders.filter(|p| p.is_dir()));
    all.sort();
    all
}

/// Of a version or with a type that nobody knows: there is no telling how to read it.
fn is_foreign(e: &redisk::Error) -> bool {
    matches!(
        e.kind(),
        redisk::ErrorKind::Unsupported | redisk::ErrorKind::Corrupt | redisk::ErrorKind::Limit
    )
}

#[test]
fn what_is_repaired_is_sound_and_stays_so() {
    let (mut tried, mut foreign, mut bad) = (0, Vec::new(), Vec::new());
    for path in damaged() {
        let dir = tempfile::tempdir().unwrap();
        let out = match repaired(&path, dir.path()) {
            Ok(out) => out,
            Err(e) if is_foreign(&e) => {
                foreign.push(name(&path));
                continue;
            }
            Err(e) => panic!("{}: {e}", path.display()),
        };
        if let Some(damage) = damage(&out) {
            bad.push(format!("{}: {damage}", name(&path)));
        } else if !plan(&out).unwrap().is_sound() {
            bad.push(format!("{}: repairing it again changes it", name(&path)));
        }
        tried += 1;
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(tried > 200, "{tried}");
    // Versions that nobody knows are not taken for damaged ones.
    assert!(foreign.len() < 20, "{foreign:?}");
}

/// The keys of an RDB as JSON Lines, without what is not about keys.
fn lines(bytes: &[u8]) -> HashMap<String, String> {
    let dumped = run::dumped(run::as_file("x", &bytes.into()), Binary::Base64, true, 1);
    assert!(dumped.error.is_none(), "{:?}", dumped.error);
    let text = String::from_utf8(dumped.out).unwrap();
    let lines = text.lines().map(|line| {
        let key: serde_json::Value = serde_json::from_str(line).unwrap();
        // How a value is packed is no data.
        let mut data = key.clone();
        data.as_object_mut().unwrap().remove("encoding");
        let name = STANDARD.decode(key["key"].as_str().unwrap()).unwrap();
        let name = redisk::text::quoted(&name);
        (format!("db {}, key {name}", key["db"]), data.to_string())
    });
    lines.collect()
}

/// One damaged byte anywhere costs next to nothing; and no key comes to be that was not there, unless it is said.
#[test]
fn a_damaged_byte_of_an_rdb_costs_few_keys() {
    let whole = std::fs::read(testdata("rdb/redis-7.0.15-std.rdb")).unwrap();
    let before = lines(&whole);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("damaged.rdb");
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % n as u64) as usize
    };
    let (runs, mut few, mut judged) = (200, 0, 0);
    for _ in 0..runs {
        let mut bytes = whole.clone();
        let at = 9 + random(whole.len() - 9);
        bytes[at] ^= 1 + random(255) as u8;
        std::fs::write(&file, &bytes).unwrap();
        let plan = plan(&file).unwrap();
        let mut out = Vec::new();
        write::file(&plan.files[0], &mut out).unwrap();
        judged += 1;
        let after = lines(&out);
        let same = after
            .iter()
            .filter(|(k, v)| before.get(*k) == Some(v))
            .count();
        few += usize::from(same * 100 >= before.len() * 99);
        // All structure holds, but not the checksum: then every value is in doubt, and that is said.
        let unseen = plan.files[0]
            .doubtful
            .iter()
            .any(|(_, why)| why.contains("every record holds, but the checksum"));
        let named: HashSet<String> = plan.files[0]
            .patches
            .iter()
            .flat_map(|p| {
                p.keys
                    .iter()
                    .map(|(db, key)| format!("db {db}, key {}", redisk::text::quoted(key)))
            })
            .collect();
        for (key, value) in &after {
            if before.get(key) == Some(value) || unseen {
                continue;
            }
            let said = plan.files[0]
                .doubtful
                .iter()
                .any(|(_, why)| why.contains(&key[..]));
            assert!(said || named.contains(key), "{at}: {key} is new");
        }
        let report = verify_bytes(&out);
        assert!(report.is_none(), "{at}: {report:?}");
    }
    assert!(few * 100 >= judged * 97, "{few} of {judged}");
}

fn verify_bytes(bytes: &[u8]) -> Option<String> {
    let report = run::verify(run::as_file("x", &bytes.into()).unwrap(), 1).unwrap();
    report.damaged().then(|| format!("{:?}", report.findings))
}

/// Cut anywhere, all keys in front of the cut are kept, and the file is closed.
#[test]
fn a_cut_rdb_is_closed() {
    let whole = std::fs::read(testdata("rdb/redis-7.2.6-tiny.rdb")).unwrap();
    let before = lines(&whole);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cut.rdb");
    let mut last = 0;
    for cut in (9..whole.len())
        .step_by(97)
        .chain([whole.len() - 9, whole.len() - 1])
    {
        std::fs::write(&file, &whole[..cut]).unwrap();
        let plan = plan(&file).unwrap();
        let mut out = Vec::new();
        write::file(&plan.files[0], &mut out).unwrap();
        assert_eq!(verify_bytes(&out), None, "{cut}");
        let after = lines(&out);
        // What is read out of the record that was cut is named as doubtful.
        let doubtful = &plan.files[0].doubtful;
        let said = |key: &str| doubtful.iter().any(|(_, why)| why.contains(key));
        let new = after
            .iter()
            .find(|(k, v)| before.get(*k) != Some(v) && !said(k));
        assert_eq!(new, None, "{cut}");
        assert!(
            after.len() + 1 >= last,
            "{cut}: {} keys after {last}",
            after.len()
        );
        last = after.len();
    }
    assert_eq!(last, before.len());
}
