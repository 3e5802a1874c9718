//! Byte strings as text: JSON strings, base64, hex, escapes.

use super::quote;
use crate::error::Result;
use crate::packed::string::Str;
use crate::pipe::Out;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How byte strings are written (`--binary`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Binary {
    /// Valid UTF-8 as a JSON string; anything else, and anything over 1 MiB, as `{"base64":"…"}`.
    #[default]
    Auto,
    /// Every byte string as a base64 string.
    Base64,
    /// A JSON string in which bytes that are no printable text are `\xHH`: for eyes.
    Escape,
    /// Every byte string as a hex string: for eyes.
    Hex,
}

impl Binary {
    /// All of them.
    pub const ALL: [Binary; 4] = [Binary::Auto, Binary::Base64, Binary::Escape, Binary::Hex];

    /// Its name, as `--binary` takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Binary::Auto => "auto",
            Binary::Base64 => "base64",
            Binary::Escape => "escape",
            Binary::Hex => "hex",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Binary> {
        Binary::ALL
            .into_iter()
            .find(|b| b.name().as_bytes() == name)
    }
}

/// Writes a byte string as a JSON value.
#[inline(always)]
pub fn json(s: &Str<'_>, binary: Binary, out: &mut Out<'_, '_>) -> Result<()> {
    match s {
        Str::Bytes(b) if binary == Binary::Auto => {
            quote::auto(b, &mut out.buf);
            Ok(())
        }
        Str::Int(v) if matches!(binary, Binary::Auto | Binary::Escape) => {
            quote::int(*v, &mut out.buf);
            Ok(())
        }
        Str::Bytes(b) => {
            json_bytes(b, binary, &mut out.buf);
            Ok(())
        }
        Str::Int(_) => {
            s.with(|b| json_bytes(b.unwrap_or_default(), binary, &mut out.buf));
            Ok(())
        }
        Str::Giant(_) => giant(s, binary, out),
    }
}

/// The same for bytes at hand.
#[inline]
pub fn json_bytes(b: &[u8], binary: Binary, out: &mut Vec<u8>) {
    match binary {
        Binary::Auto => quote::auto(b, out),
        Binary::Base64 => {
            out.push(b'"');
            base64(b, out);
            out.push(b'"');
        }
        Binary::Escape => {
            let text = crate::text::escaped(b).to_string();
            json_text(&text, out);
        }
        Binary::Hex => {
            out.push(b'"');
            hex(b, out);
            out.push(b'"');
        }
    }
}

/// Writes text as a JSON string. DEL and the C1 controls are escaped too: a terminal may obey them.
pub fn json_text(text: &str, out: &mut Vec<u8>) {
    quote::utf8(text.as_bytes(), out);
}

/// Appends base64.
pub fn base64(b: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + b.len().div_ceil(3) * 4, 0);
    let room = out.get_mut(start..).unwrap_or_default();
    // The room is exact, so this cannot fail.
    let written = STANDARD.encode_slice(b, room).unwrap_or(0);
    out.truncate(start + written);
}

/// Appends lower-case hex.
pub fn hex(b: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for c in b {
        out.extend(HEX.get(usize::from(c >> 4)));
        out.extend(HEX.get(usize::from(c & 15)));
    }
}

/// Reads hex of either case; `None` where it is none.
#[must_use]
pub fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?))
        .collect()
}

/// Reads base64 with its padding; `None` where it is none.
#[must_use]
pub fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Base64 of bytes that come in pieces.
#[derive(Default)]
pub struct Base64Stream {
    left: Vec<u8>,
}

impl Base64Stream {
    /// Appends what is complete.
    pub fn push(&mut self, mut piece: &[u8], out: &mut Vec<u8>) {
        if !self.left.is_empty() {
            let need = (3 - self.left.len()).min(piece.len());
            let (head, rest) = piece.split_at_checked(need).unwrap_or((piece, &[]));
            self.left.extend_from_slice(head);
            piece = rest;
            if self.left.len() < 3 {
                return;
            }
            base64(&self.left, out);
            self.left.clear();
        }
        let whole = piece.len() - piece.len() % 3;
        let (whole, rest) = piece.split_at_checked(whole).unwrap_or((piece, &[]));
        base64(whole, out);
        self.left.extend_from_slice(rest);
    }

    /// Appends the end.
    pub fn finish(self, out: &mut Vec<u8>) {
        base64(&self.left, out);
    }
}

/// Writes a giant string. Where it breaks off, what came before it is closed.
#[cold]
fn giant(s: &Str<'_>, binary: Binary, out: &mut Out<'_, '_>) -> Result<()> {
    match binary {
        Binary::Auto | Binary::Base64 => {
            let mut stream = Base64Stream::default();
            let (open, close): (&[u8], &[u8]) = if binary == Binary::Auto {
                (b"{\"base64\":\"", b"\"}")
            } else {
                (b"\"", b"\"")
            };
            out.buf.extend_from_slice(open);
            let done = s.chunks(&mut |piece| {
                stream.push(piece, &mut out.buf);
                out.relieve()
            });
            stream.finish(&mut out.buf);
            out.buf.extend_from_slice(close);
            done
        }
        Binary::Hex => {
            out.buf.push(b'"');
            let done = s.chunks(&mut |piece| {
                hex(piece, &mut out.buf);
                out.relieve()
            });
            out.buf.push(b'"');
            done
        }
        Binary::Escape => {
            // A character cut by a chunk border comes out as escaped bytes: for eyes it will do.
            out.buf.push(b'"');
            let mut text = Vec::new();
            let done = s.chunks(&mut |piece| {
                text.clear();
                json_text(&crate::text::escaped(piece).to_string(), &mut text);
                let inner = text.get(1..text.len().saturating_sub(1));
                out.buf.extend_from_slice(inner.unwrap_or_default());
                out.relieve()
            });
            out.buf.push(b'"');
            done
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(b: &[u8]) -> String {
        let mut out = Vec::new();
        json_bytes(b, Binary::Auto, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn bytes_that_are_no_text() {
        assert_eq!(auto(b"\xff\x00"), "{\"base64\":\"/wA=\"}");
        let mut stream = Base64Stream::default();
        let mut out = Vec::new();
        for piece in [&b"a"[..], b"", b"bc", b"defg", b"h"] {
            stream.push(piece, &mut out);
        }
        stream.finish(&mut out);
        assert_eq!(out, b"YWJjZGVmZ2g=");
    }
}
