//! The Secret Service: GNOME Keyring, KWallet, KeePassXC and whoever else answers to `org.freedesktop.secrets`.
//!
//! Items lie in the default collection. Anybody on the session's bus can list their attributes and labels, so they tell
//! no more than that renewd made them. Values cross the bus encrypted for the session. What the specification leaves
//! open is decided here: a locked collection is an error and not an empty one, a person is asked only where that is
//! allowed, and of several items with one name the last written counts.

mod address;
mod link;
mod prompt;
mod trouble;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::env;
use std::time::Duration;

use renewd_core::Secret;
use renewd_driver::keyring::{ItemName, KeyringError};
use secret_service::{Collection, Item};

use crate::Interaction;
use crate::backend::{Backend, Call, Description};

pub use self::address::session_bus;
use self::link::{Link, Session};
use self::prompt::unprompted;
use self::trouble::Trouble;

/// GNOME Keyring holds its secrets in locked memory, of which a user has little, and writes its whole file for each
/// change; a record is a few KiB.
const ITEM_BYTES_MAX: usize = 64 * 1024;

pub(crate) const DESCRIPTION: Description = Description {
    name: "secret-service",
    place: "the Secret Service (default collection)",
    item_bytes_max: ITEM_BYTES_MAX,
};

/// The label of every item. Password programs show it.
const LABEL: &str = "renewd";

const CONTENT_TYPE: &str = "application/octet-stream";

pub(crate) fn open() -> Box<dyn Backend> {
    Box::new(SecretServiceBackend { address: None, link: None })
}

/// On the bus at this address, whatever the environment says.
#[cfg(feature = "testing")]
pub(crate) fn open_at(address: &str) -> Box<dyn Backend> {
    Box::new(SecretServiceBackend { address: Some(address.to_owned()), link: None })
}

struct SecretServiceBackend {
    address: Option<String>,
    /// Kept from call to call: agreeing on a key costs more than ten calls.
    link: Option<Link>,
}

impl SecretServiceBackend {
    /// Does it on the link that is there; where that turns out to be dead, once more on a new one.
    fn run<T>(
        &mut self,
        call: &Call,
        what: impl AsyncFn(&Session) -> Result<T, Trouble>,
    ) -> Result<T, KeyringError> {
        let outcome = match self.link.take() {
            Some(link) => match self.attempt(link, call, &what) {
                Err(trouble) if trouble.is_of_the_connection() => {
                    call.wanted()?;
                    self.connect_and(call, &what)
                }
                outcome => outcome,
            },
            None => self.connect_and(call, &what),
        };
        outcome.map_err(Trouble::into_error)
    }

    fn connect_and<T>(
        &mut self,
        call: &Call,
        what: &impl AsyncFn(&Session) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let address = match &self.address {
            Some(address) => address.clone(),
            None => session_bus(|name| env::var_os(name)).map_err(Trouble::NoBus)?,
        };
        let link = Link::connect(&address, left(call))?;
        self.attempt(link, call, what)
    }

    fn attempt<T>(
        &mut self,
        link: Link,
        call: &Call,
        what: &impl AsyncFn(&Session) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let outcome = link.run(left(call), what);
        // A link on which something was left unanswered is closed: the provider then takes its prompt away.
        let spent = |trouble: &Trouble| {
            trouble.is_of_the_connection() || matches!(trouble, Trouble::TimedOut | Trouble::WantsPerson)
        };
        if !outcome.as_ref().err().is_some_and(spent) {
            self.link = Some(link);
        }
        outcome
    }
}

/// A little less than the caller waits, so that the call is ended from here and its thread is not given up for lost.
fn left(call: &Call) -> Duration {
    call.left() / 20 * 19
}

impl Backend for SecretServiceBackend {
    fn get(&mut self, item: &ItemName, call: &Call) -> Result<Option<Secret>, KeyringError> {
        self.run(call, async |session| {
            let collection = unlocked(session, call.interaction()).await?;
            let Some(newest) = newest_first(&collection, item).await?.into_iter().next() else {
                return Ok(None);
            };
            readable(&newest, call.interaction()).await?;
            Ok(Some(Secret::new(newest.get_secret().await?)))
        })
    }

    fn set(&mut self, item: &ItemName, value: &Secret, call: &Call) -> Result<(), KeyringError> {
        self.run(call, async |session| {
            let collection = unlocked(session, call.interaction()).await?;
            let mut found = newest_first(&collection, item).await?.into_iter();
            let Some(newest) = found.next() else {
                let attributes = attributes(item);
                let created = collection.create_item(LABEL, attributes, value.expose(), true, CONTENT_TYPE);
                unprompted(&session.bus, call.interaction(), created).await?;
                return Ok(());
            };
            readable(&newest, call.interaction()).await?;
            newest.set_secret(value.expose(), CONTENT_TYPE).await?;
            for double in found {
                unprompted(&session.bus, call.interaction(), double.delete()).await?;
            }
            Ok(())
        })
    }

    fn delete(&mut self, item: &ItemName, call: &Call) -> Result<bool, KeyringError> {
        self.run(call, async |session| {
            let collection = unlocked(session, call.interaction()).await?;
            let found = newest_first(&collection, item).await?;
            for one in &found {
                unprompted(&session.bus, call.interaction(), one.delete()).await?;
            }
            Ok(!found.is_empty())
        })
    }

    fn probe(&mut self, call: &Call) -> Result<(), KeyringError> {
        self.run(call, async |session| {
            let collection = unlocked(session, Interaction::Never).await?;
            collection.search_items(HashMap::from([APPLICATION])).await?;
            Ok(())
        })
    }
}

const APPLICATION: (&str, &str) = ("application", "renewd");

fn attributes(item: &ItemName) -> HashMap<&str, &str> {
    HashMap::from([APPLICATION, ("item", item.as_str())])
}

/// The default collection. A locked one is unlocked or an error: some providers show it as empty.
async fn unlocked(session: &Session, interaction: Interaction) -> Result<Collection<'_>, Trouble> {
    let collection = match session.service.get_default_collection().await {
        Err(secret_service::Error::NoResult) => return Err(Trouble::NoCollection),
        found => found?,
    };
    if collection.is_locked().await? {
        if interaction == Interaction::Never {
            return Err(Trouble::Locked);
        }
        collection.unlock().await?;
        if collection.is_locked().await? {
            return Err(Trouble::Locked);
        }
    }
    Ok(collection)
}

/// The items of that name. There should be one; another program may have made more.
async fn newest_first<'a>(collection: &'a Collection<'_>, item: &ItemName) -> Result<Vec<Item<'a>>, Trouble> {
    let found = collection.search_items(attributes(item)).await?;
    if found.len() < 2 {
        return Ok(found);
    }
    let mut dated = Vec::with_capacity(found.len());
    for one in found {
        dated.push((one.get_modified().await?, one));
    }
    // Written in the same second: the one that was made later, as far as the number that ends its path tells.
    dated.sort_by_key(|(modified, one)| {
        let path = one.item_path.as_str();
        Reverse((*modified, path.len(), path.to_owned()))
    });
    Ok(dated.into_iter().map(|(_, one)| one).collect())
}

/// Some providers lock single items until a person lets this program read them.
async fn readable(item: &Item<'_>, interaction: Interaction) -> Result<(), Trouble> {
    if !item.is_locked().await? {
        return Ok(());
    }
    if interaction == Interaction::Never {
        return Err(Trouble::Locked);
    }
    Ok(item.unlock().await?)
}
