//! Every key of a profile, what it may hold, and what it is for.
//!
//! One list: the reader refuses what does not stand in it, the schema is written from it, and the page for people
//! shows it.

use renewd_core::{AsClass, ClientAuthMethod, OVERRIDES_MAX, Redirect, Verdict};

/// Longest title, in bytes: a name for people, in a table.
pub(crate) const TITLE_BYTES_MAX: usize = 80;

/// Longest message, in bytes: what evidence takes.
pub(crate) const MESSAGE_BYTES_MAX: usize = 200;

/// Longest reason of something that is not sure, in bytes.
pub(crate) const REASON_BYTES_MAX: usize = 400;

/// Longest text of a condition, in bytes.
pub(crate) const CONDITION_BYTES_MAX: usize = 200;

/// Shortest text that is looked for in words and pages, in bytes: a shorter one is found in anything.
pub(crate) const CONDITION_BYTES_MIN: usize = 3;

/// Longest value of a parameter or header, in bytes.
pub(crate) const PAIR_BYTES_MAX: usize = 400;

/// Most items of a list. A profile is a handful of facts; the limit keeps each answer cheap to judge.
pub(crate) const ITEMS_MAX: usize = 64;

// Core ignores what is beyond; nothing that is read may be ignored.
const _: () = assert!(ITEMS_MAX <= OVERRIDES_MAX);

/// A key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// For the schema and the page: a sentence without its full stop.
    pub(crate) about: &'static str,
}

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A kebab-case name.
    Slug,
    /// A text on one line of so many bytes at most.
    Line { most: usize },
    /// `1h30m`, more than nothing.
    Duration,
    /// `true` or `false`.
    Flag,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Some of these, each once.
    Choices(&'static [&'static str]),
    /// An address.
    Url(UrlUse),
    /// Addresses of documentation.
    Sources,
    /// Host names, perhaps with `*.` before them.
    Hosts,
    /// Paths into a JSON answer.
    Paths,
    /// Names and texts.
    Pairs(Pairs),
    /// `400`, `"401-403"`.
    Statuses,
    /// Texts of at least so many bytes.
    Texts { least: usize },
    /// Paths, each with the values that a member there may have.
    Members,
    /// A table with these keys.
    Table(&'static [Key]),
    /// A list of tables with these keys.
    Tables(&'static [Key]),
}

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UrlUse {
    /// Requests go there; `{…}` is filled in by whoever uses the profile.
    Endpoint,
    /// It is compared with what tokens say, and has no query (RFC 8414 §2).
    Issuer,
    /// People read it.
    Documentation,
}

/// What a table of names and texts is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairs {
    Parameters,
    /// Of an authorization request.
    LoginParameters,
    Headers,
    Names,
    Unsure,
}

const CLASSES: &[&str] = &[
    AsClass::P0.name(),
    AsClass::P1.name(),
    AsClass::P2.name(),
    AsClass::P3.name(),
    AsClass::P4.name(),
    AsClass::P5.name(),
    AsClass::P6.name(),
];

const METHODS: &[&str] = &[
    ClientAuthMethod::None.name(),
    ClientAuthMethod::Basic.name(),
    ClientAuthMethod::Post.name(),
    ClientAuthMethod::PrivateKeyJwt.name(),
];

const REDIRECTS: &[&str] = &[Redirect::AnyPort.name(), Redirect::Registered.name(), Redirect::Https.name()];

/// All but success, which needs a token.
const VERDICTS: &[&str] = &[
    Verdict::Transient.name(),
    Verdict::RateLimited.name(),
    Verdict::PermanentGrant.name(),
    Verdict::PermanentClient.name(),
    Verdict::ProtocolErrorTransient.name(),
    Verdict::RetryImmediately.name(),
];

const fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, about }
}

const fn paths(name: &'static str, about: &'static str) -> Key {
    key(name, Kind::Paths, about)
}

const fn line(name: &'static str, most: usize, about: &'static str) -> Key {
    key(name, Kind::Line { most }, about)
}

const fn endpoint(name: &'static str, about: &'static str) -> Key {
    key(name, Kind::Url(UrlUse::Endpoint), about)
}

/// Of a whole profile.
pub(crate) const PROFILE: &[Key] = &[
    key("name", Kind::Slug, "the profile's name; without it the file's, without its ending"),
    line("title", TITLE_BYTES_MAX, "its name for people"),
    key(
        "as_class",
        Kind::Choice(CLASSES),
        "how it treats a spent refresh token; P2, the strict one, where it is not said",
    ),
    key(
        "grace",
        Kind::Duration,
        "how long a superseded refresh token still works; with P3, and only with it",
    ),
    key("client_auth", Kind::Choices(METHODS), "how clients prove themselves, the usual way first"),
    key("lifetime", Kind::Duration, "how long an access token lives whose answer does not say so"),
    key(
        "min_interval",
        Kind::Duration,
        "the least time between two refreshes, where the provider counts them",
    ),
    key("sources", Kind::Sources, "where the facts come from: addresses of public documentation"),
    key("endpoints", Kind::Table(ENDPOINTS), "where it is"),
    key(
        "login",
        Kind::Table(LOGIN),
        "how a login begins: what an authorization request must carry beside RFC 6749 §4.1.1",
    ),
    key("refresh", Kind::Table(REFRESH), "what a refresh request must carry beside RFC 6749 §6"),
    key(
        "fields",
        Kind::Table(FIELDS),
        "where its answers keep what belongs in RFC 6749's members: lists of paths, tried in order before the standard name",
    ),
    key(
        "override",
        Kind::Tables(OVERRIDE),
        "answers that mean something else here than elsewhere; the first that fits decides",
    ),
    key(
        "unsure",
        Kind::Pairs(Pairs::Unsure),
        "what is not sure: a key of the profile, or `override.NAME`, and why",
    ),
];

const ENDPOINTS: &[Key] = &[
    key("issuer", Kind::Url(UrlUse::Issuer), "the issuer (RFC 8414 §2)"),
    endpoint("token", "the token endpoint (RFC 6749 §3.2)"),
    endpoint("authorization", "the authorization endpoint (RFC 6749 §3.1)"),
    endpoint("device_authorization", "the device authorization endpoint (RFC 8628 §3.1)"),
    endpoint("revocation", "the revocation endpoint (RFC 7009 §2)"),
    key(
        "hosts",
        Kind::Hosts,
        "hosts of this provider and of nobody else: the profile is chosen by them where none is named",
    ),
];

const LOGIN: &[Key] = &[
    key(
        "scope",
        Kind::Texts { least: 1 },
        "scopes to ask for where the user names none: what brings a refresh token, and little else",
    ),
    key(
        "scope_separator",
        Kind::Choice(&[",", "+"]),
        "what stands between scopes; a blank where it is not said",
    ),
    key("parameters", Kind::Pairs(Pairs::LoginParameters), "further parameters of the authorization request"),
    key(
        "redirect",
        Kind::Choice(REDIRECTS),
        "which redirect addresses are taken: loopback with any port (where it is not said), loopback as it was registered, or https only",
    ),
    key(
        "pkce",
        Kind::Flag,
        "false where the parameters of RFC 7636 are refused: a client without a secret or a key cannot log in there then",
    ),
    key("client", Kind::Url(UrlUse::Documentation), "the page on which a person registers a client"),
];

const REFRESH: &[Key] = &[
    key("scope", Kind::Flag, "whether the scope must be named again"),
    key("encoding", Kind::Choice(&["form", "json"]), "how the body is written; form where it is not said"),
    key("parameters", Kind::Pairs(Pairs::Parameters), "further parameters"),
    key("headers", Kind::Pairs(Pairs::Headers), "further headers; `Accept` replaces the usual one"),
    key(
        "names",
        Kind::Pairs(Pairs::Names),
        "what the provider calls RFC 6749's parameters `grant_type`, `refresh_token`, `client_id`, `client_secret`, `scope`, where by other names; the client's hold for a revocation too",
    ),
];

const FIELDS: &[Key] = &[
    paths("access_token", "the access token"),
    paths("refresh_token", "the new refresh token"),
    paths("id_token", "the ID token"),
    paths("token_type", "the token type"),
    paths("scope", "the scope granted"),
    paths("expires_in", "the lifetime in seconds"),
    paths("expires_at", "the moment of expiry: seconds or milliseconds since the Unix epoch, or RFC 3339"),
    paths("issued_at", "the moment of issue, in the same shapes; the lifetime counts from it"),
    paths("refresh_token_expires_in", "the lifetime of the new refresh token in seconds"),
    paths("error", "the error code"),
    paths("error_description", "what the server says to people"),
];

const OVERRIDE: &[Key] = &[
    key("name", Kind::Slug, "its name, once in a profile; evidence shows it as the rule `PROFILE/NAME`"),
    key("verdict", Kind::Choice(VERDICTS), "what the answer means"),
    key(
        "when",
        Kind::Table(WHEN),
        "when it decides: every condition that is given must hold; at least one is",
    ),
    key(
        "may_have_rotated",
        Kind::Flag,
        "whether the refresh token may have been rotated all the same; true for protocol_error_transient alone where it is not said",
    ),
    key("retry_after", Kind::Duration, "how long to leave the server alone, where the answer does not say"),
    line(
        "message",
        MESSAGE_BYTES_MAX,
        "for people, where the server says nothing itself: short, lower-case, no full stop",
    ),
    key("source", Kind::Url(UrlUse::Documentation), "where this is known from"),
    line("unsure", REASON_BYTES_MAX, "why this is not sure"),
];

const WHEN: &[Key] = &[
    key("status", Kind::Statuses, "the status is one of these: 400, or \"401-403\""),
    key(
        "code",
        Kind::Texts { least: 1 },
        "the error code is one of these, in any case and with any separators",
    ),
    key(
        "words",
        Kind::Texts { least: CONDITION_BYTES_MIN },
        "the server's words contain one of these, in any case",
    ),
    key(
        "page",
        Kind::Texts { least: CONDITION_BYTES_MIN },
        "the first 4 KiB of the body contain one of these, in any case; for pages",
    ),
    key(
        "members",
        Kind::Members,
        "each of these members of the JSON answer has one of its values; an empty list where it only has to be there",
    ),
];

/// The tables in which a key of that name stands, as `[endpoints]`; the top itself is none.
pub(crate) fn homes_of(name: &str) -> Vec<String> {
    let mut homes = Vec::new();
    for table in PROFILE {
        match table.kind {
            Kind::Table(keys) if has(keys, name) => homes.push(format!("[{}]", table.name)),
            Kind::Tables(keys) => {
                if has(keys, name) {
                    homes.push(format!("[[{}]]", table.name));
                }
                for inner in keys {
                    if matches!(inner.kind, Kind::Table(keys) if has(keys, name)) {
                        homes.push(format!("{} of [[{}]]", inner.name, table.name));
                    }
                }
            }
            _ => {}
        }
    }
    homes
}

fn has(keys: &[Key], name: &str) -> bool {
    keys.iter().any(|key| key.name == name)
}

/// Whether `[unsure]` may name this: a key, a table, or a key of a table.
pub(crate) fn can_be_unsure(path: &str) -> bool {
    match path.split_once('.') {
        None => has(PROFILE, path) && !matches!(path, "name" | "unsure" | "override" | "sources"),
        Some((table, name)) => {
            PROFILE.iter().any(|k| k.name == table && matches!(k.kind, Kind::Table(keys) if has(keys, name)))
        }
    }
}

/// Everything that `[unsure]` may name but overrides.
pub(crate) fn of_unsure() -> Vec<String> {
    let mut all = Vec::new();
    for key in PROFILE.iter().filter(|key| can_be_unsure(key.name)) {
        all.push(key.name.to_owned());
        if let Kind::Table(keys) = key.kind {
            all.extend(keys.iter().map(|inner| format!("{}.{}", key.name, inner.name)));
        }
    }
    all
}

/// A key, for pages that explain the format.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Documented {
    /// The table it stands in, as it is written in TOML: empty for the top, `[endpoints]`, `[[override]]`, `when`.
    pub table: String,
    /// Its name.
    pub name: &'static str,
    /// What it holds, in a few words.
    pub holds: String,
    /// What it is for.
    pub about: &'static str,
}

/// Every key of the format, table by table, in the order in which a profile is written.
pub fn documented() -> Vec<Documented> {
    let mut all = Vec::new();
    document("", PROFILE, &mut all);
    all
}

fn document(table: &str, keys: &'static [Key], into: &mut Vec<Documented>) {
    for key in keys {
        into.push(Documented {
            table: table.to_owned(),
            name: key.name,
            holds: key.kind.holds(),
            about: key.about,
        });
    }
    for key in keys {
        match key.kind {
            Kind::Table(inner) if table.is_empty() => document(&format!("[{}]", key.name), inner, into),
            Kind::Table(inner) => document(key.name, inner, into),
            Kind::Tables(inner) => document(&format!("[[{}]]", key.name), inner, into),
            _ => {}
        }
    }
}

impl Kind {
    /// In a few words.
    fn holds(self) -> String {
        match self {
            Self::Slug => "a kebab-case name".into(),
            Self::Line { most } => format!("a text on one line, at most {most} bytes"),
            Self::Duration => "a duration: `90s`, `1h30m`".into(),
            Self::Flag => "`true` or `false`".into(),
            Self::Choice(all) => format!("`{}`", all.join("`, `")),
            Self::Choices(all) => format!("a list of `{}`", all.join("`, `")),
            Self::Url(UrlUse::Documentation) => "a URL".into(),
            Self::Url(_) => "a URL; `{name}` is filled in by its user".into(),
            Self::Sources => "a list of URLs".into(),
            Self::Hosts => "a list of hosts; `*.example.com` for what lies below".into(),
            Self::Paths => "a list of paths".into(),
            Self::Pairs(_) => "a table of texts".into(),
            Self::Statuses => "a list of numbers and ranges".into(),
            Self::Texts { .. } => "a list of texts".into(),
            Self::Members => "a table: path = list of values".into(),
            Self::Table(_) => "a table".into(),
            Self::Tables(_) => "a list of tables".into(),
        }
    }
}
