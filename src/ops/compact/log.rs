//! What is to be compacted, and who works on it.

use super::Options;
use super::place::{TEMP_BASE, tell};
use crate::aof::manifest::Role;
use crate::aof::multipart::{LeftoverKind, Member, Set};
use crate::disk::live;
use crate::error::{Error, ErrorKind, Result};
use crate::input::open::Content;
use crate::source::aof::{Source, says_aof};
use std::path::{Path, PathBuf};

/// What is to be compacted.
pub(super) enum Log {
    Set(Box<Set>),
    File {
        path: PathBuf,
        name: Vec<u8>,
    },
    /// Standard input, or compressed: it can only be read.
    Stream,
}

/// Who works on the log.
pub(super) fn users(log: &Log, folder: &Path) -> live::Users {
    match log {
        Log::Set(set) => {
            // A server stands in the data directory.
            let around = folder.parent().unwrap_or(folder);
            let mut files = live::files(folder);
            files.extend(set.members.iter().map(|m| m.path.clone()));
            live::users(&files, &[folder, around])
        }
        Log::File { path, .. } => live::users(std::slice::from_ref(path), &[folder]),
        Log::Stream => live::Users::default(),
    }
}

/// Refuses where somebody works on the log.
pub(super) fn alone(log: &Log, folder: &Path, options: &Options<'_>) -> Result<()> {
    let users = users(log, folder);
    if !options.force {
        users.refuse(folder)?;
    }
    for (pid, name) in &users.unseen {
        (options.warn)(&format!(
            "whether {} (process {pid}) works here cannot be seen: it is another user's",
            crate::text::quoted(name.as_bytes())
        ));
    }
    Ok(())
}

/// The folder that a file is in.
pub(super) fn around(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Whether a file is one of a set: by a manifest beside it or in a folder beside it, or by its name alone, where the
/// manifest may be lost. What it leads to by itself is not what the set leads to.
fn is_member(path: &Path, name: &[u8]) -> bool {
    let text = String::from_utf8_lossy(name);
    let mut parts = text.rsplit('.').skip(1);
    let kind = parts.next().unwrap_or_default();
    let number = parts.next().unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    if matches!(kind, "base" | "incr") && is_number {
        return true;
    }
    let around = around(path);
    let real = std::fs::canonicalize(path);
    let beside = live::files(around).into_iter();
    let manifests = beside.filter(|p| p.extension().is_some_and(|e| e == "manifest"));
    let sets = manifests.filter_map(|p| Set::of_manifest(&p).ok());
    let mut sets = sets.chain(Set::find(around).ok().flatten());
    sets.any(|set| {
        set.members.iter().any(|m| {
            m.record.name == name
                && std::fs::canonicalize(&m.path)
                    .is_ok_and(|place| real.as_ref().is_ok_and(|real| place == *real))
        })
    })
}

impl Log {
    pub(super) fn of(source: &Source) -> Result<Log> {
        let input = match source {
            Source::Set(set) => return Ok(Log::Set(set.clone())),
            Source::File(input) => input,
        };
        let is_rdb = input.content() == Content::Rdb;
        if is_rdb && !says_aof(&input.head) {
            let message =
                "is an RDB, and no log: there is nothing to compact (convert writes it anew)";
            return Err(Error::new(ErrorKind::Unsupported, message).in_file(&input.name));
        }
        let Some(path) = input.path.as_ref().filter(|_| input.codecs.is_empty()) else {
            return Ok(Log::Stream);
        };
        // The file itself, where the path is a link.
        let path = match path.symlink_metadata() {
            Ok(meta) if meta.is_symlink() => tell(std::fs::canonicalize(path), "open", path)?,
            _ => path.clone(),
        };
        let name = path.file_name().map(|n| n.as_encoded_bytes().to_vec());
        let name = name.unwrap_or_default();
        if is_member(&path, &name) {
            let message = "is one file of a set: name the set by its folder, or its manifest";
            return Err(Error::usage(message).in_file(&input.name));
        }
        Ok(Log::File { path, name })
    }

    /// The folder that is changed.
    pub(super) fn folder(&self) -> Result<PathBuf> {
        let real = |path: &Path| tell(std::fs::canonicalize(path), "open the folder", path);
        match self {
            Log::Set(set) => real(&set.folder),
            Log::File { path, .. } => Ok(around(path).to_owned()),
            Log::Stream => Err(Error::usage(
                "standard input and compressed logs cannot be replaced: --out writes a new folder",
            )),
        }
    }

    /// Files and bytes.
    pub(super) fn extent(&self) -> (u64, u64) {
        match self {
            Log::Set(set) => {
                let there = set.in_load_order().chain(set.history());
                there
                    .filter_map(Member::size)
                    .fold((0, 0), |(files, bytes), size| (files + 1, bytes + size))
            }
            Log::File { path, .. } => (1, path.metadata().map_or(0, |m| m.len())),
            Log::Stream => (1, 0),
        }
    }

    /// Bytes of the base that there is, if it is known to be one.
    pub(super) fn base_size(&self) -> u64 {
        let first = match self {
            Log::Set(set) => set.in_load_order().next(),
            _ => None,
        };
        let base = first.filter(|m| m.record.role == Role::Base);
        base.and_then(Member::size).unwrap_or(0)
    }

    /// Bases that an earlier run of ours did not get to its place, in the data directory.
    pub(super) fn abandoned(&self) -> Vec<PathBuf> {
        let Log::Set(set) = self else {
            return Vec::new();
        };
        let ours = set.leftovers.iter().filter(|l| {
            l.kind == LeftoverKind::TempRewrite
                && l.path.file_name().is_some_and(|n| n == TEMP_BASE)
                && l.path.parent() != Some(set.folder.as_path())
        });
        ours.map(|l| l.path.clone()).collect()
    }

    pub(super) fn leftovers(&self) -> Vec<PathBuf> {
        match self {
            Log::Set(set) => set
                .leftovers
                .iter()
                .filter(|l| !matches!(l.kind, LeftoverKind::Other | LeftoverKind::OtherManifest))
                .filter(|l| l.path.file_name().is_none_or(|n| n != TEMP_BASE))
                .map(|l| l.path.clone())
                .collect(),
            _ => Vec::new(),
        }
    }
}
