//! Hash templates (Redis 8.10): field names that many hashes share, defined before the keys that refer to them.
//!
//! ```text
//!   |F2| <len id> <len n> n of <str field>       ascending by length, then by bytes
//! ```

use super::string::{self, Form};
use crate::error::{Error, Result};
use crate::input::bytes::{Bytes, Data};
use crate::limits;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The templates seen so far in a file. A copy shares them, and does not see those that are defined later.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    all: Arc<RwLock<HashMap<u64, Defined>>>,
    seen: usize,
    bytes: usize,
}

/// A template and how many were defined before it.
type Defined = (usize, Arc<Template>);

/// The field names of one template.
#[derive(Debug, Clone, Default)]
pub struct Template {
    names: Vec<u8>,
    ends: Vec<usize>,
}

impl Template {
    /// How many fields it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it has no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The name of field `i`.
    #[must_use]
    pub fn field(&self, i: usize) -> Option<&[u8]> {
        let start = match i.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.names.get(start..*self.ends.get(i)?)
    }

    /// All names.
    pub fn fields(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|i| self.field(i))
    }

    /// Adds a name behind the others.
    ///
    /// # Errors
    /// `Limit` above [`limits::TEMPLATE`] bytes.
    pub fn push(&mut self, name: &[u8]) -> Result<()> {
        let most = limits::TEMPLATE;
        if self.names.len() + name.len() + size_of::<usize>() * self.ends.len() > most {
            return Err(Error::limit(format!(
                "the field names of a hash template take over {most} bytes"
            )));
        }
        self.names.extend_from_slice(name);
        self.ends.push(self.names.len());
        Ok(())
    }

    /// Bytes of memory, with its place among the others.
    fn weight(&self) -> usize {
        self.names.len() + self.ends.len() * size_of::<usize>() + 128
    }
}

impl Templates {
    /// The template with that id.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<Arc<Template>> {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        let (before, template) = all.get(&id)?;
        (*before < self.seen).then(|| template.clone())
    }

    /// Defines one. An id that is there already, no fields at all, or fields that are not ascending are corrupt, as for
    /// servers.
    pub fn define(&mut self, id: u64, mut template: Template) -> Result<()> {
        let sorted = |a: &[u8], b: &[u8]| (a.len(), a) < (b.len(), b);
        let mut last: Option<&[u8]> = None;
        for name in template.fields() {
            if last.is_some_and(|last| !sorted(last, name)) {
                return Err(Error::new(
                    crate::ErrorKind::Corrupt,
                    format!("the fields of hash template {id} are not ascending"),
                ));
            }
            last = Some(name);
        }
        if last.is_none() {
            return Err(Error::new(
                crate::ErrorKind::Corrupt,
                format!("hash template {id} has no fields"),
            ));
        }
        template.names.shrink_to_fit();
        template.ends.shrink_to_fit();
        self.bytes += template.weight();
        if self.bytes > limits::TEMPLATES {
            return Err(Error::limit(format!(
                "the field names of hash templates take over {} bytes",
                limits::TEMPLATES
            )));
        }
        let defined = (self.seen, Arc::new(template));
        self.seen += 1;
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        if all.insert(id, defined).is_some() {
            return Err(Error::new(
                crate::ErrorKind::Corrupt,
                format!("hash template {id} is defined twice"),
            ));
        }
        Ok(())
    }
}

/// Passes over a string that holds a listpack and gives the number of its elements.
pub(super) fn listpack_len<'a, B: Bytes<'a>>(b: &mut B) -> Result<u64> {
    let at = b.at();
    let form = string::form(b)?;
    let stored = match form {
        Form::Raw(n) | Form::Lzf(n, _) => n,
        Form::Int(_) => return Err(at.corrupt("a listpack was expected, found an integer")),
    };
    let mut held = Vec::new();
    let Data::Slice(bytes) = b.take(stored, &mut held)? else {
        return Err(Error::limit("field names of a hash over 1 MiB").at(at.offset));
    };
    let mut expanded = Vec::new();
    let blob = if let Form::Lzf(_, len) = form {
        let len = usize::try_from(len)
            .unwrap_or(usize::MAX)
            .min(limits::INFLATE);
        crate::packed::lzf::decode(bytes, len, &mut expanded)
            .map_err(|e| at.corrupt(e.to_string()))?
    } else {
        bytes
    };
    let mut reader = crate::packed::listpack::Reader::new(crate::input::bytes::Slice::inflated(
        blob, at.offset,
    ))?;
    let mut n = 0;
    let mut scratch = Vec::new();
    while reader.next(&mut scratch)?.is_some() {
        n += 1;
    }
    Ok(n)
}
