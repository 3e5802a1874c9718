//! Entries come and go: XADD, XTRIM, XDEL, XDELEX, XACKDEL, XSETID.

use super::idmp::Producer;
use super::{BAD_ID, ParsedId, find, ids, parse_id, strict_id};
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, int, is};
use crate::engine::reply::{Done, Refusal, texts};
use crate::engine::value::Limits;
use crate::engine::value::stream::{self, MAX_ENTRY, MAX_ID, MIN_ID, Refs, Stream, Trim, Until};
use crate::model::kind::{Kind, StreamId};

const TOO_LOW: Refusal = Refusal::new(
    "ERR The ID specified in XADD is equal or smaller than the target stream top item",
);
const ZERO_ID: Refusal = Refusal::new("ERR The ID specified in XADD must be greater than 0-0");
const EXHAUSTED: Refusal =
    Refusal::new("ERR The stream has exhausted the last possible ID, unable to add more items");
const TOO_LARGE: Refusal = Refusal::new("ERR Elements are too large to be stored");
const TWO_TRIMS: Refusal =
    Refusal::new("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
const LIMIT_ALONE: Refusal =
    Refusal::new("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
const NO_TRIM: Refusal =
    Refusal::new("ERR syntax error, XTRIM must be called with a trimming strategy");
const LIMIT_EXACT: Refusal =
    Refusal::new("ERR syntax error, LIMIT cannot be used without the special ~ option");
const IDMP_ID: Refusal =
    Refusal::new("ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs");
const IDMP_TWICE: Refusal =
    Refusal::new("ERR syntax error, IDMP/IDMPAUTO specified multiple times");

/// What stands in front of the fields of XADD, and all of XTRIM.
#[derive(Default)]
struct Options<'a> {
    no_make: bool,
    trim: Option<Trim>,
    producer: Option<Producer<'a>>,
    /// `None`: `*`.
    id: Option<ParsedId>,
    /// Behind the id.
    fields_at: usize,
}

fn refs(word: &[u8]) -> Option<Refs> {
    Some(match () {
        () if is(word, "KEEPREF") => Refs::Keep,
        () if is(word, "DELREF") => Refs::Delete,
        () if is(word, "ACKED") => Refs::Acked,
        () => return None,
    })
}

fn options<'a>(cx: &Cx<'_>, args: &Args<'a>, adds: bool) -> Result<Options<'a>, Refusal> {
    let mut given = Options {
        fields_at: args.len(),
        ..Options::default()
    };
    let (knows_refs, knows_idmp) = (cx.is_redis((8, 2)), cx.is_redis((8, 6)));
    let (mut until, mut approx, mut limit, mut what_refs) = (None, false, None, None);
    let mut i = 2;
    while i < args.len() {
        let more = args.len() - 1 - i;
        let word = at(args, i);
        if adds && word == b"*" {
            given.fields_at = i + 1;
            break;
        }
        let by_len = is(word, "MAXLEN");
        if (by_len || is(word, "MINID")) && more > 0 {
            if until.is_some() {
                return Err(TWO_TRIMS);
            }
            approx = false;
            let next = at(args, i + 1);
            if more >= 2 && (next == b"~" || next == b"=") {
                approx = next == b"~";
                i += 1;
            }
            i += 1;
            until = Some(if by_len {
                let max = int(at(args, i))?;
                Until::Len(
                    u64::try_from(max)
                        .map_err(|_| Refusal::new("ERR The MAXLEN argument must be >= 0."))?,
                )
            } else {
                Until::Id(strict_id(at(args, i))?)
            });
        } else if is(word, "LIMIT") && more > 0 {
            i += 1;
            limit = Some(
                u64::try_from(int(at(args, i))?)
                    .map_err(|_| Refusal::new("ERR The LIMIT argument must be >= 0."))?,
            );
        } else if adds && is(word, "NOMKSTREAM") {
            given.no_make = true;
        } else if knows_refs && what_refs.is_none() && refs(word).is_some() {
            what_refs = refs(word);
        } else if adds && knows_idmp && is(word, "IDMP") && more >= 2 {
            if given.producer.is_some() {
                return Err(IDMP_TWICE);
            }
            let (pid, iid) = (at(args, i + 1), at(args, i + 2));
            if pid.is_empty() {
                return Err(Refusal::new(
                    "ERR syntax error, IDMP requires a non-empty producer ID",
                ));
            }
            if iid.is_empty() {
                return Err(Refusal::new(
                    "ERR syntax error, IDMP requires a non-empty idempotent ID",
                ));
            }
            given.producer = Some(Producer {
                pid,
                iid: Some(iid),
            });
            i += 2;
        } else if adds && knows_idmp && is(word, "IDMPAUTO") && more >= 1 {
            if given.producer.is_some() {
                return Err(IDMP_TWICE);
            }
            let pid = at(args, i + 1);
            if pid.is_empty() {
                return Err(Refusal::new(
                    "ERR syntax error, IDMPAUTO requires a non-empty producer ID",
                ));
            }
            given.producer = Some(Producer { pid, iid: None });
            i += 1;
        } else if adds {
            let id = match word {
                b"-" | b"+" => return Err(BAD_ID),
                _ => parse_id(word, 0, cx.takes_new_forms())?,
            };
            given.id = Some(id);
            given.fields_at = i + 1;
            break;
        } else {
            return Err(texts::SYNTAX);
        }
        i += 1;
    }
    if given.id.is_some() && given.producer.is_some() && !cx.is_replay() {
        return Err(IDMP_ID);
    }
    if until.is_none() && limit.is_some_and(|n| n > 0) {
        return Err(LIMIT_ALONE);
    }
    if !adds && until.is_none() {
        return Err(NO_TRIM);
    }
    let limit = match limit {
        // A log holds what the limit has come to.
        _ if cx.is_replay() => 0,
        Some(_) if !approx => return Err(LIMIT_EXACT),
        Some(limit) => limit,
        None if approx => match cx.keys.limits.stream_entries as u64 {
            0 => 10_000,
            n => n.saturating_mul(100).min(1_000_000),
        },
        None => 0,
    };
    given.trim = until.map(|until| Trim {
        until,
        approx,
        limit,
        refs: what_refs.unwrap_or_default(),
    });
    Ok(given)
}

/// The id that comes after the last one at that time.
fn auto_id(last: StreamId, now_ms: i64) -> Option<StreamId> {
    let ms = u64::try_from(now_ms).unwrap_or(0);
    if ms > last.ms {
        Some(StreamId { ms, seq: 0 })
    } else {
        stream::next_id(last)
    }
}

/// The fields behind the options: name and value.
fn pairs<'a>(args: &Args<'a>, from: usize) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone {
    let mut rest = args.iter().skip(from);
    std::iter::from_fn({
        let mut next = move || rest.next();
        move || Some((next()?, next()?))
    })
}

/// What XADD adds, once the options are known.
struct Addition<'a, 'o> {
    given: &'o Options<'a>,
    args: &'o Args<'a>,
    now_ms: i64,
    limits: &'o Limits,
}

impl Addition<'_, '_> {
    fn id(&self, stream: &Stream) -> Result<StreamId, Refusal> {
        let last = stream.last_id;
        if last == MAX_ID {
            return Err(EXHAUSTED);
        }
        let id = match &self.given.id {
            None => auto_id(last, self.now_ms).ok_or(EXHAUSTED)?,
            Some(given) if given.seq_given => given.id,
            Some(given) if given.id.ms == last.ms => StreamId {
                ms: last.ms,
                seq: last.seq.checked_add(1).ok_or(TOO_LOW)?,
            },
            Some(given) => given.id,
        };
        if id <= last {
            return Err(TOO_LOW);
        }
        Ok(id)
    }

    /// Adds the entry, and trims.
    fn add(&self, stream: &mut Stream) -> Result<StreamId, Refusal> {
        let id = self.id(stream)?;
        let from = self.given.fields_at;
        let bytes = crate::engine::args::bytes_from(self.args, from);
        if bytes > MAX_ENTRY {
            return Err(TOO_LARGE);
        }
        let n = (self.args.len() - from) / 2;
        stream.append(id, pairs(self.args, from), n, bytes, self.limits);
        if let Some(trim) = &self.given.trim {
            stream.trim(trim);
        }
        Ok(id)
    }
}

pub(super) fn xadd(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let given = options(cx, args, true)?;
    let fields = args.len() - given.fields_at;
    if fields < 2 || !fields.is_multiple_of(2) {
        return Err(Refusal::new(
            "ERR wrong number of arguments for 'xadd' command",
        ));
    }
    if matches!(&given.id, Some(id) if id.seq_given && id.id == MIN_ID) {
        return Err(ZERO_ID);
    }
    let name = at(args, 1);
    let (now_ms, replay) = (cx.keys.clock.now_ms, cx.is_replay());
    let mut edit = if given.no_make {
        match cx.keys.edit(cx.db, name) {
            Some(edit) => edit,
            None => {
                cx.out.nil();
                return Ok(());
            }
        }
    } else {
        cx.keys.edit_or_new(cx.db, name, Kind::Stream)
    };
    let limits = edit.limits;
    let stream = edit.entry.stream()?;
    let addition = Addition {
        given: &given,
        args,
        now_ms,
        limits,
    };
    let added = match &given.producer {
        None => addition.add(stream).map(|id| (Some(id), 1)),
        Some(producer) => {
            let iid = producer.iid(pairs(args, given.fields_at));
            let explicit = given.id.is_some();
            match producer.look(stream, &iid, now_ms, replay, explicit) {
                Some(known) => Ok((known, 1)),
                None => addition.add(stream).map(|id| {
                    producer.remember(stream, &iid, id);
                    (Some(id), 1)
                }),
            }
        }
    };
    match added {
        Ok((id, changed)) => {
            if id.is_none() {
                edit.abandon();
            }
            edit.changed(changed);
            // One of a producer may be a duplicate, which stands in a log as it came.
            if let Some(id) = id
                && given.producer.is_none()
                && cx.log.is_kept()
            {
                let text = format!("{}-{}", id.ms, id.seq);
                let place = given.fields_at - 1;
                cx.log
                    .replaced(cx.db, args, |i| (i == place).then_some(text.as_bytes()));
            }
            match id {
                Some(id) => cx.out.id(id),
                None => cx.out.nil(),
            }
            Ok(())
        }
        Err(refusal) => {
            edit.abandon();
            Err(refusal)
        }
    }
}

pub(super) fn xtrim(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let given = options(cx, args, false)?;
    let mut gone = 0;
    if let (Some(mut edit), Some(trim)) = (cx.keys.edit(cx.db, at(args, 1)), &given.trim) {
        gone = edit.entry.stream()?.trim(trim);
        edit.changed(usize::try_from(gone).unwrap_or(usize::MAX));
    }
    cx.out.int(gone.cast_signed());
    Ok(())
}

pub(super) fn xdel(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let mut gone = 0;
    if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) {
        let stream = edit.entry.stream()?;
        gone = stream.delete_all(&ids(args.iter().skip(2))?);
        edit.changed(gone);
    }
    cx.out.count(gone);
    Ok(())
}

/// `[KEEPREF|DELREF|ACKED] IDS n id…`, in any order: what is to happen, and the ids as they were sent.
fn refs_and_ids<'a>(args: &Args<'a>, from: usize) -> Result<(Refs, Vec<&'a [u8]>), Refusal> {
    let mut what = None;
    let mut found: Option<Vec<&[u8]>> = None;
    let mut i = from;
    while i < args.len() {
        let word = at(args, i);
        if let (None, Some(refs)) = (what, refs(word)) {
            what = Some(refs);
            i += 1;
        } else if is(word, "IDS") && i + 1 < args.len() {
            let n = int(at(args, i + 1))
                .ok()
                .filter(|n| *n > 0)
                .ok_or(Refusal::new("ERR Number of IDs must be a positive integer"))?;
            let n = usize::try_from(n).unwrap_or(usize::MAX);
            if n > args.len() - i - 2 {
                return Err(Refusal::new(
                    "ERR The `numids` parameter must match the number of arguments",
                ));
            }
            found = Some(args.iter().skip(i + 2).take(n).collect());
            i += 2 + n;
        } else {
            return Err(texts::SYNTAX);
        }
    }
    let ids = found.ok_or(texts::SYNTAX)?;
    Ok((what.unwrap_or_default(), ids))
}

/// Deletes an entry, with what its groups hold of it: 1 deleted, 2 kept, as a group needs it, -1 no such entry.
fn delete_with_refs(stream: &mut Stream, id: StreamId, refs: Refs) -> i64 {
    // A group may need, and have pending, what is not there.
    match refs {
        Refs::Acked if stream.is_referenced(id) => return 2,
        Refs::Delete => stream.drop_refs(id),
        Refs::Acked | Refs::Keep => {}
    }
    if stream.delete_all(&[id]) == 0 { -1 } else { 1 }
}

pub(super) fn xdelex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    find(cx, at(args, 1))?;
    let (refs, sent) = refs_and_ids(args, 2)?;
    let mut results = vec![-1; sent.len()];
    if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) {
        let ids = ids(sent.into_iter())?;
        let stream = edit.entry.stream()?;
        for (id, result) in ids.into_iter().zip(&mut results) {
            *result = delete_with_refs(stream, id, refs);
        }
        edit.changed(results.iter().filter(|r| **r == 1).count());
    }
    cx.out.array(results.len());
    for result in results {
        cx.out.int(result);
    }
    Ok(())
}

pub(super) fn xackdel(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    find(cx, at(args, 1))?;
    let (refs, sent) = refs_and_ids(args, 3)?;
    let mut results = vec![-1; sent.len()];
    let mut changed = 0;
    if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) {
        let stream = edit.entry.stream()?;
        let name = at(args, 2);
        if stream.group(name).is_some() {
            let ids = ids(sent.into_iter())?;
            for (id, result) in ids.into_iter().zip(&mut results) {
                if !stream.group_mut(name).is_some_and(|g| g.ack(id)) {
                    continue;
                }
                changed += 1;
                // What is gone from the stream already counts as deleted.
                *result = match delete_with_refs(stream, id, refs) {
                    -1 => 1,
                    result => result,
                };
            }
        }
        edit.changed(changed);
    }
    cx.out.array(results.len());
    for result in results {
        cx.out.int(result);
    }
    Ok(())
}

pub(super) fn xsetid(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let looks_at_deleted = cx.since((7, 2));
    let id = strict_id(at(args, 2))?;
    let (mut added, mut max_deleted) = (None, MIN_ID);
    let mut i = 3;
    if i < args.len() && !cx.takes_new_forms() {
        return Err(Refusal::new(
            "ERR wrong number of arguments for 'xsetid' command",
        ));
    }
    while i < args.len() {
        let (word, value) = (at(args, i), args.get(i + 1));
        match value {
            Some(value) if is(word, "ENTRIESADDED") => {
                let n = u64::try_from(int(value)?)
                    .map_err(|_| Refusal::new("ERR entries_added must be positive"))?;
                added = Some(n);
            }
            Some(value) if is(word, "MAXDELETEDID") => {
                max_deleted = strict_id(value)?;
                if id < max_deleted {
                    return Err(Refusal::new(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                    ));
                }
            }
            _ => return Err(texts::SYNTAX),
        }
        i += 2;
    }
    let mut edit = cx.keys.edit(cx.db, at(args, 1)).ok_or(texts::NO_KEY)?;
    let stream = edit.entry.stream()?;
    if looks_at_deleted && id < stream.max_deleted_id {
        return Err(Refusal::new(
            "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        ));
    }
    if let Some(last) = stream.last() {
        if id < last.id {
            return Err(Refusal::new(
                "ERR The ID specified in XSETID is smaller than the target stream top item",
            ));
        }
        if added.is_some_and(|n| stream.len() > n) {
            return Err(Refusal::new(
                "ERR The entries_added specified in XSETID is smaller than the target stream length",
            ));
        }
    }
    stream.last_id = id;
    if let Some(n) = added {
        stream.entries_added = n;
    }
    if max_deleted != MIN_ID {
        stream.max_deleted_id = max_deleted;
    }
    edit.changed(1);
    cx.out.ok();
    Ok(())
}
