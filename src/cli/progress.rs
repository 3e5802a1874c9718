//! A progress bar on stderr: only on a terminal, only for work of more than a second.

use super::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Once;
use std::time::{Duration, Instant};

/// Work shorter than this shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// How far the reading of one input has come.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    shown: Once,
    start: Instant,
}

impl Progress {
    /// For an input of `size` bytes; `None` where that is not known, or where they are not the bytes that are counted.
    /// `busy` says that something else writes to the terminal.
    pub(super) fn new(cx: &Context, size: Option<u64>, busy: bool) -> Progress {
        let wanted = !cx.global.quiet && !busy && std::io::stderr().is_terminal();
        let bar = wanted.then(|| {
            let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::hidden());
            let template = if size.is_some() {
                "{bar:30} {percent:>3}% {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left"
            } else {
                "{spinner} {bytes}  {bytes_per_sec}  {elapsed}"
            };
            match ProgressStyle::with_template(template) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Progress {
            bar,
            shown: Once::new(),
            start: Instant::now(),
        }
    }

    /// So many bytes are read.
    pub(super) fn at(&self, bytes: u64) {
        let Some(bar) = &self.bar else { return };
        bar.set_position(bytes);
        if !self.shown.is_completed() && self.start.elapsed() > PATIENCE {
            self.shown
                .call_once(|| bar.set_draw_target(ProgressDrawTarget::stderr()));
        }
    }

    /// Takes the bar away.
    pub(super) fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done();
    }
}
