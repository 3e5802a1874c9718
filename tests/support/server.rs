//! Real servers for tests, and a tiny client.
//!
//! `Server::start(Kind::Redis, &[])` looks for `REDISK_REDIS_SERVER` (or `REDISK_VALKEY_SERVER`) in the environment, then
//! for `redis-server` (`valkey-server`) in PATH. Where there is none, it says so and returns `None`, and the test ends
//! without a verdict, unless `REDISK_REQUIRE_SERVERS=1` makes that a failure. A server listens on a unix socket in its
//! own temporary folder and is killed on drop.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test uses the part it needs"
)]

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Whose server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Redis,
    Valkey,
}

impl Kind {
    /// The program, if there is one.
    pub fn program(self) -> Option<PathBuf> {
        let (variable, name) = match self {
            Kind::Redis => ("REDISK_REDIS_SERVER", "redis-server"),
            Kind::Valkey => ("REDISK_VALKEY_SERVER", "valkey-server"),
        };
        if let Some(path) = std::env::var_os(variable).filter(|p| !p.is_empty()) {
            return Some(PathBuf::from(path));
        }
        let path: OsString = std::env::var_os("PATH").unwrap_or_default();
        if let Some(found) = std::env::split_paths(&path)
            .map(|dir| dir.join(name))
            .find(|p| p.is_file())
        {
            return Some(found);
        }
        assert!(
            std::env::var_os("REDISK_REQUIRE_SERVERS").is_none_or(|v| v != "1"),
            "REDISK_REQUIRE_SERVERS=1, but there is no {name} in PATH and {variable} is not set"
        );
        eprintln!("SKIPPED: no {name} in PATH and {variable} is not set");
        None
    }
}

/// A reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Simple(String),
    Error(String),
    Int(i64),
    Bulk(Vec<u8>),
    Array(Vec<Value>),
    Null,
}

impl Value {
    pub fn array(&self) -> &[Value] {
        match self {
            Value::Array(items) => items,
            other => panic!("not an array: {other:?}"),
        }
    }

    pub fn int(&self) -> i64 {
        match self {
            Value::Int(n) => *n,
            other => panic!("not an integer: {other:?}"),
        }
    }

    /// A simple string or a bulk string in UTF-8.
    pub fn text(&self) -> String {
        match self {
            Value::Simple(text) | Value::Error(text) => text.clone(),
            Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("not a string: {other:?}"),
        }
    }
}

/// Why a server does not run: it refused what it was given.
#[derive(Debug)]
pub struct Refused {
    pub exit: Option<i32>,
    pub log: String,
}

/// A running server.
pub struct Server {
    child: Child,
    stream: BufReader<UnixStream>,
    log: PathBuf,
    pub dir: PathBuf,
    _own: tempfile::TempDir,
}

impl Server {
    /// Starts a server in a folder of its own, without persistence unless `args` ask for it.
    pub fn start(kind: Kind, args: &[&str]) -> Option<Server> {
        let program = kind.program()?;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        Some(
            Server::run(&program, dir, &path, args)
                .unwrap_or_else(|r| panic!("{program:?}: {r:?}")),
        )
    }

    /// Starts a server on the files in `dir` and waits until it has loaded them, or has refused.
    pub fn start_in(kind: Kind, dir: &Path, args: &[&str]) -> Option<Result<Server, Refused>> {
        let program = kind.program()?;
        Some(Server::run(
            &program,
            tempfile::tempdir().unwrap(),
            dir,
            args,
        ))
    }

    /// The same for any program.
    pub fn run(
        program: &Path,
        own: tempfile::TempDir,
        dir: &Path,
        args: &[&str],
    ) -> Result<Server, Refused> {
        let socket = own.path().join("s");
        let log = own.path().join("log");
        let mut child = Command::new(program)
            .args([
                "--port",
                "0",
                "--save",
                "",
                "--appendonly",
                "no",
                "--daemonize",
                "no",
            ])
            .arg("--unixsocket")
            .arg(&socket)
            .arg("--dir")
            .arg(dir)
            // Until it has read that it stands where we do, and would be taken for a server of the files there.
            .current_dir(dir)
            .arg("--logfile")
            .arg(&log)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return Err(Refused {
                    exit: status.code(),
                    log: read_log(&log),
                });
            }
            if let Ok(stream) = UnixStream::connect(&socket) {
                stream
                    .set_read_timeout(Some(Duration::from_secs(60)))
                    .unwrap();
                let mut server = Server {
                    child,
                    stream: BufReader::new(stream),
                    log,
                    dir: dir.to_owned(),
                    _own: own,
                };
                match server.try_cmd(&["PING"]) {
                    Ok(Value::Error(e)) if e.starts_with("LOADING") => {}
                    Ok(_) => return Ok(server),
                    // It gave up while it was loading.
                    Err(_) if Instant::now() < deadline => {
                        let status = server.child.wait().unwrap();
                        return Err(Refused {
                            exit: status.code(),
                            log: server.log(),
                        });
                    }
                    Err(e) => panic!("{program:?}: {e}"),
                }
                loop {
                    match server.try_cmd(&["PING"]) {
                        Ok(Value::Error(e)) if e.starts_with("LOADING") => {
                            assert!(Instant::now() < deadline, "{program:?} loads for ever");
                            std::thread::sleep(Duration::from_millis(20));
                        }
                        Ok(_) => return Ok(server),
                        // It gave up while it was loading.
                        Err(_) => {
                            let status = server.child.wait().unwrap();
                            return Err(Refused {
                                exit: status.code(),
                                log: server.log(),
                            });
                        }
                    }
                }
            }
            assert!(Instant::now() < deadline, "{program:?} does not come up");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a command and reads its reply.
    pub fn cmd<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Value {
        self.try_cmd(args).unwrap()
    }

    fn try_cmd<A: AsRef<[u8]>>(&mut self, args: &[A]) -> std::io::Result<Value> {
        let mut out = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            out.extend_from_slice(format!("${}\r\n", arg.as_ref().len()).as_bytes());
            out.extend_from_slice(arg.as_ref());
            out.extend_from_slice(b"\r\n");
        }
        self.send(&out)?;
        self.reply()
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads one reply.
    pub fn reply(&mut self) -> std::io::Result<Value> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        let text = String::from_utf8_lossy(&line);
        let bad = || std::io::Error::other(format!("a reply of {text:?}"));
        let (head, rest) = text.trim_end().split_at_checked(1).ok_or_else(bad)?;
        let number = || rest.parse::<i64>().map_err(|_| bad());
        Ok(match head {
            "+" => Value::Simple(rest.to_owned()),
            "-" => Value::Error(rest.to_owned()),
            ":" => Value::Int(number()?),
            "$" => match usize::try_from(number()?) {
                Err(_) => Value::Null,
                Ok(len) => {
                    let mut bytes = vec![0; len + 2];
                    self.stream.read_exact(&mut bytes)?;
                    bytes.truncate(len);
                    Value::Bulk(bytes)
                }
            },
            "*" => match number()? {
                -1 => Value::Null,
                n => Value::Array((0..n).map(|_| self.reply()).collect::<Result<_, _>>()?),
            },
            _ => return Err(bad()),
        })
    }

    /// Reads one reply of RESP2 or RESP3, as it comes.
    pub fn raw_reply(&mut self) -> std::io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut open = 1u64;
        while open > 0 {
            open -= 1;
            let start = out.len();
            self.stream.read_until(b'\n', &mut out)?;
            let bad = || std::io::Error::other("a reply ends early");
            let (mark, number) = out[start..].split_first().ok_or_else(bad)?;
            let number = || {
                std::str::from_utf8(number)
                    .ok()?
                    .trim_end()
                    .parse::<i64>()
                    .ok()
            };
            match mark {
                b'$' | b'=' | b'!' => {
                    if let Ok(len) = usize::try_from(number().ok_or_else(bad)?) {
                        let at = out.len();
                        out.resize(at + len + 2, 0);
                        self.stream.read_exact(&mut out[at..])?;
                    }
                }
                b'*' | b'~' | b'>' => open += number().ok_or_else(bad)?.max(0).cast_unsigned(),
                b'%' => open += 2 * number().ok_or_else(bad)?.max(0).cast_unsigned(),
                _ => {}
            }
        }
        Ok(out)
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        read_log(&self.log)
    }

    /// Flavour and version, as INFO has them.
    pub fn version(&mut self) -> (Kind, (u8, u8, u8)) {
        let info = self.cmd(&["INFO", "server"]).text();
        let field = |name: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(|value| value.trim().to_owned())
        };
        let (kind, version) = match field("valkey_version") {
            Some(version) => (Kind::Valkey, version),
            None => (Kind::Redis, field("redis_version").unwrap()),
        };
        let mut parts = version.split('.').map(|p| p.parse().unwrap_or(0));
        let mut part = || parts.next().unwrap_or(0);
        (kind, (part(), part(), part()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and a dead server is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_log(path: &Path) -> String {
    std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}
