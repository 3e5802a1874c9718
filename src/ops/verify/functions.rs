//! Function libraries that cannot be loaded together.

use crate::engine::functions::Functions;
use crate::error::Result;
use crate::model::finding::Finding;
use crate::rdb::frame::Record;
use crate::rdb::{check, library};
use crate::text::quoted;
use std::collections::BTreeMap;

/// Libraries that are looked at, and functions of all of them: hostile files could have any number.
const MOST: usize = 10_000;
/// Bytes of a name that is looked at.
const NAME: usize = 1024;

/// The libraries of a file: the offset and name of each, and the functions that it is sure to register.
#[derive(Debug, Default)]
pub(super) struct Libraries {
    all: Vec<(u64, Vec<u8>, Vec<Vec<u8>>)>,
    functions: usize,
}

impl Libraries {
    /// Takes one down.
    pub(super) fn add(&mut self, record: &Record<'_>) -> Result<()> {
        if self.all.len() + self.functions >= MOST {
            return Ok(());
        }
        let code = check::library(record)?;
        // What is wrong with its first line is another matter.
        let Ok(name) = Functions::default().load(&code, false) else {
            return Ok(());
        };
        let mut functions = library::functions(&code);
        functions.retain(|name| name.len() <= NAME);
        functions.truncate(MOST - self.functions);
        self.functions += functions.len();
        self.all.push((record.offset(), name, functions));
        Ok(())
    }

    /// Adds those of another part of the file.
    pub(super) fn merge(&mut self, other: Libraries) {
        self.all.extend(other.all);
    }

    /// What is there twice, in the order of the file.
    pub(super) fn findings(mut self) -> Vec<Finding> {
        self.all.sort();
        let mut found = Vec::new();
        let mut registered: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
        let mut libraries: BTreeMap<&[u8], u64> = BTreeMap::new();
        for (offset, name, functions) in &self.all {
            if let Some(first) = libraries.insert(name, *offset) {
                let message = format!(
                    "the function library {} is in the file twice, at {first:#x} and {offset:#x}",
                    quoted(name)
                );
                found.push(Finding::refused("duplicate-library", *offset, message));
                continue;
            }
            for function in functions {
                let Some(other) = registered.insert(function, name) else {
                    continue;
                };
                let message = format!(
                    "the function libraries {} and {} both register the function {}",
                    quoted(other),
                    quoted(name),
                    quoted(function)
                );
                found.push(Finding::refused("duplicate-function", *offset, message));
                break;
            }
        }
        found
    }
}
