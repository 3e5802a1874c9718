//! RESTORE commands, and the servers that they are for.

use super::run::*;
use crate::support::rdb::{Put, Rdb, lp};
use crate::support::server::{Kind, Server, Value};

/// A list of two elements. The length behind the first is 16383, in two bytes (as Valkey writes it since 9.1) or three.
fn list_at_the_border(narrow: bool) -> Vec<u8> {
    let mut node = lp().s([b'x'; 16378]).s("second").end();
    if narrow {
        let at = 6 + 16383;
        assert_eq!(node[at..at + 3], [0, 0xff, 0xff]);
        node.splice(at..at + 3, [0x7f, 0xff]);
        let total = u32::try_from(node.len()).unwrap().to_le_bytes();
        node[..4].copy_from_slice(&total);
    }
    Rdb::new("REDIS0010")
        .key(18, "list")
        .num(1)
        .num(2)
        .text(&node)
        .end()
}

fn restore(target: &str, file: &[u8]) -> Ran {
    redisk_in(&["dump", "-f", "restore", "--target", target, "-"], file)
}

fn restored(kind: Kind, ran: &Ran) {
    let Some(mut server) = Server::start(kind, &[]) else {
        return;
    };
    server.send(&ran.out).unwrap();
    assert_eq!(server.reply().unwrap(), Value::Simple("OK".to_owned()));
    assert_eq!(server.reply().unwrap(), Value::Simple("OK".to_owned()));
    let items = server.cmd(&["LRANGE", "list", "0", "-1"]);
    let want = [vec![b'x'; 16378], b"second".to_vec()].map(Value::Bulk);
    assert_eq!(items.array(), want);
}

#[test]
fn a_listpack_goes_to_servers_that_read_it() {
    let wide = list_at_the_border(false);
    for target in ["redis-7.0", "redis-8.0", "valkey-8.1"] {
        let ran = restore(target, &wide).exits(0);
        if target == "redis-7.0" {
            restored(Kind::Redis, &ran);
        }
    }
    let ran = restore("valkey-9.1", &wide).exits(2);
    assert!(
        ran.err.contains("valkey-9.1 does not load this: "),
        "{}",
        ran.err
    );
    let narrow = list_at_the_border(true);
    let ran = restore("valkey-9.1", &narrow).exits(0);
    restored(Kind::Valkey, &ran);
    for target in ["redis-7.0", "redis-8.0", "valkey-8.1"] {
        let ran = restore(target, &narrow).exits(2);
        let want = format!(
            "key \"list\", node 0 of 1: {target} would misread this: the length behind listpack entry 0, 16383, takes 2 bytes"
        );
        assert!(ran.err.contains(&want), "{}", ran.err);
        assert!(ran.out.is_empty() || !ran.text().contains("RESTORE"));
    }
}
