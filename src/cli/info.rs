//! `redisk info`, and `redisk PATH` alone.

use super::Context;
use super::doc::Doc;
use super::exit::Exit;
use super::{info_aof, output, verify};
use crate::error::{Error, Result};
use crate::ops::info::Options;
use crate::ops::info::aof::{self, Info};
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

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    let mut worst = Exit::Done;
    for path in &args.paths {
        worst = worst.max(one(path, args.json, cx).unwrap_or_else(|e| {
            cx.error(&e);
            Exit::of(&e)
        }));
    }
    Ok(worst)
}

fn one(path: &Path, json: bool, cx: &Context) -> Result<Exit> {
    let progress = super::progress::Progress::new(cx, None, false);
    let options = Options {
        now_ms: 0,
        biggest: 10,
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
        progress: &|bytes| progress.at(bytes),
    };
    match aof::open(path, &options)? {
        Info::Rdb(_) => Err(Error::usage("info of RDB files is not there yet")),
        Info::Aof(info) => {
            progress.done();
            if json {
                let mut fields = vec![("file", info.name.as_str().into())];
                info_aof::json(&info, cx, &mut fields);
                output::print(&Doc::Fields(fields).pretty())?;
            } else {
                output::print(&info_aof::text(&info))?;
            }
            Ok(info_aof::exit(&info))
        }
    }
}

/// `redisk PATH`.
pub(super) fn glance(path: &Path, cx: &Context) -> Result<Exit> {
    verify::glance(path, cx)
}
