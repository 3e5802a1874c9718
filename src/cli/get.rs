//! `redisk get`.

use super::Context;
use super::exit::{CODES, Exit};
use super::input::{self, Clock};
use super::output::{ByteForm, Target};
use super::progress::Progress;
use super::show::Show;
use super::state::{self, State};
use super::text;
use crate::error::{Error, Place, Result};
use crate::model::kind::Kind;
use crate::ops::get::{self, Found, Options, Report};
use crate::packed::string::Str;
use crate::pipe::Out;
use crate::rdb::encode::Packer;
use crate::rdb::frame::{Header, Record};
use crate::rdb::visit::Visit;
use crate::rdb::walk::{self, Scratch};
use crate::sink::json::Json;
use crate::sink::{Key, Render, Rendered};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// What stands behind the options.
const NOTES: &str = "\
JSON form:
  The objects of 'redisk dump', with \"type_code\", \"offset\" (of the key's record: of its attributes, where it has some),
  \"value_offset\" and \"bytes\" (of the serialized value) in front of \"value\". Offsets are those of the expanded file.";

/// A key's value, type, expiry, encoding, size and where in the file it lies.
///
/// Keys come in the order of the file. Without --db a key may be in any database, so the file is read to its end; with
/// --db reading stops as soon as each key was found in each of these databases, and damage behind that place goes
/// unseen. For people a long value is shortened (100 elements, 200 bytes of each; 2000 bytes of a string).
///
/// A key that is in none of the databases is named on stderr, and the exit code is 1.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{NOTES}\n\n{CODES}"))]
pub(super) struct Args {
    /// The file, compressed or not, or the folder of an append-only file (whose state is looked into); `-` is standard
    /// input.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    path: PathBuf,
    /// The keys: exact bytes, unless --key-format says otherwise.
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<OsString>,
    /// Look in these databases alone, and stop when all is found.
    #[arg(long, value_name = "N[,N]", value_delimiter = ',')]
    db: Vec<u64>,
    /// All of a long value.
    #[arg(long)]
    full: bool,
    /// An object a key, a line each: as dump writes them, and where the key lies.
    #[arg(long, conflicts_with = "full")]
    json: bool,
    /// The exact bytes of a string, and nothing else. Takes one key; the first one that the file has.
    #[arg(long, conflicts_with_all = ["json", "full", "binary"])]
    raw: bool,
    #[command(flatten)]
    bytes: ByteForm,
    #[command(flatten)]
    clock: Clock,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    let binary = args.bytes.form();
    let format = cx.global.key_format;
    let keys = args.keys.iter().map(|key| text::key_arg(key, format));
    let keys: Vec<_> = keys.collect::<Result<_>>()?;
    if args.raw && keys.len() != 1 {
        return Err(Error::usage("--raw takes one key"));
    }
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let state = state::open(
        &args.path,
        "look into",
        args.clock.now_ms(),
        (threads, None),
        cx,
    )?;
    // In what was made nothing lies anywhere.
    let places = state.packer == Packer::Server;
    if args.raw {
        return work(args, cx, keys, state, || Raw { done: false });
    }
    if args.json {
        let json = Json {
            binary,
            data_only: true,
            array: false,
            places,
        };
        return work(args, cx, keys, state, || json.clone());
    }
    let show = Show {
        binary,
        key_format: cx.global.key_format,
        full: args.full,
        now_ms: args.clock.now_ms(),
        places,
        again: false,
    };
    work(args, cx, keys, state, || show.clone())
}

fn work<R: Render>(
    args: &Args,
    cx: &Context,
    keys: Vec<Vec<u8>>,
    State { input, log, .. }: State,
    make: impl Fn() -> R,
) -> Result<Exit> {
    let options = Options {
        keys,
        dbs: args.db.clone(),
        progress: &|_| (),
    };
    let name = input.name.clone();
    let busy = args.target.is_stdout() && io::IsTerminal::is_terminal(&io::stdout());
    let progress = Progress::new(cx, input.size.filter(|_| input.codecs.is_empty()), busy);
    let options = Options {
        progress: &|bytes| progress.at(bytes),
        ..options
    };
    let mut output = args.target.open()?;
    let report = get::get(input, make, &options, &mut output);
    progress.done();
    if report.problems.iter().any(Error::is_broken_pipe) {
        return Ok(Exit::Done);
    }
    let found = report.problems.is_empty() && report.count > 0;
    output.finish_if(found && state::is_sound(log.as_ref()))?;
    tell(&report, &name, &options, args.raw, cx);
    state::settle(Ok(exit(&report)), log, cx)
}

fn exit(report: &Report) -> Exit {
    let missing = if report.missing.is_empty() {
        Exit::Done
    } else {
        Exit::No
    };
    report
        .problems
        .iter()
        .map(Exit::of)
        .fold(missing, Exit::max)
}

/// Says what the output does not.
fn tell(report: &Report, name: &str, options: &Options<'_>, raw: bool, cx: &Context) {
    let place = Place {
        file: Some(name.to_owned()),
        ..Place::default()
    };
    if raw {
        for &Found { db, offset, .. } in report.found.iter().skip(1) {
            let place = Place {
                offset: Some(offset),
                db: Some(db),
                key: options.keys.first().cloned(),
                ..place.clone()
            };
            cx.warn(&place, "the key is here, too; not written (--db chooses)");
        }
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
    for key in &report.missing {
        cx.error(&report.missing_error(name, key, &options.dbs));
    }
    for e in &report.problems {
        cx.error(e);
    }
}

/// Renders the bytes of the first string.
struct Raw {
    done: bool,
}

impl Render for Raw {
    fn head(&mut self, _: Header, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn key(&mut self, key: &Key<'_>, sc: &mut Scratch, out: &mut Out<'_, '_>) -> Result<Rendered> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(Rendered::Done);
        }
        let (record, row) = (&key.record, key.row);
        if row.kind != Kind::String {
            let message = format!("this is a {}, and --raw writes strings", row.kind);
            let e = Error::usage(message).at(record.offset());
            return Err(e.in_key(record.frame.db, key.name));
        }
        walk::record(record, row, true, sc, &mut Bytes { out })?;
        Ok(Rendered::Done)
    }

    fn record(&mut self, _: &Record<'_>, _: &mut Out<'_, '_>) -> Result<()> {
        Ok(())
    }
}

struct Bytes<'o, 'g, 's> {
    out: &'o mut Out<'g, 's>,
}

impl Visit for Bytes<'_, '_, '_> {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        value.chunks(&mut |piece| {
            self.out.buf.extend_from_slice(piece);
            self.out.relieve()
        })
    }
}
