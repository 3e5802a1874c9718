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
    if let Some(value) = plain_decimal(bytes) {
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

/// A number as C's `strtod` reads it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strtod {
    /// The number; 0 where there is none.
    pub value: f64,
    /// Bytes that were read; 0 where there is no number.
    pub read: usize,
    /// Whether it is too large for a double, or so small that nothing is left of it (`ERANGE`).
    pub out_of_range: bool,
}

/// Reads the number that `bytes` begin with, as C's `strtod` does: blanks, a sign, then digits with an optional point
/// and exponent, `0x` with hexadecimal digits and an optional `p` exponent, `inf`, `infinity`, `nan` or `nan(…)`.
#[must_use]
pub fn strtod(bytes: &[u8]) -> Strtod {
    let blanks = bytes
        .iter()
        .take_while(|b| matches!(b, b' ' | 0x09..=0x0d))
        .count();
    let rest = bytes.get(blanks..).unwrap_or_default();
    let (negative, signs) = match rest.first() {
        Some(b'-') => (true, 1),
        Some(b'+') => (false, 1),
        _ => (false, 0),
    };
    let body = rest.get(signs..).unwrap_or_default();
    let Some((value, read, out_of_range)) = word(body)
        .or_else(|| hexadecimal(body))
        .or_else(|| decimal(body))
    else {
        return Strtod {
            value: 0.0,
            read: 0,
            out_of_range: false,
        };
    };
    Strtod {
        value: if negative { -value } else { value },
        read: blanks + signs + read,
        out_of_range,
    }
}

/// `inf` and its kin.
fn word(body: &[u8]) -> Option<(f64, usize, bool)> {
    let is = |word: &[u8]| {
        body.get(..word.len())
            .is_some_and(|b| b.eq_ignore_ascii_case(word))
    };
    if is(b"infinity") {
        return Some((f64::INFINITY, 8, false));
    }
    if is(b"inf") {
        return Some((f64::INFINITY, 3, false));
    }
    if !is(b"nan") {
        return None;
    }
    let carried = body
        .get(3..)
        .and_then(|rest| rest.strip_prefix(b"("))
        .and_then(|rest| {
            let inside = digits(rest, |b| b.is_ascii_alphanumeric() || b == b'_');
            (rest.get(inside) == Some(&b')')).then_some(inside + 2)
        });
    Some((f64::NAN, 3 + carried.unwrap_or(0), false))
}

/// How many bytes at the front are digits.
fn digits(bytes: &[u8], is_digit: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|b| is_digit(**b)).count()
}

/// Digits, a point, digits: how many bytes that is, if there is a digit at all.
fn mantissa(body: &[u8], is_digit: impl Fn(u8) -> bool + Copy) -> Option<usize> {
    let whole = digits(body, is_digit);
    let part = match body.get(whole) {
        Some(b'.') => 1 + digits(body.get(whole + 1..).unwrap_or_default(), is_digit),
        _ => 0,
    };
    (whole > 0 || part > 1).then_some(whole + part)
}

/// An exponent behind its letter: its value, kept within ±100,000, and how many bytes it is, letter included.
fn exponent(rest: &[u8], letter: u8) -> (i32, usize) {
    if !rest
        .first()
        .is_some_and(|b| b.eq_ignore_ascii_case(&letter))
    {
        return (0, 0);
    }
    let (negative, signs) = match rest.get(1) {
        Some(b'-') => (true, 1),
        Some(b'+') => (false, 1),
        _ => (false, 0),
    };
    let text = rest.get(1 + signs..).unwrap_or_default();
    let n = digits(text, |b| b.is_ascii_digit());
    if n == 0 {
        return (0, 0);
    }
    let value = text.iter().take(n).fold(0i32, |v, b| {
        (v.saturating_mul(10)
            .saturating_add(i32::from(b.wrapping_sub(b'0'))))
        .min(100_000)
    });
    (if negative { -value } else { value }, 1 + signs + n)
}

fn decimal(body: &[u8]) -> Option<(f64, usize, bool)> {
    let len = mantissa(body, |b| b.is_ascii_digit())?;
    let (_, more) = exponent(body.get(len..)?, b'e');
    let text = std::str::from_utf8(body.get(..len + more)?).ok()?;
    let value: f64 = text.parse().ok()?;
    let is_zero = !body.iter().take(len).any(|b| matches!(b, b'1'..=b'9'));
    Some((
        value,
        len + more,
        value.is_infinite() || (value == 0.0 && !is_zero),
    ))
}

fn hexadecimal(body: &[u8]) -> Option<(f64, usize, bool)> {
    let [b'0', b'x' | b'X', rest @ ..] = body else {
        return None;
    };
    let len = mantissa(rest, |b| b.is_ascii_hexdigit())?;
    // 60 bits and whether anything follows them round as all of them would.
    let (mut bits, mut scale, mut pointed) = (0u64, 0i32, false);
    for b in rest.iter().take(len) {
        let digit = match b {
            b'0'..=b'9' => b - b'0',
            b'a'..=b'f' => b - b'a' + 10,
            b'A'..=b'F' => b - b'A' + 10,
            _ => {
                pointed = true;
                continue;
            }
        };
        if bits >> 56 == 0 {
            bits = bits << 4 | u64::from(digit);
            scale -= if pointed { 4 } else { 0 };
        } else {
            bits |= u64::from(digit != 0);
            scale = scale.saturating_add(if pointed { 0 } else { 4 });
        }
    }
    let (power, more) = exponent(rest.get(len..)?, b'p');
    let mut scale = scale.saturating_add(power).clamp(-4000, 4000);
    #[allow(clippy::cast_precision_loss, reason = "rounded once, as it has to be")]
    let mut value = bits as f64;
    while scale != 0 && value != 0.0 && value.is_finite() {
        let step = scale.clamp(-500, 500);
        value *= 2f64.powi(step);
        scale -= step;
    }
    Some((
        value,
        2 + len + more,
        value.is_infinite() || (value == 0.0 && bits != 0),
    ))
}

/// Digits with an optional sign and point, few enough that the result is exact: 15 digits and a power of ten below 10^23
/// are doubles, and one division rounds once (Clinger's fast path). Nearly every score is of this kind.
#[inline]
fn plain_decimal(bytes: &[u8]) -> Option<f64> {
    const TENS: [f64; 16] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ];
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if digits.len() > 16 {
        return None;
    }
    let mut value = 0u64;
    let mut seen = 0usize;
    let mut point = None;
    for (i, &c) in digits.iter().enumerate() {
        match c {
            b'0'..=b'9' => {
                value = value * 10 + u64::from(c - b'0');
                seen += 1;
            }
            b'.' if point.is_none() => point = Some(i),
            _ => return None,
        }
    }
    if seen == 0 || seen > 15 {
        return None;
    }
    let places = point.map_or(0, |at| digits.len() - at - 1);
    #[allow(clippy::cast_precision_loss, reason = "15 digits are below 2^53")]
    let value = value as f64 / TENS.get(places)?;
    Some(if negative { -value } else { value })
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

/// Decimal digits, the last of which stands for 10^exponent.
struct Decimal {
    digits: [u8; 18],
    len: usize,
    exponent: i32,
}

impl Decimal {
    fn digits(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or_default()
    }

    /// A leading zero is no digit.
    fn push(&mut self, digit: u64) {
        if (digit != 0 || self.len > 0)
            && let Some(to) = self.digits.get_mut(self.len)
        {
            #[allow(clippy::cast_possible_truncation, reason = "one digit")]
            {
                *to = b'0' + digit as u8;
            }
            self.len += 1;
        }
    }
}

/// A binary float: f times 2^e.
#[derive(Clone, Copy)]
struct Binary {
    f: u64,
    e: i32,
}

impl Binary {
    fn normalized(self) -> Binary {
        let shift = self.f.leading_zeros();
        Binary {
            f: self.f << shift,
            e: self.e - shift.cast_signed(),
        }
    }

    /// The product's upper 64 bits, rounded.
    fn times(self, other: Binary) -> Binary {
        let product = u128::from(self.f) * u128::from(other.f) + (1 << 63);
        #[allow(clippy::cast_possible_truncation, reason = "the upper half")]
        Binary {
            f: (product >> 64) as u64,
            e: self.e + other.e + 64,
        }
    }
}

/// Loitsch's Grisu2 for a positive, finite number.
fn grisu2(value: f64) -> Decimal {
    const FRACTION: u32 = 52;
    let bits = value.to_bits();
    let fraction = bits & ((1 << FRACTION) - 1);
    #[allow(clippy::cast_possible_truncation, reason = "eleven bits")]
    let biased = (bits >> FRACTION) as i32;
    let number = if biased == 0 {
        Binary {
            f: fraction,
            e: -1074,
        }
    } else {
        Binary {
            f: fraction | 1 << FRACTION,
            e: biased - 1075,
        }
    };

    // The neighbours' midpoints. Below a power of two the doubles stand twice as close.
    let upper = Binary {
        f: (number.f << 1) + 1,
        e: number.e - 1,
    }
    .normalized();
    let closer = if number.f == 1 << FRACTION { 2 } else { 1 };
    let lower_e = number.e - closer;
    let lower = Binary {
        f: ((number.f << closer) - 1) << (lower_e - upper.e),
        e: upper.e,
    };

    let (power, k) = cached_power(upper.e);
    let w = number.normalized().times(power);
    // One unit inwards: the products are off by less than that, so what lies between is surely within the midpoints.
    let mut upper = upper.times(power);
    upper.f -= 1;
    let lower = lower.times(power).f + 1;

    let mut decimal = Decimal {
        digits: [0; 18],
        len: 0,
        exponent: -k,
    };
    generate(w.f, upper, lower, &mut decimal);
    decimal
}

/// The shortest digits between `lower` and `upper`, then brought towards `w`. All three share the exponent.
fn generate(w: u64, upper: Binary, lower: u64, out: &mut Decimal) {
    let shift = (-upper.e).cast_unsigned();
    let one = 1u64 << shift;
    let above = upper.f - w;
    let mut delta = upper.f - lower;
    let mut whole = upper.f >> shift;
    let mut part = upper.f & (one - 1);

    let mut unit = 1_000_000_000u64;
    for kappa in (0..10).rev() {
        out.push(whole / unit);
        whole %= unit;
        let rest = (whole << shift) + part;
        if rest <= delta {
            out.exponent += kappa;
            return approach(out, delta, rest, unit << shift, above);
        }
        unit /= 10;
    }
    let mut kappa = 0;
    let mut scale = 1u64;
    loop {
        part = part.wrapping_mul(10);
        delta = delta.wrapping_mul(10);
        scale = scale.wrapping_mul(10);
        kappa -= 1;
        out.push(part >> shift);
        part &= one - 1;
        if part < delta {
            out.exponent += kappa;
            return approach(out, delta, part, one, above.wrapping_mul(scale));
        }
        if kappa < -20 {
            // Not reached: delta is at least one unit and grows tenfold each time.
            return;
        }
    }
}

/// Lowers the last digit while that brings the text nearer to the number and keeps it within the bounds. `rest` is how
/// far the text is below the upper bound, `above` how far the number is, `unit` what one step changes.
fn approach(out: &mut Decimal, delta: u64, mut rest: u64, unit: u64, above: u64) {
    let len = out.len;
    let Some(last) = len.checked_sub(1).and_then(|at| out.digits.get_mut(at)) else {
        return;
    };
    while rest < above
        && delta - rest >= unit
        && (rest + unit < above || above - rest > rest + unit - above)
    {
        *last -= 1;
        rest += unit;
    }
}

const FIRST_POWER: i32 = -348;
const POWER_STEP: i32 = 8;

/// A power of ten that brings an exponent of `e` into -60..=-32, and its own decimal exponent. Often two would do:
/// which one is taken decides some last digits, so the search starts where the servers' does.
fn cached_power(e: i32) -> (Binary, i32) {
    const COUNT: i32 = 87;
    #[allow(clippy::cast_possible_truncation, reason = "exponents are small")]
    let approximate = (f64::from(-(e + COUNT)) * std::f64::consts::LOG10_2) as i32;
    let mut index = (approximate - FIRST_POWER) / POWER_STEP;
    // The powers are 26.6 bits apart and the range is 28 wide: one or two steps.
    for _ in 0..COUNT {
        let k = FIRST_POWER + index * POWER_STEP;
        let power = Binary {
            f: usize::try_from(index)
                .ok()
                .and_then(|i| POWERS.get(i))
                .copied()
                .unwrap_or(1 << 63),
            e: power_exponent(k),
        };
        let reached = e + power.e + 64;
        if reached < -60 {
            index += 1;
        } else if reached > -32 {
            index -= 1;
        } else {
            return (power, k);
        }
    }
    // Not reached for the exponents of doubles, as the tests show for each of them.
    (Binary { f: 1 << 63, e: -63 }, 0)
}

/// The binary exponent of 10^k as a normalized 64-bit number: floor(k · log2 10) - 63, exact over the table.
fn power_exponent(k: i32) -> i32 {
    ((k * 217_706) >> 16) - 63
}

/// 10^-348, 10^-340 … 10^340: the upper 64 bits, rounded.
#[rustfmt::skip]
const POWERS: [u64; 87] = [
    0xfa8f_d5a0_081c_0288,
    0xbaae_e17f_a23e_bf76,
    0x8b16_fb20_3055_ac76,
    0xcf42_894a_5dce_35ea,
    0x9a6b_b0aa_5565_3b2d,
    0xe61a_cf03_3d1a_45df,
    0xab70_fe17_c79a_c6ca,
    0xff77_b1fc_bebc_dc4f,
    0xbe56_91ef_416b_d60c,
    0x8dd0_1fad_907f_fc3c,
    0xd351_5c28_3155_9a83,
    0x9d71_ac8f_ada6_c9b5,
    0xea9c_2277_23ee_8bcb,
    0xaecc_4991_4078_536d,
    0x823c_1279_5db6_ce57,
    0xc210_9436_4dfb_5637,
    0x9096_ea6f_3848_984f,
    0xd774_85cb_2582_3ac7,
    0xa086_cfcd_97bf_97f4,
    0xef34_0a98_172a_ace5,
    0xb238_67fb_2a35_b28e,
    0x84c8_d4df_d2c6_3f3b,
    0xc5dd_4427_1ad3_cdba,
    0x936b_9fce_bb25_c996,
    0xdbac_6c24_7d62_a584,
    0xa3ab_6658_0d5f_daf6,
    0xf3e2_f893_dec3_f126,
    0xb5b5_ada8_aaff_80b8,
    0x8762_5f05_6c7c_4a8b,
    0xc9bc_ff60_34c1_3053,
    0x964e_858c_91ba_2655,
    0xdff9_7724_7029_7ebd,
    0xa6df_bd9f_b8e5_b88f,
    0xf8a9_5fcf_8874_7d94,
    0xb944_7093_8fa8_9bcf,
    0x8a08_f0f8_bf0f_156b,
    0xcdb0_2555_6531_31b6,
    0x993f_e2c6_d07b_7fac,
    0xe45c_10c4_2a2b_3b06,
    0xaa24_2499_6973_92d3,
    0xfd87_b5f2_8300_ca0e,
    0xbce5_0864_9211_1aeb,
    0x8cbc_cc09_6f50_88cc,
    0xd1b7_1758_e219_652c,
    0x9c40_0000_0000_0000,
    0xe8d4_a510_0000_0000,
    0xad78_ebc5_ac62_0000,
    0x813f_3978_f894_0984,
    0xc097_ce7b_c907_15b3,
    0x8f7e_32ce_7bea_5c70,
    0xd5d2_38a4_abe9_8068,
    0x9f4f_2726_179a_2245,
    0xed63_a231_d4c4_fb27,
    0xb0de_6538_8cc8_ada8,
    0x83c7_088e_1aab_65db,
    0xc45d_1df9_4271_1d9a,
    0x924d_692c_a61b_e758,
    0xda01_ee64_1a70_8dea,
    0xa26d_a399_9aef_774a,
    0xf209_787b_b47d_6b85,
    0xb454_e4a1_79dd_1877,
    0x865b_8692_5b9b_c5c2,
    0xc835_53c5_c896_5d3d,
    0x952a_b45c_fa97_a0b3,
    0xde46_9fbd_99a0_5fe3,
    0xa59b_c234_db39_8c25,
    0xf6c6_9a72_a398_9f5c,
    0xb7dc_bf53_54e9_bece,
    0x88fc_f317_f222_41e2,
    0xcc20_ce9b_d35c_78a5,
    0x9816_5af3_7b21_53df,
    0xe2a0_b5dc_971f_303a,
    0xa8d9_d153_5ce3_b396,
    0xfb9b_7cd9_a4a7_443c,
    0xbb76_4c4c_a7a4_4410,
    0x8bab_8eef_b640_9c1a,
    0xd01f_ef10_a657_842c,
    0x9b10_a4e5_e991_3129,
    0xe710_9bfb_a19c_0c9d,
    0xac28_20d9_623b_f429,
    0x8044_4b5e_7aa7_cf85,
    0xbf21_e440_03ac_dd2d,
    0x8e67_9c2f_5e44_ff8f,
    0xd433_179d_9c8c_b841,
    0x9e19_db92_b4e3_1ba9,
    0xeb96_bf6e_badf_77d9,
    0xaf87_023b_9bf0_ee6b,
];

#[cfg(test)]
#[allow(
    clippy::cast_possible_truncation,
    clippy::excessive_precision,
    reason = "made-up data; the digits given are the point"
)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(f: fn(f64, &mut Vec<u8>), value: f64) -> String {
        let mut out = Vec::new();
        f(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn appended_integers_are_the_standard_librarys() {
        let mut v = 1u64;
        for _ in 0..64 {
            for x in [v.wrapping_sub(1), v, v.wrapping_add(1), v.wrapping_mul(7)] {
                for step in [x, x / 3, x.wrapping_mul(0x9e37_79b9_7f4a_7c15)] {
                    let mut out = b"x".to_vec();
                    push_u64(step, &mut out);
                    assert_eq!(out, format!("x{step}").into_bytes());
                    out.clear();
                    push_i64(step as i64, &mut out);
                    assert_eq!(out, (step as i64).to_string().into_bytes());
                }
            }
            v = v.wrapping_mul(2);
        }
        for p in 0..20u32 {
            for d in [0, 1] {
                let x = 10u64.pow(p) - d;
                let mut out = Vec::new();
                push_u64(x, &mut out);
                assert_eq!(out, x.to_string().into_bytes());
            }
        }
    }

    #[test]
    fn canonical_integers_only() {
        for good in [
            0,
            1,
            -1,
            9,
            10,
            -10,
            99,
            100,
            i64::MAX,
            i64::MIN,
            i64::MAX / 10,
        ] {
            let mut buf = [0; 20];
            let text = write_i64(good, &mut buf);
            assert_eq!(text, good.to_string().as_bytes());
            assert_eq!(parse_i64(text), Some(good));
        }
        for bad in [
            "",
            "-",
            "-0",
            "+5",
            "007",
            "00",
            " 1",
            "1 ",
            "1a",
            "a",
            "-01",
            "--1",
            "1.0",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551617",
            "99999999999999999999999999",
            "1\0",
            "٣",
        ] {
            assert_eq!(parse_i64(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn doubles_from_text() {
        let same = |text: &str, value: f64| {
            let got = parse_double(text.as_bytes()).unwrap();
            assert!(got.to_bits() == value.to_bits(), "{text}: {got} {value}");
        };
        same("0", 0.0);
        same("-0", -0.0);
        same("1.1000000000000001", 1.1);
        same("4.9406564584124654e-324", 5e-324);
        same("1e+300", 1e300);
        same("+1.", 1.0);
        same(".5", 0.5);
        same("1e400", f64::INFINITY);
        same("inf", f64::INFINITY);
        same("-inf", f64::NEG_INFINITY);
        same("-Infinity", f64::NEG_INFINITY);
        for nan in ["nan", "NaN", "-nan", "nan()", "-nan(0x7f)"] {
            assert!(parse_double(nan.as_bytes()).unwrap().is_nan(), "{nan}");
        }
        for bad in [
            "",
            ".",
            "-",
            "e5",
            "1e",
            "1e+",
            "1 ",
            " 1",
            "1,5",
            "1_0",
            "infx",
            "nan(",
            "nan(é)",
            "nan)",
            "0x10",
            "1.5.2",
            "na\u{301}n",
        ] {
            assert_eq!(parse_double(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(parse_double(b"1\xff"), None);
    }

    #[test]
    fn layouts() {
        for (value, g17, fpconv, score) in [
            (0.0, "0", "0", "0"),
            (-0.0, "-0", "-0", "0"),
            (1.1, "1.1000000000000001", "1.1", "1.1"),
            (100.0, "100", "100", "100"),
            (1e7, "10000000", "10000000", "10000000"),
            (1e8, "100000000", "1e+8", "100000000"),
            (1e17, "1e+17", "1e+17", "100000000000000000"),
            (1.23e12, "1230000000000", "1.23e+12", "1230000000000"),
            (1e-5, "1.0000000000000001e-05", "0.00001", "0.00001"),
            (1e-4, "0.0001", "0.0001", "0.0001"),
            (1e-7, "9.9999999999999995e-08", "1e-7", "1e-7"),
            (-123456.789, "-123456.789", "-123456.789", "-123456.789"),
            (5e-324, "4.9406564584124654e-324", "5e-324", "5e-324"),
            (1e300, "1.0000000000000001e+300", "1e+300", "1e+300"),
            (
                f64::MAX,
                "1.7976931348623157e+308",
                "1.7976931348623157e+308",
                "1.7976931348623157e+308",
            ),
            (
                1912012242512328.75,
                "1912012242512328.8",
                "1912012242512328.7",
                "1912012242512328.7",
            ),
            (
                5.432589632413522e16,
                "54325896324135216",
                "54325896324135216",
                "54325896324135216",
            ),
            (f64::INFINITY, "inf", "inf", "inf"),
            (f64::NEG_INFINITY, "-inf", "-inf", "-inf"),
            (f64::NAN, "nan", "nan", "nan"),
        ] {
            assert_eq!(text(format_g17, value), g17);
            assert_eq!(text(format_fpconv, value), fpconv);
            let mut out = Vec::new();
            format_score(value, DoubleText::Fpconv, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), score);
        }
    }

    #[test]
    fn replies_keep_a_negative_zero() {
        for (style, value, reply) in [
            (DoubleText::Fpconv, -0.0, "-0"),
            (DoubleText::Fpconv, 0.0, "0"),
            (DoubleText::Fpconv, 1e17, "100000000000000000"),
            (DoubleText::G17, -0.0, "-0"),
            (DoubleText::G17, 1e17, "1e+17"),
        ] {
            let mut out = Vec::new();
            format_reply(value, style, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), reply);
        }
    }

    #[test]
    fn integral_scores_end_at_two_to_the_62() {
        let bound = 2f64.powi(62);
        assert_eq!(integral(bound), Some(1 << 62));
        assert_eq!(integral(-bound), Some(-(1 << 62)));
        assert_eq!(integral(bound.next_up()), None);
        assert_eq!(integral(-0.0), Some(0));
        for none in [0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            assert_eq!(integral(none), None);
        }
    }

    /// Chosen from 57,721 scores for which all three texts agreed.
    const SCORES: &str = include_str!("../../testdata/number/scores.tsv");

    #[test]
    fn servers_printed_the_same() {
        let mut rows = 0;
        for line in SCORES.lines().filter(|line| !line.starts_with('#')) {
            let [bits, digest, g17, reply]: [&str; 4] =
                line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            let value = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
            assert_eq!(text(format_g17, value), g17, "{bits}");
            assert_eq!(text(format_fpconv, value), digest, "{bits}");
            let mut out = Vec::new();
            format_reply(value, DoubleText::Fpconv, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), reply, "{bits}");
            let mut out = Vec::new();
            format_reply(value, DoubleText::G17, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), g17, "{bits}");
            rows += 1;
        }
        assert!(rows >= 200);
    }

    #[test]
    fn cached_powers_are_exact() {
        // 2^1300 · 10^k by long division or multiplication, in 32-bit digits, lowest first.
        for (index, &power) in POWERS.iter().enumerate() {
            let k = FIRST_POWER + POWER_STEP * index as i32;
            let mut big = vec![0u32; 80];
            big[40] = 1; // 2^1280
            for _ in 0..k.unsigned_abs() {
                if k > 0 {
                    let mut carry = 0u64;
                    for digit in &mut big {
                        let v = u64::from(*digit) * 10 + carry;
                        *digit = v as u32;
                        carry = v >> 32;
                    }
                } else {
                    let mut rest = 0u64;
                    for digit in big.iter_mut().rev() {
                        let v = rest << 32 | u64::from(*digit);
                        *digit = (v / 10) as u32;
                        rest = v % 10;
                    }
                }
            }
            let top = big.iter().rposition(|&d| d != 0).unwrap();
            let window = u128::from(big[top]) << 96
                | u128::from(big[top - 1]) << 64
                | u128::from(big[top - 2]) << 32
                | u128::from(big[top - 3]);
            let zeros = window.leading_zeros() as i32;
            let normalized = window << zeros;
            let rounded = (normalized >> 64) as u64 + ((normalized >> 63) as u64 & 1);
            assert_eq!(power, rounded, "10^{k}");
            let exponent = (top as i32 + 1) * 32 - zeros - 64 - 1280;
            assert_eq!(power_exponent(k), exponent, "10^{k}");
        }
    }

    #[test]
    fn every_binary_exponent_has_a_power() {
        for biased in 0..2047u64 {
            for fraction in [0, 1, (1 << 52) - 1] {
                let value = f64::from_bits(biased << 52 | fraction);
                if value > 0.0 {
                    let printed = text(format_fpconv, value);
                    assert_eq!(printed.parse::<f64>().unwrap().to_bits(), value.to_bits());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn integers_round_trip(value: i64, small in -1000i64..1000) {
            for v in [value, small] {
                let mut buf = [0; 20];
                let expected = v.to_string();
                prop_assert_eq!(write_i64(v, &mut buf), expected.as_bytes());
                prop_assert_eq!(parse_i64(expected.as_bytes()), Some(v));
            }
        }

        #[test]
        fn doubles_read_back(bits: u64) {
            let value = f64::from_bits(bits);
            for f in [format_g17, format_fpconv] {
                let printed = text(f, value);
                let back = parse_double(printed.as_bytes()).unwrap();
                prop_assert!(back.to_bits() == bits || value.is_nan() && back.is_nan());
                prop_assert!(printed.len() <= 25);
            }
        }

        #[test]
        fn any_text_is_safe(bytes in prop::collection::vec(any::<u8>(), 0..30), ascii in "[-+0-9.einfa()]{0,12}") {
            let _ = parse_i64(&bytes);
            let _ = parse_double(&bytes);
            let _ = parse_double(ascii.as_bytes());
            prop_assert_eq!(parse_i64(ascii.as_bytes()).map(|v| v.to_string()),
                ascii.parse::<i64>().ok().map(|v| v.to_string()).filter(|t| *t == ascii));
        }
    }
}
