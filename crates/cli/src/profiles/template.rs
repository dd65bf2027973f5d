//! Endpoints that a profile knows only in part: `https://{domain}/oauth/token`. Whoever uses the profile fills the rest
//! in, once: what is written for one endpoint fills in the others.

use renewd_core::Profile;

/// Whether somebody has to fill something in.
pub(crate) fn is_template(url: &str) -> bool {
    url.contains('{')
}

/// The profile's token endpoint, where that is the same for everybody.
///
/// # Errors
/// The template, where there is one; none where nothing is known.
pub(crate) fn token_endpoint(profile: &Profile) -> Result<&str, Option<&str>> {
    match profile.endpoints.token.as_deref() {
        Some(url) if !is_template(url) => Ok(url),
        other => Err(other),
    }
}

/// The same for a login that names none. Who took a profile over from somebody and named it wants it so; but one that
/// was only chosen, because the issuer's host is among those it claims, sends no refresh token to another host.
pub(crate) fn token_endpoint_of_login<'p>(
    profile: &'p Profile,
    is_named: bool,
    issuer: Option<&str>,
) -> Option<&'p str> {
    let trusted = |url: &&str| {
        is_named || is_built_in(profile) || issuer.is_some_and(|issuer| on_same_host(issuer, url))
    };
    token_endpoint(profile).ok().filter(trusted)
}

/// The revocation endpoint of the server that has this token endpoint. A profile of somebody's own names none on another
/// host: refresh token and client secret go there.
pub(crate) fn revocation_beside(profile: &Profile, token_endpoint: &str) -> Option<String> {
    beside(profile, token_endpoint, profile.endpoints.revocation.as_deref())
        .filter(|url| is_built_in(profile) || on_same_host(url, token_endpoint))
}

/// Whether its endpoints are those that were compiled in.
fn is_built_in(profile: &Profile) -> bool {
    Profile::by_name(&profile.name).is_some_and(|built_in| built_in.endpoints == profile.endpoints)
}

/// The same host and port, as they are written.
fn on_same_host(a: &str, b: &str) -> bool {
    let authority = |url: &str| {
        let (_, rest) = url.split_once("://")?;
        rest.split(['/', '?', '#', '\\']).next().map(str::to_ascii_lowercase)
    };
    authority(a).is_some_and(|host| !host.contains('@') && authority(b) == Some(host))
}

/// The parts of a template that are to be filled in, by name.
pub(crate) fn parts(template: &str) -> Vec<&str> {
    template.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
}

/// What was filled in where `template` became `url`; none where it cannot have.
fn filled<'a>(template: &'a str, url: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let (mut template, mut url, mut all) = (template, url, Vec::new());
    while let Some((before, rest)) = template.split_once('{') {
        let (name, after) = rest.split_once('}')?;
        url = url.strip_prefix(before)?;
        // Up to what follows in the template; to the end where nothing does.
        let fixed = after.split('{').next().unwrap_or_default();
        let end = if fixed.is_empty() { url.len() } else { url.find(fixed)? };
        let (value, rest) = url.split_at_checked(end)?;
        if value.is_empty() || (value.contains('/') && !after.is_empty()) {
            return None;
        }
        all.push((name, value));
        (template, url) = (after, rest);
    }
    (template == url).then_some(all)
}

/// Another endpoint of the profile, for the server that has this token endpoint. None where it takes more to know it.
pub(crate) fn beside(profile: &Profile, token_endpoint: &str, other: Option<&str>) -> Option<String> {
    refilled(profile.endpoints.token.as_deref()?, token_endpoint, other?)
}

/// The token endpoint of the server that is this issuer, where the profile's issuer is a template too and leaves no part
/// of it open. A profile of somebody's own names none on another host: the refresh token goes there.
pub(crate) fn token_endpoint_of_issuer(profile: &Profile, issuer: &str) -> Option<String> {
    let known = profile.endpoints.issuer.as_deref().filter(|known| is_template(known))?;
    // OpenID Connect Discovery §4.1 and RFC 8414 §3.1 take a slash at the end away too.
    let (known, of_user) = (bare(known), bare(issuer));
    let plain = |(_, value): &(&str, &str)| !value.contains(['/', '?', '#', '@', '\\', '{', '}']);
    filled(known, of_user).filter(|values| values.iter().all(plain))?;
    let url = refilled(known, of_user, profile.endpoints.token.as_deref()?)?;
    (is_built_in(profile) || on_same_host(&url, issuer)).then_some(url)
}

fn bare(url: &str) -> &str {
    url.strip_suffix('/').unwrap_or(url)
}

/// `other` with what was filled in where `template` became `url`.
fn refilled(template: &str, url: &str, other: &str) -> Option<String> {
    let values = filled(template, url)?;
    let mut other = String::from(other);
    for (name, value) in values {
        other = other.replace(&format!("{{{name}}}"), value);
    }
    (!is_template(&other)).then_some(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::Endpoints;

    fn profile(token: &'static str) -> Profile {
        let endpoints = Endpoints { token: Some(token.into()), ..Endpoints::NONE };
        Profile { endpoints, ..Profile::GENERIC }
    }

    #[test]
    fn what_was_filled_in_for_the_token_endpoint_fills_in_the_others() {
        for (token, url, other, expected) in [
            (
                "https://as.example/t",
                "https://as.example/t",
                "https://as.example/r",
                Some("https://as.example/r"),
            ),
            ("https://{d}/t", "https://a.b/t", "https://{d}/r", Some("https://a.b/r")),
            ("https://{d}/{tenant}/t", "https://a.b/x/t", "https://{tenant}.{d}/r", Some("https://x.a.b/r")),
            ("https://{d}/t", "https://a.b/x/t", "https://{d}/r", None),
            ("https://{d}/t", "https://a.b/other", "https://{d}/r", None),
            ("https://{d}/t", "https://a.b/t", "https://{region}.{d}/r", None),
            ("https://as.example/t", "https://other.example/t", "https://as.example/r", None),
        ] {
            assert_eq!(beside(&profile(token), url, Some(other)).as_deref(), expected, "{token} {url}");
        }
    }

    #[test]
    fn an_issuer_fills_in_the_token_endpoint_or_nothing_does() {
        let of = |name: &str, issuer| token_endpoint_of_issuer(Profile::by_name(name).unwrap(), issuer);
        for (name, issuer, expected) in [
            (
                "microsoft-entra-id",
                "https://login.microsoftonline.com/common/v2.0",
                Some("https://login.microsoftonline.com/common/oauth2/v2.0/token"),
            ),
            ("microsoft-entra-id", "https://login.microsoftonline.com/v2.0", None),
            ("microsoft-entra-id", "https://evil.example/common/v2.0", None),
            (
                "keycloak",
                "https://sso.example:8443/realms/main/",
                Some("https://sso.example:8443/realms/main/protocol/openid-connect/token"),
            ),
            ("keycloak", "https://sso.example/auth/realms/main", None),
            ("keycloak", "https://sso.example/realms/main/more", None),
            ("keycloak", "https://sso.example/realms/main?x", None),
            (
                "okta",
                "https://acme.okta.com/oauth2/default",
                Some("https://acme.okta.com/oauth2/default/v1/token"),
            ),
            ("okta", "https://acme.okta.com", None),
            ("auth0", "https://acme.eu.auth0.com/", Some("https://acme.eu.auth0.com/oauth/token")),
            ("auth0", "https://acme.eu.auth0.com", Some("https://acme.eu.auth0.com/oauth/token")),
            ("auth0", "http://acme.eu.auth0.com", None),
            ("google", "https://accounts.google.com", None),
        ] {
            assert_eq!(of(name, issuer).as_deref(), expected, "{name} {issuer}");
        }
        let own = |token: &'static str| {
            let mut own = profile(token);
            own.endpoints.issuer = Some("https://{host}/{realm}".into());
            token_endpoint_of_issuer(&own, "https://as.example/r")
        };
        assert_eq!(own("https://{host}/{realm}/t").as_deref(), Some("https://as.example/r/t"));
        assert_eq!(own("https://{host}.evil.example/{realm}/t"), None);
        assert_eq!(own("https://{host}/{tenant}/t"), None);
    }

    #[test]
    fn a_profile_of_ones_own_sends_no_token_to_another_host() {
        let own = |revocation: &'static str| {
            let mut profile = profile("https://as.example/t");
            profile.endpoints.revocation = Some(revocation.into());
            profile
        };
        let at = |revocation| revocation_beside(&own(revocation), "https://as.example/t");
        assert_eq!(at("https://AS.example/r").as_deref(), Some("https://AS.example/r"));
        for other in [
            "https://evil.example/r",
            "https://as.example.evil/r",
            "https://as.example:444/r",
            "https://as.example@evil/r",
        ] {
            assert_eq!(at(other), None, "{other}");
        }
        let profile = own("https://as.example/r");
        for (named, issuer, given) in [
            (true, None, true),
            (false, Some("https://as.example"), true),
            (false, Some("https://accounts.example"), false),
            (false, None, false),
        ] {
            assert_eq!(
                token_endpoint_of_login(&profile, named, issuer).is_some(),
                given,
                "{named} {issuer:?}"
            );
        }
    }

    #[test]
    fn a_built_in_profile_may_have_endpoints_on_several_hosts() {
        let intuit = Profile::by_name("intuit-quickbooks").unwrap();
        let token = intuit.endpoints.token.as_deref().unwrap();
        assert_eq!(revocation_beside(intuit, token).as_deref(), intuit.endpoints.revocation.as_deref());
        assert_eq!(token_endpoint_of_login(intuit, false, None), Some(token));
    }

    #[test]
    fn a_template_is_no_endpoint_and_names_its_parts() {
        let template = "https://{domain}/{tenant}/t";
        assert_eq!(token_endpoint(&profile(template)), Err(Some(template)));
        assert_eq!(parts(template), ["domain", "tenant"]);
        assert_eq!(token_endpoint(&profile("https://a.example/t")), Ok("https://a.example/t"));
        assert_eq!(token_endpoint(&Profile::GENERIC), Err(None));
    }
}
