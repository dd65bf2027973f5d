//! The provider profiles that this call knows: the built-in ones, and the user's own before them.
//!
//! The user's own stand in the configuration (`[profile.NAME]`) or in files of their own (`--profile-file`). One with the
//! name of a built-in takes its place: somebody who mends a profile must not have to rename it everywhere.

mod template;
pub(crate) mod words;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use renewd_core::Profile;

use crate::config::nearest;

pub(crate) use template::{
    beside, is_template, parts, revocation_beside, token_endpoint, token_endpoint_of_issuer,
    token_endpoint_of_login,
};

/// What `Identity.profile` holds where the user asked for the generic profile in so many words: no host chooses
/// another then. Plain `generic` is what a login without any profile holds.
pub(crate) const GENERIC_AS_TOLD: &str = "generic!";

/// The profile of a server of which nothing is known.
pub(crate) const GENERIC: &str = "generic";

/// How the profiles of gateways, firewalls and the like begin: they are no providers, and nobody logs in there.
pub(crate) const INTERMEDIARY: &str = "intermediary-";

/// Longest name that a message repeats, in bytes: somebody may have given a token for a name.
const SHOWN_BYTES_MAX: usize = 40;

/// So many names are suggested for one that is not known.
const SUGGESTIONS_MAX: usize = 4;

/// Where a profile came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Compiled in.
    BuiltIn,
    /// `[profile.NAME]` at that line.
    Configuration { path: Arc<PathBuf>, line: usize },
    /// `--profile-file`.
    File(Arc<PathBuf>),
}

impl Source {
    /// Whether the user wrote it.
    pub(crate) fn is_own(&self) -> bool {
        !matches!(self, Self::BuiltIn)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::Configuration { path, line } => write!(f, "{}:{line}", path.display()),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A profile and where it came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'p> {
    pub(crate) profile: &'p Profile,
    pub(crate) source: &'p Source,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profiles {
    /// The user's own, the first of a name counts.
    own: Vec<(Profile, Source)>,
}

impl Profiles {
    /// Adds one of the user's own, behind those that are there.
    pub(crate) fn add(&mut self, profile: Profile, source: Source) {
        self.own.push((profile, source));
    }

    /// The user's own, as they count.
    pub(crate) fn own(&self) -> impl Iterator<Item = Known<'_>> {
        let first = |i: usize, name: &str| !self.own.iter().take(i).any(|(p, _)| p.name == name);
        let counts = self.own.iter().enumerate().filter(move |(i, (p, _))| first(*i, &p.name));
        counts.map(|(_, (profile, source))| Known { profile, source })
    }

    /// All, by name; the generic one first.
    pub(crate) fn all(&self) -> Vec<Known<'_>> {
        let mut all: Vec<Known<'_>> = self.own().collect();
        let built_in = Profile::built_in().iter().filter(|p| !self.own.iter().any(|(o, _)| o.name == p.name));
        all.extend(built_in.map(|profile| Known { profile, source: &Source::BuiltIn }));
        all.sort_by_key(|k| (k.profile.name != GENERIC, k.profile.name.clone()));
        all
    }

    /// The profile of that name.
    pub(crate) fn named(&self, name: &str) -> Option<Known<'_>> {
        self.own()
            .find(|k| k.profile.name == name)
            .or_else(|| Profile::by_name(name).map(|profile| Known { profile, source: &Source::BuiltIn }))
    }

    /// The profile whose provider that server belongs to: one of the user's own before a built-in. None where nobody
    /// claims it, or several do.
    pub(crate) fn for_server(&self, issuer: Option<&str>, token_endpoint: &str) -> Option<&Profile> {
        let all = self.all();
        let claiming: Vec<&Known<'_>> =
            all.iter().filter(|k| k.profile.claims(issuer, token_endpoint)).collect();
        let own: Vec<&Known<'_>> = claiming.iter().copied().filter(|k| k.source.is_own()).collect();
        match (own.as_slice(), claiming.as_slice()) {
            ([one], _) | ([], [one]) => Some(one.profile),
            _ => None,
        }
    }

    /// Hosts that two of the user's own claim, so that neither is chosen for them: the host and the two names.
    pub(crate) fn rivals(&self) -> Vec<(&str, &str, &str)> {
        let claims: Vec<(&str, &str)> = self
            .own()
            .flat_map(|k| k.profile.endpoints.hosts.iter().map(|h| (h.as_ref(), k.profile.name.as_ref())))
            .collect();
        let mut all = Vec::new();
        for (i, (host, name)) in claims.iter().enumerate() {
            let other = claims.iter().take(i).find(|(h, n)| h.eq_ignore_ascii_case(host) && n != name);
            all.extend(other.map(|(_, other)| (*host, *other, *name)));
        }
        all
    }

    /// What is wrong with a name that nobody has, and what was meant perhaps. A long one is not repeated.
    pub(crate) fn unknown(&self, name: &str) -> (String, String) {
        let shown: String = name.chars().flat_map(char::escape_debug).collect();
        let message = if shown.len() > SHOWN_BYTES_MAX {
            "no provider profile has that name (not repeated: it could be a secret)".into()
        } else {
            format!("no provider profile is called \"{shown}\"")
        };
        let near = self.near(name);
        let advice = match near.as_slice() {
            [] => "`renewd profiles` lists all there are".into(),
            near => format!("did you mean {}?", words::any_of(near.iter().cloned())),
        };
        (message, advice)
    }

    /// The names that are near to one that nobody has; few.
    pub(crate) fn near(&self, name: &str) -> Vec<String> {
        let all = self.all();
        let names = || all.iter().map(|k| k.profile.name.as_ref());
        let lower = name.to_ascii_lowercase();
        let mut near: Vec<&str> = Vec::new();
        if let Some(one) = nearest_name(&lower, names()) {
            near.push(one);
        }
        // `entra` is what people call microsoft-entra-id.
        if lower.len() > 2 {
            near.extend(names().filter(|n| n.split('-').any(|part| part.starts_with(&lower))));
        }
        near.sort_unstable();
        near.dedup();
        near.truncate(SUGGESTIONS_MAX);
        near.into_iter().map(str::to_owned).collect()
    }
}

/// Names are written with `-`, keys with `_`; people mix them up.
fn nearest_name<'n>(lower: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let names: Vec<&str> = names.collect();
    let keys: Vec<String> = names.iter().map(|n| n.replace('-', "_")).collect();
    let found = nearest(lower, keys.iter().map(String::as_str))?;
    names.into_iter().zip(&keys).find(|(_, key)| *key == found).map(|(name, _)| name)
}
