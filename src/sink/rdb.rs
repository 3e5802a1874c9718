//! An RDB file for a server: keys copied where it reads them as they stand, written anew where not.
//!
//! ```text
//!   REDIS0009 │ aux … │ F5 library … │ FE db, FB sizes │ FC expiry, F8 idle, type, key, value … │ FF │ CRC-64
//! ```
//! Source: redis `src/rdb.c`, `rdbSaveRio`. Hints about sizes and slots come along only where no key is left out: they
//! would be wrong. See [`crate::rdb::encode`] for the keys, and [`Summed`] for the end.

use super::{Key, Render, Rendered};
use crate::error::Result;
use crate::input::checksum::Crc64;
use crate::model::kind::Flavour;
use crate::model::loss::{Loss, Losses};
use crate::model::target::{Since, Target};
use crate::pipe::Out;
use crate::rdb::aux_field::{self, Topic};
use crate::rdb::compat;
use crate::rdb::encode::{Encoded, Encoder, Options};
use crate::rdb::frame::{Header, Record, What};
use crate::rdb::walk::Scratch;
use crate::rdb::{length, opcode};
use std::io::{self, Write};

const AUX: Since = Since::both((3, 2));
/// Who has multi-part sets, and marks their bases; those before mark the head of an append-only file.
pub const BASES: Since = Since::both((7, 0));
/// Whose append-only file may begin with an RDB.
pub const PREAMBLES: Since = Since::both((4, 0));

/// What the file is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A snapshot.
    Snapshot,
    /// The base of a multi-part set, or the head of an append-only file.
    Base,
}

/// Renders records as those of an RDB file.
pub struct Rdb {
    options: Options,
    role: Role,
    /// Whether all keys are written, so that hints about their number are right.
    all: bool,
    encoder: Encoder,
}

impl Rdb {
    /// With these options. `all`: no filter leaves keys out.
    #[must_use]
    pub fn new(options: Options, role: Role, all: bool) -> Rdb {
        Rdb {
            options,
            role,
            all,
            encoder: Encoder::new(options),
        }
    }

    fn aux(&mut self, name: &str, value: &str, out: &mut Vec<u8>) {
        out.push(opcode::AUX);
        self.encoder.string(name.as_bytes(), out);
        self.encoder.string(value.as_bytes(), out);
    }

    /// An aux field of the source, unless it is about the server that wrote it, or the head says it already.
    fn passes(&self, record: &Record<'_>) -> Result<bool> {
        let whole = self.all && self.role == Role::Snapshot;
        Ok(match aux_field::topic(record)? {
            Topic::Writer => false,
            Topic::Place | Topic::Slots => whole,
            Topic::Script | Topic::Other => true,
        })
    }
}

/// What a server calls its version in a file.
fn version_field(target: &Target) -> &'static str {
    if target.flavour == Flavour::Valkey && target.version >= (8, 0) {
        "valkey-ver"
    } else {
        "redis-ver"
    }
}

impl Render for Rdb {
    fn head(&mut self, _: Header, out: &mut Vec<u8>) -> Result<()> {
        let target = self.options.target;
        Header::of(target).write(out);
        if !target.has(AUX) {
            return Ok(());
        }
        let (major, minor) = target.version;
        self.aux(version_field(target), &format!("{major}.{minor}.0"), out);
        self.aux("redis-bits", "64", out);
        let base = if self.role == Role::Base { "1" } else { "0" };
        if target.has(BASES) {
            self.aux("aof-base", base, out);
        } else if target.has(PREAMBLES) {
            self.aux("aof-preamble", base, out);
        }
        Ok(())
    }

    fn database(&mut self, db: u64, out: &mut Vec<u8>) {
        out.push(opcode::SELECTDB);
        length::write(db, out);
    }

    fn key(&mut self, key: &Key<'_>, sc: &mut Scratch, out: &mut Out<'_, '_>) -> Result<Rendered> {
        let encoded = self.encoder.key(&key.record, key.row, key.name, sc, out)?;
        Ok(match encoded {
            Encoded::Done => Rendered::Done,
            Encoded::Empty => Rendered::Empty,
            Encoded::Left => Rendered::Left,
        })
    }

    fn record(&mut self, record: &Record<'_>, out: &mut Out<'_, '_>) -> Result<()> {
        let What::Record(op) = record.frame.what else {
            return Ok(());
        };
        let flavour = record.block().header.flavour;
        let valkey = flavour == Flavour::Valkey;
        let target = self.options.target;
        let known = target.has(compat::since(flavour, op))
            // Both flavours have an opcode of that number.
            && (op != opcode::SLOT_IMPORT || valkey == (target.flavour == Flavour::Valkey));
        let passes = match op {
            opcode::AUX => known && self.passes(record)?,
            opcode::RESIZEDB | opcode::SLOT_INFO => known && self.all,
            opcode::MODULE_AUX => known && !self.options.drop_modules,
            _ => known,
        };
        if !passes {
            match op {
                opcode::FUNCTION2 => self.encoder.lose(Loss::Function, 1, record),
                opcode::MODULE_AUX => self.encoder.lose(Loss::ModuleAux, 1, record),
                opcode::SLOT_IMPORT if valkey => self.encoder.lose(Loss::SlotImport, 1, record),
                _ => {}
            }
            return Ok(());
        }
        if matches!(op, opcode::RESIZEDB | opcode::SLOT_INFO) {
            // Blocks do not know what stood in front of them.
            self.database(record.frame.db, &mut out.buf);
        }
        out.buf.push(op);
        let (far, len) = record.raw()?;
        far.chunks(len, &mut |piece| {
            out.buf.extend_from_slice(piece);
            out.relieve()
        })
    }

    fn tail(&mut self, out: &mut Vec<u8>) -> Result<()> {
        out.push(opcode::EOF);
        Ok(())
    }

    fn losses(&self) -> Losses {
        self.encoder.losses().clone()
    }
}

/// Passes bytes on, and ends them with their checksum.
pub struct Summed<W> {
    out: W,
    crc: Option<Crc64>,
}

impl<W: Write> Summed<W> {
    /// In front of `out`. Without a sum there are zeros in its place, as servers write them under `rdbchecksum no`.
    pub fn new(out: W, sum: bool) -> Summed<W> {
        Summed {
            out,
            crc: sum.then(Crc64::new),
        }
    }

    /// All is written: the checksum follows.
    ///
    /// # Errors
    /// What the output says.
    pub fn end(mut self) -> io::Result<W> {
        let sum = self.crc.as_ref().map_or(0, Crc64::value);
        self.out.write_all(&sum.to_le_bytes())?;
        Ok(self.out)
    }

    /// What is written is not the whole.
    pub fn give_up(self) -> W {
        self.out
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.out.write(buf)?;
        if let (Some(crc), Some(written)) = (&mut self.crc, buf.get(..n)) {
            crc.update(written);
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
