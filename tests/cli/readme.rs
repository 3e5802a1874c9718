//! The examples of README.md and of `tests/cli/*.md` are real: `UPDATE=1 cargo test readme` rewrites what stands below
//! their commands.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// What a shell prints for a command, in the project's folder, with the program in its path.
fn shell(command: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_BIN_EXE_redisk")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(
        std::iter::once(program.to_owned()).chain(std::env::split_paths(&path)),
    );
    let done = Command::new("sh")
        .args(["-c", &format!("{{ {command}; }} 2>&1")])
        .current_dir(root)
        .env("PATH", path.unwrap())
        .output()
        .unwrap();
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn examples_are_real() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md")];
    let here = std::fs::read_dir(root.join("tests/cli")).unwrap();
    let here = here.map(|e| e.unwrap().path());
    pages.extend(here.filter(|p| p.extension().is_some_and(|e| e == "md")));
    assert!(pages.len() > 1);
    for page in pages {
        is_real(&page);
    }
}

fn is_real(path: &Path) {
    let before = std::fs::read_to_string(path).unwrap();
    let mut after = String::new();
    let mut inside = false;
    for line in before.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ => {}
        }
        match line.strip_prefix("$ ").filter(|_| inside) {
            Some(command) => write!(after, "{line}\n{}", shell(command)).unwrap(),
            None if inside && line != "```console" => {}
            None => writeln!(after, "{line}").unwrap(),
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &after).unwrap();
    }
    let now = std::fs::read_to_string(path).unwrap();
    assert!(
        now == after,
        "{} is stale, run `UPDATE=1 cargo test readme`; it would be:\n{after}",
        path.display()
    );
}
