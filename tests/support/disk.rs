//! A disk that takes down what is done to it, and what may be left of that after a crash.
//!
//! What was not synced may be there or not: of a file the bytes behind its last sync (all, none, half, or their length
//! with zeros), of a folder any selection of the names made, changed and removed since it was synced.

use redisk::disk::layer::{Disk, DiskFile, Real};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Create(PathBuf),
    Write(PathBuf, Vec<u8>),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Link(PathBuf, PathBuf),
    Remove(PathBuf),
    MakeFolder(PathBuf),
    SyncFolder(PathBuf),
}

/// Does it, and takes it down. Paths are those below its folder.
pub(crate) struct Recorder {
    root: PathBuf,
    steps: Arc<Mutex<Vec<Step>>>,
}

impl Recorder {
    pub(crate) fn new(root: &Path) -> Recorder {
        Recorder {
            root: root.canonicalize().unwrap(),
            steps: Arc::default(),
        }
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        self.steps.lock().unwrap().clone()
    }

    fn below(&self, path: &Path) -> PathBuf {
        // A file need not be there, but its folder is.
        let folder = path.parent().unwrap().canonicalize().unwrap();
        let path = folder.join(path.file_name().unwrap());
        path.strip_prefix(&self.root).unwrap().to_owned()
    }

    fn note(&self, step: Step) {
        self.steps.lock().unwrap().push(step);
    }
}

struct Recorded {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    steps: Arc<Mutex<Vec<Step>>>,
}

impl Disk for Recorder {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = Real.create(path)?;
        let path = self.below(path);
        self.note(Step::Create(path.clone()));
        let steps = self.steps.clone();
        Ok(Box::new(Recorded { file, path, steps }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note(Step::Rename(self.below(from), self.below(to)));
        Real.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note(Step::Link(self.below(from), self.below(to)));
        Real.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.note(Step::Remove(self.below(path)));
        Real.remove(path)
    }

    fn make_folder(&self, path: &Path, like: &Path) -> io::Result<()> {
        self.note(Step::MakeFolder(self.below(path)));
        Real.make_folder(path, like)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let path = path.canonicalize()?;
        let below = path.strip_prefix(&self.root).unwrap();
        self.note(Step::SyncFolder(below.to_owned()));
        Real.sync_folder(&path)
    }
}

impl Write for Recorded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        let step = Step::Write(self.path.clone(), bytes[..n].to_vec());
        self.steps.lock().unwrap().push(step);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl DiskFile for Recorded {
    fn inherit(&mut self, like: &Path) -> io::Result<()> {
        self.file.inherit(like)
    }

    fn sync(&mut self) -> io::Result<()> {
        let step = Step::Sync(self.path.clone());
        self.steps.lock().unwrap().push(step);
        self.file.sync()
    }
}

/// What lies in a folder, and below it: folders have no bytes.
pub(crate) type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// Reads all of a folder.
pub(crate) fn tree(root: &Path) -> Tree {
    fn read(root: &Path, below: &Path, tree: &mut Tree) {
        for entry in std::fs::read_dir(root.join(below)).unwrap() {
            let path = below.join(entry.unwrap().file_name());
            if root.join(&path).is_dir() {
                tree.insert(path.clone(), None);
                read(root, &path, tree);
            } else {
                tree.insert(path.clone(), Some(std::fs::read(root.join(&path)).unwrap()));
            }
        }
    }
    let mut all = Tree::new();
    read(root, Path::new(""), &mut all);
    all
}

/// Writes it.
pub(crate) fn plant(tree: &Tree, root: &Path) {
    for (path, bytes) in tree {
        match bytes {
            None => std::fs::create_dir_all(root.join(path)).unwrap(),
            Some(bytes) => std::fs::write(root.join(path), bytes).unwrap(),
        }
    }
}

/// A change of names that waits for its folder to be synced.
#[derive(Clone)]
enum Change {
    Link(PathBuf, usize),
    Folder(PathBuf),
    Rename(PathBuf, PathBuf),
    Again(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Change {
    fn folder(&self) -> &Path {
        let (Change::Link(path, _)
        | Change::Folder(path)
        | Change::Rename(_, path)
        | Change::Again(_, path)
        | Change::Remove(path)) = self;
        path.parent().unwrap()
    }

    /// What cannot be done any more, because an earlier one was lost, is not.
    fn apply(&self, names: &mut Names) {
        match self {
            Change::Link(path, file) => _ = names.insert(path.clone(), Some(*file)),
            Change::Folder(path) => _ = names.insert(path.clone(), None),
            Change::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Change::Again(from, to) => {
                if let Some(file) = names.get(from).copied() {
                    names.insert(to.clone(), file);
                }
            }
            Change::Remove(path) => _ = names.remove(path),
        }
    }
}

/// Paths and the files that they name; folders have none.
type Names = BTreeMap<PathBuf, Option<usize>>;

#[derive(Default)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
}

/// How many changes of names are lost in every selection; of more, only the last ones one by one.
const SELECTIONS: usize = 6;

/// Every tree that a crash may leave behind, after any number of the steps.
pub(crate) fn crashes(before: &Tree, steps: &[Step]) -> BTreeSet<Tree> {
    let mut files: Vec<File> = Vec::new();
    let mut safe = Names::new();
    for (path, bytes) in before {
        safe.insert(path.clone(), bytes.as_ref().map(|_| files.len()));
        if let Some(bytes) = bytes {
            files.push(File {
                bytes: bytes.clone(),
                synced: bytes.len(),
            });
        }
    }
    // Where an open file is, by the name that it was made under: what is written and synced goes by that.
    let mut open: HashMap<PathBuf, usize> = HashMap::new();
    let mut waiting: Vec<Change> = Vec::new();
    let mut found = BTreeSet::new();
    left(&safe, &waiting, &files, &mut found);
    for step in steps {
        match step {
            Step::Create(path) => {
                open.insert(path.clone(), files.len());
                waiting.push(Change::Link(path.clone(), files.len()));
                files.push(File::default());
            }
            Step::Write(path, bytes) => files[open[path]].bytes.extend_from_slice(bytes),
            Step::Sync(path) => {
                let file = &mut files[open[path]];
                file.synced = file.bytes.len();
            }
            Step::Rename(from, to) => waiting.push(Change::Rename(from.clone(), to.clone())),
            Step::Link(from, to) => waiting.push(Change::Again(from.clone(), to.clone())),
            Step::Remove(path) => waiting.push(Change::Remove(path.clone())),
            Step::MakeFolder(path) => waiting.push(Change::Folder(path.clone())),
            Step::SyncFolder(folder) => {
                let (now, later): (Vec<Change>, Vec<Change>) =
                    waiting.into_iter().partition(|c| c.folder() == folder);
                now.iter().for_each(|change| change.apply(&mut safe));
                waiting = later;
            }
        }
        left(&safe, &waiting, &files, &mut found);
    }
    found
}

/// Adds what may be left at this moment.
fn left(safe: &Names, waiting: &[Change], files: &[File], found: &mut BTreeSet<Tree>) {
    let sure = waiting.len().saturating_sub(SELECTIONS);
    let open = waiting.len() - sure;
    for kept in 0u32..1 << open {
        let mut names = safe.clone();
        for (i, change) in waiting.iter().enumerate() {
            if i < sure || kept >> (i - sure) & 1 == 1 {
                change.apply(&mut names);
            }
        }
        for how in 0..4 {
            let bytes = |file: &File| {
                let (safe, lost) = file.bytes.split_at(file.synced);
                let rest = match how {
                    0 => lost.to_vec(),
                    1 => Vec::new(),
                    2 => lost[..lost.len() / 2].to_vec(),
                    _ => vec![0; lost.len()],
                };
                [safe, &rest].concat()
            };
            // A folder that is not there has nothing in it.
            let reachable = |path: &Path| {
                let folder = path.parent().unwrap();
                folder == Path::new("") || names.contains_key(folder)
            };
            let tree = names
                .iter()
                .filter(|(path, _)| reachable(path))
                .map(|(path, file)| (path.clone(), file.map(|file| bytes(&files[file]))));
            found.insert(tree.collect());
        }
    }
}

#[test]
fn what_is_not_synced_may_be_gone() {
    let path = |p: &str| PathBuf::from(p);
    let tree = |files: &[(&str, &str)]| -> Tree {
        files
            .iter()
            .map(|(p, b)| (path(p), Some(b.as_bytes().to_vec())))
            .collect()
    };
    let before = tree(&[("a", "old")]);
    let write = [
        Step::Create(path("t")),
        Step::Write(path("t"), b"new!".to_vec()),
    ];
    let swap = [Step::Rename(path("t"), path("a"))];
    // Renamed without a sync of the bytes: the old ones may be gone, and the new ones not there.
    let found = crashes(&before, &[&write[..], &swap].concat());
    assert!(found.contains(&tree(&[("a", "")])));
    assert!(found.contains(&tree(&[("a", "ne")])));
    assert!(found.contains(&tree(&[("a", "\0\0\0\0")])));
    let synced = [&write[..], &[Step::Sync(path("t"))], &swap].concat();
    let found = crashes(&before, &synced);
    assert!(found.iter().all(|t| {
        let a = t[&path("a")].as_deref();
        a == Some(b"old") || a == Some(b"new!")
    }));
    // The name is safe when the folder is.
    assert!(found.contains(&before));
    let last = [&synced[..], &[Step::SyncFolder(path(""))]].concat();
    let after = crashes(&tree(&[("a", "old")]), &last);
    assert_eq!(after, found);
}
