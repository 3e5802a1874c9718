//! Repairing any bytes: what comes out is sound, repairing it again changes nothing, and of a log it holds no command that
//! the input does not hold.

use crate::support::run::{self, Mem};
use redisk::aof::salvage::{self, Options};
use redisk::input::bytes::ReadAt;
use redisk::model::patch::{Fate, Patch};
use redisk::rdb;
use std::sync::Arc;

fn bytes_of(data: &[u8]) -> Arc<dyn ReadAt + Send + Sync> {
    Arc::new(Mem(data.into()))
}

fn apply(data: &[u8], patches: &[Patch]) -> Vec<u8> {
    let src = bytes_of(data);
    let (mut out, mut at) = (Vec::new(), 0);
    for patch in patches {
        let (from, to) = (patch.from as usize, patch.to as usize);
        assert!(at <= from && from <= to && to <= data.len(), "{patches:?}");
        out.extend_from_slice(&data[at..from]);
        match &patch.fate {
            Fate::Cut | Fate::Quarantine => {}
            Fate::Rewrite => salvage::rewrite(&*src, patch.from, patch.to, &mut out).unwrap(),
            Fate::Replace(bytes) => out.extend_from_slice(bytes),
            Fate::Checksum => {
                let sum = redisk::input::checksum::crc64(&out).to_le_bytes();
                out.extend_from_slice(&sum);
            }
        }
        at = to;
    }
    out.extend_from_slice(&data[at..]);
    out
}

fn salvaged(data: &[u8]) -> salvage::Salvaged {
    let size = data.len() as u64;
    let src = bytes_of(data);
    salvage::salvage(&*src, 0, size, &Options::default(), &mut |_| None, &|_| ()).unwrap()
}

pub(crate) fn log(data: &[u8]) -> String {
    let found = salvaged(data);
    let out = apply(data, &found.patches);
    let report = redisk::aof::check::check(&out[..], 0).unwrap();
    assert!(
        !report.is_damaged(),
        "{:?} {:?}",
        report.findings,
        found.patches
    );
    assert_eq!(report.end.state.commands, found.commands);
    let again = salvaged(&out);
    assert!(again.patches.is_empty(), "{:?}", again.patches);
    let codes: std::collections::BTreeSet<_> = found.patches.iter().map(|p| p.code).collect();
    format!("{codes:?}")
}

pub(crate) fn file(data: &[u8]) -> String {
    let src = bytes_of(data);
    let found = match rdb::salvage::salvage(&src, data.len() as u64, &|_| ()) {
        Ok(found) => found,
        Err(e) => return e.to_string(),
    };
    let data = &data[..found.end as usize];
    let out = apply(data, &found.patches);
    let report = run::verify(run::as_file("x", &out.as_slice().into()).unwrap(), 1);
    let codes: std::collections::BTreeSet<_> = found.patches.iter().map(|p| p.code).collect();
    match report {
        Ok(report) => {
            assert!(
                !report.damaged(),
                "{:?} {:?}",
                report.findings,
                found.patches
            );
        }
        Err(e) => return e.to_string(),
    }
    format!("{codes:?}")
}
