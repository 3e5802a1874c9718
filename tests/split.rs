//! One into several and back again: the sum of the parts is the whole.

use crate::support::canonical::{Contents, contents, differences};
use crate::support::made;
use crate::support::server::{Kind, Server, Value};
use crate::support::{files, name, run, testdata};
use redisk::disk::StagedFolder;
use redisk::input::open::Input;
use redisk::limits::Sizes;
use redisk::model::slot::key_slot;
use redisk::model::target::{self, Target};
use redisk::ops::merge::{self, OnConflict, Origin};
use redisk::ops::split::by::{By, SlotTable, Slots};
use redisk::ops::split::{self, Options, Report};
use redisk::rdb::choose::Thresholds;
use redisk::rdb::encode::{self, Packer};
use redisk::rdb::frame::Header;
use redisk::sink::bytes::Binary;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn encoding(target: &'static Target) -> encode::Options {
    encode::Options {
        target,
        thresholds: Thresholds::default(),
        compress: true,
        packer: Packer::Server,
        drop_modules: false,
        one_by_one: false,
    }
}

/// The server that a file is for.
fn target(bytes: &[u8]) -> &'static Target {
    let header = Header::parse(&bytes[..9]).unwrap();
    Target::of_file(header.flavour, header.version)
}

fn split(
    input: Input,
    target: &'static Target,
    by: By,
    threads: usize,
    out: &Path,
) -> redisk::Result<Report> {
    let folder = StagedFolder::create(out)?;
    let options = Options {
        by,
        threads,
        encode: encoding(target),
        progress: &|_| (),
    };
    let (report, done) = split::split(input, "x", &options, &folder);
    done?;
    folder.commit()?;
    Ok(report)
}

fn state(path: &Path) -> Contents {
    let dumped = run::dumped(Input::open(path), Binary::Base64, true, 1);
    assert_eq!(dumped.error, None);
    contents(&dumped.out)
}

/// What kinds of parts are tried, each with what says whether a key belongs to a part by its file's name.
type Belongs = fn(&str, u64, &[u8]) -> bool;

fn kinds() -> Vec<(By, Belongs)> {
    let in_name: Belongs = |file, _, key| {
        let ranges = file
            .strip_prefix("slots-")
            .unwrap()
            .strip_suffix(".rdb")
            .unwrap();
        ranges.split('+').any(|range| {
            let (first, last) = range.split_once('-').unwrap();
            (first.parse().unwrap()..=last.parse().unwrap()).contains(&key_slot(key))
        })
    };
    let some = vec![
        Slots::of(vec![(0, 99), (8000, 9000)]),
        Slots::of(vec![(100, 7999)]),
    ];
    vec![
        (By::Slots(SlotTable::even(3).unwrap()), in_name),
        (By::Slots(SlotTable::even(1).unwrap()), in_name),
        (
            By::Slots(SlotTable::new(some).unwrap()),
            |file, _, key| match key_slot(key) {
                0..=99 | 8000..=9000 => file == "slots-0-99+8000-9000.rdb",
                100..=7999 => file == "slots-100-7999.rdb",
                _ => file == "rest.rdb",
            },
        ),
        (By::Db, |file, db, _| file == format!("db-{db}.rdb")),
        (By::Prefix(b"|".to_vec()), |file, _, key| {
            match key.iter().position(|b| *b == b'|') {
                None => file == "no-prefix.rdb",
                Some(_) => file.starts_with("prefix-"),
            }
        }),
        (By::Size(2000), |file, _, _| file.starts_with("part-")),
    ]
}

/// No server writes both of these, and so do we not: the idle time stays.
fn servers(mut contents: Contents) -> Contents {
    for key in contents.values_mut().filter(|key| key.idle.is_some()) {
        key.freq = None;
    }
    contents
}

/// What is wrong with the parts of a file.
fn wrong(bytes: &Arc<[u8]>, by: By, belongs: Belongs, threads: usize, sizes: Sizes) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("parts");
    let input = run::as_file("x", bytes).map(|mut input| {
        input.sizes = sizes;
        input
    });
    let target = target(bytes);
    let max = if let By::Size(max) = by {
        Some(max)
    } else {
        None
    };
    let report = match split(input.unwrap(), target, by, threads, &out) {
        Ok(report) => report,
        // The hand-made ones hold what no server writes and this one refuses.
        Err(e) if e.to_string().contains("does not load this") => return Vec::new(),
        Err(e) => return vec![e.to_string()],
    };
    let whole = run::dumped(run::as_file("x", bytes), Binary::Base64, true, 1);
    let whole = contents(&whole.out);
    let mut wrong = Vec::new();
    let mut sum = Contents::new();
    for part in &report.parts {
        let path = out.join(&part.file);
        let verified = run::verify(Input::open(&path).unwrap(), 1).unwrap();
        if verified.damaged() || verified.keys != part.keys {
            wrong.push(run::verified(Input::open(&path), 1));
        }
        let held = state(&path);
        if part.bytes != path.metadata().unwrap().len() || part.keys != held.len() as u64 {
            wrong.push(format!("{part:?} has {} keys", held.len()));
        }
        if max.is_some_and(|max| part.bytes > max && part.keys > 1 && part.bytes > 4000) {
            wrong.push(format!("{part:?} is too large"));
        }
        for (id, key) in held {
            if !belongs(&part.file, id.0, &id.1) {
                wrong.push(format!("{id:?} is in {}", part.file));
            }
            if sum.insert(id, key).is_some() {
                wrong.push(format!("a key of {} is there twice", part.file));
            }
        }
    }
    if report.dumped.losses.is_empty() {
        wrong.extend(differences(&servers(sum), &servers(whole)));
    }
    wrong
}

#[test]
fn the_sum_of_the_parts_is_the_whole() {
    let mut all = Vec::new();
    let (mut tried, mut several) = (0, 0);
    let real = files("rdb", ".rdb")
        .into_iter()
        .map(|path| (name(&path), run::read(&path)));
    let made = made::intact()
        .into_iter()
        .map(|(name, bytes)| (name.to_owned(), bytes.into()));
    for (name, bytes) in real.chain(made) {
        for (i, (by, belongs)) in kinds().into_iter().enumerate() {
            let sizes = if i % 2 == 0 {
                Sizes::default()
            } else {
                run::TINY
            };
            tried += 1;
            several += usize::from(bytes.len() > 2000);
            let wrong = wrong(&bytes, by, belongs, 1 + i % 3, sizes);
            all.extend(wrong.iter().take(3).map(|w| format!("{name}, {i}: {w}")));
        }
    }
    for line in all.iter().take(20) {
        eprintln!("{}", line.chars().take(600).collect::<String>());
    }
    assert!(all.is_empty(), "{} of {tried} are wrong", all.len());
    assert!(several > 50);
}

#[test]
fn the_same_bytes_whatever_the_threads() {
    let bytes = run::read(&testdata("rdb/redis-7.0.15-std.rdb"));
    let read = |threads| -> BTreeMap<PathBuf, Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("parts");
        let mut input = run::as_file("x", &bytes).unwrap();
        input.sizes = run::SMALL;
        split(
            input,
            target(&bytes),
            By::Prefix(b"|".to_vec()),
            threads,
            &out,
        )
        .unwrap();
        let parts = std::fs::read_dir(&out).unwrap().map(|e| e.unwrap().path());
        parts
            .map(|p| {
                (
                    p.strip_prefix(&out).unwrap().to_owned(),
                    std::fs::read(&p).unwrap(),
                )
            })
            .collect()
    };
    let one = read(1);
    assert!(one.len() > 2);
    assert!(one == read(4));
}

#[test]
fn too_many_parts_are_refused() {
    let mut file = b"REDIS0011".to_vec();
    for i in 0..1000u32 {
        let key = format!("{i}:x");
        file.extend_from_slice(&[0, key.len() as u8]);
        file.extend_from_slice(key.as_bytes());
        file.extend_from_slice(b"\x01v");
    }
    file.extend_from_slice(b"\xff\0\0\0\0\0\0\0\0");
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("parts");
    let input = run::as_file("x", &file.into()).unwrap();
    let e = split(
        input,
        target::newest(redisk::model::kind::Flavour::Redis),
        By::Prefix(b":".to_vec()),
        2,
        &out,
    )
    .unwrap_err();
    assert!(e.message().contains("more than 900 parts"), "{e}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

fn merged(
    sources: &[Origin],
    rule: OnConflict,
    target: &'static Target,
) -> redisk::Result<(merge::Report, Arc<[u8]>)> {
    let options = merge::Options {
        on_conflict: rule,
        threads: 2,
        encode: encoding(target),
        progress: &|_| (),
    };
    let (report, out) = merge::merge(sources, &options, Vec::new());
    Ok((report, out?.into()))
}

fn contents_of(bytes: &Arc<[u8]>) -> Contents {
    let dumped = run::dumped(run::as_file("x", bytes), Binary::Base64, true, 1);
    assert_eq!(dumped.error, None);
    contents(&dumped.out)
}

#[test]
fn parts_come_together_again() {
    for path in files("rdb", ".rdb") {
        let bytes = run::read(&path);
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("parts");
        let by = By::Slots(SlotTable::even(3).unwrap());
        let report = split(Input::open(&path).unwrap(), target(&bytes), by, 2, &out).unwrap();
        let open = |part: &split::Part| {
            Origin::new(Input::open(&out.join(&part.file)).unwrap(), Packer::Server).unwrap()
        };
        let sources: Vec<Origin> = report.parts.iter().map(open).collect();
        let (merged, file) = merged(&sources, OnConflict::Error, target(&bytes)).unwrap();
        assert_eq!((merged.keys, merged.conflicts), (report.dumped.keys, 0));
        let verified = run::verify(run::as_file("y", &file).unwrap(), 1).unwrap();
        assert!(
            !verified.damaged(),
            "{}: {}",
            name(&path),
            run::verified(run::as_file("y", &file), 1)
        );
        // Some hold what no server has.
        if report.dumped.losses.is_empty() {
            let (one, whole) = (servers(contents_of(&file)), servers(contents_of(&bytes)));
            let wrong = differences(&one, &whole);
            assert!(wrong.is_empty(), "{}: {}", name(&path), wrong[0]);
        }
        // Functions are there once.
        let whole = run::dumped(Input::open(&path), Binary::Base64, false, 1);
        let again = run::dumped(run::as_file("y", &file), Binary::Base64, false, 1);
        let functions = |out: &[u8]| out.windows(12).filter(|w| w == b"{\"function\":").count();
        assert_eq!(
            functions(&again.out),
            functions(&whole.out),
            "{}",
            name(&path)
        );
    }
}

/// A key with an expiry and a value.
struct Simple(&'static str, Option<u64>, &'static str);

fn file(db: u8, keys: &[Simple]) -> Arc<[u8]> {
    let mut file = vec![];
    file.extend_from_slice(b"REDIS0011\xfe");
    file.push(db);
    for Simple(key, expire_ms, value) in keys {
        if let Some(ms) = expire_ms {
            file.push(0xfc);
            file.extend_from_slice(&ms.to_le_bytes());
        }
        file.push(0);
        for text in [key, value] {
            file.push(text.len() as u8);
            file.extend_from_slice(text.as_bytes());
        }
    }
    file.extend_from_slice(b"\xff\0\0\0\0\0\0\0\0");
    file.into()
}

fn source(name: &str, bytes: &Arc<[u8]>) -> Origin {
    Origin::new(run::as_pipe(name, bytes, 7).unwrap(), Packer::Server).unwrap()
}

#[test]
fn the_rule_says_which_is_taken() {
    let a = file(
        0,
        &[
            Simple("k", Some(9), "from a"),
            Simple("only a", None, "x"),
            Simple("t", None, "a"),
        ],
    );
    let b = file(
        0,
        &[Simple("k", None, "from b"), Simple("t", Some(5), "bbb")],
    );
    let c = file(
        0,
        &[
            Simple("only c", None, "x"),
            Simple("k", Some(99), "from c, and long"),
        ],
    );
    let target = Target::from_name("redis-7.2").unwrap();
    let sources = || [source("a", &a), source("b", &b), source("c", &c)];
    for (rule, k, t) in [
        (OnConflict::First, "from a", "a"),
        (OnConflict::Last, "from c, and long", "bbb"),
        (OnConflict::NewestTtl, "from b", "a"),
        (OnConflict::Largest, "from c, and long", "bbb"),
    ] {
        let (report, out) = merged(&sources(), rule, target).unwrap();
        assert_eq!(
            (report.keys, report.conflicts, report.named.len()),
            (4, 3, 3),
            "{rule:?}"
        );
        let dumped = run::dumped(run::as_file("x", &out), Binary::Auto, true, 1);
        let text = String::from_utf8(dumped.out).unwrap();
        for (key, value) in [("k", k), ("t", t)] {
            let line = text
                .lines()
                .find(|l| l.contains(&format!("\"key\":\"{key}\"")))
                .unwrap();
            assert!(
                line.contains(&format!("\"value\":\"{value}\"")),
                "{rule:?}: {line}"
            );
        }
        assert!(report.named.iter().all(|c| c.taken != c.left));
    }
    let e = merged(&sources(), OnConflict::Error, target).unwrap_err();
    assert_eq!(e.kind(), redisk::ErrorKind::Usage);
    assert_eq!(
        (e.place().file.as_deref(), e.place().key.as_deref()),
        (Some("b"), Some(&b"k"[..]))
    );
    assert!(
        e.message()
            .starts_with("3 keys are in more than one source; this one is in \"a\""),
        "{e}"
    );
}

#[test]
fn databases_move_as_they_are_told() {
    let a = file(0, &[Simple("k", None, "from a")]);
    let b = file(0, &[Simple("k", None, "from b")]);
    let mut b = source("b", &b);
    b.databases = vec![(0, 3)];
    let target = Target::from_name("redis-7.2").unwrap();
    let (report, out) = merged(&[source("a", &a), b], OnConflict::Error, target).unwrap();
    assert_eq!((report.keys, report.conflicts), (2, 0));
    let held: Vec<u64> = contents_of(&out).into_keys().map(|(db, _)| db).collect();
    assert_eq!(held, [0, 3]);
    // Two that are moved to the same place meet there, and one of them goes.
    let c = file(1, &[Simple("k", None, "from c")]);
    let mut c = source("c", &c);
    c.databases = vec![(1, 0)];
    let (report, out) = merged(&[source("a", &a), c], OnConflict::Last, target).unwrap();
    assert_eq!((report.keys, report.conflicts), (1, 1));
    assert_eq!(contents_of(&out).len(), 1);
}

#[test]
fn templates_of_several_files_do_not_meet() {
    let (_, templates) = made::intact()
        .into_iter()
        .find(|(name, _)| name.contains("template"))
        .unwrap();
    let templates: Arc<[u8]> = templates.into();
    let mut second = source("b", &templates);
    second.databases = (0..16).map(|db| (db, db + 100)).collect();
    let target = target::newest(redisk::model::kind::Flavour::Redis);
    let (report, out) = merged(
        &[source("a", &templates), second],
        OnConflict::Error,
        target,
    )
    .unwrap();
    let one = contents_of(&templates);
    assert_eq!(report.keys, 2 * one.len() as u64);
    let both = contents_of(&out);
    for ((db, key), value) in one {
        for db in [db, db + 100] {
            assert_eq!(both[&(db, key.clone())].value, value.value);
        }
    }
}

#[test]
fn libraries_are_united() {
    let with = |code: &str| -> Arc<[u8]> {
        let mut file = b"REDIS0011\xf5".to_vec();
        file.push(code.len() as u8);
        file.extend_from_slice(code.as_bytes());
        file.extend_from_slice(b"\xff\0\0\0\0\0\0\0\0");
        file.into()
    };
    let (a, b, longer) = (
        with("#!lua name=a\nx"),
        with("#!lua name=b\ny"),
        with("#!lua name=a\nxx"),
    );
    let new = Target::from_name("redis-7.2").unwrap();
    let (report, _) = merged(
        &[source("a", &a), source("b", &b), source("c", &a)],
        OnConflict::Error,
        new,
    )
    .unwrap();
    assert_eq!((report.functions, report.function_conflicts.len()), (2, 0));
    for (rule, code) in [
        (OnConflict::First, "x"),
        (OnConflict::Last, "xx"),
        (OnConflict::Largest, "xx"),
    ] {
        let (report, out) = merged(&[source("a", &a), source("c", &longer)], rule, new).unwrap();
        let conflicts = report.function_conflicts.iter();
        let conflicts: Vec<_> = conflicts.map(|c| (&c.library[..], &c.function)).collect();
        assert_eq!(conflicts, [(&b"a"[..], &None)]);
        let dumped = run::dumped(run::as_file("x", &out), Binary::Auto, false, 1);
        let text = String::from_utf8(dumped.out).unwrap();
        assert!(text.contains(&format!("name=a\\n{code}\"")), "{text}");
    }
    let e = merged(
        &[source("a", &a), source("c", &longer)],
        OnConflict::Error,
        new,
    )
    .unwrap_err();
    assert!(e.message().contains("function library \"a\""), "{e}");
    let old = Target::from_name("redis-6.2").unwrap();
    let (report, _) = merged(&[source("a", &a)], OnConflict::Error, old).unwrap();
    assert!(!report.sources[0].dumped.losses.is_empty());
    let e = merged(&[source("a", &with("no header"))], OnConflict::Error, new).unwrap_err();
    assert_eq!(
        (e.kind(), e.place().offset),
        (redisk::ErrorKind::Corrupt, Some(9))
    );
}

#[test]
fn damage_anywhere_ends_it() {
    let whole = run::read(&testdata("rdb/redis-7.0.15-std.rdb"));
    let torn: Arc<[u8]> = whole[..whole.len() - 100].into();
    let new = Target::from_name("redis-7.2").unwrap();
    let e = merged(
        &[source("a", &whole), source("b", &torn)],
        OnConflict::First,
        new,
    )
    .unwrap_err();
    assert!(e.kind().is_damage());
    assert_eq!(e.place().file.as_deref(), Some("b"));
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("parts");
    let e = split(run::as_file("b", &torn).unwrap(), new, By::Db, 2, &out).unwrap_err();
    assert!(e.kind().is_damage() && !out.exists());
}

/// A port that nobody uses.
fn port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Three nodes, each with a part, make a cluster that has every key.
fn cluster(kind: Kind) {
    if kind.program().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("parts");
    let bytes = run::read(&testdata("rdb/redis-7.0.15-std.rdb"));
    // A cluster has one database.
    let options = redisk::ops::convert::Options {
        filter: redisk::filter::Filter::new(
            vec![redisk::filter::Test {
                any_of: vec![redisk::filter::Rule::Db(0)],
                not: false,
            }],
            0,
        ),
        transform: redisk::filter::transform::Transform {
            ttl: redisk::filter::transform::Ttl::Strip,
            ..Default::default()
        },
        threads: 1,
        encode: encoding(target(&bytes)),
        checksum: true,
        progress: &|_| (),
    };
    let input = run::as_file("x", &bytes).unwrap();
    let (_, one) = redisk::ops::convert::rdb(
        input,
        redisk::sink::rdb::Role::Snapshot,
        &options,
        Vec::new(),
    );
    let one: Arc<[u8]> = one.unwrap().into();
    let by = By::Slots(SlotTable::even(3).unwrap());
    let report = split(run::as_file("x", &one).unwrap(), target(&one), by, 2, &out).unwrap();
    let mut nodes: Vec<(Server, u16)> = Vec::new();
    for part in &report.parts {
        let place = dir.path().join(part.file.strip_suffix(".rdb").unwrap());
        std::fs::create_dir(&place).unwrap();
        std::fs::copy(out.join(&part.file), place.join("dump.rdb")).unwrap();
        let (port, bus) = (port(), port());
        let (p, b) = (port.to_string(), bus.to_string());
        let args = [
            "--bind",
            "127.0.0.1",
            "--port",
            &p,
            "--cluster-port",
            &b,
            "--cluster-enabled",
            "yes",
        ];
        let server = Server::start_in(kind, &place, &args).unwrap();
        nodes.push((
            server.unwrap_or_else(|r| panic!("{}: {}", part.file, r.log)),
            bus,
        ));
        let (server, bus) = nodes.last_mut().unwrap();
        assert_eq!(
            server.cmd(&["DBSIZE"]).int() as u64,
            part.keys,
            "{}",
            part.file
        );
        // Those slots that have keys the node has taken already.
        let ranges = part
            .file
            .strip_prefix("slots-")
            .unwrap()
            .strip_suffix(".rdb")
            .unwrap();
        let (first, last) = ranges.split_once('-').unwrap();
        let (first, last): (u16, u16) = (first.parse().unwrap(), last.parse().unwrap());
        for slot in first..=last {
            let reply = server.cmd(&["CLUSTER", "ADDSLOTS", &slot.to_string()]);
            assert!(
                !matches!(&reply, Value::Error(e) if !e.contains("busy")),
                "{reply:?}"
            );
        }
        let _ = bus;
        if nodes.len() > 1 {
            let (to, bus) = (port.to_string(), nodes[nodes.len() - 1].1.to_string());
            assert_eq!(
                nodes[0]
                    .0
                    .cmd(&["CLUSTER", "MEET", "127.0.0.1", &to, &bus])
                    .text(),
                "OK"
            );
        }
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    for (node, _) in &mut nodes {
        while !node
            .cmd(&["CLUSTER", "INFO"])
            .text()
            .contains("cluster_state:ok")
        {
            assert!(std::time::Instant::now() < deadline, "{}", node.log());
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
    let mut found = 0;
    for (part, (node, _)) in report.parts.iter().zip(&mut nodes) {
        for (_, key) in state(&out.join(&part.file)).into_keys() {
            assert_eq!(
                node.cmd(&[&b"EXISTS"[..], &key]),
                Value::Int(1),
                "{key:?} in {}",
                part.file
            );
            found += 1;
        }
    }
    assert_eq!(found, contents_of(&one).len());
    assert!(found > 50);
    // What the cluster says of itself is a list of nodes to split by.
    let text = nodes[0].0.cmd(&["CLUSTER", "NODES"]).text();
    let table = SlotTable::of_nodes(text.as_bytes()).unwrap();
    let again = dir.path().join("again");
    let report = split(
        run::as_file("x", &one).unwrap(),
        target(&one),
        By::Slots(table),
        2,
        &again,
    )
    .unwrap();
    assert_eq!(report.parts.len(), 3);
    assert!(
        report
            .parts
            .iter()
            .all(|p| p.file.starts_with("node-127.0.0.1"))
    );
}

#[test]
fn three_redis_nodes_take_their_parts() {
    cluster(Kind::Redis);
}

#[test]
fn three_valkey_nodes_take_their_parts() {
    cluster(Kind::Valkey);
}
