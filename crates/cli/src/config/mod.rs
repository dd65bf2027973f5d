//! The configuration: one file, the environment above it, and for every value the place it came from.
//!
//! It is read once per process (an agent reads it anew when told to). What is wrong in the file is an error with all
//! its lines; what is wrong in the environment is one warning, and the next source holds.

mod check;
mod document;
mod duration;
mod effective;
mod entries;
mod keys;
mod listed;
mod named;
mod places;
mod problem;
mod profiles;
mod sinks;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use renewd_driver::CredentialName;

use crate::credential::Access;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::input::file::{CONFIG_BYTES_MAX, FileError, read_checked};
use crate::profiles::{Profiles, Source};

pub(crate) use document::CredentialEntry;
pub(crate) use duration::parse_duration;
pub(crate) use effective::{Effective, Origin};
#[cfg(unix)]
pub(crate) use entries::{ProxyEntry, RouteEntry};
pub(crate) use keys::{CREDENTIAL, GLOBAL, Key, POLICY};
pub(crate) use listed::Listed;
pub(crate) use named::Missing;
pub(crate) use places::Places;
pub(crate) use problem::nearest;
#[cfg(unix)]
pub(crate) use sinks::SinkEntry;
pub(crate) use value::Value;

use document::Document;
use problem::{Problem, Problems};
use value::Kind;

/// What holds.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    places: Places,
    document: Document,
    /// Whether there is a file.
    present: bool,
    environment: BTreeMap<(&'static str, &'static str), Value>,
    /// What flags of this call say instead.
    flags: BTreeMap<(&'static str, &'static str), (Value, &'static str)>,
    /// The provider profiles that this call knows.
    profiles: Profiles,
    /// How this process gets at the store's key.
    access: Arc<Access>,
    /// What is wrong in the environment; each is said once, on stderr.
    pub(crate) warnings: Vec<String>,
}

impl Config {
    /// Reads the file and the environment.
    ///
    /// # Errors
    /// A configuration failure with everything that is wrong in the file.
    pub(crate) fn load(places: &Places, env: &Environment) -> Result<Self, Failure> {
        let bytes = match places.config() {
            None => None,
            Some((path, named)) => match read_checked(path, CONFIG_BYTES_MAX) {
                Ok(bytes) => Some(bytes),
                Err(FileError::Absent) if !named => None,
                Err(error) => {
                    let what = format!("the configuration {} {}", path.display(), error.text());
                    return Err(Failure::configuration(what));
                }
            },
        };
        let profiles = profiles::of_files(places.profile_files())?;
        Self::with_profiles(places, env, bytes.as_ref().map(|bytes| bytes.as_slice()), profiles)
    }

    /// What the bytes of the file and the environment say together.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn of(places: &Places, env: &Environment, file: Option<&[u8]>) -> Result<Self, Failure> {
        Self::with_profiles(places, env, file, Profiles::default())
    }

    /// The same, with the profiles that flags of this call name; they go before those of the file.
    fn with_profiles(
        places: &Places,
        env: &Environment,
        file: Option<&[u8]>,
        profiles: Profiles,
    ) -> Result<Self, Failure> {
        let mut config = Self {
            places: places.clone(),
            document: Document::default(),
            present: false,
            environment: BTreeMap::new(),
            flags: BTreeMap::new(),
            profiles,
            access: Arc::default(),
            warnings: Vec::new(),
        };
        if let (Some((path, _)), Some(bytes)) = (places.config(), file) {
            config.document = Document::parse(path, utf8(path, bytes)?)?;
            config.present = true;
            for (profile, line) in std::mem::take(&mut config.document.profiles) {
                let source = Source::Configuration { path: Arc::clone(&config.document.path), line };
                config.profiles.add(profile, source);
            }
        }
        config.read_environment(env);
        config.settle_pairs()?;
        check::check(&config)?;
        Ok(config)
    }

    /// The same, where a flag of this call says this of a key.
    #[must_use]
    pub(crate) fn with_flag(
        mut self,
        table: &'static str,
        name: &'static str,
        value: Value,
        flag: &'static str,
    ) -> Self {
        self.flags.insert((table, name), (value, flag));
        self
    }

    /// The same, for a process that gets at the store's key in this way.
    #[must_use]
    pub(crate) fn with_access(mut self, access: Arc<Access>) -> Self {
        self.access = access;
        self
    }

    /// Whether that key names the descriptor of standard input, which only one reader can have.
    pub(crate) fn reads_stdin(&self, table: &'static str, name: &'static str) -> bool {
        self.lookup(table, name, None).is_some_and(|found| found.value.as_number() == Some(0))
    }

    /// How this process gets at the store's key.
    pub(crate) fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// The provider profiles that this call knows.
    pub(crate) fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    /// Where things stand.
    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// The file, when there is one.
    pub(crate) fn file(&self) -> Option<&std::path::Path> {
        self.present.then(|| self.document.path.as_path())
    }

    /// Its credentials.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = (&CredentialName, &CredentialEntry)> {
        self.document.credentials.iter()
    }

    /// The entry of one credential.
    pub(crate) fn credential(&self, name: &CredentialName) -> Option<&CredentialEntry> {
        self.document.credentials.get(name)
    }

    /// Variables that look like ours and are not known, with the nearest one that is.
    pub(crate) fn unknown_variables(env: &Environment) -> Vec<(String, Option<String>)> {
        let known: Vec<String> = keys::of_environment().map(Key::variable).collect();
        env.names_beginning("RENEWD_")
            .into_iter()
            .filter(|name| !known.contains(name))
            .map(|name| {
                let lower: Vec<String> = known.iter().map(|k| k.to_ascii_lowercase()).collect();
                let near = nearest(&name, lower.iter().map(String::as_str)).map(str::to_ascii_uppercase);
                (name, near)
            })
            .collect()
    }

    fn read_environment(&mut self, env: &Environment) {
        for key in keys::of_environment().filter(|k| !matches!(k.kind, Kind::Command)) {
            let variable = key.variable();
            let Some(text) = env.text(&variable) else { continue };
            match key.kind.parse(text.trim()) {
                Ok(value) => {
                    self.environment.insert((key.table, key.name), value);
                }
                Err(why) => {
                    let given = key.kind.shown(&text).map(|text| format!("={text}")).unwrap_or_default();
                    self.warnings.push(format!("{variable}{given} {why}; it is ignored"));
                }
            }
        }
    }

    /// An interval over its ceiling is invalid. One that the environment brought about falls through like any other
    /// invalid value of the environment; one in the file is an error.
    fn settle_pairs(&mut self) -> Result<(), Failure> {
        const INTERVAL: (&str, &str) = ("auth_retrying", "interval");
        const CEILING: (&str, &str) = ("auth_retrying", "ceiling");
        if self.over_its_ceiling().next().is_some() {
            for at in [INTERVAL, CEILING] {
                if let Some(value) = self.environment.remove(&at) {
                    let variable = keys::find(at.0, at.1).map(Key::variable).unwrap_or_default();
                    self.warnings.push(format!(
                        "{variable}={value} would put auth_retrying.interval over auth_retrying.ceiling; it is ignored"
                    ));
                }
            }
        }
        let problems: Vec<Problem> = self
            .over_its_ceiling()
            .map(|credential| {
                let line_of = |at: (&'static str, &'static str)| match self.lookup(at.0, at.1, credential) {
                    Some(Effective { origin: Origin::File { line, .. }, .. }) => Some(line),
                    _ => None,
                };
                let policy = self.policy(credential).auth_retrying;
                let whose = credential.map(|c| format!(" of credential {c}")).unwrap_or_default();
                let what = format!(
                    "auth_retrying.interval{whose} ({}) is over its auth_retrying.ceiling ({})",
                    policy.interval, policy.ceiling
                );
                Problem { line: line_of(INTERVAL).or_else(|| line_of(CEILING)), what, advice: None }
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(Problems::new(&self.document.path, problems).into()) }
    }

    fn over_its_ceiling(&self) -> impl Iterator<Item = Option<&CredentialName>> {
        std::iter::once(None).chain(self.document.credentials.keys().map(Some)).filter(|credential| {
            let policy = self.policy(*credential).auth_retrying;
            policy.interval > policy.ceiling
        })
    }
}

fn utf8<'b>(path: &std::path::Path, bytes: &'b [u8]) -> Result<&'b str, Failure> {
    std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes.iter().take(error.valid_up_to()).filter(|b| **b == b'\n').count();
        let problem = Problem::new(line, "this is no UTF-8 text");
        Problems::new(path, vec![problem]).into()
    })
}

#[cfg(test)]
mod tests;
