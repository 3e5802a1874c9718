//! A stream as an RDB file holds it. The layout is described at [`crate::rdb::value`]'s streams.

use super::Stream;
use super::group::{Group, NOBODY};
use super::idmp::{DURATION, MAX};
use crate::model::kind::StreamId;
use crate::rdb::{length, string};

fn id(id: StreamId, out: &mut Vec<u8>) {
    length::write(id.ms, out);
    length::write(id.seq, out);
}

fn raw_id(id: StreamId, out: &mut Vec<u8>) {
    out.extend_from_slice(&id.ms.to_be_bytes());
    out.extend_from_slice(&id.seq.to_be_bytes());
}

impl Stream {
    /// Appends what stands behind the key in an RDB file, for a stream of that version, 1 to 5. What the version does
    /// not know is left out: counters below 2, the time a consumer was active below 3, producers below 4, and below 5
    /// pending entries that nobody owns, which older servers refuse.
    pub fn encode(&self, version: u8, out: &mut Vec<u8>) {
        let nodes = || self.nodes.iter().filter(|n| n.live() > 0);
        length::write(nodes().count() as u64, out);
        for node in nodes() {
            length::write(16, out);
            raw_id(node.id, out);
            string::write(node.bytes(), out);
        }
        length::write(self.length, out);
        id(self.last_id, out);
        if version >= 2 {
            id(self.first_id, out);
            id(self.max_deleted_id, out);
            length::write(self.entries_added, out);
        }
        length::write(self.groups.len() as u64, out);
        for (name, g) in self.groups() {
            string::write(name, out);
            group(g, version, out);
        }
        if version >= 4 {
            self.encode_idmp(out);
        }
    }

    fn encode_idmp(&self, out: &mut Vec<u8>) {
        let Some(idmp) = &self.idmp else {
            for n in [DURATION, MAX, 0, 0, 0] {
                length::write(n, out);
            }
            return;
        };
        length::write(idmp.duration, out);
        length::write(idmp.max, out);
        length::write(idmp.producers().len() as u64, out);
        for (pid, producer) in idmp.producers() {
            string::write(pid, out);
            length::write(producer.iter().len() as u64, out);
            for (iid, entry) in producer.iter() {
                string::write(iid, out);
                id(entry, out);
            }
        }
        length::write(idmp.added, out);
        length::write(idmp.duplicates, out);
    }
}

fn group(group: &Group, version: u8, out: &mut Vec<u8>) {
    id(group.last_id, out);
    if version >= 2 {
        length::write(group.entries_read.cast_unsigned(), out);
    }
    let pending = || {
        group
            .pel()
            .iter()
            .filter(|p| version >= 5 || p.owner != NOBODY)
    };
    length::write(pending().count() as u64, out);
    for p in pending() {
        raw_id(p.id, out);
        out.extend_from_slice(&p.time.to_le_bytes());
        length::write(p.count, out);
    }
    // One pass over the pending entries, whatever the number of consumers.
    let mut owned: Vec<Vec<StreamId>> = Vec::new();
    for p in pending().filter(|p| p.owner != NOBODY) {
        let at = p.owner as usize;
        if owned.len() <= at {
            owned.resize_with(at + 1, Vec::new);
        }
        if let Some(ids) = owned.get_mut(at) {
            ids.push(p.id);
        }
    }
    length::write(group.consumers_len() as u64, out);
    for (at, consumer) in group.consumers() {
        string::write(&consumer.name, out);
        out.extend_from_slice(&consumer.seen_time.to_le_bytes());
        if version >= 3 {
            out.extend_from_slice(&consumer.active_time.to_le_bytes());
        }
        let ids = owned.get(at as usize).map_or(&[][..], Vec::as_slice);
        length::write(ids.len() as u64, out);
        for &id in ids {
            raw_id(id, out);
        }
    }
    if version >= 5 {
        length::write(group.zone().len() as u64, out);
        for id in group.zone() {
            raw_id(id, out);
        }
    }
}
