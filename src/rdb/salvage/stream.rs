//! A stream whose parts do not hold, or do not fit together, cut to those that do.
//!
//! | what is there | what becomes of it |
//! |---|---|
//! | a node that cannot be read | the entries in front of the bad byte stay |
//! | entries out of order, or twice | sorted; the first one stays |
//! | an entry behind the stream's last id | left out |
//! | counts that do not agree | counted anew |
//! | a group, a consumer or a producer twice | the first one stays |
//! | a pending entry with two owners, or one that its group does not know | the first owner keeps it; left out |
//! | a pending entry without an owner | given back (version 5), left out |
//!
//! Nodes are written anew, as servers fill them: up to 4 KiB or 100 entries.

use super::super::value::stream::{Entries, behind_entries, node};
use super::super::visit::{StreamMeta, StreamPart, Visit};
use super::super::walk::Scratch;
use super::super::{length, string};
use super::packed;
use crate::error::{Error, Result};
use crate::input::bytes::{Bytes, Slice};
use crate::model::finding::Finding;
use crate::model::kind::StreamId;
use crate::packed::pack::{EMPTY, Pack};
use crate::packed::string::Str;
use std::collections::{BTreeMap, HashSet};

/// Bytes of a node, and its entries.
const NODE: usize = 4096;
const NODE_ENTRIES: usize = 100;

/// What a server has where nothing was set: seconds, entries.
const IDMP: [u64; 2] = [100, 100];

struct Entry {
    id: StreamId,
    /// How many fields it says it has.
    fields: u64,
    pairs: Vec<[Vec<u8>; 2]>,
}

#[derive(Default)]
struct Consumer {
    name: Vec<u8>,
    seen_time: i64,
    active_time: Option<i64>,
    owned: Vec<StreamId>,
}

#[derive(Default)]
struct Group {
    name: Vec<u8>,
    last_id: StreamId,
    entries_read: Option<i64>,
    pending: BTreeMap<StreamId, (i64, u64)>,
    consumers: Vec<Consumer>,
    nacked: Vec<StreamId>,
}

#[derive(Default)]
struct Producer {
    name: Vec<u8>,
    ids: Vec<(Vec<u8>, StreamId)>,
}

/// The parts of a stream.
#[derive(Default)]
struct Parts {
    entries: Vec<Entry>,
    meta: Option<StreamMeta>,
    groups: Vec<Group>,
    idmp: Option<[u64; 2]>,
    producers: Vec<Producer>,
    counters: [u64; 2],
    held: u64,
    most: u64,
}

impl Parts {
    fn text(&mut self, s: &Str<'_>) -> Result<Vec<u8>> {
        self.hold(s.len() + 64)?;
        s.to_vec(self.most)
    }

    fn hold(&mut self, n: u64) -> Result<()> {
        self.held = self.held.saturating_add(n);
        if self.held > self.most {
            return Err(Error::limit("it is too much to be written anew"));
        }
        Ok(())
    }
}

impl Visit for Parts {
    fn entry_fields(&mut self, n: u64) -> Result<()> {
        if let Some(entry) = self.entries.last_mut() {
            entry.fields = n;
        }
        Ok(())
    }

    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Entry(id) => {
                self.hold(96)?;
                // Until it says so, it has more than there can be.
                let (fields, pairs) = (u64::MAX, Vec::new());
                self.entries.push(Entry { id, fields, pairs });
            }
            StreamPart::Field(name, value) => {
                let pair = [self.text(&name)?, self.text(&value)?];
                if let Some(entry) = self.entries.last_mut() {
                    entry.pairs.push(pair);
                }
            }
            StreamPart::Meta(meta) => self.meta = Some(*meta),
            StreamPart::Group {
                name,
                last_id,
                entries_read,
            } => {
                let name = self.text(&name)?;
                self.groups.push(Group {
                    name,
                    last_id,
                    entries_read,
                    ..Group::default()
                });
            }
            StreamPart::Pending { id, time, count } => {
                self.hold(64)?;
                if let Some(group) = self.groups.last_mut() {
                    group.pending.entry(id).or_insert((time, count));
                }
            }
            StreamPart::Consumer {
                name,
                seen_time,
                active_time,
            } => {
                let name = self.text(&name)?;
                if let Some(group) = self.groups.last_mut() {
                    group.consumers.push(Consumer {
                        name,
                        seen_time,
                        active_time,
                        owned: Vec::new(),
                    });
                }
            }
            StreamPart::Owned { id, .. } => {
                self.hold(16)?;
                let group = self.groups.last_mut();
                if let Some(consumer) = group.and_then(|g| g.consumers.last_mut()) {
                    consumer.owned.push(id);
                }
            }
            StreamPart::Nacked { id, .. } => {
                self.hold(16)?;
                if let Some(group) = self.groups.last_mut() {
                    group.nacked.push(id);
                }
            }
            StreamPart::GroupEnd => {}
            StreamPart::Idmp {
                duration,
                max_entries,
            } => self.idmp = Some([duration, max_entries]),
            StreamPart::Producer(name) => {
                let (name, ids) = (self.text(&name)?, Vec::new());
                self.producers.push(Producer { name, ids });
            }
            StreamPart::ProducerId(iid, entry) => {
                let iid = self.text(&iid)?;
                if let Some(producer) = self.producers.last_mut() {
                    producer.ids.push((iid, entry));
                }
            }
            StreamPart::IdmpEnd { added, duplicates } => self.counters = [added, duplicates],
        }
        Ok(())
    }

    fn finding(&mut self, _: Finding) -> Result<()> {
        Ok(())
    }
}

/// The value of a stream of that version, with what holds of it, how many entries that are, and how many bytes were held
/// for it; `None` where nothing holds.
///
/// # Errors
/// What the operating system reports; more than `most` bytes.
pub(super) fn mended<'a, B: Bytes<'a> + Clone>(
    mut b: B,
    version: u8,
    most: u64,
    sc: &mut Scratch,
) -> Result<Option<(Vec<u8>, u64)>> {
    let mut parts = Parts {
        most,
        ..Parts::default()
    };
    if entries(&mut b, sc, &mut parts)? {
        pass(behind_entries(&mut b, version, None, sc, &mut parts))?;
    }
    if parts.meta.is_none() && parts.entries.is_empty() {
        return Ok(None);
    }
    parts.settle(version);
    let n = parts.entries.len() as u64;
    Ok(Some((parts.written(version), n)))
}

/// What is wrong with the file is known; what is wrong with the reading of it is not passed over.
fn pass(done: Result<()>) -> Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(e) if e.kind().is_damage() => Ok(false),
        Err(e) => Err(e),
    }
}

/// Reads the entries; whether what follows them can be reached.
fn entries<'a, B: Bytes<'a> + Clone>(
    b: &mut B,
    sc: &mut Scratch,
    parts: &mut Parts,
) -> Result<bool> {
    let mut seen = Entries::default();
    let Ok(n) = length::number(b) else {
        return Ok(false);
    };
    for _ in 0..n {
        let mut ahead = b.clone();
        let framed = string::skip(&mut ahead).and_then(|()| string::skip(&mut ahead));
        let before = parts.entries.len();
        if !pass(node(&mut b.clone(), sc, &mut seen, parts))? {
            parts.entries.truncate(before);
            let mut again = Vec::new();
            let id = string::read(b, &mut Vec::new()).and_then(|s| s.to_vec(16));
            if let (Ok(id), Some(listpack)) = (id, packed::listpack(b)) {
                string::write(&id, &mut again);
                string::write(&listpack, &mut again);
                pass(node(&mut Slice::new(&again, 0), sc, &mut seen, parts))?;
            }
        }
        if framed.is_err() {
            return Ok(false);
        }
        *b = ahead;
    }
    Ok(true)
}

impl Parts {
    /// Makes the parts fit together.
    fn settle(&mut self, version: u8) {
        self.entries
            .retain(|e| e.pairs.len() as u64 == e.fields && e.id != StreamId::default());
        self.entries.sort_by_key(|e| e.id);
        self.entries.dedup_by_key(|e| e.id);
        let newest = self.entries.last().map(|e| e.id).unwrap_or_default();
        let meta = self.meta.get_or_insert(StreamMeta {
            last_id: newest,
            ..StreamMeta::default()
        });
        let last_id = meta.last_id;
        self.entries.retain(|e| e.id <= last_id);
        meta.length = self.entries.len() as u64;
        meta.first_id = Some(self.entries.first().map(|e| e.id).unwrap_or_default());
        meta.max_deleted_id = Some(meta.max_deleted_id.unwrap_or_default().min(last_id));
        meta.entries_added = Some(meta.entries_added.unwrap_or_default().max(meta.length));
        let mut names = HashSet::new();
        self.groups.retain(|g| names.insert(g.name.clone()));
        for group in &mut self.groups {
            group.settle(version);
        }
        if let Some(idmp) = &mut self.idmp {
            for ((value, most), usual) in idmp.iter_mut().zip([86_400, 10_000]).zip(IDMP) {
                if !(1..=most).contains(value) {
                    *value = usual;
                }
            }
        }
        let mut names = HashSet::new();
        self.producers.retain(|p| names.insert(p.name.clone()));
    }

    fn written(&self, version: u8) -> Vec<u8> {
        let mut out = Vec::new();
        let nodes = self.nodes();
        length::write(nodes.len() as u64, &mut out);
        for (id, listpack) in nodes {
            string::write(&raw(id), &mut out);
            string::write(&listpack, &mut out);
        }
        let meta = self.meta.unwrap_or_default();
        length::write(meta.length, &mut out);
        number(meta.last_id, &mut out);
        if version >= 2 {
            number(meta.first_id.unwrap_or_default(), &mut out);
            number(meta.max_deleted_id.unwrap_or_default(), &mut out);
            length::write(meta.entries_added.unwrap_or_default(), &mut out);
        }
        length::write(self.groups.len() as u64, &mut out);
        for group in &self.groups {
            group.write(version, &mut out);
        }
        if version >= 4 {
            for n in self.idmp.unwrap_or(IDMP) {
                length::write(n, &mut out);
            }
            length::write(self.producers.len() as u64, &mut out);
            for producer in &self.producers {
                string::write(&producer.name, &mut out);
                length::write(producer.ids.len() as u64, &mut out);
                for (iid, entry) in &producer.ids {
                    string::write(iid, &mut out);
                    number(*entry, &mut out);
                }
            }
            for n in self.counters {
                length::write(n, &mut out);
            }
        }
        out
    }

    /// The nodes: id and listpack.
    fn nodes(&self) -> Vec<(StreamId, Vec<u8>)> {
        let size = |e: &Entry| -> usize {
            e.pairs
                .iter()
                .flatten()
                .map(|s| s.len() + 11)
                .sum::<usize>()
                + 32
        };
        let mut nodes = Vec::new();
        let mut rest = &self.entries[..];
        while let Some(first) = rest.first() {
            let mut bytes = 0;
            let n = rest
                .iter()
                .take(NODE_ENTRIES)
                .take_while(|e| {
                    bytes += size(e);
                    bytes <= NODE
                })
                .count();
            let (these, others) = rest.split_at(n.max(1));
            nodes.push((first.id, listpack(first, these)));
            rest = others;
        }
        nodes
    }
}

fn names(entry: &Entry) -> impl Iterator<Item = &Vec<u8>> {
    entry.pairs.iter().map(|[name, _]| name)
}

/// The listpack of a node, whose master entry has the fields of the first.
fn listpack(first: &Entry, entries: &[Entry]) -> Vec<u8> {
    let mut bytes = EMPTY.to_vec();
    let mut pack = Pack::new(&mut bytes, 0);
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    pack.push_int(count(entries.len()));
    pack.push_int(0);
    pack.push_int(count(first.pairs.len()));
    for name in names(first) {
        pack.push(name);
    }
    pack.push_int(0);
    for entry in entries {
        let same = names(entry).eq(names(first));
        pack.push_int(if same { 2 } else { 0 });
        pack.push_int(entry.id.ms.wrapping_sub(first.id.ms).cast_signed());
        pack.push_int(entry.id.seq.wrapping_sub(first.id.seq).cast_signed());
        let n = count(entry.pairs.len());
        if !same {
            pack.push_int(n);
        }
        for [name, value] in &entry.pairs {
            if !same {
                pack.push(name);
            }
            pack.push(value);
        }
        pack.push_int(if same { n + 3 } else { 2 * n + 4 });
    }
    bytes
}

impl Group {
    fn settle(&mut self, version: u8) {
        let mut names = HashSet::new();
        self.consumers.retain(|c| names.insert(c.name.clone()));
        let mut free: HashSet<StreamId> = self.pending.keys().copied().collect();
        for consumer in &mut self.consumers {
            consumer.owned.retain(|id| free.remove(id));
        }
        self.nacked.retain(|id| free.remove(id));
        if version >= 5 {
            let rest = self.pending.keys().filter(|id| free.contains(id));
            self.nacked.extend(rest);
        } else {
            self.pending.retain(|id, _| !free.contains(id));
        }
    }

    fn write(&self, version: u8, out: &mut Vec<u8>) {
        string::write(&self.name, out);
        number(self.last_id, out);
        if version >= 2 {
            length::write(self.entries_read.unwrap_or(-1).cast_unsigned(), out);
        }
        length::write(self.pending.len() as u64, out);
        for (id, (time, count)) in &self.pending {
            out.extend_from_slice(&raw(*id));
            out.extend_from_slice(&time.to_le_bytes());
            length::write(*count, out);
        }
        length::write(self.consumers.len() as u64, out);
        for consumer in &self.consumers {
            string::write(&consumer.name, out);
            out.extend_from_slice(&consumer.seen_time.to_le_bytes());
            if version >= 3 {
                let active = consumer.active_time.unwrap_or(consumer.seen_time);
                out.extend_from_slice(&active.to_le_bytes());
            }
            length::write(consumer.owned.len() as u64, out);
            for id in &consumer.owned {
                out.extend_from_slice(&raw(*id));
            }
        }
        if version >= 5 {
            length::write(self.nacked.len() as u64, out);
            for id in &self.nacked {
                out.extend_from_slice(&raw(*id));
            }
        }
    }
}

fn raw(id: StreamId) -> [u8; 16] {
    let mut out = [0; 16];
    let (ms, seq) = out.split_at_mut(8);
    ms.copy_from_slice(&id.ms.to_be_bytes());
    seq.copy_from_slice(&id.seq.to_be_bytes());
    out
}

fn number(id: StreamId, out: &mut Vec<u8>) {
    length::write(id.ms, out);
    length::write(id.seq, out);
}
