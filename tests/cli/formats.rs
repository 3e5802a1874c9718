//! What `dump` writes.

use super::run::*;
use serde_json::Value;
use std::ffi::OsString;

fn array(args: &[&str]) -> Vec<Value> {
    let args = [&["dump", "--format", "json"], args].concat();
    serde_json::from_slice(&redisk(&args).exits(0).out).unwrap()
}

#[test]
fn json_is_the_lines_in_an_array() {
    for file in [
        std_rdb(),
        data("rdb/redis-7.0.15-funcs.rdb"),
        data("rdb/redis-2.8.24-empty.rdb"),
    ] {
        for more in [
            &[][..],
            &["--data-only"],
            &["--limit", "0"],
            &["--limit", "2"],
            &["--db", "99"],
        ] {
            let args = [more, &[file.as_str()]].concat();
            let lines = redisk(&[&["dump"], &args[..]].concat()).exits(0);
            let lines: Vec<Value> = lines
                .lines()
                .iter()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            assert_eq!(array(&args), lines, "{args:?}");
        }
    }
    let empty = data("rdb/redis-2.8.24-empty.rdb");
    assert!(array(&["--data-only", &empty]).is_empty());
}

#[test]
fn limits_are_the_first_keys_of_the_file() {
    let all = array(&["--data-only", &std_rdb()]);
    for n in [0, 1, 5, 1000] {
        let some = array(&["--data-only", "--limit", &n.to_string(), &std_rdb()]);
        assert_eq!(some, all[..n.min(all.len())]);
    }
}

#[test]
fn keys_in_every_form() {
    let folder = Folder::new();
    let file = folder.file(
        "x",
        &rdb(&[(b"plain", b""), (b"a\\b\n\xff", b""), (b"", b"")]),
    );
    let keys = |more: &[&str]| {
        let mut args: Vec<OsString> = ["dump", "--format", "keys"]
            .iter()
            .map(OsString::from)
            .collect();
        args.push(file.clone().into());
        args.extend(more.iter().map(OsString::from));
        redisk(&args).exits(0).out
    };
    assert_eq!(keys(&[]), b"plain\na\\\\b\\n\\xff\n\n");
    assert_eq!(keys(&["--key-format", "escape"]), keys(&[]));
    assert_eq!(
        keys(&["--key-format", "hex"]),
        b"706c61696e\n615c620aff\n\n"
    );
    assert_eq!(keys(&["--key-format", "base64"]), b"cGxhaW4=\nYVxiCv8=\n\n");
    assert_eq!(keys(&["-0"]), b"plain\0a\\b\n\xff\0\0");
    // What is written can be given back.
    for format in ["escape", "hex", "base64"] {
        let all = keys(&["--key-format", format]);
        for key in std::str::from_utf8(&all).unwrap().lines() {
            let one = keys(&["--key-format", format, "--key-exact", key]);
            assert_eq!(one, format!("{key}\n").as_bytes());
        }
    }
    // Exact bytes need no form.
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        let key = OsString::from_vec(b"a\\b\n\xff".to_vec());
        let args: [OsString; 7] = [
            "dump".into(),
            "-f".into(),
            "keys".into(),
            "-0".into(),
            "--key-exact".into(),
            key,
            file.into(),
        ];
        assert_eq!(redisk(&args).exits(0).out, b"a\\b\n\xff\0");
    }
}

#[test]
fn bytes_in_every_form() {
    let folder = Folder::new();
    let file = folder.file("x", &rdb(&[(b"k\xff", b"text")]));
    let dump = |how: &str| {
        let args = ["dump", "--data-only", "--binary", how];
        let args = args.iter().map(OsString::from).chain([file.clone().into()]);
        let ran = redisk(&args.collect::<Vec<_>>()).exits(0);
        let v: Value = serde_json::from_str(ran.text()).unwrap();
        (v["key"].to_string(), v["value"].to_string())
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(dump("auto"), pair(r#"{"base64":"a/8="}"#, r#""text""#));
    assert_eq!(dump("base64"), pair(r#""a/8=""#, r#""dGV4dA==""#));
    assert_eq!(dump("hex"), pair(r#""6bff""#, r#""74657874""#));
    assert_eq!(dump("escape"), pair(r#""k\\xff""#, r#""text""#));
}
