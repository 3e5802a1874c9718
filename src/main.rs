//! The `redisk` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    redisk::cli::main()
}
