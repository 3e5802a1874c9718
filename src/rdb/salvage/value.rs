//! A value that does not hold, cut to its sound elements.

use super::super::frame::{Header, Record};
use super::super::template::Templates;
use super::super::types::{Layout, TypeRow};
use super::super::visit::{ArrayValue, StreamPart, Visit};
use super::super::walk::{self, Scratch, Walk};
use super::super::{check, length, string};
use super::{packed, stream};
use crate::error::{Error, ErrorKind, Result};
use crate::input::bytes::{Bytes, Slice};
use crate::limits::LAST_FIELD_EXPIRY;
use crate::model::finding::{Finding, Severity};
use crate::model::kind::{Flavour, Kind};
use crate::packed::string::Str;
use std::collections::{BTreeMap, HashSet};

/// What a value turned out to be.
pub(super) enum Judged {
    /// All of it holds.
    Sound,
    /// It has no elements: servers leave it out.
    Empty,
    /// Its sound elements as another value: type and bytes, how many they are, and why.
    Cut(Vec<u8>, u64, String),
    /// Nothing of it can be kept: why.
    Lost(String),
}

/// Bytes of elements that are held to be written anew, of one value.
const HELD: u64 = 128 << 20;

/// Looks at a value, and takes its elements.
struct Take {
    elements: Vec<[Vec<u8>; 2]>,
    expiries: Vec<Option<u64>>,
    seen: HashSet<Vec<u8>>,
    held: u64,
    /// Whether elements are taken, or the value only looked at.
    keep: bool,
    empty: bool,
    damage: Option<String>,
    /// Where an array goes on, and its elements by index, as they stand in a file.
    cursor: Option<u64>,
    array: BTreeMap<u64, Vec<u8>>,
    /// How many bytes may be held.
    most: u64,
}

impl Take {
    fn new(keep: bool, most: u64) -> Take {
        Take {
            elements: Vec::new(),
            expiries: Vec::new(),
            seen: HashSet::new(),
            held: 0,
            keep,
            empty: false,
            damage: None,
            cursor: None,
            array: BTreeMap::new(),
            most: most.min(HELD),
        }
    }

    fn hold(&mut self, n: u64) -> Result<()> {
        self.held = self.held.saturating_add(n);
        if self.held > self.most {
            return Err(Error::limit("its elements are too many to be written anew"));
        }
        Ok(())
    }

    fn count(&self) -> u64 {
        (self.elements.len() + self.array.len()) as u64
    }

    fn add(
        &mut self,
        name: Str<'_>,
        value: Option<Str<'_>>,
        expire_ms: Option<u64>,
        distinct: bool,
    ) -> Result<()> {
        if !self.keep {
            let check = |s: &Str<'_>| s.chunks(&mut |_| Ok(()));
            check(&name)?;
            return value.as_ref().map_or(Ok(()), check);
        }
        let len = name.len() + value.as_ref().map_or(0, Str::len);
        self.hold(len + 96)?;
        let value = value.map_or(Ok(Vec::new()), |v| v.to_vec(HELD))?;
        let name = name.to_vec(HELD)?;
        if distinct && !self.seen.insert(name.clone()) {
            return Ok(());
        }
        self.elements.push([name, value]);
        self.expiries.push(expire_ms);
        Ok(())
    }
}

impl Visit for Take {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        value.chunks(&mut |_| Ok(()))
    }
    fn element(&mut self, element: Str<'_>) -> Result<()> {
        self.add(element, None, None, false)
    }
    fn member(&mut self, member: Str<'_>) -> Result<()> {
        self.add(member, None, None, true)
    }
    fn scored(&mut self, member: Str<'_>, score: f64) -> Result<()> {
        if score.is_nan() {
            return Ok(());
        }
        let score = score.to_le_bytes();
        self.add(member, Some(Str::Bytes(&score)), None, true)
    }
    fn field(&mut self, field: Str<'_>, value: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        if expire_ms.is_some_and(|ms| ms > LAST_FIELD_EXPIRY) {
            return Ok(());
        }
        self.add(field, Some(value), expire_ms, true)
    }
    fn array_cursor(&mut self, cursor: Option<u64>) -> Result<()> {
        self.cursor = cursor;
        Ok(())
    }
    fn array_element(&mut self, index: u64, value: ArrayValue<'_>) -> Result<()> {
        let mut bytes = Vec::new();
        match value {
            ArrayValue::Text(s) if !self.keep => return s.chunks(&mut |_| Ok(())),
            ArrayValue::Text(Str::Int(n)) => {
                bytes.push(1);
                bytes.extend_from_slice(&n.to_le_bytes());
            }
            ArrayValue::Text(s) => {
                self.hold(s.len())?;
                bytes.push(if s.len() > 7 { 0 } else { 3 });
                string::write(&s.to_vec(HELD)?, &mut bytes);
            }
            ArrayValue::Float(n) => {
                bytes.push(2);
                bytes.extend_from_slice(&n.to_le_bytes());
            }
        }
        if self.keep {
            self.hold(96)?;
            self.array.entry(index).or_insert(bytes);
        }
        Ok(())
    }
    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Group { name: s, .. }
            | StreamPart::Consumer { name: s, .. }
            | StreamPart::Producer(s)
            | StreamPart::ProducerId(s, _) => s.chunks(&mut |_| Ok(())),
            StreamPart::Field(name, value) => {
                name.chunks(&mut |_| Ok(()))?;
                value.chunks(&mut |_| Ok(()))
            }
            _ => Ok(()),
        }
    }
    fn empty(&mut self) -> Result<()> {
        self.empty = true;
        Ok(())
    }
    fn finding(&mut self, finding: Finding) -> Result<()> {
        if finding.severity == Severity::Damage && self.damage.is_none() {
            self.damage = Some(finding.message);
        }
        Ok(())
    }
}

/// Judges the value of a key, and what stands in front of it. At most so many bytes are held.
///
/// # Errors
/// What the operating system reports.
pub(super) fn judge(
    record: &Record<'_>,
    row: &'static TypeRow,
    header: Header,
    most: u64,
    sc: &mut Scratch,
) -> Result<Judged> {
    if let Err(e) = check::meta(record, sc) {
        return lost(e);
    }
    let mut look = Take::new(false, most);
    let walked = walk::record(record, row, true, sc, &mut look);
    let why = match (walked, look.damage) {
        (Err(e), _) if e.kind() == ErrorKind::Io => return Err(e),
        (Err(e), _) => e.message().to_owned(),
        (Ok(()), Some(damage)) => damage,
        (Ok(()), None) if look.empty => return Ok(Judged::Empty),
        (Ok(()), None) => return Ok(Judged::Sound),
    };
    let templates = &record.block().templates;
    let found = match record.body() {
        Some(b) => cut(b, row, header, templates, most, sc),
        None => cut(record.big_body()?, row, header, templates, most, sc),
    };
    match found {
        Ok(Some((bytes, n))) => Ok(Judged::Cut(bytes, n, why)),
        Ok(None) => Ok(Judged::Lost(why)),
        Err(e) => lost(e),
    }
}

/// The sound elements of a value, as a value: type and bytes, and how many they are. `None` where there are none.
///
/// # Errors
/// What the operating system reports; more than so many bytes to be held.
pub(super) fn cut<'a, B: Bytes<'a> + Clone>(
    body: B,
    row: &'static TypeRow,
    header: Header,
    templates: &Templates,
    most: u64,
    sc: &mut Scratch,
) -> Result<Option<(Vec<u8>, u64)>> {
    if let Layout::Stream(version) = row.layout {
        let found = stream::mended(body, version, most.min(HELD), sc)?;
        return Ok(found.map(|(value, n)| ([&[row.code], &value[..]].concat(), n)));
    }
    if !matches!(
        row.kind,
        Kind::List | Kind::Set | Kind::Zset | Kind::Hash | Kind::Array
    ) {
        return Ok(None);
    }
    let w = Walk {
        row,
        templates,
        distinct: false,
    };
    let mut take = Take::new(true, most);
    let whole = pass(walk::value(&w, &mut body.clone(), sc, &mut take))?;
    if !whole && let Some(mended) = packed::mended(body, row.layout) {
        let mut again = Take::new(true, most);
        pass(walk::value(&w, &mut Slice::new(&mended, 0), sc, &mut again))?;
        if again.count() > take.count() {
            take = again;
        }
    }
    Ok(match take.count() {
        0 => None,
        n => Some((written(row.kind, header, &take), n)),
    })
}

/// Whether it is whole. What is wrong with the file is known; what is wrong with the reading of it is not passed over.
fn pass(walked: Result<()>) -> Result<bool> {
    match walked {
        Ok(()) => Ok(true),
        Err(e) if e.kind().is_damage() => Ok(false),
        Err(e) => Err(e),
    }
}

fn lost(e: Error) -> Result<Judged> {
    if e.kind() == ErrorKind::Io {
        return Err(e);
    }
    Ok(Judged::Lost(e.message().to_owned()))
}

/// An array, which only one layout holds.
fn array(take: &Take, out: &mut Vec<u8>) {
    length::write(take.array.len() as u64, out);
    length::write(take.cursor.is_some().into(), out);
    if let Some(cursor) = take.cursor {
        length::write(cursor, out);
    }
    for (index, element) in &take.array {
        length::write(*index, out);
        out.extend_from_slice(element);
    }
}

/// A value in the plain layout of its kind, which every server of that RDB version reads: the type, and the bytes behind
/// the name, parted by nothing. The name is put between them.
fn written(kind: Kind, header: Header, take: &Take) -> Vec<u8> {
    let mut out = Vec::new();
    if kind == Kind::Array {
        out.push(28);
        array(take, &mut out);
        return out;
    }
    let expires = take.expiries.iter().any(Option::is_some);
    let redis = header.flavour == Flavour::Redis;
    // HASH_METADATA of Redis since 12, HASH_2 of Valkey since 80.
    let code = match kind {
        Kind::List => 1,
        Kind::Set => 2,
        Kind::Zset if header.version >= 8 => 5,
        Kind::Zset => 3,
        _ if expires && redis && header.version >= 12 => 24,
        _ if expires && !redis => 22,
        _ => 4,
    };
    out.push(code);
    let first = take.expiries.iter().flatten().min().copied();
    if code == 24 {
        out.extend_from_slice(&first.unwrap_or_default().to_le_bytes());
    }
    length::write(take.elements.len() as u64, &mut out);
    let text = |bytes: &[u8], out: &mut Vec<u8>| {
        length::write(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    };
    for ([name, value], expire_ms) in take.elements.iter().zip(&take.expiries) {
        match code {
            // Expiries count from the first one, plus one; 0 is none.
            24 => {
                let ttl = expire_ms.map_or(0, |ms| ms - first.unwrap_or_default() + 1);
                length::write(ttl, &mut out);
                text(name, &mut out);
                text(value, &mut out);
            }
            22 => {
                text(name, &mut out);
                text(value, &mut out);
                // No expiry is -1.
                out.extend_from_slice(&expire_ms.unwrap_or(u64::MAX).to_le_bytes());
            }
            4 => {
                text(name, &mut out);
                text(value, &mut out);
            }
            5 => {
                text(name, &mut out);
                out.extend_from_slice(value);
            }
            3 => {
                text(name, &mut out);
                score(value, &mut out);
            }
            _ => text(name, &mut out),
        }
    }
    out
}

/// A score as text: its length in a byte; 253 to 255 are nan, inf and -inf.
fn score(le: &[u8], out: &mut Vec<u8>) {
    let score = le
        .first_chunk::<8>()
        .map_or(0.0, |b| f64::from_le_bytes(*b));
    if score.is_infinite() {
        out.push(if score > 0.0 { 254 } else { 255 });
        return;
    }
    let text = format!("{score:e}");
    out.push(u8::try_from(text.len()).unwrap_or_default());
    out.extend_from_slice(text.as_bytes());
}
