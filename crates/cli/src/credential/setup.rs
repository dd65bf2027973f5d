//! What a machine is set up with: the record's settings, overridden by the configuration; never its identity.

use std::path::Path;
use std::sync::Arc;

use renewd_core::{
    Client, ClientAuth, ClientAuthMethod, Identity, Profile, Record, RecordState, Secret, Setup,
};
use renewd_driver::CredentialName;
use renewd_driver::system::{self, SystemClock};
use renewd_ureq::{ProxyChoice, Roots, UreqEndpoint, UreqOptions, Workers};

use super::client_key::{client_key, has_client_key};
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
    check_grant(config, name, record)?;
    let secret: Option<Secret> = match config.path("credential", "client_secret_file", Some(name)) {
        Some(path) => Some(client_secret(&path, name)?),
        None => told.and_then(|s| s.client_secret.clone()),
    };
    let hands = Hands { secret: secret.is_some(), key: has_client_key(config, name, record) };
    let auth = config
        .text("credential", "client_auth", Some(name))
        .or_else(|| told.and_then(|s| s.client_auth.clone()))
        .or_else(|| usual_auth(profile, hands).map(|method| method.name().into()))
        // A logout leaves no secret, and nothing that would have to be proved with one: what is missing is a login.
        .filter(|_| hands != Hands::default() || !record.is_some_and(is_logged_out));
    let entry = config.credential(name);
    let scope = config
        .lookup("credential", "scope", Some(name))
        .and_then(|e| e.value.as_words().map(|w| w.join(" ")))
        .or_else(|| told.and_then(|s| s.scope.clone()))
        .filter(|s| !s.is_empty());
    let by_key = match auth.as_deref() {
        Some("private_key_jwt") => true,
        None => hands.key && !hands.secret,
        Some(_) => false,
    };
    let auth = if by_key {
        let key = client_key(config, name, record)?.ok_or_else(|| no_key(name))?;
        let audience = config.text("credential", "client_assertion_audience", Some(name));
        ClientAuth::PrivateKeyJwt { key, audience }
    } else {
        client_auth(name, auth.as_deref(), secret)?
    };
    Ok(Client {
        auth,
        scope,
        audience: config
            .text("credential", "audience", Some(name))
            .or_else(|| told.and_then(|s| s.audience.clone())),
        grant_type: told.map(|s| s.grant_type.clone()).unwrap_or_default(),
        dpop_key: told.and_then(|s| s.dpop_key.clone()),
        extra_parameters: entry.map(|e| e.parameters.clone()).unwrap_or_default(),
        extra_headers: entry.map(|e| e.headers.clone()).unwrap_or_default(),
        ..Client::public(client_id(config, name, record))
    })
}

/// An entry that names another grant than the login was made with would do nothing.
fn check_grant(config: &Config, name: &CredentialName, record: Option<&Record>) -> Result<(), Failure> {
    let (Some(found), Some(record)) = (config.lookup("credential", "grant", Some(name)), record) else {
        return Ok(());
    };
    let told = super::grants::name_of(&record.settings.grant_type);
    if is_logged_out(record) || found.value.as_text() == Some(told) {
        return Ok(());
    }
    let message = format!(
        "{}: credential.{name}.grant is {}, but the login was made by {told}",
        found.origin, found.value
    );
    Err(Failure::configuration(message)
        .advise(format!("log in again ({}), or take the key back", login_command(name.as_str())))
        .about(name))
}

/// What a client can prove itself with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hands {
    /// A secret.
    pub(crate) secret: bool,
    /// A private key.
    pub(crate) key: bool,
}

impl Hands {
    /// What is there for a credential, without reading any of it.
    pub(crate) fn of(config: &Config, name: &CredentialName, record: Option<&Record>) -> Self {
        Self {
            secret: config.lookup("credential", "client_secret_file", Some(name)).is_some()
                || record.is_some_and(|r| r.settings.client_secret.is_some()),
            key: has_client_key(config, name, record),
        }
    }
}

fn no_key(name: &CredentialName) -> Failure {
    Failure::configuration(format!("credential {name} authenticates its client by a key and has none"))
        .advise(format!("name its file: credential.{name}.client_key_file, or log in with --client-key-file"))
        .about(name)
}

/// The way in which clients of that provider usually prove themselves, with what is at hand.
pub(crate) fn usual_auth(profile: &Profile, hands: Hands) -> Option<ClientAuthMethod> {
    let possible = |method: &ClientAuthMethod| match method {
        ClientAuthMethod::None => hands == Hands::default(),
        ClientAuthMethod::Basic | ClientAuthMethod::Post => hands.secret,
        ClientAuthMethod::PrivateKeyJwt => hands.key,
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

/// By a secret, or by nothing.
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
            "name its file: credential.{name}.client_secret_file, or log in or import with --client-secret-file"
        ))
        .about(name)),
    }
}
