//! `replay`: a log, run through the engine.
//!
//! ```text
//!   one thread: read and frame ──blocks──▶ the other: run command after command ──▶ Engine + Report
//!                              ◀──spares──
//! ```
//! As servers do when they load: every file begins in database 0, refusals are noted and change nothing, a block that
//! `EXEC` does not close does not happen. Nothing expires by the clock.

mod feed;
mod load;

use super::log::walk::{self, Walked};
use crate::aof::block::{self, Args, Block};
use crate::aof::reader::End;
use crate::engine::reply::{Out, Refusal};
use crate::engine::table::TOUCHED;
use crate::engine::{Engine, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::filter::glob::Glob;
use crate::input::open::{Content, Input};
use crate::limits;
use crate::model::commands;
use crate::model::kind::Flavour;
use crate::model::target::{self, Target};
use crate::model::units;
use crate::pipe::log::Source as Commands;
use crate::rdb::frame;
use crate::source::aof::{Opened, Part, Source, says_preamble};
use crate::text::quoted;
use feed::{Fed, feed};

/// Where to stop; nothing of what is not set.
#[derive(Debug, Clone, Default)]
pub struct Until {
    /// In front of the first command that is logged after this time, Unix milliseconds.
    pub time_ms: Option<i64>,
    /// In front of the first command of the last file that starts at this offset or behind it.
    pub offset: Option<u64>,
    /// Behind so many commands.
    pub commands: Option<u64>,
    /// In front of the first command that matches, its arguments joined by blanks.
    pub before: Option<Glob>,
}

impl Until {
    /// Whether anything is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.time_ms.is_some()
            || self.offset.is_some()
            || self.commands.is_some()
            || self.before.is_some()
    }

    /// Why to stop in front of a command, behind so many others; `last`: of the last file.
    pub(in crate::ops) fn stops(
        &self,
        commands: u64,
        last: bool,
        command: &block::Command<'_>,
    ) -> Option<String> {
        if self.commands.is_some_and(|n| commands >= n) {
            return Some("so many commands were asked for".to_owned());
        }
        if let (Some(limit), Some(time)) = (self.time_ms, command.state.time)
            && time.saturating_mul(1000) > limit
        {
            let time = units::format_time_ms(time.saturating_mul(1000));
            return Some(format!("the next command was logged at {time}"));
        }
        if last && self.offset.is_some_and(|offset| command.at >= offset) {
            return Some("that offset is reached".to_owned());
        }
        if let Some(glob) = &self.before {
            let line: Vec<&[u8]> = command.argv.iter().collect();
            let mut line = line.join(&b' ');
            let name = command.argv.name().len();
            let as_logged = glob.matches(&line);
            // A name is the same in any case.
            let mut in_case = |change: fn(&mut [u8])| {
                line.get_mut(..name).map(change);
                glob.matches(&line)
            };
            if as_logged
                || in_case(<[u8]>::make_ascii_lowercase)
                || in_case(<[u8]>::make_ascii_uppercase)
            {
                return Some(format!("the next command is {}", quoted(&line)));
            }
        }
        None
    }
}

/// How to replay.
pub struct Options<'a> {
    /// Where to stop.
    pub until: Until,
    /// Whether unknown commands are stepped over instead of ending the replay.
    pub skip_unknown: bool,
    /// Whether scripts that were logged as such are stepped over.
    pub skip_scripts: bool,
    /// What an expiry counts from that is logged as a span of time, where the log has no timestamps: Unix milliseconds.
    /// Servers take the moment at which they load.
    pub now_ms: i64,
    /// Workers that load RDB files.
    pub threads: usize,
    /// The most memory that this process may have resident, in bytes: looked at after every block of the input.
    pub max_memory: Option<u64>,
    /// Is told how many bytes were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// A command that the engine refused: a server would have too.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The file.
    pub file: String,
    /// Offset in it.
    pub at: u64,
    /// Number of the command in all files, from 1.
    pub number: u64,
    /// The command, cut.
    pub command: String,
    /// What the server answers.
    pub text: String,
}

/// What a replay did.
#[derive(Debug, Default)]
pub struct Report {
    /// The files, what was wrong with them, and what a user should know.
    pub walked: Walked,
    /// Commands that were run, refused ones and those of transactions included.
    pub commands: u64,
    /// Keys that came out of RDB files.
    pub loaded: u64,
    /// How many commands were refused.
    pub refused: u64,
    /// The first of them.
    pub refusals: Vec<Refused>,
    /// Unknown commands and scripts that were stepped over, by name.
    pub skipped: Vec<(String, u64)>,
    /// Why it stopped before the end, if it did: file, offset and reason.
    pub stopped: Option<(String, u64, String)>,
}

impl Options<'_> {
    /// Whether there is room for more, `at` that offset.
    fn room(&self, at: u64) -> Result<()> {
        let Some(max) = self.max_memory else {
            return Ok(());
        };
        match limits::resident() {
            Some(used) if used > max => Err(Error::limit(format!(
                "the state so far needs {} of memory, {} are allowed",
                units::format_bytes(used),
                units::format_bytes(max)
            ))
            .at(at)),
            _ => Ok(()),
        }
    }
}

/// Refused commands that are named.
const NAMED: usize = 20;

/// Replays a source into an engine.
///
/// # Errors
/// What makes it impossible to go on: unreadable files, a command that no server knows, a script. Damage of the files is
/// in the report; what stands before it has been applied.
pub fn replay(source: Source, engine: &mut Engine, options: &Options<'_>) -> Result<Report> {
    let mut run = Replay {
        engine,
        options,
        report: Report::default(),
        out: Out::discard(),
        queued: Vec::new(),
    };
    let walked = walk::walk(source, &[], &mut run)?;
    let mut report = run.report;
    report.walked = walked;
    Ok(report)
}

/// The server whose files they seem to be: one file alone is from before 7.0, which keeps manifests; of what a set's
/// first file says its magic is believed.
fn dialect(source: &Source) -> &'static Target {
    match source {
        Source::File(input) if input.head.starts_with(b"VALKEY") => target::newest(Flavour::Valkey),
        Source::File(input)
            if input.content() == Content::Commands || says_preamble(&input.head) =>
        {
            Target::from_name("redis-6.2").unwrap_or(target::newest(Flavour::Redis))
        }
        Source::File(_) => target::newest(Flavour::Redis),
        Source::Set(set) => {
            let base = set.in_load_order().next().map(|m| m.path.clone());
            let base = base.and_then(|path| Input::open(&path).ok());
            let is_valkey = base.is_some_and(|input| input.head.starts_with(b"VALKEY"));
            target::newest(if is_valkey {
                Flavour::Valkey
            } else {
                Flavour::Redis
            })
        }
    }
}

/// An engine for a replay as that server; `None`: as the one that the files seem to come from, but all commands known.
#[must_use]
pub fn engine(source: &Source, chosen: Option<&'static Target>) -> Engine {
    let dialect = chosen.unwrap_or_else(|| dialect(source));
    let mut engine = Engine::new(dialect);
    engine.any_server = chosen.is_none();
    engine.keys.limits.zset_negative_zero =
        dialect.flavour == Flavour::Redis && dialect.version < (7, 0);
    engine
}

struct Replay<'a, 'o> {
    engine: &'a mut Engine,
    options: &'a Options<'o>,
    report: Report,
    out: Out,
    /// Offset and number of each command that waits for `EXEC`.
    queued: Vec<(u64, u64)>,
}

impl walk::Visit for Replay<'_, '_> {
    fn begin(&mut self, _part: &Part, _opened: &mut Opened) -> Result<()> {
        self.queued.clear();
        Ok(())
    }

    fn records(&mut self, reader: frame::Reader) -> Result<frame::Reader> {
        let loaded = load::load(reader, self.engine, self.options)?;
        self.report.loaded += loaded.keys;
        for (at, code) in &loaded.functions {
            self.engine
                .functions
                .load(code, false)
                .map_err(|refusal| Error::corrupt(*at, refusal.0.into_owned()))?;
        }
        Ok(loaded.reader)
    }

    fn commands(&mut self, part: &Part, reader: &mut Commands) -> Result<Option<End>> {
        let mut session = Session::default();
        let end = feed(reader, |fed| match fed {
            Fed::Block(block) => self.block(block, part, &mut session),
            Fed::Big { at, time, args } => {
                let command = block::Command {
                    at,
                    end: at,
                    argv: args.args(),
                    mark: None,
                    state: block::State {
                        time,
                        ..block::State::default()
                    },
                    index: 0,
                    raw: &[],
                };
                self.command(&command, part, &mut session)
            }
        })?;
        Ok(end)
    }

    fn goes_on(&self) -> bool {
        false
    }

    fn bodies(&self) -> bool {
        true
    }

    fn takes_rdb(&self) -> bool {
        true
    }
}

impl Replay<'_, '_> {
    fn block(&mut self, block: &Block, part: &Part, session: &mut Session) -> Result<bool> {
        (self.options.progress)(block.at);
        self.options.room(block.at)?;
        // A few commands ahead their keys are looked at, as most of the time would be waiting for memory otherwise.
        let mut ahead = block.commands();
        let mut left = 0;
        for command in block.commands() {
            if left == 0 {
                let mut names: [&[u8]; TOUCHED] = [&[]; TOUCHED];
                for (name, next) in names.iter_mut().zip(ahead.by_ref()) {
                    *name = next.argv.get(1).unwrap_or_default();
                }
                self.engine.keys.touch(session.db, &names);
                left = TOUCHED;
            }
            left -= 1;
            if command.argv.is_empty() {
                continue;
            }
            if !self.command(&command, part, session)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Runs a command; false where the replay is to stop in front of it.
    #[inline]
    fn command(
        &mut self,
        command: &block::Command<'_>,
        part: &Part,
        session: &mut Session,
    ) -> Result<bool> {
        let until = &self.options.until;
        if let Some(why) = until.stops(self.report.commands, part.last, command) {
            self.report.stopped = Some((part.name.clone(), command.at, why));
            return Ok(false);
        }
        self.report.commands += 1;
        self.out.buf.clear();
        self.engine.keys.clock.now_ms = match command.state.time {
            Some(seconds) => seconds.saturating_mul(1000),
            None => self.options.now_ms,
        };
        let here = (command.at, self.report.commands);
        if let Err(refusal) = self.engine.run(session, &command.argv, &mut self.out) {
            self.refused(here, &command.argv, part, refusal)?;
            return Ok(true);
        }
        let queued = session.queued();
        if queued > self.queued.len() {
            self.queued.push(here);
        } else if queued < self.queued.len() {
            let queued = std::mem::take(&mut self.queued);
            for inside in session.take_refused() {
                let place = queued.get(inside.index).copied().unwrap_or(here);
                self.refused(place, &inside.argv.args(), part, inside.refusal)?;
            }
        }
        Ok(true)
    }

    /// Takes down a command, its offset and number, that was refused.
    #[cold]
    fn refused(
        &mut self,
        (at, number): (u64, u64),
        argv: &Args<'_>,
        part: &Part,
        refusal: Refusal,
    ) -> Result<()> {
        let name = argv.name().to_ascii_lowercase();
        let name = String::from_utf8_lossy(&name).into_owned();
        let found = commands::find(argv);
        let script = matches!(name.as_str(), "eval" | "evalsha" | "fcall");
        if script || found.command().is_none() {
            let (skip, what, option) = if script {
                let what = "was logged as a script, which only a server with Lua can run";
                (self.options.skip_scripts, what, "--skip-scripts")
            } else {
                let what = "is no command of any server known here: servers stop at it";
                (self.options.skip_unknown, what, "--skip-unknown")
            };
            if !skip {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "{} {what} ({option} steps over it)",
                        quoted(name.as_bytes())
                    ),
                )
                .at(at)
                .within(format!("command {number}"))
                .in_file(&part.name));
            }
            match self.report.skipped.iter_mut().find(|(n, _)| *n == name) {
                Some((_, n)) => *n += 1,
                None => self.report.skipped.push((name, 1)),
            }
            return Ok(());
        }
        self.report.refused += 1;
        if self.report.refusals.len() < NAMED {
            let mut line: Vec<u8> = Vec::new();
            for arg in argv.iter() {
                line.extend_from_slice(arg.get(..100).unwrap_or(arg));
                line.push(b' ');
                if line.len() > 100 {
                    break;
                }
            }
            line.truncate(100);
            self.report.refusals.push(Refused {
                file: part.name.clone(),
                at,
                number,
                command: quoted(line.trim_ascii_end()).to_string(),
                text: refusal.0.into_owned(),
            });
        }
        Ok(())
    }
}
