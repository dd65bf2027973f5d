//! One request from its head to its answer.
//!
//! First: is it to be served at all? Then a token, or a 503. Then the request goes upstream with it. On a 401 the token
//! source is told, and once a newer token is there the request goes out a second and last time, with a fresh body. (A 401
//! that only wants its nonce in the proof of a bound token is no refusal of that token: the same request goes out once
//! more with it, before any of that.)
//!
//! What is tried again, and what never is: a request of which no byte was written (see [`crate::upstream`]), or with
//! which the upstream says that it did nothing (RFC 9113 §8.7); a request that is idempotent (RFC 9110 §9.2.2), of whose
//! body nothing was read, when a reused connection died without an answer; and the one replay after a 401. Nothing else,
//! for nobody can know what an upstream did with it.

mod answer;
mod bodies;
mod grpc;
mod headers;
mod recording;
mod sending;
mod tries;

use std::convert::Infallible;
use std::sync::Arc;

use http::header::HeaderMap;
use http::request::Parts;
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use renewd_driver::Unfit;

pub(crate) use bodies::{RequestBody, ResponseBody};
use grpc::Call;
use headers::Framing;
pub(crate) use recording::Recording;
use tries::Exchange;

use crate::connection::REQUEST_HEADERS_MAX;
use crate::locality::Refusal;
use crate::metrics::Outcome;
use crate::problem;
use crate::site::{Site, Turned, Way};
use crate::token::NoBearer;
use crate::tunnel::Switch;
use crate::upstream::{FailureKind, SendFailure};

/// Serves one request. `switch` is where a WebSocket goes, on connections that can become one.
pub(crate) async fn serve(
    site: Arc<Site>,
    request: Request<Incoming>,
    switch: Option<&Switch>,
) -> Result<Response<ResponseBody>, Infallible> {
    let (mut head, body) = request.into_parts();
    let call = Call::of(&head.headers);
    let (way, outcome, response) = match admitted(&site, &mut head) {
        Ok(admitted) => {
            let way = admitted.way;
            let mut exchange = Exchange::new(admitted, &head, body, call.is_some(), switch.is_some());
            let observed = exchange.observed(&site);
            let (outcome, response) = match exchange.answer().await {
                Ok((outcome, answer)) => (outcome, answer.into_response(switch)),
                Err(end) => end.into_response(way, call),
            };
            if let Some(observed) = observed {
                observed.answered(outcome, response.status().as_u16());
            }
            (Some(way), outcome, response)
        }
        Err(Turned::NothingHere) => (None, Outcome::Refused, problem::nothing_here()),
        Err(Turned::Away(refusal)) => {
            let problem = problem::refused(refusal.status, refusal.reason);
            (None, Outcome::Refused, in_its_way(problem, call))
        }
    };
    site.metrics.count(outcome);
    tracing::debug!(
        credential = way.map_or("", |way| way.route.credential.as_str()),
        outcome = outcome.name(),
        status = response.status().as_u16(),
        "request served"
    );
    Ok(response)
}

/// A request that may pass, and where it goes.
struct Admitted<'s> {
    site: &'s Site,
    way: &'s Way,
    target: Uri,
}

fn admitted<'s>(site: &'s Site, head: &mut Parts) -> Result<Admitted<'s>, Turned> {
    if head.version == Version::HTTP_2 {
        headers::from_http2(head).map_err(Turned::Away)?;
        // As many as HTTP/1.1 may have; there the library counts them.
        if head.headers.len() > REQUEST_HEADERS_MAX {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Err(Turned::Away(Refusal::new(status, "too many header fields")));
        }
    }
    let (way, target) = site.admit(head)?;
    Ok(Admitted { site, way, target })
}

/// A problem as its client can read it.
fn in_its_way(problem: problem::Problem, call: Option<Call>) -> Response<ResponseBody> {
    match call {
        Some(call) => call.answer(&problem),
        None => problem.into_document(),
    }
}

/// Why a request that was let in ends without an answer of the upstream.
enum End {
    NoToken(NoBearer),
    Unfit(Unfit),
    Upstream(SendFailure),
}

impl End {
    fn into_response(self, way: &Way, call: Option<Call>) -> (Outcome, Response<ResponseBody>) {
        let about = way.about();
        let (outcome, problem) = match self {
            Self::NoToken(why) => {
                let login_needed = why.status == renewd_core::Status::Unauthenticated;
                let outcome = if login_needed { Outcome::LoginRequired } else { Outcome::AuthRetrying };
                (outcome, problem::no_token(&about, &why))
            }
            Self::Unfit(Unfit::Token) => (Outcome::UpstreamUnreachable, problem::token_unusable(&about)),
            Self::Unfit(Unfit::Proof(why)) => (Outcome::UpstreamUnreachable, problem::no_proof(&about, &why)),
            Self::Upstream(failure) => match failure.kind {
                FailureKind::Unreachable => {
                    (Outcome::UpstreamUnreachable, problem::upstream_unreachable(&about, &failure.detail))
                }
                FailureKind::TimedOut => {
                    (Outcome::UpstreamTimeout, problem::upstream_timeout(&about, &failure.detail))
                }
                FailureKind::ClientGone => (
                    Outcome::Refused,
                    problem::refused(StatusCode::BAD_REQUEST, "the request body broke off"),
                ),
            },
        };
        (outcome, in_its_way(problem, call))
    }
}

impl From<SendFailure> for End {
    fn from(failure: SendFailure) -> Self {
        Self::Upstream(failure)
    }
}

/// What a check of any request looks at.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fields_of(site: &Site, way: &Way, head: &Parts) -> HeaderMap {
    fields_for_upstream(site, way, head, Framing::of(&head.headers, false))
}

/// The fields that go upstream with every try of a request.
fn fields_for_upstream(site: &Site, way: &Way, head: &Parts, framing: Framing) -> HeaderMap {
    let host = way.route.upstream.host_header();
    headers::to_upstream(&head.headers, host, framing, site.secret.as_ref())
}
