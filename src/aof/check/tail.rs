//! What is wrong with the end of a file.

use super::{Check, argument};
use crate::aof::reader::{End, Tail};
use crate::model::finding::{Refused, Severity};
use crate::resp::decode::FaultKind;
use crate::text::quoted;

impl Check {
    /// What stands behind the last whole command, and the block that is left open.
    pub(super) fn tail(&mut self, end: &End) {
        let state = &end.state;
        let behind = end.size - end.valid_up_to;
        let zeros = match end.zeros_from {
            Some(from) => {
                format!("; from {from:#x} on there is nothing but NULs, as after a power loss")
            }
            None => String::new(),
        };
        match end.tail {
            Tail::Clean => {}
            Tail::TornAnnotation => {
                let message = "the file ends inside an annotation; it loads, but the server writes its next command on \
                               the same line, and then the file does not load";
                self.add(
                    "torn-annotation",
                    Severity::Damage,
                    end.read_up_to,
                    state,
                    Refused::Never,
                    message,
                );
            }
            Tail::Truncated { arg, len } => {
                let place = match (arg, len) {
                    (None, _) => "in its first line".to_owned(),
                    (Some(arg), None) => format!("in the length of {}", argument(arg)),
                    (Some(arg), Some(len)) => {
                        format!("in {}, which claims {len} bytes", argument(arg))
                    }
                };
                let message = format!(
                    "the file ends inside a command, {place}; {behind} bytes after the last whole command{zeros}"
                );
                let refused = Refused::Never;
                self.add(
                    "torn-command",
                    Severity::Damage,
                    end.read_up_to,
                    state,
                    refused,
                    message,
                );
            }
            Tail::Fault { kind, at, arg } => {
                let only_zeros = end.zeros_from == Some(at);
                let code = if only_zeros {
                    "zero-tail"
                } else {
                    "bad-format"
                };
                let mut message = match kind {
                    _ if only_zeros => format!(
                        "{} NULs instead of a command, as after a power loss",
                        end.size - at
                    ),
                    FaultKind::NotACommand(b) => {
                        format!("{} where a command starts with *", quoted(&[b]))
                    }
                    FaultKind::Argc(n) => {
                        format!("a number of arguments that servers read as {n}")
                    }
                    FaultKind::NulArgc => "a NUL where the number of arguments is".to_owned(),
                    FaultKind::NotAnArgument(b) => {
                        format!("{} where an argument starts with $", quoted(&[b]))
                    }
                    FaultKind::NegativeLength(n) => {
                        format!("a length of {n}, on which servers crash")
                    }
                    FaultKind::LongLine => "a line that does not end".to_owned(),
                };
                if !only_zeros {
                    message.push_str(&format!(
                        "; {behind} bytes after the last whole command{zeros}"
                    ));
                }
                self.add(code, Severity::Damage, at, state, Refused::Always, message);
                if let Some(arg) = arg
                    && let Some(last) = self.findings.last_mut()
                {
                    last.place.path.push(argument(arg));
                }
            }
        }
        if let Some(open) = state.multi {
            let (code, message) = match self.boundary {
                Some(boundary) => (
                    "stale-multi",
                    format!(
                        "no EXEC follows; but the SELECT at {boundary:#x} looks like the start of a later run: what \
                         follows it may be acknowledged writes, which servers drop with the block"
                    ),
                ),
                None => (
                    "open-multi",
                    "no EXEC follows: servers drop the block".to_owned(),
                ),
            };
            self.add(code, Severity::Damage, open, state, Refused::Never, message);
            if let Some(last) = self.findings.last_mut().filter(|f| f.code == code) {
                // The number at hand is that of the end of the file.
                last.place.path.clear();
            }
            // It stands before the tail's own finding in the file.
            if let [.., tail, last] = &mut self.findings[..]
                && tail.place.offset > last.place.offset
            {
                std::mem::swap(tail, last);
            }
        }
    }
}
