//! Values out of JSON into the forms of RDB files. The line's `encoding` picks packed or plain; a value that cannot stand
//! in the packed form (members out of order, integers that are none) takes the plain one, which servers load and pack
//! as they see fit.

use super::cursor::Cursor;
use super::stream::Stream;
use crate::error::Result;
use crate::input::bytes::{Bytes, Slice};
use crate::limits::LAST_FIELD_EXPIRY;
use crate::model::kind::{Encoding, Flavour, Kind};
use crate::model::number;
use crate::packed::pack::{self, Pack};
use crate::rdb::value::module;
use crate::rdb::{length, skip, string};
use std::cmp::Ordering;

/// Nodes of lists are filled up to this many bytes, as servers fill them; a longer element has a node of its own.
const LIST_NODE: usize = 8192;
/// No packed value grows above this: lengths in it have 32 bits.
const MAX_PACK: usize = 1 << 30;
/// The limits for fields of template hashes in the packed form.
const TEMPLATE_FIELDS: usize = 512;
const TEMPLATE_VALUE: usize = 64;

/// Buffers, and the value that was read last: what stands behind the key is `front`, then `body`.
#[derive(Default)]
pub(super) struct Value {
    /// Counts and the like, known when the rest is.
    pub(super) front: Vec<u8>,
    /// The rest.
    pub(super) body: Vec<u8>,
    a: Vec<u8>,
    b: Vec<u8>,
    last: Vec<u8>,
    ints: Vec<i64>,
    stream: Stream,
}

/// Goes on with the next element.
const ON: Result<bool> = Ok(true);

impl Value {
    /// Reads a value of that kind. The type code it has then.
    pub(super) fn read(
        &mut self,
        c: &mut Cursor<'_>,
        kind: Kind,
        encoding: Option<Encoding>,
        flavour: Flavour,
    ) -> Result<u8> {
        if flavour == Flavour::Valkey && matches!(kind, Kind::Array | Kind::Gcra) {
            return Err(c.wrong(format!("Valkey has no type {kind}")));
        }
        let before = *c;
        let packed = matches!(
            encoding,
            Some(
                Encoding::Zipmap
                    | Encoding::Ziplist
                    | Encoding::Intset
                    | Encoding::Listpack
                    | Encoding::ListpackEx
            )
        );
        self.clear();
        let fit = match kind {
            Kind::Set if encoding == Some(Encoding::Intset) => self.intset(c)?,
            Kind::Set if packed => self.set_listpack(c)?,
            Kind::Zset if packed => self.zset_listpack(c)?,
            Kind::Hash if encoding == Some(Encoding::Template) && flavour == Flavour::Redis => {
                self.template(c)?
            }
            Kind::Hash if packed => self.hash_listpack(c, encoding, flavour)?,
            _ => None,
        };
        if let Some(code) = fit {
            return Ok(code);
        }
        *c = before;
        self.clear();
        match kind {
            Kind::String => self.text(c, encoding),
            Kind::List if encoding == Some(Encoding::LinkedList) => self.list(c),
            Kind::List => self.quicklist(c),
            Kind::Set => self.set(c),
            Kind::Zset => self.zset(c),
            Kind::Hash => self.hash(c, flavour),
            Kind::Stream => self
                .stream
                .read(c, flavour, &mut self.front, &mut self.body),
            Kind::Module => self.module(c),
            Kind::Array => self.array(c),
            Kind::Gcra => {
                length::write(c.uint("the time")?, &mut self.front);
                Ok(33)
            }
        }
    }

    fn clear(&mut self) {
        for buffer in [&mut self.front, &mut self.body, &mut self.a, &mut self.b] {
            buffer.clear();
            // One giant does not stay.
            buffer.shrink_to(4 << 20);
        }
    }

    fn text(&mut self, c: &mut Cursor<'_>, encoding: Option<Encoding>) -> Result<u8> {
        let text = c.bytes("the string", &mut self.a)?;
        let int = number::parse_i64(text).filter(|_| encoding == Some(Encoding::Int));
        if !int.is_some_and(|v| string::write_int(v, &mut self.body)) {
            string::write(text, &mut self.body);
        }
        Ok(0)
    }

    /// Strings, and their number in front.
    fn strings(&mut self, c: &mut Cursor<'_>, what: &str) -> Result<()> {
        let mut n = 0;
        c.elements(what, |c| {
            string::write(c.bytes("an element", &mut self.a)?, &mut self.body);
            n += 1;
            ON
        })?;
        length::write(n, &mut self.front);
        Ok(())
    }

    fn list(&mut self, c: &mut Cursor<'_>) -> Result<u8> {
        self.strings(c, "a list")?;
        Ok(1)
    }

    fn set(&mut self, c: &mut Cursor<'_>) -> Result<u8> {
        self.strings(c, "a set")?;
        Ok(2)
    }

    fn quicklist(&mut self, c: &mut Cursor<'_>) -> Result<u8> {
        let Value {
            front,
            body,
            a,
            b: node,
            ..
        } = self;
        let mut nodes = 0;
        node.extend_from_slice(&pack::EMPTY);
        let mut end = |node: &mut Vec<u8>, body: &mut Vec<u8>| {
            if node.len() > pack::EMPTY.len() {
                length::write(2, body);
                string::write(node, body);
                node.clear();
                node.extend_from_slice(&pack::EMPTY);
                nodes += 1;
            }
        };
        let mut plain = 0;
        c.elements("a list", |c| {
            let element = c.bytes("an element", a)?;
            if element.len() > LIST_NODE {
                end(node, body);
                length::write(1, body);
                string::write(element, body);
                plain += 1;
                return ON;
            }
            if node.len() + pack::size_of(element) > LIST_NODE {
                end(node, body);
            }
            Pack::new(node, 0).push(element);
            ON
        })?;
        end(node, body);
        length::write(nodes + plain, front);
        Ok(18)
    }

    /// A packed value is one string: its length in front.
    fn one_string(&mut self, code: u8) -> Option<u8> {
        length::write(self.body.len() as u64, &mut self.front);
        Some(code)
    }

    fn intset(&mut self, c: &mut Cursor<'_>) -> Result<Option<u8>> {
        let Value { body, a, ints, .. } = self;
        ints.clear();
        let fit = c.elements("a set", |c| {
            let v = number::parse_i64(c.bytes("a member", a)?);
            // Strictly ascending: others are no sets, or nobody's order.
            let Some(v) = v.filter(|v| ints.last().is_none_or(|last| last < v)) else {
                return Ok(false);
            };
            ints.push(v);
            ON
        })?;
        let (Some(first), Some(last)) = (ints.first(), ints.last()) else {
            return Ok(None);
        };
        let Ok(n) = u32::try_from(ints.len()) else {
            return Ok(None);
        };
        if !fit {
            return Ok(None);
        }
        let within = |least: i64, most: i64| least <= *first && *last <= most;
        let width = if within(i16::MIN.into(), i16::MAX.into()) {
            2u32
        } else if within(i32::MIN.into(), i32::MAX.into()) {
            4
        } else {
            8
        };
        body.extend_from_slice(&width.to_le_bytes());
        body.extend_from_slice(&n.to_le_bytes());
        for v in ints.iter() {
            let bytes = v.to_le_bytes();
            body.extend_from_slice(bytes.get(..width as usize).unwrap_or(&bytes));
        }
        ints.shrink_to(1 << 18);
        Ok(self.one_string(11))
    }

    fn set_listpack(&mut self, c: &mut Cursor<'_>) -> Result<Option<u8>> {
        let Value { body, a, .. } = self;
        body.extend_from_slice(&pack::EMPTY);
        let fit = c.elements("a set", |c| {
            let member = c.bytes("a member", a)?;
            Pack::new(body, 0).push(member);
            Ok(body.len() < MAX_PACK && member.len() < MAX_PACK)
        })?;
        let fit = fit && body.len() > pack::EMPTY.len();
        Ok(fit.then(|| self.one_string(20)).flatten())
    }

    fn zset_listpack(&mut self, c: &mut Cursor<'_>) -> Result<Option<u8>> {
        let Value {
            body, a, b, last, ..
        } = self;
        body.extend_from_slice(&pack::EMPTY);
        let mut before: Option<f64> = None;
        let fit = c.elements("a sorted set", |c| {
            let (member, score) = scored(c, a)?;
            let order = before.map_or(Some(Ordering::Less), |s| s.partial_cmp(&score));
            let ascends = match order {
                Some(Ordering::Less) => true,
                Some(Ordering::Equal) => last.as_slice() < member,
                _ => false,
            };
            if !ascends || score.is_nan() || body.len().max(member.len()) > MAX_PACK {
                return Ok(false);
            }
            before = Some(score);
            last.clear();
            last.extend_from_slice(member);
            let mut pack = Pack::new(body, 0);
            pack.push(member);
            match number::integral(score) {
                Some(v) if v != 0 || score.is_sign_positive() => pack.push_int(v),
                _ => {
                    b.clear();
                    number::format_fpconv(score, b);
                    pack.push(b);
                }
            }
            ON
        })?;
        last.shrink_to(1 << 20);
        let fit = fit && before.is_some();
        Ok(fit.then(|| self.one_string(17)).flatten())
    }

    fn zset(&mut self, c: &mut Cursor<'_>) -> Result<u8> {
        let Value { body, a, .. } = self;
        let mut n = 0;
        c.elements("a sorted set", |c| {
            let (member, score) = scored(c, a)?;
            string::write(member, body);
            body.extend_from_slice(&score.to_le_bytes());
            n += 1;
            ON
        })?;
        length::write(n, &mut self.front);
        Ok(5)
    }

    fn hash_listpack(
        &mut self,
        c: &mut Cursor<'_>,
        encoding: Option<Encoding>,
        flavour: Flavour,
    ) -> Result<Option<u8>> {
        let before = *c;
        if encoding != Some(Encoding::ListpackEx) {
            let Value { body, a, b, .. } = self;
            body.extend_from_slice(&pack::EMPTY);
            let fit = c.elements("a hash", |c| {
                let (field, value, expiry) = field(c, a, b)?;
                let mut pack = Pack::new(body, 0);
                pack.push(field);
                pack.push(value);
                let short = body.len().max(field.len()).max(value.len()) < MAX_PACK;
                Ok(expiry.is_none() && short)
            })?;
            if fit && body.len() > pack::EMPTY.len() {
                return Ok(self.one_string(16));
            }
            self.clear();
        }
        if flavour == Flavour::Valkey {
            return Ok(None);
        }
        *c = before;
        let Value {
            front, body, a, b, ..
        } = self;
        body.extend_from_slice(&pack::EMPTY);
        let mut least = None;
        let mut last = Some(0);
        let fit = c.elements("a hash", |c| {
            let (field, value, expiry) = field(c, a, b)?;
            // Ascending, and those without an expiry last. Of 0 it cannot be told from none.
            let ascends = match (last, expiry) {
                (Some(last), Some(ms)) => last <= ms && (1..=LAST_FIELD_EXPIRY).contains(&ms),
                (_, None) => true,
                (None, Some(_)) => false,
            };
            last = expiry;
            least = least.or(expiry);
            let mut pack = Pack::new(body, 0);
            pack.push(field);
            pack.push(value);
            pack.push_int(expiry.unwrap_or(0).cast_signed());
            Ok(ascends && body.len().max(field.len()).max(value.len()) < MAX_PACK)
        })?;
        if !fit || body.len() == pack::EMPTY.len() {
            return Ok(None);
        }
        front.extend_from_slice(&least.unwrap_or(LAST_FIELD_EXPIRY).to_le_bytes());
        Ok(self.one_string(25))
    }

    /// Field names with the values of one template; `None` where the names are in no template's order.
    fn template(&mut self, c: &mut Cursor<'_>) -> Result<Option<u8>> {
        let before = *c;
        let Value {
            front,
            body,
            a,
            b,
            last,
            ..
        } = self;
        let (mut n, mut packed) = (0usize, true);
        last.clear();
        let fit = c.elements("a hash", |c| {
            let (field, value, expiry) = field(c, a, b)?;
            let order = (last.len(), last.as_slice()).cmp(&(field.len(), field));
            if expiry.is_some() || (n > 0 && order != Ordering::Less) {
                return Ok(false);
            }
            last.clear();
            last.extend_from_slice(field);
            string::write(field, body);
            n += 1;
            packed &= n <= TEMPLATE_FIELDS && value.len() <= TEMPLATE_VALUE;
            ON
        })?;
        if !fit || n == 0 {
            return Ok(None);
        }
        length::write(1, front);
        length::write(n as u64, front);
        // The values stand behind all names: once more.
        *c = before;
        let mut values = if packed {
            // In front of them the id of a template, which is none of the file's.
            let mut values = pack::EMPTY.to_vec();
            Pack::new(&mut values, 0).push_int(0);
            values
        } else {
            Vec::new()
        };
        c.elements("a hash", |c| {
            let (_, value, _) = field(c, a, b)?;
            if packed {
                Pack::new(&mut values, 0).push(value);
            } else {
                string::write(value, &mut values);
            }
            ON
        })?;
        if packed {
            string::write(&values, body);
            return Ok(Some(29));
        }
        body.extend_from_slice(&values);
        Ok(Some(31))
    }

    fn hash(&mut self, c: &mut Cursor<'_>, flavour: Flavour) -> Result<u8> {
        let before = *c;
        let Value {
            front, body, a, b, ..
        } = self;
        let mut n = 0;
        let (mut least, mut beyond) = (None, false);
        c.elements("a hash", |c| {
            let (field, value, expiry) = field(c, a, b)?;
            string::write(field, body);
            string::write(value, body);
            n += 1;
            if let Some(ms) = expiry {
                least = Some(least.map_or(ms, |least: u64| least.min(ms)));
                beyond |= i64::try_from(ms).is_err();
            }
            ON
        })?;
        let Some(least) = least else {
            length::write(n, front);
            return Ok(4);
        };
        if beyond {
            return Err(before.wrong("an expiry of a field has more than 63 bits"));
        }
        // Once more, with the expiries.
        *c = before;
        body.clear();
        let valkey = flavour == Flavour::Valkey;
        c.elements("a hash", |c| {
            let (field, value, expiry) = field(c, a, b)?;
            if !valkey {
                length::write(expiry.map_or(0, |ms| ms - least + 1), body);
            }
            string::write(field, body);
            string::write(value, body);
            if valkey {
                let ms = expiry.map_or(-1, u64::cast_signed);
                body.extend_from_slice(&ms.to_le_bytes());
            }
            ON
        })?;
        if !valkey {
            front.extend_from_slice(&least.to_le_bytes());
        }
        length::write(n, front);
        Ok(if valkey { 22 } else { 24 })
    }

    fn module(&mut self, c: &mut Cursor<'_>) -> Result<u8> {
        let Value { front, body, a, .. } = self;
        let (mut name, mut version, mut payload) = (None, None, false);
        let before = *c;
        c.object("a module's value", |c, field| {
            match field {
                b"module" => name = Some(c.text("a module's type", a)?.to_vec()),
                b"version" => version = Some(c.uint("the version")?),
                b"payload" => {
                    body.clear();
                    let before = *c;
                    body.extend_from_slice(c.base64("the payload", a)?);
                    check_module(&before, body)?;
                    payload = true;
                }
                other => return Err(c.unknown(other, "a module's value")),
            }
            Ok(())
        })?;
        let (Some(name), Some(version), true) = (name, version, payload) else {
            return Err(before.wrong("a module's value needs module, version and payload"));
        };
        length::write(module_id(&before, &name, version)?, front);
        Ok(7)
    }

    fn array(&mut self, c: &mut Cursor<'_>) -> Result<u8> {
        let Value { front, body, a, .. } = self;
        let (mut n, mut cursor, mut seen) = (0, None, false);
        let before = *c;
        c.object("an array", |c, name| {
            match name {
                b"cursor" => cursor = c.opt_uint("the cursor")?,
                b"elements" if !seen => {
                    seen = true;
                    c.elements("elements", |c| {
                        c.expect(b'[', "index and value")?;
                        length::write(c.uint("the index")?, body);
                        c.expect(b',', "the value")?;
                        // All tags mean strings; that of strings can hold any.
                        length::write(0, body);
                        string::write(c.bytes("the value", a)?, body);
                        c.expect(b']', "the element's end")?;
                        n += 1;
                        ON
                    })?;
                }
                other => return Err(c.unknown(other, "an array")),
            }
            Ok(())
        })?;
        if !seen {
            return Err(before.wrong("an array needs elements"));
        }
        length::write(n, front);
        length::write(u64::from(cursor.is_some()), front);
        if let Some(cursor) = cursor {
            length::write(cursor, front);
        }
        Ok(28)
    }
}

/// `[member, score]`
#[inline]
fn scored<'s, 't: 's>(c: &mut Cursor<'t>, a: &'s mut Vec<u8>) -> Result<(&'s [u8], f64)> {
    c.expect(b'[', "member and score")?;
    let member = c.bytes("a member", a)?;
    c.expect(b',', "the score")?;
    let score = c.double("the score")?;
    c.expect(b']', "the member's end")?;
    Ok((member, score))
}

/// `[field, value, expiry]`
#[inline]
fn field<'s, 't: 's>(
    c: &mut Cursor<'t>,
    a: &'s mut Vec<u8>,
    b: &'s mut Vec<u8>,
) -> Result<(&'s [u8], &'s [u8], Option<u64>)> {
    c.expect(b'[', "field, value and expiry")?;
    let field = c.bytes("a field", a)?;
    c.expect(b',', "the field's value")?;
    let value = c.bytes("the field's value", b)?;
    c.expect(b',', "the field's expiry")?;
    let expiry = c.opt_uint("the field's expiry")?;
    c.expect(b']', "the field's end")?;
    Ok((field, value, expiry))
}

/// Whether bytes are what may stand at this place of a file, to the last of them.
pub(super) fn check(
    at: &Cursor<'_>,
    what: &str,
    bytes: &[u8],
    pass: impl FnOnce(&mut Slice<'_>) -> Result<bool>,
) -> Result<()> {
    let mut slice = Slice::new(bytes, 0);
    match pass(&mut slice) {
        Ok(true) if slice.left() == 0 => Ok(()),
        Ok(true) => Err(at.wrong(format!("{what} has {} bytes too many", slice.left()))),
        Ok(false) => Err(at.wrong(format!("{what} is of no kind that is known"))),
        Err(e) => {
            let (_, message, place) = e.into_parts();
            let offset = place.offset.unwrap_or_default();
            Err(at.wrong(format!("{what}, byte {offset}: {message}")))
        }
    }
}

fn check_module(at: &Cursor<'_>, payload: &[u8]) -> Result<()> {
    check(at, "the payload", payload, |b| {
        skip::module_fields(b).map(|()| true)
    })
}

/// The id that stands for a module's type: its name and the version of its encoding.
pub(super) fn module_id(at: &Cursor<'_>, name: &[u8], version: u64) -> Result<u64> {
    module::id(name, version).ok_or_else(|| {
        at.wrong(format!(
            "{} with version {version} is no module's type: 9 characters of A-Z, a-z, 0-9, - and _, and below 1024",
            crate::text::quoted(name.get(..60).unwrap_or(name))
        ))
    })
}
