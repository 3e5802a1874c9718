//! Commands as a server writes them, like `tail -f`.
//!
//! ```text
//! the log as it is ─▶ its last file grows ─▶ what has become whole is shown
//!                     the manifest names a new incr (a rewrite began) ─▶ on with that, from its start
//!                     another file has the name (a rewrite before 7.0) ─▶ on at that one's end
//! ```
//!
//! A command that is half there is shown when the rest of it has come.

use super::Options;
use super::list::Lister;
use super::render::Form;
use super::walk::{Visit, Walked, walk};
use crate::aof::manifest::Role;
use crate::aof::multipart::Set;
use crate::aof::reader::{End, Reader, Tail};
use crate::error::{Error, Result};
use crate::source::aof::{Part, Source};
use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Lists a log and goes on as it grows, as long as `wait` says so; it is called between two looks.
///
/// # Errors
/// What makes it impossible to go on; a log that comes from a pipe or is compressed.
pub fn follow(
    path: &Path,
    form: Form,
    options: &Options<'_>,
    sink: &mut (dyn Write + Send),
    wait: &mut dyn FnMut() -> bool,
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
        if !wait() {
            break;
        }
        let Some(tracked) = &mut now else { break };
        let goes_on = match tracked.look(&mut lister)? {
            Look::Stopped => false,
            Look::Grown => tracked.is_live(),
            Look::Replaced => {
                let note = "another file has this name now: on at its end";
                walked.note(&tracked.part.name, note);
                *tracked = Tracked::at_end(&tracked.path)?;
                true
            }
            Look::Same => {
                if let Some(next) = manifest.as_deref().and_then(|m| tracked.next(m)) {
                    // What came to the old file before the manifest named the new one belongs before it.
                    if tracked.look(&mut lister)? == Look::Same {
                        *tracked = next;
                    }
                }
                true
            }
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
    file: Option<(u64, u64)>,
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
        let meta = std::fs::metadata(&path).ok()?;
        Some(Tracked {
            part,
            path,
            end,
            file: identity(&meta),
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

    fn look(&mut self, lister: &mut Lister<'_, '_>) -> Result<Look> {
        let Ok(meta) = std::fs::metadata(&self.path) else {
            // Between two names, or gone: the manifest, or the next look, will tell.
            return Ok(Look::Same);
        };
        let at = self.end.read_up_to;
        if identity(&meta) != self.file || meta.len() < at {
            return Ok(Look::Replaced);
        }
        if meta.len() <= self.end.size {
            return Ok(Look::Same);
        }
        let name = &self.part.name;
        let failed = |e| Error::from_io(e, "read").in_file(name);
        let mut file = File::open(&self.path).map_err(failed)?;
        file.seek(SeekFrom::Start(at)).map_err(failed)?;
        let stream: Box<dyn Read + Send> = Box::new(file.take(meta.len() - at));
        let mut reader = Reader::resume(stream, at, self.end.state);
        Ok(match lister.commands(&self.part, &mut reader)? {
            None => Look::Stopped,
            Some(end) => {
                self.end = end;
                Look::Grown
            }
        })
    }

    /// The incr that follows this file, where the manifest names one.
    fn next(&self, manifest: &Path) -> Option<Tracked> {
        let set = Set::of_manifest(manifest).ok()?;
        let here = match self.part.member {
            Some((Role::Incr, seq)) => seq,
            _ => 0,
        };
        let (part, _) = Part::of_set(&set)
            .into_iter()
            .find(|(part, _)| matches!(part.member, Some((Role::Incr, seq)) if seq > here))?;
        Tracked::new(part, End::of_nothing())
    }
}
