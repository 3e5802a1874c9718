//! Strings.

use crate::support::shapes::{Family, no_words};

pub(super) const FAMILY: Family = Family {
    name: "str",
    shapes: "
        GET <k>
        SET <k> <v>
        EXISTS { <k> }
        DEL { <k> }
    ",
    words: no_words,
};
