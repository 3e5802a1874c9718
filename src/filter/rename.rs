//! Renaming by an expression, in the form that sed knows.
//!
//! ```text
//!   s/REGEX/REPLACEMENT/FLAGS         any character in the place of /, but letters, digits, \ and line feeds
//!   s|^user:(\d+)|u:\1|               g: every match, not only the first   i: in upper or lower case
//!   in the replacement: & and \0 the match, \1 to \9 (or $1, ${1}, ${name}) its groups, \n a line feed, \& a &
//! ```
//! The expressions are those of the `regex` crate, on bytes.

use crate::error::{Error, Result};
use regex::bytes::{Captures, Regex, RegexBuilder};

/// One renaming.
#[derive(Debug, Clone)]
pub struct Rename {
    regex: Regex,
    with: Vec<Part>,
    every: bool,
}

/// A part of a replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Group(usize),
}

fn no(text: &str, why: &str) -> Error {
    Error::usage(format!(
        "{} is no s/REGEX/REPLACEMENT/: {why}",
        crate::text::quoted(text.as_bytes())
    ))
}

impl Rename {
    /// Reads `s/REGEX/REPLACEMENT/FLAGS`.
    ///
    /// # Errors
    /// `Usage`, with what is wrong about it.
    pub fn parse(text: &str) -> Result<Rename> {
        let mut chars = text.chars();
        if chars.next() != Some('s') {
            return Err(no(text, "it begins with s"));
        }
        let Some(delimiter) = chars
            .next()
            .filter(|c| !c.is_alphanumeric() && !matches!(c, '\\' | '\n' | '\r' | '\0'))
        else {
            return Err(no(text, "a delimiter follows the s"));
        };
        let rest = chars.as_str();
        let (pattern, rest) =
            part(rest, delimiter).ok_or_else(|| no(text, "the expression does not end"))?;
        let (replacement, flags) =
            part(rest, delimiter).ok_or_else(|| no(text, "the replacement does not end"))?;
        let (mut every, mut any_case) = (false, false);
        for flag in flags.chars() {
            match flag {
                'g' => every = true,
                'i' | 'I' => any_case = true,
                _ => return Err(no(text, "there are the flags g and i")),
            }
        }
        let regex = RegexBuilder::new(&unescaped(pattern, delimiter))
            .case_insensitive(any_case)
            .build()
            .map_err(|e| Error::usage(e.to_string()))?;
        let with = parts(replacement, delimiter, &regex).map_err(|why| no(text, &why))?;
        Ok(Rename { regex, with, every })
    }

    /// The name by which a key goes on; `None` where it stays.
    #[must_use]
    pub fn apply(&self, name: &[u8]) -> Option<Vec<u8>> {
        let mut out = None;
        let mut from = 0;
        let most = if self.every { usize::MAX } else { 1 };
        for found in self.regex.captures_iter(name).take(most) {
            let Some(whole) = found.get(0) else { break };
            let out = out.get_or_insert_with(Vec::new);
            out.extend_from_slice(name.get(from..whole.start()).unwrap_or_default());
            self.put(&found, out);
            from = whole.end();
        }
        let mut out = out?;
        out.extend_from_slice(name.get(from..).unwrap_or_default());
        Some(out)
    }

    fn put(&self, found: &Captures<'_>, out: &mut Vec<u8>) {
        for part in &self.with {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                // A group that took no part is empty.
                Part::Group(n) => {
                    let group = found.get(*n).map(|group| group.as_bytes());
                    out.extend_from_slice(group.unwrap_or_default());
                }
            }
        }
    }
}

/// The text up to a delimiter that no `\` stands in front of, and what follows it.
fn part(text: &str, delimiter: char) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == delimiter {
            return Some((text.get(..at)?, text.get(at + c.len_utf8()..)?));
        }
    }
    None
}

/// An expression without the `\` in front of delimiters, unless those mean something without it.
fn unescaped(pattern: &str, delimiter: char) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some(c) if c == delimiter => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            Some(c) => out.extend(['\\', c]),
            None => out.push('\\'),
        }
    }
    out
}

/// Takes a replacement apart.
fn parts(text: &str, delimiter: char, regex: &Regex) -> std::result::Result<Vec<Part>, String> {
    let mut out = Vec::new();
    let mut literal = Vec::new();
    let mut rest = text;
    let group = |n: usize| {
        if n < regex.captures_len() {
            Ok(n)
        } else {
            Err(format!("the expression has no group {n}"))
        }
    };
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        let next = rest.chars().next();
        let found = match (c, next) {
            ('&', _) => Some(0),
            ('\\', Some(c)) => {
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
                match c.to_digit(10) {
                    // A delimiter is itself, whatever else it may mean.
                    Some(n) if c != delimiter => Some(group(n as usize)?),
                    _ => {
                        let c = if c == 'n' { '\n' } else { c };
                        literal.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                        continue;
                    }
                }
            }
            ('\\', None) => return Err("a \\ stands at the end".to_owned()),
            ('$', Some('{')) => {
                let (name, after) = rest
                    .get(1..)
                    .and_then(|inner| inner.split_once('}'))
                    .ok_or("a ${ is not closed")?;
                rest = after;
                Some(match name.parse() {
                    Ok(n) => group(n)?,
                    Err(_) => regex
                        .capture_names()
                        .position(|known| known == Some(name))
                        .ok_or_else(|| format!("the expression has no group {name}"))?,
                })
            }
            ('$', Some('0'..='9')) => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                let (digits, after) = rest.split_at_checked(digits).unwrap_or((rest, ""));
                rest = after;
                let n = digits.parse().map_err(|_| "no group has such a number")?;
                Some(group(n)?)
            }
            _ => None,
        };
        match found {
            Some(n) => {
                if !literal.is_empty() {
                    out.push(Part::Text(std::mem::take(&mut literal)));
                }
                out.push(Part::Group(n));
            }
            None => literal.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if !literal.is_empty() {
        out.push(Part::Text(literal));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(rename: &str, name: &[u8]) -> Vec<u8> {
        let rename = Rename::parse(rename).unwrap();
        rename.apply(name).unwrap_or_else(|| name.to_vec())
    }

    #[test]
    fn as_sed_does_it() {
        for (rename, name, want) in [
            ("s/user/u/", "user:user:1", "u:user:1"),
            ("s/user/u/g", "user:user:1", "u:u:1"),
            ("s/USER/u/gi", "user:User:1", "u:u:1"),
            ("s/USER/u/", "user:1", "user:1"),
            ("s/USER/u/I", "user:1", "u:1"),
            (r"s/^user:(\d+)$/u:\1/", "user:12", "u:12"),
            (r"s/(a)(b)/\2\1/", "ab", "ba"),
            ("s/(a)(b)/$2$1/", "ab", "ba"),
            ("s/(a)(b)/${2}1/", "ab", "b1"),
            ("s/(?<x>a)/${x}${x}/", "ab", "aab"),
            ("s/b+/[&]/", "abbc", "a[bb]c"),
            (r"s/b+/[\0]/", "abbc", "a[bb]c"),
            (r"s/b+/[\&]/", "abbc", "a[&]c"),
            (r"s/b/\$1/", "b", "$1"),
            ("s/b/$/", "b", "$"),
            ("s/b/$x/", "b", "$x"),
            (r"s/b/\\/", "b", r"\"),
            (r"s/b/\n/", "b", "\n"),
            ("s|a/b|c/d|", "a/b", "c/d"),
            (r"s/a\/b/c\/d/", "a/b", "c/d"),
            // An escaped delimiter is itself.
            (r"s|a\|b|x|", "a|b", "x"),
            (r"s|a\|b|x|", "a", "a"),
            (r"s|x|a\|b|", "x", "a|b"),
            (r"s,\d,\,,g", "1-2", ",-,"),
            ("s:user:u:", "user:1", "u:1"),
            ("s/^/app:/", "k", "app:k"),
            ("s/$/:old/", "k", "k:old"),
            ("s/x*/-/g", "abc", "-a-b-c-"),
            ("s/(a)|b/<$1>/g", "ab", "<a><>"),
            ("s/.*//", "k", ""),
            ("s/a/ü/", "a", "ü"),
            ("s§(a)§b$1§", "a", "ba"),
        ] {
            let got = renamed(rename, name.as_bytes());
            assert_eq!(String::from_utf8_lossy(&got), want, "{rename} on {name}");
        }
        assert_eq!(renamed(r"s/(?-u:\xff)/x/", b"a\xffb"), b"axb");
        assert_eq!(Rename::parse("s/a/b/").unwrap().apply(b"c"), None);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (bad, why) in [
            ("", "begins with s"),
            ("y/a/b/", "begins with s"),
            ("s", "delimiter"),
            ("saabaca", "delimiter"),
            (r"s\a\b\", "delimiter"),
            ("s/a", "expression does not end"),
            ("s/a/b", "replacement does not end"),
            (r"s/a\/b/c", "replacement does not end"),
            ("s/a/b/x", "flags g and i"),
            ("s/a/b/2", "flags g and i"),
            (r"s/a/\1/", "no group 1"),
            ("s/(a)/$2/", "no group 2"),
            ("s/(a)/${x}/", "no group x"),
            ("s/(a)/${1/", "not closed"),
            ("s/(a)/$99999999999999999999/", "no group has such"),
            ("s/(a/b/", "unclosed group"),
        ] {
            let e = Rename::parse(bad).unwrap_err();
            assert!(e.to_string().contains(why), "{bad}: {e}");
        }
    }
}
