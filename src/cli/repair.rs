//! `redisk repair`.

use super::Context;
use super::doc::{self, Doc};
use super::exit::{CODES, Exit};
use super::input::{self, Machine};
use super::output::{self, Target as Destination};
use super::progress::Progress;
use super::replay::Stop;
use super::text::{self, Paint};
use crate::disk;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::filter::transform::Transform;
use crate::model::patch::{Fate, Patch};
use crate::model::target::Target;
use crate::model::units;
use crate::ops::convert;
use crate::ops::repair::{self, FilePlan, Options, Plan, write};
use crate::rdb::choose::Thresholds;
use crate::rdb::encode;
use crate::sink::rdb::Role;
use crate::text::quoted;
use clap::ValueEnum;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The fields of the JSON document, for the manual.
const FIELDS: &str = r#"JSON document:
  What is not known is null:
    "file", "verdict": sound, damaged; "written", "backups":[…], "left_out" (the file with what was left out)
    "lost":{"bytes","commands","keys"}
    "files":[{"file","bytes","commands","keys" (kept ones),"checksum":{"stored","computed"},"dropped",
    "stopped":{"offset","why"},"patches":[{"from","to","fate","code","why","commands","keys":[{"db","key"}],"sample"}],
    "doubtful":[{"offset","why"}]}]; fate: cut, quarantine, rewrite, replace, checksum
    "manifest":{"file","changed","text","notes":[…]}
  The file with what was left out has an object a line: "file", "from", "to", "code", "why", "base64"."#;

/// What can be kept of a damaged file, and a repaired copy of it.
///
/// Without --out or --in-place this is a plan: nothing is opened for writing. It names every range of bytes that would go
/// or be written otherwise, and why; all else is kept byte for byte.
///
/// Of an append-only file: half a command or zeros at the end are cut; bytes that are no command are left out, with the
/// command they stand in and no other, and reading goes on at the next one. Of a multi-part set also the manifest, from its
/// lines and the names of the files. Of an RDB: values that do not hold are cut to the elements that do, what cannot be
/// read is left out up to the next record, and a file that was cut off is closed.
///
/// What is left out goes to a file beside the output, as JSON Lines.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{FIELDS}\n\n{CODES}"))]
pub(super) struct Args {
    /// An RDB, an append-only file, its folder, its manifest or the data directory; `-` is standard input.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    path: PathBuf,
    /// Write a repaired copy to this file; of a set, to this folder.
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::AnyPath, conflicts_with = "in_place")]
    out: Option<PathBuf>,
    /// Put the repaired files in the place of the old ones, which stay beside them as NAME.before-repair.
    #[arg(long)]
    in_place: bool,
    /// Write although a checksum says that bytes are wrong which cannot be told; the output gets a new one.
    #[arg(long)]
    accept_checksum: bool,
    /// What becomes of a MULTI without EXEC: drop (it did not happen), restart (the same, but what a restarted server wrote
    /// behind it stays), run (its commands stay).
    #[arg(
        long,
        value_name = "HOW",
        default_value = "drop",
        hide_possible_values = true
    )]
    open_multi: OpenMulti,
    /// Keep commands that no server knows: they may be renamed ones, or a module's.
    #[arg(long)]
    keep_unknown: bool,
    /// Cut everything behind the first damage: what is left is a state that the server had.
    #[arg(long)]
    stop_at_damage: bool,
    /// Write an RDB for this server (with --out): redis-2.8 to redis-8.10, valkey-7.2 to valkey-9.1.
    #[arg(long, value_name = "SERVER", requires = "out", hide_possible_values = true, value_parser = input::servers())]
    target: Option<String>,
    /// Replace the output file where it exists; with --in-place: although a server seems to work there.
    #[arg(long)]
    force: bool,
    /// One JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    until: Stop,
    #[command(flatten)]
    machine: Machine,
}

/// See [`crate::aof::salvage::OpenMulti`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OpenMulti {
    /// It did not happen.
    Drop,
    /// What a restarted server wrote behind it stays.
    Restart,
    /// Its commands stay.
    Run,
}

/// What was written.
#[derive(Default)]
struct Written {
    path: Option<PathBuf>,
    left_out: Option<PathBuf>,
    done: write::Done,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    use crate::aof::salvage;
    let open_multi = match args.open_multi {
        OpenMulti::Drop => salvage::OpenMulti::Drop,
        OpenMulti::Restart => salvage::OpenMulti::Restart,
        OpenMulti::Run => salvage::OpenMulti::Run,
    };
    let progress = Progress::new(cx, None, false);
    let options = Options {
        log: salvage::Options {
            open_multi,
            keep_unknown: args.keep_unknown,
            stop_at_damage: args.stop_at_damage,
        },
        until: args.until.until(),
        threads: args.machine.threads()?,
        progress: &|bytes| progress.at(bytes),
    };
    let plan = repair::plan(&args.path, &options)?;
    progress.done();
    let written = if args.out.is_some() || (args.in_place && !plan.is_sound()) {
        write_it(&plan, args, &options)?
    } else {
        Written::default()
    };
    let text = if args.json {
        json(&plan, &written, cx).pretty()
    } else {
        plain(&plan, &written, args, cx)
    };
    if args
        .out
        .as_deref()
        .is_some_and(|out| out.as_os_str() == "-")
    {
        // The data is there already.
        if !cx.global.quiet {
            output::tell(&text);
        }
    } else {
        output::print(&text)?;
    }
    let done = args.out.is_some() || args.in_place;
    Ok(if done || plan.is_sound() {
        Exit::Done
    } else {
        Exit::No
    })
}

/// Writes what the plan says.
fn write_it(plan: &Plan, args: &Args, options: &Options<'_>) -> Result<Written> {
    if let Some(file) = plan.checksum().filter(|_| !args.accept_checksum) {
        let message = "its checksum is wrong, so a byte inside a plain string may be, too, and which one cannot be told: \
                       --accept-checksum writes it with a new one";
        return Err(Error::new(crate::error::ErrorKind::Checksum, message).in_file(&file.part.name));
    }
    let mut written = Written::default();
    if args.in_place {
        let ready = write::ready(plan, args.force)?;
        written.left_out = left_out(plan, &beside(plan))?;
        written.done = write::in_place(&ready, &disk::layer::Real, &output::temporary)?;
        return Ok(written);
    }
    let Some(out) = &args.out else {
        return Ok(written);
    };
    space(plan, out)?;
    match (&plan.set, &plan.files[..]) {
        (Some(_), _) => {
            if args.target.is_some() {
                return Err(Error::usage(
                    "--target goes with RDB files; convert takes repaired sets",
                ));
            }
            let folder = output::folder(out, args.force)?;
            write::folder(plan, &folder)?;
            folder.commit()?;
        }
        (None, [file]) => {
            let mut sink = Destination::new(out, args.force).open()?;
            if let Some(like) = &file.part.path {
                sink.like(like);
            }
            match args.target.as_deref().and_then(Target::from_name) {
                None => write::file(file, &mut sink)?,
                Some(target) => converted(file, target, options, &mut sink)?,
            }
            sink.finish()?;
        }
        (None, _) => {}
    }
    written.path = Some(out.clone());
    if out.as_os_str() != "-" {
        written.left_out = left_out(plan, out)?;
    }
    Ok(written)
}

/// Writes the repaired RDB for a server.
fn converted(
    file: &FilePlan,
    target: &'static Target,
    options: &Options<'_>,
    out: &mut (dyn Write + Send),
) -> Result<()> {
    if !file.has.0 || file.has.1 {
        return Err(Error::usage(
            "--target goes with RDB files; convert takes repaired logs",
        ));
    }
    let mut spool = crate::input::spool::Spool::default();
    write::file(file, &mut Into(&mut spool))?;
    let size = spool.len();
    let src: repair::Source = std::sync::Arc::new(spool);
    let input = repair::input(&file.part.name, &src, size, None)?;
    let encode = encode::Options {
        target,
        thresholds: Thresholds::default(),
        compress: true,
        packer: encode::Packer::Server,
        drop_modules: false,
        one_by_one: false,
    };
    let convert = convert::Options {
        filter: Filter::new(Vec::new(), 0),
        transform: Transform::default(),
        threads: options.threads,
        encode,
        checksum: true,
        progress: options.progress,
    };
    let (_, done) = convert::rdb(input, Role::Snapshot, &convert, out);
    done.map(|_| ())
}

/// Writes into a file without a name.
struct Into<'s>(&'s mut crate::input::spool::Spool);

impl Write for Into<'_> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.write(buf).map_err(std::io::Error::other)?;
        Ok(buf.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is repaired, as a path beside which files can be put.
fn beside(plan: &Plan) -> PathBuf {
    match (&plan.set, plan.files.first()) {
        (Some(set), _) => set.set.folder.clone(),
        (None, Some(file)) => file.part.path.clone().unwrap_or_default(),
        (None, None) => PathBuf::from(&plan.name),
    }
}

/// Writes what is left out beside a path, under a name that nothing has yet.
fn left_out(plan: &Plan, path: &Path) -> Result<Option<PathBuf>> {
    if !write::leaves_out(plan) {
        return Ok(None);
    }
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    for n in 0..10_000 {
        let mut name = real.file_name().unwrap_or_default().to_owned();
        name.push(".left-out");
        if n > 0 {
            name.push(format!("-{n}"));
        }
        name.push(".jsonl");
        let free = real.with_file_name(name);
        if free.symlink_metadata().is_err() {
            let mut out = Destination::new(&free, false).open()?;
            // It holds what the file held: whoever cannot read that is not to read this.
            if let Some(like) = plan.files.iter().find_map(|f| f.part.path.as_ref()) {
                out.like(like);
            }
            write::left_out(plan, &mut out)?;
            out.finish()?;
            return Ok(Some(free));
        }
    }
    Err(Error::usage("has 10000 files with what was left out beside it").in_file(&plan.name))
}

/// Says before the work that there is not the space for it.
fn space(plan: &Plan, out: &Path) -> Result<()> {
    let kept = |f: &FilePlan| f.size.saturating_sub(f.lost_bytes());
    let needed: u64 = plan.files.iter().map(kept).sum();
    match disk::space_left(out).filter(|left| out.as_os_str() != "-" && *left < needed) {
        Some(left) => {
            let (left, needed) = (units::format_bytes(left), units::format_bytes(needed));
            let message = format!("{left} are left on its disk, and this takes about {needed}");
            Err(Error::limit(message).in_file(&out.to_string_lossy()))
        }
        None => Ok(()),
    }
}

/// Patches of a file that are shown to people; doubtful places, too.
const SHOWN: usize = 20;

fn plain(plan: &Plan, written: &Written, args: &Args, cx: &Context) -> String {
    let paint = cx.paint(&std::io::stdout());
    let name = text::name(&plan.name);
    if plan.is_sound() && written.path.is_none() {
        let mut out = format!("{name}: {}\n", paint.with(text::GREEN, "nothing to repair"));
        for file in plan.files.iter().filter(|f| !f.doubtful.is_empty()) {
            doubtful(file, &mut out);
        }
        return out;
    }
    let lost = lost(plan);
    let missing = plan.set.as_ref().map_or(0, |set| set.missing);
    // Of a gap only the first name can be told.
    let gap = |p: &Patch| p.code == "bad-format" && !p.keys.is_empty();
    let vague = plan.files.iter().any(|f| f.patches.iter().any(gap));
    let mut out = format!(
        "{name}: {}",
        paint.with(text::BOLD, &summary(lost, missing, vague))
    );
    out.push('\n');
    if let Some(set) = plan.set.as_ref().filter(|set| set.changed) {
        let manifest = set.set.manifest.file_name().unwrap_or_default();
        let _ = writeln!(
            out,
            "  {}: written anew",
            text::name(&manifest.to_string_lossy())
        );
        for note in &set.notes {
            let _ = writeln!(out, "    {}", text::safe(note));
        }
        for line in set.text().split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            let _ = writeln!(out, "    > {}", crate::text::escaped(line));
        }
    }
    for file in &plan.files {
        file_text(file, plan.set.is_some(), paint, &mut out);
    }
    if let Some(path) = &written.path {
        let _ = writeln!(out, "  written to {}", text::name(&path.to_string_lossy()));
    }
    for path in &written.done.changed {
        let _ = writeln!(out, "  repaired {}", text::name(&path.to_string_lossy()));
    }
    for path in &written.done.backups {
        let _ = writeln!(
            out,
            "  what it was is kept as {}",
            text::name(&path.to_string_lossy())
        );
    }
    let to_stdout = written
        .path
        .as_deref()
        .is_some_and(|p| p.as_os_str() == "-");
    if to_stdout && write::leaves_out(plan) {
        out.push_str("  what was left out is not written: --out FILE puts it beside the file\n");
    }
    if let Some(path) = &written.left_out {
        let _ = writeln!(
            out,
            "  what was left out is in {}",
            text::name(&path.to_string_lossy())
        );
    }
    if written.path.is_none() && written.done.changed.is_empty() && !cx.global.quiet {
        let accept = match plan.checksum() {
            Some(_) if !args.accept_checksum => " --accept-checksum",
            _ => "",
        };
        let _ = writeln!(
            out,
            "  nothing was changed; to do it: redisk repair {name}{accept} --out NEW   (or --in-place)"
        );
    }
    out
}

/// Bytes, commands and keys.
fn lost(plan: &Plan) -> [u64; 3] {
    let sum = |f: fn(&FilePlan) -> u64| plan.files.iter().map(f).sum();
    [
        sum(FilePlan::lost_bytes),
        sum(FilePlan::lost_commands),
        sum(FilePlan::lost_keys),
    ]
}

fn summary([bytes, commands, keys]: [u64; 3], missing: u64, vague: bool) -> String {
    let mut parts = Vec::new();
    if missing > 0 {
        parts.push(text::count(missing, "file", "files") + " of the manifest not there");
    }
    if commands > 0 {
        parts.push(text::count(commands, "command", "commands"));
    }
    if keys > 0 {
        let least = if vague { "at least " } else { "" };
        let keys = text::count(keys, "key", "keys");
        parts.push(format!("{least}{keys} lost or cut"));
    }
    if bytes > 0 {
        parts.push(text::count(bytes, "byte", "bytes") + " left out");
    }
    if parts.is_empty() {
        return "can be repaired without loss".to_owned();
    }
    format!("can be repaired: {}", parts.join(", "))
}

fn file_text(file: &FilePlan, in_set: bool, paint: Paint, out: &mut String) {
    let indent = if in_set { "    " } else { "  " };
    if in_set {
        let short = crate::text::escaped(&file.part.short);
        let size = units::format_bytes(file.size);
        let _ = writeln!(out, "  {short} ({size}): {}", kept(file));
    } else {
        let _ = writeln!(out, "  {} kept", kept(file));
    }
    if let Some(why) = &file.dropped {
        let _ = writeln!(out, "{indent}left out: {}", text::safe(why));
        return;
    }
    for patch in file.patches.iter().take(SHOWN) {
        let colour = if patch.fate.is_loss() {
            text::RED
        } else {
            text::YELLOW
        };
        let fate = paint.with(colour, patch.fate.name());
        let _ = writeln!(
            out,
            "{indent}{:#x}: {fate} {}",
            patch.from,
            patch_text(patch)
        );
        if patch.fate.is_loss() && !patch.sample.iter().all(|b| *b == 0) {
            let _ = writeln!(out, "{indent}  {}", quoted(&patch.sample));
        }
    }
    if let Some(more) = file.patches.len().checked_sub(SHOWN).filter(|n| *n > 0) {
        let _ = writeln!(out, "{indent}and {more} places more (--json names all)");
    }
    doubtful(file, out);
}

fn kept(file: &FilePlan) -> String {
    let mut parts = Vec::new();
    if file.has.0 {
        parts.push(text::count(file.keys, "key", "keys"));
    }
    if file.has.1 {
        parts.push(text::count(file.commands, "command", "commands"));
    }
    if parts.is_empty() {
        parts.push("nothing".to_owned());
    }
    parts.join(" and ")
}

fn patch_text(patch: &Patch) -> String {
    let mut parts = Vec::new();
    if patch.to > patch.from {
        parts.push(text::count(patch.to - patch.from, "byte", "bytes"));
    }
    if patch.commands > 0 {
        parts.push(text::count(patch.commands, "command", "commands"));
    }
    for (db, key) in patch.keys.iter().take(3) {
        parts.push(format!("db {db}, key {}", quoted(key)));
    }
    if patch.keys.len() > 3 {
        parts.push(format!("and {} keys more", patch.keys.len() - 3));
    }
    let sep = if parts.is_empty() { "" } else { ": " };
    format!("{}{sep}{}", parts.join(", "), text::safe(&patch.why))
}

fn doubtful(file: &FilePlan, out: &mut String) {
    for (at, why) in file.doubtful.iter().take(SHOWN) {
        let _ = writeln!(out, "  {at:#x}: doubtful: {}", text::safe(why));
    }
    if let Some(more) = file.doubtful.len().checked_sub(SHOWN).filter(|n| *n > 0) {
        let _ = writeln!(out, "  and {more} doubtful places more (--json names all)");
    }
}

fn json(plan: &Plan, written: &Written, cx: &Context) -> Doc {
    let path = |p: &PathBuf| p.to_string_lossy().into_owned();
    let format = cx.global.key_format;
    let patch = |p: &Patch| {
        let keys = p.keys.iter().map(|(db, key)| {
            Doc::Fields(vec![("db", (*db).into()), ("key", doc::key(key, format))])
        });
        let with = match &p.fate {
            Fate::Replace(bytes) => Doc::from(bytes.len() as u64),
            _ => Doc::NULL,
        };
        Doc::Fields(vec![
            ("from", p.from.into()),
            ("to", p.to.into()),
            ("fate", p.fate.name().into()),
            ("code", p.code.into()),
            ("why", p.why.as_str().into()),
            ("with_bytes", with),
            ("commands", p.commands.into()),
            ("keys", Doc::List(keys.collect())),
            ("sample", crate::text::escaped(&p.sample).to_string().into()),
        ])
    };
    let place = |(at, why): &(u64, String)| {
        Doc::Fields(vec![("offset", (*at).into()), ("why", why.as_str().into())])
    };
    let files = plan.files.iter().map(|f| {
        let checksum = f.checksum.map(|(stored, computed)| {
            Doc::Fields(vec![
                ("stored", format!("{stored:016x}").into()),
                ("computed", format!("{computed:016x}").into()),
            ])
        });
        Doc::Fields(vec![
            ("file", f.part.name.as_str().into()),
            ("bytes", f.size.into()),
            ("commands", f.has.1.then_some(f.commands).into()),
            ("keys", f.has.0.then_some(f.keys).into()),
            ("checksum", checksum.unwrap_or(Doc::NULL)),
            ("dropped", f.dropped.clone().into()),
            ("stopped", f.stopped.as_ref().map_or(Doc::NULL, place)),
            ("patches", Doc::List(f.patches.iter().map(patch).collect())),
            (
                "doubtful",
                Doc::List(f.doubtful.iter().map(place).collect()),
            ),
        ])
    });
    let manifest = plan.set.as_ref().map(|set| {
        Doc::Fields(vec![
            ("file", path(&set.set.manifest).into()),
            ("changed", set.changed.into()),
            (
                "text",
                String::from_utf8_lossy(&set.text()).into_owned().into(),
            ),
            ("notes", Doc::list(set.notes.iter().map(String::as_str))),
        ])
    });
    let [bytes, commands, keys] = lost(plan);
    let verdict = if plan.is_sound() { "sound" } else { "damaged" };
    Doc::Fields(vec![
        ("file", plan.name.as_str().into()),
        ("verdict", verdict.into()),
        (
            "lost",
            Doc::Fields(vec![
                ("bytes", bytes.into()),
                ("commands", commands.into()),
                ("keys", keys.into()),
            ]),
        ),
        ("files", Doc::List(files.collect())),
        ("manifest", manifest.unwrap_or(Doc::NULL)),
        ("written", written.path.as_ref().map(path).into()),
        ("changed", Doc::list(written.done.changed.iter().map(path))),
        ("backups", Doc::list(written.done.backups.iter().map(path))),
        ("left_out", written.left_out.as_ref().map(path).into()),
    ])
}

/// The command that repairs, to be typed behind what `verify` says; nothing where that is no path.
pub(super) fn hint(path: &str, cx: &Context) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%=".contains(c);
    if cx.global.quiet || path == "-" {
        return None;
    }
    let word = if !path.is_empty() && path.chars().all(plain) && !path.starts_with('-') {
        path.to_owned()
    } else if path.chars().any(char::is_control) {
        return None;
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    };
    Some(format!("  what can be kept: redisk repair {word}\n"))
}
