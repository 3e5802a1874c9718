//! What `repair` says and does.

use super::run::*;
use serde_json::Value;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

fn log(lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        out.extend(format!("*{}\r\n", words.len()).bytes());
        for word in words {
            out.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        }
    }
    out
}

/// Two commands, and between them one whose argc shrank.
fn damaged_log() -> Vec<u8> {
    let mut bytes = log(&["SELECT 0", "SET a 1", "SET b 2", "SET c 3"]);
    let at = bytes.windows(4).enumerate().filter(|(_, w)| w == b"*3\r\n");
    let second = at.map(|(i, _)| i).nth(1).unwrap();
    bytes[second + 1] = b'2';
    bytes
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_plan_changes_nothing() {
    let folder = Folder::new();
    let bytes = damaged_log();
    let file = folder.file("my.aof", &bytes);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o444)).unwrap();
    let ran = redisk(&["repair", file.to_str().unwrap()]).exits(1);
    let text = ran.text();
    assert!(
        text.contains("can be repaired: 1 command, 27 bytes left out"),
        "{text}"
    );
    assert!(
        text.contains("0x32: quarantine 27 bytes, 1 command"),
        "{text}"
    );
    assert!(text.contains("redisk repair"), "{text}");
    assert_eq!(folder.names(), ["my.aof"]);
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}

#[test]
fn json_names_are_stable() {
    let folder = Folder::new();
    let file = folder.file("my.aof", &damaged_log());
    let ran = redisk(&["repair", "--json", file.to_str().unwrap()]).exits(1);
    let doc: Value = serde_json::from_slice(&ran.out).unwrap();
    assert_eq!(
        names(&doc),
        [
            "backups", "changed", "file", "files", "left_out", "lost", "manifest", "verdict",
            "written"
        ]
    );
    assert_eq!(doc["verdict"], "damaged");
    let one = &doc["files"][0];
    assert_eq!(
        names(one),
        [
            "bytes", "checksum", "commands", "doubtful", "dropped", "file", "keys", "patches",
            "stopped"
        ]
    );
    assert_eq!(one["commands"], 3);
    let patch = &one["patches"][0];
    assert_eq!(
        names(patch),
        [
            "code",
            "commands",
            "fate",
            "from",
            "keys",
            "sample",
            "to",
            "why",
            "with_bytes"
        ]
    );
    assert_eq!(
        (patch["from"].as_u64(), patch["to"].as_u64()),
        (Some(50), Some(77))
    );
    assert_eq!(patch["fate"], "quarantine");
}

#[test]
fn a_copy_and_what_was_left_out() {
    let folder = Folder::new();
    let bytes = damaged_log();
    let file = folder.file("my.aof", &bytes);
    let out = folder.path("new.aof");
    let args = [
        "repair",
        file.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    redisk(&args).exits(0);
    assert_eq!(
        std::fs::read(&out).unwrap(),
        log(&["SELECT 0", "SET a 1", "SET c 3"])
    );
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    assert_eq!(
        folder.names(),
        ["my.aof", "new.aof", "new.aof.left-out.jsonl"]
    );
    let left = std::fs::read(folder.path("new.aof.left-out.jsonl")).unwrap();
    let left: Value = serde_json::from_slice(&left).unwrap();
    assert_eq!(
        (left["from"].as_u64(), left["to"].as_u64()),
        (Some(50), Some(77))
    );
    use base64::Engine;
    let raw = left["base64"].as_str().unwrap();
    let raw = base64::engine::general_purpose::STANDARD
        .decode(raw)
        .unwrap();
    assert_eq!(raw, bytes[50..77]);
    // It is there already.
    redisk(&args).exits(2);
    redisk(&[&args[..], &["--force"]].concat()).exits(0);
    // What came out is sound, and from standard input it is the same.
    redisk(&["repair", out.to_str().unwrap()]).exits(0);
    let piped = redisk_in(&["repair", "-", "--out", "-"], &bytes).exits(0);
    assert_eq!(piped.out, log(&["SELECT 0", "SET a 1", "SET c 3"]));
    assert!(
        piped.err.contains("1 command, 27 bytes left out"),
        "{}",
        piped.err
    );
    assert!(
        piped.err.contains("what was left out is not written"),
        "{}",
        piped.err
    );
    let piped = redisk_in(&["repair", "-", "--out", "-", "--quiet"], &bytes).exits(0);
    assert_eq!(
        (&piped.out, &piped.err[..]),
        (&log(&["SELECT 0", "SET a 1", "SET c 3"]), "")
    );
}

#[test]
fn in_place_with_a_backup_and_only_once() {
    let folder = Folder::new();
    let bytes = damaged_log();
    let file = folder.file("my.aof", &bytes);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let args = ["repair", "--in-place", file.to_str().unwrap()];
    redisk(&args).exits(0);
    assert_eq!(
        std::fs::read(&file).unwrap(),
        log(&["SELECT 0", "SET a 1", "SET c 3"])
    );
    assert_eq!(mode(&file), 0o640);
    let kept = folder.path("my.aof.before-repair");
    assert_eq!(std::fs::read(&kept).unwrap(), bytes);
    let all = folder.names();
    assert_eq!(
        all,
        ["my.aof", "my.aof.before-repair", "my.aof.left-out.jsonl"]
    );
    assert_eq!(mode(&folder.path("my.aof.left-out.jsonl")), 0o640);
    let inode = std::fs::metadata(&file).unwrap().ino();
    let again = redisk(&args).exits(0);
    assert!(again.text().contains("nothing to repair"));
    assert_eq!(folder.names(), all);
    assert_eq!(std::fs::metadata(&file).unwrap().ino(), inode);
}

#[test]
fn what_only_one_can_read_stays_so() {
    let folder = Folder::new();
    let file = folder.file("my.aof", &damaged_log());
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let out = folder.path("new.aof");
    let paths = [file.to_str().unwrap(), out.to_str().unwrap()];
    redisk(&["repair", paths[0], "--out", paths[1]]).exits(0);
    assert_eq!(mode(&out), 0o600);
    assert_eq!(mode(&folder.path("new.aof.left-out.jsonl")), 0o600);
    // Of a set, too.
    let one = log(&["SET a 1"]);
    let dir = set(&folder, None, &[(BASE, &one[..]), (INCR, &damaged_log())]);
    std::fs::set_permissions(dir.join(INCR), std::fs::Permissions::from_mode(0o600)).unwrap();
    let out = folder.path("set");
    redisk(&[
        "repair",
        dir.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ])
    .exits(0);
    assert_eq!(mode(&out.join(INCR)), 0o600);
    assert_eq!(mode(&out.join(BASE)), mode(&dir.join(BASE)));
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let folder = Folder::new();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, &damaged_log()).unwrap();
    let file = folder.file("my.aof.gz", &gz.finish().unwrap());
    redisk(&["repair", "--in-place", file.to_str().unwrap()]).exits(2);
    assert_eq!(folder.names(), ["my.aof.gz"]);
}

/// Altered values are not told by the records around them: with any damage, a wrong checksum is accepted or it is not.
#[test]
fn a_wrong_checksum_beside_other_damage() {
    let folder = Folder::new();
    let out = folder.path("new.rdb");
    let file = data("corrupt/redis-7.0.15-hole.rdb");
    let args = ["repair", &file, "--out", out.to_str().unwrap()];
    let plan = redisk(&["repair", &file]).exits(1);
    assert!(
        plan.text().contains("--accept-checksum --out"),
        "{}",
        plan.text()
    );
    let refused = redisk(&args).exits(1);
    assert!(refused.err.contains("--accept-checksum"), "{}", refused.err);
    assert!(folder.names().is_empty());
    redisk(&[&args[..], &["--accept-checksum"]].concat()).exits(0);
    redisk(&["verify", out.to_str().unwrap()]).exits(0);
}

#[test]
fn a_base_does_not_go_in_silence() {
    let (one, two) = (log(&["SET a 1"]), log(&["SET b 1"]));
    // That of a log of the old form, which was taken over; its line cannot be read.
    let manifest = format!("file appendonly.aof sea 1 type b\nfile {INCR} seq 1 type i\n");
    let folder = Folder::new();
    let dir = set(
        &folder,
        Some(&manifest),
        &[("appendonly.aof", &one), (INCR, &two)],
    );
    redisk(&["repair", "--in-place", dir.to_str().unwrap()]).exits(0);
    let text = std::fs::read_to_string(dir.join("appendonly.aof.manifest")).unwrap();
    assert_eq!(text, manifest.replace("sea", "seq"));
    // It is not there.
    let folder = Folder::new();
    let manifest = format!("file {BASE} seq 1 type b\nfile {INCR} seq 1 type i\n");
    let dir = set(&folder, Some(&manifest), &[(INCR, &two)]);
    let ran = redisk(&["repair", dir.to_str().unwrap()]).exits(1);
    assert!(!ran.text().contains("without loss"), "{}", ran.text());
    assert!(
        ran.text().contains("1 file of the manifest not there"),
        "{}",
        ran.text()
    );
    // A file between is missing: those behind it go, if that is wanted.
    let dir = folder.path("other");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("appendonly.aof.manifest"), MANIFEST).unwrap();
    std::fs::write(dir.join(BASE), &one).unwrap();
    std::fs::write(dir.join(NEXT), &two).unwrap();
    let keeps = redisk(&["repair", dir.to_str().unwrap()]).exits(1);
    assert!(
        keeps.text().contains("--stop-at-damage does without"),
        "{}",
        keeps.text()
    );
    let out = folder.path("out");
    redisk(&[
        "repair",
        dir.to_str().unwrap(),
        "--stop-at-damage",
        "--out",
        out.to_str().unwrap(),
    ])
    .exits(0);
    let text = std::fs::read_to_string(out.join("appendonly.aof.manifest")).unwrap();
    assert_eq!(text, format!("file {BASE} seq 1 type b\n"));
}

#[test]
fn a_time_that_nobody_wrote_down() {
    let folder = Folder::new();
    let file = folder.file("my.aof", &log(&["SET a 1"]));
    let ran = redisk(&["repair", file.to_str().unwrap(), "--until-time", "150"]).exits(2);
    assert!(ran.err.contains("no timestamps"), "{}", ran.err);
}

#[test]
fn a_wrong_checksum_is_accepted_by_who_says_so() {
    let folder = Folder::new();
    let out = folder.path("new.rdb");
    let file = data("corrupt/redis-7.0.15-flip-stringvalue.rdb");
    let plan = redisk(&["repair", &file]).exits(1);
    assert!(plan.text().contains("--accept-checksum"), "{}", plan.text());
    assert!(plan.text().contains("doubtful"), "{}", plan.text());
    let args = ["repair", &file, "--out", out.to_str().unwrap()];
    let refused = redisk(&args).exits(1);
    assert!(refused.err.contains("--accept-checksum"), "{}", refused.err);
    assert!(!out.exists());
    redisk(&[&args[..], &["--accept-checksum"]].concat()).exits(0);
    redisk(&["verify", out.to_str().unwrap()]).exits(0);
    assert_eq!(folder.names(), ["new.rdb"]);
}

#[test]
fn for_another_server() {
    let folder = Folder::new();
    let out = folder.path("new.rdb");
    let file = data("corrupt/redis-7.0.15-trunc-midzset.rdb");
    redisk(&[
        "repair",
        &file,
        "--out",
        out.to_str().unwrap(),
        "--target",
        "redis-6.2",
    ])
    .exits(0);
    redisk(&["verify", out.to_str().unwrap(), "--target", "redis-6.2"]).exits(0);
}

/// A set: its files and its manifest.
fn set(folder: &Folder, manifest: Option<&str>, files: &[(&str, &[u8])]) -> std::path::PathBuf {
    let dir = folder.path("appendonlydir");
    std::fs::create_dir(&dir).unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    if let Some(text) = manifest {
        std::fs::write(dir.join("appendonly.aof.manifest"), text).unwrap();
    }
    dir
}

const BASE: &str = "appendonly.aof.1.base.aof";
const INCR: &str = "appendonly.aof.1.incr.aof";
const NEXT: &str = "appendonly.aof.2.incr.aof";
const MANIFEST: &str = "file appendonly.aof.1.base.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\nfile appendonly.aof.2.incr.aof seq 2 type i\n";

#[test]
fn a_manifest_is_rebuilt_from_its_folder() {
    let (one, two, three) = (log(&["SET a 1"]), log(&["SET b 1"]), log(&["SET c 1"]));
    let files = [(BASE, &one[..]), (INCR, &two[..]), (NEXT, &three[..])];
    let quoted = MANIFEST.replace("file appendonly.aof.2", "file \"appendonly.aof.2");
    let twice = format!("{MANIFEST}file {NEXT} seq 2 type i\n");
    let turned: String = MANIFEST.lines().rev().map(|l| format!("{l}\n")).collect();
    let zero = MANIFEST.replace("seq 2", "seq 0");
    for damaged in [
        None,
        Some(""),
        Some("\0\0\0\0"),
        Some(&quoted[..]),
        Some(&twice),
        Some(&turned),
        Some(&zero),
        Some(&MANIFEST[..MANIFEST.len() - 1]),
    ] {
        let folder = Folder::new();
        let dir = set(&folder, damaged, &files);
        std::fs::write(dir.join("temp-rewriteaof-1.aof"), b"x").unwrap();
        redisk(&["repair", dir.to_str().unwrap()]).exits(1);
        redisk(&["repair", "--in-place", dir.to_str().unwrap()]).exits(0);
        let text = std::fs::read_to_string(dir.join("appendonly.aof.manifest")).unwrap();
        assert_eq!(text, MANIFEST, "{damaged:?}");
        let kept = dir.join("appendonly.aof.manifest.before-repair");
        assert_eq!(std::fs::read_to_string(kept).ok().as_deref(), damaged);
        redisk(&["verify", dir.to_str().unwrap()]).exits(0);
        redisk(&["repair", dir.to_str().unwrap()]).exits(0);
    }
    // A base of a rewrite that was not completed is none.
    let folder = Folder::new();
    let more = [&files[..], &[("appendonly.aof.2.base.aof", &one[..])]].concat();
    let dir = set(&folder, None, &more);
    let ran = redisk(&["repair", dir.to_str().unwrap()]).exits(1);
    assert!(
        ran.text()
            .contains("appendonly.aof.2.base.aof\" is left out"),
        "{}",
        ran.text()
    );
}

#[test]
fn a_damaged_file_that_is_not_the_last() {
    let (one, three) = (log(&["SET a 1"]), log(&["SET c 1"]));
    let mut two = log(&["SET b 1", "SET d 1"]);
    two.truncate(two.len() - 3);
    let files = [(BASE, &one[..]), (INCR, &two[..]), (NEXT, &three[..])];
    let folder = Folder::new();
    let dir = set(&folder, Some(MANIFEST), &files);
    let path = dir.to_str().unwrap();
    let out = folder.path("out");
    redisk(&["repair", path, "--out", out.to_str().unwrap()]).exits(0);
    assert_eq!(std::fs::read(out.join(INCR)).unwrap(), log(&["SET b 1"]));
    assert_eq!(std::fs::read(out.join(NEXT)).unwrap(), three);
    // What follows the damage can be done without.
    redisk(&["repair", path, "--in-place", "--stop-at-damage"]).exits(0);
    let text = std::fs::read_to_string(dir.join("appendonly.aof.manifest")).unwrap();
    assert_eq!(
        text,
        MANIFEST
            .lines()
            .take(2)
            .map(|l| format!("{l}\n"))
            .collect::<String>()
    );
    assert!(!dir.join(NEXT).exists());
    assert_eq!(
        std::fs::read(dir.join(format!("{NEXT}.before-repair"))).unwrap(),
        three
    );
    redisk(&["verify", path]).exits(0);
}

#[test]
fn a_point_in_time() {
    let one = log(&["SET a 1"]);
    let mut two = b"#TS:100\r\n".to_vec();
    two.extend(log(&["SET b 1", "MULTI", "SET d 1", "FLUSHALL", "EXEC"]));
    two.extend(b"#TS:200\r\n");
    two.extend(log(&["SET e 1"]));
    let three = log(&["SET f 1"]);
    let files = [(BASE, &one[..]), (INCR, &two[..]), (NEXT, &three[..])];
    let until = |args: &[&str]| {
        let folder = Folder::new();
        let dir = set(&folder, Some(MANIFEST), &files);
        let out = folder.path("out");
        let args = [
            &[
                "repair",
                dir.to_str().unwrap(),
                "--out",
                out.to_str().unwrap(),
            ],
            args,
        ]
        .concat();
        redisk(&args).exits(0);
        redisk(&["verify", out.to_str().unwrap()]).exits(0);
        let log = redisk(&["log", out.to_str().unwrap()]).exits(0);
        log.lines().len()
    };
    // In front of the block that it would have cut in two.
    assert_eq!(until(&["--before", "flushall*"]), 2);
    assert_eq!(until(&["--until-command", "4"]), 2);
    assert_eq!(until(&["--until-command", "6"]), 6);
    assert_eq!(until(&["--until-time", "150"]), 6);
    assert_eq!(until(&["--until-time", "250"]), 8);
    assert_eq!(until(&["--until-offset", "0"]), 7);
}

#[test]
fn what_is_sound_or_foreign() {
    let sound = redisk(&["repair", &std_rdb()]).exits(0);
    assert!(sound.text().contains("nothing to repair"));
    let folder = Folder::new();
    let text = folder.file("notes.txt", b"milk, eggs, bread\n");
    redisk(&["repair", text.to_str().unwrap()]).exits(2);
    redisk(&["repair", "no/such/file"]).exits(2);
    redisk(&["repair", &std_rdb(), "--out", "x", "--in-place"]).exits(2);
    let hint = redisk(&["verify", &damaged_rdb()]).exits(1);
    assert!(hint.text().contains("redisk repair "), "{}", hint.text());
    assert!(
        !redisk(&["verify", "--quiet", &damaged_rdb()])
            .text()
            .contains("redisk repair")
    );
}
