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

mod bodies;
mod grpc;
mod headers;
mod recording;

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, EXPECT, HeaderMap, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use renewd_driver::Unfit;
use tokio::time::{Instant, sleep_until, timeout};

use bodies::AnswerFrame;
pub(crate) use bodies::{RequestBody, ResponseBody};
use grpc::Call;
use headers::Framing;
pub(crate) use recording::Recording;
use recording::Replay;

use crate::bound::wants_nonce;
use crate::connection::REQUEST_HEADERS_MAX;
use crate::locality::Refusal;
use crate::metrics::{Metrics, Outcome};
use crate::observer::{Begun, ObservedRequest};
use crate::problem;
use crate::route::Route;
use crate::site::{Site, Turned, Way};
use crate::token::{BearerToken, NoBearer, Rejected};
use crate::tunnel::Switch;
use crate::upstream::{FailureKind, Manner, SendFailure, Tenancy};

/// A refused answer's body is read so far, so that its connection can serve the replay's neighbours; a longer one
/// costs its connection.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;
/// And for so long.
const REFUSAL_READ: Duration = Duration::from_secs(2);
/// How often one request is sent again because the upstream did nothing with it.
const UNPROCESSED_TRIES_MAX: u32 = 3;
/// How long the rest of a refused gRPC call's messages is waited for. A unary call sends its one at once; a stream that
/// goes on cannot be sent again anyhow, and its caller waits for the refusal.
const CALL_READ: Duration = Duration::from_secs(1);
/// How long the head of a gRPC answer is held back to see whether the call ends right behind it: some servers say
/// UNAUTHENTICATED there. No more, for the head of a stream may be all that comes for a while.
const CALL_LOOK: Duration = Duration::from_millis(10);

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

/// The upstream's answer, its body still to come.
struct Answer {
    response: Response<Incoming>,
    tenancy: Tenancy,
    /// The first frame of the body, where it was looked at.
    seen: Option<AnswerFrame>,
}

impl Answer {
    fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// As the client gets it. Only the head's hop-by-hop part is ours to change.
    fn into_response(mut self, switch: Option<&Switch>) -> Response<ResponseBody> {
        let becomes_tunnel = self.status() == StatusCode::SWITCHING_PROTOCOLS;
        if becomes_tunnel && let Some(switch) = switch {
            switch.set(&mut self.response, self.tenancy);
            let (mut head, _) = self.response.into_parts();
            headers::to_client(&mut head.headers);
            head.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            head.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            head.version = Version::HTTP_11;
            head.extensions.clear();
            return Response::from_parts(head, ResponseBody::empty());
        }
        let (mut head, body) = self.response.into_parts();
        headers::to_client(&mut head.headers);
        head.version = Version::HTTP_11;
        Response::from_parts(head, ResponseBody::streamed(body, self.tenancy, self.seen))
    }

    /// Nobody wants it any more. A short one is read to its end, for the sake of its connection.
    fn discard(self) {
        let body = ResponseBody::streamed(self.response.into_body(), self.tenancy, self.seen);
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

/// A request as it goes upstream, once or twice.
struct Exchange<'a> {
    way: &'a Way,
    metrics: &'a Metrics,
    response_timeout: Option<Duration>,
    method: Method,
    target: Uri,
    headers: HeaderMap,
    framing: Framing,
    recording: Recording,
    is_call: bool,
    upgrades: bool,
}

/// What is sent as the body of one try.
#[derive(Clone)]
enum Source<'r> {
    /// The client's, as it comes in.
    Client(&'r Recording),
    /// The copy.
    Copy { replay: Replay, sized: bool },
}

impl Source<'_> {
    fn body(&self) -> RequestBody {
        match self {
            Self::Client(recording) => RequestBody::Recorded(recording.stream()),
            Self::Copy { replay, sized } => RequestBody::replayed(replay.clone(), *sized),
        }
    }
}

impl<'a> Exchange<'a> {
    fn new(admitted: Admitted<'a>, head: &Parts, body: Incoming, is_call: bool, may_upgrade: bool) -> Self {
        let Admitted { site, way, target } = admitted;
        let has_body = !body.is_end_stream();
        let framing = Framing::of(&head.headers, has_body && head.version == Version::HTTP_2);
        let mut headers = fields_for_upstream(site, way, head, framing);
        let awaits_continue =
            headers::expects_continue(&head.headers) && head.version == Version::HTTP_11 && has_body;
        let limit = way.route.replay_limit;
        let recording = Recording::of(body, framing.length(), limit, awaits_continue);
        if awaits_continue {
            headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
        }
        let upgrades = may_upgrade && !has_body && headers::wants_websocket(head);
        if upgrades {
            headers::ask_for_websocket(&mut headers);
        }
        Self {
            way,
            metrics: &site.metrics,
            response_timeout: site.config.response_timeout,
            method: head.method.clone(),
            target,
            headers,
            framing,
            recording,
            is_call,
            upgrades,
        }
    }

    /// Tells of it, where somebody wants to hear, who may change the fields.
    fn observed(&mut self, site: &Site) -> Option<Box<dyn ObservedRequest>> {
        let Route { credential, upstream, .. } = &self.way.route;
        let begun = Begun { method: &self.method, credential, upstream };
        site.config.observer.begun(begun, &mut self.headers)
    }

    async fn answer(&self) -> Result<(Outcome, Answer), End> {
        let token = self.way.token().await.map_err(End::NoToken)?;
        let mut first = self.first_try(&token).await?;
        if wants_nonce(&token, &first.response) {
            first = self.with_nonce(first, &token).await?;
        }
        if !self.is_refused(&mut first).await {
            return Ok((Outcome::Forwarded, first));
        }
        if wants_nonce(&token, &first.response) {
            // Too long to be sent again, or the nonce changed once more: the next request has it. The token is not
            // refused.
            return Ok((Outcome::RejectionPassed, first));
        }
        self.after_refusal(first, &token).await
    }

    /// Sends it with the client's own body.
    async fn first_try(&self, token: &BearerToken) -> Result<Answer, End> {
        let mut answer = self.send(token, Source::Client(&self.recording)).await?;
        self.recording.answered();
        if self.recording.stands_still() {
            answer.tenancy.serve_once();
        }
        Ok(answer)
    }

    /// Whether the upstream says no to the token: by 401, or by gRPC's word for it.
    async fn is_refused(&self, answer: &mut Answer) -> bool {
        if answer.status() == StatusCode::UNAUTHORIZED {
            return true;
        }
        if !self.is_call || answer.status() != StatusCode::OK {
            return false;
        }
        let head = answer.response.headers();
        if grpc::has_ended(head) {
            return grpc::says_unauthenticated(head);
        }
        let body = answer.response.body_mut();
        if body.is_end_stream() || !self.recording.is_whole() {
            return false;
        }
        answer.seen = timeout(CALL_LOOK, body.frame()).await.ok();
        let Some(Some(Ok(frame))) = &answer.seen else { return false };
        frame.trailers_ref().is_some_and(grpc::says_unauthenticated)
    }

    /// The upstream wants its nonce in the proof: send it once more with that, where its body is at hand.
    async fn with_nonce(&self, mut first: Answer, token: &BearerToken) -> Result<Answer, End> {
        let whole = self.recording.whole(self.way.patience().into()).await;
        if self.recording.stands_still() {
            first.tenancy.serve_once();
        }
        let Some(replay) = whole else { return Ok(first) };
        first.discard();
        self.metrics.count_nonce_repeat();
        self.send(token, self.copy(replay)).await
    }

    /// The upstream refused the token: have it renewed, and send it once more where that makes sense.
    async fn after_refusal(&self, mut first: Answer, token: &BearerToken) -> Result<(Outcome, Answer), End> {
        let way = self.way;
        let patience = Duration::from(way.patience());
        let for_body = if self.is_call { patience.min(CALL_READ) } else { patience };
        // Both at once: the rest of the body comes in while the token is renewed.
        let (rejected, whole) = tokio::join!(
            way.route.source.rejected(token.epoch(), token.generation(), way.patience()),
            self.recording.whole(for_body),
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
        self.metrics.count_replay();
        let second = self.send(&newer, self.copy(replay)).await?;
        Ok((Outcome::Replayed, second))
    }

    fn copy(&self, replay: Replay) -> Source<'static> {
        Source::Copy { replay, sized: self.framing != Framing::Chunked }
    }

    /// Sends it, and again on a connection of its own if it met a stale one and that is safe, or if the upstream did
    /// nothing with it.
    async fn send<'r>(&'r self, token: &BearerToken, mut source: Source<'r>) -> Result<Answer, End> {
        let mut manner = Manner { afresh: false, upgrades: self.upgrades };
        let mut unprocessed = 0;
        loop {
            let fields = self.authorized(token)?;
            let make = |version| self.request(version, fields.clone(), source.body());
            let failure = match self.in_time(self.way.pool.send(manner, make)).await {
                Ok((response, tenancy)) => {
                    if token.proof_key().is_some() {
                        self.way.prover.hear(&self.way.origin, &response);
                    }
                    return self.checked(Answer { response, tenancy, seen: None });
                }
                Err(failure) => failure,
            };
            if failure.is_unprocessed && unprocessed < UNPROCESSED_TRIES_MAX {
                unprocessed += 1;
                match self.once_more(&source).await {
                    Some(again) => source = again,
                    None => return Err(End::Upstream(failure)),
                }
            } else if failure.was_stale && !manner.afresh && self.is_repeatable(&source) {
                manner.afresh = true;
            } else {
                return Err(End::Upstream(failure));
            }
        }
    }

    /// Whether nobody is hurt if the upstream did get it.
    fn is_repeatable(&self, source: &Source<'_>) -> bool {
        let at_hand = match source {
            Source::Client(recording) => !recording.is_touched(),
            Source::Copy { .. } => true,
        };
        at_hand && self.method.is_idempotent()
    }

    /// The body for one more try.
    async fn once_more<'r>(&self, source: &Source<'r>) -> Option<Source<'r>> {
        match source {
            Source::Client(recording) if recording.is_touched() => {
                Some(self.copy(recording.whole(self.way.patience().into()).await?))
            }
            source => Some(source.clone()),
        }
    }

    /// An upstream that switches to another protocol than the one it was asked for is not to be trusted with bytes.
    fn checked(&self, answer: Answer) -> Result<Answer, End> {
        let switches = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
        if switches && !headers::switches_to_websocket(answer.response.headers()) {
            let authority = self.way.pool.authority();
            let detail = format!("{authority} switched to another protocol than the one it was asked for");
            return Err(End::Upstream(SendFailure::unreachable(detail)));
        }
        Ok(answer)
    }

    fn authorized(&self, token: &BearerToken) -> Result<HeaderMap, End> {
        let mut fields = self.headers.clone();
        let (prover, origin) = (&self.way.prover, &self.way.origin);
        let added = prover.authorize(&mut fields, token, &self.method, origin, self.target.path());
        added.map_err(End::Unfit)?;
        Ok(fields)
    }

    /// As this version of HTTP has it.
    fn request(&self, version: Version, fields: HeaderMap, body: RequestBody) -> Request<RequestBody> {
        let upload = body.upload().cloned();
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.headers_mut() = fields;
        if version == Version::HTTP_2 {
            *request.version_mut() = version;
            *request.uri_mut() = self.way.route.upstream.absolute(&self.target);
            headers::for_http2(request.headers_mut());
            // The library does not tell of a `100 Continue` there; a server that does not want the body resets it.
            if let Some(upload) = upload {
                upload.continue_now();
            }
            return request;
        }
        *request.uri_mut() = self.target.clone();
        match upload {
            // The body is here: there is nothing to hold back.
            None => _ = request.headers_mut().remove(EXPECT),
            Some(_) if !self.headers.contains_key(EXPECT) => {}
            Some(upload) => {
                hyper::ext::on_informational(&mut request, move |information| {
                    if information.status() == StatusCode::CONTINUE {
                        upload.continue_now();
                    }
                });
            }
        }
        request
    }

    /// Bounds the upstream's silence between the end of the request and the beginning of its answer.
    async fn in_time<T>(
        &self,
        sending: impl Future<Output = Result<T, SendFailure>>,
    ) -> Result<T, SendFailure> {
        let Some(limit) = self.response_timeout else { return sending.await };
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
                let authority = self.way.pool.authority();
                return Err(SendFailure::timed_out(format!("{authority} did not answer within {limit:?}")));
            }
        }
    }
}
