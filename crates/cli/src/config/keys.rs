//! Every key of the configuration, once: what it may hold, where it may stand, what holds without it.
//!
//! Parsing, the environment, `config show` and the search for the nearest key all read these tables, so a key cannot
//! be known to one and unknown to another.

use super::value::Kind;

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    /// The table it stands in; empty at top level.
    pub(crate) table: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// What it may hold.
    pub(crate) kind: Kind,
    /// What holds without it, for people.
    pub(crate) default: &'static str,
}

impl Key {
    /// `table.name`, as messages write it.
    pub(crate) fn path(&self) -> String {
        if self.table.is_empty() { self.name.into() } else { format!("{}.{}", self.table, self.name) }
    }

    /// `RENEWD_TABLE_NAME`.
    pub(crate) fn variable(&self) -> String {
        format!("RENEWD_{}", self.path().replace('.', "_").to_ascii_uppercase())
    }
}

const fn key(table: &'static str, name: &'static str, kind: Kind, default: &'static str) -> Key {
    Key { table, name, kind, default }
}

const SPAN: Kind = Kind::Duration { zero: false };
const ALGORITHM: Kind = Kind::Choice(&["ES256", "RS256", "EdDSA"]);
const HTTP2: Kind = Kind::Choice(&["auto", "prior-knowledge", "off"]);
const SPAN_OR_OFF: Kind = Kind::Duration { zero: true };

/// Keys that hold for the whole program: top level of the file, and the environment.
pub(crate) static GLOBAL: &[Key] = &[
    key(
        "store",
        "kind",
        Kind::Choice(&["file", "keyring", "memory"]),
        "what the store was made with, else file",
    ),
    key("store", "path", Kind::Path, "STATE/credentials"),
    key("store", "key", Kind::KeySource, "what the store was made with, else the system's keyring"),
    key("store", "passphrase_fd", Kind::Count { least: 0, most: 65_535 }, "none"),
    key("store", "keyring_timeout", SPAN, "5s, and 2m where somebody at a terminal may be asked"),
    key("store", "accept_unshared_locks", Kind::Flag, "false"),
    key("agent", "socket", Kind::Path, "$XDG_RUNTIME_DIR/renewd/agent.sock, else STATE/run/agent.sock"),
    key("agent", "status", Kind::Address, "off"),
    key(
        "agent",
        "status_access",
        Kind::Choice(&["same-user", "path-secret"]),
        "same-user where the peer's uid can be had, else path-secret",
    ),
    key("hooks", "on_unauthenticated", Kind::Command, "none"),
    key("hooks", "on_auth_retrying", Kind::Command, "none"),
    key("hooks", "on_recovered", Kind::Command, "none"),
    key("hooks", "timeout", SPAN, "30s"),
    key("notify", "desktop", Kind::Flag, "false"),
    key("shutdown", "grace", SPAN, "30s"),
];

/// Keys that hold for all credentials at top level, and for one in its own tables: and the environment.
pub(crate) static POLICY: &[Key] = &[
    key("refresh", "window", SPAN, "min(15m, 25% of the lifetime)"),
    key("refresh", "mandatory", SPAN, "min(60s, 10% of the lifetime)"),
    key("refresh", "min_interval", SPAN_OR_OFF, "the profile's, else min(30s, 25% of the lifetime)"),
    key("refresh", "settle", SPAN, "request.timeout + 5s"),
    key("refresh", "accept_foreign_intents", Kind::Flag, "false"),
    key("retry", "initial", SPAN, "10s"),
    key("retry", "max", SPAN, "2m"),
    key("retry", "tries", Kind::Count { least: 0, most: 1000 }, "5"),
    key("retry", "elapsed", SPAN, "5m"),
    key("retry", "budget", Kind::Count { least: 1, most: 1_000_000 }, "20"),
    key("retry", "budget_refill", SPAN, "3m"),
    key("auth_retrying", "interval", SPAN, "10m"),
    key("auth_retrying", "ceiling", SPAN, "1d"),
    key("request", "timeout", SPAN, "30s"),
    key("request", "connect_timeout", SPAN, "10s"),
    key("request", "ca_file", Kind::Path, "none"),
    key("request", "roots", Kind::Choice(&["platform", "webpki"]), "webpki"),
    key("request", "proxy", Kind::ProxyUrl, "none"),
    key("lifetime", "default", SPAN, "the profile's, else 1h"),
    key("", "demand_timeout", SPAN, "60s in `renewd token`, 10s in the proxy"),
];

/// Keys of `[credential.NAME]` itself.
pub(crate) static CREDENTIAL: &[Key] = &[
    key("credential", "profile", Kind::Text, "by the server's host, else generic"),
    key("credential", "token_endpoint", Kind::Endpoint, "what the login pins"),
    key("credential", "revocation_endpoint", Kind::Endpoint, "none"),
    key("credential", "issuer", Kind::Issuer, "none"),
    key("credential", "authorization_endpoint", Kind::Endpoint, "what the issuer tells, else the profile's"),
    key(
        "credential",
        "device_authorization_endpoint",
        Kind::Endpoint,
        "what the issuer tells, else the profile's",
    ),
    key("credential", "client_id", Kind::Text, "what the login pins"),
    key("credential", "resource", Kind::Text, "none"),
    key("credential", "audience", Kind::Text, "none"),
    key(
        "credential",
        "client_auth",
        Kind::Choice(&["none", "basic", "post", "private_key_jwt"]),
        "the profile's; else private_key_jwt with a key, post with a secret, else none",
    ),
    key("credential", "client_secret_file", Kind::Path, "none"),
    key("credential", "client_key_file", Kind::Path, "none"),
    key("credential", "client_key_keyring", Kind::KeyringItem, "none"),
    key("credential", "client_key_id", Kind::Text, "the key's own, else none"),
    key("credential", "client_key_algorithm", ALGORITHM, "the key's own, else by its kind"),
    key("credential", "client_assertion_audience", Kind::Text, "the token endpoint"),
    key("credential", "dpop", Kind::Flag, "what the login was told, else false"),
    key(
        "credential",
        "grant",
        Kind::Choice(&["client_credentials", "token_exchange", "jwt_bearer"]),
        "what the login was told, else a person logs in",
    ),
    key("credential", "subject_token_file", Kind::Path, "none"),
    key("credential", "subject_token_type", Kind::Text, "urn:ietf:params:oauth:token-type:access_token"),
    key("credential", "actor_token_file", Kind::Path, "none"),
    key("credential", "actor_token_type", Kind::Text, "urn:ietf:params:oauth:token-type:access_token"),
    key("credential", "requested_token_type", Kind::Text, "none"),
    key("credential", "assertion_file", Kind::Path, "none"),
    key("credential", "assertion_key_file", Kind::Path, "none"),
    key("credential", "assertion_key_id", Kind::Text, "the key's own, else none"),
    key("credential", "assertion_key_algorithm", ALGORITHM, "the key's own, else by its kind"),
    key("credential", "assertion_issuer", Kind::Text, "the client's id"),
    key("credential", "assertion_subject", Kind::Text, "none"),
    key("credential", "assertion_audience", Kind::Text, "the token endpoint"),
    key("credential", "assertion_lifetime", SPAN, "5m"),
    key("credential", "redirect_uri", Kind::Redirect, "the profile's, else http://127.0.0.1:PORT/callback"),
    key("credential", "scope", Kind::Words, "none"),
    key(
        "credential",
        "as_class",
        Kind::Choice(&["P0", "P1", "P2", "P3", "P4", "P5", "P6"]),
        "the profile's, else P2",
    ),
    key("credential", "grace", SPAN_OR_OFF, "the profile's, else off"),
    key("credential", "seed_file", Kind::Path, "none"),
    key("credential", "required", Kind::Flag, "false"),
    key("credential", "helper_hosts", Kind::Hosts, "git: the token endpoint's; docker: none"),
    key("credential", "helper_username", Kind::Text, "what the host is known to want, else oauth2"),
];

/// Tables of a credential that hold pairs of the user's own.
pub(crate) static CREDENTIAL_PAIRS: &[&str] =
    &["parameters", "headers", "login_parameters", "assertion_claims"];

/// Keys of `[[proxy]]`.
pub(crate) static PROXY: &[Key] = &[
    key("proxy", "listen", Kind::Listen, ""),
    key("proxy", "upstream", Kind::Upstream, ""),
    key("proxy", "credential", Kind::Credential, ""),
    key("proxy", "upstream_http2", HTTP2, "auto"),
    key("proxy", "replay_limit", Kind::Size, "1MiB"),
    key(
        "proxy",
        "access",
        Kind::Choice(&["same-user", "path-secret", "any-local-user"]),
        "same-user where the peer's uid can be had, else path-secret",
    ),
    key("proxy", "demand_timeout", SPAN, "10s"),
    key("proxy", "scope", Kind::Words, "the login's"),
    key("proxy", "resource", Kind::Text, "the login's"),
    key("proxy", "audience", Kind::Text, "the login's"),
];

/// Keys of `[[proxy.route]]`.
pub(crate) static ROUTE: &[Key] = &[
    key("proxy.route", "prefix", Kind::Prefix, ""),
    key("proxy.route", "upstream", Kind::Upstream, ""),
    key("proxy.route", "credential", Kind::Credential, "the proxy's"),
    key("proxy.route", "strip_prefix", Kind::Flag, "true"),
    key("proxy.route", "upstream_http2", HTTP2, "the proxy's"),
    key("proxy.route", "replay_limit", Kind::Size, "the proxy's"),
    key("proxy.route", "scope", Kind::Words, "the login's"),
    key("proxy.route", "resource", Kind::Text, "the login's"),
    key("proxy.route", "audience", Kind::Text, "the login's"),
];

/// Keys of `[[sink]]`.
pub(crate) static SINK: &[Key] = &[
    key("sink", "credential", Kind::Credential, ""),
    key("sink", "path", Kind::Path, ""),
    key("sink", "format", Kind::Choice(&["raw", "header", "json", "env"]), "raw"),
    key("sink", "mode", Kind::Mode, "0600"),
    key("sink", "on_unavailable", Kind::Choice(&["remove", "keep"]), "remove"),
    key("sink", "folder", Kind::Choice(&["own", "any"]), "own"),
    key("sink", "scope", Kind::Words, "the login's"),
    key("sink", "resource", Kind::Text, "the login's"),
    key("sink", "audience", Kind::Text, "the login's"),
];

/// Tables that may stand at top level, beside those of the keys above.
pub(crate) static TOP_TABLES: &[&str] = &["credential", "profile", "proxy", "sink"];

/// The keys of the environment.
pub(crate) fn of_environment() -> impl Iterator<Item = &'static Key> {
    GLOBAL.iter().chain(POLICY)
}

/// The key of that table and name, among those of the environment.
pub(crate) fn find(table: &str, name: &str) -> Option<&'static Key> {
    of_environment().find(|k| k.table == table && k.name == name)
}

/// Every table that holds a key of that name, as messages write it: where a misplaced key belongs.
pub(crate) fn homes_of(name: &str) -> Vec<String> {
    let mut homes: Vec<String> = of_environment()
        .filter(|k| k.name == name && !k.table.is_empty())
        .map(|k| format!("[{}]", k.table))
        .collect();
    for (keys, home) in [
        (CREDENTIAL, "[credential.NAME]"),
        (PROXY, "[[proxy]]"),
        (ROUTE, "[[proxy.route]]"),
        (SINK, "[[sink]]"),
    ] {
        if keys.iter().any(|k| k.name == name) {
            homes.push(home.into());
        }
    }
    homes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::duration::parse_duration;
    use renewd_core::Policy;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_keys_share_a_variable() {
        let all: Vec<String> = of_environment().map(Key::variable).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(all.contains(&"RENEWD_AUTH_RETRYING_INTERVAL".into()));
        assert!(all.contains(&"RENEWD_STORE_KEY".into()));
        assert!(all.contains(&"RENEWD_DEMAND_TIMEOUT".into()));
    }

    #[test]
    fn the_defaults_shown_are_those_of_the_core() {
        let p = Policy::default();
        for (table, name, span) in [
            ("retry", "initial", p.retry.initial),
            ("retry", "max", p.retry.max),
            ("retry", "elapsed", p.retry.elapsed),
            ("retry", "budget_refill", p.retry.budget_refill),
            ("auth_retrying", "interval", p.auth_retrying.interval),
            ("auth_retrying", "ceiling", p.auth_retrying.ceiling),
            ("request", "timeout", p.request.timeout),
            ("request", "connect_timeout", p.request.connect_timeout),
            ("shutdown", "grace", p.shutdown_grace),
        ] {
            assert_eq!(parse_duration(find(table, name).unwrap().default).unwrap(), span, "{table}.{name}");
        }
        let lifetime = find("lifetime", "default").unwrap().default;
        assert_eq!(lifetime, format!("the profile's, else {}", p.lifetime_default));
        assert_eq!(find("retry", "tries").unwrap().default, p.retry.tries.to_string());
        assert_eq!(find("retry", "budget").unwrap().default, p.retry.budget.to_string());
    }

    /// The rows of a section of the book's page, as the keys in the first cell and the default in the second.
    fn rows(page: &str, heading: &str) -> Vec<(Vec<String>, String)> {
        let section = page.split("\n## ").find(|section| section.starts_with(&format!("{heading}\n")));
        let rows = section.unwrap_or_default().lines().filter_map(|line| line.strip_prefix("| `"));
        rows.map(|row| {
            let mut cells = row.split('|').map(str::trim);
            let first = cells.next().unwrap_or_default();
            let named = first.split(',').map(|key| key.trim().replace('`', "")).collect();
            (named, cells.next().unwrap_or_default().replace('`', "").replace(" %", "%"))
        })
        .collect()
    }

    #[test]
    fn the_book_names_every_key_with_its_default_and_no_other() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let page = std::fs::read_to_string(path).unwrap();
        let whole = |k: &Key| (k.path(), k.default.replace('`', ""));
        let bare = |k: &Key| (k.name.to_owned(), k.default.replace('`', ""));
        let pairs = CREDENTIAL_PAIRS.iter().map(|name| ((*name).to_owned(), String::new()));
        for (heading, known) in [
            ("The whole program", GLOBAL.iter().map(whole).collect::<BTreeSet<_>>()),
            ("Policy", POLICY.iter().map(whole).collect()),
            ("A credential", CREDENTIAL.iter().map(bare).chain(pairs).collect()),
            ("A proxy", PROXY.iter().map(bare).collect()),
            ("A route of a proxy", ROUTE.iter().map(bare).collect()),
            ("A token file", SINK.iter().map(bare).collect()),
        ] {
            let told: BTreeSet<_> = rows(&page, heading)
                .into_iter()
                .flat_map(|(named, default)| named.into_iter().map(move |key| (key, default.clone())))
                .collect();
            let untold: Vec<_> = known.difference(&told).collect();
            let invented: Vec<_> = told.difference(&known).collect();
            assert!(
                untold.is_empty() && invented.is_empty(),
                "docs/configuration.md, {heading}: it lacks {untold:?}, and has {invented:?} instead"
            );
        }
    }
}
