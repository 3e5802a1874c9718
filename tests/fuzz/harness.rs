//! A mutation harness that stable Rust runs: from seeds, by chance that can be repeated.
//!
//! A target gets a number of inputs, or the time `REDISK_FUZZ_SECONDS`; `REDISK_FUZZ_SEED` is the start of the chances (1 by
//! default). There is no coverage to guide it; instead an input whose outcome says something that was not said before becomes a seed.

use super::targets::Target;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Chance, the same for the same seed (xorshift64*).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `n`; 0 for 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        if n == 0 {
            0
        } else {
            (self.next() >> 33) as usize % n
        }
    }

    pub(crate) fn byte(&mut self) -> u8 {
        (self.next() >> 56) as u8
    }

    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Numbers that parsers stumble over.
const INTERESTING: [u64; 22] = [
    0,
    1,
    2,
    4,
    5,
    11,
    16,
    32,
    63,
    64,
    100,
    127,
    128,
    255,
    256,
    16383,
    16384,
    65535,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 63,
    u64::MAX,
];

/// Bytes that begin something in one format or another.
const LEADS: [u8; 40] = [
    0x00, 0x01, 0x02, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0x82, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xd0,
    0xdf, 0xe0, 0xe1, 0xef, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb,
    0xfc, 0xfd, 0xfe, 0xff, 0x0a, 0x12, 0x15, 0x2a,
];

/// Longer inputs are not made: what matters shows in short ones.
const LONGEST: usize = 20_000;

/// Changes `data` a little.
pub(crate) fn mutate(data: &mut Vec<u8>, other: &[u8], chance: &mut Chance) {
    for _ in 0..=chance.below(4) {
        let at = chance.below(data.len() + 1);
        match chance.below(12) {
            0 | 1 => {
                if let Some(b) = data.get_mut(at) {
                    *b ^= 1 << chance.below(8);
                }
            }
            2 => {
                if let Some(b) = data.get_mut(at) {
                    *b = *chance.pick(&LEADS);
                }
            }
            3 => {
                // A length that is off by a little.
                if let Some(b) = data.get_mut(at) {
                    *b = b.wrapping_add(*chance.pick(&[1, 2, 255, 254, 16, 240]));
                }
            }
            4 => {
                let n = *chance.pick(&INTERESTING);
                let width = *chance.pick(&[1, 2, 3, 4, 8]);
                let (be, le) = (n.to_be_bytes(), n.to_le_bytes());
                let bytes = if chance.below(2) == 0 {
                    &be[8 - width..]
                } else {
                    &le[..width]
                };
                for (to, from) in data.iter_mut().skip(at).zip(bytes) {
                    *to = *from;
                }
            }
            5 => {
                // A length of the RDB format, in place of a byte.
                let n = *chance.pick(&INTERESTING);
                let mut length = Vec::new();
                match chance.below(4) {
                    0 => length.push(n as u8 & 0x3f),
                    1 => length.extend([0x40 | (n >> 8) as u8 & 0x3f, n as u8]),
                    2 => length.extend([&[0x80][..], &(n as u32).to_be_bytes()].concat()),
                    _ => length.extend([&[0x81][..], &n.to_be_bytes()].concat()),
                }
                let end = (at + chance.below(3)).min(data.len());
                data.splice(at..end, length);
            }
            6 => {
                let end = (at + 1 + chance.below(16)).min(data.len());
                data.drain(at..end);
            }
            7 => {
                let n = 1 + chance.below(16);
                let byte = chance.byte();
                let random = (0..n).map(|i| {
                    if n.is_multiple_of(2) {
                        byte
                    } else {
                        byte.wrapping_add(i as u8)
                    }
                });
                let random: Vec<u8> = random.collect();
                data.splice(at..at, random);
            }
            8 => {
                // A part once more.
                let end = (at + 1 + chance.below(64)).min(data.len());
                let part = data[at..end].to_vec();
                let to = chance.below(data.len() + 1);
                data.splice(to..to, part);
            }
            9 => {
                let from = chance.below(other.len() + 1);
                let end = (from + 1 + chance.below(64)).min(other.len());
                data.splice(at..at, other[from..end].iter().copied());
            }
            10 => {
                // Our head, another's tail.
                let from = chance.below(other.len() + 1);
                data.truncate(at);
                data.extend_from_slice(&other[from..]);
            }
            _ => data.truncate(at),
        }
    }
    data.truncate(LONGEST);
}

fn setting(name: &str) -> Option<f64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The words of an outcome, without what differs from input to input.
fn words(outcome: &str) -> String {
    let mut quoted = false;
    let kept = outcome.chars().filter(|c| {
        quoted ^= *c == '"';
        !quoted && (c.is_ascii_alphabetic() || *c == ' ')
    });
    let text: String = kept.collect();
    text.split(' ')
        .filter(|w| !w.is_empty() && !is_hex(w))
        .collect::<Vec<_>>()
        .join(" ")
}

fn is_hex(word: &str) -> bool {
    word.bytes().all(|b| matches!(b, b'a'..=b'f' | b'x'))
}

/// Runs a target on its seeds, then on what becomes of them.
pub(crate) fn run(
    name: &'static str,
    target: Target,
    inputs: u64,
    mut seeds: Vec<Vec<u8>>,
    mend: fn(&mut Vec<u8>, &mut Chance),
) {
    let time = setting("REDISK_FUZZ_SECONDS").map(Duration::from_secs_f64);
    let seed = setting("REDISK_FUZZ_SEED").unwrap_or(1.0) as u64;
    let mut chance = Chance::new(seed);
    let watch = Watch::start(name);
    let mut said = HashSet::new();
    for data in &seeds {
        said.insert(words(&watch.run(target, data)));
    }
    let start = Instant::now();
    let mut tries = 0u64;
    while time.map_or(tries < inputs, |time| start.elapsed() < time) {
        for _ in 0..16 {
            let other = chance.below(seeds.len());
            let mut data = chance.pick(&seeds).clone();
            mutate(&mut data, &seeds[other], &mut chance);
            mend(&mut data, &mut chance);
            let outcome = words(&watch.run(target, &data));
            tries += 1;
            if data.len() < 4096 && said.len() < 20_000 && said.insert(outcome) {
                seeds.push(data);
            }
        }
    }
    eprintln!(
        "{name}: {tries} inputs, {} outcomes, seed {seed}",
        said.len()
    );
}

/// Sees to it that what kills or stops a target is not lost.
pub(crate) struct Watch {
    name: &'static str,
    now: Arc<Mutex<(Instant, Vec<u8>)>>,
    done: Arc<AtomicBool>,
}

/// Longer than any input may take, on a busy machine and in a debug build.
const TOO_LONG: Duration = Duration::from_secs(120);

impl Watch {
    pub(crate) fn start(name: &'static str) -> Watch {
        let watch = Watch {
            name,
            now: Arc::new(Mutex::new((Instant::now(), Vec::new()))),
            done: Arc::default(),
        };
        let (now, done) = (watch.now.clone(), watch.done.clone());
        std::thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(200));
                let (since, data) = &*now.lock().unwrap();
                if since.elapsed() > TOO_LONG && !done.load(Ordering::Relaxed) {
                    eprintln!(
                        "{name}: {} takes over {TOO_LONG:?}",
                        keep(name, data).display()
                    );
                    std::process::exit(3);
                }
            }
        });
        watch
    }

    /// Runs a target on an input; one that fails is kept and named.
    pub(crate) fn run(&self, target: Target, data: &[u8]) -> String {
        {
            let (since, held) = &mut *self.now.lock().unwrap();
            *since = Instant::now();
            held.clear();
            held.extend_from_slice(data);
        }
        match catch_unwind(AssertUnwindSafe(|| target(data))) {
            Ok(outcome) => {
                self.now.lock().unwrap().0 = Instant::now();
                outcome
            }
            Err(_) => panic!(
                "{}: {} fails (see above)",
                self.name,
                keep(self.name, data).display()
            ),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

/// Writes an input where it can be found again.
pub(crate) fn keep(name: &str, data: &[u8]) -> PathBuf {
    let crc = redisk::input::checksum::crc64(data);
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}-{crc:016x}"));
    std::fs::write(&path, data).unwrap();
    path
}
