//! The fingerprint that `DEBUG DIGEST` prints: equal for equal data, whatever its order and encoding.
//!
//! ```text
//!   xor(d, x):  d ^= sha1(x)                 mix(d, x):  xor(d, x), d = sha1(d)
//!   key:  mix name, mix type, then the value: lists and streams by mix, sets and fields by xor; xor "!!expire!!"
//!   all:  for each database mix its number, xor each key's digest
//! ```
//! Scores go in as text, which is `%.17g` up to Redis 7.0 and fpconv's since: there is one digest of each form. Source:
//! redis `src/debug.c`, `computeDatasetDigest`.

use super::entry::{Slot, ValueRef};
use super::keys::{Db, Keys};
use crate::model::number::{self, DoubleText};
use crate::packed::string::{Digits, Str};
use sha1::{Digest as _, Sha1};

/// 20 bytes, in hex by `Display`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest([u8; 20]);

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl Digest {
    fn xor_raw(&mut self, other: &[u8; 20]) {
        for (a, b) in self.0.iter_mut().zip(other) {
            *a ^= b;
        }
    }

    fn xor(&mut self, bytes: &[u8]) {
        self.xor_raw(&Sha1::digest(bytes).into());
    }

    fn xor_digest(&mut self, other: Digest) {
        self.xor(&other.0);
    }

    fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    fn mix_str(&mut self, s: &Str<'_>) {
        match s {
            Str::Bytes(bytes) => self.mix(bytes),
            Str::Int(v) => self.mix(Digits::new(*v).as_bytes()),
            // The engine holds all of its strings.
            Str::Giant(_) => {}
        }
    }

    fn xor_str(&mut self, s: &Str<'_>) {
        match s {
            Str::Bytes(bytes) => self.xor(bytes),
            Str::Int(v) => self.xor(Digits::new(*v).as_bytes()),
            Str::Giant(_) => {}
        }
    }
}

/// The digest of one data set, with both forms of scores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digests {
    /// Redis from 7.2, every Valkey.
    pub fpconv: Digest,
    /// Up to Redis 7.0.
    pub g17: Digest,
    /// Keys of modules and other values that nobody but their server can digest: they are left out.
    pub opaque: u64,
}

/// How servers digest field expiries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldExpiry {
    /// Redis: that there is one.
    Counts,
    /// Valkey: not at all.
    Ignored,
}

/// The digest of all databases.
#[must_use]
pub fn digest(keys: &Keys, fields: FieldExpiry, threads: usize) -> Digests {
    let mut all = Digests::default();
    for (number, db) in keys.dbs().filter(|(_, db)| !db.is_empty()) {
        all.fpconv.mix(&number.to_be_bytes());
        all.g17.mix(&number.to_be_bytes());
        let part = database(db, fields, threads.max(1));
        all.fpconv.xor_raw(&part.fpconv.0);
        all.g17.xor_raw(&part.g17.0);
        all.opaque += part.opaque;
    }
    all
}

/// All keys of a database, xor'ed: in any order, so by any number of threads.
fn database(db: &Db, fields: FieldExpiry, threads: usize) -> Digests {
    let slots = db.slots();
    let share = db.len().div_ceil(threads).max(1);
    let sum = |slots: &[Slot]| {
        let mut sum = Digests::default();
        for slot in slots {
            add(slot, fields, &mut sum);
        }
        sum
    };
    let mut total = Digests::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = slots
            .iter()
            .flat_map(|lane| lane.chunks(share))
            .map(|chunk| scope.spawn(move || sum(chunk)))
            .collect();
        for worker in workers {
            if let Ok(part) = worker.join() {
                total.fpconv.xor_raw(&part.fpconv.0);
                total.g17.xor_raw(&part.g17.0);
                total.opaque += part.opaque;
            }
        }
    });
    total
}

fn add(slot: &Slot, fields: FieldExpiry, sum: &mut Digests) {
    let head = slot.head();
    let mut d = Digest::default();
    d.mix(head.name);
    let value = slot.value();
    let Some(mut fpconv) = of_value(&value, d, fields, DoubleText::Fpconv) else {
        sum.opaque += 1;
        return;
    };
    let mut g17 = match value {
        ValueRef::Zset(_) => of_value(&value, d, fields, DoubleText::G17).unwrap_or(fpconv),
        _ => fpconv,
    };
    for (of_key, all) in [(&mut fpconv, &mut sum.fpconv), (&mut g17, &mut sum.g17)] {
        if head.expire_ms.is_some() {
            of_key.xor(b"!!expire!!");
        }
        all.xor_digest(*of_key);
    }
}

/// Goes on from `d` with the type and the value; `None` for a value that cannot be digested.
fn of_value(
    value: &ValueRef<'_>,
    mut d: Digest,
    fields: FieldExpiry,
    text: DoubleText,
) -> Option<Digest> {
    let code: u32 = match value {
        ValueRef::Str(_) => 0,
        ValueRef::List(_) => 1,
        ValueRef::Set(_) => 2,
        ValueRef::Zset(_) => 3,
        ValueRef::Hash(_) => 4,
        ValueRef::Stream(_) => 6,
        ValueRef::Array(_) | ValueRef::Opaque(_) => return None,
    };
    d.mix(&code.to_be_bytes());
    match value {
        ValueRef::Str(s) => d.mix_str(s),
        ValueRef::List(list) => list.iter().for_each(|e| d.mix_str(&e)),
        ValueRef::Set(set) => set.iter().for_each(|m| d.xor_str(&m)),
        ValueRef::Zset(zset) => {
            let mut score_text = Vec::with_capacity(32);
            for (member, score) in zset.iter() {
                let mut e = Digest::default();
                e.mix_str(&member);
                score_text.clear();
                number::format_double(score, text, &mut score_text);
                e.mix(&score_text);
                d.xor_digest(e);
            }
        }
        ValueRef::Hash(hash) => {
            for field in hash.iter() {
                let mut e = Digest::default();
                e.mix_str(&field.name);
                e.mix_str(&field.value);
                if field.expire_ms.is_some() && fields == FieldExpiry::Counts {
                    e.xor(b"!!hexpire!!");
                }
                d.xor_digest(e);
            }
        }
        ValueRef::Stream(stream) => {
            for entry in stream.iter() {
                let id = format!("{}.{}", entry.id.ms, entry.id.seq);
                d.mix(id.as_bytes());
                for (field, value) in entry.fields.clone() {
                    d.mix_str(&field);
                    d.mix_str(&value);
                }
            }
        }
        ValueRef::Array(_) | ValueRef::Opaque(_) => {}
    }
    Some(d)
}

/// What `DEBUG DIGEST-VALUE` prints of a key; `None` for a value that cannot be digested.
#[must_use]
pub fn of_key(slot: &Slot, fields: FieldExpiry, text: DoubleText) -> Option<Digest> {
    let mut d = of_value(&slot.value(), Digest::default(), fields, text)?;
    if slot.head().expire_ms.is_some() {
        d.xor(b"!!expire!!");
    }
    Some(d)
}
