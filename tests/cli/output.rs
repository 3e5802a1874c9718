//! Inputs that are the same whatever they come through, and output files.

use super::run::*;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::Stdio;

#[test]
fn threads_do_not_show() {
    for args in [
        &["dump"][..],
        &["dump", "--format", "json"],
        &["dump", "--format", "keys"],
        &["dump", "--limit", "7"],
        &["dump", "--type", "hash"],
        &["verify", "--json"],
    ] {
        for file in [
            std_rdb(),
            damaged_rdb(),
            data("rdb/redis-7.4.1-cluster.rdb"),
        ] {
            let with = |n| {
                let more = ["--threads", n, file.as_str()];
                redisk(&[args, &more].concat())
            };
            let (one, four) = (with("1"), with("4"));
            assert_eq!(one.out, four.out, "{args:?} {file}");
            assert_eq!(
                (one.code, one.err),
                (four.code, four.err),
                "{args:?} {file}"
            );
        }
    }
}

#[test]
fn file_pipe_and_gzip_are_the_same() {
    let folder = Folder::new();
    let bytes = std::fs::read(std_rdb()).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).unwrap();
    let gzip = gzip.finish().unwrap();
    let packed = folder.file("any-name", &gzip);
    let want = redisk(&["dump", &std_rdb()]).exits(0).out;
    assert!(want.len() > 10_000);
    assert_eq!(redisk_in(&["dump", "-"], &bytes).exits(0).out, want);
    assert_eq!(redisk_in(&["dump", "-"], &gzip).exits(0).out, want);
    assert_eq!(
        redisk(&["dump".as_ref(), packed.as_os_str()]).exits(0).out,
        want
    );
    let ran = redisk_in(&["verify", "-"], &gzip).exits(0);
    assert!(ran.text().starts_with("-: intact\n"), "{}", ran.text());
    assert!(ran.text().contains("gzip"), "{}", ran.text());
}

fn dump_to(file: &str, more: &[&str], output: &std::path::Path) -> Ran {
    let mut args: Vec<OsString> = ["dump", file, "-o"].iter().map(OsString::from).collect();
    args.push(output.into());
    args.extend(more.iter().map(OsString::from));
    redisk(&args)
}

#[test]
fn output_files_are_complete_or_not_there() {
    let folder = Folder::new();
    let out = folder.path("out.jsonl");
    let want = redisk(&["dump", &std_rdb()]).out;

    let ran = dump_to(&std_rdb(), &[], &out).exits(0);
    assert!(ran.out.is_empty() && ran.err.is_empty());
    assert_eq!(std::fs::read(&out).unwrap(), want);
    assert_eq!(folder.names(), ["out.jsonl"]);

    // It is there now.
    let ran = dump_to(&std_rdb(), &[], &out).exits(2);
    assert!(ran.err.contains("--force"), "{}", ran.err);
    dump_to(&std_rdb(), &["--limit", "1", "--force"], &out).exits(0);
    assert!(std::fs::read(&out).unwrap().len() < want.len());

    // Damage leaves the old one as it was, and no new one.
    let before = std::fs::read(&out).unwrap();
    dump_to(&damaged_rdb(), &["--force"], &out).exits(1);
    assert_eq!(std::fs::read(&out).unwrap(), before);
    dump_to(&damaged_rdb(), &[], &folder.path("new")).exits(1);
    assert_eq!(folder.names(), ["out.jsonl"]);

    // A bad option is found before anything is written.
    dump_to(&std_rdb(), &["--min-size", "x"], &folder.path("new")).exits(2);
    dump_to(&std_rdb(), &[], &folder.path("no/new")).exits(2);
    dump_to(&std_rdb(), &["--force"], folder.0.path()).exits(2);
    assert_eq!(folder.names(), ["out.jsonl"]);

    // `-` and devices are written as they are.
    assert_eq!(dump_to(&std_rdb(), &[], "-".as_ref()).exits(0).out, want);
    #[cfg(unix)]
    dump_to(&std_rdb(), &[], "/dev/null".as_ref()).exits(0);
}

#[test]
fn a_damaged_file_is_dumped_as_far_as_it_is_sound() {
    let file = damaged_rdb();
    let ran = redisk(&["dump", "--data-only", &file]).exits(1);
    assert!(
        ran.err.starts_with(&format!("error: {file}: offset 0x")),
        "{}",
        ran.err
    );
    for line in ran.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    // An array that is cut short does not look whole.
    let ran = redisk(&["dump", "--format", "json", &file]).exits(1);
    assert!(serde_json::from_slice::<serde_json::Value>(&ran.out).is_err());
}

#[cfg(unix)]
#[test]
fn a_new_file_gets_the_usual_mode_and_an_old_one_keeps_its_own() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let out = folder.path("out");
    let mode = || std::fs::metadata(&out).unwrap().permissions().mode() & 0o777;
    let usual = std::fs::metadata(folder.file("other", b""))
        .unwrap()
        .permissions()
        .mode()
        & 0o777;
    dump_to(&std_rdb(), &[], &out).exits(0);
    assert_eq!(mode(), usual);
    std::fs::set_permissions(&out, std::fs::Permissions::from_mode(0o604)).unwrap();
    dump_to(&std_rdb(), &["--force"], &out).exits(0);
    assert_eq!(mode(), 0o604);
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_no_temporary_file() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::ExitStatusExt;
    for (signal, number) in [("INT", 2), ("TERM", 15)] {
        let folder = Folder::new();
        let out = folder.path("out");
        let args: [OsString; 4] = ["dump".into(), "-".into(), "-o".into(), out.into()];
        let mut child = command(&args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let bytes = std::fs::read(std_rdb()).unwrap();
        // Part of a file, and no end of it.
        stdin.write_all(&bytes[..bytes.len() / 2]).unwrap();
        let begun = std::time::Instant::now();
        while folder.names().is_empty() {
            assert!(begun.elapsed().as_secs() < 20, "no output file was begun");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let temporary = folder.path(&folder.names()[0]);
        let mode = std::fs::metadata(temporary).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let kill = std::process::Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status()
            .unwrap();
        assert!(kill.success());
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(number));
        assert_eq!(folder.names(), [""; 0]);
    }
}

#[test]
fn memory_that_does_not_suffice_is_refused() {
    let ran = redisk(&["dump", "--max-memory", "8mb", &std_rdb()]).exits(2);
    assert!(ran.err.contains("--max-memory"), "{}", ran.err);
    let want = redisk(&["dump", &std_rdb()]).out;
    let ran = redisk(&["dump", "--max-memory", "64mb", &std_rdb()]).exits(0);
    assert_eq!(ran.out, want);
}

#[test]
fn committed_pages_are_in_the_binary() {
    let page = |name: &str| {
        std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
    };
    assert_eq!(
        redisk(&["completions", "zsh"]).exits(0).out,
        page("completions/_redisk")
    );
    assert_eq!(redisk(&["man"]).exits(0).out, page("man/redisk.1"));
    // Every command has its page, and says so.
    let help = redisk(&["--help"]).exits(0);
    let commands = help.text().split("Commands:\n").nth(1).unwrap();
    // A description that wraps goes on in lines that are indented further.
    let commands = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with("   "));
    let names: Vec<&str> = commands
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.contains(&"verify"), "{names:?}");
    for name in names.into_iter().filter(|name| *name != "help") {
        let text = redisk(&["man", name]).exits(0).out;
        assert_eq!(text, page(&format!("man/redisk-{name}.1")), "{name}");
        let text = String::from_utf8(text).unwrap();
        assert!(
            text.contains("EXIT CODES"),
            "{name}: exit codes are in every page"
        );
    }
}
