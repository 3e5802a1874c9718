//! What a repair does to a file: ranges of its bytes that go, or that are written otherwise. All that no patch names stays
//! as it is, byte for byte.

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
pub const SAMPLE: usize = 96;

/// Puts a patch into a sorted list, in the place of all that lie inside it.
pub fn put(patches: &mut Vec<Patch>, patch: Patch) {
    patches.retain(|p| p.from < patch.from || p.to > patch.to);
    let place = patches.partition_point(|p| p.from < patch.from);
    patches.insert(place, patch);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(from: u64, to: u64) -> Patch {
        Patch {
            from,
            to,
            fate: Fate::Cut,
            code: "x",
            why: String::new(),
            commands: 0,
            keys: Vec::new(),
            sample: Vec::new(),
        }
    }

    #[test]
    fn the_greater_takes_the_place_of_the_smaller() {
        let mut patches = Vec::new();
        for (from, to) in [(10, 20), (40, 50), (25, 30), (15, 16), (5, 35)] {
            put(&mut patches, patch(from, to));
        }
        let ranges: Vec<_> = patches.iter().map(|p| (p.from, p.to)).collect();
        assert_eq!(ranges, [(5, 35), (40, 50)]);
    }
}
