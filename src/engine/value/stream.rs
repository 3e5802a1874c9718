//! Streams.

/// A stream.
#[derive(Debug, Clone, Default)]
pub struct Stream {}

impl Stream {
    /// Appends it.
    pub fn encode(&self, _version: u8, _out: &mut Vec<u8>) {}
}
