//! Commands as a server writes them, like `tail -f`.
//!
//! ```text
//! the log as it is ─▶ its last file grows ─▶ what has become whole is shown
//!                     the manifest names a new incr (a rewrite began) ─▶ on with that, from its start
//!                     another file has the name (a rewrite before 7.0) ─▶ on at that one's end
//! ```
//!
//! A command that is half there is shown when the rest of it has come. The file is kept open: a rewrite deletes it as soon
//! as it has ended, and what was written last is still to be shown.

use super::Options;
use super::list::Lister;
use super::render::Form;
use super::walk::{Note, Visit, Walked, walk};
use crate::aof::manifest::Role;
use crate::aof::multipart::Set;
use crate::aof::reader::{End, Reader, Tail};
use crate::error::{Error, Result};
use crate::source::aof::{Part, Source};
use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Lists a log and goes on as it grows, as long as `wait` says so. It is called between two looks, with what a user should
/// know by then, and may take that; what it leaves is in the result.
///
/// # Errors
/// What makes it impossible to go on; a log that comes from a pipe or is compressed.
pub fn follow(
    path: &Path,
    form: Form,
    options: &Options<'_>,
    sink: &mut (dyn Write + Send),
    wait: &mut dyn FnMut(&mut Vec<Note>) -> bool,
) -> Result<Walked> {
    let source = Source::open(path)?;
    let manifest = match &source {
        Source::Set(set) => Some(set.manifest.clone()),
        Source::File(input) if input.path.is_none() || !input.codecs.is_empty() => {
            return Err(Error::usage(
                "only a file that is not compressed, or a folder, can be followed",
            )
            .in_file(&input.name));
        }
        Source::File(_) => None,
    };
    let mut lister = Lister::new(options, form, 1, sink);
    let mut walked = walk(source, &options.files, &mut lister)?;
    let mut now = walked
        .files
        .pop()
        .and_then(|last| Tracked::new(last.part, last.end?));
    // What is not whole at the end of a log that is being written is not damaged.
    if now.as_ref().is_some_and(|n| n.is_live()) && walked.problems.len() == 1 {
        walked.problems.clear();
    }
    while !walked.stopped && walked.problems.is_empty() {
        lister.flush()?;
        if !wait(&mut walked.notes) {
            break;
        }
        let Some(tracked) = &mut now else { break };
        // Looked for first: what came to the old file before the manifest named the new one belongs before it.
        let next = manifest.as_deref().and_then(|m| tracked.next(m));
        let goes_on = match (tracked.look(&mut lister)?, next) {
            (Look::Stopped, _) => false,
            (Look::Grown, _) => tracked.is_live(),
            (Look::Same | Look::Replaced, Some((next, missed))) => {
                if let Some(missed) = missed {
                    walked.note(&next.part.name, missed);
                }
                *tracked = next;
                true
            }
            (Look::Replaced, None) => {
                let note = "another file has this name now: on at its end";
                walked.note(&tracked.part.name, note);
                *tracked = Tracked::at_end(&tracked.path)?;
                true
            }
            (Look::Same, None) => true,
        };
        if !goes_on {
            walked.stopped = true;
            if !tracked.is_live() {
                let at = tracked.end.read_up_to;
                let e = Error::corrupt(at, "what follows is no command");
                walked.problems.push(e.in_file(&tracked.part.name));
            }
        }
    }
    lister.flush()?;
    walked.shown = lister.shown();
    Ok(walked)
}

/// The file that grows.
struct Tracked {
    part: Part,
    path: PathBuf,
    end: End,
    file: File,
    identity: Option<(u64, u64)>,
}

#[derive(PartialEq, Eq)]
enum Look {
    Same,
    Grown,
    Replaced,
    Stopped,
}

/// What tells one file from another.
#[cfg(unix)]
fn identity(meta: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((meta.dev(), meta.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

impl Tracked {
    fn new(part: Part, end: End) -> Option<Tracked> {
        let path = part.path.clone()?;
        let file = File::open(&path).ok()?;
        let meta = file.metadata().ok()?;
        Some(Tracked {
            part,
            path,
            end,
            file,
            identity: identity(&meta),
        })
    }

    /// Whether the end is one that more bytes can mend.
    fn is_live(&self) -> bool {
        !matches!(self.end.tail, Tail::Fault { .. })
    }

    /// A file that is read to its end without showing it.
    fn at_end(path: &Path) -> Result<Tracked> {
        let options = Options {
            select: super::Select::default(),
            files: Vec::new(),
            limit: None,
            threads: 1,
            progress: &|_| (),
        };
        let mut nowhere = std::io::sink();
        let mut lister = Lister::new(&options, Form::Text, 1, &mut nowhere);
        let mut walked = walk(Source::open(path)?, &options.files, &mut lister)?;
        let last = walked.files.pop();
        last.and_then(|last| Tracked::new(last.part, last.end?))
            .ok_or_else(|| Error::usage("cannot be followed").in_file(&path.to_string_lossy()))
    }

    /// Shows what has come. Only what has nothing new can have been replaced.
    fn look(&mut self, lister: &mut Lister<'_, '_>) -> Result<Look> {
        let name = &self.part.name;
        let failed = |e| Error::from_io(e, "read").in_file(name);
        let at = self.end.read_up_to;
        let size = self.file.metadata().map_err(failed)?.len();
        if size < at {
            return Ok(Look::Replaced);
        }
        if size <= self.end.size {
            // No file may have the name for a moment, or ever again: the manifest, or the next look, will tell.
            let there = std::fs::metadata(&self.path);
            let other = there.is_ok_and(|meta| identity(&meta) != self.identity);
            return Ok(if other { Look::Replaced } else { Look::Same });
        }
        let mut file = self.file.try_clone().map_err(failed)?;
        file.seek(SeekFrom::Start(at)).map_err(failed)?;
        let stream: Box<dyn Read + Send> = Box::new(file.take(size - at));
        let mut reader = Reader::resume(stream, at, self.end.state);
        Ok(match lister.commands(&self.part, &mut reader)? {
            None => Look::Stopped,
            Some(end) => {
                self.end = end;
                Look::Grown
            }
        })
    }

    /// The incr that follows this file, where the manifest names one; and what is to be said if others stood between.
    fn next(&self, manifest: &Path) -> Option<(Tracked, Option<String>)> {
        let set = Set::of_manifest(manifest).ok()?;
        let here = match self.part.member {
            Some((Role::Incr, seq)) => Some(seq),
            _ => None,
        };
        let (part, seq) = Part::of_set(&set).into_iter().find_map(|(part, _)| {
            let (role, seq) = part.member?;
            (role == Role::Incr && here.is_none_or(|here| seq > here)).then_some((part, seq))
        })?;
        let missed = here.filter(|here| seq.checked_sub(*here).is_none_or(|step| step > 1));
        let missed = missed.map(|here| {
            format!("the files of the log between numbers {here} and {seq} were gone before they were seen")
        });
        Some((Tracked::new(part, End::of_nothing())?, missed))
    }
}
