//! Arguments that commands share: which keys, with how many threads and how much memory, as of when.
//!
//! The filter options are a table: every row gives `--name` and `--not-name`, its help and its reader.

use super::Context;
use super::text::{self, KeyFormat};
use crate::error::{Error, ErrorKind, Result};
use crate::filter::glob::Glob;
use crate::filter::transform;
use crate::filter::{Filter, Rule, Test, Ttl};
use crate::input::open::{Content, Input};
use crate::model::kind::{Encoding, Kind};
use crate::model::target::TARGETS;
use crate::model::{slot, units};
use crate::rdb::frame::Ending;
use crate::source::aof::foreign;
use crate::text::quoted;
use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;

/// One option of the filter language.
struct Row {
    name: &'static str,
    /// The name of its opposite.
    not: &'static str,
    value: &'static str,
    help: &'static str,
    /// Whether commas part several values.
    list: bool,
    /// The words it takes, for shells to complete.
    words: fn() -> Vec<&'static str>,
    read: fn(&OsStr, Option<KeyFormat>) -> Result<Rule>,
}

fn no_words() -> Vec<&'static str> {
    Vec::new()
}

const ROWS: [Row; 14] = [
    Row {
        name: "db",
        not: "not-db",
        value: "N[,N]",
        help: "In these databases",
        list: true,
        words: no_words,
        read: |v, _| Ok(Rule::Db(number(v, "database number")?)),
    },
    Row {
        name: "key",
        not: "not-key",
        value: "GLOB",
        help: "Whose name matches, by the rules of KEYS and SCAN: * ? [a-z] [^a] \\x",
        list: false,
        words: no_words,
        read: |v, _| Ok(Rule::Key(Glob::new(v.as_encoded_bytes()))),
    },
    Row {
        name: "key-exact",
        not: "not-key-exact",
        value: "KEY",
        help: "With exactly this name (see --key-format)",
        list: false,
        words: no_words,
        read: |v, format| Ok(Rule::KeyExact(text::key_arg(v, format)?)),
    },
    Row {
        name: "key-regex",
        not: "not-key-regex",
        value: "RE",
        help: "In whose name this expression matches somewhere; (?-u) lets it match bytes that are no text",
        list: false,
        words: no_words,
        read: |v, _| {
            regex::bytes::Regex::new(utf8(v)?)
                .map(Rule::KeyRegex)
                .map_err(|e| Error::usage(e.to_string()))
        },
    },
    Row {
        name: "type",
        not: "not-type",
        value: "TYPE[,TYPE]",
        help: "Of these types: string, list, set, zset, hash, stream, module, array, gcra",
        list: true,
        words: || Kind::ALL.iter().map(|k| k.name()).collect(),
        read: |v, _| {
            word(v, "type", Kind::from_name, &names(Kind::ALL, Kind::name)).map(Rule::Kind)
        },
    },
    Row {
        name: "encoding",
        not: "not-encoding",
        value: "ENCODING[,ENCODING]",
        help: "Stored like this in the file: raw, int, lzf, listpack, quicklist2, hashtable and so on",
        list: true,
        words: || Encoding::ALL.iter().map(|k| k.name()).collect(),
        read: |v, _| {
            word(
                v,
                "encoding",
                Encoding::from_name,
                &names(Encoding::ALL, Encoding::name),
            )
            .map(Rule::Encoding)
        },
    },
    Row {
        name: "min-size",
        not: "not-min-size",
        value: "SIZE",
        help: "Whose serialized value has at least so many bytes (512, 10kb, 1.5mb)",
        list: false,
        words: no_words,
        read: |v, _| Ok(Rule::MinSize(units::parse_size(utf8(v)?)?)),
    },
    Row {
        name: "max-size",
        not: "not-max-size",
        value: "SIZE",
        help: "Whose serialized value has at most so many bytes",
        list: false,
        words: no_words,
        read: |v, _| Ok(Rule::MaxSize(units::parse_size(utf8(v)?)?)),
    },
    Row {
        name: "min-len",
        not: "not-min-len",
        value: "N",
        help: "With at least so many elements (a string: bytes)",
        list: false,
        words: no_words,
        read: |v, _| Ok(Rule::MinLen(number(v, "number of elements")?)),
    },
    Row {
        name: "max-len",
        not: "not-max-len",
        value: "N",
        help: "With at most so many elements (a string: bytes)",
        list: false,
        words: no_words,
        read: |v, _| Ok(Rule::MaxLen(number(v, "number of elements")?)),
    },
    Row {
        name: "ttl",
        not: "not-ttl",
        value: "TTL",
        help: "By expiry: none, any, expired, '<1h' (within an hour, or past), '>7d'",
        list: false,
        words: || vec!["none", "any", "expired"],
        read: |v, _| ttl(utf8(v)?).map(Rule::Ttl),
    },
    Row {
        name: "slot",
        not: "not-slot",
        value: "N[-M]",
        help: "In these cluster slots",
        list: true,
        words: no_words,
        read: |v, _| slots(utf8(v)?),
    },
    Row {
        name: "idle",
        not: "not-idle",
        value: ">DURATION",
        help: "Not used for longer than '>1h', or used within '<1h' (files of servers with an LRU policy)",
        list: false,
        words: no_words,
        read: |v, _| idle(utf8(v)?),
    },
    Row {
        name: "freq",
        not: "not-freq",
        value: ">N",
        help: "Used more often than '>N', or less than '<N' (the counter of an LFU policy, 0 to 255)",
        list: false,
        words: no_words,
        read: |v, _| freq(utf8(v)?),
    },
];

/// Which keys: the filter language, `--now`, `--limit`.
#[derive(Debug, Clone, Default)]
pub(super) struct Filters {
    /// By row: the values asked for, and those not wanted.
    given: Vec<[Vec<OsString>; 2]>,
    now_ms: Option<i64>,
}

impl Filters {
    /// What was asked for, compiled.
    pub(super) fn build(&self, cx: &Context) -> Result<Filter> {
        let mut tests = Vec::new();
        for (row, given) in ROWS.iter().zip(&self.given) {
            for (values, not) in given.iter().zip([false, true]) {
                let name = if not { row.not } else { row.name };
                let any_of = values
                    .iter()
                    .map(|v| {
                        (row.read)(v, cx.global.key_format)
                            .map_err(|e| Error::usage(format!("--{name}: {}", e.message())))
                    })
                    .collect::<Result<Vec<Rule>>>()?;
                tests.push(Test { any_of, not });
            }
        }
        Ok(Filter::new(tests, self.now_ms()))
    }

    /// Takes out what `--ttl` says about what is to become of expiries; the rest says which keys.
    pub(super) fn take_ttl(&mut self) -> Result<transform::Ttl> {
        let mut found = None;
        let given = ROWS.iter().zip(&mut self.given);
        for (_, [values, _]) in given.filter(|(row, _)| row.name == "ttl") {
            let mut kept = Vec::new();
            for value in values.drain(..) {
                match value.to_str().and_then(super::transform::ttl) {
                    None => kept.push(value),
                    Some(_) if found.is_some() => {
                        return Err(Error::usage("--ttl: one of keep, strip and shift at most"));
                    }
                    Some(ttl) => {
                        let ttl =
                            ttl.map_err(|e| Error::usage(format!("--ttl: {}", e.message())))?;
                        found = Some(ttl);
                    }
                }
            }
            *values = kept;
        }
        Ok(found.unwrap_or_default())
    }

    /// Takes out a word that is no condition; whether it was there.
    pub(super) fn take(&mut self, name: &str, word: &str) -> bool {
        let mut found = false;
        let given = ROWS.iter().zip(&mut self.given);
        for (_, [values, _]) in given.filter(|(row, _)| row.name == name) {
            let before = values.len();
            values.retain(|value| value != word);
            found |= values.len() < before;
        }
        found
    }

    /// The moment against which expiries are measured.
    pub(super) fn now_ms(&self) -> i64 {
        self.now_ms.unwrap_or_else(clock_ms)
    }
}

/// What the clock says, in Unix milliseconds.
pub(super) fn clock_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since
        .ok()
        .and_then(|d| i64::try_from(d.as_millis()).ok())
        .unwrap_or_default()
}

/// As of when, for commands without filters.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Clock {
    /// The moment against which expiries are measured, instead of the clock (2026-11-20T14:05:00Z, 1795183500).
    #[arg(long, value_name = "TIME", value_parser = units::parse_time_ms)]
    now: Option<i64>,
}

impl Clock {
    /// The moment.
    pub(super) fn now_ms(&self) -> i64 {
        self.now.unwrap_or_else(clock_ms)
    }
}

/// Offers words to a shell's completion, and takes any value: what is wrong with it is said when it is read.
#[derive(Clone)]
struct Words(fn() -> Vec<&'static str>);

impl clap::builder::TypedValueParser for Words {
    type Value = OsString;

    fn parse_ref(
        &self,
        _: &Command,
        _: Option<&Arg>,
        value: &OsStr,
    ) -> Result<OsString, clap::Error> {
        Ok(value.to_owned())
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let words = (self.0)();
        (!words.is_empty()).then(|| Box::new(words.into_iter().map(PossibleValue::new)) as _)
    }
}

impl clap::Args for Filters {
    fn augment_args(mut cmd: Command) -> Command {
        let heading = "Which keys (all options must hold; of one that is repeated, any value)";
        for row in &ROWS {
            let option = |name: &'static str, help: String, not: bool| {
                let arg = Arg::new(name)
                    .long(name)
                    .value_name(row.value)
                    .help(help)
                    .help_heading(heading)
                    .action(ArgAction::Append)
                    .allow_hyphen_values(row.name.starts_with("key"))
                    .hide_short_help(not)
                    .hide_possible_values(true)
                    .value_parser(Words(row.words));
                if row.list {
                    arg.value_delimiter(',')
                } else {
                    arg
                }
            };
            cmd = cmd.arg(option(row.name, row.help.to_owned(), false));
            cmd = cmd.arg(option(
                row.not,
                format!("Not those that --{} takes", row.name),
                true,
            ));
        }
        cmd.arg(
            Arg::new("now")
                .long("now")
                .value_name("TIME")
                .help(
                    "The moment for --ttl, instead of the clock (2026-11-20T14:05:00Z, 1795183500)",
                )
                .help_heading(heading)
                .value_parser(units::parse_time_ms),
        )
    }

    fn augment_args_for_update(cmd: Command) -> Command {
        Filters::augment_args(cmd)
    }
}

impl clap::FromArgMatches for Filters {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Filters, clap::Error> {
        let values = |name| {
            matches
                .get_many::<OsString>(name)
                .unwrap_or_default()
                .cloned()
                .collect()
        };
        Ok(Filters {
            given: ROWS
                .iter()
                .map(|row| [values(row.name), values(row.not)])
                .collect(),
            now_ms: matches.get_one::<i64>("now").copied(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Filters::from_arg_matches(matches)?;
        Ok(())
    }
}

pub(super) fn utf8(value: &OsStr) -> Result<&str> {
    value.to_str().ok_or_else(|| {
        Error::usage(format!(
            "{} is not valid UTF-8",
            quoted(value.as_encoded_bytes())
        ))
    })
}

#[cold]
fn unclear(value: &str, what: &str) -> Error {
    Error::usage(format!("{} is no {what}", quoted(value.as_bytes())))
}

fn number(value: &OsStr, what: &str) -> Result<u64> {
    let value = utf8(value)?;
    value.parse().map_err(|_| unclear(value, what))
}

fn names<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> String {
    all.iter().map(|x| name(*x)).collect::<Vec<_>>().join(", ")
}

fn word<T>(value: &OsStr, what: &str, read: fn(&str) -> Option<T>, all: &str) -> Result<T> {
    let value = utf8(value)?;
    read(value).ok_or_else(|| unclear(value, &format!("{what} (there are {all})")))
}

fn ttl(value: &str) -> Result<Ttl> {
    let value = value.trim();
    if let Some(rest) = value.strip_prefix('<') {
        return units::parse_duration_ms(rest).map(Ttl::Under);
    }
    if let Some(rest) = value.strip_prefix('>') {
        return units::parse_duration_ms(rest).map(Ttl::Over);
    }
    match value {
        "none" => Ok(Ttl::None),
        "any" => Ok(Ttl::Any),
        "expired" => Ok(Ttl::Expired),
        _ => Err(unclear(
            value,
            "TTL (examples: none, any, expired, '<1h', '>7d')",
        )),
    }
}

pub(super) fn slots(value: &str) -> Result<Rule> {
    let read = |n: &str| n.trim().parse::<u16>().ok().filter(|n| *n < slot::SLOTS);
    let (first, last) = value.split_once('-').unwrap_or((value, value));
    match (read(first), read(last)) {
        (Some(first), Some(last)) if first <= last => Ok(Rule::Slot(first, last)),
        _ => Err(unclear(
            value,
            "slot (examples: 0, 866, 0-5460; the last is 16383)",
        )),
    }
}

fn idle(value: &str) -> Result<Rule> {
    let seconds = |text: &str| units::parse_duration_ms(text).map(|ms| ms.unsigned_abs() / 1000);
    match value.trim().split_at_checked(1) {
        Some((">", rest)) => seconds(rest).map(Rule::IdleOver),
        Some(("<", rest)) => seconds(rest).map(Rule::IdleUnder),
        _ => Err(unclear(value, "idle time (examples: '>1h', '<5m')")),
    }
}

fn freq(value: &str) -> Result<Rule> {
    let rule = match value.trim().split_at_checked(1) {
        Some((">", rest)) => rest.trim().parse().ok().map(Rule::FreqOver),
        Some(("<", rest)) => rest.trim().parse().ok().map(Rule::FreqUnder),
        _ => None,
    };
    rule.ok_or_else(|| unclear(value, "frequency (examples: '>10', '<1'; 255 is the most)"))
}

/// Refuses what is no RDB file, and says what it is. `doing` is what was to be done.
pub(super) fn only_rdb(input: &Input, doing: &str) -> Result<()> {
    let message = match input.content() {
        Content::Rdb | Content::Empty => return Ok(()),
        Content::Commands => format!("is an append-only file, and no RDB to {doing}"),
        Content::Manifest => {
            "is the manifest of a multi-part AOF: name its folder, or the file itself by its path"
                .to_owned()
        }
        Content::Jsonl => format!("is JSON, which this version does not {doing}"),
        Content::Unknown => format!("is no persistence file: {}", foreign(&input.head)),
    };
    Err(Error::new(ErrorKind::Unsupported, message).in_file(&input.name))
}

/// What follows the RDB in its file.
pub(super) fn tail_text(ending: &Ending) -> Option<String> {
    let bytes = || text::count(ending.tail_len, "byte", "bytes");
    match ending.tail_head.first() {
        None => None,
        Some(b'*' | b'#') => Some(format!(
            "{} of commands follow the RDB, left out as servers leave them out of an RDB file (replay runs them)",
            bytes()
        )),
        Some(_) => Some(format!(
            "{} follow the end of the RDB; servers ignore them",
            bytes()
        )),
    }
}

/// Offers the names of servers.
pub(super) fn servers() -> clap::builder::PossibleValuesParser {
    TARGETS.iter().map(|t| t.name).collect::<Vec<_>>().into()
}

/// How much of the machine to use.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "The machine")]
pub(super) struct Machine {
    /// Threads to work with; the output is the same whatever their number [default: the cores].
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Use no more memory than this (64mb, 2gb): fewer threads where that is enough, else an error instead of more.
    #[arg(long, value_name = "SIZE", value_parser = units::parse_size)]
    pub(super) max_memory: Option<u64>,
}

/// What one thread may hold: blocks on their way in and out, and the pages of a big record.
const THREAD_MEMORY: u64 = 12 << 20;
/// What there is beside: the program, tables of keys seen, decompression.
const BASE_MEMORY: u64 = 24 << 20;
/// More threads than this never help.
const THREADS: usize = 64;

impl Machine {
    /// Threads for work in bounded memory.
    pub(super) fn threads(&self) -> Result<usize> {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = self
            .threads
            .map_or_else(cores, NonZeroUsize::get)
            .min(THREADS);
        let Some(max) = self.max_memory else {
            return Ok(threads);
        };
        let fit =
            usize::try_from(max.saturating_sub(BASE_MEMORY) / THREAD_MEMORY).unwrap_or(THREADS);
        if fit == 0 {
            return Err(Error::limit(format!(
                "this needs up to {} of memory, and --max-memory allows {}",
                units::format_bytes(BASE_MEMORY + THREAD_MEMORY),
                units::format_bytes(max)
            )));
        }
        Ok(threads.min(fit))
    }
}
