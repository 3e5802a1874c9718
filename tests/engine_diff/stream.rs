//! Streams: entries, groups, what they have pending, ids of producers.
//!
//! Ids grow as a sequence goes on, or hardly any would be added. Times to be idle are none, or far from those that a
//! sequence takes: the server's clock goes on while it runs.

use crate::support::shapes::{Argv, Family, Shapes};

pub(super) const FAMILY: Family = Family {
    name: "stream",
    shapes: "
        XADD <k> <new> { <m> <v> }
        XADD <k> <new> { <m> <v> }
        XADD <k> <new> { <m> <v> }
        XADD <k> <new> a <v> b <v>
        XADD <k> <new> a <v> b <v>
        XADD <k> <new> { <m> <v> }
        XADD <k> <new> { <m> <v> }
        XADD <k> <new> a <v>
        XADD <k> * a <v>
        XADD <k> [ NOMKSTREAM ] [ MAXLEN <n> | MAXLEN <trim> <n> | MINID <id> | MINID <trim> <id> ] <new> { <m> <v> }
        XADD <k> [ KEEPREF | DELREF | ACKED ] [ MAXLEN <n> | MAXLEN <trim> <n> | MINID <id> | MINID <trim> <id> ] <new> { <m> <v> }
        XADD <k> ( MAXLEN ~ <n> | MINID ~ <id> ) [ LIMIT <n> ] <new> { <m> <v> }
        XADD <k> [ IDMP <pid> <m> | IDMPAUTO <pid> ] * a <few> b <few>
        XADD <k> [ IDMP <pid> <m> | IDMPAUTO <pid> ] * b <few> a <few>
        XADD <k> ( IDMP <pid> <m> | IDMPAUTO <pid> ) [ MAXLEN <n> ] [ NOMKSTREAM ] <new> a <few> a <few>
        XADD <k> { ( NOMKSTREAM | KEEPREF | DELREF | ACKED | IDMP <pid> <m> | IDMPAUTO <pid> | MAXLEN <trim> <n> | MINID <trim> <id> | LIMIT <n> ) } <new> <m> <v>
        XCFGSET <k> { ( IDMP-DURATION <long> | IDMP-MAXSIZE <n> ) }
        XIDMPRECORD <k> <pid> <m> <id>
        XADD full 18446744073709551615-18446744073709551615 a <few>
        XADD full <new> a <few>
        XADD late 4102444800000-* a <few>
        XADD late IDMP <pid> <m> * a <few>
        XIDMPRECORD late <pid> <m> <late>
        XIDMPRECORD late <pid> <m> <late>
        XDEL late <late>
        XCFGSET late IDMP-MAXSIZE <n>
        XLEN <k>
        XDEL <k> { <id> }
        XDEL <k> <id>
        XDELEX <k> [ KEEPREF | DELREF | ACKED ] IDS <#> { <id> }
        XDELEX <k> { ( KEEPREF | DELREF | ACKED | IDS <#> { <id> } ) }
        XACK <k> <g> { <id> }
        XACKDEL <k> <g> [ KEEPREF | DELREF | ACKED ] IDS <#> { <id> }
        XTRIM <k> ( MAXLEN <at> | MAXLEN <trim> <n> | MINID <id> | MINID <trim> <id> ) [ KEEPREF | DELREF | ACKED ]
        XTRIM <k> ( MAXLEN ~ <n> | MINID ~ <id> ) [ LIMIT <n> ] [ KEEPREF ]
        XTRIM <k> { ( MAXLEN <n> | MINID <id> | LIMIT <n> | ACKED | DELREF ) }
        XSETID <k> <new> [ ENTRIESADDED <at> ] [ MAXDELETEDID <id> ]
        XSETID <k> <new> [ ENTRIESADDED 60 MAXDELETEDID <id> ]
        XGROUP CREATE <k> <g> <start> [ MKSTREAM ] [ ENTRIESREAD <at> ]
        XGROUP CREATE <k> <g> 0 MKSTREAM
        XGROUP CREATE <k> <g> 0 MKSTREAM
        XGROUP CREATE <k> <g> 0 MKSTREAM
        XGROUP CREATE <k> g0 0-0 MKSTREAM
        XGROUP CREATE <k> g0 0-0 MKSTREAM
        XREADGROUP GROUP g0 <c> [ COUNT <n> ] STREAMS <k> >
        XREADGROUP GROUP g0 <c> [ COUNT <n> ] STREAMS <k> >
        XREADGROUP GROUP g0 <c> [ COUNT <n> ] STREAMS <k> <old>
        XGROUP SETID <k> <g> <start> [ ENTRIESREAD <at> ]
        XGROUP DESTROY <k> <g>
        XGROUP CREATECONSUMER <k> <g> <c>
        XGROUP DELCONSUMER <k> <g> <c>
        XGROUP HELP
        XREADGROUP GROUP <g> <c> [ COUNT <n> ] [ NOACK ] STREAMS <k> >
        XREADGROUP GROUP <g> <c> [ COUNT <n> ] STREAMS <k> >
        XREADGROUP GROUP <g> <c> [ COUNT <n> ] [ BLOCK <block> ] [ NOACK ] STREAMS <k> <from>
        XREADGROUP GROUP <g> <c> [ COUNT <n> ] CLAIM <idle> STREAMS <k> >
        XREADGROUP GROUP <g> <c> [ COUNT <n> ] [ CLAIM <idle> ] [ NOACK ] STREAMS <k> <k> <from> >
        XREADGROUP { ( GROUP <g> <c> | COUNT <n> | NOACK | CLAIM <idle> ) } STREAMS <k> <k> <from> <from>
        XCLAIM <k> <g> <c> <idle> { <id> } [ JUSTID ] [ FORCE ]
        XCLAIM <k> <g> <c> 0 { <id> } [ IDLE <idle> | TIME <time> ] [ RETRYCOUNT <n> ] [ FORCE ] [ JUSTID ] [ LASTID <id> ]
        XCLAIM <k> <g> <c> <idle> { <id> } { ( IDLE <idle> | TIME <time> | RETRYCOUNT <at> | FORCE | JUSTID | LASTID <id> ) }
        XAUTOCLAIM <k> <g> <c> <idle> <lower> [ COUNT <n> ] [ JUSTID ]
        XAUTOCLAIM <k> <g> <c> 0 - [ COUNT <n> ] [ JUSTID ]
        XNACK <k> <g> ( SILENT | FAIL | FATAL ) IDS <#> { <id> } [ RETRYCOUNT <n> ] [ FORCE ]
        XRANGE <k> <lower> <upper> [ COUNT <n> ]
        XRANGE <k> - +
        XREVRANGE <k> <upper> <lower> [ COUNT <at> ]
        XREAD [ COUNT <n> ] [ BLOCK <block> ] STREAMS <k> <from>
        XREAD [ COUNT <n> ] STREAMS <k> <k> <from> <from>
        XREAD { ( COUNT <n> | BLOCK <block> | NOACK | CLAIM 0 | GROUP <g> <c> ) } STREAMS <k> <from>
        XPENDING <k> <g>
        XPENDING <k> <g> [ IDLE <idle> ] <lower> <upper> <n> [ <c> ]
        XINFO STREAM <k>
        XINFO STREAM <k> FULL [ COUNT <at> ]
        XINFO GROUPS <k>
        XINFO CONSUMERS <k> <g>
        XINFO ( HELP | STREAM <k> FOO | NOSUCH <k> )
        COPY <k> stream3 [ REPLACE ]
        RENAME <k> stream3
        DEL stream3
    ",
    words: |shapes, class| match class {
        // Few of them, so that there are groups where they are looked for.
        "k" => Some(match shapes.below(40) {
            0 => b"none0".to_vec(),
            1 => format!("list{}", shapes.below(2)).into_bytes(),
            2..=4 => b"stream3".to_vec(),
            5..=14 => b"stream2".to_vec(),
            n => format!("stream{}", n % 2).into_bytes(),
        }),
        "new" => Some(match shapes.below(24) {
            0 => b"*".to_vec(),
            1 => odd(shapes),
            2 => old(shapes),
            3..=9 => [about_now(shapes).as_slice(), b"-*"].concat(),
            10..=12 => about_now(shapes),
            _ => [about_now(shapes).as_slice(), b"-", &shapes.number(0, 3)].concat(),
        }),
        "id" => Some(match shapes.below(24) {
            0 => odd(shapes),
            _ => old(shapes),
        }),
        "old" => Some(old(shapes)),
        "start" | "from" => Some(match shapes.below(12) {
            0..=2 => b"$".to_vec(),
            3 => b"+".to_vec(),
            4 => b">".to_vec(),
            5..=7 => b"0".to_vec(),
            8 => odd(shapes),
            _ => old(shapes),
        }),
        "lower" | "upper" => Some(match shapes.below(12) {
            0 => odd(shapes),
            1 | 2 => [&b"("[..], &old(shapes)].concat(),
            3..=6 => old(shapes),
            _ => [&b"-"[..], b"+"][usize::from(class == "upper")].to_vec(),
        }),
        "late" => Some([&b"4102444800000-"[..], &shapes.number(0, 4)].concat()),
        "trim" => Some(shapes.one(&["=", "~", "~"]).as_bytes().to_vec()),
        "g" => Some(format!("g{}", shapes.below(20) / 12).into_bytes()),
        "c" => Some(match shapes.below(30) {
            0 => Vec::new(),
            n => format!("c{}", n % 3).into_bytes(),
        }),
        "pid" => Some(shapes.one(&["p", "p", "q", ""]).as_bytes().to_vec()),
        "few" => Some(shapes.number(0, 2)),
        "long" => Some(match shapes.below(10) {
            0 => shapes.word("junk"),
            1 => b"0".to_vec(),
            _ => shapes.one(&["100", "1000", "86400", "86401"]).as_bytes().to_vec(),
        }),
        "idle" => Some(shapes.one(&IDLE).as_bytes().to_vec()),
        "block" => Some(shapes.one(&BLOCK).as_bytes().to_vec()),
        "time" => Some(
            shapes
                .one(&["0", "1000", "1700000000000", "4102444800000", "-1", "-5", "x"])
                .as_bytes()
                .to_vec(),
        ),
        _ => None,
    },
};

/// Milliseconds: none, or more than a sequence takes.
const IDLE: [&str; 10] = [
    "0",
    "0",
    "0",
    "0",
    "50000",
    "200000",
    "9223372036854775807",
    "-1",
    "-100000",
    "x",
];

/// How long reads wait here, milliseconds: hardly, or they are refused.
const BLOCK: [&str; 6] = ["1", "1", "-1", "x", "1.5", "9223372036854775808"];

/// How far the sequence is, as the milliseconds of an id.
fn about_now(shapes: &mut Shapes) -> Vec<u8> {
    let now = shapes.made() % 100 / 3;
    (now + shapes.below(10) as u64 / 8).to_string().into_bytes()
}

/// An id that may well be there.
fn old(shapes: &mut Shapes) -> Vec<u8> {
    let now = shapes.made() % 100 / 3;
    let ms = now.saturating_sub(shapes.below(8) as u64);
    match shapes.below(5) {
        0 => ms.to_string().into_bytes(),
        n => format!("{ms}-{}", n / 2).into_bytes(),
    }
}

fn odd(shapes: &mut Shapes) -> Vec<u8> {
    if shapes.percent(20) {
        return shapes.word("junk");
    }
    shapes
        .one(&[
            "0-0",
            "0",
            "-",
            "+",
            "$",
            ">",
            "*",
            "0-*",
            "(",
            "(-",
            "(+",
            "(0-0",
            "(18446744073709551615-18446744073709551615",
            "18446744073709551615-18446744073709551615",
            "18446744073709551615-18446744073709551614",
            "18446744073709551615",
            "18446744073709551616",
            "18446744073709551615-*",
            "4102444800000-7",
            "4102444800000-*",
            "1-x",
            "1-",
            "-1",
            "1-1-1",
            "01-01",
            " 1-1",
            "1-+2",
            "--",
        ])
        .as_bytes()
        .to_vec()
}

/// Whether a command, perhaps a spoiled one, would wait, or ask for an idle time that passes meanwhile, or have an id
/// remembered that a server forgets the next time it looks for old ones, which is chance. Nor is a stream to be full that
/// has producers: Redis 8.6 keeps the name of one whose entry it had to refuse, for a time. And how large a `COUNT` of
/// `XAUTOCLAIM` a server has memory for is chance too.
pub(super) fn waits(argv: &Argv) -> bool {
    let Some(name) = argv.first() else {
        return false;
    };
    let reads = name.eq_ignore_ascii_case(b"XREAD") || name.eq_ignore_ascii_case(b"XREADGROUP");
    let claims = name.eq_ignore_ascii_case(b"XCLAIM") || name.eq_ignore_ascii_case(b"XAUTOCLAIM");
    let pending = name.eq_ignore_ascii_case(b"XPENDING");
    let records = name.eq_ignore_ascii_case(b"XIDMPRECORD");
    let settles = name.eq_ignore_ascii_case(b"XCFGSET");
    let is_short = |arg: &[u8]| {
        std::str::from_utf8(arg)
            .ok()
            .and_then(|text| text.parse::<i64>().ok())
            .is_some_and(|n| n > 0 && n < 50_000)
    };
    let after = |word: &str, test: &dyn Fn(&[u8]) -> bool| {
        argv.windows(2)
            .any(|pair| pair[0].eq_ignore_ascii_case(word.as_bytes()) && test(&pair[1]))
    };
    reads
        && (after("BLOCK", &|arg| BLOCK.iter().all(|b| b.as_bytes() != arg))
            || after("CLAIM", &is_short))
        || claims && (argv.get(4).is_some_and(|arg| is_short(arg)) || after("IDLE", &is_short))
        || pending && after("IDLE", &is_short)
        || argv.get(1).is_none_or(|key| key != b"full")
            && (name.eq_ignore_ascii_case(b"XADD") || name.eq_ignore_ascii_case(b"XSETID"))
            && argv
                .iter()
                .any(|arg| arg.starts_with(b"18446744073709551615"))
        || claims && after("COUNT", &|arg| arg.len() > 8)
        || records
            && argv.get(4).is_some_and(|id| {
                id.iter().any(u8::is_ascii_digit) && !id.starts_with(b"4102444800000")
            })
        || settles && after("IDMP-DURATION", &|arg| arg.len() < 3 && is_short(arg))
}
