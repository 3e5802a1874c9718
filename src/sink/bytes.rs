//! Byte strings as text: JSON strings, base64, hex, escapes.

use crate::error::Result;
use crate::model::number;
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
            auto(b, &mut out.buf);
            Ok(())
        }
        Str::Int(v) if matches!(binary, Binary::Auto | Binary::Escape) => {
            quoted_int(*v, &mut out.buf);
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

/// Writes a number between quotes.
// Apart from the others, so that few registers are to be saved; so is `auto`.
#[inline(never)]
fn quoted_int(v: i64, out: &mut Vec<u8>) {
    if let Some((digits, n)) = number::eight_digits(v) {
        enclosed(digits, 0, n, out);
    } else {
        out.push(b'"');
        number::push_i64(v, out);
        out.push(b'"');
    }
}

/// Writes the first `n` bytes, at most 14, of the little-endian words between quotes, by one store of fixed width; the
/// bytes behind must be zero.
#[inline(always)]
fn enclosed(low: u64, high: u64, n: usize, out: &mut Vec<u8>) {
    /// A quote with room before and behind.
    #[allow(clippy::indexing_slicing, reason = "evaluated while compiling")]
    const QUOTE: [u8; 31] = {
        let mut bytes = [0; 31];
        bytes[15] = b'"';
        bytes
    };
    let close = QUOTE.get(14 - n..).and_then(<[u8]>::first_chunk::<16>);
    let text = u128::from(low << 8 | 0x22) | u128::from(high << 8 | low >> 56) << 64;
    let text = text | u128::from_le_bytes(*close.unwrap_or(&[0; 16]));
    let start = out.len();
    out.extend_from_slice(&text.to_le_bytes());
    out.truncate(start + n + 2);
}

/// The same for bytes at hand.
#[inline]
pub fn json_bytes(b: &[u8], binary: Binary, out: &mut Vec<u8>) {
    match binary {
        Binary::Auto => auto(b, out),
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

#[inline(never)]
fn auto(b: &[u8], out: &mut Vec<u8>) {
    match plain(b, out) {
        Plain::Written => {}
        Plain::Ascii => utf8_text(b, out),
        Plain::Other => awkward(b, out),
    }
}

/// What came of a try at bytes that need no escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plain {
    /// They do not, and are written.
    Written,
    /// They are ASCII, but do.
    Ascii,
    /// They are something else.
    Other,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Has a high bit set unless the word holds nothing but printable ASCII without quote and backslash. Each sum and
/// difference sets the bit of the bytes that it looks for; wrongly it does so only behind such a byte, and for bytes from
/// 0x80 on, which are no ASCII.
#[inline(always)]
fn marks(w: u64) -> u64 {
    let quote = (w ^ (ONES * 0x22)).wrapping_sub(ONES);
    let backslash = (w ^ (ONES * 0x5c)).wrapping_sub(ONES);
    let (control, delete) = (w.wrapping_sub(ONES * 0x20), w.wrapping_add(ONES));
    quote | backslash | control | delete | w
}

/// What bytes are that need an escape, all of them in one word by OR.
#[inline(always)]
fn kind(all: u64) -> Plain {
    if all & HIGHS == 0 {
        Plain::Ascii
    } else {
        Plain::Other
    }
}

/// Up to 16 bytes as two little-endian words, zeros behind.
#[inline(always)]
fn gather(b: &[u8]) -> (u64, u64) {
    // The same bytes may be read twice and meet themselves in the OR.
    if let (Some(head), Some(tail)) = (b.first_chunk::<8>(), b.last_chunk::<8>()) {
        #[allow(clippy::cast_possible_truncation, reason = "at most 64")]
        let behind = (16 - b.len().min(16)) as u32 * 8;
        let tail = u64::from_le_bytes(*tail).unbounded_shr(behind);
        (u64::from_le_bytes(*head), tail)
    } else if let (Some(head), Some(tail)) = (b.first_chunk::<4>(), b.last_chunk::<4>()) {
        let (head, tail) = (u32::from_le_bytes(*head), u32::from_le_bytes(*tail));
        (u64::from(head) | u64::from(tail) << (8 * (b.len() - 4)), 0)
    } else {
        let x = match *b {
            [] => 0,
            [x] => u64::from(x),
            [x, y] => u64::from(x) | u64::from(y) << 8,
            [x, y, z, ..] => u64::from(x) | u64::from(y) << 8 | u64::from(z) << 16,
        };
        (x, 0)
    }
}

/// Writes bytes that need no escape between quotes.
#[inline(always)]
fn plain(b: &[u8], out: &mut Vec<u8>) -> Plain {
    /// Zeros, then spaces: from 16 - n on, what makes n bytes a plain word.
    #[allow(clippy::indexing_slicing, reason = "evaluated while compiling")]
    const SPACES: [u8; 32] = {
        let mut bytes = [0; 32];
        let mut i = 16;
        while i < 32 {
            bytes[i] = b' ';
            i += 1;
        }
        bytes
    };
    let n = b.len();
    if n <= 14 {
        let (low, high) = gather(b);
        let fill = SPACES.get(16 - n..).and_then(<[u8]>::first_chunk::<16>);
        let fill = u128::from_le_bytes(*fill.unwrap_or(&[0; 16]));
        #[allow(clippy::cast_possible_truncation, reason = "the two halves")]
        let (fill_low, fill_high) = (fill as u64, (fill >> 64) as u64);
        if (marks(low | fill_low) | marks(high | fill_high)) & HIGHS != 0 {
            return kind(low | high);
        }
        enclosed(low, high, n, out);
        return Plain::Written;
    }
    let (words, _) = b.as_chunks::<8>();
    let last = b.last_chunk::<8>().map_or(0, |w| u64::from_le_bytes(*w));
    let (mut bad, mut all) = (marks(last), last);
    for w in words {
        let w = u64::from_le_bytes(*w);
        bad |= marks(w);
        all |= w;
    }
    if bad & HIGHS != 0 {
        return kind(all);
    }
    out.reserve(n + 2);
    out.push(b'"');
    out.extend_from_slice(b);
    out.push(b'"');
    Plain::Written
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
    utf8_text(text.as_bytes(), out);
}

/// The same for bytes that are known to be UTF-8.
fn utf8_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let w = u64::from_le_bytes(*word);
        let hard = hard(w);
        if hard == 0 {
            slash(w, out);
            rest = behind;
        } else {
            let at = (hard | slashed(w)).trailing_zeros() as usize / 8;
            let start = out.len();
            out.extend_from_slice(word);
            out.truncate(start + at);
            rest = escape(rest.get(at..).unwrap_or_default(), out);
        }
    }
    while !rest.is_empty() {
        rest = escape(rest, out);
    }
    out.push(b'"');
}

/// Marks the bytes that are zero.
#[inline(always)]
fn zeros(w: u64) -> u64 {
    !(((w & !HIGHS) + !HIGHS) | w | !HIGHS)
}

/// Marks controls, DEL, and what may begin a C1 control.
#[inline(always)]
fn hard(w: u64) -> u64 {
    zeros(w & (ONES * 0xe0)) | zeros(w ^ (ONES * 0x7f)) | zeros(w ^ (ONES * 0xc2))
}

/// Marks `"` and `\`.
#[inline(always)]
fn slashed(w: u64) -> u64 {
    zeros(w ^ (ONES * 0x22)) | zeros(w ^ (ONES * 0x5c))
}

/// Writes a word in which nothing but `"` and `\` needs an escape: as it is, then once more from each mark on, one byte
/// further.
#[inline(always)]
fn slash(mut w: u64, out: &mut Vec<u8>) {
    let mut marks = slashed(w);
    let mut at = out.len();
    let mut left = 8;
    // Eight bytes and eight backslashes at most, and what the last store writes behind them.
    out.extend_from_slice(&[0; 24]);
    loop {
        if let Some(to) = out.get_mut(at..).and_then(|b| b.first_chunk_mut::<8>()) {
            *to = w.to_le_bytes();
        }
        if marks == 0 {
            break;
        }
        let bits = marks.trailing_zeros() & 56;
        let before = bits as usize / 8;
        if let Some(to) = out.get_mut(at + before) {
            *to = b'\\';
        }
        at += before + 1;
        left -= before;
        w >>= bits;
        // The mark itself goes, with what is left before it.
        marks = marks >> bits & !0xff;
    }
    out.truncate(at + left);
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
                    assert_eq!(
                        plain(&b, &mut out) == Plain::Written,
                        good,
                        "{c:#x} at {at} of {len}"
                    );
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

    /// Marks at every place of a word, alone and together, next to text that is no ASCII.
    #[test]
    fn escapes_stand_where_they_belong() {
        for set in 0..=255u32 {
            for (mark, other) in [
                ('"', 'a'),
                ('\\', '"'),
                ('"', 'ł'),
                ('\n', '"'),
                ('\u{85}', 'a'),
            ] {
                let text: String = (0..16)
                    .map(|i| if set >> (i % 8) & 1 == 1 { mark } else { other })
                    .collect();
                for text in [&text[..], text.get(4..).unwrap_or("")] {
                    let json = auto(text.as_bytes());
                    assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
                    assert!(json.chars().all(|c| !c.is_control()), "{json:?}");
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
