//! Every secret that the servers of this process gave out.
//!
//! A test that looks for leaks has to know what to look for. It cannot ask a server for it afterwards: the server may be
//! gone, and whoever holds a process's output need not know which server that process talked to. So there is one list for
//! the whole process, in the order of issue. Only servers that listen write to it; a bare [`AsModel`](crate::AsModel) does not.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::canary::SecretKind;

/// A secret that a server of this process gave out. `Debug` shows what it is for, and no more.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// What it is for.
    pub kind: SecretKind,
    /// The secret itself.
    pub text: String,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("kind", &self.kind).finish_non_exhaustive()
    }
}

static ISSUED: Mutex<Vec<Issued>> = Mutex::new(Vec::new());

/// What was issued after the first `known` secrets, oldest first: who asks again asks for what is new.
///
/// ```
/// use renewd_testkit::{AsConfig, AuthorizationServer, issued_after};
/// # fn main() -> std::io::Result<()> {
/// let server = AuthorizationServer::start(AsConfig::default())?;
/// let login = server.mint_grant();
/// let issued = issued_after(0);
/// assert!(issued.iter().any(|secret| secret.text == login.refresh_token));
/// assert!(issued.iter().any(|secret| secret.text == login.access_token));
/// # Ok(()) }
/// ```
pub fn issued_after(known: usize) -> Vec<Issued> {
    list().get(known..).map(<[Issued]>::to_vec).unwrap_or_default()
}

pub(crate) fn note(kind: SecretKind, text: &str) {
    list().push(Issued { kind, text: text.to_owned() });
}

/// 64 bits that the system's own entropy is in: enough that no two servers of any run issue the same tokens.
pub(crate) fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn list() -> MutexGuard<'static, Vec<Issued>> {
    ISSUED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AsConfig, AsModel, AuthorizationServer};

    #[test]
    fn a_server_that_listens_issues_what_nobody_can_know_and_all_of_it_is_on_the_list() {
        let config = AsConfig { client_secret: Some("a-secret-of-a-client".into()), ..AsConfig::default() };
        let servers = [(); 2].map(|()| AuthorizationServer::start(config.clone()).unwrap());
        let [first, second] = servers.each_ref().map(AuthorizationServer::mint_grant);
        assert_ne!(first.refresh_token, second.refresh_token);
        servers[0].configure(|config| config.client_secret = Some("another-secret-of-it".into()));
        let issued = issued_after(0);
        for (kind, text) in [
            (SecretKind::RefreshToken, first.refresh_token.as_str()),
            (SecretKind::AccessToken, &second.access_token),
            (SecretKind::ClientSecret, "a-secret-of-a-client"),
            (SecretKind::ClientSecret, "another-secret-of-it"),
        ] {
            assert!(issued.iter().any(|secret| secret.kind == kind && secret.text == text), "{kind:?}");
        }
        assert!(!format!("{issued:?}").contains(&first.refresh_token));
    }

    #[test]
    fn a_bare_model_leaves_no_trace() {
        let login = AsModel::new(AsConfig { seed: seed(), ..AsConfig::default() }).mint_grant(0);
        assert!(issued_after(0).iter().all(|secret| secret.text != login.refresh_token));
    }
}
