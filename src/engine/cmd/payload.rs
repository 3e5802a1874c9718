//! DUMP and RESTORE.

use super::Family;
use crate::aof::block::Args;
use crate::engine::Cx;
use crate::engine::args::{at, int, is};
use crate::engine::load::Loader;
use crate::engine::reply::{Done, Refusal, texts};
use crate::engine::save;
use crate::input::checksum::Crc64;
use crate::model::target::Target;
use crate::packed::string::Digits;
use crate::rdb::payload::Dump;
use crate::rdb::{length, opcode};

pub(super) const COMMANDS: Family = &[
    ("dump", dump),
    ("restore", restore),
    ("restore-asking", restore),
];

const BAD_PAYLOAD: Refusal = Refusal::new("ERR DUMP payload version or checksum are wrong");

const BAD: Refusal = Refusal::new("ERR Bad data format");

/// Appends version and checksum.
pub(super) fn footer(dialect: &Target, payload: &mut Vec<u8>) {
    payload.extend_from_slice(&dialect.rdb.to_le_bytes());
    let mut crc = Crc64::new();
    crc.update(payload);
    payload.extend_from_slice(&crc.value().to_le_bytes());
}

/// What stands in front of a footer that holds.
pub(super) fn checked<'a>(cx: &Cx<'_>, payload: &'a [u8]) -> Result<&'a [u8], Refusal> {
    let (body, footer) = payload.split_last_chunk::<10>().ok_or(BAD_PAYLOAD)?;
    let [v0, v1, stored @ ..] = *footer;
    let version = u16::from_le_bytes([v0, v1]);
    let known = version <= cx.dialect.rdb && !(cx.is_valkey() && (12..80).contains(&version));
    if version == 0 || !(known || cx.lenient) {
        return Err(BAD_PAYLOAD);
    }
    let mut crc = Crc64::new();
    crc.update(body);
    crc.update(&[v0, v1]);
    let stored = u64::from_le_bytes(stored);
    let unsummed = stored == 0 && (cx.lenient || cx.is_redis((8, 6)));
    if stored != crc.value() && !unsummed {
        return Err(BAD_PAYLOAD);
    }
    Ok(body)
}

fn dump(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let Some(slot) = cx.keys.slot(cx.db, at(args, 1)) else {
        cx.out.nil();
        return Ok(());
    };
    let mut payload = vec![0];
    let code = save::value(&slot.value(), cx.flavour(), &mut payload);
    if let Some(first) = payload.first_mut() {
        *first = code;
    }
    footer(cx.dialect, &mut payload);
    cx.out.bulk(&payload);
    Ok(())
}

fn restore(cx: &mut Cx<'_>, args: &Args<'_>) -> Done {
    let (mut replace, mut absolute) = (false, false);
    let (mut idle, mut freq) = (None, None);
    let mut i = 4;
    while i < args.len() {
        let (option, value) = (at(args, i), args.get(i + 1));
        match value {
            _ if is(option, "REPLACE") => replace = true,
            _ if is(option, "ABSTTL") => absolute = true,
            Some(value) if is(option, "IDLETIME") && freq.is_none() => {
                let n = u64::try_from(int(value)?);
                idle =
                    Some(n.map_err(|_| Refusal::new("ERR Invalid IDLETIME value, must be >= 0"))?);
                i += 1;
            }
            Some(value) if is(option, "FREQ") && idle.is_none() => {
                let n = u8::try_from(int(value)?);
                freq = Some(n.map_err(|_| {
                    Refusal::new("ERR Invalid FREQ value, must be >= 0 and <= 255")
                })?);
                i += 1;
            }
            _ => return Err(texts::SYNTAX),
        }
        i += 1;
    }
    let name = at(args, 1);
    if !replace && cx.keys.exists(cx.db, name) {
        return Err(Refusal::new("BUSYKEY Target key name already exists."));
    }
    let ttl = int(at(args, 2))?;
    if ttl < 0 {
        return Err(Refusal::new("ERR Invalid TTL value, must be >= 0"));
    }
    let payload = at(args, 3);
    checked(cx, payload)?;
    let parsed = Dump::parse(payload).map_err(|_| BAD)?;
    let clock = cx.keys.clock;
    let expire_ms = match ttl {
        0 => None,
        ttl if absolute => Some(ttl),
        ttl => Some(ttl.saturating_add(clock.now_ms)),
    };
    let mut attributes = parsed.meta.unwrap_or_default().to_vec();
    if let Some(idle) = idle {
        attributes.push(opcode::IDLE);
        length::write(idle, &mut attributes);
    }
    if let Some(freq) = freq {
        attributes.extend_from_slice(&[opcode::FREQ, freq]);
    }
    let mut loader = Loader::new(cx.keys.limits);
    let body = parsed.body();
    let slot = loader
        .payload(name, expire_ms, &attributes, parsed.row, body.rest())
        .map_err(|_| BAD)?
        .ok_or(BAD)?;
    if clock.expires && expire_ms.is_some_and(|ms| ms <= clock.now_ms) {
        if replace && cx.keys.remove(cx.db, name).is_some() {
            let word = cx.expiry_word();
            cx.log.put(cx.db, [word, name]);
        }
    } else {
        cx.keys.put(cx.db, slot);
        // Since 7.0; before, a time to live stood there as it was sent.
        if let Some(ms) = expire_ms
            && !absolute
            && !cx.is_redis_before((7, 0))
        {
            let ms = Digits::new(ms);
            let argv = args.iter().enumerate();
            let argv = argv.map(|(i, arg)| if i == 2 { ms.as_bytes() } else { arg });
            cx.log.put(cx.db, argv.chain([&b"ABSTTL"[..]]));
        }
    }
    cx.out.ok();
    Ok(())
}
