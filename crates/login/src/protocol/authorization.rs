//! The authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2.1): the address that a browser is sent to.

use renewd_core::{
    Client, Identity, Proving, RESERVED_LOGIN_PARAMETERS, RequestPolicy, Secret, TokenRequest,
};

use super::address::Address;
use super::denial::Denial;
use super::form;
use super::handshake::Handshake;
use super::json::read_object;
use super::refusal::{Reason, Refusal};

/// What is asked for by fields of its own here.
const OWN: [&str; 3] = ["client_id", "client_secret", "scope"];

/// Whether a parameter, in small letters, is not the user's to give.
fn is_own(name: &str) -> bool {
    OWN.contains(&name) || RESERVED_LOGIN_PARAMETERS.contains(&name)
}

/// Browsers and servers take some eight thousand bytes.
const URL_MAX_BYTES: usize = 8 * 1024;

/// What is asked for. The answer is expected by [`read_callback`](super::read_callback).
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationRequest<'a> {
    /// Where the browser goes.
    pub endpoint: &'a Address,
    /// `client_id`.
    pub client_id: &'a str,
    /// `redirect_uri`: absolute, without a fragment.
    pub redirect_uri: &'a str,
    /// `scope`, as the provider separates it.
    pub scope: Option<&'a str>,
    /// `resource` (RFC 8707 §2.1).
    pub resource: Option<&'a str>,
    /// `audience`, where the server knows resources by names of its own.
    pub audience: Option<&'a str>,
    /// Whether the challenge of RFC 7636 is sent: false only for the few servers that refuse what they do not know.
    pub pkce: bool,
    /// `dpop_jkt` (RFC 9449 §10): the thumbprint of the key that the code shall be bound to.
    pub dpop_jkt: Option<&'a str>,
    /// Further parameters, the user's before the profile's: the first of a name counts, and an empty value keeps the
    /// parameter out.
    pub extra: &'a [(String, String)],
    /// Names that the provider has for parameters: the usual one, then its own.
    pub names: &'a [(String, String)],
}

impl AuthorizationRequest<'_> {
    /// Whether an ID token will come, and with it the nonce.
    pub fn is_openid(&self) -> bool {
        self.has_scope("openid")
    }

    /// The address to open in a browser.
    ///
    /// # Errors
    /// [`Reason::Reserved`] where an extra parameter or the endpoint's own query has a name that the protocol needs;
    /// [`Reason::Value`] for a redirect address that is none.
    pub fn url(&self, handshake: &Handshake) -> Result<String, Refusal> {
        let parameters = self.parameters(handshake)?;
        let renamed = parameters.iter().map(|(name, value)| (self.named(name), value.as_str()));
        self.endpoint_with(renamed)
    }

    /// The parameters, in order, by their usual names.
    ///
    /// # Errors
    /// As [`url`](Self::url).
    pub fn parameters(&self, handshake: &Handshake) -> Result<Vec<(String, String)>, Refusal> {
        self.check_redirect()?;
        let challenge = self.pkce.then(|| handshake.challenge());
        let text = |secret: &Secret| secret.expose_str().unwrap_or_default().to_owned();
        let own = [
            // rfc: 6749-4.1.1 6749-3.1.2.3 what is asked for, by whom, and where the answer goes, each time
            ("response_type", Some("code".to_owned())),
            ("client_id", Some(self.client_id.to_owned())),
            ("redirect_uri", Some(self.redirect_uri.to_owned())),
            ("scope", self.scope.map(str::to_owned)),
            ("state", Some(text(handshake.state()))),
            // rfc: 7636-4.3 8252-6 9700-2.1.1 every login carries the challenge
            ("code_challenge_method", challenge.as_ref().map(|_| "S256".to_owned())),
            ("code_challenge", challenge),
            ("nonce", self.is_openid().then(|| text(handshake.nonce()))),
            ("resource", self.resource.map(str::to_owned)),
            ("audience", self.audience.map(str::to_owned)),
            ("dpop_jkt", self.dpop_jkt.map(str::to_owned)),
        ];
        let mut parameters: Vec<(String, String)> =
            own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        self.push_extra(&mut parameters)?;
        Ok(parameters)
    }

    /// The same request, pushed to the server instead of shown to the browser (RFC 9126 §2.1).
    ///
    /// # Errors
    /// As [`url`](Self::url).
    pub fn pushed(
        &self,
        handshake: &Handshake,
        endpoint: &Address,
        identity: &Identity,
        client: &Client,
        proving: Proving<'_>,
        policy: &RequestPolicy,
    ) -> Result<TokenRequest, Refusal> {
        let parameters = self.parameters(handshake)?;
        let fields: Vec<(&str, &[u8])> =
            parameters.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        Ok(TokenRequest::form_to(endpoint.as_str(), identity, client, &fields, proving, policy))
    }

    /// The address to open in a browser after the request was pushed (RFC 9126 §4).
    ///
    /// # Errors
    /// As [`url`](Self::url).
    pub fn url_of_pushed(&self, pushed: &PushedRequest) -> Result<String, Refusal> {
        let named = [(self.named("client_id"), self.client_id), ("request_uri", pushed.request_uri.as_str())];
        self.endpoint_with(named.into_iter())
    }

    /// The user's and the profile's parameters.
    fn push_extra(&self, parameters: &mut Vec<(String, String)>) -> Result<(), Refusal> {
        for (name, value) in self.extra {
            let lower = name.to_ascii_lowercase();
            if is_own(&lower) || self.names.iter().any(|(_, other)| other == name) {
                return Err(Refusal::new(Reason::Reserved, name.as_str()));
            }
            // rfc: 6749-3.1-2 no parameter twice
            if parameters.iter().all(|(known, _)| known != name) {
                parameters.push((name.clone(), value.clone()));
            }
        }
        // OpenID Connect Core §11: without it a server must ignore `offline_access`, and gives no refresh token. Some hold
        // logins without `openid` to that too; where the word means nothing, an unknown parameter is ignored (RFC 6749 §3.1).
        if self.has_scope("offline_access") && parameters.iter().all(|(name, _)| name != "prompt") {
            parameters.push(("prompt".to_owned(), "consent".to_owned()));
        }
        parameters.retain(|(_, value)| !value.is_empty());
        Ok(())
    }

    /// The endpoint's address with its own query kept, and these behind it.
    fn endpoint_with<'p>(
        &self,
        parameters: impl Iterator<Item = (&'p str, &'p str)>,
    ) -> Result<String, Refusal> {
        // rfc: 6749-3.1 the endpoint's query is kept
        let kept = form::decode(self.endpoint.query().unwrap_or_default())?;
        let mut url = self.endpoint.as_str().to_owned();
        if self.endpoint.query().is_none() {
            url.push('?');
        }
        for (name, value) in parameters {
            if kept.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                return Err(Refusal::new(Reason::Reserved, "authorization_endpoint").found(name));
            }
            form::push(&mut url, name, value);
        }
        if kept.iter().any(|(name, _)| is_own(&name.to_ascii_lowercase())) {
            return Err(Refusal::new(Reason::Reserved, "authorization_endpoint").found("in its query"));
        }
        if url.len() > URL_MAX_BYTES {
            return Err(Refusal::new(Reason::TooLong, "authorization request"));
        }
        Ok(url)
    }

    /// What the provider calls this parameter.
    fn named<'n>(&'n self, usual: &'n str) -> &'n str {
        self.names.iter().find(|(name, _)| name == usual).map_or(usual, |(_, own)| own)
    }

    fn has_scope(&self, wanted: &str) -> bool {
        self.scope.is_some_and(|scope| scope.split([' ', ',']).any(|scope| scope == wanted))
    }

    fn check_redirect(&self) -> Result<(), Refusal> {
        // rfc: 6749-3.1.2 absolute, without a fragment
        let (scheme, rest) = self.redirect_uri.split_once(':').unwrap_or_default();
        let plain = self.redirect_uri.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
        if scheme.is_empty() || rest.is_empty() || !plain {
            return Err(Refusal::new(Reason::Value, "redirect_uri").found(self.redirect_uri));
        }
        Ok(())
    }
}

/// The server's answer to a pushed request (RFC 9126 §2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedRequest {
    /// Stands for the request; used once, and soon.
    pub request_uri: String,
}

impl PushedRequest {
    /// Reads the answer.
    ///
    /// # Errors
    /// The server's refusal, or what is wrong with its answer.
    pub fn read(status: u16, body: &[u8]) -> Result<Self, Refusal> {
        let answer = "pushed authorization request";
        if let Some(denial) = Denial::of_body(body) {
            return Err(denial.refusal(answer));
        }
        if !(200..300).contains(&status) {
            return Err(Refusal::new(Reason::Status, answer).found(&format!("HTTP {status}")));
        }
        let object = read_object(body, answer)?;
        let request_uri = object.required_text("request_uri")?;
        if !request_uri.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Refusal::new(Reason::Value, "request_uri").found(request_uri));
        }
        Ok(Self { request_uri: request_uri.to_owned() })
    }
}

#[cfg(test)]
mod tests;
