//! aof
