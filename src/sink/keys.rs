//! Keys alone: one a line, or parted by NUL.

use super::bytes;
use super::{Key, Render, Rendered};
use crate::error::{Error, Result};
use crate::model::kind::Kind;
use crate::packed::string::Str;
use crate::pipe::Out;
use crate::rdb::frame::{Header, Record};
use crate::rdb::types::Layout;
use crate::rdb::visit::Visit;
use crate::rdb::walk::{self, Scratch};
use crate::text;

/// How a name is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Escaped, a line each.
    #[default]
    Escape,
    /// Hex, a line each.
    Hex,
    /// Base64, a line each.
    Base64,
    /// The bytes themselves, each followed by a zero byte (which keys may hold, too: then it does not part them well).
    Nul,
}

/// Renders the names of keys.
#[derive(Debug, Clone, Default)]
pub struct KeyNames {
    /// How they are written.
    pub form: Form,
}

/// A value of more bytes has elements, or is damaged; but lists of many empty nodes have none at any length.
const MAY_BE_EMPTY: u64 = 64;

impl Render for KeyNames {
    fn head(&mut self, _: Header, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn key(&mut self, key: &Key<'_>, sc: &mut Scratch, out: &mut Out<'_, '_>) -> Result<Rendered> {
        let aggregate = matches!(
            key.row.kind,
            Kind::List | Kind::Set | Kind::Zset | Kind::Hash
        );
        if aggregate && key.record.body_len() <= MAY_BE_EMPTY {
            let mut look = Look::default();
            walk::record(&key.record, key.row, false, sc, &mut look)?;
            if look.empty {
                return Ok(Rendered::Empty);
            }
        } else if matches!(key.row.layout, Layout::Quicklist | Layout::Quicklist2) {
            let mut look = Look {
                briefly: true,
                ..Look::default()
            };
            // Whatever ends it early: the first element, or damage, which others judge.
            let _ = walk::record(&key.record, key.row, false, sc, &mut look);
            if look.empty {
                return Ok(Rendered::Empty);
            }
        }
        match self.form {
            Form::Escape => text::push_escaped(key.name, &mut out.buf),
            Form::Hex => bytes::hex(key.name, &mut out.buf),
            Form::Base64 => bytes::base64(key.name, &mut out.buf),
            Form::Nul => out.buf.extend_from_slice(key.name),
        }
        out.buf.push(if self.form == Form::Nul { 0 } else { b'\n' });
        out.relieve()?;
        Ok(Rendered::Done)
    }

    fn record(&mut self, _: &Record<'_>, _: &mut Out<'_, '_>) -> Result<()> {
        Ok(())
    }
}

/// Looks whether there are elements.
#[derive(Default)]
struct Look {
    empty: bool,
    /// No further than the first.
    briefly: bool,
}

impl Visit for Look {
    fn element(&mut self, _: Str<'_>) -> Result<()> {
        if self.briefly {
            return Err(Error::usage("an element"));
        }
        Ok(())
    }
    fn empty(&mut self) -> Result<()> {
        self.empty = true;
        Ok(())
    }
}
