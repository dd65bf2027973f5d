//! Port calls as futures. A port that panics is a port that failed: it must not take the other credentials down.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use renewd_core::{
    Answer, AttemptId, CommitFailure, Failure, FailureKind, Fence, Loaded, Record, Secret, Sent, StoreFault,
    StoreFaultKind, Ticket, TokenRequest,
};

use crate::CredentialName;
use crate::driver::Ports;
use crate::ports::{Claim, CredentialStore, TokenEndpoint};

use super::Slot;

/// A port call that ended.
pub(super) struct Done {
    pub(super) slot: Slot,
    pub(super) birth: u32,
    pub(super) outcome: Outcome,
}

pub(super) enum Outcome {
    Loaded(Loaded),
    Claimed(Result<Option<Granted>, StoreFault>),
    Marked(Ticket, Result<(), CommitFailure>),
    Committed(Ticket, Result<(), CommitFailure>),
    /// And the secrets that the signer had added to its request.
    Answered {
        attempt: AttemptId,
        answer: Answer,
        sent: Vec<Secret>,
    },
    Revoked,
}

/// A claim, and the record as it was read under it.
pub(super) struct Granted {
    pub(super) claim: Box<dyn Claim>,
    pub(super) loaded: Loaded,
}

/// Whose call it is.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub(super) slot: Slot,
    pub(super) birth: u32,
}

impl Caller {
    /// The call as a future that ends, whatever the port does.
    fn guarded(
        self,
        call: impl Future<Output = Outcome> + Send + 'static,
        on_panic: impl FnOnce() -> Outcome + Send + 'static,
    ) -> BoxFuture<'static, Done> {
        let Self { slot, birth } = self;
        AssertUnwindSafe(call)
            .catch_unwind()
            .map(move |ended| Done { slot, birth, outcome: ended.unwrap_or_else(|_| on_panic()) })
            .boxed()
    }

    pub(super) fn load(
        self,
        store: Arc<dyn CredentialStore>,
        name: CredentialName,
    ) -> BoxFuture<'static, Done> {
        self.guarded(async move { Outcome::Loaded(store.load(&name).await) }, || {
            Outcome::Loaded(Loaded::Fault(store_panicked("reading the record")))
        })
    }

    pub(super) fn claim(
        self,
        store: Arc<dyn CredentialStore>,
        name: CredentialName,
    ) -> BoxFuture<'static, Done> {
        let call = async move {
            Outcome::Claimed(match store.try_claim(&name).await {
                Ok(Some(claim)) => {
                    let loaded = store.load(&name).await;
                    Ok(Some(Granted { claim, loaded }))
                }
                Ok(None) => Ok(None),
                Err(fault) => Err(fault),
            })
        };
        self.guarded(call, || Outcome::Claimed(Err(store_panicked("taking the claim"))))
    }

    pub(super) fn mark(
        self,
        store: Arc<dyn CredentialStore>,
        name: CredentialName,
        (ticket, record, fence): (Ticket, Box<Record>, Fence),
    ) -> BoxFuture<'static, Done> {
        self.guarded(
            async move { Outcome::Marked(ticket, store.mark(&name, &record, &fence).await) },
            move || Outcome::Marked(ticket, Err(CommitFailure::Fault(store_panicked("writing the intent")))),
        )
    }

    pub(super) fn commit(
        self,
        store: Arc<dyn CredentialStore>,
        name: CredentialName,
        (ticket, record, fence): (Ticket, Box<Record>, Fence),
    ) -> BoxFuture<'static, Done> {
        self.guarded(
            async move { Outcome::Committed(ticket, store.commit(&name, &record, &fence).await) },
            move || {
                Outcome::Committed(ticket, Err(CommitFailure::Fault(store_panicked("writing the record"))))
            },
        )
    }

    /// Proves and sends, unless `aborted` is set before the first byte could leave.
    pub(super) fn send(
        self,
        ports: &Ports,
        attempt: AttemptId,
        mut request: TokenRequest,
        aborted: Arc<AtomicBool>,
    ) -> BoxFuture<'static, Done> {
        let (endpoint, signer) = (Arc::clone(&ports.endpoint), Arc::clone(&ports.signer));
        let call = async move {
            let signed = !request.proofs.is_empty();
            let proved = AssertUnwindSafe(signer.prove(&mut request)).catch_unwind().await;
            // Read from the request as it leaves: an answer may bring back what the signer has put in.
            let sent = if signed { request.secrets() } else { Vec::new() };
            let answer = match proved {
                Err(_) => unsent(
                    FailureKind::Configuration,
                    "the signer panicked; this is a bug of the signer".into(),
                ),
                Ok(Err(message)) => unsent(FailureKind::Configuration, message),
                Ok(Ok(())) if aborted.load(Ordering::Relaxed) => {
                    unsent(FailureKind::Aborted, "aborted before it was sent".into())
                }
                Ok(Ok(())) => endpoint.send(attempt, request).await,
            };
            Outcome::Answered { attempt, answer, sent }
        };
        self.guarded(call, move || {
            // Nobody knows what the transport had done by then.
            let answer = Answer::Failed(Failure {
                kind: FailureKind::Other,
                sent: Sent::Bytes,
                closed: false,
                message: "the transport panicked; this is a bug of the transport".into(),
            });
            Outcome::Answered { attempt, answer, sent: Vec::new() }
        })
    }

    /// Sends revocations one after the other, as best it can be (RFC 7009 §2.2: there is nothing to do about a no).
    pub(super) fn revoke(self, ports: &Ports, requests: Vec<TokenRequest>) -> BoxFuture<'static, Done> {
        let Ports { endpoint, signer, entropy, .. } = ports.clone();
        let call = async move {
            for mut request in requests {
                if let Err(message) = signer.prove(&mut request).await {
                    tracing::debug!(%message, "a revocation was not sent");
                    continue;
                }
                if let Answer::Failed(failure) = endpoint.send(entropy.attempt_id(), request).await {
                    tracing::debug!(kind = failure.kind.name(), "a revocation failed");
                }
            }
            Outcome::Revoked
        };
        self.guarded(call, || Outcome::Revoked)
    }
}

/// Whether the right to spend is still held; a store that cannot say is not trusted with a refresh token.
pub(super) fn is_current(claim: &dyn Claim) -> bool {
    catch_unwind(AssertUnwindSafe(|| claim.is_current())).unwrap_or_else(|_| {
        tracing::error!("the store panicked in is_current");
        false
    })
}

/// Closes an attempt's socket.
pub(super) fn abort(endpoint: &dyn TokenEndpoint, attempt: AttemptId) {
    if catch_unwind(AssertUnwindSafe(|| endpoint.abort(attempt))).is_err() {
        tracing::error!("the transport panicked in abort");
    }
}

fn unsent(kind: FailureKind, message: String) -> Answer {
    Answer::Failed(Failure { kind, sent: Sent::Nothing, closed: true, message })
}

fn store_panicked(doing: &str) -> StoreFault {
    StoreFault {
        kind: StoreFaultKind::Io,
        message: format!("the store panicked while {doing}; this is a bug of the store"),
    }
}
