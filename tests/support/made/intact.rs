//! What is whole: every type, every form of its parts, every record.

use super::{T, node, own, same};
use crate::support::rdb::{Put, Rdb, hex, intset, lp, ziplist, zs};

/// Name and bytes of every intact one.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("strings", strings()),
        ("plain-v1", plain_v1()),
        ("zipmap", zipmap()),
        ("ziplists", ziplists()),
        ("intsets", intsets()),
        ("listpacks", listpacks()),
        ("doubles", doubles()),
        ("hash-ttl-pre-ga", hash_ttl_pre_ga()),
        ("hash-ttl", hash_ttl()),
        ("hash-2-valkey", hash_2_valkey()),
        ("streams", streams()),
        ("streams-empty", streams_empty()),
        ("stream-idmp", stream_idmp()),
        ("stream-nack", stream_nack()),
        ("arrays", arrays()),
        ("templates", templates()),
        (
            "gcra",
            Rdb::new("REDIS0014")
                .key(33, "limiter")
                .num(1_893_456_000_000_000)
                .end(),
        ),
        ("key-meta", key_meta()),
        ("noevict", noevict()),
        ("modules", modules()),
        ("records", records()),
        ("records-valkey", records_valkey()),
        ("order", order()),
        ("minimal", Rdb::new("REDIS0011").end()),
    ]
}

/// Every form of a string, as key and value.
fn strings() -> Vec<u8> {
    let mut f = Rdb::new("REDIS0009").hex("FE 00");
    let a20 = hex("14").raw(&[b'a'; 20]);
    let values: [(&str, Vec<u8>); 16] = [
        ("int8", hex("C0 80")),
        ("int16", hex("C1 0080")),
        ("int32", hex("C2 00000080")),
        ("above int32", hex("0A \"2147483648\"")),
        ("minus zero", hex("02 \"-0\"")),
        ("leading zeros", hex("03 \"007\"")),
        ("empty", hex("00")),
        ("20 a", a20),
        ("21 a", hex("C3 06 15 01 61 61 E0 0A 00")),
        ("length in two bytes", hex("40 03 \"abc\"")),
        ("length in five bytes", hex("80 00000003 \"abc\"")),
        ("length in nine bytes", hex("81 0000000000000003 \"abc\"")),
        ("63", Vec::new().text(&[b'x'; 63])),
        ("64", Vec::new().text(&[b'x'; 64])),
        ("16383", Vec::new().text(&[b'x'; 16383])),
        ("16384", Vec::new().text(&[b'x'; 16384])),
    ];
    for (name, value) in values {
        f = f.key(0, name).raw(&value);
    }
    // Keys are strings as well.
    f.hex("00 C0 7B 01 \"v\"")
        .hex("00 C3 06 15 01 61 61 E0 0A 00 01 \"v\"")
        .hex("00 00 01 \"v\"")
        .end()
}

/// What Redis 1 wrote: no packed encodings, expiry in seconds, no checksum.
fn plain_v1() -> Vec<u8> {
    Rdb::new("REDIS0001")
        .hex("FE 00")
        .hex("FD 80 F2 DB 70")
        .key(0, "expires in 2030")
        .text(b"v")
        .key(1, "list")
        .num(3)
        .text(b"head")
        .hex("C0 05")
        .text(b"tail")
        .key(2, "set")
        .num(2)
        .text(b"b")
        .text(b"a")
        .key(3, "zset")
        .num(6)
        .text(b"a")
        .hex("FF")
        .text(b"b")
        .hex("13 \"0.10000000000000001\"")
        .text(b"c")
        .hex("01 \"2\"")
        .text(b"d")
        .hex("17 \"1.0000000000000001e+300\"")
        .text(b"e")
        .hex("02 \"-0\"")
        .text(b"f")
        .hex("FE")
        .key(4, "hash")
        .num(2)
        .text(b"field")
        .text(b"value")
        .hex("C0 01 C1 0001")
        .hex("FE 0F FD 01000080")
        .key(0, "expired in 1901")
        .text(b"v")
        .end()
}

fn zipmap() -> Vec<u8> {
    let long = [b'f'; 253];
    let longer = [b'v'; 254];
    let mut second = vec![2u8, 253]
        .raw(&long)
        .hex("FE FE000000 03")
        .raw(&longer)
        .raw(b"???");
    second = second.hex("01 \"x\" 00 00 FF");
    Rdb::new("REDIS0003")
        .hex("FE 00")
        .key(9, "a: b")
        .text(&hex("01 01 \"a\" 01 00 \"b\" FF"))
        .key(9, "long, free bytes, empty")
        .text(&second)
        .key(9, "count unknown")
        .text(&hex("FE 01 \"a\" 01 00 \"1\" 01 \"b\" 01 00 \"2\" FF"))
        .key(9, "compressed")
        .lzf(
            &vec![1u8]
                .hex("01 \"a\" 64 00")
                .raw(&[b'z'; 100])
                .raw(&[0xff]),
        )
        .end()
}

fn ziplists() -> Vec<u8> {
    let (s63, s64) = (zs(&[b'a'; 63]), zs(&[b'b'; 64]));
    let (s16383, s16384) = (zs(&vec![b'c'; 16383]), zs(&vec![b'd'; 16384]));
    let ints: [&[u8]; 9] = [
        &[0xf1],
        &[0xfd],
        &[0xfe, 0x80],
        &[0xc0, 0x00, 0x80],
        &[0xf0, 0x00, 0x00, 0x80],
        &[0xf0, 0xff, 0xff, 0x7f],
        &[0xd0, 0, 0, 0, 0x80],
        &[0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80],
        &[0x00],
    ];
    let entry = |s: &str| zs(s.as_bytes());
    let (a, b, c) = (entry("a"), entry("b"), entry("c"));
    let (half, inf) = (entry("0.5"), entry("inf"));
    // A long form of the size before, with a small size in it, as deletions leave it.
    let mut over_long = ziplist(&[&a, &b]);
    over_long.splice(13..14, hex("FE 03000000"));
    over_long[0] += 4;
    // Count 65535: walk to know.
    let mut unknown = ziplist(&[&a, &b, &c]);
    unknown[8..10].copy_from_slice(&[0xff, 0xff]);
    Rdb::new("REDIS0007")
        .hex("FE 00")
        .key(10, "the number 5")
        .text(&hex("0D000000 0A000000 0100 00F6 FF"))
        .key(10, "integers")
        .text(&ziplist(&ints))
        .key(10, "strings")
        .lzf(&ziplist(&[&s63, &s64, &s16383, &s16384, &a]))
        .key(10, "long form of a small size")
        .text(&over_long)
        .key(10, "count unknown")
        .text(&unknown)
        .key(12, "zset")
        .text(&ziplist(&[
            &c,
            &[0xfe, 0xff],
            &a,
            &half,
            &b,
            &half,
            &[0xf2],
            &inf,
        ]))
        .key(13, "hash")
        .text(&ziplist(&[&a, &[0xf2], &[0xf3], &b]))
        .key(14, "quicklist")
        .num(3)
        .text(&ziplist(&[&a, &b]))
        .text(&ziplist(&[]))
        .lzf(&ziplist(&[&s64, &c]))
        .end()
}

fn intsets() -> Vec<u8> {
    let (min, max) = (i64::MIN, i64::MAX);
    Rdb::new("REDIS0006")
        .hex("FE 00")
        .key(11, "of 2 bytes")
        .text(&hex("02000000 02000000 FFFF 0500"))
        .key(11, "of 4 bytes")
        .text(&intset(4, &[-2_147_483_648, 0, 2_147_483_647]))
        .key(11, "of 8 bytes")
        .text(&intset(8, &[min, -1, max]))
        .key(11, "wider than needed")
        .text(&intset(8, &[1, 2, 3]))
        .key(11, "compressed")
        .lzf(&intset(4, &(0..100).collect::<Vec<_>>()))
        .end()
}

fn listpacks() -> Vec<u8> {
    let borders = [0, 127, 128, 4095, -1, -4096, 4096, 32767, -32768, 32768];
    let more = [
        8_388_607,
        -8_388_608,
        8_388_608,
        i64::from(i32::MIN),
        1 << 40,
        i64::MIN,
        i64::MAX,
    ];
    let ints = borders
        .iter()
        .chain(&more)
        .fold(lp(), |lp, v| lp.i(*v))
        .end();
    // At 127, 128, 16382 and 16384 bytes of encoding and data, the length behind grows or nearly does.
    let sizes = [0, 63, 64, 125, 126, 4095, 4096, 16377, 16379, 20000];
    let texts = sizes.iter().fold(lp(), |lp, n| lp.s(vec![b's'; *n]));
    // Forms longer than needed.
    let long = lp()
        .entry(&hex("C0 05"))
        .entry(&hex("F4 0500000000000000"))
        .entry(&hex("F0 02000000 \"ab\""));
    Rdb::new("REDIS0011")
        .hex("FE 00")
        .key(18, "the number 5")
        .num(1)
        .num(2)
        .text(&hex("09000000 0100 0501 FF"))
        .key(18, "integers")
        .num(1)
        .num(2)
        .text(&ints)
        .key(18, "strings, plain and packed nodes")
        .num(4)
        .num(2)
        .lzf(&texts.end())
        .num(1)
        .text(b"plain")
        .num(1)
        .lzf(&[b'p'; 9000])
        .num(2)
        .text(&lp().s("last").end())
        .key(18, "over-long forms")
        .num(1)
        .num(2)
        .text(&long.end())
        .key(20, "set, count unknown")
        .text(&lp().s("b").s("a").i(7).counting(65535))
        .key(16, "hash")
        .text(&lp().s("f").i(1).i(2).s("v").end())
        .key(17, "zset")
        .text(
            &lp()
                .s("c")
                .s("-inf")
                .s("a")
                .i(-1)
                .s("b")
                .s("1e-7")
                .s("d")
                .s("1e-7")
                .i(5)
                .i(3)
                .end(),
        )
        .end()
}

/// Scores in 8 bytes.
fn doubles() -> Vec<u8> {
    let scores = [
        -0.0,
        0.0,
        0.1,
        -1.5,
        5e-324,
        1e300,
        9_007_199_254_740_993.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    let mut f = Rdb::new("REDIS0008")
        .hex("FE 00")
        .key(5, "zset")
        .num(scores.len() as u64);
    for (i, score) in scores.iter().enumerate() {
        f = f.text(format!("m{i}").as_bytes()).raw(&score.to_le_bytes());
    }
    f.end()
}

/// Field expiries as release candidates of 7.4 wrote them.
fn hash_ttl_pre_ga() -> Vec<u8> {
    Rdb::new("REDIS0012")
        .hex("FE 00")
        .key(22, "metadata")
        .num(2)
        .num(T as u64)
        .text(b"expires")
        .text(b"1")
        .num(0)
        .text(b"stays")
        .text(b"2")
        .key(23, "listpack")
        .text(
            &lp()
                .s("expires")
                .s("1")
                .i(T)
                .s("later")
                .i(5)
                .i(T + 1)
                .s("stays")
                .s("2")
                .i(0)
                .end(),
        )
        .end()
}

fn hash_ttl() -> Vec<u8> {
    Rdb::new("REDIS0012")
        .hex("FE 00")
        .key(24, "relative to the minimum")
        .le64(T)
        .num(3)
        .num(1)
        .text(b"the minimum itself")
        .text(b"1")
        .num(0)
        .text(b"stays")
        .text(b"2")
        .num(1001)
        .text(b"a second later")
        .text(b"3")
        .hex("FC")
        .le64(T + 5)
        .key(25, "listpack, and the key expires")
        .le64(T)
        .text(
            &lp()
                .s("a")
                .s("1")
                .i(T)
                .s("b")
                .s("2")
                .i((1 << 48) - 1)
                .s("c")
                .s("3")
                .i(0)
                .end(),
        )
        .key(25, "no expiry is left")
        .le64(0)
        .text(&lp().s("a").s("1").i(0).end())
        .key(25, "compressed")
        .le64(T)
        .lzf(&lp().s("a").s([b'v'; 200]).i(T).end())
        .end()
}

/// Code 22 means something else in Valkey's files.
fn hash_2_valkey() -> Vec<u8> {
    Rdb::new("VALKEY080")
        .hex("FE 00")
        .key(22, "hash")
        .num(3)
        .text(b"expires")
        .text(b"1")
        .le64(T)
        .text(b"stays")
        .text(b"2")
        .le64(-1)
        .text(b"beyond what Redis takes")
        .text(b"3")
        .le64(i64::MAX)
        .end()
}

/// Two nodes: tombstones, the master's fields and others, a sequence that starts anew.
fn nodes(f: Rdb) -> Rdb {
    let first = same(node(3, 1), 1, 0, 0, ["gone", "gone"]);
    let first = same(first, 0, 0, 1, ["1", "2"]);
    let first = own(first, 5, -7, "other", "3");
    let first = same(first, 0, 6, -7, ["4", ""]);
    let second = same(node(1, 1), 0, 0, 0, ["5", "6"]);
    let second = same(second, 1, 1, 0, ["gone", &"x".repeat(60)]);
    f.num(2)
        .num(16)
        .id(1000, 7)
        .text(&first.end())
        .num(16)
        .id(2000, 0)
        .lzf(&second.end())
}

/// What follows the nodes; `version` 1 to 5.
fn counters(f: Rdb, version: u8) -> Rdb {
    let f = f.num(4).num(2001).num(3);
    if version < 2 {
        return f;
    }
    f.num(1000).num(8).num(2001).num(0).num(6)
}

/// Two groups: one with two consumers that have entries pending, one that has nothing.
fn groups(f: Rdb, version: u8) -> Rdb {
    let read = |f: Rdb, n: u64| if version >= 2 { f.num(n) } else { f };
    let active = |f: Rdb, ms: i64| if version >= 3 { f.le64(ms) } else { f };
    let f = f.num(2).text(b"workers").num(1005).num(0);
    let f = read(f, 2).num(3);
    let f = f
        .id(1000, 8)
        .le64(T)
        .num(1)
        .id(1005, 0)
        .le64(T + 1)
        .num(300)
        .id(1999, 0)
        .le64(T + 2)
        .num(1);
    let f = f.num(3).text(b"ann").le64(T + 3);
    let f = active(f, T + 2).num(2).id(1000, 8).id(1999, 0);
    let f = f.text(b"bob").le64(T + 4);
    let f = active(f, T + 1).num(1).id(1005, 0);
    let f = f.text(b"idle").le64(T + 5);
    let f = active(f, -1).num(0);
    let f = if version >= 5 { f.num(0) } else { f };
    let f = f.text(b"").num(0).num(0);
    let f = if version >= 2 {
        f.hex("81 FFFFFFFFFFFFFFFF")
    } else {
        f
    }
    .num(0)
    .num(0);
    if version >= 5 { f.num(0) } else { f }
}

fn streams() -> Vec<u8> {
    let mut f = Rdb::new("REDIS0015").hex("FE 00");
    for (version, code) in [(1, 15), (2, 19), (3, 21), (4, 26), (5, 27)] {
        f = f.key(code, &format!("version {version}"));
        f = groups(counters(nodes(f), version), version);
        if version >= 4 {
            f = f.hex("4064 4064 00 00 00");
        }
    }
    f.end()
}

fn streams_empty() -> Vec<u8> {
    Rdb::new("REDIS0015")
        .hex("FE 00")
        .key(15, "version 1")
        .hex("00 00 01 01 00")
        .key(19, "version 2")
        .hex("00 00 01 01 00 00 01 01 01 00")
        .key(21, "version 3")
        .hex("00 00 01 01 00 00 01 01 01 00")
        .key(26, "version 4")
        .hex("00 00 01 01 00 00 01 01 01 00 4064 4064 00 00 00")
        .key(27, "version 5")
        .hex("00 00 01 01 00 00 01 01 01 00 4064 4064 00 00 00")
        .end()
}

/// The idempotence state of version 4.
fn stream_idmp() -> Vec<u8> {
    let f = Rdb::new("REDIS0013").hex("FE 00").key(26, "one producer");
    let f = groups(counters(nodes(f), 4), 4).hex("4064 4064 01 | 01 70 | 01 | 01 69 01 01 | 01 00");
    let f = f
        .key(26, "many producers")
        .hex("00 00 01 01 00 00 01 01 01 00");
    // The longest times and the largest maximum; a producer with nothing, one with an empty id; counters of any value.
    f.num(86400)
        .num(10000)
        .num(3)
        .text(b"")
        .num(0)
        .text(b"p")
        .num(2)
        .text(b"")
        .num(5)
        .num(0)
        .text(&hex("00112233445566778899AABBCCDDEEFF"))
        .num(4)
        .num(9)
        .text(b"q")
        .num(1)
        .text(b"i")
        .num(u64::MAX)
        .num(u64::MAX)
        .num(u64::MAX)
        .num(2)
        .end()
}

/// Entries given back, of version 5.
fn stream_nack() -> Vec<u8> {
    let f = counters(
        nodes(Rdb::new("REDIS0014").hex("FE 00").key(27, "nacked")),
        5,
    );
    let f = f.num(1).text(b"g").num(2000).num(0).num(4).num(3);
    let f = f
        .id(1000, 8)
        .le64(T)
        .num(1)
        .id(1005, 0)
        .le64(T)
        .num(2)
        .id(2000, 0)
        .le64(T)
        .num(3);
    let f = f.num(1).text(b"c").le64(T).le64(T).num(1).id(1005, 0);
    // In the order of the zone, not of the ids.
    f.num(2)
        .id(2000, 0)
        .id(1000, 8)
        .hex("4064 4064 00 00 00")
        .end()
}

fn arrays() -> Vec<u8> {
    Rdb::new("REDIS0014")
        .hex("FE 00")
        .key(28, "all tags, with a cursor")
        .num(7)
        .num(1)
        .num(9)
        .num(0)
        .num(0)
        .text(b"a string of over seven bytes")
        .num(1)
        .num(1)
        .le64(-(1 << 61))
        .num(2)
        .num(2)
        .raw(&1.5f64.to_le_bytes())
        .num(3)
        .num(2)
        .raw(&3.0f64.to_le_bytes())
        .num(9)
        .num(3)
        .text(b"small")
        .num(10)
        .num(0)
        .lzf(&[b'x'; 100])
        .num(u64::MAX - 1)
        .num(3)
        .text(b"")
        .key(28, "no cursor, a short string under the long tag")
        .num(1)
        .num(0)
        .num(5)
        .num(0)
        .text(b"ab")
        .end()
}

fn templates() -> Vec<u8> {
    let names = lp().s("field1").s("field2").end();
    let two = |id: i64| lp().i(id).i(1).s("two").end();
    Rdb::new("REDIS0015")
        // The second is referred to by nobody.
        .hex("F2 05 02 06 \"field1\" 06 \"field2\"")
        .hex("F2 4100 01 01 \"z\"")
        .hex("FE 00")
        .key(30, "listpack by reference")
        .text(&two(5))
        .key(32, "array by reference")
        .num(5)
        .hex("C001 C002")
        .raw(&[29])
        .text(b"the example with a listpack of names")
        .hex("00 17 <17000000 0200 86 \"field1\" 07 86 \"field2\" 07 FF> 0D <0D000000 0300 00 01 01 01 02 01 FF>")
        .raw(&[31])
        .text(b"the example with names one by one")
        .hex("01 02 06 \"field1\" 06 \"field2\" C001 C002")
        .key(29, "listpack, names one by one")
        .hex("01 02 06 \"field1\" 06 \"field2\"")
        .text(&two(-7))
        .key(31, "array, a listpack of names")
        .num(0)
        .lzf(&lp().s([b'n'; 100]).s([b'n'; 101]).end())
        .text(b"1")
        .lzf(&[b'2'; 50])
        .key(31, "names that are integers")
        .num(0)
        .text(&lp().i(7).i(300).end())
        .text(b"seven")
        .text(b"three hundred")
        .key(31, "the names once more")
        .num(0)
        .text(&names)
        .text(b"")
        .text(b"")
        .end()
}

fn key_meta() -> Vec<u8> {
    // The example: class ABCD of version 3, with one field of each kind.
    let abcd = "18831000 0207 05026869 04000000000000F83F 0281FFFFFFFFFFFFFFFF 030000C03F 00";
    Rdb::new("REDIS0013")
        .hex("FE 00")
        .hex(&format!("F3 01 {abcd} | 00 0161 C001"))
        // Everything in its order: expiry, LFU, metadata.
        .hex("FC")
        .le64(T)
        .hex("F9 06")
        .hex("F3 02 F9FDEF6B 00")
        .hex(abcd)
        .key(0, "two classes, an expiry, a frequency")
        .text(b"v")
        .hex("F3 00")
        .key(0, "no class")
        .text(b"v")
        .hex("F3 01 F9FDEF6B 05")
        .lzf(&[b'm'; 100])
        .hex("00")
        .key(2, "a compressed string in it")
        .num(1)
        .text(b"m")
        .key(0, "none")
        .text(b"v")
        .end()
}

fn noevict() -> Vec<u8> {
    Rdb::new("REDIS0016")
        .hex("FE 00 F1")
        .key(0, "kept")
        .text(b"v")
        .hex("FC")
        .le64(T)
        .hex("F8 4100 F1 F3 01 F9FDEF6B 00")
        .key(0, "everything at once")
        .text(b"v")
        .key(0, "not kept")
        .text(b"v")
        .end()
}

fn modules() -> Vec<u8> {
    let id = "81 B5EB2DFFFADD6C01";
    Rdb::new("REDIS0011")
        .hex("F7")
        .hex(id)
        .hex("02 01 | 05 06 \"before\" 00")
        .hex("FE 00")
        .key(7, "one of each")
        .hex(id)
        .hex("01 05 | 02 81 FFFFFFFFFFFFFFFF | 03 0000C03F | 04 000000000000F83F | 05 02 \"hi\" | 05 C0 07 | 05")
        .lzf(&[b'm'; 100])
        .hex("00")
        .key(7, "nothing")
        .hex(id)
        .hex("00")
        .key(7, "vector set by name alone")
        .hex("81 BDE72DA2BB1EB400 02 03 00")
        .hex("F7")
        .hex(id)
        .hex("02 02 | 05")
        .lzf(&[b'a'; 100])
        .hex("00")
        .end()
}

/// Records that are no keys, as Redis writes them.
fn records() -> Vec<u8> {
    let other = b"#!lua name=other\nredis.register_function('g', function() return 2 end)\n";
    Rdb::new("REDIS0012")
        .aux("redis-ver", "8.6.3")
        .hex("FA 0A \"redis-bits\" C0 40")
        .hex("FA 10 \"cluster-asm-task\" 00")
        .aux("%private", "logged")
        .aux("\u{1b}[31m", "painted")
        .hex("F5")
        .text(b"#!lua name=lib\nredis.register_function('f', function() return 1 end)")
        .hex("F5")
        .lzf(&[other.as_slice(), &[b'-'; 200]].concat())
        .hex("FE 00 FB 03 01")
        .hex("F4 4CE4 01 00")
        .key(0, "a")
        .text(b"1")
        .hex("FC 0100000000000000")
        .key(0, "expired long ago")
        .text(b"1")
        .hex("FC FEFFFFFFFFFFFFFF")
        .key(0, "expired before 1970")
        .text(b"1")
        .hex("FC FFFFFFFFFFFFFFFF")
        .key(0, "never expires")
        .text(b"1")
        .hex("F8 80 00010000")
        .key(0, "idle")
        .text(b"1")
        .hex("F9 FF")
        .key(0, "frequent")
        .text(b"1")
        .end()
}

fn records_valkey() -> Vec<u8> {
    Rdb::new("VALKEY080")
        .aux("valkey-ver", "9.1.2")
        .hex("F3")
        .text(b"a-name-as-long-as-that-of-a-cluster-node")
        .hex("02 00 4100 80 00001000 7FFF")
        .hex("F3")
        .text(b"0123456789abcdef0123456789abcdef01234567")
        .hex("00")
        .hex("FE 00 FB 01 00")
        .hex("FA 09 \"slot-info\" 0A \"3300,1,0,0\"")
        .key(0, "a")
        .text(b"1")
        .hex("F4 4CE4 01 00")
        .key(0, "b")
        .text(b"2")
        .end()
}

/// What loaders accept though no server writes it so.
fn order() -> Vec<u8> {
    Rdb::new("REDIS0009")
        // No database was chosen: it is 0.
        .key(0, "first")
        .text(b"1")
        .hex("FE 02")
        .key(0, "first")
        .text(b"other db")
        .hex("FE 00")
        // Attributes wait for their key, across other records.
        .hex("FC")
        .le64(T)
        .aux("in", "between")
        .hex("FB 05 05")
        .hex("F8 07")
        .hex("FE 03")
        .key(0, "second")
        .text(b"2")
        .key(0, "third")
        .text(b"3")
        // The last one counts.
        .hex("F8 01 F9 02 F8 03 FD 01000000 FC")
        .le64(T)
        .key(0, "many attributes")
        .text(b"4")
        // Databases of any number; the end may have none.
        .hex("FE 81 00000000FFFFFFFF FE 4100")
        .key(0, "k")
        .text(b"v")
        .hex("FE 05")
        .end()
}
