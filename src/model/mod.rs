//! The shared words: kinds, encodings, servers, commands, findings, losses, numbers. No input or output happens here.

pub mod commands;
pub mod extended;
pub mod finding;
pub mod kind;
pub mod loss;
pub mod number;
pub mod patch;
pub mod slot;
pub mod target;
pub mod units;
