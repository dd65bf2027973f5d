//! A credential, put together from its record and the configuration.

mod access;
mod attended;
mod client_key;
mod closed;
mod glance;
mod grants;
mod keep;
mod profile;
mod seed;
mod seed_used;
mod setup;
mod store;

pub(crate) use access::Access;
pub(crate) use client_key::{client_key, keyring_key};
pub(crate) use closed::{closed_store, names_in_folder};
pub(crate) use glance::{Announced, Glance, glance, names};
pub(crate) use grants::{
    ASSERTION_LIFETIME, TOKEN_TYPE, configured as configured_grant, name_of as grant_name, source,
};
pub(crate) use keep::{Standing, keep, refuse_other, standing};
pub(crate) use profile::{By, Chosen, chosen, contradictions, effective, policy};
#[cfg(unix)]
pub(crate) use seed::SEED_AWAITED;
pub(crate) use seed::{has_seed, seed};
pub(crate) use seed_used::is_replaced as is_seed_replaced;
pub(crate) use setup::transport;
pub(crate) use setup::{Hands, Secrets, check_identity, check_transport, endpoint, setup, usual_auth};
pub(crate) use store::{
    OpenStore, is_memory, is_there, key_setting, keyring, open, open_existing, open_failure, options,
    remembered, store_failure, store_folder, store_place, write_failure,
};

use renewd_core::{Cause, Record, RecordState};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialName};

use crate::exit::{Exit, Failure};
use crate::json::login_command;
use crate::output::time::local;

/// Longest name of nobody that a message repeats, in bytes: somebody may have given a token for a name.
const SHOWN_BYTES_MAX: usize = 32;

/// A login that came without a refresh token ends with its access token: there is nothing to refresh it with.
///
/// # Errors
/// Then, and says until when the token lives.
pub(crate) fn refuse_unrenewable(name: &CredentialName, record: Option<&Record>) -> Result<(), Failure> {
    let Some(record) = record else { return Ok(()) };
    let renewable =
        record.grant.refresh_token.is_some() || !record.settings.grant_type.spends_refresh_token();
    if renewable || record.state != RecordState::Active {
        return Ok(());
    }
    let now = SystemClock.now().wall;
    let until = record.access().map(|access| access.expires_wall()).filter(|at| *at > now);
    let until = until.map_or_else(String::new, |at| format!("; its token is valid until {}", local(at, now)));
    let mut failure = Failure::new(
        Exit::LoginNeeded,
        format!("{name}: this login came without a refresh token, and cannot be renewed{until}"),
    )
    .advise(format!(
        "{} gives another; ask for a refresh token with the scope or parameter that the provider wants for it (often \
         --scope offline_access)",
        login_command(name.as_str())
    ))
    .coded("no_refresh_token")
    .about(name);
    failure.about.cause = Some(Cause::NoRefreshToken.name().into());
    failure.about.login_command = Some(login_command(name.as_str()));
    Err(failure)
}

/// An ID token was asked for, and there is none.
pub(crate) fn no_id_token(name: &CredentialName) -> Failure {
    Failure::new(Exit::LoginNeeded, format!("{name}: the server gave no ID token"))
        .advise("log in with the scope openid, and ask for that scope on refresh")
        .coded("no_id_token")
        .about(name)
}

/// Nobody of that name is known.
pub(crate) fn unknown(name: &CredentialName, known: &[CredentialName]) -> Failure {
    if name.as_str().len() > SHOWN_BYTES_MAX {
        return Failure::new(
            Exit::LoginNeeded,
            "no credential has that name (not repeated: it could be a secret)",
        )
        .advise("`renewd status` shows all there are")
        .coded("no_grant");
    }
    let is_configured = known.contains(name);
    let near = crate::config::nearest(name.as_str(), known.iter().map(CredentialName::as_str));
    let advice = match near {
        _ if is_configured => login_command(name.as_str()),
        Some(near) => format!("did you mean {near}? `renewd status` shows all"),
        None => format!(
            "{} --profile P (or --issuer URL, or --resource URL) begins one",
            login_command(name.as_str())
        ),
    };
    let message = if is_configured {
        format!("{name} stands in the configuration, and nobody has logged in yet")
    } else {
        format!("no credential is called {name}")
    };
    let mut failure = Failure::new(Exit::LoginNeeded, message).advise(advice).coded("no_grant").about(name);
    failure.about.cause = Some("no_grant".into());
    failure.about.login_command = Some(login_command(name.as_str()));
    failure
}
