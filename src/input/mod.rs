//! Bytes on their way in.

pub mod checksum;
pub mod codec;
