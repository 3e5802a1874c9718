//! Lists.

use super::Family;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, bytes_from};
use crate::engine::reply::Done;
use crate::model::kind::Kind;

pub(super) const COMMANDS: Family = &[("rpush", rpush)];

fn rpush(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::List);
    let mut list = edit.entry.list(edit.limits)?;
    list.expect(args.len() - 2, bytes_from(args, 2));
    for element in args.iter().skip(2) {
        list.push_back(element);
    }
    let len = list.view().len();
    edit.changed(args.len() - 2);
    cx.out.count(len);
    Ok(())
}
