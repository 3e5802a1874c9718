//! Strings too long for memory: where they begin to differ.
//!
//! Each is read once into hashes of its pieces, and once more for the first piece that is not the same.

use super::compare::Datum;
use super::hash::{Key, Sip};
use super::side::Side;
use crate::error::Result;
use crate::packed::string::Str;
use crate::rdb::frame::Record;
use crate::rdb::types::TypeRow;
use crate::rdb::visit::Visit;
use crate::rdb::walk::{self, Scratch};

/// Bytes of a piece.
const PIECE: u64 = 64 << 10;
/// Bytes that are shown of what is the same, in front of the difference.
const BEFORE: u64 = 24;
/// Bytes that are shown from there on.
const SHOWN: u64 = 72;
/// Purpose of the hashes.
const PURPOSE: u64 = 31;

type Place<'a, 'r> = (&'a Record<'r>, &'static TypeRow, &'a Side);

/// The first difference of two strings, if one of them is giant and they are not the same.
pub(super) fn difference(
    a: Place<'_, '_>,
    b: Place<'_, '_>,
    key: Key,
    sc: &mut Scratch,
) -> Result<Option<(Datum, Datum)>> {
    let mut read = |(record, row, side): Place<'_, '_>| -> Result<Pieces> {
        let mut pieces = Pieces::new(key);
        walk::record(record, row, false, sc, &mut pieces).map_err(|e| side.named(e))?;
        Ok(pieces)
    };
    let (x, y) = (read(a)?, read(b)?);
    let giant = x.giant || y.giant;
    if !giant || (x.len == y.len && x.hashes == y.hashes) {
        return Ok(None);
    }
    let same = x.hashes.iter().zip(&y.hashes).take_while(|(x, y)| x == y);
    let start = same.count() as u64 * PIECE;
    let mut part = |(record, row, side): Place<'_, '_>, from: u64, to: u64| -> Result<Vec<u8>> {
        let mut part = Part {
            from,
            to,
            at: 0,
            bytes: Vec::new(),
        };
        walk::record(record, row, false, sc, &mut part).map_err(|e| side.named(e))?;
        Ok(part.bytes)
    };
    let piece_a = part(a, start, start + PIECE)?;
    let piece_b = part(b, start, start + PIECE)?;
    let same = piece_a.iter().zip(&piece_b).take_while(|(x, y)| x == y);
    let from = (start + same.count() as u64).saturating_sub(BEFORE);
    let mut datum = |place, len| -> Result<Datum> {
        Ok(Datum::Piece {
            from,
            bytes: part(place, from, from + SHOWN)?,
            len,
        })
    };
    Ok(Some((datum(a, x.len)?, datum(b, y.len)?)))
}

struct Pieces {
    key: Key,
    sip: Sip,
    held: u64,
    len: u64,
    giant: bool,
    hashes: Vec<u128>,
}

impl Pieces {
    fn new(key: Key) -> Pieces {
        Pieces {
            key,
            sip: key.hasher(PURPOSE),
            held: 0,
            len: 0,
            giant: false,
            hashes: Vec::new(),
        }
    }

    fn end(&mut self) {
        self.hashes.push(self.sip.finish());
        self.sip = self.key.hasher(PURPOSE);
        self.held = 0;
    }
}

impl Visit for Pieces {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        self.giant = matches!(value, Str::Giant(_));
        self.len = value.len();
        value.chunks(&mut |mut bytes| {
            while !bytes.is_empty() {
                let room = usize::try_from(PIECE - self.held).unwrap_or(bytes.len());
                let (head, rest) = bytes.split_at(room.min(bytes.len()));
                self.sip.write(head);
                self.held += head.len() as u64;
                bytes = rest;
                if self.held == PIECE {
                    self.end();
                }
            }
            Ok(())
        })?;
        if self.held > 0 {
            self.end();
        }
        Ok(())
    }
}

/// Takes a part of a string.
struct Part {
    from: u64,
    to: u64,
    at: u64,
    bytes: Vec<u8>,
}

impl Visit for Part {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        value.chunks(&mut |bytes| {
            let end = self.at + bytes.len() as u64;
            let cut = |to: u64| {
                let to = to.clamp(self.at, end) - self.at;
                usize::try_from(to).unwrap_or(bytes.len())
            };
            let part = bytes.get(cut(self.from)..cut(self.to));
            self.bytes.extend_from_slice(part.unwrap_or_default());
            self.at = end;
            Ok(())
        })
    }
}
