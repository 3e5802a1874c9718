//! `redisk dump`.

use super::Context;
use super::doc::Doc;
use super::exit::{CODES, Exit};
use super::input::{self, Filters, Machine};
use super::output::{ByteForm, Output, Target as Destination};
use super::progress::Progress;
use super::state::{self, State};
use super::text::{self, KeyFormat};
use super::transform::DropExpired;
use crate::error::{Error, Place, Result};
use crate::filter::Filter;
use crate::filter::transform::Transform;
use crate::input::open::Input;
use crate::model::kind::Flavour;
use crate::model::loss;
use crate::model::target::Target as Server;
use crate::ops::dump::{self, Options, Report};
use crate::rdb::frame::Header;
use crate::sink::Render;
use crate::sink::csv::Csv;
use crate::sink::json::Json;
use crate::sink::keys::{Form, KeyNames};
use crate::sink::resp::Resp;
use crate::sink::restore::Restore;
use crate::sink::table::{self, Table};
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
  A long value that turns out to be damaged after part of it was written is closed, with "damaged":true at the end.
  Bytes: by default a byte string that is valid UTF-8 is a JSON string, and any other, or one over 1 MiB, is
  {"base64":"..."}. With --binary base64 every one is a base64 string. The first line says so: {"rdb":...,"binary":"base64"}.

Other forms:
  csv      RFC 4180, a row an element: db,key,type,encoding,expire_ms,field,value,extra. field is an index, member, field
           or entry's id; extra a score, a field's expiry, or of a stream (a row for each field of an entry) the field.
           Bytes: UTF-8 text stands as it is; other bytes, text with control characters, text that begins with
           base64: and strings over 1 MiB are base64: and their base64. Consumer groups have no rows.
  table    a line a key: DB KEY TYPE LEN EXPIRES VALUE, cut to the width of the terminal
  keys     a name a line
  resp     commands that make the same data, as a server's AOF rewrite writes them: redisk dump --format resp F |
           redis-cli --pipe. A server that is sent a key or field whose expiry has passed drops it at once, as when
           it loads the RDB file; one that loads the commands as an AOF keeps it.
  restore  RESTORE key expiry payload ABSTTL [IDLETIME s | FREQ n]: the values as they stand in the file. A type that
           the target does not load, or a listpack that it would misread, is an error (2).
  resp and restore are for --target, by default the newest server that writes the file's RDB version (redis-6.2 for
  version 9). What the target cannot hold is left out and counted on stderr; nothing is left out silently."#;

/// The contents of a file, one key after the other.
///
/// Of an append-only file, alone or as the folder of a multi-part one, the state that it leads to: its commands are run
/// through the built-in engine, which takes as much memory as the data (replay stops it at any point).
///
/// What is sound is written; the first damage ends it with an error that says where it is. Keys without elements are
/// left out, as servers leave them out, with a warning.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{FORMS}\n\n{CODES}"))]
pub(super) struct Args {
    /// The file, compressed or not, or the folder of an append-only file; `-` is standard input.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    path: PathBuf,
    /// The form: jsonl (an object a line, losing nothing), json (the same objects in an array), csv (a row an element),
    /// table (for eyes), keys (names alone), resp (SET, RPUSH … for redis-cli --pipe), restore (RESTORE commands).
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        default_value = "jsonl",
        hide_possible_values = true
    )]
    format: Format,
    #[command(flatten)]
    bytes: ByteForm,
    /// Keys only: no line for the header, aux fields, functions and other records.
    #[arg(long)]
    data_only: bool,
    /// With --format keys: the exact bytes, each key followed by a zero byte.
    #[arg(long, short = '0')]
    null: bool,
    /// With --format resp or restore: the server that the commands are for [default: by the file's RDB version].
    #[arg(long, value_name = "SERVER", hide_possible_values = true, value_parser = super::input::servers())]
    target: Option<String>,
    /// With --format csv: a ' in front of cells that a spreadsheet would run as formulas.
    #[arg(long)]
    csv_safe: bool,
    /// Order by database and key, through temporary files where it is much.
    #[arg(long)]
    sort: bool,
    /// At most so many keys.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    #[command(flatten)]
    expired: DropExpired,
    #[command(flatten)]
    output: Destination,
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
    /// Rows of cells.
    Csv,
    /// Lines for eyes.
    Table,
    /// Names alone.
    Keys,
    /// Commands.
    Resp,
    /// RESTORE commands.
    Restore,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    let format = args.format;
    if args.null && format != Format::Keys {
        return Err(Error::usage("-0 goes with --format keys"));
    }
    if args.csv_safe && format != Format::Csv {
        return Err(Error::usage("--csv-safe goes with --format csv"));
    }
    if args.target.is_some() && !matches!(format, Format::Resp | Format::Restore) {
        return Err(Error::usage(
            "--target goes with --format resp and --format restore",
        ));
    }
    let binary = args.bytes.form();
    // What is asked for is judged before the file is looked at.
    let mut job = args.job(args.filters.build(cx)?)?;
    let now_ms = args.filters.now_ms();
    let room = (job.threads, args.machine.max_memory);
    let State {
        input,
        log,
        header,
        of,
        ..
    } = state::open(&args.path, "dump", now_ms, room, cx)?;
    job.sound = state::is_sound(log.as_ref());
    let target = server(args, header);
    let done = match format {
        Format::Jsonl | Format::Json => {
            let json = Json {
                binary,
                data_only: args.data_only,
                array: format == Format::Json,
                places: false,
            };
            self::json(job, cx, input, &json)
        }
        Format::Csv => {
            let make = || Csv::new(binary, args.csv_safe);
            work(job, cx, input, make, |out| out)
        }
        Format::Table => {
            let width = width();
            work(job, cx, input, || Table::new(width), |out| out)
        }
        Format::Keys => {
            let form = match cx.global.key_format {
                _ if args.null => Form::Nul,
                None | Some(KeyFormat::Escape) => Form::Escape,
                Some(KeyFormat::Hex) => Form::Hex,
                Some(KeyFormat::Base64) => Form::Base64,
            };
            work(job, cx, input, || KeyNames { form }, |out| out)
        }
        Format::Resp => {
            // What commands cannot carry goes as RESTORE, which older servers refuse.
            let of = of.filter(|_| args.target.is_none());
            let target = of.map_or(target, |of| of.target());
            let make = || Resp::new(target, args.data_only);
            work(job, cx, input, make, |out| out)
        }
        Format::Restore => {
            let now = args.filters.now_ms();
            let make = || Restore::new(target, now, args.data_only);
            work(job, cx, input, make, |out| out)
        }
    };
    state::settle(done, log, cx)
}

/// The server that commands are for.
fn server(args: &Args, header: Option<Header>) -> &'static Server {
    let asked = args.target.as_deref().and_then(Server::from_name);
    asked.unwrap_or_else(|| match header {
        Some(header) => Server::of_file(header.flavour, header.version),
        // The dump will say what is wrong.
        None => Server::of_file(Flavour::Redis, u16::MAX),
    })
}

/// The width of the terminal that the output goes to, or of the one that the environment tells of.
fn width() -> usize {
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    let real = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into());
    real.or_else(told).unwrap_or(table::WIDTH)
}

/// Which keys are dumped, and where to.
pub(super) struct Job<'a> {
    pub(super) filter: Filter,
    pub(super) transform: Transform,
    pub(super) limit: Option<u64>,
    pub(super) sort: bool,
    pub(super) threads: usize,
    pub(super) output: &'a Destination,
    /// Whether the source was read to its end.
    pub(super) sound: bool,
}

impl Args {
    fn job(&self, filter: Filter) -> Result<Job<'_>> {
        Ok(Job {
            filter,
            transform: self.expired.build(self.filters.now_ms()),
            limit: self.limit,
            sort: self.sort,
            threads: self.machine.threads()?,
            output: &self.output,
            sound: true,
        })
    }
}

/// Dumps as JSON Lines, or as one array.
pub(super) fn json(job: Job<'_>, cx: &Context, input: Input, json: &Json) -> Result<Exit> {
    if json.array {
        work(job, cx, input, || json.clone(), Array::new)
    } else {
        work(job, cx, input, || json.clone(), |out| out)
    }
}

/// Dumps through renderers that `make` makes; `wrap` stands between them and the output.
fn work<R: Render, W: Write + Send + Into<Output>>(
    job: Job<'_>,
    cx: &Context,
    input: Input,
    make: impl Fn() -> R,
    wrap: impl FnOnce(Output) -> W,
) -> Result<Exit> {
    let name = input.name.clone();
    let sound = job.sound;
    let busy = job.output.is_stdout() && io::IsTerminal::is_terminal(&io::stdout());
    let progress = Progress::new(cx, input.size.filter(|_| input.codecs.is_empty()), busy);
    let mut sink = wrap(job.output.open()?);
    let options = Options {
        filter: job.filter,
        transform: job.transform,
        limit: job.limit,
        sort: job.sort,
        threads: job.threads,
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
            output.finish_if(sound)?;
            warn(&report, &name, cx);
            Ok(Exit::Done)
        }
    }
}

/// What went as it was asked for, by kind.
pub(super) fn dropped_doc(report: &Report) -> Doc {
    let dropped = report.dropped.counts();
    Doc::Fields(dropped.map(|(name, n, _)| (name, n.into())).to_vec())
}

/// What was lost, by kind.
pub(super) fn losses_doc(report: &Report) -> Doc {
    let losses = report.losses.iter().map(|(loss, lost)| {
        Doc::Fields(vec![
            ("kind", loss.name().into()),
            ("count", lost.count.into()),
        ])
    });
    Doc::List(losses.collect())
}

/// Says what the output does not show.
pub(super) fn warn(report: &Report, name: &str, cx: &Context) {
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
    for (_, n, [one, more]) in report.dropped.counts() {
        if n > 0 {
            cx.warn(
                &place,
                &format!("left out, as asked for: {}", text::count(n, one, more)),
            );
        }
    }
    for (loss, lost) in report.losses.iter() {
        let place = Place {
            file: Some(name.to_owned()),
            ..lost.first.clone()
        };
        let first = if lost.count == 1 {
            ""
        } else {
            "; the first is here"
        };
        cx.warn(&place, &format!("{}{first}", loss::describe(loss, lost)));
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
