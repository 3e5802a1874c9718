//! Where replies go: RESP2 or RESP3 bytes, or nowhere.
//!
//! A command says what it answers; whether anyone listens is not its business. A replay discards replies without
//! building them.

use crate::model::kind::StreamId;
use crate::model::number::{self, DoubleText};
use crate::packed::string::Str;
use std::borrow::Cow;

/// A refusal: the text of the error reply without the `-`, code first: `ERR syntax error`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub Cow<'static, str>);

/// What a command's function gives: it has answered, or it refuses.
pub type Done = Result<(), Refusal>;

impl Refusal {
    /// With a text that is put together.
    #[cold]
    #[must_use]
    pub fn of(text: String) -> Refusal {
        Refusal(Cow::Owned(text))
    }

    /// With a fixed text.
    #[must_use]
    pub const fn new(text: &'static str) -> Refusal {
        Refusal(Cow::Borrowed(text))
    }
}

/// The refusals that many commands share.
#[allow(missing_docs, reason = "the servers' own words")]
pub mod texts {
    use super::Refusal;

    pub const WRONGTYPE: Refusal =
        Refusal::new("WRONGTYPE Operation against a key holding the wrong kind of value");
    pub const SYNTAX: Refusal = Refusal::new("ERR syntax error");
    pub const NOT_INT: Refusal = Refusal::new("ERR value is not an integer or out of range");
    pub const NOT_FLOAT: Refusal = Refusal::new("ERR value is not a valid float");
    pub const NO_KEY: Refusal = Refusal::new("ERR no such key");
    pub const OUT_OF_RANGE: Refusal = Refusal::new("ERR index out of range");
}

/// Which protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proto {
    /// RESP2.
    Resp2,
    /// RESP3.
    Resp3,
    /// None: replies are not built.
    Discard,
}

/// Takes replies.
#[derive(Debug)]
pub struct Out {
    /// The bytes of the replies so far.
    pub buf: Vec<u8>,
    proto: Proto,
    score: DoubleText,
}

/// An array whose length is not known yet: see [`Out::defer`].
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Deferred(usize);

impl Out {
    /// Replies in that protocol. `score` is how doubles are written.
    #[must_use]
    pub fn new(proto: Proto, score: DoubleText) -> Out {
        Out {
            buf: Vec::new(),
            proto,
            score,
        }
    }

    /// Replies that nobody reads.
    #[must_use]
    pub fn discard() -> Out {
        Out::new(Proto::Discard, DoubleText::Fpconv)
    }

    /// Whether replies are built. A command that would have to work for its reply alone asks first.
    #[must_use]
    #[inline]
    pub fn listens(&self) -> bool {
        self.proto != Proto::Discard
    }

    /// Whether RESP3 is spoken: what is answered differs in shape in a few places.
    #[must_use]
    pub fn resp3(&self) -> bool {
        self.proto == Proto::Resp3
    }

    /// How doubles are written.
    #[must_use]
    pub fn score_text(&self) -> DoubleText {
        self.score
    }

    fn line(&mut self, mark: u8, n: u64) {
        crate::resp::encode::head(mark, n, &mut self.buf);
    }

    /// `+OK`
    #[inline]
    pub fn ok(&mut self) {
        self.simple("OK");
    }

    /// A status.
    pub fn simple(&mut self, text: &str) {
        if self.listens() {
            self.buf.push(b'+');
            self.buf.extend_from_slice(text.as_bytes());
            self.buf.extend_from_slice(b"\r\n");
        }
    }

    /// An error: of a command, or as an element of EXEC's reply.
    pub fn error(&mut self, refusal: &Refusal) {
        if self.listens() {
            self.buf.push(b'-');
            // One line, whatever a client's argument brought into it; line ends at the end go.
            let line = refusal
                .0
                .trim_end_matches(['\r', '\n'])
                .bytes()
                .map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { b });
            self.buf.extend(line);
            self.buf.extend_from_slice(b"\r\n");
        }
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, n: i64) {
        if self.listens() {
            self.buf.push(b':');
            number::push_i64(n, &mut self.buf);
            self.buf.extend_from_slice(b"\r\n");
        }
    }

    /// A count.
    #[inline]
    pub fn count(&mut self, n: usize) {
        self.int(i64::try_from(n).unwrap_or(i64::MAX));
    }

    /// 1 or 0.
    #[inline]
    pub fn yes(&mut self, yes: bool) {
        self.int(i64::from(yes));
    }

    /// A bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        if self.listens() {
            crate::resp::encode::bulk(bytes, &mut self.buf);
        }
    }

    /// A bulk string out of a value.
    #[inline]
    pub fn str(&mut self, s: &Str<'_>) {
        if self.listens() {
            s.with(|bytes| crate::resp::encode::bulk(bytes.unwrap_or_default(), &mut self.buf));
        }
    }

    /// A bulk string, or a null.
    pub fn str_or_nil(&mut self, s: Option<&Str<'_>>) {
        match s {
            Some(s) => self.str(s),
            None => self.nil(),
        }
    }

    /// A null bulk string.
    pub fn nil(&mut self) {
        match self.proto {
            Proto::Resp2 => self.buf.extend_from_slice(b"$-1\r\n"),
            Proto::Resp3 => self.buf.extend_from_slice(b"_\r\n"),
            Proto::Discard => {}
        }
    }

    /// A null array.
    pub fn nil_array(&mut self) {
        match self.proto {
            Proto::Resp2 => self.buf.extend_from_slice(b"*-1\r\n"),
            Proto::Resp3 => self.buf.extend_from_slice(b"_\r\n"),
            Proto::Discard => {}
        }
    }

    /// An array of so many replies follows.
    pub fn array(&mut self, n: usize) {
        if self.listens() {
            self.line(b'*', n as u64);
        }
    }

    /// A map of so many pairs follows: a flat array in RESP2.
    pub fn map(&mut self, pairs: usize) {
        match self.proto {
            Proto::Resp2 => self.line(b'*', pairs as u64 * 2),
            Proto::Resp3 => self.line(b'%', pairs as u64),
            Proto::Discard => {}
        }
    }

    /// A set of so many replies follows: an array in RESP2.
    pub fn set(&mut self, n: usize) {
        match self.proto {
            Proto::Resp2 => self.line(b'*', n as u64),
            Proto::Resp3 => self.line(b'~', n as u64),
            Proto::Discard => {}
        }
    }

    /// A double, as scores are answered: a bulk string in RESP2.
    pub fn double(&mut self, d: f64) {
        if !self.listens() {
            return;
        }
        let mut text = Vec::with_capacity(32);
        number::format_reply(d, self.score, &mut text);
        self.double_text(&text);
    }

    /// A double whose text is at hand: a bulk string in RESP2.
    pub fn double_text(&mut self, text: &[u8]) {
        match self.proto {
            Proto::Resp3 => {
                self.buf.push(b',');
                self.buf.extend_from_slice(text);
                self.buf.extend_from_slice(b"\r\n");
            }
            Proto::Resp2 => self.bulk(text),
            Proto::Discard => {}
        }
    }

    /// The id of a stream's entry, as a bulk string.
    pub fn id(&mut self, id: StreamId) {
        if self.listens() {
            crate::resp::encode::bulk_id(id, &mut self.buf);
        }
    }

    /// An array whose length comes with [`Out::close`].
    pub fn defer(&mut self) -> Deferred {
        Deferred(self.buf.len())
    }

    /// Puts the array's head in front of what was answered since.
    pub fn close(&mut self, deferred: Deferred, n: usize) {
        self.close_as(b'*', deferred, n);
    }

    /// The same for a map of so many pairs.
    pub fn close_map(&mut self, deferred: Deferred, pairs: usize) {
        if self.resp3() {
            self.close_as(b'%', deferred, pairs);
        } else {
            self.close_as(b'*', deferred, pairs * 2);
        }
    }

    fn close_as(&mut self, mark: u8, deferred: Deferred, n: usize) {
        if !self.listens() {
            return;
        }
        let mut head = Vec::new();
        crate::resp::encode::head(mark, n as u64, &mut head);
        self.buf.splice(deferred.0..deferred.0, head);
    }
}
