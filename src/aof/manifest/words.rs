//! The words of a line: quoted as servers quote them, and read as they read them.

/// Words as `sdssplitargs` splits them; `None` for quotes out of balance.
pub(super) fn split_words(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let is_space = |b: &u8| matches!(b, b' ' | b'\t'..=b'\r');
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        let blank = rest.iter().take_while(|b| is_space(b)).count();
        rest = rest.get(blank..)?;
        if rest.is_empty() {
            return Some(words);
        }
        let mut word = Vec::new();
        loop {
            match rest {
                // Vertical tab and form feed part words only when they stand in front of one.
                [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => break,
                [quote @ (b'"' | b'\''), tail @ ..] => {
                    rest = unquote(*quote, tail, &mut word)?;
                    if rest.first().is_some_and(|b| !is_space(b)) {
                        return None;
                    }
                    break;
                }
                [b, tail @ ..] => {
                    word.push(*b);
                    rest = tail;
                }
            }
        }
        words.push(word);
    }
}

/// Reads on to the closing quote, and returns what is behind it.
fn unquote<'a>(quote: u8, mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    let hex = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    loop {
        let (&b, tail) = rest.split_first()?;
        rest = tail;
        if b == quote {
            return Some(rest);
        }
        if b != b'\\' {
            word.push(b);
            continue;
        }
        match (quote, rest) {
            (b'"', [b'x', high, low, tail @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                word.push(hex(*high)? << 4 | hex(*low)?);
                rest = tail;
            }
            (b'"', [c, tail @ ..]) => {
                word.push(match c {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    c => *c,
                });
                rest = tail;
            }
            (b'\'', [b'\'', tail @ ..]) => {
                word.push(b'\'');
                rest = tail;
            }
            _ => word.push(b'\\'),
        }
    }
}

/// Appends a word, quoted only if servers quote it (`sdsneedsrepr`), or could not read it back: they forget `'`, and the
/// empty word.
pub(super) fn write_word(word: &[u8], out: &mut Vec<u8>) {
    if !word.is_empty()
        && word
            .iter()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'\''))
    {
        return out.extend_from_slice(word);
    }
    out.push(b'"');
    for &b in word {
        match b {
            b'\\' | b'"' => out.extend([b'\\', b]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            7 => out.extend_from_slice(b"\\a"),
            8 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(b),
            b => out.extend_from_slice(format!("\\x{b:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}
