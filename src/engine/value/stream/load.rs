//! A stream out of a file: built from what a walk over its value tells.

use super::Stream;
use super::group::{Group, NOBODY, Pending, UNDECIDED, UNKNOWN};
use super::idmp::Idmp;
use super::node::Node;
use crate::engine::args::Kept;
use crate::engine::value::Limits;
use crate::error::{Error, Result};
use crate::model::kind::StreamId;
use crate::packed::string::Str;
use crate::rdb::visit::{StreamPart, Visit};

/// Makes a stream of the calls of one walk. Nodes that are as servers write them are taken as they are; the entries of
/// others are appended anew.
#[derive(Debug)]
pub struct Builder {
    stream: Stream,
    limits: Limits,
    /// The entries of the node under way are in already.
    adopted: bool,
    last: Option<StreamId>,
    entry: Option<StreamId>,
    fields: Kept,
    name: Vec<u8>,
    group: Option<Group>,
    consumer: u32,
    /// The groups' numbers of entries read are to be estimated.
    estimate: bool,
}

fn bytes(s: &Str<'_>) -> Result<Vec<u8>> {
    s.to_vec(super::MAX_ENTRY as u64)
}

impl Builder {
    /// For the next walk. The limits are for nodes that are made anew.
    #[must_use]
    pub fn new(limits: &Limits) -> Builder {
        Builder {
            stream: Stream::default(),
            limits: *limits,
            adopted: false,
            last: None,
            entry: None,
            fields: Kept::default(),
            name: Vec::new(),
            group: None,
            consumer: NOBODY,
            estimate: false,
        }
    }

    /// The stream that was walked over.
    #[must_use]
    pub fn finish(mut self) -> Stream {
        self.flush();
        self.end_group();
        self.stream.nodes.shrink_to_fit();
        self.stream
    }

    /// Appends the entry under way.
    fn flush(&mut self) {
        let Some(id) = self.entry.take() else {
            return;
        };
        // Ids that do not ascend cannot be held: such files are damaged, and have been called so.
        if self.last.is_none_or(|last| last < id) {
            let args = self.fields.args();
            let mut all = args.iter();
            let pairs = std::iter::from_fn(|| Some((all.next()?, all.next()?)));
            let pairs: Vec<(&[u8], &[u8])> = pairs.collect();
            let bytes = args.iter().map(<[u8]>::len).sum();
            self.stream
                .append(id, pairs.iter().copied(), pairs.len(), bytes, &self.limits);
            self.last = Some(id);
        }
        self.fields = Kept::default();
    }

    fn field(&mut self, field: &Str<'_>) -> Result<()> {
        if self.fields.push(&bytes(field)?) {
            Ok(())
        } else {
            Err(Error::limit("an entry of a stream has more than 4 GiB"))
        }
    }

    fn end_group(&mut self) {
        let Some(mut group) = self.group.take() else {
            return;
        };
        group.decide();
        if self.estimate {
            group.entries_read = self.stream.entries_until(group.last_id, false);
        }
        self.stream.add_group(&self.name, group);
    }

    fn own(&mut self, id: StreamId, time: i64, count: u64, owner: u32) {
        if let Some(group) = &mut self.group {
            group.put(Pending::new(id, time, count, owner));
        }
    }

    fn idmp(&mut self) -> &mut Idmp {
        self.stream.idmp.get_or_insert_default()
    }
}

impl Visit for Builder {
    fn stream_node(&mut self, id: StreamId, listpack: Option<&[u8]>) -> Result<()> {
        self.flush();
        let last = self.last;
        let above = last.is_none_or(|last| last < id);
        let node = listpack
            .filter(|_| above)
            .and_then(|bytes| Node::adopt(id, bytes, last));
        self.adopted = node.is_some();
        if let Some(node) = node {
            self.stream.length += node.live();
            self.last = Some(node.last_id());
            self.stream.nodes.push_back(node);
        }
        Ok(())
    }

    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Entry(_) | StreamPart::Field(..) if self.adopted => {}
            StreamPart::Entry(id) => {
                self.flush();
                self.entry = Some(id);
            }
            StreamPart::Field(name, value) => {
                self.field(&name)?;
                self.field(&value)?;
            }
            StreamPart::Meta(meta) => {
                self.flush();
                let stream = &mut self.stream;
                stream.last_id = meta.last_id;
                stream.max_deleted_id = meta.max_deleted_id.unwrap_or_default();
                stream.entries_added = meta.entries_added.unwrap_or(stream.length);
                match meta.first_id {
                    Some(id) => stream.first_id = id,
                    // What servers make of an old stream without entries, and show.
                    None if stream.length == 0 => {
                        stream.first_id = StreamId {
                            ms: u64::MAX,
                            seq: u64::MAX,
                        };
                    }
                    None => stream.set_first(),
                }
            }
            StreamPart::Group {
                name,
                last_id,
                entries_read,
            } => {
                self.end_group();
                self.name = bytes(&name)?;
                self.estimate = entries_read.is_none();
                self.group = Some(Group::new(last_id, entries_read.unwrap_or(UNKNOWN)));
            }
            StreamPart::Pending { id, time, count } => {
                // In a file that is whole its owner follows, or that it has none.
                if let Some(group) = &mut self.group {
                    group.put(Pending::new(id, time, count, UNDECIDED));
                }
            }
            StreamPart::Consumer {
                name,
                seen_time,
                active_time,
            } => {
                let name = bytes(&name)?;
                if let Some(group) = &mut self.group {
                    (self.consumer, _) = group.find_or_create(&name, seen_time);
                    if let Some(consumer) = group.consumer_mut(self.consumer) {
                        consumer.active_time = active_time.unwrap_or(seen_time);
                    }
                }
            }
            StreamPart::Owned { id, time, count } => self.own(id, time, count, self.consumer),
            StreamPart::Nacked { id, time, count } => self.own(id, time, count, NOBODY),
            StreamPart::GroupEnd => self.end_group(),
            StreamPart::Idmp {
                duration,
                max_entries,
            } => {
                let idmp = self.idmp();
                idmp.duration = duration;
                idmp.max = max_entries;
            }
            StreamPart::Producer(pid) => {
                self.name = bytes(&pid)?;
                let pid = std::mem::take(&mut self.name);
                self.idmp().producer(&pid);
                self.name = pid;
            }
            StreamPart::ProducerId(iid, id) => {
                let iid = bytes(&iid)?;
                let pid = std::mem::take(&mut self.name);
                self.idmp().push(&pid, &iid, id);
                self.name = pid;
            }
            StreamPart::IdmpEnd { added, duplicates } => {
                let idmp = self.idmp();
                idmp.added = added;
                idmp.duplicates = duplicates;
                if idmp.is_unused() {
                    self.stream.idmp = None;
                }
            }
        }
        Ok(())
    }
}
