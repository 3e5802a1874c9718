//! Fuzzing: a target for each parser, and a harness that any `cargo test` runs for a moment.
//!
//! `REDISK_FUZZ_SECONDS=3600 cargo test --test main fuzz:: -- --nocapture` runs each for an hour, and `fuzz::glob` instead of
//! `fuzz::` one of them. `REDISK_FUZZ_SEED` is another chance. An input that fails is kept below `target/` and named; once
//! the fault is mended it goes to `testdata/corrupt/fuzz-<target>-<what>` (`.rdb` for files), where every later run begins.

pub(crate) mod harness;
mod repair;
pub(crate) mod targets;

use crate::support::rdb::{Put, Rdb, hex, intset, lp, ziplist, zs};
use crate::support::{files, made, name, run, testdata};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::Chance;
use std::io::Write;

/// Leaves an input as it is.
fn as_it_is(_data: &mut Vec<u8>, _chance: &mut Chance) {}

/// Mostly gives a packed blob the size in its header that it has.
#[allow(clippy::ptr_arg, reason = "one of the functions that change an input")]
fn sized(data: &mut Vec<u8>, chance: &mut Chance) {
    let total = (data.len() as u32).to_le_bytes();
    if chance.below(8) > 0
        && let Some(size) = data.first_chunk_mut::<4>()
    {
        *size = total;
    }
}

/// Files that earlier runs have found.
fn found(target: &str) -> Vec<Vec<u8>> {
    let all = std::fs::read_dir(testdata("corrupt")).unwrap();
    let paths = all.map(|entry| entry.unwrap().path());
    let ours = paths
        .filter(|p| name(p).starts_with(&format!("fuzz-{target}-")) && !name(p).ends_with(".err"));
    ours.map(|p| std::fs::read(p).unwrap()).collect()
}

/// `inputs` is how many are tried where no time is given.
fn fuzz(target: &str, inputs: u64, mut seeds: Vec<Vec<u8>>, mend: fn(&mut Vec<u8>, &mut Chance)) {
    seeds.extend(found(target));
    let all = targets::ALL;
    let (name, function) = all.iter().find(|(name, _)| *name == target).unwrap();
    harness::run(name, *function, inputs, seeds, mend);
}

fn listpacks() -> Vec<Vec<u8>> {
    vec![
        lp().end(),
        lp().i(5)
            .s("a")
            .i(-1)
            .i(300)
            .i(1 << 40)
            .s([b'x'; 100])
            .end(),
        lp().s("a").s("b").counting(65535),
        lp().s([b'x'; 16378]).i(7).end(),
        lp().i(1)
            .i(0)
            .i(1)
            .s("f")
            .i(0)
            .i(2)
            .i(0)
            .i(0)
            .s("v")
            .i(4)
            .end(),
        lp().s("f")
            .s("v")
            .i(1_893_456_000_000)
            .s("g")
            .s("w")
            .i(0)
            .end(),
    ]
}

fn ziplists() -> Vec<Vec<u8>> {
    let long = zs(&[b'x'; 300]);
    vec![
        ziplist(&[]),
        ziplist(&[
            &[0xf6],
            &zs(b"a"),
            &long,
            &[0xfe, 0x80],
            &[0xc0, 1, 2],
            &[0xf0, 1, 2, 3],
        ]),
        ziplist(&[
            &zs(b"m"),
            &zs(b"1.5"),
            &[0xd0, 1, 2, 3, 4],
            &[0xe0, 1, 2, 3, 4, 5, 6, 7, 8],
        ]),
    ]
}

fn zipmaps() -> Vec<Vec<u8>> {
    let long =
        vec![2u8].hex("01 \"a\" 01 02 \"b\" 0000 FE 05000000 \"field\" FE 02000000 00 \"vv\" FF");
    vec![hex("01 01 \"a\" 01 00 \"b\" FF"), long, hex("00 FF")]
}

fn intsets() -> Vec<Vec<u8>> {
    vec![
        intset(2, &[-1, 5]),
        intset(4, &[1, 2, 3]),
        intset(8, &[i64::MIN, 0, i64::MAX]),
    ]
}

#[test]
fn listpack_blob() {
    fuzz("listpack", 20000, listpacks(), sized);
}

#[test]
fn ziplist_blob() {
    fuzz("ziplist", 20000, ziplists(), sized);
}

#[test]
fn zipmap_blob() {
    fuzz("zipmap", 20000, zipmaps(), as_it_is);
}

#[test]
fn intset_blob() {
    fuzz("intset", 20000, intsets(), as_it_is);
}

#[test]
fn lzf() {
    let seed = |promised: u16, text: &str| promised.to_le_bytes().to_vec().hex(text);
    let mut seeds = vec![
        seed(21, "01 61 61 E0 0A 00"),
        seed(6, "02 616263 20 02"),
        seed(265, "00 78 E0 FF 00"),
        seed(0, ""),
    ];
    let text = b"to be or not to be, that is the question; to be or not to be".repeat(3);
    let mut packed = Vec::new();
    assert!(redisk::packed::lzf::Encoder::new().encode(&text, 1000, &mut packed));
    seeds.push((text.len() as u16).to_le_bytes().to_vec().raw(&packed));
    fuzz("lzf", 20000, seeds, as_it_is);
}

#[test]
fn string() {
    let text = Vec::new()
        .text(b"abc")
        .num(300)
        .hex("C0 05 41 00 C1 0102 05 C2 01020304 00")
        .lzf(&[b'a'; 100]);
    fuzz(
        "string",
        20000,
        vec![
            text,
            hex("80 00000001 61"),
            hex("81 0000000000000001 61 05"),
        ],
        as_it_is,
    );
}

/// Puts a packed blob into a file of its own, as a value of some type.
fn wrapped(data: &mut Vec<u8>, chance: &mut Chance) {
    if data.starts_with(b"REDIS") || data.starts_with(b"VALKEY") || chance.below(8) == 0 {
        return;
    }
    if chance.below(4) > 0 && data.len() >= 4 {
        sized(data, chance);
    }
    let f = Rdb::new("REDIS0015").hex("F2 05 01 01 \"a\" F2 07 02 01 \"a\" 01 \"b\" FE 00");
    let code = *chance.pick(&[
        9u8, 10, 11, 12, 13, 14, 16, 17, 18, 20, 21, 23, 25, 26, 29, 30,
    ]);
    let f = f.key(code, "k");
    let f = match code {
        14 => f.num(2).text(&ziplist(&[&zs(b"a")])).text(data),
        18 => f.num(2).num(1).text(b"x").num(2).text(data),
        21 => f
            .num(1)
            .num(16)
            .id(1, 0)
            .text(data)
            .hex("01 01 00 01 00 00 00 01 00"),
        26 => f
            .num(1)
            .num(16)
            .id(1, 0)
            .text(data)
            .hex("01 01 00 01 00 00 00 01 00 4064 4064 00 00 00"),
        25 => f.le64(0).text(data),
        29 => f.num(0).text(data).text(&lp().i(1).s("a").end()),
        _ => f.text(data),
    };
    *data = f.key(0, "behind").text(b"v").end();
}

#[test]
fn rdb() {
    let mut seeds: Vec<Vec<u8>> = made::intact().into_iter().map(|(_, bytes)| bytes).collect();
    seeds.extend(made::damaged().into_iter().map(|(_, bytes)| bytes));
    for path in files("rdb", ".rdb") {
        seeds.push(run::read(&path).to_vec());
    }
    seeds.retain(|s| s.len() < 6000);
    // Blobs get a file around them.
    for blob in [listpacks(), ziplists(), zipmaps(), intsets()].concat() {
        seeds.push(blob.clone());
        seeds.push(blob);
    }
    fuzz("rdb", 3000, seeds, wrapped);
}

#[test]
fn payload() {
    let vectors = std::fs::read_to_string(testdata("dump-vectors.jsonl")).unwrap();
    let payload = |line: &str| {
        let v: serde_json::Value = serde_json::from_str(line).unwrap();
        STANDARD.decode(v["dump"].as_str().unwrap()).unwrap()
    };
    let mut seeds: Vec<Vec<u8>> = vectors.lines().map(payload).collect();
    seeds.push(hex("F3 01 18831000 0207 00 00 C001 0D00 0000000000000000"));
    seeds.push(hex(
        "1F 01 02 06 \"field1\" 06 \"field2\" C001 C002 0F00 0000000000000000",
    ));
    seeds.retain(|s| s.len() < 4000);
    fuzz("payload", 10000, seeds, as_it_is);
}

#[test]
fn glob() {
    let patterns = [
        "*\0abc",
        "a*b?c\0axxbyc",
        "[a-z]*[^0-9]\0key",
        "h[\\]]llo\0h]llo",
        "a\\*b\0a*b",
        "[\0[",
        "**a**b*c*\0aXbXc",
    ];
    fuzz(
        "glob",
        30000,
        patterns.iter().map(|p| p.as_bytes().to_vec()).collect(),
        as_it_is,
    );
}

#[test]
fn codec() {
    let data = Rdb::new("REDIS0011").key(0, "k").text(&[b'v'; 500]).end();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&data).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(data.as_slice(), 3).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(&data).unwrap();
    let lz4 = lz4.finish().unwrap();
    let vkcs = b"VKCS\x01\x01\x00\x00".to_vec().raw(&lz4);
    let twice = zstd::encode_all(gzip.as_slice(), 1).unwrap();
    fuzz(
        "codec",
        5000,
        vec![data, gzip, zstd, lz4, vkcs, twice],
        as_it_is,
    );
}

/// Logs of the test data, and commands with every liberty that loaders leave.
fn logs() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = files("aof", ".aof")
        .iter()
        .map(|path| run::read(path).to_vec())
        .collect();
    seeds.push(
        b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n#TS:1700000000\r\n*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nEXEC\r\n".to_vec(),
    );
    seeds.push(
        b"* 2x\r\n$+3\nGET::$01\r\nk\n\n*3\r\n$3\r\nSET\r\n$0\r\n\r\n$2\r\n\r\n\r\n".to_vec(),
    );
    seeds.retain(|s| s.len() < 6000);
    seeds
}

/// Commands are mostly words and numbers: changes of single bytes seldom hit what matters.
fn worded(data: &mut Vec<u8>, chance: &mut Chance) {
    const WORDS: [&[u8]; 20] = [
        b"*1\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"*2147483648\r\n",
        b"$1\r\n",
        b"$0\r\n\r\n",
        b"$-1\r\n",
        b"$9999999999\r\n",
        b"\r\n",
        b"\n",
        b"\0",
        b"#TS:1\r\n",
        b"#",
        b"*1\r\n$5\r\nMULTI\r\n",
        b"*1\r\n$4\r\nEXEC\r\n",
        b"*3\r\n$3\r\nSET\r\n",
        b"file a seq 2 type i\n",
        b" startoffset -7",
        b"\"\\x41'\" ",
        b" type h ",
    ];
    for _ in 0..chance.below(3) {
        let at = chance.below(data.len() + 1);
        let word = chance.pick(&WORDS);
        data.splice(at..at, word.iter().copied());
    }
}

#[test]
fn resp() {
    fuzz("resp", 10000, logs(), worded);
}

#[test]
fn aof() {
    fuzz("aof", 1500, logs(), worded);
}

#[test]
fn repaired_log() {
    fuzz("repaired-log", 1500, logs(), worded);
}

#[test]
fn repaired_rdb() {
    let small = |path: &std::path::PathBuf| std::fs::metadata(path).unwrap().len() < 2000;
    let mut seeds: Vec<Vec<u8>> = files("rdb", ".rdb")
        .iter()
        .filter(|path| small(path))
        .map(|path| run::read(path).to_vec())
        .collect();
    seeds.retain(|s| !s.starts_with(b"REDIS0006"));
    fuzz("repaired-rdb", 600, seeds, as_it_is);
}

#[test]
fn manifest() {
    let texts: [&[u8]; 4] = [
        b"file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.1.incr.aof seq 1 type h\nfile appendonly.aof.2.incr.aof seq 2 type i startoffset 1234\n",
        b"# a comment\n \tTYPE incremental SEQ 7x FILE 'it\\'s' new \"\" \r\n",
        b"file \"my log \\xc5\\x81\\\"x\\a.1.incr.aof\" seq 1 type i endoffset -5\n",
        b"file a seq 1 type b shard 3 \"odd key\" \"\\x00\"\nfile b seq 1 type b\n",
    ];
    let mut seeds: Vec<Vec<u8>> = texts.iter().map(|t| t.to_vec()).collect();
    // At the border of a line.
    seeds.push([&b"file a seq 1 type b x "[..], &b"y".repeat(1001), b"\n"].concat());
    fuzz("manifest", 20000, seeds, worded);
}

/// Whole words of JSON, and the brackets around them.
fn spelled(data: &mut Vec<u8>, chance: &mut Chance) {
    const WORDS: [&[u8]; 26] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\\",
        b"\n",
        b"null",
        b"true",
        b"-0.0",
        b"1e308",
        b"18446744073709551615",
        b"-9223372036854775808",
        b"\"5-18446744073709551615\"",
        b"\"nan\"",
        b"\\ud83d\\ude00",
        b"{\"base64\":\"/w==\"}",
        b"\"encoding\":\"listpackex\",",
        b"\"encoding\":\"intset\",",
        b"\"type\":\"hash\",",
        b"\"type\":\"zset\",",
        b"\"freq\":7,",
        b"{\"rdb\":{\"magic\":\"VALKEY\",\"version\":80}}\n",
        b"[\"f\",\"v\",281474976710655],",
    ];
    for _ in 0..chance.below(3) {
        let at = chance.below(data.len() + 1);
        let word = chance.pick(&WORDS);
        data.splice(at..at, word.iter().copied());
    }
}

#[test]
fn jsonl() {
    let mut seeds: Vec<Vec<u8>> = files("rdb", ".jsonl")
        .iter()
        .filter(|path| name(path).starts_with("made-"))
        .map(|path| run::read(path).to_vec())
        .collect();
    // Single lines, too: more of the changes hit what is read.
    let lines: Vec<Vec<u8>> = seeds
        .iter()
        .flat_map(|text| text.split(|b| *b == b'\n').map(<[u8]>::to_vec))
        .collect();
    seeds.extend(lines);
    seeds.retain(|s| s.len() < 4000);
    fuzz("jsonl", 5000, seeds, spelled);
}
