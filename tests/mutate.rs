//! Cut and flip: each file cut at every byte, and with each byte changed. Whatever comes of it, `verify` and `dump` say
//! so with a place inside the file, agree with each other, and come to an end.
//!
//! A sample by default. `REDISK_SWEEP=1` does all of it for files up to 64 KiB, those of the corpus that `REDISK_CORPUS`
//! names too, and a larger sample of the longer ones; another number begins at that file.

use crate::fuzz::harness::{Chance, Watch};
use crate::fuzz::targets;
use crate::support::{self, files, name, run};
use std::path::PathBuf;
use std::time::Instant;

/// One way to damage a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// Only so many bytes are left.
    Cut(usize),
    /// This byte is another one.
    Set(usize, u8),
}

impl Damage {
    fn done_to(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Damage::Cut(len) => bytes[..len].to_vec(),
            Damage::Set(at, byte) => {
                let mut copy = bytes.to_vec();
                copy[at] = byte;
                copy
            }
        }
    }
}

/// All that is done to one byte and the cut in front of it.
fn at(bytes: &[u8], at: usize) -> impl Iterator<Item = Damage> {
    let byte = bytes[at];
    let flips = (0..8).map(move |bit| byte ^ 1 << bit);
    let all = flips.chain([0, 0xff]).filter(move |b| *b != byte);
    std::iter::once(Damage::Cut(at)).chain(all.map(move |b| Damage::Set(at, b)))
}

/// Files up to this length are swept whole.
const SWEPT: usize = 64 << 10;

/// Files of the corpus that the environment names.
fn corpus() -> Vec<PathBuf> {
    let Some((corpus, files)) = support::corpus() else {
        return Vec::new();
    };
    let rdb = files.iter().filter(|f| f["kind"] == "rdb");
    rdb.map(|f| corpus.join(f["file"].as_str().unwrap()))
        .collect()
}

#[test]
fn cut_and_flip() {
    let begin: usize = std::env::var("REDISK_SWEEP").map_or(0, |v| v.parse().unwrap());
    let sweep = begin > 0;
    let mut paths = files("rdb", ".rdb");
    paths.extend(files("corrupt", ".rdb"));
    if sweep {
        paths.extend(corpus());
    }
    let mut chance = Chance::new(7);
    // What fails is kept, so a file's name is not needed to find it.
    let watch = Watch::start("rdb");
    let mut tried = 0u64;
    let start = Instant::now();
    for (i, path) in paths.iter().enumerate().skip(begin.saturating_sub(1)) {
        let bytes = run::read(path);
        let name = name(path);
        let whole = sweep && bytes.len() <= SWEPT;
        let places: Vec<usize> = if whole {
            (0..bytes.len()).collect()
        } else {
            let n = if sweep {
                3000
            } else {
                400_000 / (bytes.len() + 2000)
            };
            (0..n).map(|_| chance.below(bytes.len())).collect()
        };
        for place in places.into_iter().filter(|p| *p < bytes.len()) {
            let all: Vec<Damage> = at(&bytes, place).collect();
            let some = if sweep { 4 } else { 1 };
            let chosen: Vec<Damage> = if whole {
                all
            } else {
                (0..some).map(|_| *chance.pick(&all)).collect()
            };
            for damage in chosen {
                tried += 1;
                watch.run(
                    |data| targets::judged(&data.into()),
                    &damage.done_to(&bytes),
                );
            }
        }
        if sweep {
            let (n, all, took) = (i + 1, paths.len(), start.elapsed().as_secs());
            eprintln!("{n} of {all}: {name}, {tried} cases in {took} s");
        }
    }
    eprintln!("{tried} damaged files judged in {:?}", start.elapsed());
}
