//! Streams, versions 1 to 5: nodes of entries, counters, groups, idempotence state.
//!
//! ```text
//!   <len nodes> nodes × (<string: 16 bytes id> <string: listpack>)
//!   <len length> <len last ms> <len last seq>
//!   [v2 <len first ms> <len first seq> <len max deleted ms> <len seq> <len entries added>]
//!   <len groups> groups × (
//!       <string name> <len last ms> <len last seq> [v2 <len entries read>]
//!       <len pending> pending × (<16 bytes id> <i64 le delivery ms> <len count>)
//!       <len consumers> consumers × (<string name> <i64 le seen ms> [v3 <i64 le active ms>] <len n> n × <16 bytes id>)
//!       [v5 <len nacked> nacked × <16 bytes id>])
//!   [v4 <len duration> <len max> <len producers> producers × (<string> <len n> n × (<string> <len ms> <len seq>))
//!       <len added> <len duplicates>]
//! ```
//! A node's listpack:
//! ```text
//!   count deleted nfields field… 0          the master entry
//!   flags ms-diff seq-diff body lp-count    count + deleted times; flags: 1 deleted, 2 the master's fields
//! ```
//! Source: redis `src/rdb.c`, `src/t_stream.c` (`streamValidateListpackIntegrity`).

use super::super::length;
use super::super::string;
use super::super::visit::{StreamMeta, StreamPart, Visit};
use super::super::walk::{self, over_blob};
use super::counted;
use crate::error::Result;
use crate::input::bytes::{At, Bytes};
use crate::model::finding::{Finding, Refused};
use crate::model::kind::StreamId;
use crate::model::target::Since;
use crate::packed::listpack as lp;
use crate::packed::string::Str;
use std::collections::HashSet;

/// Who compares the numbers of a stream with what it holds. (Some patch releases of older Redis do in part, too.)
const STRICT: Since = Since {
    redis: Some((8, 10)),
    ..Since::DEEP
};

/// Buffers of a stream's walk.
#[derive(Default)]
pub(in crate::rdb) struct Scratch {
    names: Names,
    pending: Vec<Pending>,
}

/// The master entry's field names, copied out of the node; no more than [`NAMES_HELD`] of them, or [`NAMES_BYTES`].
#[derive(Default)]
struct Names {
    bytes: Vec<u8>,
    spans: Vec<Name>,
    /// They were more: whoever needs them reads them again.
    cut: bool,
}

enum Name {
    Int(i64),
    Span(usize, usize),
}

/// A node of 4 KiB, which is the most that servers write by default, has fewer.
const NAMES_HELD: usize = 16 << 10;

const NAMES_BYTES: usize = 1 << 20;

impl Names {
    fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.cut = false;
    }

    fn push(&mut self, s: &Str<'_>) {
        self.cut |= self.spans.len() >= NAMES_HELD || self.bytes.len() >= NAMES_BYTES;
        match s {
            _ if self.cut => {}
            Str::Int(v) => self.spans.push(Name::Int(*v)),
            Str::Bytes(b) => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(b);
                self.spans.push(Name::Span(start, self.bytes.len()));
            }
            Str::Giant(_) => self.cut = true,
        }
    }

    fn iter(&self) -> impl Iterator<Item = Str<'_>> {
        self.spans.iter().map(|name| match *name {
            Name::Int(v) => Str::Int(v),
            Name::Span(a, b) => Str::Bytes(self.bytes.get(a..b).unwrap_or_default()),
        })
    }
}

/// A pending entry of the group under way: 40 bytes each, the one thing whose memory grows with the data.
struct Pending {
    id: StreamId,
    time: i64,
    count: u64,
    owned: bool,
}

/// What was seen of a stream's entries.
#[derive(Default)]
pub(in crate::rdb) struct Entries {
    live: u64,
    last: Option<StreamId>,
    node: Option<StreamId>,
}

pub(in crate::rdb) fn walk<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    version: u8,
    sc: &mut walk::Scratch,
    v: &mut V,
) -> Result<()> {
    let mut seen = Entries::default();
    counted(b, "node", |b, _| node(b, sc, &mut seen, v))?;
    behind_entries(b, version, Some(&seen), sc, v)
}

/// All but the entries, which are passed over.
pub(in crate::rdb) fn tail<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    version: u8,
    sc: &mut walk::Scratch,
    v: &mut V,
) -> Result<()> {
    counted(b, "node", |b, _| {
        string::skip(b)?;
        string::skip(b)
    })?;
    behind_entries(b, version, None, sc, v)
}

/// What stands behind the entries.
pub(in crate::rdb) fn behind_entries<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    version: u8,
    seen: Option<&Entries>,
    sc: &mut walk::Scratch,
    v: &mut V,
) -> Result<()> {
    let at = b.at();
    let length = length::number(b)?;
    let last_id = id(b)?;
    let mut meta = StreamMeta {
        length,
        last_id,
        ..StreamMeta::default()
    };
    if version >= 2 {
        meta.first_id = Some(id(b)?);
        meta.max_deleted_id = Some(id(b)?);
        meta.entries_added = Some(length::number(b)?);
    }
    if let Some(seen) = seen {
        check_meta(at, &meta, seen, v)?;
    }
    v.stream(StreamPart::Meta(&meta))?;
    let mut names = Compared::default();
    counted(b, "group", |b, _| group(b, version, &mut names, sc, v))?;
    if version >= 4 {
        idmp(b, sc, v)?;
    }
    Ok(())
}

fn check_meta<V: Visit + ?Sized>(
    at: At,
    meta: &StreamMeta,
    seen: &Entries,
    v: &mut V,
) -> Result<()> {
    if meta.length != seen.live {
        // Valkey 8.1 and Redis before 8.10 load it, and some old files have it: the entries are whole.
        v.finding(Finding {
            refused: Refused::With(STRICT),
            ..Finding::warning(
                "stream-length",
                at.offset,
                format!(
                    "the stream says {} entries and has {}",
                    meta.length, seen.live
                ),
            )
        })?;
    }
    if seen.last.is_some_and(|last| last > meta.last_id) {
        v.finding(Finding::warning(
            "stream-last-id",
            at.offset,
            format!(
                "the stream's last id {} is below its entry {}",
                meta.last_id,
                seen.last.unwrap_or_default()
            ),
        ))?;
    }
    Ok(())
}

fn id<'a, B: Bytes<'a>>(b: &mut B) -> Result<StreamId> {
    Ok(StreamId {
        ms: length::number(b)?,
        seq: length::number(b)?,
    })
}

/// A node: its id and its listpack.
pub(in crate::rdb) fn node<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut walk::Scratch,
    seen: &mut Entries,
    v: &mut V,
) -> Result<()> {
    let at = b.at();
    let key = string::read(b, &mut sc.a)?;
    let Str::Bytes(raw) = key else {
        return Err(at.corrupt("a node's id has 16 bytes"));
    };
    let Ok(raw) = <[u8; 16]>::try_from(raw) else {
        return Err(at.corrupt(format!("a node's id has 16 bytes, this one {}", raw.len())));
    };
    let key = StreamId::from_be_bytes(raw);
    if seen.node.is_some_and(|before| before >= key) {
        let mut finding = Finding::unnoticed(
            "stream-node-order",
            at.offset,
            format!(
                "node {key} stands behind node {}",
                seen.node.unwrap_or_default()
            ),
        );
        if seen.node == Some(key) {
            finding.refused = Refused::Always;
        }
        v.finding(finding)?;
    }
    seen.node = Some(key);
    let walk::Scratch {
        a,
        b: second,
        blob,
        stream,
        ..
    } = sc;
    let blob = string::blob(b, blob)?;
    v.stream_node(
        key,
        match &blob {
            string::Blob::Slice(bytes) => Some(bytes.rest()),
            string::Blob::Paged(_) => None,
        },
    )?;
    let step = over_blob!(blob, bytes => {
        lp::Reader::new(bytes).and_then(|reader| entries(reader, key, seen, &mut stream.names, a, second, v))
    });
    step.map_err(|e| e.within(format!("node {key}")))
}

fn small<'a, 's, B: Bytes<'a>>(
    reader: &mut lp::Reader<B>,
    what: &str,
    scratch: &'s mut Vec<u8>,
) -> Result<u64>
where
    'a: 's,
{
    let at = reader.at();
    let n = reader.int(what, scratch)?;
    u64::try_from(n).map_err(|_| at.corrupt(format!("{what} is {n}")))
}

fn entries<'a, B: Bytes<'a> + Clone, V: Visit + ?Sized>(
    mut reader: lp::Reader<B>,
    key: StreamId,
    seen: &mut Entries,
    names: &mut Names,
    a: &mut Vec<u8>,
    second: &mut Vec<u8>,
    v: &mut V,
) -> Result<()> {
    let master = reader.at();
    let count = small(&mut reader, "entry count", a)?;
    let deleted = small(&mut reader, "deleted count", a)?;
    let fields = small(&mut reader, "field count", a)?;
    names.clear();
    let first = reader.clone();
    for _ in 0..fields {
        match reader.next(a)? {
            Some(name) => names.push(&name),
            None => {
                return Err(reader
                    .at()
                    .corrupt("the listpack ends among the field names"));
            }
        }
    }
    let at = reader.at();
    let end = reader.int("master entry's end", a)?;
    if end != 0 {
        v.finding(Finding::deep(
            "stream-master",
            at.offset,
            format!("the master entry ends in {end}, not 0"),
        ))?;
    }
    if count == 0 {
        v.finding(Finding {
            refused: Refused::With(Since::redis((8, 10))),
            ..Finding::warning(
                "stream-empty-node",
                master.offset,
                "a node without live entries",
            )
        })?;
    }
    let (mut live, mut dead) = (0u64, 0u64);
    loop {
        let at = reader.at();
        let before = reader.seen();
        let Some(flags) = reader.next(a)? else { break };
        let Str::Int(flags) = flags else {
            return Err(
                at.corrupt("an entry's flags: a listpack integer was expected, found a string")
            );
        };
        let ms = reader.int("ms-diff", a)?;
        let seq = reader.int("seq-diff", a)?;
        let id = StreamId {
            ms: key.ms.wrapping_add(ms.cast_unsigned()),
            seq: key.seq.wrapping_add(seq.cast_unsigned()),
        };
        let gone = flags & 1 != 0;
        if gone {
            dead += 1;
        } else {
            live += 1;
            if seen.last.is_some_and(|last| last >= id) {
                v.finding(Finding::unnoticed(
                    "stream-order",
                    at.offset,
                    format!(
                        "entry {id} stands behind entry {}",
                        seen.last.unwrap_or_default()
                    ),
                ))?;
            }
            seen.last = Some(id);
            v.stream(StreamPart::Entry(id))?;
        }
        let step = if flags & 2 != 0 {
            let again = names.cut.then(|| (first.clone(), fields, &mut *a));
            same_fields(&mut reader, names, again, second, gone, v)
        } else {
            own_fields(&mut reader, a, second, gone, v)
        };
        step.map_err(|e| e.within(format!("entry {id}")))?;
        let read = reader.seen() - before;
        let at = reader.at();
        let claimed = reader.int("lp-count", a)?;
        if u64::try_from(claimed).ok() != Some(read) {
            v.finding(
                Finding::deep(
                    "stream-lp-count",
                    at.offset,
                    format!("the entry says {claimed} listpack elements and has {read}"),
                )
                .within(format!("entry {id}")),
            )?;
        }
    }
    if (live, dead) != (count, deleted) {
        v.finding(Finding::deep(
            "stream-node-count",
            master.offset,
            format!(
                "the node says {count} live and {deleted} deleted entries and has {live} and {dead}"
            ),
        ))?;
    }
    seen.live += live;
    reader.finish().map_or(Ok(()), |f| v.finding(f))
}

/// The values of the master entry's fields. `again` reads the names, where they are not held: a reader that stands at the
/// first, their number, and a buffer.
fn same_fields<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    reader: &mut lp::Reader<B>,
    names: &Names,
    again: Option<(lp::Reader<B>, u64, &mut Vec<u8>)>,
    second: &mut Vec<u8>,
    gone: bool,
    v: &mut V,
) -> Result<()> {
    if let Some((mut names, n, first)) = again {
        if !gone {
            v.entry_fields(n)?;
        }
        for _ in 0..n {
            let name = names.next(first)?;
            let at = reader.at();
            let (Some(name), Some(value)) = (name, reader.next(second)?) else {
                return Err(at.corrupt("the listpack ends among the values"));
            };
            if !gone {
                v.stream(StreamPart::Field(name, value))?;
            }
        }
        return Ok(());
    }
    if !gone {
        v.entry_fields(names.spans.len() as u64)?;
    }
    for name in names.iter() {
        let at = reader.at();
        let Some(value) = reader.next(second)? else {
            return Err(at.corrupt("the listpack ends among the values"));
        };
        if !gone {
            v.stream(StreamPart::Field(name, value))?;
        }
    }
    Ok(())
}

fn own_fields<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    reader: &mut lp::Reader<B>,
    a: &mut Vec<u8>,
    second: &mut Vec<u8>,
    gone: bool,
    v: &mut V,
) -> Result<()> {
    let n = small(reader, "field count", a)?;
    if !gone {
        v.entry_fields(n)?;
    }
    for _ in 0..n {
        let at = reader.at();
        let (Some(name), Some(value)) = (reader.next(a)?, reader.next(second)?) else {
            return Err(at.corrupt("the listpack ends among the fields"));
        };
        if !gone {
            v.stream(StreamPart::Field(name, value))?;
        }
    }
    Ok(())
}

fn group<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    version: u8,
    names: &mut Compared,
    sc: &mut walk::Scratch,
    v: &mut V,
) -> Result<()> {
    let at = b.at();
    let name = string::read(b, &mut sc.a)?;
    let last_id = id(b)?;
    let entries_read = if version >= 2 {
        Some(length::number(b)?.cast_signed())
    } else {
        None
    };
    distinct(at, "duplicate-group", "group", &name, names, v)?;
    v.stream(StreamPart::Group {
        name,
        last_id,
        entries_read,
    })?;
    let pending = &mut sc.stream.pending;
    pending.clear();
    counted(b, "pending entry", |b, _| {
        let at = b.at();
        let id = StreamId::from_be_bytes(b.array()?);
        let time = i64::from_le_bytes(b.array()?);
        let count = length::number(b)?;
        if let Some(last) = pending.last()
            && last.id >= id
        {
            let mut finding = Finding::unnoticed(
                "stream-pending-order",
                at.offset,
                format!("pending entry {id} stands behind {}", last.id),
            );
            if last.id == id {
                finding.refused = Refused::Always;
            }
            v.finding(finding)?;
        }
        v.stream(StreamPart::Pending { id, time, count })?;
        pending.push(Pending {
            id,
            time,
            count,
            owned: false,
        });
        Ok(())
    })?;
    // Damaged files may have them out of order; the search below needs it.
    if !pending.is_sorted_by_key(|p| p.id) {
        pending.sort_by_key(|p| p.id);
    }
    let mut consumers = Compared::default();
    counted(b, "consumer", |b, _| {
        let at = b.at();
        let name = string::read(b, &mut sc.a)?;
        let seen_time = i64::from_le_bytes(b.array()?);
        let active_time = if version >= 3 {
            Some(i64::from_le_bytes(b.array()?))
        } else {
            None
        };
        distinct(
            at,
            "duplicate-consumer",
            "consumer",
            &name,
            &mut consumers,
            v,
        )?;
        v.stream(StreamPart::Consumer {
            name,
            seen_time,
            active_time,
        })?;
        counted(b, "pending id", |b, _| {
            let at = b.at();
            let id = StreamId::from_be_bytes(b.array()?);
            match own(pending, id) {
                Own::First(time, count) => v.stream(StreamPart::Owned { id, time, count }),
                Own::Again(time, count) => {
                    v.finding(Finding {
                        refused: Refused::With(STRICT),
                        ..Finding::unnoticed(
                            "stream-two-owners",
                            at.offset,
                            format!("pending entry {id} has two owners"),
                        )
                    })?;
                    v.stream(StreamPart::Owned { id, time, count })
                }
                Own::Unknown => v.finding(Finding::refused(
                    "stream-pending-unknown",
                    at.offset,
                    format!("the consumer has {id} pending, which its group does not know"),
                )),
            }
        })
        .map(|_| ())
    })?;
    if version >= 5 {
        counted(b, "nacked id", |b, _| {
            let at = b.at();
            let id = StreamId::from_be_bytes(b.array()?);
            match own(pending, id) {
                Own::First(time, count) => v.stream(StreamPart::Nacked { id, time, count }),
                _ => v.finding(Finding::refused(
                    "stream-nacked",
                    at.offset,
                    format!("nacked entry {id} is unknown to its group, or has an owner"),
                )),
            }
        })?;
    }
    if let Some(orphan) = pending.iter().find(|p| !p.owned) {
        v.finding(Finding::deep(
            "stream-pending-unowned",
            at.offset,
            format!("pending entry {} of the group has no owner", orphan.id),
        ))?;
    }
    v.stream(StreamPart::GroupEnd)
}

enum Own {
    First(i64, u64),
    Again(i64, u64),
    Unknown,
}

fn own(pending: &mut [Pending], id: StreamId) -> Own {
    match pending
        .binary_search_by_key(&id, |p| p.id)
        .ok()
        .and_then(|i| pending.get_mut(i))
    {
        None => Own::Unknown,
        Some(p) if p.owned => Own::Again(p.time, p.count),
        Some(p) => {
            p.owned = true;
            Own::First(p.time, p.count)
        }
    }
}

/// Names of groups, consumers or producers that are compared: so many bytes of them, those that come first. Beyond, a
/// damaged file could make them eat memory.
#[derive(Default)]
struct Compared {
    names: HashSet<Vec<u8>>,
    bytes: usize,
}

const COMPARED: usize = 4 << 20;

fn distinct<V: Visit + ?Sized>(
    at: At,
    code: &'static str,
    what: &str,
    name: &Str<'_>,
    seen: &mut Compared,
    v: &mut V,
) -> Result<()> {
    if name.len() > 4096 {
        return Ok(());
    }
    let name = name.to_vec(4096)?;
    if seen.names.contains(&name) {
        return v.finding(Finding::refused(
            code,
            at.offset,
            format!("{what} {} is there twice", crate::text::quoted(&name)),
        ));
    }
    if seen.bytes < COMPARED {
        seen.bytes += name.len() + 64;
        seen.names.insert(name);
    }
    Ok(())
}

fn idmp<'a, B: Bytes<'a>, V: Visit + ?Sized>(
    b: &mut B,
    sc: &mut walk::Scratch,
    v: &mut V,
) -> Result<()> {
    let at = b.at();
    let duration = length::number(b)?;
    let max_entries = length::number(b)?;
    for (name, value, most) in [
        ("duration", duration, 86_400),
        ("maximum", max_entries, 10_000),
    ] {
        if !(1..=most).contains(&value) {
            v.finding(Finding::refused(
                "stream-idmp",
                at.offset,
                format!("the idempotence {name} is {value}, not 1 to {most}"),
            ))?;
        }
    }
    v.stream(StreamPart::Idmp {
        duration,
        max_entries,
    })?;
    let mut names = Compared::default();
    counted(b, "producer", |b, _| {
        let at = b.at();
        let pid = string::read(b, &mut sc.a)?;
        distinct(at, "duplicate-producer", "producer", &pid, &mut names, v)?;
        v.stream(StreamPart::Producer(pid))?;
        counted(b, "id", |b, _| {
            let iid = string::read(b, &mut sc.b)?;
            let entry = id(b)?;
            v.stream(StreamPart::ProducerId(iid, entry))
        })
        .map(|_| ())
    })?;
    let added = length::number(b)?;
    let duplicates = length::number(b)?;
    v.stream(StreamPart::IdmpEnd { added, duplicates })
}
