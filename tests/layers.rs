//! The arrows between the modules: what may use what, read from the `use crate::…` lines.
//!
//! ```text
//! cli ─▶ ops ─▶ sink, filter, pipe ─▶ rdb, aof, resp ─▶ packed, input ─▶ disk, model, limits, text, error
//! ```

use std::path::{Path, PathBuf};

/// From the top down. A module may use its own layer and those below it.
const LAYERS: &[&[&str]] = &[
    &["main", "lib"],
    &["cli"],
    &["ops"],
    &["engine"],
    &["source", "filter", "sink", "pipe"],
    &["rdb", "aof", "resp"],
    &["packed", "input"],
    &["disk", "model", "limits", "text", "error"],
];

fn level(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Files of a folder and all below it.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|x| x == "rs") {
            found.push(path);
        }
    }
}

/// Every file of `src` with its text, comments and all below `mod tests` left out.
fn code() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("\nmod tests {").next().unwrap();
            let lines: Vec<&str> = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            let path = path.strip_prefix(&root).unwrap().to_owned();
            (path, lines.join("\n"))
        })
        .collect()
}

/// The module at the top of `src` that a file belongs to.
fn module(path: &Path) -> String {
    let first = Path::new(path.iter().next().unwrap());
    first.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// The first words behind every `crate::`, groups included.
fn used(text: &str) -> Vec<String> {
    let word = |s: &str| -> String {
        s.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let mut found = Vec::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => {
                let (mut depth, mut start) = (0, true);
                for (i, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && !c.is_whitespace() => {
                            found.push(word(&group[i..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
            None => found.push(word(rest)),
        }
    }
    found
}

#[test]
fn arrows_point_down() {
    let mut wrong = Vec::new();
    for (path, text) in code() {
        let from = module(&path);
        let here = level(&from);
        assert!(here.is_some(), "{from} ({path:?}) has no place in LAYERS");
        for to in used(&text) {
            // A name at the root (`crate::Error`) is one of the lowest layer's, handed on.
            let Some(there) = level(&to) else { continue };
            if there < here.unwrap() {
                wrong.push(format!("{}: {from} uses {to}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn unsafe_code_keeps_to_its_one_file() {
    let files: Vec<PathBuf> = code()
        .into_iter()
        .filter(|(_, text)| {
            text.split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| word == "unsafe")
        })
        .map(|(path, _)| path)
        .collect();
    assert!(
        files.iter().all(|f| f == Path::new("input/map.rs")),
        "{files:?}"
    );
}

#[test]
fn only_the_command_line_prints() {
    let wrong: Vec<PathBuf> = code()
        .into_iter()
        .filter(|(path, _)| module(path) != "cli")
        .filter(|(_, text)| {
            [
                "println!(",
                "print!(",
                "indicatif::",
                "clap::",
                "comfy_table::",
            ]
            .iter()
            .any(|word| text.contains(word))
        })
        .map(|(path, _)| path)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn groups_and_paths_are_seen() {
    let text = "use crate::{error::{Error, Place}, text};\nlet x = crate::limits::BLOCK;";
    assert_eq!(used(text), ["error", "text", "limits"]);
}
