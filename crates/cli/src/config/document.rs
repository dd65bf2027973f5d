//! The configuration file, read whole: every key known, every value of its kind, every line remembered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use renewd_core::Profile;
use renewd_core::RESERVED_LOGIN_PARAMETERS;
use renewd_driver::CredentialName;
use renewd_profiles::{Lines, OWN_PARAMETERS};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, Key};
use super::problem::{ADVISED_MAX, Problem, Problems, cut, nearest};
use super::value::Value;

/// Names that would hold a secret inline. They get their own message: a secret in a configuration file ends up in
/// backups, repositories and screenshots.
const SECRET_NAMES: [&str; 11] = [
    "client_secret",
    "secret",
    "refresh_token",
    "access_token",
    "token",
    "password",
    "passphrase",
    "private_key",
    "client_key",
    "dpop_key",
    "assertion",
];

/// Claims of an assertion that have keys of their own, or are made anew for each (RFC 7523 §3).
const OWN_CLAIMS: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// A value and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) value: Value,
    pub(crate) line: usize,
}

/// So many providers of one's own: each is compared with all others whenever a host chooses one.
const PROFILES_MAX: usize = 256;

/// Values by (table, key).
pub(crate) type Settings = BTreeMap<(&'static str, &'static str), Located>;

/// One `[credential.NAME]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct CredentialEntry {
    /// Line of its first mention.
    pub(crate) line: usize,
    /// Its own keys (table `credential`) and its policy tables.
    pub(crate) settings: Settings,
    /// Further form fields of every refresh.
    pub(crate) parameters: Vec<(String, String)>,
    /// Further headers of every refresh.
    pub(crate) headers: Vec<(String, String)>,
    /// Further parameters of a login's first request.
    pub(crate) login_parameters: Vec<(String, String)>,
    /// Further claims of an assertion that is signed here.
    pub(crate) assertion_claims: Vec<(String, String)>,
}

/// The list within a `[[proxy]]`.
const ROUTES: &str = "route";

/// One `[[proxy]]`, `[[proxy.route]]` or `[[sink]]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// Line of its header.
    pub(crate) line: usize,
    /// Its keys.
    pub(crate) settings: Settings,
    /// Its `[[proxy.route]]`s.
    pub(crate) routes: Vec<Entry>,
}

/// The file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    pub(crate) path: Arc<PathBuf>,
    pub(crate) top: Settings,
    pub(crate) credentials: BTreeMap<CredentialName, CredentialEntry>,
    /// The user's own provider profiles, each with the line of its header.
    pub(crate) profiles: Vec<(Profile, usize)>,
    pub(crate) proxies: Vec<Entry>,
    pub(crate) sinks: Vec<Entry>,
}

impl Document {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, Problems> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = Lines::of(text);
        let root = DeTable::parse(text).map_err(|error| {
            let line = error.span().map(|s| lines.of_offset(s.start));
            let what = format!("this is no TOML: {}", error.message().replace('\n', ", "));
            Problems::new(path, vec![Problem { line, what, advice: None }])
        })?;
        let mut reader = Reader { lines, problems: Vec::new() };
        let mut document = Self { path: Arc::new(path.to_owned()), ..Self::default() };
        reader.top(root.get_ref(), &mut document);
        if reader.problems.is_empty() { Ok(document) } else { Err(Problems::new(path, reader.problems)) }
    }
}

struct Reader {
    lines: Lines,
    problems: Vec<Problem>,
}

impl Reader {
    fn line<T>(&self, spanned: &Spanned<T>) -> usize {
        self.lines.of_offset(spanned.span().start)
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn top(&mut self, root: &DeTable<'_>, document: &mut Document) {
        let all = || keys::GLOBAL.iter().chain(keys::POLICY);
        for (name, value) in root {
            let (line, name) = (self.line(name), name.get_ref().as_ref());
            match name {
                "credential" => self.credentials(line, value, document),
                "profile" => self.profiles(line, value, document),
                "proxy" => document.proxies = self.entries("proxy", keys::PROXY, line, value),
                "sink" => document.sinks = self.entries("sink", keys::SINK, line, value),
                _ if all().any(|k| k.table == name) => {
                    self.table(name, name, line, value, all, &mut document.top)
                }
                _ => match all().find(|k| k.table.is_empty() && k.name == name) {
                    Some(key) => self.value(name, key, line, value, &mut document.top),
                    None => {
                        let mut known: Vec<&str> = keys::TOP_TABLES.to_vec();
                        known.extend(all().map(|k| if k.table.is_empty() { k.name } else { k.table }));
                        self.unknown(name, name, line, known);
                    }
                },
            }
        }
    }

    /// One table whose keys are in the lists.
    fn table<I: Iterator<Item = &'static Key>>(
        &mut self,
        path: &str,
        table: &str,
        line: usize,
        value: &Spanned<DeValue<'_>>,
        all: impl Fn() -> I,
        into: &mut Settings,
    ) {
        let Some(entries) = value.get_ref().as_table() else {
            return self.problem(Problem::new(line, format!("{path} must be a table: [{path}]")));
        };
        for (name, value) in entries {
            let (line, name) = (self.line(name), name.get_ref().as_ref());
            if (table, name) == ("proxy", ROUTES) {
                // Tables of their own, which `entries` reads.
                continue;
            }
            let path = format!("{path}.{name}");
            match all().find(|k| k.table == table && k.name == name) {
                Some(key) => self.value(&path, key, line, value, into),
                None => {
                    let lists = (table == "proxy").then_some(ROUTES);
                    let known = all().filter(|k| k.table == table).map(|k| k.name).chain(lists);
                    self.unknown(&path, name, line, known);
                }
            }
        }
    }

    fn value(
        &mut self,
        path: &str,
        key: &'static Key,
        line: usize,
        value: &Spanned<DeValue<'_>>,
        into: &mut Settings,
    ) {
        match key.kind.read(value.get_ref()) {
            Ok(value) => {
                into.insert((key.table, key.name), Located { value, line });
            }
            Err(why) => {
                let text = match value.get_ref() {
                    DeValue::String(text) => match key.kind.shown(text) {
                        Some(text) => format!("{path} = {text} {why}"),
                        None => format!("{path} {why}"),
                    },
                    DeValue::Integer(number) => format!("{path} = {number} {why}"),
                    _ => format!("{path} {why}"),
                };
                self.problem(Problem::new(line, text));
            }
        }
    }

    fn unknown<'k>(&mut self, path: &str, name: &str, line: usize, known: impl IntoIterator<Item = &'k str>) {
        let home = path.strip_suffix(name).unwrap_or_default();
        let path = home.chars().flat_map(char::escape_debug).collect::<String>() + &cut(name);
        if SECRET_NAMES.contains(&name.to_ascii_lowercase().as_str()) {
            let instead = match name {
                "refresh_token" => "pipe a refresh token to `renewd import`, or name its file with seed_file",
                "passphrase" => {
                    "give the store's by an open descriptor (store.passphrase_fd, --passphrase-fd)"
                }
                "client_key" | "private_key" => {
                    "put it in a file of its own and name that with client_key_file, or into the keyring and name its item \
                     with client_key_keyring"
                }
                "dpop_key" => "say dpop = true; the key is made here, and kept in the record",
                "assertion" => "put it in a file of its own and name that with assertion_file",
                _ => "put it in a file of its own and name that with client_secret_file",
            };
            let what = format!("{path} would hold a secret; secrets never stand in the configuration");
            return self.problem(Problem::new(line, what).advise(instead));
        }
        let problem = Problem::new(line, format!("unknown key {path}"));
        if self.problems.len() > ADVISED_MAX {
            return self.problem(problem);
        }
        let known: Vec<&str> = known.into_iter().collect();
        let homes = keys::homes_of(name);
        let near = singular(name).filter(|one| known.contains(&one.as_str()));
        let advice = match near.as_deref().or_else(|| nearest(name, known.iter().copied())) {
            Some(near) => format!("did you mean {near}?"),
            None if !homes.is_empty() => format!("{name} belongs in {}", homes.join(" or ")),
            None => {
                let mut names = known;
                names.sort_unstable();
                names.dedup();
                format!("known here: {}", names.join(", "))
            }
        };
        self.problem(problem.advise(advice));
    }

    /// `[profile.NAME]`, by the rules of a profile file.
    fn profiles(&mut self, line: usize, value: &Spanned<DeValue<'_>>, document: &mut Document) {
        let Some(entries) = value.get_ref().as_table() else {
            return self.problem(Problem::new(line, "profile must be a table: [profile.NAME]"));
        };
        if entries.len() > PROFILES_MAX {
            let what = format!("profile has {} tables; at most {PROFILES_MAX} are read", entries.len());
            return self.problem(Problem::new(line, what).advise("one for each provider is enough"));
        }
        for (name, value) in entries {
            let (line, name) = (self.line(name), name.get_ref().as_ref());
            match renewd_profiles::parse_table(name, &format!("profile.{name}"), &self.lines, value) {
                Ok(profile) => document.profiles.push((profile, line)),
                Err(problems) => self.problems.extend(problems),
            }
        }
    }

    fn credentials(&mut self, line: usize, value: &Spanned<DeValue<'_>>, document: &mut Document) {
        let Some(entries) = value.get_ref().as_table() else {
            return self.problem(Problem::new(line, "credential must be a table: [credential.NAME]"));
        };
        for (name, value) in entries {
            let line = self.line(name);
            match name.get_ref().parse::<CredentialName>() {
                Err(error) => self.problem(Problem::new(line, error.to_string())),
                Ok(name) => {
                    let entry = self.credential(&name, line, value);
                    document.credentials.insert(name, entry);
                }
            }
        }
    }

    fn credential(
        &mut self,
        credential: &CredentialName,
        line: usize,
        value: &Spanned<DeValue<'_>>,
    ) -> CredentialEntry {
        let mut entry = CredentialEntry { line, ..CredentialEntry::default() };
        let home = format!("credential.{credential}");
        let Some(table) = value.get_ref().as_table() else {
            let what = format!("{home} must be a table: [{home}]; a credential needs a name");
            self.problem(Problem::new(line, what));
            return entry;
        };
        for (name, value) in table {
            let (line, name) = (self.line(name), name.get_ref().as_ref());
            let path = format!("{home}.{name}");
            let own = keys::CREDENTIAL.iter().chain(keys::POLICY.iter().filter(|k| k.table.is_empty()));
            if let Some(key) = own.clone().find(|k| k.name == name) {
                self.value(&path, key, line, value, &mut entry.settings);
            } else if keys::POLICY.iter().any(|k| k.table == name) {
                self.table(&path, name, line, value, || keys::POLICY.iter(), &mut entry.settings);
            } else if name == "parameters" {
                entry.parameters = self.pairs(&path, line, value, &OWN_PARAMETERS);
            } else if name == "headers" {
                entry.headers = self.pairs(&path, line, value, &renewd_core::RESERVED_HEADERS);
            } else if name == "login_parameters" {
                // Each login makes its own of the first, and the second have keys of their own.
                let own = [&RESERVED_LOGIN_PARAMETERS[..], &OWN_PARAMETERS].concat();
                entry.login_parameters = self.pairs(&path, line, value, &own);
            } else if name == "assertion_claims" {
                entry.assertion_claims = self.pairs(&path, line, value, &OWN_CLAIMS);
            } else {
                let mut known: Vec<&str> = own.map(|k| k.name).collect();
                known.extend(keys::POLICY.iter().map(|k| k.table).filter(|t| !t.is_empty()));
                known.extend(keys::CREDENTIAL_PAIRS);
                self.unknown(&path, name, line, known);
            }
        }
        entry
    }

    /// A table of the user's own names.
    fn pairs(
        &mut self,
        path: &str,
        line: usize,
        value: &Spanned<DeValue<'_>>,
        own: &[&str],
    ) -> Vec<(String, String)> {
        let Some(table) = value.get_ref().as_table() else {
            self.problem(Problem::new(line, format!("{path} must be a table: [{path}]")));
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for (name, value) in table {
            let (line, name) = (self.line(name), name.get_ref().as_ref());
            let visible = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
            let text = value.get_ref().as_str().filter(|t| !t.chars().any(char::is_control));
            match text {
                _ if own.contains(&name.to_ascii_lowercase().as_str()) => self.problem(Problem::new(
                    line,
                    format!(
                        "{path}.{name} cannot be set here: renewd sets it from the credential's own keys"
                    ),
                )),
                Some(text) if visible => pairs.push((name.into(), text.into())),
                _ => self.problem(Problem::new(
                    line,
                    format!("{path} must hold names of visible ASCII and texts on one line"),
                )),
            }
        }
        pairs
    }

    /// `[[proxy]]`, `[[proxy.route]]`, `[[sink]]`.
    fn entries(
        &mut self,
        table: &'static str,
        list: &'static [Key],
        line: usize,
        value: &Spanned<DeValue<'_>>,
    ) -> Vec<Entry> {
        let Some(items) = value.get_ref().as_array() else {
            self.problem(Problem::new(line, format!("{table} must be a list of tables: [[{table}]]")));
            return Vec::new();
        };
        items
            .iter()
            .map(|item| {
                let mut entry = Entry { line: self.line(item), ..Entry::default() };
                self.table(table, table, entry.line, item, || list.iter(), &mut entry.settings);
                let routes = item.get_ref().as_table().filter(|_| table == "proxy");
                if let Some(routes) = routes.and_then(|item| item.get(ROUTES)) {
                    let line = self.line(routes);
                    entry.routes = self.entries("proxy.route", keys::ROUTE, line, routes);
                }
                entry
            })
            .collect()
    }
}

/// A list is named as one of its tables: `[[proxy]]`, although there may be several. Only where that changes more than
/// an end is it further off than a slip of the pen.
fn singular(name: &str) -> Option<String> {
    name.to_ascii_lowercase().strip_suffix("ies").map(|stem| format!("{stem}y"))
}

#[cfg(test)]
mod tests;
