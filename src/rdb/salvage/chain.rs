//! Where records begin, in bytes whose framing is lost.
//!
//! A place is a boundary if records chain from it: to the end of the RDB, or for a thousand of them. Bytes of a value hit upon
//! a type, a name and a value that end where the next record begins only by chance; a thousand times they do not.

use super::super::frame::Header;
use super::super::template::Templates;
use super::super::{length, opcode as op, skip, string, types};
use crate::error::{Error, ErrorKind, Result};
use crate::input::bytes::{Bytes, ReadAt, Slice};
use crate::model::kind::Flavour;

/// Records that make a chain good.
const ENOUGH: u32 = 1000;

/// Records that make a chain good that the window cuts off.
const CUT_OFF: u32 = 4;

/// Records that a chain has to have where none is good: the longest one is taken.
pub(super) const AT_LEAST: u32 = 3;

/// The same behind a record that is longer than the file: mostly the file has been cut off inside it, and what is searched
/// is its value.
pub(super) const AT_LEAST_IN_VALUE: u32 = 16;

/// What is looked at at once, and how much of it is searched before the next window.
const WINDOW: usize = 4 << 20;
const STEP: usize = 3 << 20;

/// Databases above this are taken for noise.
const DATABASES: u64 = 100_000;

/// How far a chain comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chain {
    /// To the end of the RDB, or for enough records.
    Good,
    /// For so many records, and then to bytes that are none.
    Breaks(u32),
    /// Nowhere.
    Nothing,
}

/// A search for boundaries.
pub(super) struct Search<'a> {
    pub(super) src: &'a dyn ReadAt,
    pub(super) size: u64,
    pub(super) header: Header,
    /// Records that may still be looked at.
    pub(super) budget: u64,
}

impl Search<'_> {
    fn window(&self, at: u64) -> Result<Vec<u8>> {
        let n = usize::try_from(self.size.saturating_sub(at)).map_or(WINDOW, |n| n.min(WINDOW));
        let mut window = vec![0; n];
        self.src.read_exact_at(&mut window, at)?;
        Ok(window)
    }

    /// The first boundary from an offset on, and below another. Where no chain is good, the longest one does that has at
    /// least so many records.
    pub(super) fn next(&mut self, from: u64, below: u64, least: u32) -> Result<Option<u64>> {
        let mut at = from;
        while at < below {
            let window = self.window(at)?;
            let whole = at + window.len() as u64 == self.size;
            let step = if whole { window.len() } else { STEP };
            let step = usize::try_from(below - at).map_or(step, |left| left.min(step));
            let mut best: Option<(u32, usize)> = None;
            for place in 0..step {
                match self.chain(&window, place, at, whole) {
                    Chain::Good => return Ok(Some(at + place as u64)),
                    Chain::Breaks(n) if best.is_none_or(|(most, _)| n > most) => {
                        best = Some((n, place));
                    }
                    _ => {}
                }
                if self.budget == 0 {
                    return Ok(None);
                }
            }
            if let Some((n, place)) = best
                && n >= least
            {
                return Ok(Some(at + place as u64));
            }
            at += step as u64;
        }
        Ok(None)
    }

    /// Whether a record whose type byte alone is wrong stands at an offset: its name and a value of some type follow, and
    /// good records behind them.
    pub(super) fn is_record_but_type(&mut self, at: u64) -> Result<bool> {
        let window = self.window(at)?;
        let whole = at + window.len() as u64 == self.size;
        for row in types::rows(self.header.flavour) {
            let Some(rest) = window.get(1..) else {
                return Ok(false);
            };
            let mut b = Slice::new(rest, at + 1);
            let named = is_name(&mut b).unwrap_or(false);
            let framed = named && skip::value(&mut b, row.layout, &Templates::default()).is_ok();
            let behind = window.len() - b.rest().len();
            if framed && self.chain(&window, behind, at, whole) == Chain::Good {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How far records chain from a place of the window, which begins at offset `at`.
    fn chain(&mut self, window: &[u8], place: usize, at: u64, whole: bool) -> Chain {
        let bytes = window.get(place..).unwrap_or_default();
        let mut b = Slice::new(bytes, at + place as u64);
        let mut records = 0;
        loop {
            self.budget = self.budget.saturating_sub(1);
            if self.budget == 0 {
                return Chain::Nothing;
            }
            match self.record(&mut b, records == 0) {
                Ok(true) => records += 1,
                Ok(false) if self.is_end(b.rest(), whole) => return Chain::Good,
                Ok(false) => break,
                Err(e) if e.kind() == ErrorKind::Truncated && !whole && records >= CUT_OFF => {
                    return Chain::Good;
                }
                Err(_) => break,
            }
            if records >= ENOUGH {
                return Chain::Good;
            }
        }
        match records {
            0 => Chain::Nothing,
            n => Chain::Breaks(n),
        }
    }

    /// Whether an RDB may end in front of these bytes: its checksum, and then nothing, zeros, or commands.
    fn is_end(&self, rest: &[u8], whole: bool) -> bool {
        if self.header.version < 5 {
            return whole && rest.is_empty();
        }
        let behind = rest.get(8..);
        match behind {
            // Of a checksum that is cut off, too much is needed to be found by chance.
            None => false,
            Some([]) => true,
            Some([b'*', b'1'..=b'9', ..] | [b'#', b'T', b'S', b':', ..]) => true,
            Some(behind) => {
                behind.starts_with(b"REDIS0")
                    || behind.starts_with(b"VALKEY0")
                    || (whole && behind.iter().all(|b| *b == 0))
            }
        }
    }

    /// Passes over a record; `false` at the end of the file. A chain does not begin with an empty name: that is a hole.
    fn record(&self, b: &mut Slice<'_>, first: bool) -> Result<bool> {
        let valkey = self.header.flavour == Flavour::Valkey;
        loop {
            let at = b.at();
            let code = b.byte()?;
            if let Some(row) = types::by_code(self.header.flavour, code) {
                if !is_name(b)? && first {
                    return Err(at.corrupt("an empty name"));
                }
                skip::value(b, row.layout, &Templates::default())?;
                return Ok(true);
            }
            match code {
                op::EOF => return Ok(false),
                op::EXPIRETIME_MS => b.skip(8)?,
                op::EXPIRETIME => b.skip(4)?,
                op::IDLE => _ = length::number(b)?,
                op::FREQ => b.skip(1)?,
                op::KEY_NOEVICT if !valkey => {}
                op::KEY_META if !valkey => skip::key_meta(b)?,
                op::SELECTDB => {
                    if length::number(b)? > DATABASES {
                        return Err(at.corrupt("no database"));
                    }
                    return Ok(true);
                }
                _ => {
                    return if skip::record(b, code, valkey)? {
                        Ok(true)
                    } else {
                        Err(at.corrupt("an unknown opcode"))
                    };
                }
            }
        }
    }
}

/// Passes over a name; `false` where it is empty.
fn is_name(b: &mut Slice<'_>) -> Result<bool, Error> {
    match string::form(b)? {
        string::Form::Raw(n) => {
            b.skip(n)?;
            Ok(n > 0)
        }
        string::Form::Int(n) => {
            b.skip(u64::from(n))?;
            Ok(true)
        }
        string::Form::Lzf(stored, _) => {
            b.skip(stored)?;
            Ok(stored > 0)
        }
    }
}
