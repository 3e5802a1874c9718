//! Lists. What waits in a server answers at once here, as inside `MULTI`.

use super::Family;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, bytes_from, clamped, count, int, int_in, is, symmetric, timeout};
use crate::engine::entry::ValueRef;
use crate::engine::keys::Keys;
use crate::engine::reply::{Done, Refusal, texts};
use crate::engine::value::list::ListRef;
use crate::model::kind::Kind;
use crate::packed::pack::Needle;
use crate::packed::string::{Digits, Str};

pub(super) const COMMANDS: Family = &[
    ("blmove", blmove),
    ("blmovem", blmovem),
    ("blmpop", blmpop),
    ("blpop", blpop),
    ("brpop", brpop),
    ("brpoplpush", brpoplpush),
    ("lindex", lindex),
    ("linsert", linsert),
    ("llen", llen),
    ("lmove", lmove),
    ("lmovem", lmovem),
    ("lmpop", lmpop),
    ("lpop", lpop),
    ("lpos", lpos),
    ("lpush", lpush),
    ("lpushx", lpushx),
    ("lrange", lrange),
    ("lrem", lrem),
    ("lset", lset),
    ("ltrim", ltrim),
    ("rpop", rpop),
    ("rpoplpush", rpoplpush),
    ("rpush", rpush),
    ("rpushx", rpushx),
];

/// An end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Left,
    Right,
}
use End::{Left, Right};

impl End {
    fn of(arg: &[u8]) -> Result<End, Refusal> {
        if is(arg, "LEFT") {
            Ok(Left)
        } else if is(arg, "RIGHT") {
            Ok(Right)
        } else {
            Err(texts::SYNTAX)
        }
    }
}

/// The list under that name, to be read.
fn list<'k>(keys: &'k Keys, db: u32, name: &[u8]) -> Result<Option<ListRef<'k>>, Refusal> {
    match keys.find(db, name) {
        None => Ok(None),
        Some(ValueRef::List(list)) => Ok(Some(list)),
        Some(_) => Err(texts::WRONGTYPE),
    }
}

/// The elements `start..=end`, negative ones counted from the tail, as a place and a number.
pub(super) fn span(start: i64, end: i64, len: usize) -> (usize, usize) {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_tail = |n: i64| if n < 0 { n.saturating_add(len) } else { n };
    let start = from_tail(start).max(0);
    let end = from_tail(end).min(len - 1);
    if start > end {
        return (0, 0);
    }
    (clamped(start), clamped(end - start + 1))
}

/// The place of an element, negative ones counted from the tail.
fn place(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 {
        index.checked_add(i64::try_from(len).ok()?)?
    } else {
        index
    };
    usize::try_from(index).ok().filter(|n| *n < len)
}

fn owned(element: &Str<'_>) -> Vec<u8> {
    element.with(|bytes| bytes.unwrap_or_default().to_vec())
}

fn lpush(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    push(cx, args, Left, false)
}

fn rpush(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    push(cx, args, Right, false)
}

fn lpushx(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    push(cx, args, Left, true)
}

fn rpushx(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    push(cx, args, Right, true)
}

#[inline]
fn push(cx: &mut Cx<'_>, args: &Args<'_>, end: End, only_existing: bool) -> Done {
    if only_existing && !cx.keys.exists(cx.db, at(args, 1)) {
        cx.out.int(0);
        return Ok(());
    }
    let mut edit = cx.keys.edit_or_new(cx.db, at(args, 1), Kind::List);
    let mut list = edit.entry.list(edit.limits)?;
    list.expect(args.len() - 2, bytes_from(args, 2));
    for element in args.iter().skip(2) {
        match end {
            Left => list.push_front(element),
            Right => list.push_back(element),
        }
    }
    let len = list.view().len();
    edit.changed(args.len() - 2);
    cx.out.count(len);
    Ok(())
}

fn lpop(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    pop(cx, args, Left)
}

fn rpop(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    pop(cx, args, Right)
}

fn pop(cx: &mut Cx<'_>, args: &Args<'_>, end: End) -> Done {
    if args.len() > 3 {
        let name = String::from_utf8_lossy(args.name()).to_lowercase();
        return Err(Refusal::of(format!(
            "ERR wrong number of arguments for '{name}' command"
        )));
    }
    let n = args.get(2).map(count).transpose()?;
    let is_old = cx.is_redis_before((7, 0));
    let Some(len) = list(cx.keys, cx.db, at(args, 1))?.map(ListRef::len) else {
        if n.is_some() {
            cx.out.nil_array();
        } else {
            cx.out.nil();
        }
        return Ok(());
    };
    match n {
        Some(0) if is_old => cx.out.nil_array(),
        Some(n) => {
            cx.out.array(n.min(len));
            take(cx, at(args, 1), end, n);
        }
        None => {
            take(cx, at(args, 1), end, 1);
        }
    }
    Ok(())
}

/// Answers with up to `n` elements from an end of a list that is one, and takes them out.
fn take(cx: &mut Cx<'_>, name: &[u8], end: End, n: usize) -> usize {
    let Some(mut edit) = cx.keys.edit(cx.db, name) else {
        return 0;
    };
    let Ok(mut list) = edit.entry.list(edit.limits) else {
        return 0;
    };
    let len = list.view().len();
    let n = n.min(len);
    match end {
        Left => {
            if cx.out.listens() {
                list.view().iter().take(n).for_each(|e| cx.out.str(&e));
            }
            list.remove(0, n);
        }
        Right => {
            if cx.out.listens() {
                list.view().iter_back().take(n).for_each(|e| cx.out.str(&e));
            }
            list.remove(len - n, n);
        }
    }
    edit.changed(n);
    n
}

/// The word that takes elements from that end.
fn pop_word(end: End) -> &'static [u8] {
    match end {
        Left => b"LPOP",
        Right => b"RPOP",
    }
}

fn llen(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let len = list(cx.keys, cx.db, at(args, 1))?.map_or(0, ListRef::len);
    cx.out.count(len);
    Ok(())
}

fn lrange(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (start, end) = (int(at(args, 2))?, int(at(args, 3))?);
    let Some(list) = list(cx.keys, cx.db, at(args, 1))? else {
        cx.out.array(0);
        return Ok(());
    };
    let (from, n) = span(start, end, list.len());
    cx.out.array(n);
    if cx.out.listens() {
        list.iter_from(from).take(n).for_each(|e| cx.out.str(&e));
    }
    Ok(())
}

fn lindex(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let Some(list) = list(cx.keys, cx.db, at(args, 1))? else {
        cx.out.nil();
        return Ok(());
    };
    let found = place(int(at(args, 2))?, list.len()).and_then(|n| list.get(n));
    cx.out.str_or_nil(found.as_ref());
    Ok(())
}

fn lset(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let is_old = cx.is_redis_before((7, 2));
    let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) else {
        return Err(texts::NO_KEY);
    };
    let mut list = edit.entry.list(edit.limits)?;
    let mut index = int(at(args, 2))?;
    if !is_old {
        // Newer servers look at 32 bits of it.
        #[allow(clippy::cast_possible_truncation, reason = "as servers do")]
        let low = index as i32;
        index = i64::from(low);
    }
    let n = place(index, list.view().len()).ok_or(texts::OUT_OF_RANGE)?;
    list.replace(n, at(args, 3));
    edit.changed(1);
    cx.out.ok();
    Ok(())
}

fn linsert(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let behind = if is(at(args, 2), "AFTER") {
        true
    } else if is(at(args, 2), "BEFORE") {
        false
    } else {
        return Err(texts::SYNTAX);
    };
    let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) else {
        cx.out.int(0);
        return Ok(());
    };
    let mut list = edit.entry.list(edit.limits)?;
    let needle = Needle::new(at(args, 3));
    let Some(n) = list.view().iter().position(|e| needle.is(&e)) else {
        cx.out.int(-1);
        return Ok(());
    };
    list.insert(n + usize::from(behind), at(args, 4));
    let len = list.view().len();
    edit.changed(1);
    cx.out.count(len);
    Ok(())
}

fn lrem(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let n = if cx.is_redis_before((7, 2)) {
        int(at(args, 2))?
    } else {
        symmetric(at(args, 2))?
    };
    let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) else {
        cx.out.int(0);
        return Ok(());
    };
    let max = match n {
        0 => usize::MAX,
        n => usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX),
    };
    let mut list = edit.entry.list(edit.limits)?;
    let gone = list.remove_equal(at(args, 3), max, n < 0);
    edit.changed(gone);
    cx.out.count(gone);
    Ok(())
}

fn ltrim(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (start, end) = (int(at(args, 2))?, int(at(args, 3))?);
    if let Some(mut edit) = cx.keys.edit(cx.db, at(args, 1)) {
        let mut list = edit.entry.list(edit.limits)?;
        let len = list.view().len();
        let (from, n) = span(start, end, len);
        list.remove(from + n, len - from - n);
        list.remove(0, from);
        edit.changed(len - n);
    }
    cx.out.ok();
    Ok(())
}

fn lpos(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (mut rank, mut wanted, mut max) = (1, None, 0);
    // Redis 7.0 and older turn the lowest rank around into itself: then every match is past it.
    let mut is_lowest = false;
    let mut rest = args.iter().skip(3);
    while let Some(option) = rest.next() {
        let Some(arg) = rest.next() else {
            return Err(texts::SYNTAX);
        };
        if is(option, "RANK") {
            rank = if cx.is_redis_before((7, 2)) {
                int(arg)?
            } else {
                symmetric(arg)?
            };
            if rank == 0 {
                return Err(Refusal::new(
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
                ));
            }
            is_lowest = rank == i64::MIN;
        } else if is(option, "COUNT") {
            wanted = Some(int_in(arg, 0, i64::MAX, "ERR COUNT can't be negative").map(clamped)?);
        } else if is(option, "MAXLEN") {
            max = int_in(arg, 0, i64::MAX, "ERR MAXLEN can't be negative").map(clamped)?;
        } else {
            return Err(texts::SYNTAX);
        }
    }
    let Some(list) = list(cx.keys, cx.db, at(args, 1))? else {
        if wanted.is_some() {
            cx.out.array(0);
        } else {
            cx.out.nil();
        }
        return Ok(());
    };
    let needle = Needle::new(at(args, 2));
    let skip = if is_lowest {
        0
    } else {
        clamped(rank.saturating_abs() - 1)
    };
    let take = match wanted {
        Some(0) => usize::MAX,
        Some(_) if is_lowest => usize::MAX,
        Some(n) => n,
        None => 1,
    };
    let len = list.len();
    let max = if max == 0 { len } else { max };
    let mut found = Vec::new();
    let mut seen = 0usize;
    let mut look = |place: usize, element: Str<'_>| {
        if needle.is(&element) {
            seen += 1;
            if seen > skip {
                found.push(place);
            }
        }
        found.len() < take
    };
    if rank > 0 {
        let mut all = list.iter().take(max).enumerate();
        while all.next().is_some_and(|(n, e)| look(n, e)) {}
    } else {
        let mut all = list.iter_back().take(max).enumerate();
        while all.next().is_some_and(|(n, e)| look(len - 1 - n, e)) {}
    }
    if wanted.is_some() {
        cx.out.array(found.len());
        found.iter().for_each(|n| cx.out.count(*n));
    } else {
        match found.first() {
            Some(n) => cx.out.count(*n),
            None => cx.out.nil(),
        }
    }
    Ok(())
}

fn rpoplpush(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    rotate(cx, args, Right, Left)
}

fn lmove(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (from, to) = (End::of(at(args, 3))?, End::of(at(args, 4))?);
    rotate(cx, args, from, to)
}

fn brpoplpush(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    wait(cx, at(args, 3))?;
    rotate(cx, args, Right, Left)?;
    log_without_timeout(cx, args, 3, b"RPOPLPUSH");
    Ok(())
}

fn blmove(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (from, to) = (End::of(at(args, 3))?, End::of(at(args, 4))?);
    wait(cx, at(args, 5))?;
    rotate(cx, args, from, to)?;
    log_without_timeout(cx, args, 5, b"LMOVE");
    Ok(())
}

/// What waited stands in a log as its kin that does not wait, without the timeout.
fn log_without_timeout(cx: &mut Cx<'_>, args: &Args<'_>, timeout_at: usize, word: &'static [u8]) {
    let argv = args.iter().enumerate().filter(|(i, _)| *i != timeout_at);
    let argv = argv.map(|(i, arg)| if i == 0 { word } else { arg });
    cx.log.instead(cx.db, argv);
}

/// Checks a timeout.
pub(super) fn wait(cx: &Cx<'_>, arg: &[u8]) -> Done {
    timeout(arg, cx.keys.clock.now_ms, cx.is_redis_before((7, 2)))
}

/// One element from a list to another, or to its own other end.
fn rotate(cx: &mut Cx<'_>, args: &Args<'_>, from: End, to: End) -> Done {
    let (source, target) = (at(args, 1), at(args, 2));
    let Some(view) = list(cx.keys, cx.db, source)? else {
        cx.out.nil();
        return Ok(());
    };
    let element = match from {
        Left => view.iter().next(),
        Right => view.iter_back().next(),
    };
    let element = element.as_ref().map(owned).unwrap_or_default();
    list(cx.keys, cx.db, target)?;
    cx.out.bulk(&element);
    relocate(cx, source, target, from, to, &[element]);
    Ok(())
}

/// Takes as many elements from an end of a list as are given, and pushes those to an end of another one.
fn relocate(
    cx: &mut Cx<'_>,
    source: &[u8],
    target: &[u8],
    from: End,
    to: End,
    elements: &[Vec<u8>],
) {
    let n = elements.len();
    let Some(mut edit) = cx.keys.edit(cx.db, source) else {
        return;
    };
    let Ok(mut list) = edit.entry.list(edit.limits) else {
        return;
    };
    let len = list.view().len();
    list.remove(if from == Left { 0 } else { len - n }, n);
    if source != target {
        drop(edit);
        edit = cx.keys.edit_or_new(cx.db, target, Kind::List);
        match edit.entry.list(edit.limits) {
            Ok(other) => list = other,
            Err(_) => return,
        }
    }
    list.expect(n, elements.iter().map(Vec::len).sum());
    for element in elements {
        match to {
            Left => list.push_front(element),
            Right => list.push_back(element),
        }
    }
    edit.changed(n);
}

fn lmovem(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    move_many(cx, args, None)
}

fn blmovem(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    move_many(cx, args, Some(5))
}

fn move_many(cx: &mut Cx<'_>, args: &Args<'_>, timeout_at: Option<usize>) -> Done {
    let (from, to) = (End::of(at(args, 3))?, End::of(at(args, 4))?);
    let options = if timeout_at.is_some() { 6 } else { 5 };
    let (mut n, mut exactly, mut one_by_one) = (1, false, true);
    if args.len() == options + 3 {
        exactly = is(at(args, options), "EXACTLY");
        if !exactly && !is(at(args, options), "COUNT") {
            return Err(texts::SYNTAX);
        }
        n = int_in(
            at(args, options + 1),
            1,
            i64::MAX,
            "ERR count should be greater than 0",
        )
        .map(clamped)?;
        one_by_one = is(at(args, options + 2), "OBO");
        if !one_by_one && !is(at(args, options + 2), "BULK") {
            return Err(texts::SYNTAX);
        }
    } else if args.len() != options {
        return Err(texts::SYNTAX);
    }
    if let Some(timeout_at) = timeout_at {
        wait(cx, at(args, timeout_at))?;
    }
    let (source, target) = (at(args, 1), at(args, 2));
    let Some(view) = list(cx.keys, cx.db, source)? else {
        cx.out.nil_array();
        return Ok(());
    };
    list(cx.keys, cx.db, target)?;
    if exactly && view.len() < n {
        cx.out.nil_array();
        return Ok(());
    }
    let mut elements: Vec<Vec<u8>> = match from {
        Left => view.iter().take(n).map(|e| owned(&e)).collect(),
        Right => view.iter_back().take(n).map(|e| owned(&e)).collect(),
    };
    // They stand as they are popped. In bulk they keep the order of the source, whichever end takes them.
    if !one_by_one && (from == Right) != (to == Left) {
        elements.reverse();
    }
    cx.out.array(elements.len());
    match to {
        Left => elements.iter().rev().for_each(|e| cx.out.bulk(e)),
        Right => elements.iter().for_each(|e| cx.out.bulk(e)),
    }
    relocate(cx, source, target, from, to, &elements);
    if let Some(timeout_at) = timeout_at {
        log_without_timeout(cx, args, timeout_at, b"LMOVEM");
    }
    Ok(())
}

fn blpop(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    pop_first(cx, args, Left)
}

fn brpop(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    pop_first(cx, args, Right)
}

/// One element of the first list that there is.
fn pop_first(cx: &mut Cx<'_>, args: &Args<'_>, end: End) -> Done {
    let last = args.len() - 1;
    wait(cx, at(args, last))?;
    for name in args.iter().take(last).skip(1) {
        if list(cx.keys, cx.db, name)?.is_some() {
            cx.out.array(2);
            cx.out.bulk(name);
            take(cx, name, end, 1);
            cx.log.put(cx.db, [pop_word(end), name]);
            return Ok(());
        }
    }
    cx.out.nil_array();
    Ok(())
}

fn lmpop(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    pop_many(cx, args, 1)
}

fn blmpop(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    pop_many(cx, args, 2)
}

fn pop_many(cx: &mut Cx<'_>, args: &Args<'_>, keys_at: usize) -> Done {
    let many = MultiPop::read(args, keys_at)?;
    let end = End::of(many.end)?;
    let n = many.count(args)?;
    if keys_at == 2 {
        wait(cx, at(args, 1))?;
    }
    for name in many.keys(args) {
        if let Some(list) = list(cx.keys, cx.db, name)? {
            cx.out.array(2);
            cx.out.bulk(name);
            cx.out.array(n.min(list.len()));
            let n = take(cx, name, end, n);
            let n = Digits::new(i64::try_from(n).unwrap_or(i64::MAX));
            cx.log.put(cx.db, [pop_word(end), name, n.as_bytes()]);
            return Ok(());
        }
    }
    cx.out.nil_array();
    Ok(())
}

/// `numkeys key … END [COUNT n]`, as `LMPOP` and `ZMPOP` have it.
pub(super) struct MultiPop<'a> {
    first: usize,
    keys: usize,
    /// The word for the end.
    pub(super) end: &'a [u8],
}

impl<'a> MultiPop<'a> {
    /// With the number of keys at that place. The end has still to be checked, and then the count to be read.
    pub(super) fn read(args: &Args<'a>, keys_at: usize) -> Result<MultiPop<'a>, Refusal> {
        let keys = int_in(
            at(args, keys_at),
            1,
            i64::MAX,
            "ERR numkeys should be greater than 0",
        )
        .map(clamped)?;
        let end = keys
            .checked_add(keys_at + 1)
            .and_then(|n| args.get(n))
            .ok_or(texts::SYNTAX)?;
        Ok(MultiPop {
            first: keys_at + 1,
            keys,
            end,
        })
    }

    /// How many elements at most.
    pub(super) fn count(&self, args: &Args<'_>) -> Result<usize, Refusal> {
        let mut rest = args.iter().skip(self.first + self.keys + 1);
        let mut n = None;
        while let Some(option) = rest.next() {
            match rest.next() {
                Some(arg) if n.is_none() && is(option, "COUNT") => {
                    n = Some(int_in(
                        arg,
                        1,
                        i64::MAX,
                        "ERR count should be greater than 0",
                    )?);
                }
                _ => return Err(texts::SYNTAX),
            }
        }
        Ok(clamped(n.unwrap_or(1)))
    }

    /// The keys.
    pub(super) fn keys(&self, args: &Args<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        args.iter().skip(self.first).take(self.keys)
    }
}
