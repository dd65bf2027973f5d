//! The one answer that is waited for, whichever way it comes: through the listener, or pasted.

use std::net::TcpStream;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures_channel::{mpsc, oneshot};
use futures_util::{FutureExt, StreamExt};
use renewd_core::{Boot, Secret};

use crate::code::Redirect;
use crate::discover::Server;
use crate::error::{LoginError, LoginErrorKind};
use crate::listener::{Answering, Page};
use crate::ports::{LoginEvent, Ports, Ui};
use crate::protocol::{Callback, CallbackExpected, Handshake, Issuer, Refusal, read_callback, read_pasted};

/// Strange requests that are told of; whoever sends more is only refused.
const STRANGE_TOLD_MAX: usize = 16;

/// What the answer to this login looks like.
pub(super) struct Expected {
    path: String,
    state: Secret,
    issuer: Option<Issuer>,
    iss_promised: bool,
}

impl Expected {
    pub(super) fn new(server: &Server, handshake: &Handshake, redirect: &Redirect) -> Self {
        Self {
            path: redirect.loopback().map_or_else(String::new, |at| at.path().to_owned()),
            state: handshake.state().clone(),
            issuer: server.issuer.as_ref().map(|issuer| issuer.value.clone()),
            iss_promised: server.metadata().is_some_and(|metadata| metadata.iss_parameter),
        }
    }

    fn as_read(&self) -> CallbackExpected<'_> {
        CallbackExpected {
            path: &self.path,
            state: &self.state,
            issuer: self.issuer.as_ref(),
            iss_promised: self.iss_promised,
        }
    }
}

type Outcome = Result<Callback, Refusal>;

/// Whoever may bring the answer asks here. The first that belongs to this login is the only one.
pub(super) struct Door {
    expected: Expected,
    is_strangers: Option<fn(&TcpStream) -> bool>,
    redirect_uri: Mutex<String>,
    answer: Mutex<Option<oneshot::Sender<Outcome>>>,
    strange: Mutex<mpsc::Sender<String>>,
}

/// The other side of the door.
pub(super) struct Awaited {
    answer: oneshot::Receiver<Outcome>,
    strange: mpsc::Receiver<String>,
}

impl Awaited {
    pub(super) fn new(expected: Expected, is_strangers: Option<fn(&TcpStream) -> bool>) -> (Self, Arc<Door>) {
        let (give, answer) = oneshot::channel();
        let (tell, strange) = mpsc::channel(STRANGE_TOLD_MAX);
        let door = Door {
            expected,
            is_strangers,
            redirect_uri: Mutex::default(),
            answer: Mutex::new(Some(give)),
            strange: Mutex::new(tell),
        };
        (Self { answer, strange }, Arc::new(door))
    }

    /// Waits for it, and tells of what was none.
    pub(super) async fn wait(self, ports: &Ports, until: Boot, ui: &dyn Ui) -> Result<Callback, LoginError> {
        let Self { mut answer, mut strange } = self;
        let mut late = pin!(ports.timer.sleep_until(until));
        let mut told = 0;
        let outcome = std::future::poll_fn(|cx| {
            while let Poll::Ready(Some(reason)) = strange.poll_next_unpin(cx) {
                told += 1;
                if told <= STRANGE_TOLD_MAX {
                    ui.tell(&LoginEvent::Strange { reason: &reason });
                }
            }
            if let Poll::Ready(outcome) = answer.poll_unpin(cx) {
                return Poll::Ready(Some(outcome));
            }
            late.as_mut().poll(cx).map(|()| None)
        })
        .await;
        match outcome {
            Some(Ok(Ok(callback))) => Ok(callback),
            Some(Ok(Err(refusal))) => Err(LoginError::refused("the answer to the login", &refusal)),
            Some(Err(_)) => Err(LoginError::new(
                LoginErrorKind::TimedOut,
                "the input ended before the address at which the browser ended was pasted",
            )),
            None => Err(LoginError::new(
                LoginErrorKind::TimedOut,
                "nobody came back from the browser in time; run the login again, or use --device",
            )),
        }
    }
}

impl Door {
    /// The redirect address is known once the listener stands.
    pub(super) fn redirect_to(&self, uri: &str) {
        uri.clone_into(&mut lock(&self.redirect_uri));
    }

    /// What a person pasted; whether that was the answer.
    pub(super) fn pasted(&self, text: &str) -> bool {
        let uri = lock(&self.redirect_uri).clone();
        match read_pasted(text, &uri, &self.expected.as_read()) {
            Ok(Callback::Elsewhere) => false,
            // A slip of the clipboard ends nothing.
            Err(refusal) if refusal.at == "pasted address" => {
                self.tell(&refusal);
                false
            }
            Ok(Callback::Stranger(refusal)) => {
                self.tell(&refusal);
                false
            }
            outcome => self.give(outcome),
        }
    }

    /// Takes the answer; false when another was first.
    fn give(&self, outcome: Outcome) -> bool {
        match lock(&self.answer).take() {
            Some(sender) => sender.send(outcome).is_ok(),
            None => false,
        }
    }

    fn tell(&self, what: &dyn std::fmt::Display) {
        // Full: enough was told.
        let _told_enough = lock(&self.strange).try_send(what.to_string());
    }
}

impl Answering for Door {
    /// The whole request, `state` with it, stands in the command line of the browser that was opened, where every user of
    /// the machine can read it: who knows it could bring a code of his own, bound to our challenge.
    fn admits(&self, stream: &TcpStream) -> bool {
        let strange = self.is_strangers.is_some_and(|is_strangers| is_strangers(stream));
        if strange {
            self.tell(&"another user of this machine came to the listener, and was sent away");
        }
        !strange
    }

    fn page(&self, target: &str) -> Page {
        match read_callback(target, &self.expected.as_read()) {
            Ok(Callback::Elsewhere) => Page::not_here(),
            // Somebody else's request, or another login's: neither may end this one.
            Ok(Callback::Stranger(refusal)) => {
                self.tell(&refusal);
                Page::strange(&refusal.to_string())
            }
            outcome => {
                let page = match &outcome {
                    Ok(Callback::Denied(denial)) => Page::denied(&denial.to_string()),
                    Err(refusal) => Page::refused(&refusal.to_string()),
                    Ok(_) => Page::arrived(),
                };
                if self.give(outcome) { page } else { Page::over() }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each holder makes one change: a panic cannot leave it half made.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
