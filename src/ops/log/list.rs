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
use crate::resp::decode::Mark;
use crate::source::aof::{Part, Source};
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
    fn commands(&mut self, part: &Part, reader: &mut log::Source) -> Result<Option<End>> {
        let render = Render::new(self.form, &String::from_utf8_lossy(&part.short));
        let limit = self.options.limit.map(|limit| limit - self.shown);
        let select = Some(&self.options.select).filter(|select| !select.is_empty());
        let lines = || Lines::new(select, render.clone(), self.time, limit);
        let workers = std::iter::repeat_with(lines).take(self.threads);
        let mut workers: Vec<Lines<_>> = workers.collect();
        let end = log::run(reader, &mut workers, self.sink, self.options.progress);
        self.shown += workers.iter().map(|w| w.shown).sum::<u64>();
        if let Ok(Some(end)) = &end {
            self.time = end.state.time.or(self.time);
        }
        end
    }
}

/// Says which commands are wanted; is asked about each, in the order in which one worker sees them.
pub(super) trait Choose: Send {
    fn wants(&mut self, event: &Event<'_>) -> Result<bool>;
}

/// By conditions; all, where there are none.
impl Choose for Option<&Select> {
    #[inline]
    fn wants(&mut self, event: &Event<'_>) -> Result<bool> {
        self.map_or(Ok(true), |select| select.wants(event))
    }
}

/// Writes a line for each command that is wanted, up to a limit.
pub(super) struct Lines<C> {
    choose: C,
    render: Render,
    /// What counts where the file has not said a time.
    time: Option<i64>,
    limit: Option<u64>,
    /// How many have been written.
    pub(super) shown: u64,
}

impl<C: Choose> Lines<C> {
    pub(super) fn new(
        choose: C,
        render: Render,
        time: Option<i64>,
        limit: Option<u64>,
    ) -> Lines<C> {
        Lines {
            choose,
            render,
            time,
            limit,
            shown: 0,
        }
    }

    fn flow(&mut self) -> Flow {
        self.shown += 1;
        if self.limit.is_some_and(|limit| self.shown >= limit) {
            Flow::Stop
        } else {
            Flow::More
        }
    }
}

impl<C: Choose> Work for Lines<C> {
    fn block(&mut self, block: &Block, out: &mut Vec<u8>) -> Result<Flow> {
        for command in block.commands() {
            if command.mark == Some(Mark::Annotation) {
                continue;
            }
            let event = Event::of(&command, self.time);
            if self.choose.wants(&event)? {
                self.render.line(&event, out);
                if self.flow() == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
        }
        Ok(Flow::More)
    }

    fn big(&mut self, big: BigCommand<'_>, sink: &mut dyn Write) -> Result<Flow> {
        let Some(held) = Held::read(big, self.time)? else {
            return Ok(Flow::More);
        };
        let event = held.event();
        if !self.choose.wants(&event)? {
            return Ok(Flow::More);
        }
        self.render.write(&event, sink)?;
        Ok(self.flow())
    }
}
