use super::grisu::{FIRST_POWER, POWER_STEP, POWERS, power_exponent};
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
fn hundredths_have_as_many_places_as_they_need() {
    let mut n = 1u64;
    for i in 0..50_000u64 {
        let n = match i {
            0..2000 => i,
            _ => {
                n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                n >> (i % 64)
            }
        };
        let mut out = Vec::new();
        push_hundredths(n, &mut out);
        let mut want = format!("{}.{:02}", n / 100, n % 100);
        if want.ends_with('0') {
            want.pop();
        }
        assert_eq!(String::from_utf8(out).unwrap(), want);
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
const SCORES: &str = include_str!("../../../testdata/number/scores.tsv");

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
