//! Arguments that say what becomes of keys on their way.

use super::Context;
use super::input::{Filters, utf8};
use super::text;
use crate::error::{Error, Result};
use crate::filter::glob::Glob;
use crate::filter::mask::{self, Mask};
use crate::filter::rename::Rename;
use crate::filter::transform::{Transform, Ttl};
use crate::model::units;
use std::ffi::OsString;

/// What `--ttl` does where keys are changed.
pub(super) const TTL: &str = "By expiry: none, any, expired, '<1h' (within an hour, or past), '>7d'; or what becomes of \
     expiries, of hash fields too: keep, strip, shift=DURATION (shift=7d, shift=-90m)";

/// How the transforms work together, for the manual.
pub(super) const ORDER: &str = "Transforms:
  They follow the filters, which see the keys as they are in the input, as do --drop-expired and --mask. A name loses its
  prefix, is renamed, and gets its new prefix. Two keys that become one are an error that names both.
  The expressions of --rename are those of --key-regex; in the replacement stand & or \\0 for the match, \\1 or $1 for a
  group, \\n for a line feed, and after the last delimiter g (every match) and i (upper or lower case).
  --mask is for a dump that is given away. Strings, elements, members, fields and values become other text of the same
  length: an integer another one of as many digits, up to 15 bytes others of the same class (letters and digits,
  printable ASCII, any bytes), longer ones letters and digits drawn from a keyed hash. The same text gets the same mask in
  a run, and with the same --mask-key in every run, so what is equal stays equal. Not masked: the names of keys (see
  --rename), scores (GEOADD keeps places in them), ids and times of streams, the names of their groups, consumers and
  producers. Functions, scripts, values and data of modules are left out. Left out and counted is what was asked for,
  which --strict does not refuse.";

/// What becomes of keys.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "What becomes of them (see also --ttl)")]
pub(super) struct Transforms {
    /// Rename keys as sed would: 's/^user:/u:/', 's|(\w+):(\d+)|$2:$1|g'. May be repeated, one after the other.
    #[arg(long, value_name = "s/REGEX/REPL/", allow_hyphen_values = true)]
    rename: Vec<OsString>,
    /// Put this in front of each key's name (see --key-format).
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    prefix_add: Option<OsString>,
    /// Take this off the front of keys' names; those that do not begin with it stay.
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    prefix_strip: Option<OsString>,
    /// Move a database to another number: 0:3. May be repeated; all at once, so 0:1,1:0 swaps two.
    #[arg(long, value_name = "FROM:TO", value_delimiter = ',', value_parser = databases)]
    db_map: Vec<(u64, u64)>,
    #[command(flatten)]
    expired: DropExpired,
    /// Replace values, elements, members and fields of the keys whose name matches by others of the same length: for
    /// giving a dump to a developer. Names of keys stay. May be repeated.
    #[arg(long, value_name = "GLOB", allow_hyphen_values = true)]
    mask: Vec<OsString>,
    /// The key of the masks, 32 hex digits, for the same masks in another run [default: random].
    #[arg(long, value_name = "HEX", requires = "mask", value_parser = |text: &str| mask::key_from_hex(text))]
    mask_key: Option<mask::Key>,
}

/// Whether what is past its time goes.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DropExpired {
    /// Leave out keys, and fields of hashes, whose expiry has passed (see --now).
    #[arg(long)]
    drop_expired: bool,
}

impl DropExpired {
    /// The moment up to which expiries have passed.
    pub(super) fn by(&self, now_ms: i64) -> Option<i64> {
        self.drop_expired.then_some(now_ms)
    }

    /// As what becomes of keys.
    pub(super) fn build(&self, now_ms: i64) -> Transform {
        Transform {
            expired_by: self.by(now_ms),
            ..Transform::default()
        }
    }
}

/// `FROM:TO`.
pub(super) fn databases(text: &str) -> std::result::Result<(u64, u64), String> {
    let read = |n: &str| n.trim().parse::<u64>().ok();
    text.split_once(':')
        .and_then(|(from, to)| Some((read(from)?, read(to)?)))
        .ok_or_else(|| "FROM:TO is expected, two numbers of databases".to_owned())
}

/// What becomes of expiries, if that is what a value of `--ttl` says.
pub(super) fn ttl(value: &str) -> Option<Result<Ttl>> {
    let value = value.trim();
    match value {
        "keep" => return Some(Ok(Ttl::Keep)),
        "strip" => return Some(Ok(Ttl::Strip)),
        _ => {}
    }
    let by = value.strip_prefix("shift=")?.trim();
    let (by, sign) = match by.strip_prefix('-') {
        Some(by) => (by, -1),
        None => (by.strip_prefix('+').unwrap_or(by), 1),
    };
    Some(units::parse_duration_ms(by).map(|ms| Ttl::Shift(sign * ms)))
}

impl Transforms {
    /// What was asked for; what becomes of expiries stands among the filters, and is taken from there.
    pub(super) fn build(&self, filters: &mut Filters, cx: &Context) -> Result<Transform> {
        let now_ms = filters.now_ms();
        let named = |name: &str| {
            let name = name.to_owned();
            move |e: Error| Error::usage(format!("--{name}: {}", e.message()))
        };
        let prefix = |arg: &Option<OsString>, name| {
            arg.as_ref()
                .map(|arg| text::key_arg(arg, cx.global.key_format).map_err(named(name)))
                .transpose()
        };
        let rename = |arg: &OsString| utf8(arg).and_then(Rename::parse).map_err(named("rename"));
        let mut seen = self.db_map.clone();
        seen.sort_unstable();
        if let Some([(db, _), _]) = seen
            .windows(2)
            .filter_map(|pair| pair.first_chunk::<2>())
            .find(|[a, b]| a.0 == b.0)
        {
            return Err(Error::usage(format!(
                "--db-map: database {db} is there twice"
            )));
        }
        let globs: Vec<Glob> = self
            .mask
            .iter()
            .map(|glob| Glob::new(glob.as_encoded_bytes()))
            .collect();
        let key = || self.mask_key.unwrap_or_else(mask::random_key);
        Ok(Transform {
            strip: prefix(&self.prefix_strip, "prefix-strip")?,
            rename: self.rename.iter().map(rename).collect::<Result<_>>()?,
            add: prefix(&self.prefix_add, "prefix-add")?,
            databases: self.db_map.clone(),
            ttl: filters.take_ttl()?,
            expired_by: self.expired.by(now_ms),
            mask: (!globs.is_empty()).then(|| Mask::new(globs, key())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries() {
        for (text, want) in [
            ("keep", Some(Ttl::Keep)),
            (" strip ", Some(Ttl::Strip)),
            ("shift=1h", Some(Ttl::Shift(3_600_000))),
            ("shift=+1h", Some(Ttl::Shift(3_600_000))),
            ("shift=-1h30m", Some(Ttl::Shift(-5_400_000))),
            ("any", None),
            ("<1h", None),
        ] {
            assert_eq!(ttl(text).map(Result::unwrap), want, "{text}");
        }
        assert!(ttl("shift=").unwrap().is_err());
        assert!(ttl("shift=--1h").unwrap().is_err());
        assert_eq!(databases("0: 3"), Ok((0, 3)));
        assert!(databases("0").is_err() && databases("a:1").is_err() && databases("0:-1").is_err());
    }
}
