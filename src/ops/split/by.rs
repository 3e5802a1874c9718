//! Which part a key goes to, and how parts are called.

use crate::error::{Error, Result};
use crate::model::slot::{SLOTS, key_slot};
use crate::text::quoted;
use std::io::{BufRead, Read};

/// A part by its cluster slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// What its file is called, without `.rdb`.
    pub name: String,
    /// First and last slot of each range, ascending.
    pub ranges: Vec<(u16, u16)>,
}

impl Slots {
    /// Of ranges, named by them.
    #[must_use]
    pub fn of(mut ranges: Vec<(u16, u16)>) -> Slots {
        ranges.sort_unstable();
        let shown: Vec<String> = ranges
            .iter()
            .take(NAMED)
            .map(|(a, b)| format!("{a}-{b}"))
            .collect();
        let more = if ranges.len() > NAMED { "+more" } else { "" };
        Slots {
            name: format!("slots-{}{more}", shown.join("+")),
            ranges,
        }
    }
}

/// Ranges that a name tells.
const NAMED: usize = 4;

/// What parts are made by.
#[derive(Debug, Clone)]
pub enum By {
    /// Cluster slots.
    Slots(SlotTable),
    /// The database.
    Db,
    /// What stands in front of the first separator in a key's name.
    Prefix(Vec<u8>),
    /// Keys in their order, until a file has about so many bytes.
    Size(u64),
}

/// Parts by slots, and the part of each slot.
#[derive(Debug, Clone)]
pub struct SlotTable {
    /// The parts in their order.
    pub parts: Vec<Slots>,
    /// By slot: the number of the part, or that of those that have none.
    of: Vec<u16>,
}

/// The part of slots that no part has.
pub(super) const REST: u16 = u16::MAX;

impl SlotTable {
    /// Of parts that have no slot in common.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Usage`] for a slot that two parts have, or that there is not; and for too many parts.
    pub fn new(parts: Vec<Slots>) -> Result<SlotTable> {
        let mut of = vec![REST; usize::from(SLOTS)];
        for (part, number) in parts.iter().zip(0u16..) {
            for &(first, last) in &part.ranges {
                for slot in first..=last {
                    match of.get_mut(usize::from(slot)) {
                        Some(place) if *place == REST => *place = number,
                        Some(_) => {
                            return Err(Error::usage(format!("slot {slot} is in two parts")));
                        }
                        None => {
                            return Err(Error::usage(format!(
                                "there is no slot {slot}: the last is {}",
                                SLOTS - 1
                            )));
                        }
                    }
                }
            }
        }
        if parts.len() > super::PARTS {
            return Err(Error::limit(format!("more than {} parts", super::PARTS)));
        }
        Ok(SlotTable { parts, of })
    }

    /// `n` parts of as many slots each, but for one.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Usage`] where there are not so many slots, [`crate::ErrorKind::Limit`] for too many parts.
    pub fn even(n: u16) -> Result<SlotTable> {
        if n == 0 || n > SLOTS {
            return Err(Error::usage(format!(
                "between 1 and {SLOTS} parts can be made"
            )));
        }
        // As redis-cli shares them out: to the nearest slot.
        let first =
            |i: u16| u16::try_from(u32::from(SLOTS) * u32::from(i) / u32::from(n)).unwrap_or(SLOTS);
        let parts = (0..n).map(|i| Slots::of(vec![(first(i), first(i + 1) - 1)]));
        SlotTable::new(parts.collect())
    }

    /// The masters of a `nodes.conf`, each with its slots.
    ///
    /// # Errors
    /// What cannot be read; [`crate::ErrorKind::Corrupt`] with the offset of a line that makes no sense.
    pub fn of_nodes(mut text: impl BufRead) -> Result<SlotTable> {
        let mut parts: Vec<Slots> = Vec::new();
        let mut line = Vec::new();
        let mut at = 0u64;
        loop {
            line.clear();
            let read = (&mut text).take(LINE).read_until(b'\n', &mut line);
            let n = read.map_err(|e| Error::from_io(e, "read"))?;
            if n == 0 {
                break;
            }
            let words = std::str::from_utf8(&line).map_err(|_| no_node(at, &line))?;
            if let Some(part) = node(words).map_err(|()| no_node(at, &line))? {
                parts.push(part);
            }
            at += n as u64;
        }
        if parts.is_empty() {
            return Err(Error::corrupt(0, "no master with slots is in it"));
        }
        SlotTable::new(parts)
    }

    /// The part of a key.
    fn part(&self, key: &[u8]) -> u16 {
        self.of
            .get(usize::from(key_slot(key)))
            .copied()
            .unwrap_or(REST)
    }
}

/// The longest line that is read: a node with every other slot, and more.
const LINE: u64 = 1 << 20;

fn no_node(at: u64, line: &[u8]) -> Error {
    let line = line.get(..80).unwrap_or(line);
    Error::corrupt(
        at,
        format!(
            "is no line of a nodes.conf: {}",
            quoted(line.trim_ascii_end())
        ),
    )
}

/// A line: `<id> <host:port@bus,…> <flags> <master> <ping> <pong> <epoch> <state> <slot>…`. What is no master with slots
/// gives nothing. Slots on their way, `[93->-id]`, are those of the node that has them.
fn node(line: &str) -> std::result::Result<Option<Slots>, ()> {
    let mut words = line.split_ascii_whitespace();
    let Some(id) = words.next() else {
        return Ok(None);
    };
    if id == "vars" {
        return Ok(None);
    }
    let address = words.next().ok_or(())?;
    let flags = words.next().ok_or(())?;
    let is_master = flags.split(',').any(|flag| flag == "master");
    let mut ranges = Vec::new();
    // Behind master, ping, pong, epoch and state.
    for word in words.skip(5).filter(|w| !w.starts_with('[')) {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        match (first.parse::<u16>(), last.parse::<u16>()) {
            (Ok(first), Ok(last)) if first <= last && last < SLOTS => ranges.push((first, last)),
            _ => return Err(()),
        }
    }
    if !is_master || ranges.is_empty() {
        return Ok(None);
    }
    ranges.sort_unstable();
    let host = address.split(['@', ',']).next().unwrap_or_default();
    let name = if host.is_empty() || host.starts_with(':') {
        id
    } else {
        host
    };
    Ok(Some(Slots {
        name: format!("node-{}", escaped(name.as_bytes())),
        ranges,
    }))
}

/// Bytes of a name that are shown of a prefix.
const SHOWN: usize = 100;

/// Bytes as they can stand in a file's name anywhere: others than letters, digits, `_`, `.` and `-` as `%XX`.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (i, b) in bytes.iter().enumerate() {
        // A name must not begin with a dot.
        if b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-') || (*b == b'.' && i > 0) {
            out.push(char::from(*b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

impl By {
    /// The word for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            By::Slots(_) => "slots",
            By::Db => "db",
            By::Prefix(_) => "prefix",
            By::Size(_) => "size",
        }
    }

    /// What says in which part a key is, whose record has `len` bytes: written to `id`.
    pub(super) fn id(&self, key: &[u8], len: u64, id: &mut Vec<u8>) {
        id.clear();
        match self {
            By::Slots(table) => id.extend_from_slice(&table.part(key).to_le_bytes()),
            By::Db => {}
            By::Prefix(separator) => {
                let at = key
                    .windows(separator.len().max(1))
                    .position(|w| w == separator);
                // One without a prefix is none with an empty one.
                if let Some(prefix) = at.and_then(|at| key.get(..at)) {
                    id.push(1);
                    id.extend_from_slice(prefix);
                }
            }
            By::Size(_) => id.extend_from_slice(&len.to_le_bytes()),
        }
    }

    /// What a part is called that comes into being as number `number`.
    pub(super) fn file(&self, db: u64, id: &[u8], number: usize) -> String {
        match self {
            By::Slots(table) => {
                let part = id.first_chunk().map_or(REST, |n| u16::from_le_bytes(*n));
                let part = table.parts.get(usize::from(part));
                part.map_or("rest".to_owned(), |part| part.name.clone())
            }
            By::Db => format!("db-{db}"),
            By::Prefix(_) => match id.split_first() {
                None => "no-prefix".to_owned(),
                Some((_, prefix)) => {
                    let mut name = format!("prefix-{}", escaped(prefix));
                    if name.len() > SHOWN {
                        name.truncate(SHOWN);
                        name += &format!("~{number}");
                    }
                    name
                }
            },
            By::Size(_) => format!("part-{:04}", number + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_shared_out() {
        let ranges = |n| -> Vec<_> {
            let table = SlotTable::even(n).unwrap();
            table.parts.iter().map(|p| p.ranges[0]).collect()
        };
        assert_eq!(ranges(1), [(0, 16383)]);
        assert_eq!(ranges(3), [(0, 5460), (5461, 10921), (10922, 16383)]);
        assert!(SlotTable::even(0).is_err() && SlotTable::even(20000).is_err());
        let table = SlotTable::new(vec![
            Slots::of(vec![(5, 9), (0, 2)]),
            Slots::of(vec![(3, 3)]),
        ])
        .unwrap();
        assert_eq!(table.parts[0].name, "slots-0-2+5-9");
        assert_eq!(
            (table.of[2], table.of[3], table.of[4], table.of[9]),
            (0, 1, REST, 0)
        );
        assert!(SlotTable::new(vec![Slots::of(vec![(0, 2)]), Slots::of(vec![(2, 3)])]).is_err());
        assert!(SlotTable::new(vec![Slots::of(vec![(0, 16384)])]).is_err());
    }

    #[test]
    fn nodes_as_servers_write_them() {
        let text = "\
07c37df 127.0.0.1:30004@31004,host slave e7d1eec 0 1426238317239 4 connected\n\
67ed2db 127.0.0.1:30002@31002 master - 0 1426238316232 2 connected 5461-10922\n\
292f8b3 :0@0 myself,master,noaddr - 0 0 3 connected 10923-16383 [93-<-67ed2db]\n\
e7d1eec 127.0.0.1:30001@31001 master - 0 0 1 connected 7 0-5\n\
aaaa 127.0.0.1:30009@31009 master - 0 0 1 connected\n\
vars currentEpoch 6 lastVoteEpoch 0\n";
        let table = SlotTable::of_nodes(text.as_bytes()).unwrap();
        let names: Vec<&str> = table.parts.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "node-127.0.0.1%3A30002",
                "node-292f8b3",
                "node-127.0.0.1%3A30001"
            ]
        );
        assert_eq!(table.parts[2].ranges, [(0, 5), (7, 7)]);
        let e = SlotTable::of_nodes(&b"vars x\nabc 1:1 master - 0 0 1 connected 5-x\n"[..])
            .unwrap_err();
        assert_eq!(
            (e.place().offset, e.kind()),
            (Some(7), crate::ErrorKind::Corrupt)
        );
        assert!(SlotTable::of_nodes(&b""[..]).is_err());
        assert!(SlotTable::of_nodes(&b"\xff\n"[..]).is_err());
    }

    #[test]
    fn ids_and_names() {
        let mut id = Vec::new();
        let by = By::Prefix(b"::".to_vec());
        for (key, name) in [
            (&b"user::1::2"[..], "prefix-user"),
            (b"::x", "prefix-"),
            (b"user:1", "no-prefix"),
            (b"..\xff/::", "prefix-%2E.%FF%2F"),
        ] {
            by.id(key, 0, &mut id);
            assert_eq!(by.file(0, &id, 0), name);
        }
        by.id(&[&[b'x'; 300][..], b"::"].concat(), 0, &mut id);
        assert_eq!(by.file(0, &id, 7).len(), SHOWN + 2);
        assert_eq!(By::Size(1).file(0, &[], 0), "part-0001");
        assert_eq!(By::Db.file(12, &[], 3), "db-12");
    }
}
