//! A login for each provider, to be copied: for the page of providers.

use std::fmt::Write as _;
use std::path::Path;

use renewd_core::{ClientAuthMethod, Profile, Redirect};

use crate::shell;

/// Profiles at whose real servers our tests log in, with the test that does; all others come from documentation alone.
const TRIED: &[(&str, &str)] = &[(
    "node-oidc-provider",
    "tests/tests/login/code.rs::the_providers_profile_says_what_a_login_there_needs_besides",
)];

/// Profiles of what stands between a client and its server: nobody logs in there.
const NO_PROVIDER: [&str; 2] = ["intermediary-", "transport"];

const HEAD: &str = "
## Logging in

A login for each, to be copied. What is written in capitals is yours: the client that you registered, the host of your
server. *Tried here* marks servers at which our tests log in; *from documentation* marks what was only read. Without a word on
redirects, register `http://127.0.0.1/callback`: the port is chosen anew for each login (RFC 8252 §7.3); a server that wants the port too
gets one with `--redirect-uri`. Where a line names a file for the client's secret, a public client leaves it out.
Over SSH or without a display the same commands print an address; `--device` asks for a code to type instead, where it is named.
See [Logging in](login.md).
";

/// The section. Fails where a test that is named is not there.
pub(super) fn section(profiles: &[Profile]) -> Result<String, String> {
    for (name, test) in TRIED {
        let (file, function) = test.split_once("::").ok_or(format!("{test}: path::function"))?;
        let text = std::fs::read_to_string(shell::root().join(Path::new(file))).unwrap_or_default();
        if !text.contains(&format!("fn {function}(")) || !profiles.iter().any(|p| p.name == *name) {
            return Err(format!("{name}: {test} is not there, or there is no such profile"));
        }
    }
    let mut text = String::from(HEAD);
    for profile in profiles.iter().filter(|p| !NO_PROVIDER.iter().any(|no| p.name.starts_with(no))) {
        text += &entry(profile);
    }
    Ok(text)
}

fn entry(profile: &Profile) -> String {
    let mut text = format!("\n### `{}`: {}\n\n", profile.name, profile.title);
    let tried = TRIED.iter().find(|(name, _)| profile.name == *name);
    let mark = match tried {
        Some((_, test)) => format!("*Tried here* by `{test}`."),
        None => "*From documentation.*".to_owned(),
    };
    let _ = write!(text, "{mark}");
    let by_code = profile.endpoints.authorization.is_some();
    let by_device = profile.endpoints.device_authorization.is_some();
    if !by_code && !by_device {
        text += " No login by a browser is known here; bring a refresh token of your own:\n\n";
        let _ = write!(
            text,
            "```sh\nrenewd import {0} --profile {0} --client-id CLIENT_ID < refresh-token\n```\n",
            profile.name
        );
        return text;
    }
    for line in remarks(profile) {
        let _ = write!(text, " {line}");
    }
    let _ = write!(text, "\n\n```sh\n{}", command(profile, by_code));
    if by_code && by_device {
        let _ = write!(text, "\n{} --device", command(profile, false).trim_end_matches(" --device"));
    }
    text + "\n```\n"
}

fn remarks(profile: &Profile) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(page) = &profile.login.client {
        lines.push(format!("Register a client at <{page}>."));
    }
    match profile.login.redirect {
        Redirect::AnyPort => {}
        Redirect::Registered => {
            lines.push("The redirect address is taken as it was registered, port and all.".into())
        }
        Redirect::Https => lines.push(
            "Only an `https` address is taken for the redirect: paste the address that the browser ends at."
                .into(),
        ),
    }
    if !profile.login.scope.is_empty() {
        let scope: Vec<String> = profile.login.scope.iter().map(|s| format!("`{s}`")).collect();
        lines.push(format!("Without `--scope` it asks for {}.", scope.join(" ")));
    }
    let unsure = profile.unsure.iter().filter(|(key, _)| key.starts_with("login."));
    lines.extend(unsure.map(|(key, why)| format!("Not sure (`{key}`): {why}.")));
    lines
}

fn command(profile: &Profile, by_code: bool) -> String {
    let mut text = format!("renewd login {0} --profile {0}", profile.name);
    let endpoints = &profile.endpoints;
    let is_template = |url: &Option<renewd_core::Text>| url.as_ref().is_some_and(|url| url.contains('{'));
    if is_template(&endpoints.issuer) {
        let _ = write!(text, " --issuer {}", filled(endpoints.issuer.as_deref().unwrap_or_default()));
    } else if endpoints.issuer.is_none() {
        for (flag, url) in [
            ("--token-endpoint", &endpoints.token),
            ("--authorization-endpoint", &endpoints.authorization),
            ("--device-authorization-endpoint", &endpoints.device_authorization),
        ] {
            if is_template(url) {
                let _ = write!(text, " {flag} {}", filled(url.as_deref().unwrap_or_default()));
            }
        }
    }
    text += " --client-id CLIENT_ID";
    match profile.client_auth.first() {
        Some(ClientAuthMethod::Basic | ClientAuthMethod::Post) => {
            text += " --client-secret-file client-secret"
        }
        Some(ClientAuthMethod::PrivateKeyJwt) => text += " --client-key-file client-key.pem",
        _ => {}
    }
    match profile.login.redirect {
        _ if !by_code => text += " --device",
        Redirect::AnyPort => {}
        Redirect::Registered => text += " --redirect-uri http://127.0.0.1:8400/callback",
        Redirect::Https => text += " --no-browser --redirect-uri https://YOUR.EXAMPLE/callback",
    }
    text
}

/// Its placeholders as words that stand out.
fn filled(template: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        text += before;
        text += &name.to_ascii_uppercase();
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::{Endpoints, Login};

    fn profile() -> Profile {
        Profile {
            name: "some".into(),
            title: "Some".into(),
            client_auth: vec![ClientAuthMethod::Post, ClientAuthMethod::None].into(),
            endpoints: Endpoints {
                issuer: Some("https://{tenant}.example/v2".into()),
                token: Some("https://{tenant}.example/token".into()),
                authorization: Some("https://{tenant}.example/authorize".into()),
                ..Endpoints::NONE
            },
            ..Profile::GENERIC
        }
    }

    #[test]
    fn what_the_user_fills_in_stands_out() {
        assert_eq!(
            command(&profile(), true),
            "renewd login some --profile some --issuer https://TENANT.example/v2 --client-id CLIENT_ID \
             --client-secret-file client-secret"
        );
        let mut without_issuer = profile();
        without_issuer.endpoints.issuer = None;
        without_issuer.login = Login { redirect: Redirect::Https, ..Login::PLAIN };
        assert_eq!(
            command(&without_issuer, true),
            "renewd login some --profile some --token-endpoint https://TENANT.example/token \
             --authorization-endpoint https://TENANT.example/authorize --client-id CLIENT_ID \
             --client-secret-file client-secret --no-browser --redirect-uri https://YOUR.EXAMPLE/callback"
        );
    }

    #[test]
    fn a_provider_without_a_login_is_told_how_else() {
        let mut none = profile();
        none.endpoints.authorization = None;
        assert!(entry(&none).contains("renewd import some --profile some"), "{}", entry(&none));
        let mut device = none;
        device.endpoints.device_authorization = Some("https://as.example/device".into());
        assert!(
            entry(&device).contains("--client-secret-file client-secret --device\n```"),
            "{}",
            entry(&device)
        );
    }
}
