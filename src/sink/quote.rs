//! Strings and numbers between quotes, as JSON has them: what nearly all of a dump's time goes into.

use super::bytes::base64;
use crate::model::number;

/// A one in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The high bit of each.
const HIGHS: u64 = ONES << 7;

/// Writes a number between quotes.
// Apart from the others, so that few registers are to be saved; so is `auto`.
#[inline(never)]
pub(super) fn int(v: i64, out: &mut Vec<u8>) {
    if out.capacity() - out.len() < 16 {
        return int_with_room(v, out);
    }
    if let Some((digits, n)) = number::eight_digits(v) {
        enclosed(digits, 0, n, out);
    } else {
        long_int(v, out);
    }
}

/// Makes room and begins anew, so that the others need not keep what they have.
#[cold]
#[inline(never)]
fn int_with_room(v: i64, out: &mut Vec<u8>) {
    out.reserve(16);
    int(v, out);
}

#[inline(never)]
fn long_int(v: i64, out: &mut Vec<u8>) {
    out.push(b'"');
    number::push_i64(v, out);
    out.push(b'"');
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

/// Writes bytes as a JSON string, or as `{"base64":"…"}` where they are no UTF-8.
#[inline(never)]
pub(super) fn auto(b: &[u8], out: &mut Vec<u8>) {
    let n = b.len();
    if n > 14 {
        return text(b, false, out);
    }
    if out.capacity() - out.len() < 16 {
        return with_room(b, out);
    }
    let (low, high) = gather(b);
    let fill = SPACES.get(16 - n..).and_then(<[u8]>::first_chunk::<16>);
    let (fill_low, fill_high) = halves(u128::from_le_bytes(*fill.unwrap_or(&[0; 16])));
    if (odd(low | fill_low) | odd(high | fill_high)) & HIGHS != 0 {
        return text(b, false, out);
    }
    enclosed(low, high, n, out);
}

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

/// Has a high bit set unless the word holds nothing but printable ASCII without quote and backslash. Each sum and
/// difference sets the bit of the bytes that it looks for; wrongly it does so only behind such a byte, and for bytes from
/// 0x80 on, which are no ASCII.
#[inline(always)]
fn odd(w: u64) -> u64 {
    let quote = (w ^ (ONES * 0x22)).wrapping_sub(ONES);
    let backslash = (w ^ (ONES * 0x5c)).wrapping_sub(ONES);
    quote | backslash | unprintable(w)
}

/// The same with quote and backslash.
#[inline(always)]
fn unprintable(w: u64) -> u64 {
    w.wrapping_sub(ONES * 0x20) | w.wrapping_add(ONES) | w
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

#[cold]
#[inline(never)]
fn with_room(b: &[u8], out: &mut Vec<u8>) {
    out.reserve(16);
    auto(b, out);
}

/// Writes what is known to be UTF-8 as a JSON string.
pub(super) fn utf8(b: &[u8], out: &mut Vec<u8>) {
    text(b, true, out);
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

/// Writes bytes of any length as a JSON string. Where they are not known to be UTF-8, that is asked at the first that is
/// no ASCII.
#[inline(never)]
fn text(b: &[u8], mut known: bool, out: &mut Vec<u8>) {
    let start = out.len();
    out.reserve(b.len() + 32);
    out.push(b'"');
    let mut rest = b;
    loop {
        let n = rest.len();
        // The last ones stand before zeros, which are no text: they are made spaces, and cut off later.
        let (low, high, fill) = match (rest.first_chunk::<16>(), b.last_chunk::<16>()) {
            (Some(chunk), _) => {
                let (low, high) = halves(u128::from_le_bytes(*chunk));
                (low, high, 0)
            }
            (None, _) if n == 0 => break,
            (None, last) => {
                let (low, high) = match last {
                    Some(last) => halves(u128::from_le_bytes(*last) >> (8 * (16 - n))),
                    None => gather(rest),
                };
                let spaces = SPACES.get(16 - n..).and_then(<[u8]>::first_chunk::<16>);
                let (fill_low, fill_high) =
                    halves(u128::from_le_bytes(*spaces.unwrap_or(&[0; 16])));
                (low | fill_low, high | fill_high, 16 - n)
            }
        };
        if (odd(low) | odd(high)) & HIGHS == 0 {
            out.extend_from_slice(&low.to_le_bytes());
            out.extend_from_slice(&high.to_le_bytes());
        } else if (unprintable(low) | unprintable(high)) & HIGHS == 0 {
            slash(low, out);
            slash(high, out);
        } else {
            if !known && (low | high) & HIGHS != 0 {
                if std::str::from_utf8(rest).is_err() {
                    out.truncate(start);
                    return no_text(b, out);
                }
                known = true;
            }
            let hard_low = hard(low);
            if hard_low | hard(high) == 0 {
                slash(low, out);
                slash(high, out);
            } else if hard_low == 0 {
                slash(low, out);
                rest = rest.get(8..).unwrap_or_default();
                continue;
            } else {
                for _ in 0..=hard_low.trailing_zeros() / 8 {
                    rest = escape(rest, out);
                }
                continue;
            }
        }
        if fill > 0 {
            out.truncate(out.len() - fill);
            break;
        }
        rest = rest.get(16..).unwrap_or_default();
    }
    out.push(b'"');
}

#[inline(never)]
fn no_text(b: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"base64\":\"");
    base64(b, out);
    out.extend_from_slice(b"\"}");
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the two halves")]
fn halves(x: u128) -> (u64, u64) {
    (x as u64, (x >> 64) as u64)
}

/// Writes the eight bytes of a word, quotes and backslashes behind a backslash.
///
/// How many there are is not to be predicted, so each byte goes to its own place among backslashes: as far on as there
/// are marks up to it.
#[inline(always)]
fn slash(w: u64, out: &mut Vec<u8>) {
    let slashed = (zeros(w ^ (ONES * 0x22)) | zeros(w ^ (ONES * 0x5c))) >> 7;
    if slashed == 0 {
        out.extend_from_slice(&w.to_le_bytes());
        return;
    }
    let before = slashed.wrapping_mul(ONES);
    let places = before + 0x0706_0504_0302_0100;
    let start = out.len();
    out.extend_from_slice(&[b'\\'; 16]);
    if let Some(room) = out.get_mut(start..).and_then(|b| b.first_chunk_mut::<16>()) {
        for (byte, place) in w.to_le_bytes().into_iter().zip(places.to_le_bytes()) {
            if let Some(to) = room.get_mut(usize::from(place & 15)) {
                *to = byte;
            }
        }
    }
    out.truncate(start + 8 + (before >> 56) as usize);
}

/// Writes the first character, escaped where it must be (of other non-ASCII characters: their first byte); gives the rest.
#[inline]
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

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "made-up data")]
mod tests {
    use super::*;

    fn json(b: &[u8]) -> String {
        let mut out = Vec::new();
        auto(b, &mut out);
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
            let text = json(s.as_bytes());
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
                    auto(&b, &mut out);
                    let plain = [b"\"", b.as_slice(), b"\""].concat();
                    assert_eq!(out == plain, good, "{c:#x} at {at} of {len}");
                    let text = str::from_utf8(&out).unwrap();
                    let back: serde_json::Value = serde_json::from_str(text).unwrap();
                    assert_eq!(
                        back.as_str().map(str::as_bytes),
                        str::from_utf8(&b).ok().map(str::as_bytes)
                    );
                    assert_eq!(c >= 0x80, text.starts_with("{\"base64\":"));
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
                    let json = json(text.as_bytes());
                    assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
                    assert!(json.chars().all(|c| !c.is_control()), "{json:?}");
                }
            }
        }
    }

    /// What the fast ways write is what one gets character by character, wherever text stands that they leave to others.
    #[test]
    fn any_way_gives_the_same() {
        let mut x = 7u64;
        let alphabet = [
            "a",
            "b",
            " ",
            "\"",
            "\\",
            "\n",
            "\u{1}",
            "\u{7f}",
            "\u{85}",
            "£",
            "ł",
            "€",
            "😀",
            "0123456789abcdef",
        ];
        for round in 0..20_000u64 {
            let mut bytes = Vec::new();
            for _ in 0..round % 30 {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let one =
                    alphabet[(x >> 33) as usize % (4 + round as usize % 11).min(alphabet.len())];
                bytes.extend_from_slice(one.as_bytes());
            }
            let mut want = vec![b'"'];
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                rest = escape(rest, &mut want);
            }
            want.push(b'"');
            // Room or none in front of it.
            let mut out = Vec::with_capacity(round as usize % 40);
            auto(&bytes, &mut out);
            assert_eq!(out, want);
            let at = (x >> 7) as usize % (bytes.len() + 1);
            bytes.insert(at, 0xff);
            assert!(json(&bytes).starts_with("{\"base64\":"));
        }
    }

    #[test]
    fn numbers() {
        for v in [
            0,
            7,
            -1,
            99_999_999,
            100_000_000,
            -12_345_678,
            i64::MAX,
            i64::MIN,
        ] {
            let mut out = Vec::new();
            int(v, &mut out);
            assert_eq!(out, format!("\"{v}\"").into_bytes());
        }
    }
}
