//! The OAuth client: who asks.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::grant_type::{GrantType, SigningKey};
use crate::profile::{BodyEncoding, Profile};
use crate::secret::Secret;

/// How the client proves itself at the token endpoint (RFC 6749 §2.3).
#[non_exhaustive]
#[derive(Clone, Hash)]
pub enum ClientAuth {
    /// A public client: `client_id` in the body (RFC 6749 §3.2.1).
    None,
    /// `client_secret_basic`: HTTP Basic, both parts form-encoded first (RFC 6749 §2.3.1).
    Basic(Secret),
    /// `client_secret_post`: in the body.
    Post(Secret),
    /// `private_key_jwt`: an assertion that the driver's signer makes for each request (RFC 7523 §2.2).
    PrivateKeyJwt {
        /// Signs it.
        key: SigningKey,
        /// Its `aud`; none means the token endpoint's address.
        audience: Option<String>,
    },
}

impl ClientAuth {
    /// `none`, `basic`, `post` or `private_key_jwt`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic(_) => "basic",
            Self::Post(_) => "post",
            Self::PrivateKeyJwt { .. } => "private_key_jwt",
        }
    }
}

/// The client and what it adds to every refresh.
#[derive(Clone, Hash)]
pub struct Client {
    /// `client_id`. Empty where the grant was given without one (the hint about a stale client is then withheld).
    pub id: String,
    /// How it proves itself.
    pub auth: ClientAuth,
    /// `scope` to ask for on refresh, where the provider wants one (RFC 6749 §6). Space-separated. The lifecycle leaves it
    /// out where it names more than was granted.
    pub scope: Option<String>,
    /// `audience`, where the server knows resources by names of its own (RFC 8693 §2.1 has it for exchanges).
    pub audience: Option<String>,
    /// The grant that is run for the next token.
    pub grant_type: GrantType,
    /// The key that tokens are bound to (RFC 9449), a private JWK or PEM; none: bearer tokens.
    pub dpop_key: Option<Secret>,
    /// Extra form parameters for every refresh, in order.
    pub extra_parameters: Vec<(String, String)>,
    /// Extra request headers for every refresh, in order. Those of [`RESERVED_HEADERS`](crate::RESERVED_HEADERS) are
    /// ignored; `Accept` replaces the default.
    pub extra_headers: Vec<(String, String)>,
    /// How the body of a refresh is written.
    pub encoding: BodyEncoding,
    /// RFC 6749's parameters that the server takes by other names: the usual name, then the server's. Basic
    /// authentication has no names, and stays as it is.
    pub parameter_names: Vec<(String, String)>,
}

impl Client {
    /// A public client without a secret.
    pub fn public(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            auth: ClientAuth::None,
            scope: None,
            audience: None,
            grant_type: GrantType::RefreshToken,
            dpop_key: None,
            extra_parameters: Vec::new(),
            extra_headers: Vec::new(),
            encoding: BodyEncoding::Form,
            parameter_names: Vec::new(),
        }
    }

    /// This client with what the provider wants in every refresh besides: parameters, of which those stay that the
    /// client names itself, and what it wants [in every token request](Self::for_login). The lifecycle does this for each
    /// refresh; doing it twice changes nothing.
    #[must_use]
    pub fn for_profile(mut self, profile: &Profile) -> Self {
        for (name, value) in profile.refresh.parameters.iter() {
            if self.extra_parameters.iter().all(|(own, _)| *own != **name) {
                self.extra_parameters.push((name.to_string(), value.to_string()));
            }
        }
        self.for_login(profile)
    }

    /// This client with what the provider wants in a token request of any grant: headers, of which those stay that the
    /// client names itself, the way the body is written, and [other names](Self::named_for). Parameters of a refresh are
    /// not among it: they may say that it is one.
    #[must_use]
    pub fn for_login(mut self, profile: &Profile) -> Self {
        let wanted = &profile.refresh;
        for (name, value) in wanted.headers.iter() {
            if self.extra_headers.iter().all(|(own, _)| !own.eq_ignore_ascii_case(name)) {
                self.extra_headers.push((name.to_string(), value.to_string()));
            }
        }
        if self.encoding == BodyEncoding::Form {
            self.encoding = wanted.encoding;
        }
        self.named_for(profile)
    }

    /// This client, its parameters called as the provider calls them: all that a revocation takes from a profile. Names
    /// that the client has itself stay.
    #[must_use]
    pub fn named_for(mut self, profile: &Profile) -> Self {
        for (usual, name) in profile.refresh.names.iter() {
            if self.parameter_names.iter().all(|(own, _)| *own != **usual) {
                self.parameter_names.push((usual.to_string(), name.to_string()));
            }
        }
        self
    }
}
