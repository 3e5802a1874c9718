//! The driver for logs: blocks of commands through any number of workers, output in the order of the file.
//!
//! As for RDB files, each worker takes the reader, frames the next block, gives the reader back and works on its block;
//! what it renders waits for its turn. A command too big for a block comes alone: its worker keeps the reader, waits
//! until everything before is written, and streams it.

use super::{Flow, lock};
use crate::aof::block::Block;
use crate::aof::reader::{Big, End, Reader, Step};
use crate::error::{Error, Result};
use std::io::{Read, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The commands of one file.
pub type Source = Reader<Box<dyn Read + Send>>;

/// A command that is streamed.
pub type BigCommand<'r> = Big<'r, Box<dyn Read + Send>>;

/// One worker: renders blocks to bytes, folds them into something of its own, or both.
pub trait Work: Send {
    /// Handles a block. Blocks of one worker come in file order, but not all of them.
    fn block(&mut self, block: &Block, out: &mut Vec<u8>) -> Result<Flow>;

    /// Handles a big command; everything before it has been written.
    fn big(&mut self, big: BigCommand<'_>, sink: &mut dyn Write) -> Result<Flow>;
}

struct Shared<'r> {
    reader: &'r mut Source,
    ordinal: u64,
    done: bool,
    end: Option<End>,
    error: Option<Error>,
}

struct Gate<'s> {
    state: Mutex<State<'s>>,
    turned: Condvar,
}

struct State<'s> {
    sink: &'s mut (dyn Write + Send),
    next: u64,
    closed: bool,
    error: Option<Error>,
}

impl<'s> Gate<'s> {
    fn turn(&self, ordinal: u64) -> MutexGuard<'_, State<'s>> {
        self.turned
            .wait_while(lock(&self.state), |s| s.next != ordinal && !s.closed)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl State<'_> {
    /// The turn is over; false where nothing more is wanted.
    fn pass(&mut self, result: Result<Flow>) -> bool {
        self.next += 1;
        match result {
            Ok(Flow::More) => return true,
            Ok(Flow::Stop) => {}
            Err(e) => self.error = Some(e),
        }
        self.closed = true;
        false
    }
}

/// Runs all commands of `reader` through the workers. The end of the file, or `None` where a worker stopped before.
///
/// # Errors
/// The first one in the order of the file.
pub fn run<W: Work>(
    reader: &mut Source,
    workers: &mut [W],
    sink: &mut (dyn Write + Send),
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Option<End>> {
    let gate = Gate {
        state: Mutex::new(State {
            sink,
            next: 0,
            closed: false,
            error: None,
        }),
        turned: Condvar::new(),
    };
    let shared = Mutex::new(Shared {
        reader,
        ordinal: 0,
        done: false,
        end: None,
        error: None,
    });
    if let [only] = workers {
        work(only, &shared, &gate, progress);
    } else {
        std::thread::scope(|scope| {
            for worker in workers {
                scope.spawn(|| work(worker, &shared, &gate, progress));
            }
        });
    }
    let shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    let state = gate
        .state
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match state.error {
        Some(e) => Err(e),
        None if state.closed => Ok(None),
        None => shared.error.map_or(Ok(shared.end), Err),
    }
}

fn work<W: Work>(
    worker: &mut W,
    shared: &Mutex<Shared<'_>>,
    gate: &Gate<'_>,
    progress: &(dyn Fn(u64) + Sync),
) {
    let mut block = Block::default();
    let mut out = Vec::new();
    loop {
        let mut guard = lock(shared);
        let Shared {
            reader,
            ordinal,
            done,
            end,
            error,
        } = &mut *guard;
        if *done {
            return;
        }
        let mine = *ordinal;
        match reader.next(&mut block) {
            Ok(Step::Block) => *ordinal += 1,
            Ok(Step::Big(big)) => {
                progress(big.at());
                *ordinal += 1;
                let mut state = gate.turn(mine);
                if !state.closed {
                    let result = worker.big(big, state.sink);
                    if state.pass(result) {
                        gate.turned.notify_all();
                        continue;
                    }
                }
                *done = true;
                gate.turned.notify_all();
                return;
            }
            Ok(Step::End(found)) => {
                *end = Some(found);
                *done = true;
                return;
            }
            Err(e) => {
                *error = Some(e);
                *done = true;
                return;
            }
        }
        drop(guard);
        progress(block.at);
        out.clear();
        let mut result = worker.block(&block, &mut out);
        let mut state = gate.turn(mine);
        if !state.closed {
            if let Err(e) = state.sink.write_all(&out)
                && result.is_ok()
            {
                result = Err(Error::from_io(e, "write the output"));
            }
            if state.pass(result) {
                gate.turned.notify_all();
                continue;
            }
        }
        drop(state);
        gate.turned.notify_all();
        lock(shared).done = true;
        return;
    }
}
