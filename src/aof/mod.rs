//! Append-only files: the log of what changed, alone or as a folder of files with a manifest.
//!
//! [`manifest`] says which files make up a log; [`reader`] gives the commands of one file in RESP form as [`block`]s
//! (an [`annotation`] is a line between them).

pub mod annotation;
pub mod block;
pub mod check;
pub mod manifest;
pub mod reader;
pub mod verdict;
