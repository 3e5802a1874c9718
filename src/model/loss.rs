//! What a form of output cannot carry: counted by kind, with the first place of each, so that nothing is lost silently.

use crate::error::Place;
use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $one:literal, $many:literal;)*) => {
        /// One kind of loss.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Loss { $($(#[$doc])* $variant,)* }

        impl Loss {
            /// All kinds.
            pub const ALL: &'static [Loss] = &[$(Loss::$variant,)*];

            /// A stable word for scripts.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Loss::$variant => $word,)* }
            }

            /// What is lost, in words: of one, or of several.
            #[must_use]
            pub fn text(self, one: bool) -> &'static str {
                match self { $(Loss::$variant => if one { $one } else { $many },)* }
            }
        }
    };
}

kinds! {
    /// A key whose type the target does not have.
    Key = "key", "key left out: the target has no such type", "keys left out: the target has no such type";
    /// A function library.
    Function = "function", "function library left out", "function libraries left out";
    /// The expiry of a hash's field.
    FieldExpiry = "field-expiry", "hash field without its expiry", "hash fields without their expiry";
    /// A module's data outside the keys.
    ModuleAux = "module-aux", "record of module data outside the keys left out", "records of module data outside the keys left out";
    /// Metadata in front of a key.
    KeyMeta = "key-metadata", "key without its metadata", "keys without their metadata";
    /// The mark that keeps a key from eviction.
    NoEvict = "no-evict", "key without its mark against eviction", "keys without their mark against eviction";
    /// A stream's entry without fields, which no server makes.
    Entry = "stream-entry", "stream entry without fields left out", "stream entries without fields left out";
    /// A consumer group.
    Group = "stream-group", "consumer group of a stream left out", "consumer groups of streams left out";
    /// A consumer with nothing pending.
    Consumer = "stream-consumer", "consumer with nothing pending left out", "consumers with nothing pending left out";
    /// A pending entry whose stream entry is gone, or that nobody owns.
    Pending = "stream-pending", "pending entry of a consumer group left out", "pending entries of consumer groups left out";
    /// When a consumer was seen.
    ConsumerTimes = "stream-consumer-times", "consumer without its seen and active times", "consumers without their seen and active times";
    /// The counters of a stream.
    StreamCounters = "stream-counters", "stream without its counters (entries added, highest id deleted, entries read)", "streams without their counters (entries added, highest id deleted, entries read)";
    /// A last id that stands below the stream's entries.
    StreamLastId = "stream-last-id", "stream whose last id is below its entries gets that of its last entry", "streams whose last id is below their entries get that of their last entry";
    /// The state that tells duplicates of producers.
    Idmp = "stream-idmp", "stream without its producers' ids", "streams without their producers' ids";
    /// How many ids of producers were counted.
    IdmpCounters = "stream-idmp-counters", "stream without its counts of producers' ids", "streams without their counts of producers' ids";
    /// Seconds since a key was used, or how often it was.
    Usage = "usage", "key without its idle time or access frequency", "keys without their idle time or access frequency";
    /// The state of a slot import.
    SlotImport = "slot-import", "state of a slot import left out", "states of slot imports left out";
}

/// What was lost of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lost {
    /// How often.
    pub count: u64,
    /// The first place in the file.
    pub first: Place,
}

/// All that was lost.
#[derive(Debug, Clone, Default)]
pub struct Losses {
    lost: Vec<(Loss, Lost)>,
    /// Each of them, where that is wanted.
    each: Option<Vec<(Loss, u64, Place)>>,
}

impl Losses {
    /// That keep every one, with how much was lost there.
    #[must_use]
    pub fn one_by_one() -> Losses {
        Losses {
            lost: Vec::new(),
            each: Some(Vec::new()),
        }
    }

    /// Each of them in the order of the file, where they were kept.
    pub fn each(&self) -> impl Iterator<Item = &(Loss, u64, Place)> {
        let mut each: Vec<_> = self.each.iter().flatten().collect();
        each.sort_by_key(|(_, _, place)| place.offset);
        each.into_iter()
    }

    /// Adds `n` of a kind at a place with an offset.
    #[cold]
    pub fn add(&mut self, loss: Loss, n: u64, place: impl FnOnce() -> Place) {
        if n == 0 {
            return;
        }
        if let Some(each) = &mut self.each {
            let place = place();
            each.push((loss, n, place.clone()));
            self.count_in(loss, n, || place);
        } else {
            self.count_in(loss, n, place);
        }
    }

    fn count_in(&mut self, loss: Loss, n: u64, place: impl FnOnce() -> Place) {
        match self.lost.iter_mut().find(|(kind, _)| *kind == loss) {
            // One worker meets the records of a file in their order.
            Some((_, lost)) => lost.count = lost.count.saturating_add(n),
            None => self.lost.push((
                loss,
                Lost {
                    count: n,
                    first: place(),
                },
            )),
        }
    }

    /// Joins what two workers lost.
    pub fn merge(&mut self, other: Losses) {
        if let Some(each) = other.each {
            self.each.get_or_insert_default().extend(each);
        }
        for (loss, lost) in other.lost {
            match self.lost.iter_mut().find(|(kind, _)| *kind == loss) {
                Some((_, mine)) => {
                    mine.count = mine.count.saturating_add(lost.count);
                    if lost.first.offset < mine.first.offset {
                        mine.first = lost.first;
                    }
                }
                None => self.lost.push((loss, lost)),
            }
        }
    }

    /// Whether nothing was lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty()
    }

    /// How much was lost of a kind.
    #[must_use]
    pub fn count(&self, loss: Loss) -> u64 {
        self.iter()
            .find(|(kind, _)| *kind == loss)
            .map_or(0, |(_, lost)| lost.count)
    }

    /// The kinds and what was lost of each, in the order of [`Loss::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Loss, &Lost)> {
        Loss::ALL.iter().filter_map(|kind| {
            let (loss, lost) = self.lost.iter().find(|(loss, _)| loss == kind)?;
            Some((*loss, lost))
        })
    }
}

/// One line a kind: `3 hash fields without their expiry`.
#[must_use]
pub fn describe(loss: Loss, lost: &Lost) -> impl fmt::Display {
    format!("{} {}", lost.count, loss.text(lost.count == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64) -> impl FnOnce() -> Place {
        move || Place {
            offset: Some(offset),
            ..Place::default()
        }
    }

    #[test]
    fn counts_join_and_the_first_place_stays() {
        let (mut a, mut b) = (Losses::default(), Losses::default());
        a.add(Loss::Function, 0, at(1));
        assert!(a.is_empty());
        a.add(Loss::FieldExpiry, 2, at(70));
        b.add(Loss::FieldExpiry, 1, at(50));
        b.add(Loss::Key, 1, at(60));
        a.merge(b);
        let all: Vec<String> = a
            .iter()
            .map(|(loss, lost)| {
                format!(
                    "{}: {} from {:?}",
                    loss.name(),
                    describe(loss, lost),
                    lost.first.offset
                )
            })
            .collect();
        assert_eq!(
            all,
            [
                "key: 1 key left out: the target has no such type from Some(60)",
                "field-expiry: 3 hash fields without their expiry from Some(50)"
            ]
        );
        assert_eq!(a.count(Loss::FieldExpiry), 3);
    }
}
