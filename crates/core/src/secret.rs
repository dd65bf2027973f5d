//! The one type that holds a secret.
//!
//! It has no `Debug`, `Display` or `Serialize` on purpose: a secret that cannot be formatted cannot be logged by
//! accident. What needs the bytes says [`Secret::expose`], which is easy to search for.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::panic::{RefUnwindSafe, UnwindSafe};

use once_cell::race::OnceRef;
use zeroize::{Zeroize, Zeroizing};

/// Secret bytes, overwritten when the last holder drops them. Cloning shares; it makes no copy of the bytes.
#[derive(Clone)]
pub struct Secret(Held);

/// Bytes that their keeper overwrites when the last holder drops them.
pub type Held = Arc<dyn AsRef<[u8]> + Send + Sync + UnwindSafe + RefUnwindSafe>;

/// Who keeps the bytes of secrets.
///
/// Locked memory needs the operating system, which this crate does not know: an adapter brings it. Where the bytes
/// lie decides nothing else.
pub struct Keeping {
    /// Copies the bytes to where it keeps secrets; none where there is no more room, and then the heap serves.
    pub keep: fn(&[u8]) -> Option<Held>,
}

static KEEPING: OnceRef<'static, Keeping> = OnceRef::new();

/// From now on the bytes of every new secret are kept so; those that stand stay where they are. Once for the life of a
/// process: false when it was said before.
pub fn keep_secrets(keeping: &'static Keeping) -> bool {
    KEEPING.set(keeping).is_ok()
}

impl Secret {
    /// Takes the bytes over. Where that needs a copy, the old bytes, spare capacity included, are overwritten.
    pub fn new(mut bytes: Vec<u8>) -> Self {
        if KEEPING.get().is_none() && bytes.len() == bytes.capacity() {
            return Self(Arc::new(Zeroizing::new(bytes.into_boxed_slice())));
        }
        let secret = Self::copy_of(&bytes);
        bytes.zeroize();
        secret
    }

    /// Copies the bytes to their place, with no other copy on the way; the original stays with its owner.
    pub fn copy_of(bytes: &[u8]) -> Self {
        match KEEPING.get().and_then(|keeping| (keeping.keep)(bytes)) {
            Some(held) => Self(held),
            None => Self(Arc::new(Zeroizing::new(Box::from(bytes)))),
        }
    }

    /// Takes a string over.
    pub fn from_string(text: String) -> Self {
        Self::new(text.into_bytes())
    }

    /// The bytes. Do not print, log or keep them.
    pub fn expose(&self) -> &[u8] {
        (*self.0).as_ref()
    }

    /// The bytes as text, where they are UTF-8.
    pub fn expose_str(&self) -> Option<&str> {
        core::str::from_utf8(self.expose()).ok()
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        self.expose().len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    /// Equal bytes? Takes the same time wherever they differ; the length is not hidden.
    pub fn same_as(&self, other: &[u8]) -> bool {
        let own = self.expose();
        own.len() == other.len() && own.iter().zip(other).fold(0u8, |acc, (a, b)| acc | (a ^ b)) == 0
    }
}

/// For digests of a whole state, as a model makes them. Feed it to a hasher that nobody prints: a digest of a secret
/// with few possible values gives it away.
impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expose().hash(state);
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::from_string(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::copy_of(text.as_bytes())
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
