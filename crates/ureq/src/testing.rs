//! What this crate's own tests share.

use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use renewd_core::{Boot, BootId, Now, Secret, Span, TokenRequest, Wall};
use renewd_driver::Clock;

/// A clock that moves when a test says so.
pub(crate) struct HandClock(Mutex<Boot>);

impl HandClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Boot::from_millis(1_000_000))))
    }

    pub(crate) fn advance(&self, by: Span) {
        let mut now = self.0.lock().unwrap();
        *now = *now + by;
    }
}

impl Clock for HandClock {
    fn now(&self) -> Now {
        Now { boot: *self.0.lock().unwrap(), wall: Wall::from_unix_millis(1_800_000_000_000) }
    }

    fn boot_id(&self) -> BootId {
        BootId(1)
    }
}

/// A refresh with the default time-outs.
pub(crate) fn request(url: &str) -> TokenRequest {
    TokenRequest {
        url: url.into(),
        headers: vec![("Content-Type".into(), Secret::from("application/x-www-form-urlencoded"))],
        body: Secret::from("grant_type=refresh_token&refresh_token=rt-1"),
        proofs: Vec::new(),
        timeout: Span::from_secs(30),
        connect_timeout: Span::from_secs(10),
    }
}

/// Closes with a reset.
pub(crate) fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}
