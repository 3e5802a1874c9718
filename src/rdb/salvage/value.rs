//! A value that does not hold, cut to its sound elements.

use super::super::frame::{Header, Record};
use super::super::types::TypeRow;
use super::super::visit::{ArrayValue, StreamPart, Visit};
use super::super::walk::{self, Scratch};
use super::super::{check, length};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::LAST_FIELD_EXPIRY;
use crate::model::finding::{Finding, Severity};
use crate::model::kind::{Flavour, Kind};
use crate::packed::string::Str;
use std::collections::HashSet;

/// What a value turned out to be.
pub(super) enum Judged {
    /// All of it holds.
    Sound,
    /// It has no elements: servers leave it out.
    Empty,
    /// It holds so far that servers load it, but not all of it: why.
    Doubtful(String),
    /// Its sound elements as another value: type and bytes, how many they are, and why.
    Cut(Vec<u8>, u64, String),
    /// Nothing of it can be kept: why.
    Lost(String),
}

/// Bytes of elements that are held to be written anew.
const HELD: u64 = 256 << 20;

/// Looks at a value, and takes its elements.
struct Take {
    elements: Vec<[Vec<u8>; 2]>,
    expiries: Vec<Option<u64>>,
    seen: HashSet<Vec<u8>>,
    held: u64,
    /// Whether elements are taken, or the value only looked at.
    keep: bool,
    count: u64,
    empty: bool,
    damage: Option<String>,
}

impl Take {
    fn new(keep: bool) -> Take {
        Take {
            elements: Vec::new(),
            expiries: Vec::new(),
            seen: HashSet::new(),
            held: 0,
            keep,
            count: 0,
            empty: false,
            damage: None,
        }
    }

    fn add(
        &mut self,
        name: Str<'_>,
        value: Option<Str<'_>>,
        expire_ms: Option<u64>,
        distinct: bool,
    ) -> Result<()> {
        self.count += 1;
        if !self.keep {
            let check = |s: &Str<'_>| s.chunks(&mut |_| Ok(()));
            check(&name)?;
            return value.as_ref().map_or(Ok(()), check);
        }
        let len = name.len() + value.as_ref().map_or(0, Str::len);
        self.held += len + 96;
        if self.held > HELD {
            return Err(Error::limit(format!(
                "its elements are over {HELD} bytes, too many to be written anew"
            )));
        }
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
    fn array_element(&mut self, _: u64, value: ArrayValue<'_>) -> Result<()> {
        match value {
            ArrayValue::Text(s) => s.chunks(&mut |_| Ok(())),
            ArrayValue::Float(_) => Ok(()),
        }
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

/// Judges the value of a key, and what stands in front of it.
///
/// # Errors
/// What the operating system reports.
pub(super) fn judge(
    record: &Record<'_>,
    row: &'static TypeRow,
    header: Header,
    sc: &mut Scratch,
) -> Result<Judged> {
    if let Err(e) = check::meta(record, sc) {
        return lost(e);
    }
    let mut look = Take::new(false);
    let walked = walk::record(record, row, true, sc, &mut look);
    let stopped = walked.is_err();
    let why = match (walked, look.damage) {
        (Err(e), _) if e.kind() == ErrorKind::Io => return Err(e),
        (Err(e), _) => e.message().to_owned(),
        (Ok(()), Some(damage)) => damage,
        (Ok(()), None) if look.empty => return Ok(Judged::Empty),
        (Ok(()), None) => return Ok(Judged::Sound),
    };
    let cut = matches!(row.kind, Kind::List | Kind::Set | Kind::Zset | Kind::Hash);
    if !cut {
        return Ok(if stopped {
            Judged::Lost(why)
        } else {
            Judged::Doubtful(why)
        });
    }
    let mut take = Take::new(true);
    match walk::record(record, row, false, sc, &mut take) {
        Err(e) if e.kind() == ErrorKind::Io => return Err(e),
        Err(e) if e.kind() == ErrorKind::Limit => return Ok(Judged::Lost(e.message().to_owned())),
        _ => {}
    }
    if take.elements.is_empty() {
        return Ok(Judged::Lost(why));
    }
    let n = take.elements.len() as u64;
    Ok(Judged::Cut(written(row.kind, header, &take), n, why))
}

fn lost(e: Error) -> Result<Judged> {
    if e.kind() == ErrorKind::Io {
        return Err(e);
    }
    Ok(Judged::Lost(e.message().to_owned()))
}

/// A value in the plain layout of its kind, which every server of that RDB version reads: the type, and the bytes behind
/// the name, parted by nothing. The name is put between them.
fn written(kind: Kind, header: Header, take: &Take) -> Vec<u8> {
    let mut out = Vec::new();
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
