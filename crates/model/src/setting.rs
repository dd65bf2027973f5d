//! What one search explores: the server's class, the processes, the times, and what may go wrong how often.

use renewd_core::AsClass;

use crate::mutant::Mutant;

/// How often one more thing may happen; every search ends because these do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Refreshes that somebody asks for, over all processes.
    pub wishes: u8,
    /// Faults, of whatever kinds are [allowed](Setting::faults).
    pub faults: u8,
    /// Logins and logouts.
    pub logins: u8,
    /// Units of time. The model's own machine needs no bound; a real process, which is told the hour, does. Where they
    /// are bounded, none is spent while nobody waits for anything.
    pub units: u8,
}

impl Bounds {
    /// As many units as anybody wants to wait for.
    pub const FOR_EVER: u8 = u8::MAX;
}

/// One kind of thing that goes wrong.
#[expect(clippy::exhaustive_enums, reason = "the model's whole list; a new one is decided on everywhere")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A process dies at any point; what it sent may still be on the wire.
    Crash,
    /// A process stands still while time passes every deadline, and goes on.
    Pause,
    /// A request is lost on its way.
    LostRequest,
    /// The connection ends before the answer arrived; the request may still be on its way.
    LostAnswer,
    /// Request or answer take longer than the deadline; the request may still arrive afterwards.
    Stalled,
    /// The connection could not be made.
    NeverSent,
    /// A complete answer that tells nothing (5xx, an unreadable 2xx), with or without a rotation behind it.
    Unclear,
    /// A complete answer that accepted nothing (429, a middlebox's page).
    Bounced,
    /// The store cannot be read under the claim, or cannot be locked.
    ReadFails,
    /// A write fails before its rename: nothing stands there.
    WriteFails,
    /// A write fails after its rename: it stands there, and may be lost in a power cut.
    SyncFails,
    /// A write is reported as done and is not there.
    WriteLies,
    /// The machine starts again: other boot, all processes dead, all sockets closed.
    Reboot,
    /// The same, and what was not yet synced is gone.
    PowerCut,
    /// A process is told to stop.
    Shutdown,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Crash,
        Self::Pause,
        Self::LostRequest,
        Self::LostAnswer,
        Self::Stalled,
        Self::NeverSent,
        Self::Unclear,
        Self::Bounced,
        Self::ReadFails,
        Self::WriteFails,
        Self::SyncFails,
        Self::WriteLies,
        Self::Reboot,
        Self::PowerCut,
        Self::Shutdown,
    ];
}

/// What one search explores. Times are whole units; one unit is longer than anything that is not waited for.
#[derive(Clone, Debug)]
pub struct Setting {
    /// How the server treats a spent refresh token.
    pub class: AsClass,
    /// Processes that share the credential.
    pub processes: usize,
    /// The request's deadline: then its sender closes the socket.
    pub deadline: u8,
    /// A request takes effect less than this after its socket was closed, or never. The assumption under which the
    /// protocol is safe; the protocol's own wait is the same number.
    pub settle: u8,
    /// How long a superseded refresh token still works (P3, P5). Even: half of it is a whole number of units.
    pub grace: u8,
    /// How many refresh tokens a client may have alive (P6).
    pub cap: u8,
    /// Attempts that the persisted budget allows between two successes. None grows back within a search.
    pub budget: u8,
    /// `shutdown.grace`.
    pub shutdown_grace: u8,
    /// The longest pause.
    pub pause_max: u8,
    /// How often.
    pub bounds: Bounds,
    /// What may go wrong.
    pub faults: Vec<Fault>,
    /// In one state of so many it is tried out how a run without faults ends, which costs more than everything else.
    pub looks_ahead_one_in: u64,
    /// A rule left out of the protocol, to see that the search notices.
    pub mutant: Option<Mutant>,
}

impl Setting {
    /// Two processes, all faults, times that tell deadline (1), settle (2), pause (4) and grace (10) apart.
    pub fn new(class: AsClass) -> Self {
        Self {
            class,
            processes: 2,
            deadline: 1,
            settle: 2,
            grace: 10,
            cap: 2,
            budget: 8,
            shutdown_grace: 1,
            pause_max: 4,
            bounds: Bounds { wishes: 2, faults: 2, logins: 0, units: Bounds::FOR_EVER },
            faults: Fault::ALL.to_vec(),
            looks_ahead_one_in: 1,
            mutant: None,
        }
    }

    /// Whether that may go wrong.
    pub fn allows(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Whether that rule is left out.
    pub fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// The wait for an unsettled request (core: `settle_time`): inside a grace a replay is harmless, and waiting past
    /// it would spend it.
    pub fn settle_time(&self) -> u8 {
        if self.is(Mutant::SettleZero) {
            0
        } else if self.is(Mutant::SettleUncut) {
            self.settle
        } else {
            self.promised_wait()
        }
    }

    /// The same, whatever rule is left out.
    pub(crate) fn promised_wait(&self) -> u8 {
        if self.class == AsClass::P3 && self.grace > 0 {
            self.settle.min(self.grace / 2)
        } else {
            self.settle
        }
    }
}
