//! Where records go: each format renders keys and other records to bytes. All of them run in workers, block by block,
//! so what a renderer writes for a record must not depend on records of other blocks.

pub mod bytes;
pub mod compress;
pub mod csv;
pub mod json;
pub mod keys;
mod quote;
pub mod rdb;
pub mod resp;
pub mod restore;
pub mod table;

use crate::error::Result;
use crate::model::loss::Losses;
use crate::pipe::Out;
use crate::rdb::frame::{Block, Header, Record};
use crate::rdb::types::TypeRow;
use crate::rdb::walk::Scratch;

/// A key on its way out.
pub struct Key<'r> {
    /// Its record.
    pub record: Record<'r>,
    /// Its type.
    pub row: &'static TypeRow,
    /// Its name.
    pub name: &'r [u8],
}

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rendered {
    /// It is in the output.
    Done,
    /// It has no elements: servers since 6.2 leave it out, and so does the output.
    Empty,
    /// The target of the output has no such type: it is among the losses.
    Left,
}

/// One output format. What is left in `out.buf` of a key after an error, or where it was not written, is taken back.
pub trait Render: Send {
    /// What stands in front of everything.
    fn head(&mut self, header: Header, out: &mut Vec<u8>) -> Result<()>;
    /// A new block begins: nothing that an earlier block said may be relied on.
    fn block(&mut self, block: &Block) {
        let _ = block;
    }
    /// Stands in front of the first key of each block, and where the database changes from one key to the next.
    fn database(&mut self, db: u64, out: &mut Vec<u8>) {
        let _ = (db, out);
    }
    /// A key that passed the filters.
    fn key(&mut self, key: &Key<'_>, sc: &mut Scratch, out: &mut Out<'_, '_>) -> Result<Rendered>;
    /// A record that is no key: its opcode is in the frame.
    fn record(&mut self, record: &Record<'_>, out: &mut Out<'_, '_>) -> Result<()>;
    /// What stands behind everything.
    fn tail(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let _ = out;
        Ok(())
    }
    /// What the format could not carry, after all blocks.
    fn losses(&self) -> Losses {
        Losses::default()
    }
}
