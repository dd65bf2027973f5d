//! The provider profile of an import: what it adds, and what somebody should hear of it.

use renewd_core::{Identity, Profile, Record};
use renewd_driver::CredentialName;

use crate::config::Config;
use crate::credential::{By, chosen, contradictions};
use crate::exit::Failure;
use crate::input::url::same_place;
use crate::profiles::{GENERIC, GENERIC_AS_TOLD, Known, parts, token_endpoint, token_endpoint_of_issuer};

/// Who named a profile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whom {
    Flag,
    Configuration,
    /// What stands in the store.
    Login,
    Nobody,
}

/// The profile that the call, the configuration or what stands already names; none where nobody does.
pub(super) struct Named<'c> {
    by: Whom,
    profile: Option<&'c Profile>,
}

impl<'c> Named<'c> {
    /// Looks for it.
    ///
    /// # Errors
    /// A usage failure for a flag that names none, a configuration failure for a configuration that does.
    pub(super) fn find(
        told: Option<&str>,
        name: &CredentialName,
        config: &'c Config,
        standing: Option<&Record>,
    ) -> Result<Self, Failure> {
        let profiles = config.profiles();
        if let Some(wanted) = told {
            return match profiles.named(wanted) {
                Some(Known { profile, .. }) => Ok(Self { by: Whom::Flag, profile: Some(profile) }),
                None => {
                    let (message, advice) = profiles.unknown(wanted);
                    Err(Failure::usage(message).advise(advice))
                }
            };
        }
        let configured = config.text("credential", "profile", Some(name));
        let told = standing.map(|r| r.identity.profile.clone()).filter(|p| p != GENERIC);
        let (by, wanted) = match (configured, told) {
            (Some(name), _) => (Whom::Configuration, Some(name)),
            (None, Some(name)) => (Whom::Login, Some(name)),
            (None, None) => (Whom::Nobody, None),
        };
        Ok(Self { by, profile: wanted.and_then(|name| profiles.named(&name)).map(|k| k.profile) })
    }

    /// It, or the one that knows nothing.
    pub(super) fn or_generic(&self) -> &Profile {
        self.profile.unwrap_or(&Profile::GENERIC)
    }

    /// Its token endpoint, where that is the same for everybody.
    pub(super) fn token_endpoint(&self) -> Option<String> {
        self.profile.and_then(|p| token_endpoint(p).ok()).map(String::from)
    }

    /// The token endpoint that its templates give for the issuer: one that a flag names, or the configuration.
    pub(super) fn at_issuer(&self, issuer: Option<&str>) -> Option<String> {
        token_endpoint_of_issuer(self.profile?, issuer?)
    }

    /// The same, where a flag names another provider than the login that stands has.
    pub(super) fn instead_of(&self, old: Option<&Identity>, issuer: Option<&str>) -> Option<String> {
        let profile =
            self.profile.filter(|p| self.by == Whom::Flag && old.is_some_and(|o| o.profile != p.name))?;
        token_endpoint(profile).ok().map(String::from).or_else(|| self.at_issuer(issuer))
    }

    /// What is said of a token endpoint that nobody wrote down.
    pub(super) fn filled_in(&self, name: &CredentialName, identity: &Identity) -> Option<String> {
        let url = self.at_issuer(identity.issuer.as_deref()).filter(|url| *url == identity.token_endpoint)?;
        let profile = self.profile?;
        Some(format!("{name}: the token endpoint is {url}, by the issuer and the profile {}", profile.name))
    }

    /// What the record says: what was named; else whose server it is; else what it said before.
    pub(super) fn for_the_record(
        &self,
        config: &Config,
        issuer: Option<&str>,
        token_endpoint: &str,
        old: Option<&Identity>,
    ) -> String {
        // What belongs to another server is not carried over to this one.
        let kept = old.filter(|o| same_place(&o.token_endpoint, token_endpoint)).map(|o| o.profile.clone());
        match (self.by, self.profile) {
            (Whom::Flag, Some(profile)) if profile.name == GENERIC => GENERIC_AS_TOLD.into(),
            (Whom::Flag | Whom::Configuration, Some(profile)) => profile.name.to_string(),
            _ => match (kept, config.profiles().for_server(issuer, token_endpoint)) {
                (Some(kept), _) if kept != GENERIC => kept,
                (_, Some(profile)) => profile.name.to_string(),
                (_, None) => GENERIC.into(),
            },
        }
    }

    pub(super) fn no_token_endpoint(&self, name: &CredentialName) -> Failure {
        let missing = Failure::usage(format!("import of {name} needs --token-endpoint"));
        let Some(profile) = self.profile else {
            return missing.advise(format!(
                "renewd import {name} --token-endpoint URL --client-id ID < refresh-token, or --profile P for one that \
                 `renewd profiles` lists"
            ));
        };
        match token_endpoint(profile) {
            Err(Some(template)) => {
                let own = parts(template);
                let issuer = profile.endpoints.issuer.as_deref();
                let issuer = issuer.filter(|issuer| own.iter().all(|part| parts(issuer).contains(part)));
                missing.advise(format!(
                    "{}'s is {template}: give it with your own {} in place of {}{}",
                    profile.name,
                    own.join(" and "),
                    own.iter().map(|p| format!("{{{p}}}")).collect::<Vec<_>>().join(" and "),
                    issuer.map_or(String::new(), |issuer| format!(", or --issuer as {issuer}")),
                ))
            }
            _ => missing.advise(format!("the profile {} knows none", profile.name)),
        }
    }

    pub(super) fn no_client_id(&self, name: &CredentialName) -> Failure {
        let where_to = match self.profile {
            Some(profile) if token_endpoint(profile).is_ok() => format!("--profile {}", profile.name),
            _ => "--token-endpoint URL".into(),
        };
        Failure::usage(format!("import of {name} needs --client-id"))
            .advise(format!("renewd import {name} {where_to} --client-id ID < refresh-token"))
    }
}

/// What somebody should hear of the profile that an import goes by.
pub(super) fn words(
    config: &Config,
    name: &CredentialName,
    record: &Record,
    named: &Named<'_>,
) -> Vec<String> {
    let Ok(chosen) = chosen(config, name, Some(record)) else { return Vec::new() };
    let profile = chosen.profile;
    let mut words = Vec::new();
    let chosen_here = matches!(named.by, Whom::Login | Whom::Nobody)
        && named.profile.is_none_or(|old| old.name != profile.name);
    if chosen_here && profile.name != GENERIC {
        words.push(format!(
            "{name}: the server is {}'s, so the profile {} holds; --profile names another",
            profile.title, profile.name
        ));
    }
    if let (By::Configuration(origin), Some(given)) =
        (&chosen.by, named.profile.filter(|_| named.by == Whom::Flag))
        && given.name != profile.name
    {
        words.push(format!(
            "{name}: {origin} says the profile {}, which goes before that of the login ({})",
            profile.name, given.name
        ));
    }
    words.extend(contradictions(config, name, Some(record), &chosen));
    words
}
