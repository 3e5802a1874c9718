//! The command line as a user meets it: the binary itself, its output and its exit codes.

mod errors;
mod filters;
mod formats;
mod output;
mod run;
mod verify;
