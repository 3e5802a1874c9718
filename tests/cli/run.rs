//! Running the binary.

use serde_json::Value;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

/// What came of a run.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) out: Vec<u8>,
    pub(super) err: String,
    /// The most memory that was seen in use, in bytes, where anybody looked.
    pub(super) peak: u64,
}

impl Ran {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    pub(super) fn lines(&self) -> Vec<&str> {
        self.text().lines().collect()
    }

    /// Asserts the exit code; gives itself.
    #[track_caller]
    pub(super) fn exits(self, code: i32) -> Ran {
        assert_eq!(
            self.code,
            Some(code),
            "{}\n{}",
            String::from_utf8_lossy(&self.out),
            self.err
        );
        self
    }
}

pub(super) fn command(args: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redisk"));
    command
        .args(args)
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    command
}

/// What [`watched`] allows: the bound that README.md states, for debug builds too.
pub(super) const MEMORY: u64 = 64 << 20;

/// Starts the program, and a thread that feeds it.
fn start(
    args: &[impl AsRef<OsStr>],
    feed: impl FnOnce(&mut dyn Write) -> std::io::Result<()> + Send + 'static,
) -> (Child, JoinHandle<()>) {
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may end before it has read everything.
    let feeder = std::thread::spawn(move || _ = feed(&mut stdin));
    (child, feeder)
}

/// Waits for its end; it must not have panicked.
#[track_caller]
fn end(child: Child, feeder: JoinHandle<()>) -> Ran {
    let done = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    let err = String::from_utf8(done.stderr).unwrap();
    assert!(!err.contains("panicked"), "{err}");
    Ran {
        code: done.status.code(),
        out: done.stdout,
        err,
        peak: 0,
    }
}

/// Runs with what `feed` writes on standard input, and asserts that memory stayed within [`MEMORY`].
#[track_caller]
pub(super) fn watched(
    args: &[impl AsRef<OsStr>],
    feed: impl FnOnce(&mut dyn Write) -> std::io::Result<()> + Send + 'static,
) -> Ran {
    let (child, feeder) = start(args, feed);
    let process = format!("/proc/{}", child.id());
    // The peak only grows, so that looking often enough sees all of it but what the last moment adds.
    let watcher = std::thread::spawn(move || {
        let mut peak = 0;
        // It may be gone before the first look.
        while let Some(kib) = peak_kib(&process) {
            peak = peak.max(kib << 10);
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        peak
    });
    let ran = end(child, feeder);
    let peak = watcher.join().unwrap();
    assert!(peak <= MEMORY, "{} MiB", peak >> 20);
    Ran { peak, ..ran }
}

/// The most memory that a process has had, by `/proc`; `None` once it has ended, and on other systems.
fn peak_kib(process: &str) -> Option<u64> {
    // For a moment a process that begins still has the memory of the one that it was made by.
    let program = std::fs::read_link(format!("{process}/exe")).ok()?;
    if program != std::fs::canonicalize(env!("CARGO_BIN_EXE_redisk")).ok()? {
        return Some(0);
    }
    let text = std::fs::read_to_string(format!("{process}/status")).ok()?;
    let line = text.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[track_caller]
pub(super) fn redisk(args: &[impl AsRef<OsStr>]) -> Ran {
    redisk_in(args, b"")
}

/// With something on standard input.
#[track_caller]
pub(super) fn redisk_in(args: &[impl AsRef<OsStr>], input: &[u8]) -> Ran {
    let input = input.to_vec();
    let (child, feeder) = start(args, move |to| to.write_all(&input));
    end(child, feeder)
}

/// The names of an object's fields, sorted.
pub(super) fn names(object: &Value) -> Vec<&str> {
    let object = object.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

/// A file of `testdata`.
pub(super) fn data(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name);
    path.to_str().unwrap().to_owned()
}

/// A file with many keys of all types in several databases.
pub(super) fn std_rdb() -> String {
    data("rdb/redis-7.0.15-std.rdb")
}

/// A damaged file.
pub(super) fn damaged_rdb() -> String {
    data("corrupt/redis-7.0.15-hole.rdb")
}

/// An RDB file of strings, without a checksum.
pub(super) fn rdb(keys: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut file = b"REDIS0011\xfe\0".to_vec();
    for (key, value) in keys {
        file.push(0);
        for text in [key, value] {
            assert!(text.len() < 64);
            file.push(text.len() as u8);
            file.extend_from_slice(text);
        }
    }
    file.extend_from_slice(b"\xff\0\0\0\0\0\0\0\0");
    file
}

/// A folder with files in it, gone when dropped.
pub(super) struct Folder(pub(super) tempfile::TempDir);

impl Folder {
    pub(super) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(super) fn file(&self, name: impl AsRef<OsStr>, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(super) fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.0.path().join(name.as_ref())
    }

    /// What lies in it, names alone.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// Whether nothing in the text could change how a terminal shows the rest.
pub(super) fn harmless(text: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(text).map_err(|e| e.to_string())?;
    let mut bad = String::new();
    for c in text.chars() {
        if c != '\n' && (c.is_control() || redisk::text::is_invisible(c)) {
            let _ = write!(bad, "{c:?} ");
        }
    }
    if bad.is_empty() { Ok(()) } else { Err(bad) }
}
