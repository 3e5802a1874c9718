//! Damage of every kind: files cut at each byte, each byte changed, and changed many ways at once. What comes of it must
//! be an answer, never a panic; an error's offset lies inside the file.
//!
//! The normal run takes a seeded sample. `REDISK_SWEEP=1` takes all of it, `REDISK_FUZZ_SECONDS=N` goes on with random
//! changes for so long, and `REDISK_CORPUS` adds the files of a corpus.

use crate::support::run::{Count, as_file, as_pipe, dump_to, json, read, verify};
use crate::support::{files, name};
use redisk::sink::bytes::Binary;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A small generator, so that a run can be repeated (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }
}

/// The largest file that is changed byte by byte.
const SMALL: usize = 64 << 10;

fn sweep() -> bool {
    std::env::var_os("REDISK_SWEEP").is_some()
}

fn sources() -> Vec<PathBuf> {
    let mut all = files("rdb", ".rdb");
    all.extend(files("corrupt", ".rdb"));
    if sweep()
        && let Some(corpus) = std::env::var_os("REDISK_CORPUS")
    {
        let mut folders = vec![PathBuf::from(corpus)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "rdb") {
                    all.push(path);
                }
            }
        }
    }
    all.retain(|path| !read(path).is_empty());
    all.sort();
    all
}

/// Verifies and dumps, from a file and from a pipe.
fn answer(what: &dyn Fn() -> String, bytes: Vec<u8>) {
    let len = bytes.len() as u64;
    let bytes: Arc<[u8]> = bytes.into();
    let started = Instant::now();
    if let Ok(input) = as_file("x", &bytes) {
        match verify(input, 1) {
            Ok(report) => {
                for finding in &report.findings {
                    let offset = finding.place.offset.unwrap_or(0);
                    // Of compressed input, offsets are those of the expanded bytes.
                    let inside = offset <= len || !report.codecs.is_empty();
                    assert!(inside, "{}: {finding:?}", what());
                }
            }
            Err(e) => assert!(!e.to_string().is_empty()),
        }
    }
    if let Ok(input) = as_pipe("x", &bytes, 4096) {
        let mut sink = Count::default();
        let json = json(Binary::Auto, false);
        let (_, error) = dump_to(input, &json, 1, &mut sink);
        if let Some(e) = error {
            assert!(!e.to_string().is_empty());
        }
    }
    assert!(started.elapsed() < Duration::from_secs(60), "{}", what());
}

fn sample(path: &Path, dice: &mut Dice, cases: usize) {
    let whole = read(path);
    let small = whole.len() <= SMALL;
    let all = sweep() && small;
    let places: Vec<usize> = if all {
        (0..whole.len()).collect()
    } else {
        (0..cases).map(|_| dice.below(whole.len())).collect()
    };
    for at in places {
        answer(
            &|| format!("{} cut at {at}", name(path)),
            whole[..at].to_vec(),
        );
        for change in [
            0x00,
            0xff,
            whole[at] ^ 0x01,
            whole[at] ^ 0x10,
            whole[at] ^ 0x80,
        ] {
            if !all && dice.below(3) > 0 {
                continue;
            }
            let mut bytes = whole.to_vec();
            bytes[at] = change;
            answer(
                &|| format!("{} with {change:#x} at {at}", name(path)),
                bytes,
            );
        }
    }
}

#[test]
fn cut_and_flipped() {
    let mut dice = Dice(0x5eed);
    for path in sources() {
        let cases = if read(&path).len() <= SMALL { 24 } else { 2 };
        sample(&path, &mut dice, cases);
    }
}

/// Numbers that lengths are made of when somebody means harm.
const NASTY: [&[u8]; 8] = [
    &[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0x81, 0x80, 0, 0, 0, 0, 0, 0, 0],
    &[0x81, 0, 0, 0x01, 0, 0, 0, 0, 0],
    &[0x80, 0xff, 0xff, 0xff, 0xff],
    &[0x7f, 0xff],
    &[0xc3, 0x03, 0x40, 0xff],
    &[0xff, 0xff, 0xff, 0xff],
    &[0xfe],
];

#[test]
fn changed_at_random() {
    let seconds = std::env::var("REDISK_FUZZ_SECONDS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(2);
    let until = Instant::now() + Duration::from_secs(seconds);
    let seed = if seconds > 2 {
        Instant::now().elapsed().as_nanos() as u64
            ^ std::process::id() as u64
            ^ 0x9e37_79b9_7f4a_7c15
    } else {
        7
    };
    let mut dice = Dice(seed);
    let files: Vec<_> = sources()
        .iter()
        .map(|path| read(path))
        .filter(|bytes| bytes.len() <= SMALL)
        .collect();
    let mut runs = 0u64;
    while Instant::now() < until {
        let mut bytes = files[dice.below(files.len())].to_vec();
        for _ in 0..=dice.below(4) {
            let at = dice.below(bytes.len());
            match dice.below(6) {
                0 => bytes[at] = dice.roll() as u8,
                1 => bytes.truncate(at.max(1)),
                2 => {
                    let nasty = NASTY[dice.below(NASTY.len())];
                    bytes.splice(at..at, nasty.iter().copied());
                }
                3 => {
                    let nasty = NASTY[dice.below(NASTY.len())];
                    let end = (at + nasty.len()).min(bytes.len());
                    bytes.splice(at..end, nasty.iter().copied());
                }
                4 => {
                    let other = &files[dice.below(files.len())];
                    let from = dice.below(other.len());
                    let to = (from + dice.below(200)).min(other.len());
                    bytes.splice(at..at, other[from..to].iter().copied());
                }
                _ => {
                    let end = (at + dice.below(16)).min(bytes.len());
                    bytes.drain(at..end);
                }
            }
            if bytes.is_empty() {
                bytes.push(0);
            }
        }
        runs += 1;
        let shown = bytes.clone();
        answer(&|| format!("run {runs} of seed {seed}: {shown:?}"), bytes);
    }
    eprintln!("{runs} runs");
}
