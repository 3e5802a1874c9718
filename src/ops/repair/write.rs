//! Writing what a plan says: a copy, or in the place of what it is about.
//!
//! In place, a file is replaced in one step by a rename. Of a set, the manifest goes first where files leave it, so that no
//! file is loaded behind one that was cut, and last otherwise. After a crash in between, every file is either as it was or
//! repaired, and repairing again completes it. What is replaced stays beside it under another name, as a second link where
//! the file system has them.

use super::{FilePlan, Plan};
use crate::disk::live::{self, Lock};
use crate::disk::{Staged, StagedFolder, space_left};
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

/// Writes one file to an output that is complete or not there.
///
/// # Errors
/// What the operating system reports.
pub fn staged(plan: &FilePlan, staged: Staged) -> Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER, staged);
    file(plan, &mut out)?;
    let staged = out.into_inner().map_err(|e| io(e.into_error()))?;
    staged.commit()
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
        let name = String::from_utf8_lossy(&part.part.short).into_owned();
        let mut out = BufWriter::with_capacity(BUFFER, folder.file(&name)?);
        file(part, &mut out)?;
        out.flush().map_err(io)?;
    }
    let name = set.set.manifest.file_name().unwrap_or_default();
    let mut out = folder.file(&name.to_string_lossy())?;
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

/// Repairs in place. `stage` begins a file that takes the place of another; `force`: whether or not a server works there.
///
/// # Errors
/// What the operating system reports; a server that works there; too little space; compressed files, and standard input.
pub fn in_place(plan: &Plan, force: bool, stage: &dyn Fn(&Path) -> Result<Staged>) -> Result<Done> {
    let mut done = Done::default();
    if plan.is_sound() {
        return Ok(done);
    }
    for file in &plan.files {
        if file.part.path.is_none() || !file.codecs.is_empty() {
            let message = "is compressed, or no file: --out writes a repaired copy";
            return Err(Error::usage(message).in_file(&file.part.name));
        }
    }
    let folder = place(plan);
    let _lock = Lock::take(&folder)?;
    if !force {
        users(plan, &folder).refuse(&folder)?;
    }
    room(plan)?;
    let changes = |f: &&FilePlan| f.dropped.is_none() && !f.patches.is_empty();
    let leaves = plan.files.iter().any(|f| f.dropped.is_some());
    let manifest = |done: &mut Done| -> Result<()> {
        let Some(set) = plan.set.as_ref().filter(|set| set.changed) else {
            return Ok(());
        };
        let path = &set.set.manifest;
        if path.exists() {
            done.backups.push(backup(path)?);
        }
        let mut out = stage(path)?;
        out.write_all(&set.text()).map_err(io)?;
        out.commit()?;
        done.changed.push(path.clone());
        Ok(())
    };
    if leaves {
        manifest(&mut done)?;
    }
    for part in plan.files.iter().filter(changes) {
        let path = part.part.path.clone().unwrap_or_default();
        done.backups.push(backup(&path)?);
        staged(part, stage(&path)?)?;
        done.changed.push(path);
    }
    if !leaves {
        manifest(&mut done)?;
    }
    for part in plan.files.iter().filter(|f| f.dropped.is_some()) {
        let path = part.part.path.clone().unwrap_or_default();
        let aside = free_name(&path)?;
        let moved = std::fs::rename(&path, &aside);
        moved.map_err(|e| Error::from_io(e, "rename").in_file(&path.to_string_lossy()))?;
        done.backups.push(aside);
        done.changed.push(path);
    }
    Ok(done)
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
    let changed = plan.files.iter().filter(|f| !f.patches.is_empty());
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
        if free.symlink_metadata().is_err() {
            return Ok(free);
        }
    }
    Err(Error::usage("has 10000 backups beside it").in_file(&path.to_string_lossy()))
}

/// Keeps a file under another name beside it: as a second link, or as a copy.
fn backup(path: &Path) -> Result<PathBuf> {
    let real = std::fs::canonicalize(path);
    let real = real.map_err(|e| Error::from_io(e, "open").in_file(&path.to_string_lossy()))?;
    let aside = free_name(&real)?;
    if std::fs::hard_link(&real, &aside).is_ok() {
        return Ok(aside);
    }
    let name = aside.to_string_lossy().into_owned();
    let failed = |e: std::io::Error| Error::from_io(e, "keep a copy").in_file(&name);
    let mut from = std::fs::File::open(&real).map_err(failed)?;
    let mode = from.metadata().map_err(failed)?.permissions();
    let mut copy = Staged::create(&aside, false)?;
    std::io::copy(&mut from, &mut copy).map_err(failed)?;
    copy.commit()?;
    std::fs::set_permissions(&aside, mode).map_err(failed)?;
    Ok(aside)
}
