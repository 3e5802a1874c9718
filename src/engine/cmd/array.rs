//! Arrays (Redis 8.8): what changes them. No such server has been seen: what the commands do is known, and not what
//! they answer, so that they say `OK`, or in words of our own what is wrong.

use super::Family;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::at;
use crate::engine::reply::{Done, Refusal};
use crate::engine::value::array::{Array, MAX_INDEX};
use crate::model::kind::Kind;

pub(super) const COMMANDS: Family = &[
    ("ardel", ardel),
    ("ardelrange", ardelrange),
    ("arinsert", arinsert),
    ("armset", armset),
    ("arring", arring),
    ("arseek", arseek),
    ("arset", arset),
];

const NO_INDEX: Refusal = Refusal::new("ERR the index is no number from 0 to 18446744073709551614");
const OVERFLOW: Refusal = Refusal::new("ERR the array has no index behind 18446744073709551614");

/// A number of 64 bits without a sign, in canonical form.
fn number(arg: &[u8]) -> Option<u64> {
    let canonical = matches!(arg, [b'0'] | [b'1'..=b'9', ..]);
    canonical
        .then(|| std::str::from_utf8(arg).ok()?.parse().ok())
        .flatten()
}

fn index(arg: &[u8]) -> Result<u64, Refusal> {
    number(arg).filter(|n| *n <= MAX_INDEX).ok_or(NO_INDEX)
}

/// Changes the array under the first key, which is made where there is none.
fn change(cx: &mut Cx<'_>, args: &Args<'_>, with: impl FnOnce(&mut Array) -> Done) -> Done {
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::Array);
    with(edit.entry.array()?)?;
    edit.changed(args.len() - 2);
    cx.out.ok();
    Ok(())
}

/// The same, where it is there.
fn change_known(cx: &mut Cx<'_>, args: &Args<'_>, with: impl FnOnce(&mut Array)) -> Done {
    if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) {
        with(edit.entry.array()?);
        edit.changed(args.len() - 2);
    }
    cx.out.ok();
    Ok(())
}

/// Pairs of arguments from the third on.
fn pairs<'a>(args: &Args<'a>) -> Result<impl Iterator<Item = (&'a [u8], &'a [u8])>, Refusal> {
    if !args.len().is_multiple_of(2) {
        return Err(super::string::arity(
            &String::from_utf8_lossy(args.name()).to_lowercase(),
        ));
    }
    let places = (2..args.len()).step_by(2);
    Ok(places.map(|i| (at(args, i), at(args, i + 1))))
}

/// `ARSET key index value…`: one index after the other. The cursor stays.
fn arset(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let first = index(at(args, 2))?;
    let last = first.checked_add((args.len() - 4) as u64);
    last.filter(|last| *last <= MAX_INDEX).ok_or(OVERFLOW)?;
    change(cx, args, |array| {
        for (index, value) in (first..).zip(args.iter().skip(3)) {
            array.set(index, value);
        }
        Ok(())
    })
}

/// `ARMSET key index value [index value…]`: none where an index is wrong.
fn armset(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let mut cells = Vec::new();
    for (place, value) in pairs(args)? {
        cells.push((index(place)?, value));
    }
    change(cx, args, |array| {
        for (index, value) in cells {
            array.set(index, value);
        }
        Ok(())
    })
}

/// `ARINSERT key value…`: behind the cursor, which goes with them.
fn arinsert(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    change(cx, args, |array| {
        let first = match array.cursor {
            None => Some(0),
            Some(cursor) => cursor.checked_add(1),
        };
        let more = (args.len() - 3) as u64;
        let first = first
            .filter(|first| {
                first
                    .checked_add(more)
                    .is_some_and(|last| last <= MAX_INDEX)
            })
            .ok_or(OVERFLOW)?;
        for (index, value) in (first..).zip(args.iter().skip(2)) {
            array.set(index, value);
        }
        array.cursor = Some(first + more);
        Ok(())
    })
}

/// `ARRING key size value…`: each one cell on from the cursor, round a ring of that size; what stands outside of it goes.
fn arring(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let size = number(at(args, 2)).filter(|n| *n > 0).ok_or(Refusal::new(
        "ERR the size of the ring is no number above 0",
    ))?;
    change(cx, args, |array| {
        for value in args.iter().skip(3) {
            let next = array.cursor.map_or(0, |c| c.wrapping_add(1) % size);
            array.set(next, value);
            array.cursor = Some(next);
        }
        array.remove_range(size, u64::MAX);
        Ok(())
    })
}

/// `ARSEEK key n`: the next insertion goes to index n.
fn arseek(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let next = number(at(args, 2)).ok_or(NO_INDEX)?;
    change_known(cx, args, |array| array.cursor = next.checked_sub(1))
}

fn ardel(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let indexes: Vec<u64> = args.iter().skip(2).map(index).collect::<Result<_, _>>()?;
    change_known(cx, args, |array| {
        for index in indexes {
            array.remove(index);
        }
    })
}

/// `ARDELRANGE key start end [start end…]`: both included, whichever comes first.
fn ardelrange(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let mut ranges = Vec::new();
    for (a, b) in pairs(args)? {
        let (a, b) = (index(a)?, index(b)?);
        ranges.push((a.min(b), a.max(b)));
    }
    change_known(cx, args, |array| {
        for (from, to) in ranges {
            array.remove_range(from, to);
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::engine::cmd::client::Client;
    use crate::engine::entry::ValueRef;

    /// `index=value` of all cells, and the cursor.
    fn state(c: &Client) -> String {
        let Some(ValueRef::Array(array)) = c.engine.keys.find(0, b"a") else {
            return "none".to_owned();
        };
        let cells: Vec<String> = array
            .iter()
            .map(|(i, v)| format!("{i}={}", v.escape_ascii()))
            .collect();
        let cursor = array.cursor.map_or("none".to_owned(), |c| c.to_string());
        format!("{} cursor {cursor}", cells.join(" "))
    }

    #[test]
    fn commands_do_what_is_known_of_them() {
        let mut c = Client::of("redis-8.8");
        for (command, expected) in [
            ("ARSEEK a 3", "none"),
            ("ARDEL a 3", "none"),
            ("ARSET a 7 x y", "7=x 8=y cursor none"),
            ("ARINSERT a i j", "0=i 1=j 7=x 8=y cursor 1"),
            (
                "ARMSET a 3 p 18446744073709551614 q",
                "0=i 1=j 3=p 7=x 8=y 18446744073709551614=q cursor 1",
            ),
            // All indexes are looked at first.
            (
                "ARMSET a 4 p 18446744073709551615 q",
                "0=i 1=j 3=p 7=x 8=y 18446744073709551614=q cursor 1",
            ),
            (
                "ARSET a 18446744073709551614 v w",
                "0=i 1=j 3=p 7=x 8=y 18446744073709551614=q cursor 1",
            ),
            (
                "ARSET a -1 v",
                "0=i 1=j 3=p 7=x 8=y 18446744073709551614=q cursor 1",
            ),
            (
                "ARSEEK a 18446744073709551615",
                "0=i 1=j 3=p 7=x 8=y 18446744073709551614=q cursor 18446744073709551614",
            ),
            (
                "ARINSERT a k",
                "0=i 1=j 3=p 7=x 8=y 18446744073709551614=q cursor 18446744073709551614",
            ),
            (
                "ARSEEK a 5",
                "0=i 1=j 3=p 7=x 8=y 18446744073709551614=q cursor 4",
            ),
            (
                "ARDELRANGE a 8 3 18446744073709551614 9",
                "0=i 1=j cursor 4",
            ),
            ("ARINSERT a k", "0=i 1=j 5=k cursor 5"),
            ("ARSEEK a 0", "0=i 1=j 5=k cursor none"),
            ("ARRING a 3 r s t u", "0=u 1=s 2=t cursor 0"),
            ("ARDEL a 0 1", "2=t cursor 0"),
            ("ARDEL a 2", "none"),
        ] {
            c.say(command);
            assert_eq!(state(&c), expected, "{command}");
        }
        assert_eq!(c.say("SET a x"), "+OK ");
        assert!(c.say("ARSET a 1 x").starts_with("-WRONGTYPE"));
    }

    /// One out of a file is as good as one that was made here.
    #[test]
    fn restored_copied_and_dumped() {
        let mut c = Client::of("redis-8.8");
        c.say("ARMSET a 1 one 9 12345");
        c.say("ARSEEK a 2");
        assert_eq!(c.say("TYPE a"), "+array ");
        assert_eq!(c.say("COPY a b"), ":1 ");
        let dumped = c.bytes("DUMP a");
        assert_eq!(dumped, c.bytes("DUMP b"));
        let body = dumped.iter().position(|b| *b == b'\n').unwrap() + 1;
        let payload = dumped[body..dumped.len() - 2].to_vec();
        c.say("DEL a");
        let restored = c.answer(&[b"RESTORE", b"a", b"0", &payload]);
        assert_eq!(restored, b"+OK\r\n");
        assert_eq!(c.bytes("DUMP a"), dumped);
        c.say("ARINSERT a two");
        assert_eq!(state(&c), "1=one 2=two 9=12345 cursor 2");
    }
}
