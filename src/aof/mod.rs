//! Append-only files: the log of what changed, alone or as a folder of files with a manifest.
//!
//! [`multipart`] finds the folder, its [`manifest`] says which files make up the log, [`reader`] gives the commands of one
//! file in RESP form as [`block`]s (an [`annotation`] is a line between them). [`check`] judges such a file, and
//! [`verdict`] says what a server would do with it. [`rewrite`] turns the keys of an RDB file into commands.

pub mod annotation;
pub mod block;
pub mod check;
pub mod manifest;
pub mod multipart;
pub mod reader;
pub mod rewrite;
pub mod salvage;
pub mod verdict;
