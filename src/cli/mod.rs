//! The command line: arguments in, a call of [`crate::ops`], output and an exit code.
//!
//! A command is a file here with an `Args` struct, whose doc comments are its help and its man page, and a thin `run`.
//! What several commands share: [`input`] (paths, filters, threads), [`output`] (where results go), [`progress`],
//! [`exit`] (errors, warnings, exit codes), [`doc`] (reports as JSON), [`text`] (how keys are written, colours).

mod doc;
mod dump;
mod exit;
mod get;
mod info;
mod input;
mod output;
mod pages;
mod progress;
mod show;
mod text;
mod verify;

use crate::error::{Error, Result};
use clap::{Parser, Subcommand};
use exit::Exit;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// The offline toolkit for Redis and Valkey persistence files.
///
/// Reads RDB files of every server version, judges them down to the last listpack entry, and pipes them on. It needs
/// no server, works in bounded memory, and changes nothing unasked.
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
    /// A file to look at: the same as `redisk info PATH`.
    #[arg(value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    path: Option<PathBuf>,
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
    Verify(verify::Args),
    Completions(pages::Completions),
    Man(pages::Man),
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
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(e) => return exit::usage(&e, &args).into(),
    };
    let cx = Context {
        global: cli.global.clone(),
    };
    let exit = run(cli, &cx).unwrap_or_else(|e| {
        if e.is_broken_pipe() {
            return Exit::Done;
        }
        cx.error(&e);
        Exit::of(&e)
    });
    exit.into()
}

fn run(cli: Cli, cx: &Context) -> Result<Exit> {
    match (cli.path, cli.command) {
        (None, Some(command)) => match command {
            Command::Info(args) => info::run(&args, cx),
            Command::Dump(args) => dump::run(&args, cx),
            Command::Get(args) => get::run(&args, cx),
            Command::Verify(args) => verify::run(&args, cx),
            Command::Completions(args) => pages::completions(&args),
            Command::Man(args) => pages::man(&args),
        },
        (Some(path), None) => info::glance(&path, cx),
        (Some(_), Some(_)) => Err(Error::usage("the command comes before the path")),
        (None, None) => Err(Error::usage(
            "what file? Try 'redisk PATH', or 'redisk --help'",
        )),
    }
}
