//! Which server a source is of, by what stands at its head: what is written of it is for that one unless another is named.

use crate::input::open::{Content, Input};
use crate::model::kind::Flavour;
use crate::model::target::{TARGETS, Target};
use crate::rdb::frame::{HEADER_LEN, Header};
use crate::source::aof::Source;

/// What the first file of a log tells.
#[derive(Debug, Clone, Copy)]
pub struct Whose {
    /// The server; `None` where only commands tell.
    pub server: Option<&'static Target>,
    /// Whether it begins with an RDB.
    pub rdb: bool,
}

/// Looks at the first file.
#[must_use]
pub fn whose(source: &Source) -> Whose {
    match source {
        Source::File(input) => of_head(&input.head, input.content()),
        Source::Set(set) => {
            // An empty file tells nothing.
            let first = set.in_load_order().find(|m| m.size() != Some(0));
            let input = first.and_then(|m| Input::open(&m.path).ok());
            input.map_or(
                Whose {
                    server: None,
                    rdb: false,
                },
                |input| of_head(&input.head, input.content()),
            )
        }
    }
}

fn of_head(head: &[u8], content: Content) -> Whose {
    let header = head.get(..HEADER_LEN).and_then(|h| Header::parse(h).ok());
    Whose {
        server: header.map(|header| server(head, header)),
        rdb: content == Content::Rdb,
    }
}

/// The server that an RDB names, where it is known and writes such files; else one that does.
fn server(head: &[u8], header: Header) -> &'static Target {
    let named = [
        (&b"\xfa\x0avalkey-ver"[..], Flavour::Valkey),
        (b"\xfa\x09redis-ver", header.flavour),
    ]
    .into_iter()
    .find_map(|(field, flavour)| Some((version(head, field)?, flavour)));
    named
        .and_then(|(version, flavour)| {
            TARGETS.iter().find(|t| {
                t.flavour == flavour
                    && t.version == version
                    && t.opens(header.flavour, header.version)
            })
        })
        .unwrap_or_else(|| Target::of_file(header.flavour, header.version))
}

/// Major and minor version of an aux field, a raw string of up to 63 bytes.
fn version(head: &[u8], field: &[u8]) -> Option<(u8, u8)> {
    let at = head.windows(field.len()).position(|w| w == field)?;
    let (len, rest) = head.get(at + field.len()..)?.split_first()?;
    let text = std::str::from_utf8(rest.get(..usize::from(*len).min(63))?).ok()?;
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_or_by_version() {
        for (head, name) in [
            (
                &b"REDIS0010\xfa\x09redis-ver\x067.0.15\xfa"[..],
                "redis-7.0",
            ),
            (b"REDIS0012\xfa\x09redis-ver\x058.0.6\xfa", "redis-8.0"),
            (b"REDIS0011\xfa\x0avalkey-ver\x058.1.1\xfa", "valkey-8.1"),
            (
                b"REDIS0011\xfa\x09redis-ver\x0b255.255.255\xfa",
                "redis-7.2",
            ),
            // A version that does not write such files.
            (b"REDIS0012\xfa\x09redis-ver\x057.0.1\xfa", "redis-8.4"),
            (b"VALKEY080\xfa\x0avalkey-ver\x059.1.2\xfa", "valkey-9.1"),
            (b"REDIS0009\xff", "redis-6.2"),
        ] {
            let whose = of_head(head, Content::of(head));
            assert_eq!((whose.server.unwrap().name, whose.rdb), (name, true));
        }
        assert!(of_head(b"*1\r\n", Content::Commands).server.is_none());
    }
}
