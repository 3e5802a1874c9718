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
use crate::error::{Error, Result};
use crate::model::number;
use crate::packed::string::{Digits, Giant, Str};
#[allow(
    deprecated,
    reason = "the one keyed hash of the standard library that says which it is: SipHash-2-4"
)]
use std::hash::SipHasher;
use std::hash::{BuildHasher, Hasher, RandomState};

/// Text of so many bytes is hashed; shorter text is permuted.
const LONG: usize = 16;
/// Rounds of the permutation.
const ROUNDS: u64 = 10;
/// Characters that one hash gives, of six bits each.
const DRAWN: usize = 10;

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

    /// How many characters there are.
    fn base(self) -> u128 {
        match self {
            Class::Integer => 10,
            Class::Alnum => 62,
            Class::Printable => 95,
            Class::Binary => 256,
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
    #[allow(deprecated, reason = "see the import")]
    fn hasher(&self, purpose: u64) -> SipHasher {
        let [a, b] = self.key;
        let mut hasher = SipHasher::new_with_keys(a, b);
        hasher.write(&purpose.to_le_bytes());
        hasher
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
            let tag = [TAG, TAG + 1].map(|purpose| {
                let mut hasher = self.hasher(purpose);
                hasher.write(bytes);
                hasher.finish()
            });
            let mut left = bytes.len();
            for at in 0.. {
                let drawn = self.drawn(tag, at);
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
        let mut hashers = [self.hasher(TAG), self.hasher(TAG + 1)];
        giant.chunks(&mut |piece| {
            hashers.iter_mut().for_each(|hasher| hasher.write(piece));
            Ok(())
        })?;
        let tag = hashers.map(|hasher| hasher.finish());
        let mut piece = Vec::with_capacity(PIECE);
        let (mut left, mut at) = (giant.len, 0);
        while left > 0 {
            piece.clear();
            while piece.len() + DRAWN <= PIECE && left > piece.len() as u64 {
                piece.extend_from_slice(&self.drawn(tag, at));
                at += 1;
            }
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            piece.truncate(most);
            sink(&piece)?;
            left -= piece.len() as u64;
        }
        Ok(())
    }

    /// Characters of the mask of a text with that hash.
    fn drawn(&self, tag: [u64; 2], at: u64) -> [u8; DRAWN] {
        let mut hasher = self.hasher(DRAW);
        for n in [tag[0], tag[1], at] {
            hasher.write(&n.to_le_bytes());
        }
        let mut bits = hasher.finish();
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
        let base = class.base();
        let mut count = 1u128;
        let mut x = 0u128;
        for byte in text {
            // Up to 256^15.
            count *= base;
            x = x * base + u128::from(class.digit(*byte));
        }
        let tweak = (text.len() as u64) << 8 | class as u64;
        loop {
            x = self.permute(TEXT, tweak, count, x);
            out.clear();
            let mut rest = x;
            for _ in text {
                out.push(class.byte(u8::try_from(rest % base).unwrap_or(0)));
                rest /= base;
            }
            out.reverse();
            if Class::of(out) == class {
                return;
            }
        }
    }

    /// A permutation of the numbers below `count`, another one for each purpose and tweak.
    fn permute(&self, purpose: u64, tweak: u64, count: u128, mut x: u128) -> u128 {
        if count < 2 {
            return x;
        }
        let bits = 128 - (count - 1).leading_zeros();
        let half = bits.div_ceil(2);
        let low = (1u128 << half) - 1;
        loop {
            let (mut left, mut right) = (x >> half, x & low);
            for round in 0..ROUNDS {
                let mut hasher = self.hasher(purpose);
                hasher.write(&(tweak << 8 | round).to_le_bytes());
                hasher.write(&right.to_le_bytes());
                let mixed = u128::from(hasher.finish()) & low;
                (left, right) = (right, left ^ mixed);
            }
            x = left << half | right;
            if x < count {
                return x;
            }
        }
    }
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

    /// The example of the paper on SipHash, appendix A.
    #[test]
    #[allow(deprecated, reason = "what is tested")]
    fn the_hash_is_siphash() {
        let [a, b] = mask(KEY).key;
        let mut hasher = SipHasher::new_with_keys(a, b);
        hasher.write(&(0..15).collect::<Vec<u8>>());
        assert_eq!(hasher.finish(), 0xa129_ca61_49be_45e5);
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
