//! What is written for a server: judged by our own reader, and loaded by real servers.

use crate::support::canonical::{Contents, contents, differences, fields_pass};
use crate::support::server::{Kind, Server};
use crate::support::{files, name, now_ms, run};
use redisk::engine::digest::{self, FieldExpiry};
use redisk::filter::{Filter, Rule, Test, Ttl};
use redisk::input::open::Input;
use redisk::limits::Sizes;
use redisk::model::kind::Flavour;
use redisk::model::loss::{Loss, Losses};
use redisk::model::target::{self, TARGETS, Target};
use redisk::ops::convert::{self, Options};
use redisk::rdb::choose::Thresholds;
use redisk::rdb::encode::{self, Packer};
use redisk::sink::bytes::Binary;
use redisk::sink::rdb::Role;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

fn options(target: &'static Target, filter: Filter, packer: Packer) -> Options<'static> {
    Options {
        filter,
        transform: redisk::filter::transform::Transform::default(),
        threads: 2,
        encode: encode::Options {
            target,
            thresholds: Thresholds::default(),
            compress: true,
            packer,
            drop_modules: false,
            one_by_one: true,
        },
        checksum: true,
        progress: &|_| (),
    }
}

/// An RDB for a target, or why there is none.
fn converted(
    input: redisk::Result<Input>,
    options: &Options<'_>,
) -> Result<(Vec<u8>, Losses), redisk::Error> {
    let (report, out) = convert::rdb(input?, Role::Snapshot, options, Vec::new());
    Ok((out?, report.losses))
}

/// What the engine makes of a file, where it takes all of it.
fn by_engine(bytes: &Arc<[u8]>) -> Option<Arc<[u8]>> {
    let is_valkey = bytes.starts_with(b"VALKEY");
    let target = target::newest(if is_valkey {
        Flavour::Valkey
    } else {
        Flavour::Redis
    });
    let mut made = Vec::new();
    let mut engine = run::try_replayed(bytes.to_vec(), target).ok()?;
    engine.drain().read_to_end(&mut made).unwrap();
    Some(made.into())
}

fn state(bytes: &Arc<[u8]>) -> Contents {
    let dumped = run::dumped(run::as_file("x", bytes), Binary::Base64, true, 2);
    assert_eq!(dumped.error, None);
    contents(&dumped.out)
}

/// What was lost, by kind.
fn lost(losses: &Losses) -> BTreeMap<&'static str, u64> {
    losses
        .iter()
        .map(|(loss, lost)| (loss.name(), lost.count))
        .collect()
}

/// What is wrong with a file as it was written for a server.
fn wrong(bytes: &Arc<[u8]>, target: &'static Target, packer: Packer, sizes: Sizes) -> Vec<String> {
    let input = run::as_file("x", bytes).map(|mut input| {
        input.sizes = sizes;
        input
    });
    let (out, losses) = match converted(input, &options(target, Filter::default(), packer)) {
        Ok(done) => done,
        // The hand-made ones hold what no server writes and this one refuses.
        Err(e) if e.to_string().contains("does not load this") => return Vec::new(),
        Err(e) => return vec![e.to_string()],
    };
    let out: Arc<[u8]> = out.into();
    let mut wrong = Vec::new();
    let report = run::verify(run::as_file("y", &out).unwrap(), 1).unwrap();
    if report.damaged() || !report.loads(target) {
        wrong.push(run::verified(run::as_file("y", &out), 1));
    }
    let (from, to) = (state(bytes), state(&out));
    if losses.is_empty() {
        // As servers do, a -0 loses its sign where a small skiplist becomes a listpack.
        wrong.extend(differences(&from, &to));
    }
    let gone = losses.count(Loss::Key);
    if to.len() as u64 + gone != from.len() as u64 {
        wrong.push(format!(
            "{} keys in, {} out, {gone} lost",
            from.len(),
            to.len()
        ));
    }
    let each: u64 = losses.each().map(|(_, n, _)| n).sum();
    if each != lost(&losses).values().sum::<u64>() {
        wrong.push("the losses one by one are not their sum".to_owned());
    }
    wrong
}

#[test]
fn every_file_for_every_server() {
    let mut all = Vec::new();
    let mut tried = 0;
    for (name, bytes) in run::intact() {
        let made = by_engine(&bytes);
        for target in &TARGETS {
            for (packer, sizes) in [
                (Packer::Server, Sizes::default()),
                (Packer::Other, Sizes::default()),
                (Packer::Other, run::TINY),
                (Packer::Engine, Sizes::default()),
                (Packer::Engine, run::TINY),
            ] {
                let bytes = match (packer, &made) {
                    (Packer::Engine, Some(made)) => made,
                    (Packer::Engine, None) => continue,
                    _ => &bytes,
                };
                tried += 1;
                let wrong = wrong(bytes, target, packer, sizes);
                let wrong = wrong.iter().take(3);
                all.extend(wrong.map(|w| format!("{name} for {target}, {packer:?}: {w}")));
            }
        }
    }
    for line in all.iter().take(20) {
        eprintln!("{}", line.chars().take(700).collect::<String>());
    }
    assert!(all.is_empty(), "{} of {tried} are wrong", all.len());
}

/// Written anew for the server that wrote it, every value gets the encoding that it had.
#[test]
fn encodings_are_those_of_the_server() {
    let (mut tried, mut stayed) = (0, 0);
    for path in files("rdb", ".rdb") {
        let name = name(&path);
        let Some(target) = TARGETS
            .iter()
            .find(|t| name.starts_with(&format!("{}.", t.name)))
        else {
            continue;
        };
        // Servers with other thresholds, and values that are copied.
        if ["smallenc", "modules", "vectorset"]
            .iter()
            .any(|w| name.contains(w))
        {
            continue;
        }
        let bytes = run::read(&path);
        let (out, losses) = converted(
            run::as_file("x", &bytes),
            &options(target, Filter::default(), Packer::Other),
        )
        .unwrap();
        assert!(losses.is_empty(), "{name}: {:?}", lost(&losses));
        let to = state(&out.into());
        for (id, key) in state(&bytes) {
            let now = &to[&id];
            // How a string is packed is LZF's choice; big sets of small integers may stay what they became.
            if key.kind == "string" || key.kind == "set" {
                continue;
            }
            tried += 1;
            // What once was large, or had fields that expire, stays so in a server.
            let grown = matches!(
                key.encoding.as_str(),
                "listpackex" | "hashtable" | "skiplist"
            );
            if grown && now.encoding != key.encoding {
                assert!(now.encoding.starts_with("listpack") || now.encoding == "ziplist");
                stayed += 1;
                continue;
            }
            assert_eq!(now.encoding, key.encoding, "{name}: {id:?}");
        }
    }
    assert!(tried > 500 && stayed * 20 < tried, "{stayed} of {tried}");
}

/// Keys whose time has passed are dropped by a server that loads a snapshot.
fn unexpired(now_ms: i64) -> Filter {
    let test = Test {
        any_of: vec![Rule::Ttl(Ttl::Expired)],
        not: true,
    };
    Filter::new(vec![test], now_ms)
}

/// A server loads all files that were converted for it, and has the state that our engine has.
fn loaded_by(kind: Kind) {
    let Some(mut server) = Server::start(kind, &[]) else {
        return;
    };
    let (family, (major, minor, _)) = server.version();
    let family = match family {
        Kind::Redis => "redis",
        Kind::Valkey => "valkey",
    };
    let target = Target::from_name(&format!("{family}-{major}.{minor}")).unwrap();
    let mut args = vec!["--databases", "3000"];
    if target.version >= (7, 0) {
        args.extend(["--enable-debug-command", "local"]);
    }
    let mut wrong = Vec::new();
    for (name, bytes) in run::intact() {
        // Modules are not there.
        if name.contains("modul") || name.contains("key-meta") || name.contains("order") {
            continue;
        }
        // A slot import breaks every Valkey that runs outside of a cluster.
        if target.flavour == Flavour::Valkey && name.contains("records-valkey") {
            continue;
        }
        let made = converted(
            run::as_file("x", &bytes),
            &options(target, unexpired(now_ms()), Packer::Server),
        );
        let Ok((out, _)) = made else { continue };
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("dump.rdb"), &out).unwrap();
        let mut server = match Server::start_in(kind, dir.path(), &args).unwrap() {
            Ok(server) => server,
            Err(refused) => {
                let log: Vec<&str> = refused.log.lines().rev().take(5).collect();
                wrong.push(format!("{name}: refused: {}", log.join("\n")));
                continue;
            }
        };
        // Such fields go at once, or while we look.
        if fields_pass(&state(&out.clone().into()), now_ms() + 3_600_000) {
            continue;
        }
        let seen = server.cmd(&["DEBUG", "DIGEST"]).text();
        let engine = run::replayed(out, target);
        let fields = match target.flavour {
            Flavour::Redis => FieldExpiry::Counts,
            Flavour::Valkey => FieldExpiry::Ignored,
        };
        let ours = digest::digest(&engine.keys, fields, 1);
        let ours = [ours.fpconv.to_string(), ours.g17.to_string()];
        if !ours.contains(&seen) {
            wrong.push(format!("{name}: the digest is {seen}, ours {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{target}: {}", wrong.join("\n"));
}

#[test]
fn redis_loads_what_is_written_for_it() {
    loaded_by(Kind::Redis);
}

#[test]
fn valkey_loads_what_is_written_for_it() {
    loaded_by(Kind::Valkey);
}
