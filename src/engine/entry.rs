//! One key, as the engine holds it: all of a small one in a single allocation.
//!
//! ```text
//!   slot (16 bytes)  ─▶ │ flags │ expiry: i64 le? │ attributes: len, bytes? │ name: len, bytes │ value │
//!   len: u8, or ff and u32 le
//!   flags: bits 0–3 the form of the value, 4 there is an expiry, 5 there are attributes, 6 a string that was edited
//!   value: bytes │ i64 le │ listpack │ intset                                      or, in a big one, nothing
//! ```
//! Small collections are the packed bytes that servers and RDB files hold. A value that outgrows the limits becomes
//! [`Big`]: the same head, and a [`Value`] made of tables, trees and deques. A value stands at the end of its
//! allocation, so that it can grow there. Attributes are what an RDB file says in front of a key beside its expiry
//! (idle time, frequency, metadata), kept as the bytes they stand in.

use super::reply::{Refusal, texts};
use super::table::Named;
use super::value::array::Array;
use super::value::hash::{HashMut, HashRef};
use super::value::list::{ListMut, ListRef};
use super::value::set::{SetMut, SetRef};
use super::value::stream::Stream;
use super::value::string::StringMut;
use super::value::zset::{ZsetMut, ZsetRef};
use super::value::{Limits, Opaque, Value};
use crate::model::kind::Kind;
use crate::packed::pack::{self, View};
use crate::packed::string::Str;

/// How a packed value is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A string's bytes.
    Raw = 0,
    /// A string that is an integer: i64, little-endian.
    Int = 1,
    /// A list: listpack.
    List = 2,
    /// A set of integers: intset.
    Ints = 3,
    /// A set: listpack.
    Set = 4,
    /// A hash without field expiries: listpack of pairs.
    Hash = 5,
    /// A sorted set: listpack of member and score, in order.
    Zset = 6,
    /// Not in the allocation: a [`Value`].
    Big = 7,
}

impl Form {
    fn of(flags: u8) -> Form {
        match flags & 0x0f {
            0 => Form::Raw,
            1 => Form::Int,
            2 => Form::List,
            3 => Form::Ints,
            4 => Form::Set,
            5 => Form::Hash,
            6 => Form::Zset,
            _ => Form::Big,
        }
    }

    /// The form that an empty value of a kind begins in, with its bytes; `None` for kinds that are never packed.
    fn empty(kind: Kind) -> Option<(Form, &'static [u8])> {
        Some(match kind {
            Kind::String => (Form::Raw, &[]),
            Kind::List => (Form::List, &pack::EMPTY),
            Kind::Set => (Form::Ints, &[2, 0, 0, 0, 0, 0, 0, 0]),
            Kind::Hash => (Form::Hash, &pack::EMPTY),
            Kind::Zset => (Form::Zset, &pack::EMPTY),
            Kind::Stream | Kind::Module | Kind::Array | Kind::Gcra => return None,
        })
    }
}

const FORM: u8 = 0x0f;
const EXPIRES: u8 = 0x10;
const ATTRIBUTES: u8 = 0x20;
const EDITED: u8 = 0x40;
/// A length of 255 and more follows in four bytes.
const LONG: u8 = 0xff;

/// Takes a run of bytes with its length in front.
#[inline]
fn take<'a>(bytes: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let mut len = usize::from(*bytes.get(*at)?);
    *at += 1;
    if len == usize::from(LONG) {
        len = u32::from_le_bytes(*bytes.get(*at..)?.first_chunk()?) as usize;
        *at += 4;
    }
    let run = bytes.get(*at..)?.get(..len)?;
    *at += len;
    Some(run)
}

/// Appends a run of bytes with its length in front.
#[allow(
    clippy::cast_possible_truncation,
    reason = "no argument and no string of a file passes 4 GiB"
)]
fn push(run: &[u8], out: &mut Vec<u8>) {
    if run.len() < usize::from(LONG) {
        out.push(run.len() as u8);
    } else {
        out.push(LONG);
        out.extend_from_slice(&(run.len() as u32).to_le_bytes());
    }
    out.extend_from_slice(run);
}

/// Bytes that a run takes with its length.
fn pushed(run: &[u8]) -> usize {
    run.len() + if run.len() < usize::from(LONG) { 1 } else { 5 }
}

/// What stands in front of a value.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    flags: u8,
    /// Unix milliseconds.
    pub expire_ms: Option<i64>,
    /// The opcodes that stand in front of the key in an RDB file, beside its expiry.
    pub attributes: &'a [u8],
    /// The key.
    pub name: &'a [u8],
    /// Where the value begins.
    value_at: usize,
}

impl<'a> Head<'a> {
    /// Reads the head of what was made here; anything else gives an empty one.
    #[inline]
    fn read(bytes: &'a [u8]) -> Head<'a> {
        Head::parse(bytes).unwrap_or(Head {
            flags: 0,
            expire_ms: None,
            attributes: &[],
            name: &[],
            value_at: bytes.len(),
        })
    }

    #[inline]
    fn parse(bytes: &'a [u8]) -> Option<Head<'a>> {
        let flags = *bytes.first()?;
        let mut at = 1;
        let mut expire_ms = None;
        let mut attributes: &[u8] = &[];
        if flags & EXPIRES != 0 {
            expire_ms = Some(i64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
            at += 8;
        }
        if flags & ATTRIBUTES != 0 {
            attributes = take(bytes, &mut at)?;
        }
        let name = take(bytes, &mut at)?;
        Some(Head {
            flags,
            expire_ms,
            attributes,
            name,
            value_at: at,
        })
    }

    /// Bytes that such a head takes.
    fn size(name: &[u8], expire_ms: Option<i64>, attributes: &[u8]) -> usize {
        let attributes_size = if attributes.is_empty() {
            0
        } else {
            pushed(attributes)
        };
        1 + pushed(name) + attributes_size + if expire_ms.is_some() { 8 } else { 0 }
    }

    fn write(flags: u8, name: &[u8], expire_ms: Option<i64>, attributes: &[u8], out: &mut Vec<u8>) {
        let mut flags = flags & (FORM | EDITED);
        if expire_ms.is_some() {
            flags |= EXPIRES;
        }
        if !attributes.is_empty() {
            flags |= ATTRIBUTES;
        }
        out.push(flags);
        if let Some(ms) = expire_ms {
            out.extend_from_slice(&ms.to_le_bytes());
        }
        if !attributes.is_empty() {
            push(attributes, out);
        }
        push(name, out);
    }

    /// Whether a string was edited in place: servers then call it raw, whatever its length.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        self.flags & EDITED != 0
    }
}

/// A value too big for one allocation, or of a kind that never is.
#[derive(Debug, Clone)]
pub struct Big {
    head: Box<[u8]>,
    /// The value.
    pub value: Value,
}

/// A key at rest.
#[derive(Debug, Clone)]
pub enum Slot {
    /// All of it.
    Packed(Box<[u8]>),
    /// Its head, and a value of parts.
    Big(Box<Big>),
}

impl Default for Slot {
    fn default() -> Slot {
        Slot::Packed(Box::default())
    }
}

impl Named for Slot {
    #[inline]
    fn name(&self) -> &[u8] {
        self.head().name
    }
}

/// A value to be read.
#[derive(Debug, Clone, Copy)]
pub enum ValueRef<'a> {
    /// A string.
    Str(Str<'a>),
    /// A list.
    List(ListRef<'a>),
    /// A set.
    Set(SetRef<'a>),
    /// A sorted set.
    Zset(ZsetRef<'a>),
    /// A hash.
    Hash(HashRef<'a>),
    /// A stream.
    Stream(&'a Stream),
    /// An array.
    Array(&'a Array),
    /// A value that no command has looked into.
    Opaque(&'a Opaque),
}

impl ValueRef<'_> {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            ValueRef::Str(_) => Kind::String,
            ValueRef::List(_) => Kind::List,
            ValueRef::Set(_) => Kind::Set,
            ValueRef::Zset(_) => Kind::Zset,
            ValueRef::Hash(_) => Kind::Hash,
            ValueRef::Stream(_) => Kind::Stream,
            ValueRef::Array(_) => Kind::Array,
            ValueRef::Opaque(opaque) => opaque.kind,
        }
    }
}

impl Slot {
    /// A string: an integer where the text is one, as `SET` stores it.
    #[must_use]
    pub fn string(name: &[u8], expire_ms: Option<i64>, value: &[u8]) -> Slot {
        Slot::string_with(name, expire_ms, &[], value)
    }

    /// The same, with attributes.
    #[must_use]
    pub fn string_with(
        name: &[u8],
        expire_ms: Option<i64>,
        attributes: &[u8],
        value: &[u8],
    ) -> Slot {
        if value.len() > super::value::LARGE_STRING {
            return Slot::big(name, expire_ms, attributes, Value::String(value.to_vec()));
        }
        // Above eight bytes an integer takes less room than its text; below, reading it is what counts.
        if value.len() <= 20
            && let Some(v) = crate::model::number::parse_i64(value)
        {
            return Slot::packed(Form::Int, name, expire_ms, attributes, &v.to_le_bytes());
        }
        Slot::packed(Form::Raw, name, expire_ms, attributes, value)
    }

    /// A key in its packed form.
    #[must_use]
    #[inline]
    pub fn packed(
        form: Form,
        name: &[u8],
        expire_ms: Option<i64>,
        attributes: &[u8],
        value: &[u8],
    ) -> Slot {
        let mut out = Vec::with_capacity(Head::size(name, expire_ms, attributes) + value.len());
        Head::write(form as u8, name, expire_ms, attributes, &mut out);
        out.extend_from_slice(value);
        Slot::Packed(out.into_boxed_slice())
    }

    /// A string that is to be called raw, as one that was edited.
    #[must_use]
    pub fn edited(self) -> Slot {
        let mut entry = Entry::of(self);
        entry.set_edited();
        entry.into_slot()
    }

    /// A key with a value of parts.
    #[must_use]
    pub fn big(name: &[u8], expire_ms: Option<i64>, attributes: &[u8], value: Value) -> Slot {
        let mut head = Vec::with_capacity(Head::size(name, expire_ms, attributes));
        Head::write(Form::Big as u8, name, expire_ms, attributes, &mut head);
        Slot::Big(Box::new(Big {
            head: head.into_boxed_slice(),
            value,
        }))
    }

    fn head_bytes(&self) -> &[u8] {
        match self {
            Slot::Packed(bytes) => bytes,
            Slot::Big(big) => &big.head,
        }
    }

    /// What stands in front of the value.
    #[must_use]
    #[inline]
    pub fn head(&self) -> Head<'_> {
        Head::read(self.head_bytes())
    }

    /// The value.
    #[must_use]
    #[inline]
    pub fn value(&self) -> ValueRef<'_> {
        match self {
            Slot::Packed(bytes) => packed_value(bytes),
            Slot::Big(big) => big_value(&big.value),
        }
    }

    /// The same value under another name, with another expiry.
    #[must_use]
    pub fn renamed(self, name: &[u8], expire_ms: Option<i64>) -> Slot {
        let mut entry = Entry::of(self);
        entry.reheaded(Some(name), expire_ms);
        entry.into_slot()
    }
}

#[inline]
fn packed_value(bytes: &[u8]) -> ValueRef<'_> {
    let head = Head::read(bytes);
    let value = bytes.get(head.value_at..).unwrap_or_default();
    match Form::of(head.flags) {
        Form::Raw | Form::Big => ValueRef::Str(Str::Bytes(value)),
        Form::Int => ValueRef::Str(Str::Int(int(value))),
        Form::List => ValueRef::List(ListRef::Packed(View::new(value))),
        Form::Ints => ValueRef::Set(SetRef::Ints(super::value::ints::View::new(value))),
        Form::Set => ValueRef::Set(SetRef::Packed(View::new(value))),
        Form::Hash => ValueRef::Hash(HashRef::Packed(View::new(value))),
        Form::Zset => ValueRef::Zset(ZsetRef::Packed(View::new(value))),
    }
}

#[inline]
fn big_value(value: &Value) -> ValueRef<'_> {
    match value {
        Value::String(bytes) => ValueRef::Str(Str::Bytes(bytes)),
        Value::List(list) => ValueRef::List(ListRef::Big(list)),
        Value::Set(set) => ValueRef::Set(SetRef::Big(set)),
        Value::Hash(hash) => ValueRef::Hash(HashRef::Big(hash)),
        Value::Zset(zset) => ValueRef::Zset(ZsetRef::Big(zset)),
        Value::Stream(stream) => ValueRef::Stream(stream),
        Value::Array(array) => ValueRef::Array(array),
        Value::Opaque(opaque) => ValueRef::Opaque(opaque),
    }
}

fn int(value: &[u8]) -> i64 {
    value.first_chunk().map_or(0, |b| i64::from_le_bytes(*b))
}

/// A key under work.
#[derive(Debug)]
pub enum Entry {
    /// All of it; the value is the end of the vector.
    Packed(Vec<u8>),
    /// Its head, and a value of parts.
    Big(Box<Big>),
}

impl Default for Entry {
    fn default() -> Entry {
        Entry::Packed(Vec::new())
    }
}

impl Entry {
    /// A key at rest, to be worked on. Costs nothing.
    #[must_use]
    #[inline]
    pub fn of(slot: Slot) -> Entry {
        match slot {
            Slot::Packed(bytes) => Entry::Packed(bytes.into_vec()),
            Slot::Big(big) => Entry::Big(big),
        }
    }

    /// A key with an empty value of that kind.
    #[must_use]
    pub fn empty(name: &[u8], kind: Kind) -> Entry {
        match Form::empty(kind) {
            Some((form, bytes)) => Entry::of(Slot::packed(form, name, None, &[], bytes)),
            None => Entry::of(Slot::big(name, None, &[], Value::empty(kind))),
        }
    }

    /// The key at rest again, without room to spare.
    #[must_use]
    #[inline]
    pub fn into_slot(self) -> Slot {
        match self {
            Entry::Packed(vec) => Slot::Packed(vec.into_boxed_slice()),
            Entry::Big(big) => Slot::Big(big),
        }
    }

    /// What stands in front of the value.
    #[must_use]
    pub fn head(&self) -> Head<'_> {
        Head::read(match self {
            Entry::Packed(vec) => vec,
            Entry::Big(big) => &big.head,
        })
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> ValueRef<'_> {
        match self {
            Entry::Packed(vec) => packed_value(vec),
            Entry::Big(big) => big_value(&big.value),
        }
    }

    /// Whether it is a collection without elements, which must not stay (a stream may).
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match self.value() {
            ValueRef::List(list) => list.is_empty(),
            ValueRef::Set(set) => set.is_empty(),
            ValueRef::Zset(zset) => zset.is_empty(),
            ValueRef::Hash(hash) => hash.is_empty(),
            ValueRef::Array(array) => array.is_empty(),
            ValueRef::Str(_) | ValueRef::Stream(_) | ValueRef::Opaque(_) => false,
        }
    }

    /// Gives it another expiry, or none.
    pub fn set_expire(&mut self, expire_ms: Option<i64>) {
        let head = self.head();
        let (old, flags) = (head.expire_ms, head.flags);
        if old == expire_ms {
            return;
        }
        if let (Some(_), Some(ms)) = (old, expire_ms) {
            let bytes: &mut [u8] = match self {
                Entry::Packed(vec) => vec,
                Entry::Big(big) => &mut big.head,
            };
            if let Some(place) = bytes.get_mut(1..9) {
                place.copy_from_slice(&ms.to_le_bytes());
            }
            return;
        }
        match (self, expire_ms) {
            (Entry::Packed(vec), Some(ms)) => {
                vec.reserve_exact(8);
                let len = vec.len();
                vec.resize(len + 8, 0);
                vec.copy_within(1..len, 9);
                if let Some((first, rest)) = vec.split_first_mut() {
                    *first = flags | EXPIRES;
                    if let Some(place) = rest.first_chunk_mut() {
                        *place = ms.to_le_bytes();
                    }
                }
            }
            (Entry::Packed(vec), None) => {
                vec.copy_within(9.., 1);
                let len = vec.len();
                vec.truncate(len - 8);
                if let Some(first) = vec.first_mut() {
                    *first = flags & !EXPIRES;
                }
            }
            (entry @ Entry::Big(_), _) => entry.reheaded(None, expire_ms),
        }
    }

    /// Writes the head again, with another name where one is given.
    fn reheaded(&mut self, name: Option<&[u8]>, expire_ms: Option<i64>) {
        let head = self.head();
        let name = name.unwrap_or(head.name);
        let mut out = Vec::new();
        let value_at = head.value_at;
        out.reserve_exact(Head::size(name, expire_ms, head.attributes));
        Head::write(head.flags, name, expire_ms, head.attributes, &mut out);
        match self {
            Entry::Packed(vec) => {
                out.reserve_exact(vec.len().saturating_sub(value_at));
                out.extend_from_slice(vec.get(value_at..).unwrap_or_default());
                *vec = out;
            }
            Entry::Big(big) => big.head = out.into_boxed_slice(),
        }
    }

    /// Whether a string is to be called raw from now on.
    pub fn set_edited(&mut self) {
        let bytes: &mut [u8] = match self {
            Entry::Packed(vec) => vec,
            Entry::Big(big) => &mut big.head,
        };
        if let Some(first) = bytes.first_mut() {
            *first |= EDITED;
        }
    }

    /// The form, the vector and where the value begins in it; `None` where it is not packed.
    #[inline]
    pub(super) fn packed_parts(&mut self) -> Option<(Form, &mut Vec<u8>, usize)> {
        match self {
            Entry::Packed(vec) => {
                let head = Head::read(vec);
                let (form, at) = (Form::of(head.flags), head.value_at);
                Some((form, vec, at))
            }
            Entry::Big(_) => None,
        }
    }

    /// The value of parts, if it is one.
    #[inline]
    pub(super) fn big_value(&mut self) -> Option<&mut Value> {
        match self {
            Entry::Packed(_) => None,
            Entry::Big(big) => Some(&mut big.value),
        }
    }

    /// Puts a packed value in the place of the value.
    pub(super) fn become_packed(&mut self, form: Form, value: &[u8]) {
        let head = self.head();
        let keep = if matches!(form, Form::Raw) {
            head.flags & EDITED
        } else {
            0
        };
        let slot = Slot::packed(form, head.name, head.expire_ms, head.attributes, value);
        *self = Entry::of(slot);
        if keep != 0 {
            self.set_edited();
        }
    }

    /// Puts a value of parts in the place of the value.
    pub(super) fn become_big(&mut self, value: Value) {
        match self {
            Entry::Big(big) => big.value = value,
            Entry::Packed(vec) => {
                let at = Head::read(vec).value_at;
                vec.truncate(at);
                if let Some(first) = vec.first_mut() {
                    *first = (*first & !FORM) | Form::Big as u8;
                }
                let head = std::mem::take(vec).into_boxed_slice();
                *self = Entry::Big(Box::new(Big { head, value }));
            }
        }
    }

    /// Puts an integer in the place of a string.
    pub fn set_int(&mut self, v: i64) {
        if let Some((Form::Int, vec, at)) = self.packed_parts() {
            if let Some(place) = vec.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
                *place = v.to_le_bytes();
            }
            return;
        }
        self.become_packed(Form::Int, &v.to_le_bytes());
    }

    /// As a string to change in place.
    ///
    /// # Errors
    /// `WRONGTYPE`.
    pub fn string(&mut self) -> Result<StringMut<'_>, Refusal> {
        match self.value() {
            ValueRef::Str(_) => Ok(StringMut::new(self)),
            _ => Err(texts::WRONGTYPE),
        }
    }

    /// As a list to change.
    ///
    /// # Errors
    /// `WRONGTYPE`.
    pub fn list<'e>(&'e mut self, limits: &'e Limits) -> Result<ListMut<'e>, Refusal> {
        match self.value() {
            ValueRef::List(_) => Ok(ListMut::new(self, limits)),
            _ => Err(texts::WRONGTYPE),
        }
    }

    /// As a set to change.
    ///
    /// # Errors
    /// `WRONGTYPE`.
    pub fn set<'e>(&'e mut self, limits: &'e Limits) -> Result<SetMut<'e>, Refusal> {
        match self.value() {
            ValueRef::Set(_) => Ok(SetMut::new(self, limits)),
            _ => Err(texts::WRONGTYPE),
        }
    }

    /// As a sorted set to change.
    ///
    /// # Errors
    /// `WRONGTYPE`.
    pub fn zset<'e>(&'e mut self, limits: &'e Limits) -> Result<ZsetMut<'e>, Refusal> {
        match self.value() {
            ValueRef::Zset(_) => Ok(ZsetMut::new(self, limits)),
            _ => Err(texts::WRONGTYPE),
        }
    }

    /// As a stream to change.
    ///
    /// # Errors
    /// `WRONGTYPE`.
    pub fn stream(&mut self) -> Result<&mut Stream, Refusal> {
        match self.big_value() {
            Some(Value::Stream(stream)) => Ok(stream),
            _ => Err(texts::WRONGTYPE),
        }
    }

    /// As an array to change. One that stands as in a file is taken apart.
    ///
    /// # Errors
    /// `WRONGTYPE`; one that cannot be taken apart.
    pub fn array(&mut self) -> Result<&mut Array, Refusal> {
        let value = self.big_value().ok_or(texts::WRONGTYPE)?;
        if let Value::Opaque(opaque) = value
            && opaque.kind == Kind::Array
        {
            let array = Array::decode(&opaque.body)
                .map_err(|e| Refusal::of(format!("ERR Bad data format: {e}")))?;
            *value = Value::Array(Box::new(array));
        }
        match value {
            Value::Array(array) => Ok(array),
            _ => Err(texts::WRONGTYPE),
        }
    }

    /// As a hash to change.
    ///
    /// # Errors
    /// `WRONGTYPE`.
    pub fn hash<'e>(&'e mut self, limits: &'e Limits) -> Result<HashMut<'e>, Refusal> {
        match self.value() {
            ValueRef::Hash(_) => Ok(HashMut::new(self, limits)),
            _ => Err(texts::WRONGTYPE),
        }
    }
}

// What a slot costs is what the engine's memory is made of.
const _: () = assert!(size_of::<Slot>() == 16);
