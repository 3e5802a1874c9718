//! The look by meaning: both sources are read once more, and the digests of the keys that are stored otherwise compared.
//!
//! Workers give the digests of a source in its order, so that a row of them is all that is held: 60 bytes a key.

use super::digest::{self, Digest};
use super::hash::Key;
use super::side::Side;
use super::table::{Ttl, some};
use super::{Count, Options};
use crate::error::{Error, Result};
use crate::pipe::{self, Flow, Out};
use crate::rdb::frame::Block;
use crate::rdb::walk::Scratch;
use std::io::Write;

/// The look by meaning, at all keys that are stored otherwise.
pub(super) struct Digests<'a> {
    pub(super) key: Key,
    pub(super) options: &'a Options<'a>,
    pub(super) count: Count,
    pub(super) sides: [&'a Side; 2],
}

/// Takes the digests of the records at those offsets, in order.
struct Digester<'a> {
    of: &'a Digests<'a>,
    /// Ascending.
    offsets: &'a (dyn Fn(usize) -> Option<u64> + Sync),
    count: usize,
    sc: Scratch,
}

impl Digester<'_> {
    /// The first of the offsets that is not below.
    fn from(&self, offset: u64) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            if (self.offsets)(middle).is_some_and(|at| at < offset) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl pipe::Work for Digester<'_> {
    fn block(&mut self, block: &Block, out: &mut Out<'_, '_>) -> Result<Flow> {
        let mut next = self.from(block.base);
        for record in block.records() {
            let Some(row) = record.row() else { continue };
            if (self.offsets)(next) != Some(record.offset()) {
                continue;
            }
            next += 1;
            let (key, count) = (self.of.key, self.of.count);
            let digest = Digest::of(key, &record, row, count, &mut self.sc)?;
            out.buf.extend_from_slice(&digest.to_bytes());
        }
        Ok(Flow::More)
    }
}

impl Digests<'_> {
    /// The digests of the records at those offsets, one behind the other.
    fn read(
        &self,
        side: &Side,
        offsets: &(dyn Fn(usize) -> Option<u64> + Sync),
        count: usize,
        out: &mut (dyn Write + Send),
    ) -> Result<()> {
        let make = || Digester {
            of: self,
            offsets,
            count,
            sc: Scratch::default(),
        };
        let threads = self.options.threads;
        let outcome = pipe::run(side.again()?, threads, make, out, self.options.progress);
        outcome.error.map_or(Ok(()), |e| Err(e.in_file(&side.name)))
    }

    /// Takes out those pairs that mean the same; gives how many.
    pub(super) fn settle(&self, pairs: &mut Vec<(u64, u64)>) -> Result<u64> {
        let before = pairs.len();
        let [a, b] = self.sides;
        let mut first = Vec::with_capacity(before * digest::LEN);
        self.read(a, &|i| pairs.get(i).map(|p| p.0), before, &mut first)?;
        let mut order: Vec<u32> = (0..).take(before).collect();
        order.sort_unstable_by_key(|i| pairs.get(*i as usize).map(|p| p.1));
        let offsets = |i: usize| {
            let pair = order.get(i).and_then(|i| pairs.get(*i as usize));
            pair.map(|p| p.1)
        };
        let mut against = Against {
            first: &first,
            order: &order,
            ttl: self.count.ttl,
            held: Vec::new(),
            next: 0,
            same: vec![false; before],
        };
        self.read(b, &offsets, before, &mut against)?;
        let all_read = first.len() == before * digest::LEN && against.next == before;
        let mut same = against.same.into_iter();
        if !all_read {
            return Err(Error::usage("the files change while they are compared"));
        }
        pairs.retain(|_| !same.next().unwrap_or(false));
        Ok((before - pairs.len()) as u64)
    }
}

/// Compares digests as they come with those of the first source.
struct Against<'a> {
    first: &'a [u8],
    order: &'a [u32],
    ttl: Ttl,
    held: Vec<u8>,
    next: usize,
    same: Vec<bool>,
}

impl Against<'_> {
    fn digest(&mut self, bytes: &[u8; digest::LEN]) {
        let index = self.order.get(self.next).map(|i| *i as usize);
        self.next += 1;
        let Some(index) = index else { return };
        let other = self.first.get(index * digest::LEN..);
        let Some(other) = other.and_then(<[u8]>::first_chunk) else {
            return;
        };
        let (a, b) = (Digest::from_bytes(other), Digest::from_bytes(bytes));
        if let Some(same) = self.same.get_mut(index) {
            *same = a.same(&b) && self.ttl.same(some(a.expire_ms), some(b.expire_ms));
        }
    }
}

impl Write for Against<'_> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(buf);
        let (digests, rest) = held.as_chunks::<{ digest::LEN }>();
        digests.iter().for_each(|bytes| self.digest(bytes));
        self.held = rest.to_vec();
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
