//! Sorting output by database and key, in bounded memory whatever its size.
//!
//! Workers mark what they render as pieces: one a key, one a record of another kind. A [`Sorter`] stands where the output
//! would go. It collects pieces, writes them as sorted runs to an unlinked temporary file when they are too many to hold,
//! and merges the runs at the end; a piece too long to hold becomes a run of its own.
//!
//! ```text
//!   piece:  <u8 1 for a key> <u64 le db> <u32 le length> <key> (<u64 le length> <bytes>)… <u64 le 0>
//!   [01] [02 00 00 00 00 00 00 00] [01 00 00 00] 'k' [03 00 …] 'abc' [00 00 …]       abc for key k of db 2
//! ```
//!
//! Records that are no keys come first, in their order. Equal keys stay in their order, too, and so do keys whose first
//! 64 KiB are equal.

use crate::error::{Error, Result};
use crate::input::bytes::ReadAt;
use crate::input::spool::Spool;
use std::collections::BinaryHeap;
use std::io::{self, Write};

/// Bytes of a key that are compared.
const KEY: usize = 64 << 10;
/// Bytes of pieces and of their index that are held.
const HELD: usize = 12 << 20;
/// Runs that are merged at a time.
const FAN: usize = 128;
/// Bytes of all runs' buffers together.
const BUFFERS: usize = 8 << 20;
/// Output is written in pieces of about this size.
const WRITE: usize = 64 << 10;

/// Where a piece belongs.
#[derive(Debug, Clone, Copy)]
pub enum Place<'k> {
    /// Among the keys.
    Key(u64, &'k [u8]),
    /// In front of all keys.
    Front,
}

/// Bytes in front of a piece's key.
pub const HEAD: usize = 13;

impl Place<'_> {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        let (class, db, key) = match self {
            Place::Front => (0, 0, &b""[..]),
            Place::Key(db, key) => (1, db, key.get(..KEY).unwrap_or(key)),
        };
        out.push(class);
        out.extend_from_slice(&db.to_le_bytes());
        let len = u32::try_from(key.len()).unwrap_or_default();
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(key);
    }
}

/// Leaves room for a chunk's length; gives where.
pub(super) fn begin_chunk(out: &mut Vec<u8>) -> usize {
    let at = out.len();
    out.extend_from_slice(&[0; 8]);
    at
}

/// Fills it in.
pub(super) fn end_chunk(at: usize, out: &mut Vec<u8>) {
    let len = out.len().saturating_sub(at + 8) as u64;
    if len == 0 {
        // A length of 0 would end the piece.
        out.truncate(at);
    } else if let Some(room) = out.get_mut(at..at + 8) {
        room.copy_from_slice(&len.to_le_bytes());
    }
}

pub(super) fn end_piece(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; 8]);
}

/// What a piece's head says, once [`HEAD`] bytes of it are there: class (1 for a key), database, length of the key.
#[must_use]
pub fn head(bytes: &[u8]) -> Option<(u8, u64, usize)> {
    let (class, rest) = bytes.split_first()?;
    let (db, rest) = rest.split_first_chunk::<8>()?;
    let len = rest.first_chunk::<4>()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
    Some((*class, u64::from_le_bytes(*db), len))
}

/// A piece that is held.
#[derive(Clone, Copy)]
struct Ref {
    class: u8,
    db: u64,
    /// The first bytes of the key, which settle most comparisons.
    prefix: u64,
    at: usize,
    end: usize,
}

/// Part of the spool: pieces in order.
#[derive(Clone, Copy)]
struct Run {
    start: u64,
    end: u64,
}

/// Where in a piece the input stands.
enum At {
    /// Before a piece's head.
    Piece,
    /// Before a chunk's length.
    Length,
    /// In a chunk, so many bytes before its end.
    Chunk(u64),
}

/// Takes pieces as they come, and gives them sorted.
pub struct Sorter {
    held: Vec<u8>,
    refs: Vec<Ref>,
    /// Where the piece under way begins in `held`.
    piece: usize,
    /// The head, or length, under way begins here.
    part: usize,
    at: At,
    /// The piece under way goes straight to the spool, from this position.
    direct: Option<u64>,
    spool: Spool,
    runs: Vec<Run>,
    limit: usize,
}

impl Default for Sorter {
    fn default() -> Sorter {
        Sorter::holding(HELD)
    }
}

impl Write for Sorter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.take(buf).map_err(io::Error::other)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sorter {
    /// One that holds about so many bytes in memory.
    #[must_use]
    pub fn holding(limit: usize) -> Sorter {
        Sorter {
            held: Vec::new(),
            refs: Vec::new(),
            piece: 0,
            part: 0,
            at: At::Piece,
            direct: None,
            spool: Spool::default(),
            runs: Vec::new(),
            limit,
        }
    }

    fn take(&mut self, mut buf: &[u8]) -> Result<()> {
        loop {
            let want = match self.at {
                At::Piece => {
                    let have = self.held.get(self.part..).unwrap_or_default();
                    HEAD + head(have).map_or(0, |(_, _, key)| key)
                }
                At::Length => 8,
                At::Chunk(left) => {
                    let n = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
                    let (now, rest) = buf.split_at_checked(n).unwrap_or((buf, &[]));
                    buf = rest;
                    let left = left - n as u64;
                    self.at = if left == 0 {
                        self.part = self.held.len() + if self.direct.is_some() { 0 } else { n };
                        At::Length
                    } else {
                        At::Chunk(left)
                    };
                    match self.direct {
                        Some(_) => self.spool.write(now)?,
                        None => {
                            self.held.extend_from_slice(now);
                            self.shrink()?;
                        }
                    }
                    if buf.is_empty() {
                        return Ok(());
                    }
                    continue;
                }
            };
            let have = self.held.len() - self.part;
            if have < want {
                let n = (want - have).min(buf.len());
                let (now, rest) = buf.split_at_checked(n).unwrap_or((buf, &[]));
                self.held.extend_from_slice(now);
                buf = rest;
                if have + n < want {
                    return Ok(());
                }
                // The head may just have told that there is a key behind it.
                continue;
            }
            self.part_done()?;
        }
    }

    /// A head or a length is complete.
    fn part_done(&mut self) -> Result<()> {
        let part = self.held.get(self.part..).unwrap_or_default();
        match self.at {
            At::Piece => self.at = At::Length,
            _ => {
                let n = part
                    .first_chunk::<8>()
                    .map_or(0, |n| u64::from_le_bytes(*n));
                if let Some(start) = self.direct {
                    self.spool.write(part)?;
                    self.held.truncate(self.part);
                    if n == 0 {
                        self.runs.push(Run {
                            start,
                            end: self.spool.len(),
                        });
                        self.direct = None;
                    }
                } else if n == 0 {
                    self.add();
                }
                self.at = match n {
                    0 => At::Piece,
                    n => At::Chunk(n),
                };
                if n == 0 {
                    self.piece = self.held.len();
                    self.part = self.piece;
                    return self.shrink();
                }
            }
        }
        self.part = self.held.len();
        Ok(())
    }

    /// The piece under way is complete and held.
    fn add(&mut self) {
        let piece = self.held.get(self.piece..).unwrap_or_default();
        let Some((class, db, len)) = head(piece) else {
            return;
        };
        let key = piece.get(HEAD..HEAD + len).unwrap_or_default();
        let mut prefix = [0; 8];
        for (to, from) in prefix.iter_mut().zip(key) {
            *to = *from;
        }
        self.refs.push(Ref {
            class,
            db,
            prefix: u64::from_be_bytes(prefix),
            at: self.piece,
            end: self.held.len(),
        });
    }

    /// Passes on to the spool what is too much to hold.
    fn shrink(&mut self) -> Result<()> {
        if self.held.len() + self.refs.len() * size_of::<Ref>() < self.limit {
            return Ok(());
        }
        if !self.refs.is_empty() {
            self.sort();
            let start = self.spool.len();
            for r in &self.refs {
                self.spool
                    .write(self.held.get(r.at..r.end).unwrap_or_default())?;
            }
            self.runs.push(Run {
                start,
                end: self.spool.len(),
            });
            self.refs.clear();
            self.held.drain(..self.piece);
            self.part -= self.piece;
            self.piece = 0;
        }
        if !self.held.is_empty() && self.held.len() >= self.limit / 2 {
            // One piece that is too long: it is a run.
            self.direct = Some(self.spool.len());
            self.spool.write(&self.held)?;
            self.held.clear();
            self.part = 0;
        }
        Ok(())
    }

    fn sort(&mut self) {
        let held = &self.held;
        let key = |r: &Ref| {
            let piece = held.get(r.at..r.end).unwrap_or_default();
            let len = head(piece).map_or(0, |(_, _, len)| len);
            piece.get(HEAD..HEAD + len).unwrap_or_default()
        };
        self.refs.sort_unstable_by(|a, b| {
            (a.class, a.db, a.prefix)
                .cmp(&(b.class, b.db, b.prefix))
                .then_with(|| key(a).cmp(key(b)))
                .then(a.at.cmp(&b.at))
        });
    }

    /// Writes all pieces in order, of keys the first `limit`. `database` stands in front of each database's keys. A piece
    /// that was not ended is left out. Gives how many keys were written.
    pub fn finish(
        mut self,
        limit: Option<u64>,
        database: &mut dyn FnMut(u64, &mut Vec<u8>),
        sink: &mut (dyn Write + Send),
    ) -> Result<u64> {
        let mut emit = Emit {
            sink,
            buf: Vec::new(),
            database,
            db: None,
            limit: limit.unwrap_or(u64::MAX),
            keys: 0,
        };
        self.sort();
        if self.runs.is_empty() {
            for r in &self.refs {
                if !emit.begin(r.class, r.db)? {
                    break;
                }
                let mut rest = self.held.get(r.at..r.end).unwrap_or_default();
                let len = head(rest).map_or(0, |(_, _, len)| len);
                rest = rest.get(HEAD + len..).unwrap_or_default();
                while let Some((n, behind)) = rest.split_first_chunk::<8>() {
                    let n = usize::try_from(u64::from_le_bytes(*n)).unwrap_or(usize::MAX);
                    let (chunk, behind) = behind.split_at_checked(n).unwrap_or((behind, &[]));
                    emit.write(chunk)?;
                    rest = behind;
                }
            }
            return emit.end();
        }
        // The last run is still in memory.
        self.held.truncate(self.piece);
        self.limit = 0;
        self.part = self.held.len();
        self.piece = self.part;
        if !self.refs.is_empty() {
            self.shrink()?;
        }
        self.held = Vec::new();
        self.refs = Vec::new();
        while self.runs.len() > FAN {
            let mut merged = Spool::default();
            let mut runs = Vec::new();
            // Neighbours are merged, so that equal keys stay in their order.
            for some in self.runs.chunks(FAN) {
                let start = merged.len();
                merge(&self.spool, some, &mut Respool(&mut merged))?;
                runs.push(Run {
                    start,
                    end: merged.len(),
                });
            }
            self.spool = merged;
            self.runs = runs;
        }
        merge(&self.spool, &self.runs, &mut emit)?;
        emit.end()
    }
}

/// What takes merged pieces.
trait Take {
    /// A piece begins; `false`: no more are wanted.
    fn begin(&mut self, class: u8, db: u64, key: &[u8]) -> Result<bool>;
    fn chunk(&mut self, len: u64) -> Result<()>;
    fn bytes(&mut self, bytes: &[u8]) -> Result<()>;
    fn end(&mut self) -> Result<()>;
}

/// The output.
struct Emit<'a> {
    sink: &'a mut (dyn Write + Send),
    buf: Vec<u8>,
    database: &'a mut dyn FnMut(u64, &mut Vec<u8>),
    db: Option<u64>,
    limit: u64,
    keys: u64,
}

impl Emit<'_> {
    fn begin(&mut self, class: u8, db: u64) -> Result<bool> {
        if class == 0 {
            return Ok(true);
        }
        if self.keys == self.limit {
            return Ok(false);
        }
        self.keys += 1;
        if self.db != Some(db) {
            self.db = Some(db);
            (self.database)(db, &mut self.buf);
        }
        Ok(true)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.buf.extend_from_slice(bytes);
        if self.buf.len() >= WRITE {
            self.pass_on()
        } else {
            Ok(())
        }
    }

    fn pass_on(&mut self) -> Result<()> {
        let done = self.sink.write_all(&self.buf);
        self.buf.clear();
        done.map_err(|e| Error::from_io(e, "write the output"))
    }

    fn end(mut self) -> Result<u64> {
        self.pass_on()?;
        Ok(self.keys)
    }
}

impl Take for Emit<'_> {
    fn begin(&mut self, class: u8, db: u64, _: &[u8]) -> Result<bool> {
        Emit::begin(self, class, db)
    }
    fn chunk(&mut self, _: u64) -> Result<()> {
        Ok(())
    }
    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.write(bytes)
    }
    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A longer run.
struct Respool<'s>(&'s mut Spool);

impl Take for Respool<'_> {
    fn begin(&mut self, class: u8, db: u64, key: &[u8]) -> Result<bool> {
        let place = match class {
            0 => Place::Front,
            _ => Place::Key(db, key),
        };
        let mut head = Vec::new();
        place.write(&mut head);
        self.0.write(&head)?;
        Ok(true)
    }
    fn chunk(&mut self, len: u64) -> Result<()> {
        self.0.write(&len.to_le_bytes())
    }
    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write(bytes)
    }
    fn end(&mut self) -> Result<()> {
        self.0.write(&[0; 8])
    }
}

/// Reads the pieces of a run.
struct Reader<'s> {
    spool: &'s Spool,
    pos: u64,
    end: u64,
    buf: Vec<u8>,
    next: usize,
    size: usize,
}

impl Reader<'_> {
    /// Up to `most` of the next bytes; empty at the end of the run.
    fn some(&mut self, most: u64) -> Result<&[u8]> {
        if self.next == self.buf.len() {
            let n = usize::try_from(self.end - self.pos).unwrap_or(self.size);
            self.buf.resize(n.min(self.size), 0);
            self.spool.read_exact_at(&mut self.buf, self.pos)?;
            self.pos += self.buf.len() as u64;
            self.next = 0;
        }
        let have = self.buf.len() - self.next;
        let n = usize::try_from(most).unwrap_or(have).min(have);
        let from = self.next;
        self.next += n;
        Ok(self.buf.get(from..from + n).unwrap_or_default())
    }

    /// Fills `out`; `false` where the run ends before.
    fn fill(&mut self, out: &mut [u8]) -> Result<bool> {
        let mut done = 0;
        while let Some(room) = out.get_mut(done..).filter(|room| !room.is_empty()) {
            let some = self.some(room.len() as u64)?;
            if some.is_empty() {
                return Ok(false);
            }
            for (to, from) in room.iter_mut().zip(some) {
                *to = *from;
            }
            done += some.len();
        }
        Ok(true)
    }

    fn piece(&mut self, run: usize) -> Result<Option<Next>> {
        let mut bytes = [0; HEAD];
        if !self.fill(&mut bytes)? {
            return Ok(None);
        }
        let (class, db, len) = head(&bytes).unwrap_or_default();
        let mut key = vec![0; len.min(KEY)];
        self.fill(&mut key)?;
        Ok(Some(Next {
            class,
            db,
            key,
            run,
        }))
    }

    fn copy(&mut self, to: &mut dyn Take) -> Result<()> {
        loop {
            let mut len = [0; 8];
            if !self.fill(&mut len)? {
                return to.end();
            }
            let mut left = u64::from_le_bytes(len);
            if left == 0 {
                return to.end();
            }
            to.chunk(left)?;
            while left > 0 {
                let some = self.some(left)?;
                if some.is_empty() {
                    return to.end();
                }
                left -= some.len() as u64;
                to.bytes(some)?;
            }
        }
    }
}

/// The next piece of a run. The greatest of a heap is the one that comes first.
#[derive(PartialEq, Eq)]
struct Next {
    class: u8,
    db: u64,
    key: Vec<u8>,
    run: usize,
}

impl Ord for Next {
    fn cmp(&self, other: &Next) -> std::cmp::Ordering {
        (other.class, other.db, &other.key, other.run)
            .cmp(&(self.class, self.db, &self.key, self.run))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Next) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

fn merge(spool: &Spool, runs: &[Run], to: &mut dyn Take) -> Result<()> {
    let size = (BUFFERS / runs.len().max(1)).min(256 << 10);
    let mut readers: Vec<Reader<'_>> = runs
        .iter()
        .map(|run| Reader {
            spool,
            pos: run.start,
            end: run.end,
            buf: Vec::new(),
            next: 0,
            size,
        })
        .collect();
    let mut heap = BinaryHeap::new();
    for (i, reader) in readers.iter_mut().enumerate() {
        heap.extend(reader.piece(i)?);
    }
    while let Some(next) = heap.pop() {
        if !to.begin(next.class, next.db, &next.key)? {
            return Ok(());
        }
        if let Some(reader) = readers.get_mut(next.run) {
            reader.copy(to)?;
            heap.extend(reader.piece(next.run)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(place: Place<'_>, chunks: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        place.write(&mut out);
        for chunk in chunks {
            let at = begin_chunk(&mut out);
            out.extend_from_slice(chunk);
            end_chunk(at, &mut out);
        }
        end_piece(&mut out);
        out
    }

    fn sorted(limit: usize, step: usize, most: Option<u64>, input: &[u8]) -> (Vec<u8>, u64) {
        let mut sorter = Sorter::holding(limit);
        for part in input.chunks(step) {
            sorter.write_all(part).unwrap();
        }
        let mut out = Vec::new();
        let mut database = |db: u64, out: &mut Vec<u8>| out.extend(format!("[{db}]").bytes());
        let keys = sorter.finish(most, &mut database, &mut out).unwrap();
        (out, keys)
    }

    #[test]
    fn the_example_of_the_header() {
        assert_eq!(
            piece(Place::Key(2, b"k"), &[b"abc"]),
            b"\x01\x02\0\0\0\0\0\0\0\x01\0\0\0k\x03\0\0\0\0\0\0\0abc\0\0\0\0\0\0\0\0"
        );
    }

    #[test]
    fn any_limit_and_any_cutting_give_the_same() {
        let mut input = Vec::new();
        let mut want = Vec::new();
        for i in 0..400u32 {
            let key = format!("{}", i.wrapping_mul(2_654_435_761) % 97).into_bytes();
            let db = u64::from(i % 3) * 300;
            let body = vec![b'a' + (i % 26) as u8; (i * 7 % 211) as usize];
            let (head, tail) = body.split_at(body.len() / 3);
            input.extend(piece(Place::Key(db, &key), &[head, tail]));
            want.push((db, key, i, body));
            if i % 50 == 0 {
                input.extend(piece(Place::Front, &[format!("<{i}>").as_bytes()]));
            }
        }
        // The last piece is cut: it is no piece.
        let cut = piece(Place::Key(0, b"cut"), &[b"cut"]);
        input.extend(&cut[..cut.len() - 9]);
        want.sort();
        let mut all: Vec<u8> = (0..8)
            .flat_map(|i| format!("<{}>", i * 50).into_bytes())
            .collect();
        let mut first = all.clone();
        let mut last = None;
        for (n, (db, _, _, body)) in want.iter().enumerate() {
            for out in [Some(&mut all), Some(&mut first).filter(|_| n < 150)]
                .into_iter()
                .flatten()
            {
                if last != Some(*db) {
                    out.extend(format!("[{db}]").bytes());
                }
                out.extend(body);
            }
            last = Some(*db);
        }
        for limit in [0, 100, 300, 5000, 1 << 20] {
            for step in [1, 7, 64, 1 << 20] {
                assert!(
                    sorted(limit, step, None, &input) == (all.clone(), 400),
                    "{limit} {step}"
                );
                assert!(sorted(limit, step, Some(150), &input) == (first.clone(), 150));
            }
        }
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(sorted(100, 1, None, b""), (Vec::new(), 0));
        assert_eq!(
            sorted(0, 1, None, &piece(Place::Key(1, b""), &[])),
            (b"[1]".to_vec(), 1)
        );
    }
}
