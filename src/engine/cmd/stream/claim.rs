//! Pending entries change hands: XCLAIM, XAUTOCLAIM, XNACK.

use super::{find, from_id, no_group, put_entry, strict_id};
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, int, is};
use crate::engine::reply::{Done, Out, Refusal, texts};
use crate::engine::value::stream::Stream;
use crate::engine::value::stream::group::{Group, NOBODY, Pending};
use crate::model::kind::StreamId;
use crate::model::number::parse_i64;

fn number(arg: &[u8], text: &'static str) -> Result<i64, Refusal> {
    parse_i64(arg).ok_or(Refusal::new(text))
}

/// Refuses where there is no such group.
fn need_group(cx: &Cx<'_>, key: &[u8], group: &[u8]) -> Done {
    match find(cx, key)?.and_then(|s| s.group(group)) {
        Some(_) => Ok(()),
        None => Err(no_group(key, group, "")),
    }
}

/// The consumer with that name, made if there is none, which is seen now. (Redis before 7.2 does this for a consumer
/// that gets something only.)
fn see(group: &mut Group, name: &[u8], now: i64, changed: &mut usize) -> u32 {
    let (owner, created) = group.find_or_create(name, now);
    *changed += usize::from(created);
    if let Some(consumer) = group.consumer_mut(owner) {
        consumer.seen_time = now;
    }
    owner
}

fn is_sent(stream: &Stream, id: StreamId, just_id: bool, out: &mut Out) {
    if just_id {
        out.id(id);
    } else if let Some(entry) = stream.get(id) {
        put_entry(out, entry);
    } else {
        out.nil();
    }
}

/// The options of XCLAIM.
#[derive(Default)]
struct Options {
    force: bool,
    just_id: bool,
    time: Option<i64>,
    retries: Option<i64>,
    last_id: StreamId,
}

fn options(args: &Args<'_>, from: usize, now: i64) -> Result<Options, Refusal> {
    let mut given = Options::default();
    let mut i = from;
    while i < args.len() {
        let word = at(args, i);
        match args.get(i + 1) {
            _ if is(word, "FORCE") => given.force = true,
            _ if is(word, "JUSTID") => given.just_id = true,
            Some(value) if is(word, "IDLE") => {
                let idle = number(value, "ERR Invalid IDLE option argument for XCLAIM")?;
                given.time = Some(now.wrapping_sub(idle));
                i += 1;
            }
            Some(value) if is(word, "TIME") => {
                let time = number(value, "ERR Invalid TIME option argument for XCLAIM")?;
                given.time = Some(time);
                i += 1;
            }
            Some(value) if is(word, "RETRYCOUNT") => {
                let retries = number(value, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                given.retries = Some(retries);
                i += 1;
            }
            Some(value) if is(word, "LASTID") => {
                given.last_id = strict_id(value)?;
                i += 1;
            }
            _ => {
                return Err(Refusal::of(format!(
                    "ERR Unrecognized XCLAIM option '{}'",
                    super::text(word)
                )));
            }
        }
        i += 1;
    }
    Ok(given)
}

pub(super) fn xclaim(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (key, name) = (at(args, 1), at(args, 2));
    need_group(cx, key, name)?;
    let min_idle = number(at(args, 4), "ERR Invalid min-idle-time argument for XCLAIM")?.max(0);
    let ids: Vec<StreamId> = args
        .iter()
        .skip(5)
        .map_while(|arg| strict_id(arg).ok())
        .collect();
    let (now, replay) = (cx.keys.clock.now_ms, cx.is_replay());
    let given = options(args, 5 + ids.len(), now)?;
    // A time in the future is a client's mistake; what a log says is right, whatever time it is.
    let time = match given.time {
        None | Some(-1) => now,
        Some(time) if replay && time >= 0 => time,
        Some(time) if !(0..=now).contains(&time) => now,
        Some(time) => time,
    };
    let (lazy, keeps_deleted) = (!cx.since((7, 2)), !cx.since((7, 0)));
    let Some(mut edit) = cx.keys.edit(cx.db, key) else {
        return Ok(());
    };
    let stream = edit.entry.stream()?;
    let (mut changed, mut sent) = (0, 0);
    let reply = cx.out.defer();
    let Some(group) = stream.group_mut(name) else {
        return Ok(());
    };
    if given.last_id > group.last_id {
        group.last_id = given.last_id;
        changed += 1;
    }
    let mut owner = None;
    if !lazy {
        owner = Some(see(group, at(args, 3), now, &mut changed));
    }
    for &id in &ids {
        let exists = stream.get(id).is_some();
        let Some(group) = stream.group_mut(name) else {
            break;
        };
        let known = group.pel().get(id).copied();
        if !exists && (known.is_none() || !keeps_deleted) {
            changed += usize::from(group.ack(id));
            continue;
        }
        let old = match known {
            Some(old) if old.owner != NOBODY => {
                if min_idle > 0 && now.wrapping_sub(old.time) < min_idle {
                    continue;
                }
                old
            }
            Some(old) => old,
            None if given.force => Pending::new(id, time, 1, NOBODY),
            None => continue,
        };
        let count = match given.retries {
            Some(n) if n >= 0 => n.cast_unsigned(),
            _ if given.just_id => old.count,
            _ => old.count.wrapping_add(1),
        };
        let owner = match owner {
            Some(owner) => owner,
            None => see(group, at(args, 3), now, &mut changed),
        };
        group.put(Pending::new(id, time, count, owner));
        if let Some(consumer) = group.consumer_mut(owner) {
            consumer.active_time = now;
        }
        is_sent(stream, id, given.just_id, cx.out);
        sent += 1;
        changed += 1;
    }
    cx.out.close(reply, sent);
    edit.changed(changed);
    Ok(())
}

/// Where the memory of a server ends: it keeps 16 bytes for each entry that XAUTOCLAIM may find deleted.
const MAX_COUNT: i64 = 1 << 36;

pub(super) fn xautoclaim(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    const BAD_COUNT: &str = "ERR COUNT must be > 0";
    let (key, name) = (at(args, 1), at(args, 2));
    let min_idle = number(
        at(args, 4),
        "ERR Invalid min-idle-time argument for XAUTOCLAIM",
    )?
    .max(0);
    let from = from_id(at(args, 5))?;
    let (mut max, mut just_id) = (100, false);
    let mut i = 6;
    while i < args.len() {
        let word = at(args, i);
        if is(word, "COUNT") && i + 1 < args.len() {
            max = number(at(args, i + 1), BAD_COUNT)?;
            if !(1..=i64::MAX / 16).contains(&max) {
                return Err(Refusal::new(BAD_COUNT));
            }
            i += 1;
        } else if is(word, "JUSTID") {
            just_id = true;
        } else {
            return Err(texts::SYNTAX);
        }
        i += 1;
    }
    need_group(cx, key, name)?;
    let (lazy, drops_deleted) = (!cx.since((7, 2)), cx.since((7, 0)));
    if max > MAX_COUNT && drops_deleted {
        return Err(Refusal::new(
            "ERR Insufficient memory, failed allocating transient memory, COUNT too high.",
        ));
    }
    let now = cx.keys.clock.now_ms;
    let Some(mut edit) = cx.keys.edit(cx.db, key) else {
        return Ok(());
    };
    let stream = edit.entry.stream()?;
    let mut deleted = Vec::new();
    let mut claimed: Vec<Pending> = Vec::new();
    let mut next = StreamId::default();
    let (mut left, mut attempts) = (max, max.saturating_mul(10));
    if let Some(group) = stream.group(name) {
        for p in group.pel().from(from) {
            if attempts == 0 || left == 0 {
                next = p.id;
                break;
            }
            attempts -= 1;
            if drops_deleted && stream.get(p.id).is_none() {
                deleted.push(p.id);
                left -= 1;
            } else if min_idle == 0 || now.wrapping_sub(p.time) >= min_idle {
                claimed.push(*p);
                left -= 1;
            }
        }
    }
    let mut changed = deleted.len() + claimed.len();
    if let Some(group) = stream.group_mut(name) {
        for &id in &deleted {
            group.ack(id);
        }
    }
    if (!lazy || !claimed.is_empty())
        && let Some(group) = stream.group_mut(name)
    {
        let owner = see(group, at(args, 3), now, &mut changed);
        for p in &claimed {
            group.put(Pending::new(
                p.id,
                now,
                p.count.wrapping_add(u64::from(!just_id)),
                owner,
            ));
        }
        if !claimed.is_empty()
            && let Some(consumer) = group.consumer_mut(owner)
        {
            consumer.active_time = now;
        }
    }
    let out = &mut *cx.out;
    out.array(if drops_deleted { 3 } else { 2 });
    out.id(next);
    out.array(claimed.len());
    for p in &claimed {
        is_sent(stream, p.id, just_id, out);
    }
    if drops_deleted {
        out.array(deleted.len());
        for id in deleted {
            out.id(id);
        }
    }
    edit.changed(changed);
    Ok(())
}

/// `XNACK key group SILENT|FAIL|FATAL IDS n id… [RETRYCOUNT c] [FORCE]`
pub(super) fn xnack(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (key, name, mode) = (at(args, 1), at(args, 2), at(args, 3));
    find(cx, key)?;
    let known = is(mode, "SILENT") || is(mode, "FAIL") || is(mode, "FATAL");
    if !known || !is(at(args, 4), "IDS") {
        return Err(texts::SYNTAX);
    }
    let n = int(at(args, 5))
        .ok()
        .filter(|n| *n > 0)
        .and_then(|n| usize::try_from(n).ok())
        .ok_or(Refusal::new("ERR Number of IDs must be a positive integer"))?;
    if n > args.len() - 6 {
        return Err(Refusal::new(
            "ERR The `numids` parameter must match the number of arguments",
        ));
    }
    let ids = super::ids(args.iter().skip(6).take(n))?;
    let (mut retries, mut force) = (None, false);
    let mut i = 6 + n;
    while i < args.len() {
        let word = at(args, i);
        if is(word, "FORCE") {
            force = true;
        } else if is(word, "RETRYCOUNT") && i + 1 < args.len() {
            let n = int(at(args, i + 1))?;
            retries =
                Some(u64::try_from(n).map_err(|_| {
                    Refusal::new("ERR Invalid RETRYCOUNT option argument for XNACK")
                })?);
            i += 1;
        } else {
            return Err(texts::SYNTAX);
        }
        i += 1;
    }
    need_group(cx, key, name)?;
    let Some(mut edit) = cx.keys.edit(cx.db, key) else {
        return Ok(());
    };
    let stream = edit.entry.stream()?;
    let mut given_back = 0;
    for id in ids {
        let forced = force && stream.get(id).is_some();
        let Some(group) = stream.group_mut(name) else {
            break;
        };
        let old = match group.pel().get(id) {
            Some(old) => old.count,
            None if forced => 0,
            None => continue,
        };
        let count = match retries {
            Some(n) => n,
            None if is(mode, "SILENT") => old.saturating_sub(1),
            None if is(mode, "FATAL") => i64::MAX.cast_unsigned(),
            None => old,
        };
        group.put(Pending::new(id, 0, count, NOBODY));
        given_back += 1;
    }
    edit.changed(given_back);
    cx.out.count(given_back);
    Ok(())
}
