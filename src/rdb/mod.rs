//! The RDB format, read and judged. Source: `rdb.c` and `rdb.h` of Redis and Valkey.

pub mod aux_field;
pub mod check;
pub mod choose;
pub mod compat;
pub mod distinct;
pub mod encode;
pub mod frame;
pub mod keys;
pub mod length;
pub mod library;
pub mod opcode;
pub mod payload;
pub mod remake;
pub mod salvage;
pub mod seen;
pub mod skip;
pub mod string;
pub mod template;
pub mod types;
pub mod value;
pub mod visit;
pub mod walk;
