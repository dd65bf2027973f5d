//! Setups and records to begin from.

use std::sync::Arc;

use renewd_core::*;

pub(crate) const BOOT: BootId = BootId(0xb007);

pub(crate) fn setup() -> Setup {
    setup_with(Policy::default(), Profile::generic(), Client::public("cli"))
}

pub(crate) fn setup_with(policy: Policy, profile: Profile, client: Client) -> Setup {
    Setup {
        policy: Arc::new(policy),
        profile: Arc::new(profile),
        client: Arc::new(client),
        owner: owner("box", BOOT),
    }
}

pub(crate) fn owner(host: &str, boot_id: BootId) -> Arc<Owner> {
    Arc::new(Owner { host: host.into(), boot_id, pid: 1, start_time: 1 })
}

pub(crate) fn at(millis: u64) -> Now {
    Now {
        boot: Boot::from_millis(1_000_000 + millis),
        wall: Wall::from_unix_millis(1_800_000_000_000 + millis as i64),
    }
}

pub(crate) fn identity() -> Identity {
    Identity {
        token_endpoint: "https://as.example/token".into(),
        revocation_endpoint: Some("https://as.example/revoke".into()),
        client_id: "cli".into(),
        profile: "generic".into(),
        ..Identity::default()
    }
}

/// A login with a refresh token and no access token yet.
pub(crate) fn login(epoch: u64) -> Record {
    login_at(epoch, "rt-0", at(0))
}

pub(crate) fn login_at(epoch: u64, refresh_token: &str, now: Now) -> Record {
    let grant =
        GrantMaterial { refresh_token: Some(Secret::from(refresh_token)), ..GrantMaterial::default() };
    Record::new(epoch, identity(), Settings::default(), grant, now)
}

/// A login that is renewed by running its grant again.
pub(crate) fn login_by(epoch: u64, grant_type: GrantType, now: Now) -> Record {
    let settings = Settings { grant_type, ..Settings::default() };
    Record::new(epoch, identity(), settings, GrantMaterial::default(), now)
}

/// A login with an access token of that many seconds.
pub(crate) fn login_with_token(epoch: u64, seconds: u64) -> Record {
    let mut r = login(epoch);
    r.grant.access.push(access("at-0", Stamp::new(at(0), BOOT), seconds));
    r
}

/// A login with an access token and nothing else.
pub(crate) fn access_token_only(seconds: u64) -> Record {
    let mut r = login_with_token(1, seconds);
    r.grant.refresh_token = None;
    r
}

pub(crate) fn access(token: &str, issued: Stamp, seconds: u64) -> Access {
    Access {
        key: AccessKey::default(),
        token: Secret::from(token),
        token_type: "Bearer".into(),
        issued,
        lifetime: Span::from_secs(seconds),
        lifetime_given: true,
        granted: None,
        brought_by: None,
    }
}

/// The intent of a process that died with its request on the wire.
pub(crate) fn dead_mans_intent(record: &Record, marked: Stamp) -> Intent {
    Intent {
        attempt: AttemptId(0xdead),
        generation: record.generation,
        owner: Owner { host: "box".into(), boot_id: marked.boot_id, pid: 666, start_time: 5 },
        marked,
        settled: false,
        doubt: false,
        orphaned: None,
    }
}

pub(crate) const fn secs(n: u64) -> Span {
    Span::from_secs(n)
}

pub(crate) const fn mins(n: u64) -> Span {
    Span::from_mins(n)
}

pub(crate) const fn hours(n: u64) -> Span {
    Span::from_hours(n)
}
