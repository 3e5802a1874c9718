//! Whole values in memory, to be compared part by part; of a very large one a share at a time.

use super::digest::score_bits;
use super::hash::Key;
use crate::error::Result;
use crate::model::kind::StreamId;
use crate::packed::string::Str;
use crate::rdb::frame::Record;
use crate::rdb::types::TypeRow;
use crate::rdb::value::array::float_text;
use crate::rdb::value::module;
use crate::rdb::visit::{ArrayValue, StreamPart, Visit};
use crate::rdb::walk::{self, Scratch};
use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher};

/// A string of a value.
#[derive(Debug, Clone)]
pub enum Text {
    /// All of it.
    Whole(Vec<u8>),
    /// One that is longer than what is held in memory: how it begins, its length and its hash.
    Giant {
        /// The first bytes.
        head: Vec<u8>,
        /// How many it has.
        len: u64,
        /// Of all of them.
        hash: u128,
    },
}

impl Text {
    /// The bytes that are at hand.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        match self {
            Text::Whole(bytes) | Text::Giant { head: bytes, .. } => bytes,
        }
    }

    /// How many it has.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Text::Whole(bytes) => bytes.len() as u64,
            Text::Giant { len, .. } => *len,
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Ord for Text {
    /// By bytes, as far as they are at hand.
    fn cmp(&self, other: &Text) -> Ordering {
        let hash = |text: &Text| match text {
            Text::Whole(_) => None,
            Text::Giant { len, hash, .. } => Some((*len, *hash)),
        };
        self.head()
            .cmp(other.head())
            .then_with(|| hash(self).cmp(&hash(other)))
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Text) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Text {}

/// A value. What has no order is sorted.
#[derive(Debug)]
pub(super) enum Value {
    /// Nothing came: a collection without elements.
    Nothing,
    Text(Text),
    List(Vec<Text>),
    Set(Vec<(Text, ())>),
    /// Scores by their bits.
    Zset(Vec<(Text, u64)>),
    Hash(Vec<(Text, (Text, Option<u64>))>),
    Stream(Box<Stream>),
    Module(String, Text),
    Array(Option<u64>, Vec<(u64, Text)>),
    Gcra(u64),
}

/// Fields and values of a stream's entry.
pub(super) type Entry = Vec<(Text, Text)>;

/// A stream. `None`: the version does not hold it.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) entries: Vec<(StreamId, Entry)>,
    pub(super) last_id: StreamId,
    pub(super) max_deleted_id: Option<StreamId>,
    pub(super) entries_added: Option<u64>,
    pub(super) groups: Vec<(Text, Group)>,
    pub(super) idmp: Option<Idmp>,
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Group {
    pub(super) last_id: StreamId,
    pub(super) entries_read: Option<i64>,
    /// Those of the share, and how many there are in all.
    pub(super) pending: Vec<(StreamId, Pending)>,
    pub(super) pending_count: u64,
    pub(super) consumers: Vec<(Text, ())>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pending {
    pub(super) owner: Option<Text>,
    pub(super) time: i64,
    pub(super) count: u64,
}

/// What tells duplicates of producers.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Idmp {
    pub(super) duration: u64,
    pub(super) max_entries: u64,
    pub(super) added: u64,
    pub(super) duplicates: u64,
    pub(super) ids: Vec<((Text, Text), StreamId)>,
}

/// One of so many shares of a value; the same elements fall into the same share in both sources.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) n: u64,
    pub(super) of: u64,
    /// Of a list, the index of the first element, and how many are in the share.
    pub(super) from: u64,
    /// See `from`.
    pub(super) run: u64,
}

impl Share {
    fn has(self, hash: u64) -> bool {
        self.of <= 1 || hash % self.of == self.n
    }
}

/// How large a value is.
#[derive(Debug, Default)]
pub(super) struct Size {
    /// Its elements.
    pub(super) count: u64,
    /// Bytes of memory that it would take.
    pub(super) held: u64,
    /// A collection without any.
    pub(super) empty: bool,
    /// Of a string, how it begins.
    pub(super) head: Option<Text>,
}

/// What an element takes beside its bytes.
const ELEMENT: u64 = 72;

/// Bytes of a giant string that are held, and of any string that are told.
const HEAD: usize = 256;

/// Measures a value.
pub(super) fn size(record: &Record<'_>, row: &'static TypeRow, sc: &mut Scratch) -> Result<Size> {
    let mut visit = Measure(Size::default());
    walk::record(record, row, true, sc, &mut visit)?;
    Ok(visit.0)
}

/// Reads a share of a value.
pub(super) fn read(
    record: &Record<'_>,
    row: &'static TypeRow,
    key: Key,
    share: Share,
    sc: &mut Scratch,
) -> Result<Value> {
    let mut visit = Collect {
        key,
        share,
        index: 0,
        wanted: false,
        value: Value::Nothing,
        stream: None,
        owner: None,
    };
    walk::record(record, row, true, sc, &mut visit)?;
    let mut value = visit.stream.map_or(visit.value, Value::Stream);
    match &mut value {
        Value::Set(all) => all.sort(),
        Value::Zset(all) => all.sort(),
        Value::Hash(all) => all.sort(),
        Value::Array(_, all) => all.sort(),
        Value::Stream(stream) => {
            stream.groups.sort_by(|a, b| a.0.cmp(&b.0));
            for (_, group) in &mut stream.groups {
                group.pending.sort_by_key(|(id, _)| *id);
                group.consumers.sort();
            }
            if let Some(idmp) = &mut stream.idmp {
                idmp.ids.sort();
            }
        }
        _ => {}
    }
    Ok(value)
}

struct Measure(Size);

impl Measure {
    fn add(&mut self, count: u64, texts: &[&Str<'_>]) {
        self.0.count += count;
        self.0.held += ELEMENT;
        for text in texts {
            self.0.held += match text {
                Str::Giant(_) => HEAD as u64,
                text => text.len(),
            };
        }
    }
}

impl Visit for Measure {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        let mut head = Vec::new();
        value.chunks(&mut |piece| {
            let most = (HEAD - head.len()).min(piece.len());
            head.extend_from_slice(piece.get(..most).unwrap_or_default());
            Ok(())
        })?;
        let len = value.len();
        self.0.count = len;
        self.0.head = Some(if len <= HEAD as u64 {
            Text::Whole(head)
        } else {
            Text::Giant { head, len, hash: 0 }
        });
        Ok(())
    }
    fn empty(&mut self) -> Result<()> {
        self.0.empty = true;
        Ok(())
    }
    fn element(&mut self, element: Str<'_>) -> Result<()> {
        self.add(1, &[&element]);
        Ok(())
    }
    fn member(&mut self, member: Str<'_>) -> Result<()> {
        self.add(1, &[&member]);
        Ok(())
    }
    fn scored(&mut self, member: Str<'_>, _: f64) -> Result<()> {
        self.add(1, &[&member]);
        Ok(())
    }
    fn field(&mut self, field: Str<'_>, value: Str<'_>, _: Option<u64>) -> Result<()> {
        self.add(1, &[&field, &value]);
        Ok(())
    }
    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Entry(_) => self.add(1, &[]),
            StreamPart::Field(field, value) => self.add(0, &[&field, &value]),
            StreamPart::Pending { .. } | StreamPart::Consumer { .. } => self.add(0, &[]),
            StreamPart::ProducerId(id, _) => self.add(0, &[&id]),
            _ => {}
        }
        Ok(())
    }
    fn array_element(&mut self, _: u64, value: ArrayValue<'_>) -> Result<()> {
        match value {
            ArrayValue::Text(text) => self.add(1, &[&text]),
            ArrayValue::Float(_) => self.add(1, &[]),
        }
        Ok(())
    }
}

struct Collect {
    key: Key,
    share: Share,
    /// The next element of a list.
    index: u64,
    /// Whether the entry under way is in the share.
    wanted: bool,
    value: Value,
    stream: Option<Box<Stream>>,
    owner: Option<Text>,
}

/// Purpose of the hash.
const GIANT: u64 = 30;

impl Collect {
    fn text(&self, s: &Str<'_>) -> Result<Text> {
        if !matches!(s, Str::Giant(_)) {
            return Ok(Text::Whole(s.to_vec(u64::MAX)?));
        }
        let mut sip = self.key.hasher(GIANT);
        let mut head = Vec::new();
        s.chunks(&mut |piece| {
            sip.write(piece);
            let most = (HEAD - head.len()).min(piece.len());
            head.extend_from_slice(piece.get(..most).unwrap_or_default());
            Ok(())
        })?;
        Ok(Text::Giant {
            head,
            len: s.len(),
            hash: sip.finish(),
        })
    }

    /// Whether an element by that name is in the share. The same in every run: the order of what is told depends on it.
    fn has(&self, s: &Str<'_>) -> Result<bool> {
        if self.share.of <= 1 {
            return Ok(true);
        }
        let mut hasher = foldhash::fast::FixedState::default().build_hasher();
        s.with(|bytes| match bytes {
            Some(bytes) => hasher.write(bytes),
            None => hasher.write_u64(s.len()),
        });
        Ok(self.share.has(hasher.finish()))
    }

    fn has_id(&self, id: StreamId) -> bool {
        self.share.has(id.ms.wrapping_mul(31).wrapping_add(id.seq))
    }

    fn stream(&mut self) -> &mut Stream {
        self.stream.get_or_insert_default()
    }

    fn group(&mut self) -> Option<&mut Group> {
        self.stream().groups.last_mut().map(|(_, group)| group)
    }
}

impl Visit for Collect {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        self.value = Value::Text(self.text(&value)?);
        Ok(())
    }

    fn element(&mut self, element: Str<'_>) -> Result<()> {
        let Share { of, from, run, .. } = self.share;
        let wanted = of <= 1 || (self.index >= from && self.index - from < run);
        self.index += 1;
        if !matches!(self.value, Value::List(_)) {
            self.value = Value::List(Vec::new());
        }
        if wanted {
            let text = self.text(&element)?;
            if let Value::List(all) = &mut self.value {
                all.push(text);
            }
        }
        Ok(())
    }

    fn member(&mut self, member: Str<'_>) -> Result<()> {
        if !matches!(self.value, Value::Set(_)) {
            self.value = Value::Set(Vec::new());
        }
        if self.has(&member)? {
            let text = self.text(&member)?;
            if let Value::Set(all) = &mut self.value {
                all.push((text, ()));
            }
        }
        Ok(())
    }

    fn scored(&mut self, member: Str<'_>, score: f64) -> Result<()> {
        if !matches!(self.value, Value::Zset(_)) {
            self.value = Value::Zset(Vec::new());
        }
        if self.has(&member)? {
            let text = self.text(&member)?;
            if let Value::Zset(all) = &mut self.value {
                all.push((text, score_bits(score)));
            }
        }
        Ok(())
    }

    fn field(&mut self, field: Str<'_>, value: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        if !matches!(self.value, Value::Hash(_)) {
            self.value = Value::Hash(Vec::new());
        }
        if self.has(&field)? {
            let (field, value) = (self.text(&field)?, self.text(&value)?);
            if let Value::Hash(all) = &mut self.value {
                all.push((field, (value, expire_ms)));
            }
        }
        Ok(())
    }

    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Entry(id) => {
                self.wanted = self.has_id(id);
                let wanted = self.wanted;
                let stream = self.stream();
                if wanted {
                    stream.entries.push((id, Vec::new()));
                }
            }
            StreamPart::Field(field, value) if self.wanted => {
                let pair = (self.text(&field)?, self.text(&value)?);
                if let Some((_, fields)) = self.stream().entries.last_mut() {
                    fields.push(pair);
                }
            }
            StreamPart::Field(..) => {}
            StreamPart::Meta(meta) => {
                let stream = self.stream();
                stream.last_id = meta.last_id;
                stream.max_deleted_id = meta.max_deleted_id;
                stream.entries_added = meta.entries_added;
            }
            StreamPart::Group {
                name,
                last_id,
                entries_read,
            } => {
                let name = self.text(&name)?;
                let group = Group {
                    last_id,
                    entries_read,
                    ..Group::default()
                };
                self.stream().groups.push((name, group));
            }
            StreamPart::Pending { id, time, count } => {
                let wanted = self.has_id(id);
                if let Some(group) = self.group() {
                    group.pending_count += 1;
                }
                if wanted && let Some(group) = self.group() {
                    let pending = Pending {
                        owner: None,
                        time,
                        count,
                    };
                    group.pending.push((id, pending));
                }
            }
            StreamPart::Consumer { name, .. } => {
                let name = self.text(&name)?;
                self.owner = Some(name.clone());
                if let Some(group) = self.group() {
                    group.consumers.push((name, ()));
                    // They are ascending in files; whoever owns one is looked up among them.
                    group.pending.sort_by_key(|(id, _)| *id);
                }
            }
            StreamPart::Owned { id, .. } => {
                let owner = self.owner.clone();
                if let Some(group) = self.group()
                    && let Ok(at) = group.pending.binary_search_by_key(&id, |(id, _)| *id)
                    && let Some((_, pending)) = group.pending.get_mut(at)
                {
                    pending.owner = owner;
                }
            }
            StreamPart::Nacked { .. } | StreamPart::GroupEnd => {}
            StreamPart::Idmp {
                duration,
                max_entries,
            } => {
                self.stream().idmp = Some(Idmp {
                    duration,
                    max_entries,
                    ..Idmp::default()
                });
            }
            StreamPart::Producer(pid) => self.owner = Some(self.text(&pid)?),
            StreamPart::ProducerId(iid, id) => {
                let iid = self.text(&iid)?;
                let wanted = self.has_id(id);
                if let (Some(pid), Some(idmp)) = (self.owner.clone(), &mut self.stream().idmp)
                    && wanted
                {
                    idmp.ids.push(((pid, iid), id));
                }
            }
            StreamPart::IdmpEnd { added, duplicates } => {
                if let Some(idmp) = &mut self.stream().idmp {
                    idmp.added = added;
                    idmp.duplicates = duplicates;
                }
            }
        }
        Ok(())
    }

    fn module(&mut self, id: u64, fields: Str<'_>) -> Result<()> {
        let (name, version) = module::name(id);
        self.value = Value::Module(format!("{name} {version}"), self.text(&fields)?);
        Ok(())
    }

    fn array_cursor(&mut self, cursor: Option<u64>) -> Result<()> {
        self.value = Value::Array(cursor, Vec::new());
        Ok(())
    }

    fn array_element(&mut self, index: u64, value: ArrayValue<'_>) -> Result<()> {
        if !self.share.has(index) {
            return Ok(());
        }
        let text = match value {
            ArrayValue::Text(text) => self.text(&text)?,
            ArrayValue::Float(v) => {
                let mut text = Vec::new();
                float_text(v, &mut text);
                Text::Whole(text)
            }
        };
        if let Value::Array(_, all) = &mut self.value {
            all.push((index, text));
        }
        Ok(())
    }

    fn gcra(&mut self, tat: u64) -> Result<()> {
        self.value = Value::Gcra(tat);
        Ok(())
    }

    fn empty(&mut self) -> Result<()> {
        self.value = Value::Nothing;
        Ok(())
    }
}
