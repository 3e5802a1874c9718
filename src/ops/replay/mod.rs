//! `replay`: a log, run through the engine.
//!
//! ```text
//!   one thread: read, frame, plan ──blocks──▶ another: run command after command ──▶ Engine + Report
//!                                 ◀──spares── a third, where the log is long: those of half of the keys
//! ```
//! As servers do when they load: every file begins in database 0, refusals are noted and change nothing, a block that
//! `EXEC` does not close does not happen. Nothing expires by the clock.

mod feed;
mod lanes;
mod load;
mod plan;

use super::log::walk::{self, Walked};
use crate::aof::block::{self, Args};
use crate::aof::reader::End;
use crate::engine::reply::{Done, Out, Refusal};
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
use feed::{Fed, Planned, feed};
use lanes::{Apart, Course, Runs, Second};
use plan::{ALL, Run};
use std::sync::Arc;

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
    /// Workers that load RDB files. With more than one, two run the commands of a long log.
    pub threads: usize,
    /// A log of more bytes is worth it to part the keys, for two threads to run its commands: [`PARTED_FROM`]. The
    /// outcome is the same, but that the keys come in another order; that order is the same with any number of threads.
    pub parted_from: u64,
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

/// For [`Options::parted_from`]: what is shorter is done in an instant, and its keys keep the order they came in.
pub const PARTED_FROM: u64 = 8 << 20;

/// To part a key takes as long as to run so many bytes of a log.
const PER_KEY: u64 = 32;

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
        noted: Noted::default(),
        seen: 0,
        out: Out::discard(),
        queued: Vec::new(),
    };
    let walked = walk::walk(source, &[], &mut run)?;
    let mut report = run.report;
    report.walked = walked;
    (report.refused, report.refusals) = (run.noted.count, run.noted.first);
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

/// Refusals.
#[derive(Debug, Default)]
struct Noted {
    count: u64,
    /// The first of them, by number: what waits in a transaction is refused behind others.
    first: Vec<Refused>,
}

impl Noted {
    /// Takes down a command, its offset and number, that was refused.
    #[cold]
    fn add(&mut self, (at, number): (u64, u64), argv: &Args<'_>, file: &str, refusal: Refusal) {
        self.count += 1;
        let place = self.first.partition_point(|other| other.number < number);
        if place == NAMED {
            return;
        }
        let mut line: Vec<u8> = Vec::new();
        for arg in argv.iter() {
            line.extend_from_slice(arg.get(..100).unwrap_or(arg));
            line.push(b' ');
            if line.len() > 100 {
                break;
            }
        }
        line.truncate(100);
        let refused = Refused {
            file: file.to_owned(),
            at,
            number,
            command: quoted(line.trim_ascii_end()).to_string(),
            text: refusal.0.into_owned(),
        };
        self.first.insert(place, refused);
        self.first.truncate(NAMED);
    }

    /// Takes in those of another lane.
    fn merge(&mut self, other: Noted) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.sort_by_key(|refused| refused.number);
        self.first.truncate(NAMED);
    }
}

struct Replay<'a, 'o> {
    engine: &'a mut Engine,
    options: &'a Options<'o>,
    report: Report,
    noted: Noted,
    /// Bytes of commands so far.
    seen: u64,
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
        let file = lanes::File {
            name: &part.name,
            before: self.report.commands,
            now_ms: self.options.now_ms,
        };
        let like = self.may_part().then(|| self.engine.like());
        // All is moved in: what is received from is gone when this stops early, and so the framing thread does not wait.
        std::thread::scope(move |scope| {
            let (steps, spares) = feed(scope, reader, like);
            let mut second: Option<Second> = None;
            let mut session = Session::default();
            let end = loop {
                // A thread that ends without a word has panicked, and the scope says so.
                let Ok(step) = steps.recv() else {
                    break Ok(None);
                };
                let goes_on = match step {
                    Ok(Fed::Block(planned)) => {
                        if second.is_none() && self.parts(&planned) && self.options.threads > 1 {
                            let spares = spares.clone();
                            let engine = &mut *self.engine;
                            second = Some(Second::start(scope, engine, session.db, file, spares));
                        }
                        let goes_on =
                            self.block(&planned, (part, file), &mut session, second.as_mut());
                        spares.done(planned);
                        goes_on
                    }
                    Ok(Fed::Big { at, state, args }) => {
                        if let Some(second) = &mut second {
                            second.call(self.engine, &mut self.noted);
                        }
                        let command = block::Command {
                            at,
                            end: at,
                            argv: args.args(),
                            mark: None,
                            state,
                            index: 0,
                            raw: &[],
                        };
                        let goes_on = self.command(&command, part, &mut session);
                        if let Some(second) = &mut second {
                            second.part(self.engine, session.db);
                        }
                        goes_on
                    }
                    Ok(Fed::End(end)) => break Ok(Some(end)),
                    Err(e) => Err(e),
                };
                match goes_on {
                    Ok(true) => {}
                    Ok(false) => break Ok(None),
                    Err(e) => break Err(e),
                }
            };
            if let Some(second) = second {
                second.end(self.engine, &mut self.noted);
            }
            end
        })
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

/// Runs whatever commands there are, with all keys at hand.
struct Together<'r, 'a, 'o> {
    replay: &'r mut Replay<'a, 'o>,
    part: &'r Part,
    session: &'r mut Session,
}

impl Runs for Together<'_, '_, '_> {
    #[inline]
    fn touch(&self, names: &[&[u8]; TOUCHED]) {
        self.replay.engine.keys.touch(self.session.db, names);
    }

    #[inline]
    fn run(&mut self, command: &block::Command<'_>) -> Result<bool> {
        self.replay.command(command, self.part, self.session)
    }
}

/// Runs a command, by its row where that is known, when its log says that it was run.
#[inline]
fn execute(
    engine: &mut Engine,
    session: &mut Session,
    (command, row): (&block::Command<'_>, Option<&'static commands::Command>),
    now_ms: i64,
    out: &mut Out,
) -> Done {
    out.buf.clear();
    engine.keys.clock.now_ms = match command.state.time {
        Some(seconds) => seconds.saturating_mul(1000),
        None => now_ms,
    };
    match row {
        Some(row) => engine.run_row(session, row, &command.argv, out),
        None => engine.run(session, &command.argv, out),
    }
}

impl Replay<'_, '_> {
    /// Whether two threads may run commands.
    fn may_part(&mut self) -> bool {
        !self.options.until.is_set() && self.engine.effects().is_none()
    }

    /// Whether the keys are parted in front of a block, or are now, as the log is worth it.
    fn parts(&mut self, planned: &Planned) -> bool {
        if planned.plan.runs.is_empty() {
            return false;
        }
        if self.engine.keys.is_parted() {
            return true;
        }
        let keys = self.engine.keys.dbs().map(|(_, db)| db.len() as u64).sum();
        let worth = self.options.parted_from.max(PER_KEY.saturating_mul(keys));
        if self.seen < worth || planned.block.state.multi.is_some() {
            return false;
        }
        self.engine.keys.part();
        true
    }

    fn block(
        &mut self,
        planned: &Arc<Planned>,
        (part, file): (&Part, lanes::File<'_>),
        session: &mut Session,
        mut second: Option<&mut Second>,
    ) -> Result<bool> {
        let Planned { block, plan } = &**planned;
        (self.options.progress)(block.at);
        self.options.room(block.at)?;
        self.seen += block.bytes().len() as u64;
        let all = [Run {
            end: u32::MAX,
            together: true,
        }];
        let runs = match &second {
            Some(second) => {
                second.send(planned);
                plan.runs.as_slice()
            }
            None => &all,
        };
        let mut course = Course::new(block, &plan.who);
        for run in runs {
            if !run.together {
                let mut apart = Apart {
                    engine: self.engine,
                    session,
                    out: &mut self.out,
                    noted: &mut self.noted,
                    file,
                    rows: &plan.rows,
                    tells: true,
                };
                course.run(run.end, plan::of_lane(0), &mut apart)?;
                continue;
            }
            if let Some(second) = &mut second {
                second.meet(self.engine, &mut self.noted);
            }
            self.report.commands = file.before + course.before();
            let mut together = Together {
                replay: self,
                part,
                session,
            };
            if !course.run(run.end, ALL, &mut together)? {
                return Ok(false);
            }
            if let Some(second) = &mut second {
                second.part(self.engine, session.db);
            }
        }
        self.report.commands = file.before + course.before();
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
        let here = (command.at, self.report.commands);
        let done = execute(
            self.engine,
            session,
            (command, None),
            self.options.now_ms,
            &mut self.out,
        );
        if let Err(refusal) = done {
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
        // Of all servers' commands, those of modules that some of them bring along (vector sets) are not run here: their
        // keys must not go without a word.
        let foreign = self.engine.any_server && refusal.0.starts_with("ERR unknown command");
        if script || foreign || found.command().is_none() {
            let (skip, what, option) = if foreign && found.command().is_some() && !script {
                let what = "is a command that only servers run, and redisk does not";
                (self.options.skip_unknown, what, "--skip-unknown")
            } else if script {
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
                        "{} {what} (replay {option} steps over it; --out FILE writes what is left)",
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
        self.noted.add((at, number), argv, &part.name, refusal);
        Ok(())
    }
}
