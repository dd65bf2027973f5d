//! Counters of one proxy, for the agent's `/metrics` and for tests.

use std::sync::atomic::{AtomicU64, Ordering};

/// How a request ended, as far as the proxy can say: by its answer's head.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The upstream's answer went back.
    Forwarded,
    /// The upstream's answer to the replay went back.
    Replayed,
    /// The upstream's 401 went back: the body could not be replayed, or another token would not have helped.
    RejectionPassed,
    /// 503: no token now.
    AuthRetrying,
    /// 503: no token until somebody logs in.
    LoginRequired,
    /// 502: the upstream cannot be reached, or answered nothing usable.
    UpstreamUnreachable,
    /// 504: the upstream took too long.
    UpstreamTimeout,
    /// 4xx of ours: a browser's cross-site request, a foreign host, a wrong secret, a malformed target.
    Refused,
}

impl Outcome {
    /// All of them, in the order of the counters.
    pub const ALL: [Self; 8] = [
        Self::Forwarded,
        Self::Replayed,
        Self::RejectionPassed,
        Self::AuthRetrying,
        Self::LoginRequired,
        Self::UpstreamUnreachable,
        Self::UpstreamTimeout,
        Self::Refused,
    ];

    /// The value of the metric's label `outcome`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Replayed => "replayed",
            Self::RejectionPassed => "rejection_passed",
            Self::AuthRetrying => "auth_retrying",
            Self::LoginRequired => "login_required",
            Self::UpstreamUnreachable => "upstream_unreachable",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::Refused => "refused",
        }
    }
}

/// The counters of one proxy, over its life and over reconfigurations.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: [AtomicU64; Outcome::ALL.len()],
    replays: AtomicU64,
    nonce_repeats: AtomicU64,
    connections: AtomicU64,
    strangers: AtomicU64,
}

impl Metrics {
    /// Requests that ended so.
    pub fn requests(&self, outcome: Outcome) -> u64 {
        self.requests[outcome as usize].load(Ordering::Relaxed)
    }

    /// Requests sent a second time with a newer token: `renewd_replays_total`.
    pub fn replays(&self) -> u64 {
        self.replays.load(Ordering::Relaxed)
    }

    /// Requests sent a second time with the same token, because the upstream wanted its nonce in the proof (RFC 9449
    /// §9).
    pub fn nonce_repeats(&self) -> u64 {
        self.nonce_repeats.load(Ordering::Relaxed)
    }

    /// Connections accepted and let in.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Connections closed at once because another user, or nobody that could be told, stood behind them.
    pub fn strangers(&self) -> u64 {
        self.strangers.load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self, outcome: Outcome) {
        self.requests[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_replay(&self) {
        self.replays.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_nonce_repeat(&self) {
        self.nonce_repeats.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one, and gives how many there were.
    pub(crate) fn count_stranger(&self) -> u64 {
        self.strangers.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_own_counter_and_name() {
        let metrics = Metrics::default();
        for (times, outcome) in Outcome::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| metrics.count(outcome));
        }
        for (times, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(metrics.requests(outcome), times as u64, "{}", outcome.name());
        }
        let mut names: Vec<_> = Outcome::ALL.into_iter().map(Outcome::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Outcome::ALL.len());
    }
}
