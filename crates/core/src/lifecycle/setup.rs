//! What a machine is set up with.

use alloc::sync::Arc;

use crate::attempt::Owner;
use crate::client::Client;
use crate::policy::Policy;
use crate::profile::{Profile, RefreshRequest};
use crate::record::Record;
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

    /// Who asks for this record, and what this provider wants from everybody who does. A scope that must be named again
    /// is the one that was granted, where the client has none of its own.
    pub(crate) fn client_for(&self, record: &Record) -> Arc<Client> {
        let wanted = &self.profile.refresh;
        if *wanted == RefreshRequest::PLAIN {
            return Arc::clone(&self.client);
        }
        let mut client = Client::clone(&self.client).for_profile(&self.profile);
        if wanted.scope && client.scope.is_none() {
            let granted = record.access().and_then(|access| access.key.scope.clone());
            client.scope = record.settings.scope.clone().or(granted);
        }
        Arc::new(client)
    }
}
