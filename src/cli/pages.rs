//! `redisk completions` and `redisk man`: what is committed under `completions/` and `man/`, as part of the binary.
//!
//! Both are made from the definitions here by `tests/generated.rs`, which fails when they are stale. A new command needs
//! its line in [`PAGES`].

use super::exit::{CODES, Exit};
use super::output;
use crate::error::Result;
use clap::builder::PossibleValuesParser;

macro_rules! files {
    ($($name:literal: $path:literal,)*) => {
        &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path))),)*]
    };
}

/// By shell.
const SHELLS: &[(&str, &str)] = files! {
    "bash": "completions/redisk.bash",
    "zsh": "completions/_redisk",
    "fish": "completions/redisk.fish",
    "powershell": "completions/_redisk.ps1",
    "elvish": "completions/redisk.elv",
};

/// By command; the first is the program's own.
const PAGES: &[(&str, &str)] = files! {
    "redisk": "man/redisk.1",
    "info": "man/redisk-info.1",
    "compact": "man/redisk-compact.1",
    "split": "man/redisk-split.1",
    "merge": "man/redisk-merge.1",
    "diff": "man/redisk-diff.1",
    "dump": "man/redisk-dump.1",
    "get": "man/redisk-get.1",
    "log": "man/redisk-log.1",
    "replay": "man/redisk-replay.1",
    "convert": "man/redisk-convert.1",
    "repair": "man/redisk-repair.1",
    "verify": "man/redisk-verify.1",
    "completions": "man/redisk-completions.1",
    "man": "man/redisk-man.1",
};

/// Print the completions for a shell.
///
/// For example: redisk completions bash > ~/.local/share/bash-completion/completions/redisk
#[derive(Debug, clap::Args)]
#[command(after_long_help = CODES)]
pub(super) struct Completions {
    /// bash, zsh, fish, powershell or elvish.
    #[arg(value_name = "SHELL", value_parser = names(SHELLS), hide_possible_values = true)]
    shell: String,
}

/// Print the manual page of the program, or of one command.
///
/// It is in the form that man reads: redisk man dump | man -l -
#[derive(Debug, clap::Args)]
#[command(after_long_help = CODES)]
pub(super) struct Man {
    /// The command [default: the program itself].
    #[arg(value_name = "COMMAND", value_parser = names(PAGES), hide_possible_values = true)]
    command: Option<String>,
}

fn names(files: &[(&'static str, &str)]) -> PossibleValuesParser {
    files
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .into()
}

pub(super) fn completions(args: &Completions) -> Result<Exit> {
    show(SHELLS, Some(&args.shell))
}

pub(super) fn man(args: &Man) -> Result<Exit> {
    show(PAGES, args.command.as_deref())
}

/// Prints the file of that name, or the first. The names are checked when the arguments are read.
fn show(files: &[(&str, &str)], name: Option<&str>) -> Result<Exit> {
    let file = match name {
        Some(name) => files.iter().find(|(n, _)| *n == name),
        None => files.first(),
    };
    output::print(file.map_or("", |(_, text)| text))?;
    Ok(Exit::Done)
}
