//! The record: everything about one credential that must outlive a process.
//!
//! It is written whole and atomically by a store, sealed. Core reads and changes it; how it is laid out on disk is
//! the store's matter.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::attempt::{AttemptId, BootId, Owner};
use crate::budget::Budget;
use crate::grant_type::{GrantType, SigningKey};
use crate::profile::AsClass;
use crate::secret::Secret;
use crate::time::{Boot, Now, Span, Wall};
use crate::verdict::{Evidence, Verdict};

/// The newest layout that this version reads and writes. A record with a greater one is read-only: its refresh token is
/// never spent. What is written is [`Record::layout`], which may be older.
pub const RECORD_FORMAT: u32 = 2;

/// The first layout: a grant that is renewed by its refresh token, and bearer tokens by scope and resource.
const PLAIN_FORMAT: u32 = 1;

/// A moment on both clocks, comparable after a reboot too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The boot that `boot` belongs to.
    pub boot_id: BootId,
    /// On the boot clock.
    pub boot: Boot,
    /// On the wall clock.
    pub wall: Wall,
}

impl Stamp {
    /// That moment.
    pub const fn new(now: Now, boot_id: BootId) -> Self {
        Self { boot_id, boot: now.boot, wall: now.wall }
    }

    /// How long ago: by the boot clock within one boot; else by the wall clock, trusted for at most `reboot_cap`.
    pub fn elapsed(&self, now: Now, boot_id: BootId, reboot_cap: Span) -> Span {
        if self.boot_id == boot_id {
            now.boot.since(self.boot)
        } else {
            now.wall.since(self.wall).min(reboot_cap)
        }
    }
}

/// One credential, whole.
#[derive(Clone, Hash)]
pub struct Record {
    /// The layout it was read from.
    pub format: u32,
    /// Counts logins.
    pub epoch: u64,
    /// Counts the successful refreshes of this login.
    pub generation: u64,
    /// Whether it may be used.
    pub state: RecordState,
    /// To whom it belongs; pinned at login.
    pub identity: Identity,
    /// What `import` or `login` was told; the configuration overrides it by name, never the identity.
    pub settings: Settings,
    /// The tokens.
    pub grant: GrantMaterial,
    /// "This refresh token is about to be spent."
    pub intent: Option<Intent>,
    /// The running `auth_retrying` window.
    pub window: Option<Window>,
    /// Attempts left; none before the first.
    pub budget: Option<Budget>,
    /// When the last success was.
    pub last_refresh: Option<Stamp>,
    /// The server asked to be left alone for a while.
    pub not_before: Option<NotBefore>,
    /// The greatest wall-clock time at which this record was written by a process that trusted its clock.
    pub max_wall_seen: Wall,
    /// The last attempt, for people.
    pub last_attempt: Option<LastAttempt>,
    /// How often a resource server refused a token of this login.
    pub rejections: u64,
    /// The store's keyed digest of the refresh token before this one. Core carries it and never looks inside.
    pub previous_digest: Option<[u8; 32]>,
}

impl Record {
    /// A new login: epoch as given, generation 0, nothing tried yet.
    pub fn new(epoch: u64, identity: Identity, settings: Settings, grant: GrantMaterial, now: Now) -> Self {
        let record = Self {
            format: PLAIN_FORMAT,
            epoch,
            generation: 0,
            state: RecordState::Active,
            identity,
            settings,
            grant,
            intent: None,
            window: None,
            budget: None,
            last_refresh: None,
            not_before: None,
            max_wall_seen: now.wall,
            last_attempt: None,
            rejections: 0,
            previous_digest: None,
        };
        Self { format: record.layout(), ..record }
    }

    /// The oldest layout that says all of it. A version that does not know the newer one would read such a record as
    /// something else: a login without a refresh token as one that is over, a bound token as a bearer token. All others
    /// are written so that it still reads them.
    pub fn layout(&self) -> u32 {
        let Settings {
            client_auth: _,
            client_secret: _,
            scope: _,
            as_class: _,
            grace: _,
            grant_type,
            audience,
            client_key,
            dpop_key,
            registration,
        } = &self.settings;
        let plain = grant_type.spends_refresh_token()
            && audience.is_none()
            && client_key.is_none()
            && dpop_key.is_none()
            && registration.is_none()
            && self.grant.access.iter().all(Access::is_plain);
        if plain { PLAIN_FORMAT } else { RECORD_FORMAT }
    }

    /// Whether the next access token can be had without anybody: by a refresh token, or by a grant that needs none.
    pub const fn is_renewable(&self) -> bool {
        self.grant.refresh_token.is_some() || !self.settings.grant_type.spends_refresh_token()
    }

    /// The record that a logout leaves: the next epoch, no secret in it.
    #[must_use]
    pub fn tombstone(&self, now: Now) -> Self {
        let settings = self.settings.without_secrets();
        let mut t = Self::new(
            self.epoch.saturating_add(1),
            self.identity.clone(),
            settings,
            GrantMaterial::default(),
            now,
        );
        t.state = RecordState::Tombstone { at: now.wall };
        t
    }

    /// (epoch, generation): what only ever grows.
    pub const fn version(&self) -> (u64, u64) {
        (self.epoch, self.generation)
    }

    /// The access token for the scope and resource of the identity itself.
    pub fn access(&self) -> Option<&Access> {
        self.grant.access.first()
    }

    /// The access tokens for other scopes, resources and audiences.
    pub fn other_access(&self) -> impl Iterator<Item = &Access> {
        self.grant.access.iter().skip(1)
    }

    /// The generation that brought this token. Each brings one, so that within a login it names the token.
    pub fn generation_of(&self, access: &Access) -> u64 {
        access.brought_by.unwrap_or(self.generation)
    }

    /// The key that this token is bound to: none for one that the server gave as a bearer token, which it may although it
    /// was shown a proof (RFC 9449 §5).
    pub fn proof_key(&self, access: &Access) -> Option<&Secret> {
        self.settings.dpop_key.as_ref().filter(|_| access.token_type.eq_ignore_ascii_case("DPoP"))
    }
}

/// Whether a record may be used.
#[expect(clippy::exhaustive_enums, reason = "the record's format closes it; a new state is a new format")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordState {
    /// In use.
    Active,
    /// Given up; nothing is sent until a new epoch or a newer record.
    Refused {
        /// Why.
        cause: RefusedCause,
        /// Since when.
        at: Wall,
    },
    /// Logged out.
    Tombstone {
        /// Since when.
        at: Wall,
    },
}

/// Why a grant was given up.
#[expect(clippy::exhaustive_enums, reason = "the record's format closes it; a new cause is a new format")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusedCause {
    /// The authorization server refused the grant.
    GrantRefused,
    /// The refresh token had been rotated and the answer lost.
    RotationLost,
    /// The ceiling of `auth_retrying`, and one more failed attempt.
    Ceiling,
    /// Its known expiry passed.
    RefreshTokenExpired,
    /// There is none, and the access token is over.
    NoRefreshToken,
}

/// To whom a credential belongs. Pinned at login: a configuration that names another is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The issuer (RFC 8414), where known.
    pub issuer: Option<String>,
    /// Where the refresh token goes, and nowhere else.
    pub token_endpoint: String,
    /// Where revocations go (RFC 7009).
    pub revocation_endpoint: Option<String>,
    /// `client_id`.
    pub client_id: String,
    /// The resource asked for (RFC 8707).
    pub resource: Option<String>,
    /// The provider profile's name.
    pub profile: String,
}

/// What the login was told besides the identity.
#[derive(Clone, Default, Hash)]
pub struct Settings {
    /// `none`, `basic`, `post` or `private_key_jwt`; none means: what the secret or key at hand allows.
    pub client_auth: Option<String>,
    /// The client's secret.
    pub client_secret: Option<Secret>,
    /// Space-separated.
    pub scope: Option<String>,
    /// How the server treats spent refresh tokens, where the user said.
    pub as_class: Option<AsClass>,
    /// The grace, where the user said.
    pub grace: Option<Span>,
    /// How it is renewed.
    pub grant_type: GrantType,
    /// `audience` (see [`Client::audience`](crate::Client::audience)).
    pub audience: Option<String>,
    /// The client's key (RFC 7523 §2.2).
    pub client_key: Option<SigningKey>,
    /// The key that the tokens are bound to (RFC 9449); none: bearer tokens.
    pub dpop_key: Option<Secret>,
    /// What the server said when it registered this client (RFC 7591).
    pub registration: Option<Registration>,
}

impl Settings {
    /// What is left of them after a logout: nothing that could be used.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        Self {
            client_auth: self.client_auth.clone(),
            client_secret: None,
            scope: self.scope.clone(),
            as_class: self.as_class,
            grace: self.grace,
            // Its parts hold keys and tokens, or say where they lie: a login says it anew.
            grant_type: GrantType::RefreshToken,
            audience: self.audience.clone(),
            client_key: None,
            dpop_key: None,
            registration: None,
        }
    }
}

/// A dynamic registration (RFC 7591 §3.2.1). Its client id stands in the identity, its secret in the settings.
#[derive(Clone, Default, Hash)]
pub struct Registration {
    /// Where it was made.
    pub endpoint: String,
    /// When.
    pub at: Wall,
    /// `client_secret_expires_at`; none: never.
    pub secret_expires: Option<Wall>,
    /// `registration_client_uri` (RFC 7592 §3).
    pub client_uri: Option<String>,
    /// `registration_access_token` (RFC 7592 §3).
    pub access_token: Option<Secret>,
}

/// The tokens of a grant.
#[derive(Clone, Default, Hash)]
pub struct GrantMaterial {
    /// The refresh token; none where the grant came without one.
    pub refresh_token: Option<Secret>,
    /// When it ends, where the server said.
    pub rt_expiry: Option<RtExpiry>,
    /// The last ID token.
    pub id_token: Option<Secret>,
    /// Access tokens by (scope, resource); the first is the identity's own.
    pub access: Vec<Access>,
}

/// When a refresh token ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RtExpiry {
    /// When the request that brought it was sent.
    pub issued: Stamp,
    /// How long it lives.
    pub lifetime: Span,
}

/// What an access token is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AccessKey {
    /// Space-separated scope. Of the identity's own token as granted, of another as it was asked for, in order.
    pub scope: Option<String>,
    /// The resource (RFC 8707).
    pub resource: Option<String>,
    /// The audience, where the server knows resources by names of its own.
    pub audience: Option<String>,
}

impl AccessKey {
    /// The same, written in one way: what is empty is not named, and the words of a scope stand in order, each once
    /// (RFC 6749 §3.3: their order says nothing).
    #[must_use]
    pub fn in_order(&self) -> Self {
        let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let scope = self.scope.as_ref().map(|scope| {
            let mut words: Vec<&str> = scope.split_ascii_whitespace().collect();
            words.sort_unstable();
            words.dedup();
            words.join(" ")
        });
        Self { scope: named(&scope), resource: named(&self.resource), audience: named(&self.audience) }
    }

    /// Whether nothing is named.
    pub const fn is_own(&self) -> bool {
        self.scope.is_none() && self.resource.is_none() && self.audience.is_none()
    }
}

/// In words, for people: `resource https://a.example, scope read write`.
impl fmt::Display for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("resource", &self.resource), ("audience", &self.audience), ("scope", &self.scope)];
        let mut between = "";
        for (name, value) in parts {
            if let Some(value) = value {
                write!(f, "{between}{name} {value}")?;
                between = ", ";
            }
        }
        if between.is_empty() { f.write_str("the login's own") } else { Ok(()) }
    }
}

/// An access token.
#[derive(Clone, Hash)]
pub struct Access {
    /// What it is for.
    pub key: AccessKey,
    /// The token.
    pub token: Secret,
    /// `Bearer`, as the server wrote it.
    pub token_type: String,
    /// When the request that brought it was *sent*: its lifetime counts from there.
    pub issued: Stamp,
    /// How long it lives; the policy's default where the answer gave nothing usable.
    pub lifetime: Span,
    /// Whether the answer gave the lifetime.
    pub lifetime_given: bool,
    /// The scope that was granted, where the server named another than was asked for (RFC 6749 §5.1).
    pub granted: Option<String>,
    /// The generation that brought it, where a later one brought a token for something else. None: the record's own.
    pub brought_by: Option<u64>,
}

impl Access {
    /// Whether the first layout says all of it.
    const fn is_plain(&self) -> bool {
        self.key.audience.is_none() && self.granted.is_none() && self.brought_by.is_none()
    }

    /// Its expiry on the wall clock.
    pub fn expires_wall(&self) -> Wall {
        self.issued.wall + self.lifetime
    }

    /// The scope it was granted for, where known.
    pub fn scope(&self) -> Option<&str> {
        self.granted.as_deref().or(self.key.scope.as_deref())
    }

    /// What is left of it: the lesser of what the two clocks say; over a reboot only the wall clock can be asked.
    pub fn remaining(&self, now: Now, boot_id: BootId) -> Span {
        let wall = self.expires_wall().since(now.wall);
        if self.issued.boot_id == boot_id {
            wall.min((self.issued.boot + self.lifetime).since(now.boot))
        } else {
            wall
        }
    }
}

/// The durable mark that a refresh token is about to be spent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Intent {
    /// The attempt.
    pub attempt: AttemptId,
    /// The generation whose refresh token it spends.
    pub generation: u64,
    /// Who wrote it. Shown, never decided on.
    pub owner: Owner,
    /// When.
    pub marked: Stamp,
    /// True when the request can no longer take effect at the server: it ended, or its settle time passed.
    pub settled: bool,
    /// True when this attempt, or an earlier one of this generation, may have rotated the refresh token.
    pub doubt: bool,
    /// Since when somebody is waiting for it to settle.
    pub orphaned: Option<Orphaned>,
}

/// The start of a settle wait. Another boot restarts it; the wall clock is never asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Orphaned {
    /// The boot that `boot` belongs to.
    pub boot_id: BootId,
    /// On the boot clock.
    pub boot: Boot,
}

/// A running `auth_retrying` window.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Time in it so far, by the boot clock; over a reboot the wall difference, at most one interval.
    pub accumulated: Span,
    /// When `accumulated` was last brought up to date.
    pub counted: Stamp,
    /// When it began, for people.
    pub since: Wall,
    /// Attempts in it.
    pub attempts: u32,
    /// The last attempt in it, or the one that began it.
    pub last_attempt_at: Stamp,
    /// The client is refused rather than the network down: the ceiling does not apply.
    pub client_refused: bool,
}

/// A wait that the server asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotBefore {
    /// Counted from here.
    pub from: Stamp,
    /// For so long.
    pub wait: Span,
}

/// The last attempt, for people.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LastAttempt {
    /// When it ended.
    pub at: Wall,
    /// What it meant.
    pub verdict: Verdict,
    /// What it looked like.
    pub evidence: Evidence,
}
