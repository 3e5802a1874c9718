//! Groups and what they have pending: XGROUP, XACK, XPENDING.

use super::{
    any_id, count, find, from_id, ids, in_keys, no_group, strict_id, text, to_id, wrong_sub,
};
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, int, is};
use crate::engine::reply::{Done, Refusal, texts};
use crate::engine::value::stream::group::{Group, UNKNOWN};
use crate::engine::value::stream::{MAX_ID, MIN_ID, Stream};
use crate::model::kind::Kind;

const NO_STREAM: Refusal = Refusal::new(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
);
const BUSY: Refusal = Refusal::new("BUSYGROUP Consumer Group name already exists");

/// The options behind the id: whether the stream is to be made, and the number of entries read.
fn options(cx: &Cx<'_>, args: &Args<'_>, makes: bool) -> Result<(bool, i64), Refusal> {
    let (mut make, mut read) = (false, UNKNOWN);
    let mut i = 5;
    while i < args.len() {
        let word = at(args, i);
        if makes && is(word, "MKSTREAM") {
            make = true;
            i += 1;
        } else if is(word, "ENTRIESREAD") && i + 1 < args.len() && cx.takes_new_forms() {
            read = int(at(args, i + 1))?;
            if read < UNKNOWN {
                return Err(Refusal::new(
                    "ERR value for ENTRIESREAD must be positive or -1",
                ));
            }
            i += 2;
        } else {
            return Err(wrong_sub(args));
        }
    }
    Ok((make, read))
}

/// The number of entries read that is believed: Redis 8.6 takes no more than were ever added.
fn believed(stream: &Stream, read: i64, at_most_added: bool) -> i64 {
    if at_most_added {
        read.min(stream.entries_added.cast_signed())
    } else {
        read
    }
}

/// The stream under the key of a subcommand, or what is said where there is none.
fn known<'k>(cx: &'k Cx<'_>, args: &Args<'_>) -> Result<&'k Stream, Refusal> {
    find(cx, at(args, 2))?.ok_or(NO_STREAM)
}

pub(super) fn no_such_group(args: &Args<'_>) -> Refusal {
    Refusal::of(format!(
        "NOGROUP No such consumer group '{}' for key name '{}'",
        text(at(args, 3)),
        text(at(args, 2))
    ))
}

pub(super) fn create(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (make, read) = options(cx, args, true)?;
    if !make || cx.keys.exists(cx.db, at(args, 2)) {
        known(cx, args)?;
    }
    if args.len() > 8 {
        return Err(wrong_sub(args));
    }
    let id = match at(args, 4) {
        b"$" => None,
        arg => Some(strict_id(arg)?),
    };
    let at_most_added = cx.is_redis((8, 6));
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 2), Kind::Stream);
    let stream = edit.entry.stream()?;
    let read = believed(stream, read, at_most_added);
    let group = Group::new(id.unwrap_or(stream.last_id), read);
    if !stream.add_group(at(args, 3), group) {
        return Err(BUSY);
    }
    edit.changed(1);
    cx.out.ok();
    Ok(())
}

pub(super) fn set_id(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (_, read) = options(cx, args, false)?;
    known(cx, args)?
        .group(at(args, 3))
        .ok_or_else(|| no_such_group(args))?;
    if args.len() != 5 && args.len() != 7 {
        return Err(wrong_sub(args));
    }
    let id = match at(args, 4) {
        b"$" => None,
        arg => Some(any_id(arg, 0)?),
    };
    let at_most_added = cx.is_redis((8, 6));
    if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 2)) {
        let stream = edit.entry.stream()?;
        let read = believed(stream, read, at_most_added);
        let last = stream.last_id;
        if let Some(group) = stream.group_mut(at(args, 3)) {
            group.last_id = id.unwrap_or(last);
            group.entries_read = read;
        }
        edit.changed(1);
    }
    cx.out.ok();
    Ok(())
}

pub(super) fn destroy(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    known(cx, args)?;
    let mut gone = false;
    if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 2)) {
        gone = edit.entry.stream()?.remove_group(at(args, 3)).is_some();
        edit.changed(usize::from(gone));
    }
    cx.out.yes(gone);
    Ok(())
}

pub(super) fn create_consumer(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    known(cx, args)?
        .group(at(args, 3))
        .ok_or_else(|| no_such_group(args))?;
    let now = cx.keys.clock.now_ms;
    let mut created = false;
    if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 2)) {
        if let Some(group) = edit.entry.stream()?.group_mut(at(args, 3)) {
            (_, created) = group.find_or_create(at(args, 4), now);
        }
        edit.changed(usize::from(created));
    }
    cx.out.yes(created);
    Ok(())
}

pub(super) fn delete_consumer(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    known(cx, args)?
        .group(at(args, 3))
        .ok_or_else(|| no_such_group(args))?;
    let mut pending = None;
    if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 2)) {
        pending = edit
            .entry
            .stream()?
            .group_mut(at(args, 3))
            .and_then(|g| g.delete(at(args, 4)));
        edit.changed(usize::from(pending.is_some()));
    }
    cx.out.count(pending.unwrap_or(0));
    Ok(())
}

pub(super) fn help(cx: &mut Cx<'_>, _args: &Args<'_>) -> Done {
    let lines = [
        "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CREATE <key> <groupname> <id|$> [option]",
        "    Create a new consumer group. Options are:",
        "    * MKSTREAM",
        "      Create the empty stream if it does not exist.",
        "    * ENTRIESREAD entries_read",
        "      Set the group's entries_read counter (internal use).",
        "CREATECONSUMER <key> <groupname> <consumer>",
        "    Create a new consumer in the specified group.",
        "DELCONSUMER <key> <groupname> <consumer>",
        "    Remove the specified consumer.",
        "DESTROY <key> <groupname>",
        "    Remove the specified group.",
        "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
        "    Set the current group ID and entries_read counter.",
    ];
    super::info::put_help(cx, &lines);
    Ok(())
}

pub(super) fn xack(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let group = at(args, 2);
    let mut acked = 0;
    if find(cx, at(args, 1))?.is_some_and(|s| s.group(group).is_some()) {
        let ids = ids(args.iter().skip(3))?;
        if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) {
            if let Some(group) = edit.entry.stream()?.group_mut(group) {
                acked = ids.into_iter().filter(|id| group.ack(*id)).count();
            }
            edit.changed(acked);
        }
    }
    cx.out.count(acked);
    Ok(())
}

pub(super) fn xpending(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    if args.len() != 3 && !(6..=9).contains(&args.len()) {
        return Err(texts::SYNTAX);
    }
    let (mut min_idle, mut at_start, mut max) = (0, 3, 0);
    let (mut from, mut to) = (MIN_ID, MAX_ID);
    if args.len() > 3 {
        if is(at(args, 3), "IDLE") {
            min_idle = int(at(args, 4))?;
            if args.len() < 8 {
                return Err(texts::SYNTAX);
            }
            at_start = 5;
        }
        max = count(at(args, at_start + 2))?;
        from = from_id(at(args, at_start))?;
        to = to_id(at(args, at_start + 1))?;
    }
    let consumer = (args.len() > 3).then(|| args.get(at_start + 3)).flatten();
    let (key, name, now) = (at(args, 1), at(args, 2), cx.keys.clock.now_ms);
    let group = in_keys(cx.keys, cx.db, key)?
        .and_then(|s| s.group(name))
        .ok_or_else(|| no_group(key, name, ""))?;
    let out = &mut *cx.out;
    if args.len() == 3 {
        out.array(4);
        out.count(group.pel().len());
        let (Some(first), Some(last)) = (group.pel().first(), group.pel().last()) else {
            out.nil();
            out.nil();
            out.nil_array();
            return Ok(());
        };
        out.id(first.id);
        out.id(last.id);
        let busy = || group.consumers().filter(|(_, c)| c.pending > 0);
        out.array(busy().count());
        for (_, consumer) in busy() {
            out.array(2);
            out.bulk(&consumer.name);
            out.bulk(consumer.pending.to_string().as_bytes());
        }
        return Ok(());
    }
    let owner = match consumer.map(|name| group.find(name)) {
        Some(None) => {
            out.array(0);
            return Ok(());
        }
        Some(owner) => owner,
        None => None,
    };
    let found: Vec<_> = group
        .pel()
        .from(from)
        .take_while(|p| p.id <= to)
        .filter(|p| owner.is_none_or(|owner| p.owner == owner))
        .filter(|p| min_idle == 0 || now.wrapping_sub(p.time) >= min_idle)
        .take(usize::try_from(max).unwrap_or(usize::MAX))
        .collect();
    out.array(found.len());
    for p in found {
        out.array(4);
        out.id(p.id);
        out.bulk(group.consumer(p.owner).map_or(&[], |c| &c.name));
        out.int(now.wrapping_sub(p.time).max(0));
        out.int(p.count.cast_signed());
    }
    Ok(())
}
