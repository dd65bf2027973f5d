//! What holds for one credential: what the configuration says, else what the login was told, else what the provider's
//! profile says, else the default.

use renewd_core::{AsClass, BodyEncoding, GrantType, JwtBearer, Record, TokenSource};
use renewd_driver::CredentialName;

use super::{Row, row};
use crate::config::{CREDENTIAL, Config, Effective, Key, Origin, POLICY, Value};
use crate::credential::{
    By, Chosen, Hands, chosen, glance, grant_name, names, open_existing, unknown, usual_auth,
};
use crate::exit::Failure;
use crate::profiles::token_endpoint_of_login;

/// Its rows.
pub(super) fn rows(config: &Config, name: &CredentialName) -> Result<Vec<Row>, Failure> {
    let store = open_existing(config)?;
    let known = names(config, store.as_ref().map(|s| s.port.as_ref()))?;
    if !known.contains(name) {
        return Err(unknown(name, &known));
    }
    let record = match &store {
        Some(store) => glance(config, store.port.as_ref(), name)?.record,
        None => None,
    };
    let record = record.as_ref();
    let chosen = chosen(config, name, record)?;
    let hands = Hands::of(config, name, record);
    let issuer = config.text("credential", "issuer", Some(name));
    let found = |key: &Key| {
        config
            .lookup(key.table, key.name, Some(name))
            .or_else(|| record.and_then(|r| told(key, r)))
            .or_else(|| of_the_profile(key, &chosen, hands, issuer.as_deref()))
    };
    let mut rows: Vec<Row> = CREDENTIAL.iter().map(|key| settled(key, key.name.into(), found(key))).collect();
    rows.extend(POLICY.iter().map(|key| settled(key, key.path(), found(key))));
    rows.extend(carried(config, name, &chosen));
    Ok(rows)
}

/// A row. Where the profile says nothing either, the default is what stands behind it.
fn settled(key: &Key, path: String, found: Option<Effective>) -> Row {
    let mut row = row(key, path, found);
    let behind = [
        "the profile's, else ",
        "the profile's; else ",
        "by the server's host, else ",
        "what the login was told, else ",
    ];
    if let Some(rest) = behind.iter().find_map(|before| row.value.strip_prefix(before)) {
        row.value = rest.into();
    }
    row
}

/// What the login says of a key.
fn told(key: &Key, record: &Record) -> Option<Effective> {
    if key.table != "credential" {
        return None;
    }
    let (identity, settings) = (&record.identity, &record.settings);
    let text = match key.name {
        "token_endpoint" => Some(identity.token_endpoint.clone()),
        "revocation_endpoint" => identity.revocation_endpoint.clone(),
        "issuer" => identity.issuer.clone(),
        "client_id" => Some(identity.client_id.clone()),
        "resource" => identity.resource.clone(),
        "client_auth" => settings.client_auth.clone(),
        "client_secret_file" => settings.client_secret.as_ref().map(|_| "(kept in the record)".into()),
        "client_key_file" => settings.client_key.as_ref().map(|_| "(kept in the record)".into()),
        "client_key_id" => settings.client_key.as_ref().and_then(|k| k.key_id.clone()),
        "client_key_algorithm" => settings.client_key.as_ref().and_then(|k| k.algorithm.clone()),
        "audience" => settings.audience.clone(),
        "dpop" => settings.dpop_key.as_ref().map(|_| "true (the key is kept in the record)".into()),
        "grant" if !settings.grant_type.spends_refresh_token() => {
            Some(grant_name(&settings.grant_type).into())
        }
        "subject_token_file" | "actor_token_file" | "assertion_file" => {
            source_told(key.name, &settings.grant_type)
        }
        "scope" => settings.scope.clone(),
        "as_class" => settings.as_class.map(|c| c.name().into()),
        "grace" => settings.grace.map(|g| g.to_string()),
        _ => None,
    }?;
    Some(Effective { value: Value::Text(text), origin: Origin::Login })
}

/// Where a login's grant takes a token of somebody else's from.
fn source_told(key: &str, grant: &GrantType) -> Option<String> {
    let source = match (key, grant) {
        ("subject_token_file", GrantType::TokenExchange(exchange)) => &exchange.subject,
        ("actor_token_file", GrantType::TokenExchange(exchange)) => &exchange.actor.as_ref()?.0,
        ("assertion_file", GrantType::JwtBearer(JwtBearer::Given(source))) => source,
        _ => return None,
    };
    match source {
        TokenSource::File(path) => Some(path.clone()),
        TokenSource::Kept(_) => Some("(kept in the record)".into()),
        _ => None,
    }
}

/// What the profile says of a key.
fn of_the_profile(key: &Key, chosen: &Chosen<'_>, hands: Hands, issuer: Option<&str>) -> Option<Effective> {
    let Chosen { profile, by } = chosen;
    let text = |text: &str| Some(Value::Text(text.into()));
    if (key.table, key.name) == ("credential", "profile") {
        let origin = match by {
            By::Nobody => return None,
            By::Configuration(origin) => origin.clone(),
            By::Login => Origin::Login,
            By::Host => Origin::Host,
        };
        return Some(Effective { value: text(&profile.name)?, origin });
    }
    if **profile == renewd_core::Profile::GENERIC {
        return None;
    }
    let value = match (key.table, key.name) {
        ("credential", "token_endpoint") => {
            token_endpoint_of_login(profile, *by != By::Host, issuer).and_then(text)
        }
        ("credential", "client_auth") => usual_auth(profile, hands).and_then(|m| text(m.name())),
        ("credential", "scope") if profile.refresh.scope => text("(as it was granted)"),
        ("credential", "as_class") => text(profile.as_class.name()),
        ("credential", "grace") if profile.as_class == AsClass::P3 => Some(Value::Span(profile.grace)),
        ("refresh", "min_interval") => profile.min_interval.map(Value::Span),
        ("lifetime", "default") => profile.lifetime.map(Value::Span),
        _ => None,
    }?;
    Some(Effective { value, origin: Origin::Profile(profile.name.to_string()) })
}

/// What each request carries beside what the protocol wants. A name that the configuration gives holds instead of the
/// profile's; headers have no case.
fn carried(config: &Config, name: &CredentialName, chosen: &Chosen<'_>) -> Vec<Row> {
    let file = config.file().map(|f| f.display().to_string()).unwrap_or_default();
    let profile = chosen.profile;
    let own = config.credential(name).cloned().unwrap_or_default();
    let mut rows = Vec::new();
    let mut add = |key: String, value: &str, origin: &str| {
        rows.push(Row { key, value: value.into(), origin: origin.into() });
    };
    let from = Origin::Profile(profile.name.to_string()).to_string();
    for (k, v) in &own.parameters {
        add(format!("parameters.{k}"), v, &file);
    }
    for (k, v) in
        profile.refresh.parameters.iter().filter(|(k, _)| own.parameters.iter().all(|(o, _)| o != k))
    {
        add(format!("parameters.{k}"), v, &from);
    }
    for (k, v) in &own.headers {
        add(format!("headers.{k}"), v, &file);
    }
    let replaced = |k: &str| own.headers.iter().any(|(o, _)| o.eq_ignore_ascii_case(k));
    for (k, v) in profile.refresh.headers.iter().filter(|(k, _)| !replaced(k)) {
        add(format!("headers.{k}"), v, &from);
    }
    if profile.refresh.encoding == BodyEncoding::Json {
        add("(the body of a request)".into(), "json", &from);
    }
    rows
}
