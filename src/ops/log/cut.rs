//! A piece of a log, as a log of its own that servers load.
//!
//! ```text
//! wanted: DEL k           SELECT 3 | SET a b | MULTI | DEL k | INCR n | EXEC
//! cut                     SELECT 3 |           MULTI | DEL k | INCR n | EXEC
//! ```
//!
//! A `SELECT` is written where the database differs from what was written before, so those of the log are not copied. A
//! block from `MULTI` to `EXEC` is kept whole if anything in it is wanted, and dropped if it has no end: servers drop it,
//! too. `#TS:` lines are written where the time changes; other annotations only when nothing is chosen by content. What
//! is malformed is written as servers write it.
//!
//! A log with an RDB at its head, or a set with an RDB base, begins with that RDB, byte for byte, where nothing but its
//! end and commands to be left out are chosen: servers since 4.0 load such a file as a preamble and its tail. Where keys or
//! databases alone are chosen, those of the RDB are written as commands, as a rewrite by the oldest server that reads it
//! would; of any other selection it is left out.

use super::Options;
use super::event::{Event, Held, Words, write};
use super::walk::{Visit, Walked, walk};
use crate::aof::annotation::write_timestamp;
use crate::aof::block::Block;
use crate::aof::reader::End;
use crate::aof::rewrite::{self, Rewrite};
use crate::error::{Error, Result};
use crate::input::bytes::{Far, ReadAt};
use crate::input::spool::Spool;
use crate::limits::GIANT;
use crate::model::target::{TARGETS, Target};
use crate::pipe::Flow;
use crate::pipe::log::{self, BigCommand, Work};
use crate::rdb::frame;
use crate::rdb::walk::Scratch;
use crate::resp::decode::Mark;
use crate::resp::encode::Output;
use crate::source::aof::{Opened, Part, Source};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Writes the commands that are wanted as a log.
///
/// # Errors
/// What makes it impossible to go on. Damage is in the result.
pub fn cut(source: Source, options: &Options<'_>, sink: &mut (dyn Write + Send)) -> Result<Walked> {
    let whole = options.is_a_beginning();
    let mut cutter = Cutter {
        writer: Writer {
            options,
            whole: options.select.is_empty(),
            db: None,
            time: None,
            carried: None,
            block: None,
            written: 0,
        },
        sink,
        preamble: whole.then(Preamble::default),
        base: options.only_keys().then(Base::default),
        left_out: Vec::new(),
        part: String::new(),
        started: false,
    };
    let mut walked = if options.limit == Some(0) {
        Walked::default()
    } else {
        walk(source, &options.files, &mut cutter)?
    };
    walked.shown = cutter.writer.written;
    for (file, why) in cutter.left_out {
        walked.note(&file, why);
    }
    Ok(walked)
}

struct Cutter<'a, 's> {
    writer: Writer<'a>,
    sink: &'s mut (dyn Write + Send),
    /// Where RDBs are copied; `None` where they are left out.
    preamble: Option<Preamble>,
    /// How keys of RDBs are written as commands; `None` where they are left out, or copied.
    base: Option<Base>,
    left_out: Vec<(String, String)>,
    part: String,
    /// Whether anything may have been written.
    started: bool,
}

/// Keys of an RDB as commands.
#[derive(Default)]
struct Base {
    rewrite: Option<Rewrite>,
    scratch: Scratch,
    name: Vec<u8>,
}

/// Passes commands on before they become too many.
struct Through<'s> {
    bytes: Vec<u8>,
    sink: &'s mut (dyn Write + Send),
}

impl Output for Through<'_> {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    fn relieve(&mut self) -> Result<()> {
        if self.bytes.len() >= GIANT {
            write(self.sink, &self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }
}

/// The bytes of an RDB, to be copied once its end is known.
#[derive(Default)]
struct Preamble {
    file: Option<Arc<dyn ReadAt + Send + Sync>>,
    spool: Arc<Mutex<Spool>>,
    ended: Arc<AtomicBool>,
}

/// Keeps what is read through it, as long as it may belong to an RDB.
struct Tee {
    inner: Box<dyn Read + Send>,
    spool: Arc<Mutex<Spool>>,
    ended: Arc<AtomicBool>,
}

impl Read for Tee {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buf)?;
        if !self.ended.load(Ordering::Relaxed) {
            let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
            spool
                .write(buf.get(..n).unwrap_or_default())
                .map_err(std::io::Error::other)?;
        }
        Ok(n)
    }
}

impl Visit for Cutter<'_, '_> {
    fn begin(&mut self, part: &Part, opened: &mut Opened) -> Result<()> {
        self.part.clone_from(&part.name);
        if !opened.rdb {
            return Ok(());
        }
        if self.base.is_some() {
            return Ok(());
        }
        let Some(preamble) = &mut self.preamble else {
            let why = "the keys of this RDB are left out: a selection of commands does not say which of them it needs";
            self.left_out.push((part.name.clone(), why.to_owned()));
            return Ok(());
        };
        if self.started {
            return Err(Error::new(
                crate::error::ErrorKind::Unsupported,
                "an RDB behind commands cannot be written as one log",
            ));
        }
        *preamble = Preamble {
            file: opened.input.file.clone(),
            ..Preamble::default()
        };
        if preamble.file.is_none() {
            let inner = std::mem::replace(&mut opened.input.stream, Box::new(std::io::empty()));
            opened.input.stream = Box::new(Tee {
                inner,
                spool: preamble.spool.clone(),
                ended: preamble.ended.clone(),
            });
        }
        Ok(())
    }

    fn rdb(&mut self, block: &frame::Block) -> Result<()> {
        let Some(base) = &mut self.base else {
            return Ok(());
        };
        let opens = |t: &&Target| t.opens(block.header.flavour, block.header.version);
        let Some(target) = TARGETS.iter().find(opens) else {
            return Err(Error::new(
                crate::error::ErrorKind::Unsupported,
                "no server is known that reads this version",
            ));
        };
        let rewrite = base.rewrite.get_or_insert_with(|| Rewrite::new(target));
        let select = &self.writer.options.select;
        let mut out = Through {
            bytes: Vec::new(),
            sink: self.sink,
        };
        for record in block.records() {
            let (Some(row), Ok(db)) = (record.row(), u32::try_from(record.frame.db)) else {
                continue;
            };
            let name = record.key(&mut base.name)?;
            if !select.db(db) || !select.key(name) {
                continue;
            }
            if self.writer.db != Some(db) {
                self.writer.db = Some(db);
                rewrite::select(u64::from(db), &mut out.bytes);
            }
            rewrite
                .key(&record, row, name, &mut base.scratch, &mut out)
                .map_err(|e| record.name(e))?;
            out.relieve()?;
        }
        write(out.sink, &out.bytes)
    }

    fn bodies(&self) -> bool {
        self.base.is_some()
    }

    fn rdb_end(&mut self, end: u64) -> Result<()> {
        let Some(preamble) = &self.preamble else {
            return Ok(());
        };
        preamble.ended.store(true, Ordering::Relaxed);
        let spool = preamble
            .spool
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let from: &dyn ReadAt = match preamble.file.as_deref() {
            Some(file) => file,
            None => &*spool,
        };
        let sink = &mut *self.sink;
        self.started = true;
        Far::File(from, 0).chunks(end, &mut |piece| write(sink, piece))
    }

    fn commands(&mut self, _: &Part, reader: &mut log::Source) -> Result<Option<End>> {
        self.started = true;
        let progress = self.writer.options.progress;
        let worker = std::slice::from_mut(&mut self.writer);
        let end = log::run(reader, worker, self.sink, progress);
        if let Ok(Some(end)) = &end {
            self.writer.carried = end.state.time.or(self.writer.carried);
            if let Some(block) = self.writer.block.take() {
                (self.writer.db, self.writer.time) = block.before;
                let why = "the block that its last MULTI opens has no EXEC, and is left out";
                self.left_out.push((self.part.clone(), why.to_owned()));
            }
        }
        end
    }

    fn goes_on(&self) -> bool {
        // What follows a gap is not what happened next.
        false
    }
}

/// A block that has not seen its EXEC.
#[derive(Default)]
struct Open {
    mem: Vec<u8>,
    spool: Spool,
    wanted: bool,
    commands: u64,
    /// Database and time as they were written before it.
    before: (Option<u32>, Option<i64>),
}

impl Write for Open {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.mem.extend_from_slice(bytes);
        if self.mem.len() > GIANT {
            self.spool.write(&self.mem).map_err(std::io::Error::other)?;
            self.mem.clear();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Open {
    fn copy(&self, sink: &mut dyn Write) -> Result<()> {
        Far::File(&self.spool, 0).chunks(self.spool.len(), &mut |piece| write(sink, piece))?;
        write(sink, &self.mem)
    }
}

struct Writer<'a> {
    options: &'a Options<'a>,
    whole: bool,
    /// The database and the time that what was written last has set.
    db: Option<u32>,
    time: Option<i64>,
    /// The last time that a file before said.
    carried: Option<i64>,
    block: Option<Open>,
    written: u64,
}

impl Writer<'_> {
    /// Takes one command; `raw` are its bytes, where they are as servers write them.
    fn command(
        &mut self,
        event: &Event<'_>,
        mark: Option<Mark>,
        raw: Option<&[u8]>,
        sink: &mut dyn Write,
    ) -> Result<Flow> {
        if matches!(mark, Some(Mark::Select(_))) {
            return Ok(Flow::More);
        }
        let wanted = self.whole || self.options.select.wants(event)?;
        match (mark, self.block.take()) {
            (Some(Mark::Multi), None) => {
                let mut open = Open {
                    wanted,
                    before: (self.db, self.time),
                    ..Open::default()
                };
                self.write(event, raw, false, &mut open)?;
                self.block = Some(open);
            }
            // Servers answer with an error, and go on.
            (Some(Mark::Multi), open) => self.block = open,
            (Some(Mark::Exec), None) => {}
            (Some(Mark::Exec), Some(mut open)) => {
                open.wanted |= wanted;
                if !open.wanted {
                    (self.db, self.time) = open.before;
                    return Ok(Flow::More);
                }
                self.write(event, raw, true, &mut open)?;
                open.copy(sink)?;
                self.written += open.commands + 2;
                return Ok(self.flow());
            }
            (_, Some(mut open)) => {
                open.wanted |= wanted;
                open.commands += 1;
                self.write(event, raw, true, &mut open)?;
                self.block = Some(open);
            }
            (_, None) if wanted => {
                self.write(event, raw, false, sink)?;
                self.written += 1;
                return Ok(self.flow());
            }
            (_, None) => {}
        }
        Ok(Flow::More)
    }

    fn flow(&self) -> Flow {
        if self
            .options
            .limit
            .is_some_and(|limit| self.written >= limit)
        {
            Flow::Stop
        } else {
            Flow::More
        }
    }

    fn write(
        &mut self,
        event: &Event<'_>,
        raw: Option<&[u8]>,
        inside: bool,
        sink: &mut dyn Write,
    ) -> Result<()> {
        let mut head = Vec::new();
        if event.time != self.time && !inside {
            self.time = event.time;
            if let Some(time) = event.time {
                write_timestamp(time, &mut head);
            }
        }
        if self.db != Some(event.db) {
            self.db = Some(event.db);
            let db = event.db.to_string();
            head.extend_from_slice(
                format!("*2\r\n$6\r\nSELECT\r\n${}\r\n{db}\r\n", db.len()).as_bytes(),
            );
        }
        if !head.is_empty() {
            write(sink, &head)?;
        }
        match (raw, event.words) {
            (Some(raw), _) => write(sink, raw),
            (None, Words::Args(args)) => {
                let mut out = format!("*{}\r\n", args.len()).into_bytes();
                for arg in args.iter() {
                    out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
                    out.extend_from_slice(arg);
                    out.extend_from_slice(b"\r\n");
                }
                write(sink, &out)
            }
            (None, Words::Held(held)) => {
                use crate::model::commands::keys::Argv;
                write(sink, format!("*{}\r\n", event.argc()).as_bytes())?;
                held.each(|_, len, far| {
                    write(sink, format!("${len}\r\n").as_bytes())?;
                    far.chunks(len, &mut |piece| write(sink, piece))?;
                    write(sink, b"\r\n")
                })
            }
        }
    }
}

impl Work for Writer<'_> {
    fn block(&mut self, block: &Block, out: &mut Vec<u8>) -> Result<Flow> {
        let mut flaws = block.table.flaws.iter().peekable();
        for command in block.commands() {
            let mut flawed = false;
            while flaws.next_if(|f| f.item <= command.index).is_some() {
                flawed = true;
            }
            let event = Event::of(&command, self.carried);
            if command.mark == Some(Mark::Annotation) {
                // Times are written where they are needed; what is not known belongs to no command.
                let other = command
                    .annotation()
                    .is_some_and(|a| matches!(a, crate::aof::annotation::Annotation::Other(_)));
                if other
                    && self.block.is_none()
                    && !self.options.select.by_content()
                    && self.options.select.place(event.at, event.time)
                {
                    out.extend_from_slice(command.raw);
                }
                continue;
            }
            let raw = (!flawed).then_some(command.raw);
            if self.command(&event, command.mark, raw, out)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::More)
    }

    fn big(&mut self, big: BigCommand<'_>, sink: &mut dyn Write) -> Result<Flow> {
        match Held::read(big, self.carried)? {
            Some(held) => self.command(&held.event(), None, None, sink),
            None => Ok(Flow::More),
        }
    }
}
