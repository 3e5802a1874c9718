//! RESTORE commands: each key's value as it stands in the file, for a server that takes it as it is.
//!
//! ```text
//!   RESTORE key expiry payload ABSTTL [IDLETIME seconds] [FREQ n]        expiry in Unix milliseconds; 0 for none
//!   FUNCTION RESTORE payload                                             each function library
//! ```
//! Source: redis `src/cluster.c`, `restoreCommand`; see [`crate::rdb::payload`] for the payload.
//!
//! A key of a type that the target does not load, or with a listpack that it would misread, is an error, and the output ends there. Servers below 5.0 know neither
//! ABSTTL nor what is behind it: they get the time left from `now_ms`. A server does not create a key whose expiry has
//! passed; an expiry of 0 or below is written as 1, because 0 would mean none.

use super::{Key, Render, Rendered};
use crate::aof::rewrite;
use crate::error::Result;
use crate::model::finding::{Finding, Severity};
use crate::model::kind::Flavour;
use crate::model::loss::{Loss, Losses};
use crate::model::target::{Since, Target};
use crate::pipe::Out;
use crate::rdb::encode::{refusal, unfit};
use crate::rdb::frame::{Header, Record, What};
use crate::rdb::opcode;
use crate::rdb::payload::{self, Payload};
use crate::rdb::visit::Visit;
use crate::rdb::walk::{self, Scratch};
use crate::resp::encode;

const ABSTTL: Since = Since::both((5, 0));

/// Renders records as RESTORE commands.
#[derive(Debug)]
pub struct Restore {
    target: &'static Target,
    now_ms: i64,
    data_only: bool,
    losses: Losses,
}

impl Restore {
    /// For that server. `now_ms` is what the time left is measured from, where the server needs that.
    #[must_use]
    pub fn new(target: &'static Target, now_ms: i64, data_only: bool) -> Restore {
        Restore {
            target,
            now_ms,
            data_only,
            losses: Losses::default(),
        }
    }

    #[cold]
    fn lose(&mut self, loss: Loss, record: &Record<'_>) {
        self.losses.add(loss, 1, || record.place());
    }
}

/// Looks for damage, for what the target refuses, and whether there are elements.
struct Look {
    target: &'static Target,
    empty: bool,
}

impl Visit for Look {
    fn empty(&mut self) -> Result<()> {
        self.empty = true;
        Ok(())
    }

    fn finding(&mut self, finding: Finding) -> Result<()> {
        if finding.severity == Severity::Damage {
            return Err(finding.into_error());
        }
        match unfit(&finding, self.target) {
            Some(verb) => Err(refusal(finding, self.target, verb)),
            None => Ok(()),
        }
    }
}

impl Render for Restore {
    fn head(&mut self, _: Header, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn database(&mut self, db: u64, out: &mut Vec<u8>) {
        rewrite::select(db, out);
    }

    fn key(&mut self, key: &Key<'_>, sc: &mut Scratch, out: &mut Out<'_, '_>) -> Result<Rendered> {
        let record = &key.record;
        let attrs = &record.frame.attrs;
        let meta = self.target.has(payload::KEY_META);
        let payload = Payload::of_key(record, key.row, meta, self.target)?;
        // A look at the whole value: damage must not travel on behind a checksum of our own making.
        let mut look = Look {
            target: self.target,
            empty: false,
        };
        walk::record(record, key.row, true, sc, &mut look)?;
        if look.empty {
            return Ok(Rendered::Empty);
        }
        if attrs.meta.is_some() && !meta {
            self.lose(Loss::KeyMeta, record);
        }
        if attrs.noevict {
            self.lose(Loss::NoEvict, record);
        }
        let absolute = self.target.has(ABSTTL);
        let usage = match (attrs.idle, attrs.freq) {
            (Some(idle), _) => Some((&b"IDLETIME"[..], idle)),
            (None, Some(freq)) => Some((&b"FREQ"[..], u64::from(freq))),
            (None, None) => None,
        };
        if usage.is_some() && !absolute {
            self.lose(Loss::Usage, record);
        }
        let usage = usage.filter(|_| absolute);
        let expiry = match attrs.expire_ms {
            None => 0,
            Some(ms) if absolute => ms.max(1),
            Some(ms) => ms.saturating_sub(self.now_ms).max(1),
        };
        let args = 4 + u64::from(absolute) + if usage.is_some() { 2 } else { 0 };
        encode::head(b'*', args, &mut out.buf);
        out.buf.extend_from_slice(b"$7\r\nRESTORE\r\n");
        encode::bulk(key.name, &mut out.buf);
        encode::bulk_int(expiry, &mut out.buf);
        rewrite::payload_argument(&payload, out)?;
        if absolute {
            encode::bulk(b"ABSTTL", &mut out.buf);
        }
        if let Some((word, n)) = usage {
            encode::bulk(word, &mut out.buf);
            encode::bulk_int(i64::try_from(n).unwrap_or(i64::MAX), &mut out.buf);
        }
        out.relieve()?;
        Ok(Rendered::Done)
    }

    fn record(&mut self, record: &Record<'_>, out: &mut Out<'_, '_>) -> Result<()> {
        let What::Record(op) = record.frame.what else {
            return Ok(());
        };
        if self.data_only {
            return Ok(());
        }
        let valkey = record.block().header.flavour == Flavour::Valkey;
        match op {
            opcode::FUNCTION2 if self.target.has(rewrite::FUNCTIONS) => {
                let payload = Payload::of_function(record, self.target)?;
                out.buf
                    .extend_from_slice(b"*3\r\n$8\r\nFUNCTION\r\n$7\r\nRESTORE\r\n");
                rewrite::payload_argument(&payload, out)?;
                return out.relieve();
            }
            opcode::FUNCTION2 => self.lose(Loss::Function, record),
            opcode::MODULE_AUX => self.lose(Loss::ModuleAux, record),
            opcode::SLOT_IMPORT if valkey => self.lose(Loss::SlotImport, record),
            _ => {}
        }
        Ok(())
    }

    fn losses(&self) -> Losses {
        self.losses.clone()
    }
}
