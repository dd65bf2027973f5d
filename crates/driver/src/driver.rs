//! The driver: what it is made of.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures_channel::mpsc;
use renewd_core::Span;

use crate::handle::{DriverHandle, Registry};
use crate::keeper::Shared;
use crate::message::Message;
use crate::ports::{
    Clock, CredentialStore, Entropy, NoSigner, NullObserver, Observer, Signer, Timer, TokenEndpoint,
};
use crate::run;
use crate::system::{SystemClock, SystemEntropy};

/// What the outside provides.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "a host names every port; a new one is a breaking change")]
pub struct Ports {
    /// Sends token requests.
    pub endpoint: Arc<dyn TokenEndpoint>,
    /// Keeps records.
    pub store: Arc<dyn CredentialStore>,
    /// Reads both clocks.
    pub clock: Arc<dyn Clock>,
    /// Waits.
    pub timer: Arc<dyn Timer>,
    /// Names attempts.
    pub entropy: Arc<dyn Entropy>,
    /// Adds proofs.
    pub signer: Arc<dyn Signer>,
    /// Hears what happens.
    pub observer: Arc<dyn Observer>,
}

impl Ports {
    /// These three, with the clocks and the entropy of this machine, no signing key, and nobody who listens. Change
    /// the fields that should be others.
    pub fn new(
        endpoint: Arc<dyn TokenEndpoint>,
        store: Arc<dyn CredentialStore>,
        timer: Arc<dyn Timer>,
    ) -> Self {
        Self {
            endpoint,
            store,
            clock: Arc::new(SystemClock),
            timer,
            entropy: Arc::new(SystemEntropy),
            signer: Arc::new(NoSigner),
            observer: Arc::new(NullObserver),
        }
    }
}

/// The driver's own numbers.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverOptions {
    /// How long a caller without a valid token waits where it does not say. 10 s: what a proxied request bears.
    pub demand_timeout: Span,
    /// How often the records of credentials that wait for somebody else (a login, another process) are looked at.
    /// The others are looked at twice a minute.
    pub store_poll: Span,
    /// How many credentials may be in the middle of a refresh at a time, per process. The rest waits before its
    /// claim, where nothing is spent yet. Bounds requests, sockets and threads when a million tokens expire together.
    pub refreshes_max: usize,
    /// How many records may be read at a time. Bounds open files when a million credentials start together.
    pub loads_max: usize,
}

impl Default for DriverOptions {
    fn default() -> Self {
        Self {
            demand_timeout: Span::from_secs(10),
            store_poll: Span::from_secs(2),
            refreshes_max: 256,
            loads_max: 64,
        }
    }
}

/// The one loop that runs every machine. Made by [`Driver::new`], consumed by [`Driver::run`].
#[must_use = "a driver does nothing until it runs"]
pub struct Driver {
    pub(crate) ports: Ports,
    pub(crate) options: DriverOptions,
    pub(crate) messages: mpsc::UnboundedReceiver<Message>,
    pub(crate) registry: Arc<Registry>,
}

impl Driver {
    /// A driver over these ports, and its handle.
    pub fn new(ports: Ports, options: DriverOptions) -> (Self, DriverHandle) {
        let (sender, messages) = mpsc::unbounded();
        let registry = Arc::new(Registry::new());
        let shared = Arc::new(Shared {
            messages: sender,
            clock: Arc::clone(&ports.clock),
            options: options.clone(),
            waiter_ids: AtomicU64::new(0),
        });
        let handle = DriverHandle { shared, registry: Arc::clone(&registry) };
        (Self { ports, options, messages, registry }, handle)
    }

    /// Runs until a shutdown, or until the last handle and keeper are gone and everything is saved. Any executor will
    /// do; it should poll nothing else that blocks.
    pub fn run(self) -> impl Future<Output = ()> + Send + 'static {
        run::run(self)
    }
}
