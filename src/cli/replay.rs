//! `redisk replay`.

use super::Context;
use super::doc::Doc;
use super::dump::Job;
use super::exit::{CODES, Exit};
use super::input::{self, Clock, Machine};
use super::output::Target as Output;
use super::progress::Progress;
use super::text;
use crate::engine::Engine;
use crate::engine::digest::{self, Digests, FieldExpiry};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::filter::glob::Glob;
use crate::filter::transform::Transform;
use crate::input::open::Input;
use crate::model::kind::Flavour;
use crate::model::target::Target;
use crate::model::units;
use crate::ops::replay::{self, Options, Report, Until};
use crate::sink::bytes::Binary;
use crate::sink::json::Json;
use crate::source::aof::Source;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The fields of the JSON document, for the manual.
const FIELDS: &str = r#"JSON document:
  What is not known is null:
    "commands", "seconds", "loaded" (keys out of RDBs), "refused",
    "refusals":[{"file","offset","number","command","text"}] (the first of them), "skipped":[{"command","count"}]
    "stopped":{"file","offset","why"}
    "dbs":[{"db","keys","expires"}]
    "digest" (DEBUG DIGEST of Redis since 7.2 and Valkey), "digest_g17" (of older Redis), "opaque" (keys of modules,
    which are in neither)
    "problems":[{"kind","file","offset","db","key","path","message"}]"#;

/// Runs a log through the built-in engine, and says what state it leads to.
///
/// Takes what servers load: an append-only file, a multi-part set by its data directory, folder or manifest, an RDB, or
/// commands in RESP. Nothing expires by the clock: a log says itself what expired. Commands that a server would have
/// refused are counted and named; a transaction that is not closed does not happen.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{FIELDS}\n\n{CODES}"))]
pub(super) struct Args {
    /// The append-only file, its folder or its manifest, or an RDB; `-` is standard input.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    path: PathBuf,
    #[command(flatten)]
    until: Stop,
    /// Load this RDB or log first.
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    from: Option<PathBuf>,
    /// Step over commands that no server knows, and count them.
    #[arg(long)]
    skip_unknown: bool,
    /// Step over scripts that were logged as such (Redis 4.0 and older), and count them.
    #[arg(long)]
    skip_scripts: bool,
    /// Behave as this server [default: the newest Redis, or Valkey where the file is one's].
    #[arg(long, value_name = "SERVER", value_parser = input::servers())]
    target: Option<String>,
    /// Do without the digest of the state.
    #[arg(long)]
    no_digest: bool,
    /// Write the state to this file as JSON Lines, as dump would; as one array where the name ends in .json.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    out: Option<PathBuf>,
    /// Write one JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    clock: Clock,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    machine: Machine,
}

/// Where to stop.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Where to stop")]
pub(super) struct Stop {
    /// In front of the first command logged after this time (2026-11-20T14:05:00Z, 1795183500). Needs a log with
    /// timestamps.
    #[arg(long, value_name = "TIME", value_parser = units::parse_time_ms)]
    until_time: Option<i64>,
    /// In front of the first command of the last file that starts at this offset or behind it (0x for hex).
    #[arg(long, value_name = "OFFSET", value_parser = super::log::offset)]
    until_offset: Option<u64>,
    /// Behind so many commands.
    #[arg(long, value_name = "N")]
    until_command: Option<u64>,
    /// In front of the first command that matches, its words joined by blanks, in any case of its name: 'FLUSHALL*'.
    #[arg(long, value_name = "GLOB", allow_hyphen_values = true)]
    before: Option<OsString>,
}

impl Stop {
    /// The same for the replay.
    pub(super) fn until(&self) -> Until {
        Until {
            time_ms: self.until_time,
            offset: self.until_offset,
            commands: self.until_command,
            before: self
                .before
                .as_ref()
                .map(|glob| Glob::new(glob.as_encoded_bytes())),
        }
    }
}

/// Seconds that are worth to be told.
const WORTH: f64 = 0.1;

/// What was done, and how long it took.
struct Done {
    report: Report,
    took: Duration,
    digests: Option<Digests>,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    let threads = args.machine.threads()?;
    let source = Source::open(&args.path)?;
    let chosen = args.target.as_deref().and_then(Target::from_name);
    let mut engine = replay::engine(&source, chosen);
    let busy = args.output.is_stdout() && io::IsTerminal::is_terminal(&io::stdout());
    let progress = Progress::new(cx, None, busy);
    let options = Options {
        until: args.until.until(),
        now_ms: args.clock.now_ms(),
        threads,
        parted_from: replay::PARTED_FROM,
        skip_unknown: args.skip_unknown,
        skip_scripts: args.skip_scripts,
        max_memory: args.machine.max_memory,
        progress: &|bytes| progress.at(bytes),
    };
    let start = Instant::now();
    if let Some(from) = &args.from {
        let all = Options {
            until: Until::default(),
            ..options
        };
        let report = replay::replay(Source::open(from)?, &mut engine, &all)?;
        if let Some(e) = report.walked.problems.into_iter().next() {
            return Err(e);
        }
    }
    let report = replay::replay(source, &mut engine, &options)?;
    let took = start.elapsed();
    progress.done();
    let fields = match engine.dialect().flavour {
        Flavour::Redis => FieldExpiry::Counts,
        Flavour::Valkey => FieldExpiry::Ignored,
    };
    let digests = (!args.no_digest).then(|| digest::digest(&engine.keys, fields, threads));
    let done = Done {
        report,
        took,
        digests,
    };
    let mut sink = args.output.open()?;
    let text = if args.json {
        json(&done, &engine, cx)
    } else {
        plain(&done, &engine)
    };
    sink.write_all(text.as_bytes())
        .map_err(|e| Error::from_io(e, "write the output"))?;
    sink.finish()?;
    let written = match &args.out {
        Some(path) => {
            let sound = super::state::is_sound(Some(&done.report));
            write(path, args, &mut engine, (threads, sound), cx)
        }
        None => Ok(Exit::Done),
    };
    // The program ends here: to give the memory back piece by piece would take longer than all of this.
    std::mem::forget(engine);
    super::state::settle(written, Some(done.report), cx)
}

/// Writes the state.
fn write(
    path: &Path,
    args: &Args,
    engine: &mut Engine,
    (threads, sound): (usize, bool),
    cx: &Context,
) -> Result<Exit> {
    let name = path.to_string_lossy();
    let input = Input::of(&name, Box::new(engine.drain()), None, None)?;
    let job = Job {
        filter: Filter::new(Vec::new(), 0),
        transform: Transform::default(),
        limit: None,
        sort: false,
        threads,
        output: &args.output.at(path),
        sound,
    };
    let json = Json {
        binary: Binary::Auto,
        data_only: false,
        array: path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("json")),
        places: false,
    };
    super::dump::json(job, cx, input, &json)
}

/// Says what the output does not show, and settles the exit code.
pub(super) fn finish(report: Report, cx: &Context) -> Result<Exit> {
    cx.notes(&report.walked.notes);
    let mut problems = report.walked.problems.into_iter();
    match problems.next_back() {
        None => Ok(Exit::Done),
        Some(last) => {
            problems.for_each(|e| cx.error(&e));
            Err(last)
        }
    }
}

/// A name and what there is to say.
fn line(out: &mut String, name: &str, text: String) {
    out.push_str(&format!("{name:<9} {text}\n"));
}

fn plain(done: &Done, engine: &Engine) -> String {
    let report = &done.report;
    let seconds = done.took.as_secs_f64();
    let mut out = String::new();
    line(
        &mut out,
        "commands",
        if seconds < WORTH {
            text::grouped(report.commands)
        } else {
            format!(
                "{} in {seconds:.2} s, {} a second",
                text::grouped(report.commands),
                text::grouped(rate(report.commands, seconds))
            )
        },
    );
    if report.loaded > 0 {
        line(
            &mut out,
            "loaded",
            text::count(report.loaded, "key out of an RDB", "keys out of RDBs"),
        );
    }
    for (name, n) in &report.skipped {
        line(
            &mut out,
            "skipped",
            format!("{} {}", text::grouped(*n), text::safe(name)),
        );
    }
    if let Some((file, at, why)) = &report.stopped {
        line(
            &mut out,
            "stopped",
            format!("{}: offset {at:#x}: {}", text::name(file), text::safe(why)),
        );
    }
    if report.refused > 0 {
        line(
            &mut out,
            "refused",
            text::count(
                report.refused,
                "command, as a server would have",
                "commands, as a server would have",
            ),
        );
    }
    for r in &report.refusals {
        out.push_str(&format!(
            "  {}: offset {:#x}: command {}: {}: {}\n",
            text::name(&r.file),
            r.at,
            text::grouped(r.number),
            r.command,
            text::safe(&r.text)
        ));
    }
    for (db, keys) in engine.keys.dbs().filter(|(_, db)| !db.is_empty()) {
        line(
            &mut out,
            &format!("db {db}"),
            format!(
                "{}, {} with an expiry",
                text::count(keys.len() as u64, "key", "keys"),
                text::grouped(keys.expires() as u64)
            ),
        );
    }
    if engine.keys.dbs().all(|(_, db)| db.is_empty()) {
        line(&mut out, "keys", "none".to_owned());
    }
    if let Some(digests) = &done.digests {
        line(
            &mut out,
            "digest",
            format!("{} (Redis from 7.2, Valkey)", digests.fpconv),
        );
        if digests.g17 != digests.fpconv {
            line(
                &mut out,
                "digest",
                format!("{} (Redis up to 7.0)", digests.g17),
            );
        }
        if digests.opaque > 0 {
            line(
                &mut out,
                "digest",
                format!(
                    "without {}",
                    text::count(digests.opaque, "key of a module", "keys of modules")
                ),
            );
        }
    }
    out
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a rate for people"
)]
fn rate(n: u64, seconds: f64) -> u64 {
    (n as f64 / seconds.max(1e-6)) as u64
}

fn json(done: &Done, engine: &Engine, cx: &Context) -> String {
    let report = &done.report;
    let refusals = report.refusals.iter().map(|r| {
        Doc::Fields(vec![
            ("file", r.file.as_str().into()),
            ("offset", r.at.into()),
            ("number", r.number.into()),
            ("command", r.command.as_str().into()),
            ("text", r.text.as_str().into()),
        ])
    });
    let dbs = engine.keys.dbs().filter(|(_, db)| !db.is_empty());
    let dbs = dbs.map(|(number, db)| {
        Doc::Fields(vec![
            ("db", u64::from(number).into()),
            ("keys", (db.len() as u64).into()),
            ("expires", (db.expires() as u64).into()),
        ])
    });
    let skipped = report.skipped.iter().map(|(name, n)| {
        Doc::Fields(vec![
            ("command", name.as_str().into()),
            ("count", (*n).into()),
        ])
    });
    let stopped = report.stopped.as_ref().map(|(file, at, why)| {
        Doc::Fields(vec![
            ("file", file.as_str().into()),
            ("offset", (*at).into()),
            ("why", why.as_str().into()),
        ])
    });
    let problems = report.walked.problems.iter();
    let problems = problems.map(|e| cx.object("error", e.place(), e.message()));
    let digest = |d: Option<String>| Doc::from(d);
    Doc::Fields(vec![
        ("commands", report.commands.into()),
        ("seconds", done.took.as_secs_f64().into()),
        ("loaded", report.loaded.into()),
        ("refused", report.refused.into()),
        ("refusals", Doc::List(refusals.collect())),
        ("skipped", Doc::List(skipped.collect())),
        ("stopped", stopped.unwrap_or(None::<u64>.into())),
        ("dbs", Doc::List(dbs.collect())),
        ("digest", digest(done.digests.map(|d| d.fpconv.to_string()))),
        (
            "digest_g17",
            digest(done.digests.map(|d| d.g17.to_string())),
        ),
        ("opaque", done.digests.map(|d| d.opaque).into()),
        ("problems", Doc::List(problems.collect())),
    ])
    .pretty()
}
