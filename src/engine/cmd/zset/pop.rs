//! The lowest and the highest members are taken out: ZPOPMIN and its kin.

use super::super::list::{MultiPop, wait};
use super::zset;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, count, is};
use crate::engine::reply::{Done, texts};
use crate::engine::value::zset::ZsetRef;
use crate::packed::string::Digits;

pub(super) fn pop(cx: &mut Cx<'_>, args: &Args<'_>, highest: bool) -> Done {
    if args.len() > 3 {
        return Err(texts::SYNTAX);
    }
    let n = args.get(2).map(count).transpose()?;
    if n == Some(0) && cx.is_redis_before((7, 0)) {
        cx.out.array(0);
        return Ok(());
    }
    let Some(len) = zset(cx.keys, cx.db, at(args, 1))?.map(ZsetRef::len) else {
        cx.out.array(0);
        return Ok(());
    };
    let nested = n.is_some() && cx.out.resp3();
    let n = n.unwrap_or(1).min(len);
    cx.out.array(if nested { n } else { n * 2 });
    take(cx, at(args, 1), highest, n, nested);
    Ok(())
}

/// Answers with up to `n` members of one end and their scores, and takes them out.
fn take(cx: &mut Cx<'_>, name: &[u8], highest: bool, n: usize, nested: bool) -> usize {
    let Some(mut edit) = cx.keys.edit(cx.db, name) else {
        return 0;
    };
    let Ok(mut zset) = edit.entry.zset(edit.limits) else {
        return 0;
    };
    let len = zset.view().len();
    let n = n.min(len);
    if cx.out.listens() {
        let members = if highest {
            zset.view().iter_back_from(0)
        } else {
            zset.view().iter_from(0)
        };
        for (member, score) in members.take(n) {
            if nested {
                cx.out.array(2);
            }
            cx.out.str(&member);
            cx.out.double(score);
        }
    }
    if highest {
        zset.remove_ranks(len - n, len);
    } else {
        zset.remove_ranks(0, n);
    }
    edit.changed(n);
    n
}

/// The word that takes members from that end.
fn pop_word(highest: bool) -> &'static [u8] {
    if highest { b"ZPOPMAX" } else { b"ZPOPMIN" }
}

pub(super) fn first(cx: &mut Cx<'_>, args: &Args<'_>, highest: bool) -> Done {
    let last = args.len() - 1;
    wait(cx, at(args, last))?;
    for name in args.iter().take(last).skip(1) {
        if zset(cx.keys, cx.db, name)?.is_some() {
            cx.out.array(3);
            cx.out.bulk(name);
            take(cx, name, highest, 1, false);
            cx.log.put(cx.db, [pop_word(highest), name]);
            return Ok(());
        }
    }
    cx.out.nil_array();
    Ok(())
}

pub(super) fn of_many(cx: &mut Cx<'_>, args: &Args<'_>, keys_at: usize) -> Done {
    let many = MultiPop::read(args, keys_at)?;
    let highest = if is(many.end, "MAX") {
        true
    } else if is(many.end, "MIN") {
        false
    } else {
        return Err(texts::SYNTAX);
    };
    let n = many.count(args)?;
    if keys_at == 2 {
        wait(cx, at(args, 1))?;
    }
    for name in many.keys(args) {
        if let Some(zset) = zset(cx.keys, cx.db, name)? {
            cx.out.array(2);
            cx.out.bulk(name);
            cx.out.array(n.min(zset.len()));
            let n = take(cx, name, highest, n, true);
            let n = Digits::new(i64::try_from(n).unwrap_or(i64::MAX));
            cx.log.put(cx.db, [pop_word(highest), name, n.as_bytes()]);
            return Ok(());
        }
    }
    cx.out.nil_array();
    Ok(())
}
