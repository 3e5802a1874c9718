//! The commands: one file a family, each with its functions and the table that hangs them on the rows of
//! [`crate::model::commands`].

mod bitmap;
mod geo;
mod hash;
mod hyperloglog;
mod keys;
mod list;
mod payload;
mod scan;
mod server;
mod set;
mod sort;
mod stream;
mod string;
mod zset;

use super::Run;
use crate::model::commands::{self, COMMANDS};
use std::sync::LazyLock;

/// A family's functions by name; a subcommand's after a `|`.
type Family = &'static [(&'static str, Run)];

const FAMILIES: &[Family] = &[
    bitmap::COMMANDS,
    geo::COMMANDS,
    hash::COMMANDS,
    hyperloglog::COMMANDS,
    keys::COMMANDS,
    list::COMMANDS,
    payload::COMMANDS,
    server::COMMANDS,
    set::COMMANDS,
    sort::COMMANDS,
    stream::COMMANDS,
    string::COMMANDS,
    zset::COMMANDS,
];

/// The functions, at the places of their rows in [`COMMANDS`].
pub(super) fn functions() -> &'static [Option<Run>] {
    static FUNCTIONS: LazyLock<Vec<Option<Run>>> = LazyLock::new(|| {
        let mut functions = vec![None; COMMANDS.len()];
        for (name, run) in FAMILIES.iter().copied().flatten() {
            let (name, sub) = name.split_once('|').unwrap_or((name, ""));
            let row = commands::lookup(name.as_bytes(), sub.as_bytes());
            if let Some(place) = row.and_then(|r| functions.get_mut(usize::from(r.index))) {
                *place = Some(*run);
            }
        }
        functions
    });
    &FUNCTIONS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_its_row_and_no_row_two() {
        let named: usize = FAMILIES.iter().map(|f| f.len()).sum();
        let hung = functions().iter().flatten().count();
        assert_eq!(named, hung);
    }
}
