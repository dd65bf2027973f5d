//! The store's keys: one secret in, separate subkeys out.
//!
//! HKDF-SHA256 (RFC 5869) gives each use its own key, so that a value made for one purpose means nothing for another:
//! a mark can never be taken for a record, and a digest says nothing about either.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use renewd_core::Secret;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a nonce: XChaCha20's are long enough to be drawn at random for every write, for ever.
pub(crate) const NONCE_BYTES: usize = 24;

/// Bytes that name a key without giving it away.
pub(crate) const KEY_ID_BYTES: usize = 16;

/// Bytes by which sealing lengthens a payload.
pub(crate) const TAG_BYTES: usize = 16;

/// Which subkey seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A record.
    Record,
    /// A mark.
    Mark,
    /// What was prepared for a login.
    Prepared,
}

/// The subkeys. Overwritten when dropped.
pub(crate) struct Keys {
    record: XChaCha20Poly1305,
    mark: XChaCha20Poly1305,
    prepared: XChaCha20Poly1305,
    heirloom: XChaCha20Poly1305,
    digest: Zeroizing<[u8; 32]>,
    identity: Zeroizing<[u8; 32]>,
    id: [u8; KEY_ID_BYTES],
}

impl Keys {
    /// Derives the subkeys from the store's secret.
    pub(crate) fn derive(secret: &[u8]) -> Self {
        let root = Hkdf::<Sha256>::new(Some(b"renewd-store-1"), secret);
        let mut id = [0; KEY_ID_BYTES];
        expand(&root, b"key id", &mut id);
        Self {
            record: cipher(&root, b"record"),
            mark: cipher(&root, b"mark"),
            prepared: cipher(&root, b"prepared"),
            heirloom: cipher(&root, b"digest key of an earlier key"),
            digest: subkey(&root, b"token digest"),
            identity: subkey(&root, b"identity digest"),
            id,
        }
    }

    /// Names the key. It stands in the clear: which key seals a file is no secret, the key is.
    pub(crate) fn id(&self) -> [u8; KEY_ID_BYTES] {
        self.id
    }

    /// Goes on with another key's digests. A record keeps the digest of the refresh token before its current one and
    /// not that token itself: under a new digest key it could not be made again, and a spent token would no longer be
    /// recognised.
    pub(crate) fn inherit_digests(&mut self, of: &Self) {
        self.digest.copy_from_slice(&*of.digest);
    }

    /// Whether both make the same digests: then one was made by somebody who had the other. Nobody else knows the key that
    /// they share.
    pub(crate) fn same_digests(&self, other: &Self) -> bool {
        same_digest(&self.digest, &other.digest)
    }

    /// The digest key, sealed with this key, for whoever opens the store after a rotation. It opens no record.
    pub(crate) fn sealed_digest_key(&self, nonce: &[u8; NONCE_BYTES]) -> Option<Vec<u8>> {
        let payload = Payload { msg: &*self.digest, aad: &self.id };
        let sealed = self.heirloom.encrypt(&XNonce::from(*nonce), payload).ok()?;
        Some([nonce.as_slice(), &sealed].concat())
    }

    /// Goes on with the digest key that was sealed; `false` where it was not sealed with this key.
    pub(crate) fn open_digest_key(&mut self, sealed: &[u8]) -> bool {
        let Some((nonce, sealed)) = sealed.split_first_chunk::<NONCE_BYTES>() else { return false };
        let payload = Payload { msg: sealed, aad: &self.id };
        let opened = self.heirloom.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new);
        let Some(key) = opened.filter(|key| key.len() == self.digest.len()) else { return false };
        self.digest.copy_from_slice(&key);
        true
    }

    /// Seals a payload, bound to `aad`.
    pub(crate) fn seal(
        &self,
        purpose: Purpose,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        payload: &[u8],
    ) -> Option<Vec<u8>> {
        self.cipher(purpose).encrypt(&XNonce::from(*nonce), Payload { msg: payload, aad }).ok()
    }

    /// Opens a sealed payload; `None` where a bit of it, or of `aad`, is not what was sealed.
    pub(crate) fn open(
        &self,
        purpose: Purpose,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        self.cipher(purpose)
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad })
            .ok()
            .map(Zeroizing::new)
    }

    /// The keyed digest of a refresh token: it tells equal tokens apart from different ones, and nothing else.
    pub(crate) fn token_digest(&self, token: &Secret) -> [u8; 32] {
        keyed(&self.digest, token.expose())
    }

    /// The keyed digest of an identity, shortened: it stands in the header of a record.
    pub(crate) fn identity_digest(&self, identity: &[u8]) -> [u8; 16] {
        let full = keyed(&self.identity, identity);
        let mut short = [0; 16];
        for (to, from) in short.iter_mut().zip(full) {
            *to = from;
        }
        short
    }

    fn cipher(&self, purpose: Purpose) -> &XChaCha20Poly1305 {
        match purpose {
            Purpose::Record => &self.record,
            Purpose::Mark => &self.mark,
            Purpose::Prepared => &self.prepared,
        }
    }
}

/// Equal digests? Takes the same time wherever they differ.
pub(crate) fn same_digest(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0u8, |acc, (x, y)| acc | (x ^ y)) == 0
}

fn cipher(root: &Hkdf<Sha256>, info: &[u8]) -> XChaCha20Poly1305 {
    let key = subkey(root, info);
    XChaCha20Poly1305::new((&*key).into())
}

fn subkey(root: &Hkdf<Sha256>, info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    expand(root, info, &mut *key);
    key
}

fn expand(root: &Hkdf<Sha256>, info: &[u8], out: &mut [u8]) {
    // Fails only for more than 255 blocks of output; every `out` here is one block or less.
    let fits = root.expand(info, out).is_ok();
    debug_assert!(fits, "one block of HKDF output");
}

fn keyed(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // A block is 64 bytes; HMAC pads a shorter key with zeros itself (RFC 2104 §2).
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new((&*block).into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_as_a_mark_does_not_open_as_a_record() {
        let keys = Keys::derive(&[7; 32]);
        let nonce = [1; NONCE_BYTES];
        let sealed = keys.seal(Purpose::Mark, &nonce, b"head", b"body").unwrap();
        assert_eq!(sealed.len(), 4 + TAG_BYTES);
        assert!(keys.open(Purpose::Record, &nonce, b"head", &sealed).is_none());
        assert!(keys.open(Purpose::Mark, &nonce, b"Head", &sealed).is_none());
        assert_eq!(keys.open(Purpose::Mark, &nonce, b"head", &sealed).unwrap().as_slice(), b"body");
    }

    #[test]
    fn a_new_key_goes_on_with_the_digests_of_the_old_one_and_hands_them_to_nobody_else() {
        let (old, mut new) = (Keys::derive(&[7; 32]), Keys::derive(&[8; 32]));
        let token = Secret::from("rt-1");
        new.inherit_digests(&old);
        let sealed = new.sealed_digest_key(&[3; NONCE_BYTES]).unwrap();
        let mut later = Keys::derive(&[8; 32]);
        assert!(later.open_digest_key(&sealed));
        assert!(same_digest(&later.token_digest(&token), &old.token_digest(&token)));
        for wrong in [&sealed[..sealed.len() - 1], &sealed[1..], &[], &[0; 90]] {
            assert!(!later.open_digest_key(wrong));
        }
        assert!(!Keys::derive(&[9; 32]).open_digest_key(&sealed));
    }

    #[test]
    fn two_keys_give_two_names_and_two_digests() {
        let (a, b) = (Keys::derive(&[7; 32]), Keys::derive(&[8; 32]));
        let token = Secret::from("rt-1");
        assert_ne!(a.id(), b.id());
        assert!(!same_digest(&a.token_digest(&token), &b.token_digest(&token)));
        assert!(same_digest(&a.token_digest(&token), &Keys::derive(&[7; 32]).token_digest(&token)));
    }
}
