//! What a block of bytes holds: commands, their arguments, annotations, as offsets into it.

/// Bytes of a block: where they start and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Offset from the start of the slice that was framed.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

impl Span {
    /// The bytes themselves, out of the slice that was framed (empty, should it be another slice).
    #[must_use]
    #[inline]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        let start = self.start as usize;
        bytes
            .get(start..start + self.len as usize)
            .unwrap_or_default()
    }
}

/// One command, or one annotation line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Offset of its first byte (`*` or `#`) in the slice.
    pub start: u32,
    /// Offset behind its last byte.
    pub end: u32,
    /// Index of its first argument in [`Table::spans`].
    pub first: u32,
    /// Number of arguments, the name included; 0 for an annotation, which has one span: the line without its end.
    pub argc: u32,
}

/// A command that changes how the following ones are read, found while framing so that nobody has to look at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// `SELECT`, with the database if its argument is a number that a server would parse.
    Select(Option<u32>),
    /// `MULTI`.
    Multi,
    /// `EXEC`.
    Exec,
    /// An annotation line.
    Annotation,
}

/// What is wrong with a command that a server loads nevertheless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlawKind {
    /// A line that ends in LF without CR.
    BareLf,
    /// A number with spaces, a sign, leading zeros or something behind it.
    Number,
    /// The two bytes after an argument are not CRLF.
    Separator,
}

/// See [`FlawKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flaw {
    /// What.
    pub kind: FlawKind,
    /// Offset in the slice.
    pub at: u32,
    /// Index of the item in [`Table::items`].
    pub item: u32,
    /// The argument (0 is the command's name), or `None` for the `*` line.
    pub arg: Option<u32>,
}

/// What a slice holds, as offsets into it. Made to be cleared and filled again.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Table {
    /// Commands and annotations in order.
    pub items: Vec<Item>,
    /// The arguments of all of them.
    pub spans: Vec<Span>,
    /// Items that change the state of the reader, by index, in order.
    pub marks: Vec<(u32, Mark)>,
    /// What is malformed and loads.
    pub flaws: Vec<Flaw>,
}

impl Table {
    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.items.clear();
        self.spans.clear();
        self.marks.clear();
        self.flaws.clear();
    }

    /// The spans of one item.
    #[must_use]
    #[inline]
    pub fn args(&self, item: &Item) -> &[Span] {
        let first = item.first as usize;
        let n = (item.argc as usize).max(1);
        self.spans.get(first..first + n).unwrap_or_default()
    }
}
