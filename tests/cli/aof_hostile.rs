//! Append-only files and manifests that mean harm: no panic, no hang, no growing, and never a good word for them.

use super::run::*;
use std::io::Write;
use std::path::Path;

/// Every way of reading a log.
const WAYS: [&[&str]; 9] = [
    &["verify"],
    &["verify", "--json"],
    &["info"],
    &["info", "--json"],
    &["log"],
    &["log", "--json"],
    &["log", "--resp"],
    &["log", "--stats"],
    &["log", "--history", "k"],
];

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// Reads from standard input in every way, with an exit code of 1 and these words on either stream.
#[track_caller]
fn refused(
    words: &str,
    feed: impl Fn(&mut dyn Write) -> std::io::Result<()> + Clone + Send + 'static,
) {
    for way in WAYS {
        let ran = watched(&[way, &["-"]].concat(), feed.clone()).exits(1);
        let said = format!("{}{}", ran.text(), ran.err);
        // JSON escapes the quotes.
        let said = said.replace('\\', "");
        assert!(said.contains(words), "{way:?}: {said}");
    }
}

fn bytes(
    bytes: impl Into<Vec<u8>>,
) -> impl Fn(&mut dyn Write) -> std::io::Result<()> + Clone + Send {
    let bytes = bytes.into();
    move |to: &mut dyn Write| to.write_all(&bytes)
}

#[test]
fn numbers_that_lie() {
    for (tail, words) in [
        (
            "*4611686018427387904\r\n$3\r\nSET\r\n",
            "arguments that servers read as 0",
        ),
        (
            "*99999999999999999999\r\n",
            "arguments that servers read as -1",
        ),
        ("*-1\r\n", "arguments that servers read as -1"),
        ("*0\r\n", "arguments that servers read as 0"),
        ("*many\r\n$3\r\nSET\r\n", "arguments that servers read as 0"),
        (
            "*2\r\n$3\r\nGET\r\n$4611686018427387904\r\nk\r\n",
            "claims 4611686018427387904 bytes",
        ),
        (
            "*2\r\n$3\r\nGET\r\n$99999999999999999999\r\nk\r\n",
            "claims 9223372036854775807 bytes",
        ),
        (
            "*2\r\n$3\r\nGET\r\n$-1\r\n",
            "a length of -1, on which servers crash",
        ),
        (
            "*2\r\n$3\r\nGET\r\n$-9223372036854775808\r\n",
            "a length of -9223372036854775808",
        ),
        // Servers read 0, skip two bytes, and take what is left for the next command.
        (
            "*2\r\n$3\r\nGET\r\n$one\r\nk\r\n",
            "\"n\" where a command starts with *",
        ),
        (
            "*2147483647\r\n$3\r\nDEL\r\n$1\r\nk\r\n",
            "the file ends inside a command",
        ),
        ("*2\r\n:3\r\nGET\r\n", "where an argument starts with $"),
    ] {
        refused(words, bytes([PING, tail.as_bytes()].concat()));
    }
}

#[test]
fn a_line_without_end() {
    for start in ["*", "*1\r\n$", "#", "*1", "*2\r\n$3\r\nGET\r\n$1"] {
        for fill in [b'1', b'a'] {
            refused("a line that does not end", move |to| {
                to.write_all(PING)?;
                to.write_all(start.as_bytes())?;
                (0..100).try_for_each(|_| to.write_all(&[fill; 1 << 20]))
            });
        }
    }
}

#[test]
fn what_a_power_loss_leaves() {
    // A short tail, and one of 100 MB; behind a whole command, and inside one.
    for (torn, words) in [
        ("", "NULs instead of a command, as after a power loss"),
        (
            "*3\r\n$3\r\nSET\r\n$9\r\nke",
            "there is nothing but NULs, as after a power loss",
        ),
    ] {
        for mib in [0, 100] {
            refused(words, move |to| {
                to.write_all(PING)?;
                to.write_all(torn.as_bytes())?;
                to.write_all(&[0; 5000])?;
                (0..mib).try_for_each(|_| to.write_all(&[0; 1 << 20]))
            });
        }
    }
}

/// Nothing but NULs: in a set the file is a log with a spoilt end, alone it could be anything.
#[test]
fn a_file_of_zeros() {
    let dir = Folder::new();
    let alone = dir.file("a", &[0; 5000]);
    for way in WAYS {
        let args: Vec<_> = way.iter().map(std::ffi::OsStr::new).collect();
        let ran = redisk(&[&args[..], &[alone.as_os_str()]].concat());
        let ran = ran.exits(if way[0] == "verify" { 1 } else { 2 });
        let said = format!("{}{}", ran.text(), ran.err);
        assert!(
            said.contains("it begins with NULs, as a power loss"),
            "{way:?}: {said}"
        );
    }
    dir.file("a.manifest", b"file a seq 1 type i\n");
    folder(
        dir.0.path(),
        1,
        "5000 NULs instead of a command, as after a power loss",
    );
}

/// A command of so many small arguments, and very many commands.
#[test]
fn very_many_of_everything() {
    let feed = |to: &mut dyn Write| {
        to.write_all(b"*3000001\r\n$3\r\nDEL\r\n")?;
        let keys = b"$1\r\nk\r\n".repeat(10_000);
        (0..300).try_for_each(|_| to.write_all(&keys))?;
        let pings = PING.repeat(10_000);
        (0..100).try_for_each(|_| to.write_all(&pings))
    };
    for way in WAYS {
        // What these print is as long as the log.
        if !matches!(way, ["log"] | ["log", "--json" | "--resp"]) {
            watched(&[way, &["-"]].concat(), feed).exits(0);
        }
    }
    // Each of them has something wrong with it.
    let feed = |to: &mut dyn Write| {
        let bad =
            b"*1\r\n$7\r\nNOTHING\r\n*2\n$003\r\nGET??$1\r\nk\r\n*1\r\n$5\r\nMULTI\r\n#TS:x\r\n"
                .repeat(1000);
        (0..300).try_for_each(|_| to.write_all(&bad))
    };
    for way in [
        &["verify", "-"][..],
        &["verify", "--json", "-"],
        &["info", "-"],
    ] {
        watched(way, feed).exits(1);
    }
}

/// Judges a folder in every way.
#[track_caller]
fn folder(folder: &Path, code: i32, words: &str) {
    for way in WAYS {
        let args: Vec<_> = way.iter().map(std::ffi::OsStr::new).collect();
        let ran = watched(&[&args[..], &[folder.as_os_str()]].concat(), |_| Ok(())).exits(code);
        let said = format!("{}{}", ran.text(), ran.err).replace('\\', "");
        assert!(said.contains(words), "{way:?}: {said:.2000}");
        assert!(!said.contains("SECRET"), "{way:?} left the folder: {said}");
    }
}

#[test]
fn a_manifest_of_a_million_lines() {
    let limit = "more than 10000 records, or 2097152 bytes in their names and keys";
    let lines = |line: &dyn Fn(usize) -> String| -> String { (1..=1_000_000).map(line).collect() };
    for (text, code, words) in [
        (lines(&|_| "\n".to_owned()), 1, "a blank line"),
        (
            lines(&|_| "file\n".to_owned()),
            1,
            "1 words, not an even number of at least 6",
        ),
        (lines(&|i| format!("file a.{i} seq {i} type h\n")), 2, limit),
        (lines(&|i| format!("file a.{i} seq {i} type i\n")), 2, limit),
        (
            lines(&|_| "file a seq 1 type b\n".to_owned()),
            1,
            "a second base file",
        ),
        (
            lines(&|_| "file a seq 1 type i\n".to_owned()),
            1,
            "incr number 1 does not come after 1",
        ),
        (
            lines(&|_| "file ../../secret seq 1 type i\n".to_owned()),
            1,
            "has a / or \\ in it",
        ),
        (
            format!("file a seq 1 type h{}\n", " k v".repeat(200)).repeat(10_000),
            2,
            limit,
        ),
        (
            format!("file {} seq 1 type h\n", "x".repeat(900)).repeat(10_000),
            2,
            limit,
        ),
    ] {
        let dir = Folder::new();
        dir.file("a.manifest", text.as_bytes());
        dir.file("a", PING);
        folder(dir.0.path(), code, &words.replace('\\', ""));
    }
    let dir = Folder::new();
    dir.file("a.manifest", "# nothing\n".repeat(1_000_000).as_bytes());
    let ran = watched(&["verify".as_ref(), dir.0.path().as_os_str()], |_| Ok(())).exits(0);
    assert!(
        ran.text()
            .contains("only comments: a server starts with an empty dataset")
    );
    // One line of 100 MB.
    dir.file("a.manifest", &vec![b'x'; 100 << 20]);
    folder(dir.0.path(), 1, "a line over 1024 bytes");
}

/// As many files as are read at all, none of which is there; and one file named again and again.
#[test]
fn a_manifest_of_many_files() {
    let manifest = |name: &dyn Fn(usize) -> String| -> String {
        let line = |i| format!("file {} seq {i} type i\n", name(i));
        (1..=10_000).map(line).collect()
    };
    let dir = Folder::new();
    dir.file("a.manifest", manifest(&|i| format!("a.{i}")).as_bytes());
    folder(dir.0.path(), 1, "the manifest lists");
    // Read once, not 10,000 times.
    dir.file("a.manifest", manifest(&|_| "a".to_owned()).as_bytes());
    dir.file("a", &PING.repeat(10_000));
    let ran = watched(&["log".as_ref(), dir.0.path().as_os_str()], |_| Ok(())).exits(1);
    assert_eq!(ran.lines().len(), 10_000);
    let why = "line 2 lists \"a\", which line 1 does too; it is not read again\n";
    assert!(ran.err.contains(why), "{}", ran.err);
    folder(dir.0.path(), 1, "");
}

#[cfg(unix)]
#[test]
fn nothing_is_read_outside_the_folder() {
    use std::os::unix::fs::symlink;
    let secret = b"*2\r\n$3\r\nGET\r\n$6\r\nSECRET\r\n";
    let top = Folder::new();
    let outside = top.file("secret", secret);
    let log = top.path("log");
    std::fs::create_dir(&log).unwrap();
    symlink("../secret", log.join("out")).unwrap();
    symlink(&outside, log.join("absolute")).unwrap();
    symlink("again", log.join("loop")).unwrap();
    symlink("loop", log.join("again")).unwrap();
    symlink("..", log.join("up")).unwrap();
    std::fs::create_dir(log.join("folder")).unwrap();
    let absolute = format!("file {} seq 1 type i\n", outside.display());
    for (line, words) in [
        ("file ../secret seq 1 type i\n", "has a / or \\ in it"),
        ("file ..\\secret seq 1 type i\n", "has a / or \\ in it"),
        (
            "file \"\\x2e\\x2e\\x2fsecret\" seq 1 type i\n",
            "has a / or \\ in it",
        ),
        (&absolute, "has a / or \\ in it"),
        ("file .. seq 1 type i\n", "cannot be a file in this folder"),
        ("file . seq 1 type b\n", "cannot be a file in this folder"),
        (
            "file \"\" seq 1 type i\n",
            "cannot be a file in this folder",
        ),
        (
            "file \"a\\x00b\" seq 1 type i\n",
            "cannot be a file in this folder",
        ),
        ("file out seq 1 type i\n", "is a link out of the folder"),
        (
            "file absolute seq 1 type b\n",
            "is a link out of the folder",
        ),
        ("file loop seq 1 type i\n", "cannot be read: "),
        ("file up seq 1 type i\n", "is a link out of the folder"),
        (
            "file folder seq 1 type i\n",
            "is no regular file; it is not read",
        ),
    ] {
        std::fs::write(log.join("a.manifest"), line).unwrap();
        for way in WAYS {
            let args: Vec<_> = way.iter().map(std::ffi::OsStr::new).collect();
            let ran = redisk(&[&args[..], &[log.as_os_str()]].concat()).exits(1);
            let said = format!("{}{}", ran.text(), ran.err).replace('\\', "");
            assert!(!said.contains("SECRET"), "{line}: {way:?}: {said}");
            if way[0] != "verify" {
                assert!(
                    said.contains(&words.replace('\\', "")),
                    "{line}: {way:?}: {said}"
                );
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn folders_in_circles() {
    use std::os::unix::fs::symlink;
    let top = Folder::new();
    let a = top.path("a");
    std::fs::create_dir(&a).unwrap();
    symlink("..", a.join("up")).unwrap();
    symlink(".", a.join("here")).unwrap();
    symlink("a", top.path("b")).unwrap();
    symlink("c", top.path("c")).unwrap();
    let refuses = |path: &Path, code| {
        for way in WAYS {
            let args: Vec<_> = way.iter().map(std::ffi::OsStr::new).collect();
            redisk(&[&args[..], &[path.as_os_str()]].concat()).exits(code);
        }
    };
    refuses(top.0.path(), 2);
    refuses(&top.path("c"), 2);
    // A folder that is reached by two names holds two manifests to nobody.
    std::fs::write(a.join("x.manifest"), "file x seq 1 type i\n").unwrap();
    std::fs::write(a.join("x"), PING).unwrap();
    refuses(&a.join("up/a/here/up/b"), 0);
    refuses(top.0.path(), 0);
}
