//! What is served where.

use super::shared::Shared;
use super::{MAX_FORM_BYTES, control, metadata, token};
use crate::clock::{http_date, unix_ms};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::http::{After, Connection, Head, Service};
use crate::model::{Arrival, AsReply, TokenForm};
use std::io;
use std::sync::Arc;

/// The service behind the listener.
pub(super) struct Routes {
    pub(super) shared: Arc<Shared>,
}

impl Service for Routes {
    fn keeps(&self) -> bool {
        self.shared.change(|state| {
            let reset = *state.script.peek() == Fault::ResetOnAccept;
            if reset {
                state.script.take();
                state.model.note_connection_fault();
            }
            !reset
        })
    }

    fn serve(&self, connection: &mut Connection, head: &Head) -> io::Result<After> {
        let path = head.path();
        let page = self.shared.change(|state| {
            *state.visits.entry(format!("{} {path}", head.method)).or_default() += 1;
            state.pages.get(path).cloned()
        });
        match (head.method.as_str(), path) {
            (_, _) if page.is_some() => {
                connection.read_whole_body(MAX_FORM_BYTES)?;
                connection.answer(&page.unwrap_or_else(not_found))
            }
            ("POST", "/token") => token::serve(&self.shared, connection, head),
            ("POST", "/revoke") => self.revoke(connection, head),
            _ => {
                let body = connection.read_whole_body(MAX_FORM_BYTES)?;
                let reply = self.answer(head, &body);
                connection.answer(&reply)
            }
        }
    }
}

impl Routes {
    fn answer(&self, head: &Head, body: &[u8]) -> AsReply {
        let shared = &self.shared;
        let (now_ms, issuer) = (shared.clock.now_ms(), &*origin(shared, head));
        let query = head.target.split_once('?').map_or("", |(_, query)| query);
        let bearer = head.field("authorization").and_then(|value| value.strip_prefix("Bearer "));
        match (head.method.as_str(), head.path()) {
            ("GET", "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration") => {
                shared.look(|state| metadata::of_server(issuer, state.model.config()))
            }
            ("GET", "/jwks") => shared.look(|state| state.model.jwks()),
            ("GET", "/authorize") => {
                shared.change(|state| state.model.authorization_request(now_ms, issuer, query))
            }
            ("GET", "/device") => shared.change(|state| state.model.device_page(query)),
            ("POST", "/device_authorization") => self.with_form(head, body, |form| {
                shared.change(|state| state.model.device_request(now_ms, issuer, form))
            }),
            ("POST", "/par") => self.with_form(head, body, |form| {
                let text = String::from_utf8_lossy(body);
                shared.change(|state| state.model.pushed_request(form, &text))
            }),
            ("POST", "/register") => shared.change(|state| state.model.register(issuer, bearer, body)),
            (method @ ("GET" | "DELETE"), path) if path.starts_with("/register/") => {
                let id = path.trim_start_matches("/register/");
                shared.change(|state| state.model.manage(method, id, bearer))
            }
            (_, path) if path.starts_with("/_control/") => {
                control::answer(shared, head, &String::from_utf8_lossy(body))
            }
            (_, "/token" | "/revoke") => AsReply::new(405, "text/plain", "use POST\n").with("Allow", "POST"),
            _ => not_found(),
        }
    }

    fn revoke(&self, connection: &mut Connection, head: &Head) -> io::Result<After> {
        let body = connection.read_whole_body(MAX_FORM_BYTES)?;
        let fault = self.shared.change(|state| state.revocation_script.take());
        let delivery = fault.apply_to(|| {
            self.with_form(head, &body, |form| {
                self.shared.change(|state| state.model.revocation_request(form))
            })
        });
        token::deliver(connection, dated(&self.shared, delivery))
    }

    fn with_form(&self, head: &Head, body: &[u8], answer: impl FnOnce(&TokenForm) -> AsReply) -> AsReply {
        match TokenForm::parse(body, head.field("authorization")) {
            Ok(mut form) => {
                form.arrival = Some(arrival(&self.shared, head));
                answer(&form)
            }
            Err(error) => AsReply::error(400, "invalid_request", &error.to_string()),
        }
    }
}

fn not_found() -> AsReply {
    AsReply::new(404, "text/plain", "no such route\n")
}

/// The issuer, under the name that the client called.
fn origin(shared: &Shared, head: &Head) -> String {
    let (scheme, own) = shared.issuer().split_once("://").unwrap_or_default();
    format!("{scheme}://{}", head.field("host").unwrap_or(own))
}

/// What proofs and assertions of a request are checked against.
pub(super) fn arrival(shared: &Shared, head: &Head) -> Arrival {
    let offset_ms = shared.look(|state| state.model.config().login.clock_offset_ms);
    let proofs = head.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("dpop"));
    let issuer = origin(shared, head);
    Arrival {
        url: format!("{issuer}{}", head.path()),
        issuer,
        unix_ms: unix_ms(offset_ms),
        proofs: proofs.map(|(_, value)| value.clone()).collect(),
    }
}

/// The answer with the server's `Date` (RFC 9110 section 6.6.1): what clients learn its clock from.
pub(super) fn dated(shared: &Shared, delivery: Delivery) -> Delivery {
    let offset_ms = shared.look(|state| state.model.config().login.clock_offset_ms);
    let dated = |reply: AsReply| reply.with("Date", &http_date(unix_ms(offset_ms)));
    match delivery {
        Delivery::Answer(reply) => Delivery::Answer(dated(reply)),
        Delivery::Drip { reply, interval_ms } => Delivery::Drip { reply: dated(reply), interval_ms },
        Delivery::Truncated(reply) => Delivery::Truncated(dated(reply)),
        other => other,
    }
}
