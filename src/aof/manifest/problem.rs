//! What can be wrong with a manifest, and what servers say about it.

use super::LINE;
use crate::error::Error;
use crate::text::quoted;
use std::fmt;

/// Something about a manifest that a server refuses, or that a reader should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Number of the line, from 1; 0 for the whole file.
    pub line: u64,
    /// Offset of the line.
    pub at: u64,
    /// What it is.
    pub kind: ProblemKind,
}

impl Problem {
    /// The same as an error.
    #[must_use]
    pub fn error(&self) -> Error {
        let e = Error::corrupt(self.at, self.kind.to_string());
        match self.place() {
            Some(line) => e.within(line),
            None => e,
        }
    }

    /// The line, for people; `None` for what is about the whole file.
    pub(in crate::aof) fn place(&self) -> Option<String> {
        (self.line > 0).then(|| format!("line {}", self.line))
    }
}

/// See [`Problem`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The file has no bytes.
    Empty,
    /// A line over 1024 bytes, or without LF, or with a NUL in it.
    LongLine,
    /// A line of blanks.
    Blank,
    /// A quote that is not closed, or has something right behind it.
    Quote,
    /// So many words, where servers want an even number of at least six.
    Words(usize),
    /// A name with `/` or `\`.
    Path(Vec<u8>),
    /// A name that cannot be a file: empty, `.`, `..`, or with a NUL.
    Name(Vec<u8>),
    /// No `file`, no `seq` (0 counts as none) or no `type` (an empty one counts as none).
    Missing(&'static str),
    /// A second base.
    SecondBase,
    /// An incr whose number is not above the one before.
    NotMonotonic {
        /// Its number.
        seq: i64,
        /// The number before.
        after: i64,
    },
    /// A type that starts with this byte.
    UnknownType(u8),
    /// No records, only comments: servers start with an empty dataset.
    NoRecords,
    /// A key that appears twice in a line; the last one counts.
    Repeated(Vec<u8>),
    /// A number that is not written as servers write it; they read it as this.
    Number(i64),
    /// The line ends in CRLF.
    CarriageReturn,
}

impl ProblemKind {
    /// What a server logs when it refuses to start for this reason; `None` if it loads the manifest.
    #[must_use]
    pub fn server_words(&self) -> Option<&'static str> {
        use ProblemKind::*;
        match self {
            Empty => Some("Found an empty AOF manifest"),
            LongLine => Some("The AOF manifest file contains too long line"),
            Blank | Quote | Words(_) | Missing(_) => Some("Invalid AOF manifest file format"),
            Path(_) => Some("File can't be a path, just a filename"),
            SecondBase => Some("Found duplicate base file information"),
            NotMonotonic { .. } => Some("Found a non-monotonic sequence number"),
            UnknownType(_) => Some("Unknown AOF file type"),
            Name(_) | NoRecords | Repeated(_) | Number(_) | CarriageReturn => None,
        }
    }

    /// Whether the manifest cannot be used: servers refuse it, or cannot open what it names.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.server_words().is_some() || matches!(self, ProblemKind::Name(_))
    }

    /// Bytes of the file that it holds.
    pub(super) fn bytes(&self) -> usize {
        match self {
            ProblemKind::Path(bytes) | ProblemKind::Name(bytes) | ProblemKind::Repeated(bytes) => {
                bytes.len()
            }
            _ => 0,
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ProblemKind::*;
        match self {
            Empty => f.write_str("the manifest is empty"),
            LongLine => write!(
                f,
                "a line over {LINE} bytes, without its LF, or with a NUL in it"
            ),
            Blank => f.write_str("a blank line"),
            Quote => f.write_str("a quote that is not closed, or has something right behind it"),
            Words(n) => write!(f, "{n} words, not an even number of at least 6"),
            Path(name) => write!(f, "the name {} has a / or \\ in it", quoted(name)),
            Name(name) => write!(
                f,
                "the name {} cannot be a file in this folder",
                quoted(name)
            ),
            Missing(key) => write!(f, "no {key}"),
            SecondBase => f.write_str("a second base file"),
            NotMonotonic { seq, after } => {
                write!(f, "incr number {seq} does not come after {after}")
            }
            UnknownType(b) => write!(f, "the type {} is not b, h or i", quoted(&[*b])),
            NoRecords => f.write_str("only comments: a server starts with an empty dataset"),
            Repeated(key) => write!(f, "the key {} appears twice", quoted(key)),
            Number(n) => write!(
                f,
                "a number that is not written as servers do; they read {n}"
            ),
            CarriageReturn => f.write_str("the line ends in CRLF"),
        }
    }
}
