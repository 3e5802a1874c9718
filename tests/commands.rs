//! The table of commands against what real servers say about theirs.

use crate::support::server::{Kind, Server, Value};
use redisk::model::commands::keys::{Begin, Find};
use redisk::model::commands::{COMMANDS, Command, Seen, flags, keys, lookup};
use redisk::model::kind::Flavour;
use std::collections::BTreeSet;

#[test]
fn redis_agrees_with_the_table() {
    against(Kind::Redis);
}

#[test]
fn valkey_agrees_with_the_table() {
    against(Kind::Valkey);
}

fn against(kind: Kind) {
    let Some(mut server) = Server::start(kind, &[]) else {
        return;
    };
    let (kind, version) = server.version();
    let (flavour, seen) = match (kind, version) {
        (Kind::Redis, (7, 0, _)) => (Flavour::Redis, Some(Seen::Redis70)),
        (Kind::Redis, (8, 6, _)) => (Flavour::Redis, Some(Seen::Redis86)),
        (Kind::Redis, _) => (Flavour::Redis, None),
        (Kind::Valkey, (9, 1, _)) => (Flavour::Valkey, Some(Seen::Valkey91)),
        (Kind::Valkey, _) => (Flavour::Valkey, None),
    };
    if version < (7, 0, 0) {
        eprintln!("SKIPPED: {version:?} does not tell about subcommands");
        return;
    }
    let reply = server.cmd(&["COMMAND"]);
    let mut told = BTreeSet::new();
    let mut wrong = Vec::new();
    for info in reply.array() {
        let info = info.array();
        compare(info, seen, flavour, version, &mut told, &mut wrong);
        for sub in info[9].array() {
            compare(sub.array(), seen, flavour, version, &mut told, &mut wrong);
        }
    }
    for c in COMMANDS {
        let name = full_name(c);
        let expected = match seen {
            Some(seen) => c.as_in(seen).is_some(),
            // Modules need not be there, nor what a minor version between took away again.
            None => c.is_in(flavour, version) && !c.has(flags::MODULE),
        };
        if expected && !told.contains(&name) {
            wrong.push(format!("{name}: in the table, not in the server"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{kind:?} {version:?}:\n{}",
        wrong.join("\n")
    );
    assert!(told.len() > 300);
}

fn full_name(c: &Command) -> String {
    match c.sub {
        "" => c.name.to_owned(),
        sub => format!("{}|{sub}", c.name),
    }
}

fn compare(
    info: &[Value],
    seen: Option<Seen>,
    flavour: Flavour,
    version: (u8, u8, u8),
    told: &mut BTreeSet<String>,
    wrong: &mut Vec<String>,
) {
    let name = info[0].text().to_lowercase();
    told.insert(name.clone());
    let (base, sub) = name.split_once('|').unwrap_or((&name, ""));
    let Some(row) = lookup(base.as_bytes(), sub.as_bytes()) else {
        wrong.push(format!("{name}: in the server, not in the table"));
        return;
    };
    let Some(seen) = seen else {
        if !row.is_in(flavour, version) {
            wrong.push(format!("{name}: the table says it is newer"));
        }
        return;
    };
    let mut check = |what: &str, theirs: String, ours: String| {
        if theirs != ours {
            wrong.push(format!("{name} {what}: server {theirs}, table {ours}"));
        }
    };
    let words =
        |value: &Value| -> BTreeSet<String> { value.array().iter().map(Value::text).collect() };
    let (arity, bits) = row.as_in(seen).unwrap_or((0, 0));
    check("arity", info[1].int().to_string(), arity.to_string());
    let ours: BTreeSet<String> = flags::NAMES
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, name)| (*name).to_owned())
        .collect();
    check(
        "flags",
        format!("{:?}", words(&info[2])),
        format!("{ours:?}"),
    );
    let range = (info[3].int(), info[4].int(), info[5].int());
    let (first, last, step) = row.range;
    let ours = (i64::from(first), i64::from(last), i64::from(step));
    check("range", format!("{range:?}"), format!("{ours:?}"));
    let ours: BTreeSet<String> = row
        .acl_categories(seen)
        .map(|name| format!("@{name}"))
        .collect();
    check("acl", format!("{:?}", words(&info[6])), format!("{ours:?}"));
    let theirs: Vec<String> = info[8].array().iter().map(spec_of_server).collect();
    let ours: Vec<String> = row.keys.iter().map(spec_of_table).collect();
    check("keys", theirs.join(" "), ours.join(" "));
}

/// A field of a flat map.
fn field<'a>(map: &'a Value, name: &str) -> &'a Value {
    map.array()
        .chunks(2)
        .find(|pair| pair[0].text() == name)
        .map(|pair| &pair[1])
        .unwrap_or_else(|| panic!("no {name} in {map:?}"))
}

fn spec_of_server(spec: &Value) -> String {
    let part = |name: &str| {
        let part = field(spec, name);
        let kind = field(part, "type").text();
        let spec = field(part, "spec");
        let fields: &[&str] = match kind.as_str() {
            "index" => &["index"],
            "keyword" => &["keyword", "startfrom"],
            "range" => &["lastkey", "keystep", "limit"],
            "keynum" => &["keynumidx", "firstkey", "keystep"],
            _ => &[],
        };
        let values: Vec<String> = fields
            .iter()
            .map(|f| match field(spec, f) {
                Value::Int(n) => n.to_string(),
                other => other.text(),
            })
            .collect();
        format!("{kind}({})", values.join(","))
    };
    format!("{}-{}", part("begin_search"), part("find_keys"))
}

fn spec_of_table(spec: &keys::KeySpec) -> String {
    let begin = match spec.begin {
        Begin::Index(index) => format!("index({index})"),
        Begin::Keyword(word, from) => format!("keyword({word},{from})"),
        Begin::Unknown => "unknown()".to_owned(),
    };
    let find = match spec.find {
        Find::Range { last, step, limit } => format!("range({last},{step},{limit})"),
        Find::Count { step } => format!("keynum(0,1,{step})"),
        Find::Unknown => "unknown()".to_owned(),
    };
    format!("{begin}-{find}")
}

/// The servers' own key extraction against ours, on the forms that are no plain range.
#[test]
fn servers_find_the_same_keys() {
    let Some(mut server) = Server::start(Kind::Redis, &[]) else {
        return;
    };
    if server.version().1 < (7, 0, 0) {
        eprintln!("SKIPPED: servers before 7.0 do not know all of these commands");
        return;
    }
    for line in [
        "SET a b",
        "MSET a 1 b 2",
        "BLPOP a b 0",
        "XGROUP CREATE s g $",
        "EVAL s 2 a b x",
        "ZUNIONSTORE d 2 a b WEIGHTS 1 2",
        "LMPOP 2 a b LEFT",
        "BLMPOP 0 1 a LEFT",
        "SORT a BY STORE GET STORE STORE x LIMIT 0 1 store d",
        "SORT a STORE d STORE e",
        "GEORADIUS g 1 2 3 m STORE d",
        "GEORADIUSBYMEMBER g m 3 km COUNT 5 store d",
        "GEOSEARCHSTORE d s FROMMEMBER m BYRADIUS 1 m ASC",
        "XREADGROUP GROUP g c COUNT 1 STREAMS a b > 0",
        "XREADGROUP GROUP STREAMS STREAMS STREAMS a b c 1 2 3",
        "MIGRATE h 1 k 0 5",
        "MIGRATE h 1 '' 0 5 KEYS a b",
        "MIGRATE h 1 '' 0 5 COPY REPLACE keys a",
        "COPY a b DB 3",
        "BITOP AND d a b",
        "MEMORY USAGE k",
    ] {
        let argv: Vec<&str> = line
            .split(' ')
            .map(|word| if word == "''" { "" } else { word })
            .collect();
        let mut call = vec!["COMMAND", "GETKEYS"];
        call.extend(&argv);
        let theirs: Vec<String> = server.cmd(&call).array().iter().map(Value::text).collect();
        let ours: Vec<String> = keys::keys_of(redisk::model::commands::find(&argv), &argv)
            .flat_map(keys::KeyRange::indexes)
            .map(|i| argv[i].to_owned())
            .collect();
        let sorted = |mut keys: Vec<String>| {
            keys.sort();
            keys
        };
        assert_eq!(sorted(ours), sorted(theirs), "{line}");
    }
}
