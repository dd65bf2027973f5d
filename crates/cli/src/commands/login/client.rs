//! Which client logs in: one that was given, one that stood before, or one that the server makes now; and what it proves
//! itself with.
//!
//! A key and a registration are written down before the server hears of them, so that an attempt that is interrupted leaves
//! nothing that is bound to a lost key, and no second client behind.

use std::str::FromStr;

use renewd_core::{
    Client, ClientAuth, Profile, Registration, Secret, Settings, SigningKey, StoreFaultKind, Wall,
};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialName, Prepared, PreparedClient, PreparedFor};
use renewd_login::protocol::{RegistrationRequest, check_client_id};
use renewd_login::{Ports, Redirect, Server, register};
use renewd_signer::{Algorithm, PrivateKey, generate};

use super::place::Place;
use super::wanted::Wanted;
use super::way::Way;
use super::{GrantName, Login, failed};
use crate::config::Config;
use crate::credential::{Hands, Standing, client_key, keyring_key, store_failure, usual_auth};
use crate::exit::Failure;
use crate::input::secret::{SecretSource, read_secret_file};
use crate::profiles::GENERIC;

/// Where a private key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// A file or a descriptor.
    Given(SecretSource),
    /// An item of the system's keyring.
    Keyring(String),
}

impl FromStr for KeySource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("keyring:") {
            Some("") => Err("names no item after keyring:".into()),
            Some(item) => Ok(Self::Keyring(item.into())),
            None => text.parse().map(Self::Given),
        }
    }
}

impl KeySource {
    pub(super) fn is_stdin(&self) -> bool {
        matches!(self, Self::Given(source) if source.is_stdin())
    }

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it, without the key.
    pub(super) fn read(&self, config: &Config, what: &str) -> Result<Secret, Failure> {
        match self {
            Self::Given(source) => source.read_key(what),
            Self::Keyring(item) => keyring_key(config, item),
        }
    }
}

/// The client of a login, settled.
pub(super) struct Settled {
    pub(super) id: String,
    pub(super) redirect: Redirect,
    /// It was registered now, or was before.
    pub(super) registration: Option<Registration>,
    /// It was registered in the place of the one that stood.
    pub(super) is_new: bool,
    /// What a person should know of how it was settled.
    pub(super) told: Vec<String>,
    grant: renewd_core::GrantType,
    auth: Option<String>,
    secret: Option<Secret>,
    /// The secret and the key are the configuration's: they are read anew each time, and not kept.
    secret_is_configured: bool,
    key: Option<SigningKey>,
    key_is_configured: bool,
    dpop_key: Option<Secret>,
    scope: Option<String>,
}

/// What is at hand before there is an answer to "which client?".
struct At<'a> {
    args: &'a Login,
    config: &'a Config,
    wanted: &'a Wanted,
    server: &'a Server,
    profile: &'a Profile,
    place: &'a Place,
    for_server: PreparedFor,
}

impl Settled {
    /// Settles it: finds, or registers.
    ///
    /// # Errors
    /// No client, and no way to one; a secret or key that cannot be read; a registration that is refused.
    #[expect(clippy::too_many_arguments, reason = "everything that was found out before")]
    pub(super) async fn client(
        args: &Login,
        config: &Config,
        wanted: &Wanted,
        standing: &Standing,
        server: &Server,
        profile: &Profile,
        way: &Way,
        place: &Place,
        ports: &Ports,
    ) -> Result<Self, Failure> {
        let name = &wanted.name;
        let token = server.token_endpoint().map_err(|e| failed(name, &e))?;
        let for_server = PreparedFor {
            issuer: server.issuer.as_ref().map(|issuer| issuer.value.as_str().to_owned()),
            token_endpoint: token.value.as_str().to_owned(),
        };
        let at = At { args, config, wanted, server, profile, place, for_server };
        let mut prepared = at.prepared().await?;
        if args.register && prepared.client.is_some() {
            place.side().forget_prepared(name, Some(&at.for_server)).await.map_err(store_failure)?;
            (prepared.client, prepared.client_key) = (None, None);
        }
        // What belongs to another server or client is not carried over to this one.
        let old = wanted.old.as_ref().filter(|old| {
            old.identity.token_endpoint == at.for_server.token_endpoint
                && wanted.client_id.as_ref().is_none_or(|id| *id == old.identity.client_id)
        });
        if wanted.dpop && prepared.dpop_key.is_none() {
            let kept = old.and_then(|old| old.settings.dpop_key.clone());
            let key = match kept {
                Some(key) => key,
                None => generate(at.dpop_algorithm()).map_err(|e| Failure::internal(e.to_string()))?,
            };
            let mut bound = at.nothing();
            bound.dpop_key = Some(key);
            prepared = at.prepare(bound).await?;
        }
        let given_key = match &args.client_key_file {
            Some(source) => Some(SigningKey {
                material: source.read(config, "the client's key")?,
                key_id: args.client_key_id.clone(),
                algorithm: args.client_key_algorithm.clone(),
            }),
            None => None,
        };
        let mut told = Vec::new();
        let scope = wanted.scope_at(server, profile);
        let stale = expired(old.and_then(|old| old.settings.registration.as_ref()));
        let id = wanted.client_id.clone().filter(|_| !args.register && !stale);
        let (client, is_new) = match (id, prepared.client.clone()) {
            (Some(id), Some(client)) if client.id == id => (client, false),
            (Some(id), _) => (at.known(id, old), false),
            (None, Some(client)) => {
                told.push(format!(
                    "taking the client {} that was registered for this login before",
                    client.id
                ));
                (client, standing.login().is_some())
            }
            // A secret is some client's: one that is made now would not be believed with it.
            (None, None) if args.client_secret_file.is_some() => {
                return Err(Failure::usage(format!("login of {name} needs --client-id beside --client-secret-file"))
                    .advise("the id is that of the client whose secret it is; a client that the server makes has its own")
                    .about(name));
            }
            (None, None) => {
                let (client, words) = at.register(way, ports, given_key.as_ref(), scope.as_deref()).await?;
                told.push(words);
                (client, standing.login().is_some())
            }
        };
        at.check_document(&client.id, &mut told)?;
        let configured_secret = match config.path("credential", "client_secret_file", Some(name)) {
            Some(path) => Some(
                read_secret_file(&path, "the client secret")
                    .map_err(|why| Failure::configuration(why).about(name))?,
            ),
            None => None,
        };
        let given_secret =
            args.client_secret_file.as_ref().map(|source| source.read("the client secret")).transpose()?;
        let secret_is_configured = given_secret.is_none() && configured_secret.is_some();
        let secret = given_secret.or(configured_secret).or_else(|| client.secret.clone());
        let configured_key = client_key(config, name, None)?;
        let key_is_configured = given_key.is_none() && configured_key.is_some();
        let key = given_key.or(configured_key).or_else(|| prepared.client_key.clone()).or_else(|| {
            // Another client has another key.
            let same = old.filter(|old| old.identity.client_id == client.id);
            same.and_then(|old| old.settings.client_key.clone())
        });
        if let Some(key) = &key {
            PrivateKey::of(key)
                .map_err(|why| Failure::usage(format!("the client's key: {why}")).about(name))?;
        }
        let redirect = wanted.redirect(&client.redirect_uris, profile)?;
        let token_endpoint = at.for_server.token_endpoint.clone();
        let grant = wanted.grant_type(args, config, &client.id, &token_endpoint)?;
        let hands = Hands { secret: secret.is_some(), key: key.is_some() };
        let auth = args
            .client_auth
            .clone()
            .or_else(|| config.text("credential", "client_auth", Some(name)))
            .or_else(|| client.auth.clone())
            .or_else(|| usual_auth(profile, hands).map(|method| method.name().into()))
            .or_else(|| at.by_metadata(hands).map(String::from));
        Ok(Self {
            id: client.id,
            redirect,
            registration: Some(client.registration).filter(|r| !r.endpoint.is_empty()),
            is_new,
            told,
            grant,
            auth,
            secret,
            secret_is_configured,
            key,
            key_is_configured,
            dpop_key: prepared.dpop_key.filter(|_| wanted.dpop),
            scope,
        })
    }

    /// The client as requests are made with it.
    ///
    /// # Errors
    /// Where it is to prove itself with what is not there.
    pub(super) fn as_client(
        &self,
        config: &Config,
        name: &CredentialName,
        wanted: &Wanted,
        _server: &Server,
    ) -> Result<Client, Failure> {
        let missing = |what: &str, flag: &str| {
            Failure::usage(format!("the client proves itself by {what}, and has none"))
                .advise(format!("give it with {flag}"))
                .about(name)
        };
        let auth = match (self.auth.as_deref(), &self.secret, &self.key) {
            (Some("none"), _, _) | (None, None, None) => ClientAuth::None,
            (Some("private_key_jwt"), _, Some(key)) | (None, None, Some(key)) => ClientAuth::PrivateKeyJwt {
                key: key.clone(),
                audience: config.text("credential", "client_assertion_audience", Some(name)),
            },
            (Some("private_key_jwt"), _, None) => return Err(missing("a key", "--client-key-file")),
            (Some("basic"), Some(secret), _) => ClientAuth::Basic(secret.clone()),
            (_, Some(secret), _) => ClientAuth::Post(secret.clone()),
            (Some(_), None, _) => return Err(missing("a secret", "--client-secret-file")),
        };
        Ok(Client {
            auth,
            scope: self.scope.clone(),
            audience: wanted.audience.clone(),
            grant_type: self.grant.clone(),
            dpop_key: self.dpop_key.clone(),
            extra_parameters: config.credential(name).map(|e| e.parameters.clone()).unwrap_or_default(),
            extra_headers: config.credential(name).map(|e| e.headers.clone()).unwrap_or_default(),
            ..Client::public(self.id.clone())
        })
    }

    /// The name of the key that tokens are bound to (RFC 9449 §10).
    pub(super) fn dpop_thumbprint(&self, name: &CredentialName) -> Result<Option<String>, Failure> {
        let parsed = self.dpop_key.as_ref().map(PrivateKey::parse).transpose();
        let key =
            parsed.map_err(|why| Failure::internal(format!("the key of the tokens: {why}")).about(name))?;
        Ok(key.map(|key| key.thumbprint()))
    }

    /// What the record keeps of what was said. The configuration's own secrets stay where they are.
    pub(super) fn settings(&self, wanted: &Wanted) -> Settings {
        Settings {
            client_auth: self.auth.clone(),
            client_secret: self.secret.clone().filter(|_| !self.secret_is_configured),
            client_key: self.key.clone().filter(|_| !self.key_is_configured),
            scope: self.scope.clone(),
            as_class: wanted.as_class,
            grace: wanted.old.as_ref().and_then(|old| old.settings.grace),
            audience: wanted.audience.clone(),
            registration: self.registration.clone(),
            ..Settings::default()
        }
    }

    /// What to do where the server does not know a client that was registered by itself: it may have been removed there.
    pub(super) fn advise(&self, name: &CredentialName, failure: Failure) -> Failure {
        if self.registration.is_none() || failure.code != "login_denied" {
            return failure;
        }
        failure.advise(format!(
            "the server made this client at an earlier login and may have removed it: renewd login {name} --register makes \
             another"
        ))
    }
}

impl At<'_> {
    fn nothing(&self) -> Prepared {
        Prepared::new(self.for_server.clone(), SystemClock.now().wall)
    }

    async fn prepared(&self) -> Result<Prepared, Failure> {
        let name = &self.wanted.name;
        let found = match self.place.side().prepared(name, &self.for_server).await {
            // Set aside; the next look finds nothing.
            Err(fault) if fault.kind == StoreFaultKind::Damaged => {
                tracing::warn!(credential = %name, said = fault.message, "what was prepared cannot be read");
                None
            }
            other => other.map_err(|fault| store_failure(fault).about(name))?,
        };
        Ok(found.unwrap_or_else(|| self.nothing()))
    }

    /// Written down before it is used. Another login may have been first: what it wrote holds.
    async fn prepare(&self, prepared: Prepared) -> Result<Prepared, Failure> {
        let name = &self.wanted.name;
        self.place.side().prepare(name, &prepared).await.map_err(|fault| store_failure(fault).about(name))
    }

    /// A client that somebody named.
    fn known(&self, id: String, old: Option<&renewd_core::Record>) -> PreparedClient {
        let told = old.filter(|old| old.identity.client_id == id).map(|old| &old.settings);
        let registration = told.and_then(|s| s.registration.clone()).unwrap_or_default();
        let mut client = PreparedClient::new(id, registration);
        client.secret = told.and_then(|s| s.client_secret.clone());
        client.auth = told.and_then(|s| s.client_auth.clone());
        client
    }

    /// What the server's own list leaves, where the profile says nothing: basic before post, which is RFC 6749's order.
    fn by_metadata(&self, hands: Hands) -> Option<&'static str> {
        let methods = self.server.metadata()?.token_endpoint_auth_methods.as_deref()?;
        let takes = |wire: &str| methods.iter().any(|method| method == wire);
        match (hands.key, hands.secret) {
            (true, _) if takes("private_key_jwt") => Some("private_key_jwt"),
            (_, true) if takes("client_secret_basic") => Some("basic"),
            (_, true) if takes("client_secret_post") => Some("post"),
            _ => None,
        }
    }

    fn dpop_algorithm(&self) -> Algorithm {
        let offered = self.server.metadata().and_then(|m| m.dpop_signing_algs.as_deref());
        let takes = |algorithm: &str| offered.is_none_or(|all| all.iter().any(|one| one == algorithm));
        if !takes("ES256") && takes("EdDSA") { Algorithm::EdDsa } else { Algorithm::Es256 }
    }

    /// A client id that is an address is a document for the server to read; one that cannot be is no use.
    fn check_document(&self, id: &str, told: &mut Vec<String>) -> Result<(), Failure> {
        if !id.starts_with("https://") && !id.starts_with("http://") {
            return Ok(());
        }
        let refused = |why: &dyn std::fmt::Display| {
            Failure::usage(format!("--client-id: {why}")).about(&self.wanted.name)
        };
        check_client_id(id).map_err(|why| refused(&why))?;
        if self.server.metadata().is_some_and(|metadata| !metadata.client_id_metadata_documents) {
            told.push("the server does not say that it reads client id metadata documents".into());
        }
        Ok(())
    }

    /// Has the server make one.
    async fn register(
        &self,
        way: &Way,
        ports: &Ports,
        key: Option<&SigningKey>,
        scope: Option<&str>,
    ) -> Result<(PreparedClient, String), Failure> {
        let name = &self.wanted.name;
        let Some(endpoint) = &self.server.registration_endpoint else { return Err(self.no_client(way)) };
        let redirect = self.wanted.redirect(&[], self.profile)?.registered();
        let redirects: &[&str] = if way.is_code() { &[&redirect] } else { &[] };
        let public = match key {
            Some(key) => Some(
                PrivateKey::of(key)
                    .map_err(|why| Failure::usage(format!("the client's key: {why}")).about(name))?,
            ),
            None => None,
        };
        let jwks = public.as_ref().map(PrivateKey::public_jwks);
        let requests = self.config.policy(Some(name)).request;
        let initial = self.args.registration_token_file.as_ref();
        let initial = initial.map(|source| source.read("the registration token")).transpose()?;
        let request = RegistrationRequest {
            redirect_uris: redirects,
            grant_types: way.grant_types(),
            auth_method: self.auth_to_register(public.is_some()),
            signing_alg: public.as_ref().map(|key| key.algorithm().name()),
            jwks: jwks.as_deref(),
            dpop_bound: self.wanted.dpop,
            scope,
        };
        let registered = register(ports, self.server, &request, initial.as_ref(), &requests)
            .await
            .map_err(|e| failed(name, &e))?;
        let mut client = PreparedClient::new(registered.client_id, registered.registration);
        client.secret = registered.client_secret;
        client.auth = Some(registered.auth_method.to_owned());
        client.redirect_uris = redirects.iter().map(|uri| (*uri).to_owned()).collect();
        let mut made = self.nothing();
        (made.client, made.client_key) = (Some(client.clone()), key.cloned());
        let kept = self.prepare(made).await?;
        let client = kept.client.unwrap_or(client);
        let words = format!("registered the client {} at {}", client.id, endpoint.value.host());
        Ok((client, words))
    }

    fn auth_to_register(&self, key: bool) -> &'static str {
        if key {
            return "private_key_jwt";
        }
        let methods = self.server.metadata().and_then(|m| m.token_endpoint_auth_methods.as_deref());
        let takes = |wire: &str| methods.is_some_and(|all| all.iter().any(|method| method == wire));
        let needs_secret = self.wanted.grant == Some(GrantName::ClientCredentials);
        // A program on a person's machine has no secret that it could keep (RFC 8252 §8.5), unless the server wants one.
        match (needs_secret, takes("none"), takes("client_secret_basic"), takes("client_secret_post")) {
            (false, true, _, _) | (false, false, false, false) => "none",
            (_, _, false, true) => "post",
            _ => "basic",
        }
    }

    /// Nobody named a client, and the server makes none.
    fn no_client(&self, way: &Way) -> Failure {
        let (name, profile) = (&self.wanted.name, self.profile);
        let whose = if profile.name == GENERIC || profile.title.is_empty() {
            self.for_server.issuer.clone().unwrap_or_else(|| self.for_server.token_endpoint.clone())
        } else {
            profile.title.to_string()
        };
        let failure =
            Failure::usage(format!("login of {name} needs --client-id: {whose} makes no client by itself"));
        let mut advice = match &profile.login.client {
            Some(page) => format!("register one at {page}"),
            None => format!("register one at {whose}"),
        };
        if way.is_code() {
            let redirect = self.wanted.redirect(&[], profile).map(|redirect| redirect.registered());
            match redirect {
                Ok(redirect) => advice.push_str(&format!(
                    " as a native or desktop application, with the redirect address {redirect}"
                )),
                Err(why) => return why,
            }
        } else if way.is_device() {
            advice.push_str(" that may use the device grant");
        }
        advice.push_str(&format!("; then: renewd login {name} … --client-id ID"));
        failure.advise(advice).about(name)
    }
}

/// Whether a registration is over: its secret is.
fn expired(registration: Option<&Registration>) -> bool {
    let now: Wall = SystemClock.now().wall;
    registration.and_then(|r| r.secret_expires).is_some_and(|at| at <= now)
}
