//! The report for people: facts, then [`super::tables`].

use super::tables::{biggest, databases, types};
use super::{Look, Outcome};
use crate::cli::Context;
use crate::cli::input::tail_text;
use crate::cli::text::{self, Paint, count, grouped, key, safe};
use crate::cli::verify::checksum_text;
use crate::error::Error;
use crate::model::target;
use crate::model::units::{format_bytes, format_duration_ms, format_time_ms};
use crate::ops::info::{Listed, Module, Name, RdbInfo};
use crate::rdb::frame::Checksum;
use crate::rdb::value::module;

/// Items of a list on one line.
const ITEMS: usize = 8;
/// Characters of a key in a table or a list.
const WIDTH: usize = 60;

/// Labels and what is to be said of them.
struct Facts<'c> {
    cx: &'c Context,
    paint: Paint,
    lines: Vec<(&'static str, String)>,
}

impl<'c> Facts<'c> {
    fn new(cx: &'c Context, paint: Paint) -> Facts<'c> {
        Facts {
            cx,
            paint,
            lines: Vec::new(),
        }
    }

    /// A line each, aligned.
    fn text(&self) -> String {
        let width = self.lines.iter().map(|(label, _)| label.len()).max();
        let width = width.unwrap_or_default();
        let lines = self.lines.iter();
        lines
            .map(|(label, fact)| format!("  {label:width$}  {fact}\n"))
            .collect()
    }
}

fn tables(info: &RdbInfo, lies: bool, cx: &Context) -> String {
    if info.keys() == 0 {
        return String::new();
    }
    databases(info) + &types(info) + &biggest(&info.biggest, lies, cx)
}

impl Look {
    /// The report.
    pub(super) fn text(&self, cx: &Context) -> String {
        let info = match &self.outcome {
            Outcome::Rdb(info) => info,
            Outcome::Aof(info, _) => {
                let mut out = super::aof::text(info);
                if let Some(state) = &self.state {
                    let paint = cx.paint(&std::io::stdout());
                    out += &paint.with(text::BOLD, "\nWhat it leads to\n");
                    let mut facts = Facts::new(cx, paint);
                    facts.keys(state, self.now_ms);
                    facts.others(state);
                    out += &facts.text();
                    out += &tables(state, false, cx);
                }
                return out;
            }
            // The error says it all.
            Outcome::Failed(_) => return String::new(),
        };
        let paint = cx.paint(&std::io::stdout());
        let mut out = paint.with(text::BOLD, &text::name(&self.name));
        let Some(header) = info.header else {
            return out + "\n";
        };
        out += &format!(
            ": RDB version {} ({})\n",
            header.version,
            header.flavour.magic()
        );
        let mut facts = Facts::new(cx, paint);
        facts.origin(info);
        facts.state(info);
        facts.keys(info, self.now_ms);
        facts.others(info);
        out += &facts.text();
        out + &tables(info, true, cx)
    }

    /// The last lines of `redisk PATH`: whether it is whole, and what to type next.
    pub(super) fn verdict(&self, cx: &Context) -> String {
        let info = match &self.outcome {
            Outcome::Rdb(info) => info,
            Outcome::Aof(_, problems) => return self.log_verdict(problems.first(), cx),
            Outcome::Failed(_) => return String::new(),
        };
        let paint = cx.paint(&std::io::stdout());
        let verdict = match info.problems.first() {
            Some(e) => {
                let word = if e.kind().is_damage() {
                    "damaged"
                } else {
                    "not read to its end"
                };
                let at = e.place().offset;
                let at = at.map_or(String::new(), |at| format!(" at offset {at:#x}"));
                format!("{}: {}{at}", paint.with(text::RED, word), e.kind().name())
            }
            None => format!(
                "{}: {}; values are not looked into",
                paint.with(text::GREEN, "whole"),
                match &info.ending {
                    Some(ending) => checksum_text(ending.checksum),
                    None => String::new(),
                },
            ),
        };
        let mut out = format!("\n{verdict}\n");
        if !cx.global.quiet {
            let path = shell_word(&self.name);
            let next = if info.problems.is_empty() {
                vec![
                    (format!("verify {path}"), "look into every value"),
                    (format!("dump {path}"), "the contents, an object a line"),
                    (format!("get {path} KEY"), "one key, and where it lies"),
                ]
            } else {
                vec![
                    (
                        format!("verify {path}"),
                        "every problem, and what servers do",
                    ),
                    (format!("dump {path}"), "what is sound before the damage"),
                ]
            };
            out += &suggestions(&next);
        }
        out
    }

    /// The same for an append-only file.
    fn log_verdict(&self, problem: Option<&Error>, cx: &Context) -> String {
        let paint = cx.paint(&std::io::stdout());
        let mut out = match problem {
            Some(_) => format!("\n{}\n", paint.with(text::RED, "damaged")),
            None => format!(
                "\n{}: commands are framed to the end, and not looked into\n",
                paint.with(text::GREEN, "whole")
            ),
        };
        if !cx.global.quiet {
            let path = shell_word(&self.name);
            out += &suggestions(&[
                (
                    format!("verify {path}"),
                    "every problem, and what servers do",
                ),
                (format!("log {path}"), "the commands, one a line"),
                (
                    format!("log --stats {path}"),
                    "what is written most, and when",
                ),
            ]);
        }
        out
    }
}

/// Commands to type next, and what they show.
fn suggestions(next: &[(String, &str)]) -> String {
    let width = next.iter().map(|(c, _)| c.chars().count()).max();
    let width = width.unwrap_or_default();
    let line = |(command, what): &(String, &str)| format!("  redisk {command:width$}   # {what}\n");
    next.iter().map(line).collect()
}

/// A path as a shell takes it; the word PATH for one that a terminal could not show.
fn shell_word(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    if safe(path) != path || path.contains('\u{fffd}') {
        "PATH".to_owned()
    } else if path.starts_with('-') && path != "-" {
        shell_word(&format!("./{path}"))
    } else if !path.is_empty() && path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

impl Facts<'_> {
    fn add(&mut self, label: &'static str, fact: impl Into<String>) {
        self.lines.push((label, fact.into()));
    }

    /// A key or another name, short enough for a line.
    fn name(&self, name: &Name) -> String {
        shown(name, self.cx)
    }

    /// The first items on one line, and how many there are beside.
    fn list<T>(
        &mut self,
        label: &'static str,
        all: &Listed<T>,
        show: impl Fn(&Self, &T) -> String,
    ) {
        if all.list.is_empty() {
            return;
        }
        let first = all.list.iter().take(ITEMS);
        let mut items: Vec<String> = first.map(|item| show(self, item)).collect();
        let more = all.list.len().saturating_sub(ITEMS) as u64 + all.more;
        if more > 0 {
            items.push(format!("and {} more", grouped(more)));
        }
        self.add(label, items.join(", "));
    }

    /// Who wrote it, when and for what.
    fn origin(&mut self, info: &RdbInfo) {
        match info.writer() {
            Some((server, version)) => {
                let version = Name::from(version);
                let mut fact = format!("{server} {}", self.bare(&version));
                if let Some(bits) = info.aux_number("redis-bits") {
                    fact += &format!(", {bits} bit");
                }
                if let Some(ms) = info.created_ms() {
                    fact += &format!(", at {}", format_time_ms(ms));
                }
                self.add("written by", fact);
            }
            None => {
                let fact = match info.writers_of_version().as_str() {
                    "" => "it does not say".to_owned(),
                    servers => format!("it does not say; the version is that of {servers}"),
                };
                self.add("written by", fact);
            }
        }
        if let Some(bytes) = info
            .aux_number("used-mem")
            .and_then(|n| u64::try_from(n).ok())
        {
            self.add("server memory", format_bytes(bytes));
        }
        match info.role() {
            "aof-base" => self.add("role", "the base of a multi-part AOF"),
            "aof-preamble" => self.add("role", "the preamble of an AOF"),
            _ => {}
        }
        if let Some(id) = info.aux("repl-id") {
            let mut fact = self.bare(&Name::from(id));
            if let Some(offset) = info.aux_number("repl-offset") {
                fact += &format!(", offset {offset}");
            }
            if let Some(db) = info.aux_number("repl-stream-db") {
                fact += &format!(", db {db}");
            }
            self.add("replication", fact);
        }
    }

    /// A short text that is no key: without quotes, whatever the form of keys.
    fn bare(&self, name: &Name) -> String {
        cut(&crate::text::escaped(&name.bytes).to_string())
    }

    /// Sizes, checksum, damage, readers.
    fn state(&mut self, info: &RdbInfo) {
        let bytes = info.rdb_bytes();
        let exact = |n: u64| match n {
            0..1024 => format_bytes(n),
            _ => format!("{} ({})", format_bytes(n), count(n, "byte", "bytes")),
        };
        self.add(
            "size",
            match (info.codecs.as_slice(), info.size) {
                ([], _) => exact(bytes),
                (codecs, Some(size)) => format!(
                    "{}; {} as {}",
                    exact(bytes),
                    format_bytes(size),
                    codecs.join(" in ")
                ),
                (codecs, None) => format!("{}, as {}", exact(bytes), codecs.join(" in ")),
            },
        );
        self.add(
            "of that",
            format!(
                "values {}, keys {}, all else {}",
                format_bytes(info.value_bytes),
                format_bytes(info.key_bytes),
                format_bytes(info.other_bytes())
            ),
        );
        match &info.ending {
            Some(ending) => {
                let checksum = match ending.checksum {
                    Checksum::Match(sum) => format!("right ({sum:016x})"),
                    Checksum::Mismatch { stored, computed } => self.paint.with(
                        text::RED,
                        &format!("wrong: {stored:016x}, and the bytes give {computed:016x}"),
                    ),
                    Checksum::Absent => "none: this version has none".to_owned(),
                    Checksum::Disabled => "none: written with rdbchecksum no".to_owned(),
                };
                self.add("checksum", checksum);
                if let Some(tail) = tail_text(ending) {
                    self.add("behind it", tail);
                }
            }
            None => {
                let mut fact = format!("reading stopped at offset {:#x}", info.read_bytes);
                if let Some(size) = info.size.filter(|n| *n > 0 && info.codecs.is_empty()) {
                    let percent = u128::from(info.read_bytes) * 100 / u128::from(size);
                    fact += &format!(", {percent} % of the file; this is what stands before");
                }
                let fact = self.paint.with(text::RED, &fact);
                self.add("damage", fact);
            }
        }
        let mut known = target::ranges(|t| info.known_by(t));
        if known != "none" && !(info.modules.list.is_empty() && info.module_aux.list.is_empty()) {
            known += ", where they have the modules below";
        }
        self.add(
            "servers",
            match known.as_str() {
                "none" => "no released server knows all that is in it".to_owned(),
                known if info.problems.is_empty() => known.to_owned(),
                known if info.problems.iter().all(|e| !e.kind().is_damage()) => {
                    format!("{known}, as far as it was read")
                }
                known => format!("none loads it for its damage; known to {known}"),
            },
        );
    }

    /// How many keys, and what they have beside their values.
    fn keys(&mut self, info: &RdbInfo, now_ms: i64) {
        let dbs = info.dbs.list.iter().filter(|db| db.keys > 0).count() as u64;
        let dbs = match info.dbs.more {
            0 => count(dbs, "database", "databases"),
            _ => format!("over {}", count(dbs, "database", "databases")),
        };
        self.add(
            "keys",
            match info.keys() {
                0 => "none".to_owned(),
                keys => format!("{} in {dbs}", grouped(keys)),
            },
        );
        if info.keys() == 0 {
            return;
        }
        let all = info.expiries;
        self.add(
            "expiries",
            match all.range {
                None => "none".to_owned(),
                Some((first, last)) => {
                    let now = format_time_ms(now_ms.saturating_sub(now_ms.rem_euclid(1000)));
                    let passed = match all.passed {
                        0 => format!("none passed at {now}"),
                        n if n == all.keys => format!("all passed at {now}"),
                        n => format!("{} passed at {now}", grouped(n)),
                    };
                    format!(
                        "{}, {passed}; {}",
                        grouped(all.keys),
                        if first == last {
                            format_time_ms(first)
                        } else {
                            format!("{} to {}", format_time_ms(first), format_time_ms(last))
                        }
                    )
                }
            },
        );
        if let Some((min, max)) = info.idle.range {
            let time = |s: u64| {
                let ms = i64::try_from(s).ok().and_then(|s| s.checked_mul(1000));
                ms.map_or(format!("{s}s"), format_duration_ms)
            };
            let keys = count(info.idle.keys, "key", "keys");
            self.add(
                "idle time",
                format!("{} to {} ({keys})", time(min), time(max)),
            );
        }
        if let Some((min, max)) = info.freq.range {
            let keys = count(info.freq.keys, "key", "keys");
            self.add("frequency", format!("{min} to {max} ({keys})"));
        }
        if info.noevict > 0 {
            self.add(
                "spared",
                format!(
                    "{} that eviction spares",
                    count(info.noevict, "key", "keys")
                ),
            );
        }
    }

    /// What is beside the keys.
    fn others(&mut self, info: &RdbInfo) {
        self.list("functions", &info.functions, |facts, f| {
            let of = |name: Option<&Name>| name.map_or("?".to_owned(), |n| facts.bare(n));
            let bytes = f.bytes.map_or("?".to_owned(), format_bytes);
            format!(
                "{} ({}, {bytes})",
                of(f.name.as_ref()),
                of(f.engine.as_ref())
            )
        });
        if info.scripts.count > 0 {
            let scripts = count(info.scripts.count, "Lua script", "Lua scripts");
            self.add(
                "scripts",
                format!("{scripts}, {}", format_bytes(info.scripts.bytes)),
            );
        }
        let module = |m: &Module, things: String| {
            let (name, version) = module::name(m.id);
            format!(
                "{name} version {version} ({things}, {})",
                format_bytes(m.bytes)
            )
        };
        self.list("modules", &info.modules, |_, m| {
            module(m, count(m.count, "key", "keys"))
        });
        self.list("module data", &info.module_aux, |_, m| {
            module(m, count(m.count, "record", "records"))
        });
        self.list("key metadata", &info.metadata_classes, |_, class| {
            let (name, version, _) = module::metadata_class(class.spec);
            let keys = count(class.keys, "key", "keys");
            format!("{name} version {version} ({keys})")
        });
        if let Some(slots) = &info.slots {
            let ranges = slots.ranges();
            let slots_n: u64 = ranges.iter().map(|(a, b)| u64::from(b - a) + 1).sum();
            let mut shown: Vec<String> = ranges
                .iter()
                .take(ITEMS)
                .map(|(a, b)| {
                    if a == b {
                        format!("{a}")
                    } else {
                        format!("{a}-{b}")
                    }
                })
                .collect();
            if ranges.len() > ITEMS {
                shown.push("…".to_owned());
            }
            if slots.invalid > 0 {
                shown.push(format!("{} above 16383", grouped(slots.invalid)));
            }
            self.add(
                "slots",
                format!("{}: {}", count(slots_n, "slot", "slots"), shown.join(", ")),
            );
        }
        self.list("slot imports", &info.slot_imports, |facts, job| {
            facts.bare(job)
        });
        if info.templates.count > 0 {
            let fact = count(info.templates.count, "of a hash", "of hashes");
            self.add("templates", fact);
        }
        let told = [
            "redis-ver",
            "valkey-ver",
            "redis-bits",
            "ctime",
            "used-mem",
            "aof-base",
            "aof-preamble",
            "repl-id",
            "repl-offset",
            "repl-stream-db",
        ];
        let aux = Listed {
            list: info
                .aux
                .list
                .iter()
                .filter_map(|aux| aux.field.as_ref())
                .filter(|(name, _)| !told.iter().any(|t| t.as_bytes() == name.bytes))
                .collect(),
            more: info.aux.more,
        };
        self.list("other fields", &aux, |facts, (name, value)| {
            format!("{} = {}", facts.bare(name), facts.name(value))
        });
    }
}

/// A name that fits on a line.
pub(super) fn shown(name: &Name, cx: &Context) -> String {
    let text = cut(&key(&name.bytes, cx.global.key_format));
    match name.whole() {
        Some(_) => text,
        None => format!("{text} ({})", count(name.len, "byte", "bytes")),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDTH) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or(text)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_for_the_shell() {
        for (path, word) in [
            ("dump.rdb", "dump.rdb"),
            ("/a b/c.rdb", "'/a b/c.rdb'"),
            ("it's", "'it'\\''s'"),
            ("", "''"),
            ("-", "-"),
            ("-v", "./-v"),
            ("a\x1b[0m", "PATH"),
            ("ąę", "ąę"),
            ("$x", "'$x'"),
        ] {
            assert_eq!(shell_word(path), word);
        }
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"ł".repeat(61)), format!("{}…", "ł".repeat(60)));
    }
}
