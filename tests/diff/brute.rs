//! A thousand pairs: the one made of the other by random changes. What differs is found anew by comparing all that the
//! two files say.

use super::{Bounds, Datum, Item, Place, Text, Told, Ttl, What, compared, options};
use crate::support::canonical::{Contents, Group, Key, Stream, Value};
use crate::support::run;
use crate::written::{lines, open, options as for_server, state, thresholds};
use proptest::prelude::*;
use redisk::model::target::TARGETS;
use redisk::ops::convert;
use redisk::rdb::choose::Thresholds;
use redisk::sink::rdb::Role;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A source of small decisions.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((self.0 >> 33) % n.max(1) as u64) as usize
    }

    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn text(&mut self) -> Json {
        json!(format!("new:{}", self.below(1000)))
    }

    fn shuffle(&mut self, all: &mut [Json]) {
        for i in (1..all.len()).rev() {
            all.swap(i, self.below(i + 1));
        }
    }
}

/// Changes lines into others.
pub(super) fn changed(lines: &[u8], dice: &mut Dice) -> Vec<u8> {
    let text = std::str::from_utf8(lines).unwrap();
    let mut all: Vec<Json> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let head = all.remove(0);
    // In some pairs next to nothing changes.
    let rate = [2, 4, 20][dice.below(3)];
    let mut out = Vec::new();
    for mut key in all {
        if dice.once_in(2) && matches!(key["type"].as_str(), Some("set" | "zset" | "hash")) {
            let mut items = key["value"].as_array().unwrap().clone();
            dice.shuffle(&mut items);
            key["value"] = items.into();
        }
        if dice.once_in(rate) {
            match dice.below(6) {
                0 => continue,
                1 => {
                    let mut new = key.clone();
                    new["key"] = json!(format!("added:{}", dice.0));
                    out.push(new);
                }
                2 => key["expire_ms"] = json!(dice.below(2) * (1usize << 42)),
                3 => {
                    let at = key["expire_ms"].as_u64().unwrap_or(1 << 43);
                    key["expire_ms"] = json!(at + dice.below(4000) as u64);
                }
                4 => {
                    key["type"] = json!("string");
                    key["value"] = dice.text();
                }
                _ => {}
            }
            if key["expire_ms"] == json!(0) {
                key["expire_ms"] = Json::Null;
            }
            for _ in 0..=dice.below(3) {
                change(&mut key, dice);
            }
        }
        out.push(key);
    }
    dice.shuffle(&mut out);
    out.sort_by_key(|key| key["db"].as_u64());
    let mut bytes = (head.to_string() + "\n").into_bytes();
    for key in out {
        bytes.extend_from_slice((key.to_string() + "\n").as_bytes());
    }
    bytes
}

/// Changes something within a value. What it makes is a value that a file may hold.
fn change(key: &mut Json, dice: &mut Dice) {
    let kind = key["type"].as_str().unwrap().to_owned();
    let value = &mut key["value"];
    match kind.as_str() {
        "string" => *value = dice.text(),
        "stream" => change_stream(value, dice),
        _ => {
            let Some(items) = value.as_array_mut() else {
                return;
            };
            let at = dice.below(items.len());
            let fresh = json!(format!("fresh:{}", dice.0));
            let new = match kind.as_str() {
                "zset" => json!([fresh, dice.below(9)]),
                "hash" => json!([fresh, dice.text(), null]),
                _ => fresh,
            };
            match dice.below(5) {
                0 if items.len() > 1 => {
                    items.remove(at);
                }
                1 => items.insert(at, new),
                2 if kind == "list" => {
                    items.rotate_left(at);
                }
                3 if kind == "hash" => {
                    items[at][2] = json!((1u64 << 43) + dice.below(3000) as u64);
                }
                _ => match kind.as_str() {
                    "zset" => items[at][1] = json!(dice.below(100)),
                    "hash" => items[at][1] = dice.text(),
                    _ => items[at] = new,
                },
            }
        }
    }
}

fn change_stream(value: &mut Json, dice: &mut Dice) {
    let entries = value["entries"].as_array().unwrap().len();
    let groups = value["groups"].as_array().unwrap().len();
    let at = dice.below(entries);
    match dice.below(8) {
        0 if entries > 0 => {
            let entries = value["entries"].as_array_mut().unwrap();
            entries.remove(at);
            let first = entries.first().map_or(json!("0-0"), |e| e[0].clone());
            value["length"] = json!(value["length"].as_u64().unwrap() - 1);
            value["first_id"] = first;
        }
        1 if entries > 0 => value["entries"][at][1][0][1] = dice.text(),
        2 => value["last_id"] = json!("99999999-9"),
        3 => value["entries_added"] = json!(entries + 5 + dice.below(9)),
        4 if groups > 0 => {
            value["groups"].as_array_mut().unwrap().remove(0);
        }
        5 if groups > 0 => value["groups"][groups - 1]["last_id"] = json!("0-1"),
        6 if groups > 0 => {
            let group = &mut value["groups"][0];
            if let Some(pending) = group["pel"].as_array_mut().and_then(|p| p.first_mut()) {
                pending[2] = json!(77);
            }
            group["entries_read"] = json!(dice.below(3));
        }
        7 if groups > 0 => {
            let consumers = value["groups"][0]["consumers"].as_array_mut().unwrap();
            consumers.push(json!({"name": format!("zz{}", dice.0), "seen_time": 5, "active_time": 5, "pending": []}));
        }
        _ => {}
    }
}

/// All that is to be said of a value but the order of lists, each by its name.
fn facts(value: &Value, other: &Value) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    match value {
        Value::Text(text) => {
            out.insert("value".to_owned(), hex(text));
        }
        Value::Strings(all) => {
            for member in all {
                out.insert(format!("member {}", hex(member)), "there".to_owned());
            }
        }
        Value::Scores(all) => {
            for (member, score) in all {
                // A -0 counts as 0.
                let score = f64::from_bits(*score) + 0.0;
                out.insert(
                    format!("member {}", hex(member)),
                    score.to_bits().to_string(),
                );
            }
        }
        Value::Fields(all) => {
            for (field, value, expire) in all {
                out.insert(format!("field {}", hex(field)), hex(value));
                if let Some(ms) = expire {
                    out.insert(format!("field_expire_ms {}", hex(field)), ms.to_string());
                }
            }
        }
        Value::Stream(stream) => {
            let Value::Stream(other) = other else {
                return out;
            };
            stream_facts(stream, other, &mut out);
        }
        Value::Opaque => {}
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn stream_facts(stream: &Stream, other: &Stream, out: &mut BTreeMap<String, String>) {
    for (id, fields) in &stream.entries {
        let fields: Vec<String> = fields
            .iter()
            .map(|(f, v)| format!("{}={}", hex(f), hex(v)))
            .collect();
        out.insert(format!("entry {id}"), fields.join(","));
    }
    out.insert("last_id".to_owned(), stream.last_id.clone());
    // What only one of them can hold does not count.
    if let (Some(id), Some(_)) = (&stream.max_deleted_id, &other.max_deleted_id) {
        out.insert("max_deleted_id".to_owned(), id.clone());
    }
    if let (Some(n), Some(_)) = (stream.entries_added, other.entries_added) {
        out.insert("entries_added".to_owned(), n.to_string());
    }
    for group in &stream.groups {
        let name = hex(&group.name);
        match other.groups.iter().find(|g| g.name == group.name) {
            Some(other) => group_facts(&name, group, other, out),
            None => {
                let text = format!(
                    "{} {} {}",
                    group.last_id,
                    group.pending.len(),
                    group.consumers.len()
                );
                out.insert(format!("group {name}"), text);
            }
        }
    }
}

fn group_facts(name: &str, group: &Group, other: &Group, out: &mut BTreeMap<String, String>) {
    out.insert(format!("group_last_id {name}"), group.last_id.clone());
    if let (Some(n), Some(_)) = (group.entries_read, other.entries_read) {
        out.insert(format!("group_entries_read {name}"), n.to_string());
    }
    for (consumer, _, _) in &group.consumers {
        out.insert(
            format!("consumer {name} {}", hex(consumer)),
            "there".to_owned(),
        );
    }
    for (id, owner, time, count) in &group.pending {
        let text = format!("{} {time} {count}", hex(owner));
        out.insert(format!("pending {name} {id}"), text);
    }
}

/// The same of what was told.
fn said(datum: &Datum) -> Option<String> {
    let text = |text: &Text| hex(text.head());
    Some(match datum {
        Datum::None => return None,
        Datum::There => "there".to_owned(),
        Datum::Word(word) => word.clone(),
        Datum::Text(t) => text(t),
        Datum::Piece { bytes, .. } => hex(bytes),
        Datum::Number(n) => n.to_string(),
        Datum::Score(score) => score.to_bits().to_string(),
        Datum::Time(ms) => ms.to_string(),
        Datum::Id(id) => id.to_string(),
        Datum::Fields(fields) => {
            let fields = fields
                .iter()
                .map(|(f, v)| format!("{}={}", text(f), text(v)));
            fields.collect::<Vec<_>>().join(",")
        }
        Datum::Facts(facts) => {
            let facts = facts.iter().map(|(_, fact)| said(fact).unwrap_or_default());
            facts.collect::<Vec<_>>().join(" ")
        }
    })
}

type Sides = (Option<String>, Option<String>);

fn told_items(items: &[Item]) -> BTreeMap<String, Sides> {
    let mut out = BTreeMap::new();
    for item in items {
        let at = item
            .at
            .iter()
            .map(|(_, at)| format!(" {}", said(at).unwrap()));
        let name = format!("{}{}", item.part, at.collect::<String>());
        let before = out.insert(name, (said(&item.a), said(&item.b)));
        assert!(before.is_none(), "{} is told twice", item.part);
    }
    out
}

/// What is to be told of a key that both have.
fn expected(a: &Key, b: &Key, ttl: Ttl) -> BTreeMap<String, Sides> {
    let mut out = BTreeMap::new();
    if !ttl.same(a.expire_ms, b.expire_ms) {
        let text = |ms: Option<i64>| ms.map(|ms| ms.to_string());
        out.insert(
            "expire_ms".to_owned(),
            (text(a.expire_ms), text(b.expire_ms)),
        );
    }
    if a.kind != b.kind {
        out.insert(
            "type".to_owned(),
            (Some(a.kind.clone()), Some(b.kind.clone())),
        );
        return out;
    }
    if a.kind == "list" {
        return out;
    }
    let (x, y) = (facts(&a.value, &b.value), facts(&b.value, &a.value));
    for name in x.keys().chain(y.keys()) {
        let sides = (x.get(name).cloned(), y.get(name).cloned());
        let same = if name.starts_with("field_expire_ms") {
            let ms = |s: &Option<String>| s.as_ref().map(|s| s.parse().unwrap());
            ttl.same(ms(&sides.0), ms(&sides.1))
        } else {
            sides.0 == sides.1
        };
        if !same {
            out.insert(name.clone(), sides);
        }
    }
    out
}

/// Makes the one list of the other by what was told.
fn edited(a: &[Vec<u8>], items: &[Item]) -> Vec<Vec<u8>> {
    let (mut lost, mut won) = (BTreeMap::new(), BTreeMap::new());
    for item in items.iter().filter(|item| item.part == "element") {
        let Datum::Number(index) = item.at[0].1 else {
            panic!("{item:?}");
        };
        let index = usize::try_from(index).unwrap();
        match (&item.a, &item.b) {
            (Datum::Text(Text::Whole(text)), Datum::None) => lost.insert(index, text.clone()),
            (Datum::None, Datum::Text(Text::Whole(text))) => won.insert(index, text.clone()),
            _ => panic!("{item:?}"),
        };
    }
    for (index, text) in &lost {
        assert_eq!(&a[*index], text);
    }
    let kept = a.iter().enumerate().filter(|(i, _)| !lost.contains_key(i));
    let mut out: Vec<Vec<u8>> = kept.map(|(_, text)| text.clone()).collect();
    for (index, text) in won {
        out.insert(index, text);
    }
    out
}

/// What is wrong with what was told.
pub(super) fn wrong(a: &Contents, b: &Contents, told: &Told, ttl: Ttl) -> Option<String> {
    let mut want: BTreeMap<Place, What> = BTreeMap::new();
    for place in a.keys().chain(b.keys()) {
        let what = match (a.get(place), b.get(place)) {
            (Some(x), Some(y)) => {
                let lists = x.kind == "list" && y.kind == "list" && x.value != y.value;
                let items = expected(x, y, ttl);
                let got = told.keys.get(place);
                let got_items = got
                    .map(|(_, items, _)| items.as_slice())
                    .unwrap_or_default();
                if x.kind == "list" && y.kind == "list" {
                    let (Value::Strings(x), Value::Strings(y)) = (&x.value, &y.value) else {
                        return Some(format!("{place:?} is no list"));
                    };
                    if edited(x, got_items) != *y {
                        return Some(format!(
                            "{place:?}: {got_items:?} does not lead from {x:?} to {y:?}"
                        ));
                    }
                }
                let others: Vec<Item> = got_items
                    .iter()
                    .filter(|item| item.part != "element")
                    .cloned()
                    .collect();
                let got = told_items(&others);
                if got != items {
                    return Some(format!("{place:?}: {got:?} is told, not {items:?}"));
                }
                if items.is_empty() && !lists {
                    continue;
                }
                What::Changed
            }
            (Some(_), None) => What::Removed,
            _ => What::Added,
        };
        want.insert(place.clone(), what);
    }
    let got: BTreeMap<Place, What> = told
        .keys
        .iter()
        .map(|(place, (what, _, _))| (place.clone(), *what))
        .collect();
    (got != want).then(|| format!("{got:?} is told, not {want:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_thousand_pairs(
        lines in lines(),
        seed: u64,
        thresholds in thresholds(),
    ) {
        let mut dice = Dice(seed);
        let other = changed(&lines, &mut dice);
        let target = &TARGETS[dice.below(TARGETS.len())];
        // The second as another server would have it.
        let options_b = for_server(target, if dice.once_in(2) { thresholds } else { Thresholds::default() }, true);
        let (_, rdb) = convert::rdb(open(&other), Role::Snapshot, &options_b, Vec::new());
        let rdb: Arc<[u8]> = rdb.unwrap().into();
        let tiny = dice.once_in(4);
        let file = |bytes: &Arc<[u8]>| {
            let mut input = run::as_file("b", bytes).unwrap();
            if tiny {
                input.sizes = run::TINY;
            }
            input
        };
        let (a, b) = (state(open(&lines)), state(file(&rdb)));
        let mut options = options();
        options.threads = 1 + dice.below(2);
        options.bounds = Bounds {
            singly: if dice.once_in(2) { 0 } else { 256 },
            held: if dice.once_in(4) { 300 } else { 1 << 20 },
        };
        options.ttl = match dice.below(4) {
            0 => Ttl { ignored: true, tolerance_ms: 0 },
            1 => Ttl { ignored: false, tolerance_ms: 2000 },
            _ => Ttl::default(),
        };
        let (report, told) = if dice.once_in(2) {
            compared(open(&lines), file(&rdb), &options).unwrap()
        } else {
            let (report, mut told) = compared(file(&rdb), open(&lines), &options).unwrap();
            // The other way round all is the other way round.
            for (what, items, _) in told.keys.values_mut() {
                *what = match what {
                    What::Added => What::Removed,
                    What::Removed => What::Added,
                    What::Changed => What::Changed,
                };
                for item in items {
                    std::mem::swap(&mut item.a, &mut item.b);
                }
            }
            (report, told)
        };
        let found = wrong(&a, &b, &told, options.ttl);
        prop_assert!(found.is_none(), "{} (for {target})", found.unwrap());
        prop_assert_eq!(report.counts.all(), told.keys.len() as u64);
        prop_assert_eq!(report.is_same(), told.keys.is_empty());
        let both = a.keys().filter(|place| b.contains_key(*place)).count() as u64;
        prop_assert_eq!(report.same + report.counts.changed, both);

        options.first = true;
        let (quick, _) = compared(open(&lines), file(&rdb), &options).unwrap();
        prop_assert_eq!(quick.is_same(), report.is_same());
        // Either is the same as itself.
        let (itself, told) = compared(file(&rdb), file(&rdb), &self::options()).unwrap();
        prop_assert!(itself.is_same() && told.keys.is_empty());
        prop_assert_eq!(itself.same, b.len() as u64);
    }
}
