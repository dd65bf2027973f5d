//! What an authorization server says of itself: RFC 8414 and OpenID Connect Discovery, which are one format.
//!
//! The document decides where codes, secrets and refresh tokens go. So it must name the issuer that was asked, to the
//! letter, and every address in it must be one that we would connect to.

use super::address::{Address, Issuer};
use super::json::{Object, read_object};
use super::refusal::{Reason, Refusal};

/// What RFC 8414 §2 takes a missing list for.
const GRANTS_UNSAID: [&str; 2] = ["authorization_code", "implicit"];

/// A checked document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerMetadata {
    /// Whose it is.
    pub issuer: Issuer,
    /// Where a browser goes (RFC 6749 §3.1).
    pub authorization_endpoint: Option<Address>,
    /// Where tokens come from (RFC 6749 §3.2).
    pub token_endpoint: Option<Address>,
    /// RFC 8628 §3.1.
    pub device_authorization_endpoint: Option<Address>,
    /// RFC 7591 §3.
    pub registration_endpoint: Option<Address>,
    /// RFC 7009 §2.
    pub revocation_endpoint: Option<Address>,
    /// RFC 9126 §2.
    pub pushed_authorization_request_endpoint: Option<Address>,
    /// `grant_types_supported`.
    pub grant_types: Option<Vec<String>>,
    /// `response_types_supported`.
    pub response_types: Option<Vec<String>>,
    /// `response_modes_supported`.
    pub response_modes: Option<Vec<String>>,
    /// `code_challenge_methods_supported` (RFC 7636).
    pub code_challenge_methods: Option<Vec<String>>,
    /// `token_endpoint_auth_methods_supported`.
    pub token_endpoint_auth_methods: Option<Vec<String>>,
    /// `token_endpoint_auth_signing_alg_values_supported`.
    pub token_endpoint_auth_signing_algs: Option<Vec<String>>,
    /// `dpop_signing_alg_values_supported` (RFC 9449 §5.1).
    pub dpop_signing_algs: Option<Vec<String>>,
    /// `scopes_supported`.
    pub scopes: Option<Vec<String>>,
    /// `authorization_response_iss_parameter_supported` (RFC 9207 §3).
    pub iss_parameter: bool,
    /// `client_id_metadata_document_supported`.
    pub client_id_metadata_documents: bool,
    /// `require_pushed_authorization_requests` (RFC 9126 §5).
    pub requires_pushed_requests: bool,
}

/// What a login by authorization code needs of a server.
#[derive(Clone, Copy, Debug)]
pub struct CodeFlow<'a> {
    /// Where the browser goes.
    pub authorization_endpoint: &'a Address,
    /// Where the code goes.
    pub token_endpoint: &'a Address,
    /// Where the request must be pushed to first; none: it goes in the address.
    pub pushed: Option<&'a Address>,
    /// Whether the server says that it supports PKCE with S256. Where it says nothing the challenge is sent all the
    /// same: a server that knows it is protected, one that does not ignores it.
    pub pkce_announced: bool,
}

impl ServerMetadata {
    /// Reads the document that was fetched for this issuer.
    ///
    /// # Errors
    /// Says which member is refused, and why.
    pub fn read(body: &[u8], issuer: &Issuer) -> Result<Self, Refusal> {
        let object = read_object(body, "authorization server metadata")?;
        // rfc: 8414-3.3 8414-6.2 a document of another issuer is not used
        let named = object.required_text("issuer")?;
        if !issuer.is(named) {
            return Err(Refusal::new(Reason::IssuerMismatch, "issuer").found(named));
        }
        let endpoint = |name| endpoint(&object, name, issuer);
        Ok(Self {
            issuer: issuer.clone(),
            authorization_endpoint: endpoint("authorization_endpoint")?,
            token_endpoint: endpoint("token_endpoint")?,
            device_authorization_endpoint: endpoint("device_authorization_endpoint")?,
            registration_endpoint: endpoint("registration_endpoint")?,
            revocation_endpoint: endpoint("revocation_endpoint")?,
            pushed_authorization_request_endpoint: endpoint("pushed_authorization_request_endpoint")?,
            grant_types: object.texts("grant_types_supported")?,
            response_types: object.texts("response_types_supported")?,
            response_modes: object.texts("response_modes_supported")?,
            code_challenge_methods: object.texts("code_challenge_methods_supported")?,
            token_endpoint_auth_methods: object.texts("token_endpoint_auth_methods_supported")?,
            token_endpoint_auth_signing_algs: object
                .texts("token_endpoint_auth_signing_alg_values_supported")?,
            dpop_signing_algs: object.texts("dpop_signing_alg_values_supported")?,
            scopes: object.texts("scopes_supported")?,
            iss_parameter: object.flag("authorization_response_iss_parameter_supported")?,
            client_id_metadata_documents: object.flag("client_id_metadata_document_supported")?,
            requires_pushed_requests: object.flag("require_pushed_authorization_requests")?,
        })
    }

    /// Where tokens come from.
    ///
    /// # Errors
    /// Where the document names no such endpoint.
    pub fn token_endpoint(&self) -> Result<&Address, Refusal> {
        named(self.token_endpoint.as_ref(), "token_endpoint")
    }

    /// Where a device grant begins.
    ///
    /// # Errors
    /// Where the document names no such endpoint.
    pub fn device_endpoint(&self) -> Result<&Address, Refusal> {
        named(self.device_authorization_endpoint.as_ref(), "device_authorization_endpoint")
    }

    /// What a login by code needs.
    ///
    /// # Errors
    /// Where the server does not offer it: no endpoint, no `code`, no answer in the query, no PKCE by S256.
    pub fn code_flow(&self) -> Result<CodeFlow<'_>, Refusal> {
        let offers = |list: &Option<Vec<String>>, value: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|entry| entry == value))
        };
        if !offers(&self.response_types, "code") {
            return Err(Refusal::new(Reason::NotOffered, "response_types_supported").found("code"));
        }
        if !offers(&self.response_modes, "query") {
            return Err(Refusal::new(Reason::NotOffered, "response_modes_supported").found("query"));
        }
        // rfc: 7636-7.2 9700-4.7.1 there is no falling back to plain, nor to none where the server lists what it takes
        if !offers(&self.code_challenge_methods, "S256") {
            return Err(Refusal::new(Reason::NoS256, "code_challenge_methods_supported"));
        }
        let pushed = self.pushed_authorization_request_endpoint.as_ref();
        if self.requires_pushed_requests && pushed.is_none() {
            return Err(Refusal::new(Reason::Missing, "pushed_authorization_request_endpoint"));
        }
        Ok(CodeFlow {
            authorization_endpoint: named(self.authorization_endpoint.as_ref(), "authorization_endpoint")?,
            token_endpoint: self.token_endpoint()?,
            pushed: pushed.filter(|_| self.requires_pushed_requests),
            pkce_announced: self.code_challenge_methods.is_some(),
        })
    }

    /// Whether the server offers this grant; none where it does not say. Many documents are written once and list less
    /// than the server does: what is not listed may be tried.
    pub fn offers_grant(&self, grant_type: &str) -> Option<bool> {
        match &self.grant_types {
            Some(listed) => Some(listed.iter().any(|grant| grant == grant_type)),
            None => GRANTS_UNSAID.contains(&grant_type).then_some(true),
        }
    }

    /// The endpoints on another host than the issuer's. That is allowed, and a person should see it.
    pub fn elsewhere(&self) -> Vec<(&'static str, &Address)> {
        let endpoints = [
            ("authorization_endpoint", &self.authorization_endpoint),
            ("token_endpoint", &self.token_endpoint),
            ("device_authorization_endpoint", &self.device_authorization_endpoint),
            ("registration_endpoint", &self.registration_endpoint),
            ("revocation_endpoint", &self.revocation_endpoint),
            ("pushed_authorization_request_endpoint", &self.pushed_authorization_request_endpoint),
        ];
        let own = self.issuer.address().host();
        let named = endpoints.into_iter().filter_map(|(name, address)| Some((name, address.as_ref()?)));
        named.filter(|(_, address)| address.host() != own).collect()
    }
}

fn named<'a>(endpoint: Option<&'a Address>, name: &str) -> Result<&'a Address, Refusal> {
    endpoint.ok_or_else(|| Refusal::new(Reason::NotOffered, name).found("it is not in the server's metadata"))
}

/// An endpoint that this issuer may name.
fn endpoint(object: &Object, name: &str, issuer: &Issuer) -> Result<Option<Address>, Refusal> {
    let Some(address) = object.address(name)? else { return Ok(None) };
    if !issuer.address().may_lead_to(&address) {
        return Err(Refusal::new(Reason::PrivateHost, name).found(address.as_str()));
    }
    Ok(Some(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer() -> Issuer {
        Issuer::parse("https://as.example").unwrap()
    }

    fn read(members: &str) -> Result<ServerMetadata, Refusal> {
        ServerMetadata::read(format!("{{\"issuer\":\"https://as.example\"{members}}}").as_bytes(), &issuer())
    }

    const ENDPOINTS: &str =
        r#","authorization_endpoint":"https://login.example/a","token_endpoint":"https://as.example/t""#;

    #[test]
    fn a_document_says_what_the_server_can() {
        let read = read(&format!(
            r#"{ENDPOINTS},"grant_types_supported":["refresh_token"],"code_challenge_methods_supported":["plain","S256"],
            "authorization_response_iss_parameter_supported":true,"jwks_uri":17,"scopes_supported":null"#
        ))
        .unwrap();
        let flow = read.code_flow().unwrap();
        assert_eq!(flow.token_endpoint.as_str(), "https://as.example/t");
        assert!(flow.pkce_announced && flow.pushed.is_none() && read.iss_parameter && read.scopes.is_none());
        assert_eq!(read.offers_grant("refresh_token"), Some(true));
        assert_eq!(read.offers_grant("authorization_code"), Some(false));
        assert_eq!(
            read.elsewhere().iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["authorization_endpoint"]
        );
        assert_eq!(read.device_endpoint().unwrap_err().reason, Reason::NotOffered);
    }

    // rfc-test: 7636-7.2 9700-4.7.1
    #[test]
    fn a_server_without_s256_gets_no_login_by_code_and_one_that_says_nothing_does() {
        for (methods, outcome) in [
            (r#","code_challenge_methods_supported":["plain"]"#, Err(Reason::NoS256)),
            (r#","code_challenge_methods_supported":["s256"]"#, Err(Reason::NoS256)),
            (r#","code_challenge_methods_supported":[]"#, Err(Reason::NoS256)),
            (r#","code_challenge_methods_supported":["S256"]"#, Ok(true)),
            ("", Ok(false)),
        ] {
            let read = read(&format!("{ENDPOINTS}{methods}")).unwrap();
            let announced = read.code_flow().map(|flow| flow.pkce_announced);
            assert_eq!(announced.map_err(|refusal| refusal.reason), outcome, "{methods}");
        }
    }

    #[test]
    fn a_server_that_wants_requests_pushed_must_say_where() {
        let pushed = r#","require_pushed_authorization_requests":true"#;
        let document = read(&format!("{ENDPOINTS}{pushed}")).unwrap();
        assert_eq!(document.code_flow().unwrap_err().reason, Reason::Missing);
        let endpoint = r#","pushed_authorization_request_endpoint":"https://as.example/par""#;
        let document = read(&format!("{ENDPOINTS}{endpoint}{pushed}")).unwrap();
        assert!(document.code_flow().unwrap().pushed.is_some());
        let document = read(&format!("{ENDPOINTS}{endpoint}")).unwrap();
        assert!(document.code_flow().unwrap().pushed.is_none(), "it may be pushed, and need not be");
    }
}
