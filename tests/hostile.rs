//! Files made to hurt: lengths and counts that lie, references that loop, bombs. They are judged in a process of its own,
//! whose memory is measured.

use crate::fuzz::harness::Watch;
use crate::fuzz::targets;
use crate::support::rdb::{Put, Rdb, hex, lp};
use crate::support::{child, run};
use std::io::Write;

const MIB: u64 = 1 << 20;

/// 2^63, and 2^40.
const HUGE: &str = "81 8000000000000000";
const MANY: &str = "81 0000010000000000";

fn value(code: u8, body: Vec<u8>) -> Vec<u8> {
    Rdb::new("REDIS0015")
        .hex("FE 00")
        .key(code, "k")
        .raw(&body)
        .end()
}

fn lies() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>| all.push((name.to_owned(), bytes));
    let id = "81 B5EB2DFFFADD6C01";
    for (what, n) in [("2^63", HUGE), ("2^40", MANY)] {
        // Wherever a length can stand.
        add(
            &format!("key of {what}"),
            Rdb::new("REDIS0011").hex(&format!("00 {n} 61")).end(),
        );
        add(&format!("string of {what}"), value(0, hex(n).raw(b"abc")));
        add(
            &format!("LZF of {what}"),
            value(0, hex(&format!("C3 {n} {n} 00"))),
        );
        add(
            &format!("LZF to {what}"),
            value(0, hex(&format!("C3 02 {n} 0061"))),
        );
        add(
            &format!("database {what}"),
            Rdb::new("REDIS0011")
                .hex(&format!("FE {n}"))
                .key(0, "k")
                .text(b"v")
                .end(),
        );
        add(
            &format!("sizes of {what}"),
            Rdb::new("REDIS0011").hex(&format!("FB {n} {n}")).end(),
        );
        add(
            &format!("idle for {what}"),
            Rdb::new("REDIS0011")
                .hex(&format!("F8 {n}"))
                .key(0, "k")
                .text(b"v")
                .end(),
        );
        for code in [1u8, 2, 3, 4, 5, 14, 18, 22, 28, 32] {
            add(
                &format!("{what} elements of type {code}"),
                value(code, hex(n).hex("01 61 01 62 00 00")),
            );
        }
        add(
            &format!("{what} fields with expiries"),
            value(24, Vec::new().le64(0).hex(n).hex("00 0161 0162")),
        );
        for (version, code) in [(1, 15u8), (2, 19), (3, 21), (4, 26), (5, 27)] {
            let numbers = if version >= 2 {
                "00 01 01 | 01 01 | 00 00 | 01"
            } else {
                "00 01 01"
            };
            let read = if version >= 2 { "00" } else { "" };
            let stream = |text: &str| value(code, hex(text));
            add(&format!("{what} nodes, version {version}"), stream(n));
            add(
                &format!("{what} groups, version {version}"),
                stream(&format!("00 {numbers} {n}")),
            );
            let group = format!("00 {numbers} 01 0167 00 00 {read}");
            add(
                &format!("{what} pending, version {version}"),
                stream(&format!("{group} {n}")),
            );
            add(
                &format!("{what} consumers, version {version}"),
                stream(&format!("{group} 00 {n}")),
            );
            if version >= 5 {
                add(
                    &format!("{what} nacked"),
                    stream(&format!("{group} 00 00 {n}")),
                );
            }
            if version == 4 {
                add(
                    &format!("{what} producers"),
                    stream(&format!("00 {numbers} 00 4064 4064 {n}")),
                );
                add(
                    &format!("{what} ids"),
                    stream(&format!("00 {numbers} 00 4064 4064 01 0170 {n}")),
                );
            }
        }
        for (place, text) in [
            ("module string", format!("05 {n}")),
            ("module number", format!("02 {n} 00")),
            ("module mark", n.to_owned()),
        ] {
            add(&format!("{place} of {what}"), value(7, hex(id).hex(&text)));
            let aux = Rdb::new("REDIS0011")
                .hex("F7")
                .hex(id)
                .hex("02 01")
                .hex(&text);
            add(&format!("aux {place} of {what}"), aux.end());
        }
        add(
            &format!("{what} classes"),
            Rdb::new("REDIS0013").hex(&format!("F3 {n}")).end(),
        );
        add(
            &format!("aux of {what}"),
            Rdb::new("REDIS0011").hex(&format!("FA 0161 {n}")).end(),
        );
        add(
            &format!("function of {what}"),
            Rdb::new("REDIS0011").hex(&format!("F5 {n}")).end(),
        );
        add(
            &format!("{what} slots"),
            Rdb::new("VALKEY080")
                .hex("F3")
                .text(&[b'a'; 40])
                .hex(n)
                .end(),
        );
        add(
            &format!("template of {what}"),
            Rdb::new("REDIS0015").hex(&format!("F2 05 {n} 0161")).end(),
        );
        add(
            &format!("{what} names"),
            value(31, hex(&format!("01 {n} 0161"))),
        );
    }
    // Inside packed encodings.
    let node = |lp: Vec<u8>| {
        let f = Vec::new().num(1).num(16).id(1, 0).text(&lp);
        value(21, f.hex("01 01 00 | 01 00 | 00 00 | 01 | 00"))
    };
    add(
        "2^40 fields in a node",
        node(lp().i(1).i(0).i(1 << 40).s("f").end()),
    );
    add(
        "2^40 entries in a node",
        node(lp().i(1 << 40).i(1 << 40).i(1).s("f").i(0).end()),
    );
    add(
        "2^63-1 fields of an entry",
        node(
            lp().i(1)
                .i(0)
                .i(0)
                .i(0)
                .i(0)
                .i(0)
                .i(0)
                .i(i64::MAX)
                .s("f")
                .end(),
        ),
    );
    add(
        "listpack string of 2^32-1",
        value(20, Vec::new().text(&lp().entry(&hex("F0 FFFFFFFF")).end())),
    );
    add(
        "ziplist string of 2^32-1",
        value(
            10,
            Vec::new().text(&hex("11000000 0A000000 0100 00 80 FFFFFFFF FF")),
        ),
    );
    add(
        "zipmap field of 2^32-1",
        value(9, Vec::new().text(&hex("01 FE FFFFFFFF 61 01 00 62 FF"))),
    );
    add(
        "intset of 2^32-1",
        value(
            11,
            Vec::new().text(&hex("08000000 FFFFFFFF 0100000000000000")),
        ),
    );
    // References back to where they stand.
    add(
        "LZF in circles",
        value(0, hex("C3 06 80 00000210 0061 E0FF00 00").raw(b"")),
    );
    add(
        "LZF before its start",
        value(0, hex("C3 05 14 0061 E0FFFF")),
    );
    all
}

/// All in one child, which keeps the one that it fails on.
#[test]
fn lies_are_called_so() {
    if let Some(words) = child::job() {
        let watch = Watch::start("lies");
        let all = lies();
        for (_, bytes) in &all {
            watch.run(targets::rdb, bytes);
        }
        return child::report(&format!("{} {words:?}", all.len()));
    }
    let done = child::run("hostile::lies_are_called_so", &["all"], None);
    assert_eq!(done.said, format!("{} [\"all\"]", lies().len()));
    assert!(done.peak < 64 * MIB, "{} MiB", done.peak / MIB);
}

/// Expanding files: what they are, and how much memory they may take.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let gzip = |bytes: &dyn Fn(&mut dyn Write)| {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        bytes(&mut gz);
        gz.finish().unwrap()
    };
    let zeros = |n: u64| {
        move |to: &mut dyn Write| {
            let page = vec![0u8; 1 << 20];
            for _ in 0..n {
                to.write_all(&page).unwrap();
            }
        }
    };
    // A string of 200 MiB of zeros, and what comes before it in the file.
    let string = gzip(&|to| {
        let head = Rdb::new("REDIS0009")
            .hex("FE 00")
            .key(0, "zeros")
            .hex("80 0C800000");
        let mut head = head.end();
        head.truncate(head.len() - 9);
        to.write_all(&head).unwrap();
        zeros(200)(to);
        to.write_all(&hex("FF 0000000000000000")).unwrap();
    });
    let lzf = |expanded: u64| {
        // One literal, then references of 264 bytes.
        let n = expanded / 264;
        let stream: Vec<u8> = [0u8, 0]
            .into_iter()
            .chain((0..n).flat_map(|_| [0xe0, 0xff, 0]))
            .collect();
        Vec::new()
            .raw(&[0xc3])
            .num(stream.len() as u64)
            .num(n * 264 + 1)
            .raw(&stream)
    };
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 19).unwrap();
    // Small numbers in a listpack: 2 bytes in the blob are one element.
    let ints = |n: usize| {
        let blob = [5u8, 1].repeat(n);
        let total = (blob.len() + 7) as u32;
        total
            .to_le_bytes()
            .to_vec()
            .raw(&[0xff, 0xff])
            .raw(&blob)
            .raw(&[0xff])
    };
    let names = {
        // Field names of a stream's node: each would take memory many times its size.
        let blob = [5u8, 1].repeat(8 << 20);
        let head = lp().i(1).i(0).i(8 << 20).end();
        let body = [&head[6..head.len() - 1], &blob, &[0, 1, 0xff]].concat();
        let total = (body.len() + 6) as u32;
        total.to_le_bytes().to_vec().raw(&[0xff, 0xff]).raw(&body)
    };
    let attributes = Rdb::new("REDIS0011")
        .hex("FE 00")
        .raw(&hex("F8 00").repeat(20 << 20));
    let stream = |blob: &[u8]| {
        let f = Vec::new().num(1).num(16).id(1, 0).lzf(blob);
        value(21, f.hex("01 01 00 | 01 00 | 00 00 | 01 | 00"))
    };
    // The same long name at a thousand findings.
    let findings = {
        let f = Rdb::new("REDIS0009")
            .raw(&[5])
            .text(&vec![b'k'; 900_000])
            .num(100_000);
        (0..100_000u32)
            .fold(f, |f, i| {
                f.text(&i.to_le_bytes()).raw(&f64::NAN.to_le_bytes())
            })
            .end()
    };
    let consumers = {
        let f = Vec::new()
            .hex("00 00 01 01 | 01 01 | 00 00 | 01 | 01 0167 00 00 00 00")
            .num(100_000);
        let f = (0..100_000u32).fold(f, |f, i| f.text(&i.to_be_bytes()).le64(0).le64(0).num(0));
        value(21, f)
    };
    let templates = {
        let f = (0..90_000u64).fold(Rdb::new("REDIS0015"), |f, i| {
            f.raw(&[0xf2]).num(i).num(1).text(&[b'f'; 230])
        });
        f.key(32, "k").num(7).text(b"v").end()
    };
    let template = {
        let f = Rdb::new("REDIS0015").raw(&[0xf2]).num(1).num(40 << 10);
        let f = (0..40u32 << 10).fold(f, |f, i| {
            f.text(&[&i.to_be_bytes()[..], &[b'f'; 1020]].concat())
        });
        f.key(0, "k").text(b"v").end()
    };
    let meta = {
        let f = Rdb::new("REDIS0013")
            .hex("F3 01 18831000 05")
            .text(&vec![b'm'; 100 << 20]);
        f.hex("00").key(0, "k").text(b"v").end()
    };
    let metas = Rdb::new("REDIS0013").raw(&[0xf3, 0].repeat(20 << 20));
    let metas = metas.key(0, "k").text(b"v").end();
    let databases = {
        let f = (0..2_000_000).fold(Rdb::new("REDIS0009"), |f, i| {
            f.raw(&[0xfe]).num(i).hex("00 01 6B 00")
        });
        f.end()
    };
    let groups = {
        let f = Vec::new()
            .hex("00 00 01 01 | 01 01 | 00 00 | 01")
            .num(20_000);
        let f = (0..20_000u32).fold(f, |f, i| {
            let name = [&i.to_be_bytes()[..], &[b'g'; 4000]].concat();
            f.text(&name).hex("00 00 00 00 00")
        });
        value(21, f)
    };
    let pairs = {
        let f = Vec::new().num(4_000_000);
        value(
            2,
            (0..4_000_000u32).fold(f, |f, i| f.text(&(i / 2).to_be_bytes())),
        )
    };
    vec![
        ("gzip of zeros", gzip(&zeros(300))),
        (
            "gzip of a gzip of zeros",
            gzip(&|to| to.write_all(&gzip(&zeros(300))).unwrap()),
        ),
        ("gzip of a string of zeros", string.clone()),
        ("zstd of a gzip of a string of zeros", zstd(&string)),
        ("three layers", zstd(&zstd(&string))),
        ("LZF string of 300 MiB", value(0, lzf(300 << 20))),
        (
            "LZF list elements of 60 MiB",
            value(1, Vec::new().num(3).raw(&lzf(60 << 20).repeat(3))),
        ),
        (
            "LZF set members of 60 MiB",
            value(2, Vec::new().num(2).raw(&lzf(60 << 20)).raw(&lzf(61 << 20))),
        ),
        ("LZF listpack of zeros", value(20, lzf(100 << 20))),
        (
            "LZF listpack of 8 M numbers",
            value(18, Vec::new().num(1).num(2).lzf(&ints(8 << 20))),
        ),
        (
            "LZF set of equal numbers",
            value(20, Vec::new().lzf(&ints(8 << 20))),
        ),
        ("8 M field names", stream(&names)),
        ("20 M attributes", attributes.key(0, "k").text(b"v").end()),
        ("100 000 findings at a long name", findings),
        ("100 000 consumers", consumers),
        ("90 000 templates", templates),
        ("a template of 40 MiB", template),
        ("metadata of 100 MiB", meta),
        ("20 M times metadata", metas),
        ("2 M databases", databases),
        ("20 000 long names of groups", groups),
        ("2 M pairs of members", pairs),
    ]
}

#[test]
fn bombs_stay_small() {
    const NAME: &str = "hostile::bombs_stay_small";
    if let Some(words) = child::job() {
        let input = redisk::input::open::Input::open(words[1].as_ref());
        let said = match words[0].as_str() {
            "verify" => {
                let verified = input.and_then(|input| run::verify(input, 2));
                verified.map_or_else(|e| e.to_string(), |r| format!("damaged: {}", r.damaged()))
            }
            _ => {
                let mut count = run::Count::default();
                let json = run::json(redisk::sink::bytes::Binary::Auto, false);
                let dumped = input.and_then(|input| {
                    run::dump_to(input, &json, 2, &mut count)
                        .1
                        .map_or(Ok(()), Err)
                });
                dumped.map_or_else(
                    |e| e.to_string().chars().take(300).collect(),
                    |()| format!("{} bytes", count.0),
                )
            }
        };
        return child::report(&said);
    }
    let dir = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (name, bytes) in bombs() {
        let path = dir.path().join("bomb");
        std::fs::write(&path, &bytes).unwrap();
        let all = std::env::var_os("REDISK_SWEEP").is_some();
        for (how, arg, stdin) in [
            ("file", path.to_str().unwrap(), None),
            ("pipe", "-", Some(path.as_path())),
        ] {
            for job in ["verify", "dump"] {
                // Half of it tells nearly everything.
                if !all && (how == "file") != (job == "dump") {
                    continue;
                }
                let done = child::run(NAME, &[job, arg], stdin);
                let (peak, took) = (done.peak / MIB, done.took);
                let said: String = done.said.chars().take(120).collect();
                eprintln!(
                    "{name} ({} bytes), {job} from a {how}: {peak} MiB, {took:?}: {said}",
                    bytes.len()
                );
                if peak > 64 {
                    wrong.push(format!("{name}, {job} from a {how}: {peak} MiB"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
