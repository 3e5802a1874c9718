//! Sizes, durations and times: from what people type to numbers, and back.
//!
//! | | read | printed |
//! |---|---|---|
//! | size | `512`, `10k` = 10,000, `10kb` = `10KiB` = 10,240; m, g, t alike, in any case; `1.5gb` | `1.2 MiB` |
//! | duration | `90s`, `1500ms`, `5m`, `2h`, `7d`, `1w`, `1h30m` (falling units) | `1h 30m`, `1.5s`, `20ms` |
//! | time | `2026-11-20T14:05:00Z`, with `.250` or `+02:00`; `2026-11-20 14:05` (UTC); `2026-11-20`; seconds since 1970; `1795183500000ms` | `2026-11-20T14:05:00Z` |
//!
//! The sizes are those of redis.conf (`memtoull`), where `k` is a thousand and `kb` 1024. Times are on the proleptic
//! Gregorian calendar without leap seconds, as everywhere in Unix; nothing here asks for the time or the time zone.

use crate::error::{Error, Result};
use crate::text;

/// What stands before the unit: digits, and perhaps a fraction.
struct Amount<'a> {
    whole: u64,
    /// The digits after the point.
    fraction: &'a str,
    unit: &'a str,
}

fn amount(text: &str) -> Option<Amount<'_>> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (number, ""),
    };
    if fraction.contains('.') {
        return None;
    }
    Some(Amount {
        whole: whole.parse().ok()?,
        fraction,
        unit,
    })
}

impl Amount<'_> {
    /// In units of which this one has `scale`; what is less than one unit goes. `None` when it does not fit.
    fn times(&self, scale: u64) -> Option<u64> {
        let mut part = 0u128;
        let mut divisor = 1u128;
        // More digits than 18 cannot matter: the scales are below 10^15.
        for b in self.fraction.bytes().take(18) {
            part = part * 10 + u128::from(b - b'0');
            divisor *= 10;
        }
        let part = part * u128::from(scale) / divisor;
        self.whole
            .checked_mul(scale)?
            .checked_add(u64::try_from(part).ok()?)
    }
}

#[cold]
fn unclear(text: &str, what: &str, examples: &str) -> Error {
    Error::usage(format!(
        "{} is no {what} (examples: {examples})",
        text::quoted(text.as_bytes())
    ))
}

#[cold]
fn too_much(text: &str, what: &str) -> Error {
    Error::usage(format!(
        "{} is too large for a {what}",
        text::quoted(text.as_bytes())
    ))
}

/// A number of bytes.
///
/// # Errors
/// [`crate::ErrorKind::Usage`] when it is none, or above 2^64 - 1.
///
/// ```
/// use redisk::model::units::parse_size;
/// assert_eq!(parse_size("10kb")?, 10_240);
/// assert_eq!(parse_size("10k")?, 10_000);
/// # Ok::<(), redisk::Error>(())
/// ```
pub fn parse_size(text: &str) -> Result<u64> {
    const EXAMPLES: &str = "512, 10kb, 1.5GiB";
    let amount = amount(text.trim()).ok_or_else(|| size_or_range(text.trim(), EXAMPLES))?;
    let scale: u64 = match amount.unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" | "kib" => 1 << 10,
        "m" => 1_000_000,
        "mb" | "mib" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" | "gib" => 1 << 30,
        "t" => 1_000_000_000_000,
        "tb" | "tib" => 1 << 40,
        _ => return Err(unclear(text, "size", EXAMPLES)),
    };
    if scale == 1 && !amount.fraction.is_empty() {
        return Err(unclear(text, "size", EXAMPLES));
    }
    amount.times(scale).ok_or_else(|| too_much(text, "size"))
}

/// Digits that do not fit 64 bits are too large; anything else is no size.
#[cold]
fn size_or_range(text: &str, examples: &str) -> Error {
    if text.len() > 19 && text.bytes().all(|b| b.is_ascii_digit()) {
        too_much(text, "size")
    } else {
        unclear(text, "size", examples)
    }
}

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A duration in milliseconds. Several parts add up, the greater units first.
///
/// # Errors
/// [`crate::ErrorKind::Usage`] when it is none, has no unit, or does not fit.
///
/// ```
/// assert_eq!(redisk::model::units::parse_duration_ms("1h30m")?, 5_400_000);
/// # Ok::<(), redisk::Error>(())
/// ```
pub fn parse_duration_ms(text: &str) -> Result<i64> {
    let no = || unclear(text, "duration", "1500ms, 90s, 5m, 1h30m, 7d");
    let mut rest = text.trim();
    let mut total = 0i64;
    let mut last = i64::MAX;
    if rest == "0" {
        return Ok(0);
    }
    while !rest.is_empty() {
        let unit_at = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(no)?;
        let unit_end = rest
            .get(unit_at..)
            .and_then(|unit| unit.find(|c: char| !c.is_ascii_alphabetic()))
            .map_or(rest.len(), |n| unit_at + n);
        let (part, after) = rest.split_at_checked(unit_end).ok_or_else(no)?;
        let part = amount(part).ok_or_else(no)?;
        let scale = match part.unit {
            "ms" => 1,
            "s" => SECOND,
            "m" | "min" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            "w" => 7 * DAY,
            _ => return Err(no()),
        };
        if scale >= last {
            return Err(no());
        }
        last = scale;
        total = part
            .times(scale.unsigned_abs())
            .and_then(|ms| i64::try_from(ms).ok())
            .and_then(|ms| total.checked_add(ms))
            .ok_or_else(|| too_much(text, "duration"))?;
        rest = after.trim_start();
    }
    if last == i64::MAX {
        return Err(no());
    }
    Ok(total)
}

/// A moment, in milliseconds since 1970.
///
/// # Errors
/// [`crate::ErrorKind::Usage`] when it is none, is no day of the calendar, or does not fit.
///
/// ```
/// use redisk::model::units::parse_time_ms;
/// assert_eq!(parse_time_ms("2026-11-20T14:05:00Z")?, 1_795_183_500_000);
/// assert_eq!(parse_time_ms("1795183500")?, 1_795_183_500_000);
/// # Ok::<(), redisk::Error>(())
/// ```
pub fn parse_time_ms(text: &str) -> Result<i64> {
    let no = || {
        unclear(
            text,
            "time",
            "2026-11-20T14:05:00Z, 2026-11-20 14:05, 1795183500, 1795183500000ms",
        )
    };
    let trimmed = text.trim();
    let (number, scale) = match trimmed.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (trimmed, SECOND),
    };
    let digits = number.strip_prefix('-').unwrap_or(number);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return number
            .parse::<i64>()
            .ok()
            .and_then(|n| n.checked_mul(scale))
            .ok_or_else(|| too_much(text, "time"));
    }
    civil_ms(trimmed).ok_or_else(no)
}

/// Takes exactly `n` digits and then the separator, if one is asked for.
fn field<'a>(rest: &'a str, n: usize, separator: &str) -> Option<(i64, &'a str)> {
    let (digits, rest) = rest.split_at_checked(n)?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((digits.parse().ok()?, rest.strip_prefix(separator)?))
}

/// RFC 3339 with what people leave out: seconds, the zone, the time.
fn civil_ms(text: &str) -> Option<i64> {
    let (year, rest) = field(text, 4, "-")?;
    let (month, rest) = field(rest, 2, "-")?;
    let (day, rest) = field(rest, 2, "")?;
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let midnight = days_from_civil(year, month, day) * DAY;
    if rest.is_empty() {
        return Some(midnight);
    }
    let rest = rest.strip_prefix(['T', 't', ' ', '_'])?;
    let (hour, rest) = field(rest, 2, ":")?;
    let (minute, mut rest) = field(rest, 2, "")?;
    let mut second = 0;
    let mut ms = 0;
    if let Some(after) = rest.strip_prefix(':') {
        (second, rest) = field(after, 2, "")?;
        if let Some(after) = rest.strip_prefix('.') {
            let n = after
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(after.len());
            if n == 0 {
                return None;
            }
            let (digits, after) = after.split_at_checked(n)?;
            ms = digits
                .bytes()
                .chain(*b"00")
                .take(3)
                .fold(0, |ms, b| ms * 10 + i64::from(b - b'0'));
            rest = after;
        }
    }
    // 60 is a leap second, which Unix time gives the number of the next one.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let zone = match rest.trim_start() {
        "" | "Z" | "z" | "UTC" => 0,
        zone => {
            let (sign, rest) = match zone.split_at_checked(1)? {
                ("+", rest) => (1, rest),
                ("-", rest) => (-1, rest),
                _ => return None,
            };
            let (hours, rest) = field(rest, 2, ":").or_else(|| field(rest, 2, ""))?;
            let (minutes, rest) = if rest.is_empty() {
                (0, rest)
            } else {
                field(rest, 2, "")?
            };
            if !rest.is_empty() || hours > 23 || minutes > 59 {
                return None;
            }
            sign * (hours * HOUR + minutes * MINUTE)
        }
    };
    Some(midnight + hour * HOUR + minute * MINUTE + second * SECOND + ms - zone)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// 400 years, after which the calendar repeats.
const ERA_DAYS: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;

/// Days since 1970. The year is taken to begin in March, so that the leap day comes last and the lengths of the months
/// before a month are (153 m + 2) / 5.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let in_era = year.rem_euclid(400);
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year.div_euclid(400) * ERA_DAYS + in_era * 365 + in_era / 4 - in_era / 100 + in_year
        - EPOCH_DAYS
}

/// Year, month and day of a number of days since 1970.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAYS;
    let in_era = days.rem_euclid(ERA_DAYS);
    let year = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let march = (5 * in_year + 2) / 153;
    let day = in_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = days.div_euclid(ERA_DAYS) * 400 + year + i64::from(month <= 2);
    (year, month, day)
}

/// A moment as RFC 3339 in UTC, with milliseconds if there are any. A year that has not four digits is out of that
/// standard's range, and nobody's date: it comes as the number, `9223372036854775807ms`, which [`parse_time_ms`] takes.
#[must_use]
pub fn format_time_ms(ms: i64) -> String {
    let (year, month, day) = civil_from_days(ms.div_euclid(DAY));
    if !(0..=9999).contains(&year) {
        return format!("{ms}ms");
    }
    let in_day = ms.rem_euclid(DAY);
    let (hour, minute, second) = (
        in_day / HOUR,
        in_day % HOUR / MINUTE,
        in_day % MINUTE / SECOND,
    );
    let date = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    match in_day % SECOND {
        0 => format!("{date}Z"),
        part => format!("{date}.{part:03}Z"),
    }
}

/// A number of bytes for people: `812 B`, `1.2 MiB`, `16.0 EiB`. Rounded to the nearest tenth.
#[must_use]
pub fn format_bytes(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut scale = 1u128 << 10;
    for unit in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        let tenths = (u128::from(bytes) * 10 + scale / 2) / scale;
        // 1023.96 KiB would round to 1024.0: it is 1.0 MiB.
        if tenths < 10_240 || unit == "EiB" {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        scale <<= 10;
    }
    format!("{bytes} B")
}

/// A duration for people: the two greatest units, `3d 4h`, `1m 5s`, `2.5s`, `20ms`, `0s`; a minus before the past.
#[must_use]
pub fn format_duration_ms(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    let [second, minute, hour, day] = [SECOND, MINUTE, HOUR, DAY].map(i64::unsigned_abs);
    let two = |great: u64, unit: &str, small: u64, part: &str| match ms % great / small {
        0 => format!("{sign}{}{unit}", ms / great),
        rest => format!("{sign}{}{unit} {rest}{part}", ms / great),
    };
    match ms {
        0 => "0s".to_owned(),
        1..SECOND_U => format!("{sign}{ms}ms"),
        SECOND_U..MINUTE_U => {
            let fraction = format!("{:03}", ms % second);
            match fraction.trim_end_matches('0') {
                "" => format!("{sign}{}s", ms / second),
                fraction => format!("{sign}{}.{fraction}s", ms / second),
            }
        }
        MINUTE_U..HOUR_U => two(minute, "m", second, "s"),
        HOUR_U..DAY_U => two(hour, "h", minute, "m"),
        _ => two(day, "d", hour, "h"),
    }
}

const SECOND_U: u64 = SECOND.unsigned_abs();
const MINUTE_U: u64 = MINUTE.unsigned_abs();
const HOUR_U: u64 = HOUR.unsigned_abs();
const DAY_U: u64 = DAY.unsigned_abs();

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("512", 512),
            ("512b", 512),
            ("1k", 1000),
            ("1kb", 1024),
            ("1KiB", 1024),
            ("10 MB", 10 << 20),
            ("1m", 1_000_000),
            ("1MiB", 1 << 20),
            ("1.5gb", 3 << 29),
            ("0.1k", 100),
            ("2G", 2_000_000_000),
            ("1tb", 1 << 40),
            (" 7 ", 7),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
        for bad in [
            "", "k", "-1", "1.5", "1..5k", "1.k", ".5k", "1x", "1kbb", "1 2", "1e3", "é", "1é",
        ] {
            let e = parse_size(bad).unwrap_err();
            assert!(e.message().contains("is no size"), "{bad}: {e}");
        }
        for big in ["18446744073709551616", "99999999tb", "17179869184.5gb"] {
            let e = parse_size(big).unwrap_err();
            assert!(e.message().contains("too large"), "{big}: {e}");
        }
        assert_eq!(
            parse_size("5 apples").unwrap_err().to_string(),
            "\"5 apples\" is no size (examples: 512, 10kb, 1.5GiB)"
        );
    }

    #[test]
    fn bytes_for_people() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_258_291, "1.2 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (1 << 30, "1.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(format_bytes(bytes), text);
        }
    }

    #[test]
    fn durations() {
        for (text, ms, back) in [
            ("1500ms", 1500, "1.5s"),
            ("90s", 90_000, "1m 30s"),
            ("5m", 300_000, "5m"),
            ("2h", 7_200_000, "2h"),
            ("7d", 604_800_000, "7d"),
            ("1w", 604_800_000, "7d"),
            ("1h30m", 5_400_000, "1h 30m"),
            ("1d 2h 3m 4s 5ms", 93_784_005, "1d 2h"),
            ("1.25s", 1250, "1.25s"),
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("20ms", 20, "20ms"),
        ] {
            assert_eq!(parse_duration_ms(text).unwrap(), ms, "{text}");
            assert_eq!(format_duration_ms(ms), back);
        }
        for bad in [
            "", "5", "s", "-5s", "5y", "1m1h", "1h1h", "1h30", "1..5s", "é", "5é", "1h,2m",
        ] {
            let e = parse_duration_ms(bad).unwrap_err();
            assert!(e.message().contains("is no duration"), "{bad}: {e}");
        }
        for big in [
            "9223372036854775808ms",
            "106751991168d",
            "9223372036854775807ms1ms",
        ] {
            assert!(parse_duration_ms(big).is_err());
        }
        assert_eq!(format_duration_ms(-90_000), "-1m 30s");
        assert_eq!(format_duration_ms(i64::MIN), "-106751991167d 7h");
    }

    #[test]
    fn times() {
        for (text, ms) in [
            ("0", 0),
            ("-5", -5000),
            ("1795183500", 1_795_183_500_000),
            ("1795183500123ms", 1_795_183_500_123),
            ("2026-11-20T14:05:00Z", 1_795_183_500_000),
            ("2026-11-20t14:05:00z", 1_795_183_500_000),
            ("2026-11-20T14:05:00.25Z", 1_795_183_500_250),
            ("2026-11-20T14:05:00.123999Z", 1_795_183_500_123),
            ("2026-11-20T16:05:00+02:00", 1_795_183_500_000),
            ("2026-11-20T16:05:00+0200", 1_795_183_500_000),
            ("2026-11-20 09:05:00 -05", 1_795_183_500_000),
            ("2026-11-20 14:05", 1_795_183_500_000),
            ("2026-11-20", 1_795_132_800_000),
            ("1970-01-01", 0),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2000-02-29", 951_782_400_000),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ] {
            assert_eq!(parse_time_ms(text).unwrap(), ms, "{text}");
        }
        for bad in [
            "",
            "-",
            "ms",
            "now",
            "2026",
            "2026-13-01",
            "2026-00-01",
            "2026-02-29",
            "1900-02-29",
            "2026-11-31",
            "2026-11-20T",
            "2026-11-20T24:00",
            "2026-11-20T14",
            "2026-11-20T14:60",
            "2026-11-20T14:05:00.",
            "2026-11-20T14:05:00Q",
            "2026-11-20T14:05:00+2",
            "2026-11-20T14:05:00+02:0",
            "2026-11-2014:05",
            "2026-1-2",
            "+026-11-20",
            "é",
            "2026-11-20é",
            "2026-11-20T14:05:00+é",
        ] {
            // Four digits are seconds, not a year.
            assert_eq!(parse_time_ms(bad).is_ok(), bad == "2026", "{bad}");
        }
        assert!(
            parse_time_ms("9223372036854775808")
                .unwrap_err()
                .message()
                .contains("too large")
        );
        assert_eq!(format_time_ms(1_795_183_500_000), "2026-11-20T14:05:00Z");
        assert_eq!(
            format_time_ms(1_795_183_500_007),
            "2026-11-20T14:05:00.007Z"
        );
        assert_eq!(format_time_ms(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(format_time_ms(253_402_300_800_000), "253402300800000ms");
        assert_eq!(format_time_ms(-62_167_219_200_001), "-62167219200001ms");
        assert_eq!(format_time_ms(i64::MIN), "-9223372036854775808ms");
        assert_eq!(format_time_ms(i64::MAX), "9223372036854775807ms");
    }

    #[test]
    fn every_day_of_four_centuries() {
        let mut expected = (1800, 1, 1);
        let start = days_from_civil(1800, 1, 1);
        for day in 0..=ERA_DAYS {
            assert_eq!(civil_from_days(start + day), expected);
            assert_eq!(
                days_from_civil(expected.0, expected.1, expected.2),
                start + day
            );
            expected.2 += 1;
            if expected.2 > days_in(expected.0, expected.1) {
                expected = (expected.0, expected.1 + 1, 1);
            }
            if expected.1 > 12 {
                expected = (expected.0 + 1, 1, 1);
            }
        }
        assert_eq!(expected, (2200, 1, 2));
    }

    proptest! {
        #[test]
        fn times_come_back(ms: i64, near in -62_167_219_200_000i64..253_402_300_800_000) {
            for ms in [ms, near] {
                prop_assert_eq!(parse_time_ms(&format_time_ms(ms)).unwrap(), ms);
            }
            prop_assert!(format_time_ms(near).ends_with('Z'));
        }

        #[test]
        fn any_text_is_safe(text in any::<String>(), near in "[-+0-9.:TZ smhdkb]{0,25}", ms: i64, bytes: u64) {
            for text in [&text, &near] {
                let _ = parse_size(text);
                let _ = parse_duration_ms(text);
                let _ = parse_time_ms(text);
            }
            let _ = format_duration_ms(ms);
            let _ = format_bytes(bytes);
        }
    }
}
