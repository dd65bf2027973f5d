//! One transaction without an agent: the same driver, the same claims, over the real ports, for one credential.
//!
//! It ends in two steps. The caller gets its token, or learns why not, at its own deadline; then [`Transaction::end`]
//! waits until a request on the wire has its answer and new tokens are saved: a rotation that the server made must not
//! be dropped because somebody lost patience.

use std::sync::Arc;

use renewd_blocking::block_on;
use renewd_core::{AccessKey, Cause, Now, Phase, Record, Report, Span, Status};
use renewd_driver::system::SystemClock;
use renewd_driver::{
    CredentialName, CredentialStore, Drained, Event, Lease, NoToken, Observer, Rejection, TokenError,
    TokenRequestOptions,
};
use renewd_signer::KeySigner;
use renewd_tokio::{Keeper, Renewd};

use crate::config::Config;
use crate::credential::{Secrets, check_transport, endpoint, setup};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupts;
use crate::journal::{JournalFolder, Scribe};
use crate::json::login_command;
use crate::output::evidence::looked_like;
use crate::output::time::{brief, local, rfc3339};
use crate::test_points;

/// A running transaction.
pub(crate) struct Transaction {
    renewd: Renewd,
    keeper: Keeper,
    journal: Scribe,
    interrupts: Interrupts,
}

/// Writes what happens into the journal and the log.
pub(crate) struct Heard(pub(crate) Scribe);

impl Observer for Heard {
    fn observe(&self, name: &CredentialName, now: Now, event: &Event) {
        match event {
            Event::Report(Report::Refreshed { reason, generation, rotated, took, .. }) => {
                tracing::info!(credential = %name, reason = reason.name(), generation, rotated, %took, "refreshed");
            }
            Event::Report(
                Report::AttemptFailed { attempt, .. } | Report::AudienceRefused { attempt, .. },
            ) => {
                let e = &attempt.evidence;
                tracing::warn!(
                    credential = %name, verdict = attempt.verdict.name(), rule = &*e.rule, http_status = e.http_status,
                    content_type = e.content_type, oauth_error = e.oauth_error, said = e.message, "an attempt failed"
                );
            }
            // Status changes and advice are logged by the loop; a publication carries a token.
            _ => {}
        }
        self.0.observe(name, now, event);
    }
}

impl Transaction {
    /// Begins to keep the credential.
    ///
    /// # Errors
    /// A configuration failure; an internal one when the system gives no thread.
    pub(crate) fn begin(
        config: &Config,
        store: Arc<dyn CredentialStore>,
        name: &CredentialName,
        record: Option<&Record>,
    ) -> Result<Self, Failure> {
        let setup = setup(config, name, record, Secrets::Read)?;
        check_transport(config, name)?;
        let no_thread = |e| Failure::internal(format!("no thread can be started: {e}"));
        let interrupts =
            Interrupts::begin().map_err(|e| Failure::internal(format!("signals cannot be heard: {e}")))?;
        let journal = JournalFolder::new(config.places().state()?);
        let journal = Scribe::begin(vec![Box::new(journal)]).map_err(no_thread)?;
        let renewd = Renewd::builder(test_points::endpoint(Arc::new(endpoint(config, name))), store)
            .signer(Arc::new(KeySigner::new()))
            .observer(Arc::new(Heard(journal.clone())))
            .spawn_thread()
            .map_err(no_thread)?;
        let keeper = renewd.keep(name.clone(), setup);
        Ok(Self { renewd, keeper, journal, interrupts })
    }

    /// A token on the caller's terms.
    ///
    /// # Errors
    /// Why there is none, with the exit code of the contract.
    pub(crate) fn token(&self, key: &AccessKey, min_validity: Span, timeout: Span) -> Result<Lease, Failure> {
        let options = TokenRequestOptions { min_validity, timeout: Some(timeout) };
        self.unless_interrupted(self.keeper.token_for(key, options))
    }

    /// A newer token than that of this epoch and generation, which was refused; none where the refusal is to be passed
    /// on.
    ///
    /// # Errors
    /// Why there is none, with the exit code of the contract.
    pub(crate) fn rejected(
        &self,
        key: &AccessKey,
        (epoch, generation): (u64, u64),
        timeout: Span,
    ) -> Result<Option<Lease>, Failure> {
        let asked = async {
            Ok(match self.keeper.rejected_for(key, epoch, generation, timeout).await? {
                Rejection::Renewed(lease) => Some(lease),
                Rejection::Passed => None,
            })
        };
        self.unless_interrupted(asked)
    }

    /// A refresh now.
    ///
    /// # Errors
    /// Why it did not succeed, with the exit code of the contract.
    pub(crate) fn refresh(&self, timeout: Span) -> Result<Lease, Failure> {
        self.unless_interrupted(self.keeper.refresh(timeout))
    }

    fn unless_interrupted<T>(
        &self,
        asked: impl Future<Output = Result<T, TokenError>>,
    ) -> Result<T, Failure> {
        let answer = block_on(async {
            tokio::select! {
                answer = asked => Some(answer),
                () = self.interrupts.first() => None,
            }
        });
        match answer {
            Some(answer) => answer.map_err(|e| self.failure(e)),
            None => Err(Failure::new(Exit::Timeout, format!("{}: interrupted", self.keeper.name()))),
        }
    }

    /// Whether a signal asked for the end.
    pub(crate) fn was_interrupted(&self) -> bool {
        self.interrupts.came()
    }

    /// Whether an answer is on its way here, or being saved: [`end`](Self::end) will wait for it.
    pub(crate) fn has_sent(&self) -> bool {
        let sent = |phase| matches!(phase, Phase::Exchanging | Phase::Committing);
        block_on(self.keeper.view()).is_ok_and(|seen| sent(seen.view.phase))
    }

    /// Finishes what is under way and saves it. A signal that came before has its way then.
    ///
    /// # Errors
    /// Exit 5 when new tokens could not be saved; it names what is lost.
    pub(crate) fn end(self) -> Result<(), Failure> {
        drop(self.keeper);
        let drained = block_on(self.renewd.shutdown());
        self.journal.end();
        all_saved(drained)?;
        self.interrupts.have_their_way();
        Ok(())
    }

    fn failure(&self, error: TokenError) -> Failure {
        explained(&self.keeper, error)
    }
}

/// A token error as a failure, with what its keeper knows besides. Blocks for a look at it.
pub(crate) fn explained(keeper: &Keeper, error: TokenError) -> Failure {
    // In the middle of an attempt the caller's time ran out; between attempts the next one is known.
    let under_way = matches!(&error, TokenError::Timeout { .. })
        && block_on(keeper.view()).is_ok_and(|seen| in_the_middle(seen.view.phase));
    let mut failure = failure(error, under_way);
    // What status shows beside the refusal, to the person who meets it here.
    if failure.exit == Exit::Unavailable && failure.advice.is_none() {
        failure.advice = block_on(keeper.view()).ok().and_then(|seen| seen.view.advice.clone());
    }
    failure
}

/// What a loop says at its end.
///
/// # Errors
/// Exit 5 when new tokens could not be saved; it names what is lost.
pub(crate) fn all_saved(drained: Drained) -> Result<(), Failure> {
    match drained.lost.into_iter().next() {
        None => Ok(()),
        Some((name, what)) => Err(Failure::new(Exit::Store, format!("{name}: not saved: {what}"))
            .advise("mend the store (renewd doctor), then log in again if the next refresh is refused")
            .about(name)),
    }
}

pub(crate) fn in_the_middle(phase: Phase) -> bool {
    matches!(phase, Phase::Claiming | Phase::Marking | Phase::Exchanging | Phase::Committing)
}

/// A token error as a failure. `under_way`: the time ran out while an answer or another process was waited for.
pub(crate) fn failure(error: TokenError, under_way: bool) -> Failure {
    let (exit, state) = match &error {
        TokenError::Store { fault, state } => {
            let mut failure = Failure::new(Exit::Store, format!("{}: {}", state.name, fault.message));
            describe(&mut failure, state);
            failure.about.cause = Some(Cause::StoreUnavailable.name().into());
            return failure;
        }
        TokenError::Timeout { state, waited } if under_way || state.next_attempt_at.is_none() => {
            let message = format!(
                "{}: no answer within {waited}; the credential is {}",
                state.name,
                state.status.name()
            );
            let mut failure =
                Failure::new(Exit::Timeout, message).advise("try again, or wait longer with --timeout");
            describe(&mut failure, state);
            return failure;
        }
        TokenError::Timeout { state, .. } | TokenError::Unavailable(state) => (exit_for(state), state),
        TokenError::Overloaded { .. } => return Failure::new(Exit::Unavailable, error.to_string()),
        TokenError::NeverGiven { .. } => return Failure::usage(error.to_string()),
        _ => return Failure::internal(error.to_string()),
    };
    if state.cause == Some(Cause::AudienceRefused) {
        return audience_refused(state);
    }
    let mut failure = Failure::new(exit, sentence(state));
    if exit == Exit::LoginNeeded {
        failure.advice = Some(login_command(state.name.as_str()));
        failure.about.login_command.clone_from(&failure.advice);
    }
    describe(&mut failure, state);
    failure
}

/// The login lives, but not for this.
fn audience_refused(state: &NoToken) -> Failure {
    let said =
        state.last_attempt.as_ref().map_or_else(String::new, |last| format!(": {}", looked_like(last)));
    let key = state.wanted.clone().unwrap_or_default();
    let message = format!("{}: the server gives no token for {key}{said}", state.name);
    let mut failure = Failure::new(Exit::Unavailable, message).advise(
        "ask for what this login may use, or log in anew with it; the login's own token is not concerned",
    );
    describe(&mut failure, state);
    failure.coded(Cause::AudienceRefused.name())
}

fn exit_for(state: &NoToken) -> Exit {
    match (state.status, state.cause) {
        (Status::Unauthenticated, _) => Exit::LoginNeeded,
        (_, Some(Cause::StoreUnavailable)) => Exit::Store,
        (Status::Stopped, _) => Exit::Internal,
        (Status::Running | Status::AuthRetrying, _) => Exit::Unavailable,
    }
}

/// `github: auth_retrying (outage) since 08:12: HTTP 403 text/html; next attempt 08:22 (2026-…Z, in 9m)`.
fn sentence(state: &NoToken) -> String {
    let now = renewd_driver::Clock::now(&SystemClock).wall;
    let mut text = match state.status {
        Status::Unauthenticated => format!("{}: login needed", state.name),
        Status::Running => format!("{}: no token yet", state.name),
        Status::AuthRetrying | Status::Stopped => format!("{}: {}", state.name, state.status.name()),
    };
    if let Some(cause) = state.cause {
        text.push_str(&format!(" ({})", cause.name()));
    }
    if let Some(since) = state.since.filter(|_| state.status != Status::Running) {
        text.push_str(&format!(" since {}", local(since, now)));
    }
    if let Some(last) = &state.last_attempt {
        text.push_str(&format!(": {}", looked_like(last)));
    }
    if let (Some(at), Some(wait)) = (state.next_attempt_at, state.retry_after) {
        text.push_str(&format!("; next attempt {} ({}, in {})", local(at, now), rfc3339(at), brief(wait)));
    }
    text
}

fn describe(failure: &mut Failure, state: &NoToken) {
    if failure.exit == Exit::Unavailable {
        failure.code = match state.status {
            Status::AuthRetrying => Status::AuthRetrying.name().into(),
            _ => "temporarily_unavailable".into(),
        };
    }
    let about = &mut failure.about;
    about.credential = Some(state.name.to_string());
    about.cause = state.cause.map(|c| c.name().into());
    about.retry_after = state.retry_after;
    about.next_attempt_at = state.next_attempt_at;
}
