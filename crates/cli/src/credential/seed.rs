//! What a credential begins with where nobody logged in: a refresh token in a file, or a grant that needs no person. Both
//! are used only while no record exists. A record, however old, wins: the seed was spent long ago.

use std::path::Path;

use renewd_blocking::block_on;
use renewd_core::{CommitFailure, GrantMaterial, Identity, Record, Settings};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialName, CredentialStore, Expect};

use super::grants::configured;
use super::profile::{By, chosen};
use super::seed_used;
use super::store::{store_failure, write_failure};
use crate::config::Config;
use crate::exit::Failure;
use crate::input::secret::read_secret_file;
use crate::profiles::{revocation_beside, token_endpoint_of_login};

/// What a failure is called that passes as soon as somebody puts the seed in its place.
pub(crate) const SEED_AWAITED: &str = "seed_awaited";

/// Whether the configuration says what that credential begins with.
pub(crate) fn has_seed(config: &Config, name: &CredentialName) -> bool {
    ["seed_file", "grant"].into_iter().any(|key| config.lookup("credential", key, Some(name)).is_some())
}

/// Writes the first record of a credential from its `seed_file` or its `grant`, where it has one and no record stands.
/// True when it did.
///
/// # Errors
/// A configuration failure where the seed cannot be read or belongs to another credential, or where a grant lacks what
/// it needs; a store failure.
pub(crate) fn seed(
    config: &Config,
    store: &dyn CredentialStore,
    name: &CredentialName,
) -> Result<bool, Failure> {
    if !has_seed(config, name) {
        return Ok(false);
    }
    if !matches!(block_on(store.load(name)), renewd_core::Loaded::Absent) {
        return Ok(false);
    }
    let text = |key| config.text("credential", key, Some(name));
    let found = chosen(config, name, None)?;
    let (chosen, is_named) = (found.profile, found.by != By::Host);
    let fixed = || token_endpoint_of_login(chosen, is_named, text("issuer").as_deref()).map(String::from);
    // For a refresh token the configuration's own check made sure of both. A grant may have to be looked for first: then
    // it is a login that does that.
    let (Some(token_endpoint), Some(client_id)) = (text("token_endpoint").or_else(fixed), text("client_id"))
    else {
        return Ok(false);
    };
    let (grant, settings) = match config.path("credential", "seed_file", Some(name)) {
        Some(path) => (seeded(store, name, &path)?, Settings::default()),
        None => match of_grant(config, name, &client_id, &token_endpoint)? {
            Some(settings) => (GrantMaterial::default(), settings),
            None => return Ok(false),
        },
    };
    let identity = Identity {
        issuer: text("issuer"),
        revocation_endpoint: text("revocation_endpoint")
            .or_else(|| revocation_beside(chosen, &token_endpoint)),
        token_endpoint,
        client_id,
        resource: text("resource"),
        profile: chosen.name.to_string(),
    };
    let record = Record::new(1, identity, settings, grant, SystemClock.now());
    match block_on(store.put(name, &record, Expect::Absent)) {
        Ok(()) => {
            if let Some(seed) = &record.grant.refresh_token {
                seed_used::remember(config, name, seed);
            }
            Ok(true)
        }
        // Somebody else was first; theirs holds.
        Err(CommitFailure::Fenced(_)) => Ok(false),
        Err(failure) => Err(write_failure(failure, "seeding")),
    }
}

/// What a grant of the configuration pins; none where a person is to log in all the same. A key that tokens are bound to
/// is made by a login alone, which writes it down before it is used.
fn of_grant(
    config: &Config,
    name: &CredentialName,
    client_id: &str,
    token_endpoint: &str,
) -> Result<Option<Settings>, Failure> {
    let bound = config.lookup("credential", "dpop", Some(name)).and_then(|e| e.value.as_flag());
    if bound == Some(true) {
        return Ok(None);
    }
    let grant = configured(config, name, client_id, token_endpoint)?;
    Ok(grant.map(|grant_type| Settings { grant_type, ..Settings::default() }))
}

/// A mount that comes up late, or a file that is still being written: both follow a link to what they are in the end.
fn not_there_yet(path: &Path) -> Option<&'static str> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some("does not exist yet"),
        Ok(meta) if meta.is_file() && meta.len() == 0 => Some("is empty as yet"),
        _ => None,
    }
}

/// The refresh token of a file.
fn seeded(store: &dyn CredentialStore, name: &CredentialName, path: &Path) -> Result<GrantMaterial, Failure> {
    if let Some(what) = not_there_yet(path) {
        let message = format!("{name}: the seed file {} {what}", path.display());
        return Err(Failure::configuration(message)
            .advise("put the refresh token there; it is taken up within seconds")
            .coded(SEED_AWAITED)
            .about(name));
    }
    let token = read_secret_file(path, "the seed").map_err(|why| Failure::configuration(why).about(name))?;
    if let Some(holder) = block_on(store.holder_of(&token, Some(name))).map_err(store_failure)? {
        let message =
            format!("the seed of credential {name} is the refresh token of credential {holder} already");
        return Err(Failure::configuration(message)
            .advise("two records of one refresh token lose it: give each credential its own login")
            .about(name));
    }
    Ok(GrantMaterial { refresh_token: Some(token), ..GrantMaterial::default() })
}
