//! Why something that a server, a browser or a user gave is not taken.
//!
//! One type for all readers: whoever shows it, tests it or collects it needs the same three things, and a reason that
//! has a name can be asserted.

use core::fmt;

use renewd_core::plain_line;

/// So much of a foreign text is shown in a sentence.
const SHOWN_MAX_BYTES: usize = 200;

/// Something was refused. It holds no secret: neither codes nor states nor tokens are ever copied into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The class of it.
    pub reason: Reason,
    /// Which member or parameter: `token_endpoint`, `scopes_supported[3]`, `state`.
    pub at: String,
    /// What was found, as one clean line; empty where the reason says it all.
    pub detail: String,
}

impl Refusal {
    pub(crate) fn new(reason: Reason, at: impl Into<String>) -> Self {
        Self { reason, at: at.into(), detail: String::new() }
    }

    /// With what was found. It is cleaned and cut here, so that no caller forgets it.
    pub(crate) fn found(mut self, found: &str) -> Self {
        self.detail = plain_line(found, SHOWN_MAX_BYTES);
        self
    }

    /// The same, found in this member.
    pub(crate) fn in_member(mut self, at: impl Into<String>) -> Self {
        self.at = at.into();
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", plain_line(&self.at, SHOWN_MAX_BYTES), self.reason.sentence())?;
        if !self.detail.is_empty() {
            write!(out, " ({})", self.detail)?;
        }
        Ok(())
    }
}

impl core::error::Error for Refusal {}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $sentence:literal;)*) => {
        /// Why something was refused.
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it means, and what to do, for people.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }
        }
    };
}

reasons! {
    /// It is no address.
    NotAnAddress = "not-an-address", "this is no web address (https://HOST/PATH)";
    /// Another scheme than `https`.
    Scheme = "scheme", "an address must begin with https:// (http:// only for this machine: 127.0.0.1, [::1] or localhost)";
    /// A user or password before the host.
    UserInfo = "user-info", "an address must not carry a user name or a password";
    /// A `#fragment`.
    Fragment = "fragment", "an address must not have a fragment (#…)";
    /// A control, direction or other character that no address has.
    Character = "character", "there is a character that no address may have; write it percent-encoded, and a host as xn--…";
    /// A host that is none, or a number in disguise.
    Host = "host", "this is no host name and no plain IP address";
    /// A port that is none.
    Port = "port", "the port must be a number from 1 to 65535";
    /// A query where there must be none.
    Query = "query", "an issuer must not have a query (RFC 8414 section 2)";
    /// It leads from a public host to a private one, or to this machine.
    PrivateHost = "private-host", "a public server must not send us to a private address or to this machine";
    /// Too many bytes.
    TooLong = "too-long", "this is longer than anything honest would be";
    /// Not JSON.
    NotJson = "not-json", "this is no JSON";
    /// JSON in JSON in JSON.
    TooDeep = "too-deep", "this JSON is nested deeper than anything honest would be";
    /// The same member, or the same parameter, twice.
    Duplicate = "duplicate", "it stands there more than once, and which of them counts would be a guess";
    /// A text where a list was due, or the like.
    WrongType = "wrong-type", "it has the wrong type";
    /// A required member or parameter is not there.
    Missing = "missing", "it is not there, and must be";
    /// A list of more entries than anybody needs.
    TooMany = "too-many", "there are more entries than anything honest would have";
    /// An empty or malformed value.
    Value = "value", "this value is not allowed here";
    /// The document belongs to another issuer.
    IssuerMismatch = "issuer-mismatch", "the issuer is not the one that was asked for, character by character (RFC 8414 section 3.3, RFC 9207)";
    /// The answer came without the issuer that the server promises to name.
    IssuerMissing = "issuer-missing", "the server promises to name itself in its answers, and this answer does not (RFC 9207 section 2.4)";
    /// The server's PKCE methods lack S256.
    NoS256 = "no-s256", "the server takes no PKCE by S256, without which a code could be stolen (RFC 9700 section 2.1.1)";
    /// The server does not offer what the login needs.
    NotOffered = "not-offered", "the server does not offer this";
    /// The metadata of another resource.
    ResourceMismatch = "resource-mismatch", "the metadata is of another resource than the one that was asked for (RFC 9728 section 3.3)";
    /// The resource names no authorization server.
    NoAuthorizationServer = "no-authorization-server", "the resource names no authorization server; name one with --issuer";
    /// The callback has no `state`.
    StateMissing = "state-missing", "the answer does not carry the state of this login: it is not an answer to it";
    /// The callback has another `state`.
    StateMismatch = "state-mismatch", "the state is not that of this login: it is an answer to another one, or a forged one";
    /// A `%` without two hexadecimal digits, or bytes that are no text.
    Encoding = "encoding", "it is not properly percent-encoded";
    /// A parameter that the protocol sets itself.
    Reserved = "reserved", "renewd sets this parameter itself; it can neither be added nor stand in the endpoint's address";
    /// The server answered with an error.
    Server = "server", "the server refused";
    /// The answer has a status that says nothing.
    Status = "status", "the server's answer is not the one that was asked for";
    /// Another authentication of the client than was asked for, or one nobody here can do.
    ClientAuth = "client-auth", "the server registered the client with an authentication that was not asked for";
    /// The registration is another than was asked for.
    Registration = "registration", "the server registered the client otherwise than it was asked to, so that this login cannot work";
    /// A client id that is a URL must keep more rules than other addresses.
    ClientId = "client-id", "a client id that is an address must be https, with a path, without dot segments (client id metadata documents)";
    /// Not a JWT that can be read.
    NotJwt = "not-jwt", "this is no ID token that can be read";
    /// The ID token is meant for another client.
    Audience = "audience", "the ID token is meant for another client (OpenID Connect Core section 3.1.3.7)";
    /// The ID token is over.
    Expired = "expired", "it has expired; if it is new, this machine's clock is wrong";
    /// The ID token is not of this login.
    NonceMismatch = "nonce-mismatch", "the ID token does not carry the nonce of this login: it belongs to another one";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own_and_a_sentence() {
        let names: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert!(reason.sentence().len() > 10, "{}", reason.name());
            assert!(reason.name().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        }
    }

    #[test]
    fn what_was_found_is_shown_as_one_clean_line() {
        let refusal = Refusal::new(Reason::Scheme, "token_endpoint").found("file:///etc\n\u{1b}[2J\u{202e}x");
        assert!(refusal.to_string().ends_with("(file:///etc x)"), "{refusal}");
        let long = Refusal::new(Reason::Value, "x".repeat(4000)).found(&"y".repeat(4000));
        assert!(long.to_string().len() < 600);
    }
}
