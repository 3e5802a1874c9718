//! Hashes.

use super::Family;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, bytes_from};
use crate::engine::reply::{Done, Refusal};
use crate::model::kind::Kind;

pub(super) const COMMANDS: Family = &[("hset", hset), ("hmset", hmset)];

fn set_pairs(cx: &mut Cx<'_>, args: &Args<'_>, name: &str) -> Result<usize, Refusal> {
    if !args.len().is_multiple_of(2) {
        return Err(Refusal::of(format!(
            "ERR wrong number of arguments for '{name}' command"
        )));
    }
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::Hash);
    let mut hash = edit.entry.hash(edit.limits)?;
    hash.expect(args.len() / 2 - 1, bytes_from(args, 2));
    let mut added = 0;
    let mut rest = args.iter().skip(2);
    while let (Some(field), Some(value)) = (rest.next(), rest.next()) {
        added += usize::from(hash.set(field, value));
    }
    edit.changed(args.len() / 2 - 1);
    Ok(added)
}

fn hset(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let added = set_pairs(cx, args, "hset")?;
    cx.out.count(added);
    Ok(())
}

fn hmset(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    set_pairs(cx, args, "hmset")?;
    cx.out.ok();
    Ok(())
}
