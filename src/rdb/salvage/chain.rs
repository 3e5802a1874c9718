//! Where records begin, in bytes whose framing is lost.
//!
//! A place is a boundary if records chain from it: to the end of the RDB, or for as many as do not come about by chance.
//! Bytes of a value hit upon a type, a name and a value that end where the next record begins only rarely; sixteen times in
//! a row they do not. More are not asked for: the next damage may stand behind them. Half as many do where nothing better
//! is near.

use super::super::frame::Header;
use super::super::template::Templates;
use super::super::{length, opcode as op, skip, string, types};
use crate::error::{Error, ErrorKind, Result};
use crate::input::bytes::{Bytes, ReadAt, Slice};
use crate::model::kind::Flavour;

/// Records that make a chain good.
pub(super) const ENOUGH: u32 = 16;

/// Records that make a chain good where none is better that begins before it ends.
const NEARLY: u32 = 8;

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

/// Bytes of a value that count as a record when work is counted: to pass over elements takes time, too.
const WORK: u64 = 16;

/// How far a chain comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chain {
    /// To the end of the RDB, or for enough records.
    Good,
    /// For so many records, up to that place, and then to bytes that are none.
    Breaks(u32, usize),
    /// Nowhere.
    Nothing,
}

/// A search for boundaries.
pub(super) struct Search<'a> {
    src: &'a dyn ReadAt,
    pub(super) size: u64,
    header: Header,
    /// Records that may still be looked at.
    budget: u64,
    /// Whether the end of the RDB alone is a boundary.
    ends: bool,
    /// What was read last, and where it begins.
    window: Vec<u8>,
    at: u64,
}

impl<'a> Search<'a> {
    pub(super) fn new(src: &'a dyn ReadAt, size: u64, header: Header) -> Search<'a> {
        Search {
            src,
            size,
            header,
            budget: 200_000_000 + size.saturating_mul(4),
            ends: true,
            window: Vec::new(),
            at: 0,
        }
    }

    /// A window in which an offset stands; where in it that is.
    fn load(&mut self, at: u64) -> Result<usize> {
        let skip = at
            .checked_sub(self.at)
            .and_then(|n| usize::try_from(n).ok());
        let whole = self.at + self.window.len() as u64 == self.size;
        let room = if whole { 0 } else { WINDOW - STEP };
        if let Some(skip) = skip.filter(|n| n.saturating_add(room) < self.window.len()) {
            return Ok(skip);
        }
        let n = usize::try_from(self.size.saturating_sub(at)).map_or(WINDOW, |n| n.min(WINDOW));
        self.window.resize(n, 0);
        self.at = at;
        self.src
            .read_exact_at(&mut self.window, at)
            .inspect_err(|_| self.window.clear())?;
        Ok(0)
    }

    /// The same as [`Search::next`] for a place that begins with records.
    pub(super) fn records(&mut self, from: u64, below: u64) -> Result<Option<u64>> {
        self.ends = false;
        let found = self.next(from, below, ENOUGH);
        self.ends = true;
        found
    }

    /// The first boundary from an offset on, and below another. Where no chain is good, the longest one does that has at
    /// least so many records.
    pub(super) fn next(&mut self, from: u64, below: u64, least: u32) -> Result<Option<u64>> {
        let mut at = from;
        while at < below {
            let first = self.load(at)?;
            let window = std::mem::take(&mut self.window);
            let found = self.in_window(&window, first, below, least);
            let whole = self.at + window.len() as u64 == self.size;
            let step = if whole { window.len() } else { STEP };
            self.window = window;
            if found.is_some() || self.budget == 0 {
                return Ok(found);
            }
            at = self.at + step.max(first + 1) as u64;
        }
        Ok(None)
    }

    /// The same in a window, from a place in it on.
    fn in_window(&mut self, window: &[u8], first: usize, below: u64, least: u32) -> Option<u64> {
        let at = self.at;
        let whole = at + window.len() as u64 == self.size;
        let step = if whole {
            window.len()
        } else {
            STEP.max(first + 1)
        };
        let step = usize::try_from(below - at).map_or(step, |left| left.min(step));
        let mut best: Option<(u32, usize)> = None;
        let mut last = step;
        for place in first..step {
            if place >= last {
                break;
            }
            match self.chain(window, place, at, whole) {
                Chain::Good => return Some(at + place as u64),
                Chain::Breaks(n, end) if best.is_none_or(|(most, _)| n > most) => {
                    best = Some((n, place));
                    if n >= NEARLY.max(least) && last == step {
                        last = end;
                    }
                }
                _ => {}
            }
            if self.budget == 0 {
                return None;
            }
        }
        let (_, place) = best.filter(|(n, _)| *n >= least)?;
        Some(at + place as u64)
    }

    /// Whether a record whose type byte alone is wrong stands at an offset: its name and a value of some type follow, and
    /// good records behind them.
    pub(super) fn is_record_but_type(&mut self, at: u64) -> Result<bool> {
        let skip = self.load(at)?;
        let held = std::mem::take(&mut self.window);
        let window = held.get(skip..).unwrap_or_default();
        let found = self.but_type(window, at);
        self.window = held;
        Ok(found)
    }

    fn but_type(&mut self, window: &[u8], at: u64) -> bool {
        let whole = at + window.len() as u64 == self.size;
        let Some(rest) = window.get(1..) else {
            return false;
        };
        for row in types::rows(self.header.flavour) {
            let mut b = Slice::new(rest, at + 1);
            let named = is_name(&mut b).unwrap_or(false);
            let framed = named && skip::value(&mut b, row.layout, &Templates::default()).is_ok();
            let behind = window.len() - b.rest().len();
            let chain = || self.chain(window, behind, at, whole);
            let good = match framed.then(chain) {
                Some(Chain::Good) => true,
                Some(Chain::Breaks(n, _)) => n >= NEARLY,
                _ => false,
            };
            if good {
                return true;
            }
        }
        false
    }

    /// How far records chain from a place of the window, which begins at offset `at`.
    fn chain(&mut self, window: &[u8], place: usize, at: u64, whole: bool) -> Chain {
        let bytes = window.get(place..).unwrap_or_default();
        let mut b = Slice::new(bytes, at + place as u64);
        let (mut records, mut end) = (0, place);
        loop {
            self.budget = self.budget.saturating_sub(1);
            if self.budget == 0 {
                return Chain::Nothing;
            }
            let before = b.rest().len();
            let read = self.record(&mut b, records == 0);
            let passed = (before - b.rest().len()) as u64;
            self.budget = self.budget.saturating_sub(passed / WORK).max(1);
            match read {
                Ok(true) => {
                    records += 1;
                    end = window.len() - b.rest().len();
                }
                Ok(false) if (self.ends || records > 0) && self.is_end(b.rest(), whole) => {
                    return Chain::Good;
                }
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
            n => Chain::Breaks(n, end),
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
