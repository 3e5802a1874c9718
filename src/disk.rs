//! Writing files: beside their target, complete or not at all.
//!
//! A [`Staged`] file is written under another name in the folder of its target, for nobody but its owner to read. When
//! it is complete it gets the mode and owner of the file it replaces, is synced, and takes the target's name in one
//! step; then the folder is synced. Dropped before that, it leaves nothing behind.
//!
//! What is done in a folder where other files stand, step by step, goes through [`layer`]; [`live`] tells whether anybody
//! else works there.

pub mod layer;
pub mod live;

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that is not complete yet.
#[derive(Debug)]
pub struct Staged {
    file: NamedTempFile,
    target: PathBuf,
    replace: bool,
    name: String,
    /// The file whose mode and owner it gets where it replaces none.
    like: Option<PathBuf>,
}

impl Staged {
    /// Begins to write `target`. Where that is a link, the file it points to is meant.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Usage`] when it exists and `replace` is not set, or is no regular file; [`crate::ErrorKind::Io`].
    pub fn create(target: &Path, replace: bool) -> Result<Staged> {
        let name = target.to_string_lossy().into_owned();
        let io = |doing: &'static str| {
            let name = name.clone();
            move |e: io::Error| Error::from_io(e, doing).in_file(&name)
        };
        let target = match std::fs::canonicalize(target) {
            Ok(real) => real,
            Err(e) if e.kind() == io::ErrorKind::NotFound => target.to_owned(),
            Err(e) => return Err(io("create")(e)),
        };
        match std::fs::metadata(&target) {
            Ok(meta) if !meta.is_file() => {
                return Err(Error::usage("is no regular file").in_file(&name));
            }
            Ok(_) if !replace => return Err(Error::usage("is there already").in_file(&name)),
            _ => {}
        }
        let Some(file_name) = target.file_name() else {
            return Err(Error::usage("is no name for a file").in_file(&name));
        };
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(file_name);
        prefix.push(".");
        let file = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(".tmp")
            .tempfile_in(folder(&target))
            .map_err(io("create"))?;
        Ok(Staged {
            file,
            target,
            replace,
            name,
            like: None,
        })
    }

    /// Where it replaces none, it gets mode and owner of that file.
    pub fn like(&mut self, path: &Path) {
        self.like = Some(path.to_owned());
    }

    /// The name it has until it is complete.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// It is complete: it takes the target's place.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`]; [`crate::ErrorKind::Usage`] when the target has come into being meanwhile and is not to be replaced.
    pub fn commit(self) -> Result<()> {
        let Staged {
            file,
            target,
            replace,
            name,
            like,
        } = self;
        let io = |e: io::Error, doing: &str| Error::from_io(e, doing).in_file(&name);
        let like = like.filter(|_| !target.exists());
        let like = like.as_deref().unwrap_or(&target);
        inherit(file.as_file(), like).map_err(|e| io(e, "set the mode"))?;
        file.as_file().sync_all().map_err(|e| io(e, "sync"))?;
        let named = if replace {
            file.persist(&target)
        } else {
            file.persist_noclobber(&target)
        };
        match named {
            Ok(_) => {}
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(Error::usage("is there already").in_file(&name));
            }
            Err(e) => return Err(io(e.error, "rename")),
        }
        sync_folder(folder(&target)).map_err(|e| io(e, "sync the folder"))
    }
}

/// A folder that is not complete yet: written under another name beside its place, and there at once or not at all.
#[derive(Debug)]
pub struct StagedFolder {
    folder: tempfile::TempDir,
    target: PathBuf,
    name: String,
}

impl StagedFolder {
    /// Begins to make `target`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Usage`] when it is there and not an empty folder; [`crate::ErrorKind::Io`].
    pub fn create(target: &Path) -> Result<StagedFolder> {
        let name = target.to_string_lossy().into_owned();
        let is_there = Error::usage("is there already").in_file(&name);
        match std::fs::read_dir(target) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(is_there);
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return Err(is_there),
        }
        let Some(file_name) = target.file_name() else {
            return Err(Error::usage("is no name for a folder").in_file(&name));
        };
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(file_name);
        prefix.push(".");
        let folder = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(".tmp")
            .tempdir_in(folder(target))
            .map_err(|e| Error::from_io(e, "create").in_file(&name))?;
        Ok(StagedFolder {
            folder,
            target: target.to_owned(),
            name,
        })
    }

    /// The name it has until it is complete.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A new file in it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`]
    pub fn file(&self, name: impl AsRef<Path>) -> Result<File> {
        let name = name.as_ref();
        File::create_new(self.folder.path().join(name))
            .map_err(|e| Error::from_io(e, "create").in_file(&name.to_string_lossy()))
    }

    /// The same with mode and owner of another file.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`]
    pub fn file_like(&self, name: impl AsRef<Path>, like: &Path) -> Result<File> {
        let file = self.file(&name)?;
        let told = |e| Error::from_io(e, "set the mode").in_file(&name.as_ref().to_string_lossy());
        inherit(&file, like).map_err(told)?;
        Ok(file)
    }

    /// It is complete: all of it is synced, and takes its name.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`]
    pub fn commit(self) -> Result<()> {
        let StagedFolder {
            folder: staged,
            target,
            name,
        } = self;
        let settle = || -> io::Result<()> {
            for entry in std::fs::read_dir(staged.path())? {
                File::open(entry?.path())?.sync_all()?;
            }
            open_to_others(staged.path())?;
            sync_folder(staged.path())?;
            std::fs::rename(staged.path(), &target)?;
            sync_folder(folder(&target))
        };
        settle().map_err(|e| Error::from_io(e, "complete").in_file(&name))?;
        // Under its name it stays.
        let _ = staged.keep();
        Ok(())
    }
}

/// Gives a new folder the mode that folders usually get.
#[cfg(unix)]
fn open_to_others(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    match umask() {
        Some(mask) => {
            let mode = std::fs::Permissions::from_mode(0o777 & !mask);
            std::fs::set_permissions(folder, mode)
        }
        None => Ok(()),
    }
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> io::Result<()> {
    Ok(())
}

impl Write for Staged {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.as_file().write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes that can still be written where `target` is to be; `None` where that cannot be told.
#[must_use]
pub fn space_left(target: &Path) -> Option<u64> {
    let real = std::fs::canonicalize(target);
    free(folder(real.as_deref().unwrap_or(target)))
}

#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free(_: &Path) -> Option<u64> {
    None
}

/// The folder that a file is in.
fn folder(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Gives the new file the owner and mode of the one it replaces; where there is none, the mode that files usually get.
#[cfg(unix)]
fn inherit(file: &File, target: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let mode = match std::fs::metadata(target) {
        Ok(old) => {
            let new = file.metadata()?;
            let same = (new.uid(), new.gid()) == (old.uid(), old.gid());
            // Only root can give files away. Who cannot, keeps the file to himself rather than open it to another group.
            if !same && fchown(file, Some(old.uid()), Some(old.gid())).is_err() {
                return Ok(());
            }
            old.mode() & 0o7777
        }
        Err(_) => match umask() {
            Some(mask) => 0o666 & !mask,
            None => return Ok(()),
        },
    };
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn inherit(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

/// The process's umask, where it can be read without changing it.
#[cfg(unix)]
fn umask() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(mask.trim(), 8).ok()
}

/// Makes a rename in the folder last.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_folder_is_there_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("set");
        let names = || std::fs::read_dir(dir.path()).unwrap().count();
        let staged = StagedFolder::create(&target).unwrap();
        staged.file("a").unwrap().write_all(b"1").unwrap();
        assert!(staged.file("a").is_err());
        drop(staged);
        assert_eq!(names(), 0);
        // An empty folder may be in its place.
        std::fs::create_dir(&target).unwrap();
        let staged = StagedFolder::create(&target).unwrap();
        staged.file("a").unwrap().write_all(b"1").unwrap();
        assert!(std::fs::read_dir(&target).unwrap().next().is_none());
        staged.commit().unwrap();
        assert_eq!(std::fs::read(target.join("a")).unwrap(), b"1");
        assert_eq!(names(), 1);
        assert_eq!(
            StagedFolder::create(&target).unwrap_err().kind(),
            ErrorKind::Usage
        );
    }

    #[cfg(unix)]
    #[test]
    fn space_is_that_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        assert!(space_left(&dir.path().join("new")).unwrap() > 0);
        assert_eq!(space_left(&dir.path().join("no/new")), None);
    }

    #[test]
    fn complete_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        let names = || std::fs::read_dir(dir.path()).unwrap().count();

        let mut staged = Staged::create(&target, false).unwrap();
        staged.write_all(b"half").unwrap();
        assert!(staged.path().exists() && !target.exists());
        drop(staged);
        assert_eq!(names(), 0);

        let mut staged = Staged::create(&target, false).unwrap();
        staged.write_all(b"whole").unwrap();
        staged.commit().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"whole");
        assert_eq!(names(), 1);

        let e = Staged::create(&target, false).unwrap_err();
        assert_eq!(
            (e.kind(), e.message()),
            (ErrorKind::Usage, "is there already")
        );
        assert_eq!(
            Staged::create(dir.path(), true).unwrap_err().kind(),
            ErrorKind::Usage
        );
        let e = Staged::create(&dir.path().join("no/out"), true).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Io);
    }

    #[test]
    fn a_file_that_came_meanwhile_stays() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        let staged = Staged::create(&target, false).unwrap();
        std::fs::write(&target, b"theirs").unwrap();
        assert_eq!(staged.commit().unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(std::fs::read(&target).unwrap(), b"theirs");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn private_until_complete_then_as_the_old_one() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o7777;
        std::fs::write(&target, b"old").unwrap();
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o640)).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let mut staged = Staged::create(&link, true).unwrap();
        staged.write_all(b"new").unwrap();
        assert_eq!(mode(staged.path()), 0o600);
        staged.commit().unwrap();
        assert_eq!(mode(&target), 0o640);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
    }
}
