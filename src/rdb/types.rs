//! THE table of value types: one row a type code, keyed by flavour. Framing, walking, raw copy, checks, names and what
//! each server reads derive from it.
//!
//! Source: redis and valkey `src/rdb.h`. The magic of a file (or the footer of a DUMP payload: 80 and up is Valkey)
//! picks the flavour; 22 and 23 mean different things in each.

use crate::model::kind::{Encoding, Flavour, Kind};
use crate::model::target::Since;

/// How a value is laid out behind its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// One string.
    Text,
    /// `len` n, n strings.
    List,
    /// `len` n, n strings, distinct.
    Set,
    /// `len` n, n of (member, score as text).
    ZsetText,
    /// `len` n, n of (member, score as 8 bytes).
    ZsetBinary,
    /// `len` n, n of (field, value).
    Hash,
    /// `len` n, n of (`len` expiry in ms or 0, field, value).
    HashTtlFirst,
    /// `len` n, n of (field, value, 8 bytes expiry in ms or -1).
    HashTtlLast,
    /// 8 bytes minimum, `len` n, n of (`len` expiry relative to the minimum, plus one, or 0; field; value).
    HashTtlRelative,
    /// A zipmap blob.
    HashZipmap,
    /// A ziplist blob.
    ListZiplist,
    /// An intset blob.
    SetIntset,
    /// A ziplist blob: member, score.
    ZsetZiplist,
    /// A ziplist blob: field, value.
    HashZiplist,
    /// `len` nodes, each a ziplist blob.
    Quicklist,
    /// `len` nodes, each (`len` container, blob).
    Quicklist2,
    /// A listpack blob: field, value.
    HashListpack,
    /// A listpack blob: member, score.
    ZsetListpack,
    /// A listpack blob: members.
    SetListpack,
    /// A listpack blob: field, value, expiry; behind 8 bytes of minimum expiry where the flag is set.
    HashListpackTtl {
        /// Whether the minimum stands in front.
        min: bool,
    },
    /// A stream of that version, 1 to 5.
    Stream(u8),
    /// A module id and marked fields up to an end mark.
    Module,
    /// A module id and bytes that only the module can delimit.
    ModuleOld,
    /// `len` n, cursor, n of (index, tag, payload).
    Array,
    /// Field names, then a listpack blob: source id, values.
    TemplateListpack,
    /// Field names, then the values.
    TemplateArray,
    /// A listpack blob: template id, values.
    TemplateListpackRef,
    /// `len` template id, then the values.
    TemplateArrayRef,
    /// One number.
    Gcra,
    /// Not described anywhere yet: cannot be read past.
    Unknown,
}

/// One type code.
#[derive(Debug, PartialEq, Eq)]
pub struct TypeRow {
    /// The byte.
    pub code: u8,
    /// The name as in `rdb.h`, without `RDB_TYPE_`.
    pub name: &'static str,
    /// What a key of it holds.
    pub kind: Kind,
    /// How.
    pub encoding: Encoding,
    /// The bytes.
    pub layout: Layout,
    /// Who reads it.
    pub since: Since,
}

const fn row(
    code: u8,
    name: &'static str,
    kind: Kind,
    encoding: Encoding,
    layout: Layout,
    since: Since,
) -> TypeRow {
    TypeRow {
        code,
        name,
        kind,
        encoding,
        layout,
        since,
    }
}

use Encoding as E;
use Kind as K;
use Layout as L;

/// The codes that mean the same in both flavours, and those that only Redis has.
static REDIS: [TypeRow; 33] = [
    row(0, "STRING", K::String, E::Raw, L::Text, Since::both((1, 0))),
    row(
        1,
        "LIST",
        K::List,
        E::LinkedList,
        L::List,
        Since::both((1, 0)),
    ),
    row(2, "SET", K::Set, E::HashTable, L::Set, Since::both((1, 0))),
    row(
        3,
        "ZSET",
        K::Zset,
        E::SkipList,
        L::ZsetText,
        Since::both((1, 0)),
    ),
    row(
        4,
        "HASH",
        K::Hash,
        E::HashTable,
        L::Hash,
        Since::both((1, 0)),
    ),
    row(
        5,
        "ZSET_2",
        K::Zset,
        E::SkipList,
        L::ZsetBinary,
        Since::both((4, 0)),
    ),
    row(
        6,
        "MODULE_PRE_GA",
        K::Module,
        E::Module,
        L::ModuleOld,
        Since::NONE,
    ),
    row(
        7,
        "MODULE_2",
        K::Module,
        E::Module,
        L::Module,
        Since::both((4, 0)),
    ),
    row(
        9,
        "HASH_ZIPMAP",
        K::Hash,
        E::Zipmap,
        L::HashZipmap,
        Since::both((2, 4)),
    ),
    row(
        10,
        "LIST_ZIPLIST",
        K::List,
        E::Ziplist,
        L::ListZiplist,
        Since::both((2, 4)),
    ),
    row(
        11,
        "SET_INTSET",
        K::Set,
        E::Intset,
        L::SetIntset,
        Since::both((2, 4)),
    ),
    row(
        12,
        "ZSET_ZIPLIST",
        K::Zset,
        E::Ziplist,
        L::ZsetZiplist,
        Since::both((2, 4)),
    ),
    row(
        13,
        "HASH_ZIPLIST",
        K::Hash,
        E::Ziplist,
        L::HashZiplist,
        Since::both((2, 6)),
    ),
    row(
        14,
        "LIST_QUICKLIST",
        K::List,
        E::Quicklist,
        L::Quicklist,
        Since::both((3, 2)),
    ),
    row(
        15,
        "STREAM_LISTPACKS",
        K::Stream,
        E::Stream,
        L::Stream(1),
        Since::both((5, 0)),
    ),
    row(
        16,
        "HASH_LISTPACK",
        K::Hash,
        E::Listpack,
        L::HashListpack,
        Since::both((7, 0)),
    ),
    row(
        17,
        "ZSET_LISTPACK",
        K::Zset,
        E::Listpack,
        L::ZsetListpack,
        Since::both((7, 0)),
    ),
    row(
        18,
        "LIST_QUICKLIST_2",
        K::List,
        E::Quicklist2,
        L::Quicklist2,
        Since::both((7, 0)),
    ),
    row(
        19,
        "STREAM_LISTPACKS_2",
        K::Stream,
        E::Stream,
        L::Stream(2),
        Since::both((7, 0)),
    ),
    row(
        20,
        "SET_LISTPACK",
        K::Set,
        E::Listpack,
        L::SetListpack,
        Since::both((7, 2)),
    ),
    row(
        21,
        "STREAM_LISTPACKS_3",
        K::Stream,
        E::Stream,
        L::Stream(3),
        Since::both((7, 2)),
    ),
    row(
        22,
        "HASH_METADATA_PRE_GA",
        K::Hash,
        E::HashTable,
        L::HashTtlFirst,
        Since::redis((7, 4)),
    ),
    row(
        23,
        "HASH_LISTPACK_EX_PRE_GA",
        K::Hash,
        E::ListpackEx,
        L::HashListpackTtl { min: false },
        Since::redis((7, 4)),
    ),
    row(
        24,
        "HASH_METADATA",
        K::Hash,
        E::HashTable,
        L::HashTtlRelative,
        Since::redis((7, 4)),
    ),
    row(
        25,
        "HASH_LISTPACK_EX",
        K::Hash,
        E::ListpackEx,
        L::HashListpackTtl { min: true },
        Since::redis((7, 4)),
    ),
    row(
        26,
        "STREAM_LISTPACKS_4",
        K::Stream,
        E::Stream,
        L::Stream(4),
        Since::redis((8, 6)),
    ),
    row(
        27,
        "STREAM_LISTPACKS_5",
        K::Stream,
        E::Stream,
        L::Stream(5),
        Since::redis((8, 8)),
    ),
    row(
        28,
        "ARRAY",
        K::Array,
        E::Array,
        L::Array,
        Since::redis((8, 8)),
    ),
    row(
        29,
        "HASH_TMPL_LP",
        K::Hash,
        E::Template,
        L::TemplateListpack,
        Since::redis((8, 10)),
    ),
    row(
        30,
        "HASH_TMPL_LP_REF",
        K::Hash,
        E::Template,
        L::TemplateListpackRef,
        Since::redis((8, 10)),
    ),
    row(
        31,
        "HASH_TMPL_ARRAY",
        K::Hash,
        E::Template,
        L::TemplateArray,
        Since::redis((8, 10)),
    ),
    row(
        32,
        "HASH_TMPL_ARRAY_REF",
        K::Hash,
        E::Template,
        L::TemplateArrayRef,
        Since::redis((8, 10)),
    ),
    row(33, "GCRA", K::Gcra, E::Int, L::Gcra, Since::NONE),
];

/// The codes that are Valkey's own.
static VALKEY: [TypeRow; 2] = [
    row(
        22,
        "HASH_2",
        K::Hash,
        E::HashTable,
        L::HashTtlLast,
        Since::valkey((9, 0)),
    ),
    row(
        23,
        "PATH_HASH",
        K::Hash,
        E::HashTable,
        L::Unknown,
        Since::NONE,
    ),
];

/// The last code that both flavours share.
const SHARED: u8 = 21;

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling, where a bad index is a compile error"
)]
const fn index(flavour: Flavour) -> [Option<&'static TypeRow>; 64] {
    let mut rows = [None; 64];
    let mut i = 0;
    while i < REDIS.len() {
        let row = &REDIS[i];
        if matches!(flavour, Flavour::Redis) || row.code <= SHARED {
            rows[row.code as usize] = Some(row);
        }
        i += 1;
    }
    if matches!(flavour, Flavour::Valkey) {
        let mut i = 0;
        while i < VALKEY.len() {
            rows[VALKEY[i].code as usize] = Some(&VALKEY[i]);
            i += 1;
        }
    }
    rows
}

static BY_CODE: [[Option<&'static TypeRow>; 64]; 2] =
    [index(Flavour::Redis), index(Flavour::Valkey)];

/// The row of a code.
#[must_use]
#[inline]
pub fn by_code(flavour: Flavour, code: u8) -> Option<&'static TypeRow> {
    let [redis, valkey] = &BY_CODE;
    let rows = match flavour {
        Flavour::Redis => redis,
        Flavour::Valkey => valkey,
    };
    rows.get(usize::from(code)).copied().flatten()
}

/// All rows of a flavour, in the order of their codes.
pub fn rows(flavour: Flavour) -> impl Iterator<Item = &'static TypeRow> {
    (0..64).filter_map(move |code| by_code(flavour, code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_the_issue_names_has_a_row() {
        for code in (0..=7).filter(|c| *c != 8).chain(9..=33) {
            let row = by_code(Flavour::Redis, code).unwrap();
            assert_eq!(row.code, code);
        }
        assert!(by_code(Flavour::Redis, 8).is_none());
        assert!(by_code(Flavour::Redis, 34).is_none());
        assert_eq!(by_code(Flavour::Valkey, 22).unwrap().name, "HASH_2");
        assert_eq!(
            by_code(Flavour::Redis, 22).unwrap().name,
            "HASH_METADATA_PRE_GA"
        );
        assert!(by_code(Flavour::Valkey, 24).is_none());
        assert_eq!(rows(Flavour::Redis).count(), 33);
        assert_eq!(rows(Flavour::Valkey).count(), 23);
    }
}
