//! A packed value in the making: a listpack, or the ziplist that servers before 7.0 had.

use super::items::with_bytes;
use crate::model::number::{self, DoubleText};
use crate::packed::pack::{self, Pack};
use crate::packed::string::Str;
use crate::packed::zip::Zip;

/// Elements, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Packed {
    is_listpack: bool,
    listpack: Vec<u8>,
    zip: Zip,
}

impl Packed {
    pub(super) fn begin(&mut self, is_listpack: bool) {
        self.is_listpack = is_listpack;
        if is_listpack {
            self.listpack.clear();
            self.listpack.extend_from_slice(&pack::EMPTY);
        } else {
            self.zip.clear();
        }
    }

    pub(super) fn push(&mut self, s: &Str<'_>) {
        match s {
            Str::Int(v) => self.push_int(*v),
            s => with_bytes(s, |bytes| {
                if self.is_listpack {
                    Pack::new(&mut self.listpack, 0).push(bytes);
                } else {
                    self.zip.push(bytes);
                }
            }),
        }
    }

    fn push_int(&mut self, v: i64) {
        if self.is_listpack {
            Pack::new(&mut self.listpack, 0).push_int(v);
        } else {
            self.zip.push_int(v);
        }
    }

    /// A score: an integer where it is one. A -0 keeps its sign in ziplists, and in listpacks that were ziplists.
    pub(super) fn push_score(&mut self, score: f64, text: DoubleText, was_packed: bool) {
        let signed = was_packed || !self.is_listpack;
        match number::integral(score) {
            Some(0) if signed && score.is_sign_negative() => {
                self.push(&Str::Bytes(b"-0"));
            }
            Some(whole) => self.push_int(whole),
            None => {
                let mut bytes = Vec::with_capacity(32);
                number::format_score(score, text, &mut bytes);
                self.push(&Str::Bytes(&bytes));
            }
        }
    }

    pub(super) fn finish(&mut self) -> &[u8] {
        if self.is_listpack {
            &self.listpack
        } else {
            self.zip.finish()
        }
    }
}
