//! Whether a server loads a file: what `verify` says of the hand-made ones, against a server that tries.
//!
//! Each file is given a version that the server accepts, so that not the version but the contents decide.

use crate::support::made;
use crate::support::run;
use crate::support::server::{Kind, Server};
use redisk::input::checksum::crc64;
use redisk::model::target::{TARGETS, Target};
use redisk::ops::verify::Report;
use std::path::PathBuf;

/// What cannot be compared, and why.
const EXCEPT: [(&str, &str); 7] = [
    ("modules", "needs a module"),
    ("module-mark", "needs a module"),
    ("key-meta", "needs a module"),
    ("order", "has databases beyond the default"),
    (
        "records-valkey",
        "an import of slots outside a cluster ends the server",
    ),
    (
        "zset-text",
        "scanf takes the digits in front of what is no number",
    ),
    (
        "stream-two-owners",
        "Redis 8.0.6 refuses it, 8.6.3 does not",
    ),
];

/// The same file with the newest version that the server accepts, and a right checksum if it had one.
fn for_target(bytes: &[u8], target: &Target) -> Option<Vec<u8>> {
    let own = bytes.get(5..9).filter(|_| bytes.starts_with(b"REDIS"));
    let version = match own {
        Some(digits) => std::str::from_utf8(digits).ok()?.parse::<u16>().ok()?,
        // Valkey's files as they are.
        None => {
            return (bytes.starts_with(b"VALKEY08") && target.rdb >= 80).then(|| bytes.to_vec());
        }
    };
    let most = if target.rdb >= 80 { 11 } else { target.rdb };
    let mut out = bytes.to_vec();
    out[5..9].copy_from_slice(format!("{:04}", version.min(most)).as_bytes());
    if version >= 5 && out.len() >= 18 {
        let end = out.len() - 8;
        let summed = crc64(&bytes[..end]).to_le_bytes() == bytes[end..];
        // The end is somewhere inside, or cut off.
        if !summed {
            return None;
        }
        let crc = crc64(&out[..end]);
        out[end..].copy_from_slice(&crc.to_le_bytes());
    }
    Some(out)
}

fn target_of(kind: Kind) -> Option<(PathBuf, &'static Target)> {
    let program = kind.program()?;
    let (kind, (major, minor, _)) = Server::start(kind, &[])?.version();
    let family = match kind {
        Kind::Redis => "redis",
        Kind::Valkey => "valkey",
    };
    let name = format!("{family}-{major}.{minor}");
    let target = Target::from_name(&name);
    if target.is_none() {
        eprintln!(
            "SKIPPED: {name} is not among the {} servers known",
            TARGETS.len()
        );
    }
    target.map(|target| (program, target))
}

fn agree(kind: Kind) {
    let Some((program, target)) = target_of(kind) else {
        return;
    };
    let mut wrong = Vec::new();
    let mut tried = 0;
    for (name, bytes) in made::intact().into_iter().chain(made::damaged()) {
        let Some(bytes) = for_target(&bytes, target) else {
            continue;
        };
        if EXCEPT.iter().any(|(except, _)| *except == name) {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("dump.rdb"), &bytes).unwrap();
        let server = Server::run(&program, tempfile::tempdir().unwrap(), dir.path(), &[]);
        let said = run::verify(run::as_file(name, &bytes.into()).unwrap(), 1);
        let said = said
            .as_ref()
            .is_ok_and(|report: &Report| report.loads(target));
        tried += 1;
        match server {
            Ok(_) if !said => wrong.push(format!("{name}: {target} loads it")),
            Err(refused) if said => {
                let log = refused
                    .log
                    .lines()
                    .rev()
                    .take(12)
                    .collect::<Vec<_>>()
                    .join("\n  ");
                wrong.push(format!("{name}: {target} refuses it:\n  {log}"));
            }
            _ => {}
        }
    }
    eprintln!("{target}: {tried} files tried");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn redis_loads_what_verify_says() {
    agree(Kind::Redis);
}

#[test]
fn valkey_loads_what_verify_says() {
    agree(Kind::Valkey);
}
