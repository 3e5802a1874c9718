//! Transactions: what becomes of a `MULTI` without `EXEC`, and the other way round.

use super::{OpenMulti, Salvage};
use crate::aof::block;
use crate::error::Result;
use crate::model::patch::Fate;
use crate::resp::decode::Mark;

/// A `MULTI` that no `EXEC` has followed yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    /// Offset of the `MULTI`.
    pub(super) at: u64,
    /// Offset behind it.
    end: u64,
    /// Commands that are kept in front of it.
    pub(super) before: u64,
    /// Where a restarted server may have gone on: a `SELECT` that is not the first command of the block; and how many
    /// commands were kept in front of that.
    restart: Option<(u64, u64)>,
    /// Whether bytes behind it were left out.
    damaged: bool,
    /// Whether nothing stands between it and the next command.
    fresh: bool,
}

impl Salvage<'_, '_> {
    /// Follows `MULTI`, `EXEC` and `SELECT`. The command has been counted.
    pub(super) fn transaction(&mut self, command: &block::Command<'_>) -> Result<()> {
        let (at, end) = (command.at, command.end);
        let fresh = self
            .open
            .as_mut()
            .is_some_and(|open| std::mem::replace(&mut open.fresh, false));
        match command.mark {
            Some(Mark::Multi) => {
                if let Some(open) = self.open.take() {
                    self.nested(open, at, end)?;
                }
                if self.open.is_none() {
                    self.open = Some(Open {
                        at,
                        end,
                        before: self.found.commands - 1,
                        restart: None,
                        damaged: false,
                        fresh: true,
                    });
                }
            }
            Some(Mark::Exec) if self.open.take().is_none() => {
                let why = "an EXEC without its MULTI, which servers pass over";
                self.lose_last();
                self.patch(at, end, Fate::Cut, "exec-without-multi", why.to_owned(), 1)?;
            }
            Some(Mark::Select(_)) => {
                self.select(command);
                let before = self.found.commands - 1;
                if let Some(open) = &mut self.open
                    && !fresh
                {
                    open.restart.get_or_insert((at, before));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn lose(&mut self, commands: u64) {
        self.found.commands = self.found.commands.saturating_sub(commands);
    }

    /// The command that was read last is left out.
    fn lose_last(&mut self) {
        self.lose(1);
        if let Some(last) = &mut self.last {
            last.refused = true;
        }
    }

    /// Bytes from that offset on are left out.
    pub(super) fn touched(&mut self, from: u64) {
        if let Some(open) = &mut self.open {
            if from <= open.at {
                self.open = None;
            } else {
                open.damaged = true;
            }
        }
    }

    /// Keeps the commands of a block whose `EXEC` is not there, and takes its `MULTI` away.
    fn unwrap(&mut self, open: &Open, why: &str) -> Result<()> {
        self.lose(1);
        let why = why.to_owned();
        self.patch(open.at, open.end, Fate::Cut, "open-multi", why, 1)
    }

    /// A `MULTI` at `at` while one is open.
    fn nested(&mut self, open: Open, at: u64, end: u64) -> Result<()> {
        if open.damaged || self.options.open_multi == OpenMulti::Run {
            return self.unwrap(
                &open,
                "its EXEC is not there: its commands are kept without it",
            );
        }
        let Some((restart, commands)) = open.restart else {
            // No restart, so servers ran all of it at the next EXEC.
            let why = "a MULTI while one is open, which servers pass over";
            self.lose_last();
            self.open = Some(open);
            return self.patch(at, end, Fate::Cut, "nested-multi", why.to_owned(), 1);
        };
        let lost = commands.saturating_sub(open.before);
        self.lose(lost);
        let why = "a block that a restart cut short: its commands were never carried out (--open-multi run keeps them)";
        self.patch(
            open.at,
            restart,
            Fate::Cut,
            "stale-multi",
            why.to_owned(),
            lost,
        )
    }

    /// The file ends.
    pub(super) fn end(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let choice = self.options.open_multi;
        if open.damaged || choice == OpenMulti::Run {
            return self.unwrap(
                &open,
                "its EXEC is not there: its commands are kept without it",
            );
        }
        let (to, lost, why) = match open.restart {
            Some((restart, commands)) if choice == OpenMulti::Restart => (
                restart,
                commands.saturating_sub(open.before),
                "a block that a restart cut short: its commands were never carried out".to_owned(),
            ),
            Some((restart, commands)) => {
                let behind = self.found.commands.saturating_sub(commands);
                (
                    self.size,
                    self.found.commands.saturating_sub(open.before),
                    format!(
                        "no EXEC ends this block, and servers drop all from here on; but {behind} commands from the \
                         SELECT at {restart:#x} on may be what a restarted server wrote and acknowledged: \
                         --open-multi restart keeps them"
                    ),
                )
            }
            None => (
                self.size,
                self.found.commands.saturating_sub(open.before),
                "no EXEC ends this block: it did not happen".to_owned(),
            ),
        };
        // What is left out behind it already is part of it now.
        let inside = self.found.patches.iter();
        let more: u64 = inside
            .filter(|p| p.from >= open.at && p.to <= to)
            .map(|p| p.commands)
            .sum();
        self.lose(lost);
        self.patch(open.at, to, Fate::Cut, "open-multi", why, lost + more)
    }
}
