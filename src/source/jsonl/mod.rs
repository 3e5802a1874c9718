//! JSON Lines, or one JSON array of the same objects, as an RDB that is made while it is read.
//!
//! ```text
//!   {"rdb":{"magic":"REDIS","version":11}}                    REDIS0015
//!   {"aux":["redis-ver","7.2.4"]}                        ──▶  FA redis-ver 7.2.4
//!   {"db":0,"key":"k","type":"string", … ,"value":"v"}        FE 00 │ 00 k v │ … │ FF │ CRC-64
//! ```
//! So whatever reads an RDB reads what `dump` wrote: `dump`, `get`, `verify`, `convert` and all the filters. The file is of
//! the newest version of its family, since that holds all that others do. Values stand in forms that load as what
//! they were: see `value.rs`. A line is held in memory, and the record it makes.
//!
//! Objects may also be spread over several lines, as formatters print them; their names come in any order. Unknown names
//! are errors: nothing is left out silently.

mod cursor;
mod record;
mod stream;
mod value;

use crate::error::{Error, Result};
use crate::input::checksum::Crc64;
use crate::input::open::Input;
use crate::model::kind::Flavour;
use crate::rdb::frame::Header;
use crate::rdb::opcode;
use crate::sink::bytes::Binary;
use cursor::Cursor;
use record::Maker;
use std::io::{self, BufRead, Read};

/// Bytes that are made at a time, or one key if that is more; and bytes that are asked for at a time.
const CHUNK: usize = 256 << 10;
/// A line longer than this is cut into objects by its brackets, before its end has come.
const LONG_LINE: usize = 1 << 20;

/// The RDB that an open text makes, under the text's name. `binary` as for [`Jsonl::binary`].
///
/// # Errors
/// What is wrong with the first lines; all else comes while it is read.
pub fn open(text: Input, binary: Option<Binary>) -> Result<Input> {
    let mut jsonl = Jsonl::new(text.stream);
    if let Some(binary) = binary {
        jsonl = jsonl.binary(binary);
    }
    let input = Input::of(&text.name, Box::new(jsonl), None, None);
    let mut input = input.map_err(|e| e.in_file(&text.name))?;
    input.sizes = text.sizes;
    Ok(input)
}

/// What the first line of such a text says of the file that was dumped; `None` where it says nothing.
#[must_use]
pub fn header(head: &[u8]) -> Option<Header> {
    let start = head.iter().position(|b| *b == b'{')?;
    // The first bytes may end within a character.
    let text = head.get(start..)?.utf8_chunks().next()?.valid();
    let mut maker = Maker::default();
    let mut cursor = Cursor::new(text.as_bytes(), 0, Binary::Auto);
    maker.object(&mut cursor, &mut Vec::new()).ok()?;
    maker.state.header
}

/// Where in the text the next object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Nothing but blanks has come.
    Start,
    /// Objects stand one after the other.
    Lines,
    /// Behind the `[` of an array.
    First,
    /// Behind an object of an array.
    Behind,
    /// Behind a comma of an array.
    Next,
    /// Behind the array.
    End,
}

/// Gives an RDB. See the module.
pub struct Jsonl<R> {
    input: R,
    /// `buf[at..end]` was read and not yet made into records.
    buf: Vec<u8>,
    at: usize,
    end: usize,
    /// Offset of `buf[at]` in the input.
    offset: u64,
    /// The line that `buf[at]` stands on, from 1.
    line: u64,
    whole: bool,
    place: At,
    maker: Maker,
    out: Vec<u8>,
    given: usize,
    crc: Crc64,
    done: bool,
    failed: Option<Error>,
}

impl<R: Read> Jsonl<R> {
    /// Reads that text. How its byte strings are written is told by its header or its first aux field, or taken for `auto`.
    pub fn new(input: R) -> Jsonl<R> {
        Jsonl {
            input,
            buf: Vec::new(),
            at: 0,
            end: 0,
            offset: 0,
            line: 1,
            whole: false,
            place: At::Start,
            maker: Maker::default(),
            out: Vec::new(),
            given: 0,
            crc: Crc64::new(),
            done: false,
            failed: None,
        }
    }

    /// How its byte strings are written, where the caller knows.
    #[must_use]
    pub fn binary(mut self, binary: Binary) -> Jsonl<R> {
        self.maker.state.binary = Some(binary);
        self
    }

    /// Reads more; `false` where there is no more.
    fn more(&mut self) -> Result<bool> {
        if self.at > 0 {
            self.buf.copy_within(self.at..self.end, 0);
            self.end -= self.at;
            self.at = 0;
        }
        if self.end == self.buf.len() {
            // Twice what has come, no more: a line may be long, or lie.
            let room = self.end.max(CHUNK);
            self.buf.resize(self.end + room, 0);
        } else if self.end < CHUNK && self.buf.len() > 16 * CHUNK {
            self.buf.truncate(CHUNK);
            self.buf.shrink_to_fit();
        }
        loop {
            let room = self.buf.get_mut(self.end..).unwrap_or_default();
            match self.input.read(room) {
                Ok(n) => {
                    self.end += n;
                    self.whole |= n == 0;
                    return Ok(n > 0);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::from_io(e, "read")),
            }
        }
    }

    /// What was read and not yet used.
    fn left(&self) -> &[u8] {
        self.buf.get(self.at..self.end).unwrap_or_default()
    }

    fn advance(&mut self, n: usize) {
        self.at += n;
        self.offset += n as u64;
    }

    /// Stands in front of the next object; `false` at the end.
    fn find(&mut self) -> Result<bool> {
        loop {
            let Some(&byte) = self.left().first() else {
                if self.more()? {
                    continue;
                }
                return match self.place {
                    At::Start | At::Lines | At::End => Ok(false),
                    At::First | At::Behind | At::Next => Err(Error::truncated(
                        self.offset,
                        "the text ends within its array",
                    )
                    .within(self.line_name())),
                };
            };
            let place = match (self.place, byte) {
                (place, b' ' | b'\t' | b'\r') => place,
                (place, b'\n') => {
                    self.line += 1;
                    place
                }
                (At::Start | At::Lines, b'{') => {
                    self.place = At::Lines;
                    return Ok(true);
                }
                (At::First | At::Next, b'{') => {
                    self.place = At::Behind;
                    return Ok(true);
                }
                (At::Start, b'[') => At::First,
                (At::First | At::Behind, b']') => At::End,
                (At::Behind, b',') => At::Next,
                (place, other) => return Err(self.misplaced(place, other)),
            };
            self.place = place;
            self.advance(1);
        }
    }

    fn line_name(&self) -> String {
        format!("line {}", self.line)
    }

    #[cold]
    fn misplaced(&self, place: At, byte: u8) -> Error {
        let wanted = match place {
            At::Start => "an object or an array of objects",
            At::Lines | At::Next => "an object",
            At::First => "an object or the array's end",
            At::Behind => "a comma or the array's end",
            At::End => "nothing more",
        };
        let message = format!(
            "{wanted} was expected, found \"{}\"",
            crate::text::escaped(&[byte])
        );
        Error::corrupt(self.offset, message).within(self.line_name())
    }

    /// Makes a record of the next object; `false` at the end.
    fn step(&mut self) -> Result<bool> {
        if !self.find()? {
            return Ok(false);
        }
        let mut seen = 0;
        loop {
            let mut fresh = self.left().get(seen..).unwrap_or_default();
            // Reading from memory cannot fail.
            let n = fresh.skip_until(b'\n').unwrap_or(0);
            seen += n;
            if self
                .left()
                .get(..seen)
                .is_some_and(|line| line.ends_with(b"\n"))
                || self.whole
            {
                break;
            }
            if seen > LONG_LINE {
                return self.spread();
            }
            self.more()?;
        }
        match self.make(seen) {
            // It may go on in the next line.
            Err(e) if e.kind() == crate::ErrorKind::Truncated => self.spread(),
            made => made.map(|()| true),
        }
    }

    /// Makes a record of the object that begins the next `len` bytes.
    fn make(&mut self, len: usize) -> Result<()> {
        let text = self.buf.get(self.at..self.end).unwrap_or_default();
        let text = text.get(..len).unwrap_or(text);
        let (start, state, line) = (self.out.len(), self.maker.state, self.line);
        let made = match std::str::from_utf8(text) {
            Ok(_) => {
                let mut c = Cursor::new(text, self.offset, Binary::Auto);
                self.maker.object(&mut c, &mut self.out).map(|()| c.at())
            }
            Err(e) => {
                let at = self.offset + e.valid_up_to() as u64;
                Err(Error::corrupt(
                    at,
                    "the text is not UTF-8, as JSON has to be",
                ))
            }
        };
        match made {
            Ok(n) => {
                self.advance(n);
                Ok(())
            }
            Err(e) => {
                self.out.truncate(start);
                self.maker.state = state;
                Err(e.within(format!("line {line}")))
            }
        }
    }

    /// The same, where the object's end is not at hand: by its brackets.
    fn spread(&mut self) -> Result<bool> {
        let mut brackets = Brackets::default();
        let mut seen = 0;
        loop {
            let end = brackets.end(self.left().get(seen..).unwrap_or_default());
            match end {
                Ok(Some(n)) => {
                    seen += n;
                    break;
                }
                Ok(None) => seen = self.left().len(),
                Err((n, message)) => {
                    let at = self.offset + (seen + n) as u64;
                    return Err(Error::corrupt(at, message).within(self.line_name()));
                }
            }
            if !self.more()? {
                // Says what was read of it.
                return self.make(seen).map(|()| true);
            }
        }
        self.make(seen)?;
        self.line += brackets.lines;
        Ok(true)
    }

    /// Makes the next bytes.
    fn fill(&mut self) {
        self.out.clear();
        self.out.shrink_to(16 * CHUNK);
        self.given = 0;
        while self.out.len() < CHUNK && !self.done {
            match self.step() {
                Ok(true) => {}
                Ok(false) => {
                    self.maker.start(Flavour::Redis, &mut self.out);
                    self.out.push(opcode::EOF);
                    self.done = true;
                }
                Err(e) => {
                    self.failed = Some(e);
                    break;
                }
            }
        }
        self.crc.update(&self.out);
        if self.done {
            let crc = self.crc.value().to_le_bytes();
            self.out.extend_from_slice(&crc);
        }
    }
}

impl<R: Read> Read for Jsonl<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.given == self.out.len() {
            if !self.done && self.failed.is_none() {
                self.fill();
            }
            // What is sound comes first.
            if self.out.len() == self.given
                && let Some(e) = self.failed.take()
            {
                self.done = true;
                return Err(io::Error::other(e));
            }
        }
        let rest = self.out.get(self.given..).unwrap_or_default();
        let n = rest.len().min(space.len());
        if let (Some(to), Some(from)) = (space.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        self.given += n;
        Ok(n)
    }
}

/// Counts brackets outside of strings, over pieces of a text.
#[derive(Default)]
struct Brackets {
    depth: u64,
    string: bool,
    escape: bool,
    begins: bool,
    lines: u64,
}

impl Brackets {
    /// Where the object ends that the first piece began with; `None`: not in this piece. An error has the place in the
    /// piece where the object cannot go on.
    fn end(&mut self, piece: &[u8]) -> Result<Option<usize>, (usize, &'static str)> {
        for (i, byte) in piece.iter().enumerate() {
            if self.string {
                match byte {
                    b'\n' => return Err((i, "the line ends within a string")),
                    _ if self.escape => self.escape = false,
                    b'\\' => self.escape = true,
                    b'"' => self.string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.string = true,
                // Formatters indent what is inside.
                b'{' if self.begins => {
                    return Err((i, "the object before has no end: a new one begins here"));
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Ok(Some(i + 1));
                    }
                }
                b'\n' => self.lines += 1,
                _ => {}
            }
            self.begins = *byte == b'\n';
        }
        Ok(None)
    }
}
