//! Which proxy a request goes through.

use ureq::{Proxy, ProxyProtocol};

use crate::options::{ConfigurationError, ProxyChoice};
use crate::target::has_bad_port;

/// The variables that are looked at, in the order in which ureq takes them.
const VARIABLES: [&str; 6] =
    ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

/// The proxy to use. Messages never show the URL, which may hold a password.
pub(crate) fn proxy(choice: &ProxyChoice) -> Result<Option<Proxy>, ConfigurationError> {
    match choice {
        ProxyChoice::Direct => Ok(None),
        ProxyChoice::Url(url) => from_url(url).map(Some),
        ProxyChoice::Environment => from_environment(),
    }
}

fn from_url(url: &str) -> Result<Proxy, ConfigurationError> {
    let proxy = Proxy::new(url).map_err(|_| not_a_url("the configured proxy"))?;
    usable(proxy, "the configured proxy")
}

fn not_a_url(what: &str) -> ConfigurationError {
    ConfigurationError::new(format!("{what} is no URL of the form http://[USER:PASSWORD@]HOST:PORT"))
}

/// A variable that cannot be used is an error: going straight where a proxy was wanted may be what the wish forbids.
fn from_environment() -> Result<Option<Proxy>, ConfigurationError> {
    if let Some(proxy) = Proxy::try_from_env() {
        return usable(proxy, "the proxy of the environment").map(Some);
    }
    match VARIABLES.into_iter().find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
        None => Ok(None),
        Some(name) => Err(not_a_url(&format!("the environment variable {name}"))),
    }
}

/// SOCKS is left out: ureq opens SOCKS sockets itself, without our options and counters.
fn usable(proxy: Proxy, what: &str) -> Result<Proxy, ConfigurationError> {
    if proxy.uri().authority().is_none_or(|a| a.host().is_empty() || has_bad_port(a)) {
        return Err(not_a_url(what));
    }
    match proxy.protocol() {
        ProxyProtocol::Http | ProxyProtocol::Https => Ok(proxy),
        other => Err(ConfigurationError::new(format!(
            "{what} speaks {other}, which is not supported; name an http:// or https:// proxy that grants CONNECT"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<Option<Proxy>, ConfigurationError> {
        proxy(&ProxyChoice::Url(text.into()))
    }

    #[test]
    fn http_and_https_proxies_are_taken() {
        assert_eq!(url("http://p.example:3128").unwrap().unwrap().port(), 3128);
        assert_eq!(url("https://u:p@p.example").unwrap().unwrap().username(), Some("u"));
        assert!(proxy(&ProxyChoice::Direct).unwrap().is_none());
    }

    #[test]
    fn a_proxy_that_cannot_be_used_says_so_without_its_password() {
        for (text, word) in [
            ("socks5://u:canary@p.example:1080", "SOCKS5"),
            ("ftp://u:canary@p.example", "no URL"),
            ("http://u:canary@p.example:port", "no URL"),
            ("", "no URL"),
        ] {
            let message = url(text).unwrap_err().to_string();
            assert!(message.contains(word), "{text}: {message}");
            assert!(!message.contains("canary"));
        }
    }
}
