//! The words that everything else shares. No I/O.
//!
//! [`commands`] is the table of commands: names, arity, flags, where their keys are.

pub mod commands;
