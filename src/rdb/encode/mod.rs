//! Keys for another server: copied as they stand where it reads that, written anew where not.
//!
//! ```text
//!   record ─▶ does the target load its type? ─ yes ─▶ of a server: the bytes of the value, after a look at all of it
//!                        │ no                          of the engine: its blobs compressed ([`packed_already`])
//!                        ├─▶ of moderate size: held ([`items`]), written in the target's own encoding
//!                        ├─▶ larger: read twice ([`large`]), written as it comes
//!                        ├─▶ stream: nodes as they stand, the rest in an older version ([`stream`])
//!                        └─▶ no such type there: left out, and counted
//! ```
//! What a target cannot hold is counted in [`Losses`]. Source: redis `src/rdb.c`, `rdbSaveObject`; see [`choose`] for who
//! writes what.

mod items;
mod large;
mod nodes;
mod packed;
mod packed_already;
mod stream;
pub(super) mod strings;

use super::choose::{self, Thresholds};
use super::frame::Record;
use super::payload;
use super::types::{Layout, TypeRow};
use super::visit::{StreamPart, Visit};
use super::walk::{self, Scratch};
use super::{length, opcode};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::LAST_FIELD_EXPIRY;
use crate::model::finding::{Finding, Refused, Severity};
use crate::model::kind::Kind;
use crate::model::loss::{Loss, Losses};
use crate::model::target::{Since, Target};
use crate::packed::listpack;
use crate::resp::encode::Output;
use items::{Items, Pen};
use packed::Packed;
use strings::Strings;

/// Who reads idle times and access frequencies in front of a key.
const USAGE: Since = Since::both((5, 0));
/// Who reads hash templates.
const TEMPLATES: Since = Since::redis((8, 10));

/// Who packed the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packer {
    /// A server, with its settings: they are copied where the target reads them.
    Server,
    /// The engine, as servers do that have the thresholds of [`Thresholds::default`]; nothing is compressed.
    Engine,
    /// Whoever: they are written anew, even where they could be copied.
    Other,
}

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The server.
    pub target: &'static Target,
    /// Up to where it keeps values packed.
    pub thresholds: Thresholds,
    /// Whether strings are compressed.
    pub compress: bool,
    /// Where the values come from.
    pub packer: Packer,
    /// Whether values of modules are left out.
    pub drop_modules: bool,
    /// Whether each loss is kept, not their number alone.
    pub one_by_one: bool,
}

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoded {
    /// It is written.
    Done,
    /// It has no elements: servers since 6.2 leave it out.
    Empty,
    /// The target has no such type; it is counted as lost.
    Left,
}

/// Writes keys for one server.
pub struct Encoder {
    options: Options,
    strings: Strings,
    packed: Packed,
    items: Items,
    losses: Losses,
}

/// A look at all of a value.
struct Look {
    target: &'static Target,
    /// Whether it can be written anew.
    kind: Kind,
    empty: bool,
    /// The target refuses how it is packed.
    refused: bool,
    /// Entries of a stream.
    entries: u64,
}

/// What a server does not do with what was found, if it does not: `does not load`.
#[must_use]
pub fn unfit(finding: &Finding, target: &Target) -> Option<&'static str> {
    // Written in the one width, read in the other: what follows such an entry is taken for something else, which
    // servers find out by breaking down.
    let misread = finding.code == listpack::BORDER && !target.has(Since::DEEP);
    if finding.refused.by(target) {
        Some("does not load")
    } else if misread && finding.refused == Refused::Never {
        Some("would misread")
    } else {
        None
    }
}

/// What was found as the error that the server does not take it.
#[must_use]
pub fn refusal(finding: Finding, target: &Target, verb: &str) -> Error {
    let offset = finding.place.offset.unwrap_or_default();
    let (_, message, place) = finding.into_error().into_parts();
    let message = format!("{target} {verb} this: {message}");
    let e = Error::new(ErrorKind::Unsupported, message).at(offset);
    place.path.into_iter().rev().fold(e, Error::within)
}

/// Whether writing a value of that kind anew mends what is wrong with it.
fn is_mended(kind: Kind, code: &str) -> bool {
    match kind {
        Kind::Stream => code == "stream-length",
        kind => !is_opaque(kind) && !code.starts_with("duplicate") && code != "nan-score",
    }
}

impl Visit for Look {
    fn reads(&self) -> bool {
        false
    }

    fn empty(&mut self) -> Result<()> {
        self.empty = true;
        Ok(())
    }

    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        self.entries += u64::from(matches!(part, StreamPart::Entry(_)));
        Ok(())
    }

    fn finding(&mut self, finding: Finding) -> Result<()> {
        if finding.severity == Severity::Damage {
            return Err(finding.into_error());
        }
        if let Some(verb) = unfit(&finding, self.target) {
            if !is_mended(self.kind, finding.code) {
                return Err(refusal(finding, self.target, verb));
            }
            self.refused = true;
        }
        Ok(())
    }
}

impl Encoder {
    /// For that server.
    #[must_use]
    pub fn new(options: Options) -> Encoder {
        Encoder {
            options,
            strings: Strings::new(options.compress),
            packed: Packed::default(),
            items: Items::default(),
            losses: if options.one_by_one {
                Losses::one_by_one()
            } else {
                Losses::default()
            },
        }
    }

    /// What could not be carried so far.
    #[must_use]
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Counts what is lost of a record.
    #[cold]
    pub fn lose(&mut self, loss: Loss, n: u64, record: &Record<'_>) {
        self.losses.add(loss, n, || record.place());
    }

    /// Appends a string as servers write it.
    pub fn string(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.strings.text(bytes, out);
    }

    /// Writes a key: what stands in front of it, its type, its name, its value. After an error, or where it is not
    /// written, what is in the output of it is to be taken back.
    ///
    /// # Errors
    /// Damage of the value, naming the key; `Unsupported` for what no server would load.
    pub fn key<O: Output>(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        name: &[u8],
        sc: &mut Scratch,
        out: &mut O,
    ) -> Result<Encoded> {
        self.try_key(record, row, name, sc, out)
            .map_err(|e| record.name(e))
    }

    fn try_key<O: Output>(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        name: &[u8],
        sc: &mut Scratch,
        out: &mut O,
    ) -> Result<Encoded> {
        let target = self.options.target;
        let mut look = Look {
            target,
            kind: row.kind,
            empty: false,
            refused: false,
            entries: 0,
        };
        if self.packer(record) == Packer::Engine
            && self.packed_already(record, row, name, out.bytes())?
        {
            out.relieve()?;
            return Ok(Encoded::Done);
        }
        let copied = self.is_copied(record, row)?;
        let whole = !copied && !is_opaque(row.kind) && row.kind != Kind::Stream;
        if whole {
            self.items.begin(record.encoding().unwrap_or(row.encoding));
            walk::record(record, row, true, sc, &mut self.items)?;
            look.empty = self.items.empty;
        } else {
            walk::record(record, row, true, sc, &mut look)?;
        }
        if look.empty {
            return Ok(Encoded::Empty);
        }
        let has_place = match row.kind {
            Kind::Module => copied && !self.options.drop_modules,
            Kind::Stream => choose::stream_version(target).is_some(),
            kind => copied || !is_opaque(kind),
        };
        if !has_place {
            self.lose(Loss::Key, 1, record);
            return Ok(Encoded::Left);
        }
        self.attributes(record, out.bytes());
        let type_at = out.bytes().len();
        out.bytes().push(row.code);
        if copied && !look.refused {
            out.bytes().extend_from_slice(record.raw_key());
            let (far, len) = record.raw()?;
            far.chunks(len, &mut |piece| {
                out.bytes().extend_from_slice(piece);
                out.relieve()
            })?;
            return Ok(Encoded::Done);
        }
        if look.refused && row.kind != Kind::Stream {
            // Its packing is mended by writing it anew.
            self.items.begin(row.encoding);
            walk::record(record, row, false, sc, &mut self.items)?;
        }
        self.strings.text(name, out.bytes());
        if let Layout::Stream(version) = row.layout {
            self.stream(record, row, (version, look.entries), type_at, sc, out)?;
        } else {
            self.value(record, row, type_at, sc, out)?;
        }
        out.relieve()?;
        Ok(Encoded::Done)
    }

    fn packer(&self, record: &Record<'_>) -> Packer {
        match record.block().made {
            Some(_) => Packer::Other,
            None => self.options.packer,
        }
    }

    /// Writes a key of the engine that the target would pack as it is; `false` where it is another one.
    fn packed_already(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        name: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let Options {
            target, thresholds, ..
        } = &self.options;
        let (target, thresholds) = (*target, *thresholds);
        let Some(body) = record.body().filter(|_| target.has(row.since)) else {
            return Ok(false);
        };
        // What may be lost of a key is counted once, by who writes it for sure.
        let attrs = &record.frame.attrs;
        if attrs.idle.is_some() || attrs.freq.is_some() || attrs.noevict || attrs.meta.is_some() {
            return Ok(false);
        }
        let start = out.len();
        self.attributes(record, out);
        out.push(row.code);
        self.strings.text(name, out);
        let done = packed_already::write(row, body, target, &thresholds, &mut self.strings, out)?;
        if !done {
            out.truncate(start);
        }
        Ok(done)
    }

    /// Whether the target loads the value as it stands.
    fn is_copied(&self, record: &Record<'_>, row: &'static TypeRow) -> Result<bool> {
        let target = self.options.target;
        let refers = matches!(
            row.layout,
            Layout::TemplateListpackRef | Layout::TemplateArrayRef
        );
        let loads = target.has(payload::since(record, row)?);
        let again = self.packer(record) != Packer::Server && !is_opaque(row.kind);
        Ok(loads && !again && (!refers || target.has(TEMPLATES)))
    }

    fn attributes(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        let attrs = &record.frame.attrs;
        let target = self.options.target;
        if let Some(ms) = attrs.expire_ms {
            out.push(opcode::EXPIRETIME_MS);
            out.extend_from_slice(&ms.to_le_bytes());
        }
        match (attrs.idle, attrs.freq) {
            (None, None) => {}
            _ if !target.has(USAGE) => self.lose(Loss::Usage, 1, record),
            (Some(idle), _) => {
                out.push(opcode::IDLE);
                length::write(idle, out);
            }
            (None, Some(freq)) => out.extend_from_slice(&[opcode::FREQ, freq]),
        }
        if attrs.noevict {
            self.lose(Loss::NoEvict, 1, record);
        }
        match record.meta() {
            Some(meta) if target.has(payload::KEY_META) => out.extend_from_slice(meta),
            Some(_) => self.lose(Loss::KeyMeta, 1, record),
            None => {}
        }
    }

    /// Writes a stream of that version and so many entries as the target knows it.
    fn stream<O: Output>(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        (source, entries): (u8, u64),
        type_at: usize,
        sc: &mut Scratch,
        out: &mut O,
    ) -> Result<()> {
        let known = choose::stream_version(self.options.target);
        let how = stream::How {
            version: known.unwrap_or(1).min(source),
            again: self.packer(record) != Packer::Server,
            entries,
        };
        set(out.bytes(), type_at, choose::stream_code(how.version));
        let losses = &mut self.losses;
        let mut lose = |loss, n| losses.add(loss, n, || record.place());
        stream::write(record, row, &how, &mut self.strings, sc, out, &mut lose)
    }

    /// Writes a value anew; its type code goes to `type_at`.
    fn value<O: Output>(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        type_at: usize,
        sc: &mut Scratch,
        out: &mut O,
    ) -> Result<()> {
        let target = self.options.target;
        let last = if target.has(choose::VALKEY_FIELD_EXPIRIES) {
            Some(u64::MAX)
        } else if target.has(choose::FIELD_EXPIRIES) {
            Some(LAST_FIELD_EXPIRY)
        } else {
            None
        };
        let mut pen = Pen {
            target,
            thresholds: &self.options.thresholds,
            strings: &mut self.strings,
            packed: &mut self.packed,
        };
        let items = &mut self.items;
        if items.too_much {
            let mut survey = large::Survey::new(&pen, row.kind, last);
            walk::record(record, row, false, sc, &mut survey)?;
            let cut = survey.cut;
            // The code is known before the first byte may have to be passed on.
            let mut writer = large::Writer::begin(pen, row.kind, &survey, type_at, out);
            walk::record(record, row, false, sc, &mut writer)?;
            writer.end();
            self.losses.add(Loss::FieldExpiry, cut, || record.place());
            return Ok(());
        }
        let cut = items.cut_expiries(last);
        let buf = out.bytes();
        let code = match row.kind {
            Kind::List => pen.list(items, buf)?,
            Kind::Set => pen.set(items, buf)?,
            Kind::Zset => pen.zset(items, buf)?,
            Kind::Hash => pen.hash(items, buf)?,
            _ => pen.string(items, buf)?,
        };
        set(buf, type_at, code);
        self.losses.add(Loss::FieldExpiry, cut, || record.place());
        Ok(())
    }
}

/// Whether values of that kind are copied or not taken at all.
fn is_opaque(kind: Kind) -> bool {
    matches!(kind, Kind::Module | Kind::Array | Kind::Gcra)
}

fn set(out: &mut [u8], at: usize, code: u8) {
    if let Some(place) = out.get_mut(at) {
        *place = code;
    }
}
