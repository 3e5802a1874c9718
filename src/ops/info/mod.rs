//! `info`: what a file is and what is in it, counted from its frames in one pass. No value is decoded.
//!
//! What could be counted before a damage is counted: a report holds its error beside its numbers.

pub mod aof;
mod fold;
mod report;

pub use report::{
    Aux, Big, Bulk, Class, Db, Expiries, Function, Listed, Module, Name, RdbInfo, Slots, Spread,
    TypeCount,
};

use crate::input::open::Input;
use crate::pipe;
use crate::rdb::frame::Reader;
use fold::Fold;
use std::io::Read;

/// How to look.
pub struct Options<'a> {
    /// What expiries are measured against, in Unix milliseconds.
    pub now_ms: i64,
    /// How many of the biggest values are named, at most.
    pub biggest: usize,
    /// Workers.
    pub threads: usize,
    /// Is told how many bytes were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// Looks at an RDB file. What went wrong is in the report, beside what was counted before.
#[must_use]
pub fn rdb(input: Input, options: &Options<'_>) -> RdbInfo {
    part(input, options, false, &mut None)
}

/// What stands behind an RDB: the bytes, and their offset in the file.
type Tail = (Box<dyn Read + Send>, u64);

/// The same; where the tail is to be kept, it is put into `tail`.
fn part(input: Input, options: &Options<'_>, keep_tail: bool, tail: &mut Option<Tail>) -> RdbInfo {
    let mut info = RdbInfo::new(&input);
    // The bodies of big records can be looked at where that costs no spooling.
    let again = input.file.is_some();
    let mut reader = match Reader::new(input.stream, input.file, again) {
        Ok(reader) => reader,
        Err(e) => {
            info.problems.push(e.in_file(&info.name));
            return info;
        }
    };
    if keep_tail {
        reader.keep_tail();
    }
    info.header = Some(reader.header());
    let make = || Fold::new(options.now_ms, options.biggest);
    let outcome = pipe::run(
        reader,
        options.threads,
        make,
        &mut std::io::sink(),
        options.progress,
    );
    let mut all = make();
    for worker in outcome.workers {
        all.merge(worker);
    }
    info.read_bytes = outcome.reader.position();
    info.ending = outcome.reader.ending().cloned();
    if let Some(ending) = &info.ending {
        info.read_bytes = ending.end + ending.tail_len;
    }
    let ending = outcome.reader.ending();
    let wrong = outcome
        .error
        .or_else(|| super::dump::checksum_error(ending?));
    info.problems.extend(wrong.map(|e| e.in_file(&info.name)));
    all.report(&mut info);
    *tail = outcome.reader.into_tail();
    info
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::model::kind::Encoding;
    use crate::model::target;
    use crate::rdb::frame::Checksum;

    fn look(bytes: &[u8], threads: usize) -> RdbInfo {
        let stream = Box::new(std::io::Cursor::new(bytes.to_vec()));
        let input = Input::of("x.rdb", stream, None, Some(bytes.len() as u64)).unwrap();
        let options = Options {
            now_ms: 1000,
            biggest: 2,
            threads,
            progress: &|_| (),
        };
        rdb(input, &options)
    }

    /// A length-prefixed string of less than 64 bytes.
    fn s(text: &[u8]) -> Vec<u8> {
        [&[u8::try_from(text.len()).unwrap()], text].concat()
    }

    fn aux(name: &str, value: &str) -> Vec<u8> {
        [vec![0xfa], s(name.as_bytes()), s(value.as_bytes())].concat()
    }

    fn key(code: u8, name: &str, value: &[u8]) -> Vec<u8> {
        [vec![code], s(name.as_bytes()), value.to_vec()].concat()
    }

    /// One of nearly everything.
    fn sample() -> Vec<u8> {
        let expiry = |ms: i64| [&[0xfc][..], &ms.to_le_bytes()].concat();
        [
            b"REDIS0013".to_vec(),
            aux("redis-ver", "8.6.3"),
            b"\xfa\x0aredis-bits\xc0\x40".to_vec(),
            b"\xfa\x05ctime\xc2\x00\x5d\x00\x6b".to_vec(),
            aux("lua", "return 1"),
            [vec![0xf5], s(b"#!lua name=mylib\n--")].concat(),
            b"\xf7\x81\xB5\xEB\x2D\xFF\xFA\xDD\x6C\x01\x02\x02\x00".to_vec(),
            b"\xfe\x00\xfb\x03\x01".to_vec(),
            key(0, "raw", b"\x05hello"),
            expiry(500),
            key(0, "int", b"\xc0\x07"),
            expiry(5000),
            b"\xf9\x09".to_vec(),
            key(0, "lzf", b"\xc3\x06\x15\x01\x61\x61\xe0\x0a\x00"),
            key(1, "list", b"\x02\x01a\x01b"),
            b"\xfe\x03\xfb\x01\x00".to_vec(),
            aux("slot-info", "3300,1,0,0"),
            b"\xf4\x4c\xe5\x01\x00".to_vec(),
            b"\xf3\x01\x18\x83\x10\x00\x02\x07\x00".to_vec(),
            key(
                7,
                "mod",
                b"\x81\xB5\xEB\x2D\xFF\xFA\xDD\x6C\x01\x02\x07\x00",
            ),
            vec![0xff],
            vec![0; 8],
            b"*1\r\n".to_vec(),
        ]
        .concat()
    }

    #[test]
    fn one_of_each() {
        let info = look(&sample(), 1);
        assert!(info.problems.is_empty(), "{:?}", info.problems);
        assert_eq!(info.writer(), Some(("redis", &b"8.6.3"[..])));
        assert_eq!(info.aux_number("redis-bits"), Some(64));
        assert_eq!(info.created_ms(), Some(0x6b00_5d00 * 1000));
        assert_eq!(info.writers_of_version(), "redis-8.6");
        assert_eq!(info.aux.list.len(), 3);
        assert_eq!(info.scripts, Bulk { count: 1, bytes: 8 });
        let [library] = info.functions.list.as_slice() else {
            panic!("{:?}", info.functions);
        };
        assert_eq!(library.engine.as_ref().unwrap().bytes, b"lua");
        assert_eq!(library.name.as_ref().unwrap().bytes, b"mylib");
        assert_eq!(library.bytes, Some(19));
        assert_eq!(info.module_aux.list.len(), 1);
        assert_eq!(info.modules.list[0].count, 1);
        assert_eq!(info.keys(), 5);
        let dbs: Vec<_> = info
            .dbs
            .list
            .iter()
            .map(|d| (d.db, d.keys, d.expires, d.claimed))
            .collect();
        assert_eq!(dbs, [(0, 4, 2, Some((3, 1))), (3, 1, 0, Some((1, 0)))]);
        let types: Vec<_> = info
            .types
            .iter()
            .map(|t| (t.row.kind.name(), t.encoding.name(), t.keys, t.bytes))
            .collect();
        assert_eq!(
            types,
            [
                ("string", "raw", 1, 6),
                ("string", "int", 1, 2),
                ("string", "lzf", 1, 9),
                ("list", "linkedlist", 1, 5),
                ("module", "module", 1, 12),
            ]
        );
        assert_eq!((info.expiries.keys, info.expiries.passed), (2, 1));
        assert_eq!(info.expiries.range, Some((500, 5000)));
        assert_eq!(info.freq.range, Some((9, 9)));
        assert_eq!(info.idle, Spread::default());
        let big: Vec<_> = info
            .biggest
            .iter()
            .map(|b| (b.bytes, b.key.clone().unwrap().bytes))
            .collect();
        assert_eq!(big, [(12, b"mod".to_vec()), (9, b"lzf".to_vec())]);
        let slots = info.slots.as_ref().unwrap();
        assert_eq!((slots.records, slots.keys), (2, 2));
        assert_eq!(slots.ranges(), [(3300, 3301)]);
        assert_eq!(info.metadata, 1);
        assert_eq!(info.metadata_classes.list[0].spec, 0x0010_8318);
        assert_eq!(info.ending.as_ref().unwrap().checksum, Checksum::Disabled);
        assert!(info.commands_follow());
        assert_eq!(info.read_bytes, sample().len() as u64);
        assert_eq!(
            target::ranges(|t| info.known_by(t)),
            "redis-8.6 to redis-8.10"
        );
    }

    #[test]
    fn a_cut_file_is_counted_up_to_the_cut() {
        let whole = sample();
        let end = whole.len() - 4;
        let mut keys = 0;
        for n in 0..whole.len() {
            let info = look(&whole[..n], 1);
            if n >= end {
                assert!(info.problems.is_empty());
                continue;
            }
            let [problem] = info.problems.as_slice() else {
                panic!("{n}: {:?}", info.problems);
            };
            assert_eq!(problem.kind(), ErrorKind::Truncated, "{n}");
            assert!(problem.place().offset.unwrap() <= n as u64);
            assert_eq!(problem.place().file.as_deref(), Some("x.rdb"));
            assert!(info.keys() >= keys);
            keys = info.keys();
        }
        assert_eq!(keys, 5);
    }

    #[test]
    fn a_changed_byte_never_panics() {
        let whole = sample();
        for i in 0..whole.len() {
            for b in [0, 0xff, whole[i] ^ 1, whole[i] ^ 0x80] {
                let mut changed = whole.clone();
                changed[i] = b;
                look(&changed, 1);
            }
        }
    }

    #[test]
    fn the_same_with_any_number_of_workers() {
        let mut bytes = b"REDIS0003".to_vec();
        for db in 0..1200u32 {
            bytes.extend_from_slice(&[0xfe, 0x80]);
            bytes.extend_from_slice(&(5000 - db).to_be_bytes());
            for i in 0..20 {
                bytes.extend(key(
                    0,
                    &format!("k{i}"),
                    &s(&vec![b'x'; (db % 60) as usize]),
                ));
            }
            bytes.extend(aux("note", &db.to_string()));
        }
        bytes.push(0xff);
        let one = look(&bytes, 1);
        let three = look(&bytes, 3);
        assert_eq!(format!("{one:?}"), format!("{three:?}"));
        assert_eq!(one.keys(), 24_000);
        assert_eq!((one.dbs.list.len(), one.dbs.more), (1000, 4000));
        assert_eq!((one.aux.list.len(), one.aux.more), (1000, 200));
        assert_eq!(one.dbs.list[0].db, 3801);
    }

    #[test]
    fn big_bodies_need_not_be_kept() {
        let n = (3u32 << 20).to_be_bytes();
        let long = vec![b' '; 3 << 20];
        let head = |first: &[u8]| [first, &[0x80], &n].concat();
        let bytes = [
            b"REDIS0010".to_vec(),
            head(b"\xf5"),
            long.clone(),
            head(b"\xfa\x04long"),
            long.clone(),
            head(b"\x00\x03big"),
            long,
            vec![0xff],
            vec![0; 8],
        ]
        .concat();
        let info = look(&bytes, 1);
        assert!(info.problems.is_empty(), "{:?}", info.problems);
        assert_eq!(info.functions.list[0].bytes, Some(3 << 20));
        assert_eq!(info.aux.list[0].field, None);
        assert_eq!(info.biggest[0].encoding, Encoding::Raw);
        // The same from a file, which can be read again.
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let options = Options {
            now_ms: 0,
            biggest: 0,
            threads: 1,
            progress: &|_| (),
        };
        let info = rdb(Input::open(file.path()).unwrap(), &options);
        let (name, value) = info.aux.list[0].field.as_ref().unwrap();
        assert_eq!(name.whole(), Some(&b"long"[..]));
        assert_eq!((value.bytes.len(), value.len), (4096, 3 << 20));
        assert!(info.biggest.is_empty());
    }

    #[test]
    fn records_that_cannot_be_read_do_not_stop_the_count() {
        let bytes = [
            b"REDIS0010".to_vec(),
            b"\xfa\x01x\xc3\x01\x09\xff".to_vec(),
            key(0, "k", b"\x01v"),
            vec![0xff],
            vec![1; 8],
        ]
        .concat();
        let info = look(&bytes, 1);
        assert_eq!(info.keys(), 1);
        let kinds: Vec<_> = info.problems.iter().map(Error::kind).collect();
        assert_eq!(kinds, [ErrorKind::Corrupt, ErrorKind::Checksum]);
    }
}
