//! Commands of one lane, and the thread that runs those of the second.
//!
//! ```text
//!                        ┌─ errands: block, block, meet, block … ─▶┐
//!   the first thread ────┤◀─ come: the keys of the second lane ────├──── the second thread
//!    all of the first    └─ go: the same keys, when both have met ▶┘      its share of every block
//! ```
//! Both go over the same blocks. Where they come together the second gives its keys away and waits until it has them
//! back, so there is nothing that both could touch at a time.

use super::feed::{AHEAD, Planned, Spares};
use super::plan::{ALL, Who, of_lane};
use super::{Noted, execute};
use crate::aof::block::{Block, Command, Commands};
use crate::engine::reply::Out;
use crate::engine::table::TOUCHED;
use crate::engine::{Engine, Session};
use crate::error::Result;
use crate::model::commands;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

/// Runs commands.
pub(super) trait Runs {
    /// Has a look at keys that are about to be used.
    fn touch(&self, names: &[&[u8]; TOUCHED]);
    /// Runs a command; false where the replay is to stop in front of it.
    fn run(&mut self, command: &Command<'_>) -> Result<bool>;
}

/// Goes over a block.
pub(super) struct Course<'b> {
    block: &'b Block,
    who: &'b [Who],
    commands: Commands<'b>,
}

impl<'b> Course<'b> {
    /// From the block's first command on. What `who` does not tell is everybody's.
    pub(super) fn new(block: &'b Block, who: &'b [Who]) -> Course<'b> {
        Course {
            block,
            who,
            commands: block.commands(),
        }
    }

    /// Commands of the file in front of the next.
    pub(super) fn before(&self) -> u64 {
        self.commands.state().commands
    }

    fn is(&self, index: u32, mine: Who) -> bool {
        let who = self.who.get(index as usize).copied().unwrap_or(ALL);
        who & mine != 0
    }

    /// Passes by the commands in front of that index.
    fn pass(&mut self, end: u32) {
        while self.commands.index() < end && self.commands.pass() {}
    }

    /// Runs the commands in front of that index that are mine; false where one says so.
    #[inline]
    pub(super) fn run(&mut self, end: u32, mine: Who, by: &mut impl Runs) -> Result<bool> {
        // A few commands ahead their keys are looked at, as most of the time would be waiting for memory otherwise.
        let mut ahead = self.commands.index();
        let mut left = 0;
        while self.commands.index() < end {
            if !self.is(self.commands.index(), mine) {
                if !self.commands.pass() {
                    break;
                }
                continue;
            }
            let Some(command) = self.commands.next() else {
                break;
            };
            if left == 0 {
                let mut names: [&[u8]; TOUCHED] = [&[]; TOUCHED];
                let mut found = 0;
                while let Some(name) = names.get_mut(found)
                    && ahead < self.block.len().min(end)
                {
                    if self.is(ahead, mine) {
                        *name = self.block.arg(ahead, 1).unwrap_or_default();
                        found += 1;
                    }
                    ahead += 1;
                }
                by.touch(&names);
                left = TOUCHED;
            }
            left -= 1;
            if !command.argv.is_empty() && !by.run(&command)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What the second thread is sent for.
enum Errand {
    Block(Arc<Planned>),
    Meet,
}

/// What stays the same for all commands of a file.
#[derive(Clone, Copy)]
pub(super) struct File<'a> {
    /// Its name.
    pub name: &'a str,
    /// Commands in files before it.
    pub before: u64,
    /// What the clock shows where the log does not say: Unix milliseconds.
    pub now_ms: i64,
}

/// The second thread, as the first one sees it.
pub(super) struct Second {
    errands: SyncSender<Errand>,
    come: Receiver<(Engine, Noted)>,
    go: SyncSender<(Engine, u32)>,
    /// Whether its keys are with the first.
    met: bool,
}

impl Second {
    /// Starts it with its share of the keys, in that database.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        engine: &mut Engine,
        db: u32,
        file: File<'scope>,
        spares: Spares,
    ) -> Second {
        let (errands, orders) = sync_channel(AHEAD);
        let (gives, come) = sync_channel(1);
        let (go, takes) = sync_channel(1);
        let worker = Worker {
            engine: engine.lend(),
            session: Session::of(db),
            out: Out::discard(),
            noted: Noted::default(),
            file,
            gives,
            takes,
        };
        scope.spawn(move || worker.work(&orders, &spares));
        Second {
            errands,
            come,
            go,
            met: false,
        }
    }

    /// Sends it over a block.
    pub(super) fn send(&self, block: &Arc<Planned>) {
        // It only ends with what it is sent by; had it panicked, the scope would say so.
        let _ = self.errands.send(Errand::Block(Arc::clone(block)));
    }

    /// Has it come with its keys: at once, not where a block says so.
    pub(super) fn call(&mut self, engine: &mut Engine, noted: &mut Noted) {
        let _ = self.errands.send(Errand::Meet);
        self.meet(engine, noted);
    }

    /// Waits for it where a block says that both come together: all keys are here then.
    pub(super) fn meet(&mut self, engine: &mut Engine, noted: &mut Noted) {
        if self.met {
            return;
        }
        if let Ok((lent, more)) = self.come.recv() {
            engine.take_back(lent);
            noted.merge(more);
        }
        self.met = true;
    }

    /// Lets it go on, in that database.
    pub(super) fn part(&mut self, engine: &mut Engine, db: u32) {
        let _ = self.go.send((engine.lend(), db));
        self.met = false;
    }

    /// Waits until it has done all that it was sent for: all keys are here then.
    pub(super) fn end(mut self, engine: &mut Engine, noted: &mut Noted) {
        // Without errands it comes a last time.
        (self.errands, _) = sync_channel(0);
        self.meet(engine, noted);
    }
}

/// Runs the commands of one lane, and tells of what is refused.
pub(super) struct Apart<'a, 'f> {
    pub(super) engine: &'a mut Engine,
    pub(super) session: &'a mut Session,
    pub(super) out: &'a mut Out,
    pub(super) noted: &'a mut Noted,
    pub(super) file: File<'f>,
    pub(super) rows: &'a [Option<&'static commands::Command>],
    /// Whether to tell of the refusals of what each lane runs.
    pub(super) tells: bool,
}

impl Runs for Apart<'_, '_> {
    #[inline]
    fn touch(&self, names: &[&[u8]; TOUCHED]) {
        self.engine.keys.touch(self.session.db, names);
    }

    #[inline]
    fn run(&mut self, command: &Command<'_>) -> Result<bool> {
        let row = self.rows.get(command.index as usize).copied().flatten();
        let (engine, session, out) = (&mut *self.engine, &mut *self.session, &mut *self.out);
        if let Err(refusal) = execute(engine, session, (command, row), self.file.now_ms, out)
            && (self.tells || command.mark.is_none())
        {
            let here = (command.at, self.file.before + command.state.commands + 1);
            self.noted.add(here, &command.argv, self.file.name, refusal);
        }
        Ok(true)
    }
}

struct Worker<'f> {
    engine: Engine,
    session: Session,
    out: Out,
    noted: Noted,
    file: File<'f>,
    gives: SyncSender<(Engine, Noted)>,
    takes: Receiver<(Engine, u32)>,
}

impl Worker<'_> {
    /// Works until there are no more orders, or the first thread keeps the keys.
    fn work(mut self, orders: &Receiver<Errand>, spares: &Spares) {
        self.engine.keys.rehome();
        while let Ok(errand) = orders.recv() {
            let goes_on = match errand {
                Errand::Meet => self.meet(),
                Errand::Block(planned) => {
                    let goes_on = self.block(&planned);
                    spares.done(planned);
                    goes_on
                }
            };
            if goes_on.is_none() {
                return;
            }
        }
        self.give();
    }

    fn block(&mut self, planned: &Planned) -> Option<()> {
        let mut course = Course::new(&planned.block, &planned.plan.who);
        for run in &planned.plan.runs {
            if run.together {
                self.meet()?;
                course.pass(run.end);
                continue;
            }
            let mut apart = Apart {
                engine: &mut self.engine,
                session: &mut self.session,
                out: &mut self.out,
                noted: &mut self.noted,
                file: self.file,
                rows: &planned.plan.rows,
                tells: false,
            };
            let done = course.run(run.end, of_lane(1), &mut apart);
            debug_assert!(done.is_ok(), "nothing that is run apart ends a replay");
        }
        Some(())
    }

    /// Gives the keys away.
    fn give(&mut self) -> Option<()> {
        let empty = self.engine.like();
        let engine = std::mem::replace(&mut self.engine, empty);
        let noted = std::mem::take(&mut self.noted);
        self.gives.send((engine, noted)).ok()
    }

    /// Gives the keys away, and waits until they come back; `None` where they do not.
    fn meet(&mut self) -> Option<()> {
        self.give()?;
        (self.engine, self.session.db) = self.takes.recv().ok()?;
        Some(())
    }
}
