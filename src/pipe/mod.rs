//! The driver: blocks in file order through any number of workers, output in file order again.
//!
//! There is no reading thread: each worker takes the reader, frames the next block, gives the reader back and works on
//! its block. So one thread runs the same loop inline, two share all the work, and what is done under the lock (read,
//! frame, checksum) is a fraction of it. Output goes through a gate that lets blocks pass in the order of the file.

pub mod log;
pub mod sort;

use crate::error::{Error, Result};
use crate::rdb::frame::{Block, Reader};
use crate::resp::encode::Output;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard};

/// How often [`crate::limits::HOLD`] output may wait in memory for its turn: one worker with a big record must not stop
/// the others.
const AHEAD: usize = 8;

/// Whether there is more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on with the next block.
    More,
    /// Enough: what later blocks give is dropped.
    Stop,
}

/// One worker: renders blocks to bytes, folds them into something of its own, or both.
pub trait Work: Send {
    /// Handles a block. Blocks of one worker come in file order, but not all of them.
    fn block(&mut self, block: &Block, out: &mut Out<'_, '_>) -> Result<Flow>;
}

/// What came of a run.
pub struct Outcome<W> {
    /// The workers.
    pub workers: Vec<W>,
    /// The reader: its header and ending.
    pub reader: Reader,
    /// The error that stopped the work: the first in file order.
    pub error: Option<Error>,
    /// Blocks with lower ordinals went into the output. Workers may have seen more, of which nothing was written.
    pub blocks: u64,
}

struct Gate<'s> {
    state: Mutex<State<'s>>,
    turned: Condvar,
    threads: usize,
    /// [`crate::limits::HOLD`]
    hold: usize,
    /// Memory that may be taken by output that waits for its turn, and by what is left of it.
    ahead: usize,
}

struct State<'s> {
    sink: &'s mut (dyn Write + Send),
    /// The block whose turn it is.
    next: u64,
    waiting: BTreeMap<u64, Vec<u8>>,
    /// Memory of those.
    waiting_bytes: usize,
    spare: Vec<Vec<u8>>,
    /// Memory of those.
    spare_bytes: usize,
    closed: bool,
    error: Option<Error>,
}

/// A lock that a panicking worker left is taken over: the panic itself ends the run.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl<'s> Gate<'s> {
    /// Waits until it is the turn of block `ordinal`.
    fn turn(&self, ordinal: u64) -> MutexGuard<'_, State<'s>> {
        let state = lock(&self.state);
        self.turned
            .wait_while(state, |s| s.next != ordinal && !s.closed)
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.closed || bytes.is_empty() {
            return Ok(());
        }
        self.sink
            .write_all(bytes)
            .map_err(|e| Error::from_io(e, "write the output"))
    }

    /// Whether the output of a block may wait in memory: two blocks a worker, and more where they take little.
    fn may_wait(&self, bytes: &Vec<u8>, gate: &Gate<'_>) -> bool {
        self.waiting.len() < gate.threads * 2
            || self.waiting_bytes.saturating_add(bytes.capacity()) <= gate.ahead
    }

    /// Puts the output of a block where it waits; gives another buffer for the next.
    fn wait(&mut self, ordinal: u64, bytes: Vec<u8>, ahead: usize) -> Vec<u8> {
        self.waiting_bytes += bytes.capacity();
        self.waiting.insert(ordinal, bytes);
        let next = self.spare.pop().unwrap_or_default();
        self.spare_bytes -= next.capacity();
        while self.waiting_bytes + self.spare_bytes > ahead
            && let Some(one) = self.spare.pop()
        {
            self.spare_bytes -= one.capacity();
        }
        next
    }

    /// Keeps the memory of what was written.
    fn keep(&mut self, mut bytes: Vec<u8>, ahead: usize) {
        if self.waiting_bytes + self.spare_bytes + bytes.capacity() <= ahead {
            bytes.clear();
            self.spare_bytes += bytes.capacity();
            self.spare.push(bytes);
        }
    }

    fn close(&mut self, error: Option<Error>) {
        if !self.closed {
            self.closed = true;
            self.error = error;
        }
    }
}

/// Where a worker puts the bytes of its block.
pub struct Out<'g, 's> {
    /// The bytes so far.
    pub buf: Vec<u8>,
    gate: &'g Gate<'s>,
    ordinal: u64,
    /// How often bytes were passed on.
    spills: u64,
    /// Where the chunk under way of a piece begins, with the room for its length.
    chunk: Option<usize>,
}

/// A place in the output to go back to.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    spills: u64,
    len: usize,
}

impl Output for Out<'_, '_> {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    #[inline]
    fn relieve(&mut self) -> Result<()> {
        Out::relieve(self)
    }
}

impl Out<'_, '_> {
    /// Passes on what is too much to hold. To be called where what is in the buffer will not be taken back.
    #[inline]
    pub fn relieve(&mut self) -> Result<()> {
        if self.buf.len() >= self.gate.hold {
            self.spill()
        } else {
            Ok(())
        }
    }

    #[cold]
    fn spill(&mut self) -> Result<()> {
        self.spills += 1;
        let piece = self.chunk.take();
        if let Some(at) = piece {
            sort::end_chunk(at, &mut self.buf);
        }
        let mut state = self.gate.turn(self.ordinal);
        state.write(&self.buf)?;
        drop(state);
        self.buf.clear();
        self.chunk = piece.map(|_| sort::begin_chunk(&mut self.buf));
        Ok(())
    }

    /// Whether bytes have been passed on already, so that they cannot be taken back.
    #[must_use]
    pub fn spilled(&self) -> bool {
        self.spills > 0
    }

    /// The place where the output stands.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            spills: self.spills,
            len: self.buf.len(),
        }
    }

    /// Whether nothing that came after a mark has been passed on, so that all of it can be taken back.
    #[must_use]
    pub fn is_whole(&self, mark: Mark) -> bool {
        mark.spills == self.spills
    }

    /// Takes back what came after a mark. What was passed on since stays; of a piece that sorting still waits for, it
    /// is left out there.
    pub fn take_back(&mut self, mark: Mark) {
        if mark.spills == self.spills {
            self.buf.truncate(mark.len);
        } else if let Some(at) = self.chunk {
            self.buf.truncate(at);
        }
        self.chunk = None;
    }

    /// Begins a piece of output that is to be sorted.
    pub fn begin_piece(&mut self, place: sort::Place<'_>) {
        place.write(&mut self.buf);
        self.chunk = Some(sort::begin_chunk(&mut self.buf));
    }

    /// Ends it.
    pub fn end_piece(&mut self) {
        if let Some(at) = self.chunk.take() {
            sort::end_chunk(at, &mut self.buf);
            sort::end_piece(&mut self.buf);
        }
    }

    /// The block is done.
    fn finish(self, result: Result<Flow>) -> Vec<u8> {
        let gate = self.gate;
        let mut state = lock(&gate.state);
        if state.next != self.ordinal && !state.closed {
            if matches!(result, Ok(Flow::More)) && state.may_wait(&self.buf, gate) {
                return state.wait(self.ordinal, self.buf, gate.ahead);
            }
            drop(state);
            state = gate.turn(self.ordinal);
        }
        if state.closed {
            return self.buf;
        }
        let mut written = state.write(&self.buf).map(|()| Flow::More).and(result);
        state.next = self.ordinal + 1;
        while matches!(written, Ok(Flow::More)) {
            let next = state.next;
            let Some(bytes) = state.waiting.remove(&next) else {
                break;
            };
            written = state.write(&bytes).map(|()| Flow::More);
            state.next += 1;
            state.waiting_bytes -= bytes.capacity();
            state.keep(bytes, gate.ahead);
        }
        match written {
            Ok(Flow::More) => {}
            Ok(Flow::Stop) => state.close(None),
            Err(e) => state.close(Some(e)),
        }
        drop(state);
        gate.turned.notify_all();
        self.buf
    }
}

struct Shared<'r> {
    reader: &'r mut Reader,
    error: Option<Error>,
    done: bool,
}

/// Runs all blocks of `reader` through `threads` workers made by `make`. `progress` is told how far reading has come.
pub fn run<W: Work>(
    mut reader: Reader,
    threads: usize,
    make: impl Fn() -> W,
    sink: &mut (dyn Write + Send),
    progress: &(dyn Fn(u64) + Sync),
) -> Outcome<W> {
    let threads = threads.max(1);
    let gate = Gate {
        state: Mutex::new(State {
            sink,
            next: 0,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            spare: Vec::new(),
            spare_bytes: 0,
            closed: false,
            error: None,
        }),
        turned: Condvar::new(),
        threads,
        hold: reader.sizes().hold,
        ahead: reader.sizes().hold.saturating_mul(AHEAD),
    };
    let shared = Mutex::new(Shared {
        reader: &mut reader,
        error: None,
        done: false,
    });
    let mut workers: Vec<W> = (0..threads).map(|_| make()).collect();
    if let [only] = workers.as_mut_slice() {
        work(only, &shared, &gate, progress);
    } else {
        std::thread::scope(|scope| {
            for worker in &mut workers {
                scope.spawn(|| work(worker, &shared, &gate, progress));
            }
        });
    }
    let read_error = lock(&shared).error.take();
    let state = gate
        .state
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    Outcome {
        workers,
        reader,
        blocks: state.next,
        error: state.error.or(if state.closed { None } else { read_error }),
    }
}

fn work<W: Work>(
    worker: &mut W,
    shared: &Mutex<Shared<'_>>,
    gate: &Gate<'_>,
    progress: &(dyn Fn(u64) + Sync),
) {
    let mut spare = None;
    let mut buf = Vec::new();
    loop {
        let block = {
            let mut shared = lock(shared);
            if shared.done {
                return;
            }
            match shared.reader.next_block(spare.take()) {
                Ok(Some(block)) => {
                    progress(shared.reader.position());
                    block
                }
                Ok(None) => {
                    shared.done = true;
                    return;
                }
                Err(e) => {
                    shared.done = true;
                    shared.error = Some(e);
                    return;
                }
            }
        };
        let mut out = Out {
            buf,
            gate,
            ordinal: block.ordinal,
            spills: 0,
            chunk: None,
        };
        out.buf.clear();
        let result = worker.block(&block, &mut out);
        buf = out.finish(result);
        // One block of unusual size must not be kept by every worker to the end.
        if buf.capacity() > 2 * gate.hold {
            buf = Vec::new();
        }
        if lock(&gate.state).closed {
            lock(shared).done = true;
            return;
        }
        if block.bytes.capacity() <= 2 * crate::limits::BIG_RECORD {
            spare = Some(block);
        }
    }
}
