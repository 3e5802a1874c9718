//! JSON read piece by piece out of one text: what comes next is asked for, and nothing is held but escapes undone.
//!
//! ```text
//!   {"db":0,"key":"user:1","value":["a",{"base64":"/wA="}]}
//!         ▲ uint    ▲ bytes         ▲ array of bytes
//! ```
//! Every error has the offset of what is wrong. Text that ends too early is `Truncated`: more of it may follow.

use crate::error::{Error, Result};
use crate::model::kind::StreamId;
use crate::model::number;
use crate::sink::bytes::{self, Binary};
use crate::text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A place in a text. What is read borrows from the text, or from a buffer that the caller brings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
    /// Offset of the text in its file.
    base: u64,
    /// How byte strings are written.
    pub(super) binary: Binary,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Bytes up to the first `"`, `\` or control character, or all of them.
#[inline]
fn plain(text: &[u8]) -> usize {
    let zeros = |w: u64| w.wrapping_sub(ONES) & !w;
    let (words, rest) = text.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let w = u64::from_le_bytes(*word);
        let below = w.wrapping_sub(ONES * 0x20) & !w;
        let marks = (zeros(w ^ (ONES * 0x22)) | zeros(w ^ (ONES * 0x5c)) | below) & HIGHS;
        if marks != 0 {
            // The lowest mark is exact.
            return i * 8 + marks.trailing_zeros() as usize / 8;
        }
    }
    let stop = |b: &u8| *b < 0x20 || *b == b'"' || *b == b'\\';
    let last = rest.iter().position(stop).unwrap_or(rest.len());
    words.len() * 8 + last
}

/// What a byte begins, for errors.
fn named(byte: u8) -> String {
    format!("\"{}\"", text::escaped(&[byte]))
}

impl<'t> Cursor<'t> {
    /// At the first byte of `text`, which stands at offset `base` of its file.
    pub(super) fn new(text: &'t [u8], base: u64, binary: Binary) -> Cursor<'t> {
        Cursor {
            text,
            at: 0,
            base,
            binary,
        }
    }

    /// Bytes that have been read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Something is wrong here.
    #[cold]
    pub(super) fn wrong(&self, message: impl Into<String>) -> Error {
        Error::corrupt(self.base + self.at as u64, message)
    }

    #[cold]
    fn ends(&self) -> Error {
        Error::truncated(
            self.base + self.text.len() as u64,
            "the text ends within an object",
        )
    }

    /// The next byte that is no blank; it is not passed over.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<u8> {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(byte) => return Ok(*byte),
                None => return Err(self.ends()),
            }
        }
    }

    /// Passes over that byte, if it comes next.
    #[inline]
    fn eat(&mut self, byte: u8) -> Result<bool> {
        let found = self.peek()? == byte;
        self.at += usize::from(found);
        Ok(found)
    }

    /// Passes over that byte, which has to come.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8, what: &str) -> Result<()> {
        if self.eat(byte)? {
            return Ok(());
        }
        let found = named(self.peek()?);
        Err(self.wrong(format!(
            "{what} was expected ({}), found {found}",
            named(byte)
        )))
    }

    fn word(&mut self, word: &[u8]) -> Result<()> {
        let rest = self.rest();
        if rest.starts_with(word) {
            self.at += word.len();
            Ok(())
        } else if word.starts_with(rest) {
            Err(self.ends())
        } else {
            Err(self.wrong("this is no JSON value"))
        }
    }

    /// Passes over `null`, if it comes next.
    #[inline]
    pub(super) fn null(&mut self) -> Result<bool> {
        if self.peek()? != b'n' {
            return Ok(false);
        }
        self.word(b"null").map(|()| true)
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self) -> Result<bool> {
        match self.peek()? {
            b't' => self.word(b"true").map(|()| true),
            b'f' => self.word(b"false").map(|()| false),
            _ => Err(self.wrong("true or false was expected")),
        }
    }

    /// `each` for every element of an array, until it says `false`; whether it never did.
    #[inline]
    pub(super) fn array(
        &mut self,
        what: &str,
        mut each: impl FnMut(&mut Self) -> Result<bool>,
    ) -> Result<bool> {
        self.expect(b'[', what)?;
        if self.eat(b']')? {
            return Ok(true);
        }
        loop {
            if !each(self)? {
                return Ok(false);
            }
            if !self.eat(b',')? {
                self.expect(b']', "the array's end")?;
                return Ok(true);
            }
        }
    }

    /// The same, and an error says which one it was.
    #[inline]
    pub(super) fn elements(
        &mut self,
        what: &str,
        mut each: impl FnMut(&mut Self) -> Result<bool>,
    ) -> Result<bool> {
        let mut n = 0u64;
        self.array(what, |c| {
            n += 1;
            each(c).map_err(|e| e.within(format!("element {}", n - 1)))
        })
    }

    /// `each` for every name of an object, with the cursor in front of the value. Names with escapes come as they are.
    #[inline]
    pub(super) fn object(
        &mut self,
        what: &str,
        mut each: impl FnMut(&mut Self, &'t [u8]) -> Result<()>,
    ) -> Result<()> {
        self.expect(b'{', what)?;
        if self.eat(b'}')? {
            return Ok(());
        }
        loop {
            let (name, _) = self.raw("a name")?;
            self.expect(b':', "a value")?;
            each(self, name)?;
            if !self.eat(b',')? {
                return self.expect(b'}', "the object's end");
            }
        }
    }

    /// A name that is not known in such an object.
    #[cold]
    pub(super) fn unknown(&self, name: &[u8], what: &str) -> Error {
        self.wrong(format!("{} is no name in {what}", text::quoted(name)))
    }

    /// What stands between the quotes of a string, and whether there are escapes in it.
    #[inline]
    fn raw(&mut self, what: &str) -> Result<(&'t [u8], bool)> {
        if self.peek()? != b'"' {
            return Err(self.wrong(format!("{what} was expected: a string")));
        }
        let start = self.at + 1;
        let mut at = start;
        let mut escapes = false;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            at += plain(rest);
            match self.text.get(at) {
                Some(b'"') => {
                    self.at = at + 1;
                    return Ok((self.text.get(start..at).unwrap_or_default(), escapes));
                }
                Some(b'\\') => {
                    escapes = true;
                    at += 2;
                }
                Some(control) => {
                    self.at = at;
                    return Err(self.wrong(format!(
                        "{} must not stand in a JSON string as it is",
                        named(*control)
                    )));
                }
                None => return Err(self.ends()),
            }
        }
    }

    /// A string, its escapes undone.
    #[inline]
    pub(super) fn text<'s>(&mut self, what: &str, scratch: &'s mut Vec<u8>) -> Result<&'s [u8]>
    where
        't: 's,
    {
        self.peek()?;
        let before = *self;
        let (raw, escapes) = self.raw(what)?;
        if !escapes {
            return Ok(raw);
        }
        scratch.clear();
        match unescape(raw, scratch) {
            Some(()) => Ok(scratch),
            None => Err(before.wrong("an escape in this string is none of JSON's")),
        }
    }

    /// A byte string, in the way that all of the file are written.
    #[inline]
    pub(super) fn bytes<'s>(&mut self, what: &str, scratch: &'s mut Vec<u8>) -> Result<&'s [u8]>
    where
        't: 's,
    {
        if self.peek()? == b'"' {
            if self.binary == Binary::Auto {
                return self.text(what, scratch);
            }
            return self.coded(what, scratch);
        }
        if self.peek()? != b'{' {
            return Err(self.wrong(format!("{what} was expected: a string or {{\"base64\":…}}")));
        }
        let mut found = false;
        self.object(what, |c, name| {
            if name != b"base64" || found {
                return Err(c.unknown(name, "a byte string"));
            }
            found = true;
            c.base64_into(what, scratch)
        })?;
        if !found {
            return Err(self.wrong(format!("{what} is an object without base64")));
        }
        Ok(scratch)
    }

    /// A byte string that is not text as it is.
    fn coded<'s>(&mut self, what: &str, scratch: &'s mut Vec<u8>) -> Result<&'s [u8]> {
        if self.binary == Binary::Base64 {
            self.base64_into(what, scratch)?;
            return Ok(scratch);
        }
        let before = *self;
        let (decoded, form) = {
            let text = self.text(what, scratch)?;
            if self.binary == Binary::Hex {
                (bytes::from_hex(text), "hex")
            } else {
                (text::unescaped(text), "text with escapes")
            }
        };
        *scratch = decoded.ok_or_else(|| before.wrong(format!("{what} is not {form}")))?;
        Ok(scratch)
    }

    fn base64_into(&mut self, what: &str, scratch: &mut Vec<u8>) -> Result<()> {
        self.peek()?;
        let before = *self;
        let (raw, escapes) = self.raw(what)?;
        scratch.clear();
        let mut undone = Vec::new();
        let mut coded = Some(raw);
        if escapes {
            // Some writers put a backslash before every slash.
            coded = unescape(raw, &mut undone).map(|()| undone.as_slice());
        }
        coded
            .and_then(|coded| STANDARD.decode_vec(coded, scratch).ok())
            .ok_or_else(|| before.wrong(format!("{what} is not base64")))
    }

    /// Bytes that are base64 whatever the way of byte strings.
    pub(super) fn base64<'s>(&mut self, what: &str, scratch: &'s mut Vec<u8>) -> Result<&'s [u8]> {
        self.base64_into(what, scratch)?;
        Ok(scratch)
    }

    /// Digits as a number; `None` above 64 bits. None at all is an error.
    #[inline]
    fn digits(&mut self, what: &str) -> Result<Option<u64>> {
        let start = self.at;
        let mut n = Some(0u64);
        while let Some(b @ b'0'..=b'9') = self.text.get(self.at) {
            let digit = u64::from(b - b'0');
            n = n.and_then(|n| n.checked_mul(10)?.checked_add(digit));
            self.at += 1;
        }
        let leading = self.text.get(start) == Some(&b'0') && self.at > start + 1;
        match self.text.get(self.at) {
            None => return Err(self.ends()),
            Some(b'.' | b'e' | b'E') => {}
            Some(_) if self.at > start && !leading => return Ok(n),
            Some(_) => {}
        }
        self.at = start;
        Err(self.wrong(format!("{what} was expected: a whole number")))
    }

    #[cold]
    fn too_large(&self, what: &str) -> Error {
        self.wrong(format!("{what} has more than 64 bits"))
    }

    /// A number from 0 on.
    #[inline]
    pub(super) fn uint(&mut self, what: &str) -> Result<u64> {
        self.peek()?;
        let before = *self;
        self.digits(what)?.ok_or_else(|| before.too_large(what))
    }

    /// A number that may be negative.
    #[inline]
    pub(super) fn int(&mut self, what: &str) -> Result<i64> {
        let negative = self.peek()? == b'-';
        let before = *self;
        self.at += usize::from(negative);
        let n = self.digits(what)?;
        n.and_then(|n| match negative {
            true => 0i64.checked_sub_unsigned(n),
            false => i64::try_from(n).ok(),
        })
        .ok_or_else(|| before.too_large(what))
    }

    /// A number from 0 on, or `null`.
    #[inline]
    pub(super) fn opt_uint(&mut self, what: &str) -> Result<Option<u64>> {
        if self.null()? {
            return Ok(None);
        }
        self.uint(what).map(Some)
    }

    /// A number, or `null`.
    #[inline]
    pub(super) fn opt_int(&mut self, what: &str) -> Result<Option<i64>> {
        if self.null()? {
            return Ok(None);
        }
        self.int(what).map(Some)
    }

    /// A double: a number, or a string that is one, `inf`, `-inf` or `nan`.
    #[inline]
    pub(super) fn double(&mut self, what: &str) -> Result<f64> {
        let quoted = self.peek()? == b'"';
        let before = *self;
        let text = if quoted {
            self.raw(what)?.0
        } else {
            self.number(what)?
        };
        match number::parse_double(text) {
            Some(v) if quoted || v.is_finite() => Ok(v),
            Some(_) => Err(before.wrong(format!("{what} is beyond all doubles"))),
            None => Err(before.wrong(format!("{what} was expected: a number"))),
        }
    }

    /// The text of a JSON number.
    #[inline]
    fn number(&mut self, what: &str) -> Result<&'t [u8]> {
        let rest = self.rest();
        let len = rest
            .iter()
            .position(|b| !matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .ok_or_else(|| self.ends())?;
        let text = rest.get(..len).unwrap_or_default();
        if !is_number(text) {
            return Err(self.wrong(format!("{what} was expected: a number")));
        }
        self.at += len;
        Ok(text)
    }

    /// The id of a stream's entry: a string of two numbers, `1700000000000-0`.
    #[inline]
    pub(super) fn id(&mut self, what: &str) -> Result<StreamId> {
        self.peek()?;
        let before = *self;
        let (raw, _) = self.raw(what)?;
        parse_id(raw).ok_or_else(|| {
            before.wrong(format!(
                "{what} was expected: \"milliseconds-number\", found {}",
                text::quoted(raw.get(..60).unwrap_or(raw))
            ))
        })
    }

    /// The same, or `null`.
    pub(super) fn opt_id(&mut self, what: &str) -> Result<Option<StreamId>> {
        if self.null()? {
            return Ok(None);
        }
        self.id(what).map(Some)
    }

    /// Passes over a value, whose brackets are counted and nothing more.
    pub(super) fn skip(&mut self) -> Result<()> {
        let mut depth = 0u64;
        loop {
            match self.peek()? {
                b'"' => {
                    self.raw("a value")?;
                }
                b'{' | b'[' => {
                    self.at += 1;
                    depth += 1;
                    continue;
                }
                b'}' | b']' if depth > 0 => {
                    self.at += 1;
                    depth -= 1;
                }
                b',' | b':' if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                b'-' | b'0'..=b'9' => {
                    self.number("a value")?;
                }
                b't' | b'f' => {
                    self.boolean()?;
                }
                b'n' => {
                    self.null()?;
                }
                other => return Err(self.wrong(format!("{} begins no value", named(other)))),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

/// Whether a text is a number by JSON's grammar.
fn is_number(text: &[u8]) -> bool {
    let digits = |s: &[u8]| s.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with(b"0")) {
        return false;
    }
    let mut rest = rest.get(whole..).unwrap_or_default();
    if let [b'.', behind @ ..] = rest {
        let places = digits(behind);
        if places == 0 {
            return false;
        }
        rest = behind.get(places..).unwrap_or_default();
    }
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] => {
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        _ => false,
    }
}

fn parse_id(text: &[u8]) -> Option<StreamId> {
    let dash = text.iter().position(|b| *b == b'-')?;
    let number = |digits: &[u8]| {
        if digits.is_empty() || digits.len() > 20 {
            return None;
        }
        digits.iter().try_fold(0u64, |n, b| {
            let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
            n.checked_mul(10)?.checked_add(digit)
        })
    };
    Some(StreamId {
        ms: number(text.get(..dash)?)?,
        seq: number(text.get(dash + 1..)?)?,
    })
}

/// Appends a string without its escapes; `None` where one is none of JSON's, or half a surrogate pair.
fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let unit = |hex: &[u8; 4]| {
        hex.iter()
            .try_fold(0u32, |n, b| Some(n << 4 | char::from(*b).to_digit(16)?))
    };
    let mut rest = raw;
    out.reserve(raw.len());
    loop {
        let n = plain(rest);
        let (run, behind) = rest.split_at_checked(n)?;
        out.extend_from_slice(run);
        let [b'\\', kind, behind @ ..] = behind else {
            return behind.is_empty().then_some(());
        };
        rest = behind;
        out.push(match kind {
            b'"' | b'\\' | b'/' => *kind,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (hex, behind) = rest.split_first_chunk::<4>()?;
                rest = behind;
                let mut code = unit(hex)?;
                if (0xd800..0xdc00).contains(&code) {
                    let [b'\\', b'u', behind @ ..] = rest else {
                        return None;
                    };
                    let (hex, behind) = behind.split_first_chunk::<4>()?;
                    rest = behind;
                    let low = unit(hex)?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                    code = 0x1_0000 + ((code - 0xd800) << 10) + low;
                }
                let mut utf8 = [0; 4];
                out.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut utf8).as_bytes());
                continue;
            }
            _ => return None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use proptest::prelude::*;

    fn cursor(text: &str) -> Cursor<'_> {
        Cursor::new(text.as_bytes(), 100, Binary::Auto)
    }

    #[test]
    fn numbers_are_exact() {
        for (text, want) in [
            ("0,", Some(0)),
            ("-0,", Some(0)),
            (" 9223372036854775807,", Some(i64::MAX)),
            ("-9223372036854775808]", Some(i64::MIN)),
            ("9223372036854775808,", None),
            ("1.0,", None),
            ("1e3,", None),
            ("01,", None),
            ("-,", None),
            ("\"1\",", None),
        ] {
            assert_eq!(cursor(text).int("n").ok(), want, "{text}");
        }
        assert_eq!(cursor("18446744073709551615,").uint("n").unwrap(), u64::MAX);
        let e = cursor("18446744073709551616,")
            .uint("the length")
            .unwrap_err();
        assert_eq!(
            e.to_string(),
            "offset 0x64: the length has more than 64 bits"
        );
        for (text, want) in [
            ("-0.0,", Some(-0.0)),
            ("1e+17,", Some(1e17)),
            ("\"-inf\"", Some(f64::NEG_INFINITY)),
            ("\"1e+20\"", Some(1e20)),
            ("5e-324 ", Some(5e-324)),
            ("1e999,", None),
            ("1.,", None),
            (".5,", None),
            ("+1,", None),
            ("\"\"", None),
            ("[", None),
        ] {
            let got = cursor(text).double("n").ok();
            assert_eq!(got.map(f64::to_bits), want.map(f64::to_bits), "{text}");
        }
        assert!(cursor("\"nan\"").double("n").unwrap().is_nan());
    }

    #[test]
    fn what_is_no_json() {
        for text in [
            "\"a\nb\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\u12g4\"",
            "nul1",
            "'a'",
            "{\"base64\":\"!\"}",
            "{\"base64\":\"AA==\",\"base64\":\"AA==\"}",
            "{}",
            "{\"hex\":\"00\"}",
        ] {
            let e = cursor(text).bytes("a key", &mut Vec::new()).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Corrupt, "{text}: {e}");
        }
        for text in ["", "\"abc", "\"abc\\", "{\"base64\":\"AA==\"", "  "] {
            let e = cursor(text).bytes("a key", &mut Vec::new()).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Truncated, "{text}: {e}");
        }
        for text in [
            "1-2-3",
            "1",
            "-1",
            "1-",
            "a-1",
            "18446744073709551616-0",
            "1-+1",
        ] {
            assert_eq!(parse_id(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn values_are_passed_over() {
        for text in [
            "1",
            "\"a\\\"]\"",
            "[]",
            "{\"a\":[1,{\"b\":\"}\"}],\"c\":null}",
            "-1e5",
            "true",
        ] {
            let whole = format!("{text},");
            let mut c = cursor(&whole);
            c.skip().unwrap();
            assert_eq!(c.at(), text.len(), "{text}");
        }
        // However deep.
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        cursor(&deep).skip().unwrap();
        assert!(cursor("]").skip().is_err());
    }

    proptest! {
        #[test]
        fn strings_read_back(s in any::<String>(), raw in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut held = Vec::new();
            let quoted = serde_json::to_string(&s).unwrap();
            prop_assert_eq!(cursor(&quoted).text("s", &mut held).unwrap(), s.as_bytes());
            let escaped: String = s.encode_utf16().map(|u| format!("\\u{u:04X}")).collect();
            let escaped = format!("\"{escaped}\"");
            prop_assert_eq!(cursor(&escaped).text("s", &mut held).unwrap(), s.as_bytes());
            for binary in [Binary::Auto, Binary::Base64, Binary::Escape, Binary::Hex] {
                for bytes in [s.as_bytes(), &raw] {
                    let mut out = Vec::new();
                    bytes::json_bytes(bytes, binary, &mut out);
                    let mut c = Cursor::new(&out, 0, binary);
                    prop_assert_eq!(c.bytes("s", &mut held).unwrap(), bytes);
                    prop_assert_eq!(c.at(), out.len());
                }
            }
        }

        #[test]
        fn doubles_read_back(bits: u64) {
            let v = f64::from_bits(bits);
            if v.is_finite() {
                let text = format!("{v:e},");
                prop_assert_eq!(cursor(&text).double("n").unwrap().to_bits(), bits);
            }
        }
    }
}
