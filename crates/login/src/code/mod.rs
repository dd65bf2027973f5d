//! The authorization code grant on a person's own machine: RFC 6749 §4.1 with PKCE (RFC 7636), as RFC 8252 wants it.

mod answer;
mod paste;
mod redirect;

use std::io::BufRead;
use std::net::TcpStream;
use std::sync::Arc;

use renewd_core::{AuthorizationCode, Client, ClientAuth, Secret, Span};

use crate::browser::Browser;
use crate::client_document;
use crate::discover::{Found, Server};
use crate::error::{LoginError, LoginErrorKind};
use crate::granted::Granted;
use crate::listener::Listener;
use crate::plan::Plan;
use crate::ports::{LoginEvent, Ports, Ui};
use crate::protocol::{Address, AuthorizationRequest, Callback, Handshake, PushedRequest};
use crate::wire::{self, Wire};
use answer::{Awaited, Expected};

pub(crate) use redirect::Loopback;
pub use redirect::Redirect;

/// How long a person may take where nothing else is said.
pub const CODE_WAIT: Span = Span::from_mins(10);

/// How the code comes back.
pub struct CodeOptions {
    /// Where the server sends the browser.
    pub redirect: Redirect,
    /// Opens the page; none: its address is only shown.
    pub browser: Option<Arc<dyn Browser>>,
    /// Why there is no browser, for people.
    pub no_browser: Option<String>,
    /// Where the address at which the browser ended may be pasted, a line at a time: for a browser on another machine.
    /// It is read on a thread of its own, which is left behind when the answer comes another way.
    pub paste: Option<Box<dyn BufRead + Send>>,
    /// How long the person may take.
    pub wait: Span,
    /// Whether a connection to the listener is another user's, where that can be told: it is closed unread.
    pub is_strangers: Option<fn(&TcpStream) -> bool>,
}

impl Default for CodeOptions {
    fn default() -> Self {
        Self {
            redirect: Redirect::default(),
            browser: None,
            no_browser: None,
            paste: None,
            wait: CODE_WAIT,
            is_strangers: None,
        }
    }
}

/// Logs in with a browser.
///
/// # Errors
/// See [`LoginErrorKind`].
pub async fn by_code(
    ports: &Ports,
    plan: &Plan,
    options: CodeOptions,
    ui: &dyn Ui,
) -> Result<Granted, LoginError> {
    let endpoint = authorization_endpoint(&plan.server, ui)?;
    // rfc: 8252-6 9700-2.1.1 a public client logs in with PKCE or not at all
    if !plan.profile.login.pkce && matches!(plan.client.auth, ClientAuth::None) {
        let text = "this provider refuses PKCE with S256, and without it a client needs a secret or a key to be safe; \
                    give one, or bring a refresh token in with renewd import";
        return Err(LoginError::new(LoginErrorKind::Configuration, text));
    }
    if !options.redirect.is_loopback() && options.paste.is_none() {
        let text = format!(
            "nothing here can receive the browser's answer at {}; paste it (run without --json, in a terminal)",
            options.redirect.registered()
        );
        return Err(LoginError::new(LoginErrorKind::Configuration, text));
    }
    // rfc: 7636-4.1 9700-2.1.1-2 fresh entropy for each login
    let handshake = Handshake::new(&*ports.random()?);
    let expected = Expected::new(&plan.server, &handshake, &options.redirect);
    let (awaited, answering) = Awaited::new(expected, options.is_strangers);
    let listener = match options.redirect.loopback() {
        Some(at) => Some(Listener::open(at, Arc::clone(&ports.clock), answering.clone())?),
        None => None,
    };
    let redirect_uri = match (&listener, options.redirect.loopback()) {
        // rfc: 8252-8.10 the port, and with it the redirect address, is of this login alone
        (Some(listener), Some(at)) => at.uri(Some(listener.port())),
        _ => options.redirect.registered(),
    };
    answering.redirect_to(&redirect_uri);
    if listener.is_some() {
        ui.tell(&LoginEvent::Listening { redirect_uri: &redirect_uri });
    }

    client_document::look_at(ports, plan, Some(&redirect_uri), ui).await?;
    let mut wire = Wire::new(ports, plan);
    let client = plan.client.clone().for_login(&plan.profile);
    let url = request_url(&mut wire, &client, &endpoint.value, &redirect_uri, &handshake).await?;
    let until = ports.clock.now().boot + options.wait;
    let can_paste = options.paste.is_some();
    if let Some(input) = options.paste {
        paste::read(input, &answering, listener.is_none())?;
    }
    drop(answering);
    show(&url, &options.browser, options.no_browser.as_deref(), can_paste, until, ui);

    let code = match awaited.wait(ports, until, ui).await? {
        Callback::Code(code) => code,
        Callback::Denied(denial) => {
            return Err(LoginError::new(LoginErrorKind::Denied, format!("the server refused: {denial}")));
        }
        Callback::Elsewhere | Callback::Stranger(_) => {
            return Err(LoginError::new(LoginErrorKind::Refused, "the answer was none"));
        }
    };
    exchange(wire, &client, &code, &redirect_uri, &handshake).await
    // The listener stands until here: who comes a second time is told that the page can be used once.
}

/// The code for tokens. It is sent once: whatever comes of it, the same code is worth nothing afterwards.
async fn exchange(
    mut wire: Wire<'_>,
    client: &Client,
    code: &Secret,
    redirect_uri: &str,
    handshake: &Handshake,
) -> Result<Granted, LoginError> {
    let identity = wire.plan.identity()?;
    let policy = &wire.plan.policy.request;
    let code = AuthorizationCode { code, redirect_uri, verifier: handshake.verifier() };
    let make = |proving: renewd_core::Proving<'_>| {
        Ok(renewd_core::TokenRequest::authorization_code(&identity, client, &code, proving, policy))
    };
    // rfc: 6749-4.1.2 a code is used once: `ask` repeats only what a server refused before it looked at the code
    let asked = wire.ask_for_token(&make).await?;
    let nonce = is_openid(client.scope.as_deref()).then(|| handshake.nonce().clone());
    Granted::of(asked, &wire, nonce.as_ref())
}

fn is_openid(scope: Option<&str>) -> bool {
    scope.is_some_and(|scope| scope.split([' ', ',']).any(|scope| scope == "openid"))
}

/// Where the browser goes. What the server says of itself must allow for the code grant.
fn authorization_endpoint<'s>(server: &'s Server, ui: &dyn Ui) -> Result<&'s Found<Address>, LoginError> {
    if let Some(metadata) = server.metadata()
        && metadata.authorization_endpoint.is_some()
    {
        let flow = metadata.code_flow().map_err(|e| LoginError::refused("the server's metadata", &e))?;
        if !flow.pkce_announced {
            ui.tell(&LoginEvent::Remark(
                "the server does not say that it supports PKCE; the login uses it all the same",
            ));
        }
    }
    server.authorization_endpoint.as_ref().ok_or_else(|| {
        let text = "nothing names the server's authorization endpoint; use --device where the server offers it, or \
                    give --authorization-endpoint URL";
        LoginError::new(LoginErrorKind::Configuration, text)
    })
}

/// The address for the browser: the request itself, or what stands for it where the server wants it pushed (RFC 9126).
async fn request_url(
    wire: &mut Wire<'_>,
    client: &Client,
    endpoint: &Address,
    redirect_uri: &str,
    handshake: &Handshake,
) -> Result<String, LoginError> {
    let plan = wire.plan;
    let scope = plan.scope_text();
    let extra = plan.all_parameters();
    let request = AuthorizationRequest {
        endpoint,
        client_id: &client.id,
        redirect_uri,
        scope: scope.as_deref(),
        resource: plan.server.resource.as_ref().map(|resource| resource.value.as_str()),
        audience: client.audience.as_deref(),
        pkce: plan.profile.login.pkce,
        dpop_jkt: plan.dpop_thumbprint.as_deref(),
        extra: &extra,
        names: &client.parameter_names,
    };
    let refuse = |e| LoginError::mistaken("the authorization request", &e);
    let wants_pushing = plan.server.metadata().is_some_and(|metadata| metadata.requires_pushed_requests);
    let Some(pushed) = plan.server.pushed_endpoint.as_ref().filter(|_| wants_pushing) else {
        return request.url(handshake).map_err(refuse);
    };
    let identity = plan.identity()?;
    let make = |proving: renewd_core::Proving<'_>| {
        request
            .pushed(handshake, &pushed.value, &identity, client, proving, &plan.policy.request)
            .map_err(refuse)
    };
    let asked = wire.ask(plan.server.reach_of(pushed), &make).await?;
    let place = "the pushed authorization request";
    let response = wire::response(&asked.answer, place)?;
    let stands = PushedRequest::read(response.status, response.body.expose())
        .map_err(|e| LoginError::refused(place, &e))?;
    request.url_of_pushed(&stands).map_err(refuse)
}

/// Opens the page, or shows where it is. It is shown in any case: a browser that was started may never show up.
fn show(
    url: &str,
    browser: &Option<Arc<dyn Browser>>,
    no_browser: Option<&str>,
    can_paste: bool,
    until: renewd_core::Boot,
    ui: &dyn Ui,
) {
    let failed = browser.as_ref().and_then(|browser| browser.open(url).err());
    let opened = browser.is_some() && failed.is_none();
    let why_not = failed.as_deref().or(no_browser).filter(|_| !opened);
    ui.tell(&LoginEvent::Visit { url, opened, why_not, can_paste, until });
}
