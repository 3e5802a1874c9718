//! Lists: one listpack, or a deque of them.
//!
//! ```text
//!   │ listpack of up to 8 KiB │ listpack │ one long element │ listpack │ …
//! ```

use super::super::entry::{Entry, Form, ValueRef};
use super::{Limits, Value};
use crate::packed::pack::{self, Needle, Pack};
use crate::packed::string::Str;
use std::collections::{VecDeque, vec_deque};
use std::iter::Rev;

/// Bytes of a node at most, unless one element alone is longer.
pub(super) const NODE: usize = 8 << 10;

/// A run of elements.
#[derive(Debug, Clone)]
enum Node {
    /// A listpack, and how many elements it has.
    Pack(Vec<u8>, usize),
    /// One element longer than a node may be.
    Plain(Box<[u8]>),
}

impl Node {
    fn of(element: &[u8]) -> Node {
        if element.len() >= NODE {
            return Node::Plain(element.into());
        }
        let mut bytes = Vec::with_capacity(pack::EMPTY.len() + element.len() + 7);
        bytes.extend_from_slice(&pack::EMPTY);
        Pack::new(&mut bytes, 0).push(element);
        Node::Pack(bytes, 1)
    }

    fn len(&self) -> usize {
        match self {
            Node::Pack(_, len) => *len,
            Node::Plain(_) => 1,
        }
    }

    fn get(&self, n: usize) -> Option<Str<'_>> {
        match self {
            Node::Pack(bytes, _) => pack::View::new(bytes).nth(n).map(|e| e.value),
            Node::Plain(element) => (n == 0).then_some(Str::Bytes(element)),
        }
    }

    /// Whether one more element still fits.
    fn takes(&self, element: &[u8]) -> bool {
        match self {
            Node::Pack(bytes, _) => bytes.len() + pack::size_of(element) <= NODE,
            Node::Plain(_) => false,
        }
    }
}

/// A list of parts.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// None of them is empty.
    nodes: VecDeque<Node>,
    len: usize,
}

impl List {
    /// Whether it has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends an element.
    pub fn push_back(&mut self, element: &[u8]) {
        self.len += 1;
        match self.nodes.back_mut() {
            Some(Node::Pack(bytes, len)) if bytes.len() + pack::size_of(element) <= NODE => {
                Pack::new(bytes, 0).push(element);
                *len += 1;
            }
            _ => {
                // A node that will not grow any more gives back its room.
                if let Some(Node::Pack(bytes, _)) = self.nodes.back_mut() {
                    bytes.shrink_to_fit();
                }
                self.nodes.push_back(Node::of(element));
            }
        }
    }

    /// Puts an element in front.
    pub fn push_front(&mut self, element: &[u8]) {
        self.len += 1;
        match self.nodes.front_mut() {
            Some(Node::Pack(bytes, len)) if bytes.len() + pack::size_of(element) <= NODE => {
                Pack::new(bytes, 0).insert(6, [element]);
                *len += 1;
            }
            _ => self.nodes.push_front(Node::of(element)),
        }
    }

    /// Appends a listpack with all its elements, as a node.
    pub fn push_pack(&mut self, bytes: Vec<u8>) {
        let len = pack::View::new(&bytes).len();
        if len > 0 {
            self.len += len;
            self.nodes.push_back(Node::Pack(bytes, len));
        }
    }

    /// The node that holds the n-th element, and which of its elements that is.
    fn seek(&self, mut n: usize) -> Option<(usize, usize)> {
        if n >= self.len {
            return None;
        }
        if n > self.len / 2 {
            let mut from_back = self.len - 1 - n;
            for (i, node) in self.nodes.iter().enumerate().rev() {
                if from_back < node.len() {
                    return Some((i, node.len() - 1 - from_back));
                }
                from_back -= node.len();
            }
            return None;
        }
        for (i, node) in self.nodes.iter().enumerate() {
            if n < node.len() {
                return Some((i, n));
            }
            n -= node.len();
        }
        None
    }

    /// Puts an element in front of the n-th.
    fn insert(&mut self, n: usize, element: &[u8]) {
        let Some((i, k)) = self.seek(n) else {
            self.push_back(element);
            return;
        };
        self.len += 1;
        let Some(node) = self.nodes.get_mut(i) else {
            return;
        };
        let takes = node.takes(element);
        match node {
            Node::Pack(bytes, len) => {
                let Some(at) = pack::View::new(bytes).nth(k).map(|e| e.at) else {
                    return;
                };
                if takes {
                    Pack::new(bytes, 0).insert(at, [element]);
                    *len += 1;
                    return;
                }
                // The node is cut in two, and the element stands between.
                let upper = split(bytes, at);
                let upper_len = *len - k;
                *len = k;
                if upper_len > 0 {
                    self.nodes.insert(i + 1, Node::Pack(upper, upper_len));
                }
                let lower_empty = k == 0;
                self.nodes.insert(i + 1, Node::of(element));
                if lower_empty {
                    self.nodes.remove(i);
                }
            }
            Node::Plain(_) => self.nodes.insert(i, Node::of(element)),
        }
    }

    /// Puts an element in the place of the n-th.
    fn replace(&mut self, n: usize, element: &[u8]) {
        let Some((i, k)) = self.seek(n) else { return };
        match self.nodes.get_mut(i) {
            Some(Node::Pack(bytes, _)) if element.len() < NODE => {
                let Some((at, end)) = pack::View::new(bytes).nth(k).map(|e| (e.at, e.end)) else {
                    return;
                };
                Pack::new(bytes, 0).replace(at, end, 1, [element]);
                if bytes.len() > 2 * NODE {
                    self.break_up(i);
                }
            }
            Some(Node::Pack(..)) => {
                self.remove(n, 1);
                self.insert(n, element);
            }
            Some(node) => *node = Node::of(element),
            None => {}
        }
    }

    /// Cuts a node that has grown too large into two.
    fn break_up(&mut self, i: usize) {
        if let Some(Node::Pack(bytes, len)) = self.nodes.get_mut(i)
            && *len > 1
            && let Some(at) = pack::View::new(bytes).nth(*len / 2).map(|e| e.at)
        {
            let upper = split(bytes, at);
            let upper_len = *len - *len / 2;
            *len /= 2;
            self.nodes.insert(i + 1, Node::Pack(upper, upper_len));
        }
    }

    /// Takes out `count` elements from the n-th on.
    fn remove(&mut self, n: usize, count: usize) {
        let mut count = count.min(self.len.saturating_sub(n));
        let Some((mut i, mut k)) = self.seek(n) else {
            return;
        };
        self.len -= count;
        while count > 0 {
            if k == 0 {
                // Whole nodes go together.
                let mut whole = 0;
                while let Some(node) = self.nodes.get(i + whole)
                    && node.len() <= count
                {
                    count -= node.len();
                    whole += 1;
                }
                self.nodes.drain(i..i + whole);
                if count == 0 {
                    return;
                }
            }
            let Some(Node::Pack(bytes, len)) = self.nodes.get_mut(i) else {
                return;
            };
            let here = count.min(*len - k);
            count -= here;
            let view = pack::View::new(bytes);
            let from = view.nth(k).map(|e| e.at);
            let to = view.nth(k + here).map_or(bytes.len() - 1, |e| e.at);
            if let Some(from) = from {
                Pack::new(bytes, 0).remove(from, to, here);
            }
            *len -= here;
            i += 1;
            k = 0;
        }
    }

    /// Takes out up to `max` elements equal to `element`, from the front or from the back. How many went.
    fn remove_equal(&mut self, element: &[u8], max: usize, from_back: bool) -> usize {
        let mut left = max;
        let mut strip = |node: &mut Node| match node {
            Node::Pack(bytes, len) if left > 0 => {
                let gone = strip(bytes, 0, element, left, from_back);
                left -= gone;
                *len -= gone;
            }
            Node::Plain(plain) if left > 0 && **plain == *element => {
                left -= 1;
                *node = Node::Pack(Vec::new(), 0);
            }
            _ => {}
        };
        if from_back {
            self.nodes.iter_mut().rev().for_each(&mut strip);
        } else {
            self.nodes.iter_mut().for_each(&mut strip);
        }
        let gone = max - left;
        if gone > 0 {
            self.nodes.retain(|node| node.len() > 0);
            self.len -= gone;
        }
        gone
    }
}

/// Takes out of the listpack `vec[at..]` up to `max` elements equal to `element`. How many went.
fn strip(vec: &mut Vec<u8>, at: usize, element: &[u8], max: usize, from_back: bool) -> usize {
    let needle = Needle::new(element);
    let view = pack::View::new(vec.get(at..).unwrap_or_default());
    let mut found: Vec<(usize, usize)> = if from_back {
        let equal = view.iter_back().filter(|e| needle.is(&e.value));
        equal.take(max).map(|e| (e.at, e.end)).collect()
    } else {
        let equal = view.iter().filter(|e| needle.is(&e.value));
        equal.take(max).map(|e| (e.at, e.end)).collect()
    };
    if from_back {
        found.reverse();
    }
    Pack::new(vec, at).remove_all(&found);
    found.len()
}

/// Cuts a listpack at offset `at`; what stands from there on comes back as a listpack of its own.
fn split(bytes: &mut Vec<u8>, at: usize) -> Vec<u8> {
    let mut upper = pack::EMPTY.to_vec();
    upper.pop();
    upper.extend_from_slice(bytes.get(at..).unwrap_or_default());
    let view = pack::View::new(bytes);
    let lower_len = view.iter().take_while(|e| e.at < at).count();
    let upper_len = view.iter_from(at).count();
    let end = bytes.len() - 1;
    Pack::new(bytes, 0).remove(at, end, upper_len);
    debug_assert_eq!(pack::View::new(bytes).len(), lower_len);
    Pack::new(&mut upper, 0).adopt(upper_len);
    upper
}

/// A list to be read.
#[derive(Debug, Clone, Copy)]
pub enum ListRef<'a> {
    /// A listpack.
    Packed(pack::View<'a>),
    /// A deque of them.
    Big(&'a List),
}

/// Elements in order. See [`ListRef::iter_from`].
#[derive(Debug, Clone)]
pub struct Iter<'a>(Walk<vec_deque::Iter<'a, Node>, pack::Iter<'a>>);

impl<'a> Iterator for Iter<'a> {
    type Item = Str<'a>;

    fn next(&mut self) -> Option<Str<'a>> {
        self.0.next(|view| view.iter())
    }
}

/// Elements in reverse order. See [`ListRef::iter_back`].
#[derive(Debug, Clone)]
pub struct IterBack<'a>(Walk<Rev<vec_deque::Iter<'a, Node>>, pack::IterBack<'a>>);

impl<'a> Iterator for IterBack<'a> {
    type Item = Str<'a>;

    fn next(&mut self) -> Option<Str<'a>> {
        self.0.next(|view| view.iter_back())
    }
}

/// A listpack, and the nodes behind it.
#[derive(Debug, Clone)]
struct Walk<N, P> {
    pack: Option<P>,
    nodes: N,
}

impl<N, P> Walk<N, P> {
    fn next<'a>(&mut self, open: impl Fn(pack::View<'a>) -> P) -> Option<Str<'a>>
    where
        N: Iterator<Item = &'a Node>,
        P: Iterator<Item = pack::Entry<'a>>,
    {
        loop {
            if let Some(entry) = self.pack.as_mut().and_then(P::next) {
                return Some(entry.value);
            }
            match self.nodes.next()? {
                Node::Pack(bytes, _) => self.pack = Some(open(pack::View::new(bytes))),
                Node::Plain(element) => {
                    self.pack = None;
                    return Some(Str::Bytes(element));
                }
            }
        }
    }
}

/// What a file holds of a list: its nodes.
#[derive(Debug, Clone, Copy)]
pub enum Piece<'a> {
    /// A listpack.
    Pack(&'a [u8]),
    /// One long element.
    Plain(&'a [u8]),
}

impl<'a> ListRef<'a> {
    /// How many elements.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            ListRef::Packed(view) => view.len(),
            ListRef::Big(list) => list.len,
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        match self {
            ListRef::Packed(view) => view.is_empty(),
            ListRef::Big(list) => list.is_empty(),
        }
    }

    /// The n-th element.
    #[must_use]
    pub fn get(self, n: usize) -> Option<Str<'a>> {
        match self {
            ListRef::Packed(view) => view.nth(n).map(|e| e.value),
            ListRef::Big(list) => {
                let (i, k) = list.seek(n)?;
                list.nodes.get(i)?.get(k)
            }
        }
    }

    /// The elements from the n-th on.
    #[must_use]
    pub fn iter_from(self, n: usize) -> Iter<'a> {
        match self {
            ListRef::Packed(view) => {
                let end = view.bytes().len().saturating_sub(1);
                Iter(Walk {
                    pack: Some(view.iter_from(view.nth(n).map_or(end, |e| e.at))),
                    nodes: vec_deque::Iter::default(),
                })
            }
            ListRef::Big(list) => {
                let (i, k) = list.seek(n).unwrap_or((list.nodes.len(), 0));
                let mut iter = Iter(Walk {
                    pack: None,
                    nodes: list.nodes.range(i..),
                });
                for _ in 0..k {
                    iter.next();
                }
                iter
            }
        }
    }

    /// All elements, head first.
    #[must_use]
    pub fn iter(self) -> Iter<'a> {
        self.iter_from(0)
    }

    /// All elements, tail first.
    #[must_use]
    pub fn iter_back(self) -> IterBack<'a> {
        IterBack(match self {
            ListRef::Packed(view) => Walk {
                pack: Some(view.iter_back()),
                nodes: vec_deque::Iter::default().rev(),
            },
            ListRef::Big(list) => Walk {
                pack: None,
                nodes: list.nodes.iter().rev(),
            },
        })
    }

    /// The nodes, as files hold them.
    pub fn pieces(self) -> impl Iterator<Item = Piece<'a>> {
        let (packed, nodes) = match self {
            ListRef::Packed(view) => (Some(Piece::Pack(view.bytes())), None),
            ListRef::Big(list) => (None, Some(&list.nodes)),
        };
        packed
            .into_iter()
            .chain(nodes.into_iter().flatten().map(|node| match node {
                Node::Pack(bytes, _) => Piece::Pack(bytes),
                Node::Plain(element) => Piece::Plain(element),
            }))
    }
}

/// A list to be changed.
#[derive(Debug)]
pub struct ListMut<'e> {
    entry: &'e mut Entry,
    limits: &'e Limits,
}

impl<'e> ListMut<'e> {
    pub(in super::super) fn new(entry: &'e mut Entry, limits: &'e Limits) -> ListMut<'e> {
        ListMut { entry, limits }
    }

    /// To look at.
    #[must_use]
    pub fn view(&self) -> ListRef<'_> {
        match self.entry.value() {
            ValueRef::List(list) => list,
            _ => ListRef::Packed(pack::View::new(&[])),
        }
    }

    /// So many elements of so many bytes in all are about to be added. As in servers, this is when a listpack becomes a
    /// quicklist.
    pub fn expect(&mut self, elements: usize, bytes: usize) {
        let Some((_, vec, at)) = self.entry.packed_parts() else {
            return;
        };
        let view = pack::View::new(vec.get(at..).unwrap_or_default());
        let (len, size) = (view.len(), view.bytes().len());
        if self.limits.list_exceeds(len + elements, size + bytes) {
            self.spread();
        } else if let Some((_, vec, _)) = self.entry.packed_parts() {
            vec.reserve_exact(bytes + elements * 3);
        }
    }

    /// Elements were taken out: what fits into half a listpack becomes one again.
    fn shrunk(&mut self) {
        let Some(Value::List(list)) = self.entry.big_value() else {
            return;
        };
        let packed = match list.nodes.front() {
            Some(Node::Pack(bytes, len)) if list.nodes.len() == 1 => Some((bytes.clone(), *len)),
            _ => None,
        };
        if let Some((bytes, len)) = packed
            && !self.limits.list_exceeds(len * 2, bytes.len() * 2)
        {
            self.entry.become_packed(Form::List, &bytes);
        }
    }

    /// Appends an element.
    pub fn push_back(&mut self, element: &[u8]) {
        if let Some((_, vec, at)) = self.entry.packed_parts() {
            Pack::new(vec, at).push(element);
        } else if let Some(Value::List(list)) = self.entry.big_value() {
            list.push_back(element);
        }
    }

    /// Puts an element in front.
    pub fn push_front(&mut self, element: &[u8]) {
        if let Some((_, vec, at)) = self.entry.packed_parts() {
            Pack::new(vec, at).insert(6, [element]);
        } else if let Some(Value::List(list)) = self.entry.big_value() {
            list.push_front(element);
        }
    }

    /// Puts an element in front of the n-th; behind all where there is none.
    pub fn insert(&mut self, n: usize, element: &[u8]) {
        self.expect(1, element.len());
        if let Some((_, vec, at)) = self.entry.packed_parts() {
            let mut pack = Pack::new(vec, at);
            let end = pack.view().bytes().len() - 1;
            let place = pack.view().nth(n).map_or(end, |e| e.at);
            pack.insert(place, [element]);
        } else if let Some(Value::List(list)) = self.entry.big_value() {
            list.insert(n, element);
        }
    }

    /// Puts an element in the place of the n-th.
    pub fn replace(&mut self, n: usize, element: &[u8]) {
        self.expect(0, element.len());
        if let Some((_, vec, at)) = self.entry.packed_parts() {
            let mut pack = Pack::new(vec, at);
            if let Some((from, to)) = pack.view().nth(n).map(|e| (e.at, e.end)) {
                pack.replace(from, to, 1, [element]);
            }
        } else if let Some(Value::List(list)) = self.entry.big_value() {
            list.replace(n, element);
        }
        self.shrunk();
    }

    /// Takes out `count` elements from the n-th on.
    pub fn remove(&mut self, n: usize, count: usize) {
        if count == 0 {
            return;
        }
        if let Some((_, vec, at)) = self.entry.packed_parts() {
            let mut pack = Pack::new(vec, at);
            let view = pack.view();
            let len = view.len();
            let count = count.min(len.saturating_sub(n));
            let end = view.bytes().len() - 1;
            if let Some(from) = view.nth(n).map(|e| e.at) {
                let to = view.nth(n + count).map_or(end, |e| e.at);
                pack.remove(from, to, count);
            }
        } else if let Some(Value::List(list)) = self.entry.big_value() {
            list.remove(n, count);
        }
        self.shrunk();
    }

    /// Takes out up to `max` elements equal to `element`, from the front or from the back. How many went.
    pub fn remove_equal(&mut self, element: &[u8], max: usize, from_back: bool) -> usize {
        let gone = if let Some((_, vec, at)) = self.entry.packed_parts() {
            strip(vec, at, element, max, from_back)
        } else if let Some(Value::List(list)) = self.entry.big_value() {
            list.remove_equal(element, max, from_back)
        } else {
            0
        };
        if gone > 0 {
            self.shrunk();
        }
        gone
    }

    /// To a deque.
    fn spread(&mut self) {
        let mut list = List::default();
        if let ListRef::Packed(view) = self.view() {
            list.push_pack(view.bytes().to_vec());
        }
        self.entry.become_big(Value::List(list));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kind::Kind;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_sequence(long in any::<bool>(), ops in prop::collection::vec((0u8..8, any::<prop::sample::Index>(), 0usize..5), 0..200)) {
            let limits = Limits { list_size: if long { -2 } else { 4 }, ..Limits::default() };
            let mut entry = Entry::empty(b"k", Kind::List);
            let mut list = entry.list(&limits).unwrap();
            let mut model: Vec<Vec<u8>> = Vec::new();
            for (step, (op, place, size)) in ops.into_iter().enumerate() {
                let mut element = step.to_string().into_bytes();
                element.resize([2, 30, 700, 5000, 9000][size], b'x');
                let n = place.index(model.len() + 1);
                match op {
                    0 | 1 => { list.expect(1, element.len()); list.push_back(&element); model.push(element); }
                    2 => { list.expect(1, element.len()); list.push_front(&element); model.insert(0, element); }
                    3 | 4 => { list.insert(n, &element); model.insert(n, element); }
                    5 if n < model.len() => { list.replace(n, &element); model[n] = element; }
                    6 if n < model.len() => {
                        let count = (size + 1).min(model.len() - n);
                        list.remove(n, count);
                        model.drain(n..n + count);
                    }
                    7 if n < model.len() => {
                        let element = model[n].clone();
                        let (max, from_back) = (size.min(2) + 1, step % 2 == 0);
                        let twice = step % 3 == 0;
                        if twice { list.expect(1, element.len()); list.push_back(&element); model.push(element.clone()); }
                        let mut found: Vec<usize> = (0..model.len()).filter(|i| model[*i] == element).collect();
                        if from_back { found.reverse(); }
                        found.truncate(max);
                        found.sort_unstable();
                        for i in found.iter().rev() { model.remove(*i); }
                        prop_assert_eq!(list.remove_equal(&element, max, from_back), found.len());
                    }
                    _ => {}
                }
                let view = list.view();
                prop_assert_eq!(view.len(), model.len());
                let all: Vec<_> = view.iter().map(|s| s.to_vec(1 << 20).unwrap()).collect();
                prop_assert_eq!(&all, &model);
            }
            let view = list.view();
            let mut back: Vec<_> = view.iter_back().map(|s| s.to_vec(1 << 20).unwrap()).collect();
            back.reverse();
            prop_assert_eq!(&back, &model);
            for (i, element) in model.iter().enumerate() {
                prop_assert_eq!(&view.get(i).unwrap().to_vec(1 << 20).unwrap(), element);
                prop_assert_eq!(&view.iter_from(i).next().unwrap().to_vec(1 << 20).unwrap(), element);
            }
            prop_assert!(view.iter_from(model.len()).next().is_none());
        }
    }
}
