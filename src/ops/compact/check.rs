//! What was written, read again before anything that it replaces goes.

use crate::aof::block::Block;
use crate::aof::reader::{End, Step};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::log::walk::{self, Visit};
use crate::pipe::log::Source as Commands;
use crate::rdb::frame;
use crate::source::aof::{Part, Source};
use std::path::Path;

/// What a file holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Keys of its RDB.
    pub(super) keys: u64,
    /// Commands.
    pub(super) commands: u64,
}

struct Count(Held);

impl Visit for Count {
    fn rdb(&mut self, block: &frame::Block) -> Result<()> {
        self.0.keys += block.records().filter(|r| r.row().is_some()).count() as u64;
        Ok(())
    }

    fn commands(&mut self, _: &Part, reader: &mut Commands) -> Result<Option<End>> {
        let mut block = Block::default();
        loop {
            match reader.next(&mut block)? {
                Step::Block => {}
                Step::Big(mut big) => while big.next_piece()?.is_some() {},
                Step::End(end) => {
                    self.0.commands += end.state.commands;
                    return Ok(Some(end));
                }
            }
        }
    }

    fn takes_rdb(&self) -> bool {
        true
    }
}

/// Reads a file over: its framing, and an RDB's checksum.
pub(super) fn over(path: &Path) -> Result<Held> {
    let mut count = Count(Held::default());
    let walked = walk::walk(
        Source::File(crate::input::open::Input::open(path)?),
        &[],
        &mut count,
    )?;
    match walked.problems.into_iter().next() {
        None => Ok(count.0),
        Some(e) => Err(Error::new(
            ErrorKind::Io,
            format!(
                "what was written is not what is read again: {}",
                e.message()
            ),
        )
        .in_file(&path.to_string_lossy())),
    }
}
