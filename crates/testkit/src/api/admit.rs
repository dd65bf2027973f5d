//! Who is let in: bearer tokens (RFC 6750), tokens that are bound to a key (RFC 9449 section 7), and what a refusal says.

use super::record::ApiState;
use super::routes::Routes;
use crate::clock::{http_date, unix_ms};
use crate::http::Head;
use crate::model::{AccessCheck, AsReply, Dpop, Expected, ProofFault, check_proof};
use serde_json::json;

/// Where the metadata of RFC 9728 section 3 stands; a resource's own path may follow.
pub(super) const METADATA_PATH: &str = "/.well-known/oauth-protected-resource";

/// What the look at a request's token said.
pub(super) struct Admitted {
    pub(super) token: Option<AccessCheck>,
    pub(super) scheme: Option<String>,
    /// The key that the proof was made with.
    pub(super) jkt: Option<String>,
    /// What is answered instead.
    pub(super) refusal: Option<AsReply>,
}

impl Routes {
    /// Checks token and proof, and counts the request.
    pub(super) fn admit(&self, head: &Head) -> Admitted {
        let shown = head.field("authorization").and_then(|value| value.split_once(' '));
        let shown = shown.map(|(scheme, token)| (scheme.to_ascii_lowercase(), token.trim()));
        let token = shown.as_ref().filter(|(scheme, _)| scheme == "bearer" || scheme == "dpop");
        let now_ms = self.auth.clock.now_ms();
        let (check, bound, offset_ms) = self.auth.change(|state| {
            let check = token.map(|(_, token)| state.model.check_access(now_ms, token));
            let facts = token.and_then(|(_, token)| state.model.access_facts(token));
            (check, facts.and_then(|facts| facts.jkt), state.model.config().login.clock_offset_ms)
        });
        let by_proof = shown.as_ref().is_some_and(|(scheme, _)| scheme == "dpop");
        self.inner.change(|state| {
            let proof = match token {
                Some((_, token)) if by_proof => prove(state, head, token, offset_ms).map(Some),
                _ => Ok(None),
            };
            let fits = matches!(&proof, Ok(jkt) if *jkt == bound);
            let refused = state.refuses() || !fits || !check.is_some_and(AccessCheck::is_valid);
            let totals = &mut state.totals;
            totals.requests += 1;
            totals.authorized += u64::from(!refused);
            totals.unauthorized += u64::from(refused);
            totals.expired_tokens += u64::from(matches!(check, Some(AccessCheck::Expired(_))));
            totals.revoked_tokens += u64::from(matches!(check, Some(AccessCheck::Revoked(_))));
            totals.proofs += u64::from(matches!(proof, Ok(Some(_))));
            totals.proofs_refused += u64::from(proof.is_err());
            totals.nonces_asked += u64::from(proof == Err(ProofFault::Nonce));
            let refusal = refused.then(|| {
                let fault = proof.as_ref().err().copied();
                let date = http_date(unix_ms(offset_ms));
                challenge(state, head, check.is_some(), by_proof || bound.is_some(), fault)
                    .with("Date", &date)
            });
            Admitted {
                token: check,
                scheme: shown.as_ref().map(|(scheme, _)| scheme.clone()),
                jkt: proof.ok().flatten(),
                refusal,
            }
        })
    }

    /// RFC 9728 section 2, of the whole server or of what stands behind the well-known path.
    pub(super) fn metadata(&self, head: &Head) -> AsReply {
        let below = head.path().trim_start_matches(METADATA_PATH);
        let issuer = self.auth.issuer().to_owned();
        let (scopes, dpop) = self.auth.look(|state| {
            let login = &state.model.config().login;
            (login.scopes.clone(), login.dpop)
        });
        let mut document = json!({
            "resource": format!("{}{below}", origin(head)),
            "authorization_servers": [issuer],
            "bearer_methods_supported": ["header"],
            "dpop_bound_access_tokens_required": dpop == Dpop::Required,
        });
        if let Some(scopes) = scopes {
            document["scopes_supported"] = scopes.into();
        }
        AsReply::new(200, "application/json", document.to_string())
    }
}

fn prove(state: &mut ApiState, head: &Head, token: &str, offset_ms: i64) -> Result<String, ProofFault> {
    let fields = head.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("dpop"));
    let proofs: Vec<String> = fields.map(|(_, value)| value.clone()).collect();
    let url = format!("{}{}", origin(head), head.path());
    let nonce = state.nonce_text();
    let expected = Expected {
        method: &head.method,
        url: Some(&url),
        unix_ms: Some(unix_ms(offset_ms)),
        token: Some(token),
        nonces: &nonce.iter().map(String::as_str).collect::<Vec<_>>(),
    };
    check_proof(&proofs, &expected, &mut state.seen_proofs)
}

fn origin(head: &Head) -> String {
    format!("http://{}", head.field("host").unwrap_or_default())
}

/// RFC 6750 section 3 and RFC 9449 section 7.1: without a token no error code is given.
fn challenge(state: &ApiState, head: &Head, shown: bool, dpop: bool, fault: Option<ProofFault>) -> AsReply {
    let mut challenge = format!("{} realm=\"testkit\"", if dpop { "DPoP" } else { "Bearer" });
    match fault {
        Some(ProofFault::Nonce) => challenge.push_str(", error=\"use_dpop_nonce\""),
        Some(ProofFault::Invalid(why)) => {
            challenge.push_str(&format!(", error=\"invalid_dpop_proof\", error_description=\"{why}\""));
        }
        None if shown => challenge.push_str(", error=\"invalid_token\""),
        None => {}
    }
    if state.announces {
        let path = if head.path() == "/" { "" } else { head.path() };
        challenge.push_str(&format!(", resource_metadata=\"{}{METADATA_PATH}{path}\"", origin(head)));
    }
    let refusal = AsReply::new(401, "text/plain", "a valid access token is needed\n")
        .with("WWW-Authenticate", &challenge);
    match state.nonce_text() {
        Some(nonce) if dpop => refusal.with("DPoP-Nonce", &nonce),
        _ => refusal,
    }
}
