//! Append-only files: the log of what changed, alone or as a folder of files with a manifest.
//!
//! [`reader`] gives the commands of one file in RESP form as [`block`]s, [`annotation`] reads the lines between them.

pub mod annotation;
pub mod block;
pub mod reader;
