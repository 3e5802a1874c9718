//! Byte strings as text: JSON strings, base64, hex, escapes.

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

/// Writes a byte string as a JSON value.
#[inline]
pub fn json(s: &Str<'_>, binary: Binary, out: &mut Out<'_, '_>) -> Result<()> {
    match s {
        Str::Bytes(b) => {
            json_bytes(b, binary, &mut out.buf);
            Ok(())
        }
        Str::Int(v) if matches!(binary, Binary::Auto | Binary::Escape) => {
            out.buf.push(b'"');
            crate::model::number::push_i64(*v, &mut out.buf);
            out.buf.push(b'"');
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
        Binary::Auto => {
            if !plain(b, out) {
                awkward(b, out);
            }
        }
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

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Marks (in the high bits) the bytes of a little-endian word that JSON or a terminal minds: controls, `"`, `\`, DEL.
/// The lowest mark is exact; those above it may be wrong.
#[inline(always)]
fn minded(w: u64) -> u64 {
    #[inline(always)]
    fn zeros(w: u64) -> u64 {
        w.wrapping_sub(ONES) & !w
    }
    (zeros(w ^ (ONES * 0x22))
        | zeros(w ^ (ONES * 0x5c))
        | zeros(w ^ (ONES * 0x7f))
        | (w.wrapping_sub(ONES * 0x20) & !w))
        & HIGHS
}

/// Whether a word holds nothing but printable ASCII without quote and backslash.
#[inline(always)]
fn plain_word(w: u64) -> bool {
    (minded(w) | (w & HIGHS)) == 0
}

/// Up to 16 bytes as one little-endian number, spaces behind.
#[inline(always)]
fn gather(b: &[u8]) -> u128 {
    const SPACES: u128 = 0x2020_2020_2020_2020_2020_2020_2020_2020;
    let n = b.len();
    // The same bytes may be read twice and meet themselves in the OR.
    let x = if let (Some(head), Some(tail)) = (b.first_chunk::<8>(), b.last_chunk::<8>()) {
        u128::from(u64::from_le_bytes(*head))
            | u128::from(u64::from_le_bytes(*tail)) << (8 * (n - 8))
    } else if let (Some(head), Some(tail)) = (b.first_chunk::<4>(), b.last_chunk::<4>()) {
        u128::from(u32::from_le_bytes(*head))
            | u128::from(u32::from_le_bytes(*tail)) << (8 * (n - 4))
    } else {
        match *b {
            [] => return SPACES,
            [x] => u128::from(x),
            [x, y] => u128::from(x) | u128::from(y) << 8,
            [x, y, z, ..] => u128::from(x) | u128::from(y) << 8 | u128::from(z) << 16,
        }
    };
    if n >= 16 { x } else { x | SPACES << (8 * n) }
}

/// Writes bytes that are plain between quotes; `false`, and nothing written, where they are not.
#[inline(always)]
fn plain(b: &[u8], out: &mut Vec<u8>) -> bool {
    let n = b.len();
    if n <= 16 {
        let x = gather(b);
        #[allow(clippy::cast_possible_truncation, reason = "the two halves")]
        let (low, high) = (x as u64, (x >> 64) as u64);
        if !(plain_word(low) & plain_word(high)) {
            return false;
        }
        // One store of fixed width costs less than a call with a short length.
        out.push(b'"');
        let start = out.len();
        out.extend_from_slice(&x.to_le_bytes());
        out.truncate(start + n);
        out.push(b'"');
        return true;
    }
    let (words, _) = b.as_chunks::<8>();
    let mut bad = 0;
    for w in words {
        let w = u64::from_le_bytes(*w);
        bad |= minded(w) | (w & HIGHS);
    }
    let last = b.last_chunk::<8>().map_or(0, |w| u64::from_le_bytes(*w));
    if (bad | minded(last) | (last & HIGHS)) != 0 {
        return false;
    }
    out.reserve(n + 2);
    out.push(b'"');
    out.extend_from_slice(b);
    out.push(b'"');
    true
}

#[inline(never)]
fn awkward(b: &[u8], out: &mut Vec<u8>) {
    match std::str::from_utf8(b) {
        Ok(text) => json_text(text, out),
        Err(_) => {
            out.extend_from_slice(b"{\"base64\":\"");
            base64(b, out);
            out.extend_from_slice(b"\"}");
        }
    }
}

/// Writes text as a JSON string. DEL and the C1 controls are escaped too: a terminal may obey them.
pub fn json_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let w = u64::from_le_bytes(*word);
        let c2 = w ^ (ONES * 0xc2);
        let marks = minded(w) | (c2.wrapping_sub(ONES) & !c2 & HIGHS);
        let start = out.len();
        out.extend_from_slice(word);
        if marks == 0 {
            rest = behind;
            continue;
        }
        let at = marks.trailing_zeros() as usize / 8;
        out.truncate(start + at);
        rest = escape(rest.get(at..).unwrap_or_default(), out);
    }
    while !rest.is_empty() {
        rest = escape(rest, out);
    }
    out.push(b'"');
}

/// Writes the first character, escaped where it must be (of other non-ASCII characters: their first byte); gives the rest.
#[inline(always)]
fn escape<'a>(b: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let (code, rest) = match b {
        [b'"', rest @ ..] => {
            out.extend_from_slice(b"\\\"");
            return rest;
        }
        [b'\\', rest @ ..] => {
            out.extend_from_slice(b"\\\\");
            return rest;
        }
        [b'\n', rest @ ..] => {
            out.extend_from_slice(b"\\n");
            return rest;
        }
        [b'\r', rest @ ..] => {
            out.extend_from_slice(b"\\r");
            return rest;
        }
        [b'\t', rest @ ..] => {
            out.extend_from_slice(b"\\t");
            return rest;
        }
        [0xc2, code @ 0x80..=0x9f, rest @ ..] | [code @ (0..=0x1f | 0x7f), rest @ ..] => {
            (*code, rest)
        }
        [other, rest @ ..] => {
            out.push(*other);
            return rest;
        }
        [] => return b,
    };
    out.extend_from_slice(b"\\u00");
    for half in [code >> 4, code & 15] {
        out.extend(HEX.get(usize::from(half)));
    }
    rest
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
            s.chunks(&mut |piece| {
                stream.push(piece, &mut out.buf);
                out.relieve()
            })?;
            stream.finish(&mut out.buf);
            out.buf.extend_from_slice(close);
        }
        Binary::Hex => {
            out.buf.push(b'"');
            s.chunks(&mut |piece| {
                hex(piece, &mut out.buf);
                out.relieve()
            })?;
            out.buf.push(b'"');
        }
        Binary::Escape => {
            // A character cut by a chunk border comes out as escaped bytes: for eyes it will do.
            out.buf.push(b'"');
            let mut text = Vec::new();
            s.chunks(&mut |piece| {
                text.clear();
                json_text(&crate::text::escaped(piece).to_string(), &mut text);
                let inner = text.get(1..text.len().saturating_sub(1));
                out.buf.extend_from_slice(inner.unwrap_or_default());
                out.relieve()
            })?;
            out.buf.push(b'"');
        }
    }
    Ok(())
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
    fn json_strings_read_back() {
        let mut samples: Vec<String> = (0..0x300u32)
            .filter_map(char::from_u32)
            .flat_map(|c| {
                [
                    format!("{c}"),
                    format!("abcdefg{c}"),
                    format!("abcdefgh{c}ij"),
                    format!("{c}{c}żółw"),
                ]
            })
            .collect();
        samples.push(String::new());
        for s in samples {
            let text = auto(s.as_bytes());
            assert_eq!(serde_json::from_str::<String>(&text).unwrap(), s, "{text}");
            assert!(text.chars().all(|c| !c.is_control()), "{text:?}");
        }
    }

    #[test]
    fn plain_means_nothing_to_escape() {
        for c in 0..=255u8 {
            for len in 1..40 {
                for at in 0..len {
                    let mut b = vec![b'a'; len];
                    b[at] = c;
                    let good = (0x20..0x7f).contains(&c) && c != b'"' && c != b'\\';
                    let mut out = Vec::new();
                    assert_eq!(plain(&b, &mut out), good, "{c:#x} at {at} of {len}");
                    let want = if good {
                        [b"\"", b.as_slice(), b"\""].concat()
                    } else {
                        Vec::new()
                    };
                    assert_eq!(out, want);
                }
            }
        }
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
