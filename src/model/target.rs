//! The servers that files are for, and what each of them reads: one row a server.
//!
//! Source: the version history of `rdb.c` and `rdb.h`. Redis accepts any RDB version from 1 to its own. Valkey accepts 1
//! to 11 behind the magic `REDIS` and, since 9.0, 80 and up behind `VALKEY`; it refuses 12 to 79 as foreign.

use super::kind::Flavour;
use std::fmt;

/// One server version.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// `redis-7.4`.
    pub name: &'static str,
    /// Redis or Valkey.
    pub flavour: Flavour,
    /// Major and minor version.
    pub version: (u8, u8),
    /// The RDB version it writes; also the highest it reads of its own magic.
    pub rdb: u16,
}

const fn redis(name: &'static str, version: (u8, u8), rdb: u16) -> Target {
    Target {
        name,
        flavour: Flavour::Redis,
        version,
        rdb,
    }
}

const fn valkey(name: &'static str, version: (u8, u8), rdb: u16) -> Target {
    Target {
        name,
        flavour: Flavour::Valkey,
        version,
        rdb,
    }
}

/// All servers, each family from old to new.
pub static TARGETS: [Target; 21] = [
    redis("redis-2.8", (2, 8), 6),
    redis("redis-3.0", (3, 0), 6),
    redis("redis-3.2", (3, 2), 7),
    redis("redis-4.0", (4, 0), 8),
    redis("redis-5.0", (5, 0), 9),
    redis("redis-6.0", (6, 0), 9),
    redis("redis-6.2", (6, 2), 9),
    redis("redis-7.0", (7, 0), 10),
    redis("redis-7.2", (7, 2), 11),
    redis("redis-7.4", (7, 4), 12),
    redis("redis-8.0", (8, 0), 12),
    redis("redis-8.2", (8, 2), 12),
    redis("redis-8.4", (8, 4), 12),
    redis("redis-8.6", (8, 6), 13),
    redis("redis-8.8", (8, 8), 14),
    redis("redis-8.10", (8, 10), 15),
    valkey("valkey-7.2", (7, 2), 11),
    valkey("valkey-8.0", (8, 0), 11),
    valkey("valkey-8.1", (8, 1), 11),
    valkey("valkey-9.0", (9, 0), 80),
    valkey("valkey-9.1", (9, 1), 80),
];

/// The first server of each family that reads something; `None` where none of that family does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// First Redis version.
    pub redis: Option<(u8, u8)>,
    /// First Valkey version.
    pub valkey: Option<(u8, u8)>,
}

impl Since {
    /// Redis since that version, and every Valkey.
    #[must_use]
    pub const fn both(redis: (u8, u8)) -> Since {
        Since {
            redis: Some(redis),
            valkey: Some((7, 2)),
        }
    }

    /// Redis only.
    #[must_use]
    pub const fn redis(redis: (u8, u8)) -> Since {
        Since {
            redis: Some(redis),
            valkey: None,
        }
    }

    /// Valkey only.
    #[must_use]
    pub const fn valkey(valkey: (u8, u8)) -> Since {
        Since {
            redis: None,
            valkey: Some(valkey),
        }
    }

    /// Servers that look at every entry of listpacks, intsets and stream nodes when they load a file. Others do so only
    /// where `sanitize-dump-payload` asks for it, a setting that is gone in Valkey 9.1.
    pub const DEEP: Since = Since::valkey((9, 1));

    /// No released server.
    pub const NONE: Since = Since {
        redis: None,
        valkey: None,
    };
}

/// The newest server of a family.
#[must_use]
pub fn newest(flavour: Flavour) -> &'static Target {
    let [first, ..] = &TARGETS;
    TARGETS
        .iter()
        .rfind(|t| t.flavour == flavour)
        .unwrap_or(first)
}

impl Target {
    /// The server with that name (`redis-7.4`, `valkey-9.1`), whatever its case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Target> {
        TARGETS.iter().find(|t| t.name.eq_ignore_ascii_case(name))
    }

    /// The server that output for a file is for, unless another is asked for: the newest of those that write this RDB
    /// version, so that the file loses nothing and the oldest servers that read it can take the output. Where none
    /// writes it, the next that writes a higher one, or the newest of all.
    #[must_use]
    pub fn of_file(magic: Flavour, version: u16) -> &'static Target {
        let mut best = None;
        for target in TARGETS
            .iter()
            .filter(|t| t.flavour == magic && t.rdb >= version)
        {
            if best.is_none_or(|best: &Target| target.rdb <= best.rdb) {
                best = Some(target);
            }
        }
        let newest = TARGETS.iter().rfind(|t| t.flavour == magic);
        let [first, ..] = &TARGETS;
        best.or(newest).unwrap_or(first)
    }

    /// Whether this server reads what came with `since`.
    #[must_use]
    pub fn has(&self, since: Since) -> bool {
        let first = match self.flavour {
            Flavour::Redis => since.redis,
            Flavour::Valkey => since.valkey,
        };
        first.is_some_and(|first| self.version >= first)
    }

    /// Whether this server opens a file with that magic and version (strict, as servers are by default).
    #[must_use]
    pub fn opens(&self, magic: Flavour, version: u16) -> bool {
        match (self.flavour, magic) {
            (Flavour::Redis, Flavour::Redis) => (1..=self.rdb).contains(&version),
            (Flavour::Redis, Flavour::Valkey) => false,
            (Flavour::Valkey, Flavour::Redis) => (1..=11).contains(&version),
            (Flavour::Valkey, Flavour::Valkey) => {
                self.rdb >= 80 && (80..=self.rdb).contains(&version)
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A list of servers in few words: `redis-7.0 to redis-8.10, valkey-9.0 and later`.
#[must_use]
pub fn ranges(loads: impl Fn(&Target) -> bool) -> String {
    let mut parts: Vec<String> = Vec::new();
    for flavour in [Flavour::Redis, Flavour::Valkey] {
        let family: Vec<&Target> = TARGETS.iter().filter(|t| t.flavour == flavour).collect();
        for run in family.chunk_by(|a, b| loads(a) == loads(b)) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                continue;
            };
            if !loads(first) {
                continue;
            }
            parts.push(if first == last {
                first.name.to_owned()
            } else {
                format!("{} to {}", first.name, last.name)
            });
        }
    }
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_and_version_must_agree() {
        let t = |n| Target::from_name(n).unwrap();
        assert!(t("redis-7.0").opens(Flavour::Redis, 10));
        assert!(!t("redis-7.0").opens(Flavour::Redis, 11));
        assert!(t("valkey-9.1").opens(Flavour::Redis, 11));
        assert!(!t("valkey-9.1").opens(Flavour::Redis, 12));
        assert!(t("VALKEY-9.0").opens(Flavour::Valkey, 80));
        assert!(!t("valkey-8.1").opens(Flavour::Valkey, 80));
        assert!(!t("redis-8.10").opens(Flavour::Valkey, 80));
    }

    #[test]
    fn a_file_is_for_those_who_write_its_version() {
        for (magic, version, name) in [
            (Flavour::Redis, 1, "redis-3.0"),
            (Flavour::Redis, 6, "redis-3.0"),
            (Flavour::Redis, 9, "redis-6.2"),
            (Flavour::Redis, 10, "redis-7.0"),
            (Flavour::Redis, 11, "redis-7.2"),
            (Flavour::Redis, 12, "redis-8.4"),
            (Flavour::Redis, 16, "redis-8.10"),
            (Flavour::Valkey, 80, "valkey-9.1"),
            (Flavour::Valkey, 81, "valkey-9.1"),
        ] {
            assert_eq!(Target::of_file(magic, version).name, name);
        }
    }

    #[test]
    fn ranges_read_well() {
        assert_eq!(
            ranges(|t| t.opens(Flavour::Redis, 10)),
            "redis-7.0 to redis-8.10, valkey-7.2 to valkey-9.1"
        );
        assert_eq!(ranges(|_| false), "none");
        assert_eq!(ranges(|t| t.name == "redis-3.2"), "redis-3.2");
    }
}
