//! A source that is read twice: once for the names of its keys, once for the keys.

use crate::error::{Error, Result};
use crate::input::bytes::ReadAt;
use crate::input::open::Input;
use crate::input::spool::Spool;
use crate::rdb::encode::Packer;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

/// Where it is read from.
enum From {
    Path(PathBuf),
    Spool(Arc<Spool>),
}

/// An RDB that can be opened again.
pub struct Origin {
    name: String,
    from: From,
    /// Who packed its values.
    pub packer: Packer,
    /// Its databases and what they become.
    pub databases: Vec<(u64, u64)>,
}

impl Origin {
    /// Of an input. What cannot be opened again is put into an unlinked temporary file.
    ///
    /// # Errors
    /// What the input or that file says.
    pub fn new(mut input: Input, packer: Packer) -> Result<Origin> {
        let name = input.name.clone();
        let from = match input.path.take().filter(|_| packer == Packer::Server) {
            Some(path) => From::Path(path),
            None => From::Spool(Arc::new(
                spooled(&mut *input.stream).map_err(|e| e.in_file(&name))?,
            )),
        };
        Ok(Origin {
            name,
            from,
            packer,
            databases: Vec::new(),
        })
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens it.
    pub(super) fn open(&self) -> Result<Input> {
        match &self.from {
            From::Path(path) => Input::open(path),
            From::Spool(spool) => {
                let stream = Box::new(Spooled {
                    spool: spool.clone(),
                    at: 0,
                });
                Input::of(&self.name, stream, Some(spool.clone()), Some(spool.len()))
            }
        }
    }
}

fn spooled(stream: &mut dyn Read) -> Result<Spool> {
    let mut spool = Spool::default();
    let mut buf = vec![0; PIECE];
    loop {
        match stream.read(&mut buf) {
            Ok(0) => return Ok(spool),
            Ok(n) => spool.write(buf.get(..n).unwrap_or_default())?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::from_io(e, "read")),
        }
    }
}

const PIECE: usize = 256 << 10;

/// A spool from its beginning.
struct Spooled {
    spool: Arc<Spool>,
    at: u64,
}

impl Read for Spooled {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.spool.len() - self.at).unwrap_or(usize::MAX);
        let n = left.min(buf.len());
        let buf = buf.get_mut(..n).unwrap_or_default();
        self.spool
            .read_exact_at(buf, self.at)
            .map_err(io::Error::other)?;
        self.at += n as u64;
        Ok(n)
    }
}
