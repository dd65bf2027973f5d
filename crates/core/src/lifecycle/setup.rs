//! What a machine is set up with.

use alloc::sync::Arc;

use crate::attempt::Owner;
use crate::client::Client;
use crate::grant_type::GrantType;
use crate::policy::Policy;
use crate::profile::{Profile, RefreshRequest};
use crate::record::Record;
use crate::secret::Secret;
use crate::time::Span;

/// What a [`Lifecycle`](crate::Lifecycle) is made from. Cheap to clone; a million machines share one.
#[derive(Clone, Hash)]
pub struct Setup {
    /// Every number.
    pub policy: Arc<Policy>,
    /// The provider's habits.
    pub profile: Arc<Profile>,
    /// Who asks.
    pub client: Arc<Client>,
    /// This process, written into intents; its boot id tells whether boot-clock times can be compared.
    pub owner: Arc<Owner>,
}

impl Setup {
    /// The least time between a success and the next refresh that nobody needs: the user's wish, else the provider's,
    /// else the default for a token of that lifetime.
    pub(crate) fn min_interval_for(&self, lifetime: Span) -> Span {
        let provider = self.profile.min_interval.filter(|_| self.policy.refresh.min_interval.is_none());
        provider.unwrap_or_else(|| self.policy.refresh.min_interval_for(lifetime))
    }

    /// The least time between an attempt that failed and the next, where the provider counts refreshes: it counts these
    /// too, and some lengthen the wait with each. A user who set a shorter one knows better.
    pub(crate) fn attempt_interval(&self) -> Option<Span> {
        let provider = self.profile.min_interval?;
        Some(self.policy.refresh.min_interval.map_or(provider, |own| own.min(provider)))
    }

    /// Who asks for this record, and what this provider wants from everybody who does. How it is renewed, and the key its
    /// tokens are bound to, is the record's own matter: a configuration cannot change it under a login. A scope that must
    /// be named again is the one that was granted, where the client has none of its own; a grant that is run anew names
    /// all that the login was told.
    pub(crate) fn client_for(&self, record: &Record) -> Arc<Client> {
        let (wanted, settings) = (&self.profile.refresh, &record.settings);
        // rfc: 6749-6 a refresh names no scope beyond the granted one: unnamed, it is all that was granted
        let asks_too_much = !wanted.scope && names_more_than_granted(&self.client, record);
        let is_plain =
            |grant_type: &GrantType, key: &Option<Secret>| grant_type.spends_refresh_token() && key.is_none();
        if *wanted == RefreshRequest::PLAIN
            && !asks_too_much
            && is_plain(&settings.grant_type, &settings.dpop_key)
            && is_plain(&self.client.grant_type, &self.client.dpop_key)
        {
            return Arc::clone(&self.client);
        }
        let mut client = Client {
            grant_type: settings.grant_type.clone(),
            dpop_key: settings.dpop_key.clone(),
            ..Client::clone(&self.client)
        };
        if !settings.grant_type.spends_refresh_token() {
            client = client.for_login(&self.profile);
            client.scope = client.scope.or_else(|| settings.scope.clone());
            client.audience = client.audience.or_else(|| settings.audience.clone());
            return Arc::new(client);
        }
        client = client.for_profile(&self.profile);
        if wanted.scope && client.scope.is_none() {
            let granted = record.access().and_then(|access| access.key.scope.clone());
            client.scope = settings.scope.clone().or(granted);
        } else if asks_too_much {
            client.scope = None;
        }
        Arc::new(client)
    }
}

/// Whether the client would name a scope that the server did not say it had granted. Servers spell scopes anew (commas,
/// addresses for words) and a person may withhold one: either way nothing of it can be named for sure.
fn names_more_than_granted(client: &Client, record: &Record) -> bool {
    let granted = record.access().and_then(|access| access.key.scope.as_deref());
    let (Some(asked), Some(granted)) = (client.scope.as_deref(), granted) else { return false };
    asked.split(' ').any(|word| !word.is_empty() && granted.split(' ').all(|one| one != word))
}
