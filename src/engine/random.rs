//! Chance, for the commands that ask for it (`SPOP`, `SRANDMEMBER`, `RANDOMKEY` …): xorshift64*, seeded by the process'
//! own hash state. A log says itself what chance chose, so a replay never needs it to be the same.

use super::table;

/// A source of random numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Default for Random {
    /// Another one in each process.
    fn default() -> Random {
        Random::of(u64::from(table::hash(b"seed")) << 32 | u64::from(table::hash(b"random")))
    }
}

impl Random {
    /// The same numbers for the same seed.
    #[must_use]
    pub fn of(seed: u64) -> Random {
        Random(seed | 1)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number from 0 up to `n`, without it; 0 where `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        // The upper half of a product: as even as 64 bits are.
        let product = u128::from(self.bits()) * n as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reaches_everything_and_nothing_else() {
        let mut random = Random::of(7);
        let mut seen = [0u32; 10];
        for _ in 0..10_000 {
            seen[random.below(10)] += 1;
        }
        assert!(seen.iter().all(|n| (800..1200).contains(n)), "{seen:?}");
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
    }
}
