//! What a repair does to a file: ranges of its bytes that go, or that are written otherwise. All that no patch names stays
//! as it is, byte for byte.
//!
//! They stand in the order of the file and do not overlap, so what is done at one place costs what stands there, and not
//! the whole list.

use crate::error::{Error, Result};

/// What becomes of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// They are left out: half a command, zeros, what a server would drop.
    Cut,
    /// They are left out because nobody knows what they say.
    Quarantine,
    /// A command whose lines are malformed, written as servers write it, with the same arguments.
    Rewrite,
    /// These bytes stand in their place.
    Replace(Vec<u8>),
    /// In their place stands the checksum of what is written in front of it: an RDB ends here.
    Checksum,
}

impl Fate {
    /// A stable word for scripts.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Fate::Cut => "cut",
            Fate::Quarantine => "quarantine",
            Fate::Rewrite => "rewrite",
            Fate::Replace(_) => "replace",
            Fate::Checksum => "checksum",
        }
    }

    /// Whether the bytes are missing from what is written.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        matches!(self, Fate::Cut | Fate::Quarantine)
    }
}

/// A range of bytes that does not stay as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Offset of its first byte.
    pub from: u64,
    /// Offset behind its last byte.
    pub to: u64,
    /// What becomes of it.
    pub fate: Fate,
    /// A stable word for scripts: `torn-command`, `zero-tail` …
    pub code: &'static str,
    /// Why, in words.
    pub why: String,
    /// How many commands are lost with it, as far as they can be told.
    pub commands: u64,
    /// The keys that are lost, cut or doubtful: database and name.
    pub keys: Vec<(u64, Vec<u8>)>,
    /// The first bytes, for eyes.
    pub sample: Vec<u8>,
}

/// How many of the first bytes are shown.
const SAMPLE: usize = 96;

/// Patches of a file; more is no damage any more, but something else than what it is read as.
pub const PATCHES: usize = 1 << 17;

impl Patch {
    /// A patch that says what and why, and nothing of what is lost with it.
    #[must_use]
    pub fn new(
        from: u64,
        to: u64,
        fate: Fate,
        code: &'static str,
        why: impl Into<String>,
    ) -> Patch {
        Patch {
            from,
            to,
            fate,
            code,
            why: why.into(),
            commands: 0,
            keys: Vec::new(),
            sample: Vec::new(),
        }
    }
}

/// Takes a patch into a list as [`put`] does, with its first bytes, which `read` gives from an offset on. `what` is what
/// the file is read as.
///
/// # Errors
/// What `read` says; [`crate::ErrorKind::Limit`] where there are [`PATCHES`] already.
pub fn add(
    patches: &mut Vec<Patch>,
    mut patch: Patch,
    what: &str,
    read: impl FnOnce(&mut [u8], u64) -> Result<()>,
) -> Result<()> {
    if patches.len() >= PATCHES {
        join(patches);
        // Were it only some, each of the next ones would have all of them looked at again.
        if patches.len() > PATCHES / 2 {
            let what =
                format!("more than {PATCHES} places are damaged: this is no {what} any more");
            return Err(Error::limit(what).at(patch.from));
        }
    }
    let n = usize::try_from(patch.to - patch.from).map_or(SAMPLE, |n| n.min(SAMPLE));
    patch.sample.resize(n, 0);
    read(&mut patch.sample, patch.from)?;
    put(patches, patch);
    Ok(())
}

/// Makes one patch of those that leave out the same kind of thing one behind the other. The last one stays by itself: it
/// may not be final.
fn join(patches: &mut Vec<Patch>) {
    let last = patches.pop();
    let mut joined: Vec<Patch> = Vec::new();
    for patch in patches.drain(..) {
        match joined.last_mut() {
            Some(run)
                if patch.fate.is_loss()
                    && (run.to, run.code, &run.fate) == (patch.from, patch.code, &patch.fate) =>
            {
                run.to = patch.to;
                run.commands += patch.commands;
                run.keys.extend(patch.keys);
                if !run.why.ends_with(MORE) {
                    run.why.push_str(MORE);
                }
            }
            _ => joined.push(patch),
        }
    }
    joined.extend(last);
    *patches = joined;
}

/// Says that more of the same follows.
const MORE: &str = "; and so on";

/// Takes out all that stands behind an offset. Gives what ends behind it.
pub fn cut(patches: &mut Vec<Patch>, at: u64) -> Vec<Patch> {
    let first = ended(patches, at);
    let mut behind = patches.split_off(first);
    // One that was made of several may begin in front of it.
    if let Some(run) = behind
        .first_mut()
        .filter(|p| p.from < at && p.fate.is_loss())
    {
        let mut front = run.clone();
        front.to = at;
        run.from = at;
        patches.push(front);
        run.keys.clear();
        run.commands = 0;
    }
    behind
}

/// Puts a patch into a sorted list, in the place of all that lie inside it. One of no bytes comes behind all that begin
/// where it does.
pub fn put(patches: &mut Vec<Patch>, patch: Patch) {
    if patch.from == patch.to {
        let place = patches.partition_point(|p| p.from <= patch.from);
        return patches.insert(place, patch);
    }
    let first = patches.partition_point(|p| p.from < patch.from);
    let behind = patches.get(first..).unwrap_or_default();
    let inside = behind.iter().take_while(|p| p.to <= patch.to).count();
    patches.splice(first..first + inside, [patch]);
}

/// Takes those out that begin at an offset.
pub fn remove(patches: &mut Vec<Patch>, from: u64) {
    let first = patches.partition_point(|p| p.from < from);
    let behind = patches.get(first..).unwrap_or_default();
    let n = behind.iter().take_while(|p| p.from == from).count();
    patches.drain(first..first + n);
}

/// The number of those that end in front of an offset, or there.
#[must_use]
pub fn ended(patches: &[Patch], at: u64) -> usize {
    patches.partition_point(|p| p.to <= at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(from: u64, to: u64) -> Patch {
        Patch::new(from, to, Fate::Cut, "x", "")
    }

    fn ranges(patches: &[Patch]) -> Vec<(u64, u64)> {
        patches.iter().map(|p| (p.from, p.to)).collect()
    }

    #[test]
    fn the_greater_takes_the_place_of_the_smaller() {
        let mut patches = Vec::new();
        for (from, to) in [(10, 20), (40, 50), (25, 30), (15, 16), (5, 35)] {
            put(&mut patches, patch(from, to));
        }
        assert_eq!(ranges(&patches), [(5, 35), (40, 50)]);
        assert_eq!(ended(&patches, 34), 0);
        assert_eq!(ended(&patches, 35), 1);
        assert_eq!(ended(&patches, 60), 2);
        put(&mut patches, patch(50, 50));
        put(&mut patches, patch(50, 50));
        put(&mut patches, patch(1, 2));
        assert_eq!(
            ranges(&patches),
            [(1, 2), (5, 35), (40, 50), (50, 50), (50, 50)]
        );
        remove(&mut patches, 50);
        remove(&mut patches, 6);
        remove(&mut patches, 1);
        assert_eq!(ranges(&patches), [(5, 35), (40, 50)]);
    }

    #[test]
    fn there_are_only_so_many() {
        let mut patches = Vec::new();
        let read = |sample: &mut [u8], at: u64| {
            sample.fill(u8::try_from(at % 256).unwrap());
            Ok(())
        };
        for n in 0..PATCHES as u64 {
            add(&mut patches, patch(2 * n, 2 * n + 1), "log", read).unwrap();
        }
        assert_eq!(patches[3].sample, [6]);
        let e = add(&mut patches, patch(7, 9), "log", read).unwrap_err();
        assert!(e.message().contains("no log any more"), "{e}");
        // What stands one behind the other is one place.
        let mut patches = Vec::new();
        for n in 0..2 * PATCHES as u64 + 5 {
            let one = Patch {
                commands: 1,
                ..patch(n, n + 1)
            };
            add(&mut patches, one, "log", read).unwrap();
        }
        assert!(patches.len() < PATCHES);
        assert_eq!(
            patches.iter().map(|p| p.commands).sum::<u64>(),
            2 * PATCHES as u64 + 5
        );
        assert!(patches.windows(2).all(|w| w[0].to == w[1].from));
        let behind = cut(&mut patches, 10);
        assert_eq!(ranges(&patches), [(0, 10)]);
        assert_eq!(behind[0].from, 10);
    }
}
