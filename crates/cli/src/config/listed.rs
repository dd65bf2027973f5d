//! What each `[[proxy]]`, `[[proxy.route]]` and `[[sink]]` says, key by key, for whoever shows it.

use std::sync::Arc;

use super::document::Entry;
use super::keys::{Key, PROXY, ROUTE, SINK};
use super::value::{Kind, Value};
use super::{Config, Effective, Origin};

/// One table of a list.
#[derive(Debug)]
pub(crate) struct Listed<'c> {
    config: &'c Config,
    entry: &'c Entry,
    keys: &'static [Key],
}

impl Config {
    /// Of the proxy whose table begins in that line, then of its routes.
    pub(crate) fn listed_proxy(&self, line: usize) -> Vec<Listed<'_>> {
        let own = self.document.proxies.iter().filter(|entry| entry.line == line);
        own.flat_map(|proxy| {
            let routes = proxy.routes.iter().map(|entry| Listed { config: self, entry, keys: ROUTE });
            std::iter::once(Listed { config: self, entry: proxy, keys: PROXY }).chain(routes)
        })
        .collect()
    }

    /// Of the token file whose table begins in that line.
    pub(crate) fn listed_sink(&self, line: usize) -> Option<Listed<'_>> {
        let entry = self.document.sinks.iter().find(|entry| entry.line == line)?;
        Some(Listed { config: self, entry, keys: SINK })
    }
}

impl Listed<'_> {
    /// Each key with what it says, where it says something.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&'static Key, Option<Effective>)> {
        self.keys.iter().map(|key| (key, self.found(key)))
    }

    fn found(&self, key: &Key) -> Option<Effective> {
        let Some(at) = self.entry.settings.get(&(key.table, key.name)) else {
            // The only key of a list that the whole program has too.
            let is_wait = (key.table, key.name) == ("proxy", "demand_timeout");
            return is_wait.then(|| self.config.lookup("", "demand_timeout", None))?;
        };
        let value = match (key.kind, at.value.as_number()) {
            // As it is written, not as it is kept.
            (Kind::Mode, Some(mode)) => Value::Text(format!("{mode:04o}")),
            _ => at.value.clone(),
        };
        let origin = Origin::File { path: Arc::clone(&self.config.document.path), line: at.line };
        Some(Effective { value, origin })
    }
}
