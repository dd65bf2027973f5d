//! The controls over HTTP, for tests in other languages and other processes.
//!
//! No protection but that the server listens on loopback and holds no real grant.

use super::shared::Shared;
use crate::fault::Fault;
use crate::http::Head;
use crate::model::{AsReply, LogEntry, MintedGrant, RefreshOrdinal};
use serde_json::{Value, json};
use std::time::Duration;

/// The routes, as the answer to an unknown one lists them.
const ROUTES: &str = "GET totals, GET log, POST fault (body: FAULT), POST next (body: N FAULT), POST mint, \
POST revoke (body: a token; empty: the access token issued last), POST hold, POST hold-answers, POST release, \
POST advance (body: milliseconds), POST approve or deny (body: a user code), POST rotate-nonce, \
POST next-revocation (body: N FAULT), GET clients";

/// Answers a request under `/_control/`.
pub(super) fn answer(shared: &Shared, head: &Head, body: &str) -> AsReply {
    let route = head.path().trim_start_matches("/_control/");
    let body = body.trim();
    let answer = match (head.method.as_str(), route) {
        ("GET", "totals") => Ok(totals(shared)),
        ("GET", "log") => Ok(shared.look(|state| state.model.log().map(entry).collect())),
        ("GET", "clients") => Ok(shared.look(|state| state.model.registered_clients().into())),
        ("POST", "approve" | "deny") => {
            let decided = shared.change(|state| state.model.decide_device(body, route == "approve"));
            Ok(json!({ "decided": decided }))
        }
        ("POST", "mint") => Ok(minted(shared.change(|state| state.model.mint_grant(shared.clock.now_ms())))),
        ("POST", "revoke") => Ok(json!({ "revoked": revoke(shared, body) })),
        (
            "POST",
            "fault" | "next" | "next-revocation" | "rotate-nonce" | "hold" | "hold-answers" | "release"
            | "advance",
        ) => act(shared, route, body).map(|()| json!({ "done": true })),
        _ => return text(404, &format!("no such control; known: {ROUTES}\n")),
    };
    match answer {
        Ok(value) => AsReply::new(200, "application/json", format!("{value}\n")),
        Err(message) => text(400, &format!("{message}\n")),
    }
}

fn text(status: u16, message: &str) -> AsReply {
    AsReply::new(status, "text/plain", message)
}

/// The controls that answer nothing but that they were done.
fn act(shared: &Shared, route: &str, body: &str) -> Result<(), String> {
    match route {
        "fault" => {
            let fault = parse(body)?;
            shared.change(|state| state.script.set(fault));
        }
        "next" => {
            let (n, fault) = next(body)?;
            shared.change(|state| state.script.next(n, fault));
        }
        "next-revocation" => {
            let (n, fault) = next(body)?;
            shared.change(|state| state.revocation_script.next(n, fault));
        }
        "rotate-nonce" => shared.change(|state| state.model.rotate_dpop_nonce()),
        "advance" => {
            let by = body.parse().map_err(|_| "the body is not a number of milliseconds")?;
            shared.clock.advance(Duration::from_millis(by));
        }
        "hold" => shared.change(|state| state.gate.before = true),
        "hold-answers" => shared.change(|state| state.gate.after = true),
        _ => shared.change(|state| state.gate.open()),
    }
    Ok(())
}

fn parse(body: &str) -> Result<Fault, String> {
    Fault::parse(body).map_err(|error| error.to_string())
}

fn next(body: &str) -> Result<(usize, Fault), String> {
    let (n, fault) = body.split_once(char::is_whitespace).ok_or("the body is not: N FAULT")?;
    // Bounded, because the queue holds each one.
    let n: u16 = n.parse().map_err(|_| "N is not a number up to 65535")?;
    Ok((n.into(), parse(fault)?))
}

fn revoke(shared: &Shared, token: &str) -> bool {
    shared.change(|state| match token {
        "" => state.model.revoke_latest_access().is_some(),
        token => state.model.revoke(token),
    })
}

fn totals(shared: &Shared) -> Value {
    shared.look(|state| {
        let mut counts: serde_json::Map<String, Value> =
            state.model.totals().entries().into_iter().map(|(name, n)| (name.to_owned(), n.into())).collect();
        counts.insert("in_flight".into(), state.in_flight.into());
        counts.insert("max_in_flight".into(), state.max_in_flight.into());
        counts.insert("held".into(), state.gate.held.into());
        Value::Object(counts)
    })
}

fn minted(login: MintedGrant) -> Value {
    json!({
        "grant": login.grant.0,
        "refresh_token": login.refresh_token,
        "access_token": login.access_token,
    })
}

fn entry(entry: &LogEntry) -> Value {
    let ordinal = |token: Option<RefreshOrdinal>| {
        token.map(|token| {
            json!({ "grant": token.grant.0, "ordinal": token.ordinal, "generation": token.generation })
        })
    };
    json!({
        "number": entry.number,
        "at_ms": entry.at_ms,
        "fault": entry.fault,
        "verdict": entry.verdict.map(|verdict| verdict.name()),
        "presented": ordinal(entry.presented),
        "issued": ordinal(entry.issued),
        "parameters": entry.parameters,
        "basic": entry.basic,
        "grant_type": entry.grant_type,
        "jkt": entry.jkt,
    })
}
