//! Which of several settings holds, and where it came from.
//!
//! Flag › environment › credential table › top-level table › login › profile › default. Flags and logins are the
//! business of the commands that know them; the four in the middle are decided here.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use renewd_core::{AuthRetryingPolicy, Policy, RefreshPolicy, RequestPolicy, RetryPolicy, Span};
use renewd_driver::CredentialName;

use super::Config;
use super::keys::{self, Key};
use super::value::Value;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag of this call.
    Flag(&'static str),
    /// That variable.
    Environment(String),
    /// That line of the configuration.
    File { path: Arc<PathBuf>, line: usize },
    /// What the login or import was told.
    Login,
    /// Whose the server is, by its host.
    Host,
    /// What the provider's profile says.
    Profile(String),
    /// Nothing said otherwise.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Login => f.write_str("login"),
            Self::Host => f.write_str("the server's host"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value that holds, and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Effective {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

impl Config {
    /// The value of a key for one credential, or for the program; none where only the default holds.
    pub(crate) fn lookup(
        &self,
        table: &'static str,
        name: &'static str,
        credential: Option<&CredentialName>,
    ) -> Option<Effective> {
        let at = (table, name);
        if let Some((value, flag)) = self.flags.get(&at) {
            return Some(Effective { value: value.clone(), origin: Origin::Flag(flag) });
        }
        if let Some(value) = self.environment.get(&at) {
            let origin = Origin::Environment(keys::find(table, name).map(Key::variable).unwrap_or_default());
            return Some(Effective { value: value.clone(), origin });
        }
        let own = credential.and_then(|c| self.document.credentials.get(c)).and_then(|e| e.settings.get(&at));
        own.or_else(|| self.document.top.get(&at)).map(|located| Effective {
            value: located.value.clone(),
            origin: Origin::File { path: Arc::clone(&self.document.path), line: located.line },
        })
    }

    /// A path-valued key, resolved.
    pub(crate) fn path(
        &self,
        table: &'static str,
        name: &'static str,
        credential: Option<&CredentialName>,
    ) -> Option<PathBuf> {
        let found = self.lookup(table, name, credential)?;
        let beside = matches!(found.origin, Origin::File { .. }).then(|| self.document.path.as_path());
        found.value.as_text().map(|text| self.places.resolve(text, beside))
    }

    /// A text-valued key.
    pub(crate) fn text(
        &self,
        table: &'static str,
        name: &'static str,
        credential: Option<&CredentialName>,
    ) -> Option<String> {
        self.lookup(table, name, credential)?.value.as_text().map(String::from)
    }

    /// A span-valued key.
    pub(crate) fn span(
        &self,
        table: &'static str,
        name: &'static str,
        credential: Option<&CredentialName>,
    ) -> Option<Span> {
        self.lookup(table, name, credential)?.value.as_span()
    }

    /// Every number of one credential.
    pub(crate) fn policy(&self, credential: Option<&CredentialName>) -> Policy {
        let span = |table, name| self.span(table, name, credential);
        let count = |table, name, default: u32| {
            self.lookup(table, name, credential)
                .and_then(|e| e.value.as_number())
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(default)
        };
        let d = Policy::default();
        Policy {
            refresh: RefreshPolicy {
                window: span("refresh", "window"),
                mandatory: span("refresh", "mandatory"),
                min_interval: span("refresh", "min_interval"),
                settle: span("refresh", "settle"),
            },
            retry: RetryPolicy {
                initial: span("retry", "initial").unwrap_or(d.retry.initial),
                max: span("retry", "max").unwrap_or(d.retry.max),
                tries: count("retry", "tries", d.retry.tries),
                elapsed: span("retry", "elapsed").unwrap_or(d.retry.elapsed),
                budget: count("retry", "budget", d.retry.budget),
                budget_refill: span("retry", "budget_refill").unwrap_or(d.retry.budget_refill),
            },
            auth_retrying: AuthRetryingPolicy {
                interval: span("auth_retrying", "interval").unwrap_or(d.auth_retrying.interval),
                ceiling: span("auth_retrying", "ceiling").unwrap_or(d.auth_retrying.ceiling),
            },
            request: RequestPolicy {
                timeout: span("request", "timeout").unwrap_or(d.request.timeout),
                connect_timeout: span("request", "connect_timeout").unwrap_or(d.request.connect_timeout),
            },
            lifetime_default: span("lifetime", "default").unwrap_or(d.lifetime_default),
            shutdown_grace: span("shutdown", "grace").unwrap_or(d.shutdown_grace),
            accept_foreign_intents: self
                .lookup("refresh", "accept_foreign_intents", credential)
                .and_then(|e| e.value.as_flag())
                .unwrap_or(d.accept_foreign_intents),
        }
    }
}
