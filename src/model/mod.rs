//! The shared words: kinds, encodings, servers, findings. No input or output happens here.

pub mod finding;
pub mod kind;
pub mod target;
