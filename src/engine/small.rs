//! Bytes that stand where they are held if they are few, and in an allocation of their own if not.
//!
//! Half of what a member of a set costs is otherwise the allocator's share of ten bytes; and to compare it would be one
//! more place in memory to wait for.

use super::table::Named;
use std::ops::Deref;

/// Up to `N` bytes in place; `N` + 2 is its size where that is a multiple of 8.
#[derive(Debug, Clone)]
pub enum Small<const N: usize> {
    /// So many of these bytes.
    Here(u8, [u8; N]),
    /// Elsewhere.
    There(Box<[u8]>),
}

impl<const N: usize> Small<N> {
    /// The parts, one behind the other.
    #[must_use]
    #[inline]
    pub fn concat(parts: &[&[u8]]) -> Small<N> {
        let total: usize = parts.iter().map(|part| part.len()).sum();
        if let (true, Ok(len)) = (total <= N, u8::try_from(total)) {
            let mut bytes = [0; N];
            let mut at = 0;
            for part in parts {
                if let Some(to) = bytes.get_mut(at..at + part.len()) {
                    to.copy_from_slice(part);
                }
                at += part.len();
            }
            return Small::Here(len, bytes);
        }
        let mut bytes = Vec::with_capacity(total);
        for part in parts {
            bytes.extend_from_slice(part);
        }
        Small::There(bytes.into_boxed_slice())
    }
}

impl<const N: usize> From<&[u8]> for Small<N> {
    fn from(bytes: &[u8]) -> Small<N> {
        Small::concat(&[bytes])
    }
}

impl<const N: usize> Deref for Small<N> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Small::Here(len, bytes) => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Small::There(bytes) => bytes,
        }
    }
}

impl<const N: usize> Named for Small<N> {
    #[inline]
    fn name(&self) -> &[u8] {
        self
    }
}

const _: () = assert!(size_of::<Small<22>>() == 24 && size_of::<Small<30>>() == 32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_it_was_given() {
        for len in [0usize, 1, 21, 22, 23, 255, 256, 1000] {
            let bytes: Vec<u8> = (0..=255).cycle().take(len).collect();
            let (a, b) = bytes.split_at(len / 2);
            let small: Small<22> = Small::concat(&[a, b]);
            assert_eq!(&*small, &bytes);
            assert_eq!(matches!(small, Small::Here(..)), len <= 22);
        }
    }
}
