//! Magic and version of a file whose first bytes may be damaged.

use super::super::frame::{HEADER_LEN, Header};
use super::super::string;
use crate::input::bytes::Slice;
use crate::model::kind::Flavour;
use crate::model::target::TARGETS;

/// The version for a file that does not tell its own: every server reads it, and it has a checksum.
const OLDEST: u16 = 6;

/// Magic and version, where they can be told: also with a damaged byte.
#[must_use]
pub fn header_of(head: &[u8]) -> Option<Header> {
    let bytes = head.get(..HEADER_LEN.min(head.len())).unwrap_or_default();
    if let Ok(header) = Header::parse(bytes) {
        return Some(header);
    }
    let alike = |magic: &[u8]| bytes.iter().zip(magic).filter(|(a, b)| a == b).count();
    let flavour = match (alike(b"REDIS"), alike(b"VALKEY")) {
        (5, _) if bytes.len() == 5 => {
            return Some(Header {
                flavour: Flavour::Redis,
                version: OLDEST,
            });
        }
        (4 | 5, _) => Flavour::Redis,
        (_, 5 | 6) => Flavour::Valkey,
        _ => return None,
    };
    let magic = flavour.magic().as_bytes();
    let mut mended = magic.to_vec();
    mended.extend_from_slice(bytes.get(magic.len()..)?);
    if let Ok(header) = Header::parse(&mended) {
        return Some(header);
    }
    // The version is gone: that of the server which the file names.
    let version = version_of(head).map_or(
        if flavour == Flavour::Redis {
            OLDEST
        } else {
            80
        },
        |v| v,
    );
    Some(Header { flavour, version })
}

/// The RDB version of the server that the aux fields name.
fn version_of(head: &[u8]) -> Option<u16> {
    for (field, flavour) in [
        (&b"\xfa\x09redis-ver"[..], Flavour::Redis),
        (b"\xfa\x0avalkey-ver", Flavour::Valkey),
    ] {
        let Some(at) = head.windows(field.len()).position(|w| w == field) else {
            continue;
        };
        let mut b = Slice::new(head.get(at + field.len()..)?, 0);
        let mut scratch = Vec::new();
        let text = string::read(&mut b, &mut scratch).ok()?.to_vec(32).ok()?;
        let text = String::from_utf8(text).ok()?;
        let mut numbers = text.split('.').map(|n| n.parse::<u8>().unwrap_or(0));
        let version = (numbers.next()?, numbers.next()?);
        let written =
            |t: &&crate::model::target::Target| t.flavour == flavour && t.version <= version;
        return TARGETS.iter().rfind(written).map(|t| t.rdb);
    }
    None
}
