//! The hand-made files of `testdata/`: that they are what `support::made` makes, and what they say.

use crate::support::{files, golden, made, name, run, testdata, update};
use redisk::sink::bytes::Binary;
use std::collections::BTreeSet;

/// `testdata/rdb/made-….rdb` with its dump beside it, and `testdata/corrupt/made-….rdb`.
#[test]
fn files_are_what_is_made() {
    for (folder, all) in [("rdb", made::intact()), ("corrupt", made::damaged())] {
        let mut names = BTreeSet::new();
        for (name, bytes) in all {
            let path = testdata(&format!("{folder}/made-{name}.rdb"));
            golden(&path, &bytes);
            assert!(names.insert(format!("made-{name}.rdb")), "{name} twice");
            if folder == "rdb" {
                let input = run::as_file("x", &bytes.into());
                let dump = run::dumped(input, Binary::Auto, false, 1);
                assert_eq!(dump.error, None, "{name}");
                golden(&path.with_extension("jsonl"), &dump.out);
            }
        }
        for path in files(folder, ".rdb") {
            let name = name(&path);
            assert!(
                !name.starts_with("made-") || names.contains(&name),
                "nothing makes {folder}/{name}"
            );
        }
    }
}

/// What is intact has nothing found in it.
#[test]
fn the_intact_are_intact() {
    for (name, bytes) in made::intact() {
        let report = run::verify(run::as_file(name, &bytes.into()).unwrap(), 1).unwrap();
        // That a module is needed is a note, no problem.
        let counts = report.counts;
        let problems = counts.damage + counts.warnings;
        assert_eq!(problems, 0, "{name}: {:?}", report.findings);
    }
}

/// Every kind of finding that the sources name has a file that shows it.
#[test]
fn every_finding_is_shown() {
    if update() {
        return;
    }
    let mut shown = String::new();
    for path in files("corrupt", ".err") {
        shown.push_str(&std::fs::read_to_string(path).unwrap());
    }
    let mut missing = BTreeSet::new();
    for folder in ["src/rdb", "src/rdb/value", "src/packed", "src/ops"] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            // Settings of redis.conf and aux fields have names of that kind, too.
            let others = ["choose.rs", "aux_field.rs"];
            let named = others.iter().any(|name| path.ends_with(name));
            if path.extension().is_none_or(|e| e != "rs") || named {
                continue;
            }
            let source = std::fs::read_to_string(path).unwrap();
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            for word in source.split('"').skip(1).step_by(2) {
                let is_code = word.split('-').count() > 1
                    && word.len() > 1
                    && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
                    && !["ms-diff", "seq-diff", "lp-count"].contains(&word)
                    // Of payloads, which are no files: `payload.rs` shows it.
                    && word != "payload-rest";
                if is_code && !shown.contains(&format!(" {word}: ")) {
                    missing.insert(word.to_owned());
                }
            }
        }
    }
    assert!(
        missing.is_empty(),
        "no file in testdata/corrupt shows {missing:?}"
    );
}
