use super::*;
use std::collections::HashMap;

impl ReadAt for Mem {
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        let start = usize::try_from(at).unwrap();
        buf.copy_from_slice(&self.0[start..start + buf.len()]);
        Ok(())
    }
}

struct Mem(Vec<u8>);

fn run(bytes: &[u8], options: &Options) -> Salvaged {
    let src = Mem(bytes.to_vec());
    let size = bytes.len() as u64;
    salvage(&src, 0, size, options, &mut |_| None, &|_| ()).unwrap()
}

/// What is left of a file.
fn kept(bytes: &[u8], found: &Salvaged) -> Vec<u8> {
    let src = Mem(bytes.to_vec());
    let (mut out, mut at) = (Vec::new(), 0);
    for patch in &found.patches {
        assert!(
            patch.from >= at && patch.to <= bytes.len() as u64,
            "{:?}",
            found.patches
        );
        out.extend_from_slice(&bytes[at as usize..patch.from as usize]);
        if patch.fate == Fate::Rewrite {
            rewrite(&src, patch.from, patch.to, &mut out).unwrap();
        }
        at = patch.to;
    }
    out.extend_from_slice(&bytes[at as usize..]);
    out
}

fn command(args: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    crate::resp::encode::command(args, &mut out);
    out
}

fn words(line: &str) -> Vec<u8> {
    let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    command(&args)
}

/// Repairs, and checks that the result is sound and repairing it again changes nothing. Gives it, and the patches' codes.
fn repaired(bytes: &[u8], options: &Options) -> (Vec<u8>, Vec<&'static str>) {
    let found = run(bytes, options);
    let out = kept(bytes, &found);
    let report = crate::aof::check::check(&out[..], 0).unwrap();
    assert!(
        !report.is_damaged(),
        "{:?}\n{:?}",
        report.findings,
        found.patches
    );
    assert_eq!(report.end.state.commands, found.commands);
    assert!(run(&out, options).patches.is_empty());
    (out, found.patches.iter().map(|p| p.code).collect())
}

/// What a damaged tail or middle between sound commands leaves.
fn between(middle: &[u8], options: &Options) -> (String, Vec<&'static str>) {
    let front = [words("SELECT 0"), words("SET front 1")].concat();
    let (out, codes) = repaired(&[&front, middle].concat(), options);
    let out = out.strip_prefix(&front[..]).expect("the front stays");
    (String::from_utf8_lossy(out).replace("\r\n", " "), codes)
}

fn text(lines: &[&str]) -> String {
    let bytes = lines.iter().map(|l| words(l)).collect::<Vec<_>>().concat();
    String::from_utf8(bytes).unwrap().replace("\r\n", " ")
}

#[test]
fn ends_of_files() {
    let none = Options::default();
    for (tail, code) in [
        ("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nab", "torn-command"),
        ("*", "torn-command"),
        ("*3\r\n$3", "torn-command"),
        ("#TS:17", "torn-annotation"),
        ("junk", "bad-format"),
        ("\n", "bad-format"),
        ("\0", "zero-tail"),
        ("\0\0\0\0\0\0", "zero-tail"),
        ("*3\r\n$-1\r\n", "bad-format"),
    ] {
        assert_eq!(
            between(tail.as_bytes(), &none),
            (String::new(), vec![code]),
            "{tail:?}"
        );
    }
    let torn = [&b"*2\r\n$3\r\nGET\r\n$4\r\nab"[..], &[0; 5000]].concat();
    let (left, codes) = between(&torn, &none);
    assert_eq!(
        (&left[..], &codes[..]),
        ("", &["bad-framing", "zero-tail"][..])
    );
}

#[test]
fn damage_in_the_middle_costs_one_command() {
    let none = Options::default();
    let (two, three) = (words("SET b 2"), words("SET c 3"));
    for (damaged, codes) in [
        ("*2\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n", "bad-framing"),
        ("*4\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n", "bad-format"),
        ("*x\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n", "bad-format"),
        ("x3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n", "bad-format"),
        ("*3\rX$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n", "bad-format"),
        ("*3\r\n$2\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n", "bad-format"),
        ("*3\r\n$9\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n", "bad-format"),
        ("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$8\r\n1\r\n", "bad-format"),
        (
            "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$99999999999\r\n1\r\n",
            "bad-length",
        ),
        ("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$500\r\n1\r\n", "bad-length"),
        (
            "*3\r\n$3\r\nSXT\r\n$1\r\na\r\n$1\r\n1\r\n",
            "unknown-command",
        ),
        ("*2\r\n$3\r\nSET\r\n$1\r\na\r\n", "wrong-arity"),
        ("garbage between\r\n", "bad-format"),
        ("garbage on the line", "bad-format"),
        ("SET a 1\r\n", "bad-format"),
        ("*0\r\n", "bad-format"),
    ] {
        let middle = [damaged.as_bytes(), &two, &three].concat();
        let (left, found) = between(&middle, &none);
        assert_eq!(left, text(&["SET b 2", "SET c 3"]), "{damaged:?}");
        assert_eq!(found, [codes], "{damaged:?}");
    }
}

#[test]
fn what_is_malformed_but_holds_is_kept() {
    for malformed in [
        "*03\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n",
        "*03\r\n$03\r\nSET\r\n$01\r\na\r\n$01\r\n1\r\n",
        "*3\r\n$+3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n",
        "*3\r\n$3\r\nSETxx$1\r\na\r\n$1\r\n1\r\n",
        "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\n1\r\n",
    ] {
        let middle = [malformed.as_bytes(), &words("SET b 2")].concat();
        let (left, codes) = between(&middle, &Options::default());
        assert_eq!(left, text(&["SET a 1", "SET b 2"]), "{malformed:?}");
        assert_eq!(codes, ["malformed"]);
    }
}

/// A value that is a log itself must not come to life, whatever of its command is damaged.
#[test]
fn a_log_inside_a_value_stays_a_value() {
    let log = [words("SET in 1"), words("FLUSHALL"), words("DEL front")].concat();
    let holder = command(&[b"SET", b"doc", &log]);
    let rest = [words("SET b 2"), words("SET c 3")].concat();
    let len = format!("${}\r\n", log.len());
    let at = holder
        .windows(len.len())
        .position(|w| w == len.as_bytes())
        .unwrap();
    let mut tried = 0;
    for place in 0..at + len.len() {
        for byte in 0..=255u8 {
            let mut holder = holder.clone();
            // A stray argument costs the command before.
            if holder[place] == byte || (place == 0 && byte == b'$') {
                continue;
            }
            holder[place] = byte;
            let (left, _) = between(&[&holder[..], &rest].concat(), &Options::default());
            // Behind an argument that is a log, a command that is spoilt by chance of its name may still be whole.
            let alive = left
                .replace("FLUSHALL $1", "")
                .split(&text(&["SET b 2"])[..])
                .next()
                .unwrap()
                .contains("*1 $8 FLUSHALL");
            let whole = left.contains(&format!("${} ", log.len()));
            assert!(!alive || whole, "{place} {byte}: {left}");
            tried += 1;
        }
    }
    assert!(tried > 5000);
    // Cut short, it is half a command.
    for cut in at + len.len()..holder.len() - 1 {
        let (left, _) = between(&holder[..cut], &Options::default());
        if !log[..cut - at - len.len()].ends_with(b"\r\n") {
            assert_eq!(left, "", "{cut}");
        }
    }
}

#[test]
fn blocks_without_an_end() {
    let lines = |lines: &[&str]| lines.iter().map(|l| words(l)).collect::<Vec<_>>().concat();
    let with = |open_multi| Options {
        open_multi,
        ..Options::default()
    };
    let (drop, restart, run) = (OpenMulti::Drop, OpenMulti::Restart, OpenMulti::Run);
    let torn = [&lines(&["MULTI", "SET a 1"]), &b"*3\r\n$3\r\nSE"[..]].concat();
    for (middle, choice, left, codes) in [
        (
            lines(&["MULTI", "SET a 1"]),
            drop,
            &[][..],
            &["open-multi"][..],
        ),
        (torn, drop, &[], &["open-multi"]),
        (
            lines(&["MULTI", "SELECT 1", "SET a 1"]),
            restart,
            &[],
            &["open-multi"],
        ),
        (
            lines(&["MULTI", "SET a 1"]),
            run,
            &["SET a 1"],
            &["open-multi"],
        ),
        (
            lines(&["MULTI", "SET a 1", "SELECT 0", "SET b 1"]),
            drop,
            &[],
            &["open-multi"],
        ),
        (
            lines(&["MULTI", "SET a 1", "SELECT 0", "SET b 1"]),
            restart,
            &["SELECT 0", "SET b 1"],
            &["open-multi"],
        ),
        (
            lines(&[
                "MULTI", "SET a 1", "SELECT 0", "SET b 1", "MULTI", "DEL b", "EXEC",
            ]),
            drop,
            &["SELECT 0", "SET b 1", "MULTI", "DEL b", "EXEC"],
            &["stale-multi"],
        ),
        (
            lines(&["MULTI", "SET a 1", "MULTI", "DEL b", "EXEC"]),
            drop,
            &["MULTI", "SET a 1", "DEL b", "EXEC"],
            &["nested-multi"],
        ),
        (
            lines(&["SET a 1", "EXEC", "DEL a"]),
            drop,
            &["SET a 1", "DEL a"],
            &["exec-without-multi"],
        ),
        (
            lines(&[
                "MULTI", "SET a 1", "EXEK", "SET b 1", "MULTI", "DEL c", "EXEC",
            ]),
            drop,
            &["SET a 1", "SET b 1", "MULTI", "DEL c", "EXEC"],
            &["open-multi", "unknown-command"],
        ),
        (
            lines(&["MULTI", "SET a 1", "DISCARD", "EXEC"]),
            drop,
            &["MULTI", "SET a 1", "EXEC"],
            &["discard-in-multi"],
        ),
    ] {
        let got = between(&middle, &with(choice));
        assert_eq!(
            got,
            (text(left), codes.to_vec()),
            "{}",
            String::from_utf8_lossy(&middle)
        );
    }
}

#[test]
fn an_end_that_was_asked_for() {
    let lines = ["SET a 1", "MULTI", "SET b 2", "SET c 3", "EXEC", "SET d 4"];
    let bytes = lines.iter().map(|l| words(l)).collect::<Vec<_>>().concat();
    for (stop, left) in [("a", 0), ("b", 1), ("c", 1), ("d", 5), ("e", 6)] {
        let src = Mem(bytes.clone());
        let mut until = |c: &block::Command<'_>| {
            (c.argv.get(1) == Some(stop.as_bytes())).then(|| "here".to_owned())
        };
        let size = bytes.len() as u64;
        let found = salvage(&src, 0, size, &Options::default(), &mut until, &|_| ()).unwrap();
        let expected = lines[..left]
            .iter()
            .map(|l| words(l))
            .collect::<Vec<_>>()
            .concat();
        assert_eq!(kept(&bytes, &found), expected, "{stop}");
        assert_eq!(found.stopped.is_some(), left < 6);
    }
    let options = Options {
        stop_at_damage: true,
        ..Options::default()
    };
    let (left, _) = between(
        &[words("SET a 1"), b"x".to_vec(), words("SET b 2")].concat(),
        &options,
    );
    assert_eq!(left, text(&["SET a 1"]));
}

#[test]
fn big_commands_are_hopped_over() {
    let value = vec![b'*'; 3 << 20];
    let big = command(&[b"SET", b"k", &value]);
    let (mut bytes, rest) = (big.clone(), words("SET b 2"));
    bytes.extend(&rest);
    assert!(run(&bytes, &Options::default()).patches.is_empty());
    bytes[big.len() - 1] = b'x';
    let found = run(&bytes, &Options::default());
    assert_eq!(kept(&bytes, &found), rest);
    let found = run(&big[..big.len() - 5], &Options::default());
    assert_eq!(found.patches[0].code, "torn-command");
}

/// A log as a busy server writes it.
fn log(commands: usize, seed: &mut u64) -> Vec<Vec<u8>> {
    let mut log = vec![words("SELECT 0")];
    while log.len() < commands {
        let n = random(seed, 1_000_000);
        let text = "x".repeat(random(seed, 60));
        log.push(match random(seed, 8) {
            0 => words(&format!("HSET user:{n} name {text}y age {}", n % 99)),
            1 => words(&format!("RPUSH list:{} {n} {text}y", n % 50)),
            2 => words(&format!("DEL user:{n}")),
            3 => words(&format!("INCRBY counter:{} {n}", n % 10)),
            4 => command(&[
                b"SET",
                format!("bin:{n}").as_bytes(),
                &(n as u64).to_le_bytes().repeat(5),
            ]),
            5 => words(&format!("PEXPIREAT user:{n} 1893456000000")),
            6 => words(&format!("ZADD z:{} {n} m{n}", n % 20)),
            _ => words(&format!("SET key:{n} {text}y")),
        });
    }
    log
}

fn random(seed: &mut u64, n: usize) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    (*seed % n as u64) as usize
}

/// Offsets of the bytes of a command that frame it: its lines, the CRLFs behind its arguments, its name.
fn framing(command: &[u8]) -> Vec<usize> {
    let mut table = crate::resp::decode::Table::default();
    Decoder::new().frame(command, &mut table);
    let inside = |at: usize| {
        let mut args = table.spans.iter().skip(1);
        args.any(|s| (s.start as usize..(s.start + s.len) as usize).contains(&at))
    };
    (0..command.len()).filter(|at| !inside(*at)).collect()
}

/// How many commands of the log are missing from what is left, and how many are there that the log does not have.
fn compare(log: &[Vec<u8>], left: &[u8]) -> (u64, u64) {
    let mut counts: HashMap<Vec<u8>, i64> = HashMap::new();
    for command in log {
        *counts.entry(command.clone()).or_default() += 1;
    }
    let mut table = crate::resp::decode::Table::default();
    Decoder::new().frame(left, &mut table);
    for item in &table.items {
        let command = &left[item.start as usize..item.end as usize];
        *counts.entry(command.to_vec()).or_default() -= 1;
    }
    let missing: i64 = counts.values().filter(|n| **n > 0).sum();
    let invented: i64 = counts.values().filter(|n| **n < 0).sum();
    (missing.cast_unsigned(), (-invented).cast_unsigned())
}

/// One damaged byte of the framing costs about one command, and nothing comes to be that the input did not hold.
#[test]
fn random_damage_to_framing() {
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    let log = log(400, &mut seed);
    let whole = log.concat();
    let (mut lost, runs) = (0, 2000);
    for _ in 0..runs {
        let n = random(&mut seed, log.len());
        let places = framing(&log[n]);
        let place = places[random(&mut seed, places.len())];
        let at = log[..n].concat().len() + place;
        let mut bytes = whole.clone();
        bytes[at] ^= 1 + random(&mut seed, 255) as u8;
        let (left, codes) = repaired(&bytes, &Options::default());
        let (missing, invented) = compare(&log, &left);
        assert!(missing <= 3, "{at}: {missing} lost, {codes:?}");
        // A letter of a name that makes another name cannot be seen: that command is in the input, too.
        if invented > 0 {
            assert!(
                missing <= 1 && codes.is_empty(),
                "{at} {invented}: {codes:?}"
            );
        }
        lost += missing;
    }
    assert!(lost * 10 <= runs * 12, "{lost} lost in {runs} runs");
}

/// Any one damaged byte of the middle costs at most a command or its neighbour, and on average less than one.
#[test]
fn a_damaged_byte_in_the_middle() {
    let mut seed = 7;
    let log = log(1000, &mut seed);
    let whole = log.concat();
    let middle = log[..500].concat().len();
    let end = middle + log[500].len();
    for at in middle..end {
        for flip in [1, 0x20, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            let (left, codes) = repaired(&bytes, &Options::default());
            let (missing, _) = compare(&log, &left);
            assert!(missing <= 1, "{at} {flip:#x}: {missing}, {codes:?}");
        }
    }
}

/// Damage everywhere at once.
#[test]
fn many_damages_at_once() {
    let mut seed = 99;
    let log = log(3000, &mut seed);
    let damages = 300;
    let mut damaged = log.clone();
    for _ in 0..damages {
        let n = random(&mut seed, log.len());
        let places = framing(&log[n]);
        let place = places[random(&mut seed, places.len())];
        damaged[n][place] = random(&mut seed, 256) as u8;
    }
    let (left, _) = repaired(&damaged.concat(), &Options::default());
    let (missing, _) = compare(&log, &left);
    assert!(missing <= damages * 12 / 10, "{missing} lost");
}

/// Commands in a value whose own command is damaged stay dead, also where the value goes on behind them.
#[test]
fn what_stands_in_a_value_stays_there() {
    let flush = words("FLUSHALL");
    for value in [
        [b"see: ", &flush[..], b"and so on"].concat(),
        [&flush[..], &flush, b"\r\n"].concat(),
        [b"x\r\n", &flush[..], b"-----\r\n"].concat(),
        [&flush[..], b"\r\nline\r\nanother line"].concat(),
    ] {
        let around = [words("SET a 1"), words("SET b 2")];
        let note = command(&[b"SET", b"note", &value]);
        let whole = [&around[0][..], &note, &around[1]].concat();
        let first = around[0].len();
        // Its length's mark, its length, and the length of the word in front.
        let length = first + command(&[b"SET", b"note"]).len();
        for (at, with) in [(length, b'#'), (length + 1, b'9'), (first + 14, b'5')] {
            let mut bad = whole.clone();
            bad[at] = with;
            let (out, codes) = repaired(&bad, &Options::default());
            assert_eq!(out, around.concat(), "{at} {codes:?} {}", quoted(&value));
        }
    }
}

#[test]
fn a_cut_takes_an_open_block_back() {
    let log = ["SET a 1", "MULTI", "SET b 1", "SET c 1", "EXEC", "SET d 1"];
    let log: Vec<Vec<u8>> = log.iter().map(|line| words(line)).collect();
    let bytes = log.concat();
    let src = Mem(bytes.clone());
    let mut n = 0;
    let mut until = |_: &block::Command<'_>| {
        n += 1;
        (n > 3).then(|| "enough".to_owned())
    };
    let size = bytes.len() as u64;
    let found = salvage(&src, 0, size, &Options::default(), &mut until, &|_| ()).unwrap();
    let from = log[0].len() as u64;
    assert_eq!(found.commands, 1);
    let patch = &found.patches[0];
    assert_eq!((patch.from, patch.to, patch.commands), (from, size, 5));
}

/// Looking ahead from every place over all the others has an end, and so have runs of the same damage.
#[test]
fn hostile_bytes_are_read_once() {
    let chained = b"$15\r\n*99999\r\n$1\r\nx\r\n".repeat(1 << 15);
    let units: [&[u8]; 6] = [b"$", b"*", b"*3\r\n$3\r\nSET\r\n", b"\0", b"\r\n", &chained];
    for unit in units {
        let junk: Vec<u8> = unit.iter().copied().cycle().take(1 << 20).collect();
        let bytes = [&words("PING")[..], &junk].concat();
        let found = run(&bytes, &Options::default());
        assert!(
            found.patches.len() < 10,
            "{}",
            quoted(&unit[..unit.len().min(9)])
        );
    }
}
