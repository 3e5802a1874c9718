//! `redisk merge`.

use super::Context;
use super::doc::{self, Doc};
use super::dump;
use super::exit::{CODES, Exit};
use super::input::{self, Clock, Machine};
use super::output::{self, Target as Destination};
use super::progress::Progress;
use super::split::{encoding, server, strict};
use super::state::{self, Of, State};
use super::text;
use crate::disk;
use crate::error::{Error, Result};
use crate::model::kind::Flavour;
use crate::model::target::{self, Target};
use crate::model::units;
use crate::ops::merge::{self, OnConflict, Options, Origin, Report};
use crate::rdb::encode::Packer;
use clap::ValueEnum;
use std::path::PathBuf;

/// What is done, for the manual.
const RULES: &str = r#"What is taken:
  Each source is read twice: for the names of its keys, and for the keys that are taken. Records are copied as they stand
  where the target reads them so. Memory does not grow with the data, but for the state of a log: an index of all keys is
  kept in a temporary file where it is large (TMPDIR; 32 bytes a key).
  --on-conflict says which of several keys of one name is taken, where more than one source has it:
    error       none; nothing is written, and the first is named (exit code 2)
    first       that of the source that stands first on the command line
    last        that of the last
    newest-ttl  the one that expires last; one without an expiry never does; among equals the first
    largest     the one whose value has the most bytes in its file; among equals the first
  Function libraries are united. Those of one name and different code follow the same rule, and so do those that register
  functions of one name, which no server loads together; functions are known where their names stand in the code. Of what is about a whole file
  (aux fields, data of modules beside the keys), that of the first source comes along.

JSON document:
  "target", "keys", "conflicts" (keys left out), "functions", "function_conflicts":[name],
  "sources":[{"file","keys","left_out"}],
  "named":[{"db","key","taken","left_out"}] (the first conflicts; the files), "losses":[{"kind","count"}]"#;

/// Several sources as one RDB: the shards of a cluster in one file.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{RULES}\n\n{CODES}"))]
pub(super) struct Args {
    /// RDBs, append-only files, or folders of multi-part ones, compressed or not; `-` is standard input.
    #[arg(required = true, value_hint = clap::ValueHint::AnyPath, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The RDB to write.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    out: PathBuf,
    /// Which key is taken where several sources have it: error, first, last, newest-ttl or largest.
    #[arg(
        long,
        value_name = "RULE",
        default_value = "error",
        hide_possible_values = true
    )]
    on_conflict: Rule,
    /// Move a database of the Nth source, or of all, to another number: 0:3, 2/0:1. May be repeated.
    #[arg(long, value_name = "[N/]FROM:TO", value_delimiter = ',', value_parser = databases)]
    db_map: Vec<(Option<usize>, (u64, u64))>,
    /// The server that the output is for [default: the newest of those that wrote the sources; where none tells, the
    /// oldest that can hold all of it].
    #[arg(long, value_name = "SERVER", hide_possible_values = true, value_parser = input::servers())]
    target: Option<String>,
    /// Write nothing where the target cannot hold all of it (exit code 2).
    #[arg(long)]
    strict: bool,
    /// Replace the output file where it exists, and write beside the files of a server that works there, too.
    #[arg(long)]
    force: bool,
    /// Write a report as one JSON document to stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    clock: Clock,
    #[command(flatten)]
    machine: Machine,
}

/// Which key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rule {
    /// None.
    Error,
    /// Of the first source.
    First,
    /// Of the last source.
    Last,
    /// That expires last.
    NewestTtl,
    /// That has the most bytes.
    Largest,
}

impl Rule {
    fn rule(self) -> OnConflict {
        match self {
            Rule::Error => OnConflict::Error,
            Rule::First => OnConflict::First,
            Rule::Last => OnConflict::Last,
            Rule::NewestTtl => OnConflict::NewestTtl,
            Rule::Largest => OnConflict::Largest,
        }
    }
}

/// `[N/]FROM:TO`.
fn databases(text: &str) -> std::result::Result<(Option<usize>, (u64, u64)), String> {
    let (source, map) = match text.split_once('/') {
        Some((source, map)) => {
            let source = source.trim().parse().ok().filter(|n| *n > 0);
            (
                Some(source.ok_or("N is the number of a source, from 1")?),
                map,
            )
        }
        None => (None, text),
    };
    super::transform::databases(map).map(|map| (source, map))
}

impl Args {
    /// What becomes of the databases of a source, counted from 0.
    fn databases(&self, number: usize) -> Result<Vec<(u64, u64)>> {
        let mut found: Vec<(u64, u64)> = Vec::new();
        // What is said of one source stands above what is said of all.
        for wanted in [Some(number + 1), None] {
            let above = found.len();
            for (_, (from, to)) in self.db_map.iter().filter(|(of, _)| *of == wanted) {
                match found.iter().position(|(f, _)| f == from) {
                    None => found.push((*from, *to)),
                    Some(at) if at < above => {}
                    Some(_) => {
                        let message = format!("--db-map: database {from} is there twice");
                        return Err(Error::usage(message));
                    }
                }
            }
        }
        Ok(found)
    }

    /// The server that the output is for: the newest of those that wrote the sources. A source that does not tell raises it
    /// no further than its data need.
    fn target(&self, wrote: &[Wrote], cx: &Context) -> Result<&'static Target> {
        if let Some(target) = self.target.as_deref().and_then(Target::from_name) {
            return Ok(target);
        }
        let newest =
            |all: &mut dyn Iterator<Item = &'static Target>| -> Result<Option<&'static Target>> {
                let mut best: Option<&'static Target> = None;
                for target in all {
                    match best {
                        Some(best) if best.flavour != target.flavour => {
                            return Err(Error::usage(format!(
                                "the sources are of {best} and of {target}: --target says for which the output is"
                            )));
                        }
                        Some(best) if best.version >= target.version => {}
                        _ => best = Some(target),
                    }
                }
                Ok(best)
            };
        let known = newest(&mut wrote.iter().filter_map(|w| match w {
            Wrote::By(server) => Some(*server),
            Wrote::Log(Of::Server(server)) => Some(*server),
            _ => None,
        }))?;
        let unknown = wrote.iter().filter_map(|w| match w {
            Wrote::Log(Of::Since(floor, needs)) => Some((*floor, needs)),
            _ => None,
        });
        let floors = newest(&mut unknown.clone().map(|(floor, _)| floor))?;
        let Some(from) = known.or(floors) else {
            return Ok(target::newest(Flavour::Redis));
        };
        let target = unknown.fold(from, |target, (_, needs)| needs.oldest(target));
        if known != Some(target) {
            let told = wrote
                .iter()
                .position(|w| matches!(w, Wrote::Log(Of::Since(..))));
            let path = told.and_then(|at| self.paths.get(at));
            let name = path.map_or(String::new(), |p| p.to_string_lossy().into_owned());
            state::guessed(target, &name, cx);
        }
        Ok(target)
    }
}

/// Who wrote a source.
enum Wrote {
    By(&'static Target),
    Log(Of),
    Nobody,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    let threads = args.machine.threads()?;
    let room = (threads, args.machine.max_memory);
    if let Some((Some(n), _)) = args
        .db_map
        .iter()
        .find(|(n, _)| n.is_some_and(|n| n > args.paths.len()))
    {
        return Err(Error::usage(format!("--db-map: there is no source {n}")));
    }
    if args.paths.iter().filter(|p| p.as_os_str() == "-").count() > 1 {
        return Err(Error::usage(
            "standard input can be one of the sources only",
        ));
    }
    if args.json && args.out.as_os_str() == "-" {
        return Err(Error::usage(
            "--json and the output cannot both go to standard output",
        ));
    }
    let (mut origins, mut wrote, mut logs) = (Vec::new(), Vec::new(), Vec::new());
    space(args)?;
    for (number, path) in args.paths.iter().enumerate() {
        let databases = args.databases(number)?;
        let server = server(path)?;
        let State {
            input,
            log,
            packer,
            header,
            of,
        } = state::open(path, "merge", args.clock.now_ms(), room, cx)?;
        let server = server.or_else(|| header.map(|h| Target::of_file(h.flavour, h.version)));
        wrote.push(match (of, server) {
            (Some(of), _) => Wrote::Log(of),
            (None, Some(server)) => Wrote::By(server),
            (None, None) => Wrote::Nobody,
        });
        if let Some(log) = log {
            if !log.walked.problems.is_empty() {
                return state::settle(Ok(Exit::Done), Some(log), cx);
            }
            logs.push(log);
        }
        let mut origin = Origin::new(input, packer)?;
        origin.databases = databases;
        origins.push(origin);
    }
    let target = args.target(&wrote, cx)?;
    let progress = Progress::new(cx, None, false);
    let options = Options {
        on_conflict: args.on_conflict.rule(),
        threads,
        encode: encoding(target, Packer::Server),
        progress: &|bytes| progress.at(bytes),
    };
    let out = Destination::new(&args.out, args.force).open()?;
    let (report, done) = merge::merge(&origins, &options, out);
    progress.done();
    for (origin, taken) in origins.iter().zip(&report.sources) {
        dump::warn(&taken.dumped, origin.name(), cx);
    }
    let out = done?;
    if args.strict {
        for (origin, taken) in origins.iter().zip(&report.sources) {
            strict(target, &taken.dumped, origin.name())?;
        }
    }
    out.finish()?;
    if args.json {
        output::print(&json(&report, &origins, target, cx))?;
    } else if args.out.as_os_str() != "-" {
        output::print(&plain(&report, &origins, cx))?;
    }
    logs.into_iter().try_fold(Exit::Done, |_, log| {
        state::settle(Ok(Exit::Done), Some(log), cx)
    })
}

/// Says before the work that there is not the space for it.
fn space(args: &Args) -> Result<()> {
    let size = |path: &PathBuf| {
        path.metadata()
            .map_or(0, |m| if m.is_file() { m.len() } else { 0 })
    };
    let size: u64 = args.paths.iter().map(size).sum();
    let Some(left) = disk::space_left(&args.out).filter(|left| *left < size) else {
        return Ok(());
    };
    let (left, size) = (units::format_bytes(left), units::format_bytes(size));
    let message = format!("{left} are left on its disk, and this takes about {size}");
    // Where keys are left out it may take less, but that is not known before.
    Err(Error::limit(message).in_file(&args.out.to_string_lossy()))
}

fn plain(report: &Report, origins: &[Origin], cx: &Context) -> String {
    let mut out = String::new();
    for (origin, taken) in origins.iter().zip(&report.sources) {
        let left = match taken.left {
            0 => String::new(),
            n => format!(", {} left out", text::grouped(n)),
        };
        out += &format!(
            "{}  {}{left}\n",
            text::name(origin.name()),
            text::count(taken.keys, "key", "keys")
        );
    }
    out += &format!("{} written", text::count(report.keys, "key", "keys"));
    if report.functions > 0 {
        out += &format!(
            ", {}",
            text::count(report.functions, "function library", "function libraries")
        );
    }
    out.push('\n');
    let name = |n: usize| {
        origins
            .get(n)
            .map_or(String::new(), |o| text::name(o.name()))
    };
    for conflict in &report.named {
        out += &format!(
            "  db {} {}: of {}, not of {}\n",
            conflict.db,
            text::key(&conflict.key, cx.global.key_format),
            name(conflict.taken),
            name(conflict.left)
        );
    }
    let more = report.conflicts - (report.named.len() as u64).min(report.conflicts);
    if more > 0 {
        out += &format!("  and {} more\n", text::grouped(more));
    }
    for conflict in &report.function_conflicts {
        let name = |name: &[u8]| text::key(name, None);
        let library = name(&conflict.library);
        out += &match &conflict.function {
            None => format!("  function library {library} differs\n"),
            Some((function, other)) => format!(
                "  function libraries {} and {library} both register {}\n",
                name(other),
                name(function)
            ),
        };
    }
    out
}

fn json(report: &Report, origins: &[Origin], target: &Target, cx: &Context) -> String {
    let name = |n: usize| Doc::from(origins.get(n).map(|o| o.name().to_owned()));
    let sources = origins.iter().zip(&report.sources).map(|(origin, taken)| {
        Doc::Fields(vec![
            ("file", origin.name().into()),
            ("keys", taken.keys.into()),
            ("left_out", taken.left.into()),
        ])
    });
    let named = report.named.iter().map(|c| {
        Doc::Fields(vec![
            ("db", c.db.into()),
            ("key", doc::key(&c.key, cx.global.key_format)),
            ("taken", name(c.taken)),
            ("left_out", name(c.left)),
        ])
    });
    let mut losses = crate::ops::dump::Report::default();
    for taken in &report.sources {
        losses.losses.merge(taken.dumped.losses.clone());
    }
    let mut libraries: Vec<&Vec<u8>> = Vec::new();
    for conflict in &report.function_conflicts {
        if !libraries.contains(&&conflict.library) {
            libraries.push(&conflict.library);
        }
    }
    let functions = libraries.into_iter().map(|f| doc::key(f, None));
    Doc::Fields(vec![
        ("target", target.name.into()),
        ("keys", report.keys.into()),
        ("conflicts", report.conflicts.into()),
        ("functions", report.functions.into()),
        ("function_conflicts", Doc::List(functions.collect())),
        ("sources", Doc::List(sources.collect())),
        ("named", Doc::List(named.collect())),
        ("losses", dump::losses_doc(&losses)),
    ])
    .pretty()
}
