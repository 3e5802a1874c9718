//! What an aux field speaks of: whoever writes a file anew keeps some of them only.

use super::frame::Record;
use super::string;
use crate::error::Result;

/// What a field speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// The server and the purpose that the file was written for.
    Writer,
    /// Where a replica stands in the stream of its master: wrong as soon as the data is not all that the server had.
    Place,
    /// Slots and their sizes: wrong as soon as keys are others.
    Slots,
    /// A script.
    Script,
    /// Everything else.
    Other,
}

/// No field that is told apart has a longer name.
const NAME: u64 = 64;

/// What the field of an aux record speaks of.
///
/// # Errors
/// Damage of the record.
pub fn topic(record: &Record<'_>) -> Result<Topic> {
    let mut held = Vec::new();
    let name = match record.body() {
        Some(mut b) => string::read(&mut b, &mut held)?.to_vec(NAME),
        None => string::read(&mut record.big_body()?, &mut held)?.to_vec(NAME),
    };
    Ok(match name.unwrap_or_default().as_slice() {
        b"redis-ver" | b"valkey-ver" | b"aof-base" | b"aof-preamble" | b"redis-bits" => {
            Topic::Writer
        }
        b"repl-stream-db" | b"repl-id" | b"repl-offset" => Topic::Place,
        b"slot-info" | b"cluster-asm-task" => Topic::Slots,
        b"lua" => Topic::Script,
        _ => Topic::Other,
    })
}
