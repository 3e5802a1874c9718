//! The nodes of a list: how many elements each takes, and how it is written.
//!
//! Source: redis `src/quicklist.c`, `_quicklistNodeAllowInsert`: an element goes into a node as long as the node's bytes,
//! the element and 8 more stay within the limit. Where the borders are is no data.

use super::items::Pen;
use crate::error::Result;
use crate::model::target::Target;
use crate::packed::string::{Giant, Str};
use crate::packed::zip;
use crate::rdb::choose::{self, Thresholds};
use crate::rdb::length;
use crate::resp::encode::Output;

/// Bytes of a node that has no elements.
const EMPTY: u64 = 7;
/// What an element is expected to take beside its bytes.
const BESIDE: u64 = 8;

const PLAIN: u64 = 1;
const PACKED: u64 = 2;

/// Fills nodes one after the other.
pub(super) struct Fill {
    listpacks: bool,
    /// Whether elements above the limit of a node stand alone, as they are.
    plain: bool,
    max_bytes: u64,
    max_count: usize,
    bytes: u64,
    count: usize,
}

impl Fill {
    pub(super) fn new(target: &Target, thresholds: &Thresholds) -> Fill {
        let (max_bytes, max_count) = thresholds.node();
        Fill {
            listpacks: target.has(choose::LISTPACKS),
            plain: target.has(choose::PLAIN_NODES),
            max_bytes: max_bytes as u64,
            max_count,
            bytes: EMPTY,
            count: 0,
        }
    }

    /// The type code of such a list.
    pub(super) fn code(&self) -> u8 {
        if self.listpacks { 18 } else { 14 }
    }

    /// Whether an element stands alone.
    fn alone(&self, s: &Str<'_>) -> bool {
        matches!(s, Str::Giant(_)) || (self.plain && s.len() > self.max_bytes)
    }

    /// Whether there is room for it in the node under way.
    fn has_room(&self, s: &Str<'_>) -> bool {
        self.count < self.max_count && self.bytes + s.len() + BESIDE <= self.max_bytes
    }

    fn take(&mut self, s: &Str<'_>) {
        self.bytes += s.len() + BESIDE;
        self.count += 1;
    }

    fn next(&mut self) {
        self.bytes = EMPTY;
        self.count = 0;
    }

    /// How many nodes begin with this element.
    pub(super) fn begins(&mut self, s: &Str<'_>) -> u64 {
        if self.alone(s) {
            self.next();
            return 1;
        }
        let begins = self.count == 0 || !self.has_room(s);
        if begins {
            self.next();
        }
        self.take(s);
        begins.into()
    }

    /// How many nodes elements take.
    pub(super) fn count<'s>(&mut self, elements: impl Iterator<Item = Str<'s>>) -> u64 {
        elements.map(|s| self.begins(&s)).sum()
    }

    /// Writes an element, and the node before it where that is full.
    pub(super) fn push<O: Output>(
        &mut self,
        s: &Str<'_>,
        pen: &mut Pen<'_>,
        out: &mut O,
    ) -> Result<()> {
        if self.alone(s) {
            self.close(pen, out.bytes());
            return match s {
                Str::Giant(giant) => self.giant(giant, out),
                s => {
                    length::write(PLAIN, out.bytes());
                    super::items::with_bytes(s, |bytes| pen.strings.blob(bytes, out.bytes()));
                    Ok(())
                }
            };
        }
        if self.count > 0 && !self.has_room(s) {
            self.close(pen, out.bytes());
        }
        if self.count == 0 {
            pen.packed.begin(self.listpacks);
        }
        self.take(s);
        pen.packed.push(s);
        out.relieve()
    }

    /// Writes the node under way.
    pub(super) fn close(&mut self, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        if self.count > 0 {
            if self.listpacks {
                length::write(PACKED, out);
            }
            let bytes = pen.packed.finish();
            pen.strings.blob(bytes, out);
        }
        self.next();
    }

    /// A node of one element that is not held.
    fn giant<O: Output>(&self, giant: &Giant<'_>, out: &mut O) -> Result<()> {
        let mut around = (Vec::new(), giant.len);
        if self.listpacks {
            length::write(PLAIN, out.bytes());
        } else {
            let len = usize::try_from(giant.len).unwrap_or(usize::MAX);
            around = zip::around(len);
        }
        length::write(around.1, out.bytes());
        out.bytes().extend_from_slice(&around.0);
        giant.chunks(&mut |piece| {
            out.bytes().extend_from_slice(piece);
            out.relieve()
        })?;
        if !self.listpacks {
            out.bytes().push(0xff);
        }
        Ok(())
    }
}
