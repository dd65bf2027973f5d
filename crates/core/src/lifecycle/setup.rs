//! What a machine is set up with.

use alloc::sync::Arc;

use crate::attempt::Owner;
use crate::client::Client;
use crate::policy::Policy;
use crate::profile::Profile;

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
