//! The small pieces of the layout: stamps, intents, windows, attempts. Times are milliseconds, `_ms` in their names.

use std::borrow::Cow;

use renewd_core::{
    AttemptId, Boot, BootId, Budget, Evidence, Intent, LastAttempt, NotBefore, Orphaned, Owner, Span, Stamp,
    Verdict, Wall, Window,
};
use serde::{Deserialize, Serialize};

use super::text::Hex128;

#[derive(Serialize, Deserialize, Clone, Copy, Default)]
#[serde(default)]
pub(super) struct StampDto {
    boot_id: Hex128,
    boot_ms: u64,
    wall_ms: i64,
}

impl From<Stamp> for StampDto {
    fn from(Stamp { boot_id, boot, wall }: Stamp) -> Self {
        Self { boot_id: Hex128(boot_id.0), boot_ms: boot.as_millis(), wall_ms: wall.as_unix_millis() }
    }
}

impl From<StampDto> for Stamp {
    fn from(dto: StampDto) -> Self {
        Self {
            boot_id: BootId(dto.boot_id.0),
            boot: Boot::from_millis(dto.boot_ms),
            wall: Wall::from_unix_millis(dto.wall_ms),
        }
    }
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct OwnerDto {
    host: String,
    boot_id: Hex128,
    pid: u32,
    start_time: u64,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct OrphanedDto {
    boot_id: Hex128,
    boot_ms: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct IntentDto {
    attempt: Hex128,
    generation: u64,
    #[serde(default)]
    owner: OwnerDto,
    #[serde(default)]
    marked: StampDto,
    #[serde(default)]
    settled: bool,
    // An intent that does not say whether its outcome is known counts as unknown: the careful reading.
    #[serde(default = "yes")]
    doubt: bool,
    #[serde(default)]
    orphaned: Option<OrphanedDto>,
}

fn yes() -> bool {
    true
}

impl From<&Intent> for IntentDto {
    fn from(intent: &Intent) -> Self {
        let Intent { attempt, generation, owner, marked, settled, doubt, orphaned } = intent;
        let Owner { host, boot_id, pid, start_time } = owner;
        Self {
            attempt: Hex128(attempt.0),
            generation: *generation,
            owner: OwnerDto {
                host: host.clone(),
                boot_id: Hex128(boot_id.0),
                pid: *pid,
                start_time: *start_time,
            },
            marked: (*marked).into(),
            settled: *settled,
            doubt: *doubt,
            orphaned: orphaned.map(|Orphaned { boot_id, boot }| OrphanedDto {
                boot_id: Hex128(boot_id.0),
                boot_ms: boot.as_millis(),
            }),
        }
    }
}

impl From<IntentDto> for Intent {
    fn from(dto: IntentDto) -> Self {
        Self {
            attempt: AttemptId(dto.attempt.0),
            generation: dto.generation,
            owner: Owner {
                host: dto.owner.host,
                boot_id: BootId(dto.owner.boot_id.0),
                pid: dto.owner.pid,
                start_time: dto.owner.start_time,
            },
            marked: dto.marked.into(),
            settled: dto.settled,
            doubt: dto.doubt,
            orphaned: dto
                .orphaned
                .map(|o| Orphaned { boot_id: BootId(o.boot_id.0), boot: Boot::from_millis(o.boot_ms) }),
        }
    }
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
pub(super) struct WindowDto {
    accumulated_ms: u64,
    counted: StampDto,
    since_ms: i64,
    attempts: u32,
    last_attempt_at: StampDto,
    client_refused: bool,
}

impl From<&Window> for WindowDto {
    fn from(window: &Window) -> Self {
        let Window { accumulated, counted, since, attempts, last_attempt_at, client_refused } = window;
        Self {
            accumulated_ms: accumulated.as_millis(),
            counted: (*counted).into(),
            since_ms: since.as_unix_millis(),
            attempts: *attempts,
            last_attempt_at: (*last_attempt_at).into(),
            client_refused: *client_refused,
        }
    }
}

impl From<WindowDto> for Window {
    fn from(dto: WindowDto) -> Self {
        Self {
            accumulated: Span::from_millis(dto.accumulated_ms),
            counted: dto.counted.into(),
            since: Wall::from_unix_millis(dto.since_ms),
            attempts: dto.attempts,
            last_attempt_at: dto.last_attempt_at.into(),
            client_refused: dto.client_refused,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct BudgetDto {
    left: u32,
    #[serde(default)]
    since: StampDto,
}

impl From<Budget> for BudgetDto {
    fn from(Budget { left, since }: Budget) -> Self {
        Self { left, since: since.into() }
    }
}

impl From<BudgetDto> for Budget {
    fn from(dto: BudgetDto) -> Self {
        Self { left: dto.left, since: dto.since.into() }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct NotBeforeDto {
    from: StampDto,
    wait_ms: u64,
}

impl From<NotBefore> for NotBeforeDto {
    fn from(NotBefore { from, wait }: NotBefore) -> Self {
        Self { from: from.into(), wait_ms: wait.as_millis() }
    }
}

impl From<NotBeforeDto> for NotBefore {
    fn from(dto: NotBeforeDto) -> Self {
        Self { from: dto.from.into(), wait: Span::from_millis(dto.wait_ms) }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct LastAttemptDto {
    at_ms: i64,
    verdict: String,
    #[serde(default)]
    http_status: Option<u16>,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    oauth_error: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    rule: String,
}

impl From<&LastAttempt> for LastAttemptDto {
    fn from(attempt: &LastAttempt) -> Self {
        let LastAttempt { at, verdict, evidence } = attempt;
        let Evidence { http_status, content_type, oauth_error, message, rule } = evidence.clone();
        Self {
            at_ms: at.as_unix_millis(),
            verdict: verdict.name().to_owned(),
            http_status,
            content_type,
            oauth_error,
            message,
            rule: rule.into_owned(),
        }
    }
}

impl LastAttemptDto {
    /// `None` for a verdict that this version does not know: the last attempt is shown to people, nothing hangs on it.
    pub(super) fn into_attempt(self) -> Option<LastAttempt> {
        let Self { at_ms, verdict, http_status, content_type, oauth_error, message, rule } = self;
        let verdict = Verdict::from_name(&verdict)?;
        let evidence = Evidence { http_status, content_type, oauth_error, message, rule: Cow::Owned(rule) };
        Some(LastAttempt { at: Wall::from_unix_millis(at_ms), verdict, evidence })
    }
}
