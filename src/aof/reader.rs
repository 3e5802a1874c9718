//! One RESP file, read from front to back: blocks of commands, the huge ones in pieces, and the state of its end.
//!
//! ```text
//! *2 SELECT 3 │ #TS:1700000000 │ *3 SET k v │ *1 MULTI │ *2 DEL k │ *3 SE…
//!             │                │ db 3       │          │ multi    │ the file ends here
//!                                           ▲          │          ▲
//!                                before_multi          valid_up_to
//! ```
//!
//! [`Reader::next`] fills a [`Block`] that its caller owns, so that blocks can go to other threads while the next one is
//! read. A block knows the [`State`] in front of its first command, and [`Block::commands`] carries it on from there. A
//! command of more than a MiB is no part of a block: it comes as [`Step::Big`], and [`Big::next_piece`] streams its arguments, so
//! an argument of 512 MB takes no memory. The end is an [`End`] with both offsets that recovery needs (a server cuts a file
//! at one or the other), and what stands behind them: nothing, half a command, bytes that are no command, zeros.
//!
//! An RDB preamble is not read here: start at the offset behind it. For a file that may grow, wrap it in
//! [`Read::take`]. Source: redis `src/aof.c`, `loadSingleAppendOnlyFile`.

use crate::aof::block::{Block, State};
use crate::error::{Error, Result};
use crate::limits::BLOCK;
use crate::resp::decode::{Decoder, Fault, FaultKind, Mark, Rest, Stop};
use crate::resp::line::{LINE_MAX, Line, line};
use std::io::{ErrorKind, Read};

mod big;

use big::BigState;
pub use big::{Big, BigFlaw, Piece};

/// What [`Reader::next`] has for its caller.
#[derive(Debug)]
pub enum Step<'r, R> {
    /// The block has been filled.
    Block,
    /// A command of more than a MiB stands next.
    Big(Big<'r, R>),
    /// Nothing follows.
    End(End),
}

/// How a file ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Behind a whole command or annotation.
    Clean,
    /// In an annotation without its LF. Servers load that, then write their next command behind it on the same line.
    TornAnnotation,
    /// Inside a command.
    Truncated {
        /// The argument (0 is the name), or `None` for the first line.
        arg: Option<u32>,
        /// The length that it claims to have, if that much is there.
        len: Option<u64>,
    },
    /// With bytes that are no command, from this line on.
    Fault {
        /// What is wrong with it.
        kind: FaultKind,
        /// Where the line starts.
        at: u64,
        /// The argument, or `None` for the first line of a command.
        arg: Option<u32>,
    },
}

/// The end of a file: where the good part ends, and what is behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Size of the file (what was read of it).
    pub size: u64,
    /// Offset behind the last whole command, those queued in an open `MULTI` included.
    pub valid_up_to: u64,
    /// The same, annotations behind that command included.
    pub read_up_to: u64,
    /// `valid_up_to` as it was in front of the last `MULTI` token.
    pub before_multi: u64,
    /// The state behind the last whole command; its `multi` is the block left open.
    pub state: State,
    /// What follows.
    pub tail: Tail,
    /// Where the run of NULs starts that reaches to the end of the file, if there is one behind `valid_up_to`: what a
    /// power loss leaves.
    pub zeros_from: Option<u64>,
}

impl End {
    /// The end of a file that nothing has been read of.
    #[must_use]
    pub fn of_nothing() -> End {
        End {
            size: 0,
            valid_up_to: 0,
            read_up_to: 0,
            before_multi: 0,
            state: State::default(),
            tail: Tail::Clean,
            zeros_from: None,
        }
    }

    /// Whether servers cut the file, where it is the last one: it ends inside a command, or inside a block.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        match self.tail {
            Tail::Truncated { .. } => true,
            Tail::Clean | Tail::TornAnnotation => self.state.multi.is_some(),
            Tail::Fault { .. } => false,
        }
    }
}

/// Reads a RESP file. See the module.
#[derive(Debug)]
pub struct Reader<R> {
    src: R,
    /// Bytes read and not yet given out.
    carry: Vec<u8>,
    /// How many of them have been given out, or skipped.
    start: usize,
    /// Offset of `carry[start]` in the file.
    at: u64,
    eof: bool,
    decoder: Decoder,
    state: State,
    valid_up_to: u64,
    before_multi: u64,
    read_up_to: u64,
    stop: Option<Stop>,
    big: Option<BigState>,
    end: Option<End>,
}

impl<R: Read> Reader<R> {
    /// Reads `src`, whose first byte stands at offset `at` of the file (behind an RDB preamble, or 0).
    pub fn new(src: R, at: u64) -> Reader<R> {
        Reader {
            src,
            carry: Vec::new(),
            start: 0,
            at,
            eof: false,
            decoder: Decoder::new(),
            state: State::default(),
            valid_up_to: at,
            before_multi: at,
            read_up_to: at,
            stop: None,
            big: None,
            end: None,
        }
    }

    /// Reads on where a reader of the same file stopped: at [`End::read_up_to`], in [`End::state`].
    pub fn resume(src: R, at: u64, state: State) -> Reader<R> {
        Reader {
            state,
            ..Reader::new(src, at)
        }
    }

    /// The state behind everything given out so far.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Fills `block` with the next commands, or says what comes instead. What the block held before is lost; a big
    /// command that was not read to its end is read over.
    ///
    /// # Errors
    /// Only what the operating system (or a decompressor) reports. Damage in the file is no error, but a [`Tail`].
    pub fn next(&mut self, block: &mut Block) -> Result<Step<'_, R>> {
        while self.big.is_some() {
            if let Some((.., n)) = self.piece()? {
                self.skip(n);
            }
        }
        if let Some(end) = self.end {
            return Ok(Step::End(end));
        }
        if self.stop.is_none() && self.fill(block)? {
            return Ok(Step::Block);
        }
        match self.stop.take() {
            Some(Stop::Big) => {
                self.decoder.reset();
                self.big = Some(BigState::new(self.at));
                if self.big_head()? {
                    return Ok(Step::Big(Big { reader: self }));
                }
            }
            Some(Stop::Fault(fault)) => {
                let at = self.at + fault.at as u64;
                self.fault(fault.kind, at, fault.arg)?;
            }
            Some(Stop::More) | None => {
                let rest = self.decoder.finish(self.rest());
                self.rest_is(rest)?;
            }
        }
        match self.end {
            Some(end) => Ok(Step::End(end)),
            None => Err(Error::corrupt(
                self.at,
                "a reader that neither reads nor ends",
            )),
        }
    }

    fn rest(&self) -> &[u8] {
        self.carry.get(self.start..).unwrap_or_default()
    }

    /// Fills a block; false if there is no whole command to put in.
    fn fill(&mut self, block: &mut Block) -> Result<bool> {
        block.table.clear();
        block.at = self.at;
        block.state = self.state;
        block.filled = 0;
        let rest = self.carry.get(self.start..).unwrap_or_default();
        if block.buffer.len() < rest.len() + BLOCK {
            block.buffer.resize(rest.len() + BLOCK, 0);
        }
        if let Some(front) = block.buffer.get_mut(..rest.len()) {
            front.copy_from_slice(rest);
        }
        let mut filled = rest.len();
        self.carry.clear();
        self.start = 0;
        let mut fresh = filled > 0 && !self.decoder.is_inside();
        let (consumed, stop) = loop {
            if !fresh && !self.eof {
                if block.buffer.len() - filled < BLOCK / 2 {
                    block.buffer.resize(filled + BLOCK, 0);
                }
                let space = block.buffer.get_mut(filled..).unwrap_or_default();
                let n = read_some(&mut self.src, space)?;
                self.eof = n == 0;
                filled += n;
            }
            fresh = false;
            let bytes = block.buffer.get(..filled).unwrap_or_default();
            let (consumed, stop) = self.decoder.frame(bytes, &mut block.table);
            if consumed > 0 || stop != Stop::More || self.eof {
                break (consumed, stop);
            }
        };
        self.carry
            .extend_from_slice(block.buffer.get(consumed..filled).unwrap_or_default());
        block.filled = consumed;
        if stop != Stop::More || (self.eof && consumed == 0) {
            self.stop = Some(match stop {
                Stop::Fault(fault) => Stop::Fault(Fault {
                    at: fault.at - consumed,
                    ..fault
                }),
                stop => stop,
            });
        }
        self.at += consumed as u64;
        self.follow(block);
        Ok(consumed > 0)
    }

    /// Carries the state over a block that was framed.
    fn follow(&mut self, block: &Block) {
        let items = &block.table.items;
        let end_of_command = |before: usize| {
            items
                .get(..before)
                .unwrap_or_default()
                .iter()
                .rev()
                .find(|item| item.argc > 0)
                .map(|item| block.at + u64::from(item.end))
        };
        let mut annotations = 0;
        for &(index, mark) in &block.table.marks {
            let Some(item) = items.get(index as usize) else {
                continue;
            };
            if mark == Mark::Multi {
                self.before_multi = end_of_command(index as usize).unwrap_or(self.valid_up_to);
            }
            annotations += u64::from(mark == Mark::Annotation);
            let line = block
                .table
                .args(item)
                .first()
                .map_or(&[][..], |span| span.of(block.bytes()));
            self.state
                .apply(mark, block.at + u64::from(item.start), line);
        }
        self.state.annotations += annotations;
        self.state.commands += items.len() as u64 - annotations;
        if let Some(end) = end_of_command(items.len()) {
            self.valid_up_to = end;
        }
        self.read_up_to = self.at;
    }

    /// Reads more behind what is carried; false at the end of the file.
    fn more(&mut self) -> Result<bool> {
        if self.eof {
            return Ok(false);
        }
        if self.start > 0 {
            self.carry.drain(..self.start);
            self.start = 0;
        }
        let filled = self.carry.len();
        self.carry.resize(filled + BLOCK, 0);
        let n = read_some(
            &mut self.src,
            self.carry.get_mut(filled..).unwrap_or_default(),
        );
        self.carry.truncate(filled + *n.as_ref().unwrap_or(&0));
        self.eof = n? == 0;
        Ok(!self.eof)
    }

    fn skip(&mut self, n: usize) {
        self.start += n;
        self.at += n as u64;
    }

    /// The next line, once it is there; `None` at the end of the file.
    fn line(&mut self) -> Result<Option<Line>> {
        loop {
            match line(self.rest(), 0) {
                Line::More if !self.more()? => return Ok(None),
                Line::More => {}
                found => return Ok(Some(found)),
            }
        }
    }

    fn rest_is(&mut self, rest: Rest) -> Result<()> {
        match rest {
            Rest::Clean => self.ends(Tail::Clean),
            Rest::TornAnnotation => self.ends(Tail::TornAnnotation),
            Rest::Truncated(arg, len) => self.ends(Tail::Truncated { arg, len }),
            Rest::Fault(fault) => self.fault(fault.kind, self.at + fault.at as u64, fault.arg),
        }
    }

    fn fault(&mut self, kind: FaultKind, at: u64, arg: Option<u32>) -> Result<()> {
        self.ends(Tail::Fault { kind, at, arg })
    }

    /// Reads what is left for its size and its zeros, and settles the end.
    fn ends(&mut self, tail: Tail) -> Result<()> {
        self.big = None;
        let mut zeros_from = self.at;
        loop {
            let rest = self.rest();
            if let Some(last) = rest.iter().rposition(|&b| b != 0) {
                zeros_from = self.at + last as u64 + 1;
            }
            self.skip(rest.len());
            if !self.more()? {
                break;
            }
        }
        self.end = Some(End {
            size: self.at,
            valid_up_to: self.valid_up_to,
            read_up_to: self.read_up_to,
            before_multi: self.before_multi,
            state: self.state,
            tail,
            zeros_from: (zeros_from < self.at).then_some(zeros_from),
        });
        Ok(())
    }
}

fn read_some(src: &mut impl Read, space: &mut [u8]) -> Result<usize> {
    loop {
        match src.read(space) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            done => return done.map_err(|e| Error::from_io(e, "read")),
        }
    }
}

const _: () = assert!(LINE_MAX < BLOCK, "a line fits into what is read at once");

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "small files")]
mod tests {
    use super::*;

    /// Gives `step` bytes at a time.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
            let n = self.1.min(self.0.len()).min(space.len());
            let (now, later) = self.0.split_at(n);
            space[..n].copy_from_slice(now);
            self.0 = later;
            Ok(n)
        }
    }

    type Seen = (u64, Vec<Vec<u8>>, u32, Option<u64>, Option<i64>);

    fn read(bytes: &[u8], step: usize) -> (Vec<Seen>, End) {
        let mut reader = Reader::new(Dribble(bytes, step), 0);
        let mut block = Block::default();
        let mut seen = Vec::new();
        loop {
            match reader.next(&mut block).unwrap() {
                Step::Block => {
                    for c in block.commands() {
                        assert_eq!(&bytes[c.at as usize..c.end as usize], c.raw);
                        assert_eq!(c.state.commands + c.state.annotations, seen.len() as u64);
                        let s = c.state;
                        let argv = c.argv.iter().map(<[u8]>::to_vec).collect();
                        seen.push((c.at, argv, s.db, s.multi, s.time));
                    }
                }
                Step::Big(mut big) => {
                    let (at, argc, s) = (big.at(), big.argc(), big.state());
                    let mut argv: Vec<Vec<u8>> = Vec::new();
                    while let Some(piece) = big.next_piece().unwrap() {
                        assert_eq!(piece.from == 0, piece.arg as usize == argv.len());
                        if piece.from == 0 {
                            argv.push(Vec::new());
                        }
                        let arg = argv.last_mut().unwrap();
                        assert_eq!(arg.len() as u64, piece.from);
                        arg.extend_from_slice(piece.bytes);
                        assert!(bytes[piece.at as usize..].starts_with(piece.bytes));
                    }
                    assert!(argv.len() <= argc as usize);
                    seen.push((at, argv, s.db, s.multi, s.time));
                }
                Step::End(end) => return (seen, end),
            }
        }
    }

    fn command(args: &[&[u8]]) -> Vec<u8> {
        let mut out = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            out.extend_from_slice(arg);
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    fn truncated(arg: u32, len: u64) -> Tail {
        let (arg, len) = (Some(arg), Some(len));
        Tail::Truncated { arg, len }
    }

    fn sample() -> (Vec<u8>, Vec<u64>) {
        let mut bytes = Vec::new();
        let mut starts = Vec::new();
        for part in [
            command(&[b"SELECT", b"3"]),
            b"#TS:1700000000\r\n".to_vec(),
            command(&[b"SET", b"k", b"v"]),
            command(&[b"MULTI"]),
            command(&[b"select", b"4"]),
            command(&[b"DEL", b""]),
            command(&[b"EXEC"]),
            command(&[b"SET", b"k", b"\r\n*1\r\n"]),
        ] {
            starts.push(bytes.len() as u64);
            bytes.extend_from_slice(&part);
        }
        (bytes, starts)
    }

    #[test]
    fn states_follow_the_commands() {
        let (bytes, starts) = sample();
        for step in [1, 7, 1000] {
            let (seen, end) = read(&bytes, step);
            assert_eq!(seen.iter().map(|s| s.0).collect::<Vec<_>>(), starts);
            assert_eq!(
                seen.iter().map(|s| s.2).collect::<Vec<_>>(),
                [0, 3, 3, 3, 3, 4, 4, 4]
            );
            let multi = Some(starts[3]);
            assert_eq!(
                seen.iter().map(|s| s.3).collect::<Vec<_>>(),
                [None, None, None, None, multi, multi, multi, None]
            );
            assert_eq!(seen[2].4, Some(1_700_000_000));
            assert_eq!(end.tail, Tail::Clean);
            assert_eq!(
                (end.valid_up_to, end.size),
                (bytes.len() as u64, bytes.len() as u64)
            );
            assert_eq!((end.state.commands, end.state.annotations), (7, 1));
            assert_eq!(end.state.multi, None);
        }
    }

    #[test]
    fn every_cut_has_both_offsets() {
        let (bytes, starts) = sample();
        for cut in 0..bytes.len() {
            let (seen, end) = read(&bytes[..cut], 5);
            let whole = starts.iter().rposition(|&s| s <= cut as u64).unwrap();
            let torn = starts[whole] != cut as u64;
            // The annotation has no part in what servers call valid, and needs no CR.
            let valid = if whole == 2 { starts[1] } else { starts[whole] };
            assert_eq!(end.size, cut as u64);
            assert_eq!(seen.len(), whole, "{cut}");
            assert_eq!(end.read_up_to, starts[whole]);
            assert_eq!(end.valid_up_to, valid, "{cut}");
            assert_eq!(end.before_multi, if whole > 3 { starts[3] } else { 0 });
            assert_eq!(end.state.multi.is_some(), (4..7).contains(&whole));
            match end.tail {
                Tail::Clean => assert!(!torn),
                Tail::TornAnnotation => assert!(torn && whole == 1),
                Tail::Truncated { .. } => assert!(torn && whole != 1),
                Tail::Fault { .. } => unreachable!(),
            }
        }
    }

    #[test]
    fn zeros_and_garbage_are_told_apart() {
        let (good, _) = sample();
        let at = good.len() as u64;
        let with = |tail: &[u8]| {
            let bytes = [&good[..], tail].concat();
            let (seen, end) = read(&bytes, 1000);
            assert_eq!(
                (seen.len(), end.valid_up_to, end.size),
                (8, at, bytes.len() as u64)
            );
            (end.tail, end.zeros_from)
        };
        let fault = |byte, from, arg| Tail::Fault {
            kind: match arg {
                None => FaultKind::NotACommand(byte),
                Some(_) => FaultKind::NotAnArgument(byte),
            },
            at: at + from,
            arg,
        };
        let mut zeros = vec![0; 600_000];
        assert_eq!(with(&zeros), (fault(0, 0, None), Some(at)));
        assert_eq!(with(b"\0"), (fault(0, 0, None), Some(at)));
        zeros.push(b'x');
        assert_eq!(with(&zeros), (fault(0, 0, None), None));
        assert_eq!(with(b"junk"), (fault(b'j', 0, None), None));
        let torn = [&b"*2\r\n$3\r\nGE"[..], &[0; 4096]].concat();
        assert_eq!(with(&torn), (fault(0, 13, Some(1)), Some(at + 10)));
        assert_eq!(with(b"*2\r\n$3\r\nGE\0"), (truncated(0, 3), Some(at + 10)));
    }

    #[test]
    fn big_commands_are_streamed() {
        let value = vec![b'*'; 3 << 20];
        let mut many: Vec<&[u8]> = vec![b"RPUSH", b"list"];
        many.resize(300_000, b"element");
        let mut bytes = command(&[b"SELECT", b"1"]);
        bytes.extend(command(&[b"SET", b"k", &value, b""]));
        bytes.extend(command(&[b"MULTI"]));
        bytes.extend(command(&many));
        bytes.extend(command(&[&value]));
        let big_end = bytes.len();
        bytes.extend(command(&[b"EXEC"]));
        let (seen, end) = read(&bytes, usize::MAX);
        assert_eq!(seen.len(), 6);
        assert_eq!(seen[1].1[2], value);
        assert_eq!(seen[1].1[3], b"");
        assert_eq!(seen[1].2, 1);
        assert_eq!(seen[3].1.len(), 300_000);
        assert!(seen[4].3.is_some());
        assert_eq!(end.tail, Tail::Clean);
        assert_eq!(
            (end.valid_up_to, end.state.commands),
            (bytes.len() as u64, 6)
        );
        assert_eq!(read(&bytes, 4099), (seen, end));

        let (seen, end) = read(&bytes[..big_end - 1], 70_000);
        assert_eq!((seen.len(), end.tail), (5, truncated(0, 3 << 20)));
        assert_eq!(end.size, big_end as u64 - 1);
        bytes[big_end - 2] = b'?';
        assert_eq!(read(&bytes, 70_000).0.len(), 6);
        // Not reading a big command does not lose the reader's place.
        let mut reader = Reader::new(&bytes[..], 0);
        let mut block = Block::default();
        while !matches!(reader.next(&mut block).unwrap(), Step::End(_)) {}
        assert_eq!(reader.state().commands, 6);
    }

    #[test]
    fn a_claimed_length_takes_no_memory() {
        for n in ["9223372036854775807", "4611686018427387904", "1048577"] {
            let (_, end) = read(format!("*3\r\n$3\r\nSET\r\n${n}\r\nk").as_bytes(), 3);
            assert_eq!(
                (end.tail, end.valid_up_to),
                (truncated(1, n.parse().unwrap()), 0)
            );
        }
    }

    #[test]
    fn an_offset_in_front_counts() {
        let mut reader = Reader::new(&b"*1\r\n$4\r\nPING\r\n"[..], 1000);
        let mut block = Block::default();
        assert!(matches!(reader.next(&mut block).unwrap(), Step::Block));
        assert_eq!(block.commands().next().unwrap().at, 1000);
        let Step::End(end) = reader.next(&mut block).unwrap() else {
            unreachable!()
        };
        assert_eq!((end.valid_up_to, end.size), (1014, 1014));
    }
}
