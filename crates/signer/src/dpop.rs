//! DPoP proofs (RFC 9449 §4): that whoever asks holds the key that the token is bound to.

use renewd_core::{Secret, Wall};
use ring::digest;
use serde_json::{Value, json};

use crate::encoding::encode;
use crate::jws::{fresh_id, numeric_date, signed};
use crate::key::PrivateKey;

/// What one proof says.
pub(crate) struct Claims<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    /// The access token that goes with it, at resource servers.
    pub(crate) token: Option<&'a Secret>,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) at: Wall,
}

/// The value of the header `DPoP`.
pub(crate) fn proof(key: &Secret, wanted: &Claims<'_>) -> Result<Secret, String> {
    let key = PrivateKey::parse(key).map_err(|error| format!("the DPoP key: {error}"))?;
    let url = target(wanted.url).ok_or("a DPoP proof needs an http or https address")?;
    let mut claims = json!({
        "jti": fresh_id().map_err(|error| error.to_string())?,
        "htm": wanted.method,
        "htu": url,
        "iat": numeric_date(wanted.at),
    });
    if let Some(nonce) = wanted.nonce {
        claims["nonce"] = nonce.into();
    }
    if let Some(token) = wanted.token {
        claims["ath"] = token_hash(token).into();
    }
    signed(&key, &header(&key)?, &claims).map_err(|error| format!("the DPoP key: {error}"))
}

/// `ath` (RFC 9449 §4.2).
fn token_hash(token: &Secret) -> String {
    encode(digest::digest(&digest::SHA256, token.expose()).as_ref())
}

fn header(key: &PrivateKey) -> Result<Value, String> {
    let jwk: Value = serde_json::from_str(&key.public_members()).map_err(|error| error.to_string())?;
    Ok(json!({ "typ": "dpop+jwt", "alg": key.algorithm().name(), "jwk": jwk }))
}

/// `htu` (RFC 9449 §4.2): without query and fragment, and normalised as §4.3 wants it compared (RFC 3986 §6.2.2 and
/// §6.2.3: lower case scheme and host, no default port, a path), so that a server that compares texts agrees too.
pub(crate) fn target(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let rest = &rest[..end];
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let host = host.strip_suffix(default_port).unwrap_or(&host);
    let host = host.strip_suffix(':').unwrap_or(host);
    if host.is_empty() {
        return None;
    }
    Some(format!("{scheme}://{host}{}", if path.is_empty() { "/" } else { path }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_token_is_that_of_rfc_9449() {
        let token = Secret::from("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU");
        assert_eq!(token_hash(&token), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
    }

    #[test]
    fn an_address_is_written_as_servers_compare_it() {
        for (url, htu) in [
            ("https://server.example.com/token", "https://server.example.com/token"),
            ("HTTPS://Server.Example.COM:443", "https://server.example.com/"),
            ("https://a.example:/x", "https://a.example/x"),
            ("https://a.example:8443/x?y=1#z", "https://a.example:8443/x"),
            ("https://a.example?y=/z", "https://a.example/"),
            ("http://[::1]:80/A%2fb", "http://[::1]/A%2fb"),
            ("http://127.0.0.1:443/", "http://127.0.0.1:443/"),
            ("https://user:pw@a.example/x", "https://a.example/x"),
        ] {
            assert_eq!(target(url).as_deref(), Some(htu), "{url}");
        }
        for url in ["", "a.example/x", "ftp://a.example/", "https:///x", "https://?x"] {
            assert_eq!(target(url), None, "{url}");
        }
    }
}
