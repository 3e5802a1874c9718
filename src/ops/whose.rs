//! Which server a source is of, by what stands at its head: what is written of it is for that one unless another is named.
//!
//! A log of commands alone does not tell. What is written of it is for the oldest server that can hold all of it
//! ([`Needs`]): those that are newer take it too, and its own is one of them. A newer one's RDB, or one of its DUMP payloads,
//! its own server would refuse.

use crate::aof::rewrite::{ARRAYS, FIELD_EXPIRY, FUNCTIONS, IDMP, NACK, STREAMS};
use crate::engine::Engine;
use crate::engine::entry::{Slot, ValueRef};
use crate::input::bytes::{Bytes, Slice};
use crate::input::open::{Content, Input};
use crate::model::kind::Flavour;
use crate::model::target::{Since, TARGETS, Target};
use crate::rdb::frame::{HEADER_LEN, Header};
use crate::rdb::payload::KEY_META;
use crate::rdb::types::{self, Layout};
use crate::rdb::{length, opcode, payload};
use crate::sink::rdb::BASES;
use crate::source::aof::Source;

/// What the first file of a log tells.
#[derive(Debug, Clone, Copy)]
pub struct Whose {
    /// The server; `None` where only commands tell.
    pub server: Option<&'static Target>,
    /// Whether it begins with an RDB.
    pub rdb: bool,
}

/// Looks at the first file.
#[must_use]
pub fn whose(source: &Source) -> Whose {
    match source {
        Source::File(input) => of_head(&input.head, input.content()),
        Source::Set(set) => {
            // An empty file tells nothing.
            let first = set.in_load_order().find(|m| m.size() != Some(0));
            let input = first.and_then(|m| Input::open(&m.path).ok());
            input.map_or(
                Whose {
                    server: None,
                    rdb: false,
                },
                |input| of_head(&input.head, input.content()),
            )
        }
    }
}

/// The oldest server that a log can be of which does not tell: those since Redis 7.0 write sets, and those before it do not.
#[must_use]
pub fn floor(source: &Source) -> &'static Target {
    let [first, ..] = &TARGETS;
    let is_set = matches!(source, Source::Set(_));
    let last_of_files = TARGETS
        .iter()
        .rfind(|t| t.flavour == Flavour::Redis && !t.has(BASES));
    let first_of_sets = TARGETS.iter().find(|t| t.has(BASES));
    let found = if is_set { first_of_sets } else { last_of_files };
    found.unwrap_or(first)
}

/// What a state needs of the server that is to hold it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs(Vec<Since>);

impl Needs {
    /// Of all that the engine holds.
    #[must_use]
    pub fn of(engine: &Engine) -> Needs {
        let mut needs = Needs::default();
        if engine.functions.sources().next().is_some() {
            needs.add(FUNCTIONS);
        }
        for (_, db) in engine.keys.dbs() {
            db.iter().for_each(|slot| needs.slot(slot));
        }
        needs
    }

    fn add(&mut self, since: Since) {
        if !self.0.contains(&since) {
            self.0.push(since);
        }
    }

    fn slot(&mut self, slot: &Slot) {
        let attributes = slot.head().attributes;
        if !attributes.is_empty() && has_meta(attributes) {
            self.add(KEY_META);
        }
        match slot.value() {
            ValueRef::Hash(hash) if hash.expires() > 0 => self.add(FIELD_EXPIRY),
            ValueRef::Stream(stream) => {
                self.add(STREAMS);
                if stream.idmp.is_some() {
                    self.add(IDMP);
                }
                if stream.groups().any(|(_, group)| group.zone().len() > 0) {
                    self.add(NACK);
                }
            }
            ValueRef::Array(_) => self.add(ARRAYS),
            ValueRef::Opaque(opaque) => {
                // Whose code it is does not matter: only Redis has those that mean something else elsewhere.
                if let Some(row) = types::by_code(Flavour::Redis, opaque.code) {
                    let mut body = Slice::new(&opaque.body, 0);
                    let module = row.layout == Layout::Module;
                    let id = module.then(|| length::number(&mut body).ok()).flatten();
                    self.add(payload::since_of(row, id));
                }
            }
            _ => {}
        }
    }

    /// The oldest server that can hold all of it, of the family of `from` and not older; the newest where none can.
    #[must_use]
    pub fn oldest(&self, from: &'static Target) -> &'static Target {
        let family = || TARGETS.iter().filter(|t| t.flavour == from.flavour);
        let holds = |t: &&Target| t.version >= from.version && self.0.iter().all(|s| t.has(*s));
        family()
            .find(holds)
            .or(family().next_back())
            .unwrap_or(from)
    }
}

/// Whether the attributes of a key end with metadata.
fn has_meta(attributes: &[u8]) -> bool {
    let mut b = Slice::new(attributes, 0);
    while let Ok(op) = b.byte() {
        match op {
            opcode::KEY_META => return true,
            opcode::IDLE if length::number(&mut b).is_ok() => {}
            opcode::FREQ if b.byte().is_ok() => {}
            opcode::KEY_NOEVICT => {}
            _ => return false,
        }
    }
    false
}

fn of_head(head: &[u8], content: Content) -> Whose {
    let header = head.get(..HEADER_LEN).and_then(|h| Header::parse(h).ok());
    Whose {
        server: header.map(|header| server(head, header)),
        rdb: content == Content::Rdb,
    }
}

/// The server that an RDB names, where it is known and writes such files; else one that does.
fn server(head: &[u8], header: Header) -> &'static Target {
    let named = [
        (&b"\xfa\x0avalkey-ver"[..], Flavour::Valkey),
        (b"\xfa\x09redis-ver", header.flavour),
    ]
    .into_iter()
    .find_map(|(field, flavour)| Some((version(head, field)?, flavour)));
    named
        .and_then(|(version, flavour)| {
            TARGETS.iter().find(|t| {
                t.flavour == flavour
                    && t.version == version
                    && t.opens(header.flavour, header.version)
            })
        })
        .unwrap_or_else(|| Target::of_file(header.flavour, header.version))
}

/// Major and minor version of an aux field, a raw string of up to 63 bytes.
fn version(head: &[u8], field: &[u8]) -> Option<(u8, u8)> {
    let at = head.windows(field.len()).position(|w| w == field)?;
    let (len, rest) = head.get(at + field.len()..)?.split_first()?;
    let text = std::str::from_utf8(rest.get(..usize::from(*len).min(63))?).ok()?;
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_or_by_version() {
        for (head, name) in [
            (
                &b"REDIS0010\xfa\x09redis-ver\x067.0.15\xfa"[..],
                "redis-7.0",
            ),
            (b"REDIS0012\xfa\x09redis-ver\x058.0.6\xfa", "redis-8.0"),
            (b"REDIS0011\xfa\x0avalkey-ver\x058.1.1\xfa", "valkey-8.1"),
            (
                b"REDIS0011\xfa\x09redis-ver\x0b255.255.255\xfa",
                "redis-7.2",
            ),
            // A version that does not write such files.
            (b"REDIS0012\xfa\x09redis-ver\x057.0.1\xfa", "redis-8.4"),
            (b"VALKEY080\xfa\x0avalkey-ver\x059.1.2\xfa", "valkey-9.1"),
            (b"REDIS0009\xff", "redis-6.2"),
        ] {
            let whose = of_head(head, Content::of(head));
            assert_eq!((whose.server.unwrap().name, whose.rdb), (name, true));
        }
        assert!(of_head(b"*1\r\n", Content::Commands).server.is_none());
    }
}
