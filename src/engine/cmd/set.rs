//! Sets.

use super::Family;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, bytes_from};
use crate::engine::reply::Done;
use crate::model::kind::Kind;

pub(super) const COMMANDS: Family = &[("sadd", sadd)];

fn sadd(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::Set);
    let mut set = edit.entry.set(edit.limits)?;
    set.expect(args.len() - 2, bytes_from(args, 2));
    let mut added = 0;
    for member in args.iter().skip(2) {
        added += usize::from(set.add(member));
    }
    edit.changed(added);
    cx.out.count(added);
    Ok(())
}
