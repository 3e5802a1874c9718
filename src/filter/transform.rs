//! What becomes of keys on their way: other names, databases and expiries, and masked values.
//!
//! ```text
//!   record ─▶ past its time? ─▶ prefix off, renamings, prefix on ─▶ database ─▶ expiry ─▶ value ─▶ record
//! ```
//! Filters and masks look at the key as it is in the input. What no transform touches stays the record that it is, so
//! it is copied as it stands. Where any is set, what the file says about all of it goes: hints about sizes and slots, and
//! where a replica stood. Where values are masked, all code goes as well: functions, scripts, modules' data, which
//! nobody can mask.

use super::mask::Mask;
use super::rename::Rename;
use crate::error::Result;
use crate::model::kind::Kind;
use crate::packed::string::{Giant, Str};
use crate::rdb::aux_field::{self, Topic};
use crate::rdb::frame::{Record, What};
use crate::rdb::opcode;
use crate::rdb::remake::{self, Change, Gone, New, Remaker};
use crate::rdb::types::TypeRow;
use crate::rdb::walk::Scratch;
use std::borrow::Cow;

/// What becomes of expiries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ttl {
    /// They stay.
    #[default]
    Keep,
    /// They go, those of fields too.
    Strip,
    /// They come so many milliseconds later.
    Shift(i64),
}

/// What is done with keys.
#[derive(Debug, Clone, Default)]
pub struct Transform {
    /// What is taken off the front of names; others stay.
    pub strip: Option<Vec<u8>>,
    /// Renamings, one after the other.
    pub rename: Vec<Rename>,
    /// What is put in front of names.
    pub add: Option<Vec<u8>>,
    /// Databases and what they become, all at once.
    pub databases: Vec<(u64, u64)>,
    /// What becomes of expiries, of fields too.
    pub ttl: Ttl,
    /// Keys and fields go whose expiry, as it is in the input, is not after this moment, Unix milliseconds.
    pub expired_by: Option<i64>,
    /// Whose values are masked.
    pub mask: Option<Mask>,
}

/// What went, as it was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Keys past their time, and hashes of which no field is left.
    pub expired_keys: u64,
    /// Fields past their time, of hashes that stay.
    pub expired_fields: u64,
    /// Function libraries and scripts.
    pub functions: u64,
    /// Values of modules whose keys are masked.
    pub modules: u64,
    /// Data of modules beside the keys, and in front of keys that are masked.
    pub module_data: u64,
}

impl Dropped {
    /// Adds what went elsewhere.
    pub fn add(&mut self, other: Dropped) {
        self.expired_keys += other.expired_keys;
        self.expired_fields += other.expired_fields;
        self.functions += other.functions;
        self.modules += other.modules;
        self.module_data += other.module_data;
    }

    /// Whether nothing went.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Dropped::default()
    }

    /// Each count, with a stable word and what it counts: one, several.
    #[must_use]
    pub fn counts(&self) -> [(&'static str, u64, [&'static str; 2]); 5] {
        [
            (
                "expired_keys",
                self.expired_keys,
                ["expired key", "expired keys"],
            ),
            (
                "expired_fields",
                self.expired_fields,
                ["expired field of a hash", "expired fields of hashes"],
            ),
            (
                "functions",
                self.functions,
                [
                    "library of functions or script",
                    "libraries of functions and scripts",
                ],
            ),
            (
                "modules",
                self.modules,
                [
                    "key of a module, which cannot be masked",
                    "keys of modules, which cannot be masked",
                ],
            ),
            (
                "module_data",
                self.module_data,
                ["record of a module's data", "records of modules' data"],
            ),
        ]
    }
}

impl Transform {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.strip.is_none()
            && self.rename.is_empty()
            && self.add.is_none()
            && self.databases.is_empty()
            && self.ttl == Ttl::Keep
            && self.expired_by.is_none()
            && self.mask.is_none()
    }

    /// The name and database of a key on its way out.
    #[must_use]
    pub fn place<'n>(&self, db: u64, name: &'n [u8]) -> (u64, Cow<'n, [u8]>) {
        let mut name = Cow::Borrowed(name);
        if let Some(prefix) = &self.strip
            && name.starts_with(prefix)
        {
            name = match name {
                Cow::Borrowed(name) => Cow::Borrowed(name.get(prefix.len()..).unwrap_or_default()),
                Cow::Owned(mut name) => Cow::Owned(name.split_off(prefix.len())),
            };
        }
        for rename in &self.rename {
            if let Some(renamed) = rename.apply(&name) {
                name = Cow::Owned(renamed);
            }
        }
        if let Some(prefix) = &self.add {
            name = Cow::Owned([prefix.as_slice(), &name].concat());
        }
        let to = self.databases.iter().find(|(from, _)| *from == db);
        (to.map_or(db, |(_, to)| *to), name)
    }

    /// Whether a key with that expiry is past its time and goes.
    #[must_use]
    pub fn drops(&self, expire_ms: Option<i64>) -> bool {
        matches!((expire_ms, self.expired_by), (Some(ms), Some(now)) if ms <= now)
    }

    fn expiry(&self, expire_ms: Option<i64>) -> Option<i64> {
        match self.ttl {
            Ttl::Keep => expire_ms,
            Ttl::Strip => None,
            // What is moved in front of the epoch is past, and not without expiry.
            Ttl::Shift(by) => expire_ms.map(|ms| ms.saturating_add(by).max(1)),
        }
    }
}

/// A value on its way out.
struct Value<'t> {
    transform: &'t Transform,
    mask: Option<&'t Mask>,
}

impl Change for Value<'_> {
    fn text<'m>(&self, text: Str<'m>, held: &'m mut Vec<u8>) -> Option<Str<'m>> {
        match self.mask {
            Some(mask) => mask.text(&text, held),
            None => Some(text),
        }
    }

    fn giant(&self, giant: &Giant<'_>, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        match self.mask {
            Some(mask) => mask.giant(giant, sink),
            None => giant.chunks(sink),
        }
    }

    fn expiry(&self, ms: u64) -> std::result::Result<Option<u64>, Gone> {
        let now = self.transform.expired_by;
        if now.is_some_and(|now| i64::try_from(ms).is_ok_and(|ms| ms <= now)) {
            return Err(Gone);
        }
        Ok(match self.transform.ttl {
            Ttl::Keep => Some(ms),
            Ttl::Strip => None,
            Ttl::Shift(by) => Some(ms.saturating_add_signed(by).max(1)),
        })
    }
}

/// What becomes of a key.
pub enum Fate<'a> {
    /// It stays the record that it is.
    Same,
    /// It goes.
    Dropped,
    /// This record stands in its place.
    Changed(Record<'a>),
}

/// Does with records what a [`Transform`] says; one a worker.
pub struct Transformer<'t> {
    transform: &'t Transform,
    remaker: Remaker,
    /// What went so far.
    pub dropped: Dropped,
}

impl<'t> Transformer<'t> {
    /// One that holds nothing yet.
    #[must_use]
    pub fn new(transform: &'t Transform) -> Transformer<'t> {
        Transformer {
            transform,
            remaker: Remaker::default(),
            dropped: Dropped::default(),
        }
    }

    /// Whether there is nothing to be done.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.transform.is_empty()
    }

    /// What becomes of a key.
    ///
    /// # Errors
    /// Damage of a value that must be read for it, naming the key.
    pub fn key(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        name: &[u8],
        sc: &mut Scratch,
    ) -> Result<Fate<'_>> {
        let transform = self.transform;
        let attrs = &record.frame.attrs;
        if transform.drops(attrs.expire_ms) {
            self.dropped.expired_keys += 1;
            return Ok(Fate::Dropped);
        }
        let mask = transform.mask.as_ref().filter(|mask| mask.matches(name));
        if mask.is_some() && row.kind == Kind::Module {
            self.dropped.modules += 1;
            return Ok(Fate::Dropped);
        }
        let mut value = None;
        if self.changes(record, row, mask.is_some(), sc)? {
            let made = self
                .remaker
                .value(record, row, &Value { transform, mask }, sc)?;
            if made.all_gone {
                self.dropped.expired_keys += 1;
                return Ok(Fate::Dropped);
            }
            self.dropped.expired_fields += made.gone;
            value = Some(made);
        }
        let has_meta = record.meta().is_some();
        let (db, to) = transform.place(record.frame.db, name);
        let expire_ms = transform.expiry(attrs.expire_ms);
        let loses_meta = mask.is_some() && has_meta;
        let renamed = to != name;
        if value.is_none()
            && !renamed
            && !loses_meta
            && db == record.frame.db
            && expire_ms == attrs.expire_ms
        {
            return Ok(Fate::Same);
        }
        self.dropped.module_data += u64::from(loses_meta);
        let new = New {
            name: renamed.then_some(&*to),
            db,
            expire_ms,
            meta: !loses_meta,
        };
        let made = self.remaker.record(record, &new, value.as_ref())?;
        Ok(made.map_or(Fate::Same, Fate::Changed))
    }

    /// Whether the value becomes another one.
    fn changes(
        &self,
        record: &Record<'_>,
        row: &'static TypeRow,
        masked: bool,
        sc: &mut Scratch,
    ) -> Result<bool> {
        let transform = self.transform;
        if masked {
            return Ok(row.kind != Kind::Gcra);
        }
        // Templates hold the names of fields, and go where anything is masked.
        if remake::refers(row.layout) {
            return Ok(transform.mask.is_some());
        }
        if !remake::expires(row.layout) {
            return Ok(false);
        }
        if transform.ttl != Ttl::Keep {
            return Ok(true);
        }
        let Some(now) = transform.expired_by else {
            return Ok(false);
        };
        let first = remake::first_expiry(record, row, sc)?;
        Ok(first.is_some_and(|ms| i64::try_from(ms).is_ok_and(|ms| ms <= now)))
    }

    /// Whether a record that is no key stays.
    ///
    /// # Errors
    /// Damage of the record.
    pub fn keeps(&mut self, record: &Record<'_>) -> Result<bool> {
        let What::Record(op) = record.frame.what else {
            return Ok(true);
        };
        let masks = self.transform.mask.is_some();
        let dropped = &mut self.dropped;
        Ok(match op {
            _ if self.transform.is_empty() => true,
            opcode::RESIZEDB | opcode::SLOT_INFO => false,
            opcode::FUNCTION2 if masks => {
                dropped.functions += 1;
                false
            }
            opcode::MODULE_AUX if masks => {
                dropped.module_data += 1;
                false
            }
            opcode::HASH_TEMPLATE if masks => false,
            opcode::AUX => match aux_field::topic(record)? {
                Topic::Place | Topic::Slots => false,
                Topic::Script if masks => {
                    dropped.functions += 1;
                    false
                }
                _ => true,
            },
            _ => true,
        })
    }
}
