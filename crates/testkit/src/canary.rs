//! The one search for leaks.
//!
//! A leak need not show a whole secret, nor show it plainly: an error quotes its beginning, a URL percent-encodes it, a
//! header hides it in base64 behind something else, `{:?}` of bytes prints numbers. So what is looked for is every piece of
//! [`PIECE_BYTES`] bytes, in every encoding that a program writes bytes in without meaning to. Secrets here are random, so a
//! piece of one stands nowhere by chance.

use std::collections::HashMap;
use std::fmt;

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::issued::issued_after;

/// So much of a secret is a leak: 48 bits of one of the test server's tokens.
pub const PIECE_BYTES: usize = 8;

/// Base64 characters that a piece determines, whatever stands before and after it.
const PIECE_BASE64: usize = PIECE_BYTES * 8 / 6;

/// Every needle is found by its first bytes, read as one number.
const KEY_BYTES: usize = 8;

/// Bits of the filter before the table: almost every place of a text is passed over by looking at one bit.
const FILTER_BITS_LOG2: u32 = 22;

/// What a secret is for. A report names it, and never the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretKind {
    /// An access token.
    AccessToken,
    /// A refresh token.
    RefreshToken,
    /// What a client proves with that it is the one.
    ClientSecret,
    /// What seals the records.
    StoreKey,
    /// What a proxy wants before every path.
    PathSecret,
    /// What a person types to open the store.
    Passphrase,
    /// What a login is exchanged for a token with, once (RFC 6749 §4.1.2).
    AuthorizationCode,
    /// What shows that the code came back to who asked for it (RFC 7636).
    CodeVerifier,
    /// What a device asks with whether its login is done (RFC 8628).
    DeviceCode,
    /// The private half of a key pair: a client's own, or one that tokens are bound to (RFC 9449).
    PrivateKey,
    /// A signed statement that stands for a client or a person while it lives (RFC 7523).
    Assertion,
    /// What a client's registration is changed with (RFC 7592).
    RegistrationToken,
}

/// How a secret may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// As it is: messages, arguments, files. JSON and `{:?}` write what a secret consists of in the same way.
    Raw,
    /// `%41%42`, in either case of digits: forms and URLs. What percent encoding leaves alone is found as [`Self::Raw`].
    Percent,
    /// Basic authentication and sealed things shown by mistake; wherever in a longer text the secret begins.
    Base64,
    /// The same in the alphabet of tokens and URLs.
    Base64Url,
    /// Dumps and digests' neighbours, in either case of digits.
    Hex,
    /// `\u0041`: JSON of a careful writer.
    UnicodeEscape,
    /// `65, 66`, with or without spaces: `{:?}` and JSON of bytes, the likeliest leak of a program in Rust.
    ByteList,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Raw,
        Self::Percent,
        Self::Base64,
        Self::Base64Url,
        Self::Hex,
        Self::UnicodeEscape,
        Self::ByteList,
    ];

    /// How the pieces of a secret look.
    fn pieces(self, secret: &[u8]) -> Vec<Vec<u8>> {
        let each = |write: &dyn Fn(u8) -> String, between: &str| -> Vec<Vec<u8>> {
            let one = |piece: &[u8]| piece.iter().map(|byte| write(*byte)).collect::<Vec<_>>().join(between);
            secret.windows(PIECE_BYTES).map(|piece| one(piece).into_bytes()).collect()
        };
        match self {
            Self::Raw => secret.windows(PIECE_BYTES).map(<[u8]>::to_vec).collect(),
            Self::Percent => {
                [each(&|byte| format!("%{byte:02X}"), ""), each(&|byte| format!("%{byte:02x}"), "")].concat()
            }
            Self::Base64 => base64_pieces(secret, &STANDARD_NO_PAD),
            Self::Base64Url => base64_pieces(secret, &URL_SAFE_NO_PAD),
            Self::Hex => {
                [each(&|byte| format!("{byte:02x}"), ""), each(&|byte| format!("{byte:02X}"), "")].concat()
            }
            Self::UnicodeEscape => {
                let lower = each(&|byte| format!("\\u{byte:04x}"), "");
                [lower, each(&|byte| format!("\\u{byte:04X}"), "")].concat()
            }
            Self::ByteList => {
                [each(&|byte| byte.to_string(), ", "), each(&|byte| byte.to_string(), ",")].concat()
            }
        }
    }
}

/// The characters that the secret alone determines, for each of the three places of a group of four at which it may begin.
fn base64_pieces(secret: &[u8], engine: &dyn Base64) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    for before in 0..3 {
        let text = engine.of(&[&vec![0; before], secret].concat());
        let begin = (before * 8).div_ceil(6);
        let end = (before + secret.len()) * 8 / 6;
        pieces.extend(text.as_bytes()[begin..end].windows(PIECE_BASE64).map(<[u8]>::to_vec));
    }
    pieces
}

/// One of the two alphabets.
trait Base64 {
    fn of(&self, bytes: &[u8]) -> String;
}

impl<E: base64::Engine> Base64 for E {
    fn of(&self, bytes: &[u8]) -> String {
        self.encode(bytes)
    }
}

/// A secret in a place where it does not belong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// What it is for.
    pub kind: SecretKind,
    /// Which one of them, by the order in which they were learnt.
    pub number: usize,
    /// How it is written.
    pub encoding: Encoding,
    /// Where the first piece of it begins.
    pub at: usize,
    /// What stands before that, so that the place can be found. The secret itself is not repeated.
    pub before: String,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, number, encoding, at, before } = self;
        write!(f, "{kind:?} {number} as {encoding:?} at byte {at}: {before:?} and then the secret")
    }
}

/// How much of what stands before a leak is shown.
const CONTEXT_BYTES: usize = 60;

/// A piece of a secret in some encoding.
struct Needle {
    secret: usize,
    encoding: Encoding,
    /// What follows the first [`KEY_BYTES`].
    rest: Box<[u8]>,
}

/// The secrets to look for.
///
/// ```
/// use renewd_testkit::{AsConfig, AuthorizationServer, Canaries};
/// # fn main() -> std::io::Result<()> {
/// let server = AuthorizationServer::start(AsConfig::default())?;
/// let token = server.mint_grant().refresh_token;
/// let mut canaries = Canaries::default();
/// canaries.learn_issued();
/// assert!(!canaries.found_in(format!("sent {:?}", &token.as_bytes()[4..20]).as_bytes()).is_empty());
/// assert!(canaries.found_in(b"sent a token of 43 bytes").is_empty());
/// # Ok(()) }
/// ```
pub struct Canaries {
    secrets: Vec<SecretKind>,
    known: HashMap<Vec<u8>, usize>,
    needles: HashMap<u64, Vec<Needle>>,
    filter: Vec<u64>,
    /// How many of the servers' secrets were learnt.
    issued: usize,
}

impl Default for Canaries {
    fn default() -> Self {
        Self {
            secrets: Vec::new(),
            known: HashMap::new(),
            needles: HashMap::new(),
            filter: vec![0; 1 << (FILTER_BITS_LOG2 - 6)],
            issued: 0,
        }
    }
}

impl Canaries {
    /// A secret to look for from now on. One that is known already changes nothing.
    ///
    /// # Panics
    /// When it is so short that it would be found by chance.
    pub fn learn(&mut self, kind: SecretKind, secret: &[u8]) {
        assert!(
            secret.len() >= 2 * PIECE_BYTES,
            "a {kind:?} of {} bytes is too short to be looked for",
            secret.len()
        );
        if self.known.contains_key(secret) {
            return;
        }
        let number = self.secrets.len();
        self.secrets.push(kind);
        self.known.insert(secret.to_vec(), number);
        for encoding in Encoding::ALL {
            for piece in encoding.pieces(secret) {
                let (first, rest) = piece.split_at(KEY_BYTES);
                let key = first.iter().fold(0, |key, byte| key << 8 | u64::from(*byte));
                let (word, bit) = place(key);
                self.filter[word] |= bit;
                let needle = Needle { secret: number, encoding, rest: rest.into() };
                self.needles.entry(key).or_default().push(needle);
            }
        }
    }

    /// Everything that the servers of this process have issued by now, to be looked for.
    pub fn learn_issued(&mut self) {
        for secret in issued_after(self.issued) {
            self.issued += 1;
            // What every token begins with is no secret.
            let text = secret.text.strip_prefix("at_").or_else(|| secret.text.strip_prefix("rt_"));
            let text = text.unwrap_or(&secret.text);
            // A test that is not about leaks may have a client secret of a few letters.
            if text.len() >= 2 * PIECE_BYTES {
                self.learn(secret.kind, text.as_bytes());
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Every secret that a text gives away, once for each encoding.
    pub fn found_in(&self, text: &[u8]) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        let mut key = 0_u64;
        for (end, byte) in text.iter().enumerate() {
            key = key << 8 | u64::from(*byte);
            let (word, bit) = place(key);
            if self.filter[word] & bit == 0 || end + 1 < KEY_BYTES {
                continue;
            }
            for needle in self.needles.get(&key).into_iter().flatten() {
                let seen = |one: &Found| (one.number, one.encoding) == (needle.secret, needle.encoding);
                if text[end + 1..].starts_with(&needle.rest) && !found.iter().any(seen) {
                    found.push(self.found(text, end + 1 - KEY_BYTES, needle));
                }
            }
        }
        found
    }

    fn found(&self, text: &[u8], at: usize, needle: &Needle) -> Found {
        let before = &text[at.saturating_sub(CONTEXT_BYTES)..at];
        Found {
            kind: self.secrets[needle.secret],
            number: needle.secret,
            encoding: needle.encoding,
            at,
            before: String::from_utf8_lossy(before).into_owned(),
        }
    }
}

/// Where a key's bit of the filter is.
fn place(key: u64) -> (usize, u64) {
    let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS_LOG2);
    ((hash >> 6) as usize, 1 << (hash & 63))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AsConfig, AuthorizationServer};
    use base64::Engine as _;

    /// A token, and what looks for it among others.
    fn planted() -> (String, Canaries) {
        let server = AuthorizationServer::start(AsConfig::default()).unwrap();
        let mut canaries = Canaries::default();
        let mut tokens = (0..20).map(|_| server.mint_grant().refresh_token);
        let token = tokens.next().unwrap().split_off(3);
        canaries.learn(SecretKind::RefreshToken, token.as_bytes());
        tokens.for_each(|token| canaries.learn(SecretKind::RefreshToken, token.as_bytes()));
        assert_eq!((canaries.len(), canaries.is_empty()), (20, false));
        (token, canaries)
    }

    fn joined(bytes: &[u8], write: impl Fn(&u8) -> String) -> String {
        bytes.iter().map(write).collect()
    }

    /// A text as some program would write it, independent of how pieces are made above.
    fn written(encoding: Encoding, text: &str) -> Vec<String> {
        let bytes = text.as_bytes();
        match encoding {
            Encoding::Raw => vec![text.to_owned(), serde_json::json!({ "error": text }).to_string()],
            Encoding::Percent => {
                vec![joined(bytes, |b| format!("%{b:02X}")), joined(bytes, |b| format!("%{b:02x}"))]
            }
            Encoding::Base64 => {
                (0..4).map(|n| STANDARD_NO_PAD.encode("xyz+"[..n].to_owned() + text)).collect()
            }
            Encoding::Base64Url => {
                (0..4).map(|n| URL_SAFE_NO_PAD.encode("xyz+"[..n].to_owned() + text + ":more")).collect()
            }
            Encoding::Hex => {
                vec![joined(bytes, |b| format!("{b:02X}")), joined(bytes, |b| format!("{b:02x}"))]
            }
            Encoding::UnicodeEscape => {
                vec![joined(bytes, |b| format!("\\u00{b:02x}")), joined(bytes, |b| format!("\\u00{b:02X}"))]
            }
            Encoding::ByteList => vec![format!("{bytes:?}"), serde_json::to_string(bytes).unwrap()],
        }
    }

    #[test]
    fn every_piece_of_eight_bytes_is_found_in_every_encoding() {
        let (token, canaries) = planted();
        for encoding in Encoding::ALL {
            for at in 0..=token.len() - PIECE_BYTES {
                for text in written(encoding, &token[at..at + PIECE_BYTES]) {
                    let found = canaries.found_in(format!("before it {text}! and after").as_bytes());
                    let is_it = |one: &Found| one.number == 0 && one.encoding == encoding;
                    // Without + and / the two alphabets of base64 are one.
                    let is_base64 = |one: &Found| {
                        let either = [Encoding::Base64, Encoding::Base64Url];
                        either.contains(&encoding) && either.contains(&one.encoding) && one.number == 0
                    };
                    assert!(found.iter().any(|one| is_it(one) || is_base64(one)), "{encoding:?} from {at}");
                }
            }
        }
    }

    #[test]
    fn binary_secrets_are_found_as_what_bytes_are_written_as() {
        let secret: Vec<u8> = (0..32_u8).map(|n| n.wrapping_mul(151) ^ 0xa5).collect();
        let mut canaries = Canaries::default();
        canaries.learn(SecretKind::StoreKey, &secret);
        for (text, encoding) in [
            (secret.clone(), Encoding::Raw),
            (STANDARD_NO_PAD.encode(&secret).into_bytes(), Encoding::Base64),
            (URL_SAFE_NO_PAD.encode(&secret).into_bytes(), Encoding::Base64Url),
            (joined(&secret, |b| format!("{b:02x}")).into_bytes(), Encoding::Hex),
            (format!("{secret:?}").into_bytes(), Encoding::ByteList),
        ] {
            let found = canaries.found_in(&text);
            assert!(found.iter().any(|one| one.encoding == encoding), "{encoding:?}");
            assert!(found.iter().all(|one| one.kind == SecretKind::StoreKey));
        }
    }

    #[test]
    fn fewer_bytes_and_other_secrets_are_no_leak() {
        let (token, canaries) = planted();
        for encoding in Encoding::ALL {
            for text in written(encoding, &token[5..5 + PIECE_BYTES - 2]) {
                assert_eq!(canaries.found_in(text.as_bytes()), [], "{encoding:?}");
            }
        }
        let stranger = AuthorizationServer::start(AsConfig::default()).unwrap();
        let many: String = (0..2000).map(|_| stranger.mint_grant().refresh_token).collect();
        assert_eq!(canaries.found_in(many.as_bytes()), []);
        assert_eq!(canaries.found_in(b""), []);
    }

    #[test]
    fn a_report_leads_to_the_place_and_does_not_repeat_the_secret() {
        let (token, canaries) = planted();
        let found = canaries.found_in(format!("error: the server said {token}, sadly").as_bytes());
        let text = found.iter().map(ToString::to_string).collect::<String>();
        assert!(text.contains("the server said") && text.contains("RefreshToken 0 as Raw"), "{text}");
        assert_eq!(canaries.found_in(text.as_bytes()), []);
    }

    #[test]
    #[should_panic(expected = "too short to be looked for")]
    fn what_would_be_found_by_chance_is_no_canary() {
        Canaries::default().learn(SecretKind::ClientSecret, b"s3cret");
    }
}
