//! The same data in several forms and versions, and what is said of the odd ones.

use super::brute::wrong;
use super::{Bounds, Told, Ttl, What, compared, options};
use crate::support::canonical::{self, Contents};
use crate::support::made;
use crate::support::rdb::{Put, Rdb, lp};
use crate::support::{corpus, files, name, run, testdata};
use crate::written::{options as for_server, state};
use redisk::ErrorKind;
use redisk::filter::{Filter, Rule, Test};
use redisk::input::open::Input;
use redisk::model::target::TARGETS;
use redisk::ops::convert;
use redisk::ops::diff::{Datum, Report};
use redisk::rdb::choose::Thresholds;
use redisk::sink::rdb::Role;
use redisk::source::jsonl;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn file(bytes: &[u8]) -> Input {
    run::as_file("x.rdb", &bytes.into()).unwrap()
}

fn same(a: Input, b: Input) -> Result<(), String> {
    let (report, told) = compared(a, b, &options()).map_err(|e| e.to_string())?;
    if report.is_same() && told.keys.is_empty() {
        Ok(())
    } else {
        Err(format!("{:?} {:?}", told.keys, told.functions))
    }
}

/// What is in a file is the same from a pipe, as lines, and as every server would have it that can hold all of it.
#[test]
fn every_form_of_every_file() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    let all = made::intact()
        .into_iter()
        .map(|(name, bytes)| (name.to_owned(), bytes));
    let real = files("rdb", ".rdb");
    let real = real
        .iter()
        .map(|path| (name(path), std::fs::read(path).unwrap()));
    for (name, bytes) in all.chain(real) {
        let bytes: Arc<[u8]> = bytes.into();
        let open = || run::as_file("a", &bytes).unwrap();
        let mut tell = |what: &str, found: Result<(), String>| {
            tried += 1;
            if let Err(e) = found {
                wrong.push(format!("{name} and {what}: {e}"));
            }
        };
        tell("itself", same(open(), open()));
        tell(
            "a pipe",
            same(open(), run::as_pipe("-", &bytes, 4096).unwrap()),
        );
        let mut small = open();
        small.sizes = run::TINY;
        tell("small blocks", same(small, open()));
        let lines = convert::jsonl(
            open(),
            &for_server(&TARGETS[0], Thresholds::default(), true),
            Vec::new(),
        );
        let lines: Arc<[u8]> = lines.1.unwrap().into();
        let lines = run::as_pipe("x.jsonl", &lines, usize::MAX).unwrap();
        tell("lines", same(open(), jsonl::open(lines, None).unwrap()));
        for target in &TARGETS {
            let options = for_server(target, Thresholds::default(), true);
            let (report, rdb) = convert::rdb(open(), Role::Snapshot, &options, Vec::new());
            let Ok(rdb) = rdb else { continue };
            if report.losses.is_empty() {
                tell(target.name, same(open(), file(&rdb)));
            }
        }
    }
    eprintln!("{tried} pairs");
    assert!(tried > 300);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every pair of files whose contents a server told is told apart exactly where the servers say.
fn pairs(all: &[(PathBuf, PathBuf)]) -> (usize, Vec<String>) {
    let all: Vec<(&Path, Contents)> = all
        .iter()
        .map(|(path, wanted)| (path.as_path(), canonical::expected(wanted)))
        // What a module holds, nobody told.
        .filter(|(_, contents)| {
            let opaque = |key: &canonical::Key| matches!(key.value, canonical::Value::Opaque);
            !contents.values().any(opaque)
        })
        .collect();
    let (mut tried, mut found) = (0, Vec::new());
    for (i, (path_a, a)) in all.iter().enumerate() {
        for (path_b, b) in &all[i..] {
            let open = |path: &Path| Input::open(path).unwrap();
            let mut options = options();
            // Both ways to come to the same end.
            options.bounds.singly = if tried % 2 == 0 { 0 } else { 256 };
            tried += 1;
            match compared(open(path_a), open(path_b), &options) {
                Ok((_, told)) => {
                    let wrong = wrong(a, b, &told, Ttl::default());
                    found.extend(wrong.map(|w| {
                        let w: String = w.chars().take(400).collect();
                        format!("{} and {}: {w}", path_a.display(), path_b.display())
                    }));
                }
                Err(e) => found.push(e.to_string()),
            }
        }
    }
    (tried, found)
}

#[test]
fn servers_said_the_same() {
    let all: Vec<_> = files("rdb", ".rdb")
        .into_iter()
        .filter_map(|path| {
            let ends = ["expected.jsonl", "expected.jsonl.gz"].map(|end| path.with_extension(end));
            let wanted = ends.into_iter().find(|p| p.exists())?;
            Some((path, wanted))
        })
        .collect();
    let (tried, wrong) = pairs(&all);
    eprintln!("{tried} pairs");
    assert!(tried > 10 && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same with a corpus that `REDISK_CORPUS` names: files that hold the same in several forms.
#[test]
fn the_corpus_that_the_environment_names() {
    let Some((corpus, files)) = corpus() else {
        return;
    };
    let (mut tried, mut found) = (0, Vec::new());
    for part in [
        "std.rdb",
        "tiny.rdb",
        "smallenc.rdb",
        "bigenc.rdb",
        "nocomp.rdb",
    ] {
        let all: Vec<_> = files
            .iter()
            .filter(|file| !file["damage"].is_object())
            .filter_map(|file| {
                let path = file["file"].as_str()?;
                let wanted = file["expected"].as_str()?;
                let here = path.ends_with(part) && !path.starts_with("legacy");
                here.then(|| (corpus.join(path), corpus.join(wanted)))
            })
            .collect();
        let (n, wrong) = pairs(&all);
        tried += n;
        found.extend(wrong);
    }
    eprintln!("{tried} pairs of the corpus");
    assert!(
        found.is_empty(),
        "{} of {tried}: {}",
        found.len(),
        found.join("\n")
    );
}

fn one(rdb: Rdb) -> Vec<u8> {
    rdb.end()
}

fn told(a: &[u8], b: &[u8]) -> (Report, Told) {
    compared(file(a), file(b), &options()).unwrap()
}

#[test]
fn damage_is_an_error_in_either() {
    let sound = one(Rdb::new("REDIS0011").key(0, "a").text(b"x"));
    let cut = &sound[..sound.len() - 9];
    let mut summed = sound.clone();
    *summed.last_mut().unwrap() ^= 1;
    let twice = one(Rdb::new("REDIS0011")
        .key(0, "a")
        .text(b"x")
        .key(0, "a")
        .text(b"y"));
    let new_twice = one(Rdb::new("REDIS0011")
        .key(0, "b")
        .text(b"x")
        .key(0, "b")
        .text(b"y"));
    // A listpack that breaks its form, and another one that does not.
    let bad = one(Rdb::new("REDIS0011")
        .key(16, "h")
        .text(b"\x09\0\0\0\x01\0\x81z\xff"));
    let good = one(Rdb::new("REDIS0011")
        .key(16, "h")
        .text(&lp().all(&["f", "v"]).end()));
    for (a, b, kind, word) in [
        (&sound[..], cut, ErrorKind::Truncated, "b.rdb"),
        (&sound, &summed, ErrorKind::Checksum, "b.rdb"),
        (&sound, &twice, ErrorKind::Corrupt, "twice"),
        (&sound, &new_twice, ErrorKind::Corrupt, "twice"),
        (&good, &bad, ErrorKind::Corrupt, "\"h\""),
    ] {
        for turned in [false, true] {
            let (a, b) = if turned { (b, a) } else { (a, b) };
            for singly in [0, 256] {
                let mut options = options();
                options.bounds.singly = singly;
                let (mut a, mut b) = (file(a), file(b));
                let damaged = if turned { &mut a } else { &mut b };
                damaged.name = "b.rdb".to_owned();
                let e = compared(a, b, &options).map(|_| ()).unwrap_err();
                assert_eq!(e.kind(), kind, "{e}");
                assert!(e.to_string().contains(word), "{e}");
                assert!(e.to_string().contains("b.rdb"), "{e}");
            }
        }
    }
}

#[test]
fn a_key_without_elements_is_there_in_neither() {
    let none = one(Rdb::new("REDIS0011"));
    let empty = one(Rdb::new("REDIS0011").key(2, "s").num(0));
    let full = one(Rdb::new("REDIS0011").key(2, "s").num(1).text(b"x"));
    for (a, b, want) in [
        (&none, &empty, None),
        (&empty, &none, None),
        (&empty, &full, Some(What::Added)),
        (&full, &empty, Some(What::Removed)),
    ] {
        let (report, told) = told(a, b);
        let got: Vec<What> = told.keys.values().map(|(what, _, _)| *what).collect();
        assert_eq!(got, want.into_iter().collect::<Vec<_>>());
        assert_eq!(report.is_same(), want.is_none());
        let mut first = options();
        first.first = true;
        let (report, _) = compared(file(a), file(b), &first).unwrap();
        assert_eq!(report.is_same(), want.is_none());
    }
}

#[test]
fn encoding_counts_when_it_is_asked_for() {
    let hash = one(Rdb::new("REDIS0011")
        .key(4, "h")
        .num(1)
        .text(b"f")
        .text(b"v"));
    let packed = one(Rdb::new("REDIS0011")
        .key(16, "h")
        .text(&lp().all(&["f", "v"]).end()));
    assert!(told(&hash, &packed).0.is_same());
    for singly in [0, 256] {
        let mut options = options();
        options.encoding = true;
        options.bounds.singly = singly;
        let (_, told) = compared(file(&hash), file(&packed), &options).unwrap();
        let (_, items, _) = told.keys.values().next().unwrap();
        let word = |w: &str| Datum::Word(w.to_owned());
        assert_eq!((items.len(), items[0].part), (1, "encoding"));
        assert_eq!(items[0].a, word("hashtable"));
        assert_eq!(items[0].b, word("listpack"));
    }
}

/// Strings of megabytes, stored as they are and compressed: a piece is told around the first byte that differs.
#[test]
fn giant_strings() {
    let long: Vec<u8> = (0..3_000_000u32)
        .flat_map(|i| [b"abcdefgh"[i as usize % 8]])
        .collect();
    let raw = |text: &[u8]| one(Rdb::new("REDIS0011").key(0, "k").text(text));
    let packed = |text: &[u8]| one(Rdb::new("REDIS0011").key(0, "k").lzf(text));
    assert!(told(&raw(&long), &packed(&long)).0.is_same());
    for at in [0usize, 65_535, 65_536, 2_000_000, 2_999_999] {
        let mut other = long.clone();
        other[at] = b'!';
        for b in [raw(&other), packed(&other)] {
            let (_, told) = told(&raw(&long), &b);
            let (_, items, _) = told.keys.values().next().unwrap();
            let Datum::Piece { from, bytes, len } = &items[0].b else {
                panic!("{items:?}");
            };
            assert_eq!(*len, 3_000_000);
            assert_eq!(bytes[at - usize::try_from(*from).unwrap()], b'!');
        }
    }
    // One that goes on where the other ends.
    let (_, told) = told(&raw(&long), &raw(&long[..2_500_000]));
    let (_, items, _) = told.keys.values().next().unwrap();
    let Datum::Piece { from, bytes, len } = &items[0].b else {
        panic!("{items:?}");
    };
    assert_eq!(from + bytes.len() as u64, *len);
    // Elements of a list that are giants, and records that are read in pages.
    let list = |text: &[u8]| {
        one(Rdb::new("REDIS0011")
            .key(1, "l")
            .num(2)
            .text(b"x")
            .text(text))
    };
    assert!(self::told(&list(&long), &list(&long)).0.is_same());
    assert!(!self::told(&list(&long), &list(&long[1..])).0.is_same());
}

#[test]
fn functions_differ_by_their_names() {
    let library = |name: &str, rest: &str| format!("#!lua name={name}\n{rest}");
    let made = |all: &[String]| {
        let rdb = all.iter().fold(Rdb::new("REDIS0011"), |rdb, code| {
            rdb.raw(&[0xf5]).text(code.as_bytes())
        });
        one(rdb)
    };
    let a = made(&[
        library("same", "x"),
        library("gone", "x"),
        library("other", "x"),
    ]);
    let b = made(&[
        library("new", "x"),
        library("other", "y"),
        library("same", "x"),
    ]);
    let (report, told) = told(&a, &b);
    assert_eq!(told.functions, ["gone 10", "new 01", "other 11"]);
    let counts = report.functions;
    assert_eq!((counts.removed, counts.added, counts.changed), (1, 1, 1));
    assert!(!report.is_same());
}

#[test]
fn filters_choose_the_keys_of_both() {
    let a = one(Rdb::new("REDIS0011")
        .key(0, "user:1")
        .text(b"x")
        .key(0, "tmp:1")
        .text(b"x"));
    let b = one(Rdb::new("REDIS0011")
        .key(0, "user:1")
        .text(b"x")
        .key(0, "tmp:2")
        .text(b"x"));
    let rule = || vec![Rule::Key(redisk::filter::glob::Glob::new(b"tmp:*"))];
    let mut options = options();
    options.filter = Filter::new(
        vec![Test {
            any_of: rule(),
            not: true,
        }],
        0,
    );
    let (report, _) = compared(file(&a), file(&b), &options).unwrap();
    assert!(report.is_same());
    assert_eq!(report.keys, [1, 1]);
    options.filter = Filter::new(
        vec![Test {
            any_of: rule(),
            not: false,
        }],
        0,
    );
    let (report, told) = compared(file(&a), file(&b), &options).unwrap();
    assert_eq!((report.counts.removed, report.counts.added), (1, 1));
    assert_eq!(told.keys.len(), 2);
    assert_eq!(report.by_prefix[&Some(b"tmp:".to_vec())].all(), 2);
}

/// Many thousands of keys: the table, both ways to look again, and every number of threads say the same.
#[test]
fn many_keys() {
    let made = |change: &dyn Fn(u32) -> Option<u32>, turned: bool| {
        let mut all: Vec<u32> = (0..20_000).collect();
        if turned {
            all.reverse();
        }
        let keys = all.into_iter().filter_map(|i| Some((i, change(i)?)));
        let rdb = keys.fold(Rdb::new("REDIS0011"), |rdb, (i, v)| {
            let db = (i % 3) as u8;
            let rdb = rdb.raw(&[0xfe, db]);
            let rdb = if v % 2 == 0 {
                rdb
            } else {
                rdb.hex("FC 0000000080010000")
            };
            rdb.key(0, &format!("key:{i}"))
                .text(format!("value {}", v / 2).as_bytes())
        });
        one(rdb)
    };
    let a = made(&|i| (i % 1000 != 7).then_some(i * 2), false);
    let b = made(
        &|i| match i % 1000 {
            8 => None,
            9 => Some(i * 2 + 1),
            10 => Some(i * 2 + 2),
            _ => Some(i * 2),
        },
        true,
    );
    let mut seen = Vec::new();
    for (threads, singly) in [(1, 256), (2, 0), (3, 10)] {
        let mut options = options();
        (options.threads, options.bounds) = (
            threads,
            Bounds {
                singly,
                ..Bounds::default()
            },
        );
        let (report, told) = compared(file(&a), file(&b), &options).unwrap();
        let counts = report.counts;
        assert_eq!((counts.removed, counts.added, counts.changed), (20, 20, 40));
        assert_eq!(report.keys, [19_980, 19_980]);
        assert_eq!(report.same, 19_920);
        assert!(told.keys.contains_key(&(7 % 3, b"key:7".to_vec())));
        seen.push(format!("{:?}", told.keys));
    }
    seen.dedup();
    assert_eq!(seen.len(), 1);

    // The table of so many keys has its price.
    let mut options = options();
    options.max_memory = Some(1 << 20);
    let e = compared(file(&a), file(&b), &options)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Limit);
    assert!(e.to_string().contains("1.0 MiB"), "{e}");
    options.max_memory = Some(2 << 20);
    assert!(compared(file(&a), file(&b), &options).is_ok());
}

#[test]
fn testdata_is_the_same_as_a_set_of_a_log() {
    // A log of a server and the snapshot that its own commands lead to.
    let log = testdata("multipart/redis-7.0.15-session");
    let source = redisk::source::aof::Source::open(&log).unwrap();
    let mut engine = redisk::ops::replay::engine(&source, None);
    let options = redisk::ops::replay::Options {
        until: redisk::ops::replay::Until::default(),
        skip_unknown: false,
        skip_scripts: false,
        now_ms: 0,
        threads: 2,
        parted_from: redisk::ops::replay::PARTED_FROM,
        max_memory: None,
        progress: &|_| (),
    };
    redisk::ops::replay::replay(source, &mut engine, &options).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut engine.drain(), &mut bytes).unwrap();
    assert_eq!(state(file(&bytes)).len(), 2);
    let piped = Input::of(
        "-",
        Box::new(std::io::Cursor::new(bytes.clone())),
        None,
        None,
    )
    .unwrap();
    assert_eq!(same(piped, file(&bytes)), Ok(()));
}
