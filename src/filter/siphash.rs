//! SipHash-2-4, a word at a time, so that what was hashed so far can be kept and gone on from.
//!
//! The standard library has it, too, but buffers bytes; masks hash a few words over and over. Source: J.-P. Aumasson,
//! D. J. Bernstein, "SipHash: a fast short-input PRF", 2012.

/// A hash under way: its state after whole words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sip {
    v: [u64; 4],
    words: u64,
}

impl Sip {
    /// Nothing hashed yet.
    #[must_use]
    pub(super) fn new([a, b]: [u64; 2]) -> Sip {
        Sip {
            v: [
                a ^ 0x736f_6d65_7073_6575,
                b ^ 0x646f_7261_6e64_6f6d,
                a ^ 0x6c79_6765_6e65_7261,
                b ^ 0x7465_6462_7974_6573,
            ],
            words: 0,
        }
    }

    /// One word more: eight bytes, the first lowest.
    #[must_use]
    #[inline(always)]
    pub(super) fn word(self, m: u64) -> Sip {
        let [v0, v1, v2, v3] = self.v;
        let [v0, v1, v2, v3] = round(round([v0, v1, v2, v3 ^ m]));
        Sip {
            v: [v0 ^ m, v1, v2, v3],
            words: self.words + 1,
        }
    }

    /// The hash.
    #[must_use]
    #[inline(always)]
    pub(super) fn finish(self) -> u64 {
        self.end(0, 0)
    }

    /// The hash with these bytes at the end.
    #[must_use]
    #[inline]
    pub(super) fn bytes(self, bytes: &[u8]) -> u64 {
        let (words, rest) = bytes.as_chunks::<8>();
        let sip = words
            .iter()
            .fold(self, |sip, word| sip.word(u64::from_le_bytes(*word)));
        let tail = rest
            .iter()
            .rev()
            .fold(0, |tail, byte| tail << 8 | u64::from(*byte));
        sip.end(tail, rest.len() as u64)
    }

    /// The last word: fewer than eight bytes, and the length of all in the eighth.
    #[inline(always)]
    fn end(self, tail: u64, bytes: u64) -> u64 {
        let length = self.words.wrapping_mul(8).wrapping_add(bytes);
        let [v0, v1, v2, v3] = self.word(length << 56 | tail).v;
        let [v0, v1, v2, v3] = round(round(round(round([v0, v1, v2 ^ 0xff, v3]))));
        v0 ^ v1 ^ v2 ^ v3
    }
}

#[inline(always)]
fn round([mut v0, mut v1, mut v2, mut v3]: [u64; 4]) -> [u64; 4] {
    v0 = v0.wrapping_add(v1);
    v2 = v2.wrapping_add(v3);
    v1 = v1.rotate_left(13) ^ v0;
    v3 = v3.rotate_left(16) ^ v2;
    v0 = v0.rotate_left(32);
    v2 = v2.wrapping_add(v1);
    v0 = v0.wrapping_add(v3);
    v1 = v1.rotate_left(17) ^ v2;
    v3 = v3.rotate_left(21) ^ v0;
    v2 = v2.rotate_left(32);
    [v0, v1, v2, v3]
}

#[cfg(test)]
mod tests {
    use super::*;
    #[allow(deprecated, reason = "what it is compared with")]
    use std::hash::{Hasher, SipHasher};

    /// The example of the paper, appendix A.
    #[test]
    fn the_example_of_the_paper() {
        let bytes: Vec<u8> = (0..15).collect();
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        assert_eq!(Sip::new(key).bytes(&bytes), 0xa129_ca61_49be_45e5);
    }

    #[test]
    #[allow(deprecated, reason = "what it is compared with")]
    fn it_is_the_standard_librarys() {
        let bytes: Vec<u8> = (0..=255).chain(0..=255).collect();
        for len in 0..bytes.len() {
            let key = [(len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15), 7];
            let mut want = SipHasher::new_with_keys(key[0], key[1]);
            want.write(&9u64.to_le_bytes());
            let sip = Sip::new(key).word(9);
            assert_eq!(sip.finish(), want.clone().finish());
            want.write(&bytes[..len]);
            assert_eq!(sip.bytes(&bytes[..len]), want.finish());
        }
    }
}
