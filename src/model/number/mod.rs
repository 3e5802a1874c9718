//! Integers and doubles, exactly as servers parse and print them.
//!
//! A server decides by text whether a string is a number (`string2ll`), and prints scores in one of two ways: C's
//! `%.17g` up to Redis 7.0, and from Redis 7.2 and Valkey 7.2 on what its `fpconv_dtoa` makes: the digits of Grisu2
//! (F. Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with Integers", 2010) in a layout of its own.
//! Grisu2 always reads back as the same double, but for a few percent of long numbers it gives another last digit than
//! the nearest shortest text, or one digit too many. Equal bytes need the same algorithm, so it is here, with the same
//! choice of cached powers.
//!
//! | | `%.17g` | fpconv |
//! |---|---|---|
//! | 1.1 | `1.1000000000000001` | `1.1` |
//! | 10^8 | `100000000` | `1e+8` |
//! | 10^17 | `1e+17` | `1e+17` |
//! | 10^-5 | `1.0000000000000001e-05` | `0.00001` |
//! | 1912012242512328.75 | `1912012242512328.8` | `1912012242512328.7` |
//! | the smallest | `4.9406564584124654e-324` | `5e-324` |

mod decimal;
mod grisu;
mod strtod;

pub use strtod::{Strtod, strtod};

use grisu::grisu2;
use std::io::Write;

/// A canonical decimal integer, as `string2ll` accepts it: an optional `-`, no `+`, no leading zero, no space, no `-0`,
/// and within 64 bits.
///
/// ```
/// use redisk::model::number::parse_i64;
/// assert_eq!(parse_i64(b"-12"), Some(-12));
/// assert_eq!(parse_i64(b"012"), None);
/// ```
#[must_use]
pub fn parse_i64(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, bytes),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut value = 0u64;
    for &b in digits {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // 19 digits stay below 10^19, which fits.
        value = value * 10 + u64::from(digit);
    }
    if negative {
        0i64.checked_sub_unsigned(value)
    } else {
        i64::try_from(value).ok()
    }
}

/// "00" to "99".
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut n = 0u8;
    while n < 100 {
        #[allow(
            clippy::indexing_slicing,
            reason = "evaluated while compiling, where a bad index is a compile error"
        )]
        {
            pairs[n as usize] = [b'0' + n / 10, b'0' + n % 10];
        }
        n += 1;
    }
    pairs
};

/// The decimal text of `value`, in the end of `buf`.
///
/// ```
/// let mut buf = [0; 20];
/// assert_eq!(redisk::model::number::write_i64(i64::MIN, &mut buf), b"-9223372036854775808");
/// ```
pub fn write_i64(value: i64, buf: &mut [u8; 20]) -> &[u8] {
    let mut rest = value.unsigned_abs();
    let mut at = buf.len();
    // At most 19 digits and the sign: `at` cannot pass the front.
    while rest >= 10 {
        let pair = PAIRS
            .get((rest % 100) as usize)
            .copied()
            .unwrap_or_default();
        rest /= 100;
        at -= 2;
        if let Some(to) = buf.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *to = pair;
        }
    }
    let mut push = |b: u8| {
        at -= 1;
        if let Some(to) = buf.get_mut(at) {
            *to = b;
        }
    };
    #[allow(clippy::cast_possible_truncation, reason = "one digit")]
    if rest > 0 || value == 0 {
        push(b'0' + rest as u8);
    }
    if value < 0 {
        push(b'-');
    }
    buf.get(at..).unwrap_or_default()
}

/// Appends the decimal text of `value`.
#[inline]
pub fn push_i64(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    push_u64(value.unsigned_abs(), out);
}

/// Appends the decimal text of `value`.
#[inline]
pub fn push_u64(value: u64, out: &mut Vec<u8>) {
    if value < 100_000_000 {
        push_eight(value, 8, out);
    } else if value < 10_000_000_000_000_000 {
        push_eight(value / 100_000_000, 8, out);
        push_eight(value % 100_000_000, 0, out);
    } else {
        push_eight(value / 10_000_000_000_000_000, 8, out);
        push_eight(value / 100_000_000 % 100_000_000, 0, out);
        push_eight(value % 100_000_000, 0, out);
    }
}

/// Appends `hundredths` / 100 with the point and one or two digits behind it, as few as tell it; at least one.
#[inline]
pub fn push_hundredths(hundredths: u64, out: &mut Vec<u8>) {
    if hundredths >= 100_000_000 {
        push_u64(hundredths / 100, out);
        push_places(digits_of(hundredths % 100) >> 48, out);
        return;
    }
    let digits = digits_of(hundredths);
    let zeros = (digits.trailing_zeros() / 8).min(5);
    let text = (digits | 0x3030_3030_3030_3030) >> (8 * zeros);
    let start = out.len();
    out.extend_from_slice(&text.to_le_bytes());
    out.truncate(start + 6 - zeros as usize);
    push_places(digits >> 48, out);
}

/// Appends the point and two digits, the second only where it is not zero.
#[inline(always)]
fn push_places(digits: u64, out: &mut Vec<u8>) {
    let [first, second, ..] = (digits | 0x3030).to_le_bytes();
    let start = out.len();
    out.extend_from_slice(&[b'.', first, second]);
    out.truncate(start + 2 + usize::from(second != b'0'));
}

/// The digits of a number from 0 up and below 10^8, first digit lowest, and how many they are.
#[inline(always)]
#[must_use]
pub fn eight_digits(value: i64) -> Option<(u64, usize)> {
    let value = u64::try_from(value).ok().filter(|v| *v < 100_000_000)?;
    let digits = digits_of(value);
    let zeros = (digits.trailing_zeros() / 8).min(7);
    Some((
        (digits | 0x3030_3030_3030_3030) >> (8 * zeros),
        8 - zeros as usize,
    ))
}

/// The eight digits of a number below 10^8, made side by side in one word, most significant in the lowest byte.
#[inline(always)]
fn digits_of(value: u64) -> u64 {
    let halves = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | (halves - 100 * hundreds) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (pairs - 10 * tens) << 8
}

/// Appends a number below 10^8: all eight digits, or (`trim` 8) without leading zeros.
#[inline(always)]
fn push_eight(value: u64, trim: u32, out: &mut Vec<u8>) {
    let digits = digits_of(value);
    let zeros = (digits.trailing_zeros() / 8).min(7).min(trim);
    let text = (digits | 0x3030_3030_3030_3030) >> (8 * zeros);
    let start = out.len();
    out.extend_from_slice(&text.to_le_bytes());
    out.truncate(start + 8 - zeros as usize);
}

/// A double from text, as `strtod` reads the scores that servers write, correctly rounded: digits with an optional
/// point and exponent, or `inf`, `infinity`, `nan` and `nan(…)` in any case, each with an optional sign. Nothing may
/// stand before or after. (C also knows hexadecimal, which no server has ever written.)
#[must_use]
pub fn parse_double(bytes: &[u8]) -> Option<f64> {
    if let Some(value) = decimal::decimal(bytes) {
        return Some(value);
    }
    let text = std::str::from_utf8(bytes).ok()?;
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    // Some C libraries print what a NaN carries. It is no part of a score.
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (word, inside) = rest.split_at_checked(4)?;
    let inside = inside.strip_suffix(')')?;
    let plain = inside
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (word.eq_ignore_ascii_case("nan(") && plain).then_some(if negative {
        -f64::NAN
    } else {
        f64::NAN
    })
}

/// The integer that a score is stored as in packed encodings since 7.0 (`double2ll`): integral and within ±2^62.
/// -0 becomes 0.
#[must_use]
pub fn integral(value: f64) -> Option<i64> {
    const BOUND: f64 = (1u64 << 62) as f64;
    #[allow(clippy::cast_possible_truncation, reason = "within 2^62 and compared")]
    let whole = value as i64;
    (value.abs() <= BOUND && whole as f64 == value).then_some(whole)
}

/// The two ways servers print doubles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DoubleText {
    /// C's `%.17g`: up to Redis 7.0.
    G17,
    /// `fpconv_dtoa`: Redis from 7.2, and every Valkey.
    Fpconv,
}

/// Appends `value` as plain `%.17g` or `fpconv_dtoa`: the score text of `DEBUG DIGEST`.
pub fn format_double(value: f64, text: DoubleText, out: &mut Vec<u8>) {
    match text {
        DoubleText::G17 => format_g17(value, out),
        DoubleText::Fpconv => format_fpconv(value, out),
    }
}

/// The words that have no digits. True when it was one.
fn format_special(value: f64, out: &mut Vec<u8>) -> bool {
    let word: &[u8] = if value.is_nan() {
        b"nan"
    } else if value == f64::INFINITY {
        b"inf"
    } else if value == f64::NEG_INFINITY {
        b"-inf"
    } else if value == 0.0 {
        if value.is_sign_negative() {
            b"-0"
        } else {
            b"0"
        }
    } else {
        return false;
    };
    out.extend_from_slice(word);
    true
}

/// Appends what C's `printf("%.17g")` prints: 17 significant digits, correctly rounded, trailing zeros dropped, an
/// exponent of two digits or more below 10^-4 and from 10^17 on. (A NaN comes without its sign.)
pub fn format_g17(value: f64, out: &mut Vec<u8>) {
    if format_special(value, out) {
        return;
    }
    // d.dddddddddddddddde±x: the 17 digits and their exponent, already rounded.
    let mut buf = [0u8; 32];
    let room = buf.len();
    let mut rest = &mut buf[..];
    // 24 bytes at most, so it fits.
    let _ = write!(rest, "{:.16e}", value.abs());
    let used = room - rest.len();
    let text = buf.get(..used).unwrap_or_default();
    let Some((mantissa, exponent)) = text
        .iter()
        .position(|&b| b == b'e')
        .and_then(|e| Some((text.get(..e)?, text.get(e + 1..)?)))
    else {
        return;
    };
    let exponent = parse_i64(exponent).unwrap_or_default();
    let mut digits = [b'0'; 17];
    let mut n = 0;
    for (to, &b) in digits
        .iter_mut()
        .zip(mantissa.iter().filter(|b| b.is_ascii_digit()))
    {
        *to = b;
        n += 1;
    }
    let mut digits = digits.get(..n).unwrap_or_default();
    while let [rest @ .., b'0'] = digits {
        digits = rest;
    }
    if value < 0.0 {
        out.push(b'-');
    }
    if (-4..17).contains(&exponent) {
        plain(digits, exponent, out);
    } else {
        let (first, rest) = digits.split_at(digits.len().min(1));
        out.extend_from_slice(first);
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            out.push(b'0');
        }
        push_i64(exponent.abs(), out);
    }
}

/// Digits whose first stands for 10^`exponent`, written without an exponent: `123`, `12.3`, `0.0123`, `12300`.
fn plain(digits: &[u8], exponent: i64, out: &mut Vec<u8>) {
    // Callers have exponents of a few dozen.
    let before = usize::try_from(exponent + 1).unwrap_or(0);
    if before == 0 {
        out.extend_from_slice(b"0.");
        out.extend((exponent + 1..0).map(|_| b'0'));
        out.extend_from_slice(digits);
    } else if let Some((whole, part)) = digits.split_at_checked(before) {
        out.extend_from_slice(whole);
        if !part.is_empty() {
            out.push(b'.');
            out.extend_from_slice(part);
        }
    } else {
        out.extend_from_slice(digits);
        out.extend((digits.len()..before).map(|_| b'0'));
    }
}

/// Appends what a server's `fpconv_dtoa` prints.
pub fn format_fpconv(value: f64, out: &mut Vec<u8>) {
    if format_special(value, out) {
        return;
    }
    if value < 0.0 {
        out.push(b'-');
    }
    let decimal = grisu2(value.abs());
    let digits = decimal.digits();
    let n = digits.len() as i64;
    let last = i64::from(decimal.exponent);
    let first = last + n - 1;
    if (last >= 0 && first.abs() < n + 7) || (last < 0 && (last > -7 || first.abs() < 4)) {
        return plain(digits, first, out);
    }
    // Room for 18 characters in all in the original: a minus takes the place of an 18th digit, which never comes.
    let (head, rest) = digits.split_at(digits.len().min(1));
    out.extend_from_slice(head);
    if !rest.is_empty() {
        out.push(b'.');
        out.extend_from_slice(rest);
    }
    out.extend_from_slice(if first < 0 { b"e-" } else { b"e+" });
    push_i64(first.abs(), out);
}

/// Appends the score as listpacks hold it since 7.0 (`zzlInsertAt`): an integer where [`integral`] has one, so that -0
/// is `0`; `inf`, `-inf`; else the digits. Text that is itself an integer within 64 bits is stored as that integer.
pub fn format_score(value: f64, text: DoubleText, out: &mut Vec<u8>) {
    match integral(value) {
        Some(whole) => push_i64(whole, out),
        None => format_double(value, text, out),
    }
}

/// Appends the score as ZSCORE replies: as [`format_score`] with fpconv, but plain `%.17g` before it. A -0, which only
/// a skiplist can hold, keeps its sign.
pub fn format_reply(value: f64, text: DoubleText, out: &mut Vec<u8>) {
    match integral(value) {
        Some(whole) if text == DoubleText::Fpconv && value.to_bits() != (-0.0f64).to_bits() => {
            push_i64(whole, out);
        }
        _ => format_double(value, text, out),
    }
}

#[cfg(test)]
#[allow(
    clippy::cast_possible_truncation,
    clippy::excessive_precision,
    reason = "made-up data; the digits given are the point"
)]
mod tests;
