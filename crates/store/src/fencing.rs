//! Who may write: the rules that every store follows, whatever it writes to.
//!
//! A commit happens only over the version and attempt that it began from; versions only grow; and what was a refresh
//! token of a record stays recognisable after it was replaced. The rules are pure, so that the files and the memory
//! cannot come to differ.

use renewd_core::{CommitFailure, Fence, Intent, Loaded, Record, Secret, StoreFault, StoreFaultKind};
use renewd_driver::{Expect, Prepared};

use crate::fault::fault;
use crate::payload::{Version, same_content};

/// What stands in a store, read under the *write* lock.
pub(crate) struct Standing {
    /// As a reader gets it.
    pub(crate) loaded: Loaded,
    /// The greatest version ever committed, where that is known.
    pub(crate) greatest: Option<Version>,
    /// No record stands there now: there never was one, or it was set aside.
    pub(crate) vacant: bool,
}

impl Standing {
    fn record(&self) -> Option<&Record> {
        match &self.loaded {
            Loaded::Record(record) | Loaded::RolledBack { record, .. } => Some(record),
            Loaded::Absent | Loaded::Fault(_) => None,
        }
    }
}

/// A write that somebody asks for.
#[derive(Clone, Copy)]
pub(crate) enum Write<'a> {
    /// A record with an intent.
    Mark(&'a Fence),
    /// The outcome of an attempt.
    Commit(&'a Fence),
    /// A login, logout or import.
    Put(Expect),
}

/// Decides on a write and gives the record as it must be written.
///
/// A write that finds itself done already is done again: its first try may have failed after the rename, and only a
/// whole repetition makes it durable.
pub(crate) fn admit(
    standing: &Standing,
    write: Write<'_>,
    record: &Record,
    digest: impl Fn(&Secret) -> [u8; 32],
) -> Result<Record, CommitFailure> {
    let mut next = record.clone();
    if let Write::Put(_) = write {
        keep_intent(standing, &mut next);
    }
    next.previous_digest = previous_digest(standing.record(), record, digest);
    let fit = match write {
        Write::Put(expect) => expected(standing, expect),
        Write::Commit(fence) if restores(standing, fence, record) => Ok(()),
        Write::Mark(fence) | Write::Commit(fence) => fenced(standing, fence),
    };
    if let Err(failure) = fit {
        let repeated = matches!(&standing.loaded, Loaded::Record(current) if same_content(current, &next));
        if !repeated {
            return Err(failure);
        }
    }
    match write {
        Write::Put(_) => begin_after(standing, &mut next),
        Write::Mark(_) | Write::Commit(_) => go_on(standing, &next)?,
    }
    Ok(next)
}

fn expected(standing: &Standing, expect: Expect) -> Result<(), CommitFailure> {
    match (&standing.loaded, expect) {
        (Loaded::Absent, Expect::Absent) => Ok(()),
        // A login over a damaged record that was set aside is how it is healed.
        (Loaded::Fault(f), Expect::Absent) if standing.vacant && f.kind == StoreFaultKind::Damaged => Ok(()),
        (Loaded::Fault(f), _) => Err(CommitFailure::Fault(f.clone())),
        (Loaded::Record(r) | Loaded::RolledBack { record: r, .. }, Expect::Version { epoch, generation })
            if r.version() == (epoch, generation) =>
        {
            Ok(())
        }
        (other, _) => Err(CommitFailure::Fenced(other.clone())),
    }
}

fn fenced(standing: &Standing, fence: &Fence) -> Result<(), CommitFailure> {
    match &standing.loaded {
        Loaded::Fault(f) => Err(CommitFailure::Fault(f.clone())),
        Loaded::Record(r) | Loaded::RolledBack { record: r, .. } if holds(r, fence) => Ok(()),
        other => Err(CommitFailure::Fenced(other.clone())),
    }
}

/// Whether a commit brings new tokens to a place where no record stands any more: it was removed, or was damaged and
/// set aside. A removal is no logout, and these tokens exist nowhere else. They must be newer than what was committed
/// there before.
fn restores(standing: &Standing, fence: &Fence, record: &Record) -> bool {
    let gone = match &standing.loaded {
        Loaded::Absent => true,
        Loaded::Fault(f) => standing.vacant && f.kind == StoreFaultKind::Damaged,
        Loaded::Record(_) | Loaded::RolledBack { .. } => false,
    };
    let newest = standing.greatest.is_none_or(|greatest| record.version() >= greatest);
    gone && newest && record.version() > (fence.epoch, fence.generation)
}

fn holds(record: &Record, fence: &Fence) -> bool {
    let attempt = record.intent.as_ref().map(|intent| intent.attempt);
    record.version() == (fence.epoch, fence.generation)
        && (fence.attempt.is_none() || fence.attempt == attempt)
}

/// A login begins an epoch above everything that was ever committed. The caller's own choice is right unless it could
/// not know the past: the record was damaged, or a backup was restored.
fn begin_after(standing: &Standing, next: &mut Record) {
    let Some(greatest) = standing.greatest else { return };
    let below = if standing.vacant { next.epoch <= greatest.0 } else { next.version() < greatest };
    if below {
        next.epoch = greatest.0.saturating_add(1);
    }
}

/// The same refresh token imported anew: a request that was announced for it may be on the wire still, and must be
/// answered or waited out before another one spends it.
fn keep_intent(standing: &Standing, next: &mut Record) {
    let Some(current) = standing.record() else { return };
    let tokens = current.grant.refresh_token.as_ref().zip(next.grant.refresh_token.as_ref());
    if !tokens.is_some_and(|(old, new)| old.same_as(new.expose())) {
        return;
    }
    if let Some(intent) = current.intent.as_ref().filter(|i| i.generation == current.generation) {
        next.intent = Some(Intent { generation: next.generation, ..intent.clone() });
    }
}

/// A mark or commit never goes back, whoever asks for it.
fn go_on(standing: &Standing, next: &Record) -> Result<(), CommitFailure> {
    let Some(current) = standing.record() else { return Ok(()) };
    if next.version() >= current.version() {
        return Ok(());
    }
    let message = format!(
        "epoch {} generation {} was not written over epoch {} generation {}: versions only grow",
        next.epoch, next.generation, current.epoch, current.generation
    );
    Err(CommitFailure::Fault(fault(StoreFaultKind::Io, message)))
}

/// The digest of the refresh token before the current one. The store's own knowledge counts, not the caller's copy.
fn previous_digest(
    current: Option<&Record>,
    next: &Record,
    digest: impl Fn(&Secret) -> [u8; 32],
) -> Option<[u8; 32]> {
    let Some(current) = current else { return next.previous_digest };
    match (&current.grant.refresh_token, &next.grant.refresh_token) {
        (Some(old), Some(new)) if new.same_as(old.expose()) => current.previous_digest,
        (Some(old), _) => Some(digest(old)),
        (None, _) => current.previous_digest,
    }
}

/// Servers for which something is prepared at once. Whoever tries more of them for one credential before any gives a grant
/// begins anew at the first.
pub(crate) const SERVERS_MAX: usize = 4;

/// Adds what was prepared to what is kept, and gives what is kept for that server then: what stood there stays, what was
/// missing is filled in.
pub(crate) fn keep(all: &mut Vec<Prepared>, prepared: &Prepared) -> Prepared {
    let stands = all.iter().position(|stands| stands.server == prepared.server).map(|at| all.remove(at));
    let next = match stands {
        Some(stands) => stands.or(prepared.clone()),
        None => prepared.clone(),
    };
    all.push(next.clone());
    let excess = all.len().saturating_sub(SERVERS_MAX);
    all.drain(..excess);
    next
}

/// What is said of a record that was written by another version.
pub(crate) fn newer_format(place: &str, what: &str) -> StoreFault {
    let message = format!(
        "{place} was written by another version ({what}); it is left alone: upgrade renewd, or restore it"
    );
    fault(StoreFaultKind::NewerFormat, message)
}
