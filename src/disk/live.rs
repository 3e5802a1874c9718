//! Does anybody work in this folder?
//!
//! Two ways to tell, each with its limits:
//!
//! - [`Lock`]: a `flock` on the folder itself, which leaves no file behind and goes with the process. It keeps two of us
//!   apart; servers do not look at it. File systems that know no locks let everybody in.
//! - [`users`]: Linux tells in `/proc` which files each process has open, and in which folder it stands. Found are who
//!   has one of the folder's files open to write, wherever it sees it mounted (device and inode are compared), and a
//!   Redis or Valkey that stands in the folder or in the one around it, as servers stand in their data directory
//!   though no append-only file is on. Not found are processes of other users (unless we are root), of other PID
//!   namespaces and of other machines; servers among those that could not be looked at are counted.
//!
//! On other systems [`users`] finds nobody.

use crate::error::{Error, Result};
use crate::text::quoted;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// While it is held, no other of us works in the folder.
#[derive(Debug)]
pub struct Lock {
    folder: Option<File>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A copy of this process that is about to become another program has the folder open, too, and would keep it.
        let _ = self.folder.as_ref().map(File::unlock);
    }
}

impl Lock {
    /// Takes it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Usage`] where somebody has it; [`crate::ErrorKind::Io`] where the folder cannot be opened.
    pub fn take(folder: &Path) -> Result<Lock> {
        let name = folder.to_string_lossy();
        let file = match File::open(folder) {
            Ok(file) => file,
            // Elsewhere folders cannot be opened as files.
            Err(_) if !cfg!(unix) => return Ok(Lock { folder: None }),
            Err(e) => return Err(Error::from_io(e, "open the folder").in_file(&name)),
        };
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => {
                Err(Error::usage("another redisk works in this folder").in_file(&name))
            }
            // Where there are no locks, there are none to be respected.
            Ok(()) | Err(fs::TryLockError::Error(_)) => Ok(Lock { folder: Some(file) }),
        }
    }
}

/// A process at work in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub pid: u32,
    /// Its program's name, at most 15 bytes of it.
    pub name: String,
    /// The file that it has open to write, or the folder that it stands in.
    pub place: PathBuf,
}

/// Who works in a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    /// Those found, in the order of their numbers.
    pub found: Vec<User>,
    /// Servers by their names that could not be looked at: number and name.
    pub unseen: Vec<(u32, String)>,
}

impl Users {
    /// Nobody is there; else an error that names who is.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Usage`]
    pub fn refuse(&self, folder: &Path) -> Result<()> {
        let Some(first) = self.found.first() else {
            return Ok(());
        };
        let more = match self.found.len() {
            1 => String::new(),
            n => format!(", and {} more", n - 1),
        };
        let message = format!(
            "{} (process {}) works here: {}{more}",
            quoted(first.name.as_bytes()),
            first.pid,
            quoted(first.place.as_os_str().as_encoded_bytes()),
        );
        Err(Error::usage(message).in_file(&folder.to_string_lossy()))
    }
}

/// Names that programs of servers begin with.
const SERVERS: [&str; 3] = ["redis-", "valkey-", "keydb-"];

fn is_server(name: &str) -> bool {
    SERVERS.iter().any(|server| name.starts_with(server))
        && !name.starts_with("redis-cli")
        && !name.starts_with("valkey-cli")
}

/// The regular files of a folder.
#[must_use]
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .collect()
}

/// Looks for processes that have one of these files open to write, and for servers that stand in one of these folders.
/// This process is left out.
#[cfg(target_os = "linux")]
#[must_use]
pub fn users(files: &[PathBuf], folders: &[&Path]) -> Users {
    look(files, folders, &|_| true)
}

/// Looks at processes with such names.
#[cfg(target_os = "linux")]
fn look(files: &[PathBuf], folders: &[&Path], named: &dyn Fn(&str) -> bool) -> Users {
    let mut users = Users::default();
    let ids = |paths: &mut dyn Iterator<Item = &Path>| -> Vec<(u64, u64)> {
        let metas = paths.filter_map(|path| fs::metadata(path).ok());
        metas.map(|meta| id(&meta)).collect()
    };
    let files = ids(&mut files.iter().map(PathBuf::as_path));
    let folders = ids(&mut folders.iter().copied());
    let Ok(processes) = fs::read_dir("/proc") else {
        return users;
    };
    let own = std::process::id();
    let mut pids: Vec<u32> = processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own)
        .collect();
    pids.sort_unstable();
    for pid in pids {
        let process = PathBuf::from(format!("/proc/{pid}"));
        // One that has ended meanwhile has no name any more.
        let Ok(name) = fs::read_to_string(process.join("comm")) else {
            continue;
        };
        let name = name.trim_end().to_owned();
        if !named(&name) {
            continue;
        }
        match place(&process, &name, &files, &folders) {
            Ok(None) => {}
            Ok(Some(_)) if is_fork(&process, own) => {}
            Ok(Some(place)) => users.found.push(User { pid, name, place }),
            Err(e) => {
                if e.kind() == std::io::ErrorKind::PermissionDenied && is_server(&name) {
                    users.unseen.push((pid, name));
                }
            }
        }
    }
    users
}

/// Looks for servers at work in the folder in which `path` is to be written: those that stand there, and those that have
/// one of its files open to write. Other programs do not mind a new file beside theirs.
#[cfg(target_os = "linux")]
#[must_use]
pub fn servers_beside(path: &Path) -> (PathBuf, Users) {
    let real = fs::canonicalize(path);
    let folder = super::folder(real.as_deref().unwrap_or(path)).to_owned();
    let found = look(&files(&folder), &[&folder], &is_server);
    (folder, found)
}

/// Looks for nobody: only Linux tells.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn servers_beside(path: &Path) -> (PathBuf, Users) {
    (super::folder(path).to_owned(), Users::default())
}

/// Looks for nobody: only Linux tells.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn users(_: &[PathBuf], _: &[&Path]) -> Users {
    let _ = is_server;
    Users::default()
}

#[cfg(target_os = "linux")]
fn id(meta: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (meta.dev(), meta.ino())
}

/// Whether a process is a copy of this one that is about to become another program: it has our files open still.
#[cfg(target_os = "linux")]
fn is_fork(process: &Path, own: u32) -> bool {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    let ours = parent.is_some_and(|parent| parent.trim().parse() == Ok(own));
    let program = |process: &Path| fs::read_link(process.join("exe")).ok();
    ours && program(process).is_some_and(|exe| Some(exe) == program(Path::new("/proc/self")))
}

/// Where a process is at work, if it is.
#[cfg(target_os = "linux")]
fn place(
    process: &Path,
    name: &str,
    files: &[(u64, u64)],
    folders: &[(u64, u64)],
) -> std::io::Result<Option<PathBuf>> {
    let stands = process.join("cwd");
    if is_server(name) && folders.contains(&id(&fs::metadata(&stands)?)) {
        return Ok(Some(fs::read_link(&stands)?));
    }
    for entry in fs::read_dir(process.join("fd"))? {
        let entry = entry?;
        // Through the link, so that a file is known whatever its name is where the process sees it.
        let Ok(meta) = fs::metadata(entry.path()) else {
            continue;
        };
        if meta.is_file() && files.contains(&id(&meta)) && writes(process, &entry.file_name()) {
            return Ok(Some(fs::read_link(entry.path())?));
        }
    }
    Ok(None)
}

/// Whether a file is open to write: the last digit of its flags, in octal, is its access mode.
#[cfg(target_os = "linux")]
fn writes(process: &Path, fd: &std::ffi::OsStr) -> bool {
    let info = fs::read_to_string(process.join("fdinfo").join(fd)).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & 3 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn one_of_us_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::take(dir.path()).unwrap();
        let e = Lock::take(dir.path()).unwrap_err();
        assert_eq!(e.message(), "another redisk works in this folder");
        drop(lock);
        Lock::take(dir.path()).unwrap();
        assert!(Lock::take(&dir.path().join("no")).is_err());
    }

    #[test]
    fn servers_by_name() {
        for name in [
            "redis-server",
            "valkey-server",
            "redis-check-ao",
            "keydb-server",
            "redis-rdb-bgsave",
        ] {
            assert!(is_server(name), "{name}");
        }
        for name in ["redis-cli", "redisk", "bash", "valkey-cli"] {
            assert!(!is_server(name), "{name}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_writes_is_found() {
        use std::process::{Command, Stdio};
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("log");
        std::fs::write(&file, b"").unwrap();
        let start = |open: &File| {
            Command::new("cat")
                .stdin(Stdio::piped())
                .stdout(open.try_clone().unwrap())
                .spawn()
                .unwrap()
        };
        assert_eq!(users(&files(dir.path()), &[dir.path()]), Users::default());
        let mut child = start(&File::options().append(true).open(&file).unwrap());
        let found = users(&files(dir.path()), &[dir.path()]);
        let e = found.refuse(dir.path()).unwrap_err();
        child.kill().unwrap();
        child.wait().unwrap();
        let [user] = &found.found[..] else {
            panic!("{found:?}");
        };
        assert_eq!(
            (user.pid, user.place.as_path()),
            (child.id(), file.as_path())
        );
        assert!(e.message().contains("works here"), "{e}");
        // Who reads is welcome.
        let mut child = Command::new("cat")
            .arg("-")
            .stdin(File::open(&file).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let found = users(&files(dir.path()), &[dir.path()]);
        child.kill().unwrap();
        child.wait().unwrap();
        found.refuse(dir.path()).unwrap();
    }
}
