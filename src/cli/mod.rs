//! The command line: arguments in, a call of [`crate::ops`], output and an exit code.
//!
//! A command is a file here with an `Args` struct, whose doc comments are its help and its man page, and a thin `run`.
//! What several commands share: `input` (paths, filters, threads), `output` (where results go, how bytes are written),
//! `state` (a log as what it leads to), `progress`,
//! `exit` (errors, warnings, exit codes), `doc` (reports as JSON), `text` (how keys are written, colours).

mod compact;
mod convert;
mod diff;
mod doc;
mod dump;
mod exit;
mod get;
mod info;
mod input;
mod log;
mod log_text;
mod merge;
mod output;
mod pages;
mod progress;
mod repair;
mod replay;
mod show;
mod split;
mod state;
mod text;
mod transform;
mod verify;
mod verify_aof;

use crate::error::{Error, Result};
use clap::{CommandFactory, Parser, Subcommand};
use exit::Exit;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The offline toolkit for Redis and Valkey persistence files.
///
/// Reads RDB and append-only files of every server version, judges them down to the last listpack entry, and pipes them
/// on. It needs no server and changes nothing unasked. Memory does not grow with the file, but for the state of a log.
///
/// `redisk PATH` alone says what the file is, whether it is whole, and what to type next.
#[derive(Debug, Parser)]
#[command(
    name = "redisk",
    version,
    max_term_width = 100,
    override_usage = "redisk [OPTIONS] PATH\n       redisk [OPTIONS] COMMAND …",
    subcommand_value_name = "COMMAND",
    after_long_help = exit::CODES,
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Info(info::Args),
    Dump(dump::Args),
    Get(get::Args),
    Log(log::Args),
    Replay(replay::Args),
    Verify(verify::Args),
    Diff(diff::Args),
    Repair(repair::Args),
    Convert(convert::Args),
    Compact(compact::Args),
    Split(split::Args),
    Merge(merge::Args),
    Completions(pages::Completions),
    Man(pages::Man),
    /// A path alone, and what stands behind it. (As an argument it would make shells complete files where commands are
    /// to come.)
    #[command(external_subcommand)]
    Path(Vec<OsString>),
}

/// `redisk PATH`, read anew when its first word turned out to be no command.
#[derive(Debug, Parser)]
#[command(
    name = "redisk",
    max_term_width = 100,
    about = "What a file is, whether it is whole, and what to type next"
)]
struct Alone {
    /// The file, compressed or not; `-` is standard input.
    path: PathBuf,
    #[command(flatten)]
    global: Global,
}

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Everywhere")]
struct Global {
    /// No progress bar, and no hints.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// How errors and warnings are written: for people, or one JSON object a line (kind, file, offset, db, key, message).
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    error_format: exit::ErrorFormat,
    /// When to use colours: auto, always or never. NO_COLOR is respected.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    color: text::Color,
    /// How keys are written: escape, hex or base64. Says it for keys on the command line too, which otherwise are exact
    /// bytes; a key with a zero byte cannot be given there in any other way.
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        hide_possible_values = true
    )]
    key_format: Option<text::KeyFormat>,
}

/// What a running command knows of the world.
struct Context {
    global: Global,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let (global, command) = match read(&args) {
        Ok(read) => read,
        Err(e) => return exit::usage(&e, &args).into(),
    };
    let cx = Context { global };
    let exit = run(command, &cx).unwrap_or_else(|e| {
        if e.is_broken_pipe() {
            return Exit::Done;
        }
        cx.error(&e);
        Exit::of(&e)
    });
    exit.into()
}

/// Reads the arguments.
fn read(args: &[OsString]) -> Result<(Global, Option<Command>), clap::Error> {
    let cli = Cli::try_parse_from(args)?;
    match cli.command {
        Some(Command::Path(words)) => alone(args, &words),
        command => Ok((cli.global, command)),
    }
}

/// Reads `redisk PATH`. A word that is neither a command nor a file is taken for a mistyped command.
fn alone(args: &[OsString], words: &[OsString]) -> Result<(Global, Option<Command>), clap::Error> {
    let path = words.first().cloned().unwrap_or_default();
    let plain = |b: &u8| b.is_ascii_lowercase() || *b == b'-';
    if path != "-" && path.as_encoded_bytes().iter().all(plain) && !Path::new(&path).exists() {
        return Err(Cli::command().error(
            clap::error::ErrorKind::InvalidSubcommand,
            format!("there is no command and no file '{}'", path.display()),
        ));
    }
    let alone = Alone::try_parse_from(args)?;
    Ok((alone.global, Some(Command::Path(vec![alone.path.into()]))))
}

fn run(command: Option<Command>, cx: &Context) -> Result<Exit> {
    match command {
        Some(Command::Info(args)) => info::run(&args, cx),
        Some(Command::Dump(args)) => dump::run(&args, cx),
        Some(Command::Get(args)) => get::run(&args, cx),
        Some(Command::Log(args)) => log::run(&args, cx),
        Some(Command::Replay(args)) => replay::run(&args, cx),
        Some(Command::Diff(args)) => diff::run(&args, cx),
        Some(Command::Convert(args)) => convert::run(&args, cx),
        Some(Command::Compact(args)) => compact::run(&args, cx),
        Some(Command::Split(args)) => split::run(&args, cx),
        Some(Command::Merge(args)) => merge::run(&args, cx),
        Some(Command::Verify(args)) => verify::run(&args, cx),
        Some(Command::Repair(args)) => repair::run(&args, cx),
        Some(Command::Completions(args)) => pages::completions(&args),
        Some(Command::Man(args)) => pages::man(&args),
        Some(Command::Path(words)) => {
            info::glance(Path::new(words.first().unwrap_or(&OsString::new())), cx)
        }
        None => Err(Error::usage(
            "what file? Try 'redisk PATH', or 'redisk --help'",
        )),
    }
}
