//! Sets: intset, listpack, or a table.

use super::super::entry::{Entry, Form, ValueRef};
use super::super::small::Small;
use super::super::table::Table;
use super::{Limits, MANY, Sieve, Value, ints};
use crate::model::number::parse_i64;
use crate::packed::pack::{self, Pack};
use crate::packed::string::Str;

/// A set of parts.
#[derive(Debug, Clone, Default)]
pub struct Set {
    members: Table<Small<22>>,
}

impl Set {
    /// Whether it has no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Room for so many more members.
    pub fn reserve(&mut self, more: usize) {
        self.members.reserve(more);
    }

    /// Adds a member; false if it was there.
    pub fn add(&mut self, member: &[u8]) -> bool {
        // Looked for first: what is there already costs no allocation.
        if self.members.find(member).is_some() {
            return false;
        }
        self.members.insert(member.into());
        true
    }
}

/// A set to be read.
#[derive(Debug, Clone, Copy)]
pub enum SetRef<'a> {
    /// Integers.
    Ints(ints::View<'a>),
    /// A listpack.
    Packed(pack::View<'a>),
    /// A table.
    Big(&'a Set),
}

/// See [`SetRef::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    set: SetRef<'a>,
    pack: Option<pack::Iter<'a>>,
    next: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Str<'a>;

    fn next(&mut self) -> Option<Str<'a>> {
        let at = self.next;
        self.next += 1;
        match self.set {
            SetRef::Ints(view) => view.get(at).map(Str::Int),
            SetRef::Packed(_) => self.pack.as_mut()?.next().map(|e| e.value),
            SetRef::Big(set) => set.members.get(at).map(|m| Str::Bytes(m)),
        }
    }
}

impl<'a> SetRef<'a> {
    /// How many members.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            SetRef::Ints(view) => view.len(),
            SetRef::Packed(view) => view.len(),
            SetRef::Big(set) => set.members.len(),
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        match self {
            SetRef::Ints(view) => view.is_empty(),
            SetRef::Packed(view) => view.is_empty(),
            SetRef::Big(set) => set.is_empty(),
        }
    }

    /// Whether `member` is in it.
    #[must_use]
    pub fn contains(self, member: &[u8]) -> bool {
        match self {
            SetRef::Ints(view) => parse_i64(member).is_some_and(|v| view.search(v).is_ok()),
            SetRef::Packed(view) => view.find(member, 1).is_some(),
            SetRef::Big(set) => set.members.find(member).is_some(),
        }
    }

    /// The n-th member, in the order of [`SetRef::iter`].
    #[must_use]
    pub fn nth(self, n: usize) -> Option<Str<'a>> {
        match self {
            SetRef::Ints(view) => view.get(n).map(Str::Int),
            SetRef::Packed(view) => view.nth(n).map(|e| e.value),
            SetRef::Big(set) => set.members.get(n).map(|m| Str::Bytes(m)),
        }
    }

    /// All members: integers ascending, others as they came.
    #[must_use]
    pub fn iter(self) -> Iter<'a> {
        Iter {
            set: self,
            pack: match self {
                SetRef::Packed(view) => Some(view.iter()),
                _ => None,
            },
            next: 0,
        }
    }
}

/// A set to be changed.
#[derive(Debug)]
pub struct SetMut<'e> {
    entry: &'e mut Entry,
    limits: &'e Limits,
    sieve: Option<Sieve>,
}

impl<'e> SetMut<'e> {
    pub(in super::super) fn new(entry: &'e mut Entry, limits: &'e Limits) -> SetMut<'e> {
        SetMut {
            entry,
            limits,
            sieve: None,
        }
    }

    /// To look at.
    #[must_use]
    pub fn view(&self) -> SetRef<'_> {
        match self.entry.value() {
            ValueRef::Set(set) => set,
            _ => SetRef::Packed(pack::View::new(&[])),
        }
    }

    /// As many members were named in one command as that: if they do not fit, distinct or not, servers since 7.2 do not
    /// even begin packed.
    pub fn foresee(&mut self, members: usize) {
        let is_over = match self.view() {
            SetRef::Ints(view) if view.is_empty() => {
                members > self.limits.set_entries.max(self.limits.set_ints)
            }
            SetRef::Ints(_) => members > self.limits.set_ints,
            SetRef::Packed(_) => members > self.limits.set_entries,
            SetRef::Big(_) => false,
        };
        if is_over {
            self.spread(members);
        }
    }

    /// So many members of so many bytes in all are about to be added.
    pub fn expect(&mut self, members: usize, bytes: usize) {
        if let Some((form, vec, _)) = self.entry.packed_parts() {
            match form {
                _ if members < MANY => {}
                Form::Ints => vec.reserve_exact((members * 8).min(self.limits.set_ints * 8)),
                _ if members <= self.limits.set_entries => {
                    vec.reserve_exact(bytes + members * 3);
                }
                _ => {}
            }
            if members >= MANY && members <= self.limits.set_entries {
                self.sieve = Some(Sieve::of(self.view().iter()));
            }
        } else if let Some(Value::Set(set)) = self.entry.big_value()
            && members > 8
        {
            set.reserve(members);
        }
    }

    /// Adds a member; false if it was there.
    pub fn add(&mut self, member: &[u8]) -> bool {
        let limits = self.limits;
        if let Some(Value::Set(set)) = self.entry.big_value() {
            return set.add(member);
        }
        let Some((form, vec, at)) = self.entry.packed_parts() else {
            return false;
        };
        if form == Form::Ints {
            if let Some(v) = parse_i64(member) {
                if let Some(sieve) = &mut self.sieve {
                    sieve.is_new(member);
                }
                let added = ints::add(vec, at, v);
                let len = ints::View::new(vec.get(at..).unwrap_or_default()).len();
                if added && len > limits.set_ints {
                    self.spread(1);
                }
                return added;
            }
            let len = self.view().len();
            // The longest integer has 20 characters, which may be over the limit too.
            let longest = self.view().iter().map(|s| s.len()).max().unwrap_or(0);
            if len < limits.set_entries
                && member.len() <= limits.set_value
                && longest <= limits.set_value as u64
            {
                self.pack();
            } else {
                self.spread(1);
            }
            return self.add(member);
        }
        let mut pack = Pack::new(vec, at);
        let is_new = self.sieve.as_mut().is_some_and(|s| s.is_new(member));
        if !is_new && pack.view().find(member, 1).is_some() {
            return false;
        }
        if pack.view().len() < limits.set_entries
            && member.len() <= limits.set_value
            && pack.view().bytes().len() < MAX_PACK
        {
            pack.reserve(pack::size_of(member));
            pack.push(member);
            return true;
        }
        self.spread(1);
        self.add(member)
    }

    /// Takes a member out; false if it was not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        if let Some(Value::Set(set)) = self.entry.big_value() {
            return match set.members.find(member) {
                Some(at) => set.members.swap_remove(at).is_some(),
                None => false,
            };
        }
        let Some((form, vec, at)) = self.entry.packed_parts() else {
            return false;
        };
        if form == Form::Ints {
            return parse_i64(member).is_some_and(|v| ints::remove(vec, at, v));
        }
        let mut pack = Pack::new(vec, at);
        let Some((from, to)) = pack.view().find(member, 1).map(|e| (e.at, e.end)) else {
            return false;
        };
        pack.remove(from, to, 1);
        true
    }

    /// From an intset to a listpack.
    fn pack(&mut self) {
        let mut bytes = pack::EMPTY.to_vec();
        let mut pack = Pack::new(&mut bytes, 0);
        if let SetRef::Ints(view) = self.view() {
            for v in view.iter() {
                pack.push_int(v);
            }
        }
        self.entry.become_packed(Form::Set, &bytes);
    }

    /// To a table, with room for so many more.
    fn spread(&mut self, more: usize) {
        let mut set = Set::default();
        let view = self.view();
        set.reserve(view.len() + more);
        for member in view.iter() {
            member.with(|m| set.add(m.unwrap_or_default()));
        }
        self.entry.become_big(Value::Set(set));
    }
}

/// Listpacks do not grow over this, whatever the limits say: servers stop at 1 GiB.
pub(in super::super) const MAX_PACK: usize = 1 << 30;
