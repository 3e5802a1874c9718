//! The `*` and `$` lines of a log: one byte, a number, CRLF.
//!
//! ```text
//! $12\r\n      what is written           "$ +012 bytes\n"      what a loader takes for the same
//! ```
//!
//! Two readers. `short_line` knows only what writers write and is what a healthy file of any size goes through; `line`
//! reads like a server's loader (`fgets`, then `strtol`) and says what is malformed.

use super::decode::{FaultKind, FlawKind};

/// The longest line a loader takes, LF included: its buffer has 1024 bytes and `fgets` keeps one for the NUL.
pub const LINE_MAX: usize = 1023;

/// The number of a line, read as a loader reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// The number, the offset behind the LF, and what is malformed about the line.
    Is(i64, usize, Option<FlawKind>),
    /// No LF yet.
    More,
    /// No LF where there must be one.
    TooLong,
}

/// `strtol` in base 10: skips white space, takes a sign, saturates, stops at the first other byte. Also whether the
/// digits are exactly what a writer would have written.
pub(crate) fn strtol(text: &[u8]) -> (i64, bool) {
    let blank = text
        .iter()
        .take_while(|b| matches!(b, b' ' | b'\t'..=b'\r'))
        .count();
    let signed = text.get(blank..).unwrap_or_default();
    let (negative, digits) = match signed.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, signed),
    };
    let mut value = 0i64;
    let mut n = 0;
    for b in digits.iter().take_while(|b| b.is_ascii_digit()) {
        let digit = i64::from(b - b'0');
        value = value.saturating_mul(10);
        value = if negative {
            value.saturating_sub(digit)
        } else {
            value.saturating_add(digit)
        };
        n += 1;
    }
    let minimal = n == text.len() && n > 0 && (n == 1 || text.first() != Some(&b'0'));
    (value, minimal)
}

/// Reads the line at `pos`, whose first byte the caller has looked at.
pub(crate) fn line(bytes: &[u8], pos: usize) -> Line {
    let rest = bytes.get(pos..).unwrap_or_default();
    let window = rest.get(..LINE_MAX).unwrap_or(rest);
    let Some(lf) = window.iter().position(|&b| b == b'\n') else {
        return if rest.len() >= LINE_MAX {
            Line::TooLong
        } else {
            Line::More
        };
    };
    let text = window.get(1..lf).unwrap_or_default();
    let (text, cr) = match text.split_last() {
        Some((b'\r', text)) => (text, true),
        _ => (text, false),
    };
    let (value, minimal) = strtol(text);
    let flaw = if !minimal {
        Some(FlawKind::Number)
    } else if !cr {
        Some(FlawKind::BareLf)
    } else {
        None
    };
    Line::Is(value, pos + lf + 1, flaw)
}

/// What the argc of a line means to a loader: `atoi` cuts `strtol` to 32 bits, so that 4294967297 is 1.
#[allow(
    clippy::cast_possible_truncation,
    reason = "atoi cuts to 32 bits, as loaders do"
)]
pub(crate) fn argc(value: i64, first: Option<&u8>) -> Result<u32, FaultKind> {
    match u32::try_from(value as i32) {
        Ok(n) if n > 0 => Ok(n),
        _ if first == Some(&0) => Err(FaultKind::NulArgc),
        _ => Err(FaultKind::Argc(value as i32)),
    }
}

/// What the length of a line means to a loader.
pub(crate) fn length(value: i64) -> Result<u64, FaultKind> {
    u64::try_from(value).map_err(|_| FaultKind::NegativeLength(value))
}

/// The common case of a line: up to 3 digits, none superfluous, and CRLF. Gives the number and the offset behind the
/// line. No loop and hardly a branch, because the number of digits changes from argument to argument and cannot be guessed.
#[inline(always)]
#[allow(
    clippy::cast_possible_truncation,
    reason = "at most three decimal digits"
)]
pub(super) fn short_line(bytes: &[u8], pos: usize, prefix: u8) -> Option<(usize, usize)> {
    let word = u64::from_le_bytes(*bytes.get(pos..)?.first_chunk::<8>()?);
    let digits = word >> 8;
    // Bytes that are not 0..=9, each marked by its high bit: `b ^ 0x30` is 0..=9 for digits only.
    let x = digits ^ 0x0030_3030_3030_3030;
    let not_digit =
        (((x & 0x007f_7f7f_7f7f_7f7f) + 0x0076_7676_7676_7676) | x) & 0x0080_8080_8080_8080;
    let n = not_digit.trailing_zeros() / 8;
    // Digits to the top of a 3-byte field, zeros before them.
    if n == 0 || n > 3 {
        return middle_line(bytes, pos, prefix);
    }
    let end = (digits >> (n * 8)) & 0xffff;
    let field = (x << (24 - n * 8)) & 0x00ff_ffff;
    let value = (field & 0xff) * 100 + ((field >> 8) & 0xff) * 10 + (field >> 16);
    let superfluous = n > 1 && x & 0xff == 0;
    if end != 0x0a0d || word & 0xff != u64::from(prefix) || superfluous {
        return None;
    }
    Some((value as usize, pos + n as usize + 3))
}

/// The same for 4 to 9 digits.
#[inline(never)]
fn middle_line(bytes: &[u8], pos: usize, prefix: u8) -> Option<(usize, usize)> {
    let (first, rest) = bytes.get(pos..)?.split_first()?;
    let mut value = 0usize;
    let mut n = 0;
    for b in rest.iter().take(9).take_while(|b| b.is_ascii_digit()) {
        value = value * 10 + usize::from(b - b'0');
        n += 1;
    }
    let exact = n > 3 && *first == prefix && rest.first() != Some(&b'0');
    (exact && rest.get(n..n + 2) == Some(b"\r\n")).then_some((value, pos + n + 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_servers_read_them() {
        assert_eq!(strtol(b"12"), (12, true));
        assert_eq!(strtol(b"0"), (0, true));
        for (text, value) in [
            (&b"012"[..], 12),
            (b"+5", 5),
            (b" \t\x0b7", 7),
            (b"5x", 5),
            (b"", 0),
            (b"-3", -3),
            (b"--3", 0),
            (b"3\0", 3),
            (b"99999999999999999999", i64::MAX),
            (b"-99999999999999999999", i64::MIN),
        ] {
            assert_eq!(strtol(text).0, value, "{text:?}");
            assert_eq!(strtol(text).1, value == i64::MAX, "{text:?}");
        }
        assert_eq!(argc(4_294_967_297, None), Ok(1));
        assert_eq!(argc(i64::MAX, None), Err(FaultKind::Argc(-1)));
        assert_eq!(line(b"$3\n", 0), Line::Is(3, 3, Some(FlawKind::BareLf)));
        let mut long = vec![b'#'; LINE_MAX - 1];
        assert_eq!(line(&long, 0), Line::More);
        long.push(b'\n');
        assert!(matches!(line(&long, 0), Line::Is(..)));
        long.insert(0, b'#');
        assert_eq!(line(&long, 0), Line::TooLong);
    }

    #[test]
    fn short_lines_agree_with_strtol() {
        for n in [
            0u64,
            1,
            9,
            10,
            99,
            100,
            999,
            1000,
            12_345,
            999_999,
            123_456_789,
            1_234_567_890,
        ] {
            for text in [
                format!("${n}\r\n"),
                format!("$0{n}\r\n"),
                format!("${n}\n\n"),
                format!("*{n}\r\n"),
                format!("$+{n}\r\n"),
                format!("${n}x\r\n"),
            ] {
                let mut bytes = text.clone().into_bytes();
                bytes.extend_from_slice(b"abcdefgh");
                if let Some((value, next)) = short_line(&bytes, 0, b'$') {
                    assert_eq!(
                        line(&bytes, 0),
                        Line::Is(value as i64, next, None),
                        "{text}"
                    );
                    assert_eq!(bytes[0], b'$');
                } else {
                    assert!(n > 999_999_999 || text != format!("${n}\r\n"), "{text}");
                }
            }
        }
    }
}
