//! The state as an RDB, made while it is read.
//!
//! ```text
//!   REDIS0015 │ F5 library … │ FE db, FB sizes │ FC expiry, attributes, type, key, value … │ FF │ CRC-64
//! ```
//! So whatever reads an RDB reads an engine's state: `dump`, `get`, `info` and all the filters. Packed values are copied.
//! The state is consumed: what has been written is freed.

use super::entry::{Head, Slot, ValueRef};
use super::functions::Functions;
use super::keys::{Db, Slots};
use super::value::array;
use super::value::hash::{Hash, HashRef};
use super::value::list::Piece;
use super::value::set::SetRef;
use super::value::zset::ZsetRef;
use crate::input::checksum::Crc64;
use crate::model::kind::Flavour;
use crate::model::target::Target;
use crate::packed::pack::{self, Pack};
use crate::packed::string::{Digits, Str};
use crate::rdb::frame::Header;
use crate::rdb::{length, opcode, string};
use std::collections::BTreeMap;
use std::io::{Read, Result};

/// Bytes that are made at a time, or one key if that is more.
const CHUNK: usize = 256 << 10;

/// Gives an RDB. See the module.
pub struct Saver {
    flavour: Flavour,
    dbs: std::collections::btree_map::IntoIter<u32, Db>,
    slots: Slots,
    out: Vec<u8>,
    given: usize,
    crc: Crc64,
    done: bool,
}

impl Saver {
    /// Of all that these hold, for that server.
    #[must_use]
    pub fn new(dbs: BTreeMap<u32, Db>, functions: &Functions, target: &'static Target) -> Saver {
        let mut out = Vec::new();
        Header::of(target).write(&mut out);
        for code in functions.sources() {
            out.push(opcode::FUNCTION2);
            string::write(code, &mut out);
        }
        let mut crc = Crc64::new();
        crc.update(&out);
        Saver {
            flavour: target.flavour,
            dbs: dbs.into_iter(),
            slots: Db::default().into_slots(),
            out,
            given: 0,
            crc,
            done: false,
        }
    }

    /// Makes the next bytes.
    fn fill(&mut self) {
        self.out.clear();
        self.given = 0;
        while self.out.len() < CHUNK && !self.done {
            if let Some(slot) = self.slots.next() {
                key(&slot, self.flavour, &mut self.out);
            } else if let Some((number, db)) = self.dbs.next() {
                if db.is_empty() {
                    continue;
                }
                self.out.push(opcode::SELECTDB);
                length::write(u64::from(number), &mut self.out);
                self.out.push(opcode::RESIZEDB);
                length::write(db.len() as u64, &mut self.out);
                length::write(db.expires() as u64, &mut self.out);
                self.slots = db.into_slots();
            } else {
                self.out.push(opcode::EOF);
                self.done = true;
            }
        }
        self.crc.update(&self.out);
        if self.done {
            let crc = self.crc.value().to_le_bytes();
            self.out.extend_from_slice(&crc);
        }
    }
}

impl Read for Saver {
    fn read(&mut self, space: &mut [u8]) -> Result<usize> {
        if self.given == self.out.len() {
            if self.done {
                return Ok(0);
            }
            self.fill();
        }
        let rest = self.out.get(self.given..).unwrap_or_default();
        let n = rest.len().min(space.len());
        if let (Some(to), Some(from)) = (space.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        self.given += n;
        Ok(n)
    }
}

/// Appends a string, an integer in its short form.
fn text(s: &Str<'_>, out: &mut Vec<u8>) {
    match *s {
        Str::Bytes(bytes) => string::write(bytes, out),
        Str::Int(v) => {
            if !string::write_int(v, out) {
                string::write(Digits::new(v).as_bytes(), out);
            }
        }
        // The engine holds all of its strings.
        Str::Giant(_) => string::write(&[], out),
    }
}

fn key(slot: &Slot, flavour: Flavour, out: &mut Vec<u8>) {
    let head: Head<'_> = slot.head();
    if let Some(ms) = head.expire_ms {
        out.push(opcode::EXPIRETIME_MS);
        out.extend_from_slice(&ms.to_le_bytes());
    }
    out.extend_from_slice(head.attributes);
    let at = out.len();
    out.push(0);
    string::write(head.name, out);
    let code = value(&slot.value(), flavour, out);
    if let Some(place) = out.get_mut(at) {
        *place = code;
    }
}

/// Appends what stands behind a key, or in a DUMP payload behind the type. The type code.
pub(super) fn value(value: &ValueRef<'_>, flavour: Flavour, out: &mut Vec<u8>) -> u8 {
    match value {
        ValueRef::Str(s) => {
            text(s, out);
            0
        }
        ValueRef::List(list) => {
            let pieces = list.pieces().count();
            length::write(pieces as u64, out);
            for piece in list.pieces() {
                let (container, bytes) = match piece {
                    Piece::Plain(bytes) => (1, bytes),
                    Piece::Pack(bytes) => (2, bytes),
                };
                length::write(container, out);
                string::write(bytes, out);
            }
            18
        }
        ValueRef::Set(SetRef::Ints(view)) => {
            string::write(view.bytes(), out);
            11
        }
        ValueRef::Set(SetRef::Packed(view)) => {
            string::write(view.bytes(), out);
            20
        }
        ValueRef::Set(set @ SetRef::Big(_)) => {
            length::write(set.len() as u64, out);
            set.iter().for_each(|member| text(&member, out));
            2
        }
        ValueRef::Zset(ZsetRef::Packed(view)) => {
            string::write(view.bytes(), out);
            17
        }
        ValueRef::Zset(zset @ ZsetRef::Big(_)) => {
            length::write(zset.len() as u64, out);
            // From the highest score on, as servers write them.
            for (member, score) in zset.iter_back_from(0) {
                text(&member, out);
                out.extend_from_slice(&score.to_le_bytes());
            }
            5
        }
        ValueRef::Hash(HashRef::Packed(view)) => {
            string::write(view.bytes(), out);
            16
        }
        ValueRef::Hash(HashRef::Big(hash)) => big_hash(hash, flavour, out),
        ValueRef::Stream(stream) => match flavour {
            Flavour::Redis => {
                stream.encode(5, out);
                27
            }
            Flavour::Valkey => {
                stream.encode(3, out);
                21
            }
        },
        ValueRef::Array(array) => {
            array.encode(out);
            array::CODE
        }
        ValueRef::Opaque(opaque) => {
            out.extend_from_slice(&opaque.body);
            opaque.code
        }
    }
}

fn big_hash(hash: &Hash, flavour: Flavour, out: &mut Vec<u8>) -> u8 {
    let all = HashRef::Big(hash);
    if all.expires() == 0 {
        length::write(all.len() as u64, out);
        for field in all.iter() {
            text(&field.name, out);
            text(&field.value, out);
        }
        return 4;
    }
    if flavour == Flavour::Valkey {
        length::write(all.len() as u64, out);
        for field in all.iter() {
            text(&field.name, out);
            text(&field.value, out);
            out.extend_from_slice(&field.expire_ms.unwrap_or(-1).to_le_bytes());
        }
        return 22;
    }
    let expiry = |ms: Option<i64>| ms.map(|ms| u64::try_from(ms).unwrap_or(0));
    let least = all.iter().filter_map(|f| expiry(f.expire_ms)).min();
    let least = least.unwrap_or(0);
    out.extend_from_slice(&least.to_le_bytes());
    if hash.spread {
        length::write(all.len() as u64, out);
        for field in all.iter() {
            let after = expiry(field.expire_ms).map_or(0, |ms| ms - least + 1);
            length::write(after, out);
            text(&field.name, out);
            text(&field.value, out);
        }
        return 24;
    }
    // In the order of their expiries, those without at the end.
    let mut sorted: Vec<_> = all.iter().collect();
    sorted.sort_by_key(|f| expiry(f.expire_ms).unwrap_or(u64::MAX));
    let mut bytes = pack::EMPTY.to_vec();
    let mut pack = Pack::new(&mut bytes, 0);
    for field in sorted {
        for s in [field.name, field.value] {
            s.with(|s| pack.push(s.unwrap_or_default()));
        }
        pack.push_int(field.expire_ms.unwrap_or(0).max(0));
    }
    string::write(&bytes, out);
    25
}
