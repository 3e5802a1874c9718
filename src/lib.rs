//! redisk reads the persistence files of Redis and Valkey: what is in them, whether they are whole, and on to other
//! tools. This is the library behind the `redisk` program; all that the program does can be done from Rust.
//!
//! # The picture
//! ```text
//!   where bytes come from           what flows                what is done with it
//!  ┌───────────────────────┐                              ┌──────────────────────────────┐
//!  │ file, gzip, zstd, lz4 │                ┌────────┐    │ render: json keys resp …     │
//!  │ pipe                  │── records ────▶│ filter │───▶│ fold:   info verify          │
//!  │ memory                │   in blocks    └────────┘    │                              │
//!  └───────────────────────┘                              └──────────────────────────────┘
//!       input, rdb, aof            pipe                        sink, ops
//! ```
//! An [`Input`](input::open::Input) is any stream of bytes, with its compression undone. A
//! [`Reader`](rdb::frame::Reader) frames the records of an RDB file by their lengths alone, and gives them in blocks of
//! whole records. [`pipe::run`] puts the blocks through any number of workers, and their output in file order again. A
//! worker looks at a record's head, or copies it raw, or [walks](rdb::walk::record) over its value: one call of a
//! [`Visit`](rdb::visit::Visit) for every element, which borrows from the block. So nothing is held but the blocks at
//! work, and what is not asked for is not decoded.
//!
//! A log is another matter: only who runs its commands knows what they lead to. [`ops::replay`] puts them through the
//! [`engine`], whose state can be read as an RDB again ([`Engine::drain`](engine::Engine::drain)): so all that is done
//! with a file can be done with a log.
//!
//! # Examples
//! Is a file whole, and who would load it?
//! ```
//! use redisk::input::open::Input;
//! use redisk::model::target;
//! use redisk::ops::verify::{Options, verify};
//!
//! let input = Input::open("testdata/rdb/redis-7.2.6-tiny.rdb".as_ref())?;
//! let report = verify(input, &Options { threads: 1, progress: &|_| () })?;
//! assert!(!report.damaged());
//! assert_eq!(report.keys, 127);
//! assert_eq!(
//!     target::ranges(|server| report.loads(server)),
//!     "redis-7.2 to redis-8.10, valkey-7.2 to valkey-9.1"
//! );
//! # Ok::<(), redisk::Error>(())
//! ```
//! What a log leads to:
//! ```
//! use redisk::ops::replay::{self, Options, Until};
//! use redisk::source::aof::Source;
//!
//! let log = Source::open("testdata/multipart/redis-7.0.15-session".as_ref())?;
//! let mut engine = replay::engine(&log, None);
//! let options = Options {
//!     until: Until { commands: Some(21), ..Until::default() },
//!     skip_unknown: false,
//!     skip_scripts: false,
//!     now_ms: 0,
//!     threads: 2,
//!     parted_from: replay::PARTED_FROM,
//!     max_memory: None,
//!     progress: &|_| (),
//! };
//! let report = replay::replay(log, &mut engine, &options)?;
//! assert_eq!(report.commands, 21);
//! assert!(engine.keys.exists(0, b"user:1:backup"));
//! # Ok::<(), redisk::Error>(())
//! ```
//! The hashes of a file as JSON Lines:
//! ```
//! use redisk::filter::transform::Transform;
//! use redisk::filter::{Filter, Rule, Test};
//! use redisk::input::open::Input;
//! use redisk::model::kind::Kind;
//! use redisk::ops::dump::{Options, dump};
//! use redisk::sink::bytes::Binary;
//! use redisk::sink::json::Json;
//!
//! let hashes = Test { any_of: vec![Rule::Kind(Kind::Hash)], not: false };
//! let options = Options {
//!     filter: Filter::new(vec![hashes], 0),
//!     transform: Transform::default(),
//!     limit: None,
//!     sort: false,
//!     threads: 2,
//!     progress: &|_| (),
//! };
//! let json = Json { binary: Binary::Auto, data_only: true, array: false, places: false };
//! let input = Input::open("testdata/rdb/redis-7.2.6-tiny.rdb".as_ref())?;
//! let mut out = Vec::new();
//! let (report, error) = dump(input, || json.clone(), &options, &mut out);
//! assert!(error.is_none());
//! assert!(out.starts_with(br#"{"db":0,"key":""#));
//! assert_eq!(report.keys, out.iter().filter(|b| **b == b'\n').count() as u64);
//! # Ok::<(), redisk::Error>(())
//! ```
//! The records themselves:
//! ```
//! use redisk::input::open::Input;
//! use redisk::rdb::frame::Reader;
//!
//! let input = Input::open("testdata/rdb/redis-7.2.6-tiny.rdb".as_ref())?;
//! let mut reader = Reader::new(input.stream, input.file, false)?;
//! let (mut longest, mut scratch) = (0, Vec::new());
//! while let Some(block) = reader.next_block(None)? {
//!     for record in block.records().filter(|r| r.row().is_some()) {
//!         longest = longest.max(record.key(&mut scratch)?.len());
//!     }
//! }
//! assert!(longest > 10);
//! # Ok::<(), redisk::Error>(())
//! ```
//!
//! # Where what is
//! From the top down; a module uses its own layer and those below (`tests/layers.rs`).
//!
//! | | |
//! |---|---|
//! | `cli` | the program: arguments, output files, progress, exit codes (feature `cli`, on by default) |
//! | [`ops`] | a function for each command |
//! | [`filter`], [`sink`], [`pipe`] | which keys; the output formats; the driver of workers |
//! | [`rdb`], [`aof`], [`resp`] | the formats: framing, values, checks |
//! | [`packed`], [`input`] | listpack and its elders, LZF; files, pipes, decompression, checksums |
//! | [`disk`], [`model`], [`limits`], [`text`], [`error`] | writing files; the shared words; the caps; bytes for eyes; what went wrong and where |
//!
//! | to… | go to |
//! |---|---|
//! | read a new type code of RDB files | a row in [`rdb::types`]; a function in [`rdb::value`] if its layout is new |
//! | know a new server version | a row in [`model::target`] |
//! | change a folder that servers use | the steps of [`disk::layer`], which tests record; first ask [`disk::live`] |
//! | add an output format | a file in [`sink`], an arm in `cli/dump.rs` |
//! | change an option or its help | the `Args` in `cli/<command>.rs`, then `UPDATE=1 cargo test generated` |
//! | make an error clearer | its text where it is raised; `testdata/corrupt/*.err` hold the texts |
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod aof;
#[cfg(feature = "cli")]
pub mod cli;
pub mod disk;
pub mod engine;
pub mod error;
pub mod filter;
pub mod input;
pub mod limits;
pub mod model;
pub mod ops;
pub mod packed;
pub mod pipe;
pub mod rdb;
pub mod resp;
pub mod sink;
pub mod source;
pub mod text;

pub use error::{Error, ErrorKind, Result};
