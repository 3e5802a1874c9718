//! What lies in the folder, or in the data directory, and belongs to no log.

use super::{Set, io_error};
use crate::error::Result;
use crate::limits::FINDINGS_LISTED;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a file is that the manifest does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeftoverKind {
    /// A manifest that was written and not renamed.
    TempManifest,
    /// The log since the server was told to switch AOF on, before the first rewrite ended.
    TempIncr,
    /// What a rewrite had written when it was stopped.
    TempRewrite,
    /// A base by its name. It may look newer than the listed one, and still must not be used.
    UnlistedBase,
    /// An incr by its name.
    OrphanedIncr,
    /// Another manifest.
    OtherManifest,
    /// Anything else.
    Other,
}

impl LeftoverKind {
    /// A stable word for scripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LeftoverKind::TempManifest => "temp-manifest",
            LeftoverKind::TempIncr => "temp-incr",
            LeftoverKind::TempRewrite => "temp-rewrite",
            LeftoverKind::UnlistedBase => "unlisted-base",
            LeftoverKind::OrphanedIncr => "orphaned-incr",
            LeftoverKind::OtherManifest => "other-manifest",
            LeftoverKind::Other => "other",
        }
    }
}

/// A file that lies in the folder, or in the data directory, and belongs to nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leftover {
    /// What it is, by its name.
    pub kind: LeftoverKind,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
}

impl Set {
    pub(super) fn look_for_leftovers(&mut self) -> Result<()> {
        let folder = self.folder.clone();
        let listed: HashSet<Vec<u8>> = self.members.iter().map(|m| m.record.name.clone()).collect();
        for entry in fs::read_dir(&folder).map_err(|e| io_error(e, "read the folder", &folder))? {
            let entry = entry.map_err(|e| io_error(e, "read the folder", &folder))?;
            let name = entry.file_name();
            let name = name.as_encoded_bytes();
            let own = self.manifest.file_name().map(|n| n.as_encoded_bytes());
            if listed.contains(name)
                || own == Some(name)
                || entry.file_type().is_ok_and(|t| t.is_dir())
            {
                continue;
            }
            self.leave(kind_of(name, &self.base_name), &entry);
        }
        self.leftovers.sort();
        Ok(())
    }

    /// Rewrites leave their files in the data directory, not in the folder.
    pub(super) fn look_for_rewrites(&mut self, dir: &Path) -> Result<()> {
        for entry in fs::read_dir(dir).map_err(|e| io_error(e, "read the folder", dir))? {
            let entry = entry.map_err(|e| io_error(e, "read the folder", dir))?;
            if kind_of(entry.file_name().as_encoded_bytes(), b"") == LeftoverKind::TempRewrite {
                self.leave(LeftoverKind::TempRewrite, &entry);
            }
        }
        self.leftovers.sort();
        Ok(())
    }

    fn leave(&mut self, kind: LeftoverKind, entry: &fs::DirEntry) {
        self.leftover_count += 1;
        if self.leftovers.len() < FINDINGS_LISTED {
            self.leftovers.push(Leftover {
                kind,
                path: entry.path(),
                size: entry.metadata().map_or(0, |m| m.len()),
            });
        }
    }
}

/// What a file is by its name.
fn kind_of(name: &[u8], base_name: &[u8]) -> LeftoverKind {
    if name.starts_with(b"temp-rewriteaof-") && name.ends_with(b".aof") {
        return LeftoverKind::TempRewrite;
    }
    if let Some(rest) = name.strip_prefix(b"temp-") {
        if rest.ends_with(b".manifest") {
            return LeftoverKind::TempManifest;
        }
        if rest.strip_prefix(base_name) == Some(b".incr") {
            return LeftoverKind::TempIncr;
        }
    }
    if name.ends_with(b".manifest") {
        return LeftoverKind::OtherManifest;
    }
    let numbered = name
        .strip_prefix(base_name)
        .and_then(|rest| rest.strip_prefix(b"."))
        .and_then(|rest| {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            rest.get(digits..).filter(|_| digits > 0)
        });
    match numbered {
        Some(b".base.rdb" | b".base.aof") => LeftoverKind::UnlistedBase,
        Some(b".incr.aof") => LeftoverKind::OrphanedIncr,
        _ => LeftoverKind::Other,
    }
}
