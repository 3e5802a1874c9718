//! Arrays (Redis 8.8): strings by index, of which most may be missing, and a cursor behind which the next is inserted.
//!
//! ```text
//!   cells   index ─▶ string, ascending; 0 to 2^64-2
//!   cursor  the index of the last insertion
//! ```
//! Files are read and written by [`crate::rdb::value::array`]'s layout; every string goes out as one, but for integers
//! that servers would write as such.

use crate::error::{Error, Result};
use crate::input::bytes::Slice;
use crate::model::kind::Flavour;
use crate::model::number::parse_i64;
use crate::packed::string::{Digits, Str};
use crate::rdb::template::Templates;
use crate::rdb::value::array::float_text;
use crate::rdb::visit::{ArrayValue, Visit};
use crate::rdb::walk::{self, Scratch, Walk};
use crate::rdb::{length, string, types};
use std::collections::BTreeMap;

/// The type code in RDB files.
pub const CODE: u8 = 28;

/// The highest index.
pub const MAX_INDEX: u64 = u64::MAX - 1;

/// Integers as far from 0 as this are written as text: servers keep some bits for themselves.
const SMALL: i64 = 1 << 61;

/// Longer strings are refused: servers allow 512 MiB.
const MAX_STRING: u64 = 4 << 30;

/// An array.
#[derive(Debug, Clone, Default)]
pub struct Array {
    cells: BTreeMap<u64, Box<[u8]>>,
    /// The index of the last insertion.
    pub cursor: Option<u64>,
}

impl Array {
    /// Reads what stands behind the key in an RDB file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(body: &[u8]) -> Result<Array> {
        let row = types::by_code(Flavour::Redis, CODE)
            .ok_or_else(|| Error::corrupt(0, "arrays have no type code"))?;
        let templates = Templates::default();
        let walk = Walk {
            row,
            templates: &templates,
            distinct: false,
        };
        let mut array = Array::default();
        walk::slice(
            &walk,
            &mut Slice::new(body, 0),
            &mut Scratch::default(),
            &mut array,
        )?;
        Ok(array)
    }

    /// Writes what [`Array::decode`] reads.
    pub fn encode(&self, out: &mut Vec<u8>) {
        length::write(self.cells.len() as u64, out);
        length::write(u64::from(self.cursor.is_some()), out);
        if let Some(cursor) = self.cursor {
            length::write(cursor, out);
        }
        for (index, cell) in &self.cells {
            length::write(*index, out);
            match parse_i64(cell).filter(|n| (-SMALL..SMALL).contains(n)) {
                Some(n) => {
                    out.push(1);
                    out.extend_from_slice(&n.to_le_bytes());
                }
                None => {
                    out.push(0);
                    string::write(cell, out);
                }
            }
        }
    }

    /// How many cells have something.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether none has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The cells, ascending by index.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.cells.iter().map(|(index, cell)| (*index, &cell[..]))
    }

    /// Puts a string into a cell.
    pub fn set(&mut self, index: u64, value: &[u8]) {
        self.cells.insert(index, value.into());
    }

    /// Empties a cell; whether there was something.
    pub fn remove(&mut self, index: u64) -> bool {
        self.cells.remove(&index).is_some()
    }

    /// Empties the cells from one to another, both included; how many had something.
    pub fn remove_range(&mut self, from: u64, to: u64) -> usize {
        if from > to {
            return 0;
        }
        let mut within = self.cells.split_off(&from);
        let behind = match to.checked_add(1) {
            Some(next) => within.split_off(&next),
            None => BTreeMap::new(),
        };
        self.cells.extend(behind);
        within.len()
    }
}

impl Visit for Array {
    fn array_cursor(&mut self, cursor: Option<u64>) -> Result<()> {
        self.cursor = cursor;
        Ok(())
    }

    fn array_element(&mut self, index: u64, value: ArrayValue<'_>) -> Result<()> {
        match value {
            ArrayValue::Text(Str::Bytes(text)) => self.set(index, text),
            ArrayValue::Text(Str::Int(n)) => self.set(index, Digits::new(n).as_bytes()),
            ArrayValue::Text(giant) => self.set(index, &giant.to_vec(MAX_STRING)?),
            ArrayValue::Float(v) => {
                let mut text = Vec::new();
                float_text(v, &mut text);
                self.set(index, &text);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut array = Array::default();
        array.set(MAX_INDEX, b"last");
        array.set(0, b"-17");
        array.set(5, b"2305843009213693952");
        array.set(6, b"007");
        array.cursor = Some(5);
        let mut bytes = Vec::new();
        array.encode(&mut bytes);
        assert!(
            bytes.starts_with(b"\x04\x01\x05\x00\x01\xef\xff\xff\xff\xff\xff\xff\xff\x05\x00\x13")
        );
        let again = Array::decode(&bytes).unwrap();
        assert_eq!(again.cursor, Some(5));
        assert!(again.iter().eq(array.iter()));
        for cut in 0..bytes.len() {
            assert!(Array::decode(&bytes[..cut]).is_err(), "{cut}");
        }
    }

    /// Tags 2 and 3, as servers write them.
    #[test]
    fn numbers_and_small_strings_are_strings() {
        let mut body = b"\x02\x00\x01\x02".to_vec();
        body.extend_from_slice(&2.5f64.to_le_bytes());
        body.extend_from_slice(b"\x07\x03\x02ab");
        let array = Array::decode(&body).unwrap();
        let cells: Vec<_> = array.iter().collect();
        assert_eq!(cells, [(1, &b"2.5"[..]), (7, b"ab")]);
    }

    #[test]
    fn ranges_go_whole() {
        let mut array = Array::default();
        for i in [0, 3, 4, 9, MAX_INDEX] {
            array.set(i, b"x");
        }
        assert_eq!(array.remove_range(5, 3), 0);
        assert_eq!(array.remove_range(3, 8), 2);
        assert_eq!(array.remove_range(9, u64::MAX), 2);
        assert_eq!(array.len(), 1);
    }
}
