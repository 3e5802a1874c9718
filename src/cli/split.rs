//! `redisk split`.

use super::Context;
use super::dump;
use super::exit::{CODES, Exit};
use super::input::{self, Clock, Machine};
use super::output;
use super::progress::Progress;
use super::state::{self, State};
use super::text;
use crate::disk;
use crate::error::{Error, ErrorKind, Place, Result};
use crate::model::kind::Flavour;
use crate::model::loss;
use crate::model::target::{self, Target};
use crate::model::units;
use crate::ops::split::by::{By, SlotTable, Slots};
use crate::ops::split::{self, Options, Report};
use crate::ops::whose;
use crate::rdb::choose::Thresholds;
use crate::rdb::encode::{self, Packer};
use crate::source::aof::Source;
use std::ffi::OsString;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// What the parts are, for the manual.
const PARTS: &str = r#"Parts:
  Each is an RDB of its own, for the server that wrote the input or for --target; together they hold every key once.
  Records are copied as they stand where that server reads them so. Functions go into every part. Memory does not grow
  with the input, but for the state of a log.
  --slots, --parts  slots-0-5460.rdb, rest.rdb for slots in no range     --by-db      db-0.rdb
  --nodes           node-127.0.0.1%3A7000.rdb, rest.rdb                  --by-prefix  prefix-user.rdb, no-prefix.rdb
  --max-size        part-0001.rdb, in the order of the input; a key that is larger makes a larger part
  The slot of a key is that of CLUSTER KEYSLOT, hash tags honoured. A node of a cluster loads its part as its dump.rdb;
  keys in other databases than 0 are refused there by all but Valkey 9. At most 900 parts are made.
  index.json: {"source","by","target","keys","parts":[{"file","slots" or "db" or "prefix","keys","bytes"}]}; slots are
  pairs of first and last; null for what has none."#;

/// One source cut into several RDBs: for the nodes of a cluster, by database, by prefix, or by size.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{PARTS}\n\n{CODES}"))]
pub(super) struct Args {
    /// An RDB, an append-only file, or the folder of a multi-part one, compressed or not; `-` is standard input.
    #[arg(value_hint = clap::ValueHint::AnyPath, value_name = "IN")]
    path: PathBuf,
    /// The folder to make: it is there when all parts are complete, or not at all.
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    out: PathBuf,
    #[command(flatten)]
    by: ByArgs,
    /// The server that the parts are for [default: the one that wrote the input; of a log
    /// that does not tell, the oldest that can hold all of it].
    #[arg(long, value_name = "SERVER", hide_possible_values = true, value_parser = input::servers())]
    target: Option<String>,
    /// Write nothing where the target cannot hold all of it (exit code 2).
    #[arg(long)]
    strict: bool,
    /// Write beside the files of a server that works there, too.
    #[arg(long)]
    force: bool,
    /// Write the index to stdout, too.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    clock: Clock,
    #[command(flatten)]
    machine: Machine,
}

/// Into which parts.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct ByArgs {
    /// By cluster slots, a part a range: 0-5460,5461-10922,10923-16383; + joins ranges to one part: 0-99+200-299,100-199.
    #[arg(long, value_name = "N-M,…", value_delimiter = ',', value_parser = slots)]
    slots: Vec<Slots>,
    /// By the masters of this nodes.conf (or what CLUSTER NODES says).
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    nodes: Option<PathBuf>,
    /// Into so many parts of equally many cluster slots.
    #[arg(long, value_name = "N")]
    parts: Option<u16>,
    /// By database.
    #[arg(long)]
    by_db: bool,
    /// By what stands in front of the first SEP in the key's name (see --key-format).
    #[arg(long, value_name = "SEP", allow_hyphen_values = true)]
    by_prefix: Option<OsString>,
    /// Into parts of at most this size (1gb), in the order of the input.
    #[arg(long, value_name = "SIZE", value_parser = units::parse_size)]
    max_size: Option<u64>,
}

/// `0-5460`, `7`, or several joined by `+`.
fn slots(value: &str) -> std::result::Result<Slots, String> {
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last).then_some((first, last))
    };
    let ranges: Option<Vec<(u16, u16)>> = value.split('+').map(range).collect();
    ranges
        .map(Slots::of)
        .ok_or_else(|| "slots are expected: 0-5460, 7, 0-99+200-299".to_owned())
}

impl ByArgs {
    fn by(&self, cx: &Context) -> Result<By> {
        let named =
            |name: &'static str| move |e: Error| Error::usage(format!("--{name}: {}", e.message()));
        if let Some(path) = &self.nodes {
            let name = path.to_string_lossy();
            let file = File::open(path).map_err(|e| Error::from_io(e, "open").in_file(&name))?;
            let table = SlotTable::of_nodes(BufReader::new(file));
            // What is asked for cannot be done: no input is damaged.
            return table.map(By::Slots).map_err(|e| {
                let at = e
                    .place()
                    .offset
                    .map_or(String::new(), |at| format!("offset {at:#x}: "));
                Error::usage(format!("{at}{}", e.message())).in_file(&name)
            });
        }
        if let Some(n) = self.parts {
            return SlotTable::even(n).map(By::Slots).map_err(named("parts"));
        }
        if let Some(separator) = &self.by_prefix {
            let separator = text::key_arg(separator, cx.global.key_format)?;
            if separator.is_empty() {
                return Err(Error::usage(
                    "--by-prefix: a separator has at least one byte",
                ));
            }
            return Ok(By::Prefix(separator));
        }
        if let Some(size) = self.max_size {
            return Ok(By::Size(size));
        }
        if self.by_db {
            return Ok(By::Db);
        }
        SlotTable::new(self.slots.clone())
            .map(By::Slots)
            .map_err(named("slots"))
    }
}

/// The server that a path is of, as far as what stands at its head tells. What can be read only once tells then.
pub(super) fn server(path: &Path) -> Result<Option<&'static Target>> {
    if path.as_os_str() == "-" || !(path.is_file() || path.is_dir()) {
        return Ok(None);
    }
    Ok(whose::whose(&Source::open(path)?).server)
}

/// How keys are written for a server.
pub(super) fn encoding(target: &'static Target, packer: Packer) -> encode::Options {
    encode::Options {
        target,
        thresholds: Thresholds::default(),
        compress: true,
        packer,
        drop_modules: false,
        one_by_one: false,
    }
}

/// Refuses what a target cannot hold.
pub(super) fn strict(target: &Target, report: &crate::ops::dump::Report, name: &str) -> Result<()> {
    if report.losses.is_empty() {
        return Ok(());
    }
    let losses = report.losses.iter();
    let losses: Vec<String> = losses
        .map(|(loss, lost)| loss::describe(loss, lost).to_string())
        .collect();
    let message = format!("{target} cannot hold all of it: {}", losses.join(", "));
    Err(Error::new(ErrorKind::Unsupported, message).in_file(name))
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    let by = args.by.by(cx)?;
    let threads = args.machine.threads()?;
    let room = (threads, args.machine.max_memory);
    let asked = args.target.as_deref().and_then(Target::from_name);
    let wrote = match asked {
        Some(target) => Some(target),
        None => server(&args.path)?,
    };
    let State {
        input,
        log,
        packer,
        header,
        of,
    } = state::open(&args.path, "split", args.clock.now_ms(), room, cx)?;
    let target = match (wrote, of, header) {
        (Some(wrote), ..) => wrote,
        (None, Some(of), _) => of.told(&input.name, cx),
        (None, None, Some(h)) => Target::of_file(h.flavour, h.version),
        (None, None, None) => target::newest(Flavour::Redis),
    };
    let name = input.name.clone();
    let size = input
        .size
        .filter(|_| input.codecs.is_empty() && packer == Packer::Server);
    space(args, size)?;
    let folder = output::folder(&args.out, args.force)?;
    let progress = Progress::new(cx, size, false);
    let options = Options {
        by,
        threads,
        encode: encoding(target, packer),
        progress: &|bytes| progress.at(bytes),
    };
    let (report, done) = split::split(input, &name, &options, &folder);
    progress.done();
    let sound = state::is_sound(log.as_ref());
    let done = done.and_then(|()| {
        dump::warn(&report.dumped, &name, cx);
        if args.strict {
            strict(target, &report.dumped, &name)?;
        }
        // What a damaged log leads to must not look like all that was there.
        if !sound {
            return Ok(Exit::Done);
        }
        let index = folder.path().join(split::INDEX);
        let index = std::fs::read_to_string(&index);
        let index = index.map_err(|e| Error::from_io(e, "read").in_file(split::INDEX))?;
        folder.commit()?;
        others(&options.by, &report, &name, cx);
        if args.json {
            output::print(&index)?;
        } else {
            output::print(&plain(&report))?;
        }
        Ok(Exit::Done)
    });
    state::settle(done, log, cx)
}

/// Says before the work that there is not the space for it.
fn space(args: &Args, size: Option<u64>) -> Result<()> {
    let (Some(size), Some(left)) = (size, disk::space_left(&args.out)) else {
        return Ok(());
    };
    if left >= size {
        return Ok(());
    }
    let (left, size) = (units::format_bytes(left), units::format_bytes(size));
    let message = format!("{left} are left on its disk, and this takes about {size}");
    Err(Error::limit(message).in_file(&args.out.to_string_lossy()))
}

/// Says what does not belong to any part that was asked for.
fn others(by: &By, report: &Report, name: &str, cx: &Context) {
    let By::Slots(_) = by else { return };
    let rest = report.parts.iter().find(|p| p.file == "rest.rdb");
    if let Some(rest) = rest {
        let place = Place {
            file: Some(name.to_owned()),
            ..Place::default()
        };
        let keys = text::count(rest.keys, "key is", "keys are");
        cx.warn(
            &place,
            &format!("{keys} in slots that no part has: see rest.rdb"),
        );
    }
}

fn plain(report: &Report) -> String {
    let width = report.parts.iter().map(|p| p.file.len()).max().unwrap_or(0);
    let mut out = String::new();
    for part in &report.parts {
        out += &format!(
            "{:<width$}  {}, {}\n",
            part.file,
            text::count(part.keys, "key", "keys"),
            units::format_bytes(part.bytes)
        );
    }
    out
}
