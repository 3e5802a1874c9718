//! SORT and SORT_RO.

use super::Family;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, int, is};
use crate::engine::entry::{Entry, ValueRef};
use crate::engine::reply::{Done, Refusal, texts};
use crate::model::kind::Kind;
use crate::model::number;
use crate::packed::string::Str;
use std::cmp::Ordering;

pub(super) const COMMANDS: Family = &[("sort", sort), ("sort_ro", sort_ro)];

const NOT_A_SCORE: Refusal = Refusal::new("ERR One or more scores can't be converted into double");

/// What is to be sorted, and how.
#[derive(Default)]
struct Options<'a> {
    desc: bool,
    alpha: bool,
    limit: Option<(i64, i64)>,
    by: Option<&'a [u8]>,
    get: Vec<&'a [u8]>,
    store: Option<&'a [u8]>,
}

fn options<'a>(args: &Args<'a>, stores: bool) -> Result<Options<'a>, Refusal> {
    let mut o = Options::default();
    let mut i = 2;
    while i < args.len() {
        let option = at(args, i);
        let left = args.len() - 1 - i;
        if is(option, "ASC") {
            o.desc = false;
        } else if is(option, "DESC") {
            o.desc = true;
        } else if is(option, "ALPHA") {
            o.alpha = true;
        } else if is(option, "LIMIT") && left >= 2 {
            o.limit = Some((int(at(args, i + 1))?, int(at(args, i + 2))?));
            i += 2;
        } else if stores && is(option, "STORE") && left >= 1 {
            o.store = Some(at(args, i + 1));
            i += 1;
        } else if is(option, "BY") && left >= 1 {
            o.by = Some(at(args, i + 1));
            i += 1;
        } else if is(option, "GET") && left >= 1 {
            o.get.push(at(args, i + 1));
            i += 1;
        } else {
            return Err(texts::SYNTAX);
        }
        i += 1;
    }
    Ok(o)
}

fn owned(s: Str<'_>) -> Vec<u8> {
    s.with(|bytes| bytes.unwrap_or_default().to_vec())
}

/// What stands under the key, or in the field, that a pattern names for an element.
fn by_pattern(cx: &Cx<'_>, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    if pattern == b"#" {
        return Some(element.to_vec());
    }
    let star = pattern.iter().position(|b| *b == b'*')?;
    let (before, after) = (pattern.get(..star)?, pattern.get(star + 1..)?);
    let arrow = after
        .windows(2)
        .position(|pair| pair == b"->")
        .filter(|arrow| arrow + 2 < after.len());
    let (after, field) = match arrow {
        Some(arrow) => (after.get(..arrow)?, after.get(arrow + 2..)),
        None => (after, None),
    };
    let name = [before, element, after].concat();
    match (cx.keys.find(cx.db, &name)?, field) {
        (ValueRef::Str(s), None) => Some(owned(s)),
        (ValueRef::Hash(hash), Some(field)) => hash.get(field).map(|f| owned(f.value)),
        _ => None,
    }
}

/// What an element is sorted by.
enum Weight {
    Number(f64),
    Text(Option<Vec<u8>>),
}

fn sort(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    run(cx, args, true)
}

fn sort_ro(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    run(cx, args, false)
}

fn run(cx: &mut Cx<'_>, args: &Args<'_>, stores: bool) -> Done {
    let mut o = options(args, stores)?;
    // A pattern without a star is the same for all: nothing is sorted then.
    let mut unsorted = o.by.is_some_and(|by| !by.contains(&b'*'));
    let name = at(args, 1);
    let mut elements: Vec<Vec<u8>> = match cx.keys.find(cx.db, name) {
        None => Vec::new(),
        Some(ValueRef::List(list)) if unsorted && o.desc => list.iter_back().map(owned).collect(),
        Some(ValueRef::List(list)) => list.iter().map(owned).collect(),
        Some(ValueRef::Set(set)) => {
            if unsorted && o.store.is_some() {
                // A set has no order to keep, and what is stored must not depend on chance.
                unsorted = false;
                o.alpha = true;
                o.by = None;
            }
            set.iter().map(owned).collect()
        }
        Some(ValueRef::Zset(zset)) => {
            if unsorted && o.desc {
                zset.iter_back_from(0).map(|(m, _)| owned(m)).collect()
            } else {
                zset.iter().map(|(m, _)| owned(m)).collect()
            }
        }
        Some(_) => return Err(texts::WRONGTYPE),
    };
    if !unsorted {
        elements = in_order(cx, &o, elements)?;
    }
    let len = i64::try_from(elements.len()).unwrap_or(i64::MAX);
    let (start, count) = o.limit.unwrap_or((0, -1));
    let start = start.clamp(0, len);
    let end = if count < 0 {
        len
    } else {
        start.saturating_add(count).min(len)
    };
    let range = usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0);
    let chosen = elements.get(range).unwrap_or_default();
    let mut answers: Vec<Option<Vec<u8>>> = Vec::new();
    for element in chosen {
        if o.get.is_empty() {
            answers.push(Some(element.clone()));
        }
        for pattern in &o.get {
            answers.push(by_pattern(cx, pattern, element));
        }
    }
    match o.store {
        None => {
            cx.out.array(answers.len());
            for answer in &answers {
                match answer {
                    Some(bytes) => cx.out.bulk(bytes),
                    None => cx.out.nil(),
                }
            }
        }
        Some(to) => {
            store(cx, to, &answers);
            cx.out.count(answers.len());
        }
    }
    Ok(())
}

fn in_order(cx: &Cx<'_>, o: &Options<'_>, elements: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, Refusal> {
    let mut weighed = Vec::with_capacity(elements.len());
    for element in elements {
        let by = match o.by {
            Some(pattern) => by_pattern(cx, pattern, &element),
            None => Some(element.clone()),
        };
        let weight = if o.alpha {
            Weight::Text(by)
        } else {
            let number = match &by {
                None => Some(0.0),
                Some(text) => number::parse_double(text).filter(|d| !d.is_nan()),
            };
            Weight::Number(number.ok_or(NOT_A_SCORE)?)
        };
        weighed.push((weight, element));
    }
    weighed.sort_by(|(a, x), (b, y)| {
        let order = match (a, b) {
            // Numbers that are equal are in the order of their texts.
            (Weight::Number(a), Weight::Number(b)) => a
                .partial_cmp(b)
                .unwrap_or(Ordering::Equal)
                .then_with(|| x.cmp(y)),
            (Weight::Text(a), Weight::Text(b)) => a.cmp(b),
            _ => Ordering::Equal,
        };
        if o.desc { order.reverse() } else { order }
    });
    Ok(weighed.into_iter().map(|(_, element)| element).collect())
}

/// Puts a list in the place of whatever is there; nothing is stored as an empty string.
fn store(cx: &mut Cx<'_>, to: &[u8], answers: &[Option<Vec<u8>>]) {
    if answers.is_empty() {
        cx.keys.remove(cx.db, to);
        return;
    }
    let mut entry = Entry::empty(to, Kind::List);
    let limits = cx.keys.limits;
    if let Ok(mut list) = entry.list(&limits) {
        for answer in answers {
            let element = answer.as_deref().unwrap_or_default();
            list.expect(1, element.len());
            list.push_back(element);
        }
    }
    cx.keys.put(cx.db, entry.into_slot());
}
