//! Sorted sets. Ranges of members are asked of keys whose scores are all the same: of others they mean nothing, and what
//! servers answer there is chance.

use super::{list, set};
use crate::support::shapes::Family;

pub(super) const FAMILY: Family = Family {
    name: "zset",
    shapes: "
        ZADD <k> { <f> <m> }
        ZADD <k> { <f> <m> }
        ZADD <k> { <small> <v> }
        ZADD <k> [ NX | XX ] [ GT | LT ] [ CH ] { <small> <m> }
        ZADD <k> { ( NX | XX | GT | LT | CH | INCR ) } { <f> <m> }
        ZADD <k> [ NX | XX | GT | LT ] INCR <f> <m>
        ZADD <lexkey> { 0 <v> }
        ZADD <lexkey> { 0 <m> }
        ZINCRBY <k> <f> <m>
        ZREM <k> { <m> }
        ZSCORE <k> <m>
        ZMSCORE <k> { <m> }
        ZCARD <k>
        ZCOUNT <k> <bound> <bound>
        ZLEXCOUNT <lexkey> <lex> <lex>
        ZRANK <k> <m> [ WITHSCORE ]
        ZREVRANK <k> <m> [ WITHSCORE ]
        ZRANGE <k> <at> <at> [ REV ] [ WITHSCORES ]
        ZRANGE <k> <bound> <bound> BYSCORE [ REV ] [ LIMIT <at> <at> ] [ WITHSCORES ]
        ZRANGE <lexkey> <lex> <lex> BYLEX [ REV ] [ LIMIT <at> <at> ]
        ZRANGE <k> <at> <at> { ( REV | WITHSCORES | BYSCORE | LIMIT <at> <at> ) }
        ZREVRANGE <k> <at> <at> [ WITHSCORES ]
        ZRANGEBYSCORE <k> <bound> <bound> [ WITHSCORES ] [ LIMIT <at> <at> ]
        ZREVRANGEBYSCORE <k> <bound> <bound> [ WITHSCORES ] [ LIMIT <at> <at> ]
        ZRANGEBYLEX <lexkey> <lex> <lex> [ LIMIT <at> <at> ]
        ZREVRANGEBYLEX <lexkey> <lex> <lex> [ LIMIT <at> <at> ]
        ZRANGESTORE <k> <k> <at> <at> [ REV ]
        ZRANGESTORE <k> <k> <bound> <bound> BYSCORE [ REV ] [ LIMIT <at> <at> ]
        ZREMRANGEBYRANK <k> <at> <at>
        ZREMRANGEBYSCORE <k> <bound> <bound>
        ZREMRANGEBYLEX <lexkey> <lex> <lex>
        ZPOPMIN <k> [ <n> ]
        ZPOPMAX <k> [ <n> ]
        ZMPOP <#> { <k> } ( MIN | MAX ) [ COUNT <n> ]
        BZPOPMIN { <k> } <wait>
        BZPOPMAX { <k> } <wait>
        BZMPOP <wait> <#> { <k> } ( MIN | MAX ) [ COUNT <n> ]
        ZUNION <#> { <source> } [ AGGREGATE ( SUM | MIN | MAX ) ] [ WITHSCORES ]
        ZINTER <#> { <source> } [ AGGREGATE ( SUM | MIN | MAX ) ] [ WITHSCORES ]
        ZUNION 2 <source> <source> WEIGHTS <f> <f> [ AGGREGATE ( SUM | MIN | MAX ) ] WITHSCORES
        ZINTER 2 <source> <source> WEIGHTS <f> <f> [ AGGREGATE ( SUM | MIN | MAX ) ] WITHSCORES
        ZDIFF <#> { <source> } [ WITHSCORES ]
        ZINTERCARD <#> { <source> } [ LIMIT <n> ]
        ZUNIONSTORE <k> <#> { <source> } [ AGGREGATE ( SUM | MIN | MAX ) ]
        ZUNIONSTORE <k> 2 <source> <source> { ( WEIGHTS <f> <f> | AGGREGATE ( SUM | MIN | MAX | COUNT ) ) }
        ZINTERSTORE <k> 2 <source> <source> [ WEIGHTS <f> <f> ] [ AGGREGATE ( SUM | MIN | MAX ) ]
        ZDIFFSTORE <k> <#> { <source> }
        ZRANDMEMBER <k> [ <few> [ WITHSCORES ] ]
        ZSCAN <k> 0 [ MATCH <glob> ] [ COUNT <n> ]
        ZSCAN <k> 0 COUNT 1000
    ",
    words: |shapes, class| match class {
        "lexkey" => Some(format!("lex{}", shapes.below(3)).into_bytes()),
        "source" => match shapes.below(4) {
            0 => Some(format!("set{}", shapes.below(2)).into_bytes()),
            _ => Some(shapes.word("k")),
        },
        "small" => Some(shapes.number(-3, 8)),
        "bound" => Some(match shapes.below(16) {
            0 => shapes
                .one(&["", "(", " 3", "( 3", "0x4", "1\0x", "nan", "1e400", "-inf", "+inf"])
                .as_bytes()
                .to_vec(),
            1..=4 => [b"(".to_vec(), shapes.word("f")].concat(),
            5..=7 => shapes.word("f"),
            _ => shapes.number(-5, 20),
        }),
        "lex" => Some(match shapes.below(10) {
            0 => b"-".to_vec(),
            1 => b"+".to_vec(),
            2 => shapes.word("junk"),
            3..=6 => [b"[".to_vec(), shapes.word("m")].concat(),
            _ => [b"(".to_vec(), shapes.word("m")].concat(),
        }),
        "wait" => (list::FAMILY.words)(shapes, class),
        _ => set::few(shapes, class),
    },
};
