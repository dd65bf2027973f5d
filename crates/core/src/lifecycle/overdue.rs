//! A request whose end is not reported: the transport has a deadline of its own and owes an answer, but its bug must
//! not hold the claim for ever.
//!
//! The wait is generous, because giving up costs doubt. When the deadline and a margin have passed, one more margin
//! is granted from the moment at which that is noticed: a process that was stopped, and its transport with it, may
//! have the answer in its hands already. Then the transport is told to abort, and a last margin later the attempt
//! counts as one without a complete answer, on a socket of which nobody knows that it is closed: in doubt, not
//! settled. An answer that comes after all is matched by its attempt: as long as that attempt's intent stands, the
//! tokens in it are as good as ever, and are committed under the claim instead of sending anything.

use alloc::vec::Vec;

use statig::Outcome::Handled;

use crate::answer::{Answer, Failure, FailureKind, Sent};
use crate::attempt::AttemptId;
use crate::command::Command;
use crate::lifecycle::machine::{Cx, Exchange, Machine};
use crate::lifecycle::state::Out;
use crate::record::{Intent, Record, RecordState};
use crate::secret::Secret;
use crate::time::{Boot, Span};

/// What a transport gets beyond its own deadline, three times over.
pub(crate) const ANSWER_MARGIN: Span = Span::from_secs(5);

/// How far the wait for an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Patience {
    pub(crate) until: Boot,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// The transport has its time.
    Due,
    /// It is over; perhaps for this process as a whole, which was stopped.
    Late,
    /// It was told to abort.
    Aborted,
}

impl Patience {
    pub(crate) fn new(now: Boot, timeout: Span) -> Self {
        Self { until: now + timeout + ANSWER_MARGIN, stage: Stage::Due }
    }
}

/// An attempt that was given up without an answer.
#[derive(Clone, Hash)]
pub(crate) struct Overdue {
    pub(crate) exchange: Exchange,
    /// What came after all, where it is worth having, and the secrets that its request had shown.
    answer: Option<(Answer, Vec<Secret>)>,
}

impl Overdue {
    /// What came after all.
    pub(crate) fn into_answer(self) -> Option<(Answer, Vec<Secret>)> {
        self.answer
    }
}

impl Machine {
    /// The machine slept, and the transport's clock with it: it has its time anew.
    pub(crate) fn answer_after_resume(&mut self) -> Out {
        let patience = Patience::new(self.now.boot, self.setup.policy.request.timeout);
        if let Some(exchange) = self.exchange.as_mut().filter(|x| x.patience.stage != Stage::Aborted) {
            exchange.patience = patience;
        }
        Handled
    }

    pub(crate) fn answer_when_due(&mut self, cx: &mut Cx<'_>) -> Out {
        let next = self.now.boot + ANSWER_MARGIN;
        let Some(exchange) = self.exchange.as_mut().filter(|x| x.patience.until <= self.now.boot) else {
            return Handled;
        };
        match exchange.patience.stage {
            Stage::Due => exchange.patience = Patience { until: next, stage: Stage::Late },
            Stage::Late => {
                exchange.patience = Patience { until: next, stage: Stage::Aborted };
                cx.push(Command::Abort { attempt: exchange.attempt });
            }
            Stage::Aborted => {
                let overdue = Overdue { exchange: exchange.clone(), answer: None };
                let attempt = exchange.attempt;
                let out = self.on_answer(attempt, &no_answer(), &[], cx);
                self.overdue = Some(overdue.into());
                return out;
            }
        }
        Handled
    }

    /// An answer to an attempt that was given up. True when it brings tokens for what is still in doubt.
    pub(crate) fn keep_late_answer(&mut self, attempt: AttemptId, answer: &Answer, sent: &[Secret]) -> bool {
        let Some(mut overdue) = self.overdue.take_if(|o| o.exchange.attempt == attempt) else { return false };
        let Some(record) = self.record.as_ref().filter(|r| is_about(r, &overdue.exchange)) else {
            return false;
        };
        let judgement = self.judge(answer, sent, record, &overdue.exchange.client);
        let useful = judgement.refresh_token.is_some() || judgement.grant.is_some();
        if useful {
            overdue.answer = Some((answer.clone(), sent.to_vec()));
            self.overdue = Some(overdue);
        }
        useful
    }

    /// Whether tokens wait here for the claim, to be committed.
    pub(crate) fn late_tokens(&self) -> bool {
        self.overdue.as_ref().is_some_and(|o| o.answer.is_some())
    }

    /// Under the claim: what came late is committed rather than sent for again, as long as it is about what stands.
    pub(crate) fn use_late_answer(&mut self, cx: &mut Cx<'_>) -> Option<Out> {
        let record = self.record.as_ref()?;
        let exchange = &self.overdue.as_ref()?.exchange;
        let attempt = exchange.attempt;
        if !is_about(record, exchange) {
            self.overdue = None;
            return None;
        }
        self.spend_late_answer(attempt, cx)
    }

    /// The same, once an intent of a new attempt stands in the store and nothing has been sent for it.
    pub(crate) fn spend_late_answer(&mut self, standing: AttemptId, cx: &mut Cx<'_>) -> Option<Out> {
        let Overdue { exchange, answer } = *self.overdue.take_if(|o| o.answer.is_some())?;
        self.exchange = Some(Exchange { attempt: standing, ..exchange });
        let (answer, sent) = answer?;
        Some(self.on_answer(standing, &answer, &sent, cx))
    }
}

/// Whether it is that attempt's outcome that the record does not know.
fn is_about(record: &Record, exchange: &Exchange) -> bool {
    let stands = |i: &Intent| i.attempt == exchange.attempt && i.generation == record.generation;
    record.state == RecordState::Active
        && exchange.is_to(&record.identity)
        && record.intent.as_ref().is_some_and(stands)
}

fn no_answer() -> Answer {
    Answer::Failed(Failure {
        kind: FailureKind::Timeout,
        sent: Sent::Bytes,
        closed: false,
        message: "the transport reported no end of the request, long after its deadline".into(),
    })
}
