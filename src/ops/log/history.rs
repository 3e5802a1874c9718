//! What happened to one key.
//!
//! ```text
//! base            user:1 is a hash
//! RENAME user:1 u the value goes on as u: both names are followed from here on
//! COPY u v DB 2   and v in db 2
//! SWAPDB 0 2      names change their databases
//! DEL u           the name is given up; the one that was asked for never is
//! ```
//!
//! `RENAMENX`, `MOVE` and `COPY` without `REPLACE` do nothing where the name is taken. Servers do not log them then, but a
//! log may have been made by others: where the log and its base tell that the name was taken, the value is not followed to
//! it, and where they do not tell, it is, as servers would have it. Either is said, as a [`Doubt`]. Flushes and swaps of a
//! database count where a name that is followed may be in it.

use super::Options;
use super::event::{Event, write};
use super::list::{Choose, Lines};
use super::presence::{Presence, State};
use super::render::{Form, Render};
use super::walk::{Visit, Walked, walk};
use crate::aof::reader::End;
use crate::error::Result;
use crate::model::commands::keys::Argv;
use crate::model::commands::{Command, Found};
use crate::model::kind::{Encoding, Kind};
use crate::pipe::log;
use crate::rdb::frame;
use crate::sink::bytes::{json_bytes, json_text};
use crate::source::aof::{Opened, Part, Source};
use crate::text::{escaped, quoted};
use std::collections::HashSet;
use std::io::Write;

/// The key as the RDB at the start of a log holds it.
#[derive(Debug, Clone)]
pub struct BaseKey {
    /// The file.
    pub file: String,
    /// Offset of its record.
    pub at: u64,
    /// The database.
    pub db: u64,
    /// Its type.
    pub kind: Kind,
    /// How it is stored.
    pub encoding: Option<Encoding>,
    /// Its expiry, Unix milliseconds.
    pub expire_ms: Option<i64>,
    /// Bytes of the serialized value.
    pub bytes: u64,
}

/// A command that did nothing, or may have done nothing, because its target was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The file.
    pub file: String,
    /// Offset of the command.
    pub at: u64,
    /// Its name, in small letters.
    pub command: &'static str,
    /// The database of its target.
    pub db: u32,
    /// Its target.
    pub key: Vec<u8>,
    /// Whether the target is known to have been there.
    pub certain: bool,
}

/// Doubts that are listed.
const DOUBTS: usize = 1000;

/// What was found.
#[derive(Debug, Default)]
pub struct HistoryReport {
    /// The files.
    pub walked: Walked,
    /// The key in RDBs at the start.
    pub base: Vec<BaseKey>,
    /// Whether there is such an RDB.
    pub has_base: bool,
    /// Other names under which the value was followed at the end.
    pub also: Vec<(u32, Vec<u8>)>,
    /// Commands that may have done nothing; the first 1000.
    pub doubts: Vec<Doubt>,
}

/// Names that are followed at a time.
const NAMES: usize = 10_000;

/// Writes what happened to `key`, in the databases that are chosen, or all.
///
/// # Errors
/// What makes it impossible to go on. Damage is in the result.
pub fn history(
    source: Source,
    key: &[u8],
    form: Form,
    options: &Options<'_>,
    sink: &mut (dyn Write + Send),
) -> Result<HistoryReport> {
    let mut work = Historian {
        follower: Follower {
            key: key.to_vec(),
            dbs: options.select.dbs.clone(),
            names: HashSet::new(),
            lost: false,
            presence: Presence::default(),
            file: String::new(),
            doubts: Vec::new(),
        },
        options,
        form,
        render: Render::new(form, ""),
        file: String::new(),
        sink,
        time: None,
        shown: 0,
        report: HistoryReport::default(),
    };
    let mut walked = if options.limit == Some(0) {
        Walked::default()
    } else {
        walk(source, &options.files, &mut work)?
    };
    walked.shown = work.shown;
    if work.follower.lost {
        walked.note(
            "",
            format!("more than {NAMES} names at a time: not all were followed"),
        );
    }
    let mut report = work.report;
    report.walked = walked;
    report.also = work.follower.names.into_iter().collect();
    report.also.sort();
    report.doubts = work.follower.doubts;
    Ok(report)
}

struct Historian<'a, 's> {
    follower: Follower,
    options: &'a Options<'a>,
    form: Form,
    render: Render,
    file: String,
    sink: &'s mut (dyn Write + Send),
    time: Option<i64>,
    shown: u64,
    report: HistoryReport,
}

impl Visit for Historian<'_, '_> {
    fn begin(&mut self, part: &Part, opened: &mut Opened) -> Result<()> {
        self.report.has_base |= opened.rdb;
        self.file = String::from_utf8_lossy(&part.short).into_owned();
        self.render = Render::new(self.form, &self.file);
        self.follower.file.clone_from(&self.file);
        Ok(())
    }

    fn rdb(&mut self, block: &frame::Block) -> Result<()> {
        let mut scratch = Vec::new();
        for record in block.records() {
            let Some(row) = record.row() else { continue };
            let db = record.frame.db;
            let wanted = self.follower.dbs.is_empty()
                || u32::try_from(db).is_ok_and(|db| self.follower.dbs.contains(&db));
            if !wanted || record.key(&mut scratch)? != self.follower.key {
                continue;
            }
            let found = BaseKey {
                file: self.file.clone(),
                at: record.offset(),
                db,
                kind: row.kind,
                encoding: record.encoding(),
                expire_ms: record.frame.attrs.expire_ms,
                bytes: record.body_len(),
            };
            write(self.sink, &base_line(&found, &self.follower.key, self.form))?;
            if let Ok(db) = u32::try_from(db) {
                let key = &self.follower.key;
                self.follower.presence.set(db, key, State::There);
            }
            self.report.base.push(found);
        }
        Ok(())
    }

    fn commands(&mut self, _: &Part, reader: &mut log::Source) -> Result<Option<End>> {
        let followed = Followed {
            follower: &mut self.follower,
            options: self.options,
        };
        let limit = self.options.limit;
        let limit = limit.map(|limit| limit.saturating_sub(self.shown));
        let mut lines = Lines::new(followed, self.render.clone(), self.time, limit);
        let workers = std::slice::from_mut(&mut lines);
        let end = log::run(reader, workers, self.sink, self.options.progress);
        self.shown += lines.shown;
        if let Ok(Some(end)) = &end {
            self.time = end.state.time.or(self.time);
        }
        end
    }
}

fn base_line(found: &BaseKey, key: &[u8], form: Form) -> Vec<u8> {
    let mut out = Vec::new();
    let encoding = found.encoding.map_or("", Encoding::name);
    match form {
        Form::Text => {
            let expiry = match found.expire_ms {
                Some(ms) => format!(", expires {}", crate::model::units::format_time_ms(ms)),
                None => String::new(),
            };
            let text = format!(
                "{}:0x{:x} db {} the base holds {}: {}, {encoding}, {} bytes{expiry}\n",
                escaped(found.file.as_bytes()),
                found.at,
                found.db,
                quoted(key),
                found.kind.name(),
                found.bytes,
            );
            out.extend_from_slice(text.as_bytes());
        }
        Form::Json(binary) => {
            out.extend_from_slice(b"{\"file\":");
            json_text(&found.file, &mut out);
            let expire = found
                .expire_ms
                .map_or("null".to_owned(), |ms| ms.to_string());
            out.extend_from_slice(
                format!(
                    ",\"offset\":{},\"db\":{},\"time\":null,\"base\":{{\"key\":",
                    found.at, found.db
                )
                .as_bytes(),
            );
            json_bytes(key, binary, &mut out);
            out.extend_from_slice(
                format!(
                    ",\"type\":\"{}\",\"encoding\":\"{encoding}\",\"expire_ms\":{expire},\"bytes\":{}}}}}\n",
                    found.kind.name(),
                    found.bytes
                )
                .as_bytes(),
            );
        }
    }
    out
}

/// The names under which a value goes.
struct Follower {
    key: Vec<u8>,
    /// Databases of the key that was asked for; empty: all.
    dbs: Vec<u32>,
    /// Others.
    names: HashSet<(u32, Vec<u8>)>,
    lost: bool,
    /// Which of the names that are followed are there.
    presence: Presence,
    /// The file that is read.
    file: String,
    doubts: Vec<Doubt>,
}

/// A name in a database.
type Name<'a> = (u32, &'a [u8]);

impl Follower {
    fn asked(&self, db: u32, key: &[u8]) -> bool {
        key == self.key && (self.dbs.is_empty() || self.dbs.contains(&db))
    }

    fn follows(&self, db: u32, key: &[u8]) -> bool {
        self.asked(db, key) || (!self.names.is_empty() && self.names.contains(&(db, key.to_vec())))
    }

    fn add(&mut self, db: u32, key: &[u8]) {
        if self.asked(db, key) {
            return;
        }
        if self.names.len() < NAMES {
            self.names.insert((db, key.to_vec()));
        } else {
            self.lost = true;
        }
    }

    /// Whether anything that is followed may be in that database.
    fn is_in(&self, db: u32) -> bool {
        self.dbs.is_empty() || self.dbs.contains(&db) || self.names.iter().any(|(n, _)| *n == db)
    }

    /// A value goes to another name, unless that is taken (`nx`). `stays`: it keeps its old one as well. Whether that
    /// concerns a name that is followed.
    fn goes(
        &mut self,
        event: &Event<'_>,
        row: &'static Command,
        from: Name<'_>,
        to: Name<'_>,
        nx: bool,
    ) -> bool {
        let stays = row.name == "copy";
        let (here, there) = (self.follows(from.0, from.1), self.follows(to.0, to.1));
        if !(here || there) {
            return false;
        }
        let target = match nx {
            false => State::Gone,
            true if there => self.presence.of(to.0, to.1),
            true => State::Unknown,
        };
        if target != State::Gone && self.doubts.len() < DOUBTS {
            self.doubts.push(Doubt {
                file: self.file.clone(),
                at: event.at,
                command: row.name,
                db: to.0,
                key: to.1.to_vec(),
                certain: target == State::There,
            });
        }
        if target == State::There || from == to {
            return true;
        }
        if here {
            self.add(to.0, to.1);
        } else {
            self.names.remove(&(to.0, to.1.to_vec()));
        }
        self.presence.set(to.0, to.1, State::There);
        if here && !stays {
            self.names.remove(&(from.0, from.1.to_vec()));
            self.presence.set(from.0, from.1, State::Gone);
        }
        true
    }

    /// Whether the command concerns the value; follows it where it goes.
    fn step(&mut self, event: &Event<'_>) -> Result<bool> {
        let Found::Command(row) = event.found() else {
            return event.any_key(|key| self.follows(event.db, key));
        };
        let db = event.db;
        let arg = |index| event.arg(index).unwrap_or_default();
        let number = |index| {
            std::str::from_utf8(arg(index))
                .ok()
                .and_then(|n| n.parse::<u32>().ok())
        };
        match row.name {
            "rename" | "renamenx" => {
                let nx = row.name == "renamenx";
                Ok(self.goes(event, row, (db, arg(1)), (db, arg(2)), nx))
            }
            "copy" => {
                let option =
                    |name: &[u8]| (3..event.argc()).find(|&i| arg(i).eq_ignore_ascii_case(name));
                let target = option(b"db").and_then(|i| number(i + 1)).unwrap_or(db);
                let nx = option(b"replace").is_none();
                Ok(self.goes(event, row, (db, arg(1)), (target, arg(2)), nx))
            }
            "move" => {
                let target = number(2).unwrap_or(db);
                Ok(self.goes(event, row, (db, arg(1)), (target, arg(1)), true))
            }
            "swapdb" => {
                let (Some(a), Some(b)) = (number(1), number(2)) else {
                    return Ok(false);
                };
                let touched = self.is_in(a) || self.is_in(b);
                let swapped = |n: u32| match n {
                    n if n == a => b,
                    n if n == b => a,
                    n => n,
                };
                self.names = std::mem::take(&mut self.names)
                    .into_iter()
                    .map(|(n, key)| (swapped(n), key))
                    .collect();
                self.presence.swap(a, b);
                for n in [a, b] {
                    if self.dbs.contains(&n) {
                        let key = self.key.clone();
                        self.add(swapped(n), &key);
                    }
                }
                Ok(touched)
            }
            "flushdb" => {
                let touched = self.is_in(db);
                self.names.retain(|(n, _)| *n != db);
                self.presence.flush(Some(db));
                Ok(touched)
            }
            "flushall" => {
                self.names.clear();
                self.presence.flush(None);
                Ok(true)
            }
            "del" | "unlink" if !self.names.is_empty() => {
                let touched = self.touched(event, row)?;
                let names = &mut self.names;
                event.any_key(|key| {
                    names.remove(&(db, key.to_vec()));
                    false
                })?;
                Ok(touched)
            }
            _ => self.touched(event, row),
        }
    }

    /// Whether one of the command's keys is followed; notes what becomes of those.
    fn touched(&mut self, event: &Event<'_>, row: &Command) -> Result<bool> {
        let touched = event.any_key(|key| self.follows(event.db, key))?;
        if touched {
            let mut presence = std::mem::take(&mut self.presence);
            let noted = presence.step(event, row, |key| self.follows(event.db, key));
            self.presence = presence;
            noted?;
        }
        Ok(touched)
    }
}

/// What touches the key, and stands where it is wanted.
struct Followed<'w, 'a> {
    follower: &'w mut Follower,
    options: &'a Options<'a>,
}

impl Choose for Followed<'_, '_> {
    fn wants(&mut self, event: &Event<'_>) -> Result<bool> {
        // It is followed even where it is not shown.
        let touched = self.follower.step(event)?;
        Ok(touched && self.options.select.place(event.at, event.time))
    }
}
