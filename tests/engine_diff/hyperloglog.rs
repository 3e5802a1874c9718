//! HyperLogLogs.

use crate::support::shapes::Family;

pub(super) const FAMILY: Family = Family {
    name: "hll",
    shapes: "
        PFADD <k>
        PFADD <k> { <seen> }
        PFADD <k> { <seen> } { <seen> } { <seen> }
        PFADD <k> { <seen> <seen> <seen> <seen> <seen> <seen> <seen> <seen> }
        PFCOUNT <k>
        PFCOUNT { <k> }
        PFMERGE <k> { <k> }
        PFMERGE <k>
        PFDEBUG ( ENCODING | DECODE | TODENSE | <junk> ) <k>
        PFDEBUG DECODE <k>
        GETRANGE <k> 0 200
        SETRANGE <k> <within> <byte>
        APPEND <k> <byte>
        SET <k> HYLL
        SET <k> <broken>
        DEL <k>
        GET <k>
        STRLEN <k>
    ",
    words: |shapes, class| match class {
        "seen" => Some(match shapes.below(4) {
            0 => shapes.number(0, 40),
            1 => shapes.number(0, 100_000),
            2 => {
                let n = shapes.below(20);
                (0..n).map(|_| shapes.below(256) as u8).collect()
            }
            _ => shapes.next().to_string().into_bytes(),
        }),
        "within" => Some(match shapes.below(8) {
            0 => shapes.number(0, 7),
            _ => shapes.number(16, 40),
        }),
        "byte" => Some(vec![shapes.below(256) as u8]),
        "broken" => {
            let mut bytes = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80".to_vec();
            bytes[4] = [1, 1, 1, 0, 2][shapes.below(5)];
            let n = shapes.below(6);
            bytes.extend((0..n).map(|_| shapes.below(256) as u8));
            if shapes.percent(30) {
                bytes.truncate(shapes.below(20));
            }
            Some(bytes)
        }
        _ => None,
    },
};
