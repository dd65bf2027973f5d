//! One request of a login to the server, with its proofs, and what its answer teaches for the next.

use renewd_core::{
    Answer, ClientAuth, Evidence, Judgement, Now, Proving, RequestContext, Response, Secret, ServerClock,
    Span, TokenRequest, Verdict, Wall, judge, plain_line,
};
use renewd_driver::{Reach, WebRequest};

use crate::error::{LoginError, LoginErrorKind};
use crate::plan::Plan;
use crate::ports::Ports;

/// A proof that was signed for a time this far off is worth signing again; less a server forgives.
const CLOCK_WRONG_MIN: Span = Span::from_secs(5);
/// Requests of one exchange: one more for a nonce, one more for a clock that was wrong.
const TRIES_MAX: usize = 3;
/// The longest text of a server's that is shown, in bytes.
const MESSAGE_MAX_BYTES: usize = 300;

/// What is kept from answer to answer within one login.
pub(crate) struct Wire<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) plan: &'a Plan,
    clock: ServerClock,
    nonce: Option<String>,
}

/// An answer, judged, and when its request left.
pub(crate) struct Asked {
    pub(crate) answer: Answer,
    pub(crate) judgement: Judgement,
    pub(crate) sent: Now,
}

/// A request that waits for its proofs.
pub(crate) type Making<'m> = &'m (dyn Fn(Proving<'_>) -> Result<TokenRequest, LoginError> + Send + Sync);

impl<'a> Wire<'a> {
    pub(crate) fn new(ports: &'a Ports, plan: &'a Plan) -> Self {
        Self { ports, plan, clock: plan.server.clock, nonce: None }
    }

    /// The server's time, as far as it is known.
    pub(crate) fn server_time(&self) -> Wall {
        self.clock.at(self.ports.clock.now())
    }

    /// Asks the token endpoint.
    pub(crate) async fn ask_for_token(&mut self, make: Making<'_>) -> Result<Asked, LoginError> {
        let reach = self.plan.server.reach_of(self.plan.server.token_endpoint()?);
        self.ask(reach, make).await
    }

    /// Sends it; once more with the nonce that the server wants (RFC 9449 §8), and once more where its clock shows that
    /// ours is wrong.
    pub(crate) async fn ask(&mut self, reach: Reach, make: Making<'_>) -> Result<Asked, LoginError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let made_for = self.server_time();
            let mut request = make(Proving { at: made_for, nonce: self.nonce.as_deref() })?;
            let proves = request.proofs.iter().any(|proof| proof.signed_at().is_some());
            self.ports.signer.prove(&mut request).await.map_err(|why| {
                LoginError::new(LoginErrorKind::Configuration, format!("the request cannot be signed: {why}"))
            })?;
            let shown = request.secrets();
            let sent = self.ports.clock.now();
            let answer = self.ports.web.exchange(WebRequest::from_token_request(request, reach)).await;
            let answer = match answer.answer {
                Answer::Failed(failure) if answer.out_of_reach => {
                    return Err(LoginError::out_of_reach(&failure));
                }
                answer => answer,
            };
            let now = self.ports.clock.now();
            let judgement = self.judged(&answer, &shown, now);
            if let Some(date) = judgement.server_time {
                self.clock.hear(date, now);
            }
            let is_new = judgement.dpop_nonce.is_some() && judgement.dpop_nonce != self.nonce;
            if is_new {
                self.nonce.clone_from(&judgement.dpop_nonce);
            }
            let wants_nonce = judgement.verdict == Verdict::RetryImmediately && is_new;
            let other_time =
                apart(self.server_time(), made_for + now.boot.since(sent.boot)) > CLOCK_WRONG_MIN;
            let wrong_time = proves && judgement.verdict == Verdict::PermanentClient && other_time;
            if (wants_nonce || wrong_time) && tries < TRIES_MAX {
                continue;
            }
            return Ok(Asked { answer, judgement, sent });
        }
    }

    fn judged(&self, answer: &Answer, shown: &[Secret], now: Now) -> Judgement {
        let client_secret = match &self.plan.client.auth {
            ClientAuth::Basic(secret) | ClientAuth::Post(secret) => Some(secret),
            _ => None,
        };
        let context = RequestContext {
            sent_refresh_token: None,
            client_secret,
            sent: shown,
            now: now.wall,
            profile: &self.plan.profile,
        };
        judge(answer, &context)
    }
}

/// Learns the server's time from the `Date` of an answer.
pub(crate) fn hear(clock: &mut ServerClock, response: &Response, now: Now) {
    let profile = renewd_core::Profile::generic();
    let context = RequestContext {
        sent_refresh_token: None,
        client_secret: None,
        sent: &[],
        now: now.wall,
        profile: &profile,
    };
    let mut head = response.clone();
    head.body = Secret::from("");
    if let Some(date) = judge(&Answer::Response(head), &context).server_time {
        clock.hear(date, now);
    }
}

fn apart(a: Wall, b: Wall) -> Span {
    a.since(b).max(b.since(a))
}

/// The response of an answer, or why there is none.
pub(crate) fn response<'a>(answer: &'a Answer, place: &str) -> Result<&'a Response, LoginError> {
    match answer {
        Answer::Response(response) => Ok(response),
        Answer::Failed(failure) => Err(LoginError::no_answer(failure).at(place)),
    }
}

/// What a token endpoint's refusal means for a login.
pub(crate) fn refusal(judgement: &Judgement) -> LoginError {
    let said = said(&judgement.evidence);
    match judgement.verdict {
        Verdict::PermanentGrant => {
            LoginError::new(LoginErrorKind::Denied, format!("the server refuses the grant: {said}"))
        }
        Verdict::PermanentClient => LoginError::new(
            LoginErrorKind::Denied,
            format!("the server refuses the client or its request: {said}"),
        )
        .advise("check the client's id, its secret or key, how it proves itself, and the scope"),
        Verdict::Transient | Verdict::RateLimited | Verdict::RetryImmediately => LoginError::new(
            LoginErrorKind::Temporary,
            format!("the token endpoint does not answer well: {said}"),
        ),
        Verdict::Success | Verdict::ProtocolErrorTransient => {
            LoginError::new(LoginErrorKind::Refused, format!("the token endpoint's answer is none: {said}"))
        }
    }
}

/// What came, in one line.
pub(crate) fn said(evidence: &Evidence) -> String {
    let parts = [evidence.answer(), evidence.message.clone()];
    let text: Vec<String> = parts.into_iter().flatten().collect();
    plain_line(&if text.is_empty() { "no answer".to_owned() } else { text.join(": ") }, MESSAGE_MAX_BYTES)
}
