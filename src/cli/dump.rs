//! `redisk dump`.

use super::Context;
use super::exit::{CODES, Exit};
use super::input::{self, Filters, Machine};
use super::output::{Output, Target};
use super::progress::Progress;
use super::text::KeyFormat;
use crate::error::{Error, Place, Result};
use crate::ops::dump::{self, Options, Report};
use crate::sink::Render;
use crate::sink::bytes::Binary;
use crate::sink::json::Json;
use crate::sink::keys::{Form, KeyNames};
use clap::ValueEnum;
use std::io::{self, Write};
use std::path::PathBuf;

/// The forms, for the manual.
const FORMS: &str = r#"JSON forms:
  An object a key, in the order of the file:
    {"db":0,"key":"user:1","type":"hash","encoding":"listpack","expire_ms":null,"value":[["name","ann",null]]}
  idle (seconds) or freq follow expire_ms where the file has them. The value, by type:
    string   the string
    list     array, head first
    set      array, in file order
    zset     array of [member, score]; "inf", "-inf" and "nan" where the score is no JSON number
    hash     array of [field, value, field_expire_ms or null]
    stream   {"entries":[[id,[[field,value],...]],...],"length","last_id","first_id","max_deleted_id","entries_added",
             "groups":[{"name","last_id","entries_read","pel":[[id,delivery_time_ms,delivery_count],...],
             "consumers":[{"name","seen_time","active_time","pending":[id,...]}],"nacked":[...]}],
             "idmp":{"duration","max_entries","producers":[{"pid","ids":[[iid,id],...]}],"added","duplicates"}};
             null for what older versions do not hold
    array    {"cursor":n or null,"elements":[[index,value],...]}
    gcra     the number
    module   {"module":name,"version":n,"payload":base64}
  Every other record of the file has its own line, at its place, unless --data-only leaves it out:
    {"rdb":{"magic":"REDIS","version":11}}      {"aux":["redis-ver","7.2.4"]}      {"function":"..."}
    {"resizedb":{"db","keys","expires"}}        {"slot_info":{"slot","keys","expires"}}
    {"module_aux":{"module","version","when","payload"}}      {"slot_import":{"job","slots"}}
    {"hash_template":{"id","fields"}}           {"opcode":n,"raw":base64}
  Bytes: by default a byte string that is valid UTF-8 is a JSON string, and any other, or one over 1 MiB, is
  {"base64":"..."}. With --binary base64 every one is a base64 string."#;

/// The contents of a file, one key after the other.
///
/// What is sound is written; the first damage ends it with an error that says where it is. Keys without elements are
/// left out, as servers leave them out, with a warning.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{FORMS}\n\n{CODES}"))]
pub(super) struct Args {
    /// The file, compressed or not; `-` is standard input.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    path: PathBuf,
    /// The form: jsonl (an object a line, losing nothing), json (the same objects in an array), keys (names alone).
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        default_value = "jsonl",
        hide_possible_values = true
    )]
    format: Format,
    /// How byte strings are written in JSON: auto (text as text, other bytes and giant strings as {"base64":…}),
    /// base64 (every one), escape and hex (for eyes).
    #[arg(
        long,
        value_name = "HOW",
        default_value = "auto",
        hide_possible_values = true
    )]
    binary: How,
    /// Keys only: no line for the header, aux fields, functions and other records.
    #[arg(long)]
    data_only: bool,
    /// With --format keys: the exact bytes, each key followed by a zero byte.
    #[arg(long, short = '0')]
    null: bool,
    /// At most so many keys.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    machine: Machine,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// JSON Lines.
    Jsonl,
    /// One JSON array.
    Json,
    /// Names alone.
    Keys,
}

/// How byte strings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum How {
    /// Text as text.
    Auto,
    /// All as base64.
    Base64,
    /// With escapes.
    Escape,
    /// As hex.
    Hex,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    let json = Json {
        binary: match args.binary {
            How::Auto => Binary::Auto,
            How::Base64 => Binary::Base64,
            How::Escape => Binary::Escape,
            How::Hex => Binary::Hex,
        },
        data_only: args.data_only,
        array: args.format == Format::Json,
        places: false,
    };
    if args.null && args.format != Format::Keys {
        return Err(Error::usage("-0 goes with --format keys"));
    }
    let names = KeyNames {
        form: match cx.global.key_format {
            _ if args.null => Form::Nul,
            None | Some(KeyFormat::Escape) => Form::Escape,
            Some(KeyFormat::Hex) => Form::Hex,
            Some(KeyFormat::Base64) => Form::Base64,
        },
    };
    match args.format {
        Format::Jsonl => work(args, cx, || json.clone(), |out| out),
        Format::Json => work(args, cx, || json.clone(), Array::new),
        Format::Keys => work(args, cx, || names.clone(), |out| out),
    }
}

/// Dumps through renderers that `make` makes; `wrap` stands between them and the output.
fn work<R: Render, W: Write + Send + Into<Output>>(
    args: &Args,
    cx: &Context,
    make: impl Fn() -> R,
    wrap: impl FnOnce(Output) -> W,
) -> Result<Exit> {
    let filter = args.filters.build(cx)?;
    let threads = args.machine.threads()?;
    let input = input::open(&args.path)?;
    input::only_rdb(&input, "dump")?;
    let name = input.name.clone();
    let busy = args.target.is_stdout() && io::IsTerminal::is_terminal(&io::stdout());
    let progress = Progress::new(cx, input.size.filter(|_| input.codecs.is_empty()), busy);
    let mut sink = wrap(args.target.open()?);
    let options = Options {
        sort: false,
        filter,
        limit: args.limit,
        threads,
        progress: &|bytes| progress.at(bytes),
    };
    let (report, error) = dump::dump(input, make, &options, &mut sink);
    progress.done();
    let output: Output = sink.into();
    match error {
        Some(e) => {
            output.give_up()?;
            warn(&report, &name, cx);
            Err(e)
        }
        None => {
            output.finish()?;
            warn(&report, &name, cx);
            Ok(Exit::Done)
        }
    }
}

/// Says what the output does not show.
fn warn(report: &Report, name: &str, cx: &Context) {
    let place = Place {
        file: Some(name.to_owned()),
        ..Place::default()
    };
    for (db, key) in &report.empty_keys {
        let place = Place {
            db: Some(*db),
            key: Some(key.clone()),
            ..place.clone()
        };
        cx.warn(
            &place,
            "left out: it has no elements (servers since 6.2 leave such keys out, too)",
        );
    }
    let more = report.empty.saturating_sub(report.empty_keys.len() as u64);
    if more > 0 {
        cx.warn(
            &place,
            &format!("{more} more keys without elements left out"),
        );
    }
    if let Some(ending) = &report.ending
        && let Some(tail) = input::tail_text(ending)
    {
        let place = Place {
            offset: Some(ending.end),
            ..place
        };
        cx.warn(&place, &tail);
    }
}

/// Takes the comma away that stands behind the last item of a JSON array. Items end with `,` and a line feed, and hold
/// no other line feed; a `]` that begins a write after one is the array's end.
struct Array {
    out: Output,
    held: bool,
}

impl Array {
    fn new(out: Output) -> Array {
        Array { out, held: false }
    }
}

impl Write for Array {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.held && !buf.is_empty() {
            self.out
                .write_all(if buf.starts_with(b"]") { b"\n" } else { b",\n" })?;
            self.held = false;
        }
        match buf.strip_suffix(b",\n") {
            Some(rest) => {
                self.out.write_all(rest)?;
                self.held = true;
            }
            None => self.out.write_all(buf)?,
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl From<Array> for Output {
    fn from(mut array: Array) -> Output {
        if array.held {
            // The array was cut short by an error, which its reader is to see. A write that fails shows up at the flush.
            let _ = array.out.write_all(b",\n");
        }
        array.out
    }
}
