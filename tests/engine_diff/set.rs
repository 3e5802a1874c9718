//! Sets.

use crate::support::shapes::Family;

pub(super) const FAMILY: Family = Family {
    name: "set",
    shapes: "
        SADD <k> { <m> }
        SADD <k> { <m> }
        SADD <k> { <v> }
        SADD <k> { <i> }
        SREM <k> { <m> }
        SMEMBERS <k>
        SISMEMBER <k> <m>
        SMISMEMBER <k> { <m> }
        SCARD <k>
        SPOP <k> [ <n> ]
        SPOP <k> 1000
        SRANDMEMBER <k> [ <few> ]
        SMOVE <k> <k> <m>
        SINTER { <k> }
        SUNION { <k> }
        SDIFF { <k> }
        SINTERSTORE <k> { <k> }
        SUNIONSTORE <k> { <k> }
        SDIFFSTORE <k> { <k> }
        SINTERCARD <#> { <k> } [ LIMIT <n> ]
        SINTERCARD <n> { <k> } [ LIMIT <at> ]
        SSCAN <k> 0 [ MATCH <glob> ] [ COUNT <n> ]
        SSCAN nosuch <i> [ COUNT 1000 ]
    ",
    words: few,
};

/// A count that no server dies of.
pub(super) fn few(shapes: &mut crate::support::shapes::Shapes, class: &str) -> Option<Vec<u8>> {
    (class == "few").then(|| match shapes.below(20) {
        0 => b"-9223372036854775808".to_vec(),
        1 => b"9223372036854775807".to_vec(),
        2 => b"x".to_vec(),
        _ => shapes.number(-8, 20),
    })
}
