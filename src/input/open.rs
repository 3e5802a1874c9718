//! Opening what a user names: a file or standard input, compressed or not, known by its content and never by its name.

use super::bytes::ReadAt;
use crate::error::{Error, Result};
use crate::limits::Sizes;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a stream of bytes is, by its first ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// An RDB file, or an AOF with an RDB preamble.
    Rdb,
    /// Commands: a plain AOF, or what is piped into a server.
    Commands,
    /// A manifest of a multi-part AOF.
    Manifest,
    /// JSON Lines that redisk wrote.
    Jsonl,
    /// Nothing at all: to a server an empty AOF.
    Empty,
    /// None of these.
    Unknown,
}

impl Content {
    /// Judges by the first bytes of the (expanded) stream.
    #[must_use]
    pub fn of(head: &[u8]) -> Content {
        match head {
            [] => Content::Empty,
            [b'*', ..] => Content::Commands,
            [b'{', b'"', ..] => Content::Jsonl,
            [b'[', rest @ ..] if matches!(rest.trim_ascii_start(), [] | [b']' | b'{', ..]) => {
                Content::Jsonl
            }
            [b'#', ..] => {
                // A comment opens a manifest or an AOF; what follows it decides.
                let mut lines = head.split(|b| *b == b'\n').filter(|l| !l.starts_with(b"#"));
                match (lines.next(), lines.next()) {
                    (Some(line), _) if line.starts_with(b"file") => Content::Manifest,
                    (Some([b'*', ..]), _) | (Some([]) | None, None) => Content::Commands,
                    _ => Content::Unknown,
                }
            }
            _ if head.starts_with(b"file ") => Content::Manifest,
            _ if head.starts_with(b"REDIS") || head.starts_with(b"VALKEY") => Content::Rdb,
            _ if head.len() < 6 && (b"REDIS".starts_with(head) || b"VALKEY".starts_with(head)) => {
                Content::Rdb
            }
            _ => Content::Unknown,
        }
    }
}

/// An open stream.
pub struct Input {
    /// The name the user gave; `-` for standard input.
    pub name: String,
    /// Where it can be opened again, if it is a regular file.
    pub path: Option<PathBuf>,
    /// The bytes, expanded, from the first one on.
    pub stream: Box<dyn Read + Send>,
    /// The same bytes by range, where they are an ordinary file that is not compressed.
    pub file: Option<Arc<dyn ReadAt + Send + Sync>>,
    /// Size in bytes as they are read from outside (compressed, where they are), if that is known.
    pub size: Option<u64>,
    /// What was undone: `gzip` and the like, outermost first.
    pub codecs: Vec<&'static str>,
    /// The first bytes, expanded.
    pub head: Vec<u8>,
    /// How it is to be read.
    pub sizes: Sizes,
}

/// How many bytes are looked at to know what it is.
const HEAD: usize = 4096;
/// Envelopes that are undone, one inside the other.
const NESTING: usize = 2;

impl Input {
    /// Opens a path, or standard input for `-`.
    pub fn open(path: &Path) -> Result<Input> {
        let name = path.to_string_lossy().into_owned();
        let file = if path.as_os_str() == "-" {
            None
        } else {
            let file = File::open(path).map_err(|e| Error::from_io(e, "open").in_file(&name))?;
            let meta = file
                .metadata()
                .map_err(|e| Error::from_io(e, "open").in_file(&name))?;
            if meta.is_dir() {
                return Err(Error::usage("is a directory").in_file(&name));
            }
            Some((Arc::new(file), meta))
        };
        match file {
            Some((file, meta)) => {
                let regular = meta.is_file();
                let by_range = regular.then(|| file.clone() as Arc<dyn ReadAt + Send + Sync>);
                let size = regular.then_some(meta.len());
                Input::of(&name, Box::new(FileStream(file)), by_range, size).map(|mut input| {
                    input.path = regular.then(|| path.to_owned());
                    input
                })
            }
            None => Input::of(&name, Box::new(std::io::stdin()), None, None),
        }
        .map_err(|e| e.in_file(&name))
    }

    /// Any stream.
    pub fn of(
        name: &str,
        mut stream: Box<dyn Read + Send>,
        mut file: Option<Arc<dyn ReadAt + Send + Sync>>,
        size: Option<u64>,
    ) -> Result<Input> {
        let mut codecs = Vec::new();
        let mut head = peek(&mut stream)?;
        while let Some(codec) = super::codec::detect(&head) {
            if codecs.len() == NESTING {
                return Err(Error::limit(format!(
                    "more than {NESTING} compressed layers"
                )));
            }
            codecs.push(codec.name());
            file = None;
            stream = super::codec::decoder(codec, stream)?;
            head = peek(&mut stream)?;
        }
        Ok(Input {
            name: name.to_owned(),
            path: None,
            stream,
            file,
            size,
            codecs,
            head,
            sizes: Sizes::default(),
        })
    }

    /// What it is.
    #[must_use]
    pub fn content(&self) -> Content {
        Content::of(&self.head)
    }
}

/// Reads the first bytes and puts them back in front. What cannot be read behind them will be told behind them.
fn peek(stream: &mut Box<dyn Read + Send>) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    let inner = std::mem::replace(stream, Box::new(std::io::empty()));
    let mut limited = inner.take(HEAD as u64);
    let read = limited.read_to_end(&mut head);
    let front = Cursor::new(head.clone());
    *stream = match read {
        Ok(_) => Box::new(front.chain(limited.into_inner())),
        Err(e) if head.is_empty() => return Err(Error::from_io(e, "read")),
        Err(e) => Box::new(front.chain(Broken(Some(e)))),
    };
    Ok(head)
}

/// Gives an error, and then nothing.
struct Broken(Option<std::io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Reads a file through its own position, while others read it by range.
struct FileStream(Arc<File>);

impl Read for FileStream {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        (&*self.0).read(buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_by_content() {
        for (head, content) in [
            (&b""[..], Content::Empty),
            (b"REDIS0011\xfa", Content::Rdb),
            (b"VALKEY080", Content::Rdb),
            (b"REDI", Content::Rdb),
            (b"*2\r\n$6\r\nSELECT\r\n", Content::Commands),
            (b"#TS:1\r\n*1\r\n", Content::Commands),
            (b"#TS:1\r\n", Content::Commands),
            (b"#TS:1", Content::Commands),
            (b"# comment\nfile a seq 1 type b\n", Content::Manifest),
            (b"#!/bin/sh\necho\n", Content::Unknown),
            (b"# Title\n\nText\n", Content::Unknown),
            (
                b"file appendonly.aof.1.base.rdb seq 1 type b\n",
                Content::Manifest,
            ),
            (b"{\"db\":0}", Content::Jsonl),
            (b"[\n{\"db\":0}", Content::Jsonl),
            (b"[\n]\n", Content::Jsonl),
            (b"[package]\n", Content::Unknown),
            (b"{ a c++ program }", Content::Unknown),
            (b"\0\0\0", Content::Unknown),
            (b"PK\x03\x04", Content::Unknown),
        ] {
            assert_eq!(Content::of(head), content, "{head:?}");
        }
    }
}
