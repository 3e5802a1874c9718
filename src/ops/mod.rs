//! One function a subcommand, usable by any Rust program: a source, a filter and a sink go in, a report comes out.

pub mod compact;
pub mod convert;
pub mod diff;
pub mod dump;
pub mod get;
pub mod info;
pub mod log;
pub mod merge;
pub mod repair;
pub mod replay;
pub mod split;
pub mod verify;
pub mod whose;
