//! What a value means, in 128 bits: whatever its encoding, and the order of what has none.
//!
//! Elements of lists and entries of streams are hashed one behind the other; members, fields, groups and consumers each
//! alone, and the hashes added up (modulo 2^128: under a secret key nobody can make two sums meet). What not every version
//! holds, and expiries of fields, go into a second hash: where the first are equal and the second are not, somebody has
//! to look closer.

use super::Count;
use super::hash::{Key, Sip};
use super::table::expiry;
use crate::error::Result;
use crate::model::finding::Finding;
use crate::packed::string::Str;
use crate::rdb::frame::Record;
use crate::rdb::types::TypeRow;
use crate::rdb::value::array::float_text;
use crate::rdb::visit::{ArrayValue, StreamPart, Visit};
use crate::rdb::walk::{self, Scratch};

/// Bytes of a digest: meaning, what is beside it, expiry.
pub(super) const LEN: usize = 40;

/// The digest of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest {
    meaning: u128,
    beside: u128,
    pub(super) expire_ms: i64,
}

impl Digest {
    /// Of a record.
    pub(super) fn of(
        key: Key,
        record: &Record<'_>,
        row: &'static TypeRow,
        count: Count,
        sc: &mut Scratch,
    ) -> Result<Digest> {
        let mut visit = Meaning {
            key,
            count,
            row: key.hasher(ORDERED),
            sum: 0,
            beside: 0,
            group: Group::default(),
            consumer: 0,
        };
        visit.row.number(row.kind as u64);
        walk::record(record, row, true, sc, &mut visit)?;
        let attrs = &record.frame.attrs;
        visit.row.number(u64::from(attrs.noevict));
        visit.row.write(record.meta().unwrap_or_default());
        if count.encoding {
            let word = record.encoding().map_or("", |e| e.name());
            visit.row.write(word.as_bytes());
        }
        Ok(Digest {
            meaning: visit.row.finish().wrapping_add(visit.sum),
            beside: visit.beside,
            expire_ms: expiry(record),
        })
    }

    /// Whether the values are the same beyond doubt.
    pub(super) fn same(&self, other: &Digest) -> bool {
        (self.meaning, self.beside) == (other.meaning, other.beside)
    }

    pub(super) fn to_bytes(self) -> [u8; LEN] {
        let mut out = [0; LEN];
        let parts = [self.meaning.to_le_bytes(), self.beside.to_le_bytes()];
        for (place, part) in out.chunks_mut(16).zip(&parts) {
            place.copy_from_slice(part);
        }
        if let Some(place) = out.last_chunk_mut::<8>() {
            *place = self.expire_ms.to_le_bytes();
        }
        out
    }

    pub(super) fn from_bytes(bytes: &[u8; LEN]) -> Digest {
        let half = |at: usize| {
            let part = bytes.get(at..).and_then(|b| b.first_chunk::<16>());
            u128::from_le_bytes(*part.unwrap_or(&[0; 16]))
        };
        let expire_ms = bytes.last_chunk::<8>().unwrap_or(&[0; 8]);
        Digest {
            meaning: half(0),
            beside: half(16),
            expire_ms: i64::from_le_bytes(*expire_ms),
        }
    }
}

/// Purposes of hashes.
const ORDERED: u64 = 10;
const MEMBER: u64 = 11;
const SCORED: u64 = 12;
const FIELD: u64 = 13;
const FIELD_TTL: u64 = 14;
const COUNTERS: u64 = 15;
const GROUP: u64 = 16;
const GROUP_READ: u64 = 17;
const PENDING: u64 = 18;
const OWNED: u64 = 19;
const CONSUMER: u64 = 20;
const IDMP: u64 = 21;
const INDEX: u64 = 22;

/// A score as it counts: a server may turn -0 into 0 when it packs a sorted set, and one NaN is as good as another.
pub(super) fn score_bits(score: f64) -> u64 {
    if score == 0.0 {
        0
    } else if score.is_nan() {
        f64::NAN.to_bits()
    } else {
        score.to_bits()
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Group {
    name: u128,
    last_id: (u64, u64),
    sum: u128,
}

struct Meaning {
    key: Key,
    count: Count,
    row: Sip,
    sum: u128,
    beside: u128,
    group: Group,
    /// The hash of the consumer's name.
    consumer: u128,
}

fn add(sum: &mut u128, hash: u128) {
    *sum = sum.wrapping_add(hash);
}

fn wide(sip: &mut Sip, n: u128) {
    sip.write(&n.to_le_bytes());
}

impl Meaning {
    /// Numbers that not every version holds.
    fn beside(&mut self, purpose: u64, numbers: &[u64]) {
        let mut sip = self.key.hasher(purpose);
        numbers.iter().for_each(|n| sip.number(*n));
        add(&mut self.beside, sip.finish());
    }

    /// What belongs to the group under way.
    fn in_group(&mut self, purpose: u64, of: u128, numbers: &[u64]) {
        let mut sip = self.key.hasher(purpose);
        wide(&mut sip, of);
        numbers.iter().for_each(|n| sip.number(*n));
        add(&mut self.group.sum, sip.finish());
    }
}

impl Visit for Meaning {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        self.row.string(&value)
    }

    #[inline]
    fn element(&mut self, element: Str<'_>) -> Result<()> {
        self.row.string(&element)
    }

    #[inline]
    fn member(&mut self, member: Str<'_>) -> Result<()> {
        add(&mut self.sum, self.key.string(MEMBER, &member)?);
        Ok(())
    }

    #[inline]
    fn scored(&mut self, member: Str<'_>, score: f64) -> Result<()> {
        let mut sip = self.key.hasher(SCORED);
        sip.number(score_bits(score));
        sip.string(&member)?;
        add(&mut self.sum, sip.finish());
        Ok(())
    }

    #[inline]
    fn field(&mut self, field: Str<'_>, value: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        let mut sip = self.key.hasher(FIELD);
        sip.string(&field)?;
        sip.string(&value)?;
        add(&mut self.sum, sip.finish());
        if let Some(ms) = expire_ms.filter(|_| !self.count.ttl.ignored) {
            let mut sip = self.key.hasher(FIELD_TTL);
            sip.number(ms);
            sip.string(&field)?;
            add(&mut self.beside, sip.finish());
        }
        Ok(())
    }

    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Entry(id) => {
                self.row.number(0);
                self.row.number(id.ms);
                self.row.number(id.seq);
            }
            StreamPart::Field(field, value) => {
                self.row.number(1);
                self.row.string(&field)?;
                self.row.string(&value)?;
            }
            StreamPart::Meta(meta) => {
                self.row.number(2);
                self.row.number(meta.last_id.ms);
                self.row.number(meta.last_id.seq);
                let deleted = meta.max_deleted_id;
                let told =
                    u64::from(deleted.is_some()) | u64::from(meta.entries_added.is_some()) << 1;
                let deleted = deleted.unwrap_or_default();
                let added = meta.entries_added.unwrap_or_default();
                let counters = [told, deleted.ms, deleted.seq, added];
                self.beside(COUNTERS, &counters);
            }
            StreamPart::Group {
                name,
                last_id,
                entries_read,
            } => {
                let name = self.key.string(GROUP, &name)?;
                self.group = Group {
                    name,
                    last_id: (last_id.ms, last_id.seq),
                    sum: 0,
                };
                let mut sip = self.key.hasher(GROUP_READ);
                wide(&mut sip, name);
                sip.number(u64::from(entries_read.is_some()));
                sip.number(entries_read.unwrap_or_default().cast_unsigned());
                add(&mut self.beside, sip.finish());
            }
            StreamPart::Pending { id, time, count } => {
                let time = if self.count.delivery { time } else { 0 };
                self.in_group(PENDING, 0, &[id.ms, id.seq, time.cast_unsigned(), count]);
            }
            StreamPart::Consumer { name, .. } => {
                self.consumer = self.key.string(CONSUMER, &name)?;
                self.in_group(CONSUMER, self.consumer, &[]);
            }
            StreamPart::Owned { id, .. } => {
                self.in_group(OWNED, self.consumer, &[id.ms, id.seq]);
            }
            StreamPart::Nacked { .. } => {}
            StreamPart::GroupEnd => {
                let mut sip = self.key.hasher(GROUP);
                wide(&mut sip, self.group.name);
                sip.number(self.group.last_id.0);
                sip.number(self.group.last_id.1);
                wide(&mut sip, self.group.sum);
                add(&mut self.sum, sip.finish());
            }
            StreamPart::Idmp {
                duration,
                max_entries,
            } => self.beside(IDMP, &[duration, max_entries]),
            StreamPart::Producer(pid) => self.consumer = self.key.string(IDMP, &pid)?,
            StreamPart::ProducerId(iid, id) => {
                let mut sip = self.key.hasher(IDMP);
                wide(&mut sip, self.consumer);
                sip.number(id.ms);
                sip.number(id.seq);
                sip.string(&iid)?;
                add(&mut self.beside, sip.finish());
            }
            StreamPart::IdmpEnd { added, duplicates } => {
                self.beside(IDMP, &[added, duplicates, 0]);
            }
        }
        Ok(())
    }

    fn module(&mut self, id: u64, fields: Str<'_>) -> Result<()> {
        self.row.number(id);
        self.row.string(&fields)
    }

    fn array_cursor(&mut self, cursor: Option<u64>) -> Result<()> {
        self.row.number(u64::from(cursor.is_some()));
        self.row.number(cursor.unwrap_or_default());
        Ok(())
    }

    fn array_element(&mut self, index: u64, value: ArrayValue<'_>) -> Result<()> {
        let mut sip = self.key.hasher(INDEX);
        sip.number(index);
        match value {
            ArrayValue::Text(text) => sip.string(&text)?,
            ArrayValue::Float(v) => {
                let mut text = Vec::new();
                float_text(v, &mut text);
                sip.string(&Str::Bytes(&text))?;
            }
        }
        add(&mut self.sum, sip.finish());
        Ok(())
    }

    fn gcra(&mut self, tat: u64) -> Result<()> {
        self.row.number(tat);
        Ok(())
    }

    fn finding(&mut self, finding: Finding) -> Result<()> {
        if finding.severity == crate::model::finding::Severity::Damage {
            return Err(finding.into_error());
        }
        Ok(())
    }
}
