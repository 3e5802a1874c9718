//! `redisk convert`.

use super::Context;
use super::doc::Doc;
use super::dump;
use super::exit::{CODES, Exit};
use super::input::{Filters, Machine};
use super::output::{Output, Target as Destination};
use super::progress::Progress;
use super::state::{self, State};
use super::transform::{self, Transforms};
use crate::disk;
use crate::error::{Error, ErrorKind, Place, Result};
use crate::input::open::Input;
use crate::model::kind::Flavour;
use crate::model::loss;
use crate::model::target::{self, Target};
use crate::model::units;
use crate::ops::convert::{self, Base, Converted, Options};
use crate::ops::dump::Report;
use crate::rdb::choose::Thresholds;
use crate::rdb::encode::{self, Packer};
use crate::rdb::frame::Header;
use crate::sink::compress::{Codec, Compress};
use crate::sink::rdb::Role;
use clap::ValueEnum;
use std::io::IsTerminal;
use std::path::PathBuf;

/// What the forms are, for the manual.
const FORMS: &str = "Forms:
  rdb      a snapshot, as SAVE of the target writes it
  aof      one append-only file of commands, as the target's rewrite writes them; --base rdb puts an RDB at its head
           (Redis 4.0 to 6.2)
  aof-dir  a multi-part set in a folder: base, incr, manifest (Redis 7.0 and later, Valkey); --base aof makes the base
           commands
  resp     commands for redis-cli --pipe
  jsonl    an object a key, as dump writes it
A name that ends in .gz or .zst is written compressed.

Keys are copied as they stand where the target reads them so; the others get the encodings that the target itself would
give them. What it cannot hold is left out, counted and named on stderr (--json: each of them); --strict refuses instead.
The target is, unless it is named, the newest server that writes the input's RDB version; of a log, the server that wrote
the RDB at its head or, where there is none, the oldest that can hold all of it.";

/// Any source in another form, for another server.
///
/// From an RDB of any version to one of any other, from a log to an RDB, from an RDB to a log, Redis to Valkey and back.
/// The output is complete or not there at all.
#[derive(Debug, clap::Args)]
#[command(mut_arg("ttl", |arg| arg.help(transform::TTL)))]
#[command(after_long_help = format!("{FORMS}\n\n{}\n\n{CODES}", transform::ORDER))]
pub(super) struct Args {
    /// An RDB, an append-only file, or the folder of a multi-part one, compressed or not; `-` is standard input.
    #[arg(value_hint = clap::ValueHint::AnyPath, value_name = "IN")]
    path: PathBuf,
    /// The file or folder to write; `-` is standard output.
    #[arg(value_hint = clap::ValueHint::AnyPath, value_name = "OUT")]
    out: PathBuf,
    /// The form of the output [default: by its name: .rdb, .aof, .resp, .jsonl].
    #[arg(long, value_name = "FORM", hide_possible_values = true)]
    to: Option<Form>,
    /// The server that it is for [default: by the input's RDB version].
    #[arg(long, value_name = "SERVER", hide_possible_values = true, value_parser = super::input::servers())]
    target: Option<String>,
    /// What a log begins with: rdb or aof (commands) [default: rdb for aof-dir, aof for aof].
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    base: Option<BaseKind>,
    /// Write nothing where the target cannot hold all of it (exit code 2).
    #[arg(long)]
    strict: bool,
    /// Leave the values and data of modules out.
    #[arg(long)]
    drop_modules: bool,
    /// Up to where values stay packed, as in redis.conf: hash-max-listpack-entries=128. May be repeated.
    #[arg(long, value_name = "NAME=N", value_parser = setting)]
    set: Vec<(String, i64)>,
    /// Without compression of strings.
    #[arg(long)]
    no_compress: bool,
    /// Without a checksum at the end of an RDB, as under rdbchecksum no.
    #[arg(long)]
    no_checksum: bool,
    /// Replace the output file where it exists, and write beside the files of a server that works there, too.
    #[arg(long)]
    force: bool,
    /// Write a report as one JSON document to stdout: what was written, and each loss with its key.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    transforms: Transforms,
    #[command(flatten)]
    machine: Machine,
}

/// Forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A snapshot.
    Rdb,
    /// One append-only file.
    Aof,
    /// A multi-part set.
    AofDir,
    /// Commands.
    Resp,
    /// JSON Lines.
    Jsonl,
}

/// What a log begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BaseKind {
    /// An RDB.
    Rdb,
    /// Commands.
    Aof,
}

/// `NAME=N`.
fn setting(text: &str) -> std::result::Result<(String, i64), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=N is expected")?;
    let value = value.trim().parse().map_err(|_| "N is a whole number")?;
    let name = name.trim().to_owned();
    if Thresholds::default().set(&name, value) {
        Ok((name, value))
    } else {
        Err("is no such setting of redis.conf, or out of its range".to_owned())
    }
}

impl Args {
    fn is_stdout(&self) -> bool {
        self.out.as_os_str() == "-"
    }

    /// The form, and how the output is compressed.
    fn form(&self) -> Result<(Form, Codec)> {
        let (codec, name) = if self.is_stdout() {
            (Codec::None, self.out.as_path())
        } else {
            Codec::of(&self.out)
        };
        let named = match name.extension().and_then(|e| e.to_str()) {
            Some("rdb") => Some(Form::Rdb),
            Some("aof") => Some(Form::Aof),
            Some("resp") => Some(Form::Resp),
            Some("jsonl") => Some(Form::Jsonl),
            _ => None,
        };
        let form = self.to.or(named).ok_or_else(|| {
            Error::usage("--to says which form it is to have: rdb, aof, aof-dir, resp or jsonl")
        })?;
        Ok((form, codec))
    }

    /// What the base of a log is.
    fn base(&self, form: Form) -> Result<Base> {
        match (form, self.base) {
            (Form::AofDir, None | Some(BaseKind::Rdb)) | (Form::Aof, Some(BaseKind::Rdb)) => {
                Ok(Base::Rdb)
            }
            (Form::AofDir | Form::Aof, _) | (_, None) => Ok(Base::Aof),
            _ => Err(Error::usage("--base goes with --to aof and --to aof-dir")),
        }
    }
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    // What is asked for is judged before a file is looked at.
    let (form, codec) = args.form()?;
    let base = args.base(form)?;
    let mut filters = args.filters.clone();
    let transform = args.transforms.build(&mut filters, cx)?;
    let filter = filters.build(cx)?;
    let threads = args.machine.threads()?;
    if form == Form::AofDir && args.is_stdout() {
        return Err(Error::usage("a folder cannot go to standard output"));
    }
    if args.json && args.is_stdout() {
        return Err(Error::usage(
            "--json and the output cannot both go to standard output",
        ));
    }
    if args.strict && args.is_stdout() {
        return Err(Error::usage("--strict needs a file to write to"));
    }
    let room = (threads, args.machine.max_memory);
    let State {
        input,
        log,
        packer,
        header,
        of,
    } = state::open(&args.path, "convert", args.filters.now_ms(), room, cx)?;
    let of = match (of, form) {
        (Some(of), Form::AofDir) => Some(of.with_sets()),
        (of, _) => of,
    };
    let target = match (server(args), of) {
        (Some(target), _) => target,
        (None, Some(of)) if form == Form::Jsonl => of.target(),
        (None, Some(of)) => of.told(&input.name, cx),
        (None, None) => of_header(header),
    };
    check(form, base, target)?;
    // What stays as large as it is: everything else may become smaller.
    let all = filter.is_empty() && !args.drop_modules;
    let grows = all && packer == Packer::Server && codec == Codec::None && input.codecs.is_empty();
    if all && !args.is_stdout() {
        space(args, grows, cx)?;
    }
    let mut thresholds = Thresholds::default();
    for (name, value) in &args.set {
        thresholds.set(name, *value);
    }
    let encode = encode::Options {
        target,
        thresholds,
        compress: !args.no_compress,
        packer: if args.no_compress || !args.set.is_empty() {
            Packer::Other
        } else {
            packer
        },
        drop_modules: args.drop_modules,
        one_by_one: args.json,
    };
    let name = input.name.clone();
    let size = input.size.filter(|_| input.codecs.is_empty());
    let busy = args.is_stdout() && std::io::stdout().is_terminal();
    let progress = Progress::new(cx, size, busy);
    let options = Options {
        filter,
        transform,
        threads,
        encode,
        checksum: !args.no_checksum,
        progress: &|bytes| progress.at(bytes),
    };
    let done = write(args, (form, codec, base), input, &options);
    progress.done();
    let done = done.and_then(|(report, written)| {
        dump::warn(&report, &name, cx);
        let written = written?;
        if args.strict && !report.losses.is_empty() {
            let losses: Vec<String> = report
                .losses
                .iter()
                .map(|(loss, lost)| loss::describe(loss, lost).to_string())
                .collect();
            let message = format!("{target} cannot hold all of it: {}", losses.join(", "));
            return Err(Error::new(ErrorKind::Unsupported, message).in_file(&name));
        }
        if !state::is_sound(log.as_ref()) && !args.is_stdout() {
            return Ok(Exit::Done);
        }
        written.finish()?;
        if args.json {
            super::output::print(&report_json(cx, target, &report))?;
        }
        Ok(Exit::Done)
    });
    state::settle(done, log, cx)
}

/// Says before the work that there may not be the space for it; where there cannot be (`grows`), it is not begun.
fn space(args: &Args, grows: bool, cx: &Context) -> Result<()> {
    let size =
        std::fs::metadata(&args.path).map_or(0, |meta| if meta.is_file() { meta.len() } else { 0 });
    let Some(left) = disk::space_left(&args.out).filter(|left| *left < size) else {
        return Ok(());
    };
    let (left, size) = (units::format_bytes(left), units::format_bytes(size));
    let name = args.out.to_string_lossy();
    if grows {
        let message = format!("{left} are left on its disk, and this takes about {size}");
        return Err(Error::limit(message).in_file(&name));
    }
    let place = Place {
        file: Some(name.into_owned()),
        ..Place::default()
    };
    cx.warn(
        &place,
        &format!("{left} are left on its disk, and the input has {size}"),
    );
    Ok(())
}

/// Whether that server has such a form.
fn check(form: Form, base: Base, target: &Target) -> Result<()> {
    match (form, base) {
        (Form::AofDir, _) if !convert::has_sets(target) => Err(Error::usage(format!(
            "{target} has no multi-part sets: --to aof makes one file for it"
        ))),
        (Form::Aof, Base::Rdb) if !convert::has_preambles(target) => Err(Error::usage(format!(
            "an append-only file of {target} cannot begin with an RDB"
        ))),
        _ => Ok(()),
    }
}

/// The server that the output is for, where it is named.
fn server(args: &Args) -> Option<&'static Target> {
    args.target.as_deref().and_then(Target::from_name)
}

/// The server that it is for by the header of the input.
fn of_header(header: Option<Header>) -> &'static Target {
    match header {
        Some(header) => Target::of_file(header.flavour, header.version),
        // The conversion will say what is wrong.
        None => target::newest(Flavour::Redis),
    }
}

/// What was written, and counts when it is finished.
enum Written {
    File(Compress<Output>),
    Folder(crate::disk::StagedFolder),
}

impl Written {
    fn finish(self) -> Result<()> {
        match self {
            Written::File(out) => {
                let out = out.end();
                out.map_err(|e| Error::from_io(e, "write the output"))?
                    .finish()
            }
            Written::Folder(folder) => folder.commit(),
        }
    }
}

fn write(
    args: &Args,
    (form, codec, base): (Form, Codec, Base),
    input: Input,
    options: &Options<'_>,
) -> Result<Converted<Written>> {
    if form == Form::AofDir {
        let folder = super::output::folder(&args.out, args.force)?;
        let (report, folder) = convert::set(input, base, options, folder);
        return Ok((report, folder.map(Written::Folder)));
    }
    let out = Destination::new(&args.out, args.force).open()?;
    let out = Compress::new(codec, out)?;
    let (report, out) = match (form, base) {
        (Form::Rdb, _) => convert::rdb(input, Role::Snapshot, options, out),
        (Form::Aof, Base::Rdb) => convert::rdb(input, Role::Base, options, out),
        (Form::Jsonl, _) => convert::jsonl(input, options, out),
        _ => convert::aof(input, options, out),
    };
    Ok((report, out.map(Written::File)))
}

/// Says what was written, as a document.
fn report_json(cx: &Context, target: &Target, report: &Report) -> String {
    let each = report.losses.each().map(|(loss, n, place)| {
        let message = loss.text(*n == 1);
        let mut object = cx.object("loss", place, message);
        if let Doc::Fields(fields) = &mut object {
            fields.push(("loss", loss.name().into()));
            fields.push(("count", (*n).into()));
        }
        object
    });
    let document = Doc::Fields(vec![
        ("target", target.name.into()),
        ("keys", report.keys.into()),
        ("empty", report.empty.into()),
        ("dropped", dump::dropped_doc(report)),
        ("losses", dump::losses_doc(report)),
        ("lost", Doc::List(each.collect())),
    ]);
    document.pretty()
}
