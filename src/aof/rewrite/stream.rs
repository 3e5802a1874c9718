//! A stream as commands.
//!
//! ```text
//!   XADD key id field value …                 each entry;  XADD key MAXLEN 0 0-1 x y  where there is none
//!   XSETID key last-id                        since 7.0: ENTRIESADDED n MAXDELETEDID id
//!   XGROUP CREATE key group last-id           since 7.0: ENTRIESREAD n
//!   XCLAIM key group consumer 0 id TIME ms RETRYCOUNT n JUSTID FORCE             each pending entry
//!   XGROUP CREATECONSUMER key group consumer  a consumer with nothing pending (6.2)
//!   XNACK key group FAIL IDS n id… RETRYCOUNT c FORCE       entries given back, 64 at most with one count (Redis 8.8)
//!   XCFGSET key IDMP-DURATION s IDMP-MAXSIZE n              where they are not 100 and 100 (Redis 8.6)
//!   XIDMPRECORD key producer iid id                         each id of a producer (Redis 8.6.2)
//! ```
//! Source: redis `src/aof.c`, `rewriteStreamObject`, `rioWriteStreamPendingEntry`.
//!
//! Neither XCLAIM nor XIDMPRECORD takes the id of an entry that is gone. So a look ahead compares the ids of pending
//! entries and producers with the entries; it costs 24 bytes an id, of some 260,000 ids at a time.

use super::{Commands, Rewrite};
use crate::error::Result;
use crate::model::kind::StreamId;
use crate::model::loss::Loss;
use crate::model::target::Since;
use crate::packed::string::Str;
use crate::rdb::frame::Record;
use crate::rdb::types::TypeRow;
use crate::rdb::visit::{StreamMeta, StreamPart, Visit};
use crate::rdb::walk::{self, Scratch};
use crate::resp::encode::{self, Output};

/// Since when servers have streams.
pub const STREAMS: Since = Since::both((5, 0));
/// Their counters.
const COUNTERS: Since = Since::both((7, 0));
const CREATECONSUMER: Since = Since::both((6, 2));
/// Since when they know producers' ids.
pub const IDMP: Since = Since::redis((8, 6));
/// Since when pending entries can be given back.
pub const NACK: Since = Since::redis((8, 8));
/// What a server gives a new stream unless it is told otherwise: seconds and ids.
const IDMP_DEFAULT: (u64, u64) = (100, 100);
/// Ids of an XNACK.
const NACKED: usize = 64;
/// Names of groups, consumers and producers are held; longer ones are refused.
const NAME_MAX: u64 = 16 << 20;
/// Ids that are compared at a time.
const AHEAD: usize = 1 << 18;

/// Where in a stream the commands are.
#[derive(Debug, Default)]
pub(super) struct State {
    entry: StreamId,
    first: StreamId,
    entries: u64,
    /// What the server that reads the commands will hold.
    numbers: Numbers,
    /// The entry has no fields and is left out.
    skip: bool,
    group: Vec<u8>,
    consumer: Option<Vec<u8>>,
    /// Whether the consumer has something pending.
    owns: bool,
    nacked: Vec<StreamId>,
    nack_count: u64,
    producer: Vec<u8>,
    idmp: Option<(u64, u64)>,
    /// Ids of producers that were written.
    recorded: u64,
}

/// The counters of a stream.
#[derive(Debug, Default)]
struct Numbers {
    last_id: StreamId,
    added: u64,
    deleted: StreamId,
}

impl State {
    /// How many entries a group has read, as servers since 7.0 estimate it when the file does not say
    /// (`streamEstimateDistanceFromFirstEverEntry`); -1 where they cannot tell.
    fn read_up_to(&self, id: StreamId) -> i64 {
        let Numbers {
            last_id,
            added,
            deleted,
        } = self.numbers;
        let fragmented = deleted != StreamId::default() && deleted >= self.first;
        let read = match self.entries {
            _ if added == 0 => 0,
            0 if id <= last_id => added,
            _ if id == last_id => added,
            0 => return -1,
            _ if id > last_id || fragmented => return -1,
            n if id < self.first => added.saturating_sub(n),
            n if id == self.first => added.saturating_sub(n).saturating_add(1),
            _ => return -1,
        };
        signed(read)
    }
}

impl Rewrite {
    /// Whether the stream must go as RESTORE, because commands would lose what belongs to entries that are gone. Where
    /// that is not possible, the loss is counted.
    pub(super) fn dangling(
        &mut self,
        record: &Record<'_>,
        row: &'static TypeRow,
        loads: bool,
        sc: &mut Scratch,
    ) -> Result<bool> {
        self.stream = State::default();
        let mut missing = [0; 2];
        let mut floor = None;
        loop {
            let mut ahead = Ahead {
                floor,
                idmp: self.target.has(IDMP),
                ids: Vec::new(),
                most: AHEAD,
            };
            walk::stream_tail(record, row, sc, &mut ahead)?;
            ahead.shrink();
            let Some(last) = ahead.ids.last().copied() else {
                break;
            };
            let mut there = There {
                ids: &ahead.ids,
                missing: [0; 2],
            };
            walk::record(record, row, false, sc, &mut there)?;
            there.pass(None);
            if loads && there.missing != [0, 0] {
                return Ok(true);
            }
            for (all, these) in missing.iter_mut().zip(there.missing) {
                *all += these;
            }
            floor = Some(last);
        }
        let [pending, idmp] = missing;
        self.lose(Loss::Pending, pending, record);
        self.lose(Loss::Idmp, idmp.min(1), record);
        Ok(false)
    }
}

/// An id that something refers to, and whether that is a producer.
type Wanted = (StreamId, bool);

/// Collects the lowest ids above a floor.
struct Ahead {
    floor: Option<Wanted>,
    idmp: bool,
    ids: Vec<Wanted>,
    most: usize,
}

impl Ahead {
    fn add(&mut self, wanted: Wanted) {
        if self.floor.is_none_or(|floor| floor < wanted) && self.ids.last() != Some(&wanted) {
            self.ids.push(wanted);
            if self.ids.len() >= 2 * self.most {
                self.shrink();
            }
        }
    }

    fn shrink(&mut self) {
        self.ids.sort_unstable();
        self.ids.dedup();
        self.ids.truncate(self.most);
    }
}

impl Visit for Ahead {
    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Owned { id, .. } | StreamPart::Nacked { id, .. } => self.add((id, false)),
            StreamPart::ProducerId(_, id) if self.idmp => self.add((id, true)),
            _ => {}
        }
        Ok(())
    }
}

/// Counts the ids that no entry has.
struct There<'i> {
    ids: &'i [Wanted],
    missing: [u64; 2],
}

impl There<'_> {
    /// Drops the ids up to an entry's, or all of them at the end.
    fn pass(&mut self, entry: Option<StreamId>) {
        while let [(id, idmp), rest @ ..] = self.ids {
            if entry.is_some_and(|entry| *id > entry) {
                return;
            }
            if entry != Some(*id)
                && let Some(n) = self.missing.get_mut(usize::from(*idmp))
            {
                *n += 1;
            }
            self.ids = rest;
        }
    }
}

impl Visit for There<'_> {
    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        if let StreamPart::Entry(id) = part {
            self.pass(Some(id));
        }
        Ok(())
    }
}

/// Numbers that commands take are signed.
fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

impl<O: Output> Commands<'_, '_, O> {
    fn has(&self, since: Since) -> bool {
        self.rewrite.target.has(since)
    }

    /// An entry's fields follow.
    pub(super) fn entry(&mut self, fields: u64) -> Result<()> {
        let state = &mut self.rewrite.stream;
        // No server makes an entry without fields, and no command can.
        state.skip = fields == 0;
        if state.skip {
            self.lose(Loss::Entry, 1);
            return Ok(());
        }
        let id = state.entry;
        if state.entries == 0 {
            state.first = id;
        }
        state.entries += 1;
        let buf = self.out.bytes();
        encode::head(b'*', fields.saturating_mul(2).saturating_add(3), buf);
        buf.extend_from_slice(b"$4\r\nXADD\r\n");
        encode::bulk(self.key, buf);
        encode::bulk_id(id, buf);
        Ok(())
    }

    pub(super) fn stream_part(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Entry(id) => {
                self.rewrite.stream.entry = id;
                return self.out.relieve();
            }
            StreamPart::Field(field, value) => {
                encode::string(&field, self.out)?;
                encode::string(&value, self.out)?;
            }
            StreamPart::Meta(meta) => self.meta(meta),
            StreamPart::Group {
                name,
                last_id,
                entries_read,
            } => self.group(&name, last_id, entries_read)?,
            StreamPart::Pending { .. } => return Ok(()),
            StreamPart::Consumer { name, .. } => {
                self.consumer_end();
                self.lose(Loss::ConsumerTimes, 1);
                self.rewrite.stream.consumer = Some(name.to_vec(NAME_MAX)?);
            }
            StreamPart::Owned { id, time, count } => self.claim(id, time, count),
            StreamPart::Nacked { id, count, .. } => {
                self.consumer_end();
                self.nack(id, count);
            }
            StreamPart::GroupEnd => {
                self.consumer_end();
                self.nack_end();
            }
            StreamPart::Idmp {
                duration,
                max_entries,
            } => self.idmp(duration, max_entries),
            StreamPart::Producer(pid) => {
                self.rewrite.stream.producer = pid.to_vec(NAME_MAX)?;
                return Ok(());
            }
            StreamPart::ProducerId(iid, id) => self.record_id(&iid, id)?,
            StreamPart::IdmpEnd { added, duplicates } => {
                let state = &self.rewrite.stream;
                let config = state.idmp.is_some_and(|config| config != IDMP_DEFAULT);
                let recorded = state.recorded;
                if !self.has(IDMP) {
                    self.lose(Loss::Idmp, u64::from(config || recorded > 0 || added > 0));
                } else if added != recorded || duplicates > 0 {
                    self.lose(Loss::IdmpCounters, 1);
                }
            }
        }
        self.out.relieve()
    }

    fn meta(&mut self, meta: &StreamMeta) {
        let entries = self.rewrite.stream.entries;
        let top = self.rewrite.stream.entry;
        if entries == 0 {
            let buf = self.out.bytes();
            buf.extend_from_slice(b"*7\r\n$4\r\nXADD\r\n");
            encode::bulk(self.key, buf);
            buf.extend_from_slice(
                b"$6\r\nMAXLEN\r\n$1\r\n0\r\n$3\r\n0-1\r\n$1\r\nx\r\n$1\r\ny\r\n",
            );
        }
        let mut last_id = meta.last_id;
        if entries > 0 && last_id < top {
            last_id = top;
            self.lose(Loss::StreamLastId, 1);
        }
        // A stream of the first version gets the counters that a server gives it when it loads the file.
        let mut added = meta.entries_added.unwrap_or(meta.length);
        let mut deleted = meta.max_deleted_id.unwrap_or_default();
        let counters = self.has(COUNTERS);
        // Servers take none below the length, and no deleted id above the last.
        let bad = added < entries || i64::try_from(added).is_err() || deleted > last_id;
        let told = added == entries && deleted == StreamId::default();
        if bad || !(counters || told) {
            self.lose(Loss::StreamCounters, 1);
            added = signed(added.max(entries)).cast_unsigned();
            deleted = deleted.min(last_id);
        }
        self.rewrite.stream.numbers = Numbers {
            last_id,
            added,
            deleted,
        };
        let buf = self.out.bytes();
        encode::head(b'*', if counters { 7 } else { 3 }, buf);
        buf.extend_from_slice(b"$6\r\nXSETID\r\n");
        encode::bulk(self.key, buf);
        encode::bulk_id(last_id, buf);
        if counters {
            buf.extend_from_slice(b"$12\r\nENTRIESADDED\r\n");
            encode::bulk_uint(added, buf);
            buf.extend_from_slice(b"$12\r\nMAXDELETEDID\r\n");
            encode::bulk_id(deleted, buf);
        }
    }

    fn group(&mut self, name: &Str<'_>, last_id: StreamId, read: Option<i64>) -> Result<()> {
        let read = self.has(COUNTERS).then(|| match read {
            Some(n) => n.max(-1),
            None => self.rewrite.stream.read_up_to(last_id),
        });
        let state = &mut self.rewrite.stream;
        state.group = name.to_vec(NAME_MAX)?;
        let buf = self.out.bytes();
        encode::head(b'*', if read.is_some() { 7 } else { 5 }, buf);
        buf.extend_from_slice(b"$6\r\nXGROUP\r\n$6\r\nCREATE\r\n");
        encode::bulk(self.key, buf);
        encode::bulk(&state.group, buf);
        encode::bulk_id(last_id, buf);
        if let Some(read) = read {
            buf.extend_from_slice(b"$11\r\nENTRIESREAD\r\n");
            encode::bulk_int(read, buf);
        }
        Ok(())
    }

    fn claim(&mut self, id: StreamId, time: i64, count: u64) {
        let state = &mut self.rewrite.stream;
        state.owns = true;
        let buf = self.out.bytes();
        buf.extend_from_slice(b"*12\r\n$6\r\nXCLAIM\r\n");
        encode::bulk(self.key, buf);
        encode::bulk(&state.group, buf);
        encode::bulk(state.consumer.as_deref().unwrap_or_default(), buf);
        buf.extend_from_slice(b"$1\r\n0\r\n");
        encode::bulk_id(id, buf);
        buf.extend_from_slice(b"$4\r\nTIME\r\n");
        encode::bulk_int(time, buf);
        buf.extend_from_slice(b"$10\r\nRETRYCOUNT\r\n");
        encode::bulk_int(signed(count), buf);
        buf.extend_from_slice(b"$6\r\nJUSTID\r\n$5\r\nFORCE\r\n");
    }

    /// The consumer before is complete.
    fn consumer_end(&mut self) {
        let create = self.has(CREATECONSUMER);
        let state = &mut self.rewrite.stream;
        let owns = std::mem::take(&mut state.owns);
        let Some(consumer) = state.consumer.take().filter(|_| !owns) else {
            return;
        };
        if create {
            let buf = self.out.bytes();
            buf.extend_from_slice(b"*5\r\n$6\r\nXGROUP\r\n$14\r\nCREATECONSUMER\r\n");
            encode::bulk(self.key, buf);
            encode::bulk(&state.group, buf);
            encode::bulk(&consumer, buf);
        } else {
            self.lose(Loss::Consumer, 1);
        }
    }

    fn nack(&mut self, id: StreamId, count: u64) {
        if !self.has(NACK) {
            return self.lose(Loss::Pending, 1);
        }
        let state = &self.rewrite.stream;
        if state.nack_count != count || state.nacked.len() >= NACKED {
            self.nack_end();
        }
        let state = &mut self.rewrite.stream;
        state.nack_count = count;
        state.nacked.push(id);
    }

    fn nack_end(&mut self) {
        let state = &mut self.rewrite.stream;
        if state.nacked.is_empty() {
            return;
        }
        let n = state.nacked.len() as u64;
        let buf = self.out.bytes();
        encode::head(b'*', n + 9, buf);
        buf.extend_from_slice(b"$5\r\nXNACK\r\n");
        encode::bulk(self.key, buf);
        encode::bulk(&state.group, buf);
        buf.extend_from_slice(b"$4\r\nFAIL\r\n$3\r\nIDS\r\n");
        encode::bulk_uint(n, buf);
        for id in state.nacked.drain(..) {
            encode::bulk_id(id, buf);
        }
        buf.extend_from_slice(b"$10\r\nRETRYCOUNT\r\n");
        encode::bulk_int(signed(state.nack_count), buf);
        buf.extend_from_slice(b"$5\r\nFORCE\r\n");
    }

    fn idmp(&mut self, duration: u64, max_entries: u64) {
        self.rewrite.stream.idmp = Some((duration, max_entries));
        if !self.has(IDMP) || (duration, max_entries) == IDMP_DEFAULT {
            return;
        }
        let buf = self.out.bytes();
        buf.extend_from_slice(b"*6\r\n$7\r\nXCFGSET\r\n");
        encode::bulk(self.key, buf);
        buf.extend_from_slice(b"$13\r\nIDMP-DURATION\r\n");
        encode::bulk_uint(duration, buf);
        buf.extend_from_slice(b"$12\r\nIDMP-MAXSIZE\r\n");
        encode::bulk_uint(max_entries, buf);
    }

    fn record_id(&mut self, iid: &Str<'_>, id: StreamId) -> Result<()> {
        self.rewrite.stream.recorded += 1;
        if !self.has(IDMP) {
            return Ok(());
        }
        let buf = self.out.bytes();
        buf.extend_from_slice(b"*5\r\n$11\r\nXIDMPRECORD\r\n");
        encode::bulk(self.key, buf);
        encode::bulk(&self.rewrite.stream.producer, buf);
        encode::string(iid, self.out)?;
        encode::bulk_id(id, self.out.bytes());
        Ok(())
    }
}
