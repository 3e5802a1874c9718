//! Hashes, and fields that expire.

use crate::support::shapes::Family;

pub(super) const FAMILY: Family = Family {
    name: "hash",
    shapes: "
        HSET <k> { <m> <v> }
        HSET <k> { <m> <v> }
        HSET <k> <m> <i>
        HSET <k> <m> <f>
        HMSET <k> { <m> <v> }
        HSETNX <k> <m> <v>
        HGET <k> <m>
        HMGET <k> { <m> }
        HGETALL <k>
        HKEYS <k>
        HVALS <k>
        HLEN <k>
        HSTRLEN <k> <m>
        HEXISTS <k> <m>
        HDEL <k> { <m> }
        HDEL <k> <m>
        HINCRBY <k> <m> <i>
        HINCRBY <k> <m> <i>
        HINCRBYFLOAT <k> <m> <f>
        HRANDFIELD <k> [ <few> ]
        HRANDFIELD <k> <few> [ WITHVALUES | <few> ]
        HSCAN <k> 0 COUNT 1000 [ MATCH <glob> ] [ NOVALUES ]
        HSCAN <k> 0 [ COUNT <n> ] [ MATCH <glob> ] [ NOVALUES ] [ <glob> ]
        HEXPIRE <k> <ttl> [ NX | XX | GT | LT ] FIELDS <#> { <m> }
        HPEXPIRE <k> <ttl> [ NX | XX | GT | LT ] FIELDS <#> { <m> }
        HEXPIREAT <k> <sec> [ NX | XX | GT | LT ] FIELDS <#> { <m> }
        HPEXPIREAT <k> <ms> [ NX | XX | GT | LT ] FIELDS <#> { <m> }
        HPEXPIREAT <k> <ms> [ NX | XX | GT | LT ] FIELDS <#> { <m> }
        HPEXPIREAT <k> <ms> { ( NX | XX | GT | LT | FIELDS <#> { <m> } ) }
        HPERSIST <k> FIELDS <#> { <m> }
        HTTL <k> FIELDS <#> { <m> }
        HPTTL <k> FIELDS <#> { <m> }
        HEXPIRETIME <k> FIELDS <#> { <m> }
        HPEXPIRETIME <k> FIELDS <#> { <m> }
        HSETEX <k> [ FNX | FXX | NX | XX ] [ EX <ttl> | PX <ttl> | EXAT <sec> | PXAT <ms> | KEEPTTL ] FIELDS <#> { <m> <v> }
        HSETEX <k> [ KEEPTTL ] [ FNX | FXX ] FIELDS <#> { <m> <v> } [ KEEPTTL ]
        HSETEX <k> { ( FNX | FXX | NX | XX | KEEPTTL | EX <ttl> | PXAT <ms> | FIELDS <#> { <m> <v> } ) }
        HGETEX <k> [ EX <ttl> | PX <ttl> | EXAT <sec> | PXAT <ms> | PERSIST ] FIELDS <#> { <m> }
        HGETEX <k> { ( PERSIST | EX <ttl> | PXAT <ms> | FIELDS <#> { <m> } ) }
        HGETDEL <k> FIELDS <#> { <m> }
        DEL <k>
        EXISTS <k>
    ",
    words: |shapes, class| match class {
        "few" => Some(match shapes.below(20) {
            0 => b"-9223372036854775808".to_vec(),
            1 => b"x".to_vec(),
            _ => shapes.number(-6, 6),
        }),
        _ => None,
    },
};
