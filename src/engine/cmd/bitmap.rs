//! Strings as bits: bit 0 is the highest of the first byte.

use super::Family;
use super::string::{MAX_LEN, bytes, string};
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, int, is};
use crate::engine::entry::{Form, Slot};
use crate::engine::reply::{Done, Refusal, texts};
use crate::engine::value::string::StringMut;
use crate::engine::value::{LARGE_STRING, Value};
use crate::model::kind::Kind;
use crate::model::number;
use std::borrow::Cow;
use std::cmp::Ordering;

pub(super) const COMMANDS: Family = &[
    ("bitcount", bitcount),
    ("bitfield", bitfield),
    ("bitfield_ro", bitfield_ro),
    ("bitop", bitop),
    ("bitpos", bitpos),
    ("getbit", getbit),
    ("setbit", setbit),
];

const BAD_OFFSET: Refusal = Refusal::new("ERR bit offset is not an integer or out of range");
const BAD_BIT: Refusal = Refusal::new("ERR bit is not an integer or out of range");

/// The number of a bit; `#n` counts in numbers of that width.
fn offset(arg: &[u8], width: Option<u32>) -> Result<u64, Refusal> {
    let (text, width) = match (arg.strip_prefix(b"#"), width) {
        (Some(rest), Some(width)) => (rest, i64::from(width)),
        _ => (arg, 1),
    };
    number::parse_i64(text)
        .map(|n| n.wrapping_mul(width))
        .and_then(|n| u64::try_from(n).ok())
        .filter(|n| n >> 3 < MAX_LEN)
        .ok_or(BAD_OFFSET)
}

fn place(bit: u64) -> usize {
    usize::try_from(bit >> 3).unwrap_or(usize::MAX)
}

fn bit_of(bytes: &[u8], bit: u64) -> bool {
    bytes
        .get(place(bit))
        .is_some_and(|b| b >> (7 - (bit & 7)) & 1 == 1)
}

fn set_bit(bytes: &mut [u8], bit: u64, on: bool) {
    if let Some(b) = bytes.get_mut(place(bit)) {
        let mask = 0x80 >> (bit & 7);
        *b = if on { *b | mask } else { *b & !mask };
    }
}

fn getbit(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let bit = offset(at(args, 2), None)?;
    let s = string(cx.keys, cx.db, at(args, 1))?;
    let on = bit_of(&bytes(s.as_ref()), bit);
    cx.out.yes(on);
    Ok(())
}

fn setbit(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let bit = offset(at(args, 2), None)?;
    let on = match at(args, 3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(BAD_BIT),
    };
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::String);
    let mut s = edit.entry.string()?;
    let len = s.len();
    s.grow_to(place(bit) + 1);
    let has_grown = s.len() != len;
    let was = bit_of(s.bytes(), bit);
    set_bit(s.bytes(), bit, on);
    edit.changed(usize::from(has_grown || was != on));
    cx.out.yes(was);
    Ok(())
}

/// Which bits of a string: from the first to the last, in bits; empty where the last is below.
#[derive(Debug, Clone, Copy)]
struct Range {
    first: i64,
    last: i64,
}

#[derive(Debug, Clone, Copy)]
struct Bounds {
    start: i64,
    end: Option<i64>,
    in_bits: bool,
}

impl Bounds {
    /// What `start [end [BIT|BYTE]]` say from the argument on. The unit is read first where servers do.
    fn read(args: &Args<'_>, from: usize, unit_first: bool) -> Result<Bounds, Refusal> {
        let start = int(at(args, from))?;
        let unit = || match args.get(from + 2) {
            None => Ok(false),
            Some(word) if is(word, "BIT") => Ok(true),
            Some(word) if is(word, "BYTE") => Ok(false),
            Some(_) => Err(texts::SYNTAX),
        };
        if unit_first {
            unit()?;
        }
        let end = args.get(from + 1).map(int).transpose()?;
        Ok(Bounds {
            start,
            end,
            in_bits: unit()?,
        })
    }

    fn within(self, len: usize) -> Range {
        let unit = if self.in_bits { 1 } else { 8 };
        let total = len as i64 * 8 / unit;
        let place = |n: i64| if n < 0 { (total + n).max(0) } else { n };
        let (start, end) = (place(self.start), place(self.end.unwrap_or(-1)));
        let end = end.min(total - 1);
        if start > end {
            return Range { first: 0, last: -1 };
        }
        Range {
            first: start * unit,
            last: end * unit + unit - 1,
        }
    }
}

impl Range {
    /// The bytes it touches, with the bits outside of it cleared.
    fn masked(self, bytes: &[u8]) -> impl Iterator<Item = (i64, u8)> {
        let from = usize::try_from(self.first >> 3).unwrap_or(0);
        let to = usize::try_from((self.last + 8) >> 3).unwrap_or(0);
        let part = bytes.get(from..to).unwrap_or_default();
        (self.first >> 3..).zip(part).map(move |(n, b)| {
            let mut b = *b;
            if n == self.first >> 3 {
                b &= 0xff >> (self.first & 7);
            }
            if n == self.last >> 3 {
                b &= 0xff << (7 - (self.last & 7));
            }
            (n, b)
        })
    }
}

fn bitcount(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    // Since 7.2 what was asked is looked at before the key.
    let first = cx.is_valkey() || cx.is_redis((7, 2));
    let open = cx.is_valkey() && cx.dialect.version >= (8, 0);
    if !first && !cx.keys.exists(cx.db, name) {
        cx.out.int(0);
        return Ok(());
    }
    if !first {
        string(cx.keys, cx.db, name)?;
    }
    let bounds = match args.len() {
        2 => None,
        3 if open => Some(Bounds::read(args, 2, false)?),
        4 | 5 => {
            if !first {
                let (start, end) = (int(at(args, 2))?, int(at(args, 3))?);
                // Nothing, whatever the unit.
                if start < 0 && end < 0 && start > end {
                    cx.out.int(0);
                    return Ok(());
                }
            }
            Some(Bounds::read(args, 2, open)?)
        }
        _ => return Err(texts::SYNTAX),
    };
    let s = string(cx.keys, cx.db, name)?;
    let s = bytes(s.as_ref());
    let bounds = bounds.unwrap_or(Bounds {
        start: 0,
        end: None,
        in_bits: false,
    });
    let backwards =
        matches!(bounds.end, Some(end) if bounds.start < 0 && end < 0 && bounds.start > end);
    let n: u64 = if backwards {
        0
    } else {
        let range = bounds.within(s.len());
        range
            .masked(&s)
            .map(|(_, b)| u64::from(b.count_ones()))
            .sum()
    };
    cx.out.int(n.cast_signed());
    Ok(())
}

fn bitpos(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let name = at(args, 1);
    let bit = match int(at(args, 2))? {
        0 => false,
        1 => true,
        _ => return Err(Refusal::new("ERR The bit argument must be 1 or 0.")),
    };
    let first = cx.is_valkey() || cx.is_redis((7, 2));
    let nowhere = if bit { -1 } else { 0 };
    if !first && string(cx.keys, cx.db, name)?.is_none() {
        cx.out.int(nowhere);
        return Ok(());
    }
    let bounds = match args.len() {
        3 => Bounds {
            start: 0,
            end: None,
            in_bits: false,
        },
        4..=6 => Bounds::read(args, 3, true)?,
        _ => return Err(texts::SYNTAX),
    };
    let Some(s) = string(cx.keys, cx.db, name)? else {
        cx.out.int(nowhere);
        return Ok(());
    };
    let s = bytes(Some(&s));
    let range = bounds.within(s.len());
    let flip = if bit { 0 } else { 0xff };
    let found = range
        .masked_with(&s, flip)
        .find(|(_, b)| *b != 0)
        .map(|(n, b)| n * 8 + i64::from(b.leading_zeros()));
    // Behind the string there are zeros without end, unless an end was given.
    let behind = || {
        if !bit && bounds.end.is_none() && range.first <= range.last {
            s.len() as i64 * 8
        } else {
            -1
        }
    };
    let found = found.unwrap_or_else(behind);
    cx.out.int(found);
    Ok(())
}

impl Range {
    /// The same with all bits flipped before those outside are cleared.
    fn masked_with(self, bytes: &[u8], flip: u8) -> impl Iterator<Item = (i64, u8)> {
        self.masked(bytes).map(move |(n, b)| {
            if flip == 0 {
                return (n, b);
            }
            let mut mask = 0xffu8;
            if n == self.first >> 3 {
                mask &= 0xff >> (self.first & 7);
            }
            if n == self.last >> 3 {
                mask &= 0xff << (7 - (self.last & 7));
            }
            (n, (b ^ flip) & mask)
        })
    }
}

// ── BITOP ──────────────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    And,
    Or,
    Xor,
    Not,
    /// In the first, in none of the others.
    Diff,
    /// In any of the others, not in the first.
    Diff1,
    /// In the first and in any of the others.
    AndOr,
    /// In exactly one.
    One,
}

impl Op {
    fn of(word: &[u8], newer: bool) -> Option<Op> {
        let op = [
            ("AND", Op::And),
            ("OR", Op::Or),
            ("XOR", Op::Xor),
            ("NOT", Op::Not),
            ("DIFF", Op::Diff),
            ("DIFF1", Op::Diff1),
            ("ANDOR", Op::AndOr),
            ("ONE", Op::One),
        ]
        .into_iter()
        .find_map(|(name, op)| is(word, name).then_some(op))?;
        (newer || matches!(op, Op::And | Op::Or | Op::Xor | Op::Not)).then_some(op)
    }
}

fn bitop(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let op = Op::of(at(args, 1), cx.is_redis((8, 2))).ok_or(texts::SYNTAX)?;
    if op == Op::Not && args.len() != 4 {
        return Err(Refusal::new(
            "ERR BITOP NOT must be called with a single source key.",
        ));
    }
    if matches!(op, Op::Diff | Op::Diff1 | Op::AndOr) && args.len() < 5 {
        return Err(Refusal::of(format!(
            "ERR BITOP {} must be called with at least two source keys.",
            String::from_utf8_lossy(at(args, 1)).to_uppercase()
        )));
    }
    let mut sources: Vec<Cow<'_, [u8]>> = Vec::new();
    for name in args.iter().skip(3) {
        let s = string(cx.keys, cx.db, name)?;
        sources.push(bytes(s.as_ref()));
    }
    let len = sources.iter().map(|s| s.len()).max().unwrap_or(0);
    let result = combine(op, &sources, len);
    let name = at(args, 2);
    if len == 0 {
        cx.keys.remove(cx.db, name);
    } else if len > LARGE_STRING {
        cx.keys
            .put(cx.db, Slot::big(name, None, &[], Value::String(result)));
    } else {
        cx.keys.put(
            cx.db,
            Slot::packed(Form::Raw, name, None, &[], &result).edited(),
        );
    }
    cx.out.count(len);
    Ok(())
}

fn combine(op: Op, sources: &[Cow<'_, [u8]>], len: usize) -> Vec<u8> {
    let padded = |s: &[u8]| {
        let mut s = s.to_vec();
        s.resize(len, 0);
        s
    };
    let Some((first, others)) = sources.split_first() else {
        return Vec::new();
    };
    let first = padded(first);
    let merge = |mut into: Vec<u8>, f: fn(u8, u8) -> u8| {
        for other in others {
            let zeros = std::iter::repeat(&0);
            for (a, b) in into.iter_mut().zip(other.iter().chain(zeros)) {
                *a = f(*a, *b);
            }
        }
        into
    };
    let zip = |a: Vec<u8>, b: &[u8], f: fn(u8, u8) -> u8| -> Vec<u8> {
        a.iter().zip(b).map(|(a, b)| f(*a, *b)).collect()
    };
    match op {
        Op::And => merge(first, |a, b| a & b),
        Op::Or => merge(first, |a, b| a | b),
        Op::Xor => merge(first, |a, b| a ^ b),
        Op::Not => first.iter().map(|b| !b).collect(),
        Op::Diff => merge(first, |a, b| a & !b),
        Op::Diff1 => zip(merge(vec![0; len], |a, b| a | b), &first, |any, x| any & !x),
        Op::AndOr => zip(merge(vec![0; len], |a, b| a | b), &first, |any, x| any & x),
        Op::One => {
            let mut once = first;
            let mut more = vec![0u8; len];
            for other in others {
                let zeros = std::iter::repeat(&0);
                let both = once.iter_mut().zip(more.iter_mut());
                for ((once, more), b) in both.zip(other.iter().chain(zeros)) {
                    *more |= *once & b;
                    *once |= b;
                }
            }
            zip(once, &more, |once, more| once & !more)
        }
    }
}

// ── BITFIELD ───────────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

#[derive(Debug, Clone, Copy)]
struct Field {
    signed: bool,
    width: u32,
    at: u64,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Get(Field),
    Set(Field, i64, Overflow),
    Add(Field, i64, Overflow),
}

impl Field {
    fn read(kind: &[u8], place: &[u8]) -> Result<Field, Refusal> {
        let (signed, most, text) = match kind.split_first() {
            Some((b'i', rest)) => (true, 64, rest),
            Some((b'u', rest)) => (false, 63, rest),
            _ => (false, 0, kind),
        };
        let width = number::parse_i64(text)
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| (1..=most).contains(n))
            .ok_or(Refusal::new(
                "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
            ))?;
        Ok(Field {
            signed,
            width,
            at: offset(place, Some(width))?,
        })
    }

    /// The lowest and the highest number.
    fn bounds(self) -> (i128, i128) {
        if self.signed {
            let half = 1i128 << (self.width - 1);
            (-half, half - 1)
        } else {
            (0, (1i128 << self.width) - 1)
        }
    }

    fn get(self, bytes: &[u8]) -> i128 {
        let mut value = 0i128;
        for i in 0..u64::from(self.width) {
            value = value << 1 | i128::from(bit_of(bytes, self.at + i));
        }
        self.wrap(value)
    }

    /// The lowest bits of a number, as a number.
    fn wrap(self, value: i128) -> i128 {
        let size = 1i128 << self.width;
        let value = value & (size - 1);
        if value > self.bounds().1 {
            value - size
        } else {
            value
        }
    }

    fn put(self, bytes: &mut [u8], value: i128) {
        for i in 0..u64::from(self.width) {
            let shift = u64::from(self.width) - 1 - i;
            set_bit(bytes, self.at + i, value >> shift & 1 == 1);
        }
    }

    /// Whether a number and what is added to it pass the highest (`Greater`) or the lowest. Where servers' own
    /// arithmetic wraps around, so does this: `SET i43 -9223372036854775807` passes the highest.
    fn passes(self, value: i64, by: i64) -> Ordering {
        let short = self.width < 64;
        if !self.signed {
            let max = (1u64 << self.width) - 1;
            let value = value.cast_unsigned();
            let up = max.wrapping_sub(value).cast_signed();
            let down = value.wrapping_neg().cast_signed();
            return if value > max || (by > 0 && by > up) {
                Ordering::Greater
            } else if by < 0 && by < down {
                Ordering::Less
            } else {
                Ordering::Equal
            };
        }
        let max = i64::MAX >> (64 - self.width);
        let min = -max - 1;
        let (up, down) = (max.wrapping_sub(value), min.wrapping_sub(value));
        if value > max || (short && by > up) || (value >= 0 && by > 0 && by > up) {
            Ordering::Greater
        } else if value < min || (short && by < down) || (value < 0 && by < 0 && by < down) {
            Ordering::Less
        } else {
            Ordering::Equal
        }
    }

    /// What is stored for the sum; `None` where nothing is.
    fn fit(self, value: i64, by: i64, overflow: Overflow) -> Option<i128> {
        let (low, high) = self.bounds();
        let passes = self.passes(value, by);
        match overflow {
            Overflow::Fail if passes != Ordering::Equal => None,
            Overflow::Saturate if passes == Ordering::Greater => Some(high),
            Overflow::Saturate if passes == Ordering::Less => Some(low),
            _ => Some(self.wrap(i128::from(value) + i128::from(by))),
        }
    }
}

fn bitfield(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    run_fields(cx, args, false)
}

fn bitfield_ro(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    run_fields(cx, args, true)
}

fn steps(args: &Args<'_>) -> Result<Vec<Step>, Refusal> {
    let mut steps = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut i = 2;
    while let Some(word) = args.get(i) {
        let left = args.len() - i - 1;
        if is(word, "OVERFLOW") && left >= 1 {
            let how = at(args, i + 1);
            overflow = if is(how, "WRAP") {
                Overflow::Wrap
            } else if is(how, "SAT") {
                Overflow::Saturate
            } else if is(how, "FAIL") {
                Overflow::Fail
            } else {
                return Err(Refusal::new("ERR Invalid OVERFLOW type specified"));
            };
            i += 2;
            continue;
        }
        let (get, set, add) = (is(word, "GET"), is(word, "SET"), is(word, "INCRBY"));
        if !(get && left >= 2 || (set || add) && left >= 3) {
            return Err(texts::SYNTAX);
        }
        let field = Field::read(at(args, i + 1), at(args, i + 2))?;
        i += 3;
        if get {
            steps.push(Step::Get(field));
            continue;
        }
        let value = int(at(args, i))?;
        i += 1;
        steps.push(if set {
            Step::Set(field, value, overflow)
        } else {
            Step::Add(field, value, overflow)
        });
    }
    Ok(steps)
}

fn run_fields(cx: &mut Cx<'_>, args: &Args<'_>, only_read: bool) -> Done {
    let steps = steps(args)?;
    let name = at(args, 1);
    let highest = steps
        .iter()
        .filter_map(|step| match step {
            Step::Get(_) => None,
            Step::Set(field, ..) | Step::Add(field, ..) => {
                Some(field.at + u64::from(field.width) - 1)
            }
        })
        .max();
    let reply = |n: i128| i64::try_from(n).unwrap_or_default();
    let Some(highest) = highest else {
        let s = string(cx.keys, cx.db, name)?;
        let s = bytes(s.as_ref());
        cx.out.array(steps.len());
        for step in &steps {
            if let Step::Get(field) = step {
                cx.out.int(reply(field.get(&s)));
            }
        }
        return Ok(());
    };
    if only_read {
        return Err(Refusal::new(
            "ERR BITFIELD_RO only supports the GET subcommand",
        ));
    }
    let mut edit = cx.keys.edit_or_new(cx.db, name, Kind::String);
    let mut s: StringMut<'_> = edit.entry.string()?;
    let len = s.len();
    s.grow_to(place(highest) + 1);
    let has_grown = s.len() != len;
    let mut changes = 0;
    cx.out.array(steps.len());
    for step in &steps {
        let (field, new, old) = match *step {
            Step::Get(field) => {
                let value = field.get(s.bytes());
                cx.out.int(reply(value));
                continue;
            }
            Step::Set(field, value, overflow) => {
                let old = field.get(s.bytes());
                (field, field.fit(value, 0, overflow), Some(old))
            }
            Step::Add(field, by, overflow) => {
                let old = reply(field.get(s.bytes()));
                (field, field.fit(old, by, overflow), None)
            }
        };
        match new {
            Some(new) => {
                cx.out.int(reply(old.unwrap_or(new)));
                let before = field.get(s.bytes());
                field.put(s.bytes(), new);
                changes += usize::from(has_grown || field.get(s.bytes()) != before);
            }
            None => cx.out.nil(),
        }
    }
    edit.changed(changes);
    Ok(())
}
