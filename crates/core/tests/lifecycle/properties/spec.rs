//! Hostile values, described by plain data so that a failing case can be printed: records have no `Debug`.

use proptest::prelude::*;
use renewd_core::*;

use crate::host::*;

/// Times at the edges, and some in the middle.
pub(super) fn nows() -> impl Strategy<Value = Now> {
    let boot = prop_oneof![Just(0u64), Just(1), Just(u64::MAX), Just(u64::MAX / 2), 0u64..10_000_000];
    let wall = prop_oneof![
        Just(i64::MIN),
        Just(i64::MAX),
        Just(0i64),
        any::<i64>(),
        1_800_000_000_000i64..1_800_010_000_000
    ];
    (boot, wall)
        .prop_map(|(boot, wall)| Now { boot: Boot::from_millis(boot), wall: Wall::from_unix_millis(wall) })
}

pub(super) fn spans() -> impl Strategy<Value = Span> {
    prop_oneof![
        Just(Span::ZERO),
        Just(Span::MAX),
        any::<u64>().prop_map(Span::from_millis),
        (0u64..100).prop_map(secs)
    ]
}

pub(super) fn versions() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..4, Just(u64::MAX)]
}

/// A record of any kind.
#[derive(Clone, Debug)]
pub(super) struct RecordSpec {
    version: (u64, u64),
    kind: u8,
    stamps: (Stamp, Stamp),
    spans: (Span, Span),
    left: u32,
    flags: [bool; 6],
    /// Whether it is a login at another server.
    pub(super) elsewhere: bool,
    /// Whether it is renewed by running its grant again.
    by_grant: bool,
}

/// Two servers that know nothing of each other. What each gives out has its name in it.
pub(super) const SERVERS: [&str; 2] = ["https://as.example/token", "https://other.example/token"];

/// A refresh token of that server.
pub(super) fn token_of(server: &str, name: &str) -> String {
    format!("{name}.of.{}", server.trim_start_matches("https://").trim_end_matches("/token"))
}

pub(super) fn records() -> impl Strategy<Value = RecordSpec> {
    let stamps = (nows(), prop_oneof![Just(BOOT), Just(BootId(9))])
        .prop_map(|(now, boot_id)| Stamp::new(now, boot_id))
        .boxed();
    (
        (versions(), versions()),
        0u8..6,
        (stamps.clone(), stamps),
        (spans(), spans()),
        any::<u32>(),
        any::<[bool; 6]>(),
        (prop::bool::weighted(0.3), prop::bool::weighted(0.2)),
    )
        .prop_map(|(version, kind, stamps, spans, left, flags, (elsewhere, by_grant))| RecordSpec {
            elsewhere,
            by_grant,
            version,
            kind,
            stamps,
            spans,
            left,
            flags,
        })
}

impl RecordSpec {
    pub(super) fn build(&self) -> Record {
        let (stamp, other) = self.stamps;
        let (lifetime, wait) = self.spans;
        let [rt, at, intent, window, settled, doubt] = self.flags;
        let mut r = login(self.version.0);
        r.generation = self.version.1;
        r.format = if self.kind == 5 { RECORD_FORMAT + 1 } else { RECORD_FORMAT };
        r.state = match self.kind {
            0 => RecordState::Tombstone { at: stamp.wall },
            1 => RecordState::Refused { cause: RefusedCause::Ceiling, at: stamp.wall },
            2 => RecordState::Refused { cause: RefusedCause::GrantRefused, at: stamp.wall },
            _ => RecordState::Active,
        };
        let server = SERVERS[usize::from(self.elsewhere)];
        r.identity.token_endpoint = server.into();
        if self.by_grant {
            r.settings.grant_type = GrantType::ClientCredentials;
        }
        r.grant.refresh_token = rt.then(|| Secret::from(token_of(server, "rt")));
        r.grant.rt_expiry = settled.then_some(RtExpiry { issued: other, lifetime });
        if at {
            r.grant.access.push(Access { lifetime, ..access("at", stamp, 1) });
        }
        if intent {
            let orphaned = doubt.then_some(Orphaned { boot_id: other.boot_id, boot: other.boot });
            r.intent = Some(Intent { settled, doubt, orphaned, ..dead_mans_intent(&r, other) });
        }
        r.window = window.then_some(Window {
            accumulated: wait,
            counted: stamp,
            since: other.wall,
            attempts: self.left,
            last_attempt_at: other,
            client_refused: doubt,
        });
        r.budget = settled.then_some(Budget { left: self.left, since: other });
        r.last_refresh = doubt.then_some(other);
        r.not_before = window.then_some(NotBefore { from: other, wait });
        r.max_wall_seen = other.wall;
        r.rejections = self.version.1;
        r
    }
}

/// What reading the store gives.
#[derive(Clone, Debug)]
pub(super) enum LoadSpec {
    Absent,
    Record(RecordSpec),
    RolledBack(RecordSpec, (u64, u64)),
    Fault,
}

pub(super) fn loads() -> impl Strategy<Value = LoadSpec> {
    prop_oneof![
        1 => Just(LoadSpec::Absent),
        6 => records().prop_map(LoadSpec::Record),
        1 => (records(), (versions(), versions())).prop_map(|(r, v)| LoadSpec::RolledBack(r, v)),
        1 => Just(LoadSpec::Fault),
    ]
}

pub(super) fn fault() -> StoreFault {
    StoreFault { kind: StoreFaultKind::Io, message: "broken".into() }
}

impl LoadSpec {
    pub(super) fn build(&self) -> Loaded {
        match self {
            Self::Absent => Loaded::Absent,
            Self::Record(r) => Loaded::Record(Box::new(r.build())),
            Self::RolledBack(r, greatest) => {
                Loaded::RolledBack { record: Box::new(r.build()), greatest: *greatest }
            }
            Self::Fault => Loaded::Fault(fault()),
        }
    }

    /// As the reason why a write failed.
    pub(super) fn failure(&self) -> CommitFailure {
        match self {
            Self::Fault => CommitFailure::Fault(fault()),
            Self::Absent | Self::Record(_) | Self::RolledBack(..) => CommitFailure::Fenced(self.build()),
        }
    }
}

/// An answer of that server by number, with what a broken transport might say of it.
pub(super) fn answer(server: &str, n: u8, bytes: bool, closed: bool) -> Answer {
    let new = |name: &str| token_of(server, name);
    let ok = |expires_in: &str| {
        let new = new("r");
        json(200, format!(r#"{{"access_token":"a","expires_in":{expires_in},"refresh_token":"{new}"}}"#))
    };
    match n {
        0 => ok("3600"),
        1 => ok("1e300"),
        2 => ok("-1"),
        3 => ok("18446744073709551615"),
        4 => json(200, format!(r#"{{"refresh_token":"{}","expires_in":1}}"#, new("r2"))),
        5 => json(200, format!(r#"{{"refresh_token":"{}","error":"invalid_grant"}}"#, new("r3"))),
        6 => refused(400, "invalid_grant"),
        7 => refused(401, "invalid_client"),
        8 => limited(u32::MAX),
        9 => response(425, "text/plain", ""),
        10 => response(503, "text/html", "<p>"),
        _ => Answer::Failed(Failure {
            kind: FailureKind::Other,
            sent: if bytes { Sent::Bytes } else { Sent::Nothing },
            closed,
            message: "\u{0}\u{202e}".into(),
        }),
    }
}

pub(super) fn policies() -> impl Strategy<Value = Policy> {
    (spans(), spans(), spans(), prop_oneof![Just(0u32), Just(u32::MAX), 1u32..5], any::<bool>()).prop_map(
        |(a, b, c, n, foreign)| Policy {
            refresh: RefreshPolicy {
                window: Some(a),
                mandatory: Some(b),
                min_interval: Some(c),
                settle: Some(a),
            },
            retry: RetryPolicy { initial: a, max: b, tries: n, elapsed: c, budget: n, budget_refill: b },
            auth_retrying: AuthRetryingPolicy { interval: c, ceiling: a },
            request: RequestPolicy { timeout: b, connect_timeout: c },
            lifetime_default: a,
            accept_foreign_intents: foreign,
            shutdown_grace: c,
        },
    )
}
