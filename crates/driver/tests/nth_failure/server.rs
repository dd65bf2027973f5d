//! The server of the story: the model of an authorization server behind the endpoint's port, with one failure planned.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;
use renewd_testkit::{AsClass, AsConfig, AsModel, TokenForm};

/// From sending to the answer.
const LATENCY: Span = Span::from_millis(200);

/// How a request fails.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken {
    pub(crate) kind: FailureKind,
    pub(crate) sent: Sent,
    /// The server got the request and did its part; only the answer is lost.
    pub(crate) processed: bool,
}

/// Looks into the store while a request is on its way, as another process would.
pub(crate) type Look = Box<dyn Fn() -> Loaded + Send + Sync>;

pub(crate) struct Server {
    clock: VirtualClock,
    pub(crate) model: Mutex<AsModel>,
    /// The request of that number fails, once.
    plan: Mutex<Option<(u64, Broken)>>,
    requests: Mutex<u64>,
    look: Mutex<Option<Look>>,
    /// What was wrong with requests. Kept, not panicked about: the loop survives a port that panics.
    problems: Mutex<Vec<String>>,
    /// How many requests were looked at on their way.
    looked: Mutex<u64>,
}

impl Server {
    pub(crate) fn new(clock: &VirtualClock, class: AsClass) -> Arc<Self> {
        let config = AsConfig { class, client_id: "cli".into(), ..AsConfig::default() };
        Arc::new(Self {
            clock: clock.clone(),
            model: Mutex::new(AsModel::new(config)),
            plan: Mutex::default(),
            requests: Mutex::default(),
            look: Mutex::default(),
            problems: Mutex::default(),
            looked: Mutex::default(),
        })
    }

    /// The n-th request fails.
    pub(crate) fn break_nth(&self, n: u64, broken: Broken) {
        *self.plan.lock().unwrap() = Some((n, broken));
    }

    /// Whether the failure that was planned has not come.
    pub(crate) fn waiting(&self) -> bool {
        self.plan.lock().unwrap().is_some()
    }

    pub(crate) fn look_with(&self, look: Look) {
        *self.look.lock().unwrap() = Some(look);
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now().boot.as_millis()
    }

    fn arrives(&self) -> Option<Broken> {
        let mut requests = self.requests.lock().unwrap();
        *requests += 1;
        self.plan.lock().unwrap().take_if(|(n, _)| *n == *requests).map(|(_, broken)| broken)
    }

    /// What was wrong with requests.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.problems.lock().unwrap().clone()
    }

    /// How many requests were looked at on their way.
    pub(crate) fn looked(&self) -> u64 {
        *self.looked.lock().unwrap()
    }

    /// A durable intent of this very attempt stands there, beside the very refresh token that is sent.
    fn check_announced(&self, attempt: AttemptId, form: &TokenForm) {
        let look = self.look.lock().unwrap();
        let Some(look) = look.as_ref() else { return };
        *self.looked.lock().unwrap() += 1;
        let problem = match look() {
            Loaded::Record(record) => {
                let intent = record.intent.as_ref().map(|intent| intent.attempt);
                let token = record.grant.refresh_token.as_ref().and_then(Secret::expose_str);
                if intent != Some(attempt) {
                    Some("a request was sent without an intent that says so".to_owned())
                } else if token != form.refresh_token.as_deref() {
                    Some("another refresh token was sent than the store's".to_owned())
                } else {
                    None
                }
            }
            Loaded::Fault(fault) => Some(format!("while a request is on its way: {}", fault.message)),
            Loaded::Absent | Loaded::RolledBack { .. } => {
                Some("no record while a request is on its way".into())
            }
        };
        self.problems.lock().unwrap().extend(problem);
    }
}

#[async_trait]
impl TokenEndpoint for Server {
    async fn send(&self, attempt: AttemptId, request: TokenRequest) -> Answer {
        let Ok(form) = TokenForm::parse(request.body.expose(), None) else {
            self.problems.lock().unwrap().push("a request that is no form".into());
            return Answer::Failed(failure(Broken {
                kind: FailureKind::Other,
                sent: Sent::Bytes,
                processed: false,
            }));
        };
        self.check_announced(attempt, &form);
        let broken = self.arrives();
        self.clock.sleep(LATENCY).await;
        if let Some(broken) = broken {
            if broken.processed {
                self.model.lock().unwrap().token_request(self.now_ms(), &form);
            }
            return Answer::Failed(failure(broken));
        }
        let reply = self.model.lock().unwrap().token_request(self.now_ms(), &form);
        Answer::Response(Response {
            status: reply.status,
            headers: reply.headers,
            body: Secret::new(reply.body),
            truncated: false,
        })
    }

    fn abort(&self, _: AttemptId) {}
}

fn failure(broken: Broken) -> Failure {
    Failure { kind: broken.kind, sent: broken.sent, closed: true, message: broken.kind.name().into() }
}
