//! Strings as bits.

use crate::support::shapes::Family;

pub(super) const FAMILY: Family = Family {
    name: "bit",
    shapes: "
        SETBIT <k> <bit> ( 0 | 1 | <n> )
        SETBIT <k> <bit> ( 0 | 1 )
        GETBIT <k> <bit>
        BITCOUNT <k>
        BITCOUNT <k> <place> <place> [ BIT | BYTE | <junk> ]
        BITCOUNT <k> <place>
        BITPOS <k> ( 0 | 1 )
        BITPOS <k> ( 0 | 1 | <n> ) <place> [ <place> ]
        BITPOS <k> ( 0 | 1 ) <place> <place> ( BIT | BYTE | <junk> )
        BITOP ( AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE | <junk> ) <k> { <k> }
        BITOP NOT <k> <k>
        BITFIELD <k> { ( GET <type> <off> | SET <type> <off> <i> | INCRBY <type> <off> <i> | OVERFLOW WRAP | OVERFLOW SAT | OVERFLOW FAIL ) }
        BITFIELD <k> { ( SET <type> <off> <i> | INCRBY <type> <off> <i> | OVERFLOW SAT | OVERFLOW FAIL | OVERFLOW <junk> ) }
        BITFIELD <k> [ OVERFLOW SAT | OVERFLOW FAIL ] INCRBY <small> <near> <i> INCRBY <small> <near> <i>
        BITFIELD_RO <k> { GET <type> <off> }
        BITFIELD_RO <k> { ( GET <type> <off> | SET <type> <off> <i> ) }
        BITFIELD <k>
        SET <k> <bytes>
        SET <k> <i>
        GET <k>
        STRLEN <k>
        DEL <k>
    ",
    words: |shapes, class| match class {
        "bit" => Some(match shapes.below(30) {
            0 => b"-1".to_vec(),
            1 => b"4294967296".to_vec(),
            2 => bounded(shapes.word("junk")),
            3 => shapes.number(0, 600_000),
            _ => shapes.number(0, 100),
        }),
        "place" => Some(match shapes.below(20) {
            0 => shapes.word("i"),
            1..=9 => shapes.number(-4, 4),
            _ => shapes.number(-40, 40),
        }),
        "type" => Some(match shapes.below(20) {
            0 => shapes.one(&["u64", "i65", "u0", "i0", "x8", "u", "U8", "i-1"]).as_bytes().to_vec(),
            1 => b"i64".to_vec(),
            2 => b"u63".to_vec(),
            n => {
                let width = 1 + shapes.below(if n < 8 { 64 } else { 12 });
                let mark = if width == 64 || shapes.percent(50) { 'i' } else { 'u' };
                format!("{mark}{width}").into_bytes()
            }
        }),
        "small" => Some(shapes.one(&["u1", "u2", "u3", "i2", "i3", "u8", "i8"]).as_bytes().to_vec()),
        "near" => Some(shapes.number(0, 3)),
        "off" => Some(match shapes.below(30) {
            0 => shapes.one(&["-1", "#-1", "#x", "#", "4294967296", "x"]).as_bytes().to_vec(),
            1..=10 => [&b"#"[..], &shapes.number(0, 9)].concat(),
            _ => shapes.number(0, 70),
        }),
        "bytes" => {
            let n = shapes.below(12);
            let fill = [None, Some(0), Some(255)][shapes.below(3)];
            Some((0..n).map(|_| fill.unwrap_or_else(|| shapes.below(256) as u8)).collect())
        }
        _ => None,
    },
};

/// Not half a gigabyte of zeros.
fn bounded(offset: Vec<u8>) -> Vec<u8> {
    if offset.len() > 6 && offset != b"4294967296" {
        b"x".to_vec()
    } else {
        offset
    }
}
