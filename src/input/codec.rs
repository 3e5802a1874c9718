//! Compressed files, known by their first bytes.
//!
//! ```text
//!   1f 8b 08                            gzip, members one after another
//!   28 b5 2f fd   or  5x 2a 4d 18       zstd, frames one after another; the second kind carries no data of ours
//!   04 22 4d 18                         LZ4 frames (not the older form, 02 21 4c 18)
//!   "VKCS" <version: u8> <codec: u8> <flags: u8> <kind: u8>
//!                                       Valkey's envelope around an RDB file: version 1, codec 1 (LZ4 frames), kind 0
//!   56 4b 43 53 01 01 01 00 04 22 4d 18 …
//! ```
//! Sources: RFC 1952, RFC 8878, the LZ4 frame format, Valkey's development branch. Decoders hold a window and a block:
//! at most 128 MiB for zstd, 12 MiB for LZ4. What follows the last member or frame must be another one.
//! Output that grows out of proportion ([`limits::EXPANSION_RATIO`]) ends in an error of the kind
//! [`ErrorKind::Limit`]. Our errors travel inside an [`io::Error`]; [`Error::from_io`] takes them out again.

use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use flate2::bufread::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// LZ4 frames.
    Lz4,
    /// Valkey's envelope.
    Vkcs,
}

/// This many bytes of a file are enough for [`detect`].
pub const DETECT: usize = 4;

/// A larger window is refused: 2^27 is what zstd itself allows without being asked.
const ZSTD_WINDOW_LOG: u32 = 27;

const LZ4_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
const VKCS_HEADER: usize = 8;

impl Codec {
    /// The name for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip",
            Codec::Zstd => "zstd",
            Codec::Lz4 => "lz4",
            Codec::Vkcs => "VKCS",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The codec of a file that begins so; `None` for one that is not compressed, or in no way known here.
#[must_use]
pub fn detect(prefix: &[u8]) -> Option<Codec> {
    match prefix {
        [0x1f, 0x8b, 0x08, ..] => Some(Codec::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Codec::Zstd),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some(Codec::Lz4),
        [b'V', b'K', b'C', b'S', ..] => Some(Codec::Vkcs),
        _ => None,
    }
}

/// A reader of the decompressed bytes. `input` begins with the first byte of the file.
///
/// # Errors
/// For VKCS, [`ErrorKind::Unsupported`] for a version, codec or kind not known here, and what reading its header gives.
/// Everything else comes from the reader: [`ErrorKind::Truncated`], [`ErrorKind::Corrupt`] and [`ErrorKind::Limit`] by
/// way of [`Error::from_io`], with the offset in the decompressed bytes.
pub fn decoder(codec: Codec, input: Box<dyn Read + Send>) -> Result<Box<dyn Read + Send>> {
    bounded(
        codec,
        input,
        limits::EXPANSION_FREE,
        limits::EXPANSION_RATIO,
    )
}

fn bounded(
    codec: Codec,
    input: Box<dyn Read + Send>,
    free: u64,
    ratio: u64,
) -> Result<Box<dyn Read + Send>> {
    let mut source = Source {
        inner: BufReader::with_capacity(limits::BLOCK, input),
        taken: 0,
        failed: false,
        ended: false,
        again: b"",
    };
    let inner = match codec {
        Codec::Gzip => Inner::Gzip(Box::new(MultiGzDecoder::new(source))),
        Codec::Zstd => Inner::Zstd(Box::new(
            zstd_decoder(source).map_err(|e| Error::from_io(e, "start zstd"))?,
        )),
        Codec::Lz4 => Inner::Lz4(Lz4Frames::new(source)),
        Codec::Vkcs => {
            vkcs_header(&mut source)?;
            Inner::Lz4(Lz4Frames::new(source))
        }
    };
    Ok(Box::new(Decoder {
        codec,
        inner,
        given: 0,
        free,
        ratio,
    }))
}

fn zstd_decoder(source: Source) -> io::Result<zstd::Decoder<'static, Source>> {
    let mut decoder = zstd::Decoder::with_buffer(source)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

fn vkcs_header(source: &mut Source) -> Result<()> {
    let mut header = [0; VKCS_HEADER];
    source.read_exact(&mut header).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof if !source.failed => Error::truncated(
            source.taken,
            format!("VKCS: the header of {VKCS_HEADER} bytes is cut short"),
        ),
        _ => Error::from_io(e, "read"),
    })?;
    // The flags only say whether the LZ4 frame has a checksum, which the frame says itself.
    let [b'V', b'K', b'C', b'S', version, codec, _flags, kind] = header else {
        return Err(Error::corrupt(0, "VKCS: the file does not begin so"));
    };
    if version != 1 {
        return Err(Error::unsupported(
            4,
            format!("VKCS: version {version} of the envelope, only 1 is known"),
        ));
    }
    if codec != 1 {
        return Err(Error::unsupported(
            5,
            format!("VKCS: compression codec {codec}, only 1 (LZ4) is known"),
        ));
    }
    if kind != 0 {
        return Err(Error::unsupported(
            7,
            format!("VKCS: contents of kind {kind}, only 0 (RDB) is known"),
        ));
    }
    Ok(())
}

/// The compressed bytes, counted, with a memory of what their reader said: decoders do not tell us.
struct Source {
    inner: BufReader<Box<dyn Read + Send>>,
    /// Bytes that the decoder has used, not those read ahead.
    taken: u64,
    /// The last error came from below, not from the decoder.
    failed: bool,
    /// Somebody asked for more than there was.
    ended: bool,
    /// Bytes of [`LZ4_MAGIC`] to be read once more: who told the frames apart has taken it from the decoder's mouth.
    again: &'static [u8],
}

impl Source {
    /// Whether nothing is left, without counting as asking for more.
    fn at_end(&mut self) -> io::Result<bool> {
        let ended = self.ended;
        let empty = self.fill_buf()?.is_empty();
        self.ended = ended;
        Ok(empty)
    }
}

impl Read for Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if !self.again.is_empty() {
            return self.again.read(buf);
        }
        let mut from = self.fill_buf()?;
        let n = from.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // Once at the end it stays there, so the answer is final.
        self.failed = false;
        match self.inner.fill_buf() {
            Ok(bytes) => {
                self.ended = bytes.is_empty();
                Ok(bytes)
            }
            Err(e) => {
                self.failed = true;
                Err(e)
            }
        }
    }

    fn consume(&mut self, n: usize) {
        self.taken += n as u64;
        self.inner.consume(n);
    }
}

enum Inner {
    Gzip(Box<MultiGzDecoder<Source>>),
    Zstd(Box<zstd::Decoder<'static, Source>>),
    Lz4(Lz4Frames),
}

impl Inner {
    fn source(&self) -> Option<&Source> {
        match self {
            Inner::Gzip(decoder) => Some(decoder.get_ref()),
            Inner::Zstd(decoder) => Some(decoder.get_ref()),
            Inner::Lz4(frames) => frames.source(),
        }
    }
}

/// One decoder a frame. The crate's own would take the next frame too, but it takes a cut between two blocks for the
/// end, knows no skippable frames, and expects the blocks of all frames to have one size.
struct Lz4Frames {
    state: Lz4State,
    /// A first frame has begun: before that, the end comes too early.
    begun: bool,
}

enum Lz4State {
    Between(Source),
    Inside(Box<FrameDecoder<Source>>),
    /// Only while one state turns into another.
    Gone,
}

impl Lz4Frames {
    fn new(source: Source) -> Lz4Frames {
        Lz4Frames {
            state: Lz4State::Between(source),
            begun: false,
        }
    }

    fn source(&self) -> Option<&Source> {
        match &self.state {
            Lz4State::Between(source) => Some(source),
            Lz4State::Inside(decoder) => Some(decoder.get_ref()),
            Lz4State::Gone => None,
        }
    }

    /// Goes to the next frame with data in it. False at the end.
    fn next_frame(&mut self) -> io::Result<bool> {
        let Lz4State::Between(source) = &mut self.state else {
            return Ok(true);
        };
        loop {
            if self.begun && source.at_end()? {
                return Ok(false);
            }
            let mut magic = [0; 4];
            source.read_exact(&mut magic)?;
            self.begun = true;
            match magic {
                LZ4_MAGIC => {
                    source.again = &LZ4_MAGIC;
                    break;
                }
                [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                    let mut length = [0; 4];
                    source.read_exact(&mut length)?;
                    let length = u64::from(u32::from_le_bytes(length));
                    let skipped = io::copy(&mut source.by_ref().take(length), &mut io::sink())?;
                    if skipped < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                [a, b, c, d] => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("{a:02x} {b:02x} {c:02x} {d:02x} where a frame should begin"),
                    ));
                }
            }
        }
        if let Lz4State::Between(source) = std::mem::replace(&mut self.state, Lz4State::Gone) {
            self.state = Lz4State::Inside(Box::new(FrameDecoder::new(source)));
        }
        Ok(true)
    }
}

impl Read for Lz4Frames {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while !buf.is_empty() && self.next_frame()? {
            let Lz4State::Inside(decoder) = &mut self.state else {
                break;
            };
            let n = decoder.read(buf)?;
            if n > 0 {
                return Ok(n);
            }
            if decoder.get_ref().ended {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Lz4State::Inside(decoder) = std::mem::replace(&mut self.state, Lz4State::Gone) {
                self.state = Lz4State::Between(decoder.into_inner());
            }
        }
        Ok(0)
    }
}

struct Decoder {
    codec: Codec,
    inner: Inner,
    /// Bytes that came out.
    given: u64,
    free: u64,
    ratio: u64,
}

impl Decoder {
    /// Gives an error of the decoder its kind and a place. What comes from below is not ours to explain.
    fn explain(&self, e: io::Error) -> io::Error {
        if e.kind() == io::ErrorKind::Interrupted || self.inner.source().is_none_or(|s| s.failed) {
            return e;
        }
        let name = self.codec.name();
        let said = e.to_string();
        let error = if e.kind() == io::ErrorKind::UnexpectedEof {
            Error::new(
                ErrorKind::Truncated,
                format!("{name}: the compressed data ends early"),
            )
        } else if self.codec == Codec::Zstd && said.contains("too much memory") {
            Error::limit(format!(
                "{name}: a window above {} MiB",
                1 << (ZSTD_WINDOW_LOG - 20)
            ))
        } else {
            Error::new(ErrorKind::Corrupt, format!("{name}: {said}"))
        };
        io::Error::new(e.kind(), error.at(self.given))
    }
}

impl Read for Decoder {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = match &mut self.inner {
            Inner::Gzip(decoder) => decoder.read(buf),
            Inner::Zstd(decoder) => decoder.read(buf),
            Inner::Lz4(frames) => frames.read(buf),
        }
        .map_err(|e| self.explain(e))?;
        self.given += n as u64;
        if self.given > self.free {
            let taken = self.inner.source().map_or(0, |s| s.taken);
            if self.given > taken.saturating_mul(self.ratio) {
                return Err(io::Error::other(
                    Error::limit(format!(
                        "{}: {taken} compressed bytes gave {}, more than {} times as many",
                        self.codec, self.given, self.ratio
                    ))
                    .at(self.given),
                ));
            }
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    const ALL: [Codec; 4] = [Codec::Gzip, Codec::Zstd, Codec::Lz4, Codec::Vkcs];

    fn pack(codec: Codec, data: &[u8]) -> Vec<u8> {
        match codec {
            Codec::Gzip => {
                let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                w.write_all(data).unwrap();
                w.finish().unwrap()
            }
            Codec::Zstd => zstd::encode_all(data, 1).unwrap(),
            Codec::Lz4 => {
                let mut w = lz4_flex::frame::FrameEncoder::new(Vec::new());
                w.write_all(data).unwrap();
                w.finish().unwrap()
            }
            Codec::Vkcs => [b"VKCS\x01\x01\x00\x00", &pack(Codec::Lz4, data)[..]].concat(),
        }
    }

    /// Gives a few bytes a call.
    struct Drip(io::Cursor<Vec<u8>>, usize);

    impl Read for Drip {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = buf.len().min(self.1);
            self.0.read(&mut buf[..n])
        }
    }

    fn unpack_by(codec: Codec, input: &[u8], step: usize) -> Result<Vec<u8>> {
        let drip = Drip(io::Cursor::new(input.to_vec()), step);
        let mut out = Vec::new();
        decoder(codec, Box::new(drip))?
            .read_to_end(&mut out)
            .map_err(|e| Error::from_io(e, "read"))?;
        Ok(out)
    }

    fn unpack(codec: Codec, input: &[u8]) -> Result<Vec<u8>> {
        unpack_by(codec, input, usize::MAX)
    }

    fn sample(n: u32) -> Vec<u8> {
        (0..u64::from(n))
            .flat_map(|i| (i * i / 7).to_string().into_bytes())
            .collect()
    }

    #[test]
    fn known_by_their_first_bytes() {
        for codec in ALL {
            let packed = pack(codec, b"REDIS0011");
            assert_eq!(detect(&packed), Some(codec));
            assert_eq!(detect(&packed[..DETECT]), Some(codec));
        }
        assert_eq!(detect(b"\x5a\x2a\x4d\x18"), Some(Codec::Zstd));
        for none in [
            &b""[..],
            b"REDIS0011",
            b"VALKEY080",
            b"\x1f\x8b",
            b"\x1f\x8b\x07",
            b"\x02\x21\x4c\x18",
            b"*1\r\n",
        ] {
            assert_eq!(detect(none), None);
        }
    }

    #[test]
    fn round_trips_and_joined_files() {
        for codec in ALL {
            for data in [vec![], b"x".to_vec(), sample(200_000), vec![0; 3 << 20]] {
                let packed = pack(codec, &data);
                for step in [1, 13, 100_000] {
                    if step > 1 || packed.len() < 100_000 {
                        assert_eq!(unpack_by(codec, &packed, step).unwrap(), data, "{codec}");
                    }
                }
                // A second member or frame; the envelope stands once.
                let inner = if codec == Codec::Vkcs {
                    Codec::Lz4
                } else {
                    codec
                };
                let mut twice = packed;
                twice.extend_from_slice(&pack(inner, b""));
                twice.extend_from_slice(&pack(inner, b"second"));
                assert_eq!(
                    unpack(codec, &twice).unwrap(),
                    [&data[..], b"second"].concat(),
                    "{codec}"
                );
            }
        }
    }

    #[test]
    fn skippable_frames() {
        let skip = b"\x51\x2a\x4d\x18\x03\x00\x00\x00abc";
        for codec in [Codec::Zstd, Codec::Lz4, Codec::Vkcs] {
            let mut input = pack(codec, b"one");
            input.extend_from_slice(skip);
            assert_eq!(unpack(codec, &input).unwrap(), b"one");
            input.pop();
            assert_eq!(
                unpack(codec, &input).unwrap_err().kind(),
                ErrorKind::Truncated
            );
        }
    }

    #[test]
    fn lz4_frames_of_all_kinds() {
        use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
        let data = sample(100_000);
        let mut input = Vec::new();
        for mode in [BlockMode::Independent, BlockMode::Linked] {
            for size in [BlockSize::Max4MB, BlockSize::Max64KB, BlockSize::Max256KB] {
                let info = FrameInfo::new()
                    .block_mode(mode)
                    .block_size(size)
                    .block_checksums(true)
                    .content_checksum(true)
                    .content_size(Some(data.len() as u64));
                let mut w = FrameEncoder::with_frame_info(info, input);
                w.write_all(&data).unwrap();
                input = w.finish().unwrap();
            }
        }
        assert_eq!(unpack_by(Codec::Lz4, &input, 999).unwrap(), data.repeat(6));
    }

    #[test]
    fn cut_at_every_byte() {
        for codec in ALL {
            let packed = pack(codec, &sample(300));
            for cut in 1..packed.len() {
                let e = unpack_by(codec, &packed[..cut], 7).unwrap_err();
                assert_eq!(e.kind(), ErrorKind::Truncated, "{codec} cut at {cut}: {e}");
                assert!(e.message().starts_with(codec.name()), "{e}");
            }
        }
        // Between two blocks too, and before the end mark.
        let mut w = lz4_flex::frame::FrameEncoder::new(Vec::new());
        for _ in 0..3 {
            w.write_all(b"block").unwrap();
            w.flush().unwrap();
        }
        let packed = w.finish().unwrap();
        for cut in 1..packed.len() {
            let e = unpack(Codec::Lz4, &packed[..cut]).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Truncated, "cut at {cut}: {e}");
        }
    }

    #[test]
    fn garbage() {
        for codec in ALL {
            let mut packed = pack(codec, b"some data");
            packed.extend_from_slice(b"garbage behind it");
            let e = unpack(codec, &packed).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Corrupt, "{codec}: {e}");
            assert_eq!(e.place().offset, Some(9), "{codec}: {e}");
            assert!(e.io().is_none());
            let mut packed = pack(codec, &sample(300));
            let header = if codec == Codec::Vkcs { 18 } else { 10 };
            packed.truncate(header);
            packed.extend_from_slice(&[0x77; 300]);
            let e = unpack(codec, &packed).unwrap_err();
            assert!(e.kind().is_damage(), "{codec}: {e}");
        }
        assert_eq!(
            unpack(Codec::Lz4, b"\x02\x21\x4c\x18")
                .unwrap_err()
                .to_string(),
            "offset 0x0: lz4: 02 21 4c 18 where a frame should begin"
        );
    }

    #[test]
    fn envelopes_not_known() {
        for (header, at, message) in [
            (
                b"VKCS\x02\x01\x00\x00",
                4,
                "VKCS: version 2 of the envelope, only 1 is known",
            ),
            (
                b"VKCS\x01\x02\x00\x00",
                5,
                "VKCS: compression codec 2, only 1 (LZ4) is known",
            ),
            (
                b"VKCS\x01\x01\x00\x09",
                7,
                "VKCS: contents of kind 9, only 0 (RDB) is known",
            ),
        ] {
            let e = unpack(Codec::Vkcs, header).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Unsupported);
            assert_eq!(e.message(), message);
            assert_eq!(e.place().offset, Some(at));
        }
        assert_eq!(
            unpack(Codec::Vkcs, b"VKCT\x01\x01\x00\x00")
                .unwrap_err()
                .kind(),
            ErrorKind::Corrupt
        );
        // Nothing but the header is an empty stream cut before its frame… which says nothing: it must not pass.
        let e = unpack(Codec::Vkcs, b"VKCS\x01\x01\x00\x00").unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Truncated);
    }

    fn read_all(mut reader: Box<dyn Read + Send>) -> Result<u64> {
        io::copy(&mut reader, &mut io::sink()).map_err(|e| Error::from_io(e, "read"))
    }

    #[test]
    fn bombs() {
        let zeros = vec![0; 8 << 20];
        for codec in ALL {
            let open = |packed: &[u8], free, ratio| {
                bounded(
                    codec,
                    Box::new(io::Cursor::new(packed.to_vec())),
                    free,
                    ratio,
                )
            };
            let packed = pack(codec, &zeros);
            let e = read_all(open(&packed, 1 << 20, 50).unwrap()).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Limit, "{codec}: {e}");
            assert!(e.message().contains("more than 50 times"), "{e}");
            // Free below the threshold, and in proportion.
            assert_eq!(
                read_all(open(&packed, 8 << 20, 50).unwrap()).unwrap(),
                8 << 20
            );
            assert_eq!(
                read_all(open(&packed, 1 << 20, 1 << 20).unwrap()).unwrap(),
                8 << 20
            );
        }
        // One inside the other: the inner layer's error comes through the outer decoder untouched.
        let bomb = pack(Codec::Gzip, &pack(Codec::Zstd, &zeros));
        let nested = |outer_ratio, inner_ratio| {
            let outer = bounded(
                Codec::Gzip,
                Box::new(io::Cursor::new(bomb.clone())),
                100,
                outer_ratio,
            )?;
            read_all(bounded(Codec::Zstd, outer, 1 << 20, inner_ratio)?)
        };
        let e = nested(1000, 50).unwrap_err();
        assert!(e.message().starts_with("zstd:"), "{e}");
        assert_eq!(e.kind(), ErrorKind::Limit);
        let e = nested(0, 50).unwrap_err();
        assert!(e.message().starts_with("gzip:"), "{e}");
        assert_eq!(e.kind(), ErrorKind::Limit);
    }

    #[test]
    fn windows_have_a_limit() {
        let mut w = zstd::Encoder::new(Vec::new(), 1).unwrap();
        w.window_log(28).unwrap();
        w.write_all(&sample(1000)).unwrap();
        let e = unpack(Codec::Zstd, &w.finish().unwrap()).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Limit, "{e}");
        assert_eq!(e.message(), "zstd: a window above 128 MiB");
    }

    #[test]
    fn errors_from_below_stay_what_they_are() {
        struct Fails(io::Cursor<Vec<u8>>);
        impl Read for Fails {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                match self.0.read(buf)? {
                    0 => Err(io::Error::new(io::ErrorKind::ConnectionReset, "gone")),
                    n => Ok(n),
                }
            }
        }
        for codec in ALL {
            let mut packed = pack(codec, &sample(300));
            packed.truncate(packed.len() / 2);
            let reader = decoder(codec, Box::new(Fails(io::Cursor::new(packed)))).unwrap();
            let e = read_all(reader).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Io, "{codec}: {e}");
            assert_eq!(e.to_string(), "read: gone");
        }
    }

    proptest! {
        #[test]
        fn flipped_bytes_never_panic(
            data in prop::collection::vec(0u8..20, 0..2000),
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            for codec in ALL {
                let mut packed = pack(codec, &data);
                for (at, with) in &flips {
                    let at = at.index(packed.len());
                    packed[at] ^= with;
                }
                if let Ok(reader) = bounded(codec, Box::new(io::Cursor::new(packed)), 1 << 20, 1000) {
                    let _ = read_all(reader);
                }
            }
        }
    }
}
