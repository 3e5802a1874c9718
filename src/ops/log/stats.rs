//! What a log is made of: its commands, the keys and prefixes it writes most, and when.
//!
//! Memory is bounded whatever the log: the keys written most are found by counting only so many at a time. When there
//! are more, the less frequent half is forgotten, and whatever comes (back) later starts at the highest count that was
//! forgotten. So a count is never too low, and too high by at most its `error`. (Metwally et al., "space-saving".)

use super::Options;
use super::event::{Event, Held};
use super::walk::{Visit, Walked, walk};
use crate::aof::block::Block;
use crate::aof::reader::End;
use crate::error::Result;
use crate::model::commands::keys::Argv;
use crate::model::commands::{COMMANDS, Found};
use crate::pipe::Flow;
use crate::pipe::log::{self, BigCommand, Work};
use crate::resp::decode::Mark;
use crate::source::aof::{Part, Source};
use std::collections::{BTreeMap, HashMap};
use std::io::Write;

/// How often a command occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameCount {
    /// Its name, `xgroup|create` for a subcommand.
    pub name: Vec<u8>,
    /// How often.
    pub count: u64,
    /// In how many bytes.
    pub bytes: u64,
}

/// How often a key is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heat {
    /// The database.
    pub db: u32,
    /// The key.
    pub key: Vec<u8>,
    /// How often at most.
    pub count: u64,
    /// How many of these may be somebody else's.
    pub error: u64,
}

/// How often keys with a prefix are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    /// The prefix, up to and with its colon or slash.
    pub prefix: Vec<u8>,
    /// How often at most.
    pub count: u64,
    /// How many of these may be somebody else's.
    pub error: u64,
}

/// Some seconds of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// The first second, since 1970.
    pub start: i64,
    /// Commands in it.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What was counted.
#[derive(Debug, Default)]
pub struct Stats {
    /// The files.
    pub walked: Walked,
    /// Commands that were counted.
    pub commands: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them change data.
    pub writes: u64,
    /// By name, the most frequent first.
    pub names: Vec<NameCount>,
    /// Commands by database.
    pub dbs: Vec<(u32, u64)>,
    /// The keys written most.
    pub keys: Vec<Heat>,
    /// The prefixes written most.
    pub prefixes: Vec<Prefix>,
    /// Seconds in a slice of the timeline.
    pub slice_seconds: i64,
    /// The timeline; empty where the log says no times.
    pub timeline: Vec<Slice>,
    /// Commands without a time.
    pub timeless: u64,
}

/// Counts the commands that are wanted; `top` keys and prefixes are named.
///
/// # Errors
/// What makes it impossible to go on. Damage is in the result.
pub fn stats(source: Source, top: usize, options: &Options<'_>) -> Result<Stats> {
    let mut counter = Counter {
        options,
        usage: vec![(0, 0); COMMANDS.len()],
        others: BTreeMap::new(),
        dbs: BTreeMap::new(),
        keys: Top::default(),
        prefixes: Top::default(),
        line: Timeline::default(),
        stats: Stats::default(),
        time: None,
    };
    let walked = if options.limit == Some(0) {
        Walked::default()
    } else {
        walk(source, &options.files, &mut counter)?
    };
    Ok(counter.finish(walked, top))
}

/// Names of no table that are told apart, and databases.
const DISTINCT: usize = 1000;

struct Counter<'a> {
    options: &'a Options<'a>,
    usage: Vec<(u64, u64)>,
    others: BTreeMap<Vec<u8>, (u64, u64)>,
    dbs: BTreeMap<u32, u64>,
    keys: Top,
    prefixes: Top,
    line: Timeline,
    stats: Stats,
    time: Option<i64>,
}

impl Counter<'_> {
    fn count(&mut self, event: &Event<'_>) -> Result<()> {
        if !self.options.select.is_empty() && !self.options.select.wants(event)? {
            return Ok(());
        }
        let bytes = event.end - event.at;
        self.stats.commands += 1;
        self.stats.bytes += bytes;
        let found = event.found();
        let writes = match found {
            Found::Command(row) => {
                if let Some((n, b)) = self.usage.get_mut(usize::from(row.index)) {
                    *n += 1;
                    *b += bytes;
                }
                row.is_write()
            }
            _ => {
                let name = event.arg(0).unwrap_or_default();
                let name = name.get(..64).unwrap_or(name).to_ascii_lowercase();
                if self.others.len() < DISTINCT || self.others.contains_key(&name) {
                    let (n, b) = self.others.entry(name).or_default();
                    *n += 1;
                    *b += bytes;
                }
                found == Found::Module
            }
        };
        if self.dbs.len() < DISTINCT || self.dbs.contains_key(&event.db) {
            *self.dbs.entry(event.db).or_default() += 1;
        }
        match event.time {
            Some(time) => self.line.add(time, bytes),
            None => self.stats.timeless += 1,
        }
        if writes {
            self.stats.writes += 1;
            let (keys, prefixes) = (&mut self.keys, &mut self.prefixes);
            event.any_key(|key| {
                keys.add(event.db, key);
                let borders = key
                    .iter()
                    .enumerate()
                    .filter(|(_, b)| matches!(b, b':' | b'/'));
                for (i, _) in borders.take(LEVELS) {
                    prefixes.add(0, key.get(..=i).unwrap_or_default());
                }
                false
            })?;
        }
        Ok(())
    }

    /// Whether so many were counted as were asked for.
    #[inline]
    fn flow(&self) -> Flow {
        match self.options.limit {
            Some(limit) if self.stats.commands >= limit => Flow::Stop,
            _ => Flow::More,
        }
    }

    fn finish(mut self, walked: Walked, top: usize) -> Stats {
        let mut stats = self.stats;
        let known = COMMANDS.iter().zip(&self.usage).map(|(row, usage)| {
            let name = match row.sub {
                "" => row.name.to_owned(),
                sub => format!("{}|{sub}", row.name),
            };
            (name.into_bytes(), *usage)
        });
        stats.names = known
            .chain(self.others)
            .filter(|(_, (count, _))| *count > 0)
            .map(|(name, (count, bytes))| NameCount { name, count, bytes })
            .collect();
        stats
            .names
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        stats.dbs = self.dbs.into_iter().collect();
        stats.keys = self
            .keys
            .best(top)
            .into_iter()
            .map(|((db, key), count, error)| Heat {
                db,
                key,
                count,
                error,
            })
            .collect();
        stats.prefixes = self
            .prefixes
            .best(top)
            .into_iter()
            .map(|((_, prefix), count, error)| Prefix {
                prefix,
                count,
                error,
            })
            .collect();
        stats.slice_seconds = self.line.width;
        stats.timeline = self.line.slices();
        stats.walked = walked;
        stats.walked.shown = stats.commands;
        stats
    }
}

/// Prefixes of a key that are counted: `a:` and `a:b:` of `a:b:c:d`.
const LEVELS: usize = 2;

impl Visit for Counter<'_> {
    fn commands(&mut self, _: &Part, reader: &mut log::Source) -> Result<Option<End>> {
        let progress = self.options.progress;
        let end = log::run(
            reader,
            std::slice::from_mut(self),
            &mut std::io::sink(),
            progress,
        );
        if let Ok(Some(end)) = &end {
            self.time = end.state.time.or(self.time);
        }
        end
    }
}

impl Work for Counter<'_> {
    fn block(&mut self, block: &Block, _: &mut Vec<u8>) -> Result<Flow> {
        for command in block.commands() {
            if command.mark != Some(Mark::Annotation) {
                self.count(&Event::of(&command, self.time))?;
                if self.flow() == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
        }
        Ok(Flow::More)
    }

    fn big(&mut self, big: BigCommand<'_>, _: &mut dyn Write) -> Result<Flow> {
        if let Some(held) = Held::read(big, self.time)? {
            self.count(&held.event())?;
        }
        Ok(self.flow())
    }
}

/// Keys that are counted at a time; twice as many before the less frequent half goes.
const KEPT: usize = 8192;
/// Bytes of a key that are compared and shown.
const KEY: usize = 512;

type Name = (u32, Vec<u8>);

/// The names that come most.
#[derive(Default)]
struct Top {
    counts: HashMap<Name, (u64, u64), foldhash::fast::FixedState>,
    /// The highest count that was forgotten.
    floor: u64,
    probe: Name,
}

impl Top {
    fn add(&mut self, db: u32, key: &[u8]) {
        let key = key.get(..KEY).unwrap_or(key);
        self.probe.0 = db;
        self.probe.1.clear();
        self.probe.1.extend_from_slice(key);
        if let Some((count, _)) = self.counts.get_mut(&self.probe) {
            *count += 1;
            return;
        }
        if self.counts.len() >= 2 * KEPT {
            self.forget();
        }
        let floor = self.floor;
        self.counts.insert(self.probe.clone(), (floor + 1, floor));
    }

    #[cold]
    fn forget(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().map(|(n, _)| *n).collect();
        let (_, limit, _) = counts.select_nth_unstable(KEPT);
        let limit = *limit;
        self.floor = self.floor.max(limit);
        self.counts.retain(|_, (n, _)| *n > limit);
    }

    fn best(self, top: usize) -> Vec<(Name, u64, u64)> {
        let all = self.counts.into_iter();
        let mut all: Vec<_> = all.map(|(name, (n, error))| (name, n, error)).collect();
        // By what is sure: a newcomer's count is mostly that of others.
        let sure = |(_, n, error): &(Name, u64, u64)| n - error;
        all.sort_by(|a, b| {
            sure(b)
                .cmp(&sure(a))
                .then_with(|| b.1.cmp(&a.1))
                .then_with(|| a.0.cmp(&b.0))
        });
        all.truncate(top);
        all
    }
}

/// Slices of a timeline; they become wider when there are more.
const SLICES: usize = 400;

/// Commands by time.
struct Timeline {
    width: i64,
    slices: BTreeMap<i64, (u64, u64)>,
    last: (i64, u64, u64),
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline {
            width: 1,
            slices: BTreeMap::new(),
            last: (i64::MIN, 0, 0),
        }
    }
}

impl Timeline {
    fn add(&mut self, time: i64, bytes: u64) {
        if time != self.last.0 {
            self.put();
            self.last = (time, 0, 0);
        }
        self.last.1 += 1;
        self.last.2 += bytes;
    }

    /// Puts the second that was counted last into its slice.
    fn put(&mut self) {
        let (time, count, bytes) = self.last;
        if count == 0 {
            return;
        }
        let slot = self.slices.entry(time.div_euclid(self.width)).or_default();
        slot.0 += count;
        slot.1 += bytes;
        while self.slices.len() > SLICES {
            self.width = self.width.saturating_mul(2);
            let old = std::mem::take(&mut self.slices);
            for (index, (count, bytes)) in old {
                let slot = self.slices.entry(index.div_euclid(2)).or_default();
                slot.0 += count;
                slot.1 += bytes;
            }
        }
    }

    fn slices(&mut self) -> Vec<Slice> {
        self.put();
        self.last.1 = 0;
        let slices = self.slices.iter();
        slices
            .map(|(index, (count, bytes))| Slice {
                start: index.saturating_mul(self.width),
                count: *count,
                bytes: *bytes,
            })
            .collect()
    }
}
