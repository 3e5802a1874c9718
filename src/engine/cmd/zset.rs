//! Sorted sets.

use super::Family;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, bytes_from, float};
use crate::engine::reply::{Done, texts};
use crate::model::kind::Kind;

pub(super) const COMMANDS: Family = &[("zadd", zadd)];

fn zadd(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    if !args.len().is_multiple_of(2) {
        return Err(texts::SYNTAX);
    }
    for score in args.iter().skip(2).step_by(2) {
        float(score)?;
    }
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::Zset);
    let mut zset = edit.entry.zset(edit.limits)?;
    zset.expect(args.len() / 2 - 1, bytes_from(args, 2));
    let mut added = 0;
    let mut rest = args.iter().skip(2);
    while let (Some(score), Some(member)) = (rest.next(), rest.next()) {
        added += usize::from(zset.set(member, float(score)?).is_none());
    }
    edit.changed(args.len() / 2 - 1);
    cx.out.count(added);
    Ok(())
}
