//! A block of whole commands, and the walk over it that knows db, time and open `MULTI` of each.
//!
//! ```text
//! bytes   *2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n#TS:1700000000\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n
//! item    ╰ 0: SELECT 3              ╯╰ 1: annotation ╯╰ 2: INCR n             ╯
//! state   db 0                         db 3              db 3, time 1700000000
//! ```
//!
//! Filled by [`crate::aof::reader`]. A block owns its bytes and is `Send`; give it back to the reader to use its memory
//! again.

use crate::aof::annotation::Annotation;
use crate::resp::decode::{Flaw, Item, Mark, Span, Table};

/// What the commands so far have set for those that follow.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The database, by the last `SELECT` whose number can be read; 0 at the start of every file.
    pub db: u32,
    /// Offset of the outermost `MULTI` that no `EXEC` has followed yet.
    pub multi: Option<u64>,
    /// The time of the last `#TS:` line, in seconds since 1970.
    pub time: Option<i64>,
    /// Number of commands so far.
    pub commands: u64,
    /// Number of annotation lines so far.
    pub annotations: u64,
}

/// Whole commands, with the bytes they are in.
#[derive(Debug, Default, Clone)]
pub struct Block {
    pub(super) buffer: Vec<u8>,
    pub(super) filled: usize,
    /// Offset of the first byte in the file.
    pub at: u64,
    /// The state in front of the first command.
    pub state: State,
    /// The commands.
    pub table: Table,
}

impl Block {
    /// The bytes that the table's offsets count in.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// The commands and annotations in order, each with the state it stands in.
    #[must_use]
    pub fn commands(&self) -> Commands<'_> {
        Commands {
            block: self,
            bytes: self.bytes(),
            items: self.table.items.iter(),
            marks: self.table.marks.iter().copied().peekable(),
            index: 0,
            state: self.state,
        }
    }

    /// How many commands and annotations there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.table.items.len()).unwrap_or(u32::MAX)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.items.is_empty()
    }

    /// An argument of one of the items, by its index; 0 is the name.
    #[must_use]
    #[inline]
    pub fn arg(&self, index: u32, arg: usize) -> Option<&[u8]> {
        let spans = self.table.args(self.table.items.get(index as usize)?);
        spans.get(arg).map(|span| span.of(self.bytes()))
    }

    /// What is malformed about one of the items, by its index.
    pub fn flaws(&self, index: u32) -> impl Iterator<Item = &Flaw> {
        self.table.flaws.iter().filter(move |f| f.item == index)
    }
}

/// See [`Block::commands`].
#[derive(Debug, Clone)]
pub struct Commands<'a> {
    block: &'a Block,
    bytes: &'a [u8],
    items: std::slice::Iter<'a, Item>,
    marks: std::iter::Peekable<std::iter::Copied<std::slice::Iter<'a, (u32, Mark)>>>,
    index: u32,
    state: State,
}

/// One command, or an annotation (no arguments then).
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    /// Offset in the file.
    pub at: u64,
    /// Offset behind it.
    pub end: u64,
    /// The arguments, name first; empty for an annotation.
    pub argv: Args<'a>,
    /// What it does to the state.
    pub mark: Option<Mark>,
    /// The state in front of it (a `SELECT` is not yet done, a `MULTI` not yet open).
    pub state: State,
    /// The index of its item in the block's table.
    pub index: u32,
    /// Its bytes as they stand in the file.
    pub raw: &'a [u8],
}

impl<'a> Command<'a> {
    /// The annotation, if it is one.
    #[must_use]
    pub fn annotation(&self) -> Option<Annotation<'a>> {
        (self.mark == Some(Mark::Annotation)).then(|| Annotation::of(self.raw.trim_ascii_end()))
    }
}

impl Commands<'_> {
    /// The index of the item that stands next.
    #[must_use]
    #[inline]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The state in front of that item.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Steps over an item, which is quicker than to look at it; false at the end.
    #[inline]
    pub fn pass(&mut self) -> bool {
        if self.marks.peek().is_some_and(|(i, _)| *i == self.index) {
            return self.next().is_some();
        }
        let Some(item) = self.items.next() else {
            return false;
        };
        self.index += 1;
        self.state.commands += u64::from(item.argc > 0);
        true
    }
}

impl<'a> Iterator for Commands<'a> {
    type Item = Command<'a>;

    #[inline]
    fn next(&mut self) -> Option<Command<'a>> {
        let item = self.items.next()?;
        let index = self.index;
        self.index += 1;
        let spans = self.block.table.args(item);
        let mut command = Command {
            at: self.block.at + u64::from(item.start),
            end: self.block.at + u64::from(item.end),
            argv: Args {
                bytes: self.bytes,
                spans,
            },
            mark: None,
            state: self.state,
            index,
            raw: self
                .bytes
                .get(item.start as usize..item.end as usize)
                .unwrap_or_default(),
        };
        if let Some((_, mark)) = self.marks.next_if(|(i, _)| *i == index) {
            command.mark = Some(mark);
            if mark == Mark::Annotation {
                command.argv.spans = &[];
                self.state.annotations += 1;
            }
            let line = spans.first().map_or(&[][..], |s| s.of(self.bytes));
            self.state.apply(mark, command.at, line);
        }
        self.state.commands += u64::from(item.argc > 0);
        Some(command)
    }
}

impl State {
    /// What a marked command or annotation changes. `line` is the annotation's text.
    pub(super) fn apply(&mut self, mark: Mark, at: u64, line: &[u8]) {
        match mark {
            Mark::Select(Some(db)) => self.db = db,
            Mark::Select(None) => {}
            Mark::Multi => {
                self.multi.get_or_insert(at);
            }
            Mark::Exec => self.multi = None,
            Mark::Annotation => {
                if let Annotation::Timestamp(time) = Annotation::of(line) {
                    self.time = Some(time);
                }
            }
        }
    }
}

/// The arguments of a command, borrowed from its block.
#[derive(Debug, Default, Clone, Copy)]
pub struct Args<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// The arguments that stand in `bytes` at those places.
    #[must_use]
    pub fn new(bytes: &'a [u8], spans: &'a [Span]) -> Args<'a> {
        Args { bytes, spans }
    }

    /// How many, the name included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none: an annotation.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// One of them; 0 is the command's name.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| span.of(self.bytes))
    }

    /// The command's name as the file spells it.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        self.get(0).unwrap_or_default()
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let bytes = self.bytes;
        self.spans.iter().map(move |span| span.of(bytes))
    }
}

impl crate::model::commands::keys::Argv for Args<'_> {
    fn argc(&self) -> usize {
        self.spans.len()
    }

    fn arg(&self, index: usize) -> Option<&[u8]> {
        self.get(index)
    }
}
