//! The intent: waiting out another's, writing ours, and then the request. Nothing is spent before it is durable.

use alloc::boxed::Box;
use alloc::string::{String, ToString};

use statig::Outcome::Handled;

use crate::attempt::{AttemptId, Fence};
use crate::budget::Budget;
use crate::client::Client;
use crate::command::{Command, Ticket};
use crate::input::{CommitFailure, Loaded, StoreFault, StoreFaultKind};
use crate::lifecycle::commit::Pending;
use crate::lifecycle::machine::{Cx, Exchange, Machine, Writing};
use crate::lifecycle::overdue::Patience;
use crate::lifecycle::state::{Out, State, to};
use crate::record::{Identity, Intent, Record};
use crate::request::{ProofSpec, Proving, TokenRequest};
use crate::time::{Boot, Span};

/// What an intent found under the claim asks for.
pub(crate) enum Standing {
    /// Nothing stands, or what stands is settled.
    Clear { doubt: bool },
    /// A request may still be on the wire until then.
    Unsettled(Boot),
    /// Somebody died; the wait for settling has not begun.
    Orphan,
    /// Another machine's, unsettled.
    Foreign(String),
}

impl Machine {
    pub(crate) fn settle_time(&self) -> Span {
        self.setup.profile.settle(self.setup.policy.settle())
    }

    /// What the intent in the record asks for, and nothing else.
    pub(crate) fn standing(&self, record: &Record) -> Standing {
        let Some(intent) = &record.intent else { return Standing::Clear { doubt: false } };
        if !record.settings.grant_type.spends_refresh_token() {
            // Whatever an earlier attempt does at the server, the same may be asked again.
            return Standing::Clear { doubt: false };
        }
        if intent.generation != record.generation {
            // Of a generation that is over: whatever it did, it cannot touch this one.
            return Standing::Clear { doubt: false };
        }
        if intent.settled {
            return Standing::Clear { doubt: intent.doubt };
        }
        let owner = &self.setup.owner;
        let foreign = intent.owner.host != owner.host && intent.owner.boot_id != owner.boot_id;
        if foreign && !self.setup.policy.accept_foreign_intents {
            return Standing::Foreign(intent.owner.host.clone());
        }
        match intent.orphaned {
            Some(o) if o.boot_id == self.boot_id() => {
                let until = o.boot + self.settle_time();
                if self.now.boot >= until {
                    Standing::Clear { doubt: true }
                } else {
                    Standing::Unsettled(until)
                }
            }
            Some(_) | None => Standing::Orphan,
        }
    }

    /// Writes the intent.
    pub(crate) fn mark(
        &mut self,
        mut record: Box<Record>,
        fence: (u64, u64),
        attempt: AttemptId,
        doubt: bool,
        cx: &mut Cx<'_>,
    ) -> Out {
        let policy = &self.setup.policy;
        let budget = record
            .budget
            .map_or_else(
                || Budget::full(&policy.retry, self.now, self.boot_id()),
                |b| b.grown(&policy.retry, self.now, self.boot_id(), policy.auth_retrying.interval),
            )
            .charged();
        record.budget = Some(budget);
        record.max_wall_seen = record.max_wall_seen.max(self.now.wall);
        record.intent = Some(Intent {
            attempt,
            generation: record.generation,
            owner: (*self.setup.owner).clone(),
            marked: self.stamp(),
            settled: false,
            doubt,
            orphaned: None,
        });
        let ticket = self.ticket();
        let fence = Fence { epoch: fence.0, generation: fence.1, attempt: None };
        self.writing =
            Some(Box::new(Writing { ticket, record: record.clone(), fence, then: Pending::Send(attempt) }));
        cx.push(Command::Mark { ticket, record, fence });
        to(State::Marking)
    }

    pub(crate) fn on_marked(&mut self, ticket: Ticket, cx: &mut Cx<'_>) -> Out {
        let Some(writing) = self.take_writing(ticket) else { return Handled };
        self.store_works(cx);
        self.unwritten = None;
        self.record = Some(writing.record);
        let Pending::Send(attempt) = writing.then else { return self.end_attempt(cx) };
        if self.late_tokens()
            && let Some(out) = self.spend_late_answer(attempt, cx)
        {
            return out;
        }
        if self.stopping.is_some() {
            return self.unmark(attempt, cx);
        }
        let Some(record) = &self.record else { return self.end_attempt(cx) };
        let (identity, client) = self.addressed(record, self.setup.client_for(record));
        let Some(request) = self.request(record, &identity, &client) else { return self.end_attempt(cx) };
        let patience = Patience::new(self.now.boot, self.setup.policy.request.timeout);
        self.exchange = Some(Exchange {
            attempt,
            sent: self.now,
            token_endpoint: request.url.clone(),
            proved_at: request.proofs.iter().find_map(ProofSpec::signed_at),
            nonce: self.dpop_nonce.clone(),
            client,
            target: self.target.clone(),
            patience,
        });
        cx.push(Command::Send { attempt, request: Box::new(request) });
        to(State::Exchanging)
    }

    /// The request that brings the next access token; none where nothing could.
    fn request(&self, record: &Record, identity: &Identity, client: &Client) -> Option<TokenRequest> {
        let policy = &self.setup.policy.request;
        let proving = self.proving();
        if !client.grant_type.spends_refresh_token() {
            return TokenRequest::grant(identity, client, proving, policy);
        }
        let refresh_token = record.grant.refresh_token.as_ref()?;
        Some(TokenRequest::refresh(identity, client, refresh_token, proving, policy))
    }

    /// What goes into proofs that are made now.
    pub(crate) fn proving(&self) -> Proving<'_> {
        Proving { at: self.server_clock.at(self.now), nonce: self.dpop_nonce.as_deref() }
    }

    fn end_attempt(&mut self, cx: &mut Cx<'_>) -> Out {
        self.release(cx);
        to(self.resting())
    }

    /// Shutting down between mark and send: nothing was sent, so nobody need wait for it to settle.
    fn unmark(&mut self, attempt: AttemptId, cx: &mut Cx<'_>) -> Out {
        let Some(mut record) = self.record.clone() else { return self.stop_now(cx) };
        let version = record.version();
        record.intent = record.intent.take().filter(|i| i.doubt).map(|i| Intent { settled: true, ..i });
        self.commit_attempt(record, version, Some(attempt), Pending::Unmark, cx)
    }

    pub(crate) fn on_mark_failed(&mut self, ticket: Ticket, failure: &CommitFailure, cx: &mut Cx<'_>) -> Out {
        let Some(writing) = self.take_writing(ticket) else { return Handled };
        match failure {
            CommitFailure::Fault(fault) => {
                if let Pending::Send(attempt) = writing.then {
                    // It may stand there after all (a failed fsync says so little), but nothing was sent.
                    self.unwritten = Some(attempt);
                }
                self.write_trouble(fault, cx)
            }
            CommitFailure::Fenced(Loaded::Record(r)) if self.version().is_none_or(|m| r.version() > m) => {
                self.adopt(r, cx)
            }
            CommitFailure::Fenced(_) => {
                let message =
                    "the record changed while an intent was being written; reading it again".to_string();
                self.write_trouble(&StoreFault { kind: StoreFaultKind::Io, message }, cx)
            }
        }
    }
}
