//! What several tests share.

pub(crate) mod canonical;
pub(crate) mod child;
pub(crate) mod diff;
pub(crate) mod disk;
pub(crate) mod made;
pub(crate) mod rdb;
pub(crate) mod run;
pub(crate) mod server;
pub(crate) mod shapes;

use std::path::{Path, PathBuf};

/// A path below `testdata/`.
pub(crate) fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name)
}

/// Whether golden files are to be written anew (`UPDATE=1`).
pub(crate) fn update() -> bool {
    std::env::var_os("UPDATE").is_some_and(|v| v != "0")
}

/// Compares with a golden file, or writes it.
pub(crate) fn golden(path: &Path, got: &[u8]) {
    if update() {
        std::fs::write(path, got).unwrap();
        return;
    }
    let want = std::fs::read(path)
        .unwrap_or_else(|e| panic!("{}: {e} (UPDATE=1 writes it)", path.display()));
    assert!(
        want == got,
        "{} differs (UPDATE=1 rewrites it):\n--- wanted\n{}\n--- got\n{}",
        path.display(),
        String::from_utf8_lossy(&want),
        String::from_utf8_lossy(got),
    );
}

/// The files of a folder with that ending, by name.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(testdata(folder))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.to_string_lossy().ends_with(ending))
        .collect();
    all.sort();
    assert!(!all.is_empty(), "no *{ending} in testdata/{folder}");
    all
}

/// The corpus that `REDISK_CORPUS` names, and what its manifest says of each file; `None`, and a word, where there is none.
pub(crate) fn corpus() -> Option<(PathBuf, Vec<serde_json::Value>)> {
    let Some(corpus) = std::env::var_os("REDISK_CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: REDISK_CORPUS names no corpus");
        return None;
    };
    let manifest = std::fs::read(corpus.join("MANIFEST.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let files = manifest["files"].as_array().unwrap().clone();
    Some((corpus, files))
}

/// The moment at the clock of the machine, Unix milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_millis()).unwrap()
}

/// A path's last part.
pub(crate) fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
