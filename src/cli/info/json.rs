//! The report as a JSON document.

use super::{Look, Outcome};
use crate::cli::Context;
use crate::cli::doc::{self, Doc};
use crate::cli::text::KeyFormat;
use crate::cli::verify::{checksum_json, header_json, servers};
use crate::error::Error;
use crate::model::units;
use crate::ops::info::{Bulk, Module, Name, RdbInfo, Spread};
use crate::rdb::value::module;

type Fields = Vec<(&'static str, Doc)>;

impl Look {
    /// The object for scripts.
    pub(super) fn json(&self, cx: &Context) -> Doc {
        let mut fields: Fields = vec![("file", self.name.as_str().into())];
        let error = |e: &Error| cx.object(e.kind().name(), e.place(), e.message());
        match &self.outcome {
            Outcome::Rdb(info) => {
                file(info, &mut fields);
                let problems = info.problems.iter().map(error).collect();
                fields.push(("problems", Doc::List(problems)));
                fields.push(("known_to", servers(|t| info.known_by(t))));
                writer(info, &mut fields);
                counts(info, (self.now_ms, true), cx, &mut fields);
                others(info, &mut fields);
            }
            Outcome::Aof(info, problems) => {
                super::aof::json(info, cx, &mut fields);
                let problems = problems.iter().map(error).collect();
                fields.push(("problems", Doc::List(problems)));
                if let Some(info) = &self.state {
                    let mut state = Vec::new();
                    counts(info, (self.now_ms, false), cx, &mut state);
                    others(info, &mut state);
                    fields.push(("state", Doc::Fields(state)));
                }
            }
            Outcome::Failed(e) => fields.push(("error", error(e))),
        }
        Doc::Fields(fields)
    }
}

fn file(info: &RdbInfo, fields: &mut Fields) {
    let ending = info.ending.as_ref();
    fields.push(("kind", "rdb".into()));
    header_json(info.header, fields);
    fields.push(("codecs", Doc::list(info.codecs.iter().copied())));
    fields.push(("size", info.size.into()));
    fields.push(("bytes", info.rdb_bytes().into()));
    fields.push(("tail_bytes", ending.map(|e| e.tail_len).into()));
    let commands = ending.map(|_| info.commands_follow());
    fields.push(("tail_commands", commands.into()));
    fields.push(("checksum", checksum_json(ending.map(|e| e.checksum))));
}

/// A key in the form that was asked for; any other name as dumps write it, without a form.
fn name(name: &Name, format: Option<KeyFormat>) -> Doc {
    let bytes = doc::key(&name.bytes, format);
    match name.whole() {
        Some(_) => bytes,
        None => Doc::Fields(vec![("start", bytes), ("bytes", name.len.into())]),
    }
}

fn maybe(bytes: Option<&Name>) -> Doc {
    bytes.map_or(Doc::NULL, |bytes| name(bytes, None))
}

fn text(value: Option<&[u8]>) -> Doc {
    value.map_or(Doc::NULL, |v| doc::key(v, None))
}

fn writer(info: &RdbInfo, fields: &mut Fields) {
    let (server, version) = info.writer().unzip();
    let created = info.created_ms();
    fields.push((
        "writer",
        Doc::Fields(vec![
            ("server", server.into()),
            ("version", text(version)),
            ("bits", info.aux_number("redis-bits").into()),
            ("created", created.map(units::format_time_ms).into()),
            ("created_ms", created.into()),
            ("used_memory", info.aux_number("used-mem").into()),
        ]),
    ));
    fields.push(("role", info.role().into()));
    let replication = info.aux("repl-id").is_some() || info.aux("repl-offset").is_some();
    fields.push((
        "replication",
        if replication {
            Doc::Fields(vec![
                ("id", text(info.aux("repl-id"))),
                ("offset", info.aux_number("repl-offset").into()),
                ("stream_db", info.aux_number("repl-stream-db").into()),
            ])
        } else {
            Doc::NULL
        },
    ));
    let fields_of = info.aux.list.iter().map(|aux| match &aux.field {
        Some((n, value)) => Doc::List(vec![name(n, None), name(value, None)]),
        None => Doc::NULL,
    });
    fields.push(("aux", Doc::List(fields_of.collect())));
}

fn spread(spread: Spread) -> Doc {
    spread.range.map_or(Doc::NULL, |(min, max)| {
        Doc::Fields(vec![
            ("keys", spread.keys.into()),
            ("min", min.into()),
            ("max", max.into()),
        ])
    })
}

fn counts(info: &RdbInfo, (now_ms, lies): (i64, bool), cx: &Context, fields: &mut Fields) {
    let keys = info.keys();
    fields.push(("keys", keys.into()));
    fields.push(("expires", info.expiries.keys.into()));
    fields.push(("value_bytes", info.value_bytes.into()));
    fields.push(("key_bytes", info.key_bytes.into()));
    fields.push(("other_bytes", info.other_bytes().into()));
    let dbs = info.dbs.list.iter().map(|db| {
        let (claimed_keys, claimed_expires) = db.claimed.unzip();
        Doc::Fields(vec![
            ("db", db.db.into()),
            ("keys", db.keys.into()),
            ("expires", db.expires.into()),
            ("bytes", db.bytes.into()),
            ("claimed_keys", claimed_keys.into()),
            ("claimed_expires", claimed_expires.into()),
        ])
    });
    fields.push(("databases", Doc::List(dbs.collect())));
    let types = info.types.iter().map(|t| {
        Doc::Fields(vec![
            ("type", t.row.kind.name().into()),
            ("encoding", t.encoding.name().into()),
            ("type_code", t.row.code.into()),
            ("type_name", t.row.name.into()),
            ("keys", t.keys.into()),
            ("bytes", t.bytes.into()),
            ("largest", t.largest.into()),
        ])
    });
    fields.push(("types", Doc::List(types.collect())));
    let (earliest, latest) = info.expiries.range.unzip();
    fields.push((
        "expiry",
        Doc::Fields(vec![
            ("none", (keys - info.expiries.keys).into()),
            ("any", info.expiries.keys.into()),
            ("passed", info.expiries.passed.into()),
            ("now_ms", now_ms.into()),
            ("earliest_ms", earliest.into()),
            ("latest_ms", latest.into()),
        ]),
    ));
    fields.push(("idle", spread(info.idle)));
    fields.push(("freq", spread(info.freq)));
    fields.push(("noevict", info.noevict.into()));
    let biggest = info.biggest.iter().map(|b| {
        let format = cx.global.key_format;
        let key = b.key.as_ref().map_or(Doc::NULL, |key| name(key, format));
        Doc::Fields(vec![
            ("bytes", b.bytes.into()),
            ("type", b.row.kind.name().into()),
            ("encoding", b.encoding.name().into()),
            ("type_code", b.row.code.into()),
            ("db", b.db.into()),
            ("key", key),
            ("offset", Some(b.offset).filter(|_| lies).into()),
        ])
    });
    fields.push(("biggest", Doc::List(biggest.collect())));
}

fn bulk(bulk: Bulk) -> Doc {
    Doc::Fields(vec![
        ("count", bulk.count.into()),
        ("bytes", bulk.bytes.into()),
    ])
}

fn modules(modules: &[Module], counted: &'static str) -> Doc {
    let modules = modules.iter().map(|m| {
        let (name, version) = module::name(m.id);
        Doc::Fields(vec![
            ("name", name.into()),
            ("version", version.into()),
            (counted, m.count.into()),
            ("bytes", m.bytes.into()),
        ])
    });
    Doc::List(modules.collect())
}

fn others(info: &RdbInfo, fields: &mut Fields) {
    let functions = info.functions.list.iter().map(|f| {
        Doc::Fields(vec![
            ("engine", maybe(f.engine.as_ref())),
            ("name", maybe(f.name.as_ref())),
            ("bytes", f.bytes.into()),
            ("offset", f.offset.into()),
        ])
    });
    fields.push(("functions", Doc::List(functions.collect())));
    fields.push(("scripts", bulk(info.scripts)));
    fields.push(("modules", modules(&info.modules.list, "keys")));
    fields.push(("module_aux", modules(&info.module_aux.list, "records")));
    let classes = info.metadata_classes.list.iter().map(|class| {
        let (name, version, flags) = module::metadata_class(class.spec);
        Doc::Fields(vec![
            ("name", name.into()),
            ("version", version.into()),
            ("flags", flags.into()),
            ("keys", class.keys.into()),
        ])
    });
    fields.push((
        "key_metadata",
        Doc::Fields(vec![
            ("keys", info.metadata.into()),
            ("classes", Doc::List(classes.collect())),
        ]),
    ));
    let slots = info.slots.as_ref().map_or(Doc::NULL, |slots| {
        let ranges = slots.ranges().into_iter();
        let ranges = ranges.map(|(first, last)| Doc::list([first, last]));
        Doc::Fields(vec![
            ("records", slots.records.into()),
            ("ranges", Doc::List(ranges.collect())),
            ("keys", slots.keys.into()),
            ("expires", slots.expires.into()),
            ("invalid", slots.invalid.into()),
        ])
    });
    fields.push(("slots", slots));
    let jobs = info.slot_imports.list.iter().map(|job| name(job, None));
    fields.push(("slot_imports", Doc::List(jobs.collect())));
    fields.push(("hash_templates", bulk(info.templates)));
    fields.push((
        "unlisted",
        Doc::Fields(vec![
            ("databases", info.dbs.more.into()),
            ("aux", info.aux.more.into()),
            ("functions", info.functions.more.into()),
            ("modules", info.modules.more.into()),
            ("module_aux", info.module_aux.more.into()),
            ("slot_imports", info.slot_imports.more.into()),
        ]),
    ));
}
