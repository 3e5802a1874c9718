use super::*;
use crate::model::kind::Flavour;

struct Mem(Vec<u8>);

impl ReadAt for Mem {
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        let start = usize::try_from(at).unwrap();
        let bytes = self.0.get(start..start + buf.len());
        buf.copy_from_slice(bytes.ok_or_else(|| Error::truncated(at, "the memory ends here"))?);
        Ok(())
    }
}

fn run(bytes: &[u8]) -> Salvaged {
    let src: Source = Arc::new(Mem(bytes.to_vec()));
    salvage(&src, bytes.len() as u64, &|_| ()).unwrap()
}

fn ranges(found: &Salvaged) -> Vec<(&'static str, u64, u64)> {
    let patches = found.patches.iter();
    patches.map(|p| (p.code, p.from, p.to)).collect()
}

#[test]
fn a_damaged_head_is_told_by_the_rest() {
    let header = |bytes: &[u8]| header_of(bytes).map(|h| (h.flavour, h.version));
    assert_eq!(header(b"REDIS0011\xff"), Some((Flavour::Redis, 11)));
    assert_eq!(header(b"RXDIS0009\xff"), Some((Flavour::Redis, 9)));
    assert_eq!(header(b"VALKEX080\xff"), Some((Flavour::Valkey, 80)));
    let named = b"REDIS00x0\xfa\x09redis-ver\x066.2.14\xff";
    assert_eq!(header(named), Some((Flavour::Redis, 9)));
    assert_eq!(header(b"REDIS0000\xff"), Some((Flavour::Redis, 6)));
    assert_eq!(header(b"*3\r\n$3\r\nSET"), None);
    assert_eq!(header(b""), None);
}

#[test]
fn a_record_that_is_none_costs_itself() {
    let front = b"REDIS0003\xfe\x00\x00\x01a\x01b";
    let rest = b"\x00\x01c\x01d\x00\x01e\x01f\xff";
    let whole = [&front[..], rest].concat();
    assert!(run(&whole).patches.is_empty());
    let at = front.len() as u64;
    for bad in [&b"\x08\x01x\x01y"[..], b"\xf0\x01x\x01y", b"\x70\x01x\x01y"] {
        let found = run(&[front, bad, rest].concat());
        assert_eq!(ranges(&found), [("bad-format", at, at + 5)], "{bad:?}");
        assert_eq!(found.keys, 3);
        assert_eq!(found.patches[0].keys, [(0, b"x".to_vec())]);
    }
    // The length of the value before reaches into the next record.
    let found = run(b"REDIS0003\xfe\x00\x00\x01a\x03b\x00\x01c\x01d\x00\x01e\x01f\xff");
    assert_eq!(ranges(&found), [("bad-format", 11, 16)]);
    assert_eq!((found.keys, found.ended), (2, true));
    // Cut off, it is closed.
    let found = run(&whole[..whole.len() - 3]);
    let size = whole.len() as u64 - 3;
    assert_eq!(ranges(&found)[1..], [("end", size, size)]);
    assert_eq!((found.keys, found.ended), (2, false));
    // There twice.
    let found = run(b"REDIS0003\xfe\x00\x00\x01a\x01b\x00\x01a\x01c\xfe\x01\x00\x01a\x01d\xff");
    assert_eq!(ranges(&found), [("duplicate-key", 16, 21)]);
}

#[test]
fn a_damaged_choice_of_a_database_is_mended() {
    let front = b"REDIS0003\xfe\x00\xfb\x01\x00\x00\x01a\x01b";
    let rest = b"\xfb\x02\x00\x00\x01c\x01d\x00\x01e\x01f\xff";
    let found = run(&[&front[..], b"\x7e\x05", rest].concat());
    let at = front.len() as u64;
    assert_eq!(ranges(&found), [("selectdb", at, at + 2)]);
    assert_eq!(found.patches[0].fate, Fate::Replace(vec![0xfe, 5]));
    assert_eq!(found.keys, 3);
}

#[test]
fn a_value_is_cut_to_what_holds() {
    // A set with a member twice.
    let found = run(b"REDIS0003\xfe\x00\x02\x01s\x03\x01a\x01b\x01a\xff");
    let [patch] = &found.patches[..] else {
        panic!("{:?}", found.patches)
    };
    assert_eq!(
        patch.fate,
        Fate::Replace(b"\x02\x01s\x02\x01a\x01b".to_vec())
    );
    assert_eq!((patch.from, patch.to), (11, 21));
}

#[test]
fn a_transfer_in_text_mode_is_undone() {
    let mut bytes = b"REDIS0011\xfe\x00\x00\x01a\x04x\ny\n".to_vec();
    bytes.push(opcode::EOF);
    let sum = crate::input::checksum::crc64(&bytes).to_le_bytes();
    bytes.extend_from_slice(&sum);
    assert!(!sum.contains(&b'\n'));
    let text: Vec<u8> = bytes
        .iter()
        .flat_map(|b| {
            if *b == b'\n' {
                vec![b'\r', b'\n']
            } else {
                vec![*b]
            }
        })
        .collect();
    let found = run(&text);
    assert_eq!(ranges(&found), [("crlf", 16, 17), ("crlf", 19, 20)]);
    assert!(found.ended);
}

/// So many small strings.
fn strings(from: u32, to: u32) -> Vec<u8> {
    let one = |n| format!("\0\x06key{n:03}\x02v{}", n % 10).into_bytes();
    (from..to).flat_map(one).collect()
}

#[test]
fn damage_that_stands_close_costs_what_it_hits() {
    let head = b"REDIS0003\xfe\x00";
    let bad = b"\x60\x06bad000\x02xx";
    let parts = [
        &head[..],
        &strings(0, 40),
        bad,
        &strings(40, 80),
        bad,
        &strings(80, 90),
        bad,
    ];
    let found = run(&[&parts.concat()[..], &strings(90, 100), b"\xff"].concat());
    let codes: Vec<_> = found
        .patches
        .iter()
        .map(|p| (p.code, p.to - p.from))
        .collect();
    assert_eq!(codes, [("bad-format", 11); 3]);
    assert_eq!((found.keys, found.ended), (100, true));
}

#[test]
fn an_end_in_the_middle_is_none() {
    let mut bytes = [&b"REDIS0011\xfe\x00"[..], &strings(0, 100), b"\xff"].concat();
    let sum = crate::input::checksum::crc64(&bytes).to_le_bytes();
    bytes.extend_from_slice(&sum);
    assert!(run(&bytes).patches.iter().all(|p| p.code == "checksum"));
    let size = strings(0, 1).len();
    for behind in [b'x', b'*', 0, b'R'] {
        let at = 11 + 50 * size;
        let mut early = bytes.clone();
        early[at] = 0xff;
        early[at + 9] = behind;
        let found = run(&early);
        assert_eq!(found.keys, 99, "{behind}");
        assert_eq!(found.end, bytes.len() as u64);
        let from = at as u64;
        assert_eq!(ranges(&found)[0], ("bad-format", from, from + size as u64));
    }
    // Commands behind the end of a preamble are none.
    let mut preamble = bytes.clone();
    preamble[20] ^= 1;
    preamble.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    assert_eq!(run(&preamble).end, bytes.len() as u64);
}

#[test]
fn zeros_are_no_keys() {
    let front = [&b"REDIS0011\xfe\x00"[..], &strings(0, 50)].concat();
    let hole = vec![0; 3 * 1000];
    let rest = [&strings(50, 100)[..], b"\xff\0\0\0\0\0\0\0\0"].concat();
    let found = run(&[&front[..], &hole, &rest].concat());
    let at = front.len() as u64;
    assert_eq!(ranges(&found)[0], ("zeros", at, at + 3000));
    assert!(found.patches[0].keys.is_empty() && found.doubtful.is_empty());
    assert_eq!(found.keys, 100);
    // More than there are patches, up to the end.
    let found = run(&[&front[..], &vec![0; 500_000]].concat());
    let size = at + 500_000;
    assert_eq!(found.keys, 50);
    assert_eq!(found.end, size);
    let last = found.patches.last().unwrap();
    assert_eq!((last.code, last.from, last.to), ("zero-tail", at, size));
}

#[test]
fn the_value_in_which_a_file_ends_is_cut() {
    let mut bytes = b"REDIS0011\xfe\x00\x00\x01a\x01b\xfc\0\0\0\0\0\x01\0\0\x02\x01s\x09".to_vec();
    let at = 16;
    bytes.extend_from_slice(b"\x01a\x02bc\x03d");
    let found = run(&bytes);
    let size = bytes.len() as u64;
    assert_eq!(ranges(&found)[0], ("torn-value", at, size));
    let with = b"\xfc\0\0\0\0\0\x01\0\0\x02\x01s\x02\x01a\x02bc".to_vec();
    assert_eq!(found.patches[0].fate, Fate::Replace(with));
    assert_eq!(found.patches[0].keys, [(0, b"s".to_vec())]);
    assert_eq!((found.keys, found.doubtful.len()), (2, 2));
    // In the first record, too.
    let found = run(b"REDIS0011\xfe\x02\x02\x01s\x09\x01a\x02bc\x03d");
    assert_eq!(ranges(&found)[0], ("torn-value", 11, 22));
    assert_eq!(found.patches[0].keys, [(2, b"s".to_vec())]);
    // A string is whole or it is not.
    let found = run(b"REDIS0011\xfe\x00\x00\x01a\x01b\x00\x01s\x09abc");
    assert_eq!(
        (found.keys, found.patches[0].fate.name()),
        (1, "quarantine")
    );
}

/// Hostile bytes: time that grows with their number, and no more.
#[test]
fn hostile_bytes_are_read_once() {
    for unit in [
        &b"\xff"[..],
        b"\0",
        b"$",
        b"\x01\x01a\xff",
        b"\x0e\x01a\x81\0\0\0\x01",
    ] {
        let mut bytes = b"REDIS0011".to_vec();
        bytes.extend(unit.iter().cycle().take(1 << 20));
        let src: Source = Arc::new(Mem(bytes.clone()));
        // Whether it can be told or not.
        if let Ok(found) = salvage(&src, bytes.len() as u64, &|_| ()) {
            let mut at = 0;
            for patch in &found.patches {
                assert!(at <= patch.from && patch.from <= patch.to, "{unit:?}");
                at = patch.to;
            }
        }
    }
}
