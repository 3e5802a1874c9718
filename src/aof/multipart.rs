//! The folder of a multi-part append-only file: its manifest, the files it names, and what else lies about.
//!
//! ```text
//! /var/lib/redis                              the data directory
//! ├── dump.rdb
//! ├── temp-rewriteaof-bg-4711.aof             left over from a rewrite that did not end
//! └── appendonlydir                           any name (appenddirname)
//!     ├── appendonly.aof.manifest             any name before .manifest (appendfilename)
//!     ├── appendonly.aof.2.base.rdb           listed: type b
//!     ├── appendonly.aof.2.incr.aof           listed: type i
//!     ├── appendonly.aof.3.base.rdb           unlisted base: looks newer, must not be used
//!     ├── appendonly.aof.1.incr.aof           orphaned incr
//!     └── temp-appendonly.aof.manifest        a manifest that was never renamed
//! ```
//!
//! [`Set::find`] takes any of the three: data directory, folder, manifest. Only the manifest says what belongs to the set.
//! A name that leads out of the folder is refused: `/` and `\` by the manifest's own rules, links by looking where they
//! end. A member that is no regular file is not opened, so that a named pipe cannot hang anybody.
//!
//! Source: redis `src/aof.c` (`aofLoadManifestFromDisk`, `aofUpgradePrepare`, `loadAppendOnlyFiles`).

use crate::aof::manifest::{Manifest, Reading, Record, Role};
use crate::error::{Error, Result};
use crate::text::quoted;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

mod findings;
mod leftover;

pub use leftover::{Leftover, LeftoverKind};

/// The folder's name unless a server is told otherwise (`appenddirname`).
pub const FOLDER: &str = "appendonlydir";

/// A file that the manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its line.
    pub record: Record,
    /// Where it is.
    pub path: PathBuf,
    /// What is there.
    pub found: Found,
}

/// What is found at the place of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A file of so many bytes.
    File(u64),
    /// The same, still outside the folder: a server that takes over a file of the old form was stopped between writing
    /// the manifest and moving the file. The next start moves it.
    NotYetMoved(u64),
    /// Nothing.
    Missing,
    /// A link to a place outside the folder: not read.
    Outside(PathBuf),
    /// The file that an earlier line names, too, by its number: not read again. Servers would.
    Repeated(u64),
    /// Something that is no regular file: not read.
    NotAFile,
    /// The operating system will not tell.
    Unreadable(String),
}

impl Member {
    /// Its size, if it can be read.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match self.found {
            Found::File(size) | Found::NotYetMoved(size) => Some(size),
            Found::Missing
            | Found::Outside(_)
            | Found::Repeated(_)
            | Found::NotAFile
            | Found::Unreadable(_) => None,
        }
    }

    /// Why it is not read, for people; `None` where it can be.
    #[must_use]
    pub fn unread(&self) -> Option<String> {
        let name = quoted(&self.record.name);
        Some(match &self.found {
            Found::File(_) | Found::NotYetMoved(_) => return None,
            Found::Missing => format!("the manifest lists {name}, but there is no such file"),
            Found::Outside(target) => format!(
                "{name} is a link out of the folder, to {}; it is not read",
                shown(target)
            ),
            Found::Repeated(line) => format!(
                "line {} lists {name}, which line {line} does too; it is not read again",
                self.record.line
            ),
            Found::NotAFile => format!("{name} is no regular file; it is not read"),
            Found::Unreadable(why) => format!("{name} cannot be read: {why}"),
        })
    }
}

/// A multi-part append-only file.
#[derive(Debug, Clone)]
pub struct Set {
    /// The folder that holds it.
    pub folder: PathBuf,
    /// Its manifest.
    pub manifest: PathBuf,
    /// `appendfilename`: the manifest's name without `.manifest`.
    pub base_name: Vec<u8>,
    /// What the manifest says, and what is wrong with it.
    pub reading: Reading,
    /// The files it names, in its order.
    pub members: Vec<Member>,
    /// What else is there, sorted; the first [`FINDINGS_LISTED`](crate::limits::FINDINGS_LISTED).
    pub leftovers: Vec<Leftover>,
    /// How many there are.
    pub leftover_count: u64,
}

impl Set {
    /// Finds the set in a data directory or in its folder, or by its manifest. `None` if there is no manifest in the
    /// directory, or in one of its own; a server takes that for a set without files.
    ///
    /// # Errors
    /// What the operating system reports; or several manifests, so that it must be said which one is meant.
    pub fn find(path: &Path) -> Result<Option<Set>> {
        let meta = fs::metadata(path).map_err(|e| io_error(e, "open", path))?;
        if !meta.is_dir() {
            return Set::of_manifest(path).map(Some);
        }
        if let Some(manifest) = only_manifest(path)? {
            return Set::of_manifest(&manifest).map(Some);
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(path).map_err(|e| io_error(e, "read the folder", path))? {
            let entry = entry.map_err(|e| io_error(e, "read the folder", path))?;
            // A link to the folder is how some set it up, so the type is that of the target.
            if fs::metadata(entry.path()).is_ok_and(|m| m.is_dir())
                && let Ok(Some(manifest)) = only_manifest(&entry.path())
            {
                found.push(manifest);
            }
        }
        found.sort();
        // The same folder by another name is no other one.
        let mut places = HashSet::new();
        found.retain(|m| fs::canonicalize(m).map_or(true, |place| places.insert(place)));
        let usual = found.iter().find(|m| {
            m.parent()
                .and_then(Path::file_name)
                .is_some_and(|n| n == FOLDER)
        });
        let manifest = match (&found[..], usual) {
            ([], _) => return Ok(None),
            ([one], _) | (_, Some(one)) => one,
            (several, None) => return Err(ambiguous(path, several)),
        };
        let mut set = Set::of_manifest(manifest)?;
        set.look_for_rewrites(path)?;
        Ok(Some(set))
    }

    /// The set of a manifest.
    ///
    /// # Errors
    /// What the operating system reports about the manifest and its folder. What is wrong *in* the manifest, or with the
    /// files it names, is no error, but stands in [`Set::reading`] and [`Set::members`].
    pub fn of_manifest(path: &Path) -> Result<Set> {
        let file = File::open(path).map_err(|e| io_error(e, "open", path))?;
        let reading = Manifest::read(file).map_err(|e| e.in_file(&path.to_string_lossy()))?;
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let name = path
            .file_name()
            .map(|n| n.as_encoded_bytes())
            .unwrap_or_default();
        let base_name = name.strip_suffix(b".manifest").unwrap_or(name).to_vec();
        let inside = fs::canonicalize(&folder).map_err(|e| io_error(e, "open", &folder))?;
        let records = &reading.manifest.records;
        let mut seen = HashMap::new();
        let members = records
            .iter()
            .map(|record| {
                let mut member = member(record, &folder, &inside, records.len(), &base_name);
                // A manifest could make a single file a very long log. No server writes a name twice.
                match seen.entry(&record.name) {
                    Entry::Occupied(line) => member.found = Found::Repeated(*line.get()),
                    Entry::Vacant(place) => _ = place.insert(record.line),
                }
                member
            })
            .collect();
        let mut set = Set {
            folder,
            manifest: path.to_owned(),
            base_name,
            reading,
            members,
            leftovers: Vec::new(),
            leftover_count: 0,
        };
        set.look_for_leftovers()?;
        Ok(set)
    }

    /// The members in the order that a server loads them: the base first, wherever its line stands, then the incr files.
    pub fn in_load_order(&self) -> impl Iterator<Item = &Member> {
        let role = |role| self.members.iter().filter(move |m| m.record.role == role);
        role(Role::Base).take(1).chain(role(Role::Incr))
    }

    /// The history files that are still there: obsolete, and safe to delete while no server runs.
    pub fn history(&self) -> impl Iterator<Item = &Member> {
        self.members
            .iter()
            .filter(|m| m.record.role == Role::History && m.size().is_some())
    }
}

/// The one manifest of a folder; `None` if it has none.
fn only_manifest(folder: &Path) -> Result<Option<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| io_error(e, "read the folder", folder))? {
        let entry = entry.map_err(|e| io_error(e, "read the folder", folder))?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.ends_with(b".manifest") && !name.starts_with(b"temp-") {
            found.push(entry.path());
        }
    }
    found.sort();
    match &found[..] {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        several => Err(ambiguous(folder, several)),
    }
}

fn ambiguous(path: &Path, several: &[PathBuf]) -> Error {
    let list: Vec<_> = several.iter().take(5).map(|p| shown(p)).collect();
    Error::usage(format!(
        "several manifests; name the one you mean: {}",
        list.join(", ")
    ))
    .in_file(&path.to_string_lossy())
}

/// Looks where a record's file is, without opening it.
fn member(
    record: &Record,
    folder: &Path,
    inside: &Path,
    records: usize,
    base_name: &[u8],
) -> Member {
    let name = os_string(&record.name);
    let path = folder.join(&name);
    let mut found = look(&path, inside);
    let mut place = path;
    // The third condition of an upgrade: one record, a base of the old name, and that file not yet in the folder.
    if found == Found::Missing
        && record.role == Role::Base
        && records == 1
        && record.name == base_name
        && let Some(dir) = inside.parent()
        && let outside = dir.join(&name)
        && let Ok(meta) = fs::symlink_metadata(&outside)
        && meta.is_file()
    {
        found = Found::NotYetMoved(meta.len());
        place = outside;
    }
    Member {
        record: record.clone(),
        path: place,
        found,
    }
}

fn look(path: &Path, inside: &Path) -> Found {
    let missing = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => Found::Missing,
        _ => Found::Unreadable(e.to_string()),
    };
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(e) => return missing(e),
    };
    if !meta.is_symlink() {
        return if meta.is_file() {
            Found::File(meta.len())
        } else {
            Found::NotAFile
        };
    }
    match fs::canonicalize(path) {
        Err(e) => missing(e),
        Ok(target) if !target.starts_with(inside) => Found::Outside(target),
        Ok(target) => match fs::metadata(&target) {
            Ok(meta) if meta.is_file() => Found::File(meta.len()),
            Ok(_) => Found::NotAFile,
            Err(e) => missing(e),
        },
    }
}

#[cfg(unix)]
pub(crate) fn os_string(name: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(name.to_vec())
}

#[cfg(not(unix))]
pub(crate) fn os_string(name: &[u8]) -> OsString {
    OsString::from(String::from_utf8_lossy(name).into_owned())
}

fn shown(path: &Path) -> String {
    quoted(path.as_os_str().as_encoded_bytes()).to_string()
}

fn io_error(e: std::io::Error, doing: &str, path: &Path) -> Error {
    Error::from_io(e, doing).in_file(&path.to_string_lossy())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::model::finding::Severity;
    use std::os::unix::fs::symlink;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    const MANIFEST: &str = "file a.aof.1.incr.aof seq 1 type h\nfile a.aof.3.incr.aof seq 3 type i\nfile a.aof.2.base.rdb seq 2 type b\n";

    fn kinds(set: &Set) -> Vec<&'static str> {
        set.leftovers.iter().map(|l| l.kind.name()).collect()
    }

    #[test]
    fn found_by_any_of_three() {
        let dir = folder(&[
            ("log/a.aof.manifest", MANIFEST),
            ("log/a.aof.2.base.rdb", "REDIS"),
            ("log/a.aof.3.incr.aof", ""),
            ("log/a.aof.1.incr.aof", "*"),
            ("log/a.aof.3.base.aof", "x"),
            ("log/a.aof.2.incr.aof", "x"),
            ("log/temp-a.aof.manifest", "x"),
            ("log/temp-a.aof.incr", "x"),
            ("log/notes.txt", "x"),
            ("log/a.aof.x.base.rdb", "x"),
            ("temp-rewriteaof-bg-7.aof", "xyz"),
            ("other/file", ""),
        ]);
        let root = dir.path();
        for path in [
            root.to_owned(),
            root.join("log"),
            root.join("log/a.aof.manifest"),
        ] {
            let set = Set::find(&path).unwrap().unwrap();
            assert_eq!(set.base_name, b"a.aof");
            let order: Vec<_> = set.in_load_order().map(|m| m.record.name.clone()).collect();
            assert_eq!(order, [b"a.aof.2.base.rdb", b"a.aof.3.incr.aof"]);
            assert_eq!(
                set.in_load_order().map(Member::size).collect::<Vec<_>>(),
                [Some(5), Some(0)]
            );
            assert_eq!(set.history().count(), 1);
            let mut expected = vec![
                "temp-manifest",
                "temp-incr",
                "unlisted-base",
                "orphaned-incr",
                "other",
                "other",
            ];
            if path == root {
                expected.insert(2, "temp-rewrite");
            }
            assert_eq!(kinds(&set), expected);
            assert!(set.findings().iter().all(|f| f.severity == Severity::Note));
            assert_eq!(set.findings().len(), expected.len() - 2);
        }
        assert!(Set::find(&root.join("other")).unwrap().is_none());
        assert!(Set::find(&root.join("nowhere")).is_err());
    }

    #[test]
    fn several_manifests_must_be_told_apart() {
        let dir = folder(&[("a.manifest", MANIFEST), ("b.manifest", MANIFEST)]);
        assert!(Set::find(dir.path()).is_err());
        let set = Set::find(&dir.path().join("a.manifest")).unwrap().unwrap();
        assert_eq!(kinds(&set), ["other-manifest"]);
        let dir = folder(&[
            ("x/a.manifest", MANIFEST),
            ("appendonlydir/a.manifest", MANIFEST),
        ]);
        let set = Set::find(dir.path()).unwrap().unwrap();
        assert!(set.folder.ends_with(FOLDER));
        let dir = folder(&[("x/a.manifest", MANIFEST), ("y/a.manifest", MANIFEST)]);
        assert!(Set::find(dir.path()).is_err());
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        let dir = folder(&[
            ("secret", "*"),
            (
                "log/a.manifest",
                "file ../secret seq 1 type b\nfile out seq 1 type i\nfile in seq 2 type i\nfile loop seq 3 type i\nfile gone seq 4 type i\nfile dir seq 5 type i\nfile \"\\xff\" seq 6 type i\n",
            ),
            ("log/real", "*1"),
            ("log/dir/x", ""),
        ]);
        let log = dir.path().join("log");
        symlink("../secret", log.join("out")).unwrap();
        symlink("real", log.join("in")).unwrap();
        symlink("loop", log.join("loop")).unwrap();
        let set = Set::find(&log).unwrap().unwrap();
        let found: Vec<_> = set.members.iter().map(|m| &m.found).collect();
        assert!(matches!(
            found[..],
            [
                Found::Outside(_),
                Found::File(2),
                Found::Unreadable(_),
                Found::Missing,
                Found::NotAFile,
                Found::Missing
            ]
        ));
        let codes: Vec<_> = set.findings().iter().map(|f| f.code).collect();
        assert_eq!(
            codes,
            [
                "manifest",
                "member-outside",
                "member-unreadable",
                "member-missing",
                "member-no-file",
                "member-missing"
            ]
        );
    }

    #[test]
    fn an_upgrade_that_was_stopped() {
        let dir = folder(&[
            ("appendonly.aof", "*1"),
            (
                "appendonlydir/appendonly.aof.manifest",
                "file appendonly.aof seq 1 type b\n",
            ),
        ]);
        let set = Set::find(dir.path()).unwrap().unwrap();
        assert_eq!(set.members[0].found, Found::NotYetMoved(2));
        assert!(set.members[0].path.is_file());
        assert_eq!(set.findings()[0].code, "member-not-moved");
    }
}
