//! Walking over a value: from the bytes behind a key to one call an element.
//!
//! One dispatch for all layouts, generic over where the bytes are. What is wrong but can be read past goes to
//! [`Visit::finding`]; so do equal members and fields, when the walk is told to look for them.

use super::frame::Record;
use super::length;
use super::seen::{Hash64, Seen};
use super::string::{self, BlobScratch};
use super::template::Templates;
use super::types::{Layout, TypeRow};
use super::value::{array, hash, list, module, set, stream, zset};
use super::visit::Visit;
use crate::error::{Error, Result};
use crate::input::bytes::{Bytes, Paged, Slice};
use crate::limits;
use crate::model::finding::{Finding, Refused};
use crate::model::target::Since;
use crate::packed::string::Str;
use std::collections::HashMap;

/// Buffers that walks use again and again.
#[derive(Default)]
pub struct Scratch {
    /// For the first string of a pair.
    pub a: Vec<u8>,
    /// For the second.
    pub b: Vec<u8>,
    /// For packed blobs.
    pub blob: BlobScratch,
    pub(super) seen: Seen,
    pub(super) stream: stream::Scratch,
}

/// What a walk needs to know beside the bytes.
#[derive(Clone, Copy)]
pub struct Walk<'t> {
    /// The type.
    pub row: &'static TypeRow,
    /// The hash templates of the file.
    pub templates: &'t Templates,
    /// Whether to look for equal members and fields.
    pub distinct: bool,
}

/// Remembers members while they are visited.
pub(super) struct Distinct<'s> {
    seen: Option<&'s mut Seen>,
}

impl<'s> Distinct<'s> {
    pub(super) fn begin(on: bool, seen: &'s mut Seen) -> Result<Distinct<'s>> {
        if on {
            seen.begin()?;
        }
        Ok(Distinct {
            seen: on.then_some(seen),
        })
    }

    #[inline]
    pub(super) fn add(&mut self, s: &Str<'_>) -> Result<()> {
        match &mut self.seen {
            Some(seen) => seen.add(s),
            None => Ok(()),
        }
    }
}

/// Walks over the value of a key's record, wherever it is. Errors and findings say which key.
#[inline]
pub fn record<V: Visit>(
    r: &Record<'_>,
    row: &'static TypeRow,
    distinct: bool,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<()> {
    let w = Walk {
        row,
        templates: &r.block().templates,
        distinct,
    };
    let walked = match r.body() {
        Some(mut b) => slice(&w, &mut b, sc, v),
        None => r.big_body().and_then(|mut b| paged(&w, &mut b, sc, v)),
    };
    walked.map_err(|e| r.name(e))
}

/// Walks over all of a stream but its entries: [`StreamPart::Meta`](super::visit::StreamPart::Meta) comes first.
pub fn stream_tail<V: Visit>(
    r: &Record<'_>,
    row: &'static TypeRow,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<()> {
    let Layout::Stream(version) = row.layout else {
        return Ok(());
    };
    let walked = match r.body() {
        Some(mut b) => stream::tail(&mut b, version, sc, v),
        None => r
            .big_body()
            .and_then(|mut b| stream::tail(&mut b, version, sc, v)),
    };
    walked.map_err(|e| r.name(e))
}

/// Walks over a value in a slice: `b` stands behind the key.
pub fn slice<V: Visit + ?Sized>(
    w: &Walk<'_>,
    b: &mut Slice<'_>,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<()> {
    let start = *b;
    value(w, b, sc, v)?;
    if w.distinct && has_members(w.row.layout) {
        second_look(w, start, sc, v)?;
    }
    Ok(())
}

/// Walks over a value in pages.
pub fn paged(w: &Walk<'_>, b: &mut Paged<'_>, sc: &mut Scratch, v: &mut dyn Visit) -> Result<()> {
    let start = b.clone();
    value(w, b, sc, v)?;
    if w.distinct && has_members(w.row.layout) {
        second_look(w, start, sc, v)?;
    }
    Ok(())
}

fn has_members(layout: Layout) -> bool {
    !matches!(
        layout,
        Layout::Text
            | Layout::List
            | Layout::ListZiplist
            | Layout::Quicklist
            | Layout::Quicklist2
            | Layout::SetIntset
            | Layout::Stream(_)
            | Layout::Module
            | Layout::ModuleOld
            | Layout::Array
            | Layout::Gcra
            | Layout::Unknown
    )
}

/// Walks over a value once, wherever its bytes are.
pub(super) fn value<'a, B: Bytes<'a> + Clone, V: Visit + ?Sized>(
    w: &Walk<'_>,
    b: &mut B,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<()> {
    let d = w.distinct;
    let elements = match w.row.layout {
        Layout::Text if v.reads() => return v.string(string::read(b, &mut sc.a)?),
        Layout::Text => return string::check(b, &mut sc.a),
        Layout::List => list::plain(b, sc, v)?,
        Layout::ListZiplist => list::ziplist(b, sc, v)?,
        Layout::Quicklist => list::quicklist(b, sc, v)?,
        Layout::Quicklist2 => list::quicklist2(b, sc, v)?,
        Layout::Set => set::plain(b, sc, d, v)?,
        Layout::SetIntset => set::intset(b, sc, v)?,
        Layout::SetListpack => set::listpack(b, sc, d, v)?,
        Layout::ZsetText => zset::text(b, sc, d, v)?,
        Layout::ZsetBinary => zset::binary(b, sc, d, v)?,
        Layout::ZsetZiplist => zset::ziplist(b, sc, d, v)?,
        Layout::ZsetListpack => zset::listpack(b, sc, d, v)?,
        Layout::Hash => hash::plain(b, sc, d, v)?,
        Layout::HashTtlFirst => hash::ttl_first(b, sc, d, v)?,
        Layout::HashTtlLast => hash::ttl_last(b, sc, d, v)?,
        Layout::HashTtlRelative => hash::ttl_relative(b, sc, d, v)?,
        Layout::HashZipmap => hash::zipmap(b, sc, d, v)?,
        Layout::HashZiplist => hash::ziplist(b, sc, d, v)?,
        Layout::HashListpack => hash::listpack(b, sc, d, v)?,
        Layout::HashListpackTtl { min } => hash::listpack_ttl(b, min, sc, d, v)?,
        Layout::TemplateListpack => hash::template_listpack(b, sc, v)?,
        Layout::TemplateArray => hash::template_array(b, sc, v)?,
        Layout::TemplateListpackRef => hash::template_listpack_ref(b, w.templates, sc, v)?,
        Layout::TemplateArrayRef => hash::template_array_ref(b, w.templates, sc, v)?,
        Layout::Stream(version) => return stream::walk(b, version, sc, v),
        Layout::Module => return module::walk(b, sc, v),
        Layout::Array => return array::walk(b, sc, v),
        Layout::Gcra => {
            let at = b.at();
            let tat = length::number(b)?;
            if tat > i64::MAX.cast_unsigned() {
                return Err(at.corrupt(format!("arrival time {tat} is over 2^63-1")));
            }
            return v.gcra(tat);
        }
        // Framing has refused these two.
        Layout::ModuleOld | Layout::Unknown => {
            return Err(Error::unsupported(
                b.at().offset,
                "this type cannot be read",
            ));
        }
    };
    if elements == 0 { v.empty() } else { Ok(()) }
}

/// Equal hashes are a suspicion: walks once more and compares the strings that have them.
#[inline]
fn second_look<'a, B: Bytes<'a> + Clone, V: Visit + ?Sized>(
    w: &Walk<'_>,
    start: B,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<()> {
    if sc.seen.suspects()?.is_empty() {
        return Ok(());
    }
    compare(w, start, sc, v)
}

#[cold]
#[inline(never)]
fn compare<'a, B: Bytes<'a> + Clone, V: Visit + ?Sized>(
    w: &Walk<'_>,
    mut start: B,
    sc: &mut Scratch,
    v: &mut V,
) -> Result<()> {
    let offset = start.at().offset;
    let mut look = SecondLook {
        hash: sc.seen.hash().clone(),
        suspects: sc.seen.suspects()?.to_vec(),
        times: HashMap::new(),
        held: 0,
    };
    let again = Walk {
        distinct: false,
        ..*w
    };
    value::<B, dyn Visit>(&again, &mut start, sc, &mut look)?;
    let what = match w.row.kind {
        crate::model::kind::Kind::Hash => "field",
        _ => "member",
    };
    let mut doubles: Vec<_> = look.times.into_iter().filter(|(_, n)| *n > 1).collect();
    doubles.sort_unstable();
    for (name, n) in doubles {
        let mut finding = Finding::unnoticed(
            if what == "field" {
                "duplicate-field"
            } else {
                "duplicate-member"
            },
            offset,
            format!("{what} {} is there {n} times", crate::text::quoted(&name)),
        );
        finding.refused = duplicates_refused(w.row.layout);
        v.finding(finding)?;
    }
    Ok(())
}

/// Who refuses equal members in which layout.
fn duplicates_refused(layout: Layout) -> Refused {
    match layout {
        Layout::Set | Layout::ZsetText | Layout::ZsetBinary | Layout::HashTtlLast => {
            Refused::Always
        }
        // Put into a listpack without a look where it is small; Valkey looks since 9.0.
        Layout::Hash => Refused::With(Since::valkey((9, 0))),
        Layout::HashTtlFirst | Layout::HashTtlRelative => Refused::Never,
        // Converted to listpacks, with a look, since 7.0.
        Layout::ZsetZiplist | Layout::HashZiplist => Refused::With(Since::both((7, 0))),
        Layout::HashZipmap => Refused::With(Since::both((6, 2))),
        _ => Refused::With(Since::DEEP),
    }
}

struct SecondLook {
    hash: Hash64,
    suspects: Vec<u64>,
    times: HashMap<Vec<u8>, u64>,
    held: usize,
}

impl SecondLook {
    fn look(&mut self, s: Str<'_>) -> Result<()> {
        let h = self.hash.string(&s)?.max(1);
        if self.suspects.binary_search(&h).is_err() {
            return Ok(());
        }
        // A giant or a flood of suspects is compared by hash alone: memory stays bounded.
        let name = if s.len() > 4096 || self.held > limits::GIANT {
            format!("of {} bytes, hash {h:016x}", s.len()).into_bytes()
        } else {
            s.to_vec(4096)?
        };
        if let Some(times) = self.times.get_mut(&name) {
            *times += 1;
        } else if self.held <= 8 * limits::GIANT {
            self.held += name.len() + 48;
            self.times.insert(name, 1);
        }
        Ok(())
    }
}

impl Visit for SecondLook {
    fn reads(&self) -> bool {
        false
    }
    fn member(&mut self, member: Str<'_>) -> Result<()> {
        self.look(member)
    }
    fn scored(&mut self, member: Str<'_>, _score: f64) -> Result<()> {
        self.look(member)
    }
    fn field(&mut self, field: Str<'_>, _value: Str<'_>, _expire_ms: Option<u64>) -> Result<()> {
        self.look(field)
    }
    fn finding(&mut self, _finding: Finding) -> Result<()> {
        Ok(())
    }
}

/// Runs the same code over a blob wherever its bytes are.
macro_rules! over_blob {
    ($blob:expr, $bytes:ident => $body:expr) => {
        match $blob {
            $crate::rdb::string::Blob::Slice($bytes) => $body,
            $crate::rdb::string::Blob::Paged($bytes) => $body,
        }
    };
}
pub(super) use over_blob;
