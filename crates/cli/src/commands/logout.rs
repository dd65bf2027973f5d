//! `renewd logout`: a tombstone here, then a revocation at the server (RFC 7009). The tombstone comes first: whatever
//! becomes of the revocation, nobody here uses the tokens again.

pub(crate) mod server;

use clap::Args;
use renewd_blocking::block_on;
use renewd_core::{GrantMaterial, Identity, Loaded, Record, RecordState, Settings, StoreFaultKind};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialName, CredentialStore, Expect};

use crate::agent_client::{Agent, Asked};
use crate::app::App;
use crate::config::Config;
use crate::credential::{is_memory, names, open_existing, store_failure, unknown, write_failure};
use crate::exit::Failure;
use crate::journal::{self, What};
use crate::obtain::written;
use crate::output::time::local;

use server::{AtServer, Told};

/// A refresh that ends while we look may change the record; so often we look again.
const TRIES_MAX: usize = 5;

/// Arguments of `logout`.
#[derive(Args, Debug)]
#[command(
    after_help = "The tokens are forgotten here first, then revoked at the server, as far as it lets them be. What was not is told."
)]
pub(crate) struct Logout {
    /// Which credential
    name: CredentialName,
}

/// Logs out.
///
/// # Errors
/// Why the tokens are still here.
pub(crate) fn run(args: &Logout, app: &App) -> Result<(), Failure> {
    let config = app.config()?;
    let name = &args.name;
    if is_memory(&config) {
        return by_agent(&config, name, app);
    }
    let store = open_existing(&config)?.ok_or_else(|| unknown(name, &[]))?;
    let buried = bury(&config, store.port.as_ref(), name)?;
    if !matches!(buried, Buried::Already) {
        written(&config, name, What::LoggedOut);
    }
    match buried {
        Buried::Already => app.output.note(&format!("○ {name}: logged out already")),
        Buried::Unread => {
            app.output.note(&format!("○ {name}: logged out"));
            app.output.warn(&format!(
                "{name}: not revoked at the server: the record was damaged, and its tokens could not be read; end the \
                 session there"
            ));
        }
        Buried::Record(record) => {
            app.output.note(&format!("○ {name}: logged out"));
            // From here on nothing undoes the logout; what fails is told.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let told = match runtime {
                Ok(runtime) => runtime.block_on(server::tell_configured(&config, name, &record)),
                Err(error) => Err(format!("no timer can be started: {error}")),
            };
            let said = words(&told, expiry(&record).as_deref());
            say(app, name, &said);
            for (good, text) in said {
                journal::note(config.places().state()?, Some(name), What::AtServer { good, text });
            }
        }
    }
    Ok(())
}

/// The records of a store in memory are the agent's: it logs out.
fn by_agent(config: &Config, name: &CredentialName, app: &App) -> Result<(), Failure> {
    let agent = Agent::find(config).map_err(|_| unknown(name, &[]))?;
    let expires = match agent.one(name) {
        Asked::Answer(status) => status.token_expires_at,
        Asked::Refused(failure) => return Err(failure),
        Asked::Silent(_) => None,
    };
    match agent.logout(name) {
        Asked::Answer(told) => {
            app.output.note(&format!("○ {name}: logged out"));
            say(app, name, &words(&Ok(told), expires.as_deref()));
            Ok(())
        }
        Asked::Refused(failure) => Err(failure),
        Asked::Silent(why) => Err(Failure::internal(format!("the agent did not answer: {why}")).about(name)),
    }
}

/// What became of the record.
enum Buried {
    /// A tombstone is in its place.
    Record(Box<Record>),
    /// The same, and what it was could not be read.
    Unread,
    /// A tombstone stood there.
    Already,
}

/// Writes the tombstone. Where one stands it is written once more: that clears away what a process left that died over it.
fn bury(config: &Config, store: &dyn CredentialStore, name: &CredentialName) -> Result<Buried, Failure> {
    for tries_left in (0..TRIES_MAX).rev() {
        let (tombstone, expect, buried) = match block_on(store.load(name)) {
            Loaded::Absent => return Err(unknown(name, &names(config, Some(store))?)),
            Loaded::Record(record) | Loaded::RolledBack { record, .. } => {
                let (epoch, generation) = record.version();
                let expect = Expect::Version { epoch, generation };
                if matches!(record.state, RecordState::Tombstone { .. }) {
                    (*record, expect, Buried::Already)
                } else {
                    (record.tombstone(SystemClock.now()), expect, Buried::Record(record))
                }
            }
            // It was set aside; a person who says that the login is over need not log in to say so.
            Loaded::Fault(fault) if fault.kind == StoreFaultKind::Damaged => {
                (nobodys(), Expect::Absent, Buried::Unread)
            }
            Loaded::Fault(fault) => return Err(store_failure(fault).about(name)),
        };
        match block_on(store.put(name, &tombstone, expect)) {
            Ok(()) => return Ok(buried),
            Err(renewd_core::CommitFailure::Fenced(_)) if tries_left > 0 => {}
            Err(failure) => return Err(write_failure(failure, "logout").about(name)),
        }
    }
    Err(Failure::internal(format!("{name}: the record changes faster than it can be buried")))
}

/// A tombstone of a login that nobody can read. The store gives it an epoch above all that were.
fn nobodys() -> Record {
    let (identity, settings) = (Identity::default(), Settings::default());
    Record::new(0, identity, settings, GrantMaterial::default(), SystemClock.now())
        .tombstone(SystemClock.now())
}

/// When the last of its access tokens ends.
fn expiry(record: &Record) -> Option<String> {
    let last = record.grant.access.iter().map(renewd_core::Access::expires_wall).max()?;
    let now = SystemClock.now().wall;
    (last > now).then(|| local(last, now))
}

/// Says what the server was told, and what it was not.
fn say(app: &App, name: &CredentialName, said: &[(bool, String)]) {
    let err = &app.output.err;
    for (good, text) in said {
        if *good {
            app.output.note(&format!("{} {name}: {text}", err.green("✓")));
        } else {
            app.output.warn(&format!("{name}: {text}"));
        }
    }
}

/// What the server was told, and what it was not: sentences, and whether each is good news. `until`: how long an access
/// token works that it was not told of.
pub(crate) fn words(told: &Result<AtServer, String>, until: Option<&str>) -> Vec<(bool, String)> {
    let not = |why: &str| {
        (false, format!("not revoked at the server: {why}; end the session there if that matters"))
    };
    let AtServer { refresh_token, access_tokens, registration } = match told {
        Ok(told) => told,
        Err(why) => return vec![not(why)],
    };
    let until = until.map_or_else(String::new, |until| format!("; it works until {until}"));
    let mut words = vec![match (refresh_token, access_tokens) {
        (None, None) => not("there is no token left"),
        (Some(Ok(())), Some(Ok(()))) => (true, "refresh token and access token revoked at the server".into()),
        (Some(Ok(())), _) => (true, "refresh token revoked at the server".into()),
        (None, Some(Ok(()))) => (true, "access token revoked at the server".into()),
        (Some(Err(why)), Some(Ok(()))) => {
            let (_, text) = not(why);
            (false, format!("refresh token {text}; the access token was revoked"))
        }
        (Some(Err(why)), _) | (None, Some(Err(why))) => not(why),
    }];
    if let (Some(Ok(())), Some(Err(why))) = (refresh_token, access_tokens) {
        words.push((false, format!("the access token was not revoked at the server: {why}{until}")));
    }
    words.extend(registration.as_ref().map(of_registration));
    words
}

fn of_registration(told: &Told) -> (bool, String) {
    match told {
        Ok(()) => (true, "the client that was registered for this login was deleted at the server".into()),
        Err(why) => {
            (false, format!("the client that was registered for this login is still at the server: {why}"))
        }
    }
}

#[cfg(test)]
#[path = "logout/tests.rs"]
mod tests;
