//! Lists.

use crate::support::shapes::{Argv, Family};

pub(super) const FAMILY: Family = Family {
    name: "list",
    shapes: "
        RPUSH <k> { <m> }
        RPUSH <k> { <m> }
        RPUSH <k> { <v> }
        LPUSH <k> { <m> }
        LPUSH <k> { <v> }
        RPUSHX <k> { <m> }
        LPUSHX <k> { <m> }
        LPOP <k> [ <n> ]
        RPOP <k> [ <n> ]
        LLEN <k>
        LRANGE <k> <at> <at>
        LRANGE <k> 0 -1
        LINDEX <k> <at>
        LPOS <k> <m> [ RANK <at> ] [ COUNT <n> ] [ MAXLEN <n> ]
        LPOS <k> <m> { ( RANK <at> | COUNT <at> | MAXLEN <at> ) }
        LINSERT <k> ( BEFORE | AFTER ) <m> <v>
        LSET <k> <at> <v>
        LSET <k> <at> <long>
        LREM <k> <at> <m>
        LTRIM <k> <at> <at>
        LTRIM <k> 1 -1
        RPOPLPUSH <k> <k>
        LMOVE <k> <k> ( LEFT | RIGHT ) ( LEFT | RIGHT )
        LMPOP <#> { <k> } ( LEFT | RIGHT ) [ COUNT <n> ]
        LMPOP <n> { <k> } ( LEFT | RIGHT ) { COUNT <n> }
        BLPOP { <k> } <wait>
        BRPOP { <k> } <wait>
        BRPOPLPUSH <k> <k> <bad>
        BLMOVE <k> <k> ( LEFT | RIGHT ) ( LEFT | RIGHT ) <bad>
        BLMPOP <wait> <#> { <k> } ( LEFT | RIGHT ) [ COUNT <n> ]
    ",
    words: |shapes, class| match class {
        "wait" => Some(shapes.one(&WAITS).as_bytes().to_vec()),
        // Those that answer with one element answer differently when their time is over and inside MULTI.
        "bad" => Some(shapes.one(&WAITS[5..]).as_bytes().to_vec()),
        "long" => Some(vec![b'l'; [10, 2000, 4000, 8200][shapes.below(4)]]),
        _ => None,
    },
};

/// How long commands wait here, seconds: hardly, or they are refused.
pub(super) const WAITS: [&str; 12] = [
    "0.001", "0.001", "0.001", "0.001", "0.001", "-1", "x", "nan", "inf", "-inf", "1e400", "1e5000",
];

/// Whether a command, perhaps a spoiled one, would wait for longer than [`WAITS`].
pub(super) fn waits(argv: &Argv) -> bool {
    let Some(name) = argv.first() else {
        return false;
    };
    let at = match name.to_ascii_uppercase().as_slice() {
        b"BLPOP" | b"BRPOP" | b"BZPOPMIN" | b"BZPOPMAX" => argv.len() - 1,
        b"BRPOPLPUSH" => return argv.get(3).is_some_and(|wait| !is_bad(wait)),
        b"BLMOVE" => return argv.get(5).is_some_and(|wait| !is_bad(wait)),
        b"BLMPOP" | b"BZMPOP" => 1,
        _ => return false,
    };
    argv.get(at)
        .is_some_and(|wait| WAITS.iter().all(|w| w.as_bytes() != wait))
}

fn is_bad(wait: &[u8]) -> bool {
    WAITS[5..].iter().any(|w| w.as_bytes() == wait)
}
