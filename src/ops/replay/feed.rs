//! Framing and planning in one thread, running in others.

use super::plan::Plan;
use crate::aof::block::{Block, State};
use crate::aof::reader::{Big, End, Step};
use crate::engine::Engine;
use crate::engine::args::Kept;
use crate::error::{Error, Result};
use crate::pipe::log::Source;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

/// A block of commands, and who runs them.
#[derive(Debug, Default)]
pub(super) struct Planned {
    /// The commands.
    pub block: Block,
    /// Empty where nobody asked for it.
    pub plan: Plan,
}

/// What comes to be run.
pub(super) enum Fed {
    /// Commands.
    Block(Arc<Planned>),
    /// A command too big for a block: whole.
    Big {
        /// Offset in the file.
        at: u64,
        /// The state in front of it.
        state: State,
        /// Its arguments.
        args: Kept,
    },
    /// The end of the file.
    End(End),
}

/// Blocks that are framed ahead.
pub(super) const AHEAD: usize = 4;

/// Takes blocks that all are done with, to fill them again.
#[derive(Clone)]
pub(super) struct Spares(SyncSender<Planned>);

impl Spares {
    /// Gives up a block; whoever is the last passes it on.
    pub(super) fn done(&self, block: Arc<Planned>) {
        if let Some(block) = Arc::into_inner(block) {
            // Nobody waits for it where there are enough of them.
            let _ = self.0.try_send(block);
        }
    }
}

/// Frames all commands of a reader, in a thread of its own, as fast as they are taken: in order, the end last. Blocks
/// are planned for where there is an engine like the one that will run them. When what is received from goes, the
/// thread ends.
pub(super) fn feed<'scope>(
    scope: &'scope Scope<'scope, '_>,
    reader: &'scope mut Source,
    like: Option<Engine>,
) -> (Receiver<Result<Fed>>, Spares) {
    let (steps, to_run) = sync_channel::<Result<Fed>>(AHEAD);
    let (spares, to_fill) = sync_channel::<Planned>(2 * AHEAD);
    scope.spawn(move || {
        // A receiver that is gone wants nothing more.
        let _ = frame(reader, like.as_ref(), &steps, &to_fill);
    });
    (to_run, Spares(spares))
}

/// Frames until the end; `None` where nobody takes what was framed.
fn frame(
    reader: &mut Source,
    like: Option<&Engine>,
    steps: &SyncSender<Result<Fed>>,
    spares: &Receiver<Planned>,
) -> Option<()> {
    loop {
        let mut planned = spares.try_recv().unwrap_or_default();
        let step = match reader.next(&mut planned.block) {
            Ok(Step::Block) => {
                if let Some(engine) = like {
                    planned.plan.make(&planned.block, engine);
                }
                Ok(Some(Fed::Block(Arc::new(planned))))
            }
            Ok(Step::Big(big)) => whole(big),
            Ok(Step::End(end)) => Ok(Some(Fed::End(end))),
            Err(e) => Err(e),
        };
        match step {
            // The end of the file says what became of it.
            Ok(None) => {}
            Ok(Some(step)) => {
                let last = matches!(step, Fed::End(_));
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
fn whole<R: Read>(mut big: Big<'_, R>) -> Result<Option<Fed>> {
    let (at, state) = (big.at(), big.state());
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
    Ok(big.is_complete().then_some(Fed::Big { at, state, args }))
}
