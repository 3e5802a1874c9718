//! Strings that are changed in place.

use super::super::entry::{Entry, Form, ValueRef};
use super::{LARGE_STRING, Value};
use crate::packed::string::Digits;
use crate::packed::string::Str;

/// A string to be changed; begin with [`Entry::string`]. From then on it is bytes, no integer.
#[derive(Debug)]
pub struct StringMut<'e> {
    entry: &'e mut Entry,
}

impl<'e> StringMut<'e> {
    pub(in super::super) fn new(entry: &'e mut Entry) -> StringMut<'e> {
        if let ValueRef::Str(Str::Int(v)) = entry.value() {
            entry.become_packed(Form::Raw, Digits::new(v).as_bytes());
        }
        entry.set_edited();
        StringMut { entry }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&mut self) -> &mut [u8] {
        let is_packed = matches!(self.entry, Entry::Packed(_));
        if is_packed {
            let parts = self.entry.packed_parts();
            return parts
                .and_then(|(_, vec, at)| vec.get_mut(at..))
                .unwrap_or_default();
        }
        match self.entry.big_value() {
            Some(Value::String(bytes)) => bytes,
            _ => &mut [],
        }
    }

    /// The vector whose end it is, and where it begins there.
    pub fn tail(&mut self) -> Option<(&mut Vec<u8>, usize)> {
        let is_packed = matches!(self.entry, Entry::Packed(_));
        if is_packed {
            return self.entry.packed_parts().map(|(_, vec, at)| (vec, at));
        }
        match self.entry.big_value() {
            Some(Value::String(bytes)) => Some((bytes, 0)),
            _ => None,
        }
    }

    /// Its length.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.entry.value() {
            ValueRef::Str(Str::Bytes(bytes)) => bytes.len(),
            _ => 0,
        }
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// So many bytes are about to be appended.
    fn grow(&mut self, more: usize) -> Option<&mut Vec<u8>> {
        let len = self.len();
        if len + more > LARGE_STRING && matches!(self.entry, Entry::Packed(_)) {
            let mut bytes = Vec::with_capacity(len + more);
            bytes.extend_from_slice(self.bytes());
            self.entry.become_big(Value::String(bytes));
        }
        if matches!(self.entry, Entry::Packed(_)) {
            let (_, vec, _) = self.entry.packed_parts()?;
            vec.reserve_exact(more);
            return Some(vec);
        }
        match self.entry.big_value() {
            Some(Value::String(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Appends bytes.
    pub fn append(&mut self, more: &[u8]) {
        if let Some(vec) = self.grow(more.len()) {
            vec.extend_from_slice(more);
        }
    }

    /// Appends zeros up to that length; one that is as long stays.
    pub fn grow_to(&mut self, len: usize) {
        let more = len.saturating_sub(self.len());
        if more > 0
            && let Some(vec) = self.grow(more)
        {
            vec.resize(vec.len() + more, 0);
        }
    }

    /// Puts bytes over those from there on; what does not fit is appended.
    pub fn write(&mut self, at: usize, with: &[u8]) {
        self.grow_to(at + with.len());
        if let Some(place) = self
            .bytes()
            .get_mut(at..)
            .and_then(|b| b.get_mut(..with.len()))
        {
            place.copy_from_slice(with);
        }
    }
}
