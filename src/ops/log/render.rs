//! Commands as text for eyes, and as JSON Lines.
//!
//! ```text
//! appendonly.aof.1.incr.aof:0x17 db 0 2023-11-14T22:13:20Z SET user:1 "two words"
//! {"file":"appendonly.aof.1.incr.aof","offset":23,"db":0,"time":1700000000,"multi":false,"argv":["SET","user:1","two words"]}
//! ```

use super::event::{Event, Words, write};
use crate::error::Result;
use crate::input::bytes::Far;
use crate::limits::GIANT;
use crate::model::commands::keys::Argv;
use crate::model::number::push_i64;
use crate::model::units::format_time_ms;
use crate::sink::bytes::{Base64Stream, Binary, hex, json_bytes, json_text};
use crate::text::{escaped, quoted};
use std::io::Write;

/// How commands are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For eyes.
    Text,
    /// An object a line.
    Json(Binary),
}

/// Words and bytes of a command that text shows; JSON has all.
const WORDS: usize = 64;
const BYTES: usize = 200;

/// Writes commands of one file.
#[derive(Debug, Clone)]
pub(super) struct Render {
    form: Form,
    /// What every line begins with.
    head: Vec<u8>,
    /// The last time in text form.
    time: Option<(i64, String)>,
}

impl Render {
    /// For the file with that name.
    #[must_use]
    pub(super) fn new(form: Form, file: &str) -> Render {
        let mut head = Vec::new();
        match form {
            Form::Text => {
                head.extend_from_slice(escaped(file.as_bytes()).to_string().as_bytes());
                head.extend_from_slice(b":0x");
            }
            Form::Json(_) => {
                head.extend_from_slice(b"{\"file\":");
                json_text(file, &mut head);
                head.extend_from_slice(b",\"offset\":");
            }
        }
        Render {
            form,
            head,
            time: None,
        }
    }

    /// Appends the line of a command that came in a block.
    #[inline]
    pub(super) fn line(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        self.head(event, out);
        let Words::Args(args) = event.words else {
            return;
        };
        match self.form {
            Form::Json(binary) => {
                for (i, arg) in args.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    json_bytes(arg, binary, out);
                }
            }
            Form::Text => {
                for arg in args.iter().take(WORDS) {
                    out.push(b' ');
                    let start = arg.get(..BYTES).unwrap_or(arg);
                    word(start, arg.len() as u64, out);
                }
            }
        }
        self.foot(event, out);
    }

    /// Writes the line of any command.
    ///
    /// # Errors
    /// What writing gives, and reading a big command's words.
    pub(super) fn write(&mut self, event: &Event<'_>, sink: &mut dyn Write) -> Result<()> {
        let mut out = Vec::new();
        let held = match event.words {
            Words::Args(_) => {
                self.line(event, &mut out);
                return write(sink, &out);
            }
            Words::Held(held) => held,
        };
        self.head(event, &mut out);
        held.each(|index, len, far| {
            match self.form {
                Form::Json(binary) => {
                    if index > 0 {
                        out.push(b',');
                    }
                    big_json(len, far, binary, &mut out, sink)?;
                }
                Form::Text if (index as usize) < WORDS => {
                    out.push(b' ');
                    let mut start = Vec::new();
                    far.chunks(len.min(BYTES as u64), &mut |piece| {
                        start.extend_from_slice(piece);
                        Ok(())
                    })?;
                    word(&start, len, &mut out);
                }
                Form::Text => {}
            }
            relieve(&mut out, sink)
        })?;
        self.foot(event, &mut out);
        write(sink, &out)
    }

    #[inline]
    fn head(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        match self.form {
            Form::Json(_) => {
                push_u64(event.at, out);
                out.extend_from_slice(b",\"db\":");
                push_u64(u64::from(event.db), out);
                out.extend_from_slice(b",\"time\":");
                match event.time {
                    Some(time) => push_i64(time, out),
                    None => out.extend_from_slice(b"null"),
                }
                out.extend_from_slice(if event.multi {
                    b",\"multi\":true,\"argv\":["
                } else {
                    b",\"multi\":false,\"argv\":["
                });
            }
            Form::Text => {
                out.extend_from_slice(format!("{:x} db {}", event.at, event.db).as_bytes());
                if let Some(time) = event.time {
                    if self.time.as_ref().is_none_or(|(last, _)| *last != time) {
                        self.time = Some((time, format_time_ms(time.saturating_mul(1000))));
                    }
                    if let Some((_, text)) = &self.time {
                        out.push(b' ');
                        out.extend_from_slice(text.as_bytes());
                    }
                }
                if event.multi {
                    out.extend_from_slice(b" |");
                }
            }
        }
    }

    #[inline]
    fn foot(&self, event: &Event<'_>, out: &mut Vec<u8>) {
        match self.form {
            Form::Json(_) => out.extend_from_slice(b"]}\n"),
            Form::Text => {
                let more = event.argc().saturating_sub(WORDS);
                if more > 0 {
                    out.extend_from_slice(format!(" … ({more} more)").as_bytes());
                }
                out.push(b'\n');
            }
        }
    }
}

/// A word for eyes: quoted where it has to be.
fn word(start: &[u8], len: u64, out: &mut Vec<u8>) {
    let plain = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'\'');
    if !start.is_empty() && start.iter().all(plain) {
        out.extend_from_slice(start);
    } else {
        out.extend_from_slice(quoted(start).to_string().as_bytes());
    }
    if (start.len() as u64) < len {
        out.extend_from_slice(format!("… ({len} bytes)").as_bytes());
    }
}

#[inline]
fn push_u64(n: u64, out: &mut Vec<u8>) {
    match i64::try_from(n) {
        Ok(n) => push_i64(n, out),
        Err(_) => out.extend_from_slice(n.to_string().as_bytes()),
    }
}

fn relieve(out: &mut Vec<u8>, sink: &mut dyn Write) -> Result<()> {
    if out.len() >= GIANT {
        write(sink, out)?;
        out.clear();
    }
    Ok(())
}

/// A word of a big command as JSON: in one piece up to a MiB, streamed above, as dumps do.
fn big_json(
    len: u64,
    far: Far<'_>,
    binary: Binary,
    out: &mut Vec<u8>,
    sink: &mut dyn Write,
) -> Result<()> {
    if len <= GIANT as u64 {
        let mut whole = Vec::new();
        far.chunks(len, &mut |piece| {
            whole.extend_from_slice(piece);
            Ok(())
        })?;
        json_bytes(&whole, binary, out);
        return Ok(());
    }
    let close: &[u8] = match binary {
        Binary::Auto => {
            out.extend_from_slice(b"{\"base64\":\"");
            b"\"}"
        }
        _ => {
            out.push(b'"');
            b"\""
        }
    };
    let mut stream = Base64Stream::default();
    far.chunks(len, &mut |piece| {
        match binary {
            Binary::Auto | Binary::Base64 => stream.push(piece, out),
            Binary::Hex => hex(piece, out),
            Binary::Escape => {
                let mut text = Vec::new();
                json_text(&escaped(piece).to_string(), &mut text);
                let inner = text.get(1..text.len().saturating_sub(1));
                out.extend_from_slice(inner.unwrap_or_default());
            }
        }
        relieve(out, sink)
    })?;
    stream.finish(out);
    out.extend_from_slice(close);
    Ok(())
}
