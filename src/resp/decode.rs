//! Commands in RESP, framed out of blocks of bytes as they arrive.
//!
//! ```text
//! command     "*" argc CRLF  argc × ( "$" len CRLF  len bytes  CRLF )
//! annotation  "#" any bytes but LF  LF                       only between commands
//!
//! *2\r\n $6\r\n SELECT\r\n $1\r\n 0\r\n                        SELECT 0, 23 bytes
//! ```
//!
//! What servers write is exactly this, with the shortest decimals. What their loader (`loadSingleAppendOnlyFile`)
//! *takes* is wider, and the difference is a class of its own here, the [`Flaw`]: the file loads, but it is malformed.
//! The loader reads the `*` and `$` lines with `fgets` up to LF, parses the number with `atoi` and `strtol` (so spaces,
//! `+`, leading zeros and anything behind the digits pass; an argc is cut to 32 bits), and skips the two bytes after an
//! argument without looking at them.
//!
//! [`Decoder::frame`] takes as many whole commands as a slice holds and puts them into a [`Table`] of offsets. It
//! remembers how far it got in the command that did not fit, so the caller only has to show it the same bytes again,
//! with more behind them; nothing is parsed twice. A command of more than [`BIG_RECORD`] bytes is left to
//! [`crate::aof::reader`], which streams it. Claimed counts and lengths never cause an allocation.
//!
//! Source: redis `src/aof.c`. Bounds: a line is at most [`crate::resp::line::LINE_MAX`] bytes, a block at most 4 GiB.

use super::line::{Line, argc, length, line, short_line, strtol};
pub use super::table::{Flaw, FlawKind, Item, Mark, Span, Table};
use crate::limits::BIG_RECORD;

/// What no server loads, and nobody can read on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// A command starts with this byte, not with `*` or `#`.
    NotACommand(u8),
    /// The argc is no number, or below 1 (what `atoi` makes of it).
    Argc(i32),
    /// `*` is followed by a NUL: servers take it for a read error ("Unrecoverable error reading").
    NulArgc,
    /// An argument starts with this byte, not with `$`.
    NotAnArgument(u8),
    /// A negative length: servers crash on it.
    NegativeLength(i64),
    /// No LF within [`crate::resp::line::LINE_MAX`] bytes.
    LongLine,
}

/// See [`FaultKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// Offset of the offending line in the slice.
    pub at: usize,
    /// The argument (0 is the command's name), or `None` for the first line of a command.
    pub arg: Option<u32>,
}

/// Why [`Decoder::frame`] stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// All whole commands are framed; what is left needs more bytes behind it.
    More,
    /// The command that starts at the first byte not consumed is too big to be collected.
    Big,
    /// The bytes break the format.
    Fault(Fault),
}

/// What remains at the end of the input, behind the last whole command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing.
    Clean,
    /// An annotation without its LF. Servers load the file, and write their next command behind it, on the same line.
    TornAnnotation,
    /// The input ends inside a command: in this argument, or in its first line. With the length that the argument claims
    /// to have, if that is there.
    Truncated(Option<u32>, Option<u64>),
    /// The half of a command that is there breaks the format already.
    Fault(Fault),
}

/// Offsets in a slice that was cut to what 32 bits can address.
#[allow(
    clippy::cast_possible_truncation,
    reason = "frame() cuts its slice to what a u32 can address"
)]
fn narrow(n: usize) -> u32 {
    n as u32
}

/// The state between two calls: how far the command that did not fit has been read.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Where to read on, from the start of the command.
    pos: usize,
    /// Arguments of the command, once its first line is read; 0 before.
    argc: u32,
    /// Its arguments so far, counted from its own start.
    spans: Vec<Span>,
    /// What is malformed about it so far, likewise.
    flaws: Vec<Flaw>,
}

impl Decoder {
    /// A decoder that stands between two commands.
    #[must_use]
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// Whether a command has been read in part.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.argc > 0
    }

    /// Forgets a command read in part (the caller has taken it over, or gives it up).
    pub fn reset(&mut self) {
        self.pos = 0;
        self.argc = 0;
        self.spans.clear();
        self.flaws.clear();
    }

    /// Appends every whole command of `bytes` to `table` and returns how many bytes they take. `bytes` starts where the
    /// last call stopped consuming; so at the next call the rest comes first again, followed by what has arrived.
    pub fn frame(&mut self, bytes: &[u8], table: &mut Table) -> (usize, Stop) {
        let bytes = bytes.get(..u32::MAX as usize - 4).unwrap_or(bytes);
        let mut start = 0;
        if self.argc > 0 {
            let (mut spans, mut flaws) = (
                std::mem::take(&mut self.spans),
                std::mem::take(&mut self.flaws),
            );
            let item = narrow(table.items.len());
            let (pos, stop) = arguments(
                bytes, 0, self.pos, self.argc, 0, &mut spans, &mut flaws, item,
            );
            self.pos = pos;
            if let Some(stop) = stop {
                self.spans = spans;
                self.flaws = flaws;
                return (0, stop);
            }
            let first = narrow(table.spans.len());
            table.spans.append(&mut spans);
            table
                .flaws
                .extend(flaws.drain(..).map(|f| Flaw { item, ..f }));
            // Appending leaves them empty but with their memory, which the next such command can use.
            self.spans = spans;
            self.flaws = flaws;
            finish_item(bytes, table, 0, pos, first, self.argc);
            self.argc = 0;
            start = pos;
        }
        loop {
            let first = narrow(table.spans.len());
            let item = narrow(table.items.len());
            let flaws = table.flaws.len();
            let (argc, body) = match short_line(bytes, start, b'*') {
                Some((n @ 1.., next)) => (narrow(n), next),
                _ => match head(bytes, start) {
                    Head::Command(argc, next, flaw) => {
                        table.flaws.extend(flaw.map(|kind| Flaw {
                            kind,
                            at: narrow(start),
                            item,
                            arg: None,
                        }));
                        (argc, next)
                    }
                    Head::Annotation(next) => {
                        annotation(bytes, table, start, next);
                        start = next;
                        continue;
                    }
                    Head::More => {
                        self.pos = 0;
                        return (start, Stop::More);
                    }
                    Head::Fault(kind) => {
                        let at = start;
                        let arg = None;
                        return (start, Stop::Fault(Fault { kind, at, arg }));
                    }
                },
            };
            let (pos, stop) = arguments(
                bytes,
                start,
                body,
                argc,
                first as usize,
                &mut table.spans,
                &mut table.flaws,
                item,
            );
            if let Some(stop) = stop {
                self.suspend(table, start, pos, argc, first as usize, flaws);
                return (start, stop);
            }
            finish_item(bytes, table, start, pos, first, argc);
            start = pos;
        }
    }

    /// Moves a command read in part out of the table, counting from its own start.
    #[cold]
    fn suspend(
        &mut self,
        table: &mut Table,
        start: usize,
        pos: usize,
        argc: u32,
        first: usize,
        flaws: usize,
    ) {
        let base = narrow(start);
        self.pos = pos - start;
        self.argc = argc;
        self.spans.clear();
        self.spans.extend(table.spans.drain(first..).map(|s| Span {
            start: s.start - base,
            len: s.len,
        }));
        self.flaws.clear();
        self.flaws.extend(table.flaws.drain(flaws..).map(|f| Flaw {
            at: f.at - base,
            item: 0,
            ..f
        }));
    }

    /// What the end of the input makes of the bytes that were not consumed.
    #[must_use]
    pub fn finish(&self, rest: &[u8]) -> Rest {
        if self.argc == 0 {
            end_of_line(rest, 0, None)
        } else {
            let arg = u32::try_from(self.spans.len()).ok();
            match line(rest, self.pos) {
                Line::Is(len, _, _) => Rest::Truncated(arg, length(len).ok()),
                Line::More | Line::TooLong => end_of_line(rest, self.pos, arg),
            }
        }
    }
}

/// What a loader makes of the last line of a file, which has no LF. `fgets` gives it what there is.
pub(crate) fn end_of_line(rest: &[u8], at: usize, arg: Option<u32>) -> Rest {
    let text = rest.get(at..).unwrap_or_default();
    let Some((first, text)) = text.split_first() else {
        return if arg.is_none() {
            Rest::Clean
        } else {
            Rest::Truncated(arg, None)
        };
    };
    let fault = |kind| Rest::Fault(Fault { kind, at, arg });
    match (first, arg) {
        (b'#', None) => Rest::TornAnnotation,
        // A NUL here, too, ends the string that the loader sees, and at the end of the file that is a short read.
        (b'*', None) if text.first().is_none_or(|&b| b == 0) => Rest::Truncated(None, None),
        (b'*', None) => match argc(strtol(text).0, None) {
            Ok(_) => Rest::Truncated(None, None),
            Err(kind) => fault(kind),
        },
        (b'$', Some(_)) => match length(strtol(text).0) {
            Ok(_) => Rest::Truncated(arg, None),
            Err(kind) => fault(kind),
        },
        (&b, None) => fault(FaultKind::NotACommand(b)),
        (&b, Some(_)) => fault(FaultKind::NotAnArgument(b)),
    }
}

/// The start of a command.
enum Head {
    Command(u32, usize, Option<FlawKind>),
    Annotation(usize),
    More,
    Fault(FaultKind),
}

/// The first line of a command, or an annotation, whatever a loader takes.
#[cold]
fn head(bytes: &[u8], start: usize) -> Head {
    match bytes.get(start) {
        None => Head::More,
        Some(b'#') => match line(bytes, start) {
            Line::Is(_, next, _) => Head::Annotation(next),
            Line::More => Head::More,
            Line::TooLong => Head::Fault(FaultKind::LongLine),
        },
        Some(b'*') => match line(bytes, start) {
            Line::Is(value, next, flaw) => match argc(value, bytes.get(start + 1)) {
                Ok(argc) => Head::Command(argc, next, flaw),
                Err(kind) => Head::Fault(kind),
            },
            Line::More => Head::More,
            Line::TooLong if bytes.get(start + 1) == Some(&0) => Head::Fault(FaultKind::NulArgc),
            Line::TooLong => Head::Fault(FaultKind::LongLine),
        },
        Some(&b) => Head::Fault(FaultKind::NotACommand(b)),
    }
}

/// Reads arguments from `pos` until there are `argc` of them in `spans[first..]`, or something stops it; then also where
/// to read on. Offsets count from the start of `bytes`.
#[inline(always)]
#[allow(
    clippy::too_many_arguments,
    reason = "the table's parts are borrowed one by one"
)]
fn arguments(
    bytes: &[u8],
    start: usize,
    mut pos: usize,
    argc: u32,
    first: usize,
    spans: &mut Vec<Span>,
    flaws: &mut Vec<Flaw>,
    item: u32,
) -> (usize, Option<Stop>) {
    let mut left = argc as usize - (spans.len() - first).min(argc as usize);
    while left > 0 {
        let mut odd = None;
        let (len, body) = match short_line(bytes, pos, b'$') {
            Some(found) => found,
            None => match odd_argument(bytes, pos) {
                Ok((len, body, flaw)) => {
                    odd = flaw;
                    (len, body)
                }
                Err(None) => return (pos, Some(more(bytes, start, pos))),
                Err(Some(kind)) => {
                    let arg = Some(argc - narrow(left));
                    return (pos, Some(Stop::Fault(Fault { kind, at: pos, arg })));
                }
            },
        };
        let end = body.saturating_add(len);
        match bytes.get(end..).and_then(|rest| rest.first_chunk::<2>()) {
            Some(b"\r\n") => {}
            Some(_) => flaws.push(Flaw {
                kind: FlawKind::Separator,
                at: narrow(end),
                item,
                arg: Some(argc - narrow(left)),
            }),
            None => return (pos, Some(more(bytes, start, end))),
        }
        if let Some(kind) = odd {
            flaws.push(Flaw {
                kind,
                at: narrow(pos),
                item,
                arg: Some(argc - narrow(left)),
            });
        }
        spans.push(Span {
            start: narrow(body),
            len: narrow(len),
        });
        pos = end + 2;
        left -= 1;
    }
    (pos, None)
}

/// Whether more bytes will do, or the command from `start` is too big to wait for.
#[cold]
fn more(bytes: &[u8], start: usize, end: usize) -> Stop {
    if end.max(bytes.len()).saturating_sub(start) > BIG_RECORD {
        Stop::Big
    } else {
        Stop::More
    }
}

/// The line of an argument that is not the common case: length, where its bytes start, what is malformed. The error is
/// `None` when bytes are missing.
#[cold]
fn odd_argument(
    bytes: &[u8],
    pos: usize,
) -> Result<(usize, usize, Option<FlawKind>), Option<FaultKind>> {
    match bytes.get(pos) {
        None => return Err(None),
        Some(b'$') => {}
        Some(&b) => return Err(Some(FaultKind::NotAnArgument(b))),
    }
    match line(bytes, pos) {
        Line::Is(value, next, flaw) => {
            let len = length(value).map_err(Some)?;
            Ok((usize::try_from(len).unwrap_or(usize::MAX), next, flaw))
        }
        Line::More => Err(None),
        Line::TooLong => Err(Some(FaultKind::LongLine)),
    }
}

/// Puts a whole command into the table.
#[inline(always)]
fn finish_item(bytes: &[u8], table: &mut Table, start: usize, end: usize, first: u32, argc: u32) {
    let item = Item {
        start: narrow(start),
        end: narrow(end),
        first,
        argc,
    };
    if argc <= 2
        && let Some(mark) = mark(bytes, table.args(&item))
    {
        table.marks.push((narrow(table.items.len()), mark));
    }
    table.items.push(item);
}

#[cold]
fn annotation(bytes: &[u8], table: &mut Table, start: usize, next: usize) {
    let text = bytes.get(start..next - 1).unwrap_or_default();
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let first = narrow(table.spans.len());
    table.spans.push(Span {
        start: narrow(start),
        len: narrow(text.len()),
    });
    table
        .marks
        .push((narrow(table.items.len()), Mark::Annotation));
    table.items.push(Item {
        start: narrow(start),
        end: narrow(next),
        first,
        argc: 0,
    });
}

/// Knows SELECT, MULTI and EXEC.
#[inline(always)]
fn mark(bytes: &[u8], args: &[Span]) -> Option<Mark> {
    match args {
        [name, db] if name.len == 6 && name.of(bytes).eq_ignore_ascii_case(b"select") => {
            Some(Mark::Select(database(db.of(bytes))))
        }
        [name] if name.len == 5 && name.of(bytes).eq_ignore_ascii_case(b"multi") => {
            Some(Mark::Multi)
        }
        [name] if name.len == 4 && name.of(bytes).eq_ignore_ascii_case(b"exec") => Some(Mark::Exec),
        _ => None,
    }
}

/// The number of a database as `SELECT` parses it: the shortest decimal, no sign. Also for commands collected elsewhere.
#[must_use]
pub fn database(text: &[u8]) -> Option<u32> {
    match strtol(text) {
        (value, true) => u32::try_from(value)
            .ok()
            .filter(|&db| db <= i32::MAX as u32),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Argv = Vec<Vec<u8>>;

    fn words(bytes: &[u8], table: &Table) -> Vec<Argv> {
        table
            .items
            .iter()
            .map(|item| {
                table
                    .args(item)
                    .iter()
                    .map(|span| span.of(bytes).to_vec())
                    .collect()
            })
            .collect()
    }

    fn frame(bytes: &[u8]) -> (Table, usize, Stop) {
        let mut table = Table::default();
        let (consumed, stop) = Decoder::new().frame(bytes, &mut table);
        (table, consumed, stop)
    }

    /// The same bytes, `step` at a time, with what was not consumed shown again.
    fn frame_in_steps(
        bytes: &[u8],
        step: usize,
    ) -> (Vec<Argv>, usize, Stop, Vec<(FlawKind, usize)>) {
        let mut decoder = Decoder::new();
        let (mut all, mut flaws) = (Vec::new(), Vec::new());
        let (mut from, mut to) = (0, 0);
        loop {
            to = (to + step).min(bytes.len());
            let mut table = Table::default();
            let (consumed, stop) = decoder.frame(&bytes[from..to], &mut table);
            all.extend(words(&bytes[from..to], &table));
            flaws.extend(table.flaws.iter().map(|f| (f.kind, from + f.at as usize)));
            for f in &table.flaws {
                let item = table.items[f.item as usize];
                assert!((item.start..item.end).contains(&f.at));
            }
            from += consumed;
            if stop != Stop::More || to == bytes.len() {
                let stop = match stop {
                    Stop::Fault(f) => Stop::Fault(Fault {
                        at: f.at + from - consumed,
                        ..f
                    }),
                    stop => stop,
                };
                return (all, from, stop, flaws);
            }
        }
    }

    const PLAIN: &[u8] = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n#TS:1700000000\r\n*1\r\n$5\r\nmulti\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$13\r\n\r\n$3\r\nabc*1\r\n\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n*1\r\n$4\r\nEXEC\r\n";

    #[test]
    fn the_worked_example() {
        let bytes = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
        let (table, consumed, stop) = frame(bytes);
        assert_eq!((consumed, stop), (23, Stop::More));
        assert_eq!(words(bytes, &table), [[b"SELECT".to_vec(), b"0".to_vec()]]);
        assert_eq!(table.marks, [(0, Mark::Select(Some(0)))]);
        assert_eq!(
            table.items,
            [Item {
                start: 0,
                end: 23,
                first: 0,
                argc: 2
            }]
        );
    }

    #[test]
    fn marks_and_binary_arguments() {
        let (table, consumed, stop) = frame(PLAIN);
        assert_eq!((consumed, stop), (PLAIN.len(), Stop::More));
        assert_eq!(
            table.marks,
            [
                (0, Mark::Select(Some(0))),
                (1, Mark::Annotation),
                (2, Mark::Multi),
                (5, Mark::Exec)
            ]
        );
        assert!(table.flaws.is_empty());
        let words = words(PLAIN, &table);
        assert_eq!(words[1], [b"#TS:1700000000"]);
        assert_eq!(words[3][2], b"\r\n$3\r\nabc*1\r\n");
        assert_eq!(words[4], [b"GET".to_vec(), Vec::new()]);
    }

    #[test]
    fn any_chunking_gives_the_same() {
        let mut odd = b"* 2x\r\n$+3\n".to_vec();
        odd.extend_from_slice(b"GET::$01\r\nk\n\n");
        let mut big = b"*2\r\n$4\r\nECHO\r\n$70000\r\n".to_vec();
        big.resize(big.len() + 70_000, b'$');
        big.extend_from_slice(b"\r\n*1\r\n+");
        for bytes in [PLAIN, &odd, &big] {
            let whole = frame_in_steps(bytes, bytes.len());
            for step in [1, 2, 3, 7, 11, 64, 1000] {
                assert_eq!(frame_in_steps(bytes, step), whole);
            }
        }
        let flaws = frame_in_steps(&odd, 1).3;
        use FlawKind::*;
        assert_eq!(
            flaws,
            [
                (Number, 0),
                (Separator, 13),
                (Number, 6),
                (Separator, 21),
                (Number, 15)
            ]
        );
    }

    #[test]
    fn faults_name_their_place() {
        use FaultKind::*;
        for (bytes, kind, at, arg) in [
            (&b"hello\r\n"[..], NotACommand(b'h'), 0, None),
            (b"\0\0\0", NotACommand(0), 0, None),
            (b"*0\r\n", Argc(0), 0, None),
            (b"*-1\r\n", Argc(-1), 0, None),
            (b"*x\r\n", Argc(0), 0, None),
            (b"*9223372036854775807\r\n", Argc(-1), 0, None),
            (b"*2\r\n$1\r\na\r\n*1\r\n", NotAnArgument(b'*'), 11, Some(1)),
            (b"*1\r\n$-1\r\n", NegativeLength(-1), 4, Some(0)),
        ] {
            let (table, consumed, stop) = frame(bytes);
            assert_eq!(stop, Stop::Fault(Fault { kind, at, arg }), "{bytes:?}");
            assert_eq!((consumed, table.items.len()), (0, 0));
            assert!(table.spans.is_empty() && table.flaws.is_empty() || arg.is_some());
        }
        let mut nul = vec![b'*'];
        nul.resize(2000, 0);
        assert!(matches!(
            frame(&nul).2,
            Stop::Fault(Fault { kind: NulArgc, .. })
        ));
    }

    #[test]
    fn a_claim_costs_nothing() {
        for (bytes, expected) in [
            (&b"*2147483647\r\n$1\r\na\r\n"[..], Stop::More),
            (b"*1\r\n$999999999\r\nabc", Stop::Big),
            (b"*1\r\n$4611686018427387904\r\nabc", Stop::Big),
        ] {
            let mut table = Table::default();
            let mut decoder = Decoder::new();
            let (consumed, stop) = decoder.frame(bytes, &mut table);
            assert_eq!((consumed, stop), (0, expected));
            assert!(table.spans.capacity() < 64 && table.items.is_empty());
        }
    }

    #[test]
    fn every_cut_is_a_short_read() {
        for cut in 0..PLAIN.len() {
            let mut table = Table::default();
            let mut decoder = Decoder::new();
            let bytes = &PLAIN[..cut];
            let (consumed, stop) = decoder.frame(bytes, &mut table);
            assert_eq!(stop, Stop::More);
            let rest = decoder.finish(&bytes[consumed..]);
            match bytes.get(consumed) {
                None => assert_eq!(rest, Rest::Clean),
                Some(b'#') => assert_eq!(rest, Rest::TornAnnotation),
                Some(_) => assert!(matches!(rest, Rest::Truncated(..)), "{cut}: {rest:?}"),
            }
        }
        let end = |bytes: &[u8]| {
            let mut decoder = Decoder::new();
            decoder.frame(bytes, &mut Table::default());
            decoder.finish(bytes)
        };
        assert_eq!(end(b"*\0\0\0"), Rest::Truncated(None, None));
        assert_eq!(end(b"*3\0\0\0"), Rest::Truncated(None, None));
        assert!(matches!(end(b"*\r"), Rest::Fault(_)));
        assert!(matches!(end(b"*1\r\n$-1"), Rest::Fault(_)));
        assert!(matches!(end(b"*1\r\nx"), Rest::Fault(_)));
        assert_eq!(end(b"*1\r\n$1\r\na\r"), Rest::Truncated(Some(0), Some(1)));
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let mut seed = 1u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize
        };
        let alphabet = b"*$#\r\n0123456789-+ \0aSELCT";
        for _ in 0..20_000 {
            let bytes: Vec<u8> = if next() % 2 == 0 {
                let mut bytes = PLAIN.to_vec();
                for _ in 0..next() % 4 {
                    let at = next() % bytes.len();
                    bytes[at] = alphabet[next() % alphabet.len()];
                }
                bytes
            } else {
                (0..next() % 60)
                    .map(|_| alphabet[next() % alphabet.len()])
                    .collect()
            };
            let whole = frame_in_steps(&bytes, bytes.len().max(1));
            assert_eq!(frame_in_steps(&bytes, 1 + next() % 9), whole, "{bytes:?}");
        }
    }
}
