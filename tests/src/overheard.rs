//! What logins need of a peer beside refreshes: its clients and their keys, what it saw of each request, and the secrets
//! that passed it. Only oidc-provider's script tells them.

use renewd_testkit::SecretKind;
use serde_json::Value;

use crate::disclosure;
use crate::peer::Peer;
use crate::person::percent;

/// A request as the server saw it: without what was secret in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Seen {
    /// Its path.
    pub at: String,
    /// Its method.
    pub method: String,
    /// The answer's status.
    pub status: u64,
    /// Everything that was kept of it.
    pub all: Value,
}

impl Seen {
    /// A kept text; empty where there was none.
    pub fn text(&self, key: &str) -> &str {
        self.all[key].as_str().unwrap_or_default()
    }
}

impl Peer {
    /// Its issuer identifier.
    pub fn issuer(&self) -> &str {
        self.text("issuer")
    }

    /// The API that tells strangers where to log in.
    pub fn resource(&self) -> &str {
        self.text("resource")
    }

    /// What its clients are: secrets, keys, the document of the one that is a document.
    ///
    /// # Panics
    /// When the control does not answer.
    pub fn clients(&self) -> Value {
        let clients = self.control("GET", "/clients");
        for secret in clients["secrets"].as_object().into_iter().flat_map(|all| all.values()) {
            disclosure::learn(SecretKind::ClientSecret, secret.as_str().expect("a secret is text"));
        }
        for key in clients["keys"].as_object().into_iter().flat_map(|all| all.values()) {
            disclosure::learn(SecretKind::PrivateKey, key["jwk"]["d"].as_str().expect("a private key"));
        }
        clients
    }

    /// Forgets every client that registered itself: their ids.
    ///
    /// # Panics
    /// When the control does not answer.
    pub fn forget(&self) -> Vec<String> {
        let forgotten = self.control("POST", "/forget");
        let ids = forgotten["forgotten"].as_array().expect("a list").iter();
        ids.map(|id| id.as_str().expect("an id").to_owned()).collect()
    }

    /// Every request that it answered so far, the oldest first. The secrets in them are looked for from now on, and in what
    /// came out before.
    ///
    /// # Panics
    /// When the control does not answer, or one of the secrets was given away.
    #[track_caller]
    pub fn overheard(&self) -> Vec<Seen> {
        let told = self.control("GET", "/overheard");
        let secrets = told["secrets"].as_array().expect("a list of secrets").iter();
        disclosure::learn_late(secrets.map(|one| {
            let text = |key: &str| one[key].as_str().expect("text").to_owned();
            (kind(&text("kind")), text("value"))
        }));
        let requests = told["requests"].as_array().expect("a list of requests").iter();
        requests
            .map(|one| Seen {
                at: one["at"].as_str().unwrap_or_default().to_owned(),
                method: one["method"].as_str().unwrap_or_default().to_owned(),
                status: one["status"].as_u64().unwrap_or_default(),
                all: one.clone(),
            })
            .collect()
    }

    /// The requests at one path.
    ///
    /// # Panics
    /// As [`overheard`](Self::overheard).
    #[track_caller]
    pub fn overheard_at(&self, path: &str) -> Vec<Seen> {
        self.overheard().into_iter().filter(|seen| seen.at == path).collect()
    }

    /// What it says of a token at its introspection endpoint (RFC 7662), asked by the client with a secret that may.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn introspect(&self, token: &str) -> Value {
        let secret = self.clients()["secrets"]["machine"].as_str().expect("a secret").to_owned();
        let form = format!("client_id=machine&client_secret={}&token={}", percent(&secret), percent(token));
        let answer = self.post("introspection_endpoint", &form);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

/// What the server's name of a parameter is a secret of.
fn kind(parameter: &str) -> SecretKind {
    match parameter {
        "code" => SecretKind::AuthorizationCode,
        "code_verifier" => SecretKind::CodeVerifier,
        "device_code" => SecretKind::DeviceCode,
        "refresh_token" => SecretKind::RefreshToken,
        "client_secret" => SecretKind::ClientSecret,
        "registration_access_token" => SecretKind::RegistrationToken,
        "client_assertion" | "assertion" | "id_token" => SecretKind::Assertion,
        "access_token" | "subject_token" => SecretKind::AccessToken,
        other => panic!("{other} is no secret that is known here"),
    }
}
