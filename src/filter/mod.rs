//! Choosing records.

pub mod glob;
