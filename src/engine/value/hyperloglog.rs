//! HyperLogLogs: how many different elements were seen, roughly, in a string of its own form.
//!
//! ```text
//!   │ HYLL │ 0 dense, 1 sparse │ 3 bytes │ count: u64 le, bit 63: out of date │ 16384 registers of 6 bits │
//!   dense    register r in the bits 6r to 6r+5, from the lowest of the first byte
//!   sparse   runs: 00xxxxxx x+1 zeros │ 01xxxxxx yyyyyyyy xy+1 zeros │ 1vvvvvxx x+1 times v+1
//! ```
//! All is done as servers do it, byte for byte: which runs are split and which are joined again, and when sparse becomes
//! dense. Source: redis `src/hyperloglog.c`; O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches",
//! 2017.

/// How many registers.
pub const REGISTERS: usize = 16384;
/// The length of a dense one, its head included.
pub const DENSE: usize = HEAD + REGISTERS * 6 / 8;
const HEAD: usize = 16;
const MAGIC: &[u8; 4] = b"HYLL";
/// The highest register of a sparse one.
const SPARSE_MAX: u8 = 32;
/// Bits of a hash that are counted.
const Q: usize = 50;

/// The registers do not add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

/// A new one: no element seen.
#[must_use]
pub fn empty() -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.resize(HEAD, 0);
    if let Some(encoding) = bytes.get_mut(4) {
        *encoding = 1;
    }
    push_zeros(REGISTERS, &mut bytes);
    bytes
}

/// Whether a string begins as one, and is as long as a dense one has to be.
#[must_use]
pub fn is_one(bytes: &[u8]) -> bool {
    bytes.len() >= HEAD
        && bytes.starts_with(MAGIC)
        && match bytes.get(4) {
            Some(0) => bytes.len() == DENSE,
            Some(1) => true,
            _ => false,
        }
}

/// Whether it is dense.
#[must_use]
pub fn is_dense(bytes: &[u8]) -> bool {
    bytes.get(4) == Some(&0)
}

/// The count that was noted, unless it is out of date.
#[must_use]
pub fn noted(bytes: &[u8]) -> Option<u64> {
    let count = u64::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
    (count >> 63 == 0).then_some(count)
}

/// Notes the count.
pub fn note(bytes: &mut [u8], count: u64) {
    if let Some(place) = bytes.get_mut(8..).and_then(<[u8]>::first_chunk_mut) {
        *place = count.to_le_bytes();
    }
}

/// From now on the count is out of date.
pub fn outdate(bytes: &mut [u8]) {
    if let Some(top) = bytes.get_mut(15) {
        *top |= 0x80;
    }
}

/// MurmurHash64A.
fn murmur(bytes: &[u8]) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let mut h = 0xadc8_3b19 ^ (bytes.len() as u64).wrapping_mul(M);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let mut k = u64::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 47;
        h = (h ^ k.wrapping_mul(M)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let tail = rest
            .iter()
            .rev()
            .fold(0u64, |tail, b| tail << 8 | u64::from(*b));
        h = (h ^ tail).wrapping_mul(M);
    }
    h ^= h >> 47;
    h = h.wrapping_mul(M);
    h ^ h >> 47
}

/// The register of an element, and what it wants to be at least.
fn register(element: &[u8]) -> (usize, u8) {
    let hash = murmur(element);
    let index = usize::try_from(hash & (REGISTERS as u64 - 1)).unwrap_or(0);
    let zeros = (hash >> 14 | 1 << Q).trailing_zeros();
    (index, u8::try_from(zeros + 1).unwrap_or(u8::MAX))
}

// ── Dense ──────────────────────────────────────────────────────────────────────────────────────────────────────────

fn dense_get(registers: &[u8], index: usize) -> u8 {
    let (at, shift) = (index * 6 / 8, index * 6 % 8);
    let byte = |n: usize| u16::from(registers.get(n).copied().unwrap_or(0));
    let word = byte(at + 1) << 8 | byte(at);
    u8::try_from(word >> shift & 63).unwrap_or(0)
}

fn dense_put(registers: &mut [u8], index: usize, value: u8) {
    let (at, shift) = (index * 6 / 8, index * 6 % 8);
    let (mask, value) = (63u16 << shift, u16::from(value) << shift);
    for (n, mask, value) in [
        (at, mask.to_le_bytes()[0], value.to_le_bytes()[0]),
        (at + 1, mask.to_le_bytes()[1], value.to_le_bytes()[1]),
    ] {
        if let Some(byte) = registers.get_mut(n) {
            *byte = *byte & !mask | value;
        }
    }
}

// ── Sparse ─────────────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    /// 0 for a run of zeros.
    value: u8,
    len: usize,
    /// Bytes it is written in.
    size: usize,
}

impl Run {
    /// The run at the front.
    fn read(bytes: &[u8]) -> Option<Run> {
        let first = *bytes.first()?;
        Some(match first >> 6 {
            0 => Run {
                value: 0,
                len: usize::from(first & 63) + 1,
                size: 1,
            },
            1 => {
                let low = bytes.get(1).copied().unwrap_or(0);
                Run {
                    value: 0,
                    len: (usize::from(first & 63) << 8 | usize::from(low)) + 1,
                    size: 2,
                }
            }
            _ => Run {
                value: (first >> 2 & 31) + 1,
                len: usize::from(first & 3) + 1,
                size: 1,
            },
        })
    }
}

#[allow(clippy::cast_possible_truncation, reason = "six and fourteen bits")]
fn push_zeros(len: usize, out: &mut Vec<u8>) {
    if len > 64 {
        out.push(0x40 | ((len - 1) >> 8) as u8);
        out.push((len - 1) as u8);
    } else {
        out.push((len - 1) as u8);
    }
}

#[allow(clippy::cast_possible_truncation, reason = "two bits")]
fn run_of(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len - 1) as u8
}

/// Calls with every run: where it begins, the registers in front of it, and itself.
fn runs(bytes: &[u8]) -> impl Iterator<Item = (usize, usize, Run)> {
    let (mut at, mut first) = (HEAD, 0);
    std::iter::from_fn(move || {
        let run = Run::read(bytes.get(at..)?)?;
        let item = (at, first, run);
        at += run.size;
        first += run.len;
        Some(item)
    })
}

/// Calls with each register that is not zero.
fn each(bytes: &[u8], mut with: impl FnMut(usize, u8)) -> Result<(), Corrupt> {
    if is_dense(bytes) {
        let registers = bytes.get(HEAD..).unwrap_or_default();
        for index in 0..REGISTERS {
            with(index, dense_get(registers, index));
        }
        return Ok(());
    }
    let mut end = 0;
    for (_, first, run) in runs(bytes) {
        end = first + run.len;
        if end > REGISTERS {
            return Err(Corrupt);
        }
        if run.value > 0 {
            (first..end).for_each(|index| with(index, run.value));
        }
    }
    if end == REGISTERS {
        Ok(())
    } else {
        Err(Corrupt)
    }
}

// ── To be changed ──────────────────────────────────────────────────────────────────────────────────────────────────

/// One to be changed: the end of a vector.
#[derive(Debug)]
pub struct Hll<'v> {
    vec: &'v mut Vec<u8>,
    at: usize,
    limit: usize,
}

impl<'v> Hll<'v> {
    /// What begins at a place of a vector; sparse up to so many bytes.
    pub fn new(vec: &'v mut Vec<u8>, at: usize, limit: usize) -> Hll<'v> {
        Hll { vec, at, limit }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&mut self) -> &mut [u8] {
        self.vec.get_mut(self.at..).unwrap_or_default()
    }

    /// An element was seen. Whether a register has grown.
    ///
    /// # Errors
    /// A sparse one whose runs end too early.
    pub fn add(&mut self, element: &[u8]) -> Result<bool, Corrupt> {
        let (index, value) = register(element);
        self.raise(index, value)
    }

    /// Raises a register to a value. Whether it was lower.
    ///
    /// # Errors
    /// A sparse one whose runs end too early.
    pub fn raise(&mut self, index: usize, value: u8) -> Result<bool, Corrupt> {
        if is_dense(self.bytes()) {
            let registers = self.bytes().get_mut(HEAD..).unwrap_or_default();
            let grows = dense_get(registers, index) < value;
            if grows {
                dense_put(registers, index, value);
            }
            return Ok(grows);
        }
        self.raise_sparse(index, value)
    }

    fn raise_sparse(&mut self, index: usize, value: u8) -> Result<bool, Corrupt> {
        if value > SPARSE_MAX {
            return self.raise_dense(index, value);
        }
        let mut before = None;
        let mut found = None;
        for (at, first, run) in runs(self.bytes()) {
            if index < first + run.len {
                found = Some((at, first, run));
                break;
            }
            before = Some(at);
        }
        let Some((at, first, run)) = found else {
            return Err(Corrupt);
        };
        if run.value >= value {
            return Ok(false);
        }
        let mut new = Vec::with_capacity(5);
        let push = |len: usize, new: &mut Vec<u8>| match (len, run.value) {
            (0, _) => {}
            (len, 0) => push_zeros(len, new),
            (len, value) => new.push(run_of(value, len)),
        };
        push(index - first, &mut new);
        new.push(run_of(value, 1));
        push(first + run.len - 1 - index, &mut new);
        let len = self.bytes().len();
        // A run of one register is replaced by one as long, whatever the limit.
        if new.len() > run.size && len + new.len() - run.size > self.limit {
            return self.raise_dense(index, value);
        }
        // A run that is cut off counts with the byte it lacks, so what comes of it is cut off too.
        let total = self.at + len + new.len() - run.size;
        let start = self.at + at;
        let end = (start + run.size).min(self.vec.len());
        self.vec.splice(start..end, new);
        self.vec.truncate(total);
        self.join(before.unwrap_or(HEAD));
        outdate(self.bytes());
        Ok(true)
    }

    /// Joins neighbours of the same value among the five runs from there on.
    fn join(&mut self, mut at: usize) {
        for _ in 0..5 {
            let bytes = self.bytes();
            let Some(run) = bytes.get(at..).and_then(Run::read) else {
                return;
            };
            if run.value > 0
                && let Some(next) = bytes.get(at + 1..).and_then(Run::read)
                && next.value == run.value
                && next.len + run.len <= 4
            {
                if let Some(place) = bytes.get_mut(at + 1) {
                    *place = run_of(run.value, run.len + next.len);
                }
                self.vec.remove(self.at + at);
                continue;
            }
            at += run.size;
        }
    }

    fn raise_dense(&mut self, index: usize, value: u8) -> Result<bool, Corrupt> {
        self.make_dense()?;
        self.raise(index, value)
    }

    /// Makes it dense.
    ///
    /// # Errors
    /// A sparse one whose runs do not add up; it stays what it is.
    pub fn make_dense(&mut self) -> Result<(), Corrupt> {
        if is_dense(self.bytes()) {
            return Ok(());
        }
        let mut dense = self.bytes().get(..HEAD).unwrap_or_default().to_vec();
        dense.resize(DENSE, 0);
        if let Some(encoding) = dense.get_mut(4) {
            *encoding = 0;
        }
        let (_, registers) = dense.split_at_mut(HEAD);
        each(self.bytes(), |index, value| {
            dense_put(registers, index, value);
        })?;
        self.vec.truncate(self.at);
        self.vec.extend_from_slice(&dense);
        Ok(())
    }
}

// ── Many ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The highest of each register.
#[derive(Debug, Clone)]
pub struct Union {
    registers: Vec<u8>,
}

impl Default for Union {
    fn default() -> Union {
        Union {
            registers: vec![0; REGISTERS],
        }
    }
}

impl Union {
    /// Takes one in.
    ///
    /// # Errors
    /// A sparse one whose runs do not add up.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), Corrupt> {
        each(bytes, |index, value| {
            if let Some(register) = self.registers.get_mut(index) {
                *register = value.max(*register);
            }
        })
    }

    /// The registers.
    #[must_use]
    pub fn registers(&self) -> &[u8] {
        &self.registers
    }

    /// How many different elements were seen, roughly.
    #[must_use]
    pub fn count(&self) -> u64 {
        let mut histogram = [0u32; 256];
        for register in &self.registers {
            if let Some(n) = histogram.get_mut(usize::from(*register)) {
                *n += 1;
            }
        }
        let of = |value: usize| f64::from(histogram.get(value).copied().unwrap_or(0));
        let m = REGISTERS as f64;
        let mut z = m * tau((m - of(Q + 1)) / m);
        for value in (1..=Q).rev() {
            z += of(value);
            z *= 0.5;
        }
        z += m * sigma(of(0) / m);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive; a cast saturates"
        )]
        {
            (0.721_347_520_444_481_7 * m * m / z).round() as u64
        }
    }
}

#[allow(clippy::float_cmp, reason = "until nothing changes any more")]
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let mut y = 1.0;
    let mut z = 1.0 - x;
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if before == z {
            return z / 3.0;
        }
    }
}

#[allow(clippy::float_cmp, reason = "until nothing changes any more")]
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let mut y = 1.0;
    let mut z = x;
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if before == z {
            return z;
        }
    }
}

/// The runs of a sparse one, as `PFDEBUG DECODE` shows them.
#[must_use]
pub fn decoded(bytes: &[u8]) -> String {
    let shown: Vec<String> = runs(bytes)
        .map(|(_, _, run)| match (run.value, run.size) {
            (0, 1) => format!("z:{}", run.len),
            (0, _) => format!("Z:{}", run.len),
            (value, _) => format!("v:{value},{}", run.len),
        })
        .collect();
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_a_server_writes_it() {
        // PFADD with a, b and c on a new key, on Redis 7.0 and Valkey 9.1.
        let mut vec = empty();
        assert_eq!(vec.len(), 18);
        let mut hll = Hll::new(&mut vec, 0, 3000);
        for element in [b"a", b"b", b"c"] {
            assert_eq!(hll.add(element), Ok(true));
            assert_eq!(hll.add(element), Ok(false));
        }
        let mut server = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80".to_vec();
        server.extend_from_slice(b"\x60\xf3\x80\x50\xb1\x84\x4b\xfb\x80\x42\x5a");
        assert_eq!(vec, server);
        let mut union = Union::default();
        union.add(&vec).unwrap();
        assert_eq!(union.count(), 3);
    }

    #[test]
    fn what_does_not_add_up() {
        let mut vec = empty();
        vec.push(0);
        assert_eq!(Union::default().add(&vec), Err(Corrupt));
        vec.truncate(17);
        assert!(is_one(&vec));
        assert_eq!(Hll::new(&mut vec, 0, 3000).make_dense(), Err(Corrupt));
        assert!(!is_one(b"HYLL"));
        assert!(!is_one(&[empty(), vec![0]].concat()[..15]));
    }

    proptest! {
        #[test]
        fn sparse_and_dense_hold_the_same(elements in prop::collection::vec(0u32..5000, 0..600), limit in 18usize..3000) {
            let mut sparse = empty();
            let mut dense = empty();
            Hll::new(&mut dense, 0, limit).make_dense().unwrap();
            for element in &elements {
                let text = element.to_string();
                let grown = Hll::new(&mut sparse, 0, limit).add(text.as_bytes());
                prop_assert_eq!(grown, Hll::new(&mut dense, 0, limit).add(text.as_bytes()));
            }
            prop_assert!(is_dense(&sparse) || sparse.len() <= limit);
            let (mut a, mut b) = (Union::default(), Union::default());
            a.add(&sparse).unwrap();
            b.add(&dense).unwrap();
            prop_assert_eq!(a.registers(), b.registers());
            let distinct = elements.iter().collect::<std::collections::BTreeSet<_>>().len() as f64;
            prop_assert!((a.count() as f64 - distinct).abs() <= 3.0 + distinct * 0.06);
        }

        #[test]
        fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..60), head in any::<bool>(), element: u64) {
            let mut vec = if head { empty() } else { Vec::new() };
            vec.extend_from_slice(&bytes);
            let _ = Union::default().add(&vec);
            let _ = decoded(&vec);
            let mut hll = Hll::new(&mut vec, 0, 40);
            let _ = hll.add(&element.to_le_bytes());
            let _ = hll.make_dense();
        }
    }
}
