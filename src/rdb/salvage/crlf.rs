//! A file whose every LF became CRLF, as by a transfer in text mode: taking every CR in front of an LF away brings it back,
//! and its checksum says whether that is right.

use super::{HEADER_LEN, Salvage};
use crate::error::Result;
use crate::input::checksum::Crc64;
use crate::model::patch::{Fate, PATCHES, Patch};

const PAGE: usize = 256 << 10;

impl Salvage<'_> {
    /// Undoes the transfer, if that is what happened. Says whether it was.
    pub(super) fn undo_crlf(&mut self) -> Result<bool> {
        if self.header.version < 5 || self.size < HEADER_LEN as u64 + 9 {
            return Ok(false);
        }
        let (mut at, mut before) = (0, 0);
        let mut removed: Vec<u64> = Vec::new();
        let mut crc = Crc64::new();
        // The last 8 bytes are the checksum itself.
        let mut held: Vec<u8> = Vec::new();
        while at < self.size {
            let n = usize::try_from(self.size - at).map_or(PAGE, |n| n.min(PAGE));
            let mut page = vec![0; n];
            self.src.read_exact_at(&mut page, at)?;
            for (i, byte) in page.iter().enumerate() {
                if *byte == b'\n' {
                    // One LF alone, and it was no such transfer.
                    if before != b'\r' || removed.len() >= PATCHES {
                        return Ok(false);
                    }
                    held.pop();
                    removed.push(at + i as u64 - 1);
                }
                held.push(*byte);
                before = *byte;
            }
            let done = held.len().saturating_sub(16);
            crc.update(held.get(..done).unwrap_or_default());
            held.drain(..done);
            at += n as u64;
        }
        let Some((rest, stored)) = held.split_last_chunk::<8>() else {
            return Ok(false);
        };
        crc.update(rest);
        if removed.is_empty() || crc.value() != u64::from_le_bytes(*stored) {
            return Ok(false);
        }
        let why = "LF became CRLF, as by a transfer in text mode; without it the checksum is right";
        let patches = removed.into_iter().map(|from| {
            let mut patch = Patch::new(from, from + 1, Fate::Cut, "crlf", why);
            patch.sample = b"\r".to_vec();
            patch
        });
        self.found.patches = patches.collect();
        self.found.end = self.size;
        self.found.ended = true;
        Ok(true)
    }
}
