//! Text for people and scripts: how keys are written and read, colours, small JSON objects.

use super::Context;
use crate::error::{Error, Place, Result};
use crate::sink::bytes::{self, Binary};
use crate::text;
use clap::ValueEnum;
use serde_json::Value;
use std::ffi::OsStr;
use std::io::IsTerminal;

/// How keys are written (`--key-format`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum KeyFormat {
    /// Text, with what is none as `\xHH`.
    Escape,
    /// Two hex digits a byte.
    Hex,
    /// Base64.
    Base64,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

pub(super) const RED: &str = "\x1b[1;31m";
pub(super) const GREEN: &str = "\x1b[1;32m";
pub(super) const YELLOW: &str = "\x1b[1;33m";
pub(super) const BOLD: &str = "\x1b[1m";

/// Puts colours on, or not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(bool);

impl Paint {
    /// The text in that colour.
    pub(super) fn with(self, colour: &str, text: &str) -> String {
        if self.0 {
            format!("{colour}{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

impl Context {
    /// Colours as they suit that stream.
    pub(super) fn paint(&self, stream: &impl IsTerminal) -> Paint {
        Paint(match self.global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let set = |name| {
                    std::env::var_os(name).is_some_and(|v: std::ffi::OsString| !v.is_empty())
                };
                stream.is_terminal()
                    && !set("NO_COLOR")
                    && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
            }
        })
    }
}

/// A key that stands on the command line: exact bytes, or in the form that was asked for.
pub(super) fn key_arg(arg: &OsStr, format: Option<KeyFormat>) -> Result<Vec<u8>> {
    let raw = arg.as_encoded_bytes();
    let Some(format) = format else {
        return Ok(raw.to_vec());
    };
    let (key, what) = match format {
        KeyFormat::Escape => (text::unescaped(raw), "escaped text"),
        KeyFormat::Hex => (bytes::from_hex(raw), "hex"),
        KeyFormat::Base64 => (bytes::from_base64(raw), "base64"),
    };
    key.ok_or_else(|| Error::usage(format!("the key {} is not {what}", text::quoted(raw))))
}

/// Text that was put together elsewhere, without what a terminal would obey. Nothing else changes.
pub(super) fn safe(message: &str) -> String {
    if message
        .chars()
        .any(|c| c.is_control() || text::is_invisible(c))
    {
        text::escaped(message.as_bytes()).to_string()
    } else {
        message.to_owned()
    }
}

/// The same, line by line.
pub(super) fn safe_lines(text: &str) -> String {
    text.lines().map(|line| safe(line) + "\n").collect()
}

/// A key as JSON.
pub(super) fn key_json(key: &[u8], format: Option<KeyFormat>) -> Value {
    let mut out = Vec::new();
    match format {
        None => bytes::json_bytes(key, Binary::Auto, &mut out),
        Some(KeyFormat::Escape) => bytes::json_bytes(key, Binary::Escape, &mut out),
        Some(KeyFormat::Hex) => bytes::json_bytes(key, Binary::Hex, &mut out),
        Some(KeyFormat::Base64) => bytes::json_bytes(key, Binary::Base64, &mut out),
    }
    serde_json::from_slice(&out).unwrap_or_default()
}

/// The fields of an object, in order.
pub(super) type Fields = Vec<(String, Value)>;

/// File, offset, db, key and path of a place; what is not known is null.
pub(super) fn place_json(place: &Place, format: Option<KeyFormat>) -> Fields {
    let key = place
        .key
        .as_deref()
        .map_or(Value::Null, |key| key_json(key, format));
    vec![
        ("file".to_owned(), place.file.clone().into()),
        ("offset".to_owned(), place.offset.into()),
        ("db".to_owned(), place.db.into()),
        ("key".to_owned(), key),
        ("path".to_owned(), place.path.clone().into()),
    ]
}

/// An object with its fields in order, on one line.
pub(super) fn object(fields: Fields) -> String {
    let fields: Vec<String> = fields
        .into_iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(name)))
        .collect();
    // JSON itself lets DEL, the C1 controls and direction marks stand; they occur in strings alone.
    let mut text = String::new();
    for c in format!("{{{}}}", fields.join(",")).chars() {
        if c.is_control() || text::is_invisible(c) {
            text += &format!("\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}
