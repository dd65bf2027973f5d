//! The invariants of the refresh transaction, over all processes at once. Numbers are those of its page.

use std::collections::{BTreeMap, BTreeSet};

use renewd_core::*;
use renewd_testkit::{AsModel, TokenVerdict};

use super::disk::Disk;
use super::network::Wire;

#[derive(Default)]
pub(crate) struct Checks {
    /// The record of each mark that became durable.
    marks: BTreeMap<u128, Record>,
    /// Refresh tokens about which an `invalid_grant` reached somebody.
    refused: BTreeSet<String>,
    /// Every refresh token that ever stood in the store.
    stood: BTreeSet<String>,
    /// Refresh tokens that an answer has brought to a living process, and that do not stand in the store yet.
    accepted: BTreeMap<String, usize>,
    logouts: u32,
    /// Requests since the last success or login.
    sent: Vec<u64>,
    reboots: u64,
}

fn token_of(record: &Record) -> Option<&str> {
    record.grant.refresh_token.as_ref()?.expose_str()
}

impl Checks {
    pub(crate) fn marked(&mut self, record: Option<&Record>) {
        if let Some(record) = record
            && let Some(intent) = &record.intent
        {
            self.marks.insert(intent.attempt.0, record.clone());
        }
    }

    pub(crate) fn stands(&mut self, record: Option<&Record>) {
        let Some(token) = record.and_then(token_of) else { return };
        self.stood.insert(token.into());
        self.accepted.remove(token);
    }

    /// Whatever is under way belongs to a login that is over.
    pub(crate) fn logged_in(&mut self) {
        self.sent.clear();
        self.accepted.clear();
    }

    pub(crate) fn logged_out(&mut self) {
        self.accepted.clear();
        self.logouts += 1;
    }

    pub(crate) fn rebooted(&mut self) {
        self.reboots += 1;
    }

    pub(crate) fn reported(&mut self, report: &Report) {
        if let Report::Refreshed { .. } = report {
            self.sent.clear();
        }
    }

    /// An answer reached the process that had asked.
    pub(crate) fn answered(&mut self, p: usize, token: &str, answer: &Answer, stands: Option<&Record>) {
        let Answer::Response(response) = answer else { return };
        let Ok(body) = serde_json::from_slice::<serde_json::Value>(response.body.expose()) else { return };
        if body["error"] == "invalid_grant" {
            self.refused.insert(token.into());
        }
        // Of a login that is over nothing need be kept.
        let current = stands.and_then(token_of) == Some(token);
        if let Some(new) = body["refresh_token"].as_str().filter(|new| current && *new != token) {
            self.accepted.insert(new.into(), p);
        }
    }

    /// A process is no more: what only it had is lost.
    pub(crate) fn died(&mut self, p: usize) {
        self.accepted.retain(|_, holder| *holder != p);
    }

    /// 3: nothing but a death lost tokens that had been received.
    pub(crate) fn nothing_was_dropped(&self) {
        assert!(
            self.accepted.is_empty(),
            "3: process {:?} dropped tokens that it had received",
            self.accepted.values()
        );
    }

    /// A request leaves.
    pub(crate) fn sent(
        &mut self,
        attempt: AttemptId,
        token: &str,
        now_ms: u64,
        disk: &Disk,
        wires: &[Wire],
        setup: &Setup,
    ) {
        let mark = self.marks.get(&attempt.0).expect("2: a durable intent precedes every send");
        assert_eq!(token_of(mark), Some(token), "2: the intent is about the token that is sent");
        assert_eq!(mark.state, RecordState::Active, "10: what was given up sends nothing");
        if let Some(stands) = disk.record.as_ref().filter(|r| r.epoch == mark.epoch) {
            let intent = stands.intent.as_ref().map(|i| i.attempt);
            assert_eq!((intent, token_of(stands)), (Some(attempt), Some(token)), "6: and it is the newest");
        }
        let settle = setup.profile.settle(setup.policy.settle()).as_millis();
        for wire in wires.iter().filter(|w| w.token == token && !w.settled) {
            let closed = wire.closed_ms.expect("1: another request with this token is on the wire");
            assert!(
                now_ms >= closed + settle,
                "1, 7: a request of unknown fate ended {} ms ago",
                now_ms - closed
            );
        }
        self.sent.push(now_ms);
        let since = now_ms - self.sent[0];
        let retry = &setup.policy.retry;
        // A reboot grows no more than one interval's worth; a bucket's refill may have been under way.
        let refilled = since / retry.budget_refill.as_millis() + 1 + 4 * self.reboots;
        let most = u64::from(retry.budget) + refilled;
        assert!(self.sent.len() as u64 <= most, "13: {} requests in {since} ms", self.sent.len());
    }

    /// A status was announced.
    pub(crate) fn changed(&self, to: Status, cause: Option<Cause>, record: Option<&Record>) {
        if to != Status::Unauthenticated {
            return;
        }
        match cause {
            Some(Cause::LoggedOut) => assert!(self.logouts > 0, "9: nobody logged out"),
            Some(Cause::GrantRefused | Cause::RotationLost) => {
                let token = record.and_then(token_of).expect("9: a refusal is about a refresh token");
                assert!(self.refused.contains(token), "9: the server refused no such token");
            }
            other => panic!("9: unauthenticated because of {other:?}"),
        }
    }

    /// A revocation is sent. None may end the login that stands.
    pub(crate) fn revoked(&mut self, token: &str, server: &mut AsModel, disk: &Disk) {
        let grant = server.ordinal(token).map(|o| o.grant);
        let active = disk.record.as_ref().filter(|r| r.state == RecordState::Active);
        let standing = active.and_then(token_of).and_then(|t| server.ordinal(t)).map(|o| o.grant);
        assert!(grant.is_none() || grant != standing, "a login that stands is not revoked");
        server.revoke(token);
    }

    /// Reuse was met only where the rotated token had been lost before it could be saved.
    pub(crate) fn trips(&self, server: &AsModel, issued: impl Fn(&str) -> Option<(u64, u64)>) -> usize {
        let stood: BTreeSet<(u64, u64)> = self.stood.iter().filter_map(|t| issued(t)).collect();
        let mut trips = 0;
        for entry in server.log().filter(|e| e.verdict == Some(TokenVerdict::Reuse)) {
            trips += 1;
            let spent = entry.presented.expect("a known token");
            let first = server
                .log()
                .find(|e| e.presented == Some(spent) && e.verdict == Some(TokenVerdict::Rotated))
                .and_then(|e| e.issued)
                .expect("it was spent once");
            assert!(
                !stood.contains(&(first.grant.0, first.ordinal)),
                "6: a refresh token was sent again although its successor was saved"
            );
        }
        trips
    }
}
