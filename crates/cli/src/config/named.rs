//! The credentials that `[[sink]]`, `[[proxy]]` and `[[proxy.route]]` name. A name that nobody has is no error: a login may
//! come later, and the agent serves the others meanwhile. It is told, since a slip of the pen looks the same.

use renewd_driver::CredentialName;

use super::Config;
use super::document::Entry;
use super::problem::nearest;
use crate::json::login_command;

/// One that nobody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Where, and what is wrong.
    pub(crate) what: String,
    /// What to do.
    pub(crate) advice: String,
}

impl Config {
    /// Those that are named and not among the known ones, in the order of the file.
    pub(crate) fn missing(&self, known: &[CredentialName]) -> Vec<Missing> {
        let file = self.file().map(|f| f.display().to_string()).unwrap_or_default();
        let mut named = self.named();
        named.sort_unstable_by_key(|named| named.line);
        named
            .into_iter()
            .filter(|named| !known.contains(&named.credential))
            .map(|named| {
                let name = &named.credential;
                let near = nearest(name.as_str(), known.iter().map(CredentialName::as_str))
                    .map(|near| format!("did you mean {near}? Else "))
                    .unwrap_or_default();
                Missing {
                    what: format!(
                        "{file}:{}: {} names {name}, which is neither configured nor logged in",
                        named.line, named.key
                    ),
                    advice: format!(
                        "{near}`{} --profile P` (or --issuer URL, or --resource URL) begins it; until then {}",
                        login_command(name.as_str()),
                        named.meanwhile
                    ),
                }
            })
            .collect()
    }

    fn named(&self) -> Vec<Named> {
        let mut all = Vec::new();
        for sink in &self.document.sinks {
            all.extend(Named::of(sink, "sink", "the file is not written"));
        }
        for proxy in &self.document.proxies {
            for (entry, table) in std::iter::once((proxy, "proxy"))
                .chain(proxy.routes.iter().map(|route| (route, "proxy.route")))
            {
                all.extend(Named::of(entry, table, "requests there are not served"));
            }
        }
        all
    }
}

/// A credential, and the line that names it.
struct Named {
    line: usize,
    key: String,
    credential: CredentialName,
    meanwhile: &'static str,
}

impl Named {
    fn of(entry: &Entry, table: &'static str, meanwhile: &'static str) -> Option<Self> {
        let at = entry.settings.get(&(table, "credential"))?;
        Some(Self {
            line: at.line,
            key: format!("{table}.credential"),
            credential: at.value.as_text()?.parse().ok()?,
            meanwhile,
        })
    }
}
