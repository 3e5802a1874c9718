//! Writing what a plan says: a copy, or in the place of what it is about.
//!
//! In place, a file is replaced in one step by a rename:
//! ```text
//!   .NAME.repair.tmp   written, synced
//!   NAME.before-repair a second link to NAME (or a copy, where the file system has none), folder synced
//!   NAME               .NAME.repair.tmp takes its place, folder synced
//! ```
//! Of a set, files that leave it are given another name first, the last one before the others, and then the manifest is
//! written, so that no file is loaded behind one that was cut; otherwise the manifest goes last. After a crash in between,
//! every file is either as it was or repaired, what it was is there under one of the names, and repairing again completes it.

use super::{FilePlan, Plan};
use crate::aof::multipart::os_string;
use crate::disk::layer::Disk;
use crate::disk::live::{self, Lock};
use crate::disk::{StagedFolder, space_left};
use crate::error::{Error, Result};
use crate::input::bytes::Far;
use crate::input::checksum::Crc64;
use crate::model::patch::{Fate, Patch};
use crate::model::units;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const BUFFER: usize = 256 << 10;

fn io(e: std::io::Error) -> Error {
    Error::from_io(e, "write the output")
}

/// Writes what a file is to be.
///
/// # Errors
/// What the operating system reports.
pub fn file(plan: &FilePlan, out: &mut dyn Write) -> Result<()> {
    // Only an RDB has a sum: that of a log need not be made.
    let mut sum = Crc64::new();
    let last = plan.patches.iter().rfind(|p| p.fate == Fate::Checksum);
    let summed_to = last.map_or(0, |p| p.to);
    let mut at = 0;
    let copy = |from: u64, to: u64, out: &mut dyn Write, sum: &mut Crc64| -> Result<()> {
        Far::File(&*plan.src, from).chunks(to.saturating_sub(from), &mut |piece| {
            if from < summed_to {
                sum.update(piece);
            }
            out.write_all(piece).map_err(io)
        })
    };
    for patch in &plan.patches {
        copy(at, patch.from, out, &mut sum)?;
        match &patch.fate {
            Fate::Cut | Fate::Quarantine => {}
            Fate::Rewrite => {
                crate::aof::salvage::rewrite(&*plan.src, patch.from, patch.to, out)?;
            }
            Fate::Replace(bytes) => {
                sum.update(bytes);
                out.write_all(bytes).map_err(io)?;
            }
            Fate::Checksum => out.write_all(&sum.value().to_le_bytes()).map_err(io)?,
        }
        at = at.max(patch.to);
    }
    copy(at, plan.size, out, &mut sum)
}

/// Writes what is left out, a JSON object a line: the file, where the bytes stood, why they are left out, and the bytes.
/// Zeros at the end are not written.
///
/// # Errors
/// What the operating system reports.
pub fn left_out(plan: &Plan, out: &mut dyn Write) -> Result<()> {
    for file in &plan.files {
        if let Some(why) = &file.dropped {
            let all = (0, file.size);
            object(file, all, "dropped", why, out)?;
            continue;
        }
        let lost =
            |p: &&Patch| (p.fate.is_loss() || matches!(p.fate, Fate::Replace(_))) && p.to > p.from;
        for patch in file.patches.iter().filter(lost) {
            if patch.code != "zero-tail" {
                object(file, (patch.from, patch.to), patch.code, &patch.why, out)?;
            }
        }
    }
    Ok(())
}

/// How much of a range goes into one object: a multiple of three, so that base64 has no seams.
const PIECE: u64 = 3 << 18;

fn object(
    file: &FilePlan,
    (from, to): (u64, u64),
    code: &str,
    why: &str,
    out: &mut dyn Write,
) -> Result<()> {
    let name = serde_json::Value::from(String::from_utf8_lossy(&file.part.short).into_owned());
    let why = serde_json::Value::from(why);
    let mut at = from;
    while at < to {
        let n = PIECE.min(to - at);
        let mut text = Vec::new();
        let head = format!(
            r#"{{"file":{name},"from":{at},"to":{},"code":"{code}","why":{why},"base64":""#,
            at + n
        );
        out.write_all(head.as_bytes()).map_err(io)?;
        let mut bytes = Vec::new();
        Far::File(&*file.src, at).chunks(n, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        crate::sink::bytes::base64(&bytes, &mut text);
        text.extend_from_slice(b"\"}\n");
        out.write_all(&text).map_err(io)?;
        at += n;
    }
    Ok(())
}

/// Whether anything is left out that is worth keeping.
#[must_use]
pub fn leaves_out(plan: &Plan) -> bool {
    let lost = |p: &Patch| {
        (p.fate.is_loss() || matches!(p.fate, Fate::Replace(_)))
            && p.to > p.from
            && p.code != "zero-tail"
    };
    plan.files
        .iter()
        .any(|f| f.dropped.is_some() || f.patches.iter().any(lost))
}

/// Writes a set into a folder that is not there yet.
///
/// # Errors
/// What the operating system reports.
pub fn folder(plan: &Plan, folder: &StagedFolder) -> Result<()> {
    let Some(set) = &plan.set else {
        return Err(Error::usage("is no set"));
    };
    for part in plan.files.iter().filter(|f| f.dropped.is_none()) {
        let name = os_string(&part.part.short);
        let made = match &part.part.path {
            Some(like) => folder.file_like(name, like)?,
            None => folder.file(name)?,
        };
        let mut out = BufWriter::with_capacity(BUFFER, made);
        file(part, &mut out)?;
        out.flush().map_err(io)?;
    }
    let name = set.set.manifest.file_name().unwrap_or_default();
    let mut out = folder.file(name)?;
    out.write_all(&set.text()).map_err(io)
}

/// What a repair in place has done.
#[derive(Debug, Default)]
pub struct Done {
    /// The files that were replaced, taken away or made.
    pub changed: Vec<PathBuf>,
    /// Where what they were is kept.
    pub backups: Vec<PathBuf>,
}

/// A repair in place that can begin: nobody else works there while it is held.
pub struct Ready<'p> {
    plan: &'p Plan,
    _lock: Lock,
}

/// Looks whether a plan can be carried out in place. `force`: whether or not a server works there.
///
/// # Errors
/// What the operating system reports; a server that works there; too little space; compressed files, and standard input.
pub fn ready(plan: &Plan, force: bool) -> Result<Ready<'_>> {
    for file in &plan.files {
        if file.part.path.is_none() || !file.codecs.is_empty() {
            let message = "is compressed, or no file: --out writes a repaired copy";
            return Err(Error::usage(message).in_file(&file.part.name));
        }
    }
    let folder = place(plan);
    let lock = Lock::take(&folder)?;
    if !force {
        users(plan, &folder).refuse(&folder)?;
    }
    room(plan)?;
    Ok(Ready { plan, _lock: lock })
}

/// Repairs in place. `staged` is told of each temporary name before it is used.
///
/// # Errors
/// What the operating system reports.
pub fn in_place(ready: &Ready<'_>, disk: &dyn Disk, staged: &dyn Fn(&Path)) -> Result<Done> {
    let plan = ready.plan;
    let mut done = Done::default();
    if plan.is_sound() {
        return Ok(done);
    }
    let steps = Steps { disk, staged };
    let changes = |f: &&FilePlan| f.dropped.is_none() && !f.patches.is_empty();
    let leaves = plan.files.iter().any(|f| f.dropped.is_some());
    for part in plan.files.iter().rev().filter(|f| f.dropped.is_some()) {
        let path = part.part.path.clone().unwrap_or_default();
        let aside = free_name(&path)?;
        tell(disk.rename(&path, &aside), "rename", &path)?;
        steps.sync_folder(&path)?;
        done.backups.push(aside);
        done.changed.push(path);
    }
    let manifest = |done: &mut Done| -> Result<()> {
        match plan.set.as_ref().filter(|set| set.changed) {
            Some(set) => {
                let write = |out: &mut dyn Write| out.write_all(&set.text()).map_err(io);
                let like = plan.files.iter().find_map(|f| f.part.path.as_deref());
                steps.replace(&set.set.manifest, like, &write, done)
            }
            None => Ok(()),
        }
    };
    if leaves {
        manifest(&mut done)?;
    }
    for part in plan.files.iter().filter(changes) {
        let path = part.part.path.clone().unwrap_or_default();
        steps.replace(&path, None, &|out| file(part, out), &mut done)?;
    }
    if !leaves {
        manifest(&mut done)?;
    }
    Ok(done)
}

/// Turns an error of the operating system into ours.
fn tell<T>(done: std::io::Result<T>, doing: &str, path: &Path) -> Result<T> {
    done.map_err(|e| Error::from_io(e, doing).in_file(&path.to_string_lossy()))
}

#[derive(Clone, Copy)]
struct Steps<'a> {
    disk: &'a dyn Disk,
    staged: &'a dyn Fn(&Path),
}

impl Steps<'_> {
    /// Puts what is written in the place of a file, which stays beside it. Where it is not there yet, the new one gets
    /// mode and owner of `like`.
    fn replace(
        self,
        path: &Path,
        like: Option<&Path>,
        write: &dyn Fn(&mut dyn Write) -> Result<()>,
        done: &mut Done,
    ) -> Result<()> {
        // Where it is a link, the file is meant that it points to.
        let there = path.exists();
        let real = match there {
            true => tell(std::fs::canonicalize(path), "open", path)?,
            false => path.to_owned(),
        };
        let mut name = std::ffi::OsString::from(".");
        name.push(real.file_name().unwrap_or_default());
        name.push(".repair.tmp");
        let temp = real.with_file_name(name);
        let like = like.filter(|_| !there).unwrap_or(&real);
        self.whole(&temp, like, write)?;
        let placed = || -> Result<Option<PathBuf>> {
            let backup = match there {
                true => Some(self.backup(&real)?),
                false => None,
            };
            tell(self.disk.rename(&temp, &real), "rename", &temp)?;
            Ok(backup)
        };
        let backup = placed().inspect_err(|_| self.give_up(&temp))?;
        self.sync_folder(&real)?;
        done.backups.extend(backup);
        done.changed.push(path.to_owned());
        Ok(())
    }

    /// A whole temporary file, whose bytes are safe.
    fn whole(
        self,
        temp: &Path,
        like: &Path,
        write: &dyn Fn(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        if temp.symlink_metadata().is_ok() {
            // What an earlier run has left.
            tell(self.disk.remove(temp), "remove", temp)?;
        }
        (self.staged)(temp);
        let file = tell(self.disk.create(temp), "create", temp)?;
        let settle = || -> Result<()> {
            let mut out = BufWriter::with_capacity(BUFFER, file);
            write(&mut out)?;
            let mut file = out.into_inner().map_err(|e| io(e.into_error()))?;
            tell(file.inherit(like), "set the mode", temp)?;
            tell(file.sync(), "sync", temp)
        };
        settle().inspect_err(|_| self.give_up(temp))
    }

    /// Keeps a file under another name beside it: as a second link, or as a copy. It lasts.
    fn backup(self, path: &Path) -> Result<PathBuf> {
        let aside = free_name(path)?;
        if !is_same(&aside, path) && self.disk.link(path, &aside).is_err() {
            let mut name = aside.file_name().unwrap_or_default().to_owned();
            name.push(".tmp");
            let temp = aside.with_file_name(name);
            self.whole(&temp, path, &|out| {
                let mut from = tell(std::fs::File::open(path), "open", path)?;
                std::io::copy(&mut from, out).map(|_| ()).map_err(io)
            })?;
            let named = tell(self.disk.rename(&temp, &aside), "rename", &temp);
            named.inspect_err(|_| self.give_up(&temp))?;
        }
        self.sync_folder(&aside)?;
        Ok(aside)
    }

    /// What is not complete goes; where it does not, nothing more can be done.
    fn give_up(self, path: &Path) {
        let _ = self.disk.remove(path);
    }

    /// The names beside that path last.
    fn sync_folder(self, path: &Path) -> Result<()> {
        let folder = path.parent().filter(|f| !f.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        tell(self.disk.sync_folder(folder), "sync the folder", folder)
    }
}

/// The folder that is repaired.
fn place(plan: &Plan) -> PathBuf {
    let first = plan.files.first().and_then(|f| f.part.path.as_deref());
    let folder = match &plan.set {
        Some(set) => Some(set.set.folder.as_path()),
        None => first.and_then(Path::parent),
    };
    let folder = folder.filter(|f| !f.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}

/// Who works there.
fn users(plan: &Plan, folder: &Path) -> live::Users {
    let members = plan.files.iter().filter_map(|f| f.part.path.clone());
    let mut files: Vec<PathBuf> = members.collect();
    if plan.set.is_none() {
        return live::users(&files, &[folder]);
    }
    files.extend(live::files(folder));
    // A server stands in the data directory.
    live::users(&files, &[folder, folder.parent().unwrap_or(folder)])
}

/// Says before the work that there is not the space for it.
fn room(plan: &Plan) -> Result<()> {
    let changes = |f: &&FilePlan| f.dropped.is_none() && !f.patches.is_empty();
    let changed = plan.files.iter().filter(changes);
    let Some(largest) = changed.max_by_key(|f| f.size) else {
        return Ok(());
    };
    // One file is there twice at a time; those before it are there twice for good.
    let needed: u64 = plan
        .files
        .iter()
        .filter(|f| f.dropped.is_none() && !f.patches.is_empty())
        .map(|f| f.size)
        .sum();
    let path = largest.part.path.clone().unwrap_or_default();
    match space_left(&path).filter(|left| *left < needed) {
        Some(left) => {
            let (left, needed) = (units::format_bytes(left), units::format_bytes(needed));
            let message = format!("{left} are left on its disk, and this takes about {needed}");
            Err(Error::limit(message).in_file(&largest.part.name))
        }
        None => Ok(()),
    }
}

/// A name beside a file that nothing has yet.
fn free_name(path: &Path) -> Result<PathBuf> {
    for n in 0..10_000 {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".before-repair");
        if n > 0 {
            name.push(format!("-{n}"));
        }
        let free = path.with_file_name(name);
        // A run that was cut short may have made it already.
        if free.symlink_metadata().is_err() || is_same(&free, path) {
            return Ok(free);
        }
    }
    Err(Error::usage("has 10000 backups beside it").in_file(&path.to_string_lossy()))
}

/// Whether two names are those of one file.
#[cfg(unix)]
fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let which = |path: &Path| path.symlink_metadata().ok().map(|m| (m.dev(), m.ino()));
    which(one).is_some_and(|one| which(other) == Some(one))
}

#[cfg(not(unix))]
fn is_same(_: &Path, _: &Path) -> bool {
    false
}
