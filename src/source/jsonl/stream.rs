//! Streams out of JSON: entries into nodes as servers fill them, then counters, groups, idempotence state.
//!
//! The type's version is the lowest that holds all that is not `null`, so that what an older server did not say stays
//! unsaid, and whoever loads it fills it in by the rules of servers:
//!
//! | | |
//! |---|---|
//! | 1 | entries, groups |
//! | 2 | `first_id`, `max_deleted_id`, `entries_added`, `entries_read` |
//! | 3 | `active_time` |
//! | 4 | `idmp` |
//! | 5 | `nacked` |

use super::cursor::Cursor;
use crate::error::{Error, Result};
use crate::model::kind::{Flavour, StreamId};
use crate::packed::pack::{self, Pack};
use crate::rdb::{length, string};

/// Servers' defaults for the size of a node.
const NODE_BYTES: usize = 4096;
const NODE_ENTRIES: u8 = 100;
/// An entry of more bytes is refused, as servers refuse it: lengths in a listpack have 32 bits.
const MAX_ENTRY: usize = 1 << 30;
/// Where the count of live entries stands in a node's listpack: its first element, which has one byte below 128.
const LIVE: usize = 6;
/// The body has the master entry's fields.
const SAME: i64 = 2;
/// What streams without an idempotence state of their own have: seconds, ids a producer.
const IDMP: [u64; 2] = [100, 100];

/// The type codes of versions 1 to 5.
const CODES: [u8; 5] = [15, 19, 21, 26, 27];

/// Strings one behind the other.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(1 << 20);
        self.ends.clear();
        self.ends.shrink_to(1 << 18);
    }

    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let text = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            text
        })
    }
}

/// The node that is being filled.
#[derive(Default)]
struct Node {
    id: StreamId,
    entries: u8,
    bytes: Vec<u8>,
    /// The names of the first entry's fields.
    names: Texts,
}

/// Buffers for reading streams.
#[derive(Default)]
pub(super) struct Stream {
    node: Node,
    names: Texts,
    values: Texts,
    scratch: Vec<u8>,
}

#[derive(Default)]
struct Entries {
    nodes: u64,
    live: u64,
    first: Option<StreamId>,
    last: Option<StreamId>,
}

#[derive(Default)]
struct Meta {
    length: Option<u64>,
    last_id: Option<StreamId>,
    first_id: Option<StreamId>,
    max_deleted_id: Option<StreamId>,
    entries_added: Option<u64>,
}

/// Entries with a count in front: ids, or ids with delivery times and counts.
#[derive(Default)]
struct Rows {
    n: u64,
    bytes: Vec<u8>,
}

impl Rows {
    fn id(&mut self, id: StreamId) {
        self.n += 1;
        raw_id(id, &mut self.bytes);
    }

    fn write(&self, out: &mut Vec<u8>) {
        length::write(self.n, out);
        out.extend_from_slice(&self.bytes);
    }
}

#[derive(Default)]
struct Group {
    name: Vec<u8>,
    last_id: StreamId,
    entries_read: Option<i64>,
    pending: Rows,
    consumers: Vec<Consumer>,
    nacked: Rows,
}

#[derive(Default)]
struct Consumer {
    name: Vec<u8>,
    seen_time: i64,
    active_time: Option<i64>,
    pending: Rows,
}

fn raw_id(id: StreamId, out: &mut Vec<u8>) {
    out.extend_from_slice(&id.ms.to_be_bytes());
    out.extend_from_slice(&id.seq.to_be_bytes());
}

fn id(id: StreamId, out: &mut Vec<u8>) {
    length::write(id.ms, out);
    length::write(id.seq, out);
}

fn needs<T>(value: Option<T>, at: &Cursor<'_>, what: &str, name: &str) -> Result<T> {
    value.ok_or_else(|| at.wrong(format!("{what} needs {name}")))
}

const ON: Result<bool> = Ok(true);

impl Stream {
    /// Reads a stream: the number of nodes into `front`, all else into `body`. The type code it has then.
    pub(super) fn read(
        &mut self,
        c: &mut Cursor<'_>,
        flavour: Flavour,
        front: &mut Vec<u8>,
        body: &mut Vec<u8>,
    ) -> Result<u8> {
        let before = *c;
        let mut entries = None;
        let mut meta = Meta::default();
        let mut groups = Vec::new();
        let mut idmp = None;
        c.object("a stream", |c, name| {
            match name {
                b"entries" if entries.is_none() => entries = Some(self.entries(c, body)?),
                b"length" => meta.length = Some(c.uint("the length")?),
                b"last_id" => meta.last_id = Some(c.id("an id")?),
                b"first_id" => meta.first_id = c.opt_id("an id")?,
                b"max_deleted_id" => meta.max_deleted_id = c.opt_id("an id")?,
                b"entries_added" => meta.entries_added = c.opt_uint("a number")?,
                b"groups" if groups.is_empty() => {
                    c.array("groups", |c| {
                        let n = groups.len();
                        let group = self.group(c);
                        groups.push(group.map_err(|e| e.within(format!("group {n}")))?);
                        ON
                    })?;
                }
                b"idmp" if idmp.is_none() => {
                    if !c.null()? {
                        idmp = Some(self.idmp(c).map_err(|e| e.within("idmp"))?);
                    }
                }
                other => return Err(c.unknown(other, "a stream")),
            }
            Ok(())
        })?;
        let entries = needs(entries, &before, "a stream", "entries")?;
        let last_id = needs(meta.last_id, &before, "a stream", "last_id")?;
        let length = meta.length.unwrap_or(entries.live);
        let version = version(&meta, &groups, idmp.is_some());
        if flavour == Flavour::Valkey && version > 3 {
            return Err(before.wrong("Valkey's streams have no idmp and nothing nacked"));
        }
        let Some(code) = CODES.get(usize::from(version) - 1) else {
            return Err(before.wrong("a stream of no version that is known"));
        };
        length::write(entries.nodes, front);
        length::write(length, body);
        id(last_id, body);
        if version >= 2 {
            let highest = StreamId {
                ms: u64::MAX,
                seq: u64::MAX,
            };
            let first = meta.first_id.or(entries.first);
            id(first.unwrap_or(highest), body);
            id(meta.max_deleted_id.unwrap_or_default(), body);
            length::write(meta.entries_added.unwrap_or(length), body);
        }
        length::write(groups.len() as u64, body);
        for group in &groups {
            group.write(version, body);
        }
        if version >= 4 {
            match idmp {
                Some(bytes) => body.extend_from_slice(&bytes),
                None => {
                    for n in IDMP.into_iter().chain([0, 0, 0]) {
                        length::write(n, body);
                    }
                }
            }
        }
        Ok(*code)
    }

    /// `[[id,[[field,value],…]],…]` as nodes.
    fn entries(&mut self, c: &mut Cursor<'_>, body: &mut Vec<u8>) -> Result<Entries> {
        let mut seen = Entries::default();
        self.node.entries = 0;
        c.array("entries", |c| {
            c.expect(b'[', "id and fields")?;
            c.peek()?;
            let before = *c;
            let id = c.id("an entry's id")?;
            if let Some(last) = seen.last.filter(|last| *last >= id) {
                return Err(before.wrong(format!("entry {id} stands behind entry {last}")));
            }
            c.expect(b',', "the entry's fields")?;
            self.fields(c)
                .map_err(|e| e.within(format!("entry {id}")))?;
            c.expect(b']', "the entry's end")?;
            self.append(id, &mut seen, body)?;
            seen.live += 1;
            seen.first = seen.first.or(Some(id));
            seen.last = Some(id);
            ON
        })?;
        self.node.end(&mut seen, body);
        Ok(seen)
    }

    fn fields(&mut self, c: &mut Cursor<'_>) -> Result<()> {
        let Stream {
            names,
            values,
            scratch,
            ..
        } = self;
        names.clear();
        values.clear();
        c.array("an entry's fields", |c| {
            c.expect(b'[', "field and value")?;
            names.push(c.bytes("a field", scratch)?);
            c.expect(b',', "the field's value")?;
            values.push(c.bytes("the field's value", scratch)?);
            c.expect(b']', "the field's end")?;
            ON
        })
        .map(|_| ())
    }

    /// Appends the entry whose fields were read to the node, or to a new one where that is full.
    fn append(&mut self, id: StreamId, seen: &mut Entries, body: &mut Vec<u8>) -> Result<()> {
        let Stream {
            node,
            names,
            values,
            ..
        } = self;
        let bytes = names.bytes.len() + values.bytes.len();
        // Each element has a few bytes beside its own.
        if bytes.saturating_add(names.ends.len().saturating_mul(20)) > MAX_ENTRY {
            return Err(Error::limit(format!(
                "entry {id} is too large for a node of a stream"
            )));
        }
        if node.bytes.len() + bytes >= NODE_BYTES || node.entries >= NODE_ENTRIES {
            node.end(seen, body);
        }
        let n = names.ends.len() as i64;
        if node.entries == 0 {
            node.begin(id, names);
        }
        let same = *names.ends == *node.names.ends && names.bytes == node.names.bytes;
        let mut pack = Pack::new(&mut node.bytes, 0);
        pack.push_int(if same { SAME } else { 0 });
        pack.push_int(id.ms.wrapping_sub(node.id.ms).cast_signed());
        pack.push_int(id.seq.wrapping_sub(node.id.seq).cast_signed());
        if same {
            values.iter().for_each(|value| pack.push(value));
            pack.push_int(n + 3);
        } else {
            pack.push_int(n);
            for (name, value) in names.iter().zip(values.iter()) {
                pack.push(name);
                pack.push(value);
            }
            pack.push_int(2 * n + 4);
        }
        node.entries += 1;
        Ok(())
    }

    fn group(&mut self, c: &mut Cursor<'_>) -> Result<Group> {
        let scratch = &mut self.scratch;
        let before = *c;
        let mut group = Group::default();
        let (mut name, mut last_id) = (None, None);
        c.object("a group", |c, field| {
            match field {
                b"name" => name = Some(c.bytes("the group's name", scratch)?.to_vec()),
                b"last_id" => last_id = Some(c.id("an id")?),
                b"entries_read" => group.entries_read = c.opt_int("a number")?,
                b"pel" if group.pending.n == 0 => {
                    c.elements("pel", |c| {
                        c.expect(b'[', "id, time and count")?;
                        group.pending.id(c.id("an id")?);
                        c.expect(b',', "the time")?;
                        if c.peek()? == b'"' {
                            // The owner, who says so too.
                            c.skip()?;
                            c.expect(b',', "the time")?;
                        }
                        let time = c.int("the time")?;
                        group.pending.bytes.extend_from_slice(&time.to_le_bytes());
                        c.expect(b',', "the count")?;
                        length::write(c.uint("the count")?, &mut group.pending.bytes);
                        c.expect(b']', "the entry's end")?;
                        ON
                    })
                    .map_err(|e| e.within("pel"))?;
                }
                b"consumers" if group.consumers.is_empty() => {
                    c.array("consumers", |c| {
                        let n = group.consumers.len();
                        let consumer = consumer(c, scratch);
                        let consumer = consumer.map_err(|e| e.within(format!("consumer {n}")))?;
                        group.consumers.push(consumer);
                        ON
                    })?;
                }
                b"nacked" if group.nacked.n == 0 => {
                    if !c.null()? {
                        c.elements("nacked", |c| {
                            group.nacked.id(c.id("an id")?);
                            ON
                        })?;
                    }
                }
                other => return Err(c.unknown(other, "a group")),
            }
            Ok(())
        })?;
        group.name = needs(name, &before, "a group", "name")?;
        group.last_id = needs(last_id, &before, "a group", "last_id")?;
        Ok(group)
    }

    /// The bytes of an idempotence state.
    fn idmp(&mut self, c: &mut Cursor<'_>) -> Result<Vec<u8>> {
        let scratch = &mut self.scratch;
        let before = *c;
        let (mut duration, mut most, mut added, mut duplicates) = (None, None, None, None);
        let mut producers = Rows::default();
        c.object("idmp", |c, name| {
            match name {
                b"duration" => duration = Some(c.uint("the duration")?),
                b"max_entries" => most = Some(c.uint("a number")?),
                b"added" => added = Some(c.uint("a number")?),
                b"duplicates" => duplicates = Some(c.uint("a number")?),
                b"producers" if producers.n == 0 => {
                    c.elements("producers", |c| {
                        producers.n += 1;
                        producer(c, scratch, &mut producers.bytes)?;
                        ON
                    })?;
                }
                other => return Err(c.unknown(other, "idmp")),
            }
            Ok(())
        })?;
        let mut out = Vec::new();
        for (n, name) in [(duration, "duration"), (most, "max_entries")] {
            length::write(needs(n, &before, "idmp", name)?, &mut out);
        }
        producers.write(&mut out);
        for (n, name) in [(added, "added"), (duplicates, "duplicates")] {
            length::write(needs(n, &before, "idmp", name)?, &mut out);
        }
        Ok(out)
    }
}

impl Node {
    fn begin(&mut self, id: StreamId, names: &Texts) {
        self.id = id;
        self.names.clear();
        self.bytes.clear();
        self.bytes.extend_from_slice(&pack::EMPTY);
        let mut pack = Pack::new(&mut self.bytes, 0);
        // Live entries, which are counted at the end; deleted ones; fields.
        pack.push_int(0);
        pack.push_int(0);
        pack.push_int(names.ends.len() as i64);
        for name in names.iter() {
            pack.push(name);
            self.names.push(name);
        }
        pack.push_int(0);
    }

    /// Writes the node, if there is one.
    fn end(&mut self, seen: &mut Entries, body: &mut Vec<u8>) {
        if self.entries > 0 {
            if let Some(live) = self.bytes.get_mut(LIVE) {
                *live = self.entries;
            }
            length::write(16, body);
            raw_id(self.id, body);
            string::write(&self.bytes, body);
            seen.nodes += 1;
        }
        self.entries = 0;
        self.bytes.clear();
        self.bytes.shrink_to(1 << 20);
    }
}

/// The lowest version that holds all that is there.
fn version(meta: &Meta, groups: &[Group], idmp: bool) -> u8 {
    let consumers = || groups.iter().flat_map(|g| &g.consumers);
    let counters = meta.first_id.is_some()
        || meta.max_deleted_id.is_some()
        || meta.entries_added.is_some()
        || groups.iter().any(|g| g.entries_read.is_some());
    if groups.iter().any(|g| g.nacked.n > 0) {
        5
    } else if idmp {
        4
    } else if consumers().any(|consumer| consumer.active_time.is_some()) {
        3
    } else if counters {
        2
    } else {
        1
    }
}

impl Group {
    fn write(&self, version: u8, out: &mut Vec<u8>) {
        string::write(&self.name, out);
        id(self.last_id, out);
        if version >= 2 {
            // -1: not known.
            length::write(self.entries_read.unwrap_or(-1).cast_unsigned(), out);
        }
        self.pending.write(out);
        length::write(self.consumers.len() as u64, out);
        for consumer in &self.consumers {
            string::write(&consumer.name, out);
            out.extend_from_slice(&consumer.seen_time.to_le_bytes());
            if version >= 3 {
                let active = consumer.active_time.unwrap_or(consumer.seen_time);
                out.extend_from_slice(&active.to_le_bytes());
            }
            consumer.pending.write(out);
        }
        if version >= 5 {
            self.nacked.write(out);
        }
    }
}

fn consumer(c: &mut Cursor<'_>, scratch: &mut Vec<u8>) -> Result<Consumer> {
    let before = *c;
    let mut consumer = Consumer::default();
    let (mut name, mut seen_time) = (None, None);
    c.object("a consumer", |c, field| {
        match field {
            b"name" => name = Some(c.bytes("the consumer's name", scratch)?.to_vec()),
            b"seen_time" => seen_time = Some(c.int("a time")?),
            b"active_time" => consumer.active_time = c.opt_int("a time")?,
            b"pending" if consumer.pending.n == 0 => {
                c.elements("pending", |c| {
                    consumer.pending.id(c.id("an id")?);
                    ON
                })?;
            }
            other => return Err(c.unknown(other, "a consumer")),
        }
        Ok(())
    })?;
    consumer.name = needs(name, &before, "a consumer", "name")?;
    consumer.seen_time = needs(seen_time, &before, "a consumer", "seen_time")?;
    Ok(consumer)
}

fn producer(c: &mut Cursor<'_>, scratch: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<()> {
    let before = *c;
    let mut pid = None;
    let mut ids = Rows::default();
    c.object("a producer", |c, name| {
        match name {
            b"pid" => pid = Some(c.bytes("the producer's id", scratch)?.to_vec()),
            b"ids" if ids.n == 0 => {
                c.elements("ids", |c| {
                    ids.n += 1;
                    c.expect(b'[', "id and entry")?;
                    string::write(c.bytes("an id", scratch)?, &mut ids.bytes);
                    c.expect(b',', "the entry's id")?;
                    id(c.id("the entry's id")?, &mut ids.bytes);
                    c.expect(b']', "the id's end")?;
                    ON
                })?;
            }
            other => return Err(c.unknown(other, "a producer")),
        }
        Ok(())
    })?;
    string::write(&needs(pid, &before, "a producer", "pid")?, out);
    ids.write(out);
    Ok(())
}
