//! The cluster slot of a key: CRC-16 XMODEM of the key or of its hash tag, modulo 16384.
//!
//! The hash tag is what stands between the first `{` and the first `}` after it; if there is no such pair, or nothing
//! between, the whole key counts: `{user1000}.following` goes where `user1000` goes, `foo{}{bar}` by all its bytes.
//! Polynomial 0x1021, start 0, not reflected. Source: the cluster specification, `keyHashSlot` in redis `src/cluster.c`.

/// How many slots there are.
pub const SLOTS: u16 = 1 << 14;

/// `TABLE[b]` is the remainder of the byte b followed by 16 zero bits.
const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0u16;
    while byte < 256 {
        let mut crc = byte << 8;
        let mut bit = 0;
        while bit < 8 {
            let carry = crc & 0x8000 != 0;
            crc <<= 1;
            if carry {
                crc ^= 0x1021;
            }
            bit += 1;
        }
        #[allow(
            clippy::indexing_slicing,
            reason = "evaluated while compiling, where a bad index is a compile error"
        )]
        {
            table[byte as usize] = crc;
        }
        byte += 1;
    }
    table
};

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, &b| {
        let [high, _] = crc.to_be_bytes();
        let step = TABLE
            .get(usize::from(high ^ b))
            .copied()
            .unwrap_or_default();
        crc << 8 ^ step
    })
}

/// The part of the key that decides its slot.
#[must_use]
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let inside = || {
        let open = key.iter().position(|&b| b == b'{')?;
        let after = key.get(open + 1..)?;
        let close = after.iter().position(|&b| b == b'}')?;
        after.get(..close).filter(|tag| !tag.is_empty())
    };
    inside().unwrap_or(key)
}

/// The slot of a key, as `CLUSTER KEYSLOT` gives it.
///
/// ```
/// use redisk::model::slot::key_slot;
/// assert_eq!(key_slot(b"{user1000}.following"), key_slot(b"user1000"));
/// ```
#[must_use]
pub fn key_slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_cluster_keyslot_says() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        let cases: &[(&[u8], u16)] = &[
            (b"", 0),
            (b"foo", 12182),
            (b"bar", 5061),
            (b"123456789", 12739),
            (b"{user1000}.following", 3443),
            (b"{user1000}.followers", 3443),
            (b"user1000", 3443),
            (b"foo{}{bar}", 8363),
            (b"foo{{bar}}zap", 4015),
            (b"{bar", 4015),
            (b"foo{bar}{zap}", 5061),
            (b"{}", 15257),
            (b"{", 4092),
            (b"}", 12090),
            (b"}{", 12793),
            (b"}{a}", 15495),
            (b"a{b", 13340),
            (b"{a}", 15495),
            (b"a", 15495),
            (b"a}b{c}d", 7365),
            (b"\x00\xff", 7920),
            (&[b'x'; 300], 11216),
            (b"{yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy}z", 5426),
        ];
        for (key, slot) in cases {
            assert_eq!(key_slot(key), *slot, "{}", key.escape_ascii());
        }
    }
}
