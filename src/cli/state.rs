//! What a path holds, as an RDB: the file itself, the state that a log leads to, or what `dump` wrote.

use super::Context;
use super::exit::Exit;
use super::input;
use super::progress::Progress;
use super::replay as cli;
use super::text;
use crate::error::{Place, Result};
use crate::input::open::{Content, Input};
use crate::model::target::{TARGETS, Target};
use crate::ops::convert;
use crate::ops::replay::{self, Options, Report, Until};
use crate::ops::whose::{self, Needs};
use crate::rdb::encode::Packer;
use crate::rdb::frame::{HEADER_LEN, Header};
use crate::source::aof::{Source, commands_follow, says_aof, says_preamble};
use crate::source::jsonl;
use std::path::Path;

/// An RDB to be read.
pub(super) struct State {
    pub(super) input: Input,
    /// What came of the log that it was made from.
    pub(super) log: Option<Report>,
    /// Who packed its values; if no server did, it is made out of another file while it is read.
    pub(super) packer: Packer,
    /// The header of the RDB that it comes from.
    pub(super) header: Option<Header>,
    /// Of a log, which server it is of.
    pub(super) of: Option<Of>,
}

/// Which server a log is of.
#[derive(Debug, Clone)]
pub(super) enum Of {
    /// That one: the RDB at its head says so.
    Server(&'static Target),
    /// It does not tell: none older than that one, and one that can hold all of it.
    Since(&'static Target, Needs),
}

impl Of {
    /// The server that output is for unless one is named.
    pub(super) fn target(&self) -> &'static Target {
        match self {
            Of::Server(target) => target,
            Of::Since(floor, needs) => needs.oldest(floor),
        }
    }

    /// The same, but none that has no multi-part sets.
    pub(super) fn with_sets(self) -> Of {
        let raised = |target: &'static Target| {
            let mut family = TARGETS.iter().filter(|t| t.flavour == target.flavour);
            let found = family.find(|t| t.version >= target.version && convert::has_sets(t));
            found.unwrap_or(target)
        };
        match self {
            Of::Server(target) => Of::Server(raised(target)),
            Of::Since(floor, needs) => Of::Since(raised(floor), needs),
        }
    }

    /// The same, which is said on stderr where it is a guess.
    pub(super) fn told(&self, name: &str, cx: &Context) -> &'static Target {
        let target = self.target();
        if matches!(self, Of::Since(..)) {
            guessed(target, name, cx);
        }
        target
    }
}

/// Says for which server the output is where the input does not tell which it is of.
pub(super) fn guessed(target: &Target, name: &str, cx: &Context) {
    let place = Place {
        file: Some(name.to_owned()),
        ..Place::default()
    };
    let message = format!(
        "the log does not tell which server it is of: the output is for {target}, the oldest that can hold all of it (--target names another)"
    );
    cx.warn(&place, &message);
}

fn header(head: &[u8]) -> Option<Header> {
    Header::parse(head.get(..HEADER_LEN).unwrap_or(head)).ok()
}

/// Threads, and the most memory that the state of a log may take.
type Room = (usize, Option<u64>);

/// Opens a path. A log is run through the engine first; `doing` is what is to be done with its keys.
pub(super) fn open(
    path: &Path,
    doing: &str,
    now_ms: i64,
    room: Room,
    cx: &Context,
) -> Result<State> {
    let source = Source::open(path)?;
    if let Source::File(input) = source {
        if input.content() == Content::Jsonl {
            let header = jsonl::header(&input.head);
            let input = jsonl::open(input, None)?;
            return Ok(State {
                header: header.or_else(|| self::header(&input.head)),
                input,
                log: None,
                packer: Packer::Other,
                of: None,
            });
        }
        let is_log = match input.content() {
            Content::Commands => true,
            Content::Rdb if says_preamble(&input.head) => true,
            Content::Rdb => says_aof(&input.head) && commands_follow(&input)?,
            // Nothing has no content that could tell; to a server it is an empty log, but no RDB. What a pipe holds may
            // have failed before its first byte.
            Content::Empty => {
                path.as_os_str() != "-" && path.extension().is_none_or(|e| e != "rdb")
            }
            _ => false,
        };
        if !is_log {
            input::only_rdb(&input, doing)?;
            return Ok(State {
                header: header(&input.head),
                input,
                log: None,
                packer: Packer::Server,
                of: None,
            });
        }
        if input.content() == Content::Empty && path.extension().is_none_or(|e| e != "aof") {
            let place = Place {
                file: Some(input.name.clone()),
                ..Place::default()
            };
            cx.warn(
                &place,
                "is empty: taken for an append-only file that nothing was written to",
            );
        }
        return replayed(Source::File(input), path, now_ms, room, cx);
    }
    replayed(source, path, now_ms, room, cx)
}

fn replayed(
    source: Source,
    path: &Path,
    now_ms: i64,
    (threads, max_memory): Room,
    cx: &Context,
) -> Result<State> {
    let (known, floor) = (whose::whose(&source).server, whose::floor(&source));
    let mut engine = replay::engine(&source, None);
    let progress = Progress::new(cx, None, false);
    let options = Options {
        until: Until::default(),
        now_ms,
        threads,
        parted_from: replay::PARTED_FROM,
        skip_unknown: false,
        skip_scripts: false,
        max_memory,
        progress: &|bytes| progress.at(bytes),
    };
    let report = replay::replay(source, &mut engine, &options)?;
    progress.done();
    refusals(&report, cx);
    let of = known.map_or_else(|| Of::Since(floor, Needs::of(&engine)), Of::Server);
    let name = path.to_string_lossy();
    let input = Input::of(&name, Box::new(engine.drain()), None, None)?;
    Ok(State {
        header: header(&input.head),
        input,
        log: Some(report),
        packer: Packer::Engine,
        of: Some(of),
    })
}

/// Whether what a log leads to is all that was there: files that hold less must not look complete.
pub(super) fn is_sound(log: Option<&Report>) -> bool {
    log.is_none_or(|log| log.walked.problems.is_empty())
}

/// Says that commands were refused.
pub(super) fn refusals(report: &Report, cx: &Context) {
    if report.refused > 0 {
        let refused = text::count(report.refused, "command was", "commands were");
        let message = format!("{refused} refused, as a server would have (replay names them)");
        cx.warn(&Place::default(), &message);
    }
}

/// What became of it all: of the keys, and of the log that they came from. Says what was wrong with the log.
pub(super) fn settle(keys: Result<Exit>, log: Option<Report>, cx: &Context) -> Result<Exit> {
    let Some(report) = log else {
        return keys;
    };
    match (keys, cli::finish(report, cx)) {
        (Ok(keys), Ok(log)) => Ok(keys.max(log)),
        (Err(e), Ok(_)) | (Ok(_), Err(e)) => Err(e),
        (Err(e), Err(other)) => {
            cx.error(&other);
            Err(e)
        }
    }
}
