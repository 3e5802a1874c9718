//! What `SCAN`, `SSCAN` and `ZSCAN` share: a cursor into a table, or all of what is packed.
//!
//! The cursor is how many places at the front of the table are still to be visited, so the walk goes from the back to
//! the front. A removal moves the last thing into the gap: into one that is still to be visited, or from one visited to
//! another place, which may show it twice. What is there all the time is shown.

use crate::engine::Cx;
use crate::engine::args::{c_text, int, is, is_blank};
use crate::engine::reply::{Out, Refusal, texts};
use crate::filter::glob::Glob;
use crate::model::number::{parse_i64, push_u64};

/// A scan of a collection.
#[derive(Debug)]
pub(super) struct Scan {
    cursor: u64,
    pattern: Option<Glob>,
    count: usize,
    /// The type asked for, in lower case.
    pub(super) kind: Option<Vec<u8>>,
}

impl Scan {
    /// Reads a cursor, as C's `strtoull` does: a plus may stand before it, and a minus wraps around. Blanks in front and
    /// no digits at all are what servers differ in.
    pub(super) fn cursor(cx: &Cx<'_>, arg: &[u8]) -> Result<u64, Refusal> {
        let is_old = cx.is_redis_before((7, 2));
        let arg = if is_old { c_text(arg) } else { arg };
        let blanks = arg.iter().take_while(|b| is_blank(**b)).count();
        let text = arg.get(blanks..).unwrap_or_default();
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let value = if !is_old && parse_i64(arg).is_some_and(|n| n < 0) {
            // A number in its plain form is looked at first, and refused.
            None
        } else if digits.is_empty() {
            (is_old && arg.is_empty()).then_some(0)
        } else if is_old && blanks > 0 || !digits.iter().all(u8::is_ascii_digit) {
            None
        } else {
            std::str::from_utf8(digits)
                .ok()
                .and_then(|d| d.parse().ok())
        };
        value
            .map(|v: u64| if negative { v.wrapping_neg() } else { v })
            .ok_or(Refusal::new("ERR invalid cursor"))
    }

    /// Reads the options behind the cursor; a TYPE only where there are keys of several types.
    pub(super) fn read<'a>(
        cx: &Cx<'_>,
        cursor: u64,
        mut options: impl Iterator<Item = &'a [u8]>,
        typed: bool,
    ) -> Result<Scan, Refusal> {
        let mut scan = Scan {
            cursor,
            pattern: None,
            count: 10,
            kind: None,
        };
        let knows_values = cx.is_redis((7, 4)) || cx.is_valkey() && cx.dialect.version >= (8, 0);
        while let Some(option) = options.next() {
            if knows_values && is(option, "NOVALUES") {
                return Err(Refusal::new(
                    "ERR NOVALUES option can only be used in HSCAN",
                ));
            }
            match options.next() {
                Some(arg) if is(option, "COUNT") => {
                    let n = int(arg)?;
                    scan.count = usize::try_from(n)
                        .ok()
                        .filter(|n| *n > 0)
                        .ok_or(texts::SYNTAX)?;
                }
                Some(arg) if is(option, "MATCH") => scan.pattern = Some(Glob::new(arg)),
                Some(arg) if typed && is(option, "TYPE") => {
                    scan.kind = Some(arg.to_ascii_lowercase());
                }
                _ => return Err(texts::SYNTAX),
            }
        }
        Ok(scan)
    }

    /// Whether a name is one of those that were asked for.
    pub(super) fn wants(&self, name: &[u8]) -> bool {
        self.pattern.as_ref().is_none_or(|glob| glob.matches(name))
    }

    /// The answer where there is no such key.
    pub(super) fn nothing(out: &mut Out) {
        out.array(2);
        out.bulk(b"0");
        out.array(0);
    }

    /// Answers with the next places of a table of `len`, or with all of what is packed. `show` says whether it showed
    /// the thing, in `width` replies.
    pub(super) fn answer<T>(
        &self,
        out: &mut Out,
        len: usize,
        is_table: bool,
        width: usize,
        get: impl Fn(usize) -> Option<T>,
        mut show: impl FnMut(&mut Out, &T) -> bool,
    ) {
        let (from, to) = if is_table {
            let to = match self.cursor {
                0 => len,
                n => usize::try_from(n).unwrap_or(usize::MAX).min(len),
            };
            (to.saturating_sub(self.count), to)
        } else {
            (0, len)
        };
        out.array(2);
        let mut next = Vec::new();
        push_u64(from as u64, &mut next);
        out.bulk(&next);
        let begin = out.defer();
        let mut shown = 0;
        let mut step = |n: usize| {
            if let Some(thing) = get(n)
                && show(out, &thing)
            {
                shown += width;
            }
        };
        if is_table {
            (from..to).rev().for_each(&mut step);
        } else {
            (from..to).for_each(&mut step);
        }
        out.close(begin, shown);
    }
}
