//! The record, with what the transaction decides on and nothing else. Times are ages in whole units, each counted no
//! further than it matters, so that the states of different hours meet.

use std::fmt::Debug;
use std::hash::Hash;

use crate::setting::Setting;

/// Names an attempt among those that still matter.
pub type Attempt = u8;

/// A refresh token: which login it came from, and its place in the order of issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    /// The login, from 0.
    pub grant: u8,
    /// The order of issue within it, from 0.
    pub index: u8,
}

/// Whether a record may be used (core: `RecordState`).
#[expect(clippy::exhaustive_enums, reason = "as in core")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordState {
    /// In use.
    Active,
    /// The server refused the grant.
    GrantRefused,
    /// The server refused the grant after an attempt of unknown outcome.
    RotationLost,
    /// Logged out.
    Tombstone,
}

/// The start of a settle wait (core: `Orphaned`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Orphaned {
    /// Whether it was in this boot.
    pub this_boot: bool,
    /// How long ago, up to the settle time.
    pub age: u8,
}

/// The durable mark that a refresh token is about to be spent (core: `Intent`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Intent {
    /// The attempt.
    pub attempt: Attempt,
    /// The generation whose refresh token it spends.
    pub generation: u8,
    /// The request can no longer take effect.
    pub settled: bool,
    /// It, or an earlier one of this generation, may have rotated the refresh token.
    pub doubt: bool,
    /// Since when somebody waits for it to settle.
    pub orphaned: Option<Orphaned>,
    /// How long ago it was written, up to the settle time. Never decided on, but by a mutant.
    pub marked: u8,
}

/// The record (core: `Record`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Counts logins.
    pub epoch: u8,
    /// Counts the successful refreshes of this login.
    pub generation: u8,
    /// Whether it may be used.
    pub state: RecordState,
    /// The refresh token.
    pub refresh_token: Option<Token>,
    /// The intent.
    pub intent: Option<Intent>,
    /// Attempts left.
    pub budget: u8,
    /// What is left of a wait in which nothing may be sent (core: `NotBefore`).
    pub not_before: u8,
}

impl Record {
    /// (epoch, generation): what only ever grows.
    pub const fn version(&self) -> (u8, u8) {
        (self.epoch, self.generation)
    }
}

/// A record as a store keeps it and as the rest of the model looks at it.
pub trait Stored: Clone + Debug + Hash + PartialEq + Send + Sync + 'static {
    /// What a login writes.
    fn login(setting: &Setting, epoch: u8, token: Token) -> Self;
    /// What a logout writes.
    #[must_use]
    fn tombstone(&self, setting: &Setting, epoch: u8) -> Self;
    /// What the transaction decides on. Ages may be missing.
    fn view(&self) -> Record;
    /// One unit of time passes.
    fn elapse(&mut self, setting: &Setting);
    /// The machine starts again.
    fn reboot(&mut self);
}

impl Stored for Record {
    fn login(setting: &Setting, epoch: u8, token: Token) -> Self {
        Self {
            epoch,
            generation: 0,
            state: RecordState::Active,
            refresh_token: Some(token),
            intent: None,
            budget: setting.budget,
            not_before: 0,
        }
    }

    fn tombstone(&self, setting: &Setting, epoch: u8) -> Self {
        Self {
            epoch,
            generation: 0,
            state: RecordState::Tombstone,
            refresh_token: None,
            intent: None,
            budget: setting.budget,
            not_before: 0,
        }
    }

    fn view(&self) -> Record {
        *self
    }

    fn elapse(&mut self, setting: &Setting) {
        self.not_before = self.not_before.saturating_sub(1);
        if let Some(intent) = &mut self.intent {
            if !intent.settled {
                intent.marked = setting.settle.min(intent.marked + 1);
            }
            if let Some(orphaned) = &mut intent.orphaned {
                orphaned.age = setting.settle.min(orphaned.age + 1);
            }
        }
    }

    fn reboot(&mut self) {
        if let Some(orphaned) = self.intent.as_mut().and_then(|intent| intent.orphaned.as_mut()) {
            // Boot clocks cannot be compared: the age means nothing from here on.
            *orphaned = Orphaned { this_boot: false, age: 0 };
        }
    }
}
