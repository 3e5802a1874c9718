//! Append-only files from standard input, compressed, with giant arguments, and growing.

use super::run::*;
use serde_json::Value;
use std::io::Write;

const PREAMBLE: &str = "aof/redis-6.2.14-preamble-only.aof";

fn resp(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        write!(out, "${}\r\n{word}\r\n", word.len()).unwrap();
    }
    out
}

fn plain() -> Vec<u8> {
    [
        &resp(&["SELECT", "3"])[..],
        b"#TS:1700000000\r\n",
        &resp(&["SET", "k", "two words"]),
        &resp(&["MULTI"]),
        &resp(&["DEL", "k"]),
        &resp(&["EXEC"]),
    ]
    .concat()
}

/// An RDB with commands behind it.
fn preamble() -> Vec<u8> {
    let rdb = std::fs::read(data(PREAMBLE)).unwrap();
    [&rdb[..], &plain()].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut to = lz4_flex::frame::FrameEncoder::new(Vec::new());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

/// The same answer whether a file is named, comes from standard input, or is compressed, whatever its name.
#[test]
fn all_ways_in_give_the_same() {
    for (bytes, commands) in [(plain(), 5), (preamble(), 5)] {
        let folder = Folder::new();
        let name = folder.file("log", &bytes);
        let name = name.to_str().unwrap();
        let ways: [&[&str]; 6] = [
            &["log", "--json", "--binary", "hex"],
            &["log", "--resp"],
            &["log", "--stats"],
            &["log", "--history", "k"],
            &["verify"],
            &["info"],
        ];
        for way in ways {
            let run = |path: &str, stdin: &[u8]| {
                let ran = redisk_in(&[way, &[path]].concat(), stdin).exits(0);
                let text = String::from_utf8_lossy(&ran.out).into_owned();
                // The name is all that may differ.
                let short = path.rsplit('/').next().unwrap();
                let json = format!("{{\"file\":\"{short}\"");
                let text = text.replace(&json, "{\"file\":\"X\"");
                let plain = |line: &str| {
                    let start = line.trim_start();
                    let rest = [path, short]
                        .into_iter()
                        .find_map(|n| start.strip_prefix(n));
                    let indent = &line[..line.len() - start.len()];
                    rest.map_or(line.to_owned(), |rest| format!("{indent}X{rest}"))
                };
                text.lines().map(plain).collect::<Vec<_>>().join("\n")
            };
            let want = run(name, b"");
            assert!(!want.is_empty());
            let same = |got: String, how: &str| match way[0] {
                // The size of what comes through a pipe is not known, and that of a compressed file is another.
                "info" => assert!(got.contains("5 commands, 1 key named"), "{how}: {got}"),
                "verify" => assert!(got.contains("5 commands"), "{how}: {got}"),
                _ => assert_eq!(got, want, "{way:?} {how}"),
            };
            same(run("-", &bytes), "piped");
            for (ending, packed) in [
                ("gz", gzip(&bytes)),
                ("zst", zstd::encode_all(&bytes[..], 1).unwrap()),
                ("lz4", lz4(&bytes)),
            ] {
                let path = folder.file(format!("log.{ending}"), &packed);
                same(run(path.to_str().unwrap(), b""), ending);
                same(run("-", &packed), ending);
            }
        }
        let ran = redisk_in(&["log", "--json", "-"], &bytes).exits(0);
        let last: Value = serde_json::from_str(ran.lines().last().unwrap()).unwrap();
        assert_eq!(last["summary"]["commands"], commands);
    }
}

const GIANT: u64 = 512 << 20;

/// A value of 512 MB between two small commands.
fn giant(to: &mut dyn Write) -> std::io::Result<()> {
    to.write_all(&resp(&["SELECT", "2"]))?;
    to.write_all(format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${GIANT}\r\n").as_bytes())?;
    let piece = [b'x'; 1 << 20];
    (0..GIANT >> 20).try_for_each(|_| to.write_all(&piece))?;
    to.write_all(b"\r\n")?;
    to.write_all(&resp(&["DEL", "k"]))
}

#[test]
fn a_value_of_512_mb_takes_no_memory() {
    for (way, words) in [
        (&["verify", "-"][..], "3 commands"),
        (&["info", "-"], "512.0 MiB  set"),
        (&["log", "-"], "… (536870912 bytes)"),
        (&["log", "--stats", "-"], "536870946  set"),
        (&["log", "--history", "k", "-"], "DEL k"),
        (
            &["log", "--key", "other", "--json", "-"],
            "\"commands\":3,\"shown\":0",
        ),
    ] {
        let ran = watched(way, giant).exits(0);
        assert!(ran.text().contains(words), "{way:?}: {}", ran.text());
        assert!(ran.peak > 0 || !cfg!(target_os = "linux"), "not measured");
    }
    // Written on, and cut off inside.
    let folder = Folder::new();
    let out = folder.path("out");
    let args = ["log", "--resp", "--output", out.to_str().unwrap(), "-"];
    watched(&args, giant).exits(0);
    let written = std::fs::metadata(&out).unwrap().len();
    assert_eq!(written, GIANT + 23 + 34 + 20);
    #[cfg(unix)]
    watched(&["log", "--json", "--output", "/dev/null", "-"], giant).exits(0);
    let torn = |to: &mut dyn Write| {
        to.write_all(b"*2\r\n$3\r\nDEL\r\n$536870912\r\n")?;
        (0..100).try_for_each(|_| to.write_all(&[b'x'; 1 << 20]))
    };
    let ran = watched(&["verify", "-"], torn).exits(1);
    assert!(
        ran.text()
            .contains("in argument 1, which claims 536870912 bytes"),
        "{}",
        ran.text()
    );
}

/// The first commands have been written when the log grows by half a command; more of it is in no pipe's buffer.
#[test]
fn a_log_that_grows_is_read_to_the_size_it_had() {
    use std::io::{BufRead, Read};
    let folder = Folder::new();
    let line = resp(&["SET", "k", "v"]);
    let path = folder.file("log", &line.repeat(200_000));
    let mut child = command(&["log".as_ref(), path.as_os_str()])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    let mut log = std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap();
    log.write_all(&line[..9]).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!(rest.lines().count(), 199_999);
    let err = String::from_utf8(done.stderr).unwrap();
    assert!(
        err.contains("the file has grown by 9 bytes while it was read: read to the 5400000 bytes"),
        "{err}"
    );
    assert_eq!(done.status.code(), Some(0));
}
