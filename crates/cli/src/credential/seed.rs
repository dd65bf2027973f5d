//! The seed of a credential: a refresh token in a file, used only while no record exists. A record, however old, wins:
//! the seed was spent long ago.

use renewd_blocking::block_on;
use renewd_core::{CommitFailure, GrantMaterial, Identity, Record, Settings};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialName, CredentialStore, Expect};

use super::profile::{By, chosen};
use super::store::{store_failure, write_failure};
use crate::config::Config;
use crate::exit::Failure;
use crate::input::secret::read_secret_file;
use crate::profiles::{revocation_beside, token_endpoint_of_login};

/// Writes the first record of a credential from its `seed_file`, where it has one and no record stands. True when it
/// did.
///
/// # Errors
/// A configuration failure where the seed cannot be read or belongs to another credential; a store failure.
pub(crate) fn seed(
    config: &Config,
    store: &dyn CredentialStore,
    name: &CredentialName,
) -> Result<bool, Failure> {
    let Some(path) = config.path("credential", "seed_file", Some(name)) else { return Ok(false) };
    if !matches!(block_on(store.load(name)), renewd_core::Loaded::Absent) {
        return Ok(false);
    }
    let text = |key| config.text("credential", key, Some(name));
    let found = chosen(config, name, None)?;
    let (chosen, is_named) = (found.profile, found.by != By::Host);
    let fixed = || token_endpoint_of_login(chosen, is_named, text("issuer").as_deref()).map(String::from);
    // The configuration's own check made sure of both.
    let (Some(token_endpoint), Some(client_id)) = (text("token_endpoint").or_else(fixed), text("client_id"))
    else {
        return Ok(false);
    };
    let token = read_secret_file(&path, "the seed").map_err(|why| Failure::configuration(why).about(name))?;
    if let Some(holder) = block_on(store.holder_of(&token, Some(name))).map_err(store_failure)? {
        let message =
            format!("the seed of credential {name} is the refresh token of credential {holder} already");
        return Err(Failure::configuration(message)
            .advise("two records of one refresh token lose it: give each credential its own login")
            .about(name));
    }
    let identity = Identity {
        issuer: text("issuer"),
        revocation_endpoint: text("revocation_endpoint")
            .or_else(|| revocation_beside(chosen, &token_endpoint)),
        token_endpoint,
        client_id,
        resource: text("resource"),
        profile: chosen.name.to_string(),
    };
    let grant = GrantMaterial { refresh_token: Some(token), ..GrantMaterial::default() };
    let record = Record::new(1, identity, Settings::default(), grant, SystemClock.now());
    match block_on(store.put(name, &record, Expect::Absent)) {
        Ok(()) => Ok(true),
        // Somebody else was first; theirs holds.
        Err(CommitFailure::Fenced(_)) => Ok(false),
        Err(failure) => Err(write_failure(failure, "seeding")),
    }
}
