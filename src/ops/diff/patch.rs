//! The commands that make the one what the other is.
//!
//! ```text
//!   functions   FUNCTION DELETE name of all that go or change, then FUNCTION LOAD REPLACE source of those that are to be
//!   removed     DEL key
//!   added, or   DEL key, then the key as a server's rewrite writes it (see [`crate::aof::rewrite`])
//!    changed
//!   expiry      PEXPIREAT key ms · PERSIST key          where nothing else differs, and the key will still be there
//! ```
//! Each key is made anew as a whole, so that what comes of it does not depend on how a command changes a value; `SELECT`
//! stands where the database changes. Not a transaction: who reads meanwhile may find a key gone or half made.

use super::side::Side;
use super::table::{expiry, some};
use crate::aof::rewrite::{self, FUNCTIONS, Rewrite};
use crate::error::{Error, Result};
use crate::model::loss::Losses;
use crate::model::target::Target;
use crate::rdb::frame::Record;
use crate::rdb::walk::Scratch;
use crate::resp::encode::{self, Output};
use std::io::Write;

/// Bytes that wait before they are written.
const HELD: usize = 1 << 20;

/// Writes a patch.
pub struct Patch<'w> {
    rewrite: Rewrite,
    out: Buffered<'w>,
    db: Option<u64>,
    /// Keys that expire until then may be gone when the patch is applied. Unix milliseconds.
    gone_by: i64,
}

/// How long a patch may wait to be applied before keys expire on which it counts, in milliseconds.
const WAITS: i64 = 3_600_000;

struct Buffered<'w> {
    held: Vec<u8>,
    out: &'w mut (dyn Write + 'w),
}

impl Output for Buffered<'_> {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.held
    }

    fn relieve(&mut self) -> Result<()> {
        if self.held.len() < HELD {
            return Ok(());
        }
        self.pass_on()
    }
}

impl Buffered<'_> {
    fn pass_on(&mut self) -> Result<()> {
        let written = self.out.write_all(&self.held);
        self.held.clear();
        written.map_err(|e| Error::from_io(e, "write the patch"))
    }
}

impl<'w> Patch<'w> {
    /// For that server, at that moment (Unix milliseconds) or within the hour.
    pub fn new(target: &'static Target, now_ms: i64, out: &'w mut dyn Write) -> Patch<'w> {
        Patch {
            gone_by: now_ms.saturating_add(WAITS),
            rewrite: Rewrite::new(target),
            out: Buffered {
                held: Vec::new(),
                out,
            },
            db: None,
        }
    }

    /// What the server cannot be told.
    #[must_use]
    pub fn losses(&self) -> &Losses {
        self.rewrite.losses()
    }

    /// All is written.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(mut self) -> Result<Losses> {
        self.out.pass_on()?;
        Ok(self.rewrite.losses().clone())
    }

    /// A function library as it is to be; `None`: it goes.
    pub(super) fn function(&mut self, name: &[u8], code: Option<&[u8]>) -> Result<()> {
        // Who has no functions has none to lose, and a library that it cannot have is for the reader of the report.
        if !self.rewrite.target().has(FUNCTIONS) {
            return Ok(());
        }
        let held = self.out.bytes();
        match code {
            Some(code) => encode::command(&[b"FUNCTION", b"LOAD", b"REPLACE", code], held),
            None => encode::command(&[b"FUNCTION", b"DELETE", name], held),
        }
        self.out.relieve()
    }

    /// Whether a key that is to get another expiry alone, and has this one now, is sure to be there still.
    pub(super) fn stays(&self, expire_ms: Option<i64>) -> bool {
        expire_ms.is_none_or(|ms| ms > self.gone_by)
    }

    /// A key as it is to be; `None`: it goes.
    pub(super) fn key(
        &mut self,
        db: u64,
        name: &[u8],
        (record, side): (Option<&Record<'_>>, &Side),
        only_expiry: bool,
        sc: &mut Scratch,
    ) -> Result<()> {
        if self.db != Some(db) {
            self.db = Some(db);
            rewrite::select(db, self.out.bytes());
        }
        let held = self.out.bytes();
        if only_expiry && let Some(record) = record {
            match some(expiry(record)) {
                Some(ms) => {
                    let ms = ms.to_string();
                    encode::command(&[b"PEXPIREAT", name, ms.as_bytes()], held);
                }
                None => encode::command(&[b"PERSIST", name], held),
            }
            return self.out.relieve();
        }
        encode::command(&[b"DEL", name], held);
        if let Some(record) = record
            && let Some(row) = record.row()
        {
            let written = self.rewrite.key(record, row, name, sc, &mut self.out);
            written.map_err(|e| if e.io().is_some() { e } else { side.named(e) })?;
        }
        self.out.relieve()
    }
}
