//! Places.

use crate::support::shapes::{Argv, Family};
use redisk::engine::geohash::{Point, Search};

pub(super) const FAMILY: Family = Family {
    name: "geo",
    shapes: "
        GEOADD <k> { <x> <y> <p> }
        GEOADD <k> { <x> <y> <p> }
        GEOADD <k> { <x> <y> <p> }
        GEOADD <k> [ NX | XX ] [ CH ] { <x> <y> <p> }
        GEOADD <k> <x> <y> <m>
        GEOPOS <k> { <p> }
        GEOHASH <k> { <p> }
        GEODIST <k> <p> <p> [ <unit> ]
        GEORADIUS <k> <x> <y> <far> <unit> { [ WITHDIST | WITHHASH | WITHCOORD | ASC | DESC | COUNT <n> | COUNT <n> ANY ] }
        GEORADIUS <k> <x> <y> <far> <unit> ( STORE <k> | STOREDIST <k> ) [ COUNT <n> ]
        GEORADIUS_RO <k> <x> <y> <far> <unit> { [ WITHDIST | WITHHASH | WITHCOORD | ASC | DESC | COUNT <n> ] }
        GEORADIUSBYMEMBER <k> <p> <far> <unit> { [ WITHDIST | WITHHASH | ASC | DESC | COUNT <n> | COUNT <n> ANY ] }
        GEORADIUSBYMEMBER <k> <p> <far> <unit> ( STORE <k> | STOREDIST <k> )
        GEORADIUSBYMEMBER_RO <k> <p> <far> <unit> [ WITHDIST ] [ ASC | DESC ]
        GEOSEARCH <k> ( FROMMEMBER <p> | FROMLONLAT <x> <y> ) ( BYRADIUS <far> <unit> | BYBOX <far> <far> <unit> ) { [ WITHDIST | WITHHASH | WITHCOORD | ASC | DESC | COUNT <n> | COUNT <n> ANY ] }
        GEOSEARCH <k> ( FROMMEMBER <p> | FROMLONLAT <x> <y> ) ( BYRADIUS <far> km | BYBOX <far> <far> km ) [ ASC | DESC ] [ WITHDIST ]
        GEOSEARCH <k> BYPOLYGON <#> { <x> <y> } [ ASC | DESC ] [ WITHDIST ]
        GEOSEARCH <k> BYPOLYGON 3 <x> <y> <x> <y> <x> <y> [ ASC | DESC ] [ WITHDIST ] [ COUNT <n> [ ANY ] ]
        GEOSEARCH <k> { ( FROMMEMBER <p> | FROMLONLAT <x> <y> | BYRADIUS <far> <unit> | BYBOX <far> <far> <unit> | ANY | STOREDIST ) }
        GEOSEARCHSTORE <k> <k> ( FROMMEMBER <p> | FROMLONLAT <x> <y> ) ( BYRADIUS <far> <unit> | BYBOX <far> <far> <unit> ) [ ASC | DESC ] [ COUNT <n> ] [ STOREDIST ]
    ",
    words: |shapes, class| match class {
        "p" => Some(format!("p{}", shapes.below(12)).into_bytes()),
        "x" => Some(match shapes.below(40) {
            0 => shapes.word("f"),
            1 => shapes.one(&["-180", "180", "180.1"]).as_bytes().to_vec(),
            2..=5 => format!("{:.6}", shapes.below(360_000_000) as f64 / 1e6 - 180.0).into_bytes(),
            _ => format!("{:.4}", 13.0 + shapes.below(20_000) as f64 / 1e4).into_bytes(),
        }),
        "y" => Some(match shapes.below(40) {
            0 => shapes.word("f"),
            1 => shapes
                .one(&["-85.05112878", "85.05112878", "85.1"])
                .as_bytes()
                .to_vec(),
            2..=5 => format!("{:.6}", shapes.below(170_000_000) as f64 / 1e6 - 85.0).into_bytes(),
            _ => format!("{:.4}", 37.0 + shapes.below(20_000) as f64 / 1e4).into_bytes(),
        }),
        "far" => Some(match shapes.below(20) {
            0 => shapes.word("f"),
            _ => shapes
                .one(&["0", "1", "50", "100", "200", "500", "5000", "20000", "0.5"])
                .as_bytes()
                .to_vec(),
        }),
        "unit" => Some(
            shapes
                .one(&["km", "km", "km", "m", "mi", "ft", "KM", "ell"])
                .as_bytes()
                .to_vec(),
        ),
        _ => None,
    },
};

/// Whether it searches a polygon around a pole: what a server finds then depends on what its memory happens to hold.
pub(super) fn is_undefined(argv: &Argv) -> bool {
    let Some(at) = argv
        .iter()
        .position(|a| a.eq_ignore_ascii_case(b"BYPOLYGON"))
    else {
        return false;
    };
    let numbers: Vec<f64> = argv
        .iter()
        .skip(at + 2)
        .map_while(|arg| std::str::from_utf8(arg).ok()?.parse().ok())
        .collect();
    let corners = numbers
        .chunks_exact(2)
        .map(|xy| Point {
            longitude: xy[0],
            latitude: xy[1],
        })
        .collect();
    !Search::polygon(corners).is_within_limits()
}
