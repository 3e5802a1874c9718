//! Putting a new base in the place of an old log, by the steps of a server's rewrite.
//!
//! ```text
//!   a set                                                     a single file, for a server that has sets
//!   1  temp-rewriteaof-redisk.aof   written, synced, read over   1  the same, beside the file
//!   2  … is named N+1.base, K+1.incr is made, folder synced      –  folder and manifest {b file}, synced; the file
//!   3  manifest {b N+1, h …, i K+1}: temp-, synced, renamed,        moves into the folder: what a server does that
//!      folder synced                ◀── from here on it counts      takes over a file of the old form
//!   4  the old files go, folder synced                           2  to 5: as for a set
//!   5  manifest {b N+1, i K+1}, as in 3
//! ```
//! Whatever step is the last that reached the disk, the folder holds the old log or the new one, and no manifest names a
//! file that is not there, but for history. What a crash leaves beside them is in nobody's way: the temporary file is
//! written anew by the next run, other names are passed over by it. Source: redis `src/aof.c`
//! (`backgroundRewriteDoneHandler`, `persistAofManifest`, `aofUpgradePrepare`).

use crate::aof::manifest::{self, Manifest, Record, Role};
use crate::aof::multipart::{Set, os_string};
use crate::disk::layer::{Disk, DiskFile};
use crate::disk::live::Lock;
use crate::error::{Error, Result};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The base while it is written. By its name it is what a rewrite left: verify says so, and it is not used.
pub const TEMP_BASE: &str = "temp-rewriteaof-redisk.aof";

/// What an error says that comes when the manifest lists the new files already.
pub(super) const COUNTS: &str = "the new log counts already, but not all is done";

/// Turns an error of the operating system into ours.
pub(super) fn tell<T>(done: io::Result<T>, doing: &str, path: &Path) -> Result<T> {
    done.map_err(|e| Error::from_io(e, doing).in_file(&path.to_string_lossy()))
}

/// A disk whose errors say what was done to which file.
#[derive(Clone, Copy)]
pub(super) struct Steps<'a> {
    disk: &'a dyn Disk,
    /// Is told of each temporary name before it is used.
    staged: &'a dyn Fn(&Path),
}

impl<'a> Steps<'a> {
    pub(super) fn new(disk: &'a dyn Disk, staged: &'a dyn Fn(&Path)) -> Steps<'a> {
        Steps { disk, staged }
    }

    pub(super) fn create(self, path: &Path) -> Result<Box<dyn DiskFile>> {
        tell(self.disk.create(path), "create", path)
    }

    /// A temporary file, in the place of what an earlier run left there.
    pub(super) fn temporary(self, path: &Path) -> Result<Box<dyn DiskFile>> {
        if path.symlink_metadata().is_ok() {
            self.remove(path)?;
        }
        (self.staged)(path);
        self.create(path)
    }

    pub(super) fn rename(self, from: &Path, to: &Path) -> Result<()> {
        tell(self.disk.rename(from, to), "rename", from)
    }

    pub(super) fn remove(self, path: &Path) -> Result<()> {
        tell(self.disk.remove(path), "remove", path)
    }

    /// What is not complete goes; where it does not, nothing more can be done.
    pub(super) fn give_up(self, path: &Path) {
        let _ = self.disk.remove(path);
    }

    pub(super) fn sync_folder(self, path: &Path) -> Result<()> {
        tell(self.disk.sync_folder(path), "sync the folder", path)
    }

    /// A whole small file.
    fn file(
        self,
        mut file: Box<dyn DiskFile>,
        path: &Path,
        like: &Path,
        bytes: &[u8],
    ) -> Result<()> {
        tell(file.write_all(bytes), "write", path)?;
        tell(file.inherit(like), "set the mode", path)?;
        tell(file.sync(), "sync", path)
    }
}

/// A folder of a set as it is to be changed.
pub(super) struct Old {
    pub(super) folder: PathBuf,
    /// `appendfilename`.
    pub(super) name: Vec<u8>,
    pub(super) manifest: PathBuf,
    /// Its records, each with the place of its file.
    pub(super) members: Vec<(Record, PathBuf)>,
}

/// What became of the files.
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub(super) written: Vec<PathBuf>,
    pub(super) removed: Vec<PathBuf>,
    pub(super) kept: Vec<PathBuf>,
}

/// How the new set is to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// `rdb` or `aof`.
    pub(super) ending: &'static str,
    pub(super) keep_history: bool,
    /// Stands at the head of the new incr: the time of the log's last annotation.
    pub(super) time: Option<i64>,
}

/// What a manifest is called while it is written.
pub(super) fn temp_manifest(name: &[u8]) -> std::ffi::OsString {
    let mut temp = std::ffi::OsString::from("temp-");
    temp.push(os_string(name));
    temp.push(".manifest");
    temp
}

/// An annotation.
pub(super) fn annotation(time: i64) -> String {
    format!("#TS:{time}\r\n")
}

impl Old {
    pub(super) fn of(set: &Set) -> Old {
        let member = |m: &crate::aof::multipart::Member| (m.record.clone(), m.path.clone());
        Old {
            folder: set.folder.clone(),
            name: set.base_name.clone(),
            manifest: set.manifest.clone(),
            members: set.members.iter().map(member).collect(),
        }
    }

    fn role(&self, role: Role) -> impl DoubleEndedIterator<Item = &(Record, PathBuf)> {
        self.members.iter().filter(move |(r, _)| r.role == role)
    }

    /// The first number above all of that role that no file has yet, and the name.
    fn next(&self, role: Role, ending: &str) -> Result<(i64, Vec<u8>)> {
        let kind = if role == Role::Base { "base" } else { "incr" };
        let listed = self
            .members
            .iter()
            .filter(|(r, _)| r.role == role || r.role == Role::History);
        let mut seq = listed.map(|(r, _)| r.seq).max().unwrap_or(0);
        loop {
            seq = seq.checked_add(1).ok_or_else(|| {
                Error::limit("the manifest has no numbers left")
                    .in_file(&self.manifest.to_string_lossy())
            })?;
            let name = |ending: &str| {
                let mut name = self.name.clone();
                name.extend_from_slice(format!(".{seq}.{kind}.{ending}").as_bytes());
                name
            };
            let taken = ["rdb", "aof"].iter().any(|e| {
                self.folder
                    .join(os_string(&name(e)))
                    .symlink_metadata()
                    .is_ok()
            });
            if !taken {
                return Ok((seq, name(ending)));
            }
        }
    }

    /// The file whose mode and owner a new base gets.
    pub(super) fn like(&self) -> &Path {
        let first = self
            .role(Role::Base)
            .next()
            .or_else(|| self.role(Role::Incr).next());
        first.map_or(&self.manifest, |(_, path)| path)
    }

    /// Writes a manifest: a temporary file, synced, renamed, the folder synced.
    fn write(&self, records: Vec<Record>, like: &Path, steps: Steps<'_>) -> Result<()> {
        let manifest = Manifest {
            records,
            ..Manifest::default()
        };
        let mut text = Vec::new();
        manifest.write(&mut text);
        // A name of many bytes to be escaped makes a line longer than servers read.
        Manifest::read_strict(&text[..]).map_err(|e| {
            Error::limit(format!("servers would not read the new manifest: {e}"))
                .in_file(&self.manifest.to_string_lossy())
        })?;
        let temp = self.folder.join(temp_manifest(&self.name));
        let file = steps.temporary(&temp)?;
        let done = steps
            .file(file, &temp, like, &text)
            .and_then(|()| steps.rename(&temp, &self.manifest));
        if done.is_err() {
            steps.give_up(&temp);
        }
        done?;
        steps.sync_folder(&self.folder)
    }

    /// Steps 2 to 5. `base` is a complete file, and synced.
    pub(super) fn replace(&self, base: &Path, how: How, steps: Steps<'_>) -> Result<Placed> {
        let mut placed = Placed::default();
        let (base_seq, base_name) = self.next(Role::Base, how.ending)?;
        let (incr_seq, incr_name) = self.next(Role::Incr, "aof")?;
        let base_path = self.folder.join(os_string(&base_name));
        let incr_path = self.folder.join(os_string(&incr_name));
        let last = self.role(Role::Incr).next_back();
        let mut incr = Record::new(incr_name, incr_seq, Role::Incr);
        // The new incr goes on where a server that was shut down stopped.
        let offset = last.and_then(|(r, _)| r.end_offset);
        (incr.start_offset, incr.end_offset) = (offset, offset);
        let base_record = Record::new(base_name, base_seq, Role::Base);

        steps
            .rename(base, &base_path)
            .inspect_err(|_| steps.give_up(base))?;
        let head = how.time.map(annotation).unwrap_or_default();
        let like = last.map_or(self.like(), |(_, path)| path);
        let mut records = vec![base_record.clone()];
        for (record, _) in &self.members {
            let mut history = record.clone();
            history.role = Role::History;
            records.push(history);
        }
        records.push(incr.clone());
        let counts = (|| {
            let file = steps.create(&incr_path)?;
            steps.file(file, &incr_path, like, head.as_bytes())?;
            steps.sync_folder(&self.folder)?;
            self.write(records, &self.manifest, steps)
        })();
        if let Err(e) = counts {
            // A manifest whose folder could not be synced may name them.
            if self.names(&base_record) {
                return Err(e.within(COUNTS));
            }
            steps.give_up(&base_path);
            steps.give_up(&incr_path);
            return Err(e);
        }
        placed
            .written
            .extend([base_path, incr_path, self.manifest.clone()]);
        let last = [base_record, incr];
        self.let_go(how, last, &mut placed, steps)
            .map_err(|e| e.within(COUNTS))?;
        Ok(placed)
    }

    /// Whether the manifest lists that file.
    fn names(&self, record: &Record) -> bool {
        let file = std::fs::File::open(&self.manifest);
        let manifest = file.ok().and_then(|file| Manifest::read_strict(file).ok());
        manifest.is_none_or(|m| m.records.iter().any(|r| r.name == record.name))
    }

    /// Steps 4 and 5.
    fn let_go(
        &self,
        how: How,
        last: [Record; 2],
        placed: &mut Placed,
        steps: Steps<'_>,
    ) -> Result<()> {
        let old = self.members.iter().map(|(_, path)| path);
        if how.keep_history {
            placed.kept.extend(old.filter(|p| p.exists()).cloned());
            return Ok(());
        }
        for path in old.filter(|path| path.symlink_metadata().is_ok()) {
            steps.remove(path)?;
            placed.removed.push(path.clone());
        }
        steps.sync_folder(&self.folder)?;
        self.write(last.into(), &self.manifest, steps)
    }
}

/// Makes a set of a single file, as a server does that takes it over: its only file is the old one, as its base. Nobody
/// else works on the set while the lock is held.
pub(super) fn take_over(
    file: &Path,
    folder: &Path,
    name: &[u8],
    steps: Steps<'_>,
) -> Result<(Old, Lock)> {
    let around = super::log::around(file);
    let moved = folder.join(os_string(name));
    let mut manifest_name = os_string(name);
    manifest_name.push(".manifest");
    let record = Record::new(name, 1, Role::Base);
    let old = Old {
        folder: folder.to_owned(),
        name: name.to_vec(),
        manifest: folder.join(manifest_name),
        members: vec![(record.clone(), moved.clone())],
    };
    if !folder.exists() {
        let made = steps.disk.make_folder(folder, around);
        tell(made, "make the folder", folder)?;
        steps.sync_folder(around)?;
    }
    let lock = Lock::take(folder)?;
    old.write(vec![record], file, steps)?;
    steps.rename(file, &moved)?;
    steps.sync_folder(folder)?;
    steps.sync_folder(around)?;
    Ok((old, lock))
}

/// A set in a folder of its own: the base is there already.
pub(super) fn complete(
    folder: &Path,
    name: &[u8],
    ending: &str,
    like: (&Path, &Path),
    time: Option<i64>,
    steps: Steps<'_>,
) -> Result<()> {
    let named = |rest: &str| {
        let mut name = name.to_vec();
        name.extend_from_slice(rest.as_bytes());
        name
    };
    let incr = named(".1.incr.aof");
    let path = folder.join(os_string(&incr));
    let head = time.map(annotation).unwrap_or_default();
    steps.file(steps.create(&path)?, &path, like.0, head.as_bytes())?;
    let base = Record::new(named(&format!(".1.base.{ending}")), 1, Role::Base);
    let set = Old {
        folder: folder.to_owned(),
        name: name.to_vec(),
        manifest: folder.join(os_string(&named(".manifest"))),
        members: Vec::new(),
    };
    let incr = manifest::Record::new(incr, 1, Role::Incr);
    set.write(vec![base, incr], like.1, steps)
}
