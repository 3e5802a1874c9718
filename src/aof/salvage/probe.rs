//! A look at one place of a damaged log: does a command stand here, as servers write it?
//!
//! Stricter than the loaders: the shortest decimals, CRLF behind every line and argument, a name that some server knows,
//! as many words as it takes. That does not come about by chance; only a value that holds a log inside has such places.

use crate::error::Result;
use crate::input::bytes::ReadAt;
use crate::model::commands::{Found, find};
use crate::resp::line::strtol;

/// How much is read at a time, where the file is read on.
const PAGE: usize = 64 << 10;

/// The same where something far ahead is looked up.
const FAR: usize = 512;

/// What a look at an argument costs of the budget, in bytes.
const LOOK: u64 = 16;

/// Bytes of the name and of the words behind it that are kept, each.
const WORD: usize = 256;

/// Words of a command that are kept.
const WORDS: usize = 16;

/// The longest string that a server takes unless it is told otherwise (`proto-max-bulk-len`).
pub(super) const STRING: u64 = 512 << 20;

/// The longest line of the strict form, `*` or `$`, digits and CRLF.
const LINE: usize = 24;

/// The bytes of a file, a page at a time.
pub(super) struct Pages<'a> {
    src: &'a dyn ReadAt,
    size: u64,
    page: Page,
    far: Page,
    /// How many bytes may still be looked at in search of commands: some times the file, for hostile ones can have each
    /// place look ahead over all the others. When it is used up nothing is found any more.
    budget: u64,
}

#[derive(Default)]
struct Page {
    bytes: Vec<u8>,
    at: u64,
}

impl Page {
    /// How far behind its start an offset is, if so many bytes from there on are in it.
    fn holds(&self, at: u64, n: usize) -> Option<usize> {
        let skip = usize::try_from(at.checked_sub(self.at)?).ok()?;
        (skip.saturating_add(n) <= self.bytes.len()).then_some(skip)
    }

    fn load(&mut self, src: &dyn ReadAt, at: u64, n: usize) -> Result<()> {
        self.bytes.resize(n, 0);
        self.at = at;
        // What could not be read is not there.
        src.read_exact_at(&mut self.bytes, at)
            .inspect_err(|_| self.bytes.clear())
    }
}

/// What stands at a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Probed {
    /// A whole command in the strict form: the offset behind it, and its first words, cut where they are long.
    Whole {
        end: u64,
        argc: u64,
        words: Vec<Vec<u8>>,
    },
    /// The file ends inside it; the line that cannot be told, or whose argument is not all there, and how long that
    /// claims to be.
    Ends { line: u64, claim: Option<u64> },
    /// No command; the first line that is not right, or whose argument is not followed by CRLF.
    Odd { line: u64 },
}

impl<'a> Pages<'a> {
    pub(super) fn new(src: &'a dyn ReadAt, size: u64) -> Pages<'a> {
        Pages {
            src,
            size,
            page: Page::default(),
            far: Page::default(),
            budget: (64 << 20) + size.saturating_mul(16),
        }
    }

    /// At most so many bytes, and no more than there are behind an offset.
    fn left(&self, at: u64, n: usize) -> usize {
        usize::try_from(self.size.saturating_sub(at)).map_or(n, |left| left.min(n))
    }

    /// `n` bytes at that offset (at most a page), fewer at the end of the file.
    pub(super) fn get(&mut self, at: u64, n: usize) -> Result<&[u8]> {
        let n = self.left(at, n.min(PAGE));
        if let Some(skip) = self.page.holds(at, n) {
            return Ok(self.page.bytes.get(skip..skip + n).unwrap_or_default());
        }
        if n <= FAR {
            if self.far.holds(at, n).is_none() {
                let len = self.left(at, FAR);
                self.far.load(self.src, at, len)?;
            }
            let skip = self.far.holds(at, n).unwrap_or_default();
            return Ok(self.far.bytes.get(skip..skip + n).unwrap_or_default());
        }
        self.load(at)?;
        Ok(self.page.bytes.get(..n).unwrap_or_default())
    }

    fn load(&mut self, at: u64) -> Result<()> {
        let len = self.left(at, PAGE);
        self.page.load(self.src, at, len)
    }

    /// What is at hand from an offset on, a byte at least where the file has one.
    fn some(&mut self, at: u64) -> Result<&[u8]> {
        if self.page.holds(at, 1).is_none() {
            self.load(at)?;
        }
        let skip = self.page.holds(at, 0).unwrap_or_default();
        Ok(self.page.bytes.get(skip..).unwrap_or_default())
    }

    /// Takes some of the budget; `false` where it is used up.
    fn spend(&mut self, n: u64) -> bool {
        self.budget = self.budget.saturating_sub(n);
        self.budget > 0
    }

    /// The number of a strict line that begins with `mark`, and the offset behind it. `Err(true)`: the file ends first.
    fn line(&mut self, at: u64, mark: u8) -> Result<std::result::Result<(u64, u64), bool>> {
        let text = self.get(at, LINE)?;
        let short = text.len() < LINE;
        let digits = text.iter().skip(1).take_while(|b| b.is_ascii_digit());
        let digits = digits.count();
        let end = text.get(1 + digits..1 + digits + 2);
        match (text.first(), end) {
            (None, _) => return Ok(Err(true)),
            (Some(first), _) if *first != mark => return Ok(Err(false)),
            (_, Some(b"\r\n")) => {}
            (_, None) if short && matches!(text.get(1 + digits..), Some([] | [b'\r'])) => {
                return Ok(Err(true));
            }
            _ => return Ok(Err(false)),
        }
        let (value, minimal) = strtol(text.get(1..1 + digits).unwrap_or_default());
        Ok(match u64::try_from(value) {
            Ok(value) if minimal => Ok((value, at + 3 + digits as u64)),
            _ => Err(false),
        })
    }

    /// An argument in the strict form: how long it is, where its bytes begin. `Err(Some)`: the file ends inside it, with
    /// what it claims; `Err(None)`: it is none.
    fn argument(&mut self, at: u64) -> Result<std::result::Result<(u64, u64), Ends>> {
        if !self.spend(LOOK) {
            return Ok(Err(Ends::Odd));
        }
        let (len, body) = match self.line(at, b'$')? {
            Ok(found) => found,
            Err(true) => return Ok(Err(Ends::File(None))),
            Err(false) => return Ok(Err(Ends::Odd)),
        };
        let end = body.saturating_add(len);
        if end.saturating_add(2) > self.size {
            return Ok(Err(Ends::File(Some(len))));
        }
        Ok(match self.get(end, 2)? {
            b"\r\n" => Ok((len, body)),
            _ => Err(Ends::Odd),
        })
    }

    /// What stands at a place.
    pub(super) fn probe(&mut self, at: u64) -> Result<Probed> {
        let (argc, mut pos) = match self.line(at, b'*')? {
            Ok((argc, next)) if argc > 0 => (argc, next),
            Err(true) => {
                return Ok(Probed::Ends {
                    line: at,
                    claim: None,
                });
            }
            _ => return Ok(Probed::Odd { line: at }),
        };
        let mut words = Vec::new();
        for _ in 0..argc {
            match self.argument(pos)? {
                Ok((len, body)) => {
                    if words.len() < WORDS {
                        let n = usize::try_from(len).map_or(WORD, |n| n.min(WORD));
                        words.push(self.get(body, n)?.to_vec());
                    }
                    pos = body + len + 2;
                }
                Err(Ends::File(claim)) => return Ok(Probed::Ends { line: pos, claim }),
                Err(Ends::Odd) => return Ok(Probed::Odd { line: pos }),
            }
        }
        Ok(Probed::Whole {
            end: pos,
            argc,
            words,
        })
    }

    /// Where the next command stands, from an offset on; none where the budget is used up.
    pub(super) fn next(&mut self, from: u64) -> Result<Option<u64>> {
        let mut at = from;
        while at < self.size {
            let bytes = self.some(at)?;
            let len = bytes.len();
            let star = bytes.iter().position(|b| *b == b'*');
            if !self.spend(star.unwrap_or(len) as u64 + 1) {
                return Ok(None);
            }
            let Some(star) = star else {
                at += len as u64;
                continue;
            };
            at += star as u64;
            if let Probed::Whole { end, argc, words } = self.probe(at)? {
                let known = is_known(&words, argc);
                // A command inside a value: behind it the value's own CRLF, and the next argument or command.
                let inside = matches!(self.get(end, 3)?, b"\r\n*" | b"\r\n$");
                if known && !inside {
                    return Ok(Some(at));
                }
            }
            at += 1;
        }
        Ok(None)
    }

    /// Where a command stands on the line that begins in front of `from`, and below `below`.
    pub(super) fn starts(&mut self, from: u64, below: u64) -> Result<Option<u64>> {
        let n =
            usize::try_from(below.saturating_sub(from)).map_or(PAGE, |n| n.min(LINE_OF_GARBAGE));
        let line = self.get(from, n)?;
        let line = line.split(|b| *b == b'\n').next().unwrap_or_default();
        let stars = line.iter().enumerate().filter(|(_, b)| **b == b'*');
        let stars: Vec<u64> = stars.map(|(i, _)| from + i as u64).collect();
        for at in stars {
            if let Probed::Whole { argc, words, .. } = self.probe(at)?
                && is_known(&words, argc)
            {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Where the arguments end that stand here one behind the other, in the strict form: they belong to a command whose
    /// first line does not say so.
    pub(super) fn strays(&mut self, at: u64) -> Result<u64> {
        let mut pos = at;
        while let Ok((len, body)) = self.argument(pos)? {
            pos = body + len + 2;
        }
        Ok(pos)
    }
}

/// How far a command is looked for on a line of garbage.
const LINE_OF_GARBAGE: usize = 4096;

enum Ends {
    File(Option<u64>),
    Odd,
}

/// Whether some server has such a command, with so many words.
fn is_known(words: &[Vec<u8>], argc: u64) -> bool {
    match find(words) {
        Found::Command(row) => usize::try_from(argc).is_ok_and(|argc| row.takes(argc)),
        Found::Module => true,
        Found::NoSuchSub(_) | Found::Unknown => false,
    }
}
