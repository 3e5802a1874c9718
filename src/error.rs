//! The one error type: what is wrong, whose fault it is, and where it was.
//!
//! `dump.rdb: offset 0x1f3a: db 0, key "user:7", listpack entry 17: string of 4096 bytes runs past the end (312 left)`
//!
//! An [`Error`] is one word wide, so that `Result` stays small on the good path. The place is filled in on the way up:
//! the cursor knows the offset, the walker adds the path (which entry, which field), the driver adds db and key, whoever
//! opened the file adds its name.

use crate::text;
use std::fmt;
use std::io;

/// The result of nearly everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who is at fault, which also decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused: open, read, write, sync.
    Io,
    /// The input ends before what it promised.
    Truncated,
    /// The input breaks the rules of its format.
    Corrupt,
    /// The checksum stored does not match the bytes.
    Checksum,
    /// Not a kind, version, type or codec that is known here.
    Unsupported,
    /// Within the format, but over a limit set here against hostile input.
    Limit,
    /// What was asked for is not possible as it was asked.
    Usage,
    /// What was asked for is not in the input.
    Missing,
}

impl ErrorKind {
    /// A stable word for scripts (`--error-format json`).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Io => "io",
            ErrorKind::Truncated => "truncated",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::Checksum => "checksum",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::Limit => "limit",
            ErrorKind::Usage => "usage",
            ErrorKind::Missing => "missing",
        }
    }

    /// Whether the input itself is damaged (exit code 1), as opposed to work that could not be done (exit code 2).
    #[must_use]
    pub fn is_damage(self) -> bool {
        matches!(
            self,
            ErrorKind::Truncated | ErrorKind::Corrupt | ErrorKind::Checksum
        )
    }
}

/// Where something is: file, byte offset, and the way down into a value. Every part may be unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file's name as the user gave it.
    pub file: Option<String>,
    /// Offset in the (decompressed) file, in bytes.
    pub offset: Option<u64>,
    /// The database number.
    pub db: Option<u64>,
    /// The key, exact bytes.
    pub key: Option<Vec<u8>>,
    /// The way down, outermost first: `node 3`, `listpack entry 17`.
    pub path: Vec<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sep = "";
        if let Some(file) = &self.file {
            write!(f, "{}", text::escaped(file.as_bytes()))?;
            sep = ": ";
        }
        if let Some(offset) = self.offset {
            write!(f, "{sep}offset {offset:#x}")?;
            sep = ": ";
        }
        if let Some(db) = self.db {
            write!(f, "{sep}db {db}")?;
            sep = ", ";
        }
        if let Some(key) = &self.key {
            write!(f, "{sep}key {}", text::quoted(key))?;
            sep = ", ";
        }
        for step in &self.path {
            write!(f, "{sep}{step}")?;
            sep = ", ";
        }
        Ok(())
    }
}

/// What went wrong and where. See the module's documentation.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    place: Place,
    io: Option<io::Error>,
}

impl Error {
    /// An error without a place yet. The message is lower case, without a final stop.
    #[cold]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            place: Place::default(),
            io: None,
        }))
    }

    /// The input breaks its format at `offset`.
    #[cold]
    pub fn corrupt(offset: u64, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Corrupt, message).at(offset)
    }

    /// The input ends at or after `offset`, before what was promised there.
    #[cold]
    pub fn truncated(offset: u64, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Truncated, message).at(offset)
    }

    /// Something at `offset` that is not known here.
    #[cold]
    pub fn unsupported(offset: u64, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Unsupported, message).at(offset)
    }

    /// A limit was hit.
    #[cold]
    pub fn limit(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Limit, message)
    }

    /// What was asked for cannot be done as it was asked.
    #[cold]
    pub fn usage(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Usage, message)
    }

    /// Who is at fault.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message alone, without its place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it was.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// The error of the operating system behind it, if there is one.
    #[must_use]
    pub fn io(&self) -> Option<&io::Error> {
        self.0.io.as_ref()
    }

    /// Whether the reader of our output has gone away (`| head`), which is no error to a user.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        self.io()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Sets the offset, unless a deeper place has set it already.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Error {
        self.0.place.offset.get_or_insert(offset);
        self
    }

    /// Sets the file's name, unless it is set already.
    #[must_use]
    pub fn in_file(mut self, name: &str) -> Error {
        self.0.place.file.get_or_insert_with(|| name.to_owned());
        self
    }

    /// Sets the key and its db, unless they are set already.
    #[must_use]
    pub fn in_key(mut self, db: u64, key: &[u8]) -> Error {
        self.0.place.db.get_or_insert(db);
        self.0.place.key.get_or_insert_with(|| key.to_vec());
        self
    }

    /// Sets the key alone, where its db is not known, unless it is set already.
    #[must_use]
    pub fn of_key(mut self, key: &[u8]) -> Error {
        self.0.place.key.get_or_insert_with(|| key.to_vec());
        self
    }

    /// Adds one step of the way down, in front of the steps that deeper places added.
    #[must_use]
    pub fn within(mut self, step: impl Into<String>) -> Error {
        self.0.place.path.insert(0, step.into());
        self
    }

    /// Turns an error of the operating system into ours; `doing` says what was tried (`open`, `read 4096 bytes`). One of
    /// ours that travelled inside, as readers have to send it, comes out as it went in.
    #[cold]
    pub fn from_io(e: io::Error, doing: &str) -> Error {
        let e = match e.downcast::<Error>() {
            Ok(ours) => return ours,
            Err(e) => e,
        };
        let mut error = Error::new(ErrorKind::Io, format!("{doing}: {e}"));
        error.0.io = Some(e);
        error
    }

    /// Takes the parts out.
    #[must_use]
    pub fn into_parts(self) -> (ErrorKind, String, Place) {
        (self.0.kind, self.0.message, self.0.place)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.place == Place::default() {
            write!(f, "{}", self.0.message)
        } else {
            write!(f, "{}: {}", self.0.place, self.0.message)
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} error: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.io.as_ref().map(|e| e as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_reads_from_the_outside_in() {
        let e = Error::corrupt(0x1f3a, "string of 4096 bytes runs past the end (312 left)")
            .within("listpack entry 17")
            .within("node 2")
            .in_key(0, b"user:\x1b7")
            .in_file("dump.rdb");
        assert_eq!(
            e.to_string(),
            "dump.rdb: offset 0x1f3a: db 0, key \"user:\\x1b7\", node 2, listpack entry 17: string of 4096 bytes runs past the end (312 left)"
        );
    }

    #[test]
    fn deeper_places_win() {
        let e = Error::truncated(5, "x").at(9).in_file("a").in_file("b");
        assert_eq!(e.to_string(), "a: offset 0x5: x");
    }

    #[test]
    fn ours_survive_the_way_through_a_reader() {
        let e = io::Error::other(Error::limit("too much").at(7));
        let e = Error::from_io(e, "read");
        assert_eq!(e.kind(), ErrorKind::Limit);
        assert_eq!(e.to_string(), "offset 0x7: too much");
        let e = Error::from_io(io::Error::other("worn out"), "read");
        assert_eq!(e.kind(), ErrorKind::Io);
        assert_eq!(e.to_string(), "read: worn out");
    }

    #[test]
    fn error_is_one_word() {
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }
}
