//! Strings.

use super::Family;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, int, is};
use crate::engine::entry::{Slot, ValueRef};
use crate::engine::reply::{Done, texts};

pub(super) const COMMANDS: Family = &[("get", get), ("set", set)];

fn get(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    match cx.keys.find(cx.db, at(args, 1)) {
        None => cx.out.nil(),
        Some(ValueRef::Str(s)) => cx.out.str(&s),
        Some(_) => return Err(texts::WRONGTYPE),
    }
    Ok(())
}

fn set(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    let mut expire_ms = None;
    if args.len() == 5 && is(at(args, 3), "PXAT") {
        expire_ms = Some(int(at(args, 4))?);
    } else if args.len() > 3 {
        return Err(texts::SYNTAX);
    }
    cx.keys
        .put(cx.db, Slot::string(name, expire_ms, at(args, 2)));
    cx.out.ok();
    Ok(())
}
