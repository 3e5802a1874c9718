//! The commands: one file a family, each with its functions and the table that hangs them on the rows of
//! [`crate::model::commands`].

mod array;
mod bitmap;
#[cfg(test)]
mod client;
mod geo;
mod hash;
mod hyperloglog;
mod keys;
mod list;
mod payload;
mod scan;
mod server;
mod set;
mod sort;
mod stream;
mod string;
mod when;
mod zset;

use super::Run;
use crate::model::commands::{self, COMMANDS};
use std::sync::LazyLock;

/// A family's functions by name; a subcommand's after a `|`.
type Family = &'static [(&'static str, Run)];

const FAMILIES: &[Family] = &[
    array::COMMANDS,
    bitmap::COMMANDS,
    geo::COMMANDS,
    hash::COMMANDS,
    hyperloglog::COMMANDS,
    keys::COMMANDS,
    list::COMMANDS,
    payload::COMMANDS,
    server::COMMANDS,
    set::COMMANDS,
    sort::COMMANDS,
    stream::COMMANDS,
    string::COMMANDS,
    zset::COMMANDS,
];

/// The functions, at the places of their rows in [`COMMANDS`].
pub(super) fn functions() -> &'static [Option<Run>] {
    static FUNCTIONS: LazyLock<Vec<Option<Run>>> = LazyLock::new(|| {
        let mut functions = vec![None; COMMANDS.len()];
        for (name, run) in FAMILIES.iter().copied().flatten() {
            let (name, sub) = name.split_once('|').unwrap_or((name, ""));
            let row = commands::lookup(name.as_bytes(), sub.as_bytes());
            if let Some(place) = row.and_then(|r| functions.get_mut(usize::from(r.index))) {
                *place = Some(*run);
            }
        }
        functions
    });
    &FUNCTIONS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_new_logs_hold() {
        let mut c = client::Client::of("redis-8.10");
        c.engine.any_server = true;
        for (command, reply) in [
            ("SET h x", "+OK "),
            (
                "HSETC h a b 1",
                "-ERR wrong number of arguments for 'hsetc' command ",
            ),
            ("HSETC h a b 1 2", "+OK "),
            ("HGETALL h", "*4 $1 a $1 1 $1 b $1 2 "),
            ("HSETC h c 3", "+OK "),
            ("HGETALL h", "*2 $1 c $1 3 "),
            ("BLESS SET h NO-EVICT", "+OK "),
        ] {
            assert_eq!(c.say(command), reply, "{command}");
        }
    }

    #[test]
    fn libraries_are_kept_and_not_understood() {
        let mut c = client::Client::of("valkey-9.1");
        for (command, reply) in [
            ("FUNCTION LIST", "*0 "),
            (
                "FUNCTION STATS",
                "*4 $14 running_script $-1 $7 engines *2 $3 LUA *4 $15 libraries_count :0 $15 functions_count :0 ",
            ),
            ("FUNCTION LIST FOO", "-ERR Unknown argument FOO "),
            (
                "FUNCTION LIST WITHCODE WITHCODE",
                "-ERR Unknown argument WITHCODE ",
            ),
            (
                "FUNCTION LIST LIBRARYNAME",
                "-ERR library name argument was not given ",
            ),
            ("PFSELFTEST", "+OK "),
        ] {
            assert_eq!(c.say(command), reply, "{command}");
        }
        let code = "#!lua name=myLib\nredis.register_function('f', print)";
        c.engine.functions.load(code.as_bytes(), false).unwrap();
        assert_eq!(c.say("FUNCTION LIST LIBRARYNAME you*"), "*0 ");
        let refused = "-ERR only a server with Lua knows the functions of library 'myLib' ";
        for command in [
            "FUNCTION LIST LIBRARYNAME MYL*",
            "FUNCTION LIST",
            "FUNCTION STATS",
        ] {
            assert_eq!(c.say(command), refused, "{command}");
        }
    }

    #[test]
    fn every_function_has_its_row_and_no_row_two() {
        let named: usize = FAMILIES.iter().map(|f| f.len()).sum();
        let hung = functions().iter().flatten().count();
        assert_eq!(named, hung);
    }
}
