//! Payloads of `DUMP` from real servers, against the commands that built them.

use crate::support::rdb::{Put, hex};
use crate::support::testdata;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use redisk::Result;
use redisk::input::checksum::crc64;
use redisk::model::finding::Finding;
use redisk::model::kind::{Flavour, Kind};
use redisk::packed::string::Str;
use redisk::rdb::frame::Checksum;
use redisk::rdb::payload::Dump;
use redisk::rdb::visit::{StreamPart, Visit};
use redisk::rdb::walk::Scratch;
use std::collections::BTreeMap;

type Text = Vec<u8>;

/// What a key holds.
#[derive(Debug, Default, PartialEq)]
struct Value {
    text: Option<Text>,
    list: Vec<Text>,
    set: BTreeMap<Text, ()>,
    zset: BTreeMap<Text, u64>,
    hash: BTreeMap<Text, (Text, Option<u64>)>,
    entries: BTreeMap<(u64, u64), Vec<(Text, Text)>>,
    groups: Vec<Text>,
}

/// Reads it out of a payload.
#[derive(Default)]
struct Collect {
    value: Value,
    entry: (u64, u64),
    length: Option<u64>,
    empty: bool,
    findings: Vec<Finding>,
}

fn own(s: Str<'_>) -> Text {
    s.to_vec(1 << 30).unwrap()
}

impl Visit for Collect {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        self.value.text = Some(own(value));
        Ok(())
    }
    fn element(&mut self, element: Str<'_>) -> Result<()> {
        self.value.list.push(own(element));
        Ok(())
    }
    fn member(&mut self, member: Str<'_>) -> Result<()> {
        self.value.set.insert(own(member), ());
        Ok(())
    }
    fn scored(&mut self, member: Str<'_>, score: f64) -> Result<()> {
        self.value.zset.insert(own(member), score.to_bits());
        Ok(())
    }
    fn field(&mut self, field: Str<'_>, value: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        self.value.hash.insert(own(field), (own(value), expire_ms));
        Ok(())
    }
    fn stream(&mut self, part: StreamPart<'_>) -> Result<()> {
        match part {
            StreamPart::Entry(id) => {
                self.entry = (id.ms, id.seq);
                self.value.entries.insert(self.entry, Vec::new());
            }
            StreamPart::Field(field, value) => {
                let fields = self.value.entries.get_mut(&self.entry).unwrap();
                fields.push((own(field), own(value)));
            }
            StreamPart::Meta(meta) => self.length = Some(meta.length),
            StreamPart::Group { name, .. } => self.value.groups.push(own(name)),
            _ => {}
        }
        Ok(())
    }
    fn empty(&mut self) -> Result<()> {
        self.empty = true;
        Ok(())
    }
    fn finding(&mut self, finding: Finding) -> Result<()> {
        self.findings.push(finding);
        Ok(())
    }
}

/// Bytes that were written with `\xHH`.
fn unescape(text: &str) -> Text {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if let ([b'x', a, b, behind @ ..], b'\\') = (tail, *first) {
            out.push(u8::from_str_radix(std::str::from_utf8(&[*a, *b]).unwrap(), 16).unwrap());
            rest = behind;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

fn number(text: &[u8]) -> u64 {
    std::str::from_utf8(text).unwrap().parse().unwrap()
}

fn id(text: &[u8]) -> (u64, u64) {
    let text = std::str::from_utf8(text).unwrap();
    let (ms, seq) = text.split_once('-').unwrap_or((text, "0"));
    (ms.parse().unwrap(), seq.parse().unwrap())
}

impl Value {
    /// Does what a command does; `false` where that is not known here.
    fn execute(&mut self, args: &[Text], listpack: bool) -> bool {
        let name = String::from_utf8_lossy(&args[0]).into_owned();
        match (name.as_str(), &args[2..]) {
            ("SET", [value]) => self.text = Some(value.clone()),
            ("APPEND", [value]) => self.text.get_or_insert_default().extend_from_slice(value),
            ("RPUSH", elements) => self.list.extend_from_slice(elements),
            ("SADD", members) => self.set.extend(members.iter().map(|m| (m.clone(), ()))),
            ("SREM", members) => members.iter().for_each(|m| {
                self.set.remove(m);
            }),
            ("ZADD", pairs) => {
                for pair in pairs.chunks(2) {
                    let mut score: f64 = String::from_utf8_lossy(&pair[0]).parse().unwrap();
                    // A listpack holds no -0, a ziplist does.
                    if score == 0.0 && listpack {
                        score = 0.0;
                    }
                    self.zset.insert(pair[1].clone(), score.to_bits());
                }
            }
            ("HSET", pairs) => {
                for pair in pairs.chunks(2) {
                    self.hash.insert(pair[0].clone(), (pair[1].clone(), None));
                }
            }
            ("HPEXPIREAT", [ms, _, _, fields @ ..]) => {
                for field in fields {
                    self.hash.get_mut(field).unwrap().1 = Some(number(ms));
                }
            }
            ("HPERSIST", [_, _, fields @ ..]) => {
                for field in fields {
                    self.hash.get_mut(field).unwrap().1 = None;
                }
            }
            ("XADD", [at, fields @ ..]) => {
                let fields = fields.chunks(2).map(|f| (f[0].clone(), f[1].clone()));
                self.entries.insert(id(at), fields.collect());
            }
            ("XDEL", ids) => ids.iter().for_each(|at| {
                self.entries.remove(&id(at));
            }),
            ("XGROUP", [_, group, ..]) => {
                // The key stands behind the word CREATE; other words do not make groups.
                if args[1] == b"CREATE" {
                    self.groups.push(group.clone());
                }
            }
            // What these change is not compared.
            ("PEXPIREAT" | "XSETID" | "XCLAIM" | "XREADGROUP" | "XIDMPRECORD" | "XCFGSET", _) => {}
            _ => return false,
        }
        true
    }
}

#[test]
fn vectors_hold_what_their_commands_built() {
    let vectors = std::fs::read_to_string(testdata("dump-vectors.jsonl")).unwrap();
    let (mut compared, mut all) = (0, 0);
    for line in vectors.lines() {
        all += 1;
        let v: serde_json::Value = serde_json::from_str(line).unwrap();
        let what = format!("{}: {}", v["server"], v["commands"]);
        let bytes = STANDARD.decode(v["dump"].as_str().unwrap()).unwrap();
        let dump = Dump::parse(&bytes).unwrap_or_else(|e| panic!("{what}: {e}"));
        let valkey = v["server"].as_str().unwrap().starts_with("valkey-9");
        assert_eq!(dump.flavour == Flavour::Valkey, valkey, "{what}");
        assert_eq!(
            u64::from(dump.version),
            v["rdb_version"].as_u64().unwrap(),
            "{what}"
        );
        assert_eq!(
            u64::from(dump.row.code),
            v["rdb_type"].as_u64().unwrap(),
            "{what}"
        );
        assert!(matches!(dump.checksum, Checksum::Match(_)), "{what}");
        assert!(dump.checksum_error().is_none() && dump.meta.is_none());
        let mut got = Collect::default();
        let walked = dump.walk(true, &mut Scratch::default(), &mut got);
        walked.unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(
            got.findings.is_empty() && !got.empty,
            "{what}: {:?}",
            got.findings
        );
        let kind = dump.row.kind;
        match v["type"].as_str().unwrap() {
            "vectorset" => assert_eq!(kind, Kind::Module),
            name => assert_eq!(kind.name(), name, "{what}"),
        }
        if kind == Kind::Stream {
            assert_eq!(got.length, Some(got.value.entries.len() as u64), "{what}");
        }
        let mut want = Value::default();
        let listpack = dump.row.code == 17;
        let known = v["commands"].as_array().unwrap().iter().all(|command| {
            let args = command.as_array().unwrap().iter();
            let args: Vec<Text> = args.map(|a| unescape(a.as_str().unwrap())).collect();
            want.execute(&args, listpack)
        });
        if known {
            compared += 1;
            assert_eq!(got.value, want, "{what}");
        }
    }
    assert_eq!(all, 207);
    assert!(compared > 190, "only {compared} were compared");
}

fn payload(body: &str, version: u16) -> Vec<u8> {
    let bytes = hex(body).raw(&version.to_le_bytes());
    let crc = crc64(&bytes);
    bytes.raw(&crc.to_le_bytes())
}

#[test]
fn the_example_of_the_format() {
    let bytes = hex("00 C080 0C00 521006ADD526C590");
    assert_eq!(bytes, payload("00 C080", 12));
    let dump = Dump::parse(&bytes).unwrap();
    assert_eq!(
        (dump.flavour, dump.version, dump.row.code),
        (Flavour::Redis, 12, 0)
    );
    let mut got = Collect::default();
    dump.walk(true, &mut Scratch::default(), &mut got).unwrap();
    assert_eq!(got.value.text.unwrap(), b"-128");
}

#[test]
fn metadata_stands_in_front() {
    let meta = "F3 01 18831000 0207 05026869 04000000000000F83F 0281FFFFFFFFFFFFFFFF 030000C03F 00";
    let bytes = payload(&format!("{meta} 00 C001"), 13);
    let dump = Dump::parse(&bytes).unwrap();
    assert_eq!(dump.meta, Some(hex(meta).as_slice()));
    assert_eq!((dump.row.code, dump.body().rest()), (0, &hex("C001")[..]));
    // One is the most, and Valkey has none.
    assert!(Dump::parse(&payload(&format!("{meta} {meta} 00 C001"), 13)).is_err());
    assert!(Dump::parse(&payload(&format!("{meta} 00 C001"), 80)).is_err());
}

#[test]
fn what_is_wrong_is_said() {
    let error = |bytes: &[u8]| Dump::parse(bytes).unwrap_err().to_string();
    assert_eq!(
        error(b""),
        "offset 0x0: a payload of 0 bytes; 11 is the least"
    );
    assert_eq!(
        error(&payload("", 9)),
        "offset 0xa: a payload of 10 bytes; 11 is the least"
    );
    for version in [0, 17, 79, 82, 65535] {
        let message = format!(
            "offset 0x3: RDB version {version} is not known (1 to 16 of Redis and 80 to 81 of Valkey are)"
        );
        assert_eq!(error(&payload("00 C001", version)), message);
    }
    assert_eq!(
        error(&payload("08 C001", 12)),
        "offset 0x0: 0x08 is no value type (redis)"
    );
    assert_eq!(
        error(&payload("FE 00", 80)),
        "offset 0x0: 0xfe is no value type (valkey)"
    );
    for code in ["1E", "20"] {
        assert!(error(&payload(&format!("{code} 00"), 15)).contains("refers to the templates"));
    }
    assert!(error(&payload("F3 00", 13)).contains("a byte was expected"));
    // The same code, another vendor.
    let pre_ga = payload("16 01 00 01 \"f\" 01 \"v\"", 12);
    let hash_2 = payload("16 01 01 \"f\" 01 \"v\" FFFFFFFFFFFFFFFF", 80);
    for bytes in [pre_ga, hash_2] {
        let mut got = Collect::default();
        let dump = Dump::parse(&bytes).unwrap();
        dump.walk(true, &mut Scratch::default(), &mut got).unwrap();
        assert_eq!(got.value.hash[&b"f".to_vec()], (b"v".to_vec(), None));
    }
    // A wrong checksum, none, and bytes behind the value.
    let mut bytes = payload("00 C001 00", 12);
    let mut got = Collect::default();
    Dump::parse(&bytes)
        .unwrap()
        .walk(true, &mut Scratch::default(), &mut got)
        .unwrap();
    assert_eq!(got.findings[0].code, "payload-rest");
    *bytes.last_mut().unwrap() ^= 1;
    let e = Dump::parse(&bytes).unwrap().checksum_error().unwrap();
    assert_eq!(e.place().offset, Some(6));
    bytes.splice(6.., [0; 8]);
    assert_eq!(Dump::parse(&bytes).unwrap().checksum, Checksum::Disabled);
}
