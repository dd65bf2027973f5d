//! The grants without a refresh token, and what they have in common: proofs, targets, tokens.

use super::access::AccessFacts;
use super::answer::{Asked, malformed, refused};
use super::family::Grant;
use super::jose::{IdTokenKey, Jws, signed_by_one_of};
use super::proof::{self, Expected, ProofFault};
use super::record::{LogEntry, TokenVerdict};
use super::{AsModel, AsReply, Dpop, TokenForm, reply};
use serde_json::json;

/// An assertion that is a grant may live so long, in milliseconds.
const GRANT_ASSERTION_LIFETIME_MAX_MS: i64 = 3_600_000;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The grant types that there are, for the metadata.
pub(crate) const GRANT_TYPES: [&str; 6] =
    ["refresh_token", "authorization_code", "client_credentials", EXCHANGE, JWT_BEARER, DEVICE_CODE];

/// Tokens that are to be issued.
pub(super) struct Issue {
    pub(super) subject: Option<String>,
    pub(super) refresh: bool,
    /// The scope of the login, where the token request names none.
    pub(super) scope: Option<String>,
    /// `nonce` of the authorization request; an ID token is made where the scope has `openid`.
    pub(super) nonce: Option<String>,
    pub(super) resource: Vec<String>,
    pub(super) audience: Option<String>,
}

impl AsModel {
    pub(super) fn run_grant(
        &mut self,
        grant_type: &str,
        asked: &Asked<'_>,
        entry: &mut LogEntry,
    ) -> (TokenVerdict, AsReply) {
        let served = &self.config.login.grant_types;
        if !GRANT_TYPES.contains(&grant_type)
            || !(served.is_empty() || served.iter().any(|one| one == grant_type))
        {
            return malformed("unsupported_grant_type", "this grant type is not supported");
        }
        if let Err(refusal) = self.check_targets(asked.form) {
            return (TokenVerdict::Malformed, refusal);
        }
        match grant_type {
            "authorization_code" => self.exchange_code(asked, entry),
            DEVICE_CODE => self.poll_device(asked, entry),
            "client_credentials" if asked.client.is_public => {
                malformed("unauthorized_client", "a public client has no credentials of its own")
            }
            "client_credentials" => {
                let issue = self.plain(Some(asked.client.id.clone()), asked);
                self.issue(asked, issue, entry)
            }
            EXCHANGE => self.exchange_token(asked, entry),
            _ => self.accept_assertion(asked, entry),
        }
    }

    /// RFC 8693 section 2.
    fn exchange_token(&mut self, asked: &Asked<'_>, entry: &mut LogEntry) -> (TokenVerdict, AsReply) {
        let (Some(token), Some(_)) =
            (asked.form.parameter("subject_token"), asked.form.parameter("subject_token_type"))
        else {
            return malformed("invalid_request", "subject_token or subject_token_type is missing");
        };
        if asked.form.parameter("actor_token").is_some() != asked.form.parameter("actor_token_type").is_some()
        {
            return malformed("invalid_request", "actor_token and actor_token_type go together");
        }
        if self.refused_subjects.iter().any(|refused| refused == token) {
            return refused(TokenVerdict::GrantRefused);
        }
        let issue = self.plain(None, asked);
        self.issue(asked, issue, entry)
    }

    /// RFC 7523 section 2.1.
    fn accept_assertion(&mut self, asked: &Asked<'_>, entry: &mut LogEntry) -> (TokenVerdict, AsReply) {
        let Some(assertion) = asked.form.parameter("assertion") else {
            return malformed("invalid_request", "assertion is missing");
        };
        let subject = match &self.config.login.assertion_keys {
            Some(keys) => {
                let signed = Jws::read(assertion).filter(|token| signed_by_one_of(token, keys));
                let Some(token) = signed else { return refused(TokenVerdict::GrantRefused) };
                if let Err(why) = self.timely(&token, asked.form, GRANT_ASSERTION_LIFETIME_MAX_MS) {
                    return (TokenVerdict::GrantRefused, AsReply::error(400, "invalid_grant", why));
                }
                token.text("sub").or(token.text("iss")).map(str::to_owned)
            }
            None => None,
        };
        if self.refused_subjects.iter().any(|refused| refused == assertion) {
            return refused(TokenVerdict::GrantRefused);
        }
        let issue = self.plain(subject, asked);
        self.issue(asked, issue, entry)
    }

    /// From now on this `subject_token` or `assertion` is refused with `invalid_grant`, as an expired one is.
    pub fn refuse_subject(&mut self, token: &str) {
        self.refused_subjects.push(token.to_owned());
    }

    fn plain(&self, subject: Option<String>, asked: &Asked<'_>) -> Issue {
        Issue {
            subject,
            refresh: self.config.login.needless_refresh_token,
            scope: asked.form.scope.clone(),
            nonce: None,
            resource: Vec::new(),
            audience: None,
        }
    }

    /// A new grant with its first tokens.
    pub(super) fn issue(
        &mut self,
        asked: &Asked<'_>,
        issue: Issue,
        entry: &mut LogEntry,
    ) -> (TokenVerdict, AsReply) {
        let at = self.grants.len();
        self.grants.push(Grant {
            client: Some(asked.client.id.clone()),
            jkt: asked.jkt.clone().filter(|_| asked.client.is_public),
            subject: issue.subject.clone(),
            ..Grant::default()
        });
        let refresh = issue.refresh.then(|| self.issue_refresh(asked.now_ms, at, None));
        let mut facts = self.facts(asked, issue.subject.clone());
        facts.scope = facts.scope.or_else(|| issue.scope.clone());
        if facts.resource.is_empty() {
            facts.resource = issue.resource;
        }
        facts.audience = facts.audience.or(issue.audience);
        let id_token = self.id_token(asked, facts.scope.as_deref(), facts.subject.as_deref(), issue.nonce);
        let access = self.issue_access(asked.now_ms, refresh.unwrap_or((at, 0)), facts);
        entry.issued = refresh.map(|place| self.ordinal_at(place));
        let exchanged = asked.form.grant_type.as_deref() == Some(EXCHANGE);
        let issued = reply::Tokens {
            access: &access,
            refresh: refresh.map(|place| self.issue_at(place).token.as_str()),
            bound: asked.jkt.is_some(),
            scope: issue.scope.as_deref().filter(|_| self.config.login.echo_scope),
            id_token: id_token.as_deref(),
            issued_type: exchanged.then_some("urn:ietf:params:oauth:token-type:access_token"),
        };
        (TokenVerdict::Granted, reply::tokens(&self.config, &issued))
    }

    pub(super) fn facts(&self, asked: &Asked<'_>, subject: Option<String>) -> AccessFacts {
        AccessFacts {
            grant_type: asked.form.grant_type.clone(),
            client_id: Some(asked.client.id.clone()),
            subject,
            scope: asked.form.scope.clone(),
            resource: asked.form.resource.clone(),
            audience: asked.form.parameter("audience").map(str::to_owned),
            jkt: asked.jkt.clone(),
        }
    }

    pub(super) fn echoed<'a>(&self, form: &'a TokenForm) -> Option<&'a str> {
        form.scope.as_deref().filter(|_| self.config.login.echo_scope)
    }

    /// `scope` (RFC 6749 section 5.2), `resource` and `audience` (RFC 8707 section 2, RFC 8693 section 2.2.2).
    pub(super) fn check_targets(&self, form: &TokenForm) -> Result<(), AsReply> {
        let login = &self.config.login;
        let known = |list: &Option<Vec<String>>, name: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|one| one == name))
        };
        if !form.scope.iter().flat_map(|scope| scope.split(' ')).all(|scope| known(&login.scopes, scope)) {
            return Err(AsReply::error(400, "invalid_scope", "this scope is not granted"));
        }
        let mut targets = form.resource.iter().map(String::as_str).chain(form.parameter("audience"));
        if !targets.all(|target| known(&login.targets, target)) {
            return Err(AsReply::error(400, "invalid_target", "this resource is not known"));
        }
        Ok(())
    }

    /// The key of the request's DPoP proof (RFC 9449 section 5), or what is answered where it does not hold.
    pub(super) fn prove(&mut self, form: &TokenForm) -> Result<Option<String>, (TokenVerdict, AsReply)> {
        let login = &self.config.login;
        let proofs = form.arrival.as_ref().map_or(&[][..], |arrival| &arrival.proofs);
        let invalid =
            |why: &str| (TokenVerdict::ProofRefused, AsReply::error(400, "invalid_dpop_proof", why));
        match (login.dpop, proofs) {
            (Dpop::Ignored, _) | (Dpop::Optional, []) => return Ok(None),
            (Dpop::Required, []) => return Err(invalid("a DPoP proof is needed")),
            (Dpop::Optional | Dpop::Required, _) => {}
        }
        let nonce = [self.nonce.as_str()];
        let expected = Expected {
            method: "POST",
            url: form.arrival.as_ref().map(|arrival| arrival.url.as_str()),
            unix_ms: form.arrival.as_ref().map(|arrival| arrival.unix_ms),
            token: None,
            nonces: if login.dpop_nonce { &nonce } else { &[] },
        };
        match proof::check(proofs, &expected, &mut self.seen_proofs) {
            Ok(jkt) => Ok(Some(jkt)),
            Err(ProofFault::Invalid(why)) => Err(invalid(why)),
            Err(ProofFault::Nonce) => {
                let asked = AsReply::error(400, "use_dpop_nonce", "the proof must carry this server's nonce");
                Err((TokenVerdict::NonceAsked, self.with_nonce(asked)))
            }
        }
    }

    /// The nonce for the next proof (RFC 9449 section 8.2), where one is asked for.
    pub(super) fn with_nonce(&self, reply: AsReply) -> AsReply {
        if self.config.login.dpop_nonce { reply.with("DPoP-Nonce", &self.nonce) } else { reply }
    }

    /// Another nonce from now on; proofs with the old one are refused.
    pub fn rotate_dpop_nonce(&mut self) {
        self.nonce = self.mint.name();
    }

    fn id_token(
        &self,
        asked: &Asked<'_>,
        scope: Option<&str>,
        subject: Option<&str>,
        nonce: Option<String>,
    ) -> Option<String> {
        let arrival = asked.form.arrival.as_ref()?;
        if !scope?.split(' ').any(|scope| scope == "openid") {
            return None;
        }
        let now = arrival.unix_ms / 1000;
        let mut claims = json!({ "iss": arrival.issuer, "sub": subject.unwrap_or("person"), "aud": asked.client.id,
            "iat": now, "exp": now + 300, "email": "person@example.com", "name": "A Person" });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        Some(self.id_token_key()?.sign(&claims))
    }

    /// The keys of ID tokens (`jwks_uri`).
    pub(crate) fn jwks(&self) -> AsReply {
        let keys = self.id_token_key().map_or_else(|| json!({ "keys": [] }), |key| key.jwks());
        AsReply::new(200, "application/json", keys.to_string())
    }

    fn id_token_key(&self) -> Option<IdTokenKey> {
        IdTokenKey::from_seed(&self.config.seed.to_string())
    }
}
