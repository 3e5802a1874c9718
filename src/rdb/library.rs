//! The functions that a library registers, as far as its source says so without being run.
//!
//! ```text
//!   redis.register_function('name', …)      server.register_function{function_name = "name", …}
//! ```
//! Told are names that stand there literally, in calls that are made whenever the library loads: statements outside of
//! any block, function or expression. Names are the same in any case. Source: redis `src/function_lua.c`,
//! `luaRegisterFunction`; `src/functions.c`, `functionDictType`.

/// Names of functions that a library is sure to register, in lower case, in the order of its source; none where the
/// source gives `redis` or `server` a meaning of its own.
#[must_use]
pub fn functions(code: &[u8]) -> Vec<Vec<u8>> {
    let line = code.iter().position(|b| *b == b'\n').unwrap_or(code.len());
    // The first line is for the server: `#!lua name=…`.
    let tokens = tokens(code.get(line..).unwrap_or_default());
    let mut found = Vec::new();
    let mut depth = 0usize;
    let mut rest: &[Token<'_>] = &tokens;
    // What stands in front of a statement ends the one before.
    let mut begins = true;
    while let Some((token, behind)) = rest.split_first() {
        if let Token::Name(b"redis" | b"server") = token {
            if let [Token::Mark(b'='), next, ..] = behind
                && *next != Token::Mark(b'=')
            {
                return Vec::new();
            }
            if begins
                && depth == 0
                && let [
                    Token::Mark(b'.'),
                    Token::Name(b"register_function"),
                    call @ ..,
                ] = behind
            {
                found.extend(registered(call).map(|name| name.to_ascii_lowercase()));
            }
        }
        begins = match token {
            Token::Name(b"local") => {
                if takes_name(behind) {
                    return Vec::new();
                }
                false
            }
            Token::Name(b"function" | b"if" | b"do" | b"repeat")
            | Token::Mark(b'(' | b'{' | b'[') => {
                depth += 1;
                false
            }
            Token::Name(b"end" | b"until") | Token::Mark(b')' | b'}' | b']') => {
                depth = depth.saturating_sub(1);
                true
            }
            Token::Mark(b';') | Token::Text(_) => true,
            Token::Name(name) => !WORDS.contains(name),
            Token::Mark(_) => false,
        };
        rest = behind;
    }
    found
}

/// Whether a `local` statement, which goes on with `rest`, is about `redis` or `server`.
fn takes_name(mut rest: &[Token<'_>]) -> bool {
    if let [Token::Name(b"function"), behind @ ..] = rest {
        rest = behind;
    }
    while let [Token::Name(name), behind @ ..] = rest {
        if matches!(*name, b"redis" | b"server") {
            return true;
        }
        let [Token::Mark(b','), more @ ..] = behind else {
            return false;
        };
        rest = more;
    }
    false
}

/// Words behind which no statement begins.
const WORDS: [&[u8]; 9] = [
    b"and", b"or", b"not", b"return", b"in", b"while", b"for", b"then", b"elseif",
];

/// The name in a call, whose arguments `call` begins with.
fn registered<'a>(call: &[Token<'a>]) -> Option<&'a [u8]> {
    let args = match call {
        [Token::Mark(b'('), args @ ..] => args,
        args => args,
    };
    match args {
        [Token::Text(name), Token::Mark(b','), ..] => *name,
        [Token::Mark(b'{'), fields @ ..] => {
            let mut depth = 0usize;
            for (at, token) in fields.iter().enumerate() {
                match token {
                    Token::Mark(b'}') if depth == 0 => return None,
                    Token::Mark(b'{' | b'(' | b'[')
                    | Token::Name(b"function" | b"if" | b"do" | b"repeat") => depth += 1,
                    Token::Mark(b'}' | b')' | b']') | Token::Name(b"end" | b"until") => {
                        depth = depth.saturating_sub(1);
                    }
                    Token::Name(b"function_name") if depth == 0 => {
                        let [
                            Token::Mark(b'='),
                            Token::Text(name),
                            Token::Mark(b',' | b';' | b'}'),
                            ..,
                        ] = fields.get(at + 1..)?
                        else {
                            return None;
                        };
                        return *name;
                    }
                    _ => {}
                }
            }
            None
        }
        _ => None,
    }
}

/// A piece of Lua.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// A name, a word of the language or a number.
    Name(&'a [u8]),
    /// A string; `None` where it has escapes.
    Text(Option<&'a [u8]>),
    /// Any other byte.
    Mark(u8),
}

fn tokens(code: &[u8]) -> Vec<Token<'_>> {
    let mut all = Vec::new();
    let mut rest = code;
    while let Some((first, behind)) = rest.split_first() {
        match first {
            b if b.is_ascii_whitespace() => rest = behind,
            b'-' if behind.first() == Some(&b'-') => {
                let comment = behind.get(1..).unwrap_or_default();
                rest = match long(comment) {
                    Some((_, behind)) => behind,
                    None => {
                        let end = comment.iter().position(|b| *b == b'\n');
                        comment
                            .get(end.unwrap_or(comment.len())..)
                            .unwrap_or_default()
                    }
                };
            }
            b'[' => match long(rest) {
                Some((text, after)) => {
                    all.push(Token::Text(Some(text)));
                    rest = after;
                }
                None => {
                    all.push(Token::Mark(b'['));
                    rest = behind;
                }
            },
            quote @ (b'"' | b'\'') => {
                let mut escaped = false;
                let mut escapes = false;
                let end = behind.iter().position(|b| {
                    let ends = !escaped && b == quote;
                    escaped = !escaped && *b == b'\\';
                    escapes |= escaped;
                    ends
                });
                let end = end.unwrap_or(behind.len());
                let text = behind.get(..end).unwrap_or_default();
                all.push(Token::Text((!escapes).then_some(text)));
                rest = behind.get(end + 1..).unwrap_or_default();
            }
            b if b.is_ascii_alphanumeric() || *b == b'_' => {
                let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
                let end = rest.iter().position(|b| !word(b)).unwrap_or(rest.len());
                let (name, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
                all.push(Token::Name(name));
                rest = behind;
            }
            b => {
                all.push(Token::Mark(*b));
                rest = behind;
            }
        }
    }
    all
}

/// What stands in long brackets, `[[…]]` or `[==[…]==]`, and what stands behind them.
fn long(code: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = code.strip_prefix(b"[")?;
    let level = inner.iter().take_while(|b| **b == b'=').count();
    let text = inner.get(level..)?.strip_prefix(b"[")?;
    // A line break right behind the bracket is no part of the text.
    let text = text.strip_prefix(b"\n").unwrap_or(text);
    let close = [&b"]"[..], &vec![b'='; level], b"]"].concat();
    let end = text.windows(close.len()).position(|w| w == close);
    let end = end.unwrap_or(text.len());
    let behind = text.get(end + close.len()..).unwrap_or_default();
    Some((text.get(..end)?, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: &str) -> Vec<String> {
        let code = format!("#!lua name=l\n{code}");
        let text = |name: Vec<u8>| String::from_utf8(name).unwrap();
        functions(code.as_bytes()).into_iter().map(text).collect()
    }

    #[test]
    fn names_that_stand_there() {
        let code = "redis.register_function('Get', function(k, a) if k then return 1 end end)\n\
            -- redis.register_function('no', f)\n--[[ redis.register_function('no', f) ]]\n\
            local function f(k) return redis.call('get', k[1]) end\n\
            server.register_function(\"set\", f)\n\
            redis.register_function{function_name='del', callback=function() return {} end, flags={'no-writes'}}\n\
            redis.register_function{callback=f, flags={ 'no-writes' }, function_name = [[long]]} local x = 1\n\
            redis . register_function ( 'last' , f )";
        assert_eq!(told(code), ["get", "set", "del", "long", "last"]);
    }

    #[test]
    fn what_may_not_happen_is_not_told() {
        for code in [
            "if x then redis.register_function('a', f) end",
            "local function g() redis.register_function('a', f) end",
            "for i = 1, 2 do redis.register_function('a', f) end",
            "local name = 'a' redis.register_function(name, f)",
            "redis.register_function('a' .. 'b', f)",
            "redis.register_function('a\\98', f)",
            "local x = false and redis.register_function('a', f)",
            "pcall(redis.register_function, 'a', f)",
            "local redis = other redis.register_function('a', f)",
            "redis = other redis.register_function('a', f)",
            "local s = [==[ redis.register_function('a', f) ]==]",
            "local s = \"x\\\" redis.register_function('a', f)\"",
            "redis.register_function{function_name='a'..'b', callback=f}",
            "redis.register_function",
            "redis.register_function{",
            "[[",
            "'",
        ] {
            assert_eq!(told(code), [""; 0], "{code}");
        }
        assert_eq!(functions(b"").len(), 0);
    }
}
