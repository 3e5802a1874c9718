//! The RDB format, read and judged. Source: `rdb.c` and `rdb.h` of Redis and Valkey.

pub mod length;
pub mod string;
pub mod types;
