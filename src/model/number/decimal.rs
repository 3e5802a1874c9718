//! Decimals of up to 18 digits as doubles, without the general method's cost: nearly every score is one.

/// Powers of ten that are doubles and whose doubles are below 2^63.
const TENS: [u64; 19] = {
    let mut tens = [1; 19];
    let mut i = 1;
    while i < 19 {
        #[allow(clippy::indexing_slicing, reason = "evaluated while compiling")]
        {
            tens[i] = tens[i - 1] * 10;
        }
        i += 1;
    }
    tens
};

/// Digits with an optional sign and point, correctly rounded; `None` for what is too long, rare, or something else.
#[inline]
pub(super) fn decimal(bytes: &[u8]) -> Option<f64> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (value, places) = if digits.len() > 8 {
        long(digits)?
    } else {
        short(digits)?
    };
    let power = *TENS.get(places)?;
    let value = if value < 1_000_000_000_000_000 {
        // Both are exact, and one division rounds once (Clinger's fast path).
        double(value) / double(power)
    } else {
        nearest(value, power)?
    };
    Some(if negative { -value } else { value })
}

/// Up to eight digits and point: all digits as a number, and how many are behind the point.
#[inline]
fn short(digits: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    let mut point = None;
    for (i, &c) in digits.iter().enumerate() {
        let digit = c.wrapping_sub(b'0');
        if digit <= 9 {
            value = value * 10 + u64::from(digit);
        } else if c == b'.' && point.is_none() {
            point = Some(i);
        } else {
            return None;
        }
    }
    let places = point.map_or(0, |at| digits.len() - at - 1);
    let seen = digits.len() - usize::from(point.is_some());
    (seen > 0).then_some((value, places))
}

/// The same of more, at most 18 digits, with the point among the first eight bytes; it takes eight bytes at a time.
#[inline]
fn long(digits: &[u8]) -> Option<(u64, usize)> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let head = u64::from_le_bytes(*digits.first_chunk()?) ^ (ONES * 0x30);
    let tail = u64::from_le_bytes(*digits.last_chunk()?) ^ (ONES * 0x30);
    // The first byte that is the point: the lowest one that becomes zero is marked rightly.
    let zero = head ^ (ONES * 0x1e);
    let at = (zero.wrapping_sub(ONES) & !zero & (ONES * 0x80)).trailing_zeros() / 8;
    let places = digits.len().checked_sub(at as usize + 1)?;
    if at == 8 || digits.len() > 19 {
        return None;
    }
    // The digits before the point go to the high end: zeros stand before them.
    let whole = head.unbounded_shl(64 - 8 * at);
    let (middle, rest) = match places.checked_sub(8) {
        Some(rest) => {
            let middle = digits.get(at as usize + 1..)?.first_chunk()?;
            (u64::from_le_bytes(*middle) ^ (ONES * 0x30), rest)
        }
        None => (0, places),
    };
    // Those behind: the last ones, without what was taken already.
    #[allow(clippy::cast_possible_truncation, reason = "at most 64")]
    let tail = tail & u64::MAX.unbounded_shl(64u32.checked_sub(8 * rest as u32)?);
    let odd = |w: u64| (w.wrapping_add(ONES * 0x76) | w) & (ONES * 0x80);
    if odd(whole) | odd(middle) | odd(tail) != 0 {
        return None;
    }
    let before = if places >= 8 {
        eight(whole) * 100_000_000 + eight(middle)
    } else {
        eight(whole)
    };
    Some((before * TENS.get(rest)? + eight(tail), places))
}

/// The number of eight digits, the first in the lowest byte.
#[inline]
fn eight(w: u64) -> u64 {
    let w = (w * 10).wrapping_add(w >> 8) & 0x00ff_00ff_00ff_00ff;
    let w = (w * 100).wrapping_add(w >> 16) & 0x0000_ffff_0000_ffff;
    (w * 10_000).wrapping_add(w >> 32) & 0xffff_ffff
}

#[inline]
#[allow(
    clippy::cast_precision_loss,
    reason = "exact, or made up for by who asks"
)]
fn double(value: u64) -> f64 {
    value.cast_signed() as f64
}

/// The double nearest to `value / power`, both at most 10^18, where no double lies exactly between two, and in no rare
/// case.
///
/// The quotient of the two as doubles is at most two steps away, as two roundings lead to it. With m × 2^-s as that
/// double, what is left over is value × 2^s - m × power, in units of which a step is `power`: that is below 2^62, so its
/// low 64 bits tell all of it.
#[inline]
fn nearest(value: u64, power: u64) -> Option<f64> {
    const HIDDEN: u64 = 1 << 52;
    let bits = (double(value) / double(power)).to_bits();
    let m = bits & (HIDDEN - 1) | HIDDEN;
    // Whole numbers stay out, and powers of two, below which steps are shorter.
    let s = 1075u32.checked_sub(u32::try_from(bits >> 52).ok()?)?;
    if s == 0 || m == HIDDEN {
        return None;
    }
    let left = value.unbounded_shl(s).wrapping_sub(m.wrapping_mul(power));
    let (left, power) = (left.cast_signed(), power.cast_signed());
    let step = i64::from(2 * left > power) - i64::from(2 * left < -power);
    let left = left - step * power;
    (2 * left.abs() < power).then(|| f64::from_bits(bits.wrapping_add_signed(step)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(text: &str) -> bool {
        let want: f64 = text.parse().unwrap();
        match decimal(text.as_bytes()) {
            Some(got) => {
                assert_eq!(got.to_bits(), want.to_bits(), "{text}");
                true
            }
            None => false,
        }
    }

    #[test]
    fn like_the_standard_library() {
        let mut x = 1u64;
        let (mut all, mut taken) = (0, 0);
        for _ in 0..100_000 {
            x = x
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            #[allow(clippy::cast_precision_loss, reason = "any double will do")]
            let score = (x >> 44) as f64 / 100.0;
            let more = 16 - format!("{score:.0}").len();
            for text in [
                format!("{score:.more$}"),
                format!("-{score:.more$}"),
                format!("{score:.2}"),
            ] {
                all += 1;
                taken += u32::from(same(&text));
            }
            // Any digits, and the point anywhere.
            let digits = x.to_string();
            for n in [15, 16, 17, 18, 19, 20] {
                let (digits, _) = digits.split_at(n.min(digits.len()));
                same(digits);
                let (whole, rest) = digits.split_at((x % 20) as usize % (digits.len() + 1));
                same(&format!("{whole}.{rest}"));
                same(&format!("0.{digits}"));
            }
        }
        // Scores as servers write them are what this is for.
        assert!(taken * 100 > all * 99, "{taken} of {all}");
    }

    #[test]
    fn what_lies_between_two_doubles_is_left_to_others() {
        // Halves of a step, and next to them.
        for n in 0..2000u64 {
            let m = (1 << 53) + 2 * n * 7919 + 1;
            for text in [
                format!("{}.5", (1u64 << 52) + n),
                format!("{}.4999", (1u64 << 52) + n),
                format!("{}.25", (1u64 << 51) + n),
                format!("{}.75", (1u64 << 51) + n),
                format!("{}.12500", (1u64 << 46) + n),
                format!("{}.1250001", (1u64 << 38) + n),
                m.to_string(),
            ] {
                same(&text);
            }
        }
        assert_eq!(decimal(b"4503599627370496.5"), None);
        for text in [
            "0.0000000000000000",
            "1.0000000000000000",
            "2.0000000000000001",
            "0.9999999999999999",
        ] {
            same(text);
        }
    }

    #[test]
    fn no_decimals() {
        for text in [
            "",
            ".",
            "-",
            "-.",
            "1..2",
            "1e5",
            "+1",
            " 1",
            "12345678901234567890",
            "1.23456789012345678901",
            "inf",
        ] {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
        }
    }
}
