//! Between the model's words and core's.

use renewd_core::{AttemptId, Failure, FailureKind, RefusedCause, Response, Secret, Sent, TokenRequest};

use crate::process::{Answer, Command, Fence};
use crate::real::RealRecord;
use crate::record::{Attempt, Intent, Orphaned, Record, RecordState, Token};

/// What a refresh token looks like.
const PREFIX: &str = "rt-";

/// Years of validity: no token expires within a search.
pub(super) const EXPIRES_IN: u32 = 2_000_000;

pub(super) fn secret(token: Token) -> Secret {
    Secret::from_string(text(token))
}

fn text(token: Token) -> String {
    format!("{PREFIX}{}-{}", token.grant, token.index)
}

fn token(text: &str) -> Option<Token> {
    let (grant, index) = text.strip_prefix(PREFIX)?.split_once('-')?;
    Some(Token { grant: grant.parse().ok()?, index: index.parse().ok()? })
}

fn small(n: u64) -> u8 {
    u8::try_from(n).unwrap_or(u8::MAX)
}

fn name(attempt: AttemptId) -> Attempt {
    Attempt::try_from(attempt.0).unwrap_or(Attempt::MAX)
}

/// The record as the model sees it, without ages.
pub(super) fn record(r: &renewd_core::Record) -> Record {
    let state = match r.state {
        renewd_core::RecordState::Active => RecordState::Active,
        renewd_core::RecordState::Tombstone { .. } => RecordState::Tombstone,
        renewd_core::RecordState::Refused { cause: RefusedCause::RotationLost, .. } => {
            RecordState::RotationLost
        }
        renewd_core::RecordState::Refused { .. } => RecordState::GrantRefused,
    };
    Record {
        epoch: small(r.epoch),
        generation: small(r.generation),
        state,
        refresh_token: r.grant.refresh_token.as_ref().and_then(|t| t.expose_str()).and_then(token),
        intent: r.intent.as_ref().map(|i| Intent {
            attempt: name(i.attempt),
            generation: small(i.generation),
            settled: i.settled,
            doubt: i.doubt,
            orphaned: i.orphaned.map(|_| Orphaned { this_boot: true, age: 0 }),
            marked: 0,
        }),
        budget: r.budget.map_or(u8::MAX, |b| small(b.left.into())),
        not_before: 0,
    }
}

/// The command as the model carries it out; none for what only tells people something.
pub(super) fn command(command: renewd_core::Command) -> Option<Command<RealRecord>> {
    use renewd_core::Command as Real;
    let fence = |f: renewd_core::Fence| Fence {
        epoch: small(f.epoch),
        generation: small(f.generation),
        attempt: f.attempt.map(name),
    };
    Some(match command {
        Real::Load => Command::Load,
        Real::Claim => Command::Claim,
        Real::Mark { ticket, record, fence: f } => {
            Command::Mark(ticket.0, RealRecord::new(*record), fence(f))
        }
        Real::Commit { ticket, record, fence: f } => {
            Command::Commit(ticket.0, RealRecord::new(*record), fence(f))
        }
        Real::Send { attempt, request } => Command::Send(name(attempt), carried(&request, "refresh_token=")?),
        Real::Abort { attempt } => Command::Abort(name(attempt)),
        Real::Release => Command::Release,
        Real::Revoke { requests } => Command::Revoke(requests.iter().find_map(|r| carried(r, "token="))?),
        Real::Drained { .. } => Command::Drained,
        Real::Publish(_) | Real::Changed { .. } | Real::Advise(_) | Real::Report(_) => return None,
    })
}

/// The refresh token in a form.
fn carried(request: &TokenRequest, field: &str) -> Option<Token> {
    request.body.expose_str()?.split('&').filter_map(|f| f.strip_prefix(field)).find_map(token)
}

/// The answer as a server or a network gives it.
pub(super) fn answer(answer: Answer) -> renewd_core::Answer {
    let failed = |kind, sent| {
        let message = String::from("the model's network");
        renewd_core::Answer::Failed(Failure { kind, sent, closed: true, message })
    };
    match answer {
        Answer::Tokens(refresh) => {
            let refresh = refresh.map_or_else(String::new, |t| format!(r#","refresh_token":"{}""#, text(t)));
            let access = r#""access_token":"at","token_type":"Bearer""#;
            response(200, "application/json", format!(r#"{{{access},"expires_in":{EXPIRES_IN}{refresh}}}"#))
        }
        Answer::Refused => response(400, "application/json", String::from(r#"{"error":"invalid_grant"}"#)),
        Answer::Unclear => response(500, "text/plain", String::from("internal error")),
        Answer::Bounced => response(403, "text/html", String::from("<!DOCTYPE html><p>Sign in first")),
        Answer::NeverSent => failed(FailureKind::Refused, Sent::Nothing),
        Answer::Lost => failed(FailureKind::Timeout, Sent::Bytes),
    }
}

fn response(status: u16, kind: &str, body: String) -> renewd_core::Answer {
    renewd_core::Answer::Response(Response {
        status,
        headers: vec![(String::from("content-type"), String::from(kind))],
        body: Secret::from_string(body),
        truncated: false,
    })
}
