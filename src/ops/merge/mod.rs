//! `merge`: several sources as one RDB.
//!
//! ```text
//!   1  each source: names of its keys ─▶ index ─▶ which records lose, where several have a key
//!   2  each source: records as they stand, but for those ─▶ one file
//! ```
//! So memory holds no data, whatever there is of it, but what is at work: 24 MiB of the index, and 16 bytes a key that
//! loses. Function libraries are united by their names. Of records that are about a whole file (aux fields, modules'
//! data), those of the first source come along.

mod index;
mod origin;

use super::dump::{self, Report as Dumped};
use crate::engine::functions::Functions;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::Filter;
use crate::filter::transform::Transform;
use crate::model::loss::{Loss, Losses};
use crate::pipe::{self, Flow, Out, Work};
use crate::rdb::check;
use crate::rdb::compat;
use crate::rdb::encode::{self, Packer};
use crate::rdb::frame::{Block, Header, Reader, Record, What};
use crate::rdb::walk::Scratch;
use crate::rdb::{length, library, opcode};
use crate::sink::rdb::{Rdb, Role, Summed};
use crate::sink::{Key, Render, Rendered};
use crate::text::quoted;
use index::{Entry, Index, Loser, Names};
pub use origin::Origin;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Which of several keys of one name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// None: that there are such keys is an error.
    Error,
    /// That of the first source.
    First,
    /// That of the last.
    Last,
    /// The one that expires last; one without an expiry never does.
    NewestTtl,
    /// The one whose serialized value is the longest.
    Largest,
}

/// How to merge.
pub struct Options<'a> {
    /// What is taken.
    pub on_conflict: OnConflict,
    /// Workers.
    pub threads: usize,
    /// For which server, and how; who packed the values is each source's own.
    pub encode: encode::Options,
    /// Is told how many bytes were read of a source.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// A key that several sources have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Its database in the output.
    pub db: u64,
    /// Its name.
    pub key: Vec<u8>,
    /// The number of the source whose key is taken.
    pub taken: usize,
    /// The number of the source whose key is left out.
    pub left: usize,
}

/// What came of a source.
#[derive(Debug, Default)]
pub struct Taken {
    /// Its keys.
    pub keys: u64,
    /// Those that were left out, for another source has them.
    pub left: u64,
    /// What was read and lost.
    pub dumped: Dumped,
}

/// What came of it all.
#[derive(Debug, Default)]
pub struct Report {
    /// By source.
    pub sources: Vec<Taken>,
    /// Keys that were written.
    pub keys: u64,
    /// Keys left out because several sources have them.
    pub conflicts: u64,
    /// The first of them, by source and offset.
    pub named: Vec<Conflict>,
    /// Function libraries that were written.
    pub functions: u64,
    /// Libraries that cannot be loaded beside those of other sources.
    pub function_conflicts: Vec<FunctionConflict>,
}

/// A library that cannot be loaded beside one of another source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionConflict {
    /// Its name.
    pub library: Vec<u8>,
    /// A function of its own that a library of another name registers too, and that library; `None`: another source has a
    /// library of its name with different code.
    pub function: Option<(Vec<u8>, Vec<u8>)>,
}

/// Conflicts that are named.
const NAMED: usize = 20;
/// Sources that are taken at most.
pub const SOURCES: usize = 1000;

/// What the first look at a source gives.
#[derive(Default)]
struct First {
    /// Function libraries, each with its offset.
    functions: Vec<(u64, Vec<u8>)>,
    keys: u64,
    /// Whether keys refer to templates, whose numbers other files use for others.
    templates: bool,
}

/// Takes the names of a source's keys.
struct Look<'s> {
    source: u16,
    names: &'s Names,
    transform: &'s Transform,
    rule: OnConflict,
    index: &'s Mutex<Index>,
    first: &'s Mutex<First>,
    entries: Vec<Entry>,
    scratch: Vec<u8>,
    sc: Scratch,
}

impl Work for Look<'_> {
    fn block(&mut self, block: &Block, _: &mut Out<'_, '_>) -> Result<Flow> {
        self.entries.clear();
        for record in block.records() {
            match record.frame.what {
                What::Key(_) => {
                    let name = record.key(&mut self.scratch)?;
                    let (db, name) = self.transform.place(record.frame.db, name);
                    let entry = self.names.entry(
                        db,
                        &name,
                        self.source,
                        record.offset(),
                        self.rule.weight(&record),
                    )?;
                    self.entries.push(entry);
                }
                What::Record(opcode::FUNCTION2) => {
                    check::record(&record, opcode::FUNCTION2, &mut self.sc)?;
                    let code = (record.offset(), check::library(&record)?);
                    lock(self.first).functions.push(code);
                }
                What::Record(opcode::HASH_TEMPLATE) => lock(self.first).templates = true,
                What::Record(_) => {}
            }
        }
        lock(self.first).keys += self.entries.len() as u64;
        lock(self.index).add(&self.entries)?;
        Ok(Flow::More)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OnConflict {
    /// What a choice goes by; the greatest wins.
    fn weight(self, record: &Record<'_>) -> u64 {
        match self {
            OnConflict::Error | OnConflict::First | OnConflict::Last => 0,
            OnConflict::NewestTtl => match record.frame.attrs.expire_ms {
                None => u64::MAX,
                Some(ms) => u64::try_from(ms).unwrap_or(0),
            },
            OnConflict::Largest => record.body_len(),
        }
    }
}

/// Renders what is taken of a source.
struct Merge<'s> {
    rdb: Rdb,
    losers: &'s [Loser],
    first: bool,
    losses: Losses,
}

impl Render for Merge<'_> {
    fn head(&mut self, _: Header, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn database(&mut self, db: u64, out: &mut Vec<u8>) {
        self.rdb.database(db, out);
    }

    fn key(&mut self, key: &Key<'_>, sc: &mut Scratch, out: &mut Out<'_, '_>) -> Result<Rendered> {
        let offset = key.record.offset();
        if !self.losers.is_empty()
            && self
                .losers
                .binary_search_by_key(&offset, |l| l.offset)
                .is_ok()
        {
            return Ok(Rendered::Left);
        }
        self.rdb.key(key, sc, out)
    }

    fn record(&mut self, record: &Record<'_>, out: &mut Out<'_, '_>) -> Result<()> {
        match record.frame.what {
            // They stand at the head already, or their keys are written without them.
            What::Record(opcode::FUNCTION2 | opcode::HASH_TEMPLATE) => Ok(()),
            What::Record(op) if !self.first => {
                if op == opcode::MODULE_AUX {
                    self.losses.add(Loss::ModuleAux, 1, || record.place());
                }
                Ok(())
            }
            _ => self.rdb.record(record, out),
        }
    }

    fn losses(&self) -> Losses {
        let mut losses = self.rdb.losses();
        losses.merge(self.losses.clone());
        losses
    }
}

/// Merges the sources into an RDB. After an error the report is as far as the work came.
pub fn merge<W: Write + Send>(
    sources: &[Origin],
    options: &Options<'_>,
    out: W,
) -> (Report, Result<W>) {
    let mut report = Report::default();
    let done = run(sources, options, out, &mut report);
    (report, done)
}

fn transform(source: &Origin) -> Transform {
    Transform {
        databases: source.databases.clone(),
        ..Transform::default()
    }
}

fn run<W: Write + Send>(
    sources: &[Origin],
    options: &Options<'_>,
    out: W,
    report: &mut Report,
) -> Result<W> {
    if sources.len() > SOURCES {
        return Err(Error::limit(format!("more than {SOURCES} sources")));
    }
    let index = Mutex::new(Index::default());
    let names = Names::default();
    let mut looks = Vec::new();
    for (number, source) in (0u16..).zip(sources) {
        let first =
            look(number, source, options, &names, &index).map_err(|e| e.in_file(source.name()))?;
        report.sources.push(Taken {
            keys: first.keys,
            ..Taken::default()
        });
        looks.push(first);
    }
    let index = index.into_inner().unwrap_or_else(PoisonError::into_inner);
    let losers = index.losers(sources.len(), options.on_conflict)?;
    for (taken, losers) in report.sources.iter_mut().zip(&losers) {
        taken.left = losers.len() as u64;
        report.conflicts += taken.left;
    }
    report.named = named(sources, &losers)?;
    let functions = unite(sources, &looks, options.on_conflict, report)?;
    if options.on_conflict == OnConflict::Error {
        refuse(sources, report)?;
    }

    let mut sink = Summed::new(out, true);
    let mut head = Vec::new();
    Rdb::new(options.encode, Role::Snapshot, false)
        .head(Header::of(options.encode.target), &mut head)?;
    let known = options.encode.target.has(compat::since(
        options.encode.target.flavour,
        opcode::FUNCTION2,
    ));
    let mut lost = Losses::default();
    for code in functions.sources() {
        if known {
            head.push(opcode::FUNCTION2);
            length::write(code.len() as u64, &mut head);
            head.extend_from_slice(code);
            report.functions += 1;
        } else {
            lost.add(Loss::Function, 1, Default::default);
        }
    }
    write(&mut sink, &head)?;
    for (number, source) in sources.iter().enumerate() {
        let templates = looks.get(number).is_some_and(|l| l.templates);
        let encode = encode::Options {
            packer: if templates {
                Packer::Other
            } else {
                source.packer
            },
            ..options.encode
        };
        let make = || Merge {
            rdb: Rdb::new(encode, Role::Snapshot, false),
            losers: losers.get(number).map_or(&[], Vec::as_slice),
            first: number == 0,
            losses: Losses::default(),
        };
        let dump_options = dump::Options {
            filter: Filter::default(),
            transform: transform(source),
            limit: None,
            sort: false,
            threads: options.threads,
            progress: options.progress,
        };
        let (dumped, error) = dump::dump(source.open()?, make, &dump_options, &mut sink);
        report.keys += dumped.keys;
        if let Some(taken) = report.sources.get_mut(number) {
            taken.dumped = dumped;
            if number == 0 {
                taken.dumped.losses.merge(std::mem::take(&mut lost));
            }
        }
        if let Some(e) = error {
            return Err(e.in_file(source.name()));
        }
    }
    write(&mut sink, &[opcode::EOF])?;
    sink.end()
        .map_err(|e| Error::from_io(e, "write the output"))
}

fn write(sink: &mut dyn Write, bytes: &[u8]) -> Result<()> {
    sink.write_all(bytes)
        .map_err(|e| Error::from_io(e, "write the output"))
}

/// The first look at a source.
fn look(
    number: u16,
    source: &Origin,
    options: &Options<'_>,
    names: &Names,
    index: &Mutex<Index>,
) -> Result<First> {
    let input = source.open()?;
    let reader = Reader::with_sizes(input.stream, input.file, true, input.sizes)?;
    let first = Mutex::new(First::default());
    let transform = transform(source);
    let make = || Look {
        source: number,
        names,
        transform: &transform,
        rule: options.on_conflict,
        index,
        first: &first,
        entries: Vec::new(),
        scratch: Vec::new(),
        sc: Scratch::default(),
    };
    let outcome = pipe::run(
        reader,
        options.threads,
        make,
        &mut std::io::sink(),
        options.progress,
    );
    let (error, ending) = (outcome.error, outcome.reader.ending().cloned());
    drop(outcome.workers);
    if let Some(e) = error.or_else(|| ending.as_ref().and_then(dump::checksum_error)) {
        return Err(e);
    }
    let mut first = first.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Whichever worker was first: in the order of the file.
    first.functions.sort_unstable_by_key(|(at, _)| *at);
    Ok(first)
}

/// The first conflicts, with their names.
fn named(sources: &[Origin], losers: &[Vec<Loser>]) -> Result<Vec<Conflict>> {
    let mut named = Vec::new();
    for (left, (source, losers)) in sources.iter().zip(losers).enumerate() {
        let wanted = losers.get(..NAMED - named.len()).unwrap_or(losers);
        let mut wanted = wanted.iter().peekable();
        if wanted.peek().is_none() {
            continue;
        }
        let input = source.open()?;
        let transform = transform(source);
        let mut reader = Reader::with_sizes(input.stream, input.file, false, input.sizes)?;
        let (mut spare, mut scratch) = (None, Vec::new());
        'blocks: while let Some(block) = reader.next_block(spare.take())? {
            for record in block.records() {
                let Some(loser) = wanted.peek() else {
                    break 'blocks;
                };
                if record.row().is_some() && record.offset() == loser.offset {
                    let name = record.key(&mut scratch)?;
                    let (db, key) = transform.place(record.frame.db, name);
                    named.push(Conflict {
                        db,
                        key: key.into_owned(),
                        taken: loser.winner,
                        left,
                    });
                    wanted.next();
                }
            }
            spare = Some(block);
        }
    }
    Ok(named)
}

/// All function libraries. Of those that cannot be loaded together, for they have one name and different code or register
/// a function of one name, the rule takes one: by size, if it goes by that, else the first or the last.
fn unite(
    sources: &[Origin],
    looks: &[First],
    rule: OnConflict,
    report: &mut Report,
) -> Result<Functions> {
    let mut all = Functions::default();
    // Functions that the libraries taken so far register, each with its library.
    let mut registered: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for (source, look) in sources.iter().zip(looks) {
        for (at, code) in &look.functions {
            let broken = |refusal: crate::engine::reply::Refusal| {
                Error::corrupt(*at, refusal.0.into_owned()).in_file(source.name())
            };
            let name = Functions::default().load(code, false).map_err(broken)?;
            let there = |name: &[u8]| all.libraries().iter().find(|l| l.name == name);
            if there(&name).is_some_and(|there| there.code == *code) {
                continue;
            }
            let functions = library::functions(code);
            // Libraries that would have to go, and how large they are.
            let mut others: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
            let mut found = Vec::new();
            if let Some(there) = there(&name) {
                others.insert(name.clone(), there.code.len());
                found.push(None);
            }
            for function in &functions {
                if let Some(other) = registered.get(function).filter(|other| **other != name) {
                    let len = there(other).map_or(0, |l| l.code.len());
                    if others.insert(other.clone(), len).is_none() {
                        found.push(Some((function.clone(), other.clone())));
                    }
                }
            }
            for function in found {
                let library = name.clone();
                let conflict = FunctionConflict { library, function };
                if !report.function_conflicts.contains(&conflict) {
                    report.function_conflicts.push(conflict);
                }
            }
            let takes = others.is_empty()
                || match rule {
                    OnConflict::Last => true,
                    OnConflict::Largest => others.values().all(|len| code.len() > *len),
                    OnConflict::Error | OnConflict::First | OnConflict::NewestTtl => false,
                };
            if takes {
                for other in others.keys() {
                    all.delete(other);
                    registered.retain(|_, of| of != other);
                }
                all.load(code, true).map_err(broken)?;
                registered.extend(functions.into_iter().map(|f| (f, name.clone())));
            }
        }
    }
    Ok(all)
}

/// Conflicts as the error that they are where no rule chooses.
fn refuse(sources: &[Origin], report: &Report) -> Result<()> {
    let how = "(--on-conflict says which to take)";
    if let Some(first) = report.named.first() {
        let name = |n: usize| sources.get(n).map_or("", Origin::name);
        let message = match report.conflicts {
            1 => format!(
                "the key is in {}, too {how}",
                quoted(name(first.taken).as_bytes())
            ),
            n => format!(
                "{n} keys are in more than one source; this one is in {}, too {how}",
                quoted(name(first.taken).as_bytes())
            ),
        };
        let e = Error::new(ErrorKind::Usage, message);
        return Err(e.in_key(first.db, &first.key).in_file(name(first.left)));
    }
    match report.function_conflicts.first() {
        None => Ok(()),
        Some(FunctionConflict {
            library,
            function: None,
        }) => Err(Error::usage(format!(
            "sources have different code for the function library {} {how}",
            quoted(library)
        ))),
        Some(FunctionConflict {
            library,
            function: Some((function, other)),
        }) => Err(Error::usage(format!(
            "the function libraries {} and {}, of different sources, both register the function {} {how}",
            quoted(other),
            quoted(library),
            quoted(function)
        ))),
    }
}
