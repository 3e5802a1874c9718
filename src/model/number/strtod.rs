//! Numbers as C's `strtod` reads them.

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
