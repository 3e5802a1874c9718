//! The commands, one line each.

use super::Options;
use super::event::{Event, Held};
use super::render::{Form, Render};
use super::select::Select;
use super::walk::{Visit, Walked, walk};
use crate::aof::block::Block;
use crate::aof::reader::End;
use crate::error::Result;
use crate::pipe::Flow;
use crate::pipe::log::{self, BigCommand, Work};
use crate::rdb::frame;
use crate::resp::decode::Mark;
use crate::source::aof::{Opened, Part, Source};
use std::io::Write;

/// Writes the commands that are wanted.
///
/// # Errors
/// What makes it impossible to go on. Damage is in the result.
pub fn list(
    source: Source,
    form: Form,
    options: &Options<'_>,
    sink: &mut (dyn Write + Send),
) -> Result<Walked> {
    // The first commands of a log are those of the first blocks only when one worker reads them all.
    let threads = if options.limit.is_some() {
        1
    } else {
        options.threads.max(1)
    };
    let mut lister = Lister::new(options, form, threads, sink);
    let mut walked = if options.limit == Some(0) {
        Walked::default()
    } else {
        walk(source, &options.files, &mut lister)?
    };
    walked.shown = lister.shown;
    Ok(walked)
}

pub(super) struct Lister<'a, 's> {
    options: &'a Options<'a>,
    form: Form,
    threads: usize,
    sink: &'s mut (dyn Write + Send),
    /// The last time that a file before said.
    time: Option<i64>,
    shown: u64,
}

impl<'a, 's> Lister<'a, 's> {
    pub(super) fn new(
        options: &'a Options<'a>,
        form: Form,
        threads: usize,
        sink: &'s mut (dyn Write + Send),
    ) -> Lister<'a, 's> {
        Lister {
            options,
            form,
            threads,
            sink,
            time: None,
            shown: 0,
        }
    }

    pub(super) fn shown(&self) -> u64 {
        self.shown
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        let flushed = self.sink.flush();
        flushed.map_err(|e| crate::error::Error::from_io(e, "write the output"))
    }
}

impl Visit for Lister<'_, '_> {
    fn begin(&mut self, _: &Part, _: &mut Opened) -> Result<()> {
        Ok(())
    }

    fn rdb(&mut self, _: &frame::Block) -> Result<()> {
        Ok(())
    }

    fn rdb_end(&mut self, _: u64) -> Result<()> {
        Ok(())
    }

    fn commands(&mut self, part: &Part, reader: &mut log::Source) -> Result<Option<End>> {
        let render = Render::new(self.form, &String::from_utf8_lossy(&part.short));
        let mut workers: Vec<Worker<'_>> = (0..self.threads)
            .map(|_| Worker {
                select: &self.options.select,
                all: self.options.select.is_empty(),
                render: render.clone(),
                time: self.time,
                limit: self.options.limit.map(|limit| limit - self.shown),
                shown: 0,
                held: Held::default(),
            })
            .collect();
        let end = log::run(reader, &mut workers, self.sink, self.options.progress);
        self.shown += workers.iter().map(|w| w.shown).sum::<u64>();
        if let Ok(Some(end)) = &end {
            self.time = end.state.time.or(self.time);
        }
        end
    }
}

struct Worker<'a> {
    select: &'a Select,
    all: bool,
    render: Render,
    time: Option<i64>,
    limit: Option<u64>,
    shown: u64,
    held: Held,
}

impl Worker<'_> {
    fn flow(&mut self) -> Flow {
        self.shown += 1;
        if self.limit.is_some_and(|limit| self.shown >= limit) {
            Flow::Stop
        } else {
            Flow::More
        }
    }
}

impl Work for Worker<'_> {
    fn block(&mut self, block: &Block, out: &mut Vec<u8>) -> Result<Flow> {
        for command in block.commands() {
            if command.mark == Some(Mark::Annotation) {
                continue;
            }
            let event = Event::of(&command, self.time);
            if self.all || self.select.wants(&event)? {
                self.render.line(&event, out);
                if self.flow() == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
        }
        Ok(Flow::More)
    }

    fn big(&mut self, big: BigCommand<'_>, sink: &mut dyn Write) -> Result<Flow> {
        let mut held = std::mem::take(&mut self.held);
        let mut flow = Flow::More;
        if let Some(place) = held.take(big, self.time)? {
            let event = held.event(&place);
            if self.all || self.select.wants(&event)? {
                self.render.write(&event, sink)?;
                flow = self.flow();
            }
        }
        self.held = held;
        Ok(flow)
    }
}
