//! The provider profile of an import: what it adds, and what somebody should hear of it.

use renewd_core::{Identity, Profile, Record};
use renewd_driver::CredentialName;

use super::Import;
use crate::config::Config;
use crate::credential::{By, chosen, contradictions};
use crate::exit::Failure;
use crate::input::url::same_place;
use crate::profiles::{GENERIC, GENERIC_AS_TOLD, Known, parts, token_endpoint};

/// The profile that the call, the configuration or what stands already names; none where nobody does.
pub(super) struct Named<'c> {
    /// By which flag or place, for messages; a flag goes before everything.
    flag: bool,
    profile: Option<&'c Profile>,
}

impl<'c> Named<'c> {
    /// Looks for it.
    ///
    /// # Errors
    /// A usage failure for a flag that names none, a configuration failure for a configuration that does.
    pub(super) fn find(
        args: &Import,
        config: &'c Config,
        standing: Option<&Record>,
    ) -> Result<Self, Failure> {
        let profiles = config.profiles();
        if let Some(wanted) = &args.profile {
            return match profiles.named(wanted) {
                Some(Known { profile, .. }) => Ok(Self { flag: true, profile: Some(profile) }),
                None => {
                    let (message, advice) = profiles.unknown(wanted);
                    Err(Failure::usage(message).advise(advice))
                }
            };
        }
        let configured = config.text("credential", "profile", Some(&args.name));
        let told = standing.map(|r| r.identity.profile.clone()).filter(|p| p != GENERIC);
        let profile = configured.or(told).and_then(|name| profiles.named(&name)).map(|k| k.profile);
        Ok(Self { flag: false, profile })
    }

    /// Its token endpoint, where that is the same for everybody.
    pub(super) fn token_endpoint(&self) -> Option<String> {
        self.profile.and_then(|p| token_endpoint(p).ok()).map(String::from)
    }

    /// The same, where a flag names another provider than the login that stands has.
    pub(super) fn instead_of(&self, old: Option<&Identity>) -> Option<String> {
        let profile = self.profile.filter(|p| self.flag && old.is_some_and(|o| o.profile != p.name))?;
        token_endpoint(profile).ok().map(String::from)
    }

    /// What the record says: what was named; else whose server it is; else what it said before.
    pub(super) fn for_the_record(
        &self,
        config: &Config,
        issuer: Option<&str>,
        token_endpoint: &str,
        old: Option<&Identity>,
    ) -> String {
        let same = |o: &&Identity| same_place(&o.token_endpoint, token_endpoint);
        match self.profile {
            Some(profile) if self.flag && profile.name == GENERIC => GENERIC_AS_TOLD.into(),
            Some(profile) => profile.name.to_string(),
            None => match config.profiles().for_server(issuer, token_endpoint) {
                Some(profile) if old.filter(same).is_none_or(|o| o.profile != GENERIC_AS_TOLD) => {
                    profile.name.to_string()
                }
                _ => old.filter(same).map_or_else(|| GENERIC.into(), |o| o.profile.clone()),
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
            Err(Some(template)) => missing.advise(format!(
                "{}'s is {template}: give it with your own {} in place of {}",
                profile.name,
                parts(template).join(" and "),
                parts(template).iter().map(|p| format!("{{{p}}}")).collect::<Vec<_>>().join(" and "),
            )),
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
    if named.profile.is_none() && profile.name != GENERIC {
        words.push(format!(
            "{name}: the server is {}'s, so the profile {} holds; --profile names another",
            profile.title, profile.name
        ));
    }
    if let (By::Configuration(origin), Some(given)) = (&chosen.by, named.profile.filter(|_| named.flag))
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
