//! A value of moderate size, held whole, and written in the encoding that its target gives it.

use super::nodes::Fill;
use super::packed::Packed;
use super::strings::Strings;
use crate::error::Result;
use crate::model::kind::Encoding;
use crate::model::number::{self, DoubleText};
use crate::model::target::Target;
use crate::packed::string::{Digits, Str};
use crate::rdb::choose::{self, Thresholds};
use crate::rdb::length;
use crate::rdb::visit::Visit;

/// More than this is not held.
const MAX_BYTES: usize = 4 << 20;
const MAX_ITEMS: usize = 1 << 17;

#[derive(Debug, Clone, Copy)]
enum Item {
    Int(i64),
    Text(u32, u32),
}

/// The elements of a value, in file order; of a hash fields and values in turn.
#[derive(Default)]
pub(super) struct Items {
    bytes: Vec<u8>,
    items: Vec<Item>,
    scores: Vec<f64>,
    expiries: Vec<Option<u64>>,
    /// It was packed where it comes from.
    was_packed: bool,
    /// It has no elements.
    pub(super) empty: bool,
    /// It is too much to be held.
    pub(super) too_much: bool,
}

impl Items {
    /// Forgets all for a value in that encoding.
    pub(super) fn begin(&mut self, encoding: Encoding) {
        self.was_packed = matches!(encoding, Encoding::Ziplist | Encoding::Listpack);
        self.bytes.clear();
        self.items.clear();
        self.scores.clear();
        self.expiries.clear();
        self.empty = false;
        self.too_much = false;
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "MAX_BYTES is checked first"
    )]
    fn push(&mut self, s: &Str<'_>) {
        let is_far = self.bytes.len() as u64 + s.len() > MAX_BYTES as u64;
        if self.too_much || is_far || self.items.len() >= MAX_ITEMS {
            self.too_much = true;
            return;
        }
        let item = match s {
            Str::Int(v) => Item::Int(*v),
            Str::Bytes(bytes) => {
                let start = self.bytes.len() as u32;
                self.bytes.extend_from_slice(bytes);
                Item::Text(start, bytes.len() as u32)
            }
            Str::Giant(_) => {
                self.too_much = true;
                return;
            }
        };
        self.items.push(item);
    }

    fn get(&self, item: Item) -> Str<'_> {
        match item {
            Item::Int(v) => Str::Int(v),
            Item::Text(start, len) => {
                let bytes = self.bytes.get(start as usize..).unwrap_or_default();
                Str::Bytes(bytes.get(..len as usize).unwrap_or_default())
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = Str<'_>> {
        self.items.iter().map(|item| self.get(*item))
    }

    fn fits(&self, count: usize, max_count: usize, max_len: u64) -> bool {
        count <= max_count && self.iter().all(|s| s.len() <= max_len)
    }

    /// Whether any field has an expiry.
    pub(super) fn expires(&self) -> u64 {
        self.expiries.iter().filter(|e| e.is_some()).count() as u64
    }

    /// Takes the expiries of fields away that are too far off for Redis; how many.
    pub(super) fn cut_expiries(&mut self, last: Option<u64>) -> u64 {
        let mut cut = 0;
        for expiry in &mut self.expiries {
            if expiry.is_some_and(|ms| last.is_none_or(|last| ms > last)) {
                *expiry = None;
                cut += 1;
            }
        }
        cut
    }
}

// What is wrong about the packing is right in what is written.
impl Visit for Items {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        self.push(&value);
        Ok(())
    }

    fn element(&mut self, element: Str<'_>) -> Result<()> {
        self.push(&element);
        Ok(())
    }

    fn member(&mut self, member: Str<'_>) -> Result<()> {
        self.push(&member);
        Ok(())
    }

    fn scored(&mut self, member: Str<'_>, score: f64) -> Result<()> {
        self.push(&member);
        if !self.too_much {
            self.scores.push(score);
        }
        Ok(())
    }

    fn field(&mut self, field: Str<'_>, value: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        self.push(&field);
        self.push(&value);
        if !self.too_much {
            self.expiries.push(expire_ms);
        }
        Ok(())
    }

    fn empty(&mut self) -> Result<()> {
        self.empty = true;
        Ok(())
    }
}

/// What a value is written with.
pub(super) struct Pen<'e> {
    pub(super) target: &'static Target,
    pub(super) thresholds: &'e Thresholds,
    pub(super) strings: &'e mut Strings,
    pub(super) packed: &'e mut Packed,
}

impl Pen<'_> {
    /// Begins a packed value of the target's kind.
    fn pack(&mut self) -> &mut Packed {
        self.packed.begin(self.target.has(choose::LISTPACKS));
        self.packed
    }

    fn put(&mut self, out: &mut Vec<u8>) {
        let bytes = self.packed.finish();
        self.strings.blob(bytes, out);
    }

    fn all(&mut self, s: &Str<'_>, out: &mut Vec<u8>) -> Result<()> {
        self.strings.any(s, out)
    }

    /// A string. The type code.
    pub(super) fn string(&mut self, items: &Items, out: &mut Vec<u8>) -> Result<u8> {
        for s in items.iter() {
            self.all(&s, out)?;
        }
        Ok(0)
    }

    /// A list. The type code.
    pub(super) fn list(&mut self, items: &Items, out: &mut Vec<u8>) -> Result<u8> {
        if self.target.has(choose::QUICKLISTS) {
            let mut fill = Fill::new(self.target, self.thresholds);
            let nodes = fill.count(items.iter());
            length::write(nodes, out);
            let mut fill = Fill::new(self.target, self.thresholds);
            for s in items.iter() {
                fill.push(&s, self, out)?;
            }
            fill.close(self, out);
            return Ok(fill.code());
        }
        let t = self.thresholds;
        if items.fits(items.items.len(), t.list_entries, t.list_value) {
            let pack = self.pack();
            items.iter().for_each(|s| pack.push(&s));
            self.put(out);
            return Ok(10);
        }
        self.plain(items, out)?;
        Ok(1)
    }

    fn plain(&mut self, items: &Items, out: &mut Vec<u8>) -> Result<()> {
        length::write(items.items.len() as u64, out);
        for s in items.iter() {
            self.all(&s, out)?;
        }
        Ok(())
    }

    /// A set. The type code.
    pub(super) fn set(&mut self, items: &Items, out: &mut Vec<u8>) -> Result<u8> {
        let t = self.thresholds;
        let count = items.items.len();
        if count <= t.set_ints
            && let Some(mut ints) = items
                .iter()
                .map(|s| integer(&s))
                .collect::<Option<Vec<_>>>()
        {
            ints.sort_unstable();
            let bytes = intset(&ints);
            self.strings.blob(&bytes, out);
            return Ok(11);
        }
        if self.target.has(choose::SET_LISTPACKS) && items.fits(count, t.set_entries, t.set_value) {
            let pack = self.pack();
            items.iter().for_each(|s| pack.push(&s));
            self.put(out);
            return Ok(20);
        }
        self.plain(items, out)?;
        Ok(2)
    }

    /// A sorted set. The type code.
    pub(super) fn zset(&mut self, items: &Items, out: &mut Vec<u8>) -> Result<u8> {
        let t = self.thresholds;
        let count = items.items.len();
        if items.fits(count, t.zset_entries, t.zset_value) {
            let mut pairs: Vec<(f64, Str<'_>)> =
                items.scores.iter().copied().zip(items.iter()).collect();
            // A -0 sorts as 0 does.
            pairs.sort_by(|a, b| {
                let scores = a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal);
                scores.then_with(|| by_bytes(&a.1, &b.1))
            });
            let text = score_text(self.target);
            let pack = self.pack();
            for (score, member) in &pairs {
                pack.push(member);
                pack.push_score(*score, text, items.was_packed);
            }
            self.put(out);
            return Ok(if self.target.has(choose::LISTPACKS) {
                17
            } else {
                12
            });
        }
        length::write(count as u64, out);
        for (member, score) in items.iter().zip(&items.scores) {
            self.scored(&member, *score, out)?;
        }
        Ok(self.zset_code())
    }

    pub(super) fn zset_code(&self) -> u8 {
        if self.target.has(choose::BINARY_SCORES) {
            5
        } else {
            3
        }
    }

    /// A member and its score, not packed.
    pub(super) fn scored(&mut self, member: &Str<'_>, score: f64, out: &mut Vec<u8>) -> Result<()> {
        self.all(member, out)?;
        score_form(self.target, score, out);
        Ok(())
    }

    /// A hash; expiries that the target cannot hold are gone already. The type code.
    pub(super) fn hash(&mut self, items: &Items, out: &mut Vec<u8>) -> Result<u8> {
        let t = self.thresholds;
        let count = items.expiries.len();
        let form = HashForm::of(self.target, items.expires() > 0);
        let small = items.fits(count, t.hash_entries, t.hash_value);
        match form {
            HashForm::Plain if small => {
                let pack = self.pack();
                items.iter().for_each(|s| pack.push(&s));
                self.put(out);
                return Ok(if self.target.has(choose::LISTPACKS) {
                    16
                } else {
                    13
                });
            }
            HashForm::Redis if small => {
                self.small_expiring(items, out);
                return Ok(25);
            }
            _ => {}
        }
        let least = items.expiries.iter().flatten().min().copied();
        let mut fields = Fields::begin(form, count as u64, least, out);
        let mut strings = items.iter();
        for expiry in &items.expiries {
            let (Some(field), Some(value)) = (strings.next(), strings.next()) else {
                break;
            };
            fields.push(&field, &value, *expiry, self.strings, out)?;
        }
        Ok(fields.code())
    }

    /// Fields with their expiries in one listpack: in the order of these, those without behind all.
    fn small_expiring(&mut self, items: &Items, out: &mut Vec<u8>) {
        let mut order: Vec<usize> = (0..items.expiries.len()).collect();
        let expiry = |at: usize| items.expiries.get(at).copied().flatten();
        order.sort_by_key(|at| expiry(*at).unwrap_or(u64::MAX));
        let least = order.first().and_then(|at| expiry(*at)).unwrap_or(0);
        out.extend_from_slice(&least.to_le_bytes());
        let pack = self.pack();
        for at in order {
            for i in [at * 2, at * 2 + 1] {
                if let Some(item) = items.items.get(i) {
                    pack.push(&items.get(*item));
                }
            }
            pack.push(&Str::Int(
                i64::try_from(expiry(at).unwrap_or(0)).unwrap_or(i64::MAX),
            ));
        }
        self.put(out);
    }
}

/// How a hash is written that is not packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HashForm {
    /// Without expiries.
    Plain,
    /// With expiries, as Redis has them.
    Redis,
    /// With expiries, as Valkey has them.
    Valkey,
}

impl HashForm {
    pub(super) fn of(target: &Target, expires: bool) -> HashForm {
        if !expires {
            HashForm::Plain
        } else if target.has(choose::VALKEY_FIELD_EXPIRIES) {
            HashForm::Valkey
        } else {
            HashForm::Redis
        }
    }
}

/// The fields of a hash, one after the other.
pub(super) struct Fields {
    form: HashForm,
    least: u64,
}

impl Fields {
    /// Begins: so many fields, the least of their expiries.
    pub(super) fn begin(
        form: HashForm,
        count: u64,
        least: Option<u64>,
        out: &mut Vec<u8>,
    ) -> Fields {
        let least = least.unwrap_or(0);
        if form == HashForm::Redis {
            out.extend_from_slice(&least.to_le_bytes());
        }
        length::write(count, out);
        Fields { form, least }
    }

    pub(super) fn push<O: crate::resp::encode::Output>(
        &mut self,
        field: &Str<'_>,
        value: &Str<'_>,
        expiry: Option<u64>,
        strings: &mut Strings,
        out: &mut O,
    ) -> Result<()> {
        if self.form == HashForm::Redis {
            let after = expiry.map_or(0, |ms| ms.saturating_sub(self.least) + 1);
            length::write(after, out.bytes());
        }
        strings.any(field, out)?;
        strings.any(value, out)?;
        if self.form == HashForm::Valkey {
            let ms = expiry.map_or(-1, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
            out.bytes().extend_from_slice(&ms.to_le_bytes());
        }
        Ok(())
    }

    pub(super) fn code(&self) -> u8 {
        match self.form {
            HashForm::Plain => 4,
            HashForm::Redis => 24,
            HashForm::Valkey => 22,
        }
    }
}

/// How the target writes the text of a score.
pub(super) fn score_text(target: &Target) -> DoubleText {
    if target.has(choose::SHORT_SCORES) {
        DoubleText::Fpconv
    } else {
        DoubleText::G17
    }
}

/// A score that is not packed.
pub(super) fn score_form(target: &Target, score: f64, out: &mut Vec<u8>) {
    if target.has(choose::BINARY_SCORES) {
        out.extend_from_slice(&score.to_le_bytes());
    } else if score.is_nan() {
        out.push(253);
    } else if score.is_infinite() {
        out.push(if score > 0.0 { 254 } else { 255 });
    } else {
        let at = out.len();
        out.push(0);
        number::format_double(score, DoubleText::G17, out);
        let len = out.len() - at - 1;
        if let (Some(place), Ok(len)) = (out.get_mut(at), u8::try_from(len)) {
            *place = len;
        }
    }
}

fn by_bytes(a: &Str<'_>, b: &Str<'_>) -> std::cmp::Ordering {
    a.with(|a| b.with(|b| a.cmp(&b)))
}

/// The integer that a member is, in canonical form.
fn integer(s: &Str<'_>) -> Option<i64> {
    match s {
        Str::Int(v) => Some(*v),
        Str::Bytes(bytes) => number::parse_i64(bytes),
        Str::Giant(_) => None,
    }
}

/// An intset of sorted integers, in the width of the widest.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the width is that of the widest"
)]
fn intset(ints: &[i64]) -> Vec<u8> {
    let widest = |narrow: fn(&i64) -> bool| ints.iter().all(narrow);
    let width: u32 = if widest(|v| i16::try_from(*v).is_ok()) {
        2
    } else if widest(|v| i32::try_from(*v).is_ok()) {
        4
    } else {
        8
    };
    let mut out = width.to_le_bytes().to_vec();
    out.extend_from_slice(&(ints.len() as u32).to_le_bytes());
    for v in ints {
        let bytes = v.to_le_bytes();
        out.extend_from_slice(bytes.get(..width as usize).unwrap_or(&bytes));
    }
    out
}

/// The text of an integer, for what takes bytes alone.
pub(super) fn with_bytes<T>(s: &Str<'_>, f: impl FnOnce(&[u8]) -> T) -> T {
    match s {
        Str::Bytes(bytes) => f(bytes),
        Str::Int(v) => f(Digits::new(*v).as_bytes()),
        // Those who hold giants write them another way.
        Str::Giant(_) => f(&[]),
    }
}
