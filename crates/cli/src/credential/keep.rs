//! Puts the record of a login where it belongs: over what stands there, whoever writes meanwhile, and never over
//! somebody else's login unless told so.

use renewd_core::{CommitFailure, Identity, Loaded, Record, RecordState, Secret, StoreFaultKind};
use renewd_driver::{CredentialName, CredentialStore, Expect};

use super::store::{store_failure, write_failure};
use crate::exit::Failure;
use crate::input::url::same_place;

/// A refresh that ends meanwhile changes the record; so often we look again.
const TRIES_MAX: usize = 10;

/// What stands under a name, and what must still stand there when a login is written.
pub(crate) struct Standing {
    pub(crate) record: Option<Box<Record>>,
    expect: Expect,
}

impl Standing {
    /// What an agent says that it keeps. It checks once more when it takes a login.
    pub(crate) fn seen(record: Option<Record>) -> Self {
        Self { record: record.map(Box::new), expect: Expect::Absent }
    }

    /// The login that is in force, or was refused; none after a logout.
    pub(crate) fn login(&self) -> Option<&Record> {
        self.record.as_deref().filter(|record| !matches!(record.state, RecordState::Tombstone { .. }))
    }
}

/// Looks.
///
/// # Errors
/// A store failure.
pub(crate) async fn standing(
    store: &dyn CredentialStore,
    name: &CredentialName,
) -> Result<Standing, Failure> {
    match store.load(name).await {
        Loaded::Absent => Ok(Standing { record: None, expect: Expect::Absent }),
        // The damaged record was set aside; a login is how it is healed.
        Loaded::Fault(fault) if fault.kind == StoreFaultKind::Damaged => {
            Ok(Standing { record: None, expect: Expect::Absent })
        }
        Loaded::Fault(fault) => Err(store_failure(fault).about(name)),
        Loaded::Record(record) | Loaded::RolledBack { record, .. } => {
            let (epoch, generation) = record.version();
            Ok(Standing { expect: Expect::Version { epoch, generation }, record: Some(record) })
        }
    }
}

/// Another login than the one that stands is not written over it by accident: whoever uses the name trusts whose it is.
///
/// # Errors
/// A usage failure that names both.
pub(crate) fn refuse_other(
    name: &CredentialName,
    standing: &Standing,
    identity: &Identity,
    replace: bool,
) -> Result<(), Failure> {
    let Some(old) = standing.login().map(|record| &record.identity).filter(|_| !replace) else {
        return Ok(());
    };
    let issuers = old.issuer.as_ref().zip(identity.issuer.as_ref());
    let same_issuer = issuers.is_none_or(|(old, new)| old == new);
    let same_token_endpoint = same_place(&old.token_endpoint, &identity.token_endpoint);
    let differs = if same_issuer && issuers.is_some() && !same_token_endpoint {
        // The server's own document names another place for the secrets: that is what a person must see.
        Some(("the token endpoint", &old.token_endpoint, &identity.token_endpoint))
    } else if !same_issuer || !same_token_endpoint {
        Some(("the server", server(old), server(identity)))
    } else if old.client_id != identity.client_id {
        Some(("the client", &old.client_id, &identity.client_id))
    } else {
        let none = |resource: &Option<String>| resource.is_none();
        match (&old.resource, &identity.resource) {
            (Some(old), Some(new)) if !same_place(old, new) => Some(("the resource", old, new)),
            (old, new) if none(old) != none(new) => {
                return Err(another(
                    name,
                    "the resource",
                    old.as_deref().unwrap_or("none"),
                    new.as_deref().unwrap_or("none"),
                ));
            }
            _ => None,
        }
    };
    match differs {
        None => Ok(()),
        Some((what, old, new)) => Err(another(name, what, old, new)),
    }
}

fn server(identity: &Identity) -> &String {
    identity.issuer.as_ref().unwrap_or(&identity.token_endpoint)
}

fn another(name: &CredentialName, what: &str, old: &str, new: &str) -> Failure {
    Failure::usage(format!("{name} is another login: {what} is {old} there, and would be {new}"))
        .advise("with --replace it takes that one's place; or take another name")
        .about(name)
}

/// Two records of one refresh token would lose it: each rotation makes the other's a spent one.
async fn refuse_shared(
    store: &dyn CredentialStore,
    token: Option<&Secret>,
    name: &CredentialName,
) -> Result<(), Failure> {
    let Some(token) = token else { return Ok(()) };
    match store.holder_of(token, Some(name)).await.map_err(store_failure)? {
        None => Ok(()),
        Some(holder) => Err(Failure::usage(format!(
            "the server gave the refresh token that credential {holder} holds already"
        ))
        .advise(format!("use {holder}, or log out of it first: two records of one refresh token lose it"))
        .about(name)),
    }
}

/// Writes the record of a login as the next epoch of what stands, durably. Gives it as it was written.
///
/// # Errors
/// Another login stands there and `replace` was not said; the refresh token is another credential's; a store failure.
pub(crate) async fn keep(
    store: &dyn CredentialStore,
    name: &CredentialName,
    mut record: Record,
    replace: bool,
) -> Result<Record, Failure> {
    refuse_shared(store, record.grant.refresh_token.as_ref(), name).await?;
    for tries_left in (0..TRIES_MAX).rev() {
        let standing = standing(store, name).await?;
        refuse_other(name, &standing, &record.identity, replace)?;
        record.epoch = standing.record.as_ref().map_or(0, |old| old.epoch).saturating_add(1);
        record.generation = 0;
        match store.put(name, &record, standing.expect).await {
            Ok(()) => return Ok(record),
            Err(CommitFailure::Fenced(_)) if tries_left > 0 => {}
            Err(failure) => return Err(write_failure(failure, "logging in").about(name)),
        }
    }
    Err(Failure::internal(format!("{name}: the record changes faster than a login can be written")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_blocking::block_on;
    use renewd_core::{GrantMaterial, Now, Settings};
    use renewd_store::MemoryStore;

    fn record(issuer: &str, client: &str, token: &str) -> Record {
        let identity = Identity {
            issuer: Some(issuer.into()),
            token_endpoint: format!("{issuer}/token"),
            client_id: client.into(),
            ..Identity::default()
        };
        let grant = GrantMaterial { refresh_token: Some(Secret::from(token)), ..GrantMaterial::default() };
        Record::new(0, identity, Settings::default(), grant, Now::default())
    }

    fn name(text: &str) -> CredentialName {
        text.parse().unwrap()
    }

    #[test]
    fn the_same_login_again_is_a_new_epoch_and_needs_no_leave() {
        let store = MemoryStore::new();
        for (token, epoch) in [("rt-1", 1), ("rt-2", 2)] {
            let kept = block_on(keep(&store, &name("work"), record("https://a.example", "c", token), false));
            assert_eq!(kept.unwrap().version(), (epoch, 0));
        }
    }

    #[test]
    fn another_server_client_or_resource_needs_leave_and_both_are_named() {
        let store = MemoryStore::new();
        let first = record("https://a.example", "c", "rt-1");
        block_on(keep(&store, &name("work"), first.clone(), false)).unwrap();
        let mut resource = record("https://a.example", "c", "rt-2");
        resource.identity.resource = Some("https://api.example/".into());
        let mut moved = record("https://a.example", "c", "rt-2");
        moved.identity.token_endpoint = "https://evil.example/token".into();
        for (other, words) in [
            (moved, ["the token endpoint is https://a.example", "would be https://evil.example/token"]),
            (record("https://b.example", "c", "rt-2"), ["https://a.example there", "https://b.example"]),
            (record("https://a.example", "d", "rt-2"), ["the client is c there", "would be d"]),
            (resource, ["the resource is none there", "https://api.example/"]),
        ] {
            let failure = block_on(keep(&store, &name("work"), other.clone(), false)).err().unwrap();
            let told = format!("{failure}");
            assert!(words.iter().all(|w| told.contains(w)) && told.contains("--replace"), "{told}");
            assert_eq!(block_on(keep(&store, &name("work"), other, true)).unwrap().generation, 0);
            block_on(keep(&store, &name("work"), first.clone(), true)).unwrap();
        }
    }

    #[test]
    fn after_a_logout_anybody_may_log_in_under_the_name() {
        let store = MemoryStore::new();
        let first = record("https://a.example", "c", "rt-1");
        let kept = block_on(keep(&store, &name("work"), first, false)).unwrap();
        let expect = Expect::Version { epoch: 1, generation: 0 };
        assert!(block_on(store.put(&name("work"), &kept.tombstone(Now::default()), expect)).is_ok());
        let other = record("https://b.example", "d", "rt-2");
        assert_eq!(block_on(keep(&store, &name("work"), other, false)).unwrap().version(), (3, 0));
    }

    #[test]
    fn a_refresh_token_has_one_home() {
        let store = MemoryStore::new();
        block_on(keep(&store, &name("a"), record("https://a.example", "c", "rt-1"), false)).unwrap();
        let again = record("https://a.example", "c", "rt-1");
        let failure = block_on(keep(&store, &name("b"), again, false)).err().unwrap();
        assert!(failure.message.contains("credential a holds already"), "{failure}");
    }
}
