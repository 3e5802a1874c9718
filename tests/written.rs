//! Arbitrary values of all types, written for every server and read back.
//!
//! They begin as JSON Lines, which can say all that a file can, and come back as what our reader and our engine find.

use crate::support::canonical::{Contents, Value, contents, differences, without_clocks};
use crate::support::run;
use proptest::prelude::*;
use redisk::filter::Filter;
use redisk::input::open::Input;
use redisk::limits::Sizes;
use redisk::model::loss::Loss;
use redisk::model::target::{TARGETS, Target};
use redisk::ops::convert::{self, Options};
use redisk::rdb::choose::Thresholds;
use redisk::rdb::encode;
use redisk::sink::bytes::Binary;
use redisk::sink::rdb::Role;
use redisk::source::jsonl;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Byte strings of all the forms that encodings tell apart.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..12),
        4 => any::<i64>().prop_map(|v| v.to_string().into_bytes()),
        4 => (-40_000i64..40_000).prop_map(|v| v.to_string().into_bytes()),
        3 => "[a-c]{0,3}".prop_map(String::into_bytes),
        // Long, and worth compressing or not.
        2 => ("[a-c]{1,9}", 1..90usize).prop_map(|(word, n)| word.repeat(n).into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 60..300),
        1 => prop::sample::select(vec!["-0", "007", "+1", " 1", "1e3", "9223372036854775808"])
            .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

fn text(bytes: &[u8]) -> Json {
    use base64::Engine;
    json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)})
}

/// Different ones.
fn different(n: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::btree_set(bytes(), n)
        .prop_map(|all| all.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("no server takes it", |s| !s.is_nan()),
        (-1000i32..1000).prop_map(f64::from),
        (-1000i32..1000).prop_map(|n| f64::from(n) / 100.0),
        prop::sample::select(vec![f64::INFINITY, f64::NEG_INFINITY, 1e300, 0.0]),
    ]
    // A -0 loses its sign where a server packs it.
    .prop_map(|s| if s == 0.0 { 0.0 } else { s })
}

fn number(v: f64) -> Json {
    if v.is_infinite() {
        json!(if v > 0.0 { "inf" } else { "-inf" })
    } else {
        json!(v)
    }
}

type Made = (&'static str, Json);

fn list() -> impl Strategy<Value = Made> {
    prop::collection::vec(bytes(), 1..200)
        .prop_map(|all| ("list", all.iter().map(|s| text(s)).collect()))
}

fn set() -> impl Strategy<Value = Made> {
    let ints = prop::collection::btree_set(any::<i64>(), 1..600);
    let ints = ints.prop_map(|all| all.iter().map(|v| v.to_string().into_bytes()).collect());
    let all = prop_oneof![different(1..180), ints];
    all.prop_map(|all: Vec<Vec<u8>>| ("set", all.iter().map(|s| text(s)).collect()))
}

fn zset() -> impl Strategy<Value = Made> {
    (different(1..160), prop::collection::vec(score(), 160)).prop_map(|(members, scores)| {
        let pairs = members.iter().zip(scores);
        let pairs = pairs.map(|(m, s)| json!([text(m), number(s)]));
        ("zset", pairs.collect())
    })
}

/// Far enough off for no clock to reach it, near enough for Redis, whose last one is in 46 bits.
fn expiry() -> impl Strategy<Value = Option<u64>> {
    prop::option::weighted(0.3, 1u64 << 42..1 << 46)
}

fn hash() -> impl Strategy<Value = Made> {
    let plain = Just(vec![None; 700]).boxed();
    let expiring = prop::collection::vec(expiry(), 700).boxed();
    let values = prop::collection::vec(bytes(), 700);
    let sizes = prop_oneof![3 => Just(1..20usize), 1 => Just(100..700)];
    let fields = sizes.prop_flat_map(different);
    (fields, values, prop_oneof![plain, expiring]).prop_map(|(fields, values, expiries)| {
        let all = fields.iter().zip(values).zip(expiries);
        let all = all.map(|((f, v), e)| json!([text(f), text(&v), e]));
        ("hash", all.collect())
    })
}

fn string() -> impl Strategy<Value = Made> {
    bytes().prop_map(|s| ("string", text(&s)))
}

/// Entries at rising times, and groups that have read some of them.
fn stream() -> impl Strategy<Value = Made> {
    let entry = prop::collection::vec((bytes(), bytes()), 1..4);
    let entries = prop::collection::vec((1u64..50, 0u64..3, entry), 0..150);
    let groups = prop::collection::vec((any::<prop::sample::Index>(), 0usize..4), 0..3);
    (entries, groups, any::<bool>()).prop_map(|(entries, groups, more)| {
        let mut ms = 1000;
        let mut ids = Vec::new();
        let mut all = Vec::new();
        for (step, seq, fields) in entries {
            ms += step;
            let id = format!("{ms}-{seq}");
            let fields: Vec<Json> = fields.iter().map(|(f, v)| json!([text(f), text(v)])).collect();
            all.push(json!([id, fields]));
            ids.push(id);
        }
        let last = if more || ids.is_empty() {
            format!("{}-1", ms + 7)
        } else {
            ids[ids.len() - 1].clone()
        };
        let groups: Vec<Json> = groups
            .iter()
            .enumerate()
            .map(|(i, (read, consumers))| {
                let read = if ids.is_empty() { 0 } else { read.index(ids.len() + 1) };
                let mut pel = Vec::new();
                let mut owned = vec![Vec::new(); *consumers];
                for (n, id) in ids[..read].iter().enumerate().filter(|_| *consumers > 0) {
                    if n % 3 == 0 {
                        pel.push(json!([id, 1_700_000_000_000u64 + n as u64, n + 1]));
                        owned[n / 3 % consumers].push(id.clone());
                    }
                }
                let consumers: Vec<Json> = owned
                    .iter()
                    .enumerate()
                    .map(|(c, pending)| {
                        json!({"name": text(format!("c{c}").as_bytes()), "seen_time": 1_700_000_000_000u64,
                            "active_time": 1_700_000_000_000u64, "pending": pending})
                    })
                    .collect();
                let at = read.checked_sub(1).map_or("0-0", |n| ids[n].as_str());
                json!({"name": text(format!("g{i}").as_bytes()), "last_id": at, "entries_read": read,
                    "pel": pel, "consumers": consumers, "nacked": []})
            })
            .collect();
        let first = ids.first().map_or("0-0", String::as_str);
        let value = json!({"entries": all, "length": ids.len(), "last_id": last, "first_id": first,
            "max_deleted_id": "0-0", "entries_added": ids.len(), "groups": groups, "idmp": null});
        ("stream", value)
    })
}

fn value() -> impl Strategy<Value = Made> {
    prop_oneof![string(), list(), set(), zset(), hash(), stream()]
}

/// A file of several keys, as lines.
pub(crate) fn lines() -> impl Strategy<Value = Vec<u8>> {
    let key = (
        0u64..3,
        bytes(),
        value(),
        prop::option::weighted(0.3, 1u64 << 42..1 << 50),
    );
    prop::collection::vec(key, 1..12).prop_map(|mut keys| {
        // One database stands behind the other.
        keys.sort_by_key(|key| key.0);
        let mut seen = BTreeSet::new();
        let mut out = b"{\"rdb\":{\"magic\":\"REDIS\",\"version\":12}}\n".to_vec();
        for (db, name, (kind, value), expire_ms) in keys {
            if seen.insert((db, name.clone())) {
                let line = json!({"db": db, "key": text(&name), "type": kind, "encoding": null,
                    "expire_ms": expire_ms, "value": value});
                out.extend_from_slice(line.to_string().as_bytes());
                out.push(b'\n');
            }
        }
        out
    })
}

pub(crate) fn thresholds() -> impl Strategy<Value = Thresholds> {
    let limit = || prop::option::of(0i64..700);
    let names = [
        "hash-max-listpack-entries",
        "hash-max-ziplist-value",
        "zset-max-ziplist-entries",
        "zset-max-listpack-value",
        "set-max-intset-entries",
        "set-max-listpack-entries",
        "set-max-listpack-value",
        "list-max-ziplist-entries",
        "list-max-ziplist-value",
    ];
    let node = prop_oneof![-5i64..0, 1i64..200];
    (
        prop::collection::vec(limit(), names.len()),
        prop::option::of(node),
    )
        .prop_map(move |(limits, node)| {
            let mut t = Thresholds::default();
            for (name, limit) in names.iter().zip(limits) {
                assert!(limit.is_none_or(|limit| t.set(name, limit)));
            }
            assert!(node.is_none_or(|node| t.set("list-max-listpack-size", node)));
            t
        })
}

pub(crate) fn open(lines: &[u8]) -> Input {
    let text = run::as_pipe("x.jsonl", &lines.into(), usize::MAX).unwrap();
    jsonl::open(text, None).unwrap()
}

pub(crate) fn state(input: Input) -> Contents {
    let dumped = run::dumped(Ok(input), Binary::Base64, true, 1);
    assert_eq!(dumped.error, None);
    contents(&dumped.out)
}

/// Without what depends on who wrote it.
fn plain(mut contents: Contents) -> Contents {
    for key in contents.values_mut() {
        key.encoding.clear();
        // Servers before 7.0 and 7.2 do not write these.
        if let Value::Stream(stream) = &mut key.value {
            stream.first_id = None;
            (stream.max_deleted_id, stream.entries_added) = (None, None);
            for group in &mut stream.groups {
                group.entries_read = None;
                for consumer in &mut group.consumers {
                    consumer.2 = None;
                }
            }
        }
    }
    contents
}

pub(crate) fn options(
    target: &'static Target,
    thresholds: Thresholds,
    compress: bool,
) -> Options<'static> {
    Options {
        filter: Filter::default(),
        transform: redisk::filter::transform::Transform::default(),
        threads: 1,
        encode: encode::Options {
            target,
            thresholds,
            compress,
            packer: encode::Packer::Other,
            drop_modules: false,
            one_by_one: false,
        },
        checksum: true,
        progress: &|_| (),
    }
}

/// What the engine makes of a log that is for that server.
fn replayed(log: Vec<u8>, target: &'static Target) -> Contents {
    let mut engine = run::replayed(log, target);
    state(Input::of("y", Box::new(engine.drain()), None, None).unwrap())
}

/// Losses that [`plain`] takes away from both.
const SMALL: [Loss; 2] = [Loss::ConsumerTimes, Loss::StreamCounters];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_written_is_read_back(
        lines in lines(),
        thresholds in thresholds(),
        compress: bool,
        tiny: bool,
    ) {
        let want = state(open(&lines));
        for target in &TARGETS {
            let options = options(target, thresholds, compress);
            let mut input = open(&lines);
            if tiny {
                input.sizes = run::TINY;
            }
            let (report, out) = convert::rdb(input, Role::Snapshot, &options, Vec::new());
            let out: Arc<[u8]> = out.unwrap().into();
            let file = || {
                let mut input = run::as_file("y", &out).unwrap();
                input.sizes = if tiny { run::TINY } else { Sizes::default() };
                input
            };
            let verified = run::verify(file(), 1).unwrap();
            prop_assert!(!verified.damaged() && verified.loads(target), "{}: {}", target, run::verified(Ok(file()), 1));
            let got = state(file());
            let lost = report.losses.iter().any(|(loss, _)| !SMALL.contains(&loss));
            if !lost {
                let wrong = differences(&plain(got.clone()), &plain(want.clone()));
                prop_assert!(wrong.is_empty(), "{}: {}", target, wrong[0]);
            }
            prop_assert_eq!(got.len() as u64 + report.losses.count(Loss::Key), want.len() as u64);

            // The same as commands.
            let (report, log) = convert::aof(open(&lines), &options, Vec::new());
            let got = replayed(log.unwrap(), target);
            let lost = report.losses.iter().any(|(loss, _)| !SMALL.contains(&loss));
            if !lost {
                let (got, want) = (without_clocks(plain(got)), without_clocks(plain(want.clone())));
                let wrong = differences(&got, &want);
                prop_assert!(wrong.is_empty(), "{} as commands: {}", target, wrong[0]);
            }
        }
    }
}
