//! What the outside must provide.

use std::task::{Context, Poll};

use async_trait::async_trait;
use renewd_core::{
    Answer, AttemptId, Boot, BootId, Cause, CommitFailure, Fence, Hint, Loaded, Now, Publication, Record,
    Report, Secret, Span, Status, StoreFault, StoreFaultKind, TokenRequest, Wall,
};

use crate::CredentialName;
use crate::prepared::{Prepared, PreparedFor};

/// Sends token requests. One request for one call: no redirect is followed, nothing is retried behind the caller's
/// back, and the future ends only when the request's socket is closed (or the [`Failure`](renewd_core::Failure) says
/// that it is not). Dropping the future does not cancel the request; [`abort`](Self::abort) does.
#[async_trait]
pub trait TokenEndpoint: Send + Sync + 'static {
    /// Sends it and waits for the end. Every failure is an [`Answer`].
    async fn send(&self, attempt: AttemptId, request: TokenRequest) -> Answer;

    /// Closes that attempt's socket, if it is still open; its future then ends.
    fn abort(&self, attempt: AttemptId);
}

/// Holds the right to spend a credential's refresh token. Dropping it gives the right back.
pub trait Claim: Send + Sync {
    /// Whether nobody else can have taken the right meanwhile. Asked once more before a request leaves: the process may
    /// have been stopped since it wrote its intent, or be a fork of the one that did. Where locks are the kernel's this
    /// fails only when somebody removed the lock's file.
    fn is_current(&self) -> bool {
        true
    }
}

/// What must stand in the store before a login, logout or import is written.
#[expect(clippy::exhaustive_enums, reason = "nothing stands there, or a version does")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No record.
    Absent,
    /// A record of exactly this version.
    Version {
        /// Its epoch.
        epoch: u64,
        /// Its generation.
        generation: u64,
    },
}

/// Keeps records. See `docs/refresh-transaction` for the two locks behind it.
#[async_trait]
pub trait CredentialStore: Send + Sync + 'static {
    /// The names of all records, tombstones included, sorted.
    async fn list(&self) -> Result<Vec<CredentialName>, StoreFault>;

    /// Reads a record.
    async fn load(&self, name: &CredentialName) -> Loaded;

    /// Tries once to take the claim, without waiting; `None` when another holds it.
    async fn try_claim(&self, name: &CredentialName) -> Result<Option<Box<dyn Claim>>, StoreFault>;

    /// Writes a record with an intent, durably, and makes room for the commit that follows, so that a full disk is
    /// met before the refresh token is spent. The caller holds the claim.
    async fn mark(&self, name: &CredentialName, record: &Record, fence: &Fence) -> Result<(), CommitFailure>;

    /// Writes a record durably and reads it back. The caller holds the claim. Where no record stands any more (its file
    /// was removed, or was damaged and set aside), one of a newer version than the fence's is written all the same: new
    /// tokens exist nowhere else.
    async fn commit(
        &self,
        name: &CredentialName,
        record: &Record,
        fence: &Fence,
    ) -> Result<(), CommitFailure>;

    /// Writes the record of a login, logout or import durably. Takes *write*, never *claim*.
    async fn put(&self, name: &CredentialName, record: &Record, expect: Expect) -> Result<(), CommitFailure>;

    /// The credential, other than `except`, whose current or previous refresh token this is. An import refuses it.
    async fn holder_of(
        &self,
        refresh_token: &Secret,
        except: Option<&CredentialName>,
    ) -> Result<Option<CredentialName>, StoreFault>;

    /// What was prepared for a login at that server, and at no other.
    ///
    /// # Errors
    /// [`Damaged`](renewd_core::StoreFaultKind::Damaged) where what was kept cannot be read: it was set aside, and the
    /// next call finds nothing. Otherwise as [`load`](Self::load).
    async fn prepared(
        &self,
        _name: &CredentialName,
        _server: &PreparedFor,
    ) -> Result<Option<Prepared>, StoreFault> {
        Ok(None)
    }

    /// Keeps, durably, what a login needs before there is a grant, and gives what is kept for that server from now on: of
    /// two logins that make a key at once, the second gets the first one's. What stands already stays, what is missing is
    /// filled in; what must be another is [forgotten](Self::forget_prepared) first. It is removed by the
    /// [`put`](Self::put) of the login's record, or of a logout's.
    ///
    /// # Errors
    /// When it cannot be kept: nothing may then be said to the server that would have to be kept.
    async fn prepare(&self, _name: &CredentialName, _prepared: &Prepared) -> Result<Prepared, StoreFault> {
        let message =
            "this store keeps nothing before there is a grant: no key and no registration can be made for it";
        Err(StoreFault { kind: StoreFaultKind::Io, message: message.into() })
    }

    /// Forgets what was prepared for that server, or all of it.
    ///
    /// # Errors
    /// When some of it may be there still.
    async fn forget_prepared(
        &self,
        _name: &CredentialName,
        _server: Option<&PreparedFor>,
    ) -> Result<(), StoreFault> {
        Ok(())
    }

    /// A cheap number that changes whenever the record is written by anybody; `None` where nobody else can write.
    fn fingerprint(&self, name: &CredentialName) -> Option<u64>;

    /// Begins to hear of records that are written, by anybody, from here on; none where this store has no way to. The
    /// loop then asks for fingerprints when it hears something, and seldom otherwise. It begins when the first
    /// credential is kept and drops the watch with the last.
    ///
    /// # Errors
    /// When watching is not possible now (the system's limit is reached, the folder is gone). The loop goes on with
    /// fingerprints and tries again later.
    fn watch(&self) -> Result<Option<Box<dyn StoreWatch>>, StoreFault> {
        Ok(None)
    }
}

/// What a [`StoreWatch`] heard.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreChange {
    /// This record may have been written or removed.
    Record(CredentialName),
    /// Some may have been, and nobody knows which.
    Unknown,
}

/// Hears of records that are written. It may hear too much, never too little for long: the loop looks at every record
/// now and then in any case.
pub trait StoreWatch: Send {
    /// The next change. Wakes the task when there is one.
    ///
    /// # Errors
    /// When it will hear no more: the folder was removed or unmounted, say. It is then dropped.
    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<Result<StoreChange, StoreFault>>;
}

/// Reads both clocks. They must be read together.
pub trait Clock: Send + Sync + 'static {
    /// Now, on the boot clock (suspend included) and the wall clock.
    fn now(&self) -> Now;

    /// Which boot the boot clock counts from.
    fn boot_id(&self) -> BootId;

    /// The wall clock as cheaply as it can be read, a few milliseconds late at most: what the fast path compares with
    /// a token's deadline on every call.
    fn coarse_wall(&self) -> Wall {
        self.now().wall
    }

    /// Time since boot *without* suspend, where this clock can tell. When the boot clock gets ahead of it, the
    /// machine slept; without it the loop takes a wake-up that comes far too late for a resume.
    fn awake(&self) -> Option<Span> {
        None
    }
}

/// Waits.
#[async_trait]
pub trait Timer: Send + Sync + 'static {
    /// Ends when the boot clock shows `at`, or up to 30 s later where a suspend hid the time from the timer.
    async fn sleep_until(&self, at: Boot);
}

/// Real entropy.
pub trait Entropy: Send + Sync + 'static {
    /// 128 fresh bits.
    fn attempt_id(&self) -> AttemptId;
}

/// Adds the proofs a request asks for (client assertions, DPoP); core holds no keys.
#[async_trait]
pub trait Signer: Send + Sync + 'static {
    /// Fills in `request.proofs` and clears them.
    ///
    /// # Errors
    /// A sentence for people when a proof cannot be made; the request is then not sent.
    async fn prove(&self, request: &mut TokenRequest) -> Result<(), String>;

    /// The value of a `DPoP` header for a request to a resource server (RFC 9449 §7.1).
    ///
    /// # Errors
    /// A sentence for people when a proof cannot be made; the request is then not sent.
    fn resource_proof(&self, _proof: &ResourceProof<'_>) -> Result<Secret, String> {
        Err("this token is bound to a key, and nothing here can sign with it".into())
    }
}

/// What a resource server is shown beside a token that is bound to a key (RFC 9449 §4.2).
#[derive(Clone, Copy)]
pub struct ResourceProof<'a> {
    /// The key.
    pub key: &'a Secret,
    /// The access token; its hash is the proof's `ath`.
    pub token: &'a Secret,
    /// `htm`.
    pub method: &'a str,
    /// `htu`: the address that the resource server is known by. Query and fragment are cut off.
    pub url: &'a str,
    /// The nonce that this server gave last, if it did (RFC 9449 §9).
    pub nonce: Option<&'a str>,
    /// `iat`.
    pub at: Wall,
}

/// A signer without keys: it serves requests that ask for no proof.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSigner;

#[async_trait]
impl Signer for NoSigner {
    async fn prove(&self, request: &mut TokenRequest) -> Result<(), String> {
        match request.proofs.first() {
            None => Ok(()),
            Some(_) => {
                Err("this credential asks for a proof of possession, and no signing key is configured".into())
            }
        }
    }
}

/// What happened to one credential.
#[non_exhaustive]
#[derive(Clone)]
pub enum Event {
    /// The status changed.
    Changed {
        /// Before.
        from: Status,
        /// After.
        to: Status,
        /// Why.
        cause: Option<Cause>,
    },
    /// Advice for the operator.
    Advise(Hint),
    /// Something happened that journals and metrics want.
    Report(Report),
    /// Callers get this from now on.
    Published(Publication),
}

/// Hears what happens: journal, metrics, hooks. Called from the loop: it must not block and must not fail.
pub trait Observer: Send + Sync + 'static {
    /// One event.
    fn observe(&self, name: &CredentialName, now: Now, event: &Event);

    /// A step of an attempt begins. Events tell what came of it.
    fn step(&self, _name: &CredentialName, _now: Now, _step: Step) {}
}

/// The steps of an attempt to refresh, for traces, in their order. An attempt may end after any of them.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The claim is asked for.
    Claim,
    /// The intent is written.
    Mark,
    /// The request is sent.
    Send,
    /// What came of it is written.
    Commit,
}

impl Step {
    /// `claim`, `mark`, `send` or `commit`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Mark => "mark",
            Self::Send => "send",
            Self::Commit => "commit",
        }
    }
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullObserver;

impl Observer for NullObserver {
    fn observe(&self, _name: &CredentialName, _now: Now, _event: &Event) {}
}
