//! A path as an append-only file: a file of its own, or a set of files with a manifest, one [`Part`] after the other.
//!
//! ```text
//! Source::open(path)
//!   File   RDB, or commands, or an RDB with commands behind it; from standard input and compressed, too
//!   Set    a data directory, its append-only folder, or the manifest in it
//!
//! Part::open ─▶ Opened: an RDB to be framed first (its tail are commands), or commands from offset 0 on
//! ```
//!
//! A regular file that is not compressed is read to the size it had when it was opened, so that a log that a server writes
//! to meanwhile has an end; [`Part::changed`] says afterwards whether it was changed.

use crate::aof::manifest::Role;
use crate::aof::multipart::{Member, Set};
use crate::error::{Error, ErrorKind, Result};
use crate::input::open::{Content, Input};
use crate::rdb::frame;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a path leads to.
pub enum Source {
    /// One file.
    File(Input),
    /// A multi-part append-only file.
    Set(Box<Set>),
}

/// The name of the file in which servers before 7.0 keep their log.
const OLD_NAME: &str = "appendonly.aof";

impl Source {
    /// Opens a path, or standard input for `-`.
    ///
    /// # Errors
    /// What the operating system reports; a directory that holds no append-only file; several manifests.
    pub fn open(path: &Path) -> Result<Source> {
        let name = path.to_string_lossy();
        if path.as_os_str() != "-" && path.is_dir() {
            if let Some(set) = Set::find(path)? {
                return Ok(Source::Set(Box::new(set)));
            }
            let old = path.join(OLD_NAME);
            if old.is_file() {
                return Input::open(&old).map(Source::File);
            }
            let message = "is a directory without a manifest of an append-only file: a server finds no data in it";
            return Err(Error::new(ErrorKind::Unsupported, message).in_file(&name));
        }
        let input = Input::open(path)?;
        // Content decides; but an empty or spoilt manifest has none that could, and then its name does.
        let by_name = path
            .extension()
            .is_some_and(|extension| extension == "manifest");
        match input.content() {
            Content::Manifest => {}
            Content::Empty | Content::Unknown if by_name => {}
            _ => return Ok(Source::File(input)),
        }
        if input.path.is_none() || !input.codecs.is_empty() {
            return Err(Error::usage(
                "a manifest has to be named by its path, uncompressed: the files it lists lie beside it",
            )
            .in_file(&name));
        }
        Set::of_manifest(path).map(|set| Source::Set(Box::new(set)))
    }
}

/// One file of a log.
#[derive(Debug, Clone)]
pub struct Part {
    /// The file's name as it is shown.
    pub name: String,
    /// The same without folders, as servers say it.
    pub short: Vec<u8>,
    /// Where it can be opened again.
    pub path: Option<PathBuf>,
    /// What the manifest says it is, and its number.
    pub member: Option<(Role, i64)>,
    /// Its size when it was opened, as it lies on the disk; `None` for a pipe.
    pub size: Option<u64>,
    /// Whether no other file follows.
    pub last: bool,
}

/// The bytes of a part.
pub struct Opened {
    /// An RDB comes first.
    pub rdb: bool,
    /// The stream, cut at the size that the file had.
    pub input: Input,
}

impl Part {
    /// The only part of a log in one file.
    #[must_use]
    pub fn of_input(input: &Input) -> Part {
        let path = input.path.clone();
        let short = path.as_deref().and_then(Path::file_name);
        Part {
            name: input.name.clone(),
            short: short.map_or_else(
                || input.name.clone().into_bytes(),
                |name| name.as_encoded_bytes().to_vec(),
            ),
            path,
            member: None,
            size: input.size,
            last: true,
        }
    }

    /// The parts of a set that servers load, in their order. Those that cannot be read have an error instead of a size.
    #[must_use]
    pub fn of_set(set: &Set) -> Vec<(Part, &Member)> {
        let members: Vec<&Member> = set.in_load_order().collect();
        let last = members.len().saturating_sub(1);
        let part = |(index, member): (usize, &&'_ Member)| Part {
            name: member.path.to_string_lossy().into_owned(),
            short: member.record.name.clone(),
            path: Some(member.path.clone()),
            member: Some((member.record.role, member.record.seq)),
            size: member.size(),
            last: index == last,
        };
        members
            .iter()
            .enumerate()
            .map(|found| (part(found), *found.1))
            .collect()
    }

    /// Opens it.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn open(&mut self) -> Result<Opened> {
        let path = self.path.clone().unwrap_or_default();
        let mut input = Input::open(&path)?;
        self.size = input.size;
        input.name.clone_from(&self.name);
        Ok(Opened::of(input))
    }

    /// How the file has changed since it was opened: what was read is what it was then.
    #[must_use]
    pub fn changed(&self) -> Option<String> {
        let (path, size) = (self.path.as_ref()?, self.size?);
        let now = std::fs::metadata(path).ok()?.len();
        match now.checked_sub(size) {
            Some(0) => None,
            Some(more) => Some(format!(
                "the file has grown by {more} bytes while it was read: read to the {size} bytes that it had"
            )),
            None => Some(format!(
                "the file has shrunk from {size} to {now} bytes while it was read"
            )),
        }
    }
}

impl Opened {
    /// A stream that has been looked at.
    #[must_use]
    pub fn of(mut input: Input) -> Opened {
        if let Some(size) = input.size.filter(|_| input.codecs.is_empty()) {
            input.stream = Box::new(input.stream.take(size));
        }
        Opened {
            rdb: input.content() == Content::Rdb,
            input,
        }
    }
}

/// Why a file is neither an RDB nor a log, by its first bytes.
#[must_use]
pub fn foreign(head: &[u8]) -> &'static str {
    if !head.is_empty() && head.iter().all(|b| *b == 0) {
        "it begins with NULs, as a power loss leaves them"
    } else {
        "it begins like no RDB and no AOF"
    }
}

/// Whether an RDB calls itself the preamble or base of an append-only file, by its first bytes.
#[must_use]
pub fn says_aof(head: &[u8]) -> bool {
    says_preamble(head) || has(head, b"\xfa\x08aof-base\xc0\x01")
}

/// Whether an RDB calls itself the preamble of an append-only file in one piece: commands are to follow.
#[must_use]
pub fn says_preamble(head: &[u8]) -> bool {
    has(head, b"\xfa\x0caof-preamble\xc0\x01")
}

/// Whether commands follow an RDB that calls itself the base of a set: someone has put a set into one piece. The file is
/// read over once; whether a pipe goes on cannot be seen beforehand, and it may.
///
/// # Errors
/// What the operating system says. Damage is for those to tell who read the file.
pub fn commands_follow(input: &Input) -> Result<bool> {
    let Some(path) = &input.path else {
        return Ok(true);
    };
    let again = Input::open(path)?;
    let over = || -> Result<bool> {
        let mut reader = frame::Reader::new(again.stream, again.file, false)?;
        reader.keep_tail();
        let mut spare = None;
        while let Some(block) = reader.next_block(spare.take())? {
            spare = Some(block);
        }
        let ending = reader.ending();
        Ok(ending.is_some_and(|e| matches!(e.tail_head.first(), Some(b'*' | b'#'))))
    };
    match over() {
        Err(e) if e.kind().is_damage() => Ok(false),
        follows => follows,
    }
}

/// Aux fields stand in front of everything else, these with the integer 1 in one byte.
fn has(head: &[u8], aux: &[u8]) -> bool {
    head.windows(aux.len()).any(|window| window == aux)
}

/// Why a member of a set is not read; `None` where it can be.
#[must_use]
pub fn unread(part: &Part, member: &Member) -> Option<Error> {
    let why = member.unread()?;
    Some(Error::new(ErrorKind::Corrupt, why).in_file(&part.name))
}
