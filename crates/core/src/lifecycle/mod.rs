//! The lifecycle of one credential: a facade over a private machine.
//!
//! - `state`, `resting`, `refreshing`, `superstate`: who handles what, as exhaustive matches: a new state or input does
//!   not compile until it is decided everywhere.
//! - `machine`: the data that all states share, and the outputs derived from it.
//! - `claim`, `mark`: the right to spend, and the intent, then the request. `outcome`: what an answer changes.
//!   `overdue`: an answer that does not come. `in_flight`: a request that may still land. `retry`: after a failure. `commit`: making it durable.
//! - `adopt`, `rebase`: another's record, another boot's times. `store`: loads and failures of the store.
//! - `other`: tokens for other scopes, resources and audiences than the identity's own.
//! - `caller`: demands, 401s, configuration. `stop`: shutting down. `revoke`: tokens that are over.
//! - `schedule`: when. `serve`: what can be seen. `publish`: what is told.

mod adopt;
mod anew;
mod caller;
mod claim;
mod commit;
mod in_flight;
mod machine;
mod mark;
mod other;
mod outcome;
mod overdue;
mod publish;
mod rebase;
mod refreshing;
mod resting;
mod retry;
mod revoke;
mod schedule;
mod serve;
mod setup;
mod state;
mod stop;
mod store;
mod superstate;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::hash::{Hash, Hasher};

use statig::blocking::{IntoStateMachineExt, StateMachine};

use crate::command::Command;
use crate::input::Input;
use crate::record::AccessKey;
use crate::time::{Now, Span};
use crate::view::{Serve, View, Wake};

use machine::{Cx, Machine};
pub use setup::Setup;

/// The machine of one credential. See the crate's page for the run loop.
///
/// A clone goes on from the same point on its own. It is meant for models that explore what could happen next; two
/// clones in one program would both believe that they hold the claim.
#[derive(Clone)]
pub struct Lifecycle {
    machine: Box<StateMachine<Machine>>,
    commands: VecDeque<Command>,
}

impl Lifecycle {
    /// A machine that knows nothing yet; its first command is [`Command::Load`]. Jitter comes from `seed` alone.
    pub fn new(setup: Setup, seed: u64) -> Self {
        let mut commands = VecDeque::new();
        commands.push_back(Command::Load);
        Self { machine: Box::new(Machine::new(setup, seed).state_machine()), commands }
    }

    /// Takes one input. Never blocks, never panics; an input that fits no state is a no-op. A boot clock that runs
    /// backwards is held at the greatest value seen.
    pub fn handle(&mut self, now: Now, input: Input) {
        let boot = now.boot.max(self.machine.inner().now().boot);
        let mut cx = Cx { now: Now { boot, wall: now.wall }, commands: &mut self.commands };
        self.machine.handle_with_context(&machine::Event::Input(input), &mut cx);
        // Outputs are derived from the state that the input led to, hence a second, internal event.
        let phase = self.machine.state().phase();
        self.machine.handle_with_context(&machine::Event::Settled(phase), &mut cx);
    }

    /// The next command; call until `None`.
    pub fn poll_command(&mut self) -> Option<Command> {
        let command = self.commands.pop_front();
        if self.commands.is_empty() && self.commands.capacity() > 8 {
            // A million idle machines should not each keep the room of their busiest moment.
            self.commands.shrink_to_fit();
        }
        command
    }

    /// When to come back at the latest, by the boot clock of the last input. A step of the wall clock is not foreseen
    /// here: tick when one is noticed.
    pub fn poll_timeout(&self) -> Option<Wake> {
        self.machine.inner().wake(self.machine.state().phase())
    }

    /// What a caller gets now that wants a token living at least `min_validity`. Changes nothing: hand in
    /// [`Input::Demand`] first.
    pub fn serve(&self, now: Now, min_validity: Span) -> Serve<'_> {
        self.machine.inner().serve(self.machine.state().phase(), now, min_validity)
    }

    /// The same for another scope, resource or audience than the login's own. Changes nothing: hand in
    /// [`Input::DemandFor`] first.
    pub fn serve_for(&self, key: &AccessKey, now: Now, min_validity: Span) -> Serve<'_> {
        self.machine.inner().serve_for(self.machine.state().phase(), key, now, min_validity)
    }

    /// What is at hand for another key, however short it lives, while something longer is waited for.
    pub fn held_for(&self, key: &AccessKey, now: Now) -> Option<Serve<'_>> {
        self.machine.inner().held_for(self.machine.state().phase(), key, now)
    }

    /// What can be seen.
    pub fn view(&self, now: Now) -> View {
        self.machine.inner().view(self.machine.state().phase(), now)
    }

    /// Bytes of one machine on the heap at rest, without its record.
    #[doc(hidden)]
    pub const fn machine_bytes() -> usize {
        size_of::<StateMachine<Machine>>()
    }

    /// Feeds everything that influences what this machine will do into `hasher`: its state, its data with secrets and
    /// jitter, its set-up, and the commands that nobody has fetched yet. Two machines of equal fingerprint behave
    /// alike from here on, but for collisions. Times are absolute, as they were handed in, the time of the last input
    /// among them: a model that wants states at different hours to meet must keep its own clock coarse.
    #[doc(hidden)]
    pub fn fingerprint<H: Hasher>(&self, hasher: &mut H) {
        self.machine.state().hash(hasher);
        self.machine.inner().hash(hasher);
        self.commands.hash(hasher);
    }

    /// The record as it is known here, new tokens that are not yet saved included.
    pub fn record(&self) -> Option<&crate::record::Record> {
        self.machine.inner().record()
    }
}
