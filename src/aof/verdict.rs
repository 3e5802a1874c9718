//! What a server does with a RESP file: loads it, cuts its tail, refuses it and with which words, or crashes.
//!
//! ```text
//! end of the file   aof-load-truncated yes                         no
//! torn command      cut at valid_up_to (Valkey 9 at before_multi)  "Unexpected end of file reading the append only file"
//! open MULTI        cut at before_multi                            the same
//! bad format        "Bad file format reading the append only file" the same (Redis since 8.4 cuts at valid_up_to what is
//!                   shorter than aof-load-corrupt-tail-max-size, 0 unless set)
//! torn annotation   loads, and breaks with the next command written
//! in a file that is not the last of its set, a cut is made too, and then: "Fatal error: the truncated file is not the
//! last file"
//! ```
//!
//! On the way to the end: a command that a server does not know stops all of them; wrong arity stops Valkey, while Redis
//! runs the command and may crash; `DISCARD` in a block and negative lengths crash all; an annotation stops servers
//! before 7.0. Observed on Redis 6.2.14, 7.0.15, 8.0.6, 8.6.3 and Valkey 8.1.1, 9.1.2.

use crate::aof::check::{Report, StopAt, StopKind};
use crate::aof::reader::{End, Tail};
use crate::model::commands::COMMANDS;
use crate::model::kind::Flavour;
use crate::model::target::Target;
use crate::resp::decode::FaultKind;
use crate::text::escaped;

/// A length that no allocator gives: servers abort on it. (Below it, it depends on the allocator and on the machine's
/// memory whether a server cuts the file, as for any short read, or aborts.)
const NEVER_ALLOCATED: u64 = 1 << 47;

/// What a server does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It loads the file.
    Loads,
    /// It cuts the file to so many bytes, and loads that.
    Truncates {
        /// The new size.
        to: u64,
        /// Offset of a `MULTI` that stays behind without its EXEC: the next run's writes will be taken for its block.
        leaves_multi: Option<u64>,
    },
    /// It does not start.
    Refuses {
        /// Where it stops reading.
        at: u64,
        /// What it logs.
        words: String,
        /// The size that it has cut the file to before it refuses: a failed start destroys the evidence.
        cuts_to: Option<u64>,
    },
    /// It crashes.
    Crashes {
        /// On the command here.
        at: u64,
        /// Why.
        why: String,
    },
    /// It reads past what it has, so anything may happen, a crash included.
    Undefined {
        /// On the command here.
        at: u64,
        /// Why.
        why: String,
    },
}

impl Verdict {
    /// A stable word: `loads`, `truncates`, `refuses`, `crashes`, `undefined`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Loads => "loads",
            Verdict::Truncates { .. } => "truncates",
            Verdict::Refuses { .. } => "refuses",
            Verdict::Crashes { .. } => "crashes",
            Verdict::Undefined { .. } => "undefined",
        }
    }

    /// Whether the server is up afterwards.
    #[must_use]
    pub fn loads(&self) -> bool {
        matches!(self, Verdict::Loads | Verdict::Truncates { .. })
    }
}

/// How a file is loaded.
#[derive(Debug, Clone, Copy)]
pub struct Loading<'a> {
    /// `aof-load-truncated`.
    pub truncated: bool,
    /// Whether it is the last file of its set.
    pub last: bool,
    /// `aof-load-corrupt-tail-max-size` of Redis since 8.4: bytes that are no command are cut off, if they are fewer. 0
    /// is the default, and means never.
    pub corrupt_tail: u64,
    /// Its name, for the words.
    pub file: &'a [u8],
    /// The name of its folder (`appenddirname`), for the words.
    pub folder: &'a [u8],
}

/// What that server does with a file that was judged so.
#[must_use]
pub fn verdict(report: &Report, target: &Target, loading: &Loading<'_>) -> Verdict {
    let words = Words::new(target, loading);
    if let Some((_, verdict)) = first_stop(report, target, &words) {
        return verdict;
    }
    let end = &report.end;
    match end.tail {
        Tail::Fault { kind, at, .. } => match kind {
            FaultKind::NegativeLength(n) => Verdict::Crashes {
                at,
                why: format!("a length of {n}"),
            },
            FaultKind::NulArgc => words.refuses(
                at,
                format!(
                    "Unrecoverable error reading the append only file{}",
                    words.file
                ),
            ),
            _ if words.cuts_corrupt(end) => words.cut_off(at, end.valid_up_to, end.state.multi),
            _ => words.refuses(at, words.bad_tail(end)),
        },
        Tail::Truncated { len: Some(len), .. } if len >= NEVER_ALLOCATED => Verdict::Crashes {
            at: end.read_up_to,
            why: format!("Out Of Memory allocating {len} bytes"),
        },
        // 6.2 knows no annotations: first_stop() has seen the whole ones, this is half of one.
        Tail::TornAnnotation if target.version < (7, 0) => {
            words.refuses(end.read_up_to, words.bad_format())
        }
        Tail::Truncated { .. } => {
            let whole_block = target.flavour == Flavour::Valkey && target.version >= (9, 0);
            if end.state.multi.is_some() && whole_block {
                words.cut(end.read_up_to, end.before_multi, None)
            } else {
                words.cut(end.read_up_to, end.valid_up_to, end.state.multi)
            }
        }
        Tail::Clean | Tail::TornAnnotation if end.state.multi.is_some() => {
            // Of nested MULTIs the last one is cut at; the first one stays.
            let outer = end.state.multi.filter(|&first| first < end.before_multi);
            words.cut(end.size, end.before_multi, outer)
        }
        Tail::Clean | Tail::TornAnnotation => Verdict::Loads,
    }
}

/// Whether a server has `aof-load-corrupt-tail-max-size`.
#[must_use]
pub fn knows_corrupt_tails(target: &Target) -> bool {
    target.flavour == Flavour::Redis && target.version >= (8, 4)
}

/// The first command that stops the server, with what happens there.
fn first_stop(report: &Report, target: &Target, words: &Words<'_>) -> Option<(u64, Verdict)> {
    let redis = target.flavour == Flavour::Redis;
    let old = target.version < (7, 0);
    let file = &words.file;
    let unknown = |stop: &StopAt| {
        let name = escaped(&stop.name);
        if redis {
            format!("Unknown command '{name}' reading the append only file{file}")
        } else {
            format!("Error reading the append only file{file}, error: unknown command '{name}'")
        }
    };
    let stops = report.stops.iter().filter_map(|(kind, stop)| {
        let at = stop.at;
        let verdict = match kind {
            StopKind::Annotation if !old => return None,
            StopKind::Annotation => words.refuses(at, words.bad_format()),
            StopKind::Unknown | StopKind::Module => words.refuses(at, unknown(stop)),
            // Before 7.0 the command itself answers with an error, which loaders pass over.
            StopKind::UnknownSub if old => return None,
            StopKind::UnknownSub if redis => words.refuses(at, unknown(stop)),
            StopKind::UnknownSub => words.refuses(
                at,
                format!(
                    "Error reading the append only file{file}, error: unknown subcommand '{}'",
                    escaped(&stop.sub)
                ),
            ),
            StopKind::Arity if redis => Verdict::Undefined {
                at,
                why: format!("runs {} with the wrong number of arguments", escaped(&stop.name)),
            },
            StopKind::Arity => words.refuses(
                at,
                format!(
                    "Error reading the append only file{file}, error: wrong number of arguments for '{}' command",
                    escaped(&stop.name.to_ascii_lowercase())
                ),
            ),
            StopKind::Discard => Verdict::Crashes {
                at,
                why: "DISCARD inside a MULTI".to_owned(),
            },
        };
        Some((at, verdict))
    });
    let newer = report.first_unknown_to(target).and_then(|(at, index)| {
        let row = COMMANDS.get(index)?;
        if old
            && !row.sub.is_empty()
            && COMMANDS
                .iter()
                .any(|c| c.name == row.name && c.sub.is_empty() && c.known_to(target))
        {
            return None;
        }
        let name = row.name.as_bytes().to_vec();
        let sub = row.sub.as_bytes().to_vec();
        Some((at, words.refuses(at, unknown(&StopAt { at, name, sub }))))
    });
    stops.chain(newer).min_by_key(|(at, _)| *at)
}

/// The servers' words, as far as they depend on the server and the file.
struct Words<'a> {
    target: &'a Target,
    loading: &'a Loading<'a>,
    /// ` NAME`, or nothing where servers do not say it.
    file: String,
}

impl<'a> Words<'a> {
    fn new(target: &'a Target, loading: &'a Loading<'a>) -> Words<'a> {
        let file = if target.version < (7, 0) {
            String::new()
        } else {
            format!(" {}", escaped(loading.file))
        };
        Words {
            target,
            loading,
            file,
        }
    }

    fn fix(&self) -> String {
        let program = match self.target.flavour {
            Flavour::Redis => "redis-check-aof",
            Flavour::Valkey => "valkey-check-aof",
        };
        let what = if self.target.version < (7, 0) {
            "filename"
        } else {
            "filename.manifest"
        };
        format!("./{program} --fix <{what}>")
    }

    fn bad_format(&self) -> String {
        format!(
            "Bad file format reading the append only file{}: make a backup of your AOF file, then use {}",
            self.file,
            self.fix()
        )
    }

    /// The same for bytes that are no command, up to the end of the file: Redis says since 8.4 how many they are.
    fn bad_tail(&self, end: &End) -> String {
        if !knows_corrupt_tails(self.target) {
            return self.bad_format();
        }
        // The name comes with its folder, a file of the old form being moved into it first. The indents are the server's.
        format!(
            "Bad file format reading the append only file {}/{} at offset {}.          make a backup of your AOF file, then \
             use {}.          Alternatively you can set the 'aof-load-corrupt-tail-max-size' configuration option to {} and \
             restart the server.",
            escaped(self.loading.folder),
            escaped(self.loading.file),
            end.valid_up_to,
            self.fix(),
            end.size - end.valid_up_to,
        )
    }

    /// Whether the server takes bytes that are no command, up to the end of the file, for a tail to be cut off.
    fn cuts_corrupt(&self, end: &End) -> bool {
        knows_corrupt_tails(self.target) && end.size - end.valid_up_to < self.loading.corrupt_tail
    }

    fn refuses(&self, at: u64, words: String) -> Verdict {
        Verdict::Refuses {
            at,
            words,
            cuts_to: None,
        }
    }

    /// A short read, or a block without EXEC.
    fn cut(&self, at: u64, to: u64, leaves_multi: Option<u64>) -> Verdict {
        if !self.loading.truncated {
            let words = format!(
                "Unexpected end of file reading the append only file{}. You can: 1) Make a backup of your AOF file, then use \
                 {}. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the \
                 server.",
                self.file,
                self.fix()
            );
            return self.refuses(at, words);
        }
        self.cut_off(at, to, leaves_multi)
    }

    /// A cut that the settings allow.
    fn cut_off(&self, at: u64, to: u64, leaves_multi: Option<u64>) -> Verdict {
        if !self.loading.last {
            return Verdict::Refuses {
                at,
                words: "Fatal error: the truncated file is not the last file".to_owned(),
                cuts_to: Some(to),
            };
        }
        Verdict::Truncates { to, leaves_multi }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aof::check::check;
    use crate::model::target::TARGETS;

    const GOOD: &str = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";

    fn judge(tail: &str, target: &str, truncated: bool) -> Verdict {
        let bytes = format!("{GOOD}{tail}");
        let report = check(bytes.as_bytes(), 0).unwrap();
        let target = TARGETS.iter().find(|t| t.name == target).unwrap();
        let loading = Loading {
            truncated,
            last: true,
            corrupt_tail: 0,
            file: b"f",
            folder: b"d",
        };
        verdict(&report, target, &loading)
    }

    const MULTI: &str = "*1\r\n$5\r\nMULTI\r\n";
    const TORN: &str = "*3\r\n$3\r\nSET\r\n$1";
    const SERVERS: [&str; 6] = [
        "redis-6.2",
        "redis-7.0",
        "redis-8.0",
        "redis-8.6",
        "valkey-8.1",
        "valkey-9.1",
    ];

    #[test]
    fn as_observed() {
        let star = &format!("*{}", "\0".repeat(5000));
        for (tail, yes, no) in [
            (
                "",
                "loads loads loads loads loads loads",
                "loads loads loads loads loads loads",
            ),
            (
                "junk\r\n",
                "refuses refuses refuses refuses refuses refuses",
                "refuses refuses refuses refuses refuses refuses",
            ),
            (
                TORN,
                "truncates truncates truncates truncates truncates truncates",
                "refuses refuses refuses refuses refuses refuses",
            ),
            (
                "#TS:12",
                "refuses loads loads loads loads loads",
                "refuses loads loads loads loads loads",
            ),
            (
                "*2\r\n$3\r\nSET\r\n$1\r\nx\r\n",
                "undefined undefined undefined undefined refuses refuses",
                "undefined undefined undefined undefined refuses refuses",
            ),
            (
                "*1\r\n$-1\r\n",
                "crashes crashes crashes crashes crashes crashes",
                "crashes crashes crashes crashes crashes crashes",
            ),
            (
                "*1\r\n$4611686018427387904\r\nabc\r\n",
                "crashes crashes crashes crashes crashes crashes",
                "crashes crashes crashes crashes crashes crashes",
            ),
            (
                "*3\r\n$6\r\nXGROUP\r\n$4\r\nNOPE\r\n$1\r\na\r\n",
                "loads refuses refuses refuses refuses refuses",
                "loads refuses refuses refuses refuses refuses",
            ),
            (
                "*3\r\n$7\r\nDELIFEQ\r\n$1\r\na\r\n$1\r\n1\r\n",
                "refuses refuses refuses refuses refuses loads",
                "refuses refuses refuses refuses refuses loads",
            ),
            (
                "*5\r\n$7\r\nHGETDEL\r\n$1\r\na\r\n$6\r\nFIELDS\r\n$1\r\n1\r\n$1\r\nf\r\n",
                "refuses refuses loads loads refuses loads",
                "refuses refuses loads loads refuses loads",
            ),
            (
                star,
                "refuses refuses refuses refuses refuses refuses",
                "refuses refuses refuses refuses refuses refuses",
            ),
        ] {
            for (truncated, expected) in [(true, yes), (false, no)] {
                let got: Vec<_> = SERVERS
                    .iter()
                    .map(|s| judge(tail, s, truncated).name())
                    .collect();
                assert_eq!(got.join(" "), expected, "{tail:?} {truncated}");
            }
        }
    }

    #[test]
    fn where_a_block_is_cut() {
        let good = GOOD.len() as u64;
        let with_multi = good + MULTI.len() as u64;
        for server in SERVERS {
            let whole = Verdict::Truncates {
                to: good,
                leaves_multi: None,
            };
            assert_eq!(judge(MULTI, server, true), whole);
            let torn = judge(&format!("{MULTI}{TORN}"), server, true);
            if server == "valkey-9.1" {
                assert_eq!(torn, whole);
            } else {
                let leaves_multi = Some(good);
                assert_eq!(
                    torn,
                    Verdict::Truncates {
                        to: with_multi,
                        leaves_multi
                    }
                );
            }
            // Nested: the last one goes, the first one stays.
            assert_eq!(
                judge(&format!("{MULTI}{MULTI}"), server, true),
                Verdict::Truncates {
                    to: with_multi,
                    leaves_multi: Some(good)
                }
            );
        }
    }

    #[test]
    fn a_corrupt_tail_is_cut_where_it_is_short() {
        let good = GOOD.len() as u64;
        for (tail, cut) in [
            ("junk\r\n", true),
            ("*0\r\n-\r\n", true),
            ("*1\r\n$-1\r\n", false),
            (TORN, false),
        ] {
            let report = check(format!("{GOOD}{tail}").as_bytes(), 0).unwrap();
            let judge = |target: &str, corrupt_tail, last| {
                let target = TARGETS.iter().find(|t| t.name == target).unwrap();
                let (file, folder, truncated) = (&b"f"[..], &b"d"[..], false);
                verdict(
                    &report,
                    target,
                    &Loading {
                        truncated,
                        last,
                        corrupt_tail,
                        file,
                        folder,
                    },
                )
            };
            let size = tail.len() as u64;
            let loads = Verdict::Truncates {
                to: good,
                leaves_multi: None,
            };
            assert_eq!(judge("redis-8.4", size + 1, true) == loads, cut, "{tail:?}");
            for (target, size) in [
                ("redis-8.4", size),
                ("redis-8.4", 0),
                ("redis-8.2", 1000),
                ("valkey-9.1", 1000),
            ] {
                assert!(!judge(target, size, true).loads(), "{tail:?} {target}");
            }
            let cuts_to = match judge("redis-8.6", 1000, false) {
                Verdict::Refuses { cuts_to, .. } => cuts_to,
                _ => None,
            };
            assert_eq!(cuts_to, cut.then_some(good), "{tail:?}");
        }
        let report = check(format!("{GOOD}junk").as_bytes(), 0).unwrap();
        let target = TARGETS.iter().find(|t| t.name == "redis-8.6").unwrap();
        let loading = Loading {
            truncated: true,
            last: true,
            corrupt_tail: 0,
            file: b"f",
            folder: b"my dir",
        };
        let Verdict::Refuses { words, .. } = verdict(&report, target, &loading) else {
            unreachable!()
        };
        assert!(
            words.contains("append only file my dir/f at offset"),
            "{words}"
        );
    }

    #[test]
    fn not_the_last_file() {
        let report = check(format!("{GOOD}{TORN}").as_bytes(), 0).unwrap();
        let target = TARGETS.iter().find(|t| t.name == "redis-7.0").unwrap();
        let loading = Loading {
            truncated: true,
            last: false,
            corrupt_tail: 0,
            file: b"f",
            folder: b"d",
        };
        let Verdict::Refuses { words, cuts_to, .. } = verdict(&report, target, &loading) else {
            unreachable!()
        };
        assert_eq!(cuts_to, Some(GOOD.len() as u64));
        assert!(words.contains("not the last file"));
    }
}
