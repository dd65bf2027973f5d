//! One request from its head to its answer.
//!
//! First: is it to be served at all? Then a token, or a 503. Then the request goes upstream with it. On a 401 the token
//! source is told, and once a newer token is there the request goes out a second and last time, with a fresh body. (A 401
//! that only wants its nonce in the proof of a bound token is no refusal of that token: the same request goes out once
//! more with it, before any of that.)
//!
//! What is tried again, and what never is: a request of which no byte was written (see [`crate::upstream`]); a request
//! that is idempotent (RFC 9110 §9.2.2), of whose body nothing was read, when a reused connection died without an
//! answer; and the one replay after a 401. Nothing else, for nobody can know what an upstream did with it.

mod bodies;
mod headers;
mod recording;

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, sleep_until, timeout};

pub(crate) use bodies::{RequestBody, ResponseBody};
use headers::Framing;
use recording::Recording;

use crate::bound::{Unfit, wants_nonce};
use crate::metrics::Outcome;
use crate::problem;
use crate::site::{Site, Turned};
use crate::token::{BearerToken, NoBearer, Rejected};
use crate::upstream::{FailureKind, SendFailure, Tenancy};

/// A refused answer's body is read so far, so that its connection can serve the replay's neighbours; a longer one
/// costs its connection.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;
/// And for so long.
const REFUSAL_READ: Duration = Duration::from_secs(2);

/// Serves one request.
pub(crate) async fn serve(
    site: Arc<Site>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let (outcome, response) = match answer(&site, request).await {
        Ok((outcome, answer)) => (outcome, answer.into_response()),
        Err(end) => end.into_response(&site),
    };
    site.metrics.count(outcome);
    tracing::debug!(
        credential = site.config.credential.as_str(),
        outcome = outcome.name(),
        status = response.status().as_u16(),
        "request served"
    );
    Ok(response)
}

async fn answer(site: &Site, request: Request<Incoming>) -> Result<(Outcome, Answer), End> {
    let (head, body) = request.into_parts();
    let target = site.admit(&head).map_err(End::Turned)?;
    let token = site.token().await.map_err(End::NoToken)?;
    let exchange = Exchange::new(site, &head, target, body);
    let first = exchange.first_try(&token).await?;
    let first =
        if wants_nonce(&token, &first.response) { exchange.with_nonce(first, &token).await? } else { first };
    if first.status() != StatusCode::UNAUTHORIZED {
        return Ok((Outcome::Forwarded, first));
    }
    if wants_nonce(&token, &first.response) {
        // Too long to be sent again, or the nonce changed once more: the next request has it. The token is not refused.
        return Ok((Outcome::RejectionPassed, first));
    }
    exchange.after_refusal(first, &token).await
}

/// Why a request ends without an answer of the upstream.
enum End {
    Turned(Turned),
    NoToken(NoBearer),
    Unfit(Unfit),
    Upstream(SendFailure),
}

impl End {
    fn into_response(self, site: &Site) -> (Outcome, Response<ResponseBody>) {
        let about = site.about();
        match self {
            Self::Turned(Turned::NothingHere) => (Outcome::Refused, problem::nothing_here()),
            Self::Turned(Turned::Away(refusal)) => {
                (Outcome::Refused, problem::refused(refusal.status, refusal.reason))
            }
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
        }
    }
}

impl From<SendFailure> for End {
    fn from(failure: SendFailure) -> Self {
        Self::Upstream(failure)
    }
}

/// The upstream's answer, its body still to come.
struct Answer {
    response: Response<Incoming>,
    tenancy: Tenancy,
}

impl Answer {
    fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// As the client gets it. Only the head's hop-by-hop part is ours to change.
    fn into_response(self) -> Response<ResponseBody> {
        let (mut head, body) = self.response.into_parts();
        headers::to_client(&mut head.headers);
        head.version = Version::HTTP_11;
        Response::from_parts(head, ResponseBody::streamed(body, self.tenancy))
    }

    /// Nobody wants it any more. A short one is read to its end, for the sake of its connection.
    fn discard(self) {
        let body = ResponseBody::streamed(self.response.into_body(), self.tenancy);
        tokio::spawn(timeout(REFUSAL_READ, async move {
            let mut body = body;
            let mut left = REFUSAL_BYTES_MAX;
            while let Some(Ok(frame)) = body.frame().await {
                let read = frame.data_ref().map_or(0, Bytes::len);
                match left.checked_sub(read) {
                    Some(rest) => left = rest,
                    None => break,
                }
            }
        }));
    }
}

/// The fields that go upstream with every try of a request.
pub(crate) fn fields_for_upstream(site: &Site, head: &Parts) -> HeaderMap {
    let host = site.config.upstream.host_header();
    headers::to_upstream(&head.headers, host, Framing::of(&head.headers), site.secret.as_ref())
}

/// A request as it goes upstream, once or twice.
struct Exchange<'a> {
    site: &'a Site,
    method: Method,
    target: Uri,
    headers: HeaderMap,
    framing: Framing,
    recording: Recording,
}

impl<'a> Exchange<'a> {
    fn new(site: &'a Site, head: &Parts, target: Uri, body: Incoming) -> Self {
        let framing = Framing::of(&head.headers);
        let headers = fields_for_upstream(site, head);
        let awaits_continue = headers::expects_continue(&head.headers)
            && head.version == Version::HTTP_11
            && !body.is_end_stream();
        let recording = Recording::of(body, framing.length(), site.config.replay_limit, awaits_continue);
        let mut headers = headers;
        if awaits_continue {
            headers.insert(http::header::EXPECT, HeaderValue::from_static("100-continue"));
        }
        Self { site, method: head.method.clone(), target, headers, framing, recording }
    }

    /// Sends it with the client's own body.
    async fn first_try(&self, token: &BearerToken) -> Result<Answer, End> {
        let repeatable = || self.method.is_idempotent() && !self.recording.is_touched();
        let body = || RequestBody::Recorded(self.recording.stream());
        let mut answer = self.send(token, body, repeatable).await?;
        self.recording.answered();
        if self.recording.stands_still() {
            answer.tenancy.serve_once();
        }
        Ok(answer)
    }

    /// The upstream wants its nonce in the proof: send it once more with that, where its body is at hand.
    async fn with_nonce(&self, mut first: Answer, token: &BearerToken) -> Result<Answer, End> {
        let whole = self.recording.whole(self.site.config.demand_timeout).await;
        if self.recording.stands_still() {
            first.tenancy.serve_once();
        }
        let Some(replay) = whole else { return Ok(first) };
        first.discard();
        self.site.metrics.count_nonce_repeat();
        let sized = self.framing != Framing::Chunked;
        let body = || RequestBody::replayed(replay.clone(), sized);
        self.send(token, body, || self.method.is_idempotent()).await
    }

    /// The upstream answered 401: have the token renewed, and send it once more where that makes sense.
    async fn after_refusal(&self, mut first: Answer, token: &BearerToken) -> Result<(Outcome, Answer), End> {
        let site = self.site;
        // Both at once: the rest of the body comes in while the token is renewed.
        let (rejected, whole) = tokio::join!(
            site.source.rejected(token.epoch(), token.generation(), site.patience()),
            self.recording.whole(site.config.demand_timeout),
        );
        if self.recording.stands_still() {
            first.tenancy.serve_once();
        }
        let newer = match rejected.map_err(End::NoToken)? {
            Rejected::Renewed(newer) => newer,
            Rejected::Passed => return Ok((Outcome::RejectionPassed, first)),
        };
        let Some(replay) = whole else { return Ok((Outcome::RejectionPassed, first)) };
        first.discard();
        site.metrics.count_replay();
        let sized = self.framing != Framing::Chunked;
        let body = || RequestBody::replayed(replay.clone(), sized);
        let second = self.send(&newer, body, || self.method.is_idempotent()).await?;
        Ok((Outcome::Replayed, second))
    }

    /// Sends it, and again on a connection of its own if it met a stale one and that is safe.
    async fn send(
        &self,
        token: &BearerToken,
        body: impl Fn() -> RequestBody,
        repeatable: impl Fn() -> bool,
    ) -> Result<Answer, End> {
        let mut afresh = false;
        loop {
            let request = self.request(token, body())?;
            match self.in_time(self.site.pool.send(request, afresh)).await {
                Ok((response, tenancy)) => {
                    if token.proof_key().is_some() {
                        self.site.prover.hear(&self.site.origin, response.headers());
                    }
                    return Ok(Answer { response, tenancy });
                }
                Err(failure) if failure.was_stale && !afresh && repeatable() => afresh = true,
                Err(failure) => return Err(End::Upstream(failure)),
            }
        }
    }

    fn request(&self, token: &BearerToken, body: RequestBody) -> Result<Request<RequestBody>, End> {
        let replays = matches!(body, RequestBody::Replayed { .. });
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        let (prover, origin) = (&self.site.prover, &self.site.origin);
        prover
            .authorize(request.headers_mut(), token, &self.method, origin, self.target.path())
            .map_err(End::Unfit)?;
        if replays {
            // The body is here: there is nothing to hold back.
            request.headers_mut().remove(http::header::EXPECT);
        } else {
            let recording = self.recording.clone();
            hyper::ext::on_informational(&mut request, move |information| {
                if information.status() == StatusCode::CONTINUE {
                    recording.continue_now();
                }
            });
        }
        Ok(request)
    }

    /// Bounds the upstream's silence between the end of the request and the beginning of its answer.
    async fn in_time<T>(
        &self,
        sending: impl Future<Output = Result<T, SendFailure>>,
    ) -> Result<T, SendFailure> {
        let Some(limit) = self.site.config.response_timeout else { return sending.await };
        let began = Instant::now();
        let mut sending = pin!(sending);
        loop {
            // While the client still uploads, the upstream owes nothing.
            let ended = self.recording.ended_at();
            let silent_since = ended.map_or_else(Instant::now, |ended| ended.max(began));
            tokio::select! {
                biased;
                outcome = &mut sending => return outcome,
                () = sleep_until(silent_since + limit) => {}
            }
            if ended.is_some() {
                let authority = self.site.pool.authority();
                return Err(SendFailure::timed_out(format!("{authority} did not answer within {limit:?}")));
            }
        }
    }
}
