use super::*;
use crate::model::kind::Flavour;
use crate::rdb::template::Templates;
use crate::rdb::types;
use crate::rdb::walk::{self, Scratch, Walk};
use proptest::prelude::*;

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId { ms, seq }
}

fn add(stream: &mut Stream, at: StreamId, fields: &[(&str, &str)], limits: &Limits) {
    let pairs = fields.iter().map(|(a, b)| (a.as_bytes(), b.as_bytes()));
    let bytes = fields.iter().map(|(a, b)| a.len() + b.len()).sum();
    stream.append(at, pairs, fields.len(), bytes, limits);
}

fn ids(stream: &Stream) -> Vec<u64> {
    stream.iter().map(|e| e.id.ms).collect()
}

/// What a walk over its encoded form builds.
fn again(stream: &Stream, version: u8) -> Stream {
    let code = match version {
        1 => 15,
        2 => 19,
        3 => 21,
        4 => 26,
        _ => 27,
    };
    let row = types::by_code(Flavour::Redis, code).unwrap();
    let mut bytes = Vec::new();
    stream.encode(version, &mut bytes);
    let mut body = crate::input::bytes::Slice::new(&bytes, 0);
    let templates = Templates::default();
    let w = Walk {
        row,
        templates: &templates,
        distinct: true,
    };
    let mut builder = Builder::new(&Limits::default());
    walk::slice(&w, &mut body, &mut Scratch::default(), &mut builder).unwrap();
    assert!(body.rest().is_empty());
    builder.finish()
}

fn encoded(stream: &Stream, version: u8) -> Vec<u8> {
    let mut out = Vec::new();
    stream.encode(version, &mut out);
    out
}

#[test]
fn an_empty_stream_is_what_files_say() {
    let stream = Stream::default();
    assert_eq!(encoded(&stream, 1), [0, 0, 0, 0, 0]);
    assert_eq!(
        encoded(&stream, 4),
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 100, 0x40, 100, 0, 0, 0]
    );
}

#[test]
fn nodes_are_cut_as_servers_cut_them() {
    let limits = Limits {
        stream_entries: 3,
        ..Limits::default()
    };
    let mut stream = Stream::default();
    for ms in 1..=7 {
        add(&mut stream, id(ms, 0), &[("a", "1")], &limits);
    }
    assert_eq!(stream.nodes.len(), 3);
    // Deleted entries count, too.
    assert_eq!(stream.delete_all(&[id(7, 0), id(5, 0)]), 2);
    assert_eq!(stream.nodes.len(), 2);
    assert_eq!(ids(&stream), [1, 2, 3, 4, 6]);
    assert_eq!(
        (stream.max_deleted_id, stream.first_id),
        (id(7, 0), id(1, 0))
    );
    let trim = Trim {
        until: Until::Len(1),
        approx: true,
        limit: 0,
        refs: Refs::Keep,
    };
    assert_eq!(stream.trim(&trim), 3);
    assert_eq!(stream.first_id, id(4, 0));
    assert_eq!(
        stream.trim(&Trim {
            approx: false,
            ..trim
        }),
        1
    );
    assert_eq!(ids(&stream), [6]);
    assert_eq!(stream.len(), 1);
    assert_eq!(again(&stream, 5).tree(), stream.tree());
}

#[test]
fn a_radix_tree_has_a_node_for_each_run_choice_and_end() {
    let mut stream = Stream::default();
    assert_eq!(stream.tree(), (0, 1));
    let limits = Limits {
        stream_entries: 1,
        ..Limits::default()
    };
    add(&mut stream, id(1, 1), &[("a", "1")], &limits);
    assert_eq!(stream.tree(), (1, 2));
    add(&mut stream, id(1, 2), &[("a", "1")], &limits);
    assert_eq!(stream.tree(), (2, 4));
}

#[test]
fn producers_groups_and_what_is_given_back_come_back() {
    let mut stream = Stream::default();
    let limits = Limits::default();
    for ms in 1..=250 {
        add(
            &mut stream,
            id(ms, ms % 3),
            &[("name", "value"), ("n", "12")],
            &limits,
        );
    }
    let mut g = Group::new(id(200, 2), 200);
    let (a, _) = g.find_or_create(b"a", 10);
    let (b, _) = g.find_or_create(b"b", 11);
    for ms in 1..=200u64 {
        let owner = [a, b, group::NOBODY][usize::try_from(ms % 3).unwrap()];
        let time = 1000 + ms.cast_signed();
        g.put(group::Pending::new(id(ms, ms % 3), time, ms, owner));
    }
    assert!(stream.add_group(b"g", g));
    assert!(!stream.add_group(b"g", Group::default()));
    stream.add_group(b"", Group::new(id(9, 9), UNKNOWN));
    let idmp = stream.idmp.get_or_insert_default();
    idmp.max = 3;
    idmp.add(b"p", b"1", id(1, 1));
    idmp.add(b"p", b"2", id(2, 2));
    for version in 1..=5 {
        let back = again(&stream, version);
        assert_eq!(
            encoded(&back, version),
            encoded(&stream, version),
            "v{version}"
        );
        assert_eq!(back.len(), 250);
        let g = back.group(b"g").unwrap();
        let unowned = g.pel().iter().filter(|p| p.owner == group::NOBODY).count();
        assert_eq!(unowned, if version == 5 { 67 } else { 0 });
    }
}

#[test]
fn every_stream_of_the_files_comes_back_as_it_was() {
    let mut seen = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/rdb")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "rdb") {
            continue;
        }
        seen += streams_of(&path);
    }
    assert!(seen > 100, "{seen}");
}

/// Takes every stream of a file in and writes it again: as many bytes of the same meaning. How many there were.
fn streams_of(path: &std::path::Path) -> usize {
    use crate::rdb::frame::Reader;
    use crate::rdb::types::Layout;
    let mut seen = 0;
    let file = std::io::Cursor::new(std::fs::read(path).unwrap());
    let mut reader = Reader::new(Box::new(file), None, true).unwrap();
    let mut sc = Scratch::default();
    while let Some(block) = reader.next_block(None).unwrap() {
        for record in block.records() {
            let Some(row) = record.row() else { continue };
            let Layout::Stream(version) = row.layout else {
                continue;
            };
            let mut builder = Builder::new(&Limits::default());
            walk::record(&record, row, true, &mut sc, &mut builder).unwrap();
            let stream = builder.finish();
            let written = encoded(&stream, version);
            for to in version..=5 {
                let back = again(&stream, to);
                assert_eq!(encoded(&back, to), encoded(&stream, to), "{path:?}");
            }
            // Nodes are copied: only what is compressed in the file takes more room here.
            let stored = usize::try_from(record.body_len()).unwrap();
            assert!(
                written.len() >= stored,
                "{path:?}: {} {stored}",
                written.len()
            );
            seen += 1;
        }
    }
    seen
}

proptest! {
    #[test]
    fn a_stream_is_an_ordered_map(
        ops in prop::collection::vec((0u8..10, 0u64..60, 0usize..3), 1..200),
        entries in 1usize..6,
    ) {
        let limits = Limits { stream_entries: entries, stream_bytes: 120, ..Limits::default() };
        let mut stream = Stream::default();
        let mut model: Vec<u64> = Vec::new();
        let mut last = 0;
        for (op, n, fields) in ops {
            match op {
                0..=5 => {
                    last += 1 + n % 3;
                    let all = [("a", "1"), ("b", "-70000"), ("c", "text")];
                    add(&mut stream, id(last, n), &all[..=fields], &limits);
                    model.push(last);
                }
                6 | 7 => {
                    let at = usize::try_from(n).unwrap() % (model.len() + 1);
                    if at < model.len() {
                        let ms = model.remove(at);
                        let found = stream.range(id(ms, 0), id(ms, u64::MAX)).next().unwrap().id;
                        prop_assert_eq!(stream.delete_all(&[found]), 1);
                        prop_assert!(stream.get(found).is_none());
                    }
                }
                8 => {
                    let trim = Trim { until: Until::Len(n / 4), approx: false, limit: 0, refs: Refs::Keep };
                    let gone = usize::try_from(stream.trim(&trim)).unwrap();
                    prop_assert_eq!(gone, model.len().saturating_sub(usize::try_from(n / 4).unwrap()));
                    model.drain(..gone);
                }
                _ => {
                    let trim = Trim { until: Until::Id(id(n, 0)), approx: false, limit: 0, refs: Refs::Keep };
                    stream.trim(&trim);
                    model.retain(|ms| *ms >= n);
                }
            }
            prop_assert_eq!(ids(&stream), model.clone());
            prop_assert_eq!(stream.len(), model.len() as u64);
            prop_assert_eq!(stream.first_id.ms, model.first().copied().unwrap_or(0));
        }
        let mut back: Vec<u64> = stream.range_back(MIN_ID, MAX_ID).map(|e| e.id.ms).collect();
        back.reverse();
        prop_assert_eq!(&back, &model);
        let (a, b) = (id(last / 3, 0), id(last / 2, 0));
        let expected: Vec<u64> = model.iter().copied().filter(|ms| id(*ms, 0) >= a && *ms < b.ms).collect();
        let found: Vec<u64> = stream.range(a, id(b.ms.saturating_sub(1), u64::MAX)).map(|e| e.id.ms).collect();
        if b.ms > 0 {
            prop_assert_eq!(found, expected);
        }
        prop_assert_eq!(ids(&again(&stream, 3)), model);
    }

    /// Whatever a node holds, it is read or not taken; nothing panics.
    #[test]
    fn nodes_with_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..80), at in 0usize..80, b in any::<u8>()) {
        prop_assert!(Node::adopt(MIN_ID, &bytes, None).is_none_or(|n| n.live() > 0));
        let mut stream = Stream::default();
        for ms in 1..5 {
            add(&mut stream, id(ms, 0), &[("a", "1"), ("b", "text")], &Limits::default());
        }
        let mut bytes = stream.nodes[0].bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = b;
        if let Some(node) = Node::adopt(id(1, 0), &bytes, None) {
            let mut stream = Stream { length: node.live(), ..Stream::default() };
            stream.nodes.push_back(node);
            prop_assert_eq!(stream.iter().count() as u64, stream.len());
            for entry in stream.range_back(MIN_ID, MAX_ID) {
                entry.fields.count();
            }
        }
    }
}
