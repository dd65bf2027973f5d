//! What a login asks for, decided before the first request of it leaves.

use renewd_core::{Client, Identity, Policy, Profile};

use crate::discover::Server;
use crate::error::LoginError;

/// Everything that a login is made with.
#[derive(Clone)]
pub struct Plan {
    /// Where.
    pub server: Server,
    /// Who asks, and for what: its `scope` and `audience`, its grant type, the key that tokens are bound to.
    pub client: Client,
    /// The provider's habits.
    pub profile: Profile,
    /// Time-outs, and the lifetime of a token that does not name its own.
    pub policy: Policy,
    /// The user's own parameters for the authorization or device authorization request, in order. The profile's are
    /// added; an empty value keeps one out.
    pub parameters: Vec<(String, String)>,
    /// The thumbprint of the client's DPoP key (RFC 9449 §10), where it has one: the code is bound to it.
    pub dpop_thumbprint: Option<String>,
}

impl Plan {
    /// The scope as this provider separates it.
    pub(crate) fn scope_text(&self) -> Option<String> {
        let scope = self.client.scope.as_deref()?;
        let separator = self.profile.login.scope_separator.as_deref().unwrap_or(" ");
        Some(scope.split_whitespace().collect::<Vec<_>>().join(separator))
    }

    /// The user's parameters, and behind them the profile's.
    pub(crate) fn all_parameters(&self) -> Vec<(String, String)> {
        let profile = self.profile.login.parameters.iter();
        let profile = profile.map(|(name, value)| (name.to_string(), value.to_string()));
        self.parameters.iter().cloned().chain(profile).collect()
    }

    /// What will be pinned in the record.
    ///
    /// # Errors
    /// Where no token endpoint is known.
    pub fn identity(&self) -> Result<Identity, LoginError> {
        let server = &self.server;
        Ok(Identity {
            issuer: server.issuer.as_ref().map(|issuer| issuer.value.as_str().to_owned()),
            // rfc: 9700-4.4.2-2 the code goes to the server that the request went to, and so does all that follows
            token_endpoint: server.token_endpoint()?.value.as_str().to_owned(),
            revocation_endpoint: server.revocation_endpoint.as_ref().map(|e| e.value.as_str().to_owned()),
            client_id: self.client.id.clone(),
            resource: server.resource.as_ref().map(|resource| resource.value.clone()),
            profile: self.profile.name.to_string(),
        })
    }
}
