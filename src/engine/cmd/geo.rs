//! Places: sorted sets whose scores are geohashes.

use super::Family;
use super::zset::{add_scores, put, real, score_of, zset};
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, clamped, int, is};
use crate::engine::geohash::{self, LATITUDE, LONGITUDE, Point, Search, Shape};
use crate::engine::partial_sort;
use crate::engine::reply::{Done, Out, Refusal, texts};
use crate::engine::value::zset::{Zset, ZsetRef};
use crate::packed::string::{Digits, Str};
use std::cmp::Ordering;

pub(super) const COMMANDS: Family = &[
    ("geoadd", geoadd),
    ("geodist", geodist),
    ("geohash", geohash),
    ("geopos", geopos),
    ("georadius", georadius),
    ("georadius_ro", georadius_ro),
    ("georadiusbymember", georadiusbymember),
    ("georadiusbymember_ro", georadiusbymember_ro),
    ("geosearch", geosearch),
    ("geosearchstore", geosearchstore),
];

/// Two arguments as a place.
fn place(cx: &Cx<'_>, longitude: &[u8], latitude: &[u8]) -> Result<Point, Refusal> {
    let (longitude, latitude) = (score_of(cx, longitude)?, score_of(cx, latitude)?);
    if longitude.abs() > LONGITUDE || latitude.abs() > LATITUDE {
        return Err(Refusal::of(format!(
            "ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"
        )));
    }
    Ok(Point {
        longitude,
        latitude,
    })
}

/// Metres of a unit. Up to 6.2 it had to be written small.
fn unit(cx: &Cx<'_>, arg: &[u8]) -> Result<f64, Refusal> {
    let is_old = cx.is_redis_before((7, 0));
    [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)]
        .into_iter()
        .find_map(|(word, metres)| {
            let is_it = arg == word.as_bytes() || !is_old && is(arg, word);
            is_it.then_some(metres)
        })
        .ok_or(Refusal::new(if is_old {
            "ERR unsupported unit provided. please use m, km, ft, mi"
        } else {
            "ERR unsupported unit provided. please use M, KM, FT, MI"
        }))
}

/// A radius and its unit.
fn radius(cx: &Cx<'_>, arg: &[u8], of: &[u8]) -> Result<(f64, f64), Refusal> {
    let radius = real(cx, arg).ok_or(Refusal::new("ERR need numeric radius"))?;
    if radius < 0.0 {
        return Err(Refusal::new("ERR radius cannot be negative"));
    }
    Ok((radius, unit(cx, of)?))
}

/// Four digits behind the point.
fn distance(out: &mut Out, far: f64) {
    if out.listens() {
        out.bulk(format!("{far:.4}").as_bytes());
    }
}

/// A place as an array of its coordinates: to 17 digits behind the point, or as short as doubles can be since Redis 8.0.
fn coordinates(out: &mut Out, is_short: bool, place: Point) {
    out.array(2);
    for coordinate in [place.longitude, place.latitude] {
        if is_short {
            out.double(coordinate);
            continue;
        }
        let mut text = format!("{coordinate:.17}");
        let plain = text.trim_end_matches('0').trim_end_matches('.').len();
        text.truncate(plain);
        out.double_text(text.as_bytes());
    }
}

fn geoadd(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (mut nx, mut xx, mut ch, mut first) = (false, false, false, 2);
    while let Some(option) = args.get(first) {
        if is(option, "NX") {
            nx = true;
        } else if is(option, "XX") {
            xx = true;
        } else if is(option, "CH") {
            ch = true;
        } else {
            break;
        }
        first += 1;
    }
    let rest = args.len() - first;
    if !rest.is_multiple_of(3) || nx && xx {
        return Err(texts::SYNTAX);
    }
    let mut pairs = Vec::with_capacity(rest / 3);
    let mut all = args.iter().skip(first);
    while let (Some(x), Some(y), Some(member)) = (all.next(), all.next(), all.next()) {
        pairs.push((member, geohash::score(place(cx, x, y)?)));
    }
    if pairs.is_empty() {
        // What is left of it is a ZADD without pairs.
        return Err(texts::SYNTAX);
    }
    add_scores(cx, at(args, 1), &pairs, nx, xx, ch)?;
    if cx.log.is_kept() {
        #[allow(clippy::cast_possible_truncation, reason = "52 bits")]
        let scores: Vec<Digits> = pairs.iter().map(|(_, s)| Digits::new(*s as i64)).collect();
        let word: &[u8] = if cx.is_valkey() && cx.dialect.version >= (9, 0) {
            b"ZADD"
        } else {
            b"zadd"
        };
        let head = args.iter().take(first).skip(1);
        let rest = scores.iter().zip(&pairs);
        let rest = rest.flat_map(|(score, (member, _))| [score.as_bytes(), *member]);
        cx.log
            .instead(cx.db, std::iter::once(word).chain(head).chain(rest));
    }
    Ok(())
}

fn geopos(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let is_short = cx.is_redis((8, 0));
    let zset = zset(cx.keys, cx.db, at(args, 1))?;
    cx.out.array(args.len() - 2);
    for member in args.iter().skip(2) {
        match zset.and_then(|z| z.score(member)) {
            Some(score) => coordinates(cx.out, is_short, geohash::point(score)),
            None => cx.out.nil_array(),
        }
    }
    Ok(())
}

fn geohash(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let zset = zset(cx.keys, cx.db, at(args, 1))?;
    cx.out.array(args.len() - 2);
    for member in args.iter().skip(2) {
        match zset.and_then(|z| z.score(member)) {
            Some(score) => cx.out.bulk(&geohash::text(geohash::point(score))),
            None => cx.out.nil(),
        }
    }
    Ok(())
}

fn geodist(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let metres = match args.len() {
        5 => unit(cx, at(args, 4))?,
        4 => 1.0,
        _ => return Err(texts::SYNTAX),
    };
    let found = zset(cx.keys, cx.db, at(args, 1))?
        .and_then(|zset| Some((zset.score(at(args, 2))?, zset.score(at(args, 3))?)));
    match found {
        Some((a, b)) => {
            let far = geohash::distance(geohash::point(a), geohash::point(b));
            distance(cx.out, far / metres);
        }
        None => cx.out.nil(),
    }
    Ok(())
}

fn georadius(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    search(cx, args, Form::Radius, true)
}

fn georadius_ro(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    search(cx, args, Form::Radius, false)
}

fn georadiusbymember(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    search(cx, args, Form::RadiusByMember, true)
}

fn georadiusbymember_ro(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    search(cx, args, Form::RadiusByMember, false)
}

fn geosearch(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    search(cx, args, Form::Search, false)
}

fn geosearchstore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    search(cx, args, Form::Search, true)
}

/// How a search is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `key longitude latitude radius unit`
    Radius,
    /// `key member radius unit`
    RadiusByMember,
    /// `key`, and all the rest in options
    Search,
}

/// A search, read.
#[derive(Debug, Default)]
struct Ask<'a> {
    center: Option<Point>,
    shape: Option<Shape>,
    /// Metres of the unit that distances are answered in.
    metres: f64,
    with_distance: bool,
    with_hash: bool,
    with_place: bool,
    any: bool,
    order: Option<Ordering>,
    count: usize,
    store: Option<&'a [u8]>,
    store_distance: bool,
}

/// The place of a member.
fn member(cx: &Cx<'_>, zset: ZsetRef<'_>, name: &[u8]) -> Result<Point, Refusal> {
    zset.score(name).map(geohash::point).ok_or_else(|| {
        if cx.is_valkey() && cx.dialect.version >= (9, 0) {
            let name = String::from_utf8_lossy(name);
            return Refusal::of(format!("ERR member {name} does not exist"));
        }
        Refusal::new("ERR could not decode requested zset member")
    })
}

impl<'a> Ask<'a> {
    fn read(
        cx: &Cx<'_>,
        args: &Args<'a>,
        zset: Option<ZsetRef<'_>>,
        form: Form,
        stores: bool,
    ) -> Result<Ask<'a>, Refusal> {
        let mut ask = Ask {
            metres: 1.0,
            ..Ask::default()
        };
        let first = match form {
            Form::Radius => {
                ask.center = Some(place(cx, at(args, 2), at(args, 3))?);
                ask.circle(cx, at(args, 4), at(args, 5))?;
                6
            }
            Form::RadiusByMember => {
                if let Some(zset) = zset {
                    ask.center = Some(member(cx, zset, at(args, 2))?);
                    ask.circle(cx, at(args, 3), at(args, 4))?;
                }
                5
            }
            Form::Search if stores => {
                ask.store = args.get(1);
                3
            }
            Form::Search => 2,
        };
        ask.options(cx, args, zset, form, stores, first)?;
        Ok(ask)
    }

    fn circle(&mut self, cx: &Cx<'_>, far: &[u8], of: &[u8]) -> Done {
        let (far, metres) = radius(cx, far, of)?;
        self.metres = metres;
        self.shape = Some(Shape::Circle(far * metres));
        Ok(())
    }

    fn rectangle(&mut self, cx: &Cx<'_>, width: &[u8], height: &[u8], of: &[u8]) -> Done {
        let width = real(cx, width).ok_or(Refusal::new("ERR need numeric width"))?;
        let height = real(cx, height).ok_or(Refusal::new("ERR need numeric height"))?;
        if width < 0.0 || height < 0.0 {
            return Err(Refusal::new("ERR height or width cannot be negative"));
        }
        self.metres = unit(cx, of)?;
        self.shape = Some(Shape::Box(width * self.metres, height * self.metres));
        Ok(())
    }

    fn options(
        &mut self,
        cx: &Cx<'_>,
        args: &Args<'a>,
        zset: Option<ZsetRef<'_>>,
        form: Form,
        stores: bool,
        first: usize,
    ) -> Done {
        let searches = form == Form::Search;
        let knows_polygons = cx.is_valkey() && cx.dialect.version >= (9, 0);
        let (mut by_member, mut by_place) = (false, false);
        let (mut circle, mut rectangle, mut polygon) = (false, false, false);
        let mut rest = args.iter().skip(first);
        while let Some(option) = rest.next() {
            let more = rest.len();
            let mut next = || rest.next().unwrap_or_default();
            if is(option, "WITHDIST") {
                self.with_distance = true;
            } else if is(option, "WITHHASH") {
                self.with_hash = true;
            } else if is(option, "WITHCOORD") {
                self.with_place = true;
            } else if is(option, "ANY") {
                self.any = true;
            } else if is(option, "ASC") {
                self.order = Some(Ordering::Less);
            } else if is(option, "DESC") {
                self.order = Some(Ordering::Greater);
            } else if is(option, "COUNT") && more >= 1 {
                let n = int(next())?;
                if n <= 0 {
                    return Err(Refusal::new("ERR COUNT must be > 0"));
                }
                self.count = clamped(n);
            } else if is(option, "STORE") && more >= 1 && stores && !searches {
                self.store = Some(next());
                self.store_distance = false;
            } else if is(option, "STOREDIST") && more >= 1 && stores && !searches {
                self.store = Some(next());
                self.store_distance = true;
            } else if is(option, "STOREDIST") && stores && searches {
                self.store_distance = true;
            } else if is(option, "FROMMEMBER") && more >= 1 && searches && !by_place && !polygon {
                let name = next();
                if let Some(zset) = zset {
                    self.center = Some(member(cx, zset, name)?);
                }
                by_member = true;
            } else if is(option, "FROMLONLAT") && more >= 2 && searches && !by_member && !polygon {
                let (x, y) = (next(), next());
                self.center = Some(place(cx, x, y)?);
                by_place = true;
            } else if is(option, "BYRADIUS") && more >= 2 && searches && !rectangle && !polygon {
                let (far, of) = (next(), next());
                self.circle(cx, far, of)?;
                circle = true;
            } else if is(option, "BYBOX") && more >= 3 && searches && !circle && !polygon {
                let (width, height, of) = (next(), next(), next());
                self.rectangle(cx, width, height, of)?;
                rectangle = true;
            } else if is(option, "BYPOLYGON")
                && more >= 2
                && searches
                && knows_polygons
                && !circle
                && !rectangle
                && !by_member
                && !by_place
            {
                let n = int(next())
                    .ok()
                    .and_then(|n| i32::try_from(n).ok())
                    .ok_or(Refusal::new("ERR invalid number of vertices"))?;
                let n = usize::try_from(n).unwrap_or(0);
                if n < 3 || (more - 1) / 2 < n {
                    return Err(Refusal::new(
                        "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices",
                    ));
                }
                let mut corners = Vec::with_capacity(n);
                for _ in 0..n {
                    let (x, y) = (next(), next());
                    corners.push(place(cx, x, y)?);
                }
                let Search { center, shape } = Search::polygon(corners);
                self.center = Some(center);
                self.shape = Some(shape);
                self.metres = 1.0;
                polygon = true;
            } else {
                return Err(texts::SYNTAX);
            }
        }
        if self.store.is_some() && (self.with_distance || self.with_hash || self.with_place) {
            return Err(Refusal::new(if cx.is_redis_before((7, 0)) {
                "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORDS options"
            } else if searches {
                "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            } else {
                "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            }));
        }
        if searches && !by_member && !by_place && !polygon {
            return Err(Refusal::of(format!(
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {}",
                String::from_utf8_lossy(args.name())
            )));
        }
        if searches && !circle && !rectangle && !polygon {
            let shapes = if knows_polygons {
                "BYRADIUS, BYBOX and BYPOLYGON"
            } else {
                "BYRADIUS and BYBOX"
            };
            return Err(Refusal::of(format!(
                "ERR exactly one of {shapes} can be specified for {}",
                String::from_utf8_lossy(args.name())
            )));
        }
        if self.any && self.count == 0 {
            return Err(Refusal::new("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }
}

/// A member that was found.
#[derive(Debug)]
struct Found<'k> {
    member: Str<'k>,
    score: f64,
    place: Point,
    /// Metres.
    far: f64,
}

/// What a search finds, in the servers' order.
fn find<'k>(ask: &mut Ask<'_>, zset: ZsetRef<'k>) -> Vec<Found<'k>> {
    let (Some(center), Some(shape)) = (ask.center, ask.shape.take()) else {
        return Vec::new();
    };
    let search = Search { center, shape };
    let limit = if ask.any { ask.count } else { usize::MAX };
    let mut found = Vec::new();
    'all: for (min, max) in search.ranges() {
        let from = zset.count_before(|_, s| s < min);
        for (member, score) in zset.iter_from(from).take_while(|(_, s)| *s < max) {
            let place = geohash::point(score);
            if let Some(far) = search.holds(place) {
                found.push(Found {
                    member,
                    score,
                    place,
                    far,
                });
                if found.len() >= limit {
                    break 'all;
                }
            }
        }
    }
    // A count alone is of the nearest.
    let order = match ask.order {
        None if ask.count > 0 && !ask.any => Some(Ordering::Less),
        order => order,
    };
    let wanted = match ask.count {
        0 => found.len(),
        n => n.min(found.len()),
    };
    if let Some(order) = order {
        let mut compare = |a: &Found<'_>, b: &Found<'_>| {
            let nearer = match a.far.partial_cmp(&b.far) {
                Some(order) => order,
                None => Ordering::Less,
            };
            if order == Ordering::Less {
                nearer
            } else {
                nearer.reverse()
            }
        };
        if wanted == found.len() {
            found.sort_by(|a, b| {
                let nearer = a.far.total_cmp(&b.far);
                if order == Ordering::Less {
                    nearer
                } else {
                    nearer.reverse()
                }
            });
        } else {
            partial_sort::first(&mut found, wanted, &mut compare);
        }
    }
    found.truncate(wanted);
    found
}

fn search(cx: &mut Cx<'_>, args: &Args<'_>, form: Form, stores: bool) -> Done {
    let source = if form == Form::Search && stores { 2 } else { 1 };
    let zset = zset(cx.keys, cx.db, at(args, source))?;
    let mut ask = Ask::read(cx, args, zset, form, stores)?;
    let found = match zset {
        Some(zset) => find(&mut ask, zset),
        None => Vec::new(),
    };
    if let Some(target) = ask.store {
        let mut result = Zset::default();
        for found in &found {
            let score = if ask.store_distance {
                found.far / ask.metres
            } else {
                found.score
            };
            found
                .member
                .with(|m| result.set(m.unwrap_or_default(), score));
        }
        let len = put(cx, target, result);
        cx.out.count(len);
        return Ok(());
    }
    let is_short = cx.is_redis((8, 0));
    cx.out.array(found.len());
    let extras =
        usize::from(ask.with_distance) + usize::from(ask.with_hash) + usize::from(ask.with_place);
    for found in &found {
        if extras > 0 {
            cx.out.array(1 + extras);
        }
        cx.out.str(&found.member);
        if ask.with_distance {
            distance(cx.out, found.far / ask.metres);
        }
        if ask.with_hash {
            #[allow(clippy::cast_possible_truncation, reason = "it saturates")]
            cx.out.int(found.score as i64);
        }
        if ask.with_place {
            coordinates(cx.out, is_short, found.place);
        }
    }
    Ok(())
}
