//! Exit codes, and how errors and warnings reach the user: on stderr, as text or as JSON, never able to paint a terminal.

use super::doc::{self, Doc};
use super::{Context, text};
use crate::error::{Error, Place};
use crate::ops::log::Note;
use clap::ValueEnum;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// What stands in every manual page.
pub(super) const CODES: &str = "\
Exit codes:
  0  done; \"intact\"; \"found\"
  1  the answer is no: the key is not there, or the file is damaged (truncated, corrupt, a wrong checksum;
     for verify also: no persistence file at all, or not to be loaded by --target)
  2  it could not be done: bad usage, unreadable, an unknown kind, version or codec, a limit hit";

/// How a command ends. The greater wins where several files were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// Done; yes.
    Done,
    /// The answer is no, or the input is damaged.
    No,
    /// It could not be done.
    Failed,
}

impl Exit {
    /// The code for an error.
    pub(super) fn of(e: &Error) -> Exit {
        if e.kind().is_damage() {
            Exit::No
        } else {
            Exit::Failed
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Failed => 2,
        })
    }
}

/// The form of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ErrorFormat {
    /// A line for people.
    Text,
    /// An object a line.
    Json,
}

impl Context {
    /// Tells of an error.
    pub(super) fn error(&self, e: &Error) {
        self.say(e.kind().name(), "error", text::RED, e.place(), e.message());
    }

    /// Tells of something that the result does not show.
    pub(super) fn warn(&self, place: &Place, message: &str) {
        self.say("warning", "warning", text::YELLOW, place, message);
    }

    /// Tells of the files of a log what their commands do not show.
    pub(super) fn notes(&self, notes: &[Note]) {
        for (file, note) in notes {
            let place = Place {
                file: Some(file.clone()).filter(|f| !f.is_empty()),
                ..Place::default()
            };
            self.warn(&place, note);
        }
    }

    /// An error as an object.
    pub(super) fn object(&self, kind: &str, place: &Place, message: &str) -> Doc {
        object(kind, place, message, self.global.key_format)
    }

    fn say(&self, kind: &str, label: &str, colour: &str, place: &Place, message: &str) {
        let line = match self.global.error_format {
            ErrorFormat::Text => {
                let label = self.paint(&std::io::stderr()).with(colour, label);
                let sep = if *place == Place::default() { "" } else { ": " };
                format!(
                    "{label}: {}\n",
                    text::safe(&format!("{place}{sep}{message}"))
                )
            }
            ErrorFormat::Json => self.object(kind, place, message).line() + "\n",
        };
        // Where stderr is gone there is nobody to tell.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

fn object(kind: &str, place: &Place, message: &str, format: Option<text::KeyFormat>) -> Doc {
    let mut fields = vec![("kind", kind.into()), ("file", place.file.clone().into())];
    fields.extend(doc::place(place, format));
    fields.push(("message", message.into()));
    Doc::Fields(fields)
}

/// Tells what is wrong with the arguments; help and version, which come this way too, go to stdout.
pub(super) fn usage(e: &clap::Error, args: &[OsString]) -> Exit {
    if !e.use_stderr() {
        return match e.print() {
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Exit::Failed,
            _ => Exit::Done,
        };
    }
    // The message repeats arguments, which may be file names that a shell's glob gave: then they are escaped first.
    let escaped = |arg: &OsString| match arg.to_str() {
        Some(text) => OsString::from(text::safe(text)),
        None => crate::text::escaped(arg.as_encoded_bytes())
            .to_string()
            .into(),
    };
    let again = super::read(&args.iter().map(escaped).collect::<Vec<_>>());
    let e = again.as_ref().err().unwrap_or(e);
    let plain = text::safe_lines(&e.render().to_string());
    if wants_json(args) {
        let first = plain.lines().next().unwrap_or_default();
        let message = first.strip_prefix("error: ").unwrap_or(first);
        let object = object("usage", &Place::default(), message, None);
        let _ = writeln!(std::io::stderr(), "{}", object.line());
    } else if again.is_err() {
        let _ = e.print();
    } else {
        let _ = write!(std::io::stderr(), "{plain}");
    }
    Exit::Failed
}

/// Whether errors are to be JSON, of arguments that could not be read as a whole.
fn wants_json(args: &[OsString]) -> bool {
    let pair = |w: &[OsString]| matches!(w, [a, b] if a == "--error-format" && b == "json");
    args.windows(2).any(pair) || args.iter().any(|a| a == "--error-format=json")
}
