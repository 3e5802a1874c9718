//! An RDB into the engine: slots are made by all workers, and put in place in the order of the file.

use super::Options;
use crate::engine::Engine;
use crate::engine::keys::{Keys, Ready};
use crate::engine::load::Loader;
use crate::error::{Error, Result};
use crate::pipe::{self, Flow, Out, Work};
use crate::rdb::check;
use crate::rdb::frame::{Block, Reader, Record, What};
use crate::rdb::opcode;
use crate::rdb::walk::Scratch;
use std::collections::BTreeMap;
use std::io::sink;
use std::sync::{Mutex, PoisonError};

/// What came of it.
pub(super) struct Loaded {
    /// The sources of function libraries, each with its offset.
    pub functions: Vec<(u64, Vec<u8>)>,
    /// Keys that were loaded.
    pub keys: u64,
    /// The reader, at its end.
    pub reader: Reader,
}

/// The slots of a block, each with its database and the offset of its record.
type Batch = Vec<(u32, u64, Ready)>;

struct Place<'k> {
    keys: &'k mut Keys,
    /// The block whose turn it is.
    next: u64,
    /// Those that were quicker. They will all be in the engine's memory anyway.
    waiting: BTreeMap<u64, Batch>,
    loaded: u64,
    /// The first key that was there twice.
    twice: Option<Error>,
}

struct Worker<'s, 'k> {
    place: &'s Mutex<Place<'k>>,
    functions: &'s Mutex<Vec<(u64, Vec<u8>)>>,
    loader: Loader,
    options: &'s Options<'s>,
    sc: Scratch,
}

impl Place<'_> {
    fn put(&mut self, batch: Batch) {
        for (db, offset, ready) in batch {
            self.loaded += 1;
            if let Some(old) = self.keys.put_ready(db, ready)
                && self.twice.is_none()
            {
                let e = Error::corrupt(offset, "the key is there twice: servers refuse the file");
                self.twice = Some(e.in_key(u64::from(db), old.head().name));
            }
        }
    }
}

impl Work for Worker<'_, '_> {
    fn block(&mut self, block: &Block, _out: &mut Out<'_, '_>) -> Result<Flow> {
        self.options.room(block.base)?;
        let mut batch = Vec::with_capacity(block.frames.len());
        let mut failed = None;
        for record in block.records() {
            let made = match (record.row(), record.frame.what) {
                (Some(row), _) => self.loader.slot(&record, row),
                (None, What::Record(op)) => self.record(&record, op).map(|()| None),
                (None, What::Key(_)) => Ok(None),
            };
            match made {
                Ok(None) => {}
                Ok(Some(slot)) => match u32::try_from(record.frame.db) {
                    Ok(db) => batch.push((db, record.offset(), Ready::of(slot))),
                    Err(_) => {
                        let e = Error::limit("a database number above 2^32").at(record.offset());
                        failed = Some(e);
                        break;
                    }
                },
                Err(e) => {
                    failed = Some(e);
                    break;
                }
            }
        }
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.waiting.insert(block.ordinal, batch);
        while let Some(batch) = {
            let next = place.next;
            place.waiting.remove(&next)
        } {
            place.put(batch);
            place.next += 1;
        }
        failed.map_or(Ok(Flow::More), Err)
    }
}

impl Worker<'_, '_> {
    /// A record that is no key: checked, and a function library kept.
    fn record(&mut self, record: &Record<'_>, op: u8) -> Result<()> {
        check::record(record, op, &mut self.sc)?;
        if op == opcode::FUNCTION2 {
            let code = check::library(record)?;
            let mut functions = self
                .functions
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            functions.push((record.offset(), code));
        }
        Ok(())
    }
}

/// Loads all keys of an RDB. What comes before an error is in the engine.
///
/// # Errors
/// The first damage in file order.
pub(super) fn load(reader: Reader, engine: &mut Engine, options: &Options<'_>) -> Result<Loaded> {
    let limits = engine.keys.limits;
    let place = Mutex::new(Place {
        keys: &mut engine.keys,
        next: 0,
        waiting: BTreeMap::new(),
        loaded: 0,
        twice: None,
    });
    let functions = Mutex::new(Vec::new());
    let make = || Worker {
        place: &place,
        functions: &functions,
        loader: Loader::new(limits),
        options,
        sc: Scratch::default(),
    };
    let (reader, error) = {
        let outcome = pipe::run(reader, options.threads, make, &mut sink(), options.progress);
        (outcome.reader, outcome.error)
    };
    let place = place.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(e) = error.or(place.twice) {
        return Err(e);
    }
    let mut functions = functions
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    // Whichever worker was first: in the order of the file.
    functions.sort_unstable_by_key(|(at, _)| *at);
    Ok(Loaded {
        functions,
        keys: place.loaded,
        reader,
    })
}
