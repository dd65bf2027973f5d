//! Which server a login goes to, and who says so.
//!
//! Three may know where a server's endpoints are: the user, the server's own metadata, a profile; they are believed in
//! this order. What the login takes is pinned in the record, so each fact is kept with its origin: a person can be
//! shown what he is about to trust.

mod resource;
mod server;

use renewd_core::{Profile, RequestPolicy};
use renewd_driver::Reach;

use crate::error::{LoginError, LoginErrorKind};
use crate::fetch::Horizon;
use crate::ports::Ports;
use crate::protocol::{Address, Issuer, ServerMetadata};

pub use server::{Found, Origin, Server};

/// What the user named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The issuer.
    pub issuer: Option<String>,
    /// The resource that tokens are wanted for. Alone it leads to its authorization server (RFC 9728); beside an issuer
    /// or endpoints it is what is asked for (RFC 8707).
    pub resource: Option<String>,
    /// Endpoints that need no discovery.
    pub endpoints: GivenEndpoints,
}

/// Endpoints that the user named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenEndpoints {
    /// RFC 6749 §3.2
    pub token: Option<String>,
    /// RFC 6749 §3.1
    pub authorization: Option<String>,
    /// RFC 8628 §3.1
    pub device_authorization: Option<String>,
    /// RFC 7009 §2
    pub revocation: Option<String>,
}

/// Finds the server: fetches what must be fetched, and nothing else.
///
/// # Errors
/// A user's mistake, a document that is refused (with the reason), several servers that would do, a network that fails.
pub async fn discover(
    ports: &Ports,
    start: &Start,
    profile: &Profile,
    policy: &RequestPolicy,
) -> Result<Server, LoginError> {
    let given = Given::read(start)?;
    let known = Known::of(profile);
    let mut server = match (&given.issuer, &given.resource) {
        (Some(issuer), _) => {
            let found = server::metadata_of(ports, issuer, crate::fetch::Choice::Own, policy).await?;
            found.server(Origin::User)
        }
        _ if given.token.is_some() || known.is_enough(&given) => Server::unknown(Horizon::none(ports)),
        (None, resource) => match (&known.issuer, resource) {
            // Whoever named a provider meant it: the resource chooses where nobody else does.
            (Some(issuer), _) => {
                let found = server::metadata_of(ports, issuer, crate::fetch::Choice::Own, policy).await?;
                found.server(Origin::Profile)
            }
            (None, Some(resource)) => resource::server_of(ports, resource, policy).await?,
            (None, None) => return Err(nothing_known(profile)),
        },
    };
    given.put_into(&mut server);
    known.fill(&mut server);
    if let Some(resource) = given.resource {
        let named = Found { value: resource.as_str().to_owned(), origin: Origin::User };
        server.resource.get_or_insert(named);
    }
    server.with_token_endpoint()
}

fn nothing_known(profile: &Profile) -> LoginError {
    let endpoints = &profile.endpoints;
    let text = match (endpoints.issuer.as_deref(), endpoints.token.as_deref()) {
        (Some(template), _) if template.contains('{') => format!(
            "the profile {} knows its server as {template} only: name yours with --issuer",
            profile.name
        ),
        // A provider without an issuer has no metadata that an issuer would lead to.
        (_, Some(template)) if template.contains('{') => format!(
            "the profile {} knows its token endpoint as {template} only: name yours with --token-endpoint, and where a \
             login begins with --authorization-endpoint{}",
            profile.name,
            endpoints.authorization.as_deref().map(|at| format!(" ({at})")).unwrap_or_default()
        ),
        _ => "nothing says where to log in: name the server with --issuer URL, what is wanted with --resource URL, \
              or a provider with --profile NAME"
            .to_owned(),
    };
    LoginError::new(LoginErrorKind::Configuration, text)
}

/// What the user named, checked.
struct Given {
    issuer: Option<Issuer>,
    resource: Option<Address>,
    token: Option<Address>,
    authorization: Option<Address>,
    device_authorization: Option<Address>,
    revocation: Option<Address>,
}

impl Given {
    fn read(start: &Start) -> Result<Self, LoginError> {
        let address = |name: &str, text: &Option<String>| {
            text.as_deref().map(Address::parse).transpose().map_err(|e| LoginError::mistaken(name, &e))
        };
        let issuer = start.issuer.as_deref().map(Issuer::parse).transpose();
        let endpoints = &start.endpoints;
        Ok(Self {
            issuer: issuer.map_err(|e| LoginError::mistaken("the issuer", &e))?,
            resource: address("the resource", &start.resource)?,
            token: address("the token endpoint", &endpoints.token)?,
            authorization: address("the authorization endpoint", &endpoints.authorization)?,
            device_authorization: address(
                "the device authorization endpoint",
                &endpoints.device_authorization,
            )?,
            revocation: address("the revocation endpoint", &endpoints.revocation)?,
        })
    }

    /// The user's word stands before every other.
    fn put_into(&self, server: &mut Server) {
        let own = |given: &Option<Address>, place: &mut Option<Found<Address>>| {
            if let Some(value) = given {
                *place = Some(Found { value: value.clone(), origin: Origin::User });
            }
        };
        own(&self.token, &mut server.token);
        own(&self.authorization, &mut server.authorization_endpoint);
        own(&self.device_authorization, &mut server.device_authorization_endpoint);
        own(&self.revocation, &mut server.revocation_endpoint);
    }
}

/// What a profile knows for certain: templates are left out, and so is what is no address.
struct Known {
    issuer: Option<Issuer>,
    token: Option<Address>,
    authorization: Option<Address>,
    device_authorization: Option<Address>,
    revocation: Option<Address>,
}

impl Known {
    fn of(profile: &Profile) -> Self {
        let endpoints = &profile.endpoints;
        let address = |text: &Option<renewd_core::Text>| {
            text.as_deref().filter(|text| !text.contains('{')).and_then(|text| Address::parse(text).ok())
        };
        let issuer = endpoints.issuer.as_deref().filter(|text| !text.contains('{'));
        Self {
            issuer: issuer.and_then(|text| Issuer::parse(text).ok()),
            token: address(&endpoints.token),
            authorization: address(&endpoints.authorization),
            device_authorization: address(&endpoints.device_authorization),
            revocation: address(&endpoints.revocation),
        }
    }

    /// Whether, with what the user named, a login can begin without asking the server about itself.
    fn is_enough(&self, given: &Given) -> bool {
        let begins = self.authorization.is_some()
            || self.device_authorization.is_some()
            || given.authorization.is_some()
            || given.device_authorization.is_some()
            || self.issuer.is_none();
        self.token.is_some() && begins
    }

    /// Adds what nobody said, where the profile means the same server: the token endpoint is the one to go by.
    fn fill(self, server: &mut Server) {
        let same = server.token.as_ref().is_none_or(|token| self.token.as_ref() == Some(&token.value));
        if !same {
            return;
        }
        let add = |known: Option<Address>, place: &mut Option<Found<Address>>| {
            if place.is_none() {
                *place = known.map(|value| Found { value, origin: Origin::Profile });
            }
        };
        add(self.token, &mut server.token);
        add(self.authorization, &mut server.authorization_endpoint);
        add(self.device_authorization, &mut server.device_authorization_endpoint);
        add(self.revocation, &mut server.revocation_endpoint);
        if server.issuer.is_none() {
            server.issuer = self.issuer.map(|value| Found { value, origin: Origin::Profile });
        }
    }
}

impl Server {
    /// What an address may resolve to: the user's own and a profile's anywhere, a document's as far as it may lead.
    pub(crate) fn reach_of(&self, found: &Found<Address>) -> Reach {
        match found.origin {
            Origin::User | Origin::Profile => Reach::Anywhere,
            Origin::ServerMetadata(_) | Origin::ResourceMetadata(_) => self.horizon.reach(),
        }
    }

    /// Its metadata, where they were fetched.
    pub fn metadata(&self) -> Option<&ServerMetadata> {
        self.metadata.as_ref()
    }
}
