//! `completions/` and `man/` are what the command line's definitions give. `UPDATE=1 cargo test generated` rewrites them.

use clap::CommandFactory;
use clap_complete::Shell;
use redisk::cli::Cli;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files by name, below the project's folder.
type Files = BTreeMap<PathBuf, String>;

fn completions() -> Files {
    [
        (Shell::Bash, "redisk.bash"),
        (Shell::Zsh, "_redisk"),
        (Shell::Fish, "redisk.fish"),
        (Shell::PowerShell, "_redisk.ps1"),
        (Shell::Elvish, "redisk.elv"),
    ]
    .into_iter()
    .map(|(shell, name)| {
        let mut out = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "redisk", &mut out);
        (
            Path::new("completions").join(name),
            String::from_utf8(out).unwrap(),
        )
    })
    .collect()
}

fn man() -> Files {
    let mut program = Cli::command();
    program.build();
    let commands = program
        .get_subcommands()
        .filter(|c| c.get_name() != "help")
        .cloned();
    let mut pages: Vec<clap::Command> = commands.collect();
    pages.push(program.clone());
    pages
        .into_iter()
        .map(|command| {
            let last = command.get_after_long_help().map(ToString::to_string);
            let subcommands = command.has_subcommands();
            let source = format!("redisk {}", env!("CARGO_PKG_VERSION"));
            // The short help leaves some options out; without a long help of their own the page would not explain them.
            let command = command.mut_args(|arg| match arg.get_help().cloned() {
                Some(help) if arg.get_long_help().is_none() => arg.long_help(help),
                _ => arg,
            });
            let man = clap_mangen::Man::new(command).source(source);
            let mut out = Vec::new();
            man.render_title(&mut out).unwrap();
            man.render_name_section(&mut out).unwrap();
            man.render_synopsis_section(&mut out).unwrap();
            man.render_description_section(&mut out).unwrap();
            man.render_options_section(&mut out).unwrap();
            if subcommands {
                man.render_subcommands_section(&mut out).unwrap();
            }
            let text = String::from_utf8(out).unwrap() + &sections(&last.unwrap_or_default());
            (Path::new("man").join(man.get_filename()), text)
        })
        .collect()
}

/// What stands behind the options in a command's long help: lines that begin at the margin and end with a colon are
/// headings, all else stands as it is.
fn sections(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        match line.strip_suffix(':') {
            Some(heading) if !heading.starts_with(' ') => {
                let fill = if out.is_empty() { "" } else { ".fi\n" };
                out += &format!("{fill}.SH \"{}\"\n.nf\n", heading.to_uppercase());
            }
            _ => {
                let line = line.replace('\\', "\\e").replace('-', "\\-");
                let guard = if line.starts_with(['.', '\'']) {
                    "\\&"
                } else {
                    ""
                };
                out += &format!("{guard}{line}\n");
            }
        }
    }
    if out.is_empty() { out } else { out + ".fi\n" }
}

fn hold(folder: &str, wanted: &Files) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE").is_some() {
        for (path, text) in wanted {
            std::fs::write(root.join(path), text).unwrap();
        }
    }
    let mut found = Files::new();
    for entry in std::fs::read_dir(root.join(folder)).unwrap() {
        let name = Path::new(folder).join(entry.unwrap().file_name());
        let text = std::fs::read_to_string(root.join(&name)).unwrap();
        found.insert(name, text);
    }
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(wanted));
    let stale: Vec<_> = wanted
        .iter()
        .filter(|(path, text)| found.get(*path) != Some(*text))
        .map(|(path, _)| path)
        .collect();
    assert!(
        stale.is_empty(),
        "stale, run `UPDATE=1 cargo test generated`: {stale:?}"
    );
}

#[test]
fn completions_are_fresh() {
    hold("completions", &completions());
}

#[test]
fn manual_is_fresh() {
    hold("man", &man());
}

#[test]
fn definitions_are_sound() {
    Cli::command().debug_assert();
}
