//! `redisk info`, and `redisk PATH` alone. A [`Look`] is what came of one path; the files here write it down.

mod aof;
mod json;
mod tables;
mod text;

use super::Context;
use super::doc;
use super::exit::{CODES, Exit};
use super::input::{self, Clock, Machine};
use super::output;
use super::progress::Progress;
use super::state;
use crate::error::{Error, Result};
use crate::ops::info::aof::{AofInfo, Info};
use crate::ops::info::{self, Options, RdbInfo};
use std::path::{Path, PathBuf};

/// The fields of the JSON document, for the manual.
const FIELDS: &str = r#"JSON document:
  An object, or an array of them for several files; what is not known is null:
    "file", "kind", "magic", "version", "codecs", "size" (on disk), "bytes" (of the RDB, expanded), "tail_bytes",
    "tail_commands", "checksum":{"state","stored","computed"}; state: match, mismatch, disabled, absent, unread
    "problems":[{"kind","file","offset","db","key","path","message"}]
    "known_to":[server names]
    "writer":{"server","version","bits","created","created_ms","used_memory"}
    "role": snapshot, aof-base or aof-preamble; "replication":{"id","offset","stream_db"}
    "aux":[[name,value],...]; null for a field over 1 MiB in an input that cannot be read twice
    "keys", "expires", "value_bytes", "key_bytes" (with type codes and attributes), "other_bytes"
    "databases":[{"db","keys","expires","bytes","claimed_keys","claimed_expires"}]
    "types":[{"type","encoding","type_code","type_name","keys","bytes","largest"}]
    "expiry":{"none","any","passed","now_ms","earliest_ms","latest_ms"}
    "idle":{"keys","min","max"} (seconds), "freq":{"keys","min","max"}, "noevict" (keys that eviction spares)
    "biggest":[{"bytes","type","encoding","type_code","db","key","offset"}]
    "functions":[{"engine","name","bytes","offset"}], "scripts":{"count","bytes"}
    "modules":[{"name","version","keys","bytes"}], "module_aux":[{"name","version","records","bytes"}]
    "key_metadata":{"keys","classes":[{"name","version","flags","keys"}]}
    "slots":{"records","ranges":[[first,last],...],"keys","expires","invalid"}, "slot_imports":[job names]
    "hash_templates":{"count","bytes"}
    "unlisted":{"databases","aux","functions","modules","module_aux","slot_imports"}: of each 1000 are listed; of
    databases and modules, how many keys the others have.
  Of an append-only file ("kind": aof or aof-set) instead:
    "commands", "keys_named", "first_time", "last_time" (seconds), "names":[{"command","count","bytes"}],
    "databases":[{"db","count","bytes"}], "files":[{"file","role","seq","size","codecs","last",
    "rdb":{"version","magic","keys","bytes"},"commands","transactions","first_time","last_time","names","databases",
    "tail","bytes","valid_up_to","valid_before_multi","zeros_from","changed"}]
    tail: clean, torn, zeros, garbage, torn-annotation, open-multi
    "manifest":{"file","records":[...],"not_listed":[{"file","kind","size"}],"not_listed_count"}, "problems"
    with --deep "state": the object of an RDB from "keys" on
  A byte string over 4096 bytes is {"start","bytes"}: its first bytes, and how many it has."#;

/// What a file is: who wrote it and when, what is in it, whether it is whole.
///
/// Of an append-only file, or of the folder of a multi-part one: the files and their roles, commands by name and
/// database, how many keys they name, the time they span, the state of each end, and what else lies in the folder.
///
/// One fast pass that counts and decodes no values (verify looks into them). Offsets are those of the expanded file.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{FIELDS}\n\n{CODES}"))]
pub(super) struct Args {
    /// The files, compressed or not, or the folders of multi-part AOFs; `-` is standard input. The worst exit code counts.
    #[arg(required = true, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
    /// One JSON document: an object, or an array of them for several files.
    #[arg(long)]
    json: bool,
    /// Of an append-only file: the state that it leads to, too. Its commands are run through the built-in engine.
    #[arg(long)]
    deep: bool,
    /// How many of the biggest values to name.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    #[command(flatten)]
    clock: Clock,
    #[command(flatten)]
    machine: Machine,
}

/// A list longer than this is not for people, and each item holds a key.
const TOP: usize = 1000;

/// What came of one path.
struct Look {
    name: String,
    outcome: Outcome,
    now_ms: i64,
    /// What a log leads to, where that was asked for.
    state: Option<Box<RdbInfo>>,
}

enum Outcome {
    /// An RDB file.
    Rdb(Box<RdbInfo>),
    /// An append-only file or a set of them, and what is wrong with it.
    Aof(Box<AofInfo>, Vec<Error>),
    /// It could not be looked at.
    Failed(Error),
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    let threads = args.machine.threads()?;
    let mut worst = Exit::Done;
    let mut documents = Vec::new();
    for (i, path) in args.paths.iter().enumerate() {
        let mut look = look(path, args.top.min(TOP), args.clock.now_ms(), threads, cx);
        if args.deep && matches!(look.outcome, Outcome::Aof(..)) {
            worst = worst.max(deep(&mut look, path, args, threads, cx)?);
        }
        if args.json {
            documents.push(look.json(cx));
        } else {
            let sep = if i == 0 { "" } else { "\n" };
            output::print(&format!("{sep}{}", look.text(cx)))?;
        }
        look.problems(cx);
        worst = worst.max(look.exit());
    }
    if args.json {
        output::print(&doc::document(documents).pretty())?;
    }
    Ok(worst)
}

/// Runs a log, and counts what it leads to.
fn deep(look: &mut Look, path: &Path, args: &Args, threads: usize, cx: &Context) -> Result<Exit> {
    if path.as_os_str() == "-" {
        return Err(Error::usage("--deep reads a log twice: it needs a file"));
    }
    let room = (threads, args.machine.max_memory);
    let state = state::open(path, "look into", look.now_ms, room, cx)?;
    let options = Options {
        now_ms: look.now_ms,
        biggest: args.top.min(TOP),
        threads,
        progress: &|_| (),
    };
    look.state = Some(Box::new(info::rdb(state.input, &options)));
    // What is wrong with the log has been said of its files.
    Ok(state.log.map_or(Exit::Done, |log| {
        let worst = log.walked.problems.iter().map(Exit::of).max();
        worst.unwrap_or(Exit::Done)
    }))
}

/// `redisk PATH` alone: the same, a verdict and what to type next.
pub(super) fn glance(path: &Path, cx: &Context) -> Result<Exit> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let look = look(path, 10, input::clock_ms(), threads, cx);
    output::print(&look.text(cx))?;
    look.problems(cx);
    output::print(&look.verdict(cx))?;
    Ok(look.exit())
}

fn look(path: &Path, top: usize, now_ms: i64, threads: usize, cx: &Context) -> Look {
    let outcome = || {
        let progress = Progress::new(cx, None, false);
        let options = Options {
            now_ms,
            biggest: top,
            threads,
            progress: &|bytes| progress.at(bytes),
        };
        Ok(match info::aof::open(path, &options)? {
            Info::Rdb(info) => Outcome::Rdb(info),
            Info::Aof(mut info) => {
                let problems = aof::problems(&mut info);
                Outcome::Aof(info, problems)
            }
        })
    };
    Look {
        name: path.to_string_lossy().into_owned(),
        outcome: outcome().unwrap_or_else(Outcome::Failed),
        now_ms,
        state: None,
    }
}

impl Look {
    fn errors(&self) -> &[Error] {
        match &self.outcome {
            Outcome::Rdb(info) => &info.problems,
            Outcome::Aof(_, problems) => problems,
            Outcome::Failed(e) => std::slice::from_ref(e),
        }
    }

    /// Tells of what is wrong.
    fn problems(&self, cx: &Context) {
        for e in self.errors() {
            cx.error(e);
        }
    }

    fn exit(&self) -> Exit {
        self.errors()
            .iter()
            .map(Exit::of)
            .max()
            .unwrap_or(Exit::Done)
    }
}
