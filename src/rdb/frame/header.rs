//! Magic and version.

use crate::error::{Error, Result};
use crate::model::kind::Flavour;
use crate::model::target::Target;

/// Magic and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// From the magic.
    pub flavour: Flavour,
    /// The RDB version.
    pub version: u16,
}

/// Bytes of magic and version.
pub const HEADER_LEN: usize = 9;

/// The newest version of each flavour that is known here.
pub(in crate::rdb) const NEWEST: [u16; 2] = [16, 81];

impl Header {
    /// Reads magic and version, and judges whether they are known.
    pub fn parse(bytes: &[u8]) -> Result<Header> {
        let (flavour, digits) = if let Some(rest) = bytes.strip_prefix(b"VALKEY") {
            (Flavour::Valkey, rest.get(..3))
        } else if let Some(rest) = bytes.strip_prefix(b"REDIS") {
            (Flavour::Redis, rest.get(..4))
        } else if b"REDIS".starts_with(bytes) || b"VALKEY".starts_with(bytes) {
            (Flavour::Redis, None)
        } else {
            return Err(Error::corrupt(
                0,
                "no RDB file: it does not begin with REDIS or VALKEY",
            ));
        };
        let Some(digits) = digits else {
            return Err(Error::truncated(
                bytes.len() as u64,
                "the file ends within its first 9 bytes",
            ));
        };
        let version = digits
            .iter()
            .try_fold(0u16, |n, d| {
                d.is_ascii_digit().then(|| n * 10 + u16::from(d - b'0'))
            })
            .filter(|n| *n > 0)
            .ok_or_else(|| {
                Error::corrupt(
                    5,
                    format!("{} is no RDB version", crate::text::quoted(digits)),
                )
            })?;
        let [redis, valkey] = NEWEST;
        let known = match flavour {
            Flavour::Redis => 1..=redis,
            Flavour::Valkey => 80..=valkey,
        };
        if !known.contains(&version) {
            return Err(Error::unsupported(
                5,
                format!(
                    "RDB version {version} of {flavour} is not known ({} to {} are)",
                    known.start(),
                    known.end()
                ),
            ));
        }
        Ok(Header { flavour, version })
    }

    /// Appends magic and version.
    pub fn write(self, out: &mut Vec<u8>) {
        let magic = self.flavour.magic();
        let digits = HEADER_LEN - magic.len();
        out.extend_from_slice(format!("{magic}{:0digits$}", self.version).as_bytes());
    }

    /// What that server writes. Valkey before 9.0 has the magic and versions of Redis.
    #[must_use]
    pub fn of(target: &Target) -> Header {
        Header {
            flavour: if target.rdb < 80 {
                Flavour::Redis
            } else {
                target.flavour
            },
            version: target.rdb,
        }
    }
}
