//! The packed encodings: bytes in which a server keeps small collections and compressed strings.

pub mod lzf;
