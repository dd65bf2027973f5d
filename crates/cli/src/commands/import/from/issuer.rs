//! A source that names its issuer alone: the server's own metadata says where its endpoints are (RFC 8414).

use std::sync::Arc;

use renewd_blocking::{ThreadTimer, block_on};
use renewd_core::Profile;
use renewd_driver::CredentialName;
use renewd_driver::system::SystemClock;
use renewd_login::{LoginError, LoginErrorKind, Ports, Server, Start, discover};
use renewd_signer::KeySigner;
use renewd_ureq::{UreqWeb, Workers};

use crate::config::Config;
use crate::credential::{policy, transport};
use crate::exit::{Exit, Failure};

/// The token endpoint and the revocation endpoint of an issuer, and the issuer as its server spells it: some programs add a
/// slash at the end.
///
/// # Errors
/// Why they are not known.
pub(in crate::commands::import) fn endpoints_of(
    config: &Config,
    name: &CredentialName,
    issuer: &str,
    profile: &Profile,
) -> Result<(String, Option<String>, String), Failure> {
    let clock = Arc::new(SystemClock);
    let web = Arc::new(UreqWeb::new(transport(config, name), Workers::default(), clock.clone()));
    let timer = ThreadTimer::new(clock.clone())
        .map_err(|e| Failure::internal(format!("no thread can be started: {e}")))?;
    let ports = Ports::new(web, Arc::new(KeySigner::new()), clock, Arc::new(timer));
    let requests = policy(config, name, profile).request;
    let look = |issuer: &str| -> Result<Server, LoginError> {
        let start = Start { issuer: Some(issuer.into()), ..Start::default() };
        block_on(discover(&ports, &start, profile, &requests))
    };
    let (server, issuer) = match (look(issuer), issuer.strip_suffix('/')) {
        (Ok(server), _) => (server, issuer),
        (Err(first), Some(bare)) => (look(bare).map_err(|_| failed(name, &first))?, bare),
        (Err(error), None) => return Err(failed(name, &error)),
    };
    let token = server.token_endpoint().map_err(|error| failed(name, &error))?.value.to_string();
    let revocation = server.revocation_endpoint.as_ref().map(|found| found.value.to_string());
    Ok((token, revocation, issuer.into()))
}

fn failed(name: &CredentialName, error: &LoginError) -> Failure {
    let exit = match error.kind() {
        LoginErrorKind::Temporary | LoginErrorKind::TimedOut => Exit::Unavailable,
        LoginErrorKind::System => Exit::Internal,
        _ => Exit::Usage,
    };
    Failure::new(exit, format!("the token endpoint is not known: {error}"))
        .advise("nothing was imported; name it with --token-endpoint")
        .about(name)
}
