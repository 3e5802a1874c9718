//! `redisk convert`: every source in every form, and what is left when something goes wrong.

use super::run::{Folder, Ran, command, damaged_rdb, data, redisk, redisk_in, std_rdb};
use crate::support::canonical::{Contents, Value, contents, differences, without_clocks};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

fn convert(from: impl AsRef<Path>, to: impl AsRef<Path>, more: &[&str]) -> Ran {
    redisk(&arguments(from.as_ref(), to.as_ref(), more))
}

fn arguments(from: &Path, to: &Path, more: &[&str]) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["convert".into(), from.into(), to.into()];
    args.extend(["--now", NOW].iter().chain(more).map(OsString::from));
    args
}

/// The moment that logs with relative times are replayed at.
const NOW: &str = "2026-11-20T00:00:00Z";

/// What redisk finds in a path.
fn state(path: impl AsRef<Path>) -> Contents {
    let mut args: Vec<OsString> = vec!["dump".into(), path.as_ref().into()];
    args.extend(["--binary", "base64", "--data-only", "--now", NOW].map(OsString::from));
    contents(&redisk(&args).exits(0).out)
}

/// Each kind of source, out of files that servers wrote.
fn sources(folder: &Folder) -> Vec<(&'static str, PathBuf)> {
    let gzip = |bytes: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    };
    let dumped = |args: &[&str]| redisk(args).exits(0).out;
    let file = std_rdb();
    let resp = dumped(&["dump", "--format", "resp", &file]);
    vec![
        ("rdb", file.clone().into()),
        (
            "rdb, compressed",
            folder.file("packed", &gzip(&std::fs::read(&file).unwrap())),
        ),
        ("aof", data("replay/redis-6.2.14-log.aof").into()),
        (
            "aof with an RDB",
            data("replay/redis-6.2.14-preamble.aof").into(),
        ),
        ("aof-dir", data("replay/redis-7.0.15-rdbbase.aofdir").into()),
        ("resp", folder.file("commands", &resp)),
        ("jsonl", folder.file("lines", &dumped(&["dump", &file]))),
        (
            "jsonl of base64",
            folder.file("lines64", &dumped(&["dump", "--binary", "base64", &file])),
        ),
        (
            "json",
            folder.file("array", &dumped(&["dump", "--format", "json", &file])),
        ),
    ]
}

/// Each form of output, and whether it keeps what only clocks know.
const FORMS: [(&str, &[&str], bool); 7] = [
    ("rdb", &["--to", "rdb"], true),
    ("aof", &["--to", "aof", "--target", "redis-6.2"], false),
    (
        "aof with an RDB",
        &["--to", "aof", "--base", "rdb", "--target", "redis-6.2"],
        false,
    ),
    ("aof-dir", &["--to", "aof-dir"], false),
    (
        "aof-dir of commands",
        &["--to", "aof-dir", "--base", "aof"],
        false,
    ),
    ("resp", &["--to", "resp", "--target", "redis-6.2"], false),
    ("jsonl", &["--to", "jsonl"], true),
];

/// Of some size, and with all that the kinds of values have.
fn is_real(contents: &Contents) {
    assert!(contents.len() > 20, "{}", contents.len());
}

#[test]
fn every_source_in_every_form() {
    let folder = Folder::new();
    for (source, path) in sources(&folder) {
        let want = state(&path);
        is_real(&want);
        for (i, (form, args, clocks)) in FORMS.iter().enumerate() {
            let out = folder.path(format!("out{i}"));
            convert(&path, &out, args).exits(0);
            let got = state(&out);
            let (want, got) = if *clocks {
                // Encodings are the target's.
                (want.clone(), got)
            } else {
                (without_clocks(want.clone()), without_clocks(got))
            };
            let (want, got) = (servers(want), servers(got));
            let wrong = differences(&got, &want);
            assert!(wrong.is_empty(), "{source} to {form}: {}", wrong[0]);
            if out.is_dir() {
                std::fs::remove_dir_all(&out).unwrap();
            } else {
                std::fs::remove_file(&out).unwrap();
            }
        }
    }
}

/// What a replay knows as well.
fn clockless(path: impl AsRef<Path>) -> Contents {
    without_clocks(servers(state(path)))
}

/// Without what is no data, or is not in every form: encodings, when and how often keys were used, and what servers
/// before 7.0 do not know of streams.
fn servers(mut contents: Contents) -> Contents {
    for key in contents.values_mut() {
        (key.freq, key.idle) = (None, None);
        key.encoding.clear();
        // Servers from 7.0 on forget the sign of a -0 when they pack it.
        if let Value::Scores(scores) = &mut key.value {
            for (_, bits) in scores.iter_mut().filter(|s| s.1 == (-0f64).to_bits()) {
                *bits = 0;
            }
        }
        if let Value::Stream(stream) = &mut key.value {
            stream.first_id = None;
            (stream.max_deleted_id, stream.entries_added) = (None, None);
            // Commands cannot make an entry pending that is gone; convert counts those as lost.
            let ids: BTreeSet<&str> = stream.entries.iter().map(|e| e.0.as_str()).collect();
            for group in &mut stream.groups {
                group.entries_read = None;
                group.pending.retain(|p| ids.contains(p.0.as_str()));
            }
        }
    }
    contents
}

/// The same without encodings.
fn plain(mut contents: Contents) -> Contents {
    for key in contents.values_mut() {
        key.encoding.clear();
    }
    contents
}

#[test]
fn lines_are_a_source() {
    let folder = Folder::new();
    let file = std_rdb();
    let want = plain(state(&file));
    for how in ["auto", "base64", "escape", "hex"] {
        let text = redisk(&["dump", "--binary", how, &file]).exits(0).out;
        let path = folder.file("x.jsonl", &text);
        assert_eq!(plain(state(&path)), want, "{how}");
        // The target is the one that the first line tells of.
        let out = folder.path("out.rdb");
        let ran = redisk_in(
            &arguments("-".as_ref(), &out, &["--json", "--force"]),
            &text,
        )
        .exits(0);
        let report: serde_json::Value = serde_json::from_slice(&ran.out).unwrap();
        assert_eq!(report["target"], "redis-7.0", "{how}");
        assert!(std::fs::read(&out).unwrap().starts_with(b"REDIS0010"));
        assert_eq!(plain(state(&out)), want, "{how}");
    }
    // Without the header all is as without a word.
    let text = redisk(&["dump", "--data-only", &file]).exits(0).out;
    assert_eq!(plain(state(folder.file("data", &text))), want);

    // Of a text no offsets are told.
    let (_, name) = want.keys().next().unwrap();
    let name = String::from_utf8(name.clone()).unwrap();
    let path = folder.path("x.jsonl");
    let args = [
        "get".into(),
        path.clone(),
        name.clone().into(),
        "--json".into(),
    ];
    let ran = redisk(&args.map(OsString::from)).exits(0);
    assert!(!ran.text().contains("\"offset\""), "{}", ran.text());

    // What is wrong is told by its line, and nothing is written.
    let mut text = redisk(&["dump", &file]).exits(0).out;
    text.extend_from_slice(b"{\"db\":0,\"key\":1}\n");
    let lines = text.iter().filter(|b| **b == b'\n').count();
    let path = folder.file("bad.jsonl", &text);
    let ran = convert(&path, folder.path("bad.rdb"), &[]).exits(1);
    assert!(ran.err.contains(&format!("line {lines}")), "{}", ran.err);
    assert!(!folder.path("bad.rdb").exists());
    let path = folder.file(
        "odd.jsonl",
        b"{\"rdb\":{\"magic\":\"REDIS\",\"version\":11},\"binary\":\"rot13\"}\n",
    );
    let ran = convert(&path, folder.path("bad.rdb"), &[]).exits(1);
    assert!(ran.err.contains("base64"), "{}", ran.err);
}

/// A file in which fields of hashes expire.
fn expiring() -> PathBuf {
    data("rdb/redis-7.4.1-lfu.rdb").into()
}

#[test]
fn strict_leaves_nothing() {
    let folder = Folder::new();
    let args = ["--target", "redis-6.2", "--strict"];
    let ran = convert(expiring(), folder.path("out.rdb"), &args).exits(2);
    assert!(
        ran.err.contains("redis-6.2 cannot hold all of it"),
        "{}",
        ran.err
    );
    let ran = convert(
        expiring(),
        folder.path("out"),
        &[
            "--to",
            "aof-dir",
            "--base",
            "aof",
            "--target",
            "redis-7.0",
            "--strict",
        ],
    )
    .exits(2);
    assert!(
        ran.err.contains("redis-7.0 cannot hold all of it"),
        "{}",
        ran.err
    );
    assert_eq!(folder.names(), [""; 0]);
    // An old one stays.
    let old = folder.file("old.rdb", b"old");
    let args = ["--target", "redis-6.2", "--strict", "--force"];
    convert(expiring(), &old, &args).exits(2);
    assert_eq!(std::fs::read(&old).unwrap(), b"old");
    // Without it the same is done, and said.
    let ran = convert(expiring(), &old, &["--target", "redis-6.2", "--force"]).exits(0);
    assert!(ran.err.contains("warning"), "{}", ran.err);
    assert_eq!(folder.names(), ["old.rdb"]);
}

#[test]
fn outputs_are_complete_or_not_there() {
    let folder = Folder::new();
    let out = folder.file("out.rdb", b"theirs");
    let ran = convert(std_rdb(), &out, &[]).exits(2);
    assert!(ran.err.contains("--force"), "{}", ran.err);
    assert_eq!(std::fs::read(&out).unwrap(), b"theirs");
    // Damage, halfway or at the checksum, leaves the old one.
    convert(damaged_rdb(), &out, &["--force"]).exits(1);
    assert_eq!(std::fs::read(&out).unwrap(), b"theirs");
    convert(damaged_rdb(), folder.path("set"), &["--to", "aof-dir"]).exits(1);
    assert_eq!(folder.names(), ["out.rdb"]);
    convert(std_rdb(), &out, &["--force"]).exits(0);
    assert_eq!(state(&out), state(std_rdb()));

    // A folder with something in it is never replaced.
    let set = folder.path("set");
    convert(std_rdb(), &set, &["--to", "aof-dir"]).exits(0);
    let names = |path: &Path| std::fs::read_dir(path).unwrap().count();
    assert_eq!(names(&set), 3);
    for more in [&[][..], &["--force"]] {
        let args: Vec<&str> = ["--to", "aof-dir"].iter().chain(more).copied().collect();
        let ran = convert(std_rdb(), &set, &args).exits(2);
        assert!(ran.err.contains("is there already"), "{}", ran.err);
    }
    assert_eq!(clockless(&set), clockless(std_rdb()));

    // What has no place.
    convert(std_rdb(), folder.path("no/out.rdb"), &[]).exits(2);
    convert(std_rdb(), folder.0.path(), &["--to", "rdb", "--force"]).exits(2);
    convert(std_rdb(), folder.path("what"), &[]).exits(2);
    convert(folder.path("nothing"), folder.path("x.rdb"), &[]).exits(2);
    assert_eq!(folder.names(), ["out.rdb", "set"]);
}

#[test]
fn a_damaged_log_leaves_nothing() {
    let folder = Folder::new();
    let whole = std::fs::read(data("replay/redis-6.2.14-log.aof")).unwrap();
    // Framing that does not hold, with sound commands behind it, and a last command that is cut.
    let at = whole.len() / 2;
    let command = whole[at..].windows(4).position(|it| it == b"\r\n*3");
    let mut broken = whole.clone();
    broken[at + command.unwrap() + 2] = b'x';
    let broken = folder.file("broken.aof", &broken);
    let torn = folder.file("torn.aof", &whole[..whole.len() - 3]);
    let out = folder.path("out");
    let out = out.to_str().unwrap();
    for (file, name) in [(&broken, "broken.aof"), (&torn, "torn.aof")] {
        let mut all: Vec<Vec<&str>> = Vec::new();
        let file = file.to_str().unwrap();
        for form in ["rdb", "aof", "aof-dir", "resp", "jsonl"] {
            all.push(vec!["convert", file, out, "--to", form]);
        }
        all.push(vec!["dump", file, "--output", out]);
        all.push(vec!["get", file, "sosu.s.0", "--output", out]);
        all.push(vec!["replay", file, "--out", out]);
        for args in all {
            let ran = redisk(&args).exits(1);
            assert!(ran.err.contains(name), "{args:?}: {}", ran.err);
            assert_eq!(folder.names(), ["broken.aof", "torn.aof"], "{args:?}");
        }
    }
}

#[test]
fn lines_are_compressed_by_name() {
    let folder = Folder::new();
    let plain = folder.path("out.jsonl");
    convert(std_rdb(), &plain, &[]).exits(0);
    let packed = folder.path("out.jsonl.gz");
    convert(std_rdb(), &packed, &[]).exits(0);
    let mut lines = Vec::new();
    let packed = std::fs::File::open(&packed).unwrap();
    flate2::read::GzDecoder::new(packed)
        .read_to_end(&mut lines)
        .unwrap();
    assert_eq!(lines, std::fs::read(&plain).unwrap());
}

#[test]
fn a_file_may_become_its_own_conversion() {
    let folder = Folder::new();
    let file = folder.file("dump.rdb", &std::fs::read(std_rdb()).unwrap());
    let want = state(&file);
    let args = ["--target", "redis-6.2", "--force"];
    convert(&file, &file, &args).exits(0);
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"REDIS0009"));
    let wrong = differences(&servers(state(&file)), &servers(want.clone()));
    assert!(wrong.iter().all(|w| w.contains("stream")), "{wrong:?}");
    // A log, whose state is made before the first byte is written.
    let log = folder.path("x.aof");
    convert(std_rdb(), &log, &["--target", "redis-6.2"]).exits(0);
    convert(&log, &log, &["--force", "--target", "redis-6.2"]).exits(0);
    assert_eq!(clockless(&log), without_clocks(servers(want)));
    assert_eq!(folder.names(), ["dump.rdb", "x.aof"]);
}

/// A file of that many bytes which takes no room: a beginning that nobody reads on from, and then a hole.
fn hollow(folder: &Folder, size: u64) -> PathBuf {
    let path = folder.file("hollow.rdb", b"REDIS0011\xfe\0\x99");
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(size).unwrap();
    path
}

#[cfg(target_os = "linux")]
#[test]
fn too_little_space_is_said_before_the_work() {
    let folder = Folder::new();
    let size = 8u64 << 40;
    let file = hollow(&folder, size);
    let ran = convert(&file, folder.path("out.rdb"), &["--quiet"]).exits(2);
    assert!(ran.err.contains("are left on its disk"), "{}", ran.err);
    // What may become small is tried, after a word.
    let ran = convert(&file, folder.path("out.rdb.gz"), &[]).exits(1);
    assert!(ran.err.contains("are left on its disk"), "{}", ran.err);
    // What goes elsewhere is not judged.
    let ran = convert(&file, "-", &["--to", "rdb"]).exits(1);
    assert!(!ran.err.contains("are left"), "{}", ran.err);
    assert_eq!(folder.names(), ["hollow.rdb"]);
}

/// As on a full disk: no file may grow beyond 16 blocks of 512 or 1024 bytes.
#[cfg(unix)]
#[test]
fn a_disk_that_fills_up_leaves_the_old_file() {
    let folder = Folder::new();
    // Nothing that could be compressed.
    let mut random = 1u64;
    let mut text = vec![0; 1 << 20];
    for byte in &mut text {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        *byte = random as u8;
    }
    let mut file = b"REDIS0011\xfe\0\0\x01k\x80\0\x10\0\0".to_vec();
    file.extend_from_slice(&text);
    file.extend_from_slice(b"\xff\0\0\0\0\0\0\0\0");
    let from = folder.file("in.rdb", &file);
    let old = folder.file("old.rdb", b"old");
    let program = env!("CARGO_BIN_EXE_redisk");
    for (out, more) in [
        ("old.rdb", "--force"),
        ("new.rdb", ""),
        ("new.aof", ""),
        ("new.jsonl", ""),
        ("new", "--to aof-dir"),
        ("new", "--to aof-dir --base aof"),
        ("new.rdb.gz", ""),
        ("new.rdb.zst", ""),
    ] {
        let line = format!(
            "ulimit -f 16; trap '' XFSZ; exec '{program}' convert '{}' '{}' {more}",
            from.display(),
            folder.path(out).display(),
        );
        let ran = std::process::Command::new("sh")
            .args(["-c", &line])
            .output()
            .unwrap();
        let err = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{out} {more}: {err}");
        assert!(err.starts_with("error: "), "{err}");
        assert_eq!(folder.names(), ["in.rdb", "old.rdb"], "{out} {more}");
    }
    assert_eq!(std::fs::read(&old).unwrap(), b"old");
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let closed = folder.path("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o500)).unwrap();
    // Root may write everywhere but in such places.
    let places = [closed.clone(), "/proc".into()];
    for place in places {
        if std::fs::write(place.join("probe"), b"").is_ok() {
            std::fs::remove_file(place.join("probe")).unwrap();
            continue;
        }
        let ran = convert(std_rdb(), place.join("out.rdb"), &[]).exits(2);
        assert!(ran.err.contains("out.rdb"), "{}", ran.err);
        let ran = convert(std_rdb(), place.join("set"), &["--to", "aof-dir"]).exits(2);
        assert!(ran.err.contains("set"), "{}", ran.err);
    }
    assert_eq!(std::fs::read_dir(&closed).unwrap().count(), 0);
}

/// Starts with part of a file on standard input, and ends it with that signal once it has begun to write.
#[cfg(unix)]
fn ended(folder: &Folder, args: &[OsString], signal: &str) -> std::process::ExitStatus {
    let before = folder.names();
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = std::fs::read(std_rdb()).unwrap();
    stdin.write_all(&bytes[..bytes.len() / 2]).unwrap();
    let begun = std::time::Instant::now();
    while folder.names() == before {
        assert!(begun.elapsed().as_secs() < 20, "no output was begun");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let kill = std::process::Command::new("kill")
        .args([format!("-{signal}"), child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    child.wait().unwrap()
}

#[cfg(unix)]
#[test]
fn whoever_ends_it_finds_the_old_state() {
    use std::os::unix::process::ExitStatusExt;
    let folder = Folder::new();
    let old = folder.file("old.rdb", b"old");
    let new = folder.path("set");
    let forms = [
        arguments("-".as_ref(), &old, &["--force"]),
        arguments("-".as_ref(), &new, &["--to", "aof-dir"]),
    ];
    for args in &forms {
        for (signal, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
            let status = ended(&folder, args, signal);
            assert_eq!(status.signal(), Some(number));
            assert_eq!(folder.names(), ["old.rdb"]);
        }
    }
    // Nobody cleans up behind this one: what it began has another name, which the next one does not mind.
    for args in &forms {
        let status = ended(&folder, args, "KILL");
        assert_eq!(status.signal(), Some(9));
    }
    assert_eq!(std::fs::read(&old).unwrap(), b"old");
    assert!(!new.exists());
    let left = folder.names();
    assert_eq!(left.len(), 3, "{left:?}");
    for name in left.iter().filter(|n| *n != "old.rdb") {
        assert!(name.starts_with('.') && name.ends_with(".tmp"), "{name}");
    }
    convert(std_rdb(), &old, &["--force"]).exits(0);
    convert(std_rdb(), &new, &["--to", "aof-dir"]).exits(0);
    assert_eq!(clockless(&new), clockless(&old));
}
