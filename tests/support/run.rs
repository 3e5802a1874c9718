//! Dumping and verifying in this process, from every kind of input.

use redisk::Error;
use redisk::engine::Engine;
use redisk::filter::Filter;
use redisk::filter::transform::Transform;
use redisk::input::bytes::ReadAt;
use redisk::input::open::Input;
use redisk::limits::Sizes;
use redisk::model::target::{self, Target};
use redisk::ops::{dump, replay, verify};
use redisk::sink::bytes::Binary;
use redisk::sink::json::Json;
use redisk::source::aof::Source;
use std::fmt::Write as _;
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::sync::Arc;

/// Bytes that can be read by range, as a file can.
pub(crate) struct Mem(pub(crate) Arc<[u8]>);

impl ReadAt for Mem {
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> redisk::Result<()> {
        let start = usize::try_from(at).unwrap_or(usize::MAX);
        match self.0.get(start..).and_then(|rest| rest.get(..buf.len())) {
            Some(bytes) => {
                buf.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(Error::truncated(at, "the memory ends here")),
        }
    }
}

/// Gives its bytes a few at a time, and now and then says that it was interrupted.
pub(crate) struct Trickle {
    bytes: Arc<[u8]>,
    at: usize,
    step: usize,
    reads: usize,
}

impl Trickle {
    pub(crate) fn new(bytes: &Arc<[u8]>, step: usize) -> Trickle {
        Trickle {
            bytes: bytes.clone(),
            at: 0,
            step,
            reads: 0,
        }
    }
}

impl Read for Trickle {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        if self.reads.is_multiple_of(97) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let left = &self.bytes[self.at..];
        let n = left.len().min(buf.len()).min(self.step);
        buf[..n].copy_from_slice(&left[..n]);
        self.at += n;
        Ok(n)
    }
}

/// Like a file: read in big pieces, and by range.
pub(crate) fn as_file(name: &str, bytes: &Arc<[u8]>) -> redisk::Result<Input> {
    let stream = Box::new(Trickle::new(bytes, usize::MAX));
    let size = Some(bytes.len() as u64);
    Input::of(name, stream, Some(Arc::new(Mem(bytes.clone()))), size)
}

/// Like a pipe that gives `step` bytes at a time.
pub(crate) fn as_pipe(name: &str, bytes: &Arc<[u8]>, step: usize) -> redisk::Result<Input> {
    Input::of(name, Box::new(Trickle::new(bytes, step)), None, None)
}

/// Sizes that make big records of nearly everything.
pub(crate) const TINY: Sizes = Sizes {
    block: 64,
    big_record: 64,
    page: 5,
    hold: 100,
};

/// Sizes between these and the usual ones.
pub(crate) const SMALL: Sizes = Sizes {
    block: 1000,
    big_record: 3000,
    page: 64,
    hold: 5000,
};

/// Counts what is written and forgets it.
#[derive(Default)]
pub(crate) struct Count(pub(crate) u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How to dump.
pub(crate) fn json(binary: Binary, data_only: bool) -> Json {
    Json {
        binary,
        data_only,
        array: false,
        places: false,
    }
}

pub(crate) fn dump_to(
    input: Input,
    json: &Json,
    threads: usize,
    sink: &mut (dyn Write + Send),
) -> (dump::Report, Option<Error>) {
    let options = dump::Options {
        filter: Filter::default(),
        transform: Transform::default(),
        limit: None,
        sort: false,
        threads,
        progress: &|_| (),
    };
    dump::dump(input, || json.clone(), &options, sink)
}

/// What a dump wrote, and the error that ended it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dumped {
    pub(crate) out: Vec<u8>,
    pub(crate) error: Option<String>,
    pub(crate) keys: u64,
    pub(crate) empty: u64,
}

impl Dumped {
    /// Asserts that every line is JSON, and takes away what there is of a value that breaks off: how much that is depends
    /// on what was passed on before.
    pub(crate) fn without_the_broken(&mut self) {
        let text = std::mem::take(&mut self.out);
        for line in text.split_inclusive(|b| *b == b'\n') {
            let value: serde_json::Value = serde_json::from_slice(line).unwrap();
            if value["damaged"].is_null() {
                self.out.extend_from_slice(line);
                continue;
            }
            assert!(self.error.is_some());
            assert!(text.ends_with(line) && line.ends_with(b",\"damaged\":true}\n"));
        }
    }
}

/// Dumps everything as JSON Lines.
pub(crate) fn dumped(
    input: redisk::Result<Input>,
    binary: Binary,
    data_only: bool,
    threads: usize,
) -> Dumped {
    let input = match input {
        Ok(input) => input,
        Err(e) => {
            return Dumped {
                out: Vec::new(),
                error: Some(e.to_string()),
                keys: 0,
                empty: 0,
            };
        }
    };
    let mut out = Vec::new();
    let (report, error) = dump_to(input, &json(binary, data_only), threads, &mut out);
    Dumped {
        out,
        error: error.map(|e| e.to_string()),
        keys: report.keys,
        empty: report.empty,
    }
}

pub(crate) fn verify(input: Input, threads: usize) -> redisk::Result<verify::Report> {
    let options = verify::Options {
        threads,
        progress: &|_| (),
    };
    verify::verify(input, &options)
}

/// What verify says, as text: the form of the golden `*.err` files.
pub(crate) fn verified(input: redisk::Result<Input>, threads: usize) -> String {
    match input.and_then(|input| verify(input, threads)) {
        Ok(report) => verdict(&report),
        Err(e) => format!("not judged: {e}\n"),
    }
}

fn verdict(report: &verify::Report) -> String {
    let mut text = String::new();
    for f in &report.findings {
        let (severity, code) = (f.severity.name(), f.code);
        let place = f.place.to_string();
        let sep = if place.is_empty() { "" } else { ": " };
        let _ = writeln!(text, "{severity} {code}: {place}{sep}{}", f.message);
    }
    if report.more() > 0 {
        let _ = writeln!(text, "{} more", report.more());
    }
    let verdict = if report.damaged() {
        "damaged"
    } else {
        "intact"
    };
    let loads = target::ranges(|t| report.loads(t));
    let (keys, dbs) = (report.keys, report.dbs);
    let _ = writeln!(
        text,
        "{verdict}: {keys} keys in {dbs} databases; loads: {loads}"
    );
    text
}

/// The engine that has run a log, or loaded an RDB, as that server, which refuses nothing of it.
pub(crate) fn replayed(log: Vec<u8>, target: &'static Target) -> Engine {
    try_replayed(log, target).unwrap()
}

pub(crate) fn try_replayed(log: Vec<u8>, target: &'static Target) -> Result<Engine, redisk::Error> {
    let source = Source::File(Input::of("x", Box::new(Cursor::new(log)), None, None).unwrap());
    let mut engine = replay::engine(&source, Some(target));
    let options = replay::Options {
        until: replay::Until::default(),
        skip_unknown: false,
        skip_scripts: false,
        now_ms: 0,
        threads: 1,
        parted_from: replay::PARTED_FROM,
        max_memory: None,
        progress: &|_| (),
    };
    let report = replay::replay(source, &mut engine, &options)?;
    assert_eq!(report.refused, 0);
    Ok(engine)
}

/// All intact RDB files, those made by hand included, each with its name.
pub(crate) fn intact() -> Vec<(String, Arc<[u8]>)> {
    let files = super::files("rdb", ".rdb");
    let files = files.iter().map(|path| (super::name(path), read(path)));
    let made = super::made::intact().into_iter();
    files
        .chain(made.map(|(name, bytes)| (name.to_owned(), bytes.into())))
        .collect()
}

/// All of a file.
pub(crate) fn read(path: &Path) -> Arc<[u8]> {
    std::fs::read(path)
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        .into()
}
