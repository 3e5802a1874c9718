//! Streams: ids and intervals, and what all their commands share.

mod claim;
mod group;
mod idmp;
mod info;
mod read;
mod write;

use super::Family;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::int;
use crate::engine::entry::ValueRef;
use crate::engine::keys::Keys;
use crate::engine::reply::{Out, Refusal, texts};
use crate::engine::value::stream::{self, Entry, Stream};
use crate::model::kind::StreamId;
use crate::model::number::parse_i64;

pub(super) const COMMANDS: Family = &[
    ("xack", group::xack),
    ("xackdel", write::xackdel),
    ("xadd", write::xadd),
    ("xautoclaim", claim::xautoclaim),
    ("xcfgset", idmp::xcfgset),
    ("xclaim", claim::xclaim),
    ("xdel", write::xdel),
    ("xdelex", write::xdelex),
    ("xgroup|create", group::create),
    ("xgroup|createconsumer", group::create_consumer),
    ("xgroup|delconsumer", group::delete_consumer),
    ("xgroup|destroy", group::destroy),
    ("xgroup|help", group::help),
    ("xgroup|setid", group::set_id),
    ("xidmprecord", idmp::xidmprecord),
    ("xinfo|consumers", info::consumers),
    ("xinfo|groups", info::groups),
    ("xinfo|help", info::help),
    ("xinfo|stream", info::stream),
    ("xlen", read::xlen),
    ("xnack", claim::xnack),
    ("xpending", group::xpending),
    ("xrange", read::xrange),
    ("xread", read::xread),
    ("xreadgroup", read::xread),
    ("xrevrange", read::xrevrange),
    ("xsetid", write::xsetid),
    ("xtrim", write::xtrim),
];

const BAD_ID: Refusal = Refusal::new("ERR Invalid stream ID specified as stream command argument");
const BAD_START: Refusal = Refusal::new("ERR invalid start ID for the interval");
const BAD_END: Refusal = Refusal::new("ERR invalid end ID for the interval");

/// An argument as the text that servers put into a message: up to its first zero byte.
fn text(arg: &[u8]) -> String {
    String::from_utf8_lossy(c_string(arg)).into_owned()
}

fn c_string(arg: &[u8]) -> &[u8] {
    arg.split(|b| *b == 0).next().unwrap_or_default()
}

fn no_group(key: &[u8], group: &[u8], behind: &str) -> Refusal {
    Refusal::of(format!(
        "NOGROUP No such key '{}' or consumer group '{}'{behind}",
        text(key),
        text(group)
    ))
}

fn wrong_sub(args: &Args<'_>) -> Refusal {
    Refusal::of(format!(
        "ERR unknown subcommand or wrong number of arguments for '{}'. Try {} HELP.",
        text(args.get(1).unwrap_or_default())
            .chars()
            .take(128)
            .collect::<String>(),
        String::from_utf8_lossy(args.name()).to_uppercase()
    ))
}

/// A number without a sign, as `string2ull` reads it: what `strtoull` takes where it is no integer of 64 bits in
/// canonical form, which includes blanks in front, signs and leading zeros.
fn unsigned(text: &[u8]) -> Option<u64> {
    if let Some(v) = parse_i64(text) {
        return u64::try_from(v).ok();
    }
    let blanks = text
        .iter()
        .take_while(|b| matches!(b, b' ' | b'\t'..=b'\r'))
        .count();
    let rest = text.get(blanks..)?;
    let (negative, digits) = match rest.split_first()? {
        (b'-', digits) => (true, digits),
        (b'+', digits) => (false, digits),
        _ => (false, rest),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0u64;
    for b in digits {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(if negative {
        value.wrapping_neg()
    } else {
        value
    })
}

/// An id; `seq_given` is false for `ms-*`, where that is allowed.
struct ParsedId {
    id: StreamId,
    seq_given: bool,
}

/// `ms-seq`, or `ms` with `missing` for its sequence; `auto`: or `ms-*`.
fn parse_id(arg: &[u8], missing: u64, auto: bool) -> Result<ParsedId, Refusal> {
    if arg.len() > 127 {
        return Err(BAD_ID);
    }
    let arg = c_string(arg);
    let (ms, seq) = match arg.iter().position(|b| *b == b'-') {
        Some(at) => {
            let (ms, seq) = arg.split_at(at);
            (ms, seq.get(1..))
        }
        None => (arg, None),
    };
    let ms = unsigned(ms).ok_or(BAD_ID)?;
    let (seq, seq_given) = match seq {
        Some(b"*") if auto => (0, false),
        Some(seq) => (unsigned(seq).ok_or(BAD_ID)?, true),
        None => (missing, true),
    };
    Ok(ParsedId {
        id: StreamId { ms, seq },
        seq_given,
    })
}

/// `ms-seq` or `ms`.
fn strict_id(arg: &[u8]) -> Result<StreamId, Refusal> {
    parse_id(arg, 0, false).map(|p| p.id)
}

/// The same, or `-` or `+`.
fn any_id(arg: &[u8], missing: u64) -> Result<StreamId, Refusal> {
    match c_string(arg) {
        b"-" => Ok(stream::MIN_ID),
        b"+" => Ok(stream::MAX_ID),
        _ => parse_id(arg, missing, false).map(|p| p.id),
    }
}

/// One end of an interval; `(` in front leaves the id itself out.
fn end_id(arg: &[u8], missing: u64) -> Result<(StreamId, bool), Refusal> {
    match arg.split_first() {
        Some((b'(', rest)) if !rest.is_empty() => {
            parse_id(rest, missing, false).map(|p| (p.id, true))
        }
        _ => any_id(arg, missing).map(|id| (id, false)),
    }
}

fn from_id(arg: &[u8]) -> Result<StreamId, Refusal> {
    match end_id(arg, 0)? {
        (id, true) => stream::next_id(id).ok_or(BAD_START),
        (id, false) => Ok(id),
    }
}

fn to_id(arg: &[u8]) -> Result<StreamId, Refusal> {
    match end_id(arg, u64::MAX)? {
        (id, true) => stream::previous_id(id).ok_or(BAD_END),
        (id, false) => Ok(id),
    }
}

/// All ids, so that nothing is done where one is wrong.
fn ids<'a>(args: impl Iterator<Item = &'a [u8]>) -> Result<Vec<StreamId>, Refusal> {
    args.map(strict_id).collect()
}

/// The stream under a name, to be read.
fn find<'k>(cx: &'k Cx<'_>, name: &[u8]) -> Result<Option<&'k Stream>, Refusal> {
    in_keys(cx.keys, cx.db, name)
}

/// The same, where the reply is written while the stream is read.
fn in_keys<'k>(keys: &'k Keys, db: u32, name: &[u8]) -> Result<Option<&'k Stream>, Refusal> {
    match keys.find(db, name) {
        None => Ok(None),
        Some(ValueRef::Stream(stream)) => Ok(Some(stream)),
        Some(_) => Err(texts::WRONGTYPE),
    }
}

/// A count after its word; below zero is zero.
fn count(arg: &[u8]) -> Result<u64, Refusal> {
    int(arg).map(|n| u64::try_from(n).unwrap_or(0))
}

/// An entry: its id, and an array of names and values.
fn put_entry(out: &mut Out, entry: Entry<'_>) {
    if !out.listens() {
        return;
    }
    out.array(2);
    put_whole(out, entry);
}

/// The two elements of an entry.
fn put_whole(out: &mut Out, entry: Entry<'_>) {
    out.id(entry.id);
    out.array(entry.fields.len() * 2);
    for (name, value) in entry.fields {
        out.str(&name);
        out.str(&value);
    }
}

impl Cx<'_> {
    /// Redis of that version and above, or a Valkey: all of them know what Redis 7.2 did.
    fn since(&self, redis: (u8, u8)) -> bool {
        self.is_valkey() && redis <= (7, 2) || self.is_redis(redis)
    }

    /// Whether what runs comes from a log, where servers look away from what they would ask of a client.
    fn is_replay(&self) -> bool {
        !self.keys.clock.expires
    }
}
