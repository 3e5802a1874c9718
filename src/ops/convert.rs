//! `convert`: the keys of an RDB, or the state of a log, in another form, for another server.
//!
//! ```text
//!   RDB ──────────────┐
//!   log ─▶ engine ─▶ RDB made while it is read ─▶ filter ─┬─▶ RDB for a server     (copied, or written anew)
//!   JSON Lines ───────┘                                    └─▶ commands, as that server's rewrite writes them
//! ```

use super::dump::{self, Report};
use crate::aof::manifest::{self, Manifest, Role as Member};
use crate::disk::StagedFolder;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::filter::transform::Transform;
use crate::input::open::Input;
use crate::model::target::Target;
use crate::rdb::encode;
use crate::sink::bytes::Binary;
use crate::sink::json::Json;
use crate::sink::rdb::{Rdb, Role, Summed};
use crate::sink::resp::Resp;
use std::io::Write;

/// How to convert.
pub struct Options<'a> {
    /// Which keys.
    pub filter: Filter,
    /// What becomes of them.
    pub transform: Transform,
    /// Workers.
    pub threads: usize,
    /// For which server, and how.
    pub encode: encode::Options,
    /// Whether an RDB gets its checksum.
    pub checksum: bool,
    /// Is told how many bytes were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl<'a> Options<'a> {
    fn dump(&self) -> dump::Options<'a> {
        dump::Options {
            filter: self.filter.clone(),
            transform: self.transform.clone(),
            limit: None,
            sort: false,
            threads: self.threads,
            progress: self.progress,
        }
    }
}

/// What came of it: what was written, and the output, if it is whole.
pub type Converted<W> = (Report, Result<W>);

/// Writes an RDB.
pub fn rdb<W: Write + Send>(
    input: Input,
    role: Role,
    options: &Options<'_>,
    out: W,
) -> Converted<W> {
    let all = options.filter.is_empty() && options.transform.is_empty();
    let make = || Rdb::new(options.encode, role, all);
    let mut sink = Summed::new(out, options.checksum);
    let (report, error) = dump::dump(input, make, &options.dump(), &mut sink);
    let out = match error {
        Some(e) => Err(e),
        None => sink
            .end()
            .map_err(|e| Error::from_io(e, "write the output")),
    };
    (report, out)
}

/// Writes commands.
pub fn aof<W: Write + Send>(input: Input, options: &Options<'_>, mut out: W) -> Converted<W> {
    let make = || Resp::new(options.encode.target, false);
    let (report, error) = dump::dump(input, make, &options.dump(), &mut out);
    (report, error.map_or(Ok(out), Err))
}

/// Writes JSON Lines.
pub fn jsonl<W: Write + Send>(input: Input, options: &Options<'_>, mut out: W) -> Converted<W> {
    let json = Json {
        binary: Binary::Auto,
        data_only: false,
        array: false,
        places: false,
    };
    let (report, error) = dump::dump(input, || json.clone(), &options.dump(), &mut out);
    (report, error.map_or(Ok(out), Err))
}

/// What the base of a multi-part set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// An RDB.
    Rdb,
    /// Commands.
    Aof,
}

/// The name of a set's files, as servers call them where nothing else is configured.
pub const NAME: &str = "appendonly.aof";

/// Writes a multi-part set into a folder that is not there yet: a base, an empty incr, and the manifest.
pub fn set(
    input: Input,
    base: Base,
    options: &Options<'_>,
    folder: StagedFolder,
) -> Converted<StagedFolder> {
    let ending = match base {
        Base::Rdb => "rdb",
        Base::Aof => "aof",
    };
    let base_name = format!("{NAME}.1.base.{ending}");
    let file = match folder.file(&base_name) {
        Ok(file) => std::io::BufWriter::with_capacity(BUFFER, file),
        Err(e) => return (Report::default(), Err(e)),
    };
    let (report, written) = match base {
        Base::Rdb => rdb(input, Role::Base, options, file),
        Base::Aof => aof(input, options, file),
    };
    let done = written.and_then(|mut file| {
        file.flush()
            .map_err(|e| Error::from_io(e, "write the base"))?;
        let incr_name = format!("{NAME}.1.incr.aof");
        folder.file(&incr_name)?;
        let mut text = Vec::new();
        let manifest = Manifest {
            records: vec![
                manifest::Record::new(base_name, 1, Member::Base),
                manifest::Record::new(incr_name, 1, Member::Incr),
            ],
            ..Manifest::default()
        };
        manifest.write(&mut text);
        let mut file = folder.file(format!("{NAME}.manifest"))?;
        file.write_all(&text)
            .map_err(|e| Error::from_io(e, "write the manifest"))?;
        Ok(folder)
    });
    (report, done)
}

const BUFFER: usize = 256 << 10;

/// Whether a server has multi-part sets.
#[must_use]
pub fn has_sets(target: &Target) -> bool {
    target.has(crate::sink::rdb::BASES)
}

/// Whether a server's append-only file may begin with an RDB.
#[must_use]
pub fn has_preambles(target: &Target) -> bool {
    target.has(crate::sink::rdb::PREAMBLES)
}
