//! Framing in one thread, running in another.

use crate::aof::block::Block;
use crate::aof::reader::{Big, End, Step};
use crate::engine::args::Kept;
use crate::error::{Error, Result};
use crate::pipe::log::Source;
use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// What comes to be run.
pub(super) enum Fed<'a> {
    /// Commands.
    Block(&'a Block),
    /// A command too big for a block: whole.
    Big {
        /// Offset in the file.
        at: u64,
        /// The time of the last `#TS:` line.
        time: Option<i64>,
        /// Its arguments.
        args: &'a Kept,
    },
}

enum Framed {
    Block(Box<Block>),
    Big(u64, Option<i64>, Kept),
    End(End),
}

/// Blocks that are framed ahead.
const AHEAD: usize = 4;

/// Gives all commands of a reader to `run`, in order, until it says false. The end, or `None` where it said so.
pub(super) fn feed(
    reader: &mut Source,
    mut run: impl FnMut(Fed<'_>) -> Result<bool>,
) -> Result<Option<End>> {
    let (steps, to_run) = sync_channel::<Result<Framed>>(AHEAD);
    let (spares, to_fill) = sync_channel::<Box<Block>>(AHEAD + 2);
    // What is received from is moved in: it is gone when this stops early, and so the framing thread does not wait.
    std::thread::scope(move |scope| {
        scope.spawn(move || {
            // A receiver that is gone wants nothing more.
            let _ = frame(reader, &steps, &to_fill);
        });
        while let Ok(step) = to_run.recv() {
            let goes_on = match step? {
                Framed::Block(block) => {
                    let goes_on = run(Fed::Block(&block))?;
                    let _ = spares.try_send(block);
                    goes_on
                }
                Framed::Big(at, time, args) => run(Fed::Big {
                    at,
                    time,
                    args: &args,
                })?,
                Framed::End(end) => return Ok(Some(end)),
            };
            if !goes_on {
                return Ok(None);
            }
        }
        Ok(None)
    })
}

/// Frames until the end; `None` where nobody takes what was framed.
fn frame(
    reader: &mut Source,
    steps: &SyncSender<Result<Framed>>,
    spares: &Receiver<Box<Block>>,
) -> Option<()> {
    loop {
        let mut block = spares.try_recv().unwrap_or_default();
        let step = match reader.next(&mut block) {
            Ok(Step::Block) => Ok(Some(Framed::Block(block))),
            Ok(Step::Big(big)) => whole(big),
            Ok(Step::End(end)) => Ok(Some(Framed::End(end))),
            Err(e) => Err(e),
        };
        match step {
            // The end of the file says what became of it.
            Ok(None) => {}
            Ok(Some(step)) => {
                let last = matches!(step, Framed::End(_));
                steps.send(Ok(step)).ok()?;
                if last {
                    return Some(());
                }
            }
            Err(e) => {
                steps.send(Err(e)).ok()?;
                return Some(());
            }
        }
    }
}

/// Puts a big command together; `None` where the file ends inside it.
fn whole<R: Read>(mut big: Big<'_, R>) -> Result<Option<Framed>> {
    let (at, time) = (big.at(), big.state().time);
    let mut args = Kept::default();
    while let Some(piece) = big.next_piece()? {
        let fits = if piece.from == 0 {
            args.push(piece.bytes)
        } else {
            args.grow(piece.bytes)
        };
        if !fits {
            return Err(Error::limit("a command of more than 4 GiB").at(at));
        }
    }
    Ok(big.is_complete().then_some(Framed::Big(at, time, args)))
}
