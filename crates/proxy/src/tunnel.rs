//! A connection that has become a WebSocket (RFC 6455): bytes both ways, which nobody here reads.
//!
//! The handshake is a request like any other, with its token and its replay after a 401. Once the upstream has answered
//! 101, the two connections are one. Each side may end its own direction and go on listening; when both have, or when
//! neither says anything for an hour, it is over.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::time::{Instant, sleep_until};

use crate::ear::{Ear, Overheard};
use crate::listener::Stream;
use crate::upstream::{Moment, Tenancy};

/// A tunnel in which neither side said anything for so long is closed: a living one has a ping now and then, and a dead
/// one would hold its place for good.
const SILENCE_MAX: Duration = Duration::from_secs(60 * 60);
/// Bytes on their way, for each direction.
const BUFFER_BYTES: usize = 16 * 1024;

/// Where an exchange leaves the upstream's half for the connection that is to become a tunnel.
#[derive(Clone, Default)]
pub(crate) struct Switch(Arc<Mutex<Option<Tunnel>>>);

/// The upstream's half.
pub(crate) struct Tunnel {
    upgrade: OnUpgrade,
    /// Held so that the connection lives.
    _tenancy: Tenancy,
}

impl Switch {
    /// Leaves it here. Nothing but 101 has gone to the client then.
    pub(crate) fn set(&self, response: &mut Response<Incoming>, tenancy: Tenancy) {
        let tunnel = Tunnel { upgrade: hyper::upgrade::on(response), _tenancy: tenancy };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
    }

    pub(crate) fn take(&self) -> Option<Tunnel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Tunnel {
    /// Carries bytes until both sides have ended. `early` is what the client sent behind its handshake.
    pub(crate) async fn carry(self, client: Box<dyn Stream>, early: Bytes) -> io::Result<()> {
        let upstream = self.upgrade.await.map_err(io::Error::other)?;
        let ears = [Ear::new(), Ear::new()];
        let mut client = Overheard::new(client, ears[0].clone());
        let mut upstream = Overheard::new(TokioIo::new(upstream), ears[1].clone());
        upstream.write_all(&early).await?;
        let carried = copy_bidirectional_with_sizes(&mut client, &mut upstream, BUFFER_BYTES, BUFFER_BYTES);
        tokio::select! {
            carried = carried => carried.map(|_| ()),
            () = silence(&ears) => Ok(()),
        }
    }
}

/// Ends when no ear has heard anything for `SILENCE_MAX`.
async fn silence(ears: &[Ear]) {
    let mut look_again = Instant::now() + SILENCE_MAX;
    loop {
        sleep_until(look_again).await;
        let now = Moment::now();
        if ears.iter().all(|ear| ear.last().is_older_than(SILENCE_MAX, now)) {
            return;
        }
        look_again = Instant::now() + SILENCE_MAX / 4;
    }
}
