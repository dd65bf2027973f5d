//! The model's own process: the transaction of core, rule by rule and name by name, without what does not decide on it
//! (jitter, windows, wall clocks, 401s, evidence).
//!
//! - `claim`: `begin`, `claim_when_due`, `on_claim_denied`, `on_claim_granted`, `read_under_claim`, `refuse_to_spend`.
//! - `mark`: `standing`, `mark`, `on_marked`, `unmark`, `on_mark_failed`.
//! - `outcome`: `on_answer`, `on_success`, `on_failure`, `leave_intent`, `refusal`, `schedule_failure`.
//! - `commit`: `on_committed`, `on_commit_failed`, `commit_faulted`, `commit_fenced`, `keep_unsaved`, `save_now`.
//! - `adopt`: `on_loaded`, `refresh_bookkeeping`, `on_loaded_refreshing`, `replace`, `adopt`, `take_over`, `discard`.
//! - `stop`: `stop_now`, `stop_gently`, `stop_when_due`.

mod adopt;
mod claim;
mod commit;
mod mark;
mod outcome;
mod stop;

use renewd_core::{Phase, Status};

use crate::mutant::Mutant;
use crate::process::{Answer, Command, Fence, Input, Process, Seen};
use crate::record::{Attempt, Record, RecordState};
use crate::setting::Setting;

/// Where the claim is (core: `Claim`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Claim {
    None,
    Pending,
    Held,
}

/// What a write is for (core: `Pending`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Pending {
    Send(Attempt),
    Success,
    Saved,
    Failed { state: Phase },
    GiveUp,
    Orphan { until: u8 },
    Unmark,
}

impl Pending {
    const fn holds_new_tokens(self) -> bool {
        matches!(self, Self::Success | Self::Saved)
    }
}

/// The write under way (core: `Writing`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Writing {
    ticket: u32,
    record: Record,
    fence: Fence,
    then: Pending,
}

/// Reading the record (core: `Loads`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Loads {
    pending: bool,
    again: bool,
}

/// One process of the model. Times are what is left of a wait.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    phase: Phase,
    record: Option<Record>,
    loads: Loads,
    claim: Claim,
    claim_poll: Option<u8>,
    writing: Option<Writing>,
    exchange: Option<Attempt>,
    abandoned: Option<(Attempt, Record)>,
    /// Somebody asked for a refresh that has not begun.
    want: bool,
    next_attempt: Option<u8>,
    /// The attempt whose intent stands in the store without the outcome that is known here.
    unwritten: Option<Attempt>,
    settle_until: Option<u8>,
    /// What is left of the wait, and how long it was.
    save_retry: Option<(u8, u8)>,
    stopping: Option<u8>,
    /// Attempts made by this process; looked at by a mutant only.
    spent: u8,
}

/// Where effects go.
struct Cx<'a> {
    setting: &'a Setting,
    commands: Vec<Command<Record>>,
}

impl Cx<'_> {
    fn push(&mut self, command: Command<Record>) {
        self.commands.push(command);
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.setting.is(mutant)
    }
}

/// A wait for a failing store, or for the short retry: both end within a unit.
const PAUSE: u8 = 1;

impl Machine {
    fn version(&self) -> Option<(u8, u8)> {
        self.record.map(|r| r.version())
    }

    fn to(&mut self, phase: Phase) {
        self.phase = phase;
    }

    /// Core: `allowed_at`.
    fn allowed(&self, cx: &Cx<'_>) -> bool {
        if cx.is(Mutant::BudgetInMemory) {
            return self.spent < cx.setting.budget;
        }
        self.may_spend()
    }

    fn may_spend(&self) -> bool {
        self.record.is_none_or(|r| r.budget > 0 && r.not_before == 0)
    }

    fn resting(&self) -> Phase {
        match self.record {
            Some(r) if r.state != RecordState::Active => Phase::Unauthenticated,
            _ if self.next_attempt.is_some() => Phase::Backoff,
            _ => Phase::Fresh,
        }
    }

    fn forget_plans(&mut self) {
        self.want = false;
        self.next_attempt = None;
        self.settle_until = None;
    }

    /// Core: `request_load`.
    fn request_load(&mut self, cx: &mut Cx<'_>) {
        if self.loads.pending {
            self.loads.again = true;
        } else {
            self.loads = Loads { pending: true, again: false };
            cx.push(Command::Load);
        }
    }

    /// Core: `mind_loads`.
    fn mind_loads(&mut self, input: &Input<Record>, cx: &mut Cx<'_>) {
        if matches!(input, Input::Loaded(_)) {
            let again = self.loads.again;
            self.loads = Loads::default();
            if again {
                self.request_load(cx);
            }
        }
    }

    fn release(&mut self, cx: &mut Cx<'_>) {
        if self.claim == Claim::Held {
            self.claim = Claim::None;
            cx.push(Command::Release);
        }
        self.claim_poll = None;
    }

    fn return_claim(&mut self, cx: &mut Cx<'_>) {
        if self.claim == Claim::Pending {
            self.claim = Claim::Held;
            self.release(cx);
        }
    }

    fn forget_claim(&mut self) {
        if self.claim == Claim::Pending {
            self.claim = Claim::None;
        }
    }

    /// Core: `rest_for_store`, behind `read_trouble` and `write_trouble`.
    fn rest_for_store(&mut self, cx: &mut Cx<'_>) {
        self.release(cx);
        if self.stopping.is_some() {
            return self.stop_now(cx);
        }
        if self.record.is_some_and(|r| r.state != RecordState::Active) {
            self.next_attempt = None;
            return self.to(Phase::Unauthenticated);
        }
        self.next_attempt = Some(PAUSE);
        self.to(self.resting());
    }

    fn is_due(&self, can_spend: bool) -> bool {
        let over = |left: Option<u8>| left == Some(0);
        let own = match self.phase {
            Phase::Fresh => self.want && can_spend,
            Phase::Backoff => over(self.next_attempt) && can_spend,
            Phase::Settling => over(self.settle_until),
            Phase::Unsaved => over(self.save_retry.map(|(left, _)| left)),
            Phase::Claiming => self.claim == Claim::None && over(self.claim_poll),
            _ => false,
        };
        own || over(self.stopping)
    }

    fn tick(&mut self, cx: &mut Cx<'_>) {
        let due = self.is_due(self.allowed(cx));
        match self.phase {
            Phase::Fresh | Phase::Backoff if due => self.begin(cx),
            Phase::Settling => self.settle_when_due(cx),
            Phase::Unsaved => self.save_when_due(cx),
            Phase::Claiming => self.claim_when_due(cx),
            Phase::Marking | Phase::Exchanging | Phase::Committing => self.stop_when_due(cx),
            _ => {}
        }
    }

    /// Core: `settle_when_due`.
    fn settle_when_due(&mut self, cx: &mut Cx<'_>) {
        if self.settle_until.is_some_and(|left| left > 0) {
            return;
        }
        self.settle_until = None;
        match self.next_attempt {
            None => self.begin(cx),
            Some(_) => self.to(self.resting()),
        }
    }

    /// A person asks (core: the rows of `Input::Refresh`).
    fn refresh(&mut self, cx: &mut Cx<'_>) {
        match self.phase {
            Phase::Absent => self.request_load(cx),
            Phase::Fresh => {
                self.want = true;
                if self.allowed(cx) {
                    self.begin(cx);
                }
            }
            Phase::Backoff if self.allowed(cx) => self.begin(cx),
            Phase::Unsaved => self.save_now(cx),
            Phase::Unauthenticated if cx.is(Mutant::RefusedTriesAgain) => self.begin(cx),
            _ => {}
        }
    }

    fn shutdown(&mut self, cx: &mut Cx<'_>) {
        match self.phase {
            Phase::Marking | Phase::Exchanging | Phase::Committing | Phase::Unsaved => self.stop_gently(cx),
            Phase::Stopped => {}
            _ => self.stop_now(cx),
        }
    }

    fn loaded(&mut self, record: &Record, cx: &mut Cx<'_>) {
        match self.phase {
            Phase::Claiming | Phase::Marking | Phase::Exchanging | Phase::Committing => {
                self.on_loaded_refreshing(record, cx);
            }
            Phase::Unsaved => self.on_loaded_unsaved(record, cx),
            Phase::Stopped => {}
            _ => self.on_loaded(record, cx),
        }
    }

    fn take(&mut self, input: Input<Record>, cx: &mut Cx<'_>) {
        self.mind_loads(&input, cx);
        match input {
            Input::Tick => self.tick(cx),
            Input::Loaded(record) => self.loaded(&record, cx),
            Input::ClaimGranted { record, attempt } if self.phase == Phase::Claiming => {
                self.on_claim_granted(record, attempt, cx);
            }
            Input::ClaimGranted { .. } => self.return_claim(cx),
            Input::ClaimDenied if self.phase == Phase::Claiming => self.on_claim_denied(),
            Input::ClaimDenied => self.forget_claim(),
            Input::Marked(ticket) if self.phase == Phase::Marking => self.on_marked(ticket, cx),
            Input::MarkFailed(ticket, failure) if self.phase == Phase::Marking => {
                self.on_mark_failed(ticket, failure, cx);
            }
            Input::Answer { attempt, answer } => self.on_answer(attempt, answer, cx),
            Input::Committed(ticket) if self.phase == Phase::Committing => self.on_committed(ticket, cx),
            Input::CommitFailed(ticket, failure) if self.phase == Phase::Committing => {
                self.on_commit_failed(ticket, failure, cx);
            }
            Input::Marked(_) | Input::MarkFailed(..) | Input::Committed(_) | Input::CommitFailed(..) => {}
            Input::StoreChanged => self.request_load(cx),
            Input::Replaced(record) => self.replace(&record, cx),
            Input::Refresh => self.refresh(cx),
            Input::Shutdown => self.shutdown(cx),
        }
    }
}

impl Process for Machine {
    type Record = Record;
    type Clock = ();

    fn elapse_clock((): &mut ()) {}

    fn reboot_clock((): &mut ()) {}

    fn start(_: &Setting, (): &(), _: usize) -> (Self, Vec<Command<Record>>) {
        let machine = Self {
            phase: Phase::Absent,
            record: None,
            loads: Loads { pending: true, again: false },
            claim: Claim::None,
            claim_poll: None,
            writing: None,
            exchange: None,
            abandoned: None,
            want: false,
            next_attempt: None,
            unwritten: None,
            settle_until: None,
            save_retry: None,
            stopping: None,
            spent: 0,
        };
        (machine, vec![Command::Load])
    }

    fn handle(&mut self, setting: &Setting, (): &(), input: Input<Record>) -> Vec<Command<Record>> {
        let mut cx = Cx { setting, commands: Vec::new() };
        self.take(input, &mut cx);
        cx.commands
    }

    fn elapse(&mut self, setting: &Setting) {
        use crate::record::Stored as _;
        for left in [&mut self.claim_poll, &mut self.next_attempt, &mut self.settle_until, &mut self.stopping]
        {
            *left = left.map(|l| l.saturating_sub(1));
        }
        // The wait for an orphan counts from when its write began, not from when it ended.
        if let Some(Writing { then: Pending::Orphan { until }, .. }) = &mut self.writing {
            *until = until.saturating_sub(1);
        }
        self.save_retry = self.save_retry.map(|(left, last)| (left.saturating_sub(1), last));
        let writing = self.writing.as_mut().map(|w| &mut w.record);
        let abandoned = self.abandoned.as_mut().map(|(_, r)| r);
        for record in self.record.as_mut().into_iter().chain(writing).chain(abandoned) {
            record.elapse(setting);
        }
    }

    fn due(&self, (): &()) -> bool {
        self.is_due(self.may_spend())
    }

    fn seen(&self, (): &()) -> Seen {
        let status = match (self.phase, self.record.map(|r| r.state)) {
            (Phase::Stopped, _) => Status::Stopped,
            (Phase::Unauthenticated, _) => Status::Unauthenticated,
            (_, Some(state)) if state != RecordState::Active => Status::Unauthenticated,
            _ => Status::Running,
        };
        Seen { phase: self.phase, status, record: self.record }
    }

    fn attempts(&self) -> u128 {
        let intent = |r: &Record| r.intent.map(|i| i.attempt);
        let then = self.writing.and_then(|w| match w.then {
            Pending::Send(attempt) => Some(attempt),
            _ => None,
        });
        [
            self.exchange,
            self.unwritten,
            then,
            self.abandoned.map(|(a, _)| a),
            self.record.as_ref().and_then(intent),
            self.writing.as_ref().and_then(|w| intent(&w.record)),
            self.writing.and_then(|w| w.fence.attempt),
        ]
        .into_iter()
        .flatten()
        .fold(0, |set, attempt| set | 1 << attempt)
    }
}

/// What the next answer's tokens become.
const fn tokens(answer: Answer) -> Option<Option<crate::record::Token>> {
    match answer {
        Answer::Tokens(token) => Some(token),
        Answer::Refused | Answer::Unclear | Answer::Bounced | Answer::NeverSent | Answer::Lost => None,
    }
}
