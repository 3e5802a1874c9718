//! The second look: keys that are not plainly the same, one by one, in the order of the first source.

use super::compare::{self, Items};
use super::hash::Key;
use super::side::Side;
use super::table::{Look, expiry, some};
use super::value::{self, Share, Value};
use super::{Change, Count, Datum, Facts, Options, Patch, Report, Tell, Text, What, giant, list};
use crate::error::Result;
use crate::model::kind::{Kind, StreamId};
use crate::rdb::frame::Record;
use crate::rdb::types::TypeRow;
use crate::rdb::walk::Scratch;

/// A key in one of the sources.
type Place<'a, 'r> = (&'a Record<'r>, &'static TypeRow, &'a Side);

/// Both sources and what is found.
pub(super) struct Second<'a, 'p> {
    pub(super) key: Key,
    pub(super) options: &'a Options<'a>,
    pub(super) count: Count,
    pub(super) sides: [&'a Side; 2],
    pub(super) report: Report,
    pub(super) tell: &'a mut dyn Tell,
    pub(super) patch: Option<&'a mut Patch<'p>>,
    pub(super) sc: Scratch,
}

impl Second<'_, '_> {
    pub(super) fn all(&mut self, look: &Look) -> Result<()> {
        let mut removed = look.removed.iter().copied().peekable();
        for &(a, b) in &look.again {
            while let Some(gone) = removed.next_if(|at| *at < a) {
                self.alone(What::Removed, gone)?;
            }
            if self.done() {
                return Ok(());
            }
            let [first, second] = self.sides;
            first.look(a, |a| second.look(b, |b| self.pair(a, b)))?;
        }
        for gone in removed {
            if self.done() {
                return Ok(());
            }
            self.alone(What::Removed, gone)?;
        }
        for &new in &look.added {
            if self.done() {
                return Ok(());
            }
            self.alone(What::Added, new)?;
        }
        Ok(())
    }

    /// Whether nothing more is asked for.
    fn done(&mut self) -> bool {
        let done = self.options.first && !self.report.is_same();
        self.report.stopped |= done;
        done
    }

    /// A key that only one of them has. One without elements is there in neither.
    fn alone(&mut self, what: What, offset: u64) -> Result<()> {
        let [a, b] = self.sides;
        let side = if what == What::Added { b } else { a };
        side.look(offset, |record| {
            let facts = self.facts(record, side)?;
            match facts {
                Some((facts, _)) => self.differs(what, record, facts),
                None => Ok(()),
            }
        })
    }

    fn differs(&mut self, what: What, record: &Record<'_>, facts: Facts) -> Result<()> {
        let mut held = Vec::new();
        let name = record.key(&mut held)?;
        let kind = facts.kind;
        let (a, b) = match what {
            What::Added => (None, Some(facts)),
            _ => (Some(facts), None),
        };
        let change = Change {
            what,
            db: record.frame.db,
            key: name,
            a,
            b,
            items: &[],
            more: 0,
        };
        self.say(&change, kind, (what == What::Added).then_some(record))
    }

    /// Tells of a change and writes it into the patch; `b` is the key as it is to be.
    fn say(&mut self, change: &Change<'_>, kind: Kind, b: Option<&Record<'_>>) -> Result<()> {
        if self.report.counts.all() < self.options.limit {
            self.tell.key(change)?;
        }
        self.report.count(change.what, change.db, change.key, kind);
        if let Some(patch) = &mut self.patch {
            let only_expiry = change.what == What::Changed
                && change.more == 0
                && patch.stays(change.a.as_ref().and_then(|a| a.expire_ms))
                && change.items.iter().all(|item| item.part == EXPIRY);
            let [_, side] = self.sides;
            patch.key(change.db, change.key, (b, side), only_expiry, &mut self.sc)?;
        }
        Ok(())
    }

    /// What is to be said of a key, and the memory that it would take; `None` of one without elements.
    fn facts(&mut self, record: &Record<'_>, side: &Side) -> Result<Option<(Facts, u64)>> {
        let Some(row) = record.row() else {
            return Ok(None);
        };
        let size = value::size(record, row, &mut self.sc).map_err(|e| side.named(e))?;
        let facts = Facts {
            kind: row.kind,
            len: size.count,
            expire_ms: some(expiry(record)),
            head: size.head,
        };
        Ok((!size.empty).then_some((facts, size.held)))
    }

    /// A key that both have.
    fn pair(&mut self, a: &Record<'_>, b: &Record<'_>) -> Result<()> {
        let (Some(row_a), Some(row_b)) = (a.row(), b.row()) else {
            return Ok(());
        };
        let [in_a, in_b] = self.sides;
        let ((facts_a, held_a), (facts_b, held_b)) =
            match (self.facts(a, in_a)?, self.facts(b, in_b)?) {
                (Some(a), Some(b)) => (a, b),
                (Some((facts, _)), None) => return self.differs(What::Removed, a, facts),
                (None, Some((facts, _))) => return self.differs(What::Added, b, facts),
                (None, None) => {
                    self.report.same += 1;
                    return Ok(());
                }
            };
        let telling = self.report.counts.all() < self.options.limit;
        let mut items = Items {
            most: if telling { self.options.items } else { 1 },
            ..Items::default()
        };
        if row_a.kind == row_b.kind {
            let most = facts_a.len.max(facts_b.len);
            let size = (held_a + held_b, most);
            self.values((a, row_a, in_a), (b, row_b, in_b), size, &mut items)?;
        } else {
            let word = |row: &TypeRow| Datum::Word(row.kind.name().to_owned());
            items.between("type", &[], || word(row_a), || word(row_b));
        }
        let word = |r: &Record<'_>| Datum::Word(r.encoding().map_or("", |e| e.name()).to_owned());
        if self.count.encoding && row_a.kind == row_b.kind && a.encoding() != b.encoding() {
            items.between("encoding", &[], || word(a), || word(b));
        }
        let (meta_a, meta_b) = (a.meta(), b.meta());
        if meta_a != meta_b {
            let text =
                |m: Option<&[u8]>| m.map_or(Datum::None, |m| Datum::Text(Text::Whole(m.to_vec())));
            items.between("metadata", &[], || text(meta_a), || text(meta_b));
        }
        let (spared_a, spared_b) = (a.frame.attrs.noevict, b.frame.attrs.noevict);
        if spared_a != spared_b {
            let there = |x: bool| if x { Datum::There } else { Datum::None };
            items.between("noevict", &[], || there(spared_a), || there(spared_b));
        }
        // The expiry is told even where the value has more differences than are told.
        items.most = items.most.saturating_add(1);
        if !self.count.ttl.same(facts_a.expire_ms, facts_b.expire_ms) {
            let time = |f: &Facts| f.expire_ms.map_or(Datum::None, Datum::Time);
            items.between(EXPIRY, &[], || time(&facts_a), || time(&facts_b));
        }
        if items.is_empty() {
            self.report.same += 1;
            return Ok(());
        }
        let mut held = Vec::new();
        let kind = facts_b.kind;
        let change = Change {
            what: What::Changed,
            db: b.frame.db,
            key: b.key(&mut held)?,
            a: Some(facts_a),
            b: Some(facts_b),
            items: &items.items,
            more: items.more,
        };
        self.say(&change, kind, Some(b))
    }

    /// What differs between two values of the same type, which would take that much memory, and of which the longer has
    /// so many elements.
    fn values(
        &mut self,
        a: Place<'_, '_>,
        b: Place<'_, '_>,
        (held, count): (u64, u64),
        items: &mut Items,
    ) -> Result<()> {
        if a.1.kind == Kind::String
            && let Some((x, y)) = giant::difference(a, b, self.key, &mut self.sc)?
        {
            items.between("value", &[], || x, || y);
            return Ok(());
        }
        let of = held.div_ceil(self.options.bounds.held.max(1)).max(1);
        let run = if of == 1 {
            u64::MAX
        } else {
            count.div_ceil(of).max(1)
        };
        let key = self.key;
        let sc = &mut self.sc;
        let mut read = |(record, row, side): Place<'_, '_>, share| {
            value::read(record, row, key, share, sc).map_err(|e| side.named(e))
        };
        let share = Share {
            n: 0,
            of,
            from: 0,
            run,
        };
        if of > 1 && a.1.kind == Kind::List {
            return long_lists(a, b, share, &mut read, items);
        }
        for n in 0..of {
            let share = Share { n, ..share };
            let (mut x, mut y) = (read(a, share)?, read(b, share)?);
            if n > 0 {
                beyond_first(&mut x, &mut y);
            }
            compare::values(&x, &y, n, self.count, items);
        }
        Ok(())
    }
}

/// Compares two lists run by run. A run begins in each of them where the one before came to in it: what one of them has more
/// does not make all behind it differ.
fn long_lists<'a, 'r>(
    a: Place<'a, 'r>,
    b: Place<'a, 'r>,
    share: Share,
    read: &mut dyn FnMut(Place<'a, 'r>, Share) -> Result<Value>,
    items: &mut Items,
) -> Result<()> {
    let full = |list: &[Text]| list.len() as u64 >= share.run;
    let mut from = [0, 0];
    loop {
        let [from_a, from_b] = from;
        let mut run = |place, from| -> Result<Vec<Text>> {
            match read(place, Share { from, ..share })? {
                Value::List(list) => Ok(list),
                _ => Ok(Vec::new()),
            }
        };
        let (x, y) = (run(a, from_a)?, run(b, from_b)?);
        let more = full(&x) || full(&y);
        let run = list::Run { from, more };
        for (from, used) in from.iter_mut().zip(list::lists(&x, &y, run, items)) {
            *from += used as u64;
        }
        if !more {
            return Ok(());
        }
    }
}

/// Leaves what the first share of two streams has told.
fn beyond_first(a: &mut Value, b: &mut Value) {
    let (Value::Stream(a), Value::Stream(b)) = (a, b) else {
        return;
    };
    let names = |stream: &value::Stream| -> Vec<Text> {
        stream.groups.iter().map(|(name, _)| name.clone()).collect()
    };
    let names = [names(a), names(b)];
    for stream in [a, b] {
        stream.last_id = StreamId::default();
        stream.max_deleted_id = None;
        stream.entries_added = None;
        stream
            .groups
            .retain(|(name, _)| names.iter().all(|all| all.contains(name)));
        for (_, group) in &mut stream.groups {
            group.last_id = StreamId::default();
            group.entries_read = None;
            group.consumers.clear();
        }
        if let Some(idmp) = &mut stream.idmp {
            (idmp.duration, idmp.max_entries) = (0, 0);
            (idmp.added, idmp.duplicates) = (0, 0);
        }
    }
}

/// The part of a key that is its expiry.
const EXPIRY: &str = "expire_ms";
