//! The steps that change a folder, one by one, so that a test can take them down and play every crash.
//!
//! ```text
//!   create ─▶ write … ─▶ inherit ─▶ sync      the bytes are safe, under whatever name they have
//!   rename, link, remove, make_folder ─▶ sync_folder  the names are safe
//! ```
//! A write that was not synced may be gone after a power loss, or be there in part; so may a name that was made, changed
//! or removed before its folder was synced. [`Real`] is the disk itself.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Where files are written.
pub trait Disk: Sync {
    /// Makes a file that is not there yet, for nobody but its owner to read.
    ///
    /// # Errors
    /// What the operating system reports; `AlreadyExists`.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file or folder another name; of a file, what had that name is gone.
    ///
    /// # Errors
    /// What the operating system reports.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file a second name, that nothing has yet.
    ///
    /// # Errors
    /// What the operating system reports, also where the file system has no such links; `AlreadyExists`.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the operating system reports.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder that is not there yet, with mode and owner of the folder `like`.
    ///
    /// # Errors
    /// What the operating system reports; `AlreadyExists`.
    fn make_folder(&self, path: &Path, like: &Path) -> io::Result<()>;

    /// Makes the names in a folder last.
    ///
    /// # Errors
    /// What the operating system reports.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// A file that is being written.
pub trait DiskFile: Write + Send {
    /// Gives it mode and owner of another file; where that is not there, the mode that files usually get.
    ///
    /// # Errors
    /// What the operating system reports.
    fn inherit(&mut self, like: &Path) -> io::Result<()>;

    /// Makes its bytes last.
    ///
    /// # Errors
    /// What the operating system reports.
    fn sync(&mut self) -> io::Result<()>;
}

/// The disk itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Real;

impl Disk for Real {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        Ok(Box::new(options.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn make_folder(&self, path: &Path, like: &Path) -> io::Result<()> {
        std::fs::create_dir(path)?;
        super::inherit(&File::open(path)?, like)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        super::sync_folder(path)
    }
}

impl DiskFile for File {
    fn inherit(&mut self, like: &Path) -> io::Result<()> {
        super::inherit(self, like)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_do_what_they_say() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let mut file = Real.create(&at("a")).unwrap();
        file.write_all(b"1").unwrap();
        file.inherit(&at("nothing")).unwrap();
        file.sync().unwrap();
        drop(file);
        let there = Real.create(&at("a")).err().unwrap();
        assert_eq!(there.kind(), io::ErrorKind::AlreadyExists);
        Real.rename(&at("a"), &at("b")).unwrap();
        Real.make_folder(&at("f"), dir.path()).unwrap();
        Real.sync_folder(dir.path()).unwrap();
        assert_eq!(std::fs::read(at("b")).unwrap(), b"1");
        assert!(at("f").is_dir() && !at("a").exists());
        Real.link(&at("b"), &at("c")).unwrap();
        assert_eq!(std::fs::read(at("c")).unwrap(), b"1");
        assert!(Real.link(&at("b"), &at("c")).is_err());
        Real.remove(&at("b")).unwrap();
        assert!(!at("b").exists() && Real.remove(&at("b")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn modes_come_along() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let mode = |name: &str| at(name).metadata().unwrap().permissions().mode() & 0o7777;
        std::fs::write(at("old"), b"").unwrap();
        std::fs::set_permissions(at("old"), PermissionsExt::from_mode(0o640)).unwrap();
        let mut file = Real.create(&at("new")).unwrap();
        assert_eq!(mode("new"), 0o600);
        file.inherit(&at("old")).unwrap();
        assert_eq!(mode("new"), 0o640);
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o750)).unwrap();
        Real.make_folder(&at("f"), dir.path()).unwrap();
        assert_eq!(mode("f"), 0o750);
    }
}
