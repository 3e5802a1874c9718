//! RESP: the commands that make the same data, for `redis-cli --pipe` or as an AOF. See [`crate::aof::rewrite`].

use super::{Key, Render, Rendered};
use crate::aof::rewrite::{self, Rewrite, Written};
use crate::error::Result;
use crate::model::loss::Losses;
use crate::model::target::Target;
use crate::pipe::Out;
use crate::rdb::frame::{Header, Record};
use crate::rdb::walk::Scratch;

/// Renders records as commands.
#[derive(Debug)]
pub struct Resp {
    rewrite: Rewrite,
    /// Keys only: no functions.
    data_only: bool,
}

impl Resp {
    /// For that server.
    #[must_use]
    pub fn new(target: &'static Target, data_only: bool) -> Resp {
        Resp {
            rewrite: Rewrite::new(target),
            data_only,
        }
    }
}

impl Render for Resp {
    fn head(&mut self, _: Header, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn database(&mut self, db: u64, out: &mut Vec<u8>) {
        rewrite::select(db, out);
    }

    fn key(&mut self, key: &Key<'_>, sc: &mut Scratch, out: &mut Out<'_, '_>) -> Result<Rendered> {
        let written = self.rewrite.key(&key.record, key.row, key.name, sc, out)?;
        Ok(match written {
            Written::Done => Rendered::Done,
            Written::Empty => Rendered::Empty,
            Written::Left => Rendered::Left,
        })
    }

    fn record(&mut self, record: &Record<'_>, out: &mut Out<'_, '_>) -> Result<()> {
        if self.data_only {
            return Ok(());
        }
        self.rewrite.record(record, out)
    }

    fn losses(&self) -> Losses {
        self.rewrite.losses().clone()
    }
}
