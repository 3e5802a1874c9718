//! What differs between two values, part by part.

use super::Count;
use super::list::{self, Run};
use super::table::Ttl;
use super::value::{Entry, Group, Idmp, Pending, Stream, Text, Value};
use crate::model::kind::StreamId;
use std::cmp::Ordering;

/// One difference within a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What differs: `field`, `element` and the like; see the manual.
    pub part: &'static str,
    /// Which one: the field's name, the element's index.
    pub at: Vec<(&'static str, Datum)>,
    /// How it is in the first source.
    pub a: Datum,
    /// How it is in the second.
    pub b: Datum,
}

/// Something out of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// It is not there.
    None,
    /// It is there, which is all there is to say of it.
    There,
    /// A word of ours.
    Word(String),
    /// A string.
    Text(Text),
    /// A part of a very long string.
    Piece {
        /// Offset of the part in the string.
        from: u64,
        /// The part.
        bytes: Vec<u8>,
        /// Bytes of the whole string.
        len: u64,
    },
    /// A number.
    Number(i128),
    /// A score.
    Score(f64),
    /// A moment, Unix milliseconds.
    Time(i64),
    /// The id of a stream's entry.
    Id(StreamId),
    /// Fields and values of a stream's entry.
    Fields(Vec<(Text, Text)>),
    /// Several facts.
    Facts(Vec<(&'static str, Datum)>),
}

impl Datum {
    fn id(id: Option<StreamId>) -> Datum {
        id.map_or(Datum::None, Datum::Id)
    }

    pub(super) fn text(text: &Text) -> Datum {
        Datum::Text(text.clone())
    }
}

/// The differences of one key: the first ones, and how many more there are.
#[derive(Debug, Default)]
pub(super) struct Items {
    pub(super) items: Vec<Item>,
    pub(super) more: u64,
    /// How many are held.
    pub(super) most: usize,
}

impl Items {
    pub(super) fn add(&mut self, item: impl FnOnce() -> Item) {
        if self.items.len() < self.most {
            self.items.push(item());
        } else {
            self.more += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.more == 0
    }

    pub(super) fn between(
        &mut self,
        part: &'static str,
        at: &[(&'static str, Datum)],
        a: impl FnOnce() -> Datum,
        b: impl FnOnce() -> Datum,
    ) {
        self.add(|| Item {
            part,
            at: at.to_vec(),
            a: a(),
            b: b(),
        });
    }

    /// Two sorted rows: what is in one of them, or in both and not the same.
    fn rows<K: Ord, V>(
        &mut self,
        a: &[(K, V)],
        b: &[(K, V)],
        same: impl Fn(&V, &V) -> bool,
        mut tell: impl FnMut(&mut Items, &K, Option<&V>, Option<&V>),
    ) {
        let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
        loop {
            let order = match (a.peek(), b.peek()) {
                (Some(x), Some(y)) => x.0.cmp(&y.0),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return,
            };
            let x = if order.is_le() { a.next() } else { None };
            let y = if order.is_ge() { b.next() } else { None };
            match (x, y) {
                (Some(x), Some(y)) if same(&x.1, &y.1) => {}
                (Some(x), y) => tell(self, &x.0, Some(&x.1), y.map(|y| &y.1)),
                (None, Some(y)) => tell(self, &y.0, None, Some(&y.1)),
                (None, None) => {}
            }
        }
    }
}

/// What differs between two values; `first` is 0 for the first of their shares.
pub(super) fn values(a: &Value, b: &Value, first: u64, count: Count, out: &mut Items) {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) if a != b => {
            out.between("value", &[], || Datum::text(a), || Datum::text(b));
        }
        (Value::List(a), Value::List(b)) => _ = list::lists(a, b, Run::default(), out),
        (Value::Set(a), Value::Set(b)) => out.rows(
            a,
            b,
            |(), ()| true,
            |out, member, a, b| {
                let there = |x: Option<&()>| x.map_or(Datum::None, |()| Datum::There);
                out.between("member", &named("member", member), || there(a), || there(b));
            },
        ),
        (Value::Zset(a), Value::Zset(b)) => out.rows(a, b, u64::eq, |out, member, a, b| {
            let score =
                |x: Option<&u64>| x.map_or(Datum::None, |x| Datum::Score(f64::from_bits(*x)));
            out.between("member", &named("member", member), || score(a), || score(b));
        }),
        (Value::Hash(a), Value::Hash(b)) => hashes(a, b, count.ttl, out),
        (Value::Stream(a), Value::Stream(b)) => streams(a, b, count, out),
        (Value::Module(a, x), Value::Module(b, y)) => {
            if a != b {
                let word = |s: &String| Datum::Word(s.clone());
                out.between("module", &[], || word(a), || word(b));
            }
            if x != y {
                out.between("payload", &[], || Datum::text(x), || Datum::text(y));
            }
        }
        (Value::Array(a, x), Value::Array(b, y)) => {
            if a != b && first == 0 {
                let cursor = |c: &Option<u64>| c.map_or(Datum::None, |n| Datum::Number(n.into()));
                out.between("cursor", &[], || cursor(a), || cursor(b));
            }
            out.rows(x, y, Text::eq, |out, index, a, b| {
                let text = |x: Option<&Text>| x.map_or(Datum::None, Datum::text);
                let index = [("index", Datum::Number((*index).into()))];
                out.between("element", &index, || text(a), || text(b));
            });
        }
        (Value::Gcra(a), Value::Gcra(b)) if a != b => {
            let time = |n: u64| Datum::Number(n.into());
            out.between("arrival_time", &[], || time(*a), || time(*b));
        }
        _ => {}
    }
}

fn named(what: &'static str, name: &Text) -> [(&'static str, Datum); 1] {
    [(what, Datum::text(name))]
}

type Field = (Text, (Text, Option<u64>));

fn hashes(a: &[Field], b: &[Field], ttl: Ttl, out: &mut Items) {
    let ms = |x: Option<u64>| x.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
    let same =
        |x: &(Text, Option<u64>), y: &(Text, Option<u64>)| x.0 == y.0 && ttl.same(ms(x.1), ms(y.1));
    let time = |x: Option<u64>| ms(x).map_or(Datum::None, Datum::Time);
    out.rows(a, b, same, |out, field, a, b| {
        let at = named("field", field);
        if a.map(|x| &x.0) != b.map(|x| &x.0) {
            let text = |x: Option<&(Text, _)>| x.map_or(Datum::None, |x| Datum::text(&x.0));
            out.between("field", &at, || text(a), || text(b));
        }
        let (x, y) = (a.and_then(|x| x.1), b.and_then(|x| x.1));
        if !ttl.same(ms(x), ms(y)) {
            out.between("field_expire_ms", &at, || time(x), || time(y));
        }
    });
}

fn streams(a: &Stream, b: &Stream, count: Count, out: &mut Items) {
    out.rows(&a.entries, &b.entries, Entry::eq, |out, id, a, b| {
        let fields = |x: Option<&Entry>| x.map_or(Datum::None, |x| Datum::Fields(x.clone()));
        out.between(
            "entry",
            &[("id", Datum::Id(*id))],
            || fields(a),
            || fields(b),
        );
    });
    let mut numbers = |part, a: Option<StreamId>, b: Option<StreamId>| {
        if a.is_some() && b.is_some() && a != b {
            out.between(part, &[], || Datum::id(a), || Datum::id(b));
        }
    };
    numbers("last_id", Some(a.last_id), Some(b.last_id));
    numbers("max_deleted_id", a.max_deleted_id, b.max_deleted_id);
    if let (Some(x), Some(y)) = (a.entries_added, b.entries_added)
        && x != y
    {
        let number = |n: u64| Datum::Number(n.into());
        out.between("entries_added", &[], || number(x), || number(y));
    }
    out.rows(
        &a.groups,
        &b.groups,
        |_, _| false,
        |out, name, a, b| {
            let at = named("group", name);
            match (a, b) {
                (Some(a), Some(b)) => groups(a, b, name, count, out),
                (a, b) => {
                    let facts = |x: Option<&Group>| x.map_or(Datum::None, group_facts);
                    out.between("group", &at, || facts(a), || facts(b));
                }
            }
        },
    );
    idmp(a.idmp.as_ref(), b.idmp.as_ref(), out);
}

fn group_facts(group: &Group) -> Datum {
    Datum::Facts(vec![
        ("last_id", Datum::Id(group.last_id)),
        ("pending", Datum::Number(group.pending_count.into())),
        ("consumers", Datum::Number(group.consumers.len() as i128)),
    ])
}

fn groups(a: &Group, b: &Group, name: &Text, count: Count, out: &mut Items) {
    let at = named("group", name);
    let [group] = at.clone();
    if a.last_id != b.last_id {
        let id = |g: &Group| Datum::Id(g.last_id);
        out.between("group_last_id", &at, || id(a), || id(b));
    }
    if let (Some(x), Some(y)) = (a.entries_read, b.entries_read)
        && x != y
    {
        let number = |n: i64| Datum::Number(n.into());
        out.between("group_entries_read", &at, || number(x), || number(y));
    }
    out.rows(
        &a.consumers,
        &b.consumers,
        |(), ()| true,
        |out, name, a, b| {
            let at = [group.clone(), ("consumer", Datum::text(name))];
            let there = |x: Option<&()>| x.map_or(Datum::None, |()| Datum::There);
            out.between("consumer", &at, || there(a), || there(b));
        },
    );
    let same = |a: &Pending, b: &Pending| {
        (a.owner == b.owner && a.count == b.count) && (a.time == b.time || !count.delivery)
    };
    out.rows(&a.pending, &b.pending, same, |out, id, a, b| {
        let at = [group.clone(), ("id", Datum::Id(*id))];
        let facts = |x: Option<&Pending>| x.map_or(Datum::None, pending_facts);
        out.between("pending", &at, || facts(a), || facts(b));
    });
}

fn pending_facts(pending: &Pending) -> Datum {
    Datum::Facts(vec![
        (
            "consumer",
            pending.owner.as_ref().map_or(Datum::None, Datum::text),
        ),
        ("delivery_time_ms", Datum::Number(pending.time.into())),
        ("delivery_count", Datum::Number(pending.count.into())),
    ])
}

/// A version that does not hold the producers' ids says nothing; one that does and has none says the same as one that
/// does not.
fn idmp(a: Option<&Idmp>, b: Option<&Idmp>, out: &mut Items) {
    let (Some(a), Some(b)) = (a, b) else {
        let ids = [a, b].map(|x| x.map_or(&[][..], |x| &x.ids));
        return producers(ids[0], ids[1], out);
    };
    let facts = |x: &Idmp| {
        let all = [
            ("duration", x.duration),
            ("max_entries", x.max_entries),
            ("added", x.added),
            ("duplicates", x.duplicates),
        ];
        all.map(|(name, n)| (name, Datum::Number(n.into())))
            .to_vec()
    };
    if facts(a) != facts(b) {
        out.between(
            "idmp",
            &[],
            || Datum::Facts(facts(a)),
            || Datum::Facts(facts(b)),
        );
    }
    producers(&a.ids, &b.ids, out);
}

type Produced = ((Text, Text), StreamId);

fn producers(a: &[Produced], b: &[Produced], out: &mut Items) {
    out.rows(a, b, StreamId::eq, |out, (pid, iid), a, b| {
        let at = [("producer", Datum::text(pid)), ("iid", Datum::text(iid))];
        out.between(
            "producer_id",
            &at,
            || Datum::id(a.copied()),
            || Datum::id(b.copied()),
        );
    });
}
