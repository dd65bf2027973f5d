//! The port, and the table by which it finds the attempt that is to be aborted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use futures_channel::oneshot;
use renewd_core::{Answer, AttemptId, TokenRequest};
use renewd_driver::{Clock, TokenEndpoint};

use crate::attempt::Attempt;
use crate::call::{Call, unanswered};
use crate::names::{Lookup, SystemLookup};
use crate::options::{ConfigurationError, UreqOptions};
use crate::proxy::proxy;
use crate::roots::Trust;
use crate::settings::Settings;
use crate::target;
use crate::workers::Workers;

/// Attempts that have not ended, and entries of some that have. Few, since threads and queue are bounded: a list will do.
#[derive(Default)]
struct Register(Mutex<Vec<(AttemptId, Weak<Call<TokenRequest>>)>>);

impl Register {
    fn attempts(&self) -> MutexGuard<'_, Vec<(AttemptId, Weak<Call<TokenRequest>>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, id: AttemptId, call: &Arc<Call<TokenRequest>>) {
        let mut attempts = self.attempts();
        attempts.retain(|(_, call)| call.strong_count() > 0);
        attempts.push((id, Arc::downgrade(call)));
    }

    fn find(&self, id: AttemptId) -> Vec<Arc<Call<TokenRequest>>> {
        let attempts = self.attempts();
        attempts.iter().filter(|(entry, _)| *entry == id).filter_map(|(_, call)| call.upgrade()).collect()
    }
}

/// Sends token requests over ureq.
///
/// Cheap to make: threads start with the first request and are shared through [`Workers`]. Make one for each distinct
/// set of [`UreqOptions`].
pub struct UreqEndpoint {
    settings: Arc<Settings>,
    workers: Workers,
    clock: Arc<dyn Clock>,
    register: Register,
}

impl UreqEndpoint {
    /// An endpoint with these options. Nothing is read or opened yet; [`check`](Self::check) tells whether the options
    /// can work. `clock` must count suspend, as the port says: the time-outs are measured on it.
    pub fn new(options: UreqOptions, workers: Workers, clock: Arc<dyn Clock>) -> Self {
        Self::with_lookup(options, workers, clock, Arc::new(SystemLookup))
    }

    pub(crate) fn with_lookup(
        options: UreqOptions,
        workers: Workers,
        clock: Arc<dyn Clock>,
        lookup: Arc<dyn Lookup>,
    ) -> Self {
        let settings = Settings { options, trust: Trust::default(), lookup };
        Self { settings: Arc::new(settings), workers, clock, register: Register::default() }
    }

    /// Whether the CA file, the roots and the proxy can be used now. For `doctor`, and for a configuration check at
    /// start; sending says the same as a failure of kind `configuration`.
    ///
    /// # Errors
    /// What cannot be used, and what to do.
    pub fn check(&self) -> Result<(), ConfigurationError> {
        proxy(&self.settings.options.proxy)?;
        self.settings.trust.config(&self.settings.options)?;
        crate::http::config(&self.settings, None)?;
        Ok(())
    }

    /// Whether a secret may be sent to this URL: `https`, or plain `http` to this machine.
    ///
    /// # Errors
    /// Why not, and what to write instead. Holds neither path nor query.
    pub fn check_url(&self, url: &str) -> Result<(), ConfigurationError> {
        target::read(url, self.settings.options.allow_insecure_http).map(|_| ())
    }
}

#[async_trait]
impl TokenEndpoint for UreqEndpoint {
    async fn send(&self, attempt: AttemptId, request: TokenRequest) -> Answer {
        let (sender, answer) = oneshot::channel();
        let state = Attempt::new(Arc::clone(&self.clock), &request);
        let call = Arc::new(Call::new(state, request, sender, Arc::clone(&self.settings)));
        self.register.enter(attempt, &call);
        if let Err(why) = self.workers.submit(call.clone()) {
            call.refuse(&why);
        }
        drop(call);
        answer.await.unwrap_or_else(|_| unanswered())
    }

    fn abort(&self, attempt: AttemptId) {
        for call in self.register.find(attempt) {
            if call.abort() {
                self.workers.sweep();
            }
        }
    }
}
