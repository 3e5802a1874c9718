//! Logs, compacted: to the same state, for real servers, and whatever is left when the power goes.

mod unknown;

use crate::support::canonical::{
    Contents, Value, contents, differences, expected, fields_pass, without_clocks,
};
use crate::support::disk::{Recorder, Tree, crashes, plant, tree};
use crate::support::server::{Kind, Server};
use crate::support::{corpus, name, now_ms, run, testdata};
use redisk::aof::multipart::Set;
use redisk::disk::layer::{Disk, DiskFile, Real};
use redisk::engine::Engine;
use redisk::engine::digest::{self, FieldExpiry};
use redisk::input::open::Input;
use redisk::model::kind::Flavour;
use redisk::model::target::Target;
use redisk::ops::compact::{self, Options, Report, To};
use redisk::ops::convert::Base;
use redisk::ops::replay::{self, Until};
use redisk::sink::bytes::Binary;
use redisk::source::aof::Source;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The moment that spans of time count from.
const NOW: i64 = 1_795_000_000_000;

fn options(disk: &dyn Disk) -> Options<'_> {
    Options {
        base: None,
        target: None,
        expired_by: None,
        keep_history: false,
        timestamps: false,
        force: false,
        now_ms: NOW,
        threads: 2,
        max_memory: None,
        progress: &|_| (),
        disk,
        staged: &|_| (),
        warn: &|_| (),
    }
}

/// Copies a folder of files, which is the folder of a set, into a data directory.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            copy(&path, &to.join(path.file_name().unwrap()));
        } else {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// What a log leads to.
fn engine(path: &Path) -> redisk::Result<(Engine, replay::Report)> {
    let source = Source::open(path)?;
    let mut engine = replay::engine(&source, None);
    let options = replay::Options {
        until: Until::default(),
        skip_unknown: false,
        skip_scripts: false,
        now_ms: NOW,
        threads: 1,
        parted_from: replay::PARTED_FROM,
        max_memory: None,
        progress: &|_| (),
    };
    let report = replay::replay(source, &mut engine, &options)?;
    Ok((engine, report))
}

/// The same in the canonical form, without what clocks decide.
fn state(path: &Path) -> Contents {
    let (mut engine, report) = engine(path).unwrap();
    assert!(
        report.walked.problems.is_empty(),
        "{:?}",
        report.walked.problems
    );
    let input = Input::of("state", Box::new(engine.drain()), None, None);
    let dumped = run::dumped(input, Binary::Base64, true, 1);
    assert_eq!(dumped.error, None);
    without_clocks(contents(&dumped.out))
}

/// What a log leads to in one word, functions included; or why it cannot be told.
fn digest_of(path: &Path) -> Result<String, String> {
    let (engine, report) = engine(path).map_err(|e| e.to_string())?;
    if let Some(e) = report.walked.problems.first() {
        return Err(e.to_string());
    }
    let digest = digest::digest(&engine.keys, FieldExpiry::Counts, 1);
    let functions: Vec<&[u8]> = engine.functions.sources().collect();
    Ok(format!("{} {:?}", digest.fpconv, functions))
}

/// The log in a data directory or, where that holds none yet that a server of today would find, the file.
fn found(dir: &Path, file: &str) -> PathBuf {
    let single = dir.join(file);
    let set = Set::find(dir);
    if matches!(set, Ok(Some(_))) || !single.exists() {
        dir.to_owned()
    } else {
        single
    }
}

/// A log in `testdata`, how it is compacted, and what may be lost on the way: nothing.
struct Case {
    log: &'static str,
    target: Option<&'static str>,
    base: Option<Base>,
    keep_history: bool,
}

const CASES: [Case; 6] = [
    Case {
        log: "multipart/redis-7.0.15-session",
        target: None,
        base: None,
        keep_history: false,
    },
    Case {
        log: "multipart/redis-7.0.15-session",
        target: None,
        base: Some(Base::Aof),
        keep_history: true,
    },
    Case {
        log: "replay/redis-7.0.15-rdbbase.aofdir",
        target: None,
        base: None,
        keep_history: false,
    },
    Case {
        log: "replay/redis-6.2.14-log.aof",
        target: None,
        base: None,
        keep_history: false,
    },
    Case {
        log: "replay/redis-6.2.14-log.aof",
        target: Some("redis-7.0"),
        base: Some(Base::Rdb),
        keep_history: false,
    },
    Case {
        log: "replay/redis-6.2.14-preamble.aof",
        target: Some("redis-7.0"),
        base: None,
        keep_history: true,
    },
];

impl Case {
    /// The log in a data directory.
    fn plant(&self, dir: &Path) {
        let from = testdata(self.log);
        if from.is_dir() {
            let set = Set::find(&from).unwrap().unwrap();
            copy(&set.folder, &dir.join("appendonlydir"));
        } else {
            std::fs::copy(&from, dir.join("appendonly.aof")).unwrap();
        }
    }

    fn compact(&self, dir: &Path, disk: &dyn Disk) -> redisk::Result<Report> {
        let options = Options {
            base: self.base,
            target: self.target.and_then(Target::from_name),
            keep_history: self.keep_history,
            ..options(disk)
        };
        compact::compact(&found(dir, "appendonly.aof"), To::Place, &options)
    }
}

#[test]
fn whatever_a_crash_leaves_holds_the_same_data() {
    for case in &CASES {
        let dir = tempfile::tempdir().unwrap();
        case.plant(dir.path());
        let before = tree(dir.path());
        let want = digest_of(&found(dir.path(), "appendonly.aof")).unwrap();
        let wants = [want.clone(), taken_over(&before).unwrap_or(want)];
        let same = |path: &Path, what: &str| {
            let got = digest_of(path).unwrap_or_else(|e| panic!("{}: {e}: {what}", case.log));
            assert!(wants.contains(&got), "{}: {what}", case.log);
        };
        let recorder = Recorder::new(dir.path());
        let report = case.compact(dir.path(), &recorder).unwrap();
        assert!(report.after.is_some());
        same(dir.path(), "done");

        let left = crashes(&before, &recorder.steps());
        assert!(
            left.contains(&tree(dir.path())),
            "the last is not among them"
        );
        assert!(left.len() > 5, "{}", left.len());
        // Runs again end well, of which a few of each kind are enough.
        let every = (left.len() / 40).max(1);
        for (i, left) in left.iter().enumerate() {
            let place = tempfile::tempdir().unwrap();
            plant(left, place.path());
            let log = found(place.path(), "appendonly.aof");
            same(&log, &names(left));
            if i % every == 0 {
                case.compact(place.path(), &Real)
                    .unwrap_or_else(|e| panic!("{}: {e}: {}", case.log, names(left)));
                same(place.path(), "again");
                let after = names(&tree(place.path()));
                assert!(!after.contains("temp-"), "{after}");
            }
        }
    }
}

/// What a single file leads to in a server with sets, which is not one of its time: that forgets the sign of a -0.
fn taken_over(before: &Tree) -> Option<String> {
    let log = before.get(Path::new("appendonly.aof"))?.as_ref()?;
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("appendonly.aof"), log).unwrap();
    let manifest = place.path().join("appendonly.aof.manifest");
    std::fs::write(manifest, "file appendonly.aof seq 1 type b\n").unwrap();
    Some(digest_of(place.path()).unwrap())
}

fn names(tree: &Tree) -> String {
    let size = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let names = tree
        .iter()
        .map(|(path, bytes)| format!("{} ({})", path.display(), size(bytes)));
    names.collect::<Vec<_>>().join(", ")
}

/// A disk of which one call fails.
struct Failing {
    left: Arc<AtomicUsize>,
}

/// Counts down; at 0 the call fails, and it alone.
fn fail(left: &AtomicUsize) -> io::Result<()> {
    match left.fetch_sub(1, Ordering::Relaxed) {
        0 => Err(io::Error::other("worn out")),
        _ => Ok(()),
    }
}

impl Disk for Failing {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        fail(&self.left)?;
        let (file, left) = (Real.create(path)?, self.left.clone());
        Ok(Box::new(FailingFile { file, left }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fail(&self.left)?;
        Real.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fail(&self.left)?;
        Real.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fail(&self.left)?;
        Real.remove(path)
    }

    fn make_folder(&self, path: &Path, like: &Path) -> io::Result<()> {
        fail(&self.left)?;
        Real.make_folder(path, like)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        fail(&self.left)?;
        Real.sync_folder(path)
    }
}

struct FailingFile {
    file: Box<dyn DiskFile>,
    left: Arc<AtomicUsize>,
}

impl Write for FailingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        fail(&self.left)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl DiskFile for FailingFile {
    fn inherit(&mut self, like: &Path) -> io::Result<()> {
        fail(&self.left)?;
        self.file.inherit(like)
    }

    fn sync(&mut self) -> io::Result<()> {
        fail(&self.left)?;
        self.file.sync()
    }
}

#[test]
fn whatever_call_fails_the_data_stays() {
    for case in &CASES {
        for n in 0.. {
            let dir = tempfile::tempdir().unwrap();
            case.plant(dir.path());
            let before = tree(dir.path());
            let want = digest_of(&found(dir.path(), "appendonly.aof")).unwrap();
            let left = Arc::new(AtomicUsize::new(n));
            let done = case.compact(dir.path(), &Failing { left });
            let after = tree(dir.path());
            let log = found(dir.path(), "appendonly.aof");
            let wants = [want.clone(), taken_over(&before).unwrap_or(want)];
            assert!(
                wants.contains(&digest_of(&log).unwrap()),
                "{} {n}",
                case.log
            );
            assert!(
                !names(&after).contains("temp-"),
                "{} {n}: {}",
                case.log,
                names(&after)
            );
            match done {
                Ok(_) => {
                    assert!(n > 5, "{n}");
                    break;
                }
                // Unless it is said to be otherwise, all is as it was.
                Err(e) if e.to_string().contains("counts already") => assert_ne!(after, before),
                Err(e) => {
                    assert!(e.message().contains("worn out"), "{e}");
                    assert!(
                        case.target.is_some() || after == before,
                        "{} {n}: {}",
                        case.log,
                        names(&after)
                    );
                }
            }
        }
    }
}

/// Who begins to write while the new base is made is seen before anything changes.
#[cfg(target_os = "linux")]
#[test]
fn a_server_that_comes_meanwhile() {
    use std::process::{Child, Command, Stdio};
    let dir = tempfile::tempdir().unwrap();
    CASES[0].plant(dir.path());
    let before = tree(dir.path());
    let incr = dir.path().join("appendonlydir/appendonly.aof.3.incr.aof");
    let child: std::cell::RefCell<Option<Child>> = std::cell::RefCell::default();
    let comes = |_: &Path| {
        let open = std::fs::File::options().append(true).open(&incr).unwrap();
        let started = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(open)
            .spawn();
        child.borrow_mut().get_or_insert_with(|| started.unwrap());
    };
    let options = Options {
        staged: &comes,
        ..options(&Real)
    };
    let done = compact::compact(dir.path(), To::Place, &options);
    let mut child = child.into_inner().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let e = done.unwrap_err();
    assert!(e.message().contains("works here"), "{e}");
    assert_eq!(tree(dir.path()), before);
}

#[test]
fn a_set_and_its_history() {
    let dir = tempfile::tempdir().unwrap();
    CASES[1].plant(dir.path());
    let folder = dir.path().join("appendonlydir");
    let old: Vec<PathBuf> = tree(&folder)
        .into_keys()
        .filter(|p| !p.ends_with("appendonly.aof.manifest"))
        .collect();
    let report = CASES[1].compact(dir.path(), &Real).unwrap();
    assert_eq!((report.base, report.is_set), (Base::Aof, true));
    assert_eq!(report.kept.len(), old.len());
    assert!(old.iter().all(|name| folder.join(name).exists()));
    let text = std::fs::read_to_string(folder.join("appendonly.aof.manifest")).unwrap();
    assert_eq!(
        text,
        "file appendonly.aof.3.base.aof seq 3 type b\n\
         file appendonly.aof.2.base.rdb seq 2 type h\n\
         file appendonly.aof.2.incr.aof seq 2 type h\n\
         file appendonly.aof.3.incr.aof seq 3 type h\n\
         file appendonly.aof.4.incr.aof seq 4 type i\n"
    );
    // The next one lets them go.
    let case = Case {
        keep_history: false,
        base: None,
        ..CASES[1]
    };
    let report = case.compact(dir.path(), &Real).unwrap();
    assert_eq!(report.base, Base::Aof, "what the old one is");
    assert_eq!(tree(&folder).len(), 3);
    assert_eq!(report.before.files, 5);
}

#[test]
fn a_file_that_bears_the_next_name_stays() {
    let dir = tempfile::tempdir().unwrap();
    CASES[0].plant(dir.path());
    let folder = dir.path().join("appendonlydir");
    std::fs::write(folder.join("appendonly.aof.3.base.rdb"), b"theirs").unwrap();
    let report = CASES[0].compact(dir.path(), &Real).unwrap();
    assert_eq!(
        std::fs::read(folder.join("appendonly.aof.3.base.rdb")).unwrap(),
        b"theirs"
    );
    assert!(folder.join("appendonly.aof.4.base.rdb").exists());
    assert_eq!(report.leftovers.len(), 1);
}

#[test]
fn offsets_go_on_where_a_server_stopped() {
    let dir = tempfile::tempdir().unwrap();
    CASES[0].plant(dir.path());
    let manifest = dir.path().join("appendonlydir/appendonly.aof.manifest");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let last = "file appendonly.aof.3.incr.aof seq 3 type i";
    std::fs::write(
        &manifest,
        text.replace(last, &format!("{last} startoffset 100 endoffset 250")),
    )
    .unwrap();
    CASES[0].compact(dir.path(), &Real).unwrap();
    let text = std::fs::read_to_string(&manifest).unwrap();
    assert!(
        text.ends_with(
            "file appendonly.aof.4.incr.aof seq 4 type i startoffset 250 endoffset 250\n"
        ),
        "{text}"
    );
}

#[cfg(unix)]
#[test]
fn modes_are_kept() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    CASES[0].plant(dir.path());
    let folder = dir.path().join("appendonlydir");
    let set = |name: &str, mode| {
        std::fs::set_permissions(folder.join(name), PermissionsExt::from_mode(mode)).unwrap()
    };
    set("appendonly.aof.2.base.rdb", 0o640);
    set("appendonly.aof.3.incr.aof", 0o660);
    set("appendonly.aof.manifest", 0o644);
    CASES[0].compact(dir.path(), &Real).unwrap();
    for (name, mode) in [
        ("appendonly.aof.3.base.rdb", 0o640),
        ("appendonly.aof.4.incr.aof", 0o660),
        ("appendonly.aof.manifest", 0o644),
    ] {
        let found = folder.join(name).metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(found, mode, "{name}");
    }
}

/// Every damaged log stays as it is, and so does one that is compacted nowhere.
#[test]
fn damage_is_left_alone() {
    let mut tried = 0;
    for entry in std::fs::read_dir(testdata("multipart")).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() || name(&path).contains("session") {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        copy(&path, dir.path());
        let before = tree(dir.path());
        match compact::compact(dir.path(), To::Place, &options(&Real)) {
            Ok(report) if report.after.is_some() => continue,
            Ok(report) => assert!(!report.replay.walked.problems.is_empty()),
            Err(_) => {}
        }
        assert_eq!(tree(dir.path()), before, "{}", path.display());
        tried += 1;
    }
    assert!(tried > 5, "{tried}");
    let dir = tempfile::tempdir().unwrap();
    CASES[0].plant(dir.path());
    let before = tree(dir.path());
    let report = compact::compact(dir.path(), To::Nowhere, &options(&Real)).unwrap();
    assert_eq!(tree(dir.path()), before);
    let measured = report.after.unwrap();
    let report = compact::compact(dir.path(), To::Place, &options(&Real)).unwrap();
    let after = report.after.unwrap();
    assert_eq!(
        (measured.bytes, measured.keys, measured.files),
        (after.bytes, after.keys, after.files)
    );
}

#[test]
fn timestamps_come_along() {
    for (base, file) in [
        (Base::Aof, "appendonly.aof.2.base.aof"),
        (Base::Rdb, "appendonly.aof.2.incr.aof"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        copy(&testdata("replay/redis-8.6.3-ts.aofdir"), dir.path());
        let options = Options {
            base: Some(base),
            // The log is all commands.
            target: Target::from_name("redis-8.6"),
            timestamps: true,
            ..options(&Real)
        };
        let report = compact::compact(dir.path(), To::Place, &options).unwrap();
        let written = report.written.iter().find(|p| p.ends_with(file)).unwrap();
        let text = std::fs::read(written).unwrap();
        assert!(
            text.starts_with(b"#TS:169276"),
            "{}",
            String::from_utf8_lossy(&text[..40.min(text.len())])
        );
        assert_eq!(
            report.after.unwrap().bytes,
            report
                .written
                .iter()
                .filter(|p| !p.ends_with("appendonly.aof.manifest"))
                .map(|p| p.metadata().unwrap().len())
                .sum::<u64>()
        );
    }
}

/// A log and what its server said that it leads to.
struct Known {
    name: String,
    path: PathBuf,
    expected: PathBuf,
    now_ms: i64,
}

/// Those of `testdata`, and of the corpus that the environment names.
fn known() -> Vec<Known> {
    let json = |path: &Path| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    let mut all = Vec::new();
    for entry in std::fs::read_dir(testdata("replay")).unwrap() {
        let meta = entry.unwrap().path();
        let Some(log) = name(&meta).strip_suffix(".meta.json").map(str::to_owned) else {
            continue;
        };
        let path = meta.with_file_name(&log);
        let expected = ["expected.jsonl", "expected.jsonl.gz"]
            .map(|end| PathBuf::from(format!("{}.{end}", path.display())));
        let expected = expected.into_iter().find(|p| p.exists()).unwrap();
        all.push(Known {
            name: log,
            path,
            expected,
            now_ms: json(&meta)["read_clock_ms"].as_i64().unwrap_or(NOW),
        });
    }
    let Some((corpus, files)) = corpus() else {
        return all;
    };
    for file in &files {
        let log = file["file"].as_str().unwrap();
        let mut path = corpus.join(log);
        match file["kind"].as_str().unwrap() {
            "aof" => {}
            "aofdir" => path.push(file["dir"].as_str().unwrap_or("appendonlydir")),
            _ => continue,
        }
        // Scripts that were logged as such can only be run by a server with Lua.
        let scripts = [
            "redis-2.8.24/log",
            "redis-3.2.13/log",
            "redis-4.0.14/log",
            "redis-4.0.14/preamble",
            "legacy/leonchen83-redis-replicator--appendonly6",
        ];
        if file["damage"].is_object() || scripts.iter().any(|s| log.starts_with(s)) {
            continue;
        }
        let Some(expected) = file["expected"].as_str() else {
            continue;
        };
        all.push(Known {
            name: log.to_owned(),
            path,
            expected: corpus.join(expected),
            now_ms: file["read_clock_ms"].as_i64().unwrap_or(NOW),
        });
    }
    all
}

impl Known {
    /// The log in a data directory.
    fn plant(&self, dir: &Path) -> PathBuf {
        if self.path.is_dir() {
            let folder = dir.join("appendonlydir");
            let set = Set::find(&self.path).unwrap().unwrap();
            copy(&set.folder, &folder);
            folder
        } else {
            let file = dir.join("appendonly.aof");
            std::fs::copy(&self.path, &file).unwrap();
            file
        }
    }

    fn compact(&self, path: &Path, expired_by: Option<i64>) -> redisk::Result<Report> {
        let options = Options {
            now_ms: self.now_ms,
            expired_by,
            ..options(&Real)
        };
        match compact::compact(path, To::Place, &options) {
            // A log alone does not tell that it is of a new server.
            Err(e) if e.message().contains("--target says") && path.is_file() => {
                let options = Options {
                    target: Target::from_name("redis-8.6"),
                    ..options
                };
                compact::compact(path, To::Place, &options)
            }
            done => done,
        }
    }

    /// The server that wrote it, by its name: major and minor version.
    fn version(&self) -> Option<(u8, u8)> {
        let (_, rest) = self
            .name
            .split_once("redis-")
            .or(self.name.split_once("valkey-"))?;
        let mut parts = rest
            .split(['.', '/', '-'])
            .map_while(|part| part.parse().ok());
        Some((parts.next()?, parts.next()?))
    }
}

#[test]
fn what_servers_recorded_is_what_is_left() {
    let (mut passed, mut wrong) = (0, Vec::new());
    for known in known() {
        let dir = tempfile::tempdir().unwrap();
        let path = known.plant(dir.path());
        match known.compact(&path, None) {
            Err(e) => wrong.push(format!("{}: {e}", known.name)),
            Ok(report) => {
                assert!(report.after.is_some(), "{}", known.name);
                let want = plain(without_clocks(expected(&known.expected)), report.base);
                // What was a single file may be a set now.
                let place = if path.exists() {
                    path.as_path()
                } else {
                    dir.path()
                };
                let got = plain(state(place), report.base);
                let differ = differences(&got, &want);
                if differ.is_empty() {
                    passed += 1;
                } else {
                    wrong.push(format!(
                        "{} for {}: {}",
                        known.name, report.target, differ[0]
                    ));
                }
            }
        }
    }
    for line in &wrong {
        eprintln!("{}", line.chars().take(700).collect::<String>());
    }
    assert!(
        wrong.is_empty(),
        "{} of {}",
        wrong.len(),
        passed + wrong.len()
    );
    assert!(passed > 4);
}

/// Without what a base of commands cannot say, as a server's own rewrite cannot: what is pending of entries that are
/// gone, and the sign of a -0 in what was packed.
fn plain(mut contents: Contents, base: Base) -> Contents {
    for key in contents.values_mut() {
        (key.freq, key.idle) = (None, None);
        if let Value::Scores(scores) = &mut key.value {
            for (_, bits) in scores.iter_mut().filter(|s| s.1 == (-0f64).to_bits()) {
                *bits = 0;
            }
        }
        if let Value::Stream(stream) = &mut key.value
            && base == Base::Aof
        {
            let ids: std::collections::BTreeSet<&str> =
                stream.entries.iter().map(|e| e.0.as_str()).collect();
            for group in &mut stream.groups {
                group.pending.retain(|p| ids.contains(p.0.as_str()));
            }
        }
    }
    contents
}

/// A server starts with what is compacted for its family, and has the state that it had.
fn loaded_by(kind: Kind) {
    let Some(mut server) = Server::start(kind, &[]) else {
        return;
    };
    let (family, (major, minor, _)) = server.version();
    drop(server);
    let flavour = match family {
        Kind::Redis => Flavour::Redis,
        Kind::Valkey => Flavour::Valkey,
    };
    let (mut loaded, mut wrong) = (0, Vec::new());
    for known in known() {
        let dir = tempfile::tempdir().unwrap();
        let path = known.plant(dir.path());
        // What expires while we look is gone before.
        let Ok(report) = known.compact(&path, Some(now_ms() + 3_600_000)) else {
            wrong.push(format!("{}: is not compacted", known.name));
            continue;
        };
        // What was a single file may be a set now.
        let path = if path.exists() {
            path
        } else {
            dir.path().to_owned()
        };
        let family = known.name.contains("valkey") == (flavour == Flavour::Valkey);
        // Files of old are for servers of old: those since 7.0 hold some values in another way.
        let of_old = report.target.version < (7, 0) && !report.is_set;
        let age = match (report.base, known.version()) {
            // Commands are for whoever logged them.
            (Base::Aof, Some(version)) if report.is_set => version <= (major, minor),
            _ => {
                report.target.flavour == flavour
                    && report.target.version <= (major, minor)
                    && (!of_old || (major, minor) < (7, 0))
            }
        };
        // Modules are not there.
        if !family
            || !age
            || known.name.contains("modul")
            || fields_pass(&state(&path), now_ms() + 7_200_000)
        {
            continue;
        }
        let (engine, _) = engine(&path).unwrap();
        let mut args = vec!["--appendonly", "yes", "--databases", "3000"];
        if (major, minor) >= (7, 0) {
            args.extend(["--enable-debug-command", "local"]);
        }
        let set = Set::find(&path).ok().flatten();
        let base_name = set.map_or("appendonly.aof".to_owned(), |s| {
            String::from_utf8(s.base_name).unwrap()
        });
        args.extend(["--appendfilename", &base_name]);
        let mut server = match Server::start_in(kind, dir.path(), &args).unwrap() {
            Ok(server) => server,
            Err(refused) => {
                let log: Vec<&str> = refused.log.lines().rev().take(5).collect();
                wrong.push(format!("{}: refused: {}", known.name, log.join("\n")));
                continue;
            }
        };
        let seen = server.cmd(&["DEBUG", "DIGEST"]).text();
        let fields = match flavour {
            Flavour::Redis => FieldExpiry::Counts,
            Flavour::Valkey => FieldExpiry::Ignored,
        };
        let ours = digest::digest(&engine.keys, fields, 1);
        let opaque = ours.opaque > 0;
        let ours = [ours.fpconv.to_string(), ours.g17.to_string()];
        if opaque || ours.contains(&seen) {
            loaded += 1;
        } else {
            wrong.push(format!(
                "{}: the digest is {seen}, ours {ours:?}",
                known.name
            ));
        }
    }
    eprintln!("{flavour:?} {major}.{minor}: {loaded} loaded");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(loaded > 0);
}

#[test]
fn redis_starts_with_what_is_compacted() {
    loaded_by(Kind::Redis);
}

#[test]
fn valkey_starts_with_what_is_compacted() {
    loaded_by(Kind::Valkey);
}

/// A server is stopped at a call of the system that changes the folder, one after the other: what is left is started
/// from by a real one.
#[cfg(all(target_os = "linux", feature = "cli"))]
#[test]
fn killed_at_every_call() {
    use std::process::{Command, Stdio};
    let strace = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .status();
    if !strace.is_ok_and(|s| s.success()) {
        assert!(
            std::env::var_os("REDISK_REQUIRE_SERVERS").is_none_or(|v| v != "1"),
            "REDISK_REQUIRE_SERVERS=1, but there is no strace"
        );
        eprintln!("SKIPPED: no strace");
        return;
    }
    let calls = ["rename", "unlink", "fsync", "write", "fchmod"];
    let (mut killed, mut ended) = (0, 0);
    for call in calls {
        for nth in 1..30 {
            let dir = tempfile::tempdir().unwrap();
            CASES[0].plant(dir.path());
            let want = digest_of(dir.path()).unwrap();
            let status = Command::new("strace")
                .args([
                    "-f",
                    "-o",
                    "/dev/null",
                    "-e",
                    &format!("trace={call}"),
                    "-e",
                ])
                .arg(format!("inject={call}:signal=SIGKILL:when={nth}"))
                .arg(env!("CARGO_BIN_EXE_redisk"))
                .args(["compact", "--threads", "1", "--quiet"])
                .arg(dir.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert_eq!(digest_of(dir.path()), Ok(want.clone()), "{call} {nth}");
            if status.success() {
                ended += 1;
                break;
            }
            killed += 1;
            // One of each is enough for a server to look at.
            if call == "rename" || call == "unlink" {
                started(dir.path(), &format!("{call} {nth}"));
            }
            CASES[0].compact(dir.path(), &Real).unwrap();
            assert_eq!(digest_of(dir.path()), Ok(want), "{call} {nth}, again");
        }
    }
    assert_eq!(ended, calls.len());
    assert!(killed > 8, "{killed}");
}

/// A server starts from a copy, with as many keys as we find.
#[cfg(all(target_os = "linux", feature = "cli"))]
fn started(dir: &Path, what: &str) {
    let place = tempfile::tempdir().unwrap();
    copy(dir, place.path());
    let args = ["--appendonly", "yes"];
    let Some(server) = Server::start_in(Kind::Redis, place.path(), &args) else {
        return;
    };
    let mut server = server.unwrap_or_else(|r| panic!("{what}: {r:?}"));
    let (engine, _) = engine(dir).unwrap();
    for (db, keys) in engine.keys.dbs() {
        server.cmd(&["SELECT", &db.to_string()]);
        assert_eq!(server.cmd(&["DBSIZE"]).int(), keys.len() as i64, "{what}");
    }
}
