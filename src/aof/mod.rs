//! Commands as servers log them.
//!
//! [`rewrite`] turns the keys of an RDB file into commands.

pub mod rewrite;
