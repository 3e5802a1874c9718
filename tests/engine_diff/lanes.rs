//! Two threads that each run the commands of some keys lead to what one leads to.

use super::{FAMILIES, list, stream};
use crate::support::canonical::contents;
use crate::support::diff::is_too_much;
use crate::support::run;
use crate::support::shapes::{Argv, Family, Shapes, read};
use redisk::engine::digest::{self, Digests, FieldExpiry};
use redisk::engine::keys::lane_of;
use redisk::input::open::Input;
use redisk::model::target::Target;
use redisk::ops::replay::{self, Options, Report, Until};
use redisk::resp::encode;
use redisk::sink::bytes::Binary;
use redisk::source::aof::Source;
use std::io::Cursor;

/// What is about more than one key, or about all.
const AROUND: Family = Family {
    name: "around",
    shapes: "
        SELECT <db>
        SELECT nothing
        MULTI
        EXEC
        DISCARD
        FLUSHDB
        SWAPDB <db> <db>
        MOVE <any> <db>
        COPY <any> <any> DB <db>
        COPY <any> <any> REPLACE
        RENAME <any> <any>
        MSET <any> 1 <any> 2
        DEL <any> <any>
        UNLINK <any>
        SORT <any> BY nosort STORE <any>
        SUNIONSTORE <any> <any> <any>
        GET
        LPUSH <any> x
    ",
    words: |shapes, class| match class {
        "any" => {
            let homes: Vec<&str> = FAMILIES.iter().map(|f| f.name).collect();
            let home = shapes.one(&homes);
            Some(format!("{home}{}", shapes.below(4)).into_bytes())
        }
        "db" => Some(shapes.number(0, 3)),
        _ => None,
    },
};

/// Chance has the last word there.
fn is_by_chance(argv: &Argv) -> bool {
    argv.first()
        .is_some_and(|name| name.eq_ignore_ascii_case(b"SPOP"))
}

fn log(seed: u64, commands: usize, around: usize, dialect: &Target) -> Vec<u8> {
    let mut families: Vec<Shapes> = FAMILIES.iter().map(|f| Shapes::new(seed, f)).collect();
    let mut others = Shapes::new(seed, &AROUND);
    let mut log = Vec::new();
    let mut put = |argv: &Argv| {
        let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        encode::command(&argv, &mut log);
    };
    for n in 0..commands {
        let argv = if n == commands / 2 {
            // More than a block holds.
            vec![b"SET".to_vec(), b"big".to_vec(), vec![b'x'; 2 << 20]]
        } else if others.below(1000) < around {
            others.command()
        } else {
            let family = others.below(families.len());
            families[family].command()
        };
        let waits = list::waits(&argv) || stream::waits(&argv);
        if !(is_too_much(dialect, &argv) || waits || is_by_chance(&argv)) {
            put(&argv);
        }
    }
    // What is left open does not happen.
    put(&read("EXEC"));
    log
}

struct Outcome {
    dump: Vec<u8>,
    report: Report,
    digests: Digests,
}

fn replayed(log: &[u8], target: &'static Target, parted_from: u64, threads: usize) -> Outcome {
    let input = Input::of("log", Box::new(Cursor::new(log.to_vec())), None, None);
    let source = Source::File(input.unwrap());
    let mut engine = replay::engine(&source, Some(target));
    let options = Options {
        until: Until::default(),
        skip_unknown: true,
        skip_scripts: false,
        now_ms: 1_000_000_000_000,
        threads,
        parted_from,
        max_memory: None,
        progress: &|_| (),
    };
    let report = replay::replay(source, &mut engine, &options).unwrap();
    assert_eq!(engine.keys.is_parted(), parted_from == 0);
    let digests = digest::digest(&engine.keys, FieldExpiry::Counts, threads);
    let state = Input::of("state", Box::new(engine.drain()), None, None);
    let dumped = run::dumped(state, Binary::Base64, true, threads);
    assert!(dumped.error.is_none(), "{:?}", dumped.error);
    Outcome {
        dump: dumped.out,
        report,
        digests,
    }
}

/// Some keys of each family are in one lane, some in the other.
#[test]
fn keys_are_in_both_lanes() {
    let of = |n| lane_of(format!("string{n}").as_bytes());
    let lanes: std::collections::BTreeSet<usize> = (0..16).map(of).collect();
    assert_eq!(lanes.len(), 2);
}

#[test]
fn two_lanes_lead_to_what_one_leads_to() {
    let mut refused = 0;
    for (seed, around) in [(1, 0), (2, 1), (3, 20), (4, 300)] {
        for name in ["redis-8.6", "valkey-9.1"] {
            let target = Target::from_name(name).unwrap();
            let log = log(seed, 12_000, around, target);
            let one = replayed(&log, target, u64::MAX, 1);
            refused += one.report.refused;
            let alone = replayed(&log, target, 0, 1);
            let beside = replayed(&log, target, 0, 2);
            // The order of the keys, too, is the same with any number of threads.
            assert!(alone.dump == beside.dump, "seed {seed} as {name}");
            assert!(contents(&one.dump) == contents(&beside.dump));
            for other in [&alone, &beside] {
                assert_eq!(one.digests, other.digests, "seed {seed} as {name}");
                assert_eq!(one.report.commands, other.report.commands);
                assert_eq!(one.report.refused, other.report.refused);
                let told = |of: &Outcome| {
                    let all = of.report.refusals.iter();
                    all.map(|r| (r.number, r.at, r.command.clone(), r.text.clone()))
                        .collect::<Vec<_>>()
                };
                assert_eq!(told(&one), told(other), "seed {seed} as {name}");
            }
        }
    }
    assert!(refused > 100, "too little was refused: {refused}");
}
