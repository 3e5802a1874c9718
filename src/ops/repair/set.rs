//! A manifest, rebuilt from its folder.
//!
//! What its lines say counts as far as they can be read and the files are there. A line that cannot be read names a file if
//! a file's name stands in it. Without a manifest the names of the files decide:
//!
//! ```text
//! appendonly.aof.2.base.rdb     the base with the lowest number: a higher one is of a rewrite that was not completed
//! appendonly.aof.2.incr.aof     all of them, by number
//! appendonly.aof                a file of the old form that was taken over: the base where there is no other
//! temp-…                        never
//! ```
//! Numbers of incr files have to rise; those that do not are given new ones. History is not loaded, and is let go.

use crate::aof::manifest::{Manifest, Reading, Record, Role};
use crate::aof::multipart::{FOLDER, Found, Member, Set};
use crate::error::{Error, Result};
use crate::model::finding::Severity;
use crate::text::quoted;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A set, with the manifest that it is to have.
pub struct Rebuilt {
    /// The set as it will be: only files that are there.
    pub set: Set,
    /// Whether the manifest is to be written anew.
    pub changed: bool,
    /// How many files that the manifest names are not in it any more, though they were to be loaded.
    pub missing: u64,
    /// What was decided, and why.
    pub notes: Vec<String>,
}

impl Rebuilt {
    /// The manifest as servers write it.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.set.reading.manifest.write(&mut out);
        out
    }

    /// Takes a file out of the set.
    pub(super) fn drop(&mut self, name: &[u8]) {
        self.changed = true;
        let manifest = &mut self.set.reading.manifest;
        manifest.records.retain(|r| r.name != name);
    }
}

/// The longest manifest whose text is searched for names.
const TEXT: u64 = 4 << 20;

/// Finds a set at a path, and settles which files it has. `None` where there is none: a file of its own. `stop`: without
/// the files behind one that is missing.
///
/// # Errors
/// What the operating system reports; several manifests.
pub fn find(path: &Path, stop: bool) -> Result<Option<Rebuilt>> {
    let is_manifest = path.extension().is_some_and(|e| e == "manifest");
    if path.as_os_str() == "-" || !(path.is_dir() || is_manifest) {
        return Ok(None);
    }
    let set = if is_manifest && !path.exists() {
        None
    } else {
        Set::find(path)?
    };
    match set {
        Some(set) => judge(set, stop).map(Some),
        None => without(path),
    }
}

/// A folder without a manifest.
fn without(path: &Path) -> Result<Option<Rebuilt>> {
    let mut folders = vec![path.to_owned(), path.join(FOLDER)];
    if path.extension().is_some_and(|e| e == "manifest") {
        folders = path.parent().map(Path::to_owned).into_iter().collect();
    }
    for folder in folders {
        let names = match names(&folder) {
            Ok(names) => names,
            Err(_) if folder != path => continue,
            Err(e) => return Err(e),
        };
        let mut bases: Vec<Vec<u8>> = names
            .iter()
            .filter_map(|name| Numbered::of(name).map(|n| n.stem.to_vec()))
            .collect();
        bases.sort();
        bases.dedup();
        match &bases[..] {
            [] => {}
            [base_name] => {
                let mut manifest = base_name.clone();
                manifest.extend_from_slice(b".manifest");
                let manifest = folder.join(os(&manifest));
                let mut set = Set {
                    folder,
                    manifest,
                    base_name: base_name.clone(),
                    reading: Reading::default(),
                    members: Vec::new(),
                    leftovers: Vec::new(),
                    leftover_count: 0,
                };
                let mut notes =
                    vec!["there is no manifest: the names of the files decide".to_owned()];
                let records = by_names(&set, &names, &mut notes);
                settle(&mut set, records, &mut notes)?;
                return Ok(Some(Rebuilt {
                    set,
                    changed: true,
                    missing: 0,
                    notes,
                }));
            }
            several => {
                let list: Vec<_> = several.iter().map(|b| quoted(b).to_string()).collect();
                let message = format!(
                    "no manifest, and files of several logs: {}",
                    list.join(", ")
                );
                return Err(Error::usage(message).in_file(&path.to_string_lossy()));
            }
        }
    }
    Ok(None)
}

/// Settles the files of a set that has a manifest.
fn judge(mut set: Set, stop: bool) -> Result<Rebuilt> {
    let damaged = |f: &crate::model::finding::Finding| f.severity == Severity::Damage;
    if !set.findings().iter().any(damaged) && set.reading.fatal.is_none() {
        return Ok(Rebuilt {
            set,
            changed: false,
            missing: 0,
            notes: Vec::new(),
        });
    }
    let mut notes: Vec<String> = Vec::new();
    for problem in &set.reading.problems {
        notes.push(format!("line {}: {}", problem.line, problem.kind));
    }
    let names = names(&set.folder)?;
    let mut records: Vec<Record> = Vec::new();
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    let mut missing = 0;
    // Whatever the order of the lines, they are loaded by their numbers.
    let incrs = set
        .members
        .iter()
        .filter(|m| m.record.role == Role::Incr && is_gone(m));
    let hole = incrs.map(|m| m.record.seq).min();
    for member in &set.members {
        let record = &member.record;
        if record.role == Role::History {
            notes.push(format!(
                "{} is history, which is never loaded: left out",
                quoted(&record.name)
            ));
            seen.insert(record.name.clone());
            continue;
        }
        if let Some(why) = member.unread() {
            notes.push(format!("{why}: left out"));
            let gone = is_gone(member);
            missing += u64::from(gone);
            if gone && record.role == Role::Base {
                notes.push("what stood in the base is lost, and what follows changes nothing that was in it".to_owned());
            }
            if gone && record.role == Role::Incr && !stop {
                let note = "what the files behind it hold follows on what is missing: --stop-at-damage does without them";
                notes.push(note.to_owned());
            }
            continue;
        }
        if stop && record.role == Role::Incr && hole.is_some_and(|hole| record.seq > hole) {
            notes.push(format!(
                "{} follows on what is missing: left out",
                quoted(&record.name)
            ));
            missing += 1;
            seen.insert(record.name.clone());
            continue;
        }
        if seen.insert(record.name.clone()) {
            records.push(record.clone());
        }
    }
    let text = std::fs::File::open(&set.manifest).and_then(|file| {
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut std::io::Read::take(file, TEXT), &mut text)?;
        Ok(text)
    });
    let text = text.map_err(|e| Error::from_io(e, "read the manifest"))?;
    if records.is_empty() && text.iter().all(|b| *b == 0 || b.is_ascii_whitespace()) {
        notes.push("nothing can be read of the manifest: the names of the files decide".to_owned());
        records = by_names(&set, &names, &mut notes);
    } else {
        by_text(&set, &names, &text, &seen, &mut records, &mut notes);
    }
    settle(&mut set, records, &mut notes)?;
    Ok(Rebuilt {
        set,
        changed: true,
        missing,
        notes,
    })
}

/// Whether a file is named that cannot be loaded.
fn is_gone(member: &Member) -> bool {
    member.unread().is_some() && !matches!(member.found, Found::Repeated(_))
}

/// Files whose name stands in a line that cannot be read.
fn by_text(
    set: &Set,
    names: &[Vec<u8>],
    text: &[u8],
    seen: &HashSet<Vec<u8>>,
    records: &mut Vec<Record>,
    notes: &mut Vec<String>,
) {
    let has = |line: &[u8], word: &[u8]| line.windows(word.len().max(1)).any(|w| w == word);
    for line in text.split(|b| *b == b'\n').filter(|l| !l.starts_with(b"#")) {
        // The words of a line as far as they can be read, without their quotes.
        let words = line.split(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | 0));
        let words: Vec<&[u8]> = words.filter(|w| !w.is_empty()).collect();
        let behind = |key: &[u8]| {
            let at = words.iter().position(|w| w.eq_ignore_ascii_case(key))?;
            words.get(at + 1).copied()
        };
        let said = match behind(b"type") {
            Some(b"b") => Some(Role::Base),
            Some(b"i") => Some(Role::Incr),
            Some(b"h") => continue,
            _ => None,
        };
        for name in names.iter().filter(|n| !seen.contains(&n[..])) {
            let numbered = Numbered::of(name).filter(|n| n.stem == set.base_name);
            // Any name is allowed; the plain one is that of a file of the old form that was taken over.
            let named = match &numbered {
                Some(_) => has(line, name),
                None => words.contains(&&name[..]) && (said.is_some() || *name == set.base_name),
            };
            if !named || records.iter().any(|r| r.name == *name) {
                continue;
            }
            let role = said
                .or(numbered.as_ref().map(|n| n.role))
                .unwrap_or(Role::Base);
            if role == Role::Base && records.iter().any(|r| r.role == Role::Base) {
                continue;
            }
            let seq = behind(b"seq").and_then(|n| std::str::from_utf8(n).ok()?.parse().ok());
            let seq = numbered
                .map(|n| n.seq)
                .or(seq.filter(|n| *n > 0))
                .unwrap_or(1);
            notes.push(format!(
                "{} stands in a line that cannot be read, and is there: taken as {} {seq}",
                quoted(name),
                role.name(),
            ));
            records.push(Record::new(name.clone(), seq, role));
        }
    }
}

/// The files of a set by their names alone.
fn by_names(set: &Set, names: &[Vec<u8>], notes: &mut Vec<String>) -> Vec<Record> {
    let mut records: Vec<Record> = names
        .iter()
        .filter_map(|name| {
            let numbered = Numbered::of(name).filter(|n| n.stem == set.base_name)?;
            Some(Record::new(name.clone(), numbered.seq, numbered.role))
        })
        .collect();
    records.sort_by_key(|r| (r.role, r.seq));
    if !records.iter().any(|r| r.role == Role::Base) && names.contains(&set.base_name) {
        records.insert(0, Record::new(set.base_name.clone(), 1, Role::Base));
    }
    let mut base: Option<Vec<u8>> = None;
    records.retain(|record| {
        if record.role != Role::Base {
            return true;
        }
        if let Some(base) = &base {
            notes.push(format!(
                "{} is left out: {} has a lower number, and a base is only valid once a rewrite is complete",
                quoted(&record.name),
                quoted(base)
            ));
            return false;
        }
        base = Some(record.name.clone());
        true
    });
    for record in &records {
        notes.push(format!(
            "{} is {} {}",
            quoted(&record.name),
            record.role.name(),
            record.seq
        ));
    }
    records
}

/// Puts the records in order, and makes them those of the set.
fn settle(set: &mut Set, records: Vec<Record>, notes: &mut Vec<String>) -> Result<()> {
    let (mut bases, mut incrs): (Vec<_>, Vec<_>) =
        records.into_iter().partition(|r| r.role == Role::Base);
    if let [first, others @ ..] = &bases[..] {
        for other in others {
            notes.push(format!(
                "{} is left out: there is one base, and {} is listed in front of it",
                quoted(&other.name),
                quoted(&first.name)
            ));
        }
    }
    bases.truncate(1);
    incrs.sort_by_key(|r| r.seq);
    let mut last = 0;
    for record in &mut incrs {
        if record.seq <= last {
            record.seq = last + 1;
        }
        last = record.seq;
    }
    bases.append(&mut incrs);
    let mut members = Vec::new();
    for record in &bases {
        let path = set.folder.join(os(&record.name));
        let known = set.members.iter().find(|m| m.record.name == record.name);
        let found = match known {
            Some(member) if member.unread().is_none() => member.found.clone(),
            _ => {
                let meta = std::fs::symlink_metadata(&path);
                let meta =
                    meta.map_err(|e| Error::from_io(e, "open").in_file(&path.to_string_lossy()))?;
                Found::File(meta.len())
            }
        };
        let path = known.map_or(path, |member| member.path.clone());
        members.push(Member {
            record: record.clone(),
            path,
            found,
        });
    }
    set.members = members;
    set.reading = Reading::default();
    set.reading.manifest = Manifest {
        records: bases,
        ..Manifest::default()
    };
    Ok(())
}

/// The regular files of a folder, by name.
fn names(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let io =
        |e: std::io::Error| Error::from_io(e, "read the folder").in_file(&folder.to_string_lossy());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        if entry.file_type().is_ok_and(|t| t.is_file()) {
            names.push(entry.file_name().as_encoded_bytes().to_vec());
        }
    }
    names.sort();
    Ok(names)
}

/// A file's name that says what it is: `appendonly.aof.2.base.rdb`.
struct Numbered<'a> {
    stem: &'a [u8],
    seq: i64,
    role: Role,
}

impl<'a> Numbered<'a> {
    fn of(name: &'a [u8]) -> Option<Numbered<'a>> {
        if name.starts_with(b"temp-") {
            return None;
        }
        let endings: [(&[u8], Role); 3] = [
            (b".base.rdb", Role::Base),
            (b".base.aof", Role::Base),
            (b".incr.aof", Role::Incr),
        ];
        let (rest, role) = endings
            .iter()
            .find_map(|(ending, role)| Some((name.strip_suffix(*ending)?, *role)))?;
        let dot = rest.iter().rposition(|b| *b == b'.')?;
        let (stem, digits) = rest.split_at_checked(dot)?;
        let digits = std::str::from_utf8(digits.get(1..)?).ok()?;
        let seq: i64 = digits.parse().ok().filter(|n| *n > 0)?;
        Some(Numbered { stem, seq, role })
    }
}

#[cfg(unix)]
fn os(name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(name))
}

#[cfg(not(unix))]
fn os(name: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}
