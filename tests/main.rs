//! Integration tests.
#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has found something"
)]

mod any_chunking;
mod aof;
#[cfg(feature = "cli")]
mod cli;
mod commands;
mod compact;
mod convert;
mod corpus;
mod diff;
mod engine_diff;
mod fuzz;
#[cfg(feature = "cli")]
mod generated;
mod hostile;
mod jsonl;
mod layers;
mod loads;
mod made;
mod mutate;
mod payload;
mod repair;
mod replay;
mod split;
mod support;
mod transform;
mod written;
