//! Lists that are too long to be held: compared run by run.

use super::{Told, compared, options};
use crate::support::rdb::{Put, Rdb};
use crate::support::run;
use redisk::ops::diff::{Bounds, Datum, Options, Report};

/// An RDB with a list of numbers.
fn list(numbers: impl Iterator<Item = u64>) -> Vec<u8> {
    let numbers: Vec<u64> = numbers.collect();
    let list = Rdb::new("REDIS0010").key(1, "l").num(numbers.len() as u64);
    let text = |n: u64| format!("{n:08}").into_bytes();
    numbers
        .into_iter()
        .fold(list, |list, n| list.text(&text(n)))
        .end()
}

fn held(a: &[u8], b: &[u8], held: u64) -> (Report, Told) {
    let options = Options {
        bounds: Bounds {
            held,
            ..Bounds::default()
        },
        ..options()
    };
    let input = |bytes: &[u8]| run::as_file("x.rdb", &bytes.into()).unwrap();
    compared(input(a), input(b), &options).unwrap()
}

/// The indices that are told: of what is gone, and of what is new.
fn told(a: &[u8], b: &[u8], bound: u64) -> (Vec<i128>, Vec<i128>) {
    let (report, told) = held(a, b, bound);
    assert_eq!(report.counts.changed, 1);
    let (_, items, more) = &told.keys[&(0, b"l".to_vec())];
    assert_eq!(*more, 0);
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    for item in items {
        let Datum::Number(index) = item.at[0].1 else {
            panic!("{item:?}");
        };
        assert_eq!(item.a == Datum::None, item.b != Datum::None);
        if item.b == Datum::None {
            gone.push(index);
        } else {
            new.push(index);
        }
    }
    (gone, new)
}

#[test]
fn what_is_new_does_not_make_the_rest_differ() {
    const ALL: u64 = 20_000;
    let a = list(0..ALL);
    // As a whole, and in runs of some 2,000 and 700.
    for bound in [24 << 20, 300 << 10, 100 << 10] {
        let one = list([90_000].into_iter().chain(0..ALL));
        assert_eq!(told(&a, &one, bound), (vec![], vec![0]), "{bound}");
        assert_eq!(told(&one, &a, bound), (vec![0], vec![]), "{bound}");
        let many = list((90_000..90_500).chain(0..ALL));
        assert_eq!(
            told(&a, &many, bound),
            (vec![], (0..500).collect()),
            "{bound}"
        );
        // Here and there one more, and some gone.
        let mixed = list((0..ALL).filter(|n| n % 1000 != 7).flat_map(|n| {
            let more = (n % 777 == 5).then_some(50_000 + n);
            [Some(n), more].into_iter().flatten()
        }));
        let (gone, new) = told(&a, &mixed, bound);
        assert_eq!(
            gone,
            (0..20).map(|i| i * 1000 + 7).collect::<Vec<_>>(),
            "{bound}"
        );
        assert_eq!(
            new.len(),
            (0..ALL).filter(|n| n % 1000 != 7 && n % 777 == 5).count()
        );
        // One end has more.
        let (gone, new) = told(&a, &list(0..ALL - 300), bound);
        assert_eq!(gone, (19_700..20_000).collect::<Vec<_>>(), "{bound}");
        assert!(new.is_empty());
    }
}

#[test]
fn nothing_in_common_ends() {
    for bound in [24 << 20, 20 << 10] {
        let (gone, new) = told(&list(0..3000), &list(5000..7000), bound);
        assert_eq!((gone.len(), new.len()), (3000, 2000));
        // All alike: nothing is there once.
        let alike = |n| list(std::iter::repeat_n(1, n));
        let (gone, new) = told(&alike(3000), &alike(2000), bound);
        assert_eq!(gone.len(), new.len() + 1000);
    }
}
