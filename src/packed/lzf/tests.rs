use super::stream::PIECE;
use super::*;
use proptest::prelude::*;

fn decoded(input: &[u8], expected: usize) -> Result<Vec<u8>, LzfError> {
    let mut out = vec![7; 3];
    decode(input, expected, &mut out).map(<[u8]>::to_vec)
}

/// The same by way of `Stream`, in pieces of `size` bytes.
fn streamed(input: &[u8], expected: usize, size: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut emit = |piece: &[u8]| {
        out.extend_from_slice(piece);
        Ok(())
    };
    let mut stream = Stream::new(input.len() as u64, expected as u64)?;
    for piece in input.chunks(size) {
        stream.push(piece, &mut emit)?;
    }
    stream.finish(&mut emit)?;
    Ok(out)
}

fn check_both(input: &[u8], expected: usize) -> Result<Vec<u8>, LzfError> {
    let whole = decoded(input, expected);
    assert_eq!(check(input, expected as u64), whole.clone().map(|_| ()));
    for size in [1, 2, 7, 4096] {
        match (&whole, streamed(input, expected, size)) {
            (Ok(a), Ok(b)) => assert_eq!(*a, b),
            (Err(a), Err(b)) => assert_eq!(a.to_string(), b.message()),
            (a, b) => panic!("{a:?} whole, {b:?} in pieces of {size}"),
        }
    }
    whole
}

/// The plainest reading of the format, byte by byte.
fn plain(input: &[u8], expected: usize) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = Vec::new();
    let mut i = 0;
    while i < input.len() {
        let c = usize::from(input[i]);
        i += 1;
        if c < 32 {
            out.extend_from_slice(input.get(i..i + c + 1)?);
            i += c + 1;
        } else {
            let mut n = (c >> 5) + 2;
            if c >> 5 == 7 {
                n += usize::from(*input.get(i)?);
                i += 1;
            }
            let distance = ((c & 31) << 8 | usize::from(*input.get(i)?)) + 1;
            i += 1;
            for _ in 0..n {
                out.push(*out.get(out.len().checked_sub(distance)?)?);
            }
        }
        if out.len() > expected {
            return None;
        }
    }
    (out.len() == expected).then_some(out)
}

#[test]
fn vectors() {
    assert_eq!(check_both(b"", 0), Ok(vec![]));
    assert_eq!(check_both(b"\x01aa\xe0\x0a\x00", 21), Ok(vec![b'a'; 21]));
    assert_eq!(check_both(b"\x02abc\x20\x02", 6), Ok(b"abcabc".to_vec()));
    assert_eq!(
        check_both(b"\x02abc\xe0\x00\x02", 12),
        Ok(b"abcabcabcabc".to_vec())
    );
    // 264 from one reference, at the distance 1; and the largest expansion that is no lie.
    assert_eq!(check_both(b"\x00x\xe0\xff\x00", 265), Ok(vec![b'x'; 265]));
}

#[test]
fn every_distance_and_length() {
    let start: Vec<u8> = (0..9000u32).map(|i| (i * 7 + i / 256) as u8).collect();
    let mut head = Vec::new();
    for run in start.chunks(32) {
        head.push((run.len() - 1) as u8);
        head.extend_from_slice(run);
    }
    for distance in (1..=40).chain([255, 256, 257, 4096, 8191, 8192]) {
        for len in (3..=50).chain([255, 256, 263, 264]) {
            let back = distance - 1;
            let mut input = head.clone();
            if len < 9 {
                input.push(((len - 2) << 5 | back >> 8) as u8);
            } else {
                input.push((0xe0 | back >> 8) as u8);
                input.push((len - 9) as u8);
            }
            input.push(back as u8);
            let size = start.len() + len;
            let got = decoded(&input, size).unwrap();
            assert_eq!(Some(&got), plain(&input, size).as_ref());
            assert_eq!(streamed(&input, size, 1000).unwrap(), got);
            // And followed by one literal, which must stand right behind.
            input.extend_from_slice(b"\x00!");
            let got = decoded(&input, size + 1).unwrap();
            assert_eq!(Some(&got), plain(&input, size + 1).as_ref());
        }
    }
}

#[test]
fn errors_say_where() {
    let e = |input: &[u8], n| check_both(input, n).unwrap_err().to_string();
    assert_eq!(
        e(b"\x00a\x20\x01", 4),
        "LZF byte 2: reference 2 bytes back, with 1 bytes of output so far"
    );
    assert_eq!(
        e(b"\x02abc", 2),
        "LZF byte 0: more than the 2 bytes promised"
    );
    assert_eq!(
        e(b"\x02abc\x20\x00", 5),
        "LZF byte 4: more than the 5 bytes promised"
    );
    assert_eq!(
        e(b"\x02abc", 5),
        "LZF: 4 compressed bytes give 3 bytes, 5 promised"
    );
    assert_eq!(
        e(b"\x02abc", 353),
        "LZF: 4 compressed bytes cannot give the 353 promised"
    );
    assert_eq!(
        e(b"", 1),
        "LZF: 0 compressed bytes cannot give the 1 promised"
    );
    for cut in [
        &b"\x02ab"[..],
        b"\x02abc\x20",
        b"\x02abc\xe0",
        b"\x02abc\xe0\x00",
    ] {
        let at = if cut.len() < 4 { 0 } else { 4 };
        assert_eq!(
            e(cut, 40),
            format!("LZF byte {at}: the compressed bytes end inside this item")
        );
    }
    assert_eq!(LzfError::Truncated { at: 9 }.offset(), 9);
    assert!(size_of::<LzfError>() <= 32);
    // Nothing is allocated for a lie.
    let mut out = Vec::new();
    decode(b"\x00a", usize::MAX, &mut out).unwrap_err();
    assert_eq!(out.capacity(), 0);
}

#[test]
fn stream_slides_its_window() {
    let data: Vec<u8> = (0..2_000_000u32)
        .flat_map(|i| (i / 5 % 977 * (i / 9000)).to_le_bytes())
        .collect();
    let mut packed = Vec::new();
    assert!(Encoder::new().encode(&data, data.len(), &mut packed));
    let mut pieces = Vec::new();
    let mut stream = Stream::new(packed.len() as u64, data.len() as u64).unwrap();
    let mut at = 0;
    let mut emit = |piece: &[u8]| {
        assert_eq!(piece, &data[at..at + piece.len()]);
        at += piece.len();
        pieces.push(piece.len());
        Ok(())
    };
    for piece in packed.chunks(1013) {
        stream.push(piece, &mut emit).unwrap();
    }
    stream.finish(&mut emit).unwrap();
    assert_eq!(at, data.len());
    assert!(
        pieces
            .iter()
            .all(|&n| n <= PIECE + MAX_DISTANCE + MAX_MATCH)
    );
    // An error of the taker comes back as it is.
    let mut stream = Stream::new(2, 1).unwrap();
    stream.push(b"\x00a", &mut |_| Ok(())).unwrap();
    let e = stream
        .finish(&mut |_| Err(Error::limit("enough")))
        .unwrap_err();
    assert_eq!(e.message(), "enough");
}

#[test]
fn encoder_keeps_to_its_room() {
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    let data = b"aaaaaaaaaaaaaaaaaaaaa";
    assert!(encoder.encode(data, 17, &mut out));
    let needs = out.len();
    assert_eq!(decoded(&out, data.len()).unwrap(), data);
    for room in 0..30 {
        assert_eq!(encoder.encode(data, room, &mut out), room >= needs);
        assert_eq!(out.len(), if room >= needs { needs } else { 0 });
    }
    assert!(encoder.encode(b"", 0, &mut out));
    assert!(!encoder.encode(b"a", 1, &mut out));
    assert!(encoder.encode(b"a", 2, &mut out));
}

#[test]
fn encoder_forgets_earlier_calls() {
    let mut used = Encoder::new();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for i in 0..200u32 {
        let data: Vec<u8> = (0..i * 3).map(|k| (k % (i % 17 + 1)) as u8).collect();
        used.encode(&data, data.len() * 2, &mut a);
        Encoder::new().encode(&data, data.len() * 2, &mut b);
        assert_eq!(a, b);
    }
    used.base = u32::MAX - 5;
    assert!(used.encode(&[b'z'; 100], 100, &mut a));
    assert_eq!(used.base, 101);
    assert_eq!(decoded(&a, 100).unwrap(), [b'z'; 100]);
}

fn repetitive() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..600),
        prop::collection::vec(0u8..3, 0..3000),
        (
            prop::collection::vec(any::<u8>(), 1..300),
            1usize..60,
            any::<u8>()
        )
            .prop_map(|(part, times, extra)| {
                let mut v = part.repeat(times);
                v.push(extra);
                v.extend_from_slice(&part);
                v
            }),
    ]
}

proptest! {
    #[test]
    fn round_trip_and_oracle(data in repetitive()) {
        let mut packed = Vec::new();
        let worst = data.len() + data.len().div_ceil(32);
        prop_assert!(Encoder::new().encode(&data, worst, &mut packed));
        prop_assert_eq!(check_both(&packed, data.len()), Ok(data.clone()));
        if !data.is_empty() {
            prop_assert_eq!(lzf::decompress(&packed, data.len()).unwrap(), &data[..]);
        }
        // The oracle's encoder indexes out of bounds on some legal input.
        let theirs = std::panic::catch_unwind(|| lzf::compress(&data));
        if let Ok(Ok(theirs)) = theirs {
            prop_assert_eq!(check_both(&theirs, data.len()), Ok(data.clone()));
        }
        for cut in [1, packed.len() / 2, packed.len().saturating_sub(1)] {
            if cut < packed.len() {
                prop_assert!(check_both(&packed[..cut], data.len()).is_err());
            }
        }
    }

    #[test]
    fn garbage_agrees_with_the_plainest_reading(
        input in prop::collection::vec(prop_oneof![any::<u8>(), 0u8..4, 32u8..36], 0..60),
        guess in 0usize..2000,
    ) {
        for expected in (0..=80).chain([guess]) {
            let got = check_both(&input, expected);
            prop_assert_eq!(got.clone().ok(), plain(&input, expected));
            if let (Ok(got), false) = (got, input.is_empty()) {
                prop_assert_eq!(lzf::decompress(&input, expected).unwrap(), got);
            }
        }
    }
}

#[test]
fn a_prefix_is_what_stands_in_front_of_the_damage() {
    let text: Vec<u8> = (0..5000u32)
        .flat_map(|n| (n / 3).to_string().into_bytes())
        .collect();
    let mut packed = Vec::new();
    assert!(Encoder::new().encode(&text, text.len(), &mut packed));
    assert_eq!(prefix(&packed, text.len()), text);
    assert_eq!(prefix(&packed, 100), text[..100]);
    for cut in 0..packed.len() {
        let out = prefix(&packed[..cut], text.len());
        assert!(text.starts_with(&out), "{cut}");
        // An item gives no more than that, and is at most 33 bytes long.
        let next = prefix(&packed[..(cut + 33).min(packed.len())], text.len());
        assert!(next.len() > out.len() || cut + 33 > packed.len(), "{cut}");
    }
    // A reference in front of the start.
    assert_eq!(prefix(b"\x01ab\x20\x05\x00c", 9), b"ab");
    assert_eq!(prefix(b"", 9), b"");
}
