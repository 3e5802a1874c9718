//! What is not: one lie a file, between two sound keys.

use super::{T, node, same};
use crate::support::rdb::{Listpack, Put, Rdb, hex, intset, lp, ziplist, zs};

/// Name and bytes of every damaged one.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let mut all = Vec::new();
    all.extend(bad_records());
    all.extend(bad_strings());
    all.extend(bad_listpacks());
    all.extend(bad_ziplists());
    all.extend(bad_sets());
    all.extend(bad_hashes());
    all.extend(bad_streams());
    all.extend(bad_new_types());
    all
}

/// A file with sound keys around one value.
fn around(magic: &str, code: u8, value: &[u8]) -> Vec<u8> {
    let f = Rdb::new(magic).hex("FE 00").key(0, "before").text(b"v");
    f.key(code, "bad")
        .raw(value)
        .key(0, "behind")
        .text(b"v")
        .end()
}

fn redis(code: u8, value: Vec<u8>) -> Vec<u8> {
    around("REDIS0015", code, &value)
}

/// The value of a type that is one packed blob.
fn blob(code: u8, bytes: &[u8]) -> Vec<u8> {
    redis(code, Vec::new().text(bytes))
}

fn bad_records() -> Vec<(&'static str, Vec<u8>)> {
    let file = |magic, text: &str| {
        Rdb::new(magic)
            .hex("FE 00")
            .key(0, "before")
            .text(b"v")
            .hex(text)
            .end()
    };
    let key = "00 01 \"k\" 01 \"v\"";
    let class = "F9FDEF6B 00";
    let mut cut = Rdb::new("REDIS0009").key(0, "k").text(b"v").end();
    cut.truncate(cut.len() - 3);
    vec![
        ("type-6", redis(6, hex("81 B5EB2DFFFADD6C01 0102"))),
        ("type-8", file("REDIS0011", "08 01 \"k\" 01 \"v\"")),
        ("type-34", file("REDIS0016", "22 01 \"k\" 01 \"v\"")),
        ("type-23-valkey", around("VALKEY081", 23, &hex("00"))),
        ("type-24-valkey", around("VALKEY080", 24, &hex("00"))),
        (
            "opcode-f6",
            file("REDIS0010", "F6 01 \"n\" 01 \"e\" 00 01 \"c\""),
        ),
        ("opcode-f2-valkey", file("VALKEY081", "F2 01 \"x\"")),
        ("opcode-f1-valkey", file("VALKEY080", &format!("F1 {key}"))),
        ("opcode-f0", file("REDIS0011", "F0")),
        (
            "meta-8-classes",
            file("REDIS0013", &format!("F3 08 {} {key}", [class; 8].concat())),
        ),
        (
            "meta-without-key",
            file("REDIS0013", &format!("F3 01 {class} FE 00 {key}")),
        ),
        (
            "meta-mark",
            file("REDIS0013", &format!("F3 01 F9FDEF6B 06 {key}")),
        ),
        (
            "meta-lzf",
            file(
                "REDIS0013",
                &format!("F3 01 F9FDEF6B 05 C3 03 15 01 61 61 00 {key}"),
            ),
        ),
        (
            "module-aux-mark",
            file("REDIS0011", "F7 81 B5EB2DFFFADD6C01 01 01 00"),
        ),
        (
            "module-aux-lzf",
            file(
                "REDIS0011",
                "F7 81 B5EB2DFFFADD6C01 02 01 05 C3 03 15 01 61 61 00",
            ),
        ),
        (
            "module-mark",
            redis(7, hex("81 B5EB2DFFFADD6C01 02 01 06 00")),
        ),
        (
            "module-lzf",
            redis(7, hex("81 B5EB2DFFFADD6C01 05 C3 03 15 01 61 61 00")),
        ),
        (
            "aux-lzf",
            file("REDIS0011", "FA 01 \"a\" C3 03 15 01 61 61"),
        ),
        ("function-lzf", file("REDIS0011", "F5 C3 03 15 01 61 61")),
        (
            "slot-import-lzf",
            file("VALKEY080", "F3 C3 03 15 01 61 61 00"),
        ),
        ("length-82", file("REDIS0011", "FE 82")),
        ("length-is-a-string", file("REDIS0011", "FB C0 01 00")),
        ("cut-in-checksum", cut),
        (
            "duplicate-keys",
            file(
                "REDIS0011",
                &format!("{key} {key} FE 01 {key} FE 00 {key} 00 06 \"before\" C0 01"),
            ),
        ),
        (
            "version-17",
            b"REDIS0017".to_vec().hex("FF 0000000000000000"),
        ),
        (
            "version-82-valkey",
            b"VALKEY082".to_vec().hex("FF 0000000000000000"),
        ),
        (
            "version-12-valkey",
            b"VALKEY012".to_vec().hex("FF 0000000000000000"),
        ),
        ("empty-file", Vec::new()),
        (
            "behind-the-end",
            Rdb::new("REDIS0011")
                .key(0, "k")
                .text(b"v")
                .end()
                .raw(b"some bytes"),
        ),
        (
            "aof-behind-the-end",
            Rdb::new("REDIS0011")
                .key(0, "k")
                .text(b"v")
                .end()
                .raw(b"*1\r\n$4\r\nPING\r\n"),
        ),
    ]
}

fn bad_strings() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("string-form", redis(0, hex("C4 00"))),
        ("string-past-the-end", redis(0, hex("81 8000000000000000"))),
        ("lzf-claim", redis(0, hex("C3 02 80 00100000 0061"))),
        ("lzf-reference", redis(0, hex("C3 04 14 0061 2005"))),
        ("lzf-short", redis(0, hex("C3 06 16 01 61 61 E0 0A 00"))),
        ("lzf-overrun", redis(0, hex("C3 06 14 01 61 61 E0 0A 00"))),
        ("lzf-cut", redis(0, hex("C3 05 15 01 61 61 E0 0A"))),
        (
            "lzf-in-list",
            redis(1, hex("02 01 \"a\" C3 03 15 01 61 61")),
        ),
        (
            "lzf-in-plain-node",
            redis(18, hex("01 01 C3 03 15 01 61 61")),
        ),
        (
            "lzf-in-array",
            redis(28, hex("01 00 00 00 C3 03 15 01 61 61")),
        ),
        ("lzf-in-blob", redis(16, hex("C3 03 15 01 61 61"))),
        (
            "key-lzf",
            Rdb::new("REDIS0011")
                .hex("00 C3 03 15 01 61 61 01 \"v\"")
                .end(),
        ),
        ("key-cut", b"REDIS0011".to_vec().hex("00 05 \"ab\"")),
        ("blob-is-a-number", redis(16, hex("C0 05"))),
    ]
}

fn bad_listpacks() -> Vec<(&'static str, Vec<u8>)> {
    let set = || lp().s("a").s("b");
    let with = |at: usize, byte: u8| {
        let mut bytes = set().end();
        bytes[at] = byte;
        blob(20, &bytes)
    };
    let mut early = set().end();
    early.splice(9..9, [0xff]);
    early[0] += 1;
    early[4] = 1;
    let mut inner = lp().s([b'x'; 100]).s("b").end();
    inner[108] = 9;
    vec![
        ("listpack-count", blob(20, &set().counting(3))),
        // Entries of 1 byte and their lengths: 6, 7, 8; 9, 10, 11.
        ("listpack-backlen", with(8, 3)),
        (
            "listpack-backlen-inflated",
            redis(20, Vec::new().lzf(&inner)),
        ),
        ("listpack-byte", with(9, 0xf5)),
        ("listpack-end", blob(20, &early)),
        ("listpack-no-end", with(12, 0x01)),
        ("listpack-total", with(0, 14)),
        ("listpack-size", blob(20, &hex("06000000 0000"))),
        ("listpack-past-the-end", with(9, 0xbf)),
        (
            "listpack-huge-string",
            blob(20, &lp().entry(&hex("F0 FFFFFFFF")).end()),
        ),
        (
            "listpack-odd-hash",
            blob(16, &lp().s("f").s("v").s("g").end()),
        ),
        (
            "listpack-odd-zset",
            blob(17, &lp().s("m").i(1).s("n").end()),
        ),
        (
            "listpack-odd-ttl",
            redis(25, Vec::new().le64(0).text(&lp().s("f").s("v").end())),
        ),
        ("quicklist-container", redis(18, hex("01 03 01 \"a\""))),
        (
            "quicklist-node",
            redis(
                18,
                Vec::new()
                    .num(2)
                    .num(2)
                    .text(&set().end())
                    .num(2)
                    .text(&set().counting(7)),
            ),
        ),
        // Sound, but with nothing in them: servers leave such keys out.
        ("empty-keys", {
            let f = Rdb::new("REDIS0015")
                .key(1, "list")
                .num(0)
                .key(16, "hash")
                .text(&lp().end());
            f.key(18, "quicklist")
                .num(1)
                .num(2)
                .text(&lp().end())
                .key(10, "ziplist")
                .text(&ziplist(&[]))
                .end()
        }),
    ]
}

fn bad_ziplists() -> Vec<(&'static str, Vec<u8>)> {
    let good = || ziplist(&[&zs(b"a"), &zs(b"b")]);
    let with = |at: usize, byte: u8| {
        let mut bytes = good();
        bytes[at] = byte;
        blob(10, &bytes)
    };
    let mut early = good();
    early.splice(13..13, [0xff]);
    early[0] += 1;
    let twice = |code: u8| blob(code, &ziplist(&[&zs(b"a"), &[0xf2], &zs(b"a"), &[0xf3]]));
    vec![
        // Header of 10 bytes; entries of 3 bytes: 10, 11, 12; 13, 14, 15; end at 16.
        ("ziplist-count", with(8, 3)),
        ("ziplist-tail", with(4, 11)),
        ("ziplist-prevlen", with(13, 4)),
        ("ziplist-byte", with(14, 0xff)),
        ("ziplist-end", blob(10, &early)),
        ("ziplist-total", with(0, 18)),
        ("ziplist-size", blob(10, &hex("0A000000 0A000000 0000"))),
        ("ziplist-past-the-end", with(14, 0x3f)),
        ("ziplist-no-end", with(16, 0x03)),
        (
            "ziplist-odd-hash",
            blob(13, &ziplist(&[&zs(b"a"), &zs(b"b"), &zs(b"c")])),
        ),
        ("ziplist-hash-twice", twice(13)),
        ("ziplist-zset-twice", twice(12)),
        ("zipmap-count", blob(9, &hex("02 01 \"a\" 01 00 \"b\" FF"))),
        ("zipmap-end", blob(9, &hex("01 01 \"a\" 01 00 \"b\" FF 00"))),
        ("zipmap-cut", blob(9, &hex("01 01 \"a\" 01 09 \"b\" FF"))),
        ("zipmap-empty", blob(9, &hex("00 FF"))),
        ("zipmap-no-value", blob(9, &hex("01 01 \"a\" FF"))),
        (
            "zipmap-twice",
            blob(9, &hex("02 01 \"a\" 01 00 \"b\" 01 \"a\" 01 00 \"c\" FF")),
        ),
    ]
}

fn bad_sets() -> Vec<(&'static str, Vec<u8>)> {
    let scored = |pairs: &[(&str, f64)]| {
        let start = Vec::new().num(pairs.len() as u64);
        pairs.iter().fold(start, |out, (m, s)| {
            out.text(m.as_bytes()).raw(&s.to_le_bytes())
        })
    };
    vec![
        (
            "set-twice",
            redis(2, hex("04 01 \"a\" 01 \"b\" 01 \"a\" C0 05")),
        ),
        (
            "set-twice-number-and-text",
            redis(2, hex("02 C0 05 01 \"5\"")),
        ),
        (
            "set-listpack-twice",
            blob(20, &lp().s("a").i(5).s("a").s("5").s("a").end()),
        ),
        ("intset-order", blob(11, &intset(2, &[1, 3, 2]))),
        ("intset-twice", blob(11, &intset(4, &[1, 1]))),
        ("intset-width", blob(11, &hex("03000000 01000000 010000"))),
        ("intset-size", blob(11, &hex("02000000 02000000 0100"))),
        ("intset-empty", blob(11, &hex("02000000 00000000"))),
        ("zset-nan", redis(5, scored(&[("a", 1.0), ("b", f64::NAN)]))),
        ("zset-twice", redis(5, scored(&[("a", 1.0), ("a", 2.0)]))),
        ("zset-text-nan", redis(3, hex("01 01 \"a\" FD"))),
        ("zset-text", redis(3, hex("01 01 \"a\" 03 \"1,5\""))),
        (
            "zset-listpack-order",
            blob(17, &lp().s("a").i(2).s("b").i(1).end()),
        ),
        (
            "zset-listpack-tie",
            blob(17, &lp().s("b").i(1).s("a").i(1).end()),
        ),
        ("zset-listpack-score", blob(17, &lp().s("a").s("one").end())),
        (
            "zset-listpack-twice",
            blob(17, &lp().s("a").i(1).s("a").i(2).end()),
        ),
        ("count-lies", redis(2, hex("81 0000010000000000 01 \"a\""))),
    ]
}

fn bad_hashes() -> Vec<(&'static str, Vec<u8>)> {
    let ex = |lp: Listpack| redis(25, Vec::new().le64(T).text(&lp.end()));
    let f24 = |t: u64| {
        Vec::new()
            .le64(T)
            .num(2)
            .num(1)
            .text(b"a")
            .text(b"1")
            .num(t)
            .text(b"b")
            .text(b"2")
    };
    vec![
        (
            "hash-twice",
            redis(4, hex("02 01 \"f\" 01 \"1\" 01 \"f\" 01 \"2\"")),
        ),
        (
            "hash-listpack-twice",
            blob(16, &lp().s("f").s("1").s("f").s("2").end()),
        ),
        ("hash-ttl-beyond", redis(24, f24(1 << 48))),
        ("hash-ttl-overflow", redis(24, f24(u64::MAX))),
        (
            "hash-ttl-twice",
            redis(
                24,
                Vec::new()
                    .le64(T)
                    .num(2)
                    .hex("00 01 \"a\" 00 00 01 \"a\" 00"),
            ),
        ),
        (
            "hash-ttl-order",
            ex(lp().s("a").s("1").i(T + 1).s("b").s("2").i(T)),
        ),
        (
            "hash-ttl-none-first",
            ex(lp().s("a").s("1").i(0).s("b").s("2").i(T)),
        ),
        ("hash-ttl-text", ex(lp().s("a").s("1").s("soon"))),
        ("hash-ttl-negative", ex(lp().s("a").s("1").i(-5))),
        (
            "hash-ttl-missing",
            ex(lp().s("a").s("1").i(T).s("b").s("2")),
        ),
        (
            "hash-2-beyond",
            around(
                "VALKEY080",
                22,
                &hex("01 01 \"f\" 01 \"v\" FFFFFFFFFFFFFF7F"),
            ),
        ),
        (
            "hash-field-without-value",
            redis(4, hex("81 4000000000000000 01 \"f\"")),
        ),
    ]
}

/// A stream of version 3 with one node, and what follows its nodes as given.
fn stream(node: Listpack, rest: &str) -> Vec<u8> {
    redis(
        21,
        Vec::new()
            .num(1)
            .num(16)
            .id(1, 0)
            .text(&node.end())
            .hex(rest),
    )
}

/// The counters of a stream with the entries 1-0 and 1-1.
const COUNTERS: &str = "02 01 01 | 01 00 | 00 00 | 02";

fn bad_streams() -> Vec<(&'static str, Vec<u8>)> {
    let two = || same(same(node(2, 0), 0, 0, 0, ["1", "2"]), 0, 0, 1, ["3", "4"]);
    let none = format!("{COUNTERS} 00");
    let id = |n: u8| format!("0000000000000001 00000000000000{n:02X}");
    let time = "0000000000000000";
    let pending = |n: u8| format!("{} {time} 01", id(n));
    let consumer = |name: &str, ids: &[u8]| {
        let n = ids.len();
        let ids: String = ids.iter().map(|n| id(*n)).collect();
        format!("01 \"{name}\" {time} {time} {n:02X} {ids}")
    };
    let group = |pel: &[u8], consumers: &[String]| {
        let pel_bytes: String = pel.iter().map(|n| pending(*n)).collect();
        format!(
            "{COUNTERS} 01 01 \"g\" 01 01 02 {:02X} {pel_bytes} {:02X} {}",
            pel.len(),
            consumers.len(),
            consumers.concat()
        )
    };
    let with = |rest: String| stream(two(), &rest);
    let nodes = |ids: [u64; 2]| {
        let start = Vec::new().num(2);
        let all = ids
            .iter()
            .fold(start, |out, ms| out.num(16).id(*ms, 0).text(&two().end()));
        redis(21, all.hex("04 09 00 | 01 00 | 00 00 | 04 | 00"))
    };
    let idmp = |tail: &str| redis(26, hex(&format!("00 00 01 01 00 00 01 01 01 00 {tail}")));
    let nack = |nacked: &[u8]| {
        let ids: String = nacked.iter().map(|n| id(*n)).collect();
        let tail = format!(
            "{} {:02X} {ids} 4064 4064 00 00 00",
            group(&[0, 1], &[consumer("c", &[1])]),
            nacked.len()
        );
        redis(
            27,
            Vec::new()
                .num(1)
                .num(16)
                .id(1, 0)
                .text(&two().end())
                .hex(&tail),
        )
    };
    vec![
        ("stream-length", with(format!("03 {} 00", &COUNTERS[2..]))),
        (
            "stream-last-id",
            with(format!("02 01 00 {} 00", &COUNTERS[8..])),
        ),
        ("stream-node-id", {
            let node = Vec::new().num(1).text(b"id").text(&two().end());
            redis(21, node.hex(&none))
        }),
        ("stream-node-order", nodes([5, 3])),
        ("stream-node-twice", nodes([5, 5])),
        (
            "stream-order",
            stream(
                same(same(node(2, 0), 0, 0, 1, ["1", "2"]), 0, 0, 0, ["3", "4"]),
                &none,
            ),
        ),
        (
            "stream-node-count",
            stream(
                same(same(node(1, 1), 0, 0, 0, ["1", "2"]), 0, 0, 1, ["3", "4"]),
                &none,
            ),
        ),
        (
            "stream-master-end",
            stream(
                same(lp().i(1).i(0).i(2).s("a").s("b").i(1), 0, 0, 0, ["1", "2"]),
                &none,
            ),
        ),
        (
            "stream-lp-count",
            stream(node(1, 0).i(2).i(0).i(0).s("1").s("2").i(6), &none),
        ),
        ("stream-flags", stream(node(1, 0).s("flags"), &none)),
        ("stream-negative-count", stream(node(-1, 0), &none)),
        (
            "stream-field-count",
            stream(lp().i(1).i(0).i(1 << 40).s("a"), &none),
        ),
        (
            "stream-own-fields",
            stream(node(1, 0).i(0).i(0).i(0).i(1 << 40).s("f").s("v"), &none),
        ),
        (
            "stream-cut-values",
            stream(node(1, 0).i(2).i(0).i(0).s("1"), &none),
        ),
        (
            "stream-empty-node",
            stream(
                same(node(0, 1), 1, 0, 0, ["1", "2"]),
                "00 01 01 | 00 00 | 00 00 | 01 | 00",
            ),
        ),
        (
            "stream-group-twice",
            with(format!(
                "{COUNTERS} 02 01 \"g\" 01 00 00 00 00 01 \"g\" 01 00 00 00 00"
            )),
        ),
        (
            "stream-consumer-twice",
            with(group(&[], &[consumer("c", &[]), consumer("c", &[])])),
        ),
        (
            "stream-pending-unknown",
            with(group(&[0], &[consumer("c", &[0, 1])])),
        ),
        (
            "stream-pending-unowned",
            with(group(&[0, 1], &[consumer("c", &[1])])),
        ),
        (
            "stream-two-owners",
            with(group(&[0], &[consumer("c", &[0]), consumer("d", &[0])])),
        ),
        (
            "stream-pending-order",
            with(group(&[1, 0], &[consumer("c", &[0, 1])])),
        ),
        (
            "stream-pending-twice",
            with(group(&[1, 1], &[consumer("c", &[1])])),
        ),
        ("stream-idmp-duration", idmp("00 4064 00 00 00")),
        ("stream-idmp-maximum", idmp("4064 6711 00 00 00")),
        (
            "stream-producer-twice",
            idmp("4064 4064 02 01 \"p\" 00 01 \"p\" 00 00 00"),
        ),
        ("stream-nacked", nack(&[0])),
        ("stream-nacked-owned", nack(&[0, 1])),
        ("stream-nacked-unknown", nack(&[0, 9])),
    ]
}

fn bad_new_types() -> Vec<(&'static str, Vec<u8>)> {
    let template = |text: &str| Rdb::new("REDIS0015").hex(text).key(0, "k").text(b"v").end();
    let two = "F2 05 02 01 \"a\" 01 \"b\"";
    vec![
        ("array-empty", redis(28, hex("00 00"))),
        ("array-cursor", redis(28, hex("01 02 00 00 00"))),
        ("array-tag", redis(28, hex("01 00 00 04 00"))),
        (
            "array-order",
            redis(28, hex("02 00 05 00 01 \"a\" 05 00 01 \"b\"")),
        ),
        (
            "array-small-string",
            redis(28, hex("01 00 00 03 08 \"12345678\"")),
        ),
        ("gcra-beyond", redis(33, hex("81 8000000000000000"))),
        ("template-unsorted", template("F2 05 02 01 \"b\" 01 \"a\"")),
        (
            "template-same-fields",
            template("F2 05 02 01 \"a\" 01 \"a\""),
        ),
        ("template-without-fields", template("F2 05 00")),
        ("template-twice", template(&format!("{two} {two}"))),
        ("template-unknown", redis(32, hex("05 01 \"1\""))),
        (
            "template-unknown-listpack",
            blob(30, &lp().i(5).s("1").end()),
        ),
        ("template-id-text", blob(30, &lp().s("five").s("1").end())),
        ("template-id-negative", blob(30, &lp().i(-5).s("1").end())),
        (
            "template-too-few",
            template(&format!("{two} 1E 01 \"t\" 0B 0B000000 0200 0501 0101 FF")),
        ),
        (
            "template-too-many",
            template(&format!(
                "{two} 1E 01 \"t\" 0F 0F000000 0400 0501 0101 0101 0101 FF"
            )),
        ),
        ("template-names-format", redis(29, hex("02 00"))),
    ]
}
