//! A line of JSON as a record of an RDB file: a key with its attributes, or one of the others.

use super::cursor::Cursor;
use super::value::{Value, check, module_id};
use crate::error::{Error, Result};
use crate::input::bytes::Bytes;
use crate::model::kind::{Encoding, Flavour, Kind};
use crate::model::target;
use crate::rdb::frame::Header;
use crate::rdb::{length, opcode, skip, string};
use crate::sink::bytes::Binary;
use crate::text;

/// What one record leaves to the next.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State {
    /// Whose file it is, once the first record has told.
    flavour: Option<Flavour>,
    /// The version that the first record told.
    pub(super) header: Option<Header>,
    /// The database that was selected last.
    db: Option<u64>,
    /// How byte strings are written, where that is known.
    pub(super) binary: Option<Binary>,
}

/// Makes records.
#[derive(Default)]
pub(super) struct Maker {
    pub(super) state: State,
    value: Value,
    key: Vec<u8>,
    meta: Vec<u8>,
    scratch: Vec<u8>,
}

/// What the line of a key has told so far.
#[derive(Default)]
struct Key {
    db: Option<u64>,
    name: bool,
    kind: Option<Kind>,
    /// `Some(None)`: it was `null`.
    encoding: Option<Option<Encoding>>,
    expire_ms: Option<i64>,
    idle: Option<u64>,
    freq: Option<u8>,
    noevict: bool,
    meta: bool,
    /// The type code, once the value was read.
    code: Option<u8>,
}

/// Names that only records beside keys have.
const OTHERS: [&[u8]; 10] = [
    b"rdb",
    b"aux",
    b"function",
    b"resizedb",
    b"slot_info",
    b"module_aux",
    b"slot_import",
    b"hash_template",
    b"opcode",
    b"raw",
];

/// The names that the first aux field of nearly every file has, as they are written with `--binary base64` and `hex`.
const FIRST_AUX: [(&[u8], Binary); 4] = [
    (b"cmVkaXMtdmVy", Binary::Base64),
    (b"dmFsa2V5LXZlcg==", Binary::Base64),
    (b"72656469732d766572", Binary::Hex),
    (b"76616c6b65792d766572", Binary::Hex),
];

impl Maker {
    /// Appends what one object says. The cursor stands behind it then.
    pub(super) fn object(&mut self, c: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<()> {
        c.binary = self.state.binary.unwrap_or_default();
        let mut first = *c;
        first.expect(b'{', "an object")?;
        if first.peek()? == b'"' {
            let name = first.text("a name", &mut self.scratch)?;
            if name != b"db" && OTHERS.contains(&name) {
                return self.other(c, out);
            }
        }
        self.start(Flavour::Redis, out);
        self.key(c, out)
    }

    /// The file's first bytes, where nothing has told whose it is.
    pub(super) fn start(&mut self, flavour: Flavour, out: &mut Vec<u8>) -> Flavour {
        *self.state.flavour.get_or_insert_with(|| {
            let magic = flavour.magic();
            let digits = 9 - magic.len();
            let version = target::newest(flavour).rdb;
            out.extend_from_slice(format!("{magic}{version:0digits$}").as_bytes());
            flavour
        })
    }

    fn key(&mut self, c: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<()> {
        let mut key = Key::default();
        let done = self.read_key(c, &mut key);
        done.map_err(|e| match (key.db, key.name) {
            (Some(db), true) => e.in_key(db, &self.key),
            (None, true) => e.of_key(&self.key),
            _ => e,
        })?;
        let Key {
            db: Some(db),
            code: Some(code),
            ..
        } = key
        else {
            return Err(c.wrong("a key needs a database and a value"));
        };
        self.select(db, out);
        if let Some(ms) = key.expire_ms {
            out.push(opcode::EXPIRETIME_MS);
            out.extend_from_slice(&ms.to_le_bytes());
        }
        if let Some(idle) = key.idle {
            out.push(opcode::IDLE);
            length::write(idle, out);
        }
        if let Some(freq) = key.freq {
            out.extend_from_slice(&[opcode::FREQ, freq]);
        }
        if key.noevict {
            out.push(opcode::KEY_NOEVICT);
        }
        if key.meta {
            out.extend_from_slice(&self.meta);
        }
        out.push(code);
        string::write(&self.key, out);
        out.extend_from_slice(&self.value.front);
        out.extend_from_slice(&self.value.body);
        Ok(())
    }

    fn select(&mut self, db: u64, out: &mut Vec<u8>) {
        if self.state.db != Some(db) {
            self.state.db = Some(db);
            out.push(opcode::SELECTDB);
            length::write(db, out);
        }
    }

    fn read_key(&mut self, c: &mut Cursor<'_>, key: &mut Key) -> Result<()> {
        let flavour = self.state.flavour.unwrap_or(Flavour::Redis);
        let before = *c;
        let mut later = None;
        c.object("a key", |c, name| {
            match name {
                b"db" => key.db = Some(c.uint("the database")?),
                b"key" => {
                    let name = c.bytes("the key", &mut self.scratch)?;
                    self.key.clear();
                    self.key.extend_from_slice(name);
                    key.name = true;
                }
                b"type" => key.kind = Some(kind(c, &mut self.scratch)?),
                b"encoding" => key.encoding = Some(encoding(c, &mut self.scratch)?),
                b"expire_ms" => key.expire_ms = c.opt_int("the expiry")?,
                b"idle" | b"idle_s" => key.idle = c.opt_uint("the idle time")?,
                b"freq" => {
                    c.peek()?;
                    let before = *c;
                    let freq = c.opt_uint("the frequency")?.map(u8::try_from);
                    key.freq = freq
                        .transpose()
                        .map_err(|_| before.wrong("the frequency is above 255"))?;
                }
                b"noevict" => {
                    key.noevict = c.boolean()?;
                    redis_only(c, flavour, key.noevict, "noevict")?;
                }
                b"meta" => {
                    c.peek()?;
                    let before = *c;
                    let bytes = c.base64("the metadata", &mut self.scratch)?;
                    redis_only(&before, flavour, true, "metadata")?;
                    check(&before, "the metadata", bytes, |b| {
                        let known = b.byte()? == opcode::KEY_META;
                        skip::key_meta(b).map(|()| known)
                    })?;
                    self.meta.clear();
                    self.meta.extend_from_slice(bytes);
                    key.meta = true;
                }
                b"value" if key.code.is_none() && later.is_none() => {
                    match (key.kind, key.encoding) {
                        (Some(kind), Some(encoding)) => {
                            key.code = Some(self.value.read(c, kind, encoding, flavour)?);
                        }
                        _ => {
                            later = Some(*c);
                            c.skip()?;
                        }
                    }
                }
                // Where a key lay in its file, as `get` says it.
                b"type_code" | b"offset" | b"value_offset" | b"bytes" => c.skip()?,
                other => return Err(c.unknown(other, "a key")),
            }
            Ok(())
        })?;
        let missing = |name: &str| Err(before.wrong(format!("a key needs {name}")));
        let Some(kind) = key.kind else {
            return missing("type");
        };
        if !key.name {
            return missing("key");
        }
        if key.db.is_none() {
            return missing("db");
        }
        match (key.code, later) {
            (Some(_), _) => Ok(()),
            (None, Some(mut value)) => {
                let encoding = key.encoding.flatten();
                key.code = Some(self.value.read(&mut value, kind, encoding, flavour)?);
                Ok(())
            }
            (None, None) => missing("value"),
        }
    }

    /// A record that is no key.
    fn other(&mut self, c: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<()> {
        let before = *c;
        let mut op = None;
        let mut raw = None;
        let mut n = 0;
        let mut is_header = false;
        c.object("a record", |c, name| {
            n += 1;
            if name == b"opcode" {
                c.peek()?;
                let before = *c;
                let code = c.uint("the opcode")?;
                op = Some(u8::try_from(code).map_err(|_| before.wrong("an opcode has 8 bits"))?);
                return Ok(());
            }
            if name == b"raw" {
                c.peek()?;
                raw = Some(*c);
                return c.skip();
            }
            if name == b"binary" && is_header {
                c.peek()?;
                let before = *c;
                let binary = Binary::from_name(c.text("how bytes are written", &mut self.scratch)?);
                let binary =
                    binary.ok_or_else(|| before.wrong("auto, base64, escape and hex are known"))?;
                // The caller may know better.
                self.state.binary.get_or_insert(binary);
                return Ok(());
            }
            if n > 1 {
                return Err(c.unknown(name, "a record of that kind"));
            }
            is_header = name == b"rdb";
            match name {
                b"rdb" => self.header(c, out),
                b"slot_import" => {
                    let flavour = self.start(Flavour::Valkey, out);
                    if flavour != Flavour::Valkey {
                        return Err(c.wrong("slot imports are Valkey's, and this file is of Redis"));
                    }
                    self.slot_import(c, out)
                }
                other => {
                    let flavour = self.start(Flavour::Redis, out);
                    self.named(c, other, flavour, out)
                }
            }
        })?;
        match (op, raw) {
            (None, None) => Ok(()),
            (Some(op), Some(mut raw)) if n == 2 => {
                let flavour = self.start(Flavour::Redis, out);
                let at = raw;
                let bytes = raw.base64("the record", &mut self.scratch)?;
                let what = format!("the record with opcode {op}");
                check(&at, &what, bytes, |b| {
                    skip::record(b, op, flavour == Flavour::Valkey)
                })?;
                out.push(op);
                out.extend_from_slice(bytes);
                Ok(())
            }
            _ => Err(before.wrong("a record needs opcode and raw, and nothing else")),
        }
    }

    fn header(&mut self, c: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<()> {
        if self.state.flavour.is_some() {
            return Err(c.wrong("a header that is not the first record: two dumps in one?"));
        }
        let before = *c;
        let mut flavour = None;
        let mut version = None;
        c.object("a header", |c, name| {
            match name {
                b"magic" => {
                    let magic = c.text("the magic", &mut self.scratch)?;
                    let known = [Flavour::Redis, Flavour::Valkey]
                        .into_iter()
                        .find(|f| f.magic().as_bytes() == magic);
                    flavour =
                        Some(known.ok_or_else(|| {
                            before.wrong("the magic is neither REDIS nor VALKEY")
                        })?);
                }
                // What is made here is of the newest version, which holds all that others do.
                b"version" => version = u16::try_from(c.uint("the version")?).ok(),
                other => return Err(c.unknown(other, "a header")),
            }
            Ok(())
        })?;
        let flavour = flavour.ok_or_else(|| before.wrong("a header needs magic"))?;
        self.state.header = version.map(|version| Header { flavour, version });
        self.start(flavour, out);
        Ok(())
    }

    fn named(
        &mut self,
        c: &mut Cursor<'_>,
        name: &[u8],
        flavour: Flavour,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        match name {
            b"aux" => self.aux(c, out),
            b"function" => {
                let code = c.bytes("a function library", &mut self.scratch)?;
                out.push(opcode::FUNCTION2);
                string::write(code, out);
                Ok(())
            }
            b"resizedb" => {
                let [db, keys, expires] = numbers(c, "resizedb", ["db", "keys", "expires"])?;
                self.select(db, out);
                out.push(opcode::RESIZEDB);
                length::write(keys, out);
                length::write(expires, out);
                Ok(())
            }
            b"slot_info" => {
                let sizes = numbers(c, "slot_info", ["slot", "keys", "expires"])?;
                out.push(opcode::SLOT_INFO);
                sizes.into_iter().for_each(|n| length::write(n, out));
                Ok(())
            }
            b"module_aux" => self.module_aux(c, out),
            b"hash_template" => {
                redis_only(c, flavour, true, "hash templates")?;
                self.hash_template(c, out)
            }
            other => Err(c.unknown(other, "a record")),
        }
    }

    /// `["redis-ver","7.2.4"]`
    fn aux(&mut self, c: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<()> {
        let before = *c;
        out.push(opcode::AUX);
        c.expect(b'[', "name and value")?;
        if self.state.binary.is_none() && c.peek()? == b'"' {
            let mut name = *c;
            let name = name.text("a name", &mut self.scratch)?;
            if let Some((_, binary)) = FIRST_AUX.iter().find(|(known, _)| *known == name) {
                self.state.binary = Some(*binary);
                c.binary = *binary;
            }
        }
        string::write(c.bytes("a name", &mut self.scratch)?, out);
        c.expect(b',', "the value")?;
        string::write(c.bytes("the value", &mut self.scratch)?, out);
        c.expect(b']', "the end")
            .map_err(|_| before.wrong("an aux field is one name and one value"))
    }

    fn module_aux(&mut self, c: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<()> {
        let before = *c;
        let (mut module, mut version, mut when, mut payload) = (None, None, None, None);
        c.object("module_aux", |c, name| {
            match name {
                b"module" => {
                    module = Some(c.text("a module's type", &mut self.scratch)?.to_vec());
                }
                b"version" => version = Some(c.uint("the version")?),
                b"when" => when = Some(c.uint("a number")?),
                b"payload" => {
                    c.peek()?;
                    payload = Some(*c);
                    c.skip()?;
                }
                other => return Err(c.unknown(other, "module_aux")),
            }
            Ok(())
        })?;
        let (Some(module), Some(version), Some(when), Some(mut payload)) =
            (module, version, when, payload)
        else {
            return Err(before.wrong("module_aux needs module, version, when and payload"));
        };
        let at = payload;
        let bytes = payload.base64("the payload", &mut self.scratch)?;
        check(&at, "the payload", bytes, |b| {
            skip::module_fields(b).map(|()| true)
        })?;
        out.push(opcode::MODULE_AUX);
        length::write(module_id(&before, &module, version)?, out);
        // The mark of a number.
        length::write(2, out);
        length::write(when, out);
        out.extend_from_slice(bytes);
        Ok(())
    }

    fn hash_template(&mut self, c: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<()> {
        let before = *c;
        let (mut id, mut n, mut seen) = (None, 0, false);
        let mut fields = Vec::new();
        c.object("hash_template", |c, name| {
            match name {
                b"id" => id = Some(c.uint("the id")?),
                b"fields" if !seen => {
                    seen = true;
                    c.elements("fields", |c| {
                        string::write(c.bytes("a field", &mut self.scratch)?, &mut fields);
                        n += 1;
                        Ok(true)
                    })?;
                }
                other => return Err(c.unknown(other, "hash_template")),
            }
            Ok(())
        })?;
        let (Some(id), true) = (id, seen) else {
            return Err(before.wrong("hash_template needs id and fields"));
        };
        out.push(opcode::HASH_TEMPLATE);
        length::write(id, out);
        length::write(n, out);
        out.extend_from_slice(&fields);
        Ok(())
    }

    fn slot_import(&mut self, c: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<()> {
        let before = *c;
        let (mut n, mut job, mut slots) = (0, None, None);
        c.object("slot_import", |c, name| {
            match name {
                b"job" => job = Some(c.bytes("the job", &mut self.scratch)?.to_vec()),
                b"slots" if slots.is_none() => {
                    let ranges = slots.insert(Vec::new());
                    c.elements("slots", |c| {
                        c.expect(b'[', "first and last slot")?;
                        length::write(c.uint("a slot")?, ranges);
                        c.expect(b',', "the last slot")?;
                        length::write(c.uint("a slot")?, ranges);
                        c.expect(b']', "the range's end")?;
                        n += 1;
                        Ok(true)
                    })?;
                }
                other => return Err(c.unknown(other, "slot_import")),
            }
            Ok(())
        })?;
        let (Some(job), Some(slots)) = (job, slots) else {
            return Err(before.wrong("slot_import needs job and slots"));
        };
        out.push(opcode::SLOT_IMPORT);
        string::write(&job, out);
        length::write(n, out);
        out.extend_from_slice(&slots);
        Ok(())
    }
}

/// An object of numbers with these names.
fn numbers<const N: usize>(c: &mut Cursor<'_>, what: &str, names: [&str; N]) -> Result<[u64; N]> {
    let before = *c;
    let mut found = [None; N];
    c.object(what, |c, name| {
        let mut all = names.iter().zip(&mut found);
        match all.find(|(known, _)| known.as_bytes() == name) {
            Some((known, place)) => {
                *place = Some(c.uint(known)?);
                Ok(())
            }
            None => Err(c.unknown(name, what)),
        }
    })?;
    let mut all = [0; N];
    for ((to, n), name) in all.iter_mut().zip(found).zip(names) {
        *to = n.ok_or_else(|| before.wrong(format!("{what} needs {name}")))?;
    }
    Ok(all)
}

fn redis_only(at: &Cursor<'_>, flavour: Flavour, is: bool, what: &str) -> Result<()> {
    if is && flavour == Flavour::Valkey {
        return Err(at.wrong(format!(
            "Valkey knows no {what}, and this file is of Valkey"
        )));
    }
    Ok(())
}

fn word<'s, 't: 's>(
    c: &mut Cursor<'t>,
    what: &str,
    scratch: &'s mut Vec<u8>,
) -> Result<(&'s str, Cursor<'t>)> {
    c.peek()?;
    let before = *c;
    let word = c.text(what, scratch)?;
    let word = std::str::from_utf8(word).map_err(|_| unknown(&before, what, word))?;
    Ok((word, before))
}

#[cold]
fn unknown(at: &Cursor<'_>, what: &str, word: &[u8]) -> Error {
    let word = word.get(..60).unwrap_or(word);
    at.wrong(format!("{} is no {what}", text::quoted(word)))
}

fn kind(c: &mut Cursor<'_>, scratch: &mut Vec<u8>) -> Result<Kind> {
    let (word, at) = word(c, "type", scratch)?;
    Kind::from_name(word).ok_or_else(|| unknown(&at, "type", word.as_bytes()))
}

fn encoding(c: &mut Cursor<'_>, scratch: &mut Vec<u8>) -> Result<Option<Encoding>> {
    if c.null()? {
        return Ok(None);
    }
    let (word, at) = word(c, "encoding", scratch)?;
    if word == "embstr" {
        // A server's word for a short string.
        return Ok(Some(Encoding::Raw));
    }
    match Encoding::from_name(word) {
        Some(encoding) => Ok(Some(encoding)),
        None => Err(unknown(&at, "encoding", word.as_bytes())),
    }
}
