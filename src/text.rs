//! Bytes for eyes: keys and file names must not be able to paint a user's terminal.

use std::fmt;

/// Bytes as text: control characters, ESC, DEL, C1 controls, bidirectional overrides, the backslash and invalid UTF-8
/// come out as escapes.
///
/// ```
/// assert_eq!(redisk::text::escaped(b"a\x1b[0m\n\xff").to_string(), r"a\x1b[0m\n\xff");
/// ```
#[must_use]
pub fn escaped(bytes: &[u8]) -> Escaped<'_> {
    Escaped {
        bytes,
        quote: false,
    }
}

/// The same between double quotes, with `"` escaped too.
#[must_use]
pub fn quoted(bytes: &[u8]) -> Escaped<'_> {
    Escaped { bytes, quote: true }
}

/// Appends what [`escaped`] gives, at once where there is nothing to escape.
pub fn push_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes
        .iter()
        .all(|b| (0x20..0x7f).contains(b) && *b != b'\\')
    {
        out.extend_from_slice(bytes);
    } else {
        out.extend_from_slice(escaped(bytes).to_string().as_bytes());
    }
}

/// See [`escaped`] and [`quoted`].
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a> {
    bytes: &'a [u8],
    quote: bool,
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        if self.quote {
            f.write_char('"')?;
        }
        for chunk in self.bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\n' => f.write_str("\\n")?,
                    '\r' => f.write_str("\\r")?,
                    '\t' => f.write_str("\\t")?,
                    '\\' => f.write_str("\\\\")?,
                    '"' if self.quote => f.write_str("\\\"")?,
                    c if c.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(c))?,
                    c if c.is_control() || is_invisible(c) => {
                        let mut utf8 = [0; 4];
                        for b in c.encode_utf8(&mut utf8).bytes() {
                            write!(f, "\\x{b:02x}")?;
                        }
                    }
                    c => f.write_char(c)?,
                }
            }
            for b in chunk.invalid() {
                write!(f, "\\x{b:02x}")?;
            }
        }
        if self.quote {
            f.write_char('"')?;
        }
        Ok(())
    }
}

/// Reads back what [`escaped`] wrote; `None` where a backslash begins no escape.
///
/// ```
/// assert_eq!(redisk::text::unescaped(br"a\x1b\n").as_deref(), Some(&b"a\x1b\n"[..]));
/// ```
#[must_use]
pub fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: &u8| {
        char::from(*b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let (byte, after) = match after {
            [b'n', after @ ..] => (b'\n', after),
            [b'r', after @ ..] => (b'\r', after),
            [b't', after @ ..] => (b'\t', after),
            [c @ (b'\\' | b'"'), after @ ..] => (*c, after),
            [b'x', high, low, after @ ..] => (digit(high)? << 4 | digit(low)?, after),
            _ => return None,
        };
        out.push(byte);
        rest = after;
    }
    Some(out)
}

/// Characters that reorder or hide what stands around them on a terminal.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_unescaped() {
        for b in 0..=255u8 {
            let shown = escaped(&[b]).to_string();
            assert!(
                shown.chars().all(|c| !c.is_control()),
                "{b:#x} gives {shown:?}"
            );
        }
        assert_eq!(escaped("\u{9b}1m".as_bytes()).to_string(), "\\xc2\\x9b1m");
        assert_eq!(
            escaped("\u{202e}x".as_bytes()).to_string(),
            "\\xe2\\x80\\xaex"
        );
        assert_eq!(escaped("Łódź".as_bytes()).to_string(), "Łódź");
        assert_eq!(quoted(b"a\"b\\").to_string(), "\"a\\\"b\\\\\"");
    }

    #[test]
    fn escapes_read_back() {
        let all: Vec<u8> = (0..=255).collect();
        for text in [&all[..], "Łódź\u{202e}\u{9b}".as_bytes(), b"", br"\x"] {
            assert_eq!(
                unescaped(escaped(text).to_string().as_bytes()).unwrap(),
                text
            );
        }
        for bad in [r"\", r"\x", r"\x1", r"\xg0", r"\q"] {
            assert_eq!(unescaped(bad.as_bytes()), None, "{bad}");
        }
    }
}
