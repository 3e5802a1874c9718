//! RESP, the protocol that commands are logged in.
//!
//! [`decode`] frames the commands of a log at the speed of memory; [`mod@line`] reads the lines between the arguments.
//! What is framed stands in a [`table`]. [`encode`] writes commands.

pub mod decode;
pub mod encode;
pub mod line;
pub mod table;
