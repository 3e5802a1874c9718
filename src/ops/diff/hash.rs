//! A keyed 128-bit hash: SipHash-1-3 with 128 bits of output.
//!
//! ```text
//!   v0..v3 = "somepseudorandomlygeneratedbytes" xor key, v1 ^= ee
//!   for each 8 bytes m: v3 ^= m; round; v0 ^= m          the last word: what is left, and the length in its top byte
//!   v2 ^= ee; 3 rounds; low  = v0^v1^v2^v3
//!   v1 ^= dd; 3 rounds; high = v0^v1^v2^v3
//! ```
//! Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", and the reference code's 128-bit variant. One
//! round a word and three at the end, as in the standard library's tables.
//!
//! Equal hashes count as equal values, so a wrong "same" must not be possible even for who made both files. The key is
//! drawn anew in every run and never leaves it: nobody can prepare two texts with the same hash, and two texts that
//! merely differ have the same one once in 2^128. With a billion keys that is one in 10^20 runs.

use crate::error::Result;
use crate::packed::string::Str;
use std::hash::{BuildHasher, RandomState};

/// The key of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key([u64; 2]);

impl Key {
    /// 128 random bits, from the seed that the system gives the process' hash tables.
    #[must_use]
    pub(super) fn random() -> Key {
        let state = RandomState::new();
        Key([state.hash_one(0u64), state.hash_one(1u64)])
    }

    /// A hash for one purpose: those of different purposes have nothing to do with each other.
    #[must_use]
    #[inline]
    pub(super) fn hasher(self, purpose: u64) -> Sip {
        Sip::new(self.0[0], self.0[1] ^ purpose)
    }

    /// The hash of a string; an integer and its decimal text give the same.
    pub(super) fn string(self, purpose: u64, s: &Str<'_>) -> Result<u128> {
        let mut sip = self.hasher(purpose);
        sip.string(s)?;
        Ok(sip.finish())
    }
}

/// A hash under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sip {
    v: [u64; 4],
    /// What has come of the next word.
    tail: u64,
    /// How many bytes have come.
    len: u64,
}

/// One round.
#[inline(always)]
fn round([mut a, mut b, mut c, mut d]: [u64; 4]) -> [u64; 4] {
    a = a.wrapping_add(b);
    c = c.wrapping_add(d);
    b = b.rotate_left(13) ^ a;
    d = d.rotate_left(16) ^ c;
    a = a.rotate_left(32);
    c = c.wrapping_add(b);
    a = a.wrapping_add(d);
    b = b.rotate_left(17) ^ c;
    d = d.rotate_left(21) ^ a;
    c = c.rotate_left(32);
    [a, b, c, d]
}

#[inline(always)]
fn absorb([a, b, c, d]: [u64; 4], m: u64) -> [u64; 4] {
    let [a, b, c, d] = round([a, b, c, d ^ m]);
    [a ^ m, b, c, d]
}

impl Sip {
    fn new(k0: u64, k1: u64) -> Sip {
        Sip {
            v: [
                k0 ^ 0x736f_6d65_7073_6575,
                k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
                k0 ^ 0x6c79_6765_6e65_7261,
                k1 ^ 0x7465_6462_7974_6573,
            ],
            tail: 0,
            len: 0,
        }
    }

    /// Adds bytes. How they are cut into calls makes no difference.
    #[inline]
    pub(super) fn write(&mut self, mut bytes: &[u8]) {
        let held = self.len % 8;
        self.len = self.len.wrapping_add(bytes.len() as u64);
        let mut v = self.v;
        if held > 0 {
            let mut at = held;
            while let [first, rest @ ..] = bytes {
                self.tail |= u64::from(*first) << (8 * at);
                bytes = rest;
                at += 1;
                if at == 8 {
                    v = absorb(v, self.tail);
                    self.tail = 0;
                    break;
                }
            }
            if at < 8 {
                return;
            }
        }
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            v = absorb(v, u64::from_le_bytes(*word));
        }
        for (i, b) in rest.iter().enumerate() {
            self.tail |= u64::from(*b) << (8 * i);
        }
        self.v = v;
    }

    /// Adds a number.
    #[inline]
    pub(super) fn number(&mut self, n: u64) {
        self.write(&n.to_le_bytes());
    }

    /// Adds a string behind its length, so that a row of strings has one reading.
    #[inline]
    pub(super) fn string(&mut self, s: &Str<'_>) -> Result<()> {
        self.number(s.len());
        s.chunks(&mut |piece| {
            self.write(piece);
            Ok(())
        })
    }

    /// The hash of all that came.
    #[must_use]
    #[inline]
    pub(super) fn finish(&self) -> u128 {
        let last = self.tail | self.len << 56;
        let [a, b, c, d] = absorb(self.v, last);
        let v = round(round(round([a, b, c ^ 0xee, d])));
        let low = v[0] ^ v[1] ^ v[2] ^ v[3];
        let [a, b, c, d] = v;
        let v = round(round(round([a, b ^ 0xdd, c, d])));
        let high = v[0] ^ v[1] ^ v[2] ^ v[3];
        u128::from(low) | u128::from(high) << 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::Hasher;

    /// The same rounds with the 64-bit ending: what the standard library's hasher computes under a key of zeros.
    fn short(bytes: &[u8]) -> u64 {
        let mut sip = Sip::new(0, 0);
        sip.v[1] ^= 0xee;
        sip.write(bytes);
        let last = sip.tail | sip.len << 56;
        let [a, b, c, d] = absorb(sip.v, last);
        let v = round(round(round([a, b, c ^ 0xff, d])));
        v[0] ^ v[1] ^ v[2] ^ v[3]
    }

    #[test]
    fn rounds_are_those_of_the_standard_library() {
        let bytes: Vec<u8> = (0..200).collect();
        for n in 0..bytes.len() {
            let mut std = std::hash::DefaultHasher::new();
            std.write(&bytes[..n]);
            assert_eq!(short(&bytes[..n]), std.finish(), "{n}");
        }
    }

    #[test]
    fn cuts_make_no_difference() {
        let key = Key::random();
        let bytes: Vec<u8> = (0..100u8).map(|i| i.wrapping_mul(7)).collect();
        let mut whole = key.hasher(1);
        whole.write(&bytes);
        for step in 1..40 {
            let mut sip = key.hasher(1);
            bytes.chunks(step).for_each(|piece| sip.write(piece));
            assert_eq!(sip.finish(), whole.finish(), "{step}");
        }
    }

    #[test]
    fn what_differs_has_another_hash() {
        let key = Key::random();
        let hash = |purpose, bytes: &[u8]| {
            let mut sip = key.hasher(purpose);
            sip.write(bytes);
            sip.finish()
        };
        let mut seen = HashSet::new();
        // Zeros of every length, one bit in every place, every purpose.
        for n in 0..600 {
            assert!(seen.insert(hash(0, &vec![0; n])));
        }
        for bit in 0..300 * 8 {
            let mut bytes = vec![0; 300];
            bytes[bit / 8] |= 1 << (bit % 8);
            assert!(seen.insert(hash(0, &bytes)));
        }
        for purpose in 1..100 {
            assert!(seen.insert(hash(purpose, b"x")));
        }
        assert_ne!(
            Key::random().hasher(0).finish(),
            Key::random().hasher(0).finish()
        );
        // Both halves count.
        let halves = |shift: u32| {
            seen.iter()
                .map(|h| h >> shift & u128::from(u64::MAX))
                .collect::<HashSet<_>>()
        };
        assert_eq!(
            (halves(0).len(), halves(64).len()),
            (seen.len(), seen.len())
        );
    }

    #[test]
    fn strings_are_what_they_say_however_they_are_stored() {
        let key = Key::random();
        let hash = |s: Str<'_>| key.string(3, &s).unwrap();
        assert_eq!(hash(Str::Int(-12)), hash(Str::Bytes(b"-12")));
        assert_ne!(hash(Str::Bytes(b"a")), hash(Str::Bytes(b"a\0")));
    }
}
