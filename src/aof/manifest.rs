//! The manifest of a multi-part append-only file: which files make up the log, and in which order.
//!
//! ```text
//! file appendonly.aof.2.base.rdb seq 2 type b                   b  base, at most one, loaded first
//! file appendonly.aof.1.incr.aof seq 1 type h                   h  history, never loaded, to be deleted
//! file "my log.2.incr.aof" seq 2 type i startoffset 1234        i  incr, loaded in this order
//!
//! line   "#" anything LF  │  key SP value ( SP key SP value )* LF     at most 1024 bytes, LF included
//! key    file, seq, type (all three needed, in any order and case), startoffset, endoffset, anything else
//! value  words as a shell quotes them: "…" with \n \r \t \b \a \xHH \any, '…' with \' only
//! ```
//!
//! A server stops at the first thing it dislikes; [`Manifest::read`] goes on and returns every [`Problem`] with its line
//! and the server's words for it. Keys that nobody here knows are kept, in order, for whoever writes the manifest again.
//! What [`Manifest::write`] writes is what servers write, byte for byte.
//!
//! Source: redis `src/aof.c` (`aofLoadManifestFromFile`, `aofInfoFormat`), `src/sds.c` (`sdssplitargs`, `sdscatrepr`).
//! Bounds: [`RECORDS`] records of [`WORDS`] bytes in all, and [`PROBLEMS`] problems of [`PROBLEM_BYTES`], whatever the file's
//! size; a sound manifest beyond them is not read.

use crate::error::{Error, Result};
use crate::limits::FINDINGS_LISTED;
use crate::resp::line::strtol;
use std::io::{BufRead, BufReader, ErrorKind, Read};

mod problem;
mod words;

pub use problem::{Problem, ProblemKind};
use words::{split_words, write_word};

/// The longest line, LF included.
pub const LINE: usize = 1024;

/// Records that are kept. Servers hold a handful; rewrites that fail, once an hour, add one each.
pub const RECORDS: usize = 10_000;

/// Bytes that names and unknown keys of all records may take in memory.
pub const WORDS: usize = 2 << 20;

/// Problems that are listed; the rest are counted.
pub const PROBLEMS: usize = FINDINGS_LISTED;

/// Bytes of names and keys in the problems that are listed; later ones are counted.
pub const PROBLEM_BYTES: usize = 64 << 10;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The state that the log starts from.
    Base,
    /// Made obsolete by a rewrite, waiting to be deleted.
    History,
    /// What happened since.
    Incr,
}

impl Role {
    /// The letter in a manifest.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Role::Base => 'b',
            Role::History => 'h',
            Role::Incr => 'i',
        }
    }

    /// The word for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Role::Base => "base",
            Role::History => "history",
            Role::Incr => "incr",
        }
    }
}

/// One line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The file's name, exact bytes, without a folder.
    pub name: Vec<u8>,
    /// Its sequence number; base and incr files count separately.
    pub seq: i64,
    /// What it is for.
    pub role: Role,
    /// Replication offset when the file was created (Redis 8).
    pub start_offset: Option<i64>,
    /// Replication offset when the file was closed (Redis 8).
    pub end_offset: Option<i64>,
    /// Other keys and their values, in order.
    pub extra: Vec<(Vec<u8>, Vec<u8>)>,
    /// Number of its line, from 1; 0 for a record that was not read.
    pub line: u64,
}

/// A manifest. See the module.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its records in the order of the file.
    pub records: Vec<Record>,
    /// How many lines it has.
    pub lines: u64,
    /// How many of them are comments.
    pub comments: u64,
}

/// What [`Manifest::read`] found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Every record that can be told, those of problem lines included where they are whole.
    pub manifest: Manifest,
    /// The problems in order, at most [`PROBLEMS`]; but the first fatal one is always among them.
    pub problems: Vec<Problem>,
    /// How many there are.
    pub problem_count: u64,
    /// What makes servers refuse it first.
    pub fatal: Option<Problem>,
    /// Bytes in the problems.
    bytes: usize,
    /// Bytes in the records.
    words: usize,
}

impl Reading {
    fn found(&mut self, line: u64, at: u64, kind: ProblemKind) {
        let problem = Problem { line, at, kind };
        self.problem_count += 1;
        if self.fatal.is_none() && problem.kind.is_fatal() {
            self.fatal = Some(problem.clone());
            self.problems.truncate(PROBLEMS - 1);
            self.bytes = 0;
        }
        if self.problems.len() < PROBLEMS && self.bytes < PROBLEM_BYTES {
            self.bytes += problem.kind.bytes();
            self.problems.push(problem);
        }
    }

    /// Keeps a record. One too many is an error, but in a manifest that no server takes it is left out.
    fn keep(&mut self, record: Record) -> Result<()> {
        let extra = record.extra.iter();
        let extra = extra.map(|(key, value)| key.len() + value.len() + EXTRA);
        let words = self.words + record.name.len() + extra.sum::<usize>();
        if self.manifest.records.len() < RECORDS && words <= WORDS {
            self.words = words;
            self.manifest.records.push(record);
        } else if self.fatal.is_none() {
            let what =
                format!("more than {RECORDS} records, or {WORDS} bytes in their names and keys");
            return Err(Error::limit(what).within(format!("line {}", record.line)));
        }
        Ok(())
    }
}

impl Manifest {
    /// The base, if there is one (the first, should there be more).
    #[must_use]
    pub fn base(&self) -> Option<&Record> {
        self.role(Role::Base).next()
    }

    /// The incr files in loading order.
    pub fn incrs(&self) -> impl Iterator<Item = &Record> {
        self.role(Role::Incr)
    }

    /// The history files.
    pub fn history(&self) -> impl Iterator<Item = &Record> {
        self.role(Role::History)
    }

    fn role(&self, role: Role) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |r| r.role == role)
    }

    /// Reads a manifest to its end, whatever is wrong with it.
    ///
    /// # Errors
    /// What the operating system reports, and what is over the limits on its size.
    pub fn read(src: impl Read) -> Result<Reading> {
        let mut src = BufReader::new(src);
        let mut reading = Reading::default();
        let mut line = Vec::with_capacity(LINE);
        let (mut number, mut at, mut begun) = (1, 0, false);
        let mut so_far = SoFar::default();
        loop {
            let found =
                fgets(&mut src, &mut line).map_err(|e| Error::from_io(e, "read the manifest"))?;
            if !found {
                break;
            }
            let whole = line.last() == Some(&b'\n');
            let start = at;
            at += line.len() as u64;
            if line.first() == Some(&b'#') {
                reading.manifest.comments += u64::from(!begun);
            } else if !whole || line.contains(&0) {
                reading.found(number, start, ProblemKind::LongLine);
                if !whole {
                    at +=
                        skip_line(&mut src).map_err(|e| Error::from_io(e, "read the manifest"))?;
                }
                line.clear();
            } else {
                if let Some(record) = record(&line, number, start, &mut so_far, &mut reading) {
                    reading.keep(record)?;
                }
            }
            // A comment longer than the buffer: what is left of it counts as a line to servers, but not to eyes.
            begun = !whole && !line.is_empty();
            number += u64::from(!begun);
        }
        reading.manifest.lines = number - 1 + u64::from(begun);
        if at == 0 {
            reading.found(0, 0, ProblemKind::Empty);
        } else if reading.manifest.records.is_empty() && reading.problem_count == 0 {
            reading.found(reading.manifest.lines, 0, ProblemKind::NoRecords);
        }
        Ok(reading)
    }

    /// Reads a manifest as strictly as a server: the first fatal problem is the error.
    ///
    /// # Errors
    /// The first fatal problem, or what the operating system reports.
    pub fn read_strict(src: impl Read) -> Result<Manifest> {
        let reading = Manifest::read(src)?;
        match reading.fatal {
            None => Ok(reading.manifest),
            Some(problem) => Err(Error::corrupt(problem.at, problem.kind.to_string())
                .within(format!("line {}", problem.line))),
        }
    }

    /// Appends the manifest as servers write it: the base, history, incr files.
    pub fn write(&self, out: &mut Vec<u8>) {
        for role in [Role::Base, Role::History, Role::Incr] {
            for record in self.role(role) {
                record.write(out);
            }
        }
    }
}

impl Record {
    /// A record with nothing but what every one needs.
    #[must_use]
    pub fn new(name: impl Into<Vec<u8>>, seq: i64, role: Role) -> Record {
        Record {
            name: name.into(),
            seq,
            role,
            start_offset: None,
            end_offset: None,
            extra: Vec::new(),
            line: 0,
        }
    }

    /// Appends its line.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"file ");
        write_word(&self.name, out);
        out.extend_from_slice(format!(" seq {} type {}", self.seq, self.role.letter()).as_bytes());
        for (key, offset) in [
            ("startoffset", self.start_offset),
            ("endoffset", self.end_offset),
        ] {
            if let Some(offset) = offset {
                out.extend_from_slice(format!(" {key} {offset}").as_bytes());
            }
        }
        for (key, value) in &self.extra {
            out.push(b' ');
            write_word(key, out);
            out.push(b' ');
            write_word(value, out);
        }
        out.push(b'\n');
    }
}

/// Reads a piece of a line as `fgets` does with a buffer for [`LINE`] bytes. False at the end.
fn fgets(src: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    src.take(LINE as u64).read_until(b'\n', line)?;
    Ok(!line.is_empty())
}

/// Reads over the rest of a line and returns its length.
fn skip_line(src: &mut impl BufRead) -> std::io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = match src.fill_buf() {
            Ok(buffer) => buffer,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        let lf = buffer.iter().position(|&b| b == b'\n');
        let n = lf.map_or(buffer.len(), |i| i + 1);
        src.consume(n);
        skipped += n as u64;
        if lf.is_some() || n == 0 {
            return Ok(skipped);
        }
    }
}

/// What the lines above one have settled: whether there is a base, and the last number of an incr.
#[derive(Default)]
struct SoFar {
    base: bool,
    incr: i64,
}

/// What a pair of words takes besides its bytes.
const EXTRA: usize = 128;

/// Judges one line that is no comment, and gives its record.
fn record(
    line: &[u8],
    number: u64,
    at: u64,
    so_far: &mut SoFar,
    reading: &mut Reading,
) -> Option<Record> {
    let bad = |reading: &mut Reading, kind| {
        reading.found(number, at, kind);
        None
    };
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().take_while(|b| is_blank(b)).count();
    let end = line.len() - line.iter().rev().take_while(|b| is_blank(b)).count();
    let Some(text) = line.get(start..end).filter(|t| !t.is_empty()) else {
        return bad(reading, ProblemKind::Blank);
    };
    let Some(words) = split_words(text) else {
        return bad(reading, ProblemKind::Quote);
    };
    if words.len() < 6 || words.len() % 2 != 0 {
        return bad(reading, ProblemKind::Words(words.len()));
    }
    if line.ends_with(b"\r\n") {
        reading.found(number, at, ProblemKind::CarriageReturn);
    }
    let mut read = Record::new("", 0, Role::Base);
    read.line = number;
    let (mut name, mut role) = (None, None);
    let mut seen: Vec<Vec<u8>> = Vec::new();
    let mut words = words.into_iter();
    while let (Some(key), Some(value)) = (words.next(), words.next()) {
        let lower = key.to_ascii_lowercase();
        let number_of = |reading: &mut Reading| {
            let (value, minimal) = strtol(&value);
            if !minimal {
                reading.found(number, at, ProblemKind::Number(value));
            }
            value
        };
        match &lower[..] {
            b"file" => {
                if value.iter().any(|b| matches!(b, b'/' | b'\\')) {
                    return bad(reading, ProblemKind::Path(value));
                }
                name = Some(value);
            }
            b"seq" => read.seq = number_of(reading),
            b"type" => role = value.first().copied(),
            b"startoffset" => read.start_offset = Some(number_of(reading)),
            b"endoffset" => read.end_offset = Some(number_of(reading)),
            _ => read.extra.push((key, value)),
        }
        if seen.contains(&lower) {
            reading.found(number, at, ProblemKind::Repeated(lower));
        } else {
            seen.push(lower);
        }
    }
    let (Some(name), Some(role)) = (&name, role) else {
        let missing = if name.is_none() { "file" } else { "type" };
        return bad(reading, ProblemKind::Missing(missing));
    };
    if read.seq == 0 {
        return bad(reading, ProblemKind::Missing("seq"));
    }
    if matches!(&name[..], b"" | b"." | b"..") || name.contains(&0) {
        return bad(reading, ProblemKind::Name(name.clone()));
    }
    read.name.clone_from(name);
    read.role = match role {
        b'b' => Role::Base,
        b'h' => Role::History,
        b'i' => Role::Incr,
        b => return bad(reading, ProblemKind::UnknownType(b)),
    };
    match read.role {
        Role::Base if so_far.base => reading.found(number, at, ProblemKind::SecondBase),
        Role::Base => so_far.base = true,
        Role::Incr if read.seq <= so_far.incr => {
            let (seq, after) = (read.seq, so_far.incr);
            reading.found(number, at, ProblemKind::NotMonotonic { seq, after });
        }
        Role::Incr => so_far.incr = read.seq,
        Role::History => {}
    }
    Some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Reading {
        Manifest::read(text).unwrap()
    }

    fn kinds(text: &[u8]) -> Vec<ProblemKind> {
        read(text).problems.into_iter().map(|p| p.kind).collect()
    }

    #[test]
    fn servers_own_manifests_come_back() {
        for text in [
            "file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.1.incr.aof seq 1 type h\nfile appendonly.aof.2.incr.aof seq 2 type i startoffset 1234\n",
            "file a seq 1 type i startoffset 0 endoffset 77\n",
            "file \"my log \\xc5\\x81\\\"x\\a.1.incr.aof\" seq 1 type i\n",
            "file a seq 1 type b shard 3 \"odd key\" \"\\x00\"\n",
        ] {
            let reading = read(text.as_bytes());
            assert_eq!(reading.problems, []);
            let mut out = Vec::new();
            reading.manifest.write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn any_name_can_be_written_and_read() {
        for b in 1..=255u8 {
            if matches!(b, b'/' | b'\\') {
                continue;
            }
            let mut manifest = Manifest::default();
            manifest
                .records
                .push(Record::new([b'a', b, b'b'], 1, Role::Incr));
            let mut out = Vec::new();
            manifest.write(&mut out);
            let reading = read(&out);
            assert_eq!(reading.fatal, None);
            assert_eq!(reading.manifest.records[0].name, [b'a', b, b'b']);
        }
    }

    #[test]
    fn lenient_where_servers_are() {
        let r = read(b"# a comment\n \tTYPE incremental SEQ 7x FILE 'it\\'s' new \"\" \r\n");
        assert_eq!(r.fatal, None);
        let record = &r.manifest.records[0];
        assert_eq!(
            (&record.name[..], record.seq, record.role, record.line),
            (&b"it's"[..], 7, Role::Incr, 2)
        );
        assert_eq!(record.extra, [(b"new".to_vec(), b"".to_vec())]);
        assert_eq!(
            kinds(b"file a seq 1 type b file b\r\n"),
            [
                ProblemKind::CarriageReturn,
                ProblemKind::Repeated(b"file".to_vec())
            ]
        );
        assert_eq!(
            read(b"file a seq 1 type b file b\n").manifest.records[0].name,
            b"b"
        );
        assert_eq!(kinds(b"file a seq 02 type b\n"), [ProblemKind::Number(2)]);
        assert_eq!(kinds(b"# nothing\n"), [ProblemKind::NoRecords]);
        assert_eq!(kinds(b"# nothing"), [ProblemKind::NoRecords]);
        // Quotes may start inside a word.
        assert_eq!(
            read(b"file a\"b c\" seq 1 type b\n").manifest.records[0].name,
            b"ab c"
        );
    }

    #[test]
    fn what_servers_refuse() {
        use ProblemKind::*;
        for (text, kind) in [
            (&b""[..], Empty),
            (b"file a seq 1 type b", LongLine),
            (b"file a seq 1 type b\nfile\0b seq 1 type i\n", LongLine),
            (b"\n", Blank),
            (b" \t\n", Blank),
            (b"file \"a seq 1 type b\n", Quote),
            (b"file \"a\"b seq 1 type b\n", Quote),
            (b"file 'a seq 1 type b\n", Quote),
            (b"file a seq 1 type\n", Words(5)),
            (b"file a seq 1\n", Words(4)),
            (b"file a seq 1 type b x\n", Words(7)),
            (b"file ../a seq 1 type b\n", Path(b"../a".to_vec())),
            (b"file a\\b seq 1 type b\n", Path(b"a\\b".to_vec())),
            (b"file .. seq 1 type b\n", Name(b"..".to_vec())),
            (b"file a seq 0 type b\n", Missing("seq")),
            (b"file a sequence 1 type b\n", Missing("seq")),
            (b"file a seq 1 type \"\"\n", Missing("type")),
            (b"name a seq 1 type b\n", Missing("file")),
            (b"file a seq 1 type b\nfile b seq 2 type b\n", SecondBase),
            (
                b"file a seq 2 type i\nfile b seq 2 type i\n",
                NotMonotonic { seq: 2, after: 2 },
            ),
            (
                b"file a seq -1 type i\n",
                NotMonotonic { seq: -1, after: 0 },
            ),
            (b"file a seq 1 type x\n", UnknownType(b'x')),
        ] {
            let reading = read(text);
            let fatal = reading.fatal.unwrap().kind;
            assert_eq!(fatal, kind);
            assert!(matches!(kind, Name(_)) || kind.server_words().is_some());
            assert!(Manifest::read_strict(text).is_err());
        }
    }

    #[test]
    fn all_problems_with_their_lines() {
        let text = b"file a seq 1 type b\n\nfile x/y seq 1 type i\nfile b seq 1 type i\nfile c seq 1 type i\n";
        let reading = read(text);
        assert_eq!(
            reading
                .problems
                .iter()
                .map(|p| (p.line, p.at))
                .collect::<Vec<_>>(),
            [(2, 20), (3, 21), (5, 63)]
        );
        assert_eq!(reading.manifest.records.len(), 3);
        assert_eq!(reading.manifest.lines, 5);
        let e = Manifest::read_strict(&text[..]).unwrap_err();
        assert_eq!(e.to_string(), "offset 0x14: line 2: a blank line");
    }

    #[test]
    fn lines_at_the_border() {
        for (len, fits) in [(LINE - 1, true), (LINE, true), (LINE + 1, false)] {
            let mut line = b"file a seq 1 type b x ".to_vec();
            line.resize(len - 1, b'y');
            line.push(b'\n');
            assert_eq!(read(&line).fatal.is_none(), fits, "{len}");
            line[0] = b'#';
            // The rest of a comment that is too long is a line to servers: here a lone LF.
            assert_eq!(read(&line).fatal.is_none(), fits, "{len}");
            assert_eq!(read(&line).manifest.lines, 1);
        }
    }

    #[test]
    fn a_million_lines() {
        let mut text = Vec::new();
        for i in 1..=RECORDS {
            text.extend_from_slice(format!("file a seq {i} type i\n").as_bytes());
        }
        assert_eq!(read(&text).manifest.records.len(), RECORDS);
        let more = [&text[..], &b"file a seq 99999 type i\n".repeat(2)].concat();
        let e = Manifest::read(&more[..]).unwrap_err();
        assert_eq!(e.kind(), crate::error::ErrorKind::Limit, "{e}");
        // What no server takes is judged all the same.
        let reading = read(&[b"\n", &more[..]].concat());
        assert_eq!(reading.manifest.records.len(), RECORDS);
        assert_eq!(reading.fatal.unwrap().kind, ProblemKind::Blank);
        let wide = format!("file a seq 1 type h{}\n", " k v".repeat(200)).repeat(5000);
        let e = Manifest::read(wide.as_bytes()).unwrap_err();
        assert_eq!(e.kind(), crate::error::ErrorKind::Limit, "{e}");
        let reading = read(&b"\n".repeat(1_000_000));
        assert_eq!(
            (reading.problems.len(), reading.problem_count),
            (PROBLEMS, 1_000_000)
        );
        let reading = read(
            format!("file {}/ seq 1 type i\n", "x".repeat(900))
                .repeat(1000)
                .as_bytes(),
        );
        assert!(reading.problems.len() < 100, "names take memory");
        assert_eq!(reading.problem_count, 1000);
        assert_eq!(read(&b"x".repeat(3_000_000)).manifest.lines, 1);
    }
}
