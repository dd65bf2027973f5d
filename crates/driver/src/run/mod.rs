//! The loop: every machine of a process, on one task.
//!
//! A turn takes a bounded number of messages, finished port calls and due deadlines, feeds each to its machine and
//! carries out what the machine asks for. Nothing here is done per machine unless something happened to that machine;
//! the exceptions (a stepped clock, a resume, a shutdown) go round in [`sweep`] a batch at a time.
//!
//! A store, endpoint, signer or observer that panics has failed, and the loop goes on. The clock, the timer and the
//! entropy are the ground it stands on: a panic there ends it, and every caller is told `Stopped`.
//!
//! - [`machine`]: one machine and what is under way for it. `feed`: an input in, its commands out.
//! - [`ops`]: store commands in their order. [`calls`]: port calls as futures that cannot panic.
//! - [`agenda`]: one heap of deadlines. [`clocks`]: steps, suspends, and how long a sleep may be.
//! - [`waiters`]: callers and what they get. [`watch`]: records that somebody else wrote. [`listen`]: the store's own
//!   word that one was.

mod agenda;
mod calls;
mod clocks;
mod complaints;
mod feed;
mod intake;
mod listen;
mod machine;
mod ops;
mod sweep;
mod turn;
mod waiters;
mod watch;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;

use futures_channel::{mpsc, oneshot};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use renewd_core::{Boot, BootId, Now};
use slab::Slab;

use crate::driver::{Driver, Ports};
use crate::handle::{Drained, Registry};
use crate::message::Message;
use agenda::Agenda;
use calls::Done;
use clocks::Clocks;
use listen::Listener;
use machine::Machine;
use ops::{Gate, Unblocked};
use sweep::Sweep;
use watch::Watch;

/// A machine's place in the slab.
type Slot = u32;

/// Runs a driver to its end.
pub(crate) async fn run(driver: Driver) {
    let mut event_loop = EventLoop::new(driver);
    poll_fn(|cx| event_loop.turn(cx)).await;
}

/// Everything that runs.
struct EventLoop {
    machines: Slab<Machine>,
    messages: mpsc::UnboundedReceiver<Message>,
    /// Every handle and keeper is gone.
    unheard: bool,
    world: World,
}

/// Everything but the machines, so that one machine and the world can be borrowed side by side.
struct World {
    ports: Ports,
    registry: Arc<Registry>,
    boot_id: BootId,
    now: Now,
    clocks: Clocks,
    /// When each machine wants to be ticked.
    agenda: Agenda<()>,
    /// When each waiting caller's time is over.
    patience: Agenda<u64>,
    calls: FuturesUnordered<BoxFuture<'static, Done>>,
    loads: Gate,
    refreshes: Gate,
    /// Machines whose next store command may now start.
    unblocked: VecDeque<Unblocked>,
    watch: Watch,
    listener: Listener,
    sweep: Sweep,
    births: u32,
    /// Callers that wait, over all machines.
    waiting: usize,
    sleep: Option<(Boot, BoxFuture<'static, ()>)>,
    shutdown: Option<EndOfAll>,
}

/// A shutdown under way.
#[derive(Default)]
struct EndOfAll {
    asked_by: Vec<oneshot::Sender<Drained>>,
    drained: Drained,
}

impl EventLoop {
    fn new(driver: Driver) -> Self {
        let Driver { ports, options, messages, registry } = driver;
        let now = ports.clock.now();
        let world = World {
            boot_id: ports.clock.boot_id(),
            clocks: Clocks::new(now, ports.clock.awake()),
            loads: Gate::new(options.loads_max),
            refreshes: Gate::new(options.refreshes_max),
            watch: Watch::new(now.boot, options.store_poll),
            listener: Listener::new(),
            ports,
            registry,
            now,
            agenda: Agenda::new(),
            patience: Agenda::new(),
            calls: FuturesUnordered::new(),
            unblocked: VecDeque::new(),
            sweep: Sweep::new(),
            births: 0,
            waiting: 0,
            sleep: None,
            shutdown: None,
        };
        Self { machines: Slab::new(), messages, unheard: false, world }
    }
}

impl Drop for EventLoop {
    /// Without the loop nobody would fold a stepped clock into the deadlines: nothing is served from here on.
    fn drop(&mut self) {
        for (_, machine) in &self.machines {
            machine.cell.published.store(Arc::clone(&self.world.registry.vacant));
        }
    }
}
