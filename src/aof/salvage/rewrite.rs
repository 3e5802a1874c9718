//! A command as servers write it, from one whose lines are malformed.

use crate::error::{Error, Result};
use crate::input::bytes::{Far, ReadAt};
use crate::resp::decode::{Decoder, Table};
use std::io::Write;

/// Writes the command at `from` (of at most a MiB, as [`super::salvage`] found it) as servers write it.
///
/// # Errors
/// What the operating system reports, and where no command stands there any more.
pub fn rewrite(src: &dyn ReadAt, from: u64, to: u64, out: &mut dyn Write) -> Result<()> {
    let mut bytes = Vec::new();
    Far::File(src, from).chunks(to.saturating_sub(from), &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    let mut table = Table::default();
    let (consumed, _) = Decoder::new().frame(&bytes, &mut table);
    let item = table.items.first().filter(|_| consumed == bytes.len());
    let Some(item) = item else {
        return Err(Error::corrupt(
            from,
            "the file has changed since it was read",
        ));
    };
    let args: Vec<&[u8]> = table.args(item).iter().map(|s| s.of(&bytes)).collect();
    let mut text = Vec::new();
    crate::resp::encode::command(&args, &mut text);
    out.write_all(&text)
        .map_err(|e| Error::from_io(e, "write the output"))
}
