//! Places as 52-bit integers: longitude and latitude, 26 bits each, interleaved.
//!
//! The arithmetic is the servers' own, operation for operation, so that distances and cells come out the same to the
//! last bit.

/// Metres.
const EARTH_RADIUS: f64 = 6_372_797.560_856;
/// Half of the equator in the projection that cells are estimated in, metres.
const MERCATOR_MAX: f64 = 20_037_726.37;
/// Longitudes go from -180 to 180.
pub const LONGITUDE: f64 = 180.0;
/// Latitudes go from -85.05112878 to 85.05112878.
pub const LATITUDE: f64 = 85.051_128_78;
/// Bits of each coordinate in a score.
const STEPS: u32 = 26;

/// Longitude and latitude, degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// East of Greenwich.
    pub longitude: f64,
    /// North of the equator.
    pub latitude: f64,
}

fn radians(degrees: f64) -> f64 {
    degrees * (std::f64::consts::PI / 180.0)
}

fn degrees(radians: f64) -> f64 {
    radians / (std::f64::consts::PI / 180.0)
}

/// Spreads 32 bits over the even ones of 64.
fn spread(v: u32) -> u64 {
    [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ]
    .into_iter()
    .fold(u64::from(v), |v, (shift, mask): (u32, u64)| {
        (v | v << shift) & mask
    })
}

/// The even ones of 64 bits.
#[allow(clippy::cast_possible_truncation, reason = "the upper half is empty")]
fn gather(v: u64) -> u32 {
    [
        (0, 0x5555_5555_5555_5555),
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ]
    .into_iter()
    .fold(v, |v, (shift, mask): (u32, u64)| (v | v >> shift) & mask) as u32
}

/// A cell: all points whose score begins with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cell {
    bits: u64,
    steps: u32,
}

/// What a cell covers, degrees.
#[derive(Debug, Clone, Copy)]
struct Area {
    longitude: (f64, f64),
    latitude: (f64, f64),
}

impl Cell {
    /// The cell of a point, with latitudes up to `latitude`.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a saturating cast of what is in range"
    )]
    fn of(point: Point, steps: u32, latitude: f64) -> Cell {
        let x = (point.longitude + LONGITUDE) / (LONGITUDE + LONGITUDE);
        let y = (point.latitude + latitude) / (latitude + latitude);
        let scale = (1u64 << steps) as f64;
        Cell {
            bits: spread((y * scale) as u32) | spread((x * scale) as u32) << 1,
            steps,
        }
    }

    fn area(self) -> Area {
        #[allow(clippy::cast_precision_loss, reason = "26 bits")]
        let scale = (1u64 << self.steps) as f64;
        let side = |bits: u32, max: f64| {
            let low = f64::from(bits);
            let at = |n: f64| -max + n / scale * (max + max);
            (at(low), at(low + 1.0))
        };
        Area {
            longitude: side(gather(self.bits >> 1), LONGITUDE),
            latitude: side(gather(self.bits), LATITUDE),
        }
    }

    /// The cell so many to the east and to the north: 1, 0 or -1. It wraps around.
    fn beside(self, east: i8, north: i8) -> Cell {
        const X: u64 = 0xaaaa_aaaa_aaaa_aaaa;
        const Y: u64 = 0x5555_5555_5555_5555;
        let unused = 64 - self.steps * 2;
        let go = |bits: u64, other: u64, mask: u64, by: i8| {
            let one = (other >> unused).wrapping_add(1);
            let moved = match by {
                0 => return bits,
                1.. => bits.wrapping_add(one),
                _ => (bits | other >> unused).wrapping_sub(one),
            };
            moved & mask >> unused
        };
        Cell {
            bits: go(self.bits & X, Y, X, east) | go(self.bits & Y, X, Y, north),
            steps: self.steps,
        }
    }

    fn is_nothing(self) -> bool {
        self == Cell::default()
    }

    /// The scores of its points: from the first up to the second, without it.
    #[allow(clippy::cast_precision_loss, reason = "52 bits")]
    fn scores(self) -> (f64, f64) {
        let shift = 52 - self.steps * 2;
        (
            (self.bits << shift) as f64,
            ((self.bits + 1) << shift) as f64,
        )
    }
}

/// The score of a point that lies within the limits.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "52 bits")]
pub fn score(point: Point) -> f64 {
    Cell::of(point, STEPS, LATITUDE).bits as f64
}

/// The point of a score: the middle of its cell.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is no score of a point gives some point, as in servers"
)]
pub fn point(score: f64) -> Point {
    let area = Cell {
        bits: score as u64,
        steps: STEPS,
    }
    .area();
    let middle = |(low, high): (f64, f64), max: f64| ((low + high) / 2.0).clamp(-max, max);
    Point {
        longitude: middle(area.longitude, LONGITUDE),
        latitude: middle(area.latitude, LATITUDE),
    }
}

/// The usual geohash of a point: 11 characters, the last of which is always `0`.
#[must_use]
pub fn text(point: Point) -> [u8; 11] {
    const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    let bits = Cell::of(point, STEPS, 90.0).bits;
    let mut text = [b'0'; 11];
    for (i, to) in text.iter_mut().take(10).enumerate() {
        let digit = bits >> (52 - (i + 1) * 5) & 0x1f;
        if let Some(c) = usize::try_from(digit).ok().and_then(|d| ALPHABET.get(d)) {
            *to = *c;
        }
    }
    text
}

fn latitude_distance(a: f64, b: f64) -> f64 {
    EARTH_RADIUS * (radians(b) - radians(a)).abs()
}

/// The distance between two points, metres. Servers before 7.0 take no short way along a meridian.
#[must_use]
pub fn distance(a: Point, b: Point) -> f64 {
    let v = ((radians(b.longitude) - radians(a.longitude)) / 2.0).sin();
    if v == 0.0 {
        return latitude_distance(a.latitude, b.latitude);
    }
    let (from, to) = (radians(a.latitude), radians(b.latitude));
    let u = ((to - from) / 2.0).sin();
    let h = u * u + from.cos() * to.cos() * v * v;
    2.0 * EARTH_RADIUS * h.sqrt().asin()
}

/// What is searched.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Up to so many metres around.
    Circle(f64),
    /// So many metres wide and high.
    Box(f64, f64),
    /// Between these corners.
    Polygon(Vec<Point>),
}

/// An area to search.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Its middle.
    pub center: Point,
    /// Its form.
    pub shape: Shape,
}

impl Search {
    /// The area between corners; its middle is theirs, on the sphere.
    #[must_use]
    pub fn polygon(corners: Vec<Point>) -> Search {
        let (mut x, mut y, mut z) = (0.0f64, 0.0f64, 0.0f64);
        for corner in &corners {
            let (lon, lat) = (radians(corner.longitude), radians(corner.latitude));
            x += lat.cos() * lon.cos();
            y += lat.cos() * lon.sin();
            z += lat.sin();
        }
        Search {
            center: Point {
                longitude: degrees(y.atan2(x)),
                latitude: degrees(z.atan2((x * x + y * y).sqrt())),
            },
            shape: Shape::Polygon(corners),
        }
    }

    /// The distance of a point from the middle, metres, if the point lies within.
    #[must_use]
    pub fn holds(&self, point: Point) -> Option<f64> {
        match &self.shape {
            Shape::Circle(radius) => {
                let far = distance(self.center, point);
                // What is no number is not farther.
                (!matches!(far.partial_cmp(radius), Some(std::cmp::Ordering::Greater)))
                    .then_some(far)
            }
            Shape::Box(width, height) => {
                if latitude_distance(point.latitude, self.center.latitude) > height / 2.0 {
                    return None;
                }
                let beside = Point {
                    longitude: self.center.longitude,
                    latitude: point.latitude,
                };
                if distance(point, beside) > width / 2.0 {
                    return None;
                }
                Some(distance(self.center, point))
            }
            Shape::Polygon(corners) => {
                let mut before = corners.last().copied()?;
                let mut inside = false;
                for a in corners {
                    let b = std::mem::replace(&mut before, *a);
                    if (a.latitude > point.latitude) != (b.latitude > point.latitude)
                        && point.longitude
                            < (b.longitude - a.longitude) * (point.latitude - a.latitude)
                                / (b.latitude - a.latitude)
                                + a.longitude
                    {
                        inside = !inside;
                    }
                }
                inside.then(|| distance(self.center, point))
            }
        }
    }

    /// The longitudes and latitudes between which it lies.
    fn bounds(&self) -> Area {
        let (width, height) = match &self.shape {
            Shape::Circle(radius) => (*radius, *radius),
            Shape::Box(width, height) => (width / 2.0, height / 2.0),
            Shape::Polygon(corners) => {
                let mut area = Area {
                    longitude: (LONGITUDE, -LONGITUDE),
                    latitude: (LATITUDE, -LATITUDE),
                };
                for corner in corners {
                    area.longitude.0 = area.longitude.0.min(corner.longitude);
                    area.longitude.1 = area.longitude.1.max(corner.longitude);
                    area.latitude.0 = area.latitude.0.min(corner.latitude);
                    area.latitude.1 = area.latitude.1.max(corner.latitude);
                }
                return area;
            }
        };
        let Point {
            longitude,
            latitude,
        } = self.center;
        let up = degrees(height / EARTH_RADIUS);
        let wide = |at: f64| degrees(width / EARTH_RADIUS / radians(at).cos());
        let aside = if latitude < 0.0 {
            wide(latitude - up)
        } else {
            wide(latitude + up)
        };
        Area {
            longitude: (longitude - aside, longitude + aside),
            latitude: (latitude - up, latitude + up),
        }
    }

    /// Metres from the middle to what is farthest.
    fn radius(&self, bounds: &Area) -> f64 {
        match &self.shape {
            Shape::Circle(radius) => *radius,
            Shape::Box(width, height) => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
            Shape::Polygon(_) => {
                let (west, east) = bounds.longitude;
                let (south, north) = bounds.latitude;
                [(west, north), (east, north), (west, south), (east, south)]
                    .into_iter()
                    .map(|(longitude, latitude)| {
                        let corner = Point {
                            longitude,
                            latitude,
                        };
                        distance(self.center, corner)
                    })
                    .fold(0.0, f64::max)
            }
        }
    }

    /// Whether its middle is a place that has a score. That of a polygon around a pole may be none.
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        self.center.latitude.abs() <= LATITUDE
    }

    /// The ranges of scores to look through, in the order in which servers do: the first score and the one behind the
    /// last.
    ///
    /// None at all where the middle lies beyond the limits: Valkey's `geohashEncode` gives no cell then, and what is
    /// searched is what the memory happens to hold, mostly nothing.
    pub fn ranges(&self) -> Vec<(f64, f64)> {
        if !self.is_within_limits() {
            return Vec::new();
        }
        let bounds = self.bounds();
        let (west, east) = bounds.longitude;
        let (south, north) = bounds.latitude;
        let mut steps = estimate(self.radius(&bounds), self.center.latitude);
        let mut cell = Cell::of(self.center, steps, LATITUDE);
        let too_small = cell.beside(0, 1).area().latitude.1 < north
            || cell.beside(0, -1).area().latitude.0 > south
            || cell.beside(1, 0).area().longitude.1 < east
            || cell.beside(-1, 0).area().longitude.0 > west;
        if steps > 1 && too_small {
            steps -= 1;
            cell = Cell::of(self.center, steps, LATITUDE);
        }
        let area = cell.area();
        let mut ranges = Vec::with_capacity(9);
        let mut before = Cell::default();
        for (x, y) in [
            (0, 0),
            (0, 1),
            (0, -1),
            (1, 0),
            (-1, 0),
            (1, 1),
            (-1, 1),
            (1, -1),
            (-1, -1),
        ] {
            let useless = steps >= 2
                && (y < 0 && area.latitude.0 < south
                    || y > 0 && area.latitude.1 > north
                    || x < 0 && area.longitude.0 < west
                    || x > 0 && area.longitude.1 > east);
            let next = cell.beside(x, y);
            // In wide searches neighbours can be the same. The first one is not remembered.
            if useless || next.is_nothing() || (next == before && !ranges.is_empty()) {
                continue;
            }
            ranges.push(next.scores());
            before = if (x, y) == (0, 0) {
                Cell::default()
            } else {
                next
            };
        }
        ranges
    }
}

/// Bits of each coordinate of cells about as large as a radius.
fn estimate(mut metres: f64, latitude: f64) -> u32 {
    if metres == 0.0 {
        return STEPS;
    }
    let mut steps = 1u32;
    while metres < MERCATOR_MAX {
        metres *= 2.0;
        steps += 1;
    }
    let nearer = match latitude.abs() {
        l if l > 80.0 => 2,
        l if l > 66.0 => 1,
        _ => 0,
    };
    steps.saturating_sub(2 + nearer).clamp(1, STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_place() {
        let palermo = Point {
            longitude: 13.361389,
            latitude: 38.115556,
        };
        assert_eq!(score(palermo), 3_479_099_956_230_698.0);
        let back = point(3_479_099_956_230_698.0);
        assert!(distance(palermo, back) < 1.0);
        assert_eq!(&text(back), b"sqc8b49rny0");
    }

    #[test]
    fn a_polygon_around_a_pole_has_no_middle_to_search_from() {
        let around = |west: f64| {
            let corner = |longitude, latitude| Point {
                longitude,
                latitude,
            };
            Search::polygon(vec![
                corner(14.7517, 37.6186),
                corner(west, 38.6123),
                corner(14.6004, LATITUDE),
            ])
        };
        let inside = Point {
            longitude: 13.9955,
            latitude: 38.6432,
        };
        for (west, searched) in [(-169.534_090, false), (-140.0, true)] {
            let search = around(west);
            assert!(search.holds(inside).is_some());
            assert_eq!(search.is_within_limits(), searched, "{west}");
            let score = score(inside);
            let found = search.ranges().iter().any(|r| r.0 <= score && score < r.1);
            assert_eq!(found, searched, "{west}");
        }
    }
}
