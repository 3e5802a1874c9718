//! Entries are read: XLEN, XRANGE, XREVRANGE, XREAD, XREADGROUP.

use super::{count, find, from_id, no_group, put_entry, strict_id, to_id};
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, int, is};
use crate::engine::entry::ValueRef;
use crate::engine::reply::{Done, Out, Refusal, texts};
use crate::engine::value::stream::group::{NOBODY, Pending, UNKNOWN};
use crate::engine::value::stream::{Entry, MAX_ID, MIN_ID, Stream, next_id, previous_id};
use crate::model::kind::StreamId;
use crate::model::number::parse_i64;

pub(super) fn xlen(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let len = find(cx, at(args, 1))?.map_or(0, Stream::len);
    cx.out.int(len.cast_signed());
    Ok(())
}

fn put_all<'e>(out: &mut Out, entries: impl Iterator<Item = Entry<'e>>, max: Option<u64>) {
    let reply = out.defer();
    let max = max.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let mut n = 0;
    for entry in entries.take(max) {
        put_entry(out, entry);
        n += 1;
    }
    out.close(reply, n);
}

fn range(cx: &mut Cx<'_>, args: &Args<'_>, back: bool) -> Done {
    let (first, last) = if back { (3, 2) } else { (2, 3) };
    let from = from_id(at(args, first))?;
    let to = to_id(at(args, last))?;
    let mut max = None;
    let mut i = 4;
    while i < args.len() {
        if !is(at(args, i), "COUNT") || i + 1 >= args.len() {
            return Err(texts::SYNTAX);
        }
        let n = int(at(args, i + 1))?;
        max = Some(u64::try_from(n).unwrap_or(0));
        i += 2;
    }
    match cx.keys.find(cx.db, at(args, 1)) {
        None => cx.out.array(0),
        Some(ValueRef::Stream(_)) if max == Some(0) => cx.out.nil_array(),
        Some(ValueRef::Stream(stream)) if back => {
            put_all(cx.out, stream.range_back(from, to), max);
        }
        Some(ValueRef::Stream(stream)) => put_all(cx.out, stream.range(from, to), max),
        Some(_) => return Err(texts::WRONGTYPE),
    }
    Ok(())
}

pub(super) fn xrange(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    range(cx, args, false)
}

pub(super) fn xrevrange(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    range(cx, args, true)
}

/// Where to read a stream from.
#[derive(Clone, Copy)]
enum From {
    /// Behind that id.
    Behind(StreamId),
    /// The last entry.
    Last,
    /// What the group has not delivered yet.
    New,
}

/// The options of XREAD and XREADGROUP.
#[derive(Default)]
struct Options<'a> {
    group: Option<(&'a [u8], &'a [u8])>,
    max: u64,
    no_ack: bool,
    /// The least idle time of pending entries that are to be taken over.
    claim: Option<i64>,
    /// Where the keys begin, and how many there are.
    keys_at: usize,
    keys: usize,
}

/// A time to wait in milliseconds. Nothing waits here: it is as inside of a MULTI.
fn timeout(arg: &[u8]) -> Done {
    match parse_i64(arg) {
        None => Err(Refusal::new(
            "ERR timeout is not an integer or out of range",
        )),
        Some(n) if n < 0 => Err(Refusal::new("ERR timeout is negative")),
        Some(_) => Ok(()),
    }
}

fn unbalanced(cx: &Cx<'_>, grouped: bool) -> Refusal {
    let name = if grouped { "xreadgroup" } else { "xread" };
    let what = match (grouped, cx.is_redis((8, 0))) {
        _ if !cx.since((7, 2)) => {
            return Refusal::new(
                "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
            );
        }
        (true, _) => "an ID or '>'",
        (false, true) => "an ID, '+', or '$'",
        (false, false) => "an ID or '$'",
    };
    Refusal::of(format!(
        "ERR Unbalanced '{name}' list of streams: for each stream key {what} must be specified."
    ))
}

fn options<'a>(cx: &Cx<'_>, args: &Args<'a>, grouped: bool) -> Result<Options<'a>, Refusal> {
    let mut given = Options::default();
    let mut i = 1;
    while i < args.len() {
        let more = args.len() - 1 - i;
        let word = at(args, i);
        if is(word, "BLOCK") && more > 0 {
            i += 1;
            timeout(at(args, i))?;
        } else if is(word, "COUNT") && more > 0 {
            i += 1;
            given.max = count(at(args, i))?;
        } else if is(word, "STREAMS") && more > 0 {
            given.keys_at = i + 1;
            if !more.is_multiple_of(2) {
                return Err(unbalanced(cx, grouped));
            }
            given.keys = more / 2;
            break;
        } else if is(word, "GROUP") && more >= 2 {
            if !grouped {
                return Err(Refusal::new(
                    "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
                ));
            }
            given.group = Some((at(args, i + 1), at(args, i + 2)));
            i += 2;
        } else if is(word, "NOACK") {
            if !grouped {
                return Err(Refusal::new(
                    "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
                ));
            }
            given.no_ack = true;
        } else if is(word, "CLAIM") && more > 0 && cx.is_redis((8, 4)) {
            if !grouped {
                return Err(Refusal::new(
                    "ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead.",
                ));
            }
            i += 1;
            let idle = parse_i64(at(args, i)).ok_or(Refusal::new(
                "ERR min-idle-time is not an integer or out of range",
            ))?;
            if idle < 0 {
                return Err(Refusal::new("ERR min-idle-time must be a positive integer"));
            }
            given.claim = Some(idle);
        } else {
            return Err(texts::SYNTAX);
        }
        i += 1;
    }
    if given.keys_at == 0 {
        return Err(texts::SYNTAX);
    }
    if grouped && given.group.is_none() {
        return Err(Refusal::new("ERR Missing GROUP option for XREADGROUP"));
    }
    Ok(given)
}

/// What an id of XREAD or XREADGROUP means for a stream.
fn meaning(
    cx: &Cx<'_>,
    arg: &[u8],
    stream: Option<&Stream>,
    grouped: bool,
) -> Result<From, Refusal> {
    match arg {
        b"$" if grouped => Err(Refusal::new(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
        )),
        b"$" => Ok(From::Behind(stream.map_or(MIN_ID, |s| s.last_id))),
        b"+" if cx.is_redis((7, 4)) || cx.is_valkey() && cx.dialect.version >= (8, 0) => {
            if grouped {
                return Err(Refusal::new(
                    "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would just return an empty result set.",
                ));
            }
            // Valkey looks for what stands behind the id in front of the last one ever, which may be deleted; a
            // stream that never had one was an error up to 8.1.
            Ok(match stream {
                Some(stream) if cx.is_valkey() => match previous_id(stream.last_id) {
                    None if cx.dialect.version <= (8, 1) => {
                        return Err(Refusal::new("ERR the stream last element ID is 0-0"));
                    }
                    before => From::Behind(before.unwrap_or(MIN_ID)),
                },
                Some(_) => From::Last,
                None => From::Behind(MIN_ID),
            })
        }
        b">" if grouped => Ok(From::New),
        b">" => Err(Refusal::new(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        )),
        _ => strict_id(arg).map(|id| match id {
            // What `>` is for a server.
            MAX_ID if grouped => From::New,
            id => From::Behind(id),
        }),
    }
}

pub(super) fn xread(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let grouped = args.name().len() == "xreadgroup".len();
    let mut given = options(cx, args, grouped)?;
    let mut from = Vec::with_capacity(given.keys);
    for i in 0..given.keys {
        let key = at(args, given.keys_at + i);
        let stream = find(cx, key)?;
        if let Some((group, _)) = given.group
            && stream.is_none_or(|s| s.group(group).is_none())
        {
            return Err(no_group(key, group, " in XREADGROUP with GROUP option"));
        }
        from.push(meaning(
            cx,
            at(args, given.keys_at + given.keys + i),
            stream,
            grouped,
        )?);
    }
    let reply = cx.out.defer();
    let mut served = 0;
    for (i, from) in from.into_iter().enumerate() {
        let key = at(args, given.keys_at + i);
        // What is pending already is told as it is, and nothing is taken over behind it.
        if matches!(from, From::Behind(_)) {
            given.claim = None;
        }
        served += usize::from(match given.group {
            Some((group, consumer)) => serve_group(cx, key, group, consumer, from, &given)?,
            None => serve(cx, key, from, given.max)?,
        });
    }
    if served == 0 {
        cx.out.nil_array();
    } else if cx.out.resp3() {
        cx.out.close_map(reply, served);
    } else {
        cx.out.close(reply, served);
    }
    Ok(())
}

/// The head of what is told of one stream.
fn put_key(out: &mut Out, key: &[u8]) {
    if !out.resp3() {
        out.array(2);
    }
    out.bulk(key);
}

/// Answers with entries of one stream: false if there are none.
fn serve(cx: &mut Cx<'_>, key: &[u8], from: From, max: u64) -> Result<bool, Refusal> {
    let Some(ValueRef::Stream(stream)) = cx.keys.find(cx.db, key) else {
        return Ok(false);
    };
    let Some(last) = stream.last() else {
        return Ok(false);
    };
    let (behind, max) = match from {
        From::Behind(id) => (id, max),
        From::Last | From::New => (previous_id(last.id).unwrap_or(MIN_ID), 1),
    };
    let Some(start) = next_id(behind).filter(|start| *start <= last.id) else {
        return Ok(false);
    };
    put_key(cx.out, key);
    put_all(
        cx.out,
        stream.range(start, MAX_ID),
        Some(max).filter(|n| *n > 0),
    );
    Ok(true)
}

/// Answers with what a consumer has pending of one stream, which is delivered to it once more.
fn history(
    stream: &mut Stream,
    name: &[u8],
    (owner, now): (u32, i64),
    behind: StreamId,
    max: usize,
    out: &mut Out,
) {
    let own: Vec<Pending> = stream
        .group(name)
        .into_iter()
        .flat_map(|g| g.pel().from(next_id(behind).unwrap_or(MIN_ID)))
        .filter(|p| p.owner == owner)
        .take(max)
        .copied()
        .collect();
    out.array(own.len());
    for p in own {
        let Some(entry) = stream.get(p.id) else {
            out.array(2);
            out.id(p.id);
            out.nil_array();
            continue;
        };
        put_entry(out, entry);
        if let Some(group) = stream.group_mut(name) {
            group.put(Pending::new(p.id, now, p.count.wrapping_add(1), owner));
        }
    }
}

/// Delivers an entry to a group: its last id, and how many it has read.
fn deliver(stream: &mut Stream, name: &[u8], id: StreamId, newer: bool) {
    let Some((last, read)) = stream.group(name).map(|g| (g.last_id, g.entries_read)) else {
        return;
    };
    if id <= last {
        return;
    }
    let follows = if newer {
        last >= stream.first_id && !stream.has_tombstones(last, false)
    } else {
        !stream.has_tombstones(id, false)
    };
    let read = if read != UNKNOWN && follows {
        read.wrapping_add(1)
    } else if stream.entries_added > 0 {
        stream.entries_until(id, newer)
    } else {
        read
    };
    if let Some(group) = stream.group_mut(name) {
        group.entries_read = read;
        group.last_id = id;
    }
}

/// Answers with entries of one stream that a group has not delivered yet, or with what a consumer has pending: false if
/// there are none.
fn serve_group(
    cx: &mut Cx<'_>,
    key: &[u8],
    name: &[u8],
    consumer: &[u8],
    from: From,
    given: &Options<'_>,
) -> Result<bool, Refusal> {
    let now = cx.keys.clock.now_ms;
    let newer = super::info::new_lag(cx);
    // Redis before 7.2 sees a consumer only when there is something for it.
    let lazy = !cx.since((7, 2));
    let Some(mut edit) = cx.keys.edit(cx.db, key) else {
        return Ok(false);
    };
    let stream = edit.entry.stream()?;
    let last = stream.last().map(|e| e.id);
    let Some(group) = stream.group_mut(name) else {
        return Ok(false);
    };
    if lazy && matches!(from, From::New) && last.is_none_or(|last| last <= group.last_id) {
        return Ok(false);
    }
    let (owner, created) = group.find_or_create(consumer, now);
    if let Some(consumer) = group.consumer_mut(owner) {
        consumer.seen_time = now;
    }
    let mut changed = usize::from(created);
    let group_last = group.last_id;
    let max = if given.max == 0 { u64::MAX } else { given.max };
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    if let From::Behind(id) = from {
        put_key(cx.out, key);
        history(stream, name, (owner, now), id, max, cx.out);
        edit.changed(changed + 1);
        return Ok(true);
    }
    let claimed = match given.claim {
        Some(idle) => idle_entries(stream, name, now, idle, max),
        None => Vec::new(),
    };
    let has_new = last.is_some_and(|last| last > group_last);
    if claimed.is_empty() && !has_new {
        edit.changed(changed);
        return Ok(false);
    }
    put_key(cx.out, key);
    let reply = cx.out.defer();
    let mut n = 0;
    for p in &claimed {
        let count = p.count.wrapping_add(1);
        if let Some(entry) = stream.get(p.id) {
            cx.out.array(4);
            super::put_whole(cx.out, entry);
            cx.out.int(now.wrapping_sub(p.time).max(0));
            cx.out.int(p.count.cast_signed());
        }
        if let Some(group) = stream.group_mut(name) {
            group.put(Pending::new(p.id, now, count, owner));
        }
        n += 1;
    }
    let mut new = Vec::new();
    if has_new && n < max {
        for entry in stream
            .range(next_id(group_last).unwrap_or(MAX_ID), MAX_ID)
            .take(max - n)
        {
            new.push(entry.id);
            if given.claim.is_some() {
                cx.out.array(4);
                if cx.out.listens() {
                    super::put_whole(cx.out, entry);
                }
                cx.out.int(0);
                cx.out.int(0);
            } else {
                put_entry(cx.out, entry);
            }
        }
    }
    cx.out.close(reply, n + new.len());
    for id in new {
        deliver(stream, name, id, newer);
        if let Some(group) = stream.group_mut(name)
            && !given.no_ack
        {
            group.put(Pending::new(id, now, 1, owner));
        }
        n += 1;
    }
    if n > 0
        && (!given.no_ack || !claimed.is_empty())
        && let Some(consumer) = stream.group_mut(name).and_then(|g| g.consumer_mut(owner))
    {
        consumer.active_time = now;
    }
    changed += 1;
    edit.changed(changed);
    Ok(true)
}

/// Pending entries that are to be taken over: those given back first, then by the time of their delivery.
fn idle_entries(stream: &Stream, name: &[u8], now: i64, idle: i64, max: usize) -> Vec<Pending> {
    let Some(group) = stream.group(name) else {
        return Vec::new();
    };
    let mut found: Vec<Pending> = group
        .zone()
        .filter_map(|id| group.pel().get(id).copied())
        .collect();
    let mut owned: Vec<Pending> = group
        .pel()
        .iter()
        .filter(|p| p.owner != NOBODY && now.wrapping_sub(p.time) >= idle)
        .copied()
        .collect();
    owned.sort_by_key(|p| (p.time, p.turn));
    found.extend(owned);
    found.retain(|p| stream.get(p.id).is_some());
    found.truncate(max);
    found
}
