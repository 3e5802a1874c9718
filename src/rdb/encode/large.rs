//! A value that is not held: read twice, first for its counts, then to be written as it comes.

use super::items::{Fields, HashForm, Pen, score_form};
use super::nodes::Fill;
use crate::error::Result;
use crate::model::kind::Kind;
use crate::packed::string::Str;
use crate::rdb::choose;
use crate::rdb::length;
use crate::rdb::visit::Visit;
use crate::resp::encode::Output;

/// What must be known before the first element is written.
pub(super) struct Survey {
    kind: Kind,
    count: u64,
    nodes: u64,
    fill: Fill,
    least: Option<u64>,
    /// The last expiry of a field that the target can hold; `None` where it holds none.
    last: Option<u64>,
    /// Expiries of fields that it cannot.
    pub(super) cut: u64,
    /// The value has no elements.
    pub(super) empty: bool,
}

impl Survey {
    pub(super) fn new(pen: &Pen<'_>, kind: Kind, last: Option<u64>) -> Survey {
        Survey {
            kind,
            count: 0,
            nodes: 0,
            fill: Fill::new(pen.target, pen.thresholds),
            least: None,
            last,
            cut: 0,
            empty: false,
        }
    }
}

/// The expiry as far as it can be kept.
fn kept(expiry: Option<u64>, last: Option<u64>) -> Option<u64> {
    expiry.filter(|ms| last.is_some_and(|last| *ms <= last))
}

impl Visit for Survey {
    fn reads(&self) -> bool {
        // How many elements a node takes depends on their lengths.
        self.kind == Kind::List
    }

    fn element(&mut self, element: Str<'_>) -> Result<()> {
        self.count += 1;
        self.nodes += self.fill.begins(&element);
        Ok(())
    }

    fn member(&mut self, _: Str<'_>) -> Result<()> {
        self.count += 1;
        Ok(())
    }

    fn scored(&mut self, _: Str<'_>, _: f64) -> Result<()> {
        self.count += 1;
        Ok(())
    }

    fn field(&mut self, _: Str<'_>, _: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        self.count += 1;
        let kept = kept(expire_ms, self.last);
        self.cut += u64::from(expire_ms.is_some() && kept.is_none());
        self.least = match (self.least, kept) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Ok(())
    }

    fn empty(&mut self) -> Result<()> {
        self.empty = true;
        Ok(())
    }
}

/// Writes the elements as they come.
pub(super) struct Writer<'w, 'e, O> {
    pen: Pen<'e>,
    out: &'w mut O,
    nodes: Option<Fill>,
    fields: Option<Fields>,
    last: Option<u64>,
}

impl<'w, 'e, O: Output> Writer<'w, 'e, O> {
    /// Begins a value of that kind, of which that much is known. Its type code goes to `type_at`.
    pub(super) fn begin(
        pen: Pen<'e>,
        kind: Kind,
        survey: &Survey,
        type_at: usize,
        out: &'w mut O,
    ) -> Self {
        let (mut nodes, mut fields) = (None, None);
        let buf = out.bytes();
        let code = match kind {
            Kind::List if pen.target.has(choose::QUICKLISTS) => {
                length::write(survey.nodes, buf);
                let fill = Fill::new(pen.target, pen.thresholds);
                let code = fill.code();
                nodes = Some(fill);
                code
            }
            Kind::Hash => {
                let form = HashForm::of(pen.target, survey.least.is_some());
                let begun = Fields::begin(form, survey.count, survey.least, buf);
                let code = begun.code();
                fields = Some(begun);
                code
            }
            Kind::String => 0,
            kind => {
                length::write(survey.count, buf);
                match kind {
                    Kind::List => 1,
                    Kind::Set => 2,
                    _ => pen.zset_code(),
                }
            }
        };
        super::set(buf, type_at, code);
        Writer {
            pen,
            out,
            nodes,
            fields,
            last: survey.last,
        }
    }

    /// Ends it.
    pub(super) fn end(mut self) {
        if let Some(fill) = &mut self.nodes {
            fill.close(&mut self.pen, self.out.bytes());
        }
    }

    fn any(&mut self, s: &Str<'_>) -> Result<()> {
        self.pen.strings.any(s, self.out)?;
        self.out.relieve()
    }
}

impl<O: Output> Visit for Writer<'_, '_, O> {
    fn string(&mut self, value: Str<'_>) -> Result<()> {
        self.any(&value)
    }

    fn element(&mut self, element: Str<'_>) -> Result<()> {
        match &mut self.nodes {
            Some(fill) => fill.push(&element, &mut self.pen, self.out),
            None => self.any(&element),
        }
    }

    fn member(&mut self, member: Str<'_>) -> Result<()> {
        self.any(&member)
    }

    fn scored(&mut self, member: Str<'_>, score: f64) -> Result<()> {
        self.pen.strings.any(&member, self.out)?;
        score_form(self.pen.target, score, self.out.bytes());
        self.out.relieve()
    }

    fn field(&mut self, field: Str<'_>, value: Str<'_>, expire_ms: Option<u64>) -> Result<()> {
        let expiry = kept(expire_ms, self.last);
        if let Some(fields) = &mut self.fields {
            fields.push(&field, &value, expiry, self.pen.strings, self.out)?;
        }
        self.out.relieve()
    }
}
