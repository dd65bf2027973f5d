//! What git says: lines of `key=value`, until an empty one.
//!
//! A line ends at its line break and nowhere else, and a value is never taken apart into another attribute: what stands
//! behind a carriage return or a NUL is part of a host that is no host, and so of one that gets nothing. So does a server
//! that is named twice, as by a line break that came into a URL (CVE-2020-5260): which of them git goes by is not known.

use renewd_driver::CredentialName;
use zeroize::Zeroizing;

use crate::input::host::Host;
use crate::obtain::Obtained;

use super::super::answer::stamp;

/// States of ours begin so.
const STATE: &str = "renewd:";

/// What git says of the server and of what it was given.
#[derive(Default)]
pub(super) struct Attributes {
    protocols: Vec<String>,
    hosts: Vec<String>,
    capabilities: Vec<String>,
    challenges: Vec<String>,
    states: Vec<String>,
    password: Option<Zeroizing<Vec<u8>>>,
    credential: Option<Zeroizing<Vec<u8>>>,
}

impl Attributes {
    /// Reads them. What is no attribute makes all of it none: it is not git that speaks.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut read = Self::default();
        for line in bytes.split(|byte| *byte == b'\n') {
            if line.is_empty() {
                break;
            }
            let Some(at) = line.iter().position(|byte| *byte == b'=') else { return Self::default() };
            let (key, value) = line.split_at(at);
            read.take(key, value.get(1..).unwrap_or_default());
        }
        read
    }

    fn take(&mut self, key: &[u8], value: &[u8]) {
        let text = || String::from_utf8_lossy(value).into_owned();
        match key {
            b"protocol" => self.protocols.push(text()),
            b"host" => self.hosts.push(text()),
            b"password" => self.password = Some(Zeroizing::new(value.to_vec())),
            b"credential" => self.credential = Some(Zeroizing::new(value.to_vec())),
            b"capability[]" => append(&mut self.capabilities, text()),
            b"wwwauth[]" => append(&mut self.challenges, text()),
            b"state[]" => append(&mut self.states, text()),
            // The path too: a token is for a server, not for a repository.
            _ => {}
        }
    }

    /// The server, where it is one that may get a token.
    pub(super) fn server(&self) -> Option<Host> {
        match (self.protocols.as_slice(), self.hosts.as_slice()) {
            ([protocol], [host]) => Host::of_server(protocol, host),
            _ => None,
        }
    }

    /// The server, where plain http is what keeps a token from it.
    pub(super) fn by_plain_http(&self) -> Option<Host> {
        match (self.protocols.as_slice(), self.hosts.as_slice()) {
            ([protocol], [host]) if protocol == "http" => host.parse().ok(),
            _ => None,
        }
    }

    /// Whether git understands that.
    pub(super) fn takes(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }

    /// Whether the server asks for a bearer token, or for nothing that is known. One that asks for a password gets one:
    /// most forges take tokens as passwords only.
    pub(super) fn is_for_bearer(&self) -> bool {
        let asks = |scheme: &str| {
            let begins = |challenge: &String| {
                challenge.split([' ', ',']).next().is_some_and(|first| first.eq_ignore_ascii_case(scheme))
            };
            self.challenges.iter().any(begins)
        };
        asks("Bearer") || !asks("Basic")
    }

    /// The epoch and generation that git was given in this command by this helper.
    pub(super) fn state(&self, name: &CredentialName) -> Option<(u64, u64)> {
        let ours = |state: &String| {
            let (stamped, of) = state.strip_prefix(STATE)?.split_once(':')?;
            stamp(stamped).ok().filter(|_| of == name.as_str())
        };
        self.states.iter().find_map(ours)
    }

    /// The token that it was given.
    pub(super) fn secret(&self) -> Option<&[u8]> {
        self.credential.as_ref().or(self.password.as_ref()).map(|secret| secret.as_slice())
    }
}

/// An empty value takes back what was said before (git-credential(1)).
fn append(list: &mut Vec<String>, value: String) {
    if value.is_empty() { list.clear() } else { list.push(value) }
}

/// What git brings back when the token is refused.
pub(super) fn state(name: &CredentialName, token: &Obtained) -> String {
    format!("{STATE}{}.{}:{name}", token.epoch, token.generation)
}
