//! The private key by which a client proves itself: in a file, in the system's keyring, or in the record.

use renewd_core::{Record, Secret, SigningKey};
use renewd_driver::CredentialName;
use renewd_driver::keyring::ItemName;

use super::store::keyring;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::input::secret::{key, read_key_file};

/// The key that holds for a credential: the configuration's, read anew each time; else what the login kept.
///
/// # Errors
/// A configuration failure where it cannot be read; a store failure where the keyring does not answer.
pub(crate) fn client_key(
    config: &Config,
    name: &CredentialName,
    record: Option<&Record>,
) -> Result<Option<SigningKey>, Failure> {
    let kept = record.and_then(|r| r.settings.client_key.clone());
    let text = |key| config.text("credential", key, Some(name));
    let material = match configured(config, name)? {
        Some(material) => material,
        None => match kept {
            Some(kept) => {
                return Ok(Some(SigningKey {
                    key_id: text("client_key_id").or(kept.key_id),
                    algorithm: text("client_key_algorithm").or(kept.algorithm),
                    material: kept.material,
                }));
            }
            None => return Ok(None),
        },
    };
    // What the login was told of its own key says nothing of another one.
    Ok(Some(SigningKey { material, key_id: text("client_key_id"), algorithm: text("client_key_algorithm") }))
}

/// Whether there is one, without reading it.
pub(super) fn has_client_key(config: &Config, name: &CredentialName, record: Option<&Record>) -> bool {
    ["client_key_file", "client_key_keyring"]
        .into_iter()
        .any(|key| config.lookup("credential", key, Some(name)).is_some())
        || record.is_some_and(|r| r.settings.client_key.is_some())
}

fn configured(config: &Config, name: &CredentialName) -> Result<Option<Secret>, Failure> {
    if let Some(path) = config.path("credential", "client_key_file", Some(name)) {
        return read_key_file(&path, "the client's key")
            .map(Some)
            .map_err(|why| Failure::configuration(why).about(name));
    }
    let Some(item) = config.text("credential", "client_key_keyring", Some(name)) else { return Ok(None) };
    keyring_key(config, &item).map(Some).map_err(|failure| failure.about(name))
}

/// The key in an item of the system's keyring.
///
/// # Errors
/// A store failure where the keyring does not answer; a configuration failure where nothing usable lies there.
pub(crate) fn keyring_key(config: &Config, item: &str) -> Result<Secret, Failure> {
    let named: ItemName = item
        .parse()
        .map_err(|error| Failure::configuration(format!("{item:?} names nothing in a keyring: {error}")))?;
    let keyring = keyring(config);
    match keyring.get(&named) {
        Ok(Some(found)) => key(found.expose()).map_err(|why| {
            Failure::configuration(format!("the client's key from item {named} of {} {why}", keyring.place()))
        }),
        Ok(None) => Err(Failure::configuration(format!("there is no item {named} in {}", keyring.place()))
            .advise(
                "put the key there as it stands (application=renewd, item=its name), or name a file with \
                 client_key_file",
            )),
        Err(error) => Err(Failure::new(Exit::Store, format!("the client's key: {error}"))),
    }
}
