//! Where a token may go: a scheme, a host, a port, and the path below which it may.

use std::net::IpAddr;

use ureq::http::Uri;

use super::NoOrigin;

/// An origin with its base path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    origin: String,
    base: String,
}

impl Origin {
    /// # Errors
    /// Where a token must not go there.
    pub(super) fn parse(text: &str) -> Result<Self, NoOrigin> {
        let uri: Uri = text.parse().map_err(|_| NoOrigin("is no URL like https://api.example/v1"))?;
        if uri.query().is_some() {
            return Err(NoOrigin("holds a query; a base path has none"));
        }
        let origin =
            Self::of(&uri).ok_or(NoOrigin("is neither https nor http on loopback, or holds a user name"))?;
        Ok(Self { origin, base: uri.path().trim_end_matches('/').to_owned() })
    }

    /// The origin of a request, if a token may travel there at all (RFC 6750 §5.3).
    pub(super) fn of(uri: &Uri) -> Option<String> {
        let (scheme, authority, host) =
            (uri.scheme_str()?, uri.authority()?, uri.host()?.to_ascii_lowercase());
        if authority.as_str().contains('@') || host.is_empty() {
            return None;
        }
        let usual = match scheme {
            "https" => 443,
            "http" if is_loopback(&host) => 80,
            _ => return None,
        };
        let port =
            uri.port_u16().filter(|port| *port != usual).map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{scheme}://{host}{port}"))
    }

    /// Whether a request to that origin and path is for this one. A path with steps in it could lead elsewhere.
    pub(super) fn takes(&self, origin: &str, path: &str) -> bool {
        let below =
            path.strip_prefix(&self.base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let steps = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        let plain = self.base.is_empty()
            || !path.split(['/', '\\']).any(steps) && !path.to_ascii_lowercase().contains("%2f");
        origin == self.origin && below && plain
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_belongs_to_an_origin_as_a_whole_and_below_its_path() {
        let origin = Origin::parse("https://API.example:443/v1/").unwrap();
        let takes = |url: &str| {
            let uri: Uri = url.parse().unwrap();
            Origin::of(&uri).is_some_and(|of| origin.takes(&of, uri.path()))
        };
        for url in ["https://api.example/v1", "https://api.example/v1/x?y=1", "https://API.EXAMPLE/v1/"] {
            assert!(takes(url), "{url}");
        }
        for url in [
            "https://api.example/",
            "https://api.example/v10",
            "https://api.example/v1/../admin",
            "https://api.example/v1/%2E%2e/admin",
            "https://api.example/v1/..%2fadmin",
            "https://api.example:8443/v1",
            "http://api.example/v1",
            "https://api.example.evil/v1",
            "https://user@api.example/v1",
        ] {
            assert!(!takes(url), "{url}");
        }
    }

    #[test]
    fn a_token_goes_over_https_or_stays_on_this_machine() {
        assert!(Origin::parse("http://127.0.0.1:8080").is_ok());
        assert!(Origin::parse("http://[::1]:8080/v1").is_ok());
        for text in
            ["http://api.example", "ftp://api.example", "api.example", "", "https://a@b/", "https://b/?x"]
        {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }
}
