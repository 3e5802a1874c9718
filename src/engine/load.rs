//! From the records of an RDB file to keys.
//!
//! A [`Loader`] makes slots out of records, a block at a time, in any number of threads; they are put in place in the
//! order of the file. Small collections become packed bytes by the engine's own limits, whatever the file had.

use super::entry::{Form, Slot};
use super::value::hash::{Hash, HashRef};
use super::value::list::List;
use super::value::set::{MAX_PACK, Set};
use super::value::stream::Builder as StreamBuilder;
use super::value::zset::{Zset, ZsetRef, push_score};
use super::value::{Limits, Opaque, Value, ints};
use crate::error::{Error, ErrorKind, Result};
use crate::input::bytes::Slice;
use crate::model::finding::{Finding, Severity};
use crate::model::kind::{Encoding, Kind, StreamId};
use crate::model::number;
use crate::packed::pack::{self, Pack};
use crate::packed::string::Str;
use crate::rdb::frame::Record;
use crate::rdb::opcode;
use crate::rdb::types::TypeRow;
use crate::rdb::visit::{StreamPart, Visit};
use crate::rdb::walk::{self, Scratch, Walk};
use crate::rdb::{length, template::Templates};

/// Strings longer than this are refused: servers allow 512 MiB.
const MAX_STRING: u64 = 4 << 30;

/// Makes slots.
#[derive(Default)]
pub struct Loader {
    limits: Limits,
    sc: Scratch,
    name: Vec<u8>,
    value: Builder,
}

impl Loader {
    /// With these limits up to which values stay packed.
    #[must_use]
    pub fn new(limits: Limits) -> Loader {
        Loader {
            limits,
            ..Loader::default()
        }
    }

    /// The key of a record; `None` where it is a collection without elements, which servers leave out.
    ///
    /// # Errors
    /// What is wrong with the value, naming the key.
    pub fn slot(&mut self, record: &Record<'_>, row: &'static TypeRow) -> Result<Option<Slot>> {
        self.value.begin(row, self.limits);
        // Equal elements of a listpack are taken as they are, as servers take them; tables refuse them.
        walk::record(record, row, false, &mut self.sc, &mut self.value)
            .map_err(|e| e.at(record.body_offset()))?;
        if self.value.is_opaque {
            let (far, len) = record.raw().map_err(|e| record.name(e))?;
            let mut body = Vec::new();
            far.chunks(len, &mut |piece| {
                body.extend_from_slice(piece);
                Ok(())
            })
            .map_err(|e| record.name(e))?;
            self.value.big = Some(Value::Opaque(Opaque {
                kind: row.kind,
                code: row.code,
                body: body.into_boxed_slice(),
            }));
        }
        let mut attributes = Vec::new();
        let attrs = &record.frame.attrs;
        if let Some(idle) = attrs.idle {
            attributes.push(opcode::IDLE);
            length::write(idle, &mut attributes);
        }
        if let Some(freq) = attrs.freq {
            attributes.extend_from_slice(&[opcode::FREQ, freq]);
        }
        if attrs.noevict {
            attributes.push(opcode::KEY_NOEVICT);
        }
        attributes.extend_from_slice(record.meta().unwrap_or_default());
        if u32::try_from(attributes.len()).is_err() {
            let e = Error::limit("metadata of more than 4 GiB");
            return Err(record.name(e.at(record.offset())));
        }
        let name = record.key(&mut self.name)?;
        Ok(self.value.end(name, attrs.expire_ms, &attributes))
    }

    /// A value out of a DUMP payload, under a name: `body` is what stands behind the type code. All of it is checked.
    /// `None` where it is a collection without elements.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn payload(
        &mut self,
        name: &[u8],
        expire_ms: Option<i64>,
        attributes: &[u8],
        row: &'static TypeRow,
        body: &[u8],
    ) -> Result<Option<Slot>> {
        self.value.begin(row, self.limits);
        let templates = Templates::default();
        let walk = Walk {
            row,
            templates: &templates,
            distinct: true,
        };
        self.value.strict = true;
        let mut bytes = Slice::new(body, 0);
        let walked = walk::slice(&walk, &mut bytes, &mut self.sc, &mut self.value);
        self.value.strict = false;
        walked?;
        if !bytes.rest().is_empty() {
            return Err(Error::corrupt(0, "bytes follow the value"));
        }
        if self.value.is_opaque {
            self.value.big = Some(Value::Opaque(Opaque {
                kind: row.kind,
                code: row.code,
                body: body.into(),
            }));
        }
        Ok(self.value.end(name, expire_ms, attributes))
    }
}

/// A value as it comes out of a walk.
struct Builder {
    kind: Kind,
    limits: Limits,
    /// The packed value so far: a string, or a listpack.
    vec: Vec<u8>,
    /// Elements, members, or pairs in it.
    count: usize,
    /// A set that has seen only integers.
    ints: Vec<i64>,
    only_ints: bool,
    /// The last member of a sorted set, and whether it is packed already as it is to be.
    last: (f64, Vec<u8>),
    sorted: bool,
    big: Option<Value>,
    stream: Option<StreamBuilder>,
    is_opaque: bool,
    is_integer: Option<i64>,
    /// Whether what servers would pass over unnoticed is an error too.
    strict: bool,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            kind: Kind::String,
            limits: Limits::default(),
            vec: Vec::new(),
            count: 0,
            ints: Vec::new(),
            only_ints: false,
            last: (0.0, Vec::new()),
            sorted: true,
            big: None,
            stream: None,
            is_opaque: false,
            is_integer: None,
            strict: false,
        }
    }
}

/// The bytes of a string, held by `f`.
fn with<T>(s: Str<'_>, f: impl FnOnce(&[u8]) -> T) -> Result<T> {
    match s {
        Str::Bytes(bytes) => Ok(f(bytes)),
        Str::Int(v) => Ok(f(crate::packed::string::Digits::new(v).as_bytes())),
        Str::Giant(_) => Ok(f(&s.to_vec(MAX_STRING)?)),
    }
}

impl Builder {
    fn begin(&mut self, row: &TypeRow, mut limits: Limits) {
        let kind = row.kind;
        // Packed scores are taken as the texts that they are: a -0 among them stays one.
        limits.zset_negative_zero |= matches!(row.encoding, Encoding::Ziplist | Encoding::Listpack);
        self.kind = kind;
        self.limits = limits;
        self.vec.clear();
        if kind != Kind::String {
            self.vec.extend_from_slice(&pack::EMPTY);
        }
        self.count = 0;
        self.ints.clear();
        self.only_ints = true;
        self.sorted = true;
        self.big = None;
        self.is_opaque = matches!(kind, Kind::Module | Kind::Array | Kind::Gcra);
        self.stream = (kind == Kind::Stream).then(|| StreamBuilder::new(&limits));
        self.is_integer = None;
    }

    /// The key, with what has come; `None` where that is a collection without elements.
    fn end(&mut self, name: &[u8], expire_ms: Option<i64>, attributes: &[u8]) -> Option<Slot> {
        if let Some(stream) = self.stream.take() {
            self.big = Some(Value::Stream(Box::new(stream.finish())));
        }
        if let Some(value) = self.big.take() {
            return Some(Slot::big(name, expire_ms, attributes, value));
        }
        let packed =
            |form, value: &[u8]| Some(Slot::packed(form, name, expire_ms, attributes, value));
        match self.kind {
            Kind::String => match self.is_integer {
                Some(v) => packed(Form::Int, &v.to_le_bytes()),
                None => Some(Slot::string_with(name, expire_ms, attributes, &self.vec)),
            },
            Kind::Set if self.only_ints => {
                if self.ints.is_empty() {
                    return None;
                }
                self.ints.sort_unstable();
                self.ints.dedup();
                let mut bytes = Vec::with_capacity(8 + self.ints.len() * 8);
                ints::build(&self.ints, &mut bytes);
                packed(Form::Ints, &bytes)
            }
            _ if self.count == 0 => None,
            Kind::List => packed(Form::List, &self.vec),
            Kind::Set => packed(Form::Set, &self.vec),
            Kind::Hash => packed(Form::Hash, &self.vec),
            Kind::Zset if self.sorted => packed(Form::Zset, &self.vec),
            _ => {
                let mut pairs: Vec<(Vec<u8>, f64)> = Vec::new();
                for (member, score) in ZsetRef::Packed(pack::View::new(&self.vec)).iter() {
                    member.with(|m| pairs.push((m.unwrap_or_default().to_vec(), score)));
                }
                let mut entry = super::entry::Entry::empty(name, Kind::Zset);
                if let Ok(mut zset) = entry.zset(&self.limits) {
                    let pairs: Vec<(&[u8], f64)> =
                        pairs.iter().map(|(m, s)| (&m[..], *s)).collect();
                    zset.set_all(&pairs);
                }
                match entry.packed_parts() {
                    Some((form, vec, at)) => packed(form, vec.get(at..).unwrap_or_default()),
                    None => None,
                }
            }
        }
    }

    fn push_str(&mut self, s: &Str<'_>) {
        let mut pack = Pack::new(&mut self.vec, 0);
        match s {
            Str::Bytes(bytes) => pack.push(bytes),
            Str::Int(v) => pack.push_int(*v),
            Str::Giant(_) => {}
        }
    }

    /// Whether another element of that length keeps a listpack within its limits.
    fn fits(&self, len: u64, max_len: usize, max_count: usize) -> bool {
        self.big.is_none()
            && len <= max_len as u64
            && self.count < max_count
            && self.vec.len() < MAX_PACK
    }

    /// From a listpack to parts.
    fn spread(&mut self) {
        if self.big.is_some() {
            return;
        }
        let view = pack::View::new(&self.vec);
        self.big = Some(match self.kind {
            Kind::List => {
                let mut list = List::default();
                list.push_pack(self.vec.clone());
                Value::List(list)
            }
            Kind::Set => {
                let mut set = Set::default();
                set.reserve(view.len() + self.ints.len() + 1);
                for v in &self.ints {
                    set.add(crate::packed::string::Digits::new(*v).as_bytes());
                }
                for e in view.iter() {
                    e.value.with(|m| set.add(m.unwrap_or_default()));
                }
                Value::Set(set)
            }
            Kind::Zset => {
                let mut zset = Zset::default();
                for (member, score) in ZsetRef::Packed(view).iter() {
                    member.with(|m| zset.set(m.unwrap_or_default(), score));
                }
                Value::Zset(zset)
            }
            _ => {
                let mut hash = Hash::default();
                for f in HashRef::Packed(view).iter() {
                    f.name.with(|name| {
                        f.value.with(|value| {
                            hash.set(name.unwrap_or_default(), value.unwrap_or_default(), None)
                        })
                    });
                }
                Value::Hash(hash)
            }
        });
    }

    fn twice(&self) -> Error {
        // Whoever walks knows where.
        Error::new(
            ErrorKind::Corrupt,
            match self.kind {
                Kind::Hash => "the same field twice",
                _ => "the same member twice",
            },
        )
    }
}

impl Visit for Builder {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        self.vec.clear();
        match value {
            Str::Bytes(bytes) => self.vec.extend_from_slice(bytes),
            Str::Int(v) => self.is_integer = Some(v),
            Str::Giant(_) if value.len() <= MAX_STRING => value.chunks(&mut |piece| {
                self.vec.extend_from_slice(piece);
                Ok(())
            })?,
            Str::Giant(_) => return Err(Error::limit("a string of more than 4 GiB")),
        }
        Ok(())
    }

    fn element(&mut self, element: Str<'_>) -> Result<()> {
        let len = element.len();
        let bytes =
            usize::try_from(len).map_or(usize::MAX, |len| len.saturating_add(self.vec.len()));
        if self.big.is_none() && !self.limits.list_exceeds(self.count + 1, bytes) {
            self.push_str(&element);
            self.count += 1;
            return Ok(());
        }
        self.spread();
        match &mut self.big {
            Some(Value::List(list)) => with(element, |bytes| list.push_back(bytes)),
            _ => Ok(()),
        }
    }

    fn member(&mut self, member: Str<'_>) -> Result<()> {
        if self.only_ints && self.big.is_none() {
            let int = match member {
                Str::Int(v) => Some(v),
                Str::Bytes(bytes) => number::parse_i64(bytes),
                Str::Giant(_) => None,
            };
            if let Some(v) = int
                && self.ints.len() < self.limits.set_ints
            {
                self.ints.push(v);
                return Ok(());
            }
            self.only_ints = false;
            if self.ints.len() < self.limits.set_entries {
                for v in std::mem::take(&mut self.ints) {
                    Pack::new(&mut self.vec, 0).push_int(v);
                    self.count += 1;
                }
            } else {
                self.spread();
            }
        }
        if self.fits(member.len(), self.limits.set_value, self.limits.set_entries) {
            self.push_str(&member);
            self.count += 1;
            return Ok(());
        }
        self.spread();
        let added = match &mut self.big {
            Some(Value::Set(set)) => with(member, |bytes| set.add(bytes))?,
            _ => true,
        };
        if added { Ok(()) } else { Err(self.twice()) }
    }

    fn scored(&mut self, member: Str<'_>, score: f64) -> Result<()> {
        if score.is_nan() {
            return Err(Error::new(ErrorKind::Corrupt, "a score is no number"));
        }
        if self.fits(
            member.len(),
            self.limits.zset_value,
            self.limits.zset_entries,
        ) {
            self.push_str(&member);
            // Whether the sign of a -0 stays is settled at the end: it does in a set that is not packed then.
            let keeping = Limits {
                zset_negative_zero: true,
                ..self.limits
            };
            push_score(score, &keeping, &mut Pack::new(&mut self.vec, 0));
            self.count += 1;
            let is_minus_zero = score == 0.0 && score.is_sign_negative();
            self.sorted &= !is_minus_zero || self.limits.zset_negative_zero;
            if self.sorted {
                let (last_score, last_name) = &mut self.last;
                let in_order = self.count == 1
                    || *last_score < score
                    || (*last_score <= score
                        && member.with(|m| m.unwrap_or_default() > &last_name[..]));
                self.sorted = in_order;
                *last_score = score;
                last_name.clear();
                member.with(|m| last_name.extend_from_slice(m.unwrap_or_default()));
            }
            return Ok(());
        }
        self.spread();
        let old = match &mut self.big {
            Some(Value::Zset(zset)) => with(member, |bytes| zset.set(bytes, score))?,
            _ => None,
        };
        if old.is_none() {
            Ok(())
        } else {
            Err(self.twice())
        }
    }

    fn field(&mut self, field: Str<'_>, value: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        let longest = field.len().max(value.len());
        let (max_len, max_count) = (self.limits.hash_value, self.limits.hash_entries);
        if expire_ms.is_none() && self.fits(longest, max_len, max_count) {
            self.push_str(&field);
            self.push_str(&value);
            self.count += 1;
            return Ok(());
        }
        self.spread();
        let expire_ms = expire_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
        let added = match &mut self.big {
            Some(Value::Hash(hash)) => {
                hash.spread |= longest > max_len as u64 || hash.len() >= max_count;
                with(field, |field| {
                    with(value, |value| hash.set(field, value, expire_ms))
                })??
            }
            _ => true,
        };
        if added { Ok(()) } else { Err(self.twice()) }
    }

    fn stream_node(&mut self, id: StreamId, listpack: Option<&[u8]>) -> Result<()> {
        match &mut self.stream {
            Some(stream) => stream.stream_node(id, listpack),
            None => Ok(()),
        }
    }

    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match &mut self.stream {
            Some(stream) => stream.stream(part),
            None => Ok(()),
        }
    }

    fn finding(&mut self, finding: Finding) -> Result<()> {
        let passes = !self.strict && finding.severity != Severity::Damage;
        if passes || finding.severity == Severity::Note {
            Ok(())
        } else {
            Err(finding.into_error())
        }
    }
}
