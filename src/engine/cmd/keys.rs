//! Keys and databases.

use super::Family;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, database, int};
use crate::engine::reply::{Done, Refusal, texts};

pub(super) const COMMANDS: Family = &[
    ("del", del),
    ("unlink", del),
    ("exists", exists),
    ("pexpireat", pexpireat),
    ("select", select),
];

fn del(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let mut gone = 0;
    for name in args.iter().skip(1) {
        gone += usize::from(cx.keys.remove(cx.db, name).is_some());
    }
    cx.out.count(gone);
    Ok(())
}

fn exists(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let found = args
        .iter()
        .skip(1)
        .filter(|name| cx.keys.exists(cx.db, name))
        .count();
    cx.out.count(found);
    Ok(())
}

fn pexpireat(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let ms = int(at(args, 2))?;
    let found = match cx.keys.edit(cx.db, at(args, 1)) {
        Some(mut edit) => {
            edit.entry.set_expire(Some(ms));
            edit.changed(1);
            true
        }
        None => false,
    };
    cx.out.yes(found);
    Ok(())
}

fn select(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let arg = at(args, 1);
    int(arg).map_err(|_| texts::NOT_INT)?;
    cx.db = database(arg).ok_or(Refusal::new("ERR DB index is out of range"))?;
    cx.out.ok();
    Ok(())
}
