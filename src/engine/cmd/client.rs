//! Who tests a family: types commands, reads replies.

use crate::engine::args::Kept;
use crate::engine::reply::{Out, Proto};
use crate::engine::{Engine, Session};
use crate::model::number::DoubleText;
use crate::model::target::Target;

pub(super) struct Client {
    pub(super) engine: Engine,
    session: Session,
}

impl Client {
    /// Talks to an engine that is like that server.
    pub(super) fn of(target: &str) -> Client {
        let mut engine = Engine::new(Target::from_name(target).unwrap());
        engine.keys.clock.expires = true;
        Client {
            engine,
            session: Session::default(),
        }
    }

    /// The reply on one line. Arguments stand between single blanks.
    pub(super) fn say(&mut self, command: &str) -> String {
        String::from_utf8(self.bytes(command))
            .unwrap()
            .replace("\r\n", " ")
    }

    /// The reply as it is.
    pub(super) fn bytes(&mut self, command: &str) -> Vec<u8> {
        let argv: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        self.answer(&argv)
    }

    /// The same, to any arguments.
    pub(super) fn answer(&mut self, argv: &[&[u8]]) -> Vec<u8> {
        let args: Kept = argv.iter().copied().collect();
        let mut out = Out::new(Proto::Resp2, DoubleText::Fpconv);
        if let Err(refusal) = self.engine.run(&mut self.session, &args.args(), &mut out) {
            out.buf.clear();
            out.error(&refusal);
        }
        out.buf
    }
}
