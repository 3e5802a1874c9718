//! Streams and packed values: cut to what holds in them.

use super::{lines, plan, verify_bytes};
use crate::support::{files, testdata};
use redisk::ops::repair::write;
use std::collections::HashMap;

/// The repaired bytes.
fn repaired(bytes: &[u8]) -> (Vec<u8>, redisk::ops::repair::Plan) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("damaged.rdb");
    std::fs::write(&file, bytes).unwrap();
    let plan = plan(&file).unwrap();
    let mut out = Vec::new();
    write::file(&plan.files[0], &mut out).unwrap();
    (out, plan)
}

fn values(bytes: &[u8]) -> HashMap<String, serde_json::Value> {
    let parse =
        |line: String| serde_json::from_str::<serde_json::Value>(&line).unwrap()["value"].clone();
    lines(bytes)
        .into_iter()
        .map(|(key, line)| (key, parse(line)))
        .collect()
}

/// Every stream whose parts do not fit together keeps its key, and the other two that stand around it.
#[test]
fn a_stream_keeps_what_fits_together() {
    let mut tried = 0;
    for path in files("corrupt", ".rdb") {
        let name = crate::support::name(&path);
        if !(name.starts_with("made-stream-") || name.starts_with("made-array-")) {
            continue;
        }
        let (out, plan) = repaired(&std::fs::read(&path).unwrap());
        assert_eq!(verify_bytes(&out), None, "{name}");
        let keys = lines(&out);
        assert!(keys.len() >= 2, "{name}: {:?}", keys.keys());
        let named = plan.files[0].patches.iter().any(|p| !p.keys.is_empty());
        assert!(named || plan.is_sound(), "{name}");
        tried += 1;
    }
    assert!(tried > 15, "{tried}");
}

/// The stream keeps the entries that can be read, whichever byte of it is damaged.
#[test]
fn entries_around_a_bad_byte_stay() {
    let whole = std::fs::read(testdata("rdb/redis-7.2.6-tiny.rdb")).unwrap();
    let before = values(&whole);
    let streams: Vec<&String> = before
        .iter()
        .filter(|(_, v)| v["entries"].is_array())
        .map(|(k, _)| k)
        .collect();
    assert!(!streams.is_empty());
    let (mut cut, mut kept) = (0, 0);
    for at in (9..whole.len() - 9).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let (out, plan) = repaired(&bytes);
        assert_eq!(verify_bytes(&out), None, "{at}");
        let bad = plan.files[0].patches.iter().any(|p| p.code == "bad-value");
        if !bad {
            continue;
        }
        cut += 1;
        let after = values(&out);
        kept += usize::from(streams.iter().all(|key| after.contains_key(*key)));
    }
    assert!(cut > 10, "{cut}");
    assert!(kept * 10 >= cut * 8, "{kept} of {cut}");
}

/// What stands in front of a bad byte of a compressed listpack is kept, and nothing that was not there.
#[test]
fn a_broken_compression_is_cut() {
    // A list of 3 000 words in one listpack, compressed.
    let words: Vec<String> = (0..300).map(|n| format!("word {n} of the list")).collect();
    let mut pack = redisk::packed::pack::EMPTY.to_vec();
    for word in &words {
        redisk::packed::pack::Pack::new(&mut pack, 0).push(word.as_bytes());
    }
    let mut packed = Vec::new();
    assert!(redisk::packed::lzf::Encoder::new().encode(&pack, pack.len(), &mut packed));
    let record = |packed: &[u8]| {
        let mut bytes = b"REDIS0011\xfe\0\x12\x01l\x01\x02\xc3".to_vec();
        redisk::rdb::length::write(packed.len() as u64, &mut bytes);
        redisk::rdb::length::write(pack.len() as u64, &mut bytes);
        bytes.extend_from_slice(packed);
        bytes.extend_from_slice(b"\0\x01z\x01z\xff\0\0\0\0\0\0\0\0");
        bytes
    };
    let element = |out: &[u8]| -> Option<usize> {
        let list = values(out).remove("db 0, key \"l\"")?;
        let list = list.as_array().unwrap().clone();
        use base64::Engine;
        let texts = list.iter().map(|e| {
            base64::engine::general_purpose::STANDARD
                .decode(e.as_str().unwrap())
                .unwrap()
        });
        for (n, text) in texts.enumerate() {
            assert_eq!(text, words[n].as_bytes());
        }
        Some(list.len())
    };
    assert_eq!(element(&repaired(&record(&packed)).0), Some(300));
    let half = packed.len() / 2;
    // A reference in front of the start.
    let mut bad = packed.clone();
    bad[half..half + 2].copy_from_slice(&[0x3f, 0xff]);
    let (out, plan) = repaired(&record(&bad));
    assert_eq!(verify_bytes(&out), None);
    let patch = &plan.files[0].patches[0];
    assert_eq!(
        (patch.code, &patch.keys[..]),
        ("bad-value", &[(0, b"l".to_vec())][..])
    );
    let kept = lines(&out).len();
    assert_eq!(kept, 2);
    // Cut off in the middle of it.
    let cut = &record(&packed)[..20 + half];
    let (out, plan) = repaired(cut);
    assert_eq!(verify_bytes(&out), None);
    let n = element(&out).unwrap_or_else(|| panic!("{:?}", plan.files[0].patches));
    assert!((50..300).contains(&n), "{n}");
    assert_eq!(plan.files[0].patches[0].code, "torn-value");
}
