//! One function a parser: it takes any bytes, must not panic, and says in a word how it went. Where the same bytes can be
//! read in two ways (from a slice and from pages, whole and in pieces), both must say the same.

use crate::support::run::{self, Mem};
use redisk::aof::manifest::{LINE, Manifest, Record, Role};
use redisk::filter::glob::Glob;
use redisk::input::bytes::{Bytes, Paged, Slice};
use redisk::input::checksum::Crc64;
use redisk::input::open::Input;
use redisk::model::target::Target as Server;
use redisk::ops::verify::{self, aof::Verified};
use redisk::packed::string::Str;
use redisk::packed::{intset, listpack, lzf, ziplist, zipmap};
use redisk::rdb::payload::Dump;
use redisk::rdb::visit::{ArrayValue, StreamPart, Visit};
use redisk::rdb::walk::Scratch;
use redisk::rdb::{length, string};
use redisk::resp::{decode, encode};
use redisk::sink::bytes::Binary;
use redisk::source::jsonl::Jsonl;
use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::sync::Arc;

/// A target.
pub(crate) type Target = fn(&[u8]) -> String;

/// All of them, by name.
pub(crate) const ALL: [(&str, Target); 16] = [
    ("listpack", listpack),
    ("ziplist", ziplist),
    ("zipmap", zipmap),
    ("intset", intset),
    ("lzf", lzf),
    ("string", string),
    ("rdb", rdb),
    ("payload", payload),
    ("glob", glob),
    ("codec", codec),
    ("resp", resp),
    ("aof", aof),
    ("manifest", manifest),
    ("jsonl", jsonl),
    ("repaired-log", super::repair::log),
    ("repaired-rdb", super::repair::file),
];

pub(crate) fn listpack(data: &[u8]) -> String {
    twice(data, |b| listpack_from(b), |b| listpack_from(b))
}

pub(crate) fn ziplist(data: &[u8]) -> String {
    twice(data, |b| ziplist_from(b), |b| ziplist_from(b))
}

pub(crate) fn zipmap(data: &[u8]) -> String {
    twice(data, |b| zipmap_from(b), |b| zipmap_from(b))
}

pub(crate) fn intset(data: &[u8]) -> String {
    twice(data, |b| intset_from(b), |b| intset_from(b))
}

pub(crate) fn string(data: &[u8]) -> String {
    twice(data, |b| strings_from(b), |b| strings_from(b))
}

/// The first two bytes are the promised length.
pub(crate) fn lzf(data: &[u8]) -> String {
    let Some((promised, input)) = data.split_first_chunk::<2>() else {
        return String::new();
    };
    let expected = usize::from(u16::from_le_bytes(*promised));
    let mut room = vec![7; 3];
    let whole = lzf::decode(input, expected, &mut room).map(<[u8]>::to_vec);
    let checked = lzf::check(input, expected as u64);
    assert_eq!(whole.as_ref().err().copied(), checked.err());
    for piece in [1, 7, 4096] {
        let pieces = in_pieces(input, expected as u64, piece);
        match (&whole, pieces) {
            (Ok(a), Ok(b)) => assert!(*a == b),
            (Err(a), Err(b)) => assert_eq!(a.to_string(), b.message()),
            (a, b) => panic!("{a:?} whole, {b:?} in pieces of {piece}"),
        }
    }
    // The crate's decoder gives as much as there is, so only a full result of it is one.
    let theirs = ::lzf::decompress(input, expected).ok();
    let theirs = theirs.filter(|out| out.len() == expected);
    if expected > 0 {
        assert_eq!(whole.as_ref().ok(), theirs.as_ref());
    }
    outcome(&whole.map(|_| ()))
}

/// An RDB file.
pub(crate) fn rdb(data: &[u8]) -> String {
    let bytes: Arc<[u8]> = data.into();
    let word = judged(&bytes);
    // From a pipe, with everything big.
    let open = |tiny: bool| {
        let mut input = run::as_pipe("x", &bytes, 11)?;
        if tiny {
            input.sizes = run::TINY;
        }
        Ok(input)
    };
    let [usual, tiny] = [false, true].map(|tiny| run::verified(open(tiny), 1));
    assert_eq!(usual, tiny);
    let [mut usual, mut tiny] =
        [false, true].map(|tiny| run::dumped(open(tiny), Binary::Auto, false, 1));
    for dump in [&mut usual, &mut tiny] {
        dump.without_the_broken();
    }
    assert!(usual == tiny, "{:?} and {:?}", usual.error, tiny.error);
    word
}

/// Verifies and dumps: errors and damage name a place inside the file, and both agree on whether there is any.
pub(crate) fn judged(bytes: &Arc<[u8]>) -> String {
    let open = || run::as_file("x", bytes);
    let compressed = redisk::input::codec::detect(bytes).is_some();
    let inside =
        |offset: Option<u64>| compressed || offset.is_some_and(|o| o <= bytes.len() as u64);
    let verified = open().and_then(|input| run::verify(input, 1));
    let (damaged, word) = match &verified {
        Ok(report) => {
            for f in &report.findings {
                // Keys that are there twice are only found where the input can be opened again.
                let nowhere = f.place.offset.is_none();
                let may = f.severity.name() == "note" || f.code == "duplicate-key";
                assert!(inside(f.place.offset) || nowhere && may, "{f:?}");
            }
            let first = report.findings.first();
            (
                report.damaged(),
                first.map_or_else(String::new, |f| f.message.clone()),
            )
        }
        Err(e) => {
            assert!(inside(e.place().offset) || e.io().is_none(), "{e}");
            (true, e.to_string())
        }
    };
    let mut count = run::Count::default();
    let error = match open() {
        Ok(input) => run::dump_to(input, &run::json(Binary::Auto, false), 1, &mut count).1,
        Err(e) => Some(e),
    };
    if let Some(e) = &error {
        assert!(
            compressed || inside(e.place().offset) || e.kind() == redisk::ErrorKind::Corrupt,
            "{e}"
        );
    }
    assert_eq!(
        damaged,
        error.is_some(),
        "verify: {verified:?}; dump: {error:?}"
    );
    word
}

/// A payload of DUMP.
pub(crate) fn payload(data: &[u8]) -> String {
    let walked = Dump::parse(data).and_then(|dump| {
        let _ = dump.checksum_error();
        dump.walk(true, &mut Scratch::default(), &mut Everything)
    });
    outcome(&walked)
}

/// A pattern, a zero byte, a key.
pub(crate) fn glob(data: &[u8]) -> String {
    let mut parts = data.splitn(2, |b| *b == 0);
    let (pattern, key) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let glob = Glob::new(pattern);
    let matches = glob.matches(key);
    if let Some(literal) = glob.literal() {
        assert_eq!(matches, literal == key);
    }
    if matches {
        assert!(key.starts_with(glob.prefix()));
    }
    assert!(!glob.is_all() || matches);
    let theirs = pattern == b"*" || stringmatch(pattern, key, (0, 0), &mut HashSet::new());
    assert_eq!(matches, theirs);
    format!("{matches}")
}

/// `stringmatchlen` of the servers, step by step, from a place in the pattern and one in the key. Places where it has
/// failed behind a `*` are kept, or it would be exponential.
fn stringmatch(
    pattern: &[u8],
    key: &[u8],
    (mut p, mut k): (usize, usize),
    failed: &mut HashSet<(usize, usize)>,
) -> bool {
    // Behind the end stands a NUL.
    let at = |p: usize| pattern.get(p).copied().unwrap_or_default();
    while p < pattern.len() && k < key.len() {
        let byte = key[k];
        match at(p) {
            b'*' => {
                while at(p + 1) == b'*' {
                    p += 1;
                }
                return p + 1 == pattern.len()
                    || (k..key.len()).any(|k| {
                        let place = (p + 1, k);
                        let tried = !failed.insert(place);
                        !tried && stringmatch(pattern, key, place, failed)
                    });
            }
            b'?' => {}
            b'[' => {
                p += 1;
                let not = at(p) == b'^';
                p += usize::from(not);
                let mut found = false;
                loop {
                    let left = pattern.len().saturating_sub(p);
                    if left >= 2 && at(p) == b'\\' {
                        p += 1;
                        found |= at(p) == byte;
                    } else if at(p) == b']' {
                        break;
                    } else if left == 0 {
                        p -= 1;
                        break;
                    } else if left >= 3 && at(p + 1) == b'-' {
                        let ends = [at(p), at(p + 2)].map(u8::cast_signed);
                        let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
                        found |= (low..=high).contains(&byte.cast_signed());
                        p += 2;
                    } else {
                        found |= at(p) == byte;
                    }
                    p += 1;
                }
                if found == not {
                    return false;
                }
            }
            first => {
                p += usize::from(first == b'\\' && p + 1 < pattern.len());
                if at(p) != byte {
                    return false;
                }
            }
        }
        p += 1;
        k += 1;
        if k == key.len() {
            while at(p) == b'*' {
                p += 1;
            }
        }
    }
    p == pattern.len() && k == key.len()
}

/// Any file: what it is compressed with is undone, at most 4 MiB of it.
pub(crate) fn codec(data: &[u8]) -> String {
    let mut input = match run::as_pipe("x", &data.into(), 1000) {
        Ok(input) => input,
        Err(e) => return e.to_string(),
    };
    let mut out = Vec::new();
    let stream = &mut input.stream;
    match stream.take(4 << 20).read_to_end(&mut out) {
        Ok(_) => format!("{:?}", input.codecs),
        Err(e) => redisk::Error::from_io(e, "read").to_string(),
    }
}

/// What was framed out of a log: argvs, marks and flaws by their places in it, and how it ended.
#[derive(Debug, PartialEq)]
struct Framed {
    commands: Vec<(usize, usize, Vec<Vec<u8>>)>,
    marks: Vec<(usize, decode::Mark)>,
    flaws: Vec<(usize, decode::FlawKind, usize, Option<u32>)>,
    fault: Option<decode::Fault>,
    big: bool,
    consumed: usize,
    rest: Option<decode::Rest>,
}

/// Frames a log that arrives `step` bytes at a time.
fn framed(data: &[u8], step: usize) -> Framed {
    let mut decoder = decode::Decoder::new();
    let mut all = Framed {
        commands: Vec::new(),
        marks: Vec::new(),
        flaws: Vec::new(),
        fault: None,
        big: false,
        consumed: 0,
        rest: None,
    };
    let mut arrived = 0;
    loop {
        arrived = data.len().min(arrived + step);
        let (from, before) = (all.consumed, all.commands.len());
        let bytes = &data[from..arrived];
        let mut table = decode::Table::default();
        let (consumed, stop) = decoder.frame(bytes, &mut table);
        for item in &table.items {
            let words = table.args(item).iter().map(|s| s.of(bytes).to_vec());
            let (start, end) = (from + item.start as usize, from + item.end as usize);
            all.commands.push((start, end, words.collect()));
        }
        let marks = table
            .marks
            .iter()
            .map(|(i, mark)| (before + *i as usize, *mark));
        all.marks.extend(marks);
        for f in &table.flaws {
            let item = before + f.item as usize;
            // A command that is not whole yet is no item; its flaws come with it.
            assert!(item < all.commands.len() || stop != decode::Stop::More);
            all.flaws.push((item, f.kind, from + f.at as usize, f.arg));
        }
        all.consumed += consumed;
        match stop {
            decode::Stop::More if arrived < data.len() => continue,
            decode::Stop::More => {
                let at = all.consumed;
                let rest = decoder.finish(&data[at..]);
                all.rest = Some(rest);
            }
            decode::Stop::Big => all.big = true,
            decode::Stop::Fault(f) => {
                all.fault = Some(decode::Fault {
                    at: from + f.at,
                    ..f
                });
            }
        }
        return all;
    }
}

/// Commands as they stand in a log.
pub(crate) fn resp(data: &[u8]) -> String {
    let whole = framed(data, data.len().max(1));
    for step in [1, 2, 7, 100] {
        assert_eq!(framed(data, step), whole);
    }
    // Written as servers do, the same commands come back, with nothing wrong about them.
    let mut again = Vec::new();
    let mut words = Vec::new();
    for (start, _, argv) in &whole.commands {
        if data[*start] == b'*' {
            let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
            encode::command(&argv, &mut again);
            words.push(argv);
        }
    }
    let back = framed(&again, again.len().max(1));
    assert_eq!(
        (back.consumed, back.rest),
        (again.len(), Some(decode::Rest::Clean))
    );
    assert!(back.flaws.is_empty());
    assert!(back.commands.iter().map(|c| &c.2).eq(words.iter()));
    let flaws: BTreeSet<String> = whole.flaws.iter().map(|f| format!("{:?}", f.1)).collect();
    let fault = whole.fault.map(|f| f.kind);
    format!("{fault:?} {:?} {flaws:?} {}", whole.rest, whole.big)
}

/// A log, with an RDB in front or without: the same from a file and two threads as from a pipe and one.
pub(crate) fn aof(data: &[u8]) -> String {
    let bytes: Arc<[u8]> = data.into();
    let judged = |input: redisk::Result<Input>, threads| {
        let options = verify::Options {
            threads,
            progress: &|_| (),
        };
        match input.and_then(|input| verify::aof::file(input, &options)) {
            Ok(Verified::Aof(report)) => {
                let findings = report.all_findings();
                let findings: Vec<String> = findings.map(|f| format!("{f:?}\n")).collect();
                let outcomes: Vec<_> = ["redis-6.2", "redis-7.0", "redis-8.6", "valkey-9.1"]
                    .into_iter()
                    .flat_map(|target| {
                        let target = Server::from_name(target).unwrap();
                        [true, false].map(|truncated| report.outcome(target, truncated))
                    })
                    .collect();
                format!("{} {outcomes:?}", findings.concat())
            }
            Ok(Verified::Rdb(report)) => format!("an RDB, damaged: {}", report.damaged()),
            Err(e) => e.to_string(),
        }
    };
    let said = judged(run::as_file("x", &bytes), 2);
    assert_eq!(said, judged(run::as_pipe("x", &bytes, 11), 1));
    said
}

/// A manifest: the same however it arrives, and read back where it can be written.
pub(crate) fn manifest(data: &[u8]) -> String {
    let reading = Manifest::read(data).unwrap();
    let trickled = Manifest::read(run::Trickle::new(&data.into(), 3)).unwrap();
    assert_eq!(reading, trickled);
    let strict = Manifest::read_strict(data);
    assert_eq!(strict.is_err(), reading.fatal.is_some());
    for problem in &reading.problems {
        assert!(problem.at <= data.len() as u64 && problem.line <= data.len() as u64);
    }
    let records = || {
        [Role::Base, Role::History, Role::Incr]
            .into_iter()
            .flat_map(|role| {
                let all = reading.manifest.records.iter();
                all.filter(move |r| r.role == role)
            })
    };
    let fits = |r: &Record| {
        let mut line = Vec::new();
        r.write(&mut line);
        line.len() <= LINE
    };
    if reading.fatal.is_none() && records().next().is_some() && records().all(fits) {
        let mut text = Vec::new();
        reading.manifest.write(&mut text);
        let back = Manifest::read(text.as_slice()).unwrap();
        assert_eq!(back.fatal, None, "{}", text.escape_ascii());
        let line = |r: &Record| Record {
            line: 0,
            ..r.clone()
        };
        assert!(
            back.manifest
                .records
                .iter()
                .map(line)
                .eq(records().map(line))
        );
        let mut twice = Vec::new();
        back.manifest.write(&mut twice);
        assert_eq!(text, twice);
    }
    let kinds: BTreeSet<String> = reading
        .problems
        .iter()
        .map(|p| p.kind.to_string())
        .collect();
    format!("{kinds:?}")
}

fn outcome<E: std::fmt::Display>(result: &Result<(), E>) -> String {
    match result {
        Ok(()) => String::new(),
        Err(e) => e.to_string(),
    }
}

fn twice(data: &[u8], whole: fn(Slice<'_>) -> String, paged: fn(Paged<'_>) -> String) -> String {
    let source = Mem(data.into());
    let a = whole(Slice::new(data, 100));
    for page in [1, 5, 4096] {
        let pages = Paged::new(&source, 0, data.len() as u64, 100).in_pages_of(page);
        assert_eq!(a, paged(pages));
    }
    a
}

fn in_pieces(input: &[u8], expected: u64, piece: usize) -> redisk::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut emit = |bytes: &[u8]| {
        out.extend_from_slice(bytes);
        Ok(())
    };
    let mut stream = lzf::Stream::new(input.len() as u64, expected)?;
    for piece in input.chunks(piece) {
        stream.push(piece, &mut emit)?;
    }
    stream.finish(&mut emit)?;
    Ok(out)
}

/// What was read: so many strings, a sum of them, and how it ended.
#[derive(Default)]
struct Sum {
    strings: u64,
    crc: Crc64,
}

impl Sum {
    fn add(&mut self, s: Str<'_>) -> redisk::Result<()> {
        self.strings += 1;
        self.crc.update(&s.len().to_le_bytes());
        s.chunks(&mut |piece| {
            self.crc.update(piece);
            Ok(())
        })
    }

    fn end(self, end: redisk::Result<String>) -> String {
        let end = end.unwrap_or_else(|e| e.to_string());
        format!("{end} ({} strings, {:x})", self.strings, self.crc.value())
    }
}

fn found(finding: Option<redisk::model::finding::Finding>) -> String {
    finding.map_or_else(String::new, |f| format!("{} {}", f.code, f.message))
}

/// Everything that a reader of a packed encoding gives.
macro_rules! elements {
    ($name:ident, $reader:ident) => {
        fn $name<'a, B: Bytes<'a>>(bytes: B) -> String {
            let mut sum = Sum::default();
            let mut scratch = Vec::new();
            let end = $reader::Reader::new(bytes).and_then(|mut reader| {
                while let Some(s) = reader.next(&mut scratch)? {
                    sum.add(s)?;
                }
                Ok(found(reader.finish()))
            });
            sum.end(end)
        }
    };
}
elements!(listpack_from, listpack);
elements!(ziplist_from, ziplist);

fn zipmap_from<'a, B: Bytes<'a>>(bytes: B) -> String {
    let mut sum = Sum::default();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let end = zipmap::Reader::new(bytes).and_then(|mut reader| {
        while let Some((field, value)) = reader.next(&mut a, &mut b)? {
            sum.add(field)?;
            sum.add(value)?;
        }
        Ok(found(reader.finish()))
    });
    sum.end(end)
}

fn intset_from<'a, B: Bytes<'a>>(bytes: B) -> String {
    let mut sum = Sum::default();
    let end = intset::Reader::new(bytes).and_then(|mut reader| {
        while let Some(member) = reader.next()? {
            sum.add(Str::Int(member))?;
        }
        Ok(found(reader.finish()))
    });
    sum.end(end)
}

/// Strings one after the other, then numbers; passing over a string and checking it must end at the same place.
fn strings_from<'a, B: Bytes<'a> + Clone>(mut bytes: B) -> String {
    let mut sum = Sum::default();
    let mut scratch = Vec::new();
    let end = (|| {
        while bytes.left() > 0 {
            let mut skipped = bytes.clone();
            let mut checked = bytes.clone();
            let skip = string::skip(&mut skipped);
            let check = string::check(&mut checked, &mut scratch);
            let read = string::read(&mut bytes, &mut scratch).and_then(|s| sum.add(s));
            assert_eq!(outcome(&check), outcome(&read));
            if read.is_ok() {
                assert!(skip.is_ok());
                assert_eq!(
                    (skipped.left(), checked.left()),
                    (bytes.left(), bytes.left())
                );
            }
            read?;
            if bytes.left() > 0 {
                let n = length::number(&mut bytes)?;
                sum.crc.update(&n.to_le_bytes());
            }
        }
        Ok(String::new())
    })();
    sum.end(end)
}

/// Reads all there is.
struct Everything;

fn all(s: Str<'_>) -> redisk::Result<()> {
    s.chunks(&mut |_| Ok(()))
}

impl Visit for Everything {
    fn string(&mut self, value: Str<'_>) -> redisk::Result<()> {
        all(value)
    }
    fn element(&mut self, element: Str<'_>) -> redisk::Result<()> {
        all(element)
    }
    fn member(&mut self, member: Str<'_>) -> redisk::Result<()> {
        all(member)
    }
    fn scored(&mut self, member: Str<'_>, _score: f64) -> redisk::Result<()> {
        all(member)
    }
    fn field(&mut self, field: Str<'_>, value: Str<'_>, _ms: Option<u64>) -> redisk::Result<()> {
        all(field)?;
        all(value)
    }
    fn stream(&mut self, part: StreamPart<'_>) -> redisk::Result<()> {
        match part {
            StreamPart::Field(field, value) => {
                all(field)?;
                all(value)
            }
            StreamPart::Group { name: s, .. }
            | StreamPart::Consumer { name: s, .. }
            | StreamPart::Producer(s)
            | StreamPart::ProducerId(s, _) => all(s),
            _ => Ok(()),
        }
    }
    fn module(&mut self, _id: u64, fields: Str<'_>) -> redisk::Result<()> {
        all(fields)
    }
    fn array_element(&mut self, _index: u64, value: ArrayValue<'_>) -> redisk::Result<()> {
        match value {
            ArrayValue::Text(s) => all(s),
            ArrayValue::Float(_) => Ok(()),
        }
    }
}

/// What can be read gives the same lines again and again, however it comes.
pub(crate) fn jsonl(data: &[u8]) -> String {
    let bytes: Arc<[u8]> = data.into();
    let read = |bytes: &Arc<[u8]>, step| {
        let jsonl = Jsonl::new(run::Trickle::new(bytes, step));
        let input = Input::of("x", Box::new(jsonl), None, None);
        run::dumped(input, Binary::Auto, false, 1)
    };
    let whole = read(&bytes, usize::MAX);
    assert_eq!(whole, read(&bytes, 7));
    let said = match &whole.error {
        Some(e) => e.split(": ").last().unwrap_or_default().to_owned(),
        None => {
            let again = read(&whole.out.as_slice().into(), usize::MAX);
            assert_eq!(again.error, None);
            assert!(again.out == whole.out);
            format!("{} keys", whole.keys.min(9))
        }
    };
    said.chars().filter(|c| !c.is_ascii_digit()).collect()
}
