//! Text for people: how keys are written and read, colours.

use super::Context;
use crate::error::{Error, Result};
use crate::sink::bytes;
use crate::text;
use clap::ValueEnum;
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

/// A file's name.
pub(super) fn name(name: &str) -> String {
    text::escaped(name.as_bytes()).to_string()
}

/// `1,234`.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 key`, `1,234 keys`.
pub(super) fn count(n: u64, one: &str, more: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { more })
}

/// A key for people, in the form that was asked for; without one, between quotes.
pub(super) fn key(key: &[u8], format: Option<KeyFormat>) -> String {
    let mut out = Vec::new();
    match format {
        None => return text::quoted(key).to_string(),
        Some(KeyFormat::Escape) => return text::escaped(key).to_string(),
        Some(KeyFormat::Hex) => bytes::hex(key, &mut out),
        Some(KeyFormat::Base64) => bytes::base64(key, &mut out),
    }
    String::from_utf8(out).unwrap_or_default()
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
