//! Where bytes come from: files, pipes, compressed streams; and the cursors that decoders read through.

pub mod bytes;
pub mod checksum;
pub mod codec;
pub mod open;
pub mod spool;
