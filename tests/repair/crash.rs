//! Repairs in place, and whatever is left of them when the power goes.

use super::damage;
use crate::support::disk::{Recorder, Tree, crashes, plant, tree};
use redisk::aof::salvage;
use redisk::disk::layer::{Disk, Real};
use redisk::ops::repair::{self, Options, write};
use redisk::ops::replay::Until;
use std::path::{Path, PathBuf};

fn log(keys: &[&str]) -> Vec<u8> {
    let one = |key: &&str| format!("*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n$1\r\n1\r\n", key.len());
    keys.iter().flat_map(|key| one(key).into_bytes()).collect()
}

const MANIFEST: &str = "file appendonly.aof.1.base.aof seq 1 type b\n\
                        file appendonly.aof.1.incr.aof seq 1 type i\n\
                        file appendonly.aof.2.incr.aof seq 2 type i\n\
                        file appendonly.aof.3.incr.aof seq 3 type i\n";

/// A set below `set/`: its manifest, and a base and three files behind it.
fn set(manifest: &str, damaged: bool) -> Tree {
    let path = |name: &str| PathBuf::from("set").join(name);
    let mut second = log(&["c", "d", "e"]);
    if damaged {
        second[31] = b'9';
    }
    Tree::from([
        (PathBuf::from("set"), None),
        (path("appendonly.aof.manifest"), Some(manifest.into())),
        (path("appendonly.aof.1.base.aof"), Some(log(&["a"]))),
        (path("appendonly.aof.1.incr.aof"), Some(second)),
        (path("appendonly.aof.2.incr.aof"), Some(log(&["f"]))),
        (path("appendonly.aof.3.incr.aof"), Some(log(&["g"]))),
    ])
}

/// What is repaired, where it is, and whether all behind the damage goes.
fn cases() -> Vec<(&'static str, Tree, &'static str, bool)> {
    let mut bytes = log(&["a", "b", "c"]);
    bytes[31] = b'9';
    let single = Tree::from([(PathBuf::from("my.aof"), Some(bytes))]);
    let rdb = std::fs::read(crate::support::testdata(
        "corrupt/redis-7.0.15-trunc-midzset.rdb",
    ));
    let rdb = Tree::from([(PathBuf::from("dump.rdb"), Some(rdb.unwrap()))]);
    let turned: String = MANIFEST.lines().rev().map(|l| format!("{l}\n")).collect();
    let mut lost = set("", false);
    lost.remove(Path::new("set/appendonly.aof.manifest"));
    vec![
        ("a log", single, "my.aof", false),
        ("an RDB", rdb, "dump.rdb", false),
        ("a file of a set", set(MANIFEST, true), "set", false),
        ("a manifest", set(&turned, false), "set", false),
        ("a manifest that is not there", lost, "set", false),
        ("a file and the manifest", set(&turned, true), "set", false),
        (
            "a file, without those behind it",
            set(MANIFEST, true),
            "set",
            true,
        ),
        (
            "both, without those behind it",
            set(&turned, true),
            "set",
            true,
        ),
    ]
}

fn in_place(path: &Path, stop_at_damage: bool, disk: &dyn Disk) -> redisk::Result<write::Done> {
    let options = Options {
        log: salvage::Options {
            stop_at_damage,
            ..salvage::Options::default()
        },
        until: Until::default(),
        threads: 1,
        progress: &|_| (),
    };
    let plan = repair::plan(path, &options)?;
    if plan.is_sound() {
        return Ok(write::Done::default());
    }
    write::in_place(&write::ready(&plan, false)?, disk, &|_| ())
}

/// Without what is kept of the old, and what was on its way.
fn counts(tree: &Tree) -> Tree {
    let aside = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.contains(".before-repair") || name.ends_with(".tmp")
    };
    let kept = tree.iter().filter(|(path, _)| !aside(path));
    kept.map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect()
}

#[test]
fn whatever_a_crash_leaves_can_be_repaired() {
    for (case, before, at, stop) in cases() {
        let dir = tempfile::tempdir().unwrap();
        plant(&before, dir.path());
        let recorder = Recorder::new(dir.path());
        let done = in_place(&dir.path().join(at), stop, &recorder).unwrap();
        assert!(!done.changed.is_empty(), "{case}");
        let after = tree(dir.path());
        assert_eq!(damage(&dir.path().join(at)), None, "{case}");
        // Once more, and nothing changes.
        in_place(&dir.path().join(at), stop, &Real).unwrap();
        assert_eq!(tree(dir.path()), after, "{case}");

        let left = crashes(&before, &recorder.steps());
        assert!(left.contains(&after), "{case}: the last is not among them");
        assert!(left.len() > 5, "{case}: {}", left.len());
        for left in &left {
            let names: Vec<_> = left.keys().collect();
            for (path, old) in before.iter().filter(|(_, old)| old.is_some()) {
                // What it was is there, under its name or another.
                let stem = path.to_string_lossy().into_owned();
                let mut same = left
                    .iter()
                    .filter(|(p, _)| p.to_string_lossy().starts_with(&stem));
                assert!(
                    same.any(|(_, b)| b == old),
                    "{case}: {stem} is lost: {names:?}"
                );
                // And under its name it or the repaired one.
                if let Some(now) = left.get(path) {
                    assert!(now == old || Some(now) == after.get(path), "{case}: {stem}");
                }
            }
            let place = tempfile::tempdir().unwrap();
            plant(left, place.path());
            in_place(&place.path().join(at), stop, &Real)
                .unwrap_or_else(|e| panic!("{case}: {e}: {names:?}"));
            let again = tree(place.path());
            assert_eq!(damage(&place.path().join(at)), None, "{case}: {names:?}");
            assert_eq!(counts(&again), counts(&after), "{case}: {names:?}");
            in_place(&place.path().join(at), stop, &Real).unwrap();
            assert_eq!(tree(place.path()), again, "{case}: {names:?}");
        }
    }
}

/// Where there are no links, the old file is copied.
struct NoLinks<'d>(&'d dyn Disk);

impl Disk for NoLinks<'_> {
    fn create(&self, path: &Path) -> std::io::Result<Box<dyn redisk::disk::layer::DiskFile>> {
        self.0.create(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        self.0.rename(from, to)
    }
    fn link(&self, _: &Path, _: &Path) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn remove(&self, path: &Path) -> std::io::Result<()> {
        self.0.remove(path)
    }
    fn make_folder(&self, path: &Path, like: &Path) -> std::io::Result<()> {
        self.0.make_folder(path, like)
    }
    fn sync_folder(&self, path: &Path) -> std::io::Result<()> {
        self.0.sync_folder(path)
    }
}

#[test]
fn without_links_the_old_file_is_copied() {
    let (_, before, at, stop) = cases().swap_remove(0);
    let dir = tempfile::tempdir().unwrap();
    plant(&before, dir.path());
    let recorder = Recorder::new(dir.path());
    in_place(&dir.path().join(at), stop, &NoLinks(&recorder)).unwrap();
    let after = tree(dir.path());
    let old = &before[Path::new(at)];
    assert_eq!(after.get(Path::new("my.aof.before-repair")), Some(old));
    for left in crashes(&before, &recorder.steps()) {
        let now = &left[Path::new(at)];
        let kept = left.get(Path::new("my.aof.before-repair"));
        assert!(
            now == old || (now == &after[Path::new(at)] && kept == Some(old)),
            "{:?}",
            left.keys()
        );
    }
}
