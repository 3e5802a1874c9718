//! Sorted sets.

use super::Family;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, float};
use crate::engine::reply::{Done, texts};
use crate::model::kind::Kind;

pub(super) const COMMANDS: Family = &[("zadd", zadd)];

fn zadd(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    if !args.len().is_multiple_of(2) {
        return Err(texts::SYNTAX);
    }
    let mut pairs = Vec::with_capacity(args.len() / 2 - 1);
    let mut rest = args.iter().skip(2);
    while let (Some(score), Some(member)) = (rest.next(), rest.next()) {
        pairs.push((member, float(score)?));
    }
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::Zset);
    let added = edit.entry.zset(edit.limits)?.set_all(&pairs);
    edit.changed(pairs.len());
    cx.out.count(added);
    Ok(())
}
