//! The `redisk` binary.
use redisk::{input::open::Input, ops, sink::{json::Json, bytes::Binary}, filter::Filter};
use std::io::Write;
fn main() -> std::process::ExitCode {
    let a: Vec<String> = std::env::args().collect();
    let file = a.last().cloned().unwrap_or_default();
    let threads = a.iter().position(|x| x == "--threads").and_then(|i| a.get(i + 1)).and_then(|n| n.parse().ok()).unwrap_or(2);
    let input = match Input::open(file.as_ref()) { Ok(i) => i, Err(e) => { eprintln!("{e}"); return 2.into(); } };
    match a.get(1).map(String::as_str) {
        Some("dump") => {
            let json = Json { binary: if a.iter().any(|x| x == "base64") { Binary::Base64 } else { Binary::Auto }, data_only: a.iter().any(|x| x == "--data-only"), array: false, places: false };
            let mut sink = std::io::BufWriter::new(std::io::stdout());
            let (report, e) = ops::dump::dump(input, || json.clone(), &ops::dump::Options { filter: Filter::default(), limit: None, sort: false, threads, progress: &|_| () }, &mut sink);
            let _ = sink.flush();
            if let Some(e) = e { eprintln!("{e}"); return if e.kind().is_damage() { 1.into() } else { 2.into() }; }
            if report.empty > 0 { eprintln!("{:?}", report.empty_keys); }
        }
        _ => match ops::verify::verify(input, &ops::verify::Options { threads, progress: &|_| () }) {
            Ok(r) => { for f in &r.findings { eprintln!("{} {:?} {}: {}", f.severity.name(), f.refused, f.place, f.message); }
                eprintln!("loads: {}", redisk::model::target::ranges(|t| r.loads(t)));
                if r.damaged() { return 1.into(); } }
            Err(e) => { eprintln!("{e}"); return if e.kind().is_damage() { 1.into() } else { 2.into() }; }
        },
    }
    0.into()
}
