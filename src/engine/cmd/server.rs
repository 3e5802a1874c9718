//! Databases, functions, and what a log may hold beside writes.

use super::Family;
use super::keys::db_of;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, c_text, database, int, is};
use crate::engine::digest::{self, FieldExpiry};
use crate::engine::functions::Functions;
use crate::engine::reply::{Done, Refusal, texts};
use crate::filter::glob::Glob;
use crate::input::bytes::{Bytes, Slice};
use crate::model::kind::Flavour;
use crate::model::slot;
use crate::rdb::{opcode, string};

pub(super) const COMMANDS: Family = &[
    ("select", select),
    ("swapdb", swapdb),
    ("flushdb", flushdb),
    ("flushall", flushall),
    ("dbsize", dbsize),
    ("ping", ping),
    ("echo", echo),
    ("publish", publish),
    ("spublish", publish),
    ("script|load", script),
    ("script|flush", script),
    ("debug", debug),
    ("trimslots", trimslots),
    ("cluster|flushslot", flushslot),
    ("function|load", function_load),
    ("function|delete", function_delete),
    ("function|flush", function_flush),
    ("function|dump", function_dump),
    ("function|list", function_list),
    ("function|stats", function_stats),
    ("function|restore", function_restore),
];

fn select(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    cx.db = db_of(cx, at(args, 1))?;
    cx.out.ok();
    Ok(())
}

fn swapdb(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    int(at(args, 1)).map_err(|_| Refusal::new("ERR invalid first DB index"))?;
    int(at(args, 2)).map_err(|_| Refusal::new("ERR invalid second DB index"))?;
    let (a, b) = (db_of(cx, at(args, 1))?, db_of(cx, at(args, 2))?);
    cx.keys.swap(a, b);
    cx.log.as_it_came(cx.db, args);
    cx.out.ok();
    Ok(())
}

/// ASYNC and SYNC come to the same here.
fn flush_option(args: &Args<'_>) -> Result<(), Refusal> {
    match (args.len(), args.get(1)) {
        (1, _) => Ok(()),
        (2, Some(option)) if is(option, "ASYNC") || is(option, "SYNC") => Ok(()),
        _ => Err(texts::SYNTAX),
    }
}

fn flushdb(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    flush_option(args)?;
    cx.keys.flush(cx.db);
    cx.log.as_it_came(cx.db, args);
    cx.out.ok();
    Ok(())
}

fn flushall(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    flush_option(args)?;
    cx.keys.flush_all();
    cx.log.as_it_came(cx.db, args);
    cx.out.ok();
    Ok(())
}

fn dbsize(cx: &mut Cx<'_>, _args: &Args<'_>) -> Done {
    let n = cx.keys.db(cx.db).map_or(0, |db| db.len());
    cx.out.count(n);
    Ok(())
}

fn ping(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    match args.len() {
        1 => cx.out.simple("PONG"),
        2 => cx.out.bulk(at(args, 1)),
        _ => {
            return Err(Refusal::new(
                "ERR wrong number of arguments for 'ping' command",
            ));
        }
    }
    Ok(())
}

fn echo(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    cx.out.bulk(at(args, 1));
    Ok(())
}

/// Nobody listens to a log.
fn publish(cx: &mut Cx<'_>, _args: &Args<'_>) -> Done {
    cx.out.int(0);
    Ok(())
}

/// Logs up to 6.2 hold what was loaded; without Lua there is nothing to do with it.
fn script(cx: &mut Cx<'_>, _args: &Args<'_>) -> Done {
    cx.out.ok();
    Ok(())
}

fn debug(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let fields = if cx.is_valkey() {
        FieldExpiry::Ignored
    } else {
        FieldExpiry::Counts
    };
    let text = cx.out.score_text();
    if is(at(args, 1), "DIGEST") && args.len() == 2 {
        let all = digest::digest(cx.keys, fields, 1);
        let one = match text {
            crate::model::number::DoubleText::Fpconv => all.fpconv,
            crate::model::number::DoubleText::G17 => all.g17,
        };
        cx.out.simple(&one.to_string());
        return Ok(());
    }
    if is(at(args, 1), "DIGEST-VALUE") {
        cx.out.array(args.len() - 2);
        for name in args.iter().skip(2) {
            let one = cx
                .keys
                .slot(cx.db, name)
                .and_then(|slot| digest::of_key(slot, fields, text));
            cx.out.simple(&one.unwrap_or_default().to_string());
        }
        return Ok(());
    }
    Err(Refusal::new("ERR DEBUG knows DIGEST and DIGEST-VALUE here"))
}

/// Takes out all keys of some slots, in all databases.
fn trim(cx: &mut Cx<'_>, wanted: impl Fn(u16) -> bool) {
    let mut gone: Vec<(u32, Vec<u8>)> = Vec::new();
    for (number, db) in cx.keys.dbs() {
        for key in db.iter() {
            let name = key.head().name;
            if wanted(slot::key_slot(name)) {
                gone.push((number, name.to_vec()));
            }
        }
    }
    for (db, name) in gone {
        cx.keys.remove(db, &name);
    }
}

fn slot_number(arg: &[u8]) -> Result<u16, Refusal> {
    database(arg)
        .and_then(|n| u16::try_from(n).ok())
        .filter(|n| *n < slot::SLOTS)
        .ok_or(Refusal::new("ERR Invalid or out of range slot"))
}

fn trimslots(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let ranges = database(at(args, 2)).unwrap_or(0) as usize;
    if !is(at(args, 1), "RANGES") || args.len() != 3 + 2 * ranges {
        return Err(texts::SYNTAX);
    }
    let mut all = Vec::new();
    for i in 0..ranges {
        let first = slot_number(at(args, 3 + 2 * i))?;
        let last = slot_number(at(args, 4 + 2 * i))?;
        all.push(first..=last);
    }
    trim(cx, |slot| all.iter().any(|range| range.contains(&slot)));
    cx.out.ok();
    Ok(())
}

fn flushslot(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let wanted = slot_number(at(args, 2))?;
    trim(cx, |slot| slot == wanted);
    cx.out.ok();
    Ok(())
}

fn function_load(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let mut replace = false;
    for option in args.iter().take(args.len() - 1).skip(2) {
        if !is(option, "REPLACE") {
            return Err(Refusal::of(format!(
                "ERR Unknown option given: {}",
                String::from_utf8_lossy(option)
            )));
        }
        replace = true;
    }
    let name = cx.functions.load(at(args, args.len() - 1), replace)?;
    cx.keys.dirty += 1;
    cx.out.bulk(&name);
    Ok(())
}

fn function_delete(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    if !cx.functions.delete(at(args, 2)) {
        return Err(Refusal::new("ERR Library not found"));
    }
    cx.keys.dirty += 1;
    cx.out.ok();
    Ok(())
}

fn function_flush(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    match args.get(2) {
        None => {}
        Some(option) if args.len() == 3 && (is(option, "SYNC") || is(option, "ASYNC")) => {}
        Some(_) => {
            return Err(Refusal::new(
                "ERR FUNCTION FLUSH only supports SYNC|ASYNC option",
            ));
        }
    }
    cx.functions.flush();
    cx.keys.dirty += 1;
    cx.out.ok();
    Ok(())
}

fn function_dump(cx: &mut Cx<'_>, _args: &Args<'_>) -> Done {
    let mut payload = Vec::new();
    for code in cx.functions.sources() {
        payload.push(opcode::FUNCTION2);
        string::write(code, &mut payload);
    }
    super::payload::footer(cx.dialect, &mut payload);
    cx.out.bulk(&payload);
    Ok(())
}

/// What a library registers, its code says, and only Lua understands that.
fn no_lua(library: &[u8]) -> Refusal {
    Refusal::of(format!(
        "ERR only a server with Lua knows the functions of library '{}'",
        String::from_utf8_lossy(library)
    ))
}

fn function_list(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (mut pattern, mut with_code) = (None, false);
    let mut i = 2;
    while let Some(word) = args.get(i) {
        i += 1;
        if !with_code && is(word, "WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && is(word, "LIBRARYNAME") {
            pattern = Some(
                args.get(i)
                    .ok_or(Refusal::new("ERR library name argument was not given"))?,
            );
            i += 1;
        } else {
            return Err(Refusal::of(format!(
                "ERR Unknown argument {}",
                String::from_utf8_lossy(c_text(word))
            )));
        }
    }
    let pattern = Glob::new(&pattern.unwrap_or(b"*").to_ascii_lowercase());
    let mut libraries = cx.functions.libraries().iter();
    if let Some(found) = libraries.find(|l| pattern.matches(&l.name.to_ascii_lowercase())) {
        return Err(no_lua(&found.name));
    }
    cx.out.array(0);
    Ok(())
}

fn function_stats(cx: &mut Cx<'_>, _args: &Args<'_>) -> Done {
    if let Some(library) = cx.functions.libraries().first() {
        return Err(no_lua(&library.name));
    }
    let out = &mut *cx.out;
    out.map(2);
    out.bulk(b"running_script");
    out.nil();
    out.bulk(b"engines");
    out.map(1);
    out.bulk(b"LUA");
    out.map(2);
    for count in ["libraries_count", "functions_count"] {
        out.bulk(count.as_bytes());
        out.count(0);
    }
    Ok(())
}

fn function_restore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (mut replace, mut flush) = (false, false);
    match args.get(3) {
        None => {}
        Some(policy) if is(policy, "APPEND") => {}
        Some(policy) if is(policy, "REPLACE") => replace = true,
        Some(policy) if is(policy, "FLUSH") => flush = true,
        Some(_) => {
            return Err(Refusal::new(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
    }
    if args.len() > 4 {
        return Err(Refusal::new(
            "ERR unknown subcommand or wrong number of arguments for 'restore'. Try FUNCTION HELP.",
        ));
    }
    let body = super::payload::checked(cx, at(args, 2))?;
    let bad = |_| Refusal::new("ERR failed loading functions payload");
    // All or nothing: what comes out is put in place at the end.
    let mut libraries: Functions = if flush {
        Functions::default()
    } else {
        cx.functions.clone()
    };
    let mut scratch = Vec::new();
    let mut b = Slice::new(body, 0);
    while !b.rest().is_empty() {
        if b.byte().map_err(bad)? != opcode::FUNCTION2 {
            return Err(Refusal::new("ERR given type is not a function"));
        }
        let code = string::read(&mut b, &mut scratch)
            .and_then(|s| s.to_vec(u64::from(u32::MAX)))
            .map_err(bad)?;
        libraries.load(&code, replace)?;
    }
    *cx.functions = libraries;
    cx.keys.dirty += 1;
    cx.out.ok();
    Ok(())
}

impl Cx<'_> {
    /// Whose files its payloads belong to.
    pub(super) fn flavour(&self) -> Flavour {
        self.dialect.flavour
    }
}
