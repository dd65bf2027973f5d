//! Whose secrets these are: a server that only a resource names gets none that was given.
//!
//! With `--resource` alone the resource says where to log in (RFC 9728). Whoever runs it can name any server, one of his own
//! say, and what a person gave for another would be sent there. So somebody else must have said which server it is: the
//! person, the configuration, a profile, or the login that stands. What is made for the server that was found needs no such
//! word: a registration, a key that tokens are bound to, and what a private key signs, which is good at that server alone
//! as long as nobody sets another audience.

use renewd_login::{Origin, Server};

use super::Login;
use super::wanted::Wanted;
use crate::config::Config;
use crate::exit::Failure;

/// Refuses to show what was given for one server to another that the resource names.
///
/// # Errors
/// A usage failure that names both, and what to say.
pub(super) fn check(args: &Login, config: &Config, wanted: &Wanted, server: &Server) -> Result<(), Failure> {
    let Some(issuer) = &server.issuer else { return Ok(()) };
    if !matches!(issuer.origin, Origin::ResourceMetadata(_)) {
        return Ok(());
    }
    let Some((what, from)) = given(args, config, wanted) else { return Ok(()) };
    let (name, issuer) = (&wanted.name, issuer.value.as_str());
    let resource = wanted.start.resource.as_deref().unwrap_or("the resource");
    Err(Failure::usage(format!(
        "{name}: {resource} names {issuer} as the server to log in at, and nobody but the resource says that {what} \
         ({from}) may be shown there"
    ))
    .advise(format!(
        "where it is that server's, say so: --issuer {issuer}, or issuer under [credential.{name}]; otherwise name the \
         server whose it is"
    ))
    .coded("login_server_unconfirmed")
    .about(name))
}

/// What was given and would be shown to the server, and by what it was given.
fn given(args: &Login, config: &Config, wanted: &Wanted) -> Option<(&'static str, String)> {
    let all = [
        ("the client's secret", args.client_secret_file.is_some(), "client_secret_file"),
        ("the token for registrations", args.registration_token_file.is_some(), "registration_token_file"),
        ("the token that is exchanged", args.subject_token_file.is_some(), "subject_token_file"),
        ("the token of the one who acts", args.actor_token_file.is_some(), "actor_token_file"),
        ("the assertion", args.assertion_file.is_some(), "assertion_file"),
        ("an assertion for another audience", args.assertion_audience.is_some(), "assertion_audience"),
        ("an assertion for another audience", false, "client_assertion_audience"),
        // The code that is given there is spent at the token endpoint of the server that was found.
        ("a code of another server", args.authorization_endpoint.is_some(), "authorization_endpoint"),
        (
            "a code of another server",
            args.device_authorization_endpoint.is_some(),
            "device_authorization_endpoint",
        ),
    ];
    let given = all.into_iter().find_map(|(what, by_flag, key)| {
        if by_flag {
            return Some((what, format!("--{}", key.replace('_', "-"))));
        }
        // What has no key in the configuration stands nowhere in it.
        config
            .lookup("credential", key, Some(&wanted.name))
            .map(|_| (what, format!("credential.{}.{key}", wanted.name)))
    });
    given.or_else(|| in_requests(config, wanted))
}

/// What the configuration adds to each token request: nobody says of it whether it is a secret.
fn in_requests(config: &Config, wanted: &Wanted) -> Option<(&'static str, String)> {
    let entry = config.credential(&wanted.name)?;
    let added = [
        ("what is added to the headers", !entry.headers.is_empty(), "headers"),
        ("what is added to the form", !entry.parameters.is_empty(), "parameters"),
    ];
    let (what, _, key) = added.into_iter().find(|(_, is_there, _)| *is_there)?;
    Some((what, format!("credential.{}.{key}", wanted.name)))
}
