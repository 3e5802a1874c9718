//! HyperLogLogs.

use super::Family;
use super::string::string;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, c_text, is};
use crate::engine::entry::Slot;
use crate::engine::keys::Keys;
use crate::engine::reply::{Done, Refusal};
use crate::engine::value::Limits;
use crate::engine::value::hyperloglog::{self as hll, Corrupt, Hll, Union};
use crate::packed::string::Str;

pub(super) const COMMANDS: Family = &[
    ("pfadd", pfadd),
    ("pfcount", pfcount),
    ("pfdebug", pfdebug),
    ("pfmerge", pfmerge),
    ("pfselftest", pfselftest),
];

const NOT_ONE: Refusal = Refusal::new("WRONGTYPE Key is not a valid HyperLogLog string value.");

fn corrupt(_: Corrupt) -> Refusal {
    Refusal::new("INVALIDOBJ Corrupted HLL object detected")
}

/// The one under that name, if there is one.
fn find<'a>(keys: &'a Keys, db: u32, name: &[u8]) -> Result<Option<&'a [u8]>, Refusal> {
    match string(keys, db, name)? {
        None => Ok(None),
        Some(Str::Bytes(bytes)) if hll::is_one(bytes) => Ok(Some(bytes)),
        Some(_) => Err(NOT_ONE),
    }
}

/// Changes the one under that name, which is there or made anew.
fn change<T>(cx: &mut Cx<'_>, name: &[u8], with: impl FnOnce(&mut Hll<'_>) -> T) -> Option<T> {
    if !cx.keys.exists(cx.db, name) {
        let slot = Slot::string(name, None, &hll::empty()).edited();
        cx.keys.put(cx.db, slot);
    }
    let mut edit = cx.keys.edit(cx.db, name)?;
    let limit = edit.limits.hll_sparse;
    let mut s = edit.entry.string().ok()?;
    let (vec, at) = s.tail()?;
    Some(with(&mut Hll::new(vec, at, limit)))
}

fn pfadd(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    let mut grown = find(cx.keys, cx.db, name)?.is_none();
    let done = change(cx, name, |hll| {
        for element in args.iter().skip(2) {
            grown |= hll.add(element)?;
        }
        if grown {
            hll::outdate(hll.bytes());
        }
        Ok(())
    });
    done.unwrap_or(Ok(())).map_err(corrupt)?;
    cx.keys.dirty += u64::from(grown);
    cx.out.yes(grown);
    Ok(())
}

fn pfcount(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let mut union = Union::default();
    if args.len() > 2 {
        for name in args.iter().skip(1) {
            if let Some(bytes) = find(cx.keys, cx.db, name)? {
                union.add(bytes).map_err(corrupt)?;
            }
        }
        cx.out.int(union.count().cast_signed());
        return Ok(());
    }
    let name = at(args, 1);
    let Some(bytes) = find(cx.keys, cx.db, name)? else {
        cx.out.int(0);
        return Ok(());
    };
    let count = match hll::noted(bytes) {
        Some(count) => count,
        None => {
            union.add(bytes).map_err(corrupt)?;
            let count = union.count();
            change(cx, name, |hll| hll::note(hll.bytes(), count));
            cx.keys.dirty += 1;
            count
        }
    };
    cx.out.int(count.cast_signed());
    Ok(())
}

fn pfmerge(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let mut union = Union::default();
    let mut dense = false;
    for name in args.iter().skip(1) {
        if let Some(bytes) = find(cx.keys, cx.db, name)? {
            dense |= hll::is_dense(bytes);
            union.add(bytes).map_err(corrupt)?;
        }
    }
    let done = change(cx, at(args, 1), |hll| {
        if dense {
            hll.make_dense()?;
        }
        for (index, value) in union.registers().iter().enumerate() {
            if *value > 0 {
                hll.raise(index, *value)?;
            }
        }
        hll::outdate(hll.bytes());
        Ok(())
    });
    done.unwrap_or(Ok(())).map_err(corrupt)?;
    cx.keys.dirty += 1;
    cx.out.ok();
    Ok(())
}

fn pfdebug(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (what, name) = (at(args, 1), at(args, 2));
    let Some(bytes) = find(cx.keys, cx.db, name)? else {
        return Err(Refusal::new("ERR The specified key does not exist"));
    };
    let dense = hll::is_dense(bytes);
    if is(what, "GETREG") {
        let mut union = Union::default();
        union.add(bytes).map_err(corrupt)?;
        change(cx, name, |hll| hll.make_dense());
        cx.out.array(union.registers().len());
        for value in union.registers() {
            cx.out.int(i64::from(*value));
        }
    } else if is(what, "DECODE") {
        if dense {
            return Err(Refusal::new("ERR HLL encoding is not sparse"));
        }
        let text = hll::decoded(bytes);
        cx.out.bulk(text.as_bytes());
    } else if is(what, "ENCODING") {
        cx.out.simple(if dense { "dense" } else { "sparse" });
    } else if is(what, "TODENSE") {
        if !dense {
            let done = change(cx, name, |hll| hll.make_dense());
            done.unwrap_or(Ok(())).map_err(corrupt)?;
            cx.keys.dirty += 1;
        }
        cx.out.yes(!dense);
    } else {
        return Err(Refusal::of(format!(
            "ERR Unknown PFDEBUG subcommand '{}'",
            String::from_utf8_lossy(c_text(what))
        )));
    }
    Ok(())
}

/// Counts up to a million elements, and looks every power of ten whether the estimate is as near as it promises: six
/// times the standard error of 1.04 / √16384.
fn pfselftest(cx: &mut Cx<'_>, _args: &Args<'_>) -> Done {
    let mut bytes = hll::empty();
    let mut next = 10;
    for n in 1..=1_000_000u64 {
        Hll::new(&mut bytes, 0, Limits::default().hll_sparse)
            .add(&n.to_le_bytes())
            .map_err(corrupt)?;
        if n < next {
            continue;
        }
        next *= 10;
        let mut union = Union::default();
        union.add(&bytes).map_err(corrupt)?;
        let error = union.count().abs_diff(n);
        // 0.04875 of it, rounded up.
        if error > (n * 4875).div_ceil(100_000) {
            return Err(Refusal::of(format!(
                "TESTFAILED Too big error. card:{n} abserr:{error}"
            )));
        }
    }
    cx.out.ok();
    Ok(())
}
