//! Hashes: a listpack of pairs, or a table of fields with or without expiries.

use super::super::entry::{Entry, ValueRef};
use super::super::small::Small;
use super::super::table::{Named, Table};
use super::set::MAX_PACK;
use super::{Limits, MANY, Sieve, Value};
use crate::packed::pack::{self, Pack};
use crate::packed::string::Str;

/// A field with its value: one allocation.
///
/// ```text
///   │ length of the name: 7 bits, or 127 and u32 le; bit 7: an expiry │ expiry: i64 le? │ name │ value │
/// ```
#[derive(Debug, Clone)]
struct Pair(Small<30>);

const SHORT: u8 = 0x7f;
const EXPIRES: u8 = 0x80;

struct Parts<'a> {
    name: &'a [u8],
    value: &'a [u8],
    expire_ms: Option<i64>,
}

impl Pair {
    #[allow(clippy::cast_possible_truncation, reason = "the length is compared")]
    fn new(name: &[u8], value: &[u8], expire_ms: Option<i64>) -> Pair {
        let flag = if expire_ms.is_some() { EXPIRES } else { 0 };
        let long = (name.len() as u32).to_le_bytes();
        let expiry = expire_ms.unwrap_or_default().to_le_bytes();
        let (first, long): (u8, &[u8]) = if name.len() < usize::from(SHORT) {
            (name.len() as u8, &[])
        } else {
            (SHORT, &long)
        };
        let expiry: &[u8] = if expire_ms.is_some() { &expiry } else { &[] };
        Pair(Small::concat(&[&[first | flag], long, expiry, name, value]))
    }

    #[inline]
    fn parts(&self) -> Parts<'_> {
        self.read().unwrap_or(Parts {
            name: &[],
            value: &[],
            expire_ms: None,
        })
    }

    #[inline]
    fn read(&self) -> Option<Parts<'_>> {
        let (first, mut rest) = self.0.split_first()?;
        let mut len = usize::from(first & SHORT);
        if len == usize::from(SHORT) {
            let (long, after) = rest.split_first_chunk()?;
            len = u32::from_le_bytes(*long) as usize;
            rest = after;
        }
        let mut expire_ms = None;
        if first & EXPIRES != 0 {
            let (ms, after) = rest.split_first_chunk()?;
            expire_ms = Some(i64::from_le_bytes(*ms));
            rest = after;
        }
        let (name, value) = rest.split_at_checked(len)?;
        Some(Parts {
            name,
            value,
            expire_ms,
        })
    }
}

impl Named for Pair {
    #[inline]
    fn name(&self) -> &[u8] {
        self.parts().name
    }
}

/// A hash of parts.
#[derive(Debug, Clone, Default)]
pub struct Hash {
    fields: Table<Pair>,
    /// How many fields have an expiry.
    expires: usize,
    /// Whether it passed the limits: what Redis calls a hashtable, not a listpackex. Never taken back.
    pub spread: bool,
}

impl Hash {
    /// Whether it has no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// How many fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Room for so many more fields.
    pub fn reserve(&mut self, more: usize) {
        self.fields.reserve(more);
    }

    /// Sets a field, its expiry included; false if it was there.
    pub fn set(&mut self, name: &[u8], value: &[u8], expire_ms: Option<i64>) -> bool {
        let (_, old) = self.fields.insert(Pair::new(name, value, expire_ms));
        self.expires += usize::from(expire_ms.is_some());
        match old {
            Some(old) => {
                self.expires -= usize::from(old.parts().expire_ms.is_some());
                false
            }
            None => true,
        }
    }
}

/// A field to be read.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// Its name.
    pub name: Str<'a>,
    /// Its value.
    pub value: Str<'a>,
    /// Its expiry, Unix milliseconds.
    pub expire_ms: Option<i64>,
}

/// A hash to be read.
#[derive(Debug, Clone, Copy)]
pub enum HashRef<'a> {
    /// A listpack of pairs.
    Packed(pack::View<'a>),
    /// A table.
    Big(&'a Hash),
}

/// See [`HashRef::iter`].
#[derive(Debug, Clone)]
pub enum Iter<'a> {
    /// Of a listpack.
    Packed(pack::Iter<'a>),
    /// Of a table.
    Big(&'a Hash, usize),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        match self {
            Iter::Packed(iter) => {
                let name = iter.next()?.value;
                Some(Field {
                    name,
                    value: iter.next()?.value,
                    expire_ms: None,
                })
            }
            Iter::Big(hash, at) => {
                *at += 1;
                hash.fields.get(*at - 1).map(field)
            }
        }
    }
}

fn field(pair: &Pair) -> Field<'_> {
    let parts = pair.parts();
    Field {
        name: Str::Bytes(parts.name),
        value: Str::Bytes(parts.value),
        expire_ms: parts.expire_ms,
    }
}

impl<'a> HashRef<'a> {
    /// How many fields.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            HashRef::Packed(view) => view.len() / 2,
            HashRef::Big(hash) => hash.fields.len(),
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        match self {
            HashRef::Packed(view) => view.is_empty(),
            HashRef::Big(hash) => hash.is_empty(),
        }
    }

    /// How many fields have an expiry.
    #[must_use]
    pub fn expires(self) -> usize {
        match self {
            HashRef::Packed(_) => 0,
            HashRef::Big(hash) => hash.expires,
        }
    }

    /// A field's value and expiry.
    #[must_use]
    pub fn get(self, name: &[u8]) -> Option<Field<'a>> {
        match self {
            HashRef::Packed(view) => {
                let at = view.find(name, 2)?;
                Some(Field {
                    name: at.value,
                    value: view.iter_from(at.end).next()?.value,
                    expire_ms: None,
                })
            }
            HashRef::Big(hash) => hash.fields.get(hash.fields.find(name)?).map(field),
        }
    }

    /// The n-th field, in the order of [`HashRef::iter`].
    #[must_use]
    pub fn nth(self, n: usize) -> Option<Field<'a>> {
        match self {
            HashRef::Packed(_) => self.iter().nth(n),
            HashRef::Big(hash) => hash.fields.get(n).map(field),
        }
    }

    /// All fields, in the order they came.
    #[must_use]
    pub fn iter(self) -> Iter<'a> {
        match self {
            HashRef::Packed(view) => Iter::Packed(view.iter()),
            HashRef::Big(hash) => Iter::Big(hash, 0),
        }
    }
}

/// A hash to be changed.
#[derive(Debug)]
pub struct HashMut<'e> {
    entry: &'e mut Entry,
    limits: &'e Limits,
    sieve: Option<Sieve>,
}

impl<'e> HashMut<'e> {
    pub(in super::super) fn new(entry: &'e mut Entry, limits: &'e Limits) -> HashMut<'e> {
        HashMut {
            entry,
            limits,
            sieve: None,
        }
    }

    /// To look at.
    #[must_use]
    pub fn view(&self) -> HashRef<'_> {
        match self.entry.value() {
            ValueRef::Hash(hash) => hash,
            _ => HashRef::Packed(pack::View::new(&[])),
        }
    }

    /// So many fields of so many bytes in all, values included, are about to be set.
    pub fn expect(&mut self, fields: usize, bytes: usize) {
        if let Some((_, vec, _)) = self.entry.packed_parts() {
            if fields <= self.limits.hash_entries {
                // A few that may all be there need no room of their own.
                if fields >= MANY {
                    vec.reserve_exact(bytes + fields * 5);
                    self.sieve = Some(Sieve::of(self.view().iter().map(|f| f.name)));
                }
            }
        } else if let Some(Value::Hash(hash)) = self.entry.big_value()
            && fields > 8
        {
            hash.reserve(fields);
        }
    }

    /// Sets a field and takes away its expiry; false if it was there.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        let limits = self.limits;
        if let Some((_, vec, at)) = self.entry.packed_parts() {
            let mut pack = Pack::new(vec, at);
            let small = name.len() <= limits.hash_value
                && value.len() <= limits.hash_value
                && pack.view().bytes().len() < MAX_PACK;
            let is_new = self.sieve.as_mut().is_some_and(|s| s.is_new(name));
            let found = if is_new {
                None
            } else {
                pack.view().find(name, 2).map(|e| e.end)
            };
            if small {
                if let Some(from) = found {
                    let to = pack.view().iter_from(from).next().map_or(from, |e| e.end);
                    pack.replace(from, to, 1, [value]);
                    return false;
                }
                if pack.view().len() / 2 < limits.hash_entries {
                    pack.reserve(pack::size_of(name) + pack::size_of(value));
                    pack.push(name);
                    pack.push(value);
                    return true;
                }
            }
            self.spread(1, true);
        }
        let Some(Value::Hash(hash)) = self.entry.big_value() else {
            return false;
        };
        hash.spread |= name.len() > limits.hash_value
            || value.len() > limits.hash_value
            || hash.fields.len() >= limits.hash_entries;
        hash.set(name, value, None)
    }

    /// Sets a field and leaves its expiry; false if it was not there before.
    pub fn set_keeping_expiry(&mut self, name: &[u8], value: &[u8]) -> bool {
        let expire_ms = self.view().get(name).and_then(|f| f.expire_ms);
        let added = self.set(name, value);
        if expire_ms.is_some() {
            self.set_expire(name, expire_ms);
        }
        added
    }

    /// Gives a field an expiry, or none; false if there is no such field.
    pub fn set_expire(&mut self, name: &[u8], expire_ms: Option<i64>) -> bool {
        let Some(field) = self.view().get(name) else {
            return false;
        };
        if field.expire_ms == expire_ms {
            return true;
        }
        if matches!(self.view(), HashRef::Packed(_)) {
            self.spread(0, false);
        }
        let Some(Value::Hash(hash)) = self.entry.big_value() else {
            return false;
        };
        let value = match hash.fields.find(name).and_then(|at| hash.fields.get(at)) {
            Some(pair) => pair.parts().value.to_vec(),
            None => return false,
        };
        hash.set(name, &value, expire_ms);
        true
    }

    /// Takes a field out; false if it was not there.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        if let Some((_, vec, at)) = self.entry.packed_parts() {
            let mut pack = Pack::new(vec, at);
            let Some((from, value)) = pack.view().find(name, 2).map(|e| (e.at, e.end)) else {
                return false;
            };
            let to = pack.view().iter_from(value).next().map_or(value, |e| e.end);
            pack.remove(from, to, 2);
            return true;
        }
        let Some(Value::Hash(hash)) = self.entry.big_value() else {
            return false;
        };
        let Some(gone) = hash
            .fields
            .find(name)
            .and_then(|at| hash.fields.swap_remove(at))
        else {
            return false;
        };
        hash.expires -= usize::from(gone.parts().expire_ms.is_some());
        true
    }

    /// To a table, with room for so many more.
    fn spread(&mut self, more: usize, passed: bool) {
        let view = self.view();
        let mut hash = Hash {
            spread: passed,
            ..Hash::default()
        };
        hash.reserve(view.len() + more);
        for field in view.iter() {
            field.name.with(|name| {
                field.value.with(|value| {
                    hash.set(
                        name.unwrap_or_default(),
                        value.unwrap_or_default(),
                        field.expire_ms,
                    )
                })
            });
        }
        self.entry.become_big(Value::Hash(hash));
    }
}
