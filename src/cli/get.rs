//! `redisk get`.

use super::Context;
use super::exit::Exit;
use crate::error::{Error, Result};
use std::ffi::OsString;
use std::path::PathBuf;

/// One key's value, type, TTL, encoding, size and where in the file it lies.
#[derive(Debug, clap::Args)]
#[command(after_long_help = super::exit::CODES)]
pub(super) struct Args {
    /// The file; `-` is standard input.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    path: PathBuf,
    /// The keys: exact bytes, unless --key-format says otherwise.
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<OsString>,
}

pub(super) fn run(_args: &Args, _cx: &Context) -> Result<Exit> {
    Err(Error::usage("get is not there yet"))
}
