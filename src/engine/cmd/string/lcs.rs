//! The longest common subsequence of two strings: LCS.

use super::{MAX_LEN, bytes, string};
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, int, is};
use crate::engine::reply::{Done, Refusal, texts};

/// A run of equal bytes: where it begins and ends in the one string and in the other, both included.
#[derive(Debug, Clone, Copy)]
struct Match {
    a: (usize, usize),
    b: (usize, usize),
}

impl Match {
    fn len(&self) -> usize {
        self.a.1 + 1 - self.a.0
    }
}

/// The table of lengths: that of the first `i` bytes of the one string and the first `j` of the other.
struct Lengths {
    row: usize,
    cells: Vec<u32>,
}

impl Lengths {
    fn of(a: &[u8], b: &[u8]) -> Lengths {
        let row = b.len() + 1;
        let mut cells = vec![0u32; row];
        for x in a {
            let start = cells.len() - row;
            let mut last = 0;
            cells.push(0);
            for (j, y) in b.iter().enumerate() {
                let above = |j: usize| cells.get(start + j).copied().unwrap_or(0);
                last = if x == y {
                    above(j) + 1
                } else {
                    last.max(above(j + 1))
                };
                cells.push(last);
            }
        }
        Lengths { row, cells }
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells.get(i * self.row + j).copied().unwrap_or(0)
    }
}

pub(super) fn lcs(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let wrong = |_| Refusal::new("ERR The specified keys must contain string values");
    let a = string(cx.keys, cx.db, at(args, 1)).map_err(wrong)?;
    let b = string(cx.keys, cx.db, at(args, 2)).map_err(wrong)?;
    let (a, b) = (bytes(a.as_ref()), bytes(b.as_ref()));
    let (mut only_len, mut ranges, mut with_len, mut shortest) = (false, false, false, 0);
    let mut i = 3;
    while let Some(word) = args.get(i) {
        i += 1;
        if is(word, "IDX") {
            ranges = true;
        } else if is(word, "LEN") {
            only_len = true;
        } else if is(word, "WITHMATCHLEN") {
            with_len = true;
        } else if is(word, "MINMATCHLEN")
            && let Some(n) = args.get(i)
        {
            shortest = usize::try_from(int(n)?.max(0)).unwrap_or(usize::MAX);
            i += 1;
        } else {
            return Err(texts::SYNTAX);
        }
    }
    if ranges && only_len {
        return Err(Refusal::new(
            "ERR If you want both the length and indexes, please just use IDX.",
        ));
    }
    let cells = (a.len() as u64 + 1).saturating_mul(b.len() as u64 + 1);
    if cells.saturating_mul(4) > MAX_LEN {
        return Err(Refusal::new(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    let table = Lengths::of(&a, &b);
    let length = table.at(a.len(), b.len());
    if only_len {
        cx.out.int(i64::from(length));
        return Ok(());
    }
    let (result, matches) = walk(&table, &a, &b);
    if !ranges {
        cx.out.bulk(&result);
        return Ok(());
    }
    let matches: Vec<&Match> = matches
        .iter()
        .filter(|m| shortest == 0 || m.len() >= shortest)
        .collect();
    cx.out.map(2);
    cx.out.bulk(b"matches");
    cx.out.array(matches.len());
    for m in matches {
        cx.out.array(2 + usize::from(with_len));
        for (from, to) in [m.a, m.b] {
            cx.out.array(2);
            cx.out.count(from);
            cx.out.count(to);
        }
        if with_len {
            cx.out.count(m.len());
        }
    }
    cx.out.bulk(b"len");
    cx.out.int(i64::from(length));
    Ok(())
}

/// The common string and its runs, last first. A byte that matches without continuing the run before it ends that run
/// and begins none: so do servers.
fn walk(table: &Lengths, a: &[u8], b: &[u8]) -> (Vec<u8>, Vec<Match>) {
    let (mut i, mut j) = (a.len(), b.len());
    let mut result = Vec::new();
    let mut matches = Vec::new();
    let mut run: Option<Match> = None;
    while i > 0 && j > 0 {
        let (x, y) = (a.get(i - 1), b.get(j - 1));
        let mut ends = false;
        if x == y {
            result.extend(x);
            match &mut run {
                None => {
                    run = Some(Match {
                        a: (i - 1, i - 1),
                        b: (j - 1, j - 1),
                    });
                }
                Some(run) if run.a.0 == i && run.b.0 == j => {
                    run.a.0 -= 1;
                    run.b.0 -= 1;
                }
                Some(_) => ends = true,
            }
            ends |= run.is_some_and(|run| run.a.0 == 0 || run.b.0 == 0);
            i -= 1;
            j -= 1;
        } else {
            if table.at(i - 1, j) > table.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
            ends = run.is_some();
        }
        if ends {
            matches.extend(run.take());
        }
    }
    result.reverse();
    (result, matches)
}
