//! Commands as short text without secrets: for snapshots, and to compare two runs.

use renewd_core::*;

pub(crate) fn command(c: &Command) -> String {
    match c {
        Command::Load => "load".into(),
        Command::Claim => "claim".into(),
        Command::Mark { record, fence, .. } => {
            format!("mark {} over {}", record_text(record), fence_text(fence))
        }
        Command::Send { attempt, .. } => format!("send #{:x}", attempt.0),
        Command::Abort { attempt } => format!("abort #{:x}", attempt.0),
        Command::Commit { record, fence, .. } => {
            format!("commit {} over {}", record_text(record), fence_text(fence))
        }
        Command::Release => "release".into(),
        Command::Publish(Publication::Token(t)) => format!("publish token {}.{}", t.epoch, t.generation),
        Command::Publish(Publication::Unavailable(u)) => {
            format!("publish none ({}{})", u.status.name(), cause(u.cause))
        }
        Command::Changed { from, to, cause: c } => {
            format!("changed {} → {}{}", from.name(), to.name(), cause(*c))
        }
        Command::Advise(_) => "advise".into(),
        Command::Report(report) => report_text(report),
        Command::Revoke { requests } => format!("revoke {}", requests.len()),
        Command::Drained { lost: None } => "drained".into(),
        Command::Drained { lost: Some(_) } => "drained, losing tokens".into(),
    }
}

fn cause(cause: Option<Cause>) -> String {
    cause.map(|c| format!(", {}", c.name())).unwrap_or_default()
}

fn fence_text(fence: &Fence) -> String {
    let attempt = fence.attempt.map(|a| format!(" #{:x}", a.0)).unwrap_or_default();
    format!("{}.{}{attempt}", fence.epoch, fence.generation)
}

fn report_text(report: &Report) -> String {
    match report {
        Report::Refreshed { reason, epoch, generation, rotated, .. } => {
            let rotated = if *rotated { "rotated" } else { "not rotated" };
            format!("report refreshed to {epoch}.{generation} ({}, {rotated})", reason.name())
        }
        Report::AttemptFailed { attempt, next } => {
            let next = if next.is_some() { "" } else { ", no next" };
            format!("report failed ({}{next})", attempt.verdict.name())
        }
        Report::Recovered { attempts, .. } => format!("report recovered after {attempts}"),
        Report::Adopted { epoch, generation } => format!("report adopted {epoch}.{generation}"),
        Report::RolledBack { found, greatest } => {
            format!("report rolled back to {}.{} from {}.{}", found.0, found.1, greatest.0, greatest.1)
        }
        Report::Rejected { key, epoch, generation } => {
            let key = key.as_ref().map(|key| format!(" for {key}")).unwrap_or_default();
            format!("report 401 to {epoch}.{generation}{key}")
        }
        Report::RejectionPassed { .. } => "report 401 passed".into(),
        Report::LateAnswer => "report late answer".into(),
        Report::StoreFailed(fault) => format!("report store failed ({})", fault.kind.name()),
        Report::StoreHealed => "report store healed".into(),
        _ => "report of a new kind".into(),
    }
}

/// A record in short: version, state, what stands in it.
pub(crate) fn record_text(r: &Record) -> String {
    let mut parts = vec![format!("{}.{}", r.epoch, r.generation)];
    match r.state {
        RecordState::Active => {}
        RecordState::Refused { cause, .. } => parts.push(format!("refused {cause:?}")),
        RecordState::Tombstone { .. } => parts.push("tombstone".into()),
    }
    if let Some(i) = &r.intent {
        let mut words = vec![format!("intent #{:x}", i.attempt.0)];
        words.extend(i.settled.then(|| "settled".into()));
        words.extend(i.doubt.then(|| "doubt".into()));
        words.extend(i.orphaned.is_some().then(|| "orphaned".into()));
        parts.push(words.join(" "));
    }
    if let Some(w) = &r.window {
        let refused = if w.client_refused { " client refused" } else { "" };
        parts.push(format!("window {}{refused}", w.attempts));
    }
    format!("[{}]", parts.join(", "))
}
