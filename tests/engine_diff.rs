//! The engine against real servers: random commands go to both, and replies and what can be read in the end must agree.
//!
//! ```text
//! shapes of a family ─▶ 100 commands ─▶ server ─▶ replies ─╮
//!                                   ╰─▶ engine ─▶ replies ─┴▶ equal? ─▶ every key, its type, content and expiry: equal?
//! ```
//!
//! A family is a file in `engine_diff/` with its shapes, and a row in [`FAMILIES`]. What differs is shrunk and printed as a
//! list of commands; put under a headline of its own in `engine_diff/kept.txt`, it is run first ever after.
//!
//! | environment | |
//! |---|---|
//! | `REDISK_DIFF_COMMANDS=200000` | so many a server, instead of a few seconds |
//! | `REDISK_DIFF_FAMILY=str,hash` | these families only |
//! | `REDISK_DIFF_SEED=7` | other chances |
//! | `REDISK_DIFF_RESP3=1` | in RESP3 |
//! | `REDISK_DIFF_ENCODINGS=1` | `OBJECT ENCODING` of every key must agree too |
//! | `REDISK_DIFF_EFFECTS=1` | what servers write to their logs is compared, too: not all of it agrees yet |
//! | `REDISK_DIFF_STATS=1` | how many of each command were answered, and refused |
//! | `REDISK_REDIS8_SERVER` | a newer Redis, beside those of [`crate::support::server`] |

mod bitmap;
mod effects;
mod geo;
mod hash;
mod hyperloglog;
mod lanes;
mod list;
mod set;
mod stream;
mod string;
mod zset;

use crate::support::diff::Pair;
use crate::support::server::Kind;
use crate::support::shapes::{Argv, Family, Shapes, read, typed};
use std::collections::BTreeSet;
use std::path::PathBuf;

const FAMILIES: &[&Family] = &[
    &string::FAMILY,
    &bitmap::FAMILY,
    &hyperloglog::FAMILY,
    &hash::FAMILY,
    &list::FAMILY,
    &set::FAMILY,
    &zset::FAMILY,
    &geo::FAMILY,
    &stream::FAMILY,
];

/// Other types to stumble over, expiries, and keys that go.
const ALL: Family = Family {
    name: "all",
    shapes: "
        SET <any> <v>
        RPUSH <any> { <v> }
        SADD <any> { <m> }
        HSET <any> { <m> <v> }
        ZADD <any> { <score> <m> }
        PEXPIREAT <any> <far>
        DEL <any>
    ",
    words: |shapes, class| match class {
        "any" => {
            let homes: Vec<&str> = FAMILIES.iter().map(|f| f.name).collect();
            let home = shapes.one(&homes);
            Some(format!("{home}{}", shapes.below(4)).into_bytes())
        }
        "score" => Some(shapes.number(-20, 20)),
        "far" => Some(b"4102444800000".to_vec()),
        _ => None,
    },
};

#[test]
fn redis_agrees() {
    if let Some(pair) = Pair::start(Kind::Redis, resp3()) {
        against(pair);
    }
}

#[test]
fn valkey_agrees() {
    if let Some(pair) = Pair::start(Kind::Valkey, resp3()) {
        against(pair);
    }
}

#[test]
fn redis_8_agrees() {
    match std::env::var_os("REDISK_REDIS8_SERVER").filter(|p| !p.is_empty()) {
        Some(program) => against(Pair::of(&PathBuf::from(program), resp3())),
        None => eprintln!("SKIPPED: REDISK_REDIS8_SERVER is not set"),
    }
}

#[test]
fn commands_are_read_as_they_are_typed() {
    let argv: Argv = [&b"SET"[..], b"", b"a b", b"\"\\", b"\0\xff\r\n", b"#x"]
        .map(<[u8]>::to_vec)
        .to_vec();
    assert_eq!(read(&typed(&argv)), argv);
}

fn resp3() -> bool {
    std::env::var_os("REDISK_DIFF_RESP3").is_some_and(|v| v != "0")
}

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value}")))
}

/// Commands in one sequence.
const SEQUENCE: u64 = 100;

/// So many differences of a family are enough, each in another command.
const FOUND: usize = 12;

/// What was found before: a line `# headline` (`# tight: headline` with small limits), then the commands.
const KEPT: &str = include_str!("engine_diff/kept.txt");

fn against(mut pair: Pair) {
    let started = std::time::Instant::now();
    let mut wrong = Vec::new();
    for block in KEPT.split("\n\n").map(str::trim).filter(|b| !b.is_empty()) {
        let (headline, commands) = block.split_once('\n').unwrap_or((block, ""));
        let tight = headline.starts_with("# tight:");
        let commands: Vec<Argv> = commands
            .lines()
            .filter(|l| !l.starts_with('#'))
            .map(read)
            .collect();
        if let Some(differs) = pair.compare(&commands, tight) {
            wrong.push(format!("{headline}\n{differs:#?}"));
        }
    }
    let only = std::env::var("REDISK_DIFF_FAMILY").unwrap_or_default();
    let families: Vec<&&Family> = FAMILIES
        .iter()
        .filter(|f| only.is_empty() || only.split(',').any(|o| o == f.name))
        .collect();
    let each = number("REDISK_DIFF_COMMANDS").unwrap_or(20_000) / families.len().max(1) as u64;
    let seed = number("REDISK_DIFF_SEED").unwrap_or(1);
    for family in families {
        let mut shapes = Shapes::new(seed, family);
        let mut others = Shapes::new(seed, &ALL);
        let mut seen = BTreeSet::new();
        for _ in 0..each.div_ceil(SEQUENCE) {
            let commands: Vec<Argv> = (0..SEQUENCE)
                .map(|_| {
                    if others.percent(8) {
                        others.plain()
                    } else {
                        shapes.command()
                    }
                })
                .filter(|argv| !pair.is_too_much(argv))
                .filter(|argv| !list::waits(argv) && !stream::waits(argv))
                .filter(|argv| !geo::is_undefined(argv))
                .collect();
            let tight = others.percent(40);
            let Some(found) = pair.compare(&commands, tight) else {
                continue;
            };
            let (commands, tight, differs) = pair.shrink(&commands, tight, &found);
            if !seen.insert(differs.what.split_once(' ').map(|w| w.0.to_uppercase())) {
                continue;
            }
            let lines: Vec<String> = commands.iter().map(|c| typed(c)).collect();
            wrong.push(format!(
                "# {}{}\n{}\n\n{}",
                if tight { "tight: " } else { "" },
                family.name,
                lines.join("\n"),
                differs.what
            ));
            if seen.len() == FOUND {
                break;
            }
        }
    }
    eprintln!(
        "{}: {} commands in {:.1?}",
        pair.name,
        pair.ran,
        started.elapsed()
    );
    if std::env::var_os("REDISK_DIFF_STATS").is_some() {
        for (name, (answered, refused)) in &pair.answered {
            eprintln!("{name:20} {answered:8} {refused:8}");
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differs:\n\n{}\n",
        pair.name,
        wrong.join("\n\n")
    );
}
