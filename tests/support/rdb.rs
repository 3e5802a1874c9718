//! Writes RDB files by hand: each piece as the format's description has it, right or wrong as a test wants it.

use redisk::input::checksum::crc64;

/// Bytes in the notation of the format's description: hex digits, `"text"`, and ` <>|` for the eye.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut half = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.extend(chars.by_ref().take_while(|c| *c != '"').map(|c| c as u8)),
            ' ' | '\n' | '<' | '>' | '|' => {}
            c => {
                let digit = c.to_digit(16).unwrap_or_else(|| panic!("{c:?} in {text}")) as u8;
                match half.take() {
                    Some(high) => out.push(high << 4 | digit),
                    None => half = Some(digit),
                }
            }
        }
    }
    assert!(half.is_none(), "half a byte in {text}");
    out
}

/// Anything that bytes are put behind one another in.
pub(crate) trait Put: Sized {
    fn bytes(&mut self) -> &mut Vec<u8>;

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes().extend_from_slice(bytes);
        self
    }

    fn hex(self, text: &str) -> Self {
        self.raw(&hex(text))
    }

    /// The length encoding, in its shortest form.
    fn num(self, n: u64) -> Self {
        match n {
            0..=63 => self.raw(&[n as u8]),
            64..=16383 => self.raw(&[0x40 | (n >> 8) as u8, n as u8]),
            _ if n <= u64::from(u32::MAX) => self.raw(&[0x80]).raw(&(n as u32).to_be_bytes()),
            _ => self.raw(&[0x81]).raw(&n.to_be_bytes()),
        }
    }

    /// A string as it is.
    fn text(self, bytes: &[u8]) -> Self {
        self.num(bytes.len() as u64).raw(bytes)
    }

    /// A compressed string.
    fn lzf(self, bytes: &[u8]) -> Self {
        let mut packed = Vec::new();
        assert!(redisk::packed::lzf::Encoder::new().encode(bytes, bytes.len(), &mut packed));
        self.raw(&[0xc3])
            .num(packed.len() as u64)
            .num(bytes.len() as u64)
            .raw(&packed)
    }

    fn le64(self, n: i64) -> Self {
        self.raw(&n.to_le_bytes())
    }

    /// An id as streams hold it in 16 bytes.
    fn id(self, ms: u64, seq: u64) -> Self {
        self.raw(&ms.to_be_bytes()).raw(&seq.to_be_bytes())
    }
}

impl Put for Vec<u8> {
    fn bytes(&mut self) -> &mut Vec<u8> {
        self
    }
}

/// A file under construction.
pub(crate) struct Rdb {
    bytes: Vec<u8>,
    summed: bool,
}

impl Put for Rdb {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Rdb {
    /// Magic and version.
    pub(crate) fn new(magic: &str) -> Rdb {
        let version: u16 = magic[magic.len() - 3..].parse().unwrap();
        Rdb {
            bytes: magic.as_bytes().to_vec(),
            summed: version >= 5,
        }
    }

    pub(crate) fn aux(self, key: &str, value: &str) -> Rdb {
        self.raw(&[0xfa])
            .text(key.as_bytes())
            .text(value.as_bytes())
    }

    /// Type and name of a key; the value is to follow.
    pub(crate) fn key(self, code: u8, name: &str) -> Rdb {
        self.raw(&[code]).text(name.as_bytes())
    }

    /// The end mark, and the checksum where the version has one.
    pub(crate) fn end(self) -> Vec<u8> {
        let summed = self.summed;
        let mut bytes = self.raw(&[0xff]).bytes;
        if summed {
            let crc = crc64(&bytes);
            bytes.extend_from_slice(&crc.to_le_bytes());
        }
        bytes
    }
}

/// A listpack under construction.
#[derive(Default)]
pub(crate) struct Listpack {
    entries: Vec<u8>,
    count: u16,
}

impl Listpack {
    /// One entry: encoding and data as given, and the length behind.
    pub(crate) fn entry(mut self, bytes: &[u8]) -> Listpack {
        self.entries.extend_from_slice(bytes);
        let n = bytes.len();
        let width = match n {
            0..=127 => 1,
            128..=16382 => 2,
            16383..=2_097_150 => 3,
            2_097_151..=268_435_454 => 4,
            _ => 5,
        };
        for i in (0..width).rev() {
            let group = (n >> (7 * i)) as u8 & 0x7f;
            self.entries
                .push(if i == width - 1 { group } else { group | 0x80 });
        }
        self.count = self.count.saturating_add(1);
        self
    }

    pub(crate) fn s(self, text: impl AsRef<[u8]>) -> Listpack {
        let text = text.as_ref();
        let n = text.len();
        let mut entry = match n {
            0..=63 => vec![0x80 | n as u8],
            64..=4095 => vec![0xe0 | (n >> 8) as u8, n as u8],
            _ => [&[0xf0], &(n as u32).to_le_bytes()[..]].concat(),
        };
        entry.extend_from_slice(text);
        self.entry(&entry)
    }

    pub(crate) fn i(self, v: i64) -> Listpack {
        let le = v.to_le_bytes();
        match v {
            0..=127 => self.entry(&[v as u8]),
            -4096..=4095 => self.entry(&[0xc0 | (v >> 8) as u8 & 0x1f, v as u8]),
            -32768..=32767 => self.entry(&[&[0xf1], &le[..2]].concat()),
            -8_388_608..=8_388_607 => self.entry(&[&[0xf2], &le[..3]].concat()),
            -2_147_483_648..=2_147_483_647 => self.entry(&[&[0xf3], &le[..4]].concat()),
            _ => self.entry(&[&[0xf4], &le[..]].concat()),
        }
    }

    pub(crate) fn all(self, texts: &[&str]) -> Listpack {
        texts.iter().fold(self, |lp, text| lp.s(text))
    }

    /// With a count of entries that may lie.
    pub(crate) fn counting(self, count: u16) -> Vec<u8> {
        let total = u32::try_from(self.entries.len() + 7).unwrap();
        total
            .to_le_bytes()
            .to_vec()
            .raw(&count.to_le_bytes())
            .raw(&self.entries)
            .raw(&[0xff])
    }

    pub(crate) fn end(self) -> Vec<u8> {
        let count = self.count;
        self.counting(count)
    }
}

pub(crate) fn lp() -> Listpack {
    Listpack::default()
}

/// A ziplist of entries that are given as encoding and data.
pub(crate) fn ziplist(entries: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![0; 8].raw(&(entries.len() as u16).to_le_bytes());
    let (mut before, mut tail) = (0usize, 10);
    for entry in entries {
        tail = out.len();
        if before < 254 {
            out.push(before as u8);
        } else {
            out = out.raw(&[0xfe]).raw(&(before as u32).to_le_bytes());
        }
        out.extend_from_slice(entry);
        before = out.len() - tail;
    }
    out.push(0xff);
    let total = out.len() as u32;
    out[..4].copy_from_slice(&total.to_le_bytes());
    out[4..8].copy_from_slice(&(tail as u32).to_le_bytes());
    out
}

/// A string's entry in a ziplist.
pub(crate) fn zs(text: &[u8]) -> Vec<u8> {
    let n = text.len();
    match n {
        0..=63 => vec![n as u8],
        64..=16383 => vec![0x40 | (n >> 8) as u8, n as u8],
        _ => vec![0x80].raw(&(n as u32).to_be_bytes()),
    }
    .raw(text)
}

/// An intset of that width.
pub(crate) fn intset(width: u32, members: &[i64]) -> Vec<u8> {
    let start = width
        .to_le_bytes()
        .to_vec()
        .raw(&(members.len() as u32).to_le_bytes());
    members
        .iter()
        .fold(start, |out, v| out.raw(&v.to_le_bytes()[..width as usize]))
}
