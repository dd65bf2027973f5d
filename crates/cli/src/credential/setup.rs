//! What a machine is set up with: the record's settings, overridden by the configuration; never its identity.

use std::path::Path;
use std::sync::Arc;

use renewd_core::{
    Client, ClientAuth, ClientAuthMethod, Identity, Profile, Record, RecordState, Secret, Setup,
};
use renewd_driver::CredentialName;
use renewd_driver::system::{self, SystemClock};
use renewd_ureq::{ProxyChoice, Roots, UreqEndpoint, UreqOptions, Workers};

use super::profile;
use crate::config::Config;
use crate::exit::Failure;
use crate::input::secret::read_secret_file;
use crate::input::url::same_place;
use crate::json::login_command;

/// Whether the client's secret is needed. Whoever only looks does not read it, and does not fail over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrets {
    /// Read it: requests will be sent.
    Read,
    /// Leave it.
    Leave,
}

/// The setup of a credential.
///
/// # Errors
/// A configuration failure: another identity than the record's, or a client secret that cannot be read.
pub(crate) fn setup(
    config: &Config,
    name: &CredentialName,
    record: Option<&Record>,
    secrets: Secrets,
) -> Result<Setup, Failure> {
    if let Some(record) = record {
        check_identity(config, name, &record.identity)?;
    }
    let chosen = match (profile::chosen(config, name, record), secrets) {
        (Ok(chosen), _) => chosen.profile,
        // Whoever only looks reads no answer: what stands can be shown and used.
        (Err(_), Secrets::Leave) => &Profile::GENERIC,
        (Err(failure), Secrets::Read) => return Err(failure),
    };
    let profile = profile::effective(config, name, record, chosen);
    let client = match secrets {
        Secrets::Read => client(config, name, record, &profile)?,
        Secrets::Leave => Client::public(client_id(config, name, record)),
    };
    Ok(system::setup(profile::policy(config, name, &profile), profile, client))
}

/// A configuration must not name another server or client than the one the login is pinned to: the refresh token
/// would be sent to strangers.
///
/// # Errors
/// A configuration failure that names both and says how to log in again.
pub(crate) fn check_identity(
    config: &Config,
    name: &CredentialName,
    pinned: &Identity,
) -> Result<(), Failure> {
    let differs = |key: &str, configured: &str| match key {
        "token_endpoint" => !same_place(configured, &pinned.token_endpoint),
        "issuer" => pinned.issuer.as_deref().is_some_and(|p| !same_place(configured, p)),
        "revocation_endpoint" => {
            pinned.revocation_endpoint.as_deref().is_some_and(|p| !same_place(configured, p))
        }
        "client_id" => configured != pinned.client_id,
        _ => pinned.resource.as_deref() != Some(configured),
    };
    for key in ["token_endpoint", "issuer", "revocation_endpoint", "client_id", "resource"] {
        let Some(found) = config.lookup("credential", key, Some(name)) else { continue };
        let configured = found.value.to_string();
        if differs(key, &configured) {
            let is = match key {
                "token_endpoint" => Some(&pinned.token_endpoint),
                "issuer" => pinned.issuer.as_ref(),
                "revocation_endpoint" => pinned.revocation_endpoint.as_ref(),
                "client_id" => Some(&pinned.client_id),
                _ => pinned.resource.as_ref(),
            };
            let is = is.map_or_else(|| "none".into(), |is| format!("{is:?}"));
            let message = format!(
                "{}: credential.{name}.{key} is {configured:?}, but the login is pinned to {is}",
                found.origin
            );
            return Err(Failure::configuration(message)
                .advise(format!("log in again ({}), or take the key back", login_command(name.as_str())))
                .about(name));
        }
    }
    Ok(())
}

/// How the token endpoint of a credential is reached.
pub(crate) fn transport(config: &Config, name: &CredentialName) -> UreqOptions {
    let mut options =
        UreqOptions { ca_file: config.path("request", "ca_file", Some(name)), ..UreqOptions::default() };
    if config.text("request", "roots", Some(name)).as_deref() == Some("platform") {
        options.roots = Roots::Platform;
    }
    options.proxy = match config.text("request", "proxy", Some(name)) {
        None => ProxyChoice::Direct,
        Some(text) if text == "environment" => ProxyChoice::Environment,
        Some(url) => ProxyChoice::Url(url),
    };
    options
}

/// Whether the way to the token endpoint can work: roots, CA file, proxy.
///
/// # Errors
/// A configuration failure.
pub(crate) fn check_transport(config: &Config, name: &CredentialName) -> Result<(), Failure> {
    endpoint(config, name).check().map_err(|e| Failure::configuration(format!("{name}: {e}")).about(name))
}

/// The endpoint of one credential alone.
pub(crate) fn endpoint(config: &Config, name: &CredentialName) -> UreqEndpoint {
    UreqEndpoint::new(transport(config, name), Workers::default(), Arc::new(SystemClock))
}

fn client_id(config: &Config, name: &CredentialName, record: Option<&Record>) -> String {
    record
        .map(|r| r.identity.client_id.clone())
        .or_else(|| config.text("credential", "client_id", Some(name)))
        .unwrap_or_default()
}

fn client(
    config: &Config,
    name: &CredentialName,
    record: Option<&Record>,
    profile: &Profile,
) -> Result<Client, Failure> {
    let told = record.map(|r| &r.settings);
    let secret: Option<Secret> = match config.path("credential", "client_secret_file", Some(name)) {
        Some(path) => Some(client_secret(&path, name)?),
        None => told.and_then(|s| s.client_secret.clone()),
    };
    let auth = config
        .text("credential", "client_auth", Some(name))
        .or_else(|| told.and_then(|s| s.client_auth.clone()))
        .or_else(|| usual_auth(profile, secret.is_some()).map(|method| method.name().into()))
        // A logout leaves no secret, and nothing that would have to be proved with one: what is missing is a login.
        .filter(|_| secret.is_some() || !record.is_some_and(is_logged_out));
    let entry = config.credential(name);
    let scope = config
        .lookup("credential", "scope", Some(name))
        .and_then(|e| e.value.as_words().map(|w| w.join(" ")))
        .or_else(|| told.and_then(|s| s.scope.clone()))
        .filter(|s| !s.is_empty());
    Ok(Client {
        auth: client_auth(name, auth.as_deref(), secret)?,
        scope,
        extra_parameters: entry.map(|e| e.parameters.clone()).unwrap_or_default(),
        extra_headers: entry.map(|e| e.headers.clone()).unwrap_or_default(),
        ..Client::public(client_id(config, name, record))
    })
}

/// The way in which clients of that provider usually prove themselves, with what is at hand.
pub(crate) fn usual_auth(profile: &Profile, secret: bool) -> Option<ClientAuthMethod> {
    let possible = |method: &ClientAuthMethod| match method {
        ClientAuthMethod::None => !secret,
        ClientAuthMethod::Basic | ClientAuthMethod::Post => secret,
        _ => false,
    };
    profile.client_auth.iter().copied().find(possible)
}

pub(super) fn is_logged_out(record: &Record) -> bool {
    matches!(record.state, RecordState::Tombstone { .. })
}

fn client_secret(path: &Path, name: &CredentialName) -> Result<Secret, Failure> {
    read_secret_file(path, "the client secret").map_err(|why| Failure::configuration(why).about(name))
}

fn client_auth(
    name: &CredentialName,
    auth: Option<&str>,
    secret: Option<Secret>,
) -> Result<ClientAuth, Failure> {
    match (auth, secret) {
        (Some("none"), _) | (None, None) => Ok(ClientAuth::None),
        (Some("basic"), Some(secret)) => Ok(ClientAuth::Basic(secret)),
        (_, Some(secret)) => Ok(ClientAuth::Post(secret)),
        (Some(auth), None) => Err(Failure::configuration(format!(
            "credential {name} authenticates its client by {auth:?} and has no client secret"
        ))
        .advise(format!(
            "name its file: credential.{name}.client_secret_file, or import with --client-secret-file"
        ))
        .about(name)),
    }
}
