//! JSON documents: reports for scripts, with their fields in the order of the manual.

use super::text::KeyFormat;
use crate::aof::reader::End;
use crate::error::Place;
use crate::sink::bytes::{self, Binary};
use crate::text;
use serde_json::Value;

/// A value in a report.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doc {
    /// A scalar, or something small.
    Value(Value),
    /// An array.
    List(Vec<Doc>),
    /// An object.
    Fields(Vec<(&'static str, Doc)>),
}

impl<T: Into<Value>> From<T> for Doc {
    fn from(value: T) -> Doc {
        Doc::Value(value.into())
    }
}

impl Doc {
    /// Null.
    pub(super) const NULL: Doc = Doc::Value(Value::Null);

    /// A list of things that have a JSON form.
    pub(super) fn list<T: Into<Doc>>(items: impl IntoIterator<Item = T>) -> Doc {
        Doc::List(items.into_iter().map(Into::into).collect())
    }

    /// On one line, without its end.
    pub(super) fn line(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, None);
        out
    }

    /// Indented, with a line feed at the end.
    pub(super) fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Some(0));
        out.push('\n');
        out
    }

    fn write(&self, out: &mut String, depth: Option<usize>) {
        let inner = depth.map(|d| d + 1);
        let start = |out: &mut String, first: bool, depth: Option<usize>| {
            if !first {
                out.push(',');
            }
            if let Some(depth) = depth {
                out.push('\n');
                out.extend(std::iter::repeat_n("  ", depth));
            }
        };
        match self {
            Doc::Value(value) => push_safe(&value.to_string(), out),
            Doc::List(items) if items.iter().all(|i| matches!(i, Doc::Value(_))) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    start(out, i == 0, None);
                    item.write(out, None);
                }
                out.push(']');
            }
            Doc::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    start(out, i == 0, inner);
                    item.write(out, inner);
                }
                start(out, true, depth);
                out.push(']');
            }
            Doc::Fields(fields) => {
                out.push('{');
                for (i, (name, value)) in fields.iter().enumerate() {
                    start(out, i == 0, inner);
                    push_safe(&Value::from(*name).to_string(), out);
                    out.push(':');
                    if depth.is_some() {
                        out.push(' ');
                    }
                    value.write(out, inner);
                }
                start(out, true, depth);
                out.push('}');
            }
        }
    }
}

/// The document of a command that takes several paths: what came of the one, or an array of them.
pub(super) fn document(mut paths: Vec<Doc>) -> Doc {
    match paths.pop() {
        Some(only) if paths.is_empty() => only,
        last => {
            paths.extend(last);
            Doc::List(paths)
        }
    }
}

/// JSON itself lets DEL, the C1 controls and direction marks stand in strings; a terminal obeys them.
fn push_safe(json: &str, out: &mut String) {
    for c in json.chars() {
        if c.is_control() || text::is_invisible(c) {
            *out += &format!("\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
}

/// A key, in the form that was asked for; else as dumps write it.
pub(super) fn key(key: &[u8], format: Option<KeyFormat>) -> Doc {
    let mut out = Vec::new();
    let binary = match format {
        None => Binary::Auto,
        Some(KeyFormat::Escape) => Binary::Escape,
        Some(KeyFormat::Hex) => Binary::Hex,
        Some(KeyFormat::Base64) => Binary::Base64,
    };
    bytes::json_bytes(key, binary, &mut out);
    Doc::Value(serde_json::from_slice(&out).unwrap_or_default())
}

/// Offset, db, key and path of a place; what is not known is null.
pub(super) fn place(place: &Place, format: Option<KeyFormat>) -> Vec<(&'static str, Doc)> {
    let key = place.key.as_deref().map_or(Doc::NULL, |k| key(k, format));
    vec![
        ("offset", place.offset.into()),
        ("db", place.db.into()),
        ("key", key),
        ("path", Doc::list(place.path.iter().map(String::as_str))),
    ]
}

/// Where the commands of a file end, as far as they were read.
pub(super) fn log_end(end: Option<&End>) -> [(&'static str, Doc); 3] {
    let open = end.filter(|e| e.state.multi.is_some());
    [
        ("valid_up_to", end.map(|e| e.valid_up_to).into()),
        ("valid_before_multi", open.map(|e| e.before_multi).into()),
        ("zeros_from", end.and_then(|e| e.zeros_from).into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_and_keeps_its_order() {
        let doc = Doc::Fields(vec![
            ("z", 1.into()),
            (
                "a",
                Doc::List(vec![Doc::Fields(vec![(
                    "x\"",
                    "\u{9b}\u{202e}\x1b\n".into(),
                )])]),
            ),
            ("flat", Doc::list(["b", "a"])),
            ("none", Doc::NULL),
            ("empty", Doc::List(Vec::new())),
        ]);
        let line = r#"{"z":1,"a":[{"x\"":"\u009b\u202e\u001b\n"}],"flat":["b","a"],"none":null,"empty":[]}"#;
        assert_eq!(doc.line(), line);
        let back = |s: &str| serde_json::from_str::<Value>(s).unwrap();
        assert_eq!(back(&doc.pretty()), back(line));
        assert!(
            doc.pretty()
                .starts_with("{\n  \"z\": 1,\n  \"a\": [\n    {\n")
        );
        assert!(doc.line().chars().all(|c| !c.is_control()));
    }

    #[test]
    fn keys_in_every_form() {
        let json = |format| key(b"a\xff", format).line();
        assert_eq!(json(None), r#"{"base64":"Yf8="}"#);
        assert_eq!(json(Some(KeyFormat::Escape)), r#""a\\xff""#);
        assert_eq!(json(Some(KeyFormat::Hex)), r#""61ff""#);
        assert_eq!(json(Some(KeyFormat::Base64)), r#""Yf8=""#);
    }
}
