//! The port for what logging in fetches and asks: the same sockets, TLS rules, proxies and threads as the token
//! endpoint's, and no other client in the program.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use futures_channel::oneshot;
use renewd_driver::{Clock, Web, WebAnswer, WebRequest};

use crate::attempt::Attempt;
use crate::call::{Call, unanswered};
use crate::names::{Lookup, SystemLookup};
use crate::options::UreqOptions;
use crate::roots::Trust;
use crate::settings::Settings;
use crate::workers::Workers;

/// Exchanges single requests over ureq.
///
/// Threads are shared through [`Workers`], with token endpoints too.
pub struct UreqWeb {
    settings: Arc<Settings>,
    workers: Workers,
    clock: Arc<dyn Clock>,
}

impl UreqWeb {
    /// With these options. Nothing is read or opened yet. `clock` must count suspend: time-outs are measured on it.
    pub fn new(options: UreqOptions, workers: Workers, clock: Arc<dyn Clock>) -> Self {
        Self::with_lookup(options, workers, clock, Arc::new(SystemLookup))
    }

    pub(crate) fn with_lookup(
        options: UreqOptions,
        workers: Workers,
        clock: Arc<dyn Clock>,
        lookup: Arc<dyn Lookup>,
    ) -> Self {
        Self { settings: Arc::new(Settings { options, trust: Trust::default(), lookup }), workers, clock }
    }
}

#[async_trait]
impl Web for UreqWeb {
    async fn exchange(&self, request: WebRequest) -> WebAnswer {
        let (sender, answer) = oneshot::channel();
        let (timeout, connect_timeout) = (request.timeout, request.connect_timeout);
        let attempt = Attempt::within(Arc::clone(&self.clock), timeout, connect_timeout, request.reach);
        let call = Arc::new(Call::new(attempt, request, sender, Arc::clone(&self.settings)));
        let _ends_with_the_future = Ending { call: Arc::clone(&call), workers: &self.workers };
        if let Err(why) = self.workers.submit(call.clone()) {
            call.refuse(&why);
        }
        drop(call);
        let nothing = |_| WebAnswer { answer: unanswered(), peer: None, out_of_reach: false };
        answer.await.unwrap_or_else(nothing)
    }
}

/// Ends the request when its future is dropped: nobody will read the answer.
struct Ending<'a> {
    call: Arc<Call<WebRequest>>,
    workers: &'a Workers,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if self.call.abort() {
            self.workers.sweep();
        }
    }
}
