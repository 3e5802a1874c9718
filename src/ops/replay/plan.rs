//! Which of two threads runs which commands of a block.
//!
//! ```text
//!   SET a │ HSET b │ SET a │ RENAME a b │ SET c │ SELECT 1 │ LPUSH d │ FLUSHALL │ SET e …
//!   first   second   first ╎    both    ╎ first    each      second  ╎   both   ╎ first
//!   └────── apart ───────┘ ╎  together  ╎ └───────── apart ────────┘ ╎ together ╎
//! ```
//! Keys are parted into two lanes by their names ([`crate::engine::keys::lane_of`]). A command that is about its own
//! keys alone, all of one lane, runs in that lane, beside commands of the other one; whatever else there is runs when
//! both threads have come to it, in one of them, which has all keys then. So each key sees its commands in the order of
//! the log, and the outcome is that of running one after the other.

use crate::aof::block::Block;
use crate::engine::Engine;
use crate::engine::keys::LANES;
use crate::model::commands::Command;
use crate::resp::decode::Mark;

/// Who runs a command: a bit for each lane.
pub(super) type Who = u8;

/// The bit of a lane.
pub(super) const fn of_lane(lane: usize) -> Who {
    1 << lane
}

/// What each lane runs for itself, or both together.
pub(super) const ALL: Who = (1 << LANES) - 1;

/// Commands in a row that are run apart, or together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Index of the item behind the last.
    pub end: u32,
    /// Whether both threads come together for them.
    pub together: bool,
}

/// To come together takes longer than to run so many commands.
const WORTH: u32 = 256;

/// Who runs what in a block.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// For each item of the block.
    pub who: Vec<Who>,
    /// The rows of those that run in a lane of their own.
    pub rows: Vec<Option<&'static Command>>,
    /// They cover all items.
    pub runs: Vec<Run>,
}

impl Plan {
    /// Plans for a block; the engine is one like those that will run it.
    pub(super) fn make(&mut self, block: &Block, engine: &Engine) {
        self.who.clear();
        self.rows.clear();
        self.runs.clear();
        for command in block.commands() {
            let in_multi = command.state.multi.is_some();
            let (who, row) = match command.mark {
                // Each lane has to know.
                Some(Mark::Annotation) => (Some(ALL), None),
                Some(Mark::Select(_)) if !in_multi => (Some(ALL), None),
                None if !in_multi => match engine.lane(&command.argv) {
                    Some((lane, row)) => (Some(of_lane(lane)), Some(row)),
                    None => (None, None),
                },
                _ => (None, None),
            };
            self.who.push(who.unwrap_or(ALL));
            self.rows.push(row);
            self.add(who.is_none());
        }
    }

    /// Takes in the item that was added last.
    fn add(&mut self, together: bool) {
        let end = u32::try_from(self.who.len()).unwrap_or(u32::MAX);
        if together
            && let [.., before, last] = self.runs.as_slice()
            && last.end - before.end < WORTH
            && !last.together
        {
            self.runs.pop();
        }
        match self.runs.last_mut() {
            Some(run) if run.together == together => run.end = end,
            _ => self.runs.push(Run { end, together }),
        }
    }
}
