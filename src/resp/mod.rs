//! RESP, the protocol that commands are logged in.
//!
//! [`encode`] writes commands.

pub mod encode;
