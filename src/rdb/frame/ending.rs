//! How a file ends.

use crate::error::{Error, ErrorKind};

/// What the last 8 bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// Versions below 5 have none.
    Absent,
    /// Stored as 0: the server was told not to compute it.
    Disabled,
    /// Right.
    Match(u64),
    /// Wrong.
    Mismatch {
        /// In the file.
        stored: u64,
        /// Of the bytes.
        computed: u64,
    },
}

impl Checksum {
    pub(in crate::rdb) fn of(stored: u64, computed: u64) -> Checksum {
        match stored {
            0 => Checksum::Disabled,
            n if n == computed => Checksum::Match(n),
            _ => Checksum::Mismatch { stored, computed },
        }
    }

    /// A wrong one, which stands at `offset`, as an error.
    #[must_use]
    pub fn error(self, offset: u64) -> Option<Error> {
        match self {
            Checksum::Mismatch { stored, computed } => Some(
                Error::new(
                    ErrorKind::Checksum,
                    format!("the checksum is {stored:016x}; the bytes give {computed:016x}"),
                )
                .at(offset),
            ),
            _ => None,
        }
    }
}

/// How the file ended.
#[derive(Debug, Clone)]
pub struct Ending {
    /// Offset of the byte behind the RDB: behind the checksum, or behind FF where there is none.
    pub end: u64,
    /// The checksum.
    pub checksum: Checksum,
    /// Bytes that follow; where the tail is kept ([`super::Reader::keep_tail`]), as many of them as were read already.
    pub tail_len: u64,
    /// The first of them.
    pub tail_head: Vec<u8>,
}
