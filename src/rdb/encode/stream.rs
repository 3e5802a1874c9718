//! Streams for servers that know less of them: the nodes as they stand, the rest in the target's version.

use super::strings::Strings;
use crate::error::Result;
use crate::input::bytes::Bytes;
use crate::model::kind::StreamId;
use crate::model::loss::Loss;
use crate::packed::string::Str;
use crate::rdb::frame::Record;
use crate::rdb::types::TypeRow;
use crate::rdb::visit::{StreamMeta, StreamPart, Visit};
use crate::rdb::walk::{self, Scratch};
use crate::rdb::{length, string};
use crate::resp::encode::Output;
use std::collections::HashSet;

/// Writes the nodes, which all versions have alike.
fn nodes<O: Output>(
    record: &Record<'_>,
    again: bool,
    strings: &mut Strings,
    out: &mut O,
) -> Result<()> {
    match record.body() {
        Some(mut b) if again => compressed(&mut b, strings, out),
        None if again => compressed(&mut record.big_body()?, strings, out),
        Some(mut b) => as_stored(record, &mut b, out),
        None => as_stored(record, &mut record.big_body()?, out),
    }
}

fn as_stored<'a, B: Bytes<'a>, O: Output>(
    record: &Record<'_>,
    b: &mut B,
    out: &mut O,
) -> Result<()> {
    let whole = b.left();
    for _ in 0..length::number(b)? {
        string::skip(b)?;
        string::skip(b)?;
    }
    let (far, _) = record.raw()?;
    far.chunks(whole - b.left(), &mut |piece| {
        out.bytes().extend_from_slice(piece);
        out.relieve()
    })
}

fn compressed<'a, B: Bytes<'a>, O: Output>(
    b: &mut B,
    strings: &mut Strings,
    out: &mut O,
) -> Result<()> {
    let n = length::number(b)?;
    length::write(n, out.bytes());
    let mut held = Vec::new();
    for _ in 0..n {
        strings.any(&string::read(b, &mut held)?, out)?;
        strings.any(&string::read(b, &mut held)?, out)?;
        out.relieve()?;
    }
    Ok(())
}

/// What stands in front of each group and of all: counts. And what the version cannot hold.
#[derive(Default)]
struct Survey {
    version: u8,
    entries: u64,
    groups: u64,
    /// For each group: pending entries that stay, consumers, and those given back.
    counts: Vec<Counts>,
    /// Pending entries that each consumer owns, in the order of the file.
    owned: Vec<u64>,
    /// Entries given back that the version cannot hold, by group.
    nacked: HashSet<(u64, StreamId)>,
    producers: Vec<u64>,
    lost: Lost,
}

#[derive(Default, Clone, Copy)]
struct Counts {
    pending: u64,
    consumers: u64,
    nacked: u64,
}

#[derive(Default)]
struct Lost {
    counters: bool,
    pending: u64,
    times: u64,
    idmp: bool,
    idmp_counters: bool,
}

impl Survey {
    fn meta(&mut self, meta: &StreamMeta) {
        let deleted = meta.max_deleted_id.unwrap_or_default() != StreamId::default();
        let added = meta.entries_added.is_some_and(|n| n != meta.length);
        self.lost.counters |= self.version < 2 && (deleted || added);
    }
}

impl Visit for Survey {
    fn reads(&self) -> bool {
        false
    }

    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Meta(meta) => self.meta(meta),
            StreamPart::Group { entries_read, .. } => {
                self.groups += 1;
                self.counts.push(Counts::default());
                // What older servers have in its place is their guess.
                self.lost.counters |= self.version < 2 && entries_read.is_some_and(|n| n >= 0);
            }
            StreamPart::Consumer {
                seen_time,
                active_time,
                ..
            } => {
                self.owned.push(0);
                if let Some(group) = self.counts.last_mut() {
                    group.consumers += 1;
                }
                let told = active_time.is_some_and(|active| active != seen_time);
                self.lost.times += u64::from(self.version < 3 && told);
            }
            StreamPart::Pending { .. } => {
                if let Some(group) = self.counts.last_mut() {
                    group.pending += 1;
                }
            }
            StreamPart::Owned { .. } => {
                if let Some(n) = self.owned.last_mut() {
                    *n += 1;
                }
            }
            StreamPart::Nacked { id, .. } => {
                let number = self.groups;
                if let Some(group) = self.counts.last_mut() {
                    if self.version >= 5 {
                        group.nacked += 1;
                    } else if self.nacked.insert((number, id)) {
                        group.pending = group.pending.saturating_sub(1);
                        self.lost.pending += 1;
                    }
                }
            }
            StreamPart::Producer(_) => {
                self.producers.push(0);
                self.lost.idmp |= self.version < 4;
            }
            StreamPart::ProducerId(..) => {
                if let Some(n) = self.producers.last_mut() {
                    *n += 1;
                }
            }
            StreamPart::IdmpEnd { added, duplicates } => {
                self.lost.idmp_counters |= self.version < 4 && (added, duplicates) != (0, 0);
            }
            StreamPart::Entry(_)
            | StreamPart::Field(..)
            | StreamPart::GroupEnd
            | StreamPart::Idmp { .. } => {}
        }
        Ok(())
    }
}

/// What a server of 8.6 and later has where nothing was set.
const IDMP: [u64; 5] = [100, 100, 0, 0, 0];

struct Writer<'w, O> {
    survey: Survey,
    out: &'w mut O,
    strings: &'w mut Strings,
    group: u64,
    consumer: usize,
    producer: usize,
    /// Whether the count of the group's consumers, and of its entries given back, is written.
    consumers_begun: bool,
    nacked_begun: bool,
    has_idmp: bool,
}

impl<O: Output> Writer<'_, O> {
    fn counts(&self) -> Counts {
        let at = usize::try_from(self.group).unwrap_or_default();
        let at = at.saturating_sub(1);
        self.survey.counts.get(at).copied().unwrap_or_default()
    }

    fn number(&mut self, n: u64) {
        length::write(n, self.out.bytes());
    }

    fn id(&mut self, id: StreamId) {
        self.number(id.ms);
        self.number(id.seq);
    }

    fn raw_id(&mut self, id: StreamId) {
        let out = self.out.bytes();
        out.extend_from_slice(&id.ms.to_be_bytes());
        out.extend_from_slice(&id.seq.to_be_bytes());
    }

    fn text(&mut self, s: &Str<'_>) -> Result<()> {
        self.strings.any(s, self.out)
    }

    fn begin_consumers(&mut self) {
        if !self.consumers_begun {
            self.consumers_begun = true;
            self.number(self.counts().consumers);
        }
    }

    fn begin_nacked(&mut self) {
        self.begin_consumers();
        if self.survey.version >= 5 && !self.nacked_begun {
            self.nacked_begun = true;
            self.number(self.counts().nacked);
        }
    }

    fn group(
        &mut self,
        name: &Str<'_>,
        last_id: StreamId,
        entries_read: Option<i64>,
    ) -> Result<()> {
        self.group += 1;
        self.consumers_begun = false;
        self.nacked_begun = false;
        self.text(name)?;
        self.id(last_id);
        if self.survey.version >= 2 {
            self.number(entries_read.unwrap_or(-1).cast_unsigned());
        }
        self.number(self.counts().pending);
        Ok(())
    }
}

impl<O: Output> Visit for Writer<'_, O> {
    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        let version = self.survey.version;
        match part {
            StreamPart::Meta(meta) => {
                self.number(self.survey.entries);
                self.id(meta.last_id);
                if version >= 2 {
                    self.id(meta.first_id.unwrap_or_default());
                    self.id(meta.max_deleted_id.unwrap_or_default());
                    self.number(meta.entries_added.unwrap_or(meta.length));
                }
                self.number(self.survey.groups);
            }
            StreamPart::Group {
                name,
                last_id,
                entries_read,
            } => self.group(&name, last_id, entries_read)?,
            StreamPart::Pending { id, .. } if self.survey.nacked.contains(&(self.group, id)) => {}
            StreamPart::Pending { id, time, count } => {
                self.raw_id(id);
                self.out.bytes().extend_from_slice(&time.to_le_bytes());
                self.number(count);
            }
            StreamPart::Consumer {
                name,
                seen_time,
                active_time,
            } => {
                self.begin_consumers();
                self.text(&name)?;
                let out = self.out.bytes();
                out.extend_from_slice(&seen_time.to_le_bytes());
                if version >= 3 {
                    out.extend_from_slice(&active_time.unwrap_or(seen_time).to_le_bytes());
                }
                let owned = self.survey.owned.get(self.consumer).copied();
                self.consumer += 1;
                self.number(owned.unwrap_or_default());
            }
            StreamPart::Owned { id, .. } => self.raw_id(id),
            StreamPart::Nacked { id, .. } => {
                self.begin_nacked();
                if version >= 5 {
                    self.raw_id(id);
                }
            }
            StreamPart::GroupEnd => self.begin_nacked(),
            StreamPart::Idmp {
                duration,
                max_entries,
            } if version >= 4 => {
                self.has_idmp = true;
                self.number(duration);
                self.number(max_entries);
                self.number(self.survey.producers.len() as u64);
            }
            StreamPart::Producer(pid) if version >= 4 => {
                self.text(&pid)?;
                let ids = self.survey.producers.get(self.producer).copied();
                self.producer += 1;
                self.number(ids.unwrap_or_default());
            }
            StreamPart::ProducerId(iid, entry) if version >= 4 => {
                self.text(&iid)?;
                self.id(entry);
            }
            StreamPart::IdmpEnd { added, duplicates } if version >= 4 => {
                self.number(added);
                self.number(duplicates);
            }
            _ => {}
        }
        self.out.relieve()
    }
}

/// How a stream is written.
pub(super) struct How {
    /// As one of that version.
    pub(super) version: u8,
    /// Whether its nodes were made here, and are compressed now.
    pub(super) again: bool,
    /// Its entries, whatever it says itself.
    pub(super) entries: u64,
}

/// Writes a stream that has been found sound, and tells what is lost.
pub(super) fn write<O: Output>(
    record: &Record<'_>,
    row: &'static TypeRow,
    how: &How,
    strings: &mut Strings,
    sc: &mut Scratch,
    out: &mut O,
    lose: &mut dyn FnMut(Loss, u64),
) -> Result<()> {
    let mut survey = Survey {
        version: how.version,
        entries: how.entries,
        ..Survey::default()
    };
    walk::stream_tail(record, row, sc, &mut survey)?;
    let lost = &survey.lost;
    lose(Loss::StreamCounters, lost.counters.into());
    lose(Loss::Pending, lost.pending);
    lose(Loss::ConsumerTimes, lost.times);
    lose(Loss::Idmp, lost.idmp.into());
    lose(Loss::IdmpCounters, lost.idmp_counters.into());
    nodes(record, how.again, strings, out)?;
    let mut writer = Writer {
        survey,
        out,
        strings,
        group: 0,
        consumer: 0,
        producer: 0,
        consumers_begun: false,
        nacked_begun: false,
        has_idmp: false,
    };
    walk::stream_tail(record, row, sc, &mut writer)?;
    if how.version >= 4 && !writer.has_idmp {
        for n in IDMP {
            writer.number(n);
        }
    }
    Ok(())
}
