//! `diff` against a comparison by brute force, and against what servers say.

mod brute;
mod forms;
mod long;
mod patch;

use redisk::filter::Filter;
use redisk::input::open::Input;
use redisk::ops::diff::{
    self, Bounds, Change, Datum, From, Item, Options, Report, Tell, Text, Ttl, What,
};
use std::collections::BTreeMap;

/// Database and name.
type Place = (u64, Vec<u8>);

/// What is told.
#[derive(Default)]
struct Told {
    keys: BTreeMap<Place, (What, Vec<Item>, u64)>,
    functions: Vec<String>,
}

impl Tell for Told {
    fn function(&mut self, name: &[u8], a: Option<&[u8]>, b: Option<&[u8]>) -> redisk::Result<()> {
        let mark = |x: Option<&[u8]>| if x.is_some() { "1" } else { "0" };
        let name = String::from_utf8_lossy(name);
        self.functions
            .push(format!("{name} {}{}", mark(a), mark(b)));
        Ok(())
    }

    fn key(&mut self, change: &Change<'_>) -> redisk::Result<()> {
        let told = (change.what, change.items.to_vec(), change.more);
        let before = self.keys.insert((change.db, change.key.to_vec()), told);
        assert!(before.is_none(), "{:?} is told twice", change.key);
        Ok(())
    }
}

fn options() -> Options<'static> {
    Options {
        filter: Filter::default(),
        encoding: false,
        ttl: Ttl::default(),
        first: false,
        items: usize::MAX,
        limit: u64::MAX,
        bounds: Bounds::default(),
        threads: 2,
        max_memory: None,
        progress: &|_| (),
    }
}

/// No log.
fn file(input: Input) -> From {
    From {
        input,
        replayed: false,
    }
}

fn compared(a: Input, b: Input, options: &Options<'_>) -> redisk::Result<(Report, Told)> {
    let mut told = Told::default();
    let report = diff::diff(file(a), || Ok(file(b)), options, &mut told, None)?;
    Ok((report, told))
}
