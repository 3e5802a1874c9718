//! The canonical form in which contents are compared: what a server would say of a key, whatever the order and the
//! encoding in the file. The same rules as the corpus' own checker.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

type Bytes = Vec<u8>;

/// A key, by database and name.
pub(crate) type Contents = BTreeMap<(u64, Bytes), Key>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) kind: String,
    pub(crate) encoding: String,
    pub(crate) expire_ms: Option<i64>,
    pub(crate) freq: Option<u64>,
    pub(crate) idle: Option<u64>,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(Bytes),
    /// Lists in order, sets sorted.
    Strings(Vec<Bytes>),
    /// Sorted by member; scores by their bits, for -0 is not 0.
    Scores(Vec<(Bytes, u64)>),
    /// Sorted by field.
    Fields(Vec<(Bytes, Bytes, Option<i64>)>),
    Stream(Stream),
    /// A module's, or of a type that the form does not know.
    Opaque,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stream {
    pub(crate) entries: Vec<(String, Vec<(Bytes, Bytes)>)>,
    pub(crate) length: Option<u64>,
    pub(crate) last_id: String,
    pub(crate) first_id: Option<String>,
    pub(crate) max_deleted_id: Option<String>,
    pub(crate) entries_added: Option<i64>,
    pub(crate) groups: Vec<Group>,
    /// Duration, maximum, added, duplicates.
    pub(crate) idmp: Option<[u64; 4]>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    pub(crate) name: Bytes,
    pub(crate) last_id: String,
    pub(crate) entries_read: Option<i64>,
    /// Id, owner, time, count; sorted.
    pub(crate) pending: Vec<(String, Bytes, i64, u64)>,
    /// Name, seen, active; sorted.
    pub(crate) consumers: Vec<(Bytes, Option<i64>, Option<i64>)>,
}

fn bytes(v: &Json) -> Bytes {
    let text = v.as_str().unwrap_or_else(|| panic!("{v} is no string"));
    STANDARD
        .decode(text)
        .unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn list(v: &Json) -> &[Json] {
    v.as_array().map_or(&[], Vec::as_slice)
}

fn text(v: &Json) -> String {
    v.as_str().unwrap_or_default().to_owned()
}

fn score(v: &Json) -> u64 {
    let score: f64 = match v {
        Json::String(s) => s.parse().unwrap(),
        v => v.as_f64().unwrap(),
    };
    score.to_bits()
}

impl Key {
    /// Reads one line; `None` for a record that is no key.
    fn parse(line: &str) -> Option<((u64, Bytes), Key)> {
        let v: Json = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        v.get("key")?;
        let kind = text(&v["type"]);
        let value = &v["value"];
        let value = match kind.as_str() {
            "string" => Value::Text(bytes(value)),
            "list" => Value::Strings(list(value).iter().map(bytes).collect()),
            "set" => Value::Strings(sorted(list(value).iter().map(bytes))),
            "zset" => Value::Scores(sorted(
                list(value).iter().map(|p| (bytes(&p[0]), score(&p[1]))),
            )),
            "hash" => Value::Fields(sorted(
                list(value)
                    .iter()
                    .map(|f| (bytes(&f[0]), bytes(&f[1]), f[2].as_i64())),
            )),
            "stream" => Value::Stream(Stream::parse(value)),
            _ => Value::Opaque,
        };
        Some((
            (v["db"].as_u64().unwrap(), bytes(&v["key"])),
            Key {
                kind,
                encoding: text(&v["encoding"]),
                expire_ms: v["expire_ms"].as_i64(),
                freq: v["freq"].as_u64(),
                // In the file's word, and in the corpus'.
                idle: v["idle"].as_u64().or(v["idle_s"].as_u64()),
                value,
            },
        ))
    }
}

fn sorted<T: PartialOrd>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    all.sort_by(|a, b| a.partial_cmp(b).unwrap());
    all
}

impl Stream {
    fn parse(v: &Json) -> Stream {
        let pairs = |v: &Json| {
            list(v)
                .iter()
                .map(|p| (bytes(&p[0]), bytes(&p[1])))
                .collect()
        };
        let entries = list(&v["entries"])
            .iter()
            .map(|e| (text(&e[0]), pairs(&e[1])));
        Stream {
            entries: entries.collect(),
            length: v["length"].as_u64(),
            last_id: text(&v["last_id"]),
            first_id: v["first_id"].as_str().map(str::to_owned),
            max_deleted_id: v["max_deleted_id"].as_str().map(str::to_owned),
            entries_added: v["entries_added"].as_i64(),
            groups: {
                let mut groups: Vec<Group> = list(&v["groups"]).iter().map(Group::parse).collect();
                groups.sort_by(|a, b| a.name.cmp(&b.name));
                groups
            },
            idmp: v["idmp"].as_object().map(|o| {
                let most = o.get("max_entries").or(o.get("maxsize"));
                [o.get("duration"), most, o.get("added"), o.get("duplicates")]
                    .map(|n| n.and_then(Json::as_u64).unwrap())
            }),
        }
    }

    /// Whether a file says the same as a server did that may not tell (or know) some of it.
    fn agrees(&self, server: &Stream) -> bool {
        fn told<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        let consumers = |a: &Group, b: &Group| {
            a.consumers.len() == b.consumers.len()
                && a.consumers.iter().zip(&b.consumers).all(|(a, b)| {
                    a.0 == b.0
                        && told(a.1.as_ref(), b.1.as_ref())
                        && told(a.2.as_ref(), b.2.as_ref())
                })
        };
        self.entries == server.entries
            && told(self.length.as_ref(), server.length.as_ref())
            && self.last_id == server.last_id
            && told(self.first_id.as_ref(), server.first_id.as_ref())
            && told(self.idmp.as_ref(), server.idmp.as_ref())
            && told(self.max_deleted_id.as_ref(), server.max_deleted_id.as_ref())
            && told(self.entries_added.as_ref(), server.entries_added.as_ref())
            && self.groups.len() == server.groups.len()
            && self.groups.iter().zip(&server.groups).all(|(a, b)| {
                a.name == b.name
                    && a.last_id == b.last_id
                    && told(a.entries_read.as_ref(), b.entries_read.as_ref())
                    && a.pending == b.pending
                    && consumers(a, b)
            })
    }
}

impl Group {
    fn parse(v: &Json) -> Group {
        let mut owners = BTreeMap::new();
        for c in list(&v["consumers"]) {
            for id in list(&c["pending"]) {
                owners.insert(text(id), bytes(&c["name"]));
            }
        }
        // A server's answer names the owner; a file tells it at the consumer.
        let pending = list(&v["pel"]).iter().map(|p| {
            let id = text(&p[0]);
            if list(p).len() == 4 {
                (
                    id,
                    bytes(&p[1]),
                    p[2].as_i64().unwrap(),
                    p[3].as_u64().unwrap(),
                )
            } else {
                let owner = owners.get(&id).cloned().unwrap_or_default();
                (id, owner, p[1].as_i64().unwrap(), p[2].as_u64().unwrap())
            }
        });
        let consumer = |c: &Json| {
            (
                bytes(&c["name"]),
                c["seen_time"].as_i64(),
                c["active_time"].as_i64(),
            )
        };
        Group {
            name: bytes(&v["name"]),
            last_id: text(&v["last_id"]),
            entries_read: v["entries_read"].as_i64(),
            pending: sorted(pending),
            consumers: sorted(list(&v["consumers"]).iter().map(consumer)),
        }
    }
}

/// Reads JSON Lines (with every byte string as base64).
pub(crate) fn contents(lines: &[u8]) -> Contents {
    let lines = std::str::from_utf8(lines).unwrap().lines();
    lines.filter_map(Key::parse).collect()
}

/// Reads a file of them, `.gz` or not.
pub(crate) fn expected(path: &Path) -> Contents {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    if path.extension().is_some_and(|e| e == "gz") {
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes.as_slice())
            .read_to_end(&mut text)
            .unwrap();
        contents(&text)
    } else {
        contents(&bytes)
    }
}

/// What a file held and what a server said that had loaded it, where they differ; a sentence a key.
pub(crate) fn differences(got: &Contents, want: &Contents) -> Vec<String> {
    let mut all = Vec::new();
    for (id, key) in want {
        match got.get(id) {
            None => all.push(format!("{} is missing", shown(id))),
            Some(found) if !agrees(found, key) => {
                all.push(format!(
                    "{} differs: expected {key:?}, got {found:?}",
                    shown(id)
                ));
            }
            Some(_) => {}
        }
    }
    let extra = got.keys().filter(|id| !want.contains_key(*id));
    all.extend(extra.map(|id| format!("{} is too much", shown(id))));
    all
}

fn shown((db, key): &(u64, Bytes)) -> String {
    format!("db {db}, key {}", redisk::text::quoted(key))
}

fn agrees(got: &Key, want: &Key) -> bool {
    if matches!(want.value, Value::Opaque) {
        return true;
    }
    // A server without an LFU policy drops the frequencies that it reads; likewise LRU and idle times.
    let freq = got.freq == want.freq || want.freq.is_none();
    // RDB versions below 9 hold no idle times; some servers say 0 then.
    let idle = want.idle.is_none_or(|n| got.idle.unwrap_or(0) == n);
    if got.kind != want.kind || got.expire_ms != want.expire_ms || !freq || !idle {
        return false;
    }
    match (&got.value, &want.value) {
        (Value::Stream(a), Value::Stream(b)) => a.agrees(b),
        (Value::Scores(a), Value::Scores(b)) => {
            // -0 turns into 0 where a server puts the members of a skiplist into a listpack.
            let repacked = got.encoding == "skiplist"
                && matches!(want.encoding.as_str(), "listpack" | "ziplist");
            let same = |a: u64, b: u64| a == b || (repacked && a == (-0f64).to_bits() && b == 0);
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
        }
        (a, b) => a == b,
    }
}

/// What a replay cannot know as the server did that wrote the log: times that came from a clock, and how a value is
/// stored there.
pub(crate) fn without_clocks(mut contents: Contents) -> Contents {
    for key in contents.values_mut() {
        key.encoding.clear();
        let Value::Stream(stream) = &mut key.value else {
            continue;
        };
        stream.idmp = None;
        for group in &mut stream.groups {
            for pending in &mut group.pending {
                pending.2 = 0;
            }
            for consumer in &mut group.consumers {
                (consumer.1, consumer.2) = (None, None);
            }
        }
    }
    contents
}

/// Whether any field's time has passed then.
pub(crate) fn fields_pass(contents: &Contents, then_ms: i64) -> bool {
    contents.values().any(|key| match &key.value {
        Value::Fields(fields) => fields.iter().any(|f| f.2.is_some_and(|ms| ms < then_ms)),
        _ => false,
    })
}
