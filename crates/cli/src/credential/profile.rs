//! Which provider profile a credential goes by, and why.
//!
//! By name where one is named: in the configuration, else by the login. Else by the host of the issuer or of the token
//! endpoint, where that belongs to one provider alone. Else nothing is known, and the generic one holds.

use renewd_core::{AsClass, Policy, Profile, Record};
use renewd_driver::CredentialName;

use super::setup::{Hands, is_logged_out, usual_auth};
use crate::config::{Config, Origin};
use crate::exit::Failure;
use crate::profiles::{GENERIC, GENERIC_AS_TOLD, Known, Profiles, words};

/// Who chose a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The configuration named it.
    Configuration(Origin),
    /// The login named it.
    Login,
    /// The server's host belongs to it.
    Host,
    /// Nobody: nothing is known of the server.
    Nobody,
}

/// A profile and who chose it.
#[derive(Clone, Debug)]
pub(crate) struct Chosen<'p> {
    pub(crate) profile: &'p Profile,
    pub(crate) by: By,
}

/// The profile of a credential, with or without a record.
///
/// # Errors
/// A configuration failure where the one that is named is not there: its answers would be misread without it, and a
/// rotated refresh token in them lost.
pub(crate) fn chosen<'c>(
    config: &'c Config,
    name: &CredentialName,
    record: Option<&Record>,
) -> Result<Chosen<'c>, Failure> {
    let profiles = config.profiles();
    if let Some(found) = config.lookup("credential", "profile", Some(name)) {
        let wanted = found.value.to_string();
        let Known { profile, .. } = profiles.named(&wanted).ok_or_else(|| {
            let (message, advice) = profiles.unknown(&wanted);
            let message = format!("{}: credential.{name}.profile: {message}", found.origin);
            Failure::configuration(message).advise(advice).about(name)
        })?;
        return Ok(Chosen { profile, by: By::Configuration(found.origin) });
    }
    match record.map(|r| r.identity.profile.as_str()) {
        Some(GENERIC_AS_TOLD) => Ok(Chosen { profile: generic(profiles), by: By::Login }),
        Some(told) if told != GENERIC && !told.is_empty() => match profiles.named(told) {
            Some(Known { profile, .. }) => Ok(Chosen { profile, by: By::Login }),
            None => Err(missing(name, told)),
        },
        _ => Ok(by_host(config, name, record)),
    }
}

/// The generic profile, or the user's own of that name.
fn generic(profiles: &Profiles) -> &Profile {
    profiles.named(GENERIC).map_or(&Profile::GENERIC, |k| k.profile)
}

fn by_host<'c>(config: &'c Config, name: &CredentialName, record: Option<&Record>) -> Chosen<'c> {
    let text = |key| config.text("credential", key, Some(name));
    let (issuer, token_endpoint) = match record {
        Some(record) => (record.identity.issuer.clone(), Some(record.identity.token_endpoint.clone())),
        None => (text("issuer"), text("token_endpoint")),
    };
    let found = config.profiles().for_server(issuer.as_deref(), &token_endpoint.unwrap_or_default());
    match found {
        Some(profile) => Chosen { profile, by: By::Host },
        None => Chosen { profile: generic(config.profiles()), by: By::Nobody },
    }
}

fn missing(name: &CredentialName, told: &str) -> Failure {
    let told: String = told.chars().flat_map(char::escape_debug).collect();
    Failure::configuration(format!(
        "the login of {name} goes by the provider profile {told}, which is not there"
    ))
    .advise(format!(
        "give its file (--profile-file {told}.toml), write it down as [profile.{told}], or name another one: \
             credential.{name}.profile"
    ))
    .about(name)
}

/// The profile as it holds for a credential: what the user or the login said of the server goes before it.
pub(crate) fn effective(
    config: &Config,
    name: &CredentialName,
    record: Option<&Record>,
    profile: &Profile,
) -> Profile {
    let configured = config.text("credential", "as_class", Some(name)).and_then(|c| AsClass::from_name(&c));
    let told = record.and_then(|r| r.settings.as_class);
    let grace =
        config.span("credential", "grace", Some(name)).or_else(|| record.and_then(|r| r.settings.grace));
    Profile {
        as_class: configured.or(told).unwrap_or(profile.as_class),
        grace: grace.unwrap_or(profile.grace),
        ..profile.clone()
    }
}

/// Every number of one credential: what the configuration says, else the profile, else the default. The least interval
/// is not here: the lifecycle looks for it in both.
pub(crate) fn policy(config: &Config, name: &CredentialName, profile: &Profile) -> Policy {
    let mut policy = config.policy(Some(name));
    let said = config.lookup("lifetime", "default", Some(name)).is_some();
    if let Some(lifetime) = profile.lifetime.filter(|_| !said) {
        policy.lifetime_default = lifetime;
    }
    policy
}

/// What does not fit together between a profile and what is said elsewhere: a sentence each. None of it is an error:
/// the user may know better.
pub(crate) fn contradictions(
    config: &Config,
    name: &CredentialName,
    record: Option<&Record>,
    chosen: &Chosen<'_>,
) -> Vec<String> {
    let profile = chosen.profile;
    let text = |key| config.text("credential", key, Some(name));
    let mut all = Vec::new();
    let issuer = record.map_or_else(|| text("issuer"), |r| r.identity.issuer.clone());
    let server = record.map_or_else(|| text("token_endpoint"), |r| Some(r.identity.token_endpoint.clone()));
    let claiming = config.profiles().for_server(issuer.as_deref(), &server.unwrap_or_default());
    if let Some(other) = claiming.filter(|o| o.name != profile.name && profile.name != GENERIC) {
        all.push(format!(
            "{name}: the profile {} holds, but the server is {}'s (profile {})",
            profile.name, other.title, other.name
        ));
    }
    let told = record.map(|r| &r.settings);
    let hands = Hands::of(config, name, record);
    let auth = text("client_auth").or_else(|| told.and_then(|s| s.client_auth.clone()));
    let ways = || words::any_of(profile.client_auth.iter().map(|m| m.name().to_owned()));
    match auth {
        Some(auth) if !profile.client_auth.is_empty() && !takes(profile, &auth) => all.push(format!(
            "{name}: the client proves itself by {auth}, but {} takes {} (profile {})",
            profile.title,
            ways(),
            profile.name
        )),
        None if !profile.client_auth.is_empty()
            && usual_auth(profile, hands).is_none()
            // A logout leaves no secret; what is missing is a login.
            && !record.is_some_and(is_logged_out) =>
        {
            let what = match (hands.secret, hands.key) {
                (true, _) => "a client secret is given",
                (false, true) => "a client's key is given",
                (false, false) => "no client secret is given",
            };
            all.push(format!(
                "{name}: {what}, but {}'s clients prove themselves by {} (profile {}){}",
                profile.title,
                ways(),
                profile.name,
                if hands != Hands::default() {
                    ""
                } else {
                    "; --client-secret-file, or client_secret_file, gives one"
                }
            ));
        }
        _ => {}
    }
    let scope = config.lookup("credential", "scope", Some(name)).is_some()
        || told.is_some_and(|s| s.scope.is_some())
        || record.is_some_and(|r| r.grant.access.iter().any(|a| a.key.scope.is_some()));
    if profile.refresh.scope && !scope {
        all.push(format!(
            "{name}: {} wants the scope named on each refresh, and none is known yet (profile {}); --scope, or \
             credential.{name}.scope, says it",
            profile.title, profile.name
        ));
    }
    all
}

fn takes(profile: &Profile, auth: &str) -> bool {
    profile.client_auth.iter().any(|method| method.name() == auth)
}
