//! What can be chosen about the transport, and the error of a choice that cannot work.

use std::fmt;
use std::path::PathBuf;

/// Whose certificates are trusted when no CA file is named.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Roots {
    /// Mozilla's roots, compiled in: the same on every machine, and there in a container without certificates.
    #[default]
    Webpki,
    /// The operating system's trust store, where a company's own roots stand. Needs the feature `platform-roots`.
    Platform,
}

/// How the token endpoint is reached.
#[expect(
    clippy::exhaustive_enums,
    reason = "straight, as the environment says, or as the configuration says"
)]
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub enum ProxyChoice {
    /// Straight. Proxies named in the environment are ignored: whoever can set a variable of this process must not be
    /// able to put himself between a refresh token and its server.
    #[default]
    Direct,
    /// By `ALL_PROXY`, `HTTPS_PROXY` or `HTTP_PROXY`, the first that is set, but for hosts in `NO_PROXY`.
    Environment,
    /// By this CONNECT proxy: `http://[USER:PASSWORD@]HOST:PORT` or `https://…`. May hold a password.
    Url(String),
}

/// Shows no URL, which may hold a password.
impl fmt::Debug for ProxyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "Direct",
            Self::Environment => "Environment",
            Self::Url(_) => "Url(..)",
        })
    }
}

/// The options of one endpoint. Credentials that differ in them need an endpoint each; endpoints are cheap and share
/// their threads through [`Workers`](crate::Workers).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UreqOptions {
    /// Whose certificates are trusted.
    pub roots: Roots,
    /// A PEM file with certificates to trust *instead of* `roots`. Read again when it changes.
    pub ca_file: Option<PathBuf>,
    /// How the endpoint is reached.
    pub proxy: ProxyChoice,
    /// Lets secrets travel over plain `http://` to hosts other than this one. For closed test networks only.
    pub allow_insecure_http: bool,
    /// The `User-Agent` header, for the endpoint and for a proxy; a request's own header goes before it.
    pub user_agent: String,
}

impl Default for UreqOptions {
    fn default() -> Self {
        Self {
            roots: Roots::default(),
            ca_file: None,
            proxy: ProxyChoice::default(),
            allow_insecure_http: false,
            user_agent: concat!("renewd/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A choice that cannot work: what is wrong, where, and what to do. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationError(String);

impl ConfigurationError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigurationError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_no_proxy_password() {
        let options =
            UreqOptions { proxy: ProxyChoice::Url("http://u:canary@p:1".into()), ..UreqOptions::default() };
        assert!(!format!("{options:?}").contains("canary"));
    }
}
