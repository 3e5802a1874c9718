//! `redisk completions` and `redisk man`: what is committed under `completions/` and `man/`, as part of the binary.

use super::exit::Exit;
use crate::error::Result;

/// Prints the completions for a shell.
#[derive(Debug, clap::Args)]
pub(super) struct Completions {}

/// Prints a manual page.
#[derive(Debug, clap::Args)]
pub(super) struct Man {}

pub(super) fn completions(_: &Completions) -> Result<Exit> {
    Ok(Exit::Done)
}

pub(super) fn man(_: &Man) -> Result<Exit> {
    Ok(Exit::Done)
}
