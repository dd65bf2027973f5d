//! The loop on tokio.

use std::future::Future;
use std::io;
use std::sync::Arc;

use renewd_core::{Client, Policy, Profile, Setup};
use renewd_driver::system::{self, SystemEntropy};
use renewd_driver::{
    Clock, CredentialName, CredentialStore, Drained, Driver, DriverHandle, DriverOptions, Keeper, Observer,
    Ports, Signer, TokenEndpoint,
};

use crate::TokioTimer;

/// A running loop. Dropping it does not end the loop while a [`Keeper`] is left; [`Renewd::shutdown`] does.
pub struct Renewd {
    handle: DriverHandle,
    end: End,
}

enum End {
    Task(tokio::task::JoinHandle<()>),
    Thread(std::thread::JoinHandle<()>),
}

/// What a loop is made of; see [`Renewd::builder`].
#[must_use = "a builder does nothing until it spawns"]
pub struct Builder {
    ports: Ports,
    options: DriverOptions,
}

impl Renewd {
    /// A loop over this endpoint and this store.
    pub fn builder(endpoint: Arc<dyn TokenEndpoint>, store: Arc<dyn CredentialStore>) -> Builder {
        let timer = Arc::new(TokioTimer::new(Arc::new(system::SystemClock)));
        Builder { ports: Ports::new(endpoint, store, timer), options: DriverOptions::default() }
    }

    /// Begins to keep a credential, or gives the keeper that stands.
    pub fn keep(&self, name: CredentialName, setup: Setup) -> Keeper {
        self.handle.add(name, setup, SystemEntropy.seed())
    }

    /// A setup for this process. Where nothing else is wished, [`Policy::for_profile`] gives the policy that goes with a
    /// profile ([`Profile::by_name`], [`Profile::for_server`]); what the provider wants in its requests is added by itself.
    pub fn setup(&self, policy: Policy, profile: Profile, client: Client) -> Setup {
        system::setup(policy, profile, client)
    }

    /// The driver's handle: removal, network changes, all keepers.
    pub fn handle(&self) -> &DriverHandle {
        &self.handle
    }

    /// Finishes what is under way, saves it, and ends the loop. Tells what could not be saved.
    pub fn shutdown(self) -> impl Future<Output = Drained> + Send {
        // Begun here and now; what follows only waits.
        let drained = self.handle.shutdown();
        async move {
            let drained = drained.await;
            let ended = match self.end {
                End::Task(task) => task.await.is_ok(),
                // The thread's last act was to answer: it ends at once.
                End::Thread(thread) => thread.join().is_ok(),
            };
            if !ended {
                tracing::error!("the loop panicked; this is a bug of renewd");
            }
            drained
        }
    }
}

impl Builder {
    /// Hears what happens: journal, metrics, hooks.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.ports.observer = observer;
        self
    }

    /// Makes the proofs that some servers ask for.
    pub fn signer(mut self, signer: Arc<dyn Signer>) -> Self {
        self.ports.signer = signer;
        self
    }

    /// Other clocks than this machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.ports.timer = Arc::new(TokioTimer::new(Arc::clone(&clock)));
        self.ports.clock = clock;
        self
    }

    /// The driver's own numbers.
    pub fn options(mut self, options: DriverOptions) -> Self {
        self.options = options;
        self
    }

    /// Runs the loop as a task of the current runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime, as [`tokio::spawn`] does.
    pub fn spawn(self) -> Renewd {
        let (driver, handle) = Driver::new(self.ports, self.options);
        Renewd { handle, end: End::Task(tokio::spawn(driver.run())) }
    }

    /// Runs the loop on a thread of its own, so that tasks that block cannot hold it up.
    ///
    /// # Errors
    /// When the system gives no thread or no timer.
    pub fn spawn_thread(self) -> io::Result<Renewd> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let (driver, handle) = Driver::new(self.ports, self.options);
        let thread = std::thread::Builder::new()
            .name("renewd".into())
            .spawn(move || runtime.block_on(driver.run()))?;
        Ok(Renewd { handle, end: End::Thread(thread) })
    }
}
