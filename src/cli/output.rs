//! Where results go: stdout, or a file that is complete or not there at all.

use crate::disk::{Staged, StagedFolder, live};
use crate::error::{Error, Result};
use crate::sink::bytes::Binary;
use clap::ValueEnum;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Arguments of commands that write what may be long.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Target {
    /// Write to this file instead of stdout. It is written beside its place and put there when it is complete; after an
    /// error nothing is left.
    #[arg(long, short, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Replace the output file where it exists, and write beside the files of a server that works there, too.
    #[arg(long)]
    force: bool,
}

/// How bytes are written that may be no text.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ByteForm {
    /// How byte strings are written: auto (in JSON text as text, other bytes and giant strings as {"base64":…}; in CSV
    /// those as base64:…; for people as escape), base64 (every one), escape and hex (for eyes).
    #[arg(
        long,
        value_name = "HOW",
        default_value = "auto",
        hide_possible_values = true
    )]
    binary: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum How {
    /// Text as text.
    Auto,
    /// All as base64.
    Base64,
    /// With escapes.
    Escape,
    /// As hex.
    Hex,
}

impl ByteForm {
    /// The form that was asked for.
    pub(super) fn form(&self) -> Binary {
        match self.binary {
            How::Auto => Binary::Auto,
            How::Base64 => Binary::Base64,
            How::Escape => Binary::Escape,
            How::Hex => Binary::Hex,
        }
    }
}

impl Target {
    /// That file, or stdout for `-`.
    pub(super) fn new(path: &Path, force: bool) -> Target {
        Target {
            output: Some(path.to_owned()),
            force,
        }
    }

    /// Whether results go to stdout.
    pub(super) fn is_stdout(&self) -> bool {
        self.file().is_none()
    }

    /// The same to another file.
    pub(super) fn at(&self, path: &Path) -> Target {
        Target::new(path, self.force)
    }

    fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|p| p.as_os_str() != "-")
    }

    /// Opens it.
    pub(super) fn open(&self) -> Result<Output> {
        let Some(path) = self.file() else {
            return Ok(Output::Stream(BufWriter::with_capacity(BUFFER, stdout()?)));
        };
        let name = path.to_string_lossy();
        let special = std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
        if special {
            // A device or a named pipe cannot be replaced; it takes what comes.
            let file = std::fs::File::options().write(true).open(path);
            let file = file.map_err(|e| Error::from_io(e, "open").in_file(&name))?;
            return Ok(Output::Stream(BufWriter::with_capacity(
                BUFFER,
                Box::new(file),
            )));
        }
        welcome(path, self.force)?;
        let create = || Staged::create(path, self.force);
        let staged = interrupt::guard(create, Staged::path).map_err(|e| {
            if e.message() == "is there already" {
                Error::usage("is there already (--force replaces it)").in_file(&name)
            } else {
                e
            }
        })?;
        Ok(Output::File(Box::new(BufWriter::with_capacity(
            BUFFER, staged,
        ))))
    }
}

/// Refuses to write beside a server's files while it works there, unless that is forced.
fn welcome(path: &Path, force: bool) -> Result<()> {
    if force {
        return Ok(());
    }
    let (folder, users) = live::servers_beside(path);
    users.refuse(&folder).map_err(|e| {
        let (kind, message, place) = e.into_parts();
        let e = Error::new(
            kind,
            format!("{message} (--force writes there all the same)"),
        );
        e.in_file(&place.file.unwrap_or_default())
    })
}

/// Begins a folder that is complete or not there at all; `force`: beside the files of a server at work, too.
pub(super) fn folder(path: &Path, force: bool) -> Result<StagedFolder> {
    welcome(path, force)?;
    interrupt::guard(|| StagedFolder::create(path), StagedFolder::path)
}

/// A temporary file of that name is about to come into being: it goes when a signal ends us.
pub(super) fn temporary(path: &Path) {
    // Nothing is created here that could fail.
    let _ = interrupt::guard(|| Ok(path.to_owned()), PathBuf::as_path);
}

const BUFFER: usize = 64 << 10;

/// An open output. Dropped before [`Output::finish`], a file leaves nothing behind.
pub(super) enum Output {
    /// What was written is out.
    Stream(BufWriter<Box<dyn Write + Send>>),
    /// What was written counts when it is complete.
    File(Box<BufWriter<Staged>>),
}

impl Output {
    /// Where it makes a new file, that gets mode and owner of another one.
    pub(super) fn like(&mut self, path: &Path) {
        if let Output::File(file) = self {
            file.get_mut().like(path);
        }
    }

    /// All is written, and right.
    pub(super) fn finish(mut self) -> Result<()> {
        self.flush()
            .map_err(|e| Error::from_io(e, "write the output"))?;
        match self {
            Output::Stream(_) => Ok(()),
            Output::File(file) => match file.into_inner() {
                Ok(staged) => staged.commit(),
                Err(e) => Err(Error::from_io(e.into_error(), "write the output")),
            },
        }
    }

    /// Finishes it, unless what it was made of is damaged.
    pub(super) fn finish_if(self, sound: bool) -> Result<()> {
        if sound { self.finish() } else { self.give_up() }
    }

    /// What was written is not the whole: it stays on a stream, and goes from a file.
    pub(super) fn give_up(mut self) -> Result<()> {
        match &mut self {
            Output::Stream(stream) => stream
                .flush()
                .map_err(|e| Error::from_io(e, "write the output")),
            Output::File(_) => Ok(()),
        }
    }
}

impl Write for Output {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Output::Stream(stream) => stream.write(buf),
            Output::File(file) => file.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Stream(stream) => stream.flush(),
            Output::File(file) => file.flush(),
        }
    }
}

/// Standard output without the line buffer that the standard library puts before it.
#[cfg(unix)]
fn stdout() -> Result<Box<dyn Write + Send>> {
    use std::os::fd::AsFd;
    let fd = io::stdout().as_fd().try_clone_to_owned();
    let fd = fd.map_err(|e| Error::from_io(e, "write to stdout"))?;
    Ok(Box::new(std::fs::File::from(fd)))
}

#[cfg(not(unix))]
fn stdout() -> Result<Box<dyn Write + Send>> {
    Ok(Box::new(io::stdout()))
}

/// Writes a report to stdout.
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = stdout()?;
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Error::from_io(e, "write the output"))
}

/// Says it on stderr, where results go to stdout.
pub(super) fn tell(text: &str) {
    // Nobody is left to be told.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Ctrl-C and other signals that end us: files that are not complete go first.
#[cfg(unix)]
mod interrupt {
    use super::Result;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;
    use std::path::{Path, PathBuf};
    use std::sync::{Mutex, Once, PoisonError};

    static STAGED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    static WATCH: Once = Once::new();

    /// Creates a file or folder that goes when a signal ends us.
    pub(super) fn guard<S>(
        create: impl FnOnce() -> Result<S>,
        path: impl FnOnce(&S) -> &Path,
    ) -> Result<S> {
        WATCH.call_once(watch);
        // The lock is held while the file comes into being, so the watcher cannot miss it.
        let mut files = STAGED.lock().unwrap_or_else(PoisonError::into_inner);
        let staged = create()?;
        files.push(path(&staged).to_owned());
        Ok(staged)
    }

    fn watch() {
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else {
            return;
        };
        std::thread::spawn(move || {
            for signal in signals.forever() {
                let files = STAGED.lock().unwrap_or_else(PoisonError::into_inner);
                for file in files.iter() {
                    // It may have its final name by now.
                    let gone = std::fs::remove_file(file);
                    let _ = gone.or_else(|_| std::fs::remove_dir_all(file));
                }
                let _ = emulate_default_handler(signal);
            }
        });
    }
}

#[cfg(not(unix))]
mod interrupt {
    use super::Result;
    use std::path::Path;

    pub(super) fn guard<S>(
        create: impl FnOnce() -> Result<S>,
        _: impl FnOnce(&S) -> &Path,
    ) -> Result<S> {
        create()
    }
}
