//! The command line as a user meets it: the binary itself, its output and its exit codes.

mod aof_hostile;
mod aof_input;
mod compact;
mod convert;
mod diff;
mod errors;
mod filters;
mod formats;
mod functions;
mod get;
mod info;
mod log;
mod output;
mod readme;
mod repair;
mod restore;
mod run;
mod split;
mod unknown;
mod verify;
