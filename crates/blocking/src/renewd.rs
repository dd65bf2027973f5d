//! The loop on a thread.

use std::sync::Arc;
use std::{io, thread};

use renewd_core::{Client, Policy, Profile, Setup};
use renewd_driver::system::{self, SystemClock, SystemEntropy};
use renewd_driver::{
    Clock, CredentialName, CredentialStore, Drained, Driver, DriverHandle, DriverOptions, NoSigner,
    NullObserver, Observer, Ports, Signer, TokenEndpoint,
};

use crate::{BlockingKeeper, ThreadTimer, block_on};

/// A running loop. Dropping it does not end the loop while a [`BlockingKeeper`] is left; [`Renewd::shutdown`] does.
pub struct Renewd {
    handle: DriverHandle,
    thread: thread::JoinHandle<()>,
}

/// What a loop is made of; see [`Renewd::builder`].
#[must_use = "a builder does nothing until it spawns"]
pub struct Builder {
    endpoint: Arc<dyn TokenEndpoint>,
    store: Arc<dyn CredentialStore>,
    clock: Arc<dyn Clock>,
    signer: Arc<dyn Signer>,
    observer: Arc<dyn Observer>,
    options: DriverOptions,
}

impl Renewd {
    /// A loop over this endpoint and this store.
    pub fn builder(endpoint: Arc<dyn TokenEndpoint>, store: Arc<dyn CredentialStore>) -> Builder {
        Builder {
            endpoint,
            store,
            clock: Arc::new(SystemClock),
            signer: Arc::new(NoSigner),
            observer: Arc::new(NullObserver),
            options: DriverOptions::default(),
        }
    }

    /// Begins to keep a credential, or gives the keeper that stands.
    pub fn keep(&self, name: CredentialName, setup: Setup) -> BlockingKeeper {
        self.handle.add(name, setup, SystemEntropy.seed()).into()
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

    /// Finishes what is under way, saves it, and ends the loop. Tells what could not be saved. Blocks for at most
    /// `shutdown.grace` and a little.
    pub fn shutdown(self) -> Drained {
        let drained = block_on(self.handle.shutdown());
        if self.thread.join().is_err() {
            tracing::error!("the loop panicked; this is a bug of renewd");
        }
        drained
    }
}

impl Builder {
    /// Hears what happens: journal, metrics, hooks.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Makes the proofs that some servers ask for.
    pub fn signer(mut self, signer: Arc<dyn Signer>) -> Self {
        self.signer = signer;
        self
    }

    /// Other clocks than this machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The driver's own numbers.
    pub fn options(mut self, options: DriverOptions) -> Self {
        self.options = options;
        self
    }

    /// Runs the loop on its thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(self) -> io::Result<Renewd> {
        let timer = Arc::new(ThreadTimer::new(Arc::clone(&self.clock))?);
        let ports = Ports {
            clock: self.clock,
            signer: self.signer,
            observer: self.observer,
            ..Ports::new(self.endpoint, self.store, timer)
        };
        let (driver, handle) = Driver::new(ports, self.options);
        let thread = thread::Builder::new().name("renewd".into()).spawn(move || block_on(driver.run()))?;
        Ok(Renewd { handle, thread })
    }
}
