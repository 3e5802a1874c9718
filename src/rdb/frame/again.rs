//! Single records of a file that has been read to its end.

use super::{Attrs, Header, Reader};
use crate::input::bytes::ReadAt;
use crate::input::checksum::Crc64;
use crate::limits::Sizes;
use crate::rdb::template::Templates;
use std::io::Read;
use std::sync::Arc;

/// What stands in a file beside a record and says how it is to be read.
#[derive(Debug, Clone)]
pub struct Seen {
    header: Header,
    templates: Templates,
}

impl Reader {
    /// What a later look at single records needs to know.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen {
            header: self.header,
            templates: self.templates.clone(),
        }
    }

    /// Reads a file again from the record at `offset`, which is in that database: `input` stands there, `source` gives
    /// the file by range. Attributes that stand apart from their key, before that record, are not seen.
    #[must_use]
    pub fn resume(
        seen: &Seen,
        input: Box<dyn Read + Send>,
        source: Arc<dyn ReadAt + Send + Sync>,
        (offset, db): (u64, u64),
        sizes: Sizes,
    ) -> Reader {
        Reader {
            input,
            source: Some(source),
            bodies: true,
            sizes,
            carry: Vec::new(),
            offset,
            input_ended: false,
            broken: None,
            ordinal: 0,
            header: seen.header,
            templates: seen.templates.clone(),
            db,
            attrs: Attrs::default(),
            crc: Crc64::new(),
            failed: None,
            ending: None,
            keep_tail: false,
        }
    }
}
