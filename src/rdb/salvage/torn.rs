//! The record in which a file ends.

use super::super::template::Templates;
use super::super::types::{self, TypeRow};
use super::super::{length, opcode, skip, string};
use super::{HEAD, Salvage, value};
use crate::error::{Error, ErrorKind, Result};
use crate::input::bytes::{Bytes, Paged};
use crate::model::kind::Flavour;
use crate::model::patch::Fate;
use crate::text::quoted;
use std::hash::BuildHasher;

impl Salvage<'_> {
    /// Cuts the record in which the file ends to the elements that are there. Says whether there are any.
    pub(super) fn torn(&mut self, at: u64, e: &Error) -> Result<bool> {
        let mut b = Paged::new(&*self.src, at, self.size, 0);
        let Ok(Some(front)) = front(&mut b, self.header.flavour, true) else {
            return Ok(false);
        };
        let Some(row) = front.row else {
            return Ok(false);
        };
        let (at, key) = (front.at, b.at().offset);
        let db = front.db.unwrap_or(self.db);
        let hash = self.hasher.hash_one((db, &front.name));
        if self.seen.contains(&hash) {
            return Ok(false);
        }
        let none = Templates::default();
        let found = value::cut(b.clone(), row, self.header, &none, self.room, &mut self.sc);
        let (bytes, n) = match found {
            Ok(Some(found)) => found,
            Err(e) if e.kind() == ErrorKind::Io => return Err(e),
            _ => return Ok(false),
        };
        let mut with = Vec::new();
        for (from, to) in [(at, front.code_at), (front.code_at + 1, key)] {
            if from > front.code_at {
                with.extend_from_slice(bytes.get(..1).unwrap_or_default());
            }
            let n = usize::try_from(to - from).unwrap_or_default();
            let start = with.len();
            with.resize(start + n, 0);
            let space = with.get_mut(start..).unwrap_or_default();
            self.src.read_exact_at(space, from)?;
        }
        with.extend_from_slice(bytes.get(1..).unwrap_or_default());
        self.seen.insert(hash);
        self.room = self.room.saturating_sub(with.len() as u64);
        self.found.keys += 1;
        let shown = quoted(&front.name);
        let why = format!("{}: cut to the {n} elements that are there", e.message());
        self.doubt(at, format!("db {db}, key {shown}: cut where the file ends"));
        let keys = vec![(db, front.name)];
        self.patch(at, self.size, Fate::Replace(with), "torn-value", why, keys)?;
        Ok(true)
    }
}

/// What stands in front of a value.
pub(super) struct Front {
    /// `None`: no type that is known.
    row: Option<&'static TypeRow>,
    /// Offset of the first byte of the record.
    at: u64,
    /// Offset of the type.
    code_at: u64,
    pub(super) name: Vec<u8>,
    /// The database, where it is chosen in front of it.
    db: Option<u64>,
}

/// Reads what stands in front of a value; `None` where no key begins. `records`: behind records that are no keys, too.
pub(super) fn front<'a, B: Bytes<'a>>(
    b: &mut B,
    flavour: Flavour,
    records: bool,
) -> Result<Option<Front>> {
    let (mut at, mut db) = (b.at().offset, None);
    loop {
        let code_at = b.at().offset;
        let code = b.byte()?;
        match code {
            opcode::EXPIRETIME_MS => b.skip(8)?,
            opcode::EXPIRETIME => b.skip(4)?,
            opcode::IDLE => _ = length::number(b)?,
            opcode::FREQ => b.skip(1)?,
            opcode::SELECTDB if records => {
                db = Some(length::number(b)?);
                at = b.at().offset;
            }
            0xf1.. => {
                if !records || !skip::record(b, code, flavour == Flavour::Valkey)? {
                    return Ok(None);
                }
                at = b.at().offset;
            }
            _ => {
                let row = types::by_code(flavour, code);
                let name = string::read(b, &mut Vec::new())?.to_vec(HEAD as u64)?;
                return Ok(Some(Front {
                    row,
                    at,
                    code_at,
                    name,
                    db,
                }));
            }
        }
    }
}
