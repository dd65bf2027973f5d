//! Which servers get a credential's token from a helper, and under which user name.

use renewd_driver::CredentialName;

use crate::config::Config;
use crate::exit::Failure;
use crate::input::host::Host;

/// Servers that want a certain user name beside an OAuth access token, by host or, with a dot in front, by its end.
const USERNAMES: [(&str, &str); 6] = [
    ("github.com", "x-access-token"),
    ("bitbucket.org", "x-token-auth"),
    ("gcr.io", "oauth2accesstoken"),
    (".gcr.io", "oauth2accesstoken"),
    (".pkg.dev", "oauth2accesstoken"),
    (".azurecr.io", "00000000-0000-0000-0000-000000000000"),
];

/// What the others want, or do not look at.
const USERNAME: &str = "oauth2";

/// The hosts that a flag or the configuration says a credential is for; none where neither says any.
pub(super) fn hosts(config: &Config, name: &CredentialName, flag: &[Host]) -> Option<Vec<Host>> {
    if !flag.is_empty() {
        return Some(flag.to_vec());
    }
    let found = config.lookup("credential", "helper_hosts", Some(name))?;
    // They were read when the configuration was.
    Some(found.value.as_words()?.iter().filter_map(|word| word.parse().ok()).collect())
}

/// The user name beside the token.
///
/// # Errors
/// A usage failure where a protocol could not carry it.
pub(super) fn username(
    config: &Config,
    name: &CredentialName,
    flag: Option<&str>,
    host: &Host,
) -> Result<String, Failure> {
    let told = flag.map(String::from).or_else(|| config.text("credential", "helper_username", Some(name)));
    let Some(told) = told else { return Ok(usual(host).into()) };
    if told.is_empty() || told.chars().any(char::is_control) {
        return Err(Failure::usage("the user name is empty or holds a control character"));
    }
    Ok(told)
}

fn usual(host: &Host) -> &'static str {
    let name = host.name();
    let is = |known: &str| if known.starts_with('.') { name.ends_with(known) } else { name == known };
    USERNAMES.iter().find(|(known, _)| is(known)).map_or(USERNAME, |(_, username)| username)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_wants_a_certain_name_gets_it() {
        for (host, name) in [
            ("github.com", "x-access-token"),
            ("xgithub.com", "oauth2"),
            ("gitlab.com", "oauth2"),
            ("eu.gcr.io", "oauth2accesstoken"),
            ("europe-docker.pkg.dev", "oauth2accesstoken"),
            ("pkg.dev.example", "oauth2"),
        ] {
            assert_eq!(usual(&host.parse().unwrap()), name, "{host}");
        }
    }
}
