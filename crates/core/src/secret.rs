//! The one type that holds a secret.
//!
//! It has no `Debug`, `Display` or `Serialize` on purpose: a secret that cannot be formatted cannot be logged by
//! accident. What needs the bytes says [`Secret::expose`], which is easy to search for.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use zeroize::{Zeroize, Zeroizing};

/// Secret bytes, overwritten when the last holder drops them. Cloning shares; it makes no copy of the bytes.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<Box<[u8]>>>);

impl Secret {
    /// Takes the bytes over. Spare capacity is overwritten and given back first, so that no copy stays behind.
    pub fn new(mut bytes: Vec<u8>) -> Self {
        if bytes.len() == bytes.capacity() {
            return Self(Arc::new(Zeroizing::new(bytes.into_boxed_slice())));
        }
        let exact: Box<[u8]> = bytes.as_slice().into();
        bytes.zeroize();
        Self(Arc::new(Zeroizing::new(exact)))
    }

    /// Takes a string over.
    pub fn from_string(text: String) -> Self {
        Self::new(text.into_bytes())
    }

    /// The bytes. Do not print, log or keep them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, where they are UTF-8.
    pub fn expose_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.0).ok()
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Equal bytes? Takes the same time wherever they differ; the length is not hidden.
    pub fn same_as(&self, other: &[u8]) -> bool {
        self.0.len() == other.len() && self.0.iter().zip(other).fold(0u8, |acc, (a, b)| acc | (a ^ b)) == 0
    }
}

/// For digests of a whole state, as a model makes them. Feed it to a hasher that nobody prints: a digest of a secret
/// with few possible values gives it away.
impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::from_string(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn a_clone_shares_the_bytes_and_equality_is_by_content() {
        let a = Secret::from("rt-1");
        let b = a.clone();
        assert!(core::ptr::eq(a.expose().as_ptr(), b.expose().as_ptr()));
        assert!(a.same_as(b"rt-1"));
        assert!(!a.same_as(b"rt-2"));
        assert!(!a.same_as(b"rt-10"));
    }
}
