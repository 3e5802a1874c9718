//! The 80-bit floating point numbers of x86 (C's `long double` there), which `INCRBYFLOAT` and `HINCRBYFLOAT` count in:
//! a sign, 64 bits, and an exponent of two.
//!
//! Reading is `strtold`, printing is `%.17Lf` without the zeros at its end, and both round exactly, half to even. 17 digits
//! behind the point are fewer than a double has below 1 but more than it has above 10, so sums made in doubles would
//! show other digits than a server's.

use std::cmp::Ordering;

/// A number: `m` times 2^`e`. Above the denormals the highest bit of `m` is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extended {
    negative: bool,
    m: u64,
    e: i32,
}

/// The exponent of the denormals.
const LOWEST: i32 = -16445;
/// The exponent of the largest number.
const HIGHEST: i32 = 16320;
/// Longer texts are refused by servers.
const MAX_TEXT: usize = 5 * 1024;

/// What a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// A number.
    Finite(Extended),
    /// Plus or minus infinity.
    Infinite,
}

/// As servers read it (`string2ld`): all of the text, no blanks, no NaN, nothing that is too large or rounds to zero.
///
/// ```
/// use redisk::model::extended::parse;
/// assert!(parse(b"0x1p-3").is_some() && parse(b"-inf").is_some());
/// assert!(parse(b" 1").is_none() && parse(b"1e5000").is_none());
/// ```
#[must_use]
pub fn parse(text: &[u8]) -> Option<Parsed> {
    if text.len() >= MAX_TEXT {
        return None;
    }
    let (negative, rest) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
        return Some(Parsed::Infinite);
    }
    let finite = match rest {
        [b'0', b'x' | b'X', hex @ ..] => hexadecimal(hex)?,
        _ => decimal(rest)?,
    };
    Some(Parsed::Finite(Extended { negative, ..finite }))
}

/// Splits the exponent off: the digits before the mark, and its value, cut to what does not overflow.
fn split_exponent(text: &[u8], mark: u8) -> Option<(&[u8], i64)> {
    let Some(at) = text.iter().position(|b| b.to_ascii_lowercase() == mark) else {
        return Some((text, 0));
    };
    let (digits, exponent) = (text.get(..at)?, text.get(at + 1..)?);
    let (negative, exponent) = match exponent.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, exponent),
    };
    if exponent.is_empty() {
        return None;
    }
    let mut value = 0i64;
    for b in exponent {
        let digit = char::from(*b).to_digit(10)?;
        value = (value * 10 + i64::from(digit)).min(1_000_000);
    }
    Some((digits, if negative { -value } else { value }))
}

/// The digits without the point and without zeros in front, and how many stand behind the point.
fn digits(text: &[u8], radix: u32) -> Option<(Vec<u32>, i64)> {
    let mut all = Vec::with_capacity(text.len());
    let mut seen = false;
    let mut behind = None;
    for b in text {
        if *b == b'.' && behind.is_none() {
            behind = Some(0i64);
            continue;
        }
        let digit = char::from(*b).to_digit(radix)?;
        seen = true;
        if let Some(n) = &mut behind {
            *n += 1;
        }
        if digit != 0 || !all.is_empty() {
            all.push(digit);
        }
    }
    seen.then_some((all, behind.unwrap_or(0)))
}

const ZERO: Extended = Extended {
    negative: false,
    m: 0,
    e: LOWEST,
};

fn decimal(text: &[u8]) -> Option<Extended> {
    let (text, exponent) = split_exponent(text, b'e')?;
    let (digits, behind) = digits(text, 10)?;
    if digits.is_empty() {
        return Some(ZERO);
    }
    let power = exponent - behind;
    // Where the first digit stands: far outside nothing has to be computed.
    let first = power + digits.len() as i64;
    if !(-5000..5000).contains(&first) {
        return None;
    }
    let mut big = Big::default();
    for chunk in digits.chunks(9) {
        let mut value = 0;
        let mut scale = 1;
        for digit in chunk {
            value = value * 10 + digit;
            scale *= 10;
        }
        big.times_plus(scale, value);
    }
    let fives = u32::try_from(power.unsigned_abs()).ok()?;
    let power = i32::try_from(power).ok()?;
    if power >= 0 {
        big.times_fives(fives);
        return round(&big, power, false);
    }
    // Divided by 5^n, with enough bits in front that 66 are left.
    let shift = (fives * 7 / 3 + 70) / 32 * 32 + 32;
    big.shift_words(shift / 32);
    let rest = big.over_fives(fives);
    round(&big, power - i32::try_from(shift).ok()?, rest)
}

fn hexadecimal(text: &[u8]) -> Option<Extended> {
    let (text, exponent) = split_exponent(text, b'p')?;
    let (digits, behind) = digits(text, 16)?;
    if digits.is_empty() {
        return Some(ZERO);
    }
    let mut big = Big::default();
    for digit in digits {
        big.times_plus(16, digit);
    }
    round(&big, i32::try_from(exponent - 4 * behind).ok()?, false)
}

/// The nearest number to `big` times 2^`e`, a little more where there is a `rest`. `None` above the largest and where
/// only zero is left.
fn round(big: &Big, e: i32, rest: bool) -> Option<Extended> {
    let bits = i32::try_from(big.bits()).ok()?;
    // The number's exponent, not below the denormals'.
    let to = (e + bits - 64).max(LOWEST);
    let drop = to - e;
    let (m, half, sticky) = if drop <= 0 {
        (big.low64() << drop.unsigned_abs().min(63), false, false)
    } else {
        big.top(drop.unsigned_abs())
    };
    let up = half && (sticky || rest || m & 1 == 1);
    let (m, to) = match m.checked_add(u64::from(up)) {
        Some(m) => (m, to),
        None => (1 << 63, to + 1),
    };
    (to <= HIGHEST && m != 0).then_some(Extended {
        negative: false,
        m,
        e: to,
    })
}

impl Extended {
    /// An integer.
    #[must_use]
    pub fn of(v: i64) -> Extended {
        let m = v.unsigned_abs();
        if m == 0 {
            return ZERO;
        }
        let shift = m.leading_zeros();
        Extended {
            negative: v < 0,
            m: m << shift,
            e: -shift.cast_signed(),
        }
    }

    /// The sum; `None` where it is too large.
    #[must_use]
    pub fn plus(self, other: Extended) -> Option<Extended> {
        if self.m == 0 && other.m == 0 {
            return Some(Extended {
                negative: self.negative && other.negative,
                ..ZERO
            });
        }
        let by_size = self.e.cmp(&other.e).then(self.m.cmp(&other.m));
        let (large, small) = match by_size {
            _ if other.m == 0 => (self, other),
            _ if self.m == 0 => (other, self),
            Ordering::Less => (other, self),
            _ => (self, other),
        };
        // 62 bits behind the number's own, the lowest of which stands for all that is shifted out.
        let distance = (large.e - small.e).unsigned_abs();
        let a = u128::from(large.m) << 62;
        let b = u128::from(small.m) << 62;
        let b = match b.checked_shr(distance) {
            Some(shifted) => shifted | u128::from(shifted << distance != b),
            None => u128::from(b != 0),
        };
        let sum = if large.negative == small.negative {
            a + b
        } else {
            a - b
        };
        if sum == 0 {
            return Some(ZERO);
        }
        let mut big = Big::default();
        big.set(sum);
        let rounded = round(&big, large.e - 62, false)?;
        Some(Extended {
            negative: large.negative,
            ..rounded
        })
    }

    /// Appends it as servers print it: up to 17 digits behind the point, never an exponent, no `-0`.
    pub fn push(self, out: &mut Vec<u8>) {
        let mut big = Big::default();
        let mut places = 17usize;
        if self.e >= 0 {
            big.set(u128::from(self.m));
            big.shift(self.e.unsigned_abs());
            places = 0;
        } else {
            // Below 2^121.
            let scaled = u128::from(self.m) * 100_000_000_000_000_000;
            let n = self.e.unsigned_abs();
            let whole = scaled.checked_shr(n).unwrap_or(0);
            let rest = scaled - whole.checked_shl(n).unwrap_or(0);
            let half = 1u128.checked_shl(n - 1).unwrap_or(u128::MAX);
            let up = rest > half || (rest == half && whole & 1 == 1);
            big.set(whole + u128::from(up));
        }
        let mut text = big.decimal();
        while text.len() <= places {
            text.insert(0, b'0');
        }
        while places > 0 && text.last() == Some(&b'0') {
            text.pop();
            places -= 1;
        }
        if self.negative && text != b"0" {
            out.push(b'-');
        }
        let (whole, part) = text
            .split_at_checked(text.len() - places)
            .unwrap_or_default();
        out.extend_from_slice(whole);
        if !part.is_empty() {
            out.push(b'.');
            out.extend_from_slice(part);
        }
    }
}

/// A natural number of any size: 32 bits a word, the lowest first.
#[derive(Debug, Clone, Default)]
struct Big(Vec<u32>);

#[allow(clippy::cast_possible_truncation, reason = "words are cut off numbers")]
impl Big {
    fn set(&mut self, v: u128) {
        self.0 = (0..4).map(|i| (v >> (32 * i)) as u32).collect();
        self.trim();
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn bits(&self) -> u32 {
        self.0
            .last()
            .map_or(0, |top| self.0.len() as u32 * 32 - top.leading_zeros())
    }

    fn times_plus(&mut self, by: u32, plus: u32) {
        let mut carry = u64::from(plus);
        for word in &mut self.0 {
            let v = u64::from(*word) * u64::from(by) + carry;
            *word = v as u32;
            carry = v >> 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    /// What is left over.
    fn over(&mut self, by: u32) -> u32 {
        let mut rest = 0u64;
        for word in self.0.iter_mut().rev() {
            let v = rest << 32 | u64::from(*word);
            *word = (v / u64::from(by)) as u32;
            rest = v % u64::from(by);
        }
        self.trim();
        rest as u32
    }

    fn times_fives(&mut self, n: u32) {
        for _ in 0..n / 13 {
            self.times_plus(5u32.pow(13), 0);
        }
        self.times_plus(5u32.pow(n % 13), 0);
    }

    /// Whether anything was left over.
    fn over_fives(&mut self, n: u32) -> bool {
        let mut rest = self.over(5u32.pow(n % 13)) != 0;
        for _ in 0..n / 13 {
            rest |= self.over(5u32.pow(13)) != 0;
        }
        rest
    }

    fn shift_words(&mut self, n: u32) {
        let zeros = std::iter::repeat_n(0, n as usize);
        self.0.splice(0..0, zeros);
    }

    fn shift(&mut self, n: u32) {
        self.times_plus(1 << (n % 32), 0);
        self.shift_words(n / 32);
    }

    fn low64(&self) -> u64 {
        let word = |i: usize| u64::from(self.0.get(i).copied().unwrap_or(0));
        word(1) << 32 | word(0)
    }

    /// Without its lowest `n` bits; the highest of those, and whether any other of them is set.
    fn top(&self, n: u32) -> (u64, bool, bool) {
        let bit = |i: u32| {
            self.0
                .get((i / 32) as usize)
                .is_some_and(|w| w >> (i % 32) & 1 == 1)
        };
        let word = |i: u32| u128::from(self.0.get(i as usize).copied().unwrap_or(0));
        let at = n / 32;
        let window = word(at + 2) << 64 | word(at + 1) << 32 | word(at);
        let m = (window >> (n % 32)) as u64;
        let below = n - 1;
        let words = self.0.get(..(below / 32) as usize).unwrap_or(&self.0);
        let part = word(below / 32) & ((1 << (below % 32)) - 1);
        (m, bit(below), part != 0 || words.iter().any(|w| *w != 0))
    }

    fn decimal(mut self) -> Vec<u8> {
        let mut groups = Vec::new();
        while !self.0.is_empty() {
            groups.push(self.over(1_000_000_000));
        }
        let mut text = Vec::with_capacity(groups.len() * 9 + 1);
        for group in groups.iter().rev() {
            let digits = group.to_string();
            if !text.is_empty() {
                text.extend(std::iter::repeat_n(b'0', 9 - digits.len()));
            }
            text.extend_from_slice(digits.as_bytes());
        }
        if text.is_empty() {
            text.push(b'0');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn finite(text: &str) -> Extended {
        match parse(text.as_bytes()) {
            Some(Parsed::Finite(x)) => x,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn print(x: Extended) -> String {
        let mut out = Vec::new();
        x.push(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn as_a_server_prints_it() {
        // Made with INCRBYFLOAT on a new key.
        for (text, printed) in [
            ("0", "0"),
            ("-0", "0"),
            ("10.50", "10.5"),
            ("5.0e3", "5000"),
            ("0.1", "0.1"),
            ("3.0e-18", "0"),
            ("1e17", "100000000000000000"),
            ("0x1p4", "16"),
            ("-.5", "-0.5"),
            ("5.", "5"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551617", "18446744073709551616"),
            ("18446744073709551619", "18446744073709551620"),
            ("1e22", "10000000000000000000000"),
        ] {
            assert_eq!(print(finite(text)), printed, "{text}");
        }
        assert_eq!(print(finite("1e4932")).len(), 4933);
    }

    #[test]
    fn what_is_no_number() {
        for text in [
            "", " 1", "1 ", "nan", "1e", "e1", ".", "+", "0x", "1e5000", "1e-5000", "1p3", "1..2",
            "--1", "infx",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"-Infinity"), Some(Parsed::Infinite));
        assert_eq!(parse(&[b'1'; 5120]), None);
        assert!(parse(b"3.6e-4951").is_some());
        assert!(parse(b"1e-4951").is_none());
        assert!(parse(b"1.18e4932").is_some());
        assert!(parse(b"1.19e4932").is_none());
        assert_eq!(finite("1.18e4932").plus(finite("1.18e4932")), None);
    }

    proptest! {
        #[test]
        fn integers_add_up(a: i64, b: i64) {
            let sum = i128::from(a) + i128::from(b);
            let printed = print(Extended::of(a).plus(Extended::of(b)).unwrap());
            // 65 bits are one too many.
            if u64::try_from(sum.unsigned_abs()).is_ok() {
                prop_assert_eq!(printed, sum.to_string());
            }
            prop_assert_eq!(Extended::of(a), finite(&a.to_string()));
        }

        #[test]
        fn sums_of_doubles_round_once(a in -1e9f64..1e9, b in -1e9f64..1e9) {
            // Neither the texts nor the sum are farther from the doubles than half of their last bits.
            let (x, y) = (finite(&format!("{a:e}")), finite(&format!("{b:e}")));
            let sum: f64 = print(x.plus(y).unwrap()).parse().unwrap();
            prop_assert!((sum - (a + b)).abs() <= (a.abs() + b.abs()) * 2.3e-16 + 1e-17);
        }

        #[test]
        fn any_text_is_safe(text in "[-+0-9.einfxp]{0,14}", bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            for text in [text.as_bytes(), &bytes] {
                if let Some(Parsed::Finite(x)) = parse(text) {
                    print(x);
                    let _ = x.plus(x);
                }
            }
        }
    }
}
