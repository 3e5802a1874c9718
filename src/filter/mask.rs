//! Masks: other text of the same length in the place of values, for a dump that is given away.
//!
//! ```text
//!   an integer of 64 bits      an integer of as many digits and the same sign
//!   up to 15 bytes             a text of the same class: letters and digits, printable ASCII, any bytes
//!   more                       letters, digits, - and _: a hash of the text, drawn out to its length
//! ```
//! The same text gives the same mask under the same key, so what is equal stays equal: members stay distinct, and a
//! reference from one value to another still leads there. For short text, where hashes would collide, the mask is a
//! keyed permutation of all texts of its class: a Feistel network, walked on until it is in the class again. Long text
//! is hashed to 128 bits. Both by SipHash-2-4 under a key of 128 bits.
//!
//! What a mask tells: the length, the class, and which are equal. Whoever has the key can try texts out; whoever has
//! not, and sees 900,000 of the 900,000 masks of six digits, still knows what they are in all.

use super::glob::Glob;
use super::siphash::Sip;
use crate::error::{Error, Result};
use crate::model::number;
use crate::packed::string::{Digits, Giant, Str};
use std::hash::{BuildHasher, RandomState};

/// Text of so many bytes is hashed; shorter text is permuted.
const LONG: usize = 16;
/// Rounds of the permutation.
const ROUNDS: u8 = 10;
/// Characters that one hash gives, of six bits each.
const DRAWN: usize = 10;

/// How many digits of that base fit into a word.
const fn word(base: u64) -> usize {
    match base {
        62 => 10,
        95 => 9,
        _ => 7,
    }
}

const ALNUM: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Begins with 32 letters: the first character of a mask is one of them, so that it is no number.
const WIDE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A key: who has it can make the same masks.
pub type Key = [u8; 16];

/// Which keys' values are masked, and how.
#[derive(Debug, Clone)]
pub struct Mask {
    globs: Vec<Glob>,
    key: [u64; 2],
}

/// What a text is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Integer,
    Alnum,
    Printable,
    Binary,
}

impl Class {
    fn of(text: &[u8]) -> Class {
        if number::parse_i64(text).is_some() {
            Class::Integer
        } else if text.iter().all(u8::is_ascii_alphanumeric) {
            Class::Alnum
        } else if text.iter().all(|b| (b' '..=b'~').contains(b)) {
            Class::Printable
        } else {
            Class::Binary
        }
    }

    /// The place of a character among those of the class.
    fn digit(self, byte: u8) -> u8 {
        match (self, byte) {
            (Class::Alnum, b'A'..=b'Z') => byte - b'A',
            (Class::Alnum, b'a'..=b'z') => byte - b'a' + 26,
            (Class::Alnum, b'0'..=b'9') => byte - b'0' + 52,
            (Class::Printable, b' '..=b'~') => byte - b' ',
            _ => byte,
        }
    }

    /// The place of a text among all of its class and length, and how many those are: at most 256^15.
    fn number(self, text: &[u8]) -> (u128, u128) {
        match self {
            Class::Alnum => self.places::<62>(text),
            Class::Printable => self.places::<95>(text),
            Class::Integer | Class::Binary => self.places::<256>(text),
        }
    }

    /// The text at that place.
    fn text(self, place: u128, out: &mut [u8]) {
        match self {
            Class::Alnum => self.characters::<62>(place, out),
            Class::Printable => self.characters::<95>(place, out),
            Class::Integer | Class::Binary => self.characters::<256>(place, out),
        }
    }

    fn places<const BASE: u64>(self, text: &[u8]) -> (u128, u128) {
        let (mut x, mut count) = (0, 1);
        // As many digits at a time as a word holds.
        for part in text.chunks(word(BASE)) {
            let (mut digits, mut base) = (0, 1);
            for byte in part {
                digits = digits * BASE + u64::from(self.digit(*byte));
                base *= BASE;
            }
            x = x * u128::from(base) + u128::from(digits);
            count *= u128::from(base);
        }
        (x, count)
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "what is left over is small"
    )]
    fn characters<const BASE: u64>(self, mut place: u128, out: &mut [u8]) {
        let base = u128::from(BASE.pow(word(BASE) as u32));
        for part in out.rchunks_mut(word(BASE)) {
            let mut digits = if place < base {
                let digits = place;
                place = 0;
                digits as u64
            } else {
                let digits = place % base;
                place /= base;
                digits as u64
            };
            for byte in part.iter_mut().rev() {
                *byte = self.byte((digits % BASE) as u8);
                digits /= BASE;
            }
        }
    }

    fn byte(self, digit: u8) -> u8 {
        match self {
            Class::Alnum => ALNUM.get(usize::from(digit)).copied().unwrap_or(b'A'),
            Class::Printable => digit.saturating_add(b' '),
            _ => digit,
        }
    }
}

/// 128 random bits, from the seed that the system gives the process' hash tables.
#[must_use]
pub fn random_key() -> Key {
    let state = RandomState::new();
    let half = |n: u64| state.hash_one(n).to_le_bytes();
    let mut key = [0; 16];
    let (low, high) = key.split_at_mut(8);
    low.copy_from_slice(&half(0));
    high.copy_from_slice(&half(1));
    key
}

/// A key of 32 hex digits.
///
/// # Errors
/// `Usage` for anything else.
pub fn key_from_hex(text: &str) -> Result<Key> {
    let bytes: Option<Vec<u8>> = (text.len() == 32 && text.is_ascii())
        .then(|| {
            let pairs = (0..16).map(|i| text.get(i * 2..i * 2 + 2));
            pairs
                .map(|pair| {
                    let pair = pair.filter(|p| p.bytes().all(|b| b.is_ascii_hexdigit()))?;
                    u8::from_str_radix(pair, 16).ok()
                })
                .collect()
        })
        .flatten();
    bytes
        .and_then(|bytes| Key::try_from(bytes).ok())
        .ok_or_else(|| Error::usage("a key of masks has 32 hex digits"))
}

impl Mask {
    /// For the keys that one of the patterns matches.
    #[must_use]
    pub fn new(globs: Vec<Glob>, key: Key) -> Mask {
        let [a, b] = [0, 8].map(|at| {
            let mut half = [0; 8];
            half.copy_from_slice(key.get(at..at + 8).unwrap_or(&[0; 8]));
            u64::from_le_bytes(half)
        });
        Mask { globs, key: [a, b] }
    }

    /// Whether the values of the key of that name are masked.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        self.globs.iter().any(|glob| glob.matches(name))
    }

    /// A hash for one purpose.
    fn hash(&self, purpose: u64) -> Sip {
        Sip::new(self.key).word(purpose)
    }

    /// The mask of a text that is at hand; `held` holds it. `None` of a giant one, see [`Mask::giant`].
    pub fn text<'m>(&self, text: &Str<'_>, held: &'m mut Vec<u8>) -> Option<Str<'m>> {
        let digits;
        let bytes = match text {
            Str::Bytes(bytes) => *bytes,
            Str::Int(v) => {
                digits = Digits::new(*v);
                digits.as_bytes()
            }
            Str::Giant(_) => return None,
        };
        held.clear();
        if bytes.is_empty() {
            return Some(Str::Bytes(held));
        }
        if let Some(v) = number::parse_i64(bytes) {
            return Some(Str::Int(self.integer(v)));
        }
        if bytes.len() < LONG {
            self.permuted(bytes, held);
        } else {
            let draw = self.draw([TAG, TAG + 1].map(|purpose| self.hash(purpose).bytes(bytes)));
            let mut left = bytes.len();
            for at in 0.. {
                let drawn = drawn(draw, at);
                let part = drawn.get(..left).unwrap_or(&drawn);
                held.extend_from_slice(part);
                left -= part.len();
                if left == 0 {
                    break;
                }
            }
        }
        Some(Str::Bytes(held))
    }

    /// Calls `sink` with the mask of a text that is read in chunks, piece by piece.
    ///
    /// # Errors
    /// What reading the text, or the sink, says.
    pub fn giant(
        &self,
        giant: &Giant<'_>,
        sink: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut tags = [self.hash(TAG), self.hash(TAG + 1)];
        let mut rest = Vec::new();
        giant.chunks(&mut |piece| {
            rest.extend_from_slice(piece);
            let (words, left) = rest.as_chunks::<8>();
            for word in words {
                tags = tags.map(|tag| tag.word(u64::from_le_bytes(*word)));
            }
            rest.drain(..rest.len() - left.len());
            Ok(())
        })?;
        let draw = self.draw(tags.map(|tag| tag.bytes(&rest)));
        let mut piece = Vec::with_capacity(PIECE);
        let (mut left, mut at) = (giant.len, 0);
        while left > 0 {
            piece.clear();
            while piece.len() + DRAWN <= PIECE && left > piece.len() as u64 {
                piece.extend_from_slice(&drawn(draw, at));
                at += 1;
            }
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            piece.truncate(most);
            sink(&piece)?;
            left -= piece.len() as u64;
        }
        Ok(())
    }

    /// Where the characters of the mask of a text with that hash are drawn from.
    fn draw(&self, [a, b]: [u64; 2]) -> Sip {
        self.hash(DRAW).word(a).word(b)
    }

    /// An integer of as many digits and the same sign.
    fn integer(&self, v: i64) -> i64 {
        let size = v.unsigned_abs();
        let digits = size.checked_ilog10().unwrap_or(0);
        let negative = v < 0;
        let least = match digits {
            0 => u64::from(negative),
            n => 10u64.pow(n),
        };
        let most = i64::MAX.unsigned_abs() + u64::from(negative);
        // Of 19 digits there are fewer than 10^19.
        let last = 10u64
            .checked_pow(digits + 1)
            .map_or(most, |n| (n - 1).min(most));
        let count = u128::from(last - least) + 1;
        let tweak = u64::from(digits) << 1 | u64::from(negative);
        let now = self.permute(INTEGER, tweak, count, u128::from(size - least));
        // What is counted fits into 64 bits.
        let now = u64::try_from(now).unwrap_or(0) + least;
        if negative {
            0i64.wrapping_sub_unsigned(now)
        } else {
            now.cast_signed()
        }
    }

    /// A short text that is no integer.
    fn permuted(&self, text: &[u8], out: &mut Vec<u8>) {
        let class = Class::of(text);
        let (mut x, count) = class.number(text);
        let tweak = (text.len() as u64) << 8 | class as u64;
        out.resize(text.len(), 0);
        loop {
            x = self.permute(TEXT, tweak, count, x);
            class.text(x, out);
            if Class::of(out) == class {
                return;
            }
        }
    }

    /// A permutation of the numbers below `count`, at most 2^120, another one for each purpose and tweak.
    #[allow(clippy::cast_possible_truncation, reason = "halves of 60 bits")]
    fn permute(&self, purpose: u64, tweak: u64, count: u128, mut x: u128) -> u128 {
        if count < 2 {
            return x;
        }
        let bits = 128 - (count - 1).leading_zeros();
        // A half has 60 bits at most.
        let half = bits.div_ceil(2);
        let low = (1u64 << half) - 1;
        let start = self.hash(purpose);
        let rounds: [Sip; ROUNDS as usize] =
            std::array::from_fn(|round| start.word(tweak << 8 | round as u64));
        loop {
            let (mut left, mut right) = ((x >> half) as u64, x as u64 & low);
            for round in rounds {
                // The right half as 128 bits, of which the upper ones are zeros.
                let mixed = round.word(right).word(0).finish() & low;
                (left, right) = (right, left ^ mixed);
            }
            x = u128::from(left) << half | u128::from(right);
            if x < count {
                return x;
            }
        }
    }
}

/// Characters of a mask, from the place where they are drawn.
fn drawn(draw: Sip, at: u64) -> [u8; DRAWN] {
    let mut bits = draw.word(at).finish();
    let mut out = [0; DRAWN];
    for (i, place) in out.iter_mut().enumerate() {
        let few = if at == 0 && i == 0 { 31 } else { 63 };
        #[allow(clippy::cast_possible_truncation, reason = "six bits")]
        let index = (bits & few) as usize;
        *place = WIDE.get(index).copied().unwrap_or(b'A');
        bits >>= 6;
    }
    out
}

/// Bytes of a piece of a giant mask.
const PIECE: usize = 60 << 10;

// What hashes are for: no two purposes have the same.
const INTEGER: u64 = 1;
const TEXT: u64 = 2;
const DRAW: u64 = 3;
const TAG: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::bytes::Far;
    use std::collections::HashSet;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f";

    fn mask(key: &str) -> Mask {
        Mask::new(vec![Glob::new(b"user:*")], key_from_hex(key).unwrap())
    }

    fn of(mask: &Mask, text: &[u8]) -> Vec<u8> {
        let mut held = Vec::new();
        mask.text(&Str::Bytes(text), &mut held)
            .unwrap()
            .to_vec(1 << 30)
            .unwrap()
    }

    /// The permutation as the header has it, in the plainest way, with the standard library's hash.
    #[allow(deprecated, reason = "it says that it is SipHash-2-4")]
    #[allow(clippy::cast_possible_truncation, reason = "lengths and digits")]
    fn plain(mask: &Mask, text: &[u8]) -> Vec<u8> {
        use std::hash::{Hasher, SipHasher};
        let hash = |words: &[u128], bytes: &[u8]| {
            let mut hasher = SipHasher::new_with_keys(mask.key[0], mask.key[1]);
            for (i, word) in words.iter().enumerate() {
                hasher.write(&word.to_le_bytes()[..if i == 2 { 16 } else { 8 }]);
            }
            hasher.write(bytes);
            hasher.finish()
        };
        if text.len() >= LONG {
            let tag = [TAG, TAG + 1].map(|purpose| hash(&[u128::from(purpose)], text));
            let mut out = Vec::new();
            for at in 0..text.len().div_ceil(DRAWN) as u64 {
                let words: Vec<u8> = [tag[0], tag[1], at]
                    .into_iter()
                    .flat_map(u64::to_le_bytes)
                    .collect();
                let bits = hash(&[u128::from(DRAW)], &words);
                out.extend((0..DRAWN).map(|i| {
                    let few = if at == 0 && i == 0 { 31 } else { 63 };
                    WIDE[(bits >> (6 * i) & few) as usize]
                }));
            }
            out.truncate(text.len());
            return out;
        }
        let class = Class::of(text);
        let base: u128 = match class {
            Class::Alnum => 62,
            Class::Printable => 95,
            _ => 256,
        };
        let mut x = text
            .iter()
            .fold(0, |x, byte| x * base + u128::from(class.digit(*byte)));
        let count = base.pow(text.len() as u32);
        let half = (128 - (count - 1).leading_zeros()).div_ceil(2);
        let low = (1u128 << half) - 1;
        let tweak = (text.len() as u128) << 8 | class as u128;
        loop {
            let (mut left, mut right) = (x >> half, x & low);
            for round in 0..10 {
                let mixed =
                    u128::from(hash(&[u128::from(TEXT), tweak << 8 | round, right], b"")) & low;
                (left, right) = (right, left ^ mixed);
            }
            x = left << half | right;
            if x >= count {
                continue;
            }
            let mut out: Vec<u8> = (0..text.len() as u32)
                .map(|i| class.byte((x / base.pow(i) % base) as u8))
                .collect();
            out.reverse();
            if Class::of(&out) == class {
                return out;
            }
        }
    }

    #[test]
    #[allow(clippy::cast_possible_truncation, reason = "made-up data")]
    fn the_quick_way_is_the_plain_one() {
        let mask = mask(KEY);
        let mut x = 5u64;
        for round in 0..3000usize {
            let len = 1 + round % 40;
            let text: Vec<u8> = (0..len)
                .map(|_| {
                    x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let byte = (x >> 40) as u8;
                    match round % 3 {
                        0 => ALNUM[usize::from(byte) % 62],
                        1 => b' ' + byte % 95,
                        _ => byte,
                    }
                })
                .collect();
            if number::parse_i64(&text).is_none() {
                assert_eq!(of(&mask, &text), plain(&mask, &text), "{text:?}");
            }
        }
    }

    /// Masks that were given away once must come again.
    #[test]
    fn masks_stay_what_they_were() {
        let mask = mask(KEY);
        let texts: [&[u8]; 8] = [
            b"7",
            b"-12345",
            b"1893456000000",
            b"ann",
            b"3.14",
            b"\xff\x00",
            b"0123456789abcde",
            b"some long text, longer",
        ];
        let masks: [&[u8]; 8] = [
            b"8",
            b"-69918",
            b"2047061954537",
            b"RA4",
            b"m[PE",
            b"\xad\x80",
            b"tapGXDue66JBYqo",
            b"PF62Ld1JbhVpfj_6Ftqhri",
        ];
        for (text, masked) in texts.into_iter().zip(masks) {
            assert_eq!(of(&mask, text), masked, "{text:?}");
        }
    }

    #[test]
    fn lengths_and_classes_stay() {
        let mask = mask(KEY);
        let texts: [&[u8]; 14] = [
            b"",
            b"a",
            b"!",
            b"\xff",
            b"007",
            b"-0",
            b"3.14",
            b"ann@example.org",
            b"0123456789abcde",
            b"0123456789abcdef",
            b"99999999999999999999",
            b"\x00\x01 some bytes \xfe that are no text at all",
            &[b'x'; 1000],
            "grüße".as_bytes(),
        ];
        for text in texts {
            let masked = of(&mask, text);
            assert_eq!(masked.len(), text.len());
            assert!(number::parse_i64(&masked).is_none(), "{masked:?}");
            if text.len() < LONG {
                assert_eq!(Class::of(&masked), Class::of(text));
            }
            if text.len() > 3 {
                assert_ne!(masked, text);
            }
            assert_eq!(masked, of(&mask, text));
        }
        // One character more is another text altogether.
        assert_ne!(of(&mask, &[b'x'; 999]), of(&mask, &[b'x'; 1000])[..999]);
    }

    #[test]
    fn integers_stay_integers() {
        let mask = mask(KEY);
        for v in [
            0,
            7,
            -1,
            -9,
            10,
            99,
            100,
            -12_345,
            1_893_456_000_000,
            i64::from(i32::MIN),
            i64::MAX,
            i64::MIN,
            1_000_000_000_000_000_000,
            -1_000_000_000_000_000_000,
        ] {
            let text = v.to_string();
            let masked = of(&mask, text.as_bytes());
            assert_eq!(masked.len(), text.len());
            let now = number::parse_i64(&masked).unwrap();
            assert_eq!(now < 0, v < 0);
            let mut held = Vec::new();
            let int = mask.text(&Str::Int(v), &mut held).unwrap();
            assert!(matches!(int, Str::Int(w) if w == now));
        }
    }

    /// What was different stays different, however few there are to choose from.
    #[test]
    fn masks_do_not_collide() {
        let mask = mask(KEY);
        let mut seen = HashSet::new();
        for byte in 0..=255u8 {
            assert!(seen.insert(of(&mask, &[byte])), "{byte}");
        }
        for v in -1000..11_000i64 {
            assert!(seen.insert(of(&mask, v.to_string().as_bytes())) != (0..10).contains(&v));
        }
        for a in b'!'..=b'~' {
            for b in b'!'..=b'~' {
                let text = [a, b];
                if number::parse_i64(&text).is_none() {
                    assert!(seen.insert(of(&mask, &text)), "{text:?}");
                }
            }
        }
        for i in 0..20_000 {
            assert!(seen.insert(of(&mask, format!("member-{i:05}").as_bytes())));
            assert!(seen.insert(of(&mask, format!("a longer member-{i:05}").as_bytes())));
        }
    }

    #[test]
    fn keys_make_the_difference() {
        let other = mask("ffeeddccbbaa99887766554433221100");
        let texts: [&[u8]; 4] = [
            b"ann",
            b"123456",
            b"some long text, longer",
            b"\x80\x81\x82",
        ];
        for text in texts {
            assert_ne!(of(&mask(KEY), text), of(&other, text));
        }
        assert_ne!(random_key(), random_key());
        for bad in [
            "",
            "00",
            &"0".repeat(33),
            &"g".repeat(32),
            &"é".repeat(16),
            &"+1".repeat(16),
        ] {
            assert!(key_from_hex(bad).is_err(), "{bad}");
        }
        assert!(other.matches(b"user:1") && !other.matches(b"order:1"));
    }

    #[test]
    fn giants_get_what_they_would_get_in_memory() {
        let mask = mask(KEY);
        for len in [16, 59, 60, PIECE, PIECE + 1, 3 * PIECE + 7] {
            let text: Vec<u8> = (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let giant = Giant {
                far: Far::Mem(&text),
                stored: len as u64,
                len: len as u64,
                lzf: false,
                offset: 0,
            };
            let mut streamed = Vec::new();
            mask.giant(&giant, &mut |piece| {
                streamed.extend_from_slice(piece);
                Ok(())
            })
            .unwrap();
            assert_eq!(streamed, of(&mask, &text), "{len}");
            let mut held = Vec::new();
            assert!(mask.text(&Str::Giant(giant), &mut held).is_none());
        }
    }
}
