//! `compact`: a log as the smallest one that leads to the same state, as a server's rewrite makes it.
//!
//! ```text
//!   log ─▶ engine ─▶ RDB made while it is read ─▶ base: RDB or commands ─▶ read over ─▶ in the old one's place
//! ```
//! See [`place`] for the steps on the disk. A damaged log is not touched.

mod check;
mod log;
pub mod place;

use super::convert::{self, Base};
use super::dump;
use super::replay::{self, Until};
use super::whose::{self, Needs};
use crate::aof::multipart::FOLDER;
use crate::disk::layer::{Disk, DiskFile};
use crate::disk::live::Lock;
use crate::disk::{self, StagedFolder};
use crate::error::{Error, ErrorKind, Result};
use crate::filter::Filter;
use crate::filter::transform::Transform;
use crate::input::open::Input;
use crate::model::loss::{self, Loss};
use crate::model::target::{TARGETS, Target};
use crate::model::units;
use crate::rdb::choose::Thresholds;
use crate::rdb::encode::{self, Packer};
use crate::sink::rdb::Role;
use crate::source::aof::Source;
use log::{Log, alone, around, users};
use place::{How, Old, Placed, Steps, TEMP_BASE, tell};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// How to compact.
pub struct Options<'a> {
    /// What the new base is; `None`: what the old one is.
    pub base: Option<Base>,
    /// For which server; `None`: the one that wrote the log or, where it does not tell, the oldest that can hold all of it.
    pub target: Option<&'static Target>,
    /// Keys and fields go whose expiry is not after this moment, Unix milliseconds.
    pub expired_by: Option<i64>,
    /// Whether the old files stay, as history.
    pub keep_history: bool,
    /// Whether the time of the log's last annotation comes along.
    pub timestamps: bool,
    /// Whether a server that seems to work there, and little space, are no reason to stop.
    pub force: bool,
    /// What expiries count from that are logged as a span of time, Unix milliseconds.
    pub now_ms: i64,
    /// Workers.
    pub threads: usize,
    /// The most memory that this process may have resident, in bytes.
    pub max_memory: Option<u64>,
    /// Is told how many bytes were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Where files are written.
    pub disk: &'a dyn Disk,
    /// Is told of each temporary file before it comes into being.
    pub staged: &'a dyn Fn(&Path),
    /// Is told what may go wrong, before the work.
    pub warn: &'a dyn Fn(&str),
}

/// Where the new log goes.
pub enum To {
    /// In the place of the old one.
    Place,
    /// Into a new folder.
    Folder(StagedFolder),
    /// Nowhere: it is only measured.
    Nowhere,
}

/// How much a log is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Files, without the manifest.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Commands in them; `None` where they were not counted.
    pub commands: Option<u64>,
    /// Keys that they lead to.
    pub keys: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// The log as it was.
    pub before: Extent,
    /// As it is now, or would be; `None` where it is damaged, and nothing was changed.
    pub after: Option<Extent>,
    /// For which server.
    pub target: &'static Target,
    /// What the base is.
    pub base: Base,
    /// Whether the new log is a set.
    pub is_set: bool,
    /// Files that were written.
    pub written: Vec<PathBuf>,
    /// Files that are gone.
    pub removed: Vec<PathBuf>,
    /// Files of the old log that are still there.
    pub kept: Vec<PathBuf>,
    /// Files that belong to no log, and were there before.
    pub leftovers: Vec<PathBuf>,
    /// What came of the replay, damage included.
    pub replay: replay::Report,
    /// What was written, lost and dropped.
    pub written_keys: dump::Report,
}

/// Compacts the log that `path` leads to.
///
/// # Errors
/// What cannot be read or written; [`ErrorKind::Usage`] for what is no log, for somebody at work there, and for what the
/// server does not have; [`ErrorKind::Limit`] for too little space; [`ErrorKind::Unsupported`] where the server cannot
/// hold what the log leads to. Damage is no error, but in the report, and nothing is changed then.
pub fn compact(path: &Path, to: To, options: &Options<'_>) -> Result<Report> {
    let mut source = Source::open(path)?;
    let mut log = Log::of(&source)?;
    let mut lock = None;
    if matches!(to, To::Place) {
        let folder = log.folder()?;
        lock = Some(Lock::take(&folder)?);
        alone(&log, &folder, options)?;
        // What was looked at before nobody else could change it is looked at again.
        source = Source::open(path)?;
        log = Log::of(&source)?;
    }
    let mut plan = Plan::new(&source, &log, options)?;
    if matches!(to, To::Place) {
        plan.room(&log)?;
    }
    plan.space(&log, &to, path, options)?;
    let mut engine = replay::engine(&source, None);
    let replay_options = replay::Options {
        until: Until::default(),
        skip_unknown: false,
        skip_scripts: false,
        now_ms: options.now_ms,
        threads: options.threads,
        parted_from: replay::PARTED_FROM,
        max_memory: options.max_memory,
        progress: options.progress,
    };
    let before_bytes = log.extent();
    let replayed = replay::replay(source, &mut engine, &replay_options)?;
    if plan.is_unknown {
        plan.target = Needs::of(&engine).oldest(plan.target);
    }
    let read = replayed
        .walked
        .files
        .iter()
        .filter_map(|f| f.part.size)
        .sum();
    let mut report = Report {
        before: Extent {
            files: before_bytes.0,
            bytes: if before_bytes.1 > 0 {
                before_bytes.1
            } else {
                read
            },
            commands: Some(replayed.walked.commands()),
            keys: engine.keys.dbs().map(|(_, db)| db.len() as u64).sum(),
        },
        after: None,
        target: plan.target,
        base: plan.base,
        is_set: plan.is_set,
        written: Vec::new(),
        removed: Vec::new(),
        kept: Vec::new(),
        leftovers: log.leftovers(),
        replay: replayed,
        written_keys: dump::Report::default(),
    };
    if !report.replay.walked.problems.is_empty() {
        std::mem::forget(engine);
        return Ok(report);
    }
    let input = Input::of(
        &path.to_string_lossy(),
        Box::new(engine.drain()),
        None,
        None,
    )?;
    plan.write(input, &log, to, options, &mut report)?;
    // The program may end here: giving the memory back piece by piece takes long.
    std::mem::forget(engine);
    drop(lock);
    Ok(report)
}

/// What is to be made.
struct Plan {
    target: &'static Target,
    /// Whether nobody says which server it is for: `target` is the oldest that it can be then, and what the log leads to
    /// may need a newer one.
    is_unknown: bool,
    base: Base,
    is_set: bool,
}

impl Plan {
    fn new(source: &Source, log: &Log, options: &Options<'_>) -> Result<Plan> {
        let whose = whose::whose(source);
        let was_set = matches!(log, Log::Set(_));
        // A file of an older server may be the base of a set.
        let has_sets = |t: &&'static Target| !was_set || convert::has_sets(t);
        let oldest = |t: &'static Target| {
            let family = TARGETS
                .iter()
                .find(|o| o.flavour == t.flavour && convert::has_sets(o));
            family.unwrap_or(t)
        };
        let named = options.target.or(whose.server);
        let target = named.map_or(whose::floor(source), |t| {
            Some(t).filter(has_sets).unwrap_or(oldest(t))
        });
        if was_set && options.target.is_some_and(|t| !convert::has_sets(t)) {
            return Err(Error::usage(format!(
                "{target} has no multi-part sets: convert --to aof makes one file of this",
                target = options.target.map_or("", |t| t.name)
            )));
        }
        let base = options
            .base
            .unwrap_or(if whose.rdb { Base::Rdb } else { Base::Aof });
        let is_set = was_set || (options.target.is_some() && convert::has_sets(target));
        if base == Base::Rdb && named.is_none() && was_set {
            let message = "the log is all commands, and does not tell which server it is of: --target says for which the RDB is";
            return Err(Error::usage(message));
        }
        if base == Base::Rdb && !is_set && !convert::has_preambles(target) {
            let message = format!("an append-only file of {target} cannot begin with an RDB");
            return Err(Error::usage(message));
        }
        if !is_set && options.keep_history {
            let message = "a single file has no history: --out leaves it as it is";
            return Err(Error::usage(message));
        }
        if options.timestamps && !target.has(crate::sink::rdb::BASES) {
            return Err(Error::usage(format!("{target} knows no annotations")));
        }
        Ok(Plan {
            target,
            is_unknown: named.is_none(),
            base,
            is_set,
        })
    }

    /// Refuses where the folder of a new set may be another log's.
    fn room(&self, log: &Log) -> Result<()> {
        let Log::File { path, name } = log else {
            return Ok(());
        };
        let folder = around(path).join(FOLDER);
        // A manifest that was never renamed is what an earlier run of ours left.
        let temp = place::temp_manifest(name);
        let is_empty = match std::fs::read_dir(&folder) {
            Ok(mut entries) => entries.all(|e| e.is_ok_and(|e| e.file_name() == temp)),
            Err(e) => e.kind() == io::ErrorKind::NotFound,
        };
        if is_empty || !self.is_set {
            return Ok(());
        }
        let e = Error::usage("is there already: it may hold another log");
        Err(e.in_file(&folder.to_string_lossy()))
    }

    /// Judges the space before the work. What the log shrinks to is not known yet: its base as it is now is taken for
    /// the least.
    fn space(&self, log: &Log, to: &To, path: &Path, options: &Options<'_>) -> Result<()> {
        let place = match to {
            To::Nowhere => return Ok(()),
            To::Folder(folder) => folder.path().join("x"),
            To::Place => log.folder()?.join("x"),
        };
        let least = log.base_size();
        let (_, most) = log.extent();
        let Some(left) = disk::space_left(&place).filter(|left| *left < most) else {
            return Ok(());
        };
        let bytes = units::format_bytes;
        if left < least && !options.force {
            return Err(Error::limit(format!(
                "{} are left on its disk, and the base alone has {} now (--force tries all the same)",
                bytes(left),
                bytes(least)
            ))
            .in_file(&path.to_string_lossy()));
        }
        (options.warn)(&format!(
            "{} are left on its disk, and the log has {}: should they not do, nothing is changed",
            bytes(left),
            bytes(most)
        ));
        Ok(())
    }

    fn ending(&self) -> &'static str {
        match self.base {
            Base::Rdb => "rdb",
            Base::Aof => "aof",
        }
    }

    fn write(
        &self,
        input: Input,
        log: &Log,
        to: To,
        options: &Options<'_>,
        report: &mut Report,
    ) -> Result<()> {
        let steps = Steps::new(options.disk, options.staged);
        let ends = report.replay.walked.files.iter().filter_map(|f| f.end);
        let time = ends.filter_map(|end| end.state.time).next_back();
        let time = time.filter(|_| options.timestamps);
        let at_base = time.filter(|_| self.base == Base::Aof);
        let how = How {
            ending: self.ending(),
            keep_history: options.keep_history,
            time: time.filter(|_| self.base == Base::Rdb),
        };
        let mut new = New {
            plan: self,
            steps,
            options,
            report,
        };
        let extent = match (to, log) {
            (To::Nowhere, _) => {
                let counted = Counted { bytes: 0 };
                let counted = new.render(input, at_base, counted)?;
                Extent {
                    bytes: counted.bytes,
                    ..Extent::default()
                }
            }
            (To::Folder(folder), _) => {
                let name = match log {
                    Log::Set(set) => set.base_name.clone(),
                    Log::File { name, .. } => name.clone(),
                    Log::Stream => convert::NAME.into(),
                };
                let (like, manifest) = match log {
                    Log::Set(set) => (Old::of(set).like().to_owned(), set.manifest.clone()),
                    Log::File { path, .. } => (path.clone(), path.clone()),
                    Log::Stream => (folder.path().join("-"), folder.path().join("-")),
                };
                let mut base_name = crate::aof::multipart::os_string(&name);
                if self.is_set {
                    base_name.push(format!(".1.base.{}", how.ending));
                }
                let extent = new.base(input, at_base, &folder.path().join(base_name), &like)?;
                if self.is_set {
                    let like = (like.as_path(), manifest.as_path());
                    place::complete(folder.path(), &name, how.ending, like, how.time, steps)?;
                }
                folder.commit()?;
                extent
            }
            (To::Place, Log::Set(set)) => {
                let old = Old::of(set);
                let temp = old.folder.join(TEMP_BASE);
                let extent = new.base(input, at_base, &temp, old.like())?;
                new.still_alone(log, &temp)?;
                new.placed(old.replace(&temp, how, steps)?);
                // What an earlier run left in the data directory, where nobody is at it now.
                for path in log.abandoned() {
                    if let Ok(_alone) = Lock::take(around(&path)) {
                        steps.remove(&path)?;
                        new.report.removed.push(path);
                    }
                }
                extent
            }
            (To::Place, Log::File { path, name }) => {
                let around = around(path);
                let folder = around.join(FOLDER);
                let temp = around.join(TEMP_BASE);
                let extent = new.base(input, at_base, &temp, path)?;
                new.still_alone(log, &temp)?;
                if self.is_set {
                    let (old, lock) = place::take_over(path, &folder, name, steps)
                        .inspect_err(|_| steps.give_up(&temp))?;
                    new.placed(old.replace(&temp, how, steps)?);
                    drop(lock);
                } else {
                    steps
                        .rename(&temp, path)
                        .inspect_err(|_| steps.give_up(&temp))?;
                    steps
                        .sync_folder(around)
                        .map_err(|e| e.within(place::COUNTS))?;
                    new.report.written.push(path.clone());
                }
                extent
            }
            (To::Place, Log::Stream) => return log.folder().map(|_| ()),
        };
        let head = how.time.map_or(0, |t| place::annotation(t).len() as u64);
        report.after = Some(Extent {
            files: if self.is_set { 2 } else { 1 },
            bytes: extent.bytes + head,
            keys: report.written_keys.keys,
            ..extent
        });
        Ok(())
    }
}

/// A base on its way.
struct New<'a, 'o> {
    plan: &'a Plan,
    steps: Steps<'a>,
    options: &'a Options<'o>,
    report: &'a mut Report,
}

impl New<'_, '_> {
    /// The last look before anything changes: a server may have been started meanwhile. Then the new base goes.
    fn still_alone(&self, log: &Log, temp: &Path) -> Result<()> {
        if self.options.force {
            return Ok(());
        }
        let folder = log.folder()?;
        let alone = users(log, &folder).refuse(&folder);
        if alone.is_err() {
            self.steps.give_up(temp);
        }
        alone
    }

    fn placed(&mut self, placed: Placed) {
        self.report.written = placed.written;
        self.report.removed = placed.removed;
        self.report.kept = placed.kept;
    }

    /// Writes the base to `out`, and judges what was lost on the way.
    fn render<W: Write + Send>(
        &mut self,
        input: Input,
        time: Option<i64>,
        mut out: W,
    ) -> Result<W> {
        let options = convert::Options {
            filter: Filter::default(),
            transform: Transform {
                expired_by: self.options.expired_by,
                ..Transform::default()
            },
            threads: self.options.threads,
            encode: encode::Options {
                target: self.plan.target,
                thresholds: Thresholds::default(),
                compress: true,
                packer: Packer::Engine,
                drop_modules: false,
                one_by_one: false,
            },
            checksum: true,
            progress: &|_| (),
        };
        if let Some(time) = time {
            out.write_all(place::annotation(time).as_bytes())
                .map_err(|e| Error::from_io(e, "write the base"))?;
        }
        let (report, out) = match self.plan.base {
            Base::Rdb => convert::rdb(input, Role::Base, &options, out),
            Base::Aof => convert::aof(input, &options, out),
        };
        let out = out?;
        self.report.written_keys = report;
        self.losses()?;
        Ok(out)
    }

    /// Refuses to lose data. What only clocks know, and what a rewrite of that server loses too, is told.
    fn losses(&self) -> Result<()> {
        let data: Vec<String> = self
            .report
            .written_keys
            .losses
            .iter()
            .filter(|(loss, _)| is_data(*loss))
            .map(|(loss, lost)| loss::describe(loss, lost).to_string())
            .collect();
        if data.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "{} cannot hold all of it: {} (--target says which server it is for)",
                self.plan.target,
                data.join(", ")
            ),
        ))
    }

    /// Writes the base to a file, synced, and reads it over. After an error it is gone.
    fn base(
        &mut self,
        input: Input,
        time: Option<i64>,
        path: &Path,
        like: &Path,
    ) -> Result<Extent> {
        let file = self.steps.temporary(path)?;
        let done = self.base_in(file, input, time, path, like);
        if done.is_err() {
            self.steps.give_up(path);
        }
        done
    }

    fn base_in(
        &mut self,
        file: Box<dyn DiskFile>,
        input: Input,
        time: Option<i64>,
        path: &Path,
        like: &Path,
    ) -> Result<Extent> {
        let file = BufWriter::with_capacity(BUFFER, file);
        let file = self.render(input, time, file)?;
        let mut file = tell(file.into_inner().map_err(|e| e.into_error()), "write", path)?;
        tell(file.inherit(like), "set the mode", path)?;
        tell(file.sync(), "sync", path)?;
        drop(file);
        let held = check::over(path)?;
        let keys = self.report.written_keys.keys;
        if self.plan.base == Base::Rdb && held.keys != keys {
            let message = format!("{keys} keys were written, and {} are read again", held.keys);
            return Err(Error::new(ErrorKind::Io, message).in_file(&path.to_string_lossy()));
        }
        Ok(Extent {
            files: 1,
            bytes: tell(path.metadata(), "look at", path)?.len(),
            commands: Some(held.commands),
            keys,
        })
    }
}

const BUFFER: usize = 256 << 10;

/// Whether a loss changes what a server would load, beyond clocks, counters and what its own rewrite loses.
fn is_data(loss: Loss) -> bool {
    match loss {
        Loss::Key
        | Loss::Function
        | Loss::FieldExpiry
        | Loss::ModuleAux
        | Loss::KeyMeta
        | Loss::NoEvict
        | Loss::Group
        | Loss::Idmp => true,
        Loss::Entry
        | Loss::Consumer
        | Loss::Pending
        | Loss::ConsumerTimes
        | Loss::StreamCounters
        | Loss::StreamLastId
        | Loss::IdmpCounters
        | Loss::Usage
        | Loss::SlotImport => false,
    }
}

/// Counts what is written.
struct Counted {
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
