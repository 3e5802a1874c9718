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

    /// Whether it takes what servers take since Redis 7.0: where the server is not told, the log may be of such a one.
    fn takes_new_forms(&self) -> bool {
        self.lenient || self.since((7, 0))
    }

    /// Whether what runs comes from a log, where servers look away from what they would ask of a client.
    fn is_replay(&self) -> bool {
        !self.keys.clock.expires
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::cmd::client::Client;

    #[test]
    fn ids_are_read_as_strtoull_reads_them() {
        let id = |text: &str| {
            super::strict_id(text.as_bytes())
                .ok()
                .map(|id| (id.ms, id.seq))
        };
        assert_eq!(id("5"), Some((5, 0)));
        assert_eq!(id("01-02"), Some((1, 2)));
        assert_eq!(id(" +3- 4"), Some((3, 4)));
        assert_eq!(id("1--05"), Some((1, u64::MAX - 4)));
        assert_eq!(id("18446744073709551615-1"), Some((u64::MAX, 1)));
        for bad in [
            "",
            "-",
            "+",
            "x",
            "1-",
            "-1",
            "1--5",
            "18446744073709551616",
            "1-*",
        ] {
            assert_eq!(id(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_group_reads_claims_and_acknowledges() {
        let mut c = Client::of("valkey-9.1");
        for (command, reply) in [
            ("XADD s 1-1 a 1", "$3 1-1 "),
            ("XADD s 1-* a 2", "$3 1-2 "),
            ("XADD s MAXLEN = 2 3 b 3", "$3 3-0 "),
            ("XGROUP CREATE s g 0", "+OK "),
            (
                "XGROUP CREATE s g 0",
                "-BUSYGROUP Consumer Group name already exists ",
            ),
            (
                "XREADGROUP GROUP g c COUNT 1 STREAMS s >",
                "*1 *2 $1 s *1 *2 $3 1-2 *2 $1 a $1 2 ",
            ),
            ("XPENDING s g", "*4 :1 $3 1-2 $3 1-2 *1 *2 $1 c $1 1 "),
            ("XCLAIM s g d 0 1-2 3-0 FORCE JUSTID", "*2 $3 1-2 $3 3-0 "),
            ("XDEL s 1-2", ":1 "),
            (
                "XAUTOCLAIM s g e 0 - JUSTID",
                "*3 $3 0-0 *1 $3 3-0 *1 $3 1-2 ",
            ),
            ("XACK s g 3-0 9-9", ":1 "),
            (
                "XINFO GROUPS s",
                "*1 *12 $4 name $1 g $9 consumers :3 $7 pending :0 $17 last-delivered-id $3 1-2 $12 entries-read :2 $3 lag :1 ",
            ),
            ("XGROUP DELCONSUMER s g c", ":0 "),
            (
                "XDELEX s IDS 1 3-0",
                "-ERR unknown command 'XDELEX', with args beginning with: 's' 'IDS' '1' '3-0'  ",
            ),
        ] {
            assert_eq!(c.say(command), reply, "{command}");
        }
    }

    #[test]
    fn references_and_producers() {
        let mut c = Client::of("redis-8.8");
        for (command, reply) in [
            (
                "XADD s IDMP p i 1-1 a 1",
                "-ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs ",
            ),
            ("XADD s IDMP p i * a 1", "$3 0-1 "),
            ("XADD s IDMP p i * a 2", "$3 0-1 "),
            ("XADD s IDMPAUTO p * a 1 b 2", "$3 0-2 "),
            ("XADD s IDMPAUTO p * b 2 a 1", "$3 0-2 "),
            (
                "XCFGSET s IDMP-MAXSIZE 0",
                "-ERR IDMP-MAXSIZE must be between 1 and 10000 entries ",
            ),
            ("XIDMPRECORD s p i 0-1", "+OK "),
            ("XGROUP CREATE s g 0", "+OK "),
            (
                "XREADGROUP GROUP g c COUNT 1 STREAMS s >",
                "*1 *2 $1 s *1 *2 $3 0-1 *2 $1 a $1 1 ",
            ),
            ("XDELEX s ACKED IDS 3 0-1 0-2 9-9", "*3 :2 :2 :2 "),
            ("XNACK s g FAIL IDS 1 0-1", ":1 "),
            ("XPENDING s g", "*4 :1 $3 0-1 $3 0-1 *0 "),
            ("XACKDEL s g ACKED IDS 2 0-1 0-2", "*2 :1 :-1 "),
            ("XTRIM s MAXLEN 0 ACKED", ":0 "),
            ("XTRIM s MAXLEN 0 DELREF", ":1 "),
        ] {
            assert_eq!(c.say(command), reply, "{command}");
        }
    }

    /// A log says with an explicit id that the entry was added, and with `*` that it was a duplicate.
    #[test]
    fn a_log_knows_what_was_a_duplicate() {
        let mut c = Client::of("redis-8.6");
        c.engine.keys.clock.expires = false;
        assert_eq!(c.say("XADD s IDMP p i 1-1 a 1"), "$3 1-1 ");
        assert_eq!(c.say("XADD s IDMP p i * a 1"), "$3 1-1 ");
        assert_eq!(c.say("XADD s IDMP p i 2-1 a 1"), "$3 2-1 ");
        assert_eq!(c.say("XADD s IDMP p nosuch * a 1"), "$-1 ");
        assert_eq!(c.say("XADD s MAXLEN = 1 LIMIT 1000 3-1 a 1"), "$3 3-1 ");
        assert_eq!(c.say("XLEN s"), ":1 ");
        let told = c.say("XINFO STREAM s");
        assert!(
            told.contains("iids-added :2 $15 iids-duplicates :2 "),
            "{told}"
        );
        assert_eq!(c.say("XGROUP CREATE s g 0"), "+OK ");
        assert_eq!(
            c.say("XCLAIM s g c 0 3-1 TIME 1700000000000 RETRYCOUNT 4 FORCE JUSTID LASTID 3-1"),
            "*1 $3 3-1 "
        );
        assert!(
            c.say("XINFO STREAM s FULL")
                .contains("$1 c :1700000000000 :4 ")
        );
    }
}
