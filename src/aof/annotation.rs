//! Annotations: lines between commands that servers skip.
//!
//! ```text
//! #TS:1700000000\r\n     the commands from here on were logged in this second (unix time)
//! #anything else\n       skipped by every loader from 7.0 on, and worth keeping when a log is copied
//! ```
//!
//! `aof-timestamp-enabled` writes `#TS:` before the first command of a new second, and once at the start of a rewritten
//! base in RESP form. Servers before 7.0 take any `#` for a format error. Source: redis `src/aof.c`,
//! `genAofTimestampAnnotationIfNeeded`. Bounds: the line is at most [`LINE_MAX`](crate::resp::line::LINE_MAX) bytes.

/// What an annotation line says. Made from the line without its CRLF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Annotation<'a> {
    /// `#TS:` with a time in seconds since 1970.
    Timestamp(i64),
    /// `#TS:` with something else behind it, given here. Servers skip it; `redis-check-aof --truncate-to-timestamp`
    /// gives up on it.
    BadTimestamp(&'a [u8]),
    /// Any other, with what stands behind the `#`.
    Other(&'a [u8]),
}

impl<'a> Annotation<'a> {
    /// Reads a line, without its line end.
    ///
    /// ```
    /// use redisk::aof::annotation::Annotation;
    /// assert_eq!(Annotation::of(b"#TS:1700000000"), Annotation::Timestamp(1_700_000_000));
    /// assert_eq!(Annotation::of(b"#TS:soon"), Annotation::BadTimestamp(b"soon"));
    /// assert_eq!(Annotation::of(b"#HDR:v1;"), Annotation::Other(b"HDR:v1;"));
    /// ```
    #[must_use]
    pub fn of(line: &'a [u8]) -> Annotation<'a> {
        let text = line.strip_prefix(b"#").unwrap_or(line);
        let Some(time) = text.strip_prefix(b"TS:") else {
            return Annotation::Other(text);
        };
        let digits = time.strip_prefix(b"-").unwrap_or(time);
        let seconds = std::str::from_utf8(time)
            .ok()
            .filter(|_| digits.first().is_some_and(u8::is_ascii_digit))
            .and_then(|t| t.parse().ok());
        match seconds {
            Some(seconds) => Annotation::Timestamp(seconds),
            None => Annotation::BadTimestamp(time),
        }
    }
}

/// Appends the line that servers write for a time.
pub fn write_timestamp(seconds: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"#TS:");
    out.extend_from_slice(seconds.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for seconds in [0, 1, 1_700_000_000, i64::MAX, -5] {
            let mut line = Vec::new();
            write_timestamp(seconds, &mut line);
            let text = line.strip_suffix(b"\r\n").unwrap();
            assert_eq!(Annotation::of(text), Annotation::Timestamp(seconds));
        }
    }

    #[test]
    fn what_is_no_time_is_kept() {
        for text in [
            &b""[..],
            b" 5",
            b"+5",
            b"5 ",
            b"5x",
            b"99999999999999999999",
            b"\xff",
        ] {
            let line = [b"#TS:", text].concat();
            assert_eq!(Annotation::of(&line), Annotation::BadTimestamp(text));
        }
        assert_eq!(Annotation::of(b"#ts:5"), Annotation::Other(b"ts:5"));
        assert_eq!(Annotation::of(b"#"), Annotation::Other(b""));
    }
}
