//! Grants that no person takes part in: client credentials (RFC 6749 §4.4), token exchange (RFC 8693), JWT bearer
//! (RFC 7523). Logging in runs them once; keeping runs them again.

use renewd_core::{ClientAuth, GrantType, Proving, TokenRequest, Verdict};

use crate::error::{LoginError, LoginErrorKind};
use crate::granted::Granted;
use crate::plan::Plan;
use crate::ports::{LoginEvent, Ports, Ui};
use crate::wire::Wire;

/// Runs the client's own grant for the first time.
///
/// # Errors
/// See [`LoginErrorKind`].
pub async fn by_grant(ports: &Ports, plan: &Plan, ui: &dyn Ui) -> Result<Granted, LoginError> {
    let client = plan.client.clone().for_profile(&plan.profile);
    let identity = plan.identity()?;
    // rfc: 6749-4.4 client credentials are for clients that can keep some
    if matches!(client.grant_type, GrantType::ClientCredentials) && matches!(client.auth, ClientAuth::None) {
        let text = "client credentials need a client that proves itself: give --client-secret-file or --client-key-file";
        return Err(LoginError::new(LoginErrorKind::Configuration, text));
    }
    if let Some(metadata) = plan.server.metadata()
        && metadata.offers_grant(client.grant_type.name()) == Some(false)
    {
        let remark = format!("the server's metadata do not list the grant {}", client.grant_type.name());
        ui.tell(&LoginEvent::Remark(&remark));
    }
    let make = |proving: Proving<'_>| {
        TokenRequest::grant(&identity, &client, proving, &plan.policy.request).ok_or_else(|| {
            let text = "this grant needs a person: log in with a browser or --device";
            LoginError::new(LoginErrorKind::Configuration, text)
        })
    };
    let mut wire = Wire::new(ports, plan);
    let mut asked = wire.ask_for_token(&make).await?;
    // Nothing is spent by these grants, so a moment's failure costs one more request and no person's time. A server that
    // never has enough of its nonces is asked often enough as it is.
    if asked.judgement.verdict == Verdict::RetryImmediately && asked.judgement.dpop_nonce.is_none() {
        asked = wire.ask_for_token(&make).await?;
    }
    Granted::of(asked, &wire, None)
}
