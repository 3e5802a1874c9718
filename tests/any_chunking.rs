//! The same bytes give the same results, however they arrive, whatever the sizes of blocks and pages, and on any number
//! of threads.

use crate::support::rdb::{Listpack, Put, Rdb, lp, ziplist, zs};
use crate::support::{files, name, run};
use redisk::input::open::Input;
use redisk::limits::Sizes;
use redisk::model::finding::Severity;
use redisk::sink::bytes::Binary;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What was got from one way of reading.
#[derive(PartialEq, Eq)]
struct Got {
    dump: run::Dumped,
    verdict: String,
}

fn read(
    input: &dyn Fn() -> redisk::Result<Input>,
    path: &Path,
    sizes: Sizes,
    threads: usize,
    binary: Binary,
) -> Got {
    let open = || {
        let mut input = input()?;
        // Keys that are there twice are looked at once more in the file.
        input.path = Some(path.to_owned());
        input.sizes = sizes;
        Ok(input)
    };
    let mut dump = run::dumped(open(), binary, false, threads);
    dump.without_the_broken();
    Got {
        dump,
        verdict: run::verified(open(), threads),
    }
}

const USUAL: fn() -> Sizes = Sizes::default;

/// Reads in many ways; all have to give the same.
fn same_every_way(path: &Path, bytes: &Arc<[u8]>, ways: &[(usize, Sizes, usize)], binary: Binary) {
    let name = name(path);
    let file = || run::as_file(&name, bytes);
    let want = read(&file, path, USUAL(), 1, binary);
    for &(step, sizes, threads) in ways {
        let inputs: [(&str, &dyn Fn() -> redisk::Result<Input>); 2] = [
            ("file", &file),
            ("pipe", &|| run::as_pipe(&name, bytes, step)),
        ];
        for (what, input) in inputs {
            if what == "file" && sizes == USUAL() && threads == 1 {
                continue;
            }
            let got = read(input, path, sizes, threads, binary);
            if got != want {
                let differs = if got.verdict == want.verdict {
                    format!(
                        "dump: {:?} where it was {:?}",
                        short(&got.dump),
                        short(&want.dump)
                    )
                } else {
                    format!("verify:\n{}where it was\n{}", got.verdict, want.verdict)
                };
                panic!(
                    "{name} as a {what}, {step} bytes at a time, {sizes:?}, {threads} threads: {differs}"
                );
            }
        }
    }
}

fn short(dump: &run::Dumped) -> (usize, Option<&String>, u64) {
    (dump.out.len(), dump.error.as_ref(), dump.keys)
}

/// Files that are read byte by byte in many ways.
const SMALL_FILE: u64 = 40_000;

fn all_files() -> Vec<PathBuf> {
    let mut all = files("rdb", ".rdb");
    all.extend(files("corrupt", ".rdb"));
    all
}

#[test]
fn small_files_in_every_way() {
    for path in all_files() {
        let bytes = run::read(&path);
        if bytes.len() as u64 > SMALL_FILE {
            continue;
        }
        let ways = [
            (1, USUAL(), 1),
            (7, USUAL(), 2),
            (4096, USUAL(), 4),
            (1, run::TINY, 1),
            (7, run::TINY, 2),
            (4096, run::SMALL, 1),
            (4096, run::SMALL, 4),
        ];
        same_every_way(&path, &bytes, &ways, Binary::Auto);
    }
}

#[test]
fn larger_files_in_some_ways() {
    for path in all_files() {
        let bytes = run::read(&path);
        if bytes.len() as u64 <= SMALL_FILE {
            continue;
        }
        let ways = [(7, run::TINY, 2), (4096, run::SMALL, 4)];
        same_every_way(&path, &bytes, &ways, Binary::Base64);
    }
}

/// Strings and blobs that are too long for one piece, in every place that can have them.
fn giants() -> Vec<u8> {
    let mut seed = 7u64;
    let mut noise = |n: usize| -> Vec<u8> {
        (0..n)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 60) as u8
            })
            .collect()
    };
    let giant = noise((1 << 20) + 5);
    let text = "żółw ".repeat(230_000).into_bytes();
    let packed = |lp: Listpack| lp.end();
    let f = Rdb::new("REDIS0015").hex("FE 00");
    let f = f.key(0, "raw").text(&giant).key(0, "lzf").lzf(&text);
    let f = f.key(1, "list").num(3).text(b"a").lzf(&giant).text(&text);
    let f = f
        .key(2, "set")
        .num(3)
        .text(&giant)
        .lzf(&text)
        .text(b"small");
    let f = f
        .key(4, "hash")
        .num(2)
        .text(&giant)
        .lzf(&text)
        .text(b"f")
        .text(&giant);
    let f = f
        .key(5, "zset")
        .num(2)
        .text(&giant)
        .le64(0)
        .lzf(&text)
        .le64(0);
    let f = f
        .key(18, "nodes")
        .num(3)
        .num(1)
        .text(&giant)
        .num(1)
        .lzf(&text);
    let f = f
        .num(2)
        .text(&packed(lp().s("before").s(&giant).s("behind")));
    // Expanded it is longer than what is expanded in memory.
    let long = (0..9).fold(lp(), |lp, i| lp.i(i).s(&text));
    let f = f.key(18, "long node").num(1).num(2).lzf(&packed(long));
    let f = f
        .key(16, "listpack")
        .text(&packed(lp().s("f").s(&giant).s(&text).s("v")));
    let f = f
        .key(17, "zset listpack")
        .text(&packed(lp().s(&giant).i(1).s("z").i(2)));
    let f = f
        .key(10, "ziplist")
        .text(&ziplist(&[&zs(&giant), &zs(b"x"), &zs(&text)]));
    let entry = lp()
        .i(1)
        .i(0)
        .i(1)
        .s("f")
        .i(0)
        .i(2)
        .i(0)
        .i(0)
        .s(&giant)
        .i(4);
    let f = f
        .key(21, "stream")
        .num(1)
        .num(16)
        .id(1, 0)
        .text(&packed(entry));
    let f = f.hex("01 01 00 | 01 00 | 00 00 | 01 | 00");
    let f = f
        .key(7, "module")
        .hex("81 B5EB2DFFFADD6C01 05")
        .text(&giant)
        .hex("05")
        .lzf(&text)
        .hex("00");
    let f = f.key(28, "array").hex("01 00 00 00").lzf(&text);
    let f = f
        .hex("F5")
        .lzf(&[b"#!lua name=x\n".as_slice(), &text].concat());
    // A record that is no key between a key and its attributes, and a key that is long itself.
    let f = f.hex("FC 0000000000000001").hex("F5").text(&text);
    f.raw(&[0])
        .text(&giant)
        .text(b"the key is long")
        .key(0, "last")
        .text(b"v")
        .end()
}

#[test]
fn giants_in_every_place() {
    let bytes: Arc<[u8]> = giants().into();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let ways = [
        (4096, USUAL(), 2),
        (70_000, run::SMALL, 1),
        (
            usize::MAX,
            Sizes {
                big_record: 2 << 20,
                page: 777,
                ..USUAL()
            },
            4,
        ),
    ];
    for binary in [Binary::Base64, Binary::Auto, Binary::Hex] {
        same_every_way(file.path(), &bytes, &ways, binary);
    }
    let got = run::dumped(run::as_file("x", &bytes), Binary::Base64, false, 1);
    assert_eq!((got.error, got.keys), (None, 16));
    // Cut anywhere, it is an error with a place in the file, and the same on each way.
    for cut in (1..12).map(|i| bytes.len() / 12 * i + i) {
        let part: Arc<[u8]> = bytes[..cut].into();
        same_every_way(file.path(), &part, &ways[..1], Binary::Base64);
        let report = run::verify(run::as_pipe("x", &part, 100_000).unwrap(), 1).unwrap();
        assert!(report.damaged());
        // Notes may concern the file as a whole.
        let damage = report
            .findings
            .iter()
            .filter(|f| f.severity == Severity::Damage);
        for finding in damage {
            assert!(
                finding.place.offset.is_some_and(|o| o <= cut as u64),
                "{finding:?}"
            );
        }
    }
}

/// A stream that cannot be read on gives what came before, and then says why: a torn download of a compressed file, say.
#[test]
fn what_was_read_before_an_error_counts() {
    let mut tried = 0;
    for path in files("rdb", ".rdb") {
        let whole = std::fs::read(&path).unwrap();
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(&whole).unwrap();
        let packed = packer.finish().unwrap();
        for part in [3, 5, 7] {
            let packed = packed[..packed.len() * part / 8].to_vec();
            let mut plain = Vec::new();
            // As far as it goes.
            let _ = flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut plain);
            let of = |bytes| Input::of("x", Box::new(Cursor::new(bytes)), None, None);
            let cut = run::dumped(of(plain), Binary::Auto, false, 2);
            let torn = run::dumped(of(packed), Binary::Auto, false, 2);
            assert_eq!(torn.keys, cut.keys, "{}", path.display());
            assert!(torn.out == cut.out, "{}", path.display());
            let e = torn.error.unwrap();
            assert!(e.contains("gzip: the compressed data ends early"), "{e}");
            tried += torn.keys;
        }
    }
    assert!(tried > 1000, "too few keys: {tried}");
}
