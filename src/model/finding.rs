//! What a check finds: a problem with its place, and what servers do about it.

use super::target::{Since, Target};
use crate::error::{Error, ErrorKind, Place};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; the data is whole.
    Note,
    /// Unusual or lossy when loaded, but the file itself is whole.
    Warning,
    /// The file is damaged.
    Damage,
}

impl Severity {
    /// `note`, `warning` or `damage`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Damage => "damage",
        }
    }
}

/// Which servers refuse a file because of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// None: it loads, though perhaps broken in memory.
    Never,
    /// All of them.
    Always,
    /// Those that do not have a feature.
    Without(Since),
    /// Those that do have it (stricter since then).
    With(Since),
}

impl Refused {
    /// Whether that server refuses.
    #[must_use]
    pub fn by(self, target: &Target) -> bool {
        match self {
            Refused::Never => false,
            Refused::Always => true,
            Refused::Without(since) => !target.has(since),
            Refused::With(since) => target.has(since),
        }
    }
}

/// One problem.
#[derive(Debug, Clone)]
pub struct Finding {
    /// A stable word for scripts: `duplicate-member`, `listpack-backlen` …
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What was found and what was expected.
    pub message: String,
    /// Which servers refuse the file for it.
    pub refused: Refused,
}

impl Finding {
    /// Damage that servers load without noticing (unless they are told to sanitize).
    #[cold]
    #[must_use]
    pub fn unnoticed(code: &'static str, offset: u64, message: impl Into<String>) -> Finding {
        Finding {
            code,
            severity: Severity::Damage,
            place: Place {
                offset: Some(offset),
                ..Place::default()
            },
            message: message.into(),
            refused: Refused::Never,
        }
    }

    /// Damage inside a packed encoding: most servers load it without noticing.
    #[cold]
    #[must_use]
    pub fn deep(code: &'static str, offset: u64, message: impl Into<String>) -> Finding {
        Finding {
            refused: Refused::With(Since::DEEP),
            ..Finding::unnoticed(code, offset, message)
        }
    }

    /// Damage for which servers refuse the file.
    #[cold]
    #[must_use]
    pub fn refused(code: &'static str, offset: u64, message: impl Into<String>) -> Finding {
        Finding {
            refused: Refused::Always,
            ..Finding::unnoticed(code, offset, message)
        }
    }

    /// Something odd in a file that is whole.
    #[cold]
    #[must_use]
    pub fn warning(code: &'static str, offset: u64, message: impl Into<String>) -> Finding {
        Finding {
            severity: Severity::Warning,
            ..Finding::unnoticed(code, offset, message)
        }
    }

    /// Data of a module: a server without that module refuses the file.
    #[cold]
    #[must_use]
    pub fn needs_module(name: &str, version: u64) -> Finding {
        let built_in = if name == "vectorset" {
            " (part of Redis 8 itself)"
        } else {
            ""
        };
        Finding {
            code: "needs-module",
            severity: Severity::Note,
            place: Place::default(),
            message: format!(
                "holds data of module {name} (version {version}): a server loads the file only with that module{built_in}"
            ),
            refused: Refused::Never,
        }
    }

    /// Adds one step of the way down, in front of those that are there.
    #[must_use]
    pub fn within(mut self, step: impl Into<String>) -> Finding {
        self.place.path.insert(0, step.into());
        self
    }

    /// The finding as an error, for work that stops at damage.
    #[must_use]
    pub fn into_error(self) -> Error {
        let mut e = Error::new(ErrorKind::Corrupt, self.message);
        for step in self.place.path.into_iter().rev() {
            e = e.within(step);
        }
        match self.place.offset {
            Some(offset) => e.at(offset),
            None => e,
        }
    }

    /// An error that ended the reading of something, as a finding.
    #[must_use]
    pub fn from_error(e: Error) -> Finding {
        let code = match e.kind() {
            ErrorKind::Truncated => "truncated",
            ErrorKind::Checksum => "checksum",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::Limit => "limit",
            ErrorKind::Io => "io",
            _ => "corrupt",
        };
        let (_, message, place) = e.into_parts();
        Finding {
            code,
            severity: Severity::Damage,
            place,
            message,
            refused: Refused::Always,
        }
    }
}
