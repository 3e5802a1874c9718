//! The files that `testdata/` holds under the name of `made-…`: what no server at hand writes, piece by piece.

mod damaged;
mod intact;

pub(crate) use damaged::all as damaged;
pub(crate) use intact::all as intact;

use super::rdb::{Listpack, lp};

/// 2030-01-01 in milliseconds.
const T: i64 = 1_893_456_000_000;

/// A node's listpack: the master entry with fields `a` and `b`.
fn node(live: i64, dead: i64) -> Listpack {
    lp().i(live).i(dead).i(2).s("a").s("b").i(0)
}

/// An entry with the master's fields.
fn same(lp: Listpack, flags: i64, ms: i64, seq: i64, values: [&str; 2]) -> Listpack {
    lp.i(flags | 2).i(ms).i(seq).all(&values).i(5)
}

/// An entry with one field of its own.
fn own(lp: Listpack, ms: i64, seq: i64, field: &str, value: &str) -> Listpack {
    lp.i(0).i(ms).i(seq).i(1).s(field).s(value).i(6)
}
