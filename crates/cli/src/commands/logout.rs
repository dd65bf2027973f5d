//! `renewd logout`: a tombstone here, then a revocation at the server (RFC 7009). The tombstone comes first: whatever
//! becomes of the revocation, nobody here uses the tokens again.

use clap::Args;
use renewd_blocking::block_on;
use renewd_core::{Answer, Client, Loaded, Proving, Record, RecordState, Setup, TokenRequest, TokenTypeHint};
use renewd_driver::system::{SystemClock, SystemEntropy};
use renewd_driver::{Clock as _, CredentialName, CredentialStore, Entropy as _, Expect, TokenEndpoint as _};

use crate::app::App;
use crate::config::Config;
use crate::credential::{
    Secrets, endpoint, names, open_existing, setup, store_failure, unknown, write_failure,
};
use crate::exit::Failure;
use crate::obtain::tell_agent;

/// A refresh that ends while we look may change the record; so often we look again.
const TRIES_MAX: usize = 5;

/// Arguments of `logout`.
#[derive(Args, Debug)]
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
    let store = open_existing(&config)?.ok_or_else(|| unknown(name, &[]))?;
    let Some(record) = bury(&config, store.port.as_ref(), name)? else {
        app.output.note(&format!("○ {name}: logged out already"));
        return Ok(());
    };
    tell_agent(&config, name);
    app.output.note(&format!("○ {name}: logged out"));
    // From here on nothing undoes the logout; what fails is told.
    match setup(&config, name, Some(&record), Secrets::Read) {
        Err(failure) => app.output.warn(&format!("{name}: not revoked at the server: {}", failure.message)),
        Ok(setup) => match revoke(&config, name, &record, &setup) {
            Ok(()) => {
                app.output.note(&format!("{} {name}: revoked at the server", app.output.err.green("✓")))
            }
            Err(why) => app.output.warn(&format!(
                "{name}: not revoked at the server: {why}; end the session there if that matters"
            )),
        },
    }
    Ok(())
}

/// Writes the tombstone and gives what stood there before; none when one stood there.
fn bury(
    config: &Config,
    store: &dyn CredentialStore,
    name: &CredentialName,
) -> Result<Option<Box<Record>>, Failure> {
    for tries_left in (0..TRIES_MAX).rev() {
        let record = match block_on(store.load(name)) {
            Loaded::Absent => return Err(unknown(name, &names(config, Some(store))?)),
            Loaded::Fault(fault) => return Err(store_failure(fault).about(name)),
            Loaded::Record(record) | Loaded::RolledBack { record, .. } => record,
        };
        if matches!(record.state, RecordState::Tombstone { .. }) {
            return Ok(None);
        }
        let (epoch, generation) = record.version();
        let tombstone = record.tombstone(SystemClock.now());
        match block_on(store.put(name, &tombstone, Expect::Version { epoch, generation })) {
            Ok(()) => return Ok(Some(record)),
            Err(renewd_core::CommitFailure::Fenced(_)) if tries_left > 0 => {}
            Err(failure) => return Err(write_failure(failure, "logout").about(name)),
        }
    }
    Err(Failure::internal(format!("{name}: the record changes faster than it can be buried")))
}

/// Takes the refresh token back at the server, and the access token where there is no refresh token.
fn revoke(config: &Config, name: &CredentialName, record: &Record, setup: &Setup) -> Result<(), String> {
    let (token, hint) = match (&record.grant.refresh_token, record.access()) {
        (Some(token), _) => (token, TokenTypeHint::RefreshToken),
        (None, Some(access)) => (&access.token, TokenTypeHint::AccessToken),
        (None, None) => return Err("there is no token left".into()),
    };
    let client = Client::clone(&setup.client).named_for(&setup.profile);
    let proving = Proving::at(SystemClock.now().wall);
    let request =
        TokenRequest::revocation(&record.identity, &client, token, hint, proving, &setup.policy.request)
            .ok_or("no revocation endpoint is known")?;
    match block_on(endpoint(config, name).send(SystemEntropy.attempt_id(), request)) {
        Answer::Response(response) if (200..=299).contains(&response.status) => Ok(()),
        Answer::Response(response) => Err(format!("HTTP {}", response.status)),
        Answer::Failed(failure) => Err(failure.message),
    }
}
