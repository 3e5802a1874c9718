//! What a stream, its groups and their consumers are: XINFO.

use super::group::no_such_group;
use super::{count, in_keys, put_entry, wrong_sub};
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, is};
use crate::engine::reply::{Done, Out, texts};
use crate::engine::value::stream::Stream;
use crate::engine::value::stream::group::{Group, NOBODY, Pending, UNKNOWN};
use crate::engine::value::stream::idmp::{DURATION, MAX};

/// Answers with the lines of a HELP and what stands under all of them.
pub(super) fn put_help(cx: &mut Cx<'_>, lines: &[&str]) {
    let last = if cx.is_redis((8, 0)) || cx.is_valkey() && cx.dialect.version >= (8, 1) {
        "    Print this help."
    } else {
        "    Prints this help."
    };
    cx.out.array(lines.len() + 2);
    for line in lines.iter().chain(&["HELP", last]) {
        cx.out.simple(line);
    }
}

pub(super) fn help(cx: &mut Cx<'_>, _args: &Args<'_>) -> Done {
    let lines = [
        "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CONSUMERS <key> <groupname>",
        "    Show consumers of <groupname>.",
        "GROUPS <key>",
        "    Show the stream consumer groups.",
        "STREAM <key> [FULL [COUNT <count>]",
        "    Show information about the stream.",
    ];
    put_help(cx, &lines);
    Ok(())
}

/// Whether a server counts what a group has read as since Redis 7.2.6.
pub(super) fn new_lag(cx: &Cx<'_>) -> bool {
    cx.is_redis((7, 4)) || cx.is_valkey() && cx.dialect.version >= (8, 1)
}

fn has_active_time(cx: &Cx<'_>) -> bool {
    cx.since((7, 2))
}

fn key(out: &mut Out, name: &str) {
    out.bulk(name.as_bytes());
}

fn put_read(out: &mut Out, group: &Group) {
    key(out, "entries-read");
    match group.entries_read {
        UNKNOWN => out.nil(),
        n => out.int(n),
    }
}

/// How many entries a group has still to read.
fn put_lag(out: &mut Out, stream: &Stream, group: &Group, told: &Told) {
    key(out, "lag");
    let newer = told.newer;
    let added = stream.entries_added.cast_signed();
    let behind_first = group.last_id < stream.first_id && stream.max_deleted_id < stream.first_id;
    let lag = if added == 0 || told.behind && stream.is_empty() {
        Some(0)
    } else if told.behind && behind_first {
        Some(stream.len().cast_signed())
    } else if group.entries_read != UNKNOWN
        && (!told.behind || group.last_id >= stream.first_id)
        && !stream.has_tombstones(group.last_id, told.outside)
    {
        Some(added.wrapping_sub(group.entries_read))
    } else {
        match stream.entries_until(group.last_id, newer) {
            UNKNOWN => None,
            read => Some(added.wrapping_sub(read)),
        }
    };
    match lag {
        Some(lag) => out.int(lag),
        None => out.nil(),
    }
}

pub(super) fn groups(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let told = Told::of(cx);
    let stream = in_keys(cx.keys, cx.db, at(args, 2))?.ok_or(texts::NO_KEY)?;
    let out = &mut *cx.out;
    out.array(stream.groups().len());
    for (name, group) in stream.groups() {
        out.map(if told.counters { 6 } else { 4 });
        key(out, "name");
        out.bulk(name);
        key(out, "consumers");
        out.count(group.consumers_len());
        key(out, "pending");
        out.count(group.pel().len());
        key(out, "last-delivered-id");
        out.id(group.last_id);
        if told.counters {
            put_read(out, group);
            put_lag(out, stream, group, &told);
        }
    }
    Ok(())
}

pub(super) fn consumers(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (active, now) = (has_active_time(cx), cx.keys.clock.now_ms);
    let stream = in_keys(cx.keys, cx.db, at(args, 2))?.ok_or(texts::NO_KEY)?;
    let group = stream
        .group(at(args, 3))
        .ok_or_else(|| no_such_group(args))?;
    let out = &mut *cx.out;
    out.array(group.consumers_len());
    for (_, consumer) in group.consumers() {
        out.map(if active { 4 } else { 3 });
        key(out, "name");
        out.bulk(&consumer.name);
        key(out, "pending");
        out.count(consumer.pending);
        key(out, "idle");
        out.int(now.wrapping_sub(consumer.seen_time).max(0));
        if active {
            key(out, "inactive");
            out.int(match consumer.active_time {
                -1 => -1,
                time => now.wrapping_sub(time),
            });
        }
    }
    Ok(())
}

/// What is told of a stream depends on who tells.
struct Told {
    counters: bool,
    idmp: bool,
    active: bool,
    newer: bool,
    now: i64,
    /// Whether a group behind all that is left and all that was deleted is known to lag by what is left.
    behind: bool,
    /// Whether what was deleted in front of all that is left makes the count of a group unknown.
    outside: bool,
    /// Whether ids of producers that are too old are gone.
    expires: bool,
}

impl Told {
    fn of(cx: &Cx<'_>) -> Told {
        Told {
            counters: cx.since((7, 0)),
            idmp: cx.is_redis((8, 6)),
            active: has_active_time(cx),
            newer: new_lag(cx),
            behind: cx.is_redis((7, 4)),
            outside: cx.is_valkey() && cx.dialect.version >= (8, 1),
            now: cx.keys.clock.now_ms,
            expires: cx.keys.clock.expires,
        }
    }
}

fn put_numbers(out: &mut Out, stream: &Stream, told: &Told) {
    key(out, "length");
    out.int(stream.len().cast_signed());
    let (keys, nodes) = stream.tree();
    key(out, "radix-tree-keys");
    out.count(keys);
    key(out, "radix-tree-nodes");
    out.count(nodes);
    key(out, "last-generated-id");
    out.id(stream.last_id);
    if told.counters {
        key(out, "max-deleted-entry-id");
        out.id(stream.max_deleted_id);
        key(out, "entries-added");
        out.int(stream.entries_added.cast_signed());
        key(out, "recorded-first-entry-id");
        out.id(stream.first_id);
    }
    if told.idmp {
        let numbers = match &stream.idmp {
            None => [DURATION, MAX, 0, 0, 0, 0],
            Some(idmp) => {
                let mut idmp = idmp.clone();
                if told.expires {
                    idmp.expire(told.now);
                }
                let (pids, iids) = (idmp.producers().len() as u64, idmp.ids() as u64);
                [
                    idmp.duration,
                    idmp.max,
                    pids,
                    iids,
                    idmp.added,
                    idmp.duplicates,
                ]
            }
        };
        let names = [
            "idmp-duration",
            "idmp-maxsize",
            "pids-tracked",
            "iids-tracked",
            "iids-added",
            "iids-duplicates",
        ];
        for (name, n) in names.into_iter().zip(numbers) {
            key(out, name);
            out.int(n.cast_signed());
        }
    }
}

pub(super) fn stream(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let told = Told::of(cx);
    let stream = in_keys(cx.keys, cx.db, at(args, 2))?.ok_or(texts::NO_KEY)?;
    let mut full = None;
    if args.len() > 3 {
        if !is(at(args, 3), "FULL") || !matches!(args.len(), 4 | 6) {
            return Err(wrong_sub(args));
        }
        full = Some(10);
        if args.len() == 6 {
            if !is(at(args, 4), "COUNT") {
                return Err(wrong_sub(args));
            }
            full = Some(match crate::engine::args::int(at(args, 5))? {
                n if n < 0 => 10,
                _ => count(at(args, 5))?,
            });
        }
    }
    let out = &mut *cx.out;
    let fields = 6
        + if told.counters { 3 } else { 0 }
        + if told.idmp { 6 } else { 0 }
        + usize::from(full.is_none());
    out.map(fields);
    put_numbers(out, stream, &told);
    match full {
        None => {
            key(out, "groups");
            out.count(stream.groups().len());
            for (name, entry) in [
                ("first-entry", stream.first()),
                ("last-entry", stream.last()),
            ] {
                key(out, name);
                match entry {
                    Some(entry) => put_entry(out, entry),
                    None => out.nil(),
                }
            }
        }
        Some(max) => put_full(out, stream, &told, max),
    }
    Ok(())
}

fn put_full(out: &mut Out, stream: &Stream, told: &Told, max: u64) {
    let max = match max {
        0 => usize::MAX,
        n => usize::try_from(n).unwrap_or(usize::MAX),
    };
    key(out, "entries");
    out.array(usize::try_from(stream.len()).unwrap_or(usize::MAX).min(max));
    for entry in stream.iter().take(max) {
        put_entry(out, entry);
    }
    key(out, "groups");
    out.array(stream.groups().len());
    for (name, group) in stream.groups() {
        out.map(if told.counters { 7 } else { 5 });
        key(out, "name");
        out.bulk(name);
        key(out, "last-delivered-id");
        out.id(group.last_id);
        if told.counters {
            put_read(out, group);
            put_lag(out, stream, group, told);
        }
        key(out, "pel-count");
        out.count(group.pel().len());
        key(out, "pending");
        out.array(group.pel().len().min(max));
        for p in group.pel().iter().take(max) {
            out.array(4);
            out.id(p.id);
            out.bulk(group.consumer(p.owner).map_or(&[], |c| &c.name));
            out.int(p.time);
            out.int(p.count.cast_signed());
        }
        put_consumers(out, group, told, max);
    }
}

fn put_consumers(out: &mut Out, group: &Group, told: &Told, max: usize) {
    // One pass over the pending entries for all consumers.
    let mut owned: Vec<Vec<Pending>> = Vec::new();
    for p in group.pel().iter().filter(|p| p.owner != NOBODY) {
        let at = p.owner as usize;
        if owned.len() <= at {
            owned.resize_with(at + 1, Vec::new);
        }
        if let Some(own) = owned.get_mut(at).filter(|own| own.len() < max) {
            own.push(*p);
        }
    }
    key(out, "consumers");
    out.array(group.consumers_len());
    for (at, consumer) in group.consumers() {
        out.map(if told.active { 5 } else { 4 });
        key(out, "name");
        out.bulk(&consumer.name);
        key(out, "seen-time");
        out.int(consumer.seen_time);
        if told.active {
            key(out, "active-time");
            out.int(consumer.active_time);
        }
        key(out, "pel-count");
        out.count(consumer.pending);
        key(out, "pending");
        let own = owned.get(at as usize).map_or(&[][..], Vec::as_slice);
        out.array(own.len());
        for p in own {
            out.array(3);
            out.id(p.id);
            out.int(p.time);
            out.int(p.count.cast_signed());
        }
    }
}
