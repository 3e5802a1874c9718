//! redisk: the offline toolkit for Redis and Valkey persistence files.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod aof;
#[cfg(feature = "cli")]
pub mod cli;
pub mod disk;
pub mod error;
pub mod filter;
pub mod input;
pub mod limits;
pub mod model;
pub mod ops;
pub mod packed;
pub mod pipe;
pub mod rdb;
pub mod resp;
pub mod sink;
pub mod text;

pub use error::{Error, ErrorKind, Result};
