//! Tokens that nobody will use any more are revoked, as best it can be (RFC 7009).
//!
//! Only those of a login that is over. A server ends the whole grant with one of its refresh tokens (RFC 7009 §2.1):
//! whoever loses a race within one login must not revoke what it holds, or it would take the winner's tokens along.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::answer::Answer;
use crate::attempt::AttemptId;
use crate::client::Client;
use crate::command::{Command, Report};
use crate::lifecycle::machine::{Claim, Cx, Machine, Writing};
use crate::lifecycle::state::Out;
use crate::record::{Access, AccessKey, GrantMaterial, Record};
use crate::request::{TokenRequest, TokenTypeHint};
use crate::secret::Secret;
use crate::time::Span;
use statig::Outcome::Handled;

impl Machine {
    /// Whether the login that `old` belongs to has ended with `newer`. A login that was imported again with the same
    /// refresh token goes on.
    pub(crate) fn is_over(&self, old: &Record, newer: &Record) -> bool {
        newer.epoch != old.epoch
            && !same_secret(newer.grant.refresh_token.as_ref(), old.grant.refresh_token.as_ref())
    }

    /// Revokes a record's tokens, refresh token first; nothing happens where the server has no endpoint for it.
    pub(crate) fn revoke(&self, record: &Record, cx: &mut Cx<'_>) {
        let setup = &self.setup;
        let client = Client::clone(&setup.client).named_for(&setup.profile);
        let proving = self.proving();
        let refresh = record.grant.refresh_token.iter().map(|t| (t, TokenTypeHint::RefreshToken));
        let access = record.grant.access.iter().map(|a| (&a.token, TokenTypeHint::AccessToken));
        let requests: Vec<TokenRequest> = refresh
            .chain(access)
            .filter_map(|(token, hint)| {
                TokenRequest::revocation(
                    &record.identity,
                    &client,
                    token,
                    hint,
                    proving,
                    &setup.policy.request,
                )
            })
            .collect();
        if !requests.is_empty() {
            cx.push(Command::Revoke { requests });
        }
    }

    /// New tokens of a login that is over never become durable.
    pub(crate) fn discard(&self, writing: &Writing, newer: &Record, cx: &mut Cx<'_>) {
        let spent = self.record.as_ref().is_none_or(|spent| self.is_over(spent, newer));
        if writing.then.holds_new_tokens() && spent && self.is_over(&writing.record, newer) {
            self.revoke(&writing.record, cx);
        }
    }

    /// The write under way is over, and with it the claim.
    pub(crate) fn drop_write(&mut self, newer: &Record, cx: &mut Cx<'_>) {
        if let Some(writing) = self.writing.take() {
            self.discard(&writing, newer, cx);
        }
        self.save_retry = None;
        self.release(cx);
    }

    /// An answer that nobody waits for: counted and ignored, but for tokens of a login that is over.
    pub(crate) fn late_answer(
        &mut self,
        attempt: AttemptId,
        answer: &Answer,
        sent: &[Secret],
        cx: &mut Cx<'_>,
    ) -> Out {
        self.late_answers = self.late_answers.saturating_add(1);
        cx.report(Report::LateAnswer);
        if self.keep_late_answer(attempt, answer, sent) {
            return self.claim_for_late_answer(cx);
        }
        if self.abandoned.as_ref().is_some_and(|(a, _)| *a == attempt)
            && let Some((_, record)) = self.abandoned.take()
        {
            let stray = self.stray_tokens(record, answer, sent);
            self.revoke(&stray, cx);
        }
        Handled
    }

    /// What came late must be committed under the claim. An attempt that has begun meanwhile finds it by itself.
    fn claim_for_late_answer(&mut self, cx: &mut Cx<'_>) -> Out {
        let under_way = self.writing.is_some() || self.claim != Claim::None || self.claim_poll.is_some();
        if under_way || self.stopping.is_some() { Handled } else { self.begin(self.reason, cx) }
    }

    /// Another record takes the place of the one that a given-up attempt was about. Where that login is over, what the
    /// attempt brought, or will bring, is revoked.
    pub(crate) fn disown_overdue(&mut self, newer: &Record, cx: &mut Cx<'_>) {
        let Some(overdue) = self.overdue.take() else { return };
        let Some(over) = self.record.clone().filter(|old| self.is_over(old, newer)) else { return };
        let attempt = overdue.exchange.attempt;
        match overdue.into_answer() {
            Some((answer, sent)) => {
                let stray = self.stray_tokens(over, &answer, &sent);
                self.revoke(&stray, cx);
            }
            None => self.abandoned = Some((attempt, over)),
        }
    }

    fn stray_tokens(&self, mut record: Box<Record>, answer: &Answer, sent: &[Secret]) -> Box<Record> {
        let judgement = self.judge(answer, sent, &record, &self.setup.client);
        record.grant = GrantMaterial { refresh_token: judgement.refresh_token, ..GrantMaterial::default() };
        record.grant.access.extend(judgement.grant.map(|grant| Access {
            key: AccessKey::default(),
            token: grant.access_token,
            token_type: grant.token_type,
            issued: self.stamp(),
            lifetime: Span::ZERO,
            lifetime_given: false,
            granted: None,
            brought_by: None,
        }));
        record
    }
}

/// Whether both hold the same tokens.
pub(crate) fn same_tokens(a: &GrantMaterial, b: &GrantMaterial) -> bool {
    let mut both = a.access.iter().zip(&b.access);
    same_or_neither(a.refresh_token.as_ref(), b.refresh_token.as_ref())
        && a.access.len() == b.access.len()
        && both.all(|(a, b)| a.token.same_as(b.token.expose()))
}

fn same_secret(a: Option<&Secret>, b: Option<&Secret>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a.same_as(b.expose()))
}

fn same_or_neither(a: Option<&Secret>, b: Option<&Secret>) -> bool {
    same_secret(a, b) || (a.is_none() && b.is_none())
}
