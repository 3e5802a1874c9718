//! Ids of producers: XCFGSET, XIDMPRECORD, and what XADD does with them.

use super::strict_id;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, int, is};
use crate::engine::reply::{Done, Refusal, texts};
use crate::engine::value::stream::Stream;
use crate::model::kind::StreamId;
use std::borrow::Cow;

/// Who sends an entry, and the id it gave it; without one the fields are its id.
pub(super) struct Producer<'a> {
    pub(super) pid: &'a [u8],
    pub(super) iid: Option<&'a [u8]>,
}

impl<'a> Producer<'a> {
    /// The id of an entry with those fields.
    pub(super) fn iid<'f>(
        &self,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
    ) -> Cow<'a, [u8]> {
        match self.iid {
            Some(iid) => Cow::Borrowed(iid),
            None => Cow::Owned(digest(fields).to_vec()),
        }
    }

    /// Whether an entry is known already, and which it was; it counts as a duplicate then.
    ///
    /// A log says itself what happened: an entry with an `explicit` id was added, one without was a duplicate, whether
    /// it is still remembered here or not.
    pub(super) fn look(
        &self,
        stream: &mut Stream,
        iid: &[u8],
        now_ms: i64,
        replay: bool,
        explicit: bool,
    ) -> Option<Option<StreamId>> {
        if replay && explicit {
            return None;
        }
        let idmp = stream.idmp.get_or_insert_default();
        if !replay {
            idmp.expire(now_ms);
        }
        let known = idmp.get(self.pid, iid);
        if known.is_none() && !replay {
            return None;
        }
        idmp.duplicates = idmp.duplicates.wrapping_add(1);
        Some(known)
    }

    /// The entry has been added.
    pub(super) fn remember(&self, stream: &mut Stream, iid: &[u8], id: StreamId) {
        let idmp = stream.idmp.get_or_insert_default();
        idmp.forget(self.pid, iid);
        idmp.add(self.pid, iid, id);
    }
}

/// 16 bytes that the fields have in common with the same fields in any other order, and with no others. Servers have
/// another such function: theirs and these do not meet, as an id is only compared with those of its own stream.
fn digest<'f>(fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> [u8; 16] {
    let mut sum = [0u64; 2];
    for (name, value) in fields {
        for (seed, sum) in (1u64..).zip(&mut sum) {
            let mut h = mix(seed ^ name.len() as u64);
            for bytes in [name, value] {
                for chunk in bytes.chunks(8) {
                    let mut word = [0; 8];
                    if let Some(head) = word.get_mut(..chunk.len()) {
                        head.copy_from_slice(chunk);
                    }
                    h = mix(h ^ u64::from_le_bytes(word));
                }
                h = mix(h.wrapping_add(bytes.len() as u64));
            }
            *sum = sum.wrapping_add(h);
        }
    }
    let both = (u128::from(sum[0]) << 64) | u128::from(sum[1]);
    both.to_le_bytes()
}

/// Spreads the bits of a word (the finalizer of SplitMix64).
fn mix(mut h: u64) -> u64 {
    h = h.wrapping_add(0x9e37_79b9_7f4a_7c15);
    h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    h ^ (h >> 31)
}

pub(super) fn xcfgset(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let mut edit = cx.keys.edit(cx.db, at(args, 1)).ok_or(texts::NO_KEY)?;
    let stream = edit.entry.stream()?;
    let (mut duration, mut max) = (None, None);
    let mut i = 2;
    while i < args.len() {
        let (word, value) = (at(args, i), args.get(i + 1));
        match value {
            Some(value) if is(word, "IDMP-DURATION") => {
                if duration.is_some() {
                    return Err(Refusal::new("ERR IDMP-DURATION specified multiple times"));
                }
                let n = u64::try_from(int(value)?).unwrap_or(0);
                if !(1..=86_400).contains(&n) {
                    return Err(Refusal::new(
                        "ERR IDMP-DURATION must be between 1 and 86400 seconds",
                    ));
                }
                duration = Some(n);
            }
            Some(value) if is(word, "IDMP-MAXSIZE") => {
                if max.is_some() {
                    return Err(Refusal::new("ERR IDMP-MAXSIZE specified multiple times"));
                }
                let n = u64::try_from(int(value)?).unwrap_or(0);
                if !(1..=10_000).contains(&n) {
                    return Err(Refusal::new(
                        "ERR IDMP-MAXSIZE must be between 1 and 10000 entries",
                    ));
                }
                max = Some(n);
            }
            _ => return Err(texts::SYNTAX),
        }
        i += 2;
    }
    if duration.is_none() && max.is_none() {
        return Err(Refusal::new("ERR At least one parameter must be specified"));
    }
    let idmp = stream.idmp.get_or_insert_default();
    let before = (idmp.duration, idmp.max);
    idmp.duration = duration.unwrap_or(idmp.duration);
    idmp.max = max.unwrap_or(idmp.max);
    if (idmp.duration, idmp.max) != before {
        idmp.clear();
        edit.changed(1);
    }
    cx.out.ok();
    Ok(())
}

pub(super) fn xidmprecord(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (pid, iid) = (at(args, 2), at(args, 3));
    let id = strict_id(at(args, 4))?;
    if pid.is_empty() {
        return Err(Refusal::new("ERR producer ID must be non-empty"));
    }
    if iid.is_empty() {
        return Err(Refusal::new("ERR idempotent ID must be non-empty"));
    }
    let mut edit = cx.keys.edit(cx.db, at(args, 1)).ok_or(texts::NO_KEY)?;
    let stream = edit.entry.stream()?;
    if stream.get(id).is_none() {
        return Err(Refusal::new("ERR No such message in stream"));
    }
    let idmp = stream.idmp.get_or_insert_default();
    match idmp.get(pid, iid) {
        Some(known) if known == id => {}
        Some(_) => {
            return Err(Refusal::new(
                "ERR IID already exists for this producer with a different stream ID",
            ));
        }
        None => {
            idmp.add(pid, iid, id);
            edit.changed(1);
        }
    }
    cx.out.ok();
    Ok(())
}
