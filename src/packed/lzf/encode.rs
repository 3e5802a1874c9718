//! The encoder.

use super::{MAX_DISTANCE, MAX_LITERAL, MAX_MATCH, MIN_MATCH};

const HASH_BITS: u32 = 14;

/// The encoder. Its table is kept from call to call, so that a short string costs no more than its length.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// For each hash of three bytes, where they were last seen: `base` plus the position.
    table: Box<[u32; 1 << HASH_BITS]>,
    /// Entries below are left from earlier calls and mean nothing, so the output depends on the input alone.
    pub(super) base: u32,
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder::new()
    }
}

impl Encoder {
    /// A fresh encoder; makes its table of 64 KiB.
    #[must_use]
    pub fn new() -> Encoder {
        Encoder {
            table: Box::new([0; 1 << HASH_BITS]),
            base: 1,
        }
    }

    /// Compresses `input` into `out`, whose former content goes. False, with `out` empty, when the result would be
    /// longer than `max_out` (servers pass the length less four, and keep the string raw otherwise), or when the input
    /// is longer than 2 GiB.
    pub fn encode(&mut self, input: &[u8], max_out: usize, out: &mut Vec<u8>) -> bool {
        out.clear();
        let Some(length) = u32::try_from(input.len()).ok().filter(|&n| n <= 1 << 31) else {
            return false;
        };
        let base = match self.base.checked_add(length) {
            Some(next) => std::mem::replace(&mut self.base, next),
            None => {
                self.table.fill(0);
                self.base = 1 + length;
                1
            }
        };
        let done = self.compress(input, base, max_out, out).is_some() && out.len() <= max_out;
        if !done {
            out.clear();
        }
        done
    }

    fn compress(
        &mut self,
        input: &[u8],
        base: u32,
        max_out: usize,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let mut ip = 0;
        let mut literal = 0;
        while let Some(head) = input.get(ip..).and_then(<[u8]>::first_chunk::<4>) {
            let head = u32::from_le_bytes(*head);
            let slot = self.slot(head)?;
            #[allow(
                clippy::cast_possible_truncation,
                reason = "encode() lets no input of 4 GiB or more come here"
            )]
            let seen = std::mem::replace(slot, base + ip as u32).wrapping_sub(base) as usize;
            // An entry of an earlier call wraps around to something huge.
            if seen >= ip || ip - seen > MAX_DISTANCE || !same3(input, seen, head) {
                ip += 1;
                continue;
            }
            literals(input.get(literal..ip)?, max_out, out)?;
            let distance = ip - seen - 1;
            let len = match_length(input, seen, ip);
            // At most 8191 and 262: the parts fit their bytes by construction.
            let [low, high] = two_bytes(distance);
            match len - 2 {
                l @ 0..7 => out.extend_from_slice(&[(two_bytes(l)[0] << 5) | high, low]),
                l => {
                    out.extend_from_slice(&[0xe0 | high, two_bytes(l - 7)[0], low]);
                }
            }
            if out.len() > max_out {
                return None;
            }
            ip += len;
            literal = ip;
            // The two positions before the next search: cheap, and they find most of what a full update would.
            for back in [2, 1] {
                let at = ip - back;
                if let Some(head) = input.get(at..).and_then(<[u8]>::first_chunk::<4>) {
                    #[allow(clippy::cast_possible_truncation, reason = "as above")]
                    {
                        *self.slot(u32::from_le_bytes(*head))? = base + at as u32;
                    }
                }
            }
        }
        literals(input.get(literal..)?, max_out, out)
    }

    /// The table's place for the first three bytes of `head`.
    #[inline]
    fn slot(&mut self, head: u32) -> Option<&mut u32> {
        let hash = (head << 8).wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS);
        self.table.get_mut(hash as usize)
    }
}

/// The low 16 bits of a distance or length, low byte first.
#[allow(
    clippy::cast_possible_truncation,
    reason = "distances end at 8192, lengths at 264"
)]
fn two_bytes(n: usize) -> [u8; 2] {
    (n as u16).to_le_bytes()
}

#[inline]
fn same3(input: &[u8], at: usize, head: u32) -> bool {
    input
        .get(at..)
        .and_then(<[u8]>::first_chunk::<4>)
        .is_some_and(|four| (u32::from_le_bytes(*four) ^ head) << 8 == 0)
}

/// How many bytes agree, the first three being known to; never above [`MAX_MATCH`].
#[inline]
fn match_length(input: &[u8], seen: usize, ip: usize) -> usize {
    let most = MAX_MATCH.min(input.len() - ip);
    let old = input.get(seen..).unwrap_or_default();
    let new = input.get(ip..).unwrap_or_default();
    let mut n = MIN_MATCH;
    while n < most {
        let (Some(a), Some(b)) = (
            old.get(n..).and_then(<[u8]>::first_chunk::<8>),
            new.get(n..).and_then(<[u8]>::first_chunk::<8>),
        ) else {
            break;
        };
        let differ = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differ != 0 {
            return most.min(n + (differ.trailing_zeros() / 8) as usize);
        }
        n += 8;
    }
    while n < most && old.get(n) == new.get(n) {
        n += 1;
    }
    n.min(most)
}

fn literals(mut bytes: &[u8], max_out: usize, out: &mut Vec<u8>) -> Option<()> {
    if out.len() + bytes.len() > max_out {
        return None;
    }
    while !bytes.is_empty() {
        let (now, later) = bytes.split_at(bytes.len().min(MAX_LITERAL));
        out.push(two_bytes(now.len() - 1)[0]);
        out.extend_from_slice(now);
        bytes = later;
    }
    Some(())
}
