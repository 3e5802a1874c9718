//! The caps that hostile input runs into. Everything else is bounded by what really arrives.

/// A string up to this many bytes is handed out in one piece; a longer one is streamed.
pub const GIANT: usize = 1 << 20;

/// A record up to this many bytes travels in a block; a bigger one is read in pages, from its file or a spool file.
pub const BIG_RECORD: usize = 1 << 20;

/// How much is read at a time, and the usual size of a block of whole records.
pub const BLOCK: usize = 256 << 10;

/// Output above this many bytes does not wait in memory for its turn: its worker does.
pub const HOLD: usize = 2 << 20;

/// Size of a page of a big record.
pub const PAGE: usize = 64 << 10;

/// The last moment that Redis can hold as the expiry of a field, Unix milliseconds.
pub const LAST_FIELD_EXPIRY: u64 = (1 << 48) - 1;

/// The sizes at which reading changes its ways. Results do not depend on them: tests make them small, so that small
/// files take the paths of big ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// [`BLOCK`]; at least 64.
    pub block: usize,
    /// [`BIG_RECORD`].
    pub big_record: usize,
    /// [`PAGE`]; at least 1.
    pub page: usize,
    /// [`HOLD`].
    pub hold: usize,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes {
            block: BLOCK,
            big_record: BIG_RECORD,
            page: PAGE,
            hold: HOLD,
        }
    }
}

/// Bytes of memory that this process has resident, where the system tells (Linux).
#[must_use]
pub fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

/// The longest key that is held in memory (a server's own limit for any string, `proto-max-bulk-len`).
pub const KEY: u64 = 512 << 20;

/// LZF expands one reference of 3 bytes to 264 at most: a claim above this ratio is a lie.
pub const LZF_RATIO: u64 = 88;

/// Compressed input may expand this many times once it has given [`EXPANSION_FREE`] bytes.
pub const EXPANSION_RATIO: u64 = 1100;

/// Expansion is not judged before this many bytes came out: small files of zeros are no bombs.
pub const EXPANSION_FREE: u64 = 1 << 30;

/// Findings of one kind that are listed one by one; the rest are counted.
pub const FINDINGS_LISTED: usize = 1000;

/// Bytes of keys, paths and messages in the findings that are listed; the rest are counted.
pub const FINDINGS_BYTES: usize = 8 << 20;

/// A compressed blob up to this many expanded bytes is expanded in memory, a longer one into an unlinked file.
pub const INFLATE: usize = 4 << 20;

/// Bytes that the field names of all hash templates of a file may take.
pub const TEMPLATES: usize = 32 << 20;

/// Bytes that the field names of one hash template may take.
pub const TEMPLATE: usize = 4 << 20;

/// Bytes that the metadata in front of a key may take.
pub const KEY_META: usize = 16 << 20;

/// Databases of a file that are told apart.
pub const DATABASES: usize = 100_000;
