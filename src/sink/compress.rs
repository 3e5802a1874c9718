//! Output compressed as its name asks for: `.gz`, `.zst`.

use crate::error::{Error, Result};
use flate2::write::GzEncoder;
use std::io::{self, Write};
use std::path::Path;

/// How output is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

impl Codec {
    /// What a file's name asks for, and the name without that ending.
    #[must_use]
    pub fn of(path: &Path) -> (Codec, &Path) {
        let codec = match path.extension().and_then(|e| e.to_str()) {
            Some("gz") => Codec::Gzip,
            Some("zst") => Codec::Zstd,
            _ => return (Codec::None, path),
        };
        (codec, path.file_stem().map_or(path, Path::new))
    }
}

/// Compresses what is written.
pub enum Compress<W: Write> {
    /// Passes it on.
    None(W),
    /// gzip.
    Gzip(Box<GzEncoder<W>>),
    /// zstd.
    Zstd(Box<zstd::Encoder<'static, W>>),
}

impl<W: Write> Compress<W> {
    /// In front of `out`.
    ///
    /// # Errors
    /// What the encoder says when it begins.
    pub fn new(codec: Codec, out: W) -> Result<Compress<W>> {
        Ok(match codec {
            Codec::None => Compress::None(out),
            Codec::Gzip => Compress::Gzip(Box::new(GzEncoder::new(
                out,
                flate2::Compression::default(),
            ))),
            Codec::Zstd => Compress::Zstd(Box::new(
                zstd::Encoder::new(out, 3).map_err(|e| Error::from_io(e, "compress"))?,
            )),
        })
    }

    /// Ends the compressed stream.
    ///
    /// # Errors
    /// What the output says.
    pub fn end(self) -> io::Result<W> {
        match self {
            Compress::None(out) => Ok(out),
            Compress::Gzip(gz) => gz.finish(),
            Compress::Zstd(zst) => zst.finish(),
        }
    }
}

impl<W: Write> Write for Compress<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Compress::None(out) => out.write(buf),
            Compress::Gzip(gz) => gz.write(buf),
            Compress::Zstd(zst) => zst.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Compress::None(out) => out.flush(),
            Compress::Gzip(gz) => gz.flush(),
            Compress::Zstd(zst) => zst.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn names_say_how_and_all_comes_back() {
        let text = b"redis".repeat(1000);
        for (name, codec) in [
            ("a.rdb", Codec::None),
            ("a.rdb.gz", Codec::Gzip),
            ("a.rdb.zst", Codec::Zstd),
        ] {
            assert_eq!(Codec::of(Path::new(name)), (codec, Path::new("a.rdb")));
            let mut out = Compress::new(codec, Vec::new()).unwrap();
            out.write_all(&text).unwrap();
            let packed = out.end().unwrap();
            let mut back = Vec::new();
            match codec {
                Codec::None => back.clone_from(&packed),
                Codec::Gzip => {
                    flate2::read::GzDecoder::new(&packed[..])
                        .read_to_end(&mut back)
                        .unwrap();
                }
                Codec::Zstd => back = zstd::decode_all(&packed[..]).unwrap(),
            }
            assert!(back == text);
        }
    }
}
