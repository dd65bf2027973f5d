//! A user of a kubeconfig whose tokens come by kubectl's `oidc` provider, as `kubectl config view --raw -o json` prints
//! it.

use super::json::Object;
use super::{Found, Owner};
use crate::exit::Failure;

pub(super) fn read(place: &str, bytes: &[u8], entry: Option<&str>) -> Result<Found, Failure> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Failure::usage(format!("{place}: JSON is needed, and a kubeconfig is YAML"))
            .advise("kubectl config view --raw -o json | renewd import NAME --from kubeconfig"));
    }
    let users = Object::parse(place, bytes)?.list("users")?;
    let mut named = Vec::new();
    for user in users {
        let name = user.needed("name")?;
        let own = user.object("user")?.ok_or_else(|| user.wrong("user", "is missing"))?;
        named.push((name, own));
    }
    let (name, user) = pick(place, named, entry)?;
    let Some(provider) = user.object("auth-provider")? else {
        return Err(user.wrong(
            "auth-provider",
            "is missing: what this user logs in by is no refresh token in this file (an exec plugin keeps its own)",
        ));
    };
    if provider.needed("name")? != "oidc" {
        return Err(provider.wrong("name", "is not oidc, the only provider whose tokens are known"));
    }
    let config = provider.object("config")?.ok_or_else(|| provider.wrong("config", "is missing"))?;
    let token = config.secret("refresh-token")?.ok_or_else(|| config.wrong("refresh-token", "is missing"))?;
    let owner = Owner {
        name: format!("kubectl (user {name})"),
        stop: format!(
            "let kubectl ask renewd: kubectl config set-credentials {name} --exec-command=renewd --exec-arg=helper \
             --exec-arg=kubectl --exec-arg=NAME --exec-api-version=client.authentication.k8s.io/v1, and remove its \
             auth-provider"
        ),
    };
    let mut found = Found::new(place, owner, Some(token));
    found.client_id = Some(config.needed("client-id")?);
    found.client_secret = config.secret("client-secret")?;
    found.issuer = Some(config.needed("idp-issuer-url")?);
    if config.text("idp-certificate-authority")?.or(config.text("idp-certificate-authority-data")?).is_some()
    {
        found.remarks.push(
            "this user trusts a certificate authority of its own for the issuer: name it as request.ca_file"
                .into(),
        );
    }
    Ok(found)
}

/// The one that is named, or the only one there is.
fn pick<'a>(
    place: &str,
    mut all: Vec<(String, Object<'a>)>,
    entry: Option<&str>,
) -> Result<(String, Object<'a>), Failure> {
    let names: Vec<_> = all.iter().map(|(name, _)| name.clone()).collect();
    if let Some(wanted) = entry {
        return match all.into_iter().find(|(name, _)| name == wanted) {
            Some(found) => Ok(found),
            None => Err(super::no_entry(place, "user", &names)),
        };
    }
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(super::no_entry(place, "user", &names)),
    }
}
