//! Work in a process of its own, whose memory is measured: this test program once more, with a job in its environment.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What the child finds its job in.
const JOB: &str = "REDISK_CHILD_JOB";

/// What came of a job.
#[derive(Debug)]
pub(crate) struct Done {
    /// The most memory it had at a time, in bytes.
    pub(crate) peak: u64,
    pub(crate) took: Duration,
    /// What it said.
    pub(crate) said: String,
}

/// The words of the job, where this is the child.
pub(crate) fn job() -> Option<Vec<String>> {
    let job = std::env::var(JOB).ok()?;
    Some(job.split('\t').map(str::to_owned).collect())
}

/// To be called at the end of the child.
#[allow(clippy::print_stdout, reason = "its parent reads it there")]
pub(crate) fn report(said: &str) {
    println!("\n<<<{}\t{}>>>", peak(), said.replace('\n', " "));
}

/// The most memory that this process has had resident, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

/// Runs the test `name` in a child, with that job, and a file at its standard input where one is given.
pub(crate) fn run(name: &str, words: &[&str], stdin: Option<&Path>) -> Done {
    let start = Instant::now();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads", "1"])
        .env(JOB, words.join("\t"))
        .stdin(if stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    if let Some(path) = stdin {
        let mut pipe = child.stdin.take().unwrap();
        let mut file = std::fs::File::open(path).unwrap();
        // A child that has seen enough closes the pipe.
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut file, &mut pipe);
            let _ = pipe.flush();
        });
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let said = text.split("<<<").nth(1).and_then(|t| t.split(">>>").next());
    let said = said.unwrap_or_else(|| panic!("{words:?}: {} {text}", output.status));
    let (peak, said) = said.split_once('\t').unwrap();
    Done {
        peak: peak.parse().unwrap(),
        took: start.elapsed(),
        said: said.to_owned(),
    }
}
