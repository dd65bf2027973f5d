//! What a login brought, and the record that it becomes.

use renewd_core::{
    Access, AccessKey, Client, Grant, GrantMaterial, GrantType, Judgement, Now, Record, RtExpiry, Secret,
    Settings, Span, Stamp, Verdict,
};

use crate::error::{LoginError, LoginErrorKind};
use crate::plan::Plan;
use crate::protocol::{IdTokenExpected, Identified, check_id_token};
use crate::wire::{Asked, Wire, refusal};

/// No longer lifetime is believed, as with refreshes.
const LIFETIME_MAX: Span = Span::from_hours(24 * 365);

/// Types of tokens that want more of whoever shows them than RFC 6750 does, or that are no access tokens at all (RFC 8693
/// §2.2.1). Others are taken for bearer tokens: servers have many names for those.
const UNUSABLE_TYPES: [&str; 3] = ["N_A", "mac", "pop"];

/// A living credential, not yet kept.
#[derive(Clone)]
#[non_exhaustive]
pub struct Granted {
    /// Who logged in, as the ID token says, for people.
    pub identified: Option<Identified>,
    /// What a person should know.
    pub remarks: Vec<String>,
    grant: Grant,
    refresh_token: Option<Secret>,
    issued: Stamp,
}

impl Granted {
    /// What the token endpoint's answer grants, checked.
    pub(crate) fn of(asked: Asked, wire: &Wire<'_>, nonce: Option<&Secret>) -> Result<Self, LoginError> {
        let Judgement { grant: Some(grant), verdict: Verdict::Success, .. } = &asked.judgement else {
            return Err(refusal(&asked.judgement));
        };
        let client = &wire.plan.client;
        // rfc: 6749-7.1 a token of a type that was not asked for, or that nobody here can use, is not used
        check_token_type(client, grant)?;
        let identified = identify(grant, wire, nonce)?;
        let mut remarks = Vec::new();
        if let Some(remark) = scope_remark(client, grant) {
            remarks.push(remark);
        }
        let refresh_token = asked.judgement.refresh_token.clone();
        if refresh_token.is_none() && matches!(client.grant_type, GrantType::RefreshToken) {
            remarks.push(
                "the server gave no refresh token, so this login ends with its access token; ask for one with the \
                 scope or parameter that this provider wants (often --scope offline_access)"
                    .to_owned(),
            );
        }
        let boot_id = wire.ports.clock.boot_id();
        Ok(Self {
            identified,
            remarks,
            grant: grant.clone(),
            refresh_token,
            issued: Stamp::new(asked.sent, boot_id),
        })
    }

    /// Whether it can be renewed: by a refresh token, or by a grant that needs none.
    pub fn is_renewable(&self, plan: &Plan) -> bool {
        self.refresh_token.is_some() || !plan.client.grant_type.spends_refresh_token()
    }

    /// The record of this login. `settings` is what the user said; what decides how it is renewed is taken from the
    /// plan.
    ///
    /// # Errors
    /// Where the plan names no token endpoint.
    pub fn record(
        &self,
        epoch: u64,
        plan: &Plan,
        mut settings: Settings,
        now: Now,
    ) -> Result<Record, LoginError> {
        let client = &plan.client;
        settings.grant_type = client.grant_type.clone();
        settings.dpop_key.clone_from(&client.dpop_key);
        settings.audience.clone_from(&client.audience);
        settings.scope = settings.scope.or_else(|| client.scope.clone());
        let identity = plan.identity()?;
        let given = self.grant.lifetime();
        let access = Access {
            key: AccessKey {
                scope: self.grant.scope.clone().or_else(|| settings.scope.clone()),
                resource: identity.resource.clone(),
                audience: settings.audience.clone(),
            },
            token: self.grant.access_token.clone(),
            token_type: self.grant.token_type.clone(),
            issued: self.issued,
            lifetime: given.unwrap_or(plan.policy.lifetime_default).min(LIFETIME_MAX),
            lifetime_given: given.is_some(),
            granted: None,
            brought_by: None,
        };
        // A grant that is run again needs no refresh token; one that is kept would only be one more to lose.
        let refresh_token = self.refresh_token.clone().filter(|_| client.grant_type.spends_refresh_token());
        let rt_seconds = self.grant.refresh_token_expires_in.and_then(|s| u64::try_from(s).ok());
        let rt_expiry = rt_seconds
            .filter(|s| *s > 0 && refresh_token.is_some())
            .map(|seconds| RtExpiry { issued: self.issued, lifetime: Span::from_secs(seconds) });
        let grant = GrantMaterial {
            refresh_token,
            rt_expiry,
            id_token: self.grant.id_token.clone(),
            access: vec![access],
        };
        Ok(Record::new(epoch, identity, settings, grant, now))
    }
}

/// RFC 6750 and RFC 9449 §5: a bearer token where one was asked for, a bound one where a key was shown.
fn check_token_type(client: &Client, grant: &Grant) -> Result<(), LoginError> {
    let named = |name: &str| grant.token_type.eq_ignore_ascii_case(name);
    if UNUSABLE_TYPES.into_iter().any(named) {
        let text =
            format!("the server gave a token of the type {}, which nobody here can use", grant.token_type);
        return Err(LoginError::new(LoginErrorKind::Refused, text));
    }
    let bound = named("DPoP");
    let text = match (client.dpop_key.is_some(), bound) {
        (true, false) => {
            "the server gave a token that is not bound to this credential's key: it does not support DPoP for this \
             client; log in without --dpop, or have it enabled at the server"
        }
        (false, true) => {
            "the server gave a token that is bound to a key, and none was shown; log in with --dpop"
        }
        _ => return Ok(()),
    };
    Err(LoginError::new(LoginErrorKind::Refused, text))
}

/// Who logged in. An ID token that does not belong to this login is refused with everything that came beside it.
fn identify(
    grant: &Grant,
    wire: &Wire<'_>,
    nonce: Option<&Secret>,
) -> Result<Option<Identified>, LoginError> {
    let Some(id_token) = &grant.id_token else { return Ok(None) };
    let expected = IdTokenExpected {
        issuer: wire.plan.server.issuer.as_ref().map(|issuer| &issuer.value),
        client_id: &wire.plan.client.id,
        nonce,
        now: wire.server_time(),
    };
    check_id_token(id_token, &expected).map(Some).map_err(|e| LoginError::refused("the ID token", &e))
}

/// RFC 6749 §3.3: what was granted may be less, or more, than what was asked for.
fn scope_remark(client: &Client, grant: &Grant) -> Option<String> {
    let (asked, granted) = (client.scope.as_deref()?, grant.scope.as_deref()?);
    let missing: Vec<&str> =
        asked.split_whitespace().filter(|scope| !granted.split_whitespace().any(|g| g == *scope)).collect();
    (!missing.is_empty()).then(|| {
        let missing = renewd_core::plain_line(&missing.join(" "), 300);
        format!("the server did not grant all that was asked for; missing: {missing}")
    })
}
