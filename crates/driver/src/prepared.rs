//! What a login needs before there is a grant, kept beside the record that there is not yet.
//!
//! A key that tokens are bound to must outlive the process before a server hears of it (RFC 9449): a grant whose key
//! is gone is of no use. And a client that was registered for a login which then failed should serve the next one, or
//! every attempt would leave a client behind at the server (RFC 7591). Both belong to one server, and are offered to no
//! other.

use renewd_core::{Registration, Secret, SigningKey, Wall};

/// The server that something was prepared for. Only the same one gets it again, both parts being equal to the byte.
#[expect(clippy::exhaustive_structs, reason = "what tells servers apart does not change")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PreparedFor {
    /// The issuer (RFC 8414); none where there is only an endpoint.
    pub issuer: Option<String>,
    /// Its token endpoint.
    pub token_endpoint: String,
}

/// What is kept between the beginning of a login and its grant. See
/// [`CredentialStore::prepare`](crate::CredentialStore::prepare).
#[non_exhaustive]
#[derive(Clone, Default, Hash)]
pub struct Prepared {
    /// For whom.
    pub server: PreparedFor,
    /// When the first part of it was made.
    pub at: Wall,
    /// The key that tokens will be bound to (RFC 9449).
    pub dpop_key: Option<Secret>,
    /// The key that the client signs with, where it was made for this registration (RFC 7523 §2.2).
    pub client_key: Option<SigningKey>,
    /// The client that was registered.
    pub client: Option<PreparedClient>,
}

/// A client that was registered before there was a grant (RFC 7591 §3.2.1).
#[non_exhaustive]
#[derive(Clone, Default, Hash)]
pub struct PreparedClient {
    /// `client_id`.
    pub id: String,
    /// `client_secret`.
    pub secret: Option<Secret>,
    /// How it proves itself: `none`, `basic`, `post` or `private_key_jwt`, as in
    /// [`Settings::client_auth`](renewd_core::Settings).
    pub auth: Option<String>,
    /// `redirect_uris`, as the server keeps them.
    pub redirect_uris: Vec<String>,
    /// Where and when, and what manages it.
    pub registration: Registration,
}

impl Prepared {
    /// Nothing yet, for that server.
    pub fn new(server: PreparedFor, at: Wall) -> Self {
        Self { server, at, ..Self::default() }
    }

    /// These, and of `other` what they lack. Both are for the same server.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            server: self.server,
            at: self.at,
            dpop_key: self.dpop_key.or(other.dpop_key),
            // A registration says which key is its own: they are of one piece.
            client_key: match (&self.client, &other.client) {
                (Some(_), _) => self.client_key,
                (None, Some(_)) => other.client_key.or(self.client_key),
                (None, None) => self.client_key.or(other.client_key),
            },
            client: self.client.or(other.client),
        }
    }
}

impl PreparedClient {
    /// A client of that id.
    pub fn new(id: impl Into<String>, registration: Registration) -> Self {
        Self { id: id.into(), registration, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(prepared: &Prepared) -> Option<&[u8]> {
        prepared.dpop_key.as_ref().map(Secret::expose)
    }

    #[test]
    fn what_stands_goes_before_what_comes_and_what_is_missing_is_filled_in() {
        let server = PreparedFor { issuer: None, token_endpoint: "https://as.example/token".into() };
        let empty = || Prepared::new(server.clone(), Wall::default());
        let first = Prepared { dpop_key: Some(Secret::from("first")), ..empty() };
        let second = Prepared { dpop_key: Some(Secret::from("second")), ..empty() };
        assert_eq!(secret(&first.clone().or(second.clone())), Some(&b"first"[..]));
        assert_eq!(secret(&empty().or(second)), Some(&b"second"[..]));
        let client = PreparedClient::new("c-1", Registration::default());
        let both = first.or(Prepared { client: Some(client), ..empty() });
        assert_eq!(both.client.map(|client| client.id).as_deref(), Some("c-1"));
    }

    #[test]
    fn a_registered_client_is_given_no_key_of_another_registration() {
        let key = |text: &str| SigningKey { material: Secret::from(text), key_id: None, algorithm: None };
        let registered = Prepared {
            client: Some(PreparedClient::new("c-1", Registration::default())),
            ..Prepared::default()
        };
        let other = Prepared { client_key: Some(key("another's")), ..Prepared::default() };
        assert!(registered.or(other.clone()).client_key.is_none());
        assert!(Prepared::default().or(other).client_key.is_some());
    }
}
