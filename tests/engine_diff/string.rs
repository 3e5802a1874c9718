//! Strings.

use crate::support::shapes::{Family, no_words};

pub(super) const FAMILY: Family = Family {
    name: "str",
    shapes: "
        GET <k>
        GET <k>
        SET <k> <v>
        SET <k> <i>
        SET <k> <f>
        SET <k> <v> [ NX | XX ] [ GET ] [ EX <ttl> | PX <ttl> | EXAT <sec> | PXAT <ms> | KEEPTTL ]
        SET <k> <v> [ EX <ttl> | PXAT <ms> ] [ GET ] ( IFEQ <v> | IFNE <v> | IFDEQ <hex> | IFDNE <hex> ) [ GET ]
        SET <k> <v> { ( NX | XX | GET | KEEPTTL | EX <ttl> | PX <ttl> | PXAT <ms> | EXAT <sec> | IFEQ <v> | IFNE <v> | IFDEQ <hex> ) }
        SETNX <k> <v>
        SETEX <k> <ttl> <v>
        PSETEX <k> <ttl> <v>
        MSET { <k> <v> }
        MSETNX { <k> <v> }
        MSETEX <#> { <k> <v> } [ NX | XX ] [ EX <ttl> | PX <ttl> | EXAT <sec> | PXAT <ms> | KEEPTTL ]
        MSETEX <#> { <k> <v> } { ( NX | XX | KEEPTTL | EX <ttl> | PX <ttl> ) }
        GETSET <k> <v>
        GETDEL <k>
        GETEX <k> [ EX <ttl> | PX <ttl> | EXAT <sec> | PXAT <ms> | PERSIST ]
        GETEX <k> { ( EX <ttl> | PX <ttl> | PXAT <ms> | PERSIST ) }
        MGET { <k> }
        APPEND <k> <v>
        APPEND <k> <v>
        STRLEN <k>
        SETRANGE <k> <off> <v>
        GETRANGE <k> <at> <at>
        GETRANGE <k> <at> <at>
        SUBSTR <k> <at> <at>
        INCR <k>
        DECR <k>
        INCRBY <k> <i>
        DECRBY <k> <i>
        INCRBYFLOAT <k> <f>
        INCRBYFLOAT <k> <f>
        INCRBYFLOAT <k> <ld>
        DELEX <k> [ IFEQ <v> | IFNE <v> | IFDEQ <hex> | IFDNE <hex> | <v> <v> | <v> ]
        DELIFEQ <k> <v>
        DIGEST <k>
        LCS <k> <k> [ IDX ] [ LEN ] [ WITHMATCHLEN ] [ MINMATCHLEN <n> ]
        LCS <k> <k> IDX WITHMATCHLEN [ MINMATCHLEN <at> ]
        MSET <k> <acgt> <k> <acgt>
        EXISTS { <k> }
        DEL { <k> }
    ",
    words: |shapes, class| match class {
        "hex" => Some(match shapes.below(8) {
            0 => b"0123456789abcdef".to_vec(),
            1 => b"xyz3456789abcdef".to_vec(),
            2 => b"A".to_vec(),
            // "a", "b" and the empty string.
            3 => b"e6c632b61e964e1f".to_vec(),
            4 => b"E6C632B61E964E1F".to_vec(),
            5 => b"4b2212e31ac97fd4".to_vec(),
            _ => b"2d06800538d394c2".to_vec(),
        }),
        "off" => Some(match shapes.below(30) {
            0 => b"-1".to_vec(),
            1 => b"536870912".to_vec(),
            2 => shapes.word("junk"),
            3 => shapes.number(0, 70_000),
            _ => shapes.number(0, 20),
        }),
        "acgt" => {
            let n = shapes.below(30);
            Some((0..n).map(|_| b"acgt"[shapes.below(4)]).collect())
        }
        // Sums that show the bits of a long double.
        "ld" => Some(match shapes.below(6) {
            0 => shapes.number(i64::MIN / 4, i64::MAX / 4),
            1 => format!("0.{}", shapes.next()).into_bytes(),
            2 => format!("{}.{}", shapes.next(), shapes.next()).into_bytes(),
            3 => format!("{}e{}", shapes.next(), shapes.below(60) as i64 - 40).into_bytes(),
            4 => format!("0x{:x}p{}", shapes.next(), shapes.below(160) as i64 - 120).into_bytes(),
            _ => format!("-{}.{}e-3", shapes.next(), shapes.next()).into_bytes(),
        }),
        _ => no_words(shapes, class),
    },
};
