//! Random commands out of shapes, each of which is a line:
//!
//! ```text
//! SET <k> <v> [ NX | XX ] [ GET ] [ EX <ttl> | PXAT <ms> | KEEPTTL ]
//! HGETEX <k> ( EX <ttl> | PERSIST ) FIELDS <#> { <m> }
//! ```
//!
//! | | |
//! |---|---|
//! | `( a \| b )` | one of them |
//! | `[ a \| b ]` | one of them, or nothing |
//! | `{ a }` | once to four times, seldom more |
//! | `<#>` | how often the next `{ }` comes; now and then a lie |
//! | `<k>` | a word of that class: one of the family's own ([`Family::words`]), or one of [`Shapes::word`] |
//! | anything else | itself, in capitals or not |
//!
//! A shape's weight is how often its line stands in the table. A few of the commands are then spoiled: an argument too
//! many or too few, two swapped, one replaced.

use std::fmt::Write as _;

/// A command: its arguments, the name first.
pub(crate) type Argv = Vec<Vec<u8>>;

/// What a family of commands is tried with.
pub(crate) struct Family {
    /// Its name, and the beginning of the names of its keys.
    pub(crate) name: &'static str,
    /// The commands.
    pub(crate) shapes: &'static str,
    /// Its own classes of words; `None` for those of [`Shapes::word`].
    pub(crate) words: fn(&mut Shapes, &str) -> Option<Vec<u8>>,
}

/// No classes of its own.
pub(crate) fn no_words(_: &mut Shapes, _: &str) -> Option<Vec<u8>> {
    None
}

/// Makes commands. The same seed makes the same.
pub(crate) struct Shapes {
    state: u64,
    family: &'static Family,
    made: u64,
}

const KEYS: [&str; 9] = [
    "str", "bit", "hll", "hash", "list", "set", "zset", "stream", "geo",
];

impl Shapes {
    pub(crate) fn new(seed: u64, family: &'static Family) -> Shapes {
        let mut shapes = Shapes {
            state: seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x9e37_79b9,
            family,
            made: 0,
        };
        shapes.next();
        shapes
    }

    /// Splitmix64.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// How many commands were made.
    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// True so many times in a hundred.
    pub(crate) fn percent(&mut self, n: usize) -> bool {
        self.below(100) < n
    }

    /// One of these.
    pub(crate) fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// A number from `from` to `to`, both included, as text.
    pub(crate) fn number(&mut self, from: i64, to: i64) -> Vec<u8> {
        (from + self.below((to - from + 1) as usize) as i64)
            .to_string()
            .into_bytes()
    }

    /// The next command, as it is meant.
    pub(crate) fn plain(&mut self) -> Argv {
        self.made += 1;
        let line = self.line();
        self.of(line)
    }

    /// The next command.
    pub(crate) fn command(&mut self) -> Argv {
        let mut argv = self.plain();
        if self.percent(3) {
            self.spoil(&mut argv);
        }
        argv
    }

    fn line(&mut self) -> &'static str {
        let lines: Vec<&str> = self
            .family
            .shapes
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect();
        lines[self.below(lines.len())]
    }

    /// A command of that shape.
    pub(crate) fn of(&mut self, line: &str) -> Argv {
        let tokens: Vec<&str> = line.split_whitespace().collect();
        let mut out = Vec::new();
        let mut count = None;
        let rest = self.sequence(&tokens, &mut out, &mut count, true);
        assert!(rest.is_empty(), "{line:?}: {rest:?} is left over");
        if self.percent(15)
            && let Some(name) = out.first_mut()
        {
            name.make_ascii_lowercase();
        }
        out
    }

    fn spoil(&mut self, argv: &mut Argv) {
        let at = self.below(argv.len());
        match self.below(5) {
            0 if argv.len() > 1 => {
                argv.pop();
            }
            1 if argv.len() > 1 => {
                argv.remove(at.max(1));
            }
            2 => {
                let word = self.word("junk");
                argv.push(word);
            }
            3 if at > 0 => argv[at] = self.word("junk"),
            _ if argv.len() > 2 => {
                let with = 1 + self.below(argv.len() - 1);
                argv.swap(at.max(1), with);
            }
            _ => {}
        }
    }

    /// Takes tokens up to the one that closes the group; what is left, that one included.
    fn sequence<'t>(
        &mut self,
        mut tokens: &'t [&'t str],
        out: &mut Argv,
        count: &mut Option<usize>,
        live: bool,
    ) -> &'t [&'t str] {
        while let [token, rest @ ..] = tokens {
            match *token {
                "(" | "[" => {
                    // Which one: all are walked over, one is kept.
                    let n = alternatives(rest);
                    let pick = if *token == "[" && self.percent(50) {
                        n
                    } else {
                        self.below(n)
                    };
                    tokens = rest;
                    for i in 0..n {
                        tokens = self.sequence(tokens, out, count, live && i == pick);
                        tokens = &tokens[1..];
                    }
                }
                "{" => {
                    let times = match self.below(20) {
                        0 => 5 + self.below(10),
                        n => 1 + n % 4,
                    };
                    for _ in 1..times {
                        self.sequence(rest, out, &mut None, live);
                    }
                    tokens = &self.sequence(rest, out, &mut None, live)[1..];
                    if live && let Some(at) = count.take() {
                        let said = if self.percent(4) {
                            self.below(5)
                        } else {
                            times
                        };
                        out[at] = said.to_string().into_bytes();
                    }
                }
                "|" | ")" | "]" | "}" => return tokens,
                word => {
                    tokens = rest;
                    if !live {
                        continue;
                    }
                    if word == "<#>" {
                        *count = Some(out.len());
                        out.push(b"1".to_vec());
                    } else if let Some(class) =
                        word.strip_prefix('<').and_then(|w| w.strip_suffix('>'))
                    {
                        let word = self.word(class);
                        out.push(word);
                    } else if self.percent(10) {
                        out.push(word.to_ascii_lowercase().into_bytes());
                    } else {
                        out.push(word.as_bytes().to_vec());
                    }
                }
            }
        }
        tokens
    }

    /// A word of a class.
    pub(crate) fn word(&mut self, class: &str) -> Vec<u8> {
        if let Some(word) = (self.family.words)(self, class) {
            return word;
        }
        match class {
            // A key: mostly one of the family's own four.
            "k" => {
                let home = match self.below(20) {
                    0 => "none",
                    1 | 2 => self.one(&KEYS),
                    _ => self.family.name,
                };
                format!("{home}{}", self.below(4)).into_bytes()
            }
            // A value.
            "v" => match self.below(12) {
                0 => self.word("i"),
                1 => self.word("f"),
                2 => Vec::new(),
                3 => vec![0, 255, b'\r', b'\n', b'"', 128 + self.below(128) as u8],
                4 => {
                    let n = [12, 44, 45, 63, 64, 65, 100, 300][self.below(8)];
                    vec![b'a' + self.below(26) as u8; n]
                }
                5..=7 => self.number(-3, 20),
                _ => self
                    .one(&["a", "b", "abc", "hello world", "foobar", "Zz"])
                    .as_bytes()
                    .to_vec(),
            },
            // A member of a set, a field of a hash.
            "m" => match self.below(16) {
                0 => Vec::new(),
                1 => vec![b'm'; [63, 64, 65, 200][self.below(4)]],
                2 => vec![0, 255, b'\n', self.below(3) as u8],
                3..=6 => self.number(-2, 8),
                _ => vec![b'a' + self.below(8) as u8],
            },
            // An integer.
            "i" => match self.below(16) {
                0 => self
                    .one(&[
                        "9223372036854775807",
                        "-9223372036854775808",
                        "9223372036854775806",
                        "9223372036854775808",
                        "-9223372036854775807",
                        "4611686018427387904",
                        "4294967296",
                        "2147483648",
                        "-2147483649",
                    ])
                    .as_bytes()
                    .to_vec(),
                1 => self.word("junk"),
                2 => self.number(-1_000_000, 1_000_000),
                _ => self.number(-10, 30),
            },
            // A place in a sequence.
            "at" => match self.below(20) {
                0 => self.word("i"),
                _ => self.number(-8, 8),
            },
            // How many.
            "n" => match self.below(20) {
                0 => self.word("i"),
                1 => b"0".to_vec(),
                2 => b"-1".to_vec(),
                _ => self.number(1, 5),
            },
            // A float.
            "f" => match self.below(20) {
                0 => self.word("junk"),
                1 => self
                    .one(&[
                        "inf",
                        "-inf",
                        "+inf",
                        "nan",
                        "1e400",
                        "1e-400",
                        "1e17",
                        "1e300",
                        "0x1p4",
                        "5e-324",
                        "1.7e308",
                        "-0",
                        "0.1e1",
                        ".5",
                        "5.",
                        "1e",
                        "+1",
                        " 1",
                        "1 ",
                        "infinity",
                        "1e5000",
                        "123456789012345678901",
                    ])
                    .as_bytes()
                    .to_vec(),
                2..=6 => self.number(-10, 10),
                7..=9 => {
                    let mut text = String::new();
                    let _ = write!(
                        text,
                        "{}.{}",
                        self.below(2000) as i64 - 1000,
                        self.below(1_000_000)
                    );
                    text.into_bytes()
                }
                _ => format!(
                    "{}.{}",
                    self.below(20) as i64 - 10,
                    self.one(&["5", "1", "25", "3", "75", "001", "10"])
                )
                .into_bytes(),
            },
            // Seconds or milliseconds from now: long, past, or none.
            "ttl" => match self.below(20) {
                0 => b"0".to_vec(),
                1 => b"-1".to_vec(),
                2 => self.word("i"),
                3 => b"9223372036854775".to_vec(),
                _ => self
                    .one(&["100000", "200000", "300000", "1000000"])
                    .as_bytes()
                    .to_vec(),
            },
            // An instant in seconds or in milliseconds.
            "sec" => match self.below(20) {
                0 => self.word("ttl"),
                1 => b"1000".to_vec(),
                2 => b"9223372036854775".to_vec(),
                _ => self
                    .one(&["4102444800", "4102444801", "4202444800"])
                    .as_bytes()
                    .to_vec(),
            },
            "ms" => match self.below(20) {
                0 => self.word("ttl"),
                1 => b"1000".to_vec(),
                2 => self.word("i"),
                _ => self
                    .one(&["4102444800000", "4102444800001", "4202444800123"])
                    .as_bytes()
                    .to_vec(),
            },
            "glob" => self
                .one(&[
                    "*", "a*", "?", "[a-c]", "[^a]*", "*1*", "\\a", "", "[", "h?llo", "*b*c*",
                ])
                .as_bytes()
                .to_vec(),
            // Nothing that fits.
            "junk" => match self.below(16) {
                0 => Vec::new(),
                1 => vec![0],
                2 => vec![b'9'; 30],
                3 => self.word("v"),
                _ => self
                    .one(&[
                        "x",
                        "1.5",
                        " 1",
                        "1 ",
                        "+1",
                        "01",
                        "-0",
                        "NX",
                        "XX",
                        "GET",
                        "COUNT",
                        "-",
                        "1e3",
                        "FIELDS",
                        "\r\n",
                        "99999999999999999999",
                    ])
                    .as_bytes()
                    .to_vec(),
            },
            other => panic!(
                "{}: no class of words is called <{other}>",
                self.family.name
            ),
        }
    }
}

/// How many there are up to the end of the group.
fn alternatives(tokens: &[&str]) -> usize {
    let mut depth = 0;
    let mut n = 1;
    for token in tokens {
        match *token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return n,
            ")" | "]" | "}" => depth -= 1,
            "|" if depth == 0 => n += 1,
            _ => {}
        }
    }
    panic!("a group is not closed");
}

/// A command as one types it.
pub(crate) fn typed(argv: &[Vec<u8>]) -> String {
    let mut out = String::new();
    for (i, arg) in argv.iter().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        let plain = !arg.is_empty()
            && arg
                .iter()
                .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'#'));
        if plain {
            out.push_str(std::str::from_utf8(arg).unwrap());
            continue;
        }
        out.push('"');
        for &b in arg {
            match b {
                b'"' | b'\\' => {
                    out.push('\\');
                    out.push(char::from(b));
                }
                b' '..=b'~' => out.push(char::from(b)),
                _ => {
                    let _ = write!(out, "\\x{b:02x}");
                }
            }
        }
        out.push('"');
    }
    out
}

/// What [`typed`] has written.
pub(crate) fn read(line: &str) -> Argv {
    let mut argv = Vec::new();
    let mut rest = line.as_bytes();
    loop {
        rest = rest.trim_ascii_start();
        match rest {
            [] => return argv,
            [b'"', after @ ..] => {
                let mut arg = Vec::new();
                rest = after;
                loop {
                    match rest {
                        [b'"', after @ ..] => {
                            rest = after;
                            break;
                        }
                        [b'\\', b'x', a, b, after @ ..] => {
                            let hex = String::from_utf8(vec![*a, *b]).unwrap();
                            arg.push(u8::from_str_radix(&hex, 16).unwrap());
                            rest = after;
                        }
                        [b'\\', b, after @ ..] | [b, after @ ..] => {
                            arg.push(*b);
                            rest = after;
                        }
                        [] => panic!("a quote is not closed: {line}"),
                    }
                }
                argv.push(arg);
            }
            _ => {
                let end = rest.iter().position(|b| *b == b' ').unwrap_or(rest.len());
                argv.push(rest[..end].to_vec());
                rest = &rest[end..];
            }
        }
    }
}
