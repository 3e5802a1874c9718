//! The command line as a user meets it: the binary itself, its output and its exit codes.

mod errors;
mod filters;
mod formats;
mod get;
mod info;
mod output;
mod readme;
mod run;
mod verify;
