//! What can be kept of a damaged log, and what becomes of the rest.
//!
//! ```text
//! *3 SET a 1 │ *3 SET b 2 │ $1 x │ *3 SE\0\0\0 … │ *3 SET c 3 │ *1 MULTI │ *3 SET d 4 │ *3 SE
//!   kept       ╰ quarantine: the argc ╯╰ quarantine ╯   kept      ╰ cut: no EXEC ─────────────╯
//!                before a stray $ shrank              ▲ the next place that reads as a command and goes on
//! ```
//! Bytes that are no command cost the command that they stand in, and no other: reading goes on at the next place where a
//! command stands as servers write it (`probe`). Nothing is put together anew. A command whose lines are malformed, but
//! whose every argument ends where the next one begins, is kept and written as servers write it.
//!
//! | what is there | what becomes of it |
//! |---|---|
//! | half a command at the end, zeros, garbage, half an annotation | cut |
//! | bytes that are no command, in the middle | quarantine, up to the next command |
//! | a stray argument, or garbage behind a malformed command | that command goes with it: its lengths lie |
//! | a command no server knows, or with the wrong number of words | quarantine: servers would stop at it |
//! | a `MULTI` without `EXEC` at the end | cut ([`OpenMulti`]) |
//! | a `MULTI` while one is open | the first was cut short by a restart: cut up to the `SELECT` that a new run begins with |
//! | a block with bytes in quarantine and no `EXEC` | its `MULTI` alone is cut: the commands had been carried out |
//! | an `EXEC` without `MULTI` | cut |
//!
//! A value may hold a log. Where its command is damaged, the commands in it must not come to life: a place is no command
//! where a value's CRLF stands behind it, and a run of commands that ends so is taken back as a whole; so is one behind which
//! a line of something else stands, and then a command.

use crate::aof::block::{self, Args, Block, State};
use crate::error::Result;
use crate::input::bytes::ReadAt;
use crate::limits::BLOCK;
use crate::model::commands::{Found, find};
use crate::model::patch::{self, Fate, Patch};
use crate::resp::decode::{Decoder, Fault, FlawKind, Mark, Rest, Stop, database};
use crate::text::quoted;
use probe::{Pages, Probed, STRING};

mod blocks;
mod probe;
mod rewrite;

use blocks::Open;
pub use rewrite::rewrite;

/// What becomes of a `MULTI` that no `EXEC` follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OpenMulti {
    /// It did not happen: at the end of the file it goes with all behind it, as with servers; where another block follows,
    /// up to the restart that cut it short.
    #[default]
    Drop,
    /// The same, but at the end of the file, too, what a restarted server wrote behind it is kept.
    Restart,
    /// Its commands are kept, and its `MULTI` goes.
    Run,
}

/// How to salvage.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What becomes of a `MULTI` that no `EXEC` follows.
    pub open_multi: OpenMulti,
    /// Keep commands that no server knows (they may be renamed ones).
    pub keep_unknown: bool,
    /// Cut everything behind the first damage.
    pub stop_at_damage: bool,
}

/// Says of each command whether the log is to end in front of it, and why.
pub type Until<'a> = &'a mut dyn FnMut(&block::Command<'_>) -> Option<String>;

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Salvaged {
    /// What does not stay as it is, in the order of the file.
    pub patches: Vec<Patch>,
    /// Commands that are kept.
    pub commands: u64,
    /// What is kept, but may not be what it was: offset and reason.
    pub doubtful: Vec<(u64, String)>,
    /// Where and why the log was to end, if it came so far.
    pub stopped: Option<(u64, String)>,
    /// The time of the last `#TS:` line, in seconds since 1970.
    pub time: Option<i64>,
}

/// How far back a run of commands is taken for one inside a value, where it ends like one.
const INSIDE: u64 = 1 << 20;

/// The longest rest of a value that is taken for one.
const TAIL: usize = 4096;

/// Bytes that are read first behind damage: it may not be the last. Twice as many after that, up to a block.
const FIRST: usize = 32 << 10;

/// Reads a log from `start` to `size` and says what can be kept of it. `progress` is told how far it has come.
///
/// # Errors
/// What the operating system reports; a file that is damaged in more places than can be told.
pub fn salvage(
    src: &dyn ReadAt,
    start: u64,
    size: u64,
    options: &Options,
    until: Until<'_>,
    progress: &dyn Fn(u64),
) -> Result<Salvaged> {
    let mut run = Salvage {
        pages: Pages::new(src, size),
        src,
        size,
        options,
        until,
        found: Salvaged::default(),
        state: State::default(),
        last: None,
        open: None,
        since: None,
        torn: None,
    };
    run.read(start, progress)?;
    run.found.time = run.state.time;
    Ok(run.found)
}

/// The command that was read last.
#[derive(Debug, Clone, Copy)]
struct Last {
    at: u64,
    /// Whether its lines were malformed.
    flawed: bool,
    /// Whether it was left out.
    refused: bool,
    /// The block that it has closed.
    closed: Option<Open>,
}

/// How things stood at a place to which reading may have to go back.
#[derive(Debug, Clone)]
struct Back {
    at: u64,
    commands: u64,
    doubtful: usize,
    state: State,
    open: Option<Open>,
}

struct Salvage<'a, 'u> {
    pages: Pages<'a>,
    src: &'a dyn ReadAt,
    size: u64,
    options: &'a Options,
    until: Until<'u>,
    found: Salvaged,
    state: State,
    last: Option<Last>,
    open: Option<Open>,
    /// Where the last damage began, behind which reading was taken up again.
    since: Option<Back>,
    /// Where a command claimed to be longer than the file, and reading went on all the same.
    torn: Option<Back>,
}

/// What follows a command.
enum Next {
    Go,
    /// The log ends here.
    End,
    /// It is no command after all: read on behind its start.
    Doubt,
}

impl Salvage<'_, '_> {
    fn read(&mut self, start: u64, progress: &dyn Fn(u64)) -> Result<()> {
        let mut at = start;
        let mut want = BLOCK;
        let mut block = Block::default();
        let mut decoder = Decoder::new();
        loop {
            progress(at);
            let left = self.size.saturating_sub(at);
            let filled = usize::try_from(left).map_or(want, |left| left.min(want));
            let whole = filled as u64 == left;
            block.buffer.resize(filled.max(block.buffer.len()), 0);
            block.filled = filled;
            let space = block.buffer.get_mut(..filled).unwrap_or_default();
            self.src.read_exact_at(space, at)?;
            block.at = at;
            block.state = self.state;
            block.table.clear();
            decoder.reset();
            let bytes = block.buffer.get(..filled).unwrap_or_default();
            let (consumed, stop) = decoder.frame(bytes, &mut block.table);
            let rest = bytes.get(consumed..).unwrap_or_default();
            let rest = (whole && stop == Stop::More).then(|| decoder.finish(rest));
            match self.block(&block)? {
                (Next::End, _) => return Ok(()),
                (Next::Doubt, from) => match self.damage(from, None)? {
                    Some(next) => {
                        at = next;
                        want = FIRST;
                        continue;
                    }
                    None => return Ok(()),
                },
                (Next::Go, _) => {}
            }
            at += consumed as u64;
            let next = match (stop, rest) {
                (Stop::More, Some(rest)) => match self.finish(at, rest)? {
                    Some(next) => Some(next),
                    None => return Ok(()),
                },
                (Stop::More, None) => {
                    // One that does not fit is read with more behind it, up to where it counts as big.
                    want = if consumed == 0 {
                        want * 2
                    } else {
                        (want * 2).clamp(FIRST, BLOCK)
                    };
                    continue;
                }
                (Stop::Big, _) => self.big(at)?,
                (Stop::Fault(fault), _) => {
                    let fault = Fault {
                        at: fault.at - consumed.min(fault.at),
                        ..fault
                    };
                    self.damage(at, Some(fault))?
                }
            };
            match next {
                Some(next) => at = next,
                None => return Ok(()),
            }
            want = FIRST;
        }
    }

    /// Takes the commands of a block. Where one is in doubt after all, also where it starts.
    fn block(&mut self, block: &Block) -> Result<(Next, u64)> {
        let mut flaws = block.table.flaws.iter().peekable();
        for command in block.commands() {
            let (mut lines, mut ends) = (0, 0);
            while let Some(flaw) = flaws.next_if(|f| f.item <= command.index) {
                match flaw.kind {
                    FlawKind::Separator => ends += 1,
                    FlawKind::BareLf | FlawKind::Number => lines += 1,
                }
            }
            if command.mark == Some(Mark::Annotation) {
                self.state.annotations += 1;
                self.state.time = match command.annotation() {
                    Some(crate::aof::annotation::Annotation::Timestamp(time)) => Some(time),
                    _ => self.state.time,
                };
                self.last = None;
                continue;
            }
            let flawed = lines + ends > 0;
            // An argument of a malformed command that holds lines of a log has swallowed them: its length grew. Where an
            // argument does not end in CRLF and something else is wrong, the one explains the other.
            if ends > 1
                || (ends > 0 && lines > 0)
                || (flawed && command.argv.iter().any(holds_lines))
            {
                return Ok((Next::Doubt, command.at));
            }
            let command = block::Command {
                state: self.state,
                ..command
            };
            match self.command(&command, command.argv.len(), flawed)? {
                Next::Go => {}
                other => return Ok((other, command.at)),
            }
        }
        Ok((Next::Go, 0))
    }

    /// Takes a command of more than a MiB.
    fn big(&mut self, at: u64) -> Result<Option<u64>> {
        let (end, argc, words) = match self.pages.probe(at)? {
            Probed::Whole { end, argc, words } => (end, argc, words),
            Probed::Ends { line, claim } => return self.ends(at, line, claim),
            Probed::Odd { .. } => return self.damage(at, None),
        };
        let bytes = words.concat();
        let mut start = 0;
        let spans = words.iter().map(|word| {
            let len = u32::try_from(word.len()).unwrap_or_default();
            let span = crate::resp::decode::Span { start, len };
            start += len;
            span
        });
        let spans: Vec<_> = spans.collect();
        let mark = match &spans[..] {
            // Its database could not be read from so long a number.
            [name, _] if argc == 2 && name.of(&bytes).eq_ignore_ascii_case(b"select") => {
                Some(Mark::Select(None))
            }
            _ => None,
        };
        let command = block::Command {
            at,
            end,
            argv: Args::new(&bytes, &spans),
            mark,
            state: self.state,
            index: 0,
            raw: &[],
        };
        let argc = usize::try_from(argc).unwrap_or(usize::MAX);
        match self.command(&command, argc, false)? {
            Next::End => Ok(None),
            _ => Ok(Some(end)),
        }
    }

    /// Keeps a command that is framed, or leaves it out.
    #[inline]
    fn command(&mut self, command: &block::Command<'_>, argc: usize, flawed: bool) -> Result<Next> {
        let (at, end) = (command.at, command.end);
        if let Some(why) = (self.until)(command) {
            return self.stop(at, "until", why);
        }
        if let Some((code, why)) = self.refused(command, argc) {
            self.patch(at, end, Fate::Quarantine, code, why, 1)?;
            if code == "bad-select" {
                self.selects(at, end)?;
            }
            self.touched(at);
            self.last = Some(Last {
                at,
                flawed,
                refused: true,
                closed: None,
            });
            return self.after_damage(at);
        }
        if flawed {
            let why = "its lines are malformed; written as servers write it";
            self.patch(at, end, Fate::Rewrite, "malformed", why.to_owned(), 0)?;
        }
        self.found.commands += 1;
        self.state.commands += 1;
        self.last = Some(Last {
            at,
            flawed,
            refused: false,
            closed: self.open.filter(|_| command.mark == Some(Mark::Exec)),
        });
        self.transaction(command)?;
        Ok(Next::Go)
    }

    /// Why servers would stop at a command.
    fn refused(&self, command: &block::Command<'_>, argc: usize) -> Option<(&'static str, String)> {
        let name = command.argv.name();
        let shown = quoted(name.get(..64).unwrap_or(name));
        if command.mark == Some(Mark::Select(None)) {
            let db = command.argv.get(1).unwrap_or_default();
            let db = quoted(db.get(..64).unwrap_or(db));
            let why = format!("SELECT {db} chooses no database: servers stay where they are");
            return Some(("bad-select", why));
        }
        match find(&command.argv) {
            Found::Command(row) if !row.takes(argc) => Some((
                "wrong-arity",
                format!("{shown} with {argc} words, which is not what it takes"),
            )),
            Found::Command(row) if row.name == "discard" && self.open.is_some() => Some((
                "discard-in-multi",
                "DISCARD inside a MULTI: servers crash at its end".to_owned(),
            )),
            Found::Unknown if !self.options.keep_unknown => Some((
                "unknown-command",
                format!("no server has a command {shown}, and all stop at it"),
            )),
            Found::NoSuchSub(row) if !self.options.keep_unknown => Some((
                "unknown-subcommand",
                format!("{} has no such subcommand", row.name),
            )),
            _ => None,
        }
    }

    /// Stops at damage, if that is wanted.
    fn after_damage(&mut self, at: u64) -> Result<Next> {
        if !self.options.stop_at_damage {
            return Ok(Next::Go);
        }
        self.stop(
            at,
            "behind-damage",
            "everything from the first damage on".to_owned(),
        )
    }

    /// The log ends here; where a block is open, in front of that.
    fn stop(&mut self, at: u64, code: &'static str, why: String) -> Result<Next> {
        let from = match self.open.take() {
            Some(open) => {
                self.found.commands = open.before;
                open.at
            }
            None => at,
        };
        let lost = self.heads(from, self.size)?;
        self.patch(from, self.size, Fate::Cut, code, why.clone(), lost)?;
        self.found.stopped = Some((from, why));
        Ok(Next::End)
    }

    /// What stands at `at` is no command. Gives where to read on.
    fn damage(&mut self, at: u64, fault: Option<Fault>) -> Result<Option<u64>> {
        let between = fault.is_some_and(|f| f.arg.is_none());
        let head = self.pages.get(at, 3)?.to_vec();
        let (mut from, mut inside) = (at, None);
        let mut code = "bad-format";
        let mut why = match fault {
            Some(f) if between => format!("{}", Said(f)),
            Some(f) => format!("{} at {:#x}", Said(f), at + f.at as u64),
            None => "its lengths do not hold".to_owned(),
        };
        if between && let Some(last) = self.last {
            let stray = head.first() == Some(&b'$');
            if stray || last.flawed || last.refused || self.holds_a_log(last.at)? {
                // The lengths of the one before lie. If they took too much, what they took is read again.
                from = last.at;
                inside = Some(last.at).filter(|_| last.flawed && !stray);
                code = "bad-framing";
                why = format!(
                    "{} stands behind this command, so its own numbers are wrong",
                    if stray { "an argument" } else { "no command" }
                );
                self.found.commands -= u64::from(!last.refused).min(self.found.commands);
                patch::remove(&mut self.found.patches, last.at);
                self.open = self.open.or(last.closed);
            } else if (matches!(&head[..], b"\r\n*" | b"\r\n$") || self.is_tail(at)?)
                && let Some(back) = self.since.take_if(|back| at - back.at <= INSIDE)
            {
                // What was read since the last damage stood in a value.
                from = back.at;
                why = "commands inside the value of a damaged one".to_owned();
                self.back(back);
            }
        }
        // Arguments that hold are not searched: what they say is data.
        let begin = inside.unwrap_or(at);
        let doubt = match self.pages.probe(begin)? {
            Probed::Odd { line } | Probed::Ends { line, .. } => line,
            Probed::Whole { end, .. } => end,
        };
        let mut search = doubt.max(begin + 1);
        if between && inside.is_none() {
            let line = self.pages.get(at, 64)?;
            let lf = line.windows(2).position(|w| w == b"\r\n");
            let behind = match head.first() {
                Some(b'$') => at,
                _ => lf.map_or(at, |lf| at + lf as u64 + 2),
            };
            search = search.max(self.pages.strays(behind)?.min(self.size));
            if head.first() != Some(&b'$') && search == behind {
                search = at + 1;
            }
        }
        // Garbage may go on in a command on the same line.
        let near = match between && inside.is_none() && head.first() != Some(&b'$') {
            true => self.pages.starts(at + 1, search)?,
            false => None,
        };
        let next = match near {
            Some(near) => Some(near),
            None => self.pages.next(search)?,
        };
        self.leave(from, next, code, why)
    }

    /// Leaves the bytes out up to where the next command stands, or to the end of the file.
    fn leave(
        &mut self,
        from: u64,
        next: Option<u64>,
        code: &'static str,
        why: String,
    ) -> Result<Option<u64>> {
        let to = next.unwrap_or(self.size);
        let since = self.here(from);
        let before_zeros = match next {
            None => self.zeros(from)?,
            Some(_) => None,
        };
        if let Some(zeros) = before_zeros {
            if zeros > from {
                let lost = self.heads(from, zeros)?;
                self.patch(from, zeros, Fate::Quarantine, code, why, lost)?;
            }
            let why = format!("{} zero bytes up to the end of the file", self.size - zeros);
            self.patch(zeros, self.size, Fate::Cut, "zero-tail", why, 0)?;
        } else {
            let lost = self.heads(from, to)?;
            self.patch(from, to, Fate::Quarantine, code, why, lost)?;
        }
        self.touched(from);
        self.selects(from, to)?;
        self.since = Some(since);
        self.last = None;
        if let Next::End = self.after_damage(from)? {
            return Ok(None);
        }
        if next.is_none() {
            self.end()?;
        }
        Ok(next)
    }

    /// The file ends, behind a whole command or with something that is none.
    fn finish(&mut self, at: u64, rest: Rest) -> Result<Option<u64>> {
        match rest {
            Rest::Clean => {}
            Rest::TornAnnotation => {
                let why = "an annotation without its end".to_owned();
                self.patch(at, self.size, Fate::Cut, "torn-annotation", why, 0)?;
            }
            Rest::Truncated(..) => {
                let (line, claim) = match self.pages.probe(at)? {
                    Probed::Ends { line, claim } => (line, claim),
                    Probed::Odd { line } => (line, None),
                    Probed::Whole { end, .. } => (end, None),
                };
                return self.ends(at, line, claim);
            }
            Rest::Fault(fault) => return self.damage(at, Some(fault)),
        }
        self.end()?;
        Ok(None)
    }

    /// The file ends inside the command at `at`, whose line at `line` claims more than there is: half a command, unless
    /// commands follow that line. Then its number is wrong. But if the file ends in half a command then, too, what was
    /// taken for commands stands in the value of one that was cut short.
    fn ends(&mut self, at: u64, line: u64, claim: Option<u64>) -> Result<Option<u64>> {
        let next = self.pages.next(line.max(at + 1))?;
        if let Some(next) = next {
            if self.torn.is_none() && claim.is_none_or(|claim| claim <= STRING) {
                self.torn = Some(self.here(at));
            }
            let why = "it claims to be longer than the file";
            return self.leave(at, Some(next), "bad-length", why.to_owned());
        }
        let at = match self.torn.take() {
            Some(back) => {
                let at = back.at;
                self.back(back);
                at
            }
            None => at,
        };
        let zeros = self.zeros(at)?.filter(|zeros| *zeros == at);
        let (code, why) = match zeros {
            Some(_) => ("zero-tail", "zero bytes up to the end of the file"),
            None => ("torn-command", "the file ends inside this command"),
        };
        self.patch(at, self.size, Fate::Cut, code, why.to_owned(), 1)?;
        if self.options.stop_at_damage {
            self.found.stopped = Some((at, why.to_owned()));
        }
        self.end()?;
        Ok(None)
    }

    /// Whether an argument of the command there holds lines of a log.
    fn holds_a_log(&mut self, at: u64) -> Result<bool> {
        Ok(match self.pages.probe(at)? {
            Probed::Whole { words, .. } => words.iter().any(|word| holds_lines(word)),
            _ => false,
        })
    }

    /// Whether the rest of a value seems to stand there: lines that are none of a log, and behind them the next command.
    fn is_tail(&mut self, at: u64) -> Result<bool> {
        let text = self.pages.get(at, TAIL)?;
        let mut starts = Vec::new();
        for (i, w) in text.windows(2).enumerate().filter(|(_, w)| *w == b"\r\n") {
            match text.get(i + w.len()) {
                // An argument of a command whose head is damaged.
                Some(b'$') => break,
                Some(b'*') | None => starts.push(at + i as u64 + 2),
                _ => {}
            }
        }
        for start in starts {
            if start == self.size || matches!(self.pages.probe(start)?, Probed::Whole { .. }) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn here(&self, at: u64) -> Back {
        Back {
            at,
            commands: self.found.commands,
            doubtful: self.found.doubtful.len(),
            state: self.state,
            open: self.open,
        }
    }

    fn back(&mut self, back: Back) {
        let patches = &mut self.found.patches;
        patch::cut(patches, back.at);
        // What became of a block that was open then is settled anew, too.
        if let Some(open) = back.open {
            let at = patches.partition_point(|p| p.from < open.at);
            if patches
                .get(at)
                .is_some_and(|p| p.from == open.at && p.fate != Fate::Rewrite)
            {
                patches.remove(at);
            }
        }
        self.found.commands = back.commands;
        self.found.doubtful.truncate(back.doubtful);
        self.state = back.state;
        self.open = back.open;
        self.since = None;
        self.last = None;
    }

    /// Where the zeros start that reach to the end of the file.
    fn zeros(&mut self, from: u64) -> Result<Option<u64>> {
        let mut end = self.size;
        while end > from {
            let start = end.saturating_sub(4096).max(from);
            let n = usize::try_from(end - start).unwrap_or_default();
            let page = self.pages.get(start, n)?;
            match page.iter().rposition(|b| *b != 0) {
                Some(last) => {
                    end = start + last as u64 + 1;
                    break;
                }
                None => end = start,
            }
        }
        Ok((end < self.size).then_some(end))
    }

    /// How many commands begin in a range, as far as their first lines can be read.
    fn heads(&mut self, from: u64, to: u64) -> Result<u64> {
        let (mut at, mut heads, mut args) = (from, 0, false);
        let mut before = b'\n';
        while at < to {
            let n = usize::try_from(to - at).map_or(4096, |n| n.min(4096));
            for byte in self.pages.get(at, n)? {
                heads += u64::from(before == b'\n' && *byte == b'*');
                args |= before == b'\n' && *byte == b'$';
                before = *byte;
            }
            at += n as u64;
        }
        Ok(heads.max(u64::from(args)))
    }

    /// Says so where a `SELECT` may be among what is left out.
    fn selects(&mut self, from: u64, to: u64) -> Result<()> {
        let n = usize::try_from(to - from).map_or(4096, |n| n.min(4096));
        let bytes = self.pages.get(from, n)?;
        let found = bytes.windows(6).any(|w| w.eq_ignore_ascii_case(b"select"));
        if found && self.found.doubtful.len() < crate::limits::FINDINGS_LISTED {
            let why = "a SELECT is among what is left out: which database the commands from here to the next SELECT \
                       are for is not known";
            self.found.doubtful.push((to, why.to_owned()));
        }
        Ok(())
    }

    fn patch(
        &mut self,
        from: u64,
        to: u64,
        fate: Fate,
        code: &'static str,
        why: String,
        commands: u64,
    ) -> Result<()> {
        if from >= to {
            return Ok(());
        }
        let pages = &mut self.pages;
        let mut new = Patch::new(from, to, fate, code, why);
        new.commands = commands;
        patch::add(&mut self.found.patches, new, "log", |sample, at| {
            let bytes = pages.get(at, sample.len())?;
            if bytes.len() == sample.len() {
                sample.copy_from_slice(bytes);
            }
            Ok(())
        })
    }

    /// The database that a `SELECT` chooses; where it cannot be told, servers stay where they are.
    fn select(&mut self, command: &block::Command<'_>) {
        let db = command.argv.get(1).and_then(database);
        self.state.db = db.unwrap_or(self.state.db);
    }
}

/// Whether bytes hold the start of a line of a log.
fn holds_lines(bytes: &[u8]) -> bool {
    bytes
        .windows(4)
        .any(|w| matches!(w, [b'\r', b'\n', b'$' | b'*', b'0'..=b'9']))
}

/// A fault in words.
struct Said(Fault);

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::resp::decode::FaultKind;
        let byte = |b: u8| quoted(&[b]).to_string();
        match self.0.kind {
            FaultKind::NotACommand(b) => write!(f, "{} where a command is to begin", byte(b)),
            FaultKind::NotAnArgument(b) => write!(f, "{} where an argument is to begin", byte(b)),
            FaultKind::Argc(n) => write!(f, "a command of {n} words"),
            FaultKind::NulArgc => write!(f, "a zero byte for the number of words"),
            FaultKind::NegativeLength(n) => write!(f, "an argument of {n} bytes"),
            FaultKind::LongLine => write!(f, "a line without end"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "small files")]
mod tests;
