//! `redisk compact`.

use super::Context;
use super::doc::Doc;
use super::dump;
use super::exit::{CODES, Exit};
use super::input::{self, Clock, Machine};
use super::output;
use super::progress::Progress;
use super::state;
use super::text;
use super::transform::DropExpired;
use crate::disk::layer::Real;
use crate::error::{Error, Place, Result};
use crate::model::target::Target;
use crate::model::units;
use crate::ops::compact::{self, Extent, Options, Report, To};
use crate::ops::convert::Base;
use clap::ValueEnum;
use std::path::PathBuf;

/// What is done, for the manual.
const STEPS: &str = r#"What is done:
  The log is run through the built-in engine, and what it leads to is written as a new base, by the steps of a server's
  rewrite: the base beside the old files, synced and read over; a new empty incr; the manifest in one step, from which on
  the new files count; the old files go last. Whenever the power goes, the folder holds the old log or the new one.
  A log that is damaged in any way is refused (exit code 1) and not touched: see verify and repair. So is one whose server
  could not hold what it leads to (exit code 2), which means that --target has to say which server it is for.
  For which server: the one that wrote the RDB at the head of the log, unless it is named. A log of commands alone does not
  tell: it is written for the oldest server that can hold all of it, which its own takes too. A single file of Redis up to
  6.2 stays one; with --target redis-7.0 or later it becomes a set in appendonlydir beside it.
  A server starts with what is left here by --keep-history, and deletes it then unless its aof-disable-auto-gc says no.

Who works there:
  Another redisk is kept out by a lock on the folder. On Linux, processes are looked at that have one of the files open to
  write, and servers whose working directory is the folder or the data directory around it. Processes of other users are
  seen by root only, those of other machines and of containers with processes of their own not at all: stop the server
  before. --force goes on all the same; what a server writes meanwhile is lost then.

JSON document:
  "target", "base" (rdb, aof), "set" (or else one file), "dry_run",
  "before":{"files","bytes","commands","keys"}, "after" (the same; null where the log is damaged),
  "written", "removed", "kept", "leftovers" (files that belong to no log): lists of paths,
  "refused" (commands), "dropped":{…}, "losses":[{"kind","count"}],
  "problems":[{"kind","file","offset","db","key","path","message"}]"#;

/// The append-only file as the smallest one that leads to the same state: BGREWRITEAOF without a server.
///
/// In place, and so that nothing can be lost whenever the power goes. The server must not run meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{STEPS}\n\n{CODES}"))]
pub(super) struct Args {
    /// The append-only file, its folder, its manifest, or the data directory.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    path: PathBuf,
    /// What the new base is: rdb or aof (commands) [default: what the old one is].
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    base: Option<BaseKind>,
    /// The server that it is for [default: the one that wrote it].
    #[arg(long, value_name = "SERVER", hide_possible_values = true, value_parser = input::servers())]
    target: Option<String>,
    #[command(flatten)]
    expired: DropExpired,
    /// Leave the log as it is, and write the new one into this folder.
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, conflicts_with_all = ["keep_history", "dry_run"])]
    out: Option<PathBuf>,
    /// Write nothing, and say what there would be.
    #[arg(long, conflicts_with = "keep_history")]
    dry_run: bool,
    /// Leave the old files where they are, listed as history.
    #[arg(long)]
    keep_history: bool,
    /// Begin the new log with the time of the last #TS annotation of the old one.
    #[arg(long)]
    timestamps: bool,
    /// Go on although a server seems to work there (with --out: where the new log goes), or the space on the disk seems too little.
    #[arg(long)]
    force: bool,
    /// Write one JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    clock: Clock,
    #[command(flatten)]
    machine: Machine,
}

/// What a log begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BaseKind {
    /// An RDB.
    Rdb,
    /// Commands.
    Aof,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    let threads = args.machine.threads()?;
    let to = match (&args.out, args.dry_run) {
        (Some(folder), _) => To::Folder(output::folder(folder, args.force)?),
        (None, true) => To::Nowhere,
        (None, false) => To::Place,
    };
    let name = args.path.to_string_lossy().into_owned();
    let place = Place {
        file: Some(name.clone()),
        ..Place::default()
    };
    let progress = Progress::new(cx, None, false);
    let options = Options {
        base: args.base.map(|base| match base {
            BaseKind::Rdb => Base::Rdb,
            BaseKind::Aof => Base::Aof,
        }),
        target: args.target.as_deref().and_then(Target::from_name),
        expired_by: args.expired.by(args.clock.now_ms()),
        keep_history: args.keep_history,
        timestamps: args.timestamps,
        force: args.force,
        now_ms: args.clock.now_ms(),
        threads,
        max_memory: args.machine.max_memory,
        progress: &|bytes| progress.at(bytes),
        disk: &Real,
        staged: &|path| output::temporary(path),
        warn: &|message| cx.warn(&place, message),
    };
    let report =
        compact::compact(&args.path, to, &options).map_err(|e| forced(e).in_file(&name))?;
    progress.done();
    state::refusals(&report.replay, cx);
    dump::warn(&report.written_keys, &name, cx);
    let text = if args.json {
        json(args, &report, cx)
    } else {
        plain(args, &report)
    };
    output::print(&text)?;
    state::settle(Ok(Exit::Done), Some(report.replay), cx)
}

/// Says how to go on all the same.
fn forced(e: Error) -> Error {
    if !e.message().contains(" works here: ") {
        return e;
    }
    let (kind, message, place) = e.into_parts();
    let e = Error::new(
        kind,
        format!("{message} (--force goes on; what it writes meanwhile is lost)"),
    );
    e.in_file(&place.file.unwrap_or_default())
}

fn extent(extent: &Extent) -> String {
    let commands = extent
        .commands
        .map(|n| format!("{}, ", text::count(n, "command", "commands")));
    format!(
        "{}, {}, {}{}",
        text::count(extent.files, "file", "files"),
        units::format_bytes(extent.bytes),
        commands.unwrap_or_default(),
        text::count(extent.keys, "key", "keys"),
    )
}

fn base_name(base: Base) -> &'static str {
    match base {
        Base::Rdb => "rdb",
        Base::Aof => "aof",
    }
}

fn plain(args: &Args, report: &Report) -> String {
    let Some(after) = &report.after else {
        return format!(
            "{}: nothing was changed\n",
            text::name(&args.path.to_string_lossy())
        );
    };
    let mut out = String::new();
    let mut line = |name: &str, text: String| out.push_str(&format!("{name:<9} {text}\n"));
    line("before", extent(&report.before));
    let form = match (report.base, report.is_set) {
        (Base::Rdb, true) => "a set with an RDB as its base",
        (Base::Aof, true) => "a set with commands as its base",
        (Base::Rdb, false) => "one file with an RDB at its head",
        (Base::Aof, false) => "one file of commands",
    };
    let after_name = if args.dry_run { "would be" } else { "after" };
    line(after_name, extent(after));
    line("form", format!("{form}, for {}", report.target));
    for (name, paths) in [
        ("written", &report.written),
        ("removed", &report.removed),
        ("kept", &report.kept),
        ("left over", &report.leftovers),
    ] {
        for path in paths {
            line(name, text::name(&path.to_string_lossy()));
        }
    }
    out
}

fn json(args: &Args, report: &Report, cx: &Context) -> String {
    let extent = |e: &Extent| {
        Doc::Fields(vec![
            ("files", e.files.into()),
            ("bytes", e.bytes.into()),
            ("commands", e.commands.into()),
            ("keys", e.keys.into()),
        ])
    };
    let paths =
        |paths: &[PathBuf]| Doc::list(paths.iter().map(|p| p.to_string_lossy().into_owned()));
    let problems = report.replay.walked.problems.iter();
    let problems = problems.map(|e| cx.object("error", e.place(), e.message()));
    Doc::Fields(vec![
        ("target", report.target.name.into()),
        ("base", base_name(report.base).into()),
        ("set", report.is_set.into()),
        ("dry_run", args.dry_run.into()),
        ("before", extent(&report.before)),
        ("after", report.after.as_ref().map_or(Doc::NULL, extent)),
        ("written", paths(&report.written)),
        ("removed", paths(&report.removed)),
        ("kept", paths(&report.kept)),
        ("leftovers", paths(&report.leftovers)),
        ("refused", report.replay.refused.into()),
        ("dropped", dump::dropped_doc(&report.written_keys)),
        ("losses", dump::losses_doc(&report.written_keys)),
        ("problems", Doc::List(problems.collect())),
    ])
    .pretty()
}
