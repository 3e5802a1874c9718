//! What one worker counts. All of it can be added up in any order, and every list keeps what comes first in the file (or
//! has the lowest number), so that the report is the same whatever the number of workers.

use super::report::{
    Aux, Big, Bulk, CUT, Class, Db, Expiries, Function, LISTED, Listed, Module, Name, RdbInfo,
    Slots, Spread, TypeCount, span, sum,
};
use crate::error::{Error, Result};
use crate::input::bytes::Bytes;
use crate::model::kind::{Encoding, Flavour};
use crate::packed::string::Str;
use crate::pipe::{self, Flow, Out};
use crate::rdb::compat::Used;
use crate::rdb::frame::{Block, Record, What};
use crate::rdb::types::{self, Layout, TypeRow};
use crate::rdb::{length, opcode, skip, string};
use std::collections::BTreeMap;

/// Strings are counted by how they are packed.
const FORMS: [Encoding; 3] = [Encoding::Raw, Encoding::Int, Encoding::Lzf];

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    keys: u64,
    bytes: u64,
    largest: u64,
}

/// One worker's counts.
pub(super) struct Fold {
    now_ms: i64,
    types: [[Count; FORMS.len()]; 64],
    /// The database of the last record, not in `dbs` yet.
    db: Db,
    dbs: BTreeMap<u64, Db>,
    key_bytes: u64,
    expiries: Expiries,
    idle: Spread,
    freq: Spread,
    noevict: u64,
    metadata: u64,
    classes: BTreeMap<u64, Bulk>,
    biggest: Vec<Big>,
    /// How many of them are wanted.
    top: usize,
    /// A value must have more bytes than this to be among them.
    floor: u64,
    modules: BTreeMap<u64, Bulk>,
    module_aux: BTreeMap<u64, Bulk>,
    module_aux_all: u64,
    aux: Listed<Aux>,
    functions: Listed<Function>,
    imports: Listed<(u64, Name)>,
    scripts: Bulk,
    templates: Bulk,
    slots: Option<Slots>,
    used: Used,
    /// The first record that could not be read, though it was framed.
    bad: Option<Error>,
    name: Vec<u8>,
    scratch: Vec<u8>,
}

impl pipe::Work for Fold {
    fn block(&mut self, block: &Block, _out: &mut Out<'_, '_>) -> Result<Flow> {
        for record in block.records() {
            match record.frame.what {
                What::Key(row) => self.key(&record, row),
                What::Record(op) => self.record(&record, op),
            }
        }
        Ok(Flow::More)
    }
}

/// Adds to the entry of `id`, of which only the lowest are kept.
fn add<T: Default>(map: &mut BTreeMap<u64, T>, id: u64, change: impl FnOnce(&mut T)) {
    change(map.entry(id).or_default());
    if map.len() > LISTED {
        map.pop_last();
    }
}

impl Fold {
    pub(super) fn new(now_ms: i64, top: usize) -> Fold {
        Fold {
            now_ms,
            types: [[Count::default(); FORMS.len()]; 64],
            db: Db::default(),
            dbs: BTreeMap::new(),
            key_bytes: 0,
            expiries: Expiries::default(),
            idle: Spread::default(),
            freq: Spread::default(),
            noevict: 0,
            metadata: 0,
            classes: BTreeMap::new(),
            biggest: Vec::new(),
            top,
            floor: if top == 0 { u64::MAX } else { 0 },
            modules: BTreeMap::new(),
            module_aux: BTreeMap::new(),
            module_aux_all: 0,
            aux: Listed::default(),
            functions: Listed::default(),
            imports: Listed::default(),
            scripts: Bulk::default(),
            templates: Bulk::default(),
            slots: None,
            used: Used::default(),
            bad: None,
            name: Vec::new(),
            scratch: Vec::new(),
        }
    }

    #[inline]
    fn key(&mut self, record: &Record<'_>, row: &'static TypeRow) {
        let frame = record.frame;
        let bytes = record.body_len();
        self.used.row(row, record.offset());
        let mut form = 0;
        if row.layout == Layout::Text {
            form = match record.body_head().rest().first() {
                Some(0xc0..=0xc2) => 1,
                Some(0xc3) => 2,
                _ => 0,
            };
        }
        let counts = self.types.get_mut(usize::from(row.code));
        if let Some(count) = counts.and_then(|forms| forms.get_mut(form)) {
            count.keys += 1;
            count.bytes += bytes;
            count.largest = count.largest.max(bytes);
        }
        self.key_bytes += u64::from(frame.body - frame.start);
        if frame.db != self.db.db {
            self.turn_to(frame.db);
        }
        self.db.keys += 1;
        self.db.bytes += bytes;
        let attrs = &frame.attrs;
        if let Some(at) = attrs.expire_ms {
            self.db.expires += 1;
            self.expiries.keys += 1;
            self.expiries.passed += u64::from(at <= self.now_ms);
            self.expiries.range = Some(span(self.expiries.range, (at, at)));
        }
        if attrs.idle.is_some() || attrs.freq.is_some() || attrs.noevict || attrs.meta.is_some() {
            self.attributes(record);
        }
        if bytes > self.floor {
            self.big(record, row, bytes);
        }
        if row.layout == Layout::Module
            && let Ok(id) = length::number(&mut record.body_head())
        {
            add(&mut self.modules, id, |m| m.add(Bulk { count: 1, bytes }));
        }
    }

    fn turn_to(&mut self, db: u64) {
        let done = std::mem::replace(
            &mut self.db,
            Db {
                db,
                ..Db::default()
            },
        );
        if done.keys > 0 || done.claimed.is_some() {
            add(&mut self.dbs, done.db, |all| all.merge(done));
        }
    }

    #[cold]
    fn big(&mut self, record: &Record<'_>, row: &'static TypeRow, bytes: u64) {
        let key = match record.key(&mut self.name) {
            Ok(key) => Some(Name::of(key, key.len() as u64)),
            Err(e) => {
                self.bad(e);
                None
            }
        };
        self.biggest.push(Big {
            bytes,
            offset: record.offset(),
            db: record.frame.db,
            key,
            row,
            encoding: record.encoding().unwrap_or(row.encoding),
        });
        self.cut_biggest();
    }

    fn cut_biggest(&mut self) {
        self.biggest
            .sort_by_key(|b| (std::cmp::Reverse(b.bytes), b.offset));
        self.biggest.truncate(self.top);
        if let Some(last) = self.biggest.get(self.top.saturating_sub(1)) {
            self.floor = last.bytes;
        }
    }

    fn attributes(&mut self, record: &Record<'_>) {
        self.used.attributes(record);
        let attrs = &record.frame.attrs;
        if let Some(idle) = attrs.idle {
            self.idle.see(idle);
        }
        if let Some(freq) = attrs.freq {
            self.freq.see(u64::from(freq));
        }
        self.noevict += u64::from(attrs.noevict);
        if let Some(meta) = record.meta() {
            self.metadata += 1;
            // Framing has passed over it: it cannot fail.
            let mut b = crate::input::bytes::Slice::new(meta, record.offset());
            let _ = classes(&mut b, &mut self.classes);
        }
    }

    fn bad(&mut self, e: Error) {
        let offset = |e: &Error| e.place().offset;
        if self
            .bad
            .as_ref()
            .is_none_or(|first| offset(&e) < offset(first))
        {
            self.bad = Some(e);
        }
    }

    #[cold]
    fn record(&mut self, record: &Record<'_>, op: u8) {
        self.used.op(op, record.offset());
        if self.db.db != record.frame.db {
            self.turn_to(record.frame.db);
        }
        let read = match record.body() {
            Some(mut b) => self.parts(record, op, &mut b),
            None => match record.big_body() {
                Ok(mut b) => self.parts(record, op, &mut b),
                Err(_) => {
                    self.unseen(record, op);
                    Ok(())
                }
            },
        };
        if let Err(e) = read {
            self.bad(e.at(record.offset()));
        }
    }

    fn parts<'a, B: Bytes<'a>>(&mut self, record: &Record<'_>, op: u8, b: &mut B) -> Result<()> {
        let valkey = record.block().header.flavour == Flavour::Valkey;
        match op {
            opcode::AUX => {
                let field = name(&string::read(b, &mut self.scratch)?)?;
                let value = name(&string::read(b, &mut self.scratch)?)?;
                self.aux(record.offset(), field, value);
            }
            opcode::RESIZEDB => {
                let claimed = (length::number(b)?, length::number(b)?);
                self.db.claimed = sum(self.db.claimed, Some(claimed));
            }
            opcode::FUNCTION2 => {
                let source = string::read(b, &mut self.scratch)?;
                let bytes = Some(source.len());
                let head = name(&source)?;
                let (engine, name) = first_line(&head.bytes);
                self.functions.push(Function {
                    offset: record.offset(),
                    engine,
                    name,
                    bytes,
                });
            }
            opcode::SLOT_INFO => {
                let [slot, keys, expires] =
                    [length::number(b)?, length::number(b)?, length::number(b)?];
                self.slot(slot, keys, expires);
            }
            opcode::MODULE_AUX => {
                let id = length::number(b)?;
                let bytes = record.body_len();
                self.module_aux_all += 1;
                add(&mut self.module_aux, id, |m| {
                    m.add(Bulk { count: 1, bytes })
                });
            }
            opcode::SLOT_IMPORT if valkey => {
                let job = name(&string::read(b, &mut self.scratch)?)?;
                self.imports.push((record.offset(), job));
            }
            opcode::HASH_TEMPLATE if !valkey => self.templates.add(Bulk {
                count: 1,
                bytes: record.body_len(),
            }),
            _ => {}
        }
        Ok(())
    }

    /// A record whose body is over 1 MiB and was not kept.
    fn unseen(&mut self, record: &Record<'_>, op: u8) {
        let offset = record.offset();
        match op {
            opcode::AUX => self.aux.push(Aux {
                offset,
                field: None,
            }),
            opcode::FUNCTION2 => self.functions.push(Function {
                offset,
                engine: None,
                name: None,
                bytes: match string::form(&mut record.body_head()) {
                    Ok(string::Form::Raw(n) | string::Form::Lzf(_, n)) => Some(n),
                    _ => None,
                },
            }),
            opcode::SLOT_IMPORT => self.imports.push((offset, Name::default())),
            opcode::MODULE_AUX => {
                // The id stands in the first bytes, which are there.
                let _ = self.parts(record, op, &mut record.body_head());
            }
            _ => {}
        }
    }

    fn aux(&mut self, offset: u64, name: Name, value: Name) {
        match name.bytes.as_slice() {
            // Cached scripts of a server up to 6.2, one a field.
            b"lua" => self.scripts.add(Bulk {
                count: 1,
                bytes: value.len,
            }),
            b"slot-info" => match slot_info(&value.bytes) {
                Some([slot, keys, expires]) => self.slot(slot, keys, expires),
                None => self.push_aux(offset, name, value),
            },
            _ => self.push_aux(offset, name, value),
        }
    }

    fn push_aux(&mut self, offset: u64, name: Name, value: Name) {
        self.aux.push(Aux {
            offset,
            field: Some((name, value)),
        });
    }

    fn slot(&mut self, slot: u64, keys: u64, expires: u64) {
        let slots = self.slots.get_or_insert_with(Slots::new);
        slots.records += 1;
        slots.keys = slots.keys.saturating_add(keys);
        slots.expires = slots.expires.saturating_add(expires);
        let word = usize::try_from(slot >> 6).unwrap_or(usize::MAX);
        match slots.set.get_mut(word) {
            Some(word) => *word |= 1 << (slot & 63),
            None => slots.invalid += 1,
        }
    }

    /// Adds what another worker counted.
    pub(super) fn merge(&mut self, mut other: Fold) {
        // No database has that number twice, and the empty one is not kept.
        other.turn_to(0);
        self.turn_to(0);
        for (a, b) in self.types.iter_mut().zip(other.types) {
            for (a, b) in a.iter_mut().zip(b) {
                a.keys += b.keys;
                a.bytes += b.bytes;
                a.largest = a.largest.max(b.largest);
            }
        }
        for (db, count) in other.dbs {
            add(&mut self.dbs, db, |all| all.merge(count));
        }
        for (mine, theirs) in [
            (&mut self.classes, other.classes),
            (&mut self.modules, other.modules),
            (&mut self.module_aux, other.module_aux),
        ] {
            for (id, bulk) in theirs {
                add(mine, id, |all| all.add(bulk));
            }
        }
        self.module_aux_all += other.module_aux_all;
        self.key_bytes += other.key_bytes;
        self.expiries.keys += other.expiries.keys;
        self.expiries.passed += other.expiries.passed;
        if let Some(range) = other.expiries.range {
            self.expiries.range = Some(span(self.expiries.range, range));
        }
        self.idle.merge(other.idle);
        self.freq.merge(other.freq);
        self.noevict += other.noevict;
        self.metadata += other.metadata;
        self.biggest.append(&mut other.biggest);
        self.cut_biggest();
        self.aux.merge(other.aux, |a| a.offset);
        self.functions.merge(other.functions, |f| f.offset);
        self.imports.merge(other.imports, |(offset, _)| *offset);
        self.scripts.add(other.scripts);
        self.templates.add(other.templates);
        self.used.merge(&other.used);
        match (&mut self.slots, other.slots) {
            (Some(slots), Some(theirs)) => slots.merge(&theirs),
            (none @ None, theirs) => *none = theirs,
            (Some(_), None) => {}
        }
        if let Some(e) = other.bad {
            self.bad(e);
        }
    }

    /// Writes it all into the report.
    pub(super) fn report(mut self, info: &mut RdbInfo) {
        self.turn_to(0);
        let Some(header) = info.header else { return };
        for row in types::rows(header.flavour) {
            let counts = self.types.get(usize::from(row.code));
            for (form, count) in counts.into_iter().flatten().enumerate() {
                if count.keys == 0 {
                    continue;
                }
                let text = row.layout == Layout::Text;
                let packed = FORMS.get(form).filter(|_| text);
                info.types.push(TypeCount {
                    row,
                    encoding: packed.copied().unwrap_or(row.encoding),
                    keys: count.keys,
                    bytes: count.bytes,
                    largest: count.largest,
                });
            }
        }
        info.used = self.used;
        let keys = info.keys();
        info.value_bytes = info.types.iter().map(|t| t.bytes).sum();
        info.key_bytes = self.key_bytes;
        info.dbs.list = self.dbs.into_values().collect();
        info.dbs.more = keys - info.dbs.list.iter().map(|db| db.keys).sum::<u64>();
        info.expiries = self.expiries;
        info.idle = self.idle;
        info.freq = self.freq;
        info.noevict = self.noevict;
        info.biggest = self.biggest;
        info.aux = self.aux;
        info.functions = self.functions;
        info.scripts = self.scripts;
        info.templates = self.templates;
        info.slots = self.slots;
        info.slot_imports = Listed {
            list: self.imports.list.into_iter().map(|(_, job)| job).collect(),
            more: self.imports.more,
        };
        let of_modules = info.types.iter().filter(|t| t.row.layout == Layout::Module);
        let of_modules = of_modules.map(|t| t.keys).sum();
        info.modules = modules(self.modules, of_modules);
        info.module_aux = modules(self.module_aux, self.module_aux_all);
        info.metadata = self.metadata;
        info.metadata_classes.list = self
            .classes
            .into_iter()
            .map(|(spec, bulk)| Class {
                spec: u32::try_from(spec).unwrap_or_default(),
                keys: bulk.count,
            })
            .collect();
        if let Some(e) = self.bad {
            info.problems.insert(0, e.in_file(&info.name));
        }
    }
}

fn modules(counted: BTreeMap<u64, Bulk>, all: u64) -> Listed<Module> {
    let list: Vec<Module> = counted
        .into_iter()
        .map(|(id, bulk)| Module {
            id,
            count: bulk.count,
            bytes: bulk.bytes,
        })
        .collect();
    let listed = list.iter().map(|m| m.count).sum::<u64>();
    Listed {
        list,
        more: all.saturating_sub(listed),
    }
}

/// The classes of a key's metadata, from the F3 byte on.
fn classes<'a, B: Bytes<'a>>(b: &mut B, classes: &mut BTreeMap<u64, Bulk>) -> Result<()> {
    b.skip(1)?;
    for _ in 0..length::number(b)? {
        let spec = u32::from_le_bytes(b.array()?);
        skip::module_fields(b)?;
        add(classes, u64::from(spec), |c| {
            c.add(Bulk { count: 1, bytes: 0 })
        });
    }
    Ok(())
}

/// The first bytes of a string, and its length.
fn name(s: &Str<'_>) -> Result<Name> {
    let at_hand = s.with(|bytes| bytes.map(|bytes| Name::of(bytes, s.len())));
    if let Some(name) = at_hand {
        return Ok(name);
    }
    let mut held = Vec::new();
    let read = s.chunks(&mut |piece| {
        held.extend_from_slice(piece);
        if held.len() < CUT {
            return Ok(());
        }
        Err(Error::usage("enough"))
    });
    if held.len() < CUT {
        read?;
    }
    Ok(Name::of(&held, s.len()))
}

/// `slot,keys,expires` and, in Valkey 9.1, more.
fn slot_info(text: &[u8]) -> Option<[u64; 3]> {
    let mut numbers = std::str::from_utf8(text).ok()?.split(',');
    let mut next = || numbers.next()?.parse().ok();
    Some([next()?, next()?, next()?])
}

/// Engine and name of a library: `#!lua name=mylib`.
fn first_line(source: &[u8]) -> (Option<Name>, Option<Name>) {
    let line = source.split(|b| *b == b'\n').next().unwrap_or_default();
    let Some(line) = line.strip_prefix(b"#!") else {
        return (None, None);
    };
    let whole = |bytes: &[u8]| Name::of(bytes, bytes.len() as u64);
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let engine = words.next().map(whole);
    let name = words.find_map(|word| word.strip_prefix(b"name="));
    (engine, name.map(whole))
}
