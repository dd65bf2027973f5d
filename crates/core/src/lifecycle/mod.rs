//! The lifecycle of one credential.

mod setup;

use crate::command::Command;
use crate::input::Input;
use crate::time::{Now, Span};
use crate::view::{Serve, View, Wake};

pub use setup::Setup;

/// The machine of one credential.
pub struct Lifecycle {
    setup: Setup,
}

impl Lifecycle {
    /// A machine that knows nothing yet; its first command is [`Command::Load`]. Jitter comes from `seed` alone.
    pub fn new(setup: Setup, seed: u64) -> Self {
        let _ = seed;
        Self { setup }
    }

    /// Takes one input. Never blocks, never panics; an input that fits no state is a no-op.
    pub fn handle(&mut self, now: Now, input: Input) {
        let _ = (now, input, &self.setup);
    }

    /// The next command; call until `None`.
    pub fn poll_command(&mut self) -> Option<Command> {
        None
    }

    /// When to come back at the latest.
    pub fn poll_timeout(&self) -> Option<Wake> {
        None
    }

    /// What a caller gets now that wants a token living at least `min_validity`.
    pub fn serve(&self, now: Now, min_validity: Span) -> Serve<'_> {
        let _ = (now, min_validity);
        Serve::Wait
    }

    /// What can be seen.
    pub fn view(&self, now: Now) -> View {
        let _ = now;
        unreachable!()
    }
}
