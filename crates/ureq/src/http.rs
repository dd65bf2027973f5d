//! One request and its answer, over ureq.
//!
//! A fresh agent for each request: nothing (pool, cookies, sessions) is carried from one to the next, and when this
//! function returns the socket is closed. ureq's time-outs, redirects, status errors, proxy detection and decoding are
//! all off; what is left is its HTTP/1.1.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use renewd_core::{Response, Secret, TokenRequest};
use renewd_driver::{WebMethod, WebRequest};
use ureq::http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use ureq::unversioned::transport::{ConnectProxyConnector, Connector};
use ureq::{Agent, Body, Proxy, ProxyProtocol};
use zeroize::Zeroizing;

use crate::attempt::Attempt;
use crate::failure::Ended;
use crate::log_guard;
use crate::names::Names;
use crate::options::ConfigurationError;
use crate::proxy::proxy;
use crate::reach;
use crate::settings::Settings;
use crate::target::{self, Target};
use crate::tcp::{StandingConnector, TcpConnector};
use crate::tls::TlsConnector;

/// The most of a body that is kept; a token answer has a few KiB.
pub(crate) const BODY_MAX_BYTES: usize = 64 * 1024;
/// The largest head of an answer. Middleboxes send long policies and cookies; nothing useful is longer.
const HEAD_MAX_BYTES: usize = 32 * 1024;
/// The longest header that is sent: a proof or a certificate, not a document.
const HEADER_MAX_BYTES: usize = 16 * 1024;

/// What is sent, lent from whoever asked for it.
pub(crate) struct Outgoing<'a> {
    /// What messages call the address.
    what: &'static str,
    method: Method,
    url: &'a str,
    headers: &'a [(String, Secret)],
    body: &'a Secret,
    body_max_bytes: usize,
}

impl<'a> Outgoing<'a> {
    /// A token request, all of whose proofs were added.
    pub(crate) fn token_request(request: &'a TokenRequest) -> Result<Self, Ended> {
        if let Some(proof) = request.proofs.first() {
            return Err(ConfigurationError::new(format!(
                "the request lacks a proof that was asked for: {}",
                proof.name()
            ))
            .into());
        }
        Ok(Self {
            what: "the token endpoint",
            // rfc: 6749-3.2 token requests are POST
            method: Method::POST,
            url: &request.url,
            headers: &request.headers,
            body: &request.body,
            body_max_bytes: BODY_MAX_BYTES,
        })
    }

    pub(crate) fn web_request(request: &'a WebRequest) -> Self {
        Self {
            what: "the address",
            method: match request.method {
                WebMethod::Get => Method::GET,
                WebMethod::Post => Method::POST,
                WebMethod::Delete => Method::DELETE,
            },
            url: &request.url,
            headers: &request.headers,
            body: &request.body,
            body_max_bytes: request.body_max_bytes,
        }
    }
}

/// Sends it and reads the answer. All that was opened is closed on return.
pub(crate) fn exchange(
    attempt: &Arc<Attempt>,
    settings: &Settings,
    outgoing: &Outgoing<'_>,
) -> Result<Response, Ended> {
    attempt.left()?;
    log_guard::check()?;
    let target = target::read_as(outgoing.what, outgoing.url, settings.options.allow_insecure_http)?;
    run(attempt, settings, outgoing, &target)
        .map_err(|ended| Ended { message: format!("{}: {}", target.shown, ended.message), ..ended })
}

fn run(
    attempt: &Arc<Attempt>,
    settings: &Settings,
    outgoing: &Outgoing<'_>,
    target: &Target,
) -> Result<Response, Ended> {
    let request = request(outgoing, target)?;
    let agent = agent(attempt, settings, target)?;
    // The library takes no body with a GET or a DELETE, not even an empty one.
    let bare = [Method::GET, Method::DELETE].contains(&outgoing.method);
    let response = if bare { agent.run(request.map(|_| ())) } else { agent.run(request) };
    let response = response.map_err(|error| ended(attempt, &error))?;
    let (head, body) = response.into_parts();
    let (body, truncated) = read_body(attempt, body, outgoing.body_max_bytes)?;
    Ok(Response { status: head.status.as_u16(), headers: incoming_headers(&head.headers), body, truncated })
}

/// What was noted on our side of ureq goes before what ureq makes of it.
fn ended(attempt: &Attempt, error: &ureq::Error) -> Ended {
    attempt.reason().unwrap_or_else(|| Ended::from_ureq(error))
}

fn agent(attempt: &Arc<Attempt>, settings: &Settings, target: &Target) -> Result<Agent, Ended> {
    let proxy = if target.local { None } else { proxy(&settings.options.proxy)? };
    let proxy = proxy.filter(|p| !p.is_no_proxy(&target.uri));
    if proxy.is_some() {
        reach::through_proxy(attempt.reach(), &target.uri).inspect_err(|_| attempt.put_out_of_reach())?;
    }
    let speaks_tls = target.tls || proxy.as_ref().is_some_and(|p| p.protocol() == ProxyProtocol::Https);
    let tls = if speaks_tls { Some(settings.trust.config(&settings.options)?) } else { None };
    let chain =
        ().chain(ConnectProxyConnector::default())
            .chain(TcpConnector { attempt: Arc::clone(attempt), proxied: proxy.is_some() })
            .chain(TlsConnector { attempt: Arc::clone(attempt), config: tls })
            .chain(StandingConnector { attempt: Arc::clone(attempt), proxied: proxy.is_some() });
    let names = Names { attempt: Arc::clone(attempt), lookup: Arc::clone(&settings.lookup) };
    Ok(Agent::with_parts(config(settings, proxy)?, chain, names))
}

pub(crate) fn config(
    settings: &Settings,
    proxy: Option<Proxy>,
) -> Result<ureq::config::Config, ConfigurationError> {
    let user_agent = &settings.options.user_agent;
    if HeaderValue::from_str(user_agent).is_err() {
        return Err(ConfigurationError::new("the user agent holds characters that a header cannot"));
    }
    Ok(Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(proxy)
        .user_agent(user_agent.as_str())
        .accept("")
        .accept_encoding("")
        .max_response_header_size(HEAD_MAX_BYTES)
        .build())
}

/// Builds the request. The body stays where it is; header values are lent, not copied.
fn request<'a>(outgoing: &Outgoing<'a>, target: &Target) -> Result<Request<&'a [u8]>, Ended> {
    let mut request = Request::new(outgoing.body.expose());
    *request.method_mut() = outgoing.method.clone();
    *request.uri_mut() = target.uri.clone();
    for (name, value) in outgoing.headers {
        let (name, value) = header(name, value)?;
        request.headers_mut().append(name, value);
    }
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

/// A header, checked. Its value never shows in a message.
fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), ConfigurationError> {
    let bad = |why: &str| ConfigurationError::new(format!("the request's header {name:?} {why}"));
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("has no valid name"))?;
    if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION].contains(&key) {
        return Err(bad("is set by the transport; leave it out"));
    }
    if value.len() > HEADER_MAX_BYTES {
        return Err(bad(&format!("is longer than {HEADER_MAX_BYTES} bytes")));
    }
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(Lent(value.clone())))
        .map_err(|_| bad("holds characters that a header cannot"))?;
    value.set_sensitive(true);
    Ok((key, value))
}

/// Lends a secret's bytes to the HTTP library without a copy that nobody would overwrite.
struct Lent(Secret);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

fn incoming_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}

/// Reads at most `max_bytes`, and whether there was more. Nothing is decoded: what says gzip stays gzip.
fn read_body(attempt: &Attempt, body: Body, max_bytes: usize) -> Result<(Secret, bool), Ended> {
    let mut reader = body.into_reader();
    let mut buffer = Zeroizing::new(vec![0; max_bytes.saturating_add(1)]);
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match reader.read(room) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ended(attempt, &ureq::Error::from(error))),
        }
    }
    let kept = buffer.get(..filled.min(max_bytes)).unwrap_or_default();
    Ok((Secret::copy_of(kept), filled > max_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::request;
    use renewd_core::{FailureKind, ProofSpec, Secret, Wall};

    fn refused(change: impl FnOnce(&mut TokenRequest)) -> Ended {
        let mut request = request("https://as.example/token");
        change(&mut request);
        let target = target::read(&request.url, false).unwrap();
        Outgoing::token_request(&request).and_then(|o| super::request(&o, &target).map(|_| ())).unwrap_err()
    }

    #[test]
    fn a_request_that_lacks_its_proof_is_not_sent() {
        let ended = refused(|r| {
            r.proofs.push(ProofSpec::Dpop { key: Secret::from("key"), nonce: None, at: Wall::default() })
        });
        assert_eq!(ended.kind, FailureKind::Configuration);
        assert!(ended.message.contains("proof"));
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_named_and_its_value_is_not() {
        for (name, value, word) in [
            ("Host", "canary", "leave it out"),
            ("transfer-encoding", "canary", "leave it out"),
            ("X y", "canary", "no valid name"),
            ("X-A", "canary\r\nX-B: 1", "characters"),
        ] {
            let ended = refused(|r| r.headers.push((name.into(), value.into())));
            assert_eq!(ended.kind, FailureKind::Configuration);
            assert!(ended.message.contains(word), "{name}: {}", ended.message);
            assert!(!ended.message.contains("canary"));
        }
        let long = "a".repeat(HEADER_MAX_BYTES + 1);
        assert!(refused(|r| r.headers.push(("X-A".into(), long.into()))).message.contains("longer"));
    }

    #[test]
    fn a_header_is_lent_and_not_copied() {
        let secret = Secret::from("Basic Y2FuYXJ5");
        let (_, value) = header("Authorization", &secret).unwrap();
        assert!(std::ptr::eq(value.as_bytes().as_ptr(), secret.expose().as_ptr()));
        assert_eq!(format!("{value:?}"), "Sensitive");
    }
}
