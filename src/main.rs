//! The `redisk` binary.
fn main() {}
