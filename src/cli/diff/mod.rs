//! `redisk diff`.

mod json;
mod plain;

use super::Context;
use super::exit::Exit;
use super::input::{Filters, Machine, servers};
use super::output::{ByteForm, Output, Target as Destination};
use super::progress::Progress;
use super::state::{self, Of, State};
use crate::error::{Error, Result};
use crate::model::loss::{self, Loss};
use crate::model::target::{self, Target};
use crate::model::{kind::Flavour, units};
use crate::ops::diff::{self, Bounds, Change, From, Options, Patch, Report, Tell, Ttl};
use crate::ops::replay;
use crate::rdb::frame::Header;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// What stands behind the options.
const NOTES: &str = "\
What counts:
  Keys by database and name; types, strings, elements of lists in their order, members, scores, fields, entries of
  streams, consumer groups, pending entries, consumers, expiries of keys and fields, function libraries.
What does not:
  How a value is stored (a bare --encoding makes it count), the order of keys, members and fields, when a key or a consumer was
  last used and how often, and what only one of the two can say: the counters of a stream, where a version does not
  hold them; when pending entries were delivered, where one of the two is a log; data of modules outside of keys; the sign
  of a score of 0, which servers lose when they pack a sorted set. A key without elements is there in neither: servers
  leave it out.

Filters choose the keys that they want as they are in A or as they are in B: with --type string a string that is a list in
B has changed, and is not gone. Function libraries belong to no key, and are left out, of the patch too, where there is any filter.

A patch makes keys anew that differ. Where only the expiry does, it is set, unless the key has expired in A or does so
within the hour (--now): it may be gone when the patch is applied.

A damaged source is trouble (exit code 2): the question was not answered. Values that are stored alike in both are not
looked into; 'redisk verify' does that.

The lines:
  -…  is so in A alone        +…  is so in B alone
  A key that both have stands behind a blank, what differs within it on the lines below.

JSON form, a line each:
  {\"change\":\"removed|added|changed\",\"db\",\"key\",\"a\":{\"type\",\"len\",\"expire_ms\"},\"b\":{…},\"differences\":[{\"part\",…,\"a\",\"b\"}],\"more\"}
  {\"function\":name,\"change\",\"a\":source,\"b\":source}
  {\"summary\":{\"same\",\"keys_a\",\"keys_b\",\"keys_same\",\"removed\",\"added\",\"changed\",\"functions\",\"stopped\",\"by_db\",\"by_type\",\"by_prefix\"}}
  Parts: type, encoding, expire_ms, value, element (index), member (member; of a sorted set the scores), field (field),
  field_expire_ms (field), entry (id), last_id, max_deleted_id, entries_added, group (group), group_last_id,
  group_entries_read, consumer (group, consumer), pending (group, id), idmp, producer_id, cursor, module, payload,
  arrival_time, metadata, noevict. What a side has not is null; of a string over 1 MiB a piece is told.";

/// What stands in the manual of diff about exit codes.
const CODES: &str = "\
Exit codes:
  0  the same
  1  different
  2  trouble: bad usage, unreadable, damaged, an unknown kind or version, a limit hit";

/// What differs between any two sources, key by key and element by element.
///
/// Each may be an RDB of any version, an append-only file or the folder of one (what it leads to is compared), or JSON
/// Lines that redisk wrote, compressed or not. Standard input may be one of them.
#[derive(Debug, clap::Args)]
#[command(mut_arg("encoding", encoding))]
#[command(after_long_help = format!("{NOTES}\n\n{CODES}"))]
pub(super) struct Args {
    /// The one source; `-` is standard input.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    a: PathBuf,
    /// The other.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    b: PathBuf,
    /// Expiries do not count, of keys and of fields.
    #[arg(long)]
    ignore_ttl: bool,
    /// Expiries that are no further apart count as the same (2s).
    #[arg(long, value_name = "DURATION", value_parser = units::parse_duration_ms, conflicts_with = "ignore_ttl")]
    ttl_tolerance: Option<i64>,
    /// Only counts: by database, type and prefix (up to the first colon).
    #[arg(long)]
    summary: bool,
    /// At most so many keys; more are counted.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// All that differs within a key, however much that is [default: the first 10; 1000 with --json].
    #[arg(long)]
    full: bool,
    /// Write nothing, and stop at the first difference.
    #[arg(long, conflicts_with_all = ["summary", "json", "limit", "full", "patch"])]
    exit_code_only: bool,
    /// An object a line for each key that differs, and a summary last.
    #[arg(long)]
    json: bool,
    /// Write the commands that make A what B is to this file, for redis-cli --pipe.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    patch: Option<PathBuf>,
    /// The server that the patch is for [default: by A's RDB version; where A is a log, the server that it
    /// is of or, where it does not tell, the oldest that can hold all of it].
    #[arg(long, value_name = "SERVER", requires = "patch", hide_possible_values = true, value_parser = servers())]
    target: Option<String>,
    /// Replace the patch where it exists, and write it beside the files of a server that works there, too.
    #[arg(long, requires = "patch")]
    force: bool,
    #[command(flatten)]
    bytes: ByteForm,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    machine: Machine,
}

/// `--encoding` alone says that it counts; with a value it chooses keys, as everywhere.
fn encoding(arg: clap::Arg) -> clap::Arg {
    arg.num_args(0..=1)
        .require_equals(true)
        .default_missing_value(COUNTS)
        .value_name("=ENCODING")
        .help(
            "It counts how values are stored: ziplist is not listpack. With a value (--encoding=listpack,intset) those \
             keys that are stored like this, as in other commands",
        )
}

/// The value that stands for none.
const COUNTS: &str = "counts";

/// Differences that are told of each key: to people, to programs.
const ITEMS: usize = 10;
const ITEMS_JSON: usize = 1000;

/// Where differences go.
enum Teller<W: Write> {
    Plain(plain::Plain<W>),
    Json(json::Json<W>),
    Nobody,
}

impl<W: Write> Tell for Teller<W> {
    fn function(&mut self, name: &[u8], a: Option<&[u8]>, b: Option<&[u8]>) -> Result<()> {
        match self {
            Teller::Plain(plain) => plain.function(name, a, b),
            Teller::Json(json) => json.function(name, a, b),
            Teller::Nobody => Ok(()),
        }
    }

    fn key(&mut self, change: &Change<'_>) -> Result<()> {
        match self {
            Teller::Plain(plain) => plain.key(change),
            Teller::Json(json) => json.key(change),
            Teller::Nobody => Ok(()),
        }
    }
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    match work(args, cx) {
        // The question was not answered, whatever is wrong.
        Err(e) if !e.is_broken_pipe() => {
            cx.error(&e);
            Ok(Exit::Failed)
        }
        done => done,
    }
}

fn work(args: &Args, cx: &Context) -> Result<Exit> {
    if args.a.as_os_str() == "-" && args.b.as_os_str() == "-" {
        return Err(Error::usage("standard input can be one of the two only"));
    }
    let to_stdout = args
        .patch
        .as_ref()
        .is_some_and(|path| path.as_os_str() == "-");
    if to_stdout {
        return Err(Error::usage("--patch needs a file to write to"));
    }
    let tolerance = args.ttl_tolerance.unwrap_or(0);
    let busy = std::io::stdout().is_terminal() && !args.exit_code_only && !args.summary;
    let progress = Progress::new(cx, None, busy);
    let threads = args.machine.threads()?;
    let mut filters = args.filters.clone();
    let encoding = filters.take("encoding", COUNTS);
    let options = Options {
        filter: filters.build(cx)?,
        encoding,
        ttl: Ttl {
            ignored: args.ignore_ttl,
            tolerance_ms: tolerance.unsigned_abs(),
        },
        first: args.exit_code_only,
        items: match (args.full, args.json) {
            (true, _) => usize::MAX,
            (_, true) => ITEMS_JSON,
            _ => ITEMS,
        },
        limit: match args.limit {
            _ if args.summary || args.exit_code_only => 0,
            limit => limit.unwrap_or(u64::MAX),
        },
        bounds: Bounds::default(),
        threads,
        // Threads have taken theirs.
        max_memory: args.machine.max_memory.map(|max| max / 2),
        progress: &|bytes| progress.at(bytes),
    };
    let room = (threads, args.machine.max_memory);
    let now_ms = args.filters.now_ms();
    let open = |path| state::open(path, "compare", now_ms, room, cx);
    let State {
        input,
        log,
        header,
        of,
        ..
    } = open(&args.a)?;
    let a = From {
        input,
        replayed: log.is_some(),
    };
    let mut logs: [Option<replay::Report>; 2] = [log, None];
    let target = server(args, header, of.as_ref(), cx);
    let [_, log_b] = &mut logs;
    let open_b = || {
        let State { input, log, .. } = open(&args.b)?;
        let replayed = log.is_some();
        *log_b = log;
        Ok(From { input, replayed })
    };
    let mut output = Destination::new("-".as_ref(), false).open()?;
    let names = [&args.a, &args.b].map(|path| super::text::name(&path.to_string_lossy()));
    let mut teller = if args.exit_code_only {
        Teller::Nobody
    } else if args.json {
        Teller::Json(json::Json {
            out: &mut output,
            binary: args.bytes.form(),
            key_format: cx.global.key_format,
        })
    } else {
        let paint = cx.paint(&std::io::stdout());
        let binary = args.bytes.form();
        Teller::Plain(plain::Plain::new(
            &mut output,
            names,
            paint,
            binary,
            cx.global.key_format,
        ))
    };
    let mut file = match &args.patch {
        Some(path) => Some(Destination::new(path, args.force).open()?),
        None => None,
    };
    let mut patch = file.as_mut().map(|file| Patch::new(target, now_ms, file));
    let done = diff::diff(a, open_b, &options, &mut teller, patch.as_mut());
    progress.done();
    let ended = done.and_then(|report| {
        match &mut teller {
            Teller::Plain(plain) => plain.end(&report, args.summary)?,
            Teller::Json(json) => json.end(&report)?,
            Teller::Nobody => {}
        }
        Ok(report)
    });
    drop(teller);
    // What was found until then stands, whatever comes.
    let flushed = output
        .flush()
        .map_err(|e| Error::from_io(e, "write the output"));
    let report = ended.and_then(|report| flushed.map(|()| report));
    let whole = logs.iter().all(|log| state::is_sound(log.as_ref()));
    let report = match (report, patch) {
        (Ok(report), Some(patch)) => {
            let losses = patch.finish()?;
            // What does not count is no loss.
            let told = |loss: &Loss| !matches!(loss, Loss::ConsumerTimes | Loss::Usage);
            for (loss, lost) in losses.iter().filter(|(loss, _)| told(loss)) {
                let message = format!("{target} cannot be told: {}", loss::describe(loss, lost));
                cx.warn(&lost.first, &message);
            }
            // A patch out of half a log would look like a whole one.
            if let Some(file) = file.filter(|_| whole) {
                finish(file)?;
            }
            Ok(report)
        }
        (report, _) => report,
    };
    let mut exit = report.map(|report| exit(&report));
    for log in logs {
        exit = state::settle(exit, log, cx);
    }
    exit
}

fn finish(mut file: Output) -> Result<()> {
    file.flush()
        .map_err(|e| Error::from_io(e, "write the patch"))?;
    file.finish()
}

fn exit(report: &Report) -> Exit {
    if report.is_same() {
        Exit::Done
    } else {
        Exit::No
    }
}

/// The server that a patch is for.
fn server(args: &Args, header: Option<Header>, of: Option<&Of>, cx: &Context) -> &'static Target {
    let asked = args.target.as_deref().and_then(Target::from_name);
    match (asked, of, header) {
        (Some(target), ..) => target,
        (None, Some(of), _) if args.patch.is_some() => of.told(&args.a.to_string_lossy(), cx),
        (None, Some(of), _) => of.target(),
        (None, None, Some(header)) => Target::of_file(header.flavour, header.version),
        (None, None, None) => target::newest(Flavour::Redis),
    }
}

/// What a removed, added or changed key is called in one word.
fn word(what: diff::What) -> &'static str {
    match what {
        diff::What::Removed => "removed",
        diff::What::Added => "added",
        diff::What::Changed => "changed",
    }
}

/// The output could not be written.
fn broken(e: std::io::Error) -> Error {
    Error::from_io(e, "write the output")
}
