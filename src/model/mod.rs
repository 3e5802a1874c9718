//! The words that everything shares: numbers, slots, units. No input and no output happens here.

pub mod number;
pub mod slot;
pub mod units;
