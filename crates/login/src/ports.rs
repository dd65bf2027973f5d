//! What a login needs of the outside.

use std::net::IpAddr;
use std::sync::Arc;

use renewd_core::{Boot, Span};
use renewd_driver::{Clock, Signer, Timer, Web};

use crate::error::{LoginError, LoginErrorKind};

/// The ports of a login.
#[derive(Clone)]
pub struct Ports {
    /// HTTP.
    pub web: Arc<dyn Web>,
    /// Adds proofs to requests.
    pub signer: Arc<dyn Signer>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Waits.
    pub timer: Arc<dyn Timer>,
    /// Bytes that nobody can guess.
    pub random: Arc<dyn Random>,
    /// Which addresses lie outside: those that a document from outside may lead to.
    pub is_public: fn(IpAddr) -> bool,
}

/// Bytes that nobody can guess. Other than [`Entropy`](renewd_driver::Entropy) it may fail, and never makes do: `state`
/// and the PKCE verifier are worth what their entropy is worth (RFC 7636 §7.1).
pub trait Random: Send + Sync + 'static {
    /// Fills all of it.
    ///
    /// # Errors
    /// Why not, for people.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), String>;
}

/// The operating system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), String> {
        getrandom::fill(bytes).map_err(|error| error.to_string())
    }
}

impl Ports {
    /// With these, the system's random numbers, and [`is_public`](crate::protocol::is_public).
    pub fn new(
        web: Arc<dyn Web>,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
        timer: Arc<dyn Timer>,
    ) -> Self {
        Self {
            web,
            signer,
            clock,
            timer,
            random: Arc::new(SystemRandom),
            is_public: crate::protocol::is_public,
        }
    }

    pub(crate) fn random<const BYTES: usize>(&self) -> Result<zeroize::Zeroizing<[u8; BYTES]>, LoginError> {
        let mut bytes = zeroize::Zeroizing::new([0; BYTES]);
        self.random.fill(bytes.as_mut()).map_err(|why| {
            LoginError::new(LoginErrorKind::System, format!("the system gives no random numbers: {why}"))
        })?;
        Ok(bytes)
    }
}

/// Whoever shows a person how the login goes. Called from the login's own thread: it should not block for long.
pub trait Ui: Send + Sync {
    /// Something to show.
    fn tell(&self, event: &LoginEvent<'_>);
}

/// What happens in a login, for people and scripts. Texts that came from the server are cleaned: no control characters,
/// one line.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginEvent<'a> {
    /// The listener stands.
    Listening {
        /// The redirect address it listens for.
        redirect_uri: &'a str,
    },
    /// A person must visit this page with a browser.
    Visit {
        /// The authorization request's address: checked, `http` or `https`.
        url: &'a str,
        /// A browser was started with it.
        opened: bool,
        /// Why none was.
        why_not: Option<&'a str>,
        /// Whether the address at which the browser ends may be pasted.
        can_paste: bool,
        /// Until when the answer is waited for.
        until: Boot,
    },
    /// Somebody sent the listener, or pasted, what is no answer to this login. It goes on.
    Strange {
        /// Why it is none.
        reason: &'a str,
    },
    /// A person must enter this code at that page, on any device (RFC 8628 §3.3).
    DeviceCode {
        /// The code.
        user_code: &'a str,
        /// The page.
        verification_uri: &'a str,
        /// The page with the code in it, where the server gave one.
        verification_uri_complete: Option<&'a str>,
        /// How long the code lives.
        expires_in: Span,
    },
    /// The next time the server is asked.
    Waiting {
        /// When.
        until: Boot,
    },
    /// The server asked to be asked less often (RFC 8628 §3.5).
    SlowedDown {
        /// From now on so seldom.
        interval: Span,
    },
    /// A request failed and is made again.
    Retrying {
        /// Why.
        reason: &'a str,
    },
    /// Something worth knowing.
    Remark(&'a str),
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullUi;

impl Ui for NullUi {
    fn tell(&self, _event: &LoginEvent<'_>) {}
}
