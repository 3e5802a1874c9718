//! `redisk log`.

use super::Context;
use super::exit::{CODES, Exit};
use super::input::Machine;
use super::log_text;
use super::output::{self, ByteForm, Output, Target};
use super::progress::Progress;
use super::text;
use crate::error::{Error, Result};
use crate::filter::Rule;
use crate::filter::glob::Glob;
use crate::model::units;
use crate::ops::log::{self, Form, KeyRule, KeyTest, Note, Options, Select, Walked};
use crate::source::aof::Source;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

/// The forms, for the manual.
const FORMS: &str = r#"Forms:
  For people, a line a command: file and offset, database, time, a bar where it stands inside MULTI, the words; long
  words and long commands are cut. With --json an object a line:
    {"file":"appendonly.aof.1.incr.aof","offset":16,"db":0,"time":1795210350,"multi":false,"argv":["SET","k","v"]}
  time is that of the last #TS: line in seconds since 1970, or null; multi is true from behind MULTI to EXEC. The last line:
    {"summary":{"commands","shown","stopped","damaged","files":[{"file","role","bytes","rdb_version","commands",
    "sound_bytes"}]}}; stopped: --limit ended it, so that commands counts whole files alone
  With --history a key of the base is an object with "base":{"key","type","encoding","expire_ms","bytes"} instead of
  multi and argv, and the summary has, too:
    "in_base": true, false, or null without a base; "also_named":[{"db","key"}], the names under which the value lives
    at the end; "doubts":[{"file","offset","command","db","key","took_effect"}], commands whose target was there
    (false), or may have been (null)
  With --stats one object: the fields of a summary, and
    "bytes", "writes", "names":[{"command","count","bytes"}], "dbs":[{"db","count"}],
    "keys":[{"db","key","count","error"}], "prefixes":[{"prefix","count","error"}] (a: and a:b: of a:b:c; / parts, too):
    those written most, whose true count is count, or up to error less; "slice_seconds",
    "timeline":[{"time","count","bytes"}], "timeless": commands without a time"#;

/// The commands of an append-only file, in their order.
///
/// Takes one file, from standard input and compressed too, or a multi-part set by its data directory, its folder or its
/// manifest. A file that grows while it is read is read to the size it had.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{FORMS}\n\n{CODES}"))]
pub(super) struct Args {
    /// The append-only file or its folder; `-` is standard input.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    path: PathBuf,
    #[command(flatten)]
    what: Box<What>,
    /// Write JSON Lines, one object a command and a summary as the last line; with --stats, one document.
    #[arg(long, conflicts_with = "resp")]
    json: bool,
    #[command(flatten)]
    bytes: ByteForm,
    /// Write the commands as a log that servers load: SELECT where it is needed, transactions whole. An RDB base comes
    /// first, as the preamble that servers since 4.0 load, where all is wanted, or all up to a time, an offset or a
    /// limit, or all but some commands. With conditions on keys and databases alone, keys of the base come as commands;
    /// with other conditions they are left out.
    #[arg(long)]
    resp: bool,
    /// Follow one key through RENAME, COPY, MOVE, SWAPDB and flushes, and say whether an RDB base holds it.
    #[arg(long, value_name = "KEY", conflicts_with_all = [
        "resp", "stats", "key", "key_exact", "key_regex", "slot", "command", "not_key", "not_key_exact",
        "not_key_regex", "not_slot", "not_command", "not_db",
    ])]
    history: Option<OsString>,
    /// Count instead: commands, the keys and prefixes written most, a timeline.
    #[arg(long, conflicts_with = "resp")]
    stats: bool,
    /// Go on as the log grows, like `tail -f`, across the switch to a new file by a rewrite. Ends with Ctrl-C, or --limit.
    #[arg(long, short = 'f', conflicts_with_all = ["resp", "stats", "history"])]
    follow: bool,
    /// With --stats: how many keys and prefixes to name.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    machine: Machine,
}

/// Which commands.
#[derive(Debug, clap::Args)]
#[command(
    next_help_heading = "Which commands (each may be repeated: any of them; different ones: all of them)"
)]
struct What {
    /// With a key whose name matches, by the rules of KEYS and SCAN. Commands without keys, FLUSHALL too, are left out.
    #[arg(long, value_name = "GLOB", allow_hyphen_values = true)]
    key: Vec<OsString>,
    /// With a key of exactly this name (see --key-format).
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    key_exact: Vec<OsString>,
    /// With a key in whose name this expression matches somewhere; (?-u) lets it match bytes that are no text.
    #[arg(long, value_name = "RE", allow_hyphen_values = true)]
    key_regex: Vec<OsString>,
    /// With a key in these cluster slots.
    #[arg(long, value_name = "N[-M]", value_delimiter = ',')]
    slot: Vec<String>,
    /// With this name, in any case; `xgroup|create` for a subcommand.
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    command: Vec<String>,
    /// In these databases.
    #[arg(long, value_name = "N[,N]", value_delimiter = ',')]
    db: Vec<u32>,
    /// Without a key that --key takes; commands without keys stay.
    #[arg(
        long,
        value_name = "GLOB",
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    not_key: Vec<OsString>,
    /// Without a key of exactly this name.
    #[arg(
        long,
        value_name = "KEY",
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    not_key_exact: Vec<OsString>,
    /// Without a key that --key-regex takes.
    #[arg(
        long,
        value_name = "RE",
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    not_key_regex: Vec<OsString>,
    /// Without a key in these cluster slots.
    #[arg(
        long,
        value_name = "N[-M]",
        value_delimiter = ',',
        hide_short_help = true
    )]
    not_slot: Vec<String>,
    /// Not with this name.
    #[arg(
        long,
        value_name = "NAME[,NAME]",
        value_delimiter = ',',
        hide_short_help = true
    )]
    not_command: Vec<String>,
    /// Not in these databases.
    #[arg(
        long,
        value_name = "N[,N]",
        value_delimiter = ',',
        hide_short_help = true
    )]
    not_db: Vec<u32>,
    /// Not before this time (2026-11-20T14:05:00Z, 1795183500). Commands without a time stand before all that have one.
    #[arg(long, value_name = "TIME", value_parser = units::parse_time_ms)]
    since: Option<i64>,
    /// Not after this time.
    #[arg(long, value_name = "TIME", value_parser = units::parse_time_ms)]
    until: Option<i64>,
    /// Starting at this offset of their file, or behind it (0x for hex).
    #[arg(long, value_name = "OFFSET", value_parser = offset)]
    from_offset: Option<u64>,
    /// Starting before this offset of their file.
    #[arg(long, value_name = "OFFSET", value_parser = offset)]
    to_offset: Option<u64>,
    /// In this file of a set, by its name in the manifest.
    #[arg(long, value_name = "NAME")]
    file: Vec<OsString>,
    /// At most so many commands.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

pub(super) fn offset(text: &str) -> std::result::Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "not an offset (examples: 4096, 0x1000)".to_owned())
}

impl What {
    fn select(&self, cx: &Context) -> Result<Select> {
        let glob = |key: &OsString| Ok(KeyRule::Glob(Glob::new(key.as_encoded_bytes())));
        let exact = |key: &OsString| text::key_arg(key, cx.global.key_format).map(KeyRule::Exact);
        let regex = |re: &OsString| {
            let re = re.to_str();
            let re = re.ok_or_else(|| Error::usage("--key-regex: not valid UTF-8"))?;
            let regex = regex::bytes::Regex::new(re).map(KeyRule::Regex);
            regex.map_err(|e| Error::usage(format!("--key-regex: {e}")))
        };
        let slot = |text: &String| match super::input::slots(text)? {
            Rule::Slot(first, last) => Ok(KeyRule::Slot(first, last)),
            _ => Err(Error::usage("--slot: no slots")),
        };
        let test = |any_of: Result<Vec<KeyRule>>, not| {
            Ok(KeyTest {
                any_of: any_of?,
                not,
            })
        };
        let keys = [
            test(self.key.iter().map(glob).collect(), false),
            test(self.not_key.iter().map(glob).collect(), true),
            test(self.key_exact.iter().map(exact).collect(), false),
            test(self.not_key_exact.iter().map(exact).collect(), true),
            test(self.key_regex.iter().map(regex).collect(), false),
            test(self.not_key_regex.iter().map(regex).collect(), true),
            test(self.slot.iter().map(slot).collect(), false),
            test(self.not_slot.iter().map(slot).collect(), true),
        ];
        let keys = keys.into_iter().collect::<Result<Vec<KeyTest>>>()?;
        Ok(Select {
            keys: keys.into_iter().filter(|t| !t.any_of.is_empty()).collect(),
            commands: self.command.clone(),
            not_commands: self.not_command.clone(),
            dbs: self.db.clone(),
            not_dbs: self.not_db.clone(),
            // The log has whole seconds: a fraction later than one is not before it.
            since: self
                .since
                .map(|ms| ms.div_euclid(1000) + i64::from(ms.rem_euclid(1000) > 0)),
            until: self.until.map(|ms| ms.div_euclid(1000)),
            from: self.from_offset,
            to: self.to_offset,
        })
    }
}

/// Between two looks at a log that grows.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    let source = Source::open(&args.path)?;
    let size = match &source {
        Source::File(input) => input.size.filter(|_| input.codecs.is_empty()),
        Source::Set(_) => None,
    };
    let busy = args.target.is_stdout() && io::IsTerminal::is_terminal(&io::stdout());
    let progress = Progress::new(cx, size, busy);
    let options = Options {
        select: args.what.select(cx)?,
        files: args
            .what
            .file
            .iter()
            .map(|f| f.as_encoded_bytes().to_vec())
            .collect(),
        limit: args.what.limit,
        threads: args.machine.threads()?,
        progress: &|bytes| progress.at(bytes),
    };
    let binary = args.bytes.form();
    let form = if args.json {
        Form::Json(binary)
    } else {
        Form::Text
    };
    let mut sink = args.target.open()?;
    let walked = if args.follow {
        drop(source);
        let mut wait = |notes: &mut Vec<Note>| {
            cx.notes(&std::mem::take(notes));
            std::thread::sleep(PAUSE);
            true
        };
        let walked = log::follow(&args.path, form, &options, &mut sink, &mut wait)?;
        if args.json {
            put(&mut sink, log_text::summary(&walked).as_bytes())?;
        }
        walked
    } else if args.stats {
        let stats = log::stats(source, args.top, &options)?;
        let text = match form {
            Form::Json(binary) => log_text::stats_json(&stats, binary),
            Form::Text => log_text::stats(&stats),
        };
        put(&mut sink, text.as_bytes())?;
        stats.walked
    } else if let Some(key) = &args.history {
        let key = text::key_arg(key, cx.global.key_format)?;
        let report = log::history(source, &key, form, &options, &mut sink)?;
        if args.json {
            put(
                &mut sink,
                log_text::history_json(&report, binary).as_bytes(),
            )?;
        } else {
            put(&mut sink, log_text::history(&report, &key).as_bytes())?;
        }
        report.walked
    } else if args.resp {
        log::cut(source, &options, &mut sink)?
    } else {
        let walked = log::list(source, form, &options, &mut sink)?;
        if args.json {
            put(&mut sink, log_text::summary(&walked).as_bytes())?;
        }
        walked
    };
    progress.done();
    finish(walked, sink, cx)
}

fn put(sink: &mut Output, bytes: &[u8]) -> Result<()> {
    sink.write_all(bytes)
        .map_err(|e| Error::from_io(e, "write the output"))
}

/// Says what the output does not show, and settles the exit code.
fn finish(walked: Walked, sink: output::Output, cx: &Context) -> Result<Exit> {
    if walked.problems.is_empty() {
        sink.finish()?;
    } else {
        sink.give_up()?;
    }
    cx.notes(&walked.notes);
    let mut exit = Exit::Done;
    for e in &walked.problems {
        cx.error(e);
        exit = exit.max(Exit::of(e));
    }
    Ok(exit)
}
