//! `redisk info`, and `redisk PATH` alone.

use super::Context;
use super::exit::Exit;
use super::verify;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// What a file is: kind, version, who wrote it, what is in it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = super::exit::CODES)]
pub(super) struct Args {
    /// Files to look at; `-` is standard input.
    #[arg(required = true, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
    /// One JSON document instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(_args: &Args, _cx: &Context) -> Result<Exit> {
    Err(Error::usage("info is not there yet"))
}

/// `redisk PATH`.
pub(super) fn glance(path: &Path, cx: &Context) -> Result<Exit> {
    verify::glance(path, cx)
}
