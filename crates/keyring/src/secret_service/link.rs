//! A connection to the bus, with the session that encrypts values on it.
//!
//! It lives on a runtime of its own on the thread of the calls: nothing runs between two calls, a call can be given up in
//! the middle, and closing it leaves no thread behind.

use std::io;
use std::time::Duration;

use secret_service::{EncryptionType, SecretService};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use zbus::Connection;

use super::trouble::Trouble;

pub(super) struct Link {
    // Dropped before the runtime on which it stands.
    session: Session,
    runtime: Runtime,
}

/// What a call works with.
pub(super) struct Session {
    pub(super) service: SecretService<'static>,
    pub(super) bus: Connection,
}

impl Link {
    /// Connects to the bus at that address and agrees with the provider on a key.
    pub(super) fn connect(address: &str, deadline: Duration) -> Result<Self, Trouble> {
        let runtime = runtime()
            .map_err(|e| Trouble::Broken(format!("no event loop ({e}); look at the limit on files")))?;
        let connect = async {
            let bus = zbus::connection::Builder::address(address)?.build().await?;
            let service = SecretService::connect_with_existing(EncryptionType::Dh, bus.clone()).await?;
            Ok(Session { service, bus })
        };
        let session =
            runtime.block_on(async { timeout(deadline, connect).await }).unwrap_or(Err(Trouble::TimedOut))?;
        Ok(Self { session, runtime })
    }

    /// Does one call of ours on it.
    pub(super) fn run<T>(
        &self,
        deadline: Duration,
        what: impl AsyncFn(&Session) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let call = async { timeout(deadline, what(&self.session)).await };
        self.runtime.block_on(call).unwrap_or(Err(Trouble::TimedOut))
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
