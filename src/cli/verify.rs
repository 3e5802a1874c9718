//! `redisk verify`.

use super::Context;
use super::exit::{CODES, Exit};
use super::input::Machine;
use super::output;
use super::progress::Progress;
use super::verify_aof;
use crate::error::Result;
use crate::model::target;
use crate::ops::verify::{self, Options, aof::Verified};
use std::path::{Path, PathBuf};

/// Whether a file is whole, and which servers would load it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = CODES)]
pub(super) struct Args {
    /// The files, compressed or not; `-` is standard input.
    #[arg(required = true, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    machine: Machine,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit> {
    let threads = args.machine.threads()?;
    let mut worst = Exit::Done;
    for path in &args.paths {
        worst = worst.max(one(path, threads, cx).unwrap_or_else(|e| {
            cx.error(&e);
            Exit::of(&e)
        }));
    }
    Ok(worst)
}

/// `redisk PATH` alone, until info is there.
pub(super) fn glance(path: &Path, cx: &Context) -> Result<Exit> {
    one(path, 1, cx)
}

fn one(path: &Path, threads: usize, cx: &Context) -> Result<Exit> {
    let size = std::fs::metadata(path).ok().map(|m| m.len());
    let progress = Progress::new(cx, size, false);
    let options = Options {
        threads,
        progress: &|bytes| progress.at(bytes),
    };
    let verified = verify::aof::open(path, &options)?;
    progress.done();
    let report = match verified {
        Verified::Rdb(report) => report,
        Verified::Aof(report) => return verify_aof::print(&report, None),
    };
    let mut text = String::new();
    for f in &report.findings {
        text += &format!("{} {}: {}\n", f.severity.name(), f.place, f.message);
    }
    text += &format!("loads: {}\n", target::ranges(|t| report.loads(t)));
    output::print(&text)?;
    Ok(if report.damaged() {
        Exit::No
    } else {
        Exit::Done
    })
}
