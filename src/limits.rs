//! The caps that hostile input runs into. Everything else is bounded by what really arrives.

/// A string up to this many bytes is handed out in one piece; a longer one is streamed.
pub const GIANT: usize = 1 << 20;

/// A record up to this many bytes travels in a block; a bigger one is read in pages, from its file or a spool file.
pub const BIG_RECORD: usize = 1 << 20;

/// How much is read at a time, and the usual size of a block of whole records.
pub const BLOCK: usize = 256 << 10;

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

/// A compressed blob up to this many expanded bytes is expanded in memory, a longer one into an unlinked file.
pub const INFLATE: usize = 4 << 20;

/// Bytes that the field names of all hash templates of a file may take.
pub const TEMPLATES: usize = 32 << 20;
