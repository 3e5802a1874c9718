//! Patterns of KEYS and SCAN MATCH, by the servers' own rules (`stringmatchlen` in `src/util.c`), on bytes.
//!
//! | | |
//! |---|---|
//! | `*` | any bytes, also none |
//! | `?` | one byte |
//! | `[ab]` `[^ab]` `[a-z]` `[z-a]` | one byte of the set, not of it, of the range (whichever end comes first) |
//! | `\x` | the byte x, in a set too |
//! | else | itself |
//!
//! What one would not expect, and what servers do:
//! - A set without `]` ends with the pattern. `[` at the end is an empty set, which nothing matches; `[^` matches all.
//! - In a set a range takes its end whatever it is: `[a-]x` is the range `]` to `a` and the letter x, unclosed.
//!   A backslash is no escape there either: `[+-\]` is the range `+` to `\`. `[a-` without more is the two bytes.
//! - `^` is an ordinary byte but for the first place; `]` in the first place closes an empty set.
//! - Ranges compare bytes as signed, as C's `char` is on x86: `[a-\xff]` is the byte 0xff and the bytes 0 to `a`.
//! - A backslash at the end of the pattern is itself.
//! - The empty key matches the empty pattern and `*` alone, but not `**`.
//!
//! Servers give up on more than 1000 `*` in a pattern; here there is no need: after a mismatch only the last `*` is
//! tried again, so the worst case is the product of the lengths, never exponential.

/// A compiled pattern.
///
/// ```
/// use redisk::filter::glob::Glob;
/// let glob = Glob::new(b"user:[0-9]*:name");
/// assert!(glob.matches(b"user:1001:name"));
/// assert!(!glob.matches(b"user:x:name"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    shape: Shape,
}

/// Most patterns are one of the simple shapes, which compare slices.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    /// `*` alone.
    All,
    /// No wildcard.
    Literal(Vec<u8>),
    /// One `*`, between two literals that may be empty.
    Around(Vec<u8>, Vec<u8>),
    /// Anything else: the literal start, for a quick no, then all the rest.
    General(Vec<u8>, Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Byte(u8),
    Any,
    Set(Box<Set>),
    /// Never two in a row.
    Star,
}

impl Token {
    #[inline]
    fn accepts(&self, byte: u8) -> bool {
        match self {
            Token::Byte(b) => *b == byte,
            Token::Any => true,
            Token::Set(set) => set.has(byte),
            Token::Star => false,
        }
    }
}

/// A set of bytes, one bit each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Set([u64; 4]);

impl Set {
    fn add(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    fn add_range(&mut self, a: u8, b: u8) {
        let (a, b) = (a.cast_signed(), b.cast_signed());
        for byte in a.min(b)..=a.max(b) {
            self.add(byte.cast_unsigned());
        }
    }

    fn has(&self, byte: u8) -> bool {
        self.0
            .get(usize::from(byte >> 6))
            .is_some_and(|word| word >> (byte & 63) & 1 == 1)
    }
}

impl Glob {
    /// Compiles a pattern. Every sequence of bytes is one.
    #[must_use]
    pub fn new(pattern: &[u8]) -> Glob {
        if pattern == b"*" {
            return Glob { shape: Shape::All };
        }
        let tokens = tokens(pattern);
        let stars = tokens.iter().filter(|t| **t == Token::Star).count();
        let mut parts = tokens.split(|t| *t == Token::Star);
        let head = parts.next().unwrap_or_default();
        let shape = match (stars, literal(head), parts.next().and_then(literal)) {
            (0, Some(whole), _) => Shape::Literal(whole),
            (1, Some(before), Some(after)) => Shape::Around(before, after),
            _ => {
                let start: Vec<u8> = tokens.iter().map_while(byte).collect();
                let rest = tokens.get(start.len()..).unwrap_or_default().to_vec();
                Shape::General(start, rest)
            }
        };
        Glob { shape }
    }

    /// Whether the key matches, all of it.
    #[must_use]
    pub fn matches(&self, key: &[u8]) -> bool {
        match &self.shape {
            Shape::All => true,
            Shape::Literal(whole) => key == whole,
            Shape::Around(before, after) => {
                !key.is_empty()
                    && key.len() >= before.len() + after.len()
                    && key.starts_with(before)
                    && key.ends_with(after)
            }
            Shape::General(start, rest) => {
                key.strip_prefix(&start[..]).is_some_and(|k| walk(rest, k)) && !key.is_empty()
            }
        }
    }

    /// Whether only keys with these first bytes can match: a reader may step over the others.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        match &self.shape {
            Shape::All => b"",
            Shape::Literal(start) | Shape::Around(start, _) | Shape::General(start, _) => start,
        }
    }

    /// The one key that matches, if the pattern has no wildcard.
    #[must_use]
    pub fn literal(&self) -> Option<&[u8]> {
        match &self.shape {
            Shape::Literal(whole) => Some(whole),
            _ => None,
        }
    }

    /// Whether every key matches.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.shape == Shape::All
    }
}

fn byte(token: &Token) -> Option<u8> {
    match token {
        Token::Byte(b) => Some(*b),
        _ => None,
    }
}

fn literal(tokens: &[Token]) -> Option<Vec<u8>> {
    tokens.iter().map(byte).collect()
}

fn tokens(pattern: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    while let Some((&b, after)) = rest.split_first() {
        rest = after;
        tokens.push(match b {
            b'*' => {
                if tokens.last() == Some(&Token::Star) {
                    continue;
                }
                Token::Star
            }
            b'?' => Token::Any,
            b'[' => {
                let (set, after) = set(rest);
                rest = after;
                Token::Set(Box::new(set))
            }
            b'\\' => match after.split_first() {
                Some((&escaped, after)) => {
                    rest = after;
                    Token::Byte(escaped)
                }
                None => Token::Byte(b),
            },
            b => Token::Byte(b),
        });
    }
    tokens
}

/// The set that stands after a `[`, and what comes after it.
fn set(inside: &[u8]) -> (Set, &[u8]) {
    let (negated, mut rest) = match inside {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, inside),
    };
    let mut set = Set::default();
    loop {
        rest = match rest {
            [] => break,
            [b'\\', b, after @ ..] => {
                set.add(*b);
                after
            }
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            [a, b'-', b, after @ ..] => {
                set.add_range(*a, *b);
                after
            }
            [b, after @ ..] => {
                set.add(*b);
                after
            }
        };
    }
    if negated {
        set.0 = set.0.map(|word| !word);
    }
    (set, rest)
}

/// Each token but the star takes one byte, so what an earlier star took never needs a second thought once a later star
/// is reached.
fn walk(tokens: &[Token], key: &[u8]) -> bool {
    let (mut t, mut k) = (0, 0);
    // Where to go on after a mismatch: behind the last star, one byte further on.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (tokens.get(t), key.get(k)) {
            (None, None) => return true,
            (Some(Token::Star), _) => {
                t += 1;
                if t == tokens.len() {
                    return true;
                }
                retry = Some((t, k));
            }
            (Some(token), Some(&byte)) if token.accepts(byte) => {
                t += 1;
                k += 1;
            }
            (Some(_), None) => return false,
            _ => {
                let Some((star, from)) = &mut retry else {
                    return false;
                };
                *from += 1;
                (t, k) = (*star, *from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[rustfmt::skip]
    const KEYS: &[&[u8]] = &[b"", b"a", b"b", b"z", b"]", b"^", b"-", b"\\", b"[", b"*", b"?", b"_", b"ab", b"ba", b"aa", b"a]", b"a-", b"aba", b"abc", b"abab", b"a*b", b"a\\", b"[a", b"[]", b"^a", b"\xff", b"\x80", b"a\xff", b"user:1", b"user:12:x", b"A", b"0", b"+", b"\x00", b"a\x00b", b"x-]"];

    type Chosen = (&'static [u8], &'static [&'static [u8]]);

    /// What KEYS gave for each pattern, the same on Redis 6.2, 7.0, 8 and Valkey 9.1.
    #[rustfmt::skip]
    const CHOSEN: &[Chosen] = &[
        (b"", &[b""]),
        (b"*", &[b"", b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"[]", b"[a", b"\\", b"]", b"^", b"^a", b"_", b"a", b"a\x00b", b"a*b", b"a-", b"a\\", b"a]", b"aa", b"ab", b"aba", b"abab", b"abc", b"a\xff", b"b", b"ba", b"user:1", b"user:12:x", b"x-]", b"z", b"\x80", b"\xff"]),
        (b"**", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"[]", b"[a", b"\\", b"]", b"^", b"^a", b"_", b"a", b"a\x00b", b"a*b", b"a-", b"a\\", b"a]", b"aa", b"ab", b"aba", b"abab", b"abc", b"a\xff", b"b", b"ba", b"user:1", b"user:12:x", b"x-]", b"z", b"\x80", b"\xff"]),
        (b"?", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"\\", b"]", b"^", b"_", b"a", b"b", b"z", b"\x80", b"\xff"]),
        (b"??", &[b"[]", b"[a", b"^a", b"a-", b"a\\", b"a]", b"aa", b"ab", b"a\xff", b"ba"]),
        (b"*?", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"[]", b"[a", b"\\", b"]", b"^", b"^a", b"_", b"a", b"a\x00b", b"a*b", b"a-", b"a\\", b"a]", b"aa", b"ab", b"aba", b"abab", b"abc", b"a\xff", b"b", b"ba", b"user:1", b"user:12:x", b"x-]", b"z", b"\x80", b"\xff"]),
        (b"a*", &[b"a", b"a\x00b", b"a*b", b"a-", b"a\\", b"a]", b"aa", b"ab", b"aba", b"abab", b"abc", b"a\xff"]),
        (b"*a", &[b"[a", b"^a", b"a", b"aa", b"aba", b"ba"]),
        (b"a*b", &[b"a\x00b", b"a*b", b"ab", b"abab"]),
        (b"*b*", &[b"a\x00b", b"a*b", b"ab", b"aba", b"abab", b"abc", b"b", b"ba"]),
        (b"a**b", &[b"a\x00b", b"a*b", b"ab", b"abab"]),
        (b"[", &[]),
        (b"[^", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"\\", b"]", b"^", b"_", b"a", b"b", b"z", b"\x80", b"\xff"]),
        (b"[]", &[]),
        (b"[]a", &[]),
        (b"[^]", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"\\", b"]", b"^", b"_", b"a", b"b", b"z", b"\x80", b"\xff"]),
        (b"[^]a", &[b"[a", b"^a", b"aa", b"ba"]),
        (b"[a", &[b"a"]),
        (b"[ab", &[b"a", b"b"]),
        (b"[a-", &[b"-", b"a"]),
        (b"[a-]", &[b"]", b"^", b"_", b"a"]),
        (b"[a-]x", &[b"]", b"^", b"_", b"a"]),
        (b"[a-]*", &[b"*", b"]", b"^", b"_", b"a"]),
        (b"[z-a]", &[b"a", b"b", b"z"]),
        (b"[a-c]*", &[b"a", b"a\x00b", b"a*b", b"a-", b"a\\", b"a]", b"aa", b"ab", b"aba", b"abab", b"abc", b"a\xff", b"b", b"ba"]),
        (b"[^a]", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"\\", b"]", b"^", b"_", b"b", b"z", b"\x80", b"\xff"]),
        (b"[^a-z]", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"\\", b"]", b"^", b"_", b"\x80", b"\xff"]),
        (b"[^a-z", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"\\", b"]", b"^", b"_", b"\x80", b"\xff"]),
        (b"[a^]", &[b"^", b"a"]),
        (b"[\\]]", &[b"]"]),
        (b"[\\^a]", &[b"^", b"a"]),
        (b"[+-\\]", &[b"+", b"-", b"0", b"?", b"A", b"[", b"\\"]),
        (b"[+-\\]]", &[b"[]"]),
        (b"[\\", &[b"\\"]),
        (b"[\\]", &[b"]"]),
        (b"a\\", &[b"a\\"]),
        (b"\\", &[b"\\"]),
        (b"\\\\", &[b"\\"]),
        (b"a\\*b", &[b"a*b"]),
        (b"\\a", &[b"a"]),
        (b"[--a]", &[b"-", b"0", b"?", b"A", b"[", b"\\", b"]", b"^", b"_", b"a"]),
        (b"[-a]", &[b"-", b"a"]),
        (b"[a-c-z]", &[b"-", b"a", b"b", b"z"]),
        (b"[\x80-\xff]", &[b"\x80", b"\xff"]),
        (b"[a-\xff]", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"\\", b"]", b"^", b"_", b"a", b"\xff"]),
        (b"[\xff-a]", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"\\", b"]", b"^", b"_", b"a", b"\xff"]),
        (b"[^\x80-\xff]", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"\\", b"]", b"^", b"_", b"a", b"b", b"z"]),
        (b"[[]", &[b"["]),
        (b"[[]]", &[b"[]"]),
        (b"]", &[b"]"]),
        (b"a]", &[b"a]"]),
        (b"[?]", &[b"?"]),
        (b"[*]", &[b"*"]),
        (b"user:[0-9]*:x", &[b"user:12:x"]),
        (b"user:?", &[b"user:1"]),
        (b"*:*:*", &[b"user:12:x"]),
        (b"[0-9]", &[b"0"]),
        (b"[A-_]", &[b"A", b"[", b"\\", b"]", b"^", b"_"]),
        (b"*[", &[]),
        (b"*[^", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"[]", b"[a", b"\\", b"]", b"^", b"^a", b"_", b"a", b"a\x00b", b"a*b", b"a-", b"a\\", b"a]", b"aa", b"ab", b"aba", b"abab", b"abc", b"a\xff", b"b", b"ba", b"user:1", b"user:12:x", b"x-]", b"z", b"\x80", b"\xff"]),
        (b"*\\", &[b"\\", b"a\\"]),
        (b"?*?", &[b"[]", b"[a", b"^a", b"a\x00b", b"a*b", b"a-", b"a\\", b"a]", b"aa", b"ab", b"aba", b"abab", b"abc", b"a\xff", b"ba", b"user:1", b"user:12:x", b"x-]"]),
        (b"*aba*", &[b"aba", b"abab"]),
        (b"\x00", &[b"\x00"]),
        (b"a\x00*", &[b"a\x00b"]),
        (b"[\x00]", &[b"\x00"]),
        (b"?\x00?", &[b"a\x00b"]),
        (b"x[-]]", &[b"x-]"]),
        (b"*]", &[b"[]", b"]", b"a]", b"x-]"]),
        (b"[a\\", &[b"\\", b"a"]),
        (b"[a\\]", &[b"]", b"a"]),
        (b"[]-a]", &[]),
        (b"[^^]", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"\\", b"]", b"_", b"a", b"b", b"z", b"\x80", b"\xff"]),
        (b"[^-]", &[b"\x00", b"*", b"+", b"0", b"?", b"A", b"[", b"\\", b"]", b"^", b"_", b"a", b"b", b"z", b"\x80", b"\xff"]),
        (b"[^\\]", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"\\", b"^", b"_", b"a", b"b", b"z", b"\x80", b"\xff"]),
        (b"[^\\", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"]", b"^", b"_", b"a", b"b", b"z", b"\x80", b"\xff"]),
        (b"a[", &[]),
        (b"a[^", &[b"a-", b"a\\", b"a]", b"aa", b"ab", b"a\xff"]),
        (b"***", &[b"\x00", b"*", b"+", b"-", b"0", b"?", b"A", b"[", b"[]", b"[a", b"\\", b"]", b"^", b"^a", b"_", b"a", b"a\x00b", b"a*b", b"a-", b"a\\", b"a]", b"aa", b"ab", b"aba", b"abab", b"abc", b"a\xff", b"b", b"ba", b"user:1", b"user:12:x", b"x-]", b"z", b"\x80", b"\xff"]),
        (b"[a-b-]", &[b"-", b"a", b"b"]),
    ];

    #[test]
    fn servers_chose_the_same_keys() {
        for (pattern, chosen) in CHOSEN {
            let glob = Glob::new(pattern);
            for &key in KEYS {
                assert_eq!(
                    glob.matches(key),
                    chosen.contains(&key),
                    "{} {}",
                    pattern.escape_ascii(),
                    key.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn shapes() {
        assert!(Glob::new(b"*").is_all());
        assert!(Glob::new(b"*").matches(b""));
        assert!(!Glob::new(b"**").matches(b""));
        assert!(Glob::new(b"").matches(b""));
        assert_eq!(Glob::new(b"a\\*b").literal(), Some(&b"a*b"[..]));
        assert_eq!(Glob::new(b"a*b").literal(), None);
        assert_eq!(Glob::new(b"user:*:x?").prefix(), b"user:");
        assert_eq!(Glob::new(b"user:*").prefix(), b"user:");
        assert_eq!(Glob::new(b"[u]ser").prefix(), b"");
        assert!(!Glob::new(b"ab*ba").matches(b"aba"));
    }

    #[test]
    fn hostile_patterns_end_soon() {
        let key = vec![b'a'; 20_000];
        let mut pattern = b"a*".repeat(2000);
        pattern.push(b'b');
        assert!(!Glob::new(&pattern).matches(&key));
        pattern.pop();
        assert!(Glob::new(&pattern).matches(&key));
    }

    /// The plainest reading, exponential.
    fn plain(tokens: &[Token], key: &[u8]) -> bool {
        match tokens.split_first() {
            None => key.is_empty(),
            Some((Token::Star, rest)) => (0..=key.len()).any(|n| plain(rest, &key[n..])),
            Some((token, rest)) => key
                .split_first()
                .is_some_and(|(&b, key)| token.accepts(b) && plain(rest, key)),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_plainest_reading(pattern in "[ab*?]{0,10}", key in "[ab]{1,12}") {
            let glob = Glob::new(pattern.as_bytes());
            prop_assert_eq!(glob.matches(key.as_bytes()), plain(&tokens(pattern.as_bytes()), key.as_bytes()));
        }

        #[test]
        fn any_bytes_are_a_pattern(
            pattern in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"*?[]^-\\".to_vec())], 0..30),
            key in prop::collection::vec(any::<u8>(), 0..30),
        ) {
            let glob = Glob::new(&pattern);
            if glob.matches(&key) {
                prop_assert!(key.starts_with(glob.prefix()));
            }
        }
    }
}
