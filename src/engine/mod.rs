//! The built-in engine: executes commands as Redis and Valkey do.
//!
//! ```text
//!   argv ─▶ row of the command table ─▶ its function ─▶ Keys ─▶ values
//!                arity, MULTI              cmd/*        the gate   value/*
//!                                            └─▶ Out: the reply, or nothing where nobody listens
//! ```
//! One thread owns it, or each of two the keys of one lane ([`Engine::lend`]). Nothing here reads a clock, a file or a socket: time is handed in with [`keys::Clock`], and what
//! comes out is replies and state. A replay runs with a clock that expires nothing, as a log says itself what expired.

pub mod args;
mod cmd;
pub mod digest;
pub mod entry;
pub mod functions;
pub mod geohash;
pub mod keys;
pub mod load;
pub mod partial_sort;
pub mod propagate;
pub mod random;
pub mod reply;
pub mod save;
pub mod small;
pub mod table;
pub mod value;

use crate::aof::block::Args;
use crate::model::commands::keys::{KeyRange, keys_of};
use crate::model::commands::{self, Command, Found};
use crate::model::kind::Flavour;
use crate::model::target::Target;
use args::Kept;
use functions::Functions;
use keys::{Keys, lane_of};
use propagate::{Effect, Effects, Log};
use reply::{Done, Out, Refusal};

/// What a command's function works on.
pub(crate) struct Cx<'a> {
    /// All databases.
    pub(crate) keys: &'a mut Keys,
    /// The one that is selected.
    pub(crate) db: u32,
    /// Where the reply goes.
    pub(crate) out: &'a mut Out,
    /// Where its effect goes: see [`propagate`].
    pub(crate) log: Log<'a>,
    /// Whose behaviour and words.
    pub(crate) dialect: &'static Target,
    /// Function libraries.
    pub(crate) functions: &'a mut Functions,
    /// Whether what any server takes is taken.
    pub(crate) lenient: bool,
}

impl Cx<'_> {
    /// Whether it is to behave as Valkey.
    pub(crate) fn is_valkey(&self) -> bool {
        self.dialect.flavour == Flavour::Valkey
    }

    /// Whether it is to behave as Redis, of that version at least.
    pub(crate) fn is_redis(&self, version: (u8, u8)) -> bool {
        self.dialect.flavour == Flavour::Redis && self.dialect.version >= version
    }

    /// Whether it is to behave as Redis, older than that version.
    pub(crate) fn is_redis_before(&self, version: (u8, u8)) -> bool {
        self.dialect.flavour == Flavour::Redis && self.dialect.version < version
    }
}

/// A command's function: it answers or refuses. Arity has been checked.
type Run = fn(&mut Cx<'_>, &Args<'_>) -> Done;

/// What stands between the commands of one connection, or of one file.
#[derive(Debug, Default)]
pub struct Session {
    /// The selected database.
    pub db: u32,
    multi: Option<Multi>,
    refused: Vec<RefusedInside>,
}

/// A command that was refused when `EXEC` ran it.
#[derive(Debug)]
pub struct RefusedInside {
    /// Its place among the commands of the transaction, from 0.
    pub index: usize,
    /// The command.
    pub argv: Kept,
    /// What was answered.
    pub refusal: Refusal,
}

#[derive(Debug, Default)]
struct Multi {
    queue: Vec<Kept>,
    refused: bool,
}

impl Session {
    /// One that has selected that database.
    #[must_use]
    pub fn of(db: u32) -> Session {
        Session {
            db,
            ..Session::default()
        }
    }

    /// Whether a `MULTI` is open.
    #[must_use]
    pub fn in_multi(&self) -> bool {
        self.multi.is_some()
    }

    /// Commands that wait for `EXEC`.
    #[must_use]
    #[inline]
    pub fn queued(&self) -> usize {
        self.multi.as_ref().map_or(0, |multi| multi.queue.len())
    }

    /// What the last `EXEC` ran in vain. Its reply says so too; but a replay does not read replies.
    pub fn take_refused(&mut self) -> Vec<RefusedInside> {
        std::mem::take(&mut self.refused)
    }
}

/// The engine. See the module.
pub struct Engine {
    /// All databases.
    pub keys: Keys,
    /// Function libraries.
    pub functions: Functions,
    /// Whether commands of all servers are known, not those of one alone: a log may come from any.
    pub any_server: bool,
    /// What a server would write to its log, if anyone wants to know.
    effects: Option<Box<Effects>>,
    /// Whose behaviour and words.
    dialect: &'static Target,
    table: &'static [Option<Run>],
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("dialect", &self.dialect.name)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// An empty one that behaves as that server.
    #[must_use]
    pub fn new(dialect: &'static Target) -> Engine {
        Engine {
            keys: Keys::default(),
            any_server: false,
            effects: None,
            dialect,
            functions: Functions::default(),
            table: cmd::functions(),
        }
    }

    /// Whose behaviour and words.
    #[must_use]
    pub fn dialect(&self) -> &'static Target {
        self.dialect
    }

    /// From now on it keeps what a server of its dialect would write to its log: see [`propagate`].
    pub fn keep_effects(&mut self) {
        self.effects.get_or_insert_default();
    }

    /// What was kept, if it is to be kept.
    pub fn effects(&mut self) -> Option<&mut Effects> {
        self.effects.as_deref_mut()
    }

    /// An engine of the same kind that has all keys of the second lane, to work on them beside this one: see
    /// [`Keys::lend`]. It has no functions, and keeps no effects.
    #[must_use]
    pub fn lend(&mut self) -> Engine {
        Engine {
            keys: self.keys.lend(),
            ..self.like()
        }
    }

    /// An empty one of the same kind.
    #[must_use]
    pub fn like(&self) -> Engine {
        Engine {
            any_server: self.any_server,
            ..Engine::new(self.dialect)
        }
    }

    /// Takes back what was lent, as it is now.
    pub fn take_back(&mut self, lent: Engine) {
        self.keys.take_back(lent.keys);
    }

    /// The lane of a command that is about its own keys alone, which all are of one lane; and its row, to run it by.
    #[must_use]
    pub fn lane(&self, argv: &Args<'_>) -> Option<(usize, &'static Command)> {
        let found = commands::find(argv);
        let row = found.command()?;
        // What ends a replay does so with all keys at hand.
        let is_refused = self.function(row).is_none() || !self.knows(row) || !row.takes(argv.len());
        if is_refused || !row.stays_with_its_keys() {
            return None;
        }
        let keys = keys_of(found, argv).flat_map(KeyRange::indexes);
        let mut lanes = keys.filter_map(|index| argv.get(index)).map(lane_of);
        let first = lanes.next()?;
        lanes.all(|lane| lane == first).then_some((first, row))
    }

    /// All keys and functions as an RDB of the newest server of its kind. They are gone from the engine.
    #[must_use]
    pub fn drain(&mut self) -> save::Saver {
        let target = crate::model::target::newest(self.dialect.flavour);
        save::Saver::new(self.keys.take_dbs(), &self.functions, target)
    }

    /// Runs a command, or queues it where a `MULTI` is open.
    ///
    /// # Errors
    /// What the server would answer with `-`; nothing is in `out` then. Inside the reply of `EXEC` refusals are
    /// elements, and [`Session::take_refused`] has them.
    #[inline]
    pub fn run(&mut self, session: &mut Session, args: &Args<'_>, out: &mut Out) -> Done {
        if self.effects.is_some() {
            return self.run_and_log(session, args, out);
        }
        self.run_or_queue(session, args, out)
    }

    /// Runs a command whose row [`Engine::lane`] has found, where no `MULTI` is open and no effects are kept.
    ///
    /// # Errors
    /// As [`Engine::run`].
    #[inline]
    pub fn run_row(
        &mut self,
        session: &mut Session,
        row: &'static Command,
        args: &Args<'_>,
        out: &mut Out,
    ) -> Done {
        self.call(session, row, args, out)
    }

    #[inline]
    fn run_or_queue(&mut self, session: &mut Session, args: &Args<'_>, out: &mut Out) -> Done {
        let found = self.find(args);
        let row = found.as_ref().ok().copied();
        let result = found.and_then(|row| {
            if session.multi.is_some() || row.group == commands::Group::Transactions {
                self.transact(session, row, args, out)
            } else {
                self.call(session, row, args, out)
            }
        });
        if result.is_err()
            && let Some(multi) = &mut session.multi
        {
            // Redis answers a MULTI or WATCH inside of a MULTI with an error, and goes on.
            multi.refused |= self.dialect.flavour != Flavour::Redis
                || row.is_none_or(|row| row.group != commands::Group::Transactions);
        }
        result
    }

    /// The same where effects are kept: what it has led to is written when all of it is there.
    #[cold]
    fn run_and_log(&mut self, session: &mut Session, args: &Args<'_>, out: &mut Out) -> Done {
        let done = self.run_or_queue(session, args, out);
        if let Some(effects) = &mut self.effects {
            effects.close();
        }
        done
    }

    /// The row of a command, if it may be called with that many arguments.
    fn find(&self, args: &Args<'_>) -> Result<&'static Command, Refusal> {
        match commands::find(args) {
            Found::Command(row) if row.takes(args.len()) && self.knows(row) => Ok(row),
            found => Err(self.not_found(found, args)),
        }
    }

    /// The function of a row, if commands of that name are run here.
    #[inline]
    fn function(&self, row: &Command) -> Option<Run> {
        self.table.get(usize::from(row.index)).copied().flatten()
    }

    #[inline]
    fn knows(&self, row: &Command) -> bool {
        self.any_server || row.known_to(self.dialect)
    }

    #[cold]
    fn not_found(&self, found: Found, args: &Args<'_>) -> Refusal {
        match found {
            Found::Command(row) if self.knows(row) => {
                let name = if row.sub.is_empty() {
                    row.name.to_owned()
                } else {
                    format!("{}|{}", row.name, row.sub)
                };
                Refusal::of(format!(
                    "ERR wrong number of arguments for '{name}' command"
                ))
            }
            Found::NoSuchSub(row) => Refusal::of(format!(
                "ERR unknown subcommand '{}'. Try {} HELP.",
                String::from_utf8_lossy(cut(args::c_text(args::at(args, 1)), 128)),
                row.name.to_uppercase()
            )),
            _ => self.unknown(args),
        }
    }

    fn unknown(&self, args: &Args<'_>) -> Refusal {
        let is_redis = self.dialect.flavour == Flavour::Redis;
        // Up to 6.2 the quotes were others.
        let (open, close, end) = if is_redis && self.dialect.version < (7, 0) {
            ('`', '`', ", ")
        } else {
            ('\'', '\'', " ")
        };
        let mut preview = String::new();
        for arg in args.iter().skip(1) {
            if preview.len() >= 128 {
                break;
            }
            let arg = cut(args::c_text(arg), 128 - preview.len());
            preview.push_str(&format!(
                "{open}{}{close}{end}",
                String::from_utf8_lossy(arg)
            ));
        }
        let name = String::from_utf8_lossy(cut(args::c_text(args.name()), 128)).into_owned();
        let begins = if preview.is_empty() && is_redis && self.dialect.version >= (8, 4) {
            // Seen in 8.6, and not in 8.0.
            String::new()
        } else {
            format!(", with args beginning with: {preview}")
        };
        Refusal::of(format!("ERR unknown command {open}{name}{close}{begins}"))
    }

    #[inline]
    fn call(
        &mut self,
        session: &mut Session,
        row: &'static Command,
        args: &Args<'_>,
        out: &mut Out,
    ) -> Done {
        let Some(run) = self.function(row) else {
            return Err(self.unknown(args));
        };
        let before = self.keys.dirty;
        if let Some(effects) = &mut self.effects {
            effects.expire(&mut self.keys, session.db, row, args, self.dialect);
        }
        let mut cx = Cx {
            keys: &mut self.keys,
            db: session.db,
            out,
            log: Log(self.effects.as_deref_mut()),
            dialect: self.dialect,
            functions: &mut self.functions,
            lenient: self.any_server,
        };
        let result = run(&mut cx, args);
        let db = std::mem::replace(&mut session.db, cx.db);
        if let Some(effects) = &mut self.effects {
            let changed = self.keys.dirty != before && propagate::effect(row) != Effect::None;
            effects.end(db, args, changed, result.is_err());
        }
        result
    }

    fn transact(
        &mut self,
        session: &mut Session,
        row: &'static Command,
        args: &Args<'_>,
        out: &mut Out,
    ) -> Done {
        // What is queued is not looked at by its function, and a log holds nothing that was refused.
        if session.multi.is_some()
            && self.keys.clock.expires
            && !row.takes_in(self.dialect, args.len())
        {
            return Err(self.not_found(Found::Command(row), args));
        }
        match (row.name, &mut session.multi) {
            ("multi", None) => {
                session.multi = Some(Multi::default());
                out.ok();
                Ok(())
            }
            ("multi" | "watch", Some(_))
                if self.dialect.flavour == Flavour::Valkey && self.dialect.version >= (9, 0) =>
            {
                Err(Refusal::of(format!(
                    "ERR Command '{}' not allowed inside a transaction",
                    row.name
                )))
            }
            ("multi", Some(_)) => Err(Refusal::new("ERR MULTI calls can not be nested")),
            ("exec", None) => Err(Refusal::new("ERR EXEC without MULTI")),
            ("discard", None) => Err(Refusal::new("ERR DISCARD without MULTI")),
            ("exec", Some(_)) => self.exec(session, out),
            ("discard", Some(_)) => {
                session.multi = None;
                out.ok();
                Ok(())
            }
            ("watch", Some(_)) => Err(Refusal::new("ERR WATCH inside MULTI is not allowed")),
            ("watch" | "unwatch", None) => {
                out.ok();
                Ok(())
            }
            (_, Some(multi)) => {
                multi.queue.push(args.iter().collect());
                out.simple("QUEUED");
                Ok(())
            }
            (_, None) => self.call(session, row, args, out),
        }
    }

    fn exec(&mut self, session: &mut Session, out: &mut Out) -> Done {
        let Some(multi) = session.multi.take() else {
            return Ok(());
        };
        if multi.refused && self.keys.clock.expires {
            return Err(Refusal::new(
                "EXECABORT Transaction discarded because of previous errors.",
            ));
        }
        out.array(multi.queue.len());
        session.refused.clear();
        for (index, argv) in multi.queue.into_iter().enumerate() {
            let args = argv.args();
            let done = self
                .find(&args)
                .and_then(|row| self.call(session, row, &args, out));
            if let Err(refusal) = done {
                out.error(&refusal);
                session.refused.push(RefusedInside {
                    index,
                    argv,
                    refusal,
                });
            }
        }
        Ok(())
    }
}

fn cut(bytes: &[u8], max: usize) -> &[u8] {
    bytes.get(..max).unwrap_or(bytes)
}
