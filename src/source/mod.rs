//! What a user names, as something to read: known by its content, never by its name.

pub mod aof;
pub mod jsonl;
