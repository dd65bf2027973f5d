//! The JSON of `renewd profiles`. Field names follow the format of a profile file; spans are whole seconds.

use std::collections::BTreeMap;

use renewd_core::{BodyEncoding, FieldMap, Override, Profile, Span, StatusRange};
use serde::Serialize;

use crate::json::SCHEMA;
use crate::profiles::{Known, words};

/// `profiles --json`.
#[derive(Serialize)]
pub(super) struct ListDocument<'p> {
    schema: u32,
    profiles: Vec<Summary<'p>>,
}

/// What both documents say of a profile.
#[derive(Serialize)]
struct Summary<'p> {
    name: &'p str,
    title: &'p str,
    /// Whether the user wrote it.
    own: bool,
    /// Where it stands.
    from: String,
    as_class: &'static str,
    grace_s: u64,
    rotation: String,
    client_auth: Vec<&'static str>,
    lifetime_s: Option<u64>,
    min_interval_s: Option<u64>,
    hosts: &'p [renewd_core::Text],
}

/// `profiles show P --json`.
#[derive(Serialize)]
pub(super) struct ProfileDocument<'p> {
    schema: u32,
    #[serde(flatten)]
    summary: Summary<'p>,
    endpoints: BTreeMap<&'static str, &'p str>,
    login: Login<'p>,
    refresh: Refresh<'p>,
    fields: BTreeMap<&'static str, &'p [renewd_core::Text]>,
    overrides: Vec<OverrideDocument<'p>>,
    sources: &'p [renewd_core::Text],
    unsure: Vec<Unsure<'p>>,
}

#[derive(Serialize)]
struct Login<'p> {
    scope: &'p [renewd_core::Text],
    scope_separator: Option<&'p str>,
    parameters: BTreeMap<&'p str, &'p str>,
    redirect: &'static str,
    pkce: bool,
    client: Option<&'p str>,
}

#[derive(Serialize)]
struct Refresh<'p> {
    scope: bool,
    encoding: &'static str,
    parameters: BTreeMap<&'p str, &'p str>,
    headers: BTreeMap<&'p str, &'p str>,
    /// What the provider calls the standard's parameters, where by other names.
    names: BTreeMap<&'p str, &'p str>,
}

#[derive(Serialize)]
struct OverrideDocument<'p> {
    name: &'p str,
    /// The rule that evidence names.
    rule: String,
    verdict: &'static str,
    may_have_rotated: bool,
    retry_after_s: Option<u64>,
    message: &'p str,
    source: Option<&'p str>,
    when: WhenDocument<'p>,
}

#[derive(Serialize)]
struct WhenDocument<'p> {
    status: Vec<[u16; 2]>,
    code: &'p [renewd_core::Text],
    words: &'p [renewd_core::Text],
    members: BTreeMap<&'p str, &'p [renewd_core::Text]>,
    page: &'p [renewd_core::Text],
}

#[derive(Serialize)]
struct Unsure<'p> {
    key: &'p str,
    why: &'p str,
}

impl<'p> ListDocument<'p> {
    pub(super) fn new(all: &[Known<'p>]) -> Self {
        Self { schema: SCHEMA, profiles: all.iter().map(|k| Summary::new(*k)).collect() }
    }
}

impl<'p> Summary<'p> {
    fn new(Known { profile, source }: Known<'p>) -> Self {
        Self {
            name: &profile.name,
            title: &profile.title,
            own: source.is_own(),
            from: source.to_string(),
            as_class: profile.as_class.name(),
            grace_s: profile.grace.as_secs(),
            rotation: words::rotation(profile),
            client_auth: profile.client_auth.iter().map(|m| m.name()).collect(),
            lifetime_s: profile.lifetime.map(Span::as_secs),
            min_interval_s: profile.min_interval.map(Span::as_secs),
            hosts: &profile.endpoints.hosts,
        }
    }
}

impl<'p> ProfileDocument<'p> {
    pub(super) fn new(known: Known<'p>) -> Self {
        let Profile { endpoints, login, refresh, fields, overrides, sources, unsure, .. } = known.profile;
        let there = super::explained::endpoints(endpoints).into_iter();
        let pairs = |all: &'p [(renewd_core::Text, renewd_core::Text)]| {
            all.iter().map(|(k, v)| (k.as_ref(), v.as_ref())).collect()
        };
        Self {
            schema: SCHEMA,
            summary: Summary::new(known),
            endpoints: there.map(|(key, _, url)| (key, url)).collect(),
            login: Login {
                scope: &login.scope,
                scope_separator: login.scope_separator.as_deref(),
                parameters: pairs(&login.parameters),
                redirect: login.redirect.name(),
                pkce: login.pkce,
                client: login.client.as_deref(),
            },
            refresh: Refresh {
                scope: refresh.scope,
                encoding: encoding(refresh.encoding),
                parameters: pairs(&refresh.parameters),
                headers: pairs(&refresh.headers),
                names: pairs(&refresh.names),
            },
            fields: paths(fields).into_iter().filter(|(_, paths)| !paths.is_empty()).collect(),
            overrides: overrides.iter().map(|one| OverrideDocument::new(&known.profile.name, one)).collect(),
            sources,
            unsure: unsure.iter().map(|(key, why)| Unsure { key, why }).collect(),
        }
    }
}

impl<'p> OverrideDocument<'p> {
    fn new(profile: &str, one: &'p Override) -> Self {
        let range = |r: &StatusRange| [r.from, r.to];
        Self {
            name: &one.name,
            rule: format!("{profile}/{}", one.name),
            verdict: one.verdict.name(),
            may_have_rotated: one.may_have_rotated,
            retry_after_s: one.retry_after.map(Span::as_secs),
            message: &one.message,
            source: one.source.as_deref(),
            when: WhenDocument {
                status: one.when.status.iter().map(range).collect(),
                code: &one.when.code,
                words: &one.when.words,
                members: one.when.members.iter().map(|m| (m.path.as_ref(), m.equals.as_ref())).collect(),
                page: &one.when.page,
            },
        }
    }
}

/// As the format of a profile file writes it.
pub(super) const fn encoding(encoding: BodyEncoding) -> &'static str {
    match encoding {
        BodyEncoding::Form => "form",
        BodyEncoding::Json => "json",
    }
}

/// Where each thing is kept, by the standard's name for it.
pub(super) fn paths(map: &FieldMap) -> Vec<(&'static str, &[renewd_core::Text])> {
    let FieldMap {
        access_token,
        refresh_token,
        id_token,
        token_type,
        scope,
        expires_in,
        expires_at,
        issued_at,
        refresh_token_expires_in,
        error,
        error_description,
    } = map;
    vec![
        ("access_token", access_token),
        ("refresh_token", refresh_token),
        ("id_token", id_token),
        ("token_type", token_type),
        ("scope", scope),
        ("expires_in", expires_in),
        ("expires_at", expires_at),
        ("issued_at", issued_at),
        ("refresh_token_expires_in", refresh_token_expires_in),
        ("error", error),
        ("error_description", error_description),
    ]
}
